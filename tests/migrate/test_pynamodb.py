"""Tables of PynamoDB: what it writes we read, find, change and save, and it reads ours; each stored form is the same, bit for bit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from types import SimpleNamespace
from typing import Any

import pynamodb.attributes as theirs
import pynamodb.exceptions
import pynamodb.indexes
import pynamodb.models
import pytest
from pydynox import Attr, Document, DynamoDBClient, GlobalSecondaryIndex, Model, ModelConfig, field, partition_key
from pydynox import path as whole
from pydynox.exceptions import ItemAlreadyExistsError, SerializationError, ValidationError, VersionConflictError
from pydynox.migrate import pynamodb as forms

from tests.conftest import Drive
from tests.engines import Engine

pytestmark = pytest.mark.engines("moto")
AT = datetime(2026, 11, 23, 3, 41, 0, 250_000, tzinfo=UTC)
LATER = AT + timedelta(days=1)


class LegacyBoolean(theirs.Attribute[bool]):
    """What PynamoDB 1 to 4 wrote for a Boolean; version 6 no longer has it."""

    attr_type = "N"

    def serialize(self, value: Any) -> str:
        return "1" if value else "0"

    def deserialize(self, value: str) -> bool:
        return bool(int(value))


class TheirPlace(theirs.MapAttribute[str, Any]):
    city = theirs.UnicodeAttribute()
    since = theirs.UTCDateTimeAttribute(null=True)
    seal = theirs.BinaryAttribute(legacy_encoding=False, null=True)


class TheirExtras(theirs.DynamicMapAttribute):
    seen = theirs.UTCDateTimeAttribute(null=True)


@cache  # a model of PynamoDB keeps its connection, which takes half a second to make
def their_model(url: str) -> Any:
    """A model of PynamoDB with every attribute type that it has."""

    class ByEmail(pynamodb.indexes.GlobalSecondaryIndex[Any]):
        class Meta:
            index_name = "by_email"
            projection = pynamodb.indexes.AllProjection()
            read_capacity_units = write_capacity_units = 1

        email = theirs.UnicodeAttribute(hash_key=True)
        changed = theirs.UTCDateTimeAttribute(range_key=True)

    class Event(pynamodb.models.Model):
        class Meta:
            table_name = "events"
            host = url
            region = "us-east-1"
            aws_access_key_id = aws_secret_access_key = "local"
            read_capacity_units = write_capacity_units = 1

        source = theirs.UnicodeAttribute(hash_key=True)
        at = theirs.UTCDateTimeAttribute(range_key=True)
        email = theirs.UnicodeAttribute()
        changed = theirs.UTCDateTimeAttribute()
        by_email = ByEmail()
        count = theirs.NumberAttribute()
        ratio = theirs.NumberAttribute(attr_name="r")
        active = theirs.BooleanAttribute()
        old_flag = LegacyBoolean()
        digest = theirs.BinaryAttribute(legacy_encoding=False)
        old_digest = theirs.BinaryAttribute(legacy_encoding=True)
        digests = theirs.BinarySetAttribute(legacy_encoding=False)
        old_digests = theirs.BinarySetAttribute(legacy_encoding=True)
        roles = theirs.UnicodeSetAttribute()
        scores = theirs.NumberSetAttribute()
        payload = theirs.JSONAttribute()
        anything: Any = theirs.ListAttribute()
        words: Any = theirs.ListAttribute(of=theirs.UnicodeAttribute)
        moments: Any = theirs.ListAttribute(of=theirs.UTCDateTimeAttribute)
        seals: Any = theirs.ListAttribute(of=theirs.BinaryAttribute)
        places: Any = theirs.ListAttribute(of=TheirPlace)
        place = TheirPlace()
        raw: Any = theirs.MapAttribute()
        extras = TheirExtras()
        nothing = theirs.NullAttribute(null=True)
        note = theirs.UnicodeAttribute(null=True)
        expires = theirs.TTLAttribute()
        version = theirs.VersionAttribute()

    return Event


class Place(Document):
    city: Attr[str]
    since: forms.UTCDateTimeAttribute[datetime | None] = forms.UTCDateTimeAttribute(null=True)
    seal: Attr[bytes | None] = field(default=None)


class Event(Model[str, datetime], table="events"):
    source: forms.UnicodeAttribute = forms.UnicodeAttribute(hash_key=True)
    at: forms.UTCDateTimeAttribute = forms.UTCDateTimeAttribute(range_key=True)
    email: forms.UnicodeAttribute = forms.UnicodeAttribute()
    changed: forms.UTCDateTimeAttribute = forms.UTCDateTimeAttribute()
    count: forms.NumberAttribute = forms.NumberAttribute()
    ratio: forms.NumberAttribute = forms.NumberAttribute(attribute_name="r")
    active: forms.BooleanAttribute = forms.BooleanAttribute()
    old_flag: forms.LegacyBooleanAttribute = forms.LegacyBooleanAttribute()
    digest: forms.BinaryAttribute = forms.BinaryAttribute(legacy_encoding=False)
    old_digest: forms.BinaryAttribute = forms.BinaryAttribute(legacy_encoding=True)
    digests: forms.BinarySetAttribute = forms.BinarySetAttribute(legacy_encoding=False)
    old_digests: forms.BinarySetAttribute = forms.BinarySetAttribute(legacy_encoding=True)
    roles: forms.UnicodeSetAttribute = forms.UnicodeSetAttribute()
    scores: forms.NumberSetAttribute = forms.NumberSetAttribute()
    payload: forms.JSONAttribute = forms.JSONAttribute()
    anything: forms.ListAttribute[Any] = forms.ListAttribute()
    words: forms.ListAttribute[str] = forms.ListAttribute(of=forms.UnicodeAttribute)
    moments: forms.ListAttribute[datetime] = forms.ListAttribute(of=forms.UTCDateTimeAttribute)
    seals: forms.ListAttribute[bytes] = forms.ListAttribute(of=forms.BinaryAttribute)
    places: forms.ListAttribute[Place] = forms.ListAttribute(of=Place)
    place: forms.MapAttribute[Place] = forms.MapAttribute(Place)
    raw: forms.MapAttribute[dict[str, Any]] = forms.MapAttribute()
    extras: forms.DynamicMapAttribute = forms.DynamicMapAttribute({"seen": forms.UTCDateTime()})
    nothing: forms.NullAttribute = forms.NullAttribute()
    note: forms.UnicodeAttribute[str | None] = forms.UnicodeAttribute(null=True)
    expires: forms.TTLAttribute = forms.TTLAttribute()
    version: forms.VersionAttribute = forms.VersionAttribute()

    by_email = GlobalSecondaryIndex(email, changed)


RAW = {
    "s": "x",
    "n": 2,
    "f": 0.5,
    "b": True,
    "none": None,
    "list": [1, "a", None],
    "map": {"deep": [{"x": 1}]},
    "bin": b"\x00\xff",
}
VALUES: dict[str, Any] = {
    "source": "s1",
    "at": AT,
    "email": "ada@example.com",
    "changed": LATER,
    "count": 3,
    "ratio": 2.5,
    "active": True,
    "old_flag": True,
    "digest": b"\xca\xfe\xf0\x0d",
    "old_digest": b"\xca\xfe\xf0\x0d",
    "digests": {b"\x00", b"\xff\x01"},
    "old_digests": {b"\x00", b"\xff\x01"},
    "roles": {"admin", "author"},
    "scores": {1, 2.5},
    "payload": {"a": [1, 0.5, None, "é"], "b": {"c": True}},
    "anything": [1, "a", None, True, {"k": [0.5]}, b"\x01"],
    "words": ["b", "a"],
    "moments": [AT, LATER],
    "seals": [b"\x00\xff"],
    "places": [{"city": "Oslo", "since": AT, "seal": None}, {"city": "Rome", "since": None, "seal": b"\x01"}],
    "place": {"city": "Paris", "since": AT, "seal": b"\xff"},
    "raw": RAW,
    "extras": {"seen": AT, "anything": [1, {"x": "y"}], "name": "n"},
    "nothing": None,
    "note": None,
    "expires": AT.replace(microsecond=0),
}
#: What an edit of each attribute sets.
CHANGES: dict[str, Any] = {
    "email": "grace@example.com",
    "changed": LATER + timedelta(hours=1),
    "count": 4,
    "ratio": 0.1,
    "active": False,
    "old_flag": False,
    "digest": b"new",
    "old_digest": b"new",
    "digests": {b"\x00", b"new"},
    "old_digests": {b"\x00", b"new"},
    "roles": {"admin"},
    "scores": {2.5, 7},
    "payload": [1, {"x": None}],
    "anything": ["z", 0.25],
    "words": [],
    "moments": [LATER],
    "seals": [],
    "places": [{"city": "Lima", "since": LATER, "seal": None}],
    "place": {"city": "Bonn", "since": None, "seal": None},
    "raw": {"s": "y", "deep": {"er": [1]}},
    "extras": {"seen": LATER, "more": 1},
    "note": "written",
    "expires": AT.replace(microsecond=0) + timedelta(days=2),
}


def plain(value: Any) -> Any:
    """A value of either library as Python's own: maps as dicts without what is None, numbers by value."""
    if isinstance(value, theirs.MapAttribute):
        # PynamoDB 6.1 adds this member to a dynamic map that it has read.
        return plain({name: member for name, member in value.attribute_values.items() if name != "attribute_values"})
    if isinstance(value, Document):
        return plain(value.model_dump())
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return float(value) if type(value).__name__ in ("Decimal", "int", "float") else value


def expected(values: dict[str, Any]) -> dict[str, Any]:
    """Values as `plain` returns them."""
    return {name: plain(value) for name, value in values.items()}


def read_by(instance: Any, names: Any) -> dict[str, Any]:
    return {name: plain(getattr(instance, name)) for name in names}


def ours(values: dict[str, Any]) -> Event:
    return Event(**values)


@pytest.fixture
def their(engine: Engine, client: DynamoDBClient) -> Any:
    """PynamoDB's model, with its table."""
    event = their_model(engine.url)
    event.create_table()
    return event


@pytest.fixture
def written(their: Any) -> Any:
    """PynamoDB's model, with one item that it wrote."""
    their(**VALUES).save()
    return their


def stored(client: DynamoDBClient, table: str = "events") -> list[dict[str, Any]]:
    """The items of a table on the wire, sets in one order."""
    items = client.sync.call("Scan", TableName=table)["Items"]
    for item in items:
        for value in item.values():
            for tag in ("SS", "NS", "BS"):
                if tag in value:
                    value[tag].sort()
    return items


class TestReading:
    def test_what_pynamodb_wrote_is_found_by_key_and_read_equal(self, written: Any, drive: Drive) -> None:
        event = drive(Event.get_or_raise("s1", AT))

        assert read_by(event, VALUES) == expected(VALUES)
        assert event.version == 1
        assert event.model_changes() == {}

    def test_datetimes_come_back_in_utc_whatever_the_zone_of_the_key(self, written: Any) -> None:
        elsewhere = AT.astimezone(timezone(timedelta(hours=9)))

        event = Event.sync.get_or_raise("s1", elsewhere)

        assert event.at == AT
        assert event.at.utcoffset() == timedelta(0)

    def test_a_second_create_of_the_same_key_is_refused(self, written: Any) -> None:
        with pytest.raises(ItemAlreadyExistsError):
            ours(VALUES).sync.create()

    @pytest.mark.parametrize("name", [name for name in VALUES if name not in ("source", "at", "nothing", "note")])
    def test_a_condition_on_each_attribute_finds_what_pynamodb_wrote(self, written: Any, name: str) -> None:
        path: Any = getattr(Event, name)
        value = Place(**VALUES[name]) if name == "place" else VALUES[name]
        value = [Place(**one) for one in value] if name == "places" else value
        condition = whole(path) == value if name == "place" else path == value

        assert Event.query("s1").filter(condition).sync.count() == 1
        assert Event.scan().filter(~condition).sync.count() == 0

    def test_ranges_of_keys_and_of_an_index_find_what_pynamodb_wrote(self, written: Any) -> None:
        day = timedelta(days=1)

        assert Event.query("s1", Event.at.between(AT, AT)).sync.count() == 1
        assert Event.query("s1", Event.at > AT).sync.count() == 0
        assert Event.query("s1", Event.at < AT + timedelta(microseconds=1)).sync.count() == 1
        assert Event.by_email.query("ada@example.com", Event.changed >= LATER).sync.one().source == "s1"
        assert Event.by_email.query("ada@example.com", Event.changed < LATER - day).sync.count() == 0

    def test_batches_and_transactions_read_it(self, written: Any, client: DynamoDBClient, drive: Drive) -> None:
        async def both() -> list[Any]:
            return [*await client.batch_get(Event.key("s1", AT)), *await client.transact_get(Event.key("s1", AT))]

        assert [read_by(event, VALUES) for event in drive(both())] == [expected(VALUES)] * 2


class TestWriting:
    def test_both_write_the_same_item_bit_for_bit(self, written: Any, client: DynamoDBClient, drive: Drive) -> None:
        theirs_ = stored(client)
        written.get("s1", AT).delete()

        drive(ours(VALUES).create())

        assert stored(client) == theirs_

    def test_what_we_wrote_pynamodb_finds_and_reads_equal(self, their: Any, drive: Drive) -> None:
        drive(ours(VALUES).create())

        event = their.get("s1", AT)
        (by_index,) = their.by_email.query("ada@example.com", their.changed >= LATER)
        assert read_by(event, VALUES) == expected(VALUES)
        assert read_by(by_index, VALUES) == expected(VALUES)
        assert event.version == 1
        for name in ("at", "changed", "old_digest", "old_flag", "payload", "moments", "expires"):
            assert len(list(their.query("s1", filter_condition=getattr(their, name) == VALUES[name]))) == 1, name

    def test_what_we_change_and_save_pynamodb_reads_equal(self, written: Any, drive: Drive) -> None:
        event = Event.sync.get_or_raise("s1", AT)
        for name, value in CHANGES.items():
            setattr(event, name, [Place(**one) for one in value] if name == "places" else value)
        drive(event.save())

        again = written.get("s1", AT)
        wanted = {**VALUES, **CHANGES}
        assert read_by(again, VALUES) == expected(wanted)
        assert again.version == event.version == 2

    @pytest.mark.parametrize("name", CHANGES)
    def test_each_attribute_changes_alone(self, written: Any, name: str) -> None:
        event = Event.sync.get_or_raise("s1", AT)
        value = CHANGES[name]
        setattr(event, name, [Place(**one) for one in value] if name == "places" else value)
        assert list(event.model_changes()) == [name]
        event.sync.save()

        assert read_by(written.get("s1", AT), VALUES) == expected({**VALUES, name: value})

    def test_edits_in_place_pynamodb_reads_equal(self, written: Any) -> None:
        event = Event.sync.get_or_raise("s1", AT)
        event.extras["seen"] = LATER
        event.payload["a"].append(7)
        event.raw["map"]["deep"][0]["x"] = 2
        event.place.since = LATER
        event.moments.append(AT)
        event.old_digests.add(b"more")
        event.scores.discard(1)
        event.sync.save()

        again = written.get("s1", AT)
        assert again.extras.seen == LATER
        assert again.payload["a"] == [1, 0.5, None, "é", 7]
        assert again.raw["map"]["deep"][0]["x"] == 2
        assert again.place.since == LATER
        assert list(again.moments) == [AT, LATER, AT]
        assert again.old_digests == {b"\x00", b"\xff\x01", b"more"}
        assert again.scores == {2.5}

    def test_empty_sets_and_none_are_no_attribute_for_both(self, written: Any, client: DynamoDBClient) -> None:
        event = Event.sync.get_or_raise("s1", AT)
        event.digests = event.old_digests = set()
        event.roles, event.scores = set(), set()
        event.sync.save()

        (item,) = stored(client)
        assert not {"digests", "old_digests", "roles", "scores", "note", "nothing"} & set(item)
        again = written.get("s1", AT)
        assert not again.old_digests
        assert not again.roles
        assert Event.sync.get_or_raise("s1", AT).old_digests == set()

    def test_updates_by_key_in_batches_and_transactions_write_the_same_forms(
        self, their: Any, client: DynamoDBClient, drive: Drive
    ) -> None:
        async def write() -> None:
            async with client.batch_writer(unguarded=True) as batch:
                await batch.put(ours(VALUES))
            await Event.key("s1", AT).update(
                Event.changed.set(AT), Event.old_flag.set(False), Event.old_digest.set(b"new"), condition=Event.changed == LATER
            )
            async with client.transaction() as tx:
                tx.create(ours({**VALUES, "at": LATER}))
                tx.update(Event.key("s1", AT), Event.payload.set({"x": 1}), condition=Event.old_digest == b"new")

        drive(write())

        event = their.get("s1", AT)
        wanted = {**VALUES, "changed": AT, "old_flag": False, "old_digest": b"new", "payload": {"x": 1}}
        assert read_by(event, VALUES) == expected(wanted)
        assert read_by(their.get("s1", LATER), VALUES) == expected({**VALUES, "at": LATER})

    def test_pynamodb_changes_what_we_wrote_and_we_read_it(self, their: Any) -> None:
        ours(VALUES).sync.create()
        event = their.get("s1", AT)
        event.update(actions=[their.changed.set(AT), their.old_digest.set(b"new"), their.scores.add({9})])
        event.save()

        again = Event.sync.get_or_raise("s1", AT)
        assert again.extras.pop("attribute_values", {}) == {}  # see `plain`: PynamoDB stores it, too
        wanted = {**VALUES, "changed": AT, "old_digest": b"new", "scores": {1, 2.5, 9}}
        assert read_by(again, VALUES) == expected(wanted)
        assert again.version == 3


class TestVersions:
    def test_each_library_notices_the_writes_of_the_other(self, written: Any, drive: Drive) -> None:
        mine, yours = Event.sync.get_or_raise("s1", AT), written.get("s1", AT)
        mine.count = 10
        drive(mine.save())

        yours.count = 20
        with pytest.raises(pynamodb.exceptions.PutError):
            yours.save()

        yours.refresh()
        assert (yours.count, yours.version) == (10, 2)
        yours.count = 30
        yours.save()
        mine.count = 40
        with pytest.raises(VersionConflictError):
            drive(mine.save())
        assert Event.sync.get_or_raise("s1", AT).version == 3

    def test_an_update_by_key_advances_the_version_that_pynamodb_compares(self, written: Any) -> None:
        yours = written.get("s1", AT)
        Event.key("s1", AT).sync.update(Event.count.add(1))

        with pytest.raises(pynamodb.exceptions.DeleteError):
            yours.delete()

        assert written.get("s1", AT).version == 2


@cache
def their_animals(url: str) -> Any:
    """Classes that share a table, told apart by a discriminator."""

    class Animal(pynamodb.models.Model):
        class Meta:
            table_name = "animals"
            host = url
            region = "us-east-1"
            aws_access_key_id = aws_secret_access_key = "local"
            read_capacity_units = write_capacity_units = 1

        name = theirs.UnicodeAttribute(hash_key=True)
        cls = theirs.DiscriminatorAttribute()

    class Cat(Animal, discriminator="cat"):
        lives = theirs.NumberAttribute(default=9)

    class Dog(Animal, discriminator="dog"):
        tricks = theirs.UnicodeSetAttribute(default=set)

    return SimpleNamespace(Animal=Animal, Cat=Cat, Dog=Dog)


class Animal(Model[str]):
    model_config = ModelConfig(table="animals", entity_attribute="cls")
    name: Attr[str] = partition_key()


class Cat(Animal, entity="cat"):
    lives: Attr[int] = field(default=9)


class Dog(Animal, entity="dog"):
    tricks: Attr[set[str]] = field(default_factory=set)


class TestDiscriminators:
    @pytest.fixture
    def animals(self, engine: Engine, client: DynamoDBClient) -> Any:
        animals = their_animals(engine.url)
        animals.Animal.create_table()
        return animals

    def test_the_base_class_reads_each_item_as_its_own_class(self, animals: Any, drive: Drive) -> None:
        animals.Cat(name="Tom").save()
        animals.Dog(name="Rex", tricks={"sit"}).save()

        everyone = {animal.name: animal for animal in drive(Animal.scan().all())}
        assert everyone == {"Tom": Cat(name="Tom"), "Rex": Dog(name="Rex", tricks={"sit"})}
        assert [cat.name for cat in drive(Cat.scan().all())] == ["Tom"]
        assert drive(Dog.get("Tom")) is None

    def test_pynamodb_reads_ours_as_its_classes(self, animals: Any, client: DynamoDBClient) -> None:
        Cat(name="Tom", lives=3).sync.create()
        Dog(name="Rex", tricks={"sit"}).sync.create()

        assert {type(animal).__name__: animal.name for animal in animals.Animal.scan()} == {"Cat": "Tom", "Dog": "Rex"}
        assert [dog.tricks for dog in animals.Dog.scan()] == [{"sit"}]
        mine = stored(client, "animals")
        client.sync.call("DeleteItem", TableName="animals", Key={"name": {"S": "Tom"}})
        client.sync.call("DeleteItem", TableName="animals", Key={"name": {"S": "Rex"}})
        animals.Cat(name="Tom", lives=3).save()
        animals.Dog(name="Rex", tricks={"sit"}).save()
        assert sorted(stored(client, "animals"), key=str) == sorted(mine, key=str)


class Old(Model[str], table="old"):
    """An item of PynamoDB 5 and before."""

    name: Attr[str] = partition_key()
    file: Attr[bytes | None] = field(codec=forms.LegacyBinary(), default=None)
    files: Attr[set[bytes]] = field(codec=forms.LegacyBinarySet(), default_factory=set, missing=set())
    done: Attr[bool | None] = field(codec=forms.LegacyBoolean(), default=None)
    data: Attr[Any] = field(codec=forms.JSONText(), default=None)
    profile: Attr[dict[str, Any]] = field(codec=forms.DynamicMap({"seen": forms.UTCDateTime()}), default_factory=dict, missing={})
    at: forms.UTCDateTimeAttribute[datetime | None] = forms.UTCDateTimeAttribute(null=True)
    unpadded: Attr[datetime | None] = field(codec=forms.UTCDateTime(), default=None)


class TestItemsOfOlderVersions:
    """By the forms that PynamoDB's documentation describes: the bytes CA FE F0 0D are stored as the 8 bytes of yv7wDQ==."""

    ITEM = {
        "name": {"S": "n"},
        "file": {"B": "eXY3d0RRPT0="},
        "files": {"BS": ["eXY3d0RRPT0="]},
        "done": {"N": "1"},
        "data": {"S": '{"a": [1, "\\u00e9"], "b": null}'},
        "profile": {"M": {"seen": {"S": "2026-11-23T03:41:00.250000+0000"}, "other": {"N": "1"}}},
        "at": {"S": "0099-11-23T03:41:00.000001+0000"},
    }
    VALUES = {
        "file": b"\xca\xfe\xf0\x0d",
        "files": {b"\xca\xfe\xf0\x0d"},
        "done": True,
        "data": {"a": [1, "é"], "b": None},
        "profile": {"seen": AT, "other": 1},
        "at": datetime(99, 11, 23, 3, 41, 0, 1, tzinfo=UTC),
    }

    def test_codecs_on_fields_read_and_write_them_bit_for_bit(self) -> None:
        old = Old.model_from_item(self.ITEM)

        assert {name: getattr(old, name) for name in self.VALUES} == self.VALUES
        assert old.model_changes() == {}
        assert Old(name="n", **self.VALUES).model_to_item() == self.ITEM

    def test_a_boolean_is_read_from_bool_too(self) -> None:
        assert Old.model_from_item({"name": {"S": "n"}, "done": {"BOOL": False}}).done is False

    def test_years_before_1000_that_a_system_did_not_pad_are_read(self) -> None:
        item = {"name": {"S": "n"}, "unpadded": {"S": "99-11-23T03:41:00.000001+0000"}}

        assert Old.model_from_item(item).unpadded == self.VALUES["at"]

    def test_null_reads_as_none(self) -> None:
        item = {"name": {"S": "n"}, **{name: {"NULL": True} for name in ("file", "done", "data", "at")}}

        old = Old.model_from_item(item)

        assert (old.file, old.done, old.data, old.at) == (None, None, None, None)

    def test_paths_lead_into_dynamic_maps_by_name(self, client: DynamoDBClient) -> None:
        Old.table.sync.create()
        Old.model_from_item(self.ITEM).sync.put()

        assert Old.scan().filter(Old.profile["other"] == 1).sync.count() == 1
        assert Old.scan().filter(Old.profile["seen"] == "2026-11-23T03:41:00.250000+0000").sync.count() == 1
        Old.key("n").sync.update(Old.profile["other"].set(2))
        assert Old.sync.get_or_raise("n").profile == {"seen": AT, "other": 2}


class TestBadInput:
    @pytest.mark.parametrize(
        ("stored_", "named"),
        [
            ({"file": {"B": "yv7wDQ=="}}, "file"),  # written without the legacy encoding
            ({"done": {"N": "2"}}, "done"),
            ({"data": {"S": "{"}}, "data"),
            ({"at": {"S": "2026-11-23T03:41:00"}}, "at"),
            ({"at": {"S": "yesterday"}}, "at"),
            ({"profile": {"M": {"seen": {"S": "never"}}}}, "profile"),
            ({"profile": {"L": []}}, "profile"),
        ],
    )
    def test_a_value_of_another_form_is_an_error_that_names_the_attribute(self, stored_: dict[str, Any], named: str) -> None:
        with pytest.raises(SerializationError, match=rf"Old\.{named}\b"):
            Old.model_from_item({"name": {"S": "n"}, **stored_})

    def test_a_naive_datetime_is_refused_before_anything_is_sent(self) -> None:
        with pytest.raises(ValidationError, match="naive"):
            Old(name="n", at=datetime(2026, 1, 1)).model_to_item()
        with pytest.raises(ValidationError, match="time zone"):
            Old(name="n", profile={"seen": datetime(2026, 1, 1)}).model_to_item()

    def test_a_member_of_a_dynamic_map_needs_a_codec(self) -> None:
        with pytest.raises(TypeError, match=r"'seen'.*UTCDateTime\(\)"):
            forms.DynamicMap({"seen": datetime})  # type: ignore[dict-item]
