"""Bulk writes and reads: as fast as a table allows without throttling it; interrupted jobs can resume."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox.batches.writer import BatchWriter
from pydynox.cost import reporting, size_of
from pydynox.exceptions import ConfigurationError, ValidationError

from .resuming import VERSION, remember, resumed

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator

    from pydynox._client.connection import Connection
    from pydynox._shared.typing import Row
    from pydynox.cost import Progress, Reporter
    from pydynox.query import Query


class _JobWriter(BatchWriter):
    """A writer whose caller knows how far it is, and skips what an interrupted job has written."""

    @property
    def is_idle(self) -> bool:
        """Whether all that was put is written."""
        return not len(self._pending)

    def kept(self, instances: Iterable[Any]) -> Iterator[Any]:
        """The instances; an error names those that were not taken, if they are in a list."""
        return self._each(instances)

    def skip(self) -> None:
        """Count one instance that is not written."""
        self._pending.pass_by(1)

    async def flush(self) -> None:
        """Write what waits."""
        if not self.is_idle:
            await self._flush()


async def bulk_write(
    client: Connection,
    instances: Iterable[Any] | AsyncIterable[Any],
    *,
    target_wcu: float | None,
    unguarded: bool,
    transactions: bool,
    resume: str | os.PathLike[str] | None,
    progress: Callable[[Progress], object] | None,
) -> int:
    """The implementation of ``DynamoDBClient.bulk_write``."""
    pace = _core.Pace(None, target_wcu)
    writer = _JobWriter(client, unguarded=unguarded, transactions=transactions, progress=None, pace=pace)
    note = None if resume is None else os.fspath(resume)
    taken = done = 0
    job: dict[str, Any] = {}
    with reporting(client.core, progress, total=size_of(instances)) as report:
        async with writer:
            source: Any = instances
            async for instance in _each(source if hasattr(source, "__aiter__") else writer.kept(source)):
                if taken == 0 and note is not None:
                    job = _job(client, instance)
                    state = resumed(note, job, resume=True)
                    done = 0 if state is None else state["items"]
                    if report is not None:
                        report.resume(done)
                taken += 1
                if taken <= done:
                    writer.skip()
                    continue
                await writer.put(instance)
                # Only now is everything up to this instance written; between flushes some of it is held.
                if writer.is_idle:
                    done = taken
                    _report(note, job, done, report)
            await writer.flush()
            if taken > done:
                _report(None, job, taken, report)
    if taken < done:
        raise ConfigurationError(f"{note} records {done} items, but there are only {taken}: it belongs to another job")
    if note is not None and os.path.exists(note):
        os.remove(note)
    return taken


async def bulk_read(
    client: Connection,
    query: Query[Row],
    handle: Callable[[list[Row]], object],
    *,
    target_rcu: float | None,
    rows: int,
    resume: str | os.PathLike[str] | None,
    progress: Callable[[Progress], object] | None,
) -> int:
    """The implementation of ``DynamoDBClient.bulk_read``."""
    if not hasattr(query, "paced") or not callable(handle):
        raise TypeError("bulk_read takes a query, such as User.scan(), and a function that receives the rows")
    paced = query.sent_by(client).paced(target_rcu=target_rcu)
    note = None if resume is None else os.fspath(resume)
    job = _job_of(paced)
    state = None if note is None else resumed(note, job, resume=True)
    done, limit = 0, query.search.limit
    if state is not None:
        done = state["items"]
        paced = paced.after(state["cursor"])
        if limit is not None:
            paced = paced.limit(limit - done)
    with reporting(client.core, progress, done=done) as report:
        async for page in paced.pages(rows):
            given: Any = handle(page.items)
            if hasattr(given, "__await__"):
                await given
            done += len(page)
            # After the page was handled: after a crash a page may be handled twice, and none is left out.
            _report(note if page.cursor is not None else None, job, done, report, cursor=page.cursor)
    if note is not None and os.path.exists(note):
        os.remove(note)
    return done


def _report(note: str | None, job: dict[str, Any], done: int, report: Reporter | None, **where: str | None) -> None:
    if note is not None:
        remember(note, {**job, "items": done, **where})
    if report is not None:
        report(done)


def _job(client: Connection, first: Any) -> dict[str, Any]:
    """What identifies a job: the table and key of its first item."""
    from hashlib import sha256

    if not isinstance(first, _core.Instance):
        message = f"bulk_write takes instances of models, not {type(first).__qualname__}"
        raise ValidationError(message, errors=[("", message)])
    table, key = client.core.address_of(first)
    name = sha256(table.encode() + b"\0" + key).hexdigest()
    return {"pydynox": VERSION, "job": "bulk_write", "first": name}


def _job_of(query: Query[Any]) -> dict[str, Any]:
    """What identifies a read job: its whole request. The number of segments is recorded in its cursors."""
    from hashlib import sha256

    request = query.explain().request
    request.pop("Limit", None)  # of a page, or what remains of the query's limit
    request.pop("ExclusiveStartKey", None)
    name = sha256(repr(_ordered(request)).encode()).hexdigest()
    return {"pydynox": VERSION, "job": "bulk_read", "query": name}


def _ordered(wire: Any, name: str = "") -> Any:
    """Wire JSON with the members of sets sorted, because the order of a Python set varies between processes."""
    if issubclass(type(wire), dict):
        return {name: _ordered(value, name) for name, value in wire.items()}
    if issubclass(type(wire), list):
        return sorted(wire) if name in ("SS", "NS", "BS") else [_ordered(element) for element in wire]
    return wire


async def _each(instances: Any) -> AsyncIterator[Any]:
    if hasattr(instances, "__aiter__"):
        async for instance in instances:
            yield instance
    else:
        for instance in instances:
            yield instance
