"""Documents: made, compared, copied, and edited inside an item without losing what others stored there."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from pydynox import Attr, Document, DynamoDBClient, Model, field, partition_key, sort_key
from pydynox.exceptions import ConfigurationError, SerializationError, ValidationError

from tests.conftest import Drive


class Address(Document):
    street: Attr[str]
    city: Attr[str] = field(default="Paris", attribute_name="c")
    tags: Attr[list[str]] = field(default_factory=list)
    extra: Attr[dict[str, int]] = field(default_factory=dict)
    note: Attr[str | None] = field(default=None, repr=False)
    inner: Attr[Address | None] = field(default=None)


class Order(Model[str], table="orders"):
    order_id: Attr[str] = partition_key()
    ship_to: Attr[Address | None] = field(default=None)
    stops: Attr[list[Address]] = field(default_factory=list)


@pytest.fixture
def table(client: DynamoDBClient, drive: Drive) -> None:
    drive(Order.table.create())


def item(drive: Drive, client: DynamoDBClient) -> dict[str, Any]:
    found: dict[str, Any] = drive(client.call("GetItem", TableName="orders", Key={"order_id": {"S": "o"}}))["Item"]
    return found


def put_raw(drive: Drive, client: DynamoDBClient, members: dict[str, Any]) -> None:
    drive(client.call("PutItem", TableName="orders", Item={"order_id": {"S": "o"}, "ship_to": {"M": members}}))


def test_a_document_is_made_by_keywords_and_checked() -> None:
    address = Address(street="s")

    assert repr(address) == "Address(street='s', city='Paris', tags=[], extra={}, inner=None)"
    assert list(Address.model_fields) == ["street", "city", "tags", "extra", "note", "inner"]
    with pytest.raises(ValidationError) as caught:
        Address(city=3, strete="x")
    assert [name for name, _ in caught.value.errors] == ["street", "city", "strete"]
    assert "did you mean 'street'?" in str(caught.value)
    with pytest.raises(ValidationError, match=r"Address.city must be str, not int"):
        address.city = 3  # type: ignore[assignment]
    with pytest.raises(AttributeError, match="Address has no attribute 'ctiy'; did you mean 'city'"):
        address.ctiy = "x"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="cannot be deleted"):
        del address.city
    inner = Address(street="x")
    inner.__dict__["street"] = 3
    with pytest.raises(ValidationError, match=r"Address\.inner\.street must be str, not int"):
        address.inner = inner


def test_the_rules_of_a_document_hold_where_it_is_made_and_assigned_to() -> None:
    class Ruled(Document):
        zip_code: Attr[str] = field(pattern="^[0-9]+$", min_length=2)

    one = Ruled(zip_code="75")

    with pytest.raises(ValidationError, match=r"Ruled.zip_code"):
        Ruled(zip_code="x")
    with pytest.raises(ValidationError, match=r"Ruled.zip_code"):
        one.zip_code = "7"
    assert one.zip_code == "75"


def test_documents_are_equal_by_value_copied_and_pickled() -> None:
    address = Address(street="s", tags=["x"], inner=Address(street="t"))

    shallow, deep, again = copy.copy(address), copy.deepcopy(address), pickle.loads(pickle.dumps(address))

    assert address == shallow == deep == again
    assert shallow.tags is address.tags
    assert deep.tags is not address.tags
    assert deep.inner is not address.inner
    assert address != Address(street="s")
    with pytest.raises(TypeError):
        hash(address)


def test_a_document_has_no_place_of_its_own() -> None:
    with pytest.raises(
        AttributeError, match=r"Address.city is not a path in an item: start from a model, as in User.address.city"
    ):
        _ = Address.city
    with pytest.raises(AttributeError, match="type object 'Address' has no attribute 'nope'"):
        _ = Address.nope  # type: ignore[attr-defined]


def test_edits_in_place_are_seen_and_sent_by_path(drive: Drive, client: DynamoDBClient, table: None) -> None:
    drive(Order(order_id="o", ship_to=Address(street="s", inner=Address(street="t")), stops=[Address(street="u")]).create())
    order = drive(Order.get("o"))
    drive(
        client.call(
            "UpdateItem",
            TableName="orders",
            Key={"order_id": {"S": "o"}},
            UpdateExpression="SET ship_to.street = :s",
            ExpressionAttributeValues={":s": {"S": "theirs"}},
        )
    )

    order.ship_to.inner.city = "Rome"
    order.stops[0].tags.append("x")
    changes = order.model_changes()
    drive(order.save())

    assert set(changes) == {"ship_to", "stops"}
    assert (changes["ship_to"].old.inner.city, changes["ship_to"].new.inner.city) == ("Paris", "Rome")
    found = drive(Order.get("o"))
    assert (found.ship_to.street, found.ship_to.inner.city, found.stops[0].tags) == ("theirs", "Rome", ["x"])
    assert order.model_changes() == {}
    order.ship_to.street = "mine"
    order.model_rollback()
    assert order.ship_to.street == "s"


def test_members_that_the_class_does_not_declare_survive(drive: Drive, client: DynamoDBClient, table: None) -> None:
    put_raw(drive, client, {"street": {"S": "s"}, "c": {"S": "x"}, "other": {"L": [{"N": "1"}]}})
    order = drive(Order.get("o"))

    assert order.model_changes() == {}
    order.ship_to.street = "t"
    drive(order.save())
    assert item(drive, client)["ship_to"]["M"]["other"] == {"L": [{"N": "1"}]}
    drive(order.put())
    assert item(drive, client)["ship_to"]["M"]["other"] == {"L": [{"N": "1"}]}
    for copied in (copy.deepcopy(order.ship_to), pickle.loads(pickle.dumps(order.ship_to))):
        drive(Order(order_id="o", ship_to=copied).put())
        assert item(drive, client)["ship_to"]["M"]["other"] == {"L": [{"N": "1"}]}


def test_a_default_that_was_filled_in_is_not_written_until_it_is_changed(
    drive: Drive, client: DynamoDBClient, table: None
) -> None:
    put_raw(drive, client, {"street": {"S": "s"}})
    order = drive(Order.get("o"))

    assert order.ship_to == Address(street="s")
    assert order.model_changes() == {}
    order.ship_to.extra["a"] = 1
    drive(order.save())
    assert item(drive, client)["ship_to"] == {"M": {"street": {"S": "s"}, "extra": {"M": {"a": {"N": "1"}}}}}
    drive(order.put())
    assert "c" not in item(drive, client)["ship_to"]["M"]
    order.ship_to.city = "Rome"
    drive(order.save())
    assert item(drive, client)["ship_to"]["M"]["c"] == {"S": "Rome"}


def test_a_member_that_is_not_stored_is_an_error_without_a_default(drive: Drive, client: DynamoDBClient, table: None) -> None:
    put_raw(drive, client, {})

    with pytest.raises(SerializationError, match=r"Order.ship_to.street: the stored map has no such member"):
        drive(Order.get("o"))


def test_a_subclass_of_the_declared_document_is_refused() -> None:
    class Further(Address):
        zip_code: Attr[str]

    assert list(Further.model_fields)[-1] == "zip_code"
    with pytest.raises(ValidationError, match=r"Order\.ship_to must be Address or None, not .*Further"):
        Order(order_id="o", ship_to=Further(street="s", zip_code="z"))


def test_a_document_deeper_than_dynamodb_stores_is_refused() -> None:
    address = Address(street="s")
    for _ in range(40):
        address = Address(street="s", inner=address) if _ < 20 else address
    loop = Address(street="s")
    loop.__dict__["inner"] = loop

    with pytest.raises(ValidationError, match="deeper than the 32 levels"):
        Order(order_id="o", ship_to=loop)
    assert Order(order_id="o", ship_to=address).ship_to is address


def test_slips_are_named_when_the_class_is_made() -> None:
    with pytest.raises(ConfigurationError, match=r"Bad.a is a key, but a document has no key"):

        class Bad(Document):
            a: Attr[str] = sort_key()

    with pytest.raises(ConfigurationError, match=r"Fixed.a is immutable, which only an attribute of a model can be"):

        class Fixed(Document):
            a: Attr[str] = field(immutable=True)

    with pytest.raises(ConfigurationError, match=r"Worse.model_dump is a name that Document uses"):

        class Worse(Document):
            model_dump: Attr[str]

    with pytest.raises(ConfigurationError, match=r"Worst.b is stored as 'a', and so is a"):

        class Worst(Document):
            a: Attr[str]
            b: Attr[str] = field(attribute_name="a")


def test_a_document_may_name_what_comes_later() -> None:
    class Early(Document):
        later: Attr[Later | None] = field(default=None)

    class Holder(Model[str], table="holders"):
        key_: Attr[str] = partition_key()
        early: Attr[Early]

    with pytest.raises(ConfigurationError, match="names 'Later', which does not exist"):
        Early()

    class Later(Document):
        x: Attr[int]

    assert Holder(key_="k", early=Early(later=Later(x=1))).early.later == Later(x=1)


def test_the_fields_of_a_document_are_places_in_an_item(drive: Drive, client: DynamoDBClient, table: None) -> None:
    drive(Order(order_id="o", ship_to=Address(street="s", inner=Address(street="t")), stops=[Address(street="u")]).create())
    order = drive(Order.get("o"))

    drive(order.update(Order.ship_to.inner.city.set("Rome"), condition=Order.ship_to.city == "Paris"))

    assert order.ship_to.inner.city == "Rome"
    assert item(drive, client)["ship_to"]["M"]["inner"]["M"]["c"] == {"S": "Rome"}
    with pytest.raises(ValidationError, match="must be str, not int"):
        _ = Order.ship_to.city == 3
    with pytest.raises(AttributeError, match="Address has no field 'nope'"):
        _ = Order.ship_to.nope  # type: ignore[attr-defined]
    moved = order.ship_to.model_copy(update={"city": "Oslo"})
    assert (moved.city, order.ship_to.city) == ("Oslo", "Paris")
    assert Address(street="s").model_to_item()["street"] == {"S": "s"}
