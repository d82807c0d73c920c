"""Simulated limits of the service: throttling by partition and table, lag, conflicts, table states and policies."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pydynox
import pytest
from pydynox import Attr, DynamoDBClient, GlobalSecondaryIndex, Model, field, partition_key, sort_key
from pydynox.exceptions import AccessDeniedError, RequestError, TableNotFoundError, ThrottlingError, TransactionCanceledError
from pydynox.testing import IsolatedDynamoDB, PerPartition, PerTable, isolated_dynamodb

from tests.conftest import Drive

SECOND = timedelta(seconds=1)


class Order(Model[str, int], table="orders"):
    """With an index."""

    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    status: Attr[str] = field(default="open")
    text: Attr[str] = field(default="")
    next_status: Attr[str] = field(default="hot")
    points: Attr[int | None] = field(default=None)
    by_status = GlobalSecondaryIndex(status)
    by_points = GlobalSecondaryIndex(points)


@pytest.fixture(params=["in memory", "over HTTP"])
def road(request: pytest.FixtureRequest) -> str:
    """How the client under test reaches the tables."""
    return str(request.param)


class Limited:
    """A DynamoDB with limits, and a client that is not patient."""

    def __init__(self, road: str, **limits: Any) -> None:
        self._block = isolated_dynamodb(tables=[Order], **limits)
        self._road = road

    def __enter__(self) -> tuple[IsolatedDynamoDB, DynamoDBClient]:
        dynamodb = self._block.__enter__()
        endpoint = {"endpoint_url": dynamodb.endpoint_url} if self._road == "over HTTP" else {}
        self.client = DynamoDBClient(max_attempts=1, **endpoint)
        self._default = self.client.as_default()
        self._default.__enter__()
        return dynamodb, self.client

    def __exit__(self, *error: object) -> None:
        self._default.__exit__(*error)
        self.client.core.close()
        self._block.__exit__(*error)


def test_a_hot_partition_is_throttled_and_no_other(road: str, drive: Drive) -> None:
    with Limited(road, throttle=PerPartition(rcu=2, wcu=3)) as (dynamodb, _client):
        dynamodb.seed(Order(customer=customer, number=number) for customer in ("hot", "cold") for number in range(5))
        dynamodb.clock.advance(0)
        for number in range(3):
            drive(Order(customer="hot", number=number + 10, status=f"s{number}").create())
        with pytest.raises(ThrottlingError) as caught:
            drive(Order(customer="hot", number=20).create())
        assert "TableWriteKeyRangeThroughputExceeded" in str(caught.value.reasons)
        drive(Order(customer="cold", number=20).create())
        for _ in range(4):
            assert drive(Order.query("hot").all())
        with pytest.raises(ThrottlingError) as caught:
            drive(Order.query("hot").all())
        assert "TableReadKeyRangeThroughputExceeded" in str(caught.value.reasons)

        dynamodb.clock.advance(SECOND)
        drive(Order(customer="hot", number=20).create())
        assert drive(Order.get("hot", 20))


def test_a_hot_partition_of_an_index_throttles_what_writes_to_it(road: str, drive: Drive) -> None:
    """Also where requests ask what they cost, and then the answer says no more than was asked for."""
    with Limited(road, throttle=PerPartition(wcu=3)) as (dynamodb, client):
        dynamodb.seed([Order(customer="c0", number=0, status="cold")])
        dynamodb.clock.advance(0)
        for number, asks in enumerate(("INDEXES", "TOTAL", "NONE")):
            item = {"customer": {"S": f"c{number + 1}"}, "number": {"N": "1"}, "status": {"S": "hot"}}
            answer = drive(client.call("PutItem", TableName="orders", Item=item, ReturnConsumedCapacity=asks))
            total = {"TableName": "orders", "CapacityUnits": 2.0}
            parts = {"Table": {"CapacityUnits": 1.0}, "GlobalSecondaryIndexes": {"by_status": {"CapacityUnits": 1.0}}}
            assert answer.get("ConsumedCapacity") == {"INDEXES": total | parts, "TOTAL": total, "NONE": None}[asks]
        moving = Order.key("c0", 0).apply(Order.status.set("hot"))
        for call in (Order(customer="c9", number=1, status="hot").create(), Order.key("c1", 1).delete(), moving):
            with pytest.raises(ThrottlingError) as caught:
                drive(call)
            assert "IndexWriteKeyRangeThroughputExceeded" in str(caught.value.reasons)
            assert "table/orders/index/by_status" in str(caught.value.reasons)
        drive(Order(customer="c9", number=1, status="cold").create())
        dynamodb.clock.advance(SECOND)
        drive(Order.key("c0", 0).apply(Order.status.set("hot")))


def update(expression: str, **values: Any) -> tuple[str, dict[str, Any]]:
    placed = {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}
    return "UpdateItem", {"UpdateExpression": expression, **placed}


#: Updates that move an item from a partition of an index to the one of "hot" or 8, and do not say so in the request.
MOVES: dict[str, tuple[str, dict[str, Any]]] = {
    "another attribute": update("SET #status = next_status"),
    "if_not_exists": update("SET #status = if_not_exists(next_status, :cold)", cold={"S": "cold"}),
    "if_not_exists of what is missing": update("SET #status = if_not_exists(absent, :hot)", hot={"S": "hot"}),
    "an element, beside list_append": update(
        "SET #status = places[0], places = list_append(places, :more)", more={"L": [{"S": "x"}]}
    ),
    "arithmetic": update("SET points = points + :one", one={"N": "1"}),
    "arithmetic with another attribute": update("SET points = :fifteen - points", fifteen={"N": "15"}),
    "ADD": update("ADD points :one", one={"N": "1"}),
    "AttributeUpdates": ("UpdateItem", {"AttributeUpdates": {"points": {"Action": "ADD", "Value": {"N": "1"}}}}),
    "a transaction": ("TransactWriteItems", update("SET #status = next_status")[1]),
    "a statement": ("ExecuteStatement", {"Statement": "UPDATE orders SET points = points + 1 WHERE customer = ? AND number = 1"}),
}


def move(client: DynamoDBClient, how: str, customer: str) -> Any:
    """Send this update of the item of a customer."""
    operation, body = MOVES[how]
    if operation == "ExecuteStatement":
        return client.call(operation, **body, Parameters=[{"S": customer}])
    body = {"TableName": "orders", "Key": {"customer": {"S": customer}, "number": {"N": "1"}}, **body}
    if "#status" in body.get("UpdateExpression", ""):
        body["ExpressionAttributeNames"] = {"#status": "status"}
    return client.call(operation, **({"TransactItems": [{"Update": body}]} if "Transact" in operation else body))


@pytest.mark.parametrize("how", MOVES)
def test_an_update_uses_the_partition_that_it_enters_and_the_one_that_it_leaves(how: str) -> None:
    """Changing the key of an index deletes an item there and puts another."""
    of_points = "points" in str(MOVES[how])
    with Limited("in memory", throttle=PerPartition(wcu=2)) as (dynamodb, client):
        seeded = [
            {"customer": name, "number": 1, "status": name, "next_status": "hot", "places": ["hot"]}
            for name in ("c1", "c2", "c3")
        ]
        dynamodb.seed([one | {"points": 7} for one in seeded] if of_points else seeded, table=Order)
        dynamodb.clock.advance(0)
        pydynox.run(move(client, how, "c1"))
        pydynox.run(move(client, how, "c2"))
        with pytest.raises((ThrottlingError, TransactionCanceledError), match=r"ThrottlingError|throughput"):
            pydynox.run(move(client, how, "c3"))
        # Of points, all three had 7, which two have left.
        entered_and_left = [{"status": "c9", "points": 8}, {"status": "c9", "points": 7}] if of_points else [{"status": "hot"}]
        for number, there in enumerate(entered_and_left):
            with pytest.raises(ThrottlingError) as caught:
                Order(customer="c9", number=number, **there).sync.create()
            assert f"table/orders/index/{'by_points' if of_points else 'by_status'}" in str(caught.value.reasons)
        Order(customer="c7", number=1, status="c7", points=9).sync.create()
        dynamodb.clock.advance(SECOND)
        pydynox.run(move(client, how, "c3"))


def test_statements_of_partiql_meet_the_same_limits(road: str, drive: Drive) -> None:
    insert = "INSERT INTO \"orders\" VALUE {'customer': ?, 'number': ?, 'status': ?}"
    select = 'SELECT * FROM "orders" WHERE customer = ?'
    with Limited(road, throttle=PerPartition(wcu=2, rcu=0.5)) as (dynamodb, client):
        dynamodb.clock.advance(0)
        drive(client.execute(insert, "hot", 1, "s1"))
        drive(client.execute("UPDATE orders SET text = 'y' WHERE customer = 'hot' AND number = ?", 1))
        for statement, parameters in (
            (insert, ("hot", 2, "s2")),
            ("DELETE FROM orders WHERE customer = ? AND number = 1", ("hot",)),
        ):
            with pytest.raises(ThrottlingError) as caught:
                drive(client.execute(statement, *parameters))
            assert "TableWriteKeyRangeThroughputExceeded" in str(caught.value.reasons)
        statements = [{"Statement": insert, "Parameters": [{"S": key}, {"N": "3"}, {"S": key}]} for key in ("hot", "cold")]
        answer = drive(client.call("BatchExecuteStatement", Statements=statements))
        assert [one.get("Error", {}).get("Code") for one in answer["Responses"]] == ["ProvisionedThroughputExceeded", None]
        with pytest.raises(TransactionCanceledError, match="ThrottlingError"):
            drive(client.call("ExecuteTransaction", TransactStatements=statements))

        assert len(drive(client.execute(select, "hot"))) == 1
        with pytest.raises(ThrottlingError) as caught:
            drive(client.execute(select, "hot"))
        assert "TableReadKeyRangeThroughputExceeded" in str(caught.value.reasons)
        assert len(drive(client.execute(select, "cold"))) == 1
        dynamodb.clock.advance(SECOND)
        assert len(drive(client.execute(select, "hot"))) == 1


def test_statements_of_partiql_lag_as_other_reads_do(road: str, drive: Drive) -> None:
    select, of_index = 'SELECT * FROM "orders" WHERE customer = ?', 'SELECT * FROM "orders"."by_status" WHERE status = \'open\''
    with Limited(road, read_lag=1, gsi_lag=5) as (dynamodb, client):
        dynamodb.clock.advance(0)
        drive(client.execute("INSERT INTO \"orders\" VALUE {'customer': 'c1', 'number': 1, 'status': 'open'}"))

        assert len(drive(client.execute(select, "c1"))) == 0
        assert len(drive(client.execute(select, "c1", consistent_read=True))) == 1
        assert len(drive(client.execute(of_index))) == 0
        dynamodb.clock.advance(SECOND)
        assert len(drive(client.execute(select, "c1"))) == 1
        assert len(drive(client.execute(of_index))) == 0
        dynamodb.clock.advance(4 * SECOND)
        assert len(drive(client.execute(of_index))) == 1


def test_a_table_over_its_throughput_says_so_and_waiting_for_it_helps(road: str, drive: Drive) -> None:
    with Limited(road, throttle=[PerTable(rcu=5, wcu=10), PerPartition()]) as (dynamodb, _client):
        dynamodb.clock.advance(0)
        for number in range(10):
            drive(Order(customer=f"c{number}", number=1).create())
        with pytest.raises(ThrottlingError) as caught:
            drive(Order(customer="c10", number=1).create())
        assert "TableWriteProvisionedThroughputExceeded" in str(caught.value.reasons)
        assert len(dynamodb.requests) == 11

        before = dynamodb.clock.now()
        patient = DynamoDBClient(max_attempts=20)
        orders = [Order(customer="batch", number=number) for number in range(60)]
        drive(patient.batch_save(orders))
        assert dynamodb.clock.now() - before > SECOND
        assert dynamodb.requests.of("orders").count("BatchWriteItem") > 3
    assert len(orders) == 60


def test_a_batch_over_a_limit_is_done_in_part(road: str, drive: Drive) -> None:
    with Limited(road, throttle=PerPartition(wcu=1, rcu=1)) as (dynamodb, client):
        dynamodb.clock.advance(0)
        drive(Order(customer="hot", number=0).create())
        puts = [
            {"PutRequest": {"Item": {"customer": {"S": customer}, "number": {"N": "1"}, "status": {"S": "x"}}}}
            for customer in ("hot", "cold")
        ]
        answer = drive(client.call("BatchWriteItem", RequestItems={"orders": puts}))
        assert answer["UnprocessedItems"] == {"orders": puts[:1]}
        with pytest.raises(ThrottlingError):
            drive(client.call("BatchWriteItem", RequestItems={"orders": puts[:1]}))
        key = {"customer": {"S": "cold"}, "number": {"N": "1"}}
        assert drive(client.call("GetItem", TableName="orders", Key=key))["Item"]["status"] == {"S": "x"}
        assert "ConsumedCapacity" not in answer
        with pytest.raises(TransactionCanceledError, match="ThrottlingError"):
            drive(client.call("TransactWriteItems", TransactItems=[{"Put": {"TableName": "orders", **puts[0]["PutRequest"]}}]))


def test_reads_that_are_not_consistent_lag_behind(road: str, drive: Drive) -> None:
    with Limited(road, read_lag=1, gsi_lag=5) as (dynamodb, _):
        dynamodb.seed([Order(customer="c1", number=0)])
        dynamodb.clock.advance(0)
        assert drive(Order.get("c1", 0))
        assert len(drive(Order.by_status.query("open").all())) == 1
        drive(Order(customer="c1", number=1).create())

        assert drive(Order.get("c1", 1)) is None
        assert drive(Order.get("c1", 1, consistent_read=True))
        assert len(drive(Order.query("c1").all())) == 1
        assert len(drive(Order.query("c1").consistent_read().all())) == 2
        dynamodb.clock.advance(SECOND)
        assert drive(Order.get("c1", 1))
        assert len(drive(Order.by_status.query("open").all())) == 1
        dynamodb.clock.advance(4 * SECOND)
        assert len(drive(Order.by_status.query("open").all())) == 2

        before = dynamodb.snapshot()
        drive(Order.key("c1", 1).delete())
        assert drive(Order.get("c1", 1))
        dynamodb.clock.advance(5 * SECOND)
        assert drive(Order.get("c1", 1)) is None
        dynamodb.restore(before)
        assert drive(Order.get("c1", 1))
        assert len(drive(Order.by_status.query("open").all())) == 2


def test_what_a_transaction_holds_conflicts_with_other_writes(road: str) -> None:
    def put(number: int) -> dict[str, Any]:
        item = {"customer": {"S": "c1"}, "number": {"N": str(number)}, "status": {"S": "x"}}
        return {"TableName": "orders", "Item": item}

    async def conflicts(client: DynamoDBClient, operation: str, **body: Any) -> bool:
        try:
            await client.call(operation, **body)
        except RequestError as error:
            return bool(error.code == "TransactionConflictException")
        return False

    async def until(expected: bool, client: DynamoDBClient) -> None:
        """Until the first transaction holds its items, or has let them go."""
        async with asyncio.timeout(60):
            while await conflicts(client, "PutItem", **put(1)) != expected:
                await asyncio.sleep(0.01)

    async def run(client: DynamoDBClient) -> None:
        first = asyncio.ensure_future(client.call("TransactWriteItems", TransactItems=[{"Put": put(1)}, {"Put": put(2)}]))
        await until(True, client)
        with pytest.raises(TransactionCanceledError, match="None, TransactionConflict"):
            await client.call("TransactWriteItems", TransactItems=[{"Put": put(3)}, {"Put": put(2)}])
        statement = "INSERT INTO orders VALUE {'customer': 'c1', 'number': 2, 'status': 'x'}"
        assert await conflicts(client, "ExecuteStatement", Statement=statement)
        await client.call("PutItem", **put(9))
        await client.call("GetItem", TableName="orders", Key={"customer": {"S": "c1"}, "number": {"N": "1"}})
        first.cancel()
        await until(False, client)

    with Limited(road, transaction_time=600) as (_, client):
        asyncio.run(run(client))
    with Limited(road, transaction_time=0.01) as (_, client):
        client.sync.call("TransactWriteItems", TransactItems=[{"Put": put(1)}])
        client.sync.call("PutItem", **put(1))


def test_tables_take_their_time(road: str, drive: Drive) -> None:
    class Late(Model[str], table="late"):
        late_id: Attr[str] = partition_key()

    with Limited(road, table_time=20) as (dynamodb, client):
        dynamodb.clock.advance(0)
        drive(Late.table.create(wait=False))
        described = drive(client.call("DescribeTable", TableName="late"))["Table"]
        assert described["TableStatus"] == "CREATING"
        with pytest.raises(TableNotFoundError):
            drive(Late(late_id="l1").create())
        with pytest.raises(RequestError) as caught:
            drive(client.call("DeleteTable", TableName="late"))
        assert caught.value.code == "ResourceInUseException"
        dynamodb.clock.advance(20)
        drive(Late(late_id="l1").create())

        drive(client.call("DeleteTable", TableName="late"))
        assert drive(client.call("DescribeTable", TableName="late"))["Table"]["TableStatus"] == "DELETING"
        assert drive(client.list_tables()) == ["late", "orders"]
        with pytest.raises(RequestError) as caught:
            drive(Late.table.create(wait=False))
        assert caught.value.code == "ResourceInUseException"
        dynamodb.clock.advance(20)
        assert drive(client.list_tables()) == ["orders"]

        before = dynamodb.clock.now()
        drive(Late.table.create())
        assert dynamodb.clock.now() - before >= 20 * SECOND
        drive(Late(late_id="l1").create())


def test_a_role_reaches_its_leading_keys_alone(road: str, drive: Drive) -> None:
    with Limited(road) as (dynamodb, client):
        dynamodb.seed([Order(customer=customer, number=1) for customer in ("t1", "t2", "shared#x")])
        with dynamodb.as_role(leading_keys=["t1", "shared#*"]):
            assert drive(Order.get("t1", 1))
            assert drive(Order.get("shared#x", 1))
            assert len(drive(Order.query("t1").all())) == 1
            drive(Order(customer="t1", number=2).create())
            refused = [
                lambda: Order.get("t2", 1),
                lambda: Order.query("t2").all(),
                lambda: Order.scan().all(),
                lambda: Order.by_status.query("open").all(),
                lambda: Order(customer="t2", number=2).create(),
                lambda: Order.key("t2", 1).delete(),
                lambda: client.batch_get(Order.key("t1", 1), Order.key("t2", 1)),
                lambda: client.execute('SELECT * FROM "orders"'),
            ]
            for call in refused:
                with pytest.raises(AccessDeniedError):
                    drive(call())
            with dynamodb.as_role(leading_keys=["t2"]), pytest.raises(AccessDeniedError):
                drive(Order.get("t1", 1))
            dynamodb.seed([{"customer": "t2", "number": 7}], table=Order)
        assert drive(Order.get("t2", 7))
        assert drive(Order.get("t2", 2)) is None


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"throttle": "fast"}, "PerPartition"),
        ({"throttle": -1}, "number of requests"),
        ({"gsi_lag": -1}, "gsi_lag= must be"),
        ({"table_time": float("nan")}, "table_time= must be"),
    ],
)
def test_a_limit_that_means_nothing_is_refused(limits: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message), isolated_dynamodb(**limits):
        pass
    with pytest.raises(ValueError, match="positive"):
        PerPartition(rcu=0)
    with pytest.raises(ValueError, match="positive"):
        PerTable(rcu=1, wcu=float("inf"))
    assert repr([PerPartition(), PerTable(rcu=1, wcu=2)]) == "[PerPartition(rcu=3000, wcu=1000), PerTable(rcu=1, wcu=2)]"


@pytest.fixture(autouse=True)
def real_time() -> Iterator[None]:
    yield
    with isolated_dynamodb(tables=[Order]) as dynamodb:
        Order(customer="c1", number=1).sync.create()
        assert dynamodb.requests == ["PutItem"]
