"""Models of the table times, from a sample of 12 items."""

# The comments say what the sample leaves open: an attribute without one is in every
# item sampled, always with this type. Attributes that a class does not declare are kept
# when an item is read and saved.

from datetime import date, datetime, time

from pydynox import (
    Attr,
    Document,
    GlobalSecondaryIndex,
    Model,
    field,
    partition_key,
    sort_key,
)


class TimeDocument(Document):
    """A map in document of Time."""

    # the members vary: 3 names in 12 maps
    days: Attr[dict[str, datetime]]
    seen: Attr[datetime] = field(format="pynamodb")


class Time(Model[str, datetime], table="times"):
    """An item of the table times."""

    source: Attr[str] = partition_key()
    at: Attr[datetime] = sort_key(format="pynamodb")
    index_at: Attr[datetime] = field(format="%Y-%m-%dT%H:%M:%S.%3fZ")
    # each is a time, but the texts of this key differ in width or offset and do not
    # sort like them: YYYY-MM-DDThh:mm:ss.ffffff+00:00 6, YYYY-MM-DDThh:mm:ss.ffffffZ 6
    mixed_key: Attr[str] = field()
    clock: Attr[time] = field(format="iso_seconds")
    clock_micro: Attr[time]
    # each is a time of day, but they differ in form: hh:mm:ss 11, hh:mm:ss.f 1
    clock_mixed: Attr[str]
    day: Attr[date]
    document: Attr[TimeDocument]
    late: Attr[str]
    # written in several forms: YYYY-MM-DDThh:mm:ss+hh:mm. What is changed is written as
    # YYYY-MM-DDThh:mm:ss.ffffffZ
    local: Attr[datetime]
    many: Attr[list[datetime]]
    # its members: each is a datetime: YYYY-MM-DDThh:mm:ssZ
    many_seconds: Attr[list[str]]
    offset: Attr[datetime] = field(format="iso_offset")
    # each is a time without an offset from UTC: YYYY-MM-DDThh:mm:ss. If it is UTC,
    # Attr[datetime] = field(format="%Y-%m-%dT%H:%M:%S") reads it
    plain: Attr[str]
    # each is a time without an offset from UTC: YYYY-MM-DDThh:mm:ss.ffffff. If it is
    # UTC, Attr[datetime] = field(format="%Y-%m-%dT%H:%M:%S.%f") reads it
    plain_micro: Attr[str]
    # each is a time, but not each has an offset from UTC: YYYY-MM-DDThh:mm:ss.ffffff
    # 11, YYYY-MM-DDThh:mm:ss.ffffffZ 1
    plain_mixed: Attr[str]
    seconds: Attr[datetime] = field(format="iso_seconds")
    space: Attr[datetime] = field(format="%Y-%m-%d %H:%M:%SZ")
    # written in several forms: YYYY-MM-DDThh:mm:ss+00:00 2, YYYY-MM-DDThh:mm:ssZ 2,
    # YYYY-MM-DDThh:mm:ss.fff+00:00 2, YYYY-MM-DDThh:mm:ss.fffZ 2,
    # YYYY-MM-DDThh:mm:ss.ffffff+00:00 2, YYYY-MM-DDThh:mm:ss.ffffffZ 2. What is changed
    # is written as YYYY-MM-DDThh:mm:ss.ffffffZ
    various: Attr[datetime]

    by_index_at = GlobalSecondaryIndex(source, index_at)
    by_mixed = GlobalSecondaryIndex(mixed_key)
