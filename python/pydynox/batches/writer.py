"""Batches: many writes that stand each for itself, in as few requests as there can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydynox import _core
from pydynox._shared.hints import refused_awaiting, refused_blocking
from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox.exceptions import BatchIncompleteError, ConfigurationError, PydynoxError
from pydynox.key import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator
    from types import TracebackType

    from pydynox._client.connection import Connection

FLUSH = 100  # as many puts and deletes wait until they are sent: four requests, side by side
PACED_FLUSH = 400  # of a bulk job: sixteen requests, eight at a time


class BatchWriter:
    """Many puts and deletes, each for itself: ``async with client.batch_writer() as batch``.

    They are sent while the block runs, a hundred at a time in four requests side by side, and the rest when it ends. Of two for
    the same item the last counts. What DynamoDB leaves over is sent again, with growing pauses, until the client's time-out.

    Attributes:
        written: How many are written.

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
        progress: Callable[[int], object] | None,
        pace: _core.Pace | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> None:
        if unguarded and transactions:
            raise ConfigurationError("unguarded=True writes without looking, transactions=True looks: say one of them")
        self._client = client
        self._unguarded = unguarded
        self._transactions = transactions
        self._pace = pace
        self._timeout = timeout
        self._most = FLUSH if pace is None else PACED_FLUSH
        self._progress = progress
        self._pending = _core.Pending(client.core)
        self._has_hooks = False
        self._done: list[Any] = []
        self._rest: Iterator[Any] | None = None  # of a list that was given whole: what comes behind those that were taken
        self._state = "new"
        self.written = 0

    async def put(self, instance: Any, /) -> None:
        """Write a whole item, replacing whatever is there; it may wait until there is room. Hooks of saving run.

        Args:
            instance: The instance of a model; it counts as stored once its request was answered.

        Raises:
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item is over 400 KB.
            ConfigurationError: The model has a version or unique values, which a batch cannot check, and the writer is neither
                ``unguarded`` nor with ``transactions``.
            BatchIncompleteError: Some of what was sent could not be written.

        Example:
            >>> await batch.put(user)

        Costs: one write unit per KB of the larger of the old and the new item.
        """
        self._check_open("put")
        if not isinstance(instance, _core.Instance):
            raise TypeError(f"batch.put takes an instance of a model, not {type(instance).__qualname__}")
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

        Most of them only need to be collected and sent, which takes one call into the core and no coroutine each.
        """
        self._check_open("put_all")
        rest = self._each(instances)
        while True:
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
        # What another iterator has not given yet stays there: to ask it may be work, or have no end.
        if isinstance(given, (list, tuple)):
            self._rest = rest
        return rest

    @property
    def _is_full(self) -> bool:
        return len(self._pending) >= self._most

    async def delete(self, target: Any, /) -> None:
        """Delete an item; one that is not there is no error. It may wait until there is room. Hooks of an instance run.

        Args:
            target: The instance of a model, or a key.

        Raises:
            ConfigurationError: The model of the instance has a version or unique values, or that of the key an entity, which a
                batch cannot check, and the writer is neither ``unguarded`` nor with ``transactions``.
            BatchIncompleteError: Some of what was sent could not be written.

        Example:
            >>> await batch.delete(Order.key("c1", 7))

        Costs: one write unit per KB of the deleted item, one where there is none.
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
            raise TypeError(f"batch.delete takes an instance of a model or a key, not {type(target).__qualname__}")
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
            when = "has not begun" if self._state == "new" else "has ended"
            raise RuntimeError(f"batch.{verb} outside of its block, which {when}: async with client.batch_writer() as batch")

    def _is_guarded(self, model: Any, *, by_key: bool = False) -> bool:
        """Whether an item of this model is written by itself."""
        if self._unguarded or not _core.needs_guard(model._schema, by_key):
            return False
        if not self._transactions:
            if not _core.needs_guard(model._schema, False):
                raise ConfigurationError(
                    f"{model.__name__} shares its table with other entities, and a batch deletes whatever item has the key: say "
                    "unguarded=True if these keys are of no other entity, or transactions=True to delete each by itself if it is "
                    f"of {model.__name__}",
                    model=model.__name__,
                )
            raise ConfigurationError(
                f"{model.__name__} has a version or unique values, and a batch writes without looking at them: "
                "say client.batch_writer(unguarded=True) if nobody else writes these items, or transactions=True to write each "
                "by itself",
                model=model.__name__,
            )
        return True

    async def _write_singly(self, target: Any, verb: str) -> None:
        """What a batch cannot look at: its own verb does."""
        self._pending.pass_by(1)
        try:
            with self._client.as_default():
                written: Coroutine[Any, Any, None] = getattr(target, verb)()
                await (written if self._timeout is NOT_GIVEN else limited(self._client, self._timeout, written))
        except PydynoxError as error:
            if error.__cause__ is None:
                error.__cause__ = self._incomplete("one failed", unprocessed=[target], retryable=error.retryable)
            raise
        if self._pace is None:
            self._done.append(target)
        self.written += 1
        if self._progress is not None:
            self._progress(self.written)

    def _sent(self) -> _core.Operation:
        if self._timeout is NOT_GIVEN:
            return self._pending.send(self._pace)
        with self._client.options(timeout=self._timeout):
            return self._pending.send(self._pace)

    async def _flush(self) -> None:
        sent = self._pending.targets()
        puts = self._pending.are_puts() if self._has_hooks else []
        operation = None
        try:
            operation = self._sent()
            left, cause = await operation
        except BaseException as error:
            if operation is not None or not len(self._pending):
                _chain(error, self._incomplete("the batch was interrupted", unprocessed=sent))
            raise
        done = sent
        if left:
            places = set(left)
            done = [target for place, target in enumerate(sent) if place not in places]
        if self._pace is None:  # a bulk job has no end to remember
            self._done += done
        self.written += len(done)
        if self._has_hooks:
            for place, (target, is_put) in enumerate(zip(sent, puts, strict=True)):
                if place not in left and not _is_key(target) and target._hooks is not None:
                    await target._hooks.after(target, "after_save" if is_put else "after_delete")
        if left:
            self._state = "ended"
            why = "DynamoDB took no more until the time-out" if cause is None else str(cause)
            raise self._incomplete(
                f"{len(left)} of the last {len(sent)} could not be written: {why}",
                unprocessed=[sent[place] for place in left],
                retryable=cause is None or cause.retryable,  # what is left over was throttled
            ) from cause
        if self._progress is not None:
            self._progress(self.written)

    def _incomplete(self, why: str, *, unprocessed: list[Any], retryable: bool = False) -> BatchIncompleteError:
        pending = [*self._pending.targets(), *(self._rest or ())]
        return BatchIncompleteError(
            f"{self.written} were written; {why}; {len(pending)} were not sent",
            written=self._done,
            written_count=self.written,
            unprocessed=unprocessed,
            pending=pending,
            retryable=retryable,
        )

    def _begin(self) -> None:
        if self._state != "new":
            raise RuntimeError("a batch writer is for one block: make a new one with client.batch_writer()")
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

    if not TYPE_CHECKING:  # checkers know that it cannot be entered like this
        __enter__, __exit__ = refused_blocking("client.batch_writer()", "client.sync.batch_writer()")


class SyncBatchWriter:
    """The blocking form of ``BatchWriter``: ``with client.sync.batch_writer() as batch``."""

    def __init__(self, target: BatchWriter) -> None:
        self._target = target

    @property
    def written(self) -> int:
        """How many are written."""
        return self._target.written

    def put(self, instance: Any, /) -> None:
        """Blocking form of ``BatchWriter.put``."""
        _core.run(self._target.put(instance))

    def delete(self, target: Any, /) -> None:
        """Blocking form of ``BatchWriter.delete``."""
        _core.run(self._target.delete(target))

    def __enter__(self) -> Self:
        self._target._begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _core.run(self._target._finish(error))

    if not TYPE_CHECKING:
        __aenter__, __aexit__ = refused_awaiting("client.sync.batch_writer()", "client.batch_writer()")


def _is_key(target: object) -> bool:
    return isinstance(target, Key)


def _chain(error: BaseException, incomplete: PydynoxError) -> None:
    """Let the last of an error's contexts be what became of the batch."""
    last = error
    while last.__context__ is not None:
        last = last.__context__
    last.__context__ = incomplete
