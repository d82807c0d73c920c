"""Cursors: opaque, bound to their query, and honest about what is wrong with one."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, Model, field, partition_key, sort_key
from pydynox.exceptions import ConfigurationError, CursorError

from .conftest import Drive


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
        with pytest.raises(CursorError, match="no cursor of ours"):
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
        drive(ALL.cursors(audience="ada").page(2))
