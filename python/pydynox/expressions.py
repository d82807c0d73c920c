"""Paths: what an attribute is on the class, ``User.age``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from ._typing import T_co

if TYPE_CHECKING:
    from .attributes import Attr


class Expr(Generic[T_co]):
    """The path to an attribute of a model: ``User.age`` on the class.

    Attributes:
        model: The model class through which the path was taken.
        attribute: The attribute that it names.
        path: The stored names on the way, such as ``("age",)``.

    Example:
        >>> User.age
        <path User.age>
    """

    __slots__ = ("attribute", "model", "path")

    def __init__(self, model: type[Any], attribute: Attr[T_co]) -> None:
        self.model: type[Any] = model
        self.attribute: Attr[T_co] = attribute
        self.path: tuple[str | int, ...] = (attribute.attribute_name,)

    def __repr__(self) -> str:
        return f"<path {self.model.__name__}.{self.attribute.name}>"
