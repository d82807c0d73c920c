"""Values that another program stored in another form than this one writes: what is not edited stays, what is edited is found."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest
from pydynox import (
    Attr,
    Document,
    DynamoDBClient,
    GlobalSecondaryIndex,
    Model,
    ModelConfig,
    field,
    partition_key,
    verify_unique,
)
from pydynox.exceptions import UniqueConstraintError

from tests.conftest import Drive

AT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
UID = UUID("0f0e0d0c-0b0a-0908-0706-050403020100")


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        yield client


class Place(Document):
    days: Attr[set[date]] = field(default_factory=set)


@dataclasses.dataclass
class Trip:
    days: set[date] = dataclasses.field(default_factory=set)


class Sets(Model[str], table="other-forms-sets"):
    k: Attr[str] = partition_key()
    value: Attr[Any]


#: The kind of set, its members as stored, as values: the first is removed.
MEMBERS: dict[str, tuple[Any, list[str], list[Any]]] = {
    "datetime": (set[datetime], ["2024-01-02T03:04:05Z", "2025-01-02T03:04:05Z"], [AT, AT.replace(year=2025)]),
    "date": (set[date], ["20240102", "20240103"], [date(2024, 1, 2), date(2024, 1, 3)]),
    "time": (frozenset[time], ["03:04", "03:05"], [time(3, 4), time(3, 5)]),
    "uuid": (set[UUID], [str(UID).upper(), str(UUID(int=5))], [UID, UUID(int=5)]),
}


def model_of(kind: Any, wrap: str, **options: Any) -> type[Model[Any]]:
    @dataclasses.dataclass
    class Held:
        days: Any = None

    Held.__annotations__["days"] = kind
    Held.__dataclass_fields__["days"].type = kind

    class Holder(Document):
        days: Attr[kind]

    types = {"": kind, "dict": dict[str, kind], "dataclass": Held, "document": Holder, "dict of dict": dict[str, dict[str, kind]]}

    class Owner(Model[str], table="other-forms-sets"):
        k: Attr[str] = partition_key()
        value: Attr[types[wrap]] = field(**options)  # type: ignore[valid-type]

    return Owner


def wrapped(wrap: str, value: Any) -> Any:
    forms = {"": value, "dict of dict": {"days": {"days": value}}}
    return forms.get(wrap, {"days": value})


def inside(wrap: str, value: Any) -> Any:
    for _ in range(0 if not wrap else 2 if wrap == "dict of dict" else 1):
        value = value["days"] if isinstance(value, dict) else value.days
    return value


def replace(wrap: str, item: Any, members: Any) -> None:
    if not wrap:
        item.value = members
    elif wrap == "dict":
        item.value["days"] = members
    elif wrap == "dict of dict":
        item.value["days"]["days"] = members
    else:
        item.value.days = members


@pytest.mark.parametrize("wrap", ["", "dict", "dataclass", "document", "dict of dict"])
@pytest.mark.parametrize("kind", MEMBERS)
def test_a_member_of_a_set_is_removed_in_the_form_in_which_it_is_stored(
    client: DynamoDBClient, drive: Drive, kind: str, wrap: str
) -> None:
    type_, stored, values = MEMBERS[kind]
    owner: Any = model_of(type_, wrap)
    owner.table.sync.create()
    client.sync.put_item("other-forms-sets", {"k": "1", "value": wrapped(wrap, set(stored))})
    one: Any = drive(owner.get("1"))
    assert one.model_changes() == {}

    # Another member, whose form is the declared one, comes and goes; those of the other program stay as they are.
    new = {"datetime": AT.replace(year=2030), "date": date(2030, 1, 1), "time": time(9), "uuid": UUID(int=9)}[kind]
    before = inside(wrap, one.value)
    replace(wrap, one, before | {new})
    drive(one.save())
    assert set(stored) < inside(wrap, client.sync.get_item("other-forms-sets", {"k": "1"})["value"])
    replace(wrap, one, inside(wrap, one.value) - {values[0]})
    drive(one.save())

    left = inside(wrap, client.sync.get_item("other-forms-sets", {"k": "1"})["value"])
    assert stored[0] not in left
    assert stored[1] in left
    assert len(left) == 2
    assert drive(owner.get("1")) == one
    assert set(inside(wrap, one.value)) == {values[1], new}


def test_what_others_add_to_such_a_set_meanwhile_stays(client: DynamoDBClient, drive: Drive) -> None:
    owner: Any = model_of(set[date], "")
    owner.table.sync.create()
    client.sync.put_item("other-forms-sets", {"k": "1", "value": {"20240102", "20240103"}})
    one: Any = drive(owner.get("1"))
    drive(owner.key("1").update(owner.value.add(date(2030, 1, 1))))

    one.value.discard(date(2024, 1, 2))
    drive(one.save())

    assert client.sync.get_item("other-forms-sets", {"k": "1"}) == {"k": "1", "value": {"20240103", "2030-01-01"}}


class Home(pydantic.BaseModel):
    street: str = ""


class Spot(Document):
    name: Attr[str]


NULLABLE: dict[str, Any] = {
    "Any": Any,
    "str": str | None,
    "list": list[str] | None,
    "dict": dict[str, int] | None,
    "set": set[str] | None,
    "tuple": tuple[int, ...] | None,
    "document": Spot | None,
    "dataclass": Trip | None,
    "pydantic": Home | None,
    "datetime": datetime | None,
    "bytes": bytes | None,
}


@pytest.mark.parametrize("store_null", [False, True])
@pytest.mark.parametrize("kind", NULLABLE)
def test_a_null_of_another_program_stays(client: DynamoDBClient, drive: Drive, kind: str, store_null: bool) -> None:
    class Owner(Model[str], table="other-forms-null"):
        k: Attr[str] = partition_key()
        other: Attr[int] = field(default=0)
        value: Attr[NULLABLE[kind]] = field(default=None, store_null=store_null)

    Owner.table.sync.create()
    drive(client.call("PutItem", TableName="other-forms-null", Item={"k": {"S": "1"}, "value": {"NULL": True}}))
    one: Any = drive(Owner.get("1"))
    assert one.value is None
    assert one.model_changes() == {}

    with client.record() as requests:
        drive(one.save())
    assert [request.operation for request in requests] == []
    one.other = 5
    drive(one.save())

    assert client.sync.get_item("other-forms-null", {"k": "1"}) == {"k": "1", "other": 5, "value": None}


@dataclasses.dataclass
class OfDataclass:
    roles: set[str] = dataclasses.field(default_factory=lambda: {"guest"})


@dataclasses.dataclass
class SetLater:
    roles: set[str] = dataclasses.field(default_factory=lambda: {"guest"}, init=False)


@dataclasses.dataclass
class Frozen:
    roles: frozenset[str] = frozenset({"guest"})


@attrs.define
class OfAttrs:
    roles: set[str] = attrs.field(factory=lambda: {"guest"})


class OfStruct(msgspec.Struct):
    roles: set[str] = msgspec.field(default_factory=lambda: {"guest"})


class OfPydantic(pydantic.BaseModel):
    roles: set[str] = {"guest"}


class OfDocument(Document):
    roles: Attr[set[str]] = field(default_factory=lambda: {"guest"})


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize("cls", [OfDataclass, SetLater, Frozen, OfAttrs, OfStruct, OfPydantic, OfDocument])
def test_a_set_that_was_emptied_is_empty_whatever_its_default(client: DynamoDBClient, drive: Drive, cls: Any, json: bool) -> None:
    class Owner(Model[str], table="other-forms-empty"):
        k: Attr[str] = partition_key()
        value: Attr[cls] = field(default_factory=cls, json=json)
        values: Attr[list[cls]] = field(default_factory=list, json=json)

    Owner.table.sync.create()
    one: Any = Owner(k="1", values=[cls(), cls()])
    drive(one.create())
    one.value.roles = one.values[1].roles = type(one.value.roles)()
    drive(one.save())

    again: Any = drive(Owner.get("1"))

    assert (again.value.roles, again.values[0].roles, again.values[1].roles) == (set(), {"guest"}, set())
    assert again.model_changes() == {}


#: A type, its value, the text of another program, the text of this one, and another value.
LOOSE: dict[str, tuple[Any, Any, str, Any]] = {
    "datetime": (datetime, AT, "2024-01-02T03:04:05Z", AT + timedelta(days=1)),
    "date": (date, date(2024, 1, 2), "20240102", date(2024, 1, 3)),
    "time": (time, time(3, 4), "03:04", time(5)),
    "uuid": (UUID, UID, str(UID).upper(), UUID(int=5)),
    "optional": (datetime | None, AT, "2024-01-02T03:04:05Z", None),
}


@pytest.mark.parametrize("verb", ["save", "save of another", "put", "delete", "transaction"])
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("kind", LOOSE)
def test_a_unique_value_in_another_form_can_be_written(
    client: DynamoDBClient, drive: Drive, kind: str, together: bool, verb: str
) -> None:
    type_, value, text, other = LOOSE[kind]

    class Slot(Model[str], table="other-forms-unique", unique=["at", "room"] if together else ["at"]):
        k: Attr[str] = partition_key()
        at: Attr[type_]
        room: Attr[str] = field(default="r")
        n: Attr[int] = field(default=0)

    Slot.table.sync.create()
    client.sync.put_item("other-forms-unique", {"k": "1", "at": text, "room": "r"})
    one: Any = drive(Slot.get("1"))
    assert one.at == value
    assert one.model_changes() == {}
    if verb == "save of another":
        one.n = 1
    elif verb != "delete":
        one.at = other

    async def write() -> None:
        if verb == "transaction":
            async with client.transaction() as tx:
                tx.save(one)
        else:
            await getattr(one, verb.split(maxsplit=1)[0])()

    drive(write())

    stored = client.sync.get_item("other-forms-unique", {"k": "1"})
    assert (stored is None) == (verb == "delete")
    again: Any = drive(Slot.get("1"))
    assert again is None if verb == "delete" else (again.at, again.n) == (one.at, one.n)


@pytest.mark.filterwarnings("ignore::pydynox.StoredFormWarning")
@pytest.mark.parametrize("verb", ["save", "put", "update", "transaction"])
@pytest.mark.parametrize("kind", sorted(set(LOOSE) - {"time", "optional"}))
def test_a_template_of_a_value_in_another_form_follows(client: DynamoDBClient, drive: Drive, kind: str, verb: str) -> None:
    type_, _, text, _ = LOOSE[kind]

    class Job(Model[str], table="other-forms-template"):
        k: Attr[str] = partition_key()
        state: Attr[str]
        at: Attr[type_]
        g: Attr[str] = field(template="S#{state}#{at}")
        by_g = GlobalSecondaryIndex("g")

    Job.table.sync.create()
    client.sync.put_item("other-forms-template", {"k": "1", "state": "new", "at": text, "g": f"S#new#{text}"})
    one: Any = drive(Job.get("1"))
    before: Any = one.at
    if verb != "update":
        one.state = "done"

    async def write() -> None:
        if verb == "transaction":
            async with client.transaction() as tx:
                tx.save(one)
        elif verb == "update":
            await one.update(Job.state.set("done"))
        else:
            await getattr(one, verb)()

    drive(write())

    again: Any = drive(Job.get("1"))
    assert (again.state, again.at) == ("done", before)
    assert [row.k for row in drive(Job.by_g.query(again.g).all())] == ["1"]
    assert again.g.startswith("S#done#")


def test_a_unique_value_in_another_form_is_not_taken_for_an_orphan(client: DynamoDBClient, drive: Drive) -> None:
    class Slot(Model[str], table="other-forms-orphans"):
        model_config = ModelConfig(orphans="repair")
        k: Attr[str] = partition_key()
        at: Attr[datetime | None] = field(unique=True)

    Slot.table.sync.create()
    client.sync.put_item("other-forms-orphans", {"k": "1", "at": "2024-01-02T03:04:05Z"})
    assert [problem.kind for problem in drive(verify_unique(Slot, repair=True))] == ["missing"]

    with pytest.raises(UniqueConstraintError, match=r"Slot\.at is taken by Slot\.key\('1'\)"):
        drive(Slot(k="2", at=AT).create())

    # Gone, or without a value: nobody holds it.
    drive(
        client.call(
            "UpdateItem",
            TableName="other-forms-orphans",
            Key={"k": {"S": "1"}},
            UpdateExpression="REMOVE #at",
            ExpressionAttributeNames={"#at": "at"},
        )
    )
    drive(Slot(k="2", at=AT).create())
    drive(client.call("DeleteItem", TableName="other-forms-orphans", Key={"k": {"S": "2"}}))
    drive(Slot(k="3", at=AT).create())
    assert drive(verify_unique(Slot)) == []
