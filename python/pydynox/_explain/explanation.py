"""Explanation: the requests that a call would send, with their costs, as ``client.explain`` returns them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydynox._shared.public import public

if TYPE_CHECKING:
    from collections.abc import Sequence


@public
class IndexWrite(NamedTuple):
    """A secondary index that a write may have to change."""

    index_name: str
    """The name of the index."""
    write_units: float
    """Write units that the change costs in addition, at most, as far as the sizes are known; nothing if its entry stays equal."""


@public
class ExplainedRequest(NamedTuple):
    """One request that would be sent."""

    operation: str
    """The DynamoDB operation, such as ``"PutItem"``."""
    tables: tuple[str, ...]
    """The names of its tables, as they are sent."""
    index_name: str | None
    """The index that is read."""
    body: dict[str, Any]
    """The request in wire form. Values, keys included, are replaced by their sizes unless ``values=True``."""
    read_units: float
    """The smallest number of read units that it costs."""
    write_units: float
    """The smallest number of write units that it costs, without those of its indexes."""
    indexes: tuple[IndexWrite, ...]
    """The secondary indexes that it may have to change."""
    notes: tuple[str, ...]
    """How the cost comes about, and what to know about the request."""

    def __str__(self) -> str:
        from json import dumps

        where = ", ".join(self.tables) + ("" if self.index_name is None else f", index {self.index_name}")
        lines = [f"{self.operation} {where}".rstrip(), f"  request: {dumps(self.body, ensure_ascii=False, default=repr)}"]
        lines += _units(self.read_units, self.write_units)
        for index in self.indexes:
            lines.append(f"  index {index.index_name}: up to {_plural(index.write_units, 'write unit')}")
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


@public
class Explanation(NamedTuple):
    """What a call would send: the result of ``client.explain``."""

    requests: tuple[ExplainedRequest, ...]
    """The requests up to the first answer that the call would wait for; empty if it sends nothing."""

    @property
    def read_units(self) -> float:
        """The smallest number of read units that the requests cost."""
        return sum(request.read_units for request in self.requests)

    @property
    def write_units(self) -> float:
        """The smallest number of write units that the requests cost, without those of indexes."""
        return sum(request.write_units for request in self.requests)

    @property
    def index_units(self) -> float:
        """Write units that the indexes cost in addition, at most."""
        return sum(index.write_units for request in self.requests for index in request.indexes)

    def __str__(self) -> str:
        if not self.requests:
            return "nothing is sent"
        lines = [str(request) for request in self.requests]
        if len(self.requests) > 1:
            lines += [f"{len(self.requests)} requests", *_units(self.read_units, self.write_units)]
        return "\n".join(lines)


def _units(read: float, write: float) -> Sequence[str]:
    kinds = (("read unit", read), ("write unit", write))
    return [f"  at least {_plural(units, kind)}" for kind, units in kinds if units]


def _plural(number: float, word: str) -> str:
    return f"{number:g} {word}" if number == 1 else f"{number:g} {word}s"
