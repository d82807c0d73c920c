"""Logs: what happens in calls, as records of the standard library's ``logging`` under the name ``pydynox``.

Nothing imports this module, and with it ``logging``, before logging is switched on.
"""

from __future__ import annotations

import logging  # noqa: TID251  (this module is imported when logging is switched on, not before)
import os
import sys
from time import time
from typing import TYPE_CHECKING, Any

from pydynox._shared.advice import advice
from pydynox.cost import site
from pydynox.exceptions import ConfigurationError

from .handlers import EVERYWHERE, bits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydynox._core import Event

    from .handlers import Subscription

_ALL = logging.getLogger("pydynox")
_REQUEST = logging.getLogger("pydynox.request")
_RETRY = logging.getLogger("pydynox.retry")
_THROTTLE = logging.getLogger("pydynox.throttle")
_CONNECTION = logging.getLogger("pydynox.connection")
_CREDENTIALS = logging.getLogger("pydynox.credentials")
_SLOW = logging.getLogger("pydynox.slow")

_threading: Any = sys.modules["threading"]  # which `logging` uses
#: Of all clients, by the logger that lets anything through, or did when a client was opened.
_active: dict[logging.Logger, Subscription] = {}
_TEMPLATES: dict[logging.Logger, _Template] = {}
_HAS_TASKS = sys.version_info >= (3, 12)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_TEMPLATES.clear)  # the number of the process is among them


def switch_on() -> None:
    """Log what the levels of the loggers let through now; the extension calls this when it opens a client."""
    level = os.environ.get("PYDYNOX_LOG")
    if level and not _active:
        _ALL.setLevel(_level_of(level, "the environment variable PYDYNOX_LOG"))
        if not _ALL.hasHandlers():
            _add_stderr()
    _follow(is_asked=False)


def enable_logging(level: int | str | None = None) -> None:
    """Log the calls of all clients from now on, as far as the levels of the loggers below ``pydynox`` let them through now.

    Only a program that lowers a level after a client's first call needs this, after each such change: a client that makes its
    first call follows the levels that are set by then. Without any of it, calls cost nothing for logging.

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
    _follow(is_asked=True)


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


def _follow(*, is_asked: bool) -> None:
    """Subscribe to the kinds of events whose loggers let them through.

    Args:
        is_asked: Whether the program asked for it, which also ends what no logger lets through now. A client that is opened
            in a quiet moment must not end what others log.
    """
    _TEMPLATES.clear()
    for logger, (level, kinds, writer) in _KINDS.items():
        if logger.isEnabledFor(level):
            if logger not in _active:
                _active[logger] = EVERYWHERE.add(writer, bits_of(kinds, of="enable_logging", capacity=False))
        elif is_asked and (subscription := _active.pop(logger, None)) is not None:
            subscription.close()


def _write(logger: logging.Logger, level: int, text: str, arguments: tuple[Any, ...], extra: dict[str, Any]) -> None:
    """As ``logger.log()`` does, without searching the stack for its caller, which is pydynox."""
    if logger.isEnabledFor(level):
        record = _record(logger, level, text, arguments, extra)
        record.__dict__.update(extra)
        logger.handle(record)


def _record(
    logger: logging.Logger, level: int, text: str, arguments: tuple[Any, ...], fields: Iterable[str]
) -> logging.LogRecord:
    """A record whose fields the caller sets; a logger always says the same ones.

    To make one, ``logging`` looks everything up again, which takes as long as the whole rest: all but what changes is taken from
    the first.
    """
    if type(logger) is not logging.Logger or logging.getLogRecordFactory() is not logging.LogRecord:
        return logger.makeRecord(logger.name, level, __file__, 0, text, arguments, None)
    template = _TEMPLATES.get(logger)
    switches = (logging.logThreads, logging.logProcesses, logging.logMultiprocessing)
    if template is None or template.level != level or template.switches != switches:
        template = _TEMPLATES[logger] = _Template(logger, level, fields, switches)
    values = template.values.copy()
    values["msg"] = text
    values["args"] = arguments
    values["created"] = now = time()
    values["msecs"] = int((now - int(now)) * 1000) + 0.0
    values["relativeCreated"] = (now - template.start) * 1000
    if logging.logThreads:
        values["thread"] = _threading.get_ident()
        values["threadName"] = _threading.current_thread().name
    if logging.logMultiprocessing and "multiprocessing" in sys.modules:
        values["processName"] = _process_name()
    if _HAS_TASKS:
        values["taskName"] = _task_name()
    record = logging.LogRecord.__new__(logging.LogRecord)
    record.__dict__ = values
    return record


class _Template:
    """The attributes of a record that ``logging`` made; of the next one of its logger and level, only some differ."""

    __slots__ = ("level", "start", "switches", "values")

    def __init__(self, logger: logging.Logger, level: int, fields: Iterable[str], switches: tuple[bool, ...]) -> None:
        record = logger.makeRecord(logger.name, level, __file__, 0, "", (), None)
        self.level = level
        #: What the program had records leave out.
        self.switches = switches
        # The fields too: to grow each copy of it by them would take as long as to copy it.
        self.values = vars(record) | dict.fromkeys(fields)
        #: When `logging` was imported, which only its records say.
        self.start = record.created - record.relativeCreated / 1000


def _process_name() -> str:
    current: Any = getattr(sys.modules["multiprocessing"], "current_process", None)
    return "MainProcess" if current is None else str(current().name)


def _task_name() -> str | None:
    """From Python 3.12, records have the name of the asyncio task."""
    asyncio: Any = sys.modules.get("asyncio")
    if asyncio is None or not logging.logAsyncioTasks:  # type: ignore[attr-defined,unused-ignore]
        return None
    try:
        return str(asyncio.current_task().get_name())
    except (AttributeError, RuntimeError):  # no task, or no loop
        return None


def _place(operation: str | None, table: str | None, index: str | None, event: Event) -> str:
    """The operation and what it was on: a table, or an index of it."""
    table = table or ", ".join(event.tables)
    if index is not None:
        table = f"{table}/{index}"
    return f"{operation} on {table}" if table else str(operation)


def _where(event: Event) -> str:
    return _place(event.operation, event.table, event.index, event)


def _extra(event: Event) -> dict[str, Any]:
    return dict(zip(_FIELDS, event.outcome, strict=True))


_FIELDS = ("operation", "table", "index", "call", "attempt", "elapsed", "status", "request_id", "error", "code")


def _request(event: Event) -> None:
    if not _REQUEST.isEnabledFor(logging.DEBUG):
        return
    operation, table, index, call, attempts, elapsed, status, request_id, error, code = event.outcome
    place = _place(operation, table, index, event)
    milliseconds = 1000 * (elapsed or 0.0)
    if attempts is None:
        record = _record(_REQUEST, logging.DEBUG, "%s: cancelled after %.1f ms", (place, milliseconds), _FIELDS)
    else:
        tried = "" if attempts == 1 else f", {attempts} attempts"
        outcome = status if error is None else _failure(error, code, status, request_id)
        record = _record(_REQUEST, logging.DEBUG, "%s: %s in %.1f ms%s", (place, outcome, milliseconds, tried), _FIELDS)
    # Not by `_extra`, which takes 1 us longer: a seventh of what a logged call costs.
    values = record.__dict__
    values["operation"] = operation
    values["table"] = table
    values["index"] = index
    values["call"] = call
    values["attempt"] = attempts
    values["elapsed"] = elapsed
    values["status"] = status
    values["request_id"] = request_id
    values["error"] = error
    values["code"] = code
    _REQUEST.handle(record)


def _failure(error: str, code: str | None, status: int | None, request_id: str | None) -> str:
    named = ((code, "{}"), (status, "status {}"), (request_id, "request id {}"))
    details = [text.format(value) for value, text in named if value is not None]
    return f"{error} ({', '.join(details)})" if details else error


def _retry(event: Event) -> None:
    pause = event.pause or 0.0
    extra = {**_extra(event), "pause": pause}
    arguments = (_where(event), event.attempt, 1000 * pause)
    _write(_RETRY, logging.WARNING, "%s: attempt %d follows in %.0f ms", arguments, extra)


def _throttle(event: Event) -> None:
    reasons = event.throttling_reasons
    sentences = advice(reasons)
    extra = {**_extra(event), "throttling_reasons": reasons, "advice": sentences}
    named = ", ".join(reason for reason, _ in reasons) or event.code
    arguments = (_where(event), named, "; ".join(sentences))
    _write(_THROTTLE, logging.WARNING, "%s: throttled: %s: %s", arguments, extra)


def _connection(event: Event) -> None:
    extra = {"host": event.host, "elapsed": event.elapsed, "reason": event.reason}
    if event.kind == "connection_opened":
        arguments = (event.host, 1000 * (event.elapsed or 0.0))
        _write(_CONNECTION, logging.DEBUG, "connected to %s in %.1f ms", arguments, extra)
    else:
        _write(_CONNECTION, logging.DEBUG, "closed a connection to %s: %s", (event.host, event.reason), extra)


def _credentials(event: Event) -> None:
    extra = {"elapsed": event.elapsed, "error": event.error, "source": event.source}
    milliseconds = 1000 * (event.elapsed or 0.0)
    if event.error is None:
        source = "" if event.source is None else f": {event.source}"
        _write(_CREDENTIALS, logging.DEBUG, "credentials looked up in %.1f ms%s", (milliseconds, source), extra)
    else:
        arguments = (event.error, milliseconds)
        _write(_CREDENTIALS, logging.WARNING, "credentials were not found: %s after %.1f ms", arguments, extra)


#: By the logger, the lowest level that it uses, the kinds of events that it records, and how.
_KINDS: dict[logging.Logger, tuple[int, tuple[str, ...], Callable[[Event], None]]] = {
    _REQUEST: (logging.DEBUG, ("call_ended", "call_cancelled"), _request),
    _RETRY: (logging.WARNING, ("retry_planned",), _retry),
    _THROTTLE: (logging.WARNING, ("throttled",), _throttle),
    _CONNECTION: (logging.DEBUG, ("connection_opened", "connection_dropped"), _connection),
    _CREDENTIALS: (logging.WARNING, ("credentials_renewed",), _credentials),
}


def slow_calls(slow_after: float) -> tuple[Callable[[Event], None], int]:
    """A handler that logs calls which took longer than this many seconds, and the bits of the events that it wants."""

    def handler(event: Event) -> None:
        elapsed = event.elapsed
        if elapsed is not None and elapsed >= slow_after:
            where = site()
            if event.kind == "call_cancelled":
                text = "%s was cancelled after %.3f s, longer than slow_after=%g; called from %s"
                arguments: tuple[Any, ...] = (_where(event), elapsed, slow_after, where)
            else:
                text = "%s took %.3f s, longer than slow_after=%g; attempts: %s, called from %s"
                arguments = (_where(event), elapsed, slow_after, event.attempt, where)
            _write(_SLOW, logging.WARNING, text, arguments, {**_extra(event), "site": where})

    return handler, bits_of(["call_ended", "call_cancelled"], of="slow_after", capacity=False)
