"""Connections that break, stall and wait: replaced where that is harmless, given up in time, closed when nobody waits."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from pydynox import DynamoDBClient
from pydynox.exceptions import ConnectionFailedError, RequestError, RequestTimeoutError

from tests.conftest import Drive, Serve, client_of

from .deeds import answer, close, drip, held, reset, silence, then_close
from .models import DONE, FOUND, NOTE, Note
from .server import Connection, Deed, FaultServer, Seen


def each_connection_serves(count: int, deed: Deed, after: Deed) -> Deed:
    """The first requests of a connection are served, and then it breaks."""
    served: dict[int, int] = {}

    def one(connection: Connection, seen: Seen) -> None:
        served[connection.number] = served.get(connection.number, 0) + 1
        (deed if served[connection.number] <= count else after)(connection, seen)

    return one


@pytest.mark.parametrize("breaking", [reset, close], ids=["reset", "closed"])
def test_an_idle_connection_that_breaks_is_replaced_and_counts_no_attempt(serve: Serve, drive: Drive, breaking: Deed) -> None:
    server = serve(each_connection_serves(1, FOUND, breaking))

    with client_of(server, max_attempts=1).as_default():
        notes = [drive(Note.get("n1")) for _ in range(3)]

    assert notes == [NOTE] * 3
    assert len(server.connections) == 3
    assert [seen.connection for seen in server.seen] == [1, 1, 2, 2, 3]


def test_a_connection_that_the_server_closed_while_it_rested_is_not_used(serve: Serve, drive: Drive) -> None:
    server = serve(then_close(FOUND))

    with client_of(server, max_attempts=1).as_default():
        for number in range(1, 4):
            drive(Note.get("n1"))
            server.wait_until(lambda number=number: server.connections[number - 1].closed.is_set())  # type: ignore[misc]

    assert [seen.connection for seen in server.seen] == [1, 2, 3]


def test_a_server_that_starts_again_on_its_port_is_found_without_an_error(serve: Serve, drive: Drive) -> None:
    server = serve(FOUND, FOUND, DONE, FOUND)
    with client_of(server, max_attempts=1).as_default():
        drive(Note.get("n1"))
        server.restart()
        drive(Note.get("n1"))
        server.restart()
        drive(Note(note_id="n2").create())
        server.restart()
        drive(Note.get("n1"))

    assert server.operations() == ["GetItem", "GetItem", "PutItem", "GetItem"]


def test_a_connection_reset_before_anything_is_read_is_tried_again(serve: Serve, drive: Drive) -> None:
    server = serve(FOUND, at_accept=lambda connection: connection.reset() if connection.number <= 2 else None)

    with client_of(server).as_default():
        note = drive(Note.get("n1"))

    assert note == NOTE
    assert len(server.connections) == 3
    assert len(server.seen) == 1


def test_a_service_that_only_resets_is_a_failed_connection(serve: Serve, drive: Drive) -> None:
    server = serve(reset)

    with client_of(server).as_default(), pytest.raises(ConnectionFailedError, match="the connection broke") as caught:
        drive(Note.get("n1"))

    assert isinstance(caught.value, ConnectionError)
    assert caught.value.attempts == len(server.seen) == 4
    assert (caught.value.retryable, caught.value.ambiguous, caught.value.status) == (True, False, None)


def test_silence_ends_at_the_read_timeout_of_each_attempt(serve: Serve, drive: Drive) -> None:
    server = serve(silence)
    client = client_of(server, read_timeout=0.1, max_attempts=2)

    with client.as_default(), pytest.raises(RequestTimeoutError, match="read_timeout") as caught:
        drive(Note.get("n1"))

    assert isinstance(caught.value, TimeoutError)
    assert caught.value.attempts == len(server.seen) == 2
    assert 0.2 <= (caught.value.elapsed or 0) < 1
    server.wait_until(lambda: server.open == 0)


@pytest.mark.parametrize("deed", [silence, drip(0.02)], ids=["black hole", "slow drip"])
def test_nothing_outlives_the_timeout_of_the_operation(serve: Serve, drive: Drive, deed: Deed) -> None:
    server = serve(deed)

    start = time.monotonic()
    with client_of(server, timeout=0.2).as_default(), pytest.raises(RequestTimeoutError, match="timeout=") as caught:
        drive(Note.get("n1"))
    took = time.monotonic() - start

    assert 0.2 <= took < 1
    assert caught.value.attempts == len(server.seen) == 1
    assert caught.value.retryable
    assert abs((caught.value.elapsed or 0) - took) < 0.2
    server.wait_until(lambda: server.open == 0)


def test_a_handshake_that_never_ends_is_given_up_at_the_connect_timeout(serve: Serve, drive: Drive) -> None:
    server = serve(FOUND, at_accept=Connection.wait_for_end)
    client = client_of(server, endpoint_url=server.url.replace("http:", "https:"), connect_timeout=0.1, max_attempts=2)

    with client.as_default(), pytest.raises(ConnectionFailedError, match="connect_timeout") as caught:
        drive(Note.get("n1"))

    assert caught.value.attempts == len(server.connections) == 2


async def begun(server: FaultServer, count: int = 1) -> None:
    await asyncio.to_thread(server.wait_until, lambda: len(server.seen) == count)


async def test_a_cancelled_call_closes_its_connection_and_is_not_sent_again(serve: Serve) -> None:
    server = serve(silence)
    with client_of(server).as_default():
        call = asyncio.ensure_future(Note.get("n1"))
        await begun(server)

        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    await asyncio.to_thread(server.wait_until, lambda: server.open == 0, 1)
    assert len(server.seen) == 1


async def test_a_timeout_of_asyncio_closes_the_connection_and_nothing_is_sent_again(serve: Serve) -> None:
    server = serve(silence)

    with client_of(server).as_default(), pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await Note.get("n1")

    await asyncio.to_thread(server.wait_until, lambda: server.open == 0, 1)
    assert len(server.seen) == 1


async def test_a_call_cancelled_in_the_pause_between_attempts_is_not_sent_again(serve: Serve) -> None:
    from .deeds import error

    server = serve(error("ThrottlingException", headers={"x-amz-retry-after": "4000"}), FOUND)
    with client_of(server).as_default():
        call = asyncio.ensure_future(Note.get("n1"))
        await begun(server)

        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await Note.get("n1")

    assert len(server.seen) == 2


async def test_a_cancelled_waiter_takes_no_place_and_others_have_their_turn_in_order(serve: Serve) -> None:
    go = threading.Event()
    server = serve(held(go, FOUND), FOUND)
    with client_of(server, max_connections=1).as_default():
        calls = [asyncio.ensure_future(Note.get(f"n{number}")) for number in range(5)]
        await begun(server)

        calls[2].cancel()
        await asyncio.wait([calls[2]])
        go.set()
        results = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(result).__name__ for result in results] == ["Note", "Note", "CancelledError", "Note", "Note"]
    assert [seen.json()["Key"]["note_id"]["S"] for seen in server.seen] == ["n0", "n1", "n3", "n4"]
    assert len(server.connections) == 1


async def test_a_thousand_calls_at_once_share_the_connections_that_are_allowed(serve: Serve) -> None:
    arrived = threading.Barrier(64, timeout=10)

    def together(connection: Connection, seen: Seen) -> None:
        if seen.number <= 64:
            arrived.wait()  # nobody is answered until all 64 are there
        answer({"Item": {"note_id": seen.json()["Key"]["note_id"]}})(connection, seen)

    server = serve(together)
    with client_of(server).as_default():
        notes = await asyncio.gather(*[Note.get(f"n{number}") for number in range(1000)])

    assert [note.note_id for note in notes if note] == [f"n{number}" for number in range(1000)]
    assert len(server.connections) == server.most_open == 64
    assert len(server.seen) == 1000


def test_a_client_that_is_closed_closes_its_connections(serve: Serve, drive: Drive) -> None:
    server = serve(FOUND)
    client = client_of(server)
    with client.as_default():
        drive(Note.get("n1"))

    drive(client.close())

    server.wait_until(lambda: server.open == 0, 1)
    with pytest.raises(RuntimeError, match="closed"):
        drive(client.get_item("notes", {"note_id": "n1"}))


def test_a_client_that_nobody_holds_closes_its_connections(serve: Serve, drive: Drive) -> None:
    server = serve(FOUND)
    client: Any = client_of(server)
    drive(client.get_item("notes", {"note_id": "n1"}))

    del client

    server.wait_until(lambda: server.open == 0, 1)


def test_a_call_in_flight_when_its_client_is_closed_has_its_answer(serve: Serve) -> None:
    go = threading.Event()
    server = serve(held(go, FOUND))
    client = client_of(server)

    async def main() -> dict[str, Any] | None:
        call = asyncio.ensure_future(client.get_item("notes", {"note_id": "n1"}))
        await begun(server)
        await client.close()
        go.set()
        return await call

    assert asyncio.run(main()) == {"note_id": "n1", "text": "hello"}
    server.wait_until(lambda: server.open == 0, 1)


def never_connected(serve: Serve, **settings: Any) -> tuple[FaultServer, DynamoDBClient]:
    """A client whose connections are never ready within its time-out, so that nothing can be sent."""
    server = serve(FOUND, at_accept=Connection.wait_for_end)
    return server, client_of(
        server, endpoint_url=server.url.replace("http:", "https:"), timeout=0.2, connect_timeout=5, **settings
    )


async def test_waiting_for_a_connection_ends_at_the_deadline(serve: Serve) -> None:
    server, client = never_connected(serve, max_connections=1)

    with client.as_default():
        results = await asyncio.gather(*[Note.get("n1") for _ in range(20)], return_exceptions=True)

    assert {type(result) for result in results} == {RequestTimeoutError}
    assert all(0.2 <= result.elapsed < 5 for result in results)  # type: ignore[union-attr]
    assert server.seen == []


def test_a_write_that_never_had_a_connection_is_surely_not_applied(serve: Serve, drive: Drive) -> None:
    server, client = never_connected(serve)

    with client.as_default(), pytest.raises(RequestError) as caught:
        drive(Note(note_id="n2").create())

    assert server.seen == []
    assert isinstance(caught.value, RequestTimeoutError)
    assert not caught.value.ambiguous


def test_without_a_timeout_the_read_timeout_still_ends_each_attempt(serve: Serve, drive: Drive) -> None:
    server = serve(silence)

    with client_of(server, timeout=None, read_timeout=0.1, max_attempts=2).as_default(), pytest.raises(RequestTimeoutError):
        drive(Note.get("n1"))

    assert len(server.seen) == 2


async def test_an_outage_is_not_made_worse_by_retries(serve: Serve) -> None:
    from .deeds import error

    server = serve(error("InternalServerError", status=500))

    with client_of(server).as_default():
        results = await asyncio.gather(*[Note.get("n1") for _ in range(200)], return_exceptions=True)

    assert all(type(result) is RequestError for result in results)
    assert len(server.seen) == 200 + 500 // 14  # the quota that all calls of a client share
