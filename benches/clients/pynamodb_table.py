"""PynamoDB, reading a table that it wrote: a scan of 1,000 items, with ``created_at`` as a datetime."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import UTCDateTimeAttribute

from clients.pynamodb import model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def connected_sync(url: str) -> Iterator[dict[str, Callable[[int], Any]]]:
    """The blocking call."""

    class User(model(url)):  # type: ignore[misc]  # a class made at run time
        """The item of `data.item(number)`."""

        created_at = UTCDateTimeAttribute()

    yield {"scan": lambda _: list(User.scan())}
