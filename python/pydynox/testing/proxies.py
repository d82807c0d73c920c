"""A proxy in front of a DynamoDB endpoint, for faults that only a socket can show. PYTEST_DONT_REWRITE"""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, get_args

from pydynox.client import DynamoDBClient
from pydynox.credentials import Credentials
from pydynox.local import LocalServer

from ._certificates import Authority, Certificate
from ._wire import Answer, Connection, Seen, WireServer, passed_on
from .faults import Injected, check_aim

if TYPE_CHECKING:
    from collections.abc import Sequence

WireFaultKind = Literal[
    "stale",
    "half_closed",
    "truncated",
    "wrong_crc32",
    "endless",
    "drip",
    "chunked",
    "gzip",
    "connection_close",
]
_KINDS: tuple[str, ...] = get_args(WireFaultKind)
_CHUNK = 7
_PAUSE = 0.01  # seconds between the parts of an endless answer


class WireFault(NamedTuple):
    """A fault, and the requests it applies to; created by ``wire_fault()``."""

    operation: str | None
    kind: str
    table: str | None
    skip: int
    times: int | None
    seconds: float


def wire_fault(
    operation: str | None,
    kind: WireFaultKind,
    /,
    *,
    table: str | None = None,
    skip: int = 0,
    times: int | None = 1,
    seconds: float | None = None,
) -> WireFault:
    """Describe a fault on the wire, for ``proxy``.

    Before DynamoDB sees the request: ``"stale"`` (a connection that has served a request breaks as the next one arrives).

    After DynamoDB has applied it: ``"half_closed"`` (the server ends its side in place of the answer, and continues to read),
    ``"truncated"`` (half of the answer), ``"wrong_crc32"`` (the answer does not match its checksum), ``"endless"`` (the answer
    never ends), ``"drip"`` (it comes byte by byte, ``seconds`` apart).

    In place of the usual form of the answer, which a client has to accept or refuse cleanly: ``"chunked"``, ``"gzip"``, and
    ``"connection_close"`` (the connection is closed after it).

    Args:
        operation: The operation, such as ``"PutItem"``; None for any.
        kind: The fault.
        table: Only requests to this table; the name as sent.
        skip: Number of matching requests to let through first.
        times: Number of requests to inject the fault into; None for all that follow.
        seconds: The pause of ``"drip"``; 0.05 by default.

    Raises:
        ValueError: The kind is unknown, a number is out of range, or an argument does not apply to this kind.

    Example:
        >>> with proxy(dynamodb_url, [wire_fault("UpdateItem", "truncated")]) as faulty:
        ...     client = faulty.client()
    """
    check_aim("wire_fault()", _KINDS, kind, operation=operation, skip=skip, times=times, seconds=seconds)
    if seconds is not None and kind != "drip":
        raise ValueError("wire_fault(): only 'drip' takes seconds=")
    return WireFault(operation, kind, table, skip, times, 0.05 if seconds is None else seconds)


def proxy(url: str, plan: Sequence[WireFault | WireFaultKind] = (), /, *, tls: Certificate | None = None) -> Proxy:
    """Start a server on 127.0.0.1 that passes requests on to a DynamoDB endpoint and injects faults into the connections.

    It works for every client and language that can be given an endpoint, in threads of its own; stop it with its block, sync or
    async. Each request takes the first fault of the plan that is neither skipping nor used up; all others are answered as the
    endpoint answers.

    Args:
        url: An endpoint that does not check signatures, such as that of ``LocalServer``, moto or DynamoDB Local: ``http://...``.
            ``memory://``, ``memory://name`` and ``file:///path`` start a ``LocalServer`` for it.
        plan: The faults, created by ``wire_fault()``; a kind alone is injected into the next request of any operation.
        tls: Speak TLS with a certificate of the proxy's own authority: ``"valid"``, ``"expired"``, or ``"wrong_host"``. The
            authority's certificate is in the file ``ca_bundle``. Needs trustme.

    Raises:
        ValueError: The URL or the certificate is none of these.
        TypeError: An entry of the plan is no fault.
        ImportError: ``tls=`` without trustme.

    Example:
        >>> with proxy("memory://", ["truncated"]) as faulty, faulty.client().as_default():
        ...     User.table.sync.create()
        >>> [done.kind for done in faulty.injected]
        ['truncated']
    """
    return Proxy(url, plan, tls)


class Proxy:
    """A running proxy; created by ``proxy()``.

    Attributes:
        endpoint_url: The ``endpoint_url=`` to pass to clients.
        ca_bundle: The file with the certificate of its authority; None without TLS.
    """

    def __init__(self, url: str, plan: Sequence[WireFault | WireFaultKind], tls: Certificate | None) -> None:
        if tls not in (None, *get_args(Certificate)):
            raise ValueError(f"proxy(tls=...) must be one of {', '.join(get_args(Certificate))}, not {tls!r}")
        faults = [_fault(one) for one in plan]
        if not url.startswith(("http://", "memory:", "file:")):
            raise ValueError(f"proxy() passes requests on to http://, memory:// or file://, not to {url!r}")
        authority = None if tls is None else Authority()
        context = None if tls is None or authority is None else authority.of(tls)
        self._own = None if url.startswith("http://") else LocalServer(endpoint_url=url)
        self._server = _ProxyServer(url if self._own is None else self._own.endpoint_url, faults, context)
        self._folder = None if authority is None else TemporaryDirectory(prefix="pydynox-")
        self.ca_bundle = None
        if authority is not None and self._folder is not None:
            self.ca_bundle = str(authority.write(Path(self._folder.name)))
        self.endpoint_url = self._server.url

    @property
    def requests(self) -> list[str]:
        """The operation of every request that arrived, one entry per attempt."""
        return self._server.operations()

    @property
    def injected(self) -> list[Injected]:
        """The faults that were injected, in order."""
        return list(self._server.injected)

    @property
    def unused(self) -> list[WireFault]:
        """The faults that were never injected; a test can assert that this is empty."""
        return [one for place, one in enumerate(self._server.plan) if self._server.used[place] == 0]

    @property
    def connections(self) -> int:
        """The number of connections that clients opened."""
        return len(self._server.connections)

    def client(self, **options: Any) -> DynamoDBClient:
        """A client whose requests go through the proxy; no I/O.

        Args:
            **options: Arguments of ``DynamoDBClient``, such as ``read_timeout``.

        Raises:
            ConfigurationError: An option is not valid.

        Example:
            >>> with faulty.client(read_timeout=0.5).as_default():
            ...     await User.get("u1")
        """
        usual: dict[str, Any] = {"region": "us-east-1", "credentials": Credentials("testing", "testing")}
        own: dict[str, Any] = {"endpoint_url": self.endpoint_url, "ca_bundle": self.ca_bundle}
        return DynamoDBClient(**{**usual, **own, **options})

    def stop(self) -> None:
        """Close all connections, and stop; stopping it again has no effect.

        Example:
            >>> faulty.stop()
        """
        self._server.stop()
        if self._own is not None:
            self._own.stop()
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<proxy at {self.endpoint_url}>"


def _fault(given: Any) -> WireFault:
    if issubclass(type(given), WireFault):
        fault: WireFault = given
        return fault
    if not issubclass(type(given), str):
        raise TypeError(f"proxy() takes faults created by wire_fault(), or their kinds, not {type(given).__qualname__}")
    return wire_fault(None, given)


class _ProxyServer(WireServer):
    """Passes each request on, and returns the answer as the plan wants it."""

    def __init__(self, behind: str, plan: list[WireFault], tls: Any) -> None:
        self.plan = plan
        self.used = [0] * len(plan)
        self.injected: list[Injected] = []
        self._skipped = [0] * len(plan)
        self._behind = behind
        self._lock = threading.Lock()
        super().__init__(tls=tls)

    def respond(self, connection: Connection, seen: Seen) -> None:
        fault = self._next(connection, seen)
        if fault is None:
            self._send(connection, passed_on(self._behind, seen))
            return
        if fault.kind == "stale":
            connection.reset()
            return
        getattr(self, f"_{fault.kind}")(connection, passed_on(self._behind, seen), fault)

    def _next(self, connection: Connection, seen: Seen) -> WireFault | None:
        with self._lock:
            for place, fault in enumerate(self.plan):
                if not self._applies(fault, connection, seen) or (fault.times is not None and self.used[place] >= fault.times):
                    continue
                if self._skipped[place] < fault.skip:
                    self._skipped[place] += 1
                    continue
                self.used[place] += 1
                self.injected.append(Injected(fault.kind, seen.operation, _table(seen), seen.number - 1, fault.kind != "stale"))
                return fault
        return None

    def _applies(self, fault: WireFault, connection: Connection, seen: Seen) -> bool:
        if fault.kind == "stale" and connection.count == 1:
            return False
        return fault.operation in (None, seen.operation) and fault.table in (None, _table(seen))

    def _send(self, connection: Connection, answer: Answer) -> None:
        connection.send(answer.head() + answer.body)

    def _half_closed(self, connection: Connection, answer: Answer, fault: WireFault) -> None:
        connection.close_half()
        connection.wait_for_end()

    def _truncated(self, connection: Connection, answer: Answer, fault: WireFault) -> None:
        connection.send(answer.head() + answer.body[: len(answer.body) // 2])
        connection.close()

    def _wrong_crc32(self, connection: Connection, answer: Answer, fault: WireFault) -> None:
        connection.send(answer.head(x_amz_crc32=str(zlib.crc32(answer.body) ^ 1)) + answer.body)

    def _endless(self, connection: Connection, answer: Answer, fault: WireFault) -> None:
        connection.send(answer.head(content_length="", x_amz_crc32="", transfer_encoding="chunked") + _chunk(answer.body))
        while not self.stopping.wait(_PAUSE):
            connection.send(_chunk(b" " * 1024))

    def _drip(self, connection: Connection, answer: Answer, fault: WireFault) -> None:
        data = answer.head() + answer.body
        for at in range(len(data)):
            connection.send(data[at : at + 1])
            if self.stopping.wait(fault.seconds):
                return

    def _chunked(self, connection: Connection, answer: Answer, fault: WireFault) -> None:
        parts = [answer.body[at : at + _CHUNK] for at in range(0, len(answer.body), _CHUNK)]
        head = answer.head(content_length="", transfer_encoding="chunked")
        connection.send(head + b"".join(map(_chunk, parts)) + b"0\r\n\r\n")

    def _gzip(self, connection: Connection, answer: Answer, fault: WireFault) -> None:
        # As the service does: the checksum is that of the bytes on the wire.
        packed = answer._replace(body=gzip.compress(answer.body))
        connection.send(packed.head(content_encoding="gzip", x_amz_crc32=str(zlib.crc32(packed.body))) + packed.body)

    def _connection_close(self, connection: Connection, answer: Answer, fault: WireFault) -> None:
        connection.send(answer.head(connection="close") + answer.body)
        connection.close()


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _table(seen: Seen) -> str:
    """The table that a request names; empty for operations on several."""
    try:
        body = json.loads(seen.body)
    except ValueError:
        return ""
    name = body.get("TableName", "") if issubclass(type(body), dict) else ""
    return name if issubclass(type(name), str) else ""
