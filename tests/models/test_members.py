"""What a model does without I/O: dumps, copies, validates, weighs and pickles itself."""

from __future__ import annotations

import base64
import builtins
import copy
import json
import multiprocessing
import pickle
import subprocess
import sys
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import pytest
from pydynox import Attr, DynamoDBClient, ItemSize, Model, _core, field, partition_key, sort_key
from pydynox.exceptions import ConfigurationError, SerializationError, ValidationError

from tests.conftest import Drive

P = TypeVar("P")


class Order(Model[str, int], table="orders"):
    """One of everything."""

    customer_id: Attr[str] = partition_key(attribute_name="customer")
    number: Attr[int] = sort_key()
    total: Attr[Decimal] = field(default=Decimal(0))
    ratio: Attr[float] = field(default=0.5)
    photo: Attr[bytes | None] = field(default=None)
    note: Attr[str | None] = field(default=None, description="what the customer says")
    tags: Attr[list[str]] = field(default_factory=list)
    roles: Attr[set[str]] = field(default_factory=set)
    extra: Attr[dict[str, Any]] = field(default_factory=dict)
    fixed: Attr[str] = field(default="", immutable=True)


class Event(Model[str], Generic[P], table="events"):
    event_id: Attr[str] = partition_key()
    payload: Attr[P]


class Base(Model, abstract=True):
    pass


def order(**values: Any) -> Order:
    given: dict[str, Any] = {
        "total": Decimal("1.50"),
        "photo": b"\x00\xff",
        "note": 'é "x"\n',
        "tags": ["a"],
        "roles": {"b"},
        "extra": {"deep": [1, None, {"x": Decimal("0.1")}]},
    }
    return Order(customer_id="c1", number=7, **{**given, **values})


def test_dump_json_is_the_text_of_the_json_dump() -> None:
    made = order()

    assert json.loads(made.model_dump_json()) == made.model_dump(mode="json")
    assert made.model_dump_json() == json.dumps(made.model_dump(mode="json"), separators=(",", ":"), ensure_ascii=False)


def test_a_dump_shares_nothing_with_the_instance() -> None:
    made = order()
    dumped = made.model_dump()

    dumped["tags"].append("y")
    dumped["extra"]["deep"].clear()

    assert made == order()


def test_validate_takes_what_the_constructor_takes_and_instances() -> None:
    made = order()

    assert Order.model_validate(made) is made
    assert Order.model_validate(made.model_dump()) == made
    assert Order.model_validate(MappingProxyType({"customer_id": "c", "number": 1})) == Order(customer_id="c", number=1)
    with pytest.raises(ValidationError) as caught:
        Order.model_validate({"customer_id": 3, "totl": 1})
    assert [name for name, _ in caught.value.errors] == ["customer_id", "number", "totl"]
    assert "did you mean 'total'?" in str(caught.value)
    for wrong, message in (
        ("x", "Order.model_validate takes a dict or a Order, not str"),
        ([("a", 1)], "takes a dict or a Order, not list"),
        (None, "takes a dict or a Order, not NoneType"),
        (Event[int](event_id="e", payload=1), "takes a dict or a Order, not Event"),
        ({1: 2}, "the names of attributes are str, not int"),
    ):
        with pytest.raises(ValidationError, match=message) as refused:
            Order.model_validate(wrong)
        assert refused.value.errors == [("", str(refused.value))]


def test_the_json_schema_is_that_of_pydantic() -> None:
    schema = Order.model_json_schema()

    assert schema["required"] == ["customer_id", "number"]
    assert schema["properties"]["note"]["description"] == "what the customer says"
    assert schema["additionalProperties"] is False


def test_without_pydantic_the_json_schema_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "pydantic":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(ImportError, match=r"Order\.model_json_schema\(\) needs pydantic: install pydynox\[pydantic\]"):
        Order.model_json_schema()


def test_a_copy_shares_nothing_and_takes_other_values() -> None:
    made = order()
    copied = made.model_copy(update={"note": None, "tags": ["new"]})

    copied.extra["deep"].clear()

    assert made == order()
    assert (copied.note, copied.tags, copied.total) == (None, ["new"], made.total)
    assert made.model_copy() == made
    with pytest.raises(ValidationError) as caught:
        made.model_copy(update={"note": 3, "totl": 1, "ratio": 1})
    assert caught.value.errors == [
        ("note", "Order.note must be str or None, not int"),
        ("totl", "Order has no attribute 'totl'; did you mean 'total'?"),
    ]


def test_a_copy_of_a_loaded_item_is_loaded_and_keeps_its_key(client: DynamoDBClient, drive: Drive) -> None:
    drive(Order.table.create())
    drive(order().create())
    loaded = drive(Order.get("c1", 7))

    copied = loaded.model_copy(update={"total": Decimal(9)})
    with pytest.raises(ValidationError) as caught:
        loaded.model_copy(update={"number": 8, "fixed": "x"})
    drive(copied.save())

    assert [name for name, _ in caught.value.errors] == ["number", "fixed"]
    assert set(copied.model_copy(update={"note": "n"}).model_changes()) == {"note"}
    assert drive(Order.get("c1", 7)).total == 9


def test_the_size_is_what_dynamodb_counts() -> None:
    made = Order(customer_id="c1", number=7, tags=["a", "bc"])

    assert made.model_size() == ItemSize(
        total=56, attributes={"customer": 10, "number": 8, "total": 6, "ratio": 7, "tags": 12, "extra": 8, "fixed": 5}
    )
    made.tags.append(3)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match=r"Order\.tags\[2\] must be str, not int"):
        made.model_size()


def test_an_item_goes_out_and_comes_in_as_dynamodbs_json(client: DynamoDBClient, drive: Drive) -> None:
    drive(Order.table.create())
    made = order()

    item = made.model_to_item()
    drive(client.call("PutItem", TableName="orders", Item={**item, "other": {"NULL": True}}))
    answered = drive(client.call("GetItem", TableName="orders", Key={name: item[name] for name in ("customer", "number")}))
    read = Order.model_from_item(answered["Item"])

    assert item["photo"] == {"B": base64.b64encode(b"\x00\xff").decode()}
    assert "fixed" in item
    assert read == made == drive(Order.get("c1", 7))
    assert read.model_changes() == {}
    assert read.model_to_item()["other"] == {"NULL": True}
    assert Order.model_from_item({**item, "photo": {"B": b"\x00\xff"}}) == made
    read.total += 1
    drive(read.save())
    assert drive(Order.get("c1", 7)).total == made.total + 1


KEY = {"customer": {"S": "c"}, "number": {"N": "1"}}


@pytest.mark.parametrize(
    ("item", "error", "message"),
    [
        ("x", ValidationError, r"Order\.model_from_item takes a dict, not str"),
        ({"customer": "c"}, ValidationError, r"takes DynamoDB's JSON, such as \{\"name\": \{\"S\": \"Ada\"\}\}"),
        ({"customer": {"X": "c"}}, ValidationError, "takes DynamoDB's JSON"),
        ({**KEY, "photo": {"B": "%"}}, ValidationError, "takes DynamoDB's own JSON"),
        ({**KEY, "total": object()}, ValidationError, "object"),
        ({**KEY, "total": {"S": "1"}}, SerializationError, r"Order\.total: the stored value is a string \(S\), not a number"),
        ({"number": {"N": "1"}}, SerializationError, r"Order\.customer_id: the stored item has no such attribute"),
    ],
)
def test_what_is_no_item_of_the_model_is_refused(item: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Order.model_from_item(item)


def test_an_abstract_model_reads_nothing() -> None:
    with pytest.raises(ConfigurationError, match="Base is abstract"):
        Base.model_from_item({})
    assert Base.__match_args__ == ()


def test_a_pattern_takes_the_key_by_position_and_the_rest_by_name() -> None:
    match order():
        case Order("c1", number, tags=[tag]):
            assert (number, tag) == (7, "a")
        case _:
            pytest.fail("no match")
    assert Order.__match_args__ == ("customer_id", "number")
    assert Event[int].__match_args__ == ("event_id",)
    assert Model.__match_args__ == ()


def test_repr_hides_what_the_field_says_and_does_no_io() -> None:
    class Secret(Model[str], table="nowhere"):
        a: Attr[str] = partition_key()
        word: Attr[str] = field(repr=False)

    assert repr(Secret(a="x", word="open sesame")) == "Secret(a='x')"


def test_the_names_of_members_are_reserved() -> None:
    for name in ("model_size", "model_to_item", "model_validate", "model_dump_json", "model_fields"):
        with pytest.raises(ConfigurationError, match=f"hides Model.{name}"):
            exec(f"class Bad(Model[str], table='t'):\n    {name}: Attr[str] = partition_key()", dict(globals()))  # noqa: S102


PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_new_instance_is_pickled_as_new(protocol: int) -> None:
    made = order()
    made.tags.append(made.note or "")

    again = pickle.loads(pickle.dumps(made, protocol))

    assert again == made
    assert set(again.model_changes()) == set(made.model_changes())
    again.number = 8
    assert made.number == 7


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_loaded_instance_is_pickled_with_what_was_loaded(client: DynamoDBClient, drive: Drive, protocol: int) -> None:
    drive(Order.table.create())
    drive(order(roles={"a", "b", "c"}).create())
    behind = {
        "TableName": "orders", "Key": {"customer": {"S": "c1"}, "number": {"N": "7"}},
        "UpdateExpression": "SET oth = :o", "ExpressionAttributeValues": {":o": {"L": [{"NULL": True}]}},
    }  # fmt: skip
    drive(client.call("UpdateItem", **behind))
    loaded = drive(Order.get("c1", 7))
    loaded.tags.append("mine")
    loaded.note = "mine"
    names, values = {"#t": "total"}, {":o": {"N": "5"}}
    behind |= {"UpdateExpression": "SET #t = :o", "ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
    drive(client.call("UpdateItem", **behind))

    again = pickle.loads(pickle.dumps(loaded, protocol))

    assert again == loaded
    assert again.model_changes() == loaded.model_changes()
    assert set(again.model_changes()) == {"tags", "note"}
    with pytest.raises(AttributeError, match="key of a stored item"):
        again.number = 8
    drive(again.save())
    stored = drive(Order.get("c1", 7))
    assert (stored.total, stored.note, stored.tags) == (5, "mine", ["a", "mine"])
    assert stored.model_to_item()["oth"] == {"L": [{"NULL": True}]}


def test_what_a_call_of_unknown_outcome_may_have_written_counts_as_changed_after_pickling() -> None:
    loaded = Order.model_from_item(order().model_to_item())
    values, item, _, unset = _core.pickled(loaded)
    unsettled = _core.restored(Order, values, item, ["note"], unset)

    again = pickle.loads(pickle.dumps(unsettled))

    assert set(again.model_changes()) == set(unsettled.model_changes()) == {"note"}


def test_what_a_default_filled_in_is_not_written_after_pickling(client: DynamoDBClient, drive: Drive) -> None:
    drive(Order.table.create())
    drive(client.put_item("orders", {"customer": "c1", "number": 7}))

    again = pickle.loads(pickle.dumps(drive(Order.get("c1", 7))))
    drive(again.put())

    assert drive(client.get_item("orders", {"customer": "c1", "number": 7})) == {"customer": "c1", "number": 7}


def test_an_edit_that_cannot_be_stored_is_pickled_too() -> None:
    loaded = Order.model_from_item(order().model_to_item())
    loaded.extra["bad"] = 1j

    again = pickle.loads(pickle.dumps(loaded))

    assert again.extra["bad"] == 1j


def test_shared_values_stay_shared_in_a_pickle_and_cycles_end() -> None:
    made = order()
    made.extra["self"] = made

    again, tags = pickle.loads(pickle.dumps((made, made.tags)))

    assert again.tags is tags
    assert again.extra["self"] == again.extra["self"]


def test_a_generic_model_is_pickled_with_its_argument() -> None:
    made = Event[dict[str, int]](event_id="e", payload={"a": 1})

    again = pickle.loads(pickle.dumps(made))

    assert type(again) is Event[dict[str, int]]
    assert again == made


def test_a_pickle_travels_between_processes() -> None:
    loaded = Order.model_from_item(order().model_to_item())
    loaded.total = Decimal(3)

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        again, changed = pool.apply(_changed, (loaded,))

    assert again == loaded
    assert changed == ["total"]
    assert again.model_changes() == loaded.model_changes()


def _changed(instance: Order) -> tuple[Order, list[str]]:
    return instance, list(instance.model_changes())


def test_a_pickle_of_an_older_class_keeps_what_the_new_one_does_not_know() -> None:
    source = """
import pickle, sys, types
from pydynox import Attr, Model, field, partition_key
from pydynox.exceptions import ValidationError

def declare(**fields):
    body = {"__module__": "__main__", "__annotations__": {"a": Attr[str], **{n: Attr[int] for n in fields}}, "a": partition_key(), **fields}
    globals()["Thing"] = types.new_class("Thing", (Model[str],), {"table": "t"}, lambda namespace: namespace.update(body))

declare(old=field(default=1))
loaded = pickle.dumps(Thing.model_from_item({"a": {"S": "x"}, "old": {"N": "5"}}))
new = pickle.dumps(Thing(a="x", old=5))
declare(more=field(default=2))
again = pickle.loads(loaded)
assert again.more == 2 and again.model_changes() == {}, again
assert again.model_to_item() == {"a": {"S": "x"}, "old": {"N": "5"}}, again.model_to_item()
assert pickle.loads(new) == Thing(a="x", more=2)
declare(more=field())
try:
    pickle.loads(new)
except ValidationError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == "Thing.more is missing: the instance was pickled before the class had it", done.stderr


def test_copies_are_equal_and_apart() -> None:
    made = order()
    for again in (copy.copy(made), copy.deepcopy(made), made.model_copy()):
        assert again == made
        assert again is not made
    assert made != order(note="other")
    assert made != 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(made)
