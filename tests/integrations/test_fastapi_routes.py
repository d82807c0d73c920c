"""What a FastAPI route does with the integration: pages, ETags, patches, lines, and the schema that clients read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator
from pydynox import DynamoDBClient, get_default_client
from pydynox.exceptions import ConfigurationError, SerializationError
from pydynox.integrations.fastapi import ETag, JSONLines, Page, Paging, install_errors, lifespan, paging
from pydynox.testing import fault, inject

from .shop import Order, Public, Tally, make_app, opened, schema

ORDER = {"customer": "c1", "note": None, "total": 0, "tags": [], "channel": "web"}


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with opened(make_app()) as web:
        yield web


async def place(web: httpx.AsyncClient, *numbers: int, **values: Any) -> list[httpx.Response]:
    return [await web.post("/orders", json={**ORDER, "number": number, **values}) for number in numbers]


def numbers(response: httpx.Response) -> list[int]:
    assert response.status_code == 200, response.text
    return [item["number"] for item in response.json()["items"]]


# Pages


async def test_pages_lead_on_and_back(web: httpx.AsyncClient) -> None:
    await place(web, *range(5))

    first = await web.get("/orders")
    second = await web.get("/orders", params={"after": first.json()["next"]})
    last = await web.get("/orders", params={"after": second.json()["next"], "limit": 50})
    back = await web.get("/orders", params={"before": second.json()["previous"]})

    assert list(map(numbers, (first, second, last, back))) == [[0, 1], [2, 3], [4], [0, 1]]
    assert (first.json()["previous"], last.json()["next"]) == (None, None)
    assert first.headers["content-type"] == "application/json"


async def test_a_page_is_what_fastapi_makes_of_a_pydantic_model(web: httpx.AsyncClient) -> None:
    await place(web, 1, 2, note='"é\n\u2028', tags=["b", "a"])
    orders = await Order.query("c1").page(2)

    response = await web.get("/orders", params={"limit": 3})

    as_pydantic = TypeAdapter(list[Order]).dump_python(list(orders), mode="json")
    assert {**response.json(), "items": [{**item, "tags": sorted(item["tags"])} for item in response.json()["items"]]} == {
        "items": [{**item, "tags": sorted(item["tags"])} for item in as_pydantic],
        "next": None,
        "previous": None,
    }
    assert "card" not in response.text


async def test_a_page_shows_what_the_declared_class_shows(web: httpx.AsyncClient) -> None:
    await place(web, 1, total=9)

    response = await web.get("/public")

    assert response.json()["items"] == [{"customer": "c1", "number": 1, "note": None}]
    assert int(response.headers["content-length"]) == len(response.content)


async def test_what_is_stored_becomes_json_at_once_if_no_instance_is_needed(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        await Tally(name=name, count=1).create()
    rows = [{"name": name, "count": 1, "revision": 1} for name in ("a", "b", "c")]
    made: list[bytes] = []
    monkeypatch.setattr("pydynox.integrations.fastapi.bodies.json_of_rows", lambda *_, **__: made)

    pages = [(await web.get(path)).json() for path in ("/tallies", "/names")]
    more = (await web.get("/tallies", params={"after": pages[0]["next"]})).json()
    lines = [(await web.get(path)).text.splitlines() for path in ("/tallies.jsonl", "/names.jsonl")]

    assert sorted([*pages[0]["items"], *more["items"]], key=lambda row: row["name"]) == rows
    assert all(list(row) == ["name"] for row in pages[1]["items"])
    assert sorted(map(json.loads, lines[0]), key=lambda row: row["name"]) == rows
    assert sorted(lines[1]) == ['{"name":"a"}', '{"name":"b"}', '{"name":"c"}']
    assert made == []


async def test_a_row_that_does_not_fit_is_a_fault_of_the_data(web: httpx.AsyncClient) -> None:
    await get_default_client().put_item("tallies", {"name": "x", "count": "many"})

    for path in ("/tallies", "/names", "/tallies.jsonl"):
        with pytest.raises(SerializationError, match=r"Tally\.count: the stored value is a string"):
            await web.get(path)


async def test_choosing_attributes_in_a_way_that_has_no_effect_is_refused(web: httpx.AsyncClient) -> None:
    with pytest.raises(ConfigurationError, match="response_model_exclude= has no effect on Page"):
        await web.get("/chosen")


@pytest.mark.parametrize(
    "parameters",
    [
        {"after": "x"},
        {"after": ""},
        {"after": "é"},
        {"before": "AAAA"},
        {"after": "$next", "before": "$next"},
        {"before": "$next"},
        {"after": "$next", "as": "c2"},
        {"after": "$next!"},
        {"after": "$next"[:4]},
    ],
    ids=str,
)
async def test_a_cursor_that_does_not_belong_here_is_a_400(web: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    await place(web, *range(5))
    await place(web, *range(5), customer="c2")
    cursor = (await web.get("/orders")).json()["next"]
    headers = {"x-customer": parameters.pop("as", "c1")}

    response = await web.get(
        "/orders", params={name: text.replace("$next", cursor) for name, text in parameters.items()}, headers=headers
    )

    assert response.status_code == 400
    assert response.json() == {"detail": "The cursor is not valid for this request: start again without one."}


@pytest.mark.parametrize("limit", ["0", "-1", "51", "x", "1e9", ""])
async def test_a_page_has_a_largest_size(web: httpx.AsyncClient, limit: str) -> None:
    assert (await web.get("/orders", params={"limit": limit})).status_code == 422
    assert (await web.get("/orders", params={"after": "x" * 20_000})).status_code == 422


async def test_a_cursor_is_refused_without_error_handlers_too() -> None:
    app = FastAPI(lifespan=lifespan(lambda: DynamoDBClient(endpoint_url="memory://"), tables=[Tally]))

    @app.get("/")
    async def tallies(pages: Annotated[Paging, Depends(paging())]) -> Page[Tally]:
        return await pages.read(Tally.scan())

    async with opened(app) as web:
        for parameters, status in (({"after": "x"}, 400), ({"before": "x"}, 400), ({}, 200)):
            assert (await web.get("/", params=parameters)).status_code == status


class Brief(BaseModel):
    """A class of pydantic's that shows an order in another way."""

    model_config = ConfigDict(from_attributes=True)
    number: int = Field(serialization_alias="orderNumber")
    note: str = "none"

    @field_validator("note", mode="before")
    @classmethod
    def _text(cls, note: str | None) -> str:
        return note or "none"


@pytest.mark.parametrize(
    ("declared", "rows", "items"),
    [
        (Page[tuple[str, int]], [("a", 1), ("b", 2)], [["a", 1], ["b", 2]]),
        (Page[dict[str, Any]], [{"a": {1}}], [{"a": [1]}]),
        (Page[Any], [{"a": b"x"}, 3], [{"a": "x"}, 3]),
        (Page[Brief], [Order(customer="c", number=1), Order(customer="c", number=2, note="n")],
         [{"orderNumber": 1, "note": "none"}, {"orderNumber": 2, "note": "n"}]),
        (Page[Tally | Public], [Tally(name="t")], [{"name": "t", "count": 0, "revision": 0}]),
        (Page[Tally | Public], [Order(customer="c", number=1)], [{"customer": "c", "number": 1, "note": None}]),
        (Page[Public], [], []),
    ],
)  # fmt: skip
async def test_rows_are_shown_as_the_declared_type_shows_them(declared: Any, rows: list[Any], items: list[Any]) -> None:
    app = FastAPI()

    @app.get("/", response_model=declared)
    async def route() -> Any:
        return Page(rows, next="x", status_code=206, headers={"x-a": "1"})

    async with opened(app) as web:
        answer = await web.get("/")

    assert (answer.status_code, answer.headers["x-a"]) == (206, "1")
    assert answer.json() == {"items": items, "next": "x", "previous": None}


# ETags


async def test_a_get_with_the_etag_of_the_item_is_a_304(web: httpx.AsyncClient) -> None:
    (made,) = await place(web, 1)
    tag = made.headers["etag"]

    answers = {
        sent: await web.get("/orders/1", headers={"if-none-match": sent})
        for sent in (tag, f"W/{tag}", f'"x", {tag}', "*", f'"a,b" , W/{tag},', '"x"', 'W/"1"', '""')
    }

    assert [answer.status_code for answer in answers.values()] == [304] * 5 + [200] * 3
    assert {answer.headers["etag"] for answer in answers.values()} == {tag}
    assert {answer.content for answer in answers.values() if answer.status_code == 304} == {b""}


async def test_a_change_names_the_item_that_it_was_made_from(web: httpx.AsyncClient) -> None:
    (made,) = await place(web, 1)
    tag = made.headers["etag"]

    async def change(note: str, **headers: str) -> httpx.Response:
        return await web.patch("/orders/1", json={"note": note}, headers=headers)

    missing = await change("a")
    weak = await change("b", **{"if-match": f"W/{tag}"})
    stale = await change("c", **{"if-match": '"7"'})
    good = await change("d", **{"if-match": f'"x", {tag}'})
    again = await change("e", **{"if-match": tag})
    any_tag = await change("f", **{"if-match": "*"})

    answers = (missing, weak, stale, good, again, any_tag)
    assert [answer.status_code for answer in answers] == [428, 412, 412, 200, 412, 200]
    assert (good.json()["revision"], any_tag.json()["revision"]) == (2, 3)
    assert len({made.headers["etag"], good.headers["etag"], any_tag.headers["etag"]}) == 3


async def test_if_none_match_creates_what_is_not_there(web: httpx.AsyncClient) -> None:
    create = {"headers": {"if-none-match": "*"}, "json": {**ORDER, "number": 1}}

    made, again = await web.put("/orders/1", **create), await web.put("/orders/1", **create)
    replaced = await web.put("/orders/1", json={**ORDER, "number": 1, "revision": made.json()["revision"]})

    assert [made.status_code, again.status_code, replaced.status_code] == [200, 412, 200]
    assert again.json() == {"detail": "The item already exists."}
    missing = await web.put("/orders/9", json={**ORDER, "number": 9}, headers={"if-match": "*"})
    assert missing.status_code == 412


@pytest.mark.parametrize("sent", ["3", '"3', "3, 4", '"3" "4"', "", ",", 'w/"3"', "*, *", '"a"x', "'3'"])
@pytest.mark.parametrize("header", ["if-match", "if-none-match"])
async def test_what_is_no_list_of_etags_is_a_400(web: httpx.AsyncClient, header: str, sent: str) -> None:
    answer = await web.get("/orders/1", headers={header: sent})

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"{header.title()} must be * or ETags")


async def test_several_lines_of_a_header_are_one_list(web: httpx.AsyncClient) -> None:
    (made,) = await place(web, 1)

    lines = [("if-none-match", '"x"'), ("if-none-match", made.headers["etag"])]

    assert (await web.get("/orders/1", headers=[("x-customer", "c1"), *lines])).status_code == 304


async def test_a_change_by_key_is_refused_by_the_service(web: httpx.AsyncClient) -> None:
    tally = Tally(name="t")
    await tally.create()

    async def count(number: int, tag: str | None) -> httpx.Response:
        return await web.patch("/tallies/t", json={"count": number}, headers={} if tag is None else {"if-match": tag})

    answers = [await count(1, '"1"'), await count(2, '"1"'), await count(3, '"9", "2"'), await count(4, None)]
    answers += [await count(5, "*"), await count(6, 'W/"5"'), await count(7, '"5-abc"'), await count(8, '"x"')]

    assert [answer.status_code for answer in answers] == [200, 412, 200, 200, 200, 412, 412, 412]
    assert (await web.patch("/tallies/u", json={"count": 1}, headers={"if-match": '"1"'})).status_code == 404
    assert (await Tally.get_or_raise("t")).count == 5


async def test_an_item_created_again_has_another_etag(web: httpx.AsyncClient) -> None:
    (first,) = await place(web, 1)
    await Order.key("c1", 1).delete()
    (second,) = await place(web, 1)

    assert (first.json()["revision"], second.json()["revision"]) == (1, 1)
    assert first.headers["etag"] != second.headers["etag"]
    for sent, status in ((first.headers["etag"], 412), ('"1"', 412), (second.headers["etag"], 204)):
        assert (await web.delete("/orders/1", headers={"if-match": sent})).status_code == status


async def test_an_item_from_before_versions_has_version_0(web: httpx.AsyncClient) -> None:
    await get_default_client().put_item("tallies", {"name": "old", "count": 1})

    answers = [await web.patch("/tallies/old", json={"count": n}, headers={"if-match": '"0"'}) for n in (2, 3)]

    assert [answer.status_code for answer in answers] == [200, 412]


async def test_of_many_changes_from_the_same_item_one_succeeds(web: httpx.AsyncClient) -> None:
    (made,) = await place(web, 1)

    answers = await asyncio.gather(
        *(web.patch("/orders/1", json={"total": n}, headers={"if-match": made.headers["etag"]}) for n in range(1, 21))
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19


async def test_a_race_without_if_match_is_a_409(web: httpx.AsyncClient) -> None:
    await place(web, 1)
    stale = await Order.get_or_raise("c1", 1)
    await Order.key("c1", 1).update(Order.total.set(5))
    app = FastAPI()
    install_errors(app)

    @app.get("/")
    async def save() -> None:
        stale.total = 6
        await stale.save()

    async with opened(app) as other:
        plain, conditional = await other.get("/"), await other.get("/", headers={"if-match": "*"})

    assert (plain.status_code, conditional.status_code) == (409, 412)


async def test_a_model_without_a_version_has_no_etag() -> None:
    from .test_fastapi_errors import Plain

    app = FastAPI()

    @app.get("/")
    async def route(etag: Annotated[ETag, Depends()]) -> None:
        etag.send(Plain(name="x"))

    async with opened(app) as web:
        with pytest.raises(ConfigurationError, match=r"Plain has no version, .* version: Attr\[int\] = version\(\)"):
            await web.get("/")


# Patches


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ({"total": 7}, {"total": 7}),
        ({"note": None}, {"note": None}),
        ({"note": None, "tags": []}, {"note": None, "tags": []}),
        ({"tags": ["x"]}, {"tags": ["x"]}),
        ({}, {}),
        ({"total": 3}, {}),
    ],
)
async def test_a_patch_changes_what_it_names(web: httpx.AsyncClient, body: dict[str, Any], changed: dict[str, Any]) -> None:
    (made,) = await place(web, 1, note="n", total=3, tags=["a"])

    answer = await web.patch("/orders/1", json=body, headers={"if-match": "*"})

    assert answer.status_code == 200
    revision = 2 if changed else 1
    assert answer.json() == {**made.json(), **changed, "revision": revision}
    assert (await web.get("/orders/1")).json() == answer.json()


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"customer": "c2"}, "customer"),
        ({"number": 2}, "number"),
        ({"revision": 9}, "revision"),
        ({"placed": "2026-01-01T00:00:00Z"}, "placed"),
        ({"channel": "shop"}, "channel"),
        ({"emial": "x"}, "emial"),
        ({"total": None}, "total"),
        ({"tags": None}, "tags"),
        ({"total": -1}, "total"),
        ({"total": "many"}, "total"),
        ({"note": "x" * 51}, "note"),
        ({"tags": ["a", 1]}, "tags"),
    ],
)
async def test_a_patch_of_what_may_not_change_is_a_422_that_says_where(
    web: httpx.AsyncClient, body: dict[str, Any], where: str
) -> None:
    (made,) = await place(web, 1)

    answer = await web.patch("/orders/1", json={"note": "y", **body}, headers={"if-match": "*"})

    assert answer.status_code == 422
    assert [problem["loc"][:2] for problem in answer.json()["detail"]] == [["body", where]]
    assert (await web.get("/orders/1")).json() == made.json()


async def test_the_value_of_an_encrypted_attribute_is_in_no_answer(web: httpx.AsyncClient) -> None:
    await place(web, 1)

    refused = await web.patch("/orders/1", json={"card": {"secret": 17}, "crad": "secret"}, headers={"if-match": "*"})
    taken = await web.patch("/orders/1", json={"card": "4111"}, headers={"if-match": "*"})

    assert (refused.status_code, taken.status_code) == (422, 200)
    assert "secret" not in refused.text
    assert "4111" not in taken.text
    assert (await Order.get_or_raise("c1", 1)).card == "4111"


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b'"x"', b"[" * 20_000, b'{"note":"\xff"}'])
async def test_a_body_that_is_no_patch_is_refused(web: httpx.AsyncClient, content: bytes) -> None:
    await place(web, 1)

    answer = await web.patch("/orders/1", content=content, headers={"if-match": "*", "content-type": "application/json"})

    assert answer.status_code in (400, 422)


async def test_a_body_larger_than_an_item_is_a_413(web: httpx.AsyncClient) -> None:
    answer = await web.post("/orders", json={**ORDER, "number": 1, "tags": ["x" * 500_000]})

    assert (answer.status_code, answer.json()) == (413, {"detail": "The item would be larger than 400 KB."})
    assert (await web.get("/orders/1")).status_code == 404


# JSON lines


async def test_lines_are_rows_and_those_of_a_base_class_show_what_it_shows(web: httpx.AsyncClient) -> None:
    await place(web, *range(20), note="a\nb")

    answer, public = await web.get("/orders.jsonl"), await web.get("/public.jsonl")

    assert answer.headers["content-type"] == "application/jsonl"
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert sorted(row["number"] for row in rows) == list(range(20))
    assert list(json.loads(public.text.splitlines()[0])) == ["customer", "number", "note"]


async def test_an_error_before_the_first_row_has_a_status(web: httpx.AsyncClient) -> None:
    client = get_default_client()
    with inject(client, fault("Scan", "throttle", times=None)):
        answer = await web.get("/orders.jsonl")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
async def test_reading_ends_when_the_client_goes_away(spec_version: str) -> None:
    app = make_app()
    gone = asyncio.Event()
    sent: list[Any] = []

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            gone.set()
            if spec_version == "2.4":
                raise OSError("the connection is closed")
            await asyncio.sleep(10)

    async with app.router.lifespan_context(app):
        client = get_default_client()
        async with client.batch_writer(unguarded=True) as batch:
            for number in range(60):
                await batch.put(Order(customer="c1", number=number, tags={"y" * 100_000}))
        scope = {"type": "http", "method": "GET", "path": "/orders.jsonl", "query_string": b"", "headers": []}
        with client.collect() as usage:
            asked = asyncio.create_task(app({**scope, "asgi": {"spec_version": spec_version}}, receive, send))
            await asyncio.wait([asked], timeout=5)
            await asyncio.sleep(0.05)

    assert asked.done()
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert usage.requests <= 3  # of 6 or more: the page that was sent, one read ahead, and one that was on its way
    if spec_version == "2.4":
        assert "ClientDisconnect" in repr(asked.exception())
    else:
        assert asked.exception() is None


# The schema


def test_the_schema_says_what_the_routes_take_and_give() -> None:
    openapi = schema(make_app())
    paths, models = openapi["paths"], openapi["components"]["schemas"]

    def response(path: str, method: str = "get", status: str = "200", media: str = "application/json") -> Any:
        return paths[path][method]["responses"][status]["content"][media]["schema"]

    def parameters(path: str, method: str = "get") -> dict[str, Any]:
        return {one["name"]: (one["in"], one["required"]) for one in paths[path][method]["parameters"]}

    assert response("/orders") == {"$ref": "#/components/schemas/Page_Order_"}
    assert models["Page_Order_"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Order-Output"}
    assert models["Page_Order_"]["required"] == ["items", "next", "previous"]
    assert models["Page_Public_"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Public"}
    assert response("/orders.jsonl", media="application/jsonl") == {"$ref": "#/components/schemas/Order-Output"}
    assert parameters("/orders") == {
        "x-customer": ("header", True),
        "after": ("query", False),
        "before": ("query", False),
        "limit": ("query", False),
    }
    limit = next(one for one in paths["/orders"]["get"]["parameters"] if one["name"] == "limit")
    assert {name: limit["schema"][name] for name in ("minimum", "maximum", "default")} == {
        "minimum": 1,
        "maximum": 50,
        "default": 2,
    }
    assert parameters("/orders/{number}", "patch")["if-match"] == ("header", False)
    assert set(paths["/orders/{number}"]["patch"]["responses"]) == {"200", "404", "412", "422", "428"}
    assert "304" in paths["/orders/{number}"]["get"]["responses"]
    body = paths["/orders/{number}"]["patch"]["requestBody"]
    assert body == {
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OrderPatch"}}},
        "required": True,
    }
    patch = models["OrderPatch"]
    assert list(patch["properties"]) == ["note", "total", "tags", "card"]
    assert "required" not in patch
    assert patch["additionalProperties"] is False
    assert not any("default" in one for one in patch["properties"].values())
    assert patch["properties"]["note"] == {
        "anyOf": [{"type": "string", "maxLength": 50}, {"type": "null"}],
        "title": "Note",
    }
    assert models["Order-Output"]["properties"]["revision"]["readOnly"] is True


async def test_responses_are_what_the_schema_says(web: httpx.AsyncClient) -> None:
    await place(web, *range(3))
    models = schema(make_app())["components"]["schemas"]

    page = (await web.get("/orders")).json()

    assert list(page) == list(models["Page_Order_"]["properties"])
    assert set(page["items"][0]) == set(models["Order-Output"]["properties"])
    assert TypeAdapter(Page[Order]).json_schema(mode="serialization")["required"] == ["items", "next", "previous"]
    assert TypeAdapter(JSONLines[Public]).json_schema()["title"] == "Public"
