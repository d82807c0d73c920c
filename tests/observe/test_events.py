"""Events: what they say, when they come, and that no handler breaks a call."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import gc
import io
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pydynox
import pytest
from pydynox import Attr, DynamoDBClient, Encrypted, Event, LocalKeyring, Model, field, partition_key, sort_key
from pydynox.exceptions import (
    ConditionFailedError,
    ConfigurationError,
    PydynoxError,
    RequestTimeoutError,
    ThrottlingError,
)
from pydynox.testing import fault, inject

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer, error, silence


class Line(Model[str, int], table="lines"):
    page: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    text: Attr[str] = field(default="")


class Secret(Model[str], table="secrets"):
    name: Attr[str] = partition_key()
    value: Encrypted[str]


@pytest.fixture
def client() -> Any:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": os.urandom(32)}))
    with client.as_default():
        client.sync.call(
            "CreateTable",
            TableName="lines",
            AttributeDefinitions=[
                {"AttributeName": "page", "AttributeType": "S"},
                {"AttributeName": "number", "AttributeType": "N"},
            ],
            KeySchema=[{"AttributeName": "page", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client
    client.sync.close()


def steps(events: list[Event]) -> list[tuple[str, str | None]]:
    return [(event.kind, event.operation) for event in events]


def test_a_recording_lists_the_calls_of_a_block(client: DynamoDBClient, drive: Drive) -> None:
    drive(Line(page="p", number=0).create())
    with client.record() as requests:
        drive(Line(page="p", number=1, text="x" * 2000).create())
        drive(Line.get("p", 1))
        drive(Line.query("p").all())
    drive(Line.get("p", 1))

    assert [(request.operation, request.table) for request in requests] == [
        ("PutItem", "lines"),
        ("GetItem", "lines"),
        ("Query", "lines"),
    ]
    put, get, query = requests
    assert (put.write_units, get.read_units, query.count, query.scanned_count) == (2.0, 0.5, 2, 2)
    assert {request.attempt for request in requests} == {1}
    assert {request.status for request in requests} == {200}
    assert all(request.elapsed is not None and request.elapsed > 0 for request in requests)
    assert put.request_size is not None
    assert put.request_size > 2000
    assert len({request.call for request in requests}) == 3
    assert requests[-1] is query
    assert steps(requests.events)[:3] == [("call_started", "PutItem"), ("attempt_ended", "PutItem"), ("call_ended", "PutItem")]
    times = [event.time_ns for event in requests.events]
    assert times == sorted(times)


def test_several_items_in_one_request_are_one_event(client: DynamoDBClient, drive: Drive) -> None:
    async def work() -> None:
        async with client.batch_writer() as batch:
            for number in range(30):
                await batch.put(Line(page="p", number=number))
        async with client.transaction() as tx:
            tx.put(Line(page="q", number=1))
            tx.delete(Line.key("p", 1))
        await client.batch_get(*[Line.key("p", number) for number in range(3)])

    with client.record() as requests:
        drive(work())

    sizes = [(request.operation, request.batch_size) for request in requests]
    assert sorted(sizes[:2]) == [("BatchWriteItem", 5), ("BatchWriteItem", 25)]
    assert sizes[2:] == [("TransactWriteItems", 2), ("BatchGetItem", 3)]
    assert {request.tables for request in requests} == {("lines",)}
    flushed = [event for event in requests.events if event.kind == "batch_flushed"]
    assert sorted((event.count, event.unprocessed) for event in flushed) == [(3, 0), (5, 0), (25, 0)]


def test_gathered_reads_are_told_once(client: DynamoDBClient) -> None:
    async def work() -> None:
        async with pydynox.batching():
            await asyncio.gather(*[Line.get("p", number) for number in range(5)])

    with client.record() as requests:
        asyncio.run(work())

    assert [(request.operation, request.batch_size) for request in requests] == [("BatchGetItem", 5)]


def test_pages_that_are_fetched_ahead_are_told_with_their_reading(client: DynamoDBClient) -> None:
    async def work() -> list[int]:
        async with client.batch_writer() as batch:
            for number in range(40):
                await batch.put(Line(page="p", number=number))
        with client.record() as requests:
            async for _ in Line.query("p").page_size(10):
                pass
        pages = [event for event in requests.events if event.kind == "page_read"]
        assert [event.kind for event in requests].count("call_ended") == len(pages)
        return [event.count or 0 for event in pages]

    counts = asyncio.run(work())
    assert sum(counts) == 40
    assert len(counts) >= 4


def test_retries_and_throttling_are_events(client: DynamoDBClient, drive: Drive) -> None:
    with client.record() as requests, inject(client, fault("GetItem", "throttle", times=1), fault("GetItem", "reset", times=1)):
        drive(Line.get("p", 1))

    assert [event.kind for event in requests.events] == [
        "call_started",
        "attempt_ended",
        "throttled",
        "retry_planned",
        "attempt_ended",
        "retry_planned",
        "attempt_ended",
        "call_ended",
    ]
    throttled, planned = requests.events[2:4]
    assert (throttled.error, throttled.code) == ("ThrottlingError", "ProvisionedThroughputExceededException")
    assert (throttled.status, throttled.attempt) == (400, 1)
    assert planned.attempt == 2
    assert planned.pause is not None
    assert requests.events[4].error == "ConnectionFailedError"
    assert requests[0].attempt == 3
    assert requests[0].error is None


def test_throttling_names_reason_and_resource(serve: Serve, drive: Drive) -> None:
    reason = {"reason": "IndexReadProvisionedThroughputExceeded", "resource": "arn:aws:dynamodb:us-east-1:1:table/lines/index/i"}
    server = serve(error("ThrottlingException", throttlingReasons=[reason]))
    client = client_of(server, max_attempts=1)

    with client.as_default(), client.record() as requests, pytest.raises(ThrottlingError):
        drive(Line.get("p", 1))

    told = [event.throttling_reasons for event in requests.events if event.kind in ("throttled", "call_ended")]
    assert told == [[(reason["reason"], reason["resource"])]] * 2
    opened = [event for event in requests.events if event.kind == "connection_opened"]
    assert opened[0].host == server.url.removeprefix("http://")
    assert [event.kind for event in requests.events].count("credentials_renewed") == 1
    assert requests[0].request_id == "R1"


def test_a_failure_is_named_but_shows_no_value(client: DynamoDBClient, drive: Drive) -> None:
    drive(Line(page="key-of-mine", number=1, text="value-of-mine").create())
    with client.record() as requests, pytest.raises(ConditionFailedError):
        drive(Line.key("key-of-mine", 1).update(Line.text.set("other-of-mine"), condition=Line.text == "guess-of-mine"))

    assert (requests[0].error, requests[0].code, requests[0].status) == (
        "ConditionFailedError",
        "ConditionalCheckFailedException",
        400,
    )
    assert "of-mine" not in repr(requests.events)
    assert "of-mine" not in repr([event.as_dict() for event in requests.events])
    assert {event.request_body for event in requests.events} == {event.response_body for event in requests.events} == {None}


def test_bodies_are_given_only_to_those_that_ask_for_values(client: DynamoDBClient, drive: Drive) -> None:
    plain: list[Event] = []
    with client.on_event(plain.append), client.record(values=True) as requests:
        drive(Line(page="p", number=7).create())
        drive(Line.get("p", 7))

    get = requests[1]
    assert get.request_body is not None
    assert get.response_body is not None
    assert b'"number":{"N":"7"}' in get.request_body
    assert b'"number":{"N":"7"}' in get.response_body
    assert not any(event.has_bodies for event in plain)
    assert len(plain) == len(requests.events)


def test_encrypted_values_are_sealed_even_in_bodies_and_data_keys_are_events(client: DynamoDBClient, drive: Drive) -> None:
    drive(Secret.table.create())
    with client.record(values=True) as requests:
        drive(Secret(name="n", value="plain-text-of-mine").create())
        secret = drive(Secret.get("n"))

    assert secret.value == "plain-text-of-mine"
    kinds = [event.kind for event in requests.events]
    assert kinds.count("data_key_made") == 1
    assert kinds.index("data_key_made") < kinds.index("call_started")
    assert requests.events[0].operation == "GenerateDataKey"
    for event in requests.events:
        assert b"plain-text" not in (event.request_body or b"") + (event.response_body or b"")


def test_a_cancelled_call_is_told_when_its_coroutine_is_closed(serve: Serve) -> None:
    server = serve(silence)
    client = client_of(server)
    events: list[Event] = []

    async def work() -> None:
        with client.as_default():
            task = asyncio.create_task(Line.get("p", 1))
            while not server.seen:
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert [event.kind for event in events if event.call is not None] == ["call_started", "call_cancelled"]

    with client.on_event(events.append):
        asyncio.run(work())
    cancelled = [event for event in events if event.kind == "call_cancelled"]
    assert len(cancelled) == 1
    assert cancelled[0].elapsed is not None
    assert cancelled[0].elapsed > 0


@pytest.mark.parametrize("place", ["memory", "http"])
def test_a_call_that_is_cancelled_at_any_moment_neither_fails_nor_is_retried(
    serve: Serve, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    """Cancelled before the I/O thread takes it, while it does, and while it is under way: what it tells, it tells at once."""
    client = client_of(serve(answer({}))) if place == "http" else DynamoDBClient(endpoint_url="memory://cancelled-at?latency=1")
    number: contextvars.ContextVar[int] = contextvars.ContextVar("number", default=-1)
    events: list[tuple[str, str | None, int]] = []
    outcomes: set[tuple[str, ...]] = set()

    async def call(index: int) -> None:
        number.set(index)
        await client.call("GetItem", TableName="lines", Key={"page": {"S": "p"}, "line": {"N": "1"}})

    async def work() -> None:
        with contextlib.suppress(PydynoxError):  # no such table
            await call(-2)
        client.on_event(lambda event: events.append((event.kind, event.error, number.get())))
        for index in range(300):
            task = asyncio.create_task(call(index))
            end = time.perf_counter() + (index % 60) * 1e-5
            while time.perf_counter() < end:
                await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, PydynoxError):
                await task
            at_once = len(events)
            await asyncio.sleep(0.002)
            client.stats()
            late = [kind for kind, *_ in events[at_once:]]
            assert set(late) <= {"connection_opened", "connection_dropped"}, events
            own = [event for event in events if event[0].startswith(("call", "attempt", "retry"))]
            assert {where for *_, where in own} <= {index}
            outcomes.add(tuple(kind for kind, *_ in own))
            events.clear()

    with caplog.at_level("WARNING", "pydynox"):
        asyncio.run(work())

    assert client.stats().retries == 0
    assert caplog.records == []
    whole = ("call_started", "attempt_ended", "call_ended")
    assert outcomes <= {(), ("call_started", "call_cancelled"), ("call_started", "attempt_ended", "call_cancelled"), whole}
    assert ("call_started", "call_cancelled") in outcomes


def test_a_read_that_others_wait_for_too_is_not_told_as_cancelled() -> None:
    client = DynamoDBClient(endpoint_url="memory://observed-batching?latency=50")

    async def work() -> None:
        await Line.table.create()
        async with pydynox.batching():
            first = asyncio.create_task(Line.get("p", 1))
            second = asyncio.create_task(Line.get("p", 2))
            await asyncio.sleep(0.01)
            first.cancel()
            assert await second is None
        await Line.get("p", 3)

    with client.as_default(), client.record() as requests:
        asyncio.run(work())

    kinds = [event.kind for event in requests.events if event.operation == "BatchGetItem"]
    assert kinds == ["call_started", "attempt_ended", "call_ended", "batch_flushed"]


def test_a_call_that_times_out_ends_with_that_error(serve: Serve, drive: Drive) -> None:
    client = client_of(serve(silence))
    with client.as_default(), client.record() as requests, pytest.raises(RequestTimeoutError):
        drive(Line.get("p", 1, timeout=0.05))

    assert [request.error for request in requests] == ["RequestTimeoutError"]


def test_a_handler_runs_in_the_thread_and_the_context_of_its_call(client: DynamoDBClient) -> None:
    tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")
    seen: list[tuple[str, str]] = []

    def handler(event: Event) -> None:
        if event.kind == "call_ended":
            seen.append((tenant.get(), threading.current_thread().name))

    async def work(name: str) -> None:
        tenant.set(name)
        for number in range(3):
            await Line.get("p", number)

    async def several(*names: str) -> None:
        await asyncio.gather(*[work(name) for name in names])

    def in_thread(*names: str) -> None:
        with client.as_default():
            asyncio.run(several(*names))

    def blocking() -> None:
        tenant.set("d")
        with client.as_default():
            Line.sync.get("p", 1)

    with client.on_event(handler):
        threads = [threading.Thread(target=in_thread, args=("a", "b")), threading.Thread(target=in_thread, args=("c",))]
        threads.append(threading.Thread(target=blocking))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    of = {name: {thread for other, thread in seen if other == name} for name, _ in seen}
    assert sorted(name for name, _ in seen) == ["a"] * 3 + ["b"] * 3 + ["c"] * 3 + ["d"]
    assert of["a"] == of["b"]
    assert all(len(threads_of_one) == 1 for threads_of_one in of.values())
    assert len({*of["a"], *of["c"], *of["d"]}) == 3


def test_a_handler_that_raises_is_reported_once_and_breaks_no_call(
    client: DynamoDBClient, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda report: reported.append((report.exc_value, report.object)))
    others: list[Event] = []

    def broken(event: Event) -> None:
        raise ValueError(event.kind)

    with client.on_event(broken), client.on_event(others.append):
        drive(Line(page="p", number=1).create())
        line = drive(Line.get("p", 1))

    assert line.number == 1
    assert [(str(problem), handler) for problem, handler in reported] == [("call_started", broken)]
    assert len(others) == 6


@pytest.mark.parametrize("problem", [KeyboardInterrupt, SystemExit])
def test_an_interruption_passes_through_a_handler(client: DynamoDBClient, drive: Drive, problem: type[BaseException]) -> None:
    def interrupted(event: Event) -> None:
        raise problem

    with client.on_event(interrupted, kinds=["call_ended"]), pytest.raises(problem):
        drive(Line.get("p", 1))
    assert drive(Line.get("p", 1)) is None


def test_a_handler_may_call_the_client_and_is_not_called_for_that(client: DynamoDBClient) -> None:
    read: list[object] = []

    def blocking(event: Event) -> None:
        read.append(Line.sync.get("p", 1))

    with client.on_event(blocking, kinds=["call_ended"]):
        Line(page="p", number=1).sync.create()
    assert len(read) == 1

    async def work() -> None:
        tasks: list[asyncio.Task[object]] = []
        begun = lambda event: tasks.append(asyncio.create_task(Line.get("p", 1)))  # noqa: E731
        with client.on_event(begun, kinds=["call_ended"]):
            await Line.get("p", 2)
            assert len(tasks) == 1
            await tasks[0]
            assert len(tasks) == 1

    asyncio.run(work())


def test_a_handler_that_would_stop_the_event_loop_is_refused_clearly(
    client: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda report: reported.append(str(report.exc_value)))

    async def work() -> None:
        with client.on_event(lambda event: Line.sync.get("p", 1)):
            assert await Line.get("p", 1) is None

    asyncio.run(work())
    assert len(reported) == 1
    assert "use await" in reported[0]


def test_handlers_that_cannot_work_are_refused_before_anything_is_sent(
    client: DynamoDBClient, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handler(event: Event) -> None: ...

    class Callable:
        async def __call__(self, event: Event) -> None: ...

    async def generator(event: Event) -> AsyncIterator[Event]:
        yield event

    for wrong in (handler, Callable(), generator):
        with pytest.raises(ConfigurationError, match="takes a plain function"):
            client.on_event(wrong)
    with pytest.raises(ConfigurationError, match="a function of one event, not str"):
        client.on_event("print")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"no kind of event: throttle; the kinds are call_started"):
        client.on_event(print, kinds=["throttle"])  # type: ignore[list-item]
    for kinds in (5, [5], [None]):
        with pytest.raises(ConfigurationError, match=r"names no kind of event: .*; the kinds are call_started"):
            client.on_event(print, kinds=kinds)  # type: ignore[arg-type]
    reported: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda report: reported.append(str(report.exc_value)))
    with client.on_event(functools.partial(handler)):
        drive(Line.get("p", 1))
    assert len(reported) == 1
    assert "returned a coroutine" in reported[0]


def test_a_subscription_ends_when_it_is_closed(client: DynamoDBClient, drive: Drive) -> None:
    events: list[Event] = []
    subscription = client.on_event(events.append, kinds=["call_ended"])
    other = client.on_event(lambda event: None)
    drive(Line.get("p", 1))
    subscription.close()
    subscription.close()
    drive(Line.get("p", 1))

    assert len(events) == 1
    other.close()
    assert drive(Line.get("p", 1)) is None


def test_another_client_is_not_observed(client: DynamoDBClient, drive: Drive) -> None:
    other = DynamoDBClient(endpoint_url="memory://")
    with client.record() as requests:
        drive(other.list_tables())
        drive(client.list_tables())

    assert [request.operation for request in requests] == ["ListTables"]


def test_connections_that_end_between_calls_are_told_with_the_next(serve: Serve, drive: Drive) -> None:
    server = serve(answer({}, headers={"connection": "close"}))
    client = client_of(server)
    with client.as_default(), client.record() as requests:
        drive(Line.get("p", 1))
        drive(Line.get("p", 1))

    dropped = [event for event in requests.events if event.kind == "connection_dropped"]
    assert {event.reason for event in dropped} == {"closed by the other side"}
    assert [event.kind for event in requests.events].count("connection_opened") == 2


def test_an_event_is_frozen_and_matches(client: DynamoDBClient, drive: Drive) -> None:
    with client.record() as requests:
        drive(Line.get("p", 1))
    event = requests[0]

    with pytest.raises(AttributeError):
        event.kind = "throttled"  # type: ignore[misc, assignment]
    match event:
        case Event("call_ended", operation, table, status=status):
            assert (operation, table, status) == ("GetItem", "lines", 200)
        case _:
            pytest.fail("it does not match")
    assert repr(event).startswith("Event(kind='call_ended', call=")
    assert event.as_dict()["operation"] == "GetItem"


def test_a_client_is_freed_although_its_handler_knows_it(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    client.on_event(functools.partial(print, client, file=io.StringIO()))
    drive(client.list_tables())
    freed = weakref.ref(client)
    del client
    gc.collect()

    assert freed() is None


def test_a_forked_child_observes_its_own_calls_alone() -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    events: list[Event] = []
    client.on_event(events.append, kinds=["call_ended", "call_cancelled"])
    client.sync.list_tables()
    child = os.fork()
    if child == 0:  # pragma: no cover
        code = 1
        try:
            client.sync.list_tables()
            client.sync.list_tables()
            code = 0 if len(events) == 3 else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    client.sync.list_tables()
    assert len(events) == 2


ENDING = """
import asyncio, logging, sys, threading, time
import pydynox, pydynox.otel
from pydynox import Attr, DynamoDBClient, Model, partition_key

logging.basicConfig(stream=sys.stdout)
pydynox.enable_logging("DEBUG")
pydynox.otel.instrument()
quick = DynamoDBClient(endpoint_url="memory://observed-end")
slow = DynamoDBClient(endpoint_url="memory://observed-end?latency=5000")
slow.on_event(lambda event: None)

class User(Model[str], table="users"):
    name: Attr[str] = partition_key()

with quick.as_default(): User.table.sync.create()

async def begin():
    global tasks
    with slow.as_default():
        tasks = [asyncio.create_task(User.get("a")) for _ in range(3)]
        await asyncio.sleep(0.05)

def blocked():
    with slow.as_default(): User.sync.get("a")

if sys.argv[1] == "tasks": asyncio.run(begin())
if sys.argv[1] == "open loop":
    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    for task in tasks: task._log_destroy_pending = False
if sys.argv[1] == "daemon":
    threading.Thread(target=blocked, daemon=True).start()
    time.sleep(0.05)
"""


@pytest.mark.parametrize("way", ["tasks", "open loop", "daemon"])
def test_an_observed_process_ends_in_silence_with_calls_in_flight(way: str) -> None:
    done = subprocess.run([sys.executable, "-c", ENDING, way], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "DEBUG:pydynox.request:CreateTable on users: 200 in " in done.stdout
