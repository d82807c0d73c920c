"""The pytest fixtures. PYTEST_DONT_REWRITE"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pydynox.client import DynamoDBClient, sole_client

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def dynamodb() -> Iterator[DynamoDBClient]:
    """A DynamoDB of the test's own, empty, in this process: the client of every model that names none, in all threads.

    What was the default client before is it again afterwards. Meanwhile none is made from the environment, so that a test that
    takes its default client away fails and touches no account.

    Example:
        >>> def test_an_order_is_kept(dynamodb):
        ...     Order.table.sync.create()
        ...     Order(customer_id="c1", number=7).sync.create()
        ...     assert Order.sync.get("c1", 7)
    """
    client = DynamoDBClient(endpoint_url="memory://")
    with sole_client(client):
        yield client
    client.sync.close()
