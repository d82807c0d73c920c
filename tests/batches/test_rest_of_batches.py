"""What an error of a batch says of everything else: how many are written, and what was not sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, Model, field, import_jsonl, partition_key
from pydynox.exceptions import BatchIncompleteError, ItemTooLargeError

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer, error


class Note(Model[str], table="notes"):
    note_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")


async def stream(notes: list[Note]) -> Any:
    for note in notes:
        yield note


SOURCES: dict[str, Callable[[list[Note]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": lambda notes: (note for note in notes),
    "stream": stream,
}
#: Each with how many it sends at a time.
VERBS: dict[str, tuple[int, Callable[[DynamoDBClient, Any], Any]]] = {
    "batch_save": (100, lambda client, source: client.batch_save(source)),
    "batch_delete": (100, lambda client, source: client.batch_delete(source)),
    "bulk_write": (400, lambda client, source: client.bulk_write(source)),
}
sources = pytest.mark.parametrize("source", SOURCES)
verbs = pytest.mark.parametrize("verb", VERBS)


def notes(count: int) -> list[Note]:
    return [Note(note_id=f"n{number}") for number in range(count)]


@sources
@pytest.mark.parametrize("verb", ["batch_save", "bulk_write"])
def test_of_one_that_is_too_large_the_rest_is_accounted_for(drive: Drive, verb: str, source: str) -> None:
    at_once, call = VERBS[verb]
    made = notes(at_once + 90)
    bad = at_once + 40
    made[bad].text = "x" * 410_000
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        drive(Note.table.create())
        with pytest.raises(ItemTooLargeError) as caught:
            drive(call(client, SOURCES[source](made)))
        assert drive(Note.scan().count()) == at_once
    told = caught.value.__context__
    assert isinstance(told, BatchIncompleteError)
    assert caught.value.position == bad
    assert told.written_count == at_once
    assert list(told.pending) == made[at_once:bad] + (made[bad + 1 :] if source in ("list", "tuple") else [])


@sources
@verbs
def test_of_a_refused_request_the_rest_is_accounted_for(serve: Serve, drive: Drive, verb: str, source: str) -> None:
    at_once, call = VERBS[verb]
    made = notes(2 * at_once + 50)
    server = serve(*[answer({})] * (at_once // 25), error("ValidationException"))
    client = client_of(server)
    with client.as_default(), pytest.raises(BatchIncompleteError) as caught:
        drive(call(client, SOURCES[source](made)))
    told = caught.value
    assert told.written_count == at_once
    assert list(told.unprocessed) == made[at_once : 2 * at_once]
    assert list(told.pending) == (made[2 * at_once :] if source in ("list", "tuple") else [])
    assert len(told.pending) == int(str(told).rpartition("; ")[2].split()[0])


def test_a_block_that_raises_counts_too(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    made = notes(105)

    async def block() -> None:
        async with client.batch_writer() as batch:
            for note in made:
                await batch.put(note)
            raise LookupError

    with client.as_default():
        drive(Note.table.create())
        with pytest.raises(LookupError) as caught:
            drive(block())
    told = caught.value.__context__
    assert isinstance(told, BatchIncompleteError)
    assert (told.written_count, len(told.written), len(told.pending)) == (100, 100, 5)


def test_a_batch_of_which_nothing_is_done_says_nothing_more(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default(), pytest.raises(TypeError) as caught:
        drive(client.batch_save([object()]))  # type: ignore[list-item]
    assert caught.value.__context__ is None


def test_an_import_counts_its_lines(serve: Serve, drive: Drive, tmp_path: Path) -> None:
    described = {
        "TableName": "notes",
        "TableStatus": "ACTIVE",
        "TableArn": "arn:aws:dynamodb:eu-west-1:1:table/notes",
        "CreationDateTime": 1.0,
        "KeySchema": [{"AttributeName": "note_id", "KeyType": "HASH"}],
    }
    file = tmp_path / "notes.jsonl"
    file.write_text("".join(f'{{"Item":{{"note_id":{{"S":"n{number}"}}}}}}\n' for number in range(450)))
    server = serve(answer({"Table": described}), *[answer({})] * 16, error("ValidationException"))
    with pytest.raises(BatchIncompleteError, match="after line 400") as caught:
        drive(import_jsonl("notes", file, client=client_of(server)))
    assert caught.value.written_count == 400
