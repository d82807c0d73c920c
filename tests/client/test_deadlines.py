"""client.options(deadline=): no call of the block goes on after it, however many requests it takes."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, Model, batching, export_jsonl, field, partition_key, sort_key
from pydynox.exceptions import BatchIncompleteError, ConfigurationError, RequestTimeoutError, WriteOutcomeUnknownError

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import Deed, answer, error, silence
from tests.faults.server import Connection, Seen


class Order(Model[str, int], table="orders"):
    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    total: Attr[int] = field(default=0)


def key(number: int) -> dict[str, Any]:
    return {"customer": {"S": "c1"}, "number": {"N": str(number)}}


def endless() -> Deed:
    """Pages and tokens without end, and batches of which nothing is ever done."""
    steps = itertools.count()

    def deed(connection: Connection, seen: Seen) -> None:
        step = next(steps)
        time.sleep(0.01)
        asked = seen.json()
        body: dict[str, Any] = {"Count": 1, "Items": [key(step)], "LastEvaluatedKey": key(step)}
        if seen.operation == "ExecuteStatement":
            body = {"Items": [key(step)], "NextToken": str(step)}
        elif seen.operation == "BatchGetItem":
            body = {"Responses": {}, "UnprocessedKeys": asked["RequestItems"]}
        elif seen.operation == "BatchWriteItem":
            body = {"UnprocessedItems": asked["RequestItems"]}
        elif seen.operation == "ListTables":
            body = {"TableNames": [], "LastEvaluatedTableName": f"t{step}"}
        elif seen.operation == "DescribeTable":
            schema = [{"AttributeName": "customer", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}]
            table = {"TableName": "orders", "TableStatus": "ACTIVE", "TableArn": "a", "CreationDateTime": 1.0}
            body = {"Table": {**table, "KeySchema": schema}}
        answer(body)(connection, seen)

    return deed


def orders(count: int) -> list[Order]:
    return [Order(customer="c1", number=number) for number in range(count)]


async def pages(query: Any) -> None:
    async for _ in query.pages(2):
        pass


async def each(query: Any) -> None:
    async for _ in query:
        pass


async def write(client: DynamoDBClient, count: int) -> None:
    async with client.batch_writer() as batch:
        for order in orders(count):
            await batch.put(order)


async def together(client: DynamoDBClient) -> None:
    async with client.transaction() as tx:
        tx.put(Order(customer="c1", number=1))


async def gathered() -> None:
    async with batching():
        await asyncio.gather(*(Order.get("c1", number) for number in range(3)))


Job = Callable[[DynamoDBClient, Path], Any]

JOBS: dict[str, Job] = {
    "all": lambda _, __: Order.query("c1").all(),
    "each": lambda _, __: each(Order.query("c1")),
    "pages": lambda _, __: pages(Order.query("c1")),
    "count": lambda _, __: Order.query("c1").count(),
    "filtered": lambda client, _: client.query("orders", {"customer": "c1"}).page(10**6),
    "scan": lambda _, __: Order.scan().all(),
    "segments": lambda _, __: Order.scan(segments=3).all(),
    "paced": lambda _, __: Order.scan().paced().all(),
    "hydrated": lambda _, __: Order.query("c1").hydrate().all(),
    "execute": lambda client, _: client.execute("SELECT * FROM orders"),
    "list_tables": lambda client, _: client.list_tables(),
    "batch_get": lambda client, _: client.batch_get(Order.key("c1", 1), Order.key("c1", 2)),
    "batching": lambda _, __: gathered(),
    "batch_save": lambda client, _: client.batch_save(orders(3)),
    "batch_writer": lambda client, _: write(client, 300),
    "bulk_read": lambda client, _: client.bulk_read(Order.scan(), lambda _: None),
    "bulk_write": lambda client, _: client.bulk_write(orders(3)),
    "export": lambda client, path: export_jsonl("orders", path / "file", client=client),
}


@pytest.mark.parametrize("name", JOBS)
def test_a_deadline_holds_for_the_whole_of_it(serve: Serve, drive: Drive, tmp_path: Path, name: str) -> None:
    if name == "batching" and drive is not asyncio.run:
        pytest.skip("batching() is of an event loop")
    client = client_of(serve(endless()), timeout=None)
    began = time.monotonic()
    with client.as_default(), client.options(deadline=0.4), pytest.raises((RequestTimeoutError, BatchIncompleteError)):
        drive(JOBS[name](client, tmp_path))
    assert 0.1 < time.monotonic() - began < 15


ONCE: dict[str, Callable[[DynamoDBClient], Any]] = {
    "get": lambda _: Order.get("c1", 1),
    "create": lambda _: Order(customer="c1", number=1).create(),
    "transaction": together,
    "transact_get": lambda client: client.transact_get(Order.key("c1", 1)),
    "paced": lambda _: Order.scan().paced().all(),
    "call": lambda client: client.call("ListTables"),
    "create table": lambda _: Order.table.create(),
    "wait for a table": lambda _: Order.table.wait_until_active(),
}


@pytest.mark.parametrize("deed", [silence, error("ThrottlingException"), error("InternalServerError", status=500)])
@pytest.mark.parametrize("name", ONCE)
def test_retries_and_pauses_are_within_it(serve: Serve, drive: Drive, deed: Deed, name: str) -> None:
    client = client_of(serve(deed), timeout=None, read_timeout=60, max_attempts=10_000)
    began = time.monotonic()
    # What a write came to is not known where its answer did not come.
    expected = (RequestTimeoutError, WriteOutcomeUnknownError)
    with client.as_default(), client.options(deadline=0.3), pytest.raises(expected):
        drive(ONCE[name](client))
    assert time.monotonic() - began < 15


def test_nothing_is_sent_once_it_is_over(serve: Serve, drive: Drive) -> None:
    server = serve(answer({}))
    client = client_of(server)
    embedded = DynamoDBClient(endpoint_url="memory://")
    for one in (client, embedded):
        with one.as_default(), one.options(deadline=0.000_001):
            time.sleep(0.01)
            with pytest.raises(RequestTimeoutError, match=r"options\(deadline="):
                drive(Order.get("c1", 1))
            with pytest.raises(RequestTimeoutError):
                drive(Order.query("c1").all())
            with pytest.raises(RequestTimeoutError):
                drive(Order(customer="c", number=1).create())
    assert not server.seen
    with embedded.as_default():
        drive(Order.table.create())
        assert drive(Order.get("c1", 1)) is None


def test_an_inner_block_has_no_more_time_than_the_outer_one(serve: Serve, drive: Drive) -> None:
    client = client_of(serve(silence))
    began = time.monotonic()
    with client.as_default(), client.options(deadline=0.2), client.options(deadline=60), client.options(timeout=50):
        with pytest.raises(RequestTimeoutError, match="deadline"):
            drive(Order.get("c1", 1))
        with client.options(deadline=0.1, timeout=None), pytest.raises(RequestTimeoutError):
            drive(Order.get("c1", 1))
    assert time.monotonic() - began < 10


def test_the_shorter_of_timeout_and_deadline_is_named(serve: Serve, drive: Drive) -> None:
    client = client_of(serve(silence))
    with client.as_default(), client.options(deadline=60, timeout=0.1), pytest.raises(RequestTimeoutError, match="its timeout"):
        drive(Order.get("c1", 1))


@pytest.fixture
def rows() -> Iterator[DynamoDBClient]:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        Order.table.sync.create()
        client.sync.batch_save(orders(9))
        yield client


def test_a_reading_that_began_in_the_block_keeps_its_deadline(rows: DynamoDBClient) -> None:
    with rows.options(deadline=0.05):
        begun = iter(Order.query("c1").sync.pages(2))
        next(begun)
    time.sleep(0.1)
    with pytest.raises(RequestTimeoutError, match="deadline"):
        list(begun)
    assert len(Order.query("c1").sync.all()) == 9


@pytest.mark.parametrize("wrong", [0, -1, "5", math.nan])
def test_it_is_a_positive_number(wrong: Any) -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    with (
        pytest.raises(ConfigurationError, match=r"options\(deadline=\.\.\.\) must be a positive number"),
        client.options(deadline=wrong),
    ):
        pass


def test_a_deadline_beyond_the_end_of_time_is_none(rows: DynamoDBClient, drive: Drive) -> None:
    with rows.options(deadline=math.inf), rows.options(deadline=1e300):
        assert len(drive(Order.query("c1").all())) == 9
