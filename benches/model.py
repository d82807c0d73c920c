"""The item of ``data.py`` as a pydynox model, and as a class for a repository."""

from __future__ import annotations

import dataclasses

from data import TABLE, values
from pydynox import Attr, Model, Repository, field, partition_key, sort_key


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


@dataclasses.dataclass
class Plain:
    """The same item as a class that knows nothing of pydynox."""

    pk: str
    sk: str
    name: str
    email: str
    age: int
    score: float
    active: bool
    tags: list[str]
    address: dict[str, str]
    created_at: str
    roles: set[str]
    version: int


def plain_repository() -> Repository[Plain]:
    """A repository of such objects, in the table of the model."""
    return Repository(Plain, table=TABLE, partition_key="pk", sort_key="sk")
