"""Models of the table Customer, from a sample of 8 items."""

# The comments say what the sample leaves open: an attribute without one is in every
# item sampled, always with this type. Attributes that a class does not declare are kept
# when an item is read and saved.

from datetime import date, datetime

from pydynox import (
    Attr,
    Document,
    GlobalSecondaryIndex,
    Model,
    field,
    partition_key,
    sort_key,
)


class CustomerAddress(Document):
    """A map in address of Customer."""

    # of varying width, which a key cannot have: YYYY-MM-DDThh:mm:ssZ 2,
    # YYYY-MM-DDThh:mm:ss.fffZ 2, YYYY-MM-DDThh:mm:ss.ffffffZ 2,
    # YYYY-MM-DDThh:mm:ss.fffffffffZ 2
    # finer than a microsecond: what a datetime cannot hold is cut off in reading
    since: Attr[datetime] = field(format="java_instant", truncate=True)
    street: Attr[str]


class Customer(Model[str, int], table="Customer"):
    """An item of the table Customer."""

    accountId: Attr[str] = partition_key()
    subId: Attr[int] = sort_key()
    # each is a time, but the texts of this key differ in width or offset and do not
    # sort like them: YYYY-MM-DDThh:mm:ssZ 2, YYYY-MM-DDThh:mm:ss.fffZ 2,
    # YYYY-MM-DDThh:mm:ss.ffffffZ 2, YYYY-MM-DDThh:mm:ss.fffffffffZ 2
    createdDate: Attr[str] = field()
    active: Attr[bool]
    address: Attr[CustomerAddress]
    born: Attr[date]
    lasts: Attr[str]
    # each is a time without an offset from UTC: YYYY-MM-DDThh:mm:ss. If it is UTC,
    # Attr[datetime] = field(format="%Y-%m-%dT%H:%M:%S") reads it
    meeting: Attr[str]
    # NULL in 4 of 8 items
    nickname: Attr[str | None] = field(default=None, store_null=True)
    roles: Attr[set[str]] = field(default_factory=set)
    # each is a UUID: Attr[UUID] reads them
    uuid: Attr[str]
    version: Attr[int]

    customers_by_date = GlobalSecondaryIndex(accountId, createdDate)
