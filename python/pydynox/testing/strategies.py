"""Hypothesis strategies that draw instances of models, with every value that can be stored. PYTEST_DONT_REWRITE"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from hypothesis import reject
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ImportError as missing:
    raise ImportError("pydynox.testing.strategies needs Hypothesis: pip install hypothesis") from missing

from ._choices import LETTERS, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydynox._shared.typing import T

    from ._choices import Choices

__all__ = ["from_model"]

#: Any text that can be encoded; a lone surrogate cannot.
_CHARACTERS = st.characters(exclude_categories=["Cs"])
# Hypothesis reads its table of Unicode now, which may take a second, and not in the time of the first example.
_CHARACTERS.validate()


def from_model(cls: type[T], /, **given: Any) -> SearchStrategy[T]:
    """A strategy that draws instances of a class: all that can be stored, not what a reader expects.

    Texts are of any characters, numbers of up to 38 digits, times in any year and zone, collections may be empty and what may be
    None sometimes is, within the types and rules that the class declares. Each instance can be saved and reads back equal. TTL
    attributes are far in the future, and what pydynox sets itself stays unset. No I/O.

    A class of your own is what its codec reads from a drawn value.

    Args:
        cls: A model, document, dataclass, attrs class, msgspec struct, TypedDict or pydantic model.
        **given: Strategies, or values, for single attributes.

    Raises:
        ValidationError: While drawing: there is no attribute of that name, or a given value is not valid.
        ConfigurationError: While drawing: the class is abstract.
        TypeError: While drawing: values of the class cannot be stored.

    Example:
        >>> @given(from_model(User, age=st.integers(18, 65)))
        ... def test_a_user_survives(user):
        ...     assert User.model_from_item(user.model_to_item()) == user
    """

    @st.composite
    def instances(draw: Callable[[SearchStrategy[Any]], Any]) -> T:
        from ._generation import Generator

        values = {name: draw(one) if issubclass(type(one), SearchStrategy) else one for name, one in given.items()}
        generator = Generator(_DrawnChoices(draw), f"from_model({getattr(cls, '__name__', cls)})")
        instance: T = generator.instance(cls, values)
        return instance

    return instances()


class _DrawnChoices:
    """Values that Hypothesis draws, and makes simpler where a test fails."""

    only_usual = False
    tries = 5

    def __init__(self, draw: Callable[[SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def at(self, place: str) -> Choices:  # noqa: ARG002 (of the protocol)
        """The same source: Hypothesis remembers what it drew by the order."""
        return self

    def integer(self, span: Span) -> int:
        drawn: int = self._draw(st.integers(span.least, span.most))
        return drawn

    def real(self, least: float, most: float) -> float:
        drawn: float = self._draw(st.floats(least, most, allow_nan=False, allow_infinity=False))
        return drawn

    def member(self, options: Sequence[T]) -> T:
        drawn: T = self._draw(st.sampled_from(options))
        return drawn

    def text(self, label: str, least: int, most: int, *, plain: bool) -> str:  # noqa: ARG002 (of the protocol)
        drawn: str = self._draw(st.text(LETTERS if plain else _CHARACTERS, min_size=least, max_size=most))
        return drawn

    def binary(self, least: int, most: int) -> bytes:
        drawn: bytes = self._draw(st.binary(min_size=least, max_size=most))
        return drawn

    def size(self, least: int, most: int | None) -> int:
        drawn: int = self._draw(st.integers(least, max(least, min(5, least + 5 if most is None else most))))
        return drawn

    def is_absent(self) -> bool:
        drawn: bool = self._draw(st.booleans())
        return drawn

    def give_up(self) -> None:
        """Hypothesis tries another example, and reports where too few are left."""
        reject()
