"""Plan: what a query would send, for ``Query.explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydynox.query import Query

_UNIT = 4096  # bytes read for half a read unit, or for a whole one if strongly consistent


class Plan(NamedTuple):
    """What a query would do: the result of ``Query.explain``."""

    operation: str
    table: str
    index_name: str | None
    key_condition: str | None
    filter: str | None
    projection: str | None
    request: dict[str, Any]
    warnings: tuple[str, ...]
    read_units: float | None

    def __str__(self) -> str:
        where = self.table if self.index_name is None else f"{self.table}, index {self.index_name}"
        lines = [f"{self.operation} {where}"]
        lines += [
            f"  {name.replace('_', ' ')}: {value}"
            for name in ("key_condition", "filter", "projection", "read_units")
            if (value := getattr(self, name)) is not None
        ]
        lines += [f"  note: {warning}" for warning in self.warnings]
        return "\n".join(lines)


def plan_of(query: Query[Any], item_size: int | None, items: int | None) -> Plan:
    """The plan of a query, with its cost in read units if the size of an item and the number of items are known."""
    parts = query.search.explain(query.connection.core)
    consistent, segments = parts.pop("consistent_read"), parts.pop("segments")
    warnings: list[str] = []
    if parts["operation"] == "Scan":
        warnings.append("a scan reads, and bills, everything in the table or index")
    if parts["filter"] is not None:
        warnings.append("the filter is applied after reading: items that it drops are billed too")
    if segments > 1 and "Segment" not in parts["request"]:
        warnings.append(f"{segments} segments are read in parallel, each with this request and its Segment")
    if query.rows == "hydrated":
        warnings.append("hydrate() reads every item once more, by its key")
    units: float | None = None
    number = items if items is not None else (parts["request"].get("Limit") if parts["filter"] is None else None)
    if item_size is not None and number is not None:
        halves = -(-item_size * number // _UNIT)
        units = float(halves) if consistent else halves / 2
    return Plan(**parts, warnings=tuple(warnings), read_units=units)
