"""Tests of the web service, which needs no changes for them: ``pytest examples``."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from pydynox import DynamoDBClient

from fastapi_app import app
from fastapi_app.models import Customer, Order

pytest_plugins = ["pydynox.testing"]  # needed only where pytest doesn't load plugins by itself


def serve(story: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    """Tell a story to the app between its startup and its shutdown."""

    async def run() -> None:
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://app") as web:
            await story(web)

    asyncio.run(run())


async def register(web: httpx.AsyncClient, name: str) -> dict[str, str]:
    """A new customer; returns the headers that it sends from then on."""
    welcome = await web.post("/customers", json={"name": name})
    assert welcome.status_code == 201
    return {"Authorization": f"Bearer {welcome.json()['token']}"}


def test_a_customer_is_known_by_its_token(dynamodb: DynamoDBClient) -> None:
    async def story(web: httpx.AsyncClient) -> None:
        ada = await register(web, "Ada")
        profile = await web.get("/customer", headers=ada)
        assert profile.json()["name"] == "Ada"
        assert set(profile.json()) == {"customer_id", "name", "email", "created", "version"}
        assert (await web.get("/customer", headers={"Authorization": "Bearer x"})).status_code == 401
        assert (await web.get("/customer")).status_code in (401, 403)  # as the version of FastAPI has it

    serve(story)
    assert len(dynamodb.sync.scan("shop").all()) == 2


@pytest.mark.usefixtures("dynamodb")
def test_a_profile_changes_only_from_the_state_that_was_read() -> None:
    async def story(web: httpx.AsyncClient) -> None:
        ada = await register(web, "Ada")
        tag = (await web.get("/customer", headers=ada)).headers["etag"]
        assert (await web.get("/customer", headers={**ada, "If-None-Match": tag})).status_code == 304

        blind = await web.patch("/customer", json={"email": "a@b.c"}, headers=ada)
        first = await web.patch("/customer", json={"email": "a@b.c"}, headers={**ada, "If-Match": tag})
        second = await web.patch("/customer", json={"email": None}, headers={**ada, "If-Match": tag})
        key = await web.patch("/customer", json={"customer_id": "x"}, headers={**ada, "If-Match": "*"})
        assert [answer.status_code for answer in (blind, first, second, key)] == [428, 200, 412, 422]

    serve(story)
    assert [customer.email for customer in Customer.sync.scan()] == ["a@b.c"]


@pytest.mark.usefixtures("dynamodb")
def test_orders_come_in_pages_that_lead_nobody_else_on() -> None:
    async def story(web: httpx.AsyncClient) -> None:
        ada, grace = await register(web, "Ada"), await register(web, "Grace")
        for total in range(5):
            assert (await web.post("/orders", json={"total": total}, headers=ada)).status_code == 201

        first = (await web.get("/orders", params={"limit": 3}, headers=ada)).json()
        rest = (await web.get("/orders", params={"after": first["next"]}, headers=ada)).json()
        other = await web.get("/orders", params={"after": first["next"]}, headers=grace)
        assert [order["total"] for order in first["items"] + rest["items"]] == [4, 3, 2, 1, 0]
        assert other.status_code == 400
        assert (await web.get("/orders", headers=grace)).json()["items"] == []
        lines = (await web.get("/orders.jsonl", headers=ada)).text.splitlines()
        assert len(lines) == 5

        path = f"/orders/{first['items'][0]['order_id']}"
        assert (await web.delete(path, headers=ada)).status_code == 204
        assert (await web.get(path, headers=ada)).status_code == 404
        problem = await web.get(path, headers={**ada, "Accept": "application/problem+json"})
        assert problem.json()["title"] == "Not Found"

    serve(story)


@pytest.mark.usefixtures("dynamodb")
def test_an_order_is_confirmed_after_the_response() -> None:
    async def story(web: httpx.AsyncClient) -> None:
        ada = await register(web, "Ada")
        assert (await web.post("/orders", json={"total": 5}, headers=ada)).json()["status"] == "new"
        assert (await web.post("/orders", json={"total": -5}, headers=ada)).status_code == 422

    serve(story)
    assert [order.status for order in Order.sync.scan()] == ["confirmed"]
