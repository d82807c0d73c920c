"""What is stored: customers, their tokens and their orders, all of a customer in one partition of one table."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Literal

from pydynox import (
    Attr,
    GlobalSecondaryIndex,
    Model,
    created_at,
    field,
    partition_key,
    sort_key,
    ttl,
    ulid,
    version,
)

LIFETIME = timedelta(days=30)


class CustomerView(Model, abstract=True):
    """What the API shows of a customer: a base class without the keys."""

    customer_id: Attr[str] = field(default_factory=ulid, immutable=True)
    name: Attr[str] = field(min_length=1, max_length=100)
    email: Attr[str | None] = field(default=None)
    created: Attr[datetime] = created_at()
    version: Attr[int] = version()


class OrderView(Model, abstract=True):
    """What the API shows of an order."""

    order_id: Attr[str] = field(default_factory=ulid)  # begins with the time: the orders of a customer are in order
    total: Attr[int] = field(ge=0, description="In cents.")
    note: Attr[str | None] = field(default=None, max_length=500)
    status: Attr[Literal["new", "confirmed"]] = field(default="new")
    created: Attr[datetime] = created_at()
    version: Attr[int] = version()


class Shop(Model[str, str], table="shop"):
    """The table."""

    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()


class Customer(CustomerView, Shop, entity="customer"):
    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}")
    sk: Attr[str] = sort_key(template="PROFILE")


class Order(OrderView, Shop, entity="order"):
    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}")
    sk: Attr[str] = sort_key(template="ORDER#{order_id}")
    customer_id: Attr[str]


class Token(Shop, entity="token"):
    """Proof of who a customer is; the table has its digest only."""

    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}")
    sk: Attr[str] = sort_key(template="TOKEN#{token_id}")
    token_id: Attr[str] = field(default_factory=ulid)
    customer_id: Attr[str]
    digest: Attr[str] = field()
    expires: Attr[datetime] = ttl(hide_expired=True)

    by_digest = GlobalSecondaryIndex(digest)  # only tokens have the attribute, so only tokens are in it

    @classmethod
    def issue(cls, customer: Customer) -> tuple["Token", str]:
        """A token to store, and its text to send."""
        text = token_urlsafe(32)
        expires = datetime.now(UTC) + LIFETIME
        return cls(customer_id=customer.customer_id, digest=digest_of(text), expires=expires), text


def digest_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()
