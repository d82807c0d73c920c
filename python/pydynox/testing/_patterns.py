"""Patterns: a text that a regular expression matches, built from the parts of the expression. PYTEST_DONT_REWRITE"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ._choices import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._choices import Choices

_PRINTABLE = [chr(code) for code in range(32, 127)]
_WORD = [char for char in _PRINTABLE if char.isalnum() or char == "_"]
_DIGITS = list("0123456789")
_CATEGORIES = {
    "CATEGORY_DIGIT": _DIGITS,
    "CATEGORY_NOT_DIGIT": [char for char in _PRINTABLE if not char.isdigit()],
    "CATEGORY_WORD": _WORD,
    "CATEGORY_NOT_WORD": [char for char in _PRINTABLE if char not in _WORD],
    "CATEGORY_SPACE": [" "],
    "CATEGORY_NOT_SPACE": [char for char in _PRINTABLE if char != " "],
}
_MORE = 8  # repetitions of a part beyond its least where there is no limit


def matching(pattern: re.Pattern[str], choices: Choices, least: int, most: int | None) -> str:
    """A text that the pattern can match, roughly within the lengths; the caller checks that it does.

    What looks around (``(?=...)``) and boundaries (``\\b``) are not built, so a text may fail them.
    """
    # The parser of `re` itself, which has no public name since Python 3.11; a pattern that compiled is one that it reads.
    parser: Any = vars(re)["_parser"]
    parsed = parser.parse(pattern.pattern, pattern.flags)
    return _Builder(choices, least, most).text_of(parsed)


class _Builder:
    """Builds one text; groups that are named again later repeat what they matched."""

    def __init__(self, choices: Choices, least: int, most: int | None) -> None:
        self._choices, self._least, self._most = choices, least, most
        self._groups: dict[int, str] = {}

    def text_of(self, parts: Any) -> str:
        return "".join(self._text(str(operator), argument) for operator, argument in parts)

    def _text(self, operator: str, argument: Any) -> str:
        match operator:
            case "LITERAL":
                return chr(argument)
            case "NOT_LITERAL":
                return self._choices.member([char for char in _WORD if ord(char) != argument])
            case "ANY":
                return self._choices.member(_WORD)
            case "IN":
                return self._choices.member(_characters(argument))
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                return self._repeated(*argument)
            case "SUBPATTERN":
                group, _, _, inner = argument
                text = self.text_of(inner)
                self._groups[group] = text
                return text
            case "ATOMIC_GROUP":
                return self.text_of(argument)
            case "BRANCH":
                return self.text_of(self._choices.member(argument[1]))
            case "GROUPREF":
                return self._groups.get(argument, "")
            case _:
                return ""

    def _repeated(self, least: int, most: Any, part: Any) -> str:
        unlimited = str(most) == "MAXREPEAT"
        # A single part of unlimited length is what the rules of length are about.
        low = least if not unlimited or self._most is None else min(max(least, self._least), max(least, self._most))
        high = max(low, least + _MORE if unlimited else min(int(most), least + _MORE))
        times = self._choices.integer(Span(low, high, low, high))
        return "".join(self.text_of(part) for _ in range(times))


def _characters(parts: Sequence[tuple[Any, Any]]) -> list[str]:
    """The characters of a class such as ``[a-z_]``; those of an excluding one are printable."""
    chars: list[str] = []
    excludes = False
    for operator, argument in parts:
        match str(operator):
            case "NEGATE":
                excludes = True
            case "LITERAL":
                chars.append(chr(argument))
            case "RANGE":
                low, high = argument
                chars.extend(map(chr, range(low, min(high, low + 255) + 1)))
            case "CATEGORY":
                chars.extend(_CATEGORIES[str(argument)])
            case _:
                pass
    if not excludes:
        return chars
    return [char for char in _PRINTABLE if char not in set(chars)] or ["\u00e9"]
