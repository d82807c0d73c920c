"""Measure what watching calls costs, and compare it with the limits: ``python benches/seeing.py``.

CPU time of the thread that makes the calls, the best of many interleaved rounds. Each figure is what a get on an embedded engine
costs more than without anything on. Of spans, what the SDK of OpenTelemetry itself takes for the same span and the same
measurements, with their attributes at hand, is subtracted. Even the best round of a busy machine takes up to twice as long;
``--count`` has valgrind count instructions instead, which do not wobble. Build with optimisation first, as ``make guard`` does.
Exits with 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import pathlib
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import pydynox
import pydynox.otel
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind
from pydynox import Attr, DynamoDBClient, Model, partition_key

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(1, str(pathlib.Path(__file__).parent / "guard"))
#: The most that a call may cost more, in microseconds.
MOST = {"DEBUG logs": 8.0, "spans, without the SDK": 15.0}
CALLS = 40
ROUNDS = 600


class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()


class Takes(logging.Handler):
    """Takes each record and does nothing with it: what a real handler does is its own."""

    def emit(self, record: logging.LogRecord) -> None:
        pass


class Watching:
    """What is on, one at a time."""

    def __init__(self) -> None:
        self.tracers = TracerProvider()
        self.meters = MeterProvider(metric_readers=[InMemoryMetricReader()])
        self.client = DynamoDBClient(endpoint_url="memory://")
        logger = logging.getLogger("pydynox")
        logger.addHandler(Takes())
        logger.propagate = False
        logger.setLevel(logging.ERROR)

    def nothing(self) -> None:
        pydynox.enable_logging("ERROR")
        pydynox.otel.uninstrument()

    def logs(self) -> None:
        self.nothing()
        pydynox.enable_logging("DEBUG")

    def spans(self) -> None:
        self.nothing()
        pydynox.otel.instrument(tracer_provider=self.tracers, meter_provider=self.meters)

    def by_hand(self) -> Callable[[], object]:
        """What the SDK is asked for by a get, and nothing else."""
        tracer = self.tracers.get_tracer("by hand")
        meter = self.meters.get_meter("by hand")
        duration = meter.create_histogram("db.client.operation.duration", "s")
        units = meter.create_counter("pydynox.consumed_capacity", "{unit}")
        measured = {"db.system.name": "aws.dynamodb", "db.operation.name": "GetItem", "db.collection.name": "users"}
        consumed = {**measured, "pydynox.capacity": "read"}
        attributes: dict[str, Any] = {
            **measured,
            "aws.dynamodb.table_names": ("users",),
            "http.response.status_code": 200,
            "aws.dynamodb.consumed_capacity": ['{"TableName":"users","CapacityUnits":0.5}'],
        }

        def sdk() -> None:
            span = tracer.start_span("GetItem users", None, SpanKind.CLIENT, attributes, start_time=1_000_000_000)
            span.end(1_000_100_000)
            duration.record(0.0001, measured)
            units.add(0.5, consumed)

        return sdk


def cost(call: Callable[[], object]) -> float:
    """Microseconds of this thread's CPU per call."""
    before = time.thread_time_ns()
    for _ in range(CALLS):
        call()
    return (time.thread_time_ns() - before) / CALLS / 1000


def ways(watching: Watching) -> dict[str, tuple[Callable[[], None], Callable[[], object]]]:
    """What is compared: what to switch on, and the call."""
    get, sdk = User.sync.get, watching.by_hand()

    def get_and_sdk() -> None:
        # After a call, as it is with spans: alone, it would find all of its code in the processor's caches.
        get("u1")
        sdk()

    return {
        "off": (watching.nothing, lambda: get("u1")),
        "logs": (watching.logs, lambda: get("u1")),
        "spans": (watching.spans, lambda: get("u1")),
        "sdk": (watching.nothing, get_and_sdk),
    }


def timed(rounds: int) -> dict[str, float]:
    """The least of each, in microseconds a call."""
    watching = Watching()
    found: dict[str, float] = {}
    all_ways = ways(watching)
    with watching.client.as_default():
        User.table.sync.create()
        User(user_id="u1").sync.put()
        gc.collect()
        gc.freeze()
        for _ in range(rounds):
            for name, (prepare, call) in all_ways.items():
                prepare()
                found[name] = min(cost(call), found.get(name, 1e9))
        watching.nothing()
    return found


def run_counted(marks: str) -> None:
    """What valgrind counts: each of them between two marks."""
    from guarded import Marks

    watching = Watching()
    around = Marks(marks)
    with watching.client.as_default():
        User.table.sync.create()
        User(user_id="u1").sync.put()
        gc.collect()
        gc.freeze()
        gc.disable()
        for name, (prepare, call) in ways(watching).items():
            prepare()
            for _ in range(CALLS):
                call()
            around.around(name, lambda _, call=call: call(), 2 * CALLS)
    print(json.dumps(around.rows))


def counted() -> dict[str, float]:
    """Instructions of each, in thousands a call."""
    import counts

    with tempfile.TemporaryDirectory(prefix="pydynox-seeing-") as name:
        folder = pathlib.Path(name)
        command = [sys.executable, __file__, "--marks", counts.compiled(folder)]
        figures = counts.of_valgrind(command, folder, 0)
    return {name: row["instructions"] / 1000 for name, row in figures.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what watching calls costs.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds, of which the best counts (default {ROUNDS})")
    parser.add_argument("--count", action="store_true", help="count instructions with valgrind instead")
    parser.add_argument("--marks", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.marks:
        run_counted(options.marks)
        return 0
    found = counted() if options.count else timed(options.rounds)
    figures = {
        "a get": found["off"],
        "DEBUG logs": found["logs"] - found["off"],
        "spans": found["spans"] - found["off"],
        "the SDK's own": found["sdk"] - found["off"],
        "spans, without the SDK": found["spans"] - found["sdk"],
    }
    exceeded = 0
    for name, value in figures.items():
        most = None if options.count else MOST.get(name)
        exceeded += most is not None and value > most
        unit = "thousand instructions" if options.count else "us"
        print(f"seeing: {name}: {value:.1f} {unit}" + (f" (at most {most:g})" if most else ""))
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
