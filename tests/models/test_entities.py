"""What an entity never does to an item of another one, and how items that were given are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydynox import Attr, Compressed, DynamoDBClient, Encrypted, LocalKeyring, Model, field, partition_key, sort_key
from pydynox.exceptions import (
    ConditionFailedError,
    ConfigurationError,
    EncryptionError,
    ItemAlreadyExistsError,
    ItemNotFoundError,
    PydynoxError,
    TransactionCanceledError,
    ValidationError,
)

from tests.conftest import Drive
from tests.engines import Engine


class Base(Model[str, str], table="ledger"):
    """The table."""

    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()


class Account(Base, entity="account"):
    """One entity."""

    owner: Attr[str] = field(default="")
    secret: Encrypted[str | None] = field(default=None)


class Savings(Account, entity="savings"):
    """An account too."""

    rate: Attr[int] = field(default=0)


class Entry(Base, entity="entry"):
    """Another entity."""

    amount: Attr[int] = field(default=0)
    note: Compressed[str | None] = field(default=None)


ENTRY = {"pk": "a", "sk": "1", "_type": "entry", "amount": 5}
KEYRING = LocalKeyring({"k": b"k" * 32})


@pytest.fixture
def client(engine: Engine) -> Any:
    client = engine.client(keyring=KEYRING)
    with client.as_default():
        client.sync.call("ListTables")
        Base.table.sync.create()
        client.sync.put_item("ledger", ENTRY)
        yield client
    client.sync.call("DeleteTable", TableName="ledger")
    client.sync.close()


def test_a_batch_does_not_delete_the_item_of_another_entity(client: DynamoDBClient, drive: Drive) -> None:
    key = Account.key("a", "1")

    async def written() -> None:
        async with client.batch_writer() as batch:
            await batch.delete(key)

    for act in (
        lambda: client.batch_delete([key]),
        lambda: client.batch_delete(iter([key])),
        written,
        lambda: client.batch_delete([Savings.key("a", "1")]),
    ):
        with pytest.raises(ConfigurationError, match=r"shares its table with other entities.*unguarded=True.*transactions=True"):
            drive(act())
    with pytest.raises(ItemNotFoundError, match=r'belongs to the entity "entry"'):
        drive(client.batch_delete([key], transactions=True))
    assert drive(client.get_item("ledger", {"pk": "a", "sk": "1"})) == ENTRY
    drive(Account(pk="a", sk="2").create())
    assert drive(client.batch_delete([Account.key("a", "2"), Account.key("a", "3")], transactions=True)) == 2
    assert drive(client.batch_delete([Base.key("b", "1")])) == 1  # the base class has all of them
    loaded = Entry(pk="c", sk="1")
    drive(loaded.create())
    assert drive(client.batch_delete([loaded])) == 1
    assert drive(client.batch_delete([key], unguarded=True)) == 1
    assert drive(client.get_item("ledger", {"pk": "a", "sk": "1"}, consistent_read=True)) is None


ONTO: dict[str, tuple[type[PydynoxError], Callable[[DynamoDBClient], Any]]] = {
    "get_or_create": (ItemAlreadyExistsError, lambda _: Account.get_or_create("a", "1")),
    "create": (ItemAlreadyExistsError, lambda _: Account(pk="a", sk="1").create()),
    "save": (ItemAlreadyExistsError, lambda _: Account(pk="a", sk="1").save()),
    "upsert": (ConditionFailedError, lambda _: Account.key("a", "1").update(Account.owner.set("x"), upsert=True)),
    "upsert, applied": (ConditionFailedError, lambda _: Account.key("a", "1").apply(Account.owner.set("x"), upsert=True)),
    "update": (ItemNotFoundError, lambda _: Account.key("a", "1").update(Account.owner.set("x"))),
    "apply": (ItemNotFoundError, lambda _: Account.key("a", "1").apply(Account.owner.set("x"))),
    "delete": (ItemNotFoundError, lambda _: Account.key("a", "1").delete()),
    "pop": (ItemNotFoundError, lambda _: Account.key("a", "1").pop()),
}


@pytest.mark.parametrize("case", ONTO)
def test_a_write_onto_the_item_of_another_entity_names_it(client: DynamoDBClient, drive: Drive, case: str) -> None:
    kind, act = ONTO[case]
    with pytest.raises(kind, match=r'with this key belongs to the entity "entry", and nothing was (written|deleted)') as caught:
        drive(act(client))
    assert not isinstance(getattr(caught.value, "item", None), Account)  # to save it would write into the entry
    assert drive(client.get_item("ledger", {"pk": "a", "sk": "1"})) == ENTRY


@pytest.mark.parametrize("upsert", [False, True])
def test_a_transaction_onto_the_item_of_another_entity_names_it(client: DynamoDBClient, drive: Drive, upsert: bool) -> None:
    async def together(verb: str) -> None:
        async with client.transaction() as tx:
            tx.create(Entry(pk="z", sk="1"))
            if verb == "update":
                tx.update(Account.key("a", "1"), Account.owner.set("x"), upsert=upsert)
            elif verb == "create":
                tx.create(Account(pk="a", sk="1"))
            elif verb == "delete":
                tx.delete(Account.key("a", "1"))
            else:
                tx.check(Account.key("a", "1"))

    for verb in ("update", "create", "delete", "check"):
        with pytest.raises(TransactionCanceledError, match=r'with this key belongs to the entity "entry"') as caught:
            drive(together(verb))
        assert 'belongs to the entity "entry"' in str(caught.value.failures[1])
    assert drive(client.get_item("ledger", {"pk": "z", "sk": "1"})) is None


def test_an_item_that_is_given_is_read_as_its_own_class(client: DynamoDBClient, drive: Drive) -> None:
    image = {"pk": {"S": "a"}, "sk": {"S": "1"}, "amount": {"N": "5"}}
    entry, savings, account = ({**image, "_type": {"S": name}} for name in ("entry", "savings", "account"))

    def taken(model: Any, item: Any) -> list[Any]:
        return [model.model_from_item(item), drive(client.model_from_item(model, item))]

    for model, item, expected in [
        (Base, entry, Entry),
        (Base, savings, Savings),
        (Base, account, Account),
        (Base, image, Base),
        (Account, savings, Savings),
        (Entry, entry, Entry),
    ]:
        for made in taken(model, item):
            assert type(made) is expected
            assert made.model_changes() == {}
    for model, item, found in [(Account, entry, 'of "entry"'), (Savings, account, 'of "account"'), (Account, image, "of none")]:
        with pytest.raises(ValidationError, match=f"takes items of the entity .*, and this one is {found}"):
            model.model_from_item(item)
        with pytest.raises(ValidationError, match=f"takes items of the entity .*, and this one is {found}"):
            drive(client.model_from_item(model, item))
    for wrong in (3, {"pk": "a"}):
        with pytest.raises(ValidationError, match="model_from_item"):
            drive(client.model_from_item(Base, wrong))  # type: ignore[arg-type]


def test_encrypted_values_of_an_item_that_is_given_are_opened_by_a_client(client: DynamoDBClient, drive: Drive) -> None:
    drive(Account(pk="e", sk="1", owner="ada", secret="s3cret").create())
    drive(Entry(pk="e", sk="2", note="long " * 400).create())
    images = drive(client.call("Query", **_all_of("e")))["Items"]

    for model, number in ((Account, 0), (Base, 0)):
        made = drive(client.model_from_item(model, images[number]))
        assert (type(made), made.owner, made.secret, made.model_changes()) == (Account, "ada", "s3cret", {})
    assert drive(client.model_from_item(Base, images[1])).note == "long " * 400
    with pytest.raises(
        ValidationError, match=r"Account\.secret is encrypted in this item.*client\.model_from_item\(Account, item\)"
    ):
        Account.model_from_item(images[0])
    with pytest.raises(ValidationError, match=r"Entry\.note is compressed in this item"):
        Base.model_from_item(images[1])
    other = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": b"x" * 32}))
    with pytest.raises(EncryptionError):
        drive(other.model_from_item(Account, images[0]))


def _all_of(pk: str) -> dict[str, Any]:
    values = {":p": {"S": pk}}
    return {"TableName": "ledger", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": values}
