"""The laws of the house (docs/architecture.md) that show only while calls run: 5, 7, 8; and what law 10 asks of the dependencies."""

from __future__ import annotations

import asyncio
import pathlib
import sys
import tomllib
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pydynox
import pytest
from pydynox import Attr, Credentials, DynamoDBClient, Encrypted, Model, _core, field, partition_key, sort_key, version
from pydynox.exceptions import ConnectionFailedError

ROOT = pathlib.Path(__file__).parent.parent.parent
Verb = Callable[["Note"], Awaitable[object]]


class Note(Model[str, int], table="notes"):
    owner: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    text: Attr[str] = field(default="")
    revision: Attr[int] = version()


VERBS: dict[str, Verb] = {
    "get": lambda note: Note.get("ann", 1),
    "get_or_raise": lambda note: Note.get_or_raise("ann", 1),
    "exists": lambda note: Note.key("ann", 1).exists(),
    "create": lambda note: Note(owner="ann", number=2).create(),
    "put": lambda note: note.put(),
    "save": lambda note: note.save(),
    "update": lambda note: note.update(Note.text.set("other")),
    "update by key": lambda note: Note.key("ann", 1).update(Note.text.set("other")),
    "apply by key": lambda note: Note.key("ann", 1).apply(Note.text.set("other")),
    "delete": lambda note: note.delete(),
    "delete by key": lambda note: Note.key("ann", 1).delete(),
    "pop": lambda note: Note.key("ann", 1).pop(),
    "refresh": lambda note: note.refresh(),
}


def seen(note: Note) -> tuple[object, ...]:
    return note.model_dump(), _core.changes(note), _core.is_stored(note)


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        Note.table.sync.create()
        Note(owner="ann", number=1, text="first").sync.create()
        yield client


@pytest.mark.parametrize("name", VERBS)
def test_law_7_a_verb_crosses_into_the_core_once(client: DynamoDBClient, name: str) -> None:
    note = Note.sync.get_or_raise("ann", 1)
    if name in {"put", "save"}:
        note.text = "changed"
    crossings: list[str] = []

    def watch(frame: Any, event: str, called: Any) -> None:
        if event == "c_call" and isinstance(getattr(called, "__self__", None), _core.Client):
            crossings.append(called.__name__)

    async def call() -> None:
        awaitable = VERBS[name](note)
        sys.setprofile(watch)
        try:
            await awaitable
        finally:
            sys.setprofile(None)

    asyncio.run(call())

    assert len(crossings) == 1, crossings


@pytest.mark.parametrize("name", ["create", "put", "save", "update", "delete", "refresh"])
def test_law_8_an_instance_does_not_change_while_a_call_waits(client: DynamoDBClient, name: str) -> None:
    async def call() -> None:
        note = Note(owner="ann", number=3, text="x") if name == "create" else await Note.get_or_raise("ann", 1)
        if name != "update":  # which refuses an instance that was changed
            note.text = "changed here"
        before = seen(note)
        verb: Verb = (lambda note: note.create()) if name == "create" else VERBS[name]
        with DynamoDBClient(endpoint_url=f"memory://law-8-{name}?latency=30").as_default():
            await Note.table.create()
            await Note(owner="ann", number=1, text="first").create()
            task = asyncio.ensure_future(verb(note))
            while not task.done():
                assert seen(note) == before
                await asyncio.sleep(0.005)
            await task
        assert seen(note) != before

    asyncio.run(call())


def thread() -> str:
    """The name that the system has for the calling thread."""
    return pathlib.Path("/proc/thread-self/comm").read_text().strip()


class PlainKeyring:
    key_name = "k1"

    def __init__(self) -> None:
        self.threads: list[str] = []

    def generate_data_key(self, context: dict[str, str]) -> tuple[str, bytes, bytes]:
        self.threads.append(thread())
        return "k1", bytes(32), b"wrapped"

    def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str]) -> bytes:
        self.threads.append(thread())
        return bytes(32)


class AsyncKeyring(PlainKeyring):
    async def generate_data_key(self, context: dict[str, str]) -> tuple[str, bytes, bytes]:  # type: ignore[override]
        return super().generate_data_key(context)

    async def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str]) -> bytes:  # type: ignore[override]
        return super().unwrap(key_name, wrapped, context)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system for the names of threads")
@pytest.mark.parametrize("kind", [PlainKeyring, AsyncKeyring])
@pytest.mark.parametrize("drive", [asyncio.run, pydynox.run], ids=["awaited", "blocking"])
def test_law_5_a_keyring_never_runs_on_the_thread_of_the_futures(kind: type[PlainKeyring], drive: Any) -> None:
    class Secret(Model[str], table="secrets"):
        id: Attr[str] = partition_key()
        text: Encrypted[str]

    keyring = kind()
    writer = DynamoDBClient(endpoint_url=f"memory://law-5-{kind.__name__}?latency=1", keyring=keyring)
    reader = DynamoDBClient(endpoint_url=f"memory://law-5-{kind.__name__}?latency=1", keyring=keyring)

    async def calls() -> None:
        with writer.as_default():
            await Secret.table.ensure()
            await Secret(id="s", text="hidden").put()
        with reader.as_default():
            assert (await Secret.get_or_raise("s")).text == "hidden"

    drive(calls())

    assert len(keyring.threads) >= 2
    assert "pydynox-io" not in keyring.threads, keyring.threads


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system for the names of threads")
@pytest.mark.parametrize("is_coroutine", [False, True])
def test_law_5_a_provider_of_credentials_never_runs_on_the_thread_of_the_futures(is_coroutine: bool) -> None:
    threads: list[str] = []

    def plain() -> Credentials:
        threads.append(thread())
        return Credentials("AKIDEXAMPLE", "secret", expires_at=datetime.now(UTC) + timedelta(hours=1))

    async def awaited() -> Credentials:
        return plain()

    client = DynamoDBClient(
        endpoint_url="http://127.0.0.1:9", region="us-east-1", credentials=awaited if is_coroutine else plain, max_attempts=1
    )

    with pytest.raises(ConnectionFailedError):
        asyncio.run(client.get_item("things", {"id": "1"}))

    assert threads
    assert "pydynox-io" not in threads, threads


@pytest.mark.parametrize("crate", ["pydynox-core", "pydynox-python", "pydynox-aws"])
def test_law_10_no_crate_on_the_way_of_an_item_can_build_a_tree_of_values(crate: str) -> None:
    """serde and its trees are for the embedded engine, which is another service, and for tests."""
    manifest = tomllib.loads((ROOT / "crates" / crate / "Cargo.toml").read_text())

    assert not {"serde", "serde_json"} & manifest["dependencies"].keys()


def test_public_classes_name_their_public_home() -> None:
    private = {
        name: value.__module__
        for name in pydynox.__all__
        if isinstance(value := getattr(pydynox, name), type) and "._" in value.__module__.removeprefix("pydynox._core")
    }

    assert private == {}
