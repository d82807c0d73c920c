"""The calls of a client on single items and queries without a model: plain dictionaries in, plain dictionaries out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import pydynox._core as _core
from pydynox._shared.rejected import Rejected, check_on_condition, settled
from pydynox._shared.timeout import NOT_GIVEN, limited

from .connection import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from pydynox._shared.typing import WriteOptions
    from pydynox.expressions import Action, Condition
    from pydynox.query import Query


class ItemCalls(Connection):
    """Calls that name a table and take or return plain dictionaries."""

    __slots__ = ()

    async def get_item(
        self,
        table: str,
        key: Mapping[str, Any],
        /,
        *,
        consistent_read: bool | None = None,
        projection: Sequence[str | Sequence[str | int]] = (),
        timeout: float | None = NOT_GIVEN,
    ) -> dict[str, Any] | None:
        """Read one item as a plain dictionary; numbers are ``int`` or ``Decimal``. Sends GetItem.

        Args:
            table: The table name, without ``table_prefix``.
            key: The key attributes and their values.
            consistent_read: Use a strongly consistent read. Defaults to the surrounding ``options()``, then to False.
            projection: Attributes or paths to read, such as ``"address.city"``, in the forms that ``attr()`` accepts; empty for
                the whole item.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            The item, or None if it does not exist.

        Raises:
            ValidationError: The key is invalid; nothing was sent.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await client.get_item("users", {"user_id": "u1"})
            {'user_id': 'u1', 'name': 'Ada'}

        Costs: half a read unit per 4 KB of the whole item, one if strongly consistent; a missing item costs the minimum.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                self, timeout, ItemCalls.get_item(self, table, key, consistent_read=consistent_read, projection=projection)
            )
        item: dict[str, Any] | None = await self.core.get_item(table, key, consistent_read, projection)
        return item

    @overload
    async def put_item(
        self, table: str, item: Mapping[str, Any], /, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> None: ...
    @overload
    async def put_item(
        self, table: str, item: Mapping[str, Any], /, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[dict[str, Any]]: ...
    async def put_item(
        self,
        table: str,
        item: Mapping[str, Any],
        /,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[dict[str, Any]] | None:
        """Write one item from a plain dictionary, replacing any item with the same key. Sends PutItem.

        Args:
            table: The table name, without ``table_prefix``.
            item: Attribute names and values; None is stored as NULL.
            condition: Write only if this holds for the stored item, such as ``attr("user_id").not_exists()``.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            With ``on_condition="return"``: True if the item was written, else a ``Rejected``.

        Raises:
            ConditionFailedError: The condition was false; ``error.item`` is the stored item.
            WriteOutcomeUnknownError: No response arrived, and a conditional write is not retried.
            ValidationError: A value cannot be stored; nothing was sent.
            ItemTooLargeError: The item exceeds 400 KB.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await client.put_item("users", {"user_id": "u1", "name": "Ada"})

        Costs: one write unit per KB of the old or the new item, whichever is larger.
        """
        outcome: Literal[True] | Rejected[dict[str, Any]] | None
        if timeout is not NOT_GIVEN:
            call = ItemCalls.put_item(self, table, item, condition=condition, on_condition=on_condition)
            outcome = await limited(self, timeout, call)
            return outcome
        if on_condition != "raise":
            check_on_condition(on_condition)
        write = self.core.put_item(table, item, condition)
        outcome = await (write if on_condition == "raise" else settled(write, plain=True))
        return outcome

    @overload
    async def update_item(
        self,
        table: str,
        key: Mapping[str, Any],
        /,
        *actions: Action,
        on_condition: Literal["raise"] = ...,
        **options: Unpack[WriteOptions],
    ) -> dict[str, Any]: ...
    @overload
    async def update_item(
        self,
        table: str,
        key: Mapping[str, Any],
        /,
        *actions: Action,
        on_condition: Literal["return"],
        **options: Unpack[WriteOptions],
    ) -> dict[str, Any] | Rejected[dict[str, Any]]: ...
    async def update_item(
        self,
        table: str,
        key: Mapping[str, Any],
        /,
        *actions: Action,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> dict[str, Any] | Rejected[dict[str, Any]]:
        """Update one item, creating it if it does not exist, and return it as it is after the update. Sends UpdateItem.

        Args:
            table: The table name, without ``table_prefix``.
            key: The key attributes and their values.
            *actions: The changes, such as ``attr("hits").add(1)``.
            condition: Update only if this holds for the stored item, such as ``attr("user_id").exists()``.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            The item after the update; ``{}`` if it did not exist and every action removes something, because DynamoDB then
            creates no item. With ``on_condition="return"`` also a ``Rejected``: tell them apart by ``isinstance``.

        Raises:
            ConditionFailedError: The condition was false, or the parent of a nested path does not exist; ``error.item`` is the
                stored item.
            ValidationError: The key is invalid, there is no action, two actions change the same path, or one changes the key.
            WriteOutcomeUnknownError: No response arrived, and the update is not retried, because it has a condition or applying
                it twice would change the result.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await client.update_item("users", {"user_id": "u1"}, attr("address.city").set("Oslo"), attr("hits").add(1))
            {'user_id': 'u1', 'address': {'city': 'Oslo'}, 'hits': 1}

        Costs: one write unit per KB of the whole item before or after the update, whichever is larger, even if the condition
            fails.
        """
        outcome: dict[str, Any] | Rejected[dict[str, Any]]
        if timeout is not NOT_GIVEN:
            call = ItemCalls.update_item(self, table, key, *actions, condition=condition, on_condition=on_condition)
            outcome = await limited(self, timeout, call)
            return outcome
        if on_condition != "raise":
            check_on_condition(on_condition)
        write = self.core.update_item(table, key, actions, condition)
        outcome = await (write if on_condition == "raise" else settled(write, plain=True))
        return outcome

    @overload
    async def delete_item(
        self, table: str, key: Mapping[str, Any], /, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> None: ...
    @overload
    async def delete_item(
        self, table: str, key: Mapping[str, Any], /, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[dict[str, Any]]: ...
    async def delete_item(
        self,
        table: str,
        key: Mapping[str, Any],
        /,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[dict[str, Any]] | None:
        """Delete one item; deleting an item that does not exist succeeds. Sends DeleteItem.

        Args:
            table: The table name, without ``table_prefix``.
            key: The key attributes and their values.
            condition: Delete only if this holds for the stored item.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            With ``on_condition="return"``: True if there is no such item now, else a ``Rejected``.

        Raises:
            ConditionFailedError: The condition was false; ``error.item`` is the stored item, None if it does not exist.
            ValidationError: The key is invalid; nothing was sent.
            WriteOutcomeUnknownError: No response arrived, and a conditional delete is not retried.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await client.delete_item("users", {"user_id": "u1"})

        Costs: one write unit per KB of the deleted item; one if it does not exist.
        """
        outcome: Literal[True] | Rejected[dict[str, Any]] | None
        if timeout is not NOT_GIVEN:
            call = ItemCalls.delete_item(self, table, key, condition=condition, on_condition=on_condition)
            outcome = await limited(self, timeout, call)
            return outcome
        if on_condition != "raise":
            check_on_condition(on_condition)
        write = self.core.delete_item(table, key, condition)
        outcome = await (write if on_condition == "raise" else settled(write, plain=True))
        return outcome

    def query(
        self, table: str, partition: Mapping[str, Any] | Condition, sort: Condition | None = None, /, *, index: str | None = None
    ) -> Query[dict[str, Any]]:
        """A query for the items of one partition as plain dictionaries, in sort key order. Sends Query when it is read.

        Args:
            table: The table name, without ``table_prefix``.
            partition: The partition key, as ``{"customer_id": "c1"}`` or ``attr("customer_id") == "c1"``.
            sort: A condition on the sort key.
            index: The name of the index to read.

        Raises:
            ValidationError: DynamoDB does not allow such a condition on a key.

        Example:
            >>> await client.query("orders", {"customer_id": "c1"}, attr("number") > 3).all()

        Costs: half a read unit per 4 KB read; one if strongly consistent.
        """
        from pydynox.query import Query

        return Query(_core.Search.plain_query(table, index, partition, sort), None, self)

    def scan(
        self, table: str, /, *, index: str | None = None, segments: int = 1, segment: int | None = None
    ) -> Query[dict[str, Any]]:
        """A scan of every item of a table as plain dictionaries, in no particular order. Sends Scan when it is read.

        Args:
            table: The table name, without ``table_prefix``.
            index: The name of the index to read.
            segments: The number of segments to read in parallel.
            segment: Read only this segment, zero-based.

        Raises:
            ValidationError: A number is out of range.

        Example:
            >>> async for item in client.scan("orders").filter(attr("total") > 100):
            ...     print(item)

        Costs: half a read unit per 4 KB of the whole table; one if strongly consistent.
        """
        from pydynox.query import Query

        return Query(_core.Search.plain_scan(table, index, segments, segment), None, self)
