"""The cost of parsing alone: ``orjson.loads`` of the page that a Query returns. It sends no request."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
from data import page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def connected_sync(url: str) -> Iterator[dict[str, Callable[[int], Any]]]:  # noqa: ARG001 - the signature of every client
    """The one call."""
    body = page(100)
    yield {"query": lambda _: orjson.loads(body)["Items"]}
