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
    """The arguments of the client that ``dynamodb`` is: override it to give cursor keys, a keyring, a table prefix.

    Example:
        >>> @pytest.fixture
        ... def dynamodb_options():
        ...     return {"cursor_keys": [os.urandom(32)], "keyring": LocalKeyring({"test": os.urandom(32)})}
    """
    return {}


@pytest.fixture
def dynamodb(dynamodb_options: dict[str, Any]) -> Iterator[DynamoDBClient]:
    """A DynamoDB of the test's own, empty, in this process: every client without an ``endpoint_url=`` reaches it.

    It is the client of every model that names none, in all threads. Credentials of the machine are out of reach. Afterwards
    everything is as it was before the test; see ``isolated_dynamodb``.

    Example:
        >>> def test_an_order_is_kept(dynamodb):
        ...     Order.table.sync.create()
        ...     Order(customer_id="c1", number=7).sync.create()
        ...     assert Order.sync.get("c1", 7)
    """
    with isolated_dynamodb(**dynamodb_options) as client:
        yield client
