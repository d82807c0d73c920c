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
#: A value is looked for if it cannot be there by chance: no name, number, hash or word of logs reads like it.
LEAST = 8


class Values:
    """What items had for keys and values in the requests and responses of calls, so that it can be looked for elsewhere."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.names: set[str] = set()

    def hear(self, event: Event) -> None:
        for body in (event.request_body, event.response_body):
            if body and len(body) <= LONGEST:
                try:
                    self._note(json.loads(body))
                except ValueError:
                    continue  # an answer that is none

    def _note(self, value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            # Tables, attributes and placeholders are named in records, and a value may be named like one of them.
            self.names.update(value)
            for member, inner in value.items():
                self._note(inner, member)
        elif isinstance(value, list):
            for inner in value:
                self._note(inner, name)
        elif isinstance(value, str):
            if name in ("S", "SS", "B", "BS"):
                self.texts.add(value)
            elif name.endswith(("Name", "Arn")):
                self.names.add(value)

    def take(self, text: str) -> list[str]:
        """Those that a text contains; those noted so far are forgotten."""
        texts, names = self.texts, self.names
        self.texts, self.names = set(), set()
        for name in sorted(names, key=len, reverse=True):
            if len(name) >= LEAST - 2:
                text = text.replace(name, "")
        return sorted(value for value in texts - names if _is_telling(value) and value in text)


def _is_telling(value: str) -> bool:
    # As it is, not escaped, it would be in a record; and no hash has these letters.
    is_plain = value.isascii() and value.isprintable() and not set(value) & set("\"'\\")
    return is_plain and len(value) >= LEAST and len(set(re.findall("[g-z]", value.lower()))) >= 3


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

    def hear(self, event: Event) -> None:
        self.kinds.add(event.kind)
        self.texts.append(f"{event!r} {event.as_dict()!r} {event.request_body!r} {event.response_body!r}")

    def take(self) -> str:
        """What was said since the last time."""
        spans = [span.to_json() for span in self.exporter.get_finished_spans()]
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
        logs._follow()
        meters.shutdown()
