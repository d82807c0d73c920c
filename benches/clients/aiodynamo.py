"""aiodynamo over aiohttp: dicts of Python values in and out."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiodynamo.client import Client
from aiodynamo.credentials import Key, StaticCredentials
from aiodynamo.expressions import HashKey
from aiodynamo.http.aiohttp import AIOHTTP
from aiohttp import ClientSession
from data import ACCESS_KEY_ID, NUMBERS, REGION, SECRET_ACCESS_KEY, SORT_KEY, TABLE, partition_key, values
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

KEYS = [{"pk": partition_key(number), "sk": SORT_KEY} for number in range(NUMBERS)]
ITEMS = [values(number) for number in range(NUMBERS)]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[dict[str, Callable[[int], Any]]]:
    """The awaited calls."""
    credentials = StaticCredentials(Key(ACCESS_KEY_ID, SECRET_ACCESS_KEY))
    async with ClientSession() as session:
        table = Client(AIOHTTP(session), credentials, REGION, endpoint=URL(url)).table(TABLE)

        async def query(number: int) -> list[Any]:
            return [item async for item in table.query(HashKey("pk", KEYS[number]["pk"]))]

        yield {
            "get": lambda number: table.get_item(KEYS[number]),
            "put": lambda number: table.put_item(ITEMS[number]),
            "query": query,
        }
