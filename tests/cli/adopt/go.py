"""Models of the table go-events, from a sample of 8 items."""

# The comments say what the sample leaves open: an attribute without one is in every
# item sampled, always with this type. Attributes that a class does not declare are kept
# when an item is read and saved.

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydynox import Attr, Document, Model, field, partition_key, sort_key, ttl


class GoEventNested(Document):
    """A map in Nested of GoEvent."""

    # of varying width, which a key cannot have: YYYY-MM-DDThh:mm:ssZ 2,
    # YYYY-MM-DDThh:mm:ss.ffZ 2, YYYY-MM-DDThh:mm:ss.ffffffZ 2, YYYY-MM-DDThh:mm:ss.fZ
    # 1, YYYY-MM-DDThh:mm:ss.fffffffffZ 1
    # finer than a microsecond: what a datetime cannot hold is cut off in reading
    At: Attr[datetime] = field(format="rfc3339_nano", truncate=True)
    Done: Attr[bool]


class GoEventScores(Document):
    """A map in Scores of GoEvent."""

    art: Attr[int]
    math: Attr[int]


class GoEvent(Model[str, str], table="go-events"):
    """An item of the table go-events."""

    ID: Attr[str] = partition_key()
    # each is a time, but the texts of this key differ in width or offset and do not
    # sort like them: YYYY-MM-DDThh:mm:ssZ 2, YYYY-MM-DDThh:mm:ss.ffZ 2,
    # YYYY-MM-DDThh:mm:ss.ffffffZ 2, YYYY-MM-DDThh:mm:ss.fZ 1,
    # YYYY-MM-DDThh:mm:ss.fffffffffZ 1
    At: Attr[str] = sort_key()
    Expires: Attr[datetime] = ttl()
    Count: Attr[int]
    # of varying width, which a key cannot have: YYYY-MM-DDThh:mm:ss.fZ 2,
    # YYYY-MM-DDThh:mm:ss.ffZ 2, YYYY-MM-DDThh:mm:ss.ffffffZ 2, YYYY-MM-DDThh:mm:ssZ 1,
    # YYYY-MM-DDThh:mm:ss.fffffffffZ 1
    # finer than a microsecond: what a datetime cannot hold is cut off in reading
    Created: Attr[datetime] = field(format="rfc3339_nano", truncate=True)
    Names: Attr[list[str]]
    Nested: Attr[GoEventNested]
    # NULL in 8 of 8 items
    # only NULL was seen
    Parent: Attr[Any] = field(default=None, store_null=True)
    Ratio: Attr[Decimal]
    Raw: Attr[bytes]
    Scores: Attr[GoEventScores]
    Tags: Attr[set[str]] = field(default_factory=set)
