"""A text of an error as the sources have it: its template, what carries it, and where it is written."""

from __future__ import annotations

import re
from typing import NamedTuple

WORD = re.compile(r"[A-Za-z][a-z]+")
PLACEHOLDER = re.compile(r"<[^<>]*>")
#: Identifiers that say nothing by themselves; the one before them says more.
VAGUE = frozenset((
    "name", "names", "text", "label", "value", "values", "repr", "str", "len", "to_string", "as_str", "display",
    "qualname", "get_type", "type", "join", "unwrap_or", "unwrap_or_default", "map_or_else", "into", "to_owned",
    "clone", "cloned", "iter", "collect", "py", "new", "format", "described", "describe", "title", "what", "list",
    "sorted", "tuple", "error", "__name__", "__qualname__", "map", "as_ref", "to_str", "is_empty", "get", "count",
    "text_of", "lower", "upper", "strip", "debug", "size", "max", "min", "first", "last", "item", "as_secs_f64",
    "as_secs",
))  # fmt: skip
#: What readers call it.
READABLE = {
    "schema": "model", "cls": "class", "field": "attribute", "owner": "model", "attr": "attribute", "self": "name", "f": "name",
    "schema_name": "model", "model_name": "model", "attribute_name": "attribute", "class_name": "class", "py_name": "attribute",
    "table_name": "table", "e": "error", "exc": "error", "n": "number", "s": "text", "x": "value", "i": "position",
}  # fmt: skip


class Message(NamedTuple):
    """One text."""

    #: The exception's class; empty where another message has this text in the place of a placeholder.
    carrier: str
    text: str
    file: str
    is_part: bool


def placeholder(names: list[str]) -> str:
    """A placeholder from the identifiers of an expression, the last one first if it says enough."""
    kept = [name for name in names if name not in VAGUE and name != "self"]
    name = kept[-1] if kept else next((name for name in reversed(names) if name not in {"self", "py"}), "value")
    name = READABLE.get(name, name).strip("_").lower().replace("_", " ")
    return f"<{name or 'value'}>"


def words(template: str) -> int:
    """How many words a template has besides its placeholders."""
    return len(WORD.findall(PLACEHOLDER.sub(" ", template)))


def one_line(text: str) -> str:
    """The text without line breaks and doubled blanks."""
    return re.sub(r"\s+", " ", text).strip()
