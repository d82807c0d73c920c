"""The layout of a table: its name, its key and its indexes, as DescribeTable describes them and as files declare them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .declarations import Index

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Layout:
    """The layout of one table."""

    name: str
    partition_key: str
    sort_key: str | None
    types: dict[str, str]  # S, N or B, of every attribute of a key
    indexes: list[Index] = field(default_factory=list[Index])
    ttl: str | None = None
    notes: list[str] = field(default_factory=list[str])  # what could not be learned

    @property
    def key(self) -> list[str]:
        """The attributes of the key, partition key first."""
        return [self.partition_key] if self.sort_key is None else [self.partition_key, self.sort_key]

    @property
    def index_keys(self) -> list[str]:
        """The attributes of the indexes' keys that are not in the table's."""
        return sorted({name for index in self.indexes for name in (*index.partition, *index.sort)} - set(self.key))

    @property
    def shared(self) -> list[str]:
        """The attributes that the table itself names, besides its key: those of index keys and projections, the time to live."""
        included = {name for index in self.indexes if isinstance(index.projection, list) for name in index.projection}
        return [*self.index_keys, *sorted((included | {self.ttl or self.partition_key}) - {*self.key, *self.index_keys})]


def layout_of(name: str, raw: Mapping[str, Any], ttl: str | None = None) -> Layout:
    """The layout of a table from the members that DescribeTable's answer and CreateTable's request share.

    Raises:
        KeyError: A member is missing.
        ValueError: The table has no partition key.
    """
    types = {each["AttributeName"]: each["AttributeType"] for each in raw["AttributeDefinitions"]}
    partition, sort = _key_of(raw)
    if not partition:
        raise ValueError("there is no partition key in KeySchema")
    layout = Layout(name, partition[0], sort[0] if sort else None, types, ttl=ttl)
    for member, is_global in (("GlobalSecondaryIndexes", True), ("LocalSecondaryIndexes", False)):
        for each in raw.get(member) or ():
            layout.indexes.append(_index(each, layout.key, is_global=is_global))
    layout.indexes.sort(key=lambda index: index.stored)
    return layout


def _index(raw: Mapping[str, Any], key: list[str], *, is_global: bool) -> Index:
    partition, sort = _key_of(raw)
    projection: Mapping[str, Any] = raw.get("Projection") or {}
    kind: str = projection.get("ProjectionType", "ALL")
    included = sorted(set[str](projection.get("NonKeyAttributes") or ()) - {*key, *partition, *sort})  # keys are always included
    projected: str | list[str] = (included or "KEYS_ONLY") if kind == "INCLUDE" else kind
    return Index(raw["IndexName"], is_global, partition, sort, projected)


def _key_of(raw: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    parts = {role: [each["AttributeName"] for each in raw["KeySchema"] if each["KeyType"] == role] for role in ("HASH", "RANGE")}
    return parts["HASH"], parts["RANGE"]
