"""Callers that end halfway: a coroutine that is killed or cancelled at one of its awaits, and a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import pytest
from pydynox.coordination import records


class DiedError(Exception):
    """The process of a caller is gone."""


class Doomed:
    """A coroutine that ends at its await number ``at``, from 0.

    Args:
        coroutine: The coroutine.
        at: The await.
        how: ``"killed"`` before the request is sent, ``"killed late"`` once it was answered, ``"cancelled"``, ``"cancelled late"``.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], at: int, how: str) -> None:
        self._coroutine = coroutine
        self._at = at
        self._how = how

    def __await__(self) -> Generator[Any, None, Any]:
        send: Callable[[], Any] = self._resume
        number = 0
        while True:
            try:
                future = send()
            except StopIteration as end:
                return end.value
            send = self._resume
            is_last, late = number == self._at, self._how.endswith("late")
            if is_last and not late:
                send = self._end()
            else:
                yield future
                if is_last:
                    send = self._end()
            number += 1

    def _resume(self) -> Any:
        return self._coroutine.send(None)

    def _end(self) -> Callable[[], Any]:
        if self._how.startswith("killed"):
            self._coroutine.close()
            raise DiedError
        return lambda: self._coroutine.throw(asyncio.CancelledError())


HOWS = ["killed", "killed late", "cancelled", "cancelled late"]


async def ended_at(coroutine: Coroutine[Any, Any, Any], at: int, how: str) -> bool:
    """Run a coroutine and end it at this await; False if it has ended before."""
    try:
        await Doomed(coroutine, at, how)
    except (DiedError, asyncio.CancelledError):
        return True
    return False


class Clock:
    """The time of records, which passes when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_800_000_000.0
        monkeypatch.setattr(records, "now", lambda: self.now)

    def advance(self, seconds: float) -> None:
        self.now += seconds
