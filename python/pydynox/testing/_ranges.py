"""Ranges: the values that the rules of an attribute leave, as numbers to choose from. PYTEST_DONT_REWRITE"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pydynox.exceptions import ValidationError

from ._choices import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime, time, timedelta
    from decimal import Decimal

    from ._choices import Choices

_DIGITS = 38  # what a number in DynamoDB holds
_LARGEST = 1e125
_SMALLEST = 1e-128
_FAR = 80_000 * 86_400_000_000  # microseconds from 1970 to the first expiry that is chosen, about the year 2189
_SECOND, _DAY = 1_000_000, 86_400_000_000

M = TypeVar("M")


def whole(choices: Choices, rules: Mapping[str, Any], usual: tuple[int, int] = (0, 999), *, digits: int | None = None) -> int:
    """A whole number; with ``digits``, one that is neither negative nor wider."""
    import math

    limit = 10 ** (digits or _DIGITS) - 1
    least, most = 0 if digits else -limit, limit
    if (bound := rules.get("ge")) is not None:
        least = max(least, math.ceil(bound))
    if (bound := rules.get("gt")) is not None:
        least = max(least, math.floor(bound) + 1)
    if (bound := rules.get("le")) is not None:
        most = min(most, math.floor(bound))
    if (bound := rules.get("lt")) is not None:
        most = min(most, math.ceil(bound) - 1)
    return choices.integer(Span(least, max(least, most), *usual))


def real(choices: Choices, rules: Mapping[str, Any]) -> float:
    """A float that DynamoDB can store."""
    import math

    least, most = -_LARGEST, _LARGEST
    for name in ("ge", "gt"):
        if name in rules:
            least = float(rules[name]) if name == "ge" else math.nextafter(float(rules[name]), math.inf)
    for name in ("le", "lt"):
        if name in rules:
            most = float(rules[name]) if name == "le" else math.nextafter(float(rules[name]), -math.inf)
    value = choices.real(least, max(least, most))
    return value if value == 0 or abs(value) >= _SMALLEST else 0.0


def decimal(choices: Choices, rules: Mapping[str, Any]) -> Decimal:
    """A decimal number, with as many places as it takes to be in range."""
    from decimal import Context, Decimal

    # Exact: a bound of 38 digits must not be rounded by the context of the program.
    exact = Context(prec=200)
    bounds = {name: Decimal(rules[name]) for name in ("ge", "gt", "le", "lt") if name in rules}
    for places in (2 if choices.only_usual else choices.member((0, 2, 6)), 12, 24, 36):
        scaled = {name: exact.scaleb(bound, places) for name, bound in bounds.items()}
        number = whole(choices, scaled, (0, 999 * 10 ** min(places, 2)))
        value = exact.scaleb(Decimal(number), -places)
        low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
        if (low is None or value >= low) and (high is None or value <= high):
            return value
    return value


def moment(choices: Choices, rules: Mapping[str, Any], kind: tuple[Any, ...], *, expires: bool = False) -> datetime:
    """A datetime that its format holds; one that says when an item expires is far in the future."""
    from datetime import UTC, datetime, timedelta, timezone

    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    bounds = {name: (rules[name] - epoch) // timedelta(microseconds=1) for name in ("ge", "gt", "le", "lt") if name in rules}
    least, most, start = (
        (at - epoch) // timedelta(microseconds=1)
        for at in (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    )
    if expires:
        least = start = _FAR
    micros = choices.integer(_within(bounds, least, most, (start, start + 364 * _DAY)))
    if choices.only_usual and not bounds:
        micros -= micros % _SECOND
    value = epoch + timedelta(microseconds=micros)
    value = floored(kind, value)
    if choices.only_usual or expires:
        return value
    return value.astimezone(choices.member((UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-5, minutes=-30)))))


def day(choices: Choices, rules: Mapping[str, Any], kind: tuple[Any, ...]) -> date:
    """A date that its format holds."""
    from datetime import date

    bounds = {name: rules[name].toordinal() for name in ("ge", "gt", "le", "lt") if name in rules}
    start = date(2026, 1, 1).toordinal()
    return floored(kind, date.fromordinal(choices.integer(_within(bounds, 1, date.max.toordinal(), (start, start + 364)))))


def clock(choices: Choices, rules: Mapping[str, Any], kind: tuple[Any, ...]) -> time:
    """A time of day that its format holds."""
    from datetime import UTC, datetime, timedelta

    def micros(of: time) -> int:
        return ((of.hour * 60 + of.minute) * 60 + of.second) * 1_000_000 + of.microsecond

    bounds = {name: micros(rules[name]) for name in ("ge", "gt", "le", "lt") if name in rules}
    chosen = choices.integer(_within(bounds, 0, _DAY - 1, (0, _DAY - 1)))
    if choices.only_usual and not bounds:
        chosen -= chosen % _SECOND
    return floored(kind, (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=chosen)).time())


def duration(choices: Choices, rules: Mapping[str, Any]) -> timedelta:
    """A timedelta; a usual one is less than a day."""
    from datetime import timedelta

    micro = timedelta(microseconds=1)
    bounds = {name: rules[name] // micro for name in ("ge", "gt", "le", "lt") if name in rules}
    chosen = choices.integer(_within(bounds, timedelta.min // micro, timedelta.max // micro, (0, _DAY - 1)))
    if choices.only_usual and not bounds:
        chosen -= chosen % _SECOND
    return timedelta(microseconds=chosen)


def _within(bounds: Mapping[str, int], least: int, most: int, usual: tuple[int, int]) -> Span:
    least = max(least, bounds.get("ge", least), bounds.get("gt", least - 1) + 1)
    most = min(most, bounds.get("le", most), bounds.get("lt", most + 1) - 1)
    return Span(least, max(least, most), *usual)


def floored(kind: tuple[Any, ...], value: M) -> M:
    """A datetime, date or time without what its format cannot hold."""
    cut = _cut_of(kind[0], kind[1])
    return value if cut is None else _without(value, *cut)


def _without(value: Any, unit: int, parts: Mapping[str, int]) -> Any:
    """A datetime, date or time with microseconds in this unit, and with these parts."""
    replaced = {name: at for name, at in parts.items() if hasattr(value, name)}
    if hasattr(value, "microsecond"):
        replaced["microsecond"] = value.microsecond // unit * unit
    return value.replace(**replaced)


@cache
def _cut_of(of: str, format: str) -> tuple[int, dict[str, int]] | None:
    """What has to be cut off a time so that a format holds it: the unit of its microseconds, and larger parts."""
    from datetime import UTC, datetime

    sample = datetime(2026, 5, 17, 13, 47, 29, 123_457, tzinfo=UTC)
    value = {"datetime": sample, "date": sample.date(), "time": sample.time()}[of]
    holds = _probe(of, format)
    parts: dict[str, int] = {}
    for unit, part in ((1, ""), (1_000, ""), (_SECOND, ""), (_SECOND, "second"), (_SECOND, "minute"), (_SECOND, "hour")):
        parts |= {part: 0} if part else {}
        if holds(_without(value, unit, parts)):
            return None if unit == 1 else (unit, parts)
    return None


def _probe(of: str, format: str) -> Callable[[Any], bool]:
    """What says whether a format holds a value: a document with one attribute of it."""
    import datetime as dt

    from pydynox.attributes import Attr, field
    from pydynox.document import Document

    if format == "whole_seconds":  # what ttl() declares, which floors what it is given
        return lambda value: bool(value.microsecond == 0)
    options: dict[str, Any] = {"epoch": format} if format in ("seconds", "milliseconds") else {"format": format}
    make: Any = type(Document)
    declare: Any = field
    attr: Any = Attr
    document = make("Probe", (Document,), {"__annotations__": {"value": attr[getattr(dt, of)]}, "value": declare(**options)})

    def holds(value: Any) -> bool:
        try:
            document(value=value).model_to_item()
        except ValidationError:
            return False
        return True

    return holds
