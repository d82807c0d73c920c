"""Rows as JSON, for responses: what is stored becomes what dumps of the instances are, without instances."""

from __future__ import annotations

import datetime as dt
import json
import warnings
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydynox import (
    Attr,
    Compressed,
    DynamoDBClient,
    Encrypted,
    LocalKeyring,
    Model,
    ModelConfig,
    after_load,
    created_at,
    field,
    partition_key,
    sort_key,
    ttl,
    updated_at,
    version,
)
from pydynox.exceptions import SerializationError

from tests.conftest import Drive
from tests.typed import Address, Card, Level, Money, MoneyCodec, Point, Shade, Status, Wish


class Whole(Model[str, int], table="rows"):
    """An attribute of every kind, of those that are copied and of those that are read."""

    owner: Attr[str] = partition_key(attribute_name="pk")
    number: Attr[int] = sort_key()
    text: Attr[str] = field(default="")
    none: Attr[str | None] = field(default=None)
    count: Attr[int] = field(default=0)
    ratio: Attr[float] = field(default=0.0)
    exact: Attr[Decimal] = field(default=Decimal(0))
    flag: Attr[bool] = field(default=False)
    data: Attr[bytes] = field(default=b"")
    lists: Attr[list[list[int | None]]] = field(default_factory=list)
    names: Attr[tuple[str, ...]] = field(default=())
    map: Attr[dict[str, dict[str, bool]]] = field(default_factory=dict)
    words: Attr[set[str]] = field(default_factory=set)
    whole: Attr[frozenset[int]] = field(default=frozenset())
    anything: Attr[Any] = field(default=None)
    day: Attr[dt.date | None] = field(default=None)
    moment: Attr[dt.datetime | None] = field(default=None, epoch="seconds")
    span: Attr[dt.timedelta | None] = field(default=None)
    uid: Attr[UUID | None] = field(default=None)
    status: Attr[Status | None] = field(default=None)
    level: Attr[Level | None] = field(default=None)
    shade: Attr[Shade | None] = field(default=None)
    point: Attr[Point | None] = field(default=None)
    wish: Attr[Wish | None] = field(default=None)
    address: Attr[Address | None] = field(default=None)
    card: Attr[Card | None] = field(default=None)
    price: Attr[Money | None] = field(default=None, codec=MoneyCodec())
    until: Attr[dt.datetime | None] = ttl(default=None)
    made: Attr[dt.datetime] = created_at()
    changed: Attr[dt.datetime] = updated_at()
    revision: Attr[int] = version()


VALUES: list[dict[str, Any]] = [
    {},
    {"text": 'quoted " and \\ and \n and \u2028 and é and 😀', "none": "", "count": -(10**37), "ratio": 1e-7, "flag": True},
    {"exact": Decimal("1.50"), "data": b"\x00\xff", "lists": [[1, None], [], [-3]], "names": ("a", 'b"')},
    {"map": {"a": {}, 'b"\n': {"x": True}}, "words": {"w"}, "whole": frozenset({7}), "anything": {"a": [1, "x", None, b"y"]}},
    {"day": dt.date(2026, 2, 3), "moment": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "span": dt.timedelta(days=1, microseconds=5)},
    {"uid": UUID(int=7), "status": Status.ACTIVE, "level": Level.HIGH, "shade": Shade.DARK, "price": Money(3)},
    {"point": Point(1), "wish": {"what": "w", "price": None}, "address": Address(street="s"), "card": Card(cardHolder="c")},
    {"until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)},
]


@pytest.fixture
def client() -> Any:
    with DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": bytes(32)})).as_default():
        Whole.table.sync.create()
        from pydynox import get_default_client

        yield get_default_client()


def same(row: bytes, instance: Model[Any]) -> bool:
    """Whether it is the dump; the embedded engine keeps maps in no order."""
    text = row.decode()
    assert list(json.loads(text)) == list(instance.model_fields)
    return json.loads(text, parse_float=str, parse_int=str) == json.loads(
        instance.model_dump_json(), parse_float=str, parse_int=str
    )


def test_rows_are_the_dumps_of_their_instances(client: DynamoDBClient, drive: Drive) -> None:
    for number, values in enumerate(VALUES):
        Whole(owner="o", number=number, **values).sync.create()

    query = Whole.query("o").as_json(None)

    assert query is not None
    rows, instances = drive(query.all()), Whole.query("o").sync.all()
    assert len(rows) == len(VALUES)
    assert all(map(same, rows, instances))
    page = drive(query.page(3))
    assert page.items == rows[:3]
    assert [row.number for row in Whole.query("o").after(page.cursor).sync.all()] == [3, 4, 5, 6, 7]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
whole = st.integers(-(10**38) + 1, 10**38 - 1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=texts, none=st.none() | texts, count=whole, ratio=st.floats(-1e60, 1e60).map(lambda x: x if abs(x) > 1e-60 else 0.0)
    | st.decimals(-(10**9), 10**9, places=6).map(float) | st.sampled_from([0.1, -0.0, 3.0, 1e15, 1e16, 1e-4, 1e-5, -0.5, 1e22]),
    lists=st.lists(st.lists(st.none() | whole, max_size=3), max_size=3), words=st.sets(texts.filter(bool), max_size=1),
    map=st.dictionaries(texts.filter(bool), st.dictionaries(texts.filter(bool), st.booleans(), max_size=1), max_size=1),
)  # fmt: skip
def test_any_values_are_those_of_the_dump(client: DynamoDBClient, **values: Any) -> None:
    Whole(owner="h", number=1, **values).sync.put()

    (row,) = Whole.query("h").as_json(None).sync.all()  # type: ignore[union-attr]

    assert same(row, Whole.sync.get_or_raise("h", 1))


def test_only_the_names_that_are_asked_for_are_shown(client: DynamoDBClient) -> None:
    Whole(owner="o", number=1, text="t").sync.create()

    for names in (["owner", "text"], ["text"], ["revision"], [], ["number", "nothing"]):
        (row,) = Whole.query("o").as_json(names).sync.all()  # type: ignore[union-attr]
        assert list(json.loads(row)) == [name for name in names if name != "nothing"]


@pytest.mark.parametrize(
    "stored",
    [
        {"text": 5},
        {"count": "5"},
        {"count": Decimal("1.5")},
        {"lists": [[1, "x"]]},
        {"map": {"a": {"b": 1}}},
        {"words": {1}},
        {"flag": "x"},
        {"status": "gone"},
        {"none": [1]},
        {"point": {"y": 1}},
    ],
    ids=str,
)
@pytest.mark.parametrize("names", [None, ["owner"]], ids=["all", "hidden"])
def test_a_value_that_does_not_fit_is_the_same_error(client: DynamoDBClient, stored: dict[str, Any], names: Any) -> None:
    Whole(owner="o", number=1).sync.create()
    client.sync.put_item("rows", {"pk": "o", "number": 2, **stored})
    Whole(owner="o", number=3).sync.create()
    usual, rows = Whole.query("o"), Whole.query("o").as_json(names)
    assert rows is not None

    with pytest.raises(SerializationError) as expected:
        usual.sync.all()
    with pytest.raises(SerializationError) as caught:
        rows.sync.all()

    assert str(caught.value) == str(expected.value)
    assert (caught.value.raw, caught.value.key) == (expected.value.raw, expected.value.key)
    assert len(rows.sync.page(3)) == 1
    bad: list[SerializationError] = []
    assert len(rows.on_invalid(bad.append).sync.all()) == 2
    assert len(bad) == 1


def test_what_an_item_lacks_is_what_its_instance_has(client: DynamoDBClient) -> None:
    client.sync.put_item("rows", {"pk": "o", "number": 2, "unknown": 5})

    (row,) = Whole.query("o").as_json(None).sync.all()  # type: ignore[union-attr]

    assert same(row, Whole.sync.get_or_raise("o", 2))
    values = json.loads(row)
    assert (values["made"], values["revision"], values["lists"], values["map"]) == (None, 0, [], {})

    class Needs(Model[str, int], table="rows"):
        owner: Attr[str] = partition_key(attribute_name="pk")
        number: Attr[int] = sort_key()
        must: Attr[str]

    with pytest.raises(SerializationError, match="must"):
        Needs.query("o").as_json(None).sync.all()  # type: ignore[union-attr]


class Secret(Model[str, int], table="rows"):
    owner: Attr[str] = partition_key(attribute_name="pk")
    number: Attr[int] = sort_key()
    card: Encrypted[str | None] = field(default=None)


class Small(Model[str, int], table="rows"):
    owner: Attr[str] = partition_key(attribute_name="pk")
    number: Attr[int] = sort_key()
    text: Compressed[str | None] = field(default=None)


class Hooked(Model[str, int], table="rows"):
    owner: Attr[str] = partition_key(attribute_name="pk")
    number: Attr[int] = sort_key()

    @after_load
    def loaded(self) -> None: ...


class Lenient(Model[str, int], table="rows"):
    model_config = ModelConfig(strict_reads=False)
    owner: Attr[str] = partition_key(attribute_name="pk")
    number: Attr[int] = sort_key()


class Base(Model[str, int], table="rows"):
    owner: Attr[str] = partition_key(attribute_name="pk")
    number: Attr[int] = sort_key()


class Cat(Base, entity="cat"):
    lives: Attr[int] = field(default=9)


class Dog(Base, entity="dog"):
    bark: Attr[str] = field(default="wow")


@pytest.mark.parametrize("is_built", [False, True])
def test_times_in_keys_are_shown_and_watched(is_built: bool, client: DynamoDBClient, drive: Drive) -> None:
    class Timed(Model[str, dt.datetime], table="timed"):
        owner: Attr[str] = partition_key()
        at: Attr[dt.datetime] = sort_key()

    class Built(Model[str, str], table="timed"):
        owner: Attr[str] = partition_key()
        at: Attr[str] = sort_key(template="AT#{moment}#{number}")
        moment: Attr[dt.datetime]
        number: Attr[int] = field(default=7)

    model: Any = Built if is_built else Timed
    Timed.table.sync.create()
    moment = dt.datetime(2026, 11, 30, 8, 15, tzinfo=dt.UTC)
    model(**{"owner": "o", "moment" if is_built else "at": moment}).sync.put()
    (instance,) = model.query("o").sync.all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (row,) = drive(model.query("o").as_json(None).all())
    assert row.decode() == instance.model_dump_json()

    # Another program has written the key in another form: a value that is shown, and that finds nothing.
    seconds = str(int(moment.timestamp()))
    item = {"owner": {"S": "x"}, "at": {"S": f"AT#{seconds}#7" if is_built else "2026-11-30T08:15:00+00:00"}}
    if is_built:
        item |= {"moment": {"S": instance.model_dump(mode="json")["moment"]}, "number": {"N": "7"}}
    client.sync.call("PutItem", TableName="timed", Item=item)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = [drive(model.query("x").as_json(None).all()) for _ in range(2)]
    assert [str(one.message).partition(" is a key")[0] for one in caught] == [f"{model.__name__}.at"]
    assert rows[0] == rows[1] == [model.query("x").sync.one().model_dump_json().encode()]


@pytest.mark.parametrize("model", [Secret, Small, Hooked, Lenient, Base])
def test_what_only_an_instance_has_needs_one(model: Any) -> None:
    assert model.query("o").as_json(None) is None


def test_rows_that_are_no_items_have_no_json(client: DynamoDBClient) -> None:
    assert Whole.query("o").keys().as_json(None) is None
    assert Whole.query("o").select(Whole.text).as_json(None) is None
    assert client.scan("rows").as_json(None) is None


def test_an_entity_shows_its_own_items(client: DynamoDBClient) -> None:
    for number, item in enumerate((Cat, Dog, Cat)):
        item(owner="o", number=number).sync.create()

    rows = Cat.query("o").as_json(None).sync.all()  # type: ignore[union-attr]

    assert [json.loads(row) for row in rows] == [{"owner": "o", "number": number, "lives": 9} for number in (0, 2)]
