"""The lifespan of a FastAPI app: whose client it uses, what it creates, and whom it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
from fastapi import BackgroundTasks, FastAPI, Request
from pydynox import Attr, DynamoDBClient, Model, field, get_default_client, partition_key, set_default_client, sort_key
from pydynox.exceptions import ConfigurationError, TableNotFoundError
from pydynox.integrations.fastapi import lifespan
from pydynox.testing import isolated_dynamodb

from .shop import opened


class Note(Model[str], table="notes"):
    note_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")


def app_with(*arguments: Any, **options: Any) -> FastAPI:
    app = FastAPI(lifespan=lifespan(*arguments, **options))

    @app.get("/notes/{note_id}")
    async def read(note_id: str) -> Note | None:
        return await Note.get(note_id)

    @app.post("/notes/{note_id}")
    async def write(note_id: str) -> None:
        await Note(note_id=note_id).put()

    return app


async def test_the_client_is_the_default_until_the_app_ends() -> None:
    with isolated_dynamodb() as outside:
        app = app_with(lambda: DynamoDBClient(timeout=5), tables=[Note])
        async with opened(app) as web:
            inside = get_default_client()
            await web.post("/notes/n1")

        assert inside is not outside
        assert get_default_client() is outside
        assert await Note.key("n1").exists()  # the app's client reached the DynamoDB of the test
        with pytest.raises(RuntimeError, match="closed"):
            await inside.list_tables()


async def test_a_client_that_is_given_stays_open_and_one_from_the_environment_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = DynamoDBClient(endpoint_url="memory://")
    async with opened(app_with(own, tables=[Note])):
        assert get_default_client() is own
    assert await own.list_tables() == ["notes"]

    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "memory://")
    async with opened(app_with()):
        made = get_default_client()
        assert await made.list_tables() == []
    set_default_client(None)
    assert made is not get_default_client()
    set_default_client(None)


async def test_a_client_that_was_set_in_the_meantime_stays() -> None:
    later = DynamoDBClient(endpoint_url="memory://")
    async with opened(app_with(lambda: DynamoDBClient(endpoint_url="memory://"))):
        set_default_client(later)

    assert get_default_client() is later
    set_default_client(None)


async def test_tables_are_created_only_if_asked() -> None:
    with isolated_dynamodb() as client:
        async with opened(app_with()) as web:
            with pytest.raises(TableNotFoundError):
                await web.get("/notes/n1")
        assert await client.list_tables() == []
        for _ in range(2):
            async with opened(app_with(tables=[Note])):
                pass
        assert await client.list_tables() == ["notes"]


async def test_a_start_that_fails_leaves_nothing() -> None:
    before = DynamoDBClient(endpoint_url="memory://")
    set_default_client(before)
    await Note.table.create()
    made: list[DynamoDBClient] = []

    class Wide(Model[str, str], table="notes"):
        note_id: Attr[str] = partition_key()
        sort: Attr[str] = sort_key()

    def make() -> DynamoDBClient:
        made.append(DynamoDBClient(endpoint_url="memory://"))
        return made[0]

    @asynccontextmanager
    async def broken(_: FastAPI) -> AsyncIterator[None]:
        raise ConfigurationError("of the app")
        yield

    app = app_with(make, inner=broken)
    with pytest.raises(ConfigurationError, match="of the app"):
        async with opened(app):
            pass
    with pytest.raises(ConfigurationError):
        async with opened(app_with(before, tables=[Wide])):
            pass

    assert get_default_client() is before
    with pytest.raises(RuntimeError, match="closed"):
        await made[0].list_tables()
    set_default_client(None)


async def test_the_lifespan_of_ones_own_runs_inside() -> None:
    steps: list[Any] = []

    @asynccontextmanager
    async def inner(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        await Note(note_id="n1", text="started").create()
        yield {"name": "of the app"}
        note = await Note.get_or_raise("n1")
        steps.append(note.text)

    app = app_with(lambda: DynamoDBClient(endpoint_url="memory://"), tables=[Note], inner=inner)

    @app.get("/state")
    async def state(request: Request) -> str:
        return request.state.name

    messages: list[Any] = []
    scope: dict[str, Any] = {"type": "lifespan", "state": {}}
    ends = asyncio.Event()

    async def receive() -> Any:
        if not messages:
            return {"type": "lifespan.startup"}
        await ends.wait()
        return {"type": "lifespan.shutdown"}

    async def send(message: Any) -> None:
        messages.append(message["type"])

    running = asyncio.create_task(app(scope, receive, send))
    while not messages:
        await asyncio.sleep(0)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as web:
        assert (await web.get("/notes/n1")).json()["text"] == "started"
    assert scope["state"] == {"name": "of the app"}
    ends.set()
    await running

    assert messages == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert steps == ["started"]


async def test_it_can_be_part_of_a_lifespan_of_ones_own() -> None:
    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(lambda: DynamoDBClient(endpoint_url="memory://"), tables=[Note])(app):
            yield

    app = FastAPI(lifespan=own)

    @app.get("/")
    async def count() -> int:
        return await Note.scan().count()

    async with opened(app) as web:
        assert (await web.get("/")).json() == 0


@pytest.mark.parametrize("in_background", [False, True])
async def test_requests_in_flight_end_before_the_client(in_background: bool) -> None:
    app = app_with(lambda: DynamoDBClient(endpoint_url="memory://"), tables=[Note])
    begun, go_on, outcome = asyncio.Event(), asyncio.Event(), []

    async def work() -> None:
        begun.set()
        await go_on.wait()
        await Note(note_id="late").create()
        outcome.append((await Note.get_or_raise("late")).note_id)

    @app.get("/slow")
    async def slow(tasks: BackgroundTasks) -> str:
        if in_background:
            tasks.add_task(work)
        else:
            await work()
        return "done"

    async with opened(app) as web:
        asked = asyncio.create_task(web.get("/slow"))
        await begun.wait()
        asyncio.get_running_loop().call_later(0.05, go_on.set)

    assert outcome == ["late"]
    assert (await asked).json() == "done"


async def test_a_request_that_never_ends_does_not_hold_the_app_for_ever() -> None:
    app = app_with(lambda: DynamoDBClient(endpoint_url="memory://"), tables=[Note], wait=0.05)
    begun, never = asyncio.Event(), asyncio.Event()

    @app.get("/endless")
    async def endless() -> None:
        begun.set()
        await never.wait()

    async with opened(app) as web:
        client = get_default_client()
        asked = asyncio.create_task(web.get("/endless"))
        await begun.wait()

    with pytest.raises(RuntimeError, match="closed"):
        await client.list_tables()
    asked.cancel()


def test_an_app_starts_again_and_its_middleware_stays_one() -> None:
    app = app_with(lambda: DynamoDBClient(endpoint_url="memory://"), tables=[Note])

    async def once() -> Any:
        async with opened(app) as web:
            return (await web.get("/notes/n1")).status_code

    assert [asyncio.run(once()) for _ in range(3)] == [200] * 3
    assert app.middleware_stack is None
    app.add_middleware(lambda app: app)  # as before the first start
    assert [asyncio.run(once()) for _ in range(2)] == [200] * 2


def test_it_runs_on_trio_too() -> None:
    import trio

    app = app_with(lambda: DynamoDBClient(endpoint_url="memory://"))
    waited: list[float] = []

    async def serve() -> None:
        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(_: Any) -> None: ...

        @app.get("/slow")
        async def slow() -> None:
            await anyio.sleep(0.05)
            waited.append(anyio.current_time())

        async with trio.open_nursery() as nursery:
            async with app.router.lifespan_context(app):
                scope = {"type": "http", "method": "GET", "path": "/slow", "query_string": b"", "headers": []}
                nursery.start_soon(app, scope, receive, send)
                await anyio.sleep(0.01)
            assert waited

    trio.run(serve)
