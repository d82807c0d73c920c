"""Attributes that are stored encrypted or compressed: every verb, every reader, every way to cheat."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pydynox
import pydynox._jobs.reencrypt as reencrypting
import pytest
from pydynox import (
    Attr,
    Collection,
    Compressed,
    CompressedAttribute,
    DataKeyCache,
    Document,
    DynamoDBClient,
    Encrypted,
    EncryptedAttribute,
    GlobalSecondaryIndex,
    KmsKeyring,
    ListAttribute,
    LocalKeyring,
    Model,
    ModelConfig,
    NumberAttribute,
    StringAttribute,
    attr,
    field,
    partition_key,
    sort_key,
    ttl,
    version,
)
from pydynox.exceptions import (
    ConditionFailedError,
    ConfigurationError,
    EncryptionError,
    ItemAlreadyExistsError,
    ItemTooLargeError,
    PydynoxError,
    RequestTimeoutError,
    TransactionCanceledError,
    ValidationError,
    VersionConflictError,
)

from tests.conftest import Drive
from tests.engines import CREDENTIALS, Engine

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
KEYRING = LocalKeyring({"old": OLD})
SECRET = "078-05-1120"


class Address(Document):
    city: Attr[str]
    zip: Attr[str | None] = field(default=None)


class Patient(Model[str, int], table="patients"):
    clinic: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    name: Attr[str] = field(default="")
    ssn: Encrypted[str | None] = field(default=None)
    address: Encrypted[Address | None] = field(default=None)
    notes: Encrypted[list[str]] = field(default_factory=list, compress=True)
    log: Compressed[list[str]] = field(default_factory=list)
    version: Attr[int] = version()


class Everything(Model[str], table="everything"):
    key_: Attr[str] = partition_key()
    text: Encrypted[str]
    integer: Encrypted[int]
    exact: Encrypted[Decimal]
    truth: Encrypted[bool]
    blob: Encrypted[bytes]
    day: Encrypted[date]
    words: Encrypted[set[str]]
    numbers: Compressed[set[int]]
    map: Encrypted[dict[str, Any]]
    anything: Encrypted[Any]
    mixed: Compressed[dict[str, list[int]]]


@pytest.fixture
def client(engine: Engine) -> Any:
    client = engine.client(keyring=KEYRING)
    with client.as_default():
        yield client
    for name in client.sync.call("ListTables")["TableNames"]:
        client.sync.call("DeleteTable", TableName=name)
    client.sync.close()


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest) -> None:
    if "client" in request.fixturenames:
        request.getfixturevalue("client")
        Patient.table.sync.create()


def patient(number: int = 1, **values: Any) -> Patient:
    given: dict[str, Any] = {
        "name": f"n{number}",
        "ssn": f"{SECRET}-{number}",
        "address": Address(city="Oslo"),
        "notes": ["ill"] * 3,
        "log": ["seen"] * 600,
    }
    return Patient(clinic="c", number=number, **{**given, **values})


def stored(client: DynamoDBClient, number: int = 1) -> dict[str, Any]:
    found = client.sync.get_item("patients", {"clinic": "c", "number": number}, consistent_read=True)
    assert found is not None
    return found


def holds(item: Any, text: str) -> bool:
    return text in repr(item)


def test_what_is_stored_is_unreadable_and_reads_back(client: DynamoDBClient, drive: Drive) -> None:
    made = patient()
    drive(made.create())
    item = stored(client)

    for name in ("ssn", "address", "notes"):
        assert isinstance(item[name], bytes)
        assert item[name][:4] == b"\xd9\x70\x01\x01"
    assert item["log"][:3] == b"\xd9\x7a\x01"
    assert len(item["log"]) < 100
    assert not holds(item, SECRET)
    assert item["name"] == "n1"
    found = drive(Patient.get("c", 1))
    assert found == made
    assert found.model_changes() == {}
    assert found.address is not None
    assert found.address.city == "Oslo"


def test_every_type_reads_back(client: DynamoDBClient, drive: Drive) -> None:
    drive(Everything.table.create())
    made = Everything(
        key_="k",
        text="",
        integer=-(10**37),
        exact=Decimal("1.10"),
        truth=False,
        blob=b"\xd9\x70\x01\x01\x00",
        day=date(2026, 11, 25),
        words={"a", "ö"},
        numbers=set(range(800)),
        map={"a": [1, None, {"b": b"x"}]},
        anything={"s": {Decimal(1)}},
        mixed={"a": list(range(1000))},
    )
    drive(made.create())
    found = drive(Everything.get("k"))

    assert found == made
    assert found.model_changes() == {}
    assert all(
        isinstance(value, bytes) for name, value in client.sync.get_item("everything", {"key_": "k"}).items() if name != "key_"
    )


def test_short_values_are_not_compressed(client: DynamoDBClient, drive: Drive) -> None:
    drive(patient(log=["a"]).create())
    assert stored(client)["log"] == ["a"]
    found = drive(Patient.get("c", 1))
    found.log += ["b"] * 2000
    drive(found.save())
    assert stored(client)["log"][:3] == b"\xd9\x7a\x01"
    assert drive(Patient.get("c", 1)).log == ["a"] + ["b"] * 2000


def test_edits_in_place_are_saved_whole(client: DynamoDBClient, drive: Drive) -> None:
    drive(patient().create())
    found = drive(Patient.get("c", 1))
    before = stored(client)
    found.notes.append("well")
    found.address.city = "Bergen"
    drive(found.save())
    after = stored(client)

    assert after["ssn"] == before["ssn"]
    assert after["notes"] != before["notes"]
    again = drive(Patient.get("c", 1))
    assert (again.notes, again.address.city, again.version) == (["ill", "ill", "ill", "well"], "Bergen", 2)
    again.ssn = None
    drive(again.save())
    assert "ssn" not in stored(client)
    assert drive(Patient.get("c", 1)).ssn is None


def test_equal_values_are_stored_differently(client: DynamoDBClient, drive: Drive) -> None:
    drive(patient(1, ssn="same").create())
    drive(patient(2, ssn="same").create())

    assert stored(client, 1)["ssn"] != stored(client, 2)["ssn"]
    before = stored(client, 1)["ssn"]
    found = drive(Patient.get("c", 1))
    found.ssn = "same"
    drive(found.save())
    assert stored(client, 1)["ssn"] == before  # nothing changed, so nothing was written


def test_updates_set_whole_values(client: DynamoDBClient, drive: Drive) -> None:
    drive(patient().create())
    key = Patient.key("c", 1)
    new = drive(key.update(Patient.ssn.set("s2"), Patient.name.set("n"), Patient.log.set(["x"] * 1000)))

    assert (new.ssn, new.name, len(new.log)) == ("s2", "n", 1000)
    assert not holds(stored(client), "s2'")
    found = drive(Patient.get("c", 1))
    drive(found.update(Patient.ssn.remove(), Patient.notes.set(["n"])))
    assert (found.ssn, found.notes) == (None, ["n"])
    assert drive(Patient.get("c", 1)) == found
    upserted = drive(Patient.key("c", 9).update(Patient.ssn.set("new"), upsert=True))
    assert upserted.ssn == "new"
    assert drive(Patient.get("c", 9)).ssn == "new"


def test_existence_can_be_asked(client: DynamoDBClient, drive: Drive) -> None:
    drive(patient(1).create())
    drive(patient(2, ssn=None).create())

    assert [row.number for row in drive(Patient.query("c").filter(Patient.ssn.exists()).all())] == [1]
    drive(Patient.key("c", 2).update(Patient.ssn.set("x"), condition=Patient.ssn.not_exists()))
    with pytest.raises(ConditionFailedError) as refused:
        drive(Patient.key("c", 2).update(Patient.ssn.set("y"), condition=Patient.ssn.not_exists()))
    assert refused.value.item is not None


def test_items_in_errors_are_opened(client: DynamoDBClient, drive: Drive) -> None:
    drive(patient().create())
    with pytest.raises(ItemAlreadyExistsError) as taken:
        drive(patient(ssn="other").create())
    assert taken.value.item.ssn == f"{SECRET}-1"
    stale, fresh = drive(Patient.get("c", 1)), drive(Patient.get("c", 1))
    fresh.ssn = "fresh"
    drive(fresh.save())
    stale.name = "stale"
    with pytest.raises(VersionConflictError) as conflict:
        drive(stale.save())
    assert conflict.value.item.ssn == "fresh"


def test_every_reader_opens(client: DynamoDBClient, drive: Drive) -> None:
    drive(client.batch_save((patient(number) for number in range(30)), unguarded=True))
    wanted = [f"{SECRET}-{number}" for number in range(30)]

    assert [row.ssn for row in drive(Patient.query("c").all())] == wanted
    assert [row.ssn for row in drive(Patient.query("c").page_size(7).all())] == wanted
    assert sorted(row.ssn for row in drive(Patient.scan(segments=3).all())) == sorted(wanted)
    found = drive(client.batch_get_all(Patient.key("c", number) for number in range(31)))
    assert [row and row.ssn for row in found] == [*wanted, None]
    one, two = drive(client.transact_get(Patient.key("c", 3), Patient.key("c", 4)))
    assert (one.ssn, two.ssn) == (wanted[3], wanted[4])
    assert drive(Patient.query("c").count()) == 30
    refreshed = patient(5, ssn="?")
    drive(refreshed.refresh())
    assert refreshed.ssn == wanted[5]
    popped = drive(Patient.key("c", 6).pop())
    assert popped.ssn == wanted[6]


@pytest.mark.engines("embedded", "ministack")
def test_statements_open_rows_of_a_model(client: DynamoDBClient, drive: Drive) -> None:
    drive(patient(1).create())
    text = "SELECT * FROM patients WHERE clinic = ? AND number = ?"
    page = drive(client.execute(text, "c", 1, model=Patient))
    assert page[0].ssn == f"{SECRET}-1"
    assert drive(client.execute_batch([(text, "c", 1)], model=Patient))[0].ssn == f"{SECRET}-1"
    assert drive(client.execute_transaction([(text, "c", 1)], model=Patient))[0].ssn == f"{SECRET}-1"


async def test_gathered_gets_open_several_models(client: DynamoDBClient) -> None:
    class Named(Model[str, int], table="patients"):
        clinic: Attr[str] = partition_key()
        number: Attr[int] = sort_key()
        name: Attr[str] = field(default="")

    await client.batch_save((patient(number) for number in range(4)), unguarded=True)
    await Everything.table.create()
    await Everything(
        key_="k", text="t", integer=1, exact=Decimal(1), truth=True, blob=b"b", day=date.today(), words={"w"}, numbers={1},
        map={}, anything=None, mixed={},
    ).create()  # fmt: skip
    async with pydynox.batching():
        found = await asyncio.gather(Patient.get("c", 1), Everything.get("k"), Patient.get("c", 2), Patient.get("c", 9))

    assert found[0] is not None
    assert (found[0].ssn, found[0].notes) == (f"{SECRET}-1", ["ill"] * 3)
    assert found[1] is not None
    assert (found[1].text, found[1].anything) == ("t", None)
    assert found[2] is not None
    assert found[2].ssn == f"{SECRET}-2"
    assert found[3] is None


def test_transactions_write_and_open(client: DynamoDBClient, drive: Drive) -> None:
    drive(patient(1).create())

    async def work() -> None:
        one = await Patient.get("c", 1)
        assert one is not None
        one.ssn = "one"
        async with client.transaction() as tx:
            tx.save(one)
            tx.create(patient(2, ssn="two"))
            tx.update(Patient.key("c", 3), Patient.ssn.set("three"), upsert=True)

    drive(work())
    assert [row.ssn for row in drive(Patient.query("c").all())] == ["one", "two", "three"]

    async def taken() -> None:
        async with client.transaction() as tx:
            tx.create(patient(4))
            tx.create(patient(2, ssn="again"))

    with pytest.raises(TransactionCanceledError) as canceled:
        drive(taken())
    failure: Any = canceled.value.failures[1]
    assert failure.item is None or failure.item.ssn == "two"


def test_unique_values_and_encrypted_ones_go_together(client: DynamoDBClient, drive: Drive) -> None:
    class Member(Model[str], table="members"):
        member: Attr[str] = partition_key()
        email: Attr[str] = field(unique=True)
        ssn: Encrypted[str] = field(default="")

    drive(Member.table.create())
    drive(Member(member="m", email="e", ssn="s").create())
    found = drive(Member.get("m"))
    assert found.ssn == "s"
    found.email, found.ssn = "f", "t"
    drive(found.save())
    assert drive(Member.get("m")).ssn == "t"
    assert not holds(client.sync.get_item("members", {"member": "m"}), "'t'")


def test_entities_are_opened_by_their_own_class(client: DynamoDBClient, drive: Drive) -> None:
    class Base(Model[str, str], table="shared"):
        pk: Attr[str] = partition_key()
        sk: Attr[str] = sort_key()

    class Card(Base, entity="card"):
        number: Encrypted[str]

    class Visit(Base, entity="visit"):
        number: Attr[str]
        report: Encrypted[str]

    drive(Base.table.create())
    drive(Card(pk="p", sk="1", number="4111").create())
    drive(Visit(pk="p", sk="2", number="plain", report="secret").create())

    for rows in (drive(Base.query("p").all()), drive(Collection(Card, Visit).query("p").all())):
        card, visit = rows
        assert (type(card), card.number) == (Card, "4111")
        assert (type(visit), visit.number, visit.report) == (Visit, "plain", "secret")
    assert drive(Base.get("p", "1")).number == "4111"
    assert [one.report for one in drive(Visit.scan().all())] == ["secret"]
    assert [type(one) for one in drive(client.batch_get(Base.key("p", "1"), Base.key("p", "2")))] == [Card, Visit]


class Shared(Model[str, str], table="shared"):
    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()


class Badge(Shared, entity="badge"):
    number: Encrypted[str]


class Stay(Shared, entity="stay"):
    report: Encrypted[str]


@pytest.fixture
def badge_and_stay(client: DynamoDBClient) -> list[Any]:
    """Keys of two models of one table."""
    Shared.table.sync.create()
    Badge(pk="p", sk="1", number="4111").sync.create()
    Stay(pk="p", sk="2", report="secret").sync.create()
    return [Badge.key("p", "1"), Stay.key("p", "2")]


def shown(found: Any) -> dict[str, str]:
    """The encrypted values of a badge and a stay."""
    return {type(one).__name__: one.number if isinstance(one, Badge) else one.report for one in found}


@pytest.mark.parametrize("verb", ["batch_get", "transact_get"])
def test_one_call_opens_models_of_one_table_each_by_its_own_class(
    client: DynamoDBClient, drive: Drive, badge_and_stay: list[Any], verb: str
) -> None:
    for keys in (badge_and_stay, badge_and_stay[::-1]):
        assert shown(drive(getattr(client, verb)(*keys))) == {"Badge": "4111", "Stay": "secret"}


async def test_one_turn_opens_models_of_one_table_each_by_its_own_class(
    client: DynamoDBClient, badge_and_stay: list[Any]
) -> None:
    async with pydynox.batching():
        found = await asyncio.gather(*(key.get() for key in badge_and_stay))

    assert shown(found) == {"Badge": "4111", "Stay": "secret"}


@pytest.mark.parametrize("names", [("größe", "line"), ("a\u2028", "b"), ("a b", "ab"), ("ab", "a b"), ('x"y', "x")])
def test_what_an_entity_is_called_opens_no_door(client: DynamoDBClient, names: tuple[str, str]) -> None:
    class Base(Model[str, str], table="shared"):
        pk: Attr[str] = partition_key()
        sk: Attr[str] = sort_key()

    class One(Base, entity=names[0]):
        x: Encrypted[str]

    class Two(Base, entity=names[1]):
        x: Attr[str]
        y: Encrypted[str]

    Base.table.sync.create()
    One(pk="p", sk="1", x="secret").sync.create()
    Two(pk="p", sk="2", x="plain", y="hidden").sync.create()
    rows: Any = Base.sync.query("p").all()
    assert [(type(row), row.x) for row in rows] == [(One, "secret"), (Two, "plain")]
    assert rows[1].y == "hidden"
    for reader in (Base, One):
        client.sync.put_item("shared", {"pk": "p", "sk": "1", "_type": names[0], "x": "planted"})
        with pytest.raises(EncryptionError):
            reader.sync.get("p", "1")
        with pytest.raises(EncryptionError):
            reader.sync.query("p").all()


# --- who holds what


@pytest.fixture
def shared(tmp_path: Any) -> str:
    return f"file://{tmp_path}/items.db"


def with_keys(url: str, keyring: Any) -> DynamoDBClient:
    return DynamoDBClient(endpoint_url=url, keyring=keyring)


def test_keys_rotate(shared: str) -> None:
    with with_keys(shared, KEYRING).as_default():
        Patient.table.sync.create()
        patient().sync.create()
    with with_keys(shared, LocalKeyring({"old": OLD, "new": NEW})).as_default():
        found = Patient.sync.get("c", 1)
        assert found is not None
        assert found.ssn == f"{SECRET}-1"
        found.ssn = "renewed"
        found.sync.save()
    with with_keys(shared, LocalKeyring({"new": NEW})).as_default(), pytest.raises(EncryptionError) as lost:
        Patient.sync.get("c", 1)  # the other attributes are of the old key
    assert "Patient" in str(lost.value)
    with with_keys(shared, LocalKeyring({"old": NEW})).as_default(), pytest.raises(EncryptionError):
        Patient.sync.get("c", 1)


def test_without_a_keyring_nothing_is_sent(shared: str) -> None:
    with with_keys(shared, None).as_default():
        Patient.table.sync.create()
        with pytest.raises(ConfigurationError, match="keyring"):
            patient().sync.create()
        assert Patient.sync.scan().count() == 0


def test_contexts_separate(shared: str) -> None:
    with with_keys(shared, LocalKeyring({"old": OLD}, context={"stage": "live"})).as_default():
        Patient.table.sync.create()
        patient().sync.create()
    with with_keys(shared, LocalKeyring({"old": OLD}, context={"stage": "test"})).as_default(), pytest.raises(EncryptionError):
        Patient.sync.get("c", 1)


def test_a_restored_table_is_read_by_its_logical_name(shared: str) -> None:
    class Before(Model[str], table="before"):
        key_: Attr[str] = partition_key()
        secret: Encrypted[str]

    class After(Model[str], table="after"):
        model_config = ModelConfig(logical_table="before")
        key_: Attr[str] = partition_key()
        secret: Encrypted[str]

    class Other(Model[str], table="after"):
        key_: Attr[str] = partition_key()
        secret: Encrypted[str]

    client = with_keys(shared, KEYRING)
    with client.as_default():
        Before.table.sync.create()
        After.table.sync.create()
        Before(key_="k", secret="s").sync.create()
        item = client.sync.get_item("before", {"key_": "k"})
        assert item is not None
        client.sync.put_item("after", item)
        moved = After.sync.get("k")
        assert moved is not None
        assert moved.secret == "s"
        with pytest.raises(EncryptionError):
            Other.sync.get("k")


async def test_stale_values_are_encrypted_anew(shared: str, tmp_path: Any) -> None:
    class Plain(Model[str, int], table="patients"):
        clinic: Attr[str] = partition_key()
        number: Attr[int] = sort_key()
        ssn: Encrypted[str | None] = field(default=None, on_plaintext="migrate")
        notes: Encrypted[list[str]] = field(default_factory=list, compress=True)
        log: Compressed[list[str]] = field(default_factory=list)

    old, both = with_keys(shared, KEYRING), with_keys(shared, LocalKeyring({"old": OLD, "new": NEW}))
    with old.as_default():
        await Plain.table.create()
        await old.batch_save(Plain(clinic="c", number=number, ssn=f"s{number}", notes=["n"]) for number in range(250))
        await old.put_item("patients", {"clinic": "c", "number": 999, "ssn": "plain"})
    with pytest.raises(ConfigurationError, match="keyring"):
        await pydynox.reencrypt(Plain, client=with_keys(shared, None))
    assert await pydynox.reencrypt(Plain, client=both, dry_run=True) == (251, 251, 0)

    note, seen = tmp_path / "note", []

    def interrupt(read: int) -> None:
        seen.append(read)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await pydynox.reencrypt(Plain, client=both, note=note, progress=interrupt)
    with pytest.raises(FileExistsError):
        await pydynox.reencrypt(Plain, client=both, note=note)
    assert await pydynox.reencrypt(Plain, client=both, note=note, resume=True) == (251, 151, 151)
    assert not note.exists()
    assert await pydynox.reencrypt(Plain, client=both) == (251, 0, 0)
    with with_keys(shared, LocalKeyring({"new": NEW})).as_default():
        rows = await Plain.query("c").all()
    assert [row.ssn for row in rows] == [*(f"s{number}" for number in range(250)), "plain"]
    assert all(row.notes == ["n"] for row in rows[:-1])
    with pytest.raises(ConfigurationError, match="no encrypted"):
        await pydynox.reencrypt(Compressing, client=both)


async def test_what_others_write_meanwhile_stays(shared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    both = with_keys(shared, LocalKeyring({"old": OLD, "new": NEW}))
    with with_keys(shared, KEYRING).as_default():
        await Patient.table.create()
        await patient(1).create()
        await patient(2).create()
    inner = reencrypting.gather

    async def meanwhile(*arguments: Any) -> Any:
        found = await inner(*arguments)
        await Patient.key("c", 1).update(Patient.ssn.set("changed"))
        await Patient.key("c", 2).delete()
        return found

    monkeypatch.setattr(reencrypting, "gather", meanwhile)
    assert await pydynox.reencrypt(Patient, client=both) == (2, 2, 0)
    monkeypatch.undo()
    with both.as_default():
        rows = await Patient.query("c").all()
    assert [(row.number, row.ssn) for row in rows] == [(1, "changed")]
    assert await pydynox.reencrypt(Patient, client=both) == (1, 1, 1)


class Compressing(Model[str], table="compressing"):
    key_: Attr[str] = partition_key()
    log: Compressed[str]


# --- who cheats


@pytest.mark.parametrize("victim", ["ssn", "address", "notes"])
def test_moved_values_are_refused(client: DynamoDBClient, victim: str) -> None:
    patient(1).sync.create()
    patient(2).sync.create()
    one, two = stored(client, 1), stored(client, 2)
    for name in ("ssn", "address", "notes"):
        for source in (one, two):
            if source is one and name == victim:
                continue
            client.sync.put_item("patients", {**one, victim: source[name]})
            with pytest.raises(EncryptionError) as refused:
                Patient.sync.get("c", 1)
            assert victim in str(refused.value)
            assert SECRET not in str(refused.value)
    client.sync.put_item("patients", one)
    found = Patient.sync.get("c", 1)
    assert found is not None
    assert found.ssn == f"{SECRET}-1"


def test_every_flipped_bit_is_refused(client: DynamoDBClient) -> None:
    patient(1, address=None, notes=[], log=[]).sync.create()
    item = stored(client)
    for place in range(len(item["ssn"])):
        damaged = bytearray(item["ssn"])
        damaged[place] ^= 1 << place % 8
        client.sync.put_item("patients", {**item, "ssn": bytes(damaged)})
        with pytest.raises(EncryptionError):
            Patient.sync.get("c", 1)


@pytest.mark.parametrize("plain", ["text", 7, ["x"], None, b"bytes", {"city": "Oslo"}])
def test_plain_values_are_refused(client: DynamoDBClient, plain: Any) -> None:
    patient().sync.create()
    client.sync.put_item("patients", {**stored(client), "ssn": plain})
    with pytest.raises(EncryptionError) as refused:
        Patient.sync.query("c").all()
    assert "Patient" in str(refused.value)


def test_bombs_are_refused(client: DynamoDBClient) -> None:
    patient().sync.create()
    item = stored(client)
    for packed in (
        b"\xd9\x7a\x01",
        b"\xd9\x7a\x01" + b"\x28\xb5\x2f\xfd" + b"\xff" * 20,
        item["log"] + b"\x00",
        item["log"][:-1],
    ):
        client.sync.put_item("patients", {**item, "log": packed})
        with pytest.raises(PydynoxError) as refused:
            Patient.sync.get("c", 1)
        assert "log" in str(refused.value)


def test_plain_values_migrate(client: DynamoDBClient, drive: Drive) -> None:
    class Legacy(Model[str, int], table="patients"):
        clinic: Attr[str] = partition_key()
        number: Attr[int] = sort_key()
        ssn: Encrypted[str] = field(on_plaintext="migrate")
        name: Attr[str] = field(default="")

    for number in (1, 2, 3):
        client.sync.put_item("patients", {"clinic": "c", "number": number, "ssn": SECRET})
    one = drive(Legacy.get("c", 1))
    assert one.ssn == SECRET
    assert "ssn" in one.model_changes()
    drive(one.save())
    assert stored(client, 1)["ssn"][:2] == b"\xd9\x70"
    with client.collect() as used:
        rows = drive(Legacy.query("c").all())
    assert used.migrated == 2
    for row in rows:
        assert row.ssn == SECRET
        drive(row.save())
    assert all(stored(client, number)["ssn"][:2] == b"\xd9\x70" for number in (1, 2, 3))
    with client.collect() as used:
        assert drive(Legacy.get("c", 2)).model_changes() == {}
    assert used.migrated == 0

    for number in (4, 5, 6, 7):
        client.sync.put_item("patients", {"clinic": "c", "number": number, "ssn": SECRET})
    keys = [Legacy.key("c", number) for number in (4, 1, 5, 99)]

    async def gathered() -> Any:
        async with pydynox.batching():
            return await asyncio.gather(*(key.get() for key in keys))

    for found in (drive(client.batch_get_all(keys)), drive(client.transact_get(*keys)), asyncio.run(gathered())):
        assert [row and "ssn" in row.model_changes() for row in found] == [True, False, True, None]


# --- what is shown


def test_secrets_are_not_shown(client: DynamoDBClient) -> None:
    made = patient()
    assert SECRET not in repr(made)
    assert "ssn=<encrypted>" in repr(made)
    assert "ssn=None" in repr(patient(ssn=None))
    assert "ssn" not in made.model_dump()
    assert SECRET not in made.model_dump_json()
    assert made.model_dump()["log"] == ["seen"] * 600
    assert "ssn" not in repr(KEYRING)
    assert repr(KEYRING) == "LocalKeyring of 'old'"
    assert SECRET not in str(Patient.ssn.set(SECRET))
    with pytest.raises(TypeError, match="encrypted"):
        pickle.dumps(made)
    with pytest.raises(TypeError):
        pickle.dumps(KEYRING)
    with pytest.raises(ValidationError, match="encrypted"):
        made.model_to_item()
    copied = copy.deepcopy(made)
    assert copied == made
    assert made.model_copy(update={"ssn": "x"}).ssn == "x"


def test_dumps_show_what_they_are_told_to() -> None:
    class Shown(Model[str], table="shown"):
        key_: Attr[str] = partition_key()
        secret: Encrypted[str] = field(dump=True)

    assert Shown(key_="k", secret="s").model_dump() == {"key_": "k", "secret": "s"}


def test_errors_of_values_do_not_show_them(client: DynamoDBClient, drive: Drive) -> None:
    class Text(Model[str, int], table="patients"):
        clinic: Attr[str] = partition_key()
        number: Attr[int] = sort_key()
        ssn: Encrypted[str]

    class Number(Model[str, int], table="patients"):
        clinic: Attr[str] = partition_key()
        number: Attr[int] = sort_key()
        ssn: Encrypted[int]

    drive(Text(clinic="c", number=1, ssn=SECRET).create())
    with pytest.raises(PydynoxError) as refused:
        drive(Number.get("c", 1))
    assert SECRET not in str(refused.value)


def test_other_spelling() -> None:
    class Objects(Model[str], table="objects"):
        key_ = StringAttribute(partition_key=True)
        secret = EncryptedAttribute(StringAttribute(null=True), compress=True)
        log = CompressedAttribute(ListAttribute[str](), above=10)
        number: EncryptedAttribute[float] = EncryptedAttribute(NumberAttribute())

    client = DynamoDBClient(endpoint_url="memory://", keyring=KEYRING)
    with client.as_default():
        Objects.table.sync.create()
        Objects(key_="k", secret="s" * 2000, log=["x"] * 100, number=1.5).sync.create()
        item = client.sync.get_item("objects", {"key_": "k"})
        assert item is not None
        assert len(item["secret"]) < 400
        assert isinstance(item["log"], bytes)
        found = Objects.sync.get("k")
        assert found is not None
        assert (found.secret, found.log, found.number) == ("s" * 2000, ["x"] * 100, 1.5)


def test_items_too_large_are_refused_when_sealed(client: DynamoDBClient, drive: Drive) -> None:
    with pytest.raises(ItemTooLargeError) as large:
        drive(patient(ssn=os.urandom(210_000).hex()).create())
    assert large.value.size > 400_000
    assert "ssn" in str(large.value)
    drive(patient(ssn=None, log=[f"again {number * 7919 % 1000003}" for number in range(90_000)]).create())  # over a megabyte
    assert len(drive(Patient.get("c", 1)).log) == 90_000


class Raw(Model[str, int], table="patients"):
    """What the table holds of a patient, taken as it is."""

    clinic: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    name: Attr[str] = field(default="")
    ssn: Attr[bytes | None] = field(default=None)
    address: Attr[bytes | None] = field(default=None)
    notes: Attr[bytes | None] = field(default=None)
    log: Attr[Any] = field(default=None)
    version: Attr[int] = version()


class Log(Model[str], table="logs"):
    id: Attr[str] = partition_key()
    lines: Compressed[list[str]]


def test_sizes_are_those_of_what_is_stored(client: DynamoDBClient, drive: Drive) -> None:
    for number, made in enumerate(
        (patient(), patient(notes=[f"ill {n}" for n in range(500)], log=[]), patient(address=None, ssn=None))
    ):
        made.number = number
        before = made.model_size()
        drive(made.create())
        raw = drive(Raw.get("c", number))
        assert raw is not None
        assert made.model_size() == raw.model_size()
        before.attributes["version"] = raw.model_size().attributes["version"]  # the first write sets it
        assert before.attributes == raw.model_size().attributes
    bare = DynamoDBClient(endpoint_url="memory://")
    with bare.as_default():
        assert Log(id="a", lines=["seen"] * 600).model_size().attributes["lines"] < 600
        with pytest.raises(ConfigurationError, match="no keyring"):
            patient().model_size()


@pytest.mark.parametrize("verb", ["create", "put", "save", "batch", "transaction", "partial save", "transaction of a change"])
def test_what_is_too_large_when_sealed_is_refused_before_it_is_sent(client: DynamoDBClient, drive: Drive, verb: str) -> None:
    kept = patient(2)
    drive(kept.create())
    large = os.urandom(205_000).hex()  # 410,000 bytes, and an envelope
    made, kept.ssn = patient(ssn=large), large

    async def write() -> None:
        if verb in ("create", "put", "save"):
            await getattr(made, verb)()
        elif verb == "batch":
            await client.batch_save([patient(3), made], unguarded=True)
        elif verb == "partial save":
            await kept.save()
        else:
            async with client.transaction() as tx:
                tx.create(patient(3))
                if verb == "transaction":
                    tx.put(made)
                else:
                    tx.save(kept)

    with client.collect() as used, pytest.raises(ItemTooLargeError, match=r"'ssn' \(4101") as refused:
        drive(write())
    assert used.requests == 0
    assert refused.value.largest[0][0] == "ssn"
    if "transaction" in verb:
        assert "[1] " in str(refused.value)
    assert drive(Patient.query("c").count()) == 1
    assert drive(Patient.get("c", 2)).ssn == f"{SECRET}-2"


def test_an_item_near_the_limit_is_warned_of_as_it_is_stored(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://", keyring=KEYRING, size_warning=0.5)
    with client.as_default():
        drive(Patient.table.create())
        with pytest.warns(
            pydynox.ItemSizeWarning, match=r"Patient writes an item of 2\d{5} bytes into 'patients', 409600 .*'ssn'"
        ):
            drive(patient(1, ssn="s" * 205_000).create())
        drive(patient(2, log=["seen"] * 60_000).create())  # half a megabyte that compresses well


# --- what cannot be


def test_classes_that_cannot_be() -> None:
    def refuse(match: str, make: Any) -> None:
        with pytest.raises(ConfigurationError, match=match):
            make()

    def key() -> None:
        class A(Model[str], table="t"):
            k: Encrypted[str] = partition_key()

    def expiry() -> None:
        class A(Model[str], table="t"):
            k: Attr[str] = partition_key()
            e: Encrypted[datetime | None] = ttl(default=None)

    def unique() -> None:
        class A(Model[str], table="t"):
            k: Attr[str] = partition_key()
            u: Encrypted[str] = field(unique=True)

    def document() -> None:
        class A(Document):
            u: Encrypted[str]

    def index() -> None:
        class A(Model[str], table="t"):
            k: Attr[str] = partition_key()
            u: Encrypted[str]
            by_u = GlobalSecondaryIndex("u")

    def template() -> None:
        class A(Model[str], table="t"):
            k: Attr[str] = partition_key(template="A#{u}", init=False)
            u: Encrypted[str]

    def plain() -> None:
        class A(Model[str], table="t"):
            k: Attr[str] = partition_key()
            u: Attr[str] = field(compress=True)

    def plaintext() -> None:
        wrong: Any = "ignore"

        class A(Model[str], table="t"):
            k: Attr[str] = partition_key()
            u: Encrypted[str] = field(on_plaintext=wrong)

    def level() -> None:
        class A(Model[str], table="t"):
            k: Attr[str] = partition_key()
            u: Compressed[str] = field(compress_level=99)

    def idle() -> None:
        class A(Model[str], table="t"):
            k: Attr[str] = partition_key()
            u: Encrypted[str] = field(compress_level=3)

    refuse("key", key)
    refuse("read it", expiry)
    refuse("guard", unique)
    refuse("document", document)
    refuse("index|key", index)
    refuse("template|made of", template)
    refuse("neither", plain)
    refuse("migrate", plaintext)
    refuse("level", level)
    refuse("not compressed", idle)


def test_expressions_that_cannot_be(client: DynamoDBClient) -> None:
    ssn: Any = Patient.ssn
    for build in (
        lambda: ssn == "x", lambda: ssn != "x", lambda: ssn < "x", lambda: ssn.begins_with("x"), lambda: ssn.contains("x"),
        lambda: ssn.size, lambda: ssn.in_("x"), lambda: ssn.is_none, lambda: ssn.if_not_exists("x"), lambda: ssn[0],
        lambda: ssn.add(1), lambda: ssn.append("x"), lambda: bool(ssn),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="encrypted or compressed"):
            build()
    for condition in (attr("ssn") == "x", attr("ssn").size() > 3, attr("name").begins_with("n") & (attr("log")[0] == "x")):
        with pytest.raises(ValidationError, match="compare"):
            Patient.sync.query("c").filter(condition).all()
        with pytest.raises(ValidationError, match="compare"):
            Patient.key("c", 1).sync.delete(condition=condition)
    for action in (attr("ssn").set("x"), attr("ssn.x").set("x"), attr("notes").append("x"), attr("log")[0].remove()):
        with pytest.raises(ValidationError, match="write Patient"):
            Patient.key("c", 1).sync.update(action)
    with pytest.raises(ValidationError):
        Patient.key("c", 1).sync.update(ssn.set(3))
    with pytest.raises(TypeError):
        Patient.query("c").select(ssn)


def test_keyrings_that_cannot_be() -> None:
    wrong: Any
    for wrong in ({}, {"": OLD}, {"a": b"short"}, {"a" * 300: OLD}):
        with pytest.raises(ConfigurationError):
            LocalKeyring(wrong)
    with pytest.raises(ConfigurationError):
        LocalKeyring({"a": OLD}, context={"pydynox:table": "x"}) and DynamoDBClient(
            endpoint_url="memory://", keyring=LocalKeyring({"a": OLD}, context={"pydynox:table": "x"})
        ).sync.batch_save([patient()])
    for key in ("", "a b", "k" * 300):
        with pytest.raises(ConfigurationError):
            KmsKeyring(key)
    with pytest.raises(ConfigurationError):
        KmsKeyring("alias/app", timeout=0)
    wrong = OLD
    with pytest.raises(ConfigurationError, match="LocalKeyring"):
        DynamoDBClient(keyring=wrong)
    assert repr(KmsKeyring("alias/app")) == "KmsKeyring('alias/app')"


def test_limits_of_data_keys(shared: str) -> None:
    class Counting(Plain):
        asked = 0

        def generate_data_key(self, context: dict[str, str]) -> tuple[str, bytes, bytes]:
            self.asked += 1
            return super().generate_data_key(context)

    wrong: Any
    for wrong in (
        {"max_age": 0},
        {"max_age": -1.0},
        {"max_age": float("nan")},
        {"max_age": 86_401},
        {"max_values": 0},
        {"max_bytes": -1},
        {"max_unwrapped": 0},
    ):
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            DataKeyCache(**wrong)
    cache = DataKeyCache(max_age=60, max_values=6)
    assert repr(cache) == f"DataKeyCache(max_age=60, max_values=6, max_bytes={2**36}, max_unwrapped=1000)"
    with pytest.raises(AttributeError):
        cache.max_age = 3  # type: ignore[attr-defined]
    with DynamoDBClient(endpoint_url=shared).as_default():
        Patient.table.sync.create()
    for limits, asked in ((None, 1), (cache, 2), (DataKeyCache(max_bytes=1), 4), (DataKeyCache(max_age=1e-6), 4)):
        keyring = Counting()
        client = DynamoDBClient(endpoint_url=shared, keyring=keyring, data_key_cache=limits)
        with client.as_default():
            for number in range(4):
                patient(number).sync.put()
            assert keyring.asked == asked, limits
            assert Patient.sync.get_or_raise("c", 1).ssn == f"{SECRET}-1"


# --- keyrings of one's own


class Slow:
    """A key service that takes its time, bound to the loop that it is asked in."""

    key_name = "slow"

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.made: list[dict[str, str]] = []
        self.opened = 0
        self.loops: set[int] = set()

    async def generate_data_key(self, context: dict[str, str]) -> tuple[str, bytes, bytes]:
        self.loops.add(id(asyncio.get_running_loop()))
        await asyncio.sleep(self.seconds)
        self.made.append(context)
        key = os.urandom(32)
        return self.key_name, key, bytes(byte ^ 0x55 for byte in key) + repr(sorted(context.items())).encode()

    async def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str]) -> bytes:
        await asyncio.sleep(self.seconds)
        self.opened += 1
        if key_name != self.key_name or wrapped[32:] != repr(sorted(context.items())).encode():
            raise LookupError("no such key")
        return bytes(byte ^ 0x55 for byte in wrapped[:32])


class Plain:
    """The same without coroutines."""

    def __init__(self) -> None:
        self.slow = Slow()

    def generate_data_key(self, context: dict[str, str]) -> tuple[str, bytes, bytes]:
        return "plain", NEW, b"wrapped"

    def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str]) -> bytes:
        return NEW


def test_keyrings_of_ones_own(shared: str, drive: Drive) -> None:
    keyring = Slow()
    with with_keys(shared, keyring).as_default():
        drive(Patient.table.create())
        drive(patient(1).create())
        drive(patient(2).create())
        found = drive(Patient.query("c").all())
    assert [row.ssn for row in found] == [f"{SECRET}-1", f"{SECRET}-2"]
    assert keyring.made[0] == {"pydynox:table": "patients", "pydynox:v": "1"}
    fresh = Slow()
    with with_keys(shared, fresh).as_default():
        assert len(drive(Patient.query("c").all())) == 2
    assert fresh.opened == len(keyring.made)
    plain = with_keys(shared, Plain())
    with plain.as_default():
        drive(patient(3).create())
        assert drive(Patient.get("c", 3)).ssn == f"{SECRET}-3"
    with pytest.raises(ConfigurationError, match="key_name"):
        drive(pydynox.reencrypt(Patient, client=plain))


async def test_saves_wait_for_a_key_together_and_the_loop_runs_on(shared: str) -> None:
    keyring = Slow(0.5)
    with with_keys(shared, keyring).as_default():
        await Patient.table.create()
        stall = 0.0

        async def watch() -> None:
            nonlocal stall
            last = asyncio.get_running_loop().time()
            while True:
                await asyncio.sleep(0.001)
                now = asyncio.get_running_loop().time()
                stall, last = max(stall, now - last - 0.001), now

        watching = asyncio.create_task(watch())
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(patient(number).create() for number in range(4)))
        took = asyncio.get_running_loop().time() - began
        watching.cancel()
    assert len(keyring.made) == 1
    assert took < 0.7
    assert stall < 0.05
    assert keyring.loops == {id(asyncio.get_running_loop())}


async def test_a_page_of_a_thousand_rows_asks_once(shared: str) -> None:
    with with_keys(shared, Slow()).as_default() as client:
        await Patient.table.create()
        await client.batch_save((patient(number, log=[], notes=[]) for number in range(1000)), unguarded=True)
    fresh = Slow()
    with with_keys(shared, fresh).as_default():
        assert len(await Patient.query("c").all()) == 1000
    assert fresh.opened == 1


def test_keyrings_that_fail(shared: str, drive: Drive) -> None:
    class Broken(Slow):
        async def generate_data_key(self, context: dict[str, str]) -> Any:
            raise OSError("the key service is down")

    class Wrong(Slow):
        async def generate_data_key(self, context: dict[str, str]) -> Any:
            return "name", b"short", b"wrapped"

    class Odd(Slow):
        async def generate_data_key(self, context: dict[str, str]) -> Any:
            return 3

    with with_keys(shared, Slow()).as_default():
        drive(Patient.table.create())
        drive(patient(1).create())
    for keyring, text in ((Broken(), "the key service is down"), (Wrong(), "32 bytes"), (Odd(), "generate_data_key")):
        with with_keys(shared, keyring).as_default(), pytest.raises(PydynoxError, match=text):
            drive(patient(2).create())
    other = Slow()
    other.key_name = "other"
    with with_keys(shared, other).as_default(), pytest.raises(EncryptionError):
        drive(Patient.get("c", 1))
    with with_keys(shared, Slow()).as_default():
        assert drive(Patient.query("c").count()) == 1


def test_the_keyring_has_the_time_of_the_call(shared: str, drive: Drive) -> None:
    with with_keys(shared, Slow()).as_default():
        drive(Patient.table.create())
        drive(patient(1).create())
    slow = with_keys(shared, Slow(20))
    with slow.as_default():
        for call in (lambda: patient(2).create(), lambda: Patient.get("c", 1), lambda: Patient.query("c").all()):
            with slow.options(timeout=0.1), pytest.raises(RequestTimeoutError, match="the keyring returned no data key") as late:
                drive(call())
            assert not late.value.ambiguous
            assert late.value.elapsed < 5
    with with_keys(shared, Slow()).as_default():
        assert drive(Patient.query("c").count()) == 1


# --- AWS KMS


@pytest.mark.engines("moto")
def test_keys_of_kms(engine: Engine, drive: Drive) -> None:
    import boto3

    kms = boto3.client("kms", endpoint_url=engine.url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    client = DynamoDBClient(
        endpoint_url=engine.url,
        region="us-east-1",
        credentials=CREDENTIALS,
        keyring=KmsKeyring(key, endpoint_url=engine.url, context={"stage": "test"}),
    )
    with client.as_default():
        Patient.table.sync.create()
        try:
            drive(client.batch_save((patient(number) for number in range(5)), unguarded=True))
            assert [row.ssn for row in drive(Patient.query("c").all())] == [f"{SECRET}-{number}" for number in range(5)]
            assert key.encode() in stored(client, 1)["ssn"]
            missing = DynamoDBClient(
                endpoint_url=engine.url,
                region="us-east-1",
                credentials=CREDENTIALS,
                keyring=KmsKeyring("00000000-0000-0000-0000-000000000000", endpoint_url=engine.url),
            )
            with missing.as_default():
                with pytest.raises(EncryptionError):
                    drive(Patient.get("c", 1))
                with pytest.raises(PydynoxError):
                    drive(patient(9).create())
        finally:
            Patient.table.sync.delete()
