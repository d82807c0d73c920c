"""``users.attr``: the paths to the members of a repository's class, and into the classes nested in it."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

from pydynox._declaration.compile import path_of
from pydynox._declaration.kinds import kind_of
from pydynox._declaration.record_types import nested_types
from pydynox.expressions import AnyExpr, Condition, ListExpr, MapExpr, OpenMapExpr, expression, handle_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    class AttributePath(AnyExpr, Condition):  # for checkers alone, which cannot know the type of the member
        """The path to a member: it offers every operation, and at run time those of the member's type."""

        def __getattr__(self, name: str) -> AttributePath: ...
        def __getitem__(self, step: str | int, /) -> AttributePath: ...


class AttributePaths:
    """``users.attr``: ``users.attr.age`` is the path to a member, checked by name; what is compared with it, by type."""

    def __init__(self, model: type[Any], names: Mapping[str, str]) -> None:
        self._model = model
        self._names = names

    def __getattr__(self, name: str) -> AttributePath:
        hidden = self._names.get(name)
        if hidden is None:
            raise AttributeError(_unknown(self._model.__name__, name, self._names), name=name, obj=self)
        member: Any = path_of(self._model, hidden)
        return typing.cast("AttributePath", _nested(member, self._model.model_fields[hidden].type))

    def __dir__(self) -> list[str]:
        return [*self._names]

    def __repr__(self) -> str:
        return f"<attributes of {self._model.__name__}>"


class _NestedExpr(OpenMapExpr[Any]):
    """A path to an object of another class inside the item: ``users.attr.address.city``."""

    members: Mapping[str, Any]
    class_name: str

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str, /) -> Any:
        if name not in self.members:
            raise AttributeError(_unknown(self.class_name, name, self.members), name=name, obj=self)
        annotation = self.members[name]
        try:
            kind = kind_of(annotation)
        except TypeError:  # a type that only pydantic knows
            kind = ("any",)
        return _nested(expression(self._handle.child(name), kind, self.model, self.attribute), annotation)


class _NestedListExpr(ListExpr[Any, Any]):
    """A path to a list of such objects: ``users.attr.addresses[0].city``."""

    inner: Any

    def __getitem__(self, index: int, /) -> Any:
        return _nested(super().__getitem__(index), self.inner)


class _NestedMapExpr(MapExpr[Any, Any]):
    """A path to a map of such objects: ``users.attr.addresses["home"].city``."""

    inner: Any

    def __getitem__(self, name: str, /) -> Any:
        return _nested(super().__getitem__(name), self.inner)


def _nested(place: Any, annotation: Any) -> Any:
    """The same path, with the members of the class that its values have."""
    name = place.__class__.__name__
    present = _present(annotation)
    if name in ("ListExpr", "MapExpr") and typing.get_args(present):
        container: Any = _NestedListExpr if name == "ListExpr" else _NestedMapExpr
        nested: Any = container(handle_of(place), kind_of(present), place.model, place.attribute)
        nested.inner = typing.get_args(present)[0 if container is _NestedListExpr else 1]
        return nested
    members = nested_types(present) if name == "OpenMapExpr" else None
    if members is None:
        return place
    nested = _NestedExpr(handle_of(place), kind_of(present), place.model, place.attribute)
    nested.members, nested.class_name = members, getattr(present, "__name__", repr(present))
    return nested


def _present(annotation: Any) -> Any:
    """``T`` of ``T | None`` and of ``Annotated[T, ...]``."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _present(annotation.__origin__)
    members = [member for member in typing.get_args(annotation) if member is not type(None)]
    is_optional = type(None) in typing.get_args(annotation)
    return _present(members[0]) if is_optional and len(members) == 1 else annotation


def _unknown(owner: str, name: str, names: Mapping[str, Any]) -> str:
    import difflib

    near = difflib.get_close_matches(name, names, 1)
    return f"{owner} has no field {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
