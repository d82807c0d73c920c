"""Tables of libraries in other languages, in the forms that their documentation describes: ElectroDB, Go and Java."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydynox import (
    Attr,
    Document,
    DynamoDBClient,
    GlobalSecondaryIndex,
    Model,
    ModelConfig,
    field,
    partition_key,
    sort_key,
    ttl,
    version,
)
from pydynox.exceptions import ConfigurationError, SerializationError, VersionConflictError

from tests.conftest import Drive

AT = datetime(2026, 11, 23, 3, 41, 0, 250_000, tzinfo=UTC)
MICROS = AT.replace(microsecond=123_456)


def put(client: DynamoDBClient, table: str, *items: dict[str, Any]) -> None:
    """Write items as the other program did."""
    for item in items:
        client.sync.call("PutItem", TableName=table, Item=item)


def get(client: DynamoDBClient, table: str, **key: Any) -> dict[str, Any]:
    """The stored item; sets are in one order, and numbers without needless zeros, which DynamoDB does not keep."""
    item: dict[str, Any] = client.sync.call("GetItem", TableName=table, Key=key)["Item"]
    return normal(item)


def normal(item: dict[str, Any]) -> dict[str, Any]:
    def of(value: dict[str, Any]) -> dict[str, Any]:
        ((tag, inner),) = value.items()
        return {tag: Decimal(inner) if tag == "N" else sorted(inner) if tag in ("SS", "NS") else inner}

    return {name: of(value) for name, value in item.items()}


class Store(Model[str, str]):
    """ElectroDB: the key is `$service#attribute_value`, then `$entity_version#attribute_value`, all in lower case."""

    model_config = ModelConfig(table="electro", entity_attribute="__edb_e__")
    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()
    gsi1pk: Attr[str | None] = field(default=None)
    gsi1sk: Attr[str | None] = field(default=None)

    units = GlobalSecondaryIndex(gsi1pk, gsi1sk, index_name="gsi1pk-gsi1sk-index")


class MallStore(Store, entity="MallStore"):
    pk: Attr[str] = partition_key(template="$mallstoredirectory#cityid_{city_id:lower}#mallid_{mall_id:lower}")
    sk: Attr[str] = sort_key(template="$mallstore_1#buildingid_{building_id:lower}#storeid_{store_id:lower}")
    gsi1pk: Attr[str | None] = field(template="$mallstoredirectory#mallid_{mall_id:lower}")
    gsi1sk: Attr[str | None] = field(template="$mallstore_1#buildingid_{building_id:lower}#unitid_{unit_id:lower}")
    model_version: Attr[str] = field(default="1", attribute_name="__edb_v__")
    city_id: Attr[str] = field(attribute_name="cityId")
    mall_id: Attr[str] = field(attribute_name="mallId")
    building_id: Attr[str] = field(attribute_name="buildingId")
    store_id: Attr[str] = field(attribute_name="storeId")
    unit_id: Attr[str] = field(attribute_name="unitId")
    category: Attr[str]
    rent: Attr[Decimal]
    tenants: Attr[set[str]] = field(default_factory=set)
    tags: Attr[list[str]] = field(default_factory=list)
    lease_ends: Attr[date] = field(attribute_name="leaseEndDate")
    created_at_: Attr[datetime] = field(attribute_name="createdAt", format="%Y-%m-%dT%H:%M:%S.%3fZ")
    updated: Attr[datetime] = field(attribute_name="updatedAt", format="epoch_ms")


class TestElectroDB:
    ITEM = {
        "pk": {"S": "$mallstoredirectory#cityid_atlanta1#mallid_eastpointe"},
        "sk": {"S": "$mallstore_1#buildingid_a34#storeid_lattelarrys"},
        "gsi1pk": {"S": "$mallstoredirectory#mallid_eastpointe"},
        "gsi1sk": {"S": "$mallstore_1#buildingid_a34#unitid_b47"},
        "__edb_e__": {"S": "MallStore"},
        "__edb_v__": {"S": "1"},
        "cityId": {"S": "Atlanta1"},
        "mallId": {"S": "EastPointe"},
        "buildingId": {"S": "A34"},
        "storeId": {"S": "LatteLarrys"},
        "unitId": {"S": "B47"},
        "category": {"S": "food/coffee"},
        "rent": {"N": "5000.5"},
        "tenants": {"SS": ["Larry", "Mona"]},
        "tags": {"L": [{"S": "corner"}]},
        "leaseEndDate": {"S": "2026-01-20"},
        "createdAt": {"S": "2026-11-23T03:41:00.250Z"},  # toISOString()
        "updatedAt": {"N": "1795405260250"},  # Date.now()
    }
    KEY = {"city_id": "Atlanta1", "mall_id": "EastPointe", "building_id": "A34", "store_id": "LatteLarrys"}

    def test_an_item_is_found_by_the_parts_of_its_key_and_read_equal(self, client: DynamoDBClient, drive: Drive) -> None:
        Store.table.sync.create()
        put(client, "electro", self.ITEM)

        store = drive(MallStore.get_or_raise(**self.KEY))

        assert store.model_dump(exclude={"pk", "sk", "gsi1pk", "gsi1sk", "model_version"}) == {
            **self.KEY,
            "unit_id": "B47",
            "category": "food/coffee",
            "rent": Decimal("5000.5"),
            "tenants": {"Larry", "Mona"},
            "tags": ["corner"],
            "lease_ends": date(2026, 1, 20),
            "created_at_": AT,
            "updated": AT,
        }
        assert store.model_changes() == {}
        assert [type(one) for one in drive(Store.scan().all())] == [MallStore]

    def test_queries_build_its_keys_in_lower_case(self, client: DynamoDBClient) -> None:
        Store.table.sync.create()
        put(client, "electro", self.ITEM)

        assert MallStore.query(city_id="Atlanta1", mall_id="EastPointe", building_id="A34").sync.count() == 1
        assert MallStore.units.query("$mallstoredirectory#mallid_eastpointe").sync.one().unit_id == "B47"
        assert MallStore.scan().filter(MallStore.created_at_ == AT, MallStore.updated <= AT).sync.count() == 1
        assert MallStore.scan().filter(MallStore.created_at_ > AT).sync.count() == 0

    def test_what_we_write_has_its_form(self, client: DynamoDBClient, drive: Drive) -> None:
        Store.table.sync.create()
        store = MallStore.model_from_item(self.ITEM)
        drive(MallStore(**store.model_dump(exclude={"pk", "sk", "gsi1pk", "gsi1sk"})).create())
        key = {name: self.ITEM[name] for name in ("pk", "sk")}
        assert get(client, "electro", **key) == normal(self.ITEM)

        store = drive(MallStore.get_or_raise(**self.KEY))
        store.unit_id, store.created_at_ = "C1", AT + timedelta(milliseconds=1)
        drive(store.save())

        wanted = {
            **self.ITEM,
            "unitId": {"S": "C1"},
            "gsi1sk": {"S": "$mallstore_1#buildingid_a34#unitid_c1"},
            "createdAt": {"S": "2026-11-23T03:41:00.251Z"},
        }
        assert get(client, "electro", **key) == normal(wanted)


class GoAddress(Document):
    """A struct without tags: the names of its fields."""

    street: Attr[str] = field(attribute_name="Street")
    since: Attr[datetime | None] = field(default=None, attribute_name="Since", format="rfc3339_nano", truncate=True)


class GoOrder(Model[str, datetime], table="go_orders"):
    """Go's attributevalue: RFC3339Nano text, `unixtime` numbers, sets by tag, and NULL for nil."""

    customer: Attr[str] = partition_key(attribute_name="Customer")
    placed: Attr[datetime] = sort_key(attribute_name="Placed", format="epoch")  # dynamodbav:"Placed,unixtime"
    shipped: Attr[datetime | None] = field(default=None, attribute_name="Shipped", format="rfc3339_nano", store_null=True)
    exact: Attr[datetime] = field(attribute_name="Exact", format="rfc3339_nano", truncate=True)
    total: Attr[float] = field(attribute_name="Total")
    count: Attr[int] = field(attribute_name="Count")
    note: Attr[str | None] = field(default=None, attribute_name="Note", store_null=True)
    lines: Attr[list[str] | None] = field(default=None, attribute_name="Lines", store_null=True)
    roles: Attr[set[str]] = field(default_factory=set, attribute_name="Roles")
    codes: Attr[set[int]] = field(default_factory=set, attribute_name="Codes")
    body: Attr[bytes] = field(attribute_name="Body")
    by_number: Attr[dict[str, str]] = field(default_factory=dict, attribute_name="ByNumber")
    ship_to: Attr[GoAddress | None] = field(default=None, attribute_name="ShipTo", store_null=True)


class TestGo:
    ITEM = {
        "Customer": {"S": "c1"},
        "Placed": {"N": "1795405260"},
        "Shipped": {"S": "2026-11-23T03:41:00.25Z"},
        "Exact": {"S": "2026-11-23T04:41:00.123456789+01:00"},
        "Total": {"N": "2.5"},
        "Count": {"N": "3"},
        "Note": {"NULL": True},
        "Lines": {"NULL": True},
        "Roles": {"SS": ["admin"]},
        "Codes": {"NS": ["1", "2"]},
        "Body": {"B": "AP8="},
        "ByNumber": {"M": {"1": {"S": "one"}}},
        "ShipTo": {"M": {"Street": {"S": "Rue 1"}, "Since": {"S": "2026-11-23T03:41:00Z"}}},
    }
    PLACED = AT.replace(microsecond=0)

    def test_an_item_is_found_by_its_key_and_read_equal_to_the_microsecond(self, client: DynamoDBClient, drive: Drive) -> None:
        GoOrder.table.sync.create()
        put(client, "go_orders", self.ITEM)

        order = drive(GoOrder.get_or_raise("c1", self.PLACED))

        assert order.model_dump() == {
            "customer": "c1",
            "placed": self.PLACED,
            "shipped": AT,
            "exact": MICROS,
            "total": 2.5,
            "count": 3,
            "note": None,
            "lines": None,
            "roles": {"admin"},
            "codes": {1, 2},
            "body": b"\x00\xff",
            "by_number": {"1": "one"},
            "ship_to": {"street": "Rue 1", "since": self.PLACED},
        }
        assert order.model_changes() == {}
        assert GoOrder.query("c1", GoOrder.placed.between(self.PLACED, self.PLACED)).sync.count() == 1
        assert GoOrder.scan().filter(GoOrder.shipped == AT).sync.count() == 1

    def test_what_we_change_has_its_form_and_the_rest_stays(self, client: DynamoDBClient, drive: Drive) -> None:
        GoOrder.table.sync.create()
        put(client, "go_orders", self.ITEM)
        order = drive(GoOrder.get_or_raise("c1", self.PLACED))
        order.shipped = AT + timedelta(milliseconds=50)
        order.note, order.lines = "gift", []
        order.ship_to.since = MICROS
        drive(order.save())

        wanted = {
            **self.ITEM,
            "Shipped": {"S": "2026-11-23T03:41:00.3Z"},
            "Note": {"S": "gift"},
            "Lines": {"L": []},
            "ShipTo": {"M": {"Street": {"S": "Rue 1"}, "Since": {"S": "2026-11-23T03:41:00.123456Z"}}},
        }
        assert get(client, "go_orders", Customer={"S": "c1"}, Placed={"N": "1795405260"}) == normal(wanted)

    def test_more_digits_than_a_microsecond_are_an_error_until_truncate_is_declared(self) -> None:
        class Strict(Model[str], table="strict"):
            name: Attr[str] = partition_key()
            at: Attr[datetime] = field(format="rfc3339_nano")

        with pytest.raises(SerializationError, match="finer than a microsecond"):
            Strict.model_from_item({"name": {"S": "n"}, "at": {"S": "2026-11-23T03:41:00.123456789Z"}})


class JavaCustomer(Model[str, str], table="java"):
    """The enhanced client of the AWS SDK for Java 2: ISO text by `toString`, a version, and an atomic counter."""

    account_id: Attr[str] = partition_key(attribute_name="accountId")
    sort: Attr[str] = sort_key(attribute_name="sort")
    registered: Attr[datetime] = field(format="java_instant")
    last_seen: Attr[datetime] = field(attribute_name="lastSeen", format="java_instant")
    exact: Attr[datetime] = field(format="java_instant", truncate=True)
    local: Attr[datetime] = field(naive=UTC, format="java_instant")  # a LocalDateTime, which is UTC by agreement
    birthday: Attr[date]
    opens: Attr[time]
    epoch_millis: Attr[datetime] = field(attribute_name="epochMillis", format="epoch_ms")
    expires: Attr[datetime | None] = ttl(default=None)
    stay: Attr[timedelta]
    token: Attr[UUID]
    status: Attr[str] = field()
    balance: Attr[Decimal]
    active: Attr[bool]
    roles: Attr[set[str]] = field(default_factory=set)
    photo: Attr[bytes]
    address: Attr[dict[str, str | None]] = field(default_factory=dict)
    visits: Attr[int]
    version: Attr[int] = version()

    by_status = GlobalSecondaryIndex(status, epoch_millis)


class TestJava:
    ITEM = {
        "accountId": {"S": "a1"},
        "sort": {"S": "profile"},
        "registered": {"S": "2026-11-23T03:41:00Z"},
        "lastSeen": {"S": "2026-11-23T03:41:00.250Z"},
        "exact": {"S": "2026-11-23T03:41:00.123456789Z"},
        "local": {"S": "2026-11-23T03:41:00.250"},
        "birthday": {"S": "1990-02-03"},
        "opens": {"S": "09:30"},
        "epochMillis": {"N": "1795405260250"},
        "expires": {"N": "1795405260"},
        "stay": {"N": "60.500000000"},
        "token": {"S": "00000000-0000-0000-0000-000000000007"},
        "status": {"S": "ACTIVE"},
        "balance": {"N": "10.05"},
        "active": {"BOOL": True},
        "roles": {"SS": ["admin"]},
        "photo": {"B": "AP8="},
        "address": {"M": {"city": {"S": "Oslo"}, "zip": {"NULL": True}}},
        "visits": {"N": "0"},
        "version": {"N": "1"},
    }
    KEY = {"accountId": {"S": "a1"}, "sort": {"S": "profile"}}

    def test_an_item_is_read_equal_to_the_microsecond(self, client: DynamoDBClient, drive: Drive) -> None:
        JavaCustomer.table.sync.create()
        put(client, "java", self.ITEM)

        customer = drive(JavaCustomer.get_or_raise("a1", "profile"))

        assert customer.model_dump() == {
            "account_id": "a1",
            "sort": "profile",
            "registered": AT.replace(microsecond=0),
            "last_seen": AT,
            "exact": MICROS,
            "local": AT,
            "birthday": date(1990, 2, 3),
            "opens": time(9, 30),
            "epoch_millis": AT,
            "expires": AT.replace(microsecond=0),
            "stay": timedelta(seconds=60.5),
            "token": UUID(int=7),
            "status": "ACTIVE",
            "balance": Decimal("10.05"),
            "active": True,
            "roles": {"admin"},
            "photo": b"\x00\xff",
            "address": {"city": "Oslo", "zip": None},
            "visits": 0,
            "version": 1,
        }
        assert customer.model_changes() == {}
        assert JavaCustomer.by_status.query("ACTIVE", JavaCustomer.epoch_millis == AT).sync.count() == 1
        assert JavaCustomer.scan().filter(JavaCustomer.last_seen == AT).sync.count() == 1

    def test_versions_and_atomic_counters_go_on(self, client: DynamoDBClient, drive: Drive) -> None:
        JavaCustomer.table.sync.create()
        put(client, "java", self.ITEM)
        customer = drive(JavaCustomer.get_or_raise("a1", "profile"))
        stale = drive(JavaCustomer.get_or_raise("a1", "profile"))

        customer.last_seen = AT + timedelta(seconds=0.5)
        drive(customer.save())
        drive(JavaCustomer.key("a1", "profile").update(JavaCustomer.visits.add(1)))

        stale.status = "CLOSED"
        with pytest.raises(VersionConflictError):
            drive(stale.save())
        wanted = {
            **self.ITEM,
            "lastSeen": {"S": "2026-11-23T03:41:00.750Z"},
            "visits": {"N": "1"},
            "version": {"N": "3"},
        }
        assert get(client, "java", **self.KEY) == normal(wanted)


@pytest.mark.parametrize("form", ["rfc3339_nano", "java_instant"])
class TestKeysOfVariableWidth:
    def test_they_are_refused_as_keys_with_the_reason(self, form: str) -> None:
        with pytest.raises(ConfigurationError, match="width") as refused:

            class Event(Model[str, datetime], table="events"):
                source: Attr[str] = partition_key()
                at: Attr[datetime] = sort_key(format=form)

        assert "Event.at" in str(refused.value)

    def test_they_are_refused_as_keys_of_an_index(self, form: str) -> None:
        with pytest.raises(ConfigurationError, match="width"):

            class Event(Model[str], table="events"):
                source: Attr[str] = partition_key()
                at: Attr[datetime] = field(format=form)
                by_time = GlobalSecondaryIndex(source, at)
