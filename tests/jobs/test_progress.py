"""Progress: what long verbs report, and bars that show it."""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pydynox
import pytest
from pydynox import (
    Attr,
    DynamoDBClient,
    Encrypted,
    LocalKeyring,
    Model,
    Progress,
    export_jsonl,
    field,
    import_jsonl,
    partition_key,
    reencrypt,
)
from pydynox.cli import main
from pydynox.cli._words import progress_bar
from pydynox.testing import fault, inject
from tqdm import tqdm
from tqdm.auto import tqdm as tqdm_auto

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer


class Row(Model[str], table="rows"):
    row_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="x" * 100)
    name: Attr[str | None] = field(default=None, unique=True)
    secret: Encrypted[str | None] = field(default=None)


class Plain(Model[str], table="rows"):
    row_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="x" * 100)


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": b"k" * 32}), max_attempts=9)
    with client.as_default():
        Row.table.sync.create()
        client.sync.batch_save([Plain(row_id=f"r{number}") for number in range(250)])
        yield client


def rows(count: int = 250) -> list[Plain]:
    return [Plain(row_id=f"r{number}") for number in range(count)]


async def in_block(client: DynamoDBClient, path: Path, report: Callable[[Progress], object]) -> None:
    async with client.batch_writer(progress=report) as batch:
        await batch.put_all(rows())
        await Plain.get("r1")  # of the user, which is not the batch's


async def reimported(client: DynamoDBClient, path: Path, report: Callable[[Progress], object]) -> None:
    await export_jsonl(Plain, path / "rows.jsonl")
    await import_jsonl(Plain, path / "rows.jsonl", progress=report)


Job = Callable[[DynamoDBClient, Path, Callable[[Progress], object]], Any]
#: Each long verb, what it is done with in the end, the total it knows, and whether it reads and writes.
JOBS: dict[str, tuple[Job, int, int | None, bool, bool]] = {
    "batch_writer": (in_block, 250, None, False, True),
    "batch_save": (lambda c, _, report: c.batch_save(rows(), progress=report), 250, 250, False, True),
    "batch_save of an iterator": (lambda c, _, report: c.batch_save(iter(rows()), progress=report), 250, None, False, True),
    "batch_delete": (
        lambda c, _, report: c.batch_delete([Plain.key(row.row_id) for row in rows()], progress=report),
        250,
        250,
        False,
        True,
    ),
    "bulk_write": (lambda c, _, report: c.bulk_write(rows(), progress=report), 250, 250, False, True),
    "bulk_read": (lambda c, _, report: c.bulk_read(Plain.scan(), len, rows=50, progress=report), 250, None, True, False),
    "export_jsonl": (
        lambda _, path, report: export_jsonl(Plain, path / "x", page_size=50, progress=report),
        250,
        None,
        True,
        False,
    ),
    "import_jsonl": (reimported, 250, 250, False, True),
    "reencrypt": (lambda _, __, report: pydynox.reencrypt(Row, progress=report), 250, None, True, False),
    "verify_unique": (lambda _, __, report: pydynox.verify_unique(Row, progress=report), 250, None, True, False),
}


@pytest.mark.parametrize("name", JOBS)
def test_every_long_verb_reports_one_value(client: DynamoDBClient, drive: Drive, tmp_path: Path, name: str) -> None:
    job, done, total, reads, writes = JOBS[name]
    reports: list[Progress] = []

    drive(job(client, tmp_path, reports.append))

    last = reports[-1]
    assert all(type(report) is Progress for report in reports)
    assert (last, last.total) == (done, total)
    assert reports == sorted(reports)
    assert last.elapsed >= reports[0].elapsed > 0
    assert last.rate == pytest.approx(done / last.elapsed)
    assert (last.read_units > 0, last.write_units > 0) == (reads, writes)
    assert last.throttles == 0


@pytest.mark.parametrize("is_told", [False, True])
def test_units_are_asked_for_only_if_somebody_wants_to_know(serve: Serve, drive: Drive, is_told: bool) -> None:
    server = serve(answer({}))
    reports: list[Progress] = []

    drive(client_of(server).batch_save(rows(10), progress=reports.append if is_told else None))

    assert ["ReturnConsumedCapacity" in seen.json() for seen in server.seen] == [is_told]
    assert reports == ([10] if is_told else [])


def test_throttles_are_counted(client: DynamoDBClient, drive: Drive) -> None:
    reports: list[Progress] = []

    with inject(client, fault("BatchWriteItem", "error", code="ThrottlingException", times=2)):
        drive(client.batch_save(rows(), progress=reports.append))

    assert reports[-1].throttles == 2
    assert "2 throttled" in repr(reports[-1])


def test_the_rate_of_a_resumed_job_is_of_this_run(client: DynamoDBClient, drive: Drive, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(done: int) -> None:
        if done >= 100:
            raise StopError

    reports: list[Progress] = []
    path = tmp_path / "rows.jsonl"
    with pytest.raises(StopError):
        drive(export_jsonl(Plain, path, page_size=50, progress=stop))

    drive(export_jsonl(Plain, path, page_size=50, resume=True, progress=reports.append))

    assert reports[-1] == 250
    assert reports[-1].rate == pytest.approx(150 / reports[-1].elapsed)


def test_progress_is_a_number_where_one_is_expected() -> None:
    seen = Progress(1200, total=5000, elapsed=2.0, rate=600.4, write_units=1200.0, throttles=3)

    assert seen == 1200
    assert f"{seen} {seen:,} {seen!s}" == "1200 1,200 1200"
    assert seen.detail == "600/s, 1,200 write units, 3 throttled"
    assert repr(seen) == "Progress(1200 of 5000, 600/s, 1,200 write units, 3 throttled)"
    assert repr(Progress(0)) == "Progress(0, 0/s)"
    assert sum([seen, 1]) == 1201


@pytest.mark.parametrize("bar_class", [tqdm, tqdm_auto], ids=["tqdm", "auto"])
def test_a_bar_of_tqdm_shows_it(client: DynamoDBClient, drive: Drive, bar_class: Any) -> None:
    screen = io.StringIO()

    with bar_class(file=screen, mininterval=0, unit=" items") as bar:
        drive(client.batch_save(rows(), progress=Progress.on(bar)))
        assert (bar.n, bar.total) == (250, 250)

    assert "250/250" in screen.getvalue()
    assert "250 write units" in screen.getvalue()


def test_a_bar_of_tqdm_without_a_total_counts(client: DynamoDBClient, drive: Drive) -> None:
    screen = io.StringIO()

    with tqdm(file=screen, mininterval=0) as bar:
        drive(client.bulk_read(Plain.scan(), len, rows=100, progress=Progress.on(bar)))

    assert (bar.n, bar.total) == (250, None)
    assert "read units" in screen.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_rich_shows_it_on_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")

    with progress_bar("import [rows]", None) as report:
        report(Progress(1200, total=5000, elapsed=2.0, rate=600.4, write_units=1200.0, throttles=3))
        report(Progress(5000, total=5000, elapsed=4.0, rate=1250.0, write_units=5000.0, throttles=3))

    text = screen.getvalue()
    assert "import [rows]" in text
    assert "5,000 of 5,000 items" in text
    assert "1,250/s, 5,000 write units, 3 throttled" in text


def test_commands_report_to_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/items.db"
    with DynamoDBClient(endpoint_url=url).as_default() as made:
        Plain.table.sync.create()
        made.sync.batch_save(rows(30))
        made.sync.close()
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")

    assert main(["export", "rows", str(tmp_path / "rows.jsonl"), "--endpoint-url", url]) == 0

    assert "30 items" in screen.getvalue()
    assert "read units" in screen.getvalue()


async def awaited(progress: Progress) -> None: ...


async def generated(progress: Progress) -> AsyncIterator[int]:
    yield progress


@pytest.mark.parametrize(
    "wrong", [5, "bar", awaited, generated], ids=["a number", "a text", "a coroutine function", "a generator"]
)
@pytest.mark.parametrize("verb", ["batch_save", "batch_delete", "bulk_write", "bulk_read", "batch_writer", "export", "reencrypt"])
def test_what_cannot_be_called_is_refused_before_anything_is_sent(
    client: DynamoDBClient, drive: Drive, tmp_path: Path, verb: str, wrong: Any
) -> None:
    async def writer() -> None:
        async with client.batch_writer(progress=wrong) as batch:
            await batch.put(Plain(row_id="p"))

    calls: dict[str, Callable[[], Any]] = {
        "batch_save": lambda: client.batch_save(rows(), progress=wrong),
        "batch_delete": lambda: client.batch_delete(rows(), progress=wrong),
        "bulk_write": lambda: client.bulk_write(rows(), progress=wrong),
        "bulk_read": lambda: client.bulk_read(Plain.scan(), len, progress=wrong),
        "batch_writer": writer,
        "export": lambda: export_jsonl(Plain, tmp_path / "items.jsonl", progress=wrong),
        "reencrypt": lambda: reencrypt(Row, progress=wrong),
    }
    with client.record() as requests, pytest.raises(TypeError, match="progress= must be a"):
        drive(calls[verb]())

    assert {request.operation for request in requests} <= {"DescribeTable"}


@pytest.mark.parametrize("wrong", [None, 5, print])
def test_what_is_no_bar_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"Progress.on\(\) takes a bar of tqdm, not"):
        Progress.on(wrong)
