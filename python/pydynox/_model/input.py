"""What callers pass for an item or its JSON text, and the error of what is neither."""

from __future__ import annotations

from typing import Any

from pydynox.exceptions import ValidationError


def refused(message: str) -> ValidationError:
    """The error of a value that concerns no single attribute."""
    return ValidationError(message, errors=[("", message)])


def as_dict(value: Any) -> dict[Any, Any] | None:
    """A mapping as a dict; None for anything else."""
    if issubclass(type(value), dict):
        return value  # type: ignore[no-any-return]  # not narrowed: pyright would not know its type arguments
    return dict(value) if hasattr(value, "keys") and hasattr(value, "__getitem__") else None


def as_bytes(text: Any) -> bytes | None:
    """Text in UTF-8; None for anything else."""
    if isinstance(text, str):
        return text.encode()
    return bytes(text) if isinstance(text, (bytes, bytearray)) else None
