"""Fields that are called like what a model needs for itself: callers, messages and errors know them by their own names only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydynox import DynamoDBClient, GlobalSecondaryIndex, Repository
from pydynox.exceptions import (
    ItemAlreadyExistsError,
    PydynoxError,
    SerializationError,
    UniqueConstraintError,
    ValidationError,
    VersionConflictError,
)

from tests.conftest import Drive

NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


@dataclass
class Setting:
    query: str
    key: int
    table: str = ""
    sync: dt.datetime | None = None
    save: list[str] | None = None
    _hidden: str = "h"
    timeout: int = 0


settings = Repository(
    Setting,
    table="settings-of-names",
    partition_key="query",
    sort_key="key",
    names={"key": "no"},
    indexes={"by_table": GlobalSecondaryIndex("table", "sync")},
    version="timeout",
    unique=["table"],
)
HIDDEN = {"query_", "key_", "table_", "sync_", "save_", "hidden_", "timeout_"}


@pytest.fixture
def client() -> Any:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        settings.table.sync.create()
        settings.sync.create(Setting("a", 1, "t", NOW))
        yield client


@pytest.mark.usefixtures("client")
def test_every_key_is_given_by_the_names_of_the_fields(drive: Drive) -> None:
    one = Setting("a", 1, "t", NOW, timeout=1)

    assert drive(settings.get(query="a", key=1)) == one
    assert drive(settings.get_or_raise(key=1, query="a")) == one
    assert drive(settings.key(query="a", key=1).get()) == one
    assert drive(settings.query(query="a").all()) == [one]
    assert drive(settings.query(settings.attr.key >= 1, query="a").all()) == [one]
    assert drive(settings.index("by_table").query(table="t").all()) == [one]
    assert drive(settings.index("by_table").query(table="t", sync=NOW).all()) == [one]
    assert settings.sync.index("by_table").query(table="t").all() == [one]
    assert settings.sync.get(query="a", key=1) == one


@pytest.mark.usefixtures("client")
def test_changes_and_whole_values_have_the_names_of_the_fields(drive: Drive) -> None:
    one: Any = drive(settings.get("a", 1))
    one.table, one.save = "u", ["x"]

    assert set(settings.changes(one)) == {"table", "save"}
    drive(settings.save(one, whole=[settings.attr.save]))

    assert drive(settings.get("a", 1)) == one
    one.save.append("y")
    explained = settings.sync.changes(one) if hasattr(settings.sync, "changes") else settings.changes(one)
    assert set(explained) == {"save"}


REFUSED: dict[str, tuple[type[PydynoxError], Callable[[], Any]]] = {
    "create": (ValidationError, lambda: settings.create(Setting("a", 2, 5))),  # type: ignore[arg-type]
    "create hidden": (ValidationError, lambda: settings.create(Setting("a", 2, _hidden=5))),  # type: ignore[arg-type]
    "create key": (ValidationError, lambda: settings.create(Setting("a", "2"))),  # type: ignore[arg-type]
    "create empty index key": (ValidationError, lambda: settings.create(Setting("a", 2, ""))),
    "put": (ValidationError, lambda: settings.put(Setting("a", 2, sync="x"))),  # type: ignore[arg-type]
    "existing": (ItemAlreadyExistsError, lambda: settings.create(Setting("a", 1, "v"))),
    "unique": (UniqueConstraintError, lambda: settings.create(Setting("a", 2, "t"))),
    "get": (ValidationError, lambda: settings.get("a", "x")),
    "get of half a key": (ValidationError, lambda: settings.get(query="a")),
    "get of another": (ValidationError, lambda: settings.get(query="a", number=1)),
    "batch_get": (ValidationError, lambda: settings.batch_get([("a", "x")])),
    "query": (ValidationError, lambda: settings.query(query=5).all()),
    "query of another": (ValidationError, lambda: settings.query(table="t").all()),
    "query of none": (ValidationError, lambda: settings.query().all()),
    "query of an index": (ValidationError, lambda: settings.index("by_table").query(table=5).all()),
    "query of another of an index": (ValidationError, lambda: settings.index("by_table").query(query="a").all()),
    "condition": (ValidationError, lambda: settings.query(settings.attr.table == "t", query="a").all()),
    "value of a condition": (ValidationError, lambda: settings.scan().filter(settings.attr.table == 5).all()),
    "value of an update": (ValidationError, lambda: settings.update(settings.key("a", 1), settings.attr.sync.set(5))),
    "update of a unique value": (ValidationError, lambda: settings.key("a", 1).update(settings.attr.table.set("z"))),
    "update of a version": (ValidationError, lambda: settings.key("a", 1).update(settings.attr.timeout.set(4))),
}


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("name", REFUSED)
def test_no_error_names_what_the_model_calls_a_field(drive: Drive, name: str) -> None:
    expected, call = REFUSED[name]

    with pytest.raises(expected) as refused:
        drive(call())

    _check_names(refused.value)


def _check_names(error: PydynoxError) -> None:
    texts = [str(error), *getattr(error, "__notes__", []), *map(str, getattr(error, "errors", []))]
    texts += map(str, getattr(error, "fields", []))
    words = {word.strip("'\"(),:;.") for text in texts for part in text.split() for word in part.split(".")}
    assert not words & HIDDEN, texts


def test_stale_and_moved_objects_and_unreadable_items(client: DynamoDBClient, drive: Drive) -> None:
    one: Any = drive(settings.get("a", 1))
    other: Any = drive(settings.get("a", 1))
    one.table = "u"
    drive(settings.save(one))
    other.table = "v"
    with pytest.raises(VersionConflictError) as stale:
        drive(settings.save(other))
    one.key = 5
    with pytest.raises(ValidationError, match=r"Setting\.key is the key of a stored item") as moved:
        drive(settings.save(one))
    drive(
        client.call("PutItem", TableName="settings-of-names", Item={"query": {"S": "b"}, "no": {"N": "1"}, "_hidden": {"N": "7"}})
    )
    with pytest.raises(SerializationError, match=r"Setting\._hidden") as unreadable:
        drive(settings.get("b", 1))

    for error in (stale.value, moved.value, unreadable.value):
        _check_names(error)
