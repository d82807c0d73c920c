"""Forms of texts: which ones are points in time, dates, identifiers or JSON, and how they are written."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from typing import NamedTuple

_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?P<between>[T ])(?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?P<offset>Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CLOCK = re.compile(r"\d\d:\d\d:\d\d(?:\.(?P<fraction>\d{1,9}))?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MICROSECOND = 6  # fractional digits: what a datetime can hold


class Form(NamedTuple):
    """How a text is written."""

    kind: str  # "datetime", "date", "time", "uuid" or "json"
    digits: int = 0  # of the fraction of a second
    between: str = ""  # date and time
    offset: str = ""  # "Z", or the sign, digits and colon of one; "" where there is none

    def __str__(self) -> str:
        if self.kind == "date":
            return "YYYY-MM-DD"
        fraction = f".{'f' * self.digits}" if self.digits else ""
        if self.kind == "time":
            return f"hh:mm:ss{fraction}"
        if self.kind == "datetime":
            return f"YYYY-MM-DD{self.between}hh:mm:ss{fraction}{self.offset}"
        return {"uuid": "UUID", "json": "JSON"}[self.kind]


def form_of(text: str) -> Form | None:
    """The form of a text; None if it is like any other text.

    Example:
        >>> str(form_of("2026-11-23T03:41:00.5Z"))
        'YYYY-MM-DDThh:mm:ss.fZ'
    """
    if moment := _MOMENT.fullmatch(text):
        offset = moment["offset"] or ""
        if not _is_real(f"{moment['day']}T{moment['clock']}") or not _is_offset(offset):
            return None
        return Form("datetime", len(moment["fraction"] or ""), moment["between"], _style(offset))
    if _DAY.fullmatch(text):
        return Form("date") if _is_real(text) else None
    if clock := _CLOCK.fullmatch(text):
        return Form("time", len(clock["fraction"] or "")) if _is_real(f"2000-01-01T{text[:8]}") else None
    if _UUID.fullmatch(text):
        return Form("uuid")
    return Form("json") if text[:1] in ("{", "[") and _is_json(text) else None


def _style(offset: str) -> str:
    """UTC as it is written; any other offset with letters in place of its digits."""
    return offset if offset in ("", "Z", "+00:00", "+0000") else "+hh:mm" if ":" in offset else "+hhmm"


def _is_offset(offset: str) -> bool:
    digits = re.sub(r"\D", "", offset)
    return not digits or (int(digits[:2]) < 24 and int(digits[2:]) < 60)  # noqa: PLR2004  (hours and minutes)


def _is_real(text: str) -> bool:
    try:
        (datetime if "T" in text else date).fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
