"""Cursors that strangers wrote: a position is a key of what is read and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from pydynox import (
    Attr,
    Collection,
    CursorWarning,
    DynamoDBClient,
    GlobalSecondaryIndex,
    Model,
    attr,
    field,
    partition_key,
    sort_key,
)
from pydynox.exceptions import CursorError, PydynoxError

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer


class Order(Model[str, int], table="orders"):
    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    city: Attr[str] = field(default="Oslo")
    street: Attr[str] = field(default="a")
    house: Attr[int] = field(default=1)
    risk: Attr[str] = field(default="none")

    by_place = GlobalSecondaryIndex((city, street), house)


class Entry(Model[str, str], table="entries"):
    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()


class Account(Entry, entity="account"):
    pass


def content_of(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[9:]


def written(content: bytes) -> str:
    checksum = hashlib.sha256(content).digest()[:8]
    return base64.urlsafe_b64encode(b"\1" + checksum + content).rstrip(b"=").decode()


def forged(cursor: str, *positions: bytes) -> str:
    """A cursor of the same query at other positions."""
    spots = [b"\1" + struct.pack(">I", len(position)) + position for position in positions]
    return written(content_of(cursor)[:16] + b"\0" + b"".join(spots))


def position(**key: Any) -> bytes:
    return json.dumps({name: {"N" if isinstance(value, int) else "S": str(value)} for name, value in key.items()}).encode()


MINE = {"customer": "c1", "number": 0}
PLACE = {"city": "Oslo", "street": "a", "house": 1}

READINGS: dict[str, tuple[Callable[[DynamoDBClient], Any], dict[str, Any]]] = {
    "query": (lambda _: Order.query("c1"), MINE),
    "descending": (lambda _: Order.query("c1").descending(), {"customer": "c1", "number": 5}),
    "range": (lambda _: Order.query("c1", Order.number < 4), MINE),
    "filtered": (lambda _: Order.query("c1").filter(Order.risk == "none"), MINE),
    "selected": (lambda _: Order.query("c1").select(Order.number), MINE),
    "keys": (lambda _: Order.query("c1").keys(), MINE),
    "hydrated": (lambda _: Order.by_place.query("Oslo", "a").hydrate(), MINE | PLACE),
    "index": (lambda _: Order.by_place.query("Oslo", "a"), MINE | PLACE),
    "scan": (lambda _: Order.scan(), MINE),
    "segment": (lambda _: Order.scan(segments=2, segment=1), MINE),
    "index scan": (lambda _: Order.by_place.scan(), MINE | PLACE),
    "plain query": (lambda client: client.query("orders", {"customer": "c1"}), MINE),
    "plain range": (lambda client: client.query("orders", {"customer": "c1"}, attr("number") < 4), MINE),
    "plain scan": (lambda client: client.scan("orders"), MINE),
}


@pytest.fixture
def orders() -> Any:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        Order.table.sync.create()
        for number in range(6):
            Order(customer="c1", number=number, risk="fraud" if number == 3 else "none").sync.create()
        yield client


@pytest.mark.parametrize("name", READINGS)
def test_a_position_is_a_key_of_what_is_read_and_nothing_else(orders: DynamoDBClient, drive: Drive, name: str) -> None:
    make, key = READINGS[name]
    query = make(orders)
    cursor = drive(query.page(1)).cursor
    honest = position(**key)
    rest = len(drive(query.after(forged(cursor, honest)).page(9)))
    assert rest == len(drive(query.after(forged(cursor, b" " + honest.replace(b":", b" : "))).page(9)))

    injected = [
        honest + b',"FilterExpression":"begins_with(risk, city)"',
        honest + b',"Select":"COUNT"',
        honest + b',"TableName":"secrets"',
        honest + b',"IndexName":"x"',
        honest + b"}",
        honest[:-1] + b',"number":{"N":"3"}}',
        honest[:-1],
        b"[" + honest + b"]",
        b"{}",
        b"null",
        b"",
        b"\xff",
        honest[:-1] + b',"x":{"M":{}}}',
        honest[:-1] + b',"x":{"SS":["a"]}}',
        honest.replace(b'"N"', b'"NS"'),
        b"{" + b",".join(b'"a%d":{"S":"x"}' % number for number in range(11)) + b"}",
    ]
    for wrong in injected:
        with pytest.raises(CursorError):
            drive(query.after(forged(cursor, wrong)).page(9))
    for wrong in (forged(cursor), forged(cursor, honest, honest)):
        with pytest.raises(CursorError, match="does not fit"):
            drive(query.after(wrong).page(9))
    if not name.startswith("plain"):
        for other in (position(**{**key, "number": "0"}), position(customer="c1"), position(**key, more="x")):
            with pytest.raises(CursorError, match="does not fit"):
                drive(query.after(forged(cursor, other)).page(9))
    if "scan" not in name and name != "segment":
        elsewhere = {**key, "street": "b"} if "street" in key else {**key, "customer": "c2"}
        with pytest.raises(CursorError, match="outside"):
            drive(query.after(forged(cursor, position(**elsewhere))).page(9))
    if "range" in name:
        with pytest.raises(CursorError, match="outside"):
            drive(query.after(forged(cursor, position(customer="c1", number=5))).page(9))


def test_each_segment_of_a_scan_is_checked(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.scan(segments=2)
    cursor = drive(query.page(1)).cursor
    content = content_of(cursor)[:17]
    key = position(**MINE)
    good, bad = (b"\1" + struct.pack(">I", len(text)) + text for text in (key, key + b',"Select":"COUNT"'))

    assert drive(query.after(written(content + b"\0" + b"\2")).count()) >= 0
    for spots in (good + bad, bad + good, b"\0" + bad, b"\0", b"\0\0\0", b"\3\0"):
        with pytest.raises(CursorError):
            drive(query.after(written(content + spots)).page(9))


def test_a_collection_and_a_base_class_check_the_keys_of_their_table(drive: Drive) -> None:
    with DynamoDBClient(endpoint_url="memory://").as_default():
        Entry.table.sync.create()
        for number in range(3):
            Account(pk="p", sk=f"s{number}").sync.create()
        for query in (Collection(Account).query("p"), Entry.query("p"), Account.query("p")):
            cursor = drive(query.page(1)).cursor
            assert [row.sk for row in drive(query.after(forged(cursor, position(pk="p", sk="s1"))).all())] == ["s2"]
            for wrong in (position(pk="p"), position(pk="q", sk="s1"), position(pk="p", sk="s1") + b',"Limit":1'):
                with pytest.raises(CursorError):
                    drive(query.after(forged(cursor, wrong)).all())


def test_what_is_sent_is_written_anew(serve: Serve, drive: Drive) -> None:
    item = {"customer": {"S": "c1"}, "number": {"N": "1"}}
    server = serve(answer({"Count": 1, "Items": [item], "LastEvaluatedKey": item}), answer({"Count": 0, "Items": []}))
    with client_of(server).as_default():
        cursor = drive(Order.query("c1").page(1)).cursor
        odd = b' { "number":{"N":"1.50e1"}, "cust\\u006fmer": {"S":"c\\u0031"} } '
        drive(Order.query("c1").after(forged(cursor, odd)).page(1))

    assert server.seen[-1].body.endswith(b'"ExclusiveStartKey":{"customer":{"S":"c1"},"number":{"N":"15"}}}')


def test_a_cursor_of_a_statement_is_no_position_and_the_other_way_round(orders: DynamoDBClient, drive: Drive) -> None:
    statement = "SELECT * FROM orders"
    page = drive(orders.execute(statement, limit=2))
    assert len(drive(orders.execute(statement, after=page.cursor))) == 4

    for wrong in (forged(page.cursor), forged(page.cursor, b"\xff"), forged(page.cursor, b"a", b"b"), "nonsense"):
        with pytest.raises(CursorError):
            drive(orders.execute(statement, after=wrong))
    with pytest.raises(PydynoxError):
        drive(orders.execute(statement, after=forged(page.cursor, b'","Limit":1,"x":"')))
    with pytest.raises(CursorError):
        drive(Order.scan().after(page.cursor).page(1))


def test_a_cursor_of_a_newer_version_is_refused_and_one_of_an_older_is_read(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.query("c1")
    content = content_of(drive(query.page(1)).cursor)
    older = content[:16] + b"\0" + b"\1" + struct.pack(">I", len(position(**MINE))) + position(**MINE)

    assert len(drive(query.after(written(older)).all())) == 5
    with pytest.raises(CursorError, match="newer version"):
        drive(query.after(written(content[:16] + b"\x08" + content[17:])).all())


KEY = {"customer": {"S": "c1"}, "number": {"N": "1"}}
PAGE = answer({"Count": 1, "Items": [KEY], "LastEvaluatedKey": KEY})
END = answer({"Count": 0, "Items": []})


@pytest.mark.filterwarnings("always::pydynox.CursorWarning")
def test_a_client_without_keys_says_once_that_anybody_can_write_its_cursors(serve: Serve, drive: Drive) -> None:
    client = client_of(serve(PAGE, END, END, END))
    query = Order.query("c1")
    with client.as_default(), warnings.catch_warnings(record=True) as caught:
        cursor = drive(query.page(1)).cursor
        drive(query.after({"customer": "c1", "number": 1}).page(1))
        assert not caught

        async def read() -> None:
            await query.after(cursor).page(1)

        drive(read())
        drive(read())

    assert [(warning.category, warning.filename) for warning in caught] == [(CursorWarning, __file__)]
    assert "cursor_keys" in str(caught[0].message)


@pytest.mark.filterwarnings("error::pydynox.CursorWarning")
def test_no_warning_for_sealed_cursors_and_embedded_engines(serve: Serve, drive: Drive, orders: DynamoDBClient) -> None:
    query = Order.query("c1")
    drive(query.after(drive(query.page(1)).cursor).page(1))
    with client_of(serve(PAGE, END), cursor_keys=[b"k" * 32]).as_default():
        drive(query.after(drive(query.page(1)).cursor).page(1))


@pytest.mark.filterwarnings("always::pydynox.CursorWarning")
def test_statements_warn_too(serve: Serve, drive: Drive) -> None:
    rows = [{"customer": {"S": "c1"}}]
    client = client_of(serve(answer({"Items": rows, "NextToken": "t"}), answer({"Items": []})))
    statement = "SELECT * FROM orders"
    cursor = drive(client.execute(statement, limit=1)).cursor
    with warnings.catch_warnings(record=True) as caught:
        drive(client.execute(statement, limit=1, after=cursor))
    assert [warning.category for warning in caught] == [CursorWarning]
