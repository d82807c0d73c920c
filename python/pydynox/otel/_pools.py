"""Pools: the connections of all clients as metrics, which are read when they are exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation

import pydynox._core as _core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import CallbackOptions, Meter

_STATE = "db.client.connection.state"


def pool_named(address: str | None, port: int | None) -> dict[str, Any]:
    """The attribute that tells pools apart."""
    return {"db.client.connection.pool.name": f"{address}:{port}"}


def observe_pools(meter: Meter, is_on: Callable[[], bool]) -> None:
    """Create the metrics of the pools; without measurements while they are not on."""

    def observed(states: tuple[tuple[str | None, Callable[[int, int, int, int], int]], ...]) -> Any:
        def callback(_: CallbackOptions) -> Iterable[Observation]:
            totals: dict[tuple[str, int, str | None], int] = {}
            for (address, port), counts in _core.connection_pools() if is_on() else ():
                for state, read in states:
                    # Clients of one address are one pool here, since nothing else tells them apart.
                    totals[address, port, state] = totals.get((address, port, state), 0) + read(*counts)
            for (address, port, state), value in totals.items():
                attributes = pool_named(address, port)
                yield Observation(value, attributes if state is None else {**attributes, _STATE: state})

        return [callback]

    meter.create_observable_up_down_counter(
        "db.client.connection.count",
        observed(
            (("idle", lambda _open, idle, _waiting, _most: idle), ("used", lambda count, idle, _waiting, _most: count - idle))
        ),
        "{connection}",
        "The number of connections that are currently in the state that the attribute names.",
    )
    meter.create_observable_up_down_counter(
        "db.client.connection.max",
        observed(((None, lambda _open, _idle, _waiting, most: most),)),
        "{connection}",
        "The maximum number of open connections allowed.",
    )
    meter.create_observable_up_down_counter(
        "db.client.connection.pending_requests",
        observed(((None, lambda _open, _idle, waiting, _most: waiting),)),
        "{request}",
        "The number of requests that wait for a connection.",
    )
