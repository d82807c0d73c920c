"""Limits: what a test asks of the service around its tables, checked. PYTEST_DONT_REWRITE"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


def _checked(name: str, rcu: float, wcu: float) -> tuple[float, float]:
    for unit, rate in (("rcu", rcu), ("wcu", wcu)):
        if not 0 < rate < float("inf"):
            raise ValueError(f"{name}({unit}=...) must be a positive number of units per second, not {rate!r}")
    return float(rcu), float(wcu)


class PerPartition:
    """What each partition key of a table or index can do in a second: ``throttle=PerPartition(rcu=3000, wcu=1000)``.

    Args:
        rcu: Read units per second; DynamoDB's own limit by default.
        wcu: Write units per second; DynamoDB's own limit by default.

    Raises:
        ValueError: A number is not positive and finite.

    Example:
        >>> @pytest.mark.dynamodb(tables=[Order], throttle=PerPartition(wcu=10))
        ... def test_a_hot_customer(dynamodb): ...
    """

    __slots__ = ("units",)

    def __init__(self, *, rcu: float = 3000, wcu: float = 1000) -> None:
        self.units = _checked("PerPartition", rcu, wcu)

    def __repr__(self) -> str:
        return f"PerPartition(rcu={self.units[0]:g}, wcu={self.units[1]:g})"


class PerTable:
    """What each table or index as a whole can do in a second: ``throttle=PerTable(rcu=10, wcu=5)``.

    Args:
        rcu: Read units per second.
        wcu: Write units per second.

    Raises:
        ValueError: A number is not positive and finite.

    Example:
        >>> @pytest.mark.dynamodb(tables=[Order], throttle=[PerTable(rcu=100, wcu=50), PerPartition(wcu=10)])
        ... def test_an_import(dynamodb): ...
    """

    __slots__ = ("units",)

    def __init__(self, *, rcu: float, wcu: float) -> None:
        self.units = _checked("PerTable", rcu, wcu)

    def __repr__(self) -> str:
        return f"PerTable(rcu={self.units[0]:g}, wcu={self.units[1]:g})"


class Behaviour(NamedTuple):
    """What the service does to requests, as the core takes it."""

    per_partition: tuple[float, float] | None = None
    per_table: tuple[float, float] | None = None
    read_lag: float | None = None
    gsi_lag: float | None = None
    transaction_time: float | None = None
    table_time: float | None = None


def split(
    throttle: int | PerPartition | PerTable | Iterable[PerPartition | PerTable] | None,
    *,
    read_lag: float | None = None,
    gsi_lag: float | None = None,
    transaction_time: float | None = None,
    table_time: float | None = None,
) -> tuple[int, Behaviour]:
    """How many requests are throttled in any case, and what the service does; for pydynox's own modules."""
    behaviour = Behaviour(None, None, read_lag, gsi_lag, transaction_time, table_time)
    for name, length in zip(behaviour._fields[2:], behaviour[2:], strict=True):
        if length is not None and not 0 <= length < float("inf"):
            raise ValueError(f"{name}= must be a number of seconds that is not negative, not {length!r}")
    if throttle is None or isinstance(throttle, int):
        if throttle is not None and throttle < 0:
            raise ValueError(f"throttle= must be a number of requests, PerPartition(...) or PerTable(...), not {throttle!r}")
        return throttle or 0, behaviour
    for limit in [throttle] if isinstance(throttle, (PerPartition, PerTable)) else throttle:
        if isinstance(limit, PerPartition):
            behaviour = behaviour._replace(per_partition=limit.units)
        elif isinstance(limit, PerTable):  # pyright: ignore[reportUnnecessaryIsInstance]
            behaviour = behaviour._replace(per_table=limit.units)
        else:
            raise TypeError(f"throttle= takes a number of requests, PerPartition(...) or PerTable(...), not {limit!r}")
    return 0, behaviour
