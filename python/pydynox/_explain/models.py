"""Declared models: which classes and indexes a table has, as far as their modules are imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pydynox._core as _core
from pydynox._declaration.annotations import UnresolvedError
from pydynox._declaration.compile import complete
from pydynox._declaration.definition import definition_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class DeclaredIndex(NamedTuple):
    """A secondary index of a table."""

    name: str
    is_global: bool
    partition: tuple[str, ...]
    """The stored names of its partition key."""
    sort: tuple[str, ...]
    projected: tuple[str, ...] | None
    """The stored names of what it has in addition to keys; None if it has everything."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The stored names of its whole key."""
        return self.partition + self.sort


def models(root: type[Any]) -> Iterator[type[Any]]:
    """The classes below a base class that have items of their own, in the order of their definition."""
    seen: set[type[Any]] = set()
    waiting = list(root.__subclasses__())
    while waiting:
        cls = waiting.pop(0)
        if cls in seen:
            continue
        seen.add(cls)
        waiting += cls.__subclasses__()
        try:
            if definition_of(cls) is not None and cls.model_config.table is not None and not complete(cls).abstract:
                yield cls
        except UnresolvedError:  # it names a class that is not defined yet, so it cannot have been used
            continue


def indexes_of(model: type[Any]) -> list[DeclaredIndex]:
    """The secondary indexes of a model."""
    members: Mapping[str, Any] = _core.table_declaration(model._schema)
    return [
        _index(one, is_global=kind.startswith("Global"))
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        for one in members.get(kind, ())
    ]


def _index(members: Mapping[str, Any], *, is_global: bool) -> DeclaredIndex:
    def names(kind: str) -> tuple[str, ...]:
        return tuple(key["AttributeName"] for key in members["KeySchema"] if key["KeyType"] == kind)

    projection = members["Projection"]
    projected = None if projection["ProjectionType"] == "ALL" else tuple(projection.get("NonKeyAttributes", ()))
    return DeclaredIndex(members["IndexName"], is_global, names("HASH"), names("RANGE"), projected)


def key_of(model: type[Any]) -> tuple[str, ...]:
    """The stored names of a model's key: the partition key first."""
    schema = _core.table_declaration(model._schema)["KeySchema"]
    return tuple(key["AttributeName"] for key in sorted(schema, key=lambda key: key["KeyType"]))
