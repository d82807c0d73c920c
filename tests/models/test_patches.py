"""Patches: the pydantic model of a partial change, and what applying one does, sends and refuses."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pydantic
import pytest
from pydynox import (
    Attr,
    Document,
    DynamoDBClient,
    Encrypted,
    LocalKeyring,
    Model,
    created_at,
    field,
    partition_key,
    sort_key,
    ttl,
    updated_at,
    version,
)
from pydynox.exceptions import ItemVanishedError, ValidationError, VersionConflictError

from tests.conftest import Drive


class Place(Document):
    city: Attr[str]
    zip: Attr[str | None] = field(default=None)


@dataclass
class Size:
    width: int


class User(Model[str, str], table="users"):
    """Everything that a patch has, and what it has not."""

    tenant: Attr[str] = partition_key()
    sort: Attr[str] = sort_key(template="USER#{name}")
    name: Attr[str]
    nick: Attr[str | None] = field(default=None, min_length=2)
    age: Attr[int] = field(default=0, ge=0)
    score: Attr[Decimal] = field(default=Decimal(0))
    tags: Attr[set[str]] = field(default_factory=set)
    place: Attr[Place | None] = field(default=None)
    size: Attr[Size | None] = field(default=None)
    photo: Attr[bytes] = field(default=b"")
    kept: Attr[str | None] = field(default=None, store_null=True)
    source: Attr[str] = field(default="web", immutable=True)
    card: Encrypted[str | None] = field(default=None)
    until: Attr[datetime | None] = ttl(default=None)
    made: Attr[datetime] = created_at()
    changed: Attr[datetime] = updated_at()
    revision: Attr[int] = version()


Patch: Any = User.model_patch()


@pytest.fixture
def client() -> Any:
    with DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": bytes(32)})).as_default():
        User.table.sync.create()
        User(
            tenant="t", name="Ada", nick="ada", age=36, tags={"a", "b"}, place=Place(city="Oslo", zip="1"), kept="x", card="4111"
        ).sync.create()
        from pydynox import get_default_client

        yield get_default_client()


def ada() -> User:
    return User.sync.get_or_raise(tenant="t", name="Ada")


def test_a_patch_has_the_attributes_that_may_change_and_all_are_optional() -> None:
    assert list(Patch.model_fields) == [
        "nick", "age", "score", "tags", "place", "size", "photo", "kept", "card", "until",
    ]  # fmt: skip
    assert Patch() == Patch.model_validate({})
    assert Patch is User.model_patch()
    assert Patch.__name__ == "UserPatch"


BODIES: dict[str, dict[str, Any]] = {
    '{"age": 37}': {"age": 37},
    '{"nick": null}': {"nick": None},
    '{"nick": "countess", "tags": ["x", "x"]}': {"nick": "countess", "tags": {"x"}},
    '{"score": "1.50"}': {"score": Decimal("1.50")},
    '{"place": {"city": "Rome"}}': {"place": Place(city="Rome")},
    '{"place": null}': {"place": None},
    '{"size": {"width": 3}}': {"size": Size(3)},
    '{"photo": "AQI="}': {"photo": b"\x01\x02"},
    '{"kept": null}': {"kept": None},
    '{"card": "4222"}': {"card": "4222"},
    '{"until": "2030-01-01T00:00:00Z"}': {"until": datetime(2030, 1, 1, tzinfo=UTC)},
    "{}": {},
}


@pytest.mark.parametrize("body", BODIES)
def test_what_is_sent_changes_and_the_rest_stays(client: DynamoDBClient, drive: Drive, body: str) -> None:
    user, before = ada(), ada()

    user.model_apply(Patch.model_validate_json(body))

    assert {name: getattr(user, name) for name in BODIES[body]} == BODIES[body]
    assert set(user.model_changes()) == set(BODIES[body])
    drive(user.save())
    stored = ada()
    for name in User.model_fields:
        if name not in {"changed", "revision"}:
            assert getattr(stored, name) == BODIES[body].get(name, getattr(before, name)), name


@pytest.mark.parametrize("body", BODIES)
def test_actions_do_the_same_without_reading(client: DynamoDBClient, drive: Drive, body: str) -> None:
    actions = Patch.model_validate_json(body).model_actions()
    if not actions:
        return

    with client.collect() as usage:
        drive(User.key(tenant="t", name="Ada").update(*actions))

    assert list(usage.by_operation) == ["UpdateItem"]
    assert {name: getattr(ada(), name) for name in BODIES[body]} == BODIES[body]


def test_null_removes_the_attribute_or_stores_null(client: DynamoDBClient) -> None:
    user = ada()
    user.model_apply(Patch(nick=None, kept=None))
    user.sync.save()

    item = client.sync.get_item("users", {"tenant": "t", "sort": "USER#Ada"})

    assert item is not None
    assert "nick" not in item
    assert item["kept"] is None


def test_a_patch_that_changes_nothing_sends_nothing(client: DynamoDBClient) -> None:
    user = ada()
    user.model_apply(Patch(age=36, tags={"b", "a"}, nick="ada"))

    with client.collect() as usage:
        user.sync.save()

    assert usage.requests == 0


@pytest.mark.parametrize(
    "body",
    [
        {"tenant": "u"},
        {"sort": "x"},
        {"name": "Grace"},
        {"source": "shop"},
        {"made": "2030-01-01T00:00:00Z"},
        {"changed": None},
        {"revision": 3},
        {"emial": "x"},
        {"age": None},
        {"age": -1},
        {"age": "x"},
        {"nick": "x"},
        {"tags": None},
        {"place": {"town": "x"}},
        {"place": {}},
        {"photo": "*"},
        {"score": "NaN"},
        {"model_actions": 1},
        {"pydynox_model": 1},
    ],
    ids=str,
)
def test_what_may_not_change_is_refused_where_it_is(body: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        Patch.model_validate(body)

    assert {problem["loc"][0] for problem in caught.value.errors()} == set(body)


def test_an_encrypted_value_is_shown_nowhere() -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        Patch.model_validate({"card": {"number": 4111}, "crad": "4111", "age": -5})
    patch = Patch(card="4111")

    assert "4111" not in str(caught.value)
    assert "4111" not in repr(caught.value.errors())
    assert "-5" in str(caught.value)
    assert "4111" not in repr(patch)
    assert "4111" not in patch.model_dump_json()


class Rule(Model[str], table="rules"):
    name: Attr[str] = partition_key()
    low: Attr[int] = field(default=0, le=10)
    high: Attr[int] = field(default=0, ge=0)
    copy: Attr[str] = field(default="")
    json: Attr[str] = field(default="")
    rules: Attr[list[str]] = field(default_factory=list, max_length=2)


def test_names_of_pydantic_are_names_of_attributes_too() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        patch: Any = Rule.model_patch().model_validate({"copy": "c", "json": "j"})
    rule = Rule(name="r")

    rule.model_apply(patch)

    assert (rule.copy, rule.json) == ("c", "j")
    assert [action.explain() for action in patch.model_actions()] == ['SET copy = "c"', 'SET json = "j"']


def test_a_refused_value_leaves_the_instance_as_it_was() -> None:
    patch: Any = Rule.model_patch().model_construct(_fields_set={"low", "high", "copy"}, low=11, high=-1, copy="c")
    rule = Rule(name="r", low=1, high=2)

    with pytest.raises(ValidationError) as caught:
        rule.model_apply(patch)

    assert [name for name, _ in caught.value.errors] == ["low", "high"]
    assert (rule.low, rule.high, rule.copy) == (1, 2, "")


@pytest.mark.parametrize("given", [{"age": 1}, None, Rule.model_patch()(), pydantic.RootModel[int](1)], ids=str)
def test_only_a_patch_of_the_model_is_applied(given: Any) -> None:
    with pytest.raises(TypeError, match=r"User.model_apply\(\) takes an instance of User.model_patch\(\), not of "):
        User(tenant="t", name="Ada").model_apply(given)


def test_the_patch_of_a_base_class_applies_to_its_sub_classes(client: DynamoDBClient) -> None:
    class Admin(User, table="users"):
        level: Attr[int] = field(default=1)

    admin = Admin(tenant="t", name="Root")
    admin.model_apply(Patch(age=3))

    assert admin.age == 3
    assert "level" in Admin.model_patch().model_fields
    with pytest.raises(TypeError):
        ada().model_apply(Admin.model_patch()())


def test_the_write_is_guarded_by_what_was_read(client: DynamoDBClient, drive: Drive) -> None:
    first, second, third = ada(), ada(), ada()
    for user, age in ((first, 1), (second, 2), (third, 3)):
        user.model_apply(Patch(age=age))

    drive(first.save())

    with pytest.raises(VersionConflictError):
        drive(second.save())
    User.key(tenant="t", name="Ada").sync.delete()
    with pytest.raises(ItemVanishedError):
        drive(third.save())


def test_without_pydantic_the_error_says_what_to_install() -> None:
    code = """
import sys
sys.modules["pydantic"] = None
from pydynox import Attr, Model, partition_key
class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
try:
    User.model_patch()
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "User.model_patch() needs pydantic: install pydynox[pydantic]\n"


def test_the_json_schema_has_no_defaults_and_names_the_types() -> None:
    schema = Patch.model_json_schema()

    assert schema["title"] == "UserPatch"
    assert schema["additionalProperties"] is False
    assert "required" not in schema
    assert schema["properties"]["nick"] == {"anyOf": [{"minLength": 2, "type": "string"}, {"type": "null"}], "title": "Nick"}
    assert schema["properties"]["photo"] == {"contentEncoding": "base64", "title": "Photo", "type": "string"}
    assert not any("default" in attribute for attribute in schema["properties"].values())
