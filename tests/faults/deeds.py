"""What a fault server may do with a request: answer rightly, wrongly, slowly, in part, or not at all."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Mapping
from typing import Any

from pydynox.testing._wire import passed_on

from .server import Connection, Deed, Seen

JSON = "application/x-amz-json-1.0"


def answer(
    body: bytes | dict[str, Any] = b"{}",
    *,
    status: int = 200,
    kind: str = JSON,
    crc32: str = "right",
    headers: Mapping[str, str] | None = None,
) -> Deed:
    """A whole answer; the checksum is right, wrong or missing."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"content-type": kind, "content-length": str(len(data)), **(headers or {})}
    if crc32 != "missing":
        fields["x-amz-crc32"] = str(zlib.crc32(data) ^ (crc32 == "wrong"))
    head = f"HTTP/1.1 {status} Whatever\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())

    def deed(connection: Connection, seen: Seen) -> None:
        connection.send(f"{head}x-amzn-requestid: R{seen.number}\r\n\r\n".encode() + data)

    return deed


def error(code: str, *, status: int = 400, headers: Mapping[str, str] | None = None, **members: Any) -> Deed:
    """A refusal as the service words it."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "so it is", **members}
    return answer(body, status=status, headers=headers)


def raw(*pieces: bytes, pause: float = 0) -> Deed:
    """These bytes, whatever they are."""

    def deed(connection: Connection, seen: Seen) -> None:
        for piece in pieces:
            connection.send(piece)
            time.sleep(pause)

    return deed


def html(status: int) -> Deed:
    """What a proxy says that cannot reach the service."""
    return answer(b"<html><h1>Bad Gateway</h1></html>", status=status, kind="text/html", crc32="missing")


def truncated(body: dict[str, Any]) -> Deed:
    """The first half of an answer, and the end of the connection."""
    data = json.dumps(body).encode()

    def deed(connection: Connection, seen: Seen) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(data)}\r\nx-amzn-requestid: R{seen.number}\r\n\r\n"
        connection.send(head.encode() + data[: len(data) // 2])
        connection.close()

    return deed


def drip(pause: float) -> Deed:
    """A byte now and then, for ever."""

    def deed(connection: Connection, seen: Seen) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while True:
            connection.send(b" ")
            time.sleep(pause)

    return deed


def reset(connection: Connection, seen: Seen) -> None:
    connection.reset()


def close(connection: Connection, seen: Seen) -> None:
    connection.close()


def silence(connection: Connection, seen: Seen) -> None:
    connection.wait_for_end()


def held(until: threading.Event, deed: Deed) -> Deed:
    """The deed, once the test allows it."""

    def wait(connection: Connection, seen: Seen) -> None:
        assert until.wait(10), "the test never let this go on"
        deed(connection, seen)

    return wait


def then_close(deed: Deed) -> Deed:
    """The deed, after which the connection ends without warning."""

    def both(connection: Connection, seen: Seen) -> None:
        deed(connection, seen)
        connection.close()

    return both


def lost(deed: Deed) -> Deed:
    """The deed is done, and the connection breaks instead of the answer."""

    def instead(connection: Connection, seen: Seen) -> None:
        deed(_Nowhere(), seen)
        connection.reset()

    return instead


class _Nowhere(Connection):
    def __init__(self) -> None:
        pass

    def send(self, data: bytes) -> None:
        pass


def forward(url: str) -> Deed:
    """What the server at this URL answers."""

    def deed(connection: Connection, seen: Seen) -> None:
        served = passed_on(url, seen)
        connection.send(served.head() + served.body)

    return deed
