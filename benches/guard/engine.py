"""Count what calls on ``memory://`` cost, and where: ``python benches/guard/engine.py``, after ``make build PROFILE=release``.

valgrind counts the instructions per call, of the whole process, by what they are for:

* client: from Python to the request's bytes and back, as ``make guard`` counts it with another server;
* exchange: turns, locks and the stack;
* in: from JSON to the engine's request, with the checks of its shape;
* gate: what is checked, parsed and repaired for AWS's sake;
* out: the answer as JSON, in one order;
* engine: dynoxide and SQLite, with their own checks and parsing.

With the name of an operation, it prints the functions of that one.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

HERE = pathlib.Path(__file__).parent
sys.path.insert(1, str(HERE.parent))

import counts  # noqa: E402 (in this folder)

if TYPE_CHECKING:
    from collections.abc import Callable

#: Number of calls of each, after one that is not counted.
CALLS = {"get": 50, "put": 50, "query of 100": 5, "update with condition": 50, "the same, indexed": 50, "batch_write of 25": 5}
#: Functions whose calls count, too, by part.
ENGINE = r"dynoxide::Database::(?!with_storage)\w+$"  # which an operation calls, where it is not inlined
SHAPES = r"pydynox_embedded::(shapes::check|names::check|arn::plain)$"
DECODE = r"<dynoxide::actions::\w+::\w+Request as serde_core::de::Deserialize>::deserialize$"
#: The writes of a batch, whose request itself is decoded inline.
DECODE_BATCH = r"serde_core::de::impls::<impl serde_core::de::Deserialize for core::option::Option<T>>::deserialize$"
OUT = r"pydynox_embedded::(stable::to_vec|arn::with_real_region)$"
EXECUTE = r"pydynox_embedded::wire::execute$"
SEND = (
    r"<pydynox_embedded::transport::Embedded as pydynox_core::transport::Transport>::send$"
    r"|pydynox_embedded::transport::Embedded::exchange::\{\{closure\}\}$"
)
ANSWER = r"pydynox_embedded::slot::Desk::answer$"
_LINE = re.compile(r"^\s*([\d,]+) \([\d. ]+%\)\s+\S*?:(.+?)(?: \[[^\]]*\])?$")


def works() -> dict[str, Callable[[int], object]]:
    """The counted calls. They block, so that no other thread changes a count."""
    from data import values
    from model import User
    from pydynox import Attr, DynamoDBClient, GlobalSecondaryIndex, Model, field, partition_key, set_default_client, sort_key

    class Indexed(Model[str, str], table="indexed"):
        pk: Attr[str] = partition_key()
        sk: Attr[str] = sort_key()
        name: Attr[str]
        email: Attr[str] = field()
        age: Attr[int]
        version: Attr[int]
        by_email = GlobalSecondaryIndex(email)

    client = DynamoDBClient(endpoint_url="memory://")
    set_default_client(client)
    for model in (User, Indexed):
        model.table.sync.create()
    users = [User(**{**values(number), "pk": "USERS", "sk": f"USER#{number:08d}"}) for number in range(100)]
    for one in users:
        one.sync.put()
        few = {name: getattr(one, name) for name in ("pk", "sk", "name", "email", "age", "version")}
        Indexed(**few).sync.put()

    def update(model: type[User | Indexed]) -> Callable[[int], object]:
        def call(number: int) -> object:
            key = model.key("USERS", f"USER#{number % 100:08d}")
            return key.sync.update(model.version.add(1), model.name.set("Ada"), condition=model.version >= 3)

        return call

    return {
        "get": lambda number: User.sync.get("USERS", f"USER#{number % 100:08d}"),
        "put": lambda number: users[number % 100].sync.put(),
        "query of 100": lambda _: User.sync.query("USERS").all(),
        "update with condition": update(User),
        "the same, indexed": update(Indexed),
        "batch_write of 25": lambda _: client.sync.batch_save(users[:25]),
    }


def inside(library: str) -> None:
    """Call everything between marks."""
    import gc

    from guarded import Marks

    marks, calls = Marks(library), works()
    gc.collect()
    gc.freeze()
    gc.disable()
    for name, call in calls.items():
        call(0)
        marks.around(name, call, CALLS[name])
    print(json.dumps(marks.rows))


def inclusive(dump: pathlib.Path, calls: int) -> dict[str, int]:
    """Instructions per call by function, with those that it calls."""
    annotate = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(dump)]
    found: dict[str, int] = {}
    for line in subprocess.run(annotate, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
        if "PROGRAM TOTALS" in line:
            found["whole"] = int(line.split()[0].replace(",", "")) // calls
        elif match := _LINE.match(line):
            found[match[2]] = found.get(match[2], 0) + int(match[1].replace(",", "")) // calls
    return found


def parts(costs: dict[str, int]) -> dict[str, int]:
    """Instructions per call by part."""

    def of(pattern: str) -> int:
        return sum(value for name, value in costs.items() if re.match(pattern, name))

    whole, executed, sent = costs["whole"], of(EXECUTE), of(SEND)
    if sent < executed:
        sent += of(ANSWER)  # on a thread that may block
    engine, written = of(ENGINE), of(OUT)
    read = of(SHAPES) + (of(DECODE) or of(DECODE_BATCH))
    return {
        "whole": whole,
        "client": whole - sent,
        "exchange": sent - executed,
        "in": read,
        "gate": executed - engine - read - written,
        "out": written,
        "engine": engine,
    }


def main() -> None:
    """Count and print."""
    with tempfile.TemporaryDirectory(prefix="pydynox-engine-") as name:
        folder = pathlib.Path(name)
        dumps = folder / "callgrind.out"
        valgrind = ["setarch", "--addr-no-randomize", "valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={dumps}"]
        command = [*valgrind, sys.executable, str(pathlib.Path(__file__)), "--inside", str(counts.compiled(folder))]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found: dict[str, dict[str, int]] = {}
        for dump in folder.glob("callgrind.out.*"):
            with dump.open() as lines:
                trigger = next((line for line in lines if line.startswith("desc: Trigger:")), "")
            if (operation := trigger.rpartition(": ")[2].strip()) in CALLS:
                found[operation] = inclusive(dump, CALLS[operation])
    if len(sys.argv) > 1:
        for function, cost in sorted(found[sys.argv[1]].items(), key=lambda entry: -entry[1])[:200]:
            print(f"{cost:10} {function}")
        return
    rows = {operation: parts(found[operation]) for operation in CALLS}
    print(f"{'':24}" + "".join(f"{part:>10}" for part in rows["get"]))
    for operation, row in rows.items():
        print(f"{operation:24}" + "".join(f"{value:10}" for value in row.values()))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2])
    else:
        main()
