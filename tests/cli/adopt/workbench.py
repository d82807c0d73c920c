"""Models of the tables Employee, Loans, from a NoSQL Workbench model."""

# The comments say what the sample leaves open: an attribute without one is in every
# item sampled, always with this type. Attributes that a class does not declare are kept
# when an item is read and saved.

from datetime import date
from decimal import Decimal
from typing import Any

from pydynox import (
    Attr,
    GlobalSecondaryIndex,
    Model,
    ModelConfig,
    field,
    partition_key,
    sort_key,
)


class Employee(Model[str], table="Employee"):
    """An item of the table Employee."""

    LoginAlias: Attr[str] = partition_key()
    FirstName: Attr[str] = field()
    # in 1 of 2 items
    ManagerLoginAlias: Attr[str | None] = field(default=None)
    # no item sampled has it
    Salary: Attr[Decimal | None] = field(default=None)
    Skills: Attr[set[str]] = field(default_factory=set)
    # in 1 of 2 items
    Active: Attr[bool | None] = field(default=None)
    # no item sampled has it
    Address: Attr[dict[str, Any] | None] = field(default=None)
    # no item sampled has it
    Notes: Attr[list[Any] | None] = field(default=None)
    # no item sampled has it
    Photo: Attr[bytes | None] = field(default=None)

    DirectReports = GlobalSecondaryIndex(
        ManagerLoginAlias,
        FirstName,
        projection=(Salary, Skills),
    )


class Loans(Model[str, str], table="Loans"):
    """Any item of the table Loans; its subclasses are the kinds of items."""

    model_config = ModelConfig(entity_attribute="Entity")

    PK: Attr[str] = partition_key()
    SK: Attr[str] = sort_key()
    # in 1 of 2 items
    GSI1PK: Attr[str | None] = field(default=None)
    # no item sampled has it
    Fine: Attr[Decimal | None] = field(default=None)

    GSI1 = GlobalSecondaryIndex(GSI1PK, SK, projection="KEYS_ONLY")


# 1 of 2 items
class Book(Loans, entity="BOOK"):
    """An item of the kind BOOK."""

    Title: Attr[str]


# 1 of 2 items
class Loan(Loans, entity="LOAN"):
    """An item of the kind LOAN."""

    Due: Attr[date]
