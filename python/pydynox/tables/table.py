"""Table: the table of a model, made, looked at, brought up to date and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Unpack

from pydynox import _core
from pydynox._declaration.family import family
from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox._shared.typing import Row_co
from pydynox.default_client import client_for
from pydynox.exceptions import ConfigurationError, RequestError, RequestTimeoutError, TableNotFoundError, WriteOutcomeUnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydynox.client import DynamoDBClient
    from pydynox.sync import SyncTable

    from ._plan import Actual, Declared
    from .description import Drift, TableDescription, TableProgress
    from .options import TableOptions

    Progress = Callable[[TableProgress], object]

# What another process, or the service itself, is doing to the table just now; it passes.
_BUSY = frozenset({"ResourceInUseException", "LimitExceededException", "ContinuousBackupsUnavailableException"})


class Table(Generic[Row_co]):
    """The table of a model: ``User.table``.

    Example:
        >>> await User.table.create()
    """

    __slots__ = ("__weakref__", "_models")

    def __init__(self, *models: type[Any]) -> None:
        self._models: tuple[type[Any], ...] = models

    async def create(
        self,
        *,
        wait: bool = True,
        wait_timeout: float | None = 600.0,
        progress: Progress | None = None,
        timeout: float | None = NOT_GIVEN,
        **options: Unpack[TableOptions],
    ) -> None:
        """Make the table with the keys, indexes and time to live that the model declares. Sends CreateTable, then DescribeTable.

        Time to live and point-in-time recovery are set on a table that is active (UpdateTimeToLive, UpdateContinuousBackups), so
        with these it waits all the same.

        Args:
            wait: Return only when the table can be used.
            wait_timeout: Seconds to wait at most; None for no limit.
            progress: Called with a ``TableProgress`` at each step and at each look at the table.
            timeout: Seconds that each of its requests may take, as ``client.options(timeout=...)`` says it; None for no limit.
            **options: What the table is to be, see ``TableOptions``; billed by request when ``billing`` is not given.

        Raises:
            ConfigurationError: The model names no table, or an option is wrong.
            RequestError: The table is there already (``code`` is ``"ResourceInUseException"``); ``ensure()`` takes it as it is.
            RequestTimeoutError: The table was made, and is not active after ``wait_timeout``.

        Example:
            >>> await User.table.create()
            >>> await Order.table.create(billing=Provisioned(rcu=10, wcu=5), stream="NEW_IMAGE")

        Costs: nothing, but for what ``billing``, ``warm_throughput``, backups and keys of KMS cost from then on.
        """
        if timeout is not NOT_GIVEN:
            await limited(
                self._client(),
                timeout,
                Table[Row_co].create(self, wait=wait, wait_timeout=wait_timeout, progress=progress, **options),
            )
            return
        declared = self._declared(options)
        watch = self._watch(declared, wait_timeout)
        await self._make(declared, watch, progress, wait=wait)

    async def ensure(
        self,
        *,
        wait_timeout: float | None = 600.0,
        progress: Progress | None = None,
        timeout: float | None = NOT_GIVEN,
        **options: Unpack[TableOptions],
    ) -> list[Drift]:
        """Make the table if there is none, and add to it what is missing: never removes, replaces or changes anything.

        Adds global secondary indexes one at a time, waiting between; time to live; and what ``options`` ask for: a stream,
        backups, tags, deletion protection. What is there in another form is left to ``update()``; ``check()`` shows it. Several
        processes may do it at the same time. A table that is being made or changed is waited for; one that is being deleted,
        until it is gone, and then made anew.

        Args:
            wait_timeout: Seconds that it may take, the writing of new indexes included; None for no limit.
            progress: Called with a ``TableProgress`` at each step and at each look at the table.
            timeout: Seconds that each of its requests may take, as ``client.options(timeout=...)`` says it; None for no limit.
            **options: What the table is to be, see ``TableOptions``.

        Returns:
            What was fixed.

        Raises:
            ConfigurationError: The table differs in what cannot be fixed, such as its key; nothing was changed.
            RequestTimeoutError: It is not done after ``wait_timeout``; call it again.

        Example:
            >>> await User.table.ensure()
            []

        Costs: nothing, but for the write units of a new index: those of every item in it.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                self._client(), timeout, Table[Row_co].ensure(self, wait_timeout=wait_timeout, progress=progress, **options)
            )
        return await self._bring(self._declared(options), frozenset({"ensure"}), wait_timeout, progress)

    async def update(
        self,
        *,
        wait_timeout: float | None = 600.0,
        progress: Progress | None = None,
        timeout: float | None = NOT_GIVEN,
        **options: Unpack[TableOptions],
    ) -> list[Drift]:
        """Change the table to what ``options`` say, and add what the model declares: what ``ensure()`` does and more.

        What is not given stays as it is; indexes that the model does not declare stay too. Each change is sent by itself, waiting
        between.

        Args:
            wait_timeout: Seconds that it may take; None for no limit.
            progress: Called with a ``TableProgress`` at each step and at each look at the table.
            timeout: Seconds that each of its requests may take, as ``client.options(timeout=...)`` says it; None for no limit.
            **options: What the table is to be, see ``TableOptions``.

        Returns:
            What was changed; empty when all was so already.

        Raises:
            ConfigurationError: The table differs in what cannot be fixed, such as its key; nothing was changed.
            TableNotFoundError: There is no such table.
            RequestError: The service refuses a change; it changes billing once a day, and the table class twice a month.

        Example:
            >>> await User.table.update(billing=Provisioned(rcu=50, wcu=20), deletion_protection=True)

        Costs: nothing, but for what the new settings cost from then on.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                self._client(), timeout, Table[Row_co].update(self, wait_timeout=wait_timeout, progress=progress, **options)
            )
        return await self._bring(self._declared(options), frozenset({"ensure", "update"}), wait_timeout, progress)

    async def check(self, *, timeout: float | None = NOT_GIVEN, **options: Unpack[TableOptions]) -> list[Drift]:
        """Where the table differs from what the model and ``options`` say; changes nothing. Sends DescribeTable.

        What is not declared is not looked at: other indexes, other tags, options that are not given. DescribeTimeToLive,
        DescribeContinuousBackups and ListTagsOfResource are sent where something is declared that they tell.
        ``resource_policy`` is not compared.

        Args:
            timeout: Seconds that each of its requests may take, as ``client.options(timeout=...)`` says it; None for no limit.
            **options: What the table is to be, see ``TableOptions``.

        Returns:
            The differences, each with what fixes it; empty when there are none.

        Example:
            >>> for drift in await User.table.check():
            ...     print(drift)
            index by_email: declared partition key email (S), projection ALL, missing; ensure() adds it

        Costs: nothing.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self._client(), timeout, Table[Row_co].check(self, **options))
        declared = self._declared(options)
        try:
            table = (await self.describe()).raw
        except TableNotFoundError:
            return [declared.absent(self._sent_name(declared.name))]
        if table["TableStatus"] == "DELETING":
            return [declared.absent(self._sent_name(declared.name), "being deleted")]
        return declared.drifts(await self._actual(declared, table))

    async def exists(self, *, timeout: float | None = NOT_GIVEN) -> bool:
        """Whether there is such a table. Sends DescribeTable.

        Args:
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Example:
            >>> await User.table.exists()
            True

        Costs: nothing.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self._client(), timeout, Table[Row_co].exists(self))
        there: bool = await _core.table_exists(self._client().core, self._name())
        return there

    async def delete(
        self,
        *,
        wait: bool = True,
        wait_timeout: float | None = 600.0,
        progress: Progress | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> None:
        """Delete the table and all of its items. Sends DeleteTable, then DescribeTable.

        Args:
            wait: Return only when the table is gone.
            wait_timeout: Seconds to wait at most; None for no limit.
            progress: Called with a ``TableProgress`` at each look at the table.
            timeout: Seconds that each of its requests may take, as ``client.options(timeout=...)`` says it; None for no limit.

        Raises:
            TableNotFoundError: There is no such table.
            InvalidRequestError: It is protected: ``update(deletion_protection=False)`` first.
            RequestError: It is being made or changed (``code`` is ``"ResourceInUseException"``): ``wait_until_active()`` first.

        Example:
            >>> await User.table.delete()

        Costs: nothing.
        """
        if timeout is not NOT_GIVEN:
            await limited(
                self._client(), timeout, Table[Row_co].delete(self, wait=wait, wait_timeout=wait_timeout, progress=progress)
            )
            return
        name = self._name()
        watch = _core.TableWatch(self._client().core, name, wait_timeout)
        await self._send("DeleteTable", {})
        if wait:
            await _watched(watch, "gone", "deleting the table", progress, applied=True)

    async def describe(self, *, timeout: float | None = NOT_GIVEN) -> TableDescription:
        """What the service says about the table. Sends DescribeTable.

        Args:
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Returns:
            Its description; ``raw`` is all of it, in wire form.

        Raises:
            TableNotFoundError: There is no such table.

        Example:
            >>> (await User.table.describe()).status
            'ACTIVE'

        Costs: nothing.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self._client(), timeout, Table[Row_co].describe(self))
        from .description import TableDescription

        return TableDescription(await _core.describe_table(self._client().core, self._name()))

    async def wait_until_active(
        self, *, wait_timeout: float | None = 600.0, progress: Progress | None = None
    ) -> TableDescription:
        """Wait until the table and its global secondary indexes can be used. Sends DescribeTable with growing pauses.

        Args:
            wait_timeout: Seconds to wait at most; None for no limit.
            progress: Called with a ``TableProgress`` at each look at the table.

        Returns:
            Its description.

        Raises:
            RequestTimeoutError: It is not active, or not there, after ``wait_timeout``.
            RequestError: It is in a state that does not end by itself, or is being deleted.

        Example:
            >>> await User.table.create(wait=False)
            >>> await User.table.wait_until_active()

        Costs: nothing.
        """
        from .description import TableDescription

        watch = _core.TableWatch(self._client().core, self._name(), wait_timeout)
        return TableDescription(await _watched(watch, "active", "waiting", progress, applied=False))

    async def wait_until_gone(self, *, wait_timeout: float | None = 600.0, progress: Progress | None = None) -> None:
        """Wait until there is no such table. Sends DescribeTable with growing pauses.

        Args:
            wait_timeout: Seconds to wait at most; None for no limit.
            progress: Called with a ``TableProgress`` at each look at the table.

        Raises:
            RequestTimeoutError: It is still there after ``wait_timeout``.

        Example:
            >>> await User.table.delete(wait=False)
            >>> await User.table.wait_until_gone()

        Costs: nothing.
        """
        watch = _core.TableWatch(self._client().core, self._name(), wait_timeout)
        await _watched(watch, "gone", "waiting", progress, applied=False)

    def to_cloudformation(self, **options: Unpack[TableOptions]) -> dict[str, Any]:
        """The table as a resource of CloudFormation (SAM, CDK's ``CfnInclude``): an ``AWS::DynamoDB::Table``. Sends nothing.

        Its ``TableName`` has the client's ``table_prefix``.

        Args:
            **options: What the table is to be, see ``TableOptions``.

        Raises:
            ConfigurationError: The model names no table, or an option is wrong.

        Example:
            >>> User.table.to_cloudformation()
            {'Type': 'AWS::DynamoDB::Table', 'Properties': {'TableName': 'users', ...}}
        """
        declared = self._declared(options)
        name = self._sent_name(declared.name)
        return declared.cloudformation(name.partition(":table/")[2] if name.startswith("arn:") else name)

    @property
    def sync(self) -> SyncTable[Row_co]:
        """The blocking form of this table."""
        from pydynox.sync import SyncTable

        return SyncTable(self)

    def __repr__(self) -> str:
        names = ", ".join(model.__name__ for model in self._models)
        return f"<table {self._models[0].model_config.table!r} of {names}>"

    def _client(self) -> DynamoDBClient:
        return client_for(self._models[0].model_config.client)

    def _name(self) -> str:
        """The table's name, without ``table_prefix``."""
        model = self._models[0]
        name: str | None = model.model_config.table
        if name is None:
            raise ConfigurationError(
                f'{model.__name__} has no table: declare class {model.__name__}(Model[...], table="...")', model=model.__name__
            )
        return name

    def _sent_name(self, name: str) -> str:
        return _core.table_named(self._client().core, name)

    def _identity(self) -> tuple[int, str]:
        """By which tables are told apart."""
        return id(self._client()), self._sent_name(self._name())

    def _declared(self, options: Mapping[str, Any]) -> Declared:
        from ._plan import Declared

        self._name()
        models = dict.fromkeys(each for model in self._models for each in family(model))
        return Declared(tuple(models), options)

    def _watch(self, declared: Declared, wait_timeout: float | None) -> _core.TableWatch:
        return _core.TableWatch(self._client().core, declared.name, wait_timeout)

    async def _send(self, operation: str, members: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = await _core.administer(self._client().core, operation, self._name(), members)
        return answer

    async def _make(
        self, declared: Declared, watch: _core.TableWatch, progress: Progress | None, *, wait: bool
    ) -> Mapping[str, Any]:
        _tell(progress, "creating the table", None)
        await self._send("CreateTable", declared.creation())
        later = list(declared.after_creation())
        if not wait and not later:
            return {}
        table = await _watched(watch, "active", "creating the table", progress, applied=True)
        for doing, operation, members in later:
            _tell(progress, doing, table)
            await self._insist(operation, members, watch)
        return table

    async def _insist(self, operation: str, members: dict[str, Any], watch: _core.TableWatch) -> None:
        """Send what belongs to a table that was just made, until the service is ready for it."""
        watch.restart()
        while True:
            try:
                await self._send(operation, members)
            except RequestError as error:
                if error.code not in _BUSY:
                    error.applied = True  # there is a table now
                    raise
                await _looked_again(watch, error)
            else:
                return

    async def _actual(self, declared: Declared, table: Mapping[str, Any]) -> Actual:
        """The table as it is, as far as something is declared of it."""
        from ._plan import Actual, tags_of

        time_to_live = backups = tags = None
        if declared.ttl is not None:
            time_to_live = (await self._send("DescribeTimeToLive", {}))["TimeToLiveDescription"]
        if "point_in_time_recovery" in declared.options:
            backups = (await self._send("DescribeContinuousBackups", {}))["ContinuousBackupsDescription"]
        if declared.options.get("tags"):
            answers = [await self._send("ListTagsOfResource", {"ResourceArn": table["TableArn"]})]
            while answers[-1].get("NextToken"):
                more = {"ResourceArn": table["TableArn"], "NextToken": answers[-1]["NextToken"]}
                answers.append(await self._send("ListTagsOfResource", more))
            tags = tags_of(answers)
        return Actual(table, time_to_live, backups, tags)

    async def _bring(
        self, declared: Declared, by: frozenset[str], wait_timeout: float | None, progress: Progress | None
    ) -> list[Drift]:
        """Fix what can be fixed, one thing after another, looking anew between: others may be at it too."""
        watch = self._watch(declared, wait_timeout)
        fixed: list[Drift] = []
        if "update" in by:
            await self.describe()  # what is not there cannot be changed
        elif (made := await self._have(declared, watch, progress)) is not None:
            return [made]  # all of it
        while True:
            table = await _watched(watch, "active", "waiting", progress, applied=bool(fixed))
            drifts = declared.drifts(await self._actual(declared, table))
            _refuse_hopeless(drifts)
            todo = next((drift for drift in drifts if drift.fixed_by in by and not _is_among(drift, fixed)), None)
            if todo is None:
                return fixed
            _tell(progress, _doing(todo), table)
            try:
                await self._send(todo._operation, dict(todo._members))
            except RequestError as error:
                if error.code in _BUSY:
                    await _looked_again(watch, error)
                elif todo in declared.drifts(await self._actual(declared, (await self.describe()).raw)):
                    raise
                continue  # somebody else has fixed it
            fixed.append(todo)
            watch.restart()

    async def _have(self, declared: Declared, watch: _core.TableWatch, progress: Progress | None) -> Drift | None:
        """Make the table if there is none; the drift that this fixes."""
        while True:
            try:
                status = (await self.describe()).status
            except TableNotFoundError:
                status = "GONE"
            if status == "DELETING":
                await _watched(watch, "gone", "waiting until the table is deleted", progress, applied=False)
                watch.restart()
            elif status != "GONE":
                return None
            try:
                await self._make(declared, watch, progress, wait=True)
            except RequestError as error:
                if error.code != "ResourceInUseException" and not isinstance(error, WriteOutcomeUnknownError):
                    raise
                await _looked_again(watch, error)  # another process was faster, or this one without knowing it
            else:
                watch.restart()
                return declared.absent(self._sent_name(declared.name))


async def _watched(
    watch: _core.TableWatch, goal: str, doing: str, progress: Progress | None, *, applied: bool
) -> Mapping[str, Any]:
    """Wait until the table is as wanted, and tell each look at it; its description."""
    while True:
        table, reached = await watch.look(goal, progress is not None, applied)
        _tell(progress, doing, table)
        if reached:
            return table or {}


async def _looked_again(watch: _core.TableWatch, busy: RequestError) -> None:
    """Pause as long as the watch does; when its time is over, what kept us says why."""
    look = watch.look("gone", True, False)
    try:
        await look
    except RequestTimeoutError as error:
        raise error from busy


def _tell(progress: Progress | None, doing: str, table: Mapping[str, Any] | None) -> None:
    if progress is not None:
        from .description import TableDescription, TableProgress

        progress(TableProgress(doing, None if table is None else TableDescription(table)))


def _doing(drift: Drift) -> str:
    if drift.what == "index":
        return f"adding index {drift.index}"
    return f"setting {drift.what}" if drift.index is None else f"setting {drift.what} of index {drift.index}"


def _is_among(drift: Drift, fixed: Iterable[Drift]) -> bool:
    return any((drift.what, drift.index, drift.declared) == (each.what, each.index, each.declared) for each in fixed)


def _refuse_hopeless(drifts: Iterable[Drift]) -> None:
    hopeless = [str(drift) for drift in drifts if not drift.fixable]
    if hopeless:
        raise ConfigurationError("the table is not the one that is declared: " + "; ".join(hopeless))
