"""This project: models in, models out."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import pydynox
from data import ACCESS_KEY_ID, NUMBERS, REGION, SECRET_ACCESS_KEY, SORT_KEY, item, partition_key
from model import User, user
from pydynox import Credentials, DynamoDBClient, set_default_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

BLOCKS = {"get, batching": pydynox.batching}
KEYS = [partition_key(number) for number in range(NUMBERS)]
WHOLE_KEYS = [User.key(key, SORT_KEY) for key in KEYS]
USERS = [user(number) for number in range(NUMBERS)]
LOADED = [User.model_from_item(item(number)) for number in range(NUMBERS)]


def changed(number: int) -> User:
    """A loaded item that differs from its stored state."""
    found = LOADED[number]
    found.age = found.age % 100 + 1
    return found


def open_client(url: str) -> DynamoDBClient:
    """A client of the null server; the model uses it from now on."""
    client = DynamoDBClient(region=REGION, endpoint_url=url, credentials=Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY))
    set_default_client(client)
    return client


async def pair(client: DynamoDBClient, number: int) -> None:
    """Two puts, all or nothing."""
    async with client.transaction() as tx:
        tx.put(USERS[number])
        tx.put(USERS[number - 1])


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[dict[str, Callable[[int], Any]]]:
    """The awaited calls."""
    async with open_client(url) as client:
        yield {
            "get": lambda number: User.get(KEYS[number], SORT_KEY),
            "get, batching": lambda number: User.get(KEYS[number], SORT_KEY),
            "put": lambda number: USERS[number].put(),
            "save": lambda number: changed(number).save(),
            "query": lambda number: User.query(KEYS[number]).limit(100).all(),
            "batch_get": lambda _: client.batch_get_all(WHOLE_KEYS),
            "batch_write": lambda _: client.batch_save(USERS[:25]),
            "transaction": lambda number: pair(client, number),
        }


@contextmanager
def connected_sync(url: str) -> Iterator[dict[str, Callable[[int], Any]]]:
    """The blocking calls."""
    client = open_client(url)
    yield {
        "get": lambda number: User.sync.get(KEYS[number], SORT_KEY),
        "put": lambda number: USERS[number].sync.put(),
        "save": lambda number: changed(number).sync.save(),
        "query": lambda number: User.sync.query(KEYS[number]).limit(100).all(),
        "batch_get": lambda _: client.sync.batch_get_all(WHOLE_KEYS),
        "batch_write": lambda _: client.sync.batch_save(USERS[:25]),
    }
    client.sync.close()
