"""Collection: several models of one table, read together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, overload

from . import _core
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

    Items of other entities are left out. To read all there are, query the base class.

    Args:
        *models: Classes with an ``entity=`` that share a base class with the table's keys.

    Raises:
        ConfigurationError: One has no entity, or they have no such base class in common.

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
                raise ConfigurationError(f"Collection({names}): {model.__name__} has no entity= by which its items are known")
            schemas[entity] = model._schema
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
            *values: The partition key, unless ``parts`` make it, then a condition on the sort key.
            **parts: What the templates of all these models make the key of, by name.

        Raises:
            ValidationError: The key is of the wrong type, the condition is one that no query can have, or the models make
                different keys of the parts.

        Example:
            >>> await Collection(Customer, Invoice).query("CUSTOMER#7").all()
            >>> await Collection(Customer, Invoice).query(customer_id="7").all()

        Costs: half a read unit per 4 KB of what is read, items of other entities included; a whole one when consistent.
        """
        return Query(_core.Search.query(self._schema, None, values, parts, self._models), self._base, None)

    def scan(self, *, segments: int = 1, segment: int | None = None) -> Query[Row]:
        """The items of these models in the whole table, in no order; no I/O yet. Sends Scan.

        Args:
            segments: How many parts are read beside each other.
            segment: Read this one of them alone, counted from 0.

        Raises:
            ValidationError: A number is out of range.

        Example:
            >>> await Collection(Customer, Invoice).scan().count()

        Costs: half a read unit per 4 KB of the whole table; a whole one when consistent.
        """
        return Query(_core.Search.scan(self._schema, None, segments, segment), self._base, None)

    def __repr__(self) -> str:
        return f"Collection({self._names})"


def _common_base(models: tuple[Any, ...], names: str) -> Any:
    """The nearest class that all of them are, which has the keys of the table and items of its own."""
    for base in models[0].__mro__:
        definition = definition_of(base)
        if definition is None or definition.abstract or not all(issubclass(model, base) for model in models):
            continue
        if completed(base).attributes:
            return base
    raise ConfigurationError(
        f"Collection({names}): they have no base class in common that declares the table and its keys, "
        'such as class Entity(Model[str, str], table="app")'
    )
