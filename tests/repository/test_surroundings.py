"""A repository where applications use one: on another engine over HTTP, and behind the routes of FastAPI."""

from __future__ import annotations

import dataclasses
import os
from typing import Annotated, Any

import httpx
import pydantic
import pytest
from fastapi import Depends, FastAPI
from pydynox import DynamoDBClient, Rejected, Repository, get_default_client
from pydynox.exceptions import ConfigurationError, ItemAlreadyExistsError, SerializationError, VersionConflictError
from pydynox.integrations.fastapi import ETag, JSONLines, Page, Paging, install_errors, lifespan, paging

from tests.conftest import Drive

from .classes import USERS, full
from .conftest import users_of


@pytest.mark.parametrize("kind", USERS)
def test_every_verb_on_the_engines_that_models_are_tested_on(kind: str, client: DynamoDBClient, drive: Drive) -> None:
    users = users_of(kind)
    attr = users.attr
    ada = drive(users.create(full(kind)))
    bob = drive(users.create(full(kind, number=2, name="Bob", age=7)))

    assert drive(users.get("u1", 1)) == ada
    with pytest.raises(ItemAlreadyExistsError) as taken:
        drive(users.create(full(kind)))
    assert taken.value.item == ada
    stale = drive(users.get("u1", 1))
    ada.tags.append("c")
    ada.address.city = "Paris"
    drive(users.save(ada))
    with pytest.raises(VersionConflictError):
        drive(users.put(stale))
    rejected = drive(users.put(ada, condition=attr.age > 40, on_condition="return"))
    assert isinstance(rejected, Rejected)
    assert rejected.item == ada
    drive(users.update(ada, attr.age.add(1), attr.limits["day"].set(4), condition=attr.address.city == "Paris"))
    assert (ada.age, ada.limits, ada.version) == (37, {"day": 4}, 3)
    assert drive(users.query("u1").filter(attr.roles.contains("admin")).all()) == [ada, bob]
    first = drive(users.query("u1").page(1))
    assert drive(users.query("u1").after(first.cursor).all()) == [bob]
    assert drive(users.index("by_name").query("Bob").all()) == [bob]
    assert drive(users.index("by_age").query("u1", attr.age < 10).all()) == [bob]
    assert drive(users.batch_get([("u1", 2), ("u1", 3)])) == [bob, None]

    async def together() -> None:
        async with client.transaction() as tx:
            tx.save(users.item(bob))
            tx.create(users.item(full(kind, number=3)))
            bob.age = 8
        async with client.batch_writer(unguarded=True) as batch:
            await batch.put(users.item(full(kind, number=4)))

    drive(together())
    assert sorted(user.number for user in drive(users.scan().all())) == [1, 2, 3, 4]
    assert drive(users.get("u1", 2)) == bob
    drive(users.delete(ada))
    assert drive(users.get("u1", 1)) is None
    assert drive(users.table.check()) == []


class Tea(pydantic.BaseModel):
    tea_id: str
    number: int
    name: str = pydantic.Field(min_length=1)
    grams: int = pydantic.Field(default=0, ge=0)
    secret: str = pydantic.Field(default="", exclude=True)
    version: int = 0


class PublicTea(pydantic.BaseModel):
    name: str


@dataclasses.dataclass
class Cup:
    cup_id: str
    size: int = 0


Pages = Annotated[Paging, Depends(paging(rows=2))]


def app_of() -> FastAPI:
    """An app whose routes take and return the classes themselves."""
    teas = Repository(Tea, table="teas", partition_key="tea_id", sort_key="number", version="version")
    cups = Repository(Cup, table="cups", partition_key="cup_id")
    client = lambda: DynamoDBClient(endpoint_url="memory://", cursor_keys=[os.urandom(32)])  # noqa: E731
    app = FastAPI(lifespan=lifespan(client, tables=[teas.model, cups.model]))
    install_errors(app)

    @app.post("/teas", status_code=201)
    async def create(tea: Tea) -> Tea:
        return await teas.create(tea)

    @app.put("/teas")
    async def put(tea: Tea) -> Tea:
        return await teas.put(tea)

    @app.get("/teas/{number}")
    async def get(number: int) -> Tea:
        return await teas.get_or_raise("t", number)

    @app.get("/tagged/{number}")
    async def tagged(number: int, etag: Annotated[ETag, Depends()]) -> Tea:
        return etag.send(await teas.get_or_raise("t", number))

    @app.get("/teas")
    async def every(pages: Pages) -> Page[Tea]:
        return await pages.read(teas.query("t"))

    @app.get("/names")
    async def names(pages: Pages) -> Page[PublicTea]:
        return await pages.read(teas.query("t"))

    @app.get("/teas.jsonl", response_class=JSONLines)
    async def lines() -> JSONLines[Tea]:
        return JSONLines(teas.query("t"))

    @app.put("/cups")
    async def put_cup(cup: Cup) -> Cup:
        return await cups.put(cup)

    @app.get("/cups")
    async def every_cup(pages: Pages) -> Page[Cup]:
        return await pages.read(cups.scan())

    return app


async def test_routes_take_and_return_the_classes_themselves() -> None:
    app = app_of()
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as web:
        made = [await web.post("/teas", json={"tea_id": "t", "number": n, "name": f"tea {n}", "secret": "s"}) for n in range(5)]
        again = await web.post("/teas", json={"tea_id": "t", "number": 0, "name": "other"})
        stale = await web.put("/teas", json={"tea_id": "t", "number": 0, "name": "other", "version": 7})
        wrong = await web.post("/teas", json={"tea_id": "t", "number": 9, "name": ""})
        one, none = await web.get("/teas/3"), await web.get("/teas/30")

        assert [response.status_code for response in made] == [201] * 5
        assert one.json() == made[3].json() == {"tea_id": "t", "number": 3, "name": "tea 3", "grams": 0, "version": 1}
        assert (again.status_code, stale.status_code, wrong.status_code, none.status_code) == (409, 409, 422, 404)

        first = (await web.get("/teas")).json()
        second = (await web.get("/teas", params={"after": first["next"]})).json()
        third = (await web.get("/teas", params={"after": second["next"], "limit": 9})).json()
        back = (await web.get("/teas", params={"before": second["previous"]})).json()
        other = await web.get("/names", params={"after": first["next"]})
        forged = await web.get("/teas", params={"after": "AAAA"})

        numbers = [[item["number"] for item in page["items"]] for page in (first, second, third, back)]
        assert numbers == [[0, 1], [2, 3], [4], [0, 1]]
        assert (first["previous"], third["next"]) == (None, None)
        assert first["items"][0] == made[0].json()
        assert other.json()["items"] == [{"name": "tea 2"}, {"name": "tea 3"}]
        assert forged.status_code == 400
        assert "secret" not in (await web.get("/teas.jsonl")).text
        assert len((await web.get("/teas.jsonl")).text.splitlines()) == 5

        assert (await web.put("/cups", json={"cup_id": "c", "size": 3})).json() == {"cup_id": "c", "size": 3}
        assert (await web.get("/cups")).json() == {"items": [{"cup_id": "c", "size": 3}], "next": None, "previous": None}
        await get_default_client().put_item("teas", {"tea_id": "t", "number": 9, "name": ""})
        with pytest.raises(SerializationError, match="the stored item is refused by Tea: name: string_too_short"):
            await web.get("/teas/9")

        with pytest.raises(ConfigurationError, match="an ETag is built from an instance of a Model, not from Tea"):
            await web.get("/tagged/3")

        schema: Any = (await web.get("/openapi.json")).json()
        assert "secret" not in schema["components"]["schemas"]["Page_Tea_"]["properties"]
