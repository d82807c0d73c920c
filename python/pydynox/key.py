"""Key: the address of one item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, cast, overload

from ._shared.timeout import NOT_GIVEN, limited
from ._shared.typing import A, B, C, D, F, G, Row_co
from .default_client import client_for
from .exceptions import ItemNotFoundError

if TYPE_CHECKING:
    from .client import DynamoDBClient
    from .expressions import Action, Condition, Expr
    from .query import Query
    from .sync import SyncKey


class Key(Generic[Row_co]):
    """The address of one item of a model: ``User.key("u1")``. Hashable; making one does no I/O.

    Example:
        >>> key = User.key("u1")
        >>> await key.exists()
        True
    """

    __slots__ = ("__weakref__", "_address", "_model", "_named", "_values")

    def __init__(self, model: type[Any], values: tuple[object, ...], named: dict[str, object] | None = None) -> None:
        self._model: Any = model
        self._values = values
        self._named = named  # what templates made the key of
        self._address: tuple[Any, tuple[object, ...], dict[str, object] | None] = (model._schema, values, named)

    def __reduce__(self) -> tuple[Any, ...]:
        return Key, (self._model, self._values, self._named)

    async def get(self, *, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN) -> Row_co | None:
        """Read the item. Sends GetItem.

        Args:
            consistent_read: Whether every write that has ended before must be seen; when not given, as the ``client.options()``
                around it says, or the model.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Returns:
            The item, or None where there is none.

        Raises:
            SerializationError: A stored value does not fit the model.
            TableNotFoundError: There is no such table.

        Example:
            >>> user = await User.key("u1").get()

        Costs: half a read unit per 4 KB, a whole one when consistent.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                client_for(self._model.model_config.client), timeout, Key[Row_co].get(self, consistent_read=consistent_read)
            )
        model = self._model
        operation = client_for(model.model_config.client)._core.get(model._schema, self._values, {}, consistent_read)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        found = operation.result()
        if found is not None and found._hooks is not None:
            await found._hooks.loaded(found)
        return cast("Row_co | None", found)

    async def get_or_raise(self, *, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN) -> Row_co:
        """Read the item, which must be there. Sends GetItem.

        Args:
            consistent_read: Whether every write that has ended before must be seen; when not given, as the ``client.options()``
                around it says, or the model.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Raises:
            ItemNotFoundError: There is no such item.
            SerializationError: A stored value does not fit the model.
            TableNotFoundError: There is no such table.

        Example:
            >>> user = await User.key("u1").get_or_raise()

        Costs: half a read unit per 4 KB, a whole one when consistent.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                client_for(self._model.model_config.client),
                timeout,
                Key[Row_co].get_or_raise(self, consistent_read=consistent_read),
            )
        model = self._model
        client = client_for(model.model_config.client)
        operation = client._core.get(model._schema, self._values, {}, consistent_read)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        found = operation.result()
        if found is None:
            raise not_found(self, client)
        if found._hooks is not None:
            await found._hooks.loaded(found)
        return cast("Row_co", found)

    @overload
    async def select(
        self, a: Expr[A], /, *, consistent_read: bool | None = None, timeout: float | None = ...
    ) -> tuple[A] | None: ...
    @overload
    async def select(
        self, a: Expr[A], b: Expr[B], /, *, consistent_read: bool | None = None, timeout: float | None = ...
    ) -> tuple[A, B] | None: ...
    @overload
    async def select(
        self, a: Expr[A], b: Expr[B], c: Expr[C], /, *, consistent_read: bool | None = None, timeout: float | None = ...
    ) -> tuple[A, B, C] | None: ...
    @overload
    async def select(
        self,
        a: Expr[A],
        b: Expr[B],
        c: Expr[C],
        d: Expr[D],
        /,
        *,
        consistent_read: bool | None = None,
        timeout: float | None = ...,
    ) -> tuple[A, B, C, D] | None: ...
    @overload
    async def select(
        self,
        a: Expr[A],
        b: Expr[B],
        c: Expr[C],
        d: Expr[D],
        e: Expr[F],
        /,
        *,
        consistent_read: bool | None = None,
        timeout: float | None = ...,
    ) -> tuple[A, B, C, D, F] | None: ...
    @overload
    async def select(
        self,
        a: Expr[A],
        b: Expr[B],
        c: Expr[C],
        d: Expr[D],
        e: Expr[F],
        f: Expr[G],
        /,
        *,
        consistent_read: bool | None = None,
        timeout: float | None = ...,
    ) -> tuple[A, B, C, D, F, G] | None: ...
    async def select(
        self, *paths: Any, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN
    ) -> tuple[Any, ...] | None:
        """Read what stands at these paths alone. Sends Query by the whole key; DynamoDB bills the whole item all the same.

        Args:
            *paths: Places in the item, such as ``User.name`` and ``User.address.city``.
            consistent_read: Use a strongly consistent read. Defaults to the surrounding ``client.options()``, then to the model's
                setting.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Returns:
            The values in the order of the paths, as ``Query.select`` gives them, or None where there is no item.

        Raises:
            TypeError: One is no path.
            ValidationError: There is none, or one is of another model.
            SerializationError: A stored value does not fit the model.
            TableNotFoundError: There is no such table.

        Example:
            >>> await User.key("u1").select(User.name, User.age)
            ('Ada', 36)

        Costs: half a read unit per 4 KB of the whole item, a whole one when consistent.
        """
        # The model makes the query: queries give keys, so a key cannot import them.
        query: Query[tuple[Any, ...]] = self._model._query_of_key(self._values).select(*paths)
        if consistent_read is not None:
            query = query.consistent_read(consistent_read)
        if timeout is not NOT_GIVEN:
            query = query.timeout(timeout)
        return await query.first()

    async def exists(self, *, timeout: float | None = NOT_GIVEN) -> bool:
        """Whether there is such an item; reads its key only. Sends GetItem.

        Args:
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Raises:
            TableNotFoundError: There is no such table.

        Example:
            >>> await User.key("u1").exists()
            True

        Costs: half a read unit per 4 KB of the whole item, a whole one where the model or ``client.options()`` asks for
            consistent reads.
        """
        if timeout is not NOT_GIVEN:
            return await limited(client_for(self._model.model_config.client), timeout, Key[Row_co].exists(self))
        model = self._model
        operation = client_for(model.model_config.client)._core.exists(model._schema, self._values)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        there: bool = operation.result()
        return there

    async def update(
        self, *actions: Action, condition: Condition | None = None, upsert: bool = False, timeout: float | None = NOT_GIVEN
    ) -> Row_co:
        """Change the item without reading it first, and give it back as it is then. Sends UpdateItem.

        Args:
            *actions: What to do, such as ``User.age.add(1)``.
            condition: Write only if this holds for the stored item.
            upsert: Make the item where there is none: attributes that no action names get their defaults.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Returns:
            The item after the update.

        Raises:
            ItemNotFoundError: There is no such item, and no ``upsert``.
            ConditionFailedError: The condition was false, or a nested action found nothing to change inside of; ``error.item`` is
                the stored item.
            ValidationError: There is no action, two change the same place, one changes a key or an immutable attribute, or an
                upsert leaves a required attribute without a value.
            SerializationError: The item does not fit the model; the update was applied.
            WriteOutcomeUnknownError: No answer came, and applying the actions twice would differ from applying them once, or
                there is a condition.

        Example:
            >>> order = await Order.key("c1", 7).update(Order.total.add(Decimal(5)), condition=Order.note.is_none())

        Costs: one write unit per KB of the whole item, before or after, whichever is larger; a refused one is billed too.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                client_for(self._model.model_config.client),
                timeout,
                Key[Row_co].update(self, *actions, condition=condition, upsert=upsert),
            )
        model = self._model
        core = client_for(model.model_config.client)._core
        operation = core.update_key((model._schema, self._values, self._named), actions, condition, upsert)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        found = operation.result()
        if found._hooks is not None:
            await found._hooks.loaded(found)
        return cast("Row_co", found)

    async def apply(
        self, *actions: Action, condition: Condition | None = None, upsert: bool = False, timeout: float | None = NOT_GIVEN
    ) -> None:
        """Change the item as ``update`` does, without the item as an answer. Sends UpdateItem.

        Args:
            *actions: What to do, such as ``User.age.add(1)``.
            condition: Write only if this holds for the stored item.
            upsert: Make the item where there is none: attributes that no action names get their defaults.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Raises:
            ItemNotFoundError: There is no such item, and no ``upsert``.
            ConditionFailedError: The condition was false, or a nested action found nothing to change inside of; ``error.item`` is
                the stored item.
            ValidationError: As ``update`` says.
            WriteOutcomeUnknownError: No answer came, and applying the actions twice would differ from applying them once, or
                there is a condition.

        Example:
            >>> await User.key("u1").apply(User.age.add(1))

        Costs: one write unit per KB of the whole item, before or after, whichever is larger; a refused one is billed too.
        """
        if timeout is not NOT_GIVEN:
            await limited(
                client_for(self._model.model_config.client),
                timeout,
                Key[Row_co].apply(self, *actions, condition=condition, upsert=upsert),
            )
            return
        model = self._model
        core = client_for(model.model_config.client)._core
        operation = core.apply_key((model._schema, self._values, self._named), actions, condition, upsert)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        operation.result()

    async def pop(self, *, timeout: float | None = NOT_GIVEN) -> Row_co | None:
        """Delete the item and give back what it was. Sends DeleteItem.

        Args:
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Returns:
            The deleted item, or None where there was none.

        Raises:
            SerializationError: The deleted item does not fit the model; ``error.applied`` is True.
            WriteOutcomeUnknownError: No answer came. It is not sent again: the item may be gone, and nobody has seen it.
            TableNotFoundError: There is no such table.

        Example:
            >>> job = await Job.key("j1").pop()

        Costs: one write unit per KB of the deleted item, one where there is none.
        """
        if timeout is not NOT_GIVEN:
            return await limited(client_for(self._model.model_config.client), timeout, Key[Row_co].pop(self))
        model = self._model
        operation = client_for(model.model_config.client)._core.pop_key(model._schema, self._values)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        found = operation.result()
        if found is not None and found._hooks is not None:
            await found._hooks.loaded(found)
        return cast("Row_co | None", found)

    async def delete(self, *, condition: Condition | None = None, timeout: float | None = NOT_GIVEN) -> None:
        """Delete the item; one that is not there is no error. Sends DeleteItem.

        Args:
            condition: Delete only if this holds for the stored item.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Raises:
            ConditionFailedError: The condition was false; ``error.item`` is the stored item, None where there is none.
            WriteOutcomeUnknownError: No answer came, and with a condition the delete is not sent again.
            TableNotFoundError: There is no such table.

        Example:
            >>> await User.key("u1").delete()

        Costs: one write unit per KB of the deleted item, one where there is none.
        """
        if timeout is not NOT_GIVEN:
            await limited(client_for(self._model.model_config.client), timeout, Key[Row_co].delete(self, condition=condition))
            return
        model = self._model
        operation = client_for(model.model_config.client)._core.delete_key(model._schema, self._values, condition)
        try:
            await operation
        except BaseException:
            operation.abort()
            raise
        operation.result()

    @property
    def sync(self) -> SyncKey[Row_co]:
        """The blocking form of this key."""
        from .sync import SyncKey

        return SyncKey(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        same: bool = self._model is other._model and self._values == other._values
        return same

    def __hash__(self) -> int:
        return hash((self._model, self._values))

    def __repr__(self) -> str:
        return f"{self._model.__name__}.key({', '.join(map(repr, self._values))})"


def not_found(key: Key[Any], client: DynamoDBClient) -> ItemNotFoundError:
    """The error of ``get_or_raise``, which shows no more than the client's ``errors`` allows."""
    model = key._model
    table: str | None = model.model_config.table
    shown = f"such {model.__name__}" if client._errors == "none" else repr(key)
    return ItemNotFoundError(f"there is no {shown} in table {table!r}", model=model.__name__, table=table)
