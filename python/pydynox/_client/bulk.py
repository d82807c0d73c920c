"""The calls of a client on any number of items, at the pace of their table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydynox._shared.timeout import NOT_GIVEN, limited

from .connection import Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable
    from os import PathLike

    from pydynox._shared.typing import Row
    from pydynox.cost import Progress
    from pydynox.query import Query


class BulkCalls(Connection):
    """Jobs that read or write whole tables while programs use them, and that can be resumed."""

    __slots__ = ()

    async def bulk_write(
        self,
        instances: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        target_wcu: float | None = None,
        unguarded: bool = False,
        transactions: bool = False,
        resume: str | PathLike[str] | None = None,
        progress: Callable[[Progress], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> int:
        """Write any number of whole items as fast as their table accepts them. Sends BatchWriteItem.

        The rate rises while DynamoDB accepts everything and drops when it throttles, so the table stays usable and there is no
        retry storm. The job may take as long as it needs; a few hundred items are held in memory. Each item replaces any with the
        same key.

        Args:
            instances: Instances of models, from an iterable or an asynchronous iterable, consumed as they are sent.
            target_wcu: Maximum write units per second; by default as many as the table accepts.
            unguarded: Write items of models with a version or unique values without checking these.
            transactions: Instead, write each such item on its own.
            resume: A file that records progress and is removed at the end. If it exists, as many instances are skipped as were
                written before: pass the same ones in the same order.
            progress: Called after each part with a ``Progress``: the number of items done, including those of the
                interrupted job, and more.
            timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            The number of instances.

        Raises:
            ConfigurationError: ``target_wcu`` is not a positive number, the file belongs to another job, or a model has a version
                or unique values and neither ``unguarded`` nor ``transactions`` is set.
            BatchIncompleteError: DynamoDB rejected an item; it lists what was not written. ``resume`` continues from there.
            ValidationError: A value cannot be stored.

        Example:
            >>> await client.bulk_write(users(), target_wcu=500, resume="users.bulk")
            100000

        Costs: one write unit per KB of each old or new item, whichever is larger.
        """
        from pydynox._jobs.bulk import bulk_write

        job = bulk_write(
            self,
            instances,
            target_wcu=target_wcu,
            unguarded=unguarded,
            transactions=transactions,
            resume=resume,
            progress=progress,
        )
        return await (job if timeout is NOT_GIVEN else limited(self, timeout, job))

    async def bulk_read(
        self,
        query: Query[Row],
        handle: Callable[[list[Row]], object],
        /,
        *,
        target_rcu: float | None = None,
        rows: int = 1000,
        resume: str | PathLike[str] | None = None,
        progress: Callable[[Progress], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> int:
        """Read any number of rows as fast as their table delivers them, and pass them to a function. Sends Query or Scan.

        The rate rises while DynamoDB accepts everything and drops when it throttles, so the table stays usable. The job may take
        as long as it needs; memory holds the rows read and not yet handled. Progress counts rows that were handled: after an
        interruption the rows of the last part may be passed again, and none is skipped.

        Args:
            query: What to read, such as ``User.scan(segments=4)``; this client sends it.
            handle: Called with the rows, some at a time, in the order in which they arrive; a coroutine function is awaited.
            target_rcu: Maximum read units per second; by default as many as the table delivers.
            rows: Number of rows per call of ``handle``; the last call may have fewer.
            resume: A file that records progress and is removed at the end. If it exists, reading continues after the rows already
                handled: pass the same query.
            progress: Called after each part with a ``Progress``: the number of rows handled, including those of the
                interrupted job, and more.
            timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            The number of rows.

        Raises:
            ConfigurationError: ``target_rcu`` is not a positive number, or the file belongs to another job.
            CursorError: The file belongs to a scan with a different number of segments.
            SerializationError: A row does not fit the model; see ``Query.on_invalid``.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await client.bulk_read(User.scan(segments=4), export, target_rcu=500, resume="users.read")
            100000

        Costs: half a read unit per 4 KB read, filtered rows included; one if strongly consistent.
        """
        from pydynox._jobs.bulk import bulk_read

        job = bulk_read(self, query, handle, target_rcu=target_rcu, rows=rows, resume=resume, progress=progress)
        return await (job if timeout is NOT_GIVEN else limited(self, timeout, job))
