"""The pytest fixtures. PYTEST_DONT_REWRITE"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .isolation import isolated_dynamodb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydynox.client import DynamoDBClient


@pytest.fixture
def dynamodb_options() -> dict[str, Any]:
    """The client arguments for ``dynamodb``: override this fixture to pass cursor keys, a keyring or a table prefix.

    Example:
        >>> @pytest.fixture
        ... def dynamodb_options():
        ...     return {"cursor_keys": [os.urandom(32)], "keyring": LocalKeyring({"test": os.urandom(32)})}
    """
    return {}


@pytest.fixture
def dynamodb(dynamodb_options: dict[str, Any]) -> Iterator[DynamoDBClient]:
    """An empty, in-process DynamoDB for one test: every client without an ``endpoint_url=`` connects to it.

    It is the client of every model that has no client of its own, in all threads. Credentials of the machine are hidden.
    Everything is restored after the test; see ``isolated_dynamodb``.

    Example:
        >>> def test_an_order_is_stored(dynamodb):
        ...     Order.table.sync.create()
        ...     Order(customer_id="c1", number=7).sync.create()
        ...     assert Order.sync.get("c1", 7)
    """
    with isolated_dynamodb(**dynamodb_options) as client:
        yield client
