"""Model: a class per kind of item, and the calls that read and write its items."""

# pyright: reportInconsistentOverload=false
# pyright cannot bind a TypeVarTuple to the *values of an implementation; mypy can, and compares the overloads with it.

from __future__ import annotations

from abc import ABCMeta
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    Self,
    SupportsIndex,
    TypeGuard,
    cast,
    dataclass_transform,
    overload,
)

import pydynox._core as _core

from ._declaration.compile import SchemaOf, compile_model, key_names, path_of
from ._declaration.family import find_entity
from ._declaration.generics import is_concrete
from ._declaration.instances import of_key
from ._model.changes import Change, ItemSize
from ._model.values import ModelValues
from ._model.views import SyncView, TableView
from ._shared.rejected import Rejected, check_on_condition, settled
from ._shared.timeout import NOT_GIVEN, limited
from ._shared.typing import PK, SK
from .attributes import field, partition_key, sort_key
from .default_client import client_for
from .exceptions import ItemAlreadyExistsError
from .expressions import Action, Condition, Expr
from .hooks import Hooks, hooks_of
from .key import Key, not_found
from .managed import created_at, ttl, updated_at, version
from .query import Query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from ._shared.typing import ReadOptions, WriteOptions

__all__ = ["Change", "ItemSize", "Model"]

if TYPE_CHECKING:
    ModelType = type  # with the metaclass, checkers would accept any class keyword and any attribute of a class
else:

    class ModelType(ABCMeta):
        """The class of model classes: finds ``User.age``. An ``ABCMeta``, so that models can inherit from abstract classes."""

        def __getattr__(cls, name: str) -> Any:
            definition = cls.__dict__.get("_definition")
            path = None if definition is None else definition.paths.get(name)
            return path if path is not None else path_of(cls, name)

        def _path_to(cls, name: str) -> Any:
            return path_of(cls, name)

        def __dir__(cls) -> list[str]:
            return [*super().__dir__(), *cls.model_fields]


@dataclass_transform(
    kw_only_default=True, field_specifiers=(field, partition_key, sort_key, version, created_at, updated_at, ttl)
)
class Model(ModelValues, Generic[PK, *SK], metaclass=ModelType):
    """A kind of item. ``Model[str]`` has a partition key of that type, ``Model[str, int]`` also a sort key.

    Class keywords: ``table=`` names the table. ``entity=`` names the items in a table that several models share: a model sees its
    own items and those of its subclasses, never others. ``unique=("tenant", "email")`` allows each combination of these values on
    only one item; a list of tuples declares several such constraints. ``abstract=True`` is for base classes without items of
    their own. ``init=False`` is for pyright, where attribute objects have no annotations, and has no effect at run time. More
    settings are in ``model_config = ModelConfig(...)``.

    Raises:
        ConfigurationError: The declaration of the class is invalid.
        ValidationError: A constructor argument is missing, unknown or of the wrong type; ``errors`` lists them all.

    Example:
        >>> class Order(Model[str, int], table="orders"):
        ...     customer_id: Attr[str] = partition_key()
        ...     number: Attr[int] = sort_key()
        ...     note: Attr[str | None] = field(default=None)
        >>> await Order(customer_id="c1", number=7).create()
    """

    sync = SyncView()
    table = TableView()
    _hooks: ClassVar[Hooks | None] = None  # None for most classes, and then a call does no more about hooks

    def __init_subclass__(
        cls,
        *,
        table: str | None = None,
        entity: str | None = None,
        unique: Sequence[str] | Sequence[Sequence[str]] | None = None,
        abstract: bool = False,
        init: bool = True,
    ) -> None:
        super().__init_subclass__()
        cls._schema = SchemaOf()  # not that of the base class, until it gets its own
        compile_model(cls, table=table, entity=entity, abstract=abstract, unique=unique)
        cls._hooks = hooks_of(cls)

    if not TYPE_CHECKING:

        def __class_getitem__(cls, arguments: Any) -> Any:
            alias = super().__class_getitem__(arguments)
            if cls is Model or not is_concrete(alias.__args__):
                return alias
            from ._model.specialised import specialised

            return specialised(cls, alias)

    @overload
    @classmethod
    async def get(cls, partition: PK, /, *sort: *SK, **options: Unpack[ReadOptions]) -> Self | None: ...
    @overload
    @classmethod
    async def get(cls, /, *, consistent_read: bool | None = None, timeout: float | None = ..., **key: Any) -> Self | None: ...
    @classmethod
    async def get(
        cls, /, *values: object, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN, **key: object
    ) -> Self | None:
        """Read the item with this key. Sends GetItem.

        Args:
            *values: The partition key and, if the model has one, the sort key.
            consistent_read: Use a strongly consistent read. Defaults to the surrounding ``client.options()``, then to the model's
                setting.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.
            **key: The key by name, instead of ``values``.

        Returns:
            The item, or None if it does not exist.

        Raises:
            ValidationError: The key is incomplete or of the wrong type.
            SerializationError: A stored value does not fit the model.
            TableNotFoundError: The table does not exist.

        Example:
            >>> user = await User.get("u1")

        Costs: half a read unit per 4 KB; one if strongly consistent.
        """
        if timeout is not NOT_GIVEN:
            address: Key[Self] = Key(cls, cls._schema.key(values, key))
            return await address.get(consistent_read=consistent_read, timeout=timeout)
        item = await client_for(cls.model_config.client).core.get(cls._schema, values, key, consistent_read)
        if item is not None and item._hooks is not None:
            await item._hooks.loaded(item)
        return cast("Self | None", item)

    @overload
    @classmethod
    async def get_or_raise(cls, partition: PK, /, *sort: *SK, **options: Unpack[ReadOptions]) -> Self: ...
    @overload
    @classmethod
    async def get_or_raise(cls, /, *, consistent_read: bool | None = None, timeout: float | None = ..., **key: Any) -> Self: ...
    @classmethod
    async def get_or_raise(
        cls, /, *values: object, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN, **key: object
    ) -> Self:
        """Read the item with this key, which must exist. Sends GetItem.

        Args:
            *values: The partition key and, if the model has one, the sort key.
            consistent_read: Use a strongly consistent read. Defaults to the surrounding ``client.options()``, then to the model's
                setting.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.
            **key: The key by name, instead of ``values``.

        Raises:
            ItemNotFoundError: The item does not exist.
            ValidationError: The key is incomplete or of the wrong type.
            SerializationError: A stored value does not fit the model.
            TableNotFoundError: The table does not exist.

        Example:
            >>> user = await User.get_or_raise("u1")

        Costs: half a read unit per 4 KB; one if strongly consistent.
        """
        if timeout is not NOT_GIVEN:
            address: Key[Self] = Key(cls, cls._schema.key(values, key))
            return await address.get_or_raise(consistent_read=consistent_read, timeout=timeout)
        client = client_for(cls.model_config.client)
        item = await client.core.get(cls._schema, values, key, consistent_read)
        if item is None:
            raise not_found(Key(cls, cls._schema.key(values, key)), client)
        if item._hooks is not None:
            await item._hooks.loaded(item)
        return cast("Self", item)

    @overload
    @classmethod
    async def get_or_create(
        cls, partition: PK, /, *sort: *SK, defaults: Mapping[str, Any] | None = ..., timeout: float | None = ...
    ) -> tuple[Self, bool]: ...
    @overload
    @classmethod
    async def get_or_create(
        cls, /, *, defaults: Mapping[str, Any] | None = ..., timeout: float | None = ..., **key: Any
    ) -> tuple[Self, bool]: ...
    @classmethod
    async def get_or_create(
        cls, /, *values: object, defaults: Mapping[str, Any] | None = None, timeout: float | None = NOT_GIVEN, **key: object
    ) -> tuple[Self, bool]:
        """Read the item with this key, or create it if it does not exist. Sends GetItem, then a guarded PutItem as ``create``
        does.

        Args:
            *values: The partition key and, if the model has one, the sort key.
            defaults: The other attributes of a new item.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.
            **key: The key by name, instead of ``values``.

        Returns:
            The item, and whether this call created it. An item that another writer created in the meantime is read again.

        Raises:
            ValidationError: The key is incomplete, or a value does not fit.
            ItemAlreadyExistsError: It is unknown whether this call or another one created the item (``error.ambiguous``), or an
                item of another entity has the key.
            SerializationError: The stored item does not fit the model.
            TableNotFoundError: The table does not exist.

        Example:
            >>> user, created = await User.get_or_create("u1", defaults={"name": "Ada"})

        Costs: half a read unit per 4 KB, one if strongly consistent; for a new item also one write unit per KB.
        """
        if timeout is not NOT_GIVEN:
            # The method of Model, here and below: that of a subclass may be what called this one, and would run a second time.
            bare: Any = Model.get_or_create
            client = client_for(cls.model_config.client)
            outcome: tuple[Self, bool] = await limited(client, timeout, bare.__func__(cls, *values, defaults=defaults, **key))
            return outcome
        parts = cls._schema.key(values, key)
        address: Key[Self] = Key(cls, parts)
        item = await address.get()
        if item is not None:
            return item, False
        instance = cls(**{**of_key(cls, parts, key), **(defaults or {})})
        try:
            await instance.create()
        except ItemAlreadyExistsError as error:
            if error.ambiguous:
                raise
            # Another writer created it a moment ago, which an eventually consistent read may not show yet.
            item = await address.get(consistent_read=True)
            if item is None:
                raise  # an item of another entity has the key, or this one was created and deleted in the meantime
            return item, False
        return instance, True

    @overload
    @classmethod
    def key(cls, partition: PK, /, *sort: *SK) -> Key[Self]: ...
    @overload
    @classmethod
    def key(cls, /, **key: Any) -> Key[Self]: ...
    @classmethod
    def key(cls, /, *values: object, **key: object) -> Key[Self]:
        """The key of an item, through which it is read and written without an instance; no I/O.

        Args:
            *values: The partition key and, if the model has one, the sort key.
            **key: The key by name, instead of ``values``.

        Raises:
            ValidationError: The key is incomplete or of the wrong type.

        Example:
            >>> await User.key("u1").delete()
        """
        return Key(cls, cls._schema.key(values, key), key)

    @classmethod
    def _query_of_key(cls, values: tuple[object, ...]) -> Query[Self]:
        """The query for the one item that has this key."""
        key = dict(zip(key_names(cls), values, strict=True))
        return Query(_core.Search.query(cls._schema, None, (), key), cls, None)

    @classmethod
    def _find_entity(cls, name: str) -> _core.Schema | None:
        return find_entity(cls, name)

    @overload
    @classmethod
    def query(cls, partition: PK, sort: Condition | None = None, /) -> Query[Self]: ...
    @overload
    @classmethod
    def query(cls, sort: Condition | None = None, /, **key: Any) -> Query[Self]: ...
    @classmethod
    def query(cls, /, *values: Any, **key: Any) -> Query[Self]:
        """A query for the items of one partition, in sort key order. Sends Query when it is read.

        Args:
            *values: The partition key, then a condition on the sort key, or on the first attribute that it is built from and that
                ``key`` does not give.
            **key: The partition key by name, instead of by value; for a key built from templates, the attributes it is built
                from: the sort key then starts with as much as they determine.

        Raises:
            ValidationError: The partition key is missing or of the wrong type, or DynamoDB does not allow such a condition on a
                key.

        Example:
            >>> async for order in Order.query("c1", Order.number.between(1, 9)):
            ...     print(order.total)

        Costs: half a read unit per 4 KB read; one if strongly consistent.
        """
        return Query(_core.Search.query(cls._schema, None, values, key), cls, None)

    @classmethod
    def scan(cls, *, segments: int = 1, segment: int | None = None) -> Query[Self]:
        """A scan of every item of the table, in no particular order. Sends Scan when it is read.

        Args:
            segments: The number of segments to read in parallel.
            segment: Read only this segment, zero-based, to spread the work over processes.

        Raises:
            ValidationError: A number is out of range.

        Example:
            >>> async for user in User.scan(segments=4).filter(User.age >= 18):
            ...     print(user.name)

        Costs: half a read unit per 4 KB of the whole table; one if strongly consistent.
        """
        return Query(_core.Search.scan(cls._schema, None, segments, segment), cls, None)

    @overload
    async def create(self, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> None: ...
    @overload
    async def create(
        self, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[Self]: ...
    async def create(
        self,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Self] | None:
        """Create the item, which must not exist yet. Sends PutItem with ``attribute_not_exists``.

        Args:
            condition: A further condition; it sees an item without attributes.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            With ``on_condition="return"``: True if the item was created, else a ``Rejected``.

        Raises:
            ItemAlreadyExistsError: An item with this key exists; ``error.item`` is the stored item.
            UniqueConstraintError: A unique value is taken; ``error.holder`` is the key of the item that has it.
            ConditionFailedError: The condition was false.
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item exceeds 400 KB.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await User(user_id="u1", name="Ada").create()

        Costs: one write unit per KB, even if the item exists. With unique values it is a transaction: two units per KB, plus two
            for each value.
        """
        outcome: Literal[True] | Rejected[Self] | None
        if timeout is not NOT_GIVEN:
            call: Any = Model[PK, *SK].create(self, condition=condition, on_condition=on_condition)
            outcome = await limited(client_for(self.model_config.client), timeout, call)
            return outcome
        if on_condition != "raise":
            check_on_condition(on_condition)
        hooks = self._hooks
        if hooks is not None:
            await hooks.before(self, "before_save")
        write = client_for(self.model_config.client).core.create(self, condition)
        outcome = await (write if on_condition == "raise" else settled(write))
        if hooks is not None and not isinstance(outcome, Rejected):
            await hooks.after(self, "after_save")
        return outcome

    @overload
    async def save(
        self, *, whole: Sequence[Expr[Any]] = (), on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> None: ...
    @overload
    async def save(
        self, *, whole: Sequence[Expr[Any]] = (), on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[Self]: ...
    async def save(
        self,
        *,
        whole: Sequence[Expr[Any]] = (),
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Self] | None:
        """Write the changes since the item was read, including edits in place; a new item is created.

        Sends UpdateItem for the changed paths, on condition that the item exists and has the version that was read; sends nothing
        if nothing changed. For a new instance, sends PutItem with ``attribute_not_exists``.

        Args:
            condition: Write only if this holds for the stored item; it is checked even if nothing changed.
            whole: Attributes to replace as a whole if they changed, instead of path by path.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            With ``on_condition="return"``: True if the item is stored as the instance is, else a ``Rejected``.

        Raises:
            ItemVanishedError: The item was deleted in the meantime; it is not written again.
            VersionConflictError: The stored item has a different version; ``error.item`` is the stored item.
            ItemAlreadyExistsError: The instance is new, and an item with its key exists; ``put()`` would replace it.
            UniqueConstraintError: A unique value is taken; ``error.holder`` is the key of the item that has it.
            ConditionFailedError: The condition was false; ``error.item`` is the stored item.
            WriteOutcomeUnknownError: No response arrived, and a conditional write is not retried.
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item exceeds 400 KB.

        Example:
            >>> user = await User.get_or_raise("u1")
            >>> user.tags.append("new")
            >>> await user.save(condition=User.age > 18)

        Costs: one write unit per KB of the whole item before or after the write, whichever is larger; nothing if nothing changed.
            If a unique value changed it is a transaction: two units per KB, plus two each for the old and the new value.
        """
        outcome: Literal[True] | Rejected[Self] | None
        if timeout is not NOT_GIVEN:
            call: Any = Model[PK, *SK].save(self, condition=condition, whole=whole, on_condition=on_condition)
            outcome = await limited(client_for(self.model_config.client), timeout, call)
            return outcome
        if on_condition != "raise":
            check_on_condition(on_condition)
        # Before the hooks, so that a wrong path fails without running them.
        names = [_name_of(self, path) for path in whole] if whole else []
        hooks = self._hooks
        if hooks is not None:
            await hooks.before(self, "before_save")
        write = client_for(self.model_config.client).core.save(self, names, condition)
        # Nothing changed and nothing was sent: after_save is for what was written.
        if write is None:
            return None if on_condition == "raise" else True
        outcome = await (write if on_condition == "raise" else settled(write))
        if hooks is not None and not isinstance(outcome, Rejected):
            await hooks.after(self, "after_save")
        return outcome

    @overload
    async def put(self, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> None: ...
    @overload
    async def put(
        self, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[Self]: ...
    async def put(
        self,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Self] | None:
        """Write the whole item, replacing any item with the same key. Sends PutItem.

        Attributes of a loaded item that the model does not declare are written back. If the model has unique values, only an
        instance that was read can be put, and only over an item that still has the unique values that were read.

        Args:
            condition: Write only if this holds for the stored item.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            With ``on_condition="return"``: True if the item was written, else a ``Rejected``.

        Raises:
            VersionConflictError: The stored item has a different version; ``error.item`` is the stored item.
            ConditionFailedError: The condition was false; ``error.item`` is the stored item.
            WriteOutcomeUnknownError: No response arrived, and a conditional write is not retried.
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item exceeds 400 KB.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await User(user_id="u1", name="Ada").put()

        Costs: one write unit per KB of the old or the new item, whichever is larger. With unique values it is a transaction: two
            units per KB, plus two for each value.
        """
        outcome: Literal[True] | Rejected[Self] | None
        if timeout is not NOT_GIVEN:
            call: Any = Model[PK, *SK].put(self, condition=condition, on_condition=on_condition)
            outcome = await limited(client_for(self.model_config.client), timeout, call)
            return outcome
        if on_condition != "raise":
            check_on_condition(on_condition)
        hooks = self._hooks
        if hooks is not None:
            await hooks.before(self, "before_save")
        write = client_for(self.model_config.client).core.put(self, condition)
        outcome = await (write if on_condition == "raise" else settled(write))
        if hooks is not None and not isinstance(outcome, Rejected):
            await hooks.after(self, "after_save")
        return outcome

    @overload
    async def update(self, *actions: Action, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> None: ...
    @overload
    async def update(
        self, *actions: Action, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[Self]: ...
    async def update(
        self,
        *actions: Action,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Self] | None:
        """Update the stored item without reading it first; the instance then reflects the result. Sends UpdateItem.

        The item must exist. Unsaved edits of other attributes are kept. Save hooks do not run, because nothing of the instance is
        written.

        Args:
            *actions: The changes, such as ``User.age.add(1)``.
            condition: Update only if this holds for the stored item.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            With ``on_condition="return"``: True if the item was updated, else a ``Rejected``.

        Raises:
            ItemVanishedError: The item was deleted in the meantime.
            VersionConflictError: The stored item has a different version; ``error.item`` is the stored item.
            ConditionFailedError: The condition was false, or the parent of a nested path does not exist; ``error.item`` is the
                stored item.
            ValidationError: There is no action, two actions change the same path, or one changes a key, an immutable attribute,
                or an attribute with unsaved edits.
            WriteOutcomeUnknownError: No response arrived, and the update is not retried, because it has a condition or applying
                it twice would change the result; ``refresh()`` shows what is stored.

        Example:
            >>> await user.update(User.age.add(1), User.tags.append("new"), condition=User.age < 100)

        Costs: one write unit per KB of the whole item before or after the update, whichever is larger, even if the condition
            fails.
        """
        outcome: Literal[True] | Rejected[Self] | None
        if timeout is not NOT_GIVEN:
            call: Any = Model[PK, *SK].update(self, *actions, condition=condition, on_condition=on_condition)
            outcome = await limited(client_for(self.model_config.client), timeout, call)
            return outcome
        if on_condition != "raise":
            check_on_condition(on_condition)
        write = client_for(self.model_config.client).core.update(self, actions, condition)
        outcome = await (write if on_condition == "raise" else settled(write))
        if self._hooks is not None and not isinstance(outcome, Rejected):
            await self._hooks.loaded(self)
        return outcome

    @overload
    async def delete(self, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> None: ...
    @overload
    async def delete(
        self, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[Self]: ...
    async def delete(
        self,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Self] | None:
        """Delete the item; deleting one that does not exist succeeds. Sends DeleteItem. The instance then counts as new.

        If the model has a ``version()``, the stored item must exist and have the version that was read.

        Args:
            condition: Delete only if this holds for the stored item.
            on_condition: ``"return"`` returns a ``Rejected`` instead of raising an error if a condition is false.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            With ``on_condition="return"``: True if the item was deleted, else a ``Rejected``.

        Raises:
            VersionConflictError: The stored item has a different version; ``error.item`` is the stored item.
            ItemVanishedError: The model has a version, and the item does not exist.
            ConditionFailedError: The condition was false; ``error.item`` is the stored item, None if it does not exist.
            WriteOutcomeUnknownError: No response arrived, and a conditional delete is not retried.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await user.delete()

        Costs: one write unit per KB of the deleted item; one if it does not exist. With unique values it is a transaction: two
            units per KB, plus two for each value.
        """
        outcome: Literal[True] | Rejected[Self] | None
        if timeout is not NOT_GIVEN:
            call: Any = Model[PK, *SK].delete(self, condition=condition, on_condition=on_condition)
            outcome = await limited(client_for(self.model_config.client), timeout, call)
            return outcome
        if on_condition != "raise":
            check_on_condition(on_condition)
        hooks = self._hooks
        if hooks is not None:
            await hooks.before(self, "before_delete")
        write = client_for(self.model_config.client).core.delete(self, condition)
        outcome = await (write if on_condition == "raise" else settled(write))
        if hooks is not None and not isinstance(outcome, Rejected):
            await hooks.after(self, "after_delete")
        return outcome

    async def refresh(self, *, timeout: float | None = NOT_GIVEN) -> None:
        """Read the item again with a strongly consistent read, discarding unsaved changes. Sends GetItem.

        Args:
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Raises:
            ItemNotFoundError: The item no longer exists; the instance stays as it is.
            SerializationError: A stored value does not fit the model; the instance stays as it is.

        Example:
            >>> await user.refresh()

        Costs: one read unit per 4 KB.
        """
        if timeout is not NOT_GIVEN:
            await limited(client_for(self.model_config.client), timeout, Model[PK, *SK].refresh(self))
            return
        await client_for(self.model_config.client).core.refresh(self)
        if self._hooks is not None:
            await self._hooks.loaded(self)

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> tuple[Any, ...]:
        # Unpickling finds `Event[int]` through its alias, other classes by name.
        cls = type(self)
        secret = next((a for a in cls.model_fields.values() if a.options.protection == "encrypted"), None)
        if secret is not None:
            raise TypeError(
                f"{cls.__name__}.{secret.name} is encrypted, and a pickle would hold it in the clear: send the key, and get()"
            )
        return _restored, (cls.__dict__.get("_alias", cls), *_core.pickled(self))


def _restored(model: Any, values: dict[str, Any], item: bytes | None, unsettled: list[str], unset: Sequence[str] = ()) -> Any:
    """An instance from its pickled state."""
    return _core.restored(model, values, item, unsettled, list(unset))


def _name_of(instance: Model[Any, *tuple[Any, ...]], path: Any) -> str:
    """The name of the attribute that a path in ``save(whole=...)`` stands for."""
    model = type(instance)
    if not _is_path(path):
        raise TypeError(f"save(whole=...) takes paths such as {model.__name__}.address, not {path!r}")
    if not issubclass(model, path.model):
        raise TypeError(f"save(whole=...) takes paths of {model.__name__}, not {path!r}")
    return path.attribute.name


def _is_path(value: object) -> TypeGuard[Expr[Any]]:
    return isinstance(value, Expr)
