"""The calls of a client about itself: whether it reaches the service, connections in advance, and its statistics."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox.exceptions import AccessDeniedError, ConfigurationError, RequestError

from .connection import Connection

if TYPE_CHECKING:
    from pydynox._observe.statistics import ClientStats

_MOST = 65_535  # no process has more sockets to one host from one address


class HealthCalls(Connection):
    """Calls about the client and its way to the service."""

    __slots__ = ()

    async def ping(self, *, timeout: float | None = NOT_GIVEN) -> float:
        """Check that the service can be reached and accepts the credentials. Sends DescribeEndpoints.

        It needs no permission: a response that denies access proves the same. That a table can be used is another question, which
        ``Model.table.exists()`` answers.

        Args:
            timeout: Maximum seconds for the request with its retries; None for no limit. Overrides the surrounding
                ``options(timeout=...)``.

        Returns:
            Seconds until the response.

        Raises:
            CredentialsError: There are no credentials, or the service does not accept them.
            ConnectionFailedError: The service cannot be reached.
            RequestTimeoutError: There was no response in time.

        Example:
            >>> await client.ping(timeout=1) < 1
            True

        Costs: nothing.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self, timeout, HealthCalls.ping(self))
        began = perf_counter()
        try:
            await self.core.call("DescribeEndpoints", {})
        except AccessDeniedError:
            pass
        except RequestError as problem:
            # Other implementations do not have this operation; that they say so is a response.
            if problem.code != "UnknownOperationException":
                raise
        return perf_counter() - began

    async def warm_up(self, connections: int = 1, *, timeout: float | None = NOT_GIVEN) -> int:
        """Look up credentials and open connections, with DNS and TLS, so that the first calls need not. Sends nothing.

        For the start of a service, and for the initialization of a Lambda function. Idle connections are closed after 20 seconds;
        later calls then open new ones.

        Args:
            connections: How many connections to open, ``max_connections`` at most: as many requests can then be sent at a time.
            timeout: Maximum seconds; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            How many connections are open to the service; 0 for an embedded engine, which needs none.

        Raises:
            CredentialsError: There are no credentials.
            ConnectionFailedError: A connection cannot be opened.
            RequestTimeoutError: They were not open in time.
            ConfigurationError: ``connections`` is not a positive integer.

        Example:
            >>> await client.warm_up(connections=8)
            8

        Costs: nothing.
        """
        count: Any = connections
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= _MOST:
            raise ConfigurationError(f"warm_up(connections=...) must be an integer from 1 to {_MOST}, not {connections!r}")
        if timeout is not NOT_GIVEN:
            return await limited(self, timeout, HealthCalls.warm_up(self, connections))
        ready: int = await _core.warm_up(self.core, connections)
        return ready

    def stats(self) -> ClientStats:
        """What this client did since its first call in this process, and its connections at this moment. Sends nothing.

        Reading it delivers events that wait for the next call, such as those of closed connections, to ``on_event`` handlers.

        Example:
            >>> client.stats().in_flight
            0

        Costs: nothing.
        """
        from pydynox._observe.statistics import ClientStats

        _core.deliver_waiting(self.core)
        counts, connections = _core.client_stats(self.core)
        return ClientStats(*counts, *connections)
