"""The bodies of responses: their schemas, and their JSON, written by the core without pydantic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, get_args

from pydantic import BaseModel, Field
from pydantic_core import to_json

import pydynox._core as _core
from pydynox._shared.typing import Row
from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from starlette.types import Scope

_OPTIONS = ("json", None, None, (False, False, False), None)
_CHOICES = ("include", "exclude", "exclude_unset", "exclude_defaults", "exclude_none")


class Page(BaseModel, Generic[Row]):
    """One page of the rows of a query."""

    items: list[Row]
    next: str | None = Field(description="The cursor of the next page, for the parameter `after`; null on the last page.")
    previous: str | None = Field(description="The cursor of the page before, for the parameter `before`; null on the first page.")


def row_type(annotation: Any) -> Any:
    """The type of the rows in ``Page[User]`` or ``JSONLines[User]``."""
    arguments = get_args(annotation)
    return arguments[0] if arguments else Any


def declared_rows(scope: Scope, response: type[Any]) -> Any:
    """The type of the rows that a route declares; None if it declares none.

    Raises:
        ConfigurationError: The route chooses attributes in a way that such a response does not follow.
    """
    route = scope.get("route")
    for choice in _CHOICES:
        if getattr(route, f"response_model_{choice}", None):
            raise ConfigurationError(
                f"response_model_{choice}= has no effect on {response.__name__}: declare {response.__name__}[...] of a class "
                "that has only the attributes to be shown"
            )
    arguments = get_args(getattr(route, "response_model", None))
    return arguments[0] if arguments else None


def hidden_by(declared: Any, rows: Sequence[Any]) -> frozenset[str] | None:
    """The names to show of rows that have more attributes than the declared class; None to show all."""
    if not isinstance(declared, type) or not issubclass(declared, _core.Instance):
        return None
    model: Any = declared
    if all(type(row) is model for row in rows):
        return None
    return frozenset(model.model_fields)


def json_of(row: Any, names: Container[str] | None = None) -> bytes:
    """One row as JSON."""
    if isinstance(row, _core.Instance):
        return _core.dump_json(row, _OPTIONS, names).encode()
    return to_json(row)


def json_of_page(rows: Sequence[Any], next: str | None, previous: str | None, names: Container[str] | None) -> bytes:
    """A page as JSON."""
    items = b",".join([json_of(row, names) for row in rows])
    return b'{"items":[%b],"next":%b,"previous":%b}' % (items, to_json(next), to_json(previous))
