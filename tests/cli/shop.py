"""The models whose access patterns and policy tests/cli/patterns has."""

from __future__ import annotations

from datetime import date

from pydynox import (
    Attr,
    Encrypted,
    GlobalSecondaryIndex,
    LocalSecondaryIndex,
    Model,
    ModelConfig,
    field,
    partition_key,
    sort_key,
)


class Entity(Model[str, str], table="shop", abstract=True):
    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()
    gsi_pk: Attr[str | None] = field(default=None)

    by_gsi = GlobalSecondaryIndex(gsi_pk, projection="KEYS_ONLY")


class Customer(Entity, entity="customer"):
    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}")
    sk: Attr[str] = sort_key(template="PROFILE")
    gsi_pk: Attr[str | None] = field(template="EMAIL#{email}")
    customer_id: Attr[str]
    email: Attr[str] = field(unique=True)


class Invoice(Entity, entity="invoice"):
    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}")
    sk: Attr[str] = sort_key(template="INVOICE#{placed:%Y-%m-%d}#{number:06d}")
    customer_id: Attr[str]
    placed: Attr[date]
    number: Attr[int]


class Patient(Model[str, int], table="patients"):
    model_config = ModelConfig(consistent_read=True, logical_table="patients-2026")

    name: Attr[str] = partition_key()
    visit: Attr[int] = sort_key()
    city: Attr[str | None] = field(default=None)
    notes: Encrypted[str | None] = field(default=None)

    by_city = LocalSecondaryIndex(city, projection=("notes",))
