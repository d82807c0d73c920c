"""limit() is the total, over pages and after() too: a cursor carries what is left."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydynox import Attr, Collection, DynamoDBClient, GlobalSecondaryIndex, Model, attr, field, partition_key, sort_key
from pydynox.exceptions import ReadLimitError, SerializationError

from tests.conftest import Drive


class Order(Model[str, int], table="orders"):
    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    total: Attr[int] = field(default=0)
    city: Attr[str] = field(default="Oslo")

    by_city = GlobalSecondaryIndex(city, number)


@pytest.fixture(params=["open", "sealed"])
def orders(request: pytest.FixtureRequest) -> Any:
    keys = [secrets.token_bytes(32)] if request.param == "sealed" else ()
    client = DynamoDBClient(endpoint_url="memory://", cursor_keys=keys)
    with client.as_default():
        Order.table.sync.create()
        for number in range(30):
            Order(customer="c1", number=number, total=number % 2).sync.create()
        yield client


QUERIES: dict[str, Callable[[DynamoDBClient], Any]] = {
    "query": lambda _: Order.query("c1"),
    "descending": lambda _: Order.query("c1").descending(),
    "filtered": lambda _: Order.query("c1").filter(Order.total == 1),
    "small requests": lambda _: Order.query("c1").page_size(1),
    "keys": lambda _: Order.query("c1").keys(),
    "selected": lambda _: Order.query("c1").select(Order.number),
    "index": lambda _: Order.by_city.query("Oslo"),
    "hydrated": lambda _: Order.by_city.query("Oslo").hydrate(),
    "scan": lambda _: Order.scan(),
    "segments": lambda _: Order.scan(segments=3),
    "segment": lambda _: Order.scan(segments=2, segment=1),
    "plain": lambda client: client.query("orders", {"customer": "c1"}),
    "plain scan": lambda client: client.scan("orders").filter(attr("total") == 1),
}


def walk(drive: Drive, query: Any, rows: int) -> list[int]:
    """How many rows there are in each page, as a program reads them that keeps nothing but the cursor."""
    sizes: list[int] = []
    cursor: str | None = None
    while len(sizes) < 40:
        page = drive(query.after(cursor).page(rows))
        sizes.append(len(page))
        cursor = page.cursor
        if cursor is None:
            break
    return sizes


@pytest.mark.parametrize("name", QUERIES)
def test_a_limit_is_the_total_over_pages(orders: DynamoDBClient, drive: Drive, name: str) -> None:
    query = QUERIES[name](orders)

    assert walk(drive, query.limit(5), 2) == [2, 2, 1]
    assert walk(drive, query.limit(4), 2) == [2, 2]
    assert walk(drive, query.limit(5), 9) == [5]
    assert walk(drive, query.limit(0), 2) == [0]
    assert sum(walk(drive, query, 4)) == len(drive(query.all()))


def test_the_smaller_of_limit_and_what_is_left_holds(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.query("c1")
    cursor = drive(query.limit(10).page(4)).cursor  # six are left

    for limited, expected in ((query, 6), (query.limit(3), 3), (query.limit(20), 6)):
        there = limited.after(cursor)
        assert len(drive(there.all())) == expected
        assert drive(there.count()) == expected
        assert [len(page) for page in there.sync.pages(4)] == ([4, 2] if expected == 6 else [3])
        assert drive(there.exists()) is True
        assert drive(there.first()).number == 4
    free = drive(query.page(4)).cursor
    assert len(drive(query.after(free).all())) == 26
    assert len(drive(query.limit(2).after(free).all())) == 2


def test_the_cursors_of_errors_carry_it_too(orders: DynamoDBClient, drive: Drive) -> None:
    orders.sync.update_item("orders", {"customer": "c1", "number": 2}, attr("total").set("many"))
    query = Order.query("c1").limit(4)

    with pytest.raises(SerializationError) as bad:
        drive(query.after(drive(query.page(2)).cursor).page(2))
    assert [order.number for order in drive(query.after(bad.value.cursor).all())] == [3, 4]

    few = Order.query("c1", Order.number > 10).filter(Order.total == 1).page_size(2).limit(5)
    with pytest.raises(ReadLimitError) as spent:
        drive(few.max_reads(2).all())
    assert len(drive(few.after(spent.value.cursor).all())) == 3


def test_a_collection_and_a_job_keep_to_it(orders: DynamoDBClient, drive: Drive, tmp_path: Path) -> None:
    seen: list[int] = []

    def handle(rows: list[Order]) -> None:
        if len(seen) >= 4 and not (tmp_path / "again").exists():
            (tmp_path / "again").touch()
            raise KeyError("once")
        seen.extend(order.number for order in rows)

    note = tmp_path / "note"
    query = Order.query("c1").limit(7)
    with pytest.raises(KeyError):
        drive(orders.bulk_read(query, handle, rows=2, resume=note))
    assert drive(orders.bulk_read(query, handle, rows=2, resume=note)) == 7
    assert seen == list(range(7))


class Entry(Model[str, str], table="entries"):
    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()


class Account(Entry, entity="account"):
    pass


class Bill(Entry, entity="bill"):
    pass


def test_a_collection_keeps_to_it(orders: DynamoDBClient, drive: Drive) -> None:
    Entry.table.sync.create()
    for number in range(6):
        (Account if number % 2 else Bill)(pk="p", sk=f"s{number}").sync.create()

    assert walk(drive, Collection(Account, Bill).query("p").limit(5), 2) == [2, 2, 1]
    assert walk(drive, Entry.query("p").limit(3), 2) == [2, 1]
