"""Cursors: opaque, bound to their query, and honest about what is wrong with one."""

from __future__ import annotations

import secrets
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, Model, field, partition_key, sort_key
from pydynox.exceptions import ConfigurationError, CursorError, ValidationError

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer


class Order(Model[str, int], table="orders"):
    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    total: Attr[int] = field(default=0)


@pytest.fixture
def orders(client: DynamoDBClient) -> DynamoDBClient:
    Order.table.sync.create()
    for number in range(10):
        Order(customer="secret-customer", number=number, total=number % 2).sync.create()
    return client


ALL = Order.query("secret-customer")


def test_a_cursor_stands_behind_the_last_row_that_was_given(orders: DynamoDBClient, drive: Drive) -> None:
    odd = ALL.filter(Order.total == 1)

    page = drive(odd.page(2))

    assert [order.number for order in page] == [1, 3]
    assert [order.number for order in drive(odd.after(page.cursor).page(9))] == [5, 7, 9]
    assert [order.number for order in drive(ALL.after(page.cursor).all())] == [4, 5, 6, 7, 8, 9]
    assert drive(ALL.page(11)).cursor is None


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Order.query("another"), "another query"),
        (ALL.descending(), "another query"),
        (Order.scan(), "another query"),
        (Order.query("secret-customer", Order.number > 7), "outside"),
    ],
)
def test_a_cursor_of_another_query_is_refused(orders: DynamoDBClient, drive: Drive, other: Any, said: str) -> None:
    cursor = drive(ALL.page(3)).cursor

    with pytest.raises(CursorError, match=said):
        drive(other.after(cursor).page(3))


def test_what_is_no_cursor_is_refused(orders: DynamoDBClient, drive: Drive) -> None:
    cursor = drive(ALL.page(3)).cursor
    assert cursor is not None
    for text in ("", "nonsense", cursor[:-2], cursor[:20] + ("A" if cursor[20] != "A" else "B") + cursor[21:]):
        with pytest.raises(CursorError, match="not a cursor of pydynox"):
            drive(ALL.after(text).page(3))


@pytest.mark.engines("embedded")
def test_keys_seal_cursors_and_are_rotated(drive: Drive) -> None:
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    clients = [DynamoDBClient(endpoint_url="memory://cursors", cursor_keys=keys) for keys in ((), (old,), (new, old), (new,))]
    none, before, both, after = clients
    with none.as_default():
        Order.table.sync.create()
        for number in range(5):
            Order(customer="secret-customer", number=number).sync.create()

    def page(client: DynamoDBClient, cursor: str | None = None) -> Any:
        with client.as_default():
            return drive(ALL.after(cursor).page(2))

    sealed = page(before).cursor

    assert [order.number for order in page(both, sealed)] == [2, 3]
    assert page(after, page(both).cursor)[0].number == 2
    with pytest.raises(CursorError):
        page(after, sealed)
    with pytest.raises(CursorError, match="no cursor_keys"):
        page(none, sealed)
    with pytest.raises(CursorError, match="forged"):
        page(before, page(none).cursor)
    with none.as_default():
        Order.table.sync.delete()


@pytest.mark.engines("embedded")
def test_an_audience_and_an_end_are_held_to(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://", cursor_keys=[secrets.token_bytes(32)])
    with client.as_default():
        Order.table.sync.create()
        for number in range(5):
            Order(customer="secret-customer", number=number).sync.create()
        mine = ALL.cursors(audience="ada", expires_in=timedelta(hours=1))

        cursor = drive(mine.page(2)).cursor

        assert drive(mine.after(cursor).page(2))[0].number == 2
        for other in (ALL, ALL.cursors(audience="bob")):
            with pytest.raises(CursorError, match="audience"):
                drive(other.after(cursor).page(2))


def test_a_key_has_32_bytes_and_terms_need_one(orders: DynamoDBClient, drive: Drive) -> None:
    with pytest.raises(ConfigurationError, match="32 random bytes"):
        DynamoDBClient(endpoint_url="memory://", cursor_keys=[b"short"])
    with pytest.raises(ConfigurationError, match="cursor_keys"):
        ALL.cursors(audience="ada")


def test_a_last_evaluated_key_goes_on_like_a_cursor(orders: DynamoDBClient, drive: Drive) -> None:
    key = {"customer": "secret-customer", "number": 3}
    wire = {"customer": {"S": "secret-customer"}, "number": {"N": "3"}}
    for given in (key, wire, MappingProxyType(key)):
        for query in (ALL, orders.query("orders", {"customer": "secret-customer"})):
            assert len(drive(query.after(given).all())) == 6
            assert len(drive(query.after(given).limit(4).all())) == 4
            assert drive(query.after(given).count()) == 6
    assert [order.number for order in drive(ALL.descending().after(key).all())] == [2, 1, 0]
    assert len(drive(Order.scan().after(key).all())) <= 9
    assert drive(ALL.after(key).page(2)).cursor is not None
    assert len(drive(ALL.after(key).after(None).all())) == 10


@pytest.mark.parametrize(
    ("query", "key", "said"),
    [
        (ALL, {"customer": "secret-customer"}, r"has customer \(S\), number \(N\) and nothing else"),
        (ALL, {"customer": "secret-customer", "number": "3"}, r"number \(N\)"),
        (ALL, {"customer": "secret-customer", "number": 3, "x": 1}, "nothing else"),
        (ALL, {"customer": "other", "number": 3}, "outside what the query reads"),
        (Order.query("secret-customer", Order.number > 5), {"customer": "secret-customer", "number": 3}, "outside"),
        (ALL, {}, "at least one attribute"),
        (ALL, {"customer": "secret-customer", "number": True}, "a string, a number or bytes"),
        (ALL, {"customer": "", "number": 1}, "1 to 2,048 bytes"),
        (Order.scan(segments=2), {"customer": "secret-customer", "number": 3}, "in each of them"),
    ],
)
def test_a_last_evaluated_key_of_something_else_is_refused_at_once(query: Any, key: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        query.after(key)


def test_after_takes_nothing_else() -> None:
    for wrong in (3, b"x", ["x"], {1: "x"}):
        with pytest.raises(TypeError):
            ALL.after(wrong)  # type: ignore[arg-type]


def test_terms_without_a_key_are_refused_by_cursors_and_before_anything_is_sent(serve: Serve, drive: Drive) -> None:
    server = serve(answer({"Count": 0, "Items": []}))
    client = client_of(server)
    with client.as_default():
        for terms in ({"audience": "ada"}, {"expires_in": timedelta(hours=1)}):
            with pytest.raises(ConfigurationError, match="cursor_keys"):
                ALL.cursors(**terms)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="cursor_keys"):
            client.query("orders", {"customer": "c"}).cursors(audience="ada")
        ALL.cursors()
    sealing = client_of(server, cursor_keys=[b"k" * 32])
    with sealing.as_default():
        query = ALL.cursors(audience="ada")
    for read in (query.all, query.count, lambda: query.page(1)):
        with client.as_default(), pytest.raises(ConfigurationError, match="cursor_keys"):
            drive(read())
    assert not server.seen
