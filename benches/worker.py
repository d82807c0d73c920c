"""One client in a process of its own: reads commands from standard input and answers with their cost. Run by ``wire.py``.

``worker.py CLIENT awaited|sync URL``. Commands and answers are lines of JSON. The first answer lists the operations. Then
``{"price": "get", "concurrency": 64, "calls": 1000}`` returns microseconds of CPU per call and the total number of calls,
``{"crowd": 1000}`` the peak number of threads and sockets with that many gets in flight, and ``{"memory": true}`` the peak
memory so far.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import resource
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from data import NUMBERS, SCANNED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    Call = Callable[[int], Any]


def commands() -> Iterator[dict[str, Any]]:
    """Commands from ``wire.py`` until it closes the pipe. May block, because there is nothing to do between two commands."""
    while line := sys.stdin.readline():
        yield json.loads(line)


def answer(value: Any) -> None:
    """Send one line back."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def cpu() -> float:
    """CPU time of this process and all its threads so far, in microseconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def most_memory() -> int:
    """Peak resident memory in KiB. Not ``ru_maxrss``, which starts with the memory of the process that started this one."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def threads() -> int:
    """Threads alive now."""
    return len(os.listdir("/proc/self/task"))


def sockets() -> int:
    """TCP sockets open now. The sockets that a loop or a runtime uses to wake itself are not TCP."""
    with open("/proc/self/net/tcp") as table:
        tcp = {f"socket:[{line.split()[9]}]" for line in table.readlines()[1:]}
    found = 0
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{descriptor}") in tcp
        except FileNotFoundError:  # the descriptor of the listing itself, or one closed in the meantime
            continue
    return found


def check(operation: str, result: Any) -> None:
    """Refuse a price for a wrong answer. The type of an item depends on the client."""
    if operation in ("put", "save", "batch_write", "transaction"):
        return
    expected = "Ada Lovelace 1"
    if operation == "scan":
        assert len(result) == SCANNED, len(result)
        assert result[-1].created_at.isoformat() == "2026-11-23T03:41:00+00:00", result[-1].created_at
        result, expected = result[-1], f"Ada Lovelace {SCANNED - 1}"
    if operation in ("query", "batch_get") and not isinstance(result, bytes):
        assert len(result) == 100, len(result)
        result, expected = result[-1], "Ada Lovelace 99"
    if isinstance(result, bytes):
        assert expected.encode() in result, result
        return
    name = result["name"] if isinstance(result, dict) else result.name
    assert name in (expected, {"S": expected}), name


def warm_up(calls: int, concurrency: int) -> int:
    """The number of calls before the priced ones, to open connections and fill caches."""
    return max(calls // 10, 2 * concurrency)


async def awaited(call: Call, calls: int, concurrency: int) -> None:
    """Make `calls` calls from `concurrency` tasks, each of which awaits one call after another."""
    if concurrency == 1:
        for number in range(calls):
            await call(number % NUMBERS)
        return
    numbers = iter(range(calls))

    async def task() -> None:
        for number in numbers:
            await call(number % NUMBERS)

    await asyncio.gather(*(task() for _ in range(concurrency)))


def blocking(call: Call, calls: int) -> None:
    """Make `calls` calls, one after another."""
    for number in range(calls):
        call(number % NUMBERS)


async def crowd(get: Call, size: int) -> dict[str, int]:
    """The peak number of threads and sockets while `size` gets are in flight, over five repetitions."""
    most = {"threads": threads(), "sockets": sockets()}
    for _ in range(5):
        flight = asyncio.gather(*(get(number % NUMBERS) for number in range(size)))
        while not flight.done():
            await asyncio.sleep(0.001)
            most = {"threads": max(most["threads"], threads()), "sockets": max(most["sockets"], sockets())}
        await flight
    return most


async def serve_awaited(client: ModuleType, url: str) -> None:
    """Answer commands with the awaited API."""
    blocks = getattr(client, "BLOCKS", {})  # the block that an operation is measured in
    async with client.connected(url) as calls:
        for operation, call in calls.items():
            check(operation, await call(1))
        answer(sorted(calls))
        for command in commands():
            if "price" in command:
                call, count, concurrency = calls[command["price"]], command["calls"], command["concurrency"]
                first = warm_up(count, concurrency)
                async with blocks.get(command["price"], nullcontext)():
                    await awaited(call, first, concurrency)
                    before = cpu()
                    await awaited(call, count, concurrency)
                answer({"us": (cpu() - before) / count, "calls": first + count})
            elif "crowd" in command:
                answer(await crowd(calls["get"], command["crowd"]))
            else:
                answer(most_memory())


def serve_sync(client: ModuleType, url: str) -> None:
    """Answer commands with the blocking API."""
    with client.connected_sync(url) as calls:
        for operation, call in calls.items():
            check(operation, call(1))
        answer(sorted(calls))
        for command in commands():
            if "price" in command:
                call, count = calls[command["price"]], command["calls"]
                first = warm_up(count, 1)
                blocking(call, first)
                before = cpu()
                blocking(call, count)
                answer({"us": (cpu() - before) / count, "calls": first + count})
            else:
                answer(most_memory())


def main() -> None:
    """Serve until standard input closes."""
    name, api, url = sys.argv[1:]
    client = importlib.import_module(f"clients.{name}")
    if api == "awaited":
        asyncio.run(serve_awaited(client, url))
    else:
        serve_sync(client, url)


if __name__ == "__main__":
    main()
