"""The reading half of a repository: gets, queries and scans that give objects of its class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

import pydynox._core as _core
from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox._shared.typing import Row
from pydynox.default_client import client_for
from pydynox.exceptions import ConfigurationError
from pydynox.indexes import Index
from pydynox.key import Key, not_found
from pydynox.query import Query
from pydynox.tables.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydynox.model import Model

    from .binding import Binding


class RepositoryReads(Generic[Row]):
    """Calls that read, and what they lead to: keys, queries, indexes, the table."""

    model: type[Model[Any]]
    _binding: Binding
    _indexes: Mapping[str, str]
    _schema: _core.Schema

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
            return await limited(client, timeout, RepositoryReads[Row].get(self, *values, consistent_read=consistent_read, **key))
        item = await client.core.get(self._schema, values, key, consistent_read)
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
        return Key(self.model, self._schema.key(values, key))

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
        return Query(_core.Search.query(self._schema, None, values, key), self.model, None)

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

    @property
    def table(self) -> Table[Row]:
        """The table: ``await users.table.create()``, ``await users.table.check()``."""
        return Table(self.model)

    def _key_of(self, key: Any) -> Key[Row]:
        if issubclass(type(key), Key):
            if key.model is not self.model:
                raise TypeError(f"{self!r} reads keys that it made itself, with key(), not {key!r}")
            return key  # type: ignore[no-any-return]  # not narrowed: pyright would not know its type argument
        return self.key(*key) if issubclass(type(key), tuple) else self.key(key)
