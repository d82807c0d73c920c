"""Fixtures of every test: both ways to drive a call, and a client of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pydynox
import pytest
from pydynox import DynamoDBClient

Drive = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=["awaited", "blocking"])
def drive(request: pytest.FixtureRequest) -> Drive:
    """Run a coroutine to its end: in an event loop, or on the calling thread. Behaviour is the same in both."""
    return asyncio.run if request.param == "awaited" else pydynox.run


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    """A private embedded engine, in force for the models of the test."""
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        yield client
