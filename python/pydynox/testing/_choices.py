"""Choices: where the values of fake instances come from; one source of them depends on a seed. PYTEST_DONT_REWRITE"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydynox._shared.typing import T

LETTERS = string.ascii_letters + string.digits


class Span(NamedTuple):
    """The whole numbers that a value may be, both ends included, and those that a reader expects."""

    least: int
    most: int
    usual_least: int
    usual_most: int


class Choices(Protocol):
    """A source of values."""

    only_usual: bool
    """Whether readers are to recognize the values; otherwise everything that can be stored is chosen from."""

    tries: int
    """Maximum number of values that are chosen where they are refused."""

    def at(self, place: str) -> Choices:
        """The source for one attribute: what is chosen there does not depend on what is chosen elsewhere."""
        ...

    def integer(self, span: Span) -> int:
        """A whole number."""
        ...

    def real(self, least: float, most: float) -> float:
        """A float in this range, ends included, that DynamoDB can store."""
        ...

    def member(self, options: Sequence[T]) -> T:
        """One of these."""
        ...

    def text(self, label: str, least: int, most: int, *, plain: bool) -> str:
        """A text whose length is in this range; ``plain`` allows only letters and digits, ``label`` is what it is the text of."""
        ...

    def binary(self, least: int, most: int) -> bytes:
        """Bytes whose number is in this range."""
        ...

    def size(self, least: int, most: int | None) -> int:
        """How many elements a collection gets."""
        ...

    def is_absent(self) -> bool:
        """Whether an attribute that may be None is."""
        ...

    def give_up(self) -> None:
        """Called when no value was accepted; returns if that is an error."""
        ...


class SeededChoices:
    """Readable values that depend on a seed alone."""

    only_usual = True
    tries = 50

    def __init__(self, seed: str, size: tuple[int, int]) -> None:
        from random import Random

        self._seed, self._size = seed, size
        self._random = Random(seed)  # noqa: S311 (values of tests, not secrets)

    def at(self, place: str) -> SeededChoices:
        """The source for one attribute."""
        # A seed for each place, so that an attribute that is added to a class leaves the values of the others as they were.
        return SeededChoices(f"{self._seed}/{place}", self._size)

    def integer(self, span: Span) -> int:
        """A usual number where there is one, else one near the bound that leads there."""
        least, most, low, high = span
        if max(least, low) <= min(most, high):
            return self._random.randint(max(least, low), min(most, high))
        if least > high:
            return self._random.randint(least, min(most, least + high - low))
        return self._random.randint(max(least, most - (high - low)), most)

    def real(self, least: float, most: float) -> float:
        """A float with two decimal places where one is in range."""
        low, high = max(least, min(0.0, most)), min(most, max(1000.0, least))
        value = self._random.uniform(low, high)
        rounded = round(value, 2)
        return rounded if least <= rounded <= most else value

    def member(self, options: Sequence[T]) -> T:
        """One of these."""
        return self._random.choice(options)

    def text(self, label: str, least: int, most: int, *, plain: bool) -> str:
        """The label and six digits; the digits alone, or more of them, where that is too long or too short."""
        digits = f"{self._random.getrandbits(24):06x}"
        label = "".join(filter(str.isalnum, label)) if plain else f"{label}-"
        text = label + digits
        if len(text) > most:
            text = digits if len(digits) <= most else "".join(self._random.choices(LETTERS, k=most))
        return text + "".join(self._random.choices(LETTERS, k=least - len(text)))

    def binary(self, least: int, most: int) -> bytes:
        """Eight bytes, or the nearest number that is in range."""
        return self._random.randbytes(min(max(8, least), most))

    def size(self, least: int, most: int | None) -> int:
        """Within the size of collections that was asked for, unless a rule says another."""
        low, high = self._size
        low = max(least, low if most is None else min(low, most))
        return self._random.randint(low, max(low, high if most is None else min(high, most)))

    def is_absent(self) -> bool:
        """Every attribute has a value."""
        return False

    def give_up(self) -> None:
        """That no value was accepted is an error."""
