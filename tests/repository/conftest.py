"""Fixtures of repositories: each class by each way to reach an engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydynox import DynamoDBClient, GlobalSecondaryIndex, LocalSecondaryIndex, Repository
from pydynox.local import LocalServer

from tests.engines import CREDENTIALS

from .classes import USERS


@pytest.fixture(params=list(USERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def _server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(params=["memory", "http"])
def place(request: pytest.FixtureRequest) -> Iterator[DynamoDBClient]:
    """A client in force, of an engine in this process or of the local server."""
    if request.param == "memory":
        client = DynamoDBClient(endpoint_url="memory://")
    else:
        url = request.getfixturevalue("_server").endpoint_url
        client = DynamoDBClient(endpoint_url=url, region="us-east-1", credentials=CREDENTIALS)
    with client.as_default():
        yield client
    for name in client.sync.call("ListTables")["TableNames"]:
        client.sync.call("DeleteTable", TableName=name)
    client.sync.close()


@pytest.fixture
def memory() -> Iterator[DynamoDBClient]:
    """A client in force, of an engine in this process."""
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        yield client
    client.sync.close()


def users_of(kind: str, **options: Any) -> Repository[Any]:
    """A repository of the users of a library, with its table."""
    declared: dict[str, Any] = {
        "table": "users",
        "partition_key": "user_id",
        "sort_key": "number",
        "version": "version",
        "names": {"name": "full_name"},
        "indexes": {
            "by_name": GlobalSecondaryIndex("name", "age"),
            "by_age": LocalSecondaryIndex("age", index_name="ages"),
        },
    }
    users: Repository[Any] = Repository(USERS[kind], **(declared | options))
    users.table.sync.ensure()
    return users
