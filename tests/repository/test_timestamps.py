"""`created_at=` and `updated_at=` of a repository: writes set them, the object learns them, and nothing else changes them."""

from __future__ import annotations

import copy
import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import msgspec
import pydantic
import pytest
from pydynox import DynamoDBClient, Repository, run
from pydynox.exceptions import ConfigurationError, ValidationError, VersionConflictError

from tests.conftest import Drive

from .classes import replaced

LONG_AGO = datetime(2001, 2, 3, tzinfo=UTC)


class PydanticNote(pydantic.BaseModel):
    note_id: str
    text: str = ""
    made: datetime | None = None
    changed: datetime | None = None
    version: int = 0


@dataclasses.dataclass
class DataclassNote:
    note_id: str
    text: str = ""
    made: datetime | None = None
    changed: datetime = LONG_AGO
    version: int = 0


@attrs.define
class AttrsNote:
    note_id: str
    text: str = ""
    made: datetime | None = None
    changed: datetime | None = None
    version: int = 0


class StructNote(msgspec.Struct, weakref=True):
    note_id: str
    text: str = ""
    made: datetime | None = None
    changed: datetime | None = None
    version: int = 0


@dataclasses.dataclass(frozen=True)
class FrozenNote:
    note_id: str
    text: str = ""
    made: datetime | None = None
    changed: datetime | None = None
    version: int = 0


class FrozenPydanticNote(pydantic.BaseModel, frozen=True):
    note_id: str
    text: str = ""
    made: datetime | None = None
    changed: datetime | None = None
    version: int = 0


REMEMBERED: list[Any] = [PydanticNote, DataclassNote, AttrsNote, StructNote]
FROZEN: list[Any] = [FrozenNote, FrozenPydanticNote]


def notes_of(cls: Any, **options: Any) -> Repository[Any]:
    declared = {"created_at": "made", "updated_at": "changed", "version": "version", "keep_unknown": cls not in FROZEN}
    notes: Repository[Any] = Repository(cls, table="notes", partition_key="note_id", **(declared | options))
    notes.table.sync.ensure()
    return notes


@pytest.mark.parametrize("cls", REMEMBERED, ids=lambda cls: cls.__name__)
def test_writes_set_them_and_the_object_learns_them(cls: Any, place: DynamoDBClient, drive: Drive) -> None:
    notes = notes_of(cls)
    start = datetime.now(UTC)

    note = drive(notes.create(cls(note_id="n1", made=LONG_AGO)))  # what a new object has is replaced
    made = note.made
    assert start <= made <= datetime.now(UTC)
    assert note.changed == made
    assert drive(notes.get("n1")) == note
    note.text = "a"
    drive(notes.save(note))
    first = note.changed
    drive(notes.update(note, notes.attr.text.set("b")))
    second = note.changed
    drive(notes.put(note))

    assert note.made == made < first < second < note.changed
    assert drive(notes.get("n1")) == note
    assert drive(notes.key("n1").update(notes.attr.text.set("c"))).changed > note.changed
    assert drive(notes.refresh(note)).text == "c"
    assert note.made == made
    assert notes.changes(note) == {}
    drive(notes.delete(note))
    again = drive(notes.save(note))  # new again
    assert again is note
    assert note.made > made


@pytest.mark.parametrize("cls", FROZEN, ids=lambda cls: cls.__name__)
def test_of_a_frozen_class_a_copy_has_them(cls: Any, memory: DynamoDBClient, drive: Drive) -> None:
    notes = notes_of(cls)

    first = drive(notes.create(cls(note_id="n1")))
    second = drive(notes.save(replaced(first, text="a"), loaded=first))

    assert first.made == first.changed
    assert (second.made, second.version) == (first.made, 2)
    assert second.changed > first.changed
    assert drive(notes.get("n1")) == second
    with pytest.raises(VersionConflictError):
        drive(notes.save(replaced(first, text="b"), loaded=first))
    put = drive(notes.put(second))  # nothing is remembered of it, so it is the put of a new object
    assert (put.version, put.made > second.made) == (3, True)


@pytest.mark.parametrize("cls", [*REMEMBERED, *FROZEN], ids=lambda cls: cls.__name__)
def test_the_guard_of_a_version_tells_an_item_from_another_one_under_its_key(cls: Any, memory: DynamoDBClient) -> None:
    notes = notes_of(cls)
    note = notes.sync.create(cls(note_id="n1"))
    notes.key("n1").sync.delete()
    notes.sync.create(cls(note_id="n1"))

    stale = replaced(note, text="stale")
    with pytest.raises(VersionConflictError):
        notes.sync.save(stale, loaded=note)


def test_they_are_not_for_callers_to_change(memory: DynamoDBClient) -> None:
    notes = notes_of(PydanticNote)
    note = notes.sync.create(PydanticNote(note_id="n1"))
    made = note.made

    for name in ("made", "changed"):
        changed = copy.copy(note)
        setattr(changed, name, LONG_AGO)
        with pytest.raises(ValidationError, match=rf"PydanticNote\.{name} is .*2001.* was read or written with .*leave it alone"):
            notes.sync.save(changed, loaded=note)
    with pytest.raises(ValidationError):
        run(notes.key("n1").update(notes.attr.made.set(LONG_AGO)))
    assert notes.sync.get_or_raise("n1").made == made
    assert notes.sync.scan().filter(notes.attr.made >= made).count() == 1


def test_batches_and_transactions_set_them_too(memory: DynamoDBClient) -> None:
    notes = notes_of(StructNote, version=None)
    one, two = StructNote("n1"), StructNote("n2")

    with memory.sync.batch_writer() as batch:
        batch.put(notes.item(one))
    with memory.sync.transaction() as tx:
        tx.create(notes.item(two))

    assert notes.sync.batch_get(["n1", "n2"]) == [one, two]
    assert one.made is not None
    assert two.made is not None


def test_an_item_of_before_has_none(memory: DynamoDBClient) -> None:
    notes = notes_of(PydanticNote, names={"made": "created"})
    memory.sync.put_item("notes", {"note_id": "n1", "text": "old"})
    note = notes.sync.get_or_raise("n1")
    assert (note.made, note.changed) == (None, None)

    note.text = "new"
    notes.sync.save(note)

    stored = memory.sync.get_item("notes", {"note_id": "n1"})
    assert stored is not None
    assert set(stored) == {"note_id", "text", "changed", "version"}
    assert note.made is None
    assert datetime.now(UTC) - note.changed < timedelta(minutes=5)  # type: ignore[operator]  # set by the write


@dataclasses.dataclass
class Wrong:
    wrong_id: str
    text: str = ""
    at: datetime | None = None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"created_at": "text"}, r"Wrong\.text is created_at= and has the type str: it must be datetime or datetime \| None"),
        ({"updated_at": "tex"}, r"Wrong has no field 'tex', which updated_at= names; did you mean 'text'\?"),
        ({"created_at": "wrong_id"}, r"Wrong\.wrong_id is a key, so it cannot be created_at= too"),
        ({"created_at": "at", "updated_at": "at"}, r"Wrong\.at is created_at=, so it cannot be updated_at= too"),
        ({"ttl": "at", "updated_at": "at"}, r"Wrong\.at is ttl=, so it cannot be updated_at= too"),
    ],
)
def test_what_cannot_be_a_timestamp_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Repository(Wrong, table="wrongs", partition_key="wrong_id", **options)
