"""Writes whose answer is lost: sent again where that is harmless, and otherwise the doubt is told."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

import pydynox
import pytest
from pydynox import Attr, DynamoDBClient, Model, ModelConfig, attr, field, partition_key, updated_at, version
from pydynox.exceptions import (
    ConditionFailedError,
    ConnectionFailedError,
    ItemAlreadyExistsError,
    ItemVanishedError,
    RequestError,
    RequestTimeoutError,
    VersionConflictError,
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
        pytest.raises(ItemAlreadyExistsError, match="earlier attempt of this same call") as caught,
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


async def in_a_transaction(note: Note) -> None:
    async with pydynox.get_default_client().transaction() as tx:
        tx.save(note)


UNSENT: dict[str, Callable[[Note], Coroutine[Any, Any, Any]]] = {
    "save": lambda note: note.save(),
    "put": lambda note: note.put(),
    "update": lambda note: note.update(Note.tags.append("x")),
    "delete": lambda note: note.delete(),
    "transaction": in_a_transaction,
    "batch put": lambda note: pydynox.get_default_client().batch_save([note]),
    "batch delete": lambda note: pydynox.get_default_client().batch_delete([note]),
    "bulk put": lambda note: pydynox.get_default_client().bulk_write([note]),
}
EDITING = [UNSENT[name] for name in ("save", "put", "transaction", "batch put", "bulk put")]


@pytest.mark.parametrize("write", UNSENT.values(), ids=UNSENT)
async def test_a_write_cancelled_before_it_was_sent_changes_nothing(
    serve: Serve, write: Callable[[Note], Coroutine[Any, Any, Any]]
) -> None:
    """It waits for a connection, which another call has: not one of its bytes was written, nor will be."""
    free = threading.Event()
    server = serve(FOUND, held(free, FOUND), FOUND)
    with client_of(server, max_connections=1).as_default():
        note = await Note.get_or_raise("n1")
        busy = asyncio.ensure_future(Note.get("n2"))
        await asyncio.to_thread(server.wait_until, lambda: len(server.seen) == 2)
        if write in EDITING:
            note.text = "new"
        writing = asyncio.ensure_future(write(note))
        await asyncio.sleep(0.05)

        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

        note.text = "hello"
        assert note.model_changes() == {}
        await note.save()
        free.set()
        await busy
        await Note.get("n1")
    assert server.operations() == ["GetItem"] * 3


async def test_of_a_batch_that_is_cancelled_only_what_was_sent_counts_as_changed(serve: Serve) -> None:
    free = threading.Event()
    rows = [{"note_id": {"S": f"n{number}"}, "text": {"S": "hello"}} for number in range(60)]
    server = serve(answer({"Count": 60, "Items": rows}), held(free, answer({})))
    with client_of(server, max_connections=1).as_default():
        notes = await Note.scan().all()
        for note in notes:
            note.text = "new"
        writing = asyncio.ensure_future(pydynox.get_default_client().batch_save(notes))
        await asyncio.to_thread(server.wait_until, lambda: len(server.seen) == 2)
        await asyncio.sleep(0.05)

        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        free.set()

        for note in notes:
            note.text = "hello"
    sent = server.seen[1].body.decode()
    changed = [note for note in notes if note.model_changes()]
    assert changed == [note for note in notes if f'"{note.note_id}"' in sent]
    assert len(changed) == 25
    assert len(server.seen) == 2


def test_a_blocking_write_interrupted_before_it_was_sent_changes_nothing(serve: Serve) -> None:
    free = threading.Event()
    server = serve(FOUND, held(free, FOUND), FOUND)

    def interrupt(*_: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, interrupt)
    client = client_of(server, max_connections=1)
    try:
        with client.as_default():
            note = Note.sync.get_or_raise("n1")
            busy = threading.Thread(target=lambda: client.sync.get_item("notes", {"note_id": "n2"}))
            busy.start()
            server.wait_until(lambda: len(server.seen) == 2)
            note.text = "new"
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(InterruptedError):
                note.sync.save()

            note.text = "hello"
            assert note.model_changes() == {}
            free.set()
            busy.join(10)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert server.operations() == ["GetItem"] * 2


class Counter(Model[str], table="counters"):
    """What updates without a read change."""

    counter_id: Attr[str] = partition_key()
    hits: Attr[int] = field(default=0)
    text: Attr[str] = field(default="")
    tags: Attr[set[str]] = field(default_factory=set)
    log: Attr[list[str]] = field(default_factory=list)


CHANGED = answer({"Attributes": {"counter_id": {"S": "c1"}, "hits": {"N": "1"}, "log": {"L": []}}})
KEY = Counter.key("c1")
TRUE = Counter.text != "x"

ONCE: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
    "add": lambda: KEY.update(Counter.hits.add(1)),
    "add without an answer": lambda: KEY.apply(Counter.hits.add(1)),
    "plus": lambda: KEY.apply(Counter.hits.set(Counter.hits + 1)),
    "append": lambda: KEY.apply(Counter.log.append("x")),
    "an element": lambda: KEY.apply(Counter.log[0].remove()),
    "a set, conditional": lambda: KEY.apply(Counter.text.set("a"), condition=TRUE),
    "a delete, conditional": lambda: KEY.delete(condition=TRUE),
    "a put, conditional": lambda: Counter(counter_id="c1").put(condition=TRUE),
    "one of two": lambda: KEY.apply(Counter.text.set("a"), Counter.hits.add(1)),
    "pop": KEY.pop,
}
AGAIN: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
    "set": lambda: KEY.update(Counter.text.set("a")),
    "remove": lambda: KEY.apply(Counter.text.remove()),
    "members": lambda: KEY.apply(Counter.tags.add("x"), Counter.text.set("b")),
    "members out": lambda: KEY.apply(Counter.tags.discard("x")),
    "if not exists": lambda: KEY.apply(Counter.hits.set(Counter.hits.if_not_exists(0))),
    "another path": lambda: KEY.apply(Counter.text.set(attr("other"))),
    "an upsert": lambda: KEY.apply(Counter.text.set("a"), upsert=True),
    "create, conditional": lambda: Counter(counter_id="c1").create(condition=TRUE),
    "delete": KEY.delete,
}


@ambiguous
@pytest.mark.parametrize("write", ONCE.values(), ids=ONCE)
def test_what_would_differ_twice_or_has_a_condition_is_sent_once(
    serve: Serve, drive: Drive, deed: Deed, write: Callable[[], Coroutine[Any, Any, Any]]
) -> None:
    server = serve(deed, CHANGED)

    with client_of(server).as_default(), pytest.raises(WriteOutcomeUnknownError, match="read what is stored") as caught:
        drive(write())

    assert len(server.seen) == 1
    assert (caught.value.ambiguous, caught.value.applied, caught.value.model) == (True, False, "Counter")


@pytest.mark.parametrize("write", AGAIN.values(), ids=AGAIN)
def test_actions_that_do_the_same_twice_are_sent_again(
    serve: Serve, drive: Drive, write: Callable[[], Coroutine[Any, Any, Any]]
) -> None:
    server = serve(reset, CHANGED)

    with client_of(server).as_default():
        drive(write())

    assert len(server.seen) == 2
    assert server.seen[0].body == server.seen[1].body


def test_instances_follow_the_same_rule(serve: Serve, drive: Drive) -> None:
    found = answer({"Item": {"counter_id": {"S": "c1"}, "hits": {"N": "1"}, "log": {"L": []}}})
    server = serve(found, reset, reset, reset, reset, CHANGED)

    with client_of(server).as_default():
        counter = drive(Counter.get("c1"))
        with pytest.raises(WriteOutcomeUnknownError):
            drive(counter.update(Counter.hits.add(1)))
        assert counter.model_changes() == {}
        counter.text = "a"
        with pytest.raises(WriteOutcomeUnknownError):
            drive(counter.save(condition=TRUE))
        assert set(counter.model_changes()) == {"text"}
        with pytest.raises(WriteOutcomeUnknownError):
            drive(counter.delete(condition=TRUE))
        counter.model_rollback()
        drive(counter.update(Counter.tags.add("x")))

    assert server.operations() == ["GetItem", "UpdateItem", "UpdateItem", "DeleteItem", "UpdateItem", "UpdateItem"]


def test_a_check_alone_changes_nothing_and_is_sent_again(serve: Serve, drive: Drive) -> None:
    found = answer({"Item": {"counter_id": {"S": "c1"}, "hits": {"N": "1"}, "log": {"L": []}}})
    server = serve(found, reset, DONE)

    with client_of(server).as_default():
        counter = drive(Counter.get("c1"))
        drive(counter.save(condition=TRUE))

    assert server.operations() == ["GetItem", "UpdateItem", "UpdateItem"]
    assert "UpdateExpression" not in server.seen[1].json()


def test_a_guard_that_fails_after_a_doubt_keeps_the_doubt(serve: Serve, drive: Drive) -> None:
    failed = error("ConditionalCheckFailedException", Item={"counter_id": {"S": "c1"}, "hits": {"N": "1"}, "log": {"L": []}})
    server = serve(reset, failed)

    with client_of(server).as_default(), pytest.raises(ConditionFailedError, match="earlier attempt of this same call") as caught:
        drive(KEY.apply(Counter.log.remove(), attr("log2.x").set(1)))

    assert caught.value.ambiguous
    assert caught.value.key == KEY


async def test_an_edit_made_while_an_update_is_under_way_stays_an_edit(serve: Serve) -> None:
    go = threading.Event()
    found = answer({"Item": {"counter_id": {"S": "c1"}, "hits": {"N": "0"}, "log": {"L": []}}})
    server = serve(found, held(go, CHANGED))
    with client_of(server).as_default():
        counter = await Counter.get_or_raise("c1")
        updating = asyncio.ensure_future(counter.update(Counter.hits.add(1)))
        await asyncio.to_thread(server.wait_until, lambda: len(server.seen) == 2)

        counter.text = "mine"
        counter.log.append("mine")
        go.set()
        await updating

    assert (counter.hits, counter.text, counter.log) == (1, "mine", ["mine"])
    assert set(counter.model_changes()) == {"text", "log"}


async def test_a_cancelled_update_leaves_the_instance_as_it_was(serve: Serve) -> None:
    found = answer({"Item": {"counter_id": {"S": "c1"}, "hits": {"N": "5"}, "log": {"L": []}}})
    server = serve(found, silence)
    with client_of(server).as_default():
        counter = await Counter.get_or_raise("c1")
        updating = asyncio.ensure_future(counter.update(Counter.hits.add(1)))
        await asyncio.to_thread(server.wait_until, lambda: len(server.seen) == 2)

        updating.cancel()
        with pytest.raises(asyncio.CancelledError):
            await updating

    assert counter.hits == 5
    assert counter.model_changes() == {}


class Ledger(Model[str], table="ledgers"):
    """A model whose writes know their own item by the version and the time."""

    ledger_id: Attr[str] = partition_key()
    total: Attr[int] = field(default=0)
    updated: Attr[datetime] = updated_at()
    version: Attr[int] = version()


class Bare(Model[str], table="ledgers"):
    """The same items by a version alone, which two writers may have in common."""

    ledger_id: Attr[str] = partition_key()
    total: Attr[int] = field(default=0)
    version: Attr[int] = version()


class Signed(Model[str], table="ledgers"):
    """Nothing but the name of each write."""

    model_config = ModelConfig(write_id=True)
    ledger_id: Attr[str] = partition_key()
    total: Attr[int] = field(default=0)


async def _saved(ledger: Any) -> None:
    ledger.total += 5
    await ledger.save()


KNOWN: dict[str, Callable[[Any], Coroutine[Any, Any, None]]] = {
    "save": _saved,
    "update": lambda ledger: ledger.update(type(ledger).total.add(5)),
}


@pytest.mark.engines("moto")
@pytest.mark.parametrize("write", KNOWN.values(), ids=KNOWN)
def test_a_versioned_write_whose_answer_was_lost_is_known_again(
    serve: Serve, drive: Drive, client: DynamoDBClient, engine: Engine, write: Callable[[Any], Coroutine[Any, Any, None]]
) -> None:
    drive(Ledger.table.create())
    ledger = Ledger(ledger_id="l1")
    drive(ledger.create())
    served = forward(engine.url)
    server = serve(lost(served), served)

    with client_of(server).as_default():
        drive(write(ledger))

    assert len(server.seen) == 2
    assert (ledger.total, ledger.version, ledger.model_changes()) == (5, 2, {})
    assert drive(Ledger.get("l1")) == ledger


@pytest.mark.engines("moto")
@pytest.mark.parametrize("model", [Ledger, Signed])
def test_a_create_whose_answer_was_lost_is_known_again(
    serve: Serve, drive: Drive, client: DynamoDBClient, engine: Engine, model: Any
) -> None:
    drive(Ledger.table.create())
    served = forward(engine.url)
    server = serve(lost(served), served)
    ledger = model(ledger_id="l1", total=3)

    with client_of(server).as_default():
        drive(ledger.create())

    assert len(server.seen) == 2
    assert drive(model.get("l1")) == ledger


@pytest.mark.engines("moto")
@pytest.mark.parametrize("write", KNOWN.values(), ids=KNOWN)
def test_a_version_alone_proves_nothing(
    serve: Serve, drive: Drive, client: DynamoDBClient, engine: Engine, write: Callable[[Any], Coroutine[Any, Any, None]]
) -> None:
    drive(Ledger.table.create())
    bare = Bare(ledger_id="l1")
    drive(bare.create())
    served = forward(engine.url)
    server = serve(lost(served), served)

    with client_of(server).as_default(), pytest.raises(VersionConflictError, match="earlier attempt of this same call") as caught:
        drive(write(bare))

    assert caught.value.ambiguous
    assert bare.version == 1
    # Applied once, whatever the call says.
    assert drive(client.get_item("ledgers", {"ledger_id": "l1"}))["total"] == 5  # type: ignore[index]


@pytest.mark.engines("moto")
def test_a_versioned_delete_whose_answer_was_lost_keeps_the_doubt(
    serve: Serve, drive: Drive, client: DynamoDBClient, engine: Engine
) -> None:
    drive(Ledger.table.create())
    ledger = Ledger(ledger_id="l1")
    drive(ledger.create())
    served = forward(engine.url)
    server = serve(lost(served), served)

    with client_of(server).as_default(), pytest.raises(ItemVanishedError) as caught:
        drive(ledger.delete())

    assert caught.value.ambiguous
    assert drive(Ledger.get("l1")) is None


@pytest.mark.engines("moto")
def test_an_update_by_key_of_a_versioned_item_follows_its_actions(
    serve: Serve, drive: Drive, client: DynamoDBClient, engine: Engine
) -> None:
    drive(Ledger.table.create())
    drive(Ledger(ledger_id="l1").create())
    served = forward(engine.url)
    server = serve(lost(served), served, lost(served))

    with client_of(server).as_default():
        drive(Ledger.key("l1").apply(Ledger.total.set(9)))
        with pytest.raises(WriteOutcomeUnknownError):
            drive(Ledger.key("l1").apply(Ledger.total.add(1)))

    # The version may move twice for one change; it never stands still.
    assert drive(Ledger.get("l1")).version == 4  # type: ignore[union-attr]
