"""Health: ping, connections in advance, and the statistics of a client."""

from __future__ import annotations

import asyncio
import threading

import pytest
from pydynox import Attr, ClientStats, Credentials, DynamoDBClient, Event, Model, field, partition_key
from pydynox.exceptions import (
    ConfigurationError,
    ConnectionFailedError,
    CredentialsError,
    PydynoxError,
    RequestTimeoutError,
)
from pydynox.testing import fault, inject

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer, error, held, silence
from tests.faults.server import FaultServer


class Note(Model[str], table="notes"):
    note_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")


@pytest.mark.engines("embedded", "moto")
def test_a_client_pings_every_engine(client: DynamoDBClient, drive: Drive) -> None:
    elapsed = drive(client.ping())

    assert 0 < elapsed < 30


@pytest.mark.parametrize("code", ["AccessDeniedException", "UnknownOperationException"])
def test_a_refusal_of_the_operation_is_an_answer_too(serve: Serve, drive: Drive, code: str) -> None:
    server = serve(error(code))

    assert drive(client_of(server).ping()) > 0
    assert server.operations() == ["DescribeEndpoints"]


@pytest.mark.parametrize(
    ("code", "status", "raised"),
    [
        ("UnrecognizedClientException", 400, CredentialsError),
        ("InvalidSignatureException", 400, CredentialsError),
        ("InternalServerError", 500, PydynoxError),
    ],
)
def test_what_the_service_does_not_accept_fails_the_ping(
    serve: Serve, drive: Drive, code: str, status: int, raised: type[Exception]
) -> None:
    client = client_of(serve(error(code, status=status)), max_attempts=1)

    with pytest.raises(raised):
        drive(client.ping())


def test_a_service_that_cannot_be_reached_fails_ping_and_warm_up(drive: Drive) -> None:
    client = DynamoDBClient(
        endpoint_url="http://127.0.0.1:1", region="us-east-1", credentials=Credentials("a", "b"), max_attempts=1
    )

    for call in (client.ping, client.warm_up):
        with pytest.raises(ConnectionFailedError):
            drive(call())


def test_ping_and_warm_up_end_in_time(serve: Serve, drive: Drive) -> None:
    client = client_of(serve(silence))

    async def never() -> Credentials:
        await asyncio.sleep(60)
        return Credentials("a", "b")

    waits = DynamoDBClient(endpoint_url="http://127.0.0.1:1", region="us-east-1", credentials=never)
    with pytest.raises(RequestTimeoutError):
        drive(client.ping(timeout=0.05))
    with pytest.raises(RequestTimeoutError, match="no connection was ready"):
        drive(waits.warm_up(timeout=0.05))
    assert client.stats().timeouts == 1


def test_warm_up_without_credentials_says_so(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="http://127.0.0.1:1", region="us-east-1")

    with pytest.raises(CredentialsError):
        drive(client.warm_up())


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2", 65_536, 10**30])
def test_warm_up_takes_a_positive_integer(wrong: object, drive: Drive) -> None:
    with pytest.raises(ConfigurationError, match=r"warm_up\(connections=...\) must be an integer from 1 to 65535"):
        drive(DynamoDBClient(endpoint_url="memory://").warm_up(wrong))  # type: ignore[arg-type]


def test_connections_are_open_before_the_first_call(serve: Serve, drive: Drive) -> None:
    server = serve(answer({}))
    client = client_of(server, max_connections=4)

    ready = drive(client.warm_up(connections=10))

    assert ready == 4
    server.wait_until(lambda: len(server.connections) == 4)
    assert server.seen == []
    stats = client.stats()
    assert (stats.connections_open, stats.connections_idle, stats.calls) == (4, 4, 0)
    assert drive(client.warm_up(connections=2)) == 2
    with client.as_default():
        drive(Note.get("n1"))
    assert len(server.connections) == 4


def test_an_embedded_engine_needs_no_connections(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://")

    assert client.stats() == ClientStats(*[0] * 10)
    assert drive(client.warm_up(8)) == 0
    drive(client.list_tables())
    stats = client.stats()
    assert (stats.calls, stats.in_flight, stats.connections_open) == (1, 0, 0)
    assert stats.bytes_sent == len(b"{}")
    assert stats.bytes_received > 0


def test_statistics_count_attempts_and_failures(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://", max_attempts=3)
    with client.as_default():
        drive(Note.table.create())
        before = client.stats()
        with inject(client, fault("GetItem", "throttle", times=1), fault("GetItem", "reset", times=1)):
            drive(Note.get("n1"))
            stats = client.stats()

    # A client with faults counts by itself.
    assert (stats.calls, stats.retries, stats.throttles, stats.in_flight) == (1, 2, 1, 0)
    assert before.calls == 2


def test_calls_in_flight_and_calls_that_wait_are_seen(serve: Serve) -> None:
    gate = threading.Event()
    server: FaultServer = serve(held(gate, answer({})))
    client = client_of(server, max_connections=2)

    async def work() -> None:
        with client.as_default():
            reads = [asyncio.create_task(Note.get(f"n{number}")) for number in range(5)]
            while client.stats().connections_waiting < 3:
                await asyncio.sleep(0.005)
            stats = client.stats()
            assert (stats.in_flight, stats.connections_open, stats.connections_idle) == (5, 2, 0)
            reads[-1].cancel()
            await asyncio.wait([reads[-1]])
            while client.stats().connections_waiting > 2:
                await asyncio.sleep(0.005)
            gate.set()
            await asyncio.gather(*reads[:-1])
        stats = client.stats()
        assert (stats.calls, stats.in_flight, stats.connections_waiting) == (5, 0, 0)
        assert stats.connections_open == stats.connections_idle

    asyncio.run(work())


def test_reading_the_statistics_delivers_what_waits(serve: Serve, drive: Drive) -> None:
    events: list[Event] = []
    client = client_of(serve(answer({})))
    client.on_event(events.append, kinds=["connection_opened"])

    drive(client.warm_up(2))
    client.stats()

    assert [event.kind for event in events] == ["connection_opened"] * 2


def test_a_closed_client_is_refused(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    drive(client.close())

    for call in (client.ping, client.warm_up):
        with pytest.raises(RuntimeError, match="this client is closed"):
            drive(call())
    assert client.stats().calls == 0
