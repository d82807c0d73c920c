"""LocalServer: the embedded engine over HTTP on this machine, for boto3, the AWS command line and programs of other languages."""

from __future__ import annotations

from typing import Self

from . import _core
from .exceptions import ConfigurationError

LAST_PORT = 65535


class LocalServer:
    """A server on 127.0.0.1 that answers as DynamoDB does; it listens from the start to ``stop()``, or to the end of its block.

    Only programs of this machine reach it. It looks at neither region, credentials nor signatures: all see the same tables.

    Args:
        port: Where it listens; 0 for any free port.
        endpoint_url: The engine behind it: ``memory://`` for one of its own, ``memory://name`` for the one that clients in this
            process have by that name, ``file:///path`` for one on disk.
        max_connections: How many connections are served at once; further ones wait until one of these ends.
        idle_timeout: After how many seconds a connection is closed that sends no request, stops in the middle of one, or does not
            read its answer.

    Raises:
        ConfigurationError: The port cannot be listened on, the engine is none or cannot be opened, or a limit is not positive.

    Example:
        >>> with LocalServer() as server:
        ...     boto3.client("dynamodb", endpoint_url=server.endpoint_url).list_tables()["TableNames"]
        []
    """

    __slots__ = ("__weakref__", "_core", "_engine")

    def __init__(
        self, port: int = 0, *, endpoint_url: str = "memory://", max_connections: int = 512, idle_timeout: float = 60.0
    ) -> None:
        if not 0 <= port <= LAST_PORT:
            raise ConfigurationError(f"a port is a number from 1 to 65535, or 0 for any free one; got {port}")
        if max_connections < 1 or not 0 < idle_timeout < float("inf"):
            raise ConfigurationError(f"max_connections and idle_timeout are positive; got {max_connections} and {idle_timeout}")
        self._core = _core.LocalServer(endpoint_url, port, max_connections, idle_timeout)
        self._engine = endpoint_url

    @property
    def port(self) -> int:
        """The port that it listens on.

        Example:
            >>> LocalServer(8000).port
            8000
        """
        return self._core.port

    @property
    def endpoint_url(self) -> str:
        """What clients are given to reach it.

        Example:
            >>> LocalServer(8000).endpoint_url
            'http://127.0.0.1:8000'
        """
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Accept nothing more, finish what is being answered, and end; stopping it again does nothing.

        Example:
            >>> server.stop()
        """
        self._core.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<local server of {self._engine!r} at {self.endpoint_url}>"
