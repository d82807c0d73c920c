"""What parsing alone costs: ``orjson.loads`` of the page that a Query answers. It makes no request."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
from data import page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def connected_sync(url: str) -> Iterator[dict[str, Callable[[int], Any]]]:  # noqa: ARG001 - as every client
    """The one call."""
    body = page(100)
    yield {"query": lambda _: orjson.loads(body)["Items"]}
