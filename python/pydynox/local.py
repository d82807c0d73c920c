"""LocalServer: the embedded engine over HTTP on this machine, for boto3, the AWS CLI and programs in other languages."""

from __future__ import annotations

from typing import Self

import pydynox._core as _core

from .exceptions import ConfigurationError

__all__ = ["LocalServer"]

LAST_PORT = 65535


class LocalServer:
    """A server on 127.0.0.1 that responds like DynamoDB; it listens from creation until ``stop()``, or until its block ends.

    Only programs on this machine can reach it. It ignores region, credentials and signatures: every program sees the same tables.

    Args:
        port: The port to listen on; 0 for any free port.
        endpoint_url: The engine to serve: ``memory://`` for a new one, ``memory://name`` for the one that clients in this process
            share under that name, ``file:///path`` for one on disk.
        max_connections: Maximum number of connections served at the same time; further ones wait until one of these ends.
        idle_timeout: Seconds after which a connection is closed if it sends no request, stops in the middle of one, or does not
            read its response.

    Raises:
        ConfigurationError: The port cannot be used, the engine cannot be opened, or a limit is not positive.

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
            raise ConfigurationError(f"port must be from 1 to 65535, or 0 for any free port; got {port}")
        if max_connections < 1 or not 0 < idle_timeout < float("inf"):
            raise ConfigurationError(
                f"max_connections and idle_timeout must be positive; got {max_connections} and {idle_timeout}"
            )
        self._core = _core.LocalServer(endpoint_url, port, max_connections, idle_timeout)
        self._engine = endpoint_url

    @property
    def port(self) -> int:
        """The port that the server listens on.

        Example:
            >>> LocalServer(8000).port
            8000
        """
        return self._core.port

    @property
    def endpoint_url(self) -> str:
        """The ``endpoint_url=`` to pass to clients.

        Example:
            >>> LocalServer(8000).endpoint_url
            'http://127.0.0.1:8000'
        """
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Stop accepting requests, finish those in progress, and shut down; stopping it again has no effect.

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
