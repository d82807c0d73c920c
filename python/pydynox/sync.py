"""The blocking views behind ``.sync``, for annotations. Written by tools/gen_sync.py: do not edit."""

# pyright: reportInconsistentOverload=false
# As in model.py.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Unpack, overload

from ._core import run
from ._typing import PK, SK, Row, Row_co

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence

    from ._typing import R1, R2, R3, R4
    from .batch import SyncBatchWriter
    from .client import DynamoDBClient
    from .expressions import Action, Condition, Expr
    from .key import Key
    from .table import Progress, Table
    from .tables import Drift, TableDescription, TableOptions
    from .transaction import SyncTransaction


class SyncModel(Generic[Row, PK, *SK]):
    """The blocking form of a ``Model`` class."""

    __slots__ = ("_target",)

    def __init__(self, target: Any) -> None:
        self._target = target

    @overload
    def get(self, partition: PK, /, *sort: *SK, consistent_read: bool | None = None) -> Row | None: ...
    @overload
    def get(self, /, *, consistent_read: bool | None = None, **key: Any) -> Row | None: ...
    def get(self, /, *values: object, consistent_read: bool | None = None, **key: object) -> Row | None:
        """Blocking form of ``Model.get``."""
        made: Row | None = run(self._target.get(*values, consistent_read=consistent_read, **key))
        return made

    @overload
    def get_or_raise(self, partition: PK, /, *sort: *SK, consistent_read: bool | None = None) -> Row: ...
    @overload
    def get_or_raise(self, /, *, consistent_read: bool | None = None, **key: Any) -> Row: ...
    def get_or_raise(self, /, *values: object, consistent_read: bool | None = None, **key: object) -> Row:
        """Blocking form of ``Model.get_or_raise``."""
        made: Row = run(self._target.get_or_raise(*values, consistent_read=consistent_read, **key))
        return made

    @overload
    def get_or_create(self, partition: PK, /, *sort: *SK, defaults: Mapping[str, Any] | None = ...) -> tuple[Row, bool]: ...
    @overload
    def get_or_create(self, /, *, defaults: Mapping[str, Any] | None = ..., **key: Any) -> tuple[Row, bool]: ...
    def get_or_create(self, /, *values: object, defaults: Mapping[str, Any] | None = None, **key: object) -> tuple[Row, bool]:
        """Blocking form of ``Model.get_or_create``."""
        made: tuple[Row, bool] = run(self._target.get_or_create(*values, defaults=defaults, **key))
        return made

    @overload
    def key(self, partition: PK, /, *sort: *SK) -> SyncKey[Row]: ...
    @overload
    def key(self, /, **key: Any) -> SyncKey[Row]: ...
    def key(self, /, *values: object, **key: object) -> SyncKey[Row]:
        """Blocking form of ``Model.key``."""
        made: SyncKey[Row] = self._target.key(*values, **key).sync
        return made


class SyncInstance(Generic[Row_co]):
    """The blocking form of a ``Model``."""

    __slots__ = ("_target",)

    def __init__(self, target: Any) -> None:
        self._target = target

    def create(self, *, condition: Condition | None = None) -> None:
        """Blocking form of ``Model.create``."""
        run(self._target.create(condition=condition))

    def save(self, *, condition: Condition | None = None, whole: Sequence[Expr[Any]] = ()) -> None:
        """Blocking form of ``Model.save``."""
        run(self._target.save(condition=condition, whole=whole))

    def put(self, *, condition: Condition | None = None) -> None:
        """Blocking form of ``Model.put``."""
        run(self._target.put(condition=condition))

    def update(self, *actions: Action, condition: Condition | None = None) -> None:
        """Blocking form of ``Model.update``."""
        run(self._target.update(*actions, condition=condition))

    def delete(self, *, condition: Condition | None = None) -> None:
        """Blocking form of ``Model.delete``."""
        run(self._target.delete(condition=condition))

    def refresh(self) -> None:
        """Blocking form of ``Model.refresh``."""
        run(self._target.refresh())


class SyncKey(Generic[Row_co]):
    """The blocking form of a ``Key``."""

    __slots__ = ("_target",)

    def __init__(self, target: Key[Row_co]) -> None:
        self._target = target

    def get(self, *, consistent_read: bool | None = None) -> Row_co | None:
        """Blocking form of ``Key.get``."""
        return run(self._target.get(consistent_read=consistent_read))

    def get_or_raise(self, *, consistent_read: bool | None = None) -> Row_co:
        """Blocking form of ``Key.get_or_raise``."""
        return run(self._target.get_or_raise(consistent_read=consistent_read))

    def exists(self) -> bool:
        """Blocking form of ``Key.exists``."""
        return run(self._target.exists())

    def update(self, *actions: Action, condition: Condition | None = None, upsert: bool = False) -> Row_co:
        """Blocking form of ``Key.update``."""
        return run(self._target.update(*actions, condition=condition, upsert=upsert))

    def apply(self, *actions: Action, condition: Condition | None = None, upsert: bool = False) -> None:
        """Blocking form of ``Key.apply``."""
        run(self._target.apply(*actions, condition=condition, upsert=upsert))

    def pop(self) -> Row_co | None:
        """Blocking form of ``Key.pop``."""
        return run(self._target.pop())

    def delete(self, *, condition: Condition | None = None) -> None:
        """Blocking form of ``Key.delete``."""
        run(self._target.delete(condition=condition))


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
        progress: Progress | None = None,
        **options: Unpack[TableOptions],
    ) -> None:
        """Blocking form of ``Table.create``."""
        run(self._target.create(wait=wait, wait_timeout=wait_timeout, progress=progress, **options))

    def ensure(
        self, *, wait_timeout: float | None = 600.0, progress: Progress | None = None, **options: Unpack[TableOptions]
    ) -> list[Drift]:
        """Blocking form of ``Table.ensure``."""
        return run(self._target.ensure(wait_timeout=wait_timeout, progress=progress, **options))

    def update(
        self, *, wait_timeout: float | None = 600.0, progress: Progress | None = None, **options: Unpack[TableOptions]
    ) -> list[Drift]:
        """Blocking form of ``Table.update``."""
        return run(self._target.update(wait_timeout=wait_timeout, progress=progress, **options))

    def check(self, **options: Unpack[TableOptions]) -> list[Drift]:
        """Blocking form of ``Table.check``."""
        return run(self._target.check(**options))

    def exists(self) -> bool:
        """Blocking form of ``Table.exists``."""
        return run(self._target.exists())

    def delete(self, *, wait: bool = True, wait_timeout: float | None = 600.0, progress: Progress | None = None) -> None:
        """Blocking form of ``Table.delete``."""
        run(self._target.delete(wait=wait, wait_timeout=wait_timeout, progress=progress))

    def describe(self) -> TableDescription:
        """Blocking form of ``Table.describe``."""
        return run(self._target.describe())

    def wait_until_active(self, *, wait_timeout: float | None = 600.0, progress: Progress | None = None) -> TableDescription:
        """Blocking form of ``Table.wait_until_active``."""
        return run(self._target.wait_until_active(wait_timeout=wait_timeout, progress=progress))

    def wait_until_gone(self, *, wait_timeout: float | None = 600.0, progress: Progress | None = None) -> None:
        """Blocking form of ``Table.wait_until_gone``."""
        run(self._target.wait_until_gone(wait_timeout=wait_timeout, progress=progress))


class SyncClient:
    """The blocking form of a ``DynamoDBClient``."""

    __slots__ = ("_target",)

    def __init__(self, target: DynamoDBClient) -> None:
        self._target = target

    def get_item(
        self, table: str, key: Mapping[str, Any], /, *, consistent_read: bool | None = None, projection: Sequence[str] = ()
    ) -> dict[str, Any] | None:
        """Blocking form of ``DynamoDBClient.get_item``."""
        return run(self._target.get_item(table, key, consistent_read=consistent_read, projection=projection))

    def put_item(self, table: str, item: Mapping[str, Any], /, *, condition: Condition | None = None) -> None:
        """Blocking form of ``DynamoDBClient.put_item``."""
        run(self._target.put_item(table, item, condition=condition))

    def update_item(
        self, table: str, key: Mapping[str, Any], /, *actions: Action, condition: Condition | None = None
    ) -> dict[str, Any]:
        """Blocking form of ``DynamoDBClient.update_item``."""
        return run(self._target.update_item(table, key, *actions, condition=condition))

    def delete_item(self, table: str, key: Mapping[str, Any], /, *, condition: Condition | None = None) -> None:
        """Blocking form of ``DynamoDBClient.delete_item``."""
        run(self._target.delete_item(table, key, condition=condition))

    def transaction(self, *, token: str | None = None) -> SyncTransaction:
        """Blocking form of ``DynamoDBClient.transaction``."""
        made: SyncTransaction = self._target.transaction(token=token).sync
        return made

    @overload
    def batch_get(self, key: Key[R1], /, *, consistent_read: bool | None = None) -> tuple[R1 | None]: ...
    @overload
    def batch_get(
        self, key1: Key[R1], key2: Key[R2], /, *, consistent_read: bool | None = None
    ) -> tuple[R1 | None, R2 | None]: ...
    @overload
    def batch_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], /, *, consistent_read: bool | None = None
    ) -> tuple[R1 | None, R2 | None, R3 | None]: ...
    @overload
    def batch_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], key4: Key[R4], /, *, consistent_read: bool | None = None
    ) -> tuple[R1 | None, R2 | None, R3 | None, R4 | None]: ...
    @overload
    def batch_get(self, *keys: Key[R1], consistent_read: bool | None = None) -> tuple[R1 | None, ...]: ...
    def batch_get(self, *keys: Any, consistent_read: bool | None = None) -> tuple[Any, ...]:
        """Blocking form of ``DynamoDBClient.batch_get``."""
        return run(self._target.batch_get(*keys, consistent_read=consistent_read))

    def batch_get_all(self, keys: Iterable[Key[R1]], /, *, consistent_read: bool | None = None) -> list[R1 | None]:
        """Blocking form of ``DynamoDBClient.batch_get_all``."""
        return run(self._target.batch_get_all(keys, consistent_read=consistent_read))

    def batch_writer(self, *, unguarded: bool = False, progress: Callable[[int], object] | None = None) -> SyncBatchWriter:
        """Blocking form of ``DynamoDBClient.batch_writer``."""
        made: SyncBatchWriter = self._target.batch_writer(unguarded=unguarded, progress=progress).sync
        return made

    def batch_save(
        self,
        instances: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        unguarded: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> int:
        """Blocking form of ``DynamoDBClient.batch_save``."""
        return run(self._target.batch_save(instances, unguarded=unguarded, progress=progress))

    def batch_delete(
        self,
        targets: Iterable[Any] | AsyncIterable[Any],
        /,
        *,
        unguarded: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> int:
        """Blocking form of ``DynamoDBClient.batch_delete``."""
        return run(self._target.batch_delete(targets, unguarded=unguarded, progress=progress))

    @overload
    def transact_get(self, key: Key[R1], /) -> tuple[R1 | None]: ...
    @overload
    def transact_get(self, key1: Key[R1], key2: Key[R2], /) -> tuple[R1 | None, R2 | None]: ...
    @overload
    def transact_get(self, key1: Key[R1], key2: Key[R2], key3: Key[R3], /) -> tuple[R1 | None, R2 | None, R3 | None]: ...
    @overload
    def transact_get(
        self, key1: Key[R1], key2: Key[R2], key3: Key[R3], key4: Key[R4], /
    ) -> tuple[R1 | None, R2 | None, R3 | None, R4 | None]: ...
    @overload
    def transact_get(self, *keys: Key[R1]) -> tuple[R1 | None, ...]: ...
    def transact_get(self, *keys: Any) -> tuple[Any, ...]:
        """Blocking form of ``DynamoDBClient.transact_get``."""
        return run(self._target.transact_get(*keys))

    def list_tables(self) -> list[str]:
        """Blocking form of ``DynamoDBClient.list_tables``."""
        return run(self._target.list_tables())

    def call(self, operation: str, /, **wire: Any) -> dict[str, Any]:
        """Blocking form of ``DynamoDBClient.call``."""
        return run(self._target.call(operation, **wire))

    def close(self) -> None:
        """Blocking form of ``DynamoDBClient.close``."""
        run(self._target.close())
