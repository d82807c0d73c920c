"""The blocking views behind ``.sync``, for annotations. Written by tools/gen_sync.py: do not edit."""

# pyright: reportInconsistentOverload=false
# As in model.py.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, Unpack, overload

from ._core import run
from ._shared.timeout import NOT_GIVEN
from ._shared.typing import PK, SK, A, B, C, D, F, G, Row, Row_co, Several, SortD
from .batches.results import each

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta
    from os import PathLike

    from ._core import Instance
    from ._explain.explanation import Explanation
    from ._query.plan import Plan
    from ._repository.repository import Repository
    from ._shared.rejected import Rejected
    from ._shared.typing import R1, R2, R3, R4, ReadOptions, StatementOptions, Timeout, TransactionOptions, WriteOptions
    from .batches.results import QueryResult
    from .batches.writer import SyncBatchWriter
    from .client import DynamoDBClient
    from .coordination.locks import SyncLock
    from .coordination.outbox import Outbox, Publish
    from .coordination.tables import CoordinationTable
    from .cost import Progress
    from .exceptions import PydynoxError, SerializationError
    from .expressions import Action, Condition, Expr
    from .indexes import Index
    from .key import Key
    from .partiql import Statement
    from .query import Query
    from .streams.consuming import StreamReader
    from .streams.records import Record
    from .tables.description import Drift, TableDescription
    from .tables.options import TableOptions
    from .tables.table import Table, TableReport
    from .transaction import SyncTransaction


class SyncModel(Generic[Row, PK, *SK]):
    """The blocking form of a ``Model`` class."""

    __slots__ = ("_target",)

    def __init__(self, target: Any) -> None:
        self._target = target

    @overload
    def get(self, partition: PK, /, *sort: *SK, **options: Unpack[ReadOptions]) -> Row | None: ...
    @overload
    def get(self, /, *, consistent_read: bool | None = None, timeout: float | None = ..., **key: Any) -> Row | None: ...
    def get(
        self, /, *values: object, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN, **key: object
    ) -> Row | None:
        """Blocking form of ``Model.get``."""
        result: Row | None = run(self._target.get(*values, consistent_read=consistent_read, timeout=timeout, **key))
        return result

    @overload
    def get_or_raise(self, partition: PK, /, *sort: *SK, **options: Unpack[ReadOptions]) -> Row: ...
    @overload
    def get_or_raise(self, /, *, consistent_read: bool | None = None, timeout: float | None = ..., **key: Any) -> Row: ...
    def get_or_raise(
        self, /, *values: object, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN, **key: object
    ) -> Row:
        """Blocking form of ``Model.get_or_raise``."""
        result: Row = run(self._target.get_or_raise(*values, consistent_read=consistent_read, timeout=timeout, **key))
        return result

    @overload
    def get_or_create(
        self, partition: PK, /, *sort: *SK, defaults: Mapping[str, Any] | None = ..., timeout: float | None = ...
    ) -> tuple[Row, bool]: ...
    @overload
    def get_or_create(
        self, /, *, defaults: Mapping[str, Any] | None = ..., timeout: float | None = ..., **key: Any
    ) -> tuple[Row, bool]: ...
    def get_or_create(
        self, /, *values: object, defaults: Mapping[str, Any] | None = None, timeout: float | None = NOT_GIVEN, **key: object
    ) -> tuple[Row, bool]:
        """Blocking form of ``Model.get_or_create``."""
        result: tuple[Row, bool] = run(self._target.get_or_create(*values, defaults=defaults, timeout=timeout, **key))
        return result

    @overload
    def key(self, partition: PK, /, *sort: *SK) -> SyncKey[Row]: ...
    @overload
    def key(self, /, **key: Any) -> SyncKey[Row]: ...
    def key(self, /, *values: object, **key: object) -> SyncKey[Row]:
        """Blocking form of ``Model.key``."""
        result: SyncKey[Row] = self._target.key(*values, **key).sync
        return result

    @overload
    def query(self, partition: PK, sort: Condition | None = None, /) -> SyncQuery[Row]: ...
    @overload
    def query(self, sort: Condition | None = None, /, **key: Any) -> SyncQuery[Row]: ...
    def query(self, /, *values: Any, **key: Any) -> SyncQuery[Row]:
        """Blocking form of ``Model.query``."""
        result: SyncQuery[Row] = self._target.query(*values, **key).sync
        return result

    def scan(self, *, segments: int = 1, segment: int | None = None) -> SyncQuery[Row]:
        """Blocking form of ``Model.scan``."""
        result: SyncQuery[Row] = self._target.scan(segments=segments, segment=segment).sync
        return result


class SyncInstance(Generic[Row_co]):
    """The blocking form of a ``Model``."""

    __slots__ = ("_target",)

    def __init__(self, target: Any) -> None:
        self._target = target

    @overload
    def create(self, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> None: ...
    @overload
    def create(self, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]) -> Literal[True] | Rejected[Row_co]: ...
    def create(
        self,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Row_co] | None:
        """Blocking form of ``Model.create``."""
        result: Literal[True] | Rejected[Row_co] | None = run(
            self._target.create(condition=condition, on_condition=on_condition, timeout=timeout)
        )
        return result

    @overload
    def save(
        self, *, whole: Sequence[Expr[Any]] = (), on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> None: ...
    @overload
    def save(
        self, *, whole: Sequence[Expr[Any]] = (), on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[Row_co]: ...
    def save(
        self,
        *,
        whole: Sequence[Expr[Any]] = (),
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Row_co] | None:
        """Blocking form of ``Model.save``."""
        result: Literal[True] | Rejected[Row_co] | None = run(
            self._target.save(whole=whole, condition=condition, on_condition=on_condition, timeout=timeout)
        )
        return result

    @overload
    def put(self, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> None: ...
    @overload
    def put(self, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]) -> Literal[True] | Rejected[Row_co]: ...
    def put(
        self,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Row_co] | None:
        """Blocking form of ``Model.put``."""
        result: Literal[True] | Rejected[Row_co] | None = run(
            self._target.put(condition=condition, on_condition=on_condition, timeout=timeout)
        )
        return result

    @overload
    def update(self, *actions: Action, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> None: ...
    @overload
    def update(
        self, *actions: Action, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[Row_co]: ...
    def update(
        self,
        *actions: Action,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Row_co] | None:
        """Blocking form of ``Model.update``."""
        result: Literal[True] | Rejected[Row_co] | None = run(
            self._target.update(*actions, condition=condition, on_condition=on_condition, timeout=timeout)
        )
        return result

    @overload
    def delete(self, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> None: ...
    @overload
    def delete(self, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]) -> Literal[True] | Rejected[Row_co]: ...
    def delete(
        self,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Row_co] | None:
        """Blocking form of ``Model.delete``."""
        result: Literal[True] | Rejected[Row_co] | None = run(
            self._target.delete(condition=condition, on_condition=on_condition, timeout=timeout)
        )
        return result

    def refresh(self, *, timeout: float | None = NOT_GIVEN) -> None:
        """Blocking form of ``Model.refresh``."""
        run(self._target.refresh(timeout=timeout))


class SyncRepository(Generic[Row]):
    """The blocking form of a ``Repository``."""

    __slots__ = ("_target",)

    def __init__(self, target: Repository[Row]) -> None:
        self._target = target

    def get(
        self, /, *values: Any, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN, **key: Any
    ) -> Row | None:
        """Blocking form of ``Repository.get``."""
        return run(self._target.get(*values, consistent_read=consistent_read, timeout=timeout, **key))

    def get_or_raise(
        self, /, *values: Any, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN, **key: Any
    ) -> Row:
        """Blocking form of ``Repository.get_or_raise``."""
        return run(self._target.get_or_raise(*values, consistent_read=consistent_read, timeout=timeout, **key))

    def batch_get(
        self, keys: Iterable[Any], /, *, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN
    ) -> list[Row | None]:
        """Blocking form of ``Repository.batch_get``."""
        return run(self._target.batch_get(keys, consistent_read=consistent_read, timeout=timeout))

    def key(self, /, *values: Any, **key: Any) -> SyncKey[Row]:
        """Blocking form of ``Repository.key``."""
        result: SyncKey[Row] = self._target.key(*values, **key).sync
        return result

    def query(self, /, *values: Any, **key: Any) -> SyncQuery[Row]:
        """Blocking form of ``Repository.query``."""
        result: SyncQuery[Row] = self._target.query(*values, **key).sync
        return result

    def scan(self, *, segments: int = 1, segment: int | None = None) -> SyncQuery[Row]:
        """Blocking form of ``Repository.scan``."""
        result: SyncQuery[Row] = self._target.scan(segments=segments, segment=segment).sync
        return result

    def index(self, name: str, /) -> SyncIndex[Row, Any, Any]:
        """Blocking form of ``Repository.index``."""
        result: SyncIndex[Row, Any, Any] = self._target.index(name).sync
        return result

    @overload
    def create(self, instance: Row, /, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> Row: ...
    @overload
    def create(
        self, instance: Row, /, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Row | Rejected[Row]: ...
    def create(
        self,
        instance: Row,
        /,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Row | Rejected[Row]:
        """Blocking form of ``Repository.create``."""
        return run(self._target.create(instance, condition=condition, on_condition=on_condition, timeout=timeout))

    @overload
    def put(self, instance: Row, /, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> Row: ...
    @overload
    def put(
        self, instance: Row, /, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Row | Rejected[Row]: ...
    def put(
        self,
        instance: Row,
        /,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Row | Rejected[Row]:
        """Blocking form of ``Repository.put``."""
        return run(self._target.put(instance, condition=condition, on_condition=on_condition, timeout=timeout))

    @overload
    def save(
        self,
        instance: Row,
        /,
        *,
        loaded: Row | None = None,
        whole: Sequence[Expr[Any]] = (),
        on_condition: Literal["raise"] = ...,
        **options: Unpack[WriteOptions],
    ) -> Row: ...
    @overload
    def save(
        self,
        instance: Row,
        /,
        *,
        loaded: Row | None = None,
        whole: Sequence[Expr[Any]] = (),
        on_condition: Literal["return"],
        **options: Unpack[WriteOptions],
    ) -> Row | Rejected[Row]: ...
    def save(
        self,
        instance: Row,
        /,
        *,
        loaded: Row | None = None,
        whole: Sequence[Expr[Any]] = (),
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Row | Rejected[Row]:
        """Blocking form of ``Repository.save``."""
        return run(
            self._target.save(
                instance, loaded=loaded, whole=whole, condition=condition, on_condition=on_condition, timeout=timeout
            )
        )

    @overload
    def update(
        self, instance: Row, /, *actions: Action, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> Row: ...
    @overload
    def update(
        self, instance: Row, /, *actions: Action, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Row | Rejected[Row]: ...
    def update(
        self,
        instance: Row,
        /,
        *actions: Action,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Row | Rejected[Row]:
        """Blocking form of ``Repository.update``."""
        return run(self._target.update(instance, *actions, condition=condition, on_condition=on_condition, timeout=timeout))

    def refresh(self, instance: Row, /, *, timeout: float | None = NOT_GIVEN) -> Row:
        """Blocking form of ``Repository.refresh``."""
        return run(self._target.refresh(instance, timeout=timeout))

    @overload
    def delete(self, instance: Row, /, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> None: ...
    @overload
    def delete(
        self, instance: Row, /, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[Row]: ...
    def delete(
        self,
        instance: Row,
        /,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Row] | None:
        """Blocking form of ``Repository.delete``."""
        return run(self._target.delete(instance, condition=condition, on_condition=on_condition, timeout=timeout))


class SyncKey(Generic[Row_co]):
    """The blocking form of a ``Key``."""

    __slots__ = ("_target",)

    def __init__(self, target: Key[Row_co]) -> None:
        self._target = target

    def get(self, *, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN) -> Row_co | None:
        """Blocking form of ``Key.get``."""
        return run(self._target.get(consistent_read=consistent_read, timeout=timeout))

    def get_or_raise(self, *, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN) -> Row_co:
        """Blocking form of ``Key.get_or_raise``."""
        return run(self._target.get_or_raise(consistent_read=consistent_read, timeout=timeout))

    @overload
    def select(self, a: Expr[A], /, **options: Unpack[ReadOptions]) -> tuple[A] | None: ...
    @overload
    def select(self, a: Expr[A], b: Expr[B], /, **options: Unpack[ReadOptions]) -> tuple[A, B] | None: ...
    @overload
    def select(self, a: Expr[A], b: Expr[B], c: Expr[C], /, **options: Unpack[ReadOptions]) -> tuple[A, B, C] | None: ...
    @overload
    def select(
        self, a: Expr[A], b: Expr[B], c: Expr[C], d: Expr[D], /, **options: Unpack[ReadOptions]
    ) -> tuple[A, B, C, D] | None: ...
    @overload
    def select(
        self, a: Expr[A], b: Expr[B], c: Expr[C], d: Expr[D], e: Expr[F], /, **options: Unpack[ReadOptions]
    ) -> tuple[A, B, C, D, F] | None: ...
    @overload
    def select(
        self, a: Expr[A], b: Expr[B], c: Expr[C], d: Expr[D], e: Expr[F], f: Expr[G], /, **options: Unpack[ReadOptions]
    ) -> tuple[A, B, C, D, F, G] | None: ...
    def select(
        self, *paths: Any, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN
    ) -> tuple[Any, ...] | None:
        """Blocking form of ``Key.select``."""
        target: Any = self._target
        result: tuple[Any, ...] | None = run(target.select(*paths, consistent_read=consistent_read, timeout=timeout))
        return result

    def exists(self, *, timeout: float | None = NOT_GIVEN) -> bool:
        """Blocking form of ``Key.exists``."""
        return run(self._target.exists(timeout=timeout))

    @overload
    def update(
        self, *actions: Action, upsert: bool = False, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> Row_co: ...
    @overload
    def update(
        self, *actions: Action, upsert: bool = False, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Row_co | Rejected[Row_co]: ...
    def update(
        self,
        *actions: Action,
        condition: Condition | None = None,
        upsert: bool = False,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Row_co | Rejected[Row_co]:
        """Blocking form of ``Key.update``."""
        return run(self._target.update(*actions, condition=condition, upsert=upsert, on_condition=on_condition, timeout=timeout))

    @overload
    def apply(
        self, *actions: Action, upsert: bool = False, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> None: ...
    @overload
    def apply(
        self, *actions: Action, upsert: bool = False, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[Row_co]: ...
    def apply(
        self,
        *actions: Action,
        condition: Condition | None = None,
        upsert: bool = False,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Row_co] | None:
        """Blocking form of ``Key.apply``."""
        return run(self._target.apply(*actions, condition=condition, upsert=upsert, on_condition=on_condition, timeout=timeout))

    def pop(self, *, timeout: float | None = NOT_GIVEN) -> Row_co | None:
        """Blocking form of ``Key.pop``."""
        return run(self._target.pop(timeout=timeout))

    @overload
    def delete(self, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]) -> None: ...
    @overload
    def delete(self, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]) -> Literal[True] | Rejected[Row_co]: ...
    def delete(
        self,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[Row_co] | None:
        """Blocking form of ``Key.delete``."""
        return run(self._target.delete(condition=condition, on_condition=on_condition, timeout=timeout))


class SyncTable(Generic[Row_co]):
    """The blocking form of a ``Table``."""

    __slots__ = ("_target",)

    def __init__(self, target: Table[Row_co]) -> None:
        self._target = target

    def create(
        self,
        *,
        wait: bool = True,
        wait_timeout: float | None = 600.0,
        progress: TableReport | None = None,
        timeout: float | None = NOT_GIVEN,
        **options: Unpack[TableOptions],
    ) -> None:
        """Blocking form of ``Table.create``."""
        run(self._target.create(wait=wait, wait_timeout=wait_timeout, progress=progress, timeout=timeout, **options))

    def ensure(
        self,
        *,
        wait_timeout: float | None = 600.0,
        progress: TableReport | None = None,
        timeout: float | None = NOT_GIVEN,
        **options: Unpack[TableOptions],
    ) -> list[Drift]:
        """Blocking form of ``Table.ensure``."""
        return run(self._target.ensure(wait_timeout=wait_timeout, progress=progress, timeout=timeout, **options))

    def update(
        self,
        *,
        wait_timeout: float | None = 600.0,
        progress: TableReport | None = None,
        timeout: float | None = NOT_GIVEN,
        **options: Unpack[TableOptions],
    ) -> list[Drift]:
        """Blocking form of ``Table.update``."""
        return run(self._target.update(wait_timeout=wait_timeout, progress=progress, timeout=timeout, **options))

    def check(self, *, timeout: float | None = NOT_GIVEN, **options: Unpack[TableOptions]) -> list[Drift]:
        """Blocking form of ``Table.check``."""
        return run(self._target.check(timeout=timeout, **options))

    def exists(self, *, timeout: float | None = NOT_GIVEN) -> bool:
        """Blocking form of ``Table.exists``."""
        return run(self._target.exists(timeout=timeout))

    def delete(
        self,
        *,
        wait: bool = True,
        wait_timeout: float | None = 600.0,
        progress: TableReport | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> None:
        """Blocking form of ``Table.delete``."""
        run(self._target.delete(wait=wait, wait_timeout=wait_timeout, progress=progress, timeout=timeout))

    def describe(self, *, timeout: float | None = NOT_GIVEN) -> TableDescription:
        """Blocking form of ``Table.describe``."""
        return run(self._target.describe(timeout=timeout))

    def wait_until_active(self, *, wait_timeout: float | None = 600.0, progress: TableReport | None = None) -> TableDescription:
        """Blocking form of ``Table.wait_until_active``."""
        return run(self._target.wait_until_active(wait_timeout=wait_timeout, progress=progress))

    def wait_until_gone(self, *, wait_timeout: float | None = 600.0, progress: TableReport | None = None) -> None:
        """Blocking form of ``Table.wait_until_gone``."""
        run(self._target.wait_until_gone(wait_timeout=wait_timeout, progress=progress))


class SyncQuery(Generic[Row]):
    """The blocking form of a ``Query``."""

    __slots__ = ("_target",)

    def __init__(self, target: Query[Row]) -> None:
        self._target = target

    def filter(self, *conditions: Condition) -> SyncQuery[Row]:
        """Blocking form of ``Query.filter``."""
        result: SyncQuery[Row] = self._target.filter(*conditions).sync
        return result

    def limit(self, count: int, /) -> SyncQuery[Row]:
        """Blocking form of ``Query.limit``."""
        result: SyncQuery[Row] = self._target.limit(count).sync
        return result

    def page_size(self, count: int, /) -> SyncQuery[Row]:
        """Blocking form of ``Query.page_size``."""
        result: SyncQuery[Row] = self._target.page_size(count).sync
        return result

    def max_reads(self, count: int, /) -> SyncQuery[Row]:
        """Blocking form of ``Query.max_reads``."""
        result: SyncQuery[Row] = self._target.max_reads(count).sync
        return result

    def descending(self) -> SyncQuery[Row]:
        """Blocking form of ``Query.descending``."""
        result: SyncQuery[Row] = self._target.descending().sync
        return result

    def consistent_read(self, value: bool = True, /) -> SyncQuery[Row]:
        """Blocking form of ``Query.consistent_read``."""
        result: SyncQuery[Row] = self._target.consistent_read(value).sync
        return result

    def timeout(self, duration: float | None, /) -> SyncQuery[Row]:
        """Blocking form of ``Query.timeout``."""
        result: SyncQuery[Row] = self._target.timeout(duration).sync
        return result

    def after(self, cursor: str | Mapping[str, Any] | None, /) -> SyncQuery[Row]:
        """Blocking form of ``Query.after``."""
        result: SyncQuery[Row] = self._target.after(cursor).sync
        return result

    def before(self, cursor: str | Mapping[str, Any] | None, /) -> SyncQuery[Row]:
        """Blocking form of ``Query.before``."""
        result: SyncQuery[Row] = self._target.before(cursor).sync
        return result

    def cursors(self, *, audience: str | None = None, expires_in: timedelta | None = None) -> SyncQuery[Row]:
        """Blocking form of ``Query.cursors``."""
        result: SyncQuery[Row] = self._target.cursors(audience=audience, expires_in=expires_in).sync
        return result

    def paced(self, *, target_rcu: float | None = None) -> SyncQuery[Row]:
        """Blocking form of ``Query.paced``."""
        result: SyncQuery[Row] = self._target.paced(target_rcu=target_rcu).sync
        return result

    def on_invalid(self, callback: Callable[[SerializationError], object], /) -> SyncQuery[Row]:
        """Blocking form of ``Query.on_invalid``."""
        result: SyncQuery[Row] = self._target.on_invalid(callback).sync
        return result

    @overload
    def select(self, a: Expr[A], /) -> SyncQuery[tuple[A]]: ...
    @overload
    def select(self, a: Expr[A], b: Expr[B], /) -> SyncQuery[tuple[A, B]]: ...
    @overload
    def select(self, a: Expr[A], b: Expr[B], c: Expr[C], /) -> SyncQuery[tuple[A, B, C]]: ...
    @overload
    def select(self, a: Expr[A], b: Expr[B], c: Expr[C], d: Expr[D], /) -> SyncQuery[tuple[A, B, C, D]]: ...
    @overload
    def select(self, a: Expr[A], b: Expr[B], c: Expr[C], d: Expr[D], e: Expr[F], /) -> SyncQuery[tuple[A, B, C, D, F]]: ...
    @overload
    def select(
        self, a: Expr[A], b: Expr[B], c: Expr[C], d: Expr[D], e: Expr[F], f: Expr[G], /
    ) -> SyncQuery[tuple[A, B, C, D, F, G]]: ...
    def select(self, *paths: Any) -> SyncQuery[Any]:
        """Blocking form of ``Query.select``."""
        target: Any = self._target
        result: SyncQuery[Any] = target.select(*paths).sync
        return result

    def keys(self) -> SyncQuery[Key[Row]]:
        """Blocking form of ``Query.keys``."""
        result: SyncQuery[Key[Row]] = self._target.keys().sync
        return result

    def hydrate(self) -> SyncQuery[Row]:
        """Blocking form of ``Query.hydrate``."""
        result: SyncQuery[Row] = self._target.hydrate().sync
        return result

    def __iter__(self) -> Iterator[Row]:
        return each(self._target.open_rows(), flat=True)

    def all(self) -> list[Row]:
        """Blocking form of ``Query.all``."""
        return run(self._target.all())

    def first(self) -> Row | None:
        """Blocking form of ``Query.first``."""
        return run(self._target.first())

    def one(self) -> Row:
        """Blocking form of ``Query.one``."""
        return run(self._target.one())

    def count(self) -> int:
        """Blocking form of ``Query.count``."""
        return run(self._target.count())

    def exists(self) -> bool:
        """Blocking form of ``Query.exists``."""
        return run(self._target.exists())

    def page(self, rows: int, /) -> QueryResult[Row]:
        """Blocking form of ``Query.page``."""
        return run(self._target.page(rows))

    def pages(self, rows: int, /) -> Iterator[QueryResult[Row]]:
        """Blocking form of ``Query.pages``."""
        return each(self._target.open_pages(rows, ahead=True), flat=False)

    def explain(self, *, item_size: int | None = None, items: int | None = None) -> Plan:
        """Blocking form of ``Query.explain``."""
        return self._target.explain(item_size=item_size, items=items)


class SyncIndex(Generic[Row, PK, SortD]):
    """The blocking form of a ``Index``."""

    __slots__ = ("_target",)

    def __init__(self, target: Index[Row, PK, SortD]) -> None:
        self._target = target

    @overload
    def query(self, partition: PK, /, *conditions: Condition | None) -> SyncQuery[Row]: ...
    @overload
    def query(self, condition: Condition, /, *conditions: Condition | None) -> SyncQuery[Row]: ...
    @overload
    def query(self, /, *conditions: Condition | None, **key: Any) -> SyncQuery[Row]: ...
    @overload
    def query(self: SyncIndex[Row, Several, SortD], /, *values: Any, **key: Any) -> SyncQuery[Row]: ...
    def query(self, /, *values: Any, **key: Any) -> SyncQuery[Row]:
        """Blocking form of ``Index.query``."""
        result: SyncQuery[Row] = self._target.query(*values, **key).sync
        return result

    def scan(self, *, segments: int = 1, segment: int | None = None) -> SyncQuery[Row]:
        """Blocking form of ``Index.scan``."""
        result: SyncQuery[Row] = self._target.scan(segments=segments, segment=segment).sync
        return result


class SyncStreamReader(Generic[Row]):
    """The blocking form of a ``StreamReader``."""

    __slots__ = ("_target",)

    def __init__(self, target: StreamReader[Row]) -> None:
        self._target = target

    def __iter__(self) -> Iterator[Record[Row]]:
        return each(self._target.open_rows(), flat=True)


class SyncOutbox:
    """The blocking form of a ``Outbox``."""

    __slots__ = ("_target",)

    def __init__(self, target: Outbox) -> None:
        self._target = target

    def relay(self, publish: Publish, /) -> int:
        """Blocking form of ``Outbox.relay``."""
        return run(self._target.relay(publish))

    def relay_until(self, item: Any, publish: Publish, /) -> int:
        """Blocking form of ``Outbox.relay_until``."""
        return run(self._target.relay_until(item, publish))


class SyncClient:
    """The blocking form of a ``DynamoDBClient``."""

    __slots__ = ("_target",)

    def __init__(self, target: DynamoDBClient) -> None:
        self._target = target

    def get_item(
        self,
        table: str,
        key: Mapping[str, Any],
        /,
        *,
        consistent_read: bool | None = None,
        projection: Sequence[str | Sequence[str | int]] = (),
        timeout: float | None = NOT_GIVEN,
    ) -> dict[str, Any] | None:
        """Blocking form of ``DynamoDBClient.get_item``."""
        return run(self._target.get_item(table, key, consistent_read=consistent_read, projection=projection, timeout=timeout))

    @overload
    def put_item(
        self, table: str, item: Mapping[str, Any], /, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> None: ...
    @overload
    def put_item(
        self, table: str, item: Mapping[str, Any], /, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[dict[str, Any]]: ...
    def put_item(
        self,
        table: str,
        item: Mapping[str, Any],
        /,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[dict[str, Any]] | None:
        """Blocking form of ``DynamoDBClient.put_item``."""
        return run(self._target.put_item(table, item, condition=condition, on_condition=on_condition, timeout=timeout))

    @overload
    def update_item(
        self,
        table: str,
        key: Mapping[str, Any],
        /,
        *actions: Action,
        on_condition: Literal["raise"] = ...,
        **options: Unpack[WriteOptions],
    ) -> dict[str, Any]: ...
    @overload
    def update_item(
        self,
        table: str,
        key: Mapping[str, Any],
        /,
        *actions: Action,
        on_condition: Literal["return"],
        **options: Unpack[WriteOptions],
    ) -> dict[str, Any] | Rejected[dict[str, Any]]: ...
    def update_item(
        self,
        table: str,
        key: Mapping[str, Any],
        /,
        *actions: Action,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> dict[str, Any] | Rejected[dict[str, Any]]:
        """Blocking form of ``DynamoDBClient.update_item``."""
        return run(
            self._target.update_item(table, key, *actions, condition=condition, on_condition=on_condition, timeout=timeout)
        )

    @overload
    def delete_item(
        self, table: str, key: Mapping[str, Any], /, *, on_condition: Literal["raise"] = ..., **options: Unpack[WriteOptions]
    ) -> None: ...
    @overload
    def delete_item(
        self, table: str, key: Mapping[str, Any], /, *, on_condition: Literal["return"], **options: Unpack[WriteOptions]
    ) -> Literal[True] | Rejected[dict[str, Any]]: ...
    def delete_item(
        self,
        table: str,
        key: Mapping[str, Any],
        /,
        *,
        condition: Condition | None = None,
        on_condition: Literal["raise", "return"] = "raise",
        timeout: float | None = NOT_GIVEN,
    ) -> Literal[True] | Rejected[dict[str, Any]] | None:
        """Blocking form of ``DynamoDBClient.delete_item``."""
        return run(self._target.delete_item(table, key, condition=condition, on_condition=on_condition, timeout=timeout))

    def query(
        self, table: str, partition: Mapping[str, Any] | Condition, sort: Condition | None = None, /, *, index: str | None = None
    ) -> SyncQuery[dict[str, Any]]:
        """Blocking form of ``DynamoDBClient.query``."""
        result: SyncQuery[dict[str, Any]] = self._target.query(table, partition, sort, index=index).sync
        return result

    def scan(
        self, table: str, /, *, index: str | None = None, segments: int = 1, segment: int | None = None
    ) -> SyncQuery[dict[str, Any]]:
        """Blocking form of ``DynamoDBClient.scan``."""
        result: SyncQuery[dict[str, Any]] = self._target.scan(table, index=index, segments=segments, segment=segment).sync
        return result

    @overload
    def batch_get(self, key: Key[R1], /, **options: Unpack[ReadOptions]) -> tuple[R1 | None]: ...
    @overload
    def batch_get(self, key1: Key[R1], key2: Key[R2], /, **options: Unpack[ReadOptions]) -> tuple[R1 | None, R2 | None]: ...
    @overload
    def batch_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], /, **options: Unpack[ReadOptions]
    ) -> tuple[R1 | None, R2 | None, R3 | None]: ...
    @overload
    def batch_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], key4: Key[R4], /, **options: Unpack[ReadOptions]
    ) -> tuple[R1 | None, R2 | None, R3 | None, R4 | None]: ...
    @overload
    def batch_get(self, *keys: Key[R1], **options: Unpack[ReadOptions]) -> tuple[R1 | None, ...]: ...
    def batch_get(self, *keys: Any, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN) -> tuple[Any, ...]:
        """Blocking form of ``DynamoDBClient.batch_get``."""
        return run(self._target.batch_get(*keys, consistent_read=consistent_read, timeout=timeout))

    def batch_get_all(
        self, keys: Iterable[Key[R1]], /, *, consistent_read: bool | None = None, timeout: float | None = NOT_GIVEN
    ) -> list[R1 | None]:
        """Blocking form of ``DynamoDBClient.batch_get_all``."""
        return run(self._target.batch_get_all(keys, consistent_read=consistent_read, timeout=timeout))

    def batch_writer(
        self,
        *,
        unguarded: bool = False,
        transactions: bool = False,
        progress: Callable[[Progress], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> SyncBatchWriter:
        """Blocking form of ``DynamoDBClient.batch_writer``."""
        result: SyncBatchWriter = self._target.batch_writer(
            unguarded=unguarded, transactions=transactions, progress=progress, timeout=timeout
        ).sync
        return result

    def batch_save(
        self,
        instances: Iterable[Instance] | AsyncIterable[Instance],
        /,
        *,
        unguarded: bool = False,
        transactions: bool = False,
        progress: Callable[[Progress], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> int:
        """Blocking form of ``DynamoDBClient.batch_save``."""
        return run(
            self._target.batch_save(instances, unguarded=unguarded, transactions=transactions, progress=progress, timeout=timeout)
        )

    def batch_delete(
        self,
        targets: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        unguarded: bool = False,
        transactions: bool = False,
        progress: Callable[[Progress], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> int:
        """Blocking form of ``DynamoDBClient.batch_delete``."""
        return run(
            self._target.batch_delete(targets, unguarded=unguarded, transactions=transactions, progress=progress, timeout=timeout)
        )

    def transaction(
        self, *, token: str | None = None, on_condition: Literal["raise", "return"] = "raise", timeout: float | None = NOT_GIVEN
    ) -> SyncTransaction:
        """Blocking form of ``DynamoDBClient.transaction``."""
        result: SyncTransaction = self._target.transaction(token=token, on_condition=on_condition, timeout=timeout).sync
        return result

    @overload
    def transact_get(self, key: Key[R1], /, **options: Unpack[Timeout]) -> tuple[R1 | None]: ...
    @overload
    def transact_get(self, key1: Key[R1], key2: Key[R2], /, **options: Unpack[Timeout]) -> tuple[R1 | None, R2 | None]: ...
    @overload
    def transact_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], /, **options: Unpack[Timeout]
    ) -> tuple[R1 | None, R2 | None, R3 | None]: ...
    @overload
    def transact_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], key4: Key[R4], /, **options: Unpack[Timeout]
    ) -> tuple[R1 | None, R2 | None, R3 | None, R4 | None]: ...
    @overload
    def transact_get(self, *keys: Key[R1], **options: Unpack[Timeout]) -> tuple[R1 | None, ...]: ...
    def transact_get(self, *keys: Any, timeout: float | None = NOT_GIVEN) -> tuple[Any, ...]:
        """Blocking form of ``DynamoDBClient.transact_get``."""
        return run(self._target.transact_get(*keys, timeout=timeout))

    def bulk_write(
        self,
        instances: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        target_wcu: float | None = None,
        unguarded: bool = False,
        transactions: bool = False,
        resume: str | PathLike[str] | None = None,
        progress: Callable[[Progress], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> int:
        """Blocking form of ``DynamoDBClient.bulk_write``."""
        return run(
            self._target.bulk_write(
                instances,
                target_wcu=target_wcu,
                unguarded=unguarded,
                transactions=transactions,
                resume=resume,
                progress=progress,
                timeout=timeout,
            )
        )

    def bulk_read(
        self,
        query: Query[Row],
        handle: Callable[[list[Row]], object],
        /,
        *,
        target_rcu: float | None = None,
        rows: int = 1000,
        resume: str | PathLike[str] | None = None,
        progress: Callable[[Progress], object] | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> int:
        """Blocking form of ``DynamoDBClient.bulk_read``."""
        return run(
            self._target.bulk_read(
                query, handle, target_rcu=target_rcu, rows=rows, resume=resume, progress=progress, timeout=timeout
            )
        )

    @overload
    def execute(
        self, statement: str, /, *parameters: Any, model: type[R1], **options: Unpack[StatementOptions]
    ) -> QueryResult[R1]: ...
    @overload
    def execute(
        self, statement: str, /, *parameters: Any, model: None = None, **options: Unpack[StatementOptions]
    ) -> QueryResult[dict[str, Any]]: ...
    def execute(
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
        """Blocking form of ``DynamoDBClient.execute``."""
        return run(
            self._target.execute(
                statement,
                *parameters,
                model=model,
                consistent_read=consistent_read,
                limit=limit,
                after=after,
                on_invalid=on_invalid,
                timeout=timeout,
            )
        )

    @overload
    def execute_batch(
        self, statements: Iterable[Statement], /, *, model: type[R1], **options: Unpack[ReadOptions]
    ) -> list[R1 | PydynoxError | None]: ...
    @overload
    def execute_batch(
        self, statements: Iterable[Statement], /, *, model: None = None, **options: Unpack[ReadOptions]
    ) -> list[dict[str, Any] | PydynoxError | None]: ...
    def execute_batch(
        self,
        statements: Iterable[Statement],
        /,
        *,
        model: Any = None,
        consistent_read: bool | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> list[Any]:
        """Blocking form of ``DynamoDBClient.execute_batch``."""
        return run(self._target.execute_batch(statements, model=model, consistent_read=consistent_read, timeout=timeout))

    @overload
    def execute_transaction(
        self, statements: Iterable[Statement], /, *, model: type[R1], **options: Unpack[TransactionOptions]
    ) -> list[R1 | None]: ...
    @overload
    def execute_transaction(
        self, statements: Iterable[Statement], /, *, model: None = None, **options: Unpack[TransactionOptions]
    ) -> list[dict[str, Any] | None]: ...
    def execute_transaction(
        self,
        statements: Iterable[Statement],
        /,
        *,
        model: Any = None,
        token: str | None = None,
        timeout: float | None = NOT_GIVEN,
    ) -> list[Any]:
        """Blocking form of ``DynamoDBClient.execute_transaction``."""
        return run(self._target.execute_transaction(statements, model=model, token=token, timeout=timeout))

    def explain(
        self,
        call: Coroutine[Any, Any, object] | Callable[[], object],
        /,
        *,
        values: bool = False,
        item_size: int | None = None,
        items: int | None = None,
    ) -> Explanation:
        """Blocking form of ``DynamoDBClient.explain``."""
        return run(self._target.explain(call, values=values, item_size=item_size, items=items))

    def ping(self, *, timeout: float | None = NOT_GIVEN) -> float:
        """Blocking form of ``DynamoDBClient.ping``."""
        return run(self._target.ping(timeout=timeout))

    def warm_up(self, connections: int = 1, *, timeout: float | None = NOT_GIVEN) -> int:
        """Blocking form of ``DynamoDBClient.warm_up``."""
        return run(self._target.warm_up(connections, timeout=timeout))

    def lock(
        self,
        name: str,
        /,
        *,
        ttl: float | timedelta = 30,
        wait: float | timedelta | None = None,
        table: CoordinationTable | str = "pydynox",
    ) -> SyncLock:
        """Blocking form of ``DynamoDBClient.lock``."""
        result: SyncLock = self._target.lock(name, ttl=ttl, wait=wait, table=table).sync
        return result

    def list_tables(self, *, timeout: float | None = NOT_GIVEN) -> list[str]:
        """Blocking form of ``DynamoDBClient.list_tables``."""
        return run(self._target.list_tables(timeout=timeout))

    def call(self, operation: str, /, *, timeout: float | None = NOT_GIVEN, **wire: Any) -> dict[str, Any]:
        """Blocking form of ``DynamoDBClient.call``."""
        return run(self._target.call(operation, timeout=timeout, **wire))

    def model_from_item(self, model: type[Row], item: Mapping[str, Any], /, *, timeout: float | None = NOT_GIVEN) -> Row:
        """Blocking form of ``DynamoDBClient.model_from_item``."""
        return run(self._target.model_from_item(model, item, timeout=timeout))

    def close(self) -> None:
        """Blocking form of ``DynamoDBClient.close``."""
        run(self._target.close())
