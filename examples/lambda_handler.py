"""A Lambda function with an async core that tags many users concurrently. Its handler is ``lambda_handler.handler``."""

from __future__ import annotations

import asyncio
from typing import Any

from pydynox import Attr, DynamoDBClient, Model, field, partition_key, set_default_client
from pydynox.integrations import lambda_

# Created once per execution environment, before the first event. It does no I/O.
set_default_client(DynamoDBClient(timeout=5))


class User(Model[str], table="users"):
    """A user."""

    user_id: Attr[str] = partition_key()
    name: Attr[str]
    tags: Attr[set[str]] = field(default_factory=set)


async def tag(user_id: str, name: str) -> bool:
    """Tag a user; returns whether the user exists."""
    user = await User.get(user_id)
    if user is None:
        return False
    user.tags.add(name)
    await user.save()  # sends ADD tags :0, so tags that others add concurrently are kept
    return True


@lambda_.handler
async def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """What Lambda calls: answers ``{"user_ids": ["u1", "u2"], "tag": "vip"}`` with the users that it tagged, and the others.

    It runs on an event loop that is kept for the next event, and its calls end before the invocation does.
    """
    ids = event["user_ids"]
    tagged = await asyncio.gather(*(tag(user_id, event["tag"]) for user_id in ids))
    return {
        "tagged": [user_id for user_id, exists in zip(ids, tagged, strict=True) if exists],
        "missing": [user_id for user_id, exists in zip(ids, tagged, strict=True) if not exists],
    }
