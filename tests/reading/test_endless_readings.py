"""Servers that lead a reading in a circle, and the engine that was one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, Model, attr, export_jsonl, field, partition_key, sort_key
from pydynox.exceptions import InvalidResponseError
from pydynox.local import LocalServer

from tests.conftest import Drive, Serve, client_of
from tests.engines import CREDENTIALS
from tests.faults.deeds import answer
from tests.faults.server import Connection, Seen


class Note(Model[str], table="notes"):
    note_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")


class Order(Model[str, int], table="orders"):
    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()


def stuck(length: int, row: bool = False) -> Any:
    """Answers whose positions repeat themselves after so many."""
    step = itertools.count()

    def body() -> dict[str, Any]:
        key = {"customer": {"S": "c1"}, "number": {"N": str(next(step) % length)}}
        items = [key] if row else []
        return {"Count": len(items), "ScannedCount": 1, "Items": items, "LastEvaluatedKey": key}

    def deed(connection: Connection, seen: Seen) -> None:
        answer(body())(connection, seen)

    return deed


READS: dict[str, Callable[[Any], Any]] = {
    "all": lambda query: query.all(),
    "count": lambda query: query.count(),
    "exists": lambda query: query.exists(),
    "first": lambda query: query.first(),
    "one": lambda query: query.one(),
    "page": lambda query: query.page(5),
}
QUERIES: dict[str, Callable[[DynamoDBClient], Any]] = {
    "query": lambda _: Order.query("c1"),
    "filtered": lambda client: client.query("orders", {"customer": "c1"}).filter(attr("x") == 1),
    "scan": lambda _: Order.scan(),
    "segments": lambda _: Order.scan(segments=2),
    "keys": lambda _: Order.query("c1").keys(),
    "plain": lambda client: client.query("orders", {"customer": "c1"}),
    "paced": lambda _: Order.query("c1").paced(),
}


@pytest.mark.parametrize("verb", READS)
@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("length", [1, 3])
def test_a_position_that_repeats_itself_is_an_invalid_response(
    serve: Serve, drive: Drive, name: str, verb: str, length: int
) -> None:
    if name == "segments" and verb in ("count", "exists", "first", "one"):
        pytest.skip("as all")
    server = serve(stuck(length))
    client = client_of(server, timeout=20)
    with client.as_default(), pytest.raises(InvalidResponseError, match="never end"):
        drive(READS[verb](QUERIES[name](client)))
    assert len(server.seen) <= 40


def test_it_is_one_where_every_answer_has_rows(serve: Serve, drive: Drive) -> None:
    with client_of(serve(stuck(1, row=True))).as_default():
        with pytest.raises(InvalidResponseError):
            drive(Order.query("c1").all())
        cursor = drive(Order.query("c1").page(1)).cursor
        with pytest.raises(InvalidResponseError):
            drive(Order.query("c1").after(cursor).page(1))


def test_statements_lists_of_tables_and_exports_end_too(serve: Serve, drive: Drive, tmp_path: Path) -> None:
    statements = client_of(serve(answer({"Items": [], "NextToken": "t"})))
    with pytest.raises(InvalidResponseError, match="never end"):
        drive(statements.execute("SELECT * FROM orders"))
    tables = client_of(serve(answer({"TableNames": ["a"], "LastEvaluatedTableName": "a"})))
    with pytest.raises(InvalidResponseError, match="never end"):
        drive(tables.list_tables())


@pytest.fixture(params=["memory", "local server"])
def notes(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        client = DynamoDBClient(endpoint_url="memory://")
        with client.as_default():
            Note.table.sync.create()
            yield client
        return
    with LocalServer() as server:
        client = DynamoDBClient(endpoint_url=server.endpoint_url, region="eu-west-1", credentials=CREDENTIALS)
        with client.as_default():
            Note.table.sync.create()
            yield client
        client.sync.close()


def test_behind_the_only_item_of_a_partition_there_is_nothing(notes: DynamoDBClient, drive: Drive) -> None:
    drive(Note(note_id="n1").create())
    query = Note.query("n1").page_size(1)

    assert len(drive(query.all())) == 1
    assert drive(query.count()) == 1
    page = drive(query.page(1))
    assert len(page) == 1
    after = query.after(page.cursor) if page.cursor else query.after({"note_id": "n1"})
    assert drive(after.all()) == []
    assert drive(after.count()) == 0
    assert drive(after.exists()) is False
    assert drive(query.descending().after({"note_id": "n1"}).all()) == []
    assert drive(query.filter(Note.text == "x").all()) == []
    assert len(drive(query.keys().all())) == 1
    assert [len(page) for page in query.sync.pages(1)] in ([1], [1, 0])
    statement = ("SELECT * FROM notes WHERE note_id = ?", "n1")
    page = drive(notes.execute(*statement, limit=1))
    assert len(page) == 1
    if page.cursor is not None:
        assert len(drive(notes.execute(*statement, after=page.cursor))) == 0


def test_an_export_that_goes_in_a_circle_ends(serve: Serve, drive: Drive, tmp_path: Path) -> None:
    table = {"TableName": "orders", "TableStatus": "ACTIVE", "TableArn": "arn:aws:dynamodb:eu-west-1:1:table/orders"}
    table |= {"CreationDateTime": 1.0, "KeySchema": [{"AttributeName": "customer", "KeyType": "HASH"}]}  # type: ignore[dict-item]
    described = answer({"Table": table})
    page = answer({"Count": 0, "Items": [], "LastEvaluatedKey": {"customer": {"S": "c1"}}})
    client = client_of(serve(described, page))
    with pytest.raises(InvalidResponseError, match="never end"):
        drive(export_jsonl("orders", tmp_path / "file", client=client))


AGAIN: dict[str, Callable[[Any, Any], Any]] = {
    "page": lambda query, cursor: query.after(cursor).page(1),
    "max_reads": lambda query, cursor: query.max_reads(1).after(cursor).page(1),
    "all": lambda query, cursor: query.after(cursor).all(),
    "count": lambda query, cursor: query.after(cursor).count(),
    "exists": lambda query, cursor: query.after(cursor).exists(),
}


@pytest.mark.parametrize("row", [False, True], ids=["without rows", "with rows"])
@pytest.mark.parametrize("verb", AGAIN)
@pytest.mark.parametrize("name", ["query", "filtered", "scan", "keys", "plain", "paced"])
def test_a_service_that_gives_the_position_back_that_it_was_given_is_found_over_separate_calls(
    serve: Serve, drive: Drive, name: str, verb: str, row: bool
) -> None:
    client = client_of(serve(stuck(1, row=row)), timeout=20)
    with client.as_default():
        query = QUERIES[name](client)
        cursor = drive(query.max_reads(1).page(1)).cursor
        assert cursor is not None
        with pytest.raises(InvalidResponseError, match="never end"):
            drive(AGAIN[verb](query, cursor))


def test_a_loop_over_pages_of_one_query_ends(serve: Serve, drive: Drive) -> None:
    def each_page() -> None:
        page = drive(Order.query("c1").max_reads(1).page(1))
        for _ in range(3):
            page = drive(Order.query("c1").max_reads(1).after(page.cursor).page(1))

    with client_of(serve(stuck(1))).as_default(), pytest.raises(InvalidResponseError):
        each_page()


def test_statements_find_it_over_separate_calls_too(serve: Serve, drive: Drive) -> None:
    item = {"customer": {"S": "c1"}, "number": {"N": "1"}}
    client = client_of(serve(answer({"Items": [item], "NextToken": "t"})))
    cursor = drive(client.execute("SELECT * FROM orders", limit=1)).cursor
    with pytest.raises(InvalidResponseError, match="never end"):
        drive(client.execute("SELECT * FROM orders", limit=1, after=cursor))
