"""Records of streams and exports, decoded: every envelope, every image, and what is not an event of the table."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, Model, field, partition_key, streams
from pydynox.exceptions import ConfigurationError, SerializationError, ValidationError

from .models import ENVELOPES, Customer, Entity, Invoice, Order, Payment, failed_batch, kinesis, message, of_pipe, record

OLD = Order(customer="c1", number=7, total=5, tags={"a"})
NEW = Order(customer="c1", number=7, total=9, tags={"a"}, note="late")


@pytest.fixture(autouse=True)
def client() -> Any:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        yield client


@pytest.mark.parametrize("name", ENVELOPES)
def test_every_envelope_gives_the_same_instances(name: str) -> None:
    event = ENVELOPES[name]([record(1, NEW, OLD), record(2, NEW), record(3, None, OLD)])

    modified, inserted, removed = streams.decode(event, Order)

    assert (modified.event_name, inserted.event_name, removed.event_name) == ("MODIFY", "INSERT", "REMOVE")
    assert (modified.new, modified.old) == (NEW, OLD)
    assert (inserted.new, inserted.old, removed.new, removed.old) == (NEW, None, None, OLD)
    assert isinstance(modified.new, Order)
    assert modified.changes == {"total": (5, 9), "note": (None, "late")}
    assert removed.changes["total"] == (5, None)
    assert modified.keys == {"customer": "c1", "number": 7}
    assert (modified.table, modified.model, modified.size_bytes) == ("orders", Order, 59)
    assert modified.approximate_creation_time == datetime.fromtimestamp(1764460801, UTC)
    assert modified.sequence_number is not None
    assert int(modified.sequence_number) in (0, 1)
    assert modified.event_id
    assert modified.raw["eventSource"] in ("aws:dynamodb", "aws:kinesis")
    assert not modified.by_ttl


def test_an_instance_of_a_record_counts_as_read() -> None:
    (one,) = streams.decode({"Records": [record(1, NEW)]}, Order)

    assert one.new is not None
    assert one.new.model_changes() == {}


def test_only_the_service_itself_removes_by_time_to_live() -> None:
    for identity, expected in [
        ({"type": "Service", "principalId": "dynamodb.amazonaws.com"}, True),
        ({"type": "Service", "principalId": "replication.dynamodb.amazonaws.com"}, False),
        (None, False),
    ]:
        (removed,) = streams.decode([record(1, None, OLD, userIdentity=identity)], Order)

        assert removed.by_ttl is expected


@pytest.mark.parametrize("models", [(Customer, Invoice), (Entity,), (Invoice, Customer, Payment)])
def test_entities_are_told_apart(models: Any) -> None:
    customer = Customer(customer_id="7", name="Ada")
    invoice = Invoice(customer_id="7", number=3)
    shared = {"table": "app", "names": ("pk", "sk")}
    event = [record(1, customer, **shared), record(2, invoice, **shared)]

    first, second = streams.decode(event, *models)

    assert (first.new, second.new) == (customer, invoice)
    assert (type(first.new), type(second.new)) == (Customer, Invoice)


def test_items_of_other_entities_are_left_out() -> None:
    event = [record(1, Payment(customer_id="7", number=3), table="app", names=("pk", "sk"))]

    assert streams.decode(event, Customer, Invoice) == []


@pytest.mark.parametrize(
    ("sort", "model"),
    [("PROFILE", Customer), ("INVOICE#000003", Invoice), ("INVOICE#", None), ("OTHER#1", None)],
)
def test_a_record_without_images_belongs_to_the_model_whose_templates_fit_its_key(sort: str, model: type[Any] | None) -> None:
    event = [record(1, keys={"pk": {"S": "CUSTOMER#7"}, "sk": {"S": sort}}, table="app")]

    of_two = streams.decode(event, Customer, Invoice)
    of_base = streams.decode(event, Entity)

    assert [one.model for one in of_two] == ([] if model is None else [model])
    assert [one.model for one in of_base] == [model]
    assert of_base[0].keys["sk"] == sort


def test_guards_of_unique_values_are_left_out() -> None:
    class Account(Model[str], table="accounts"):
        name: Attr[str] = partition_key()
        email: Attr[str] = field(unique=True)

    key = {"name": {"S": "pydynox#unique#" + "0" * 64}}

    assert streams.decode([record(1, {**key, "_pydynox_unique": {"M": {}}}, table="accounts", keys=key)], Account) == []


def test_lines_of_exports_are_records() -> None:
    full = json.dumps({"Item": NEW.model_to_item()})
    keys = {"customer": {"S": "c1"}, "number": {"N": "7"}}
    changed = {"Metadata": {"WriteTimestampMicros": {"N": "1764460801000000"}}, "Keys": keys}
    lines = [
        full,
        json.dumps({**changed, "NewImage": NEW.model_to_item(), "OldImage": OLD.model_to_item()}),
        json.dumps({**changed, "OldImage": OLD.model_to_item()}),
    ]

    item, modified, removed = streams.decode("\n".join(lines) + "\n", Order)

    assert (item.event_name, item.new, item.keys) == ("INSERT", NEW, {"customer": "c1", "number": 7})
    assert modified.changes == {"total": (5, 9), "note": (None, "late")}
    assert removed.event_name == "REMOVE"
    assert modified.approximate_creation_time == datetime.fromtimestamp(1764460801, UTC)
    assert item.sequence_number is None


def test_changes_need_both_images() -> None:
    change = record(1, NEW)
    change["eventName"] = "MODIFY"
    (one,) = streams.decode([change], Order)

    with pytest.raises(ValidationError, match="NEW_AND_OLD_IMAGES"):
        _ = one.changes


def test_changes_are_found_by_value() -> None:
    old = {"customer": {"S": "c1"}, "number": {"N": "7"}, "tags": {"SS": ["b", "a"]}, "x": {"N": "1"}}
    new = {"customer": {"S": "c1"}, "number": {"N": "7.0"}, "tags": {"SS": ["a", "b"]}, "x": {"N": "2"}}

    (one,) = streams.decode([record(1, new, old)], Order)

    assert one.changes == {"x": (1, 2)}


def test_a_table_prefix_is_part_of_the_tables_name() -> None:
    client = DynamoDBClient(endpoint_url="memory://", table_prefix="dev-")

    (one,) = streams.decode([record(1, NEW, table="dev-orders")], Order, client=client)

    assert one.new == NEW
    with pytest.raises(ValidationError, match='"orders"'):
        streams.decode([record(1, NEW)], Order, client=client)


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ({"Records": [{"messageId": "1", "body": "{}", "eventSource": "aws:sqs"}]}, "batch.handler"),
        ({"Records": [{"eventSource": "aws:s3", "s3": {}}]}, "aws:s3"),
        ({"version": "2.0", "routeKey": "GET /"}, "neither Records"),
        ({"Records": [record(1, NEW, table="invoices")]}, '"invoices", which none of these models has: Order ."orders"'),
        (b'{"Records": [', "not JSON"),
        ("", "not JSON"),
    ],
    ids=str,
)
def test_an_event_of_another_source_is_refused(event: Any, what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        streams.decode(event, Order)


def test_what_is_not_an_event_or_a_model_is_a_type_error() -> None:
    for event, models, error in [(7, (Order,), TypeError), ([], ("Order",), TypeError), ([], (), ConfigurationError)]:
        with pytest.raises(error):
            streams.decode(event, *models)  # type: ignore[call-overload]


ODD = {"customer": {"S": "c1"}, "number": {"N": "7"}, "total": {"S": "many"}}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (record(3, ODD), "Order.total: the stored value is a string"),
        (record(3, {**ODD, "total": {"N": "x"}}), "number"),
        ({**record(3, NEW), "eventName": "UPSERT"}, "INSERT, MODIFY or REMOVE"),
        ({**record(3, NEW), "dynamodb": {"SequenceNumber": f"{3:021d}"}}, "Keys"),
        ({"kinesis": {"sequenceNumber": "3", "data": "e30="}, "eventSource": "aws:kinesis"}, "not a change"),
        (kinesis(3, record(3, ODD)), "Order.total"),
    ],
    ids=str,
)
def test_an_image_that_does_not_fit_names_its_record(change: Any, what: str) -> None:
    poison: list[streams.Record[Any]] = []
    event = {"Records": [record(1, NEW), change, record(4, OLD)]}

    with pytest.raises(Exception, match=what) as raised:
        streams.decode(event, Order)
    usable = streams.decode(event, Order, on_poison=poison.append)

    assert int(str(raised.value).split("stream record ")[1].split()[0].rstrip(":")) == 3
    assert [one.new for one in usable] == [NEW, OLD]
    assert str(poison[0].error) == str(raised.value)
    assert (poison[0].new, poison[0].old) == (None, None)
    assert poison[0].raw["eventSource"] in ("aws:dynamodb", "aws:kinesis")


def test_the_key_of_a_poison_record_is_in_its_error() -> None:
    with pytest.raises(SerializationError) as raised:
        streams.decode([record(3, ODD)], Order)
    with pytest.raises(SerializationError) as silent:
        streams.decode([record(3, ODD)], Order, client=DynamoDBClient(endpoint_url="memory://", errors="none"))

    assert "of the item {'customer': 'c1', 'number': 7}" in str(raised.value)
    assert raised.value.key == {"customer": "c1", "number": 7}
    assert raised.value.attribute == "total"
    assert "c1" not in str(silent.value)


#: What EventBridge Pipes, or a bus behind it, put into the body of a message.
BODIES: dict[str, Any] = {
    "pipe": lambda change: change,
    "pipe of kinesis": lambda change: of_pipe(kinesis(1, change)),
    "bus": lambda change: {"version": "0", "detail-type": "change", "source": "app", "detail": change},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("form", [lambda event: event, json.dumps], ids=["dict", "text"])
def test_records_in_messages_of_sqs_are_decoded(body: Any, form: Any) -> None:
    new, old = Order(customer='"é\\', number=1, total=2), Order(customer='"é\\', number=1)
    event = {"Records": [message(number, body(record(number, new, old))) for number in (1, 2)]}

    first, second = streams.decode(form(event), Order)

    assert (first.event_name, first.new, first.old, first.changes) == ("MODIFY", new, old, {"total": (0, 2)})
    assert (first.sequence_number, second.sequence_number, first.table) == ("m1", "m2", "orders")
    assert first.event_id == (None if body is BODIES["pipe of kinesis"] else "e1")
    assert (first.group, first.raw) == (second.group, event["Records"][0])


@pytest.mark.parametrize("kind", ["DDBStreamBatchInfo", "KinesisBatchInfo"])
def test_a_report_of_a_failed_batch_says_where_its_records_are(kind: str) -> None:
    place = r"shard shardId-\d+-864758bb of arn:aws:dynamodb:.*from sequence number 800000000003126276362 to 800000000003126276399.*AT_SEQUENCE"
    report = failed_batch(kind)

    for event in (report, json.dumps(report)):
        with pytest.raises(ValidationError, match=place):
            streams.decode(event, Order)

    event = {"Records": [message(1, record(1, Order(customer="c", number=1))), message(2, report), message(3, "no JSON")]}
    with pytest.raises(SerializationError, match="m2.*its body reports.*" + place):
        streams.decode(event, Order)
    poison: list[Any] = []
    (good,) = streams.decode(event, Order, on_poison=poison.append)
    assert (good.sequence_number, [one.sequence_number for one in poison]) == ("m1", ["m2", "m3"])
    assert "its body is not a change of an item" in str(poison[1].error)
    assert json.loads(poison[0].raw["body"]) == report


def test_what_a_report_names_is_read_from_the_stream() -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        Order.table.sync.create(stream="NEW_AND_OLD_IMAGES")
        for number in (1, 2, 3):
            Order(customer="c", number=number).sync.put()
        arn = client.sync.call("DescribeTable", TableName="orders")["Table"]["LatestStreamArn"]
        shard = client.sync.call("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        numbers = [one.sequence_number for one in streams.consume(client, Order).sync]
        place = {"StreamArn": arn, "ShardId": shard, "SequenceNumber": numbers[1]}
        iterator = client.sync.call("GetShardIterator", ShardIteratorType="AT_SEQUENCE_NUMBER", **place)["ShardIterator"]
        page = client.sync.call("GetRecords", ShardIterator=iterator)

        assert [one.keys["number"] for one in streams.decode(page, Order, table="orders")] == [2, 3]
