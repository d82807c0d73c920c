"""Events of an outbox: the items that a transaction writes for them, in an order that is the same for each reader."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from pydynox._core import uuid7
from pydynox.attribute_objects import CompressedAttribute, JSONAttribute, NumberAttribute, StringAttribute
from pydynox.exceptions import ConditionFailedError, ConfigurationError, ValidationError

from .tables import bounded

if TYPE_CHECKING:
    from pydynox._client.connection import Connection
    from pydynox.exceptions import TransactionCanceledError

    from .tables import CoordinationTable

#: Partitions that events are spread over; one takes 1,000 writes a second.
SHARDS = 8
#: Bytes of a caller's key in a sort key, which has room for 1,024.
_MOST_BYTES = 900
_HEAD = "OUTBOX#HEAD#"


class OutboxEvent(NamedTuple):
    """An event of an outbox, as it is published.

    Attributes:
        id: A UUID, by which a consumer recognizes an event that is published twice.
        key: The key of events that are published in their order; None if it has none.
        number: Its place among the events of its key, from 1 and without gaps; 0 if it has no key.
        body: The event.

    Example:
        >>> async def publish(event: OutboxEvent) -> None:
        ...     await queue.send(event.body, deduplication_id=event.id, group=event.key)
    """

    id: str
    key: str | None
    number: int
    body: Any


@lru_cache(maxsize=64)
def event_class(table: CoordinationTable) -> Any:
    """The model of stored events."""
    if not table.has_sort_key:
        raise ConfigurationError(f"{table!r}: an outbox needs a table with a sort key, by which events have an order")
    anything: Any = Any  # as a type, for which checkers have no name
    body: Any = JSONAttribute(anything, null=True)
    attributes = {
        "event_id": StringAttribute(),
        "key_": StringAttribute(null=True, attribute_name="key"),
        "number": NumberAttribute(int, default=0),
        "body": CompressedAttribute(body),
    }
    return table.item_class("OutboxItem", attributes, entity="pydynox.outbox")


@lru_cache(maxsize=64)
def _head_class(table: CoordinationTable) -> Any:
    return table.item_class("OutboxHead", {"last": NumberAttribute(int, default=0)})


def partition(shard: int) -> str:
    """The partition key of the events of a shard."""
    return f"OUTBOX#{shard}"


def ordered_prefix(key: str) -> str:
    """What the sort keys of the events with a key begin with."""
    return f"K#{bounded(key, _MOST_BYTES)}#"


def event_of(item: Any) -> OutboxEvent:
    """The event that an item stores."""
    return OutboxEvent(item.event_id, item.key_, item.number, item.body)


def unordered(table: CoordinationTable, body: Any) -> Any:
    """The item of an event that has no key."""
    name = uuid7()
    shard = crc32(name.encode()) % SHARDS
    return event_class(table)(pk=partition(shard), sk=f"U#{name}", event_id=name, body=body)


class OrderedEvents:
    """The events of one transaction that have keys. Their numbers are known when it is sent."""

    def __init__(self) -> None:
        self._events: dict[tuple[CoordinationTable, str], list[tuple[str, Any]]] = {}
        self._heads: list[int] = []

    def add(self, table: CoordinationTable, key: str, body: Any) -> str:
        """Add an event; return its ID.

        Raises:
            ValidationError: The key is not text, or JSON cannot express the event.
        """
        if type(key) is not str or not key:
            message = f"tx.outbox(): key= takes text that is not empty, not {key!r}"
            raise ValidationError(message, errors=[("key", message)])
        name = uuid7()
        event_class(table)(pk="-", sk="-", event_id=name, body=body)  # refuses what cannot be stored
        self._events.setdefault((table, key), []).append((name, body))
        return name

    async def entries(self, client: Connection, first: int) -> list[tuple[str, Any, tuple[Any, ...], Any, bool]]:
        """The operations that write them, of which the first has this position; reads the last number of each key."""
        entries: list[tuple[str, Any, tuple[Any, ...], Any, bool]] = []
        self._heads = []
        for (table, key), events in self._events.items():
            head_class, item_class = _head_class(table), event_class(table)
            values = table.key_values(_HEAD + bounded(key, _MOST_BYTES), "HEAD")
            before = await client.core.get(head_class._schema, tuple(values.values()), {}, True)
            last = 0 if before is None else before.last
            # Two transactions with a key cannot both take a number, so the numbers are in the order of the commits.
            unchanged = head_class.pk.not_exists() if before is None else head_class.last == last
            self._heads.append(first + len(entries))
            entries.append(("put", head_class(**values, last=last + len(events)), (), unchanged, False))
            shard = partition(crc32(key.encode("utf-8", "surrogatepass")) % SHARDS)
            for number, (name, body) in enumerate(events, last + 1):
                sort = f"{ordered_prefix(key)}{number:020d}"
                item = item_class(pk=shard, sk=sort, event_id=name, key_=key, number=number, body=body)
                entries.append(("put", item, (), None, False))
        return entries

    def have_moved(self, error: TransactionCanceledError) -> bool:
        """Whether nothing but a number that another transaction has taken canceled this one."""
        failures = error.failures
        is_about_heads = all(
            place in self._heads and isinstance(failure, ConditionFailedError) for place, failure in failures.items()
        )
        return bool(failures) and is_about_heads and not error.ambiguous
