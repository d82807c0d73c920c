"""OpenTelemetry: spans and metrics of calls, by the stable conventions for databases and those for DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydynox._observe.handlers import EVERYWHERE, bits_of

try:
    from ._instruments import Instruments
except ImportError as problem:
    raise ImportError(f"pydynox.otel needs OpenTelemetry's API ({problem}): pip install 'pydynox[otel]'") from problem

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from pydynox._observe.handlers import Subscription

__all__ = ["instrument", "uninstrument"]

_KINDS = (
    "batch_flushed",
    "call_cancelled",
    "call_ended",
    "connection_opened",
    "data_key_made",
    "data_key_unwrapped",
    "page_read",
    "retry_planned",
    "throttled",
)
_active: tuple[Instruments, Subscription] | None = None


def instrument(
    *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None, capacity: bool = True
) -> None:
    """Make spans and metrics of the calls of all clients, from now on. Calling it again replaces the providers.

    Each call is a span of kind CLIENT, a child of the span that is current where the call is awaited; a call that needed several
    attempts has a child span for each of them. They contain neither keys nor values.

    Args:
        tracer_provider: Where spans go; OpenTelemetry's global provider by default.
        meter_provider: Where metrics go; OpenTelemetry's global provider by default.
        capacity: Whether requests ask DynamoDB for consumed capacity, which spans and a metric then contain.

    Raises:
        ImportError: OpenTelemetry is not installed; raised when this module is imported.

    Example:
        >>> import pydynox.otel
        >>> pydynox.otel.instrument()

    Costs: nothing in DynamoDB.
    """
    global _active
    instruments = Instruments(tracer_provider, meter_provider)
    before = _active
    bits = bits_of(_KINDS, of="instrument", repeated_attempts=True, capacity=capacity)
    _active = instruments, EVERYWHERE.add(instruments.record, bits)
    _end(before)


def uninstrument() -> None:
    """End what ``instrument()`` began; calls make no more spans. Does nothing if it was not called.

    Example:
        >>> pydynox.otel.uninstrument()

    Costs: nothing.
    """
    global _active
    before, _active = _active, None
    _end(before)


def _end(active: tuple[Instruments, Subscription] | None) -> None:
    if active is not None:
        instruments, subscription = active
        subscription.close()
        instruments.switch_off()


class PydynoxInstrumentor:
    """What the command ``opentelemetry-instrument`` calls; programs call ``instrument()``."""

    def instrument(self, **options: Any) -> None:
        """Call ``instrument()``; options that are for the command are ignored."""
        names = ("tracer_provider", "meter_provider", "capacity")
        instrument(**{name: value for name, value in options.items() if name in names})

    def uninstrument(self, **_: Any) -> None:
        """Call ``uninstrument()``."""
        uninstrument()
