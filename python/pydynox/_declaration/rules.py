"""Field rules as the class declares them: checked against the type when the class is created."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any

from .annotations import fail
from .kinds import describe

if TYPE_CHECKING:
    from pydynox.attributes import Attr

_SIZED = (str, bytes, list, dict, set, frozenset, tuple)
# By name: a program that has no such values need not import their modules.
_NUMBERS = {"int", "float", "decimal.Decimal"}
_ORDERED = {*_NUMBERS, "datetime.date", "datetime.time", "datetime.timedelta"}


def checked_rules(cls: type[Any], attribute: Attr[Any]) -> dict[str, Any] | None:
    """The rules of an attribute in the form that the extension takes; None if it has no rules.

    Raises:
        ConfigurationError: A rule does not fit the type, or contradicts another one.
    """
    if attribute.immutable not in (True, False):
        fail(cls, attribute.name, f"has immutable={attribute.immutable!r}: write True or False")
    if not attribute.options.rules:
        return None
    rules = dict(attribute.options.rules)
    present = present_type(attribute.type)
    _check_lengths(cls, attribute, present, rules)
    _check_bounds(cls, attribute, present, rules)
    if "pattern" in rules:
        rules["pattern"] = _compiled(cls, attribute, present, rules["pattern"])
    if "validate" in rules:
        rules["validate"] = _validators(cls, attribute, rules["validate"])
    return rules


def _check_lengths(cls: type[Any], attribute: Attr[Any], present: Any, rules: dict[str, Any]) -> None:
    lengths = {name: rules[name] for name in ("min_length", "max_length") if name in rules}
    for name, length in lengths.items():
        if not _is_any(present) and not _is_subclass(present, _SIZED):
            fail(cls, attribute.name, f"is {describe(attribute.type)}, which has no length, so {name}= has no effect")
        if isinstance(length, bool) or not isinstance(length, int) or length < 0:
            fail(cls, attribute.name, f"has {name}={length!r}: a length must be an int of 0 or more")
    if len(lengths) == 2 and lengths["min_length"] > lengths["max_length"]:  # noqa: PLR2004 (both of them)
        fail(
            cls,
            attribute.name,
            f"has min_length={lengths['min_length']} over max_length={lengths['max_length']}: no value can satisfy both",
        )


def _check_bounds(cls: type[Any], attribute: Attr[Any], present: Any, rules: dict[str, Any]) -> None:
    bounds = {name: rules[name] for name in ("ge", "gt", "le", "lt") if name in rules}
    for name, bound in bounds.items():
        if not _is_any(present) and not _is_ordered(present):
            fail(cls, attribute.name, f"is {describe(attribute.type)}, which has no order, so {name}= has no effect")
        if not _is_ordered(type(bound)) or not _is_comparable(present, bound):
            fail(cls, attribute.name, f"is {describe(attribute.type)}, but its {name}= is {bound!r}")
    for one, other in (("ge", "gt"), ("le", "lt")):
        if one in bounds and other in bounds:
            fail(cls, attribute.name, f"has both {one}= and {other}=: keep one")
    low, high = (next(((n, bounds[n]) for n in names if n in bounds), None) for names in (("ge", "gt"), ("le", "lt")))
    if low is None or high is None:
        return
    if low[1] > high[1] or (low[1] == high[1] and (low[0], high[0]) != ("ge", "le")):
        fail(cls, attribute.name, f"has {low[0]}={low[1]!r} and {high[0]}={high[1]!r}: no value can satisfy both")


def _is_comparable(present: Any, bound: Any) -> bool:
    if _is_any(present):
        return True
    if _names(present) & _NUMBERS:
        return bool(_names(type(bound)) & _NUMBERS)
    # A datetime is a date, and the two cannot be compared; nor can a naive datetime with those that are stored.
    date, moment = "datetime.date", "datetime.datetime"
    if date in _names(present):
        same = (moment in _names(present)) == (moment in _names(type(bound)))
        return same and date in _names(type(bound)) and getattr(bound, "tzinfo", True) is not None
    return isinstance(bound, present)


def _compiled(cls: type[Any], attribute: Attr[Any], present: Any, pattern: Any) -> Any:
    import re

    if not _is_any(present) and not _is_subclass(present, (str,)):
        fail(cls, attribute.name, f"is {describe(attribute.type)}: pattern= is for str")
    if issubclass(type(pattern), re.Pattern) and issubclass(type(pattern.pattern), str):
        return pattern
    if not isinstance(pattern, str):
        fail(cls, attribute.name, f"has a pattern that is not a str: {pattern!r}")
    try:
        return re.compile(pattern)
    except re.error as problem:
        fail(cls, attribute.name, f"has the pattern {pattern!r}, which does not compile: {problem}")


def _validators(cls: type[Any], attribute: Attr[Any], validate: Any) -> tuple[Any, ...]:
    validators: tuple[Any, ...] = (*validate,) if issubclass(type(validate), (list, tuple)) else (validate,)
    for validator in validators:
        if not callable(validator):
            fail(cls, attribute.name, f"has a validate= that is not callable: {validator!r}")
    return validators


def present_type(annotation: Any) -> Any:
    """The class of a value that is there: of ``list[str] | None`` it is ``list``."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        members = [member for member in arguments if member is not type(None)]
        return present_type(members[0]) if len(members) == 1 else Any
    return origin or annotation


def _is_any(present: Any) -> bool:
    # A Literal or a type variable is not a class, so its values decide.
    return present is Any or not isinstance(present, type)


def _is_subclass(present: Any, classes: tuple[type, ...]) -> bool:
    return isinstance(present, type) and issubclass(present, classes)


def _is_ordered(present: Any) -> bool:
    return not _is_subclass(present, (bool,)) and bool(_names(present) & _ORDERED)


def _names(present: Any) -> set[str]:
    """The full names of a class and its bases."""
    bases: tuple[type, ...] = getattr(present, "__mro__", ())
    return {base.__name__ if base.__module__ == "builtins" else f"{base.__module__}.{base.__name__}" for base in bases}
