"""The works of ``kit.py`` and ``in_memory.py`` with dynamoxy's memory client: prints the milliseconds of CPU of each as JSON."""

from __future__ import annotations

import asyncio
import json
import pathlib
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

sys.path.append(str(pathlib.Path(__file__).parent.parent))  # last: a module there has the name of a package

import dynamoxy
from data import NUMBERS, SORT_KEY, partition_key, values
from dynamoxy import Attr, testing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BATCH, TESTS = 25, 1000


class User(dynamoxy.Model, table="users"):
    """The item of ``data.item(number)``."""

    pk: Attr[str] = dynamoxy.partition_key()
    sk: Attr[str] = dynamoxy.sort_key()
    name: Attr[str]
    email: Attr[str]
    age: Attr[int]
    score: Attr[float]
    active: Attr[bool]
    tags: Attr[list[str]]
    address: Attr[dict[str, str]]
    created_at: Attr[str]
    roles: Attr[set[str]]
    version: Attr[int]


def user(number: int) -> User:
    """The item as an instance."""
    return User(**values(number))


def works(client: Any, users: Any) -> dict[str, tuple[Callable[[int], Awaitable[Any]], int, int]]:
    """As in ``in_memory.py``."""
    instances = [user(number) for number in range(NUMBERS)]

    async def transaction(number: int) -> None:
        async with client.transaction() as tx:
            tx.put(instances[number % 50])
            tx.put(instances[number % 50 + 50])

    def batch(number: int) -> Awaitable[Any]:
        start = number % 4 * BATCH
        found: Awaitable[Any] = users.batch_put(instances[start : start + BATCH])
        return found

    return {
        "get": (lambda number: users.get(partition_key(number % NUMBERS), SORT_KEY), 1000, 1),
        "put": (lambda number: users.put(instances[number % NUMBERS]), 500, 1),
        "query, per item": (lambda _: users.query(pk="PAGE").page(), 50, NUMBERS),
        "batch write, per item": (batch, 20, BATCH),
        "transaction of two puts": (transaction, 100, 1),
    }


async def prices() -> dict[str, float]:
    """One round on a table of its own."""
    found: dict[str, float] = {}
    async with testing.memory_client() as client:
        await client.create_tables(User)
        users = client.repository(User)
        page = [User(**{**values(number), "pk": "PAGE", "sk": f"{number:03}"}) for number in range(NUMBERS)]
        await users.batch_put([*(user(number) for number in range(NUMBERS)), *page])
        assert len((await users.query(pk="PAGE").page()).items) == NUMBERS
        for name, (call, count, items) in works(client, users).items():
            await call(0)
            before = time.process_time_ns()
            for number in range(count):
                await call(number)
            found[name] = (time.process_time_ns() - before) / count / items / 1e6
    return found


async def one_test() -> None:
    """A table, a put and a get."""
    async with testing.memory_client() as client:
        await client.create_tables(User)
        users = client.repository(User)
        await users.put(user(1))
        await users.get(partition_key(1), SORT_KEY)


async def new_table() -> None:
    """A table alone."""
    async with testing.memory_client() as client:
        await client.create_tables(User)


async def cpu_of(work: Callable[[], Awaitable[None]], rounds: int, count: int = 20) -> float:
    """The median of the milliseconds of CPU that a call takes."""
    await work()
    found: list[float] = []
    for _ in range(rounds):
        before = time.process_time_ns()
        for _ in range(count):
            await work()
        found.append((time.process_time_ns() - before) / count / 1e6)
    return statistics.median(found)


async def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1])
    measured = [await prices() for _ in range(rounds)]
    print(
        json.dumps(
            {
                "test": await cpu_of(one_test, rounds),
                "new table": await cpu_of(new_table, rounds),
                "1,000 tests": await cpu_of(one_test, 1, TESTS) * TESTS,
                **{name: min(found[name] for found in measured) for name in measured[0]},
            }
        )
    )


asyncio.run(main())
