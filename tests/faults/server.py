"""A server on 127.0.0.1 that does with each request what its script says, and remembers what it saw."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

DROPPED = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends a reset


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
        return self.line.split(" ")[1]

    @property
    def operation(self) -> str:
        return self.headers.get("x-amz-target", "").rpartition(".")[2]

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """The server's end of a connection."""

    def __init__(self, number: int, stream: socket.socket) -> None:
        self.number = number
        self.closed = threading.Event()
        self.line = ""
        """The first line of the request that was read last."""
        self._stream = stream
        self._rest = b""

    def secure(self, tls: ssl.SSLContext) -> None:
        self._stream = tls.wrap_socket(self._stream, server_side=True)

    def read(self) -> tuple[dict[str, str], bytes] | None:
        """Headers and body of the next request; None at the end."""
        data = self._rest
        while (end := data.find(b"\r\n\r\n")) < 0:
            if not (more := self._stream.recv(1 << 16)):
                return None
            data += more
        self.line, *lines = data[:end].decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        end += 4
        length = end + int(headers.get("content-length", 0))
        while len(data) < length:
            if not (more := self._stream.recv(1 << 16)):
                return None
            data += more
        self._rest = data[length:]
        return headers, data[end:length]

    def send(self, data: bytes) -> None:
        self._stream.sendall(data)

    def wait_for_end(self) -> None:
        """Until the other side closes."""
        while self._stream.recv(1 << 16):
            pass

    def close(self) -> None:
        self._stream.close()

    def reset(self) -> None:
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, DROPPED)
        self._stream.close()

    def end(self) -> None:
        """Close it from another thread."""
        try:
            self._stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is closed already


Deed = Callable[[Connection, Seen], None]


class FaultServer:
    """Does one deed of its script per request, and the last one from then on.

    Args:
        deeds: What to do; see `deeds.py`.
        tls: Speak TLS.
        at_accept: What to do with a connection before anything is read.
    """

    def __init__(
        self, *deeds: Deed, tls: ssl.SSLContext | None = None, at_accept: Callable[[Connection], None] | None = None
    ) -> None:
        self.deeds = deeds
        self.seen: list[Seen] = []
        self.connections: list[Connection] = []
        self.most_open = 0
        self._tls = tls
        self._at_accept = at_accept
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._listen(0)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        return sum(not connection.closed.is_set() for connection in self.connections)

    def operations(self) -> list[str]:
        return [seen.operation for seen in self.seen]

    def wait_until(self, holds: Callable[[], bool], seconds: float = 5) -> None:
        """Until this holds; searched whenever a request or a connection comes or goes."""
        with self._changed:
            assert self._changed.wait_for(holds, seconds), f"not within {seconds} s; seen: {self.operations()}"

    def restart(self) -> None:
        """As a new process on the same port: all connections are gone."""
        self.stop()
        self._listen(self.port)

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            connection.end()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive(), "a deed does not end"

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
            self._start(self._talk, connection)

    def _talk(self, connection: Connection) -> None:
        try:
            if self._at_accept is not None:
                self._at_accept(connection)
            if self._tls is not None:
                connection.secure(self._tls)
            while (request := connection.read()) is not None:
                deed, seen = self._next(connection, *request)
                deed(connection, seen)
        except OSError:
            pass  # the client went, or the deed closed the connection
        finally:
            connection.close()
            with self._changed:
                connection.closed.set()
                self._changed.notify_all()

    def _next(self, connection: Connection, headers: dict[str, str], body: bytes) -> tuple[Deed, Seen]:
        with self._changed:
            seen = Seen(len(self.seen) + 1, connection.number, headers, body, connection.line)
            self.seen.append(seen)
            self._changed.notify_all()
        return self.deeds[min(seen.number, len(self.deeds)) - 1], seen
