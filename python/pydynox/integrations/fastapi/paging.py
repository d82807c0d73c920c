"""Pages of a query as responses, and the query parameters that lead from one to the next."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, Generic, Self, cast

from fastapi import Depends, Query, Request, Response

from pydynox._shared.typing import Row
from pydynox.batches.results import QueryResult
from pydynox.exceptions import CursorError, ValidationError

from . import bodies
from .errors import TEXTS, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from datetime import timedelta

    from starlette.types import Receive, Scope, Send

    from pydynox.query import Query as Rows

_LONGEST = 16_384  # characters of a cursor: two keys of the greatest length, sealed, are about half of it


class Page(Response, Generic[Row]):
    """A page of a query as the response of a route, ``-> Page[User]``: ``{"items": [...], "next": ..., "previous": ...}``.

    The core writes the JSON: FastAPI neither validates nor copies the items, and the schema of the app is that of a pydantic
    model. If the route declares a base class of the items, only the attributes of that class are shown; a type of
    another kind, such as a pydantic model, is filled from the items by pydantic.

    Args:
        page: The page, or any rows.
        next: The cursor after the rows, if they are not a page.
        previous: The cursor before the rows, if they are not a page.
        status_code: The status of the response.
        headers: Headers of the response.

    Example:
        >>> @app.get("/orders/{customer}")
        ... async def orders(customer: str) -> Page[Order]:
        ...     return Page(await Order.query(customer).page(20))
    """

    media_type = "application/json"

    def __init__(
        self,
        page: QueryResult[Row] | Sequence[Row],
        *,
        next: str | None = None,
        previous: str | None = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if isinstance(page, QueryResult):
            next, previous = page.cursor, page.previous
        self._rows: Sequence[Any] | None = page
        self.next = next
        self.previous = previous
        super().__init__(None, status_code, headers)  # the body is written when it is sent, for what the route declares

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the page, with the attributes that the route declares."""
        if self._rows is not None:
            declared = bodies.declared_rows(scope, Page)
            self.body = bodies.json_of_page(bodies.json_of_rows(self._rows, declared), self.next, self.previous)
            self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)

    @classmethod
    def of_json(cls, page: QueryResult[bytes]) -> Self:
        """The page whose rows are JSON already."""
        response = cls.__new__(cls)
        response._rows, response.next, response.previous = None, page.cursor, page.previous
        Response.__init__(response, bodies.json_of_page(page.items, page.cursor, page.previous))
        return response

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        row: Any = bodies.row_type(source)
        return handler(bodies.Page[row])


class Paging:
    """The paging parameters of a request: what ``Depends(paging())`` gives to a route.

    Attributes:
        after: The cursor of the page before the wanted one, or None.
        before: The cursor of the page after the wanted one, or None.
        limit: The number of rows wanted.
        audience: The audience of the cursors, such as a user's ID, or None.
    """

    def __init__(
        self,
        after: str | None,
        before: str | None,
        limit: int,
        *,
        audience: str | None = None,
        expires_in: timedelta | None = None,
        scope: Scope | None = None,
    ) -> None:
        self._scope = scope
        self.after = after
        self.before = before
        self.limit = limit
        self.audience = audience
        self._expires_in = expires_in

    async def read(self, query: Rows[Row]) -> Page[Row]:
        """Read the page of the query that the request asks for, as its response. Sends Query or Scan.

        Items of a model without hooks and protected attributes become JSON at once, without instances.

        Args:
            query: The query; its cursors get the audience and the lifetime of ``paging()``.

        Raises:
            HTTPException: The cursor is forged, expired, of another query or audience, or there are two (400).
            SerializationError: The first row does not fit the model.
            ConfigurationError: There is an audience or a lifetime, and the client has no ``cursor_keys``.
            TableNotFoundError: The table does not exist.

        Example:
            >>> return await pages.read(Order.query(user.id).descending())

        Costs: half a read unit per 4 KB read, filtered rows included; one if strongly consistent.
        """
        if self.audience is not None or self._expires_in is not None:
            query = query.cursors(audience=self.audience, expires_in=self._expires_in)
        try:
            if self.after is not None:
                query = query.after(self.after)
            if self.before is not None:
                query = _before(query, self.before)
            declared = None if self._scope is None else bodies.declared_rows(self._scope, Page)
            direct = None if self._scope is None else bodies.json_query(query, declared)
            if direct is not None:
                return cast("Page[Row]", Page.of_json(await direct.page(self.limit)))
            return Page(await query.page(self.limit))
        except CursorError as error:
            raise RefusedError(400, TEXTS[CursorError]) from error


def _before(query: Rows[Row], cursor: str) -> Rows[Row]:
    try:
        return query.before(cursor)
    except ValidationError as error:  # of a scan, which has no order and gives no such cursor
        raise CursorError(str(error)) from error


def paging(
    *,
    rows: int = 20,
    most: int = 100,
    audience: Callable[..., Any] | None = None,
    expires_in: timedelta | None = None,
) -> Callable[..., Coroutine[Any, Any, Paging]]:
    """The dependency for pages: query parameters ``after``, ``before`` and ``limit``, checked and documented.

    Args:
        rows: The rows of a page if the request does not say.
        most: The most rows that a request may ask for.
        audience: A dependency that returns the audience of the cursors, such as the user's ID: a cursor of one user is refused to
            another. Needs ``DynamoDBClient(cursor_keys=...)``.
        expires_in: How long a cursor is valid. Needs ``cursor_keys`` as well.

    Example:
        >>> OrderPages = Annotated[Paging, Depends(paging(audience=current_user_id))]
        >>> @app.get("/orders")
        ... async def orders(user_id: CurrentUserId, pages: OrderPages) -> Page[Order]:
        ...     return await pages.read(Order.query(user_id))
    """

    # A coroutine: FastAPI runs plain functions in a thread, at the price of the rest of the request.
    async def dependency(
        request: Request, after: str | None = None, before: str | None = None, limit: int = rows, audience: str | None = None
    ) -> Paging:
        return Paging(after, before, limit, audience=audience, expires_in=expires_in, scope=request.scope)

    cursor = Annotated[str | None, Query(max_length=_LONGEST, description="The `next` of a page: read the page after it.")]
    back = Annotated[str | None, Query(max_length=_LONGEST, description="The `previous` of a page: read the page before it.")]
    number = Annotated[int, Query(ge=1, le=most, description="The most rows in the page.")]
    empty = inspect.Parameter.empty
    parameters: dict[str, tuple[Any, Any]] = {
        "request": (Request, empty),
        "after": (cursor, None),
        "before": (back, None),
        "limit": (number, rows),
    }
    if audience is not None:
        parameters["audience"] = (Annotated[Any, Depends(audience)], empty)
    kind = inspect.Parameter.KEYWORD_ONLY
    signature = [
        inspect.Parameter(name, kind, annotation=annotation, default=default)
        for name, (annotation, default) in parameters.items()
    ]
    dependency.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]  # what FastAPI reads
    return dependency
