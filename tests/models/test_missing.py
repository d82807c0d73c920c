"""What an attribute reads as where the stored item, or the map of a document, does not have it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pydantic
import pytest
from pydynox import Attr, Compressed, Document, DynamoDBClient, JSONAttribute, Model, field, partition_key, ulid, uuid7
from pydynox.exceptions import ConfigurationError, SerializationError

from tests.conftest import Drive


class Address(Document):
    street: Attr[str] = field(default="")
    tags: Attr[list[str]] = field(default_factory=lambda: ["home"])


class Visit(Document):
    at: Attr[datetime] = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))


@dataclasses.dataclass
class Size:
    width: int = 3
    parts: list[int] = dataclasses.field(default_factory=lambda: [1])


class Badge(pydantic.BaseModel):
    title: str = "new"
    until: date | None = None


STABLE: dict[str, tuple[Any, Callable[[], Any], Any]] = {
    "an empty list": (list[str], list, []),
    "a literal list": (list[str], lambda: ["a", "b"], ["a", "b"]),
    "a literal dict": (dict[str, int], lambda: {"a": 1}, {"a": 1}),
    "nested containers": (dict[str, list[int]], lambda: {"a": [1, 2]}, {"a": [1, 2]}),
    "a tuple": (tuple[int, str], lambda: (1, "x"), (1, "x")),
    "anything": (Any, lambda: {"a": [None, 1]}, {"a": [None, 1]}),
    "a document": (Address, Address, Address()),
    "a list of documents": (list[Address], lambda: [Address(street="x")], [Address(street="x")]),
    "a dataclass": (Size, Size, Size()),
    "a pydantic model": (Badge, Badge, Badge()),
    "an optional list": (list[str] | None, list, []),
}

PASSING: dict[str, tuple[Any, Callable[[], Any]]] = {
    "uuid7": (str, uuid7),
    "ulid": (str, ulid),
    "uuid4 as text": (str, lambda: str(uuid4())),
    "a time stamp": (int, time.time_ns),
    "a scalar": (int, lambda: 5),
    "a moment": (datetime, lambda: datetime(2026, 1, 1, tzinfo=UTC)),
    "today": (date, date.today),
    "a random member": (list[str], lambda: [uuid4().hex]),
    "a moment in a list": (list[date], lambda: [date(2026, 1, 1)]),
    "a moment in a document": (Visit, Visit),
    "a moment in a pydantic model": (Badge, lambda: Badge(until=date(2026, 1, 1))),
    "a UUID in a dict": (dict[str, UUID], lambda: {"a": UUID(int=1)}),
}


def model(type: Any, **options: Any) -> type[Model[str]]:
    namespace = {"__annotations__": {"pk": Attr[str], "value": Attr[type]}, "pk": partition_key(), "value": field(**options)}
    return __import__("types").new_class(
        "Row", (Model[str],), {"table": "rows"}, lambda body: body.update(namespace | {"__module__": __name__})
    )


@pytest.fixture
def old(client: DynamoDBClient, drive: Drive) -> None:
    """An item that was stored before the model had its attribute."""

    class Bare(Model[str], table="rows"):
        pk: Attr[str] = partition_key()

    drive(Bare.table.create())
    drive(client.put_item("rows", {"pk": "old"}))


@pytest.mark.engines("embedded")
@pytest.mark.parametrize("case", STABLE)
def test_a_factory_of_the_same_container_is_filled_in_and_never_written(
    old: None, client: DynamoDBClient, drive: Drive, case: str
) -> None:
    type, factory, expected = STABLE[case]
    Row: Any = model(type, default_factory=factory)

    rows = [
        drive(Row.get("old")),
        drive(Row.get("old")),
        *drive(Row.scan().all()),
        *drive(client.batch_get(Row.key("old"))),
        drive(client.execute("SELECT * FROM rows", model=Row)).items[0],
    ]
    selected = drive(Row.scan().select(Row.value).all())
    drive(rows[0].save())

    assert [row.value for row in rows] == [expected] * len(rows)
    assert selected == [(expected,)]
    assert rows[0].value is not rows[1].value or isinstance(expected, tuple)
    assert drive(client.get_item("rows", {"pk": "old"})) == {"pk": "old"}


@pytest.mark.engines("embedded")
def test_an_edit_of_what_was_filled_in_is_written(old: None, client: DynamoDBClient, drive: Drive) -> None:
    Row: Any = model(list[str], default_factory=lambda: ["a"])

    row = drive(Row.get("old"))
    row.value.append("b")
    drive(row.save())

    assert drive(client.get_item("rows", {"pk": "old"})) == {"pk": "old", "value": ["a", "b"]}


@pytest.mark.engines("embedded")
@pytest.mark.parametrize("case", PASSING)
def test_any_other_factory_asks_what_old_items_read_as(old: None, client: DynamoDBClient, drive: Drive, case: str) -> None:
    type, factory = PASSING[case]
    Row: Any = model(type, default_factory=factory)

    for read in (Row.get("old"), Row.scan().all(), Row.scan().select(Row.value).all(), client.batch_get(Row.key("old"))):
        with pytest.raises(SerializationError, match=r"Row\.value.*field\(missing=\.\.\.\)"):
            drive(read)


@pytest.mark.engines("embedded")
@pytest.mark.parametrize("case", PASSING)
def test_missing_says_what_old_items_read_as(old: None, client: DynamoDBClient, drive: Drive, case: str) -> None:
    type, factory = PASSING[case]
    named = factory()
    Row: Any = model(type, default_factory=factory, missing=named)

    row, again = drive(Row.get("old")), drive(Row.get("old"))
    drive(row.save())

    assert row.value == again.value == named
    assert drive(Row.scan().select(Row.value).all()) == [(named,)]
    assert drive(client.get_item("rows", {"pk": "old"})) == {"pk": "old"}


@pytest.mark.engines("embedded")
@pytest.mark.parametrize("case", PASSING)
def test_an_optional_attribute_reads_as_none(old: None, drive: Drive, case: str) -> None:
    type, factory = PASSING[case]
    Row: Any = model(type | None, default_factory=factory)

    assert drive(Row.get("old")).value is None
    assert drive(Row.scan().select(Row.value).all()) == [(None,)]


@pytest.mark.engines("embedded")
def test_missing_is_apart_from_the_default(old: None, drive: Drive) -> None:
    Row: Any = model(str, default="v2", missing="v1")
    containers: Any = model(list[str], missing=["v1"])

    row, first, second = drive(Row.get("old")), drive(containers.get("old")), drive(containers.get("old"))
    first.value.append("more")

    assert (Row(pk="x").value, row.value) == ("v2", "v1")
    assert second.value == ["v1"]


@pytest.mark.engines("embedded")
def test_a_required_attribute_without_missing_is_an_error_in_rows_too(old: None, drive: Drive) -> None:
    Row: Any = model(str)

    for read in (Row.get("old"), Row.scan().select(Row.value).all()):
        with pytest.raises(SerializationError, match="the stored item has no such attribute"):
            drive(read)


@pytest.mark.engines("embedded")
def test_members_of_documents_follow_the_same_rule(client: DynamoDBClient, drive: Drive) -> None:
    class Inner(Document):
        tags: Attr[list[str]] = field(default_factory=lambda: ["a"])
        key: Attr[str] = field(default_factory=ulid, missing="unknown")
        level: Attr[int] = field(default=2, missing=1)

    class Strict(Document):
        key: Attr[str] = field(default_factory=ulid)

    class Holder(Model[str], table="holders"):
        pk: Attr[str] = partition_key()
        inner: Attr[Inner | None] = field(default=None)
        many: Attr[list[Inner]] = field(default_factory=list)
        strict: Attr[Strict | None] = field(default=None)

    drive(Holder.table.create())
    drive(client.put_item("holders", {"pk": "a", "inner": {}, "many": [{}]}))
    drive(client.put_item("holders", {"pk": "b", "strict": {}}))

    holder = drive(Holder.get_or_raise("a"))
    drive(holder.save())

    for inner in (holder.inner, holder.many[0]):
        assert inner is not None
        assert (inner.tags, inner.key, inner.level) == (["a"], "unknown", 1)
    assert drive(client.get_item("holders", {"pk": "a"})) == {"pk": "a", "inner": {}, "many": [{}]}
    with pytest.raises(SerializationError, match=r"Holder\.strict\.key.*field\(missing=\.\.\.\)"):
        drive(Holder.get("b"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"type": int, "missing": "x"}, "is int, and missing= is 'x'"),
        ({"type": int, "missing": None}, "is int, and missing= is None"),
        ({"type": set[str], "missing": {"a"}}, "an empty set is stored as no attribute"),
        ({"type": str, "template": "A#{pk}", "missing": "x"}, "has a value that pydynox sets"),
    ],
)
def test_missing_that_means_nothing_is_refused_with_the_class(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        model(**options)


def test_a_key_takes_no_missing() -> None:
    with pytest.raises(ConfigurationError, match="is a key, which every item has"):

        class Row(Model[str], table="rows"):
            pk: Attr[str] = partition_key(missing="x")


@pytest.mark.engines("embedded")
def test_protected_and_json_attributes_take_missing(old: None, drive: Drive) -> None:
    class Row(Model[str], table="rows"):
        pk: Attr[str] = partition_key()
        log: Compressed[list[str]] = field(default_factory=lambda: [ulid()], missing=["none"])
        data: JSONAttribute[dict[str, int]] = JSONAttribute(
            dict[str, int], default_factory=lambda: {"n": time.time_ns()}, missing={"n": 0}
        )

    row = drive(Row.get_or_raise("old"))

    assert (row.log, row.data) == (["none"], {"n": 0})


class Tagged:
    """A codec whose values are containers."""

    def to_stored(self, value: Any, /) -> Any:
        return value or None

    def from_stored(self, value: Any, /) -> Any:
        return value


@pytest.mark.parametrize("factory", [list, dict, set, lambda: ["a"]])
def test_the_factory_of_a_codecs_container_stands_in_for_it(factory: Callable[[], Any]) -> None:
    class Item(Model[str], table="items"):
        name: Attr[str] = partition_key()
        values: Attr[Any] = field(codec=Tagged(), default_factory=factory)

    one, other = (Item.model_from_item({"name": {"S": "n"}}) for _ in range(2))

    assert one.values == factory()
    assert one.values is not other.values
    assert one.model_changes() == {}
