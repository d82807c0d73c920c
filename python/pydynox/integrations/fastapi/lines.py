"""Long queries as JSON lines, read while they are sent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Generic

from fastapi.responses import JSONResponse, StreamingResponse

from pydynox._shared.typing import Row

from . import bodies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping

    from starlette.types import Receive, Scope, Send

    from pydynox.query import Query


class JSONLines(StreamingResponse, JSONResponse, Generic[Row]):  # of a JSONResponse, the schema of an app shows the model
    """The rows of a query as a response of JSON lines: one object per line, and one page in memory at a time.

    The first page is read before the response begins, so an error there gets a status of its own; a later one breaks the
    response off. Reading waits for a client that is slow, and ends when the client disconnects.

    Args:
        query: What to read.
        status_code: The status of the response.
        headers: Headers of the response.

    Example:
        >>> @app.get("/users.jsonl", response_class=JSONLines)
        ... async def export() -> JSONLines[User]:
        ...     return JSONLines(User.scan())
    """

    media_type = "application/jsonl"

    def __init__(self, query: Query[Row], status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self._query = query
        super().__init__((), status_code, headers)  # the lines are read when it is sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read and send, page by page."""
        declared = bodies.declared_rows(scope, JSONLines)
        direct = bodies.json_query(self._query, declared)
        step, close = (self._query if direct is None else direct).open_rows()
        encode = None if direct is not None else partial(bodies.json_of_rows, declared=declared)
        try:
            self.body_iterator = _lines(await step(), step, encode)
            await super().__call__(scope, receive, send)
        finally:
            close()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        return handler(bodies.row_type(source))


async def _lines(
    rows: list[Any] | None,
    step: Callable[[], Coroutine[Any, Any, list[Any] | None]],
    encode: Callable[[list[Any]], list[bytes]] | None,
) -> AsyncIterator[bytes]:
    while rows is not None:
        if rows:
            yield b"\n".join([*(rows if encode is None else encode(rows)), b""])
        rows = await step()
