"""Nothing that watches calls ever contains a key, a value or a credential."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pydynox
import pytest
from pydynox import Attr, Credentials, DynamoDBClient, Encrypted, LocalKeyring, Model, field, partition_key, sort_key, version
from pydynox.exceptions import PydynoxError
from pydynox.local import LocalServer
from pydynox.testing import fault, inject
from pydynox.testing.faults import FaultKind

from .everything import SECRETS, everything

KEY = "key-of-mine"
KEYRING = LocalKeyring({"k": b"more of mine".ljust(32, b"!")})
CREDENTIALS = Credentials("AKIDOF", "secret-of-mine", "token-of-mine")


class Account(Model[str, int], table="accounts"):
    owner: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    word: Attr[str] = field(default="word-of-mine")
    email: Attr[str] = field(unique=True)
    pin: Encrypted[str]
    labels: Attr[dict[str, str]] = field(default_factory=dict)
    revision: Attr[int] = version()


@pytest.fixture(params=["memory", "http"])
def client(request: pytest.FixtureRequest) -> Iterator[DynamoDBClient]:
    if request.param == "memory":
        client = DynamoDBClient(endpoint_url="memory://", keyring=KEYRING, max_attempts=3)
        with client.as_default():
            yield client
        return
    with LocalServer() as server:
        client = DynamoDBClient(
            endpoint_url=server.endpoint_url,
            region="us-east-1",
            credentials=CREDENTIALS,
            keyring=KEYRING,
            max_attempts=3,
            slow_after=0.000001,
        )
        with client.as_default():
            yield client
        client.sync.close()


def account(number: int) -> Account:
    return Account(
        owner=KEY, number=number, email=f"{number}-of-mine@example.com", pin="pin-of-mine", labels={"label-of-mine": "x-of-mine"}
    )


async def sample(client: DynamoDBClient) -> int:
    """A good part of the verbs, some of which fail; returns how many failed."""
    failed = 0

    async def fails(call: Any) -> None:
        nonlocal failed
        with suppress(PydynoxError):
            await call
            return
        failed += 1

    await Account.table.create()
    one = account(1)
    await one.create()
    await fails(account(1).create())
    one.word = "other-of-mine"
    one.pin = "new-pin-of-mine"
    await one.save()
    stale = await Account.get_or_raise(KEY, 1)
    await one.update(Account.labels["label-of-mine"].set("y-of-mine"))
    stale.word = "stale-of-mine"
    await fails(stale.save())
    await fails(Account.key(KEY, 1).update(Account.word.set("b-of-mine"), condition=Account.word == "guess-of-mine"))
    await fails(Account.get_or_raise(f"missing-{KEY}", 1))
    await Account.query(KEY, Account.number >= 0).filter(Account.word.contains("of-mine")).all()
    await Account.scan().filter(Account.email == "1-of-mine@example.com").count()
    page = await Account.query(KEY).page(1)
    assert page.items
    async with client.transaction() as tx:
        tx.create(account(2))
        tx.create(account(3))

    async def cancelled() -> None:
        async with client.transaction() as tx:
            tx.create(account(2))
            tx.check(Account.key(KEY, 9), Account.word == "c-of-mine")

    await fails(cancelled())
    await client.batch_get(*[Account.key(KEY, number) for number in range(5)])
    async with pydynox.batching():
        await asyncio.gather(*[Account.get(KEY, number) for number in range(3)])
    await client.execute("SELECT * FROM accounts WHERE owner = ? AND word = ?", KEY, "w-of-mine")
    await fails(client.execute("SELECT * FROM accounts WHERE owner = 'literal-of-mine' AND"))
    await fails(client.call("GetItem", TableName="accounts", Key={"wrong-of-mine": {"S": KEY}}))
    await fails(client.call("Of-mine"))
    kinds: tuple[FaultKind, ...] = ("throttle", "internal_error", "reset", "timeout", "corrupt")
    for kind in kinds:
        with inject(client, fault("GetItem", kind, times=1)):
            await fails(Account.get(KEY, 1, timeout=5))
        with inject(client, fault("PutItem", kind, times=9)):
            await fails(client.put_item("accounts", {"owner": KEY, "number": 8, "word": "w-of-mine"}, timeout=0.2))
    task = asyncio.create_task(Account.get(KEY, 1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await one.delete()
    return failed


def test_no_record_of_any_call_contains_a_secret(client: DynamoDBClient) -> None:
    with everything() as said, client.record() as requests:
        failed = asyncio.run(sample(client))
        text = said.take()

    assert failed >= 12
    assert {"call_ended", "attempt_ended", "retry_planned", "throttled", "page_read", "data_key_made"} <= said.kinds
    assert {"pydynox.request", "pydynox.retry", "pydynox.throttle"} <= said.loggers
    assert len(requests) > 30
    assert text.count('"db.system.name"') > 30
    found = {secret for secret in SECRETS if secret in text + repr(requests.events)}
    assert found == set()


def test_the_search_finds_what_is_there(client: DynamoDBClient) -> None:
    """The same with bodies, which are asked for: this test could fail otherwise without anyone knowing."""
    with everything(), client.record(values=True) as requests:
        asyncio.run(sample(client))

    bodies = b"".join((event.request_body or b"") + (event.response_body or b"") for event in requests.events)
    assert KEY.encode() in bodies
    assert b"other-of-mine" in bodies
    # Encrypted values are sealed even there.
    assert b"pin-of-mine" not in bodies


def test_a_value_in_a_record_would_be_found() -> None:
    """As the suite looks for them when it runs observed: planted in a log, an event's fields or a span, none passes."""
    with everything(values=True) as said, DynamoDBClient(endpoint_url="memory://", keyring=KEYRING).as_default() as client:
        Account.table.sync.create()
        account(1).sync.create()
        client.sync.call("Scan", TableName="accounts")
        said.take()
        assert said.values.words >= {KEY, "word-of-mine", "x-of-mine", "1-of-mine"}
        assert said.values.take() == []

        account(2).sync.create()
        logging.getLogger("pydynox.request").debug("wrote %s", {"labels": {"label-of-mine": "x-of-mine"}})
        said.take()
        assert said.values.take() == ["x-of-mine"]
