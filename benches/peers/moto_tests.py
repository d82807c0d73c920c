"""The works of ``kit.py`` and ``in_memory.py`` with moto and boto3: prints the milliseconds of CPU that each takes, as JSON."""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

sys.path.append(str(pathlib.Path(__file__).parent.parent))  # last: a module there has the name of a package

import boto3
from data import NUMBERS, item
from moto import mock_aws

if TYPE_CHECKING:
    from collections.abc import Callable

os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION="us-east-1")
ITEMS = [item(number) for number in range(NUMBERS)]
PAGE = [{**item(number), "pk": {"S": "PAGE"}, "sk": {"S": f"{number:03}"}} for number in range(NUMBERS)]
BATCH, TESTS = 25, 1000


#: Made once, after moto was imported: a client for each test would cost far more than the test.
CLIENT: Any = boto3.client("dynamodb")


def key(number: int) -> dict[str, Any]:
    """The key of ``item(number)``."""
    return {name: ITEMS[number % NUMBERS][name] for name in ("pk", "sk")}


def created() -> Any:
    """The client, with a table."""
    CLIENT.create_table(
        TableName="users",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return CLIENT


def one_test() -> None:
    """A table, a put and a get."""
    with mock_aws():
        client = created()
        client.put_item(TableName="users", Item=ITEMS[1])
        client.get_item(TableName="users", Key=key(1))


def new_table() -> None:
    """A table alone."""
    with mock_aws():
        created()


def batch(number: int) -> None:
    """25 items."""
    start = number % 4 * BATCH
    puts = [{"PutRequest": {"Item": one}} for one in ITEMS[start : start + BATCH]]
    CLIENT.batch_write_item(RequestItems={"users": puts})


def transaction(number: int) -> None:
    """Two puts."""
    puts = [{"Put": {"TableName": "users", "Item": ITEMS[place]}} for place in (number % 50, number % 50 + 50)]
    CLIENT.transact_write_items(TransactItems=puts)


#: As in ``in_memory.py``.
WORKS: dict[str, tuple[Callable[[int], Any], int, int]] = {
    "get": (lambda number: CLIENT.get_item(TableName="users", Key=key(number)), 50, 1),
    "put": (lambda number: CLIENT.put_item(TableName="users", Item=ITEMS[number % NUMBERS]), 50, 1),
    "query, per item": (
        lambda _: CLIENT.query(
            TableName="users", KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "PAGE"}}, Limit=NUMBERS
        ),
        5,
        NUMBERS,
    ),
    "batch write, per item": (batch, 5, BATCH),
    "transaction of two puts": (transaction, 20, 1),
}


def prices() -> dict[str, float]:
    """One round on a table of its own."""
    found: dict[str, float] = {}
    with mock_aws():
        created()
        for one in [*ITEMS, *PAGE]:
            CLIENT.put_item(TableName="users", Item=one)
        for name, (call, count, items) in WORKS.items():
            call(0)
            before = time.process_time_ns()
            for number in range(count):
                call(number)
            found[name] = (time.process_time_ns() - before) / count / items / 1e6
    return found


def cpu_of(work: Callable[[], None], rounds: int, count: int = 5) -> float:
    """The median of the milliseconds of CPU that a call takes."""
    work()
    found: list[float] = []
    for _ in range(rounds):
        before = time.process_time_ns()
        for _ in range(count):
            work()
        found.append((time.process_time_ns() - before) / count / 1e6)
    return statistics.median(found)


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1])
    measured = [prices() for _ in range(min(rounds, 3))]
    print(
        json.dumps(
            {
                "test": cpu_of(one_test, rounds),
                "new table": cpu_of(new_table, rounds),
                "1,000 tests": cpu_of(one_test, 1, TESTS) * TESTS,
                **{name: min(found[name] for found in measured) for name in measured[0]},
            }
        )
    )


main()
