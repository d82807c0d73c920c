"""Models of the table shop, from a sample of 49 items."""

# The comments say what the sample leaves open: an attribute without one is in every
# item sampled, always with this type. Attributes that a class does not declare are kept
# when an item is read and saved.

from datetime import date, datetime

from pydynox import (
    Attr,
    Document,
    GlobalSecondaryIndex,
    Model,
    ModelConfig,
    field,
    partition_key,
    sort_key,
    ttl,
)


# does not fit a subclass: 1 of 49 items have no "entityType"
class Shop(Model[str, str], table="shop"):
    """Any item of the table shop; its subclasses are the kinds of items."""

    model_config = ModelConfig(entity_attribute="entityType")

    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()
    # in 48 of 49 items
    gsi1pk: Attr[str | None] = field(default=None)
    # in 36 of 49 items
    gsi1sk: Attr[datetime | None] = field(default=None)
    # in 24 of 49 items
    expires: Attr[datetime | None] = ttl(default=None)
    # in 12 of 49 items
    name: Attr[str | None] = field(default=None)
    # in 36 of 49 items
    total: Attr[int | None] = field(default=None)

    by_kind = GlobalSecondaryIndex("entityType", sk, projection=(gsi1pk, total))
    gsi1 = GlobalSecondaryIndex(gsi1pk, gsi1sk, projection=("entityType", name))


class OrderLine(Document):
    """A map in lines of Order."""

    count: Attr[int]
    sku: Attr[str]


# 12 of 49 items
class Customer(Shop, entity="customer"):
    """An item of the kind customer."""

    sk: Attr[str] = sort_key(template="PROFILE")
    since: Attr[date]


# 36 of 49 items
class Order(Shop, entity="order"):
    """An item of the kind order."""

    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}")
    sk: Attr[str] = sort_key(template="ORDER#{number:04d}")
    customer_id: Attr[int]
    lines: Attr[list[OrderLine]]
    number: Attr[int]
