"""timeout= of a verb: an options() block around that one call, on every verb that sends something."""

from __future__ import annotations

import ast
import dataclasses
import gc
import importlib
import inspect
import math
import pathlib
import pkgutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydynox
import pytest
from pydynox import (
    Attr,
    BatchWriter,
    Document,
    DynamoDBClient,
    Encrypted,
    GlobalSecondaryIndex,
    LocalKeyring,
    Model,
    Query,
    Transaction,
    before_save,
    export_jsonl,
    field,
    import_jsonl,
    partition_key,
    sort_key,
    version,
)
from pydynox import sync as views
from pydynox.exceptions import BatchIncompleteError, ConfigurationError, RequestTimeoutError, WriteOutcomeUnknownError
from pydynox.migrate.adopt import adopt_table
from pydynox.tables import ensure_tables

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import Deed, answer, silence
from tests.faults.server import Connection, Seen


class Order(Model[str, int], table="orders"):
    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    total: Attr[int] = field(default=0)
    city: Attr[str | None] = field(default=None)

    by_city = GlobalSecondaryIndex(city, projection="KEYS_ONLY")


class Counter(Model[str], table="orders"):
    customer: Attr[str] = partition_key()
    v: Attr[int] = version()


class Patient(Model[str], table="orders"):
    customer: Attr[str] = partition_key()
    notes: Encrypted[str | None] = field(default=None)


class User(Model[str], table="orders"):
    customer: Attr[str] = partition_key()
    email: Attr[str | None] = field(default=None, unique=True)


@dataclasses.dataclass
class Visit:
    customer: str
    number: int
    total: int = 0


VISITS = pydynox.Repository(Visit, table="orders", partition_key="customer", sort_key="number")

ITEM = {"customer": {"S": "c1"}, "number": {"N": "1"}, "total": {"N": "2"}}
TABLE = {
    "TableName": "orders",
    "TableStatus": "ACTIVE",
    "TableArn": "arn:aws:dynamodb:us-east-1:1:table/orders",
    "CreationDateTime": 1.0,
    "KeySchema": [{"AttributeName": "customer", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "customer", "AttributeType": "S"},
        {"AttributeName": "number", "AttributeType": "N"},
    ],
}
INDEX = {
    "IndexName": "by_city",
    "IndexStatus": "ACTIVE",
    "KeySchema": [{"AttributeName": "city", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}
CITY = {"AttributeName": "city", "AttributeType": "S"}
ANSWERS: dict[str, dict[str, Any]] = {
    "GetItem": {"Item": ITEM},
    "UpdateItem": {"Attributes": ITEM},
    "DeleteItem": {"Attributes": ITEM},
    "BatchGetItem": {"Responses": {"orders": [ITEM]}, "UnprocessedKeys": {}},
    "TransactGetItems": {"Responses": [{"Item": ITEM}]},
    "Query": {"Items": [ITEM], "Count": 1},
    "Scan": {"Items": [], "Count": 0},
    "ListTables": {"TableNames": ["orders"]},
    "ExecuteStatement": {"Items": [ITEM]},
    "BatchExecuteStatement": {"Responses": [{"Item": ITEM}]},
    "ExecuteTransaction": {"Responses": [{"Item": ITEM}]},
    "CreateTable": {"TableDescription": TABLE},
    "DeleteTable": {"TableDescription": TABLE},
    "DescribeTable": {
        "Table": {**TABLE, "AttributeDefinitions": [*TABLE["AttributeDefinitions"], CITY], "GlobalSecondaryIndexes": [INDEX]}
    },
}


def late(pause: float) -> Deed:
    """The right answer to whatever it is, after a while."""

    def deed(connection: Connection, seen: Seen) -> None:
        time.sleep(pause)
        answer(ANSWERS.get(seen.operation, {}))(connection, seen)

    return deed


def loaded(model: Any = Order) -> Any:
    return model.model_from_item({**ITEM, "v": {"N": "3"}} if model is Counter else ITEM)


def changed() -> Any:
    order = loaded()
    order.total = 7
    return order


def known() -> Visit:
    """An object that its repository has read."""
    visit: Visit = VISITS._binding.object_for(VISITS.model.model_from_item(ITEM))
    return visit


def edited() -> Visit:
    visit = known()
    visit.total = 7
    return visit


def new() -> Any:
    return Order(customer="c1", number=1)


KEY = Order.key("c1", 1)
WIRE = {"customer": "c1", "number": 1}
SELECT = 'SELECT * FROM "orders" WHERE customer = ? AND number = ?'


async def wrote(client: DynamoDBClient, timeout: Any, *targets: Any, **options: Any) -> None:
    async with client.batch_writer(timeout=timeout, **options) as batch:
        for target in targets:
            await batch.put(target)


async def sent(client: DynamoDBClient, timeout: Any) -> None:
    async with client.transaction(timeout=timeout) as tx:
        tx.put(new())


async def pages(query: Query[Any]) -> None:
    async for _ in query.pages(2):
        pass


async def each(query: Query[Any]) -> None:
    async for _ in query:
        pass


def file_of(path: Path) -> Path:
    made = path / "import.jsonl"
    made.write_text('{"Item":{"customer":{"S":"c1"},"number":{"N":"1"}}}\n')
    return made


async def adopted(client: DynamoDBClient, timeout: Any) -> str | None:
    """What is adopted of a table without items: nothing, after all requests."""
    try:
        return await adopt_table("orders", client=client, timeout=timeout)
    except ConfigurationError as error:
        if "has no items" not in str(error):
            raise
        return None


Verb = Callable[[DynamoDBClient, Path, Any], Any]

#: By the name of what is called; behind a space, which of several ways.
VERBS: dict[str, Verb] = {
    "Model.get": lambda _, __, t: Order.get("c1", 1, timeout=t),
    "Model.get by name": lambda _, __, t: Order.get(customer="c1", number=1, timeout=t),
    "Model.get_or_raise": lambda _, __, t: Order.get_or_raise("c1", 1, timeout=t),
    "Model.get_or_create": lambda _, __, t: Order.get_or_create("c1", 1, timeout=t),
    "Model.create": lambda _, __, t: new().create(timeout=t),
    "Model.create unique": lambda _, __, t: User(customer="c", email="e").create(timeout=t),
    "Model.save": lambda _, __, t: changed().save(timeout=t),
    "Model.save new": lambda _, __, t: new().save(timeout=t),
    "Model.put": lambda _, __, t: new().put(timeout=t),
    "Model.update": lambda _, __, t: loaded().update(Order.total.set(5), timeout=t),
    "Model.delete": lambda _, __, t: loaded().delete(timeout=t),
    "Model.refresh": lambda _, __, t: loaded().refresh(timeout=t),
    "Repository.get": lambda _, __, t: VISITS.get("c1", 1, timeout=t),
    "Repository.get_or_raise": lambda _, __, t: VISITS.get_or_raise("c1", 1, timeout=t),
    "Repository.batch_get": lambda _, __, t: VISITS.batch_get([("c1", 1)], timeout=t),
    "Repository.create": lambda _, __, t: VISITS.create(Visit("c1", 1), timeout=t),
    "Repository.put": lambda _, __, t: VISITS.put(Visit("c1", 1), timeout=t),
    "Repository.save": lambda _, __, t: VISITS.save(edited(), timeout=t),
    "Repository.save new": lambda _, __, t: VISITS.save(Visit("c1", 1), timeout=t),
    "Repository.update": lambda _, __, t: VISITS.update(known(), VISITS.attr.total.add(1), timeout=t),
    "Repository.refresh": lambda _, __, t: VISITS.refresh(known(), timeout=t),
    "Repository.delete": lambda _, __, t: VISITS.delete(known(), timeout=t),
    "Key.get": lambda _, __, t: KEY.get(timeout=t),
    "Key.get_or_raise": lambda _, __, t: KEY.get_or_raise(timeout=t),
    "Key.select": lambda _, __, t: KEY.select(Order.total, timeout=t),
    "Key.exists": lambda _, __, t: KEY.exists(timeout=t),
    "Key.update": lambda _, __, t: KEY.update(Order.total.add(1), timeout=t),
    "Key.update upsert": lambda _, __, t: KEY.update(Order.total.set(1), upsert=True, timeout=t),
    "Key.apply": lambda _, __, t: KEY.apply(Order.total.set(1), timeout=t),
    "Key.pop": lambda _, __, t: KEY.pop(timeout=t),
    "Key.delete": lambda _, __, t: KEY.delete(timeout=t),
    "DynamoDBClient.get_item": lambda client, _, t: client.get_item("orders", WIRE, timeout=t),
    "DynamoDBClient.put_item": lambda client, _, t: client.put_item("orders", WIRE, timeout=t),
    "DynamoDBClient.update_item": lambda client, _, t: client.update_item(
        "orders", WIRE, pydynox.attr("total").set(1), timeout=t
    ),
    "DynamoDBClient.delete_item": lambda client, _, t: client.delete_item("orders", WIRE, timeout=t),
    "DynamoDBClient.batch_get": lambda client, _, t: client.batch_get(KEY, timeout=t),
    "DynamoDBClient.batch_get_all": lambda client, _, t: client.batch_get_all([KEY], timeout=t),
    "DynamoDBClient.batch_writer": lambda client, _, t: wrote(client, t, new()),
    "DynamoDBClient.batch_writer alone": lambda client, _, t: wrote(client, t, Counter(customer="c"), transactions=True),
    "DynamoDBClient.batch_save": lambda client, _, t: client.batch_save([new()], timeout=t),
    "DynamoDBClient.batch_delete": lambda client, _, t: client.batch_delete([KEY], timeout=t),
    "DynamoDBClient.bulk_write": lambda client, _, t: client.bulk_write([new()], timeout=t),
    "DynamoDBClient.bulk_read": lambda client, _, t: client.bulk_read(Order.scan(), lambda _: None, timeout=t),
    "DynamoDBClient.transaction": lambda client, _, t: sent(client, t),
    "DynamoDBClient.transact_get": lambda client, _, t: client.transact_get(KEY, timeout=t),
    "DynamoDBClient.list_tables": lambda client, _, t: client.list_tables(timeout=t),
    "DynamoDBClient.execute": lambda client, _, t: client.execute(SELECT, "c1", 1, timeout=t),
    "DynamoDBClient.execute_batch": lambda client, _, t: client.execute_batch([(SELECT, "c1", 1)], timeout=t),
    "DynamoDBClient.execute_transaction": lambda client, _, t: client.execute_transaction([(SELECT, "c1", 1)], timeout=t),
    "DynamoDBClient.ping": lambda client, _, t: client.ping(timeout=t),
    "DynamoDBClient.call": lambda client, _, t: client.call("ListTables", timeout=t),
    "Table.create": lambda _, __, t: Order.table.create(wait=False, timeout=t),
    "Table.ensure": lambda _, __, t: Order.table.ensure(timeout=t),
    "Table.update": lambda _, __, t: Order.table.update(timeout=t),
    "Table.check": lambda _, __, t: Order.table.check(timeout=t),
    "Table.exists": lambda _, __, t: Order.table.exists(timeout=t),
    "Table.delete": lambda _, __, t: Order.table.delete(wait=False, timeout=t),
    "Table.describe": lambda _, __, t: Order.table.describe(timeout=t),
    "ensure_tables": lambda _, __, t: ensure_tables(Order, timeout=t),
    "export_jsonl": lambda client, path, t: export_jsonl("orders", path / "file", client=client, timeout=t),
    "import_jsonl": lambda client, path, t: import_jsonl(Order, file_of(path), client=client, timeout=t),
    "adopt_table": lambda client, _, t: adopted(client, t),
    "reencrypt": lambda client, _, t: pydynox.reencrypt(Patient, client=client, timeout=t),
    "verify_unique": lambda client, _, t: pydynox.verify_unique(User, client=client, timeout=t),
}
#: Readings are built; their verbs take no options.
READINGS: dict[str, Callable[[Query[Any]], Any]] = {
    "all": lambda query: query.all(),
    "first": lambda query: query.first(),
    "one": lambda query: query.one(),
    "count": lambda query: query.count(),
    "exists": lambda query: query.exists(),
    "page": lambda query: query.page(5),
    "pages": pages,
    "each": each,
}
VERBS |= {
    f"Query.timeout {name}": lambda _, __, t, read=read: read(Order.query("c1").timeout(t))  # type: ignore[misc]
    for name, read in READINGS.items()
}
VERBS |= {
    "Query.timeout scan": lambda _, __, t: Order.scan().timeout(t).all(),
    "Query.timeout segments": lambda _, __, t: Order.scan(segments=2).timeout(t).count(),
    "Query.timeout of an index": lambda _, __, t: Order.by_city.query("Oslo").keys().timeout(t).all(),
    "Query.timeout hydrated": lambda _, __, t: Order.by_city.query("Oslo").hydrate().timeout(t).all(),
    "Query.timeout plain": lambda client, _, t: client.query("orders", {"customer": "c1"}).timeout(t).all(),
    "Query.timeout then more": lambda _, __, t: Order.query("c1").timeout(t).limit(3).descending().all(),
}
ENDED = (RequestTimeoutError, WriteOutcomeUnknownError, BatchIncompleteError)
KEYRING = LocalKeyring({"k": b"k" * 32})


def client_for(server: Any, **settings: Any) -> DynamoDBClient:
    return client_of(server, keyring=KEYRING, read_timeout=60, **settings)


@pytest.mark.parametrize("name", VERBS)
def test_a_call_ends_within_its_time_out(serve: Serve, drive: Drive, tmp_path: Path, name: str) -> None:
    server = serve(silence)
    client = client_for(server, timeout=None)
    began = time.monotonic()
    with client.as_default(), pytest.raises(ENDED) as caught:
        drive(VERBS[name](client, tmp_path, 0.2))
    assert 0.1 < time.monotonic() - began < 15
    assert server.seen
    if isinstance(caught.value, RequestTimeoutError):
        assert isinstance(caught.value, TimeoutError)


#: They look at a table again and again, each time as long as the client allows, until ``wait_timeout`` is over.
LOOKING = ("Table.ensure", "Table.update", "ensure_tables")


@pytest.mark.parametrize("timeout", [None, 20], ids=["none", "longer"])
@pytest.mark.parametrize("name", [name for name in VERBS if name not in LOOKING])
def test_a_call_may_take_longer_than_the_client_says(
    serve: Serve, drive: Drive, tmp_path: Path, name: str, timeout: float | None
) -> None:
    server = serve(late(0.05))
    client = client_for(server, timeout=0.01)
    with client.as_default():
        drive(VERBS[name](client, tmp_path, timeout))
    assert server.seen


@pytest.mark.parametrize("name", VERBS)
def test_what_is_no_time_out_is_refused_before_anything_is_sent(serve: Serve, drive: Drive, tmp_path: Path, name: str) -> None:
    server = serve(silence)
    client = client_for(server)

    async def call(wrong: Any) -> Any:
        return await VERBS[name](client, tmp_path, wrong)

    for wrong in (0, -1, "5", math.nan):
        with (
            client.as_default(),
            pytest.raises(ConfigurationError, match="must be a positive number of seconds, or None for no limit"),
        ):
            drive(call(wrong))
    gc.collect(1)  # a coroutine that was never awaited would warn, and a warning is an error; it is young
    assert not server.seen


def test_an_int_beyond_what_is_a_time_is_no_limit(serve: Serve, drive: Drive) -> None:
    client = client_for(serve(late(0.05)), timeout=0.01)
    with client.as_default():
        assert drive(Order.get("c1", 1, timeout=10**400)) is not None
        with client.options(timeout=10**400):
            assert drive(Order.get("c1", 1)) is not None


def test_the_call_says_it_before_the_block_around_it(serve: Serve, drive: Drive) -> None:
    client = client_for(serve(late(0.05)), timeout=None)
    with client.as_default(), client.options(timeout=0.01):
        assert drive(Order.get("c1", 1, timeout=9)) is not None
        with pytest.raises(RequestTimeoutError):
            drive(Order.get("c1", 1))
        assert drive(Order.query("c1").timeout(None).all())


def test_a_deadline_of_the_block_stays(serve: Serve, drive: Drive) -> None:
    client = client_for(serve(silence))
    began = time.monotonic()
    with client.as_default(), client.options(deadline=0.2), pytest.raises(RequestTimeoutError, match="deadline"):
        drive(Order.get("c1", 1, timeout=None))
    assert time.monotonic() - began < 10


def test_it_is_of_that_call_alone(serve: Serve, drive: Drive) -> None:
    server = serve(silence, late(0))
    client = client_for(server)

    async def both() -> Any:
        with pytest.raises(RequestTimeoutError):
            await Order.get("c1", 1, timeout=0.1)
        return await Order.get("c1", 1)

    with client.as_default():
        assert drive(both()) is not None
        variable: Any = client.core.options_variable()
        assert variable.get() == (None, None, None)


def test_an_overridden_verb_runs_once(serve: Serve, drive: Drive) -> None:
    client = client_for(serve(late(0)))
    runs: list[str] = []

    class Noted(Model[str], table="orders"):
        customer: Attr[str] = partition_key()

        async def put(self, **options: Any) -> None:
            runs.append("put")
            await super().put(**options)

        async def create(self, **options: Any) -> None:
            runs.append("create")
            await super().create(**options)

        @classmethod
        async def get_or_create(cls, *values: Any, **options: Any) -> Any:
            runs.append("get_or_create")
            return await super().get_or_create(*values, **options)

        @before_save
        def note(self) -> None:
            runs.append("hook")

    with client.as_default():
        drive(Noted(customer="c").put(timeout=5))
        drive(Noted(customer="c").create(timeout=5))
        drive(Noted.get_or_create("c1", timeout=5))
    assert runs == ["put", "hook", "create", "hook", "get_or_create"]


@pytest.mark.parametrize("name", ["timeout", "consistent_read", "defaults"])
@pytest.mark.parametrize("place", ["partition key", "sort key", "template part", "later part"])
def test_a_part_of_a_key_that_a_verb_takes_as_an_option_is_refused(name: str, place: str) -> None:
    plain: Any = {"__annotations__": {"pk": "Attr[str]", name: "Attr[str]"}, "__module__": __name__}
    body: dict[str, Any] = {
        "partition key": {**plain, "__annotations__": {name: "Attr[str]"}, name: partition_key()},
        "sort key": {**plain, "pk": partition_key(), name: sort_key()},
        "template part": {**plain, "pk": partition_key(template=f"X#{{{name}}}"), name: field()},
        "later part": {
            **plain,
            "__annotations__": {"pk": "Attr[str]", "sk": "Attr[str]", "a": "Attr[str]", name: "Attr[str]"},
            "pk": partition_key(),
            "sk": sort_key(template=f"X#{{a}}#{{{name}}}"),
            "a": field(),
            name: field(),
        },
    }[place]
    with pytest.raises(ConfigurationError, match=rf"Made\.{name} is a .*option of the verb: call it {name}_"):
        type(Model)("Made", (Model,), body, table="made")


def test_elsewhere_the_name_is_free() -> None:
    class Limits(Document):
        timeout: Attr[int]

    class Job(Model[str], table="jobs"):
        job_id: Attr[str] = partition_key()
        timeout: Attr[int] = field(default=3)
        consistent_read: Attr[bool] = field(default=False)
        limits: Attr[Limits | None] = field(default=None)

        by_timeout = GlobalSecondaryIndex(timeout)

    class Stored(Model[str], table="jobs"):
        timeout_: Attr[str] = partition_key(attribute_name="timeout")

    assert Job(job_id="j").timeout == 3
    assert Job.by_timeout.query(timeout=3).explain().key_condition
    assert Stored.key(timeout_="x") == Stored.key("x")


#: Public coroutines without a time-out of their own, and why.
WITHOUT = {
    **{f"Query.{name}": "Query.timeout() says it" for name in ("all", "first", "one", "count", "exists", "page")},
    "BatchWriter.put": "client.batch_writer(timeout=) says it",
    "BatchWriter.delete": "client.batch_writer(timeout=) says it",
    "BatchWriter.put_all": "client.batch_writer(timeout=) says it",
    "BatchWriter.delete_all": "client.batch_writer(timeout=) says it",
    "DynamoDBClient.close": "sends nothing",
    "DynamoDBClient.explain": "sends nothing",
    "Table.wait_until_active": "wait_timeout= bounds it, requests included",
    "Table.wait_until_gone": "wait_timeout= bounds it, requests included",
}
CLASSES: list[Any] = [Model, pydynox.Key, DynamoDBClient, pydynox.Table, Query, BatchWriter, Transaction, pydynox.Repository]


def public_coroutines() -> dict[str, Any]:
    """Every verb that can be awaited, of classes and of modules."""
    found: dict[str, Any] = {}
    for owner in CLASSES:
        names = {name for base in owner.__mro__ if base.__module__.startswith("pydynox") for name in vars(base)}
        for name in sorted(names):
            if not name.startswith("_") and inspect.iscoroutinefunction(getattr(owner, name)):
                found[f"{owner.__name__}.{name}"] = getattr(owner, name)
    for module in pkgutil.walk_packages(pydynox.__path__, "pydynox."):
        rooms = module.name.split(".")[1:]
        if rooms[0] in ("__main__", "cli", "testing"):
            continue
        is_public = not any(room.startswith("_") for room in rooms)
        for name, value in vars(importlib.import_module(module.name)).items():
            is_ours = inspect.iscoroutinefunction(value) and value.__module__ == module.name
            if is_ours and (name in pydynox.__all__ or is_public) and not name.startswith("_"):
                found[name] = value
    return found


#: What other functions are made of; nobody calls them by these names.
INSIDE = {"limited", "bulk_write", "bulk_read", "execute", "execute_batch", "execute_transaction", "explain", "opened"}


def test_every_verb_that_sends_something_has_a_time_out() -> None:
    verbs = {name: verb for name, verb in public_coroutines().items() if name not in INSIDE}
    assert len(verbs) > 45
    lacking = [name for name, verb in verbs.items() if "timeout" not in inspect.signature(verb).parameters]
    assert sorted(lacking) == sorted(WITHOUT)
    tried = {name.partition(" ")[0] for name in VERBS}
    # Nothing is sent: an item is given, or connections are opened and no more; what takes long there is not a request.
    assert set(verbs) - tried - set(WITHOUT) == {"DynamoDBClient.model_from_item", "DynamoDBClient.warm_up"}


def test_every_blocking_verb_has_it_too() -> None:
    sources = [*CLASSES, pydynox.indexes.Index, pydynox.Outbox, pydynox.streams.StreamReader]
    for view in vars(views).values():
        if not inspect.isclass(view) or view.__module__ != views.__name__:
            continue
        source = next(owner for owner in sources if f"``{owner.__name__}``" in (view.__doc__ or ""))
        for name in vars(view):
            verb = getattr(source, name, None)
            if not name.startswith("_") and verb is not None and callable(verb):
                said = [list(inspect.signature(one).parameters) for one in (getattr(view, name), verb)]
                assert ("timeout" in said[0]) == ("timeout" in said[1]), (view, name)


def test_a_blocking_call_takes_it(serve: Serve) -> None:
    client = client_for(serve(late(0.05)), timeout=0.01)
    with client.as_default():
        assert Order.sync.get("c1", 1, timeout=5) is not None
        assert client.sync.get_item("orders", WIRE, timeout=None) is not None
        assert Order.query("c1").sync.timeout(5).all()
        order = new()
        order.sync.put(timeout=5)
        with client.sync.batch_writer(timeout=5) as batch:
            batch.put(new())
        with client.sync.transaction(timeout=5) as tx:
            tx.put(new())
        with pytest.raises(RequestTimeoutError):
            Order.sync.get("c1", 1)


LEFT = """
import asyncio
from pydynox import Attr, Credentials, DynamoDBClient, Model, partition_key

class Note(Model[str], table="notes"):
    note_id: Attr[str] = partition_key()

client = DynamoDBClient(endpoint_url="URL", region="us-east-1", credentials=Credentials("a", "b"))

async def main():
    task = asyncio.ensure_future(Note.get("n", timeout=TIMEOUT))
    await asyncio.sleep(0.1)
    return task

with client.as_default():
    loop = asyncio.new_event_loop()
    task = loop.run_until_complete(main())
    loop.close()
    task._log_destroy_pending = False
    del task
    import gc
    gc.collect()
"""


def test_a_call_that_its_loop_left_behind_says_nothing(serve: Serve) -> None:
    program = LEFT.replace("URL", serve(silence).url).replace("TIMEOUT", "5")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def passed_on(verb: ast.AsyncFunctionDef, call: ast.Call) -> set[str]:
    """The parameters of a verb that it hands to itself, which is how it applies its timeout."""
    names = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
    return {parameter for parameter in parameters_of(verb) if parameter in names}


def parameters_of(verb: ast.AsyncFunctionDef) -> set[str]:
    arguments = verb.args
    several = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *several)} - {"timeout"}


def assigned(verb: ast.AsyncFunctionDef, value: ast.expr) -> ast.expr | None:
    """A value, or the call of the verb itself that a variable was set to."""
    if not isinstance(value, ast.Name):
        return value
    for node in ast.walk(verb):
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == value.id and isinstance(node.value, ast.Call):
            again = node.value.func
            return node.value if isinstance(again, ast.Attribute) and again.attr == verb.name else None
    return None


def test_a_verb_with_a_timeout_gets_all_its_other_arguments() -> None:
    checked = 0
    for path in pathlib.Path(pydynox.__file__).parent.rglob("*.py"):
        for verb in ast.walk(ast.parse(path.read_text())):
            if not isinstance(verb, ast.AsyncFunctionDef):
                continue
            for call in ast.walk(verb):
                if not isinstance(call, ast.Call) or ast.unparse(call.func) != "limited":
                    continue
                inner = assigned(verb, call.args[2])
                if not isinstance(inner, ast.Call):
                    continue  # of a coroutine that exists already
                lacking = parameters_of(verb) - passed_on(verb, inner)
                # A method of a bound class or instance is called on what it is bound to.
                if isinstance(inner.func, ast.Attribute) and inner.func.attr in (verb.name, "__func__"):
                    lacking -= {"self", "cls"}
                assert not lacking, (path.name, verb.name)
                checked += 1
    assert checked > 35
