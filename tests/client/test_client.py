"""Clients: where items live, which client a model uses, what is refused, and tables."""

from __future__ import annotations

import asyncio
import math
import pathlib
import types
from collections.abc import Generator
from typing import Any

import pydynox
import pytest
from pydynox import Attr, DynamoDBClient, Model, ModelConfig, get_default_client, partition_key, set_default_client, sort_key
from pydynox.exceptions import ConfigurationError, InvalidRequestError, RequestError, RequestTimeoutError, TableNotFoundError

from tests.conftest import Drive


class Note(Model[str], table="notes"):
    """The smallest model."""

    note_id: Attr[str] = partition_key()


class Entry(Model[bytes, int], table="entries"):
    """A key of bytes and a number."""

    owner: Attr[bytes] = partition_key()
    at: Attr[int] = sort_key()


def test_a_private_engine_belongs_to_its_client(drive: Drive) -> None:
    first, second = DynamoDBClient(endpoint_url="memory://"), DynamoDBClient(endpoint_url="memory://")

    with first.as_default():
        drive(Note.table.create())

    with second.as_default():
        assert drive(Note.table.exists()) is False
    with first.as_default():
        assert drive(Note.table.exists()) is True


def test_a_named_engine_is_shared_in_the_process_until_its_last_client_closes(drive: Drive) -> None:
    first, second = DynamoDBClient(endpoint_url="memory://shared"), DynamoDBClient(endpoint_url="memory://shared")
    with first.as_default():
        drive(Note.table.create())

    with second.as_default():
        assert drive(Note.table.exists()) is True
    drive(first.close())
    drive(second.close())

    with DynamoDBClient(endpoint_url="memory://shared").as_default():
        assert drive(Note.table.exists()) is False


def test_a_file_keeps_items(drive: Drive, tmp_path: pathlib.Path) -> None:
    url = f"file://{tmp_path}/items.db"
    with DynamoDBClient(endpoint_url=url).as_default() as client:
        drive(Note.table.create())
        drive(Note(note_id="n1").create())
        drive(client.close())

    with DynamoDBClient(endpoint_url=url + "?sync=full").as_default():
        assert drive(Note.get("n1")) == Note(note_id="n1")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://x?speed=1", "speed"),
        ("memory://?latency=soon", "latency"),
        ("memory://?latency=-1", "latency"),
        ("file://", "path"),
        ("file:///x.db?sync=maybe", "sync"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_when_the_client_is_made(url: str | None, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        DynamoDBClient(endpoint_url=url)


@pytest.mark.parametrize(
    "options", [{"timeout": -1}, {"timeout": 0}, {"timeout": math.nan}, {"max_attempts": 0}, {"errors": "some"}]
)
def test_a_setting_out_of_range_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        DynamoDBClient(endpoint_url="memory://", **options)


def test_the_client_in_force_is_the_innermost(drive: Drive) -> None:
    own = DynamoDBClient(endpoint_url="memory://")

    class Kept(Model[str], table="kept"):
        model_config = ModelConfig(client=own)
        kept_id: Attr[str] = partition_key()

    fallback, block = DynamoDBClient(endpoint_url="memory://"), DynamoDBClient(endpoint_url="memory://")
    set_default_client(fallback)
    try:
        assert get_default_client() is fallback
        drive(Kept.table.create())
        drive(Note.table.create())
        with block.as_default():
            assert get_default_client() is block
            assert drive(Kept.table.exists()) is False
            assert drive(Note.table.exists()) is False
        with own.as_default():
            assert drive(Kept.table.exists()) is True
        with fallback.as_default():
            assert drive(Note.table.exists()) is True
    finally:
        set_default_client(None)


def test_the_default_client_of_a_block_is_that_of_its_tasks() -> None:
    async def exists() -> bool:
        return await Note.table.exists()

    async def with_table(make: bool) -> bool:
        with DynamoDBClient(endpoint_url="memory://").as_default():
            if make:
                await Note.table.create()
            await asyncio.sleep(0)
            return await asyncio.create_task(exists())

    async def main() -> list[bool]:
        return await asyncio.gather(with_table(True), with_table(False))

    assert asyncio.run(main()) == [True, False]


def test_a_closed_client_refuses_calls(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    drive(client.close())

    with client.as_default(), pytest.raises(RuntimeError, match="closed"):
        drive(Note.table.exists())


def test_a_table_is_created_described_and_deleted(drive: Drive, client: DynamoDBClient) -> None:
    drive(Entry.table.create())

    described = drive(Entry.table.describe())

    assert (described.name, described.status) == ("entries", "ACTIVE")
    assert (described.partition_key, described.sort_key) == ("owner", "at")
    assert described.attribute_types == {"owner": "B", "at": "N"}
    assert described.raw["KeySchema"] == [
        {"AttributeName": "owner", "KeyType": "HASH"},
        {"AttributeName": "at", "KeyType": "RANGE"},
    ]
    assert drive(client.call("ListTables"))["TableNames"] == ["entries"]
    drive(Entry.table.delete())
    assert drive(Entry.table.exists()) is False
    with pytest.raises(TableNotFoundError, match="entries"):
        drive(Entry.table.describe())
    with pytest.raises(TableNotFoundError):
        drive(Entry.table.delete())


def test_creating_a_table_twice_is_refused(drive: Drive, client: DynamoDBClient) -> None:
    drive(Note.table.create())

    with pytest.raises(RequestError) as caught:
        drive(Note.table.create())

    assert caught.value.code == "ResourceInUseException"


def test_the_table_prefix_stands_before_every_name(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://", table_prefix="test-")
    with client.as_default():
        drive(Note.table.create())
        drive(Note(note_id="n1").create())

        assert drive(client.call("ListTables"))["TableNames"] == ["test-notes"]
        assert drive(client.get_item("notes", {"note_id": "n1"})) == {"note_id": "n1"}


def test_bytes_and_numbers_are_keys(drive: Drive, client: DynamoDBClient) -> None:
    drive(Entry.table.create())
    drive(Entry(owner=b"\x00\xff", at=5).create())

    assert drive(Entry.key(b"\x00\xff", 5).exists()) is True
    assert Entry.key(b"a", 5) == Entry.key(b"a", 5)
    assert len({Entry.key(b"a", 5), Entry.key(b"a", 5)}) == 1
    assert repr(Entry.key(b"a", 5)) == "Entry.key(b'a', 5)"


def test_any_operation_passes_through(drive: Drive, client: DynamoDBClient) -> None:
    drive(Note.table.create())
    drive(
        client.call(
            "BatchWriteItem", RequestItems={"notes": [{"PutRequest": {"Item": {"note_id": {"S": str(n)}}}} for n in range(25)]}
        )
    )

    answer = drive(client.call("Scan", TableName="notes", Select="COUNT"))

    assert answer["Count"] == 25
    with pytest.raises(InvalidRequestError) as caught:
        drive(client.call("PutItem", TableName="notes", Item={}))
    assert caught.value.operation == "PutItem"
    assert caught.value.status == 400


@pytest.mark.engines("embedded")
def test_an_operation_that_the_embedded_engine_lacks_is_named(drive: Drive, client: DynamoDBClient) -> None:
    with pytest.raises(pydynox.exceptions.PydynoxError, match="CreateBackup"):
        drive(client.call("CreateBackup", TableName="notes", BackupName="b"))


def test_a_call_that_takes_longer_than_its_time_out_ends(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://?latency=5000", timeout=0.05)

    with client.as_default(), pytest.raises(RequestTimeoutError) as caught:
        drive(Note.get("n1"))

    assert isinstance(caught.value, TimeoutError)
    assert caught.value.operation == "GetItem"


def test_a_loop_that_is_not_asyncios_is_told_what_to_do() -> None:
    client = DynamoDBClient(endpoint_url="memory://?latency=5000")

    with client.as_default(), pytest.raises(RuntimeError, match=r"no asyncio event loop is running.*use the \.sync form"):
        Note.get("n1").send(None)  # how trio, or anything else, would drive it


def test_run_refuses_what_is_no_coroutine_of_ours() -> None:
    with pytest.raises(TypeError, match="coroutine"):
        pydynox.run(3)  # type: ignore[arg-type]

    @types.coroutine
    def foreign() -> Generator[None]:
        yield

    with pytest.raises(RuntimeError, match="needs an event loop"):
        pydynox.run(foreign())


def test_awaiting_outside_of_a_loop_is_told_apart() -> None:
    with DynamoDBClient(endpoint_url="memory://?latency=1").as_default():
        coroutine = Note.get("n1")
        with pytest.raises(RuntimeError, match=r"\.sync"):
            coroutine.send(None)
