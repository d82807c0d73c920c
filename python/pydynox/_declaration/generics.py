"""Generic models: the arguments of the type variables of base classes."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

import pydynox._core as _core

if TYPE_CHECKING:
    from collections.abc import Mapping


def type_arguments(cls: type[Any]) -> dict[type[Any], dict[Any, Any]]:
    """The arguments of every base class's type variables; those of ``Model[...]`` by position."""
    meanings: dict[type[Any], dict[Any, Any]] = {}
    # Reversed, so that an earlier base takes precedence, as it does for attributes.
    for base in reversed(cls.__dict__.get("__orig_bases__", cls.__bases__)):
        origin = typing.get_origin(base)
        if origin is None:
            meanings.update(type_arguments(base) if isinstance(base, type) else {})
        elif origin is not typing.Generic:
            arguments = typing.get_args(base)
            parameters = range(len(arguments)) if is_root(origin) else origin.__parameters__
            here = dict(zip(parameters, arguments, strict=False))
            for further, meaning in type_arguments(origin).items():
                meanings[further] = {key: substitute(value, here) for key, value in meaning.items()}
            meanings[origin] = here
    return meanings


def substitute(annotation: Any, meaning: Mapping[Any, Any]) -> Any:
    """An annotation with its type variables replaced where they have an argument."""
    if isinstance(annotation, typing.TypeVar):
        return meaning.get(annotation, annotation)
    parameters = getattr(annotation, "__parameters__", ())
    if not any(parameter in meaning for parameter in parameters):
        return annotation
    return annotation[tuple(meaning.get(parameter, parameter) for parameter in parameters)]


def is_root(cls: type[Any]) -> bool:
    """Whether this is ``Model`` itself."""
    return "_definition" not in cls.__dict__ and issubclass(cls, _core.Instance)


def is_concrete(arguments: tuple[Any, ...]) -> bool:
    """Whether these arguments of a generic model leave nothing open."""
    return not any(
        isinstance(argument, (str, typing.TypeVar, typing.ForwardRef)) or len(getattr(argument, "__parameters__", ())) > 0
        for argument in arguments
    )


def plain(annotation: Any) -> Any:
    """A type that pydantic can read: an open type variable becomes ``Any``."""
    return Any if not is_concrete((annotation,)) else annotation
