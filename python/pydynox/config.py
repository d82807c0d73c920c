"""ModelConfig: the settings of a model, inherited and merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

    from .client import DynamoDBClient


class _NotGiven:
    def __repr__(self) -> str:
        return "<inherited>"


# None is a value of its own for `client` and `table`, so "not given" needs another object.
_NOT_GIVEN: Any = _NotGiven()


class ModelConfig:
    """Settings of a model. Anything left out is inherited from the base classes.

    Args:
        table: The table's name; equivalent to ``class User(Model[str], table="users")``.
        client: The client of this model, unless an ``as_default()`` block is active.
        consistent_read: Whether reads of this model are strongly consistent unless the call specifies otherwise.
        strict_reads: Whether a stored value whose type differs from the declared one raises SerializationError (the default).
            If False, it is read as a plain value.
        entity_attribute: The stored attribute that holds the ``entity=`` name, ``"_type"`` by default.
        write_id: Whether every write also stores a unique ID, 32 digits in the attribute ``_write_id``. When the first attempt of
            a write got no response, the retry uses the ID to recognize its own item, instead of reporting that another writer
            came first. Models with ``created_at()`` or ``updated_at()`` recognize their items by that attribute.
        orphans: What to do when a unique value is reserved for an item that was deleted or has since changed its value, for
            example after DynamoDB's TTL deleted it: ``"keep"`` leaves the value taken, ``"repair"`` lets the next item take it.
        datetime_format: How datetimes are stored for which ``field(format=...)`` or ``epoch=`` declares nothing else: a format's
            name such as ``"pynamodb"``, or a pattern; ``"iso_z"`` by default. It applies to datetimes in lists, maps,
            dataclasses and TypedDicts too, and to ``created_at()`` and ``updated_at()``; a Document has its own.
        logical_table: The table name that encrypted values are bound to, by default the table's own. Set it so that values can
            still be decrypted after the table is restored under another name.

    Raises:
        ConfigurationError: A setting has the wrong type.

    Example:
        >>> class User(Model[str]):
        ...     model_config = ModelConfig(table="users", consistent_read=True)
        ...     user_id: Attr[str] = partition_key()
    """

    __slots__ = ("given",)
    given: dict[str, Any]

    def __init__(
        self,
        *,
        table: str | None = _NOT_GIVEN,
        client: DynamoDBClient | None = _NOT_GIVEN,
        consistent_read: bool = _NOT_GIVEN,
        strict_reads: bool = _NOT_GIVEN,
        write_id: bool = _NOT_GIVEN,
        entity_attribute: str = _NOT_GIVEN,
        orphans: Literal["keep", "repair"] = _NOT_GIVEN,
        logical_table: str = _NOT_GIVEN,
        datetime_format: str = _NOT_GIVEN,
    ) -> None:
        given: dict[str, Any] = {
            "table": table,
            "client": client,
            "consistent_read": consistent_read,
            "strict_reads": strict_reads,
            "write_id": write_id,
            "entity_attribute": entity_attribute,
            "orphans": orphans,
            "logical_table": logical_table,
            "datetime_format": datetime_format,
        }
        given = {name: value for name, value in given.items() if value is not _NOT_GIVEN}
        name = given.get("table")
        if name is not None and (not isinstance(name, str) or not name):
            raise ConfigurationError(f"ModelConfig(table=...) must be the name of a table, not {name!r}")
        for name in ("consistent_read", "strict_reads", "write_id"):
            if not isinstance(given.get(name, False), bool):
                raise ConfigurationError(f"ModelConfig({name}=...) must be True or False, not {given[name]!r}")
        attribute = given.get("entity_attribute", "_type")
        if not isinstance(attribute, str) or not attribute:
            raise ConfigurationError(f"ModelConfig(entity_attribute=...) must be the name of an attribute, not {attribute!r}")
        if given.get("orphans", "keep") not in ("keep", "repair"):
            raise ConfigurationError(f"ModelConfig(orphans=...) must be 'keep' or 'repair', not {given['orphans']!r}")
        logical = given.get("logical_table")
        if logical is not None and (not isinstance(logical, str) or not logical):
            raise ConfigurationError(f"ModelConfig(logical_table=...) must be a name, not {logical!r}")
        if "datetime_format" in given:
            _check_datetime_format(given["datetime_format"])
        object.__setattr__(self, "given", given)

    @property
    def table(self) -> str | None:
        """The table's name, without the client's ``table_prefix``."""
        table: str | None = self.given.get("table")
        return table

    @property
    def client(self) -> DynamoDBClient | None:
        """The client of this model."""
        client: DynamoDBClient | None = self.given.get("client")
        return client

    @property
    def consistent_read(self) -> bool:
        """Whether reads are strongly consistent unless the call specifies otherwise."""
        consistent: bool = self.given.get("consistent_read", False)
        return consistent

    @property
    def strict_reads(self) -> bool:
        """Whether a stored value whose type differs from the declared one raises SerializationError."""
        strict: bool = self.given.get("strict_reads", True)
        return strict

    @property
    def write_id(self) -> bool:
        """Whether every write also stores a unique ID."""
        named: bool = self.given.get("write_id", False)
        return named

    @property
    def logical_table(self) -> str | None:
        """The table name that encrypted values are bound to, if it is not the table's own."""
        name: str | None = self.given.get("logical_table")
        return name

    @property
    def datetime_format(self) -> str | None:
        """How datetimes are stored for which nothing else is declared; None for ``"iso_z"``."""
        format: str | None = self.given.get("datetime_format")
        return format

    @property
    def entity_attribute(self) -> str:
        """The stored attribute that holds the ``entity=`` name."""
        name: str = self.given.get("entity_attribute", "_type")
        return name

    @property
    def orphans(self) -> Literal["keep", "repair"]:
        """What to do when a unique value is reserved for an item that no longer has it."""
        orphans: Literal["keep", "repair"] = self.given.get("orphans", "keep")
        return orphans

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"ModelConfig is frozen: write model_config = ModelConfig({name}=...) in the class")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("ModelConfig is frozen")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ModelConfig):
            return NotImplemented
        return self.given == other.given

    def __hash__(self) -> int:
        # A client has no value to compare, so equal configurations share the client object.
        settings = (self.consistent_read, self.strict_reads, self.write_id, self.entity_attribute, self.orphans)
        return hash((self.table, id(self.client), self.datetime_format, *settings))

    def __repr__(self) -> str:
        return f"ModelConfig({', '.join(f'{name}={value!r}' for name, value in self.given.items())})"


def _check_datetime_format(format: object) -> None:
    import pydynox._core as _core

    if not isinstance(format, str):
        raise ConfigurationError(f"ModelConfig(datetime_format=...) must be the name of a format, or a pattern, not {format!r}")
    try:
        _core.time_format("datetime", format)
    except ValueError as problem:
        raise ConfigurationError(f"ModelConfig(datetime_format={format!r}): {problem}") from None


def merge(configs: Iterable[ModelConfig]) -> ModelConfig:
    """Merge configurations into one; settings of a later one take precedence."""
    merged: dict[str, Any] = {}
    for config in configs:
        merged |= config.given
    return ModelConfig(**merged)
