"""client.options(): what holds for every call inside of a block."""

from __future__ import annotations

import asyncio
import contextvars
import math
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pydynox
import pytest
from pydynox import Attr, DynamoDBClient, Model, ModelConfig, partition_key
from pydynox.exceptions import ConfigurationError, RequestTimeoutError

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer, silence
from tests.faults.server import Seen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable


class Note(Model[str], table="notes"):
    note_id: Attr[str] = partition_key()


class Consistent(Model[str], table="notes"):
    model_config = ModelConfig(consistent_read=True)
    note_id: Attr[str] = partition_key()


FOUND = answer({"Item": {"note_id": {"S": "n"}}})


def consistent(seen: list[Seen]) -> list[bool]:
    return [b'"ConsistentRead":true' in request.body for request in seen]


def test_reads_are_as_consistent_as_the_call_the_block_or_the_model_says(serve: Serve, drive: Drive) -> None:
    server = serve(*[FOUND] * 9)
    client = client_of(server)
    with client.as_default():
        drive(Note.get("n"))
        drive(Consistent.get("n"))
        with client.options(consistent_read=True):
            drive(Note.get("n"))
            drive(Note.key("n").exists())
            drive(client.get_item("notes", {"note_id": "n"}))
            drive(Note.get("n", consistent_read=False))
            with client.options(consistent_read=False):
                drive(Consistent.get("n"))
                with client.options(timeout=9):
                    drive(Consistent.key("n").get())
        drive(Note.get("n"))

    assert consistent(server.seen) == [False, True, True, True, True, False, False, False, False]


def test_a_timeout_holds_inside_of_the_block_alone(serve: Serve, drive: Drive) -> None:
    server = serve(silence, FOUND)
    client = client_of(server)
    with client.as_default():
        with client.options(timeout=0.1), pytest.raises(RequestTimeoutError) as caught:
            drive(Note.get("n"))
        assert caught.value.elapsed is not None
        assert caught.value.elapsed < 5
        assert drive(Note.get("n")) is not None


def test_no_limit_can_be_said(serve: Serve, drive: Drive) -> None:
    client = client_of(serve(FOUND), timeout=0.000_001)
    with client.as_default(), client.options(timeout=None):
        assert drive(Note.get("n")) is not None


async def test_tasks_inherit_the_block_and_others_do_not_see_it(serve: Serve) -> None:
    server = serve(*[FOUND] * 3)
    client = client_of(server)
    outside = asyncio.Event()

    async def other() -> None:
        await outside.wait()
        await Note.get("n")

    with client.as_default():
        task = asyncio.create_task(other())
        await asyncio.sleep(0)
        with client.options(consistent_read=True):
            await asyncio.create_task(Note.get("n"))  # type: ignore[arg-type]
            outside.set()
            await task
            await Note.get("n")

    assert consistent(server.seen) == [True, False, True]


def test_it_is_of_one_client(serve: Serve, drive: Drive) -> None:
    server, other = serve(FOUND), DynamoDBClient(endpoint_url="memory://")
    client = client_of(server)
    with other.options(consistent_read=True), client.as_default():
        drive(Note.get("n"))
    assert consistent(server.seen) == [False]


@pytest.mark.parametrize("wrong", [0, -1, "5", math.nan])
def test_a_timeout_is_a_positive_number(wrong: Any) -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    with (
        pytest.raises(ConfigurationError, match=r"options\(timeout=\.\.\.\) must be a positive number"),
        client.options(timeout=wrong),
    ):
        pass


@asynccontextmanager
async def plainly(block: AbstractContextManager[object]) -> AsyncGenerator[None]:
    with block:
        yield


@pytest.mark.parametrize(
    "block",
    [
        lambda client: plainly(client.as_default()),
        lambda client: plainly(client.options(timeout=9)),
        lambda client: plainly(client.collect()),
        lambda client: plainly(pydynox.budget(requests=9)),
        lambda client: pydynox.batching(),
    ],
    ids=["as_default", "options", "collect", "budget", "batching"],
)
def test_an_abandoned_coroutine_can_be_closed_from_another_context(block: Callable[[DynamoDBClient], Any]) -> None:
    async def work() -> None:
        async with block(DynamoDBClient(endpoint_url="memory://")):
            await asyncio.sleep(9)

    loop = asyncio.new_event_loop()
    asyncio._set_running_loop(loop)
    try:
        abandoned = work()
        contextvars.copy_context().run(abandoned.send, None)
        abandoned.close()
    finally:
        asyncio._set_running_loop(None)
        loop.close()
