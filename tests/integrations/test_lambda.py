"""Lambda: async handlers on one loop, within the time that is left, restored from a snapshot, next to Powertools; and SQS."""

from __future__ import annotations

import asyncio
import base64
import contextvars
import json
import os
import subprocess
import sys
import types
from typing import Any

import pydynox._core as _core
import pytest
from pydynox import Attr, Credentials, DynamoDBClient, Encrypted, KmsKeyring, Model, field, partition_key
from pydynox.exceptions import ConfigurationError, RequestTimeoutError, ValidationError
from pydynox.integrations import batch, lambda_
from pydynox.testing import fault, inject

from tests.conftest import Serve
from tests.faults import deeds


class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    count: Attr[int] = field(default=0)


class Context:
    """What Lambda passes besides an event, as far as it is used."""

    function_name, memory_limit_in_mb, aws_request_id = "f", 128, "r"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"

    def __init__(self, milliseconds: int = 60_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@pytest.fixture(autouse=True)
def client() -> Any:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        User.table.sync.create()
        yield client


def test_an_async_handler_is_a_plain_function_on_one_loop() -> None:
    loops: list[Any] = []
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    @lambda_.handler
    async def handle(event: dict[str, Any], _context: Any) -> list[int]:
        loops.append(asyncio.get_running_loop())
        before = variable.get()
        variable.set(event["n"])
        return [event["n"], before]

    assert [handle({"n": 1}, Context()), handle({"n": 2}, None)] == [[1, 0], [2, 0]]
    assert loops[0] is loops[1]
    assert handle.__name__ == "handle"


def test_a_handlers_error_reaches_lambda_and_the_next_event_is_served() -> None:
    @lambda_.handler
    async def handle(event: dict[str, Any], _context: Any) -> str:
        user = await User.get_or_raise(event["user_id"])
        return user.user_id

    with pytest.raises(LookupError):
        handle({"user_id": "u1"}, Context())
    User(user_id="u1").sync.create()

    assert handle({"user_id": "u1"}, Context()) == "u1"


def test_calls_end_with_the_invocation(client: DynamoDBClient) -> None:
    @lambda_.handler(margin=0.05)
    async def handle(_event: Any, _context: Any) -> None:
        await User.get("u1")

    with inject(client, fault("GetItem", "throttle", times=None)), pytest.raises(RequestTimeoutError):
        handle({}, Context(400))


def test_a_handler_that_takes_too_long_is_cancelled_at_the_margin() -> None:
    ended: list[str] = []

    @lambda_.handler(margin=0.05)
    async def handle(_event: Any, _context: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cleaned up")

    with pytest.raises(TimeoutError, match="handle did not end before"):
        handle({}, Context(120))
    assert ended == ["cleaned up"]


def test_a_timeout_of_the_handlers_own_is_not_renamed() -> None:
    @lambda_.handler
    async def handle(_event: Any, _context: Any) -> None:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError) as raised:
        handle({}, Context())
    assert "invocation" not in str(raised.value)


def test_what_is_not_async_or_a_margin_is_refused() -> None:
    with pytest.raises(TypeError, match="async def"):
        lambda_.handler(lambda event, context: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(ConfigurationError, match="margin"):
        lambda_.handler(margin=-1)


RESTORED = """
import sys, types
hooks = []
module = types.ModuleType("snapshot_restore_py")
module.register_after_restore = lambda function, *arguments: hooks.append(function)
sys.modules["snapshot_restore_py"] = module
from pydynox import DynamoDBClient, Credentials, set_default_client
from pydynox.integrations import lambda_
asked = []
def credentials():
    asked.append(1)
    return Credentials("AKIDEXAMPLE", "secret")
client = DynamoDBClient(endpoint_url=sys.argv[1], region="us-east-1", credentials=credentials)
set_default_client(client)
memory = DynamoDBClient(endpoint_url="memory://")
memory.sync.call("CreateTable", TableName="kept", KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
    AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")
import asyncio
loops = []
@lambda_.handler
async def handle(event, context):
    loops.append(asyncio.get_running_loop())
    return await client.call("ListTables")
handle({}, None); handle({}, None)
[restored] = hooks
restored()
handle({}, None)
assert loops[0] is loops[1] is not loops[2], loops
assert len(asked) == 2, asked
assert memory.sync.list_tables() == ["kept"]
print("ok")
"""


def test_after_a_restore_clients_connect_again(serve: Serve) -> None:
    server = serve(deeds.answer({"TableNames": []}))

    done = subprocess.run([sys.executable, "-c", RESTORED, server.url], capture_output=True, text=True, timeout=60, check=False)

    assert (done.stdout, done.stderr) == ("ok\n", "")
    assert len({seen.connection for seen in server.seen}) == 2


class CountedKeyring:
    """A keyring that notes its calls."""

    key_name = "k"

    def __init__(self) -> None:
        self.calls: list[str] = []

    def generate_data_key(self, context: dict[str, str], /) -> tuple[str, bytes, bytes]:
        self.calls.append("generate")
        key = os.urandom(32)
        return self.key_name, key, key[::-1]

    def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str], /) -> bytes:
        self.calls.append("unwrap")
        return wrapped[::-1]


class Secret(Model[str], table="secrets"):
    secret_id: Attr[str] = partition_key()
    text: Encrypted[str]


def test_after_a_restore_no_data_key_of_the_snapshot_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks: list[Any] = []
    runtime = types.ModuleType("snapshot_restore_py")
    runtime.register_after_restore = hooks.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", runtime)
    monkeypatch.setattr(lambda_, "_watches", False)
    lambda_.watch_restores()
    keyring = CountedKeyring()
    client = DynamoDBClient(endpoint_url="memory://", keyring=keyring)

    with client.as_default():
        Secret.table.sync.create()
        for _ in range(2):
            Secret(secret_id="a", text="x").sync.put()
        assert Secret.sync.get_or_raise("a").text == "x"
        assert keyring.calls == ["generate"]

        hooks[0]()
        assert Secret.sync.get_or_raise("a").text == "x"
        assert keyring.calls == ["generate", "unwrap"]
        for _ in range(2):
            Secret(secret_id="b", text="y").sync.put()
        assert Secret.sync.get_or_raise("b").text == "y"
        assert keyring.calls == ["generate", "unwrap", "generate"]


def test_after_a_restore_kms_is_connected_again_with_credentials_of_now(serve: Serve) -> None:
    def deed(connection: Any, seen: Any) -> None:
        if seen.headers["x-amz-target"].endswith("GenerateDataKey"):
            key = base64.b64encode(bytes(32)).decode()
            deeds.answer({"CiphertextBlob": key, "Plaintext": key, "KeyId": "k"})(connection, seen)
        else:
            deeds.answer({})(connection, seen)

    server = serve(deed)
    asked: list[str] = []

    def credentials() -> Credentials:
        asked.append(f"AKID{len(asked)}")
        return Credentials(asked[-1], "secret")

    keyring = KmsKeyring("alias/app", endpoint_url=server.url)
    client = DynamoDBClient(endpoint_url=server.url, region="us-east-1", credentials=credentials, keyring=keyring)
    with client.as_default():
        Secret(secret_id="a", text="x").sync.put()
        before = len(server.seen)
        _core.reopen_all()
        Secret(secret_id="b", text="y").sync.put()

    first, second = server.seen[:before], server.seen[before:]
    assert [len(first), len(second)] == [2, 2]
    assert not {seen.connection for seen in first} & {seen.connection for seen in second}
    used = [
        {seen.headers["authorization"].partition("Credential=")[2].partition("/")[0] for seen in part} for part in (first, second)
    ]
    assert not used[0] & used[1]


def test_importing_the_integration_imports_no_asyncio_until_an_event() -> None:
    code = (
        "import sys; from pydynox.integrations import lambda_, batch; "
        "print(sorted({'asyncio', 'logging', 'json'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "[]"


def test_powertools_works_around_a_handler() -> None:
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2, DynamoDBStreamEvent, event_source
    from pydynox import streams

    logger = Logger(service="users")

    @logger.inject_lambda_context
    @event_source(data_class=APIGatewayProxyEventV2)
    @lambda_.handler
    async def handle(event: APIGatewayProxyEventV2, _context: Any) -> dict[str, Any]:
        user = User(user_id=event.path_parameters["id"])
        await user.create()
        logger.info("created")
        return {"statusCode": 201, "body": user.model_dump_json()}

    answer = handle({"version": "2.0", "pathParameters": {"id": "u7"}, "requestContext": {"http": {}}}, Context())

    assert (answer["statusCode"], User.sync.get_or_raise("u7").count) == (201, 0)

    seen: list[Any] = []

    @streams.handler(User)
    def on_user(record: streams.Record[User]) -> None:
        seen.append(record.new)

    item = {"user_id": {"S": "u7"}, "count": {"N": "0"}}
    event = {
        "Records": [
            {
                "eventName": "INSERT",
                "eventSource": "aws:dynamodb",
                "dynamodb": {"Keys": {"user_id": {"S": "u7"}}, "NewImage": item, "SequenceNumber": "1"},
            }
        ]
    }
    traced = logger.inject_lambda_context(on_user)

    assert traced(event, Context()) == {"batchItemFailures": []}
    # An event of Powertools wraps the dictionary that Lambda passed.
    assert on_user(DynamoDBStreamEvent(event).raw_event) == {"batchItemFailures": []}
    assert seen == [User(user_id="u7"), User(user_id="u7")]


def messages(*bodies: str, queue: str = "q", groups: str = "") -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "body": body,
                "attributes": {"MessageGroupId": groups[number - 1]} if groups else {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:eu-west-1:123456789012:{queue}",
            }
            for number, body in enumerate(bodies, 1)
        ]
    }


def failures(*numbers: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": f"m{number}"} for number in numbers]}


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize(
    ("queue", "groups", "expected", "handled"),
    [
        ("q", "", (3,), 10),
        ("q", "ababababab", (3,), 10),  # of a standard queue: a group says who shares its messages fairly, and no order
        ("q.fifo", "aaaaaaaaaa", (3, 4, 5, 6, 7, 8, 9, 10), 3),
        ("q.fifo", "ababababab", (3, 5, 7, 9), 7),
    ],
)
def test_only_messages_that_failed_are_delivered_again(
    kind: str, queue: str, groups: str, expected: tuple[int, ...], handled: int
) -> None:
    bodies = [json.dumps({"user_id": f"u{number}"}) for number in range(1, 11)]
    bodies[2] = "nonsense"
    count = 0

    def plain(message: batch.Message) -> None:
        nonlocal count
        count += 1
        User(user_id=message.json()["user_id"]).sync.put()

    async def awaited(message: batch.Message) -> None:
        nonlocal count
        count += 1
        await User(user_id=message.json()["user_id"]).put()

    handler = batch.handler(plain if kind == "plain" else awaited)

    assert handler(messages(*bodies, queue=queue, groups=groups), Context()) == failures(*expected)
    assert count == handled
    assert User.scan().sync.count() == 10 - len(expected)


async def test_messages_of_a_group_are_handled_in_order() -> None:
    seen: list[str] = []

    @batch.handler(concurrency=3)
    async def on_message(message: batch.Message) -> None:
        await asyncio.sleep(0.001 * (int(message.body) % 3))
        seen.append(f"{message.group}{message.body}")

    event = messages(*map(str, range(9)), queue="q.fifo", groups="abcabcabc")

    assert await on_message.process(event) == failures()
    assert all([one for one in seen if one[0] == group] == sorted(one for one in seen if one[0] == group) for group in "abc")


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_messages_that_are_not_reached_in_time_are_delivered_again(kind: str) -> None:
    import time

    def plain(_message: Any) -> None:
        time.sleep(0.06)

    async def awaited(message: Any) -> None:
        await asyncio.sleep(0 if message.body == "1" else 60)

    handler = batch.handler(concurrency=1, margin=0.05)(plain if kind == "plain" else awaited)

    assert handler(messages("1", "2", "3"), Context(100)) == failures(2, 3)


@pytest.mark.parametrize(
    ("event", "what"),
    [({"Records": [{"eventSource": "aws:dynamodb"}]}, "aws:dynamodb"), ({"a": 1}, "no Records"), ({"Records": [{}]}, "None")],
)
def test_an_event_that_is_not_of_sqs_is_refused(event: Any, what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        batch.handler(lambda message: None)(event)
