"""For the tests of those who use pydynox: a fixture with a DynamoDB of its own, and faults to meet. PYTEST_DONT_REWRITE

``pytest_plugins = ["pydynox.testing"]`` in a ``conftest.py`` brings the fixture ``dynamodb``; ``isolated_dynamodb()`` is
the same for any other way to test.
"""

from .faults import Fault, FaultLog, Injected, fault, inject
from .isolation import isolated_dynamodb

# Importing this module needs no pytest; making it a plugin brings the fixtures.
pytest_plugins = ["pydynox.testing.fixtures"]

__all__ = ["Fault", "FaultLog", "Injected", "fault", "inject", "isolated_dynamodb"]
