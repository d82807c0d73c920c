"""Recordings: the calls of a client inside a block, as a list."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, overload

import pydynox._core as _core
from pydynox._shared.public import public

from .handlers import bits_of, handlers_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from pydynox._core import Event

_ENDS = frozenset({"call_ended", "call_cancelled"})


@public
class Recording(Sequence["Event"]):
    """The calls of a client inside a ``record()`` block, in the order in which they ended: one event for each.

    Attributes:
        events: Every event of the block, including attempts, retries, pages and connections.

    Example:
        >>> with client.record() as requests:
        ...     await User.get("u1")
        >>> [request.operation for request in requests]
        ['GetItem']
    """

    __slots__ = ("_calls", "events")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._calls: list[Event] = []

    def add(self, event: Event) -> None:
        """Add an event."""
        self.events.append(event)
        if event.kind in _ENDS:
            self._calls.append(event)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        return self._calls[index]

    def __len__(self) -> int:
        return len(self._calls)

    def __repr__(self) -> str:
        return f"Recording({self._calls!r})"


@contextmanager
def recording(core: _core.Client, *, values: bool) -> Generator[Recording]:
    """Record the events of a client until the end of the block."""
    requests = Recording()
    subscription = handlers_of(core).add(requests.add, bits_of(None, of="record", values=values), wants_bodies=values)
    try:
        yield requests
    finally:
        # Those of connections, and of pages that were fetched ahead, would otherwise wait for the next call.
        _core.deliver_waiting(core)
        subscription.close()
