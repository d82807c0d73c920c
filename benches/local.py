"""What is measured inside one process: importing, the embedded engine, the codec, attribute access.

CPU time (user + system) of this process, medians of interleaved rounds. Absolute figures depend on the machine; the ratios
compare two things measured in the same run.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pydynox
from data import item, page, partition_key, values
from model import User, user
from pydynox import Attr, DynamoDBClient, Model, _core, field
from rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable

FORBIDDEN = ("asyncio", "logging", "json", "inspect", "dataclasses", "pydantic")


#: The formats of datetimes that have a name; the first is the default, which the others are compared with.
FORMATS = ("iso_z", "iso_offset", "pynamodb", "iso_seconds", "epoch", "epoch_ms", "rfc3339_nano", "java_instant")
#: Works that are measured by the CPU time of their own thread: what the engine does on others does not count.
OWN_THREAD = frozenset({"encode an item", "decode a page of 100", *FORMATS})


def priced(work: Callable[[int], object], count: int, clock: Callable[[], int]) -> float:
    """Microseconds of CPU per call of a loop that runs `count` times."""
    before = clock()
    work(count)
    return (clock() - before) / count / 1000


def interleaved(works: dict[str, tuple[Callable[[int], object], int]], rounds: int) -> dict[str, float]:
    """The median of each. They are measured in turn, so a slow moment affects all of them."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for work, count in works.values():
        work(max(1, count // 10))
    for _ in range(rounds):
        for name, (work, count) in works.items():
            clock = time.thread_time_ns if name in OWN_THREAD else time.process_time_ns
            found[name].append(priced(work, count, clock))
    return {name: statistics.median(values) for name, values in found.items()}


def import_time() -> float:
    """Milliseconds that `import pydynox` adds to a bare interpreter: CPU of whole processes, in turn."""

    # As for users, bytecode is cached; the first, uncounted import writes it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def cpu(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)

    cpu("import pydynox")
    return statistics.median([cpu("import pydynox") - cpu("pass") for _ in range(21)]) * 1000


def imported() -> list[str]:
    """Modules that `import pydynox` must not import, but does."""
    code = f"import sys, pydynox; print(*[name for name in {FORBIDDEN!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()


def extension_size() -> float:
    """The size of the built extension inside a wheel, in megabytes."""
    return len(zlib.compress(pathlib.Path(_core.__file__).read_bytes(), 6)) / 1e6


def engine() -> dict[str, tuple[Callable[[int], object], int]]:
    """Calls on the embedded engine."""
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        User.table.sync.create()
        for number in range(1000):
            user(number).sync.put()
    instances = [user(number) for number in range(1000)]

    def awaited(call: Callable[[int], Any]) -> Callable[[int], object]:
        async def loop(count: int) -> None:
            with client.as_default():
                for number in range(count):
                    await call(number % 1000)

        return lambda count: asyncio.run(loop(count))

    def blocking(call: Callable[[int], object]) -> Callable[[int], object]:
        def loop(count: int) -> None:
            with client.as_default():
                for number in range(count):
                    call(number % 1000)

        return loop

    keys = [partition_key(number) for number in range(1000)]
    return {
        "embedded get": (awaited(lambda number: User.get(keys[number], "PROFILE")), 5000),
        "embedded get, sync": (blocking(lambda number: User.sync.get(keys[number], "PROFILE")), 5000),
        "embedded put": (awaited(lambda number: instances[number].put()), 2000),
        "embedded put, sync": (blocking(lambda number: instances[number].sync.put()), 2000),
    }


def codec() -> dict[str, tuple[Callable[[int], object], int]]:
    """The border alone, or the caller's thread alone where a call brings the items."""
    one, hundred, given = item(1), page(100), values(1)
    loaded, client = User.model_from_item(one), DynamoDBClient(endpoint_url="memory://")
    instances = [user(number) for number in range(1000)]
    with client.as_default():
        User.table.sync.create()
        for number in range(100):
            User(**{**values(number), "pk": "page", "sk": f"{number:03}"}).sync.put()
    query = User.query("page")

    def loop(call: Callable[[], object]) -> Callable[[int], object]:
        def run(count: int) -> None:
            for _ in range(count):
                call()

        return run

    def sent(call: Callable[[], Any]) -> Callable[[int], object]:
        async def run(count: int) -> None:
            with client.as_default():
                for _ in range(count):
                    await call()

        return lambda count: pydynox.run(run(count))

    async def written(count: int) -> None:
        with client.as_default():
            for _ in range(count // len(instances)):
                await client.batch_save(instances)

    return {
        "make an item": (loop(lambda: User(**given)), 20000),
        "save, nothing changed": (sent(loaded.save), 20000),
        "encode an item": (lambda count: asyncio.run(written(count)), 10000),
        "decode an item": (loop(lambda: User.model_from_item(one)), 20000),
        "decode a page of 100": (sent(lambda: query.page(100)), 200),
        "orjson.loads of that page": (loop(lambda: orjson.loads(hundred)), 200),
        "build a condition of two comparisons": (loop(lambda: (User.age > 3) & (User.name == "Ada")), 20000),
    }


def times() -> dict[str, tuple[Callable[[int], object], int]]:
    """Writing 1,000 datetimes in each format that has a name, on the caller's thread alone."""
    client = DynamoDBClient(endpoint_url="memory://")
    at = [datetime(2026, 11, 23, 3, number // 60, number % 60, tzinfo=UTC) for number in range(1000)]

    def written(form: str) -> Callable[[int], object]:
        class Moments(Model[str], table="moments"):
            """Nothing but datetimes."""

            pk: Attr[str] = pydynox.partition_key()
            at: Attr[list[datetime]] = field(format=form)

        instances = [Moments(pk=str(number), at=at) for number in range(10)]

        async def run(count: int) -> None:
            with client.as_default():
                for _ in range(count):
                    await client.batch_save(instances)

        with client.as_default():
            Moments.table.sync.ensure()
        return lambda count: asyncio.run(run(count))

    return {form: (written(form), 4) for form in FORMATS}


class Described:
    """For comparison: attribute access through a data descriptor written in Python."""

    class Descriptor:
        """Keeps the value in the instance dictionary."""

        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name

        def __get__(self, instance: Any, owner: type) -> Any:
            return instance.__dict__[self.name]

        def __set__(self, instance: Any, value: Any) -> None:
            instance.__dict__[self.name] = value

    age = Descriptor()


class Checked:
    """For comparison: assignment through a ``__setattr__`` written in Python that checks name and type."""

    def __setattr__(self, name: str, value: Any) -> None:
        if type(value) is not TYPES[name]:
            raise TypeError(name)
        object.__setattr__(self, name, value)


TYPES = {"age": int}


def tenfold(statements: str, target: Any) -> Callable[[int], object]:
    """A loop over ten statements on `target`. Python specialises code per call site, so each loop gets its own code."""
    body = "\n        ".join([statements] * 5)
    names: dict[str, Any] = {"target": target}
    exec(f"def run(count):\n    for _ in range(count):\n        {body}", names)
    made: Callable[[int], object] = names["run"]
    return made


def attributes() -> dict[str, tuple[Callable[[int], object], int]]:
    """Reading and setting; the cost of naming the instance is measured as well and subtracted."""
    ours, described, checked = user(1), Described(), Checked()
    described.age = checked.age = 1
    read, write = "target.age; target.age", "target.age = 5; target.age = 6"
    return {
        "names x 10": (tenfold("target; target", ours), 100000),
        "read x 10": (tenfold(read, ours), 100000),
        "read x 10, Python data descriptor": (tenfold(read, described), 100000),
        "set x 10": (tenfold(write, ours), 100000),
        "set x 10, Python __setattr__": (tenfold(write, checked), 100000),
    }


def measure(rounds: int) -> tuple[list[Row], dict[str, Any]]:
    """Measure and print; returns the rows with targets, and every figure to store."""
    figures = interleaved({**engine(), **codec(), **attributes(), **times()}, rounds)
    names = figures.pop("names x 10")
    read, read_python = (figures[name] / 10 - names / 10 for name in ("read x 10", "read x 10, Python data descriptor"))
    written, written_python = (figures[name] / 10 - names / 10 for name in ("set x 10", "set x 10, Python __setattr__"))
    forbidden = imported()
    loads = figures["orjson.loads of that page"]
    rows = [
        Row("import pydynox, over bare Python", import_time(), "ms", 25.0),
        Row("embedded get", figures["embedded get"], "us", 30.0),
        Row("embedded get, sync", figures["embedded get, sync"], "us", 30.0),
        Row("embedded put", figures["embedded put"], "us", 75.0),
        Row("embedded put, sync", figures["embedded put, sync"], "us", 75.0),
        Row("make an item of 12 attributes by keyword", figures["make an item"], "us", 1.5),
        Row("save of an unchanged item of 12 attributes", figures["save, nothing changed"], "us", 3.0),
        Row("batch_save an item, on the caller's thread", figures["encode an item"], "us", 12.0),
        Row("model_from_item of 12 attributes", figures["decode an item"], "us", 5.0),
        Row("build a condition of two comparisons", figures["build a condition of two comparisons"], "us", 3.0),
        Row("page of 100, caller's thread / orjson.loads", figures["decode a page of 100"] / loads, "x", 1.0),
        Row(
            "a datetime in the slowest format / in the default",
            max(figures[form] for form in FORMATS) / figures["iso_z"],
            "x",
            1.2,
        ),
        Row("read an attribute / Python data descriptor", read / read_python, "x", 0.2),
        Row("set an attribute / Python __setattr__", written / written_python, "x", 0.5),
        Row("extension, compressed as in a wheel", extension_size(), "MB", 8.0),
        Row("modules that must not be imported", float(len(forbidden)), "", 0.0),
    ]
    print(f"read {read * 1000:.0f} ns, set {written * 1000:.0f} ns")
    print(f"page of 100 {figures['decode a page of 100']:.0f} us, orjson.loads of it {loads:.0f} us")
    print("modules that must not be imported:", *(forbidden or ["none"]))
    return rows, {"raw_us": figures}
