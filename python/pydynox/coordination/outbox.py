"""Outbox: events that were written in transactions are published, at least once, and in order for each key."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from pydynox._shared.public import public
from pydynox.default_client import client_for
from pydynox.exceptions import LockNotAcquiredError

from .events import SHARDS, OutboxEvent, event_class, event_of, ordered_prefix, partition
from .tables import table_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from pydynox.client import DynamoDBClient
    from pydynox.sync import SyncOutbox

    from .tables import CoordinationTable

    Publish: TypeAlias = Callable[[OutboxEvent], Awaitable[object] | object]


@public
class Outbox:
    """The events that ``tx.outbox()`` has written: publishes them and then deletes them.

    Events are published at least once: if the process dies between publishing and deleting, they are published again. Events with
    the same key are published in the order of their transactions; a copy of an event may follow later ones.

    Args:
        table: Where events are stored: a ``CoordinationTable``, or the name of one.
        client: The client. Defaults to the one in effect.

    Attributes:
        item: The model of stored events, for queries and streams of the table.

    Raises:
        ConfigurationError: The table has no sort key.

    Example:
        >>> async with client.transaction() as tx:
        ...     tx.create(order)
        ...     tx.outbox({"type": "OrderPlaced", "order": order.order_id}, key=order.order_id)
        >>> await Outbox().relay(publish)
        1
    """

    def __init__(self, table: CoordinationTable | str = "pydynox", *, client: DynamoDBClient | None = None) -> None:
        self._table = table_of(table)
        self._client = client
        self.item: Any = event_class(self._table)

    async def relay(self, publish: Publish, /) -> int:
        """Publish all events that wait, and delete them. Sends Query per partition, and DeleteItem per event.

        A lock per partition keeps a second relay out, which skips the partition. If publishing an event fails, the later events
        of its key wait for the next relay; the others are published.

        Args:
            publish: Called with each ``OutboxEvent``; a coroutine function is awaited. If it returns, the event is published.

        Returns:
            The number of events that were published.

        Raises:
            ExceptionGroup: Publishing failed; it has the errors of all events that failed.

        Example:
            >>> await Outbox().relay(publish)
            3

        Costs: two write units for the lock of each of the 8 partitions, half a read unit per 4 KB, twice that as reads are
            consistent, and a write unit per KB of each event.
        """
        client = client_for(self._client)
        published = 0
        errors: list[Exception] = []
        for shard in range(SHARDS):
            try:
                async with client.lock(f"outbox-{shard}", ttl=30, wait=0, table=self._table) as lock:
                    failed: set[str | None] = set()
                    waiting = self.item.query(partition(shard)).sent_by(client).consistent_read()
                    async for item in waiting:
                        if not lock.is_held:
                            break
                        if item.key_ is not None and item.key_ in failed:
                            continue
                        try:
                            await self._publish(client, item, publish)
                        except Exception as error:  # noqa: BLE001  (of the caller's function; raised together)
                            failed.add(item.key_)
                            errors.append(error)
                        else:
                            published += 1
            except LockNotAcquiredError:
                continue  # another relay is at it
        if errors:
            raise ExceptionGroup(f"{len(errors)} events could not be published, and {published} were", errors)
        return published

    async def relay_until(self, item: Any, publish: Publish, /) -> int:
        """Publish an event, after those of its key that come before it: for a stream of the table, which has no such order.

        Args:
            item: The stored event, such as ``record.new``.
            publish: As for ``relay()``.

        Returns:
            The number of the last event of its key that was published; 0 if it has no key.

        Example:
            >>> await outbox.relay_until(record.new, publish)
            7

        Costs: one read unit per 4 KB of the key's events that wait, and a write unit per KB of each.
        """
        client = client_for(self._client)
        if item.key_ is None:
            await self._publish(client, item, publish)
            return 0
        number: int = item.number
        key = ordered_prefix(item.key_)
        # An eventually consistent read could miss an earlier event of the key, which would then come after this one.
        waiting = self.item.query(item.pk, self.item.sk.begins_with(key)).sent_by(client).consistent_read()
        async for earlier in waiting:
            await self._publish(client, earlier, publish)
            number = max(number, earlier.number)
        return number

    @property
    def sync(self) -> SyncOutbox:
        """The blocking form of this outbox. ``publish`` is then a plain function, or a coroutine that awaits pydynox alone."""
        from pydynox.sync import SyncOutbox

        return SyncOutbox(self)

    async def _publish(self, client: DynamoDBClient, item: Any, publish: Publish) -> None:
        # Deleted only once it is published: a crash in between publishes it again, which is what "at least once" allows.
        outcome = publish(event_of(item))
        if inspect.isawaitable(outcome):
            await outcome
        await client.core.delete_key(self.item._schema, (item.pk, item.sk), None)

    def __repr__(self) -> str:
        return f"Outbox({self._table!r})"
