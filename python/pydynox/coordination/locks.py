"""Locks: one holder at a time, as an item says, with a token that fences off an earlier holder's late writes."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import pydynox._core as _core
from pydynox._shared.hints import refused_awaiting, refused_blocking
from pydynox._shared.public import public
from pydynox.attribute_objects import NumberAttribute, StringAttribute
from pydynox.exceptions import LockLostError, LockNotAcquiredError, PydynoxError, ValidationError

from .marks import seconds_of
from .tables import MOST_BYTES, CoordinationTable, table_of

if TYPE_CHECKING:
    from datetime import timedelta
    from types import TracebackType

    from pydynox._client.connection import Connection
    from pydynox.expressions import Condition, NumberExpr
    from pydynox.key import Key

_SORT = "LOCK"
#: Ends the error for a condition on this item in a write of another one.
_ELSEWHERE = (
    "lock.held() is a condition on the item of the lock, which only a transaction decides together with a write of another item: "
    "tx.check(lock.key, lock.held()). For a single write, give its item an attribute for the token: "
    "condition=lock.fence(Report.fence)"
)


class _LockBase:
    """What a lock is, however it is acquired."""

    def __init__(
        self,
        client: Connection,
        name: str,
        *,
        ttl: float | timedelta,
        wait: float | timedelta | None,
        table: CoordinationTable | str,
    ) -> None:
        place = table_of(table)
        if type(name) is not str or not 0 < len(name.encode("utf-8", "surrogatepass")) <= MOST_BYTES:
            message = f"client.lock(): a lock's name is text of 1 to {MOST_BYTES} bytes, not {name!r}"
            raise ValidationError(message, errors=[("name", message)])
        self.name = name
        self._client = client
        self._seconds = seconds_of("ttl", ttl)
        self._wait = None if wait is None else 0.0 if wait == 0 else seconds_of("wait", wait)
        self._place = place
        self._item = _item_class(place)
        self.key: Key[Any] = self._item.key(*place.key_values(f"LOCK#{name}", _SORT).values())
        self._lease: _core.Lease | None = None

    @property
    def token(self) -> int:
        """The fencing token: 1 for the first holder, and greater than that of every earlier one.

        Raises:
            RuntimeError: The lock was not acquired.
        """
        return self._current().token

    @property
    def is_held(self) -> bool:
        """Whether the lease is known to last at this moment. Sends nothing."""
        return self._lease is not None and self._lease.is_held

    @property
    def lost(self) -> bool:
        """Whether the lease ended before the lock was released. Sends nothing.

        It becomes True when a beat finds another holder, or when the lease has ended because none of its beats was answered.
        """
        return self._lease is not None and self._lease.is_lost

    def held(self) -> Condition:
        """The condition that this holder has the lock: for ``tx.check(lock.key, lock.held())`` in a transaction.

        DynamoDB decides it together with the writes of the transaction, so they are applied only while the lock is held.

        Raises:
            LockLostError: The lease has ended.
            RuntimeError: The lock was not acquired.

        Example:
            >>> tx.check(lock.key, lock.held())
        """
        lease = self._current()
        self._check(lease)
        condition: Condition = self._item.owner == lease.owner
        return condition

    def fence(self, path: NumberExpr[int], /) -> Condition:
        """The condition that no later holder has written an item: for single writes, which also set the attribute.

        The item has an attribute for the token of the holder that wrote it last. A write without this condition is not fenced.

        Args:
            path: The attribute for the token, such as ``Report.fence``.

        Raises:
            LockLostError: The lease has ended.
            RuntimeError: The lock was not acquired.

        Example:
            >>> await report.update(Report.fence.set(lock.token), Report.pages.set(3), condition=lock.fence(Report.fence))
        """
        lease = self._current()
        self._check(lease)
        return path.not_exists() | (path <= lease.token)

    async def _acquire(self) -> None:
        if self.is_held:
            raise RuntimeError(f"the lock {self.name!r} is held by this object: it is not reentrant")
        lease = _core.Lease(self._client.core, self.key.address, self.name, self._seconds)
        self._lease = lease
        try:
            await lease.acquire(self._wait)
        except BaseException as error:
            self._lease = None
            if isinstance(error, LockNotAcquiredError):
                error.name = self.name
            raise

    async def _release(self) -> None:
        lease = self._current()
        if lease.is_lost:
            self._give_up(lease, None)
        if not await lease.release():
            self._check(lease, ended=True)

    def _current(self) -> _core.Lease:
        if self._lease is None:
            raise RuntimeError(f"the lock {self.name!r} was not acquired: use it in a block, `async with client.lock(...)`")
        return self._lease

    def _check(self, lease: _core.Lease, *, ended: bool = False) -> None:
        if lease.is_held:
            return
        if not ended and not lease.is_lost:
            raise RuntimeError(f"the lock {self.name!r} was released")
        raise LockLostError(
            f"the lease of the lock {self.name!r} has ended, so another holder may have it; what was written without "
            "held() or fence() may have been written by two",
            name=self.name,
        )

    async def _leave(self, error: BaseException | None) -> None:
        lease = self._current()
        if not lease.is_held:
            self._give_up(lease, error)
            return
        try:
            was_held = await lease.release()
        except PydynoxError as problem:
            # The block has done its work; the lock is free when the lease ends.
            message = f"the lock {self.name!r} could not be released, and is free in {self._seconds:g} s: {problem}"
            warnings.warn(message, RuntimeWarning, stacklevel=3)
            return
        if not was_held and error is None:
            self._check(lease, ended=True)

    def _give_up(self, lease: _core.Lease, error: BaseException | None) -> None:
        """Leave without waiting: of a lease that has ended, or a block that was closed."""
        was_lost = lease.is_lost
        lease.abandon()
        if was_lost and error is None:
            self._check(lease, ended=True)

    def __repr__(self) -> str:
        state = "not acquired" if self._lease is None else "held" if self.is_held else "lost" if self.lost else "released"
        return f"<lock {self.name!r}, {state}>"


@public
class Lock(_LockBase):
    """A lock that one holder has at a time, wherever it runs: ``async with client.lock("name") as lock``.

    The holder has it for ``ttl`` seconds, which a heart beat extends until the block ends; the core sends it from its own thread,
    so neither a busy interpreter nor a blocked event loop delays it. If the beats stop, because the process died or cannot reach
    DynamoDB, another one takes the lock over after it has watched it for ``ttl`` seconds. No clocks of two machines are compared.

    A lock alone cannot keep a holder that was suspended from writing late. ``held()`` in a transaction does, and so does
    ``fence()``. An object can be used for one block after another, not for two at a time. A forked child does not hold its
    parent's lock.

    Attributes:
        name: The name of the lock.
        key: The key of its item, for ``tx.check(lock.key, lock.held())``.

    Example:
        >>> async with client.lock("nightly-report", ttl=30) as lock:
        ...     async with client.transaction() as tx:
        ...         tx.check(lock.key, lock.held())
        ...         tx.update(Report.key("today"), Report.pages.set(3))
    """

    async def acquire(self) -> None:
        """Acquire the lock without a block; then ``release`` it. Sends UpdateItem, and GetItem while it waits.

        Raises:
            LockNotAcquiredError: Another holder had it for as long as this was to wait.
            RuntimeError: This object holds it.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await lock.acquire()

        Costs: one write unit, and while it waits one read unit per look, after 50 ms up to 1 s; then one write unit per beat,
            three in the time of ``ttl``.
        """
        await self._acquire()

    async def release(self) -> None:
        """Release the lock; it stops beating first, so that the lock is free after ``ttl`` even if this fails. Sends UpdateItem.

        Raises:
            LockLostError: The lease had ended before.
            RuntimeError: The lock was not acquired.

        Example:
            >>> await lock.release()

        Costs: one write unit.
        """
        await self._release()

    @property
    def sync(self) -> SyncLock:
        """The blocking form of this lock, which is acquired apart from it."""
        return SyncLock(self._client, self.name, ttl=self._seconds, wait=self._wait, table=self._place)

    async def __aenter__(self) -> Self:
        await self._acquire()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is GeneratorExit:  # nothing can be awaited
            self._give_up(self._current(), error)
            return
        await self._leave(error)

    if not TYPE_CHECKING:  # hidden from type checkers, which then reject the wrong kind of block
        __enter__, __exit__ = refused_blocking("client.lock(...)", "client.sync.lock(...)")


@public
class SyncLock(_LockBase):
    """The blocking form of ``Lock``: ``with client.sync.lock("name") as lock``."""

    def acquire(self) -> None:
        """Blocking form of ``Lock.acquire``."""
        _core.run(self._acquire())

    def release(self) -> None:
        """Blocking form of ``Lock.release``."""
        _core.run(self._release())

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _core.run(self._leave(error))

    if not TYPE_CHECKING:
        __aenter__, __aexit__ = refused_awaiting("client.sync.lock(...)", "client.lock(...)")


@lru_cache(maxsize=64)
def _item_class(table: CoordinationTable) -> Any:
    attributes = {
        "owner": StringAttribute(null=True),
        "beat": StringAttribute(null=True),
        "lease": NumberAttribute(int, null=True),
        "token": NumberAttribute(int, default=0),
    }
    item = table.item_class("LockItem", attributes)
    item._elsewhere = _ELSEWHERE
    return item
