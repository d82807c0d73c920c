"""pydynox 1.8 from PyPI, an independent project: models in, models out, through its public API."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from data import ACCESS_KEY_ID, NUMBERS, REGION, SECRET_ACCESS_KEY, SORT_KEY, TABLE, partition_key, values
from pydynox import DynamoDBClient, Model, ModelConfig, set_default_client
from pydynox.attributes import (
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    StringAttribute,
    StringSetAttribute,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


class User(Model):
    """The item of `data.item(number)`."""

    model_config = ModelConfig(table=TABLE)
    pk = StringAttribute(partition_key=True)
    sk = StringAttribute(sort_key=True)
    name = StringAttribute()
    email = StringAttribute()
    age = NumberAttribute()
    score = NumberAttribute()
    active = BooleanAttribute()
    tags = ListAttribute()
    address = MapAttribute()
    created_at = StringAttribute()
    roles = StringSetAttribute()
    version = NumberAttribute()


logging.disable(logging.WARNING)  # with 64 calls in flight it logs slow ones, which costs more than the calls

KEYS = [partition_key(number) for number in range(NUMBERS)]
USERS = [User(**values(number)) for number in range(NUMBERS)]


WHOLE_KEYS = [{"pk": key, "sk": SORT_KEY} for key in KEYS]


def items() -> list[dict[str, Any]]:
    """Models in the form that its batch writes accept."""
    return [user.to_dict() for user in USERS[:25]]


def open_client(url: str) -> DynamoDBClient:
    """The client that the model uses from now on."""
    client = DynamoDBClient(region=REGION, endpoint_url=url, access_key=ACCESS_KEY_ID, secret_key=SECRET_ACCESS_KEY)
    set_default_client(client)
    return client


async def query(number: int) -> list[Any]:
    """The first page."""
    return [user async for user in User.query(partition_key=KEYS[number], limit=100)]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[dict[str, Callable[[int], Any]]]:
    """The awaited calls."""
    client = open_client(url)
    yield {
        "get": lambda number: User.get(pk=KEYS[number], sk=SORT_KEY),
        "put": lambda number: USERS[number].save(full_replace=True),
        "query": query,
        "batch_get": lambda _: User.batch_get(WHOLE_KEYS),
        "batch_write": lambda _: client.batch_write(TABLE, put_items=items()),
    }


@contextmanager
def connected_sync(url: str) -> Iterator[dict[str, Callable[[int], Any]]]:
    """The blocking calls."""
    client = open_client(url)
    yield {
        "get": lambda number: User.sync_get(pk=KEYS[number], sk=SORT_KEY),
        "put": lambda number: USERS[number].sync_save(full_replace=True),
        "query": lambda number: list(User.sync_query(partition_key=KEYS[number], limit=100)),
        "batch_get": lambda _: User.sync_batch_get(WHOLE_KEYS),
        "batch_write": lambda _: client.sync_batch_write(TABLE, put_items=items()),
    }
