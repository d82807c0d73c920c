"""One class of each library with the same fields, none of which knows pydynox."""

from __future__ import annotations

import dataclasses
import enum
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import msgspec
import pydantic


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class PydanticAddress(pydantic.BaseModel):
    city: str
    zip: int | None = None


@dataclasses.dataclass
class DataclassAddress:
    city: str
    zip: int | None = None


@attrs.define
class AttrsAddress:
    city: str
    zip: int | None = None


class StructAddress(msgspec.Struct):
    city: str
    zip: int | None = None


class PydanticUser(pydantic.BaseModel):
    user_id: str
    number: int
    name: str
    age: int = 0
    score: float = 0.0
    balance: Decimal = Decimal(0)
    nick: str | None = None
    photo: bytes = b""
    color: Color = Color.RED
    token: UUID | None = None
    born: date | None = None
    seen: datetime | None = None
    tags: list[str] = []
    roles: set[str] = set()
    limits: dict[str, int] = {}
    pair: tuple[int, str] | None = None
    address: PydanticAddress | None = None
    addresses: list[PydanticAddress] = []
    version: int = 0


@dataclasses.dataclass
class DataclassUser:
    user_id: str
    number: int
    name: str
    age: int = 0
    score: float = 0.0
    balance: Decimal = Decimal(0)
    nick: str | None = None
    photo: bytes = b""
    color: Color = Color.RED
    token: UUID | None = None
    born: date | None = None
    seen: datetime | None = None
    tags: list[str] = dataclasses.field(default_factory=list)
    roles: set[str] = dataclasses.field(default_factory=set)
    limits: dict[str, int] = dataclasses.field(default_factory=dict)
    pair: tuple[int, str] | None = None
    address: DataclassAddress | None = None
    addresses: list[DataclassAddress] = dataclasses.field(default_factory=list)
    version: int = 0


@attrs.define
class AttrsUser:
    user_id: str
    number: int
    name: str = attrs.field(validator=attrs.validators.instance_of(str))
    age: int = 0
    score: float = 0.0
    balance: Decimal = Decimal(0)
    nick: str | None = None
    photo: bytes = b""
    color: Color = Color.RED
    token: UUID | None = None
    born: date | None = None
    seen: datetime | None = None
    tags: list[str] = attrs.field(factory=list)
    roles: set[str] = attrs.field(factory=set)
    limits: dict[str, int] = attrs.field(factory=dict)
    pair: tuple[int, str] | None = None
    address: AttrsAddress | None = None
    addresses: list[AttrsAddress] = attrs.field(factory=list)
    version: int = 0


class StructUser(msgspec.Struct, weakref=True):
    user_id: str
    number: int
    name: str
    age: int = 0
    score: float = 0.0
    balance: Decimal = Decimal(0)
    nick: str | None = None
    photo: bytes = b""
    color: Color = Color.RED
    token: UUID | None = None
    born: date | None = None
    seen: datetime | None = None
    tags: list[str] = []
    roles: set[str] = set()
    limits: dict[str, int] = {}
    pair: tuple[int, str] | None = None
    address: StructAddress | None = None
    addresses: list[StructAddress] = []
    version: int = 0


USERS: dict[str, Any] = {
    "pydantic": PydanticUser,
    "dataclass": DataclassUser,
    "attrs": AttrsUser,
    "msgspec": StructUser,
}
ADDRESSES: dict[str, Any] = {
    "pydantic": PydanticAddress,
    "dataclass": DataclassAddress,
    "attrs": AttrsAddress,
    "msgspec": StructAddress,
}


def full(kind: str, **others: Any) -> Any:
    """An object in which every field has a value that is not its default."""
    address = ADDRESSES[kind]
    values: dict[str, Any] = {
        "user_id": "u1",
        "number": 1,
        "name": "Ada",
        "age": 36,
        "score": 1.5,
        "balance": Decimal("10.50"),
        "nick": "ada",
        "photo": b"\x00\xff",
        "color": Color.BLUE,
        "token": UUID(int=7),
        "born": date(1815, 12, 10),
        "seen": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "tags": ["a", "b"],
        "roles": {"admin"},
        "limits": {"day": 3},
        "pair": (1, "x"),
        "address": address(city="London", zip=1),
        "addresses": [address(city="Rome")],
    }
    return USERS[kind](**(values | others))


# The same few fields where objects are frozen, or cannot be referenced weakly: a repository remembers nothing of them.


class PydanticFrozen(pydantic.BaseModel, frozen=True):
    user_id: str
    name: str
    tags: list[str] = []
    version: int = 0


@dataclasses.dataclass(frozen=True)
class DataclassFrozen:
    user_id: str
    name: str
    tags: list[str] = dataclasses.field(default_factory=list)
    version: int = 0


@dataclasses.dataclass(slots=True)
class DataclassSlots:
    user_id: str
    name: str
    tags: list[str] = dataclasses.field(default_factory=list)
    version: int = 0


@attrs.frozen
class AttrsFrozen:
    user_id: str
    name: str
    tags: list[str] = attrs.field(factory=list)
    version: int = 0


@attrs.define(weakref_slot=False)
class AttrsSlots:
    user_id: str
    name: str
    tags: list[str] = attrs.field(factory=list)
    version: int = 0


class StructFrozen(msgspec.Struct, frozen=True, weakref=True):
    user_id: str
    name: str
    tags: list[str] = []
    version: int = 0


class StructPlain(msgspec.Struct):
    user_id: str
    name: str
    tags: list[str] = []
    version: int = 0


FORGOTTEN: list[Any] = [
    PydanticFrozen,
    DataclassFrozen,
    DataclassSlots,
    AttrsFrozen,
    AttrsSlots,
    StructFrozen,
    StructPlain,
]
FROZEN = (PydanticFrozen, DataclassFrozen, AttrsFrozen, StructFrozen)


def replaced(instance: Any, **values: Any) -> Any:
    """A copy with other values, as each library makes one."""
    if isinstance(instance, pydantic.BaseModel):
        return instance.model_copy(update=values)
    if isinstance(instance, msgspec.Struct):
        return msgspec.structs.replace(instance, **values)
    if attrs.has(type(instance)):
        return attrs.evolve(instance, **values)
    return dataclasses.replace(instance, **values)
