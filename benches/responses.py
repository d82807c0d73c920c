"""The null server's answers: a complete HTTP response per operation, as the service would send it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from data import SCANNED, TABLE, compact, item

if TYPE_CHECKING:
    import pathlib

PAGE = 100  # items in a Query and a BatchGetItem
DATE = "Mon, 23 Nov 2026 00:00:00 GMT"
REQUEST_ID = "BENCH0000000000000000000000000000000000000000000000Q"  # 52 characters, like the service's


def response(body: bytes, status: str = "200 OK") -> bytes:
    """The head and the body."""
    head = (
        f"HTTP/1.1 {status}",
        "Server: Server",
        f"Date: {DATE}",
        "Content-Type: application/x-amz-json-1.0",
        f"Content-Length: {len(body)}",
        "Connection: keep-alive",
        f"x-amzn-RequestId: {REQUEST_ID}",
        f"x-amz-crc32: {zlib.crc32(body)}",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def bodies() -> dict[str, Any]:
    """The answer to each operation."""
    items = [item(number) for number in range(PAGE)]
    page = {"Items": items, "Count": PAGE, "ScannedCount": PAGE}
    return {
        "GetItem": {"Item": item(1)},
        "PutItem": {},
        "UpdateItem": {},
        "DeleteItem": {},
        "Query": page,
        "Scan": {"Items": [item(number) for number in range(SCANNED)], "Count": SCANNED, "ScannedCount": SCANNED},
        "BatchGetItem": {"Responses": {TABLE: items}, "UnprocessedKeys": {}},
        "BatchWriteItem": {"UnprocessedItems": {}},
        "TransactWriteItems": {},
    }


def write_responses(folder: pathlib.Path, others: dict[str, Any]) -> None:
    """One file per operation, named as ``null_dynamodb.c`` expects them; `others` replace the default answers."""
    for operation, body in (bodies() | others).items():
        (folder / f"{operation}.http").write_bytes(response(compact(body)))
    refusal = {"__type": "com.amazon.coral.service#UnknownOperationException", "message": ""}
    (folder / "UnknownOperation.http").write_bytes(response(compact(refusal), "400 Bad Request"))
