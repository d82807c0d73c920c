"""The vectors of docs/formats.md: today's code reads every stored form that the page shows, and writes it where it is determined."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydynox import (
    Attr,
    Compressed,
    Document,
    DynamoDBClient,
    Encrypted,
    JSONAttribute,
    LocalKeyring,
    Model,
    ModelConfig,
    created_at,
    export_jsonl,
    field,
    import_jsonl,
    partition_key,
    run,
    sort_key,
    ttl,
    updated_at,
    version,
)
from pydynox.exceptions import ConfigurationError, CursorError, EncryptionError, ValidationError

from tests.encryption.test_envelope_vectors import CODES, associated_data, commitment, content, derive, header, seal

ROOT = pathlib.Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "formats.md").read_text()
VECTORS: dict[str, Any] = {
    name: json.loads(text)
    for name, text in re.findall(r"<!-- vector: ([\w ]+) -->\n+```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
}
HOUR_EAST = datetime(2026, 11, 23, 4, 41, 0, 250_000, tzinfo=timezone(timedelta(hours=1)))


class Patient(Model[str], table="patients"):
    """Everything that can be protected."""

    patient_id: Attr[str] = partition_key()
    note: Encrypted[Any] = field(default=None, dump=True)
    plain: Attr[Any] = field(default=None)


class Letter(Model[str], table="letters"):
    """A compressed attribute."""

    letter_id: Attr[str] = partition_key()
    body: Compressed[str] = field(default="")


class Order(Model[str, int], table="orders"):
    """What is paged."""

    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()


class User(Model[str], table="users"):
    """A unique value, and a key that is a string."""

    user_id: Attr[str] = partition_key()
    email: Attr[str | None] = field(default=None, unique=True)


class Part(Model[bytes, bytes], table="parts"):
    """Keys that are bytes."""

    part_id: Attr[bytes] = partition_key()
    place: Attr[bytes] = sort_key()
    serial: Attr[bytes] = field(unique=True)


class Member(Model[int, int], table="members", unique=("tenant", "nick")):
    """Keys that are numbers, and two attributes together."""

    tenant: Attr[int] = partition_key()
    number: Attr[int] = sort_key()
    nick: Attr[str | None] = field(default=None, attribute_name="n")


class Account(Model[str], table="accounts"):
    """All that pydynox writes by itself."""

    model_config: ClassVar[ModelConfig] = ModelConfig(write_id=True)
    account_id: Attr[str] = partition_key()
    balance: Attr[int] = field(default=0)
    created: Attr[datetime] = created_at()
    updated: Attr[datetime] = updated_at()
    version: Attr[int] = version()
    ends: Attr[datetime | None] = ttl(default=None)


class Base(Model[str, str], table="shop"):
    """A table of several entities."""

    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()


class Purchase(Base, entity="order"):
    """An entity with templates."""

    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}", escape=True)
    sk: Attr[str] = sort_key(template="ORDER#{placed:%Y-%m-%d}#{number:06d}")
    customer_id: Attr[str]
    placed: Attr[date]
    number: Attr[int]
    email: Attr[str | None] = field(default=None, unique=True)


class Color(Enum):
    RED = "red"


class Place(Document):
    """A map."""

    city: Attr[str]


class Thing(Model[str], table="things"):
    """A value of each type whose stored form is pydynox's choice."""

    thing_id: Attr[str] = partition_key()
    moment: Attr[datetime]
    seconds: Attr[datetime] = field(epoch="seconds")
    milliseconds: Attr[datetime] = field(epoch="milliseconds")
    expires: Attr[datetime] = ttl()
    day: Attr[date]
    clock: Attr[time]
    stay: Attr[timedelta]
    uid: Attr[UUID]
    color: Attr[Color]
    price: Attr[Decimal]
    ratio: Attr[float]
    pair: Attr[tuple[int, str]]
    tags: Attr[set[str]]
    nothing: Attr[set[str]] = field(default_factory=set)
    absent: Attr[str | None] = field(default=None)
    place: Attr[Place]
    extra: JSONAttribute[dict[str, Any]] = JSONAttribute(dict[str, Any])


THING = Thing(
    thing_id="t1", moment=HOUR_EAST, seconds=HOUR_EAST, milliseconds=HOUR_EAST, expires=HOUR_EAST, day=date(2026, 11, 23),
    clock=time(4, 41, 0, 250_000), stay=timedelta(minutes=1, milliseconds=500), uid=UUID(int=7), color=Color.RED, price=Decimal("19.90"),
    ratio=0.1, pair=(1, "x"), tags={"b", "a"}, place=Place(city="Paris"), extra={"b": 1, "a": [None, True, "é"]},
)  # fmt: skip
KEYRING = LocalKeyring({VECTORS["envelope"]["key_ref"]: bytes.fromhex(VECTORS["envelope"]["root_key"])})


@pytest.fixture(autouse=True)
def client() -> Iterator[DynamoDBClient]:
    client = DynamoDBClient(endpoint_url="memory://", keyring=KEYRING)
    with client.as_default():
        for model in (Patient, Letter, Order, User, Part, Member, Account, Base, Thing):
            model.table.sync.create()
        yield client


def stored(client: DynamoDBClient, table: str) -> list[dict[str, Any]]:
    """The items of a table as they are on the wire."""
    items: list[dict[str, Any]] = client.sync.call("Scan", TableName=table)["Items"]
    return items


def put(client: DynamoDBClient, table: str, item: dict[str, Any]) -> None:
    client.sync.call("PutItem", TableName=table, Item=item)


def test_the_page_has_a_vector_of_every_form() -> None:
    assert set(VECTORS) == {
        "values", "envelope", "context", "compressed", "open cursor", "cursor that leads back",
        "sealed cursor", "guards", "managed", "entity", "types", "times", "export",
    }  # fmt: skip
    assert {next(iter(row["value"])) for row in VECTORS["values"]} == set(CODES)


def sealed_by_others(value: dict[str, Any]) -> str:
    """A value encrypted by the implementation of the tests, in base64."""
    vector = {**VECTORS["envelope"], "value": value}
    return base64.b64encode(seal(vector)).decode()


@pytest.mark.parametrize("row", VECTORS["values"], ids=lambda row: next(iter(row["value"])))
def test_values_have_these_bytes_before_they_are_protected(client: DynamoDBClient, row: dict[str, Any]) -> None:
    vector = VECTORS["envelope"]
    assert content(row["value"]).hex() == row["bytes"]
    put(client, "patients", {"patient_id": {"S": "p1"}, "plain": row["value"], "note": {"B": sealed_by_others(row["value"])}})

    found = Patient.sync.get_or_raise("p1")

    assert found.note == found.plain
    Patient(patient_id="p1", note=found.plain, plain=found.plain).sync.put()
    written = base64.b64decode(stored(client, "patients")[0].get("note", {"B": ""})["B"])
    if found.plain is None:
        assert written == b""  # None is stored as no attribute
        return
    opened = opened_by_others(written, {**vector, "value": stored(client, "patients")[0]["plain"]})
    assert opened == content(stored(client, "patients")[0]["plain"])


def opened_by_others(envelope: bytes, vector: dict[str, Any]) -> bytes:
    """The content of an envelope that the core wrote under the keys of a vector's keyring."""
    length = envelope[5]
    key_ref, rest = envelope[6 : 6 + length], envelope[6 + length :]
    wrapped, rest = rest[2 : 2 + int.from_bytes(rest[:2], "big")], rest[2 + int.from_bytes(rest[:2], "big") :]
    salt, tied, nonce, sealed = rest[:32], rest[32:64], rest[64:76], rest[76:]
    data_key = unwrapped(vector, wrapped)
    vector = {**vector, "flags": envelope[4], "wrapped_key": wrapped.hex(), "salt": salt.hex(), "data_key": data_key.hex()}
    assert (envelope[:4], key_ref) == (b"\xd9\x70\x01\x01", vector["key_ref"].encode())
    assert header(vector) == envelope[: len(header(vector))]
    assert commitment(vector) == tied
    return AESGCM(derive(vector, b"pydynox/v1/enc", 32)).decrypt(nonce, sealed, associated_data(vector))


def unwrapped(vector: dict[str, Any], wrapped: bytes) -> bytes:
    """A data key that a LocalKeyring wrapped."""
    name = vector["key_ref"].encode()
    pairs = b"".join(
        len(part).to_bytes(4, "big") + part
        for pair in sorted(VECTORS["context"].items())
        for part in (text.encode() for text in pair)
    )
    data = b"pydynox-local-keyring\x01" + len(name).to_bytes(4, "big") + name + pairs
    return AESGCM(bytes.fromhex(vector["root_key"])).decrypt(wrapped[:12], wrapped[12:], data)


def test_an_envelope_is_read_as_the_page_shows_it(client: DynamoDBClient) -> None:
    vector = VECTORS["envelope"]
    assert unwrapped(vector, bytes.fromhex(vector["wrapped_key"])).hex() == vector["data_key"]
    assert seal(vector).hex() == vector["envelope"]
    envelope = {"B": base64.b64encode(bytes.fromhex(vector["envelope"])).decode()}
    put(client, "patients", {"patient_id": vector["partition_key"]["value"], "note": envelope})

    assert Patient.sync.get_or_raise("p1").note == vector["value"]["S"]
    put(client, "patients", {"patient_id": {"S": "p2"}, "note": envelope})
    with pytest.raises(EncryptionError):
        Patient.sync.get("p2")


def test_a_data_key_is_asked_for_with_this_context() -> None:
    seen = []

    class House:
        key_name = "house"

        def generate_data_key(self, context: dict[str, str]) -> tuple[str, bytes, bytes]:
            seen.append(dict(context))
            return "house", bytes(32), b"wrapped"

        def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str]) -> bytes:
            seen.append(dict(context))
            return bytes(32)

    client = DynamoDBClient(endpoint_url="memory://", keyring=House())
    with client.as_default():
        Patient.table.sync.create()
        Patient(patient_id="p1", note="x").sync.create()
    assert seen == [VECTORS["context"]]


def test_a_compressed_value_is_read_as_the_page_shows_it(client: DynamoDBClient) -> None:
    vector = VECTORS["compressed"]
    text = vector["repeated"] * vector["times"]
    put(client, "letters", {"letter_id": {"S": "l1"}, "body": {"B": base64.b64encode(bytes.fromhex(vector["frame"])).decode()}})

    assert Letter.sync.get_or_raise("l1").body == text
    Letter(letter_id="l1", body=text).sync.put()
    written = base64.b64decode(stored(client, "letters")[0]["body"]["B"])
    assert written[:7] == bytes.fromhex(vector["frame"])[:7] == b"\xd9\x7a\x01\x28\xb5\x2f\xfd"
    Letter(letter_id="l1", body="short").sync.put()
    assert stored(client, "letters")[0]["body"] == {"S": "short"}


def fingerprint(parts: list[bytes]) -> bytes:
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()[:16]


def cursor_content(vector: dict[str, Any]) -> bytes:
    binding = fingerprint([part.encode() for part in vector["bound_to"]])
    audience, expires_at, left = (vector.get(name) for name in ("audience", "expires_at", "left"))
    flags = sum(flag for flag, value in ((1, expires_at), (2, audience), (4, left)) if value is not None)
    made = binding + bytes([flags])
    made += b"" if expires_at is None else expires_at.to_bytes(8, "big")
    made += b"" if audience is None else fingerprint([audience.encode()])
    made += b"" if left is None else left.to_bytes(8, "big")
    tag, place = (b"\x01", vector["after"]) if "after" in vector else (b"\x03", vector["before"])
    key = json.dumps(place, separators=(",", ":")).encode()
    return bytes(made + tag + len(key).to_bytes(4, "big") + key)


def text_of(cursor: bytes) -> str:
    return base64.urlsafe_b64encode(cursor).decode().rstrip("=")


@pytest.fixture
def orders() -> None:
    for number in range(5):
        Order(customer="c1", number=number).sync.create()


@pytest.mark.usefixtures("orders")
def test_an_open_cursor_is_read_and_written_as_the_page_shows_it() -> None:
    vector = VECTORS["open cursor"]
    inner = cursor_content(vector)
    query = Order.query("c1").limit(3)

    assert text_of(b"\x01" + hashlib.sha256(inner).digest()[:8] + inner) == vector["cursor"]
    assert query.sync.page(1).cursor == vector["cursor"]
    assert [order.number for order in Order.query("c1").after(vector["cursor"]).sync.all()] == [1, 2]


@pytest.mark.usefixtures("orders")
def test_a_cursor_that_leads_back_is_read_and_written_as_the_page_shows_it() -> None:
    vector = VECTORS["cursor that leads back"]
    inner = cursor_content(vector)
    query = Order.query("c1").limit(3)

    assert text_of(b"\x01" + hashlib.sha256(inner).digest()[:8] + inner) == vector["cursor"]
    assert query.after(VECTORS["open cursor"]["cursor"]).sync.page(1).previous == vector["cursor"]
    assert [order.number for order in query.before(vector["cursor"]).sync.all()] == [0]


def test_a_sealed_cursor_is_read_as_the_page_shows_it() -> None:
    vector = VECTORS["sealed cursor"]
    key, nonce, inner = bytes.fromhex(vector["key"]), bytes.fromhex(vector["nonce"]), cursor_content(vector)
    assert text_of(b"\x02" + nonce + AESGCM(key).encrypt(nonce, inner, b"pydynox cursor 1")) == vector["cursor"]
    client = DynamoDBClient(endpoint_url="memory://", cursor_keys=[key])
    with client.as_default():
        Order.table.sync.create()
        for number in range(5):
            Order(customer="c1", number=number).sync.create()
        query = Order.query("c1").cursors(audience=vector["audience"])

        assert [order.number for order in query.after(vector["cursor"]).sync.all()] == [1, 2, 3, 4]
        with pytest.raises(CursorError, match="audience"):
            Order.query("c1").cursors(audience="bob").after(vector["cursor"]).sync.all()
        written = query.sync.page(1).cursor
    assert written is not None
    sealed = base64.urlsafe_b64decode(written + "=" * (-len(written) % 4))
    opened = AESGCM(key).decrypt(sealed[1:13], sealed[13:], b"pydynox cursor 1")
    assert (sealed[:1], opened) == (b"\x02", cursor_content({**vector, "expires_at": None}))


HOLDERS: dict[str, Model[Any, *tuple[Any, ...]]] = {
    "users": User(user_id="u1", email="ada@example.com"),
    "parts": Part(part_id=b"p", place=b"q", serial=b"\x01"),
    "members": Member(tenant=1, number=2, nick="x"),
    "shop": Purchase(customer_id="7#50%", placed=date(2026, 1, 2), number=12, email="ada@example.com"),
}


@pytest.mark.parametrize("vector", VECTORS["guards"], ids=lambda vector: vector["table"])
def test_guards_of_unique_values_are_written_as_the_page_shows_them(client: DynamoDBClient, vector: dict[str, Any]) -> None:
    hashed = hashlib.sha256(json.dumps(vector["hashed"], separators=(",", ":")).encode()).hexdigest()

    HOLDERS[vector["table"]].sync.create()

    guards = [item for item in stored(client, vector["table"]) if "_pydynox_unique" in item]
    assert guards == [vector["guard"]]
    ((kind, key),) = next(
        value for name, value in guards[0].items() if name != "_pydynox_unique" and len(str(value)) > 40
    ).items()
    made = {
        "S": f"pydynox#unique#{hashed}",
        "B": base64.b64encode(b"pydynox#unique#" + bytes.fromhex(hashed)).decode(),
        "N": str((10**37 + int(hashed[:32], 16) % 10**37) * 10**88),
    }
    assert key == made[kind]


def test_versions_times_and_write_ids_are_read_and_continued_as_the_page_shows_them(client: DynamoDBClient) -> None:
    item = VECTORS["managed"]
    put(client, "accounts", item)

    account = Account.sync.get_or_raise("a1")

    assert (account.version, account.ends) == (7, datetime(2027, 1, 1, tzinfo=UTC))
    assert account.created == datetime(2026, 11, 23, 3, 41, tzinfo=UTC)
    assert account.updated == datetime(2026, 11, 24, 3, 41, 0, 5, tzinfo=UTC)
    account.balance = 5
    account.sync.save()
    (after,) = stored(client, "accounts")
    assert (after["version"], after["created"], after["ends"]) == ({"N": "8"}, item["created"], item["ends"])
    for name, form in (("updated", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"), ("_write_id", r"[0-9a-f]{32}")):
        assert re.fullmatch(form, item[name]["S"])
        assert re.fullmatch(form, after[name]["S"])
        assert after[name] != item[name]


def test_the_first_version_is_1_and_that_of_a_blind_put_is_the_microsecond(client: DynamoDBClient) -> None:
    Account(account_id="a1").sync.create()
    first = stored(client, "accounts")[0]["version"]
    Account(account_id="a1").sync.put()
    blind = int(stored(client, "accounts")[0]["version"]["N"])

    assert first == {"N": "1"}
    assert abs(blind / 1e6 - datetime.now(UTC).timestamp()) < 600


def test_entities_and_templates_are_read_and_written_as_the_page_shows_them(client: DynamoDBClient) -> None:
    Purchase(customer_id="7#50%", placed=date(2026, 1, 2), number=12).sync.create()

    assert stored(client, "shop") == [VECTORS["entity"]]
    assert type(Base.sync.get(VECTORS["entity"]["pk"]["S"], VECTORS["entity"]["sk"]["S"])) is Purchase


def test_types_are_read_and_written_as_the_page_shows_them(client: DynamoDBClient) -> None:
    THING.sync.put()
    assert stored(client, "things") == [VECTORS["types"]]

    put(client, "things", VECTORS["types"])
    assert Thing.sync.get_or_raise("t1") == THING


def test_exported_lines_are_read_and_written_as_the_page_shows_them(client: DynamoDBClient, tmp_path: pathlib.Path) -> None:
    line = json.dumps(VECTORS["export"], separators=(",", ":"), ensure_ascii=False) + "\n"
    path = tmp_path / "users.jsonl"
    path.write_text(line)

    assert run(import_jsonl(User, path)) == 1
    path.unlink()
    assert run(export_jsonl(User, path)) == 1
    assert path.read_text() == line


def test_every_stored_name_with_the_name_of_the_project_is_on_the_page() -> None:
    core = ROOT / "crates" / "pydynox-core" / "src"
    elsewhere = {"tests", "transport", "runtime"}
    files = [path for path in core.rglob("*.rs") if not elsewhere & set(path.relative_to(core).with_suffix("").parts)]
    code = "\n".join(path.read_text().partition("#[cfg(test)]")[0] for path in files)
    # What a reading says of a panic of its own is no stored name.
    found = re.findall(r'"(_?pydynox[#:/_ -][^"{}]*)"', code)
    names = {name.removesuffix("\\x01") for name in found if "panicked" not in name}

    assert names == {
        "pydynox#unique#", "_pydynox_unique", "pydynox:table", "pydynox:v", "pydynox:", "pydynox-aad", "pydynox/v1/enc",
        "pydynox/v1/commit", "pydynox-local-keyring", "pydynox cursor 1",
    }  # fmt: skip
    assert [name for name in names if f"`{name}`" not in PAGE] == []


TIMES_OF_DAY = (time(3, 4, 5, 6), time(3, 4, 5))
MOMENTS = (datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
TIMES = {
    "fine": MOMENTS[0],
    "whole": MOMENTS[1],
    "date": date(2024, 1, 2),
    "fine time": TIMES_OF_DAY[0],
    "whole time": TIMES_OF_DAY[1],
}


@pytest.mark.parametrize("value", TIMES)
@pytest.mark.parametrize("row", VECTORS["times"], ids=lambda row: row["format"])
def test_each_format_writes_and_reads_these_times(row: dict[str, Any], value: str) -> None:
    at, expected = TIMES[value], row[value]
    kind = type(at)

    def declared() -> Any:
        class Note(Model[str], table="notes"):
            note_id: Attr[str] = partition_key()
            at: Attr[kind] = field(format=row["format"])  # type: ignore[valid-type]  # the type of the vector

        return Note

    if expected is None:
        with pytest.raises((ConfigurationError, ValidationError)):
            declared()(note_id="n", at=at)
        return
    note = declared()(note_id="n", at=at)
    assert note.model_to_item()["at"] == expected
    assert declared().model_from_item(note.model_to_item()).at == at
