"""For your tests: a DynamoDB in memory with a clock and a record, fake instances, and injected faults. PYTEST_DONT_REWRITE

The fixtures ``dynamodb`` and ``dynamodb_url`` are there wherever pytest finds an installed pydynox; ``isolated_dynamodb()`` does
the same for any other test runner, and ``DynamoDBTestCase`` for unittest.
"""

from typing import TYPE_CHECKING

from .client import IsolatedDynamoDB, Snapshot
from .clock import Clock
from .fakes import Fakes, fake
from .faults import Fault, FaultLog, Injected, fault, inject
from .isolation import isolated_dynamodb
from .limits import PerPartition, PerTable
from .requests import RecordedRequest, Requests

if TYPE_CHECKING:
    from .cases import DynamoDBTestCase
    from .proxies import Proxy, WireFault, proxy, wire_fault
else:
    # Sockets, threads, TLS and unittest: only for tests that use them.
    _LAZY = {"DynamoDBTestCase": "cases", "Proxy": "proxies", "WireFault": "proxies", "proxy": "proxies", "wire_fault": "proxies"}

    def __getattr__(name: str) -> object:
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)


# For a conftest that names this module, as was needed before pytest found the plugin by itself.
pytest_plugins = ["pydynox_pytest"]

__all__ = [
    "Clock",
    "DynamoDBTestCase",
    "Fakes",
    "Fault",
    "FaultLog",
    "Injected",
    "IsolatedDynamoDB",
    "PerPartition",
    "PerTable",
    "Proxy",
    "RecordedRequest",
    "Requests",
    "Snapshot",
    "WireFault",
    "fake",
    "fault",
    "inject",
    "isolated_dynamodb",
    "proxy",
    "wire_fault",
]
