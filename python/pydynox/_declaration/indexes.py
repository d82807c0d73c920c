"""Indexes as a class declares them: checked, and converted to the form that the extension takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from .annotations import fail
from .kinds import is_key_kind
from .times import check_key_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydynox.attributes import Attr


class IndexDeclaration:
    """The declaration of one index."""

    is_global = True

    def __init__(self, partition: tuple[Any, ...], sort: tuple[Any, ...], index_name: str | None, projection: Any) -> None:
        self.name = index_name or ""
        self._partition, self._sort, self._projection = partition, sort, projection

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = self.name or name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name or 'without a name'}>"

    def declared(
        self, cls: type[Any], partition: Attr[Any] | None, stored: dict[str, Attr[Any]]
    ) -> tuple[str, bool, list[str], list[str], list[str] | None]:
        """The index in the form that the extension takes; ``stored`` maps names to the attributes of the class."""
        if not self.name.isprintable():
            fail(cls, repr(self.name), "cannot be the name of an index: use letters, digits, _, - and .")
        keys = [
            [self._named(cls, one, stored) for one in part]
            for part in ((partition,) if partition is not None and not self.is_global else self._partition, self._sort)
        ]
        for attribute in (attribute for part in keys for attribute in part):
            if attribute.options.protection is not None:
                fail(
                    cls,
                    self.name,
                    f"has the key {attribute.name}, which is {attribute.options.protection}: an index cannot read it",
                )
            if attribute.options.store_null:
                fail(
                    cls,
                    self.name,
                    f"has the key {attribute.name}, which sets store_null=True: a key is never NULL, and an item without a "
                    "value is not in the index",
                )
            check_key_form(cls, self.name, attribute, f"has the key {attribute.name}")
            if not _is_key(attribute):
                fail(cls, self.name, f"has the key {attribute.name}, but a key must be stored as a string, a number or bytes")
        names = [[attribute.attribute_name for attribute in part] for part in keys]
        return self.name, self.is_global, names[0], names[1], self._included(cls, stored)

    def attribute_names(self) -> list[Any]:
        """The attributes that it names, which a repository knows only by name."""
        projected = () if isinstance(self._projection, str) else self._projection
        return [*self._partition, *self._sort, *projected]

    def renamed(self, name: str, names: Mapping[str, str]) -> Self:
        """The same index under this name unless it has its own, of attributes with other names."""
        copy = object.__new__(self.__class__)
        copy.name = self.name or name
        copy._partition, copy._sort = tuple(names[one] for one in self._partition), tuple(names[one] for one in self._sort)
        copy._projection = (
            self._projection if isinstance(self._projection, str) else tuple(names[one] for one in self._projection)
        )
        return copy

    def names(self, stored: str) -> bool:
        """Whether its key or its projection has an attribute that is given by this name."""
        projected: tuple[Any, ...] = () if isinstance(self._projection, str) else self._projection
        return any(isinstance(one, str) and one == stored for one in (*self._partition, *self._sort, *projected))

    def _included(self, cls: type[Any], stored: dict[str, Attr[Any]]) -> list[str] | None:
        projection = self._projection
        if projection == "ALL":
            return None
        if projection == "KEYS_ONLY":
            return []
        if isinstance(projection, str) or not projection:
            fail(cls, self.name, f'has projection={projection!r}: write "ALL", "KEYS_ONLY" or a tuple of attributes')
        return [self._named(cls, one, stored).attribute_name for one in projection]

    def _named(self, cls: type[Any], one: Any, stored: dict[str, Attr[Any]]) -> Attr[Any]:
        name: Any = getattr(one, "name", one)
        attribute = stored.get(name) if isinstance(name, str) else None
        if attribute is None:
            text: str = name or repr(one)
            fail(cls, self.name, f"is an index on {text}, which is not an attribute of {cls.__name__}")
        return attribute


def _is_key(attribute: Attr[Any]) -> bool:
    kind: tuple[Any, ...] = attribute.kind or ("any",)
    return is_key_kind(kind[1] if kind[0] == "optional" else kind)


def declared_indexes(
    cls: type[Any], attributes: dict[str, Attr[Any]], partition: Attr[Any] | None
) -> Iterable[tuple[str, bool, list[str], list[str], list[str] | None]]:
    """The indexes of a class and its bases, in the form that the extension takes.

    Raises:
        ConfigurationError: An index is not valid.
    """
    indexes: dict[str, IndexDeclaration] = {}
    for name, value in _values(cls):
        if isinstance(value, IndexDeclaration):
            indexes[name] = value
        else:
            indexes.pop(name, None)  # a subclass drops an index by assigning None, or anything else, to its name
    return [index.declared(cls, partition, attributes) for index in indexes.values()]


def names_attribute(cls: type[Any], stored: str) -> bool:
    """Whether an index of a class or its bases refers to an attribute by this stored name."""
    return any(isinstance(value, IndexDeclaration) and value.names(stored) for _, value in _values(cls))


def _values(cls: type[Any]) -> Iterator[tuple[str, Any]]:
    for base in reversed(cls.__mro__):
        yield from vars(base).items()
