"""One model with an attribute of every type, and the classes of its values."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from decimal import Decimal
from typing import Any, Literal, NotRequired
from uuid import UUID

import pydantic
from pydynox import Attr, Document, JSONAttribute, Model, field, partition_key, sort_key
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12


class Status(enum.StrEnum):
    ACTIVE = "active"
    CLOSED = "closed"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Shade(enum.Enum):
    DARK = b"\x00"
    LIGHT = b"\xff"


@dataclasses.dataclass
class Point:
    x: int
    y: Decimal = Decimal("0.5")
    seen: dt.datetime | None = None
    rank: int | None = 7
    labels: set[str] = dataclasses.field(default_factory=set)


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    name: str
    children: tuple[Node, ...] = ()
    length: int = dataclasses.field(init=False, default=0)


class Wish(TypedDict):
    what: str
    due: NotRequired[dt.date]
    price: Decimal | None


class Address(Document):
    street: Attr[str]
    city: Attr[str] = field(default="Paris", attribute_name="c")
    since: Attr[dt.date | None] = field(default=None)
    flags: Attr[set[Status]] = field(default_factory=set)
    extra: Attr[dict[str, int]] = field(default_factory=dict)
    near: Attr[list[Address]] = field(default_factory=list)


class Inner(pydantic.BaseModel):
    at: dt.datetime
    spent: dt.timedelta = dt.timedelta(0)


class Card(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    holder: str = pydantic.Field(alias="cardHolder")
    limit: Decimal = Decimal(0)
    ratio: float = 0.5
    uid: UUID | None = None
    status: Status = Status.ACTIVE
    inner: Inner | None = None
    tags: set[str] = set()
    pair: tuple[int, str] = (1, "x")


class Money:
    """A class that neither pydynox nor pydantic knows."""

    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and self.cents == other.cents

    def __hash__(self) -> int:
        return hash(self.cents)

    def __repr__(self) -> str:
        return f"Money({self.cents})"


class MoneyCodec:
    def to_stored(self, value: Money, /) -> int:
        return value.cents

    def from_stored(self, value: int, /) -> Money:
        if value < 0:
            raise ValueError("no negative money")
        return Money(value)


class Typed(Model[str, dt.datetime], table="typed"):
    key_: Attr[str] = partition_key(attribute_name="key")
    at: Attr[dt.datetime] = sort_key()
    day: Attr[dt.date | None] = field(default=None)
    clock: Attr[dt.time | None] = field(default=None)
    span: Attr[dt.timedelta | None] = field(default=None)
    moment: Attr[dt.datetime | None] = field(default=None)
    seconds: Attr[dt.datetime | None] = field(default=None, epoch="seconds")
    millis: Attr[list[dt.datetime]] = field(default_factory=list, epoch="milliseconds")
    uid: Attr[UUID | None] = field(default=None)
    status: Attr[Status | None] = field(default=None)
    level: Attr[Level | None] = field(default=None)
    shade: Attr[Shade | None] = field(default=None)
    choice: Attr[Literal["a", "b"] | None] = field(default=None)
    number: Attr[Literal[1, 2, None]] = field(default=None)  # noqa: PYI061 (both ways of writing it)
    pair: Attr[tuple[int, str] | None] = field(default=None)
    days: Attr[tuple[dt.date, ...]] = field(default=())
    uids: Attr[set[UUID]] = field(default_factory=set)
    moments: Attr[frozenset[dt.datetime]] = field(default=frozenset())
    spans: Attr[set[dt.timedelta]] = field(default_factory=set)
    levels: Attr[set[Level]] = field(default_factory=set)
    exact: Attr[set[Decimal]] = field(default_factory=set)
    point: Attr[Point | None] = field(default=None)
    node: Attr[Node | None] = field(default=None)
    wish: Attr[Wish | None] = field(default=None)
    address: Attr[Address | None] = field(default=None)
    places: Attr[dict[str, list[Address]]] = field(default_factory=dict)
    points: Attr[list[Point | None]] = field(default_factory=list)
    card: Attr[Card | None] = field(default=None)
    price: Attr[Money | None] = field(default=None, codec=MoneyCodec())
    json: JSONAttribute[Any] = JSONAttribute(default=None)
    json_point: JSONAttribute[Point | None] = JSONAttribute(Point, null=True)
    json_card: JSONAttribute[list[Card] | None] = JSONAttribute(list[Card], null=True)


class Priced(Model[Money, Status], table="priced"):
    """A key of a codec and of an enum."""

    price: Attr[Money] = partition_key(codec=MoneyCodec())
    status: Attr[Status] = sort_key()
    uid: Attr[UUID | None] = field(default=None)


NOW = dt.datetime(2026, 11, 23, 3, 41, tzinfo=dt.UTC)


def typed(**values: Any) -> Typed:
    return Typed(**{"key_": "k", "at": NOW, **values})
