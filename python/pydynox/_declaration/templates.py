"""Templates: attributes that are built from others, as text in the class and as pieces in the extension."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any

from .annotations import fail, is_name
from .kinds import describe
from .times import check_key_form, declared_as, times_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydynox.attributes import Attr

# What the extension takes: pieces (a text, or a name with its format and the width of a number), the separator, and whether
# a value that contains it is escaped.
Pieces = tuple[list[str | tuple[str, str, int | None]], str | None, bool]

_PLAIN = {"str", "int", "decimal", "datetime", "date", "time", "uuid", "enum", "literal", "timedelta"}
_NUMBERS = {"int", "float", "decimal", "number"}
#: The format of a text in lower case, as other libraries write keys; all other formats are Python's.
LOWER = "lower"
_PADDED_TEXT = re.compile(r"0(\d+)")
# Of Python's formats of numbers: how it is aligned, and to which width.
_NUMBER_FORMAT = re.compile(r"(?:.?(?P<align>[<>=^]))?[-+ ]?z?#?0?(?P<width>\d+)?[_,]?(?:\.\d+)?(?P<type>[a-zA-Z%])?")


def parsed_template(cls: type[Any], attribute: Attr[Any], attributes: Mapping[str, Attr[Any]]) -> Pieces | None:
    """The template of an attribute, checked; None where it has none.

    Raises:
        ConfigurationError: It names no attribute, or one that cannot be used in it, or its format is not valid.
    """
    template = attribute.options.template
    if template is None:
        return None
    if not is_name(template):
        fail(cls, attribute.name, f"has a template that is not a str: {template!r}")
    pieces = _pieces(cls, attribute, template)
    parsed: list[str | tuple[str, str, int | None]] = []
    for text, name, spec in pieces:
        if text:
            parsed.append(text)
        if name is None:
            continue
        # Next to each other, different pairs of values would build the same text: 1 and 23, or 12 and 3.
        if parsed and isinstance(parsed[-1], tuple):
            fail(cls, attribute.name, f"has the template {template!r}: {parsed[-1][0]} and {name} need a text between them")
        source = attributes.get(name)
        if source is None:
            fail(cls, attribute.name, f"has the template {template!r}, but there is no attribute {name!r}")
        parsed.append((name, spec, _checked(cls, attribute, source, spec)))
    sources = [attributes[piece[0]] for piece in parsed if isinstance(piece, tuple) and not piece[1]]
    _check_forms(cls, attribute, sources)
    separator = next((char for text, _, _ in pieces for char in text if not char.isalnum()), None)
    if sum(isinstance(piece, tuple) for piece in parsed) == 0 or (len(parsed) == 1 and isinstance(parsed[0], tuple)):
        separator = None  # at most one value, so nothing to separate
    _check_specs(cls, attribute, parsed, separator)
    return parsed, separator, attribute.options.escape


def _pieces(cls: type[Any], attribute: Attr[Any], template: str) -> list[tuple[str, str | None, str]]:
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError as problem:
        fail(cls, attribute.name, f"has the template {template!r}, which cannot be read: {problem}")
    for _, name, spec, conversion in pieces:
        if name is None:
            continue
        if conversion is not None or not name.isidentifier() or "{" in (spec or ""):
            fail(
                cls,
                attribute.name,
                f"has the template {template!r}: write {{name}} or {{name:format}}, with the name of an attribute",
            )
    return [(text, name, spec or "") for text, name, spec, _ in pieces]


def _check_forms(cls: type[Any], attribute: Attr[Any], sources: list[Attr[Any]]) -> None:
    """What is written without a format in the template must sort as time does, and two times in one key have one form."""
    where = f"has the template {attribute.options.template!r}"
    forms: dict[str, tuple[str, str]] = {}
    for source in sources:
        check_key_form(cls, attribute.name, source, f"{where}, and {source.name} is a datetime, date or time")
        for of, format, _, _ in times_in(source.kind or ("any",)):
            other, other_format = forms.setdefault(of, (source.name, format))
            if format != other_format:
                fail(
                    cls,
                    attribute.name,
                    f"{where}, in which {other} is a {of} with {declared_as(other_format)} and {source.name} one with "
                    f"{declared_as(format)}: declare one format for both, or write {{{source.name}:%Y-%m-%d}}",
                )


def _checked(cls: type[Any], attribute: Attr[Any], source: Attr[Any], spec: str) -> int | None:
    """Check that an attribute can be used in a template; return the width to which its format pads a number."""
    kind: tuple[Any, ...] = source.kind or ("any",)
    where = f"has the template {attribute.options.template!r}, and {source.name}"
    if source.options.protection is not None:
        fail(cls, attribute.name, f"{where} is {source.options.protection}: the template would show it")
    if source.options.template is not None:
        fail(cls, attribute.name, f"{where} is built from a template itself: name the attributes it is built from")
    if source.options.purpose in ("version", "updated_at", "created_at"):
        fail(cls, attribute.name, f"{where} is managed by pydynox: every write would change the value")
    if attribute.options.roles and kind[0] == "optional":
        fail(cls, attribute.name, f"{where} can be None, but an item always has its key")
    if kind[0] == "optional":
        kind = kind[1]
    if kind[0] not in _PLAIN:
        fail(cls, attribute.name, f"{where} is {describe(source.type)}, which is not a str, whole number, date, UUID or enum")
    if not spec or (spec == LOWER and (kind[1][0] if kind[0] in ("enum", "literal") else kind[0]) in ("str", "uuid")):
        return None
    try:
        _sample(source, kind).__format__(spec)
    except (TypeError, ValueError) as problem:
        fail(cls, attribute.name, f"{where} cannot be written as {spec!r}: {problem}")
    if (kind[1][0] if kind[0] in ("enum", "literal") else kind[0]) in _NUMBERS:
        return _width_of_number(cls, attribute, spec, where)
    padded = _PADDED_TEXT.fullmatch(spec)
    return int(padded[1]) if padded else None


def _width_of_number(cls: type[Any], attribute: Attr[Any], spec: str, where: str) -> int | None:
    """The width to which a format pads a number on its left; keys then sort as numbers do."""
    parts = _NUMBER_FORMAT.fullmatch(spec)
    if parts is None or parts["type"] in ("%", "n", "c"):
        fail(cls, attribute.name, f"{where} cannot be written as {spec!r}: write digits, as {{...:06d}} or {{...:09.2f}} do")
    return int(parts["width"]) if parts["width"] and parts["align"] in (None, ">", "=") else None


def _sample(source: Attr[Any], kind: tuple[Any, ...]) -> Any:
    """A value of a kind, to try a format with."""
    if kind[0] in ("enum", "literal"):
        return next(iter(kind[4]))
    if kind[0] in ("datetime", "date", "time"):
        from datetime import UTC, datetime

        at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        return {"datetime": at, "date": at.date(), "time": at.time()}[kind[0]]
    if kind[0] in ("uuid", "timedelta"):
        return ""  # nothing but str's own formats
    return {"str": "x", "int": 1}[kind[0]] if kind[0] != "decimal" else source.type(1)


def _check_specs(
    cls: type[Any], attribute: Attr[Any], pieces: list[str | tuple[str, str, int | None]], separator: str | None
) -> None:
    for piece in pieces:
        if isinstance(piece, tuple) and separator is not None and separator in piece[1]:
            where = f"has the template {attribute.options.template!r}, whose format {piece[1]!r}"
            fail(cls, attribute.name, f"{where} contains {separator!r}, which separates values")
