"""Collection: several models of one table, read together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, overload

import pydynox._core as _core

from ._declaration.compile import completed
from ._declaration.definition import definition_of
from ._declaration.entities import entity_of
from ._declaration.family import reading_schema
from ._shared.typing import A, B, C, D, Row
from .exceptions import ConfigurationError
from .query import Query

if TYPE_CHECKING:
    from .expressions import Condition


class Collection(Generic[Row]):
    """Several models of one table, read together, each row as its own class: ``Collection(Customer, Invoice)``.

    Items of other entities are left out. To read every entity, query the base class.

    Args:
        *models: Classes with an ``entity=`` that share a base class with the table's keys.

    Raises:
        ConfigurationError: A model has no entity, or the models do not share such a base class.

    Example:
        >>> everything = Collection(Customer, Invoice)
        >>> async for row in everything.query("CUSTOMER#7"):
        ...     print(row)
    """

    @overload
    def __init__(self: Collection[A], a: type[A], /) -> None: ...
    @overload
    def __init__(self: Collection[A | B], a: type[A], b: type[B], /) -> None: ...
    @overload
    def __init__(self: Collection[A | B | C], a: type[A], b: type[B], c: type[C], /) -> None: ...
    @overload
    def __init__(self: Collection[A | B | C | D], a: type[A], b: type[B], c: type[C], d: type[D], /) -> None: ...
    @overload
    def __init__(self, *models: type[Row]) -> None: ...
    def __init__(self, *models: Any) -> None:
        if not models:
            raise ConfigurationError("a Collection needs at least one model")
        names = ", ".join(model.__name__ for model in models)
        schemas: dict[str, _core.Schema | None] = {}
        for model in models:
            entity = entity_of(model)
            if entity is None:
                raise ConfigurationError(f"Collection({names}): {model.__name__} has no entity= that identifies its items")
            schemas[entity] = model._schema
            # Items of a subclass are items of the model, too.
            schemas |= completed(model).entities
        self._models: list[_core.Schema] = [model._schema for model in models]
        self._base = _common_base(models, names)
        self._schema = reading_schema(self._base, schemas)
        self._names = names

    @overload
    def query(self, partition: Any, /, *conditions: Condition | None) -> Query[Row]: ...
    @overload
    def query(self, /, *conditions: Condition | None, **parts: Any) -> Query[Row]: ...
    def query(self, /, *values: Any, **parts: Any) -> Query[Row]:
        """The items of these models in one partition, in the order of their sort keys; no I/O yet. Sends Query.

        Args:
            *values: The partition key, unless ``parts`` provide it, then a condition on the sort key.
            **parts: The attributes from which the key templates of all these models build the key, by name.

        Raises:
            ValidationError: The key has the wrong type, the condition is not allowed in a query, or the models build different
                keys from the parts.

        Example:
            >>> await Collection(Customer, Invoice).query("CUSTOMER#7").all()
            >>> await Collection(Customer, Invoice).query(customer_id="7").all()

        Costs: half a read unit per 4 KB read, items of other entities included; one unit per 4 KB if strongly consistent.
        """
        return Query(_core.Search.query(self._schema, None, values, parts, self._models), self._base, None)

    def scan(self, *, segments: int = 1, segment: int | None = None) -> Query[Row]:
        """The items of these models in the whole table, in no order; no I/O yet. Sends Scan.

        Args:
            segments: Number of segments to read in parallel.
            segment: Read only this segment (zero-based).

        Raises:
            ValidationError: A number is out of range.

        Example:
            >>> await Collection(Customer, Invoice).scan().count()

        Costs: half a read unit per 4 KB of the whole table; one unit per 4 KB if strongly consistent.
        """
        return Query(_core.Search.scan(self._schema, None, segments, segment), self._base, None)

    def __repr__(self) -> str:
        return f"Collection({self._names})"


def _common_base(models: tuple[Any, ...], names: str) -> Any:
    """The nearest common base class that declares the table's keys and is not abstract."""
    for base in models[0].__mro__:
        definition = definition_of(base)
        if definition is None or definition.abstract or not all(issubclass(model, base) for model in models):
            continue
        if completed(base).attributes:
            return base
    raise ConfigurationError(
        f"Collection({names}): the models have no common base class that declares the table and its keys, "
        'such as class Entity(Model[str, str], table="app")'
    )
