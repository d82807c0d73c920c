"""The item of ``data.py`` as a pydynox model."""

from __future__ import annotations

from data import TABLE, values
from pydynox import Attr, Model, field, partition_key, sort_key


class User(Model[str, str], table=TABLE):
    """The item of `data.item(number)`."""

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
    return User(**values(number))
