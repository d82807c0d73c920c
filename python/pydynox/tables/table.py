"""Table: the table of a model, created, described, brought up to date and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Unpack

import pydynox._core as _core
from pydynox._declaration.family import family
from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox._shared.typing import Row_co
from pydynox.default_client import client_for
from pydynox.exceptions import ConfigurationError, TableNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydynox.client import DynamoDBClient
    from pydynox.sync import SyncTable

    from ._administration import Administration
    from ._plan import Declared
    from .description import Drift, TableDescription, TableProgress
    from .options import TableOptions

    TableReport = Callable[[TableProgress], object]


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
        progress: TableReport | None = None,
        timeout: float | None = NOT_GIVEN,
        **options: Unpack[TableOptions],
    ) -> None:
        """Create the table with the keys, indexes and time to live of the model. Sends CreateTable, then DescribeTable.

        Time to live and point-in-time recovery can only be set on an active table (UpdateTimeToLive, UpdateContinuousBackups), so
        with these it waits in any case.

        Args:
            wait: Return only when the table is active.
            wait_timeout: Maximum seconds to wait; None for no limit.
            progress: Called with a ``TableProgress`` at each step and each time the table is described.
            timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding
                ``client.options(timeout=...)``.
            **options: What the table should be, see ``TableOptions``; without ``billing``, it is billed per request.

        Raises:
            ConfigurationError: The model has no table, or an option is invalid.
            RequestError: The table already exists (``code`` is ``"ResourceInUseException"``); ``ensure()`` accepts that.
            RequestTimeoutError: The table was created, but is not active after ``wait_timeout``.

        Example:
            >>> await User.table.create()
            >>> await Order.table.create(billing=Provisioned(rcu=10, wcu=5), stream="NEW_IMAGE")

        Costs: nothing itself; then what ``billing``, ``warm_throughput``, backups and KMS keys cost.
        """
        if timeout is not NOT_GIVEN:
            await limited(
                self._client(),
                timeout,
                Table[Row_co].create(self, wait=wait, wait_timeout=wait_timeout, progress=progress, **options),
            )
            return
        declared = self._declared(options)
        await self._administration(wait_timeout, progress).create(declared, wait=wait)

    async def ensure(
        self,
        *,
        wait_timeout: float | None = 600.0,
        progress: TableReport | None = None,
        timeout: float | None = NOT_GIVEN,
        **options: Unpack[TableOptions],
    ) -> list[Drift]:
        """Create the table if it does not exist, and add what is missing from it; nothing is removed, replaced or changed.

        Adds global secondary indexes one at a time, waiting in between; time to live; and what ``options`` ask for: a stream,
        backups, tags, deletion protection. What exists in another form is left to ``update()``; ``check()`` shows it. Several
        processes may call it at the same time. If the table is being created or changed, it waits; if it is being deleted, it
        waits and then creates it again.

        Args:
            wait_timeout: Maximum seconds for all of it, including the backfilling of new indexes; None for no limit.
            progress: Called with a ``TableProgress`` at each step and each time the table is described.
            timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding
                ``client.options(timeout=...)``.
            **options: What the table should be, see ``TableOptions``.

        Returns:
            What was fixed.

        Raises:
            ConfigurationError: The table differs in something that cannot be fixed, such as its key; nothing was changed.
            RequestTimeoutError: It is not done after ``wait_timeout``; call it again.

        Example:
            >>> await User.table.ensure()
            []

        Costs: nothing, except the write units of a new index: those of every item in it.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                self._client(), timeout, Table[Row_co].ensure(self, wait_timeout=wait_timeout, progress=progress, **options)
            )
        declared = self._declared(options)
        return await self._administration(wait_timeout, progress).bring_up_to_date(declared, frozenset({"ensure"}))

    async def update(
        self,
        *,
        wait_timeout: float | None = 600.0,
        progress: TableReport | None = None,
        timeout: float | None = NOT_GIVEN,
        **options: Unpack[TableOptions],
    ) -> list[Drift]:
        """Change the table to what ``options`` specify, and add what the model declares, as ``ensure()`` does.

        Settings that are not given stay as they are, and so do indexes that the model does not declare. Each change is sent on
        its own, waiting in between.

        Args:
            wait_timeout: Maximum seconds for all of it; None for no limit.
            progress: Called with a ``TableProgress`` at each step and each time the table is described.
            timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding
                ``client.options(timeout=...)``.
            **options: What the table should be, see ``TableOptions``.

        Returns:
            What was changed; empty if nothing had to be.

        Raises:
            ConfigurationError: The table differs in something that cannot be fixed, such as its key; nothing was changed.
            TableNotFoundError: The table does not exist.
            RequestError: DynamoDB rejects a change; it limits how frequently billing and table class can change.

        Example:
            >>> await User.table.update(billing=Provisioned(rcu=50, wcu=20), deletion_protection=True)

        Costs: nothing itself; then what the new settings cost.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                self._client(), timeout, Table[Row_co].update(self, wait_timeout=wait_timeout, progress=progress, **options)
            )
        declared = self._declared(options)
        return await self._administration(wait_timeout, progress).bring_up_to_date(declared, frozenset({"ensure", "update"}))

    async def check(self, *, timeout: float | None = NOT_GIVEN, **options: Unpack[TableOptions]) -> list[Drift]:
        """Compare the table with the model and ``options``; changes nothing. Sends DescribeTable.

        What is not declared is not compared: other indexes, other tags, options that are not given. DescribeTimeToLive,
        DescribeContinuousBackups and ListTagsOfResource are sent if something is declared that they report. ``resource_policy``
        is not compared.

        Args:
            timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding
                ``client.options(timeout=...)``.
            **options: What the table should be, see ``TableOptions``.

        Returns:
            The differences, each with the method that fixes it; empty if there are none.

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
        return declared.drifts(await self._administration(None).actual(declared, table))

    async def exists(self, *, timeout: float | None = NOT_GIVEN) -> bool:
        """Whether the table exists. Sends DescribeTable.

        Args:
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Example:
            >>> await User.table.exists()
            True

        Costs: nothing.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self._client(), timeout, Table[Row_co].exists(self))
        exists: bool = await _core.table_exists(self._client().core, self._name())
        return exists

    async def delete(
        self,
        *,
        wait: bool = True,
        wait_timeout: float | None = 600.0,
        progress: TableReport | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> None:
        """Delete the table and all of its items. Sends DeleteTable, then DescribeTable.

        Args:
            wait: Return only when the table is gone.
            wait_timeout: Maximum seconds to wait; None for no limit.
            progress: Called with a ``TableProgress`` each time the table is described.
            timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding
                ``client.options(timeout=...)``.

        Raises:
            TableNotFoundError: The table does not exist.
            InvalidRequestError: It is protected from deletion: call ``update(deletion_protection=False)`` first.
            RequestError: It is being created or changed (``code`` is ``"ResourceInUseException"``): call ``wait_until_active()``
                first.

        Example:
            >>> await User.table.delete()

        Costs: nothing.
        """
        if timeout is not NOT_GIVEN:
            await limited(
                self._client(), timeout, Table[Row_co].delete(self, wait=wait, wait_timeout=wait_timeout, progress=progress)
            )
            return
        administration = self._administration(wait_timeout, progress)
        await administration.send("DeleteTable", {})
        if wait:
            await administration.wait_until("gone", "deleting the table", applied=True)

    async def describe(self, *, timeout: float | None = NOT_GIVEN) -> TableDescription:
        """Describe the table. Sends DescribeTable.

        Args:
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            Its description; ``raw`` is all of it, in wire form.

        Raises:
            TableNotFoundError: The table does not exist.

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
        self, *, wait_timeout: float | None = 600.0, progress: TableReport | None = None
    ) -> TableDescription:
        """Wait until the table and its global secondary indexes are active. Sends DescribeTable with growing pauses.

        Args:
            wait_timeout: Maximum seconds to wait; None for no limit.
            progress: Called with a ``TableProgress`` each time the table is described.

        Returns:
            Its description.

        Raises:
            RequestTimeoutError: It is not active, or does not exist, after ``wait_timeout``.
            RequestError: It is in a state that does not end without intervention, or is being deleted.

        Example:
            >>> await User.table.create(wait=False)
            >>> await User.table.wait_until_active()

        Costs: nothing.
        """
        from .description import TableDescription

        return TableDescription(await self._administration(wait_timeout, progress).wait_until("active", "waiting", applied=False))

    async def wait_until_gone(self, *, wait_timeout: float | None = 600.0, progress: TableReport | None = None) -> None:
        """Wait until the table no longer exists. Sends DescribeTable with growing pauses.

        Args:
            wait_timeout: Maximum seconds to wait; None for no limit.
            progress: Called with a ``TableProgress`` each time the table is described.

        Raises:
            RequestTimeoutError: It still exists after ``wait_timeout``.

        Example:
            >>> await User.table.delete(wait=False)
            >>> await User.table.wait_until_gone()

        Costs: nothing.
        """
        await self._administration(wait_timeout, progress).wait_until("gone", "waiting", applied=False)

    def to_cloudformation(self, **options: Unpack[TableOptions]) -> dict[str, Any]:
        """The table as a CloudFormation resource (for SAM, or CDK's ``CfnInclude``): an ``AWS::DynamoDB::Table``. Sends nothing.

        Its ``TableName`` includes the client's ``table_prefix``.

        Args:
            **options: What the table should be, see ``TableOptions``.

        Raises:
            ConfigurationError: The model has no table, or an option is invalid.

        Example:
            >>> User.table.to_cloudformation()
            {'Type': 'AWS::DynamoDB::Table', 'Properties': {'TableName': 'users', ...}}
        """
        declared = self._declared(options)
        name = self._sent_name(declared.name)
        # CloudFormation creates a table by its name; an ARN is of one that exists.
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
        """Its name, without ``table_prefix``."""
        model = self._models[0]
        name: str | None = model.model_config.table
        if name is None:
            raise ConfigurationError(
                f'{model.__name__} has no table: declare class {model.__name__}(Model[...], table="...")', model=model.__name__
            )
        return name

    def _sent_name(self, name: str) -> str:
        return _core.table_named(self._client().core, name)

    def identity(self) -> tuple[int, str]:
        """What distinguishes it from other tables: its client, and its name including ``table_prefix``."""
        return id(self._client()), self._sent_name(self._name())

    def _declared(self, options: Mapping[str, Any]) -> Declared:
        from ._plan import Declared

        self._name()
        models = dict.fromkeys(each for model in self._models for each in family(model))
        return Declared(tuple(models), options)

    def _administration(self, wait_timeout: float | None, progress: TableReport | None = None) -> Administration:
        from ._administration import Administration

        return Administration(self._client().core, self._name(), wait_timeout, progress)
