"""Errors as responses: the status and the text of each, without keys and values, as JSON or as problem details (RFC 9457)."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from pydynox.exceptions import (
    ConditionFailedError,
    ConnectionFailedError,
    CursorError,
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    ItemAlreadyExistsError,
    ItemNotFoundError,
    ItemTooLargeError,
    ItemVanishedError,
    PydynoxError,
    RequestTimeoutError,
    ThrottlingError,
    TransactionCanceledError,
    TransactionConflictError,
    TransactionTokenReusedError,
    UniqueConstraintError,
    ValidationError,
    VersionConflictError,
    WriteOutcomeUnknownError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import HTTPConnection

PROBLEM = "application/problem+json"
TITLES = {
    304: "Not Modified",
    400: "Bad Request",
    404: "Not Found",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    422: "Unprocessable Content",
    428: "Precondition Required",
    429: "Too Many Requests",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
STATUSES: dict[type[PydynoxError], int] = {
    ValidationError: 422,
    CursorError: 400,
    ItemNotFoundError: 404,
    ItemTooLargeError: 413,
    ConditionFailedError: 409,
    ThrottlingError: 429,
    RequestTimeoutError: 503,
    ConnectionFailedError: 503,
    TransactionConflictError: 409,
    TransactionTokenReusedError: 409,
    WriteOutcomeUnknownError: 504,
    IdempotencyInProgressError: 409,
    IdempotencyKeyReusedError: 422,
}
# Of a caller's fault the text says what to do; a message of pydynox may name the key, which is not for every caller to see.
TEXTS: dict[type[PydynoxError], str] = {
    ValidationError: "A value is not valid.",
    CursorError: "The cursor is not valid for this request: start again without one.",
    ItemNotFoundError: "The item does not exist.",
    ItemVanishedError: "The item was deleted in the meantime.",
    ItemTooLargeError: "The item would be larger than 400 KB.",
    ConditionFailedError: "The state of the item does not allow this change.",
    ItemAlreadyExistsError: "The item already exists.",
    VersionConflictError: "The item was changed in the meantime: read it again.",
    UniqueConstraintError: "A value that must be unique is already in use.",
    TransactionCanceledError: "The changes conflict with the state of an item, and none of them was made.",
    TransactionConflictError: "The item is being changed by another request.",
    TransactionTokenReusedError: "The token was already used for a different request.",
    IdempotencyInProgressError: "Another request with this idempotency key is being processed: try again later.",
    IdempotencyKeyReusedError: "The idempotency key was used for a different request.",
    WriteOutcomeUnknownError: "It is unknown whether the change was made: read the item before changing it again.",
    PydynoxError: "The request cannot be served now: try again later.",
}
# Others quote a value, a name in a map, or the text of a function of the app's.
_WITHOUT_VALUES = re.compile(r"""\w+\.\w+(?:\[\d+\])* (?:must be|must have|has|does not match) [^"']*""")
_STALE = (VersionConflictError, ItemVanishedError)
_PASSING = frozenset({429, 503})


class InvalidValue(BaseModel):
    """One invalid value, in the form of FastAPI's own validation errors."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(BaseModel):
    """An error as ``application/problem+json`` (RFC 9457).

    Attributes:
        type: ``about:blank``: the status says what it is about.
        title: The phrase of the status.
        status: The status of the response.
        detail: What happened.
        errors: Of a 422, the invalid values.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[InvalidValue] | None = None


class Detail(BaseModel):
    """An error as FastAPI's own exceptions are shown."""

    detail: str | list[InvalidValue] = Field(description="What happened; of a 422, the invalid values.")


class RefusedError(HTTPException):
    """A request that is refused before anything was written: a precondition, a cursor."""


def install_errors(app: FastAPI, *, retry_after: int = 1, statuses: Mapping[type[PydynoxError], int] | None = None) -> None:
    """Answer pydynox's errors with responses of the right status. Bodies contain neither keys nor values.

    A response is ``{"detail": ...}`` as of an ``HTTPException``, or problem details (RFC 9457) if the request's ``Accept`` names
    ``application/problem+json``. Errors that are a fault of the app, its configuration or its data, such as
    ``TableNotFoundError``, stay exceptions: a 500, and a traceback in the log.

    Args:
        app: The app.
        retry_after: Seconds in the ``Retry-After`` of 429 and 503; that of an ``IdempotencyInProgressError`` is its own.
        statuses: Other statuses for some classes of errors and their subclasses; 500 leaves them exceptions.

    Example:
        >>> install_errors(app)
    """
    table = {**STATUSES, **(statuses or {})}

    async def answer(request: HTTPConnection, error: Exception) -> JSONResponse:
        if not isinstance(error, PydynoxError) or not isinstance(request, Request):  # of a WebSocket there is no response
            raise error
        status = _status(error, table)
        if _is_of_precondition(error, request):
            status = 412
        if status == 500:
            raise error
        headers = {"Retry-After": str(retry_after)} if status in _PASSING else None
        if isinstance(error, IdempotencyInProgressError):
            headers = {"Retry-After": str(max(math.ceil(error.retry_after), 1))}
        return _response(request, status, _text(error, status), _invalid(error) if status == 422 else None, headers)

    async def refuse(request: HTTPConnection, error: Exception) -> Response:
        if not isinstance(error, RefusedError) or not isinstance(request, Request):
            raise error
        if error.status_code == 304:
            return Response(None, 304, error.headers)
        return _response(request, error.status_code, error.detail, None, error.headers)

    app.add_exception_handler(PydynoxError, answer)
    app.add_exception_handler(RefusedError, refuse)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route documents of its errors: ``responses=responses(404, 409)``.

    Args:
        *statuses: Statuses that ``install_errors``, ``ETag`` and ``paging`` give.

    Raises:
        ValueError: They never give such a status.

    Example:
        >>> @app.get("/users/{user_id}", responses=responses(404))
        ... async def read(user_id: str) -> User: ...
    """
    unknown = [status for status in statuses if status not in TITLES]
    if unknown:
        raise ValueError(f"there is no response of status {unknown[0]}: use {', '.join(map(str, TITLES))}")
    return {status: _documented(status) for status in statuses}


def _documented(status: int) -> dict[str, Any]:
    if status == 304:
        return {"description": TITLES[status]}
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    del problem["$defs"]  # those of Detail, which FastAPI adds to the components
    documented: dict[str, Any] = {
        "description": TITLES[status],
        "model": Detail,
        "content": {PROBLEM: {"schema": problem}},
    }
    if status in _PASSING:
        seconds = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        documented["headers"] = {"Retry-After": seconds}
    return documented


def _is_of_precondition(error: PydynoxError, request: Request) -> bool:
    """Whether a change was refused because the item is no longer the one that If-Match names."""
    if "if-match" not in request.headers or not isinstance(error, ConditionFailedError) or error.ambiguous:
        return False
    condition = getattr(request.state, "pydynox_condition", None)
    return isinstance(error, _STALE) or (condition is not None and error.condition is condition)


def _status(error: PydynoxError, table: Mapping[type[PydynoxError], int]) -> int:
    """The status of an error; 500 if it is a fault of the app."""
    if isinstance(error, TransactionCanceledError) and not error.retryable and error.failures:
        # Conflicts that pass do not matter where something else failed for good.
        failures = [failure for failure in error.failures.values() if not failure.retryable]
        results = {_status(failure, table) for failure in failures or error.failures.values()}
        return results.pop() if len(results) == 1 else 500 if 500 in results else 409
    status = next((table[kind] for kind in type(error).__mro__ if kind in table), None)
    if error.retryable:
        has_own = status in _PASSING or isinstance(error, IdempotencyInProgressError)
        return status if status is not None and has_own else 503
    if isinstance(error, ConditionFailedError) and error.ambiguous:
        return table[WriteOutcomeUnknownError]
    return status or 500


def _text(error: PydynoxError, status: int) -> str:
    if status in _PASSING:
        return TEXTS[PydynoxError]
    if status == 412:
        return TEXTS[VersionConflictError]
    if status == 504:
        return TEXTS[WriteOutcomeUnknownError]
    if isinstance(error, TransactionCanceledError) and len(error.failures) == 1:
        (error,) = error.failures.values()
    return next(TEXTS[kind] for kind in type(error).__mro__ if kind in TEXTS)


def _invalid(error: PydynoxError) -> list[dict[str, Any]] | None:
    """The attributes of an invalid item, with what is wrong as far as the text can have no value in it."""
    if not isinstance(error, ValidationError):
        return None
    named = [(name, message) for name, message in error.errors if name] or [("", "")]
    return [
        {
            "loc": ["item", name] if name else ["item"],
            "msg": message if _WITHOUT_VALUES.fullmatch(message) else TEXTS[ValidationError],
            "type": "value_error",
        }
        for name, message in named
    ]


def _response(
    request: Request, status: int, text: str, invalid: list[dict[str, Any]] | None, headers: Mapping[str, str] | None
) -> JSONResponse:
    if not _wants_problem(request):
        return JSONResponse({"detail": invalid or text}, status, headers)
    problem: dict[str, Any] = {"type": "about:blank", "title": TITLES.get(status, "Error"), "status": status, "detail": text}
    if invalid is not None:
        problem["errors"] = invalid
    return JSONResponse(problem, status, headers, media_type=PROBLEM)


def _wants_problem(request: Request) -> bool:
    """Whether Accept names the media type of problem details, and does not prefer plain JSON."""
    quality = {"application/json": 0.0, PROBLEM: 0.0}
    for part in ",".join(request.headers.getlist("accept")).lower().split(","):
        media_type, *parameters = (text.strip() for text in part.split(";"))
        if media_type in quality:
            weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
            try:
                quality[media_type] = float(weight)
            except ValueError:
                quality[media_type] = 0.0
    return 0 < quality[PROBLEM] >= quality["application/json"]
