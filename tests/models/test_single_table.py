"""Several models in one table: templates, entities, what moves an item and what nobody else sees."""

from __future__ import annotations

import copy
import enum
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydynox import (
    Attr,
    Collection,
    DynamoDBClient,
    Model,
    ModelConfig,
    after_load,
    field,
    partition_key,
    sort_key,
    ttl,
    version,
)
from pydynox.exceptions import (
    ConditionFailedError,
    ConfigurationError,
    ItemAlreadyExistsError,
    ItemNotFoundError,
    SerializationError,
    ValidationError,
    VersionConflictError,
)

from tests.conftest import Drive


class Entity(Model[str, str], table="app"):
    """The table."""

    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()


class Customer(Entity, entity="customer"):
    """One item of a partition."""

    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}")
    sk: Attr[str] = sort_key(template="PROFILE")
    customer_id: Attr[str]
    name: Attr[str] = field(default="")
    city: Attr[str | None] = field(default=None)
    by_city: Attr[str | None] = field(template="CITY#{city}#{name}")


class Invoice(Entity, entity="invoice"):
    """Many items of the same partition."""

    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}")
    sk: Attr[str] = sort_key(template="INVOICE#{issued:%Y-%m-%d}#{number:06d}")
    customer_id: Attr[str]
    issued: Attr[date]
    number: Attr[int]
    total: Attr[Decimal] = field(default=Decimal(0))


class CreditNote(Invoice, entity="credit note"):
    """A subclass: an invoice, and one of its own kind."""

    reason: Attr[str] = field(default="")


ISSUED = date(2026, 1, 2)


@pytest.fixture(autouse=True)
def table(client: DynamoDBClient, drive: Drive) -> None:
    drive(Entity.table.create())


def stored(client: DynamoDBClient, drive: Drive, pk: str, sk: str) -> dict[str, Any]:
    found: Any = drive(client.get_item("app", {"pk": pk, "sk": sk}, consistent_read=True))
    return dict(found)


def invoice(**values: Any) -> Invoice:
    return Invoice(**{"customer_id": "7", "issued": ISSUED, "number": 42, **values})


def test_keys_are_made_of_other_attributes(client: DynamoDBClient, drive: Drive) -> None:
    one = invoice()
    assert (one.pk, one.sk) == ("CUSTOMER#7", "INVOICE#2026-01-02#000042")
    one.number = 7
    assert one.sk == "INVOICE#2026-01-02#000007"
    drive(one.create())

    item = stored(client, drive, "CUSTOMER#7", "INVOICE#2026-01-02#000007")
    assert item == {
        "pk": one.pk,
        "sk": one.sk,
        "_type": "invoice",
        "customer_id": "7",
        "issued": "2026-01-02",
        "number": 7,
        "total": 0,
    }
    assert drive(Invoice.get(customer_id="7", issued=ISSUED, number=7)) == one
    assert Invoice.key(customer_id="7", issued=ISSUED, number=7) == Invoice.key(one.pk, one.sk)
    assert drive(Customer.get_or_create(customer_id="7", defaults={"name": "Ada"}))[1]  # type: ignore[index]
    assert drive(Customer.get_or_raise(customer_id="7")).name == "Ada"  # type: ignore[union-attr]


def test_what_is_made_is_no_parameter_and_cannot_be_set(client: DynamoDBClient, drive: Drive) -> None:
    with pytest.raises(ValidationError, match=r"Invoice\.pk is built from other attributes: it is not a parameter"):
        invoice(pk="x")
    one = invoice()
    with pytest.raises(
        AttributeError,
        match=r"Invoice\.sk is built from \"INVOICE#\{issued:%Y-%m-%d\}#\{number:06d\}\": set the attributes it is built from",
    ):
        one.sk = "x"
    drive(one.create())
    with pytest.raises(ValidationError, match=r"sk is a key and cannot change"):
        drive(one.update(Invoice.sk.set("x")))
    customer = Customer(customer_id="7")
    drive(customer.create())
    with pytest.raises(
        ValidationError, match=r"by_city is built from \"CITY#\{city\}#\{name\}\": set the attributes it is built from"
    ):
        drive(customer.update(Customer.by_city.set("x")))


def test_a_change_that_would_move_a_stored_item_is_refused(client: DynamoDBClient, drive: Drive) -> None:
    one = invoice()
    drive(one.create())

    with pytest.raises(
        AttributeError, match=r"Invoice\.number is part of the key sk of a stored item.*To move it, create one from model_dump"
    ):
        one.number = 43
    for act in (one.update, Invoice.key(one.pk, one.sk).update):
        with pytest.raises(ValidationError, match="number is part of the key and cannot change"):
            drive(act(Invoice.number.set(43)))

    moved = Invoice.model_validate({**one.model_dump(), "number": 43})
    drive(moved.create())
    drive(one.delete())
    assert moved.sk == "INVOICE#2026-01-02#000043"
    one.number = 44  # new again
    assert one.sk == "INVOICE#2026-01-02#000044"


def test_a_key_is_told_what_it_lacks() -> None:
    text = r"the key of Invoice is \(pk=\"CUSTOMER#\{customer_id\}\", sk=\"INVOICE#\{issued:%Y-%m-%d\}#\{number:06d\}\"\): "
    with pytest.raises(ValidationError, match=text + "number is missing"):
        Invoice.key(customer_id="7", issued=ISSUED)
    with pytest.raises(ValidationError, match=text + "colour is not a key attribute"):
        Invoice.key(customer_id="7", issued=ISSUED, number=1, colour="red")
    with pytest.raises(ValidationError, match=text + "number is None"):
        Invoice.key(customer_id="7", issued=ISSUED, number=None)
    with pytest.raises(ValidationError, match=r"Invoice\.number must be int"):
        Invoice.key(customer_id="7", issued=ISSUED, number="1")
    assert Customer.key("CUSTOMER#7") == Customer.key(customer_id="7")


def test_values_that_hold_the_separator_are_refused_or_escaped() -> None:
    with pytest.raises(
        ValidationError, match=r"Customer\.customer_id contains \"#\", which separates the values of a key.*escape=True"
    ):
        Customer(customer_id="7#8")
    customer = Customer(customer_id="7", city="a", name="b")
    with pytest.raises(ValidationError, match=r"Customer\.city contains \"#\""):
        customer.city = "a#b"
    assert (customer.city, customer.by_city) == ("a", "CITY#a#b")

    class Escaped(Model[str], table="t"):
        pk: Attr[str] = partition_key(template="A#{one}#{two}", escape=True)
        one: Attr[str]
        two: Attr[str]

    assert Escaped(one="x#y", two="1%2").pk == "A#x%23y#1%252"


PART = st.text("#%ab", min_size=1, max_size=4)


@given(st.lists(st.tuples(PART, PART), min_size=2, max_size=2, unique=True))
@pytest.mark.engines("embedded")
def test_escaped_values_never_meet(pairs: list[tuple[str, str]]) -> None:
    class Escaped(Model[str], table="t"):
        pk: Attr[str] = partition_key(template="A#{one}#{two}", escape=True)
        one: Attr[str]
        two: Attr[str]

    first, second = (Escaped(one=one, two=two).pk for one, two in pairs)
    assert first != second


@pytest.mark.parametrize("number", [1_000_000, -1])
def test_numbers_that_would_not_sort_are_refused(number: int) -> None:
    with pytest.raises(
        ValidationError, match=r"Invoice\.number is (wider than its format|negative, and) .*keys would not sort as numbers"
    ):
        invoice(number=number)


class Shade(enum.Enum):
    RED = "red"


def test_every_kind_of_value_has_one_text(client: DynamoDBClient, drive: Drive) -> None:
    class Everything(Model[str, str], table="app"):
        pk: Attr[str] = partition_key(template="{text}|{number}|{shade}|{token}|{day}")
        sk: Attr[str] = sort_key(template="{at:%Y-%m-%dT%H:%M}|{money}|{day:%d.%m.%Y}")
        text: Attr[str]
        number: Attr[int]
        shade: Attr[Shade]
        token: Attr[UUID]
        day: Attr[date]
        at: Attr[datetime]
        money: Attr[Decimal]

    made = Everything(
        text="t",
        number=-5,
        shade=Shade.RED,
        token=UUID(int=1),
        day=ISSUED,
        at=datetime(2026, 1, 2, 1, 30, tzinfo=timezone(timedelta(hours=2))),
        money=Decimal("1.50"),
    )

    assert made.pk == "t|-5|red|00000000-0000-0000-0000-000000000001|2026-01-02"
    assert made.sk == "2026-01-01T23:30|1.5|02.01.2026"
    drive(made.create())
    read: Any = drive(Everything.get(made.pk, made.sk))
    assert read == made
    assert read.model_changes() == {}


def test_an_index_key_follows_what_it_is_made_of(client: DynamoDBClient, drive: Drive) -> None:
    customer = Customer(customer_id="7", name="Ada")
    assert customer.by_city is None
    drive(customer.create())
    assert "by_city" not in stored(client, drive, "CUSTOMER#7", "PROFILE")

    customer.city = "Oslo"
    assert customer.model_changes().keys() == {"city", "by_city"}
    drive(customer.save())
    assert stored(client, drive, "CUSTOMER#7", "PROFILE")["by_city"] == "CITY#Oslo#Ada"

    drive(customer.update(Customer.city.set("Rome")))
    assert (customer.city, customer.by_city) == ("Rome", "CITY#Rome#Ada")
    drive(customer.update(Customer.city.remove()))
    assert "by_city" not in stored(client, drive, "CUSTOMER#7", "PROFILE")

    customer.city = "Bonn"
    customer.model_rollback()
    assert (customer.city, customer.by_city) == (None, None)


def test_two_updates_of_two_parts_leave_no_text_that_fits_neither(client: DynamoDBClient, drive: Drive) -> None:
    drive(Customer(customer_id="7", name="Ada", city="Oslo").create())
    one: Any = drive(Customer.get_or_raise(customer_id="7"))
    two: Any = drive(Customer.get_or_raise(customer_id="7"))
    one.name = "Eve"
    drive(one.save())

    two.city = "Rome"
    with pytest.raises(ConditionFailedError, match="lacks what this change builds on"):
        drive(two.save())
    two.model_rollback()
    with pytest.raises(ConditionFailedError, match="lacks what this change builds on"):
        drive(two.update(Customer.city.set("Rome")))

    item = stored(client, drive, "CUSTOMER#7", "PROFILE")
    assert (item["name"], item["city"], item["by_city"]) == ("Eve", "Oslo", "CITY#Oslo#Eve")


def test_an_update_by_key_gives_all_of_a_text_or_is_refused(client: DynamoDBClient, drive: Drive) -> None:
    drive(Customer(customer_id="7", name="Ada", city="Oslo").create())
    key = Customer.key(customer_id="7")

    for action in (
        Customer.city.set("Rome"),
        Customer.city.set(Customer.name),
        Customer.city.set(Customer.city.if_not_exists("x")),
    ):
        with pytest.raises(ValidationError, match=r"Customer\.by_city is built from .* without knowing .*name"):
            drive(key.update(action))
    changed: Any = drive(key.update(Customer.city.set("Rome"), Customer.name.set("Eve")))
    assert changed.by_city == "CITY#Rome#Eve"
    drive(key.apply(Customer.city.remove(), Customer.name.set("Eve")))
    assert "by_city" not in stored(client, drive, "CUSTOMER#7", "PROFILE")


def test_an_upsert_makes_an_item_of_its_entity(client: DynamoDBClient, drive: Drive) -> None:
    made: Any = drive(Customer.key(customer_id="7").update(Customer.name.set("Ada"), Customer.city.set("Oslo"), upsert=True))

    assert (made.customer_id, made.by_city) == ("7", "CITY#Oslo#Ada")
    assert stored(client, drive, "CUSTOMER#7", "PROFILE")["_type"] == "customer"
    with pytest.raises(
        ValidationError,
        match=r"Customer\.customer_id is part of the key.*build the key from its attributes, as in Customer\.key\(customer_id=",
    ):
        drive(Customer.key("CUSTOMER#8", "PROFILE").update(Customer.name.set("A"), Customer.city.set("B"), upsert=True))


class Parcel(Model[str, str], table="app"):
    """What indexes read is built from the key alone, from the key and another attribute, and from the parts of a key."""

    pk: Attr[str] = partition_key(template="PARCEL#{parcel_id}")
    sk: Attr[str] = sort_key()
    parcel_id: Attr[str]
    city: Attr[str] = field(default="Oslo")
    by_sk: Attr[str | None] = field(template="SK#{sk}")
    by_id: Attr[str | None] = field(template="ID#{parcel_id}")
    by_city: Attr[str | None] = field(template="CITY#{city}#{sk}")


def test_an_upsert_fills_what_is_built_from_the_key(client: DynamoDBClient, drive: Drive) -> None:
    key = Parcel.key(parcel_id="7", sk="a")
    texts = {"by_sk": "SK#a", "by_id": "ID#7", "by_city": "CITY#Oslo#a"}
    drive(key.update(Parcel.city.set("Oslo"), upsert=True))
    assert stored(client, drive, "PARCEL#7", "a").items() >= texts.items()
    drive(Parcel.key(parcel_id="8", sk="a").apply(Parcel.city.set("Rome"), upsert=True))
    assert stored(client, drive, "PARCEL#8", "a").items() >= {**texts, "by_id": "ID#8", "by_city": "CITY#Rome#a"}.items()

    async def in_a_transaction() -> None:
        async with client.transaction() as tx:
            tx.update(Parcel.key(parcel_id="9", sk="a"), Parcel.city.set("Rome"), upsert=True)

    drive(in_a_transaction())
    assert stored(client, drive, "PARCEL#9", "a").items() >= {**texts, "by_id": "ID#9", "by_city": "CITY#Rome#a"}.items()
    loaded: Any = drive(key.get())
    new = Parcel(parcel_id="7", sk="a")
    assert (loaded.by_sk, loaded.by_id, loaded.by_city) == (new.by_sk, new.by_id, new.by_city)


def test_a_model_never_sees_items_of_another_entity(client: DynamoDBClient, drive: Drive) -> None:
    customer = Customer(customer_id="7")
    drive(customer.create())
    other = Invoice.key("CUSTOMER#7", "PROFILE")

    assert drive(other.get()) is None
    assert not drive(other.exists())
    assert drive(Customer.key("CUSTOMER#7", "PROFILE").exists())
    with pytest.raises(ItemNotFoundError):
        drive(other.get_or_raise())
    with pytest.raises(ItemNotFoundError, match="nothing was written"):
        drive(other.update(Invoice.total.add(1)))
    with pytest.raises(ItemNotFoundError, match='belongs to the entity "customer", and nothing was deleted'):
        drive(other.delete())
    with pytest.raises(ItemNotFoundError):
        drive(other.pop())
    drive(client.put_item("app", {"pk": "CUSTOMER#8", "sk": "PROFILE", "_type": "stranger"}))
    with pytest.raises(ConditionFailedError):
        drive(Customer.key(customer_id="8").update(Customer.name.set("A"), Customer.city.set("B"), upsert=True))
    assert drive(Customer.get(customer_id="7")) == customer


def test_deletes_by_key_of_absent_items_are_no_error(client: DynamoDBClient, drive: Drive) -> None:
    drive(Invoice.key(customer_id="9", issued=ISSUED, number=1).delete())
    assert drive(Invoice.key(customer_id="9", issued=ISSUED, number=1).pop()) is None
    one = invoice()
    drive(one.create())
    assert drive(Invoice.key(one.pk, one.sk).pop()) == one


def test_a_base_class_reads_each_item_as_its_own_class(client: DynamoDBClient, drive: Drive) -> None:
    customer, one, note = Customer(customer_id="7"), invoice(), CreditNote(customer_id="7", issued=ISSUED, number=43, reason="x")
    for instance in (customer, one, note):
        drive(instance.create())

    assert [type(drive(Entity.get(each.pk, each.sk))) for each in (customer, one, note)] == [Customer, Invoice, CreditNote]
    assert drive(Entity.get(note.pk, note.sk)) == note
    # A subclass's items are its base's too, and not the other way round.
    assert drive(Invoice.get(note.pk, note.sk)) == note
    assert drive(CreditNote.get(one.pk, one.sk)) is None
    assert drive(Customer.get(note.pk, note.sk)) is None
    drive(client.put_item("app", {"pk": "x", "sk": "y", "_type": "stranger"}))
    with pytest.raises(SerializationError, match="the stored item is a 'stranger', and no subclass declares entity='stranger'"):
        drive(Entity.get("x", "y"))
    drive(client.put_item("app", {"pk": "x", "sk": "z"}))
    assert type(drive(Entity.get("x", "z"))) is Entity
    assert drive(Customer.get("x", "z")) is None


def test_a_subclass_that_was_not_finished_is_found_at_first_use(client: DynamoDBClient, drive: Drive) -> None:
    class Base(Model[str], table="late"):
        pk: Attr[str] = partition_key()

    class Late(Base, entity="late"):
        part: Attr[LatePart | None] = field(default=None)  # noqa: F821

    drive(Base.table.create())
    drive(client.put_item("late", {"pk": "a", "_type": "late"}))
    globals()["LatePart"] = str
    try:
        assert type(drive(Base.get("a"))) is Late
    finally:
        del globals()["LatePart"]


def test_the_entity_is_not_shown(client: DynamoDBClient, drive: Drive) -> None:
    one = invoice()
    assert "_type" not in one.model_dump()
    assert "invoice" not in repr(one).lower().replace("invoice(", "").replace("invoice#", "")
    assert "_entity" not in Invoice.model_fields
    assert one.model_to_item()["_type"] == {"S": "invoice"}
    drive(one.create())
    for twin in (copy.deepcopy(one), pickle.loads(pickle.dumps(one)), Invoice.model_from_item(one.model_to_item())):
        assert twin == one
        assert twin.model_changes() == {}


def test_an_existing_tables_attribute_can_be_adopted(client: DynamoDBClient, drive: Drive) -> None:
    class Base(Model[str, str], table="app"):
        model_config = ModelConfig(entity_attribute="kind")
        pk: Attr[str] = partition_key()
        sk: Attr[str] = sort_key()

    class Car(Base, entity="CAR"):
        doors: Attr[int] = field(default=4)

    drive(client.put_item("app", {"pk": "a", "sk": "b", "kind": "CAR", "doors": 2}))
    found: Any = drive(Base.get("a", "b"))
    assert (type(found), found.doors) == (Car, 2)


def test_versions_and_expiry_go_with_entities(client: DynamoDBClient, drive: Drive) -> None:
    class Lease(Entity, entity="lease"):
        pk: Attr[str] = partition_key(template="LEASE#{lease_id}")
        sk: Attr[str] = sort_key(template="-")
        lease_id: Attr[str]
        place: Attr[str | None] = field(default=None)
        by_place: Attr[str | None] = field(template="P#{place}#{lease_id}")
        ends: Attr[datetime | None] = ttl(default=None, hide_expired=True)
        version: Attr[int] = version()

    lease = Lease(lease_id="1", place="a")
    drive(lease.create())
    drive(Lease.key(lease_id="1").update(Lease.place.set("b")))
    lease.place = "c"
    with pytest.raises(VersionConflictError):
        drive(lease.save())
    drive(lease.refresh())
    assert (lease.version, lease.by_place) == (2, "P#b#1")
    lease.ends = datetime.now(UTC) - timedelta(hours=1)
    drive(lease.save())
    assert drive(Entity.get(lease.pk, lease.sk)) is None
    drive(Lease(lease_id="1").create())
    with pytest.raises(ItemAlreadyExistsError):
        drive(Lease(lease_id="1").create())


SLIPS: dict[str, tuple[str, str]] = {
    "unknown": ("{nope}", r"Bad\.pk has the template '\{nope\}', but there is no attribute 'nope'"),
    "format": ("A#{number:%Y}", r"and number cannot be written as '%Y'"),
    "float": ("A#{ratio}", r"and ratio is float, which is not a str, whole number, date, UUID or enum"),
    "optional": ("A#{maybe}", r"and maybe can be None, but an item always has its key"),
    "adjacent": ("{text}{number}", r"text and number need a text between them"),
    "conversion": ("A#{text!r}", r"write \{name\} or \{name:format\}"),
    "attribute of": ("A#{text.x}", r"write \{name\} or \{name:format\}"),
    "position": ("A#{}", r"write \{name\} or \{name:format\}"),
    "brace": ("A#{text", r"which cannot be read"),
    "made": ("A#{other}", r"and other is built from a template itself"),
    "version": ("A#{version}", r"and version is managed by pydynox"),
    "separator": ("{day:%Y-%m}-{text}", r"whose format '%Y-%m' contains '-', which separates values"),
    "empty": ("", r"has a template that is not a str: ''"),
}


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.engines("embedded")
def test_a_wrong_template_is_told_when_the_class_is_made(slip: str) -> None:
    made_of, message = SLIPS[slip]
    with pytest.raises(ConfigurationError, match=message):

        class Bad(Model[str], table="t"):
            pk: Attr[str] = partition_key(template=made_of)
            text: Attr[str] = field(default="")
            number: Attr[int] = field(default=0)
            ratio: Attr[float] = field(default=0.5)
            maybe: Attr[str | None] = field(default=None)
            day: Attr[date]
            other: Attr[str | None] = field(template="B#{text}")
            version: Attr[int] = version()


def test_other_slips_are_told_too() -> None:
    with pytest.raises(ConfigurationError, match=r"A\.pk has a template, which builds a str, but the type int"):

        class A(Model[int], table="t"):
            pk: Attr[int] = partition_key(template="A#{x}")
            x: Attr[str]

    with pytest.raises(ConfigurationError, match=r"B\.y has escape= without a template"):

        class B(Model[str], table="t"):
            pk: Attr[str] = partition_key()
            y: Attr[str] = field(escape=True)  # type: ignore[call-overload]

    with pytest.raises(ConfigurationError, match=r"C\.kind is stored as '_type', where entity='c' stores its own value"):

        class C(Model[str], table="t", entity="c"):
            pk: Attr[str] = partition_key()
            kind: Attr[str] = field(attribute_name="_type")

    with pytest.raises(ConfigurationError, match="has entity='', which is not a name"):

        class D(Model[str], table="t", entity=""):
            pk: Attr[str] = partition_key()

    with pytest.raises(ConfigurationError, match="is abstract and has no items"):

        class E(Model[str], entity="e", abstract=True):
            pk: Attr[str] = partition_key()

    class Base(Model[str], table="t"):
        pk: Attr[str] = partition_key()

    class One(Base, entity="same"):
        pass

    with pytest.raises(ConfigurationError, match="Two has entity='same', and so does One"):

        class Two(Base, entity="same"):
            pass


def test_pydantic_does_not_ask_for_what_is_made() -> None:
    pydantic = pytest.importorskip("pydantic")
    adapter = pydantic.TypeAdapter(Invoice)
    body = adapter.dump_json(invoice())
    assert adapter.validate_json(body) == invoice()
    made = adapter.validate_python({"customer_id": "7", "issued": "2026-01-02", "number": 42})
    assert made.sk == "INVOICE#2026-01-02#000042"


def filled(drive: Drive, client: DynamoDBClient) -> list[Any]:
    rows: list[Any] = [Customer(customer_id="7", name="Ada"), Customer(customer_id="8")]
    rows += [invoice(number=number, issued=ISSUED + timedelta(days=number // 2)) for number in range(5)]
    rows.append(CreditNote(customer_id="7", issued=ISSUED, number=9))
    drive(client.batch_save(rows))
    return rows


def test_a_query_by_what_a_key_is_made_of(client: DynamoDBClient, drive: Drive) -> None:
    rows = filled(drive, client)
    invoices = [row for row in rows if isinstance(row, Invoice)]

    found: Any = drive(Invoice.query(customer_id="7").all())
    assert sorted(found, key=lambda row: row.number) == sorted(invoices, key=lambda row: row.number)
    assert [type(row) for row in found if row.number == 9] == [CreditNote]
    found = drive(Invoice.query(customer_id="7", issued=ISSUED).all())
    assert [row.number for row in found] == [0, 1, 9]
    found = drive(Invoice.query(customer_id="7", issued=ISSUED, number=1).all())
    assert [row.number for row in found] == [1]
    with pytest.raises(ValidationError, match="number comes after issued, which is missing"):
        Invoice.query(customer_id="7", number=1)
    found = drive(Invoice.query("CUSTOMER#7", Invoice.sk > "INVOICE#2026-01-03").all())
    assert [row.number for row in found] == [2, 3, 4]
    assert [row.number for row in drive(CreditNote.query(customer_id="7").all())] == [9]  # type: ignore[attr-defined]
    assert drive(Customer.query(customer_id="7").one()) == rows[0]
    assert drive(Invoice.query(customer_id="7").filter(Invoice.number < 2).count()) == 2
    plan = Invoice.query(customer_id="7", issued=ISSUED).explain()
    assert plan.key_condition == "pk = CUSTOMER#7 AND begins_with(sk, INVOICE#2026-01-02#)" or "begins_with" in str(
        plan.key_condition
    )
    assert "_type" in str(plan.filter)


def test_what_a_query_by_templates_lacks_is_told() -> None:
    with pytest.raises(ValidationError, match="partition"):
        Invoice.query(issued=ISSUED)
    with pytest.raises(ValidationError, match="colour"):
        Invoice.query(customer_id="7", colour="red")
    with pytest.raises(ValidationError, match="must be str"):
        Invoice.query(customer_id=7)


def test_rows_of_a_shared_table_are_their_models_own(client: DynamoDBClient, drive: Drive) -> None:
    rows = filled(drive, client)
    by_key: Any = lambda row: (row.pk, row.sk)  # noqa: E731

    assert sorted(drive(Customer.scan().all()), key=by_key) == sorted(rows[:2], key=by_key)  # type: ignore[call-overload]
    assert drive(Invoice.scan().count()) == 6
    assert drive(Invoice.scan(segments=3).count()) == 6
    everything: Any = drive(Entity.query("CUSTOMER#7").all())
    assert sorted(everything, key=by_key) == sorted((row for row in rows if row.pk == "CUSTOMER#7"), key=by_key)
    assert {type(row) for row in everything} == {Customer, Invoice, CreditNote}
    drive(client.put_item("app", {"pk": "CUSTOMER#7", "sk": "Z", "_type": "stranger"}))
    assert drive(Invoice.query(customer_id="7").count()) == 6
    with pytest.raises(SerializationError, match="stranger"):
        drive(Entity.query("CUSTOMER#7").all())
    bad: list[Any] = []
    assert len(drive(Entity.query("CUSTOMER#7").on_invalid(bad.append).all())) == 7  # type: ignore[arg-type]
    assert [error.raw["_type"] for error in bad] == ["stranger"]


def test_a_collection_reads_some_of_the_models(client: DynamoDBClient, drive: Drive) -> None:
    filled(drive, client)
    drive(client.put_item("app", {"pk": "CUSTOMER#7", "sk": "Z", "_type": "stranger"}))
    both = Collection(Customer, CreditNote)

    found: Any = drive(both.query("CUSTOMER#7").all())
    assert [type(row) for row in found] == [CreditNote, Customer]
    assert drive(both.scan().count()) == 3
    page: Any = drive(both.query("CUSTOMER#7").page(1))
    rest: Any = drive(both.query("CUSTOMER#7").after(page.cursor).all())
    assert [*page, *rest] == found
    # A model stands for its subclasses too.
    assert drive(Collection(Customer, Invoice).query("CUSTOMER#7").count()) == 7
    assert repr(both) == "Collection(Customer, CreditNote)"


def test_a_collection_is_of_models_that_share_a_table() -> None:
    class Alone(Model[str], table="alone", entity="alone"):
        pk: Attr[str] = partition_key()

    with pytest.raises(ConfigurationError, match=r"Collection\(Entity\): Entity has no entity="):
        Collection(Entity)
    with pytest.raises(ConfigurationError, match=r"Collection\(Customer, Alone\): the models have no common base class"):
        Collection(Customer, Alone)
    with pytest.raises(ConfigurationError, match="needs at least one model"):
        Collection()


def test_hooks_of_each_rows_own_class_run(client: DynamoDBClient, drive: Drive) -> None:
    class Base(Model[str, str], table="app"):
        pk: Attr[str] = partition_key()
        sk: Attr[str] = sort_key()

    class Loud(Base, entity="loud"):
        name: Attr[str] = field(default="")

        @after_load
        def shout(self) -> None:
            self.name = self.name.upper()

    drive(Loud(pk="a", sk="b", name="x").create())
    assert drive(Base.get("a", "b")).name == "X"  # type: ignore[union-attr]
    assert [row.name for row in drive(Base.query("a").all())] == ["X"]  # type: ignore[attr-defined]
    assert drive(client.batch_get(Base.key("a", "b")))[0].name == "X"  # type: ignore[index]
