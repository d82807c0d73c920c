"""Dumps and what becomes of them: what each option leaves out, the order, and that every dump is accepted back."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import enum
import json
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

import httpx
import pydantic
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from pydynox import (
    Attr,
    Compressed,
    Document,
    DynamoDBClient,
    Encrypted,
    JSONAttribute,
    Model,
    created_at,
    field,
    partition_key,
    sort_key,
    updated_at,
    version,
)
from pydynox.exceptions import ValidationError
from typing_extensions import TypedDict

from tests.conftest import Drive
from tests.typed import Address, Card, Level, Money, MoneyCodec, Node, Point, Shade, Status, Typed

from . import test_types

T = TypeVar("T")


class Geo(Document):
    lat: Attr[Decimal]
    label: Attr[str | None] = field(default=None)
    seen: Attr[list[int]] = field(default_factory=list)


class Home(Document):
    street: Attr[str] = field(max_length=10)
    city: Attr[str] = field(default="Paris", attribute_name="c")
    geo: Attr[Geo | None] = field(default=None)


@dataclasses.dataclass
class Pet:
    name: str
    age: int = 3
    chip: UUID | None = None
    toys: list[str] = dataclasses.field(default_factory=list)


class Wish(TypedDict, total=False):
    what: str
    price: Decimal | None


class Badge(pydantic.BaseModel):
    holder: str = pydantic.Field(alias="badgeHolder")
    note: str | None = None
    level: int = 1


class Person(Model[str, int], table="people"):
    person_id: Attr[str] = partition_key(attribute_name="pk")
    number: Attr[int] = sort_key()
    home: Attr[Home]
    name: Attr[str | None] = field(default=None, attribute_name="n")
    age: Attr[int] = field(default=0)
    places: Attr[list[Home]] = field(default_factory=list)
    by_name: Attr[dict[str, Home]] = field(default_factory=dict)
    pet: Attr[Pet | None] = field(default=None)
    wish: Attr[Wish | None] = field(default=None)
    badge: Attr[Badge | None] = field(default=None)
    settings: JSONAttribute[Pet | None] = JSONAttribute(Pet, null=True)
    log: Compressed[list[str]] = field(default_factory=list)


def person(**values: Any) -> Person:
    home = Home(street="Rue 1", geo=Geo(lat=Decimal("1.5")))
    return Person(**{"person_id": "p", "number": 1, "home": home, **values})


def full() -> Person:
    return person(
        places=[Home(street="a"), Home(street="b", city="Rome")],
        by_name={"x": Home(street="c")},
        pet=Pet("rex"),
        wish=Wish(what="x", price=None),
        badge=Badge(badgeHolder="Ada"),
        settings=Pet("tom", toys=["ball"]),
    )


class Twin(pydantic.BaseModel):
    """What pydantic itself makes of the same shape."""

    model_config = pydantic.ConfigDict(populate_by_name=True)

    class Home(pydantic.BaseModel):
        class Geo(pydantic.BaseModel):
            lat: Decimal
            label: str | None = None
            seen: list[int] = pydantic.Field(default_factory=list)

        street: str
        city: str = "Paris"
        geo: Geo | None = None

    person_id: str
    number: int
    home: Home
    name: str | None = None
    age: int = 0
    places: list[Home] = pydantic.Field(default_factory=list)
    by_name: dict[str, Home] = pydantic.Field(default_factory=dict)
    pet: Pet | None = None
    wish: Wish | None = None
    badge: Badge | None = None
    settings: Pet | None = None
    log: list[str] = pydantic.Field(default_factory=list)


def twin() -> Twin:
    home = Twin.Home(street="Rue 1", geo=Twin.Home.Geo(lat=Decimal("1.5")))
    return Twin(
        person_id="p",
        number=1,
        home=home,
        places=[Twin.Home(street="a"), Twin.Home(street="b", city="Rome")],
        by_name={"x": Twin.Home(street="c")},
        pet=Pet("rex"),
        wish=Wish(what="x", price=None),
        badge=Badge(badgeHolder="Ada"),
        settings=Pet("tom", toys=["ball"]),
    )


OPTIONS: list[dict[str, Any]] = [
    {},
    {"include": {"name", "age"}},
    {"exclude": {"name", "home"}},
    {"include": {"home": {"geo": {"lat"}}, "pet": True, "places": {0: {"street"}}}},
    {"include": {"home": {"geo": ...}, "places": {"__all__": {"city"}}}},
    {"exclude": {"home": {"geo": {"lat", "seen"}}, "places": {"__all__": {"city"}}}},
    {"exclude": {"places": {-1}, "by_name": {"x": {"street"}}}},
    {"exclude": {"places": {0: {"street"}, "__all__": {"city": True}}}},
    {"exclude": {"pet": {"name"}, "wish": {"what"}, "badge": {"holder"}, "settings": {"toys": {0}}}},
    {"include": {"badge": {"holder"}, "settings": {"toys"}}, "exclude": {"settings"}},
    {"exclude_none": True},
    {"exclude_unset": True},
    {"exclude_defaults": True},
    {"exclude_none": True, "exclude": {"home", "badge"}},
    {"by_alias": True, "include": {"badge", "name"}},
    {"by_alias": False, "include": {"badge"}},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "none")
@pytest.mark.parametrize("mode", ["python", "json"])
def test_every_option_does_what_it_does_in_pydantic_on_every_way_out(options: dict[str, Any], mode: Any) -> None:
    one, other = full(), twin()
    adapter = pydantic.TypeAdapter(Person)

    class Holder(pydantic.BaseModel):
        people: list[Person]

    if options.get("exclude_unset"):
        other.__pydantic_fields_set__.discard("age")

    wanted = other.model_dump(mode=mode, **options)

    assert one.model_dump(mode=mode, **options) == wanted
    assert adapter.dump_python(one, mode=mode, **options) == wanted
    nested = {name: {"people": {"__all__": value}} for name, value in options.items() if name in ("include", "exclude")}
    assert Holder(people=[one]).model_dump(mode=mode, **{**options, **nested}) == {"people": [wanted]}
    if mode == "json":
        assert json.loads(one.model_dump_json(**options)) == wanted
        assert json.loads(adapter.dump_json(one, **options)) == wanted
        assert list(json.loads(one.model_dump_json(**options))) == list(wanted)


def test_a_document_knows_the_options_too() -> None:
    home = Home(street="a", geo=Geo(lat=Decimal(1)))

    assert home.model_dump(exclude_unset=True) == {"street": "a", "geo": {"lat": Decimal(1)}}
    assert home.model_dump(include={"geo": {"lat"}}, mode="json") == {"geo": {"lat": "1"}}
    assert home.model_dump(exclude={"geo"}) == {"street": "a", "city": "Paris"}
    adapter = pydantic.TypeAdapter(Home)
    assert adapter.dump_python(home, exclude_defaults=True, exclude={"geo": {"lat"}}) == {"street": "a", "geo": {}}


@pytest.mark.parametrize("wrong", ["name", ["name"], 3])
def test_what_is_no_set_and_no_dict_is_refused(wrong: Any) -> None:
    for option in ("include", "exclude"):
        with pytest.raises(TypeError, match=f"{option}= takes a set or a dict"):
            full().model_dump(**{option: wrong})


def test_unset_is_what_a_default_filled_in(client: DynamoDBClient, drive: Drive) -> None:
    drive(Person.table.create())
    one = person(age=0, badge=None)

    def shown() -> set[str]:
        return set(one.model_dump(exclude_unset=True))

    assert shown() == {"person_id", "number", "home", "age", "badge"}
    one.name = None
    one.places.append(Home(street="a"))
    assert shown() == {"person_id", "number", "home", "age", "badge", "name", "places"}
    drive(one.create())
    assert shown() == {"person_id", "number", "home", "age", "badge", "name", "places"}
    assert set(one.model_copy().model_dump(exclude_unset=True)) == shown()

    drive(client.put_item("people", {"pk": "q", "number": 1, "home": {"street": "s"}, "age": 0}))
    one = drive(Person.get_or_raise("q", 1))
    assert shown() == {"person_id", "number", "home", "age"}
    assert one.model_dump(exclude_unset=True)["home"] == {"street": "s"}
    one.age = 0
    one.log = []
    assert shown() == {"person_id", "number", "home", "age", "log"}
    drive(one.refresh())
    assert shown() == {"person_id", "number", "home", "age"}


class Kept(Model[str, str], table="kept"):
    pk: Attr[str] = partition_key(template="K#{name}")
    sk: Attr[str] = sort_key(template="N#{number}")
    name: Attr[str]
    number: Attr[int] = field(default=0)
    price: Attr[Decimal] = field(default=Decimal(0), ge=0, le=5)
    maybe: Attr[Decimal | None] = field(default=None, gt=0)
    photo: Attr[bytes] = field(default=b"", max_length=4)
    version: Attr[int] = version()
    made: Attr[dt.datetime] = created_at()
    changed: Attr[dt.datetime] = updated_at()


def test_a_new_instance_with_kept_attributes_has_a_dump_in_json(client: DynamoDBClient, drive: Drive) -> None:
    one = Kept(name="a")

    dumped = one.model_dump(mode="json")

    assert (dumped["made"], dumped["version"], dumped["pk"]) == (None, 0, "K#a")
    assert Kept.model_validate(dumped) == Kept.model_validate_json(one.model_dump_json()) == one
    drive(Kept.table.create())
    drive(one.create())
    for again in (Kept.model_validate(one.model_dump(mode="json")), Kept.model_validate_json(one.model_dump_json())):
        assert (again.version, again.made, again.pk) == (1, None, "K#a")


def test_the_json_schemas_say_what_may_come_in_and_what_goes_out() -> None:
    adapter = pydantic.TypeAdapter(Kept)
    comes, goes = adapter.json_schema(), adapter.json_schema(mode="serialization")

    assert list(comes["properties"]) == ["name", "number", "price", "maybe", "photo", "version"]
    assert comes["required"] == ["name"]
    assert list(goes["properties"]) == list(Kept.model_fields)
    assert {name for name, shown in goes["properties"].items() if shown.get("readOnly")} == {
        "pk",
        "sk",
        "version",
        "made",
        "changed",
    }
    assert Kept.model_json_schema(mode="serialization") == goes
    assert Kept.model_json_schema() == comes
    for schema in (comes, goes):
        for name in ("price", "maybe"):
            shown = schema["properties"][name]
            assert not {"minimum", "maximum", "exclusiveMinimum"} & set(shown)
            for branch in shown.get("anyOf", [shown]):
                assert branch["type"] in ("number", "integer") or not {"minimum", "exclusiveMinimum", "maximum"} & set(branch)
    assert comes["properties"]["price"]["anyOf"][0] == {"type": "number", "minimum": 0, "maximum": 5}
    assert goes["properties"]["price"]["type"] == "string"
    assert comes["properties"]["photo"]["contentEncoding"] == "base64"
    assert comes["properties"]["photo"]["maxLength"] == 8


def test_a_read_item_is_dumped_in_the_order_of_its_class(client: DynamoDBClient, drive: Drive) -> None:
    drive(Person.table.create())
    drive(full().create())
    one = drive(Person.get_or_raise("p", 1))
    names = list(Person.model_fields)
    adapter = pydantic.TypeAdapter(Person)

    assert list(one.model_dump()) == list(one.model_dump(mode="json")) == names
    assert list(json.loads(one.model_dump_json())) == names
    assert list(adapter.dump_python(one)) == list(json.loads(adapter.dump_json(one))) == names
    assert list(one.model_dump()["home"]) == list(Home.model_fields)
    shown = repr(one)
    places = [shown.index(f"{name}=") for name in ("person_id", "number", "home", "age", "places", "badge")]
    assert places == sorted(places)


def test_dictionaries_stand_for_documents_dataclasses_and_pydantic_models() -> None:
    home = {"street": "Rue 1", "geo": {"lat": Decimal("1.5")}}
    values: dict[str, Any] = {
        "home": home,
        "places": [{"street": "a"}, Home(street="b")],
        "by_name": {"x": home},
        "pet": {"name": "rex"},
        "badge": {"holder": "Ada"},
        "settings": {"name": "tom"},
    }
    wanted = person(
        places=[Home(street="a"), Home(street="b")],
        by_name={"x": person().home},
        pet=Pet("rex"),
        badge=Badge(badgeHolder="Ada"),
        settings=Pet("tom"),
    )

    assigned = person()
    for name, value in values.items():
        setattr(assigned, name, value)

    assert person(**values) == assigned == person().model_copy(update=values) == wanted
    assert type(assigned.home.geo) is Geo
    assigned.home.geo = {"lat": Decimal(2)}  # type: ignore[assignment]
    assert assigned.home.geo == Geo(lat=Decimal(2))
    assert home == {"street": "Rue 1", "geo": {"lat": Decimal("1.5")}}


def test_set_takes_dictionaries(client: DynamoDBClient, drive: Drive) -> None:
    drive(Person.table.create())
    one = full()
    drive(one.create())

    drive(
        one.update(
            Person.home.set({"street": "new"}),  # type: ignore[arg-type]
            Person.places[0].set({"street": "p"}),  # type: ignore[arg-type]
            Person.pet.set({"name": "tim", "age": 1}),  # type: ignore[arg-type]
            Person.badge.set({"holder": "Bob"}),  # type: ignore[arg-type]
        )
    )
    drive(Person.key("p", 1).update(Person.home.geo.set({"lat": Decimal(9)})))  # type: ignore[arg-type]

    found = drive(Person.get_or_raise("p", 1))
    assert (found.home.street, found.home.geo) == ("new", Geo(lat=Decimal(9)))
    assert (found.places[0], found.pet, found.badge) == (Home(street="p"), Pet("tim", 1), Badge(badgeHolder="Bob"))
    assert drive(Person.query("p").filter(Person.pet == {"name": "tim", "age": 1}).count()) == 1  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("home", {}, r"Person\.home lacks the member \"street\" of Home"),
        ("home", {"street": 3}, r"Person\.home\.street must be str, not int"),
        ("home", {"street": "s" * 11}, r"Person\.home\.street must have a length of at most 10, not 11"),
        ("home", {"stret": "s"}, r"Person\.home has a member 'stret' that Home does not declare"),
        ("home", {"street": "s", "geo": {"lat": 1.5}}, r"Person\.home\.geo\.lat must be Decimal, not float"),
        ("places", [{"street": "a"}, {"city": "x"}], r"Person\.places\[1\] lacks the member \"street\" of Home"),
        ("pet", {"age": 3}, r"Person\.pet lacks the member \"name\" of Pet"),
        ("pet", {"name": "x", "age": "y"}, r"Person\.pet\.age must be int, not str"),
        ("badge", {"holder": 3}, r"Person\.badge is refused by Badge: "),
        ("home", "Rue 1", r"Person\.home must be Home, not str"),
    ],
)
def test_a_dictionary_that_does_not_fit_is_refused(name: str, value: Any, message: str) -> None:
    one = person()
    for attempt in (lambda: person(**{name: value}), lambda: setattr(one, name, value)):
        with pytest.raises(ValidationError, match=message):
            attempt()
    assert one == person()


def test_only_model_validate_takes_what_json_has_for_other_types() -> None:
    values = {"key_": "k", "at": "2026-11-23T03:41:00Z", "day": "2026-01-02", "uid": "0" * 32, "shade": "/w==", "exact": ["1.5"]}

    made = Typed.model_validate(values)

    assert (made.day, made.shade, made.exact) == (dt.date(2026, 1, 2), Shade.LIGHT, {Decimal("1.5")})
    with pytest.raises(ValidationError) as caught:
        Typed(**values)
    assert {name for name, _ in caught.value.errors} == {"at", "day", "uid", "shade", "exact"}
    for wrong, message in {"at": "no time", "shade": "!", "status": "gone", "exact": ["x"], "days": ["2026-13-01"]}.items():
        with pytest.raises(ValidationError) as caught:
            Typed.model_validate({**values, wrong: message})
        assert [name for name, _ in caught.value.errors] == [wrong]
        assert str(message) not in str(caught.value)


def test_json_text_is_validated_as_its_values_are() -> None:
    class Priced(Model[str], table="t"):
        name: Attr[str] = partition_key()
        price: Attr[Decimal] = field(default=Decimal(0))
        deep: Attr[dict[str, list[Decimal]]] = field(default_factory=dict)
        open_: Attr[Any] = field(default=None)

    text = '{"name": "a", "price": 0.12345678901234567890123, "deep": {"x": [1.10, "2"]}, "open_": [1.5, 2]}'
    made = Priced.model_validate_json(text)

    assert made.price == Decimal("0.12345678901234567890123")
    assert made.deep == {"x": [Decimal("1.10"), Decimal(2)]}
    assert made.open_ == [1.5, 2]
    assert Priced.model_validate_json(text.encode()) == made
    for wrong, message in {
        "[1]": "takes a JSON object",
        "{": "is not JSON",
        '{"name": "a"} x': "is not JSON",
        b"\xff": "is not JSON",
        '{"name": 3}': "Priced.name must be str, not int",
        '{"name": "a", "nam": 1}': "did you mean 'name'",
    }.items():
        with pytest.raises(ValidationError, match=message):
            Priced.model_validate_json(wrong)
    with pytest.raises(ValidationError, match="takes JSON text"):
        Priced.model_validate_json(3)  # type: ignore[arg-type]


@pytest.mark.thorough
@given(test_types.items)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_dump_is_taken_back(one: Typed) -> None:
    adapter = pydantic.TypeAdapter(Typed)

    assert Typed.model_validate(one.model_dump()) == one
    assert Typed.model_validate(one.model_dump(mode="json")) == one
    assert Typed.model_validate_json(one.model_dump_json()) == one
    assert adapter.validate_python(adapter.dump_python(one)) == one
    assert adapter.validate_python(adapter.dump_python(one, mode="json")) == one
    assert adapter.validate_json(adapter.dump_json(one)) == one
    assert adapter.dump_python(one, mode="json") == one.model_dump(mode="json") == json.loads(adapter.dump_json(one))
    assert adapter.dump_python(one) == one.model_dump()


class Fault(enum.Enum):
    A = dt.date(2026, 1, 2)
    B = dt.date(2026, 1, 3)


class Computed(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    side: int

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def area(self) -> int:
        return self.side * self.side


@dataclasses.dataclass
class Cell(Generic[T]):
    what: T
    raw: bytes = b""
    kind: dataclasses.InitVar[int] = 0
    total: int = dataclasses.field(init=False, default=0)


NEIGHBOURS: list[tuple[Any, Any, dict[str, Any]]] = [
    (Home, Home(street="a"), {}),
    (Geo, Geo(lat=Decimal("1.10")), {"description": "where"}),
    (list[Geo], [Geo(lat=Decimal(1))], {}),
    (tuple[Geo, bytes], (Geo(lat=Decimal(1)), b"\xff\x00"), {}),
    (tuple[Geo, ...], (Geo(lat=Decimal(1)),), {}),
    (dict[str, list[bytes]], {"x": [b"\xff"]}, {}),
    (set[bytes], {b"\xff", b""}, {}),
    (frozenset[UUID], frozenset({UUID(int=1)}), {}),
    (bytes, b"\xff", {"min_length": 1}),
    (Literal[b"\xff", b"a"], b"\xff", {}),
    (Literal[Status.ACTIVE], Status.ACTIVE, {}),
    (Fault, Fault.A, {}),
    (Shade, Shade.LIGHT, {}),
    (dict[str, Level], {"x": Level.HIGH}, {}),
    (Cell[bytes], Cell(b"\xff", b"\xfe"), {}),
    (list[Cell[Decimal]], [Cell(Decimal("1E+3"))], {}),
    (Node, Node("a", (Node("b"),)), {}),
    (Card, Card(cardHolder="x"), {}),
    (Computed, Computed(side=2), {}),
    (dict[str, Computed], {"x": Computed(side=2)}, {}),
    (Money, Money(3), {"codec": MoneyCodec()}),
    (Money | None, None, {"codec": MoneyCodec()}),
    (dt.timedelta, dt.timedelta(days=-1, microseconds=7), {"ge": dt.timedelta(days=-9)}),
    (dt.datetime, dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC), {"epoch": "milliseconds"}),
    (Decimal, Decimal("-0.10"), {"ge": -1}),
    (float, 2.0, {}),
    (Wish, {"what": "x", "price": Decimal("0.1")}, {}),
    (Any, {"x": [1, None]}, {}),
]


def named(value: object) -> str:
    """A test's id: the same in every process, so not the order in which a set happens to show its members."""
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, set | frozenset) else str(value)[:40]


@pytest.mark.parametrize(("kind", "value", "options"), NEIGHBOURS, ids=named)
def test_a_required_attribute_of_any_type_goes_out_and_comes_back(kind: Any, value: Any, options: dict[str, Any]) -> None:
    class Thing(Model[str], table="things"):
        key_: Attr[str] = partition_key()
        it: Attr[kind] = field(**options)

    class Body(pydantic.BaseModel):
        thing: Thing

    one = Thing(key_="k", it=value)
    adapter = pydantic.TypeAdapter(Thing)
    body = Body(thing=one)

    backs = {
        "ours": Thing.model_validate(one.model_dump()),
        "ours, json": Thing.model_validate(one.model_dump(mode="json")),
        "ours, text": Thing.model_validate_json(one.model_dump_json()),
        "pydantic": adapter.validate_python(adapter.dump_python(one)),
        "pydantic, json": adapter.validate_python(adapter.dump_python(one, mode="json")),
        "pydantic, text": adapter.validate_json(adapter.dump_json(one)),
        "member": Body.model_validate(body.model_dump()).thing,
        "member, text": Body.model_validate_json(body.model_dump_json()).thing,
    }
    assert {name: back for name, back in backs.items() if back != one or type(back.it) is not type(value)} == {}
    assert json.loads(adapter.dump_json(one)) == one.model_dump(mode="json")
    for mode in ("validation", "serialization"):
        assert adapter.json_schema(mode=mode)["properties"]["it"] is not None  # type: ignore[arg-type]


def test_fastapi_takes_the_options_and_gives_what_the_dump_gives() -> None:
    app = FastAPI()

    @app.post("/echo", response_model=Person)
    async def echo(person: Person) -> Person:
        return person

    @app.post("/unset", response_model=Person, response_model_exclude_unset=True)
    async def unset(person: Person) -> Person:
        return person

    @app.post("/none", response_model=list[Person], response_model_exclude_none=True)
    async def none(person: Person) -> list[Person]:
        return [person]

    @app.post("/some", response_model=Person, response_model_include={"name", "badge"}, response_model_by_alias=False)
    async def some(person: Person) -> Person:
        return person

    @app.post("/less", response_model=Person, response_model_exclude={"home", "places"}, response_model_exclude_defaults=True)
    async def less(person: Person) -> Person:
        return person

    one = full()
    body = one.model_dump(mode="json")
    small = {"person_id": "p", "number": 1, "home": {"street": "s"}}

    async def answers(*requests: tuple[str, Any]) -> list[Any]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as web:
            return [(await web.post(path, json=sent)).json() for path, sent in requests]

    wrong = {**small, "home": {"street": 3}, "places": [{}]}
    sent = [("/echo", body), ("/unset", small), ("/none", small), ("/some", body), ("/less", small), ("/echo", wrong)]
    echoed, set_, some_none, some_, less_, refused = asyncio.run(answers(*sent))

    assert echoed == one.model_dump(mode="json", by_alias=True)
    assert set_ == small
    assert some_none[0]["home"] == {"street": "s", "city": "Paris"}
    assert some_ == {"name": None, "badge": {"holder": "Ada", "note": None, "level": 1}}
    assert list(less_) == ["person_id", "number"]
    places = [problem["loc"] for problem in refused["detail"]]
    assert places == [["body", "home", "street"], ["body", "places", 0, "street"]]
    assert any(name.startswith("Person") for name in app.openapi()["components"]["schemas"])


class Animal(Model[str, str], abstract=True, table="zoo"):
    zoo: Attr[str] = partition_key()
    name: Attr[str] = sort_key()


class Dog(Animal, entity="dog"):
    bark: Attr[str] = field(default="wuff")


def test_a_base_class_shows_what_it_declares() -> None:
    dog = Dog(zoo="z", name="rex")
    base = {"zoo": "z", "name": "rex"}

    class Holder(pydantic.BaseModel):
        one: Animal

    assert pydantic.TypeAdapter(list[Animal]).dump_python([dog]) == [base]
    assert Holder(one=dog).model_dump() == {"one": base}
    assert Holder(one=dog).model_dump(serialize_as_any=True) == {"one": {**base, "bark": "wuff"}}
    assert pydantic.TypeAdapter(Dog).dump_python(dog) == {**base, "bark": "wuff"}


class Event(Model[str], Generic[T], table="events"):
    event_id: Attr[str] = partition_key()
    payload: Attr[T]


def test_a_generic_model_knows_the_type_of_its_dump() -> None:
    one = Event[Geo](event_id="e", payload=Geo(lat=Decimal(1)))

    assert Event[Geo].model_validate_json(one.model_dump_json()) == one
    assert pydantic.TypeAdapter(Event[Geo]).validate_json(one.model_dump_json()) == one


class Secret(Model[str], table="secrets"):
    secret_id: Attr[str] = partition_key()
    pin: Encrypted[str]
    shown: Encrypted[str | None] = field(default=None, dump=True)


def test_encrypted_values_are_on_no_way_out() -> None:
    one = Secret(secret_id="s", pin="1234", shown="x")
    adapter = pydantic.TypeAdapter(Secret)

    for dumped in (one.model_dump(include={"pin", "shown"}), adapter.dump_python(one, include={"pin", "shown"})):
        assert dumped == {"shown": "x"}
    assert "1234" not in adapter.dump_json(one).decode()
    assert "pin" not in adapter.json_schema(mode="serialization")["properties"]
    assert "pin" in adapter.json_schema()["required"]


def test_a_value_that_holds_itself_is_no_end_of_the_process() -> None:
    one = Event[list[Any]](event_id="e", payload=[])
    one.payload.append(one.payload)

    for mode in ("python", "json"):
        with pytest.raises(ValidationError, match="nested"):
            one.model_dump(mode=mode)  # type: ignore[arg-type]


def test_a_document_inside_an_address_is_a_pydantic_type_too() -> None:
    adapter = pydantic.TypeAdapter(Address)
    one = Address(street="s", near=[Address(street="t")])

    assert adapter.validate_json(adapter.dump_json(one)) == one
    assert adapter.validate_python({"street": "s", "near": [{"street": "t"}]}) == one
    assert Point(1) == pydantic.TypeAdapter(Event[Point]).validate_python({"event_id": "e", "payload": {"x": 1}}).payload
