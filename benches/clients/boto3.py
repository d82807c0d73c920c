"""boto3's resource: dicts of Python values in and out."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
from boto3.dynamodb.conditions import Key
from data import ACCESS_KEY_ID, NUMBERS, REGION, SECRET_ACCESS_KEY, SORT_KEY, TABLE, partition_key, values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEYS = [{"pk": partition_key(number), "sk": SORT_KEY} for number in range(NUMBERS)]
ITEMS = [{**values(number), "score": Decimal(str(number + 0.25))} for number in range(NUMBERS)]  # boto3 refuses floats


@contextmanager
def connected_sync(url: str) -> Iterator[dict[str, Callable[[int], Any]]]:
    """The blocking calls."""
    resource = boto3.resource(
        "dynamodb",
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
    )
    table = resource.Table(TABLE)
    yield {
        "get": lambda number: table.get_item(Key=KEYS[number])["Item"],
        "put": lambda number: table.put_item(Item=ITEMS[number]),
        "query": lambda number: table.query(KeyConditionExpression=Key("pk").eq(KEYS[number]["pk"]))["Items"],
    }
