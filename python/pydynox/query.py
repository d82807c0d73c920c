"""Queries and scans: immutable values, typed by their rows; nothing is sent before a verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, cast, overload

from . import _core
from ._client.gather import gather
from ._shared.timeout import limited, seconds
from ._shared.typing import A, B, C, D, F, G, Row
from .batches.results import QueryResult
from .default_client import client_for, known_client
from .exceptions import (
    ConfigurationError,
    ItemNotFoundError,
    MultipleItemsError,
    ReadLimitError,
    SerializationError,
    ValidationError,
)
from .expressions import Expr, handle_of
from .key import Key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from datetime import timedelta

    from ._client.connection import Connection
    from .expressions import Condition
    from .sync import SyncQuery

_UNIT = 4096  # bytes that half a read unit covers, or a whole one when consistent


class Plan(NamedTuple):
    """What a query would do: the answer of ``Query.explain``."""

    operation: str
    table: str
    index_name: str | None
    key_condition: str | None
    filter: str | None
    projection: str | None
    request: dict[str, Any]
    warnings: tuple[str, ...]
    read_units: float | None

    def __str__(self) -> str:
        where = self.table if self.index_name is None else f"{self.table}, index {self.index_name}"
        lines = [f"{self.operation} {where}"]
        lines += [
            f"  {name.replace('_', ' ')}: {value}"
            for name in ("key_condition", "filter", "projection", "read_units")
            if (value := getattr(self, name)) is not None
        ]
        lines += [f"  note: {warning}" for warning in self.warnings]
        return "\n".join(lines)


class Query(Generic[Row]):
    """A query or scan that was not sent: iterate it with ``async for``, or end it with a verb.

    Every method that gives a query leaves this one as it is.

    Example:
        >>> orders = Order.query("c1", Order.number > 3).filter(Order.total > 100).descending()
        >>> async for order in orders.limit(10):
        ...     print(order.total)
    """

    __slots__ = ("__weakref__", "_client", "_model", "_search", "_shape")

    def __init__(self, search: _core.Search, model: type[Any] | None, client: Connection | None) -> None:
        self._search = search
        self._model: Any = model
        self._client = client  # of a query without a model, or that says whose it is
        self._shape = "items"  # or tuples, keys, or hydrated: items by the keys that were read

    def _with(self, search: _core.Search, *, shape: str | None = None) -> Self:
        made = object.__new__(self.__class__)
        made._search, made._model, made._client = search, self._model, self._client
        made._shape = shape or self._shape
        return made

    def _of(self, client: Connection) -> Self:
        """The same, sent by this client."""
        made = self._with(self._search)
        made._client = client
        return made

    def filter(self, *conditions: Condition) -> Self:
        """Keep the rows for which all conditions hold. DynamoDB reads, and bills, the others too.

        Args:
            *conditions: What must hold beside the conditions given before.

        Raises:
            TypeError: One is no condition.
            ValidationError: One is about a key, about what the index does not hold, or has its bounds in the wrong order.

        Example:
            >>> User.scan().filter(User.age >= 18, User.active)
        """
        return self._with(self._search.filtered(conditions))

    def limit(self, count: int, /) -> Self:
        """At most this many rows in all, whatever is read for them: over pages too, whose cursors carry what is left.

        Raises:
            ValidationError: The number is negative.

        Example:
            >>> await Order.query("c1").limit(10).all()
        """
        return self._with(self._search.bounded(_number("limit", count, 0), None, None))

    def page_size(self, count: int, /) -> Self:
        """How many items one request reads at most: DynamoDB's ``Limit``, before the filter.

        Raises:
            ValidationError: The number is not positive.

        Example:
            >>> User.scan().page_size(100)
        """
        return self._with(self._search.bounded(None, _number("page_size", count, 1), None))

    def max_reads(self, count: int, /) -> Self:
        """How many requests may be sent at most. A page then ends early, with a cursor; other verbs raise ``ReadLimitError``.

        Raises:
            ValidationError: The number is not positive.

        Example:
            >>> await User.scan().filter(User.age > 99).max_reads(10).page(20)
        """
        return self._with(self._search.bounded(None, None, _number("max_reads", count, 1)))

    def descending(self) -> Self:
        """Largest sort key first.

        Raises:
            ValidationError: This is a scan, which has no order.

        Example:
            >>> await Order.query("c1").descending().first()
        """
        return self._with(self._search.descending())

    def consistent_read(self, value: bool = True, /) -> Self:
        """See every write that ended before; twice the cost.

        Raises:
            ValidationError: This reads a global index, which has no consistent reads.

        Example:
            >>> await Order.query("c1").consistent_read().all()
        """
        return self._with(self._search.consistent_read(bool(value)))

    def timeout(self, duration: float | None, /) -> Self:
        """How long each of its requests may take, as a ``client.options(timeout=...)`` around the reading says it.

        A reading of many pages has as much time for each of them; ``client.options(deadline=...)`` bounds all of it.

        Args:
            duration: Seconds, attempts and waiting included; None for no limit.

        Raises:
            ConfigurationError: It is no positive number.

        Example:
            >>> await Order.query("c1").timeout(0.5).all()
        """
        return self._with(self._search.timed(seconds(duration)))

    def after(self, cursor: str | Mapping[str, Any] | None, /) -> Self:
        """Go on where a page ended; None starts at the beginning. A cursor is checked when reading starts.

        Args:
            cursor: The cursor of a page. For jobs of your own also a ``LastEvaluatedKey``: the stored names of all key attributes
                of the table, and of the index that is read, with their values, plain or in DynamoDB's JSON. Never take one from
                outside of the program: it is bound to nothing.

        Raises:
            ValidationError: A ``LastEvaluatedKey`` is not of this table or index, or outside of what the query reads.
            TypeError: That is neither.

        Example:
            >>> page = await Order.query("c1").after(request.args.get("cursor")).page(20)
            >>> await Order.query("c1").after({"customer": "c1", "number": 41}).all()
        """
        return self._with(self._search.after(dict(cursor) if isinstance(cursor, Mapping) else cursor))

    def cursors(self, *, audience: str | None = None, expires_in: timedelta | None = None) -> Self:
        """Whom the cursors of this query are for, and how long they are good. Needs ``DynamoDBClient(cursor_keys=...)``.

        Args:
            audience: A cursor that was made for one is no cursor for another.
            expires_in: From when it is made.

        Raises:
            ValidationError: The time is not positive.
            ConfigurationError: The client has no ``cursor_keys``, so that nobody could be held to it.

        Example:
            >>> page = await Order.query("c1").cursors(audience=user_id, expires_in=timedelta(hours=1)).page(20)
        """
        seconds = None if expires_in is None else int(expires_in.total_seconds())
        if seconds is not None and seconds < 1:
            raise _refused(f"cursors(expires_in={expires_in!r}): a cursor lives for a second at least")
        client = self._client or known_client(self._model.model_config.client if self._model is not None else None)
        if client is not None and (audience is not None or seconds is not None) and not client.core.seals_cursors:
            raise ConfigurationError(
                "cursors(audience=, expires_in=) need a key that nobody can forge one without: DynamoDBClient(cursor_keys=[...])"
            )
        return self._with(self._search.cursors(audience, seconds))

    def paced(self, *, target_rcu: float | None = None) -> Self:
        """Read as fast as the table gives, without overrunning it: the rate grows while nothing is refused, and falls back when
        something is. For jobs that read much beside programs that wait; each request has as much time as it needs.

        Args:
            target_rcu: The most read units per second; else as many as there are.

        Raises:
            ConfigurationError: That is no rate.

        Example:
            >>> async for user in User.scan(segments=4).paced(target_rcu=200):
            ...     print(user.name)
        """
        return self._with(self._search.paced(_core.Pace(target_rcu, None)))

    def on_invalid(self, callback: Callable[[SerializationError], object], /) -> Self:
        """Hand rows that cannot be read to a function, and go on; otherwise the first one raises.

        Such are rows that do not fit the model, and those with a value that cannot be decrypted or unpacked. A keyring that
        cannot be reached is no fault of a row: it ends the reading.

        Args:
            callback: Takes the error, a SerializationError or its subclass EncryptionError, which has the row's ``key`` and its
                ``raw`` values.

        Example:
            >>> bad = []
            >>> users = await User.scan().on_invalid(bad.append).all()
        """
        if not callable(callback):
            raise TypeError(f"on_invalid() takes a function of the error, not {callback!r}")
        return self._with(self._search.on_invalid(callback))

    @overload
    def select(self, a: Expr[A], /) -> Query[tuple[A]]: ...
    @overload
    def select(self, a: Expr[A], b: Expr[B], /) -> Query[tuple[A, B]]: ...
    @overload
    def select(self, a: Expr[A], b: Expr[B], c: Expr[C], /) -> Query[tuple[A, B, C]]: ...
    @overload
    def select(self, a: Expr[A], b: Expr[B], c: Expr[C], d: Expr[D], /) -> Query[tuple[A, B, C, D]]: ...
    @overload
    def select(self, a: Expr[A], b: Expr[B], c: Expr[C], d: Expr[D], e: Expr[F], /) -> Query[tuple[A, B, C, D, F]]: ...
    @overload
    def select(
        self, a: Expr[A], b: Expr[B], c: Expr[C], d: Expr[D], e: Expr[F], f: Expr[G], /
    ) -> Query[tuple[A, B, C, D, F, G]]: ...
    def select(self, *paths: Any) -> Query[Any]:
        """Rows of what stands at these paths alone, as tuples; None where nothing does. DynamoDB bills whole items all the same.

        Args:
            *paths: Places in the item, such as ``User.name`` and ``User.address.city``.

        Raises:
            TypeError: One is no path.
            ValidationError: There is none, or the index does not hold one.

        Example:
            >>> await User.query("u1").select(User.name, User.age).all()
            [('Ada', 36)]
        """
        for place in paths:
            if not isinstance(place, Expr):
                raise TypeError(f"select() takes paths such as User.name, not {place!r}")
            other: Any = place.model
            if other is not None and self._model is not None and not _related(self._model, other):
                raise _refused(f"select({place!r}): this is a query of {self._model.__name__}, not of {other.__name__}")
        handles = tuple(map(handle_of, paths))
        return cast("Query[Any]", self._with(self._search.selected(handles), shape="tuples"))

    def keys(self) -> Query[Key[Row]]:
        """The keys of the items alone. DynamoDB bills whole items all the same.

        Example:
            >>> [key async for key in User.by_email.query("a@b.c").keys()]
        """
        if self._model is None:
            raise _refused("keys() needs a model: select(attr(...)) the attributes of the key")
        return cast("Query[Key[Row]]", self._with(self._search.keys(), shape="keys"))

    def hydrate(self) -> Self:
        """Whole items of an index that holds a part of them: keys are read from it, and the items by BatchGetItem.

        Items that were deleted meanwhile are left out.

        Raises:
            ValidationError: Rows were chosen by ``select()`` or ``keys()``, or there is no model.

        Example:
            >>> await User.by_city.query("Oslo").hydrate().all()

        Costs: as ``keys()`` does, and half a read unit per 4 KB of each item.
        """
        if self._model is None or self._shape != "items":
            raise _refused("hydrate() gives whole items of a model: say it without select() and keys()")
        return self._with(self._search.keys(), shape="hydrated")

    def __aiter__(self) -> AsyncIterator[Row]:
        return self._iterate()

    if not TYPE_CHECKING:  # checkers know that it cannot be iterated like this

        def __iter__(self) -> Any:
            raise TypeError("a query is read by `async for row in query`; where no event loop runs by `for row in query.sync`")

    async def _iterate(self) -> AsyncIterator[Row]:
        step, close = self._open_rows()
        try:
            while (rows := await step()) is not None:
                for row in rows:
                    yield row
        finally:
            close()

    async def all(self) -> list[Row]:
        """Every row, in one list.

        Raises:
            SerializationError: A row does not fit the model; see ``on_invalid``.
            ReadLimitError: ``max_reads`` requests did not reach the end.
            TableNotFoundError: There is no such table.

        Example:
            >>> await Order.query("c1").all()

        Costs: half a read unit per 4 KB of what is read, filtered rows included; a whole one when consistent.
        """
        step, close = self._open_rows()
        found: list[Row] = []
        try:
            while (rows := await step()) is not None:
                found += rows
        finally:
            close()
        return found

    async def first(self) -> Row | None:
        """The first row, or None.

        Raises:
            SerializationError: It does not fit the model.
            ReadLimitError: ``max_reads`` requests found none and did not reach the end.
            TableNotFoundError: There is no such table.

        Example:
            >>> await Order.query("c1").descending().first()

        Costs: half a read unit per 4 KB of what is read, filtered rows included; a whole one when consistent.
        """
        found = await self._at_most(1).all()
        return found[0] if found else None

    async def one(self) -> Row:
        """The only row.

        Raises:
            ItemNotFoundError: There is none.
            MultipleItemsError: There are more.
            SerializationError: A row does not fit the model.
            ReadLimitError: ``max_reads`` requests did not reach the end.
            TableNotFoundError: There is no such table.

        Example:
            >>> await User.by_email.query("a@b.c").one()

        Costs: half a read unit per 4 KB of what is read, filtered rows included; a whole one when consistent.
        """
        found = await self._at_most(2).all()
        if not found:
            raise ItemNotFoundError(f"no row matches {self!r}")
        if len(found) > 1:
            raise MultipleItemsError(f"more than one row matches {self!r}")
        return found[0]

    async def count(self) -> int:
        """How many rows there are. Everything is read for it, and billed; sends ``Select=COUNT``, so that no row is transferred.

        Raises:
            ReadLimitError: ``max_reads`` requests did not reach the end.
            TableNotFoundError: There is no such table.

        Example:
            >>> await Order.query("c1").count()
            42

        Costs: as reading the rows does.
        """
        reading = _core.Reading(self._search, self._connection().core, True, False)
        found: int = await reading.count(False)
        if reading.is_spent and not reading.is_over:
            raise _too_many_reads(self, reading)
        return found

    async def exists(self) -> bool:
        """Whether there is a row.

        Raises:
            ReadLimitError: ``max_reads`` requests found none and did not reach the end.
            TableNotFoundError: There is no such table.

        Example:
            >>> await User.by_email.query("a@b.c").exists()
            True

        Costs: half a read unit per 4 KB of what is read, filtered rows included; a whole one when consistent.
        """
        reading = _core.Reading(self._search, self._connection().core, True, False)
        found: bool = await reading.count(True)
        if not found and reading.is_spent and not reading.is_over:
            raise _too_many_reads(self, reading)
        return found

    async def page(self, rows: int, /) -> QueryResult[Row]:
        """The first rows, and the cursor by which ``after`` goes on behind them.

        A page is shorter where the rows end, after ``max_reads`` requests, and before a row that does not fit the model.

        Args:
            rows: How many there are in a page.

        Raises:
            CursorError: The cursor is forged, expired, or of another query.
            SerializationError: The first row does not fit the model; ``error.cursor`` stands behind it.
            ValidationError: The number is not positive.
            TableNotFoundError: There is no such table.

        Example:
            >>> page = await Order.query("c1").page(20)
            >>> more = await Order.query("c1").after(page.cursor).page(20)

        Costs: half a read unit per 4 KB of what is read, filtered rows included; a whole one when consistent.
        """
        step, close = self._open_pages(rows, ahead=False)
        try:
            found = await step()
        finally:
            close()
        return QueryResult([], None) if found is None else found

    def pages(self, rows: int, /) -> AsyncIterator[QueryResult[Row]]:
        """Page after page, each with its cursor.

        Args:
            rows: How many there are in a page.

        Raises:
            CursorError: The cursor is forged, expired, or of another query.
            SerializationError: A row does not fit the model.
            ValidationError: The number is not positive.
            TableNotFoundError: There is no such table.

        Example:
            >>> async for page in Order.query("c1").pages(100):
            ...     print(len(page), page.cursor)

        Costs: half a read unit per 4 KB of what is read, filtered rows included; a whole one when consistent.
        """
        return self._iterate_pages(rows)

    async def _iterate_pages(self, rows: int) -> AsyncIterator[QueryResult[Row]]:
        step, close = self._open_pages(rows, ahead=True)
        try:
            while (page := await step()) is not None:
                yield page
        finally:
            close()

    def explain(self, *, item_size: int | None = None, items: int | None = None) -> Plan:
        """What this query would do, without any I/O: index, expressions, the request, what to look out for.

        Args:
            item_size: How many bytes an item has, for an estimate of the cost.
            items: How many items are read; the limit where there is one and no filter.

        Example:
            >>> print(Order.query("c1").filter(Order.total > 100).explain())
        """
        said = self._search.explain(self._connection().core)
        consistent, segments = said.pop("consistent_read"), said.pop("segments")
        warnings: list[str] = []
        if said["operation"] == "Scan":
            warnings.append("a scan reads, and bills, everything in the table or index")
        if said["filter"] is not None:
            warnings.append("the filter is applied after reading: what it drops is billed too")
        if segments > 1 and "Segment" not in said["request"]:
            warnings.append(f"{segments} segments are read beside each other, each as this request with its Segment")
        if self._shape == "hydrated":
            warnings.append("hydrate() reads every item once more, by its key")
        units: float | None = None
        read = items if items is not None else (said["request"].get("Limit") if said["filter"] is None else None)
        if item_size is not None and read is not None:
            halves = -(-item_size * read // _UNIT)
            units = float(halves) if consistent else halves / 2
        return Plan(**said, warnings=tuple(warnings), read_units=units)

    @property
    def sync(self) -> SyncQuery[Row]:
        """The blocking form of this query."""
        from .sync import SyncQuery

        return SyncQuery(self)

    def __repr__(self) -> str:
        name = self._model.__name__ if self._model is not None else "items"
        return f"<query of {name}>"

    def _connection(self) -> Connection:
        return self._client or client_for(self._model.model_config.client)

    def _at_most(self, rows: int) -> Self:
        limit = self._search.limit
        return self if limit is not None and limit < rows else self.limit(rows)

    def _open_rows(self) -> tuple[Callable[[], Coroutine[Any, Any, list[Row] | None]], Callable[[], None]]:
        """What gives the next rows, None at the end; and what ends the reading."""
        reading = _core.Reading(self._search, self._connection().core, False, False)
        refused: _Refused | None = None

        async def step() -> list[Row] | None:
            nonlocal refused
            if refused is not None:
                raise refused.error
            if reading.is_over:
                return None
            rows = await reading.fetch(None, True)
            if rows is None:
                if reading.is_spent and not reading.is_over:
                    raise _too_many_reads(self, reading)
                return None
            found, refused = await self._finished(reading, rows)
            if refused is not None and not found:
                raise refused.error
            return found

        return step, reading.close

    def _open_pages(
        self, wanted: int, *, ahead: bool
    ) -> tuple[Callable[[], Coroutine[Any, Any, QueryResult[Row] | None]], Callable[[], None]]:
        """What gives the next page, None at the end; and what ends the reading."""
        wanted = _number("page", wanted, 1)
        reading = _core.Reading(self._search, self._connection().core, False, True)
        begun = spent = False
        refused: _Refused | None = None

        async def step() -> QueryResult[Row] | None:
            nonlocal begun, spent, refused
            if refused is not None:
                raise refused.error
            if spent or (begun and reading.is_over):
                return None
            begun = True
            found: list[Row] = []
            before = reading.capacity or 0.0
            while len(found) < wanted and not reading.is_over:
                here = reading.cursor() if found else None
                try:
                    rows = await reading.fetch(wanted - len(found), ahead)
                except SerializationError as error:
                    if not found:
                        raise
                    refused = _Refused(error, here)
                    break
                if rows is None:
                    spent = reading.is_spent
                    break
                more, refused = await self._finished(reading, rows)
                found += more
                if reading.is_stuck or refused is not None:
                    break
            if refused is not None and not found:
                raise refused.error
            cost = reading.capacity
            cursor = reading.cursor() if refused is None else refused.before
            return QueryResult(found, cursor, None if cost is None else cost - before)

        return step, reading.close

    async def _finished(self, reading: _core.Reading, rows: list[Any]) -> tuple[list[Any], _Refused | None]:
        """Rows as callers get them, up to one that cannot be read."""
        model = self._model
        if self._shape in ("keys", "hydrated"):
            keys: list[Any] = [Key(model, row) for row in rows]
            return (keys, None) if self._shape == "keys" or not keys else await self._hydrated(reading, keys)
        if model is None or not (model._hooks is not None or model._definition.entities):
            return rows, None
        for row in rows:
            # Each row is of its own class, which may have hooks where the one that is queried has none.
            if isinstance(row, _core.Instance) and (hooks := getattr(row, "_hooks", None)) is not None:
                await hooks.loaded(row)
        return rows, None

    async def _hydrated(self, reading: _core.Reading, keys: list[Any]) -> tuple[list[Any], _Refused | None]:
        """The items of these keys; of a page as of rows, which ends before one that cannot be read."""
        errors: dict[Any, SerializationError] = {}

        def keep(error: SerializationError) -> None:
            errors[error.key] = error

        client, most = self._connection(), self._search.timeout
        whole = gather(client, "hydrate", tuple(keys), None, self._search.invalid or keep)
        items = await (whole if most is None else limited(client, most, whole))
        found: list[Any] = []
        for place, (key, item) in enumerate(zip(keys, items, strict=True)):
            if item is not None:
                found.append(item)
            elif (error := errors.get(key)) is not None:
                error.cursor = reading.cursor_after(place + 1)
                return found, _Refused(error, reading.cursor_after(place))
        return found, None


class _Refused(NamedTuple):
    """A row that cannot be read."""

    error: SerializationError
    before: str | None
    """The cursor that stands before it."""


def _number(name: str, value: Any, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name}() takes a number, not {value!r}")
    if value < least or value > 2**31 - 1:
        raise _refused(f"{name}({value}): the number is {least} or more, and fits into 31 bits")
    return value


def _refused(message: str) -> ValidationError:
    return ValidationError(message, errors=[("", message)])


def _too_many_reads(query: Query[Any], reading: _core.Reading) -> ReadLimitError:
    message = f"max_reads requests were sent, and {query!r} has more: page() gives what was found and a cursor"
    return ReadLimitError(message, cursor=reading.cursor())


def _related(model: type[Any], other: type[Any]) -> bool:
    return issubclass(model, other) or issubclass(other, model)
