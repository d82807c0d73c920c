"""Queries: what is sent, what comes back, and what is refused before anything is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydynox import Attr, DynamoDBClient, Model, after_load, attr, field, partition_key, sort_key
from pydynox.exceptions import (
    ItemNotFoundError,
    MultipleItemsError,
    ReadLimitError,
    SerializationError,
    ValidationError,
)

from tests.conftest import Drive


class Order(Model[str, int], table="orders"):
    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    total: Attr[int] = field(default=0)
    note: Attr[str | None] = field(default=None, attribute_name="name")
    tags: Attr[list[str]] = field(default_factory=list)
    extra: Attr[dict[str, int]] = field(default_factory=dict)


@pytest.fixture
def orders(client: DynamoDBClient) -> DynamoDBClient:
    Order.table.sync.create()
    for number in range(30):
        note = f"n{number}" if number % 3 == 0 else None
        values: dict[str, Any] = {"total": number % 5, "note": note, "tags": ["a", "b", str(number)], "extra": {"x": number}}
        Order(customer="c1", number=number, **values).sync.create()
    Order(customer="c2", number=7).sync.create()
    return client


def numbers(rows: Any) -> list[int]:
    return [row.number for row in rows]


def test_a_query_reads_its_partition_in_order(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.query("c1", Order.number.between(3, 6))

    assert numbers(drive(query.all())) == [3, 4, 5, 6]
    assert numbers(drive(query.descending().limit(2).all())) == [6, 5]
    assert drive(query.count()) == 4
    assert drive(query.first()).number == 3
    assert drive(query.exists()) is True
    assert drive(Order.query("nobody").first()) is None
    assert drive(Order.query("nobody").exists()) is False
    assert numbers(drive(Order.query(customer="c2").all())) == [7]
    assert numbers(drive(Order.query(Order.customer == "c1", Order.number < 2).all())) == [0, 1]
    assert numbers(drive(Order.query(customer="c1", number=4).all())) == [4]


def test_a_filter_drops_rows_and_not_pages(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.query("c1").filter(Order.total == 4).page_size(2)

    assert numbers(drive(query.all())) == [4, 9, 14, 19, 24, 29]
    assert numbers(drive(query.filter(Order.note.exists()).all())) == [9, 24]
    assert numbers(drive(query.limit(3).all())) == [4, 9, 14]
    assert drive(query.count()) == 6
    assert drive(query.limit(4).count()) == 4


def test_one_is_one(orders: DynamoDBClient, drive: Drive) -> None:
    assert drive(Order.query("c2").one()).number == 7
    with pytest.raises(ItemNotFoundError):
        drive(Order.query("nobody").one())
    with pytest.raises(MultipleItemsError):
        drive(Order.query("c1").one())


def test_iterating_gives_what_all_gives(orders: DynamoDBClient) -> None:
    query = Order.query("c1").page_size(4)

    async def iterated() -> list[int]:
        return [order.number async for order in query]

    assert asyncio.run(iterated()) == list(range(30))
    assert [order.number for order in query.sync] == list(range(30))
    assert [order.number for order in Order.sync.query("c1").limit(3)] == [0, 1, 2]
    assert [len(page) for page in query.sync.pages(7)] == [7, 7, 7, 7, 2]


def test_leaving_a_loop_ends_the_reading(orders: DynamoDBClient) -> None:
    async def left() -> int:
        seen = 0
        async for order in Order.query("c1").page_size(2):
            seen += 1
            if order.number == 9:
                break
        return seen

    assert asyncio.run(left()) == 10


def test_selected_places_are_tuples(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.query("c1").limit(2)

    assert drive(query.select(Order.number, Order.note).all()) == [(0, "n0"), (1, None)]
    assert drive(query.select(Order.tags, Order.extra["x"]).all()) == [(["a", "b", "0"], 0), (["a", "b", "1"], 1)]
    assert drive(query.select(Order.tags[2], Order.tags[0]).all()) == [("0", "a"), ("1", "a")]
    assert drive(query.keys().all()) == [Order.key("c1", 0), Order.key("c1", 1)]


def test_an_element_of_a_list_is_selected_alone(orders: DynamoDBClient, drive: Drive) -> None:
    assert drive(Order.query("c1").limit(1).select(Order.tags[2]).all()) == [("0",)]


def test_plain_dicts_come_by_the_same_builder(orders: DynamoDBClient, drive: Drive) -> None:
    query = orders.query("orders", {"customer": "c1"}, attr("number") >= 27)

    assert [row["number"] for row in drive(query.all())] == [27, 28, 29]
    assert drive(orders.query("orders", attr("customer") == "c2").one())["number"] == 7
    filtered = orders.query("orders", {"customer": "c1"}).filter(attr("total") == 4)
    first = drive(filtered.page(2))
    assert [row["number"] for row in first] == [4, 9]
    assert [row["number"] for row in drive(filtered.after(first.cursor).page(3))] == [14, 19, 24]


def test_reads_can_be_bounded(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.query("c1").filter(Order.total == 4).page_size(2).max_reads(3)

    page = drive(query.page(5))

    assert numbers(page) == [4]
    assert numbers(drive(query.after(page.cursor).page(5))) == [9]
    for verb in (query.all, query.count, query.one):
        with pytest.raises(ReadLimitError):
            drive(verb())


def test_a_row_that_does_not_fit_is_told_apart(orders: DynamoDBClient, drive: Drive) -> None:
    orders.sync.put_item("orders", {"customer": "c1", "number": 3, "total": "many"})
    query = Order.query("c1").limit(6)

    page = drive(query.page(6))
    with pytest.raises(SerializationError) as caught:
        drive(query.after(page.cursor).page(6))
    bad: list[SerializationError] = []
    rows = drive(query.on_invalid(bad.append).all())

    assert numbers(page) == [0, 1, 2]
    assert caught.value.key == Order.key("c1", 3)
    assert caught.value.raw == {"customer": "c1", "number": 3, "total": "many"}
    assert numbers(drive(Order.query("c1").after(caught.value.cursor).page(2))) == [4, 5]
    assert numbers(rows) == [0, 1, 2, 4, 5, 6]
    assert [error.key for error in bad] == [Order.key("c1", 3)]


def test_hooks_run_for_rows(client: DynamoDBClient, drive: Drive) -> None:
    class Note(Model[str], table="notes"):
        key_: Attr[str] = partition_key(attribute_name="key")
        text: Attr[str] = field(default="")

        @after_load
        def shout(self) -> None:
            self.text = self.text.upper()

    Note.table.sync.create()
    Note(key_="a", text="hello").sync.create()

    assert drive(Note.query("a").one()).text == "HELLO"
    assert [note.text for note in Note.sync.scan()] == ["HELLO"]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (Order.query, "needs its partition key"),
        (lambda: Order.query("c1", limt=1), "limt"),
        (lambda: Order.query(custmer="c1"), "did you mean 'customer'"),
        (lambda: Order.query("c1", Order.total > 3), "not part of it"),
        (lambda: Order.query("c1", (Order.number > 3) & (Order.number < 9)), "two conditions"),
        (lambda: Order.query("c1", Order.number.between(9, 1)), "low is greater"),
        (lambda: Order.query("c1", Order.number != 3), "cannot select"),
        (lambda: Order.query(Order.customer > "c1"), "takes only ="),
        (lambda: Order.query(3), "customer"),
        (lambda: Order.query(""), "empty"),
        (lambda: Order.query("c1", 7), "conditions after that"),
        (lambda: Order.query("c1").limit(-1), "limit(-1)"),
        (lambda: Order.query("c1").page_size(0), "page_size(0)"),
        (lambda: Order.query("c1").max_reads(0), "max_reads(0)"),
        (lambda: Order.query("c1").select(), "at least one path"),
        (lambda: Order.query("c1").filter(Order.number == 3), "is a key"),
        (lambda: Order.query("c1").filter(Order.total.between(5, 1)), "low is greater"),
        (lambda: Order.scan().descending(), "no order"),
        (lambda: Order.scan(segments=0), "1 to 1000000"),
        (lambda: Order.scan(segments=2, segment=2), "numbered from 0"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(ask: Any, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ask()

    assert said in str(caught.value)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: Order.query("c1").filter("age > 3"),
        lambda: Order.query("c1").select("name"),
        lambda: Order.query("c1").limit("3"),
        lambda: Order.query("c1").after(3),
        lambda: Order.query("c1").on_invalid(None),
    ],
)
def test_misuse_of_the_language_is_a_type_error(ask: Any) -> None:
    with pytest.raises(TypeError):
        ask()


def test_the_page_after_a_refused_number_is_refused_too(drive: Drive) -> None:
    with DynamoDBClient(endpoint_url="memory://").as_default(), pytest.raises(ValidationError, match="page"):
        drive(Order.query("c1").page(0))


def test_explaining_sends_nothing() -> None:
    client = DynamoDBClient(endpoint_url="http://127.0.0.1:1", region="us-east-1", table_prefix="dev-")
    with client.as_default():
        plan = Order.query("c1", Order.number > 3).filter(Order.total > 5).limit(7).explain(item_size=400, items=100)

    assert (plan.operation, plan.table, plan.index_name) == ("Query", "dev-orders", None)
    assert plan.key_condition == 'customer = "c1" AND number > 3'
    assert plan.filter == "total > 5"
    assert plan.request["ExpressionAttributeValues"][":0"] == {"S": "c1"}
    assert plan.read_units == 5.0
    assert any("filter" in warning for warning in plan.warnings)


@pytest.mark.engines("embedded")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    page_size=st.none() | st.integers(1, 12),
    total=st.none() | st.integers(0, 5),
    descending=st.booleans(),
)
def test_pages_of_any_size_give_every_row_once(
    orders: DynamoDBClient, sizes: list[int], page_size: int | None, total: int | None, descending: bool
) -> None:
    query = Order.query("c1")
    query = query if page_size is None else query.page_size(page_size)
    query = query if total is None else query.filter(Order.total <= total)
    query = query.descending() if descending else query
    expected = numbers(query.sync.all())

    found: list[int] = []
    cursor: str | None = None
    for turn in range(100):
        page = query.after(cursor).sync.page(sizes[turn % len(sizes)])
        found += numbers(page)
        cursor = page.cursor
        if cursor is None:
            break

    assert found == expected
    assert [order.number for page in query.sync.pages(sizes[0]) for order in page] == expected


def test_a_row_that_does_not_fit_behind_others_raises_once_they_were_given(orders: DynamoDBClient, drive: Drive) -> None:
    drive(orders.put_item("orders", {"customer": "c1", "number": 12, "total": "x"}))

    with pytest.raises(SerializationError) as caught:
        drive(Order.query("c1").all())

    assert caught.value.key == Order.key("c1", 12)
    assert numbers(drive(Order.query("c1").after(caught.value.cursor).all())) == list(range(13, 30))

    async def iterate() -> list[int]:
        seen = []
        async for order in Order.query("c1"):
            seen.append(order.number)
        return seen

    with pytest.raises(SerializationError):
        asyncio.run(iterate())
