"""The relay of an outbox as a Lambda function that reads the stream of its table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydynox.coordination.outbox import Outbox

from .handling import StreamHandler

if TYPE_CHECKING:
    from typing import Unpack

    from pydynox.coordination.outbox import Publish
    from pydynox.coordination.tables import CoordinationTable

    from .handling import HandlerOptions
    from .records import Record

#: Keys of which the last published number is remembered.
_MOST_KEYS = 10_000


def outbox_handler(
    publish: Publish, /, *, table: CoordinationTable | str = "pydynox", **options: Unpack[HandlerOptions]
) -> StreamHandler[Any]:
    """A Lambda function that publishes the events of ``tx.outbox()``, from the stream of their table.

    A record makes it publish the events of its key that wait, in their order, up to and after its own, and delete them. Events
    are published at least once. If publishing fails, Lambda delivers the record and all after it again.

    Args:
        publish: Called with each ``OutboxEvent``; a coroutine function is awaited. If it returns, the event is published.
        table: Where events are stored: a ``CoordinationTable``, or the name of one. Its stream has new images.
        **options: Options of ``@streams.handler``. Events of different keys are published one after another in any case.

    Raises:
        ConfigurationError: The table has no sort key, or an option is invalid.

    Example:
        >>> handler = streams.outbox_handler(publish)
    """
    outbox = Outbox(table, client=options.get("client"))
    published: dict[str, int] = {}

    async def relay(record: Record[Any]) -> None:
        item = record.new
        if record.event_name != "INSERT" or item is None:
            return
        if item.key_ is None:
            await outbox.relay_until(item, publish)
        elif published.get(item.key_, 0) < item.number:
            if len(published) >= _MOST_KEYS:
                published.clear()
            published[item.key_] = await outbox.relay_until(item, publish)

    # The events of a key are different items, whose records would otherwise be handled at the same time.
    options["concurrency"] = 1
    options.setdefault("open_protected", True)  # long events are compressed
    return StreamHandler(relay, [outbox.item], **options)
