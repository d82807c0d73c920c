"""PartiQL: statements in DynamoDB's dialect of SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydynox._core as _core

from .batches.results import QueryResult
from .exceptions import SerializationError, ValidationError, WriteOutcomeUnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ._client.connection import Connection

#: A statement alone, or a tuple of the statement and the values of its placeholders.
Statement = str | tuple[str, *tuple[Any, ...]]


async def execute(
    client: Connection,
    statement: Statement,
    model: Any,
    *,
    consistent_read: bool | None,
    limit: int | None,
    after: str | None,
    on_invalid: Callable[[SerializationError], object] | None,
) -> QueryResult[Any]:
    """Execute one statement, page by page until there are enough rows."""
    core = client.core
    schema = _schema(model)
    prepared = _prepared(statement, schema)
    _check(prepared, consistent_read, limit, after, on_invalid)
    token = None if after is None else prepared.after(core, after)
    rows: list[Any] = []
    cost: float | None = None
    trail = _core.Trail("ExecuteStatement", token)
    while True:
        # DynamoDB's Limit counts the items that it evaluates, not those that match (API reference of ExecuteStatement).
        wanted = None if limit is None else limit - len(rows)
        operation = prepared.execute(core, schema, consistent_read, wanted, token, on_invalid)
        page, token, units = await operation
        rows += page
        if units is not None:
            cost = (cost or 0.0) + units
        if token is None:
            break
        trail.note(token)
        if limit is not None and len(rows) >= limit:
            break
    rows = await _loaded(rows, on_invalid)
    return QueryResult(rows, None if token is None else prepared.cursor(core, token), cost)


async def execute_batch(
    client: Connection, statements: Iterable[Statement], model: Any, consistent_read: bool | None
) -> list[Any]:
    """Execute statements that succeed or fail independently."""
    schema = _schema(model)
    operation = _core.execute_batch(client.core, _all_prepared(statements, schema), schema, consistent_read)
    rows: list[Any] = await operation
    return await _loaded(rows, None)


async def execute_transaction(client: Connection, statements: Iterable[Statement], model: Any, token: str | None) -> list[Any]:
    """Execute statements that are applied together or not at all."""
    if token is not None:
        _core.check_token(token)
    schema = _schema(model)
    operation, sent = _core.execute_transaction(client.core, _all_prepared(statements, schema), schema, token)
    try:
        rows: list[Any] = await operation
    except WriteOutcomeUnknownError as error:
        error.add_note(f"its token is {sent!r}: repeat the same statements with it within ten minutes to settle the outcome")
        raise
    return await _loaded(rows, None)


def _prepared(statement: Any, schema: _core.Schema | None) -> _core.Statement:
    if isinstance(statement, str):
        return _core.Statement(statement, (), schema)
    if not issubclass(type(statement), tuple) or not statement or not isinstance(statement[0], str):
        raise TypeError(f"a statement must be a str, or a tuple of a str and its parameters, not {statement!r}")
    return _core.Statement(statement[0], statement[1:], schema)


def _all_prepared(statements: Iterable[Statement], schema: _core.Schema | None) -> list[_core.Statement]:
    # A str can be iterated, and each letter would become a statement.
    if isinstance(statements, str):
        raise TypeError("pass several statements as a list: [statement, (statement, parameter), ...]")
    prepared: list[_core.Statement] = []
    for position, statement in enumerate(statements):
        try:
            prepared.append(_prepared(statement, schema))
        except ValidationError as error:
            message = f"[{position}] {error.message}"
            raise ValidationError(message, errors=[("", message)]) from error
    return prepared


def _check(prepared: _core.Statement, consistent_read: Any, limit: Any, after: Any, on_invalid: Any) -> None:
    if on_invalid is not None and not callable(on_invalid):
        raise TypeError(f"on_invalid= takes a function of the error, not {on_invalid!r}")
    options = {"consistent_read": consistent_read, "limit": limit, "after": after, "on_invalid": on_invalid}
    given = [name for name, value in options.items() if value is not None]
    if given and not prepared.reads:
        raise _refused(f"{given[0]}= applies only to SELECT, but this statement writes")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit < 2**31):
        raise _refused(f"limit={limit!r}: the number of rows must be 1 or more")


def _refused(message: str) -> ValidationError:
    return ValidationError(message, errors=[("", message)])


def _schema(model: Any) -> Any:
    if model is None:
        return None
    schema = getattr(model, "_schema", None)
    if schema is None:
        raise TypeError(f"model= takes a subclass of Model, not {model!r}")
    return schema


async def _loaded(rows: list[Any], on_invalid: Any) -> list[Any]:
    """Run the ``after_load`` hooks of the rows that were read; returns what callers get for them."""
    loaded: list[Any] = []
    for row in rows:
        hooks: Any = getattr(row, "_hooks", None)
        if hooks is None:
            loaded.append(row)
            continue
        try:
            loaded.append(await hooks.loaded(row))
        except SerializationError as error:
            if on_invalid is None or not hooks.converts:
                raise
            on_invalid(error)
    return loaded
