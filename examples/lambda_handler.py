"""A Lambda function with an async core: tags many users at the same time. Its handler is ``lambda_handler.handler``."""

from __future__ import annotations

import asyncio
from typing import Any

from pydynox import Attr, DynamoDBClient, Model, field, partition_key, set_default_client

# Made once per execution environment, before the first event; it does no I/O, and it outlives the loops of the handler.
set_default_client(DynamoDBClient(timeout=5))


class User(Model[str], table="users"):
    """A user."""

    user_id: Attr[str] = partition_key()
    name: Attr[str]
    tags: Attr[set[str]] = field(default_factory=set)


async def tag(user_id: str, name: str) -> bool:
    """Whether there was such a user to tag."""
    user = await User.get(user_id)
    if user is None:
        return False
    user.tags.add(name)
    await user.save()  # ADD tags :0, so that tags which others add meanwhile stay
    return True


async def handle(event: dict[str, Any]) -> dict[str, Any]:
    """``{"user_ids": ["u1", "u2"], "tag": "vip"}`` is answered by who was there and who was not."""
    ids = event["user_ids"]
    found = await asyncio.gather(*(tag(user_id, event["tag"]) for user_id in ids))
    return {
        "tagged": [user_id for user_id, there in zip(ids, found, strict=True) if there],
        "missing": [user_id for user_id, there in zip(ids, found, strict=True) if not there],
    }


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """What Lambda calls."""
    return asyncio.run(handle(event))
