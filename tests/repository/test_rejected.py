"""`on_condition="return"` of a repository: a false condition as a result with the stored object, for each library."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from pydynox import DynamoDBClient, Rejected, Repository, run
from pydynox.exceptions import (
    ConditionFailedError,
    ItemAlreadyExistsError,
    ItemVanishedError,
    UniqueConstraintError,
    ValidationError,
    VersionConflictError,
)

from tests.conftest import Drive

from .classes import FORGOTTEN, USERS, DataclassUser, full, replaced
from .conftest import users_of


@pytest.mark.parametrize("timeout", [{}, {"timeout": 10}], ids=["", "timeout"])
def test_every_write_returns_what_it_would_have_raised(kind: str, memory: DynamoDBClient, timeout: dict[str, Any]) -> None:
    users = users_of(kind, version=None)
    ada = users.sync.create(full(kind))
    stored = full(kind)
    options: dict[str, Any] = {"condition": users.attr.age > 40, "on_condition": "return", **timeout}
    ada.age = 37
    writes = {
        "put": users.put(ada, **options),
        "save": users.save(ada, **options),
        "save of a copy": users.save(full(kind, age=7), loaded=users.sync.get("u1", 1), **options),
        "delete": users.delete(ada, **options),
        "update": users.update(ada, users.attr.nick.set("x"), **options),
        "key.update": users.key("u1", 1).update(users.attr.nick.set("x"), **options),
        "create": users.create(full(kind), on_condition="return", **timeout),
        "save of a new one": users.save(full(kind), on_condition="return", **timeout),
    }

    for name, write in writes.items():
        outcome: Any = run(write)

        assert isinstance(outcome, Rejected), name
        assert type(outcome.item) is USERS[kind], name
        assert outcome.item == stored, name
        expected = ItemAlreadyExistsError if name in ("create", "save of a new one") else ConditionFailedError
        assert type(outcome.error) is expected
        assert outcome.error.key == users.key("u1", 1)
        assert ["loaded=" in note for note in getattr(outcome.error, "__notes__", [])] == [True] * (name == "save of a new one")
    assert (ada.age, ada.nick) == (37, "ada")
    assert users.sync.get("u1", 1) == stored


def test_a_write_whose_condition_holds_returns_the_object(kind: str, place: DynamoDBClient, drive: Drive) -> None:
    users = users_of(kind)
    options: dict[str, Any] = {"condition": users.attr.age < 100, "on_condition": "return"}
    ada = full(kind)

    assert drive(users.create(ada, on_condition="return")) is ada
    assert drive(users.save(ada, on_condition="return")) is ada  # nothing changed, and nothing is sent
    ada.age = 50
    assert drive(users.save(ada, **options)) is ada
    assert drive(users.put(ada, **options)) is ada
    assert drive(users.update(ada, users.attr.age.add(1), **options)) is ada
    assert (ada.age, ada.version) == (51, 4)
    assert drive(users.delete(ada, **options)) is True
    assert drive(users.delete(full(kind), on_condition="return")) is True
    assert drive(users.delete(full(kind))) is None


def test_versions_that_differ_are_false_conditions(kind: str, memory: DynamoDBClient, drive: Drive) -> None:
    users = users_of(kind)
    mine = users.sync.create(full(kind))
    theirs = users.sync.get_or_raise("u1", 1)
    theirs.nick = "theirs"
    users.sync.save(theirs)
    mine.nick = "mine"

    for write in (users.save, users.put, users.delete):
        conflict = drive(write(mine, on_condition="return"))  # type: ignore[operator]  # of overloads, joined to a function
        assert isinstance(conflict, Rejected)
        assert type(conflict.error) is VersionConflictError
        assert conflict.item == theirs
    assert (mine.nick, mine.version) == ("mine", 1)
    users.key("u1", 1).sync.delete()
    gone = drive(users.update(theirs, users.attr.nick.set("x"), on_condition="return"))
    assert isinstance(gone, Rejected)
    assert (type(gone.error), gone.item) == (ItemVanishedError, None)


@pytest.mark.parametrize("cls", FORGOTTEN, ids=lambda cls: cls.__name__)
def test_classes_of_which_nothing_is_remembered(cls: Any, memory: DynamoDBClient) -> None:
    users = Repository(cls, table="users", partition_key="user_id", version="version", keep_unknown=False)
    users.table.sync.create()
    ada = users.sync.create(cls(user_id="u1", name="Ada"), on_condition="return")
    assert isinstance(ada, cls)
    newer = users.sync.save(replaced(ada, name="Bob"), loaded=ada, on_condition="return")
    assert isinstance(newer, cls)
    stale = users.sync.save(cls(user_id="u1", name="Eve", version=1), loaded=cls(user_id="u1", name="Ada", version=1),
                            on_condition="return")  # fmt: skip

    assert isinstance(stale, Rejected)
    assert stale.item == newer
    assert users.sync.get("u1") == newer


def test_the_blocking_forms_and_a_taken_unique_value(memory: DynamoDBClient) -> None:
    users = users_of("dataclass", unique=["nick"])
    ada = users.sync.create(full("dataclass"))

    taken = users.sync.create(full("dataclass", number=2), on_condition="return")
    there = users.sync.delete(ada, condition=users.attr.age == 1, on_condition="return")

    assert isinstance(taken, Rejected)
    assert isinstance(taken.error, UniqueConstraintError)
    assert (taken.error.holder, taken.item) == (users.key("u1", 1), None)
    assert isinstance(there, Rejected)
    assert isinstance(there.item, DataclassUser)


@dataclasses.dataclass
class Adult:
    user_id: str
    age: int = 20

    def __post_init__(self) -> None:
        if self.age < 18:
            raise ValueError("too young")


def test_a_stored_item_that_the_class_refuses_is_no_object(memory: DynamoDBClient) -> None:
    adults = Repository(Adult, table="adults", partition_key="user_id")
    adults.table.sync.create()
    memory.sync.put_item("adults", {"user_id": "u1", "age": 7})

    outcome = adults.sync.create(Adult("u1"), on_condition="return")

    assert isinstance(outcome, Rejected)
    assert outcome.item is None
    assert outcome.error.item == {"user_id": "u1", "age": 7}


@pytest.mark.parametrize("wrong", ["ignore", None, True])
def test_what_is_neither_is_refused_before_anything_is_sent(memory: DynamoDBClient, wrong: Any) -> None:
    users = users_of("dataclass")
    ada = users.sync.create(full("dataclass"))

    with memory.collect() as usage:
        for call in (
            users.create(ada, on_condition=wrong),
            users.put(ada, on_condition=wrong),
            users.save(ada, on_condition=wrong, timeout=5),
            users.update(ada, users.attr.age.add(1), on_condition=wrong),
            users.delete(ada, on_condition=wrong),
        ):
            with pytest.raises(ValidationError, match='"raise" or "return"'):
                run(call)
    assert usage.total.requests == 0
