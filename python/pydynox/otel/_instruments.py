"""Instruments: events of calls as spans and as metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context, metrics, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from pydynox import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    from pydynox._core import Event

_SCHEMA = "https://opentelemetry.io/schemas/1.37.0"
#: Upper bounds in seconds that the conventions advise.
_DURATIONS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
_SYSTEM = "aws.dynamodb"
#: Set where a program, such as an exporter, does not want to be traced.
_SUPPRESSED = "suppress_instrumentation"


class Instruments:
    """A tracer and the metrics, and how each kind of event uses them."""

    def __init__(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
        self._tracer = trace.get_tracer("pydynox", __version__, tracer_provider, _SCHEMA)
        meter = metrics.get_meter("pydynox", __version__, meter_provider, _SCHEMA)
        self._duration = meter.create_histogram(
            "db.client.operation.duration",
            "s",
            "Duration of database client operations.",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        self._rows = meter.create_histogram(
            "db.client.response.returned_rows", "{row}", "The number of rows that a page of a query or scan returned."
        )
        self._units = meter.create_counter(
            "pydynox.consumed_capacity", "{unit}", "Read and write units consumed, as DynamoDB reports them."
        )
        self._retries = meter.create_counter("pydynox.retries", "{retry}", "Attempts after the first.")
        self._throttles = meter.create_counter("pydynox.throttles", "{attempt}", "Attempts that DynamoDB throttled.")
        #: The attempts of calls that have not ended, where there is more to tell than one success.
        self._attempts: dict[int, list[Event]] = {}
        self._by_kind: dict[str, Callable[[Event], None]] = {
            "attempt_ended": self._attempt,
            "batch_flushed": self._batch,
            "call_cancelled": self._call,
            "call_ended": self._call,
            "data_key_made": self._data_key,
            "data_key_unwrapped": self._data_key,
            "retry_planned": lambda event: self._retries.add(1, _attributes(event)),
            "throttled": lambda event: self._throttles.add(1, _attributes(event)),
        }

    def record(self, event: Event) -> None:
        """Make of an event what belongs to its kind; pages are part of their calls."""
        write = self._by_kind.get(event.kind)
        if write is not None and not context.get_value(_SUPPRESSED):
            write(event)

    def _attempt(self, event: Event) -> None:
        call = event.call
        if call is not None and (event.error is not None or (event.attempt or 1) > 1):
            self._attempts.setdefault(call, []).append(event)

    def _call(self, event: Event) -> None:
        call = event.call
        attempts = self._attempts.pop(call, ()) if call is not None else ()
        attributes = _attributes(event)
        error = "cancelled" if event.kind == "call_cancelled" else event.code or event.error
        if error is not None:
            attributes["error.type"] = error
            if event.code is not None:
                attributes["db.response.status_code"] = event.code
        measured = dict(attributes)
        size = event.batch_size
        if size is not None and size > 1:
            attributes["db.operation.batch.size"] = size
        span = self._span(_name(event), event, _with_details(attributes, event))
        if len(attempts) > 1:
            inside = trace.set_span_in_context(span)
            for attempt in attempts:
                self._attempt_span(attempt, inside)
        _end(span, event, error)
        self._measure(event, measured)

    def _measure(self, event: Event, attributes: dict[str, Any]) -> None:
        self._duration.record(event.elapsed or 0.0, attributes)
        count = event.count
        if count is not None:
            self._rows.record(count, attributes)
        for name, units in (("read", event.read_units), ("write", event.write_units)):
            if units:
                self._units.add(units, {**attributes, "pydynox.capacity": name})

    def _attempt_span(self, event: Event, inside: context.Context) -> None:
        error = event.code or event.error
        attributes = _present(
            {
                "pydynox.attempt": event.attempt,
                "http.response.status_code": event.status,
                "aws.request_id": event.request_id,
                "error.type": error,
            }
        )
        reasons = event.throttling_reasons
        if reasons:
            attributes["pydynox.throttling_reasons"] = [f"{reason} {resource}".strip() for reason, resource in reasons]
        span = self._span(f"{event.operation} attempt", event, attributes, kind=SpanKind.INTERNAL, inside=inside)
        _end(span, event, error)

    def _batch(self, event: Event) -> None:
        # A batch that was done by one call is that call.
        if (event.attempt or 0) <= 1 and not event.unprocessed:
            return
        attributes = _attributes(event)
        attributes["db.operation.batch.size"] = event.batch_size
        attributes["pydynox.requests"] = event.attempt
        attributes["pydynox.unprocessed"] = event.unprocessed
        error = event.code or event.error
        if error is not None:
            attributes["error.type"] = error
        span = self._span(f"{event.operation} batch", event, attributes, kind=SpanKind.INTERNAL)
        _end(span, event, error)

    def _data_key(self, event: Event) -> None:
        error = event.error
        attributes = {} if error is None else {"error.type": error}
        _end(self._span(str(event.operation), event, attributes), event, error)

    def _span(
        self,
        name: str,
        event: Event,
        attributes: dict[str, Any],
        *,
        kind: SpanKind = SpanKind.CLIENT,
        inside: context.Context | None = None,
    ) -> Span:
        # Events come when something has ended, in the context of the code that awaits it.
        begun = event.time_ns - int((event.elapsed or 0.0) * 1e9)
        return self._tracer.start_span(name, inside, kind, attributes, start_time=begun)


def _end(span: Span, event: Event, error: str | None) -> None:
    if error is not None:
        span.set_status(Status(StatusCode.ERROR, error))
    span.end(event.time_ns)


def _name(event: Event) -> str:
    table = event.table
    return str(event.operation) if table is None else f"{event.operation} {table}"


def _attributes(event: Event) -> dict[str, Any]:
    """Those of few values, which spans and metrics share."""
    attributes: dict[str, Any] = {"db.system.name": _SYSTEM, "db.operation.name": event.operation}
    table = event.table
    if table is not None:
        attributes["db.collection.name"] = table
    return attributes


def _present(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _with_details(attributes: dict[str, Any], event: Event) -> dict[str, Any]:
    """Those of a call's span alone."""
    tables = event.tables
    if tables:
        attributes["aws.dynamodb.table_names"] = tables
    attempts = event.attempt
    attributes |= _present(
        {
            "aws.request_id": event.request_id,
            "aws.dynamodb.index_name": event.index,
            "aws.dynamodb.count": event.count,
            "aws.dynamodb.scanned_count": event.scanned_count,
            "http.response.status_code": event.status,
            "pydynox.attempts": None if attempts == 1 else attempts,
        }
    )
    units = (event.read_units or 0.0) + (event.write_units or 0.0)
    if units:
        table = event.table
        named = "" if table is None else f'"TableName":"{table}",'
        attributes["aws.dynamodb.consumed_capacity"] = [f'{{{named}"CapacityUnits":{units:g}}}']
    return attributes
