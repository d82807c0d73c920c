"""Exports and imports: what comes back is what was there, interrupted ones go on, other jobs are refused."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, Model, export_jsonl, field, import_jsonl, partition_key, run, sort_key
from pydynox.exceptions import BatchIncompleteError, ConfigurationError, TableNotFoundError, ValidationError
from pydynox.testing import fault, inject

pytestmark = pytest.mark.thorough


class Reading(Model[str, int], table="readings"):
    sensor: Attr[str] = partition_key()
    at: Attr[int] = sort_key()
    note: Attr[str] = field(default="")


ITEMS: list[dict[str, Any]] = [
    {"sensor": "a", "at": 1, "n": Decimal("1E+20"), "neg": Decimal("-0.5"), "text": 'é"\\\n\u2028😀', "empty": ""},
    {"sensor": "a", "at": 2, "b": b"\x00\xff", "bs": {b"x", b"a"}, "ss": {"z", "a"}, "ns": {Decimal(3), Decimal("1.5")}},
    {"sensor": "b", "at": -7, "m": {"x": {"y": [1, "2", None, True, {"z": []}]}}, "big": 10**37},
]


@pytest.fixture
def client(client: DynamoDBClient) -> DynamoDBClient:
    Reading.table.sync.create()
    return client


def fill(client: DynamoDBClient, count: int) -> None:
    with client.sync.batch_writer() as batch:
        for number in range(count):
            batch.put(Reading(sensor=f"s{number % 7}", at=number, note="x" * (number % 50)))


def lines(path: Path) -> list[bytes]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.splitlines(keepends=True)


class Interrupted(Exception):
    pass


def after(count: int) -> Any:
    """A callback that interrupts once so many are done."""

    def progress(done: int) -> None:
        if done >= count:
            raise Interrupted

    return progress


@pytest.mark.parametrize("name", ["items.jsonl", "items.jsonl.gz"])
def test_what_is_exported_is_imported_equal_byte_for_byte(client, drive, tmp_path, name):
    for item in ITEMS:
        client.sync.put_item("readings", item)
    first, second = tmp_path / name, tmp_path / f"again-{name}"

    assert drive(export_jsonl(Reading, first)) == 3
    Reading.table.sync.delete()
    Reading.table.sync.create()
    assert drive(import_jsonl("readings", first)) == 3
    assert drive(export_jsonl("readings", second, consistent_read=True)) == 3

    assert sorted(lines(first)) == sorted(lines(second))
    assert client.sync.get_item("readings", {"sensor": "a", "at": 2}) == ITEMS[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([first.name, second.name])


@pytest.mark.engines("embedded")
def test_a_line_is_in_the_form_of_dynamodbs_exports(client, tmp_path):
    client.sync.put_item("readings", {"sensor": "a", "at": 1, "z": {"q", "b"}, "n": Decimal("2.50")})

    run(export_jsonl(Reading, tmp_path / "x.jsonl"))

    assert (tmp_path / "x.jsonl").read_text() == (
        '{"Item":{"at":{"N":"1"},"n":{"N":"2.5"},"sensor":{"S":"a"},"z":{"SS":["b","q"]}}}\n'
    )


@pytest.mark.engines("embedded")
def test_an_export_keeps_to_its_rate(client, drive, tmp_path):
    fill(client, 300)  # each page of ten is half a unit
    began = time.monotonic()
    with client.collect() as used:
        assert drive(export_jsonl(Reading, tmp_path / "x.jsonl", page_size=10, target_rcu=10)) == 300
    assert used.read_units == 15.5
    assert time.monotonic() - began > 0.5
    for rate in (0, -1, float("nan")):
        with pytest.raises(ConfigurationError, match="target_rcu"):
            drive(export_jsonl(Reading, tmp_path / "y.jsonl", target_rcu=rate))
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]


@pytest.mark.engines("embedded")
def test_what_is_throttled_is_exported_all_the_same(client, tmp_path):
    fill(client, 100)
    with inject(client, fault("Scan", "throttle", skip=2, times=5)) as log:
        assert run(export_jsonl(Reading, tmp_path / "x.jsonl", page_size=10)) == 100
    assert len(log.injected) == 5


@pytest.mark.parametrize("name", ["items.jsonl", "items.jsonl.gz"])
@pytest.mark.engines("embedded")
def test_an_interrupted_export_goes_on_where_it_was(client, drive, tmp_path, name):
    fill(client, 100)
    path, whole = tmp_path / name, tmp_path / f"whole-{name}"
    with pytest.raises(Interrupted):
        drive(export_jsonl(Reading, path, page_size=10, progress=after(30)))

    assert not path.exists()
    with pytest.raises(FileExistsError, match="resume=True"):
        drive(export_jsonl(Reading, path))
    with (tmp_path / f"{name}.part").open("ab") as file:
        file.write(b"half a page")  # written, and not yet remembered
    seen: list[int] = []
    assert drive(export_jsonl(Reading, path, page_size=10, resume=True, progress=seen.append)) == 100

    drive(export_jsonl(Reading, whole))
    assert lines(path) == lines(whole)
    assert seen[0] == 40
    assert not list(tmp_path.glob("*.resume"))
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.engines("embedded")
def test_an_export_that_was_whole_but_for_its_name_ends(client, tmp_path, monkeypatch):
    fill(client, 5)
    with pytest.raises(Interrupted):
        run(export_jsonl(Reading, tmp_path / "x.jsonl", progress=after(5)))

    assert run(export_jsonl(Reading, tmp_path / "x.jsonl", resume=True)) == 5
    assert len(lines(tmp_path / "x.jsonl")) == 5


@pytest.mark.engines("embedded")
def test_an_interrupted_import_goes_on_where_it_was(client, drive, tmp_path):
    path = tmp_path / "x.jsonl"
    fill(client, 1000)
    run(export_jsonl(Reading, path))
    Reading.table.sync.delete()
    Reading.table.sync.create()
    with pytest.raises(Interrupted):
        drive(import_jsonl(Reading, path, progress=after(800)))

    with pytest.raises(FileExistsError, match="resume=True"):
        drive(import_jsonl(Reading, path))
    seen: list[int] = []
    assert drive(import_jsonl(Reading, path, resume=True, progress=seen.append)) == 1000

    assert seen == [1000]
    assert run(export_jsonl(Reading, tmp_path / "again.jsonl")) == 1000
    assert lines(tmp_path / "again.jsonl") == lines(path)
    assert not list(tmp_path.glob("*.resume"))


@pytest.mark.engines("embedded")
class TestAnotherJob:
    def test_a_resume_file_of_another_table_is_refused(self, client, tmp_path):
        fill(client, 20)
        path = tmp_path / "x.jsonl"
        with pytest.raises(Interrupted):
            run(export_jsonl(Reading, path, page_size=5, progress=after(10)))
        before = (tmp_path / "x.jsonl.part").read_bytes()
        client.sync.call(
            "CreateTable",
            TableName="other",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )

        with pytest.raises(ConfigurationError, match=r"another job: the table was .*readings.*other.*nothing was done"):
            run(export_jsonl("other", path, resume=True))
        (tmp_path / "y.jsonl.resume").write_text("[1]")
        with pytest.raises(ConfigurationError, match="not the record of an interrupted job"):
            run(export_jsonl("other", tmp_path / "y.jsonl", resume=True))

        assert (tmp_path / "x.jsonl.part").read_bytes() == before

    def test_a_part_that_was_cut_is_refused(self, client, tmp_path):
        fill(client, 20)
        path = tmp_path / "x.jsonl"
        with pytest.raises(Interrupted):
            run(export_jsonl(Reading, path, page_size=5, progress=after(10)))
        (tmp_path / "x.jsonl.part").write_bytes(b"")

        with pytest.raises(ConfigurationError, match="shorter"):
            run(export_jsonl(Reading, path, resume=True))

    def test_an_import_of_a_file_that_changed_is_refused(self, client, tmp_path):
        fill(client, 1000)
        path = tmp_path / "x.jsonl"
        run(export_jsonl(Reading, path))
        with pytest.raises(Interrupted):
            run(import_jsonl(Reading, path, progress=after(400)))
        path.write_bytes(path.read_bytes() + path.read_bytes())

        with pytest.raises(ConfigurationError, match="another job: the file was"):
            run(import_jsonl(Reading, path, resume=True))

    def test_the_file_of_an_export_is_not_one_of_an_import(self, client, tmp_path):
        fill(client, 20)
        path = tmp_path / "x.jsonl"
        with pytest.raises(Interrupted):
            run(export_jsonl(Reading, path, page_size=5, progress=after(10)))
        path.write_bytes(b"")

        with pytest.raises(ConfigurationError, match="the job was 'export', and now is 'import'"):
            run(import_jsonl(Reading, path, resume=True))


@pytest.mark.engines("embedded")
class TestBadInput:
    @pytest.mark.parametrize(
        ("line", "why"),
        [
            (b"nonsense", "byte 0"),
            (b'{"Item":{"sensor":{"S":"a"},"at":{"N":"x"}}}', "number"),
            (b'{"Item":{"sensor":{"S":"a"}}}', "lacks its key: 'sensor' and 'at'"),
            (b'{"sensor":{"S":"a"}}', '{"Item":{"user_id"'),
        ],
    )
    def test_a_wrong_line_is_named_and_nothing_was_written(self, client, drive, tmp_path, line, why):
        path = tmp_path / "x.jsonl"
        good = b'{"Item":{"sensor":{"S":"a"},"at":{"N":"%d"}}}\n'
        path.write_bytes(b"".join(good % number for number in range(500)) + b"\n" + line + b"\n")

        with pytest.raises(ValidationError, match=re.escape(f"{path}, line 502: ") + ".*" + re.escape(why)):
            drive(import_jsonl(Reading, path))

        assert client.sync.call("Scan", TableName="readings")["Count"] == 0

    def test_a_line_without_end_is_refused(self, client, tmp_path):
        path = tmp_path / "x.jsonl"
        path.write_bytes(b'{"Item":{"sensor":{"S":"' + b"x" * (9 << 20))

        with pytest.raises(ValidationError, match="line 1: the line is longer than any item"):
            run(import_jsonl(Reading, path))

    def test_an_item_that_the_service_refuses_is_told(self, client, tmp_path):
        path = tmp_path / "x.jsonl"
        path.write_bytes(b'{"Item":{"sensor":{"N":"5"},"at":{"N":"1"}}}\n')

        with pytest.raises(BatchIncompleteError, match="1 of the 1 items after line 0 could not be written"):
            run(import_jsonl(Reading, path))

    def test_a_file_that_is_there_is_not_overwritten(self, client, tmp_path):
        path = tmp_path / "x.jsonl"
        path.write_text("mine")

        with pytest.raises(FileExistsError, match="does not overwrite"):
            run(export_jsonl(Reading, path))

        assert path.read_text() == "mine"

    def test_a_table_that_is_not_there_leaves_no_file(self, client, tmp_path):
        with pytest.raises(TableNotFoundError):
            run(export_jsonl("none", tmp_path / "x.jsonl"))
        with pytest.raises(FileNotFoundError):
            run(import_jsonl(Reading, tmp_path / "x.jsonl"))
        with pytest.raises(ValidationError, match="page_size"):
            run(export_jsonl(Reading, tmp_path / "x.jsonl", page_size=0))

        assert list(tmp_path.iterdir()) == []


@pytest.mark.engines("embedded")
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[: len(data) // 2], id="truncated"),
        pytest.param(lambda data: data[:-4] + b"\xff\xff\xff\xff", id="wrong length"),
        pytest.param(lambda data: data[:-8] + b"\xff\xff\xff\xff" + data[-4:], id="wrong checksum"),
        pytest.param(lambda data: data[:40] + bytes(byte ^ 255 for byte in data[40:60]) + data[60:], id="wrong in the middle"),
        pytest.param(lambda data: data + b"garbage", id="garbage behind"),
        pytest.param(lambda data: b"plain text", id="not gzip"),
    ],
)
def test_a_damaged_gz_is_named_and_nothing_was_written(client, drive, tmp_path, damage):
    path = tmp_path / "in.jsonl.gz"
    items = [b'{"Item":{"sensor":{"S":"s%d"},"at":{"N":"%d"}}}\n' % (number * 7919 % 1000, number) for number in range(1000)]
    path.write_bytes(damage(gzip.compress(b"".join(items))))

    with pytest.raises(ValidationError, match=re.escape(str(path)) + r", line \d+: .*damaged.*nothing was written"):
        drive(import_jsonl(Reading, path))

    assert not (tmp_path / "in.jsonl.gz.resume").exists()
    assert client.sync.scan("readings").count() == 0


PUT = {"PutRequest": {"Item": {"sensor": {"S": "a"}, "at": {"N": "1"}}}}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "case",
    [
        ({"readings": [PUT]}, "aws dynamodb batch-write-item"),
        ({"RequestItems": {"readings": [PUT]}}, "aws dynamodb batch-write-item"),
        ({"readings": [{"DeleteRequest": {"Key": {"sensor": {"S": "a"}, "at": {"N": "1"}}}}]}, "aws dynamodb batch-write-item"),
        ([PUT], "aws dynamodb batch-write-item"),
        ({"Items": [PUT["PutRequest"]["Item"]], "Count": 1, "ScannedCount": 1}, "aws dynamodb scan"),
        ([{"Item": PUT["PutRequest"]["Item"]}], "one JSON document"),
    ],
    ids=["a file of requests", "a whole request", "deletes", "a list of requests", "a scan", "a list"],
)
def test_a_file_in_another_form_says_what_it_is_and_how_to_load_it(client, drive, tmp_path, case, indent):
    document, why = case
    path = tmp_path / "requests.json"
    path.write_text(json.dumps(document, indent=indent))

    with pytest.raises(ValidationError, match=rf"line 1: this is .*{why}"):
        drive(import_jsonl(Reading, path))


def test_of_two_lines_for_one_item_the_last_counts(client, tmp_path):
    path = tmp_path / "x.jsonl"
    row = '{{"Item":{{"sensor":{{"S":"a"}},"at":{{"N":"{}"}},"note":{{"S":"{}"}}}}}}\n'
    path.write_text(row.format("1", "first") + row.format("1.0", "last"))

    run(import_jsonl(Reading, path))

    assert Reading.sync.get_or_raise("a", 1).note == "last"


@pytest.mark.engines("embedded")
def test_an_export_with_a_prefix_and_within_a_loop_that_goes_on(tmp_path):
    client = DynamoDBClient(endpoint_url="memory://", table_prefix="test-")

    async def work() -> int:
        with client.as_default():
            await Reading.table.create()
            await Reading(sensor="a", at=1).create()
            counts = await asyncio.gather(*(export_jsonl(Reading, tmp_path / f"{n}.jsonl") for n in range(3)))
        return sum(counts)

    assert asyncio.run(work()) == 3
    assert [json.loads((tmp_path / f"{n}.jsonl").read_text())["Item"]["sensor"] for n in range(3)] == [{"S": "a"}] * 3


@pytest.mark.engines("embedded")
def test_memory_holds_a_page_however_large_the_table_is(client, tmp_path):
    import resource

    with client.sync.batch_writer() as batch:
        for number in range(2000):
            batch.put(Reading(sensor=f"s{number}", at=0, note="x" * 10_000))
    run(export_jsonl(Reading, tmp_path / "warm.jsonl", page_size=100))
    run(import_jsonl(Reading, tmp_path / "warm.jsonl"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    run(export_jsonl(Reading, tmp_path / "x.jsonl", page_size=100))
    run(import_jsonl(Reading, tmp_path / "x.jsonl"))

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 12_000  # KB; the file has 20 MB
