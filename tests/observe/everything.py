"""Everything that watches calls, switched on at once; what it says is searched for what must never be in it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pydynox
import pydynox.otel
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydynox import Event
from pydynox._observe import handlers, logs

#: What tests plant in keys, values and credentials so that no record may contain it.
SECRETS = ("of-mine", "wJalrXUtnFEMI", "6d6f7265206f66206d696e65")
#: Bodies that are longer are not searched for values: they have the same kinds of them.
LONGEST = 100_000
#: Words of our own in records, which values of tests may happen to be.
OURS = frozenset(
    "a after age another attempt attempts broken by cancelled closed connected connection credentials during endpoint follows for found "
    "from idle in its long looked make memory mode ms no none of on one other python read request response retry room side the their "
    "time to too up us was write batch".split()
    # Functions of tests: records name the handler that failed, and what makes it idempotent stores that name.
    + "plain awaited count".split()
)
#: Numbers that someone drew, and sentences; what else they could contain is in other fields.
UNSEARCHED = {"request_id", "aws.request_id", "advice", "time", "time_ns", "message"}
STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "taskName"}
WORD = re.compile(r"[^\W_]+(?:[_-][^\W_]+)*")


class Values:
    """What items had for keys and values in the requests and responses of calls, to be looked for among the words of records."""

    def __init__(self) -> None:
        self.words: set[str] = set()
        self.names: set[str] = set()
        self.seen: set[str] = set()

    def hear(self, event: Event) -> None:
        for body in (event.request_body, event.response_body):
            if body and len(body) <= LONGEST:
                try:
                    self._note(json.loads(body))
                except ValueError:
                    continue  # an answer that is none

    def see(self, *said: Any) -> None:
        """The words of a record."""
        for value in said:
            if isinstance(value, dict):
                self.see(*(inner for name, inner in value.items() if name not in UNSEARCHED))
            elif isinstance(value, (list, tuple)):
                self.see(*value)
            elif isinstance(value, str):
                self.seen.update(WORD.findall(value))

    def _note(self, value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            # Tables and attributes are named in records, and a value may be named like one of them.
            for member, inner in value.items():
                self.names.update(WORD.findall(member))
                self._note(inner, member)
        elif isinstance(value, list):
            for inner in value:
                self._note(inner, name)
        elif isinstance(value, str):
            if name in ("S", "SS", "B", "BS"):
                self.words.update(WORD.findall(value))
            elif name.endswith(("Name", "Arn")):
                self.names.update(WORD.findall(value))

    def take(self) -> list[str]:
        """The words of values that records have, and not because something is named like that; then all is forgotten."""
        words = {word for word in self.words & self.seen if any(letter.isalpha() for letter in word)}
        leaked = sorted(words - self.names - OURS)
        self.words, self.names, self.seen = set(), set(), set()
        return leaked


class Said(logging.Handler):
    """All that was said, as text: log records with their fields, events, spans and metrics."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        self.kinds: set[str] = set()
        self.loggers: set[str] = set()
        self.values = Values()
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()

    def emit(self, record: logging.LogRecord) -> None:
        self.loggers.add(record.name)
        self.texts.append(f"{record.getMessage()} {vars(record)!r}")
        # That of throttling is in sentences.
        self.values.see("" if record.name == "pydynox.throttle" else record.getMessage())
        self.values.see({name: value for name, value in vars(record).items() if name not in STANDARD})

    def hear(self, event: Event) -> None:
        self.kinds.add(event.kind)
        self.texts.append(f"{event!r} {event.as_dict()!r} {event.request_body!r} {event.response_body!r}")
        self.values.see(event.as_dict())

    def take(self) -> str:
        """What was said since the last time."""
        finished = self.exporter.get_finished_spans()
        spans = [span.to_json() for span in finished]
        self.values.see([(span.name, dict(span.attributes or {}), span.status.description) for span in finished])
        self.exporter.clear()
        texts, self.texts = self.texts, []
        return "\n".join([*texts, *spans, str(self.reader.get_metrics_data())])


@contextmanager
def everything(*, capacity: bool = True, values: bool = False) -> Iterator[Said]:
    """DEBUG logs, a handler of every event of every client, spans and metrics; `capacity`: requests ask what they cost; `values`:
    keys and values are noted, too."""
    said = Said()
    logger = logging.getLogger("pydynox")
    before: Any = (logger.level, logger.propagate)
    logger.addHandler(said)
    # Other handlers, such as those of pytest, have nothing to do with it.
    logger.propagate = False
    pydynox.enable_logging("DEBUG")
    subscription = handlers.EVERYWHERE.add(said.hear, handlers.bits_of(None, of="everything", capacity=capacity))
    bits = handlers.bits_of(["call_started", "call_ended"], of="everything", values=True, capacity=False)
    noting = handlers.EVERYWHERE.add(said.values.hear, bits, wants_bodies=True) if values else None
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(said.exporter))
    meters = MeterProvider(metric_readers=[said.reader])
    pydynox.otel.instrument(tracer_provider=provider, meter_provider=meters, capacity=capacity)
    try:
        yield said
    finally:
        pydynox.otel.uninstrument()
        subscription.close()
        if noting is not None:
            noting.close()
        logger.level, logger.propagate = before
        logger.setLevel(before[0])
        logger.removeHandler(said)
        logs._follow(is_asked=True)
        meters.shutdown()
