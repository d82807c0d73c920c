"""Names of tables that no table can have: refused before anything is sent, wherever a caller gives one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, Model, attr, export_jsonl, import_jsonl, partition_key
from pydynox.exceptions import ConfigurationError, PydynoxError, ValidationError

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer

KEY = {"note_id": "n1"}


def line_in(path: Path) -> Path:
    made = path / "lines.jsonl"
    made.write_text('{"Item":{"note_id":{"S":"n1"}}}\n')
    return made


VERBS: dict[str, Callable[[DynamoDBClient, str, Path], Any]] = {
    "get_item": lambda client, name, _: client.get_item(name, KEY),
    "put_item": lambda client, name, _: client.put_item(name, KEY),
    "update_item": lambda client, name, _: client.update_item(name, KEY, attr("hits").set(1)),
    "delete_item": lambda client, name, _: client.delete_item(name, KEY),
    "query": lambda client, name, _: client.query(name, KEY).all(),
    "query count": lambda client, name, _: client.query(name, KEY).count(),
    "query page": lambda client, name, _: client.query(name, KEY).page(3),
    "scan": lambda client, name, _: client.scan(name).all(),
    "scan segments": lambda client, name, _: client.scan(name, segments=2).all(),
    "export_jsonl": lambda client, name, path: export_jsonl(name, path / "file", client=client),
    "import_jsonl": lambda client, name, path: import_jsonl(name, line_in(path), client=client),
}
WRONG = {
    "long": "x" * 300,
    "one too long": "x" * 256,
    "short": "ab",
    "empty": "",
    "space": "my notes",
    "letter": "nötes",
    "slash": "a/b/c",
    "line": "notes\n",
}


@pytest.mark.parametrize("name", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("verb", VERBS)
def test_what_no_table_is_called_is_refused_before_anything_is_sent(
    serve: Serve, drive: Drive, tmp_path: Path, verb: str, name: str
) -> None:
    server = serve(answer({}))
    client = client_of(server)
    with pytest.raises(ValidationError, match=r"a name must have|a name consists of"):
        drive(VERBS[verb](client, name, tmp_path))
    assert not server.seen


GOOD = ["abc", "x" * 255, "My_Notes-2.0", "arn:aws:dynamodb:eu-west-1:123456789012:table/notes"]


@pytest.mark.parametrize("name", GOOD, ids=lambda name: name[:20])
@pytest.mark.parametrize("verb", [verb for verb in VERBS if "jsonl" not in verb])
def test_what_a_table_may_be_called_is_sent(serve: Serve, drive: Drive, tmp_path: Path, verb: str, name: str) -> None:
    server = serve(answer({"Attributes": {}, "Items": [], "Count": 0}))
    drive(VERBS[verb](client_of(server), name, tmp_path))
    assert {request.json()["TableName"] for request in server.seen} == {name}


@pytest.mark.parametrize("verb", VERBS)
def test_the_prefix_counts(serve: Serve, drive: Drive, tmp_path: Path, verb: str) -> None:
    server = serve(answer({}))
    for prefix, name in (("p" * 10, "x" * 250), ("a b", "notes")):
        with pytest.raises(ValidationError, match="table_prefix included"):
            drive(VERBS[verb](client_of(server, table_prefix=prefix), name, tmp_path))
    assert not server.seen


def test_a_prefix_may_make_it_long_enough(serve: Serve, drive: Drive) -> None:
    server = serve(answer({}))
    drive(client_of(server, table_prefix="t-").get_item("a", KEY))
    assert server.seen[0].json()["TableName"] == "t-a"


class Note(Model[str], table="n" * 250):
    note_id: Attr[str] = partition_key()


TABLE: dict[str, Callable[[], Any]] = {
    "create": Note.table.create,
    "describe": Note.table.describe,
    "exists": Note.table.exists,
    "delete": Note.table.delete,
    "wait": Note.table.wait_until_active,
    "ensure": Note.table.ensure,
    "get": lambda: Note.get("n1"),
    "scan": lambda: Note.scan().all(),
}


@pytest.mark.parametrize("verb", TABLE)
def test_a_prefix_that_makes_the_name_of_a_model_too_long_is_refused(serve: Serve, drive: Drive, verb: str) -> None:
    server = serve(answer({}))
    with client_of(server, table_prefix="p" * 10).as_default(), pytest.raises(PydynoxError, match="260 characters") as caught:
        drive(TABLE[verb]())
    assert isinstance(caught.value, (ConfigurationError, ValidationError))
    assert not server.seen
