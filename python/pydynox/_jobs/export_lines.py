"""Exports and imports of whole tables as lines of JSON, in the form of DynamoDB's own exports; interrupted ones go on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pydynox import _core
from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox.default_client import client_for
from pydynox.exceptions import BatchIncompleteError, ConfigurationError, ValidationError

from .resuming import Target, find_target, job_of, remember, resumed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import BinaryIO

    from pydynox.client import DynamoDBClient
    from pydynox.model import Model

    TableLike = str | type[Model[Any, *tuple[Any, ...]]]

FLUSH = 400  # as many items of an import wait until they are sent: sixteen requests, eight at a time
LONGEST_LINE = 8 << 20  # an item has 400 KB; escapes and base64 make more of it


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
    progress: Callable[[int], object] | None = None,
    timeout: float | None = NOT_GIVEN,
) -> int:
    """Write every item of a table to a file, a line each: ``{"Item":{"user_id":{"S":"u1"}}}``. Sends Scan.

    Lines are in canonical form: equal items are equal bytes. Memory holds one page. The file has its name only when it is whole:
    until then it is called ``path.part``, and ``path.resume`` remembers where it was, page by page.

    Args:
        table: The table's name, without the client's ``table_prefix``, or its model.
        path: The file; it is compressed where the name ends in ``.gz``. It must not be there.
        client: The client; else the one of the model, or the one in force.
        consistent_read: Whether each item is seen as the last write before its page left it.
        page_size: How many items a request reads at most; else 1 MB.
        target_rcu: The most read units per second. Without it an export is as fast as the table gives: the rate grows while
            nothing is refused, and falls back when something is. A page is up to 1 MB, 128 units; ``page_size`` makes it less.
        resume: Go on with an export that was interrupted; begin where there is none.
        progress: Called after every page with how many items are written.
        timeout: Seconds that each of its requests may take, as ``client.options(timeout=...)`` says it; None for no limit.

    Returns:
        How many items the file has.

    Raises:
        FileExistsError: The file is there, or one that another export was interrupted in and ``resume`` is not said.
        ConfigurationError: What is to be resumed is another job, its file was changed, or ``target_rcu`` is no rate.
        TableNotFoundError: There is no such table.

    Example:
        >>> await export_jsonl(User, "users.jsonl.gz")
        1042

    Costs: half a read unit per 4 KB of the table, twice that when consistent.
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
        raise ValidationError(f"page_size is at least 1, not {page_size}")
    if os.path.exists(path):
        raise FileExistsError(f"{path} is there already; an export overwrites nothing")
    pace = _core.Pace(target_rcu, None)
    target = await find_target(table, client)
    job = job_of("export", target)
    state = resumed(note, job, resume=resume)
    if state is None and os.path.exists(part):
        raise FileExistsError(f"{part} is there, without a file that says what it is; move it away")
    size, items, after = (0, 0, None) if state is None else (state["size"], state["items"], state["after"])
    with open(part, "ab") as file:
        if file.seek(0, os.SEEK_END) < size:
            raise ConfigurationError(f"{part} is shorter than {note} says: it was changed; move both away to begin anew")
        file.truncate(size)
        trail = _core.Trail("Scan", after)
        while state is None or after is not None:
            operation = target.client.core.scan_lines(target.name, after, consistent_read, page_size, pace)
            lines, count, after = await operation
            if after is not None:
                trail.note(after)
            file.write(_compressed(lines) if path.endswith(".gz") else lines)
            file.flush()
            items += count
            state = {**job, "size": file.tell(), "items": items, "after": after}
            remember(note, state)
            if progress is not None:
                progress(items)
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
    progress: Callable[[int], object] | None = None,
    timeout: float | None = NOT_GIVEN,
) -> int:
    """Write the items of a file that ``export_jsonl`` or DynamoDB's export made into a table. Sends BatchWriteItem.

    An item replaces the one of its key; of two lines for one item the last counts. The whole file is checked before anything is
    sent. Memory holds some hundred items; ``path.resume`` remembers how far it is, and is removed at the end.

    Args:
        table: The table's name, without the client's ``table_prefix``, or its model; it must be there.
        path: The file; it is decompressed where the name ends in ``.gz``.
        client: The client; else the one of the model, or the one in force.
        target_wcu: The most write units per second. Without it an import is as fast as the table takes it: the rate grows while
            nothing is refused, and falls back when something is.
        resume: Go on with an import that was interrupted; begin where there is none.
        progress: Called after every few hundred items with how many lines are done.
        timeout: Seconds that each of its requests may take, as ``client.options(timeout=...)`` says it; None for no limit.

    Returns:
        How many lines are imported, those of an interrupted import included.

    Raises:
        ValidationError: A line is no item, or lacks the table's key, or a ``.gz`` is damaged; nothing was written.
        FileExistsError: An import of this file was interrupted, and ``resume`` is not said.
        ConfigurationError: What is to be resumed is another job, or the file was changed since.
        BatchIncompleteError: DynamoDB refused an item; what was done is remembered.
        TableNotFoundError: There is no such table.

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
    state = resumed(note, job, resume=resume)
    done: int = 0 if state is None else state["lines"]
    pace = _core.Pace(None, target_wcu)
    for number, line in _lines(path):
        _check(target, path, number, line)
    pending = _core.Pending(target.client.core)
    number = done
    for number, line in _lines(path):  # damage was found above
        if number <= done:
            continue
        pending.put_line(target.name, target.keys, line)
        if len(pending) >= FLUSH:
            await _flush(pending, done, pace)
            done = number
            remember(note, {**job, "lines": done})
            if progress is not None:
                progress(done)
    if len(pending):
        await _flush(pending, done, pace)
        if progress is not None:
            progress(number)
    if os.path.exists(note):
        os.remove(note)
    return max(number, done)


async def _flush(pending: _core.Pending, done: int, pace: _core.Pace) -> None:
    held = len(pending)
    left, cause = await pending.send(pace)
    if left:
        why = "DynamoDB took no more until the time-out" if cause is None else str(cause)
        raise BatchIncompleteError(
            f"{len(left)} of the {held} items after line {done} could not be written: {why}; resume=True goes on from there",
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
    """What a file is that was made for another tool, and how it is loaded; None where it is nothing that is known."""
    if line.startswith(b"[") or line == b"{" or any(word in line for word in _ELSEWHERE):
        text = _beginning(path)
        if b'"PutRequest"' in text or b'"DeleteRequest"' in text:
            return (
                "this is a file of 'aws dynamodb batch-write-item --request-items', no line for each item; load it by that "
                "command, or make lines of it: "
                """jq -c '(.RequestItems // .)[][] | .PutRequest | select(.) | {Item}' FILE > items.jsonl"""
            )
        if b'"Items"' in text and b'"ScannedCount"' in text:
            return (
                "this is an answer of 'aws dynamodb scan' or 'query', no line for each item; make lines of it: "
                "jq -c '.Items[] | {Item: .}' FILE > items.jsonl"
            )
        if line.startswith(b"[") or line == b"{":
            return 'this is one JSON document over several lines, and an import takes a line for each item: {"Item":{...}}'
    return None


def _beginning(path: str) -> bytes:
    with _opened(path) as file:
        return file.read(LONGEST_LINE)


def _lines(path: str) -> Generator[tuple[int, bytes]]:
    """The lines of a file by their numbers, from 1; empty ones are left out."""
    with _opened(path) as file:
        number = 0
        while line := _next_line(file, path, number + 1):
            number += 1
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                message = f"{path}, line {number}: it is longer than any item can be"
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
        message = f"{path}, line {number}: the file is no gzip, or it is damaged or cut off ({error}); nothing was written"
        raise ValidationError(message, errors=[("", message)]) from error


def _opened(path: str) -> BinaryIO:
    if path.endswith(".gz"):
        import gzip

        opened: Any = gzip.open(path, "rb")  # noqa: SIM115  # the caller's block closes it
        return opened  # type: ignore[no-any-return]
    return open(path, "rb")


def _compressed(lines: bytes) -> bytes:
    """A member of a gzip file; the members of all pages are one file."""
    import gzip

    return gzip.compress(lines, 6, mtime=0)
