"""Fakes: instances with a value for every attribute, the same ones in every run. PYTEST_DONT_REWRITE"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox._declaration.compile import completed, key_names
from pydynox.exceptions import ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydynox._shared.typing import T

_TRIES = 100


class Fakes:
    """A source of fake instances: what it makes depends on the seed, and no two instances of a class have the same key.

    Each attribute gets a value of its type within its rules, readable where that is possible (``'name-4d2ab1'``); defaults are
    not used. What pydynox sets itself stays unset, as on any new instance: versions, timestamps and templates. TTL attributes are
    far in the future. Each instance can be saved and reads back equal. No I/O.

    Args:
        seed: Another seed makes other values.
        size: How many elements lists, sets and maps get: a number, or the least and the largest. Rules take precedence.

    Raises:
        ValueError: The size is not valid.

    Example:
        >>> fakes = Fakes(seed=7)
        >>> orders = fakes.many(Order, 25, customer_id="c1")
        >>> await client.batch_save(orders)
    """

    def __init__(self, seed: int | str = 0, *, size: int | tuple[int, int] = (1, 3)) -> None:
        least, most = (size, size) if isinstance(size, int) else size
        if not 0 <= least <= most:
            raise ValueError(f"Fakes(size=...) must be a number, or the least and the largest, as in (1, 3), not {size!r}")
        self._seed, self._size = seed, (least, most)
        self._made: dict[type[Any], int] = {}
        self._taken: set[tuple[object, ...]] = set()

    def one(self, cls: type[T], /, **given: Any) -> T:
        """An instance of a model, document, dataclass, attrs class, msgspec struct, TypedDict or pydantic model; no I/O.

        Args:
            cls: The class.
            **given: Values of attributes, taken as they are. Other attributes keep the values that they would have had.

        Raises:
            ValidationError: There is no attribute of that name, a given value is not valid, or no value was found that satisfies
                ``validate=``; the error names the attribute to pass.
            ConfigurationError: The class is abstract.
            TypeError: Values of the class cannot be stored.

        Example:
            >>> fakes.one(User, name="Ada")
            User(user_id='user_id-1f0c9a', name='Ada', age=571)
        """
        from ._choices import SeededChoices
        from ._generation import Generator

        caller = f"fake({getattr(cls, '__name__', cls)})"
        for _ in range(_TRIES):
            number = self._made[cls] = self._made.get(cls, -1) + 1
            choices = SeededChoices(f"{self._seed}/{getattr(cls, '__qualname__', cls)}/{number}", self._size)
            instance: T = Generator(choices, caller).instance(cls, given)
            if self._is_new(cls, instance, given):
                return instance
        message = f"{caller} found no further key or unique value in {_TRIES} tries: pass them, or make fewer"
        raise ValidationError(message, errors=[("", message)])

    def many(self, cls: type[T], count: int, /, **given: Any) -> list[T]:
        """Several instances, whose keys and unique values differ; no I/O.

        Args:
            cls: The class.
            count: How many.
            **given: Values that all of them have.

        Raises:
            ValidationError: As ``one()``; or the values that are left are too few for ``count`` keys.
            ConfigurationError: The class is abstract.
            TypeError: Values of the class cannot be stored.

        Example:
            >>> fakes.many(User, 3, age=30)
        """
        return [self.one(cls, **given) for _ in range(count)]

    def _is_new(self, cls: Any, instance: Any, given: Mapping[str, Any]) -> bool:
        """Whether the key and the unique values of an instance are its own, as far as they were chosen."""
        if not (isinstance(cls, type) and issubclass(cls, _core.Instance)):
            return True
        from ._declared import key_sources

        definition = completed(cls)
        taken: list[tuple[object, ...]] = []
        for names in (key_names(cls), *definition.unique):
            # A key that the caller gave may repeat: what it is for, the caller knows.
            if key_sources(cls, definition, names) <= set(given):
                continue
            values = [getattr(instance, name) for name in names]
            if None not in values:
                taken.append((cls.__qualname__, names, *map(repr, values)))
        if not self._taken.isdisjoint(taken):
            return False
        self._taken.update(taken)
        return True


def fake(cls: type[T], /, **given: Any) -> T:
    """An instance with values for every attribute that is not given; the same one in every call and every run. No I/O.

    For several instances, other seeds or larger collections, use ``Fakes``.

    Args:
        cls: A model, document, dataclass, attrs class, msgspec struct, TypedDict or pydantic model.
        **given: Values of attributes, taken as they are.

    Raises:
        ValidationError: There is no attribute of that name, a given value is not valid, or no value was found that satisfies
            ``validate=``; the error names the attribute to pass.
        ConfigurationError: The class is abstract.
        TypeError: Values of the class cannot be stored.

    Example:
        >>> await fake(Order, customer_id="c1").create()
    """
    return Fakes().one(cls, **given)
