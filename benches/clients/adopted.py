"""This project, reading a table that PynamoDB wrote: a scan of 1,000 items whose ``created_at`` is a datetime in its form."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from data import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, TABLE
from pydynox import Attr, Credentials, DynamoDBClient, Model, field, partition_key, set_default_client, sort_key
from pydynox.migrate.pynamodb import UTCDateTimeAttribute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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
    created_at: UTCDateTimeAttribute = UTCDateTimeAttribute()
    roles: Attr[set[str]] = field(default_factory=set)
    version: Attr[int]


@contextmanager
def connected_sync(url: str) -> Iterator[dict[str, Callable[[int], Any]]]:
    """The blocking call."""
    client = DynamoDBClient(region=REGION, endpoint_url=url, credentials=Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY))
    set_default_client(client)
    yield {"scan": lambda _: User.sync.scan().all()}
    client.sync.close()
