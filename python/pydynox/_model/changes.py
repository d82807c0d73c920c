"""Change and ItemSize: what a model reports about an instance, with encrypted values hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydynox._shared.public import public

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydynox.attributes import Attr


@public
class Change(NamedTuple):
    """The value of an attribute in the stored item, and its value now; None for a missing value."""

    old: Any
    new: Any


@public
class ItemSize(NamedTuple):
    """The size of an item in bytes, as DynamoDB counts it; the limit is 409,600."""

    total: int
    attributes: dict[str, int]  # by stored name; a size includes that of the name


class _Encrypted:
    """What is shown in place of an encrypted value."""

    def __repr__(self) -> str:
        return "<encrypted>"


_ENCRYPTED = _Encrypted()


class _EncryptedChange(Change):
    """A change whose repr does not reveal the values."""

    __slots__ = ()

    def __repr__(self) -> str:
        old, new = (_ENCRYPTED if value is not None else None for value in self)
        return f"Change(old={old}, new={new})"

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        for name, value in zip(self._fields, self, strict=True):
            yield name, _ENCRYPTED if value is not None else None


def change(attribute: Attr[Any], old: object, new: object) -> Change:
    """The change of an attribute."""
    return (_EncryptedChange if attribute.options.protection == "encrypted" else Change)(old, new)


def as_shown(attribute: Attr[Any], value: object) -> object:
    """The value of an attribute, for its repr."""
    return _ENCRYPTED if attribute.options.protection == "encrypted" and value is not None else value
