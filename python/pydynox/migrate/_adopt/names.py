"""Names and texts as Python source: identifiers, and literals, comments and docstrings that no text can end."""

from __future__ import annotations

import keyword
import re
import unicodedata

from pydynox._declaration.checks import KEY_OPTIONS, MODEL_NAMES, VERBS

LONGEST_NAME = 40  # characters of an identifier: a declaration with longer ones would not fit on a line
#: What every class body refers to: an attribute of this name would hide it from the lines below.
BODY_NAMES = frozenset({"Attr", "bool", "bytes", "dict", "field", "float", "int", "list", "set", "str"})
#: What the metaclass offers: type checkers refuse an attribute of this name.
CLASS_NAMES = frozenset({"mro", "register"})
RESERVED = VERBS | MODEL_NAMES | BODY_NAMES | CLASS_NAMES


def literal(text: str) -> str:
    """A text as a string literal, in the quotes that formatters prefer; what cannot be seen is escaped.

    Example:
        >>> print(literal('say "hi"'))
        'say "hi"'
    """
    quote = "'" if text.count('"') > text.count("'") else '"'
    return f"{quote}{''.join(f'{chr(92)}{letter}' if letter in (quote, chr(92)) else visible(letter) for letter in text)}{quote}"


def visible(text: str) -> str:
    """A text for a comment: on one line, and read in the order in which it is written.

    Example:
        >>> print(visible("a" + chr(10) + "b"))
        a\\nb
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def docstring(text: str) -> str:
    """A text for a docstring."""
    return visible(text).replace("\\", "\\\\").replace('"', "'")


def _visible(letter: str) -> str:
    # A mark that combines with the letter before it could change how the quote or the # before it is shown.
    is_plain = letter.isprintable() and not unicodedata.combining(letter)
    return letter if is_plain else letter.encode("unicode_escape").decode()


class Names:
    """The names of one scope; each is given away once.

    Args:
        reserved: Names that are never given.
    """

    def __init__(self, reserved: frozenset[str] = frozenset()) -> None:
        self._reserved = reserved | frozenset(keyword.kwlist)
        self._taken: set[str] = set()

    def copy(self) -> Names:
        """A scope inside this one: the names that are taken here are taken there."""
        copy = Names(self._reserved)
        copy._taken |= self._taken
        return copy

    def fits(self, stored: str) -> bool:
        """Whether the name of an attribute in a class can be its stored name."""
        return _is_good(stored) and stored not in self._reserved | RESERVED

    def attribute(self, stored: str, *, is_key: bool = False) -> str:
        """The name in a class of an attribute with this stored name: the same, where Python and Model allow it."""
        name = _plain(stored).lstrip("_")[:LONGEST_NAME].rstrip("_") if not _is_good(stored) else stored
        if not name or name[0].isdigit():
            name = f"attribute_{name}".rstrip("_")
        return self._free(name, RESERVED | (KEY_OPTIONS if is_key else frozenset[str]()))

    def class_(self, text: str, longest: int = LONGEST_NAME) -> str:
        """A class name from words, such as ``OrderLine`` from ``order-line``."""
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", _plain(text))
        name = "".join(word.capitalize() for word in words)
        if not name or name[0].isdigit():
            name = f"Item{name}"
        return self._free(name[: max(longest, 4)], frozenset(), joint="")

    def exactly(self, name: str) -> str:
        """The name of a class that another program has already named."""
        return self._free(name, frozenset()) if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) else self.class_(name)

    def _free(self, name: str, reserved: frozenset[str], joint: str = "_") -> str:
        if name in reserved or name in self._reserved:
            name = f"{name}_"
        free, number = name, 1
        while free in self._taken or free in reserved or free in self._reserved:
            number += 1
            free = f"{name.rstrip('_')}{joint}{number}"
        self._taken.add(free)
        return free


def _is_good(stored: str) -> bool:
    """Whether a stored name can be the name in the class as well."""
    return len(stored) <= LONGEST_NAME and bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", stored))


def _plain(text: str) -> str:
    """A text in the letters of an ASCII identifier."""
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_]+", "_", folded)
