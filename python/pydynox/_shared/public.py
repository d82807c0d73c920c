"""Classes of private modules that users import from the package."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T", bound=type)


def public(cls: T) -> T:
    """Name the package as the class's module: what a repr shows and a pickle stores is then a path that stays importable."""
    cls.__module__ = "pydynox"
    return cls
