"""Texts that UTF-8 cannot store, wherever a caller may give one: refused by saying where it is, before anything is sent."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import pytest
from pydynox import (
    AssumeRole,
    Attr,
    Credentials,
    DynamoDBClient,
    GlobalSecondaryIndex,
    Model,
    ModelConfig,
    attr,
    export_jsonl,
    field,
    import_jsonl,
    partition_key,
    sort_key,
)
from pydynox.exceptions import ConfigurationError, PydynoxError, ValidationError
from pydynox.local import LocalServer

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer

LONE = "a\ud800b"
STATEMENT = "SELECT * FROM a\ud800b"


class Order(Model[str, str], table="orders"):
    """A key made of parts, and an index."""

    pk: Attr[str] = partition_key(template="CUSTOMER#{customer}")
    sk: Attr[str] = sort_key(template="ORDER#{number}")
    customer: Attr[str]
    number: Attr[str]
    city: Attr[str] = field(default="")
    by_city = GlobalSecondaryIndex(city, pk)


Call = Callable[[DynamoDBClient], Any]


async def one_put(client: DynamoDBClient) -> None:
    async with client.transaction(token=LONE) as tx:
        await tx.put(Order(customer="c", number="1"))


#: By what holds it: what is called, and how the refusal names it. A call gives a coroutine, or raises at once.
CALLS: dict[str, tuple[Call, str]] = {
    "table of get_item": (lambda client: client.get_item(LONE, {"pk": "a"}), "table name"),
    "table of put_item": (lambda client: client.put_item(LONE, {"pk": "a"}), "table name"),
    "table of update_item": (lambda client: client.update_item(LONE, {"pk": "a"}, attr("n").set(1)), "table name"),
    "table of delete_item": (lambda client: client.delete_item(LONE, {"pk": "a"}), "table name"),
    "table of query": (lambda client: client.query(LONE, {"pk": "a"}).all(), "table name"),
    "table of scan": (lambda client: client.scan(LONE).all(), "table name"),
    "table of segments": (lambda client: client.scan(LONE, segments=3).all(), "table name"),
    "table of an export": (lambda client: export_jsonl(LONE, "never.jsonl", client=client), "table name"),
    "table of an import": (lambda client: import_jsonl(LONE, "never.jsonl", client=client), "table name"),
    "index of query": (lambda client: client.query("orders", {"pk": "a"}, index=LONE).all(), "index name"),
    "index of scan": (lambda client: client.scan("orders", index=LONE).all(), "index name"),
    "name of a key": (lambda client: client.get_item("orders", {LONE: "a"}), "key"),
    "value of a key": (lambda client: client.get_item("orders", {"pk": LONE}), "pk"),
    "name of an item": (lambda client: client.put_item("orders", {"pk": "a", LONE: 1}), "item"),
    "name in a map": (lambda client: client.put_item("orders", {"pk": "a", "map": {LONE: 1}}), "map"),
    "value of an item": (lambda client: client.put_item("orders", {"pk": "a", "text": LONE}), "text"),
    "name of a queried key": (lambda client: client.query("orders", {LONE: "a"}).all(), "name"),
    "value of a queried key": (lambda client: client.query("orders", {"pk": LONE}).all(), "pk"),
    "projection": (lambda client: client.get_item("orders", {"pk": "a"}, projection=[LONE]), "name"),
    "step of a projection": (lambda client: client.get_item("orders", {"pk": "a"}, projection=[["a", LONE]]), "name"),
    "selected path": (lambda client: client.scan("orders").select(attr(LONE)).all(), "name"),
    "filter": (lambda client: client.scan("orders").filter(attr(LONE) == 1).all(), "name"),
    "value of a filter": (lambda client: client.scan("orders").filter(attr("a") == LONE).all(), "a"),
    "attribute type": (lambda client: client.scan("orders").filter(attr("a").attribute_type(LONE)).all(), "type"),
    "cursor": (lambda client: client.scan("orders").after(LONE).all(), "cursor"),
    "cursor of a model": (lambda client: Order.query(customer="c").after(LONE).page(2), "cursor"),
    "cursor of segments": (lambda client: Order.scan(segments=2).after(LONE).all(), "cursor"),
    "name in a start key": (lambda client: client.scan("orders").after({LONE: "a"}).all(), "after"),
    "name in a start key on the wire": (lambda client: client.scan("orders").after({LONE: {"S": "a"}}).all(), "after"),
    "value in a start key": (lambda client: client.scan("orders").after({"pk": LONE}).all(), "pk"),
    "value in a start key on the wire": (lambda client: client.scan("orders").after({"pk": {"S": LONE}}).all(), "request's S"),
    "audience": (lambda client: client.scan("orders").cursors(audience=LONE).page(1), "audience"),
    "bulk_read": (lambda client: bulk_read_of(client, client.scan(LONE)), "table name"),
    "statement": (lambda client: client.execute(STATEMENT), "statement"),
    "parameter of a statement": (lambda client: client.execute("SELECT * FROM orders WHERE pk = ?", LONE), "parameter 1"),
    "cursor of a statement": (lambda client: client.execute("SELECT * FROM orders", after=LONE), "cursor"),
    "statement of a batch": (lambda client: client.execute_batch([(STATEMENT,)]), "statement"),
    "statement of a transaction": (lambda client: client.execute_transaction([(STATEMENT,)]), "statement"),
    "token of a transaction of statements": (
        lambda client: client.execute_transaction([("DELETE FROM orders WHERE pk = ? AND sk = ?", "a", "b")], token=LONE),
        "token",
    ),
    "token of a transaction": (one_put, "token"),
    "operation": (lambda client: client.call(LONE), "operation"),
    "name in a call": (lambda client: client.call("Scan", **{LONE: 1}), "name in the request"),
    "table in a call": (lambda client: client.call("Scan", TableName=LONE), "request's TableName"),
    "text deep in a call": (
        lambda client: client.call("PutItem", TableName="orders", Item={"pk": {"L": [{"SS": ["a", LONE]}]}}),
        "request's SS",
    ),
    "name deep in a call": (lambda client: client.call("PutItem", TableName="orders", Item={LONE: {"S": "a"}}), "name"),
    "part of a template": (lambda client: Order.get(customer=LONE, number="1"), "customer"),
    "part of a template in a query": (lambda client: Order.query(customer=LONE).all(), "customer"),
    "part of a template in a batch": (lambda client: client.batch_get(Order.key(customer="c", number=LONE)), "number"),
    "part of a template of a new item": (lambda client: Order(customer=LONE, number="1").create(), "customer"),
    "key of an index": (lambda client: Order.by_city.query(LONE).all(), "city"),
    "name of a condition in a query": (lambda client: Order.query(**{"customer": "c", LONE: 1}).all(), "not one of them"),
}


async def bulk_read_of(client: DynamoDBClient, query: Any) -> None:
    await client.bulk_read(query, print)


@pytest.mark.parametrize("what", CALLS)
@pytest.mark.parametrize("place", ["service", "memory"])
def test_it_is_refused_before_anything_is_sent(serve: Serve, drive: Drive, what: str, place: str) -> None:
    call, named = CALLS[what]
    server = serve(answer({}))
    settings: dict[str, Any] = {"cursor_keys": [bytes(32)]}
    client = client_of(server, **settings) if place == "service" else DynamoDBClient(endpoint_url="memory://", **settings)

    with client.as_default(), pytest.raises(ValidationError) as refused:
        drive(_called(call, client))

    assert "surrogate" in str(refused.value) or what == "name of a condition in a query"
    assert named in str(refused.value)
    assert server.seen == []


async def _called(call: Call, client: DynamoDBClient) -> Any:
    return await call(client)


#: By setting: what makes a client, a server or a class with it.
DECLARED: dict[str, tuple[Callable[[], Any], str]] = {
    "region": (lambda: DynamoDBClient(region=LONE), "region="),
    "endpoint_url": (lambda: DynamoDBClient(endpoint_url=f"http://{LONE}"), "endpoint_url="),
    "engine": (lambda: DynamoDBClient(endpoint_url=f"memory://{LONE}"), "endpoint_url="),
    "profile": (lambda: DynamoDBClient(profile=LONE), "profile="),
    "table_prefix": (lambda: DynamoDBClient(table_prefix=LONE), "table_prefix="),
    "errors": (lambda: DynamoDBClient(errors=LONE), "errors="),
    "access key": (lambda: DynamoDBClient(credentials=Credentials(LONE, "secret")), "access_key_id="),
    "secret key": (lambda: DynamoDBClient(credentials=Credentials("AKID", LONE)), "secret_access_key="),
    "session token": (lambda: DynamoDBClient(credentials=Credentials("AKID", "secret", LONE)), "session_token="),
    "role": (lambda: DynamoDBClient(assume_role=AssumeRole(f"arn:aws:iam::123456789012:role/{LONE}")), "role"),
    "session name": (
        lambda: DynamoDBClient(assume_role=AssumeRole("arn:aws:iam::123456789012:role/app", session_name=LONE)),
        "",
    ),
    "ca_bundle": (lambda: DynamoDBClient(region="us-east-1", ca_bundle=LONE), "ca_bundle="),
    "local server": (lambda: LocalServer(endpoint_url=f"memory://{LONE}"), "endpoint_url="),
    "table of a model": (lambda: model(table=LONE), "table="),
    "table in model_config": (lambda: model(config=ModelConfig(table=LONE)), "table="),
    "logical_table": (lambda: model(table="t", config=ModelConfig(logical_table=LONE)), "logical_table="),
    "entity": (lambda: model(table="t", entity=LONE), "entity="),
    "entity_attribute": (lambda: model(table="t", entity="e", config=ModelConfig(entity_attribute=LONE)), "attribute name"),
    "attribute_name": (lambda: model(table="t", value=field(default="", attribute_name=LONE)), "attribute name"),
    "template": (lambda: model(table="t", key=partition_key(template="A" + LONE + "{value}")), "template"),
    "name of an index": (
        lambda: model(table="t", more={"by_value": GlobalSecondaryIndex("value", index_name=LONE)}),
        "index",
    ),
}


def model(
    *, key: Any = None, value: Any = None, config: Any = None, more: dict[str, Any] | None = None, **options: Any
) -> type[Any]:
    body = {
        "__module__": __name__,
        "__qualname__": "Made",
        "__annotations__": {"pk": Attr[str], "value": Attr[str]},
        "pk": key or partition_key(),
        "value": value or field(default=""),
        **(more or {}),
    }
    if config is not None:
        body["model_config"] = config
    made: type[Any] = types.new_class("Made", (Model[str],), options, lambda space: space.update(body))
    made(**{"value": "a"} if key else {"pk": "a"})
    return made


@pytest.mark.parametrize("what", DECLARED)
def test_settings_and_declarations_are_refused(what: str) -> None:
    make, named = DECLARED[what]

    with pytest.raises(PydynoxError) as refused:
        make()

    assert isinstance(refused.value, ConfigurationError)
    assert named in str(refused.value)
    assert LONE not in str(refused.value), "it can be written to any log"


def test_a_setting_of_the_environment_that_is_no_text_names_its_variable(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "a\udcffb")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")

    with pytest.raises(PydynoxError, match="AWS_REGION"):
        drive(DynamoDBClient().call("ListTables"))
