"""Behind a row that cannot be opened: the cursor of its error goes on there, and every other row is taken exactly once."""

from __future__ import annotations

import re
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydynox import (
    Attr,
    DynamoDBClient,
    Encrypted,
    GlobalSecondaryIndex,
    LocalKeyring,
    Model,
    field,
    partition_key,
    reencrypt,
    sort_key,
    verify_unique,
    version,
)
from pydynox.exceptions import ConfigurationError, CursorError, EncryptionError, SerializationError
from pydynox.local import LocalServer

from tests.conftest import Drive
from tests.engines import CREDENTIALS

pytestmark = pytest.mark.thorough

OLD, NEW = {"a": b"1" * 32}, {"a": b"1" * 32, "b": b"2" * 32}
COUNT = 150


class Row(Model[str, int], table="rows"):
    pid: Attr[str] = partition_key()
    n: Attr[int] = sort_key()
    kind: Attr[str] = field(default="k")
    ssn: Encrypted[str | None] = field(default=None)
    number: Attr[int] = version()
    by_kind = GlobalSecondaryIndex(kind, pid)


class Plain(Model[str, int], table="rows"):
    """The same rows, of which nothing is protected."""

    pid: Attr[str] = partition_key()
    n: Attr[int] = sort_key()
    kind: Attr[str] = field(default="k")
    note: Attr[str] = field(default="")
    by_kind = GlobalSecondaryIndex(kind, pid)


class Login(Model[str], table="logins"):
    login: Attr[str] = partition_key()
    email: Attr[str] = field(unique=True)
    ssn: Encrypted[str | None] = field(default=None)


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Iterator[DynamoDBClient]:
    keys = getattr(request, "param", [])
    client = DynamoDBClient(endpoint_url=f"memory://{uuid.uuid4().hex}", keyring=LocalKeyring(OLD), cursor_keys=keys)
    with client.as_default():
        Row.table.sync.create()
        client.sync.batch_save((Row(pid=f"p{n % 3}", n=n, ssn=f"s{n}") for n in range(COUNT)), unguarded=True)
        yield client
    client.sync.close()


def with_new_keys(client: DynamoDBClient) -> DynamoDBClient:
    place = re.search(r"memory://\w+", repr(client))
    assert place is not None
    keys = [bytes(32)] if client.core.seals_cursors else []
    return DynamoDBClient(endpoint_url=place.group(), keyring=LocalKeyring(NEW), cursor_keys=keys)


def damage(client: DynamoDBClient, *places: int) -> set[int]:
    """Make the rows at these places of a scan such that nobody can read them; gives their numbers."""
    order = client.scan("rows").sync.all()
    for place in places:
        client.sync.put_item("rows", {**order[place], "ssn": b"\xd9\x70\x01\x01", "note": 5})
    return {int(order[place]["n"]) for place in places}


def number(row: Any) -> int:
    found: int = row[0] if isinstance(row, tuple) else row.n
    return found


async def iterated(rows: Any, taken: list[int]) -> None:
    async for row in rows:
        taken.append(number(row))


async def by_pages(rows: Any, taken: list[int]) -> None:
    async for page in rows.pages(7):
        taken += [number(row) for row in page]


async def page_by_page(rows: Any, taken: list[int]) -> None:
    cursor = "begin"
    while cursor is not None:
        page = await rows.page(45)
        taken += [number(row) for row in page]
        rows, cursor = rows.after(page.cursor), page.cursor


async def in_bulk(rows: Any, taken: list[int]) -> None:
    await DynamoDBClient.bulk_read(_in_force(), rows, lambda page: taken.extend(number(row) for row in page), rows=33)


def _in_force() -> DynamoDBClient:
    from pydynox.default_client import client_for

    return client_for(None)


READS: dict[str, Callable[[], Any]] = {
    "scan": lambda: Row.scan().page_size(20),
    "segments": lambda: Row.scan(segments=3).page_size(20),
    "one segment": lambda: Row.scan(segments=1, segment=0).page_size(20),
    "index": lambda: Row.by_kind.query("k").page_size(20),
    "limited": lambda: Row.scan().page_size(20).limit(COUNT),
    "hydrate": lambda: Row.by_kind.query("k").page_size(20).hydrate(),
    "hydrate of a table": lambda: Row.scan().page_size(20).hydrate(),
    "hydrate of segments": lambda: Row.scan(segments=3).page_size(20).hydrate(),
    "hydrate with filter": lambda: Row.by_kind.query("k").filter(Row.number > 0).page_size(20).hydrate(),
    "plain": lambda: Plain.scan().page_size(20),
    "plain segments": lambda: Plain.scan(segments=3).page_size(20),
    "plain index": lambda: Plain.by_kind.query("k").page_size(20),
    "plain hydrate": lambda: Plain.by_kind.query("k").page_size(20).hydrate(),
    "selected": lambda: Plain.scan().page_size(20).select(Plain.n, Plain.note),
}
WAYS = {"iterated": iterated, "by pages": by_pages, "page by page": page_by_page, "in bulk": in_bulk}
#: The first and the last, some side by side, the first and the last of a request, and of a page.
PLACES = (0, 40, 63, 64, 65, 99, 100, 120, 121, 139, COUNT - 1)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("read", READS)
def test_reading_goes_on_behind_the_row(client: DynamoDBClient, drive: Drive, read: str, way: str) -> None:
    bad = damage(client, *PLACES)
    taken: list[int] = []
    errors: list[SerializationError] = []
    rows = READS[read]()

    while True:
        try:
            drive(WAYS[way](rows, taken))
            break
        except SerializationError as error:
            errors.append(error)
            if error.cursor is None:
                break  # it was the last
            rows = READS[read]().after(error.cursor)

    met = [error.key._values[1] for error in errors]
    about = ("Plain", "note") if read.startswith(("plain", "selected")) else ("Row", "ssn")
    assert {(error.model, error.attribute) for error in errors} == {about}
    assert sorted(taken + met) == list(range(COUNT))
    assert set(met) == bad


@pytest.mark.parametrize("client", [[], [bytes(32)]], ids=["open", "sealed"], indirect=True)
def test_reencrypt_goes_on_behind_the_row_and_writes_each_other_once(client: DynamoDBClient, drive: Drive) -> None:
    bad = damage(client, *PLACES)
    before = {row["n"]: row["number"] for row in client.scan("rows").sync.all()}
    newer = with_new_keys(client)
    errors: list[SerializationError] = []
    after = None

    while True:
        try:
            last = drive(reencrypt(Row, client=newer, after=after))
            break
        except EncryptionError as error:
            errors.append(error)
            after = error.cursor or "never: without one the job would start over"

    met = [error.key._values[1] for error in errors]
    assert {(error.model, error.attribute, error.key.model) for error in errors} == {("Row", "ssn", Row)}
    assert len(met) == len(bad)
    assert set(met) == bad
    assert last.written < COUNT
    numbers = {row["n"]: row["number"] for row in client.scan("rows").sync.all()}
    assert {n for n, number in numbers.items() if number == before[n] + 1} == set(range(COUNT)) - bad
    assert {n for n, number in numbers.items() if number == before[n]} == bad
    assert drive(reencrypt(Row, client=newer, dry_run=True)) == (COUNT, len(bad), 0)


def test_a_scan_goes_on_where_reencrypt_ended(client: DynamoDBClient, drive: Drive) -> None:
    (bad,) = damage(client, 101)
    order = [int(item["n"]) for item in client.scan("rows").sync.all()]

    with pytest.raises(EncryptionError) as refused:
        drive(reencrypt(Row, client=with_new_keys(client)))
    seen: list[Any] = []
    drive(reencrypt(Row, client=with_new_keys(client), on_invalid=seen.append))

    rest = drive(Row.scan().after(refused.value.cursor).select(Row.n).all())
    assert [n for (n,) in rest] == order[102:]
    assert [(error.key._values[1], error.cursor is not None) for error in seen] == [(bad, True)]


def test_reencrypt_goes_on_after_what_is_one_of_its_cursors(client: DynamoDBClient, drive: Drive, tmp_path: Path) -> None:
    newer = with_new_keys(client)
    note = tmp_path / "note"

    with pytest.raises(CursorError):
        drive(reencrypt(Row, client=newer, after="forged"))
    page = drive(Row.by_kind.query("k").page(3))
    with pytest.raises(CursorError):
        drive(reencrypt(Row, client=newer, after=page.cursor))

    def interrupt(done: int) -> None:
        if done > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive(reencrypt(Row, client=newer, note=note, progress=interrupt))
    place = drive(Row.scan().keys().page(3)).cursor
    with pytest.raises(ConfigurationError, match="after="):
        drive(reencrypt(Row, client=newer, note=note, resume=True, after=place))
    assert drive(reencrypt(Row, client=newer, after=place, dry_run=True)).read == COUNT - 3


def test_verify_unique_says_where_a_scan_goes_on(drive: Drive) -> None:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring(OLD))
    with client.as_default():
        Login.table.sync.create()
        for n in range(120):
            Login(login=f"u{n}", email=f"e{n}", ssn="s").sync.create()
        order = [key._values[0] for key in Login.scan().keys().sync.all()]
        item = client.sync.get_item("logins", {"login": order[110]})
        assert item is not None
        # Its guard goes, or it would be met when that is looked at, which is no scan of the items.
        for guard in client.scan("logins").sync.all():
            if "email" not in guard and f"'{order[110]}'" in repr(guard):
                client.sync.delete_item("logins", {"login": guard["login"]})
        client.sync.put_item("logins", {**item, "ssn": b"\xd9\x70\x01\x01"})

        with pytest.raises(EncryptionError) as refused:
            drive(verify_unique(Login))

        assert refused.value.key == Login.key(order[110])
        rest = drive(Login.scan().after(refused.value.cursor).keys().all())
        assert [key._values[0] for key in rest] == order[111:]


def test_jobs_over_the_network_do_not_warn_of_their_own_cursors(drive: Drive) -> None:
    with LocalServer() as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        client = DynamoDBClient(
            endpoint_url=server.endpoint_url, region="eu-west-1", credentials=CREDENTIALS, keyring=LocalKeyring(OLD)
        )
        with client.as_default():
            Login.table.sync.create()
            for n in range(105):
                Login(login=f"u{n}", email=f"e{n}", ssn="s").sync.create()
            assert drive(verify_unique(Login)) == []
            assert drive(reencrypt(Login, client=client)).stale == 0
        client.sync.close()
