"""Repository: classes of your own as items, without a base class and without a second declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NoReturn

from pydynox._shared.public import public
from pydynox._shared.typing import Row
from pydynox.config import ModelConfig

from .binding import Binding
from .classes import object_class, refuse
from .hidden import Declared
from .paths import AttributePaths
from .writes import RepositoryWrites

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydynox._shared.typing import Codec
    from pydynox.client import DynamoDBClient
    from pydynox.indexes import GlobalSecondaryIndex, LocalSecondaryIndex
    from pydynox.model import Change, Model
    from pydynox.sync import SyncRepository


@public
class Repository(RepositoryWrites[Row]):
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
        created_at: The field, a ``datetime`` or ``datetime | None``, that says when the item was first written.
        updated_at: The field, likewise, that says when it was last written.
        unique: Fields whose values only one item may have together, or a list of several such groups.
        names: Stored names by field, where they differ.
        codecs: How the values of a field are stored, for a type that cannot be stored by itself.
        formats: In which form the datetimes, dates or times of a field are stored, as ``field(format=...)`` names it.
        datetime_format: The same for all datetimes for which ``formats`` names none.
        orphans: As in ``ModelConfig``; ``unique`` together with ``ttl`` needs ``"repair"``.
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
        created_at: str | None = None,
        updated_at: str | None = None,
        unique: Sequence[str] | Sequence[Sequence[str]] = (),
        names: Mapping[str, str] | None = None,
        codecs: Mapping[str, Codec[Any]] | None = None,
        formats: Mapping[str, str] | None = None,
        datetime_format: str | None = None,
        orphans: Literal["keep", "repair"] = "keep",
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
            purposes={"ttl": ttl, "version": version, "created_at": created_at, "updated_at": updated_at},
            hide_expired=hide_expired,
            stored_names=names or {},
            indexes=indexes or {},
            codecs=codecs or {},
            formats=formats or {},
            unique=unique,
        )
        settings: dict[str, Any] = {} if datetime_format is None else {"datetime_format": datetime_format}
        config = ModelConfig(client=client, consistent_read=consistent_read, orphans=orphans, **settings)
        model: Any = declared.model(table, config)
        self._names = declared.names
        timestamps = [name for name in (created_at, updated_at) if name is not None]
        self._binding = Binding(source, model, declared.names, version, timestamps, remembers=keep_unknown)
        self._indexes = declared.index_names
        model._hooks = self._binding
        model._as_object = _as_object
        self._schema = model._schema
        self.model = model
        self.attr = AttributePaths(model, declared.names)
        self._sync: SyncRepository[Row] | None = None  # made once, because making it costs a good part of a call

    def item(self, instance: Row, /) -> Model[Any]:
        """The item of an object, for batches and transactions: ``await batch.put(users.item(user))``; no I/O.

        Its values are those that the object has when the batch takes it, or when the block of the transaction ends.

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
