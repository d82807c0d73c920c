"""The item of every figure, with 12 attributes and about 440 bytes on the wire, and a page of a hundred of them.

This file imports nothing from pydynox, because the peers' processes use it too. ``model.py`` has the item as our model.
"""

from __future__ import annotations

import json
from typing import Any

TABLE = "users"
REGION = "us-east-1"
ACCESS_KEY_ID = "AKIDEXAMPLE00000000"
SECRET_ACCESS_KEY = "bench/not/a/secret/0000000000000000000000"
SORT_KEY = "PROFILE"
NUMBERS = 100  # how many items the clients cycle through
SCANNED = 1000  # how many items a scan returns


def partition_key(number: int) -> str:
    """The partition key of `item(number)`."""
    return f"USER#{number:08d}"


def values(number: int) -> dict[str, Any]:
    """The item as Python values."""
    return {
        "pk": partition_key(number),
        "sk": SORT_KEY,
        "name": f"Ada Lovelace {number}",
        "email": f"ada{number}@example.com",
        "age": 20 + number % 60,
        "score": number + 0.25,
        "active": True,
        "tags": ["alpha", "beta", "gamma"],
        "address": {"street": "12 St James Square", "city": "London", "zip": "SW1Y"},
        "created_at": "2026-11-23T03:41:00.000000+0000",
        "roles": {"admin", "author"},
        "version": 3,
    }


def item(number: int) -> dict[str, Any]:
    """The item as DynamoDB returns it."""
    return {
        "pk": {"S": partition_key(number)},
        "sk": {"S": SORT_KEY},
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


def compact(value: Any) -> bytes:
    """JSON without white space, as the service sends it."""
    return json.dumps(value, separators=(",", ":")).encode()


def page(count: int) -> bytes:
    """The answer to a Query."""
    return compact({"Items": [item(number) for number in range(count)], "Count": count, "ScannedCount": count})
