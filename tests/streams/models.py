"""Models of the tests of streams, and events about their items."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydynox import Attr, Encrypted, Model, field, partition_key, sort_key, ttl


class Order(Model[str, int], table="orders"):
    """A model that has its table to itself."""

    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    total: Attr[int] = field(default=0)
    tags: Attr[set[str]] = field(default_factory=set)
    note: Attr[str | None] = field(default=None, attribute_name="n")
    expires: Attr[datetime | None] = ttl(default=None)


class Entity(Model[str, str], table="app"):
    """The table of several entities."""

    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()


class Customer(Entity, entity="customer"):
    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}")
    sk: Attr[str] = sort_key(template="PROFILE")
    customer_id: Attr[str]
    name: Attr[str] = field(default="")


class Invoice(Entity, entity="invoice"):
    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}")
    sk: Attr[str] = sort_key(template="INVOICE#{number:06d}")
    customer_id: Attr[str]
    number: Attr[int]


class Payment(Entity, entity="payment"):
    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}")
    sk: Attr[str] = sort_key(template="PAYMENT#{number}")
    customer_id: Attr[str]
    number: Attr[int]


class Patient(Model[str], table="patients"):
    patient_id: Attr[str] = partition_key()
    secret: Encrypted[str]
    visits: Attr[int] = field(default=0)


Image = Mapping[str, Any] | Model[Any, Any] | None


def item_of(image: Image) -> dict[str, Any] | None:
    """An image in DynamoDB's JSON."""
    return image.model_to_item() if isinstance(image, Model) else None if image is None else dict(image)


def record(
    number: int,
    new: Image = None,
    old: Image = None,
    *,
    table: str = "orders",
    keys: Mapping[str, Any] | None = None,
    names: tuple[str, ...] = ("customer", "number"),
    **members: Any,
) -> dict[str, Any]:
    """A record of DynamoDB Streams, as Lambda passes it."""
    images = {"NewImage": item_of(new), "OldImage": item_of(old)}
    images = {name: image for name, image in images.items() if image is not None}
    known = keys or {name: value for name, value in next(iter(images.values())).items() if name in names}
    name = "MODIFY" if len(images) == 2 else "INSERT" if "NewImage" in images else "REMOVE"
    return {
        "eventID": f"e{number}",
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1764460800 + number,
            "Keys": known,
            **images,
            "SequenceNumber": f"{number:021d}",
            "SizeBytes": 59,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:123456789012:table/{table}/stream/2026-11-30T00:00:00.000",
        **members,
    }


def kinesis(number: int, change: dict[str, Any]) -> dict[str, Any]:
    """The same change as a record of a Kinesis data stream."""
    inner = {name: value for name, value in change.items() if name not in ("eventSourceARN", "eventVersion")}
    inner["dynamodb"] = {name: value for name, value in change["dynamodb"].items() if name != "SequenceNumber"}
    inner["dynamodb"]["ApproximateCreationDateTime"] *= 1000
    inner["tableName"] = change["eventSourceARN"].split("/")[1]
    data = base64.b64encode(json.dumps(inner).encode()).decode()
    return {
        "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "p", "sequenceNumber": f"{number:056d}", "data": data},
        "eventSource": "aws:kinesis",
        "eventID": f"shardId-000000000006:{number:056d}",
        "eventName": "aws:kinesis:record",
        "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/changes",
    }


def of_pipe(change: dict[str, Any]) -> dict[str, Any]:
    """A record of Kinesis as EventBridge Pipes passes it: without a level."""
    return {**{name: value for name, value in change.items() if name != "kinesis"}, **change["kinesis"]}


def message(number: int, body: Any) -> dict[str, Any]:
    """A message of SQS, as Lambda passes it."""
    return {
        "messageId": f"m{number}",
        "receiptHandle": "r",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:changes",
    }


def failed_batch(kind: str = "DDBStreamBatchInfo") -> dict[str, Any]:
    """What Lambda sends to a failure destination of a stream."""
    return {
        "requestContext": {"requestId": "q", "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        kind: {
            "shardId": "shardId-00000001573689847184-864758bb",
            "startSequenceNumber": "800000000003126276362",
            "endSequenceNumber": "800000000003126276399",
            "batchSize": 2,
            "streamArn": "arn:aws:dynamodb:us-east-2:123456789012:table/orders/stream/2019-11-14T00:04:06.388",
        },
    }


#: Every way in which the same changes arrive: what makes an event of them.
ENVELOPES: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "lambda": lambda changes: {"Records": changes},
    "text": lambda changes: json.dumps({"Records": changes}),
    "bytes": lambda changes: json.dumps({"Records": changes}).encode(),
    "pipe": lambda changes: changes,
    "kinesis": lambda changes: {"Records": [kinesis(number, one) for number, one in enumerate(changes)]},
    "pipe of kinesis": lambda changes: [of_pipe(kinesis(number, one)) for number, one in enumerate(changes)],
    "get records": lambda changes: {"NextShardIterator": "i", "Records": changes},
    "lines": lambda changes: "\n".join(map(json.dumps, changes)),
}
