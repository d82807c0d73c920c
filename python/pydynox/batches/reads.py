"""Batching concurrent gets: ``batching()`` blocks."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox._shared.context import restore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@asynccontextmanager
async def batching() -> AsyncGenerator[None]:
    """Send the gets that start in one iteration of the event loop as one BatchGetItem.

    Inside the block, and in tasks started there, ``User.get(...)`` and ``User.key(...).get()`` wait until the event loop has run
    everything that is ready, and are then sent together, whatever their models and tables: up to 100 keys per request, several
    requests in parallel, equal keys only once. Each caller receives its own instance or its own error. A get with nothing to
    batch with is sent as a plain GetItem. The gets of a rejected request are also sent again as plain GetItem, so that one
    missing table fails only its own gets. Cancelling one get does not affect the others. Blocking gets and all other verbs are
    not batched.

    Strongly and eventually consistent reads of one table use separate requests; so do reads of different clients, of different
    ``client.options(timeout=...)`` and of different ``client.collect()`` blocks.

    Costs: the same as the individual reads, with fewer requests and much less CPU time for each.

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
        restore(variable, token)
