"""The event loop that a thread keeps from one invocation to the next, so that open connections stay usable."""

from __future__ import annotations

import asyncio
import contextvars
import os
from _thread import get_ident
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pydynox._shared.typing import T

#: By process and thread: a forked child must not share the selector of its parent's loop.
_kept: dict[tuple[int, int], asyncio.Runner] = {}


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on the loop that this thread keeps.

    Each call has a context of its own, and tasks that it leaves behind are cancelled: a process that is frozen between two
    invocations must not continue the first during the second.

    Raises:
        RuntimeError: A loop is running in this thread.
    """
    if is_running():
        coroutine.close()
        raise RuntimeError(
            "an event loop is running in this thread, and a handler for Lambda starts its own: await the coroutine form"
        )
    key = (os.getpid(), get_ident())
    runner = _kept.get(key)
    if runner is None or runner.get_loop().is_closed():
        runner = _kept[key] = asyncio.Runner()
    try:
        return runner.run(coroutine, context=contextvars.copy_context())
    finally:
        _cancel_all(runner)


def is_running() -> bool:
    """Whether a loop is running in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def close() -> None:
    """Close the loop that this thread keeps; the next call starts another one."""
    runner = _kept.pop((os.getpid(), get_ident()), None)
    if runner is not None:
        runner.close()


def _cancel_all(runner: asyncio.Runner) -> None:
    loop = runner.get_loop()
    if left := asyncio.all_tasks(loop):
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


async def within(coroutine: Coroutine[Any, Any, T], seconds: float | None, name: str) -> T:
    """Await a coroutine for at most these seconds.

    Raises:
        TimeoutError: It took longer, and was cancelled.
    """
    timeout = asyncio.timeout(seconds)
    try:
        async with timeout:
            return await coroutine
    except TimeoutError as error:
        if timeout.expired():
            raise TimeoutError(f"{name} did not end before the time of the invocation did, and was cancelled") from error
        raise
