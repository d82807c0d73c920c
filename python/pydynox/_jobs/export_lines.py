"""Exports and imports of whole tables as JSON lines, in the format of DynamoDB's own exports; interrupted ones can resume."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox.cost import reporting
from pydynox.default_client import client_for
from pydynox.exceptions import BatchIncompleteError, ConfigurationError, ValidationError

from .resuming import Target, find_target, job_of, remember, resumed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import BinaryIO

    from pydynox.client import DynamoDBClient
    from pydynox.cost import Progress
    from pydynox.model import Model

    TableLike = str | type[Model[Any, *tuple[Any, ...]]]

FLUSH = 400  # items of an import to collect before sending: sixteen requests, eight at a time
LONGEST_LINE = 8 << 20  # bytes; an item has at most 400 KB, but escapes and base64 make it longer as text


async def export_jsonl(
    table: TableLike,
    path: str | os.PathLike[str],
    /,
    *,
    client: DynamoDBClient | None = None,
    consistent_read: bool = False,
    page_size: int | None = None,
    target_rcu: float | None = None,
    resume: bool = False,
    progress: Callable[[Progress], object] | None = None,
    timeout: float | None = NOT_GIVEN,
) -> int:
    """Write every item of a table to a file, one per line: ``{"Item":{"user_id":{"S":"u1"}}}``. Sends Scan.

    Lines are in canonical form: equal items produce equal bytes. Only one page is held in memory. The file gets its name when it
    is complete: until then it is called ``path.part``, and ``path.resume`` records the progress after each page.

    Args:
        table: The table's name, without the client's ``table_prefix``, or its model.
        path: The file, compressed if the name ends in ``.gz``. It must not exist.
        client: The client; defaults to the model's, or the one in effect.
        consistent_read: Use strongly consistent reads.
        page_size: Maximum number of items per request; by default up to 1 MB.
        target_rcu: Maximum read units per second. By default, an export runs as fast as the table allows: the rate rises until
            requests are throttled, then falls. A page is up to 1 MB, or 128 units; use ``page_size`` for smaller pages.
        resume: Continue an interrupted export, or start one if there is none.
        progress: Called after each page with a ``Progress``: the number of items written, and more.
        timeout: Seconds that each request may take, like ``client.options(timeout=...)``; None for no limit.

    Returns:
        The number of items in the file.

    Raises:
        FileExistsError: The file exists, or an export to it was interrupted and ``resume`` is not set.
        ConfigurationError: The job to resume is a different one, its file was changed, or ``target_rcu`` is not a rate.
        TableNotFoundError: The table does not exist.

    Example:
        >>> await export_jsonl(User, "users.jsonl.gz")
        1042

    Costs: half a read unit per 4 KB of the table; one unit per 4 KB if strongly consistent.
    """
    if timeout is not NOT_GIVEN:
        client = client or client_for(None if isinstance(table, str) else table.model_config.client)
        return await limited(
            client,
            timeout,
            export_jsonl(
                table,
                path,
                client=client,
                consistent_read=consistent_read,
                page_size=page_size,
                target_rcu=target_rcu,
                resume=resume,
                progress=progress,
            ),
        )
    path = os.fspath(path)
    part, note = path + ".part", path + ".resume"
    if page_size is not None and page_size < 1:
        raise ValidationError(f"page_size must be at least 1, not {page_size}")
    if os.path.exists(path):
        raise FileExistsError(f"{path} already exists; an export does not overwrite files")
    pace = _core.Pace(target_rcu, None)
    target = await find_target(table, client)
    if target.is_explained:
        await target.client.core.scan_lines(target.name, None, consistent_read, page_size, pace)
    job = job_of("export", target)
    state = resumed(note, job, resume=resume)
    if state is None and os.path.exists(part):
        raise FileExistsError(f"{part} exists without a record of its export; move it away")
    size, items, after = (0, 0, None) if state is None else (state["size"], state["items"], state["after"])
    with reporting(target.client.core, progress, done=items) as report, open(part, "ab") as file:
        if file.seek(0, os.SEEK_END) < size:
            raise ConfigurationError(f"{part} is shorter than {note} records: it was changed; move both away to start over")
        # Whatever follows the noted size is a page that was interrupted, and is read again.
        file.truncate(size)
        trail = _core.Trail("Scan", after)
        # A record without a position means that everything was read and only the renaming is left.
        while state is None or after is not None:
            operation = target.client.core.scan_lines(target.name, after, consistent_read, page_size, pace)
            lines, count, after = await operation
            if after is not None:
                trail.note(after)
            file.write(_compressed(lines) if path.endswith(".gz") else lines)
            file.flush()
            items += count
            # After the page itself: a record that is ahead of the file would leave items out.
            state = {**job, "size": file.tell(), "items": items, "after": after}
            remember(note, state)
            if report is not None:
                report(items)
        # On disk before it gets the name that promises a complete export.
        os.fsync(file.fileno())
    os.replace(part, path)
    os.remove(note)
    return items


async def import_jsonl(
    table: TableLike,
    path: str | os.PathLike[str],
    /,
    *,
    client: DynamoDBClient | None = None,
    target_wcu: float | None = None,
    resume: bool = False,
    progress: Callable[[Progress], object] | None = None,
    timeout: float | None = NOT_GIVEN,
) -> int:
    """Write the items of a file created by ``export_jsonl`` or DynamoDB's export into a table. Sends BatchWriteItem.

    Each item replaces any item with its key; if an item appears twice, the last line wins. The whole file is checked before
    anything is sent. A few hundred items are held in memory; ``path.resume`` records the progress, and is removed at the end.

    Args:
        table: The table's name, without the client's ``table_prefix``, or its model; it must exist.
        path: The file, decompressed if the name ends in ``.gz``.
        client: The client; defaults to the model's, or the one in effect.
        target_wcu: Maximum write units per second. By default, an import runs as fast as the table allows: the rate rises until
            requests are throttled, then falls.
        resume: Continue an interrupted import, or start one if there is none.
        progress: Called after every few hundred items with a ``Progress``: the number of lines imported, and more.
        timeout: Seconds that each request may take, like ``client.options(timeout=...)``; None for no limit.

    Returns:
        The number of lines imported, including those of an interrupted import.

    Raises:
        ValidationError: A line is not an item, or lacks the table's key, or a ``.gz`` file is damaged; nothing was written.
        FileExistsError: An import of this file was interrupted, and ``resume`` is not set.
        ConfigurationError: The job to resume is a different one, or the file was changed since.
        BatchIncompleteError: DynamoDB rejected an item; the progress is recorded.
        TableNotFoundError: The table does not exist.

    Example:
        >>> await import_jsonl(User, "users.jsonl.gz")
        1042

    Costs: one write unit per KB of each item, or of the one that it replaces, whichever is larger.
    """
    if timeout is not NOT_GIVEN:
        client = client or client_for(None if isinstance(table, str) else table.model_config.client)
        return await limited(
            client, timeout, import_jsonl(table, path, client=client, target_wcu=target_wcu, resume=resume, progress=progress)
        )
    path = os.fspath(path)
    note = path + ".resume"
    target = await find_target(table, client)
    source = os.stat(path)
    job = {**job_of("import", target), "size": source.st_size, "changed": source.st_mtime_ns}
    state = None if target.is_explained else resumed(note, job, resume=resume)
    done: int = 0 if state is None else state["lines"]
    pace = _core.Pace(None, target_wcu)
    count = 0
    for number, line in _lines(path):
        _check(target, path, number, line)
        count = number
    pending = _core.Pending(target.client.core)
    number = done
    with reporting(target.client.core, progress, total=count, done=done) as report:
        for number, line in _lines(path):  # a second pass: the first has found any damage before anything is sent
            if number <= done:
                continue
            pending.put_line(target.name, target.keys, line)
            if len(pending) >= FLUSH:
                await _flush(pending, done, pace)
                # Sent before it is recorded: after a crash some lines are put again, and none is left out.
                done = number
                remember(note, {**job, "lines": done})
                if report is not None:
                    report(done)
        if len(pending):
            await _flush(pending, done, pace)
            if report is not None:
                report(number)
    if not target.is_explained and os.path.exists(note):
        os.remove(note)
    return max(number, done)


async def _flush(pending: _core.Pending, done: int, pace: _core.Pace) -> None:
    held = len(pending)
    left, cause = await pending.send(pace)
    if left:
        why = "DynamoDB accepted no more until the timeout" if cause is None else str(cause)
        raise BatchIncompleteError(
            f"{len(left)} of the {held} items after line {done} could not be written: {why}; resume=True continues from there",
            written_count=done + held - len(left),
            retryable=cause is None or cause.retryable,
        ) from cause


def _check(target: Target, path: str, number: int, line: bytes) -> None:
    try:
        _core.check_line(target.keys, line)
    except ValidationError as error:
        message = f"{path}, line {number}: {_other_form(path, line) or error}"
        raise ValidationError(message, errors=[("", message)]) from None


_ELSEWHERE = (b'"PutRequest"', b'"DeleteRequest"', b'"RequestItems"', b'"ScannedCount"')


def _other_form(path: str, line: bytes) -> str | None:
    """Explain a file in another tool's format, and how to load it; None if the format is unknown."""
    if line.startswith(b"[") or line == b"{" or any(word in line for word in _ELSEWHERE):
        text = _beginning(path)
        if b'"PutRequest"' in text or b'"DeleteRequest"' in text:
            return (
                "this is a file of 'aws dynamodb batch-write-item --request-items', not one item per line; load it with that "
                "command, or convert it: "
                """jq -c '(.RequestItems // .)[][] | .PutRequest | select(.) | {Item}' FILE > items.jsonl"""
            )
        if b'"Items"' in text and b'"ScannedCount"' in text:
            return (
                "this is the output of 'aws dynamodb scan' or 'query', not one item per line; convert it: "
                "jq -c '.Items[] | {Item: .}' FILE > items.jsonl"
            )
        if line.startswith(b"[") or line == b"{":
            return 'this is one JSON document over several lines, but an import needs one item per line: {"Item":{...}}'
    return None


def _beginning(path: str) -> bytes:
    with _opened(path) as file:
        return file.read(LONGEST_LINE)


def _lines(path: str) -> Generator[tuple[int, bytes]]:
    """The lines of a file with their numbers, starting at 1; empty lines are skipped."""
    with _opened(path) as file:
        number = 0
        while line := _next_line(file, path, number + 1):
            number += 1
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                message = f"{path}, line {number}: the line is longer than any item can be"
                raise ValidationError(message, errors=[("", message)])
            if line := line.strip():
                yield number, line


def _next_line(file: BinaryIO, path: str, number: int) -> bytes:
    if not path.endswith(".gz"):
        return file.readline(LONGEST_LINE)
    import zlib
    from gzip import BadGzipFile

    try:
        return file.readline(LONGEST_LINE)
    except (BadGzipFile, EOFError, zlib.error) as error:
        message = f"{path}, line {number}: the file is not gzip, or it is damaged or truncated ({error}); nothing was written"
        raise ValidationError(message, errors=[("", message)]) from error


def _opened(path: str) -> BinaryIO:
    if path.endswith(".gz"):
        import gzip

        opened: Any = gzip.open(path, "rb")  # noqa: SIM115  # the caller's block closes it
        return opened  # type: ignore[no-any-return]
    return open(path, "rb")


def _compressed(lines: bytes) -> bytes:
    """One gzip member per page; concatenated members form one valid gzip file (RFC 1952), so an export can resume."""
    import gzip

    return gzip.compress(lines, 6, mtime=0)
