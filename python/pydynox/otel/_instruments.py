"""Instruments: events of calls as spans and as metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context, metrics, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from pydynox import __version__

from ._pools import observe_pools, pool_named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    from pydynox._core import Event

    #: A call that ended: name, attributes, beginning, end, problem, attempts.
    _Call = tuple[str, dict[str, Any], int, int, str | None, Sequence[Event]]

_SCHEMA = "https://opentelemetry.io/schemas/1.37.0"
#: Upper bounds in seconds that the conventions advise.
_DURATIONS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
_SYSTEM = "aws.dynamodb"
#: Set where a program, such as an exporter, does not want to be traced.
_SUPPRESSED = "suppress_instrumentation"
#: Operations on tables at addresses; a program that has more of them has the attributes of the others made again.
_MOST_PLACES = 1000
#: Numbers of units that calls of one operation on one table usually consume.
_MOST_UNITS = 100


class _Place:
    """What all calls of an operation on a table have in common. Spans take copies of it, metrics take it as it is."""

    __slots__ = ("attributes", "consumed", "measured", "name", "pool", "read", "table", "write")

    def __init__(self, operation: str | None, table: str | None, address: str | None, port: int | None) -> None:
        self.name = str(operation) if table is None else f"{operation} {table}"
        self.measured: dict[str, Any] = {"db.system.name": _SYSTEM, "db.operation.name": operation}
        if table is not None:
            self.measured["db.collection.name"] = table
        if address is not None:
            self.measured |= {"server.address": address, "server.port": port}
        self.read = {**self.measured, "pydynox.capacity": "read"}
        self.write = {**self.measured, "pydynox.capacity": "write"}
        self.pool = pool_named(address, port)
        self.table = "" if table is None else f'"TableName":"{table}",'
        #: By the units, how the conventions have a span say it.
        self.consumed: dict[float, tuple[str]] = {}
        self.attributes = dict(self.measured)
        if table is not None:
            self.attributes["aws.dynamodb.table_names"] = (table,)


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
        self._connecting = meter.create_histogram(
            "db.client.connection.create_time", "s", "The time it took to create a new connection."
        )
        self._waiting = meter.create_histogram(
            "db.client.connection.wait_time", "s", "The time it took to obtain an open connection from the pool."
        )
        self._using = meter.create_histogram(
            "db.client.connection.use_time", "s", "The time between borrowing a connection and returning it to the pool."
        )
        self._no_connection = meter.create_counter(
            "db.client.connection.timeouts",
            "{timeout}",
            "The number of connection timeouts that have occurred trying to obtain a connection from the pool.",
        )
        self._is_on = True
        observe_pools(meter, lambda: self._is_on)
        self._places: dict[tuple[Any, ...], _Place] = {}
        #: The attempts of calls that have not ended, where there is more to tell than one success.
        self._attempts: dict[int, list[Event]] = {}
        #: By the number of the batch, the calls that ended of batches that have not: a span's parent must exist before it.
        self._parts: dict[int, list[_Call]] = {}
        #: By the bits of the event.
        self._by_bits: dict[int, Callable[[Event, context.Context], None] | None] = {}
        self._by_kind: dict[str, Callable[[Event, context.Context], None]] = {
            "attempt_ended": self._attempt,
            "batch_flushed": self._batch,
            "call_cancelled": self._call,
            "call_ended": self._call,
            "connection_opened": self._connection,
            "data_key_made": self._data_key,
            "data_key_unwrapped": self._data_key,
            "retry_planned": lambda event, current: self._retries.add(1, self._of(event).measured, current),
            "throttled": lambda event, current: self._throttles.add(1, self._of(event).measured, current),
        }

    def switch_off(self) -> None:
        """Nothing is measured any longer: a callback of a metric cannot be taken back."""
        self._is_on = False

    def record(self, event: Event) -> None:
        """Make of an event what belongs to its kind; pages are part of their calls."""
        bits = event.bits
        try:
            write = self._by_bits[bits]
        except KeyError:
            write = self._by_bits[bits] = self._by_kind.get(event.kind)
        if write is not None:
            # Asked for once: the SDK would ask again for the span and for each measurement.
            current = context.get_current()
            if not current.get(_SUPPRESSED):
                write(event, current)

    def _place(self, operation: str | None, table: str | None, address: str | None, port: int | None) -> _Place:
        key = (operation, table, address, port)
        place = self._places.get(key)
        if place is None:
            place = _Place(operation, table, address, port)
            if len(self._places) < _MOST_PLACES:
                self._places[key] = place
        return place

    def _of(self, event: Event) -> _Place:
        _, _, _, _, _, _, address, port, *_ = event.measures
        return self._place(event.operation, event.table, address, port)

    def _attempt(self, event: Event, current: context.Context) -> None:
        call = event.call
        if call is not None and (event.error is not None or (event.attempt or 1) > 1):
            self._attempts.setdefault(call, []).append(event)
            *_, waited, used = event.measures
            self._pooled(self._of(event), waited, used, current)
            if event.reason is not None:
                self._no_connection.add(1, self._of(event).pool, current)

    def _pooled(self, place: _Place, waited: float | None, used: float | None, current: context.Context) -> None:
        if waited is not None:
            self._waiting.record(waited, place.pool, current)
        if used is not None:
            self._using.record(used, place.pool, current)

    def _connection(self, event: Event, current: context.Context) -> None:
        _, _, _, _, _, _, address, port, *_ = event.measures
        self._connecting.record(event.elapsed or 0.0, pool_named(address, port), current)

    def _call(self, event: Event, current: context.Context) -> None:
        operation, table, index, number, attempts, elapsed, status, request_id, error, code = event.outcome
        batch, size, read, write, count, _, address, port, ended, waited, used = event.measures
        place = self._places.get((operation, table, address, port)) or self._place(operation, table, address, port)
        # Of all other attempts there is an event of its own; an embedded engine has no connections.
        if address is not None and attempts == 1 and error is None:
            self._pooled(place, waited, used, current)
        measured, attributes = place.measured, place.attributes.copy()
        problem = "cancelled" if attempts is None else code or error
        if problem is not None:
            failure = {"error.type": problem} if code is None else {"error.type": problem, "db.response.status_code": code}
            measured = {**measured, **failure}
            attributes.update(failure)
        if status is not None:
            attributes["http.response.status_code"] = status
        if request_id is not None:
            attributes["aws.request_id"] = request_id
        if attempts != 1 or size is not None or count is not None or index is not None or table is None:
            attributes.update(_further(event))
        if read or write:
            attributes["aws.dynamodb.consumed_capacity"] = self._consumed(place, read, write, current)
        seconds = elapsed or 0.0
        self._duration.record(seconds, measured, current)
        if count is not None:
            self._rows.record(count, measured, current)
        parts = self._attempts.pop(number, ()) if self._attempts and number is not None else ()
        began = ended - int(seconds * 1e9)
        call = (place.name, attributes, began, ended, problem, parts)
        if batch is None:
            self._call_span(current, call)
        else:
            self._parts.setdefault(batch, []).append(call)

    def _consumed(self, place: _Place, read: float | None, write: float | None, current: context.Context) -> tuple[str]:
        if read:
            self._units.add(read, place.read, current)
        if write:
            self._units.add(write, place.write, current)
        units = (read or 0.0) + (write or 0.0)
        text = place.consumed.get(units)
        if text is None:
            text = (f'{{{place.table}"CapacityUnits":{units:g}}}',)
            if len(place.consumed) < _MOST_UNITS:
                place.consumed[units] = text
        return text

    def _call_span(self, parent: context.Context, call: _Call) -> None:
        name, attributes, began, ended, problem, attempts = call
        span = self._tracer.start_span(name, parent, SpanKind.CLIENT, attributes, start_time=began)
        if len(attempts) > 1:
            inside = trace.set_span_in_context(span, parent)
            for attempt in attempts:
                self._attempt_span(attempt, inside)
        _end(span, ended, problem)

    def _attempt_span(self, event: Event, parent: context.Context) -> None:
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
        span = self._span(f"{event.operation} attempt", event, attributes, SpanKind.INTERNAL, parent)
        _end(span, event.time_ns, error)

    def _batch(self, event: Event, current: context.Context) -> None:
        number = event.call
        parts = self._parts.pop(number, []) if number is not None else []
        # A batch that was done by one call is that call.
        if len(parts) <= 1 and not event.unprocessed:
            for call in parts:
                self._call_span(current, call)
            return
        attributes = dict(self._place(event.operation, event.table, None, None).measured)
        attributes["aws.dynamodb.table_names"] = event.tables
        attributes["db.operation.batch.size"] = event.batch_size
        attributes["pydynox.requests"] = len(parts)
        # A batch that was cancelled does not know what it did.
        is_cancelled = event.count is None
        if not is_cancelled:
            attributes["pydynox.unprocessed"] = event.unprocessed
        error = "cancelled" if is_cancelled else event.code or event.error
        if error is not None:
            attributes["error.type"] = error
        span = self._span(f"{event.operation} batch", event, attributes, SpanKind.INTERNAL, current)
        inside = trace.set_span_in_context(span, current)
        for call in parts:
            self._call_span(inside, call)
        _end(span, event.time_ns, error)

    def _data_key(self, event: Event, current: context.Context) -> None:
        error = event.error
        attributes = {} if error is None else {"error.type": error}
        _end(self._span(str(event.operation), event, attributes, SpanKind.CLIENT, current), event.time_ns, error)

    def _span(self, name: str, event: Event, attributes: dict[str, Any], kind: SpanKind, parent: context.Context) -> Span:
        # Events come when something has ended, in the context of the code that awaits it.
        began = event.time_ns - int((event.elapsed or 0.0) * 1e9)
        return self._tracer.start_span(name, parent, kind, attributes, start_time=began)


def _end(span: Span, ended: int, error: str | None) -> None:
    if error is not None:
        span.set_status(Status(StatusCode.ERROR, error))
    span.end(ended)


def _further(event: Event) -> dict[str, Any]:
    """Attributes that few calls have."""
    size, attempts = event.batch_size, event.attempt
    return _present(
        {
            "aws.dynamodb.table_names": event.tables or None,
            "aws.dynamodb.index_name": event.index,
            "aws.dynamodb.count": event.count,
            "aws.dynamodb.scanned_count": event.scanned_count,
            "db.operation.batch.size": None if size == 1 else size,
            "pydynox.attempts": None if attempts == 1 else attempts,
        }
    )


def _present(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}
