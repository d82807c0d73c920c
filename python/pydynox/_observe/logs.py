"""Logs: what happens in calls, as records of the standard library's ``logging`` under the name ``pydynox``.

Nothing imports this module, and with it ``logging``, before logging is switched on.
"""

from __future__ import annotations

import logging  # noqa: TID251  (this module is imported when logging is switched on, not before)
import os
from typing import TYPE_CHECKING, Any

from pydynox._shared.advice import advice
from pydynox.cost import site
from pydynox.exceptions import ConfigurationError

from .handlers import EVERYWHERE, bits_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydynox._core import Event

    from .handlers import Subscription

_ALL = logging.getLogger("pydynox")
_REQUEST = logging.getLogger("pydynox.request")
_RETRY = logging.getLogger("pydynox.retry")
_THROTTLE = logging.getLogger("pydynox.throttle")
_CONNECTION = logging.getLogger("pydynox.connection")
_CREDENTIALS = logging.getLogger("pydynox.credentials")
_SLOW = logging.getLogger("pydynox.slow")

#: By the logger, the lowest level that it uses, and the kinds of events that it records.
_KINDS: dict[logging.Logger, tuple[int, tuple[str, ...]]] = {
    _REQUEST: (logging.DEBUG, ("call_ended", "call_cancelled")),
    _RETRY: (logging.WARNING, ("retry_planned",)),
    _THROTTLE: (logging.WARNING, ("throttled",)),
    _CONNECTION: (logging.DEBUG, ("connection_opened", "connection_dropped")),
    _CREDENTIALS: (logging.WARNING, ("credentials_renewed",)),
}
#: The one subscription of all clients.
_active: Subscription | None = None


def switch_on() -> None:
    """Log what the levels of the loggers let through now; the extension calls this when it opens a client."""
    level = os.environ.get("PYDYNOX_LOG")
    if level and _active is None:
        _ALL.setLevel(_level_of(level, "the environment variable PYDYNOX_LOG"))
        if not _ALL.hasHandlers():
            _add_stderr()
    _follow()


def enable_logging(level: int | str | None = None) -> None:
    """Log the calls of all clients from now on, as far as the levels of the loggers below ``pydynox`` let them through.

    Only a program that sets the levels after a client's first call needs this: a client that makes its first call follows the
    levels that are set by then. Without any of it, calls cost nothing for logging.

    Args:
        level: The level to set on the logger ``pydynox``, as ``logging`` names or numbers it; None leaves it as it is.

    Raises:
        ConfigurationError: There is no such level.

    Example:
        >>> logging.basicConfig()
        >>> pydynox.enable_logging("DEBUG")

    Costs: nothing in DynamoDB.
    """
    if level is not None:
        _ALL.setLevel(_level_of(level, "enable_logging()"))
    _follow()


def _level_of(level: int | str, source: str) -> int:
    number = level if isinstance(level, int) else logging.getLevelNamesMapping().get(level.strip().upper())
    if number is None or isinstance(level, bool):
        names = ", ".join(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
        raise ConfigurationError(f"{source} names no level of logging: {level!r}; the levels are {names}")
    return number


def _add_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    _ALL.addHandler(handler)


def _follow() -> None:
    """Subscribe to the kinds of events whose loggers let them through."""
    global _active
    kinds = [kind for logger, (level, kinds) in _KINDS.items() if logger.isEnabledFor(level) for kind in kinds]
    bits = bits_of(kinds, of="enable_logging", capacity=False)
    if _active is not None and _active.bits == bits:
        return
    before = _active
    _active = EVERYWHERE.add(_log, bits) if bits else None
    if before is not None:
        before.close()


def _log(event: Event) -> None:
    _WRITERS[event.kind](event)


def _write(logger: logging.Logger, level: int, text: str, arguments: tuple[Any, ...], extra: dict[str, Any]) -> None:
    """As ``logger.log()`` does, without searching the stack for its caller, which is pydynox, at half the cost of the record."""
    if logger.isEnabledFor(level):
        record = logger.makeRecord(logger.name, level, __file__, 0, text, arguments, None)
        vars(record).update(extra)
        logger.handle(record)


def _place(event: Event) -> str:
    """The operation and what it was on: a table, or an index of it."""
    table = event.table or ", ".join(event.tables)
    index = event.index
    if index is not None:
        table = f"{table}/{index}"
    return f"{event.operation} on {table}" if table else str(event.operation)


def _extra(event: Event) -> dict[str, Any]:
    return {
        "operation": event.operation,
        "table": event.table,
        "index": event.index,
        "call": event.call,
        "attempt": event.attempt,
        "elapsed": event.elapsed,
        "status": event.status,
        "request_id": event.request_id,
        "error": event.error,
        "code": event.code,
    }


def _request(event: Event) -> None:
    if not _REQUEST.isEnabledFor(logging.DEBUG):
        return
    extra = _extra(event)
    milliseconds = 1000 * (extra["elapsed"] or 0.0)
    if event.kind == "call_cancelled":
        _write(_REQUEST, logging.DEBUG, "%s: cancelled after %.1f ms", (_place(event), milliseconds), extra)
        return
    attempts = extra["attempt"]
    tried = "" if attempts == 1 else f", {attempts} attempts"
    outcome = extra["status"] if extra["error"] is None else _failure(extra)
    _write(_REQUEST, logging.DEBUG, "%s: %s in %.1f ms%s", (_place(event), outcome, milliseconds, tried), extra)


def _failure(extra: dict[str, Any]) -> str:
    details = [
        text
        for text, value in (
            (extra["code"], extra["code"]),
            (f"status {extra['status']}", extra["status"]),
            (f"request id {extra['request_id']}", extra["request_id"]),
        )
        if value is not None
    ]
    return f"{extra['error']} ({', '.join(details)})" if details else str(extra["error"])


def _retry(event: Event) -> None:
    pause = event.pause or 0.0
    extra = {**_extra(event), "pause": pause}
    arguments = (_place(event), event.attempt, 1000 * pause)
    _write(_RETRY, logging.WARNING, "%s: attempt %d follows in %.0f ms", arguments, extra)


def _throttle(event: Event) -> None:
    reasons = event.throttling_reasons
    sentences = advice(reasons)
    extra = {**_extra(event), "throttling_reasons": reasons, "advice": sentences}
    named = ", ".join(reason for reason, _ in reasons) or event.code
    arguments = (_place(event), named, "; ".join(sentences))
    _write(_THROTTLE, logging.WARNING, "%s: throttled: %s: %s", arguments, extra)


def _connection(event: Event) -> None:
    extra = {"host": event.host, "elapsed": event.elapsed, "reason": event.reason}
    if event.kind == "connection_opened":
        arguments = (event.host, 1000 * (event.elapsed or 0.0))
        _write(_CONNECTION, logging.DEBUG, "connected to %s in %.1f ms", arguments, extra)
    else:
        _write(_CONNECTION, logging.DEBUG, "closed a connection to %s: %s", (event.host, event.reason), extra)


def _credentials(event: Event) -> None:
    extra = {"elapsed": event.elapsed, "error": event.error}
    milliseconds = 1000 * (event.elapsed or 0.0)
    if event.error is None:
        _write(_CREDENTIALS, logging.DEBUG, "credentials looked up in %.1f ms", (milliseconds,), extra)
    else:
        arguments = (event.error, milliseconds)
        _write(_CREDENTIALS, logging.WARNING, "credentials were not found: %s after %.1f ms", arguments, extra)


_WRITERS: dict[str, Callable[[Event], None]] = {
    "call_ended": _request,
    "call_cancelled": _request,
    "retry_planned": _retry,
    "throttled": _throttle,
    "connection_opened": _connection,
    "connection_dropped": _connection,
    "credentials_renewed": _credentials,
}


def slow_calls(slow_after: float) -> tuple[Callable[[Event], None], int]:
    """A handler that logs calls which took longer than this many seconds, and the bits of the events that it wants."""

    def handler(event: Event) -> None:
        elapsed = event.elapsed
        if elapsed is not None and elapsed >= slow_after:
            where = site()
            text = "%s took %.3f s, longer than slow_after=%g; attempts: %s, called from %s"
            arguments = (_place(event), elapsed, slow_after, event.attempt, where)
            _write(_SLOW, logging.WARNING, text, arguments, {**_extra(event), "site": where})

    return handler, bits_of(["call_ended"], of="slow_after", capacity=False)
