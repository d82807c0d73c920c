"""What the test kit costs: a test with its fixture and a table, restoring a snapshot, and a suite that does not use it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from pydynox import Attr, Model, field, partition_key
from pydynox.testing import isolated_dynamodb

#: The bounds are for the wheel. What `make test` builds is not optimised: it took three times as long on the same machine.
UNOPTIMISED = 6


class User(Model[str], table="users"):
    """A table as a test has it."""

    user_id: Attr[str] = partition_key()
    name: Attr[str] = field(default="")


def least(work: Callable[[], object], times: int = 40) -> float:
    """CPU seconds of the quickest of several calls."""
    took = []
    for _ in range(times):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)


@pytest.mark.alone
def test_a_test_with_a_table_costs_a_millisecond() -> None:
    def one_test() -> None:
        with isolated_dynamodb(tables=[User]) as dynamodb:
            assert dynamodb.requests == []

    assert least(one_test) < 0.001 * UNOPTIMISED


@pytest.mark.alone
def test_restoring_a_hundred_items_takes_ten_milliseconds() -> None:
    with isolated_dynamodb(tables=[User]) as dynamodb:
        dynamodb.seed([User(user_id=f"u{number}", name="x" * 200) for number in range(100)])
        snapshot = dynamodb.snapshot()

        assert least(lambda: dynamodb.restore(snapshot)) < 0.010
        assert len(User.sync.scan().all()) == 100


@pytest.mark.alone
def test_a_suite_that_does_not_use_it_pays_a_millisecond() -> None:
    code = """
import sys, time
import pytest
begun = time.process_time()
import pydynox_pytest
took = time.process_time() - begun
assert "pydynox" not in sys.modules
print(took)
"""

    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) for _ in range(3)
    ]

    assert min(times) < 0.003
