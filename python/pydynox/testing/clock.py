"""Clock: the date of every client and engine during a test, and the time that they wait for. PYTEST_DONT_REWRITE"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pydynox._core as _core

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock:
    """The clock of a test: time to live, timestamps, identifiers, deadlines, pauses and the expiry of cursors follow it.

    Until the test moves it, its date is that of ``time.time()``, so freezegun and time-machine move it too. From the first
    ``advance()`` or ``move_to()`` the clock is stopped unless it is moved, and nothing waits: a pause before a retry, an
    injected delay or a request that never gets an answer moves the clock instead. Connections to real servers, signatures
    and the event loop keep to real time, and so does the engine in a file.
    """

    __slots__ = ()

    def now(self) -> datetime:
        """The date, in UTC.

        Example:
            >>> dynamodb.clock.now()
            datetime.datetime(2030, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
        """
        return _EPOCH + _core.date_by_clock() * _MICROSECOND

    def advance(self, seconds: float | timedelta, /) -> None:
        """Move the clock on.

        Args:
            seconds: How far; not negative.

        Raises:
            ValueError: The length is negative or not finite.

        Example:
            >>> dynamodb.clock.advance(3600)
            >>> dynamodb.clock.advance(timedelta(days=7))
        """
        length = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
        if not 0 <= length < float("inf"):
            raise ValueError(f"clock.advance() takes seconds that are not negative, not {seconds!r}; move_to() can go back")
        _core.advance_clock(length)

    def move_to(self, moment: datetime, /) -> None:
        """Set the date. Moving it back changes dates only: deadlines and pauses continue as they were.

        Args:
            moment: The date, with a time zone.

        Raises:
            ValueError: It has no time zone.

        Example:
            >>> dynamodb.clock.move_to(datetime(2030, 1, 1, tzinfo=UTC))
        """
        if moment.tzinfo is None:
            raise ValueError(f"clock.move_to() needs a date with a time zone, such as {moment!r} with tzinfo=UTC")
        _core.move_clock((moment - _EPOCH) // _MICROSECOND)

    def __repr__(self) -> str:
        return f"<clock at {self.now().isoformat()}>"
