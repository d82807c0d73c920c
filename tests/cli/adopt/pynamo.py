"""Models of the PynamoDB classes tests.cli.theirs:Event, tests.cli.theirs:Animal."""

from datetime import datetime
from typing import Any

from pydynox import (
    Attr,
    Document,
    GlobalSecondaryIndex,
    LocalSecondaryIndex,
    Model,
    ModelConfig,
    field,
)
from pydynox.migrate.pynamodb import (
    BinaryAttribute,
    BinarySetAttribute,
    BooleanAttribute,
    DynamicMapAttribute,
    JSONAttribute,
    JSONText,
    ListAttribute,
    MapAttribute,
    NullAttribute,
    NumberAttribute,
    NumberSetAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTime,
    UTCDateTimeAttribute,
    VersionAttribute,
)


class Geo(Document):
    """A map that the PynamoDB class Geo declares."""

    lat: NumberAttribute = NumberAttribute()
    lon: NumberAttribute[float | None] = NumberAttribute(null=True)


class Place(Document):
    """A map that the PynamoDB class Place declares."""

    city: UnicodeAttribute = UnicodeAttribute(attribute_name="c")
    geo: MapAttribute[Geo | None] = MapAttribute(Geo, null=True)
    seal: BinaryAttribute[bytes | None] = BinaryAttribute(
        legacy_encoding=False,
        null=True,
    )
    since: UTCDateTimeAttribute[datetime | None] = UTCDateTimeAttribute(null=True)


class Event(Model[str, datetime], table="events"):
    """An item of the table events."""

    source: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    at: UTCDateTimeAttribute = UTCDateTimeAttribute(range_key=True)
    active: BooleanAttribute = BooleanAttribute(default=True)
    anything: ListAttribute[Any] = ListAttribute()
    changed: UTCDateTimeAttribute = UTCDateTimeAttribute()
    checked: BooleanAttribute[bool | None] = BooleanAttribute(null=True)
    count: NumberAttribute = NumberAttribute(default=0)
    digest: BinaryAttribute = BinaryAttribute(legacy_encoding=False)
    digests: BinarySetAttribute = BinarySetAttribute(legacy_encoding=True)
    email: UnicodeAttribute = UnicodeAttribute()
    expires: TTLAttribute[datetime | None] = TTLAttribute(null=True)
    extras: DynamicMapAttribute = DynamicMapAttribute(
        {"payload": JSONText(), "seen": UTCDateTime()},
    )
    moments: ListAttribute[datetime] = ListAttribute(of=UTCDateTimeAttribute)
    # a default for new items in PynamoDB; here, items without the attribute read it too
    note: UnicodeAttribute[str | None] = UnicodeAttribute(null=True, default='a "note"')
    nothing: NullAttribute = NullAttribute()
    old_digest: BinaryAttribute[bytes | None] = BinaryAttribute(
        legacy_encoding=True,
        null=True,
    )
    # LegacyBooleanAttribute has a stored form of its own: field(codec=...) takes an
    # object that converts its values
    old_flag: NumberAttribute[float | None] = NumberAttribute(null=True)
    other_place: MapAttribute[Place | None] = MapAttribute(Place, null=True)
    payload: JSONAttribute = JSONAttribute(null=True)
    place: MapAttribute[Place] = MapAttribute(Place)
    places: ListAttribute[Place] = ListAttribute(of=Place)
    ratio: NumberAttribute[float | None] = NumberAttribute(
        null=True,
        attribute_name="r",
    )
    raw: MapAttribute[dict[str, Any] | None] = MapAttribute(dict[str, Any], null=True)
    roles: UnicodeSetAttribute = UnicodeSetAttribute()
    save_as: UnicodeAttribute[str | None] = UnicodeAttribute(
        null=True,
        attribute_name="save",
    )
    scores: NumberSetAttribute = NumberSetAttribute()
    # default=Event.<lambda> in PynamoDB: pass default_factory=
    token: UnicodeAttribute = UnicodeAttribute()
    version: VersionAttribute = VersionAttribute()
    words: ListAttribute[str] = ListAttribute(of=UnicodeAttribute)
    # only an index declares it
    shop: UnicodeAttribute[str | None] = UnicodeAttribute(null=True)
    # only a projection names it
    c: Attr[Any] = field(default=None)

    by_count = LocalSecondaryIndex(count, projection="KEYS_ONLY")
    by_email = GlobalSecondaryIndex(email, changed, index_name="by-email")
    by_shop = GlobalSecondaryIndex(shop, projection=(c, note))


class Animal(Model[str], table="animals"):
    """An item of the table animals."""

    model_config = ModelConfig(entity_attribute="cls")

    name: UnicodeAttribute = UnicodeAttribute(hash_key=True)


class Cat(Animal, entity="cat"):
    """An item of the kind Cat."""

    lives: NumberAttribute = NumberAttribute(default=9)


class Dog(Animal, entity="dog"):
    """An item of the kind Dog."""

    tricks: UnicodeSetAttribute = UnicodeSetAttribute()


class Puppy(Dog, entity="puppy"):
    """An item of the kind Puppy."""

    weeks: NumberAttribute = NumberAttribute()
