"""Where people slip: what the error says, and what tools show of a model."""

from __future__ import annotations

import dataclasses
import inspect
import pydoc
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import pydynox
import pytest
from pydynox import (
    Attr,
    Document,
    DynamoDBClient,
    GlobalSecondaryIndex,
    ListAttribute,
    Model,
    Repository,
    StringAttribute,
    created_at,
    field,
    partition_key,
    sort_key,
    version,
)
from pydynox.exceptions import (
    BatchIncompleteError,
    ConfigurationError,
    PydynoxError,
    RequestTimeoutError,
    ThrottlingError,
    TransactionCanceledError,
    TransactionTokenReusedError,
    ValidationError,
)
from pydynox.testing import fault, inject

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import error as error_of


class Place(Document):
    """A member."""

    city: Attr[str]
    zip: Attr[str] = field(default="")


class User(Model[str, int], table="users"):
    """A model of everything."""

    customer_id: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    name: Attr[str] = field(default="")
    tags: Attr[list[str]] = field(default_factory=list)
    place: Attr[Place | None] = field(default=None)
    version: Attr[int] = version()
    made: Attr[datetime] = created_at()
    by_name = GlobalSecondaryIndex(name)


class Task(Model[str, str], table="users"):
    """A model whose key is made of other attributes."""

    team: Attr[str] = field()
    num: Attr[int] = field()
    customer_id: Attr[str] = partition_key(template="TEAM#{team}")
    number: Attr[str] = sort_key(template="TASK#{num:03d}")


@dataclasses.dataclass
class OwnClass:
    name: str


CLIENT = DynamoDBClient(endpoint_url="memory://")


async def iterate_awaiting() -> None:
    async with CLIENT.sync.batch_writer():  # type: ignore[attr-defined]
        pass


SLIPS: dict[str, tuple[Any, type[Exception], str]] = {
    "for over a query": (lambda: list(User.query("c1")), TypeError, "async for row in query.*query.sync"),
    "list of a query": (lambda: list(User.scan()), TypeError, "query.sync"),
    "list of an index query": (lambda: list(User.by_name.query("x")), TypeError, "query.sync"),
    "with of a batch": (lambda: CLIENT.batch_writer().__enter__(), TypeError, r"client\.sync\.batch_writer\(\)"),
    "with of a transaction": (lambda: CLIENT.transaction().__enter__(), TypeError, r"client\.sync\.transaction\(\)"),
    "with of a client": (CLIENT.__enter__, TypeError, r"async with DynamoDBClient.*as_default"),
    "positional values": (
        lambda: User("c1", 7),
        TypeError,
        r"User takes its attributes by name.*User\(customer_id=\.\.\., number=",
    ),
    "positional members": (lambda: Place("Oslo"), TypeError, r"Place\(city=\.\.\.\)"),
    "positional settings": (lambda: DynamoDBClient("eu-west-1"), TypeError, r"DynamoDBClient\(region='eu-west-1'\)"),
    "boto's region": (lambda: DynamoDBClient(region_name="eu-west-1"), TypeError, "region_name=; it is region= here"),
    "boto's keys": (lambda: DynamoDBClient(aws_access_key_id="a"), TypeError, r"credentials=Credentials\("),
    "boto's profile": (lambda: DynamoDBClient(profile_name="a"), TypeError, "profile="),
    "mistyped setting": (lambda: DynamoDBClient(endpont_url="a"), TypeError, "did you mean endpoint_url=?"),
    "unknown setting": (lambda: DynamoDBClient(xyz=1), TypeError, "has no setting xyz=$"),
    "mistyped key": (
        lambda: User.key(custmer_id="c1", number=7),
        ValidationError,
        "custmer_id is not a key attribute; did you mean 'customer_id'",
    ),
    "mistyped sort key": (lambda: User.key("c1", nmber=7), ValidationError, "did you mean 'number'"),
    "mistyped key of a get": (lambda: User.sync.get(custmer_id="c1"), ValidationError, "did you mean 'customer_id'"),
    "mistyped part": (lambda: Task.key(taem="x", num=1), ValidationError, "did you mean 'team'"),
    "mistyped second part": (lambda: Task.key(team="x", nmu=1), ValidationError, "did you mean 'num'"),
    "missing key": (lambda: User.key("c1"), ValidationError, "number is missing"),
    "text as a number": (lambda: DynamoDBClient(timeout="5"), ConfigurationError, "timeout must be a number, not '5'"),  # type: ignore[arg-type]
    "text as a count": (lambda: DynamoDBClient(max_attempts="3"), ConfigurationError, "max_attempts must be a whole number"),  # type: ignore[arg-type]
    "a fraction as a count": (lambda: DynamoDBClient(max_connections=1.5), ConfigurationError, "a whole number, not 1.5"),  # type: ignore[arg-type]
    "a switch as a number": (lambda: DynamoDBClient(read_timeout=True), ConfigurationError, "a number, not True"),
    "a number as a region": (lambda: DynamoDBClient(region=5), ConfigurationError, "region must be a str, not 5"),  # type: ignore[arg-type]
    "a number as a rate": (
        lambda: DynamoDBClient(rate_limit=5),  # type: ignore[arg-type]
        ConfigurationError,
        r"rate_limit must be a RateLimit, not int: rate_limit=RateLimit\(\.\.\.\)",
    ),
    "a role by name": (lambda: DynamoDBClient(assume_role="arn"), ConfigurationError, "assume_role must be a AssumeRole"),  # type: ignore[arg-type]
    "one cursor key": (lambda: DynamoDBClient(cursor_keys=b"x" * 32), ConfigurationError, "a list of keys, each 32 bytes"),  # type: ignore[arg-type]
    "a URL as the default client": (
        lambda: pydynox.set_default_client("memory://"),  # type: ignore[arg-type]
        TypeError,
        r"takes a DynamoDBClient, not str: DynamoDBClient\(endpoint_url='memory://'\)",
    ),
    "no parentheses": (
        lambda: User.number > 3 & User.name == "x",  # type: ignore[operator]
        TypeError,
        r"User.name> is a path: compare it, with parentheses around each comparison, as in \(User.age > 3\) &",
    ),
    "a path in place of a condition": (lambda: (User.number > 3) | User.name, TypeError, "compare it, with parentheses"),  # type: ignore[operator]
    "several keys in a query": (
        lambda: User.query("c1", User.number.in_(1, 2)),
        ValidationError,
        "and one read for each of several keys",
    ),
    "several keys in a filter": (
        lambda: User.query("c1").filter(User.number.in_(1, 2)),
        ValidationError,
        r"pass =, <, <=, >, >=, between\(\) or begins_with\(\) to query\(\), and test anything else in Python",
    ),
    "boto's limit": (lambda: User.query("c1", Limit=3), ValidationError, r"write \.limit\(n\) after query"),
    "PynamoDB's order": (lambda: User.query("c1", scan_index_forward=False), ValidationError, r"\.descending\(\) after query"),
    "PynamoDB's name": (lambda: StringAttribute(attr_name="n"), TypeError, "no option 'attr_name': write attribute_name="),  # type: ignore[call-overload]
    "PynamoDB's null": (lambda: ListAttribute(str, null=True), TypeError, "no option 'null': leave it out"),  # type: ignore[call-overload]
    "unnamed indexes": (
        lambda: Repository(OwnClass, table="plain", partition_key="name", indexes=[GlobalSecondaryIndex("name")]),  # type: ignore[arg-type]
        ConfigurationError,
        r"has indexes= without names: write indexes=\{'by_email'",
    ),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_told_with_the_right_form(slip: str) -> None:
    call, kind, message = SLIPS[slip]

    with pytest.raises(kind, match=message):
        call()


def test_with_statements_of_the_wrong_kind_say_which_is_right() -> None:
    with pytest.raises(TypeError, match=r"client\.sync\.batch_writer"):
        with CLIENT.batch_writer():
            pass
    with pytest.raises(TypeError, match=r"client\.sync\.transaction"):
        with CLIENT.transaction():
            pass


async def test_async_with_of_a_blocking_batch_says_which_is_right() -> None:
    with pytest.raises(TypeError, match=r"client\.batch_writer"):
        await iterate_awaiting()


def test_a_subclass_of_the_client_has_settings_of_its_own() -> None:
    class Own(DynamoDBClient):
        def __init__(self, stage: str) -> None:
            super().__init__(endpoint_url=f"memory://{stage}")

    assert repr(Own("test")) == "DynamoDBClient('memory://test')"
    assert list(inspect.signature(DynamoDBClient).parameters)[:2] == ["region", "endpoint_url"]


# What errors say


def test_throttling_names_its_reasons_and_resources(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://", max_attempts=1)
    drive(client.call("CreateTable", **USERS))
    reasons = [("TableWriteMaxOnDemandThroughputExceeded", "arn:aws:dynamodb:eu-west-1:1:table/users"), ("Other", "x")]
    with inject(client, fault("PutItem", "throttle", reasons=reasons)), pytest.raises(ThrottlingError) as caught:
        drive(client.put_item("users", {"id": "u1"}))

    assert "TableWriteMaxOnDemandThroughputExceeded of arn:aws:dynamodb:eu-west-1:1:table/users, Other of x" in str(caught.value)
    assert caught.value.reasons == reasons


USERS: dict[str, Any] = {
    "TableName": "users",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


class Plain(Model[str], table="users"):
    """Of the table above."""

    id: Attr[str] = partition_key()


@pytest.mark.parametrize(("kind", "retryable"), [("unprocessed", True), ("throttle", True), ("error", False)])
@pytest.mark.parametrize("verb", ["writer", "save", "delete", "bulk", "get"])
def test_what_is_left_of_a_batch_for_want_of_capacity_may_succeed_later(
    drive: Drive, kind: Any, retryable: bool, verb: str
) -> None:
    client = DynamoDBClient(endpoint_url="memory://", timeout=0.3, max_attempts=1)
    drive(client.call("CreateTable", **USERS))
    items = [Plain(id="u1")]

    async def write() -> None:
        async with client.batch_writer() as batch:
            await batch.put(items[0])

    calls: dict[str, Any] = {
        "writer": write,
        "save": lambda: client.batch_save(items),
        "delete": lambda: client.batch_delete([Plain.key("u1")]),
        "bulk": lambda: client.bulk_write(items),
        "get": lambda: client.batch_get(Plain.key("u1")),
    }
    operation = "BatchGetItem" if verb == "get" else "BatchWriteItem"
    if verb == "bulk" and kind != "error":
        pytest.skip("a bulk job waits for capacity as long as it takes")
    with client.as_default(), inject(client, fault(operation, kind, times=None)), pytest.raises(PydynoxError) as caught:
        drive(calls[verb]())

    assert isinstance(caught.value, (BatchIncompleteError, ThrottlingError, RequestTimeoutError)) or not retryable
    assert caught.value.retryable is retryable


@pytest.mark.engines("embedded")  # moto takes any token
def test_a_token_that_is_used_again_says_so_once(client: DynamoDBClient, drive: Drive) -> None:
    drive(client.call("CreateTable", **USERS))

    async def write(id: str) -> None:
        async with client.transaction(token="t1") as tx:
            tx.put(Plain(id=id))

    drive(write("u1"))
    with pytest.raises(TransactionTokenReusedError) as caught:
        drive(write("u2"))

    text = str(caught.value)
    assert "use a new one" in text
    words = re.findall(r"[A-Za-z]{5,}", text.lower())
    assert text.count("IdempotentParameterMismatch") <= 1, text
    halves = [" ".join(words[at : at + 4]) for at in range(len(words) - 3)]
    assert len(halves) == len(set(halves)), text


@pytest.mark.parametrize(
    "code", ["TransactionConflict", "ThrottlingError", "ConditionalCheckFailed", "ItemCollectionSizeLimitExceeded", "New"]
)
def test_a_reason_without_a_text_gets_one(serve: Serve, drive: Drive, code: str) -> None:
    server = serve(error_of("TransactionCanceledException", CancellationReasons=[{"Code": code}], message=""))
    client = client_of(server, max_attempts=1)

    async def write() -> None:
        async with client.transaction() as tx:
            tx.put(Plain(id="u1"))

    with pytest.raises(TransactionCanceledError) as caught:
        drive(write())

    (failure,) = caught.value.failures.values()
    assert not re.search(r": (\(|;|$)", str(failure)), failure
    assert not re.search(r": (\(|;|$)", str(caught.value)), caught.value


# Everyday


@pytest.fixture
def users() -> Any:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        User.table.sync.create()
        User(customer_id="c1", number=7, name="Ada", place=Place(city="Oslo")).sync.create()
        yield client


def test_a_key_selects(users: DynamoDBClient, drive: Drive) -> None:
    key = User.key("c1", 7)

    assert drive(key.select(User.name, User.place.city)) == ("Ada", "Oslo")
    assert drive(key.select(User.number, consistent_read=True)) == (7,)
    assert drive(User.key("c1", 8).select(User.name)) is None
    assert key.sync.select(User.name) == ("Ada",)
    with pytest.raises(ValidationError):
        drive(key.select())
    with pytest.raises(ValidationError, match="not of Plain"):
        drive(key.select(Plain.id))
    with inject(users, fault("Query", "throttle")) as log:
        with users.options(timeout=5):
            drive(key.select(User.name))
    assert log.requests == ["Query", "Query"]


def test_a_key_made_of_others_selects(users: DynamoDBClient, drive: Drive) -> None:
    # Its table has a number as sort key: another client, another table.
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        drive(Task.table.create())
        drive(Task(team="x", num=1).create())
        drive(Task(team="x", num=10).create())

        assert drive(Task.key(team="x", num=1).select(Task.num)) == (1,)


def test_a_check_takes_its_condition_by_name(users: DynamoDBClient, drive: Drive) -> None:
    async def check(name: str, *, named: bool) -> None:
        async with users.transaction() as tx:
            if named:
                tx.check(User.key("c1", 7), condition=User.name == name)
            else:
                tx.check(User.key("c1", 7), User.name == name)

    for named in (True, False):
        drive(check("Ada", named=named))
        with pytest.raises(TransactionCanceledError):
            drive(check("Bob", named=named))


def test_a_signature_has_what_the_constructor_takes() -> None:
    assert str(inspect.signature(User)).startswith("(*, customer_id: ")
    parameters = inspect.signature(User).parameters
    assert list(parameters) == ["customer_id", "number", "name", "tags", "place"]
    assert parameters["customer_id"].default is inspect.Parameter.empty
    assert (parameters["name"].default, repr(parameters["tags"].default)) == ("", "<factory>")
    assert parameters["number"].annotation is int
    assert list(inspect.signature(Task).parameters) == ["team", "num"]

    class Own(Model[str]):
        id: Attr[str] = partition_key()

        def __init__(self, id: str, extra: Decimal) -> None:
            super().__init__(id=id)

    assert list(inspect.signature(Own).parameters) == ["id", "extra"]


def test_help_of_field_shows_its_parameters() -> None:
    shown = pydoc.plain(pydoc.render_doc(field))
    documented = re.findall(r"^        (\w+): ", inspect.getdoc(field).replace("\n    ", "\n        "), re.MULTILINE)  # type: ignore[union-attr]

    assert {"default", "default_factory", "ge", "validate", "template"} <= set(inspect.signature(field).parameters)
    assert set(documented) <= {*inspect.signature(field).parameters}
    assert "attribute_name" in shown.split("Declare an attribute")[0]
