"""Faults: what networks and services do now and then, done to a client's requests on purpose. PYTEST_DONT_REWRITE"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from pydynox import _core

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pydynox.client import DynamoDBClient

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

_ERRORS: dict[str, tuple[str, int, str, str]] = {  # by kind: what is done, status, code, message
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
    """What is done to which requests; made by ``fault()``."""

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
    """One fault that was done."""

    kind: str
    operation: str
    table: str
    """As it was sent; empty for what may be of several tables."""
    request: int
    """Which of all requests it was, counted from 0."""
    applied: bool | None
    """Whether DynamoDB applied the request; None where the call ended before that was known, and for a part of a batch."""


class FaultLog:
    """What came by, and what was done to it: the result of ``with inject(...)``."""

    __slots__ = ("_core", "_faults")

    def __init__(self, core: _core.Faults, faults: tuple[Fault, ...]) -> None:
        self._core = core
        self._faults = faults

    @property
    def injected(self) -> list[Injected]:
        """The faults that were done, in their order."""
        return [
            Injected(self._faults[rule].kind, operation, table, request, applied)
            for rule, operation, table, request, applied in self._core.injected()
        ]

    @property
    def requests(self) -> list[str]:
        """The operations of all requests that were sent, attempt by attempt."""
        return self._core.requests()

    @property
    def unused(self) -> list[Fault]:
        """The faults that were never done: a test that expects one may look here."""
        used = {done[0] for done in self._core.injected()}
        return [fault for place, fault in enumerate(self._faults) if place not in used]

    def __repr__(self) -> str:
        return f"FaultLog(requests={self.requests!r}, injected={self.injected!r})"


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
    """What to do to some requests of a client, for ``inject``.

    Before DynamoDB sees the request: ``"throttle"``, ``"internal_error"`` (500), ``"unavailable"`` (503), ``"error"`` (of any
    ``code``), ``"unreachable"`` (no connection), ``"reset"`` (the connection breaks), ``"stall"`` (nothing ever comes),
    ``"latency"`` (it waits ``seconds`` and goes on), ``"unprocessed"`` (all of a batch is left over).

    After DynamoDB applied it: ``"lost"`` (the connection breaks before the answer), ``"timeout"``, ``"truncated"``, ``"corrupt"``
    (the answer does not match its checksum), ``"late_error"`` (500 in place of the answer), ``"half_unprocessed"`` (half of a
    batch is done, the rest left over).

    Args:
        operation: To which operation, such as ``"PutItem"``; None for any.
        kind: What is done.
        table: Only to requests that name this table, as it is sent, ``table_prefix`` included.
        skip: How many requests pass first.
        times: To how many requests it is done; None for all that follow.
        seconds: How long ``"latency"`` waits.
        code: The code of an error, such as ``"TransactionCanceledException"``.
        status: Its HTTP status.
        message: Its text.
        reasons: Why it is throttled, each with the resource: ``("TableWriteMaxOnDemandThroughputExceeded", "users")``, or as the
            service writes it, ``{"reason": "TableWriteMaxOnDemandThroughputExceeded", "resource": "users"}``.
        members: What else stands in the error's body, such as ``{"CancellationReasons": [{"Code": "TransactionConflict"}]}``.

    Raises:
        ValueError: The kind is unknown, a number is out of range, or something is given that this kind does not use.

    Example:
        >>> with inject(client, fault("PutItem", "throttle", times=2)) as log:
        ...     await user.create()
        >>> [done.kind for done in log.injected]
        ['throttle', 'throttle']
    """
    if kind not in _KINDS:
        raise ValueError(f"fault(): no kind is {kind!r}; there are {', '.join(sorted(_KINDS))}")
    if operation == "":
        raise ValueError(f"fault(): an operation is a name such as 'PutItem', or None for any, not {operation!r}")
    if kind in _OF_BATCHES and operation not in _BATCHES:
        raise ValueError(f"fault(): {kind!r} is of {' and '.join(_BATCHES)}, not of {operation}")
    for name, number, least in (("skip", skip, 0), ("times", times, 1)):
        if number is not None and number < least:
            raise ValueError(f"fault(): {name} is a number from {least}, not {number!r}")
    if (kind == "latency") != (seconds is not None):
        raise ValueError("fault(): 'latency' needs seconds=, and nothing else takes them")
    if seconds is not None and not 0 <= seconds < float("inf"):
        raise ValueError(f"fault(): seconds is a time, not {seconds!r}")
    given = {"code": code, "status": status, "message": message, "reasons": reasons or None, "members": members}
    if kind not in _ERRORS:
        unused = [name for name, value in given.items() if value is not None]
        if unused:
            raise ValueError(f"fault(): {kind!r} takes no {', '.join(unused)}: it is no error")
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
    """A reason as the service writes it."""
    if issubclass(type(given), Mapping) and set(given) == {"reason", "resource"}:
        reason, resource = given["reason"], given["resource"]
    elif issubclass(type(given), (tuple, list)) and len(given) == 2:  # noqa: PLR2004  # a reason and its resource
        reason, resource = given
    else:
        raise ValueError(f"fault(): a reason is (reason, resource) or {{'reason': ..., 'resource': ...}}, not {given!r}")
    if not (issubclass(type(reason), str) and issubclass(type(resource), str)):
        raise ValueError(  # noqa: TRY004  # as all that fault() refuses
            f"fault(): reason and resource are texts, not {reason!r} and {resource!r}"
        )
    return {"reason": reason, "resource": resource}


@contextmanager
def inject(client: DynamoDBClient, /, *faults: Fault) -> Generator[FaultLog]:
    """Within the block, do this to requests of a client, whatever it is connected to.

    A request gets what the first fault says that is neither skipping nor used up; those after it do not count that request, so
    that faults come one after another. ``"latency"`` also passes it on. Each attempt is a request. Calls of all threads and tasks
    are meant; those that began before the block go on as they began. Blocks may stand in each other: a request meets the inner
    one's faults first. Within the block the client has a retry quota of its own.

    Args:
        client: The client.
        *faults: What to do, made by ``fault()``.

    Raises:
        ValueError: There is no fault.
        TypeError: Something is none.

    Example:
        >>> with inject(client, fault("PutItem", "lost")) as log:
        ...     await user.create()
        >>> log.requests
        ['PutItem', 'PutItem']
    """
    if not faults:
        raise ValueError("inject() needs at least one fault, such as fault('PutItem', 'throttle')")
    for one in faults:
        if not hasattr(one, "members"):
            raise TypeError(f"inject() takes what fault() makes, not {type(one).__qualname__}")
    core = _core.Faults([one._replace(kind=_ERRORS[one.kind][0]) if one.kind in _ERRORS else one for one in faults])
    client.core.inject(core)
    try:
        yield FaultLog(core, faults)
    finally:
        client.core.lift(core)
