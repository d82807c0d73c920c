"""What a test costs: an engine with a table of its own, putting tables back, the plugin; and the same with moto and boto3.

CPU time (user + system) of one process each, medians. A test here creates its table, puts an item and reads it; that of moto is
in ``peers/moto_tests.py``.
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
from environments import python_of
from model import User, user
from pydynox.testing import isolated_dynamodb
from rows import Row, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydynox.testing import IsolatedDynamoDB

ITEMS = 100
PEER = pathlib.Path(__file__).parent / "peers" / "moto_tests.py"


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
    """Milliseconds that pytest takes to load the plugin, of a process that uses nothing of it."""
    code = "import time, pytest; b = time.process_time_ns(); import pydynox_pytest; print((time.process_time_ns() - b) / 1e6)"
    return statistics.median(
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout) for _ in range(9)
    )


def moto(rounds: int) -> dict[str, float]:
    """The same with moto and boto3, in milliseconds."""
    command = [python_of("moto"), str(PEER), str(rounds)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def measure(rounds: int, peers: bool) -> tuple[list[Row], dict[str, Any]]:
    """Measure and print; returns the rows with targets, and every figure to store."""
    figures = {"test": cpu_of(one_test, rounds), "new table": cpu_of(new_table, rounds), "empty": cpu_of(empty_test, rounds)}
    with isolated_dynamodb() as dynamodb:
        figures["restore"] = cpu_of(restoring(dynamodb), rounds)
    theirs = moto(rounds) if peers else {}
    rows = [
        Row("a test with a table, a put and a get", figures["test"], "ms", 1.0),
        Row("restore 100 items", figures["restore"], "ms", 10.0),
        Row("load the plugin", loaded_plugin(), "ms", 1.0),
    ]
    if peers:
        rows += [
            Row("that test / moto with boto3", ratio(figures["test"], theirs.get("test")), "x", 0.2),
            Row("a new table / moto with boto3", ratio(figures["new table"], theirs.get("new table")), "x", 0.2),
        ]
    for name, value in {**figures, **{f"moto: {name}": value for name, value in theirs.items()}}.items():
        print(f"{name:20} {value:9.3f} ms")
    return rows, {"raw_ms": figures, "moto_ms": theirs}
