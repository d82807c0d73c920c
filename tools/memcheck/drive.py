"""The workload that memcheck watches: every path into the border's unsafe file, a few times each.

``EXERCISED`` says what reaches each function of that file; a test keeps its names in step with the file.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import os
import pickle
import sys
import traceback
import uuid
from typing import Any, TypedDict

from pydynox import (
    Attr,
    Credentials,
    Document,
    DynamoDBClient,
    Model,
    after_load,
    before_save,
    field,
    partition_key,
    sort_key,
    version,
)
from pydynox.exceptions import ItemAlreadyExistsError, PydynoxError
from pydynox.local import LocalServer
from pydynox.testing import isolated_dynamodb

EXERCISED = {
    "string": "strings in an answer: 0, 1, 2 and 4,000 characters, ASCII, Latin-1, Chinese and emoji",
    "is_attached": "the date in a test's block, which follows Python's",
    "get_attribute": "every save, dump and change, including attributes that are missing",
    "set_attribute": "every instance read, the outcome of a write, a rollback, a rejected assignment",
    "allocate": "instances, documents, records and UUIDs in an answer; unpickling",
    "small_integer": "integers at both ends of the 64-bit range and beyond, written and validated",
    "set_dict_item": "maps in an answer: empty, large and nested",
    "send_none": "async hooks of a blocking call: one returns, one raises, one suspends",
    "set_send_slot": "every awaited call: its slot returns, suspends and raises",
    "on_fork": "a forked child that uses the client, then its parent",
    "block_signals": "every thread the runtime starts",
    "give_way": "every thread the runtime starts",
}

TEXTS = ["", "a", "ab", "Ada", "x" * 4000, "naïve", "漢字", "🦀 and ASCII", "\x00\x7f", "ÿ" * 300]
#: No 0: parsing it makes CPython before 3.12 read an uninitialised digit, and memcheck then reports every use of the result.
INTEGERS = [1, -1, 2**31, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**37]
ITEMS = 60


class Address(Document):
    """A nested object."""

    city: Attr[str]
    lines: Attr[list[str]] = field(default_factory=list)


class Size(TypedDict):
    """A record."""

    width: int
    unit: str


class Thing(Model[str, int], table="things"):
    """One attribute of every kind that has its own code path."""

    owner: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    text: Attr[str] = field(default="")
    texts: Attr[list[str]] = field(default_factory=list)
    tags: Attr[set[str]] = field(default_factory=set)
    large: Attr[int] = field(default=0)
    small: Attr[int] = field(default=0, ge=-(2**40), le=2**40)
    exact: Attr[decimal.Decimal] = field(default=decimal.Decimal(0))
    real: Attr[float] = field(default=0.5)
    raw: Attr[bytes] = field(default=b"")
    identity: Attr[uuid.UUID | None] = field(default=None)
    at: Attr[dt.datetime | None] = field(default=None)
    anything: Attr[dict[str, Any]] = field(default_factory=dict)
    address: Attr[Address | None] = field(default=None)
    size: Attr[Size | None] = field(default=None)
    revision: Attr[int] = version()


class Hooked(Model[str], table="hooked"):
    """Hooks that run without an event loop."""

    key_: Attr[str] = partition_key()
    mode: Attr[str] = field(default="")

    @before_save
    async def check(self) -> None:
        """Return, raise, or suspend, which a blocking call cannot do."""
        if self.mode == "raises":
            raise LookupError(self.mode)
        if self.mode == "waits":
            await asyncio.sleep(0)

    @after_load
    def loaded(self) -> None:
        """Change the instance that was just read."""
        self.mode = self.mode.upper()


def thing(number: int) -> Thing:
    """An item with a value for every attribute."""
    text = TEXTS[number % len(TEXTS)]
    return Thing(
        owner="o1",
        number=number,
        text=text,
        texts=TEXTS,
        tags={"a", "漢", f"tag{number}"},
        large=INTEGERS[number % len(INTEGERS)],
        small=number - 30,
        exact=decimal.Decimal("12345678901234567890.5"),
        real=number / 7,
        raw=bytes(range(256)),
        identity=uuid.UUID(int=number + 2**100),
        at=dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.UTC),
        anything={"none": None, "empty": {}, "deep": {"deeper": [{"x": number, f"{text}.": text}]}}
        | {f"name{index}": index for index in range(1, 40)},
        address=Address(city=text, lines=[text, "second"]),
        size=Size(width=number, unit="mm"),
    )


def raises(call: object, *expected: type[BaseException]) -> None:
    """Check that the call raises."""
    try:
        call()  # type: ignore[operator]
    except expected:
        return
    raise AssertionError(f"{call} did not raise")


def untyped(value: Any) -> Any:
    """The value, for uses that a type checker would reject."""
    return value


def blocking(client: DynamoDBClient) -> None:
    """Every verb without an event loop; this thread drives the runtime."""
    with client.as_default():
        first = thing(1)
        first.sync.create()
        raises(thing(1).sync.create, ItemAlreadyExistsError)
        same = Thing.sync.get_or_raise("o1", 1)
        assert (same.text, same.identity, same.size) == (first.text, first.identity, first.size)
        same.text, same.large = "other", 2**70
        same.texts.append("more")
        assert sorted(same.model_changes()) == ["large", "text", "texts"]
        same.sync.save()
        first.text = "stale"
        raises(first.sync.save, PydynoxError)  # the stored version is newer
        same.sync.refresh()
        assert Thing.key("o1", 1).sync.update(Thing.large.set(7)).large == 7
        client.sync.batch_save((thing(number) for number in range(2, ITEMS)), unguarded=True)
        assert sum(1 for _ in Thing.sync.query("o1").page_size(7)) == ITEMS - 1
        assert len(Thing.sync.query("o1").limit(5).all()) == 5
        assert len(list(Thing.sync.scan().page_size(13))) == ITEMS - 1
        assert None in client.sync.batch_get_all([Thing.key("o1", number) for number in range(ITEMS + 1)])
        with client.sync.transaction() as transaction:
            transaction.put(thing(100))
            transaction.delete(Thing.key("o1", 2))
        with client.sync.batch_writer(unguarded=True) as batch:
            batch.put(thing(101))
            batch.delete(Thing.key("o1", 3))
        Hooked(key_="h1").sync.put()
        assert Hooked.sync.get("h1") is not None
        raises(Hooked(key_="h2", mode="raises").sync.put, LookupError)
        raises(Hooked(key_="h2", mode="waits").sync.put, RuntimeError)
        raises(same.sync.delete, PydynoxError)  # the update incremented the version
        same.sync.refresh()
        same.sync.delete()
        assert Thing.sync.get("o1", 1) is None


def on_instances() -> None:
    """Work on instances and values that sends no request."""
    items = [thing(number) for number in range(1, len(TEXTS) * 2)]
    for item in items:
        assert pickle.loads(pickle.dumps(item)) == item
        assert Thing.model_from_item(item.model_to_item()).model_dump() == item.model_dump()
        assert item.model_dump_json()
        Thing.model_validate(item.model_dump())
    item = items[0]
    raises(lambda: setattr(item, "small", 2**64), PydynoxError)
    raises(lambda: setattr(item, "small", 2**41), PydynoxError)
    raises(lambda: setattr(item, "text", 7), PydynoxError)
    raises(lambda: untyped(item).nothing, AttributeError)
    raises(lambda: untyped(Thing)(owner="o1"), PydynoxError)
    raises(lambda: Thing.model_from_item({"owner": "o1"}), PydynoxError)
    del item.__dict__["text"]
    raises(item.model_dump, PydynoxError, AttributeError)


async def awaited(client: DynamoDBClient) -> None:
    """The same on an event loop, with calls cancelled at every stage."""
    with client.as_default():
        await asyncio.gather(*(thing(number).put() for number in range(200, 230)))
        got = await asyncio.gather(*(Thing.get("o1", number) for number in range(198, 230)))
        assert sum(item is None for item in got) == 2
        assert [item.number async for item in Thing.query("o1", Thing.number >= 200).page_size(4)] == list(range(200, 230))
        async with client.batch_writer(unguarded=True) as batch:
            for number in range(300, 330):
                await batch.put(thing(number))
        for turns in range(12):
            tasks: list[asyncio.Future[Any]] = [
                asyncio.ensure_future(Thing.get("o1", 200)),
                asyncio.ensure_future(thing(400).put()),
                asyncio.ensure_future(Thing.query("o1").page_size(5).all()),
                asyncio.ensure_future(client.batch_get_all([Thing.key("o1", number) for number in range(200, 230)])),
            ]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        abandoned = Thing.get("o1", 200)
        abandoned.close()
        results = await asyncio.gather(thing(200).create(), Thing.get_or_raise("o1", 999), return_exceptions=True)
        assert all(isinstance(result, PydynoxError) for result in results), results
        await Hooked(key_="h3", mode="waits").put()
        await asyncio.gather(Hooked.get("h3"), Hooked(key_="h4", mode="raises").put(), return_exceptions=True)


def forked(client: DynamoDBClient) -> None:
    """A forked child uses its parent's client, then the parent does."""
    child = os.fork()
    if child == 0:
        try:
            with client.as_default():
                assert Thing.sync.get("o1", 200) is not None
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        # Not os._exit: memory owned by the parent's threads, which do not exist in the child, would be reported as lost.
        os.execv("/bin/sh", ["sh", "-c", "exit 0"])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with client.as_default():
        assert Thing.sync.get("o1", 200) is not None


def prepare(endpoint: str) -> None:
    """Create the tables outside of memcheck: describing an empty table parses a 0, see INTEGERS."""
    client = DynamoDBClient(endpoint_url=endpoint)
    with client.as_default():
        Thing.table.sync.create()
        Hooked.table.sync.create()
    client.sync.close()


def main(endpoint: str) -> None:
    """Run the whole workload, in process and over HTTP."""
    on_instances()
    client = DynamoDBClient(endpoint_url=endpoint)
    with client.as_default():
        thing(500).sync.put()
        assert asyncio.run(Thing.get_or_raise("o1", 500)).number == 500
        Thing.key("o1", 500).sync.delete()
    client.sync.close()
    with isolated_dynamodb(endpoint_url=endpoint):
        assert Thing.sync.get("o1", 500) is None
    with LocalServer(endpoint_url=endpoint) as server:
        client = DynamoDBClient(endpoint_url=server.endpoint_url, region="eu-west-1", credentials=Credentials("any", "any"))
        blocking(client)
        asyncio.run(awaited(client))
        forked(client)
        client.sync.close()


if __name__ == "__main__":
    (prepare if sys.argv[1] == "prepare" else main)(sys.argv[2])
