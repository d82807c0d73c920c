"""aioboto3's resource: dicts of Python values in and out."""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aioboto3
from aiobotocore.config import AioConfig
from boto3.dynamodb.conditions import Key
from data import ACCESS_KEY_ID, NUMBERS, REGION, SECRET_ACCESS_KEY, SORT_KEY, TABLE, partition_key, values

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

KEYS = [{"pk": partition_key(number), "sk": SORT_KEY} for number in range(NUMBERS)]
ITEMS = [{**values(number), "score": Decimal(str(number + 0.25))} for number in range(NUMBERS)]  # boto3 refuses floats


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[dict[str, Callable[[int], Any]]]:
    """The awaited calls, with a connection for each task: with the default of 10, tasks would queue."""
    session = aioboto3.Session(aws_access_key_id=ACCESS_KEY_ID, aws_secret_access_key=SECRET_ACCESS_KEY, region_name=REGION)
    config = AioConfig(max_pool_connections=64)
    async with session.resource("dynamodb", endpoint_url=url, config=config) as resource:
        table = await resource.Table(TABLE)

        async def get(number: int) -> Any:
            return (await table.get_item(Key=KEYS[number]))["Item"]

        async def put(number: int) -> Any:
            return await table.put_item(Item=ITEMS[number])

        async def query(number: int) -> Any:
            return (await table.query(KeyConditionExpression=Key("pk").eq(KEYS[number]["pk"])))["Items"]

        yield {"get": get, "put": put, "query": query}
