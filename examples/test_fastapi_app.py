"""Tests of the web service, which needs no changes for them: ``pytest examples``."""

import asyncio

import httpx
from fastapi_app import User, app
from pydynox import DynamoDBClient

pytest_plugins = ["pydynox.testing"]  # in a project, this line goes in conftest.py


async def requests() -> list[httpx.Response]:
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://app") as web:
        return [
            await web.post("/users", json={"user_id": "u1", "name": "Ada"}),
            await web.patch("/users/u1", json={"age": 36}),
            await web.get("/users/u2"),
        ]


def test_a_user_is_added_and_changed(dynamodb: DynamoDBClient) -> None:
    added, changed, missing = asyncio.run(requests())

    assert (added.status_code, changed.status_code, missing.status_code) == (201, 200, 404)
    assert User.sync.get_or_raise("u1").age == 36
    assert dynamodb.sync.call("ListTables")["TableNames"] == ["users"]


def test_each_test_starts_without_items(dynamodb: DynamoDBClient) -> None:
    assert dynamodb.sync.call("ListTables")["TableNames"] == []
