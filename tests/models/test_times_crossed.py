"""Stored forms of times where another feature stores or compares the value too: unique values, protected attributes, PartiQL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydynox import (
    Attr,
    Compressed,
    DynamoDBClient,
    Encrypted,
    LocalKeyring,
    Model,
    field,
    partition_key,
    run,
    sort_key,
    verify_unique,
)
from pydynox.exceptions import ItemAlreadyExistsError, UniqueConstraintError, ValidationError

from tests.conftest import Drive

from .test_stored_times import AT, FORMS, LATER, UNSORTED

#: Every form that a class can declare, with what AT is stored as; the last ones cannot be keys.
STORED: dict[str, tuple[str, str]] = {
    **{format: (tag, text) for format, (tag, text, _) in FORMS.items()},
    "rfc3339_nano": ("S", "2024-01-02T03:04:05Z"),
    "java_instant": ("S", "2024-01-02T03:04:05Z"),
    "%d.%m.%Y %H:%M:%S": ("S", "02.01.2024 03:04:05"),
}
#: The same moment, as somebody in Tokyo writes it.
ELSEWHERE = AT.astimezone(timezone(timedelta(hours=9)))


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    """A client of an empty engine that has a key."""
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": bytes(32)}))
    with client.as_default():
        yield client


def stored(client: DynamoDBClient, table: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.sync.call("Scan", TableName=table)["Items"]
    return items


@pytest.mark.parametrize("format", STORED)
def test_a_unique_time_is_guarded_in_its_stored_form(client: DynamoDBClient, drive: Drive, format: str) -> None:
    tag, text = STORED[format]

    class Slot(Model[str], table="slots", unique=("room", "until")):
        slot_id: Attr[str] = partition_key()
        at: Attr[datetime] = field(format=format, unique=True)
        room: Attr[str] = field(default="hall")
        until: Attr[datetime | None] = field(default=None, format=format)

    Slot.table.sync.create()
    one = Slot(slot_id="1", at=ELSEWHERE, until=LATER)
    drive(one.create())

    # docs/formats.md: the guard is found by its value in the stored form, whatever zone it came in.
    hashed = json.dumps(["", "at", {tag: text}], separators=(",", ":"), ensure_ascii=False)
    guard = f"pydynox#unique#{hashlib.sha256(hashed.encode()).hexdigest()}"
    keys = {item["slot_id"]["S"] for item in stored(client, "slots")}
    assert guard in keys
    assert len(keys) == 3
    for at, until in ((AT, None), (LATER, LATER)):
        with pytest.raises(UniqueConstraintError) as taken:
            drive(Slot(slot_id="2", at=at, until=until).create())
        assert taken.value.holder == Slot.key("1")
    read = drive(Slot.get_or_raise("1"))
    read.at = LATER
    drive(read.save())
    drive(Slot(slot_id="2", at=AT).create())
    assert run(verify_unique(Slot)) == []


def sealed(client: DynamoDBClient, format: str) -> tuple[Any, Any]:
    """A model with protected times in this format, and one that shows the texts or numbers that were protected."""

    class Visit(Model[str], table="visits"):
        visit_id: Attr[str] = partition_key()
        secret: Encrypted[datetime] = field(format=format)
        small: Encrypted[list[datetime]] = field(format=format, compress=True)
        short: Compressed[datetime] = field(format=format)
        long: Compressed[list[datetime]] = field(format=format)

    plain: Any = int if STORED[format][0] == "N" else str

    class Opened(Model[str], table="visits"):
        visit_id: Attr[str] = partition_key()
        secret: Encrypted[plain] = field()
        small: Encrypted[list[plain]] = field()
        short: Compressed[plain] = field()
        long: Compressed[list[plain]] = field()

    Visit.table.sync.create()
    return Visit, Opened


@pytest.mark.parametrize("format", STORED)
def test_what_is_encrypted_or_compressed_is_the_stored_form(client: DynamoDBClient, drive: Drive, format: str) -> None:
    tag, text = STORED[format]
    visit, opened = sealed(client, format)
    written: Any = text if tag == "S" else int(text)

    item = visit(visit_id="v", secret=ELSEWHERE, small=[AT] * 9, short=AT, long=[AT] * 200)
    drive(item.create())

    (raw,) = stored(client, "visits")
    assert [next(iter(raw[name])) for name in ("secret", "small", "short", "long")] == ["B", "B", tag, "B"]
    assert raw["short"] == {tag: text}
    shown = drive(opened.get_or_raise("v"))
    assert (shown.secret, shown.small, shown.short, shown.long) == (written, [written] * 9, written, [written] * 200)
    read = drive(visit.get_or_raise("v"))
    assert (read.secret, read.small, read.short, read.long) == (AT, [AT] * 9, AT, [AT] * 200)
    read.secret = LATER
    read.long.append(LATER)
    drive(read.save())
    again = drive(visit.get_or_raise("v"))
    assert (again.secret, again.long[-1], again.small) == (LATER, LATER, [AT] * 9)


@pytest.mark.parametrize("format", ["iso_seconds", "epoch", "epoch_ms", "%Y-%m-%dT%H:%M:%S.%3fZ"])
def test_a_protected_or_unique_value_that_does_not_fit_is_refused(client: DynamoDBClient, format: str) -> None:
    visit, _ = sealed(client, format)
    fine = AT.replace(microsecond=6)

    for name, value in (("secret", fine), ("small", [fine]), ("short", fine), ("long", [AT, fine])):
        values: dict[str, Any] = {"secret": AT, "small": [], "short": AT, "long": [], name: value}
        with client.collect() as usage, pytest.raises(ValidationError, match=rf"Visit\.{name}"):
            visit(visit_id="v", **values).sync.create()
        assert usage.total.requests == 0


BY_KEY = 'SELECT * FROM "stays" WHERE guest = ? AND "at" = ?'


@pytest.mark.parametrize("format", FORMS)
def test_statements_of_a_batch_take_times_in_the_stored_form(client: DynamoDBClient, drive: Drive, format: str) -> None:
    tag, text, _ = FORMS[format]

    class Stay(Model[str, datetime], table="stays"):
        guest: Attr[str] = partition_key()
        at: Attr[datetime] = sort_key(format=format)
        left: Attr[datetime | None] = field(default=None, format=format)
        secret: Encrypted[datetime | None] = field(default=None, format=format)

    Stay.table.sync.create()

    async def batch(*statements: Any) -> list[Any]:
        return await client.execute_batch(statements, model=Stay)

    # DynamoDB allows either reads or writes in one batch, and each item once.
    inserted = drive(
        batch(
            ("INSERT INTO \"stays\" VALUE {'guest': 'a', 'at': ?, 'left': ?}", ELSEWHERE, LATER),
            ("INSERT INTO \"stays\" VALUE {'guest': 'b', 'at': ?, 'left': ?}", LATER, AT),
        )
    )
    assert inserted == [None, None]
    (taken,) = drive(batch(("INSERT INTO \"stays\" VALUE {'guest': 'a', 'at': ?}", AT)))
    assert isinstance(taken, ItemAlreadyExistsError)
    items = {item["guest"]["S"]: item for item in stored(client, "stays")}
    assert (items["a"]["at"], items["b"]["left"]) == ({tag: text}, {tag: text})
    updated = drive(batch(('UPDATE "stays" SET "left" = ? WHERE guest = ? AND "at" = ?', AT, "a", ELSEWHERE)))
    assert updated == [None]
    first, second, none = drive(batch((BY_KEY, "a", AT), (BY_KEY, "b", LATER), (BY_KEY, "b", AT)))
    assert first == Stay(guest="a", at=AT, left=AT)
    assert second == Stay(guest="b", at=LATER, left=AT)
    assert none is None
    sealed_stay = Stay(guest="c", at=AT, secret=LATER)
    drive(sealed_stay.create())
    assert drive(batch((BY_KEY, "c", ELSEWHERE))) == [sealed_stay]
    gone = drive(batch(*(('DELETE FROM "stays" WHERE guest = ? AND "at" = ?', guest, AT) for guest in "ac")))
    assert gone == [None, None]
    assert {item["guest"]["S"] for item in stored(client, "stays")} == {"b"}


def test_the_forms_of_the_table_are_all_that_there_are() -> None:
    assert set(STORED) >= set(FORMS) | set(UNSORTED)


def test_a_unique_time_that_another_program_wrote_gets_its_guard_by_value(client: DynamoDBClient) -> None:
    """`verify_unique` guards the moment, not the text: writers of the declared form must find the value taken."""

    class Slot(Model[str], table="slots"):
        slot_id: Attr[str] = partition_key()
        at: Attr[datetime] = field(format="iso_z", unique=True)

    Slot.table.sync.create()
    client.sync.put_item("slots", {"slot_id": "1", "at": "2024-01-02T03:04:05+0000"})

    (missing,) = run(verify_unique(Slot, repair=True))

    assert (missing.kind, missing.key, missing.repaired) == ("missing", Slot.key("1"), True)
    with pytest.raises(UniqueConstraintError):
        Slot(slot_id="2", at=AT).sync.create()
    assert run(verify_unique(Slot)) == []
