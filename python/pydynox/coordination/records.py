"""Idempotency records: the item that says of a key whether a call with it runs or has ended, and with which result."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pydynox._core as _core
from pydynox._core import uuid4
from pydynox.attribute_objects import (
    CompressedAttribute,
    EncryptedAttribute,
    JSONAttribute,
    NumberAttribute,
    StringAttribute,
)
from pydynox.exceptions import (
    ConditionFailedError,
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    IdempotencyResultError,
    ItemTooLargeError,
    ValidationError,
    WriteOutcomeUnknownError,
)

if TYPE_CHECKING:
    from pydynox.client import DynamoDBClient
    from pydynox.expressions import Condition

    from .tables import CoordinationTable

IN_PROGRESS = "IN_PROGRESS"
COMPLETED = "COMPLETED"
_SORT = "IDEMPOTENCY"
#: Writes of a record that are sent until their outcome is known.
_TIMES = 3
_LONGEST_POLL = 1.0


def _item_class(table: CoordinationTable, result: Any, encrypt: bool) -> Any:
    stored: Any = JSONAttribute(result, null=True)
    attributes = {
        "status": StringAttribute(),
        "attempt": StringAttribute(),
        "payload": StringAttribute(null=True),
        "lease_until": NumberAttribute(int, null=True),  # milliseconds since 1970
        "result": EncryptedAttribute(stored, compress=True) if encrypt else CompressedAttribute(stored),
        "problem": StringAttribute(null=True),  # why there is no result
    }
    return table.item_class("IdempotencyRecord", attributes)


@lru_cache(maxsize=64)
def _plain_item_class(table: CoordinationTable, encrypt: bool) -> Any:
    return _item_class(table, Any, encrypt)


def now() -> float:
    """The date in seconds since 1970, by the clock that a test may move."""
    return _core.date_by_clock() / 1_000_000


class Stored(NamedTuple):
    """The result of a call that has ended."""

    result: Any


class Records:
    """The idempotency records of one function, or of the transactions of a client.

    Args:
        table: Where they are stored.
        name: The function, which is part of their key.
        lifetime: Seconds for which a record is kept.
        result: The type of the results.
        encrypt: Whether results are encrypted with the client's keyring.
    """

    __slots__ = ("item", "lifetime", "name", "table")

    def __init__(self, table: CoordinationTable, name: str, lifetime: float, result: Any, *, encrypt: bool) -> None:
        self.table = table
        self.name = name
        self.lifetime = lifetime
        self.item = _plain_item_class(table, encrypt) if result is Any else _item_class(table, result, encrypt)

    def new(self, key: str, payload: str | None, *, status: str = IN_PROGRESS, lease: float = 0.0) -> Any:
        """The record of a call that begins now."""
        begun = now()
        return self.item(
            **self.table.key_values(f"IDEMPOTENCY#{self.name}#{key}", _SORT),
            status=status,
            attempt=uuid4(),
            payload=payload,
            lease_until=int((begun + lease) * 1000) if status == IN_PROGRESS else None,
            expires_at=self.end(lease),
        )

    def end(self, least: float = 0.0) -> datetime:
        """When a record that is written now expires; not before ``least`` seconds have passed."""
        return datetime.fromtimestamp(now() + max(self.lifetime, least), UTC)

    def is_free(self, payload: str | None) -> Condition:
        """Whether a call with this payload may run: no call with its key is known, or the one that is ended without an answer."""
        item, moment = self.item, now()
        abandoned: Condition = (item.status == IN_PROGRESS) & (item.lease_until < int(moment * 1000))
        if payload is not None:
            abandoned &= item.payload == payload
        free: Condition = item.pk.not_exists() | abandoned | (item.expires_at < datetime.fromtimestamp(moment, UTC))
        return free

    def is_running(self, record: Any) -> Condition:
        """Whether this attempt, and no other, is the one that runs."""
        mine: Condition = (self.item.attempt == record.attempt) & (self.item.status == IN_PROGRESS)
        return mine

    def ended(self, key: str, payload: str | None, item: Any) -> Stored | None:
        """What a stored record means for a call with its key: its result, or None if it still runs.

        Raises:
            IdempotencyKeyReusedError: It has another payload.
            IdempotencyResultError: It ended with a result that could not be stored.
        """
        if payload is not None and item.payload not in (None, payload):
            raise IdempotencyKeyReusedError(
                f"{self.name}: the idempotency key {key!r} was used with another payload, and the function did not run: "
                "another call needs another key",
                function=self.name,
                key=key,
            )
        if item.status != COMPLETED:
            return None
        if item.problem is not None:
            raise IdempotencyResultError(item.problem, function=self.name, key=key)
        return Stored(item.result)

    def in_progress(self, key: str, item: Any) -> IdempotencyInProgressError:
        """The error of a call while another one with its key runs."""
        until = 0 if item is None or item.lease_until is None else item.lease_until / 1000
        left = max(until - now(), 0.0)
        return IdempotencyInProgressError(
            f"{self.name}: another call with the idempotency key {key!r} has not ended, and this one did not run: "
            f"call again later; its lease ends in {left:.0f} s",
            function=self.name,
            key=key,
            retry_after=left,
        )


class Attempts:
    """The calls of one function on one client: begun, completed, or undone in the table."""

    __slots__ = ("_client", "_records")

    def __init__(self, client: DynamoDBClient, records: Records) -> None:
        self._client = client
        self._records = records

    async def begin(self, key: str, payload: str | None, lease: float, wait: float) -> tuple[Any, Stored | None]:
        """Begin a call: its record, or the result of an earlier one.

        Args:
            key: Its idempotency key.
            payload: The hash of its payload.
            lease: Seconds for which no other call with this key runs.
            wait: Seconds to wait for one that runs.

        Raises:
            IdempotencyInProgressError: Another call with this key runs.
            IdempotencyKeyReusedError: The key was used with another payload.
            IdempotencyResultError: An earlier call ended with a result that could not be stored.
        """
        until = time.monotonic() + wait
        poll = 0.05
        while True:
            record = self._records.new(key, payload, lease=lease)
            item = await self._claim(record, payload)
            if item is None:
                return record, None
            while item is not None:
                stored = self._records.ended(key, payload, item)
                if stored is not None:
                    return None, stored
                left = until - time.monotonic()
                if left <= 0:
                    raise self._records.in_progress(key, item)
                await _core.pause(min(poll, left))
                poll = min(poll * 2, _LONGEST_POLL)
                item = await self._read(record)
                if item is not None and item.status == IN_PROGRESS and item.lease_until < now() * 1000:
                    break

    async def _claim(self, record: Any, payload: str | None) -> Any:
        """Write the record of a call that begins; return another's that is in its place."""
        left = _TIMES
        while True:
            try:
                await self._client.core.put(record, self._records.is_free(payload))
            except (ConditionFailedError, WriteOutcomeUnknownError) as error:
                left -= 1
                item = getattr(error, "item", None)
                if not isinstance(item, self._records.item):
                    # Of another type, gone, or not known: reading it tells which, with an error that names the attribute.
                    item = await self._read(record)
                if item is None and left == 0:
                    raise
            except Exception:
                raise
            except GeneratorExit:
                raise  # nothing can be awaited
            except BaseException:
                # Cancelled: the record may have been written, and would keep other calls waiting for its lease to end.
                await self.undo(record)
                raise
            else:
                return None
            if item is not None:
                # An attempt whose answer was lost is this one: no other has its name.
                return None if item.attempt == record.attempt else item

    async def _read(self, record: Any) -> Any:
        return await self._client.core.get(self._records.item._schema, key_of(record), {}, True)

    async def complete(self, record: Any, result: Any) -> bool:
        """Store the result of a call; False if the record is no longer this call's, whose lease has ended.

        Raises:
            IdempotencyResultError: The result cannot be stored; the call still counts as ended.
        """
        problem: Exception
        record.status, record.lease_until = COMPLETED, None
        # A lifetime begins when the call has ended.
        record.expires_at = self._records.end()
        try:
            record.result = result
            return await self._replace(record)
        except (ValidationError, ItemTooLargeError) as error:
            problem = error
        name = self._records.name
        too_large = f"; store it elsewhere and return where it is ({problem})"
        remedy = too_large if isinstance(problem, ItemTooLargeError) else f"; say its type with result= ({problem})"
        record.result = None
        record.problem = f"{name} ran, but its result, a {type(result).__qualname__}, cannot be stored{remedy}"
        await self._replace(record)
        raise IdempotencyResultError(record.problem, function=name) from problem

    async def _replace(self, record: Any) -> bool:
        mine = self._records.item.attempt == record.attempt
        for left in reversed(range(_TIMES)):
            try:
                await self._client.core.put(record, mine)
            except ConditionFailedError:
                return False
            except WriteOutcomeUnknownError:
                # Written twice it is the same, and the condition still holds.
                if left == 0:
                    raise
            else:
                break
        return True

    async def undo(self, record: Any) -> None:
        """Remove the record of a call that failed, so that a later one runs; not one that a transaction has completed."""
        values = key_of(record)
        for left in reversed(range(_TIMES)):
            try:
                await self._client.core.delete_key(self._records.item._schema, values, self._records.is_running(record))
            except ConditionFailedError:
                return
            except WriteOutcomeUnknownError:
                if left == 0:
                    raise
            else:
                return


def key_of(record: Any) -> tuple[str, ...]:
    """The key of a record."""
    return (record.pk, record.sk) if hasattr(record, "sk") else (record.pk,)
