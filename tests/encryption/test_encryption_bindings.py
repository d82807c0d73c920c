"""What encrypted values are bound to: the table's name as it is sent, the class of the item, and keys that go when their holder goes."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from pydynox import (
    Attr,
    Compressed,
    DynamoDBClient,
    Encrypted,
    KmsKeyring,
    LocalKeyring,
    Model,
    ModelConfig,
    field,
    partition_key,
    sort_key,
)
from pydynox.exceptions import ConfigurationError, CredentialsError, EncryptionError

from tests.engines import CREDENTIALS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Drive
    from tests.engines import Engine

KEYRING = LocalKeyring({"k": b"1" * 32})


class Patient(Model[str], table="patients"):
    pid: Attr[str] = partition_key()
    ssn: Encrypted[str | None] = field(default=None)
    log: Encrypted[str | None] = field(default=None, compress=True)


class Logical(Model[str], table="patients"):
    model_config = ModelConfig(logical_table="patients")
    pid: Attr[str] = partition_key()
    ssn: Encrypted[str | None] = field(default=None)


class Asked:
    """A keyring that notes the contexts that it is given."""

    key_name = "asked"

    def __init__(self) -> None:
        self.tables: list[str] = []

    def generate_data_key(self, context: dict[str, str]) -> tuple[str, bytes, bytes]:
        self.tables.append(context["pydynox:table"])
        return self.key_name, b"d" * 32, b"w"

    def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str]) -> bytes:
        self.tables.append(context["pydynox:table"])
        return b"d" * 32


@pytest.fixture
def shared() -> str:
    return f"memory://{uuid.uuid4().hex}"


def tenant(shared: str, prefix: str, keyring: Any = KEYRING) -> DynamoDBClient:
    return DynamoDBClient(endpoint_url=shared, table_prefix=prefix, keyring=keyring)


READERS: dict[str, Callable[[DynamoDBClient], Any]] = {
    "get": lambda client: Patient.get("p1"),
    "batch_get": lambda client: client.batch_get(Patient.key("p1")),
    "transact_get": lambda client: client.transact_get(Patient.key("p1")),
    "query": lambda client: Patient.query("p1").all(),
    "scan": lambda client: Patient.scan().all(),
    "segments": lambda client: Patient.scan(segments=2).all(),
    "execute": lambda client: client.execute('SELECT * FROM "one-patients" WHERE pid = ?', "p1", model=Patient),
    "update": lambda client: Patient.key("p1").update(Patient.log.set("l")),
}


@pytest.mark.parametrize("reader", READERS)
def test_tables_that_differ_by_their_prefix_share_no_values(shared: str, drive: Drive, reader: str) -> None:
    one, two = tenant(shared, "one-"), tenant(shared, "two-")
    for client in (one, two):
        with client.as_default():
            Patient.table.sync.create()
            Patient(pid="p1", ssn="secret", log="l" * 3000).sync.create()
    raw = DynamoDBClient(endpoint_url=shared)
    own = raw.sync.get_item("one-patients", {"pid": "p1"})
    foreign = raw.sync.get_item("two-patients", {"pid": "p1"})
    assert own is not None
    assert foreign is not None

    with one.as_default():
        drive(READERS[reader](one))
        raw.sync.put_item("one-patients", foreign)
        with pytest.raises(EncryptionError) as refused:
            drive(READERS[reader](one))

    assert refused.value.model == "Patient"
    assert refused.value.attribute in ("ssn", "log")
    assert "secret" not in str(refused.value)


def test_a_declared_logical_name_holds_under_every_prefix(shared: str, drive: Drive) -> None:
    one, two = tenant(shared, "one-"), tenant(shared, "two-")
    for client in (one, two):
        with client.as_default():
            Logical.table.sync.create()
    with one.as_default():
        Logical(pid="p1", ssn="secret").sync.create()
    raw = DynamoDBClient(endpoint_url=shared)
    item = raw.sync.get_item("one-patients", {"pid": "p1"})
    assert item is not None
    raw.sync.put_item("two-patients", item)

    with two.as_default():
        moved = drive(Logical.get("p1"))

    assert moved is not None
    assert moved.ssn == "secret"


def test_data_keys_are_bound_to_the_name_that_is_sent(shared: str, drive: Drive) -> None:
    asked = Asked()
    for prefix in ("one-", "", "two-"):
        with tenant(shared, prefix, asked).as_default():
            for model in (Patient, Logical):
                if model is Patient:
                    drive(Patient.table.create())
                drive(model(pid=model.__name__, ssn="s").create())
                assert drive(model.get(model.__name__)) is not None

    assert set(asked.tables) == {"one-patients", "patients", "two-patients"}


def test_values_written_under_a_prefix_with_its_declared_name_open_by_a_logical_table(shared: str, drive: Drive) -> None:
    """What CHANGELOG tells those whose values were bound to the name without its prefix."""
    with tenant(shared, "one-").as_default():
        Patient.table.sync.create()
        Logical(pid="p1", ssn="before").sync.create()

        with pytest.raises(EncryptionError):
            drive(Patient.get("p1"))
        found = drive(Logical.get("p1"))

    assert found is not None
    assert found.ssn == "before"


# --- Entities


class Base(Model[str, str], table="entities"):
    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()


class Card(Base, entity="card"):
    number: Encrypted[str]


class Visit(Base, entity="visit"):
    number: Attr[Any]


class Parcel(Base, entity="parcel"):
    number: Compressed[Any]


ENTITY_READERS: dict[str, Callable[[DynamoDBClient], Any]] = {
    "get": lambda client: Base.get("p", "1"),
    "batch_get": lambda client: client.batch_get(Base.key("p", "1")),
    "transact_get": lambda client: client.transact_get(Base.key("p", "1")),
    "query": lambda client: Base.query("p").all(),
    "scan": lambda client: Base.scan().all(),
    "execute": lambda client: client.execute("SELECT * FROM entities", model=Base),
}


@pytest.mark.parametrize("entity", ["visit", "parcel"])
@pytest.mark.parametrize("reader", ENTITY_READERS)
def test_an_envelope_is_refused_where_an_entity_declares_a_plain_attribute(
    shared: str, drive: Drive, reader: str, entity: str
) -> None:
    client = DynamoDBClient(endpoint_url=shared, keyring=KEYRING)
    with client.as_default():
        Base.table.sync.create()
        Card(pk="p", sk="1", number="4111").sync.create()
        Visit(pk="p", sk="2", number=b"\xd9").sync.create()
        drive(ENTITY_READERS[reader](client))
        item = client.sync.get_item("entities", {"pk": "p", "sk": "1"})
        assert item is not None
        client.sync.put_item("entities", {**item, "_type": entity})

        with pytest.raises(EncryptionError) as refused:
            drive(ENTITY_READERS[reader](client))

    assert (refused.value.model, refused.value.attribute) == (entity.title(), "number")
    assert "Card" in str(refused.value)
    assert "_type" in str(refused.value)


OWN_READERS: dict[str, Callable[[DynamoDBClient, Any], Any]] = {
    "get": lambda _, model: model.get("p", "1"),
    "get_or_raise": lambda _, model: model.get_or_raise("p", "1"),
    "key.get": lambda _, model: model.key("p", "1").get(),
    "batch_get": lambda client, model: client.batch_get(model.key("p", "1")),
    "transact_get": lambda client, model: client.transact_get(model.key("p", "1")),
    "query": lambda _, model: model.query("p").all(),
    "scan": lambda _, model: model.scan().all(),
    "pages": lambda _, model: model.scan().page(5),
    "execute": lambda client, model: client.execute("SELECT * FROM entities", model=model),
    "update": lambda _, model: model.key("p", "1").update(model.sk2.set("x")),
    "pop": lambda _, model: model.key("p", "1").pop(),
}


class Stay(Base, entity="stay"):
    number: Attr[Any]
    sk2: Attr[str | None] = field(default=None)


class Pack(Base, entity="pack"):
    number: Compressed[Any]
    sk2: Attr[str | None] = field(default=None)


@pytest.mark.parametrize("model", [Stay, Pack], ids=["plain", "compressed"])
@pytest.mark.parametrize("reader", OWN_READERS)
@pytest.mark.parametrize("keyring", [KEYRING, None], ids=["keyring", "none"])
def test_an_entity_read_by_itself_refuses_an_envelope_too(
    shared: str, drive: Drive, reader: str, model: Any, keyring: Any
) -> None:
    client = DynamoDBClient(endpoint_url=shared, keyring=KEYRING)
    own = DynamoDBClient(endpoint_url=shared, keyring=keyring)
    with client.as_default():
        Base.table.sync.create()
        Card(pk="p", sk="1", number="4111").sync.create()
        item = client.sync.get_item("entities", {"pk": "p", "sk": "1"})
        assert item is not None
        model(pk="p", sk="1", number=b"\xd9").sync.put()
    with own.as_default():
        drive(OWN_READERS[reader](own, model))
        own.sync.put_item("entities", {**item, "_type": model.__name__.lower()})
        with pytest.raises(EncryptionError) as refused:
            drive(OWN_READERS[reader](own, model))

    assert (refused.value.model, refused.value.attribute) == (model.__name__, "number")
    assert "Card" in str(refused.value)
    assert refused.value.applied is (reader in ("update", "pop"))


# --- Keys


WIPED = """
import gc, sys
from pydynox import Attr, DynamoDBClient, Encrypted, LocalKeyring, Model, field, partition_key

class P(Model[str], table="people"):
    pid: Attr[str] = partition_key()
    ssn: Encrypted[str] = field(default="")

def use():
    key = bytearray(32)
    sys.stdin.buffer.raw.readinto(key)
    ring = LocalKeyring({"b": key[::-1], "a": key})
    client = DynamoDBClient(endpoint_url="memory://", keyring=ring)
    with client.as_default():
        P.table.sync.create()
        P(pid="p", ssn="s").sync.create()
        assert P.sync.get("p").ssn == "s"
    print("used", flush=True)
    sys.stdin.buffer.raw.readinto(bytearray(1))
    client.sync.close()
    key[:] = bytes(32)

use()
gc.collect()
print("gone", flush=True)
sys.stdin.buffer.raw.readinto(bytearray(1))
"""


def found_in(pid: int, needle: bytes) -> int:
    """How often a process has these bytes in memory that it can write to."""
    hits = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            place, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in place.split("-"))
            try:
                memory.seek(start)
                hits += memory.read(end - start).count(needle)
            except (OSError, ValueError, OverflowError):
                continue
    return hits


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process")
def test_a_local_key_is_wiped_when_its_client_and_keyring_are_gone() -> None:
    key = os.urandom(32)
    with subprocess.Popen([sys.executable, "-c", WIPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(key)
        child.stdin.flush()
        assert child.stdout.readline() == b"used\n"
        try:
            before = found_in(child.pid, key)
        except PermissionError:
            pytest.skip("the memory of a child cannot be read here")
        child.stdin.write(b".")
        child.stdin.flush()
        assert child.stdout.readline() == b"gone\n"
        after = found_in(child.pid, key)
        child.stdin.write(b".")
        child.stdin.flush()

    assert before > 0
    assert after == 0


# --- KMS beside an embedded engine


def test_kms_beside_an_embedded_engine_says_what_is_missing(drive: Drive, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    keyring = KmsKeyring("alias/app", endpoint_url="http://127.0.0.1:9")

    with DynamoDBClient(endpoint_url="memory://", keyring=keyring).as_default():
        Patient.table.sync.create()
        with pytest.raises(ConfigurationError, match="region"):
            drive(Patient(pid="p", ssn="s").create())
    with DynamoDBClient(endpoint_url="memory://", region="eu-west-1", keyring=keyring).as_default():
        Patient.table.sync.create()
        with pytest.raises(CredentialsError, match="credentials"):
            drive(Patient(pid="p", ssn="s").create())


@pytest.mark.engines("moto")
@pytest.mark.parametrize("place", ["memory://", "environment"])
def test_kms_beside_an_embedded_engine_has_an_address_of_its_own(
    engine: Engine, drive: Drive, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    import boto3

    if place == "environment":
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "memory://")
    kms = boto3.client("kms", endpoint_url=engine.url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    client = DynamoDBClient(
        endpoint_url=None if place == "environment" else place,
        region="us-east-1",
        credentials=CREDENTIALS,
        keyring=KmsKeyring(key, endpoint_url=engine.url),
    )

    with client.as_default():
        Patient.table.sync.create()
        drive(Patient(pid="p", ssn="s").create())
        found = drive(Patient.get("p"))

    assert found is not None
    assert found.ssn == "s"
