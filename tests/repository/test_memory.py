"""What a repository remembers of its objects, for how long, and the classes of which it remembers nothing."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import threading
import weakref
from typing import Any

import pytest
from pydynox import DynamoDBClient, GlobalSecondaryIndex, Repository, run
from pydynox.exceptions import (
    ConfigurationError,
    ItemAlreadyExistsError,
    ValidationError,
    VersionConflictError,
)

from tests.conftest import Drive

from .classes import FORGOTTEN, FROZEN, USERS, full, replaced
from .conftest import users_of

pytestmark = pytest.mark.thorough


def remembered(users: Repository[Any]) -> int:
    return len(users._binding._loaded)  # type: ignore[arg-type]


def add_unknown(place: DynamoDBClient, **values: Any) -> None:
    """What another program stores in an item."""
    item = place.sync.get_item("users", {"user_id": "u1", "number": 1})
    assert item is not None
    place.sync.put_item("users", item | values)


def test_unknown_attributes_survive_save_and_put(kind: str, place: DynamoDBClient, drive: Drive) -> None:
    users = users_of(kind)
    users.sync.create(full(kind))
    add_unknown(place, secret="s", more={"a": [1]})
    ada = drive(users.get_or_raise("u1", 1))

    ada.age = 1
    drive(users.save(ada))
    drive(users.put(ada))
    drive(users.put(ada))

    item = place.sync.get_item("users", {"user_id": "u1", "number": 1})
    assert item is not None
    assert (item["secret"], item["more"], item["age"]) == ("s", {"a": [1]}, 1)


def test_unknown_attributes_survive_in_a_changed_copy_and_in_batches(kind: str, memory: DynamoDBClient) -> None:
    users = users_of(kind, version=None)
    users.sync.create(full(kind))
    add_unknown(memory, secret="s")
    ada = users.sync.get_or_raise("u1", 1)
    other = replaced(ada, age=2)

    users.sync.save(other, loaded=ada)
    with memory.sync.batch_writer() as batch:
        batch.put(users.item(other))
    other.age = 3
    with memory.sync.transaction() as tx:
        tx.put(users.item(other))

    item = memory.sync.get_item("users", {"user_id": "u1", "number": 1})
    assert item is not None
    assert (item["secret"], item["age"]) == ("s", 3)


def test_two_objects_of_one_item_are_remembered_apart(kind: str, memory: DynamoDBClient) -> None:
    users = users_of(kind, version=None)
    users.sync.create(full(kind))
    one, two = users.sync.get_or_raise("u1", 1), users.sync.get_or_raise("u1", 1)

    one.age, two.nick = 1, "two"
    users.sync.save(one)
    users.sync.save(two)

    assert one is not two
    stored = users.sync.get_or_raise("u1", 1)
    assert (stored.age, stored.nick) == (1, "two")


def test_nothing_is_remembered_of_objects_that_are_gone(kind: str, memory: DynamoDBClient) -> None:
    users = users_of(kind)
    for number in range(20):
        users.sync.create(full(kind, number=number))
    gc.collect()
    assert remembered(users) == 0

    rows = users.sync.query("u1").all()
    assert remembered(users) == 20
    watched = [weakref.ref(users._binding._loaded.item_of(row)) for row in rows]  # type: ignore[union-attr]
    del rows
    gc.collect()

    assert remembered(users) == 0
    assert [item() for item in watched] == [None] * 20


def test_an_object_in_a_cycle_is_forgotten_too(memory: DynamoDBClient) -> None:
    users = users_of("dataclass")
    ada = users.sync.create(full("dataclass"))
    ada.me = ada
    assert remembered(users) == 1

    del ada
    gc.collect()

    assert remembered(users) == 0


def test_a_number_that_is_used_again_is_another_object(memory: DynamoDBClient) -> None:
    """CPython gives new objects the addresses of freed ones; what is inside of an object may take one of them first."""
    users = users_of("dataclass", version=None)
    users.sync.create(full("dataclass"))
    loaded = [users.sync.get_or_raise("u1", 1) for _ in range(200)]
    numbers = {id(ada) for ada in loaded}
    assert remembered(users) == len(numbers)
    del loaded
    gc.collect()

    made = [full("dataclass") for _ in range(10_000)]
    again = [new for new in made if id(new) in numbers]
    assert again
    for new in again:
        with pytest.raises(ItemAlreadyExistsError):
            users.sync.save(new)
    del made, again, new
    gc.collect()
    assert remembered(users) == 0


def test_objects_that_are_equal_and_unhashable_are_told_apart(kind: str, memory: DynamoDBClient) -> None:
    users = users_of(kind, version=None)
    users.sync.create(full(kind))
    one, two = users.sync.get_or_raise("u1", 1), full(kind)

    assert one == two
    with pytest.raises(TypeError):
        hash(one)
    users.sync.save(one)
    with pytest.raises(ItemAlreadyExistsError):
        users.sync.save(two)


def test_a_pickled_object_is_a_copy_like_any_other(kind: str, memory: DynamoDBClient) -> None:
    users = users_of(kind)
    ada = users.sync.create(full(kind))

    other = pickle.loads(pickle.dumps(ada))

    assert other == ada
    with pytest.raises(ItemAlreadyExistsError, match=r"put\(\)"):
        users.sync.save(other)
    other.age = 1
    users.sync.save(other, loaded=ada)
    assert users.sync.get("u1", 1) == other


def test_concurrent_saves_of_one_object_do_not_mix(kind: str, place: DynamoDBClient) -> None:
    users = users_of(kind, version=None)
    ada = users.sync.create(full(kind))

    async def change() -> None:
        async def save(age: int) -> None:
            ada.age = age
            await users.save(ada)

        await asyncio.gather(*(save(age) for age in range(20)))
        ada.age = 50
        await users.save(ada)

    asyncio.run(change())

    assert users.sync.get("u1", 1) == ada
    assert users.changes(ada) == {}


def test_an_edit_during_a_save_stays_an_edit(kind: str, place: DynamoDBClient) -> None:
    users = users_of(kind)
    ada = users.sync.create(full(kind))

    async def change() -> None:
        ada.age = 1
        save = asyncio.ensure_future(users.save(ada))
        await asyncio.sleep(0)
        if not save.done():
            ada.nick = "edited"
        await save

    asyncio.run(change())

    was_edited = ada.nick == "edited"
    assert set(users.changes(ada)) == ({"nick"} if was_edited else set())
    users.sync.save(ada)
    assert users.sync.get("u1", 1) == ada


def test_an_edit_during_an_update_survives_it(kind: str, place: DynamoDBClient) -> None:
    users = users_of(kind)
    ada = users.sync.create(full(kind))

    async def change() -> bool:
        update = asyncio.ensure_future(users.update(ada, users.attr.age.add(1)))
        await asyncio.sleep(0)
        edited = not update.done()
        if edited:
            ada.nick = "edited"
            ada.tags.append("edited")
        await update
        return edited

    edited = asyncio.run(change())

    assert ada.age == 37
    assert ("edited" in ada.tags) == (ada.nick == "edited") == edited


def test_many_threads_read_and_save(memory: DynamoDBClient) -> None:
    users = users_of("dataclass", version=None)
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with memory.as_default():
                users.sync.create(full("dataclass", number=number, age=0))
                for _ in range(30):
                    user = users.sync.get_or_raise("u1", number)
                    user.age += 1
                    users.sync.save(user)
                    gc.collect(0)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert {user.age for user in users.sync.scan().all()} == {30}


def test_the_key_of_a_stored_object_cannot_change(kind: str, memory: DynamoDBClient) -> None:
    users = users_of(kind)
    ada = users.sync.create(full(kind))
    ada.number = 2

    for call in (users.save(ada), users.put(ada), users.delete(ada), users.update(ada, users.attr.age.add(1))):
        with pytest.raises(ValidationError, match=r"number is the key of a stored item and cannot change"):
            run(call)


def test_the_version_of_a_stored_object_is_left_alone(kind: str, memory: DynamoDBClient) -> None:
    users = users_of(kind)
    ada = users.sync.create(full(kind))
    ada.version = 7

    with pytest.raises(ValidationError, match=r"version is 7, and the item was read or written with 1"):
        users.sync.save(ada)


@pytest.mark.parametrize("version", [-1, True, "1", None, 1.0])
def test_a_version_is_a_number(version: Any, memory: DynamoDBClient) -> None:
    users = users_of("dataclass")

    with pytest.raises(ValidationError, match="a version is an int of 0 or more"):
        users.sync.put(full("dataclass", version=version))


@pytest.mark.parametrize("cls", FORGOTTEN, ids=lambda cls: cls.__name__)
def test_a_class_that_cannot_be_remembered_is_refused_with_the_remedy(cls: Any) -> None:
    why = "is frozen" if cls in FROZEN else "cannot be referenced weakly"

    with pytest.raises(ConfigurationError, match=rf"{cls.__name__} .*{why}.*keep_unknown=False.*loaded=old"):
        Repository(cls, table="users", partition_key="user_id")


def forgotten(cls: Any, **options: Any) -> Repository[Any]:
    declared: dict[str, Any] = {"table": "users", "partition_key": "user_id", "version": "version", "keep_unknown": False}
    users: Repository[Any] = Repository(cls, **(declared | options))
    users.table.sync.ensure()
    return users


@pytest.mark.parametrize("cls", FORGOTTEN, ids=lambda cls: cls.__name__)
def test_without_memory_a_changed_object_is_saved_with_what_was_loaded(cls: Any, place: DynamoDBClient, drive: Drive) -> None:
    users = forgotten(cls)
    ada = drive(users.create(cls(user_id="u1", name="Ada")))
    assert ada.version == 1

    older = drive(users.save(replaced(ada, name="Bob", tags=["x"]), loaded=ada))

    assert older.version == 2
    assert drive(users.get("u1")) == older
    with pytest.raises(VersionConflictError) as caught:
        drive(users.save(replaced(ada, name="Eve"), loaded=ada))
    assert caught.value.item == older
    with pytest.raises(ItemAlreadyExistsError) as exists:
        drive(users.save(older))
    assert "loaded=" in exists.value.__notes__[0]


@pytest.mark.parametrize("cls", FORGOTTEN, ids=lambda cls: cls.__name__)
def test_a_write_returns_the_object_as_it_is_stored(cls: Any, place: DynamoDBClient, drive: Drive) -> None:
    users = forgotten(cls)
    ada = cls(user_id="u1", name="Ada")

    created = drive(users.create(ada))
    put = drive(users.put(created))
    replacing = drive(users.put(replaced(put, name="Bob")))

    if cls in FROZEN:
        assert (ada.version, created.version, put.version) == (0, 1, 2)
    else:
        assert ada is created is put
        assert ada.version == 2
    assert replacing.version == 3
    assert drive(users.get("u1")) == replacing
    with pytest.raises(VersionConflictError):
        drive(users.delete(replaced(replacing, version=1)))
    drive(users.delete(replacing))
    assert drive(users.get("u1")) is None


def test_without_memory_only_what_differs_is_sent_and_unknown_attributes_stay(memory: DynamoDBClient) -> None:
    from .classes import StructFrozen

    users = forgotten(StructFrozen, version=None)
    users.sync.create(StructFrozen("u1", "Ada"))
    memory.sync.put_item("users", {"user_id": "u1", "name": "Ada", "tags": [], "version": 0, "secret": "s"})
    ada = users.sync.get_or_raise("u1")
    run(users.key("u1").apply(users.attr.tags.append("other")))

    users.sync.save(replaced(ada, name="Bob"), loaded=ada)

    assert memory.sync.get_item("users", {"user_id": "u1"}) == {
        "user_id": "u1", "name": "Bob", "tags": ["other"], "version": 0, "secret": "s",
    }  # fmt: skip
    users.sync.put(users.sync.get_or_raise("u1"))
    assert "secret" not in (memory.sync.get_item("users", {"user_id": "u1"}) or {})


def test_a_stored_item_without_a_version_is_version_zero(memory: DynamoDBClient) -> None:
    from .classes import DataclassFrozen

    users = forgotten(DataclassFrozen)
    memory.sync.put_item("users", {"user_id": "u1", "name": "Ada"})
    ada = users.sync.get_or_raise("u1")
    assert ada.version == 0

    older = users.sync.save(replaced(ada, name="Bob"), loaded=ada)

    assert older.version == 1
    assert users.sync.get("u1") == older


@pytest.mark.parametrize("cls", FORGOTTEN, ids=lambda cls: cls.__name__)
def test_batches_and_transactions_write_objects_of_which_nothing_is_remembered(cls: Any, memory: DynamoDBClient) -> None:
    users = forgotten(cls, version=None)
    with memory.sync.batch_writer() as batch:
        for number in range(30):
            batch.put(users.item(cls(user_id=f"u{number}", name="Ada")))
    with memory.sync.transaction() as tx:
        tx.create(users.item(cls(user_id="x", name="Ada")))
        tx.delete(users.item(cls(user_id="u1", name="Ada")))

    assert len(users.sync.scan().all()) == 30
    assert users.sync.get("x") == cls(user_id="x", name="Ada")


def test_a_batch_keeps_an_object_that_nothing_else_refers_to(memory: DynamoDBClient) -> None:
    users = users_of("pydantic", version=None)

    with memory.sync.batch_writer() as batch:
        batch.put(users.item(full("pydantic")))
        gc.collect()
    with memory.sync.transaction() as tx:
        tx.put(users.item(full("pydantic", number=2)))
        gc.collect()

    assert users.sync.scan().count() == 2


@pytest.mark.parametrize("verb", ["update", "refresh"])
def test_verbs_that_build_on_what_was_read_name_the_key(verb: str, memory: DynamoDBClient) -> None:
    users = users_of("dataclass")
    arguments = (users.attr.age.add(1),) if verb == "update" else ()

    with pytest.raises(ValidationError, match=rf"{verb}\(\) takes a DataclassUser that this repository read or wrote.*key"):
        run(getattr(users, verb)(full("dataclass"), *arguments))


def test_a_repository_is_neither_pickled_nor_copied(memory: DynamoDBClient) -> None:
    users = users_of("dataclass")

    for attempt in (lambda: pickle.dumps(users), lambda: copy.copy(users)):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            attempt()


def test_classes_and_objects_stay_as_they_are(kind: str, memory: DynamoDBClient) -> None:
    cls = USERS[kind]
    before = dict(vars(cls))
    users = users_of(kind)
    ada = users.sync.create(full(kind))

    assert dict(vars(cls)) == before
    assert sorted(vars(ada) if hasattr(ada, "__dict__") else []) == sorted(vars(full(kind)) if hasattr(ada, "__dict__") else [])


def test_two_repositories_of_one_class_are_independent(memory: DynamoDBClient) -> None:
    here, there = users_of("dataclass"), users_of("dataclass", table="others", indexes={"by_nick": GlobalSecondaryIndex("nick")})
    ada = here.sync.create(full("dataclass"))

    ada.version = 0
    there.sync.create(ada)

    assert there.sync.get("u1", 1) == ada
    with pytest.raises(ConfigurationError, match=r"no index 'by_name': it has 'by_nick'"):
        there.index("by_name")
