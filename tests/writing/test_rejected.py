"""`on_condition="return"`: a false condition as a result, with exactly what the error would have said, and nothing else."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from pydynox import (
    Attr,
    DynamoDBClient,
    Model,
    Rejected,
    after_delete,
    after_load,
    after_save,
    attr,
    before_save,
    field,
    partition_key,
    sort_key,
    version,
)
from pydynox.exceptions import (
    ConditionFailedError,
    ItemAlreadyExistsError,
    ItemNotFoundError,
    ItemVanishedError,
    TransactionCanceledError,
    UniqueConstraintError,
    ValidationError,
    VersionConflictError,
    WriteOutcomeUnknownError,
)

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import error as refusal
from tests.faults.deeds import reset
from tests.faults.models import DONE, FOUND, TAKEN, Note


class Seat(Model[str], table="seats"):
    seat_id: Attr[str] = partition_key()
    holder: Attr[str | None] = field(default=None)
    row: Attr[int] = field(default=1)


class Versioned(Model[str], table="versioned"):
    key_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")
    number: Attr[int] = version()


class Member(Model[str], table="members"):
    member_id: Attr[str] = partition_key()
    email: Attr[str] = field(unique=True)


class Entry(Model[str, str], table="entries"):
    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()


class Invoice(Entry, entity="invoice"):
    total: Attr[int] = field(default=0)


class Receipt(Entry, entity="receipt"):
    paid: Attr[bool] = field(default=False)


@pytest.fixture
def seat(client: DynamoDBClient, drive: Drive) -> Seat:
    drive(Seat.table.create())
    seat = Seat(seat_id="1A", holder="bob")
    drive(seat.create())
    return seat


FREE = Seat.holder.not_exists()
TAKEN_SEAT = Seat.holder.exists()


@pytest.mark.parametrize("timeout", [{}, {"timeout": 10}], ids=["", "timeout"])
def test_every_write_of_a_model_returns_what_it_would_have_raised(drive: Drive, seat: Seat, timeout: dict[str, Any]) -> None:
    options: dict[str, Any] = {"condition": FREE, "on_condition": "return", **timeout}
    seat.row = 2
    key = Seat.key("1A")
    set_row = Seat.row.set(3)
    writes = {
        "save": seat.save(**options),
        "put": seat.put(**options),
        "delete": seat.delete(**options),
        "key.update": key.update(set_row, **options),
        "key.apply": key.apply(set_row, **options),
        "key.delete": key.delete(**options),
        "create": Seat(seat_id="1A").create(on_condition="return", **timeout),
        "save of a new one": Seat(seat_id="1A").save(on_condition="return", **timeout),
    }
    for name, write in writes.items():
        outcome = drive(write)

        assert isinstance(outcome, Rejected), name
        assert not outcome
        assert outcome.item == Seat(seat_id="1A", holder="bob"), name
        expected = ItemAlreadyExistsError if name in ("create", "save of a new one") else ConditionFailedError
        assert type(outcome.error) is expected
        assert outcome.error.key == key
        assert outcome.error.condition is (FREE if expected is ConditionFailedError else None)
        assert repr(outcome) == f"<rejected: {outcome.error}>"
    seat.model_rollback()
    updated = drive(seat.update(set_row, **options))
    assert isinstance(updated, Rejected)
    assert set(seat.model_changes()) == set()
    assert drive(Seat.get("1A")) == Seat(seat_id="1A", holder="bob")


def test_a_write_whose_condition_holds_returns_true_or_the_item(drive: Drive, seat: Seat) -> None:
    options: dict[str, Any] = {"condition": TAKEN_SEAT, "on_condition": "return"}
    key = Seat.key("1A")

    assert drive(seat.save(on_condition="return")) is True  # nothing changed, and nothing is sent
    seat.row = 2
    assert drive(seat.save(**options)) is True
    assert drive(seat.put(**options)) is True
    assert drive(seat.update(Seat.row.add(1), **options)) is True
    assert seat.row == 3
    assert drive(key.update(Seat.row.add(1), **options)) == Seat(seat_id="1A", holder="bob", row=4)
    assert drive(key.apply(Seat.row.add(1), **options)) is True
    assert drive(key.delete(**options)) is True
    assert drive(Seat(seat_id="1A").create(on_condition="return")) is True
    assert drive(Seat.key("1B").delete(on_condition="return")) is True
    assert drive(seat.delete(on_condition="return")) is True


def test_without_it_nothing_is_different(drive: Drive, seat: Seat) -> None:
    for options in ({}, {"on_condition": "raise"}, {"on_condition": "raise", "timeout": 5}):
        with pytest.raises(ConditionFailedError):
            drive(seat.put(condition=FREE, **options))  # type: ignore[call-overload]
        assert drive(seat.put(**options)) is None  # type: ignore[call-overload]


@pytest.mark.parametrize("wrong", ["ignore", None, True, ""])
def test_what_is_neither_is_refused_before_anything_runs(drive: Drive, seat: Seat, wrong: Any) -> None:
    calls = [
        lambda: seat.create(on_condition=wrong),
        lambda: seat.save(on_condition=wrong, timeout=5),
        lambda: seat.put(on_condition=wrong),
        lambda: seat.update(Seat.row.add(1), on_condition=wrong),
        lambda: seat.delete(on_condition=wrong),
        lambda: Seat.key("1A").update(Seat.row.add(1), on_condition=wrong),
        lambda: Seat.key("1A").apply(Seat.row.add(1), on_condition=wrong),
        lambda: Seat.key("1A").delete(on_condition=wrong, timeout=5),
    ]
    for call in calls:
        with pytest.raises(ValidationError, match='"raise" or "return"'):
            drive(call())
    assert drive(Seat.get("1A")) == Seat(seat_id="1A", holder="bob")


def test_plain_dictionaries_come_back_as_such(client: DynamoDBClient, drive: Drive, seat: Seat) -> None:
    free = attr("holder").not_exists()
    item = {"seat_id": "1A", "holder": "bob", "row": 1}

    for write in (
        client.put_item("seats", {"seat_id": "1A"}, condition=free, on_condition="return"),
        client.update_item("seats", {"seat_id": "1A"}, attr("row").add(1), condition=free, on_condition="return"),
        client.delete_item("seats", {"seat_id": "1A"}, condition=free, on_condition="return", timeout=5),
    ):
        outcome: Any = drive(write)  # type: ignore[arg-type]
        assert isinstance(outcome, Rejected)
        assert outcome.item == item
    assert drive(client.update_item("seats", {"seat_id": "1A"}, attr("row").add(1), on_condition="return")) == {**item, "row": 2}
    removed = drive(client.update_item("seats", {"seat_id": "none"}, attr("row").remove(), on_condition="return"))
    assert not isinstance(removed, Rejected)  # an item that does not exist, which moto answers with the key
    assert drive(client.put_item("seats", item, on_condition="return")) is True
    assert drive(client.delete_item("seats", {"seat_id": "1A"}, on_condition="return")) is True
    with pytest.raises(ValidationError, match="on_condition"):
        drive(client.put_item("seats", item, on_condition="x"))  # type: ignore[call-overload]


def test_the_blocking_forms_do_the_same(seat: Seat, client: DynamoDBClient) -> None:
    outcome = seat.sync.put(condition=FREE, on_condition="return")

    assert isinstance(outcome, Rejected)
    assert outcome.item is not None
    assert outcome.item.holder == "bob"
    assert isinstance(Seat.key("1A").sync.delete(condition=FREE, on_condition="return"), Rejected)
    free = attr("holder").not_exists()
    assert isinstance(client.sync.put_item("seats", {"seat_id": "1A"}, condition=free, on_condition="return"), Rejected)
    assert Seat.key("1A").sync.delete(on_condition="return") is True


def test_versions_that_differ_and_items_that_are_gone_are_false_conditions(client: DynamoDBClient, drive: Drive) -> None:
    drive(Versioned.table.create())
    mine = Versioned(key_id="k")
    drive(mine.create())
    theirs = drive(Versioned.get("k"))
    theirs.text = "theirs"
    drive(theirs.save())
    mine.text = "mine"

    for write in (mine.save, mine.put, mine.delete):
        conflict = drive(write(on_condition="return"))
        assert isinstance(conflict, Rejected)
        assert type(conflict.error) is VersionConflictError
        assert (conflict.item.text, conflict.item.number) == ("theirs", 2)
    assert (mine.number, mine.text) == (1, "mine")
    drive(Versioned.key("k").delete())
    gone = drive(theirs.update(Versioned.text.set("x"), on_condition="return"))
    assert isinstance(gone, Rejected)
    assert (type(gone.error), gone.item) == (ItemVanishedError, None)
    # An item that a key does not lead to is no false condition; its error is raised as ever.
    with pytest.raises(ItemNotFoundError):
        drive(Versioned.key("k").update(Versioned.text.set("x"), condition=Versioned.text == "y", on_condition="return"))


def test_a_unique_value_that_is_taken_is_a_false_condition(client: DynamoDBClient, drive: Drive) -> None:
    drive(Member.table.create())
    drive(Member(member_id="a", email="a@b.c").create())

    taken = drive(Member(member_id="b", email="a@b.c").create(on_condition="return"))

    assert isinstance(taken, Rejected)
    assert isinstance(taken.error, UniqueConstraintError)
    assert (taken.error.holder, taken.item) == (Member.key("a"), None)
    assert drive(Member.get("b")) is None
    assert drive(Member(member_id="b", email="b@b.c").create(on_condition="return")) is True


def test_an_item_of_another_entity_is_no_item_of_the_model(client: DynamoDBClient, drive: Drive) -> None:
    drive(Entry.table.create())
    drive(Receipt(pk="p", sk="s", paid=True).create())

    outcome = drive(Invoice(pk="p", sk="s").create(on_condition="return"))

    assert isinstance(outcome, Rejected)
    assert outcome.item is None
    assert outcome.error.item["paid"] is True


def test_hooks_run_for_what_was_written_and_their_own_errors_are_raised(client: DynamoDBClient, drive: Drive) -> None:
    ran: list[str] = []

    class Hooked(Model[str], table="hooked"):
        key_id: Attr[str] = partition_key()
        text: Attr[str] = field(default="")

        @before_save
        def before(self) -> None:
            ran.append("before")

        @after_save
        def after(self) -> None:
            ran.append("after")
            if self.text == "fail":
                raise ConditionFailedError("of the hook")

        @after_delete
        def deleted(self) -> None:
            ran.append("deleted")

        @after_load
        def loaded(self) -> None:
            ran.append("loaded")
            if self.text == "fail":
                raise ConditionFailedError("of the hook")

    drive(Hooked.table.create())
    assert drive(Hooked(key_id="k").create(on_condition="return")) is True
    assert ran == ["before", "after"]
    assert isinstance(drive(Hooked(key_id="k").create(on_condition="return")), Rejected)
    assert ran == ["before", "after", "before"]
    false = Hooked.text == "never"
    item = Hooked(key_id="k")
    for write in (item.put, item.delete):
        assert isinstance(drive(write(condition=false, on_condition="return")), Rejected)
    assert isinstance(drive(Hooked.key("k").update(Hooked.text.set("x"), condition=false, on_condition="return")), Rejected)
    assert ran[3:] == ["before"]
    # What was written is not rejected because a hook failed after it.
    with pytest.raises(ConditionFailedError, match="of the hook"):
        drive(Hooked(key_id="new", text="fail").create(on_condition="return"))
    with pytest.raises(ConditionFailedError, match="of the hook"):
        drive(Hooked.key("new").update(Hooked.text.set("fail"), on_condition="return"))


def test_what_may_be_this_calls_own_doing_is_raised(serve: Serve, drive: Drive) -> None:
    server = serve(reset, TAKEN)
    with client_of(server).as_default(), pytest.raises(ItemAlreadyExistsError, match="earlier attempt") as doubt:
        drive(Note(note_id="n1", text="mine").create(on_condition="return"))
    assert doubt.value.ambiguous
    assert len(server.seen) == 2

    with client_of(serve(TAKEN)).as_default():
        certain = drive(Note(note_id="n1").create(on_condition="return"))
    assert isinstance(certain, Rejected)
    assert certain.item == Note(note_id="n1", text="hello")

    server = serve(FOUND, reset, DONE)
    with client_of(server).as_default():
        note = drive(Note.get("n1"))
        note.text = "b"
        with pytest.raises(WriteOutcomeUnknownError):
            drive(note.save(condition=Note.text == "hello", on_condition="return"))
    assert len(server.seen) == 2
    with client_of(serve(FOUND, reset, refusal("ConditionalCheckFailedException"))).as_default():
        note = drive(Note.get("n1"))
        note.text = "b"
        with pytest.raises(ItemVanishedError) as vanished:
            drive(note.save(on_condition="return"))
    assert vanished.value.ambiguous


@pytest.mark.engines("embedded")  # moto answers in threads, and checks a condition before it locks the table
def test_one_of_many_gets_the_seat(client: DynamoDBClient) -> None:
    Seat.table.sync.create()
    Seat(seat_id="1A").sync.create()

    async def book() -> list[Any]:
        take = [
            Seat.key("1A").update(Seat.holder.set(f"u{number}"), condition=FREE, on_condition="return") for number in range(12)
        ]
        return await asyncio.gather(*take)

    outcomes = asyncio.run(book())

    (winner,) = [outcome for outcome in outcomes if not isinstance(outcome, Rejected)]
    others = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    assert len(others) == 11
    assert {rejected.item.holder for rejected in others} == {winner.holder}


def test_a_result_keeps_no_frame_of_the_call_alive(drive: Drive, seat: Seat) -> None:
    class Mark:
        pass

    def attempt() -> tuple[Any, weakref.ref[Mark]]:
        mark = Mark()
        return drive(seat.put(condition=FREE, on_condition="return")), weakref.ref(mark)

    outcome, mark = attempt()

    gc.collect()
    assert mark() is None
    assert outcome.error.__traceback__ is None
    with pytest.raises(ConditionFailedError):
        raise outcome.error
    match outcome:
        case Rejected(Seat() as found):
            assert found.holder == "bob"
        case _:
            pytest.fail("no match")


def test_a_transaction_returns_the_operations_whose_conditions_were_false(
    client: DynamoDBClient, drive: Drive, seat: Seat
) -> None:
    async def move(**options: Any) -> Any:
        async with client.transaction(on_condition="return", **options) as tx:
            tx.update(Seat.key("1A"), Seat.holder.set("eve"), condition=FREE)
            tx.create(Seat(seat_id="1B"))
        return tx

    for options in ({}, {"timeout": 10}):
        tx = drive(move(**options))
        assert list(tx.rejected) == [0]
        assert tx.rejected[0].item == Seat(seat_id="1A", holder="bob")
        assert type(tx.rejected[0].error) is ConditionFailedError
    assert drive(Seat.get("1B")) is None
    drive(seat.update(Seat.holder.remove()))
    assert drive(move()).rejected == {}
    assert drive(Seat.get("1A")).holder == "eve"
    with client.sync.transaction(on_condition="return") as blocking:
        blocking.create(Seat(seat_id="1A"))
        blocking.create(Seat(seat_id="1C"))
    assert type(blocking.rejected[0].error) is ItemAlreadyExistsError
    with pytest.raises(ValidationError, match="on_condition"):
        client.transaction(on_condition="ignore")  # type: ignore[arg-type]


def test_a_transaction_that_failed_for_another_reason_too_raises(client: DynamoDBClient, drive: Drive, seat: Seat) -> None:
    async def both() -> None:
        async with client.transaction(on_condition="return") as tx:
            tx.update(Seat.key("1A"), Seat.holder.set("eve"), condition=FREE)
            tx.update(Seat.key("none"), Seat.holder.set("eve"))

    with pytest.raises(TransactionCanceledError) as canceled:
        drive(both())
    assert {type(failure) for failure in canceled.value.failures.values()} == {ConditionFailedError, ItemNotFoundError}
