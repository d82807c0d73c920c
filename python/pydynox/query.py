"""Queries and scans: immutable values, typed by their rows; a request is sent when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, cast, overload

import pydynox._core as _core

from ._query import reading as _reading
from ._query.reading import limit_reached, refused, row_count
from ._shared.timeout import seconds
from ._shared.typing import A, B, C, D, F, G, Row
from .batches.results import QueryResult
from .default_client import client_for, known_client
from .exceptions import ConfigurationError, ItemNotFoundError, MultipleItemsError
from .expressions import Expr, handle_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import timedelta

    from ._client.connection import Connection
    from ._query.plan import Plan
    from .exceptions import SerializationError
    from .expressions import Condition
    from .key import Key
    from .sync import SyncQuery

    Rows = Literal["items", "instances", "tuples", "keys", "hydrated", "json"]


class Query(Generic[Row]):
    """A query or scan: iterate it with ``async for``, or call a method such as ``all()``. Nothing is sent before that.

    Methods that return a query leave this one unchanged.

    Attributes:
        search: What is read, in the core; for pydynox's own modules, like the others.
        model: The class of the items; None for plain dictionaries.
        rows: What the rows are: items, instances (of a repository's model, in place of its objects), tuples, keys, items read
            by the keys in an index, or JSON.

    Example:
        >>> orders = Order.query("c1", Order.number > 3).filter(Order.total > 100).descending()
        >>> async for order in orders.limit(10):
        ...     print(order.total)
    """

    __slots__ = ("__weakref__", "_client", "model", "rows", "search")

    def __init__(self, search: _core.Search, model: type[Any] | None, client: Connection | None) -> None:
        self.search = search
        self.model: Any = model
        self._client = client  # of a query without a model, or one bound by sent_by()
        self.rows: Rows = "items"

    # For loops here and in sync.py, which cannot import them: keys lead to sync.py, and reading to keys.
    open_rows, open_pages = _reading.open_rows, _reading.open_pages

    def _with(self, search: _core.Search, *, rows: Rows | None = None) -> Self:
        # A chain of methods makes a query for each of them: none runs the constructor.
        query = object.__new__(self.__class__)
        query.search, query.model, query._client = search, self.model, self._client
        query.rows = rows or self.rows
        return query

    def sent_by(self, client: Connection) -> Self:
        """The same query, sent by this client whatever the model or the surrounding block says."""
        query = self._with(self.search)
        query._client = client
        return query

    def as_json(self, names: list[str] | None) -> Query[bytes] | None:
        """The same query with items as JSON, as ``model_dump_json`` writes them, for responses: no instance is made.

        Args:
            names: The attributes to show; None for all.

        Returns:
            None if only an instance has the values: one with hooks, or with protected attributes, or of another entity.
        """
        model = self.model
        # Hooks run on instances, and of entities only an instance tells which class an item has.
        if model is None or self.rows != "items" or model._hooks is not None or model._definition.entities:
            return None
        search = self.search.as_json(names)
        return None if search is None else cast("Query[bytes]", self._with(search, rows="json"))

    @property
    def connection(self) -> Connection:
        """The client that sends it if it is read here."""
        return self._client or client_for(self.model.model_config.client)

    def filter(self, *conditions: Condition) -> Self:
        """Keep only rows for which all conditions hold. DynamoDB reads, and bills, the others too.

        Args:
            *conditions: Conditions that must hold in addition to those given before.

        Raises:
            TypeError: An argument is not a condition.
            ValidationError: A condition concerns a key or an attribute that the index does not contain, or its bounds are
                reversed.

        Example:
            >>> User.scan().filter(User.age >= 18, User.active)
        """
        return self._with(self.search.filtered(conditions))

    def limit(self, count: int, /) -> Self:
        """Return at most this many rows in total, across pages too: their cursors carry the number that remains.

        Raises:
            ValidationError: The number is negative.

        Example:
            >>> await Order.query("c1").limit(10).all()
        """
        return self._with(self.search.bounded(row_count("limit", count, 0), None, None))

    def page_size(self, count: int, /) -> Self:
        """Set the maximum number of items that one request evaluates, before the filter: DynamoDB's ``Limit``.

        Raises:
            ValidationError: The number is not positive.

        Example:
            >>> User.scan().page_size(100)
        """
        return self._with(self.search.bounded(None, row_count("page_size", count, 1), None))

    def max_reads(self, count: int, /) -> Self:
        """Set the maximum number of requests. A page then ends early, with a cursor; other methods raise ``ReadLimitError``.

        Raises:
            ValidationError: The number is not positive.

        Example:
            >>> await User.scan().filter(User.age > 99).max_reads(10).page(20)
        """
        return self._with(self.search.bounded(None, None, row_count("max_reads", count, 1)))

    def descending(self) -> Self:
        """Return the largest sort key first.

        Raises:
            ValidationError: This is a scan, which has no order.

        Example:
            >>> await Order.query("c1").descending().first()
        """
        return self._with(self.search.descending())

    def consistent_read(self, value: bool = True, /) -> Self:
        """Use strongly consistent reads, which see every write that completed before; twice the cost.

        Raises:
            ValidationError: This reads a global secondary index, which does not support them.

        Example:
            >>> await Order.query("c1").consistent_read().all()
        """
        return self._with(self.search.consistent_read(bool(value)))

    def timeout(self, duration: float | None, /) -> Self:
        """Set the maximum time for each of its requests. Overrides the surrounding ``client.options(timeout=...)``.

        Reading many pages allows as much time for each of them; ``client.options(deadline=...)`` limits all of them together.

        Args:
            duration: Seconds, including retries and waiting for a connection; None for no limit.

        Raises:
            ConfigurationError: It is not a positive number.

        Example:
            >>> await Order.query("c1").timeout(0.5).all()
        """
        return self._with(self.search.timed(seconds(duration)))

    def after(self, cursor: str | Mapping[str, Any] | None, /) -> Self:
        """Continue where a page ended; None starts at the beginning. A cursor is checked when reading starts.

        Args:
            cursor: The cursor of a page. For your own jobs also a ``LastEvaluatedKey``: the stored names of all key attributes of
                the table, and of the index that is read, with their values, plain or in DynamoDB JSON. Never accept one from
                outside the program: nothing binds it to the query.

        Raises:
            ValidationError: A ``LastEvaluatedKey`` belongs to another table or index, or is outside the range of the query.
            TypeError: It is neither.

        Example:
            >>> page = await Order.query("c1").after(request.args.get("cursor")).page(20)
            >>> await Order.query("c1").after({"customer": "c1", "number": 41}).all()
        """
        return self._with(self.search.after(dict(cursor) if isinstance(cursor, Mapping) else cursor))

    def before(self, cursor: str | Mapping[str, Any] | None, /) -> Self:
        """Read the rows before a cursor, nearest first, and return them in the query's own order; None reads from the beginning.

        ``page(n)`` is then the page that ends just before the cursor, ``pages(n)`` goes back page by page, ``limit(n)`` counts
        from the cursor, and ``all()`` returns every row before it. Sends Query with ``ScanIndexForward`` reversed.

        Args:
            cursor: The ``previous`` of a page. For your own jobs also the key of a row, as for ``after``.

        Raises:
            ValidationError: This is a scan, which has no order; or a key belongs to another table or index, or is outside the
                range of the query.
            CursorError: The query already continues ``after()`` a cursor.
            TypeError: It is neither.

        Example:
            >>> page = await Order.query("c1").after(cursor).page(20)
            >>> back = await Order.query("c1").before(page.previous).page(20)
        """
        return self._with(self.search.before(dict(cursor) if isinstance(cursor, Mapping) else cursor))

    def cursors(self, *, audience: str | None = None, expires_in: timedelta | None = None) -> Self:
        """Restrict the cursors of this query to an audience or a lifetime. Needs ``DynamoDBClient(cursor_keys=...)``.

        Args:
            audience: A cursor made for one audience is refused for another.
            expires_in: How long a cursor is valid once made.

        Raises:
            ValidationError: The time is not positive.
            ConfigurationError: The client has no ``cursor_keys``, so neither could be enforced.

        Example:
            >>> page = await Order.query("c1").cursors(audience=user_id, expires_in=timedelta(hours=1)).page(20)
        """
        seconds = None if expires_in is None else int(expires_in.total_seconds())
        if seconds is not None and seconds < 1:
            raise refused(f"cursors(expires_in={expires_in!r}): the lifetime of a cursor must be a second or more")
        client = self._client or known_client(self.model.model_config.client if self.model is not None else None)
        if client is not None and (audience is not None or seconds is not None) and not client.core.seals_cursors:
            raise ConfigurationError(
                "cursors(audience=, expires_in=) need cursors that cannot be forged: set DynamoDBClient(cursor_keys=[...])"
            )
        return self._with(self.search.cursors(audience, seconds))

    def paced(self, *, target_rcu: float | None = None) -> Self:
        """Read as fast as the table delivers without overloading it, for jobs that read much while programs use the table.

        The rate rises while DynamoDB accepts everything and drops when it throttles; each request has as much time as it needs.

        Args:
            target_rcu: Maximum read units per second; by default as many as the table delivers.

        Raises:
            ConfigurationError: It is not a positive number.

        Example:
            >>> async for user in User.scan(segments=4).paced(target_rcu=200):
            ...     print(user.name)
        """
        return self._with(self.search.paced(_core.Pace(target_rcu, None)))

    def on_invalid(self, callback: Callable[[SerializationError], object], /) -> Self:
        """Pass the error of each row that cannot be read to a function, and continue; by default the first one raises.

        Such rows do not fit the model, or have a value that cannot be decrypted or decompressed. If the keyring cannot be
        reached, reading ends with its error.

        Args:
            callback: Called with the error, a SerializationError or its subclass EncryptionError, which has the row's ``key`` and
                ``raw`` values.

        Example:
            >>> bad = []
            >>> users = await User.scan().on_invalid(bad.append).all()
        """
        if not callable(callback):
            raise TypeError(f"on_invalid() takes a function of the error, not {callback!r}")
        return self._with(self.search.on_invalid(callback))

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
        """Return only the values at these paths, as tuples; None where there is no value. DynamoDB still bills whole items.

        Args:
            *paths: Paths such as ``User.name`` and ``User.address.city``.

        Raises:
            TypeError: An argument is not a path.
            ValidationError: There are no paths, or the index does not contain one.

        Example:
            >>> await User.query("u1").select(User.name, User.age).all()
            [('Ada', 36)]
        """
        for place in paths:
            if not isinstance(place, Expr):
                raise TypeError(f"select() takes paths such as User.name, not {place!r}")
            other: Any = place.model
            if other is not None and self.model is not None and not _related(self.model, other):
                raise refused(f"select({place!r}): this is a query of {self.model.__name__}, not of {other.__name__}")
        handles = tuple(map(handle_of, paths))
        return cast("Query[Any]", self._with(self.search.selected(handles), rows="tuples"))

    def keys(self) -> Query[Key[Row]]:
        """Return only the keys of the items. DynamoDB still bills whole items.

        Example:
            >>> [key async for key in User.by_email.query("a@b.c").keys()]
        """
        if self.model is None:
            raise refused("keys() needs a model: select(attr(...)) the attributes of the key")
        return cast("Query[Key[Row]]", self._with(self.search.keys(), rows="keys"))

    def hydrate(self) -> Self:
        """Return whole items from an index that contains only part of them: reads their keys, then the items with BatchGetItem.

        Items that were deleted in the meantime are left out.

        Raises:
            ValidationError: Rows were chosen with ``select()`` or ``keys()``, or there is no model.

        Example:
            >>> await User.by_city.query("Oslo").hydrate().all()

        Costs: that of ``keys()``, plus half a read unit per 4 KB of each item.
        """
        if self.model is None or self.rows != "items":
            raise refused("hydrate() returns whole items of a model: call it without select() and keys()")
        # Entries of an index always contain the table's key, whatever is projected (developer guide, "Attribute projections").
        return self._with(self.search.keys(), rows="hydrated")

    def __aiter__(self) -> AsyncIterator[Row]:
        return self._iterate()

    if not TYPE_CHECKING:  # checkers know that it cannot be iterated like this

        def __iter__(self) -> Any:
            raise TypeError("a query is read by `async for row in query`; where no event loop runs by `for row in query.sync`")

    async def _iterate(self) -> AsyncIterator[Row]:
        step, close = self.open_rows()
        try:
            while (rows := await step()) is not None:
                for row in rows:
                    yield row
        finally:
            close()

    async def all(self) -> list[Row]:
        """Return all rows in a list.

        Raises:
            SerializationError: A row does not fit the model; see ``on_invalid``.
            ReadLimitError: ``max_reads`` requests did not reach the end.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await Order.query("c1").all()

        Costs: half a read unit per 4 KB read, filtered rows included; one if strongly consistent.
        """
        # Rows before a cursor arrive nearest first; only a method that collects all of them can turn them around.
        step, close = self.open_rows(backward=True)
        every: list[Row] = []
        try:
            while (rows := await step()) is not None:
                every += rows
        finally:
            close()
        if self.search.is_backward:
            every.reverse()
        return every

    async def first(self) -> Row | None:
        """Return the first row, or None.

        Raises:
            SerializationError: It does not fit the model.
            ReadLimitError: ``max_reads`` requests found no row and did not reach the end.
            ValidationError: The rows ``before()`` a cursor are read.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await Order.query("c1").descending().first()

        Costs: half a read unit per 4 KB read, filtered rows included; one if strongly consistent.
        """
        if self.search.is_backward:
            raise refused("first() of the rows before a cursor could be either end: use limit(1).all() for the nearest")
        rows = await self._at_most(1).all()
        return rows[0] if rows else None

    async def one(self) -> Row:
        """Return the only row.

        Raises:
            ItemNotFoundError: There is no row.
            MultipleItemsError: There is more than one.
            SerializationError: A row does not fit the model.
            ReadLimitError: ``max_reads`` requests did not reach the end.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await User.by_email.query("a@b.c").one()

        Costs: half a read unit per 4 KB read, filtered rows included; one if strongly consistent.
        """
        # Two rows prove that there is more than one; what a third would cost buys nothing.
        rows = await self._at_most(2).all()
        if not rows:
            raise ItemNotFoundError(f"no row matches {self!r}")
        if len(rows) > 1:
            raise MultipleItemsError(f"more than one row matches {self!r}")
        return rows[0]

    async def count(self) -> int:
        """Count the rows. Sends ``Select=COUNT``, so no rows are transferred; DynamoDB reads, and bills, all of them.

        Raises:
            ReadLimitError: ``max_reads`` requests did not reach the end.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await Order.query("c1").count()
            42

        Costs: the same as reading the rows.
        """
        reading = _core.Reading(self.search, self.connection.core, True, False, False)
        number: int = await reading.count(False)
        if reading.is_spent and not reading.is_over:
            raise limit_reached(self, reading)
        return number

    async def exists(self) -> bool:
        """Whether there is at least one row.

        Raises:
            ReadLimitError: ``max_reads`` requests found no row and did not reach the end.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await User.by_email.query("a@b.c").exists()
            True

        Costs: half a read unit per 4 KB read, filtered rows included; one if strongly consistent.
        """
        reading = _core.Reading(self.search, self.connection.core, True, False, False)
        exists: bool = await reading.count(True)
        # With max_reads() used up and nothing found, a row may still follow: False would be a guess.
        if not exists and reading.is_spent and not reading.is_over:
            raise limit_reached(self, reading)
        return exists

    async def page(self, rows: int, /) -> QueryResult[Row]:
        """Return the first rows, with the cursors for the pages after and before them; with ``before``, the last rows.

        A page is shorter where the rows end, after ``max_reads`` requests, and next to a row that does not fit the model.

        Args:
            rows: The number of rows in a page.

        Raises:
            CursorError: The cursor is forged, expired, or belongs to another query.
            SerializationError: The first row does not fit the model; ``error.cursor`` continues past it.
            ValidationError: The number is not positive.
            TableNotFoundError: The table does not exist.

        Example:
            >>> page = await Order.query("c1").page(20)
            >>> more = await Order.query("c1").after(page.cursor).page(20)
            >>> back = await Order.query("c1").before(more.previous).page(20)

        Costs: half a read unit per 4 KB read, filtered rows included; one if strongly consistent.
        """
        # A page that is fetched ahead would be billed and never read.
        step, close = self.open_pages(rows, ahead=False)
        try:
            page = await step()
        finally:
            close()
        return QueryResult([], None) if page is None else page

    def pages(self, rows: int, /) -> AsyncIterator[QueryResult[Row]]:
        """Iterate over pages, each with its cursors; with ``before``, from the cursor back to the beginning.

        Args:
            rows: The number of rows in a page.

        Raises:
            CursorError: The cursor is forged, expired, or belongs to another query.
            SerializationError: A row does not fit the model.
            ValidationError: The number is not positive.
            TableNotFoundError: The table does not exist.

        Example:
            >>> async for page in Order.query("c1").pages(100):
            ...     print(len(page), page.cursor)

        Costs: half a read unit per 4 KB read, filtered rows included; one if strongly consistent.
        """
        return self._iterate_pages(rows)

    async def _iterate_pages(self, rows: int) -> AsyncIterator[QueryResult[Row]]:
        step, close = self.open_pages(rows, ahead=True)
        try:
            while (page := await step()) is not None:
                yield page
        finally:
            close()

    def explain(self, *, item_size: int | None = None, items: int | None = None) -> Plan:
        """What this query would send, without I/O: index, expressions, the request, and warnings.

        Args:
            item_size: The size of an item in bytes, to estimate the cost.
            items: The number of items read; defaults to the limit if there is one and no filter.

        Example:
            >>> print(Order.query("c1").filter(Order.total > 100).explain())
        """
        from ._query.plan import plan_of

        return plan_of(self, item_size, items)

    @property
    def sync(self) -> SyncQuery[Row]:
        """The blocking form of this query."""
        from .sync import SyncQuery

        return SyncQuery(self)

    def __repr__(self) -> str:
        name = self.model.__name__ if self.model is not None else "items"
        return f"<query of {name}>"

    def _at_most(self, rows: int) -> Self:
        limit = self.search.limit
        return self if limit is not None and limit < rows else self.limit(rows)


def _related(model: type[Any], other: type[Any]) -> bool:
    return issubclass(model, other) or issubclass(other, model)
