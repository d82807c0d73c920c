"""Classes of other libraries: the members of dataclasses, attrs classes and msgspec structs; imports none of these libraries."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .record_types import Member


class ClassMember(NamedTuple):
    """One member of a class: its type, its default, and how the constructor takes it."""

    name: str
    type: Any
    parameter: str | None  # None if the constructor does not take it
    default: tuple[Any] | None = None  # in a 1-tuple, because None can be one
    factory: Callable[[], Any] | None = None  # makes the default; None without one, or where it needs the instance
    is_optional: bool = False  # whether the constructor can do without it


def is_attrs(cls: Any) -> bool:
    """Whether attrs made this class."""
    return hasattr(cls, "__attrs_attrs__")


def is_struct(cls: Any) -> bool:
    """Whether this is a ``msgspec.Struct``."""
    msgspec = sys.modules.get("msgspec")
    return msgspec is not None and issubclass(cls, msgspec.Struct)


def dataclass_members(cls: Any, hints: Mapping[str, Any]) -> Iterator[ClassMember]:
    """The fields of a dataclass.

    Raises:
        TypeError: One is an ``InitVar`` without a default: its value is not stored, so no object could be made again.
    """
    import dataclasses

    fields: dict[str, Any] = cls.__dataclass_fields__
    for name, field in fields.items():
        is_factory = field.default_factory is not dataclasses.MISSING
        has_default = is_factory or field.default is not dataclasses.MISSING
        if field._field_type is vars(dataclasses)["_FIELD_INITVAR"] and not has_default:
            raise TypeError(f"{cls.__name__}.{name} is an InitVar, which is not stored: give it a default")
        if field._field_type is not vars(dataclasses)["_FIELD"]:
            continue
        yield ClassMember(
            name,
            hints[name],
            name if field.init else None,
            None if is_factory or not has_default else (field.default,),
            field.default_factory if is_factory else None,
            is_optional=has_default,
        )


def attrs_members(cls: Any, hints: Mapping[str, Any]) -> Iterator[ClassMember]:
    """The attributes of an attrs class."""
    attr: Any = sys.modules["attr"]  # what attrs itself is, whichever of its names was imported
    for attribute in cls.__attrs_attrs__:
        name: str = attribute.name
        default, factory = attribute.default, None
        is_factory = isinstance(default, attr.Factory)
        if is_factory and not default.takes_self:
            factory = default.factory
        yield ClassMember(
            name,
            hints.get(name, attribute.type or Any),
            attribute.alias if attribute.init else None,
            None if is_factory or default is attr.NOTHING else (default,),
            factory,
            is_optional=default is not attr.NOTHING,
        )


def struct_members(cls: Any, hints: Mapping[str, Any]) -> Iterator[ClassMember]:
    """The fields of a ``msgspec.Struct``."""
    msgspec: Any = sys.modules["msgspec"]
    names: tuple[str, ...] = cls.__struct_fields__
    defaults: tuple[Any, ...] = cls.__struct_defaults__
    without = (msgspec.NODEFAULT,) * (len(names) - len(defaults))
    for name, default in zip(names, without + defaults, strict=True):
        has_default = default is not msgspec.NODEFAULT
        factory = getattr(default, "factory", None) if type(default).__module__.startswith("msgspec") else None
        yield ClassMember(
            name,
            hints[name],
            name,
            (default,) if has_default and factory is None else None,
            factory,
            is_optional=has_default,
        )


def nested_members(cls: Any, members: Iterable[ClassMember]) -> Iterator[Member]:
    """Members as those of a class inside an item, whose constructor takes each by its own name.

    Raises:
        TypeError: It takes one by another name.
    """
    for member in members:
        if member.parameter not in (None, member.name):
            raise TypeError(
                f"{cls.__name__}.{member.name} is passed to the constructor as {member.parameter}: "
                f"declare it with alias={member.name!r}, or pass a codec for {cls.__name__}"
            )
        default = member.default if member.default is not None or not member.is_optional else (...,)
        yield member.name, member.type, member.parameter is not None, default
