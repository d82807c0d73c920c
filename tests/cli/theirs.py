"""PynamoDB classes to adopt: every attribute type, indexes, maps, and kinds of items by a discriminator."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from pynamodb.attributes import (
    Attribute,
    BinaryAttribute,
    BinarySetAttribute,
    BooleanAttribute,
    DiscriminatorAttribute,
    DynamicMapAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NullAttribute,
    NumberAttribute,
    NumberSetAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection, LocalSecondaryIndex
from pynamodb.models import Model


class LegacyBooleanAttribute(Attribute[bool]):
    """Stores the number 1 or 0."""

    attr_type = "N"

    def serialize(self, value: Any) -> str:
        return "1" if value else "0"

    def deserialize(self, value: str) -> bool:
        return bool(int(value))


class Geo(MapAttribute[str, Any]):
    lat = NumberAttribute()
    lon = NumberAttribute(null=True)


class Place(MapAttribute[str, Any]):
    city = UnicodeAttribute(attr_name="c")
    since = UTCDateTimeAttribute(null=True)
    seal = BinaryAttribute(legacy_encoding=False, null=True)
    geo = Geo(null=True)


class Extras(DynamicMapAttribute):
    seen = UTCDateTimeAttribute(null=True)
    payload = JSONAttribute(null=True)


class ByEmail(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by-email"
        projection = AllProjection()

    email = UnicodeAttribute(hash_key=True)
    changed = UTCDateTimeAttribute(range_key=True)


class ByShop(GlobalSecondaryIndex[Any]):
    class Meta:
        projection = IncludeProjection(["note", "c"])

    shop = UnicodeAttribute(hash_key=True)


class ByCount(LocalSecondaryIndex[Any]):
    class Meta:
        projection = KeysOnlyProjection()

    source = UnicodeAttribute(hash_key=True)
    count = NumberAttribute(range_key=True)


class Event(Model):
    """An event."""

    class Meta:
        table_name = "events"

    source = UnicodeAttribute(hash_key=True)
    at = UTCDateTimeAttribute(range_key=True)
    email = UnicodeAttribute()
    changed = UTCDateTimeAttribute()
    count = NumberAttribute(default=0)
    ratio = NumberAttribute(attr_name="r", null=True)
    active = BooleanAttribute(default=True)
    checked = BooleanAttribute(null=True)
    old_flag = LegacyBooleanAttribute(null=True)
    digest = BinaryAttribute(legacy_encoding=False)
    old_digest = BinaryAttribute(legacy_encoding=True, null=True)
    digests = BinarySetAttribute(legacy_encoding=True, null=True)
    roles = UnicodeSetAttribute(null=True)
    scores = NumberSetAttribute(null=True)
    payload = JSONAttribute(null=True)
    anything: Any = ListAttribute(null=True)
    words: Any = ListAttribute(of=UnicodeAttribute, null=True)
    moments: Any = ListAttribute(of=UTCDateTimeAttribute, null=True)
    places: Any = ListAttribute(of=Place, null=True)
    place = Place()
    other_place = Place(null=True)
    raw: Any = MapAttribute(null=True)
    extras = Extras(null=True)
    nothing = NullAttribute(null=True)
    note = UnicodeAttribute(null=True, default_for_new='a "note"')
    token = UnicodeAttribute(default=lambda: uuid4().hex)
    save_as = UnicodeAttribute(null=True, attr_name="save")
    expires = TTLAttribute(null=True)
    version = VersionAttribute()
    by_email = ByEmail()
    by_shop = ByShop()
    by_count = ByCount()


class Animal(Model):
    class Meta:
        table_name = "animals"

    name = UnicodeAttribute(hash_key=True)
    kind = DiscriminatorAttribute(attr_name="cls")


class Cat(Animal, discriminator="cat"):
    lives = NumberAttribute(default=9)


class Dog(Animal, discriminator="dog"):
    tricks = UnicodeSetAttribute(null=True)


class Puppy(Dog, discriminator="puppy"):
    weeks = NumberAttribute()


class Lonely(Model):
    class Meta:
        table_name = "lonely"

    name = UnicodeAttribute(hash_key=True)
    kind = DiscriminatorAttribute()


class Nameless(Model):
    class Meta:
        pass

    name = UnicodeAttribute(hash_key=True)
