"""What ``timeout=`` of a verb means: an ``options()`` block around that one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pydynox._client.connection import Connection

    from .typing import T


class _NotGiven:
    """The default of ``timeout=``, where None means no limit."""

    def __repr__(self) -> str:
        return "<as client.options() says>"


NOT_GIVEN: Any = _NotGiven()


def is_positive(value: object) -> bool:
    """Whether this is a number above zero, which a nan is not."""
    return isinstance(value, (int, float)) and value > 0


def seconds(timeout: object, *, of: str = "") -> float:
    """A time-out as ``options()`` blocks keep it: infinite where there is no limit.

    Raises:
        ConfigurationError: It is no positive number.
    """
    if timeout is None:
        return float("inf")
    if not is_positive(timeout):
        setting = f"{of}(timeout=...)" if of else "timeout=..."
        raise ConfigurationError(f"{setting} is a positive number of seconds, or None for no limit, not {timeout!r}")
    value: Any = timeout
    try:
        return float(value)
    except OverflowError:  # an int beyond what is a float is no limit either
        return float("inf")


async def limited(client: Connection, timeout: float | None, call: Coroutine[Any, Any, T]) -> T:
    """Await a call of this client that may take so long.

    Raises:
        ConfigurationError: The time-out is no positive number; the call was not begun.
    """
    try:
        given = seconds(timeout)
        with client.options(timeout=given):
            return await call
    finally:
        call.close()  # where it was not begun; otherwise it has ended
