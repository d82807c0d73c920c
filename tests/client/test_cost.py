"""What calls cost: collected usage, rate limits, budgets."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from typing import Any

import pydynox
import pytest
from pydynox import (
    Attr,
    BudgetExceededWarning,
    DynamoDBClient,
    Model,
    RateLimit,
    Tally,
    Usage,
    budget,
    field,
    partition_key,
    sort_key,
)
from pydynox.exceptions import BudgetExceededError, ConfigurationError, ItemAlreadyExistsError, RequestTimeoutError

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer, error


class Note(Model[str], table="notes"):
    note_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")


class Line(Model[str, int], table="lines"):
    page: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    text: Attr[str] = field(default="")


def cost(units: float, table: str = "notes", **members: Any) -> Any:
    return answer({**members, "ConsumedCapacity": {"TableName": table, "CapacityUnits": units}})


ASKS = b'"ReturnConsumedCapacity":"TOTAL"'


@pytest.mark.deviates(moto="a read costs half a unit whatever its size")
def test_usage_is_what_the_service_says(client: DynamoDBClient, drive: Drive) -> None:
    drive(Note.table.create())
    drive(Line.table.create())
    with client.collect() as usage:
        drive(Note(note_id="n", text="x" * 3000).create())
        drive(Note.get("n"))
        drive(Note.get("n", consistent_read=True))
        drive(Note.get("absent"))
        drive(Line(page="p", number=1).create())
        drive(Line.query("p").all())
        drive(Note(note_id="large", text="x" * 10_000).create())
        drive(Note.get("large"))

    assert usage.by_operation["GetItem"] == Tally(requests=4, read_units=0.5 + 1.0 + 0.5 + 1.5)
    assert usage.by_operation["PutItem"] == Tally(requests=3, write_units=3.0 + 1.0 + 10.0)
    assert usage.by_table["lines"] == Tally(requests=2, write_units=1.0, read_units=0.5)
    assert (usage.requests, usage.retries, usage.throttles) == (8, 0, 0)
    assert usage.total == Tally(8, 0, 0, 4.0, 14.0)


@pytest.mark.deviates(moto="a transaction does not say what it cost")
def test_a_transaction_and_a_batch_cost_units_in_each_table(client: DynamoDBClient, drive: Drive) -> None:
    drive(Note.table.create())
    drive(Line.table.create())

    async def write() -> None:
        async with client.transaction() as tx:
            tx.create(Note(note_id="n"))
            tx.create(Line(page="p", number=1))
        async with client.batch_writer() as batch:
            await batch.put(Note(note_id="m"))
            await batch.put(Line(page="p", number=2))

    with client.collect() as usage:
        drive(write())

    assert set(usage.by_operation) == {"TransactWriteItems", "BatchWriteItem"}
    assert usage.requests == 2
    assert {name: tally.requests for name, tally in usage.by_table.items()} == {"notes": 2, "lines": 2}
    assert usage.write_units > 0
    assert usage.read_units == 0


def test_only_inside_of_a_block_is_the_cost_asked_for(serve: Serve, drive: Drive) -> None:
    server = serve(cost(0.5), cost(0.5), cost(1.0), cost(0.5))
    client, other = client_of(server), client_of(server)
    with client.as_default():
        drive(Note.get("n"))
        with client.collect() as usage:
            drive(Note.get("n"))
            drive(Note(note_id="n").put())
            drive(other.get_item("notes", {"note_id": "n"}))
        drive(Note.get("n"))

    assert [ASKS in seen.body for seen in server.seen] == [False, True, True, False, False]
    assert (usage.requests, usage.read_units, usage.write_units) == (2, 0.5, 1.0)


def test_blocks_in_each_other_both_count(serve: Serve, drive: Drive) -> None:
    client = client_of(serve(*[cost(0.5)] * 4))
    with client.as_default(), client.collect() as outer:
        drive(Note.get("n"))
        with client.collect() as inner:
            drive(Note.get("n"))
        drive(Note.get("n"))

    assert (outer.requests, outer.read_units) == (3, 1.5)
    assert (inner.requests, inner.read_units) == (1, 0.5)
    assert repr(inner) == "Usage(requests=1, read_units=0.5, write_units=0.0, retries=0, throttles=0)"


def test_a_request_that_says_itself_what_it_wants_is_left_alone(serve: Serve, drive: Drive) -> None:
    server = serve(cost(2))
    client = client_of(server)
    with client.collect() as usage:
        drive(client.call("Query", TableName="notes", ReturnConsumedCapacity="INDEXES"))

    assert server.seen[0].body.count(b"ReturnConsumedCapacity") == 1
    assert usage.read_units == 2


def test_retries_and_throttles_are_counted_as_they_happen(serve: Serve, drive: Drive) -> None:
    server = serve(error("InternalServerError", status=500), error("ThrottlingException"), cost(0.5))
    client = client_of(server)
    with client.as_default(), client.collect() as usage:
        drive(Note.get("n"))

    assert usage.total == Tally(requests=1, retries=2, throttles=1, read_units=0.5)
    assert all(seen.body.count(ASKS) == 1 for seen in server.seen)


def test_a_condition_that_fails_counts_as_a_request(client: DynamoDBClient, drive: Drive) -> None:
    drive(Note.table.create())
    drive(Note(note_id="n").create())
    with client.collect() as usage, pytest.raises(ItemAlreadyExistsError):
        drive(Note(note_id="n").create())

    assert usage.total == Tally(requests=1)


def test_tasks_that_a_block_starts_are_counted_also_after_it(client: DynamoDBClient) -> None:
    async def main() -> Usage:
        await Note.table.create()
        started = asyncio.Event()

        async def later() -> None:
            await started.wait()
            await Note.get("n")

        with client.collect() as usage:
            task = asyncio.create_task(later())
            await asyncio.gather(*(Note.get("n") for _ in range(20)))
            await asyncio.to_thread(Note.sync.get, "n")
        assert usage.requests == 21
        started.set()
        await task
        await Note.get("n")
        return usage

    usage = asyncio.run(main())

    assert usage.requests == 22
    assert usage.read_units == 11.0


def test_a_thread_counts_into_the_same_usage(client: DynamoDBClient) -> None:
    Note.table.sync.create()

    def work(usage: Usage) -> None:
        with client.as_default(), client.collect(usage):
            for _ in range(50):
                Note.sync.get("n")

    with client.collect() as usage:
        threads = [threading.Thread(target=work, args=(usage,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert (usage.requests, usage.read_units) == (200, 100.0)


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused(wrong: float) -> None:
    with pytest.raises(ConfigurationError, match=r"RateLimit\(rcu=...\) must be a positive number of units per second"):
        RateLimit(rcu=wrong)
    with pytest.raises(ConfigurationError, match=r"RateLimit\(wcu=...\)"):
        RateLimit(rcu=1, wcu=wrong)
    with pytest.raises(ConfigurationError, match=r"RateLimit\(burst=...\)"):
        RateLimit(rcu=1, burst=wrong)
    with pytest.raises(ConfigurationError, match="limits nothing"):
        RateLimit()


@pytest.mark.alone
def test_calls_go_at_the_rate_awaited(serve: Serve) -> None:
    server = serve(*[cost(1.0)] * 16)
    client = client_of(server, rate_limit=RateLimit(rcu=20, burst=0.05))

    async def main() -> float:
        begun = time.monotonic()
        await asyncio.gather(*(client.get_item("notes", {"note_id": "n"}, consistent_read=True) for _ in range(16)))
        return time.monotonic() - begun

    elapsed = asyncio.run(main())

    # One at once, fifteen at twenty a second.
    assert 0.7 < elapsed < 3
    assert ASKS in server.seen[0].body


@pytest.mark.alone
def test_calls_go_at_the_rate_blocking_and_real_cost_corrects_it(serve: Serve) -> None:
    server = serve(cost(10.0), cost(1.0))
    client = client_of(server, rate_limit=RateLimit(rcu=20, burst=0.1))
    begun = time.monotonic()
    client.sync.get_item("notes", {"note_id": "n"})
    first = time.monotonic() - begun
    client.sync.get_item("notes", {"note_id": "n"})
    elapsed = time.monotonic() - begun

    # The first one cost ten units, two were there: eight are made up for, and the next one is expected to cost as much.
    assert first < 0.4 < elapsed < 3


@pytest.mark.alone
def test_the_limit_waits_on_the_embedded_engine_and_writes_have_their_own(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://", rate_limit=RateLimit(wcu=20, burst=0.05))
    with client.as_default():
        drive(Note.table.create())
        begun = time.monotonic()
        for _ in range(100):
            drive(Note.get("n"))
        reads = time.monotonic() - begun
        begun = time.monotonic()
        for _ in range(9):
            drive(Note(note_id="n").put())
        writes = time.monotonic() - begun

    assert reads < 0.4 <= writes < 3


@pytest.mark.alone
def test_a_turn_that_comes_too_late_is_a_timeout_at_once(serve: Serve, drive: Drive) -> None:
    server = serve(cost(100.0))
    client = client_of(server, rate_limit=RateLimit(rcu=1), timeout=5)
    drive(client.get_item("notes", {"note_id": "n"}))
    begun = time.monotonic()
    with pytest.raises(RequestTimeoutError, match="the client's rate limit would delay it past its timeout"):
        drive(client.get_item("notes", {"note_id": "n"}))

    assert time.monotonic() - begun < 1
    assert len(server.seen) == 1


@pytest.mark.alone
def test_a_cancelled_waiter_holds_nobody_up(serve: Serve) -> None:
    server = serve(cost(1.0), cost(1.0))
    client = client_of(server, rate_limit=RateLimit(rcu=2, burst=0.5))

    async def main() -> float:
        async def get() -> None:
            await client.get_item("notes", {"note_id": "n"}, consistent_read=True)

        await get()
        begun = time.monotonic()
        waiting = [asyncio.create_task(get()) for _ in range(20)]
        await asyncio.sleep(0.1)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await get()
        return time.monotonic() - begun

    assert asyncio.run(main()) < 2
    assert len(server.seen) == 2


def test_a_budget_refuses_the_request_over_it_and_names_the_place(client: DynamoDBClient, drive: Drive) -> None:
    drive(Note.table.create())

    async def read_one_by_one() -> None:
        for number in range(9):
            await Note.get(f"n{number}")  # the place

    with pytest.raises(BudgetExceededError) as caught, client.collect() as sent, budget(requests=5) as usage:
        drive(read_one_by_one())

    assert sent.requests == usage.requests == 5
    (site, count), *others = caught.value.sites
    line = read_one_by_one.__code__.co_firstlineno + 2
    assert site.endswith(f"test_cost.py:{line} GetItem on notes")
    assert count == 6
    assert not others
    assert "this block used all 5 requests of its budget" in str(caught.value)
    assert "batch_get" in str(caught.value)
    assert (caught.value.operation, caught.value.table) == ("GetItem", "notes")


def test_the_blocking_form_names_its_caller(client: DynamoDBClient) -> None:
    Note.table.sync.create()
    with budget(requests=9) as usage:
        Note.sync.get("n")

    (site, _) = usage.sites[0]
    assert site.partition(":")[0].endswith("test_cost.py")


def test_units_over_the_budget_are_told_at_the_end_of_the_block(client: DynamoDBClient, drive: Drive) -> None:
    drive(Note.table.create())
    with pytest.raises(BudgetExceededError, match=r"used 1 write units \(budget: 0\.5\)"), budget(wcu=0.5):
        drive(Note(note_id="n").create())

    async def two() -> None:
        await Note(note_id="m").create()
        await Note(note_id="o").create()

    with pytest.raises(BudgetExceededError), budget(wcu=0.5):
        drive(two())

    assert drive(Note.get("n")) is not None
    assert drive(Note.get("m")) is not None
    assert drive(Note.get("o")) is None


def test_a_budget_may_only_warn(client: DynamoDBClient, drive: Drive) -> None:
    drive(Note.table.create())
    with pytest.warns(BudgetExceededWarning, match=r"3 requests \(budget: 1\)") as caught, budget(requests=1, on_exceed="warn"):
        [drive(Note.get("n")) for _ in range(3)]

    assert caught[0].filename == __file__


def test_what_one_budget_refuses_another_does_not_count(client: DynamoDBClient, drive: Drive) -> None:
    drive(Note.table.create())
    with budget(requests=3) as outer:
        with pytest.raises(BudgetExceededError), budget(requests=0):
            drive(Note.get("n"))
        drive(Note.get("n"))

    assert outer.requests == 1


def test_an_instance_whose_write_was_refused_is_as_it_was(client: DynamoDBClient, drive: Drive) -> None:
    drive(Note.table.create())
    note = Note(note_id="n")
    with pytest.raises(BudgetExceededError), budget(requests=0):
        drive(note.create())
    drive(note.create())

    assert drive(Note.get("n")) is not None


def test_an_error_of_the_block_is_not_hidden_by_its_budget(client: DynamoDBClient, drive: Drive) -> None:
    drive(Note.table.create())

    async def fail() -> None:
        await Note(note_id="n").create()
        raise KeyError

    with pytest.raises(KeyError), budget(wcu=0.1):
        drive(fail())


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"rcu": -1},
        {"wcu": math.nan},
        {"requests": 1.5},
        {"requests": True},
        {"rcu": math.inf},
        {"rcu": 1, "on_exceed": "shout"},
    ],
)
def test_a_budget_that_is_none_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="budget"), pydynox.budget(**limits):
        pass


def test_pages_and_statements_say_what_they_cost(client: DynamoDBClient, drive: Drive) -> None:
    drive(Line.table.create())
    drive(Line(page="p", number=1).create())

    with client.collect() as usage:
        page = drive(Line.query("p").page(5))

    assert page.consumed_capacity is not None
    assert page.consumed_capacity == usage.read_units
