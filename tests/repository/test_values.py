"""Values as the class itself validates them: what each library refuses, fills in and leaves out, and what that becomes."""

from __future__ import annotations

import dataclasses
import enum
import re
import traceback
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest
from pydynox import Attr, DynamoDBClient, GlobalSecondaryIndex, Model, Repository, field, partition_key, run
from pydynox.exceptions import ConfigurationError, ItemAlreadyExistsError, SerializationError, ValidationError

from tests.conftest import Drive


class PydanticAdult(pydantic.BaseModel):
    user_id: str
    age: int = pydantic.Field(ge=18)


@dataclasses.dataclass
class DataclassAdult:
    user_id: str
    age: int

    def __post_init__(self) -> None:
        if self.age < 18:
            raise ValueError(f"{self.age} is too young")


@attrs.define
class AttrsAdult:
    user_id: str
    age: int = attrs.field(validator=attrs.validators.ge(18))


class StructAdult(msgspec.Struct, weakref=True):
    user_id: str
    age: Annotated[int, msgspec.Meta(ge=18)]


ADULTS: list[Any] = [PydanticAdult, DataclassAdult, AttrsAdult, StructAdult]


def adults_of(cls: Any, place: DynamoDBClient) -> Repository[Any]:
    """Adults, and one item in the middle that the class refuses."""
    adults: Repository[Any] = Repository(cls, table="adults", partition_key="user_id")
    adults.table.sync.ensure()
    for name, age in (("a", 20), ("b", 4177), ("c", 30)):
        place.sync.put_item("adults", {"user_id": name, "age": age if name != "b" else 7})
    return adults


@pytest.mark.parametrize("cls", ADULTS, ids=lambda cls: cls.__name__)
def test_a_stored_value_that_the_class_refuses_is_an_error_with_its_key(cls: Any, place: DynamoDBClient, drive: Drive) -> None:
    adults = adults_of(cls, place)

    for call in (
        adults.get("b"),
        adults.key("b").get(),
        adults.batch_get(["a", "b"]),
        adults.scan().all(),
    ):
        with pytest.raises(SerializationError, match=rf"the stored item is refused by {cls.__name__}") as caught:
            drive(call)
        assert caught.value.key == adults.key("b")
        assert caught.value.raw == {"user_id": "b", "age": 7}
        assert caught.value.model == cls.__name__


@pytest.mark.parametrize("cls", ADULTS, ids=lambda cls: cls.__name__)
def test_refused_rows_can_be_skipped(cls: Any, place: DynamoDBClient, drive: Drive) -> None:
    adults = adults_of(cls, place)
    refused: list[SerializationError] = []

    rows = drive(adults.scan().on_invalid(refused.append).all())
    page = drive(adults.scan().on_invalid(refused.append).page(10))

    assert sorted(row.user_id for row in rows) == sorted(row.user_id for row in page) == ["a", "c"]
    assert [error.key for error in refused] == [adults.key("b")] * 2


@dataclasses.dataclass
class Visit:
    user_id: str
    at: int
    age: int

    def __post_init__(self) -> None:
        if self.age < 18:
            raise ValueError(f"{self.age} is too young")


def visits_of(place: DynamoDBClient, *refused: int, items: int = 6) -> Repository[Any]:
    """Visits of one user, some of which the class refuses."""
    visits: Repository[Any] = Repository(
        Visit, table="visits", partition_key="user_id", sort_key="at", indexes={"by_age": GlobalSecondaryIndex("user_id", "age")}
    )
    visits.table.sync.ensure()
    for at in range(items):
        place.sync.put_item("visits", {"user_id": "a", "at": at, "age": at if at in refused else 20 + at})
    return visits


def test_a_page_ends_before_a_row_that_the_class_refuses_and_its_error_leads_past_it(place: DynamoDBClient, drive: Drive) -> None:
    visits = visits_of(place, 2)

    page = drive(visits.query("a").page(5))
    with pytest.raises(SerializationError) as caught:
        drive(visits.query("a").after(page.cursor).page(5))
    rest = drive(visits.query("a").after(caught.value.cursor).page(5))

    assert [visit.at for visit in page] == [0, 1]
    assert caught.value.key == visits.key("a", 2)
    assert [visit.at for visit in rest] == [3, 4, 5]
    assert rest.cursor is None


@pytest.mark.parametrize("refused", [(0,), (5,), (0, 1), (1, 4), (4, 5), (0, 1, 2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("size", [None, 1, 2])
def test_cursors_of_errors_reach_every_row_once(
    place: DynamoDBClient, drive: Drive, refused: tuple[int, ...], size: int | None
) -> None:
    visits = visits_of(place, *refused)
    for query, order in (
        (visits.query("a"), [0, 1, 2, 3, 4, 5]),
        (visits.query("a").descending(), [5, 4, 3, 2, 1, 0]),
        (visits.index("by_age").query("a").hydrate(), [*refused, *sorted({0, 1, 2, 3, 4, 5} - {*refused})]),
        (visits.index("by_age").query("a"), [*refused, *sorted({0, 1, 2, 3, 4, 5} - {*refused})]),
        (visits.scan(), [0, 1, 2, 3, 4, 5]),
    ):
        found: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            reading = query if size is None else query.page_size(size)
            reading = reading.after(cursor) if cursor else reading
            try:
                page = drive(reading.page(4))
            except SerializationError as error:
                found.append(error.raw["at"])
                cursor = error.cursor
            else:
                found += [visit.at for visit in page]
                cursor = page.cursor
        assert found == order, query


def test_rows_that_the_class_refuses_do_not_count_towards_the_limit(place: DynamoDBClient, drive: Drive) -> None:
    visits = visits_of(place, 0, 3)
    skipped: list[SerializationError] = []
    reading = visits.query("a").on_invalid(skipped.append)

    assert drive(reading.first()).at == 1
    assert [visit.at for visit in drive(reading.limit(3).all())] == [1, 2, 4]
    assert [visit.at for visit in drive(reading.limit(4).page(2))] == [1, 2]
    assert [visit.at for visit in drive(reading.limit(9).all())] == [1, 2, 4, 5]
    assert {error.key for error in skipped} == {visits.key("a", 0), visits.key("a", 3)}

    found: list[int] = []
    cursor: str | None = None
    while len(found) < 3:
        try:
            page = drive(visits.query("a").limit(3).after(cursor).page(9))
        except SerializationError as error:
            cursor = error.cursor
        else:
            found += [visit.at for visit in page]
            cursor = page.cursor
    assert found == [1, 2, 4]
    assert cursor is None


def test_rows_before_one_that_the_class_refuses_are_given_before_its_error(place: DynamoDBClient, drive: Drive) -> None:
    visits = visits_of(place, 3)
    seen: list[int] = []

    async def iterate() -> None:
        async for visit in visits.query("a"):
            seen.append(visit.at)

    with pytest.raises(SerializationError) as iterated:
        drive(iterate())
    with pytest.raises(SerializationError) as all_of_them:
        drive(visits.query("a").all())

    assert seen == [0, 1, 2]
    for caught in (iterated, all_of_them):
        assert [visit.at for visit in drive(visits.query("a").after(caught.value.cursor).all())] == [4, 5]


def test_a_page_that_leads_back_ends_before_a_row_that_the_class_refuses(place: DynamoDBClient, drive: Drive) -> None:
    visits = visits_of(place, 2)
    back = visits.query("a").before({"user_id": "a", "at": 5})

    page = drive(back.page(5))
    with pytest.raises(SerializationError) as caught:
        drive(visits.query("a").before(page.previous).page(5))
    rest = drive(visits.query("a").before(caught.value.cursor).page(5))

    assert [visit.at for visit in page] == [3, 4]
    assert caught.value.key == visits.key("a", 2)
    assert [visit.at for visit in rest] == [0, 1]


@pytest.mark.parametrize("cls", ADULTS, ids=lambda cls: cls.__name__)
def test_an_error_after_a_write_that_was_applied_says_so(cls: Any, place: DynamoDBClient, drive: Drive) -> None:
    adults = adults_of(cls, place)
    one, age = adults.sync.get_or_raise("a"), adults.attr.age

    for call in (adults.update(one, age.set(7)), adults.key("c").update(age.set(7)), adults.key("b").pop()):
        with pytest.raises(SerializationError) as caught:
            drive(call)
        assert caught.value.applied

    assert one.age == 20
    assert {item["age"] for item in place.sync.scan("adults").all()} == {7}


def test_an_error_shows_no_values_unless_the_client_does(memory: DynamoDBClient) -> None:
    adults = adults_of(DataclassAdult, memory)
    pydantic_adults: Repository[Any] = Repository(PydanticAdult, table="adults", partition_key="user_id")

    with pytest.raises(SerializationError) as quiet:
        adults.sync.get("b")
    with pytest.raises(SerializationError, match="age: greater_than_equal"):
        pydantic_adults.sync.get("b")
    full = DynamoDBClient(endpoint_url="memory://", errors="full")
    with full.as_default():
        adults_of(DataclassAdult, full)
        with pytest.raises(SerializationError, match="ValueError: 7 is too young") as loud:
            adults.sync.get("b")

    assert "too young" not in str(quiet.value)
    assert quiet.value.__cause__ is None
    assert isinstance(loud.value.__cause__, ValueError)


def test_a_struct_is_checked_before_it_is_written(memory: DynamoDBClient) -> None:
    """The constructor of msgspec checks nothing, and what it would not read back must not be stored."""
    adults: Repository[StructAdult] = Repository(StructAdult, table="adults", partition_key="user_id")
    adults.table.sync.create()

    with pytest.raises(ValidationError, match=r"StructAdult refuses this object: Expected `int` >= 18 - at `\$.age`"):
        adults.sync.put(StructAdult("a", 3))


class Rich(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow", validate_assignment=True)

    rich_id: str = pydantic.Field(alias="id")
    name: str = pydantic.Field(serialization_alias="fullName", min_length=1)
    site: pydantic.HttpUrl | None = None
    either: int | str = 0
    address: IPv4Address | None = None
    hidden: str = pydantic.Field(default="h", exclude=True)
    version: int = 0
    _cache: int = pydantic.PrivateAttr(default=3)

    @pydantic.field_validator("name")
    @classmethod
    def _strip(cls, name: str) -> str:
        return name.strip()

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def shout(self) -> str:
        return self.name.upper()


def test_pydantic_models_keep_their_own_ways(memory: DynamoDBClient) -> None:
    rich: Repository[Rich] = Repository(Rich, table="rich", partition_key="rich_id", version="version")
    rich.table.sync.create()
    one = Rich(id="r", name=" Ada ", site="https://example.org/x", either="text", address="127.0.0.1", hidden="shown")  # type: ignore[arg-type]
    one._cache = 9

    rich.sync.create(one)
    read = rich.sync.get_or_raise("r")
    item = memory.sync.get_item("rich", {"rich_id": "r"})

    assert one._cache == 9
    assert read._cache == 3
    assert read == one.model_copy(update={"_cache": 3}) or read.model_dump() == one.model_dump()
    assert item == {
        "rich_id": "r", "name": "Ada", "site": "https://example.org/x", "either": "text", "address": "127.0.0.1",
        "hidden": "shown", "version": 1,
    }  # fmt: skip
    assert (
        rich.sync.scan().filter(rich.attr.site == "https://example.org/x", rich.attr.address == IPv4Address("127.0.0.1")).count()
    )
    memory.sync.update_item("rich", {"rich_id": "r"}, __import__("pydynox").attr("name").set("  Bob "))
    assert rich.sync.get_or_raise("r").name == "Bob"


def test_extra_values_of_a_pydantic_model_are_not_dropped_silently(memory: DynamoDBClient) -> None:
    rich: Repository[Rich] = Repository(Rich, table="rich", partition_key="rich_id")

    with pytest.raises(ValidationError, match=r"Rich refuses this object"):
        rich.sync.put(Rich(id="r", name="Ada", unknown=3))  # type: ignore[call-arg]


class WithSecret(pydantic.BaseModel):
    a: str
    secret: pydantic.SecretStr


class Numbers(pydantic.RootModel[list[int]]):
    pass


class OwnSecret(pydantic.SecretStr):
    pass


class Card(pydantic.BaseModel):
    pin: pydantic.SecretStr


class Login(pydantic.BaseModel):
    name: str
    password_hash: str = pydantic.Field(default="", exclude=True)


class Wallet(pydantic.BaseModel):
    cards: list[Card]


class Secret(pydantic.BaseModel):
    """A name that pydantic has too, but no secret."""

    text: str


class WithGeneric(pydantic.BaseModel):
    a: str
    pin: pydantic.Secret[int]


class WithOwnSecret(pydantic.BaseModel):
    a: str
    secret: OwnSecret | None = None


class WithUnion(pydantic.BaseModel):
    a: str
    pay: Card | int


class WithNested(pydantic.BaseModel):
    a: str
    wallets: dict[str, Wallet]


class WithExcluded(pydantic.BaseModel):
    a: str
    logins: list[Login]


class WithBase64(pydantic.BaseModel):
    a: str
    data: pydantic.Base64Bytes | None = None


class WithJson(pydantic.BaseModel):
    a: str
    data: pydantic.Json[list[int]]


class WithUntypedJson(pydantic.BaseModel):
    a: str
    data: pydantic.Json  # type: ignore[type-arg]


class WithPastKey(pydantic.BaseModel):
    a: pydantic.PastDatetime


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (WithSecret, r"WithSecret.secret hides its value in what would be stored; or pass a codec: codecs="),
        (WithOwnSecret, r"WithOwnSecret.secret hides its value"),
        (WithGeneric, r"WithGeneric.pin hides its value"),
        (WithUnion, r"WithUnion.pay has Card.pin, which hides its value"),
        (WithNested, r"WithNested.wallets has Wallet.cards, which has Card.pin, which hides its value"),
        (WithExcluded, r"WithExcluded.logins has Login.password_hash, which has exclude=True, so it would not be stored"),
        (WithBase64, r"WithBase64.data decodes what is stored.*declare the decoded type"),
        (WithJson, r"WithJson.data decodes what is stored"),
        (WithUntypedJson, r"WithUntypedJson.data decodes what is stored"),
        (WithPastKey, r"WithPastKey.a is a key and has the type .* does not sort as time does"),
        (Numbers, r"Numbers is a RootModel: an item is a map, so wrap the value in a field"),
    ],
)
def test_types_of_pydantic_that_would_lose_their_value_are_refused(cls: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Repository(cls, table="things", partition_key="a")


class Aliased(pydantic.BaseModel):
    number: str = pydantic.Field(alias="cardNumber")


class Iban(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    iban: str

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def country(self) -> str:
        return self.iban[:2]


class Dog(pydantic.BaseModel):
    name: str


class Puppy(Dog):
    weeks: int


class Payment(pydantic.BaseModel):
    a: str
    note: Secret | None = None
    pay: Aliased | Iban | Dog | None = None
    home: Dog = Dog(name="Rex")


def test_models_of_a_union_are_stored_by_their_names_without_computed_fields(place: DynamoDBClient, drive: Drive) -> None:
    payments: Repository[Payment] = Repository(Payment, table="payments", partition_key="a")
    payments.table.sync.create()
    kinds = (Aliased(cardNumber="1"), Iban(iban="DE1"), Dog(name="x"))
    for number, pay in enumerate(kinds):
        drive(payments.create(Payment(a=str(number), pay=pay)))

    assert [drive(payments.get_or_raise(str(number))).pay for number in range(3)] == list(kinds)
    assert [place.sync.get_item("payments", {"a": str(number)})["pay"] for number in range(2)] == [
        {"number": "1"},
        {"iban": "DE1"},
    ]  # type: ignore[index]
    with pytest.raises(ValidationError, match="of a subclass of the declared type, whose own fields would be lost"):
        drive(payments.create(Payment(a="3", pay=Puppy(name="x", weeks=3))))
    one = drive(payments.get_or_raise("0"))
    one.home.name = "Max"
    assert drive(payments.get_or_raise("1")).home == Dog(name="Rex")


class Timed(pydantic.BaseModel):
    a: str
    at: pydantic.AwareDatetime


def test_a_datetime_with_a_zone_is_a_datetime(place: DynamoDBClient, drive: Drive) -> None:
    timed: Repository[Timed] = Repository(Timed, table="timed", partition_key="a", sort_key="at")
    timed.table.sync.create()
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    east = timezone(timedelta(hours=5))
    moments = [noon - timedelta(hours=1), noon, noon + timedelta(milliseconds=500)]
    for at in moments:
        drive(timed.create(Timed(a="x", at=at.astimezone(east))))

    with pytest.raises(ItemAlreadyExistsError):
        drive(timed.create(Timed(a="x", at=noon)))
    assert [one.at for one in drive(timed.query("x").all())] == moments
    assert drive(timed.get("x", moments[0].astimezone(east))) is not None
    assert place.sync.scan("timed").first()["at"] == "2026-01-01T11:00:00.000000Z"


class TextKey(pydantic.BaseModel):
    site: pydantic.HttpUrl
    n: int = 0


def test_a_type_that_pydantic_writes_as_text_can_be_a_key(memory: DynamoDBClient) -> None:
    sites: Repository[TextKey] = Repository(TextKey, table="sites", partition_key="site")
    sites.table.sync.create()
    site = sites.sync.create(TextKey(site="https://example.org/"))  # type: ignore[arg-type]

    assert sites.sync.get(pydantic.HttpUrl("https://example.org/")) == site
    assert sites.sync.get("https://example.org/") == site


@dataclasses.dataclass
class Computed:
    computed_id: str
    width: int
    scale: dataclasses.InitVar[int] = 2
    area: int = dataclasses.field(init=False, default=0)
    nick: str | None = "nobody"

    def __post_init__(self, scale: int) -> None:
        self.area = self.width * scale


def test_fields_that_the_constructor_does_not_take_are_stored_and_set(memory: DynamoDBClient) -> None:
    things: Repository[Computed] = Repository(Computed, table="things", partition_key="computed_id")
    things.table.sync.create()
    thing = Computed("a", 3, scale=5)
    thing.nick = None

    things.sync.create(thing)

    assert things.sync.get_or_raise("a").area == 15
    assert things.sync.get_or_raise("a").nick is None  # not the default: None is stored where that would be read instead


@attrs.define
class Private:
    _key: str
    _count: int = attrs.field(default=0, alias="counted", converter=int)
    made: int = attrs.field(init=False, default=7)
    pair: tuple[int, ...] = attrs.field(factory=tuple)
    later: str = attrs.field(default=attrs.Factory(lambda self: self._key.upper(), takes_self=True))


def test_attrs_classes_with_private_names_converters_and_factories(memory: DynamoDBClient) -> None:
    things: Repository[Private] = Repository(Private, table="things", partition_key="_key", names={"_key": "pk"})
    things.table.sync.create()
    thing = Private("a", counted=3)
    thing.made = 8

    things.sync.create(thing)

    assert things.sync.get("a") == thing
    assert things.sync.scan().filter(things.attr._count == 3).all() == [thing]
    assert memory.sync.get_item("things", {"pk": "a"}) == {"pk": "a", "_count": 3, "made": 8, "pair": [], "later": "A"}
    memory.sync.put_item("things", {"pk": "b"})
    with pytest.raises(SerializationError, match="later"):
        things.sync.get("b")  # its default needs the object


class Renamed(msgspec.Struct, weakref=True, rename="camel", tag="renamed", kw_only=True):
    thing_id: str
    full_name: str = "x"
    price: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class Row(msgspec.Struct, weakref=True, array_like=True, tag=True):
    row_id: str
    count: int = 0


def test_structs_with_other_names_tags_and_arrays(memory: DynamoDBClient) -> None:
    things: Repository[Renamed] = Repository(Renamed, table="things", partition_key="thing_id", version=None)
    rows: Repository[Row] = Repository(Row, table="rows", partition_key="row_id", version="count")
    things.table.sync.create()
    rows.table.sync.create()

    thing = things.sync.create(Renamed(thing_id="a", full_name="b", price=1.5))
    row = rows.sync.create(Row("r"))

    assert things.sync.get("a") == thing
    assert memory.sync.get_item("things", {"thing_id": "a"}) == {"thing_id": "a", "full_name": "b", "price": Decimal("1.5")}
    assert rows.sync.get("r") == row == Row("r", 1)


@dataclasses.dataclass
class Defaults:
    defaults_id: str
    number: int = 3
    names: list[str] = dataclasses.field(default_factory=lambda: ["new"])
    token: str = dataclasses.field(default_factory=__import__("pydynox").uuid4)


def test_what_is_missing_reads_as_the_default_of_the_class(memory: DynamoDBClient) -> None:
    things: Repository[Defaults] = Repository(Defaults, table="things", partition_key="defaults_id")
    things.table.sync.create()
    memory.sync.put_item("things", {"defaults_id": "a", "token": "t"})
    memory.sync.put_item("things", {"defaults_id": "b"})

    read = things.sync.get_or_raise("a")

    assert read == Defaults("a", 3, ["new"], "t")
    assert things.changes(read) == {}
    read.number = 4
    things.sync.save(read)
    assert memory.sync.get_item("things", {"defaults_id": "a"}) == {"defaults_id": "a", "token": "t", "number": 4}
    with pytest.raises(SerializationError, match="token"):  # a new one each time: it cannot speak for what is stored
        things.sync.get("b")


def test_a_value_that_an_object_lacks_is_named(memory: DynamoDBClient) -> None:
    things: Repository[Defaults] = Repository(Defaults, table="things", partition_key="defaults_id")
    thing = Defaults("a")
    del thing.token

    with pytest.raises(ValidationError, match=r"Defaults lacks a value.*token"):
        run(things.put(thing))


@pytest.mark.parametrize("user_id", ["", "x" * 2049, 3, None])
def test_a_key_is_checked_like_that_of_a_model(user_id: Any, memory: DynamoDBClient) -> None:
    adults: Repository[Any] = Repository(DataclassAdult, table="adults", partition_key="user_id")

    with memory.collect() as usage:
        for call in (adults.put(DataclassAdult(user_id, 20)), adults.get(user_id), adults.batch_get([user_id])):
            with pytest.raises(ValidationError, match="user_id"):
                run(call)

    assert usage.total.requests == 0


class Addressed(pydantic.BaseModel):
    a: str
    ip: pydantic.IPvAnyAddress


class Struck(msgspec.Struct, weakref=True):
    a: str
    x: str

    def __post_init__(self) -> None:
        raise ValueError(f"bad {self.x}")


class Member(pydantic.BaseModel):
    n: int


class Stored(Model[str], table="leaks"):
    a: Attr[str] = partition_key()
    plan: Attr[Literal["free"] | None] = field(default=None)
    member: Attr[Member | None] = field(default=None)
    text: Attr[Member | None] = field(default=None, json=True)


@pytest.mark.parametrize(
    ("item", "cls", "says"),
    [
        ({"plan": "4111planted"}, None, "the stored value is not 'free'"),
        ({"member": {"n": "4111planted"}}, None, "Member refuses what is stored: n: int_parsing"),
        ({"text": '{"n": "4111planted"}'}, None, "Member refuses what is stored: n: int_parsing"),
        ({"ip": "4111planted"}, Addressed, "the codec refuses what is stored: ip_any_address"),
        ({"x": "4111planted"}, Struck, "refused by Struck: ValidationError"),
    ],
)
def test_what_is_stored_is_not_repeated_in_an_error(item: dict[str, Any], cls: Any, says: str, memory: DynamoDBClient) -> None:
    Stored.table.sync.ensure()
    memory.sync.put_item("leaks", {"a": "1", **item})
    get = Stored.sync.get if cls is None else Repository(cls, table="leaks", partition_key="a").sync.get

    with pytest.raises(SerializationError, match=says) as caught:
        get("1")

    shown = "".join(traceback.format_exception(caught.value))
    assert "planted" not in shown
    # Rows of a query have their values, for the program.
    rows = (Stored if cls is None else Repository(cls, table="leaks", partition_key="a")).scan()
    with pytest.raises(SerializationError) as of_row:
        rows.sync.all()
    assert "planted" in str(of_row.value.raw)


@dataclasses.dataclass
class Booking:
    room: str
    at: datetime
    day: date
    made: datetime
    email: str | None = None
    ends: datetime | None = None


def test_times_have_the_form_that_is_declared_for_them(place: DynamoDBClient, drive: Drive) -> None:
    bookings: Repository[Booking] = Repository(
        Booking,
        table="bookings",
        partition_key="room",
        sort_key="at",
        datetime_format="pynamodb",
        formats={"day": "%Y%m%d", "made": "epoch"},
    )
    bookings.table.sync.create()
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    stored = {"room": "r", "at": "2026-01-02T03:04:05.000000+0000", "day": "20260102", "made": 1767323045}
    place.sync.put_item("bookings", stored)

    one = drive(bookings.get_or_raise("r", at))
    with pytest.raises(ItemAlreadyExistsError):
        drive(bookings.create(Booking("r", at, at.date(), at)))
    drive(bookings.create(Booking("r", at + timedelta(days=1), at.date(), at)))

    assert one == Booking("r", at, at.date(), at)
    assert [one.at for one in drive(bookings.query("r", bookings.attr.at > at).all())] == [at + timedelta(days=1)]
    assert drive(bookings.scan().filter(bookings.attr.day == at.date()).count()) == 2
    assert place.sync.get_item("bookings", {"room": "r", "at": "2026-01-03T03:04:05.000000+0000"}) == {
        **stored,
        "at": "2026-01-03T03:04:05.000000+0000",
    }


def test_unique_values_of_items_that_expire_are_repaired(place: DynamoDBClient, drive: Drive) -> None:
    with pytest.raises(ConfigurationError, match=r'orphans="repair"'):
        Repository(Booking, table="bookings", partition_key="room", ttl="ends", unique=["email"])
    bookings: Repository[Booking] = Repository(
        Booking, table="bookings", partition_key="room", ttl="ends", unique=["email"], orphans="repair"
    )
    bookings.table.sync.create()
    at = datetime(2026, 1, 2, tzinfo=UTC)
    drive(bookings.create(Booking("r", at, at.date(), at, email="a@b.c")))
    place.sync.delete_item("bookings", {"room": "r"})  # as DynamoDB's TTL does

    drive(bookings.create(Booking("s", at, at.date(), at, email="a@b.c")))

    assert drive(bookings.get_or_raise("s")).email == "a@b.c"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formats": {"att": "epoch"}}, r"Booking has no field 'att', which formats= names; did you mean 'at'"),
        ({"formats": {"room": "epoch"}}, r"Booking\.room .*format"),
        ({"formats": {"at": "rfc3339_nano"}, "sort_key": "at"}, r"Booking\.at .*its width varies"),
        ({"datetime_format": "isoz"}, r"no format has this name"),
        ({"orphans": "forget"}, r"must be 'keep' or 'repair'"),
    ],
)
def test_forms_that_a_field_cannot_have_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Repository(Booking, table="bookings", partition_key="room", **options)


class Color(enum.Enum):
    RED = "r"


class Level(enum.IntEnum):
    LOW = 1


class Pair(enum.Enum):
    ONE = (1, 2)
    TWO = "x"


class First(pydantic.BaseModel):
    kind: Literal["a"] = "a"
    x: int = 1


class Second(pydantic.BaseModel):
    kind: Literal["b"] = "b"
    y: float = 0.5


#: A type that only pydantic knows, a value, and as what it would be read back; None where it comes back as it was.
AT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
READ_BACK: dict[str, tuple[Any, Any, str | None]] = {
    "datetime": (datetime | str, AT, "str"),
    "text of two": (datetime | str, "hello", None),
    "uuid": (UUID | str, UUID(int=5), "str"),
    "decimal": (Decimal | str, Decimal("1.50"), "str"),
    "bytes": (str | bytes, b"abc", "str"),
    "enum": (Color | str, Color.RED, "str"),
    "int enum": (Level | int, Level.LOW, "int"),
    "set": (list[int] | set[int], {1}, "list"),
    "list": (list[datetime | str], [AT], "another type or value"),
    "dict": (dict[str, UUID | str], {"a": UUID(int=1)}, "another type or value"),
    "numbers": (int | str, 5, None),
    "digits": (int | str, "5", None),
    "models": (First | Second, Second(y=1.5), None),
    "list of models": (list[First | Second], [First(), Second()], None),
    "pattern": (re.Pattern[str], re.compile("a.b"), None),
    "unreadable enum": (Pair, Pair.ONE, "cannot read back"),
    "unreadable keys": (dict[tuple[int, int], str], {(1, 2): "x"}, "cannot read back"),
}


@pytest.mark.parametrize("name", READ_BACK)
def test_what_would_be_read_back_as_something_else_is_refused(memory: DynamoDBClient, drive: Drive, name: str) -> None:
    type_, value, read = READ_BACK[name]
    cls = pydantic.create_model("Holder", holder_id=(str, ...), value=(type_, ...))
    holders: Any = Repository(cls, table="holders-read-back", partition_key="holder_id")
    drive(holders.table.create())
    holder: Any = cls(holder_id="1", value=value)

    if read is None:
        drive(holders.create(holder))
        again: Any = drive(holders.get("1"))
        assert (again, type(again.value)) == (holder, type(value))
        return
    message = "cannot read back what it writes" if read == "cannot read back" else f"would read it back as {read}: pass a codec"
    with (
        memory.record() as requests,
        pytest.raises(ValidationError, match=rf"Holder\.value cannot be stored: pydantic {message}"),
    ):
        drive(holders.create(holder))
    assert not list(requests)
