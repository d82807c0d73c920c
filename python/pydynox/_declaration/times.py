"""How datetimes, dates and times are stored: ``format=`` and its companions, as parts of a kind, checked at class creation."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

import pydynox._core as _core

from .annotations import fail
from .kinds import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydynox._core import Kind
    from pydynox.attributes import Attr

    Time = tuple[str, str, bool, bool]

_TIMES = ("datetime", "date", "time")
_HOLDERS = ("list", "dict", "set", "frozenset", "tuple_of", "optional")
#: What ``epoch=`` and ``ttl()`` declare; a format of these names does not exist.
_EPOCHS = ("seconds", "milliseconds", "whole_seconds")
_OPTIONS = ("format", "epoch", "naive", "truncate")


def times_in(kind: Kind) -> Iterator[Time]:
    """The datetimes, dates and times in a kind, at any depth that ``format=`` reaches."""
    if kind[0] in _TIMES:
        yield kind
    elif kind[0] == "tuple":
        for inner in kind[1]:
            yield from times_in(inner)
    elif kind[0] in _HOLDERS:
        yield from times_in(kind[1])


def in_declared_form(attribute: Attr[Any], kind: Kind) -> Kind:
    """The same kind with its datetimes, dates and times stored as the attribute declares, right or wrong."""
    options = attribute.options
    if not any(getattr(options, name) for name in _OPTIONS):
        return kind

    def declared(time: Time) -> Time:
        of, format, naive, truncate = time
        if options.epoch is not None and of == "datetime":
            format = options.epoch
        return of, options.format or format, naive or options.naive is not None, truncate or bool(options.truncate)

    return _changed(kind, declared)


def check_declared_form(cls: type[Any], attribute: Attr[Any]) -> None:
    """Refuse a declared form that does not fit the type.

    Raises:
        ConfigurationError: It does not.
    """
    options = attribute.options
    given = [name for name in _OPTIONS if getattr(options, name) or (name == "format" and options.format is not None)]
    if not given:
        return
    times = set(times_in(attribute.kind or ("any",)))
    for option in given:
        _check_place(cls, attribute, option, times)
    if options.format is not None and options.epoch is not None:
        fail(cls, attribute.name, f"has both format={options.format!r} and epoch={options.epoch!r}: keep one")
    if options.epoch not in (None, *_EPOCHS):
        fail(cls, attribute.name, f"cannot be stored so: epoch= is 'seconds' or 'milliseconds', not {options.epoch!r}")
    if options.format is not None:
        for of in sorted({time[0] for time in times}):
            _check_format(cls, attribute, of, options.format)
    if options.naive is not None:
        _check_naive(cls, attribute)
    if options.truncate not in (True, False):
        fail(cls, attribute.name, f"has truncate={options.truncate!r}: write True or False")


def holds_datetimes(kind: Kind) -> bool:
    """Whether the format that a model declares for its datetimes may change how values of this kind are stored."""
    if kind[0] in ("datetime", "record", "enum", "literal", "codec"):
        return True
    if kind[0] == "tuple":
        return any(map(holds_datetimes, kind[1]))
    return kind[0] in _HOLDERS and holds_datetimes(kind[1])


def check_key_form(cls: type[Any], name: str, attribute: Attr[Any], what: str) -> None:
    """Refuse a form that does not sort as time does for a key; ``what`` begins the sentence that says what it is a key of."""
    for of, format, _, _ in times_in(attribute.kind or ("any",)):
        problem = order_problem(of, format)
        if problem is not None:
            remedy = 'declare a format of fixed width that sorts, such as format="iso_z"'
            fail(cls, name, f"{what} with {declared_as(format)}, which no key can have: {problem}; {remedy}")


def declared_as(format: str) -> str:
    """How a class declares a format."""
    return f"epoch={format!r}" if format in _EPOCHS else f"format={format!r}"


def order_problem(of: str, format: str) -> str | None:
    """Why a format does not sort as time does; None if it does, as everything does that ``epoch=`` and ``ttl()`` declare."""
    if format in _EPOCHS:
        return None
    return _core.time_format(of, format)[1]


def _check_place(cls: type[Any], attribute: Attr[Any], option: str, times: set[Time]) -> None:
    options = attribute.options
    if options.json:
        fail(cls, attribute.name, f"is stored as JSON text, where times are in ISO 8601, so {option}= has no effect")
    if options.codec is not None:
        fail(cls, attribute.name, f"has a codec, which decides how it is stored, so {option}= has no effect")
    if isinstance(attribute.type, typing.TypeVar):
        return
    words = "datetimes" if option in ("epoch", "naive") else "datetimes, dates and times"
    if not any(time[0] == "datetime" for time in times) if words == "datetimes" else not times:
        is_ttl = option == "epoch" and options.purpose == "expires_at"
        rule = "ttl() is for a datetime" if is_ttl else f"{option}= is for {words}"
        fail(cls, attribute.name, f"is {describe(attribute.type)}, and {rule}")


def _check_format(cls: type[Any], attribute: Attr[Any], of: str, format: Any) -> None:
    if not isinstance(format, str):
        fail(cls, attribute.name, f"has format={format!r}, which is not a str")
    try:
        _core.time_format(of, format)
    except ValueError as problem:
        fail(cls, attribute.name, f"has format={format!r}: {problem}")


def _check_naive(cls: type[Any], attribute: Attr[Any]) -> None:
    from datetime import UTC

    if attribute.options.naive is not UTC:
        fail(cls, attribute.name, f"has naive={attribute.options.naive!r}: only naive=UTC, from datetime, can be declared")


def _changed(kind: Kind, change: Callable[[Time], Time]) -> Kind:
    if kind[0] in _TIMES:
        time: Any = kind
        return change(time)
    if kind[0] == "tuple":
        return ("tuple", tuple(_changed(inner, change) for inner in kind[1]))
    if kind[0] in _HOLDERS:
        return (kind[0], _changed(kind[1], change))
    return kind
