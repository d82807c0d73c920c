"""For your tests: a fixture with an isolated DynamoDB in memory, fake instances, and injected faults. PYTEST_DONT_REWRITE

``pytest_plugins = ["pydynox.testing"]`` in a ``conftest.py`` provides the fixture ``dynamodb``; ``isolated_dynamodb()`` does
the same for any other test runner.
"""

from typing import TYPE_CHECKING

from .fakes import Fakes, fake
from .faults import Fault, FaultLog, Injected, fault, inject
from .isolation import isolated_dynamodb

if TYPE_CHECKING:
    from .proxies import Proxy, WireFault, proxy, wire_fault
else:
    # Sockets, threads and TLS: only for tests that use a proxy.
    _PROXIES = ("Proxy", "WireFault", "proxy", "wire_fault")

    def __getattr__(name: str) -> object:
        if name not in _PROXIES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import proxies

        return getattr(proxies, name)


# Importing this module does not import pytest; only loading it as a plugin does.
pytest_plugins = ["pydynox.testing.fixtures"]

__all__ = [
    "Fakes",
    "Fault",
    "FaultLog",
    "Injected",
    "Proxy",
    "WireFault",
    "fake",
    "fault",
    "inject",
    "isolated_dynamodb",
    "proxy",
    "wire_fault",
]
