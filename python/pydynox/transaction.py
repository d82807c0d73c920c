"""Transaction: several writes that are applied together or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import pydynox._core as _core

from ._shared.hints import foreign, refused_blocking
from ._shared.rejected import Rejected, check_on_condition, rejected
from ._shared.timeout import NOT_GIVEN, limited
from .exceptions import ConditionFailedError, TransactionCanceledError, ValidationError, WriteOutcomeUnknownError
from .key import Key

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from datetime import timedelta
    from types import TracebackType

    from ._client.connection import Connection
    from .coordination.events import OrderedEvents
    from .coordination.marks import IdempotencyMark
    from .coordination.tables import CoordinationTable
    from .expressions import Action, Condition

MAX_OPERATIONS = 100  # actions per TransactWriteItems, by DynamoDB's quotas
#: Of a transaction whose events others keep overtaking: how many times it is sent, and the seconds of the first pause.
_TIMES = 12
_PAUSE = 0.02
_HOOKS = {"create": "save", "put": "save", "save": "save", "delete": "delete"}
_Target = Any


class Transaction:
    """Several writes that are applied together or not at all: ``async with client.transaction() as tx``.

    The block collects the operations; nothing is sent until it ends, and nothing at all if it raises. When it ends, hooks run,
    values are checked, and TransactWriteItems is sent. Instances count as stored, and advance to their next version, only after
    it has succeeded. A block without operations sends nothing.

    Attributes:
        token: The idempotency token, which DynamoDB recognizes for ten minutes: the caller's, or one generated when the
            transaction is sent; None before that.
        rejected: With ``on_condition="return"``, a ``Rejected`` for each operation whose condition was false, by its zero-based
            position: nothing was written. Empty if everything was.

    Example:
        >>> async with client.transaction() as tx:
        ...     tx.create(order)
        ...     tx.update(Account.key("a1"), Account.balance.add(-5), condition=Account.balance >= 5)
        ...     tx.check(User.key("u2"), User.status == "active")
    """

    def __init__(
        self,
        client: Connection,
        token: str | None,
        timeout: float | None = NOT_GIVEN,
        on_condition: Literal["raise", "return"] = "raise",
    ) -> None:
        check_on_condition(on_condition)
        self._client = client
        self._timeout = timeout
        self._on_condition: Literal["raise", "return"] = on_condition
        self._entries: list[tuple[str, _Target, tuple[Action, ...], Condition | None, bool]] = []
        self._ended = False
        self._marks: list[IdempotencyMark] = []
        self._events: OrderedEvents | None = None
        self.token = token
        self.rejected: Mapping[int, Rejected[Any]] = {}

    def create(self, instance: Any, /, *, condition: Condition | None = None) -> None:
        """Write a new item, as ``instance.create()`` does.

        Args:
            instance: The instance of a model.
            condition: A condition that must hold in addition to the key being free.

        Example:
            >>> tx.create(order)
        """
        self._add("create", _instance("create", instance), condition=condition)

    def put(self, instance: Any, /, *, condition: Condition | None = None) -> None:
        """Write a whole item, as ``instance.put()`` does.

        Args:
            instance: The instance of a model.
            condition: Write only if this holds for the existing item.

        Example:
            >>> tx.put(order)
        """
        self._add("put", _instance("put", instance), condition=condition)

    def save(self, instance: Any, /, *, condition: Condition | None = None) -> None:
        """Write what changed, as ``instance.save()`` does. If nothing changed, only the version is checked, if there is one.

        Args:
            instance: The instance of a model.
            condition: Write only if this holds for the stored item.

        Example:
            >>> tx.save(user, condition=User.status == "active")
        """
        self._add("save", _instance("save", instance), condition=condition)

    def update(self, key: Key[Any], /, *actions: Action, condition: Condition | None = None, upsert: bool = False) -> None:
        """Change the item with this key, as ``key.apply()`` does.

        A transaction returns no items, so an instance could not learn its new values: edit the instance and ``save`` it, or
        update its key and read it again.

        Args:
            key: The key of the item.
            *actions: Update actions, such as ``Account.balance.add(-5)``.
            condition: Write only if this holds for the stored item.
            upsert: Create the item if it does not exist.

        Example:
            >>> tx.update(Account.key("a1"), Account.balance.add(-5), condition=Account.balance >= 5)
        """
        if _is_instance(key):
            name = type(key).__name__
            raise TypeError(f"tx.update takes a key, such as {name}.key(...): edit the {name} and tx.save it instead")
        self._add("update", _key("update", key), actions=actions, condition=condition, upsert=upsert)

    def delete(self, target: Any, /, *, condition: Condition | None = None) -> None:
        """Delete an item, as ``delete()`` on the instance or the key does.

        Args:
            target: The instance of a model, or a key.
            condition: Delete only if this holds for the stored item.

        Example:
            >>> tx.delete(Cart.key("u1"))
        """
        self._add("delete", _either("delete", target), condition=condition)

    def check(self, target: Any, /, condition: Condition | None = None) -> None:
        """Apply the transaction only if a condition holds for an item that the transaction does not write.

        Args:
            target: The instance of a model, whose version is also checked, or a key.
            condition: The condition; without one, the item must exist.

        Example:
            >>> tx.check(User.key("u2"), condition=User.status == "active")
        """
        self._add("check", _either("check", target), condition=condition)

    def idempotent(
        self,
        key: object = None,
        /,
        *,
        payload: object = None,
        result: object = None,
        ttl: float | timedelta = 86_400,
        table: CoordinationTable | str = "pydynox",
        encrypt: bool = False,
    ) -> IdempotencyMark:
        """Apply the transaction once for this key, no matter how many times it is sent: a record of the key is written with it.

        If the key has a record, nothing of the transaction is applied, and the block ends without an error: ``repeated`` of what
        this returns is then True, and ``result`` is what the transaction that was applied stored. Without a key, the record is
        that of the ``@idempotent`` function in which this runs: the transaction completes it, and is not applied if another call
        has taken it over.

        Args:
            key: Text, a number or a UUID; a hash of any other plain value.
            payload: What must be the same whenever the key is used; a hash of it is stored.
            result: What a repeated transaction, or a repeated call of the function, returns.
            ttl: Seconds, or a timedelta, after which the key may be used again.
            table: Where the record is stored: a ``CoordinationTable``, or the name of one.
            encrypt: Encrypt the result with the client's keyring.

        Raises:
            IdempotencyKeyReusedError: The key has a record with another payload; raised when the block ends.
            IdempotencyInProgressError: Without a key: the lease of the function's call has ended, and another call runs; raised
                when the block ends.
            ValidationError: Without a key, no idempotent function is running here.

        Example:
            >>> async with client.transaction() as tx:
            ...     mark = tx.idempotent(f"refund-{refund_id}", result={"refunded": 5})
            ...     tx.update(Account.key("a1"), Account.balance.add(5))
            >>> mark.repeated
            False

        Costs: two write units per KB of the record.
        """
        from .coordination.marks import mark_of

        mark = mark_of(key, payload=payload, result=result, ttl=ttl, table=table, encrypt=encrypt, position=len(self._entries))
        verb, target, actions, condition = mark.entry
        self._add(verb, target, actions=actions, condition=condition)
        self._marks.append(mark)
        return mark

    def outbox(self, event: object, /, *, key: str | None = None, table: CoordinationTable | str = "pydynox") -> str:
        """Write an event with the transaction, which a relay publishes afterwards: see ``Outbox``.

        Args:
            event: The event: anything that JSON can express.
            key: Events with the same key are published in the order of their transactions. If another transaction with the key
                commits first, this one is sent again with the next number.
            table: Where events are stored: a ``CoordinationTable``, or the name of one.

        Returns:
            The ID of the event.

        Raises:
            ValidationError: JSON cannot express the event, or the key is not text.
            ConfigurationError: The table has no sort key.
            TransactionCanceledError: Raised when the block ends: other transactions with this key committed first, many times in
                a row; or once, if the transaction has a ``token=``.

        Example:
            >>> tx.outbox({"type": "OrderPlaced", "order": "o1"}, key="o1")

        Costs: two write units per KB of the event; with a key, two more and a read unit for its last number.
        """
        from .coordination.events import OrderedEvents, unordered
        from .coordination.tables import table_of

        if key is None:
            item = unordered(table_of(table), event)
            self._add("create", item)
            name: str = item.event_id
            return name
        if self._ended:
            raise RuntimeError("this transaction has ended: tx.outbox() needs a new one")
        if self._events is None:
            self._events = OrderedEvents()
        return self._events.add(table_of(table), key, event)

    def _add(
        self,
        verb: str,
        target: _Target,
        *,
        actions: tuple[Action, ...] = (),
        condition: Condition | None = None,
        upsert: bool = False,
    ) -> None:
        # Checked here, not at the end of the block, so that the error points at the line that added the operation.
        position = len(self._entries)
        if self._ended:
            raise RuntimeError(f"this transaction has ended: tx.{verb}() needs a new one")
        if position == MAX_OPERATIONS:
            message = f"[{position}] {verb}: a transaction can have at most {MAX_OPERATIONS} operations"
            raise ValidationError(message, errors=[("", message)])
        if condition is not None and not _is_condition(condition):
            raise TypeError(f"[{position}] {verb}: condition= takes a condition such as User.age > 3, not {condition!r}")
        self._entries.append((verb, target, actions, condition, upsert))

    def _ending(self) -> Coroutine[Any, Any, None]:
        """The coroutine that sends the transaction."""
        sent = self._commit()
        limited_sent = sent if self._timeout is NOT_GIVEN else limited(self._client, self._timeout, sent)
        return limited_sent if self._on_condition == "raise" else self._settle(limited_sent)

    async def _settle(self, sent: Coroutine[Any, Any, None]) -> None:
        try:
            await sent
        except TransactionCanceledError as error:
            conditions = {at: failure for at, failure in error.failures.items() if isinstance(failure, ConditionFailedError)}
            if not conditions or len(conditions) < len(error.failures) or error.ambiguous:
                raise  # something else failed too, and may be what must be dealt with
            self.rejected = {at: rejected(failure) for at, failure in conditions.items()}

    async def _commit(self) -> None:
        entries = self._entries
        # Most transactions have none, and then ask each operation once.
        hooked: list[tuple[Any, str]] = []
        for entry in entries:
            event = _HOOKS.get(entry[0])
            if event is not None and _is_instance(target := entry[1]) and target._hooks is not None:
                hooked.append((target, event))
        for target, event in hooked:
            await target._hooks.before(target, f"before_{event}")
        if self._marks or self._events is not None:
            if not await self._send(entries):
                return
            for mark in self._marks:
                mark.commit()
        else:
            # Not through _send: a coroutine more is a thirtieth of what the whole call costs.
            sent = self._client.core.transact_write(entries, self.token)
            if sent is None:
                return
            # Kept before the outcome is known: with it, a transaction whose outcome stays unknown can be repeated to settle it.
            operation, self.token = sent
            try:
                await operation
            except WriteOutcomeUnknownError as error:
                self._add_token(error)
                raise
        for target, event in hooked:
            await target._hooks.after(target, f"after_{event}")

    def _add_token(self, error: WriteOutcomeUnknownError) -> None:
        error.add_note(
            f"its token is {self.token!r}: repeat the same transaction with it within ten minutes to settle the outcome"
        )

    async def _send(self, entries: list[Any]) -> bool:
        """Send the operations with marks and events; whether they were applied by this transaction, not by an earlier one."""
        events, token = self._events, self.token
        for left in reversed(range(_TIMES)):
            if events is not None:
                entries = [*self._entries, *await events.entries(self._client, len(self._entries))]
            sent = self._client.core.transact_write(entries, token)
            if sent is None:
                return False
            operation, self.token = sent
            try:
                await operation
            except WriteOutcomeUnknownError as error:
                self._add_token(error)
                raise
            except TransactionCanceledError as error:
                if any(mark.explains(error) for mark in self._marks):
                    return False  # it was applied before
                # DynamoDB refuses a caller's token with other operations.
                if events is None or left == 0 or token is not None or not events.have_moved(error):
                    raise
                await _core.pause(_PAUSE * (_TIMES - left))
            else:
                break
        return True

    @property
    def sync(self) -> SyncTransaction:
        """The blocking form of this transaction."""
        return SyncTransaction(self._client, self.token, self._timeout, self._on_condition)

    def _begin(self) -> None:
        if self._ended:
            raise RuntimeError("this transaction has ended: start a new one with client.transaction()")

    async def __aenter__(self) -> Self:
        self._begin()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended = True
        if kind is None:
            await self._ending()

    if not TYPE_CHECKING:  # hidden from type checkers, which then reject the wrong kind of block
        __enter__, __exit__ = refused_blocking("client.transaction()", "client.sync.transaction()")


class SyncTransaction(Transaction):
    """The blocking form of ``Transaction``: ``with client.sync.transaction() as tx``."""

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended = True
        if kind is None:
            _core.run(self._ending())


def _is_instance(target: object) -> bool:
    return isinstance(target, _core.Instance)


def _is_condition(condition: object) -> bool:
    return isinstance(condition, _core.Condition)


def _instance(verb: str, target: object) -> _Target:
    if not _is_instance(target):
        raise TypeError(f"tx.{verb} takes an instance of a model, not {foreign(target)}")
    return target


def _key(verb: str, target: object) -> _Target:
    if not isinstance(target, Key):
        raise TypeError(f"tx.{verb} takes a key, such as User.key('u1'), not {foreign(target)}")
    return target.address


def _either(verb: str, target: object) -> _Target:
    if _is_instance(target):
        return target
    if isinstance(target, Key):
        return target.address
    raise TypeError(f"tx.{verb} takes an instance of a model or a key, not {foreign(target)}")
