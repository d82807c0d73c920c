"""The table of pydynox's own items: where idempotency records, events of an outbox, and locks are stored."""

from __future__ import annotations

from types import new_class
from typing import TYPE_CHECKING, Any

from pydynox._shared.public import public
from pydynox.attribute_objects import StringAttribute
from pydynox.exceptions import ConfigurationError
from pydynox.model import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydynox.tables.table import Table

#: Longest part of a partition key that callers choose, in bytes; a key has room for 2,048.
MOST_BYTES = 1024


@public
class CoordinationTable:
    """The table in which pydynox stores its own items: idempotency records, events of an outbox, and locks.

    It can be a table of their own, or the single table of an application: their partition keys begin with ``IDEMPOTENCY#``,
    ``OUTBOX#`` or ``LOCK#``.

    Args:
        name: The table name, without ``table_prefix``.
        partition_key: The name of the partition key, which is a string.
        sort_key: The name of the sort key, which is a string; None for a table without one, which cannot store an outbox.
        ttl: The name of the TTL attribute, by which DynamoDB deletes idempotency records.

    Attributes:
        name: As given.

    Raises:
        ConfigurationError: Two attributes have the same name.

    Example:
        >>> table = CoordinationTable("app", partition_key="PK", sort_key="SK", ttl="expires")
    """

    __slots__ = ("_names", "name")

    def __init__(
        self, name: str = "pydynox", /, *, partition_key: str = "pk", sort_key: str | None = "sk", ttl: str = "expires_at"
    ) -> None:
        names = [attribute for attribute in (partition_key, sort_key, ttl) if attribute is not None]
        if len(set(names)) < len(names):
            raise ConfigurationError(f"CoordinationTable({name!r}): the keys and the TTL attribute need different names: {names}")
        self.name = name
        self._names = (partition_key, sort_key, ttl)

    @property
    def table(self) -> Table[Any]:
        """The table, to create or to check: ``await CoordinationTable().table.create()``. Creating it also enables its TTL.

        Example:
            >>> await CoordinationTable().table.create()
        """
        of: Table[Any] = self.item_class("CoordinationItem", {}).table
        return of

    @property
    def has_sort_key(self) -> bool:
        """Whether items of one partition have an order."""
        return self._names[1] is not None

    def item_class(self, name: str, attributes: Mapping[str, Any], *, entity: str | None = None) -> type[Any]:
        """A model of items of this table.

        Args:
            name: The name of the class, which errors show.
            attributes: Its attributes in addition to the keys, ``pk`` and ``sk``, and to ``expires_at``.
            entity: By which a reader of all items of the table knows them; None where nothing reads them so.
        """
        from pydynox.attribute_objects import TTLAttribute

        partition_key, sort_key, ttl = self._names
        body: dict[str, Any] = {"pk": StringAttribute(partition_key=True, attribute_name=partition_key)}
        if sort_key is not None:
            body["sk"] = StringAttribute(sort_key=True, attribute_name=sort_key)
        body |= attributes
        body["expires_at"] = TTLAttribute(null=True, default=None, attribute_name=ttl)
        body["__module__"] = __name__
        keywords = {"table": self.name} if entity is None else {"table": self.name, "entity": entity}
        item: type[Any] = new_class(name, (Model,), keywords, lambda namespace: namespace.update(body))
        return item

    def key_values(self, partition: str, sort: str) -> dict[str, str]:
        """The keys of an item by the names that its class has for them."""
        return {"pk": partition, "sk": sort} if self.has_sort_key else {"pk": partition}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CoordinationTable):
            return NotImplemented
        return (self.name, self._names) == (other.name, other._names)

    def __hash__(self) -> int:
        return hash((self.name, self._names))

    def __repr__(self) -> str:
        partition_key, sort_key, ttl = self._names
        return f"CoordinationTable({self.name!r}, partition_key={partition_key!r}, sort_key={sort_key!r}, ttl={ttl!r})"


def table_of(table: CoordinationTable | str) -> CoordinationTable:
    """The table that an argument names."""
    if isinstance(table, CoordinationTable):
        return table
    if type(table) is not str:
        raise TypeError(f"table= takes a CoordinationTable or the name of one, not {type(table).__qualname__}")
    return CoordinationTable(table)


def bounded(text: str, most: int = MOST_BYTES) -> str:
    """A part of a key: the text, or a hash of it if it has more than ``most`` bytes."""
    encoded = text.encode("utf-8", "surrogatepass")
    if len(encoded) <= most:
        return text
    from hashlib import sha256

    return f"sha256:{sha256(encoded).hexdigest()}"
