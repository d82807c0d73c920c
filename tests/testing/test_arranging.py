"""What a test does to its DynamoDB: snapshots, seeds, the record of its requests, and its clock."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pydynox
import pytest
import time_machine
from freezegun import freeze_time
from pydynox import (
    Attr,
    DynamoDBClient,
    Encrypted,
    LocalKeyring,
    Model,
    created_at,
    field,
    partition_key,
    ttl,
    updated_at,
    version,
)
from pydynox.exceptions import CursorError, RequestTimeoutError, ThrottlingError, VersionConflictError
from pydynox.testing import IsolatedDynamoDB, fault, inject, isolated_dynamodb

from tests.conftest import Drive

DAY = timedelta(days=1)
START = datetime(2030, 1, 1, tzinfo=UTC)


class Note(Model[str], table="notes"):
    """What tests write."""

    note_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")
    version: Attr[int] = version()
    created: Attr[datetime] = created_at()
    updated: Attr[datetime] = updated_at()


class Session(Model[str], table="sessions"):
    """Deleted when it is over."""

    session_id: Attr[str] = partition_key()
    secret: Encrypted[str] = field(default="")
    expires: Attr[datetime | None] = ttl(default=None)


@pytest.fixture
def dynamodb() -> Iterator[IsolatedDynamoDB]:
    options: dict[str, Any] = {"cursor_keys": [bytes(32)], "keyring": LocalKeyring({"test": bytes(32)})}
    with isolated_dynamodb(tables=[Note, Session], **options) as dynamodb:
        yield dynamodb


def test_a_restored_snapshot_has_what_was_there_and_nothing_else(dynamodb: IsolatedDynamoDB, drive: Drive) -> None:
    dynamodb.seed([Note(note_id=f"n{number}") for number in range(100)])
    before = dynamodb.snapshot()
    drive(Note.key("n1").delete())
    drive(Note(note_id="new").create())
    drive(Session.table.delete())

    for _ in range(2):
        dynamodb.restore(before)
        assert drive(Note.scan().count()) == 100
        assert drive(Session.get("s1")) is None
        drive(Note(note_id="new").create())

    with isolated_dynamodb() as other:
        other.restore(before)
        assert drive(Note.get("n1"))
    assert drive(Note.get("new"))


def test_a_seeded_instance_counts_as_stored_and_may_be_written(dynamodb: IsolatedDynamoDB, drive: Drive) -> None:
    note, session = Note(note_id="n1"), Session(session_id="s1", secret="hidden")
    dynamodb.seed([note, session])
    dynamodb.seed(({"note_id": key, "version": 3} for key in ("n2", "n3")), table="notes")

    assert note.version == 1
    note.text = "changed"
    drive(note.save())
    assert drive(Note.get_or_raise("n3")).version == 3
    assert drive(Session.get_or_raise("s1")).secret == "hidden"
    assert dynamodb.requests == ["UpdateItem", "GetItem", "GetItem"]

    with pytest.raises(TypeError, match="pass table="):
        dynamodb.seed([{"note_id": "n4"}])
    with pytest.raises(TypeError, match="not str"):
        dynamodb.seed(["n4"])


def test_every_client_is_recorded_and_a_record_compares_with_operations(dynamodb: IsolatedDynamoDB, drive: Drive) -> None:
    app = DynamoDBClient()
    drive(Note(note_id="n1").create())
    drive(app.get_item("notes", {"note_id": "n1"}))
    drive(dynamodb.batch_get(Note.key("n1"), Session.key("s1")))
    thread = threading.Thread(target=lambda: app.sync.scan("notes").all())
    thread.start()
    thread.join()

    assert dynamodb.requests == ["PutItem", "GetItem", "BatchGetItem", "Scan"]
    assert dynamodb.requests == ("PutItem", "GetItem", "BatchGetItem", "Scan")
    assert dynamodb.requests != ["PutItem"]
    assert dynamodb.requests == dynamodb.requests
    put, get, batch, _ = dynamodb.requests
    assert (put.operation, put.table, put.body["Item"]["note_id"]) == ("PutItem", "notes", {"S": "n1"})
    assert get.body == {"TableName": "notes", "Key": {"note_id": {"S": "n1"}}}
    assert (batch.table, sorted(batch.tables)) == ("", ["notes", "sessions"])
    assert dynamodb.requests.of("sessions") == [batch]
    assert repr(dynamodb.requests[2:]) == "['BatchGetItem', 'Scan']"
    dynamodb.requests.clear()
    assert (dynamodb.requests, len(dynamodb.requests)) == ([], 0)
    drive(Note.get("n1"))
    assert dynamodb.requests == ["GetItem"]


def test_what_arranges_a_test_meets_none_of_its_faults(drive: Drive) -> None:
    with isolated_dynamodb(tables=[Note], latency=0.2, throttle=10**6, max_attempts=1) as dynamodb:
        begun = time.monotonic()
        dynamodb.seed([{"note_id": "n1"}], table=Note)
        assert time.monotonic() - begun < 0.2
        with pytest.raises(ThrottlingError):
            drive(Note.get("n1"))
        with pytest.raises(ThrottlingError):
            drive(DynamoDBClient(max_attempts=1).get_item("notes", {"note_id": "n1"}))


def test_dates_and_time_to_live_follow_the_clock(dynamodb: IsolatedDynamoDB, drive: Drive) -> None:
    dynamodb.clock.move_to(START)
    note = Note(note_id="n1")
    drive(note.create())
    dynamodb.seed([Session(session_id="s1", expires=START + DAY)])
    drive(Session.scan().all())  # no sweep is due again within a second

    dynamodb.clock.advance(DAY / 2)
    note.text = "later"
    drive(note.save())
    assert (note.created, note.updated) == (START, START + DAY / 2)
    assert [session.session_id for session in drive(Session.scan().all())] == ["s1"]

    dynamodb.clock.advance(DAY.total_seconds())
    assert drive(Session.scan().all()) == []
    assert dynamodb.clock.now() == START + DAY * 1.5
    assert repr(dynamodb.clock) == "<clock at 2030-01-02T12:00:00+00:00>"


def test_cursors_expire_and_identifiers_grow_by_the_clock(dynamodb: IsolatedDynamoDB, drive: Drive) -> None:
    dynamodb.clock.move_to(START)
    dynamodb.seed([Note(note_id=f"n{number}") for number in range(3)])
    query = Note.scan().cursors(expires_in=timedelta(hours=1))
    cursor = drive(query.page(1)).cursor

    dynamodb.clock.advance(3599)
    assert drive(query.after(cursor).page(1)).items
    dynamodb.clock.advance(2)
    with pytest.raises(CursorError, match="expired"):
        drive(query.after(cursor).page(1))
    assert int(pydynox.uuid7().replace("-", "")[:12], 16) == int((START + timedelta(seconds=3601)).timestamp() * 1000)


@pytest.mark.parametrize("library", ["freezegun", "time-machine"])
def test_libraries_that_move_pythons_time_move_this_clock(dynamodb: IsolatedDynamoDB, drive: Drive, library: str) -> None:
    def frozen(at: datetime) -> Any:
        return freeze_time(at) if library == "freezegun" else time_machine.travel(at, tick=False)

    dynamodb.seed([Session(session_id="s1", expires=START + DAY)])
    with frozen(START):
        note = Note(note_id="n1")
        pydynox.run(note.create())
        assert (note.created, note.updated, dynamodb.clock.now()) == (START, START, START)
        assert Session.sync.scan().all()
    with frozen(START + 2 * DAY):
        assert Session.sync.scan().all() == []
    assert abs(dynamodb.clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
    with frozen(START):
        dynamodb.clock.advance(DAY)
        assert dynamodb.clock.now() == START + DAY
    assert dynamodb.clock.now() == START + DAY


def test_nothing_waits_once_the_clock_was_moved(dynamodb: IsolatedDynamoDB, drive: Drive) -> None:
    dynamodb.clock.move_to(START)
    begun = time.monotonic()

    with inject(dynamodb, fault("PutItem", "throttle", times=3)) as log:
        drive(Note(note_id="n1").create())
    assert log.requests == ["PutItem"] * 4
    assert dynamodb.clock.now() > START
    with inject(dynamodb, fault("GetItem", "latency", seconds=3600)), dynamodb.options(timeout=None):
        before = dynamodb.clock.now()
        drive(Note.get("n1"))
        assert dynamodb.clock.now() >= before + timedelta(hours=1)
    with inject(dynamodb, fault("GetItem", "stall")), dynamodb.options(timeout=600):
        before = dynamodb.clock.now()
        with pytest.raises(RequestTimeoutError):
            drive(Note.get("n1"))
        assert timedelta(minutes=10) <= dynamodb.clock.now() - before < timedelta(minutes=11)
    assert time.monotonic() - begun < 10


def test_a_call_in_flight_notices_that_the_clock_was_moved(dynamodb: IsolatedDynamoDB) -> None:
    async def stalled() -> None:
        with inject(dynamodb, fault("GetItem", "stall")):
            call = asyncio.ensure_future(Note.get("n1", timeout=3600))
            await asyncio.sleep(0.02)
            dynamodb.clock.advance(3601)
            with pytest.raises(RequestTimeoutError):
                await asyncio.wait_for(call, 20)

    asyncio.run(stalled())


def test_equal_dates_of_a_stopped_clock_prove_nothing(dynamodb: IsolatedDynamoDB, drive: Drive) -> None:
    dynamodb.clock.move_to(START)
    dynamodb.seed([Note(note_id="n1")])
    mine, theirs = drive(Note.get_or_raise("n1")), drive(Note.get_or_raise("n1"))
    theirs.text = mine.text = "the same text at the same time"
    drive(theirs.save())

    # Both would leave the same item, so the date alone would tell the first of the two that its lost write was applied.
    with inject(dynamodb, fault("UpdateItem", "reset")), pytest.raises(VersionConflictError) as caught:
        drive(mine.save())
    assert caught.value.ambiguous


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), timedelta(seconds=-1)])
def test_a_clock_is_not_moved_by_what_is_no_length(dynamodb: IsolatedDynamoDB, seconds: Any) -> None:
    with pytest.raises(ValueError, match="not negative"):
        dynamodb.clock.advance(seconds)
    with pytest.raises(ValueError, match="time zone"):
        dynamodb.clock.move_to(datetime(2030, 1, 1))
    assert abs(dynamodb.clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_time_is_real_again_after_the_test() -> None:
    with isolated_dynamodb() as outer:
        outer.clock.move_to(START)
        with isolated_dynamodb() as inner:
            assert inner.clock.now() == START
        assert outer.clock.now() == START
    with isolated_dynamodb() as next_one:
        assert abs(next_one.clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
