"""Whether calls are explained instead of sent, and what is put back afterwards."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

#: The instances that hooks may have changed while their call is explained, each with its values before; None if calls are sent.
undoing: ContextVar[list[tuple[Any, dict[str, Any], dict[str, Any]]] | None] = ContextVar("pydynox_undoing", default=None)
