"""Bulk writes and paced reads: everything arrives, at a rate that the table can bear, and what was interrupted goes on."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, Model, field, partition_key, version
from pydynox.exceptions import BatchIncompleteError, ConfigurationError, TableNotFoundError, ValidationError
from pydynox.testing import fault, inject

from .conftest import Drive


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


@pytest.mark.engines("embedded")
def test_memory_is_flat(client: DynamoDBClient) -> None:
    def resident() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    class Same(Model[str], table="users"):
        user_id: Attr[str] = partition_key()
        text: Attr[str] = field(default="x" * 500)

    def many(count: int) -> Any:
        for number in range(count):
            yield Same(user_id=f"u{number % 500}")

    client.sync.bulk_write(many(5_000))
    before = resident()
    client.sync.bulk_write(many(30_000))
    assert resident() - before < 10_000_000
