"""The floor: a blocking Python socket that sends a prepared request and reads until the answer is complete."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from data import ACCESS_KEY_ID, REGION, SORT_KEY, TABLE, compact, item, partition_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def request(host: str, operation: str, body: bytes) -> bytes:
    """A request as long as a signed one; the null server doesn't check signatures."""
    scope = f"{ACCESS_KEY_ID}/20261123/{REGION}/dynamodb/aws4_request"
    signed = "content-type;host;x-amz-date;x-amz-target"
    head = (
        "POST / HTTP/1.1",
        f"host: {host}",
        "content-type: application/x-amz-json-1.0",
        f"x-amz-target: DynamoDB_20120810.{operation}",
        "x-amz-date: 20261123T000000Z",
        f"authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={'0' * 64}",
        "user-agent: pydynox/0.1.0",
        f"content-length: {len(body)}",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def exchange(connection: socket.socket, sent: bytes) -> bytes:
    """Send, and read one complete answer."""
    connection.sendall(sent)
    answer = connection.recv(65536)
    while (end := answer.find(b"\r\n\r\n")) < 0:
        answer += connection.recv(65536)
    start = answer.index(b"Content-Length: ", 0, end) + len("Content-Length: ")
    whole = end + 4 + int(answer[start : answer.index(b"\r\n", start)])
    while len(answer) < whole:
        answer += connection.recv(65536)
    return answer


@contextmanager
def connected_sync(url: str) -> Iterator[dict[str, Callable[[int], Any]]]:
    """The blocking calls."""
    address = urlsplit(url)
    key = {"pk": {"S": partition_key(1)}, "sk": {"S": SORT_KEY}}
    condition = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": partition_key(1)}}}
    get = request(address.netloc, "GetItem", compact({"TableName": TABLE, "Key": key}))
    put = request(address.netloc, "PutItem", compact({"TableName": TABLE, "Item": item(1)}))
    query = request(address.netloc, "Query", compact({"TableName": TABLE, **condition}))
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield {
            "get": lambda _: exchange(connection, get),
            "put": lambda _: exchange(connection, put),
            "query": lambda _: exchange(connection, query),
        }
