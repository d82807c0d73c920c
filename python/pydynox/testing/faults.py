"""Faults: failures of networks and services, injected into a client's requests on purpose. PYTEST_DONT_REWRITE"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import pydynox._core as _core

from .requests import recorded

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from pydynox.client import DynamoDBClient

    from .requests import RecordedRequest

FaultKind = Literal[
    "throttle",
    "internal_error",
    "unavailable",
    "error",
    "unreachable",
    "reset",
    "stall",
    "latency",
    "unprocessed",
    "lost",
    "timeout",
    "truncated",
    "corrupt",
    "late_error",
    "half_unprocessed",
]

_ERRORS: dict[str, tuple[str, int, str, str]] = {  # by kind: fault in the core, status, code, message
    "throttle": ("error", 400, "ProvisionedThroughputExceededException", "The level of configured throughput was exceeded"),
    "internal_error": ("error", 500, "InternalServerError", "Internal server error"),
    "unavailable": ("error", 503, "ServiceUnavailable", "The service is unavailable"),
    "error": ("error", 400, "ValidationException", "Refused by a test"),
    "late_error": ("error_after", 500, "InternalServerError", "Internal server error"),
}
_KINDS: tuple[str, ...] = get_args(FaultKind)
_OF_BATCHES = ("unprocessed", "half_unprocessed")
_BATCHES = ("BatchGetItem", "BatchWriteItem")


class Fault(NamedTuple):
    """A fault, and the requests it applies to; created by ``fault()``."""

    operation: str | None
    kind: str
    table: str | None
    skip: int
    times: int | None
    seconds: float
    status: int
    code: str
    message: str
    members: dict[str, Any]


class Injected(NamedTuple):
    """One fault that was injected."""

    kind: str
    operation: str
    table: str
    """The table's name as sent; empty for operations on several tables."""
    request: int
    """The zero-based position among all requests in the block."""
    applied: bool | None
    """Whether DynamoDB applied the request; None if the call ended before that was known, or for part of a batch."""


class FaultLog:
    """The requests that were sent and the faults injected into them; returned by ``with inject(...)``."""

    __slots__ = ("_core", "_faults")

    def __init__(self, core: _core.Faults, faults: tuple[Fault, ...]) -> None:
        self._core = core
        self._faults = faults

    @property
    def injected(self) -> list[Injected]:
        """The faults that were injected, in order."""
        return [
            Injected(self._faults[rule].kind, operation, table, request, applied)
            for rule, operation, table, request, applied in self._core.injected()
        ]

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request that was sent, one entry per attempt; each equals the name of its operation."""
        return recorded(self._core)

    @property
    def unused(self) -> list[Fault]:
        """The faults that were never injected; a test can assert that this is empty."""
        used = {done[0] for done in self._core.injected()}
        return [fault for place, fault in enumerate(self._faults) if place not in used]

    def __repr__(self) -> str:
        return f"FaultLog(requests={self.requests!r}, injected={self.injected!r})"


def check_aim(
    call: str, kinds: tuple[str, ...], kind: str, *, operation: str | None, skip: int, times: int | None, seconds: float | None
) -> None:
    """Refuse a fault that could apply to no request, or that there is not; for pydynox's own modules."""
    if kind not in kinds:
        raise ValueError(f"{call}: there is no kind {kind!r}; the kinds are {', '.join(sorted(kinds))}")
    if operation == "":
        raise ValueError(f"{call}: the operation must be a name such as 'PutItem', or None for any, not {operation!r}")
    for name, number, least in (("skip", skip, 0), ("times", times, 1)):
        if number is not None and number < least:
            raise ValueError(f"{call}: {name} must be at least {least}, not {number!r}")
    if seconds is not None and not 0 <= seconds < float("inf"):
        raise ValueError(f"{call}: seconds must be 0 or more and finite, not {seconds!r}")


def fault(
    operation: str | None,
    kind: FaultKind,
    /,
    *,
    table: str | None = None,
    skip: int = 0,
    times: int | None = 1,
    seconds: float | None = None,
    code: str | None = None,
    status: int | None = None,
    message: str | None = None,
    reasons: Sequence[tuple[str, str] | Mapping[str, str]] = (),
    members: Mapping[str, Any] | None = None,
) -> Fault:
    """Describe a fault to inject into a client's requests, for ``inject``.

    Faults before DynamoDB sees the request: ``"throttle"``, ``"internal_error"`` (500), ``"unavailable"`` (503), ``"error"`` (any
    ``code``), ``"unreachable"`` (no connection), ``"reset"`` (the connection breaks), ``"stall"`` (no response ever arrives),
    ``"latency"`` (the request is delayed by ``seconds``), ``"unprocessed"`` (a whole batch is unprocessed).

    Faults after DynamoDB has applied it: ``"lost"`` (the connection breaks before the response), ``"timeout"``, ``"truncated"``,
    ``"corrupt"`` (the response does not match its checksum), ``"late_error"`` (500 instead of the response),
    ``"half_unprocessed"`` (half of a batch is applied, the rest is unprocessed).

    Args:
        operation: The operation, such as ``"PutItem"``; None for any.
        kind: The fault.
        table: Only requests to this table; the name as sent, ``table_prefix`` included.
        skip: Number of matching requests to let through first.
        times: Number of requests to inject the fault into; None for all that follow.
        seconds: The delay of ``"latency"``.
        code: The error code, such as ``"TransactionCanceledException"``.
        status: The HTTP status of the error.
        message: The message of the error.
        reasons: The throttling reasons, each with its resource: ``("TableWriteMaxOnDemandThroughputExceeded", "users")``, or in
            the service's form, ``{"reason": "TableWriteMaxOnDemandThroughputExceeded", "resource": "users"}``.
        members: Further members of the error's body, such as ``{"CancellationReasons": [{"Code": "TransactionConflict"}]}``.

    Raises:
        ValueError: The kind is unknown, a number is out of range, or an argument does not apply to this kind.

    Example:
        >>> with inject(client, fault("PutItem", "throttle", times=2)) as log:
        ...     await user.create()
        >>> [done.kind for done in log.injected]
        ['throttle', 'throttle']
    """
    check_aim("fault()", _KINDS, kind, operation=operation, skip=skip, times=times, seconds=seconds)
    if kind in _OF_BATCHES and operation not in _BATCHES:
        raise ValueError(f"fault(): {kind!r} applies to {' and '.join(_BATCHES)}, not to {operation}")
    if (kind == "latency") != (seconds is not None):
        raise ValueError("fault(): 'latency' needs seconds=, and no other kind takes it")
    given = {"code": code, "status": status, "message": message, "reasons": reasons or None, "members": members}
    if kind not in _ERRORS:
        unused = [name for name, value in given.items() if value is not None]
        if unused:
            raise ValueError(f"fault(): {kind!r} does not take {', '.join(unused)}: it returns no error")
        return Fault(operation, kind, table, skip, times, seconds or 0.0, 0, "", "", {})
    _, usual_status, usual_code, usual_message = _ERRORS[kind]
    body = dict(members or {})
    if reasons:
        body["throttlingReasons"] = [_reason(reason) for reason in reasons]
    return Fault(
        operation,
        kind,
        table,
        skip,
        times,
        0.0,
        usual_status if status is None else status,
        code or usual_code,
        usual_message if message is None else message,
        body,
    )


def _reason(given: Any) -> dict[str, str]:
    """A reason in the service's form, with the members ``reason`` and ``resource``."""
    if issubclass(type(given), Mapping) and set(given) == {"reason", "resource"}:
        reason, resource = given["reason"], given["resource"]
    elif issubclass(type(given), (tuple, list)) and len(given) == 2:  # noqa: PLR2004  # a reason and its resource
        reason, resource = given
    else:
        raise ValueError(f"fault(): a reason must be (reason, resource) or {{'reason': ..., 'resource': ...}}, not {given!r}")
    if not (issubclass(type(reason), str) and issubclass(type(resource), str)):
        raise ValueError(  # noqa: TRY004  # one exception type for all invalid arguments of fault()
            f"fault(): reason and resource must be str, not {reason!r} and {resource!r}"
        )
    return {"reason": reason, "resource": resource}


def compiled(faults: Iterable[Fault]) -> list[Fault]:
    """Faults by the names that the core has for them; for pydynox's own modules."""
    return [one._replace(kind=_ERRORS[one.kind][0]) if one.kind in _ERRORS else one for one in faults]


@contextmanager
def inject(client: DynamoDBClient, /, *faults: Fault) -> Generator[FaultLog]:
    """Inject faults into a client's requests within the block, whatever endpoint the client uses.

    Each request takes the first fault that is neither skipping nor used up; later faults do not count that request, so faults
    occur one after another. A request delayed by ``"latency"`` is then offered to the later faults. Each attempt counts as a
    request. Faults apply to calls from all threads and tasks, except calls that started before the block. Blocks can be nested:
    the inner block's faults are tried first. Within the block, the client has a separate retry quota.

    Args:
        client: The client.
        *faults: The faults, created by ``fault()``; without any, the requests are recorded and nothing else happens.

    Raises:
        TypeError: An argument is not a fault.

    Example:
        >>> with inject(client, fault("PutItem", "lost")) as log:
        ...     await user.create()
        >>> log.requests
        ['PutItem', 'PutItem']
    """
    for one in faults:
        if not hasattr(one, "members"):
            raise TypeError(f"inject() takes faults created by fault(), not {type(one).__qualname__}")
    core = _core.Faults(compiled(faults))
    client.core.inject(core)
    try:
        yield FaultLog(core, faults)
    finally:
        client.core.lift(core)
