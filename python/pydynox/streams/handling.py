"""Handlers of streams: a function of one record as a Lambda function, which reports the record that Lambda has to retry from."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Generic, TypedDict, overload

import pydynox._core as _core
from pydynox._invocation.in_order import Progress, check_concurrency, grouped, work, work_blocking
from pydynox._invocation.time_left import MARGIN, checked_margin, ending_in, seconds_left
from pydynox._shared.typing import A, B, C, D, Row

from .records import Record, client_of, opened, read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeAlias, Unpack

    from pydynox.client import DynamoDBClient
    from pydynox.coordination.tables import CoordinationTable

    from .records import Event

    Function: TypeAlias = Callable[[Record[Row]], Awaitable[object] | object]


class ItemFailure(TypedDict):
    """A record or message that Lambda has to deliver again."""

    itemIdentifier: str


class BatchResponse(TypedDict):
    """What a handler answers Lambda: the record to retry from, or no record."""

    batchItemFailures: list[ItemFailure]


class HandlerOptions(TypedDict, total=False):
    """What ``@streams.handler`` takes besides models."""

    concurrency: int
    client: DynamoDBClient | None
    open_protected: bool
    idempotent: bool | str | CoordinationTable
    on_poison: Callable[[Record[Any]], Awaitable[object] | object] | None
    report_failures: bool
    margin: float


class StreamHandler(Generic[Row]):
    """A function of one record as a Lambda function: what ``@streams.handler`` makes of it.

    Attributes:
        models: The models of the records.
        function: The function as it was written.
    """

    def __init__(
        self,
        function: Function[Row],
        models: Sequence[type[Row]],
        *,
        concurrency: int = 10,
        client: DynamoDBClient | None = None,
        open_protected: bool = False,
        idempotent: bool | str | CoordinationTable = False,
        on_poison: Callable[[Record[Any]], Awaitable[object] | object] | None = None,
        report_failures: bool = True,
        margin: float = MARGIN,
    ) -> None:
        check_concurrency(concurrency, "streams.handler")
        self.models = tuple(models)
        self.function = function
        self._concurrency = concurrency
        self._client = client
        self._opens = open_protected
        self._on_poison = on_poison
        self._reports = report_failures
        self._margin = checked_margin(margin, "streams.handler")
        self._is_async = inspect.iscoroutinefunction(function)
        self._call: Any = self._once(idempotent) if idempotent else self._plainly
        self.__name__ = getattr(function, "__name__", "handler")
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__wrapped__ = function

    def __call__(self, event: Event, context: object = None) -> BatchResponse:
        """Handle an event: what Lambda calls.

        A coroutine function runs on a loop that is kept for the next event.

        Args:
            event: The event.
            context: Lambda's context, whose remaining time limits the calls; None for no limit.

        Returns:
            The record that Lambda has to retry from; nothing to retry is an empty list.

        Raises:
            ValidationError: The event is another service's, or of a table that no model has.
            RuntimeError: An event loop is running: await ``process()``.
        """
        if self._is_async:
            from pydynox._invocation.loop import run

            return run(self.process(event, context))
        return self._blocking(event, context)

    async def process(self, event: Event, context: object = None) -> BatchResponse:
        """Handle an event where an event loop runs, as in a test. Arguments and result are those of a call.

        Example:
            >>> await on_order.process({"Records": [...]})
            {'batchItemFailures': []}
        """
        client, records, progress, seconds = self._begin(event, context)

        async def one(position: int) -> None:
            await self._handle(records[position], client, context)

        with ending_in(client, seconds):
            groups = grouped(record.group for record in records)
            await work(groups, one, progress, concurrency=self._concurrency, seconds=seconds)
        return self._end(records, progress)

    def _blocking(self, event: Event, context: object) -> BatchResponse:
        client, records, progress, seconds = self._begin(event, context)

        def one(position: int) -> None:
            _core.run(self._handle(records[position], client, context))

        with ending_in(client, seconds):
            work_blocking([record.group for record in records], one, progress, seconds=seconds)
        return self._end(records, progress)

    def _begin(self, event: Event, context: object) -> tuple[DynamoDBClient, list[Record[Any]], Progress, float | None]:
        client = client_of(self.models, self._client, "streams.handler")
        records = read(event, self.models, client=client, table=None, opens=self._opens)
        # Lambda delivers a failed record of a stream and all after it again, so what follows a failure would run twice.
        stops = not any(record.is_message for record in records)
        return client, records, Progress(len(records), stops=stops), seconds_left(context, self._margin)

    def _plainly(self, record: Record[Any], _context: object) -> Any:
        return self.function(record)

    def _once(self, table: bool | str | CoordinationTable) -> Any:
        """The function, run once for each record: a record that succeeded is skipped when it is delivered again."""
        from pydynox.coordination.idempotency import idempotent

        place: Any = {} if table is True else {"table": table}
        name = f"{self.function.__module__}.{self.function.__qualname__}"
        # The context is passed on for the time that is left: a record is free again when its invocation must have ended.
        decorate = idempotent(key=_identity, payload=False, name=name, client=self._client, **place)
        if self._is_async:

            async def awaited(record: Record[Any], _context: object) -> None:
                outcome: Any = self.function(record)
                await outcome

            return decorate(awaited)

        def plain(record: Record[Any], _context: object) -> None:
            self.function(record)

        return decorate(plain)

    async def _handle(self, record: Record[Any], client: DynamoDBClient, context: object) -> None:
        record = await opened(record, client)
        if record.error is None:
            outcome = self._call(record, context)
        elif self._on_poison is None:
            raise record.error
        else:
            outcome = self._on_poison(record)
        if inspect.isawaitable(outcome):
            await outcome

    def _end(self, records: Sequence[Record[Any]], progress: Progress) -> BatchResponse:
        left = progress.left()
        for position, error in progress.errors.items():
            self._report(records[position], error)
        if not left:
            return {"batchItemFailures": []}
        first = left[0]
        error = progress.errors.get(first) or TimeoutError(f"{self.__name__}: the time of the invocation ended at record {first}")
        numbers = [records[position].sequence_number for position in (left if records[first].is_message else [first])]
        if not self._reports or None in numbers:
            raise error
        return {"batchItemFailures": [{"itemIdentifier": number} for number in numbers if number is not None]}

    def _report(self, record: Record[Any], error: Exception) -> None:
        """Log a failure: Lambda shows what a function raises, but not why it reports a record."""
        import logging

        logger = logging.getLogger("pydynox.streams")
        logger.error("%s: stream record %s failed and is delivered again", self.__name__, record.sequence_number, exc_info=error)

    def __repr__(self) -> str:
        models = ", ".join(model.__name__ for model in self.models)
        return f"<streams.handler({models}) {self.__name__}>"


@overload
def handler(a: type[A], /, **options: Unpack[HandlerOptions]) -> Callable[[Function[A]], StreamHandler[A]]: ...
@overload
def handler(
    a: type[A], b: type[B], /, **options: Unpack[HandlerOptions]
) -> Callable[[Function[A | B]], StreamHandler[A | B]]: ...
@overload
def handler(
    a: type[A], b: type[B], c: type[C], /, **options: Unpack[HandlerOptions]
) -> Callable[[Function[A | B | C]], StreamHandler[A | B | C]]: ...
@overload
def handler(
    a: type[A], b: type[B], c: type[C], d: type[D], /, **options: Unpack[HandlerOptions]
) -> Callable[[Function[A | B | C | D]], StreamHandler[A | B | C | D]]: ...
@overload
def handler(*models: type[Any], **options: Unpack[HandlerOptions]) -> Callable[[Function[Any]], StreamHandler[Any]]: ...
def handler(*models: Any, **options: Any) -> Any:
    """Make a Lambda function of a function of one record, ``async def`` or plain.

    Records of the same item are handled in their order; an ``async def`` handles several items at a time. If the function raises,
    nothing after that record is started, and the answer names the earliest record that is not done: Lambda delivers it and all
    after it again. This needs ``ReportBatchItemFailures`` in the event source mapping: **without it, Lambda ignores the answer
    and takes failed records for done**; set ``report_failures=False`` there, and the error is raised, so that Lambda delivers
    the whole batch again.

    Records are delivered at least once: those after a failure, or of an invocation that is killed, arrive again.

    Args:
        *models: The models of the records; see ``streams.decode()``.
        concurrency: Maximum number of items that an ``async def`` handles at a time.
        client: The client. Defaults to the first model's, or the one in effect when an event arrives.
        open_protected: Open encrypted and compressed values with the client's keyring.
        idempotent: Skip records for which the function has succeeded before, as ``@idempotent`` does: the name of the table that
            keeps note of them, a ``CoordinationTable``, or True for the table ``pydynox``. In the function, ``tx.idempotent()``
            makes the effect of a transaction happen exactly once.
        on_poison: Called with each record that cannot be decoded; if it returns, the record counts as done. ``record.error`` says
            why, and ``record.raw`` is the record. Without it, such a record fails until Lambda gives up on it.
        report_failures: Answer with the record to retry from; False raises its error.
        margin: Seconds before the end of the invocation at which running calls are cancelled, so that the answer is still sent.

    Raises:
        ConfigurationError: An option is invalid, or there is no model.

    Example:
        >>> @streams.handler(Order, Customer)
        ... async def on_change(record: streams.Record[Order | Customer]) -> None:
        ...     if record.event_name == "INSERT":
        ...         await welcome(record.new)
    """
    client_of(models, options.get("client") or _NO_CLIENT, "streams.handler")

    def decorate(function: Any) -> StreamHandler[Any]:
        return StreamHandler(function, models, **options)

    return decorate


def _identity(record: Record[Any], _context: object) -> str | None:
    """What tells a record from all others, at every delivery."""
    number = record.event_id or record.sequence_number
    return None if number is None else f"{record.table}#{number}"


#: Stands in for a client where only the models are checked: none must be created when a module is imported.
_NO_CLIENT: Any = object()
