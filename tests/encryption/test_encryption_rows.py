"""Rows that cannot be opened are bad rows like others, and a page of small bombs is unpacked no faster than it is taken."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import pydynox
import pytest
from pydynox import (
    Attr,
    Compressed,
    DataKeyCache,
    DynamoDBClient,
    Encrypted,
    GlobalSecondaryIndex,
    LocalKeyring,
    Model,
    field,
    partition_key,
    reencrypt,
    sort_key,
)
from pydynox.exceptions import ConfigurationError, EncryptionError, RequestTimeoutError, SerializationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Drive

pytestmark = pytest.mark.thorough

KEYRING = LocalKeyring({"a": b"1" * 32})


class Row(Model[str, int], table="rows"):
    pid: Attr[str] = partition_key()
    n: Attr[int] = sort_key()
    kind: Attr[str] = field(default="k")
    ssn: Encrypted[str | None] = field(default=None)
    log: Compressed[str | None] = field(default=None)
    by_kind = GlobalSecondaryIndex(kind, pid)


class User(Model[str], table="users"):
    uid: Attr[str] = partition_key()
    age: Attr[int] = field(default=0)


@pytest.fixture
def client() -> Any:
    client = DynamoDBClient(endpoint_url=f"memory://{uuid.uuid4().hex}", keyring=KEYRING)
    with client.as_default():
        for model in (Row, User):
            model.table.sync.create()
        client.sync.batch_save(Row(pid="p", n=n, ssn=f"s{n}", log="l" * 3000) for n in range(4))
        client.sync.batch_save(User(uid=str(n)) for n in range(3))
        yield client
    client.sync.close()


POISON: dict[str, tuple[str, Any]] = {
    "plaintext": ("ssn", "POISON"),
    "damaged": ("ssn", b"\xd9\x70\x01\x01"),
    "not a frame": ("log", b"\xd9\x7a\x01\x28\xb5\x2f\xfd\x00"),
}


def poison(client: DynamoDBClient, how: str = "plaintext", table: str = "rows") -> str:
    name, value = POISON[how]
    item = client.sync.get_item(table, {"pid": "p", "n": 2})
    assert item is not None
    client.sync.put_item(table, {**item, name: value})
    return name


async def bulk(rows: list[Any]) -> None:
    pass


#: What reads the poisoned row: by verb, and whether its error knows where reading goes on.
READS: dict[str, tuple[bool, Callable[[DynamoDBClient], Any]]] = {
    "get": (False, lambda client: Row.get("p", 2)),
    "get_or_raise": (False, lambda client: Row.get_or_raise("p", 2)),
    "key.get": (False, lambda client: Row.key("p", 2).get()),
    "batch_get": (False, lambda client: client.batch_get(*[Row.key("p", n) for n in range(4)])),
    "batch_get_all": (False, lambda client: client.batch_get_all([Row.key("p", 2)] * 2)),
    "transact_get": (False, lambda client: client.transact_get(*[Row.key("p", n) for n in range(4)])),
    "query": (True, lambda client: Row.query("p").all()),
    "query of an index": (True, lambda client: Row.by_kind.query("k").all()),
    "query of one": (
        False,  # which is the last
        lambda client: Row.query("p", Row.n == 2).one(),
    ),
    "page": (True, lambda client: Row.query("p", Row.n >= 2).page(1)),
    "scan": (True, lambda client: Row.scan().all()),
    "segments": (True, lambda client: Row.scan(segments=3).all()),
    "bulk_read": (True, lambda client: client.bulk_read(Row.scan(), bulk)),
    "hydrate": (True, lambda client: Row.by_kind.query("k").hydrate().all()),
    "execute": (False, lambda client: client.execute("SELECT * FROM rows", model=Row)),
    "execute_transaction": (
        False,
        lambda client: client.execute_transaction([("SELECT * FROM rows WHERE pid = ? AND n = ?", "p", 2)], model=Row),
    ),
    "update": (False, lambda client: Row.key("p", 2).update(Row.kind.set("other"))),
    "pop": (False, lambda client: Row.key("p", 2).pop()),
}


@pytest.mark.parametrize("how", POISON)
@pytest.mark.parametrize("verb", READS)
def test_the_error_says_which_row_cannot_be_opened(client: DynamoDBClient, drive: Drive, verb: str, how: str) -> None:
    name = poison(client, how)
    has_cursor, read = READS[verb]

    with pytest.raises(SerializationError) as refused:
        drive(read(client))

    error = refused.value
    assert isinstance(error, EncryptionError) == (name == "ssn")
    assert (error.model, error.attribute, error.key) == ("Row", name, Row.key("p", 2)), repr(error)
    assert error.applied == (verb in ("update", "pop"))
    assert (error.cursor is not None) == has_cursor
    if verb in ("query", "scan"):
        rest = Row.query("p") if verb == "query" else Row.scan()
        assert [row.n for row in drive(rest.after(error.cursor).all())] == [3]
    assert "POISON" not in str(error)


INVALID: dict[str, Callable[[DynamoDBClient, Any], Any]] = {
    "query": lambda client, seen: Row.query("p").on_invalid(seen).all(),
    "query of an index": lambda client, seen: Row.by_kind.query("k").on_invalid(seen).all(),
    "page": lambda client, seen: Row.query("p").on_invalid(seen).page(10),
    "scan": lambda client, seen: Row.scan().on_invalid(seen).all(),
    "segments": lambda client, seen: Row.scan(segments=3).on_invalid(seen).all(),
    "bulk_read": lambda client, seen: client.bulk_read(Row.scan().on_invalid(seen), bulk),
    "hydrate": lambda client, seen: Row.by_kind.query("k").hydrate().on_invalid(seen).all(),
}


@pytest.mark.parametrize("how", POISON)
@pytest.mark.parametrize("verb", INVALID)
def test_rows_that_cannot_be_opened_are_handed_over_and_the_others_are_read(
    client: DynamoDBClient, drive: Drive, verb: str, how: str
) -> None:
    name = poison(client, how)
    seen: list[SerializationError] = []

    found = drive(INVALID[verb](client, seen.append))

    if verb == "bulk_read":
        assert found == 3
    else:
        assert sorted(row.n for row in found) == [0, 1, 3]
        assert all(row.ssn == f"s{row.n}" for row in found)
    assert [(error.model, error.attribute, error.key) for error in seen] == [("Row", name, Row.key("p", 2))]
    if verb != "hydrate":
        assert seen[0].raw is not None
        assert seen[0].raw["n"] == 2


def test_keys_of_rows_are_read_without_opening_them(client: DynamoDBClient, drive: Drive) -> None:
    poison(client)

    assert drive(Row.query("p").keys().all()) == [Row.key("p", n) for n in range(4)]
    assert drive(Row.query("p").count()) == 4
    assert drive(Row.key("p", 2).exists())


async def test_each_get_of_a_turn_has_its_own_error(client: DynamoDBClient) -> None:
    name = await asyncio.to_thread(poison, client)

    async with pydynox.batching():
        rows = [Row.get("p", n) for n in range(4)]
        users = [User.get(str(n)) for n in range(3)]
        found = await asyncio.gather(*rows, *users, return_exceptions=True)

    assert [type(one).__name__ for one in found] == ["Row", "Row", "EncryptionError", "Row", "User", "User", "User"]
    error = found[2]
    assert isinstance(error, EncryptionError)
    assert (error.model, error.attribute, error.key) == ("Row", name, Row.key("p", 2))


async def test_a_lonely_get_of_a_turn_names_its_row(client: DynamoDBClient) -> None:
    await asyncio.to_thread(poison, client)

    async with pydynox.batching():
        with pytest.raises(EncryptionError) as refused:
            await Row.get("p", 2)

    assert refused.value.key == Row.key("p", 2)


def test_statements_stand_each_for_itself(client: DynamoDBClient, drive: Drive) -> None:
    poison(client)
    statements: list[Any] = [("SELECT * FROM rows WHERE pid = ? AND n = ?", "p", n) for n in range(4)]

    found = drive(client.execute_batch(statements, model=Row))

    assert [type(one).__name__ for one in found] == ["Row", "Row", "EncryptionError", "Row"]
    assert found[2].key == Row.key("p", 2)


def test_reencrypt_leaves_what_cannot_be_opened_and_goes_on(client: DynamoDBClient, drive: Drive) -> None:
    poison(client)
    newer = _same_place(client, LocalKeyring({"a": b"1" * 32, "b": b"2" * 32}))
    seen: list[SerializationError] = []

    with pytest.raises(EncryptionError) as refused:
        drive(reencrypt(Row, client=newer))
    done = drive(reencrypt(Row, client=newer, on_invalid=seen.append))

    assert refused.value.key == Row.key("p", 2)
    assert [error.key for error in seen] == [Row.key("p", 2)]
    assert (done.read, done.stale, done.written) == (4, 2, 1), "the two before it are done"


def _same_place(client: DynamoDBClient, keyring: Any, **options: Any) -> DynamoDBClient:
    place = re.search(r"memory://\w+", repr(client))
    assert place is not None
    return DynamoDBClient(endpoint_url=place.group(), keyring=keyring, **options)


class Failing:
    """A keyring that raises."""

    key_name = "f"

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.asked = 0

    def generate_data_key(self, context: dict[str, str]) -> tuple[str, bytes, bytes]:
        raise self.error

    def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str]) -> bytes:
        self.asked += 1
        raise self.error


class FailingLater(Failing):
    async def generate_data_key(self, context: dict[str, str]) -> tuple[str, bytes, bytes]:  # type: ignore[override]
        raise self.error

    async def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str]) -> bytes:  # type: ignore[override]
        raise self.error


class Stop(BaseException):
    """No exception, and one that no event loop treats in a way of its own."""


CALLS: dict[str, Callable[[DynamoDBClient], Any]] = {
    "get": lambda client: Row.get("p", 1),
    "query": lambda client: Row.query("p").all(),
    "batch_get": lambda client: client.batch_get(Row.key("p", 1), Row.key("p", 2)),
    "transact_get": lambda client: client.transact_get(Row.key("p", 1)),
    "create": lambda client: Row(pid="new", n=1, ssn="s").create(),
    "on_invalid": lambda client: Row.query("p").on_invalid(lambda error: None).all(),
}


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, Stop])
@pytest.mark.parametrize("call", CALLS)
def test_what_interrupts_passes_through_a_keyring(
    client: DynamoDBClient, drive: Drive, call: str, interrupt: type[BaseException]
) -> None:
    with _same_place(client, Failing(interrupt("now"))).as_default() as other, pytest.raises(interrupt):
        drive(CALLS[call](other))


@pytest.mark.parametrize("call", CALLS)
def test_a_keyring_whose_coroutine_is_cancelled_cancels_its_call(client: DynamoDBClient, drive: Drive, call: str) -> None:
    keyring = FailingLater(asyncio.CancelledError())

    with _same_place(client, keyring).as_default() as other, pytest.raises(asyncio.CancelledError):
        drive(CALLS[call](other))


@pytest.mark.parametrize("keyring", [Failing, FailingLater])
@pytest.mark.parametrize("call", [name for name in CALLS if name != "on_invalid"])
def test_what_a_keyring_raises_is_the_cause(client: DynamoDBClient, drive: Drive, call: str, keyring: type[Failing]) -> None:
    error = ValueError("no such vault")

    with (
        _same_place(client, keyring(error)).as_default() as other,
        pytest.raises(EncryptionError, match="no such vault") as failed,
    ):
        drive(CALLS[call](other))

    assert failed.value.__cause__ is error


def test_a_keyring_that_cannot_be_reached_is_no_fault_of_a_row(client: DynamoDBClient, drive: Drive) -> None:
    class Slow(Failing):
        async def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str]) -> bytes:  # type: ignore[override]
            await asyncio.sleep(5)
            return b""

    seen: list[Any] = []

    with _same_place(client, Slow(ValueError()), timeout=0.2).as_default(), pytest.raises(RequestTimeoutError):
        drive(Row.query("p").on_invalid(seen.append).all())

    assert seen == []


class Counting:
    """A keyring whose data keys are all different, and that counts."""

    key_name = "c"

    def __init__(self) -> None:
        self.made = self.unwrapped = 0

    def generate_data_key(self, context: dict[str, str]) -> tuple[str, bytes, bytes]:
        self.made += 1
        return self.key_name, bytes([self.made]) * 32, bytes([self.made])

    def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str]) -> bytes:
        self.unwrapped += 1
        return wrapped * 32


ASKED: dict[str, tuple[int, Callable[[], Any]]] = {
    "all": (6, lambda: Row.query("q").all()),
    "limit": (2, lambda: Row.query("q").filter(Row.kind.exists()).limit(2).all()),
    "first": (1, lambda: Row.query("q").filter(Row.kind.exists()).first()),
    "page": (3, lambda: Row.query("q").filter(Row.kind.exists()).page(3)),
    "count": (0, lambda: Row.query("q").count()),
}


@pytest.mark.parametrize("verb", ASKED)
def test_no_more_rows_are_opened_than_are_taken(client: DynamoDBClient, drive: Drive, verb: str) -> None:
    keyring = Counting()
    one_each = DataKeyCache(max_values=1)
    with _same_place(client, keyring, data_key_cache=one_each).as_default():
        for n in range(6):
            Row(pid="q", n=n, ssn="s").sync.create()
    asked, read = ASKED[verb]

    with _same_place(client, keyring, data_key_cache=one_each).as_default():
        drive(read())

    assert (keyring.made, keyring.unwrapped) == (6, asked)


# --- Bombs


class Packed(Model[str, int], table="packed"):
    pid: Attr[str] = partition_key()
    n: Attr[int] = sort_key()
    text: Compressed[str] = field(default="")
    both: Encrypted[str | None] = field(default=None, compress=True)


SIZE = 1024 * 1024 - 100


@pytest.fixture
def packed() -> Any:
    client = DynamoDBClient(endpoint_url=f"memory://{uuid.uuid4().hex}", keyring=KEYRING)
    with client.as_default():
        Packed.table.sync.create()
        yield client
    client.sync.close()


TAKEN: dict[str, Callable[[DynamoDBClient], Any]] = {
    "query": lambda client: Packed.query("p").all(),
    "scan": lambda client: Packed.scan().all(),
    "segments": lambda client: Packed.scan(segments=2).all(),
    "pages": lambda client: _pages(),
    "batch_get": lambda client: client.batch_get_all([Packed.key("p", n) for n in range(30)]),
}


async def _pages() -> list[Any]:
    return [row async for page in Packed.query("p").pages(4) for row in page]


@pytest.mark.parametrize("attribute", ["text", "both"])
@pytest.mark.parametrize("verb", TAKEN)
async def test_all_rows_are_unpacked_part_by_part(packed: DynamoDBClient, verb: str, attribute: str) -> None:
    values = {n: chr(97 + n % 26) * (SIZE - n) for n in range(30)}
    await packed.batch_save(Packed(pid="p", n=n, **{attribute: value}) for n, value in values.items())

    with _same_place(packed, KEYRING, max_decompressed=2 * SIZE).as_default() as small:
        found = await TAKEN[verb](small)

    assert {row.n: getattr(row, attribute) for row in found} == values


async def test_parts_do_not_end_a_reading_early(packed: DynamoDBClient) -> None:
    await packed.batch_save(Packed(pid="p", n=n, text="x" * SIZE) for n in range(12))
    with _same_place(packed, KEYRING, max_decompressed=2 * SIZE).as_default():
        page = await Packed.query("p").page(7)
        rest = await Packed.query("p").after(page.cursor).all()
        limited = await Packed.query("p").limit(5).all()
        first = await Packed.query("p", Packed.n >= 3).filter(Packed.text.exists()).first()
        iterated = [row.n async for row in Packed.query("p")]

    assert [row.n for row in page] == list(range(7))
    assert [row.n for row in rest] == list(range(7, 12))
    assert [row.n for row in limited] == list(range(5))
    assert first is not None
    assert first.n == 3
    assert iterated == list(range(12))


@pytest.mark.parametrize("attribute", ["text", "both"])
def test_an_item_over_the_budget_is_a_bad_row(packed: DynamoDBClient, drive: Drive, attribute: str) -> None:
    packed.sync.batch_save(Packed(pid="p", n=n, **{attribute: "x" * (SIZE if n == 1 else 2000)}) for n in range(3))
    seen: list[SerializationError] = []

    with _same_place(packed, KEYRING, max_decompressed=SIZE // 2).as_default() as small:
        with pytest.raises(SerializationError, match="max_decompressed") as refused:
            drive(Packed.get("p", 1))
        with pytest.raises(SerializationError, match="max_decompressed"):
            drive(small.transact_get(Packed.key("p", 0), Packed.key("p", 1)))
        found = drive(Packed.query("p").on_invalid(seen.append).all())

    assert (refused.value.model, refused.value.key) == ("Packed", Packed.key("p", 1))
    assert [row.n for row in found] == [0, 2]
    assert [error.key for error in seen] == [Packed.key("p", 1)]


WHOLE: dict[str, Callable[[DynamoDBClient], Any]] = {
    "transact_get": lambda client: client.transact_get(*[Packed.key("p", n) for n in range(6)]),
    "execute": lambda client: client.execute("SELECT * FROM packed", model=Packed),
    "execute_transaction": lambda client: client.execute_transaction(
        [("SELECT * FROM packed WHERE pid = ? AND n = ?", "p", n) for n in range(6)], model=Packed
    ),
}


@pytest.mark.parametrize("verb", WHOLE)
def test_answers_that_are_taken_whole_have_the_budget_together(packed: DynamoDBClient, drive: Drive, verb: str) -> None:
    packed.sync.batch_save(Packed(pid="p", n=n, text="x" * SIZE) for n in range(6))

    assert len(drive(WHOLE[verb](packed))) == 6
    with _same_place(packed, KEYRING, max_decompressed=4 * SIZE).as_default() as small:
        with pytest.raises(SerializationError, match="max_decompressed"):
            drive(WHOLE[verb](small))


async def test_each_get_of_a_turn_has_the_budget_alone(packed: DynamoDBClient) -> None:
    await packed.batch_save(Packed(pid="p", n=n, text="x" * SIZE) for n in range(6))

    with _same_place(packed, KEYRING, max_decompressed=2 * SIZE).as_default():
        async with pydynox.batching():
            found = await asyncio.gather(*(Packed.get("p", n) for n in range(6)))

    assert all(row is not None and len(row.text) == SIZE for row in found)


@pytest.mark.parametrize("value", [0, -1])
def test_a_budget_of_nothing_is_refused(value: int) -> None:
    with pytest.raises(ConfigurationError, match="max_decompressed"):
        DynamoDBClient(endpoint_url="memory://", max_decompressed=value)


BOMBS = """
import asyncio, resource, sys
from pydynox import Attr, Compressed, DynamoDBClient, Encrypted, LocalKeyring, Model, field, partition_key, sort_key

class P(Model[str, int], table="bombs"):
    pid: Attr[str] = partition_key()
    n: Attr[int] = sort_key()
    text: Compressed[str] = field(default="")

client = DynamoDBClient(endpoint_url="memory://")

async def main():
    await P.table.create()
    await P(pid="p", n=0, text="x" * (1024 * 1024 - 100)).create()
    item = await client.get_item("bombs", {"pid": "p", "n": 0})
    await client.batch_save(Raw(pid="p", n=n, text=item["text"]) for n in range(1000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    READ
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

class Raw(Model[str, int], table="bombs"):
    pid: Attr[str] = partition_key()
    n: Attr[int] = sort_key()
    text: Attr[bytes]

with client.as_default():
    asyncio.run(main())
"""


@pytest.mark.parametrize(
    "read",
    [
        "async for row in P.query('p'): break",
        "await P.query('p').filter(P.text.exists()).first()",
        "await P.query('p').filter(P.text.exists()).page(1)",
        "await P.scan().limit(1).all()",
        "async for page in P.query('p').pages(3): break",
        "async for row in P.scan(segments=4): break",
    ],
)
def test_a_page_of_small_bombs_costs_no_more_than_the_rows_that_are_taken(read: str) -> None:
    """A thousand values of some hundred bytes that unpack to a gigabyte."""
    program = BOMBS.replace("READ", read)

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 96 * 1024
