"""For the tests of those who use pydynox: a fixture with a DynamoDB of its own, and faults to meet. PYTEST_DONT_REWRITE

``pytest_plugins = ["pydynox.testing"]`` in a ``conftest.py`` brings the fixture ``dynamodb``.
"""

from .faults import Fault, FaultLog, Injected, fault, inject

# Importing this module needs no pytest; making it a plugin brings the fixtures.
pytest_plugins = ["pydynox.testing.fixtures"]

__all__ = ["Fault", "FaultLog", "Injected", "fault", "inject"]
