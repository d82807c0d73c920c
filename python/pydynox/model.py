"""Model: one class per kind of item, and what its instances do."""

# pyright: reportInconsistentOverload=false
# It cannot bind a TypeVarTuple to the *values of an implementation; mypy can, and compares the overloads with it.

from __future__ import annotations

from abc import ABCMeta
from types import MappingProxyType, SimpleNamespace, new_class
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    Self,
    SupportsIndex,
    TypeGuard,
    cast,
    dataclass_transform,
    overload,
)

from . import _core
from ._declaration.compile import SchemaOf, compile_model, completed, key_names, path_of
from ._declaration.definition import definition_of
from ._declaration.family import find_entity
from ._declaration.generics import is_concrete
from ._declaration.instances import of_key, validated
from ._declaration.kinds import describe
from ._declaration.protected import conceals
from ._shared.timeout import NOT_GIVEN, limited
from ._shared.typing import PK, SK, PK_contra, Row, Row_co, SKs
from .attributes import Attr, field, partition_key, sort_key
from .config import ModelConfig
from .default_client import client_for
from .exceptions import InvalidResponseError, ItemAlreadyExistsError, ValidationError
from .expressions import Action, Condition, Expr
from .hooks import Hooks, hooks_of
from .key import Key, not_found
from .managed import created_at, ttl, updated_at, version
from .query import Query
from .tables.table import Table

if TYPE_CHECKING:
    import dataclasses
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ._shared.typing import IncEx, ModelClass
    from .sync import SyncInstance, SyncModel


class Change(NamedTuple):
    """What one attribute was in the stored item, and what it is now; None where there is or was none."""

    old: Any
    new: Any


class ItemSize(NamedTuple):
    """What an item counts in bytes, as DynamoDB counts it; an item may have 409,600."""

    total: int
    attributes: dict[str, int]  # by the name in the table, names included


_sync: Any = None  # the module, once a view was asked for: an import statement costs as much as the view


def _import_sync() -> Any:
    global _sync
    from . import sync

    _sync = sync
    return sync


class _SyncView:
    """``User.sync`` and ``user.sync``."""

    @overload
    def __get__(self, instance: None, owner: ModelClass[Row_co, PK_contra, *SKs]) -> SyncModel[Row_co, PK_contra, *SKs]: ...
    @overload
    def __get__(self, instance: Row, owner: Any) -> SyncInstance[Row]: ...
    def __get__(self, instance: Any, owner: Any) -> Any:
        sync = _sync if _sync is not None else _import_sync()
        return sync.SyncModel(owner) if instance is None else sync.SyncInstance(instance)


class _TableView:
    """``User.table``."""

    def __get__(self, instance: object, owner: type[Row]) -> Table[Row]:
        return Table(owner)


class _FieldsView:
    """``User.model_fields``."""

    def __get__(self, instance: object, owner: type[Any]) -> Mapping[str, Attr[Any]]:
        if definition_of(owner) is None:
            return MappingProxyType({})
        return MappingProxyType(completed(owner).attributes)


class _MatchArgs:
    """``__match_args__``: ``case Order(customer, number)`` means the key, as it does in ``Order.get(customer, number)``."""

    def __get__(self, instance: object, owner: type[Any]) -> tuple[str, ...]:
        if definition_of(owner) is None:
            return ()
        return key_names(owner)


class _DataclassFields:
    """``__dataclass_fields__``: what ``dataclasses.fields`` looks for, and by which FastAPI knows a request body."""

    def __get__(self, instance: object, owner: type[Any]) -> dict[str, dataclasses.Field[Any]]:
        if definition_of(owner) is None:
            return {}
        definition = completed(owner)
        if definition.dataclass_fields is None:
            definition.dataclass_fields = {name: _dataclass_field(attribute) for name, attribute in definition.attributes.items()}
        return definition.dataclass_fields


class _SignatureView:
    """``User.__signature__``: what ``inspect.signature`` and ``help`` show of the constructor."""

    def __get__(self, instance: object, owner: type[Any]) -> Any:
        if definition_of(owner) is None or owner.__init__ is not _core.Instance.__init__:
            return None  # a constructor of the class's own says it itself
        from ._declaration.signature import signature_of

        return signature_of(completed(owner).attributes.values())


def _dataclass_field(attribute: Attr[Any]) -> dataclasses.Field[Any]:
    import dataclasses

    concealed = conceals(attribute)
    options: dict[str, Any] = {"kw_only": True, "repr": attribute.options.repr, "compare": not concealed}
    if attribute.options.default is not None:
        options["default"] = attribute.options.default[0]
    elif attribute.options.default_factory is not None:
        options["default_factory"] = attribute.options.default_factory
    made: Any = dataclasses.field(**options)
    # Of another type than `_FIELD` it is a parameter, which `replace` takes over, and nothing that `fields` and `asdict` see.
    made.name, made.type, made._field_type = (
        attribute.name,
        attribute.type,
        "encrypted" if concealed else vars(dataclasses)["_FIELD"],
    )
    return cast("dataclasses.Field[Any]", made)


if TYPE_CHECKING:
    ModelType = type  # checkers would take any class keyword, and any name on a class, for one that exists
else:

    class ModelType(ABCMeta):
        """What model classes are: finds ``User.age``. Of ``ABCMeta``, so that models can inherit from abstract classes too."""

        def __getattr__(cls, name: str) -> Any:
            definition = cls.__dict__.get("_definition")
            known = None if definition is None else definition.paths.get(name)
            return known if known is not None else path_of(cls, name)

        def _path_to(cls, name: str) -> Any:
            return path_of(cls, name)

        def __dir__(cls) -> list[str]:
            return [*super().__dir__(), *cls.model_fields]


@dataclass_transform(
    kw_only_default=True, field_specifiers=(field, partition_key, sort_key, version, created_at, updated_at, ttl)
)
class Model(_core.Instance, Generic[PK, *SK], metaclass=ModelType):
    """One kind of item. ``Model[str]`` has a partition key of that type, ``Model[str, int]`` a sort key too.

    Class keywords: ``table=`` names the table; ``entity=`` names the items in a table that several models share: a model sees its
    own items and those of its subclasses, never others; ``unique=("tenant", "email")`` says that only one item may have these
    values together (a list of such tuples says several); ``abstract=True`` is for bases that have no items of their own;
    ``init=False`` is for pyright where attribute objects stand without annotations, and changes nothing at run time. More
    settings are in ``model_config = ModelConfig(...)``.

    Raises:
        ConfigurationError: The class is declared wrongly.
        ValidationError: A value for the constructor is missing, unknown, or of the wrong type; ``errors`` has all of them.

    Example:
        >>> class Order(Model[str, int], table="orders"):
        ...     customer_id: Attr[str] = partition_key()
        ...     number: Attr[int] = sort_key()
        ...     note: Attr[str | None] = field(default=None)
        >>> await Order(customer_id="c1", number=7).create()
    """

    model_config: ClassVar[ModelConfig] = ModelConfig()
    model_fields = _FieldsView()
    sync = _SyncView()
    table = _TableView()
    __dataclass_fields__ = _DataclassFields()
    # What `pprint` asks of whatever has such fields; it then shows a model by its `repr`.
    __dataclass_params__ = SimpleNamespace(
        init=True, repr=False, eq=True, order=False, unsafe_hash=False, frozen=False, match_args=True, kw_only=True
    )
    if not TYPE_CHECKING:
        __match_args__ = _MatchArgs()  # checkers ask for literals, and know the keywords of a pattern
        __signature__ = _SignatureView()
    _schema = SchemaOf()
    _hooks: ClassVar[Hooks | None] = None  # what decides whether a verb looks further: most classes have none

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
        cls._schema = Model.__dict__["_schema"]  # not the base's: this class gets its own
        compile_model(cls, table=table, entity=entity, abstract=abstract, unique=unique)
        cls._hooks = hooks_of(cls)

    if not TYPE_CHECKING:

        def __class_getitem__(cls, arguments: Any) -> Any:
            alias = super().__class_getitem__(arguments)
            if cls is Model or not is_concrete(alias.__args__):
                return alias
            return _specialise(cls, alias)

    @overload
    @classmethod
    async def get(
        cls, partition: PK, /, *sort: *SK, consistent_read: bool | None = None, timeout: float | None = ...
    ) -> Self | None: ...
    @overload
    @classmethod
    async def get(cls, /, *, consistent_read: bool | None = None, timeout: float | None = ..., **key: Any) -> Self | None: ...
    @classmethod
    async def get(
        cls, /, *values: object, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN, **key: object
    ) -> Self | None:
        """Read the item with this key. Sends GetItem.

        Args:
            *values: The partition key and, where there is one, the sort key.
            consistent_read: Whether every write that has ended before must be seen; when not given, as the ``client.options()``
                around it says, or the model.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.
            **key: The key by name, in place of ``values``.

        Returns:
            The item, or None where there is none.

        Raises:
            ValidationError: The key is not complete, or of the wrong type.
            SerializationError: A stored value does not fit the model.
            TableNotFoundError: There is no such table.

        Example:
            >>> user = await User.get("u1")

        Costs: half a read unit per 4 KB, a whole one when consistent.
        """
        if timeout is not NOT_GIVEN:
            at: Key[Self] = Key(cls, cls._schema.key(values, key))
            return await at.get(consistent_read=consistent_read, timeout=timeout)
        found = await client_for(cls.model_config.client).core.get(cls._schema, values, key, consistent_read)
        if found is not None and found._hooks is not None:
            await found._hooks.loaded(found)
        return cast("Self | None", found)

    @overload
    @classmethod
    async def get_or_raise(
        cls, partition: PK, /, *sort: *SK, consistent_read: bool | None = None, timeout: float | None = ...
    ) -> Self: ...
    @overload
    @classmethod
    async def get_or_raise(cls, /, *, consistent_read: bool | None = None, timeout: float | None = ..., **key: Any) -> Self: ...
    @classmethod
    async def get_or_raise(
        cls, /, *values: object, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN, **key: object
    ) -> Self:
        """Read the item with this key, which must be there. Sends GetItem.

        Args:
            *values: The partition key and, where there is one, the sort key.
            consistent_read: Whether every write that has ended before must be seen; when not given, as the ``client.options()``
                around it says, or the model.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.
            **key: The key by name, in place of ``values``.

        Raises:
            ItemNotFoundError: There is no such item.
            ValidationError: The key is not complete, or of the wrong type.
            SerializationError: A stored value does not fit the model.
            TableNotFoundError: There is no such table.

        Example:
            >>> user = await User.get_or_raise("u1")

        Costs: half a read unit per 4 KB, a whole one when consistent.
        """
        if timeout is not NOT_GIVEN:
            at: Key[Self] = Key(cls, cls._schema.key(values, key))
            return await at.get_or_raise(consistent_read=consistent_read, timeout=timeout)
        client = client_for(cls.model_config.client)
        found = await client.core.get(cls._schema, values, key, consistent_read)
        if found is None:
            raise not_found(Key(cls, cls._schema.key(values, key)), client)
        if found._hooks is not None:
            await found._hooks.loaded(found)
        return cast("Self", found)

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
        """Read the item with this key; where there is none, write one. Sends GetItem, then PutItem guarded as ``create`` is.

        Args:
            *values: The partition key and, where there is one, the sort key.
            defaults: The other attributes of a new item.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.
            **key: The key by name, in place of ``values``.

        Returns:
            The item, and whether this call wrote it. An item that somebody else wrote meanwhile is read again.

        Raises:
            ValidationError: The key is not complete, or a value does not fit.
            ItemAlreadyExistsError: Whether this call or another wrote the item is not known (``error.ambiguous``), or an item of
                another entity has the key.
            SerializationError: The stored item does not fit the model.
            TableNotFoundError: There is no such table.

        Example:
            >>> user, created = await User.get_or_create("u1", defaults={"name": "Ada"})

        Costs: half a read unit per 4 KB, a whole one when consistent; a new item also one write unit per KB.
        """
        if timeout is not NOT_GIVEN:
            bare: Any = Model.get_or_create
            client = client_for(cls.model_config.client)
            made_here: tuple[Self, bool] = await limited(client, timeout, bare.__func__(cls, *values, defaults=defaults, **key))
            return made_here
        parts = cls._schema.key(values, key)
        at: Key[Self] = Key(cls, parts)
        found = await at.get()
        if found is not None:
            return found, False
        made = cls(**{**of_key(cls, parts, key), **(defaults or {})})
        try:
            await made.create()
        except ItemAlreadyExistsError as error:
            if error.ambiguous:
                raise
            found = await at.get(consistent_read=True)
            if found is None:
                raise  # an item of another entity has the key, or this one's came and went
            return found, False
        return made, True

    @overload
    @classmethod
    def key(cls, partition: PK, /, *sort: *SK) -> Key[Self]: ...
    @overload
    @classmethod
    def key(cls, /, **key: Any) -> Key[Self]: ...
    @classmethod
    def key(cls, /, *values: object, **key: object) -> Key[Self]:
        """The address of one item; no I/O.

        Args:
            *values: The partition key and, where there is one, the sort key.
            **key: The key by name, in place of ``values``.

        Raises:
            ValidationError: The key is not complete, or of the wrong type.

        Example:
            >>> await User.key("u1").delete()
        """
        return Key(cls, cls._schema.key(values, key), key)

    @classmethod
    def _find_entity(cls, name: str) -> _core.Schema | None:
        return find_entity(cls, name)

    @classmethod
    def _query_of_key(cls, values: tuple[object, ...]) -> Query[Self]:
        """The query for the one item that has this key."""
        key = dict(zip(key_names(cls), values, strict=True))
        return Query(_core.Search.query(cls._schema, None, (), key), cls, None)

    @overload
    @classmethod
    def query(cls, partition: PK, sort: Condition | None = None, /) -> Query[Self]: ...
    @overload
    @classmethod
    def query(cls, sort: Condition | None = None, /, **key: Any) -> Query[Self]: ...
    @classmethod
    def query(cls, /, *values: Any, **key: Any) -> Query[Self]:
        """The items of one partition, in the order of their sort keys; no I/O yet. Sends Query.

        Args:
            *values: The partition key, then a condition on the sort key.
            **key: The partition key by name, in place of the value; where templates make the key, the attributes that it is made
                of: the sort key then begins with what is known of it.

        Raises:
            ValidationError: The partition key is missing or of the wrong type, or the condition is one that no query can have.

        Example:
            >>> async for order in Order.query("c1", Order.number.between(1, 9)):
            ...     print(order.total)

        Costs: half a read unit per 4 KB of what is read; a whole one when consistent.
        """
        return Query(_core.Search.query(cls._schema, None, values, key), cls, None)

    @classmethod
    def scan(cls, *, segments: int = 1, segment: int | None = None) -> Query[Self]:
        """Every item of the table, in no order; no I/O yet. Sends Scan.

        Args:
            segments: How many parts are read beside each other.
            segment: Read this one of them alone, counted from 0, for work that is spread over processes.

        Raises:
            ValidationError: A number is out of range.

        Example:
            >>> async for user in User.scan(segments=4).filter(User.age >= 18):
            ...     print(user.name)

        Costs: half a read unit per 4 KB of the whole table; a whole one when consistent.
        """
        return Query(_core.Search.scan(cls._schema, None, segments, segment), cls, None)

    async def create(self, *, condition: Condition | None = None, timeout: float | None = NOT_GIVEN) -> None:
        """Write a new item, which must not be there yet. Sends PutItem, guarded by ``attribute_not_exists``.

        Args:
            condition: What must hold beside that; it sees an item without attributes.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Raises:
            ItemAlreadyExistsError: The key is taken; ``error.item`` is the stored item.
            UniqueConstraintError: A unique value is taken; ``error.holder`` is the key of the item that has it.
            ConditionFailedError: The condition was false.
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item exceeds 400 KB.
            TableNotFoundError: There is no such table.

        Example:
            >>> await User(user_id="u1", name="Ada").create()

        Costs: one write unit per KB; a refused one is billed too. With unique values it is a transaction: two units per KB, and
        two for each value.
        """
        if timeout is not NOT_GIVEN:
            await limited(client_for(self.model_config.client), timeout, Model[PK, *SK].create(self, condition=condition))
            return
        hooks = self._hooks
        if hooks is not None:
            await hooks.before(self, "before_save")
        await client_for(self.model_config.client).core.create(self, condition)
        if hooks is not None:
            await hooks.after(self, "after_save")

    async def save(
        self, *, condition: Condition | None = None, whole: Sequence[Expr[Any]] = (), timeout: float | None = NOT_GIVEN
    ) -> None:
        """Write what changed since the item was read, edits in place included; a new item is created.

        Sends UpdateItem of the changed paths, guarded by existence and version; nothing where nothing changed; PutItem, guarded
        by ``attribute_not_exists``, where the instance is new.

        Args:
            condition: Write only if this holds for the stored item; where nothing changed it is checked all the same.
            whole: Attributes that are replaced as a whole where they changed, not path by path.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Raises:
            ItemVanishedError: The item was deleted meanwhile; it is not written again.
            VersionConflictError: The item has another version than the instance; ``error.item`` is the stored item.
            ItemAlreadyExistsError: The instance is new and its key is taken; ``put()`` replaces what is there.
            UniqueConstraintError: A unique value is taken; ``error.holder`` is the key of the item that has it.
            ConditionFailedError: The condition was false; ``error.item`` is the stored item.
            WriteOutcomeUnknownError: No answer came, and with a condition the write is not sent again.
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item exceeds 400 KB.

        Example:
            >>> user = await User.get_or_raise("u1")
            >>> user.tags.append("new")
            >>> await user.save(condition=User.age > 18)

        Costs: one write unit per KB of the whole item, before or after, whichever is larger; nothing where nothing changed. Where
        a unique value changed it is a transaction: two units per KB, and two each for the old and the new value.
        """
        if timeout is not NOT_GIVEN:
            await limited(
                client_for(self.model_config.client), timeout, Model[PK, *SK].save(self, condition=condition, whole=whole)
            )
            return
        names = [_name_of(self, path) for path in whole] if whole else []
        hooks = self._hooks
        if hooks is not None:
            await hooks.before(self, "before_save")
        operation = client_for(self.model_config.client).core.save(self, names, condition)
        if operation is None:
            return
        await operation
        if hooks is not None:
            await hooks.after(self, "after_save")

    async def put(self, *, condition: Condition | None = None, timeout: float | None = NOT_GIVEN) -> None:
        """Write the whole item, replacing whatever is there. Sends PutItem.

        Attributes of a loaded item that the model does not declare are written again. Of a model with unique values only an
        instance that was read can be put, over the values that it was read with.

        Args:
            condition: Write only if this holds for what is there.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Raises:
            VersionConflictError: The item has another version than the instance; ``error.item`` is the stored item.
            ConditionFailedError: The condition was false; ``error.item`` is the stored item.
            WriteOutcomeUnknownError: No answer came, and with a condition the write is not sent again.
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item exceeds 400 KB.
            TableNotFoundError: There is no such table.

        Example:
            >>> await User(user_id="u1", name="Ada").put()

        Costs: one write unit per KB of the larger of the old and the new item. With unique values it is a transaction: two units
        per KB, and two for each value.
        """
        if timeout is not NOT_GIVEN:
            await limited(client_for(self.model_config.client), timeout, Model[PK, *SK].put(self, condition=condition))
            return
        hooks = self._hooks
        if hooks is not None:
            await hooks.before(self, "before_save")
        await client_for(self.model_config.client).core.put(self, condition)
        if hooks is not None:
            await hooks.after(self, "after_save")

    async def update(self, *actions: Action, condition: Condition | None = None, timeout: float | None = NOT_GIVEN) -> None:
        """Change the stored item without reading it first; the instance then equals the item. Sends UpdateItem.

        The item must be there. Attributes that were edited on this instance and not saved keep their edits. Hooks of saving do
        not run: nothing of the instance is written.

        Args:
            *actions: What to do, such as ``User.age.add(1)``.
            condition: Write only if this holds for the stored item.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Raises:
            ItemVanishedError: The item was deleted meanwhile.
            VersionConflictError: The item has another version than the instance; ``error.item`` is the stored item.
            ConditionFailedError: The condition was false, or a nested action found nothing to change inside of; ``error.item`` is
                the stored item.
            ValidationError: There is no action, two change the same place, or one changes a key, an immutable attribute, or an
                attribute with unsaved edits.
            WriteOutcomeUnknownError: No answer came, and applying the actions twice would differ from applying them once, or
                there is a condition; ``refresh()`` shows what is stored.

        Example:
            >>> await user.update(User.age.add(1), User.tags.append("new"), condition=User.age < 100)

        Costs: one write unit per KB of the whole item, before or after, whichever is larger; a refused one is billed too.
        """
        if timeout is not NOT_GIVEN:
            await limited(
                client_for(self.model_config.client), timeout, Model[PK, *SK].update(self, *actions, condition=condition)
            )
            return
        await client_for(self.model_config.client).core.update(self, actions, condition)
        if self._hooks is not None:
            await self._hooks.loaded(self)

    async def delete(self, *, condition: Condition | None = None, timeout: float | None = NOT_GIVEN) -> None:
        """Delete the item; one that is already gone is no error. Sends DeleteItem. The instance counts as new afterwards.

        With a ``version()`` the stored item must be there and have the version that was read.

        Args:
            condition: Delete only if this holds for the stored item.
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Raises:
            VersionConflictError: The item has another version than the instance; ``error.item`` is the stored item.
            ItemVanishedError: The model has a version, and the item is gone.
            ConditionFailedError: The condition was false; ``error.item`` is the stored item, None where there is none.
            WriteOutcomeUnknownError: No answer came, and with a condition the delete is not sent again.
            TableNotFoundError: There is no such table.

        Example:
            >>> await user.delete()

        Costs: one write unit per KB of the deleted item, one where there is none. With unique values it is a transaction: two
        units per KB, and two for each value.
        """
        if timeout is not NOT_GIVEN:
            await limited(client_for(self.model_config.client), timeout, Model[PK, *SK].delete(self, condition=condition))
            return
        hooks = self._hooks
        if hooks is not None:
            await hooks.before(self, "before_delete")
        await client_for(self.model_config.client).core.delete(self, condition)
        if hooks is not None:
            await hooks.after(self, "after_delete")

    async def refresh(self, *, timeout: float | None = NOT_GIVEN) -> None:
        """Read the item again, consistently; unsaved changes are lost. Sends GetItem.

        Args:
            timeout: Seconds that this call may take, as a ``client.options(timeout=...)`` around it says it; None for no limit.

        Raises:
            ItemNotFoundError: The item is not there any more; the instance stays as it is.
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

    def model_changes(self) -> dict[str, Change]:
        """What differs from the item as it was last read or written, edits in place included; no I/O.

        Returns:
            ``Change(old, new)`` by the attribute's name; of a new instance every attribute that has a value.

        Example:
            >>> user.age += 1
            >>> user.model_changes()
            {'age': Change(old=36, new=37)}
        """
        attributes = self.model_fields
        return {name: _change(attributes[name], old, new) for name, (old, new) in _core.changes(self).items()}

    def model_rollback(self) -> None:
        """Undo what was changed since the item was last read or written; no I/O.

        Example:
            >>> user.age += 1
            >>> user.model_rollback()
        """
        _core.rollback(self)

    def model_dump(
        self,
        *,
        mode: Literal["python", "json"] = "python",
        include: IncEx | None = None,
        exclude: IncEx | None = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """The attributes as a new dict, in the order of the class; no I/O.

        Args:
            mode: ``"python"`` keeps the values' types; ``"json"`` gives what ``json.dumps`` accepts: sets become lists, bytes
                base64 text, decimals and dates text, documents dicts.
            include: Only these: a set of names, or a dict that says more of what is inside, as in
                ``{"name": True, "address": {"city"}, "orders": {"__all__": {"number"}}}``.
            exclude: Not these, said in the same way.
            by_alias: Whether pydantic models inside use their aliases. Attributes have none: ``attribute_name`` is the table's.
            exclude_unset: Leave out what a default filled in and nobody has set.
            exclude_defaults: Leave out what equals its default.
            exclude_none: Leave out what is None.

        Raises:
            ValidationError: A value that was edited in place has no form in JSON.

        Example:
            >>> user.model_dump()
            {'user_id': 'u1', 'name': 'Ada', 'age': 36}
            >>> user.model_dump(include={"name"})
            {'name': 'Ada'}
        """
        nested = None if by_alias is None else {"by_alias": by_alias}
        return _core.dump(self, (mode, include, exclude, (exclude_unset, exclude_defaults, exclude_none), nested))

    def model_dump_json(
        self,
        *,
        include: IncEx | None = None,
        exclude: IncEx | None = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> str:
        """The attributes as JSON text: what ``json.dumps`` makes of ``model_dump(mode="json")``; no I/O.

        Args:
            include: As in ``model_dump``, and so are the others.
            exclude: Not these.
            by_alias: Whether pydantic models inside use their aliases.
            exclude_unset: Leave out what a default filled in and nobody has set.
            exclude_defaults: Leave out what equals its default.
            exclude_none: Leave out what is None.

        Raises:
            ValidationError: A value that was edited in place has no form in JSON.

        Example:
            >>> user.model_dump_json()
            '{"user_id":"u1","name":"Ada","age":36}'
        """
        nested = None if by_alias is None else {"by_alias": by_alias}
        return _core.dump_json(self, ("json", include, exclude, (exclude_unset, exclude_defaults, exclude_none), nested))

    @classmethod
    def model_validate(cls, value: Any, /) -> Self:
        """An instance from a dict by the names of attributes, checked as the constructor checks; no I/O.

        Every dump is accepted: dictionaries for documents, dataclasses and pydantic models, and what ``mode="json"`` writes for
        dates, decimals, bytes, enums and the like. A version is the one that the stored item must have: ``put()`` then replaces
        the item only if it still has it. Timestamps and what templates make are ignored.

        Args:
            value: The dict; an instance of this model is given back as it is.

        Raises:
            ValidationError: It is neither, or a value is missing, unknown or wrong; ``errors`` has all of them.

        Example:
            >>> User.model_validate({"user_id": "u1", "name": "Ada"})
            User(user_id='u1', name='Ada', age=0)
        """
        if isinstance(value, cls):
            return value
        values = _as_dict(value)
        if values is None:
            got = type(value).__qualname__
            raise _refused(f"{cls.__name__}.model_validate takes a dict or a {cls.__name__}, not {got}")
        wrong = next((name for name in values if not isinstance(name, str)), None)
        if wrong is not None:
            raise _refused(f"the names of attributes are str, not {type(wrong).__qualname__}")
        made: Self = validated(cls, values)
        return made

    @classmethod
    def model_validate_json(cls, text: str | bytes | bytearray, /) -> Self:
        """An instance from the JSON text of one, checked as ``model_validate`` checks; no I/O. Decimals keep all their digits.

        Args:
            text: A JSON object, as ``model_dump_json`` writes it.

        Raises:
            ValidationError: This is no JSON object, or a value is missing, unknown or wrong; ``errors`` has all of them.

        Example:
            >>> User.model_validate_json('{"user_id": "u1", "name": "Ada"}')
            User(user_id='u1', name='Ada', age=0)
        """
        try:
            encoded = _as_bytes(text)
        except UnicodeEncodeError:
            raise _refused(f"{cls.__name__}.model_validate_json is given what is no JSON: it holds a lone surrogate") from None
        if encoded is None:
            raise _refused(f"{cls.__name__}.model_validate_json takes JSON text, not {type(text).__qualname__}")
        made: Self = validated(cls, _core.parse_json(cls._schema, encoded))
        return made

    @classmethod
    def model_json_schema(cls, *, mode: Literal["validation", "serialization"] = "validation") -> dict[str, Any]:
        """The JSON Schema of the model, as pydantic makes it; no I/O.

        Args:
            mode: ``"validation"`` describes what is accepted: a version may be given, timestamps and what templates make are left
                out. ``"serialization"`` describes a dump, where these are ``readOnly``.

        Raises:
            ImportError: pydantic is not installed.

        Example:
            >>> User.model_json_schema()["properties"]["name"]
            {'title': 'Name', 'type': 'string'}
        """
        try:
            from pydantic import TypeAdapter
        except ImportError as problem:
            raise ImportError(
                f"{cls.__name__}.model_json_schema() needs pydantic: install pydynox[pydantic]", name="pydantic"
            ) from problem
        made: TypeAdapter[Any] = TypeAdapter(cls)
        return made.json_schema(mode=mode)

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """A copy that shares no list, dict or set with this instance, and counts as stored where this one does; no I/O.

        Args:
            update: Values that are other in the copy, checked as an assignment is.

        Raises:
            ValidationError: One of these values is refused; ``errors`` has all of them.

        Example:
            >>> older = user.model_copy(update={"age": user.age + 1})
        """
        made = self.__deepcopy__({})
        errors: list[tuple[str, str]] = []
        for name, value in (update or {}).items():
            try:
                setattr(made, name, value)
            except ValidationError as problem:
                errors += problem.errors
            except AttributeError as problem:
                errors.append((name, str(problem)))
        if errors:
            raise ValidationError("; ".join(message for _, message in errors), errors=errors)
        return made

    def model_is_expired(self) -> bool:
        """Whether the time in the TTL attribute is over, so that DynamoDB may delete the item; no I/O.

        Raises:
            ValidationError: The model has no such attribute.

        Example:
            >>> session.model_is_expired()
            False
        """
        return _core.is_expired(self)

    def model_size(self) -> ItemSize:
        """What the item counts in bytes, as DynamoDB counts it, attributes that the model does not declare included; no I/O.

        Attributes that are stored compressed or encrypted count as they are stored. Before the keyring of the client has made a
        data key, an encrypted one counts as with a data key of KMS: the size of another keyring's may differ by some bytes.

        Raises:
            ValidationError: A value cannot be stored.
            ConfigurationError: There are encrypted attributes, and the client has no keyring.

        Example:
            >>> user.model_size()
            ItemSize(total=23, attributes={'user_id': 9, 'name': 7, 'age': 7})
        """
        client = client_for(type(self).model_config.client).core if self._schema.is_protected else None
        return ItemSize(*_core.size(self, client))

    def model_to_item(self) -> dict[str, Any]:
        """The item in DynamoDB's own JSON, attributes that the model does not declare included; no I/O.

        Binary values are base64 text, as on the wire and in exports; boto3 wants ``bytes`` there.

        Raises:
            ValidationError: A value cannot be stored.

        Example:
            >>> user.model_to_item()
            {'user_id': {'S': 'u1'}, 'name': {'S': 'Ada'}, 'age': {'N': '36'}}
        """
        return _core.to_item(self)

    @classmethod
    def model_from_item(cls, item: Mapping[str, Any], /) -> Self:
        """An instance from an item in DynamoDB's own JSON, of a stream or an export; it counts as read. No I/O, and no hooks.

        A base class gives each item as its own class, by its entity.

        Args:
            item: The item; binary values are base64 text or ``bytes``.

        Raises:
            SerializationError: A stored value does not fit the model.
            ValidationError: This is not DynamoDB's JSON, the item is of another entity, or a value is encrypted or compressed:
                ``client.model_from_item`` opens it.

        Example:
            >>> User.model_from_item({"user_id": {"S": "u1"}, "name": {"S": "Ada"}})
            User(user_id='u1', name='Ada', age=0)
        """
        values = _as_dict(item)
        if values is None:
            raise _refused(f"{cls.__name__}.model_from_item takes a dict, not {type(item).__qualname__}")
        try:
            made: Self = _core.from_item(cls._schema, values)
        except InvalidResponseError as problem:
            raise _refused(f"{cls.__name__}.model_from_item takes DynamoDB's own JSON: {problem}") from None
        return made

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        """A model is a type that pydantic and FastAPI know: validated by its attributes, dumped as ``model_dump`` does."""
        from ._declaration.pydantic_schema import core_schema_of

        return core_schema_of(cls, handler)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """What pydynox decides is left out of what is accepted, and ``readOnly`` in a dump."""
        from ._declaration.pydantic_schema import json_schema_of

        return json_schema_of(cls, schema, handler)

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> tuple[Any, ...]:
        # `Event[int]` is found again through its alias; other classes by their name.
        cls = type(self)
        secret = next((a for a in cls.model_fields.values() if a.options.protection == "encrypted"), None)
        if secret is not None:
            raise TypeError(
                f"{cls.__name__}.{secret.name} is encrypted, and a pickle would hold it in the clear: send the key, and get()"
            )
        return _restored, (cls.__dict__.get("_alias", cls), *_core.pickled(self))

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(shown)})"

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        for name, attribute in self.model_fields.items():
            if attribute.options.repr:
                yield name, _shown(attribute, getattr(self, name, None))

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """The names and values that ``model_dump`` gives, the values as they are: ``dict(user)``."""
        for name, attribute in self.model_fields.items():
            if not conceals(attribute):
                yield name, getattr(self, name)


class _Encrypted:
    """What is shown in place of an encrypted value."""

    def __repr__(self) -> str:
        return "<encrypted>"


_ENCRYPTED = _Encrypted()


def _shown(attribute: Attr[Any], value: object) -> object:
    return _ENCRYPTED if attribute.options.protection == "encrypted" and value is not None else value


class _EncryptedChange(Change):
    """A change that does not show what it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        old, new = (_ENCRYPTED if value is not None else None for value in self)
        return f"Change(old={old}, new={new})"

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        for name, value in zip(self._fields, self, strict=True):
            yield name, _ENCRYPTED if value is not None else None


def _change(attribute: Attr[Any], old: object, new: object) -> Change:
    return (_EncryptedChange if attribute.options.protection == "encrypted" else Change)(old, new)


def _restored(model: Any, values: dict[str, Any], item: bytes | None, unsettled: list[str], unset: Sequence[str] = ()) -> Any:
    """An instance from what it was pickled as."""
    return _core.restored(model, values, item, unsettled, list(unset))


def _refused(message: str) -> ValidationError:
    """The error of a value that is about no attribute."""
    return ValidationError(message, errors=[("", message)])


def _as_dict(value: Any) -> dict[Any, Any] | None:
    """A mapping as a dict; None for what is none."""
    if issubclass(type(value), dict):
        return value  # type: ignore[no-any-return]  # not narrowed: pyright would not know of what the dict is
    return dict(value) if hasattr(value, "keys") and hasattr(value, "__getitem__") else None


def _as_bytes(text: Any) -> bytes | None:
    """Text in UTF-8; None for what is no text."""
    if isinstance(text, str):
        return text.encode()
    return bytes(text) if isinstance(text, (bytes, bytearray)) else None


def _name_of(instance: Model[Any, *tuple[Any, ...]], path: Any) -> str:
    """The attribute that a path of ``save(whole=...)`` names."""
    model = type(instance)
    if not _is_path(path):
        raise TypeError(f"save(whole=...) takes paths such as {model.__name__}.address, not {path!r}")
    if not issubclass(model, path.model):
        raise TypeError(f"save(whole=...) takes paths of {model.__name__}, not {path!r}")
    return path.attribute.name


def _is_path(value: object) -> TypeGuard[Expr[Any]]:
    return isinstance(value, Expr)


def _specialise(model: Any, alias: Any) -> Any:
    """``Event[int]`` as a class of its own, made once: its type variables have a meaning, so its values can be checked."""
    known: dict[Any, Any] | None = model.__dict__.get("_specialised")
    if known is None:
        known = {}
        model._specialised = known
    found = known.get(alias.__args__)
    if found is not None:
        return found
    name = f"{model.__name__}[{', '.join(map(describe, alias.__args__))}]"
    body = {
        "__module__": model.__module__,
        "__qualname__": f"{model.__qualname__}{name[len(model.__name__) :]}",
        "__orig_bases__": (alias,),
        "_alias": alias,
        "__doc__": model.__doc__,
    }
    options = {"abstract": model._definition.abstract}
    return known.setdefault(alias.__args__, new_class(name, (model,), options, lambda namespace: namespace.update(body)))
