"""Concurrent reads sent together."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pydynox import _core

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@asynccontextmanager
async def batching() -> AsyncGenerator[None]:
    """Send the gets that begin in one turn of the event loop as one BatchGetItem.

    Inside of the block, and in the tasks that are started there, ``User.get(...)`` and ``User.key(...).get()`` wait until the
    event loop has run everything that is ready, and are then sent together, whatever their models and tables: up to 100 keys a
    request, several requests side by side, equal keys asked once. Each caller gets its own instance or its own error. A get that
    is alone in its turn is sent as GetItem, as without the block; so are the gets of a request that is refused, so that one
    missing table fails nobody else. One that is cancelled leaves the others alone. Blocking gets and all other verbs are sent as
    ever.

    Consistent and eventually consistent reads of one table go in requests of their own; so do reads of other clients, of other
    ``client.options(timeout=...)`` and of other ``client.collect()`` blocks.

    Costs: what the reads cost one by one; fewer requests, and much less CPU for each.

    Example:
        ```python
        async with pydynox.batching():
            user, order = await asyncio.gather(User.get("u1"), Order.get("u1", 7))
        ```
    """
    variable: Any = _core.batching_variable()
    token = variable.set(True)
    try:
        yield
    finally:
        variable.reset(token)
