"""For AWS Lambda: ``async def`` handlers on one event loop, with the time that is left as the deadline of their calls."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, overload

import pydynox._core as _core
from pydynox._invocation.time_left import MARGIN, checked_margin, ending_in, seconds_left
from pydynox.default_client import client_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydynox.client import DynamoDBClient

E = TypeVar("E")
C = TypeVar("C")
R = TypeVar("R")

__all__ = ["handler", "watch_restores"]


@overload
def handler(function: Callable[[E, C], Awaitable[R]], /) -> Callable[[E, C], R]: ...
@overload
def handler(
    *, client: DynamoDBClient | None = ..., margin: float = ...
) -> Callable[[Callable[[E, C], Awaitable[R]]], Callable[[E, C], R]]: ...
def handler(function: Any = None, /, *, client: DynamoDBClient | None = None, margin: float = MARGIN) -> Any:
    """Make a Lambda function of an ``async def``. Sends nothing itself.

    The function runs on an event loop that is kept from one invocation to the next, in a context of its own; tasks that it leaves
    behind are cancelled, since the process is frozen afterwards. Calls of the client have the time that the invocation has left,
    less the margin, as their deadline; at that moment the function is cancelled, so that it can clean up and its error is
    reported before Lambda kills the process.

    After SnapStart restores a process, clients connect again and look up their credentials again.

    Args:
        function: A coroutine function of an event and a context.
        client: The client whose calls get the deadline. Defaults to the one in effect when the function is called.
        margin: Seconds before the end of the invocation at which calls end. An invocation with less than twice that gets half of
            what it has.

    Raises:
        ConfigurationError: The margin is not a positive number.
        TypeError: The function is not a coroutine function.
        TimeoutError: Raised by a call: the function did not end in time.

    Example:
        >>> @handler
        ... async def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        ...     user = await User.get_or_raise(event["user_id"])
        ...     return user.model_dump(mode="json")
    """
    checked_margin(margin, "lambda_.handler")
    watch_restores()

    def decorate(function: Any) -> Any:
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f"lambda_.handler takes an async def; {function!r} can be what Lambda calls as it is")
        name = getattr(function, "__name__", "handler")

        @wraps(function)
        def call(event: Any, context: Any = None) -> Any:
            from pydynox._invocation.loop import run, within

            seconds = seconds_left(context, margin)
            with ending_in(client or client_for(None), seconds):
                return run(within(function(event, context), seconds, name))

        return call

    return decorate if function is None else decorate(function)


_watches = False


def watch_restores() -> None:
    """Connect again after SnapStart has restored the process, if the runtime says when it does."""
    global _watches
    if _watches:
        return
    _watches = True
    try:
        # Part of Lambda's runtimes for Python 3.12 and later.
        from snapshot_restore_py import register_after_restore  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return
    register_after_restore(_restored)


def _restored() -> None:
    from pydynox._invocation import loop

    # The clocks of a loop and of open connections are from the time of the snapshot.
    loop.close()
    _core.reopen_all()
