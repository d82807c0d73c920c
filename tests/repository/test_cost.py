"""What a repository adds to a call: no request, and no second crossing into the core."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

import pydynox._core as _core
import pytest
from pydynox import DynamoDBClient, Repository

from .classes import USERS, full
from .conftest import users_of


def calls_of(users: Repository[Any], user: Any, kind: str) -> dict[str, Coroutine[Any, Any, Any]]:
    return {
        "get": users.get("u1", 1),
        "get_or_raise": users.get_or_raise("u1", 1),
        "create": users.create(full(kind, number=2)),
        "put": users.put(user),
        "save": users.save(user),
        "update": users.update(user, users.attr.nick.set("x")),
        "refresh": users.refresh(user),
        "delete": users.delete(user),
    }


@pytest.mark.parametrize("verb", ["get", "get_or_raise", "create", "put", "save", "update", "refresh", "delete"])
def test_a_verb_sends_one_request_and_crosses_once(kind: str, verb: str, memory: DynamoDBClient) -> None:
    users = users_of(kind)
    users.sync.create(full(kind))
    user = users.sync.get_or_raise("u1", 1)
    if verb in ("put", "save"):
        user.age += 1
    crossings: list[str] = []

    def watch(frame: Any, event: str, called: Any) -> None:
        if event == "c_call" and isinstance(getattr(called, "__self__", None), _core.Client):
            crossings.append(called.__name__)

    async def call() -> None:
        calls = calls_of(users, user, kind)
        awaitable = calls.pop(verb)
        for other in calls.values():
            other.close()
        sys.setprofile(watch)
        try:
            await awaitable
        finally:
            sys.setprofile(None)

    with memory.collect() as usage:
        asyncio.run(call())

    assert len(crossings) == 1, crossings
    assert usage.total.requests == 1


def test_an_object_does_not_change_while_a_call_waits(kind: str) -> None:
    async def change() -> None:
        with DynamoDBClient(endpoint_url=f"memory://repository-{kind}?latency=20").as_default():
            users = Repository(USERS[kind], table="users", partition_key="user_id", sort_key="number", version="version")
            await users.table.create()
            user = full(kind)
            await users.create(user)
            for verb in (users.save, users.put, users.refresh):
                user.age += 1
                before = (user.age, user.version)
                task = asyncio.ensure_future(verb(user))
                while not task.done():
                    assert (user.age, user.version) == before
                    await asyncio.sleep(0.004)
                await task
                assert (user.age, user.version) != before

    asyncio.run(change())
