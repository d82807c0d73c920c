"""For SQS: a function of one message as a Lambda function, which reports the messages that have to be delivered again."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import pydynox._core as _core
from pydynox._invocation.in_order import Progress, check_concurrency, grouped, work, work_blocking
from pydynox._invocation.time_left import MARGIN, checked_margin, ending_in, seconds_left
from pydynox.default_client import client_for
from pydynox.exceptions import ValidationError
from pydynox.streams import BatchResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pydynox.client import DynamoDBClient

F = TypeVar("F", bound="Callable[[Any], Awaitable[object] | object]")

__all__ = ["BatchHandler", "BatchResponse", "Message", "handler"]


class Message:
    """A message of a queue.

    Attributes:
        body: Its text.
        message_id: Its identifier, the same at every delivery.
        group: The message group of a FIFO queue; None for a standard queue.
        raw: The message as Lambda passes it.
    """

    __slots__ = ("body", "group", "message_id", "raw")

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.body: str = raw["body"]
        self.message_id: str = raw["messageId"]
        self.group: str | None = raw.get("attributes", {}).get("MessageGroupId") if _is_fifo(raw) else None

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: It is not JSON.
        """
        import json

        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"<Message {self.message_id}>"


class BatchHandler(Generic[F]):
    """A function of one message as a Lambda function: what ``@batch.handler`` makes of it.

    Attributes:
        function: The function as it was written.

    Example:
        >>> await on_message.process({"Records": [...]})
        {'batchItemFailures': []}
    """

    def __init__(
        self, function: F, *, concurrency: int = 10, client: DynamoDBClient | None = None, margin: float = MARGIN
    ) -> None:
        check_concurrency(concurrency, "batch.handler")
        self.function = function
        self._concurrency = concurrency
        self._client = client
        self._margin = checked_margin(margin, "batch.handler")
        self._is_async = inspect.iscoroutinefunction(function)
        self.__name__ = getattr(function, "__name__", "handler")
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__wrapped__ = function

    def __call__(self, event: Mapping[str, Any], context: object = None) -> BatchResponse:
        """Handle an event: what Lambda calls.

        Args:
            event: The event.
            context: Lambda's context, whose remaining time limits the calls; None for no limit.

        Returns:
            The messages that Lambda has to deliver again.

        Raises:
            ValidationError: The event is another service's.
            RuntimeError: An event loop is running: await ``process()``.
        """
        if self._is_async:
            from pydynox._invocation.loop import run

            return run(self.process(event, context))
        messages = _messages(event)
        progress = Progress(len(messages), stops=False)
        seconds = seconds_left(context, self._margin)

        def one(position: int) -> None:
            _core.run(self._handle(messages[position]))

        with ending_in(self._client or client_for(None), seconds):
            work_blocking([message.group for message in messages], one, progress, seconds=seconds)
        return self._end(messages, progress)

    async def process(self, event: Mapping[str, Any], context: object = None) -> BatchResponse:
        """Handle an event where an event loop runs, as in a test. Arguments and result are those of a call."""
        messages = _messages(event)
        progress = Progress(len(messages), stops=False)
        seconds = seconds_left(context, self._margin)

        async def one(position: int) -> None:
            await self._handle(messages[position])

        with ending_in(self._client or client_for(None), seconds):
            groups = grouped(message.group for message in messages)
            await work(groups, one, progress, concurrency=self._concurrency, seconds=seconds)
        return self._end(messages, progress)

    async def _handle(self, message: Message) -> None:
        outcome = self.function(message)
        if inspect.isawaitable(outcome):
            await outcome

    def _end(self, messages: list[Message], progress: Progress) -> BatchResponse:
        for position, error in progress.errors.items():
            import logging

            logger = logging.getLogger("pydynox.batch")
            logger.error("%s: message %s failed", self.__name__, messages[position].message_id, exc_info=error)
        return {"batchItemFailures": [{"itemIdentifier": messages[position].message_id} for position in progress.left()]}

    def __repr__(self) -> str:
        return f"<batch.handler {self.__name__}>"


@overload
def handler(function: F, /) -> BatchHandler[F]: ...
@overload
def handler(
    *, concurrency: int = ..., client: DynamoDBClient | None = ..., margin: float = ...
) -> Callable[[F], BatchHandler[F]]: ...
def handler(
    function: Any = None, /, *, concurrency: int = 10, client: DynamoDBClient | None = None, margin: float = MARGIN
) -> Any:
    """Make a Lambda function of a function of one message of SQS, ``async def`` or plain. Sends nothing itself.

    The answer names the messages that failed or were not reached, and SQS delivers these again. In a FIFO queue the messages of a
    group are handled in order, and those after a failure count as failed too; other groups continue. This needs
    ``ReportBatchItemFailures`` in the event source mapping: **without it, Lambda ignores the answer and deletes every message**.

    Args:
        function: A function of a ``Message``.
        concurrency: Maximum number of messages, or of groups, that an ``async def`` handles at a time.
        client: The client whose calls end with the invocation. Defaults to the one in effect when an event arrives.
        margin: Seconds before the end of the invocation at which running calls are cancelled, so that the answer is still sent.

    Raises:
        ConfigurationError: An option is invalid.

    Example:
        >>> @batch.handler
        ... async def on_message(message: batch.Message) -> None:
        ...     await Order(**message.json()).put()
    """
    options: dict[str, Any] = {"concurrency": concurrency, "client": client, "margin": margin}

    def decorate(function: Any) -> BatchHandler[Any]:
        return BatchHandler(function, **options)

    if function is not None:
        return decorate(function)
    check_concurrency(concurrency, "batch.handler")
    checked_margin(margin, "batch.handler")
    return decorate


def _is_fifo(raw: Mapping[str, Any]) -> bool:
    # A standard queue may pass a group too, which then only says who shares its messages fairly.
    return str(raw.get("eventSourceARN", "")).endswith(".fifo")


def _messages(event: Mapping[str, Any]) -> list[Message]:
    """The messages of an event.

    Raises:
        ValidationError: It is not an event of SQS.
    """
    records: list[Mapping[str, Any]] | None = event.get("Records")
    if isinstance(records, list):
        sources = {record.get("eventSource") for record in records}
        if sources <= {"aws:sqs"}:
            return [Message(record) for record in records]
        problem = f"this is an event of {min(map(str, sources))}, not of SQS (aws:sqs)"
    else:
        problem = "this is not an event of SQS: it has no Records"
    raise ValidationError(problem, errors=[("", problem)])
