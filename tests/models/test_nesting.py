"""What nests deeper than a stack: expressions, statements and bodies that would end the process are refused as DynamoDB does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from pydynox import DynamoDBClient
from pydynox.exceptions import ConditionFailedError, InvalidRequestError, PydynoxError

REDUNDANT = "The expression has redundant parentheses;"
OPERATORS = "The expression contains too many operators; operator count: 301"
SYNTAX = "Syntax error; token:"
SIZE = "Expression size has exceeded the maximum allowed size"

CONDITIONS = {
    "(" * 2000: SYNTAX,
    "(" * 4096: SYNTAX,
    "(" * 1500 + "a = :v" + ")" * 1500: REDUNDANT,
    "((a = :v))": REDUNDANT,
    "a = :v AND ((a = :v) )": REDUNDANT,
    "NOT " * 1000 + "a = :v": OPERATORS,
    "NOT (" * 600 + "a = :v" + ")" * 600: OPERATORS,
    "size(" * 800: OPERATORS,
    " AND ".join(["a=:v"] * 151): OPERATORS,
    "(" * 4097: SIZE,
    " OR ".join(["a = :v"] * 500): SIZE,
}
TABLE: dict[str, Any] = {
    "TableName": "things",
    "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
KEY: dict[str, Any] = {"TableName": "things", "Key": {"a": {"S": "k"}}}
VALUES: dict[str, Any] = {"ExpressionAttributeValues": {":v": {"S": "k"}}}


def conditional(text: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Every request that takes a condition, by the name of what its refusal is about and where it stands."""
    guarded = {**KEY, "ConditionExpression": text, **VALUES}
    item = {"TableName": "things", "Item": {"a": {"S": "k"}}, "ConditionExpression": text, **VALUES}
    update = {**guarded, "UpdateExpression": "SET b = :v"}
    return {
        "ConditionExpression put": ("PutItem", item),
        "ConditionExpression update": ("UpdateItem", update),
        "ConditionExpression delete": ("DeleteItem", guarded),
        "ConditionExpression transact put": ("TransactWriteItems", {"TransactItems": [{"Put": item}]}),
        "ConditionExpression transact update": ("TransactWriteItems", {"TransactItems": [{"Update": update}]}),
        "ConditionExpression transact delete": ("TransactWriteItems", {"TransactItems": [{"Delete": guarded}]}),
        "ConditionExpression transact check": ("TransactWriteItems", {"TransactItems": [{"ConditionCheck": guarded}]}),
        "FilterExpression scan": ("Scan", {"TableName": "things", "FilterExpression": text, **VALUES}),
        "FilterExpression query": (
            "Query",
            {"TableName": "things", "KeyConditionExpression": "a = :v", "FilterExpression": text, **VALUES},
        ),
        "KeyConditionExpression query": ("Query", {"TableName": "things", "KeyConditionExpression": text, **VALUES}),
    }


@pytest.fixture
def engine() -> DynamoDBClient:
    client = DynamoDBClient(endpoint_url="memory://")
    client.sync.call("CreateTable", **TABLE)
    return client


@pytest.mark.parametrize(("text", "words"), CONDITIONS.items(), ids=lambda value: str(value)[:24])
def test_an_expression_is_refused_in_the_words_of_the_service(engine, drive, text, words):
    for name, (operation, members) in conditional(text).items():
        with pytest.raises(InvalidRequestError) as refused:
            drive(engine.call(operation, **members))

        said = str(refused.value)
        if words is SYNTAX and name.startswith("Key"):
            continue  # the engine's own words, which differ there
        assert f"Invalid {name.split()[0]}: {words}" in said, (name, said)


@pytest.mark.parametrize(
    "text",
    [
        " AND ".join(["a=:v"] * 150),
        "(" + "a=:v AND (" * 149 + "a=:v" + ")" * 150,
        "NOT (" * 299 + "a=:v" + ")" * 299,
        "a BETWEEN :v AND :v AND (a = :v OR (NOT a = :v))",
    ],
    ids=lambda text: text[:24],
)
def test_what_the_service_takes_is_taken(engine, drive, text):
    engine.sync.put_item("things", {"a": "k"})

    drive(engine.call("Scan", TableName="things", FilterExpression=text, **VALUES))
    try:
        drive(engine.call("DeleteItem", **KEY, ConditionExpression=text, **VALUES))
    except ConditionFailedError:
        assert text.startswith("NOT"), "an odd number of them"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SET b = " + "(" * 2000, SYNTAX),
        ("SET b = " + "(" * 1000 + ":v" + ")" * 1000, REDUNDANT),
        ("SET b = " + "list_append(" * 320 + ":v", OPERATORS),
        ("SET b = " + "if_not_exists(a," * 250 + ":v", SYNTAX),
        ("SET b = " + "+".join([":v"] * 302), OPERATORS),
    ],
    ids=lambda text: str(text)[:24],
)
def test_an_update_is_refused_likewise(engine, drive, text, words):
    update = {**KEY, "UpdateExpression": text, **VALUES}
    for operation, members in (("UpdateItem", update), ("TransactWriteItems", {"TransactItems": [{"Update": update}]})):
        with pytest.raises(InvalidRequestError) as refused:
            drive(engine.call(operation, **members))

        assert f"Invalid UpdateExpression: {words}" in str(refused.value)


STATEMENTS = [
    "SELECT * FROM things WHERE " + "(" * 4000,
    "SELECT * FROM things WHERE " + "(" * 2000 + "a = 'x'" + ")" * 2000,
    "SELECT * FROM things WHERE " + "NOT " * 2000 + "a = 'x'",
    "SELECT * FROM things WHERE a = " + "[" * 4000,
    "SELECT * FROM things WHERE a = " + "<<" * 2000,
    "INSERT INTO things VALUE {'a': " + "{'b': " * 1000,
    "UPDATE things SET b = " + "[" * 3000 + " WHERE a = 'x'",
    "SELECT * FROM things WHERE a = " + "CASE WHEN " * 700,
    "SELECT * FROM things WHERE " + "size(" * 1500,
    "EXISTS(" * 1000,
    "(" * 8000,
]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda text: text[:40])
def test_a_statement_is_refused_alone_in_a_batch_and_in_a_transaction(engine, drive, statement):
    with pytest.raises(PydynoxError):
        drive(engine.call("ExecuteStatement", Statement=statement))
    answer = drive(engine.call("BatchExecuteStatement", Statements=[{"Statement": statement}]))
    assert "Error" in answer["Responses"][0]
    with pytest.raises(PydynoxError):
        drive(engine.call("ExecuteTransaction", TransactStatements=[{"Statement": statement}]))

    assert drive(engine.call("ListTables"))["TableNames"] == ["things"], "the engine goes on"


SMALL = """
import http.client, json, random, sys, threading
from pydynox import DynamoDBClient
from pydynox.exceptions import PydynoxError
from pydynox.local import LocalServer

sys.path.insert(0, sys.argv[1])
from tests.models.test_nesting import CONDITIONS, STATEMENTS, TABLE, conditional

PARTS = ["(", "(", "(", ")", "NOT ", "NOT (", "a = :v", " AND ", " OR ", "size(", "a IN (", "[", "]", ".a", "a", ",", ":v", "+", "{", "<<", "\\u00e9"]
WORDS = ["SET a = ", "REMOVE ", "list_append(", "if_not_exists(a, ", "attribute_exists(", "CASE WHEN ", "a BETWEEN ", "'x'"]


def texts(rng):
    for _ in range(150):
        few = rng.sample(PARTS + WORDS, rng.randint(1, 4))
        text = "".join(rng.choice(few) for _ in range(rng.choice([30, 300, 3000])))
        yield text[: rng.choice([200, 4096, 8000])]


def value(depth):
    return '{"L":[' * depth + '{"S":"x"}' + "]}" * depth


def work():
    client = DynamoDBClient(endpoint_url="memory://shared")
    client.sync.call("CreateTable", **TABLE)
    rng = random.Random(7)
    count = 0

    def ask(operation, members):
        nonlocal count
        count += 1
        try:
            client.sync.call(operation, **members)
        except PydynoxError:
            pass

    for text in [*CONDITIONS, *texts(rng)]:
        for operation, members in conditional(text).values():
            ask(operation, members)
        for projection in ("GetItem", {"Key": {"a": {"S": "k"}}}), ("Scan", {}):
            ask(projection[0], {"TableName": "things", "ProjectionExpression": text, **projection[1]})
        ask("UpdateItem", {"TableName": "things", "Key": {"a": {"S": "k"}}, "UpdateExpression": text})
        ask("UpdateItem", {"TableName": "things", "Key": {"a": {"S": "k"}}, "UpdateExpression": "SET b = " + text})
    for text in [*STATEMENTS, *texts(rng)]:
        for statement in (text, "SELECT * FROM things WHERE " + text, "UPDATE things SET b = " + text + " WHERE a = 'x'"):
            ask("ExecuteStatement", {"Statement": statement})
    with LocalServer(endpoint_url="memory://shared") as server:
        for depth in (1, 15, 31, 32, 60, 61, 64, 200, 20000):
            for body in (
                '{"TableName":"things","Item":{"a":{"S":"k"},"v":' + value(depth) + '}}',
                '{"TableName":"things","Item":' + "[" * depth + "}",
                "[" * depth,
                '{"x":' * depth,
            ):
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
                connection.request("POST", "/", body, {"X-Amz-Target": "DynamoDB_20120810.PutItem"})
                answer = connection.getresponse()
                assert answer.status == (200 if depth < 32 and '"v"' in body else 400), (depth, body[:60], answer.read())
                connection.close()
                count += 1
    print(count, client.sync.call("ListTables")["TableNames"])


threading.stack_size(128 * 1024)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.thorough
def test_random_nestings_in_a_thread_with_a_small_stack_leave_the_process_alive(request):
    done = subprocess.run(
        [sys.executable, "-c", SMALL, str(request.config.rootpath)], capture_output=True, text=True, timeout=300, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("['things']\n")
    assert json.loads(done.stdout.split()[0]) > 1000
