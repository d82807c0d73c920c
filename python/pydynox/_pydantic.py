"""Models, documents and their attributes as pydantic sees them. Imported when pydantic asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic_core import core_schema

from . import _compile, _discreet, _generics, _protected, _rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._core import Field
    from .attributes import Attr

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_LENGTHS = {str: "Length", bytes: "Length", dict: "Properties"}


def annotated(cls: type[Any], attribute: Attr[Any]) -> Any:
    """The type of an attribute, with its rules and its description where it has any."""
    plain = _generics.plain(attribute.type)
    if attribute._duty in ("created_at", "updated_at"):
        plain = plain | None  # of an instance that was never written
    if not attribute._rules and attribute.description is None:
        return plain
    return Annotated[plain, _Ruled(_compile.core_field(cls, attribute, protected=_protected.of(attribute)), _shown(attribute))]


def _shown(attribute: Attr[Any]) -> dict[str, Any]:
    """The rules in the words of JSON Schema, as far as it has words for them."""
    rules, present = attribute._rules, _rules.present_type(attribute.type)
    shown: dict[str, Any] = {} if attribute.description is None else {"description": attribute.description}
    for name, bound in ((name, rules[name]) for name in _BOUNDS if name in rules):
        if hasattr(bound, "is_integer") or hasattr(bound, "as_integer_ratio"):
            shown[_BOUNDS[name]] = int(bound) if bound == int(bound) else float(bound)
    for name in ("min", "max"):
        if f"{name}_length" in rules:
            shown[name + _LENGTHS.get(present, "Items")] = rules[f"{name}_length"]
    if "pattern" in rules:
        shown["pattern"] = getattr(rules["pattern"], "pattern", rules["pattern"])
    return shown


class _Ruled:
    """What pydantic applies beside the type."""

    def __init__(self, field: Field, shown: dict[str, Any]) -> None:
        self._field = field
        self._shown = shown

    def _check(self, value: Any) -> Any:
        broken = self._field.broken_rules(value)
        if broken:
            raise ValueError("; ".join(self._field.name + what for what in broken))
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), **self._shown}


# The classes whose schemas are being made: one that has itself among its members refers to itself.
_open: set[Any] = set()


def core_schema_of(cls: Any, handler: Callable[[Any], Any]) -> Any:
    """Validated by the attributes, dumped by them."""
    ref = f"{cls.__module__}.{cls.__qualname__}:{id(cls)}"
    if cls in _open:
        return core_schema.definition_reference_schema(ref)
    _open.add(cls)
    try:
        fields = {
            name: core_schema.typed_dict_field(_schema_of(cls, attribute, handler), required=attribute.required)
            for name, attribute in cls.model_fields.items()
        }
    finally:
        _open.remove(cls)
    concealed = {name for name, attribute in cls.model_fields.items() if _protected.conceals(attribute)}
    dumped = {name: one for name, one in fields.items() if name not in concealed}
    values = core_schema.typed_dict_schema(fields, cls=cls, cls_name=cls.__name__, extra_behavior="forbid")
    made = core_schema.no_info_after_validator_function(lambda values: _compile.made(cls, values), values)
    if any(attribute._protection == "encrypted" for attribute in cls.model_fields.values()):
        made = _discreet.model_schema(dict(cls.model_fields), made)
    return core_schema.json_or_python_schema(
        json_schema=made,
        python_schema=core_schema.no_info_wrap_validator_function(
            lambda value, make: value if isinstance(value, cls) else make(value), made
        ),
        serialization=core_schema.plain_serializer_function_ser_schema(
            _values, return_schema=core_schema.typed_dict_schema(dumped, cls=cls, cls_name=cls.__name__)
        ),
        ref=ref,
    )


def _values(instance: Any) -> dict[str, Any]:
    return {name: value for name, value in instance.__dict__.items() if not name.startswith("_")}


def _schema_of(owner: Any, attribute: Attr[Any], handler: Callable[[Any], Any]) -> Any:
    schema = _plain_schema_of(owner, attribute, handler)
    return _discreet.attribute_schema(attribute, schema) if attribute._protection == "encrypted" else schema


def _plain_schema_of(owner: Any, attribute: Attr[Any], handler: Callable[[Any], Any]) -> Any:
    codec = attribute._codec
    if codec is None:
        return handler(annotated(owner, attribute))
    # A class of the user's that pydantic need not know: what is stored for it stands for it.
    cls = _codec_class(attribute._kind or ("any",))

    def read(value: Any) -> Any:
        return value if value is None or (cls is not None and isinstance(value, cls)) else codec.from_stored(value)

    def written(value: Any) -> Any:
        return None if value is None else codec.to_stored(value)

    return core_schema.no_info_after_validator_function(
        read, core_schema.any_schema(), serialization=core_schema.plain_serializer_function_ser_schema(written, when_used="json")
    )


def _codec_class(kind: tuple[Any, ...]) -> Any:
    return _codec_class(kind[1]) if kind[0] == "optional" else kind[3]
