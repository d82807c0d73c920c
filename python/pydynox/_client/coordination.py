"""The calls of a client that coordinate several callers: locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .connection import Connection

if TYPE_CHECKING:
    from datetime import timedelta

    from pydynox.coordination.locks import Lock
    from pydynox.coordination.tables import CoordinationTable


class CoordinationCalls(Connection):
    """Calls that coordinate several callers."""

    __slots__ = ()

    def lock(
        self,
        name: str,
        /,
        *,
        ttl: float | timedelta = 30,
        wait: float | timedelta | None = None,
        table: CoordinationTable | str = "pydynox",
    ) -> Lock:
        """A lock that one holder has at a time: ``async with client.lock("name") as lock``. Sends UpdateItem when it is acquired.

        While the block runs, a heart beat extends the lease, with one UpdateItem in each third of ``ttl``. A write that must not
        happen after the lease has ended needs a condition: in a transaction ``tx.check(lock.key, lock.held())``, in a single
        write ``lock.fence()``.

        Args:
            name: The name of the lock, of up to 1,024 bytes.
            ttl: Seconds, or a timedelta, for which the lock stays held without a beat: after a holder has died, another one waits
                as long as that.
            wait: Maximum seconds, or a timedelta, to wait while another holder has the lock; 0 tries once, None waits without a
                limit. To outlive a holder that has died, it must be longer than that holder's ``ttl``.
            table: Where the lock is stored: a ``CoordinationTable``, or the name of one.

        Raises:
            LockNotAcquiredError: Raised by the block: another holder had the lock for as long as this was to wait.
            LockLostError: Raised when the block ends, unless it raised: the lease had ended before.
            ValidationError: The name, or a number of seconds, is not valid.

        Example:
            >>> async with client.lock("nightly-report", ttl=30, wait=60) as lock:
            ...     await report.update(Report.fence.set(lock.token), Report.pages.set(3), condition=lock.fence(Report.fence))

        Costs: two write units, one more per beat, and one read unit per look at a lock that another holder has.
        """
        from pydynox.coordination.locks import Lock

        return Lock(self, name, ttl=ttl, wait=wait, table=table)
