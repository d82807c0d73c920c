"""The outbox: events commit with their transaction, and are published at least once, in order per key."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pydynox
import pytest
from pydynox import Attr, CoordinationTable, DynamoDBClient, Model, Outbox, OutboxEvent, field, partition_key, streams
from pydynox.exceptions import ConfigurationError, PydynoxError, TransactionCanceledError, ValidationError
from pydynox.testing import fault, inject

from tests.conftest import Drive

from .killing import HOWS, ended_at

pytestmark = pytest.mark.thorough


class Order(Model[str], table="orders"):
    order_id: Attr[str] = partition_key()
    total: Attr[int] = field(default=0)


@pytest.fixture
def shop() -> Iterator[DynamoDBClient]:
    """A client whose requests take a millisecond each, so that every call suspends."""
    client = DynamoDBClient(endpoint_url="memory://?latency=1")
    with client.as_default():
        Order.table.sync.create()
        CoordinationTable().table.sync.create()
        Order(order_id="o1").sync.create()
        yield client


def add(client: DynamoDBClient, body: Any, key: str | None = "o1", **options: Any) -> str:
    with client.sync.transaction(**options) as tx:
        tx.update(Order.key("o1"), Order.total.add(1))
        return tx.outbox(body, key=key)


def stored(client: DynamoDBClient) -> list[dict[str, Any]]:
    return [item for item in client.sync.scan("pydynox").all() if item.get("_type") == "pydynox.outbox"]


def test_an_event_is_written_with_its_transaction_and_published_once_it_is_relayed(shop: DynamoDBClient, drive: Drive) -> None:
    published: list[OutboxEvent] = []
    first = add(shop, {"type": "placed", "lines": [1, 2.5, None]})
    second = add(shop, "text", key=None)

    assert drive(Outbox().relay(published.append)) == 2

    assert sorted(published) == sorted(
        [OutboxEvent(first, "o1", 1, {"type": "placed", "lines": [1, 2.5, None]}), OutboxEvent(second, None, 0, "text")]
    )
    assert stored(shop) == []
    assert drive(Outbox().relay(published.append)) == 0


def test_a_blocking_relay_publishes_by_a_plain_function(shop: DynamoDBClient) -> None:
    published: list[OutboxEvent] = []
    add(shop, 1)
    add(shop, 2)

    assert Outbox().sync.relay(published.append) == 2

    add(shop, 3)
    outbox = Outbox()
    (waiting,) = outbox.item.sync.scan().all()
    assert outbox.sync.relay_until(waiting, published.append) == 3
    assert [event.body for event in published] == [1, 2, 3]
    add(shop, 4)
    with pytest.raises(ExceptionGroup, match="1 events could not be published, and 0 were"):
        Outbox().sync.relay(lambda event: 1 / event.number / 0)


def test_nothing_is_written_if_the_transaction_fails(shop: DynamoDBClient) -> None:
    for key in ("o1", None):
        tx = shop.sync.transaction()
        tx.outbox({"a": 1}, key=key)
        tx.create(Order(order_id="o1"))
        with pytest.raises(TransactionCanceledError), tx:
            pass
    assert stored(shop) == []


def test_events_of_a_key_are_in_the_order_of_their_commits_whatever_happens_at_once(shop: DynamoDBClient) -> None:
    committed: list[str] = []
    published: list[OutboxEvent] = []

    async def write(number: int) -> None:
        async with shop.transaction() as tx:
            names = [tx.outbox({"n": number, "part": part}, key=f"k{number % 2}") for part in range(2)]
            tx.update(Order.key("o1"), Order.total.add(1))
        committed.extend(names)

    async def main() -> None:
        await asyncio.gather(*(write(number) for number in range(6)))
        await Outbox().relay(published.append)

    asyncio.run(main())

    assert Order.sync.get_or_raise("o1").total == 6
    for key in ("k0", "k1"):
        events = [event for event in published if event.key == key]
        assert [event.number for event in events] == [1, 2, 3, 4, 5, 6]
        assert [event.body["part"] for event in events] == [0, 1] * 3  # those of a transaction stay together
    assert sorted(event.id for event in published) == sorted(committed)


def test_a_failed_event_holds_back_those_of_its_key_alone(shop: DynamoDBClient) -> None:
    for number in range(3):
        for key in ("a", "b"):
            add(shop, number, key=key)
    seen: list[tuple[str | None, int]] = []
    is_down = True

    async def publish(event: OutboxEvent) -> None:
        await asyncio.sleep(0)
        if is_down and (event.key, event.body) == ("a", 1):
            raise RuntimeError("down")
        seen.append((event.key, event.body))

    with pytest.raises(ExceptionGroup, match="1 events could not be published, and 4 were") as caught:
        asyncio.run(Outbox().relay(publish))
    assert sorted(seen) == [("a", 0), ("b", 0), ("b", 1), ("b", 2)]
    assert isinstance(caught.value.exceptions[0], RuntimeError)

    is_down = False
    assert asyncio.run(Outbox().relay(publish)) == 2
    assert [body for key, body in seen if key == "a"] == [0, 1, 2]


@pytest.mark.parametrize("kind", ["lost", "late_error", "reset", "unavailable"])
@pytest.mark.parametrize("operation", ["TransactWriteItems", "Query", "DeleteItem", "UpdateItem", "GetItem"])
def test_with_faults_each_event_of_a_commit_is_published_in_order(shop: DynamoDBClient, kind: Any, operation: str) -> None:
    published: list[OutboxEvent] = []
    committed = []
    with inject(shop, fault(operation, kind, skip=1, times=3)):
        for number in range(3):
            try:
                committed.append(add(shop, number))
            except PydynoxError:
                continue
        for _ in range(3):
            try:
                pydynox.run(Outbox().relay(published.append))
            except (PydynoxError, ExceptionGroup):
                continue
    pydynox.run(Outbox().relay(published.append))

    firsts = list(dict.fromkeys(event.number for event in published))
    assert firsts == sorted(firsts)
    assert set(committed) <= {event.id for event in published}
    assert len({event.id for event in published}) == Order.sync.get_or_raise("o1").total
    assert stored(shop) == []


@pytest.mark.parametrize("how", HOWS)
def test_a_relay_that_is_killed_at_any_await_loses_nothing_and_keeps_the_order(shop: DynamoDBClient, how: str) -> None:
    for at in itertools.count(0, 3):
        for number in range(2):
            add(shop, number)
        published: list[OutboxEvent] = []

        async def deliver(at: int = at, published: list[OutboxEvent] = published, shard: str = stored(shop)[0]["pk"]) -> bool:
            was_killed = await ended_at(Outbox().relay(published.append), at, how)
            for _ in range(20):
                await Outbox().relay(published.append)
                if not await Outbox().item.query(shard).exists():
                    break
                await asyncio.sleep(0.01)  # the lock of the killed one is released in the background
            return was_killed

        was_killed = asyncio.run(deliver())
        numbers = list(dict.fromkeys(event.number for event in published))
        assert numbers == sorted(numbers)
        assert len(numbers) == 2
        if not was_killed:
            break
    assert at > 12


def record_of(item: dict[str, Any], number: int, name: str = "INSERT") -> dict[str, Any]:
    """A stream record of a stored event."""
    wire = {
        attribute: {"N": str(value)} if isinstance(value, int) else {"B": value} if isinstance(value, bytes) else {"S": value}
        for attribute, value in item.items()
    }
    return {
        "eventID": f"e{number}",
        "eventName": name,
        "eventSource": "aws:dynamodb",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:1:table/pydynox/stream/1",
        "dynamodb": {
            "Keys": {attribute: wire[attribute] for attribute in ("pk", "sk")},
            "NewImage": wire,
            "SequenceNumber": str(number),
        },
    }


def test_a_stream_handler_publishes_in_order_whatever_the_order_of_the_records(shop: DynamoDBClient) -> None:
    published: list[OutboxEvent] = []
    is_down = [False]

    async def publish(event: OutboxEvent) -> None:
        if is_down[0]:
            raise RuntimeError("down")
        published.append(event)

    for number in range(3):
        add(shop, number)
    add(shop, "long" * 1000, key=None)
    records = [record_of(item, number) for number, item in enumerate(reversed(stored(shop)))]
    other = record_of({"pk": "LOCK#a", "sk": "LOCK", "token": 1}, 9)
    handler = streams.outbox_handler(publish)

    is_down[0] = True
    assert handler({"Records": records}) == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    is_down[0] = False
    assert handler({"Records": [*records, other]}) == {"batchItemFailures": []}
    with shop.collect() as usage:
        keyed = [record for record in records if "key" in record["dynamodb"]["NewImage"]]
        assert handler({"Records": keyed}) == {"batchItemFailures": []}  # delivered again
    assert usage.requests == 0

    assert [event.number for event in published if event.key] == [1, 2, 3]
    assert [event.body for event in published if not event.key] == ["long" * 1000]
    assert stored(shop) == []


def delivered(client: DynamoDBClient) -> list[dict[str, Any]]:
    """The records that the engine's own stream of the table has, as Lambda delivers them."""
    arn = client.sync.call("DescribeTable", TableName="pydynox")["Table"]["LatestStreamArn"]
    shards = client.sync.call("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"]
    records: list[dict[str, Any]] = []
    for shard in shards:
        where = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = client.sync.call("GetShardIterator", **where)["ShardIterator"]
        records += client.sync.call("GetRecords", ShardIterator=iterator)["Records"]
    return [{**record, "eventSource": "aws:dynamodb", "eventSourceARN": arn} for record in records]


@pytest.mark.parametrize("how", HOWS)
def test_a_stream_handler_that_is_killed_at_any_await_publishes_every_event_in_order(how: str) -> None:
    for at in itertools.count(0, 2):
        client = DynamoDBClient(endpoint_url="memory://?latency=1")
        published: list[OutboxEvent] = []
        with client.as_default():
            Order.table.sync.create()
            CoordinationTable().table.sync.create(stream="NEW_IMAGE")
            Order(order_id="o1").sync.create()
            for number in range(2):
                add(client, number)
            add(client, "long" * 1000, key=None)
            records = delivered(client)

            async def publish(event: OutboxEvent, published: list[OutboxEvent] = published) -> None:
                await asyncio.sleep(0)
                published.append(event)

            async def invoke(at: int = at, publish: Any = publish, records: Any = records) -> bool:
                was_killed = await ended_at(streams.outbox_handler(publish).process({"Records": records}), at, how)
                # A new process, which knows nothing of what was done.
                again = streams.outbox_handler(publish)
                assert await again.process({"Records": records}) == {"batchItemFailures": []}
                return was_killed

            was_killed = asyncio.run(invoke())
            left = stored(client)
        assert left == []
        keyed = list(dict.fromkeys(event.number for event in published if event.key == "o1"))
        assert keyed == [1, 2]
        assert {event.body for event in published if event.key is None} == {"long" * 1000}
        if not was_killed:
            break
    assert at > 6


def test_a_failed_record_of_the_engines_stream_is_delivered_again_from_its_number() -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    seen: list[int] = []

    def publish(event: OutboxEvent) -> None:
        if event.number == 2 and 2 not in tried:
            tried.append(2)
            raise RuntimeError("down")
        seen.append(event.number)

    tried: list[int] = []
    with client.as_default():
        Order.table.sync.create()
        CoordinationTable().table.sync.create(stream="NEW_IMAGE")
        Order(order_id="o1").sync.create()
        for number in range(3):
            add(client, number)
        records = delivered(client)
        handler = streams.outbox_handler(publish)
        (failure,) = handler({"Records": records})["batchItemFailures"]
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        rest = records[numbers.index(failure["itemIdentifier"]) :]
        assert handler({"Records": rest}) == {"batchItemFailures": []}

        assert stored(client) == []
        # The rest of the stream is what the relay itself has deleted, and of no interest.
        assert handler({"Records": delivered(client)}) == {"batchItemFailures": []}
    assert seen == [1, 2, 3]


WRONG: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (object(), {}, ValidationError, "body"),
    ({"a": {1, 2}}, {"key": "k"}, ValidationError, "body"),
    ("x", {"key": ""}, ValidationError, "key= takes text"),
    ("x", {"key": 3}, ValidationError, "key= takes text"),
    ("x", {"table": CoordinationTable("t", sort_key=None)}, ConfigurationError, "sort key"),
    ("x", {"table": 3}, TypeError, "CoordinationTable"),
]


@pytest.mark.parametrize(("event", "options", "error", "message"), WRONG)
def test_a_wrong_event_is_refused_at_its_line(
    shop: DynamoDBClient, event: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    tx = shop.sync.transaction()
    with pytest.raises(error, match=message):
        tx.outbox(event, **options)


def test_a_transaction_with_a_token_of_its_own_is_not_renumbered(shop: DynamoDBClient) -> None:
    add(shop, 1, token="t1")

    assert [item["number"] for item in stored(shop)] == [1]


def test_an_outbox_works_over_http_and_in_the_table_of_an_application(client: DynamoDBClient) -> None:
    table = CoordinationTable("app", partition_key="PK", sort_key="SK", ttl="ttl")
    table.table.sync.create()
    published: list[OutboxEvent] = []
    for number in range(3):
        with client.sync.transaction() as tx:
            tx.outbox(number, key="k", table=table)

    assert pydynox.run(Outbox(table).relay(published.append)) == 3

    assert [event.body for event in published] == [0, 1, 2]
