"""Attributes as pydantic sees them: their types with the rules of the field. Imported when pydantic asks for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic_core import core_schema

from . import _compile, _generics, _rules

if TYPE_CHECKING:
    from ._core import Field
    from .attributes import Attr

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_LENGTHS = {str: "Length", bytes: "Length", dict: "Properties"}


def annotated(cls: type[Any], attribute: Attr[Any]) -> Any:
    """The type of an attribute, with its rules and its description where it has any."""
    plain = _generics.plain(attribute.type)
    if not attribute._rules and attribute.description is None:
        return plain
    return Annotated[plain, _Ruled(_compile.core_field(cls, attribute), _shown(attribute))]


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
