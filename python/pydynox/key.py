"""Key: an item by its key, read and written without an instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, cast, overload

from ._shared.rejected import Rejected, check_on_condition, settled
from ._shared.timeout import NOT_GIVEN, limited
from ._shared.typing import A, B, C, D, F, G, Row_co
from .default_client import client_for
from .exceptions import ItemNotFoundError

if TYPE_CHECKING:
    from typing import Unpack

    from ._shared.typing import ReadOptions, WriteOptions
    from .client import DynamoDBClient
    from .expressions import Action, Condition, Expr
    from .query import Query
    from .sync import SyncKey


class Key(Generic[Row_co]):
    """The key of one item of a model: ``User.key("u1")``. Hashable; creating one does no I/O.

    Attributes:
        model: The class of the item.
        address: The key in the form that the Rust core takes.

    Example:
        >>> key = User.key("u1")
        >>> await key.exists()
        True
    """

    __slots__ = ("__weakref__", "_named", "_values", "address", "model")

    def __init__(self, model: type[Any], values: tuple[object, ...], named: dict[str, object] | None = None) -> None:
        self.model: Any = model
        self._values = values
        self._named = named  # the attributes that templates built the key from
        self.address: tuple[Any, tuple[object, ...], dict[str, object] | None] = (model._schema, values, named)

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the address: it holds the schema, which cannot be pickled.
        return Key, (self.model, self._values, self._named)

    async def get(self, *, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN) -> Row_co | None:
        """Read the item. Sends GetItem.

        Args:
            consistent_read: Use a strongly consistent read. Defaults to the surrounding ``client.options()``, then to the model's
                setting.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The item, or None if it does not exist.

        Raises:
            SerializationError: A stored value does not fit the model.
            TableNotFoundError: The table does not exist.

        Example:
            >>> user = await User.key("u1").get()

        Costs: half a read unit per 4 KB; one if strongly consistent.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                client_for(self.model.model_config.client), timeout, Key[Row_co].get(self, consistent_read=consistent_read)
            )
        model = self.model
        item = await client_for(model.model_config.client).core.get(model._schema, self._values, {}, consistent_read)
        if item is not None and item._hooks is not None:
            item = await item._hooks.loaded(item)
        return cast("Row_co | None", item)

    async def get_or_raise(self, *, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN) -> Row_co:
        """Read the item, which must exist. Sends GetItem.

        Args:
            consistent_read: Use a strongly consistent read. Defaults to the surrounding ``client.options()``, then to the model's
                setting.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Raises:
            ItemNotFoundError: The item does not exist.
            SerializationError: A stored value does not fit the model.
            TableNotFoundError: The table does not exist.

        Example:
            >>> user = await User.key("u1").get_or_raise()

        Costs: half a read unit per 4 KB; one if strongly consistent.
        """
        if timeout is not NOT_GIVEN:
            return await limited(
                client_for(self.model.model_config.client),
                timeout,
                Key[Row_co].get_or_raise(self, consistent_read=consistent_read),
            )
        model = self.model
        client = client_for(model.model_config.client)
        item = await client.core.get(model._schema, self._values, {}, consistent_read)
        if item is None:
            raise not_found(self, client)
        if item._hooks is not None:
            item = await item._hooks.loaded(item)
        return cast("Row_co", item)

    @overload
    async def select(self, a: Expr[A], /, **options: Unpack[ReadOptions]) -> tuple[A] | None: ...
    @overload
    async def select(self, a: Expr[A], b: Expr[B], /, **options: Unpack[ReadOptions]) -> tuple[A, B] | None: ...
    @overload
    async def select(self, a: Expr[A], b: Expr[B], c: Expr[C], /, **options: Unpack[ReadOptions]) -> tuple[A, B, C] | None: ...
    @overload
    async def select(
        self, a: Expr[A], b: Expr[B], c: Expr[C], d: Expr[D], /, **options: Unpack[ReadOptions]
    ) -> tuple[A, B, C, D] | None: ...
    @overload
    async def select(
        self, a: Expr[A], b: Expr[B], c: Expr[C], d: Expr[D], e: Expr[F], /, **options: Unpack[ReadOptions]
    ) -> tuple[A, B, C, D, F] | None: ...
    @overload
    async def select(
        self, a: Expr[A], b: Expr[B], c: Expr[C], d: Expr[D], e: Expr[F], f: Expr[G], /, **options: Unpack[ReadOptions]
    ) -> tuple[A, B, C, D, F, G] | None: ...
    async def select(
        self, *paths: Any, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN
    ) -> tuple[Any, ...] | None:
        """Read only the values at these paths. Sends Query with the whole key; DynamoDB still bills the whole item.

        Args:
            *paths: Paths such as ``User.name`` and ``User.address.city``.
            consistent_read: Use a strongly consistent read. Defaults to the surrounding ``client.options()``, then to the model's
                setting.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The values in the order of the paths, as ``Query.select`` returns them, or None if the item does not exist.

        Raises:
            TypeError: An argument is not a path.
            ValidationError: There are no paths, or one belongs to another model.
            SerializationError: A stored value does not fit the model.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await User.key("u1").select(User.name, User.age)
            ('Ada', 36)

        Costs: half a read unit per 4 KB of the whole item; one if strongly consistent.
        """
        # The model makes the query: queries return keys, so this module cannot import them.
        query: Query[tuple[Any, ...]] = self.model._query_of_key(self._values).select(*paths)
        if consistent_read is not None:
            query = query.consistent_read(consistent_read)
        if timeout is not NOT_GIVEN:
            query = query.timeout(timeout)
        return await query.first()

    async def exists(self, *, timeout: float | None = NOT_GIVEN) -> bool:
        """Whether the item exists; only its key is returned. Sends GetItem.

        Args:
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Raises:
            TableNotFoundError: The table does not exist.

        Example:
            >>> await User.key("u1").exists()
            True

        Costs: half a read unit per 4 KB of the whole item; one where the model or ``client.options()`` sets strongly consistent
            reads.
        """
        if timeout is not NOT_GIVEN:
            return await limited(client_for(self.model.model_config.client), timeout, Key[Row_co].exists(self))
        model = self.model
        exists: bool = await client_for(model.model_config.client).core.exists(model._schema, self._values)
        return exists

    @overload
    async def update(
        self, *actions: Action, upsert: bool = False, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> Row_co: ...
    @overload
    async def update(
        self, *actions: Action, upsert: bool = False, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Row_co | Rejected[Row_co]: ...
    async def update(
        self,
        *actions: Action,
        condition: Condition | None = None,
        upsert: bool = False,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Row_co | Rejected[Row_co]:
        """Update the item without reading it first, and return it as it is after the update. Sends UpdateItem.

        Args:
            *actions: The changes, such as ``User.age.add(1)``.
            condition: Update only if this holds for the stored item.
            upsert: Create the item if it does not exist: attributes without an action get their defaults.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The item after the update; with ``on_condition="return"`` also a ``Rejected``.

        Raises:
            ItemNotFoundError: The item does not exist, and ``upsert`` is not set.
            ConditionFailedError: The condition was false, or the parent of a nested path does not exist; ``error.item`` is the
                stored item.
            ValidationError: There is no action, two actions change the same path, one changes a key or an immutable attribute, or
                an upsert leaves a required attribute without a value.
            SerializationError: The item does not fit the model; the update was applied.
            WriteOutcomeUnknownError: No response arrived, and the update is not retried, because it has a condition or applying
                it twice would change the result.

        Example:
            >>> order = await Order.key("c1", 7).update(Order.total.add(Decimal(5)), condition=Order.note.is_none())

        Costs: one write unit per KB of the whole item before or after the update, whichever is larger, even if the condition
            fails.
        """
        outcome: Row_co | Rejected[Row_co]
        if timeout is not NOT_GIVEN:
            call = Key[Row_co].update(self, *actions, condition=condition, upsert=upsert, on_condition=on_condition)
            outcome = await limited(client_for(self.model.model_config.client), timeout, call)
            return outcome
        if on_condition != "raise":
            check_on_condition(on_condition)
        model = self.model
        core = client_for(model.model_config.client).core
        write = core.update_key((model._schema, self._values, self._named), actions, condition, upsert)
        item = await (write if on_condition == "raise" else settled(write))
        if not isinstance(item, Rejected) and item._hooks is not None:
            item = await item._hooks.loaded(item, applied=True)
        return cast("Row_co", item)

    @overload
    async def apply(
        self, *actions: Action, upsert: bool = False, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> None: ...
    @overload
    async def apply(
        self, *actions: Action, upsert: bool = False, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[Row_co]: ...
    async def apply(
        self,
        *actions: Action,
        condition: Condition | None = None,
        upsert: bool = False,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Row_co] | None:
        """Update the item as ``update`` does, without returning it. Sends UpdateItem.

        Args:
            *actions: The changes, such as ``User.age.add(1)``.
            condition: Update only if this holds for the stored item.
            upsert: Create the item if it does not exist: attributes without an action get their defaults.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            With ``on_condition="return"``: True if the item was updated, else a ``Rejected``.

        Raises:
            ItemNotFoundError: The item does not exist, and ``upsert`` is not set.
            ConditionFailedError: The condition was false, or the parent of a nested path does not exist; ``error.item`` is the
                stored item.
            ValidationError: As for ``update``.
            WriteOutcomeUnknownError: No response arrived, and the update is not retried, because it has a condition or applying
                it twice would change the result.

        Example:
            >>> await User.key("u1").apply(User.age.add(1))

        Costs: one write unit per KB of the whole item before or after the update, whichever is larger, even if the condition
            fails.
        """
        outcome: Literal[True] | Rejected[Row_co] | None
        if timeout is not NOT_GIVEN:
            call = Key[Row_co].apply(self, *actions, condition=condition, upsert=upsert, on_condition=on_condition)
            outcome = await limited(client_for(self.model.model_config.client), timeout, call)
            return outcome
        if on_condition != "raise":
            check_on_condition(on_condition)
        model = self.model
        core = client_for(model.model_config.client).core
        write = core.apply_key((model._schema, self._values, self._named), actions, condition, upsert)
        outcome = await (write if on_condition == "raise" else settled(write))
        return outcome

    async def pop(self, *, timeout: float | None = NOT_GIVEN) -> Row_co | None:
        """Delete the item and return it. Sends DeleteItem.

        Args:
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The deleted item, or None if it did not exist.

        Raises:
            SerializationError: The deleted item does not fit the model; ``error.applied`` is True.
            WriteOutcomeUnknownError: No response arrived. The delete is not retried: the item may be gone without being returned.
            TableNotFoundError: The table does not exist.

        Example:
            >>> job = await Job.key("j1").pop()

        Costs: one write unit per KB of the deleted item; one if it does not exist.
        """
        if timeout is not NOT_GIVEN:
            return await limited(client_for(self.model.model_config.client), timeout, Key[Row_co].pop(self))
        model = self.model
        item = await client_for(model.model_config.client).core.pop_key(model._schema, self._values)
        if item is not None and item._hooks is not None:
            item = await item._hooks.loaded(item, applied=True)
        return cast("Row_co | None", item)

    @overload
    async def delete(self, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> None: ...
    @overload
    async def delete(
        self, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[Row_co]: ...
    async def delete(
        self,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Row_co] | None:
        """Delete the item; deleting one that does not exist succeeds. Sends DeleteItem.

        Args:
            condition: Delete only if this holds for the stored item.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            With ``on_condition="return"``: True if there is no such item now, else a ``Rejected``.

        Raises:
            ConditionFailedError: The condition was false; ``error.item`` is the stored item, None if it does not exist.
            WriteOutcomeUnknownError: No response arrived, and a conditional delete is not retried.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await User.key("u1").delete()

        Costs: one write unit per KB of the deleted item; one if it does not exist.
        """
        outcome: Literal[True] | Rejected[Row_co] | None
        if timeout is not NOT_GIVEN:
            call = Key[Row_co].delete(self, condition=condition, on_condition=on_condition)
            outcome = await limited(client_for(self.model.model_config.client), timeout, call)
            return outcome
        if on_condition != "raise":
            check_on_condition(on_condition)
        model = self.model
        write = client_for(model.model_config.client).core.delete_key(model._schema, self._values, condition)
        outcome = await (write if on_condition == "raise" else settled(write))
        return outcome

    @property
    def sync(self) -> SyncKey[Row_co]:
        """The blocking form of this key."""
        from .sync import SyncKey

        return SyncKey(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        same: bool = self.model is other.model and self._values == other._values
        return same

    def __hash__(self) -> int:
        return hash((self.model, self._values))

    def __repr__(self) -> str:
        return f"{self.model.__name__}.key({', '.join(map(repr, self._values))})"


def not_found(key: Key[Any], client: DynamoDBClient) -> ItemNotFoundError:
    """The error of ``get_or_raise``, which shows no more than the client's ``errors`` setting allows."""
    model = key.model
    table: str | None = model.model_config.table
    subject = f"such {model.__name__}" if client.errors == "none" else repr(key)
    return ItemNotFoundError(f"there is no {subject} in table {table!r}", model=model.__name__, table=table)
