"""How the values of a Python type are stored: an annotation as the extension's ``Kind``."""

from __future__ import annotations

import types
import typing
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pydynox._core as _core

if TYPE_CHECKING:
    from collections.abc import Generator

    from pydynox._core import Kind

_STORABLE = (
    "str, int, float, Decimal, bool, bytes, datetime, date, time, timedelta, UUID, an enum, Literal[...], list[...], tuple[...], "
    "dict[str, ...], set[...], frozenset[...], a Document, a dataclass, a TypedDict, a pydantic model, None, Any, "
    "or one of these | None; or pass a codec: field(codec=...)"
)
_KINDS: dict[Any, Kind] = {
    str: ("str",),
    int: ("int",),
    float: ("float",),
    bool: ("bool",),
    bytes: ("bytes",),
    type(None): ("none",),
    None: ("none",),
    Any: ("any",),
    list: ("list", ("any",)),
    dict: ("dict", ("any",)),
    tuple: ("tuple_of", ("any",)),
}
# By name: importing decimal or datetime takes a millisecond, which a program without them should not pay.
_NAMED: dict[tuple[str, str], Kind] = {
    ("decimal", "Decimal"): ("decimal",),
    ("datetime", "datetime"): ("datetime", "iso_z", False, False),
    ("datetime", "date"): ("date", "iso_z", False, False),
    ("datetime", "time"): ("time", "iso_z", False, False),
    ("datetime", "timedelta"): ("timedelta",),
    ("uuid", "UUID"): ("uuid",),
    ("pydantic.types", "AwareDatetime"): ("datetime", "iso_z", False, False),
}
_KEY_KINDS = {"str", "int", "float", "number", "bytes", *(kind[0] for kind in _NAMED.values())}
#: The format of datetimes that the class being compiled declares for all of them.
_DATETIMES: ContextVar[str | None] = ContextVar("_DATETIMES", default=None)
_IN_A_SET = "str, int, float, Decimal or bytes, or what is stored as one of them"


def kind_of(annotation: Any) -> Kind:
    """How values of a type are stored.

    Raises:
        TypeError: They cannot be.
    """
    try:
        simple = _KINDS.get(annotation)
    except TypeError:  # unhashable, so not one of the simple types
        simple = None
    if simple is not None:
        return simple
    named = _NAMED.get((getattr(annotation, "__module__", ""), getattr(annotation, "__name__", "")))
    if named is not None and isinstance(annotation, type):
        format = _DATETIMES.get() if named[0] == "datetime" else None
        return named if format is None else ("datetime", format, False, False)
    if isinstance(annotation, typing.TypeVar):
        return ("any",)
    return _kind_of_container(annotation) or _kind_of_further(annotation)


@contextmanager
def datetimes_as(format: str | None) -> Generator[None]:
    """Within the block, datetimes are stored in this format where nothing else is declared for them."""
    before = _DATETIMES.set(format)
    try:
        yield
    finally:
        _DATETIMES.reset(before)


def _kind_of_container(annotation: Any) -> Kind | None:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _kind_of_union(arguments)
    if origin is list:
        return ("list", kind_of(arguments[0]))
    if origin is dict:
        if arguments[0] is not str:
            raise TypeError("the names in a map must be str, as in dict[str, int]")
        return ("dict", kind_of(arguments[1]))
    if origin in (set, frozenset) or annotation in (set, frozenset):
        word = (origin or annotation).__name__
        kind = kind_of(arguments[0]) if arguments else ("none",)
        if not is_key_kind(kind) or kind[0] == "codec":
            raise TypeError(f"a {word} holds {_IN_A_SET}, as in {word}[str]")
        return (word, kind)
    if origin is tuple:
        if arguments[1:] == (...,):
            return ("tuple_of", kind_of(arguments[0]))
        return ("tuple", tuple(map(kind_of, arguments)))
    return None


def _kind_of_further(annotation: Any) -> Kind:
    """Wrappers, and user-defined classes."""
    from .record_types import class_kind, literal_kind

    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return kind_of(annotation.__origin__)
    if origin is typing.Literal:
        return literal_kind(annotation, kind_of)
    for wrapped in ("__supertype__", "__value__"):  # NewType, and Python 3.12's `type X = ...`
        if not isinstance(annotation, type) and hasattr(annotation, wrapped):
            return kind_of(getattr(annotation, wrapped))
    kind = class_kind(annotation, kind_of)
    if kind is None:
        raise TypeError(f"use {_STORABLE}")
    return kind


def is_key_kind(kind: Kind) -> bool:
    """Whether values are stored in a form that a key can have."""
    if kind[0] in ("enum", "literal", "codec"):
        return is_key_kind(kind[1])
    return kind[0] in _KEY_KINDS


def _kind_of_union(members: tuple[Any, ...]) -> Kind:
    present = [member for member in members if member is not type(None)]
    if len(present) != 1:
        raise TypeError("an attribute must have one type, or one type | None")
    kind = kind_of(present[0])
    return kind if kind == ("any",) else ("optional", kind)


def fits(kind: Kind, value: Any) -> bool:
    """Whether a default matches the declared type."""
    if kind[0] == "any" or (kind[0] in ("optional", "none") and value is None):
        return True
    if kind[0] == "optional":
        return fits(kind[1], value)
    # In Python a bool is an int; in DynamoDB it has a type of its own.
    if isinstance(value, bool) and kind[0] in ("int", "float", "number", "decimal"):
        return False
    accepted: dict[str, tuple[type, ...]] = {
        "str": (str,),
        "int": (int,),
        "float": (int, float),
        "bytes": (bytes,),
        "number": (int, float),
    }
    if kind[0] in ("decimal", "number") and type(value).__name__ == "Decimal":
        return True
    if kind[0] in accepted:
        return isinstance(value, accepted[kind[0]])
    return _core.fits(kind, value)


def describe(annotation: Any) -> str:
    """A type as people write it."""
    if annotation is types.NoneType or annotation is None:
        return "None"
    if annotation is ...:
        return "..."
    origin = typing.get_origin(annotation)
    if isinstance(annotation, type) and origin is None:
        return annotation.__name__
    if isinstance(origin, type) and origin is not types.UnionType:
        return f"{origin.__name__}[{', '.join(map(describe, typing.get_args(annotation)))}]"
    return str(annotation).replace("typing.", "").replace("decimal.", "").lstrip("~")
