"""What a test costs: an engine with a table of its own, putting tables back, the plugin, and the calls of ``in_memory.py``.

And the same with moto and boto3, and with dynamoxy's memory client where Python 3.12 is installed. CPU time (user + system) of
one process each, medians. A test creates its table, puts an item and reads it.
"""

from __future__ import annotations

import json
import pathlib
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from data import SORT_KEY, partition_key
from environments import interpreter_of, python_of
from in_memory import prices
from model import User, user
from pydynox.testing import isolated_dynamodb
from rows import Row, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydynox.testing import IsolatedDynamoDB

ITEMS = 100
TESTS = 1000
PEERS = pathlib.Path(__file__).parent / "peers"
#: What a call or test may cost of what it costs with moto and boto3.
OF_MOTO = {
    "test": 0.15,
    "new table": 0.2,
    "1,000 tests": 0.15,
    "get": 0.02,
    "put": 0.05,
    "query, per item": 0.03,
    "batch write, per item": 0.15,
    "transaction of two puts": 0.02,
}


def one_test() -> None:
    """A test as the fixture runs it."""
    with isolated_dynamodb():
        User.table.sync.create()
        user(1).sync.put()
        User.sync.get(partition_key(1), SORT_KEY)


def new_table() -> None:
    """A test that does no more than create a table."""
    with isolated_dynamodb():
        User.table.sync.create()


def empty_test() -> None:
    """A test that uses nothing."""
    with isolated_dynamodb():
        pass


def restoring(dynamodb: IsolatedDynamoDB) -> Callable[[], None]:
    """What puts 100 items back after one was changed."""
    User.table.sync.create()
    dynamodb.seed([user(number) for number in range(ITEMS)])
    before = dynamodb.snapshot()

    def restore() -> None:
        user(ITEMS).sync.put()
        dynamodb.restore(before)

    return restore


def cpu_of(work: Callable[[], None], rounds: int, count: int = 20) -> float:
    """The median of the milliseconds of CPU that a call takes."""
    work()
    found: list[float] = []
    for _ in range(rounds):
        before = time.process_time_ns()
        for _ in range(count):
            work()
        found.append((time.process_time_ns() - before) / count / 1e6)
    return statistics.median(found)


def loaded_plugin() -> float:
    """The least milliseconds that pytest takes to load the plugin, of processes that use nothing of it."""
    code = "import time, pytest; b = time.process_time_ns(); import pydynox_pytest; print((time.process_time_ns() - b) / 1e6)"
    return min(
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout) for _ in range(9)
    )


def peer(name: str, python: str, rounds: int) -> dict[str, float]:
    """The same with a peer, in milliseconds."""
    command = [python, str(PEERS / f"{name}_tests.py"), str(rounds)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def peers(rounds: int) -> dict[str, dict[str, float]]:
    """Every peer that can be installed here."""
    found = {"moto": peer("moto", python_of("moto"), rounds)}
    if newer := interpreter_of("3.12"):
        found["dynamoxy"] = peer("dynamoxy", python_of("dynamoxy", newer), rounds)
    return found


def measure(rounds: int, with_peers: bool) -> tuple[list[Row], dict[str, Any]]:
    """Measure and print; returns the rows with targets, and every figure to store."""
    figures = {"test": cpu_of(one_test, rounds), "new table": cpu_of(new_table, rounds), "empty": cpu_of(empty_test, rounds)}
    figures["1,000 tests"] = cpu_of(one_test, 1, TESTS) * TESTS
    figures |= prices(rounds)
    with isolated_dynamodb() as dynamodb:
        figures["restore"] = cpu_of(restoring(dynamodb), rounds)
    others = peers(rounds) if with_peers else {}
    rows = [
        Row("a test with a table, a put and a get", figures["test"], "ms", 1.0),
        Row("restore 100 items", figures["restore"], "ms", 10.0),
        Row("load the plugin", loaded_plugin(), "ms", 1.0),
    ]
    if with_peers:
        rows += [
            Row(f"{name} / moto with boto3", ratio(figures[name], others["moto"].get(name)), "x", target)
            for name, target in OF_MOTO.items()
        ]
    print(f"{'':24} {'here':>10}" + "".join(f" {name:>10}" for name in others) + "  ms")
    for name, value in figures.items():
        theirs = [found.get(name) for found in others.values()]
        print(f"{name:24} {value:10.4f}" + "".join(f" {'-':>10}" if one is None else f" {one:10.4f}" for one in theirs))
    return rows, {"raw_ms": figures, **{f"{name}_ms": found for name, found in others.items()}}
