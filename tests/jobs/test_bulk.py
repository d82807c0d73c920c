"""Bulk writes and paced reads: everything arrives, at a rate that the table can bear, and what was interrupted goes on."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, Model, field, partition_key, version
from pydynox.exceptions import BatchIncompleteError, ConfigurationError, CursorError, TableNotFoundError, ValidationError
from pydynox.testing import fault, inject

from tests.conftest import Drive

pytestmark = pytest.mark.thorough


class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")


class Counter(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    version: Attr[int] = version()


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest) -> None:
    if "client" in request.fixturenames:
        request.getfixturevalue("client")
        User.table.sync.create()


def users(count: int, start: int = 0) -> list[User]:
    return [User(user_id=f"u{number}") for number in range(start, count)]


def test_everything_arrives(client: DynamoDBClient, drive: Drive) -> None:
    told: list[int] = []

    async def some() -> AsyncIterator[User]:
        for user in users(1200, 1000):
            yield user

    assert drive(client.bulk_write(users(1000), progress=told.append)) == 1000
    assert told == [400, 800, 1000]
    assert drive(client.bulk_write(some())) == 200
    assert drive(client.bulk_write([])) == 0
    assert drive(User.scan().count()) == 1200
    assert client.sync.bulk_write(iter(users(3))) == 3


@pytest.mark.engines("embedded")  # moto says that every batch costs one unit
def test_a_target_is_kept(client: DynamoDBClient) -> None:
    began = time.monotonic()
    client.sync.bulk_write(users(150), target_wcu=100)
    assert time.monotonic() - began > 1.0
    assert User.sync.scan().count() == 150


@pytest.mark.engines("embedded", "moto")
def test_what_is_throttled_is_written_all_the_same(client: DynamoDBClient, drive: Drive) -> None:
    plan = [fault("BatchWriteItem", "half_unprocessed", times=6), fault("BatchWriteItem", "throttle", skip=3, times=4)]
    with inject(client, *plan) as log:
        assert drive(client.bulk_write(users(500))) == 500
    assert len(log.injected) >= 6
    assert drive(User.scan().count()) == 500


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_rates_that_are_none_are_refused(client: DynamoDBClient, rate: float) -> None:
    with pytest.raises(ConfigurationError, match="target_wcu"):
        client.sync.bulk_write(users(1), target_wcu=rate)
    with pytest.raises(ConfigurationError, match="target_rcu"):
        User.scan().paced(target_rcu=rate)
    assert User.sync.scan().count() == 0


def test_what_cannot_be_written_is_refused(client: DynamoDBClient, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="version"):
        client.sync.bulk_write([Counter(user_id="c")])
    assert client.sync.bulk_write([Counter(user_id="c")], transactions=True) == 1
    wrong: Any = [3]
    with pytest.raises((TypeError, ValidationError)):
        client.sync.bulk_write(wrong)
    with pytest.raises(ValidationError):
        client.sync.bulk_write(wrong, resume=tmp_path / "note")
    User.table.sync.delete()
    with pytest.raises(BatchIncompleteError) as incomplete:
        client.sync.bulk_write(users(10))
    assert isinstance(incomplete.value.__cause__, TableNotFoundError)
    assert len(incomplete.value.unprocessed) == 10


def test_an_interrupted_job_goes_on(client: DynamoDBClient, drive: Drive, tmp_path: Path) -> None:
    note = tmp_path / "users.bulk"
    taken: list[str] = []

    def given(stop: int | None = None) -> Any:
        for number, user in enumerate(users(1000)):
            if number == stop:
                raise KeyboardInterrupt
            taken.append(user.user_id)
            yield user

    with pytest.raises(KeyboardInterrupt):
        drive(client.bulk_write(given(900), resume=note))
    assert json.loads(note.read_text())["items"] == 800
    assert drive(User.scan().count()) == 800
    told: list[int] = []
    with client.collect() as usage:
        assert drive(client.bulk_write(given(), resume=note, progress=told.append)) == 1000
    assert told == [1000]
    assert usage.by_operation["BatchWriteItem"].requests == 8
    assert not note.exists()
    assert drive(User.scan().count()) == 1000


def test_a_file_of_another_job_is_refused(client: DynamoDBClient, tmp_path: Path) -> None:
    note = tmp_path / "note"

    def stopped() -> Any:
        yield from users(500)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.sync.bulk_write(stopped(), resume=note)
    with pytest.raises(ConfigurationError, match="another job"):
        client.sync.bulk_write(users(500, 1), resume=note)
    with pytest.raises(ConfigurationError, match="another job"):
        client.sync.bulk_write(users(3), resume=note)
    note.write_text("{}")
    with pytest.raises(ConfigurationError):
        client.sync.bulk_write(users(500), resume=note)


def test_paced_reads_bring_everything(client: DynamoDBClient, drive: Drive) -> None:
    drive(client.bulk_write(User(user_id=f"u{number}", text="x" * 4000) for number in range(300)))

    async def read() -> int:
        return len([user async for user in User.scan(segments=2).page_size(50).paced()])

    assert asyncio.run(read()) == 300
    assert len(User.sync.scan().paced(target_rcu=1000).all()) == 300


@pytest.mark.engines("embedded")
def test_a_target_of_reads_is_kept(client: DynamoDBClient) -> None:
    client.sync.bulk_write(User(user_id=f"u{number}", text="x" * 4000) for number in range(200))
    began = time.monotonic()
    assert len(User.sync.scan().page_size(20).paced(target_rcu=80).all()) == 200
    assert time.monotonic() - began > 0.8


def test_everything_is_handed_over(client: DynamoDBClient, drive: Drive) -> None:
    client.sync.bulk_write(users(250))
    found: list[str] = []
    told: list[int] = []

    def handle(rows: list[User]) -> None:
        found.extend(user.user_id for user in rows)

    assert drive(client.bulk_read(User.scan(segments=3), handle, rows=100, progress=told.append)) == 250
    assert sorted(found) == sorted(user.user_id for user in users(250))
    assert told == [100, 200, 250]
    keys: list[Any] = []
    assert client.sync.bulk_read(User.scan().keys().limit(30), keys.extend) == 30
    assert len(set(keys)) == 30
    plain: list[dict[str, Any]] = []
    assert drive(client.bulk_read(client.query("users", {"user_id": "u7"}), plain.extend)) == 1
    assert plain[0]["user_id"] == "u7"
    assert drive(client.bulk_read(User.query("nobody"), plain.extend)) == 0


async def test_rows_are_handled_by_a_coroutine_and_read_by_the_client_that_is_asked(client: DynamoDBClient) -> None:
    await client.bulk_write(users(20))
    other = DynamoDBClient(endpoint_url="memory://")
    with other.as_default():
        await User.table.create()

        async def copy(rows: list[User]) -> None:
            await other.batch_save(rows)

        assert await client.bulk_read(User.scan(), copy, rows=7) == 20
        assert await User.scan().count() == 20


@pytest.mark.parametrize("limit", [None, 180])
def test_an_interrupted_reading_goes_on(client: DynamoDBClient, drive: Drive, tmp_path: Path, limit: int | None) -> None:
    client.sync.bulk_write(users(200))
    note = tmp_path / "users.read"
    scan = User.scan(segments=2).filter(User.user_id.exists()) if limit is None else User.scan().limit(limit)
    found: list[str] = []

    def handle(rows: list[User]) -> None:
        if len(found) >= 80:
            raise KeyboardInterrupt
        found.extend(user.user_id for user in rows)

    with pytest.raises(KeyboardInterrupt):
        drive(client.bulk_read(scan, handle, rows=40, resume=note))
    assert len(found) == 80
    told: list[int] = []
    rest: list[User] = []
    assert drive(client.bulk_read(scan, rest.extend, rows=40, resume=note, progress=told.append)) == (limit or 200)
    assert told[0] == 120
    assert len(set(found) | {user.user_id for user in rest}) == len(found) + len(rest) == (limit or 200)
    assert not note.exists()


def test_a_reading_is_the_same_job_in_another_process() -> None:
    """Whose sets have another order."""
    source = """
from pydynox import Attr, DynamoDBClient, Model, field, partition_key
from pydynox._jobs.bulk import _job_of

class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    tags: Attr[set[str]] = field(default_factory=set)

with DynamoDBClient(endpoint_url="memory://").as_default():
    print(_job_of(User.scan().filter(User.tags == set("abcdefgh"))))
"""
    jobs = {
        subprocess.run(
            [sys.executable, "-c", source],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in "1234"
    }
    assert len(jobs) == 1


def test_readings_that_cannot_be_are_refused(client: DynamoDBClient, tmp_path: Path) -> None:
    client.sync.bulk_write(users(50))
    note = tmp_path / "users.read"

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    handed: list[Any] = []
    with pytest.raises(KeyboardInterrupt):
        client.sync.bulk_read(User.scan(), lambda rows: stop(rows) if handed else handed.extend(rows), rows=10, resume=note)
    for other in (User.scan().filter(User.text == "x"), User.query("u1"), User.scan().consistent_read()):
        with pytest.raises(ConfigurationError, match="another job: the query"):
            client.sync.bulk_read(other, handed.extend, resume=note)
    with pytest.raises(CursorError):
        client.sync.bulk_read(User.scan(segments=3), handed.extend, resume=note)
    wrong: Any = User
    with pytest.raises(TypeError, match="a query"):
        client.sync.bulk_read(wrong, handed.extend)
    with pytest.raises(TypeError, match="a function"):
        client.sync.bulk_read(User.scan(), wrong and None)  # type: ignore[arg-type]
    for rate in (0, -1, float("nan")):
        with pytest.raises(ConfigurationError, match="target_rcu"):
            client.sync.bulk_read(User.scan(), handed.extend, target_rcu=rate)
    assert len(handed) == 10


@pytest.mark.alone
@pytest.mark.engines("embedded")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_hundred_thousand_items_are_the_engines_work_and_memory_is_flat() -> None:
    """In a process of its own, whose threads are priced: the engine's is the one that works."""
    printed = subprocess.run([sys.executable, "-c", BULK], capture_output=True, text=True, check=True, timeout=300).stdout
    done = json.loads(printed)
    assert done["items"] == 100_000
    assert done["grown"] < 10e6, done
    work = done["cpu"]
    assert work["pydynox-blockin"] > 0.5 * sum(work.values()), work
    assert work["pydynox-blockin"] > 3 * work["pydynox-io"], work  # where nothing is optimised, as in `make test`


BULK = """
import asyncio, json, os
from pydynox import Attr, DynamoDBClient, Model, field, partition_key

class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="x" * 400)

def cpu():
    # Seconds by the name of the thread, the kernel's included.
    found = {}
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/stat") as file: text = file.read()
        name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
        found[name] = found.get(name, 0) + (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK")
    return found

def resident():
    with open("/proc/self/statm") as file: return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

async def main():
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default(): await User.table.create()
    def many(count):  # of a table that does not grow: its items are memory too
        for number in range(count): yield User(user_id=f"u{number % 2000}")
    await client.bulk_write(many(10_000))
    before, memory = cpu(), resident()
    items = await client.bulk_write(many(100_000))
    after = cpu()
    print(json.dumps({"items": items, "grown": resident() - memory, "cpu": {name: after[name] - before.get(name, 0) for name in after}}))

asyncio.run(main())
"""
