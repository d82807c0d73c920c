"""The wire: a server on 127.0.0.1 that reads requests and can break or hold its connections. PYTEST_DONT_REWRITE"""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

_DROPPED = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends a reset
_READ = 1 << 16
_JOIN, _BEHIND = 5.0, 30.0  # seconds
_RELAYED = ("content-type", "x-amzn-requestid", "x-amz-crc32")


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    number: int
    connection: int
    headers: dict[str, str]
    body: bytes
    line: str = ""
    at: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> str:
        """The path of the request."""
        return self.line.split(" ")[1]

    @property
    def operation(self) -> str:
        """The operation that the request is for, such as ``PutItem``."""
        return self.headers.get("x-amz-target", "").rpartition(".")[2]

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class Answer(NamedTuple):
    """An answer of the server behind a proxy."""

    status: int
    headers: dict[str, str]
    body: bytes

    def head(self, **changed: str) -> bytes:
        """What comes before the body, with changed headers; those that are empty are left out."""
        fields = {**self.headers, "content-length": str(len(self.body)), **{n.replace("_", "-"): v for n, v in changed.items()}}
        lines = [
            f"HTTP/1.1 {self.status} {http.client.responses.get(self.status, '')}",
            *(f"{n}: {v}" for n, v in fields.items() if v),
        ]
        return "\r\n".join([*lines, "", ""]).encode()


def passed_on(url: str, seen: Seen) -> Answer:
    """What the server at a URL answers to a request."""
    headers = {name: value for name, value in seen.headers.items() if name not in ("connection", "transfer-encoding")}
    behind = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=_BEHIND)
    try:
        behind.request("POST", seen.path, seen.body, headers)
        response = behind.getresponse()
        relayed = {name.lower(): value for name, value in response.getheaders() if name.lower() in _RELAYED}
        return Answer(response.status, relayed, response.read())
    finally:
        behind.close()


class Connection:
    """The server's end of a connection."""

    def __init__(self, number: int, stream: socket.socket) -> None:
        self.number = number
        self.closed = threading.Event()
        self.line = ""
        """The first line of the request that was read last."""
        self.count = 0
        """The number of requests that were read."""
        self._stream = stream
        self._rest = b""

    def secure(self, tls: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._stream = tls.wrap_socket(self._stream, server_side=True)

    def read(self) -> tuple[dict[str, str], bytes] | None:
        """Headers and body of the next request; None at the end."""
        data = self._rest
        while (end := data.find(b"\r\n\r\n")) < 0:
            if not (more := self._stream.recv(_READ)):
                return None
            data += more
        self.line, *lines = data[:end].decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        end += 4
        length = end + int(headers.get("content-length", 0))
        while len(data) < length:
            if not (more := self._stream.recv(_READ)):
                return None
            data += more
        self._rest = data[length:]
        self.count += 1
        return headers, data[end:length]

    def send(self, data: bytes) -> None:
        """Send these bytes."""
        self._stream.sendall(data)

    def wait_for_end(self) -> None:
        """Wait until the other side closes."""
        while self._stream.recv(_READ):
            pass

    def close(self) -> None:
        """Close it in order."""
        self._stream.close()

    def close_half(self) -> None:
        """Say that nothing more will be sent, and continue to read."""
        self._stream.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break it."""
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROPPED)
        self._stream.close()

    def end(self) -> None:
        """Close it from another thread."""
        with suppress(OSError):  # it may be closed already
            self._stream.shutdown(socket.SHUT_RDWR)


class WireServer:
    """Reads requests, each connection in a thread of its own, and remembers them; ``respond`` answers each.

    Args:
        tls: Speak TLS.
        at_accept: What to do with a connection before anything is read.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, at_accept: Callable[[Connection], None] | None = None) -> None:
        self.seen: list[Seen] = []
        self.connections: list[Connection] = []
        self.most_open = 0
        self.stopping = threading.Event()
        self._tls = tls
        self._at_accept = at_accept
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._listen(0)

    def respond(self, connection: Connection, seen: Seen) -> None:
        """Answer a request; called in the thread of its connection."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """The number of connections that are open."""
        return sum(not connection.closed.is_set() for connection in self.connections)

    def operations(self) -> list[str]:
        """The operations of all requests, in order."""
        return [seen.operation for seen in self.seen]

    def wait_until(self, holds: Callable[[], bool], seconds: float = _JOIN) -> None:
        """Wait until this holds; asked whenever a request or a connection comes or goes.

        Raises:
            AssertionError: It does not within these seconds.
        """
        with self._changed:
            if not self._changed.wait_for(holds, seconds):
                raise AssertionError(f"not within {seconds} s; seen: {self.operations()}")

    def restart(self) -> None:
        """Stop, and listen on the same port as a new process would: all connections are gone."""
        self.stop()
        self.stopping.clear()
        self._listen(self.port)

    def stop(self) -> None:
        """Close all connections, and stop listening.

        Raises:
            AssertionError: ``respond`` does not return.
        """
        self.stopping.set()
        with suppress(OSError):  # it may be stopped already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            connection.end()
        for thread in self._threads:
            thread.join(_JOIN)
            if thread.is_alive():
                raise AssertionError("a response does not end")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                connection = Connection(len(self.connections) + 1, stream)
                self.connections.append(connection)
                self.most_open = max(self.most_open, self.open)
                self._changed.notify_all()
            if self.stopping.is_set():
                connection.end()  # what stops the server may not have seen it
            self._start(self._talk, connection)

    def _talk(self, connection: Connection) -> None:
        try:
            if self._at_accept is not None:
                self._at_accept(connection)
            if self._tls is not None:
                connection.secure(self._tls)
            while (request := connection.read()) is not None:
                self.respond(connection, self._remember(connection, *request))
        except OSError:
            pass  # the client went, or the response closed the connection
        finally:
            connection.close()
            with self._changed:
                connection.closed.set()
                self._changed.notify_all()

    def _remember(self, connection: Connection, headers: dict[str, str], body: bytes) -> Seen:
        with self._changed:
            seen = Seen(len(self.seen) + 1, connection.number, headers, body, connection.line)
            self.seen.append(seen)
            self._changed.notify_all()
        return seen
