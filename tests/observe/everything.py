"""Everything that watches calls, switched on at once; what it says is searched for what must never be in it."""

from __future__ import annotations

import logging
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


class Said(logging.Handler):
    """All that was said, as text: log records with their fields, events, spans and metrics."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        self.kinds: set[str] = set()
        self.loggers: set[str] = set()
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
def everything(*, capacity: bool = True) -> Iterator[Said]:
    """DEBUG logs, a handler of every event of every client, spans and metrics; `capacity`: requests ask what they cost."""
    said = Said()
    logger = logging.getLogger("pydynox")
    before: Any = (logger.level, logger.propagate)
    logger.addHandler(said)
    # Other handlers, such as those of pytest, have nothing to do with it.
    logger.propagate = False
    pydynox.enable_logging("DEBUG")
    subscription = handlers.EVERYWHERE.add(said.hear, handlers.bits_of(None, of="everything", capacity=capacity))
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(said.exporter))
    meters = MeterProvider(metric_readers=[said.reader])
    pydynox.otel.instrument(tracer_provider=provider, meter_provider=meters, capacity=capacity)
    try:
        yield said
    finally:
        pydynox.otel.uninstrument()
        subscription.close()
        logger.level, logger.propagate = before
        logger.setLevel(before[0])
        logger.removeHandler(said)
        logs._follow()
        meters.shutdown()
