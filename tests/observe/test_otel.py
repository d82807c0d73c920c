"""OpenTelemetry: spans and metrics, with the SDK and its exporters in memory."""

from __future__ import annotations

import asyncio
import socket
import threading
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pydynox
import pydynox.otel
import pytest
from opentelemetry import context, trace
from opentelemetry.instrumentation.distro import DefaultDistro
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode
from pydynox import (
    Attr,
    Credentials,
    DynamoDBClient,
    Encrypted,
    GlobalSecondaryIndex,
    LocalKeyring,
    Model,
    field,
    partition_key,
    sort_key,
)
from pydynox.exceptions import ConditionFailedError, PydynoxError, RequestTimeoutError
from pydynox.testing import fault, inject

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer, error, held, silence
from tests.faults.server import FaultServer

ROOT = Path(__file__).parent.parent.parent


class Line(Model[str, int], table="lines"):
    page: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    word: Attr[str] = field(default="w")
    by_word = GlobalSecondaryIndex("word")


class Secret(Model[str], table="secrets"):
    name: Attr[str] = partition_key()
    value: Encrypted[str]


class Collected:
    """What was exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider(metric_readers=[self.reader])

    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def names(self) -> list[str]:
        return [span.name for span in self.spans()]

    def points(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        metrics = [metric for one in data.resource_metrics for scope in one.scope_metrics for metric in scope.metrics]
        return {metric.name: list(metric.data.data_points) for metric in metrics}


@pytest.fixture
def collected() -> Iterator[Collected]:
    collected = Collected()
    pydynox.otel.instrument(tracer_provider=collected.provider, meter_provider=collected.meters)
    yield collected
    pydynox.otel.uninstrument()
    collected.meters.shutdown()


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": b"k" * 32}))
    with client.as_default():
        Line.table.sync.create()
        Secret.table.sync.create()
        yield client
    client.sync.close()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_call_is_a_span_by_the_conventions_for_databases(client: DynamoDBClient, drive: Drive, collected: Collected) -> None:
    collected.exporter.clear()
    drive(Line(page="p", number=1).create())

    (span,) = collected.spans()
    assert (span.name, span.kind, span.status.status_code) == ("PutItem lines", SpanKind.CLIENT, StatusCode.UNSET)
    assert attributes(span) == {
        "db.system.name": "aws.dynamodb",
        "db.operation.name": "PutItem",
        "db.collection.name": "lines",
        "aws.dynamodb.table_names": ("lines",),
        "aws.dynamodb.consumed_capacity": ('{"TableName":"lines","CapacityUnits":2}',),
        "http.response.status_code": 200,
    }
    assert span.start_time is not None
    assert span.end_time is not None
    assert 0 < span.end_time - span.start_time < 30e9
    assert span.instrumentation_scope is not None
    assert (span.instrumentation_scope.name, span.instrumentation_scope.version) == ("pydynox", pydynox.__version__)


def test_each_page_and_each_request_for_several_items_is_a_span(
    client: DynamoDBClient, drive: Drive, collected: Collected
) -> None:
    async def work() -> None:
        async with client.batch_writer() as batch:
            for number in range(25):
                await batch.put(Line(page="p", number=number))
        async with client.transaction() as tx:
            tx.put(Line(page="q", number=1))
            tx.put(Line(page="q", number=2))
        collected.exporter.clear()
        await Line.query("p").page_size(10).all()
        await Line.by_word.query("w").first()
        await client.batch_get(Line.key("p", 1), Line.key("p", 2))

    drive(work())
    *pages, index, batch = collected.spans()
    assert [attributes(page)["aws.dynamodb.count"] for page in pages] == [10, 10, 5]
    assert {page.name for page in pages} == {"Query lines"}
    assert attributes(index)["aws.dynamodb.index_name"] == "by_word"
    assert attributes(batch)["db.operation.batch.size"] == 2
    rows = collected.points()["db.client.response.returned_rows"]
    assert sum(point.sum for point in rows) == 26


def test_a_transaction_and_its_failure(client: DynamoDBClient, drive: Drive, collected: Collected) -> None:
    async def work() -> None:
        async with client.transaction() as tx:
            tx.create(Line(page="q", number=1))
            tx.create(Line(page="q", number=2))

    drive(work())
    with pytest.raises(pydynox.exceptions.TransactionCanceledError):
        drive(work())

    done, failed = collected.spans()[-2:]
    assert (done.name, attributes(done)["db.operation.batch.size"]) == ("TransactWriteItems lines", 2)
    assert failed.status.status_code is StatusCode.ERROR
    assert attributes(failed)["error.type"] == "TransactionCanceledException"


def test_a_failure_has_its_code_and_no_value(client: DynamoDBClient, drive: Drive, collected: Collected) -> None:
    drive(Line(page="key-of-mine", number=1, word="value-of-mine").create())
    with pytest.raises(ConditionFailedError):
        drive(Line.key("key-of-mine", 1).update(Line.word.set("b-of-mine"), condition=Line.word == "c-of-mine"))

    span = collected.spans()[-1]
    code = "ConditionalCheckFailedException"
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, code)
    assert (attributes(span)["error.type"], attributes(span)["db.response.status_code"]) == (code, code)
    assert "of-mine" not in "".join(span.to_json() for span in collected.spans())


def test_attempts_are_children_of_their_call(client: DynamoDBClient, drive: Drive, collected: Collected) -> None:
    collected.exporter.clear()
    with inject(client, fault("GetItem", "throttle", times=1), fault("GetItem", "reset", times=1)):
        drive(Line.get("p", 1))

    *attempts, call = collected.spans()
    assert call.name == "GetItem lines"
    assert attributes(call)["pydynox.attempts"] == 3
    assert [span.name for span in attempts] == ["GetItem attempt"] * 3
    assert [attributes(span)["pydynox.attempt"] for span in attempts] == [1, 2, 3]
    errors = [attributes(span).get("error.type") for span in attempts]
    assert errors == ["ProvisionedThroughputExceededException", "ConnectionFailedError", None]
    assert call.context is not None
    for span in attempts:
        assert span.parent is not None
        assert span.parent.span_id == call.context.span_id
        assert (call.start_time or 0) <= (span.start_time or 0) <= (span.end_time or 0) <= (call.end_time or 0)
    points = collected.points()
    assert [point.value for point in points["pydynox.retries"]] == [2]
    assert [point.value for point in points["pydynox.throttles"]] == [1]


def test_a_cancelled_call_is_a_span_too(serve: Serve, collected: Collected) -> None:
    server = serve(silence)
    client = client_of(server)

    async def work() -> None:
        with client.as_default():
            task = asyncio.create_task(Line.get("p", 1))
            while not server.seen:
                await asyncio.sleep(0.005)
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(work())
    (span,) = collected.spans()
    assert (span.name, attributes(span)["error.type"]) == ("GetItem lines", "cancelled")


def test_data_keys_are_spans(client: DynamoDBClient, drive: Drive, collected: Collected) -> None:
    collected.exporter.clear()
    drive(Secret(name="n", value="v").create())

    assert collected.names() == ["GenerateDataKey", "PutItem secrets"]


def test_a_batch_of_several_requests_is_a_span_around_them(client: DynamoDBClient, drive: Drive, collected: Collected) -> None:
    async def work() -> None:
        async with client.batch_writer() as batch:
            for number in range(4):
                await batch.put(Line(page="p", number=number))

    with inject(client, fault("BatchWriteItem", "half_unprocessed", times=1)):
        collected.exporter.clear()
        drive(work())

    assert collected.names() == ["BatchWriteItem lines", "BatchWriteItem lines", "BatchWriteItem batch"]
    *calls, span = collected.spans()
    batch = attributes(span)
    assert (batch["db.operation.batch.size"], batch["pydynox.requests"], batch["pydynox.unprocessed"]) == (4, 2, 0)
    assert (batch["db.collection.name"], batch["aws.dynamodb.table_names"]) == ("lines", ("lines",))
    assert span.context is not None
    for call in calls:
        assert call.parent is not None
        assert call.parent.span_id == span.context.span_id
        assert (span.start_time or 0) <= (call.start_time or 0) <= (call.end_time or 0) <= (span.end_time or 0)


def test_a_batch_of_one_request_is_that_request(client: DynamoDBClient, drive: Drive, collected: Collected) -> None:
    tracer = collected.provider.get_tracer("test")

    async def work() -> None:
        with tracer.start_as_current_span("around"):
            await client.batch_get(Line.key("p", 1), Line.key("p", 2))

    drive(work())
    call, around = collected.spans()[-2:]
    assert (call.name, around.name) == ("BatchGetItem lines", "around")
    assert call.parent is not None
    assert around.context is not None
    assert call.parent.span_id == around.context.span_id


def test_a_cancelled_batch_is_a_span_around_what_it_did(client: DynamoDBClient, collected: Collected) -> None:
    async def work() -> None:
        before = client.stats().calls
        task = asyncio.create_task(client.batch_save([Line(page="p", number=number) for number in range(4)]))
        while client.stats().calls < before + 3:
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.wait([task])

    with inject(client, fault("BatchWriteItem", "unprocessed", times=99)):
        collected.exporter.clear()
        asyncio.run(work())

    *calls, span = collected.spans()
    assert (span.name, attributes(span)["error.type"]) == ("BatchWriteItem batch", "cancelled")
    assert len(calls) >= 2
    assert span.context is not None
    assert {call.parent.span_id if call.parent else None for call in calls} == {span.context.span_id}


def test_the_server_of_a_call_and_the_pool_of_its_connection(serve: Serve, drive: Drive, collected: Collected) -> None:
    server = serve(answer({}), error("ValidationException"))
    client = client_of(server)
    port = int(server.url.rpartition(":")[2])
    with client.as_default():
        drive(Line.get("p", 1))
        with pytest.raises(PydynoxError):
            drive(Line.get("p", 1))
        points = collected.points()
        drive(client.close())

    here = {"server.address": "127.0.0.1", "server.port": port}
    for span in collected.spans():
        assert here.items() <= attributes(span).items()
    assert len(collected.spans()) == 2
    assert all(here.items() <= dict(point.attributes).items() for point in points["db.client.operation.duration"])

    def of_pool(metric: str) -> list[tuple[str | None, Any]]:
        name, state = "db.client.connection.pool.name", "db.client.connection.state"
        ours = [point for point in points[metric] if dict(point.attributes)[name] == f"127.0.0.1:{port}"]
        return sorted((dict(point.attributes).get(state), getattr(point, "value", None)) for point in ours)

    assert of_pool("db.client.connection.count") == [("idle", 1), ("used", 0)]
    assert of_pool("db.client.connection.pending_requests") == [(None, 0)]
    assert of_pool("db.client.connection.max") == [(None, 64)]
    assert len(of_pool("db.client.connection.create_time")) == 1

    pydynox.otel.uninstrument()
    assert "db.client.connection.count" not in collected.points()


def test_the_pool_says_how_long_attempts_wait_for_a_connection_and_have_it(serve: Serve, collected: Collected) -> None:
    free = threading.Event()
    server = serve(
        held(free, answer({})), error("ProvisionedThroughputExceededException"), answer({}), error("ValidationException")
    )
    client = client_of(server, max_connections=1)

    async def run() -> None:
        busy = asyncio.ensure_future(Line.get("p", 1))
        await asyncio.to_thread(server.wait_until, lambda: len(server.seen) == 1)
        with client.options(timeout=0.05), pytest.raises(RequestTimeoutError):
            await Line.get("p", 2)
        free.set()
        await busy
        await Line.get("p", 3)  # in two attempts
        with pytest.raises(PydynoxError):
            await Line.get("p", 4)

    with client.as_default(), client.record() as requests:
        asyncio.run(run())
        points = collected.points()

    def of_pool(metric: str, of: FaultServer = server) -> list[Any]:
        pool = {"db.client.connection.pool.name": of.url.removeprefix("http://")}
        return [point for point in points.get(metric, ()) if dict(point.attributes) == pool]

    (waited,), (used,) = of_pool("db.client.connection.wait_time"), of_pool("db.client.connection.use_time")
    assert (waited.count, used.count) == (4, 4)  # of the first call, two attempts of the third, the last that failed
    assert [point.value for point in of_pool("db.client.connection.timeouts")] == [1]
    ends = [event for event in requests.events if event.kind == "attempt_ended"]
    times = [(event.connection_wait is not None, event.connection_use is not None, event.reason) for event in ends]
    assert sorted(times, key=str) == [(False, False, "no connection in time"), *[(True, True, None)] * 4]
    # Sums of what the events say, each attempt counted once.
    assert waited.sum == pytest.approx(sum(event.connection_wait or 0.0 for event in ends))
    assert used.sum == pytest.approx(sum(event.connection_use or 0.0 for event in ends))

    deaf = serve(answer({}), at_accept=lambda connection: connection.wait_for_end())
    late = client_of(deaf, endpoint_url=deaf.url.replace("http:", "https:"), connect_timeout=0.05, max_attempts=1)
    with late.as_default(), pytest.raises(PydynoxError, match="connect_timeout"):
        Line.sync.get("p", 1)
    points = collected.points()
    assert [point.value for point in of_pool("db.client.connection.timeouts", deaf)] == [1]
    assert of_pool("db.client.connection.wait_time", deaf) == of_pool("db.client.connection.use_time", deaf) == []


def test_an_engine_in_the_process_has_no_pool(client: DynamoDBClient, drive: Drive, collected: Collected) -> None:
    with client.record() as requests:
        drive(Line(page="p", number=1).put())

    assert {(event.connection_wait, event.connection_use) for event in requests.events} == {(None, None)}
    assert not [
        name for name in collected.points() if name.startswith("db.client.connection.") and name.endswith(("time", "outs"))
    ]


def test_a_call_that_reaches_no_server_names_it(drive: Drive, collected: Collected) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = DynamoDBClient(
        endpoint_url=f"http://127.0.0.1:{port}", region="us-east-1", credentials=Credentials("a", "b"), max_attempts=1
    )
    with client.as_default(), pytest.raises(PydynoxError):
        drive(Line.get("p", 1))

    (span,) = collected.spans()
    assert (attributes(span)["error.type"], attributes(span)["server.port"]) == ("ConnectionFailedError", port)


def test_a_span_is_a_child_of_the_one_around_its_call(client: DynamoDBClient, collected: Collected) -> None:
    """Through gather(), batching(), pages that are fetched ahead, threads, and blocking calls."""
    tracer = collected.provider.get_tracer("test")
    around: dict[str, int] = {}

    async def gets(name: str) -> None:
        with tracer.start_as_current_span(name) as span:
            around[name] = span.get_span_context().span_id
            await Line.get(name, 1)
            await Line.get(name, 2)

    async def batched() -> None:
        with tracer.start_as_current_span("batched") as span:
            around["batched"] = span.get_span_context().span_id
            async with pydynox.batching():
                await asyncio.gather(*[Line.get("batched", number) for number in range(3)])

    async def pages() -> None:
        async with client.batch_writer() as batch:
            for number in range(30):
                await batch.put(Line(page="pages", number=number))
        with tracer.start_as_current_span("pages") as span:
            around["pages"] = span.get_span_context().span_id
            async for _ in Line.query("pages").page_size(5):
                pass

    def blocking(name: str) -> None:
        with client.as_default(), tracer.start_as_current_span(name) as span:
            around[name] = span.get_span_context().span_id
            Line.sync.get(name, 1)

    async def main() -> None:
        await asyncio.gather(gets("a"), gets("b"), batched(), pages(), asyncio.to_thread(blocking, "thread"))

    asyncio.run(main())
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(blocking, ("pool 1", "pool 2")))

    children: dict[str, list[str]] = {name: [] for name in around}
    for span in collected.spans():
        for name, parent in around.items():
            if span.parent is not None and span.parent.span_id == parent:
                children[name].append(span.name)
    assert children["a"] == children["b"] == ["GetItem lines"] * 2
    assert children["batched"] == ["BatchGetItem lines"]
    assert children["thread"] == children["pool 1"] == children["pool 2"] == ["GetItem lines"]
    assert set(children["pages"]) == {"Query lines"}
    assert len(children["pages"]) >= 6


def test_durations_are_measured_in_seconds(client: DynamoDBClient, drive: Drive, collected: Collected) -> None:
    for number in range(3):
        drive(Line.get("p", number))

    points = collected.points()
    gets = [point for point in points["db.client.operation.duration"] if dict(point.attributes)["db.operation.name"] == "GetItem"]
    (point,) = gets
    assert point.count == 3
    assert 0 < point.sum < 30
    assert point.explicit_bounds == (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
    assert dict(point.attributes) == {
        "db.system.name": "aws.dynamodb",
        "db.operation.name": "GetItem",
        "db.collection.name": "lines",
    }
    units = [point for point in points["pydynox.consumed_capacity"] if dict(point.attributes)["pydynox.capacity"] == "read"]
    assert sum(point.value for point in units) == 1.5


def test_what_is_not_wanted_is_not_traced(client: DynamoDBClient, drive: Drive, collected: Collected) -> None:
    collected.exporter.clear()
    token = context.attach(context.set_value("suppress_instrumentation", True))
    try:
        drive(Line.get("p", 1))
    finally:
        context.detach(token)
    assert collected.names() == []

    pydynox.otel.uninstrument()
    pydynox.otel.uninstrument()
    drive(Line.get("p", 1))
    assert collected.names() == []

    again = Collected()
    pydynox.otel.instrument(tracer_provider=again.provider, capacity=False)
    pydynox.otel.instrument(tracer_provider=again.provider, capacity=False)
    drive(Line.get("p", 1))
    (span,) = again.spans()
    assert "aws.dynamodb.consumed_capacity" not in attributes(span)


def test_a_sampler_decides_by_the_attributes_of_the_start(client: DynamoDBClient, drive: Drive) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ALWAYS_OFF)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    pydynox.otel.instrument(tracer_provider=provider)
    try:
        assert drive(Line.get("p", 1)) is None
    finally:
        pydynox.otel.uninstrument()
    assert exporter.get_finished_spans() == ()


def test_calls_from_many_threads_are_all_there(client: DynamoDBClient, collected: Collected) -> None:
    def work() -> None:
        with client.as_default():
            for number in range(20):
                Line.sync.get("p", number)

    collected.exporter.clear()
    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert collected.names() == ["GetItem lines"] * 100


def test_the_command_opentelemetry_instrument_finds_it(client: DynamoDBClient, drive: Drive) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    points = project["entry-points"]["opentelemetry_instrumentor"]
    point = EntryPoint("pydynox", points["pydynox"], "opentelemetry_instrumentor")
    collected = Collected()
    before = trace.get_tracer_provider
    trace.get_tracer_provider = lambda: collected.provider  # type: ignore[assignment]
    try:
        DefaultDistro().load_instrumentor(point, raise_exception_on_conflict=True)
        drive(Line.get("p", 1))
    finally:
        trace.get_tracer_provider = before
        point.load()().uninstrument()
    assert collected.names() == ["GetItem lines"]
