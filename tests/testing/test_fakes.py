"""Fake instances and drawn ones: of every type, within everything that a class declares, stored and read back equal."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NewType, TypeVar

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydynox import (
    Attr,
    BinaryAttribute,
    Compressed,
    Document,
    DynamoDBClient,
    Encrypted,
    GlobalSecondaryIndex,
    JSONAttribute,
    ListAttribute,
    LocalKeyring,
    LocalSecondaryIndex,
    MapAttribute,
    Model,
    ModelConfig,
    NumberAttribute,
    SetAttribute,
    StringAttribute,
    created_at,
    field,
    partition_key,
    run,
    sort_key,
    ttl,
    updated_at,
    uuid7,
    version,
)
from pydynox.exceptions import ConfigurationError, ValidationError
from pydynox.testing import Fakes, fake, isolated_dynamodb
from pydynox.testing.strategies import from_model

from tests.typed import Address, Card, Level, Money, Node, Point, Priced, Status, Typed, Wish

pytestmark = pytest.mark.thorough

CustomerId = NewType("CustomerId", str)
P = TypeVar("P")


@attrs.define
class Size:
    width: float
    tags: list[str] = attrs.Factory(list)


class Track(msgspec.Struct):
    title: str
    seconds: int | None = None


class Limits(Document):
    low: Attr[int] = field(ge=10, le=20)
    code: Attr[str] = field(pattern=r"^[A-Z]{2}-\d{3}$")
    at: Attr[dt.datetime] = field(format="%Y-%m-%d")


class Plain(Model[str], table="plain"):
    """The attribute objects, and types of other libraries."""

    key_: StringAttribute = StringAttribute(partition_key=True, attribute_name="key")
    amount: NumberAttribute[float] = NumberAttribute()
    whole: NumberAttribute[int | None] = NumberAttribute(int, null=True)
    data: BinaryAttribute = BinaryAttribute(min_length=2, max_length=4)
    flag: Attr[bool]
    items: ListAttribute[Any] = ListAttribute()
    words: SetAttribute[str] = SetAttribute(str)
    blobs: Attr[set[bytes]] = field(default_factory=set)
    table_: MapAttribute[dict[str, Any]] = MapAttribute()
    anything: Attr[Any] = field(default=None)
    bare: Attr[list] = field(default_factory=list)  # type: ignore[type-arg]
    nothing: Attr[None] = field(default=None)
    size: Attr[Size | None] = field(default=None)
    track: Attr[Track | None] = field(default=None)
    nested: Attr[list[set[int]]] = field(default_factory=list)
    maybe: Attr[set[str] | None] = field(default=None)
    null: Attr[str | None] = field(default="x", store_null=True)
    filled: Attr[str | None] = field(default="x")
    reads: Attr[int | None] = field(default=None, missing=7)
    floats: Attr[set[float]] = field(default_factory=set)
    wrapped: Attr[CustomerId | None] = field(default=None)
    noted: Attr[Annotated[int, "whatever"]] = field(default=0)
    text: JSONAttribute[dict[str, float]] = JSONAttribute(dict[str, float])
    deep: Attr[dict[str, tuple[Level, list[Point]]]] = field(default_factory=dict)


class Ruled(Model[str, int], table="ruled"):
    """Every rule, on every type that can have it."""

    code: Attr[str] = partition_key(pattern=r"^(?:ab|cd)\d{2,3}[^x-z]?$", max_length=6)
    number: Attr[int] = sort_key(gt=5, lt=8)
    age: Attr[int] = field(ge=18, lt=65)
    high: Attr[int] = field(ge=1_000_000)
    low: Attr[int] = field(lt=-1_000_000)
    price: Attr[Decimal] = field(gt=Decimal("0.001"), le=Decimal("0.002"))
    ratio: Attr[float] = field(gt=0, lt=1)
    name: Attr[str] = field(min_length=20, max_length=21)
    short: Attr[str] = field(max_length=1)
    mail: Attr[str] = field(pattern=re.compile(r"^\w+@[a-z]+\.(com|org)$"))
    repeated: Attr[str] = field(pattern=r"^(a|b)-\1$")
    tags: Attr[list[str]] = field(min_length=4, max_length=6)
    levels: Attr[set[Level]] = field(min_length=2)
    even: Attr[int] = field(validate=lambda value: value % 2 == 0)
    day: Attr[dt.date] = field(gt=dt.date(2030, 1, 1), le=dt.date(2030, 1, 3))
    at: Attr[dt.datetime] = field(ge=dt.datetime(2030, 1, 1, tzinfo=dt.UTC), lt=dt.datetime(2030, 1, 2, tzinfo=dt.UTC))
    clock: Attr[dt.time] = field(ge=dt.time(9), lt=dt.time(17))
    span: Attr[dt.timedelta] = field(gt=dt.timedelta(0), le=dt.timedelta(seconds=1))
    limits: Attr[list[Limits]] = field(min_length=1)
    often: Attr[str | None] = field(default=None, min_length=3)
    bounded: Attr[Any] = field(default=None)


class Formats(Model[str, dt.datetime], table="formats"):
    """Every form in which a time is stored."""

    model_config = ModelConfig(datetime_format="iso_seconds")
    name: Attr[str] = partition_key()
    at: Attr[dt.datetime] = sort_key()
    nested: Attr[list[Point]] = field(default_factory=list)
    offset: Attr[dt.datetime | None] = field(default=None, format="iso_offset")
    pynamodb: Attr[dt.datetime | None] = field(default=None, format="pynamodb")
    epoch: Attr[dt.datetime | None] = field(default=None, format="epoch")
    epoch_ms: Attr[dt.datetime | None] = field(default=None, format="epoch_ms")
    nano: Attr[dt.datetime | None] = field(default=None, format="rfc3339_nano")
    java: Attr[dt.datetime | None] = field(default=None, format="java_instant")
    millis: Attr[dt.datetime | None] = field(default=None, format="%Y-%m-%dT%H:%M:%S.%3fZ")
    minute: Attr[dt.datetime | None] = field(default=None, format="%Y%m%d%H%M")
    days: Attr[set[dt.date]] = field(default_factory=set, format="epoch")
    day: Attr[dt.date | None] = field(default=None, format="%d.%m.%Y")
    clock: Attr[dt.time | None] = field(default=None, format="%H:%M")


class Shop(Model[str, str], table="shop", abstract=True):
    """A table of several entities, with keys from templates."""

    pk: Attr[str] = partition_key(template="TENANT#{tenant}")
    tenant: Attr[str]


class Invoice(Shop, entity="INVOICE"):
    sk: Attr[str] = sort_key(template="INVOICE#{issued:%Y-%m-%d}#{number:06d}")
    issued: Attr[dt.date]
    number: Attr[int]
    status: Attr[Status]
    due: Attr[str | None] = field(template="DUE#{status}#{reference}")
    reference: Attr[str | None] = field(default=None)
    by_due = GlobalSecondaryIndex("due")
    by_reference = LocalSecondaryIndex("reference")
    created: Attr[dt.datetime] = created_at()
    updated: Attr[dt.datetime] = updated_at()
    version: Attr[int] = version()


class Customer(Shop, entity="CUSTOMER"):
    sk: Attr[str] = sort_key(template="CUSTOMER#{email:lower}")
    email: Attr[str] = field(unique=True)
    expires: Attr[dt.datetime | None] = ttl(default=None, hide_expired=True)
    model_config = ModelConfig(orphans="repair")


class Box(Model[str], Generic[P], table="boxes", abstract=True):
    box_id: Attr[str] = partition_key(default_factory=lambda: str(uuid7()))
    content: Attr[P]


class AddressBox(Box[Address]):
    secret: Encrypted[dict[str, int]]
    log: Compressed[list[str]] = field(default_factory=list)


class Flag(Model[Literal["a", "b"]], table="flags"):
    name: Attr[Literal["a", "b"]] = partition_key()


MODELS: list[Any] = [Typed, Priced, Plain, Ruled, Formats, Invoice, Customer, AddressBox]


@pytest.fixture(scope="module")
def stored() -> Iterator[DynamoDBClient]:
    """A DynamoDB with the tables of all models."""
    with isolated_dynamodb(keyring=LocalKeyring({"test": os.urandom(32)})) as client:
        for model in [*MODELS, Flag]:
            if not client.sync.call("ListTables")["TableNames"].count(model.model_config.table):
                model.table.sync.create()
        yield client


def read_back(instance: Any) -> Any:
    """What is stored of an instance, read by its key."""
    run(instance.put() if not type(instance)._definition.unique else instance.create())
    read = run(type(instance).get(**_key(instance)))
    if type(instance)._definition.unique:
        run(instance.delete())
    return read


def _key(instance: Any) -> dict[str, Any]:
    from pydynox._declaration.compile import completed, key_names
    from pydynox.testing._declared import key_sources

    cls = type(instance)
    return {name: getattr(instance, name) for name in key_sources(cls, completed(cls), key_names(cls))}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_fake_is_stored_and_reads_back_equal(stored: DynamoDBClient, model: Any) -> None:
    for seed in range(8):
        made = Fakes(seed, size=(0, 3)).one(model)

        assert read_back(made) == made
        assert made.model_changes() == {} or model is Customer  # which was deleted again


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_drawn_instance_is_stored_and_reads_back_equal(stored: DynamoDBClient, model: Any) -> None:
    @settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(from_model(model))
    def check(drawn: Any) -> None:
        expected = drawn.model_copy()
        assert read_back(drawn) == drawn
        assert drawn.model_dump() is not None
        assert type(drawn) is type(expected)

    check()


@pytest.mark.parametrize("cls", [Address, Point, Node, Wish, Card, Size, Track])
def test_classes_inside_items_have_fakes_too(cls: Any) -> None:
    made = fake(cls)

    assert made == fake(cls)
    if cls is not Wish:
        assert isinstance(made, cls)
    assert fake(Point, x=7).x == 7
    assert fake(Card, holder="Ada").holder == "Ada"


def test_a_fake_is_the_same_in_every_process() -> None:
    code = "from tests.testing.test_fakes import *; print(repr(fake(Plain)), repr(Fakes(3).many(Invoice, 2)))"

    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }

    # The order in which a set is printed depends on the process; nothing else does.
    assert len({re.sub(r"\{[^{}]*\}", "{}", one) for one in runs}) == 1
    assert "key-" in runs.pop()


def test_what_is_given_is_taken_and_changes_nothing_else() -> None:
    plain, named = fake(Invoice), fake(Invoice, number=7, tenant="t1")

    assert (named.number, named.tenant, named.pk, named.sk[-7:]) == (7, "t1", "TENANT#t1", "#000007")
    assert (named.issued, named.status, named.reference) == (plain.issued, plain.status, plain.reference)
    assert (named.version, named.created, named.updated) == (0, None, None)


def test_seeds_and_sizes_make_others() -> None:
    many = Fakes(seed=1).many(Customer, 50, tenant="t1")

    assert len({one.sk for one in many}) == len({one.email for one in many}) == 50
    assert Fakes(seed=2).one(Customer) != Fakes(seed=1).one(Customer) != fake(Customer)
    assert [len(fake.days) for fake in Fakes(size=7).many(Typed, 3)] == [7] * 3
    assert {len(fake.tags) for fake in Fakes(size=9).many(Ruled, 2)} == {6}  # max_length


def test_a_ttl_is_far_in_the_future() -> None:
    made = fake(Customer)

    assert made.expires is not None
    assert made.expires > dt.datetime(2180, 1, 1, tzinfo=dt.UTC)
    assert made.expires.microsecond == 0


class Impossible(Model[str], table="impossible"):
    key_: Attr[str] = partition_key()
    never: Attr[int] = field(validate=lambda value: False)


class Refusing:
    def to_stored(self, value: Money, /) -> int:
        return value.cents

    def from_stored(self, value: int, /) -> Money:
        raise ValueError("no money")


class Poor(Model[str], table="poor"):
    key_: Attr[str] = partition_key()
    price: Attr[Money] = field(codec=Refusing())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fake(Invoice, nmber=1), ValidationError, "Invoice has no attribute 'nmber': did you mean 'number'?"),
        (lambda: fake(Point, z=1), ValidationError, "Point has no attribute 'z'"),
        (lambda: fake(Card, owner="x"), ValidationError, "Card has no attribute 'owner'"),
        (lambda: fake(Invoice, version=3), ValidationError, "version is managed by pydynox"),
        (lambda: fake(Invoice, pk="x"), ValidationError, "pk is built from other attributes"),
        (lambda: fake(Ruled, age=3), ValidationError, "Ruled.age"),
        (lambda: fake(Impossible), ValidationError, r"found no Impossible in 50 tries: .*never.*; pass never="),
        (lambda: fake(Poor), ValidationError, r"found no Money that its codec reads \(no money\): pass price="),
        (lambda: fake(Shop), ConfigurationError, "Shop is abstract"),
        (lambda: fake(int), TypeError, r"fake\(int\) takes a model"),
        (lambda: Fakes().many(Flag, 3), ValidationError, "found no further key or unique value"),
        (lambda: Fakes(size=(3, 1)), ValueError, "the least and the largest"),
    ],
)
def test_what_cannot_be_made_is_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_given_values_decide_the_key_even_twice() -> None:
    fakes = Fakes()

    assert [fakes.one(Flag, name="a").name for _ in range(2)] == ["a", "a"]
    assert {one.name for one in fakes.many(Flag, 2)} == {"a", "b"}


@settings(max_examples=20, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(from_model(Ruled, age=st.integers(20, 30), name="x" * 20, even=st.sampled_from([2, 4])))
def test_strategies_and_values_stand_in_for_attributes(ruled: Ruled) -> None:
    assert 20 <= ruled.age <= 30
    assert ruled.name == "x" * 20
    assert ruled.even in (2, 4)


@pytest.mark.parametrize("cls", [Address, Point, Node, Wish, Card, Size, Track])
def test_classes_inside_items_are_drawn_too(cls: Any) -> None:
    @settings(max_examples=5, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(from_model(cls))
    def check(drawn: Any) -> None:
        assert drawn is not None

    check()


def test_a_strategy_refuses_unknown_names_when_it_draws() -> None:
    @settings(derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(from_model(Ruled, agee=1))
    def check(drawn: Ruled) -> None:
        raise AssertionError

    with pytest.raises(ValidationError, match="did you mean 'age'"):
        check()


def test_pydantic_rules_are_followed() -> None:
    class Seat(pydantic.BaseModel):
        row: Annotated[int, pydantic.Field(ge=5, le=6)]
        letter: str = pydantic.Field(pattern="^[A-F]$")
        names: list[str] = pydantic.Field(min_length=2, max_length=2)

    for seed in range(5):
        seat = Fakes(seed).one(Seat)
        assert seat.row in (5, 6)
        assert seat.letter in "ABCDEF"
        assert len(seat.names) == 2


def test_a_dataclass_that_refuses_a_value_gets_another() -> None:
    @dataclasses.dataclass
    class Even:
        number: int

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError("odd")

    assert fake(Even).number % 2 == 0
