"""Repository: classes of your own as items, without a base class and without a second declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn

import pydynox._core as _core
from pydynox._shared.public import public
from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox._shared.typing import Row
from pydynox.default_client import client_for
from pydynox.exceptions import ConfigurationError, ItemAlreadyExistsError
from pydynox.indexes import Index
from pydynox.key import Key, not_found
from pydynox.query import Query
from pydynox.tables.table import Table

from .binding import Binding
from .classes import object_class, refuse
from .hidden import Declared
from .paths import AttributePaths

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydynox._shared.typing import Codec
    from pydynox.client import DynamoDBClient
    from pydynox.expressions import Action, Condition, Expr
    from pydynox.indexes import GlobalSecondaryIndex, LocalSecondaryIndex
    from pydynox.model import Change, Model
    from pydynox.sync import SyncRepository


@public
class Repository(Generic[Row]):
    """Objects of a class that knows nothing of pydynox, stored as items: a pydantic model, a dataclass, an attrs class or a
    ``msgspec.Struct``.

    What an object is read as, the class itself checks. A repository remembers by identity what it read or wrote, for as long as
    an object lives: ``save`` sends only what changed, and stored attributes that the class does not declare survive ``save`` and
    ``put``. A frozen class, and one whose objects cannot be referenced weakly, need ``keep_unknown=False``: nothing is remembered
    then, and ``save(new, loaded=old)`` compares two objects.

    Args:
        cls: The class; it stays as it is.
        table: The table's name.
        partition_key: The field that is the partition key.
        sort_key: The field that is the sort key.
        indexes: Secondary indexes by name, with their fields by name: ``{"by_email": GlobalSecondaryIndex("email")}``.
        ttl: The field, a ``datetime`` or ``datetime | None``, by which DynamoDB deletes expired items.
        hide_expired: Treat an expired item as absent.
        version: The field, an ``int``, that every write increments, so that no writer overwrites a change it has not seen.
        unique: Fields whose values only one item may have together, or a list of several such groups.
        names: Stored names by field, where they differ.
        codecs: How the values of a field are stored, for a type that cannot be stored by itself.
        keep_unknown: Whether to remember what is stored of an object.
        client: The client of this repository, unless an ``as_default()`` block is active.
        consistent_read: Whether reads are strongly consistent unless the call specifies otherwise.

    Attributes:
        attr: The paths to the fields, for conditions and updates: ``users.attr.age >= 18``.
        model: The model that it uses, for calls that take a model class.

    Raises:
        ConfigurationError: The class cannot be stored like this; the message names the field and what to do.

    Example:
        >>> users = Repository(User, table="users", partition_key="user_id")
        >>> await users.create(User(user_id="u1", name="Ada"))
        >>> user = await users.get("u1")
    """

    def __init__(
        self,
        cls: type[Row],
        /,
        *,
        table: str,
        partition_key: str,
        sort_key: str | None = None,
        indexes: Mapping[str, GlobalSecondaryIndex[Any, Any] | LocalSecondaryIndex[Any, Any]] | None = None,
        ttl: str | None = None,
        hide_expired: bool = False,
        version: str | None = None,
        unique: Sequence[str] | Sequence[Sequence[str]] = (),
        names: Mapping[str, str] | None = None,
        codecs: Mapping[str, Codec[Any]] | None = None,
        keep_unknown: bool = True,
        client: DynamoDBClient | None = None,
        consistent_read: bool = False,
    ) -> None:
        source = object_class(cls)
        if keep_unknown:
            _check_memory(source.name, is_frozen=source.is_frozen, has_weak=source.has_weak_references, remedy=source.remedy)
        declared = Declared(
            source,
            partition_key=partition_key,
            sort_key=sort_key,
            ttl=ttl,
            hide_expired=hide_expired,
            version=version,
            stored_names=names or {},
            indexes=indexes or {},
            codecs=codecs or {},
            unique=unique,
        )
        model: Any = declared.model(table, client, consistent_read=consistent_read)
        self._names = declared.names
        self._binding = Binding(source, model, declared.names, version, remembers=keep_unknown)
        self._indexes = declared.index_names
        model._hooks = self._binding
        model._as_object = _as_object
        self._schema: _core.Schema = model._schema
        self.model: type[Model[Any]] = model
        self.attr = AttributePaths(model, declared.names)
        self._sync: SyncRepository[Row] | None = None  # made once, because making it costs a good part of a call

    async def get(
        self, /, *values: Any, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN, **key: Any
    ) -> Row | None:
        """Read the object with this key. Sends GetItem.

        Args:
            *values: The partition key and, if there is one, the sort key.
            consistent_read: Use a strongly consistent read. Defaults to the surrounding ``client.options()``, then to the
                repository's setting.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.
            **key: The key by name, instead of ``values``.

        Returns:
            A new object, or None if the item does not exist.

        Raises:
            ValidationError: The key is incomplete or of the wrong type.
            SerializationError: A stored value does not fit the class, or the class refuses it.
            TableNotFoundError: The table does not exist.

        Example:
            >>> user = await users.get("u1")

        Costs: half a read unit per 4 KB; one if strongly consistent.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            return await limited(client, timeout, Repository[Row].get(self, *values, consistent_read=consistent_read, **key))
        item = await client.core.get(self._schema, values, self._hidden(key) if key else key, consistent_read)
        return None if item is None else self._binding.object_for(item)

    async def get_or_raise(
        self, /, *values: Any, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN, **key: Any
    ) -> Row:
        """Read the object with this key, which must exist. Sends GetItem.

        Args:
            *values: The partition key and, if there is one, the sort key.
            consistent_read: Use a strongly consistent read. Defaults to the surrounding ``client.options()``, then to the
                repository's setting.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.
            **key: The key by name, instead of ``values``.

        Raises:
            ItemNotFoundError: The item does not exist.
            ValidationError: The key is incomplete or of the wrong type.
            SerializationError: A stored value does not fit the class, or the class refuses it.
            TableNotFoundError: The table does not exist.

        Example:
            >>> user = await users.get_or_raise("u1")

        Costs: half a read unit per 4 KB; one if strongly consistent.
        """
        instance = await self.get(*values, consistent_read=consistent_read, timeout=timeout, **key)
        if instance is None:
            raise not_found(self.key(*values, **key), client_for(self.model.model_config.client))
        return instance

    async def batch_get(
        self, keys: Iterable[Any], /, *, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN
    ) -> list[Row | None]:
        """Read the objects of many keys. Sends BatchGetItem, up to 100 keys each, several requests in parallel.

        Args:
            keys: The keys, any number: values, tuples of partition and sort key, or what ``key()`` returns.
            consistent_read: Use strongly consistent reads. Defaults to the surrounding ``client.options()``, then to the
                repository's setting.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The objects in the order of the keys, None for each that does not exist.

        Raises:
            BatchIncompleteError: DynamoDB did not process some keys before the timeout: ``unprocessed`` lists them, ``items`` has
                the rest.
            ValidationError: A key is incomplete or of the wrong type.
            SerializationError: A stored value does not fit the class, or the class refuses it.
            TableNotFoundError: The table does not exist.

        Example:
            >>> ada, bob = await users.batch_get(["u1", "u2"])

        Costs: half a read unit per 4 KB of each item; one if strongly consistent.
        """
        client = client_for(self.model.model_config.client)
        every: list[Key[Row]] = [self._key_of(key) for key in keys]
        return await client.batch_get_all(every, consistent_read=consistent_read, timeout=timeout)

    def key(self, /, *values: Any, **key: Any) -> Key[Row]:
        """The key of an item, through which it is read and written without an object; no I/O.

        Args:
            *values: The partition key and, if there is one, the sort key.
            **key: The key by name, instead of ``values``.

        Raises:
            ValidationError: The key is incomplete or of the wrong type.

        Example:
            >>> user = await users.key("u1").update(users.attr.age.add(1))
        """
        return Key(self.model, self._schema.key(values, self._hidden(key)))

    def query(self, /, *values: Any, **key: Any) -> Query[Row]:
        """A query for the objects of one partition, in sort key order. Sends Query when it is read.

        Args:
            *values: The partition key, then a condition on the sort key.
            **key: The partition key by name, instead of by value.

        Raises:
            ValidationError: The partition key is missing or of the wrong type, or DynamoDB does not allow such a condition on a
                key.

        Example:
            >>> async for order in orders.query("c1", orders.attr.number > 3):
            ...     print(order.total)

        Costs: half a read unit per 4 KB read; one if strongly consistent.
        """
        return Query(_core.Search.query(self._schema, None, values, self._hidden(key)), self.model, None)

    def scan(self, *, segments: int = 1, segment: int | None = None) -> Query[Row]:
        """A scan of every object in the table, in no particular order. Sends Scan when it is read.

        Args:
            segments: The number of segments to read in parallel.
            segment: Read only this segment, zero-based, to spread the work over processes.

        Raises:
            ValidationError: A number is out of range.

        Example:
            >>> async for user in users.scan().filter(users.attr.age >= 18):
            ...     print(user.name)

        Costs: half a read unit per 4 KB of the whole table; one if strongly consistent.
        """
        return Query(_core.Search.scan(self._schema, None, segments, segment), self.model, None)

    def index(self, name: str, /) -> Index[Row, Any, Any]:
        """An index of the table, by the name it has in ``indexes``; no I/O.

        Raises:
            ConfigurationError: There is no such index.

        Example:
            >>> await users.index("by_email").query("a@b.c").first()
        """
        if name not in self._indexes:
            declared = ", ".join(map(repr, self._indexes)) or "none"
            raise ConfigurationError(
                f"{self!r} has no index {name!r}: it has {declared}; declare it with indexes={{{name!r}: ...}}",
                model=self.model.__name__,
            )
        return Index(self.model, self._indexes[name])

    async def create(self, instance: Row, /, *, condition: Condition | None = None, timeout: float | None = NOT_GIVEN) -> Row:
        """Create the item of an object, which must not exist yet. Sends PutItem with ``attribute_not_exists``.

        Args:
            instance: The object.
            condition: A further condition; it sees an item without attributes.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The object as it is stored: the same one, with the new version; of a frozen class with ``version=``, a copy.

        Raises:
            TypeError: It is not an object of the class.
            ItemAlreadyExistsError: An item with this key exists; ``error.item`` is the stored object.
            UniqueConstraintError: A unique value is taken; ``error.holder`` is the key of the item that has it.
            ConditionFailedError: The condition was false.
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item exceeds 400 KB.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await users.create(User(user_id="u1", name="Ada"))

        Costs: one write unit per KB, even if the item exists.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            return await limited(client, timeout, Repository[Row].create(self, instance, condition=condition))
        item = self._binding.item_for(instance)
        await client.core.create(item, condition)
        settled: Row = self._binding.settle(item, instance)
        return settled

    async def put(self, instance: Row, /, *, condition: Condition | None = None, timeout: float | None = NOT_GIVEN) -> Row:
        """Write the whole item of an object, replacing any item with the same key. Sends PutItem.

        Stored attributes that the class does not declare are written back if the object was read. With ``version=``, a version
        greater than 0 must be that of the stored item.

        Args:
            instance: The object.
            condition: Write only if this holds for the stored item.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The object as it is stored: the same one, with the new version; of a frozen class with ``version=``, a copy.

        Raises:
            TypeError: It is not an object of the class.
            VersionConflictError: The stored item has a different version; ``error.item`` is the stored object.
            ConditionFailedError: The condition was false; ``error.item`` is the stored object.
            WriteOutcomeUnknownError: No response arrived, and a conditional write is not retried.
            ValidationError: A value cannot be stored.
            ItemTooLargeError: The item exceeds 400 KB.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await users.put(User(user_id="u1", name="Ada"))

        Costs: one write unit per KB of the old or the new item, whichever is larger.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            return await limited(client, timeout, Repository[Row].put(self, instance, condition=condition))
        item = self._binding.item_for(instance)
        await client.core.put(item, condition)
        settled: Row = self._binding.settle(item, instance)
        return settled

    async def save(
        self,
        instance: Row,
        /,
        *,
        loaded: Row | None = None,
        condition: Condition | None = None,
        whole: Sequence[Expr[Any]] = (),
        timeout: float | None = NOT_GIVEN,
    ) -> Row:
        """Write what changed in an object since it was read or written; create the item of a new one. Sends UpdateItem, or
        PutItem with ``attribute_not_exists``; nothing if nothing changed.

        Args:
            instance: The object.
            loaded: The object that was read, if ``instance`` is a changed copy of it: what differs between the two is written.
            condition: Write only if this holds for the stored item.
            whole: Paths of fields to replace as one value if they changed, instead of changing what differs inside them.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The object as it is stored: the same one, with the new version; of a frozen class with ``version=``, a copy.

        Raises:
            TypeError: It is not an object of the class.
            ItemAlreadyExistsError: The object is new to the repository, and an item with its key exists.
            ItemVanishedError: The item was deleted since it was read.
            VersionConflictError: The stored item has a different version; ``error.item`` is the stored object.
            UniqueConstraintError: A unique value is taken; ``error.holder`` is the key of the item that has it.
            ConditionFailedError: The condition was false; ``error.item`` is the stored object.
            WriteOutcomeUnknownError: No response arrived, and a conditional write is not retried.
            ValidationError: A value cannot be stored, or the key changed.
            ItemTooLargeError: The item exceeds 400 KB.

        Example:
            >>> user = await users.get_or_raise("u1")
            >>> user.tags.append("new")
            >>> await users.save(user)
            >>> older = user.model_copy(update={"age": user.age + 1})
            >>> await users.save(older, loaded=user)

        Costs: one write unit per KB of the whole item before or after the write, whichever is larger; nothing if nothing changed.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            call = Repository[Row].save(self, instance, loaded=loaded, condition=condition, whole=whole)
            return await limited(client, timeout, call)
        names = [self._name_of(place) for place in whole]
        binding = self._binding
        item = binding.item_for(instance) if loaded is None else binding.item_after(instance, loaded)
        is_new = not _core.is_stored(item)
        operation = client.core.save(item, names, condition)
        if operation is not None:
            try:
                await operation
            except ItemAlreadyExistsError as error:
                if is_new:
                    error.add_note(
                        f"this {self.model.__name__} was not read through this repository, so save() takes it for a new one: "
                        "of a changed copy, pass what was read as save(copy, loaded=...)"
                    )
                raise
        settled: Row = binding.settle(item, instance)
        return settled

    async def update(
        self, instance: Row, /, *actions: Action, condition: Condition | None = None, timeout: float | None = NOT_GIVEN
    ) -> Row:
        """Update the item of an object without reading it first; the object then reflects the result. Sends UpdateItem.

        Unsaved edits of other fields are kept. For items without an object, and for classes of which nothing is remembered, use
        ``users.key(...).update(...)``.

        Args:
            instance: The object, read or written by this repository.
            *actions: The changes, such as ``users.attr.age.add(1)``.
            condition: Update only if this holds for the stored item.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The same object.

        Raises:
            ItemVanishedError: The item was deleted in the meantime.
            VersionConflictError: The stored item has a different version; ``error.item`` is the stored object.
            ConditionFailedError: The condition was false, or the parent of a nested path does not exist.
            ValidationError: There is no action, two actions change the same path, one changes a key or a field with unsaved
                edits, or the repository did not read the object.
            SerializationError: The class refuses the new values; the update was applied.
            WriteOutcomeUnknownError: No response arrived, and the update is not retried.

        Example:
            >>> await users.update(user, users.attr.age.add(1), condition=users.attr.age < 100)

        Costs: one write unit per KB of the whole item before or after the update, whichever is larger, even if the condition
            fails.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            return await limited(client, timeout, Repository[Row].update(self, instance, *actions, condition=condition))
        binding = self._binding
        binding.known_item(instance, "update")
        item, before = binding.item_for(instance), binding.values_of(instance)
        await client.core.update(item, actions, condition)
        binding.take_over(item, instance, before)
        return instance

    async def refresh(self, instance: Row, /, *, timeout: float | None = NOT_GIVEN) -> Row:
        """Read the item of an object again with a strongly consistent read, discarding unsaved changes. Sends GetItem.

        Args:
            instance: The object, read or written by this repository.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Returns:
            The same object.

        Raises:
            ItemNotFoundError: The item no longer exists; the object stays as it is.
            SerializationError: A stored value does not fit the class, or the class refuses it; the object stays as it is.
            ValidationError: The repository did not read the object.

        Example:
            >>> await users.refresh(user)

        Costs: one read unit per 4 KB.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            return await limited(client, timeout, Repository[Row].refresh(self, instance))
        item = self._binding.known_item(instance, "refresh")
        await client.core.refresh(item)
        self._binding.take_over(item, instance)
        return instance

    async def delete(self, instance: Row, /, *, condition: Condition | None = None, timeout: float | None = NOT_GIVEN) -> None:
        """Delete the item of an object; deleting one that does not exist succeeds. Sends DeleteItem. The object then counts as
        new. Without an object, use ``users.key("u1").delete()``.

        With ``version=``, the stored item of an object that was read must exist and have its version.

        Args:
            instance: The object.
            condition: Delete only if this holds for the stored item.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``client.options(timeout=...)``.

        Raises:
            TypeError: It is not an object of the class.
            VersionConflictError: The stored item has a different version; ``error.item`` is the stored object.
            ItemVanishedError: There is a version, and the item does not exist.
            ConditionFailedError: The condition was false; ``error.item`` is the stored object, None if it does not exist.
            WriteOutcomeUnknownError: No response arrived, and a conditional delete is not retried.
            TableNotFoundError: The table does not exist.

        Example:
            >>> await users.delete(user)

        Costs: one write unit per KB of the deleted item; one if it does not exist.
        """
        client = client_for(self.model.model_config.client)
        if timeout is not NOT_GIVEN:
            await limited(client, timeout, Repository[Row].delete(self, instance, condition=condition))
            return
        await client.core.delete(self._binding.item_to_delete(instance), condition)

    def item(self, instance: Row, /) -> Model[Any]:
        """The item of an object, for batches and transactions: ``await batch.put(users.item(user))``; no I/O.

        Its values are those that the object has when the batch or the transaction takes it.

        Raises:
            TypeError: It is not an object of the class.
            ValidationError: A value cannot be stored.

        Example:
            >>> async with client.transaction() as tx:
            ...     tx.create(orders.item(order))
            ...     tx.update(users.key("u1"), users.attr.orders.add(1))
        """
        item: Model[Any] = self._binding.item_for(instance)
        return item

    def changes(self, instance: Row, /) -> dict[str, Change]:
        """What differs in an object from the item as it was last read or written, including edits in place; no I/O.

        Returns:
            ``Change(old, new)`` by field; for a new object, every field that has a value.

        Example:
            >>> user.age += 1
            >>> users.changes(user)
            {'age': Change(old=36, new=37)}
        """
        item: Any = self._binding.item_for(instance)
        names = {hidden: name for name, hidden in self._names.items()}
        return {names[hidden]: change for hidden, change in item.model_changes().items()}

    @property
    def table(self) -> Table[Row]:
        """The table: ``await users.table.create()``, ``await users.table.check()``."""
        return Table(self.model)

    @property
    def sync(self) -> SyncRepository[Row]:
        """The blocking form of this repository."""
        view = self._sync
        if view is None:
            from pydynox.sync import SyncRepository

            view = self._sync = SyncRepository(self)
        return view

    def __repr__(self) -> str:
        return f"<repository of {self.model.__name__} in {self.model.model_config.table!r}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} cannot be pickled or copied: create it where it is used, or import it")

    def _key_of(self, key: Any) -> Key[Row]:
        if issubclass(type(key), Key):
            if key.model is not self.model:
                raise TypeError(f"{self!r} reads keys that it made itself, with key(), not {key!r}")
            return key  # type: ignore[no-any-return]  # not narrowed: pyright would not know its type argument
        return self.key(*key) if issubclass(type(key), tuple) else self.key(key)

    def _hidden(self, key: dict[str, Any]) -> dict[str, Any]:
        """A key by name, by the names that the model has for the fields."""
        return {self._names.get(name, name): value for name, value in key.items()}

    def _name_of(self, place: Any) -> str:
        """The name of the attribute that a path in ``save(whole=...)`` stands for."""
        if getattr(place, "model", None) is not self.model:
            raise TypeError(f"save(whole=...) takes paths of this repository, such as users.attr.address, not {place!r}")
        name: str = place.attribute.name
        return name


def _as_object(item: Any) -> Any:
    """The object of an item that came with an error: a method of hidden models."""
    return item._hooks.object_or_values(item)


def _check_memory(name: str, *, is_frozen: bool, has_weak: bool, remedy: str) -> None:
    """Whether a repository can remember what is stored of the objects of a class.

    Raises:
        ConfigurationError: It cannot.
    """
    if is_frozen:
        refuse(
            name,
            "",
            "is frozen: a write cannot change its objects, and of a changed copy nothing is known. Pass keep_unknown=False, and "
            "save(new, loaded=old)",
        )
    if not has_weak:
        refuse(
            name,
            "",
            "has objects that cannot be referenced weakly, so a repository cannot remember what is stored of them: add "
            f"{remedy}, or pass keep_unknown=False, and save(new, loaded=old)",
        )
