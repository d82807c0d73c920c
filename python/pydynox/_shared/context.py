"""Leaving a block that set a context variable."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextvars import ContextVar, Token


def restore(variable: ContextVar[Any], token: Token[Any]) -> None:
    """Give a variable back the value from before a block, unless the block ends in a context that never had the block's value.

    An abandoned coroutine may be closed from another context, where the token is not valid and nothing needs restoring.
    """
    with suppress(ValueError):
        variable.reset(token)
