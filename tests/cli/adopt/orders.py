"""Models of the table orders, from a sample of 60 items."""

# The comments say what the sample leaves open: an attribute without one is in every
# item sampled, always with this type. Attributes that a class does not declare are kept
# when an item is read and saved.

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydynox import (
    Attr,
    Document,
    GlobalSecondaryIndex,
    LocalSecondaryIndex,
    Model,
    field,
    partition_key,
    sort_key,
    ttl,
)


class OrderAddressGeo(Document):
    """A map in geo of OrderAddress."""

    lat: Attr[Decimal]
    lon: Attr[int]


class OrderAddress(Document):
    """A map in address of Order."""

    floor: Attr[int]
    geo: Attr[OrderAddressGeo]
    street: Attr[str]
    zip: Attr[str]


class OrderLine(Document):
    """A map in lines of Order."""

    count: Attr[int]
    # in 60 of 120 maps
    notes: Attr[list[str] | None] = field(default=None)
    # in 60 of 120 maps
    price: Attr[Decimal | None] = field(default=None)
    sku: Attr[str]


class Order(Model[str, datetime], table="orders"):
    """An item of the table orders."""

    customer_id: Attr[str] = partition_key()
    placed: Attr[datetime] = sort_key()
    # no item sampled has it
    coupon_code: Attr[str | None] = field(default=None)
    email: Attr[str] = field()
    number: Attr[int] = field()
    status: Attr[str] = field()
    total: Attr[Decimal] = field()
    expires: Attr[datetime] = ttl()
    # in 30 of 60 items
    note: Attr[str | None] = field(default=None)
    # no item sampled has it
    shipped_by: Attr[Any] = field(default=None)
    tags: Attr[set[str]] = field(default_factory=set)
    address: Attr[OrderAddress]
    # 50 of 60 look like times or dates, the others do not: YYYY-MM-DDThh:mm:ss.ffffffZ
    almost: Attr[str]
    # the members vary: 5 names in 60 maps
    counts: Attr[dict[str, int]]
    # NULL in 45 of 60 items
    coupon: Attr[str | None] = field(default=None, store_null=True)
    # its members: its members: holds containers in containers: Any reads them
    deep: Attr[list[list[Any]]]
    delivery_day: Attr[date]
    # only empty lists were seen
    empty_list: Attr[list[Any]]
    # only empty maps were seen
    empty_map: Attr[dict[str, Any]]
    keys: Attr[set[bytes]] = field(default_factory=set)
    lines: Attr[list[OrderLine]]
    matrix: Attr[list[list[int]]]
    maybe: Attr[list[str | None]]
    # does not fit one type: N 48, S 12
    mixed: Attr[Any]
    # NULL in 60 of 60 items
    # only NULL was seen
    nothing: Attr[Any] = field(default=None, store_null=True)
    paid: Attr[bool]
    # each is JSON text: JSONAttribute() reads them
    payload: Attr[str]
    # each is a UUID: Attr[UUID] reads them
    reference: Attr[str]
    seal: Attr[bytes]
    # each could be a time in seconds since 1970: if they are, Attr[datetime] =
    # field(format="epoch") reads them
    seen: Attr[int]
    # each could be a time in milliseconds since 1970: if they are, Attr[datetime] =
    # field(format="epoch_ms") reads them
    seen_ms: Attr[int]
    sizes: Attr[set[int]] = field(default_factory=set)
    weights: Attr[set[Decimal]] = field(default_factory=set)

    by_email = GlobalSecondaryIndex(email, index_name="by-email")
    by_coupon = GlobalSecondaryIndex(coupon_code, customer_id, projection="KEYS_ONLY")
    by_status = GlobalSecondaryIndex(
        status,
        number,
        projection=(note, shipped_by, tags),
    )
    by_total = LocalSecondaryIndex(total)
