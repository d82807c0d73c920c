"""What decoding an event of a stream costs: 10,000 records of 400 bytes into instances, next to `orjson.loads` of the same bytes.

    python benches/stream_records.py

CPU time of one thread; the smallest of several rounds that take turns. The bound to keep is 3 times `orjson.loads`.
"""

from __future__ import annotations

import gc
import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS = 10_000
BYTES = 400


def event_of(records: int = RECORDS) -> bytes:
    """An event of Lambda whose records have 400 bytes each: a changed item, with its key and its new image."""
    all_records = []
    for number in range(records):
        key = {"customer": {"S": f"c{number % 500:04d}"}, "number": {"N": str(number)}}
        record = {
            "eventID": f"{number:08x}",
            "eventName": "MODIFY",
            "eventSource": "aws:dynamodb",
            "dynamodb": {
                "ApproximateCreationDateTime": 1764460800,
                "Keys": key,
                "NewImage": {**key, "total": {"N": "4200"}, "note": {"S": ""}},
                "SequenceNumber": f"{number:021d}",
            },
            "eventSourceARN": "arn:aws:dynamodb:eu-west-1:1:table/orders/stream/x",
        }
        missing = BYTES - len(json.dumps(record, separators=(",", ":")))
        assert missing > 0, missing
        record["dynamodb"]["NewImage"]["note"] = {"S": "x" * missing}  # type: ignore[index]
        all_records.append(record)
    return json.dumps({"Records": all_records}, separators=(",", ":")).encode()


def cpu_of(call: Callable[[], object]) -> float:
    """CPU seconds of a call; what it returns is freed afterwards."""
    gc.collect()
    gc.disable()
    begin = time.thread_time()
    result = call()
    took = time.thread_time() - begin
    gc.enable()
    del result
    return took


def measure(rounds: int = 9, records: int = RECORDS) -> dict[str, float]:
    """The smallest CPU seconds of each way."""
    import orjson
    from pydynox import Attr, DynamoDBClient, Model, partition_key, sort_key, streams

    class Order(Model[str, int], table="orders"):
        customer: Attr[str] = partition_key()
        number: Attr[int] = sort_key()
        total: Attr[int]
        note: Attr[str]

    client = DynamoDBClient(endpoint_url="memory://")
    event = event_of(records)
    parsed: Any = orjson.loads(event)
    assert len(streams.decode(event, Order, client=client)) == records
    ways: dict[str, Callable[[], object]] = {
        "orjson.loads of the bytes": lambda: orjson.loads(event),
        "json.loads of the bytes": lambda: json.loads(event),
        "streams.decode of the bytes": lambda: streams.decode(event, Order, client=client),
        "streams.decode of the dictionary": lambda: streams.decode(parsed, Order, client=client),
        "Order.model_from_item of each image": lambda: [
            Order.model_from_item(record["dynamodb"]["NewImage"]) for record in parsed["Records"]
        ],
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, call in ways.items():
            best[name] = min(best[name], cpu_of(call))
    return best


def main() -> None:
    """Print the table."""
    best = measure()
    base = best["orjson.loads of the bytes"]
    print(f"| {RECORDS:,} records of {BYTES} bytes | CPU ms | of orjson.loads |")
    print("|---|---|---|")
    for name, seconds in best.items():
        print(f"| {name} | {seconds * 1000:.1f} | {seconds / base:.2f} |")


if __name__ == "__main__":
    main()
