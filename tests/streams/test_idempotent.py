"""Records that are delivered again: skipped if they succeeded, and handled exactly once by a transaction, wherever one was killed."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from pydynox import Attr, CoordinationTable, DynamoDBClient, Model, field, partition_key, streams

from tests.coordination.killing import HOWS, Clock, ended_at

from .models import Order, kinesis, record

DONE = {"batchItemFailures": []}


class Total(Model[str], table="totals"):
    name: Attr[str] = partition_key()
    value: Attr[int] = field(default=0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture(autouse=True)
def client() -> Any:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        CoordinationTable().table.sync.create()
        CoordinationTable("notes").table.sync.create()
        Total.table.sync.create()
        yield client


def event(*numbers: int) -> dict[str, Any]:
    return {"Records": [record(number, Order(customer=f"c{number}", number=1)) for number in numbers]}


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize("place", [True, "notes", CoordinationTable("notes")])
def test_what_succeeded_is_skipped_when_it_is_delivered_again(kind: str, place: Any) -> None:
    calls: list[str | None] = []
    broken = {f"{2:021d}"}

    def plain(record: streams.Record[Order]) -> None:
        calls.append(record.sequence_number)
        if record.sequence_number in broken:
            raise LookupError

    async def awaited(record: streams.Record[Order]) -> None:
        plain(record)

    handler = streams.handler(Order, idempotent=place, concurrency=1)(plain if kind == "plain" else awaited)

    assert handler(event(1, 2, 3)) == {"batchItemFailures": [{"itemIdentifier": f"{2:021d}"}]}
    broken.clear()
    assert handler(event(1, 2, 3)) == DONE
    assert handler(event(1, 2, 3)) == DONE
    assert calls == [f"{number:021d}" for number in (1, 2, 2, 3)]


def test_records_of_kinesis_are_known_by_their_own_number() -> None:
    calls: list[Any] = []
    handler = streams.handler(Order, idempotent=True)(calls.append)
    change = record(1, Order(customer="c", number=1))

    assert handler({"Records": [kinesis(1, change), kinesis(2, change), kinesis(1, change)]}) == DONE
    assert len(calls) == 2


def test_a_record_that_nothing_identifies_is_refused() -> None:
    handler = streams.handler(Order, idempotent=True, report_failures=False)(print)

    with pytest.raises(ValueError, match="key"):
        handler('{"Item":{"customer":{"S":"c"},"number":{"N":"1"}}}')


@pytest.mark.parametrize("end", HOWS)
@pytest.mark.parametrize("exactly", [True, False])
def test_killed_at_any_await_and_delivered_again_the_effect_happens_once(
    client: DynamoDBClient, clock: Clock, exactly: bool, end: str
) -> None:
    """An effect that is committed together with the note happens exactly once; another one at least once, and once if not killed."""

    @streams.handler(Order, idempotent=True)
    async def count(_record: streams.Record[Order]) -> None:
        async with client.transaction() as tx:
            if exactly:
                tx.idempotent()
            tx.update(Total.key("all"), Total.value.add(1), upsert=True)

    def total() -> int:
        item = Total.sync.get("all")
        return 0 if item is None else item.value

    async def deliver(number: int, at: int) -> bool:
        ended = await ended_at(count.process(event(number)), at, end)
        for _ in range(4):
            if await count.process(event(number)) == DONE:
                return ended
            clock.advance(61)
        raise AssertionError("never handled")

    effects = []
    for at in itertools.count():
        before = total()
        if not asyncio.run(deliver(at + 1, at)):
            break
        effects.append(total() - before)

    assert at >= (2 if exactly else 3)
    assert set(effects) == {1} if exactly else set(effects) <= {1, 2}
