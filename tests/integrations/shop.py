"""The app that the tests of the FastAPI integration ask: one route for each part of it."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, Header
from pydynox import Attr, DynamoDBClient, Encrypted, LocalKeyring, Model, created_at, field, partition_key, sort_key, version
from pydynox.integrations.fastapi import ETag, JSONLines, Page, Paging, Patch, install_errors, lifespan, paging, responses


class Public(Model[str, int], table="orders", abstract=True):
    """What everyone may see of an order."""

    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    note: Attr[str | None] = field(default=None, max_length=50)


class Order(Public, table="orders"):
    """An order, with everything that a patch meets."""

    total: Attr[int] = field(default=0, ge=0)
    tags: Attr[set[str]] = field(default_factory=set)
    channel: Attr[str] = field(default="web", immutable=True)
    card: Encrypted[str | None] = field(default=None)
    placed: Attr[datetime] = created_at()
    revision: Attr[int] = version()


class Named(Model[str], table="tallies", abstract=True):
    """What everyone may see of a tally."""

    name: Attr[str] = partition_key()


class Tally(Named, table="tallies"):
    """A version alone, and nothing that needs an instance before it becomes JSON."""

    count: Attr[int] = field(default=0)
    revision: Attr[int] = version()


def customer_of(x_customer: Annotated[str, Header()]) -> str:
    return x_customer


Customer = Annotated[str, Depends(customer_of)]
Pages = Annotated[Paging, Depends(paging(rows=2, most=50, audience=customer_of))]


def client() -> DynamoDBClient:
    return DynamoDBClient(
        endpoint_url="memory://", max_attempts=1, cursor_keys=[os.urandom(32)], keyring=LocalKeyring({"test": os.urandom(32)})
    )


@functools.cache
def make_app() -> FastAPI:
    """The app: one for all tests, since each start has a client and tables of its own."""
    app = FastAPI(lifespan=lifespan(client, tables=[Order, Tally]))
    install_errors(app, retry_after=7)

    @app.post("/orders", status_code=201, responses=responses(409))
    async def place(order: Order, etag: Annotated[ETag, Depends()]) -> Order:
        await order.create()
        return etag.send(order)

    @app.get("/orders", responses=responses(400))
    async def orders(customer: Customer, pages: Pages) -> Page[Order]:
        return await pages.read(Order.query(customer))

    @app.get("/public", responses=responses(400))
    async def public(customer: Customer, pages: Pages) -> Page[Public]:
        return await pages.read(Order.query(customer))

    @app.get("/chosen", response_model_exclude={"items": {"__all__": {"note"}}})
    async def chosen(customer: Customer, pages: Pages) -> Page[Order]:
        return await pages.read(Order.query(customer))

    @app.get("/orders.jsonl", response_class=JSONLines)
    async def lines() -> JSONLines[Order]:
        return JSONLines(Order.scan())

    @app.get("/public.jsonl", response_class=JSONLines)
    async def public_lines() -> JSONLines[Public]:
        return JSONLines(Order.scan())

    @app.get("/orders/{number}", responses=responses(304, 404))
    async def order(number: int, customer: Customer, etag: Annotated[ETag, Depends()]) -> Order:
        return etag.send(await Order.get_or_raise(customer, number))

    @app.patch("/orders/{number}", responses=responses(404, 412, 428))
    async def change(
        number: int, customer: Customer, patch: Patch[Order], etag: Annotated[ETag, Depends(ETag.required)]
    ) -> Order:
        order = await Order.get_or_raise(customer, number)
        etag.check(order)
        order.model_apply(patch)
        await order.save()
        return etag.send(order)

    @app.put("/orders/{number}", responses=responses(404, 412))
    async def replace(number: int, order: Order, customer: Customer, etag: Annotated[ETag, Depends()]) -> Order:
        etag.check(await Order.get(customer, number))
        await order.put()
        return etag.send(order)

    @app.delete("/orders/{number}", status_code=204, responses=responses(404, 412))
    async def cancel(number: int, customer: Customer, etag: Annotated[ETag, Depends()]) -> None:
        await Order.key(customer, number).delete(condition=etag.condition(Order))

    @app.get("/tallies")
    async def tallies(pages: Pages) -> Page[Tally]:
        return await pages.read(Tally.scan())

    @app.get("/names")
    async def names(pages: Pages) -> Page[Named]:
        return await pages.read(Tally.scan())

    @app.get("/tallies.jsonl", response_class=JSONLines)
    async def tally_lines() -> JSONLines[Tally]:
        return JSONLines(Tally.scan())

    @app.get("/names.jsonl", response_class=JSONLines)
    async def name_lines() -> JSONLines[Named]:
        return JSONLines(Tally.scan())

    @app.patch("/tallies/{name}", responses=responses(404, 412))
    async def count(name: str, patch: Patch[Tally], etag: Annotated[ETag, Depends()]) -> Tally:
        return etag.send(await Tally.key(name).update(*patch.model_actions(), condition=etag.condition(Tally)))

    return app


def schema(app: FastAPI) -> Any:
    """The schema of the app as its clients read it."""
    return json.loads(json.dumps(app.openapi()))


@asynccontextmanager
async def opened(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, which is started and stopped around the block."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app", headers={"x-customer": "c1"}) as web,
    ):
        yield web
