"""The fault proxy: what a client reports of each fault on the wire, held against what the engine behind it applied."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, get_args

import boto3
import botocore.config
import botocore.exceptions
import pytest
from pydynox import Attr, DynamoDBClient, Model, field, get_default_client, partition_key
from pydynox.exceptions import (
    BatchIncompleteError,
    ConnectionFailedError,
    PydynoxError,
    RequestTimeoutError,
    TableNotFoundError,
    WriteOutcomeUnknownError,
)
from pydynox.local import LocalServer
from pydynox.testing import Proxy, inject, proxy, wire_fault
from pydynox.testing.faults import fault
from pydynox.testing.proxies import WireFaultKind

from tests.conftest import Drive


class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    visits: Attr[int] = field(default=0)


@pytest.fixture
def served() -> Iterator[tuple[LocalServer, DynamoDBClient]]:
    """A server with one user, and a client that reaches it past any proxy."""
    with LocalServer() as server, proxy(server.endpoint_url) as unharmed:
        direct = unharmed.client()
        with direct.as_default():
            User.table.sync.create()
            User(user_id="u0").sync.create()
        yield server, direct


def stored(direct: DynamoDBClient) -> dict[str, int]:
    with direct.as_default():
        return {user.user_id: user.visits for user in User.sync.scan()}


async def add() -> None:
    await User.key("u0").apply(User.visits.add(1))


async def transact() -> None:
    async with get_default_client().transaction() as tx:
        tx.update(User.key("u0"), User.visits.add(1))
        tx.create(User(user_id="u2"))


class Verb(NamedTuple):
    operation: str
    call: Callable[[], Any]
    applied: dict[str, int]
    """What the engine has once it was applied."""
    after_doubt: type[PydynoxError] | None
    """What a call reports whose answer was lost; None if it is sent again."""
    in_time: type[PydynoxError]
    """What a call reports that ran out of time."""


VERBS = {
    "read": Verb("GetItem", lambda: User.get("u0"), {"u0": 0}, None, RequestTimeoutError),
    "put": Verb("PutItem", lambda: User(user_id="u1").put(), {"u0": 0, "u1": 0}, None, RequestTimeoutError),
    "add": Verb("UpdateItem", add, {"u0": 1}, WriteOutcomeUnknownError, WriteOutcomeUnknownError),
    "batch": Verb(
        "BatchWriteItem",
        lambda: get_default_client().batch_save([User(user_id="u1"), User(user_id="u2")]),
        {"u0": 0, "u1": 0, "u2": 0},
        None,
        BatchIncompleteError,
    ),
    "transaction": Verb("TransactWriteItems", transact, {"u0": 1, "u2": 0}, None, WriteOutcomeUnknownError),
}
BEFORE, HARMLESS, ENDLESS = ("stale",), ("drip", "chunked", "connection_close"), ("endless",)


@pytest.mark.parametrize("kind", get_args(WireFaultKind))
@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_what_a_call_reports_is_what_the_engine_has(
    served: tuple[LocalServer, DynamoDBClient], drive: Drive, kind: WireFaultKind, verb: Verb
) -> None:
    server, direct = served
    skip = int(verb.operation == "GetItem" and kind != "stale")
    one = wire_fault(verb.operation, kind, skip=skip, seconds=0.0001 if kind == "drip" else None)
    limit = 0.25 if kind in ENDLESS else 5
    before = stored(direct)

    with proxy(server.endpoint_url, [one]) as faulty, faulty.client(timeout=limit).as_default():
        drive(User.get("u0"))  # so that there is a connection which has served a request
        caught: PydynoxError | None = None
        try:
            drive(verb.call())
        except PydynoxError as error:
            caught = error

    expected = None if kind in HARMLESS else verb.in_time if kind in ENDLESS else verb.after_doubt
    assert type(caught) is (expected or type(None))
    # In doubt either way; what the engine has is what the fault says.
    applied = caught is None or kind not in BEFORE
    assert stored(direct) == (verb.applied if applied else before)
    if caught is not None and verb.operation != "GetItem":
        assert caught.ambiguous
    again = 1 if kind not in (*HARMLESS, *ENDLESS) and expected is None else 0
    assert faulty.requests == ["GetItem", *[verb.operation] * (1 + again)]
    assert [(done.kind, done.operation, done.request, done.applied) for done in faulty.injected] == [
        (kind, verb.operation, 1, kind not in BEFORE)
    ]
    assert faulty.unused == []


@pytest.mark.parametrize("kind", ["half_closed", "truncated", "wrong_crc32", "gzip"])
def test_a_fault_that_stays_is_an_error_after_the_last_attempt(
    served: tuple[LocalServer, DynamoDBClient], drive: Drive, kind: WireFaultKind
) -> None:
    server, direct = served

    with (
        proxy(server.endpoint_url, [wire_fault(None, kind, times=None)]) as faulty,
        faulty.client(max_attempts=2).as_default(),
        pytest.raises(PydynoxError) as caught,
    ):
        drive(User(user_id="u1").put())

    assert faulty.requests == ["PutItem"] * 2
    assert getattr(caught.value, "attempts", 2) == 2
    assert stored(direct) == {"u0": 0, "u1": 0}


def test_a_slow_drip_ends_at_the_timeout(served: tuple[LocalServer, DynamoDBClient], drive: Drive) -> None:
    server, _ = served

    with (
        proxy(server.endpoint_url, [wire_fault("GetItem", "drip")]) as faulty,
        faulty.client(timeout=0.2).as_default(),
        pytest.raises(RequestTimeoutError),
    ):
        drive(User.get("u0"))


def test_stale_connections_only_hit_those_that_have_served(served: tuple[LocalServer, DynamoDBClient], drive: Drive) -> None:
    server, _ = served

    with proxy(server.endpoint_url, ["stale"]) as faulty, faulty.client(max_attempts=1).as_default():
        for _ in range(3):
            assert drive(User.get("u0")) is not None

    assert faulty.connections == 2
    assert [done.request for done in faulty.injected] == [1]


def test_a_plan_counts_as_inject_does(served: tuple[LocalServer, DynamoDBClient], drive: Drive) -> None:
    server, _ = served
    plan = [wire_fault("GetItem", "chunked", skip=1, times=2), wire_fault(None, "gzip", table="others"), "connection_close"]

    with proxy(server.endpoint_url, plan) as faulty, faulty.client().as_default():  # type: ignore[arg-type]
        for _ in range(5):
            drive(User.get("u0"))

    assert [(done.kind, done.request, done.table) for done in faulty.injected] == [
        ("connection_close", 0, "users"),
        ("chunked", 1, "users"),
        ("chunked", 2, "users"),
    ]
    assert [one.kind for one in faulty.unused] == ["gzip"]


def test_both_kinds_of_faults_at_once(served: tuple[LocalServer, DynamoDBClient], drive: Drive) -> None:
    server, direct = served

    with proxy(server.endpoint_url, ["truncated"]) as faulty:
        client = faulty.client()
        with client.as_default(), inject(client, fault("PutItem", "internal_error")) as log:
            drive(User(user_id="u1").put())

    assert log.requests == ["PutItem"] * 3
    assert faulty.requests == ["PutItem"] * 2
    assert stored(direct) == {"u0": 0, "u1": 0}


async def test_calls_at_once_through_an_async_block() -> None:
    async with proxy("memory://", [wire_fault("PutItem", "half_closed", times=3)]) as faulty:
        with faulty.client().as_default():
            await User.table.create()
            await asyncio.gather(*(User(user_id=f"u{number}").put() for number in range(20)))
            assert await User.scan().count() == 20

    assert faulty.unused == []
    assert faulty.requests.count("PutItem") == 23


def test_a_named_engine_is_shared_with_this_process(drive: Drive) -> None:
    with DynamoDBClient(endpoint_url="memory://behind-a-proxy").as_default():
        drive(User.table.create())
        with proxy("memory://behind-a-proxy", ["wrong_crc32"]) as faulty:
            with faulty.client().as_default():
                drive(User(user_id="u1").put())
            assert drive(User.get("u1")) is not None
        drive(User.table.delete())


def test_boto3_meets_the_same_faults() -> None:
    with proxy("memory://", [wire_fault("PutItem", "truncated"), wire_fault("GetItem", "chunked")]) as faulty:
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        config = botocore.config.Config(retries={"max_attempts": 2})
        client = session.client("dynamodb", endpoint_url=faulty.endpoint_url, config=config)
        key = [{"AttributeName": "pk", "KeyType": "HASH"}]
        types = [{"AttributeName": "pk", "AttributeType": "S"}]
        client.create_table(TableName="plain", KeySchema=key, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
        client.put_item(TableName="plain", Item={"pk": {"S": "a"}})
        assert client.get_item(TableName="plain", Key={"pk": {"S": "a"}})["Item"] == {"pk": {"S": "a"}}
        client.close()

    assert faulty.requests == ["CreateTable", "PutItem", "PutItem", "GetItem"]


def test_tls_with_an_authority_of_its_own(drive: Drive) -> None:
    with proxy("memory://", tls="valid") as secure:
        assert secure.endpoint_url.startswith("https://127.0.0.1:")
        with secure.client().as_default():
            drive(User.table.create())
            drive(User(user_id="u1").create())
            assert drive(User.get("u1")) is not None
        with pytest.raises(ConnectionFailedError, match=r"(?i)certificate|unknown"):
            drive(secure.client(ca_bundle=None, max_attempts=1).call("ListTables"))

    assert {"CreateTable", "PutItem", "GetItem"} <= set(secure.requests)
    assert "ListTables" not in secure.requests


@pytest.mark.parametrize(("certificate", "message"), [("expired", "(?i)expired"), ("wrong_host", "(?i)name|valid for")])
def test_a_wrong_certificate_is_refused_before_anything_is_sent(drive: Drive, certificate: Any, message: str) -> None:
    with proxy("memory://", tls=certificate) as secure, pytest.raises(ConnectionFailedError, match=message):
        drive(secure.client(max_attempts=1).call("ListTables"))

    assert secure.requests == []


def test_errors_of_the_endpoint_pass_through(drive: Drive) -> None:
    with proxy("memory://") as faulty, faulty.client().as_default(), pytest.raises(TableNotFoundError):
        drive(User.get("u1"))


def test_a_stopped_proxy_is_gone_and_can_be_stopped_again() -> None:
    faulty = proxy("memory://", [wire_fault(None, "endless")])
    with socket.create_connection(("127.0.0.1", int(faulty.endpoint_url.rpartition(":")[2]))) as idle:
        faulty.stop()
        faulty.stop()
        with suppress(ConnectionResetError):
            assert idle.recv(1) == b""
    with pytest.raises(ConnectionFailedError):
        faulty.client(max_attempts=1).sync.call("ListTables")
    assert "127.0.0.1" in repr(faulty)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: wire_fault(None, "lost"), ValueError, "there is no kind 'lost'; the kinds are chunked, "),  # type: ignore[arg-type]
        (lambda: wire_fault("", "drip"), ValueError, "must be a name"),
        (lambda: wire_fault(None, "drip", times=0), ValueError, "times must be at least 1"),
        (lambda: wire_fault(None, "drip", seconds=-1), ValueError, "seconds must be 0 or more"),
        (lambda: wire_fault(None, "gzip", seconds=1), ValueError, "only 'drip' takes seconds"),
        (lambda: proxy("https://dynamodb.us-east-1.amazonaws.com"), ValueError, "passes requests on to http://"),
        (lambda: proxy("memory://", tls="bad"), ValueError, "must be one of valid, expired, wrong_host"),  # type: ignore[arg-type]
        (lambda: proxy("memory://", ["nothing"]), ValueError, "there is no kind 'nothing'"),  # type: ignore[list-item]
        (lambda: proxy("memory://", [fault("PutItem", "lost")]), TypeError, "not Fault"),  # type: ignore[list-item]
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(make: Callable[[], Proxy], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_tls_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)

    with pytest.raises(ImportError, match="pip install trustme"):
        proxy("memory://", tls="valid")
