"""Secondary indexes: declared in the model with the attributes they use, queried as ``User.by_email.query(...)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, overload

import pydynox._core as _core

from ._declaration.indexes import IndexDeclaration
from ._shared.typing import PK, A, B, Row, Several, SortD
from .query import Query

if TYPE_CHECKING:
    from .attributes import Attr
    from .expressions import Condition
    from .sync import SyncIndex

    Projection = Literal["ALL", "KEYS_ONLY"] | tuple[str | Attr[Any], ...]


class _Index(IndexDeclaration, Generic[PK, SortD]):
    """What both kinds of index have in common."""

    def __get__(self, instance: object, owner: type[Row]) -> Index[Row, PK, SortD]:
        # Of the class that is asked: a subclass with an entity sees its own items alone.
        return Index(owner, self.name)


class GlobalSecondaryIndex(_Index[PK, SortD]):
    """An index with its own partition key. Refer to attributes by object, or by name if they are declared later; the attribute
    that stores the entity name (``"_type"``) can be used too.

    Args:
        partition_key: The attribute to query by, or a tuple of up to 4.
        sort_key: The attribute that sorts a partition, or a tuple of up to 4.
        index_name: The name in DynamoDB; defaults to the name in the class.
        projection: The attributes it contains in addition to the keys: ``"ALL"``, ``"KEYS_ONLY"``, or a tuple of attributes.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: Attr[str] = partition_key()
        ...     email: Attr[str] = field()
        ...     created_at: Attr[datetime] = created_at()
        ...
        ...     by_email = GlobalSecondaryIndex(email, created_at)
        >>> await User.by_email.query("a@b.c").first()
    """

    @overload
    def __init__(
        self: GlobalSecondaryIndex[A, None],
        partition_key: Attr[A],
        /,
        *,
        index_name: str | None = ...,
        projection: Projection = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: GlobalSecondaryIndex[A, B],
        partition_key: Attr[A],
        sort_key: Attr[B],
        /,
        *,
        index_name: str | None = ...,
        projection: Projection = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: GlobalSecondaryIndex[Several, Any],
        partition_key: tuple[Attr[Any] | str, ...],
        sort_key: Attr[Any] | str | tuple[Attr[Any] | str, ...] | None = ...,
        /,
        *,
        index_name: str | None = ...,
        projection: Projection = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: GlobalSecondaryIndex[A, Any],
        partition_key: Attr[A],
        sort_key: str | tuple[Attr[Any] | str, ...],
        /,
        *,
        index_name: str | None = ...,
        projection: Projection = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: GlobalSecondaryIndex[Any, Any],
        partition_key: str,
        sort_key: Attr[Any] | str | tuple[Attr[Any] | str, ...] | None = ...,
        /,
        *,
        index_name: str | None = ...,
        projection: Projection = ...,
    ) -> None: ...
    def __init__(
        self, partition_key: Any, sort_key: Any = None, /, *, index_name: str | None = None, projection: Any = "ALL"
    ) -> None:
        super().__init__(_parts(partition_key), _parts(sort_key), index_name, projection)


class LocalSecondaryIndex(_Index[PK, SortD]):
    """The table's partitions, sorted by a different attribute.

    Args:
        sort_key: The attribute that sorts a partition.
        index_name: The name in DynamoDB; defaults to the name in the class.
        projection: The attributes it contains in addition to the keys: ``"ALL"``, ``"KEYS_ONLY"``, or a tuple of attributes.

    Example:
        >>> class Order(Model[str, int], table="orders"):
        ...     customer_id: Attr[str] = partition_key()
        ...     number: Attr[int] = sort_key()
        ...     total: Attr[int] = field(default=0)
        ...
        ...     by_total = LocalSecondaryIndex(total)
        >>> await Order.by_total.query("c1", Order.total > 100).descending().first()
    """

    is_global = False

    @overload
    def __init__(
        self: LocalSecondaryIndex[Any, B], sort_key: Attr[B], /, *, index_name: str | None = ..., projection: Projection = ...
    ) -> None: ...
    @overload
    def __init__(
        self: LocalSecondaryIndex[Any, Any], sort_key: str, /, *, index_name: str | None = ..., projection: Projection = ...
    ) -> None: ...
    def __init__(self, sort_key: Any, /, *, index_name: str | None = None, projection: Any = "ALL") -> None:
        # Its partition key is the table's, as DynamoDB requires, and the model fills it in.
        super().__init__((), _parts(sort_key), index_name, projection)


class Index(Generic[Row, PK, SortD]):
    """An index of one model: ``User.by_email``."""

    __slots__ = ("__weakref__", "_model", "name")

    def __init__(self, model: type[Any], name: str) -> None:
        self._model: Any = model
        self.name = name

    @overload
    def query(self, partition: PK, /, *conditions: Condition | None) -> Query[Row]: ...
    @overload
    def query(self, condition: Condition, /, *conditions: Condition | None) -> Query[Row]: ...
    @overload
    def query(self, /, *conditions: Condition | None, **key: Any) -> Query[Row]: ...
    @overload
    def query(self: Index[Row, Several, SortD], /, *values: Any, **key: Any) -> Query[Row]: ...
    def query(self, /, *values: Any, **key: Any) -> Query[Row]:
        """The items of one partition of the index, in the order of its sort key; no I/O yet. Sends Query.

        Args:
            *values: The value of each partition key attribute of the index, then conditions on its sort key, from left to right.
            **key: Key attributes by name, instead of ``values``.

        Raises:
            ValidationError: The partition key is incomplete, or a condition is not allowed in a query.

        Example:
            >>> User.by_email.query("a@b.c")
            >>> User.by_email.query(email="a@b.c")
            >>> User.by_email.query(User.email == "a@b.c", User.created_at > since)

        Costs: half a read unit per 4 KB read; one unit per 4 KB if strongly consistent.
        """
        model = self._model
        return Query(_core.Search.query(model._schema, self.name, values, key), model, None)

    def scan(self, *, segments: int = 1, segment: int | None = None) -> Query[Row]:
        """Every item of the index, in no order; no I/O yet. Sends Scan.

        Args:
            segments: Number of segments to read in parallel.
            segment: Read only this segment (zero-based), to spread the work over several processes.

        Raises:
            ValidationError: A number is out of range.

        Example:
            >>> await User.by_email.scan().count()

        Costs: half a read unit per 4 KB of the whole index; one unit per 4 KB if strongly consistent.
        """
        model = self._model
        return Query(_core.Search.scan(model._schema, self.name, segments, segment), model, None)

    @property
    def sync(self) -> SyncIndex[Row, PK, SortD]:
        """The blocking form of this index."""
        from .sync import SyncIndex

        return SyncIndex(self)

    def __repr__(self) -> str:
        return f"<index {self._model.__name__}.{self.name}>"


def _parts(given: Any) -> tuple[Any, ...]:
    if given is None:
        return ()
    many: Any = given
    return many if isinstance(given, tuple) else (given,)
