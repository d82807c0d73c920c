"""The process that ``benches/web.py`` counts: an app of FastAPI, called in process, with the routes that are compared.

``served.py MARKS URL [ROUTE...]``, as ``guarded.py``. Prints a line of JSON with each route's calls and allocations.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import pathlib
import sys
from typing import Any

HERE = pathlib.Path(__file__).parent
sys.path.insert(1, str(HERE.parent))

from data import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SORT_KEY, TABLE, partition_key, values  # noqa: E402
from fastapi import Depends, FastAPI  # noqa: E402
from model import User  # noqa: E402 (in the parent folder)
from pydantic import BaseModel  # noqa: E402
from pydynox import Credentials, DynamoDBClient, attr, set_default_client  # noqa: E402
from pydynox.integrations.fastapi import Page, Paging, paging  # noqa: E402

PAGES = ("page", "page of instances", "page by hand", "page by hand from dictionaries")
CALLS = dict.fromkeys(PAGES, 10)
USUAL = 50
ROWS = 100
READY = {**values(1), "roles": ["admin", "author"]}


class UserOut(BaseModel):
    """The item as a pydantic model."""

    pk: str
    sk: str
    name: str
    email: str
    age: int
    score: float
    active: bool
    tags: list[str]
    address: dict[str, str]
    created_at: str
    roles: set[str]
    version: int


class PageOut(BaseModel):
    """A page of them."""

    items: list[UserOut]
    next: str | None
    previous: str | None


def app_of(client: DynamoDBClient) -> FastAPI:
    """An app with all routes."""
    app = FastAPI()
    rows = User.query(partition_key(0))
    dictionaries = client.query(TABLE, attr("pk") == partition_key(0))

    @app.get("/ready dictionary")
    async def ready() -> dict[str, Any]:
        return READY

    @app.get("/ready dictionary without a type")
    async def ready_untyped():
        return READY

    @app.get("/item")
    async def item() -> User:
        return await User.get_or_raise(partition_key(1), SORT_KEY)

    @app.get("/page")
    async def page(pages: Paging = Depends(paging(rows=ROWS))) -> Page[User]:  # noqa: B008
        return await pages.read(rows)

    @app.get("/page of instances")
    async def page_of_instances() -> Page[User]:
        return Page(await rows.page(ROWS))

    @app.get("/page by hand")
    async def page_by_hand(pages: Paging = Depends(paging(rows=ROWS))) -> PageOut:  # noqa: B008
        found = await rows.after(pages.after).page(pages.limit)
        items = [UserOut(**user.model_dump()) for user in found]
        return PageOut(items=items, next=found.cursor, previous=found.previous)

    @app.get("/page by hand from dictionaries")
    async def page_by_hand_from_dictionaries(pages: Paging = Depends(paging(rows=ROWS))) -> PageOut:  # noqa: B008
        found = await dictionaries.after(pages.after).page(pages.limit)
        return PageOut(items=[UserOut(**row) for row in found], next=found.cursor, previous=found.previous)

    return app


def alone(route: Any) -> FastAPI:
    """An app with this route only: a router tries its routes one after another, so those further down would cost more."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.router.routes.append(route)
    return app


async def call(app: FastAPI, path: str) -> bytes:
    """One request, as a server makes it; returns the body."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": [(b"host", b"app"), (b"accept", b"*/*")],
        "server": ("app", 80), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 200, sent
    return sent[1]["body"]


async def main(marks: str, url: str, *wanted: str) -> None:
    library = ctypes.PyDLL(marks)
    library.allocations_so_far.restype = ctypes.c_long
    library.count_allocations()
    client = DynamoDBClient(endpoint_url=url, region=REGION, credentials=Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY))
    set_default_client(client)
    rows: dict[str, tuple[int, int]] = {}
    bodies: dict[str, Any] = {}
    for route in app_of(client).routes[-7:]:
        app, name = alone(route), route.path[1:]
        if wanted and name not in wanted:
            continue
        calls = CALLS.get(name, USUAL)
        for _ in range(calls // 5 or 1):
            body = await call(app, route.path)
        bodies[name] = json.loads(body)
        before = library.allocations_so_far()
        library.begin(name.encode())
        for _ in range(calls):
            await call(app, route.path)
        library.end(name.encode())
        rows[name] = (calls, library.allocations_so_far() - before)
    check(bodies)
    print(json.dumps(rows))


def check(bodies: dict[str, Any]) -> None:
    """The routes that are compared answer the same."""
    items = [bodies[name] for name in ("ready dictionary", "item")]
    pages = [bodies[name]["items"] for name in PAGES if name in bodies]
    for item in (*items, *(item for page in pages for item in page)):
        item["roles"].sort()
    assert items[0] == items[1]
    assert all(page == pages[0] for page in pages)
    assert len(pages[0]) == ROWS


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
