"""The life of an item on the embedded engine: no server, no account. Run it with ``make quickstart``."""

from __future__ import annotations

import asyncio

from pydynox import Attr, DynamoDBClient, Model, field, partition_key


class User(Model[str], table="users"):
    """A user; the partition key is a ``str``."""

    user_id: Attr[str] = partition_key()
    name: Attr[str]
    age: Attr[int] = field(default=0)
    tags: Attr[list[str]] = field(default_factory=list)


async def awaited() -> None:
    """The verbs awaited, in an event loop."""
    print("awaited")
    async with DynamoDBClient(endpoint_url="memory://") as client:
        with client.as_default():
            await User.table.create()
            print("  created the table users")

            await User(user_id="u1", name="Ada").create()
            user = await User.get_or_raise("u1")
            print(f"  saved and got {user}")

            user.age += 1
            user.tags.append("admin")
            print(f"  changed in place: {sorted(user.model_changes())}")
            await user.save()
            print(f"  saved the change: {await User.get('u1')}")

            await user.delete()
            print(f"  deleted it: {await User.get('u1')}")


def blocking() -> None:
    """The same verbs without an event loop: put ``.sync`` before the verb."""
    print("blocking")
    with DynamoDBClient(endpoint_url="memory://").as_default():
        User.table.sync.create()
        print("  created the table users")

        User(user_id="u1", name="Ada").sync.create()
        user = User.sync.get_or_raise("u1")
        print(f"  saved and got {user}")

        user.age += 1
        user.tags.append("admin")
        print(f"  changed in place: {sorted(user.model_changes())}")
        user.sync.save()
        print(f"  saved the change: {User.sync.get('u1')}")

        user.sync.delete()
        print(f"  deleted it: {User.sync.get('u1')}")


if __name__ == "__main__":
    asyncio.run(awaited())
    blocking()
