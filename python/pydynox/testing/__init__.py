"""For your tests: a fixture with an isolated DynamoDB in memory, and injected faults. PYTEST_DONT_REWRITE

``pytest_plugins = ["pydynox.testing"]`` in a ``conftest.py`` provides the fixture ``dynamodb``; ``isolated_dynamodb()`` does
the same for any other test runner.
"""

from .fakes import Fakes, fake
from .faults import Fault, FaultLog, Injected, fault, inject
from .isolation import isolated_dynamodb

# Importing this module does not import pytest; only loading it as a plugin does.
pytest_plugins = ["pydynox.testing.fixtures"]

__all__ = ["Fakes", "Fault", "FaultLog", "Injected", "fake", "fault", "inject", "isolated_dynamodb"]
