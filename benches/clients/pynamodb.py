"""PynamoDB: models in, models out."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from data import ACCESS_KEY_ID, NUMBERS, REGION, SECRET_ACCESS_KEY, SORT_KEY, TABLE, partition_key, values
from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.models import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEYS = [partition_key(number) for number in range(NUMBERS)]


def model(url: str) -> type[Any]:
    """The item of `data.item(number)`. The client is configured on the class."""

    class User(Model):
        """The item of `data.item(number)`."""

        class Meta:
            """The table and its client."""

            table_name = TABLE
            region = REGION
            host = url
            aws_access_key_id = ACCESS_KEY_ID
            aws_secret_access_key = SECRET_ACCESS_KEY

        pk = UnicodeAttribute(hash_key=True)
        sk = UnicodeAttribute(range_key=True)
        name = UnicodeAttribute()
        email = UnicodeAttribute()
        age = NumberAttribute()
        score = NumberAttribute()
        active = BooleanAttribute()
        tags: Any = ListAttribute(of=UnicodeAttribute)
        address: Any = MapAttribute()
        created_at = UnicodeAttribute()
        roles = UnicodeSetAttribute()
        version = NumberAttribute()

    return User


@contextmanager
def connected_sync(url: str) -> Iterator[dict[str, Callable[[int], Any]]]:
    """The blocking calls."""
    user = model(url)
    users = [user(**values(number)) for number in range(NUMBERS)]
    yield {
        "get": lambda number: user.get(KEYS[number], SORT_KEY),
        "put": lambda number: users[number].save(),
        "query": lambda number: list(islice(user.query(KEYS[number], page_size=100), 100)),
    }
