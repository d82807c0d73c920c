"""Answers that arrive damaged, foreign or odd: never taken for data, never a panic."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest
from pydynox import DynamoDBClient, attr
from pydynox.exceptions import ConnectionFailedError, InvalidResponseError, RequestTimeoutError, SerializationError

from tests.conftest import Drive, Serve, client_of
from tests.engines import Authority

from .deeds import answer, html, raw, then_close, truncated
from .models import FOUND, NOTE, Note, stored
from .server import Deed

DAMAGED = {
    "wrong checksum": answer({"Item": stored()}, crc32="wrong"),
    "truncated": truncated({"Item": stored()}),
    "broken JSON": answer(b'{"Item": {"note_id"', crc32="missing"),
    "an array": answer(b"[]"),
    "empty": answer(b"", crc32="missing"),
    "HTML": html(200),
}


@pytest.mark.parametrize("deed", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_answer_is_asked_for_again(serve: Serve, drive: Drive, deed: Deed) -> None:
    server = serve(deed, FOUND)

    with client_of(server).as_default():
        note = drive(Note.get("n1"))

    assert note == NOTE
    assert len(server.seen) == 2


@pytest.mark.parametrize("deed", DAMAGED.values(), ids=DAMAGED)
def test_an_answer_that_stays_damaged_is_an_error_with_the_request_id(serve: Serve, drive: Drive, deed: Deed) -> None:
    server = serve(deed)

    with client_of(server, max_attempts=2).as_default(), pytest.raises(InvalidResponseError, match="cannot be read") as caught:
        drive(Note.get("n1"))

    assert (caught.value.operation, caught.value.table, caught.value.status) == ("GetItem", "notes", 200)
    assert caught.value.attempts == len(server.seen) == 2
    if "html" not in str(caught.value):
        assert caught.value.request_id == "R2"


def test_an_answer_without_a_checksum_is_read(serve: Serve, drive: Drive) -> None:
    server = serve(answer({"Item": stored()}, crc32="missing"))

    with client_of(server).as_default():
        assert drive(Note.get("n1")) == NOTE


def test_an_answer_cut_off_under_tls_is_asked_for_again(serve: Serve, drive: Drive, authority: Authority) -> None:
    server = serve(truncated({"Item": stored()}), FOUND, tls=authority.context("127.0.0.1"))

    with client_of(server, ca_bundle=authority.bundle).as_default():
        assert drive(Note.get("n1")) == NOTE

    assert len(server.seen) == 2


ITEM = json.dumps({"Item": stored()}).encode()
LENGTH = b"content-length: %d\r\n\r\n" % len(ITEM)
GOOD = b"HTTP/1.1 200 OK\r\n" + LENGTH + ITEM
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
UNUSUAL = {
    "chunks and trailers": raw(CHUNKED + b"5;a=b\r\n%b\r\n%X\r\n%b\r\n0\r\nx: y\r\n\r\n" % (ITEM[:5], len(ITEM) - 5, ITEM[5:])),
    "chunked": raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n" % len(ITEM) + ITEM + b"\r\n0\r\n\r\n"),
    "an interim answer": raw(b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD),
    "HTTP/1.0": then_close(raw(b"HTTP/1.0 200 OK\r\n\r\n" + ITEM)),
    "byte by byte": raw(*[GOOD[at : at + 1] for at in range(len(GOOD))], pause=0.0001),
}


@pytest.mark.parametrize("deed", UNUSUAL.values(), ids=UNUSUAL)
def test_an_unusual_answer_is_read(serve: Serve, drive: Drive, deed: Deed) -> None:
    server = serve(deed)

    with client_of(server, max_attempts=1).as_default():
        assert drive(Note.get("n1")) == NOTE


NO_HTTP = {
    "newer protocol": raw(b"HTTP/2.0 200 OK\r\n" + LENGTH + ITEM),
    "switched protocol": raw(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n" + GOOD),
    "negative length": raw(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}"),
    "length over 64 bits": raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n{}"),
    "chunk over 64 bits": raw(CHUNKED + b"fffffffffffffffff\r\n{}"),
    "chunk longer than its declared size": raw(CHUNKED + b"1\r\n{}\r\n0\r\n\r\n"),
    "other protocol": raw(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "broken length": raw(b"HTTP/1.1 200 OK\r\ncontent-length: abc\r\n\r\n{}"),
    "two lengths": raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
    "endless head": raw(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 1_000_000),
}


@pytest.mark.parametrize("deed", NO_HTTP.values(), ids=NO_HTTP)
def test_what_is_no_http_breaks_the_connection(serve: Serve, drive: Drive, deed: Deed) -> None:
    server = serve(deed)

    with client_of(server, max_attempts=2).as_default(), pytest.raises(ConnectionFailedError, match="broke") as caught:
        drive(Note.get("n1"))

    assert caught.value.attempts == len(server.connections) == 2


def test_a_length_that_never_comes_takes_no_memory_and_ends_at_the_read_timeout(serve: Serve, drive: Drive) -> None:
    server = serve(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 130000000\r\n\r\n{"))

    with client_of(server, read_timeout=0.1, max_attempts=1).as_default(), pytest.raises(RequestTimeoutError):
        drive(Note.get("n1"))


def test_bytes_that_nobody_asked_for_are_never_the_next_answer(serve: Serve, drive: Drive) -> None:
    forged = b'{"Item":{"note_id":{"S":"forged"}}}'
    server = serve(raw(GOOD + b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(forged) + forged), FOUND)

    with client_of(server, max_attempts=1).as_default():
        notes = [drive(Note.get("n1")) for _ in range(3)]

    assert notes == [NOTE] * 3
    assert [seen.connection for seen in server.seen] == [1, 2, 2]


UNREADABLE = {
    "invalid UTF-8": b'{"Item":{"note_id":{"S":"n1"},"text":{"S":"\xff\xfe"}}}',
    "invalid UTF-8 in a name": b'{"Item":{"note_id":{"S":"n1"},"\xc3\x28":{"S":""}}}',
    "lone surrogate": rb'{"Item":{"note_id":{"S":"n1"},"text":{"S":"\ud800"}}}',
    "nesting": b'{"Item":{"note_id":{"S":"n1"},"text":' + b'{"L":[' * 50_000 + b"]}" * 50_000 + b"}}",
    "unknown type": b'{"Item":{"note_id":{"S":"n1"},"text":{"X":"1"}}}',
    "two types": b'{"Item":{"note_id":{"S":"n1"},"text":{"S":"1","N":"1"}}}',
    "no type": b'{"Item":{"note_id":{"S":"n1"},"text":{}}}',
    "bare value": b'{"Item":{"note_id":"n1","text":"hello"}}',
    "no number": b'{"Item":{"note_id":{"S":"n1"},"text":{"N":"one"}}}',
    "no base64": b'{"Item":{"note_id":{"S":"n1"},"text":{"B":"%%%"}}}',
    "item no map": b'{"Item":[1]}',
}


def verbs(client: DynamoDBClient) -> dict[str, Callable[[], Coroutine[Any, Any, Any]]]:
    return {"model": lambda: Note.get("n1"), "plain": lambda: client.get_item("notes", {"note_id": "n1"})}


@pytest.mark.parametrize("verb", ["model", "plain"])
@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_an_error_and_the_next_call_works(serve: Serve, drive: Drive, name: str, verb: str) -> None:
    server = serve(answer(UNREADABLE[name]), FOUND)
    client = client_of(server, max_attempts=1)

    with client.as_default():
        with pytest.raises((InvalidResponseError, SerializationError)):
            drive(verbs(client)[verb]())

        assert drive(Note.get("n1")) == NOTE


def test_an_answer_of_the_wrong_shape_says_which_request_it_was(serve: Serve, drive: Drive) -> None:
    server = serve(answer(UNREADABLE["unknown type"]))

    with client_of(server).as_default(), pytest.raises(InvalidResponseError) as caught:
        drive(Note.get("n1"))

    assert (caught.value.operation, caught.value.table, caught.value.request_id) == ("GetItem", "notes", "R1")
    assert (caught.value.status, caught.value.attempts) == (200, 1)


def test_a_byte_changed_anywhere_is_no_panic(serve: Serve) -> None:
    good = json.dumps({"Item": stored(tags={"L": [{"S": "x"}]}, n={"N": "1.5"}, b={"B": "AA=="}, s={"NS": ["1"]})}).encode()
    chance = random.Random(7)  # noqa: S311
    bodies = []
    for at in range(len(good)):
        body = bytearray(good)
        body[at] = chance.choice(b'{}[]",:\\x0\xff')
        bodies.append(bytes(body))
    server = serve(*[answer(body) for body in bodies])
    client = client_of(server, max_attempts=1)
    outcomes: list[type[BaseException] | None] = []

    for _ in bodies:
        try:
            client.sync.get_item("notes", {"note_id": "n1"})
        except BaseException as error:
            outcomes.append(type(error))
        else:
            outcomes.append(None)

    assert set(outcomes) == {None, InvalidResponseError, SerializationError}
    assert outcomes.count(None) > 20


@pytest.mark.parametrize("name", ["invalid UTF-8", "invalid UTF-8 in a name", "lone surrogate", "nesting"])
def test_what_is_no_text_is_refused_in_wire_form_too(serve: Serve, drive: Drive, name: str) -> None:
    server = serve(answer(UNREADABLE[name]))

    with pytest.raises(InvalidResponseError, match="cannot be read"):
        drive(client_of(server, max_attempts=1).call("GetItem", TableName="notes"))


def test_a_megabyte_comes_through_exactly(serve: Serve, drive: Drive) -> None:
    items = [{"note_id": {"S": f"n{n}"}, "text": {"S": f"é{n}" * 50_000}} for n in range(8)]
    body = json.dumps({"Items": items, "Count": 8}, ensure_ascii=False).encode()
    server = serve(answer(body))

    found = drive(client_of(server).call("Scan", TableName="notes"))

    assert len(body) > 1_000_000
    assert found["Items"] == items


def test_numbers_of_38_digits_come_through_exactly(serve: Serve, drive: Drive) -> None:
    numbers = ["9" * 38, "-" + "9" * 38, "0." + "123456789" * 4 + "12", "1E-130", "9." + "9" * 37 + "E+125", "0"]
    item = {f"n{at}": {"N": text} for at, text in enumerate(numbers)}
    server = serve(answer({"Item": item}))

    found = drive(client_of(server).get_item("notes", {"note_id": "n1"}))

    assert [found[f"n{at}"] for at in range(len(numbers))] == [Decimal(text) for text in numbers]


GARBAGE = {
    "an object and garbage": b"{}garbage",
    "two objects": b"{}{}",
    "an object and a bracket": b"{}]",
    "an item and garbage": b'{"Item":{"note_id":{"S":"n1"}},"Attributes":{"note_id":{"S":"n1"}},"Items":[],"Table":{},"Responses":{}}x',
    "null": b"null",
    "a number": b"7",
}
VERBS: dict[str, Callable[[DynamoDBClient], Coroutine[Any, Any, Any]]] = {
    "get": lambda client: Note.key("n1").get(),
    "exists": lambda client: Note.key("n1").exists(),
    "keys": lambda client: _all(Note.scan().keys()),
    "scan": lambda client: _all(Note.scan()),
    "count": lambda client: Note.scan().count(),
    "query": lambda client: _all(Note.query("n1")),
    "update": lambda client: Note.key("n1").update(Note.text.set("x")),
    "batch": lambda client: client.batch_get(Note.key("n1")),
    "get_item": lambda client: client.get_item("notes", {"note_id": "n1"}),
    "update_item": lambda client: client.update_item("notes", {"note_id": "n1"}, attr("text").set("x")),
    "execute": lambda client: client.execute("SELECT * FROM notes"),
    "call": lambda client: client.call("ListTables"),
    "describe": lambda client: Note.table.describe(),
    "transaction": lambda client: client.transact_get(Note.key("n1")),
}


async def _all(rows: Any) -> list[Any]:
    return [row async for row in rows]


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("crc32", ["right", "missing"])
def test_an_answer_with_something_behind_it_is_none(serve: Serve, drive: Drive, verb: str, body: bytes, crc32: str) -> None:
    server = serve(answer(body, crc32=crc32))

    with client_of(server, max_attempts=2).as_default() as client, pytest.raises(InvalidResponseError, match="cannot be read"):
        drive(VERBS[verb](client))
