"""Statistics: what a client did, in one object."""

from __future__ import annotations

from typing import NamedTuple

from pydynox._shared.public import public


@public
class ClientStats(NamedTuple):
    """What a client did since its first call in this process, and its connections at this moment.

    Attributes:
        calls: Requests begun, each counted once no matter how many attempts it took.
        in_flight: Those of them that have not ended.
        retries: Attempts after the first.
        throttles: Attempts that DynamoDB throttled.
        timeouts: Calls that did not end within their timeout.
        bytes_sent: Bytes in the bodies of all requests, each attempt counted.
        bytes_received: Bytes in the bodies of successful responses.
        connections_open: Open connections, including those being opened. An embedded engine has none.
        connections_idle: Those of them that no request uses.
        connections_waiting: Requests that wait for one of the ``max_connections``.

    Example:
        >>> client.stats().connections_waiting
        0
    """

    calls: int
    in_flight: int
    retries: int
    throttles: int
    timeouts: int
    bytes_sent: int
    bytes_received: int
    connections_open: int
    connections_idle: int
    connections_waiting: int
