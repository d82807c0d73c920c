"""Attribute values stay inline in the instance until its ``__dict__`` is requested. Each CPython version implements that differently."""

from __future__ import annotations

import copy
import gc
import pickle
import sys

import pytest
from pydynox import Attr, Document, DynamoDBClient, Model, field, partition_key

from tests.conftest import Drive

#: CPython 3.13 keeps values inline only in instances that begin with nothing but an object's head (Objects/typeobject.c,
#: Py_TPFLAGS_INLINE_VALUES); those of a model begin with what was loaded, so there they have a dictionary from the start.
INLINE = sys.version_info < (3, 13)


class Place(Document):
    city: Attr[str]
    lines: Attr[list[str]] = field(default_factory=list)


class User(Model[str], table="inline_users"):
    user_id: Attr[str] = partition_key()
    name: Attr[str] = field(default="")
    tags: Attr[list[str]] = field(default_factory=list)
    place: Attr[Place | None] = field(default=None)


class Wide(Model[str], table="inline_wide"):
    """More attributes than fit inline, so CPython creates a dictionary at once."""

    wide_id: Attr[str] = partition_key()
    __annotations__.update({f"a{number}": Attr[int] for number in range(40)})
    locals().update({f"a{number}": field(default=number) for number in range(40)})


def has_dict(instance: object) -> bool:
    return any(type(value) is dict for value in gc.get_referents(instance))


def made(client: DynamoDBClient, drive: Drive) -> User:
    drive(User.table.create())
    user = User(user_id="u1", name="Ada", place=Place(city="Oslo"))
    drive(user.create())
    return user


def test_no_verb_makes_a_dictionary_of_an_instance(client: DynamoDBClient, drive: Drive) -> None:
    user = made(client, drive)
    read = drive(User.get_or_raise("u1"))
    read.name = "Grace"
    read.tags.append("admin")
    assert sorted(read.model_changes()) == ["name", "tags"]
    drive(read.save())
    drive(user.refresh())

    assert user == read
    assert read.model_dump() == {"user_id": "u1", "name": "Grace", "tags": ["admin"], "place": {"city": "Oslo", "lines": []}}
    assert pickle.loads(pickle.dumps(read)) == copy.deepcopy(read) == copy.copy(read)
    assert "Grace" in repr(read)
    queried = drive(User.query("u1").all())
    for instance in (user, read, *queried):
        assert has_dict(instance) is not INLINE, instance


def test_values_are_the_same_by_name_and_by_dict(client: DynamoDBClient, drive: Drive) -> None:
    made(client, drive)
    user = drive(User.get_or_raise("u1"))
    values = user.__dict__
    assert has_dict(user)
    assert values == {"user_id": "u1", "name": "Ada", "tags": [], "place": Place(city="Oslo")}

    values["name"] = "Grace"
    user.tags = ["admin"]
    assert values["tags"] == ["admin"]
    assert sorted(user.model_changes()) == ["name", "tags"]
    drive(user.save())

    again = drive(User.get_or_raise("u1"))
    assert (again.name, again.tags) == ("Grace", ["admin"])
    assert has_dict(again) is not INLINE
    del values["name"]
    drive(user.refresh())
    assert values["name"] == user.name == "Grace"


@pytest.mark.thorough
def test_a_dictionary_outlives_its_instance(client: DynamoDBClient, drive: Drive) -> None:
    made(client, drive)
    user = drive(User.get_or_raise("u1"))
    values = user.__dict__

    del user
    gc.collect()

    assert (values["name"], values["place"].city) == ("Ada", "Oslo")


def test_an_instance_with_more_values_than_fit_inline(client: DynamoDBClient, drive: Drive) -> None:
    drive(Wide.table.create())
    wide = Wide(wide_id="w1")
    wide.a39 = 7
    drive(wide.create())

    read = drive(Wide.get_or_raise("w1"))
    assert read == wide
    assert read.model_dump() == {"wide_id": "w1"} | {f"a{number}": number for number in range(39)} | {"a39": 7}
