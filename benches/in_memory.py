"""What calls cost on the embedded engine, in milliseconds of CPU (user + system) per call or item.

``peers/moto_tests.py`` and ``peers/dynamoxy_tests.py`` measure the same with the same items.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from data import NUMBERS, SORT_KEY, partition_key, values
from model import User, user
from pydynox import DynamoDBClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BATCH = 25


def works(client: DynamoDBClient) -> dict[str, tuple[Callable[[int], Awaitable[Any]], int, int]]:
    """By name: a call with the number of its turn, the number of calls, and the number of items that its cost is divided by."""
    instances = [user(number) for number in range(NUMBERS)]
    query = User.query("PAGE")

    async def transaction(number: int) -> None:
        async with client.transaction() as tx:
            tx.put(instances[number % 50])
            tx.put(instances[number % 50 + 50])

    def batch(number: int) -> Awaitable[Any]:
        start = number % 4 * BATCH
        return client.batch_save(instances[start : start + BATCH])

    return {
        "get": (lambda number: User.get(partition_key(number % NUMBERS), SORT_KEY), 1000, 1),
        "put": (lambda number: instances[number % NUMBERS].put(), 500, 1),
        "query, per item": (lambda _: query.page(NUMBERS), 50, NUMBERS),
        "batch write, per item": (batch, 20, BATCH),
        "transaction of two puts": (transaction, 100, 1),
    }


async def _priced() -> dict[str, float]:
    """One round on a table of its own."""
    client = DynamoDBClient(endpoint_url="memory://")
    found: dict[str, float] = {}
    with client.as_default():
        await User.table.create()
        page = [User(**{**values(number), "pk": "PAGE", "sk": f"{number:03}"}) for number in range(NUMBERS)]
        await client.batch_save([*(user(number) for number in range(NUMBERS)), *page])
        for name, (call, count, items) in works(client).items():
            await call(0)
            before = time.process_time_ns()
            for number in range(count):
                await call(number)
            found[name] = (time.process_time_ns() - before) / count / items / 1e6
    return found


def prices(rounds: int) -> dict[str, float]:
    """The lowest of the rounds by name, as the peers give it."""
    measured = [asyncio.run(_priced()) for _ in range(rounds)]
    return {name: min(found[name] for found in measured) for name in measured[0]}
