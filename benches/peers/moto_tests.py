"""The tests of ``kit.py`` with moto and boto3: prints the milliseconds of CPU that each takes, as JSON."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

if TYPE_CHECKING:
    from collections.abc import Callable

os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION="us-east-1")
KEY = {"pk": {"S": "USER#1"}, "sk": {"S": "profile"}}


#: Made once, after moto was imported: a client for each test would cost far more than the test.
CLIENT: Any = boto3.client("dynamodb")


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
        client.put_item(TableName="users", Item={**KEY, "name": {"S": "Ada"}, "age": {"N": "36"}, "tags": {"L": [{"S": "a"}]}})
        client.get_item(TableName="users", Key=KEY)


def new_table() -> None:
    """A table alone."""
    with mock_aws():
        created()


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
    print(json.dumps({"test": cpu_of(one_test, rounds), "new table": cpu_of(new_table, rounds)}))


main()
