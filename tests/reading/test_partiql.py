"""PartiQL: statements, their parameters, pages, batches and transactions."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, Encrypted, LocalKeyring, Model, after_load, field, partition_key, sort_key
from pydynox.exceptions import (
    ConditionFailedError,
    CursorError,
    EncryptionError,
    ItemAlreadyExistsError,
    SerializationError,
    TableNotFoundError,
    ThrottlingError,
    TransactionCanceledError,
    TransactionConflictError,
    ValidationError,
    WriteOutcomeUnknownError,
)

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer, error, reset

EMBEDDED = pytest.mark.engines("embedded", "ministack")


class Entry(Model[str, int], table="entries"):
    book: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    text: Attr[str] = field(default="")
    total: Attr[Decimal] = field(default=Decimal(0))


class Watched(Model[str], table="watched"):
    watched_id: Attr[str] = partition_key()
    seen: Attr[int] = field(default=0)

    @after_load
    def note(self) -> None:
        self.seen += 1


ALL = 'SELECT * FROM "entries" WHERE book = ?'


@pytest.fixture
def book(client: DynamoDBClient) -> DynamoDBClient:
    Entry.table.sync.create()
    for number in range(1, 8):
        Entry(book="b", number=number, text=f"page {number}", total=Decimal(number) / 4).sync.create()
    return client


def bodies(server: Any) -> list[dict[str, Any]]:
    return [json.loads(seen.body) for seen in server.seen]


def test_a_statement_gives_rows_as_dictionaries_or_instances(book: DynamoDBClient, drive: Drive) -> None:
    plain = drive(book.execute(ALL + " AND number = ?", "b", 2))
    typed = drive(book.execute(ALL + " AND number = ?", "b", 2, model=Entry))

    assert list(plain) == [{"book": "b", "number": 2, "text": "page 2", "total": Decimal("0.5")}]
    assert list(typed) == [Entry(book="b", number=2, text="page 2", total=Decimal("0.5"))]
    assert typed.cursor is None
    typed[0].text = "other"
    drive(typed[0].save())
    assert drive(Entry.get_or_raise("b", 2)).text == "other"


@pytest.mark.deviates(moto="comparisons of numbers in PartiQL are wrong")
def test_parameters_are_sent_by_their_types(book: DynamoDBClient, drive: Drive) -> None:
    found = drive(book.execute(ALL + " AND number > ? AND total <= ?", "b", 3, Decimal("1.5"), model=Entry))

    assert [entry.number for entry in found] == [4, 5, 6]


@EMBEDDED
def test_a_limit_is_of_rows_and_the_cursor_goes_on(book: DynamoDBClient, drive: Drive) -> None:
    numbers: list[int] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor is not None:
        page = drive(book.execute(ALL, "b", model=Entry, limit=3, after=cursor))
        assert len(page) <= 3
        numbers += [entry.number for entry in page]
        cursor, pages = page.cursor, pages + 1

    assert numbers == [1, 2, 3, 4, 5, 6, 7]
    assert pages == 3
    assert [entry.number for entry in drive(book.execute(ALL, "b", model=Entry))] == numbers


@EMBEDDED
def test_a_filter_does_not_make_a_page_short(book: DynamoDBClient, drive: Drive) -> None:
    page = drive(book.execute(ALL + " AND text IN (?, ?)", "b", "page 2", "page 6", limit=2))

    assert [row["number"] for row in page] == [2, 6]


def test_a_cursor_is_bound_to_its_statement_and_parameters(serve: Serve, drive: Drive) -> None:
    server = serve(*[answer({"Items": [{"book": {"S": "b"}}], "NextToken": token}) for token in ("secret", "more")])
    client = client_of(server)
    page = drive(client.execute(ALL, "b", limit=1))
    assert page.cursor is not None

    for statement, parameters in ((ALL, ("c",)), (ALL + " ", ("b",))):
        with pytest.raises(CursorError, match="another statement, or with other parameters"):
            drive(client.execute(statement, *parameters, after=page.cursor))
    for forged in (page.cursor[:-2] + "AA", "x", ""):
        with pytest.raises(CursorError):
            drive(client.execute(ALL, "b", after=forged))
    drive(client.execute(ALL, "b", limit=1, after=page.cursor))

    assert [body.get("NextToken") for body in bodies(server)] == [None, "secret"]
    keyed = client_of(server, cursor_keys=[b"k" * 32])
    with pytest.raises(CursorError):
        drive(keyed.execute(ALL, "b", after=page.cursor))


def test_pages_are_followed_until_there_are_enough_rows(serve: Serve, drive: Drive) -> None:
    def page(numbers: list[int], token: str | None, units: float) -> Any:
        items = [{"number": {"N": str(number)}} for number in numbers]
        more = {} if token is None else {"NextToken": token}
        return answer({"Items": items, "ConsumedCapacity": {"TableName": "t", "CapacityUnits": units}, **more})

    server = serve(page([1], "a", 1.0), page([], "b", 0.5), page([2, 3], "c", 2.0), page([1], "a", 1.0), page([2], None, 1.0))
    client = client_of(server)
    some = drive(client.execute(ALL, "b", limit=3))
    every = drive(client.execute(ALL, "b"))

    assert [row["number"] for row in some] == [1, 2, 3]
    assert (some.cursor is not None, some.consumed_capacity) == (True, 3.5)
    assert [row["number"] for row in every] == [1, 2]
    assert every.cursor is None
    assert [(body.get("Limit"), body.get("NextToken")) for body in bodies(server)] == [
        (3, None),
        (2, "a"),
        (2, "b"),
        (None, None),
        (None, "a"),
    ]


@pytest.mark.deviates(moto="INSERT with parameters is wrong")
def test_statements_write(book: DynamoDBClient, drive: Drive) -> None:
    drive(book.execute("INSERT INTO \"entries\" VALUE {'book': ?, 'number': ?, 'text': ?}", "c", 1, "new"))
    with pytest.raises(ItemAlreadyExistsError):
        drive(book.execute("INSERT INTO \"entries\" VALUE {'book': ?, 'number': ?}", "c", 1))
    changed = drive(book.execute('UPDATE "entries" SET text = ? WHERE book = ? AND number = ? RETURNING ALL NEW *', "x", "c", 1))
    with pytest.raises(ConditionFailedError) as caught:
        drive(book.execute('DELETE FROM "entries" WHERE book = ? AND number = ? AND text = ?', "c", 1, "y"))
    drive(book.execute('DELETE FROM "entries" WHERE book = ? AND number = ?', "c", 1))

    assert [row["text"] for row in changed] == ["x"]
    assert caught.value.item == {"book": "c", "number": 1, "text": "x"}
    assert drive(Entry.get("c", 1)) is None


def test_what_cannot_be_executed_is_refused_before_it_is_sent(serve: Serve, drive: Drive) -> None:
    server = serve()
    client = client_of(server)
    for statement, parameters, options, message in (
        ("", (), {}, "the statement is empty"),
        (" -- nothing", (), {}, "the statement is empty"),
        (ALL, (), {}, "1 placeholder \\? and was given 0 parameters"),
        ("SELECT * FROM t WHERE a = '?'", ("x",), {}, "0 placeholder \\?s and was given 1 parameter"),
        ("SELECT 'x", (), {}, "does not end"),
        (ALL, (set(),), {}, "parameter 1"),
        (ALL, (float("nan"),), {}, "parameter 1"),
        (ALL, ("b",), {"limit": 0}, "1 or more"),
        (ALL, ("b",), {"limit": True}, "1 or more"),
        ("DELETE FROM t", (), {"limit": 1}, "limit= applies only to SELECT"),
        ("DELETE FROM t", (), {"consistent_read": True}, "consistent_read= applies only to SELECT"),
    ):
        with pytest.raises(ValidationError, match=message):
            drive(client.execute(statement, *parameters, **options))
    for call in (client.execute_batch, client.execute_transaction):
        with pytest.raises(ValidationError, match="at least one statement"):
            drive(call([]))
        with pytest.raises(ValidationError, match="statements"):
            drive(call(["SELECT 1"] * 101))
        with pytest.raises(ValidationError, match="reads or writes"):
            drive(call(["SELECT 1", "DELETE FROM t"]))
        with pytest.raises(ValidationError, match=r"\[1\] the statement has 1 placeholder"):
            drive(call(["SELECT 1", "SELECT ?"]))
        with pytest.raises(TypeError, match="pass several statements as a list"):
            drive(call("SELECT 1"))
        for wrong in (3, (), (3, "SELECT 1"), ["SELECT 1"]):
            with pytest.raises(TypeError, match="a statement must be a str, or a tuple"):
                drive(call([wrong]))
    with pytest.raises(ValidationError, match="1 to 36 characters"):
        drive(client.execute_transaction(["DELETE FROM t"], token="x" * 37))
    with pytest.raises(TypeError, match="class of Model"):
        drive(client.execute(ALL, "b", model=dict))

    assert server.seen == []


def test_reads_are_as_consistent_as_the_call_or_the_block_says(serve: Serve, drive: Drive) -> None:
    server = serve(*[answer({"Items": []})] * 4)
    client = client_of(server)
    drive(client.execute(ALL, "b"))
    drive(client.execute(ALL, "b", consistent_read=True))
    with client.options(consistent_read=True):
        drive(client.execute(ALL, "b"))
        drive(client.execute("DELETE FROM t"))

    assert [body.get("ConsistentRead") for body in bodies(server)] == [None, True, True, None]


def test_a_read_is_sent_again_and_a_write_is_not(serve: Serve, drive: Drive) -> None:
    server = serve(reset, answer({"Items": []}), reset)
    client = client_of(server)
    drive(client.execute(ALL, "b"))
    with pytest.raises(WriteOutcomeUnknownError):
        drive(client.execute("DELETE FROM t WHERE a = 1"))

    assert len(server.seen) == 3


def test_a_row_that_does_not_fit_the_model_says_that_nothing_was_written(serve: Serve, drive: Drive) -> None:
    client = client_of(serve(answer({"Items": [{"book": {"N": "1"}, "number": {"N": "1"}}]})))
    with pytest.raises(SerializationError) as caught:
        drive(client.execute(ALL, "b", model=Entry))

    assert caught.value.applied is False


def test_hooks_of_what_was_read_run(client: DynamoDBClient, drive: Drive) -> None:
    drive(Watched.table.create())
    drive(client.put_item("watched", {"watched_id": "w", "seen": 1}))

    found = drive(client.execute('SELECT * FROM "watched" WHERE watched_id = ?', "w", model=Watched))

    assert found[0].seen == 2


def test_a_batch_gives_a_row_nothing_or_an_error_for_each(serve: Serve, drive: Drive) -> None:
    item = {"book": {"S": "b"}, "number": {"N": "1"}}
    server = serve(
        answer(
            {
                "Responses": [
                    {"TableName": "entries", "Item": item},
                    {"TableName": "entries"},
                    {"Error": {"Code": "ConditionalCheckFailed", "Message": "no", "Item": item}},
                    {"Error": {"Code": "DuplicateItem", "Message": "taken"}},
                    {"Error": {"Code": "ThrottlingError", "Message": "slow"}},
                    {"Error": {"Code": "ResourceNotFound", "Message": "no table"}},
                ]
            }
        )
    )
    client = client_of(server)

    found = drive(client.execute_batch([(ALL, "b")] * 6, model=Entry))

    assert found[:2] == [Entry(book="b", number=1), None]
    kinds = [type(error) for error in found[2:]]
    assert kinds == [ConditionFailedError, ItemAlreadyExistsError, ThrottlingError, TableNotFoundError]
    assert found[2].item == {"book": "b", "number": 1}
    assert (found[2].code, found[2].operation, found[2].request_id) == ("ConditionalCheckFailed", "BatchExecuteStatement", "R1")


@EMBEDDED
def test_batches_read_and_write(book: DynamoDBClient, drive: Drive) -> None:
    one = ALL + " AND number = ?"
    read = drive(book.execute_batch([(one, "b", 1), (one, "b", 99), (one, "b", 2)], model=Entry, consistent_read=True))
    wrote = drive(
        book.execute_batch(
            [
                ("INSERT INTO \"entries\" VALUE {'book': ?, 'number': ?}", "c", 1),
                ("INSERT INTO \"entries\" VALUE {'book': ?, 'number': ?}", "b", 1),
            ]
        )
    )

    assert [entry and entry.number for entry in read] == [1, None, 2]
    assert wrote[0] is None
    assert isinstance(wrote[1], ItemAlreadyExistsError)
    assert drive(Entry.get("c", 1)) is not None


@EMBEDDED
def test_transactions_read_and_write(book: DynamoDBClient, drive: Drive) -> None:
    one = ALL + " AND number = ?"
    update = 'UPDATE "entries" SET text = ? WHERE book = ? AND number = ?'
    drive(book.execute_transaction([(update, "first", "b", 1), (update, "second", "b", 2)]))
    with pytest.raises(TransactionCanceledError) as caught:
        drive(book.execute_transaction([(update, "third", "b", 1), (update + " AND text = ?", "fourth", "b", 2, "other")]))
    read = drive(book.execute_transaction([(one, "b", 1), (one, "b", 99), (one, "b", 2)], model=Entry))

    assert [entry and entry.text for entry in read] == ["first", None, "second"]
    assert set(caught.value.failures) == {1}
    assert isinstance(caught.value.failures[1], ConditionFailedError)
    assert caught.value.failures[1].operation == "ExecuteTransaction"
    assert "[1] statement" in str(caught.value)


def test_a_transaction_has_a_token_and_is_sent_again_with_it(serve: Serve, drive: Drive) -> None:
    conflict = error("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict", "Message": "at work"}])
    server = serve(reset, answer(), conflict, answer(), answer(), conflict, answer({"Responses": [{}]}))
    client = client_of(server)
    drive(client.execute_transaction(["DELETE FROM t"]))
    drive(client.execute_transaction(["DELETE FROM t"]))
    drive(client.execute_transaction(["DELETE FROM t"], token="mine"))
    assert drive(client.execute_transaction(["SELECT 1"])) == [None]

    first, again, conflicted, renewed, own, *reads = [body.get("ClientRequestToken") for body in bodies(server)]
    assert first == again
    assert len(first) == 36
    assert conflicted != renewed
    assert len(renewed) == 36
    assert own == "mine"
    assert reads == [None, None]


def test_conflicts_that_do_not_end_are_told_by_statement(serve: Serve, drive: Drive) -> None:
    conflict = error("TransactionCanceledException", CancellationReasons=[{"Code": "None"}, {"Code": "TransactionConflict"}])
    client = client_of(serve(conflict), max_attempts=1)
    with pytest.raises(TransactionCanceledError) as caught:
        drive(client.execute_transaction(["DELETE FROM t", "DELETE FROM u"]))

    assert isinstance(caught.value.failures[1], TransactionConflictError)


def test_statements_are_collected_as_what_they_are(book: DynamoDBClient, drive: Drive) -> None:
    with book.collect() as usage:
        drive(book.execute(ALL + " AND number = ?", "b", 1))

    assert usage.by_operation["ExecuteStatement"].requests == 1
    assert usage.write_units == 0


class Secret(Model[str, int], table="secrets"):
    owner: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    word: Encrypted[str] = field(default="")
    text: Attr[str] = field(default="")


PROJECTIONS = ["word", "word, text", "word, owner", "word, number"]


@pytest.mark.engines("embedded")
@pytest.mark.parametrize("columns", PROJECTIONS)
def test_an_encrypted_attribute_without_the_key_of_its_item_says_what_to_select(drive: Drive, columns: str) -> None:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": b"k" * 32}))
    with client.as_default():
        drive(Secret.table.create())
        drive(Secret(owner="o", number=1, word="swordfish").create())
        statement = f"SELECT {columns} FROM secrets WHERE owner = ? AND number = ?"  # noqa: S608

        what = r"Secret.*without the key.*'owner' and 'number'"
        for attempt in (
            lambda: drive(client.execute(statement, "o", 1, model=Secret)),
            lambda: drive(client.execute_transaction([(statement, "o", 1)], model=Secret)),
        ):
            with pytest.raises(EncryptionError, match=what) as refused:
                attempt()
            assert "swordfish" not in str(refused.value)
        # The statements of a batch fail one by one.
        (of_batch,) = drive(client.execute_batch([(statement, "o", 1)], model=Secret))
        assert isinstance(of_batch, EncryptionError)
        assert re.search(what, str(of_batch))
        assert "swordfish" not in str(of_batch)

        whole = statement.replace(columns, "owner, number, word")
        assert drive(client.execute(whole, "o", 1, model=Secret))[0].word == "swordfish"


@pytest.mark.engines("embedded")
def test_a_row_that_lacks_an_attribute_of_its_model_is_a_serialization_error(book: DynamoDBClient, drive: Drive) -> None:
    for columns in ("text", "number", "book"):
        with pytest.raises(SerializationError, match="Entry"):
            drive(book.execute(f"SELECT {columns} FROM entries WHERE book = ?", "b", model=Entry))  # noqa: S608


GOOD = {"book": {"S": "b"}, "number": {"N": "1"}}
BAD = {"book": {"S": "b"}, "number": {"N": "2"}, "text": {"N": "5"}}


def test_rows_that_cannot_be_read_are_handed_to_a_function(serve: Serve, drive: Drive) -> None:
    pages = [answer({"Items": [BAD, GOOD], "NextToken": "t"}), answer({"Items": [GOOD, BAD]})]
    bad: list[SerializationError] = []
    found = drive(client_of(serve(*pages)).execute(ALL, "b", model=Entry, on_invalid=bad.append))

    assert found.items == [Entry(book="b", number=1)] * 2
    assert [error.key for error in bad] == [Entry.key("b", 2)] * 2
    assert [error.raw for error in bad] == [{"book": "b", "number": 2, "text": 5}] * 2


def test_what_is_handed_on_counts_toward_no_limit(serve: Serve, drive: Drive) -> None:
    server = serve(answer({"Items": [BAD, GOOD], "NextToken": "t"}), answer({"Items": [GOOD], "NextToken": "u"}))
    bad: list[SerializationError] = []
    found = drive(client_of(server).execute(ALL, "b", model=Entry, limit=2, on_invalid=bad.append))

    assert (len(found), len(bad)) == (2, 1)
    assert [body["Limit"] for body in bodies(server)] == [2, 1]


def test_an_error_of_the_function_ends_the_reading(serve: Serve, drive: Drive) -> None:
    def stop(error: SerializationError) -> None:
        raise LookupError from error

    with pytest.raises(LookupError):
        drive(client_of(serve(answer({"Items": [BAD]}))).execute(ALL, "b", model=Entry, on_invalid=stop))


@EMBEDDED
def test_what_cannot_be_decrypted_is_handed_on_too(drive: Drive) -> None:
    class Secret(Model[str], table="secrets"):
        secret_id: Attr[str] = partition_key()
        text: Encrypted[str] = field(default="")

    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": b"k" * 32}))
    bad: list[SerializationError] = []
    with client.as_default():
        drive(Secret.table.create())
        drive(Secret(secret_id="a", text="x").put())
        drive(client.put_item("secrets", {"secret_id": "b", "text": "plain"}))
        found = drive(client.execute('SELECT * FROM "secrets"', model=Secret, on_invalid=bad.append))

    assert [row.secret_id for row in found] == ["a"]
    assert [(type(error), error.key) for error in bad] == [(EncryptionError, Secret.key("b"))]


def test_the_function_is_one_and_of_a_reading(serve: Serve, drive: Drive) -> None:
    server = serve()
    with pytest.raises(TypeError, match="on_invalid= takes a function"):
        drive(client_of(server).execute(ALL, "b", on_invalid=3))  # type: ignore[call-overload]
    with pytest.raises(ValidationError, match="on_invalid= applies only to SELECT"):
        drive(client_of(server).execute("DELETE FROM t", on_invalid=print))
    assert server.seen == []
