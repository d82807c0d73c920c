"""A table's stream, read without Lambda: on the embedded engine, on moto, and from shards that split and are trimmed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydynox import DynamoDBClient, LocalKeyring, streams
from pydynox.exceptions import ConfigurationError, RequestError, TableNotFoundError

from tests.conftest import Serve
from tests.engines import CREDENTIALS, Engine
from tests.faults import deeds

from .models import Customer, Entity, Invoice, Order, Patient, record


@pytest.fixture
def table(client: DynamoDBClient) -> DynamoDBClient:
    Order.table.sync.create(stream="NEW_AND_OLD_IMAGES")
    return client


async def read(client: DynamoDBClient, *models: Any, **options: Any) -> list[streams.Record[Any]]:
    return [one async for one in streams.consume(client, *models, **options)]


async def test_the_changes_of_a_table_are_read_in_their_order(table: DynamoDBClient) -> None:
    order = Order(customer="c1", number=1, total=5)
    await order.create()
    order.total = 7
    await order.save()
    await order.delete()

    inserted, modified, removed = await read(table, Order)

    assert [one.event_name for one in (inserted, modified, removed)] == ["INSERT", "MODIFY", "REMOVE"]
    assert modified.changes == {"total": (5, 7)}
    assert modified.table == "orders"
    assert removed.old is not None
    assert removed.old.total == 7
    assert modified.approximate_creation_time is not None


async def test_a_checkpoint_reads_on_where_it_ended(table: DynamoDBClient) -> None:
    for number in (1, 2, 3):
        await Order(customer="c1", number=number).put()
    checkpoint = streams.Checkpoint()
    seen = []
    async for one in streams.consume(table, Order, checkpoint=checkpoint):
        seen.append(one.keys["number"])
        if len(seen) == 2:
            break

    # As after a crash: the record that the loop broke off at comes again.
    again = streams.Checkpoint(json.loads(json.dumps(checkpoint.positions)))
    rest = await read(table, Order, checkpoint=again)
    await Order(customer="c1", number=4).put()
    newer = await read(table, Order, checkpoint=again)

    assert seen == [1, 2]
    assert [one.keys["number"] for one in rest] == [2, 3]
    assert [one.keys["number"] for one in newer] == [4]
    assert await read(table, Order, checkpoint=again) == []


def test_a_blocking_loop_reads_the_same_records(table: DynamoDBClient) -> None:
    for number in (1, 2, 3):
        Order(customer="c1", number=number).sync.put()
    checkpoint = streams.Checkpoint()
    reader = streams.consume(table, Order, checkpoint=checkpoint)
    seen = []
    for one in reader.sync:
        seen.append(one.keys["number"])
        if len(seen) == 2:
            break

    # The record that the loop broke off at is not done, and comes again.
    again = streams.consume(table, Order, checkpoint=streams.Checkpoint(checkpoint.positions))
    assert (seen, [one.keys["number"] for one in again.sync]) == ([1, 2], [2, 3])
    assert [one.keys["number"] for one in reader.sync] == [3]
    with pytest.raises(ConfigurationError, match="TRIM_HORIZON"):
        streams.consume(table, Order, start="NOW")  # type: ignore[call-overload]


async def test_a_projection_is_tested_without_lambda(table: DynamoDBClient) -> None:
    totals: dict[str, int] = {}

    @streams.handler(Order)
    async def on_order(record: streams.Record[Order]) -> None:
        old, new = record.old, record.new
        customer = record.keys["customer"]
        totals[customer] = totals.get(customer, 0) + (new.total if new else 0) - (old.total if old else 0)

    for number, total in [(1, 5), (2, 7), (1, 6)]:
        await Order(customer="c1", number=number, total=total).put()
    async for one in streams.consume(table, Order):
        await on_order.function(one)  # type: ignore[misc]

    assert totals == {"c1": 13}


async def test_entities_of_one_table_are_read_together(client: DynamoDBClient) -> None:
    await Entity.table.create(stream="NEW_IMAGE")
    await Customer(customer_id="7", name="Ada").create()
    await Invoice(customer_id="7", number=3).create()

    both = await read(client, Customer, Invoice)

    assert [type(one.new) for one in both] == [Customer, Invoice]
    assert [type(one.new) for one in await read(client, Invoice)] == [Invoice]


@pytest.mark.engines("moto")
def test_what_boto3_reads_is_decoded(table: DynamoDBClient, engine: Engine) -> None:
    import boto3

    Order(customer="c1", number=1, total=5).sync.put()
    arn = table.sync.call("DescribeTable", TableName="orders")["Table"]["LatestStreamArn"]
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
    boto = boto3.client("dynamodbstreams", endpoint_url=engine.url, region_name="us-east-1", **keys)
    shard = boto.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = boto.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    page = boto.get_records(ShardIterator=iterator)

    (one,) = streams.decode(page, Order, table="orders")

    assert one.new == Order(customer="c1", number=1, total=5)
    assert one.approximate_creation_time == page["Records"][0]["dynamodb"]["ApproximateCreationDateTime"]


@pytest.mark.engines("embedded")
async def test_following_waits_for_what_is_written_later(table: DynamoDBClient) -> None:
    seen = []

    async for one in streams.consume(table, Order, follow=True, interval=0.01):
        seen.append(one.keys["number"])
        if len(seen) == 2:
            break
        await Order(customer="c1", number=2).put()

    assert seen == [1, 2]


@pytest.fixture(autouse=True)
def _writes_later(request: pytest.FixtureRequest) -> Iterator[None]:
    """For the test that follows: writes while it waits."""
    if "following" not in request.node.name:
        yield
        return
    import threading

    client = request.getfixturevalue("client")

    def write() -> None:
        with client.as_default():
            Order(customer="c1", number=1).sync.put()

    timer = threading.Timer(0.2, write)
    timer.start()
    yield
    timer.join()


@pytest.mark.engines("embedded")
async def test_protected_values_are_opened_when_asked() -> None:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": bytes(32)}))
    with client.as_default():
        await Patient.table.create(stream="NEW_AND_OLD_IMAGES")
        await Patient(patient_id="p", secret="s").create()

        (one,) = await read(client, Patient, open_protected=True)

    assert one.new.secret == "s"


@pytest.mark.engines("embedded")
async def test_a_time_to_live_is_told_from_a_deletion(engine: Engine) -> None:
    from datetime import UTC, datetime, timedelta

    client = engine.client()
    with client.as_default():
        await Order.table.create(stream="NEW_AND_OLD_IMAGES")
        await Order(customer="c1", number=1, expires=datetime.now(UTC) - timedelta(minutes=1)).put()
        import asyncio

        for _ in range(60):
            await asyncio.sleep(0.05)
            if await Order.scan().count() == 0:
                break

        records = await read(client, Order)

    assert [(one.event_name, one.by_ttl) for one in records] == [("INSERT", False), ("REMOVE", True)]


async def test_a_table_without_a_stream_says_how_it_gets_one(client: DynamoDBClient) -> None:
    with pytest.raises(TableNotFoundError):
        await read(client, Order)
    await Order.table.create()
    with pytest.raises(ConfigurationError, match="stream="):
        await read(client, Order)
    with pytest.raises(ConfigurationError, match="one table"):
        await read(client, Order, Patient)
    with pytest.raises(ConfigurationError, match="TRIM_HORIZON"):
        await read(client, Order, start="NOW")


class Shards:
    """A stream of several shards, as AWS answers for it: by operation."""

    def __init__(self, shards: list[dict[str, Any]], pages: dict[str, list[Any]]) -> None:
        self.shards = shards
        self.pages = pages
        self.asked: list[str] = []
        self.targets: set[str] = set()

    def deed(self, connection: Any, seen: Any) -> None:
        target = seen.headers["x-amz-target"]
        self.targets.add(target)
        body = seen.json()
        operation = target.split(".")[1]
        if operation == "DescribeTable":
            stream = {"LatestStreamArn": "arn:s", "StreamSpecification": {"StreamEnabled": True}}
            answer: Any = {"Table": {"TableName": "orders", "TableStatus": "ACTIVE", **stream}}
        elif operation == "DescribeStream":
            first = "ExclusiveStartShardId" not in body
            page = self.shards[:1] if first else self.shards[1:]
            answer = {"StreamDescription": {"Shards": page, **({"LastEvaluatedShardId": "a"} if first else {})}}
        elif operation == "GetShardIterator":
            self.asked.append(f"{body['ShardId']} {body['ShardIteratorType']} {body.get('SequenceNumber', '')}".strip())
            answer = {"ShardIterator": body["ShardId"]}
        else:
            shard = body["ShardIterator"]
            page = self.pages[shard].pop(0) if self.pages[shard] else []
            if isinstance(page, str):
                deeds.error(page)(connection, seen)
                return
            more = {"NextShardIterator": shard} if self.pages[shard] or shard == "c" else {}
            answer = {"Records": page, **more}
        deeds.answer(answer)(connection, seen)


def shard(name: str, parent: str | None = None) -> dict[str, Any]:
    return {"ShardId": name, **({"ParentShardId": parent} if parent else {}), "SequenceNumberRange": {}}


def client_of(serve: Serve, stream: Shards) -> DynamoDBClient:
    return DynamoDBClient(endpoint_url=serve(stream.deed).url, region="us-east-1", credentials=CREDENTIALS)


def numbered(*numbers: int) -> list[dict[str, Any]]:
    return [record(number, Order(customer="c", number=number)) for number in numbers]


async def test_a_parent_is_read_to_its_end_before_its_children(serve: Serve) -> None:
    stream = Shards(
        [shard("b", "a"), shard("c", "b"), shard("a", "trimmed")],
        {"a": [numbered(1), [], [], [], [], numbered(2)], "b": [[], numbered(3)], "c": [[], numbered(4), [], numbered(5)]},
    )
    checkpoint = streams.Checkpoint()

    records = await read(client_of(serve, stream), Order, checkpoint=checkpoint)

    assert [one.keys["number"] for one in records] == [1, 2, 3, 4, 5]
    assert checkpoint.positions == {"a": None, "b": None, "c": f"{5:021d}"}
    assert stream.asked == ["a TRIM_HORIZON", "b TRIM_HORIZON", "c TRIM_HORIZON"]
    assert "DynamoDBStreams_20120810.GetRecords" in stream.targets
    assert "DynamoDB_20120810.DescribeTable" in stream.targets


async def test_shards_that_were_read_are_not_read_again(serve: Serve) -> None:
    stream = Shards([shard("a"), shard("b", "a"), shard("c", "b")], {"c": [numbered(6)]})
    checkpoint = streams.Checkpoint({"a": None, "b": None, "c": f"{5:021d}"})

    records = await read(client_of(serve, stream), Order, checkpoint=checkpoint)

    assert [one.keys["number"] for one in records] == [6]
    assert stream.asked == [f"c AFTER_SEQUENCE_NUMBER {5:021d}"]


async def test_an_iterator_that_expired_is_asked_for_again(serve: Serve) -> None:
    stream = Shards([shard("c")], {"c": [numbered(1), "ExpiredIteratorException", numbered(2)]})

    records = await read(client_of(serve, stream), Order)

    assert [one.keys["number"] for one in records] == [1, 2]
    assert stream.asked == ["c TRIM_HORIZON", f"c AFTER_SEQUENCE_NUMBER {1:021d}"]


async def test_a_position_that_was_trimmed_is_an_error_with_its_code(serve: Serve) -> None:
    stream = Shards([shard("c")], {"c": ["TrimmedDataAccessException"]})

    with pytest.raises(RequestError) as raised:
        await read(client_of(serve, stream), Order)
    assert raised.value.code == "TrimmedDataAccessException"


async def test_a_poison_record_goes_to_its_callable(serve: Serve) -> None:
    page = numbered(1, 2, 3)
    page[1]["dynamodb"]["NewImage"]["total"] = {"S": "many"}
    poison: list[Any] = []
    pages = {"c": [page, []]}

    records = await read(client_of(serve, Shards([shard("c")], pages)), Order, on_poison=poison.append)

    assert [one.keys["number"] for one in records] == [1, 3]
    assert [one.keys["number"] for one in poison] == [2]
