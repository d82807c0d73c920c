"""Every verb of a repository, for each library, awaited and blocking, in the process and over HTTP."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydynox import Change, DynamoDBClient, QueryResult, Repository, run
from pydynox.exceptions import (
    BatchIncompleteError,
    ConditionFailedError,
    ItemAlreadyExistsError,
    ItemNotFoundError,
    ItemVanishedError,
    TransactionCanceledError,
    ValidationError,
    VersionConflictError,
)

from tests.conftest import Drive

from .classes import ADDRESSES, USERS, full
from .conftest import users_of


@pytest.fixture
def users(kind: str, place: DynamoDBClient) -> Repository[Any]:
    return users_of(kind)


def test_what_was_created_is_read_as_an_equal_object_of_the_class(kind: str, users: Repository[Any], drive: Drive) -> None:
    ada = full(kind)

    created = drive(users.create(ada))
    read = drive(users.get("u1", 1))

    assert created is ada
    assert ada.version == 1
    assert type(read) is USERS[kind]
    assert read == ada
    assert read is not ada


def test_defaults_are_stored_and_read_as_the_class_has_them(kind: str, users: Repository[Any], drive: Drive) -> None:
    plain = USERS[kind](user_id="u1", number=1, name="Ada")

    drive(users.put(plain))

    assert drive(users.get(user_id="u1", number=1)) == plain
    assert plain.version > 0  # a number that no reader has seen, since nothing was known of the item


def test_create_does_not_replace_and_shows_the_stored_object(kind: str, users: Repository[Any], drive: Drive) -> None:
    ada = drive(users.create(full(kind)))

    with pytest.raises(ItemAlreadyExistsError) as caught:
        drive(users.create(full(kind, name="Bob")))

    assert caught.value.item == ada


def test_get_of_nothing_is_none_or_an_error(users: Repository[Any], drive: Drive) -> None:
    assert drive(users.get("u1", 1)) is None
    with pytest.raises(ItemNotFoundError, match=r"User.key\('u1', 1\)"):
        drive(users.get_or_raise("u1", 1))


def test_save_sends_only_what_changed(kind: str, users: Repository[Any], drive: Drive) -> None:
    drive(users.create(full(kind)))
    ada, other = drive(users.get_or_raise("u1", 1)), drive(users.get_or_raise("u1", 1))
    run(users.key("u1", 1).update(users.attr.nick.set("countess")))

    with pytest.raises(VersionConflictError):
        drive(users.save(_changed(other)))
    drive(users.refresh(ada))
    ada.tags.append("c")
    ada.address.city = "Paris"
    changes = users.changes(ada)
    saved = drive(users.save(ada))

    assert set(changes) == {"tags", "address"}
    assert changes["tags"] == Change(["a", "b"], ["a", "b", "c"])
    assert saved is ada
    assert (ada.nick, ada.version) == ("countess", 3)
    assert drive(users.get("u1", 1)) == ada
    assert users.changes(ada) == {}


def _changed(user: Any) -> Any:
    user.age += 1
    return user


def test_save_of_an_unchanged_object_sends_nothing(
    kind: str, users: Repository[Any], place: DynamoDBClient, drive: Drive
) -> None:
    drive(users.create(full(kind)))
    read = drive(users.get_or_raise("u1", 1))

    with place.collect() as usage:
        drive(users.save(read))

    assert usage.total.requests == 0


def test_save_of_a_new_object_creates_and_a_copy_is_new(kind: str, users: Repository[Any], drive: Drive) -> None:
    ada = drive(users.save(full(kind)))

    with pytest.raises(ItemAlreadyExistsError) as caught:
        drive(users.save(copy.copy(ada)))

    assert "loaded=" in caught.value.__notes__[0]


def test_a_changed_copy_is_saved_with_what_was_loaded(kind: str, users: Repository[Any], drive: Drive) -> None:
    drive(users.create(full(kind)))
    ada = drive(users.get_or_raise("u1", 1))
    older = copy.deepcopy(ada)
    older.age = 37
    older.tags.append("c")

    saved = drive(users.save(older, loaded=ada))
    older.age = 38
    drive(users.save(older))

    assert saved is older
    assert older.version == 3
    assert drive(users.get("u1", 1)) == older
    assert ada.version == 1
    ada.age = 1
    with pytest.raises(VersionConflictError):
        drive(users.save(ada))


def test_put_replaces_under_the_version_that_the_object_has(kind: str, users: Repository[Any], drive: Drive) -> None:
    ada = drive(users.create(full(kind)))
    drive(users.put(ada))
    stale = full(kind, version=1)

    with pytest.raises(VersionConflictError) as caught:
        drive(users.put(stale))
    fresh = drive(users.put(full(kind, version=2, name="Bob")))

    assert caught.value.item == ada
    assert fresh.version == 3
    assert drive(users.get("u1", 1)) == fresh


def test_update_changes_the_item_and_the_object_and_keeps_edits(kind: str, users: Repository[Any], drive: Drive) -> None:
    drive(users.create(full(kind)))
    ada = drive(users.get_or_raise("u1", 1))
    ada.nick = "mine"

    updated = drive(users.update(ada, users.attr.age.add(1), users.attr.tags.append("z"), condition=users.attr.age < 100))

    assert updated is ada
    assert (ada.age, ada.tags, ada.nick, ada.version) == (37, ["a", "b", "z"], "mine", 2)
    assert drive(users.get_or_raise("u1", 1)).nick == "ada"
    drive(users.save(ada))
    assert drive(users.get("u1", 1)) == ada


def test_delete_by_object_and_by_key(kind: str, users: Repository[Any], drive: Drive) -> None:
    ada = drive(users.create(full(kind)))
    drive(users.create(full(kind, number=2)))

    drive(users.delete(ada))
    drive(users.key("u1", 2).delete())

    assert drive(users.scan().all()) == []
    with pytest.raises(ItemVanishedError):
        drive(users.delete(full(kind, version=3)))
    assert drive(users.save(ada)) is ada  # new again
    assert drive(users.get("u1", 1)) == ada


def test_conditions_are_those_of_the_fields(kind: str, users: Repository[Any], drive: Drive) -> None:
    ada = drive(users.create(full(kind)))
    attr = users.attr

    with pytest.raises(ConditionFailedError) as caught:
        drive(users.put(ada, condition=(attr.age > 40) | (attr.address.city == "Rome")))
    drive(users.put(ada, condition=(attr.age == 36) & (attr.address.city == "London") & attr.roles.contains("admin")))

    assert type(caught.value.item) is USERS[kind]
    assert caught.value.item.version == 1


def test_queries_scans_pages_and_indexes_give_objects(kind: str, users: Repository[Any], drive: Drive) -> None:
    everyone = [full(kind, number=number, age=number, name="Ada" if number < 4 else "Bob") for number in range(1, 6)]
    for user in everyone:
        run(users.create(user))

    page: QueryResult[Any] = drive(users.query("u1").page(2))
    rest = drive(users.query("u1").after(page.cursor).all())

    assert [*page, *rest] == everyone
    assert drive(users.query("u1", users.attr.number > 3).descending().all()) == [everyone[4], everyone[3]]
    assert drive(users.query(user_id="u1").filter(users.attr.age.between(2, 3)).all()) == everyone[1:3]
    assert drive(users.scan().filter(users.attr.name == "Bob").count()) == 2
    assert drive(users.index("by_name").query("Ada", users.attr.age >= 2).all()) == everyone[1:3]
    assert drive(users.index("by_age").query("u1").descending().first()) == everyone[4]
    assert drive(users.index("by_name").query("Bob").hydrate().all()) == everyone[3:]
    assert drive(users.query("u1").select(users.attr.name, users.attr.address.city).first()) == ("Ada", "London")
    assert drive(users.query("u1").keys().first()) == users.key("u1", 1)


def test_iterating_gives_objects_that_can_be_saved(kind: str, users: Repository[Any]) -> None:
    run(users.create(full(kind)))

    for user in users.sync.query("u1"):
        user.age = 1
        users.sync.save(user)

    assert users.sync.get_or_raise("u1", 1).age == 1


def test_the_blocking_views_give_objects(kind: str, users: Repository[Any]) -> None:
    ada = users.sync.create(full(kind))

    assert users.sync.get("u1", 1) == ada
    assert users.sync.query("u1").all() == [ada]
    assert users.sync.scan().first() == ada
    assert users.sync.index("by_name").query("Ada").all() == [ada]
    assert users.sync.batch_get([("u1", 1), ("u1", 2)]) == [ada, None]
    assert users.sync.key("u1", 1).update(users.attr.age.add(1)).age == 37
    assert users.sync.refresh(ada).age == 37
    assert users.sync.update(ada, users.attr.age.add(1)).age == 38
    assert users.sync.put(ada).version == 4
    assert users.sync.save(ada) is ada
    users.sync.delete(ada)
    assert users.sync.get("u1", 1) is None


def test_keys_read_and_write_without_an_object(kind: str, users: Repository[Any], drive: Drive) -> None:
    ada = drive(users.create(full(kind)))
    key = users.key(user_id="u1", number=1)

    assert drive(key.get()) == ada
    assert drive(key.get_or_raise()) == ada
    assert drive(key.exists())
    assert drive(key.update(users.attr.address.city.set("Oslo"))).address == ADDRESSES[kind](city="Oslo", zip=1)
    assert drive(key.select(users.attr.name)) == ("Ada",)
    popped = drive(key.pop())
    assert type(popped) is USERS[kind]
    assert drive(key.get()) is None


def test_batches_read_and_write_objects(kind: str, users: Repository[Any], place: DynamoDBClient, drive: Drive) -> None:
    many = [full(kind, number=number) for number in range(30)]

    async def write() -> None:
        async with place.batch_writer(unguarded=True) as batch:
            for user in many:
                await batch.put(users.item(user))
            await batch.delete(users.key("u1", 7))

    drive(write())
    found = drive(users.batch_get([("u1", 3), users.key("u1", 7), ("u1", 4)]))
    mixed = drive(place.batch_get(users.key("u1", 5), users.key("u1", 7)))

    assert found == [many[3], None, many[4]]
    assert mixed == (many[5], None)
    assert many[3].version == run(users.get_or_raise("u1", 3)).version > 0  # the object has learned what was written
    many[3].age = 99
    drive(users.save(many[3]))
    assert drive(users.get_or_raise("u1", 3)).age == 99


def test_a_batch_that_checks_versions_asks_for_it(kind: str, users: Repository[Any], place: DynamoDBClient) -> None:
    ada = users.sync.create(full(kind))

    with pytest.raises(Exception, match="unguarded=True"), place.sync.batch_writer() as batch:
        batch.put(users.item(ada))
    with place.sync.batch_writer(transactions=True) as batch:
        batch.put(users.item(ada))

    assert ada.version == 2
    assert users.sync.get("u1", 1) == ada


def test_a_batch_that_fails_lists_the_items(kind: str, users: Repository[Any], place: DynamoDBClient, drive: Drive) -> None:
    item = users.item(full(kind))

    async def write() -> None:
        async with place.batch_writer(unguarded=True) as batch:
            await batch.put(item)
            raise KeyError("no")

    with pytest.raises(KeyError) as caught:
        drive(write())

    incomplete = caught.value.__context__
    assert isinstance(incomplete, BatchIncompleteError)
    assert list(incomplete.pending) == [item]


def test_transactions_write_objects_together(kind: str, users: Repository[Any], place: DynamoDBClient, drive: Drive) -> None:
    ada, bob = full(kind), drive(users.create(full(kind, number=2)))
    drive(users.create(full(kind, number=3)))

    async def write() -> None:
        async with place.transaction() as tx:
            tx.create(users.item(ada))
            tx.save(users.item(bob))
            tx.update(users.key("u1", 3), users.attr.age.add(1), condition=users.attr.age == 36)
            bob.age = 1  # what the object has when the block ends
            ada.nick = "a"

    drive(write())

    assert drive(place.transact_get(users.key("u1", 1), users.key("u1", 2))) == (ada, bob)
    assert (ada.version, bob.version, bob.age) == (1, 2, 1)
    assert drive(users.get_or_raise("u1", 3)).age == 37


def test_a_transaction_that_is_canceled_changes_no_object(
    kind: str, users: Repository[Any], place: DynamoDBClient, drive: Drive
) -> None:
    ada, stored = full(kind), drive(users.create(full(kind, number=2)))

    async def write() -> None:
        async with place.transaction() as tx:
            tx.put(users.item(ada))
            tx.create(users.item(full(kind, number=2)))

    with pytest.raises(TransactionCanceledError) as caught:
        drive(write())

    failure: Any = caught.value.failures[1]
    assert failure.item == stored
    assert ada.version == 0
    assert drive(users.get("u1", 1)) is None


def test_batching_gathers_the_gets_of_repositories(kind: str, users: Repository[Any], place: DynamoDBClient) -> None:
    import asyncio

    import pydynox

    for number in range(3):
        users.sync.create(full(kind, number=number))

    async def read() -> list[Any]:
        async with pydynox.batching():
            return await asyncio.gather(*(users.get("u1", number) for number in range(4)))

    found = asyncio.run(read())

    assert [None if user is None else user.number for user in found] == [0, 1, 2, None]


def test_an_option_applies_to_one_call(kind: str, users: Repository[Any], drive: Drive) -> None:
    ada = drive(users.create(full(kind), timeout=5))

    assert drive(users.get("u1", 1, timeout=5, consistent_read=True)) == ada
    assert drive(users.get_or_raise("u1", 1, timeout=5)) == ada
    assert drive(users.batch_get([("u1", 1)], timeout=5)) == [ada]
    assert drive(users.refresh(ada, timeout=5)) is ada
    assert drive(users.update(ada, users.attr.age.add(1), timeout=5)) is ada
    assert drive(users.put(ada, timeout=5)) is ada
    assert drive(users.save(ada, timeout=5)) is ada
    drive(users.delete(ada, timeout=5))
    for call in (users.get("u1", 1, timeout=0), users.put(ada, timeout=-1)):
        with pytest.raises(Exception, match="positive number of seconds"):
            drive(call)


def test_partiql_reads_objects(kind: str, users: Repository[Any], place: DynamoDBClient, drive: Drive) -> None:
    ada = drive(users.create(full(kind)))

    rows = drive(place.execute("SELECT * FROM users WHERE user_id = ?", "u1", model=users.model))

    assert list(rows) == [ada]


def test_the_table_has_the_declared_keys_and_no_drift(users: Repository[Any], drive: Drive) -> None:
    assert drive(users.table.check()) == []
    assert drive(users.table.describe()).name == "users"


def test_the_stored_item_has_the_declared_names(kind: str, users: Repository[Any], place: DynamoDBClient, drive: Drive) -> None:
    drive(users.create(full(kind, nick=None)))

    item = drive(place.get_item("users", {"user_id": "u1", "number": 1}))

    assert item["full_name"] == "Ada"
    assert item["address"] == {"city": "London", "zip": 1}
    assert "name" not in item
    assert "nick" not in item


def test_wrong_values_are_refused_before_anything_is_sent(kind: str, users: Repository[Any], place: DynamoDBClient) -> None:
    ada = full(kind)
    ada.age = "old"
    with place.collect() as usage, pytest.raises(ValidationError, match="age"):
        users.sync.put(ada)

    assert usage.total.requests == 0
