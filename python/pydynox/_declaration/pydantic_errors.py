"""Errors of pydantic for models with encrypted attributes, without the values; imported on first use."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError, core_schema

import pydynox._core as _core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydynox.attributes import Attr

SHOWN = "<encrypted>"  # in place of a value
# Context entries of an error that contain parts of the value.
_OF_THE_VALUE = frozenset({"error", "encoding_error", "tag", "tz_actual"})
_OF_A_VALIDATOR = frozenset({"value_error", "assertion_error"})
_KNOWN: frozenset[str] = frozenset(typing.get_args(core_schema.ErrorType))


def attribute_schema(attribute: Attr[Any], schema: Any) -> Any:
    """The schema of an encrypted attribute: errors describe the problem without showing the value."""
    # Names that a class declares are shown in places; keys of a map are part of the secret value.
    names = frozenset(_member_names(attribute.type, set()))

    def check(value: Any, validate: Callable[[Any], Any]) -> Any:
        try:
            return validate(value)
        except ValidationError as problem:
            raise _raised(problem, [_about_value(one, value, names) for one in problem.errors(include_url=False)]) from None

    return core_schema.no_info_wrap_validator_function(check, schema)


def model_schema(attributes: dict[str, Attr[Any]], schema: Any) -> Any:
    """The schema of a model that has some: an error that is about the whole, as that of a missing member, shows only the rest."""
    return core_schema.no_info_wrap_validator_function(model_check(attributes), schema)


def model_check(attributes: dict[str, Attr[Any]]) -> Callable[[Any, Callable[[Any], Any]], Any]:
    """What validates the values of such a model, around the validation itself."""
    encrypted = {name for name, attribute in attributes.items() if attribute.options.protection == "encrypted"}
    plain = attributes.keys() - encrypted

    def plain_part(value: Any) -> Any:
        return {name: value[name] for name in plain if name in value} if issubclass(type(value), dict) else SHOWN

    def about(one: Any) -> InitErrorDetails:
        loc: tuple[int | str, ...] = one["loc"]
        if not loc or (len(loc) == 1 and one["type"] == "missing"):
            return _details(one, plain_part(one["input"]))
        if loc[0] in encrypted:
            return _retold(one, SHOWN)
        # A name that the model does not have may be a slip, and the value one that is meant for an encrypted attribute.
        return _details(one, one["input"] if loc[0] in plain else SHOWN)

    def check(value: Any, validate: Callable[[Any], Any]) -> Any:
        try:
            return validate(value)
        except ValidationError as problem:
            raise _raised(problem, [about(one) for one in problem.errors(include_url=False)]) from None

    return check


def _raised(problem: ValidationError, details: list[InitErrorDetails]) -> ValidationError:
    return ValidationError.from_exception_data(problem.title, details)


def _details(one: Any, input: Any) -> InitErrorDetails:
    """An error as it is, with another input."""
    if one["type"] in _KNOWN:
        details = InitErrorDetails(type=one["type"], loc=one["loc"], input=input)
        if "ctx" in one:
            details["ctx"] = one["ctx"]
        return details
    return _retold(one, input)


def _retold(one: Any, input: Any) -> InitErrorDetails:
    """An error in the words that it has already."""
    return InitErrorDetails(type=PydanticCustomError(one["type"], one["msg"], one.get("ctx")), loc=one["loc"], input=input)


def _about_value(one: Any, value: Any, names: frozenset[str]) -> InitErrorDetails:
    """An error of an encrypted value: the place without keys of maps, the text unless it has something of the value."""
    context = one.get("ctx", {})
    is_safe = one["type"] in _OF_A_VALIDATOR or _OF_THE_VALUE.isdisjoint(context)
    message = one["msg"] if is_safe and not _core.echoes(value, one["msg"]) else "The value is refused"
    kept = {
        name: detail for name, detail in context.items() if name not in _OF_THE_VALUE and not _core.echoes(value, str(detail))
    }
    loc = tuple(step for step in one["loc"] if isinstance(step, int) or step in names)
    return InitErrorDetails(type=PydanticCustomError(one["type"], message, kept or None), loc=loc, input=SHOWN)


def _member_names(kind: Any, seen: set[Any]) -> Iterator[str]:
    """The names that classes inside a type declare, which are not part of a value."""
    for argument in typing.get_args(kind):
        yield from _member_names(argument, seen)
    origin = typing.get_origin(kind) or kind
    if not isinstance(origin, type) or origin in seen:
        return
    seen.add(origin)
    members: dict[str, Any] = {}
    declaring: Any = origin
    fields: Any = getattr(declaring, "model_fields", None)
    if issubclass(type(fields), Mapping):
        members = {name: getattr(one, "type", getattr(one, "annotation", None)) for name, one in fields.items()}
    elif dataclasses.is_dataclass(declaring):
        members = {one.name: one.type for one in dataclasses.fields(declaring)}
    elif hasattr(declaring, "__required_keys__"):  # a TypedDict, of typing or of typing_extensions
        members = dict(declaring.__annotations__)
    for name, inner in members.items():
        yield name
        yield from _member_names(inner, seen)
