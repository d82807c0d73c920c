"""The time that Lambda leaves an invocation, as seconds that its calls may take."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydynox._shared.timeout import is_positive
from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator

    from pydynox.client import DynamoDBClient

#: Seconds that are kept back for answering.
MARGIN = 0.5


def seconds_left(context: object, margin: float) -> float | None:
    """Seconds until the invocation's calls have to end; None where nothing limits it.

    An invocation with less than twice the margin left gets half of what it has.
    """
    remaining: Any = getattr(context, "get_remaining_time_in_millis", None)
    if not callable(remaining):
        return None
    milliseconds: Any = remaining()
    seconds = float(milliseconds) / 1000
    return max(seconds - margin, seconds / 2, 0.001)


def checked_margin(margin: object, of: str) -> float:
    """A margin in seconds.

    Raises:
        ConfigurationError: It is not a positive number.
    """
    if not is_positive(margin):
        raise ConfigurationError(f"{of}(margin=...) must be a positive number of seconds, not {margin!r}")
    number: Any = margin
    return float(number)


@contextmanager
def ending_in(client: DynamoDBClient, seconds: float | None) -> Generator[None]:
    """Within the block, the calls of this client end after these seconds."""
    if seconds is None:
        yield
    else:
        with client.options(deadline=seconds):
            yield
