"""One table administered: created, compared, brought up to date and watched, request by request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox.exceptions import ConfigurationError, RequestError, RequestTimeoutError, TableNotFoundError, WriteOutcomeUnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ._plan import Actual, Declared
    from .description import Drift, TableProgress

    TableReport = Callable[[TableProgress], object]

# What another process, or DynamoDB itself, is doing to the table at the moment; it passes.
_BUSY = frozenset({"ResourceInUseException", "LimitExceededException", "ContinuousBackupsUnavailableException"})


class Administration:
    """The requests of one administrative call, which share a client, a time limit and a progress callback."""

    def __init__(self, core: _core.Client, name: str, wait_timeout: float | None, progress: TableReport | None = None) -> None:
        self._core = core
        self._name = name  # without table_prefix
        self._watch = _core.TableWatch(core, name, wait_timeout)
        self._progress = progress

    async def send(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        """Send one operation on the table."""
        answer: dict[str, Any] = await _core.administer(self._core, operation, self._name, members)
        return answer

    async def create(self, declared: Declared, *, wait: bool) -> None:
        """Create the table, then set what DynamoDB accepts only for an active one."""
        self._report("creating the table", None)
        await self.send("CreateTable", declared.creation())
        later = list(declared.after_creation())
        if not wait and not later:
            return
        table = await self.wait_until("active", "creating the table", applied=True)
        for doing, operation, members in later:
            self._report(doing, table)
            await self._send_until_ready(operation, members)

    async def bring_up_to_date(self, declared: Declared, by: frozenset[str]) -> list[Drift]:
        """Fix one difference after another, comparing again after each: other processes may be doing the same.

        Args:
            declared: What the table should be.
            by: The methods whose differences are fixed.

        Returns:
            What was fixed.
        """
        fixed: list[Drift] = []
        busy: RequestError | None = None
        if "update" in by:
            await self._describe()  # update() requires the table
        elif (creation := await self._create_if_missing(declared)) is not None:
            # A table that this call created has all that is declared.
            return [creation]
        while True:
            try:
                table = await self.wait_until("active", "waiting", applied=bool(fixed))
            except RequestTimeoutError as error:
                if busy is None:
                    raise
                raise error from busy  # the time ran out in a look after the last refusal
            drifts = declared.drifts(await self.actual(declared, table))
            _check_fixable(drifts)
            drift = next((drift for drift in drifts if drift.fixed_by in by and not _is_among(drift, fixed)), None)
            if drift is None:
                return fixed
            self._report(_activity(drift), table)
            try:
                await self.send(drift.operation, dict(drift.members))
            except RequestError as error:
                if error.code in _BUSY:
                    busy = error
                    await self._pause(error)
                elif drift in declared.drifts(await self.actual(declared, await self._describe())):
                    raise
                continue  # another process has fixed it
            fixed.append(drift)
            busy = None
            self._watch.restart()

    async def actual(self, declared: Declared, table: Mapping[str, Any]) -> Actual:
        """The state of the table, in the respects in which something is declared."""
        from ._members import tags_of
        from ._plan import Actual

        time_to_live = backups = tags = None
        # Each of these is a request of its own, sent only for what is declared.
        if declared.ttl is not None:
            time_to_live = (await self.send("DescribeTimeToLive", {}))["TimeToLiveDescription"]
        if "point_in_time_recovery" in declared.options:
            backups = (await self.send("DescribeContinuousBackups", {}))["ContinuousBackupsDescription"]
        if declared.options.get("tags"):
            answers = [await self.send("ListTagsOfResource", {"ResourceArn": table["TableArn"]})]
            while answers[-1].get("NextToken"):
                more = {"ResourceArn": table["TableArn"], "NextToken": answers[-1]["NextToken"]}
                answers.append(await self.send("ListTagsOfResource", more))
            tags = tags_of(answers)
        return Actual(table, time_to_live, backups, tags)

    async def wait_until(self, goal: str, doing: str, *, applied: bool) -> Mapping[str, Any]:
        """Wait until the table is ``"active"`` or ``"gone"``, reporting each look at it.

        Args:
            goal: What to wait for.
            doing: What to report.
            applied: Whether a timeout should say that something was changed.

        Returns:
            The description of the table; empty if it is gone.
        """
        while True:
            table, reached = await self._watch.look(goal, self._progress is not None, applied)
            self._report(doing, table)
            if reached:
                return table or {}

    async def _describe(self) -> Mapping[str, Any]:
        table: Mapping[str, Any] = await _core.describe_table(self._core, self._name)
        return table

    async def _send_until_ready(self, operation: str, members: dict[str, Any]) -> None:
        """Send an operation on a table that was just created, until DynamoDB is ready for it."""
        self._watch.restart()
        while True:
            try:
                await self.send(operation, members)
            except RequestError as error:
                if error.code not in _BUSY:
                    error.applied = True  # the table exists now
                    raise
                await self._pause(error)
            else:
                return

    async def _create_if_missing(self, declared: Declared) -> Drift | None:
        """Create the table if it does not exist; the difference that this fixes."""
        while True:
            try:
                status = str((await self._describe()).get("TableStatus", ""))
            except TableNotFoundError:
                status = "GONE"
            if status == "DELETING":
                await self.wait_until("gone", "waiting until the table is deleted", applied=False)
                self._watch.restart()
            elif status != "GONE":
                return None
            try:
                await self.create(declared, wait=True)
            except RequestError as error:
                if error.code != "ResourceInUseException" and not isinstance(error, WriteOutcomeUnknownError):
                    raise
                await self._pause(error)  # another process created it first, or this one did without an answer
            else:
                self._watch.restart()
                return declared.absent(_core.table_named(self._core, declared.name))

    async def _pause(self, busy: RequestError) -> None:
        """Pause as the watch does; if its time has run out, the timeout is raised from what kept the table busy."""
        # Any goal would do: this look is only for its pause and for the time that is left.
        look = self._watch.look("gone", True, False)
        try:
            await look
        except RequestTimeoutError as error:
            raise error from busy

    def _report(self, doing: str, table: Mapping[str, Any] | None) -> None:
        if self._progress is not None:
            from .description import TableDescription, TableProgress

            self._progress(TableProgress(doing, None if table is None else TableDescription(table)))


def _activity(drift: Drift) -> str:
    if drift.what == "index":
        return f"adding index {drift.index}"
    return f"setting {drift.what}" if drift.index is None else f"setting {drift.what} of index {drift.index}"


def _is_among(drift: Drift, fixed: Iterable[Drift]) -> bool:
    return any((drift.what, drift.index, drift.declared) == (each.what, each.index, each.declared) for each in fixed)


def _check_fixable(drifts: Iterable[Drift]) -> None:
    fatal = [str(drift) for drift in drifts if not drift.fixable]
    if fatal:
        raise ConfigurationError("the table is not the one that is declared: " + "; ".join(fatal))
