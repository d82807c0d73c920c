"""The embedded engine in a file on a disk that is full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import PRELUDE

BODY = """
from pydynox.exceptions import InternalError

client = DynamoDBClient(endpoint_url=f"file://{sys.argv[1]}/items.db")
def drive(coroutine): return asyncio.run(coroutine) if sys.argv[2] == "awaited" else run(coroutine)

class Note(Model[str], table="notes"):
    note_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")
    age: Attr[int] = field(default=0)

async def commit(number):
    async with client.transaction() as tx: tx.create(Note(note_id=f"t{number}", text="x" * 50_000))

writes = {
    "create": lambda number: Note(note_id=f"n{number}", text="x" * 50_000).create(),
    "put": lambda number: Note(note_id=f"p{number}", text="x" * 50_000).put(),
    "update": lambda number: Note.key("first").update(Note.text.set("y" * (50_000 + number)), Note.age.add(1)),
    "transaction": commit,
}
with client.as_default():
    drive(Note.table.create())
    drive(Note(note_id="first").create())
    for name, write in writes.items():
        begun = time.monotonic()
        try:
            for number in range(200): drive(write(number))
        except InternalError as error:
            assert "the disk is full" in str(error), error
            assert not error.ambiguous and not error.retryable and not error.applied, (name, error)
            assert error.attempts == 1, error.attempts
        else: raise AssertionError(f"{name}: the disk has room")
        # Nothing was written, and what was there is there.
        assert drive(Note.get(f"{name[0]}{number}")) is None or name == "update", name
        assert drive(Note.get_or_raise("first")) is not None
print("done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a small disk, which Linux alone gives without rights")
@pytest.mark.parametrize("form", ["awaited", "blocking"])
def test_a_full_disk_is_a_definite_error(tmp_path: Path, form: str) -> None:
    mount = f'mount -t tmpfs -o size=2m none "{tmp_path}"'
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    program = [sys.executable, "-c", PRELUDE + BODY, str(tmp_path), form]

    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh", *program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
