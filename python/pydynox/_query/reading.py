"""Reading a query: the steps that fetch its pages and return rows, hooks run and keys hydrated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pydynox._core as _core
from pydynox._client.gather import gather
from pydynox._shared.timeout import limited
from pydynox.batches.results import QueryResult
from pydynox.exceptions import ReadLimitError, SerializationError, ValidationError
from pydynox.key import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pydynox._shared.typing import Row
    from pydynox.query import Query


class _Unreadable(NamedTuple):
    """A row that cannot be read. The rows before it are returned first; then its error is raised."""

    error: SerializationError
    before: str | None
    """The cursor that continues with this row; None at the beginning."""


def open_rows(
    query: Query[Row], *, backward: bool = False
) -> tuple[Callable[[], Coroutine[Any, Any, list[Row] | None]], Callable[[], None]]:
    """What returns the next rows, None at the end; and what ends the reading.

    Args:
        query: What to read.
        backward: Whether rows that arrive in the reverse of the query's order are expected.
    """
    if query.search.is_backward and not backward:
        raise refused(
            "rows before a cursor arrive last to first: read them with page(n), pages(n) or all(), or iterate over descending()"
        )
    reading = _core.Reading(query.search, query.connection.core, False, False, _needs_places(query))
    unreadable: _Unreadable | None = None

    async def step() -> list[Row] | None:
        nonlocal unreadable
        if unreadable is not None:
            raise unreadable.error
        if reading.is_over:
            return None
        raw = await reading.fetch(None, True)
        if raw is None:
            if reading.is_spent and not reading.is_over:
                raise limit_reached(query, reading)
            return None
        rows, unreadable = await _finished(query, reading, raw)
        if unreadable is not None and not rows:
            raise unreadable.error
        return rows

    return step, reading.close


def open_pages(
    query: Query[Row], wanted: int, *, ahead: bool
) -> tuple[Callable[[], Coroutine[Any, Any, QueryResult[Row] | None]], Callable[[], None]]:
    """What returns the next page, None at the end; and what ends the reading.

    Args:
        query: What to read.
        wanted: The number of rows in a page.
        ahead: Whether to fetch the next page while this one is used.
    """
    wanted = row_count("page", wanted, 1)
    reading = _core.Reading(query.search, query.connection.core, False, True, _needs_places(query))
    begun = spent = False
    unreadable: _Unreadable | None = None

    async def step() -> QueryResult[Row] | None:
        nonlocal begun, spent, unreadable
        if unreadable is not None:
            raise unreadable.error
        if spent or (begun and reading.is_over):
            return None
        begun = True
        reading.begin_page()
        rows: list[Row] = []
        capacity_before = reading.capacity or 0.0
        while len(rows) < wanted and not reading.is_over:
            here = reading.cursor() if rows else None
            try:
                raw = await reading.fetch(wanted - len(rows), ahead)
            except SerializationError as error:
                if not rows:
                    raise
                unreadable = _Unreadable(error, here)
                break
            if raw is None:
                spent = reading.is_spent
                break
            more, unreadable = await _finished(query, reading, raw)
            rows += more
            if reading.is_stuck or unreadable is not None:
                break
        if unreadable is not None and (not rows or unreadable.before is None):
            raise unreadable.error
        capacity = reading.capacity
        cursor = reading.cursor() if unreadable is None else unreadable.before
        consumed = None if capacity is None else capacity - capacity_before
        if query.search.is_backward:
            rows.reverse()
            return QueryResult(rows, reading.cursor_back(), consumed, cursor)
        try:
            return QueryResult(rows, cursor, consumed, reading.cursor_back())
        except ValidationError as error:
            return QueryResult(rows, cursor, consumed, error)

    return step, reading.close


def _needs_places(query: Query[Any]) -> bool:
    """Whether rows may turn out to be unreadable after the reading is past them, so that it must know the cursor after each."""
    hooks = None if query.model is None else query.model._hooks
    return query.rows == "hydrated" or (hooks is not None and hooks.converts and query.search.invalid is None)


async def _finished(query: Query[Any], reading: _core.Reading, rows: list[Any]) -> tuple[list[Any], _Unreadable | None]:
    """Rows as callers get them, up to one that cannot be read."""
    model = query.model
    if query.rows in ("keys", "hydrated"):
        keys: list[Any] = [Key(model, row) for row in rows]
        return (keys, None) if query.rows == "keys" or not keys else await _hydrated(query, reading, keys)
    if model is None or not (model._hooks is not None or model._definition.entities):
        return rows, None
    if model._hooks is not None and model._hooks.converts:
        return (rows, None) if query.rows == "instances" else _converted(query, reading, rows)
    for row in rows:
        # Each row has its own class, which may have hooks although the class that is queried has none.
        if isinstance(row, _core.Instance) and (hooks := getattr(row, "_hooks", None)) is not None:
            await hooks.loaded(row)
    return rows, None


def _converted(query: Query[Any], reading: _core.Reading, rows: list[Any]) -> tuple[list[Any], _Unreadable | None]:
    """The objects of a repository, up to one that its class refuses."""
    hooks, on_invalid = query.model._hooks, query.search.invalid
    objects: list[Any] = []
    for place, row in enumerate(rows):
        if not isinstance(row, _core.Instance):
            return rows, None  # selected values
        try:
            objects.append(hooks.object_for(row))
        except SerializationError as error:
            if on_invalid is None:
                error.cursor = reading.cursor_after(place + 1, place)
                return objects, _Unreadable(error, reading.cursor_after(place, place))
            reading.take_back(1)
            on_invalid(error)
    return objects, None


async def _hydrated(query: Query[Any], reading: _core.Reading, keys: list[Any]) -> tuple[list[Any], _Unreadable | None]:
    """The items of these keys, up to one that cannot be read."""
    errors: dict[Any, SerializationError] = {}

    # Kept instead of raised: the rows before the first of them are returned before its error is.
    def keep(error: SerializationError) -> None:
        errors[error.key] = error

    client, timeout = query.connection, query.search.timeout
    call = gather(client, "hydrate", tuple(keys), None, query.search.invalid or keep)
    items = await (call if timeout is None else limited(client, timeout, call))
    readable: list[Any] = []
    for place, (key, item) in enumerate(zip(keys, items, strict=True)):
        if item is not None:
            readable.append(item)
        elif (error := errors.get(key)) is not None:
            error.cursor = reading.cursor_after(place + 1, place)
            return readable, _Unreadable(error, reading.cursor_after(place, place))
    return readable, None


def limit_reached(query: Query[Any], reading: _core.Reading) -> ReadLimitError:
    """The error of a reading that ``max_reads`` ended."""
    message = f"max_reads requests were sent and {query!r} has more: page() returns what was read and a cursor"
    return ReadLimitError(message, cursor=reading.cursor())


def row_count(name: str, value: Any, least: int) -> int:
    """A number that a method of this name was given.

    Raises:
        TypeError: It is not an integer.
        ValidationError: It is too small, or does not fit in 31 bits.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name}() takes a number, not {value!r}")
    if value < least or value > 2**31 - 1:
        raise refused(f"{name}({value}): the number must be {least} or more and fit in 31 bits")
    return value


def refused(message: str) -> ValidationError:
    """The error of an argument that concerns no single attribute."""
    return ValidationError(message, errors=[("", message)])
