"""Models shared by the typing tests: both spellings, every type there is."""

from __future__ import annotations

import dataclasses
import enum
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Generic, Literal, NotRequired, TypedDict, TypeVar
from uuid import UUID

from pydynox import (
    Attr,
    BinaryAttribute,
    BooleanAttribute,
    Compressed,
    CompressedAttribute,
    DateAttribute,
    DatetimeAttribute,
    Document,
    Encrypted,
    EncryptedAttribute,
    EnumAttribute,
    GlobalSecondaryIndex,
    JSONAttribute,
    ListAttribute,
    LocalSecondaryIndex,
    MapAttribute,
    Model,
    ModelConfig,
    NumberAttribute,
    SetAttribute,
    StringAttribute,
    TTLAttribute,
    UUIDAttribute,
    VersionAttribute,
    after_delete,
    after_load,
    after_save,
    before_delete,
    before_save,
    created_at,
    field,
    partition_key,
    sort_key,
    ttl,
    updated_at,
    uuid7,
    version,
)


class Status(enum.StrEnum):
    ACTIVE = "active"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.5


class Wish(TypedDict):
    what: str
    due: NotRequired[date]


class Address(Document):
    street: Attr[str]
    city: Attr[str] = field(default="Paris")
    inner: Attr[Address | None] = field(default=None)


class Money:
    cents = 0


class MoneyCodec:
    def to_stored(self, value: Money, /) -> int:
        return value.cents

    def from_stored(self, value: int, /) -> Money:
        return Money()


class YearCodec:
    def to_stored(self, value: datetime, /) -> int:
        return value.year

    def from_stored(self, value: int, /) -> datetime:
        return datetime(value, 1, 1, tzinfo=UTC)


class Stamped(Model[str, int], abstract=True):
    created_by: Attr[str] = field(default="")


class Loose(Model, abstract=True):  # says nothing of keys, so checkers know nothing of them below
    created_by: Attr[str] = field(default="")


# the recommended spelling
class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    email: Attr[str] = field()
    name: Attr[str]
    age: Attr[int] = field(default=0)
    ratio: Attr[float] = field(default=0.5)
    balance: Attr[Decimal] = field(default=Decimal(0))
    active: Attr[bool] = field(default=True)
    nickname: Attr[str | None] = field(default=None)
    blob: Attr[bytes | None] = field(default=None)
    tags: Attr[list[str]] = field(default_factory=list)
    labels: Attr[set[str]] = field(default_factory=set)
    scores: Attr[dict[str, int]] = field(default_factory=dict)
    nested: Attr[dict[str, list[int | None]]] = field(default_factory=dict)
    extra: Attr[dict[str, Any]] = field(default_factory=dict)
    anything: Attr[Any] = field(default=None)
    key_: Attr[str | None] = field(default=None, attribute_name="key", store_null=True, repr=False)
    LIMIT: ClassVar[int] = 3

    by_email = GlobalSecondaryIndex(email)
    by_age = GlobalSecondaryIndex(age, email)
    by_both = GlobalSecondaryIndex((email, "age"), "name", projection="KEYS_ONLY")


class Order(Stamped, table="orders"):
    customer_id: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    total: Attr[Decimal] = field(default=Decimal(0))
    by_total = LocalSecondaryIndex(total)


class Visit(Loose, Model[str, int], table="visits"):
    visitor: Attr[str] = partition_key()
    number: Attr[int] = sort_key()


# keys made by a factory
def new_id() -> str:
    return "1"


class Note(Model[str], table="notes"):
    note_id: Attr[str] = partition_key(default_factory=new_id)
    text: Attr[str]


# the attribute-object spelling, annotated: the constructor is typed too
class Account(Model[str], table="accounts"):
    id: StringAttribute = StringAttribute(partition_key=True)
    owner: StringAttribute = StringAttribute()
    nick: StringAttribute[str | None] = StringAttribute(null=True)
    amount: NumberAttribute[Decimal] = NumberAttribute(Decimal, default=Decimal(0))
    count: NumberAttribute[int] = NumberAttribute(int, default=0)
    seen: NumberAttribute[int | None] = NumberAttribute(int, null=True)
    tags: ListAttribute[str] = ListAttribute(str)


# the attribute-object spelling, bare, with the words of PynamoDB
class Legacy(Model, init=False):
    model_config = ModelConfig(table="legacy", consistent_read=True)
    pk = StringAttribute(hash_key=True)
    sk = NumberAttribute(int, range_key=True)
    name = StringAttribute(default="")
    ratio = NumberAttribute(default=1.0)
    nick = StringAttribute(null=True)
    level = NumberAttribute(null=True)
    open = BooleanAttribute(default=False)
    checked = BooleanAttribute(null=True)
    blob = BinaryAttribute(default=b"")
    seal = BinaryAttribute(null=True)
    tags = ListAttribute(str)
    things = ListAttribute()
    labels = SetAttribute(str)
    extra = MapAttribute()
    scores = MapAttribute(dict[str, int])


# both in one class
class Mixed(Model[bytes], table="mixed"):
    id: Attr[bytes] = partition_key()
    name: StringAttribute = StringAttribute(default="")


# rules and hooks
def spelled(text: str) -> bool:
    return text.islower()


def refuse(value: object) -> None:
    raise ValueError("no")


class Ruled(Model[str], table="ruled"):
    code: Attr[str] = partition_key(pattern="^x", max_length=8)
    name: Attr[str] = field(min_length=1, max_length=9, validate=spelled, description="what it is called")
    age: Attr[int] = field(default=0, ge=0, lt=150, validate=[refuse])
    share: Attr[Decimal | None] = field(default=None, gt=0, le=Decimal(1))
    tags: Attr[list[str]] = field(default_factory=list, max_length=3, immutable=True)
    nick: StringAttribute[str | None] = StringAttribute(null=True, pattern=re.compile("^x"), validate=spelled)
    level: NumberAttribute[int] = NumberAttribute(int, default=1, ge=1)
    flag: BooleanAttribute = BooleanAttribute(default=True, immutable=True)
    data: BinaryAttribute = BinaryAttribute(default=b"", max_length=3)
    labels: SetAttribute[str] = SetAttribute(str, max_length=3)

    @before_save
    def normalise(self) -> None:
        self.name = self.name.lower()

    @before_save
    @after_save
    async def log(self) -> None:
        await self.refresh()

    @before_delete
    @after_delete
    @after_load
    def note(self) -> None: ...


# generic
P = TypeVar("P")
K = TypeVar("K")


class Event(Model[str], Generic[P], table="events"):
    event_id: Attr[str] = partition_key()
    payload: Attr[P]


class CountEvent(Event[int]):
    unit: Attr[str] = field(default="")


class Entity(Model[K], Generic[K], abstract=True):
    id: Attr[K] = partition_key()


class Thing(Entity[int], table="things"):
    name: Attr[str]


# every further type
class Typed(Model[Status, datetime], table="typed"):
    status: Attr[Status] = partition_key()
    at: Attr[datetime] = sort_key(epoch="seconds")
    uid: Attr[UUID]
    event_id: Attr[str] = field(default_factory=uuid7)
    day: Attr[date | None] = field(default=None)
    clock: Attr[time | None] = field(default=None)
    span: Attr[timedelta] = field(default=timedelta(0))
    seen: Attr[datetime | None] = field(default=None, epoch="milliseconds")
    read: Attr[datetime | None] = field(default=None, format="pynamodb", naive=UTC, truncate=True)
    level: Attr[Level] = field(default=Level.LOW)
    choice: Attr[Literal["a", "b"]] = field(default="a")
    pair: Attr[tuple[int, str] | None] = field(default=None)
    days: Attr[tuple[date, ...]] = field(default=())
    uids: Attr[frozenset[UUID]] = field(default=frozenset())
    point: Attr[Point | None] = field(default=None)
    wish: Attr[Wish | None] = field(default=None)
    address: Attr[Address | None] = field(default=None)
    places: Attr[dict[str, list[Address]]] = field(default_factory=dict)
    homes: Attr[list[Address]] = field(default_factory=list)
    extra: Attr[dict[str, Any]] = field(default_factory=dict)
    price: Attr[Money] = field(codec=MoneyCodec())
    fee: Attr[Money | None] = field(codec=MoneyCodec(), default=None)


class Objects(Model, init=False):
    model_config = ModelConfig(table="objects", strict_reads=False)
    uid = UUIDAttribute(hash_key=True)
    at = DatetimeAttribute(range_key=True, epoch="seconds")
    seen = DatetimeAttribute(null=True, format="iso_offset", naive=UTC, truncate=True)
    day = DateAttribute(default=date(2026, 1, 1), format="%Y%m%d")
    other = UUIDAttribute(null=True)
    status = EnumAttribute(Status, default=Status.ACTIVE)
    level = EnumAttribute(Level, null=True)
    address = MapAttribute(Address)
    place = MapAttribute(Address, null=True)
    point = MapAttribute(Point)
    wish = MapAttribute(Wish)
    settings = JSONAttribute()
    points = JSONAttribute(list[Point])
    moments = ListAttribute(datetime)
    levels = SetAttribute(Level)


class Annotated(Model[UUID], table="annotated"):
    uid: UUIDAttribute = UUIDAttribute(partition_key=True)
    at: DatetimeAttribute = DatetimeAttribute()
    seen: DatetimeAttribute[datetime | None] = DatetimeAttribute(null=True)
    status: EnumAttribute[Status] = EnumAttribute(Status)
    place: MapAttribute[Address | None] = MapAttribute(Address, null=True)
    extra: MapAttribute[dict[str, Any]] = MapAttribute()
    year: DatetimeAttribute = DatetimeAttribute(codec=YearCodec(), default_factory=lambda: datetime.now(UTC))
    former: DatetimeAttribute[datetime | None] = DatetimeAttribute(codec=YearCodec(), null=True)


class Priced(Model[Money], table="priced"):
    price: Attr[Money] = partition_key(codec=MoneyCodec())


class Kept(Model[str], table="kept"):
    kept_id: Attr[str] = partition_key()
    note: Attr[str] = field(default="")
    expires_at: Attr[datetime | None] = ttl(default=timedelta(hours=1))
    created: Attr[datetime] = created_at()
    updated: Attr[datetime] = updated_at()
    version: Attr[int] = version()


class Session(Model[str], table="sessions"):
    session_id: StringAttribute = StringAttribute(partition_key=True)
    expires_at: TTLAttribute[datetime | None] = TTLAttribute(null=True, hide_expired=True)
    ends_at: Attr[datetime] = field()
    version: VersionAttribute = VersionAttribute()


class AppItem(Model[str, str], table="app"):
    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()


class Templated(AppItem, entity="order"):
    model_config = ModelConfig(entity_attribute="kind")
    pk: Attr[str] = partition_key(template="ORDER#{order_id}")
    sk: Attr[str] = sort_key(template="META", escape=True)
    order_id: Attr[str]
    state: Attr[str | None] = field(default=None)
    by_state: Attr[str | None] = field(template="STATE#{state}", attribute_name="gsi1pk")


class Employee(Model[str, int], table="employees", unique=("company", "badge")):
    model_config = ModelConfig(orphans="repair")
    company: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    badge: Attr[int | None] = field(default=None)
    email: Attr[str] = field(unique=True)
    phone: StringAttribute = StringAttribute(unique=True)


class Worker(Employee, unique=[("email", "badge"), ("phone", "badge")]):
    pass


class Sealed(Model[str], table="sealed"):
    sealed_id: Attr[str] = partition_key()
    ssn: Encrypted[str | None] = field(default=None)
    card: Encrypted[str]
    notes: Compressed[str] = field(default="")
    log: Compressed[list[str]] = field(default_factory=list, compress_above=10)
    home: Encrypted[Address | None] = field(default=None, compress=True, on_plaintext="migrate")
    pin: EncryptedAttribute[str] = EncryptedAttribute(StringAttribute(), compress=True)
    marks: CompressedAttribute[list[str]] = CompressedAttribute(ListAttribute[str](), level=9)


@dataclasses.dataclass
class Pet:
    """A class that knows nothing of pydynox."""

    pet_id: str
    age: int = 0
    home: Point | None = None
    version: int = 0
