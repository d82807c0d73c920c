"""Work in order: the members of a group one after another, and several groups at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence


class Progress:
    """How far the work on a batch has come.

    Attributes:
        done: The positions whose work has ended well.
        errors: By position, why work failed.
    """

    __slots__ = ("_size", "_stops", "done", "errors")

    def __init__(self, size: int, *, stops: bool) -> None:
        self._size = size
        #: Whether nothing after a failure is worth starting, since the sender delivers all of it again.
        self._stops = stops
        self.done: set[int] = set()
        self.errors: dict[int, Exception] = {}

    def may_start(self, position: int) -> bool:
        """Whether work on this position is still of use."""
        return not self._stops or not self.errors or position < min(self.errors)

    def left(self) -> list[int]:
        """The positions that are not done, in order."""
        return [position for position in range(self._size) if position not in self.done]


def check_concurrency(concurrency: object, of: str) -> None:
    """Refuse a number of workers that cannot be used.

    Raises:
        ConfigurationError: It is not a positive integer.
    """
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise ConfigurationError(f"{of}(concurrency=...) must be an integer of at least 1, not {concurrency!r}")


def grouped(keys: Iterable[Hashable | None]) -> list[list[int]]:
    """The positions of equal keys, in the order of their first; None equals nothing."""
    groups: dict[Any, list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault((position,) if key is None else key, []).append(position)
    return list(groups.values())


async def work(
    groups: Sequence[Sequence[int]],
    call: Callable[[int], Awaitable[object]],
    progress: Progress,
    *,
    concurrency: int,
    seconds: float | None,
) -> None:
    """Call for each position: within a group in order and only while it succeeds, ``concurrency`` groups at a time.

    What is still running after these seconds is cancelled, and counts as not done.
    """
    # A plain function never comes here, and asyncio is a third of a cold start.
    import asyncio

    waiting = iter(groups)

    async def worker() -> None:
        # All workers take from one iterator, so a group that takes long holds up no other.
        for group in waiting:
            await _work_through(group, call, progress)

    try:
        async with asyncio.timeout(seconds):
            if concurrency == 1 or len(groups) <= 1:
                await worker()
            else:
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(min(concurrency, len(groups))):
                        tasks.create_task(worker())
    except TimeoutError:
        # Errors of calls are collected, so this is the end of the time.
        pass


async def _work_through(group: Sequence[int], call: Callable[[int], Awaitable[object]], progress: Progress) -> None:
    for position in group:
        if not progress.may_start(position):
            return
        try:
            await call(position)
        except Exception as error:  # noqa: BLE001 (users' functions can raise anything)
            progress.errors[position] = error
            return
        progress.done.add(position)


def work_blocking(
    keys: Sequence[Hashable | None], call: Callable[[int], object], progress: Progress, *, seconds: float | None
) -> None:
    """The same for a plain function: one position after another, leaving out what follows a failure of the same key.

    Nothing is started after these seconds; nothing can stop what is running.
    """
    ends = None if seconds is None else time.monotonic() + seconds
    broken: set[Hashable] = set()
    for position, key in enumerate(keys):
        if not progress.may_start(position) or (ends is not None and time.monotonic() >= ends):
            return
        if key is not None and key in broken:
            continue
        try:
            call(position)
        except Exception as error:  # noqa: BLE001 (users' functions can raise anything)
            progress.errors[position] = error
            if key is not None:
                broken.add(key)
        else:
            progress.done.add(position)
