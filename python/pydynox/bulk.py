"""Bulk writes: as fast as a table takes them, without overrunning it; interrupted ones go on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import _core
from .batch import BatchWriter
from .exceptions import ConfigurationError, ValidationError
from .jsonl import VERSION, _remember, _resumed

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable

    from .client import DynamoDBClient


async def bulk_write(
    client: DynamoDBClient,
    instances: Iterable[Any] | AsyncIterable[Any],
    *,
    target_wcu: float | None,
    unguarded: bool,
    transactions: bool,
    resume: str | os.PathLike[str] | None,
    progress: Callable[[int], object] | None,
) -> int:
    """What ``DynamoDBClient.bulk_write`` does."""
    pace = _core.Pace(None, target_wcu)
    writer = BatchWriter(client, unguarded=unguarded, transactions=transactions, progress=None, pace=pace)
    note = None if resume is None else os.fspath(resume)
    taken = done = 0
    job: dict[str, Any] = {}
    async with writer:
        async for instance in _each(instances):
            if taken == 0 and note is not None:
                job = _job(client, instance)
                state = _resumed(note, job, resume=True)
                done = 0 if state is None else state["items"]
            taken += 1
            if taken <= done:
                continue
            await writer.put(instance)
            if not len(writer._pending):
                done = taken
                _tell(note, job, done, progress)
        if len(writer._pending):
            await writer._flush()
        if taken > done:
            _tell(None, job, taken, progress)
    if taken < done:
        raise ConfigurationError(f"{note} remembers {done} items, and there are {taken}: it is of another job")
    if note is not None and os.path.exists(note):
        os.remove(note)
    return taken


def _tell(note: str | None, job: dict[str, Any], done: int, progress: Callable[[int], object] | None) -> None:
    if note is not None:
        _remember(note, {**job, "items": done})
    if progress is not None:
        progress(done)


def _job(client: DynamoDBClient, first: Any) -> dict[str, Any]:
    """What tells a job from others: where its first item goes."""
    from hashlib import sha256

    if not isinstance(first, _core.Instance):
        message = f"bulk_write takes instances of models, not {type(first).__qualname__}"
        raise ValidationError(message, errors=[("", message)])
    table, key = client._core.address_of(first)
    name = sha256(table.encode() + b"\0" + key).hexdigest()
    return {"pydynox": VERSION, "job": "bulk_write", "first": name}


async def _each(instances: Any) -> AsyncIterator[Any]:
    if hasattr(instances, "__aiter__"):
        async for instance in instances:
            yield instance
    else:
        for instance in instances:
            yield instance
