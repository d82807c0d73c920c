"""DynamoDBClient: where items are and how they are reached."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from . import _core
from ._shared.hints import check_settings, refused_blocking
from ._shared.timeout import NOT_GIVEN, is_positive, limited, seconds
from .credentials import wire
from .default_client import in_force, made_from_environment
from .exceptions import BatchIncompleteError, ConfigurationError, InvalidResponseError, PydynoxError, ValidationError
from .keyrings import known

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Generator, Iterable, Mapping, Sequence
    from os import PathLike

    from ._core import Instance
    from ._shared.typing import R1, R2, R3, R4, Row
    from .batches.results import QueryResult
    from .batches.writer import BatchWriter
    from .cost import RateLimit, Usage
    from .credentials import AssumeRole, Credentials, CredentialsProvider
    from .exceptions import SerializationError
    from .expressions import Action, Condition
    from .key import Key
    from .keyrings import DataKeyCache, Keyring
    from .partiql import Statement
    from .query import Query
    from .sync import SyncClient
    from .transaction import Transaction


class DynamoDBClient:
    """A connection to DynamoDB, or to the engine inside pydynox.

    Making one does no I/O: region, credentials and endpoint are looked for at the first call. It can be used from any event
    loop, one after another, from threads, and after a fork.

    Args:
        region: The AWS region; else ``AWS_REGION``, ``AWS_DEFAULT_REGION``, the profile, the instance.
        endpoint_url: Where requests go; else ``AWS_ENDPOINT_URL_DYNAMODB``, ``AWS_ENDPOINT_URL``, the profile, the region's own
            endpoint. ``memory://`` is an engine in this process, private to the client; ``memory://name`` is shared in the
            process; ``file:///path`` is kept on disk.
        profile: A profile of the shared configuration files; its keys then come before those of the environment.
        credentials: Explicit keys, or a function or coroutine function that returns them and is called again before they expire;
            else the environment, the profile, SSO, a process, web identity, the container, the instance.
        assume_role: A role to assume with those credentials.
        table_prefix: Stands before the name of every table.
        timeout: Seconds that a call may take, attempts and waiting included; None for no limit.
        read_timeout: Seconds without a byte of an answer after which an attempt ends.
        connect_timeout: Seconds until a connection must be ready, TLS included.
        max_attempts: How often a request is sent at most.
        max_connections: How many connections are open at the same time; more calls wait for their turn.
        cursor_keys: Keys of 32 random bytes that encrypt and authenticate the cursors of pages: the first one seals, all of them
            open. Without any, cursors are bound to their query and checksummed, and anybody can read them.
        rate_limit: How fast calls may use capacity, such as ``RateLimit(wcu=500)``; None as fast as they come.
        ca_bundle: A PEM file of certificates to trust in place of the bundled ones; else ``AWS_CA_BUNDLE``, ``SSL_CERT_FILE``.
        retry_unsafe_writes: Send a write again although an earlier attempt may have been applied, and applying it twice differs
            from applying it once.
        max_decompressed: How many bytes an item with protected values may have once they are unpacked, and all items together of
            an answer that is taken as a whole (``transact_get``, PartiQL). Rows of queries, scans and batches are unpacked as
            they are taken, never more than this at once.
        errors: What messages may show: ``"full"`` shows values, ``"keys"`` keys only, ``"none"`` neither.
        size_warning: The share of 400 KB above which an item that is written gives an ``ItemSizeWarning``; None for no warnings.
        keyring: What encrypted attributes are encrypted with: a ``LocalKeyring`` or a ``KmsKeyring``.
        data_key_cache: How long and for how much the data keys of the keyring are kept; None as ``DataKeyCache()`` says.

    Raises:
        ConfigurationError: A parameter is wrong.

    Example:
        >>> async with DynamoDBClient(endpoint_url="memory://") as client:
        ...     with client.as_default():
        ...         await User.table.create()
    """

    __slots__ = ("__weakref__", "_core", "_errors", "_keyring", "_shown")

    def __init__(
        self,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        profile: str | None = None,
        credentials: Credentials | CredentialsProvider | None = None,
        assume_role: AssumeRole | None = None,
        table_prefix: str = "",
        timeout: float | None = 30.0,
        read_timeout: float = 10.0,
        connect_timeout: float = 3.1,
        max_attempts: int = 4,
        max_connections: int = 64,
        cursor_keys: Sequence[bytes] = (),
        rate_limit: RateLimit | None = None,
        ca_bundle: str | PathLike[str] | None = None,
        retry_unsafe_writes: bool = False,
        max_decompressed: int = 64 * 1024 * 1024,
        errors: Literal["full", "keys", "none"] = "keys",
        size_warning: float | None = 0.9,
        keyring: Keyring | None = None,
        data_key_cache: DataKeyCache | None = None,
    ) -> None:
        self._core = _core.Client(
            region=region,
            endpoint_url=endpoint_url,
            profile=profile,
            credentials=wire(credentials),
            assume_role=None if assume_role is None else assume_role._wire,
            table_prefix=table_prefix,
            timeout=timeout,
            read_timeout=read_timeout,
            connect_timeout=connect_timeout,
            max_attempts=max_attempts,
            max_connections=max_connections,
            cursor_keys=[bytes(key) for key in cursor_keys],
            rate_limit=None if rate_limit is None else rate_limit._wire,
            ca_bundle=ca_bundle,
            retry_unsafe_writes=retry_unsafe_writes,
            max_decompressed=max_decompressed,
            errors=errors,
            size_warning=size_warning,
            keyring=known(keyring),
            data_key_cache=None if data_key_cache is None else data_key_cache._wire,
        )
        self._errors = errors
        self._keyring = keyring
        self._shown = endpoint_url or region or ""

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
        """Read one item as a plain dict; numbers are ``int`` or ``Decimal``. Sends GetItem.

        Args:
            table: The table's name, without ``table_prefix``.
            key: The key attributes and their values.
            consistent_read: Whether every write that has ended before must be seen; when not given, as the ``options()`` around
                it says, or not.
            projection: Attributes or paths such as ``"address.city"`` to read, as ``attr()`` takes them; all when empty.
            timeout: Seconds that this call may take, as an ``options(timeout=...)`` around it says it; None for no limit.

        Returns:
            The item, or None where there is none.

        Raises:
            ValidationError: The key cannot be sent.
            TableNotFoundError: There is no such table.

        Example:
            >>> await client.get_item("users", {"user_id": "u1"})
            {'user_id': 'u1', 'name': 'Ada'}

        Costs: half a read unit per 4 KB of the whole item, a whole one when consistent; a missing item costs the least of it.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                self, timeout, DynamoDBClient.get_item(self, table, key, consistent_read=consistent_read, projection=projection)
            )
        operation = self._core.get_item(table, key, consistent_read, projection)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        item: dict[str, Any] | None = operation.result()
        return item

    async def put_item(
        self, table: str, item: Mapping[str, Any], /, *, condition: Condition | None = None, timeout: float | None = NOT_GIVEN
    ) -> None:
        """Write one item from a plain dict, replacing any item of the same key. Sends PutItem.

        Args:
            table: The table's name, without ``table_prefix``.
            item: Attribute names and values; None is stored as NULL.
            condition: Write only if this holds for what is there, such as ``attr("user_id").not_exists()``.
            timeout: Seconds that this call may take, as an ``options(timeout=...)`` around it says it; None for no limit.

        Raises:
            ConditionFailedError: The condition was false; ``error.item`` is the stored item.
            WriteOutcomeUnknownError: No answer came, and with a condition the write is not sent again.
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item is over 400 KB.
            TableNotFoundError: There is no such table.

        Example:
            >>> await client.put_item("users", {"user_id": "u1", "name": "Ada"})

        Costs: one write unit per KB of the larger of the old and the new item.
        """
        if timeout is not NOT_GIVEN:
            await limited(self, timeout, DynamoDBClient.put_item(self, table, item, condition=condition))
            return
        operation = self._core.put_item(table, item, condition)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        operation.result()

    async def update_item(
        self,
        table: str,
        key: Mapping[str, Any],
        /,
        *actions: Action,
        condition: Condition | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> dict[str, Any]:
        """Change one item, or make it where there is none, and give it back as it is then. Sends UpdateItem.

        Args:
            table: The table's name, without ``table_prefix``.
            key: The key attributes and their values.
            *actions: What to do, such as ``attr("hits").add(1)``.
            condition: Write only if this holds for what is there, such as ``attr("user_id").exists()``.
            timeout: Seconds that this call may take, as an ``options(timeout=...)`` around it says it; None for no limit.

        Returns:
            The item after the update; ``{}`` where none was there and the actions only take away: DynamoDB makes no item of them.

        Raises:
            ConditionFailedError: The condition was false, or a nested action found nothing to change inside of; ``error.item`` is
                the stored item.
            ValidationError: The key cannot be sent, there is no action, two change the same place, or one changes the key.
            WriteOutcomeUnknownError: No answer came, and applying the actions twice would differ from applying them once, or
                there is a condition.
            TableNotFoundError: There is no such table.

        Example:
            >>> await client.update_item("users", {"user_id": "u1"}, attr("address.city").set("Oslo"), attr("hits").add(1))
            {'user_id': 'u1', 'address': {'city': 'Oslo'}, 'hits': 1}

        Costs: one write unit per KB of the whole item, before or after, whichever is larger; a refused one is billed too.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self, timeout, DynamoDBClient.update_item(self, table, key, *actions, condition=condition))
        operation = self._core.update_item(table, key, actions, condition)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        item: dict[str, Any] = operation.result()
        return item

    async def delete_item(
        self, table: str, key: Mapping[str, Any], /, *, condition: Condition | None = None, timeout: float | None = NOT_GIVEN
    ) -> None:
        """Delete one item; one that is not there is no error. Sends DeleteItem.

        Args:
            table: The table's name, without ``table_prefix``.
            key: The key attributes and their values.
            condition: Delete only if this holds for the stored item.
            timeout: Seconds that this call may take, as an ``options(timeout=...)`` around it says it; None for no limit.

        Raises:
            ConditionFailedError: The condition was false; ``error.item`` is the stored item, None where there is none.
            ValidationError: The key cannot be sent.
            WriteOutcomeUnknownError: No answer came, and with a condition the delete is not sent again.
            TableNotFoundError: There is no such table.

        Example:
            >>> await client.delete_item("users", {"user_id": "u1"})

        Costs: one write unit per KB of the deleted item, one where there is none.
        """
        if timeout is not NOT_GIVEN:
            await limited(self, timeout, DynamoDBClient.delete_item(self, table, key, condition=condition))
            return
        operation = self._core.delete_item(table, key, condition)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        operation.result()

    def transaction(self, *, token: str | None = None, timeout: float | None = NOT_GIVEN) -> Transaction:
        """Several writes that are applied together or not at all; sent when the block ends. Sends TransactWriteItems.

        Args:
            token: By which DynamoDB knows the transaction again for ten minutes, 1 to 36 characters: the same block with the same
                token is applied once, however often it runs.
            timeout: Seconds that this call may take, as an ``options(timeout=...)`` around it says it; None for no limit.

        Raises:
            TransactionCanceledError: Nothing was written: ``failures`` has the error of each operation that stood in the way.
            TransactionTokenReusedError: The token was used with other operations.
            WriteOutcomeUnknownError: No answer came, and trying again brought none.
            ValidationError: A value cannot be stored, there are too many operations, or two are on one item; its text begins with
                the place of the operation.

        Example:
            >>> async with client.transaction() as tx:
            ...     tx.create(order)
            ...     tx.update(Account.key("a1"), Account.balance.add(-5), condition=Account.balance >= 5)

        Costs: two write units per KB of each item, also of one that is only checked, and also where it is cancelled.
        """
        if token is not None:
            _core.check_token(token)
        if timeout is not NOT_GIVEN:
            timeout = seconds(timeout)
        from .transaction import Transaction

        return Transaction(self, token, timeout)

    @overload
    async def batch_get(
        self, key: Key[R1], /, *, consistent_read: bool | None = None, timeout: float | None = ...
    ) -> tuple[R1 | None]: ...
    @overload
    async def batch_get(
        self, key1: Key[R1], key2: Key[R2], /, *, consistent_read: bool | None = None, timeout: float | None = ...
    ) -> tuple[R1 | None, R2 | None]: ...
    @overload
    async def batch_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], /, *, consistent_read: bool | None = None, timeout: float | None = ...
    ) -> tuple[R1 | None, R2 | None, R3 | None]: ...
    @overload
    async def batch_get(
        self,
        key1: Key[R1],
        key2: Key[R2],
        key3: Key[R3],
        key4: Key[R4],
        /,
        *,
        consistent_read: bool | None = None,
        timeout: float | None = ...,
    ) -> tuple[R1 | None, R2 | None, R3 | None, R4 | None]: ...
    @overload
    async def batch_get(
        self, *keys: Key[R1], consistent_read: bool | None = None, timeout: float | None = ...
    ) -> tuple[R1 | None, ...]: ...
    async def batch_get(
        self, *keys: Any, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN
    ) -> tuple[Any, ...]:
        """Read many items, of one model or of several. Sends BatchGetItem, a hundred keys at a time, several side by side.

        Args:
            *keys: The keys, any number; equal ones are asked for once.
            consistent_read: Whether every write that has ended before must be seen; when not given, as the ``options()`` around
                it says, or the models.
            timeout: Seconds that this call may take, as an ``options(timeout=...)`` around it says it; None for no limit.

        Returns:
            The items in the order of the keys, None where there is none.

        Raises:
            BatchIncompleteError: DynamoDB left some keys over until the time-out: ``unprocessed`` has them, ``items`` the rest.
            ValidationError: There is no key.
            SerializationError: A stored value does not fit its model.
            TableNotFoundError: There is no such table.

        Example:
            >>> user, order = await client.batch_get(User.key("u1"), Order.key("c1", 7))

        Costs: half a read unit per 4 KB of each item, a whole one when consistent.
        """
        found = self._gathered("batch_get", keys, consistent_read)
        return tuple(await (found if timeout is NOT_GIVEN else limited(self, timeout, found)))

    async def batch_get_all(
        self, keys: Iterable[Key[R1]], /, *, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN
    ) -> list[R1 | None]:
        """Read the items of many keys of one model. As ``batch_get``, of an iterable; none is no error.

        Args:
            keys: The keys, any number; equal ones are asked for once.
            consistent_read: Whether every write that has ended before must be seen; when not given, as the ``options()`` around
                it says, or the model.
            timeout: Seconds that this call may take, as an ``options(timeout=...)`` around it says it; None for no limit.

        Returns:
            The items in the order of the keys, None where there is none.

        Raises:
            BatchIncompleteError: DynamoDB left some keys over until the time-out: ``unprocessed`` has them, ``items`` the rest.
            SerializationError: A stored value does not fit its model.
            TableNotFoundError: There is no such table.

        Example:
            >>> users = await client.batch_get_all([User.key(name) for name in names])

        Costs: half a read unit per 4 KB of each item, a whole one when consistent.
        """
        every = tuple(keys)
        if not every:
            if timeout is not NOT_GIVEN:
                seconds(timeout)
            return []
        found = self._gathered("batch_get_all", every, consistent_read)
        return await (found if timeout is NOT_GIVEN else limited(self, timeout, found))

    async def _gathered(
        self,
        verb: str,
        keys: tuple[Any, ...],
        consistent_read: bool | None,
        on_invalid: Callable[[SerializationError], object] | None = None,
    ) -> list[Any]:
        operation: _core.Operation | None = self._core.batch_get(_addresses(verb, keys), consistent_read, on_invalid)
        found: list[Any] = []
        left: list[int] = []
        have_hooks = False
        while operation is not None:
            try:
                await operation
            except BaseException:
                operation.abort()
                raise
            # What is unpacked comes part by part, into one list.
            found, left, have_hooks, operation = operation.result()
        if have_hooks:
            for item in found:
                if item is not None and item._hooks is not None:
                    await item._hooks.loaded(item)
        if left:
            message = f"{len(left)} of {len(keys)} keys were left over until the time-out: error.items has what was read"
            raise BatchIncompleteError(message, items=found, unprocessed=[keys[position] for position in left], retryable=True)
        items: list[Any] = found
        return items

    def batch_writer(
        self,
        *,
        unguarded: bool = False,
        transactions: bool = False,
        progress: Callable[[int], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> BatchWriter:
        """Many puts and deletes, each for itself: sent while the block runs, and the rest at its end. Sends BatchWriteItem.

        If the block raises, nothing more is sent, and the last ``__context__`` of the exception is a BatchIncompleteError that
        lists what is written and what was not sent.

        Args:
            unguarded: Write models with a version or unique values without looking at them.
            transactions: Write each item of such models by itself instead, as ``create()``, ``put()`` and ``delete()`` do: with
                unique values that is a transaction, at twice the price.
            progress: Called with the number of items written so far, after each part of them.
            timeout: Seconds that each of its requests may take, as ``options(timeout=...)`` says it; None for no limit.

        Raises:
            BatchIncompleteError: Some could not be written: it lists them.

        Example:
            >>> async with client.batch_writer() as batch:
            ...     await batch.put(user)
            ...     await batch.delete(Order.key("c1", 7))

        Costs: what the puts and deletes cost alone; a batch saves requests, not units.
        """
        from .batches.writer import BatchWriter

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
        progress: Callable[[int], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> int:
        """Write many whole items, replacing whatever is there. Sends BatchWriteItem.

        Args:
            instances: Instances of models, from an iterable or an asynchronous one; they are taken as they are sent.
            unguarded: Write models with a version or unique values without looking at them.
            transactions: Write each item of such models by itself instead, as ``create()``, ``put()`` and ``delete()`` do: with
                unique values that is a transaction, at twice the price.
            progress: Called with the number of items written so far, after each part of them.
            timeout: Seconds that each of its requests may take, as ``options(timeout=...)`` says it; None for no limit.

        Returns:
            How many were written.

        Raises:
            BatchIncompleteError: Some could not be written: it lists them.
            ValidationError: A value cannot be stored. ``error.position`` and ``error.key`` say of which item; its ``__context__``
                is a ``BatchIncompleteError`` of what is written and what is not.
            ItemTooLargeError: An item is over 400 KB; the same.
            ConfigurationError: A model has a version or unique values, and neither ``unguarded`` nor ``transactions`` is set.

        Example:
            >>> await client.batch_save(users)

        Costs: one write unit per KB of each item, of the larger of the old and the new one.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                self,
                timeout,
                DynamoDBClient.batch_save(self, instances, unguarded=unguarded, transactions=transactions, progress=progress),
            )
        writer = self.batch_writer(unguarded=unguarded, transactions=transactions, progress=progress)
        async with writer:
            source: Any = instances
            if hasattr(source, "__aiter__"):
                async for instance in source:
                    await writer.put(instance)
            else:
                await writer._put_all(source)
        return writer.written

    async def bulk_write(
        self,
        instances: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        target_wcu: float | None = None,
        unguarded: bool = False,
        transactions: bool = False,
        resume: str | PathLike[str] | None = None,
        progress: Callable[[int], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> int:
        """Write any number of whole items as fast as their table takes them. Sends BatchWriteItem.

        The rate grows while nothing is refused and falls back when something is, so that the table stays usable, and there is no
        storm of retries. It has as much time as it needs; memory holds some hundred items. Each item replaces whatever has its
        key.

        Args:
            instances: Instances of models, from an iterable or an asynchronous one; they are taken as they are sent.
            target_wcu: The most write units per second; else as many as there are.
            unguarded: Write models with a version or unique values without looking at them.
            transactions: Write each item of such models by itself instead.
            resume: A file that remembers how far it is, and is removed at the end. Where it is there already, as many of the
                instances are left out as were written: give the same ones, in the same order.
            progress: Called after every part with how many are done, those of an interrupted job included.
            timeout: Seconds that each of its requests may take, as ``options(timeout=...)`` says it; None for no limit.

        Returns:
            How many there were.

        Raises:
            ConfigurationError: ``target_wcu`` is no rate, the file is of another job, or a model has a version or unique values
                and neither ``unguarded`` nor ``transactions`` is set.
            BatchIncompleteError: DynamoDB refused an item: it lists what was not written; ``resume`` goes on from there.
            ValidationError: A value cannot be stored.

        Example:
            >>> await client.bulk_write(users(), target_wcu=500, resume="users.bulk")
            100000

        Costs: one write unit per KB of each item, of the larger of the old and the new one.
        """
        from ._jobs.bulk import bulk_write

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
        progress: Callable[[int], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> int:
        """Read any number of rows as fast as their table gives them, and hand them to a function. Sends Query or Scan.

        The rate grows while nothing is refused and falls back when something is, so that the table stays usable. It has as much
        time as it needs; memory holds the rows that were read and not yet handled. What was handled is remembered: after an
        interruption the rows of the last part may be handed over again, and none is left out.

        Args:
            query: What is read, such as ``User.scan(segments=4)``; this client sends it.
            handle: Takes the rows, some at a time, in the order in which they come; a coroutine function is awaited.
            target_rcu: The most read units per second; else as many as there are.
            rows: How many rows it takes at a time; the last are fewer.
            resume: A file that remembers how far it is, and is removed at the end. Where it is there already, reading goes on
                behind what was handled: give the same query.
            progress: Called after every part with how many are handled, those of an interrupted job included.
            timeout: Seconds that each of its requests may take, as ``options(timeout=...)`` says it; None for no limit.

        Returns:
            How many rows there were.

        Raises:
            ConfigurationError: ``target_rcu`` is no rate, or the file is of another job.
            CursorError: The file is of a scan with another number of segments.
            SerializationError: A row does not fit the model; see ``Query.on_invalid``.
            TableNotFoundError: There is no such table.

        Example:
            >>> await client.bulk_read(User.scan(segments=4), export, target_rcu=500, resume="users.read")
            100000

        Costs: half a read unit per 4 KB of what is read, filtered rows included; a whole one when consistent.
        """
        from ._jobs.bulk import bulk_read

        job = bulk_read(self, query, handle, target_rcu=target_rcu, rows=rows, resume=resume, progress=progress)
        return await (job if timeout is NOT_GIVEN else limited(self, timeout, job))

    async def batch_delete(
        self,
        targets: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        unguarded: bool = False,
        transactions: bool = False,
        progress: Callable[[int], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> int:
        """Delete many items; those that are not there are no error. Sends BatchWriteItem.

        Args:
            targets: Keys or instances of models, from an iterable or an asynchronous one.
            unguarded: Delete items of models with a version or unique values, and by keys of models with an entity, without
                looking at them: whatever item has the key is deleted.
            transactions: Delete each item of such models by itself instead, as ``delete()`` does.
            progress: Called with the number of items deleted so far, after each part of them.
            timeout: Seconds that each of its requests may take, as ``options(timeout=...)`` says it; None for no limit.

        Returns:
            How many deletes were done.

        Raises:
            BatchIncompleteError: Some could not be deleted: it lists them.
            ConfigurationError: A model has a version or unique values, or that of a key an entity, and neither ``unguarded`` nor
                ``transactions`` is set.

        Example:
            >>> await client.batch_delete(User.key(name) for name in names)

        Costs: one write unit per KB of each deleted item, one where there is none.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                self,
                timeout,
                DynamoDBClient.batch_delete(self, targets, unguarded=unguarded, transactions=transactions, progress=progress),
            )
        writer = self.batch_writer(unguarded=unguarded, transactions=transactions, progress=progress)
        async with writer:
            source: Any = targets
            if hasattr(source, "__aiter__"):
                async for target in source:
                    await writer.delete(target)
            else:
                await writer._delete_all(source)
        return writer.written

    @overload
    async def transact_get(self, key: Key[R1], /, *, timeout: float | None = ...) -> tuple[R1 | None]: ...
    @overload
    async def transact_get(
        self, key1: Key[R1], key2: Key[R2], /, *, timeout: float | None = ...
    ) -> tuple[R1 | None, R2 | None]: ...
    @overload
    async def transact_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], /, *, timeout: float | None = ...
    ) -> tuple[R1 | None, R2 | None, R3 | None]: ...
    @overload
    async def transact_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], key4: Key[R4], /, *, timeout: float | None = ...
    ) -> tuple[R1 | None, R2 | None, R3 | None, R4 | None]: ...
    @overload
    async def transact_get(self, *keys: Key[R1], timeout: float | None = ...) -> tuple[R1 | None, ...]: ...
    async def transact_get(self, *keys: Any, timeout: float | None = NOT_GIVEN) -> tuple[Any, ...]:
        """Read items as they were at one moment. Sends TransactGetItems.

        Args:
            *keys: The keys, of one model or of several; 100 at most.
            timeout: Seconds that this call may take, as an ``options(timeout=...)`` around it says it; None for no limit.

        Returns:
            The items in the order of the keys, None where there is none.

        Raises:
            TransactionCanceledError: Writes to these items were under way, and trying again did not help.
            ValidationError: There is no key, or there are over 100.
            SerializationError: A stored value does not fit its model.

        Example:
            >>> account, cart = await client.transact_get(Account.key("a1"), Cart.key("u1"))

        Costs: two read units per 4 KB of each item.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self, timeout, DynamoDBClient.transact_get(self, *keys))
        operation = self._core.transact_get(_addresses("transact_get", keys))
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        found = operation.result()
        for item in found:
            if item is not None and item._hooks is not None:
                await item._hooks.loaded(item)
        return tuple(found)

    async def list_tables(self, *, timeout: float | None = NOT_GIVEN) -> list[str]:
        """The tables of the account and region that the client's ``table_prefix`` stands before. Sends ListTables per 100 tables.

        Args:
            timeout: Seconds that each of its requests may take, as ``options(timeout=...)`` says it; None for no limit.

        Returns:
            Their names without the prefix, as models and the methods of this client take them.

        Raises:
            AccessDeniedError: The credentials do not allow it.

        Example:
            >>> await client.list_tables()
            ['orders', 'users']

        Costs: nothing.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self, timeout, DynamoDBClient.list_tables(self))
        prefix = _core.table_named(self._core, "")
        names: list[str] = []
        start: dict[str, Any] = {}
        trail = _core.Trail("ListTables", None)
        while True:
            page = await self.call("ListTables", **start)
            names += [name.removeprefix(prefix) for name in page["TableNames"] if name.startswith(prefix)]
            last = page.get("LastEvaluatedTableName")
            if last is None:
                return names
            trail.note(last)
            start = {"ExclusiveStartTableName": last}

    def query(
        self, table: str, partition: Mapping[str, Any] | Condition, sort: Condition | None = None, /, *, index: str | None = None
    ) -> Query[dict[str, Any]]:
        """The items of one partition as plain dicts, in the order of their sort keys; no I/O yet. Sends Query.

        Args:
            table: The table's name, without ``table_prefix``.
            partition: The partition key, as ``{"customer_id": "c1"}`` or ``attr("customer_id") == "c1"``.
            sort: What is asked of the sort key.
            index: The index to read.

        Raises:
            ValidationError: A condition is one that no query can have.

        Example:
            >>> await client.query("orders", {"customer_id": "c1"}, attr("number") > 3).all()

        Costs: half a read unit per 4 KB of what is read; a whole one when consistent.
        """
        from .query import Query

        return Query(_core.Search.plain_query(table, index, partition, sort), None, self)

    def scan(
        self, table: str, /, *, index: str | None = None, segments: int = 1, segment: int | None = None
    ) -> Query[dict[str, Any]]:
        """Every item of a table as plain dicts, in no order; no I/O yet. Sends Scan.

        Args:
            table: The table's name, without ``table_prefix``.
            index: The index to read.
            segments: How many parts are read beside each other.
            segment: Read this one of them alone, counted from 0.

        Raises:
            ValidationError: A number is out of range.

        Example:
            >>> async for item in client.scan("orders").filter(attr("total") > 100):
            ...     print(item)

        Costs: half a read unit per 4 KB of the whole table; a whole one when consistent.
        """
        from .query import Query

        return Query(_core.Search.plain_scan(table, index, segments, segment), None, self)

    @overload
    async def execute(
        self,
        statement: str,
        /,
        *parameters: Any,
        model: type[R1],
        consistent_read: bool | None = None,
        limit: int | None = None,
        after: str | None = None,
        on_invalid: Callable[[SerializationError], object] | None = None,
        timeout: float | None = ...,
    ) -> QueryResult[R1]: ...
    @overload
    async def execute(
        self,
        statement: str,
        /,
        *parameters: Any,
        model: None = None,
        consistent_read: bool | None = None,
        limit: int | None = None,
        after: str | None = None,
        on_invalid: Callable[[SerializationError], object] | None = None,
        timeout: float | None = ...,
    ) -> QueryResult[dict[str, Any]]: ...
    async def execute(
        self,
        statement: str,
        /,
        *parameters: Any,
        model: Any = None,
        consistent_read: bool | None = None,
        limit: int | None = None,
        after: str | None = None,
        on_invalid: Callable[[SerializationError], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> QueryResult[Any]:
        """Execute one statement of PartiQL, and give its rows. Sends ExecuteStatement, as often as there are pages.

        A SELECT is read to its end, or up to ``limit`` rows; then ``cursor`` of the result goes on behind them. One that writes
        is never sent again where it may have been applied: ``execute_transaction`` may.

        Args:
            statement: The statement; tables stand in it by the names that they have, ``table_prefix`` is not added.
            *parameters: The values of its placeholders ``?``, in order.
            model: What rows are instances of; plain dictionaries when it is not given. Items of others are left out.
            consistent_read: Whether every write that has ended before must be seen; when not given, as the ``options()`` around
                it says, or not.
            limit: How many rows at most.
            after: The cursor behind which to go on, of a result of the same statement and parameters.
            on_invalid: Takes the error of each row that cannot be read, with its ``key`` and ``raw`` values; such rows are
                left out, as by ``Query.on_invalid``. Otherwise the first one raises.
            timeout: Seconds that each of its requests may take, as ``options(timeout=...)`` says it; None for no limit.

        Returns:
            The rows; of a write those that ``RETURNING`` asks for.

        Raises:
            ValidationError: The statement is empty, has another number of placeholders, or a parameter cannot be stored.
            CursorError: The cursor is forged, or of another statement.
            ConditionFailedError: The condition of a write was false.
            ItemAlreadyExistsError: The key of an INSERT is taken.
            WriteOutcomeUnknownError: No answer came to a write.
            InvalidRequestError: DynamoDB does not understand the statement.
            SerializationError: A row does not fit the model.

        Example:
            >>> await client.execute('SELECT * FROM "users" WHERE user_id = ?', "u1", model=User)

        Costs: a SELECT without the partition key reads, and bills, the whole table. Otherwise as the verb that does the same.
        """
        from .partiql import execute

        read = execute(
            self,
            (statement, *parameters),
            model,
            consistent_read=consistent_read,
            limit=limit,
            after=after,
            on_invalid=on_invalid,
        )
        return await (read if timeout is NOT_GIVEN else limited(self, timeout, read))

    @overload
    async def execute_batch(
        self,
        statements: Iterable[Statement],
        /,
        *,
        model: type[R1],
        consistent_read: bool | None = None,
        timeout: float | None = ...,
    ) -> list[R1 | PydynoxError | None]: ...
    @overload
    async def execute_batch(
        self,
        statements: Iterable[Statement],
        /,
        *,
        model: None = None,
        consistent_read: bool | None = None,
        timeout: float | None = ...,
    ) -> list[dict[str, Any] | PydynoxError | None]: ...
    async def execute_batch(
        self,
        statements: Iterable[Statement],
        /,
        *,
        model: Any = None,
        consistent_read: bool | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> list[Any]:
        """Execute up to 25 statements of PartiQL, each for itself. Sends BatchExecuteStatement.

        Args:
            statements: Each is a statement, or a tuple of one and the values of its placeholders. All read, each by the whole key
                of one item, or all write.
            model: What rows are instances of; plain dictionaries when it is not given.
            consistent_read: Whether every write that has ended before must be seen.
            timeout: Seconds that this call may take, as an ``options(timeout=...)`` around it says it; None for no limit.

        Returns:
            For each statement in order its row, None where there is none, or the error that it ended with, which is not raised.

        Raises:
            ValidationError: There are none, over 25, reads beside writes, or one cannot be sent; nothing was sent.
            WriteOutcomeUnknownError: No answer came to writes.

        Example:
            >>> await client.execute_batch([('SELECT * FROM "users" WHERE user_id = ?', user_id) for user_id in ("u1", "u2")])
            [{'user_id': 'u1', 'name': 'Ada'}, None]

        Costs: the sum of what the statements cost.
        """
        from .partiql import execute_batch

        done = execute_batch(self, statements, model, consistent_read)
        return await (done if timeout is NOT_GIVEN else limited(self, timeout, done))

    @overload
    async def execute_transaction(
        self, statements: Iterable[Statement], /, *, model: type[R1], token: str | None = None, timeout: float | None = ...
    ) -> list[R1 | None]: ...
    @overload
    async def execute_transaction(
        self, statements: Iterable[Statement], /, *, model: None = None, token: str | None = None, timeout: float | None = ...
    ) -> list[dict[str, Any] | None]: ...
    async def execute_transaction(
        self,
        statements: Iterable[Statement],
        /,
        *,
        model: Any = None,
        token: str | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> list[Any]:
        """Execute up to 100 statements of PartiQL together, all or none. Sends ExecuteTransaction.

        Args:
            statements: Each is a statement, or a tuple of one and the values of its placeholders. All read or all write, where
                ``EXISTS(SELECT ...)`` may stand beside writes as their condition.
            model: What rows are instances of; plain dictionaries when it is not given.
            token: By which DynamoDB knows the transaction again for ten minutes, 1 to 36 characters; one of ours if not given.
            timeout: Seconds that this call may take, as an ``options(timeout=...)`` around it says it; None for no limit.

        Returns:
            For each SELECT in order its row, or None.

        Raises:
            TransactionCanceledError: Nothing was done: ``failures`` has the error of each statement that stood in the way.
            TransactionTokenReusedError: The token was used with other statements.
            ValidationError: There are none, over 100, reads beside writes, or one cannot be sent; nothing was sent.
            WriteOutcomeUnknownError: No answer came, and trying again brought none.

        Example:
            >>> await client.execute_transaction(
            ...     [
            ...         ('UPDATE "accounts" SET balance = balance - ? WHERE account_id = ?', 5, "a1"),
            ...         ('EXISTS(SELECT * FROM "users" WHERE user_id = ? AND active = true)', "u1"),
            ...     ]
            ... )

        Costs: twice what the statements cost alone, also where it is cancelled.
        """
        from .partiql import execute_transaction

        done = execute_transaction(self, statements, model, token)
        return await (done if timeout is NOT_GIVEN else limited(self, timeout, done))

    async def call(self, operation: str, /, *, timeout: float | None = NOT_GIVEN, **wire: Any) -> dict[str, Any]:
        """Send any DynamoDB operation in its wire form: the way to what pydynox has no method for.

        Args:
            operation: The operation's name, such as ``"UpdateTimeToLive"``.
            timeout: Seconds that this call may take, as an ``options(timeout=...)`` around it says it; None for no limit.
            **wire: The members of its request, as the service's reference names them; table names are sent as they stand.

        Returns:
            The answer, in wire form.

        Raises:
            RequestError: The service refused; its subclasses say why.

        Example:
            >>> await client.call("ListTables", Limit=10)
            {'TableNames': ['users']}

        Costs: what the operation costs.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self, timeout, DynamoDBClient.call(self, operation, **wire))
        sent = self._core.call(operation, wire)
        try:
            await sent
        except BaseException:
            sent.abort()
            raise
        answer: dict[str, Any] = sent.result()
        return answer

    async def model_from_item(self, model: type[Row], item: Mapping[str, Any], /, *, timeout: float | None = NOT_GIVEN) -> Row:
        """An instance from an item in DynamoDB's own JSON, of a stream or an export, encrypted and compressed values opened.

        It counts as read. Nothing is asked of DynamoDB, but the keyring may be; no hooks. ``Model.model_from_item`` does the
        same, without waiting, for models without such values.

        Args:
            model: The class of the item, or a base class of several entities.
            item: The item; binary values are base64 text or ``bytes``.
            timeout: Seconds that this call may take, as an ``options(timeout=...)`` around it says it; None for no limit.

        Raises:
            SerializationError: A stored value does not fit the model.
            EncryptionError: A value cannot be opened.
            ValidationError: This is not DynamoDB's JSON, or the item is of another entity.

        Example:
            >>> await client.model_from_item(Patient, record["dynamodb"]["NewImage"])

        Costs: nothing, but for what the keyring costs.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self, timeout, DynamoDBClient.model_from_item(self, model, item))
        from .model import _as_dict, _refused  # models stand on clients

        values = _as_dict(item)
        name = model.__name__
        if values is None:
            raise _refused(f"client.model_from_item({name}, ...) takes a dict, not {type(item).__qualname__}")
        of: Any = model
        try:
            operation = self._core.open_item(of._schema, values)
        except InvalidResponseError as problem:
            raise _refused(f"client.model_from_item({name}, ...) takes DynamoDB's own JSON: {problem}") from None
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        made: Row = operation.result()
        return made

    async def close(self) -> None:
        """Close the connections; a private embedded engine loses its tables. Sends nothing.

        Example:
            >>> await client.close()

        Costs: nothing.
        """
        self._core.close()

    @contextmanager
    def as_default(self) -> Generator[Self]:
        """Within the block, and in the tasks that it starts, models use this client.

        Example:
            >>> with client.as_default():
            ...     await User.get("u1")
        """
        with in_force(self):
            yield self

    @contextmanager
    def collect(self, into: Usage | None = None, /) -> Generator[Usage]:
        """Count what the calls of this client do and cost within the block, and in the tasks that it starts.

        Blocks may stand in each other, and each counts. Only inside of them do requests ask what they cost. A thread that is
        started by ``asyncio.to_thread`` is counted too; one that is started otherwise opens a block of its own ``into`` the same.

        Args:
            into: Counts on in this one.

        Example:
            >>> with client.collect() as usage:
            ...     await User.get("u1")
            >>> usage.read_units
            0.5

        Costs: nothing.
        """
        from .cost import collecting

        with collecting(self._core, into) as usage:
            yield usage

    @contextmanager
    def options(
        self, *, timeout: float | None = NOT_GIVEN, consistent_read: bool | None = None, deadline: float | None = None
    ) -> Generator[Self]:
        """Within the block, and in the tasks that it starts, calls of this client are made so; blocks may stand in each other.

        Args:
            timeout: Seconds that a call may take, attempts and waiting included; None for no limit.
            consistent_read: What reads do that do not say it themselves, whatever their model says.
            deadline: Seconds from the beginning of the block after which no call goes on: a whole reading, batch or transaction,
                all retries and pauses of it, whatever ``timeout`` allows each request. A reading that began in the block keeps
                the deadline. A block within another one never has more time than that one.

        Raises:
            ConfigurationError: The timeout or the deadline is no positive number.

        Example:
            >>> with client.options(timeout=2, consistent_read=True):
            ...     await User.get("u1")
            >>> with client.options(deadline=10):
            ...     orders = await Order.query("c1").all()
        """
        if timeout is not NOT_GIVEN:
            timeout = seconds(timeout, of="options")
        if deadline is not None and not is_positive(deadline):
            raise ConfigurationError(f"options(deadline=...) is a positive number of seconds, not {deadline!r}")
        variable: Any = self._core.options_variable()
        before = variable.get()
        token = variable.set(
            (
                before[0] if timeout is NOT_GIVEN else timeout,
                before[1] if consistent_read is None else consistent_read,
                before[2] if deadline is None else _core.BlockDeadline(deadline, before[2]),
            )
        )
        try:
            yield self
        finally:
            # A coroutine that nobody will await any more may be closed from another context, which knows nothing of this block.
            with suppress(ValueError):
                variable.reset(token)

    @property
    def sync(self) -> SyncClient:
        """The blocking form of this client."""
        from .sync import SyncClient

        return SyncClient(self)

    async def __aenter__(self) -> Self:
        return self

    if not TYPE_CHECKING:  # checkers know both

        def __new__(cls, *arguments: object, **settings: object) -> Self:  # noqa: D102
            if (arguments or settings) and cls.__init__ is _INIT:
                check_settings(cls.__name__, arguments, settings, _SETTINGS)
            return super().__new__(cls)

        __new__.__wrapped__ = __init__  # its signature is that of __init__
        __enter__, __exit__ = refused_blocking("DynamoDBClient(...)", "client.as_default()", "and end with client.sync.close()")

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"DynamoDBClient({self._shown!r})"


_INIT = DynamoDBClient.__init__
_SETTINGS = frozenset(DynamoDBClient.__init__.__kwdefaults__ or {})


def _addresses(verb: str, keys: tuple[Any, ...]) -> list[Any]:
    """Keys as the border knows them."""
    if not keys:
        message = f"{verb} needs at least one key, such as User.key('u1')"
        raise ValidationError(message, errors=[("", message)])
    try:
        return [key._address for key in keys]
    except AttributeError:
        position = next(position for position, key in enumerate(keys) if not hasattr(key, "_address"))
        got = type(keys[position]).__qualname__
        raise TypeError(f"{verb} takes keys such as User.key('u1'); [{position}] is {got}") from None


made_from_environment(DynamoDBClient)
