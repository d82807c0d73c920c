"""What stands in place of a nested object or list of a request: the local server refuses it, in every operation, and does nothing."""

from __future__ import annotations

import copy
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydynox.local import LocalServer

KEY = {"c": {"S": "c1"}, "n": {"N": "1"}}
ITEM = {**KEY, "m": {"M": {"a": {"L": [{"S": "x"}, {"M": {"b": {"BOOL": True}}}]}}}, "s": {"SS": ["x", "y"]}}
KEY_SCHEMA = [{"AttributeName": "c", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}]
TABLE = {
    "TableName": "orders",
    "AttributeDefinitions": [{"AttributeName": "c", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}],
    "KeySchema": KEY_SCHEMA,
    "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
}
BY_N = {
    "IndexName": "by_n",
    "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["total"]},
}
THROUGHPUT = {"ProvisionedThroughput": {"ReadCapacityUnits": 2, "WriteCapacityUnits": 2}}
NAMED = {"ExpressionAttributeNames": {"#t": "total"}}
CONDITION = {**NAMED, "ConditionExpression": "#t <> :t", "ExpressionAttributeValues": {":t": {"N": "7"}}}
FILTER = {**NAMED, "FilterExpression": "#t <> :t", "ExpressionAttributeValues": {":t": {"N": "7"}}}
OF = {"TableName": "orders"}
OLD_CONDITION = {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "c1"}]}

#: By operation: requests that are answered as they are.
REQUESTS: dict[str, list[dict[str, Any]]] = {
    "CreateTable": [
        {
            **TABLE,
            "TableName": "other",
            "GlobalSecondaryIndexes": [{**BY_N, **THROUGHPUT}],
            "LocalSecondaryIndexes": [{"IndexName": "again", "KeySchema": KEY_SCHEMA, "Projection": {"ProjectionType": "ALL"}}],
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            "SSESpecification": {"Enabled": True},
            "Tags": [{"Key": "a", "Value": "b"}],
        }
    ],
    "UpdateTable": [
        {**OF, **THROUGHPUT},
        {**OF, "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}},
        {
            **OF,
            "AttributeDefinitions": TABLE["AttributeDefinitions"],
            "GlobalSecondaryIndexUpdates": [{"Create": {**BY_N, **THROUGHPUT}}],
        },
    ],
    "UpdateTimeToLive": [{**OF, "TimeToLiveSpecification": {"AttributeName": "ends", "Enabled": True}}],
    "GetItem": [{**OF, "Key": KEY, "ProjectionExpression": "#t", **NAMED}, {**OF, "Key": KEY, "AttributesToGet": ["total"]}],
    "PutItem": [
        {**OF, "Item": ITEM, **CONDITION},
        {**OF, "Item": ITEM, "Expected": {"total": {"Exists": False}}},
        {**OF, "Item": ITEM, "Expected": {"c": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "c1"}]}}},
        {**OF, "Item": ITEM, "Expected": {"c": {"Value": {"S": "c1"}}}},
    ],
    "UpdateItem": [
        {**OF, "Key": KEY, "UpdateExpression": "SET #t = :t", **NAMED, "ExpressionAttributeValues": {":t": {"N": "7"}}},
        {**OF, "Key": KEY, "AttributeUpdates": {"total": {"Action": "PUT", "Value": {"N": "7"}}}},
    ],
    "DeleteItem": [{**OF, "Key": KEY, **CONDITION}],
    "Query": [
        {**OF, **FILTER, "KeyConditionExpression": "c = :c", "ExpressionAttributeValues": {":c": {"S": "c1"}, ":t": {"N": "7"}}},
        {**OF, "KeyConditions": {"c": OLD_CONDITION}, "QueryFilter": {"m": {"ComparisonOperator": "NOT_NULL"}}},
        {**OF, "KeyConditions": {"c": OLD_CONDITION}, "QueryFilter": {"total": OLD_CONDITION}, "ExclusiveStartKey": KEY},
    ],
    "Scan": [
        {**OF, **FILTER, "ExclusiveStartKey": KEY},
        {**OF, "ScanFilter": {"total": OLD_CONDITION}},
        {**OF, "AttributesToGet": ["m"]},
    ],
    "BatchGetItem": [{"RequestItems": {"orders": {"Keys": [KEY], "ProjectionExpression": "#t", **NAMED}}}],
    "BatchWriteItem": [
        {"RequestItems": {"orders": [{"PutRequest": {"Item": ITEM}}, {"DeleteRequest": {"Key": {**KEY, "n": {"N": "9"}}}}]}}
    ],
    "TransactGetItems": [{"TransactItems": [{"Get": {**OF, "Key": KEY, "ProjectionExpression": "#t", **NAMED}}]}],
    "TransactWriteItems": [
        {
            "TransactItems": [
                {"Put": {**OF, "Item": ITEM, **CONDITION}},
                {
                    "Update": {
                        **OF,
                        "Key": {**KEY, "n": {"N": "2"}},
                        "UpdateExpression": "SET #t = :t",
                        **NAMED,
                        "ExpressionAttributeValues": {":t": {"N": "7"}},
                    }
                },
                {"Delete": {**OF, "Key": {**KEY, "n": {"N": "3"}}, **CONDITION}},
                {"ConditionCheck": {**OF, "Key": {**KEY, "n": {"N": "4"}}, **CONDITION}},
            ]
        }
    ],
    "ExecuteStatement": [
        {"Statement": "SELECT * FROM orders WHERE c = ? AND m = ?", "Parameters": [{"S": "c1"}, ITEM["m"]]},
    ],
    "BatchExecuteStatement": [
        {"Statements": [{"Statement": "SELECT * FROM orders WHERE c = ? AND n = ?", "Parameters": [{"S": "c1"}, {"N": "1"}]}]}
    ],
    "ExecuteTransaction": [
        {
            "TransactStatements": [
                {"Statement": "SELECT * FROM orders WHERE c = ? AND n = ?", "Parameters": [{"S": "c1"}, {"N": "1"}]}
            ]
        }
    ],
    "TagResource": [
        {"ResourceArn": "arn:aws:dynamodb:us-east-1:000000000000:table/orders", "Tags": [{"Key": "a", "Value": "b"}]}
    ],
    "UntagResource": [{"ResourceArn": "arn:aws:dynamodb:us-east-1:000000000000:table/orders", "TagKeys": ["a"]}],
}


class Guest:
    def __init__(self, server: LocalServer) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        self.send("CreateTable", TABLE)
        self.send("PutItem", {**OF, "Item": ITEM})

    def send(self, operation: str, body: Any) -> tuple[int, Any]:
        self._connection.request("POST", "/", json.dumps(body), {"X-Amz-Target": f"DynamoDB_20120810.{operation}"})
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def state(self) -> Any:
        """Everything that requests may change."""
        table = self.send("DescribeTable", OF)[1]["Table"]
        table.pop("CreationDateTime")
        return (
            self.send("ListTables", {}),
            self.send("Scan", OF),
            table,
            self.send("DescribeTimeToLive", OF),
            self.send("ListTagsOfResource", {"ResourceArn": table["TableArn"]}),
        )

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def guest() -> Iterator[Guest]:
    with LocalServer() as server:
        guest = Guest(server)
        yield guest
        guest.close()


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where an object or a list stands inside of a body."""
    if path:
        yield path
    for step, value in body.items() if isinstance(body, dict) else enumerate(body):
        if isinstance(value, dict | list):
            yield from places(value, (*path, step))


def changed(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made: Any = copy.deepcopy(body)
    at = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return made  # type: ignore[no-any-return]


def at(body: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        body = body[step]
    return body


EACH = [(operation, number) for operation, bodies in REQUESTS.items() for number in range(len(bodies))]


@pytest.mark.parametrize(("operation", "number"), EACH)
def test_the_requests_are_answered_as_they_are(guest: Guest, operation: str, number: int) -> None:
    assert guest.send(operation, REQUESTS[operation][number])[0] == 200


@pytest.mark.parametrize(("operation", "number"), EACH)
def test_what_stands_in_place_of_an_object_or_a_list_is_refused_and_nothing_is_done(
    guest: Guest, operation: str, number: int
) -> None:
    body = REQUESTS[operation][number]
    before = guest.state()
    taken = []

    for path in places(body):
        stands = at(body, path)
        wrong: list[Any] = ["x", 1, True]
        if isinstance(stands, dict):
            # The members of an object by their order, which decoders may take for it.
            wrong += [[], list(stands.values()), [None], [stands]]
        else:
            wrong += [{}, {"a": stands[0]}, [[stands[0]]]]
        for value in wrong:
            status, answer = guest.send(operation, changed(body, path, value))
            code = answer.get("__type", "").partition("#")[2]
            if (status, code) not in ((400, "SerializationException"), (400, "ValidationException")):
                taken.append((path, value, status, answer))

    assert taken == []
    assert guest.state() == before


@pytest.mark.parametrize(("operation", "number"), EACH)
def test_null_in_place_of_one_is_nothing_or_refused(guest: Guest, operation: str, number: int) -> None:
    body = REQUESTS[operation][number]
    odd = []

    for path in places(body):
        status, answer = guest.send(operation, changed(body, path, None))
        if status == 200:
            continue  # as if it were not there
        code = answer["__type"].partition("#")[2]
        # Without its names an operation of a transaction is refused as one of it.
        if code == "TransactionCanceledException" and "ValidationError" in repr(answer):
            continue
        if status != 400 or code not in ("SerializationException", "ValidationException", "ResourceInUseException"):
            odd.append((path, status, answer))

    assert odd == []
    assert guest.send("ListTables", {})[0] == 200
