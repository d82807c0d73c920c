"""Versions and timestamps: what every write keeps, on every engine, and that nobody overwrites what he has not read."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydynox import (
    Attr,
    DynamoDBClient,
    Key,
    Model,
    ModelConfig,
    VersionAttribute,
    attr,
    created_at,
    field,
    partition_key,
    updated_at,
    version,
)
from pydynox.exceptions import (
    ConditionFailedError,
    ConfigurationError,
    ItemAlreadyExistsError,
    ItemNotFoundError,
    ItemVanishedError,
    TransactionCanceledError,
    ValidationError,
    VersionConflictError,
)

from tests.conftest import Drive


class Account(Model[str], table="accounts"):
    """A model with all that pydynox keeps."""

    account_id: Attr[str] = partition_key()
    balance: Attr[int] = field(default=0)
    note: Attr[str | None] = field(default=None)
    tags: Attr[set[str]] = field(default_factory=set)
    created: Attr[datetime] = created_at()
    updated: Attr[datetime] = updated_at(attribute_name="u")
    version: Attr[int] = version(attribute_name="v")


class Counted(Model[str], table="accounts"):
    """The same items with nothing but a version."""

    account_id: Attr[str] = partition_key()
    balance: Attr[int] = field(default=0)
    version: VersionAttribute = VersionAttribute(attribute_name="v")


@pytest.fixture(autouse=True)
def table(client: DynamoDBClient, drive: Drive) -> None:
    drive(Account.table.create())


def stored(client: DynamoDBClient, drive: Drive) -> dict[str, Any]:
    found: Any = drive(client.get_item("accounts", {"account_id": "a"}, consistent_read=True))
    return dict(found)


def made(drive: Drive, **values: Any) -> Account:
    account = Account(account_id="a", **values)
    drive(account.create())
    return account


def test_a_new_instance_was_never_written(client: DynamoDBClient) -> None:
    new: Any = Account(account_id="a")

    assert (new.version, new.created, new.updated) == (0, None, None)
    assert new == Account(account_id="a")
    assert new.model_changes().keys() == {"account_id", "balance"}


def test_create_writes_version_1_and_when(client: DynamoDBClient, drive: Drive) -> None:
    before = datetime.now(UTC)
    account = made(drive)

    assert account.version == 1
    assert before <= account.created == account.updated <= datetime.now(UTC)
    item = stored(client, drive)
    assert item["v"] == 1
    assert item["created"] == item["u"] == account.created.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert drive(Account.get("a", consistent_read=True)) == account
    assert account.model_changes() == {}


def change(account: Account, drive: Drive) -> None:
    account.balance += 1
    drive(account.save())


def change_all(account: Account, drive: Drive) -> None:
    account.balance += 1
    drive(account.put())


def act(account: Account, drive: Drive) -> None:
    drive(account.update(Account.balance.add(1)))


VERBS: dict[str, Callable[[Account, Drive], None]] = {"save": change, "put": change_all, "update": act}
each_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)


@each_verb
def test_every_verb_advances_the_version_and_the_time(
    client: DynamoDBClient, drive: Drive, verb: Callable[[Account, Drive], None]
) -> None:
    account = made(drive)
    created, first = account.created, account.updated

    verb(account, drive)
    verb(account, drive)

    assert (account.version, account.balance, account.created) == (3, 2, created)
    assert account.updated > first
    assert drive(Account.get("a", consistent_read=True)) == account
    assert stored(client, drive)["v"] == 3
    assert account.model_changes() == {}


@each_verb
def test_a_writer_who_comes_second_is_told_what_is_stored_and_keeps_his_edits(
    client: DynamoDBClient, drive: Drive, verb: Callable[[Account, Drive], None]
) -> None:
    made(drive)
    mine: Any = drive(Account.get_or_raise("a"))
    theirs: Any = drive(Account.get_or_raise("a"))
    verb(theirs, drive)

    with pytest.raises(VersionConflictError, match=r"was changed since it was read.*error\.item is the stored item") as caught:
        verb(mine, drive)
    # A naive retry changes nothing about that.
    with pytest.raises(VersionConflictError):
        verb(mine, drive) if verb is act else drive(mine.put() if verb is change_all else mine.save())

    item: Any = caught.value.item
    assert isinstance(item, Account)
    assert (item, item.version) == (theirs, 2)
    assert caught.value.key == Account.key("a")
    assert mine.version == 1
    assert stored(client, drive)["balance"] == 1


def test_a_conflict_is_mended_by_reading_again(client: DynamoDBClient, drive: Drive) -> None:
    mine = made(drive)
    drive(Account.key("a").update(Account.balance.add(5)))
    mine.balance = 9
    with pytest.raises(VersionConflictError):
        drive(mine.save())

    drive(mine.refresh())
    mine.balance += 1
    drive(mine.save())

    assert (mine.balance, mine.version) == (6, 3)


@pytest.mark.engines("embedded")  # moto's server checks a condition and writes in two steps, between which others write
def test_a_hundred_writers_lose_no_increment(client: DynamoDBClient, drive: Drive) -> None:
    made(drive)

    async def add() -> None:
        while True:
            account = await Account.get_or_raise("a", consistent_read=True)
            account.balance += 1
            try:
                return await account.save()
            except VersionConflictError:
                continue

    async def all_of_them() -> None:
        await asyncio.gather(*(add() for _ in range(10)))

    asyncio.run(all_of_them())

    item = stored(client, drive)
    assert (item["balance"], item["v"]) == (10, 11)


def test_a_delete_checks_the_version(client: DynamoDBClient, drive: Drive) -> None:
    account = made(drive)
    drive(Account.key("a").apply(Account.balance.add(1)))

    with pytest.raises(VersionConflictError):
        drive(account.delete())
    assert stored(client, drive)["balance"] == 1

    drive(account.refresh())
    drive(account.delete())
    assert drive(Account.get("a", consistent_read=True)) is None
    # It counts as new now.
    drive(account.create())
    assert account.version == 1


@pytest.mark.parametrize("verb", ["save", "update", "delete", "put"])
def test_an_item_that_is_gone_is_not_written_again(client: DynamoDBClient, drive: Drive, verb: str) -> None:
    account = made(drive)
    drive(Account.key("a").delete())
    account.balance = 7 if verb in ("save", "put") else account.balance

    with pytest.raises(ItemVanishedError) as caught:
        drive(account.update(Account.balance.add(1)) if verb == "update" else getattr(account, verb)())

    assert isinstance(caught.value, ItemNotFoundError)
    assert drive(Account.get("a", consistent_read=True)) is None
    assert account.version == 1


def test_writes_by_key_advance_it_too_without_checking(client: DynamoDBClient, drive: Drive) -> None:
    account = made(drive)

    changed: Any = drive(Account.key("a").update(Account.note.set("x")))
    drive(Account.key("a").apply(Account.note.set("y")))

    assert changed.version == 2
    assert changed.updated > account.updated
    assert changed.created == account.created
    assert stored(client, drive)["v"] == 3
    with pytest.raises(ConditionFailedError):
        drive(Account.key("a").update(Account.note.set("z"), condition=Account.version == 2))
    drive(Account.key("a").update(Account.note.set("z"), condition=Account.version == 3))


def test_an_upsert_makes_an_item_with_all_that_is_kept(client: DynamoDBClient, drive: Drive) -> None:
    key: Key[Account] = Account.key("a")

    first: Any = drive(key.update(Account.balance.add(2), upsert=True))
    second: Any = drive(key.update(Account.balance.add(2), upsert=True))

    assert (first.version, second.version, second.balance) == (1, 2, 4)
    assert first.created == first.updated == second.created < second.updated


def test_an_item_without_a_version_reads_as_0_and_is_guarded_by_that(client: DynamoDBClient, drive: Drive) -> None:
    drive(client.put_item("accounts", {"account_id": "a", "balance": 1}))
    one: Any = drive(Counted.get_or_raise("a"))
    other: Any = drive(Counted.get_or_raise("a"))
    assert one.version == 0

    one.balance = 2
    drive(one.save())
    other.balance = 3
    with pytest.raises(VersionConflictError):
        drive(other.save())

    assert one.version == 1
    assert (stored(client, drive)["balance"], stored(client, drive)["v"]) == (2, 1)
    drive(client.put_item("accounts", {"account_id": "a", "balance": 1}))
    bare: Any = drive(Counted.get_or_raise("a"))
    drive(Counted.key("a").delete())
    bare.balance = 5
    with pytest.raises(ItemVanishedError):
        drive(bare.save())


def test_a_blind_put_takes_no_version_that_somebody_read(client: DynamoDBClient, drive: Drive) -> None:
    mine = made(drive)
    drive(Account(account_id="a", balance=100).put())

    mine.balance = 1
    with pytest.raises(VersionConflictError):
        drive(mine.save())

    assert stored(client, drive)["balance"] == 100
    assert stored(client, drive)["v"] > 1_000_000_000
    other = Account(account_id="a", balance=101)
    drive(other.put())
    assert other.version == stored(client, drive)["v"]
    drive(other.save())
    other.balance += 1
    drive(other.save())
    assert stored(client, drive)["balance"] == 102


def test_unchanged_nothing_is_sent(client: DynamoDBClient, drive: Drive) -> None:
    account = made(drive)
    updated = account.updated

    drive(account.save())

    assert (account.version, account.updated, stored(client, drive)["v"]) == (1, updated, 1)


@pytest.mark.deviates(moto="an UpdateItem without an expression is an internal error")
def test_a_check_looks_at_the_version_and_does_not_count(client: DynamoDBClient, drive: Drive) -> None:
    account = made(drive)

    drive(account.save(condition=Account.balance == 0))

    assert (account.version, stored(client, drive)["v"]) == (1, 1)
    drive(Account.key("a").apply(Account.balance.add(1)))
    with pytest.raises(VersionConflictError):
        drive(account.save(condition=Account.balance == 1))


def test_the_condition_of_a_caller_is_told_apart_from_a_conflict(client: DynamoDBClient, drive: Drive) -> None:
    account = made(drive)
    account.balance = 5

    with pytest.raises(ConditionFailedError, match="the condition balance > … was false") as caught:
        drive(account.save(condition=Account.balance > 100))

    assert not isinstance(caught.value, VersionConflictError)
    assert account.version == 1
    drive(account.save(condition=Account.balance < 100))
    assert account.version == 2


def test_create_does_not_replace_a_taken_key(client: DynamoDBClient, drive: Drive) -> None:
    made(drive)
    with pytest.raises(ItemAlreadyExistsError):
        drive(Account(account_id="a").create())


@pytest.mark.parametrize("name", ["version", "created", "updated"])
def test_what_is_kept_is_not_for_users_to_set(client: DynamoDBClient, drive: Drive, name: str) -> None:
    account = made(drive)
    value: Any = 5 if name == "version" else datetime.now(UTC)
    with pytest.raises(ValidationError, match=rf"Account\.{name} is managed by pydynox: it is not a parameter"):
        Account(account_id="a", **{name: value})
    with pytest.raises(AttributeError, match=rf"Account\.{name} is managed by pydynox: every write sets it"):
        setattr(account, name, value)
    with pytest.raises(AttributeError, match="is managed by pydynox"):
        setattr(Account(account_id="b"), name, value)
    path: Any = getattr(Account, name)
    with pytest.raises(ValidationError, match="is managed by pydynox: every write sets it"):
        drive(account.update(path.set(value)))
    with pytest.raises(ValidationError, match="is managed by pydynox: every write sets it"):
        drive(Account.key("a").update(path.remove()))


def test_a_failed_call_leaves_the_number_in_memory(client: DynamoDBClient, drive: Drive) -> None:
    account = made(drive)
    account.note = "x" * 500_000
    with pytest.raises(Exception, match="bytes"):
        drive(account.save())
    assert (account.version, account.updated) == (1, account.created)


def test_copies_and_pickles_know_their_version(client: DynamoDBClient, drive: Drive) -> None:
    account = made(drive)
    for twin in (copy.copy(account), copy.deepcopy(account), pickle.loads(pickle.dumps(account)), account.model_copy()):
        assert (twin, twin.version, twin.model_changes()) == (account, 1, {})
    twin.balance = 4
    drive(twin.save())
    account.balance = 5
    with pytest.raises(VersionConflictError):
        drive(account.save())


def test_rollback_keeps_what_is_kept(client: DynamoDBClient, drive: Drive) -> None:
    account = made(drive)
    account.balance = 8
    account.model_rollback()
    assert (account.balance, account.version) == (0, 1)


def test_a_dump_is_validated_back_with_its_version_as_the_one_that_is_expected(client: DynamoDBClient, drive: Drive) -> None:
    account = made(drive)
    body = account.model_dump()
    assert (body["version"], body["created"]) == (1, account.created)

    again = Account.model_validate({**body, "balance": 7})
    assert (again.version, again.created) == (1, None)
    drive(again.put())
    assert (again.version, stored(client, drive)["balance"]) == (2, 7)

    with pytest.raises(VersionConflictError):
        drive(Account.model_validate({**body, "balance": 8}).put())
    with pytest.raises(ValidationError, match=r"Account\.version is not a version: -1"):
        Account.model_validate({**body, "version": -1})


def test_pydantic_takes_and_gives_what_is_kept(client: DynamoDBClient, drive: Drive) -> None:
    pydantic = pytest.importorskip("pydantic")
    adapter = pydantic.TypeAdapter(Account)
    new = adapter.validate_python({"account_id": "a"})
    assert adapter.dump_python(new, mode="json")["created"] is None
    drive(new.create())

    body = adapter.dump_python(new, mode="json")
    again = adapter.validate_json(adapter.dump_json(new))

    assert body["version"] == again.version == 1
    assert again.created is None
    assert "version" not in adapter.json_schema().get("required", [])


@pytest.mark.engines("embedded")
def test_mistakes_are_told_when_the_class_is_made() -> None:
    def refused(match: str, **body: Any) -> None:
        annotations = {name: kind for name, (kind, _) in body.items()}
        values = {name: value for name, (_, value) in body.items()}
        namespace = {"__annotations__": {"pk": Attr[str], **annotations}, "__module__": __name__, "pk": partition_key(), **values}
        with pytest.raises(ConfigurationError, match=match):
            type(Model)("Wrong", (Model,), namespace, table="t")

    refused(
        r"Wrong\.b is a second version\(\) attribute, after a: an item has only one",
        a=(Attr[int], version()),
        b=(Attr[int], version()),
    )
    refused(r"Wrong\.a is version\(\) of type str: write a: Attr\[int\] = version\(\)", a=(Attr[str], version()))
    refused(r"Wrong\.a is created_at\(\) of type int: write a: Attr\[datetime\]", a=(Attr[int], created_at()))
    refused(r"Wrong\.a is updated_at\(\) of type", a=(Attr[datetime | None], updated_at()))


class Named(Model[str], table="accounts"):
    """A model whose writes have names."""

    model_config = ModelConfig(write_id=True)
    account_id: Attr[str] = partition_key()
    balance: Attr[int] = field(default=0)


def test_the_name_of_a_write_is_stored_and_not_shown(client: DynamoDBClient, drive: Drive) -> None:
    named = Named(account_id="a")
    drive(named.create())
    names = [stored(client, drive)["_write_id"]]
    named.balance += 1
    drive(named.save())
    names.append(stored(client, drive)["_write_id"])
    drive(named.update(Named.balance.add(1)))
    names.append(stored(client, drive)["_write_id"])
    drive(Named.key("a").apply(Named.balance.add(1)))
    names.append(stored(client, drive)["_write_id"])
    drive(named.refresh())
    drive(named.put())
    names.append(stored(client, drive)["_write_id"])

    assert len(set(names)) == 5
    assert all(len(name) == 32 for name in names)
    read: Any = drive(Named.get("a", consistent_read=True))
    assert read == named
    assert read.model_dump() == {"account_id": "a", "balance": 3}
    assert "_write_id" not in repr(read)
    assert "_write_id" not in Named.model_fields
    assert read.model_changes() == {}
    assert read.model_to_item()["_write_id"] == {"S": names[-1]}
    assert pickle.loads(pickle.dumps(read)) == read


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"Mine\.mine is stored as '_write_id'"):

        class Mine(Model[str], table="t"):
            model_config = ModelConfig(write_id=True)
            pk: Attr[str] = partition_key()
            mine: Attr[str] = field(attribute_name="_write_id")


def test_untyped_paths_can_check_a_version(client: DynamoDBClient, drive: Drive) -> None:
    made(drive)
    drive(client.update_item("accounts", {"account_id": "a"}, attr("balance").set(3), condition=attr("v") == 1))
    assert stored(client, drive)["balance"] == 3


def test_times_of_one_item_only_grow(client: DynamoDBClient, drive: Drive) -> None:
    account = made(drive)
    times = [account.updated]
    for _ in range(5):
        change(account, drive)
        times.append(account.updated)
    assert times == sorted(times)
    assert times[-1] - times[0] < timedelta(minutes=1)


def created_again(client: DynamoDBClient, drive: Drive) -> tuple[Account, Account]:
    """A stale instance of an item that was deleted, and the item that was created under its key since; both have version 1."""
    made(drive, balance=1)
    stale = drive(Account.get_or_raise("a"))
    drive(drive(Account.get_or_raise("a")).delete())
    return stale, made(drive, balance=100)


STALE_WRITES: dict[str, Callable[[DynamoDBClient, Account], Any]] = {
    "save": lambda client, account: account.save(),
    "put": lambda client, account: account.put(),
    "update": lambda client, account: account.update(Account.note.set("x")),
    "delete": lambda client, account: account.delete(),
    "save with a condition": lambda client, account: account.save(condition=Account.balance > 0),
    "transaction save": lambda client, account: in_transaction(client, lambda tx: tx.save(account)),
    "transaction delete": lambda client, account: in_transaction(client, lambda tx: tx.delete(account)),
    "transaction check": lambda client, account: in_transaction(client, lambda tx: tx.check(account)),
}


async def in_transaction(client: DynamoDBClient, add: Callable[[Any], Any]) -> None:
    async with client.transaction() as tx:
        add(tx)


@pytest.mark.parametrize("verb", STALE_WRITES)
def test_an_item_that_was_created_again_is_another_item(client: DynamoDBClient, drive: Drive, verb: str) -> None:
    stale, fresh = created_again(client, drive)
    before = stored(client, drive)
    if verb not in ("update", "delete"):
        stale.note = "stale"

    with pytest.raises((VersionConflictError, TransactionCanceledError)) as caught:
        drive(STALE_WRITES[verb](client, stale))

    error = caught.value
    conflict = error.failures[0] if isinstance(error, TransactionCanceledError) else error
    assert isinstance(conflict, VersionConflictError)
    assert stored(client, drive) == before
    assert stale.version == fresh.version == 1


@pytest.mark.parametrize("verb", ["save", "put", "update", "delete", "transaction save"])
def test_the_moment_of_creation_is_compared_as_it_was_stored(client: DynamoDBClient, drive: Drive, verb: str) -> None:
    made(drive, balance=1)
    drive(
        client.put_item("accounts", stored(client, drive) | {"created": "2026-01-01T00:00:00+00:00"})
    )  # as another program writes it
    account = drive(Account.get_or_raise("a"))
    if verb != "update":
        account.note = "x"

    drive(STALE_WRITES[verb](client, account))

    if verb != "delete":
        assert stored(client, drive)["v"] == 2
        assert drive(Account.get_or_raise("a")).created == datetime(2026, 1, 1, tzinfo=UTC)


def test_where_no_creation_was_read_the_version_alone_is_the_guard(client: DynamoDBClient, drive: Drive) -> None:
    made(drive, balance=1)
    item = stored(client, drive)
    del item["created"]
    drive(client.put_item("accounts", item))
    account = drive(Account.get_or_raise("a"))

    account.balance = 2
    drive(account.save())

    assert stored(client, drive)["balance"] == 2
    assert "created" not in stored(client, drive)


def test_an_instance_that_was_just_created_is_guarded_too(client: DynamoDBClient, drive: Drive) -> None:
    mine = made(drive, balance=1)
    drive(Account.key("a").delete())
    made(drive, balance=100)

    mine.balance = 5
    with pytest.raises(VersionConflictError):
        drive(mine.save())


def test_a_pickled_instance_knows_when_its_item_was_created(client: DynamoDBClient, drive: Drive) -> None:
    stale, _ = created_again(client, drive)

    for other in (pickle.loads(pickle.dumps(stale)), copy.copy(stale), copy.deepcopy(stale), stale.model_copy()):
        other.balance = 5
        with pytest.raises(VersionConflictError):
            drive(other.save())
