"""The calls of a client on many items: batches and transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import pydynox._core as _core
from pydynox._shared.timeout import NOT_GIVEN, limited, seconds

from .connection import Connection
from .gather import addresses, gather

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
    from typing import Unpack

    from pydynox._core import Instance
    from pydynox._shared.typing import R1, R2, R3, R4, ReadOptions, Timeout
    from pydynox.batches.writer import BatchWriter
    from pydynox.cost import Progress
    from pydynox.key import Key
    from pydynox.transaction import Transaction


async def _written(
    writer: BatchWriter,
    source: Any,
    one: Callable[[Any], Awaitable[None]],
    many: Callable[[Iterable[Any]], Awaitable[None]],
) -> int:
    """Give a writer all of a source, which may be asynchronous, and return how many writes were performed."""
    async with writer:
        if hasattr(source, "__aiter__"):
            async for value in source:
                await one(value)
        else:
            await many(source)
    return writer.written


class BatchCalls(Connection):
    """Calls that read or write many items, of one model or of several."""

    __slots__ = ()

    @overload
    async def batch_get(self, key: Key[R1], /, **options: Unpack[ReadOptions]) -> tuple[R1 | None]: ...
    @overload
    async def batch_get(self, key1: Key[R1], key2: Key[R2], /, **options: Unpack[ReadOptions]) -> tuple[R1 | None, R2 | None]: ...
    @overload
    async def batch_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], /, **options: Unpack[ReadOptions]
    ) -> tuple[R1 | None, R2 | None, R3 | None]: ...
    @overload
    async def batch_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], key4: Key[R4], /, **options: Unpack[ReadOptions]
    ) -> tuple[R1 | None, R2 | None, R3 | None, R4 | None]: ...
    @overload
    async def batch_get(self, *keys: Key[R1], **options: Unpack[ReadOptions]) -> tuple[R1 | None, ...]: ...
    async def batch_get(
        self, *keys: Any, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN
    ) -> tuple[Any, ...]:
        """Read many items, of one model or of several. Sends BatchGetItem, up to 100 keys each, several requests in parallel.

        Args:
            *keys: The keys, any number; equal keys are requested once.
            consistent_read: Use strongly consistent reads. Defaults to the surrounding ``options()``, then to each model's
                setting.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            The items in the order of the keys, None for each that does not exist.

        Raises:
            BatchIncompleteError: DynamoDB did not process some keys before the timeout: ``unprocessed`` lists them, ``items`` has
                the rest.
            ValidationError: There is no key.
            SerializationError: A stored value does not fit its model.
            TableNotFoundError: A table does not exist.

        Example:
            >>> user, order = await client.batch_get(User.key("u1"), Order.key("c1", 7))

        Costs: half a read unit per 4 KB of each item; one if strongly consistent.
        """
        read = gather(self, "batch_get", keys, consistent_read)
        return tuple(await (read if timeout is NOT_GIVEN else limited(self, timeout, read)))

    async def batch_get_all(
        self, keys: Iterable[Key[R1]], /, *, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN
    ) -> list[R1 | None]:
        """Read the items of an iterable of keys, all of one model. Sends BatchGetItem as ``batch_get`` does; nothing if empty.

        Args:
            keys: The keys, any number; equal keys are requested once.
            consistent_read: Use strongly consistent reads. Defaults to the surrounding ``options()``, then to the model's
                setting.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            The items in the order of the keys, None for each that does not exist.

        Raises:
            BatchIncompleteError: DynamoDB did not process some keys before the timeout: ``unprocessed`` lists them, ``items`` has
                the rest.
            SerializationError: A stored value does not fit its model.
            TableNotFoundError: The table does not exist.

        Example:
            >>> users = await client.batch_get_all([User.key(name) for name in names])

        Costs: half a read unit per 4 KB of each item; one if strongly consistent.
        """
        every = tuple(keys)
        if not every:
            if timeout is not NOT_GIVEN:
                # Nothing is sent, but a wrong timeout is an error for any number of keys.
                seconds(timeout)
            return []
        read = gather(self, "batch_get_all", every, consistent_read)
        return await (read if timeout is NOT_GIVEN else limited(self, timeout, read))

    def batch_writer(
        self,
        *,
        unguarded: bool = False,
        transactions: bool = False,
        progress: Callable[[Progress], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> BatchWriter:
        """A writer of many independent puts and deletes: sent while the block runs, the rest when it ends. Sends BatchWriteItem.

        If the block raises, nothing more is sent, and the last ``__context__`` of the exception is a BatchIncompleteError that
        lists what was written and what was not sent.

        Args:
            unguarded: Write items of models with a version or unique values without checking these.
            transactions: Instead, write each such item on its own, as ``create()``, ``put()`` and ``delete()`` do; with unique
                values that is a transaction, at twice the cost.
            progress: Called after each part with a ``Progress``: the number of items written, and more.
            timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Raises:
            BatchIncompleteError: Some items could not be written; it lists them.

        Example:
            >>> async with client.batch_writer() as batch:
            ...     await batch.put(user)
            ...     await batch.delete(Order.key("c1", 7))

        Costs: the same as the individual puts and deletes; a batch saves requests, not units.
        """
        from pydynox.batches.writer import BatchWriter

        if timeout is not NOT_GIVEN:
            timeout = seconds(timeout)
        return BatchWriter(self, unguarded=unguarded, transactions=transactions, progress=progress, timeout=timeout)

    async def batch_save(
        self,
        instances: Iterable[Instance] | AsyncIterable[Instance],
        /,
        *,
        unguarded: bool = False,
        transactions: bool = False,
        progress: Callable[[Progress], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> int:
        """Write many whole items, replacing any with the same keys. Sends BatchWriteItem.

        Args:
            instances: Instances of models, from an iterable or an asynchronous iterable, consumed as they are sent.
            unguarded: Write items of models with a version or unique values without checking these.
            transactions: Instead, write each such item on its own, as ``create()`` and ``put()`` do; with unique values that is a
                transaction, at twice the cost.
            progress: Called after each part with a ``Progress``: the number of items written, and more.
            timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            The number of items written.

        Raises:
            BatchIncompleteError: Some items could not be written; it lists them.
            ValidationError: A value cannot be stored. ``error.position`` and ``error.key`` identify the item; its ``__context__``
                is a ``BatchIncompleteError`` that lists what was written and what was not.
            ItemTooLargeError: An item exceeds 400 KB; reported in the same way.
            ConfigurationError: A model has a version or unique values, and neither ``unguarded`` nor ``transactions`` is set.

        Example:
            >>> await client.batch_save(users)

        Costs: one write unit per KB of each old or new item, whichever is larger.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                self,
                timeout,
                BatchCalls.batch_save(self, instances, unguarded=unguarded, transactions=transactions, progress=progress),
            )
        writer = _writer(self, instances, unguarded=unguarded, transactions=transactions, progress=progress)
        return await _written(writer, instances, writer.put, writer.put_all)

    async def batch_delete(
        self,
        targets: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        unguarded: bool = False,
        transactions: bool = False,
        progress: Callable[[Progress], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> int:
        """Delete many items; deleting an item that does not exist succeeds. Sends BatchWriteItem.

        Args:
            targets: Keys or instances of models, from an iterable or an asynchronous iterable.
            unguarded: For models with a version or unique values, and keys of models with an entity, delete whatever item has the
                key without checking it.
            transactions: Instead, delete each item of such models on its own, as ``delete()`` does.
            progress: Called after each part with a ``Progress``: the number of items deleted, and more.
            timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            The number of deletes performed.

        Raises:
            BatchIncompleteError: Some items could not be deleted; it lists them.
            ConfigurationError: A model has a version or unique values, or the model of a key has an entity, and neither
                ``unguarded`` nor ``transactions`` is set.

        Example:
            >>> await client.batch_delete(User.key(name) for name in names)

        Costs: one write unit per KB of each deleted item; one for each that does not exist.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                self,
                timeout,
                BatchCalls.batch_delete(self, targets, unguarded=unguarded, transactions=transactions, progress=progress),
            )
        writer = _writer(self, targets, unguarded=unguarded, transactions=transactions, progress=progress)
        return await _written(writer, targets, writer.delete, writer.delete_all)

    def transaction(
        self,
        *,
        token: str | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Transaction:
        """Several writes that are applied all or none, sent when the block ends. Sends TransactWriteItems.

        Args:
            token: The client request token, 1 to 36 characters: within ten minutes DynamoDB applies the same block with the same
                token only once, even if it is sent again.
            on_condition: ``"return"`` ends the block without an error if nothing was written because conditions were false, and
                only because of that: ``tx.rejected`` then has a ``Rejected`` for each of these operations.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Raises:
            TransactionCanceledError: Nothing was written: ``failures`` has the error of each operation that caused it.
            TransactionTokenReusedError: The token was used with different operations.
            WriteOutcomeUnknownError: No response arrived, nor did one to the retries.
            ValidationError: A value cannot be stored, there are too many operations, or two concern the same item; the message
                starts with the position of the operation.

        Example:
            >>> async with client.transaction() as tx:
            ...     tx.create(order)
            ...     tx.update(Account.key("a1"), Account.balance.add(-5), condition=Account.balance >= 5)

        Costs: two write units per KB of each item, including those only checked, even if the transaction is canceled.
        """
        if token is not None:
            _core.check_token(token)
        if timeout is not NOT_GIVEN:
            timeout = seconds(timeout)
        from pydynox.transaction import Transaction

        return Transaction(self, token, timeout, on_condition)

    @overload
    async def transact_get(self, key: Key[R1], /, **options: Unpack[Timeout]) -> tuple[R1 | None]: ...
    @overload
    async def transact_get(self, key1: Key[R1], key2: Key[R2], /, **options: Unpack[Timeout]) -> tuple[R1 | None, R2 | None]: ...
    @overload
    async def transact_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], /, **options: Unpack[Timeout]
    ) -> tuple[R1 | None, R2 | None, R3 | None]: ...
    @overload
    async def transact_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], key4: Key[R4], /, **options: Unpack[Timeout]
    ) -> tuple[R1 | None, R2 | None, R3 | None, R4 | None]: ...
    @overload
    async def transact_get(self, *keys: Key[R1], **options: Unpack[Timeout]) -> tuple[R1 | None, ...]: ...
    async def transact_get(self, *keys: Any, timeout: float | None = NOT_GIVEN) -> tuple[Any, ...]:
        """Read several items as of one moment. Sends TransactGetItems.

        Args:
            *keys: The keys, of one model or of several; at most 100.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            The items in the order of the keys, None for each that does not exist.

        Raises:
            TransactionCanceledError: Writes to these items were in progress, and the retries failed too.
            ValidationError: There is no key, or there are more than 100.
            SerializationError: A stored value does not fit its model.

        Example:
            >>> account, cart = await client.transact_get(Account.key("a1"), Cart.key("u1"))

        Costs: two read units per 4 KB of each item.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self, timeout, BatchCalls.transact_get(self, *keys))
        items = await self.core.transact_get(addresses("transact_get", keys))
        for place, item in enumerate(items):
            if item is not None and item._hooks is not None:
                items[place] = await item._hooks.loaded(item)
        return tuple(items)


def _writer(
    client: Connection, items: object, *, unguarded: bool, transactions: bool, progress: Callable[[Progress], object] | None
) -> BatchWriter:
    from pydynox.batches.writer import BatchWriter

    total = None
    if progress is not None:
        from pydynox.cost import size_of

        total = size_of(items)
    return BatchWriter(client, unguarded=unguarded, transactions=transactions, progress=progress, total=total)
