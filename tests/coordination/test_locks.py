"""Locks: one holder at a time, no commit of an earlier one, and what is noticed when a lease ends."""

from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from pydynox import Attr, CoordinationTable, DynamoDBClient, Lock, Model, field, partition_key
from pydynox.exceptions import (
    ConditionFailedError,
    LockLostError,
    LockNotAcquiredError,
    PydynoxError,
    TableNotFoundError,
    TransactionCanceledError,
    ValidationError,
)
from pydynox.testing import fault, inject, isolated_dynamodb

from tests.engines import Engine

NAMES = itertools.count()


class Report(Model[str], table="reports"):
    report_id: Attr[str] = partition_key()
    pages: Attr[int] = field(default=0)
    fence: Attr[int | None] = field(default=None)
    tokens: Attr[list[int]] = field(default_factory=list)


TODAY = Report.key("today")


@pytest.fixture
def clients() -> Iterator[Callable[[], DynamoDBClient]]:
    """Clients of one engine, as of several machines."""
    url = f"memory://locks-{next(NAMES)}"

    def connect() -> DynamoDBClient:
        return DynamoDBClient(endpoint_url=url)

    with connect().as_default():
        CoordinationTable().table.sync.create()
        Report.table.sync.create()
        Report(report_id="today").sync.create()
        yield connect


@pytest.mark.parametrize("table", ["pydynox", CoordinationTable("app", partition_key="PK", sort_key=None)], ids=str)
def test_a_lock_has_one_holder_and_its_token_grows(client: DynamoDBClient, engine: Engine, table: Any) -> None:
    (table if isinstance(table, CoordinationTable) else CoordinationTable(table)).table.sync.create()
    tokens, inside = [], []

    async def work() -> None:
        async with client.lock("a", ttl=10, table=table) as lock:
            inside.append(1)
            assert len(inside) == 1
            assert lock.is_held
            tokens.append(lock.token)
            await asyncio.sleep(0.01)
            inside.clear()
        assert not lock.is_held
        assert not lock.lost

    async def together() -> None:
        is_atomic = engine.url.startswith("memory:")  # moto is not
        for several in [4] if is_atomic else [1] * 4:
            await asyncio.gather(*(work() for _ in range(several)))

    asyncio.run(together())
    with client.sync.lock("a", table=table) as lock:
        assert lock.token == 5
        with (
            pytest.raises(LockNotAcquiredError, match='the lock "a" is held by another holder') as caught,
            client.sync.lock("a", wait=0, table=table),
        ):
            pass
    assert tokens == [1, 2, 3, 4]
    assert caught.value.name == "a"
    assert caught.value.retryable
    assert isinstance(caught.value, TimeoutError)
    with client.sync.lock("b", table=table) as other:
        assert other.token == 1


def test_threads_exclude_each_other(clients: Callable[[], DynamoDBClient]) -> None:
    client, inside, most = clients(), [], []

    def work() -> None:
        with client.sync.lock("a", ttl=10):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.005)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1] * 4


def test_neither_a_blocked_loop_nor_a_busy_interpreter_stops_the_heart_beat(clients: Callable[[], DynamoDBClient]) -> None:
    async def work() -> None:
        async with clients().lock("a", ttl=0.3) as lock:
            began = time.monotonic()
            while time.monotonic() - began < 0.7:
                sum(range(2_000_000))  # holds the interpreter
            assert lock.is_held

    asyncio.run(work())
    with clients().sync.lock("a", ttl=0.3) as lock:
        time.sleep(0.5)
        assert lock.is_held


def deaf(client: DynamoDBClient) -> Any:
    """No beat of a lock that is acquired in this block arrives."""
    return inject(client, fault("UpdateItem", "unreachable", skip=1, times=None))


def test_a_holder_that_lost_its_lease_commits_nothing(clients: Callable[[], DynamoDBClient]) -> None:
    first, second = clients(), clients()

    async def main() -> None:
        lock = first.lock("a", ttl=0.2)
        with deaf(first):
            await lock.acquire()
        late = first.transaction()
        late.check(lock.key, lock.held())
        late.update(TODAY, Report.pages.set(1))

        async with second.lock("a", ttl=5, wait=5) as other, second.transaction() as tx:
            tx.check(other.key, other.held())
            tx.update(TODAY, Report.pages.set(2))

        assert lock.lost
        with pytest.raises(TransactionCanceledError) as caught:
            async with late:
                pass
        assert isinstance(caught.value.failures[0], ConditionFailedError)
        for use in (lock.held, lambda: lock.fence(Report.fence)):
            with pytest.raises(LockLostError, match="the lease of the lock 'a' has ended"):
                use()
        with pytest.raises(LockLostError):
            await lock.release()

    asyncio.run(main())
    assert Report.sync.get_or_raise("today").pages == 2


def test_a_lease_that_ends_during_a_write_stops_the_write(clients: Callable[[], DynamoDBClient]) -> None:
    first, second = clients(), clients()

    async def write() -> None:
        with deaf(first), inject(first, fault("TransactWriteItems", "latency", seconds=0.6)):
            async with first.lock("a", ttl=0.2) as lock, first.transaction() as tx:
                tx.check(lock.key, lock.held())
                tx.update(TODAY, Report.pages.set(1))

    async def take_over() -> None:
        await asyncio.sleep(0.05)
        async with second.lock("a", wait=5) as lock, second.transaction() as tx:
            tx.check(lock.key, lock.held())
            tx.update(TODAY, Report.pages.set(2))

    async def both() -> list[Any]:
        return await asyncio.gather(write(), take_over(), return_exceptions=True)

    failure, done = asyncio.run(both())

    assert done is None
    assert isinstance(failure, TransactionCanceledError)
    assert Report.sync.get_or_raise("today").pages == 2


def test_a_fence_stops_a_late_write_of_a_single_item(clients: Callable[[], DynamoDBClient]) -> None:
    first, second = clients(), clients()
    with deaf(first):
        lock = first.sync.lock("a", ttl=0.2)
        lock.acquire()
    early = lock.fence(Report.fence)
    TODAY.sync.update(Report.pages.set(1), Report.fence.set(lock.token), condition=early)

    with second.sync.lock("a", wait=5) as other:
        fenced = [Report.pages.set(2), Report.fence.set(other.token)]
        TODAY.sync.update(*fenced, condition=other.fence(Report.fence))
        TODAY.sync.update(*fenced, condition=other.fence(Report.fence))

    with pytest.raises(ConditionFailedError):
        TODAY.sync.update(Report.pages.set(3), Report.fence.set(lock.token), condition=early)
    assert Report.sync.get_or_raise("today").pages == 2


def test_held_is_no_condition_for_another_item(clients: Callable[[], DynamoDBClient]) -> None:
    with clients().sync.lock("a") as lock, pytest.raises(ValidationError, match="LockItem"):
        TODAY.sync.update(Report.pages.set(1), condition=lock.held())


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(4))
def test_with_faults_no_two_holders_commit(clients: Callable[[], DynamoDBClient], seed: int) -> None:
    """Each commit appends its token, so a commit of an earlier holder after one of a later holder would be seen."""
    chance = random.Random(seed)  # noqa: S311
    kinds: list[Any] = ["unreachable", "lost", "late_error", "timeout"]
    commits = []

    async def work(client: DynamoDBClient) -> None:
        for _ in range(3):
            try:
                async with client.lock("a", ttl=0.15, wait=2) as lock:
                    async with client.transaction() as tx:
                        tx.check(lock.key, lock.held())
                        tx.update(TODAY, Report.tokens.append(lock.token))
                        await asyncio.sleep(chance.choice([0, 0, 0.2]))
                    commits.append(lock.token)
            except PydynoxError:
                pass

    async def main() -> None:
        workers = [clients() for _ in range(3)]
        faults = [
            fault(
                chance.choice(["UpdateItem", "TransactWriteItems"]),
                chance.choice(kinds),
                skip=chance.randrange(12),
                times=chance.randrange(1, 5),
            )
            for _ in range(4)
        ]
        delay = fault("TransactWriteItems", "latency", seconds=0.3, skip=chance.randrange(3))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a release that failed
            with inject(workers[0], *faults, delay), inject(workers[1], *faults[:2]):
                await asyncio.gather(*map(work, workers))

    asyncio.run(main())
    tokens = Report.sync.get_or_raise("today").tokens
    assert tokens == sorted(tokens)
    assert len(set(tokens)) == len(tokens)
    assert set(commits) <= set(tokens)
    assert tokens


@pytest.mark.parametrize("error", [None, RuntimeError("mine")])
def test_the_end_of_a_block_says_that_the_lease_had_ended(clients: Callable[[], DynamoDBClient], error: Exception | None) -> None:
    client = clients()

    def hold() -> None:
        with deaf(client), client.sync.lock("a", ttl=0.1) as lock:
            while not lock.lost:
                time.sleep(0.02)
            assert "lost" in repr(lock)
            if error is not None:
                raise error

    with pytest.raises(LockLostError if error is None else RuntimeError) as caught:
        hold()
    assert caught.value is error or error is None


def test_a_release_that_fails_is_a_warning_and_the_lock_is_free_after_its_lease(clients: Callable[[], DynamoDBClient]) -> None:
    client, other = clients(), clients()
    with (
        inject(client, fault("UpdateItem", "error", code="AccessDeniedException", skip=1, times=None)),
        pytest.warns(match=r"the lock 'a' could not be released, and is free in 0\.2 s"),
        client.sync.lock("a", ttl=0.2),
    ):
        pass
    with other.sync.lock("a", wait=2) as lock:
        assert lock.token == 2


@pytest.mark.parametrize("how", ["acquiring", "inside", "closed"])
def test_a_cancelled_holder_leaves_the_lock_free(clients: Callable[[], DynamoDBClient], how: str) -> None:
    client, other = clients(), clients()

    async def hold() -> None:
        async with client.lock("a", ttl=60):
            await asyncio.sleep(60)

    async def main() -> None:
        if how == "acquiring":
            # Applied, and cancelled before the response has arrived.
            with inject(client, fault("UpdateItem", "latency", seconds=0.05)):
                task = asyncio.create_task(hold())
                await asyncio.sleep(0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        elif how == "inside":
            task = asyncio.create_task(hold())
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        else:
            coroutine: Coroutine[Any, Any, None] = hold()
            future: Any = coroutine.send(None)
            while not future.done():  # acquired
                await asyncio.sleep(0.001)
            coroutine.send(None)
            coroutine.close()
        async with other.lock("a", wait=2):
            pass

    asyncio.run(main())


def test_a_block_of_options_bounds_the_waiting_but_not_the_heart_beat(clients: Callable[[], DynamoDBClient]) -> None:
    client, other = clients(), clients()
    lock = client.sync.lock("a", ttl=0.3)
    with client.options(deadline=0.2):
        lock.acquire()
    time.sleep(0.6)
    assert lock.is_held
    began = time.monotonic()
    with other.options(deadline=0.2), pytest.raises(LockNotAcquiredError):
        other.sync.lock("a").acquire()
    assert time.monotonic() - began < 2
    lock.release()


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"ttl": 0}, ValidationError, "ttl= must be a positive number"),
    ({"wait": -1}, ValidationError, "wait= must be a positive number"),
    ({"name": ""}, ValidationError, "text of 1 to 1024 bytes"),
    ({"name": "x" * 1025}, ValidationError, "text of 1 to 1024 bytes"),
    ({"name": 3}, ValidationError, "text of 1 to 1024 bytes"),
    ({"name": "\ud800"}, ValidationError, "surrogate"),
    ({"table": 3}, TypeError, "CoordinationTable"),
]


@pytest.mark.parametrize(("options", "error", "message"), WRONG)
def test_wrong_arguments_are_refused_at_once(
    clients: Callable[[], DynamoDBClient], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    options = {"name": "a", **options}
    with pytest.raises(error, match=message):
        clients().lock(options.pop("name"), **options).acquire().send(None)


def test_a_lock_is_used_in_the_right_way(clients: Callable[[], DynamoDBClient]) -> None:
    client = clients()
    lock = client.sync.lock("a")
    for use in (lock.held, lambda: lock.fence(Report.fence), lock.release, lambda: lock.token):
        with pytest.raises(RuntimeError, match="the lock 'a' was not acquired"):
            use()
    assert "not acquired" in repr(lock)
    assert (lock.is_held, lock.lost) == (False, False)
    with lock:
        assert "held" in repr(lock)
        with pytest.raises(RuntimeError, match="not reentrant"):
            lock.acquire()
    with pytest.raises(RuntimeError, match="the lock 'a' was released"):
        lock.held()
    with lock:
        assert lock.token == 2
    awaited: Any = client.lock("a")
    with pytest.raises(TypeError, match=r"async with client\.lock"), awaited:
        pass
    with pytest.raises(TableNotFoundError):
        client.sync.lock("a", table="missing").acquire()
    assert isinstance(awaited, Lock)


def test_a_forked_child_does_not_hold_the_lock_and_does_not_release_it() -> None:
    script = """
        import os, time
        from pydynox import CoordinationTable, Credentials, DynamoDBClient
        from pydynox.exceptions import LockLostError, LockNotAcquiredError
        from pydynox.local import LocalServer

        with LocalServer() as server:
            client = DynamoDBClient(endpoint_url=server.endpoint_url, region="eu-west-1", credentials=Credentials("a", "b"))
            with client.as_default():
                CoordinationTable().table.sync.create()
            with client.sync.lock("a", ttl=1) as lock:
                child = os.fork()
                if child == 0:
                    assert not lock.is_held and lock.lost
                    try:
                        lock.held()
                    except LockLostError:
                        pass
                    else:
                        os._exit(1)
                    try:
                        lock.release()
                    except LockLostError:
                        pass
                    try:
                        client.sync.lock("a", wait=0).acquire()
                    except LockNotAcquiredError:
                        os._exit(0)
                    os._exit(2)
                assert os.waitpid(child, 0)[1] == 0
                time.sleep(1.2)
                assert lock.is_held
            print("done")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.stdout, done.stderr) == ("done\n", "")


def test_a_lock_keeps_to_real_time_if_a_test_moves_the_clock() -> None:
    with isolated_dynamodb() as dynamodb:
        CoordinationTable().table.sync.create()
        with dynamodb.sync.lock("a", ttl=0.3) as lock:
            dynamodb.clock.advance(3600)
            before = dynamodb.clock.now()
            began = time.monotonic()
            with pytest.raises(LockNotAcquiredError):
                dynamodb.sync.lock("a", wait=0.5).acquire()
            assert lock.is_held
            assert time.monotonic() - began > 0.2
            assert dynamodb.clock.now() == before


def test_held_in_a_single_write_says_what_to_use_instead(clients: Callable[[], DynamoDBClient]) -> None:
    remedy = r"item of the lock.*tx\.check\(lock\.key, lock\.held\(\)\).*lock\.fence\("
    with clients().sync.lock("l") as lock:
        for write in (
            lambda: Report(report_id="b").sync.put(condition=lock.held()),
            lambda: TODAY.sync.update(Report.pages.set(1), condition=lock.held()),
            lambda: TODAY.sync.delete(condition=Report.report_id.exists() & lock.held()),
        ):
            with pytest.raises(ValidationError, match=remedy):
                write()
    assert [one.pages for one in Report.sync.scan()] == [0]
