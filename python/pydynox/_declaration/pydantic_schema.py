"""Models, documents and their attributes as pydantic sees them. Imported when pydantic asks for one."""

from __future__ import annotations

import enum
import types
import typing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

import pydantic
import pydantic_core
from pydantic_core import PydanticSerializationUnexpectedValue, core_schema

import pydynox._core as _core
from pydynox.exceptions import ValidationError

from .fields import core_field
from .generics import plain
from .instances import instance_from, is_managed
from .kinds import describe, kind_of
from .protected import conceals, protection_of
from .pydantic_errors import attribute_schema, model_schema
from .record_types import record_members
from .rules import present_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydynox._core import Field, Kind
    from pydynox.attributes import Attr

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_LENGTHS = {str: "Length", bytes: "Length", dict: "Properties"}
# The types of JSON that a word of JSON Schema is about, by how it ends.
_ABOUT = {
    "imum": ("number", "integer"),
    "Length": ("string",),
    "pattern": ("string",),
    "Items": ("array",),
    "Properties": ("object",),
}
_BY_NAME = tuple(map(int, pydantic.VERSION.split(".")[:2])) >= (2, 11)
_CONTAINERS: tuple[Any, ...] = (list, set, frozenset, dict, tuple)
_ALIASES = {"by_alias": True}
_PLAIN = ("str", "int", "float", "bool")


# The classes whose schemas are being made: one that has itself among its members refers to itself.
_open: ContextVar[frozenset[str]] = ContextVar("_open", default=frozenset())


def _within(ref: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    token = _open.set(_open.get() | {ref})
    try:
        return make()
    finally:
        _open.reset(token)


def core_schema_of(cls: Any, handler: Any) -> Any:
    """The schema of a model or document: validated by its attributes, dumped as ``model_dump`` does."""
    # With the identity, since two classes can have one name, such as those that a function creates.
    ref = f"{cls.__module__}.{cls.__qualname__}:{id(cls)}"
    if ref in _open.get():
        return core_schema.definition_reference_schema(ref)
    fields = _within(
        ref,
        lambda: {
            name: core_schema.typed_dict_field(field_schema(cls, attribute, handler), required=attribute.required)
            for name, attribute in cls.model_fields.items()
        },
    )
    values = core_schema.typed_dict_schema(fields, cls=cls, cls_name=cls.__name__, extra_behavior="forbid")
    instance_schema = core_schema.no_info_after_validator_function(lambda values: instance_from(cls, values), values)
    if any(attribute.options.protection == "encrypted" for attribute in cls.model_fields.values()):
        instance_schema = model_schema(dict(cls.model_fields), instance_schema)
    return core_schema.json_or_python_schema(
        json_schema=instance_schema,
        python_schema=core_schema.no_info_wrap_validator_function(
            lambda value, make: value if isinstance(value, cls) else make(value), instance_schema
        ),
        serialization=core_schema.plain_serializer_function_ser_schema(_dumper(cls), info_arg=True),
        ref=ref,
    )


def json_schema_of(cls: Any, schema: Any, handler: Any) -> dict[str, Any]:
    """The JSON Schema of a model: what may come in, or what goes out, where what pydynox decides is ``readOnly``."""
    whole: dict[str, Any] = handler(schema)
    resolved: dict[str, Any] = handler.resolve_ref_schema(whole)
    properties = resolved.get("properties")
    if properties is None:
        return whole
    goes_out = handler.mode == "serialization"
    for name, attribute in cls.model_fields.items():
        if not _is_shown(attribute, goes_out=goes_out):
            properties.pop(name, None)
        elif goes_out and name in properties and is_managed(attribute):
            properties[name] = {**properties[name], "readOnly": True}
    if "required" in resolved:
        resolved["required"] = [name for name in resolved["required"] if name in properties]
    return whole


def _is_shown(attribute: Attr[Any], *, goes_out: bool) -> bool:
    if goes_out:
        return not conceals(attribute)
    return attribute.options.purpose == "version" or not is_managed(attribute)


def _dumper(cls: Any) -> Callable[[Any, Any], dict[str, Any]]:
    names = frozenset(cls.model_fields)

    def dump(instance: Any, info: Any) -> dict[str, Any]:
        if not isinstance(instance, cls):
            raise PydanticSerializationUnexpectedValue(f"Expected `{cls.__name__}`, got `{type(instance).__name__}`")
        as_any = getattr(info, "serialize_as_any", False)
        by_alias, round_trip, context = info.by_alias, info.round_trip, info.context
        nested: dict[str, Any] | None = None
        if round_trip or context or as_any:
            settings = {"by_alias": by_alias, "round_trip": round_trip, "context": context, "serialize_as_any": as_any}
            nested = {name: value for name, value in settings.items() if value}
        elif by_alias:
            nested = _ALIASES  # what FastAPI passes for every response
        left_out = (info.exclude_unset, info.exclude_defaults, info.exclude_none)
        mode = "json" if info.mode == "json" else "python"
        options = (mode, info.include, info.exclude, left_out, nested)
        if issubclass(cls, _core.Document):
            return _core.dump_document(instance, options)
        # Of an instance of a subclass the attributes of the class that is declared.
        return _core.dump(instance, options, None if as_any or type(instance) is cls else names)

    return dump


def field_schema(owner: Any, attribute: Attr[Any], handler: Any) -> Any:
    """The schema of one attribute: its type, its rules, and errors that do not show an encrypted value."""
    if attribute.options.purpose == "version":
        return core_schema.int_schema(ge=0)
    schema = handler.generate_schema(annotated(owner, attribute))
    if attribute.options.protection == "encrypted":
        return attribute_schema(attribute, schema)
    if not is_managed(attribute):
        return schema
    # A dump includes it, and its value there is ignored.
    return core_schema.no_info_wrap_validator_function(lambda value, _: value, schema)


def annotated(cls: type[Any], attribute: Attr[Any]) -> Any:
    """The type of an attribute as pydantic reads it, with its rules and its description where it has any."""
    hint: Any = _coded(attribute) if attribute.options.codec is not None else typed(plain(attribute.type))
    if attribute.options.purpose in ("created_at", "updated_at"):
        hint = hint | None  # of an instance that was never written
    if not attribute.options.rules and attribute.description is None:
        return hint
    field = core_field(cls, attribute, protected=protection_of(attribute))
    return Annotated[hint, _Ruled(field, attribute.description, _words(attribute))]


def typed(annotation: Any) -> Any:
    """A type, with others in place of those that pydantic reads in another way than a dump writes them."""
    origin: Any = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if isinstance(annotation, typing.TypeVar):
        return Any
    if annotation is bytes:
        return Annotated[bytes, _Plain(("bytes",))]
    if origin is Annotated:
        return Annotated[(typed(annotation.__origin__), *annotation.__metadata__)]
    if origin in (Union, types.UnionType):
        return Union[tuple(map(typed, arguments))]  # noqa: UP007 (of a tuple)
    if origin is Literal:
        return Annotated[annotation, _Plain(kind_of(annotation))]
    if not isinstance(annotation, type):
        for wrapped in ("__supertype__", "__value__"):
            if hasattr(annotation, wrapped):
                return typed(getattr(annotation, wrapped))
    if origin in _CONTAINERS and arguments:
        return origin[tuple(argument if argument is ... else typed(argument) for argument in arguments)]
    return _typed_class(annotation, origin or annotation)


def _typed_class(annotation: Any, cls: Any) -> Any:
    if not isinstance(cls, type):
        return annotation
    if issubclass(cls, enum.Enum):
        return Annotated[annotation, _Plain(kind_of(annotation))]
    if issubclass(cls, pydantic.BaseModel):
        return Annotated[annotation, _Member(annotation)]
    members = record_members(annotation)
    if members is None:
        return annotation
    return _stand_in(cls, lambda handler: _record_schema(annotation, cls, members, handler))


def _stand_in(cls: Any, schema: Callable[[Any], Any]) -> Any:
    """A class whose only purpose is its schema."""

    def get_schema(_: type[Any], __: Any, handler: Any) -> Any:
        return schema(handler)

    body = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__get_pydantic_core_schema__": classmethod(get_schema),
    }
    return type(cls.__name__, (), body)


def _record_schema(annotation: Any, cls: Any, members: list[tuple[str, Any, bool]], handler: Any) -> Any:
    """The schema of a dataclass or a ``TypedDict``."""
    ref = f"{cls.__module__}.{cls.__qualname__}:{id(cls)}:{describe(annotation)}"
    if ref in _open.get():
        return core_schema.definition_reference_schema(ref)
    fields = _within(
        ref,
        lambda: {
            name: core_schema.typed_dict_field(handler.generate_schema(typed(type)), required=required)
            for name, type, required in members
        },
    )
    is_dict = not hasattr(cls, "__dataclass_fields__")
    values = core_schema.typed_dict_schema(fields, cls=cls, cls_name=cls.__name__, extra_behavior="forbid")
    if is_dict:
        return {**values, "ref": ref}
    kind = kind_of(annotation)
    instance_schema = core_schema.no_info_after_validator_function(lambda values: _core.value_from_plain(kind, values), values)
    return core_schema.no_info_wrap_validator_function(
        lambda value, make: value if type(value) is cls else make(value), instance_schema, ref=ref
    )


def _coded(attribute: Attr[Any]) -> Any:
    """Of a class of the user's that pydantic need not know: what is stored for it stands for it."""
    kind = attribute.kind or ("any",)

    def schema(_: Any) -> Any:
        return core_schema.no_info_before_validator_function(
            lambda value: _core.value_from_plain(kind, value), core_schema.any_schema()
        )

    return _stand_in(type(attribute.options.codec), schema)


class _Plain:
    """A type whose values a dump writes in another form than pydantic reads."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._present: Any = kind[1] if kind[0] == "optional" else kind
        # Values of an enum or a Literal that JSON cannot represent: pydantic has no schema for them.
        self._has_schema = self._present[0] == "bytes" or self._present[1][0] in (*_PLAIN, "enum")

    def _read(self, value: Any) -> Any:
        try:
            return _core.value_from_plain(self._kind, value)
        except ValidationError:
            if not self._has_schema or (self._kind == ("bytes",) and isinstance(value, str)):
                raise
            return value  # pydantic says what is wrong

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        if not self._has_schema:
            return core_schema.no_info_plain_validator_function(self._read)
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        if self._present[0] == "bytes":
            return {"type": "string", "contentEncoding": "base64"}
        if self._has_schema:
            json_schema: dict[str, Any] = handler(schema)
            return json_schema
        values = [_core.value_to_plain(self._present[1], value) for value in self._present[4]]
        return {"enum": values if self._present is self._kind else [*values, None]}


class _Member:
    """A pydantic model as a dump writes it: by the names of its fields or their aliases, computed fields included."""

    def __init__(self, cls: Any) -> None:
        self._cls = cls

    def _read(self, value: Any, read: Any, info: Any) -> Any:
        if not issubclass(type(value), dict):
            return read(value)
        computed = self._cls.__pydantic_computed_fields__ if _BY_NAME else self._cls.model_computed_fields
        given: dict[Any, Any] = {name: member for name, member in value.items() if name not in computed}
        if _BY_NAME:
            options = {"by_alias": True, "by_name": True, "context": info.context}
            try:
                if info.mode == "json":
                    return self._cls.model_validate_json(pydantic_core.to_json(given), **options)
                return self._cls.model_validate(given, **options)
            except pydantic_core.ValidationError:
                pass  # told by the next line, with its place
        return read(given)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.with_info_wrap_validator_function(self._read, handler(source))


def _words(attribute: Attr[Any]) -> dict[str, Any]:
    """The rules in the words of JSON Schema, as far as it has words for them."""
    rules, present = attribute.options.rules, present_type(attribute.type)
    json_schema: dict[str, Any] = {}
    for name, bound in ((name, rules[name]) for name in _BOUNDS if name in rules):
        if hasattr(bound, "is_integer") or hasattr(bound, "as_integer_ratio"):
            json_schema[_BOUNDS[name]] = int(bound) if bound == int(bound) else float(bound)
    for name in ("min", "max"):
        if f"{name}_length" in rules:
            json_schema[name + _LENGTHS.get(present, "Items")] = rules[f"{name}_length"]
    if "pattern" in rules:
        json_schema["pattern"] = getattr(rules["pattern"], "pattern", rules["pattern"])
    return json_schema


def _about(branch: dict[str, Any], words: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The words that mean something for one type of JSON."""
    for word, value in words.items():
        wanted = next(types for end, types in _ABOUT.items() if word.endswith(end))
        if branch.get("type", wanted[0]) in wanted:
            # A length counts bytes, and JSON has four characters for three of them.
            yield word, (value + 2) // 3 * 4 if "contentEncoding" in branch else value


class _Ruled:
    """What pydantic checks in addition to the type."""

    def __init__(self, field: Field, description: str | None, words: dict[str, Any]) -> None:
        self._field = field
        self._description = description
        self._words = words

    def _check(self, value: Any) -> Any:
        broken = self._field.broken_rules(value)
        if broken:
            raise ValueError("; ".join(self._field.name + what for what in broken))
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        json_schema = dict(handler(schema))
        if "anyOf" in json_schema:
            json_schema["anyOf"] = [{**branch, **dict(_about(branch, self._words))} for branch in json_schema["anyOf"]]
        else:
            json_schema.update(_about(json_schema, self._words))
        if self._description is not None:
            json_schema["description"] = self._description
        return json_schema
