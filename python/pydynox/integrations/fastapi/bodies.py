"""The bodies of responses: their schemas, and their JSON, written by the core without pydantic."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Generic, get_args

from pydantic import BaseModel, Field, TypeAdapter
from pydantic_core import to_json

import pydynox._core as _core
from pydynox._shared.typing import Row
from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Scope

    from pydynox.query import Query

_OPTIONS = ("json", None, None, (False, False, False), None)
_CHOICES = tuple(
    f"response_model_{choice}" for choice in ("include", "exclude", "exclude_unset", "exclude_defaults", "exclude_none")
)


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
        if getattr(route, choice, None):
            raise ConfigurationError(
                f"{choice}= has no effect on {response.__name__}: declare {response.__name__}[...] of a class "
                "that has only the attributes to be shown"
            )
    arguments = get_args(getattr(route, "response_model", None))
    return arguments[0] if arguments else None


def json_of_rows(rows: Sequence[Any], declared: Any) -> list[bytes]:
    """Each row as JSON, with what the declared type shows of it."""
    names: frozenset[str] | None = None
    if declared is not None and declared is not Any:
        classes: list[Any] = list(get_args(declared)) or [declared]
        if not all(isinstance(one, type) and issubclass(one, _core.Instance) for one in classes):
            # As FastAPI itself fills a response_model of another class.
            adapter = _adapter(declared)
            return [adapter.dump_json(adapter.validate_python(row, from_attributes=True), by_alias=True) for row in rows]
        if not all(type(row) in classes for row in rows):
            # As which of several classes a row is shown, pydantic decides, as it does for a union.
            if len(classes) > 1:
                adapter = _adapter(declared)
                return [adapter.dump_json(row) for row in rows]
            names = frozenset(classes[0].model_fields)
    return [_core.dump_json(row, _OPTIONS, names).encode() if isinstance(row, _core.Instance) else to_json(row) for row in rows]


def json_query(query: Query[Any], declared: Any) -> Query[bytes] | None:
    """The query whose rows are the JSON of its items, as the declared type shows them; None if the items must be made first."""
    model: Any = query.model
    if model is None:
        return None
    if declared is None or declared is Any or declared is model:
        return query.as_json(None)
    if isinstance(declared, type) and issubclass(declared, _core.Instance) and issubclass(model, declared):
        base: Any = declared
        return query.as_json(list(base.model_fields))
    return None


def json_of_page(items: Sequence[bytes], next: str | None, previous: str | None) -> bytes:
    """A page as JSON."""
    return b"".join((b'{"items":[', b",".join(items), b'],"next":', to_json(next), b',"previous":', to_json(previous), b"}"))


@cache
def _adapter(declared: Any) -> TypeAdapter[Any]:
    return TypeAdapter(declared)
