"""Classes whose values are maps: how dataclasses, ``TypedDict``s and pydantic models are stored, and enums and literals."""

from __future__ import annotations

import sys
import typing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pydynox._core as _core

from .annotations import UnresolvedError, surroundings
from .generics import substitute
from .other_classes import attrs_members, dataclass_members, is_attrs, is_struct, nested_members, struct_members
from .pydantic_losses import lost_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydynox._core import Kind

    KindOf = Callable[[Any], Kind]

# The classes that are being compiled: one that has itself among its members is finished by the outermost call.
_open: dict[Any, _core.Shape] = {}
# Models of pydantic whose fields are being looked at, by this thread.
_READING: ContextVar[tuple[Any, ...]] = ContextVar("_READING", default=())


def class_kind(annotation: Any, kind_of: KindOf) -> Kind | None:
    """How values of a class are stored, if it is one of the classes of this file.

    Raises:
        TypeError: They cannot be.
        UnresolvedError: A member's annotation names something that does not exist yet.
    """
    cls = typing.get_origin(annotation) or annotation
    if not isinstance(cls, type):
        return None
    origin: Any = cls
    if issubclass(cls, _core.Document):
        return ("record", vars(cls)["_shape"], cls)
    # Not imported for this: where it was never imported, the class cannot be an enum. The same holds for pydantic.
    enum = sys.modules.get("enum")
    if enum is not None and issubclass(origin, enum.Enum):
        return _enum(origin, kind_of)
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and issubclass(origin, pydantic.BaseModel):
        return _pydantic(annotation, kind_of)
    members_of = _constructed(origin)
    if members_of is not None:
        return _record(annotation, "dataclass", members_of, kind_of)
    if hasattr(origin, "__required_keys__"):
        return _record(annotation, "typed_dict", _typed_dict_members, kind_of)
    return None


def _constructed(cls: Any) -> Callable[[Any, dict[str, Any]], Iterable[Member]] | None:
    """What reads the members of a dataclass, an attrs class or a msgspec struct; None for any other class."""
    if "__dataclass_fields__" in cls.__dict__:
        read: Any = dataclass_members
    elif is_struct(cls):
        read = struct_members
    elif is_attrs(cls):
        read = attrs_members
    else:
        return None
    return lambda cls, hints: nested_members(cls, read(cls, hints))


def literal_kind(annotation: Any, kind_of: KindOf) -> Kind:
    """How the values of a ``Literal`` are stored."""
    values = typing.get_args(annotation)
    present = [value for value in values if value is not None]
    kinds = [kind_of(type(value)) for value in present]
    if not kinds:
        return ("none",)
    if any(kind != kinds[0] for kind in kinds):
        raise TypeError("the values of a Literal must have one type")
    choices = " or ".join(repr(value) for value in present)
    kind = ("literal", kinds[0], choices, None, {value: value for value in present})
    return kind if len(present) == len(values) else ("optional", kind)


def codec_kind(annotation: Any, codec: Any, described: str, kind_of: KindOf) -> Kind:
    """How values are stored that a user-defined codec converts.

    The return annotation of ``to_stored`` decides what the codec receives back; without one, the stored value in plain form.
    """
    for method in ("to_stored", "from_stored"):
        if not callable(getattr(codec, method, None)):
            raise TypeError(f"its codec {codec!r} has no method {method}(value)")
    members = typing.get_args(annotation)
    optional = type(None) in members or annotation is Any
    present = next((member for member in members if member is not type(None)), annotation) if optional else annotation
    try:
        # A codec need not declare what it returns; then any value that can be stored is accepted.
        returned = typing.get_type_hints(getattr(codec, "to_stored", None)).get("return", Any)
    except (AttributeError, NameError, TypeError):
        returned = Any
    try:
        inner = kind_of(returned)
    except TypeError:
        inner = ("any",)
    cls = present if present is not Any and isinstance(present, type) and typing.get_origin(present) is None else None
    name = described if cls is None else cls.__name__
    kind = ("codec", inner, codec, cls, name)
    return ("optional", kind) if optional else kind


def _enum(cls: Any, kind_of: KindOf) -> Kind:
    members = list(cls.__members__.values())
    try:
        kinds = [kind_of(_plain_type(member.value)) for member in members]
    except TypeError:
        raise TypeError(f"the members of {cls.__name__} have values that cannot be stored") from None
    if not kinds:
        raise TypeError(f"{cls.__name__} has no members")
    if any(kind != kinds[0] for kind in kinds):
        raise TypeError(f"the members of {cls.__name__} have values of several types: an enum is stored by value")
    return ("enum", kinds[0], cls.__name__, cls, {member.value: member for member in members})


def _plain_type(value: object) -> Any:
    """The type by which an enum's value is stored: a value of a subclass of ``str`` is a ``str``."""
    # bool comes first because it is a subclass of int.
    for plain in (bool, str, int, float, bytes):
        if isinstance(value, plain):
            return plain
    if isinstance(value, (list, dict, set)):
        raise TypeError
    return type(value)


def _pydantic(cls: Any, kind_of: KindOf) -> Kind:
    if cls in (reading := _READING.get()):  # it has itself among its members, and the outermost call says what it is
        return ("pydantic", cls, pydantic_options(cls), ())
    if (lost := lost_by(cls, is_read_back=True)) is not None:
        raise TypeError(f"it {lost}")
    sets: list[str] = []
    token = _READING.set((*reading, cls))
    try:
        for name, field in cls.model_fields.items():
            try:
                kind = kind_of(field.annotation)
            except (TypeError, UnresolvedError):  # pydantic's own business
                continue
            if kind[0] in ("set", "frozenset"):
                sets.append(name)
    finally:
        _READING.reset(token)
    return ("pydantic", cls, pydantic_options(cls), tuple(sets))


def pydantic_options(cls: Any) -> dict[str, Any]:
    """Stored by the names of the fields, aliases or not, and read whether the model is strict or not."""
    import pydantic

    if tuple(map(int, pydantic.VERSION.split(".")[:2])) >= (2, 11):
        return {"strict": False, "by_name": True, "by_alias": False}
    aliased = [name for name, field in cls.model_fields.items() if field.validation_alias not in (None, name)]
    if aliased and not cls.model_config.get("populate_by_name"):
        raise TypeError(f"{cls.__name__}.{aliased[0]} has an alias: set populate_by_name, or install pydantic 2.11")
    return {"strict": False}


Member = tuple[str, Any, bool, "tuple[Any] | None"]  # name, type, flag (_core.Shape says which), default


def record_members(annotation: Any) -> list[tuple[str, Any, bool]] | None:
    """The members of a class or ``TypedDict``: name, type, and whether it has to be given; None of any other type."""
    cls: Any = typing.get_origin(annotation) or annotation
    if cls is Any or not hasattr(cls, "__mro__") or issubclass(cls, (_core.Document, _core.Instance)):
        return None
    meaning = dict(zip(getattr(cls, "__parameters__", ()), typing.get_args(annotation), strict=False))
    members_of = _constructed(cls)
    if members_of is not None:
        members = members_of(cls, hints_of(cls))
        return [(name, substitute(type, meaning), init and default is None) for name, type, init, default in members]
    if hasattr(cls, "__required_keys__"):
        members = _typed_dict_members(cls, hints_of(cls))
        return [(name, substitute(type, meaning), required) for name, type, required, _ in members]
    return None


def is_typed_dict(annotation: Any) -> bool:
    """Whether this is a ``TypedDict``."""
    return hasattr(typing.get_origin(annotation) or annotation, "__required_keys__")


def constructor_members(annotation: Any) -> dict[str, tuple[Any, bool]]:
    """What makes a value of a class or ``TypedDict``: the type of each member, and whether it has to be given."""
    cls: Any = typing.get_origin(annotation) or annotation
    meaning = dict(zip(getattr(cls, "__parameters__", ()), typing.get_args(annotation), strict=False))
    members_of = _constructed(cls)
    if members_of is None:
        members: list[tuple[str, Any, bool]] = [
            (name, type, flag) for name, type, flag, _ in _typed_dict_members(cls, hints_of(cls))
        ]
    else:
        members = [(name, type, default is None) for name, type, init, default in members_of(cls, hints_of(cls)) if init]
    return {name: (substitute(type, meaning), required) for name, type, required in members}


def nested_types(annotation: Any) -> dict[str, Any] | None:
    """The types of the members of a class whose values are maps, by name; None of any other type."""
    pydantic = sys.modules.get("pydantic")
    cls: Any = typing.get_origin(annotation) or annotation
    if pydantic is not None and isinstance(cls, type) and issubclass(cls, pydantic.BaseModel):
        model: Any = cls
        return {name: field.annotation for name, field in model.model_fields.items()}
    members = record_members(annotation)
    return None if members is None else {name: type for name, type, _ in members}


def _record(annotation: Any, make: str, members_of: Callable[[Any, dict[str, Any]], Iterable[Member]], kind_of: KindOf) -> Kind:
    if annotation in _open:
        return ("record", _open[annotation], None)
    cls = typing.get_origin(annotation) or annotation
    meaning = dict(zip(getattr(cls, "__parameters__", ()), typing.get_args(annotation), strict=False))
    shape = _open[annotation] = _core.Shape(cls, make)
    try:
        fields: list[_core.Field] = []
        flags: list[bool] = []
        for name, type, flag, default in members_of(cls, hints_of(cls)):
            fields.append(_member(cls, name, substitute(type, meaning), default, kind_of, always=make == "typed_dict"))
            flags.append(flag)
        shape.complete(fields, flags)
    finally:
        # Even if a member failed: a shape that is not complete must not be used again.
        del _open[annotation]
    return ("record", shape, None)


def _member(cls: Any, name: str, type: Any, default: tuple[Any] | None, kind_of: KindOf, *, always: bool) -> _core.Field:
    try:
        kind = kind_of(type)
    except TypeError as problem:
        raise TypeError(f"{cls.__name__}.{name}: {problem}") from None
    # None is left out where leaving it out reads as None again.
    store_null = always or (default is not None and default[0] is not None)
    return _core.Field(
        name, name, kind, {"default": default, "store_null": store_null and kind[0] in ("optional", "any", "none")}
    )


def hints_of(cls: Any) -> dict[str, Any]:
    """The types of the members of a class.

    Raises:
        UnresolvedError: One names something that does not exist yet.
    """
    try:
        return typing.get_type_hints(cls, localns=surroundings(cls), include_extras=True)
    except NameError as problem:
        raise UnresolvedError(f"{cls.__name__}: an annotation names {problem.name!r}, which does not exist") from None


def _typed_dict_members(cls: Any, hints: Mapping[str, Any]) -> Iterable[Member]:
    for name, hint in hints.items():
        required, type = name in cls.__required_keys__, hint
        while (word := getattr(typing.get_origin(type), "_name", None)) in ("Required", "NotRequired", "ReadOnly"):
            required = word == "Required" if word != "ReadOnly" else required
            type = typing.get_args(type)[0]
        yield name, type, required, None
