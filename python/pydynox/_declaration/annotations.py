"""Annotations of a class body: resolved in the scope of the class."""

from __future__ import annotations

import importlib
import sys
import types
import typing
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard

from pydynox.attributes import Attr
from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class UnresolvedError(Exception):
    """An annotation names something that does not exist yet."""


def fail(cls: type[Any], field: str, problem: str) -> NoReturn:
    """Refuse a declaration."""
    dotted = f"{cls.__name__}.{field}" if field else cls.__name__
    raise ConfigurationError(f"{dotted} {problem}", model=cls.__name__, attribute=field or None)


def is_attribute(value: object) -> TypeGuard[Attr[Any]]:
    """Whether this declares an attribute in the body of a class."""
    return isinstance(value, Attr)


def is_attribute_class(value: object) -> TypeGuard[type[Attr[Any]]]:
    """Whether an annotation that starts with this declares an attribute."""
    return isinstance(value, type) and issubclass(value, Attr)


def is_name(value: object) -> bool:
    """Whether this is a non-empty string."""
    return isinstance(value, str) and bool(value)


def own(cls: type[Any]) -> dict[str, Any]:
    """The annotations of a class's body; all as text if Python evaluates them lazily and one names something not defined yet."""
    try:
        return dict(getattr(cls, "__annotations__", {}))
    except NameError:
        # Python 3.14 evaluates annotations on access (PEP 649).
        annotationlib: Any = importlib.import_module("annotationlib")

        annotations: dict[str, Any] = annotationlib.get_annotations(cls, format=annotationlib.Format.STRING)
        return annotations


def evaluate(cls: type[Any], annotation: Any, names: Mapping[str, Any], field: str = "") -> Any:
    """Resolve an annotation; text (``from __future__ import annotations``) is evaluated in the scope of the class."""
    if not isinstance(annotation, str):
        return annotation
    module = sys.modules.get(cls.__module__)
    body = {cls.__name__: cls} | {name: value for name, value in cls.__dict__.items() if not is_attribute(value)}
    try:
        # The text is the class's own source, so evaluating it is as safe as importing its module.
        return eval(annotation, vars(module) if module else {}, _Names(cls, body, names))  # noqa: S307
    except NameError as problem:
        raise UnresolvedError(
            f"{cls.__name__}.{field}: the annotation {annotation} names {problem.name!r}, which does not exist"
        ) from None
    except Exception as problem:  # noqa: BLE001 (evaluating an annotation can raise anything)
        fail(cls, field, f"has an annotation that cannot be read: {annotation} ({problem})")


def resolved(cls: type[Any], annotation: Any, names: Mapping[str, Any], field: str = "") -> Any:
    """Resolve an annotation and any text inside it, as in ``Attr[list["Address"]]``."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    meaning = evaluate(cls, annotation, names, field)
    origin, arguments = typing.get_origin(meaning), typing.get_args(meaning)
    # Text in a Literal is a value, not a name to resolve.
    if origin is None or origin in (typing.Literal, typing.Annotated):
        return meaning
    read = tuple(resolved(cls, argument, names, field) if _holds_text(argument) else argument for argument in arguments)
    if read == arguments:
        return meaning
    if origin in (typing.Union, types.UnionType):
        return typing.Union[read]  # noqa: UP007 (of a tuple)
    return meaning.copy_with(read) if hasattr(meaning, "copy_with") else origin[read]


def _holds_text(annotation: Any) -> bool:
    if typing.get_origin(annotation) in (typing.Literal, typing.Annotated):
        return False
    return isinstance(annotation, (str, typing.ForwardRef)) or any(map(_holds_text, typing.get_args(annotation)))


def surroundings(cls: type[Any]) -> dict[str, Any]:
    """The local names around a class now, for an annotation that can only be resolved later."""
    names: dict[str, Any] = {}
    for local in _frames(cls.__module__):
        names = local | names
    return names


class _Names(dict[str, Any]):
    """The names around a class: its body, then the functions that it is defined or used in; the module comes after."""

    def __init__(self, cls: type[Any], body: Mapping[str, Any], names: Mapping[str, Any]) -> None:
        super().__init__(names)
        self.update(body)
        self._module = cls.__module__

    def __missing__(self, name: str) -> Any:
        for local in _frames(self._module):
            if name in local:
                return local[name]
        raise KeyError(name)


def _frames(module: str) -> Iterator[dict[str, Any]]:
    """The local names of the functions of a module that are running now, innermost first."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # documented under this name
    while frame is not None:
        if frame.f_globals.get("__name__") == module and frame.f_locals is not frame.f_globals:
            yield frame.f_locals
        frame = frame.f_back  # type: ignore[assignment]  # typeshed knows that it may be None, the variable does not
