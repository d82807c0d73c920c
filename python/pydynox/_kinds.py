"""How the values of a Python type are stored: an annotation as the border's ``Kind``."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._core import Kind

_STORABLE = "str, int, float, Decimal, bool, bytes, list[...], dict[str, ...], set[...], None, Any, or one of these | None"
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
}
KEY_KINDS = frozenset({("str",), ("int",), ("float",), ("decimal",), ("number",), ("bytes",)})


def kind_of(annotation: Any) -> Kind:
    """How values of a type are stored.

    Raises:
        TypeError: They cannot be.
    """
    try:
        simple = _KINDS.get(annotation)
    except TypeError:  # an annotation that cannot be hashed is none of ours
        simple = None
    if simple is not None:
        return simple
    if _is_decimal(annotation):
        return ("decimal",)
    if isinstance(annotation, typing.TypeVar):
        return ("any",)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _kind_of_union(arguments)
    if origin is list:
        return ("list", kind_of(arguments[0]))
    if origin is dict:
        if arguments[0] is not str:
            raise TypeError("the names in a map are str, as in dict[str, int]")
        return ("dict", kind_of(arguments[1]))
    if origin is set or annotation is set:
        kind = kind_of(arguments[0]) if arguments else ()
        if kind not in KEY_KINDS:
            raise TypeError("a set holds str, int, float, Decimal or bytes, as in set[str]")
        return ("set", kind)
    raise TypeError(f"use {_STORABLE}")


def _kind_of_union(members: tuple[Any, ...]) -> Kind:
    present = [member for member in members if member is not type(None)]
    if len(present) != 1:
        raise TypeError("an attribute has one type, or one type | None")
    kind = kind_of(present[0])
    return kind if kind == ("any",) else ("optional", kind)


def fits(kind: Kind, value: Any) -> bool:
    """Whether a default is of the type that its attribute declares."""
    if kind[0] == "any" or (kind[0] in ("optional", "none") and value is None):
        return True
    if kind[0] == "optional":
        return fits(kind[1], value)
    if isinstance(value, bool):
        return bool(kind[0] == "bool")
    accepted: dict[str, tuple[type, ...]] = {
        "str": (str,),
        "int": (int,),
        "float": (int, float),
        "bytes": (bytes,),
        "number": (int, float),
    }
    if kind[0] in ("decimal", "number") and _is_decimal(type(value)):
        return True
    return isinstance(value, accepted.get(kind[0], ()))


def _is_decimal(annotation: Any) -> bool:
    # By name: importing decimal costs a millisecond that a program without decimals need not pay.
    return getattr(annotation, "__module__", "") == "decimal" and getattr(annotation, "__name__", "") == "Decimal"


def describe(annotation: Any) -> str:
    """A type as people write it."""
    if annotation is types.NoneType or annotation is None:
        return "None"
    origin = typing.get_origin(annotation)
    if isinstance(annotation, type) and origin is None:
        return annotation.__name__
    if isinstance(origin, type) and origin is not types.UnionType:
        return f"{origin.__name__}[{', '.join(map(describe, typing.get_args(annotation)))}]"
    return str(annotation).replace("typing.", "").replace("decimal.", "").lstrip("~")
