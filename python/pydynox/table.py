"""Table: the table of a model, made and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from ._typing import Row_co
from .client import client_for

if TYPE_CHECKING:
    from .sync import SyncTable


class Table(Generic[Row_co]):
    """The table of a model: ``User.table``.

    Example:
        >>> await User.table.create()
    """

    __slots__ = ("__weakref__", "_model")

    def __init__(self, model: type[Any]) -> None:
        self._model: type[Any] = model

    async def create(self, *, wait: bool = True) -> None:
        """Make the table with the keys that the model declares, billed by request. Sends CreateTable, then DescribeTable.

        Args:
            wait: Return only when the table can be used.

        Raises:
            ConfigurationError: The model names no table.
            RequestError: The table is there already (``code`` is ``"ResourceInUseException"``).

        Example:
            >>> await User.table.create()

        Costs: nothing.
        """
        model = self._model
        operation = client_for(model.model_config.client)._core.create_table(model._schema, wait)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        operation.result()

    async def exists(self) -> bool:
        """Whether there is such a table. Sends DescribeTable.

        Example:
            >>> await User.table.exists()
            True

        Costs: nothing.
        """
        model = self._model
        operation = client_for(model.model_config.client)._core.table_exists(model._schema)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        there: bool = operation.result()
        return there

    async def delete(self, *, wait: bool = True) -> None:
        """Delete the table and all of its items. Sends DeleteTable, then DescribeTable.

        Args:
            wait: Return only when the table is gone.

        Raises:
            TableNotFoundError: There is no such table.

        Example:
            >>> await User.table.delete()

        Costs: nothing.
        """
        model = self._model
        operation = client_for(model.model_config.client)._core.delete_table(model._schema, wait)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        operation.result()

    async def describe(self) -> dict[str, Any]:
        """What the service says about the table. Sends DescribeTable.

        Returns:
            The ``Table`` member of the answer, in wire form.

        Raises:
            TableNotFoundError: There is no such table.

        Example:
            >>> (await User.table.describe())["TableStatus"]
            'ACTIVE'

        Costs: nothing.
        """
        model = self._model
        operation = client_for(model.model_config.client)._core.describe_table(model._schema)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        described: dict[str, Any] = operation.result()
        return described

    @property
    def sync(self) -> SyncTable[Row_co]:
        """The blocking form of this table."""
        from .sync import SyncTable

        return SyncTable(self)

    def __repr__(self) -> str:
        return f"<table {self._model.model_config.table!r} of {self._model.__name__}>"
