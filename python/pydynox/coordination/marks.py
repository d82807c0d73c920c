"""Marks: the idempotency record that a transaction writes together with what it does."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn

from pydynox._shared.public import public
from pydynox.exceptions import ConditionFailedError, IdempotencyInProgressError, ValidationError

from .calls import digest, key_text
from .records import COMPLETED, Records, key_of
from .tables import bounded, table_of

if TYPE_CHECKING:
    from datetime import timedelta

    from pydynox.exceptions import TransactionCanceledError

    from .tables import CoordinationTable

#: What the key of a transaction begins with; the names of functions have a dot.
_NAME = "transaction"


class Running:
    """The call of an idempotent function that runs here.

    Attributes:
        records: The records of the function.
        record: That of this call.
        key: Its idempotency key.
        is_committed: Whether a transaction has completed it.
        has_result: Whether that transaction has stored its result.
    """

    __slots__ = ("has_result", "is_committed", "key", "record", "records")

    def __init__(self, records: Records, record: Any, key: str) -> None:
        self.records = records
        self.record = record
        self.key = key
        self.is_committed = False
        self.has_result = False


#: The innermost call of an idempotent function.
running_call: ContextVar[Running | None] = ContextVar("pydynox_idempotent_call", default=None)


@public
class IdempotencyMark:
    """The record that makes a transaction apply once: what ``tx.idempotent()`` returns.

    Attributes:
        repeated: Whether the transaction was not applied, because one with its key had been; False until the block has ended.
        result: What that transaction stored; None before the block has ended.

    Example:
        >>> async with client.transaction() as tx:
        ...     mark = tx.idempotent("refund-7", result="done")
        ...     tx.update(Account.key("a1"), Account.balance.add(5))
        >>> mark.repeated
        False
    """

    __slots__ = ("_key", "_payload", "_position", "_records", "_running", "_with_result", "entry", "repeated", "result")

    def __init__(
        self,
        records: Records,
        key: str,
        *,
        payload: str | None,
        result: Any,
        position: int,
        running: Running | None,
    ) -> None:
        self._records = records
        self._key = key
        self._payload = payload
        self._position = position
        self._running = running
        self._with_result = result is not None
        self.repeated = False
        self.result: Any = None
        self.entry: tuple[str, Any, tuple[Any, ...], Any]
        item = records.item
        if running is None:
            record = records.new(key, payload, status=COMPLETED)
            record.result = result
            self.entry = ("put", record, (), records.is_free(payload))
        else:
            actions = [item.status.set(COMPLETED), item.lease_until.remove(), item.expires_at.set(records.end())]
            if self._with_result:
                actions.append(item.result.set(result))
            record_key = item.key(*key_of(running.record))
            self.entry = ("update", record_key.address, tuple(actions), records.is_running(running.record))

    def explains(self, error: TransactionCanceledError) -> bool:
        """Whether the transaction was canceled because it had been applied before.

        Raises:
            IdempotencyKeyReusedError: Its key was used with another payload.
            IdempotencyInProgressError: The call in which it runs has lost its record.
        """
        failure = error.failures.get(self._position)
        if not isinstance(failure, ConditionFailedError):
            return False
        item = failure.item
        if self._running is not None:
            raise IdempotencyInProgressError(
                f"{self._records.name}: the lease of this call with the idempotency key {self._key!r} has ended and another call "
                "may have run, so its transaction was not applied",
                function=self._records.name,
                key=self._key,
            ) from error
        if not isinstance(item, self._records.item):
            return False
        stored = self._records.ended(self._key, self._payload, item)
        if stored is None:
            return False
        self.repeated, self.result = True, stored.result
        return True

    def commit(self) -> None:
        """The transaction was applied."""
        if self._running is not None:
            self._running.is_committed = True
            self._running.has_result = self._with_result

    def __repr__(self) -> str:
        return f"<idempotency mark of {self._key!r}{', repeated' if self.repeated else ''}>"


def mark_of(
    key: object,
    *,
    payload: object,
    result: object,
    ttl: float | timedelta,
    table: CoordinationTable | str,
    encrypt: bool,
    position: int,
) -> IdempotencyMark:
    """The mark of a transaction, whose operation has this position.

    Raises:
        ValidationError: It has no key, and no idempotent function runs here; or a value has no stable form.
    """
    if key is None:
        running = running_call.get()
        if running is None:
            _refuse("without a key it completes the call of an @idempotent function, and none runs here: pass a key")
        return IdempotencyMark(running.records, running.key, payload=None, result=result, position=position, running=running)
    if key == "":
        _refuse("the key is empty")
    try:
        text = bounded(key_text(key) or digest(key))
        hashed = None if payload is None else digest(payload)
    except TypeError as error:
        _refuse(str(error))
    records = Records(table_of(table), _NAME, seconds_of("ttl", ttl), Any, encrypt=encrypt)
    return IdempotencyMark(records, text, payload=hashed, result=result, position=position, running=None)


def seconds_of(name: str, duration: object) -> float:
    """A duration in seconds.

    Raises:
        ValidationError: It is neither a positive number of seconds nor a timedelta.
    """
    total_seconds = getattr(duration, "total_seconds", None)
    seconds = total_seconds() if callable(total_seconds) else duration
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < float("inf"):
        message = f"{name}= must be a positive number of seconds or a timedelta, not {duration!r}"
        raise ValidationError(message, errors=[(name, message)])
    return float(seconds)


def _refuse(problem: str) -> NoReturn:
    message = f"tx.idempotent(): {problem}"
    raise ValidationError(message, errors=[("key", message)])
