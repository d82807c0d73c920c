"""A test run: what a test's markers ask for, and the tables, prefix and budget of a run on a real account. PYTEST_DONT_REWRITE"""

from __future__ import annotations

import os
import secrets
import signal
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pydynox._core as _core
from pydynox.client import DynamoDBClient
from pydynox.exceptions import ConfigurationError, PydynoxError, TableNotFoundError

from .client import IsolatedDynamoDB, conditions
from .isolation import isolated_dynamodb
from .limits import split

if TYPE_CHECKING:
    from collections.abc import Generator

    import pytest

#: Of each run of pytest in this process: usually one.
_accounts: WeakKeyDictionary[pytest.Config, Account] = WeakKeyDictionary()
#: Seconds that the end of a run waits for tables that cannot be deleted yet, because they are being created or changed.
_PATIENCE = 60.0
_NAMES = ("tables", "latency", "throttle", "read_lag", "gsi_lag", "transaction_time", "table_time")


def _arguments(item: pytest.Item) -> dict[str, Any]:
    """The arguments of a test's markers; those of the function count before those of its class and module."""
    arguments: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("dynamodb"))):
        unknown = sorted(set(marker.kwargs) - set(_NAMES))
        if marker.args or unknown:
            what = repr(unknown[0]) if unknown else "an argument without a name"
            raise ConfigurationError(f"@pytest.mark.dynamodb takes {', '.join(_NAMES)}, not {what}")
        arguments |= marker.kwargs
    return arguments


@contextmanager
def dynamodb_of(item: pytest.Item, config: pytest.Config, options: dict[str, Any]) -> Generator[IsolatedDynamoDB]:
    """The DynamoDB of one test, where the run has its tables."""
    where = str(config.getoption("--dynamodb", "memory"))
    if where == "memory":
        with isolated_dynamodb(**_arguments(item), **options) as client:
            yield client
        return
    account = _accounts.get(config)
    if account is None:
        account = Account(where, config.getoption("--dynamodb-prefix"), config.getoption("--dynamodb-budget"))
        _accounts[config] = account
    with account.dynamodb(_arguments(item), options) as client:
        yield client
    if (excess := account.excess) is not None:
        item.session.shouldstop = excess


def finished(config: pytest.Config) -> list[str]:
    """The run ends: deletes what its tests could not delete, and returns what is left."""
    account = _accounts.pop(config, None)
    return [] if account is None else account.end()


class Account:
    """The tables of a run that are not in this process."""

    def __init__(self, where: str, prefix: str | None, budget: float | None) -> None:
        if where != "aws" and "://" not in where:
            raise ConfigurationError(f"--dynamodb must be memory, aws, or a URL such as http://localhost:8000; got {where!r}")
        self._endpoint = None if where == "aws" else where
        # Each worker of pytest-xdist is a process of its own with a share of the budget.
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        self._budget = None if budget is None else budget / workers
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        self._prefix = f"{prefix or 'pydynox-test-' + secrets.token_hex(4) + '-'}{worker + '-' if worker else ''}"
        self._keeper = DynamoDBClient(endpoint_url=self._endpoint)
        self._tests = 0
        self._left: list[str] = []
        # A build that is stopped deletes its tables as one that is interrupted does.
        self._terminated: Any = None
        with suppress(ValueError):  # not in the main thread
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                self._terminated = signal.signal(signal.SIGTERM, signal.default_int_handler)
        # Calls that would use more of either kind are refused; the sum is looked at after each test.
        self._meter = _core.Meter(None, (self._budget, self._budget, None, self._budget is not None), None)

    @property
    def excess(self) -> str | None:
        """Why the run has to stop, if it has to."""
        _, _, _, read_units, write_units = self._meter.total()
        used = read_units + write_units
        if self._budget is None or used < self._budget:
            return None
        return f"--dynamodb-budget: {used:g} units were used, of {self._budget:g}"

    @contextmanager
    def dynamodb(self, arguments: dict[str, Any], options: dict[str, Any]) -> Generator[IsolatedDynamoDB]:
        """The tables of one test, deleted at its end."""
        self._tests += 1
        # Of one test: deleting a table takes seconds, in which no other can have its name.
        prefix = f"{self._prefix}{self._tests}-"
        tables = arguments.pop("tables", ())
        client = IsolatedDynamoDB(**{**options, "endpoint_url": self._endpoint})
        latency = arguments.pop("latency", None)
        first, behaviour = split(**{"throttle": None, **arguments})
        recorder = conditions(latency=latency, throttle=first)
        try:
            with client.in_force(recorder, behaviour, tables=tables, table_prefix=prefix, meter=self._meter):
                yield client
        finally:
            # Outside the block, whose budget may be used up.
            self._left += _core.run_aside(_deleted(self._keeper, prefix))

    def end(self) -> list[str]:
        """Delete what is left; returns what cannot be deleted, with the reasons."""
        if self._terminated is not None:
            signal.signal(signal.SIGTERM, self._terminated)
        problems: dict[str, PydynoxError] = {}
        until = time.monotonic() + _PATIENCE
        while self._left:
            problems.clear()
            for name in self._left:
                try:
                    self._keeper.sync.call("DeleteTable", TableName=name)
                except TableNotFoundError:
                    continue
                except PydynoxError as problem:
                    problems[name] = problem
            self._left = list(problems)
            if time.monotonic() > until or not any(getattr(one, "code", "") == _BUSY for one in problems.values()):
                break
            time.sleep(1)
        self._keeper.sync.close()
        return [f"{name}: {problem}" for name, problem in problems.items()]


#: The table is being created, changed or deleted.
_BUSY = "ResourceInUseException"


async def _deleted(keeper: DynamoDBClient, prefix: str) -> list[str]:
    """Delete the tables with this prefix; returns the names of those that cannot be deleted yet."""
    left: list[str] = []
    for name in await keeper.list_tables():
        if name.startswith(prefix):
            try:
                await keeper.call("DeleteTable", TableName=name)
            except PydynoxError:
                left.append(name)
    return left
