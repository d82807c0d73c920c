"""Key templates: whether the keys of a sample are built from constants and other attributes, as in ``ORDER#{order_id}``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .entities import CONSTANT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .declarations import Field, Piece
    from .entities import Item

SEPARATORS = "#|~/:"  # in the order of preference: a colon is also in times
#: The types whose stored text a template writes as it is.
TYPES = ("str", "int", "date", "datetime")
TIMES = ("date", "datetime")
CERTAIN = 3  # values that agree by more than chance, where no name says that they belong together


def template_of(items: Sequence[Item], key: str, fields: Sequence[Field], *, can_be_constant: bool = True) -> list[Piece]:
    """The template that writes the key of every item; nothing if there is none, or more than one.

    Args:
        items: The sample; each has the key as text.
        key: The stored name of the key's attribute.
        fields: The other attributes of the class; those that an item can lack are left out.
        can_be_constant: Whether it may do without any value, as the sort key ``PROFILE`` does.
    """
    texts = [item[key]["S"] for item in items]
    columns = _columns(texts)
    if columns is None or any(brace in text for text in texts for brace in "{}"):
        return []
    separator, parts = columns
    values = {
        (each.stored, each.type): [str(next(iter(item[each.stored].values()))) for item in items]
        for each in fields
        # A note on a time says that its form varies or is cut off, which no key can have.
        if each.type in TYPES and not (each.type in TIMES and each.notes)
    }
    pieces: list[Piece] = []
    before = ""  # the constant that precedes a value, which may name it
    for number, part in enumerate(parts):
        built = _part(part, values, before)
        if built is None:
            return []
        pieces += [separator] * (number > 0)
        pieces += built
        before = part[0] if built == [part[0]] else ""
    sources = {piece[0] for piece in pieces if isinstance(piece, tuple)}
    texts_by_source = {stored: (kind, values[stored, kind]) for stored, kind in values if stored in sources}
    if not _can_be_written(pieces, texts_by_source):
        return []
    has_value = bool(sources)
    is_constant = can_be_constant and CONSTANT.fullmatch(texts[0]) and len(texts) > 1
    return _joined(pieces) if has_value or is_constant else []


def _can_be_written(pieces: Sequence[Piece], values: dict[str, tuple[str, list[str]]]) -> bool:
    """Whether a model with this template can write the items that were sampled."""
    mark = next((letter for piece in pieces if isinstance(piece, str) for letter in piece if not letter.isalnum()), None)
    # A value that contains what separates values would be refused; and two times in one key must have one form.
    is_separate = mark is None or not any(mark in text for _, texts in values.values() for text in texts)
    return is_separate and sum(kind in TIMES for kind, _ in values.values()) <= 1


def _columns(texts: Sequence[str]) -> tuple[str, list[list[str]]] | None:
    """The separator of the keys' parts, and each part's texts; None if the keys have different numbers of parts."""
    for separator in SEPARATORS:
        counts = {text.count(separator) for text in texts}
        if counts != {0}:
            split = [text.split(separator) for text in texts]
            return (separator, [list(column) for column in zip(*split, strict=True)]) if len(counts) == 1 else None
    return ("", [list(texts)]) if len(set(texts)) == 1 else None


def _part(part: list[str], values: dict[tuple[str, str], list[str]], before: str) -> list[Piece] | None:
    """What one part of the keys is built from; None if that cannot be told."""
    fits: dict[str, list[Piece]] = {}
    for (stored, kind), texts in values.items():
        if pieces := _fit(part, stored, kind, texts):
            fits[stored] = pieces
    named = [stored for stored, (first, *_) in fits.items() if _names(first if isinstance(first, str) else before, stored)]
    if len(named) == 1:
        return fits[named[0]]
    if len(set(part)) == 1:
        # A constant: a value that only happens to be the same in the whole sample would make a template of too few keys.
        is_value = any(len(pieces) == 1 for pieces in fits.values()) and not CONSTANT.fullmatch(part[0])
        return None if is_value else [part[0]]
    is_certain = len(fits) == 1 and len(set(part)) >= CERTAIN
    return next(iter(fits.values())) if is_certain else None


def _fit(part: list[str], stored: str, kind: str, texts: list[str]) -> list[Piece]:
    """How an attribute ends this part of every key; nothing if it does not."""
    written = {"": texts}
    width = _width(part)
    # Text has no padding with zeros on its left, and a time no lower case, that a template could write.
    if kind == "str":
        written["lower"] = [text.lower() for text in texts]
    elif kind == "int" and width is not None and all(map(str.isdigit, texts)):
        written[f"0{width}d"] = [text.zfill(width) for text in texts]
    for spec, ends in written.items():
        pairs = list(zip(part, ends, strict=True))
        prefixes = {text.removesuffix(end) if end and text.endswith(end) else "x" for text, end in pairs}
        prefix = prefixes.pop()
        # A letter before the value would be the end of another word.
        if not prefixes and not prefix[-1:].isalnum():
            return [*([prefix] if prefix else []), (stored, spec)]
    return []


def _width(part: list[str]) -> int | None:
    """The number of digits at the end of every text, if it is the same and some are zeros that pad."""
    digits = [re.search(r"\d*$", text) for text in part]
    widths = {len(match[0]) for match in digits if match}
    is_padded = any(match and match[0].startswith("0") for match in digits)
    return widths.pop() if len(widths) == 1 and is_padded else None


def _names(constant: str, stored: str) -> bool:
    """Whether a constant such as ``ORDER`` or ``order_`` names an attribute such as ``order_id``."""
    words = re.findall(r"[a-z0-9]+", constant.lower())
    name = re.sub(r"[^a-z0-9]", "", stored.lower())
    return bool(words) and (name.removesuffix("id") in (words[-1], f"{words[-1]}s") or name == f"{''.join(words)}id")


def _joined(pieces: list[Piece]) -> list[Piece]:
    """The same pieces, neighbouring texts joined."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and isinstance(piece, str) and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
