"""What may be assigned, stored and read: every bad value is refused with its model and attribute, before anything is sent."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, Model, NumberAttribute, StringAttribute, field, partition_key
from pydynox.exceptions import SerializationError, ValidationError

from tests.conftest import Drive


class Thing(Model[str], table="things"):
    """A field of each type."""

    key_: Attr[str] = partition_key(attribute_name="key")
    text: Attr[str] = field(default="")
    whole: Attr[int] = field(default=0)
    real: Attr[float] = field(default=0.0)
    exact: Attr[Decimal] = field(default=Decimal(0))
    flag: Attr[bool] = field(default=False)
    data: Attr[bytes] = field(default=b"")
    maybe: Attr[str | None] = field(default=None)
    items: Attr[list[int]] = field(default_factory=list)
    words: Attr[set[str]] = field(default_factory=set)
    names: Attr[dict[str, int]] = field(default_factory=dict)
    open_: Attr[dict[str, Any]] = field(default_factory=dict)
    null: Attr[str | None] = field(default=None, store_null=True)


class Legacy(Model[str], table="things"):
    """The founding spelling."""

    key_: StringAttribute = StringAttribute(hash_key=True, attribute_name="key")
    number: NumberAttribute[float] = NumberAttribute(default=0)


loop: list[Any] = []
loop.append(loop)

REFUSED = [
    ("text", 3, "Thing.text must be str, not int"),
    ("text", None, "Thing.text must be str, not NoneType"),
    ("text", "\ud800", "Thing.text contains a lone surrogate"),
    ("whole", True, "Thing.whole must be int, not bool"),
    ("whole", "3", "Thing.whole must be int, not str"),
    ("whole", 1.0, "Thing.whole must be int, not float"),
    ("whole", 10**38 + 1, "Thing.whole .*38"),
    ("whole", 10**5000, "Thing.whole .*38"),
    ("real", float("nan"), "Thing.real"),
    ("real", float("inf"), "Thing.real"),
    ("real", 1e126, "Thing.real"),
    ("real", 2**53 + 1, "Thing.real is an int that a float cannot hold"),
    ("real", Decimal(1), "Thing.real must be float, not Decimal"),
    ("exact", 0.1, r"Thing.exact must be Decimal, not float .*Decimal\("),
    ("exact", Decimal("NaN"), "Thing.exact"),
    ("exact", Decimal("1" * 39), "Thing.exact .*38"),
    ("exact", Decimal("1E-131"), "Thing.exact"),
    ("flag", 1, "Thing.flag must be bool, not int"),
    ("data", "x", "Thing.data must be bytes, not str"),
    ("maybe", 3, "Thing.maybe must be str or None, not int"),
    ("items", (1,), "Thing.items must be list, not tuple"),
    ("items", [1, "x"], r"Thing.items\[1\] must be int, not str"),
    ("words", ["x"], "Thing.words must be set, not list"),
    ("words", {"x", 1}, "Thing.words.* must be str, not int"),
    ("names", {"a": {"b": 1}}, r'Thing.names\["a"\] must be int, not dict'),
    ("names", {1: 1}, "Thing.names.* must be str, not int"),
    ("open_", {"a": object()}, r'Thing.open_\["a"\] must be a value that DynamoDB can store, not object'),
    ("open_", {"a": set()}, r'Thing.open_\["a"\] is an empty set'),
    ("open_", {"a": {"": 1}}, r'Thing.open_\["a"\] has an empty name'),
    ("open_", {"a": {1, "x"}}, r'Thing.open_\["a"\] mixes'),
    ("open_", {"a": loop}, "deeper than the 32 levels"),
]


@pytest.mark.parametrize(
    ("name", "value", "message"), REFUSED, ids=[f"{case[0]}-{number}" for number, case in enumerate(REFUSED)]
)
def test_a_bad_value_is_refused_and_the_instance_stays_as_it_was(name: str, value: Any, message: str) -> None:
    thing = Thing(key_="k")
    before = getattr(thing, name)

    with pytest.raises(ValidationError, match=message):
        setattr(thing, name, value)
    with pytest.raises(ValidationError, match=message):
        Thing(**{"key_": "k", name: value})

    assert getattr(thing, name) == before


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        Thing(txt="x", whole="3", flag=1)

    assert [name for name, _ in caught.value.errors] == ["key_", "whole", "flag", "txt"]
    assert "did you mean 'text'?" in str(caught.value)


def test_an_unknown_attribute_is_refused_with_a_suggestion() -> None:
    thing = Thing(key_="k")

    with pytest.raises(AttributeError, match="Thing has no attribute 'txet'; did you mean 'text'"):
        thing.txet = 1


def test_an_attribute_cannot_be_deleted() -> None:
    thing = Thing(key_="k")

    with pytest.raises(AttributeError, match="assign None"):
        del thing.text


@pytest.mark.parametrize("key", ["", 3, None, "x" * 2049])
def test_a_bad_key_is_refused_before_anything_is_sent(key: Any) -> None:
    with pytest.raises(ValidationError, match=r"Thing.key_"):
        Thing.key(key)
    with pytest.raises(ValidationError, match=r"Thing.key_"):
        Thing(key_=key)


def test_a_missing_surplus_or_unknown_key_value_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"the key of Thing is \(key_\): key_ is missing"):
        Thing.key()
    with pytest.raises(ValidationError, match="2 values"):
        Thing.key("a", "b")
    with pytest.raises(ValidationError, match="nope"):
        Thing.key(key_="a", nope=1)
    with pytest.raises(ValidationError, match="twice"):
        Thing.key("a", key_="a")


class Size(enum.IntEnum):
    """A subclass of int."""

    BIG = 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("whole", 10**37),
        ("whole", -(2**63)),
        ("whole", 2**64),
        ("real", 5e-324 * 0 + 1e-130),
        ("real", -1.7976931348623157e125),
        ("real", 0.1 + 0.2),
        ("real", 3),
        ("exact", Decimal("9.9999999999999999999999999999999999999E+125")),
        ("exact", Decimal("1E-130")),
        ("exact", 3),
        ("text", '\x00\x1f"\\/\u2028😀'),
        ("data", bytes(range(256))),
        ("items", [Size.BIG]),
        ("words", {"", "é"}),
        ("open_", {"t": (1, 2), "b": bytearray(b"x"), "n": {1, 2}, "f": frozenset({b"x"}), "none": None, "r": 0.5}),
        ("null", None),
        ("null", "x"),
    ],
)
def test_a_good_value_is_stored_exactly(drive: Drive, client: DynamoDBClient, name: str, value: Any) -> None:
    drive(Thing.table.create())
    thing = Thing(**{"key_": "k", name: value})

    drive(thing.create())
    found = getattr(drive(Thing.get("k")), name)

    if name == "open_":
        value = {"t": [1, 2], "b": b"x", "n": {1, 2}, "f": {b"x"}, "none": None, "r": Decimal("0.5")}
    assert found == value
    assert type(found) is type(getattr(Thing(key_="x", **({name: value} if value is not None else {})), name)) or value is None
    item = drive(client.call("GetItem", TableName="things", Key={"key": {"S": "k"}}))["Item"]
    assert ("null" in item) is True
    assert item["null"] == ({"NULL": True} if name != "null" or value is None else {"S": "x"})


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"text": {"N": "1"}}, r"Thing.text: the stored value is a number \(N\), not a string \(S\)"),
        ({"text": {"NULL": True}}, "Thing.text: the stored value is NULL"),
        ({"whole": {"S": "1"}}, "Thing.whole"),
        ({"whole": {"N": "1.5"}}, "Thing.whole: the stored number has a fraction"),
        ({"real": {"N": "0.12345678901234567890123"}}, "Thing.real: .*declare it as Decimal"),
        ({"flag": {"S": "true"}}, "Thing.flag"),
        ({"items": {"L": [{"N": "1"}, {"S": "x"}]}}, r"Thing.items\[1\]: the stored value is a string"),
        ({"words": {"NS": ["1"]}}, "Thing.words"),
        ({"names": {"M": {"a": {"BOOL": True}}}}, "Thing.names"),
    ],
)
def test_a_stored_value_that_does_not_fit_names_model_and_attribute(
    drive: Drive, client: DynamoDBClient, stored: dict[str, Any], message: str
) -> None:
    drive(Thing.table.create())
    drive(client.call("PutItem", TableName="things", Item={"key": {"S": "k"}, **stored}))

    with pytest.raises(SerializationError, match=message) as caught:
        drive(Thing.get("k"))

    assert caught.value.model == "Thing"
    assert caught.value.attribute == next(iter(stored))


def test_a_refresh_that_cannot_be_read_leaves_the_instance_as_it_was(drive: Drive, client: DynamoDBClient) -> None:
    drive(Thing.table.create())
    thing = Thing(key_="k", text="mine", whole=1)
    drive(thing.create())
    drive(client.call("PutItem", TableName="things", Item={"key": {"S": "k"}, "text": {"S": "new"}, "whole": {"S": "x"}}))

    with pytest.raises(SerializationError):
        drive(thing.refresh())

    assert (thing.text, thing.whole) == ("mine", 1)


def test_a_bare_number_attribute_reads_integers_as_int_and_the_rest_as_float(drive: Drive, client: DynamoDBClient) -> None:
    drive(Legacy.table.create())
    drive(client.put_item("things", {"key": "a", "number": 3}))
    drive(client.put_item("things", {"key": "b", "number": Decimal("0.5")}))
    drive(client.put_item("things", {"key": "c", "number": Decimal("0.12345678901234567890")}))

    assert type(drive(Legacy.get("a")).number) is int
    assert drive(Legacy.get("b")).number == 0.5
    with pytest.raises(SerializationError, match="Decimal"):
        drive(Legacy.get("c"))


def test_plain_dictionaries_go_in_and_come_out(drive: Drive, client: DynamoDBClient) -> None:
    drive(Thing.table.create())
    item = {"key": "k", "n": 1, "d": Decimal("1.5"), "l": [None, True], "m": {"a": {"b": b"x"}}, "s": {"x"}, "big": 2**90}

    drive(client.put_item("things", item))

    assert drive(client.get_item("things", {"key": "k"})) == item
    assert drive(client.get_item("things", {"key": "k"}, projection=["m.a", "l[1]", "n"])) == {
        "m": {"a": {"b": b"x"}},
        "l": [True],
        "n": 1,
    }
    drive(client.delete_item("things", {"key": "k"}))
    assert drive(client.get_item("things", {"key": "k"})) is None
    with pytest.raises(ValidationError, match="x"):
        drive(client.put_item("things", {"key": "k", "x": object()}))


def test_instances_are_equal_by_value_unhashable_and_of_their_class() -> None:
    class Other(Thing):
        pass

    assert Thing(key_="k", items=[1]) == Thing(key_="k", items=[1])
    assert Thing(key_="k") != Thing(key_="k", whole=1)
    assert Thing(key_="k") != Other(key_="k")
    with pytest.raises(TypeError):
        hash(Thing(key_="k"))


def test_model_dump_copies_and_its_json_mode_is_json() -> None:
    import json

    thing = Thing(key_="k", exact=Decimal("1.50"), data=b"\xff", words={"a"}, open_={"x": [1]})

    dumped = thing.model_dump()
    dumped["open_"]["x"].append(2)

    assert thing.open_ == {"x": [1]}
    assert json.loads(json.dumps(thing.model_dump(mode="json")))["exact"] == "1.50"
    with pytest.raises(ValidationError, match="mode"):
        thing.model_dump(mode="xml")
