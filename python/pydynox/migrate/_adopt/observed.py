"""What a sample holds at one place of its items: the number of values, their types, and the forms of texts."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .forms import form_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .forms import Form

    Value = Mapping[str, Any]  # in DynamoDB's JSON: {"S": "..."}

#: The types that a set's members have.
MEMBERS = {"SS": "S", "NS": "N", "BS": "B"}
_PADDED = re.compile(r"\.\d*0(?:\D|$)")


class Observed:
    """The values of one attribute, one member of a map, or the members of a list or set."""

    __slots__ = ("booleans", "count", "elements", "empty", "forms", "fractions", "high", "kinds", "low", "members", "padded")

    def __init__(self) -> None:
        self.count = 0
        self.kinds: Counter[str] = Counter()  # by the type's name, such as "S"
        self.forms: Counter[Form] = Counter()  # of those texts that have one
        self.empty = 0  # texts, lists and maps without anything in them
        self.padded = 0  # times whose fraction of a second ends with a zero
        self.fractions = 0  # numbers that are not whole
        self.booleans = 0  # numbers that are 0 or 1
        self.low = self.high = Decimal(0)  # of the numbers
        self.members: dict[str, Observed] = {}  # of maps
        self.elements: Observed | None = None  # of lists and sets

    def add(self, value: Value) -> None:
        """Count one value."""
        ((kind, content),) = value.items()
        self.count += 1
        self.kinds[kind] += 1
        if kind == "S":
            self._add_text(content)
        elif kind == "N":
            self._add_number(Decimal(content))
        elif kind == "M":
            self.empty += not content
            for name, member in content.items():
                self.members.setdefault(name, Observed()).add(member)
        elif kind == "L":
            self.empty += not content
            self._add_elements(content)
        elif kind in MEMBERS:
            self._add_elements({MEMBERS[kind]: member} for member in content)

    def merge(self, other: Observed) -> None:
        """Count all that another place holds."""
        if other.kinds["N"]:
            first = not self.kinds["N"]
            self.low = other.low if first else min(self.low, other.low)
            self.high = other.high if first else max(self.high, other.high)
        self.count += other.count
        self.kinds += other.kinds
        self.forms += other.forms
        self.empty += other.empty
        self.padded += other.padded
        self.fractions += other.fractions
        self.booleans += other.booleans
        for name, member in other.members.items():
            self.members.setdefault(name, Observed()).merge(member)
        if other.elements is not None:
            self.elements = self.elements or Observed()
            self.elements.merge(other.elements)

    def _add_text(self, text: str) -> None:
        self.empty += not text
        form = form_of(text)
        if form is not None:
            self.forms[form] += 1
            self.padded += bool(_PADDED.search(text))

    def _add_number(self, number: Decimal) -> None:
        first = self.kinds["N"] == 1
        self.low = number if first else min(self.low, number)
        self.high = number if first else max(self.high, number)
        self.fractions += number != number.to_integral_value()
        self.booleans += number in (0, 1)

    def _add_elements(self, values: Iterable[Value]) -> None:
        self.elements = self.elements or Observed()
        for value in values:
            self.elements.add(value)


def observed(items: Iterable[Mapping[str, Value]]) -> dict[str, Observed]:
    """What a sample holds, by the stored name of each attribute."""
    attributes: dict[str, Observed] = {}
    for item in items:
        for name, value in item.items():
            attributes.setdefault(name, Observed()).add(value)
    return attributes
