"""Every type there is: what is stored for it, what comes back, what is refused, and how strict reading is."""

from __future__ import annotations

import datetime as dt
import enum
import json
import string
import warnings
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydynox import (
    Attr,
    Document,
    DynamoDBClient,
    EnumAttribute,
    Model,
    ModelConfig,
    Repository,
    StoredFormWarning,
    field,
    partition_key,
    run,
    sort_key,
)
from pydynox.exceptions import ConfigurationError, SerializationError, ValidationError

from tests.conftest import Drive
from tests.typed import (
    NOW,
    Address,
    Card,
    Inner,
    Level,
    Money,
    Node,
    Point,
    Priced,
    Shade,
    Status,
    Typed,
    Wish,
    typed,
)

UID = UUID("01932c07-209f-7000-8000-3c6e1f1f1f1f")
EAST = dt.timezone(dt.timedelta(hours=2))

STORED: list[tuple[str, Any, dict[str, Any]]] = [
    ("day", dt.date(2026, 11, 23), {"S": "2026-11-23"}),
    ("clock", dt.time(3, 41, 0, 5), {"S": "03:41:00.000005"}),
    ("span", dt.timedelta(days=-1, microseconds=1), {"N": "-86399.999999"}),
    ("moment", NOW, {"S": "2026-11-23T03:41:00.000000Z"}),
    ("moment", dt.datetime(2026, 11, 23, 5, 41, 0, 7, EAST), {"S": "2026-11-23T03:41:00.000007Z"}),
    ("seconds", NOW, {"N": "1795405260"}),
    ("seconds", NOW.replace(microsecond=500000), {"N": "1795405260.5"}),
    ("millis", [NOW.replace(microsecond=1000)], {"L": [{"N": "1795405260001"}]}),
    ("uid", UID, {"S": str(UID)}),
    ("status", Status.ACTIVE, {"S": "active"}),
    ("level", Level.HIGH, {"N": "2"}),
    ("shade", Shade.LIGHT, {"B": "/w=="}),
    ("choice", "b", {"S": "b"}),
    ("number", 2, {"N": "2"}),
    ("pair", (1, "x"), {"L": [{"N": "1"}, {"S": "x"}]}),
    ("days", (dt.date(1, 1, 1),), {"L": [{"S": "0001-01-01"}]}),
    ("uids", {UID}, {"SS": [str(UID)]}),
    ("moments", frozenset({NOW}), {"SS": ["2026-11-23T03:41:00.000000Z"]}),
    ("spans", {dt.timedelta(seconds=1.5)}, {"NS": ["1.5"]}),
    ("levels", {Level.LOW}, {"NS": ["1"]}),
    ("exact", {Decimal("0." + "1" * 38)}, {"NS": ["0." + "1" * 38]}),
    ("point", Point(1), {"M": {"x": {"N": "1"}, "y": {"N": "0.5"}, "rank": {"N": "7"}}}),
    ("point", Point(1, rank=None), {"M": {"x": {"N": "1"}, "y": {"N": "0.5"}, "rank": {"NULL": True}}}),
    ("wish", {"what": "x", "price": None}, {"M": {"what": {"S": "x"}, "price": {"NULL": True}}}),
    (
        "address",
        Address(street="s", flags={Status.CLOSED}),
        {"M": {"street": {"S": "s"}, "c": {"S": "Paris"}, "flags": {"SS": ["closed"]}, "extra": {"M": {}}, "near": {"L": []}}},
    ),
    ("price", Money(3), {"N": "3"}),
    ("json", {"a": [1, 0.5, None, "é"]}, {"S": '{"a":[1,0.5,null,"é"]}'}),
    ("json", 2**200, {"S": str(2**200)}),
    ("json_point", Point(1), {"S": '{"x":1,"y":"0.5","seen":null,"rank":7,"labels":[]}'}),
]


@pytest.fixture
def table(client: DynamoDBClient, drive: Drive) -> None:
    drive(Typed.table.create())
    drive(Priced.table.create())


KEY = {"key": {"S": "k"}, "at": {"S": "2026-11-23T03:41:00.000000Z"}}


def put_raw(drive: Drive, client: DynamoDBClient, item: dict[str, Any]) -> None:
    drive(client.call("PutItem", TableName="typed", Item={**KEY, **item}))


@pytest.mark.parametrize(("name", "value", "stored"), STORED, ids=[f"{case[0]}-{n}" for n, case in enumerate(STORED)])
@pytest.mark.usefixtures("table")
def test_a_value_is_stored_in_one_form_and_comes_back(
    drive: Drive, client: DynamoDBClient, name: str, value: Any, stored: dict[str, Any]
) -> None:
    drive(typed(**{name: value}).create())

    found = drive(Typed.get("k", NOW))
    item = drive(client.call("GetItem", TableName="typed", Key=KEY))["Item"]

    assert item[Typed.model_fields[name].attribute_name] == stored
    assert getattr(found, name) == value
    assert type(getattr(found, name)) is type(value)
    assert found.model_changes() == {}


def test_a_set_that_is_empty_and_none_are_absent(drive: Drive, client: DynamoDBClient, table: None) -> None:
    drive(typed(point=Point(1, labels=set()), address=Address(street="s")).create())

    item = drive(client.call("GetItem", TableName="typed", Key=KEY))["Item"]
    found = drive(Typed.get("k", NOW))

    assert not {"moments", "uids", "day"} & set(item)
    assert "labels" not in item["point"]["M"]
    assert not {"flags", "since"} & set(item["address"]["M"])
    assert (found.moments, found.uids, found.day) == (frozenset(), set(), None)
    assert (found.point.labels, found.address.flags) == (set(), set())


def test_a_pydantic_model_is_stored_by_its_field_names(drive: Drive, client: DynamoDBClient, table: None) -> None:
    inner = Inner(at=NOW, spent=dt.timedelta(seconds=1.5))
    card = Card(cardHolder="Ada", limit=Decimal("0.10"), uid=UID, inner=inner, tags=set())

    drive(typed(card=card, json_card=[card]).create())
    found = drive(Typed.get("k", NOW))
    item = drive(client.call("GetItem", TableName="typed", Key=KEY))["Item"]

    assert (found.card, found.json_card) == (card, [card])
    assert item["card"]["M"]["holder"] == {"S": "Ada"}
    assert item["card"]["M"]["inner"]["M"]["spent"] == {"S": "P0DT1.5S"}
    assert "tags" not in item["card"]["M"]
    found.card.tags.add("x")
    assert set(found.model_changes()) == {"card"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("moment", dt.datetime(2026, 1, 1), "Typed.moment is a naive datetime"),
        ("moment", "2026-01-01T00:00:00Z", "Typed.moment must be datetime or None, not str"),
        ("moment", dt.date(2026, 1, 1), "must be datetime or None, not date"),
        ("moment", dt.datetime(1, 1, 1, tzinfo=EAST), "in UTC it is not between the years 1 and 9999"),
        ("day", NOW, "Typed.day must be date or None, not datetime"),
        ("clock", dt.time(1, tzinfo=dt.UTC), "has a timezone"),
        ("span", 3, "Typed.span must be timedelta or None, not int"),
        ("span", dt.timedelta.max, "longer than 290,000 years"),
        ("uid", str(UID), "Typed.uid must be UUID or None, not str"),
        ("status", "active", "Typed.status must be Status or None, not str"),
        ("level", 2, "Typed.level must be Level or None, not int"),
        ("choice", "c", "Typed.choice must be 'a' or 'b' or None, not 'c'"),
        ("choice", [], r"Typed.choice must be 'a' or 'b' or None, not \[\]"),
        ("number", True, "Typed.number must be 1 or 2 or None, not True"),
        ("pair", (1,), "Typed.pair must have 2 elements, not 1"),
        ("pair", (1, 2), r"Typed.pair\[1\] must be str, not int"),
        ("pair", [1, "x"], "Typed.pair must be tuple or None, not list"),
        ("days", (NOW,), r"Typed.days\[0\] must be date, not datetime"),
        ("uids", {"x"}, "Typed.uids.* must be UUID, not str"),
        ("uids", frozenset({UID}), "Typed.uids must be set, not frozenset"),
        ("uids", frozenset(), "Typed.uids must be set, not frozenset"),
        ("moments", {NOW}, "Typed.moments must be frozenset, not set"),
        ("spans", {dt.timedelta(1), 3}, "must be timedelta, not int"),
        ("point", {"z": 1}, "Typed.point has a member 'z' that Point does not declare"),
        ("point", Point("1"), "Typed.point.x must be int, not str"),
        ("wish", {"what": "x"}, 'lacks the member "price" of Wish'),
        ("wish", {"what": "x", "price": None, "y": 1}, "has a member 'y' that Wish does not declare"),
        ("wish", {"what": 3, "price": None}, r'Typed.wish\["what"\] must be str, not int'),
        ("places", {"a": [Point(1)]}, r'Typed.places\["a"\]\[0\] must be Address, not Point'),
        ("points", [Point(1), 3], r"Typed.points\[1\] must be Point or None, not int"),
        ("card", 3, "Typed.card must be Card or None, not int"),
        ("price", 3, "Typed.price must be Money or None, not int"),
        ("price", Money("x"), "Typed.price must be int, not str"),
        ("json", {1}, "Typed.json must be a value that JSON has, not set"),
        ("json", float("nan"), "NaN and infinity are not numbers in JSON"),
        ("json", {1: 2}, "must be str, not int"),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, value: Any, message: str) -> None:
    one = typed()

    with pytest.raises(ValidationError, match=message):
        setattr(one, name, value)
    with pytest.raises(ValidationError, match=message):
        typed(**{name: value})


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"moment": {"S": "2026-11-23T03:41:00"}}, "Typed.moment: the stored text is a point in time without Z"),
        ({"moment": {"S": "2026-11-23T03:41:00.0000001Z"}}, "finer than a microsecond"),
        ({"moment": {"S": "yesterday"}}, "not a point in time in ISO 8601"),
        ({"moment": {"BOOL": True}}, r"the stored value is a boolean \(BOOL\), not a string \(S\) or a number \(N\)"),
        ({"moment": {"N": "1E+30"}}, "Typed.moment: the stored number is not between the years 1 and 9999"),
        ({"seconds": {"S": "3"}}, "not a point in time in ISO 8601"),
        ({"clock": {"N": "3"}}, r"the stored value is a number \(N\), not a string \(S\)"),
        ({"seconds": {"N": "0.0000001"}}, "finer than a microsecond"),
        ({"millis": {"L": [{"N": "0.0001"}]}}, r"Typed.millis\[0\]: .*finer"),
        ({"day": {"S": "2026-02-30"}}, "not a date"),
        ({"clock": {"S": "25:00"}}, "not a time of day"),
        ({"span": {"N": "1E+30"}}, "Typed.span: the stored number is"),
        ({"uid": {"S": "x"}}, "Typed.uid: the stored text is not a UUID"),
        ({"status": {"S": "gone"}}, "Typed.status: the stored value is not a member of Status"),
        ({"status": {"N": "1"}}, r"is a number \(N\), not a string \(S\)"),
        ({"levels": {"NS": ["9"]}}, r"Typed.levels\{...\}: the stored value is not a member of Level"),
        ({"choice": {"S": "z"}}, "the stored value is not 'a' or 'b'"),
        ({"pair": {"L": [{"N": "1"}]}}, "the stored list has 1 elements, not 2"),
        ({"pair": {"L": [{"N": "1"}, {"S": ""}, {"S": ""}]}}, "the stored list has over 2 elements"),
        ({"point": {"M": {"y": {"N": "1"}}}}, "Typed.point.x: the stored map has no such member"),
        ({"point": {"M": {"x": {"S": "1"}}}}, "Typed.point.x: the stored value is a string"),
        ({"point": {"L": []}}, r"is a list \(L\), not a map \(M\)"),
        ({"address": {"M": {"c": {"S": ""}}}}, "Typed.address.street: the stored map has no such member"),
        ({"places": {"M": {"a": {"L": [{"M": {"street": {"N": "1"}}}]}}}}, r'Typed.places\["a"\]\[0\].street: '),
        (
            {"card": {"M": {"limit": {"N": "1"}}}},
            "Typed.card: Card refuses what is stored: holder: missing",
        ),
        ({"price": {"N": "-1"}}, "Typed.price: the codec refuses what is stored: ValueError"),
        ({"json": {"S": "{"}}, "Typed.json: the stored text is not JSON"),
        ({"json_point": {"S": '{"x":"1"}'}}, "Typed.json_point.x: the stored JSON text is not a valid int"),
    ],
)
def test_a_stored_value_of_another_type_names_model_and_attribute(
    drive: Drive, client: DynamoDBClient, table: None, stored: dict[str, Any], message: str
) -> None:
    put_raw(drive, client, stored)

    with pytest.raises(SerializationError, match=message) as caught:
        drive(Typed.get("k", NOW))

    assert (caught.value.model, caught.value.attribute) == ("Typed", next(iter(stored)))


def test_what_others_wrote_in_their_way_is_read_and_is_no_change(drive: Drive, client: DynamoDBClient, table: None) -> None:
    put_raw(
        drive,
        client,
        {
            "moment": {"S": "2026-11-23T05:41:00+0200"},
            "moments": {"SS": ["2026-11-23T03:41Z"]},
            "day": {"S": "20261123"},
            "clock": {"S": "03:41"},
            "uid": {"S": str(UID).upper()},
            "days": {"L": [{"S": "20261123"}]},
            "point": {"M": {"x": {"N": "1"}, "other": {"S": "kept"}}},
            "card": {"M": {"holder": {"S": "Ada"}, "limit": {"N": "3"}}},
            "json": {"S": '{ "a" : 1 }'},
        },
    )

    found = drive(Typed.get("k", NOW))

    assert (found.moment, found.day, found.clock, found.uid) == (NOW, dt.date(2026, 11, 23), dt.time(3, 41), UID)
    assert found.model_changes() == {}
    found.moment, found.uid, found.day = NOW.astimezone(EAST), UUID(str(UID)), dt.date(2026, 11, 23)
    assert found.model_changes() == {}
    found.point.x = 2
    drive(found.save())
    item = drive(client.call("GetItem", TableName="typed", Key=KEY))["Item"]
    assert item["moment"] == {"S": "2026-11-23T05:41:00+0200"}
    assert item["point"]["M"]["x"] == {"N": "2"}
    assert drive(Typed.get("k", NOW)) == found


def test_a_key_that_others_wrote_in_their_way_stays_the_address_of_its_item(
    drive: Drive, client: DynamoDBClient, table: None
) -> None:
    theirs = {"key": {"S": "k"}, "at": {"S": "2026-11-23T03:41:00+00:00"}}
    drive(client.call("PutItem", TableName="typed", Item=theirs))
    raw = drive(client.call("Scan", TableName="typed"))["Items"][0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoredFormWarning)
        found = Typed.model_from_item(raw)

    found.day = dt.date(2026, 1, 1)
    drive(found.save())
    drive(found.put())
    assert [item["at"] for item in drive(client.call("Scan", TableName="typed"))["Items"]] == [theirs["at"]]
    drive(found.refresh())
    assert found.at == NOW
    drive(found.delete())
    assert drive(client.call("Scan", TableName="typed"))["Count"] == 0


def test_keys_are_of_every_type_that_is_stored_as_text_number_or_bytes(drive: Drive, client: DynamoDBClient, table: None) -> None:
    drive(Priced(price=Money(5), status=Status.ACTIVE, uid=UID).create())

    assert drive(Priced.get(Money(5), Status.ACTIVE)).uid == UID
    assert drive(Priced.key(Money(5), Status.ACTIVE).exists())
    described = drive(client.call("DescribeTable", TableName="priced"))["Table"]["AttributeDefinitions"]
    assert sorted((a["AttributeName"], a["AttributeType"]) for a in described) == [("price", "N"), ("status", "S")]
    with pytest.raises(ValidationError, match=r"Priced.status must be Status, not str"):
        Priced.key(Money(5), "active")


@pytest.mark.parametrize("key", [dt.datetime, dt.date, UUID, Level, Literal["x", "y"], dt.timedelta], ids=str)
def test_a_type_of_key_makes_a_table(drive: Drive, client: DynamoDBClient, key: Any) -> None:
    values = {dt.datetime: NOW, dt.date: NOW.date(), UUID: UID, Level: Level.LOW, dt.timedelta: dt.timedelta(1)}

    class Keyed(Model, table="keyed"):
        a: Attr[key] = partition_key()

    value = values.get(key, "x")
    drive(Keyed.table.create())
    drive(Keyed(a=value).create())

    assert drive(Keyed.get(value)).a == value


def test_an_empty_key_is_refused_whatever_its_type() -> None:
    class Empty(enum.StrEnum):
        NONE = ""

    class Keyed(Model[Empty], table="keyed"):
        a: Attr[Empty] = partition_key()

    with pytest.raises(ValidationError, match=r"Keyed\.a must not be empty"):
        Keyed(a=Empty.NONE)


class Lenient(Model[str, dt.datetime], table="typed"):
    model_config = ModelConfig(strict_reads=False)
    key_: Attr[str] = partition_key(attribute_name="key")
    at: Attr[dt.datetime] = sort_key()
    status: EnumAttribute[Status] = EnumAttribute(Status, default=Status.ACTIVE)
    points: Attr[list[Point]] = field(default_factory=list)
    day: Attr[dt.date | None] = field(default=None)


def test_lenient_reads_give_the_plain_value_and_write_it_back_untouched(
    drive: Drive, client: DynamoDBClient, table: None
) -> None:
    put_raw(drive, client, {"status": {"S": "gone"}, "points": {"L": [{"S": "p"}]}, "day": {"S": "2026-11-23"}})

    found = drive(Lenient.get("k", NOW))

    assert (found.status, found.points, found.day) == ("gone", ["p"], dt.date(2026, 11, 23))
    assert found.model_changes() == {}
    found.day = None
    drive(found.save())
    drive(found.put())
    item = drive(client.call("GetItem", TableName="typed", Key=KEY))["Item"]
    assert (item["status"], item["points"]) == ({"S": "gone"}, {"L": [{"S": "p"}]})
    found.status = Status.CLOSED
    found.points.append("q")
    assert {name: change.old for name, change in found.model_changes().items()} == {"status": "gone", "points": ["p"]}
    drive(found.save())
    assert drive(Lenient.get("k", NOW)).status is Status.CLOSED
    found.points = [Point(1)]
    found.model_rollback()
    assert found.points == ["p", "q"]


def test_an_enum_has_the_last_word_on_what_it_knows(drive: Drive, client: DynamoDBClient, table: None) -> None:
    class Colour(enum.Enum):
        RED = "red"

        @classmethod
        def _missing_(cls, value: object) -> Any:
            return cls.RED if value == "rouge" else None

    class Perm(enum.IntFlag):
        R = 4
        W = 2

    class Flagged(Model[str, dt.datetime], table="typed"):
        key_: Attr[str] = partition_key(attribute_name="key")
        at: Attr[dt.datetime] = sort_key()
        colour: Attr[Colour]
        perm: Attr[Perm]

    put_raw(drive, client, {"colour": {"S": "rouge"}, "perm": {"N": "6"}})

    found = drive(Flagged.get("k", NOW))

    assert (found.colour, found.perm) == (Colour.RED, Perm.R | Perm.W)
    assert found.model_changes() == {}


aware = st.datetimes(
    min_value=dt.datetime(1, 1, 2),
    max_value=dt.datetime(9999, 12, 30),
    timezones=st.sampled_from([dt.UTC, EAST, dt.timezone(dt.timedelta(hours=-5, seconds=1))]),
)
spans = st.timedeltas(dt.timedelta(days=-100_000_000), dt.timedelta(days=100_000_000))
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**20), max_value=10**20)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
names = st.text(string.ascii_letters, min_size=1, max_size=4)
points = st.builds(
    Point,
    st.integers(-(10**38) + 1, 10**38 - 1),
    decimals,
    st.none() | aware,
    st.none() | st.integers(0, 9),
    st.sets(texts),
)
addresses = st.recursive(
    st.builds(Address, street=texts, since=st.none() | st.dates(), flags=st.sets(st.sampled_from(Status))),
    lambda inner: st.builds(
        Address, street=texts, near=st.lists(inner, max_size=2), extra=st.dictionaries(names, st.integers(0, 9))
    ),
    max_leaves=4,
)
nodes = st.recursive(
    st.builds(Node, texts),
    lambda inner: st.builds(Node, texts, st.lists(inner, max_size=2).map(tuple)),
    max_leaves=4,
)
cards = st.builds(
    Card,
    cardHolder=texts,
    limit=decimals,
    ratio=st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > 1e-100),
    uid=st.none() | st.uuids(),
    status=st.sampled_from(Status),
    inner=st.none() | st.builds(Inner, at=aware.map(lambda at: at.astimezone(EAST)), spent=spans),
    tags=st.sets(texts),
    pair=st.tuples(st.integers(0, 9), texts),
)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
wishes = st.fixed_dictionaries({"what": texts, "price": st.none() | decimals}, optional={"due": st.dates()})

items = st.builds(
    typed,
    at=aware,
    day=st.none() | st.dates(),
    clock=st.none() | st.times(),
    span=st.none() | spans,
    moment=st.none() | aware,
    seconds=st.none() | aware,
    millis=st.lists(aware, max_size=3),
    uid=st.none() | st.uuids(),
    status=st.none() | st.sampled_from(Status),
    level=st.none() | st.sampled_from(Level),
    shade=st.none() | st.sampled_from(Shade),
    choice=st.none() | st.sampled_from("ab"),
    pair=st.none() | st.tuples(st.integers(), texts).filter(lambda pair: abs(pair[0]) < 10**38),
    days=st.lists(st.dates(), max_size=3).map(tuple),
    uids=st.sets(st.uuids(), max_size=3),
    moments=st.frozensets(aware, max_size=3),
    spans=st.sets(spans, max_size=3),
    levels=st.sets(st.sampled_from(Level)),
    exact=st.sets(decimals, max_size=3),
    point=st.none() | points,
    node=st.none() | nodes,
    wish=st.none() | wishes,
    address=st.none() | addresses,
    places=st.dictionaries(names, st.lists(addresses, max_size=2), max_size=2),
    points=st.lists(st.none() | points, max_size=2),
    card=st.none() | cards,
    price=st.none() | st.builds(Money, st.integers(0, 10**30)),
    json=jsons,
    json_point=st.none() | points,
    json_card=st.none() | st.lists(cards, max_size=2),
)


@pytest.fixture(scope="module")
def memory() -> DynamoDBClient:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        Typed.table.sync.create()
    return client


@pytest.mark.thorough
@given(items)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_every_value_comes_back_as_it_was(memory: DynamoDBClient, drive: Drive, one: Typed) -> None:
    with memory.as_default():
        drive(one.put())

        found = drive(Typed.get(one.key_, one.at))

        assert found == one
        assert found.model_changes() == {}
        json.dumps(found.model_dump(mode="json"))
        assert found.model_dump().keys() == Typed.model_fields.keys()


@pytest.mark.thorough
@given(items, items)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_saving_what_changed_stores_what_putting_the_whole_would(
    memory: DynamoDBClient, drive: Drive, old: Typed, new: Typed
) -> None:
    with memory.as_default():
        drive(old.put())
        found = drive(Typed.get(old.key_, old.at))

        for name in Typed.model_fields:
            if name not in ("key_", "at"):
                setattr(found, name, getattr(new, name))
        drive(found.save())

        assert found.model_changes() == {}
        assert drive(Typed.get(old.key_, old.at)) == found


@given(st.lists(aware, min_size=2, max_size=5))
def test_the_order_of_stored_texts_is_the_order_of_times(moments: list[dt.datetime]) -> None:
    stored = [typed(moment=moment).model_to_item()["moment"]["S"] for moment in moments]

    assert [text for _, text in sorted(zip(moments, stored, strict=True), key=lambda pair: pair[0])] == sorted(stored)


def test_a_dump_in_json_mode_is_json_for_every_type() -> None:
    one = typed(
        moment=NOW,
        span=dt.timedelta(days=1, seconds=0.5),
        uid=UID,
        level=Level.LOW,
        shade=Shade.LIGHT,
        pair=(1, "x"),
        moments=frozenset({NOW}),
        point=Point(1),
        wish=Wish(what="x", price=Decimal("0.10")),
        address=Address(street="s"),
        price=Money(3),
        json_point=Point(2),
    )

    dumped = one.model_dump(mode="json")

    assert json.loads(json.dumps(dumped)) == dumped
    assert dumped["moment"] == "2026-11-23T03:41:00.000000Z"
    assert dumped["span"] == "P1DT0.5S"
    assert (dumped["uid"], dumped["level"], dumped["shade"], dumped["pair"]) == (str(UID), 1, "/w==", [1, "x"])
    assert dumped["point"] == {"x": 1, "y": "0.5", "seen": None, "rank": 7, "labels": []}
    assert dumped["address"]["city"] == "Paris"
    assert (dumped["price"], dumped["json_point"]["x"], dumped["wish"]["price"]) == (3, 2, "0.10")
    assert one.model_dump()["address"] == Address(street="s").model_dump()
    assert one.model_dump()["point"] == {"x": 1, "y": Decimal("0.5"), "seen": None, "rank": 7, "labels": set()}


def test_a_model_of_every_type_is_a_pydantic_type() -> None:
    one = typed(
        moment=NOW,
        uid=UID,
        pair=(1, "x"),
        point=Point(1),
        address=Address(street="s", near=[Address(street="t")]),
        price=Money(3),
    )
    adapter = pydantic.TypeAdapter(Typed)

    again = adapter.validate_json(adapter.dump_json(one))

    assert again == one
    assert set(pydantic.TypeAdapter(Address).json_schema()["$defs"]) == {"Address", "Status"}
    with pytest.raises(pydantic.ValidationError):
        adapter.validate_python({"key_": "k", "at": NOW, "address": {"street": 3}})


class Holder:
    """A codec that says nothing of what it stores."""

    def to_stored(self, value: Any, /) -> Any:
        return value

    def from_stored(self, value: Any, /) -> Any:
        return value


SLIPS = {
    "b: Attr[set[Point]]": "a set holds str, int, float, Decimal or bytes, or what is stored as one of them",
    "b: Attr[frozenset[bool]]": "a frozenset holds str",
    "b: Attr[Literal['a', 1]]": "the values of a Literal must have one type",
    "b: Attr[Odd]": "the members of Odd have values of several types",
    "b: Attr[Tupled]": "the members of Tupled have values that cannot be stored",
    "b: Attr[Broken]": "Broken.x: use str, int",
    "b: Attr[datetime] = field(default='x')": "Bad.b is datetime, and its default is 'x'",
    "b: Attr[datetime] = field(default=datetime(2026, 1, 1))": "Bad.b is datetime, and its default is",
    "b: Attr[Status] = field(default='active')": "Bad.b is Status, and its default is 'active'",
    "b: Attr[tuple[int, ...]] = field(default=('x',))": "Bad.b is tuple[int, ...], and its default is ('x',)",
    "b: Attr[Point] = field(default=Point(1))": "has a default that all instances would share: write default_factory=lambda: Point(",
    "b: Attr[Address] = field(default=Address(street='s'))": "write default_factory=lambda: Address(",
    "b: Attr[Money]": "Bad.b has the type Money, which cannot be stored: use str",
    "b: Attr[Money] = field(codec=object())": "has no method to_stored(value)",
    "b: Attr[int] = field(epoch='seconds')": "epoch= is for datetimes",
    "b: Attr[datetime] = field(epoch='minutes')": "epoch= is 'seconds' or 'milliseconds', not 'minutes'",
}


class Odd(enum.Enum):
    A = 1
    B = "b"


class Tupled(enum.Enum):
    A = 1j


def namespace() -> dict[str, Any]:
    import dataclasses

    broken = dataclasses.make_dataclass("Broken", [("x", complex)])
    return {**globals(), "Broken": broken, "datetime": dt.datetime}


@pytest.mark.parametrize("body", SLIPS)
def test_a_slip_is_named_when_the_class_is_made(body: str) -> None:
    source = f"class Bad(Model[str], table='t'):\n    a: Attr[str] = partition_key()\n    {body}\n"

    with pytest.raises(ConfigurationError) as caught:
        exec(compile(source, "<test>", "exec", dont_inherit=True), namespace())  # noqa: S102

    assert SLIPS[body] in str(caught.value)
    assert (caught.value.model, caught.value.attribute) == ("Bad", "b")


def test_a_codec_of_a_key_says_what_it_stores() -> None:
    with pytest.raises(ConfigurationError, match=r"Bad.a is a key of type Money"):

        class Bad(Model[Money], table="bad"):
            a: Attr[Money] = partition_key(codec=Holder())


def test_values_of_a_codec_that_says_nothing_are_whatever_is_stored(memory: DynamoDBClient) -> None:
    class Loose(Model[str, dt.datetime], table="typed"):
        key_: Attr[str] = partition_key(attribute_name="key")
        at: Attr[dt.datetime] = sort_key()
        value: Attr[Any] = field(codec=Holder(), default=None)

    with memory.as_default():
        run(Loose(key_="loose", at=NOW, value={"a": [1, Decimal("0.5")]}).put())

        assert run(Loose.get_or_raise("loose", NOW)).value == {"a": [1, Decimal("0.5")]}


CONDITIONS: list[tuple[str, Any]] = [
    (name, value) for name, value, _ in STORED if name not in ("json", "json_point") and not isinstance(value, (set, frozenset))
]


@pytest.mark.parametrize(("name", "value"), CONDITIONS, ids=[f"{case[0]}-{n}" for n, case in enumerate(CONDITIONS)])
@pytest.mark.usefixtures("table")
def test_a_value_of_every_type_can_be_set_and_compared(drive: Drive, name: str, value: Any) -> None:
    one = typed()
    drive(one.create())
    path = getattr(Typed, name)

    drive(one.update(path.set(value), condition=path.not_exists() | (path != value)))
    drive(one.update(Typed.uid.set(UID), condition=path == value))

    assert getattr(one, name) == value
    assert drive(Typed.get("k", NOW)) == one


@pytest.mark.usefixtures("table")
def test_elements_of_sets_and_tuples_are_added_and_taken(drive: Drive) -> None:
    one = typed(days=(NOW.date(),), levels={Level.LOW})
    drive(one.create())

    drive(one.update(Typed.uids.add(UID), Typed.moments.add(NOW), Typed.levels.discard(Level.LOW), Typed.days.append(NOW.date())))

    assert (one.uids, one.moments, one.levels, one.days) == ({UID}, frozenset({NOW}), set(), (NOW.date(), NOW.date()))
    drive(one.update(Typed.day.set(NOW.date()), condition=Typed.uids.contains(UID) & Typed.days.contains(NOW.date())))
    with pytest.raises(ValidationError, match="must be UUID, not str"):
        Typed.uids.add("x")


class Vault(pydantic.BaseModel):
    pin: pydantic.SecretStr


class Login(pydantic.BaseModel):
    name: str = ""
    password_hash: str = pydantic.Field(default="", exclude=True)


class Accounts(pydantic.BaseModel):
    logins: dict[str, Login]


@dataclass
class Owner:
    login: Login


EXCLUDED = "Login.password_hash, which has exclude=True, so it would not be stored"
SECRET = "Vault.pin, which hides its value in what would be stored"


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize(
    ("type_", "lost"),
    [
        (Login, EXCLUDED),
        (list[Login], EXCLUDED),
        (Login | None, EXCLUDED),
        (Accounts, EXCLUDED),
        (Owner, EXCLUDED),
        (Vault, SECRET),
        (list[Vault], SECRET),
    ],
)
def test_a_pydantic_model_that_would_lose_a_value_is_refused(type_: Any, lost: str, json: bool) -> None:
    def declared() -> None:
        class Safe(Model[str], table="safes"):
            safe_id: Attr[str] = partition_key()
            value: Attr[type_] = field(json=json)

        Safe.model_from_item({"safe_id": {"S": "s"}})

    with pytest.raises(ConfigurationError, match=f"Safe.value .* it has .*{lost}"):
        declared()


def test_a_document_with_a_pydantic_model_that_would_lose_a_value_is_refused() -> None:
    def declared() -> None:
        class Group(Document):
            logins: Attr[list[Login]]

        class Safe(Model[str], table="safes"):
            safe_id: Attr[str] = partition_key()
            group: Attr[Group]

        Safe.model_from_item({"safe_id": {"S": "s"}})

    with pytest.raises(ConfigurationError, match=EXCLUDED):
        declared()


@pytest.mark.parametrize("json", [False, True])
def test_what_a_serializer_of_its_own_stores_is_the_class_s_business(json: bool) -> None:
    class Open(pydantic.BaseModel):
        pin: pydantic.SecretStr

        @pydantic.field_serializer("pin")
        def stored(self, pin: pydantic.SecretStr) -> str:
            return pin.get_secret_value()

    class Every(pydantic.BaseModel):
        pin: pydantic.SecretStr

        @pydantic.field_serializer("*")
        def stored(self, pin: pydantic.SecretStr) -> str:
            return pin.get_secret_value()

    class Whole(pydantic.BaseModel):
        pin: pydantic.SecretStr = pydantic.Field(exclude=True)

        @pydantic.model_serializer
        def stored(self) -> dict[str, str]:
            return {"pin": self.pin.get_secret_value()}

    class Safe(Model[str], table="safes"):
        safe_id: Attr[str] = partition_key()
        one: Attr[Open] = field(json=json)
        every: Attr[Every] = field(json=json)
        other: Attr[Whole] = field(json=json)

    safe = Safe(safe_id="s", one=Open(pin="1234"), every=Every(pin="9"), other=Whole(pin="5678"))  # type: ignore[arg-type]

    assert Safe.model_from_item(safe.model_to_item()) == safe


class Branch(pydantic.BaseModel):
    """At the top of the module, where pydantic finds its name."""

    name: str
    tags: set[str] = set()
    children: list[Branch] = []
    other: Leaf | None = None


class Leaf(pydantic.BaseModel):
    branch: Branch | None = None


@pytest.mark.parametrize("json", [False, True])
def test_a_pydantic_model_may_have_itself_among_its_members(json: bool) -> None:
    class Tree(Model[str], table="trees"):
        tree_id: Attr[str] = partition_key()
        root: Attr[Branch] = field(json=json)
        by_name: Attr[dict[str, Branch]] = field(default_factory=dict, json=json)

    root = Branch(name="a", tags={"x"}, children=[Branch(name="b", tags={"y"})], other=Leaf(branch=Branch(name="c", tags={"z"})))
    tree = Tree(tree_id="t", root=root, by_name={"a": root})

    assert Tree.model_from_item(tree.model_to_item()) == tree


def test_a_repository_may_have_a_recursive_model_of_pydantic() -> None:
    branches = Repository(Branch, table="branches", partition_key="name")
    root = Branch(name="a", tags={"x"}, children=[Branch(name="b", tags={"y"}), Branch(name="c")])

    with DynamoDBClient(endpoint_url="memory://").as_default():
        branches.table.sync.create()
        branches.sync.create(root)

        assert branches.sync.get("a") == root
