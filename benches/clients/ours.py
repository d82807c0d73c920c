"""This project: models in, models out."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from data import ACCESS_KEY_ID, NUMBERS, REGION, SECRET_ACCESS_KEY, SORT_KEY, item, partition_key
from model import User, user
from pydynox import Credentials, DynamoDBClient, set_default_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

KEYS = [partition_key(number) for number in range(NUMBERS)]
USERS = [user(number) for number in range(NUMBERS)]
LOADED = [User.model_from_item(item(number)) for number in range(NUMBERS)]


def changed(number: int) -> User:
    """A loaded item that differs from what was stored last."""
    found = LOADED[number]
    found.age = found.age % 100 + 1
    return found


def open_client(url: str) -> DynamoDBClient:
    """A client of the null server, which the model uses from now on."""
    client = DynamoDBClient(region=REGION, endpoint_url=url, credentials=Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY))
    set_default_client(client)
    return client


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[dict[str, Callable[[int], Any]]]:
    """The awaited calls."""
    async with open_client(url):
        yield {
            "get": lambda number: User.get(KEYS[number], SORT_KEY),
            "put": lambda number: USERS[number].put(),
            "save": lambda number: changed(number).save(),
        }


@contextmanager
def connected_sync(url: str) -> Iterator[dict[str, Callable[[int], Any]]]:
    """The blocking calls."""
    client = open_client(url)
    yield {
        "get": lambda number: User.sync.get(KEYS[number], SORT_KEY),
        "put": lambda number: USERS[number].sync.put(),
        "save": lambda number: changed(number).sync.save(),
    }
    client.sync.close()
