"""A figure with its target: how it is judged, printed and stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """A figure that README or docs promise. None means that it could not be measured."""

    name: str
    value: float | None
    unit: str
    target: float

    @property
    def missed(self) -> bool:
        """Whether the target was missed; a figure that was not measured misses it."""
        return self.value is None or self.value > self.target

    def __str__(self) -> str:
        value = "no value" if self.value is None else f"{self.value:9.3f}"
        return f"{self.name:46} {value} {self.unit:3} (target {self.target:g}){'  MISSED' if self.missed else ''}"

    def stored(self) -> dict[str, Any]:
        """For results.json."""
        return asdict(self)


def ratio(value: float | None, other: float | None) -> float | None:
    """`value` divided by `other`, if both were measured."""
    return None if value is None or other is None else value / other
