"""The ``timeout=`` of a verb: equivalent to an ``options()`` block around that one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pydynox._client.connection import Connection

    from .typing import T


class _NotGiven:
    """The default of ``timeout=``, because None means no limit."""

    def __repr__(self) -> str:
        return "<as set by client.options()>"


NOT_GIVEN: Any = _NotGiven()


def is_positive(value: object) -> bool:
    """Whether this is a number greater than zero, which NaN is not."""
    return isinstance(value, (int, float)) and value > 0


def seconds(timeout: object, *, of: str = "") -> float:
    """A timeout in seconds, as ``options()`` blocks store it: infinite if there is no limit.

    Raises:
        ConfigurationError: The timeout is not a positive number.
    """
    if timeout is None:
        return float("inf")
    if not is_positive(timeout):
        setting = f"{of}(timeout=...)" if of else "timeout=..."
        raise ConfigurationError(f"{setting} must be a positive number of seconds, or None for no limit, not {timeout!r}")
    value: Any = timeout
    try:
        return float(value)
    except OverflowError:  # an int too large for a float is effectively no limit
        return float("inf")


async def limited(client: Connection, timeout: float | None, call: Coroutine[Any, Any, T]) -> T:
    """Await a call of this client with a timeout.

    Raises:
        ConfigurationError: The timeout is not a positive number; the call was not started.
    """
    try:
        given = seconds(timeout)
        with client.options(timeout=given):
            return await call
    finally:
        call.close()  # avoids "never awaited" if it was not started; has no effect once it has ended
