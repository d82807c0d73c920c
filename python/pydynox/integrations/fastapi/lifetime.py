"""The lifetime of an app's client: opened at startup, closed after the last request in flight."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import anyio

from pydynox.client import DynamoDBClient
from pydynox.default_client import default_until
from pydynox.tables.ensure import ensure_tables

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

    Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


def lifespan(
    client: DynamoDBClient | Callable[[], DynamoDBClient] | None = None,
    *,
    tables: Sequence[type[Any]] = (),
    inner: Lifespan | None = None,
    wait: float | None = 30.0,
) -> Lifespan:
    """A lifespan for ``FastAPI(lifespan=...)``: the app's client is the default client from startup to shutdown.

    At shutdown it waits for the requests in flight, their background tasks included, and then closes the client. Afterwards the
    default client is again what it was before, such as that of a test. Nothing is sent unless ``tables`` asks for it.

    Args:
        client: A function that creates the client, called at each startup; by default one from the environment. A client that
            exists already is used and not closed.
        tables: Models whose tables are created if they do not exist and otherwise brought up to date, as ``ensure_tables`` does.
            Leave it out where a deployment creates the tables.
        inner: The lifespan of your own. It runs within this one, so the client works in its startup and in its shutdown, and its
            state is the state of the app.
        wait: Maximum seconds to wait at shutdown; None for no limit. Requests that run even longer find the client closed.

    Raises:
        ConfigurationError: At startup, a setting is invalid, or a table differs in something that cannot be fixed.

    Example:
        >>> app = FastAPI(lifespan=lifespan(lambda: DynamoDBClient(timeout=5), tables=[User]))

    Costs: nothing, except the write units of new indexes.
    """

    @asynccontextmanager
    async def around(app: FastAPI) -> AsyncGenerator[Mapping[str, Any] | None]:
        async with AsyncExitStack() as stack:
            active = client if isinstance(client, DynamoDBClient) else (client or DynamoDBClient)()
            if active is not client:
                stack.push_async_callback(active.close)
            stack.enter_context(default_until(active))
            requests = stack.enter_context(_Requests.counted(app))
            if tables:
                await ensure_tables(*tables)
            state = None if inner is None else await stack.enter_async_context(inner(app))
            stack.push_async_callback(requests.wait, wait)  # before the end of `inner`, whose resources they may use
            yield state

    return around


class _Requests:
    """The requests that an app is serving, counted outside all of its middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._count = 0
        self._idle: anyio.Event | None = None

    @classmethod
    @contextmanager
    def counted(cls, app: FastAPI) -> Generator[_Requests]:
        # A lifespan runs when the app has started, too late for `add_middleware`.
        before = app.middleware_stack
        requests = cls(before or app.build_middleware_stack())
        app.middleware_stack = requests
        try:
            yield requests
        finally:
            if app.middleware_stack is requests:
                app.middleware_stack = before

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        self._count += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._count -= 1
            if not self._count and self._idle is not None:
                self._idle.set()

    async def wait(self, seconds: float | None) -> None:
        with anyio.move_on_after(seconds):
            while self._count:
                self._idle = anyio.Event()
                await self._idle.wait()
