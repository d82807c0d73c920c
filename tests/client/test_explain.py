"""Explaining: what any call would send and cost, without sending it and without changing anything."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pydynox
import pytest
from pydynox import (
    Attr,
    Compressed,
    DynamoDBClient,
    Encrypted,
    GlobalSecondaryIndex,
    LocalKeyring,
    LocalSecondaryIndex,
    Model,
    _core,
    before_save,
    export_jsonl,
    field,
    import_jsonl,
    partition_key,
    reencrypt,
    sort_key,
    updated_at,
    version,
)
from pydynox.exceptions import ValidationError

from tests.client import test_timeouts
from tests.conftest import Drive, Serve, client_of

VERBS = test_timeouts.VERBS


class Keys:
    """A keyring that nothing may ask."""

    key_name = "k"

    def generate_data_key(self, context: dict[str, str]) -> tuple[str, bytes, bytes]:
        raise AssertionError("the keyring was asked for a data key")

    def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str]) -> bytes:
        raise AssertionError("the keyring was asked to unwrap")


def no_credentials() -> Any:
    raise AssertionError("the credentials were asked for")


#: Requests that carry something new each time: a token, a version that begins at the time, or the time itself.
def plain(body: Any) -> Any:
    text = json.dumps(body, sort_keys=True)
    text = re.sub(r'"ClientRequestToken": "[^"]*"', '"ClientRequestToken": ""', text)
    return re.sub(r'"N": "1[0-9]{15}"', '"N": "now"', text)


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_is_explained_as_it_is_sent(serve: Serve, drive: Drive, tmp_path: Path, name: str) -> None:
    watched = serve(test_timeouts.late(0))
    client = client_of(watched, credentials=no_credentials, keyring=Keys())
    with client.as_default():
        explained = drive(client.explain(VERBS[name](client, tmp_path, 5), values=True))
    files = sorted(path.name for path in tmp_path.iterdir() if path.name != "import.jsonl")

    assert not watched.seen
    assert files == []
    assert explained.requests

    real = serve(test_timeouts.late(0))
    with client_of(real, keyring=test_timeouts.KEYRING).as_default() as client:
        drive(VERBS[name](client, tmp_path, 5))
    sent = [(seen.operation, plain(without_place(seen.json()))) for seen in real.seen]
    for request in explained.requests:
        assert (request.operation, plain(without_place(request.body))) in sent


def without_place(body: dict[str, Any]) -> dict[str, Any]:
    """A segment of a scan is any of them; a job that has its own pace asks what its requests cost."""
    return {name: value for name, value in body.items() if name not in ("Segment", "ReturnConsumedCapacity")}


@pytest.mark.parametrize("name", VERBS)
def test_no_verb_is_carried_out_by_the_engine_in_the_process(drive: Drive, tmp_path: Path, name: str) -> None:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": b"k" * 32}))
    with client.as_default():
        test_timeouts.Order.table.sync.create()
        test_timeouts.Order(customer="c1", number=1, total=2).sync.create()
        before = contents(client)
        with client.collect() as usage:
            explained = drive(client.explain(VERBS[name](client, tmp_path, 5)))

        assert explained.requests
        assert str(explained)
        assert usage.requests == 0
        assert contents(client) == before


def contents(client: DynamoDBClient) -> Any:
    return client.sync.call("ListTables"), client.sync.call("Scan", TableName="orders")["Items"]


def test_a_file_of_an_engine_is_not_made(tmp_path: Path) -> None:
    client = DynamoDBClient(endpoint_url=f"file://{tmp_path}/items.db")

    client.sync.explain(client.get_item("things", {"id": "1"}))

    assert list(tmp_path.iterdir()) == []


class Account(Model[str, int], table="explained_accounts"):
    owner: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    email: Attr[str | None] = field(default=None)
    balance: Attr[int] = field(default=0)
    tags: Attr[list[str]] = field(default_factory=list)
    secret: Encrypted[str | None] = field(default=None)
    log: Compressed[str | None] = field(default=None)
    changed: Attr[datetime] = updated_at()
    revision: Attr[int] = version()

    by_email = GlobalSecondaryIndex(email, projection="KEYS_ONLY")
    by_balance = LocalSecondaryIndex(balance)

    @before_save
    async def note(self) -> None:
        self.tags.append("saved")
        self.balance += 1
        self.secret = (self.secret or "") + "!"


def state(account: Account) -> Any:
    values = {name: getattr(account, name) for name in Account.model_fields}
    return values, _core.is_stored(account), account.model_changes(), account.revision, account.changed


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": b"k" * 32}))
    with client.as_default():
        Account.table.sync.create()
        account = Account(owner="ann", number=1, email="a@b", secret="hidden")
        account.sync.create()
        yield client


async def in_batch(client: DynamoDBClient, account: Account) -> None:
    async with client.batch_writer(unguarded=True) as batch:
        await batch.put(account)


async def in_transaction(client: DynamoDBClient, account: Account) -> None:
    async with client.transaction() as tx:
        tx.save(account)


WRITES: dict[str, Any] = {
    "create": lambda _, account: account.create(),
    "save": lambda _, account: account.save(),
    "put": lambda _, account: account.put(),
    "delete": lambda _, account: account.delete(),
    "refresh": lambda _, account: account.refresh(),
    "batch": in_batch,
    "batch_save": lambda client, account: client.batch_save([account], unguarded=True),
    "transaction": in_transaction,
}


@pytest.mark.parametrize("is_loaded", [True, False], ids=["loaded", "new"])
@pytest.mark.parametrize("name", WRITES)
def test_an_instance_stays_as_it_is(client: DynamoDBClient, drive: Drive, name: str, is_loaded: bool) -> None:
    account = Account.sync.get_or_raise("ann", 1) if is_loaded else Account(owner="bob", number=1, secret="s")
    if is_loaded:
        account.email = "other"
        account.tags.append("mine")
    elif name in ("delete", "refresh"):
        pytest.skip("an instance that is not stored refuses it")
    tags = account.tags
    before = copy.deepcopy(state(account))

    explained = drive(client.explain(WRITES[name](client, account)))

    assert explained.requests
    assert state(account) == before
    assert account.tags is tags
    # What was explained did not happen, so the real call is like the first one.
    if name == "save":
        account.sync.save()
        assert Account.sync.get_or_raise(account.owner, 1).model_dump() == account.model_dump()


def test_the_request_has_what_hooks_assign(client: DynamoDBClient) -> None:
    account = Account(owner="bob", number=1)

    explained = client.sync.explain(account.save(), values=True)

    assert explained.requests[0].body["Item"]["balance"] == {"N": "1"}
    assert account.balance == 0


def test_values_and_keys_are_hidden_unless_asked_for(client: DynamoDBClient, drive: Drive) -> None:
    account = Account(owner="planted-owner", number=77123, email="planted-email", log="planted-log" * 200, secret="planted")

    def calls() -> list[Any]:
        return [
            account.save(),
            Account.get("planted-owner", 77123),
            Account.key("planted-owner", 77123).update(Account.email.set("planted-email"), condition=Account.balance == 77123),
            Account.query("planted-owner", Account.number > 77123).filter(Account.tags.contains("planted")).all(),
            Account.by_email.query("planted-email").count(),
            client.execute("SELECT * FROM explained_accounts WHERE owner = 'planted-''owner' AND number = 77123"),
            client.execute("SELECT * FROM explained_accounts WHERE owner = ?", "planted-owner"),
            client.put_item("explained_accounts", {"owner": "planted-owner", "number": 77123, "map": {"planted": b"planted"}}),
            client.call(
                "Query", TableName="explained_accounts", KeyConditions={"owner": {"AttributeValueList": [{"S": "planted"}]}}
            ),
            client.batch_get(Account.key("planted-owner", 77123)),
            client.transact_get(Account.key("planted-owner", 77123)),
            in_batch(client, account),
            in_transaction(client, account),
        ]

    for call in calls():
        text = str(drive(client.explain(call)))
        assert "planted" not in text
        assert "77123" not in text
    for call in calls():
        text = str(drive(client.explain(call, values=True)))
        assert "planted" in text
        assert "planted-log" not in text  # which is compressed
        assert '"secret": {"S"' not in text


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        (
            "SELECT * FROM t -- the user's own\nWHERE k = 'planted' AND e = 'x'",
            "SELECT * FROM t (hidden)\nWHERE k = (hidden) AND e = (hidden)",
        ),
        ("SELECT /* it's planted */ * FROM t WHERE k = 'it''s planted'", "SELECT (hidden) * FROM t WHERE k = (hidden)"),
        ('SELECT "a", "b" FROM "t"."by_b" WHERE "b" = "planted"', 'SELECT "a", "b" FROM "t"."by_b" WHERE "b" = (hidden)'),
        (
            'SELECT * FROM t WHERE k IN ("planted", "planted") AND "n" > 5',
            'SELECT * FROM t WHERE k IN ((hidden), (hidden)) AND "n" > (hidden)',
        ),
        (
            'SELECT * FROM t WHERE k = `planted` AND "d" BETWEEN "planted" AND \'x\'',
            'SELECT * FROM t WHERE k = (hidden) AND "d" BETWEEN (hidden) AND (hidden)',
        ),
        (
            "INSERT INTO t VALUE {'planted': 'planted', \"n\": [\"planted\", 5]}",
            'INSERT INTO t VALUE {(hidden): (hidden), "n": [(hidden), (hidden)]}',
        ),
        (
            'SELECT * FROM t WHERE "a" BETWEEN "planted" AND "planted" AND contains("b", "planted") AND ("c" = 1 OR size("d") > 2)',
            (
                'SELECT * FROM t WHERE "a" BETWEEN (hidden) AND (hidden) AND contains("b", (hidden)) '
                'AND ("c" = (hidden) OR size("d") > (hidden))'
            ),
        ),
        (
            'INSERT INTO t VALUE {\'k\':<<"planted", \'planted\'>>, "n" : "planted"}',
            'INSERT INTO t VALUE {(hidden):<<(hidden), (hidden)>>, "n" : (hidden)}',
        ),
        ("UPDATE t SET a = 'planted and not closed", "UPDATE t SET a = (hidden)"),
    ],
)
def test_literals_and_comments_of_statements_are_hidden(client: DynamoDBClient, drive: Drive, statement: str, shown: str) -> None:
    request = drive(client.explain(client.call("ExecuteStatement", Statement=statement))).requests[0]

    assert request.body["Statement"] == shown
    assert drive(client.explain(client.call("ExecuteStatement", Statement=statement), values=True)).requests[0].body == {
        "Statement": statement
    }


def test_encrypted_values_are_measured_and_never_shown(serve: Serve, drive: Drive) -> None:
    server = serve(test_timeouts.late(0))
    client = client_of(server, keyring=Keys())
    account = Account(owner="bob", number=1, secret="s" * 3000)

    request = drive(client.explain(account.put(), values=True)).requests[0]

    assert re.fullmatch(r"\(encrypted, 3\d\d\d bytes\)", request.body["Item"]["secret"]["B"])
    assert request.write_units == 4
    assert any("KMS: GenerateDataKey" in note for note in request.notes)
    opened = drive(client.explain(Account.get("bob", 1))).requests[0]
    assert any("KMS: Decrypt" in note for note in opened.notes)
    assert not any("KMS" in note for note in drive(client.explain(Account.key("bob", 1).delete())).requests[0].notes)


COSTS: dict[str, tuple[Any, dict[str, Any], float, float, dict[str, float]]] = {
    "get": (lambda _: Account.get("a", 1), {}, 0.5, 0, {}),
    "get consistently": (lambda _: Account.get("a", 1, consistent_read=True), {}, 1, 0, {}),
    "get of 9 KB": (lambda _: Account.get("a", 1), {"item_size": 9000}, 1.5, 0, {}),
    "get of 9 KB consistently": (lambda _: Account.get("a", 1, consistent_read=True), {"item_size": 9000}, 3, 0, {}),
    "batch get": (lambda c: c.batch_get(*[Account.key("a", n) for n in range(130)]), {}, 65, 0, {}),
    "transact get": (lambda c: c.transact_get(Account.key("a", 1), Account.key("a", 2)), {"item_size": 5000}, 8, 0, {}),
    "query": (lambda _: Account.query("a").all(), {"item_size": 1000, "items": 100}, 12.5, 0, {}),
    "query with a limit": (lambda _: Account.query("a").limit(10).all(), {"item_size": 4096}, 5, 0, {}),
    "query nothing known": (lambda _: Account.query("a").consistent_read().all(), {}, 1, 0, {}),
    "create": (lambda _: Account(owner="a", number=1, email="e").create(), {}, 0, 1, {"by_email": 1, "by_balance": 1}),
    "create sparse": (lambda _: Account(owner="a", number=1).create(), {}, 0, 1, {"by_balance": 1}),
    "put over 5 KB": (
        lambda _: Account(owner="a", number=1, email="e").put(),
        {"item_size": 5000},
        0,
        5,
        {"by_email": 2, "by_balance": 6},
    ),
    "update": (lambda _: Account.key("a", 1).apply(Account.tags.append("x")), {"item_size": 2500}, 0, 3, {"by_balance": 3}),
    "update a key of an index": (
        lambda _: Account.key("a", 1).apply(Account.email.set("x")),
        {"item_size": 1000},
        0,
        1,
        {"by_email": 2, "by_balance": 1},
    ),
    "delete": (lambda _: Account.key("a", 1).delete(), {}, 0, 1, {"by_email": 1, "by_balance": 1}),
    "transaction": (
        lambda c: in_transaction(c, Account(owner="a", number=1, email="e")),
        {},
        0,
        2,
        {"by_email": 2, "by_balance": 2},
    ),
    "partiql": (lambda c: c.execute("SELECT * FROM explained_accounts"), {}, 0.5, 0, {}),
    "partiql of 9 KB": (
        lambda c: c.execute("SELECT * FROM explained_accounts WHERE owner = ?", "a"),
        {"item_size": 9000},
        1.5,
        0,
        {},
    ),
    "partiql of 10 items": (
        lambda c: c.execute('SELECT * FROM "explained_accounts"."by_email" WHERE email = ?', "a"),
        {"item_size": 4096, "items": 10},
        5,
        0,
        {},
    ),
    "partiql insert": (
        lambda c: c.execute("INSERT INTO explained_accounts VALUE {'owner': ?, 'number': ?}", "a", 1),
        {"item_size": 5000},
        0,
        5,
        {"by_email": 1, "by_balance": 5},
    ),
    "partiql update": (lambda c: c.execute("UPDATE explained_accounts SET email = ? WHERE owner = ?", "b", "a"), {}, 0, 1, {}),
    "partiql delete": (
        lambda c: c.execute("DELETE FROM explained_accounts WHERE owner = ?", "a"),
        {"item_size": 2000},
        0,
        2,
        {"by_email": 1, "by_balance": 2},
    ),
    "administration": (lambda _: Account.table.describe(), {}, 0, 0, {}),
}


def test_a_statement_says_the_index_that_it_reads_and_what_is_not_measured(client: DynamoDBClient) -> None:
    read = client.sync.explain(client.execute('SELECT * FROM "explained_accounts"."by_email" WHERE email = ?', "a")).requests[0]
    written = client.sync.explain(client.execute("UPDATE explained_accounts SET email = ? WHERE owner = ?", "b", "a")).requests[0]

    assert read.index_name == "by_email"
    assert any("eventually consistent" in note for note in read.notes)
    assert any("item_size=" in note for note in written.notes)
    assert any("each index" in note for note in written.notes)


def test_indexes_of_two_tables_are_two(client: DynamoDBClient) -> None:
    class Same(Model[str], table="explained_same"):
        name: Attr[str] = partition_key()
        email: Attr[str]
        by_email = GlobalSecondaryIndex("email")

    async def both() -> None:
        async with client.transaction() as tx:
            tx.put(Same(name="a", email="b"))
            tx.put(Account(owner="a", number=1, email="e"))

    (request,) = client.sync.explain(both).requests

    assert [index.index_name for index in request.indexes].count("by_email") == 2


@pytest.mark.parametrize("name", COSTS)
def test_costs_follow_size_and_consistency(client: DynamoDBClient, name: str) -> None:
    call, sizes, read, write, indexes = COSTS[name]

    explained = client.sync.explain(call(client), **sizes)

    assert (explained.read_units, explained.write_units) == (read, write)
    written: dict[str, float] = {}
    for request in explained.requests:
        for index in request.indexes:
            written[index.index_name] = written.get(index.index_name, 0) + index.write_units
    assert written == indexes
    assert explained.index_units == sum(indexes.values())


def test_the_least_cost_is_what_the_engine_bills(client: DynamoDBClient, drive: Drive) -> None:
    calls: list[Any] = [
        lambda: Account.get("ann", 1),
        lambda: Account.get("ann", 1, consistent_read=True),
        lambda: Account(owner="new", number=1, log="x").create(),
        lambda: client.batch_get(Account.key("ann", 1), Account.key("ann", 2)),
        lambda: client.transact_get(Account.key("ann", 1)),
        lambda: Account.query("ann").all(),
    ]
    for call in calls:
        explained = drive(client.explain(call()))
        with client.collect() as usage:
            drive(call())
        assert usage.read_units == explained.read_units
        assert usage.write_units in (explained.write_units, explained.write_units + explained.index_units)


def test_requests_that_are_sent_together_are_all_shown(client: DynamoDBClient, drive: Drive) -> None:
    many = [Account(owner="a", number=number) for number in range(60)]

    explained = drive(client.explain(client.batch_save(many, unguarded=True)))

    assert [len(request.body["RequestItems"]["explained_accounts"]) for request in explained.requests] == [25, 25, 10]
    assert "3 requests\n  at least 60 write units" in str(explained)
    scan = drive(client.explain(Account.scan(segments=8).count()))
    assert len(scan.requests) == 1
    assert any("8 segments" in note for note in scan.requests[0].notes)


def test_calls_in_tasks_are_captured_too(client: DynamoDBClient) -> None:
    async def both() -> None:
        await asyncio.gather(Account.get("a", 1), Account.get("b", 1))

    async def grouped() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(Account.get("a", 1))
            group.create_task(Account.get("b", 1))

    async def joined() -> None:
        async with pydynox.batching():
            await both()

    async def explained(call: Any) -> list[str]:
        return [request.operation for request in (await client.explain(call)).requests]

    assert asyncio.run(explained(both())) == ["GetItem", "GetItem"]
    assert asyncio.run(explained(grouped())) == ["GetItem", "GetItem"]
    assert asyncio.run(explained(joined())) == ["BatchGetItem"]


def test_code_that_handles_errors_does_not_go_on(client: DynamoDBClient, drive: Drive) -> None:
    async def careless() -> None:
        try:
            await Account.get("a", 1)
        except Exception:
            await Account(owner="a", number=1).put()

    assert [request.operation for request in drive(client.explain(careless())).requests] == ["GetItem"]


def test_another_client_does_not_send_either(client: DynamoDBClient, serve: Serve, drive: Drive) -> None:
    server = serve(test_timeouts.late(0))
    other = client_of(server)

    explained = drive(client.explain(other.get_item("things", {"id": "1"})))

    assert [request.tables for request in explained.requests] == [("things",)]
    assert not server.seen


def test_a_function_of_blocking_calls_can_be_explained(client: DynamoDBClient) -> None:
    def profile() -> Account | None:
        return Account.sync.get("ann", 1)

    assert [request.operation for request in client.sync.explain(profile).requests] == ["GetItem"]
    assert [request.operation for request in client.sync.explain(lambda: Account.sync.scan().all()).requests] == ["Scan"]


def test_an_explained_call_is_neither_counted_nor_observed_nor_slowed(drive: Drive) -> None:
    keyring = LocalKeyring({"k": b"k" * 32})
    slow = DynamoDBClient(endpoint_url="memory://", rate_limit=pydynox.RateLimit(wcu=1), timeout=1, keyring=keyring)
    events: list[Any] = []
    slow.on_event(events.append)

    with slow.record() as requests, slow.collect() as usage, pydynox.budget(requests=0, wcu=0):
        for number in range(20):
            drive(slow.explain(Account(owner="a", number=number, log="x").put()))

    assert (list(requests), events, usage.requests) == ([], [], 0)


def test_the_parts_of_a_large_batch_are_in_order(client: DynamoDBClient, drive: Drive) -> None:
    keys = [Account.key("a", number) for number in range(1050)]

    explained = drive(client.explain(client.batch_get(*keys), values=True))

    numbers = [
        key["number"]["N"] for request in explained.requests for key in request.body["RequestItems"]["explained_accounts"]["Keys"]
    ]
    assert numbers == [str(number) for number in range(1050)]


def test_calls_are_sent_again_once_it_was_explained(client: DynamoDBClient, drive: Drive) -> None:
    drive(client.explain(Account.get("ann", 1)))

    assert drive(Account.get("ann", 1)) is not None


def test_what_sends_nothing_says_so(client: DynamoDBClient, drive: Drive) -> None:
    account = Account.sync.get_or_raise("ann", 1)
    hooks, Account._hooks = Account._hooks, None  # one that would change it
    try:
        explained = drive(client.explain(account.save()))
    finally:
        Account._hooks = hooks

    assert explained.requests == ()
    assert str(explained) == "nothing is sent"
    assert explained.read_units == explained.write_units == 0


def test_errors_of_the_call_itself_are_raised(client: DynamoDBClient, drive: Drive) -> None:
    with pytest.raises(ValidationError, match="number"):
        drive(client.explain(Account.get("a", "one")))  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match=r"explain\(item_size=...\) must be a number of 0 or more"):
        drive(client.explain(Account.get("a", 1), item_size=-1))
    client.sync.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        drive(client.explain(client.get_item("things", {"a": 1})))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Account.query("a"), "pass one of its verbs"),
        (lambda: pydynox.get_default_client().transaction(), "write the block in an async function"),
        (lambda: None, "not None"),
        (lambda: 5, "not int"),
    ],
    ids=["a query", "a block", "None", "a number"],
)
def test_what_is_no_call_is_refused(client: DynamoDBClient, drive: Drive, wrong: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        drive(client.explain(wrong()))


def test_a_task_that_has_started_is_refused(client: DynamoDBClient) -> None:
    async def started() -> None:
        task = asyncio.ensure_future(Account.get("ann", 1))
        with pytest.raises(TypeError, match="has already started: pass the coroutine itself"):
            await client.explain(task)  # type: ignore[arg-type]
        await task

    asyncio.run(started())


@pytest.mark.parametrize(
    "wire",
    [
        {},
        {"TableName": 5},
        {"TableName": "t", "Item": {"a": 5}},
        {"TableName": "t", "Item": "planted"},
        {"Item": {"a": {"S": [1]}}},
    ],
    ids=repr,
)
@pytest.mark.parametrize("operation", ["PutItem", "GetItem", "BatchGetItem", "TransactWriteItems", "ExecuteStatement", "Made-up"])
def test_a_request_of_any_form_is_shown(client: DynamoDBClient, drive: Drive, operation: str, wire: dict[str, Any]) -> None:
    explained = drive(client.explain(client.call(operation, **wire)))

    assert [request.operation for request in explained.requests] == [operation]
    assert "planted" not in str(explained)


def test_a_prefix_counts_for_the_indexes(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://", table_prefix="test-")

    request = drive(client.explain(Account.key("a", 1).delete())).requests[0]

    assert request.tables == ("test-explained_accounts",)
    assert [index.index_name for index in request.indexes] == ["by_email", "by_balance"]


UPDATES = {
    "SET a = b, c.d = :x, e[3] = list_append(f, :y) REMOVE g, h.i ADD j :z DELETE #k :w": {"a", "c", "e", "g", "h", "j", "real"},
    "SET a = if_not_exists(b, :one) + :two": {"a"},
    "": set(),
}


@pytest.mark.parametrize("text", UPDATES)
def test_the_attributes_that_an_update_assigns_are_known(text: str) -> None:
    from pydynox._explain.cost import assigned

    assert assigned({"UpdateExpression": text, "ExpressionAttributeNames": {"#k": "real"}}) == UPDATES[text]


class Sealed(Model[str], table="sealed"):
    name: Attr[str] = partition_key()
    pin: Encrypted[str]


def test_jobs_that_ask_for_their_table_first_are_explained_further(client: DynamoDBClient, drive: Drive, tmp_path: Path) -> None:
    lines = tmp_path / "in.jsonl"
    lines.write_text("".join(f'{{"Item":{{"owner":{{"S":"a"}},"number":{{"N":"{number}"}}}}}}\n' for number in range(60)))
    (tmp_path / "in.jsonl.resume").write_text("the note of an interrupted import")
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    (tmp_path / "empty.jsonl.resume").write_text("the note of an interrupted import")

    class Only(Model[str], table="claimed-once"):
        one: Attr[str] = partition_key()

    class One(Model[str], table="claimed"):
        one: Attr[str] = partition_key()

    class Other(Model[str], table="claimed"):
        other: Attr[str] = partition_key()

    sealing = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": b"k" * 32}))
    jobs: dict[str, tuple[Any, list[str]]] = {
        "export": (export_jsonl(Account, tmp_path / "out.jsonl", client=client, page_size=7), ["Scan"]),
        "export by name": (export_jsonl("claimed-once", tmp_path / "out.jsonl", client=client), ["Scan"]),
        "export of another table": (export_jsonl("nobody", tmp_path / "out.jsonl", client=client), []),
        "import": (import_jsonl(Account, lines, client=client), ["BatchWriteItem"] * 3),
        "import of no lines": (import_jsonl(Account, empty, client=client), []),
        "export of a table that two models declare": (export_jsonl(One, tmp_path / "out.jsonl", client=client), ["Scan"]),
        "export of it by name": (export_jsonl("claimed", tmp_path / "out.jsonl", client=client), []),
        "reencrypt": (reencrypt(Sealed, client=sealing, note=tmp_path / "note"), ["Scan"]),
    }
    explained = {name: drive(client.explain(job)).requests for name, (job, _) in jobs.items()}

    for name, (_, further) in jobs.items():
        assert [request.operation for request in explained[name]] == ["DescribeTable", *further], name
    assert explained["export"][1].body["Limit"] == 7
    assert sum(request.write_units or 0 for request in explained["import"]) == 60
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "empty.jsonl", "empty.jsonl.resume", "in.jsonl", "in.jsonl.resume",
    ]  # fmt: skip
