"""The item that every figure is about: 12 attributes, about 440 bytes on the wire, and a page of a hundred of them."""

from __future__ import annotations

import json
from typing import Any

from pydynox import Attr, Model, field, partition_key, sort_key


class User(Model[str, str], table="users"):
    """The item of `item(number)`."""

    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()
    name: Attr[str]
    email: Attr[str]
    age: Attr[int]
    score: Attr[float]
    active: Attr[bool]
    tags: Attr[list[str]] = field(default_factory=list)
    address: Attr[dict[str, str]] = field(default_factory=dict)
    created_at: Attr[str]
    roles: Attr[set[str]] = field(default_factory=set)
    version: Attr[int]


def user(number: int) -> User:
    """The item as an instance."""
    return User(
        pk=f"USER#{number:08d}",
        sk="PROFILE",
        name=f"Ada Lovelace {number}",
        email=f"ada{number}@example.com",
        age=20 + number % 60,
        score=number + 0.25,
        active=True,
        tags=["alpha", "beta", "gamma"],
        address={"street": "12 St James Square", "city": "London", "zip": "SW1Y"},
        created_at="2026-11-23T03:41:00.000000+0000",
        roles={"admin", "author"},
        version=3,
    )


def item(number: int) -> dict[str, Any]:
    """The item as DynamoDB answers it."""
    return {
        "pk": {"S": f"USER#{number:08d}"},
        "sk": {"S": "PROFILE"},
        "name": {"S": f"Ada Lovelace {number}"},
        "email": {"S": f"ada{number}@example.com"},
        "age": {"N": str(20 + number % 60)},
        "score": {"N": f"{number}.25"},
        "active": {"BOOL": True},
        "tags": {"L": [{"S": "alpha"}, {"S": "beta"}, {"S": "gamma"}]},
        "address": {"M": {"street": {"S": "12 St James Square"}, "city": {"S": "London"}, "zip": {"S": "SW1Y"}}},
        "created_at": {"S": "2026-11-23T03:41:00.000000+0000"},
        "roles": {"SS": ["admin", "author"]},
        "version": {"N": "3"},
    }


def wire(value: Any) -> bytes:
    """JSON without blanks, as the service sends it."""
    return json.dumps(value, separators=(",", ":")).encode()


def page(count: int) -> bytes:
    """The answer of a Query."""
    return wire({"Items": [item(number) for number in range(count)], "Count": count, "ScannedCount": count})
