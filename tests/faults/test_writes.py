"""Writes whose answer is lost: sent again where that is harmless, and otherwise the doubt is told."""

from __future__ import annotations

import asyncio
import threading

import pytest
from pydynox import DynamoDBClient
from pydynox.exceptions import (
    ConnectionFailedError,
    ItemAlreadyExistsError,
    ItemVanishedError,
    RequestError,
    RequestTimeoutError,
    WriteOutcomeUnknownError,
)

from tests.conftest import Drive, Serve, client_of
from tests.engines import Engine

from .deeds import answer, close, error, forward, held, html, lost, reset, silence
from .models import DONE, FOUND, TAKEN, Note
from .server import Deed

AMBIGUOUS: dict[str, Deed] = {
    "reset": reset,
    "closed": close,
    "500": error("InternalServerError", status=500),
    "HTML 502": html(502),
    "damaged": answer({}, crc32="wrong"),
}
ambiguous = pytest.mark.parametrize("deed", AMBIGUOUS.values(), ids=AMBIGUOUS)


def count_up(client: DynamoDBClient) -> object:
    return client.call(
        "UpdateItem",
        TableName="notes",
        Key={"note_id": {"S": "n1"}},
        UpdateExpression="ADD hits :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


@ambiguous
def test_a_write_that_would_count_twice_is_not_sent_twice(serve: Serve, drive: Drive, deed: Deed) -> None:
    server = serve(deed, DONE)

    with pytest.raises(WriteOutcomeUnknownError, match=r"may or may not have been applied.*read what is stored") as caught:
        drive(count_up(client_of(server)))  # type: ignore[arg-type]

    assert server.operations() == ["UpdateItem"]
    assert (caught.value.operation, caught.value.table, caught.value.attempts) == ("UpdateItem", "notes", 1)
    assert (caught.value.ambiguous, caught.value.applied, caught.value.retryable) == (True, False, False)
    assert isinstance(caught.value.__cause__, RequestError)


@ambiguous
def test_retry_unsafe_writes_sends_it_again(serve: Serve, drive: Drive, deed: Deed) -> None:
    server = serve(deed, DONE)

    answered = drive(count_up(client_of(server, retry_unsafe_writes=True)))  # type: ignore[arg-type]

    assert answered == {}
    assert len(server.seen) == 2
    assert server.seen[0].body == server.seen[1].body


def test_a_write_that_was_refused_is_sent_again_whatever_it_is(serve: Serve, drive: Drive) -> None:
    server = serve(error("ThrottlingException"), DONE)

    drive(count_up(client_of(server)))  # type: ignore[arg-type]

    assert len(server.seen) == 2


@ambiguous
def test_what_does_the_same_twice_is_sent_again(serve: Serve, drive: Drive, deed: Deed) -> None:
    server = serve(DONE, deed, DONE, deed, DONE, deed, DONE, deed, DONE)
    note = Note(note_id="n1", text="a")

    with client_of(server).as_default():
        drive(note.create())
        note.text = "b"
        drive(note.save())
        drive(note.put())
        drive(note.delete())
        drive(Note(note_id="n2").create())

    assert server.operations() == ["PutItem", *["UpdateItem"] * 2, *["PutItem"] * 2, *["DeleteItem"] * 2, *["PutItem"] * 2]
    for first, second in zip(server.seen[1::2], server.seen[2::2], strict=True):
        assert first.body == second.body


@pytest.mark.engines("moto")
def test_a_create_that_was_applied_and_whose_answer_was_lost_shows_the_item_and_the_doubt(
    serve: Serve, drive: Drive, client: DynamoDBClient, engine: Engine
) -> None:
    drive(Note.table.create())
    served = forward(engine.url)
    server = serve(lost(served), served)

    with (
        client_of(server).as_default(),
        pytest.raises(ItemAlreadyExistsError, match="earlier attempt of this very call") as caught,
    ):
        drive(Note(note_id="n1", text="mine").create())

    assert caught.value.ambiguous
    assert caught.value.attempts == len(server.seen) == 2
    assert caught.value.item == Note(note_id="n1", text="mine")
    assert drive(Note.get("n1")) == Note(note_id="n1", text="mine")


@pytest.mark.engines("moto")
def test_a_create_whose_answer_was_lost_before_it_was_applied_is_applied_once(
    serve: Serve, drive: Drive, client: DynamoDBClient, engine: Engine
) -> None:
    drive(Note.table.create())
    server = serve(reset, forward(engine.url))

    with client_of(server).as_default():
        note = Note(note_id="n1", text="mine")
        drive(note.create())

    assert note.model_changes() == {}
    assert drive(Note.get("n1")) == note


def test_a_taken_key_is_told_without_doubt(serve: Serve, drive: Drive) -> None:
    server = serve(TAKEN)

    with client_of(server).as_default(), pytest.raises(ItemAlreadyExistsError) as caught:
        drive(Note(note_id="n1").create())

    assert not caught.value.ambiguous
    assert caught.value.item == Note(note_id="n1", text="hello")
    assert "earlier attempt" not in str(caught.value)


def test_a_save_that_finds_no_item_after_a_doubt_says_so(serve: Serve, drive: Drive) -> None:
    server = serve(FOUND, reset, error("ConditionalCheckFailedException"))

    with client_of(server).as_default():
        note = drive(Note.get("n1"))
        note.text = "b"
        with pytest.raises(ItemVanishedError) as caught:
            drive(note.save())

    assert caught.value.ambiguous
    assert set(note.model_changes()) == {"text"}


def test_a_create_without_any_definite_answer_has_an_unknown_outcome(serve: Serve, drive: Drive) -> None:
    server = serve(reset)

    note = Note(note_id="n1")
    with client_of(server, max_attempts=2).as_default(), pytest.raises(WriteOutcomeUnknownError) as caught:
        drive(note.create())

    assert isinstance(caught.value.__cause__, ConnectionFailedError)
    assert (caught.value.attempts, caught.value.ambiguous, caught.value.model) == (2, True, "Note")


def test_a_put_that_is_given_up_keeps_its_error_and_says_that_it_may_be_applied(serve: Serve, drive: Drive) -> None:
    server = serve(silence)

    with client_of(server, timeout=0.15).as_default(), pytest.raises(RequestTimeoutError) as caught:
        drive(Note(note_id="n1").put())

    assert caught.value.ambiguous
    assert len(server.seen) == 1


def test_a_deadline_leaves_the_outcome_of_a_create_unknown(serve: Serve, drive: Drive) -> None:
    server = serve(silence)

    with client_of(server, timeout=0.15).as_default(), pytest.raises(WriteOutcomeUnknownError) as caught:
        drive(Note(note_id="n1").create())

    assert isinstance(caught.value.__cause__, RequestTimeoutError)
    assert len(server.seen) == 1


def test_an_idle_connection_that_breaks_under_an_unsafe_write_leaves_it_open(serve: Serve, drive: Drive) -> None:
    server = serve(FOUND, reset, DONE)
    client = client_of(server)
    with client.as_default():
        drive(Note.get("n1"))

    with pytest.raises(WriteOutcomeUnknownError):
        drive(count_up(client))  # type: ignore[arg-type]

    assert server.operations() == ["GetItem", "UpdateItem"]


async def test_an_edit_made_while_a_save_is_under_way_stays_an_edit(serve: Serve) -> None:
    go = threading.Event()
    server = serve(held(go, DONE), DONE)
    note = Note(note_id="n1", text="a", tags=["x"])
    with client_of(server).as_default():
        creating = asyncio.ensure_future(note.create())
        await asyncio.to_thread(server.wait_until, lambda: len(server.seen) == 1)

        note.text = "b"
        note.tags.append("y")
        go.set()
        await creating

        assert set(note.model_changes()) == {"text", "tags"}
        await note.save()
    assert server.seen[0].json()["Item"]["text"] == {"S": "a"}
    assert server.operations() == ["PutItem", "UpdateItem"]
    assert note.model_changes() == {}


async def test_what_a_cancelled_save_sent_counts_as_changed_until_it_is_settled(serve: Serve) -> None:
    server = serve(FOUND, silence, DONE)
    with client_of(server).as_default():
        note = await Note.get_or_raise("n1")
        note.text = "new"
        saving = asyncio.ensure_future(note.save())
        await asyncio.to_thread(server.wait_until, lambda: len(server.seen) == 2)

        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
        note.text = "hello"

        assert "text" in note.model_changes()
        await note.save()
    assert note.model_changes() == {}
    assert '"hello"' in server.seen[2].body.decode()
