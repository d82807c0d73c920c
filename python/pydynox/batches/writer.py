"""BatchWriter: many independent writes in as few requests as possible."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Self

import pydynox._core as _core
from pydynox._shared.hints import foreign, refused_awaiting, refused_blocking
from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox.exceptions import BatchIncompleteError, ConfigurationError, PydynoxError
from pydynox.key import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType

    from pydynox._client.connection import Connection
    from pydynox.cost import Progress, Reporter

# Puts and deletes to collect before sending: BatchWriteItem takes at most 25, so 100 make four parallel requests.
FLUSH = 100
PACED_FLUSH = 400  # the same for a bulk job: sixteen requests, eight at a time


class BatchWriter:
    """Many independent puts and deletes: ``async with client.batch_writer() as batch``.

    They are sent while the block runs, a hundred at a time in four parallel requests, and the rest when it ends. If an item
    appears twice, the last write wins. Unprocessed items are sent again with exponential backoff until the client's timeout.

    Attributes:
        written: Number of items written so far.

    Example:
        >>> async with client.batch_writer() as batch:
        ...     for user in users:
        ...         await batch.put(user)
        ...     await batch.delete(Order.key("c1", 7))
    """

    def __init__(
        self,
        client: Connection,
        *,
        unguarded: bool,
        transactions: bool,
        progress: Callable[[Progress], object] | None,
        total: int | None = None,
        pace: _core.Pace | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> None:
        if unguarded and transactions:
            raise ConfigurationError("unguarded=True skips the checks and transactions=True makes them: pass only one of the two")
        self._client = client
        self._unguarded = unguarded
        self._transactions = transactions
        self._pace = pace
        self._timeout = timeout
        self._most = FLUSH if pace is None else PACED_FLUSH
        self._progress = progress
        self._reporter = None if progress is None else self._reporting(progress, total)
        self._pending = _core.Pending(client.core)
        self._has_hooks = False
        self._done: list[Any] = []
        self._rest: Iterator[Any] | None = None  # the items of a list or tuple that were not taken yet
        self._state = "new"
        self.written = 0

    async def put(self, instance: Any, /) -> None:
        """Write a whole item, replacing any existing one; the call may wait while a batch is sent. Save hooks run.

        Args:
            instance: The instance of a model; it counts as stored once its request has succeeded.

        Raises:
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item is over 400 KB.
            ConfigurationError: The model has a version or unique values, which a batch cannot check, and the writer has neither
                ``unguarded`` nor ``transactions`` set.
            BatchIncompleteError: Some items could not be written.

        Example:
            >>> await batch.put(user)

        Costs: one write unit per KB of the larger of the old and the new item.
        """
        self._check_open("put")
        if not isinstance(instance, _core.Instance):
            raise TypeError(f"batch.put takes an instance of a model, not {foreign(instance)}")
        if self._is_guarded(type(instance)):
            await self._write_singly(instance, "put" if _core.is_stored(instance) else "create")
            return
        hooks: Any = getattr(instance, "_hooks", None)
        if hooks is not None:
            self._has_hooks = True
            await hooks.before(instance, "before_save")
        self._pending.put(instance)
        if self._is_full:
            await self._flush()

    async def put_all(self, instances: Iterable[Any], /) -> None:
        """Put each of these instances, as ``put`` does.

        Most only need to be queued, which takes one call into the core for all of them instead of a coroutine each.
        """
        self._check_open("put_all")
        rest = self._each(instances)
        while True:
            # Takes instances without returning to Python for each; it gives back the first one that has hooks or needs a guard.
            other = self._pending.fill(rest, self._most, self._unguarded)
            if other is not None:
                await self.put(other)
            elif self._is_full:
                await self._flush()
            else:
                return

    async def delete_all(self, targets: Iterable[Any], /) -> None:
        """Delete each of these instances or keys, as ``delete`` does."""
        for target in self._each(targets):
            await self.delete(target)

    def _each(self, given: Iterable[Any]) -> Iterator[Any]:
        rest = iter(given)
        # An error lists the rest of a list or tuple as pending. Any other iterator is left alone: it may be slow or infinite.
        if isinstance(given, (list, tuple)):
            self._rest = rest
        return rest

    @property
    def _is_full(self) -> bool:
        return len(self._pending) >= self._most

    async def delete(self, target: Any, /) -> None:
        """Delete an item; a missing item is not an error. The call may wait while a batch is sent. Hooks of an instance run.

        Args:
            target: The instance of a model, or a key.

        Raises:
            ConfigurationError: The model of the instance has a version or unique values, or the model of the key has an entity,
                which a batch cannot check, and the writer has neither ``unguarded`` nor ``transactions`` set.
            BatchIncompleteError: Some items could not be written.

        Example:
            >>> await batch.delete(Order.key("c1", 7))

        Costs: one write unit per KB of the deleted item; one if it does not exist.
        """
        self._check_open("delete")
        if _is_key(target):
            if self._is_guarded(target.model, by_key=True):
                await self._write_singly(target, "delete")
                return
            self._pending.delete_key(target, target.address)
            if self._is_full:
                await self._flush()
            return
        if not isinstance(target, _core.Instance):
            raise TypeError(f"batch.delete takes an instance of a model or a key, not {foreign(target)}")
        if self._is_guarded(type(target)):
            await self._write_singly(target, "delete")
            return
        hooks: Any = getattr(target, "_hooks", None)
        if hooks is not None:
            self._has_hooks = True
            await hooks.before(target, "before_delete")
        self._pending.delete(target)
        if self._is_full:
            await self._flush()

    def _check_open(self, verb: str) -> None:
        if self._state != "open":
            when = "has not started" if self._state == "new" else "has ended"
            raise RuntimeError(f"batch.{verb} outside its block, which {when}: async with client.batch_writer() as batch")

    def _is_guarded(self, model: Any, *, by_key: bool = False) -> bool:
        """Whether an item of this model must be written singly, by its own verb."""
        if self._unguarded or not _core.needs_guard(model._schema, by_key):
            return False
        if not self._transactions:
            if not _core.needs_guard(model._schema, False):
                raise ConfigurationError(
                    f"{model.__name__} shares its table with other entities, and a batch deletes any item with the key: pass "
                    "unguarded=True if no other entity has these keys, or transactions=True to delete each one singly, if it "
                    f"belongs to {model.__name__}",
                    model=model.__name__,
                )
            raise ConfigurationError(
                f"{model.__name__} has a version or unique values, which a batch cannot check: "
                "pass client.batch_writer(unguarded=True) if nothing else writes these items, or transactions=True to write each "
                "one singly",
                model=model.__name__,
            )
        return True

    async def _write_singly(self, target: Any, verb: str) -> None:
        """Write with the item's own verb, which makes the checks that a batch cannot."""
        # Counted too, so that the position in an error is that of the caller's write.
        self._pending.pass_by(1)
        try:
            with self._client.as_default(), self._counting():
                written: Coroutine[Any, Any, None] = getattr(target, verb)()
                await (written if self._timeout is NOT_GIVEN else limited(self._client, self._timeout, written))
        except PydynoxError as error:
            # The error keeps its class, so that callers can catch it; what was written goes along as its cause.
            if error.__cause__ is None:
                error.__cause__ = self._incomplete("one failed", unprocessed=[target], retryable=error.retryable)
            raise
        if self._pace is None:
            self._done.append(target)
        self.written += 1
        if self._reporter is not None:
            self._reporter(self.written)

    def _sent(self) -> _core.Operation:
        if self._reporter is None and self._timeout is NOT_GIVEN:
            return self._pending.send(self._pace)
        with self._counting():
            if self._timeout is NOT_GIVEN:
                return self._pending.send(self._pace)
            with self._client.options(timeout=self._timeout):
                return self._pending.send(self._pace)

    def _reporting(self, progress: Callable[[Progress], object], total: int | None) -> Reporter:
        from pydynox.cost import Reporter, Usage

        self._usage = Usage(_core.Meter(self._client.core.number, (None, None, None, False), None))
        return Reporter(progress, self._usage, total, 0)

    def _counting(self) -> AbstractContextManager[object]:
        """Count the calls in the block, if progress is reported; not those of the user's code around it."""
        return nullcontext() if self._reporter is None else self._client.collect(self._usage)

    async def _flush(self) -> None:
        # Before sending, which takes everything that is held.
        sent = self._pending.targets()
        puts = self._pending.are_puts() if self._has_hooks else []
        operation = None
        try:
            operation = self._sent()
            left, cause = await operation
        except BaseException as error:
            # If sending could not begin, the writes are still held and count as pending.
            if operation is not None or not len(self._pending):
                _chain(error, self._incomplete("the batch was interrupted", unprocessed=sent, ambiguous=True))
            raise
        done = sent
        if left:
            places = set(left)
            done = [target for place, target in enumerate(sent) if place not in places]
        if self._pace is None:  # a bulk job may write any number of items, so they are not collected
            self._done += done
        self.written += len(done)
        if self._has_hooks:
            for place, (target, is_put) in enumerate(zip(sent, puts, strict=True)):
                if place not in left and not _is_key(target) and target._hooks is not None:
                    await target._hooks.after(target, "after_save" if is_put else "after_delete")
        if left:
            self._state = "ended"
            why = "DynamoDB accepted no more until the timeout" if cause is None else str(cause)
            in_doubt = cause is not None and cause.ambiguous
            what = "may or may not have been written" if in_doubt else "could not be written"
            raise self._incomplete(
                f"{len(left)} of the last {len(sent)} {what}: {why}",
                unprocessed=[sent[place] for place in left],
                retryable=cause is None or cause.retryable,  # unprocessed without an error means throttled
                ambiguous=in_doubt,
            ) from cause
        if self._reporter is not None:
            self._reporter(self.written)

    def _incomplete(
        self, why: str, *, unprocessed: list[Any], retryable: bool = False, ambiguous: bool = False
    ) -> BatchIncompleteError:
        pending = [*self._pending.targets(), *(self._rest or ())]
        return BatchIncompleteError(
            f"{self.written} were written; {why}; {len(pending)} were not sent",
            written=self._done,
            written_count=self.written,
            unprocessed=unprocessed,
            pending=pending,
            retryable=retryable,
            ambiguous=ambiguous,
        )

    def _begin(self) -> None:
        if self._state != "new":
            raise RuntimeError("a batch writer can be used for one block only: create a new one with client.batch_writer()")
        self._state = "open"

    async def _finish(self, error: BaseException | None) -> None:
        ended = self._state == "ended"
        self._state = "ended"
        if error is None:
            if len(self._pending) and not ended:
                await self._flush()
        elif not isinstance(error, BatchIncompleteError):
            incomplete = self._incomplete("the block raised", unprocessed=[])
            if incomplete.pending or self.written:
                _chain(error, incomplete)

    @property
    def sync(self) -> SyncBatchWriter:
        """The blocking form of this writer."""
        writer = BatchWriter(
            self._client,
            unguarded=self._unguarded,
            transactions=self._transactions,
            progress=self._progress,
            timeout=self._timeout,
        )
        return SyncBatchWriter(writer)

    async def __aenter__(self) -> Self:
        self._begin()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._finish(error)

    if not TYPE_CHECKING:  # hidden from type checkers, which then reject the wrong kind of block
        __enter__, __exit__ = refused_blocking("client.batch_writer()", "client.sync.batch_writer()")


class SyncBatchWriter:
    """The blocking form of ``BatchWriter``: ``with client.sync.batch_writer() as batch``."""

    def __init__(self, target: BatchWriter) -> None:
        self._target = target

    @property
    def written(self) -> int:
        """Number of items written so far."""
        return self._target.written

    def put(self, instance: Any, /) -> None:
        """Blocking form of ``BatchWriter.put``."""
        _core.run(self._target.put(instance))

    def delete(self, target: Any, /) -> None:
        """Blocking form of ``BatchWriter.delete``."""
        _core.run(self._target.delete(target))

    def __enter__(self) -> Self:
        self._target._begin()  # pyright: ignore[reportPrivateUsage]  # one writer in two forms
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _core.run(self._target._finish(error))  # pyright: ignore[reportPrivateUsage]  # as above

    if not TYPE_CHECKING:
        __aenter__, __aexit__ = refused_awaiting("client.sync.batch_writer()", "client.batch_writer()")


def _is_key(target: object) -> bool:
    return isinstance(target, Key)


def _chain(error: BaseException, incomplete: PydynoxError) -> None:
    """Attach the state of the batch to an error, as the last of its contexts."""
    last = error
    while last.__context__ is not None:
        last = last.__context__
    last.__context__ = incomplete
