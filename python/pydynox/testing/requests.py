"""Requests: the record of what clients sent, comparable with a list of operations. PYTEST_DONT_REWRITE"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self, SupportsIndex, cast, overload

if TYPE_CHECKING:
    import pydynox._core as _core


class RecordedRequest(str):
    """A request that was sent: equal to the name of its operation, such as ``"PutItem"``.

    Attributes:
        tables: The tables that it names, as sent.
    """

    __slots__ = ("_body", "tables")

    tables: tuple[str, ...]

    def __new__(cls, operation: str, tables: Sequence[str], body: bytes) -> Self:
        """Record a request; for pydynox's own modules."""
        request = super().__new__(cls, operation)
        request.tables = tuple(tables)
        request._body = body
        return request

    _body: bytes

    @property
    def operation(self) -> str:
        """The operation, such as ``"PutItem"``."""
        return str.__str__(self)

    @property
    def table(self) -> str:
        """The table, as sent; empty if it names none or several."""
        return self.tables[0] if len(self.tables) == 1 else ""

    @property
    def body(self) -> dict[str, Any]:
        """The body in wire form, such as ``{"TableName": "users", "Item": {"user_id": {"S": "u1"}}}``."""
        body: dict[str, Any] = json.loads(self._body)
        return body


class Requests(Sequence[RecordedRequest]):
    """The requests so far, in order; equal to a list of the same operations. It grows while the test runs."""

    __slots__ = ("_core",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, core: _core.Faults) -> None:
        self._core = core

    def _list(self) -> list[RecordedRequest]:
        return recorded(self._core)

    def of(self, table: str, /) -> list[RecordedRequest]:
        """Those that name this table.

        Args:
            table: The name as sent, ``table_prefix`` included.

        Example:
            >>> assert dynamodb.requests.of("users") == ["PutItem"]
        """
        return [request for request in self._list() if table in request.tables]

    def clear(self) -> None:
        """Forget the requests so far.

        Example:
            >>> dynamodb.requests.clear()
        """
        self._core.forget()

    def __len__(self) -> int:
        return len(self._list())

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> RecordedRequest: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[RecordedRequest]: ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> RecordedRequest | list[RecordedRequest]:
        return self._list()[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Requests):
            return self._list() == other._list()
        if isinstance(other, (list, tuple)):
            return self._list() == list(cast("list[object]", other))
        return NotImplemented

    def __repr__(self) -> str:
        return repr(self._list())


def recorded(core: _core.Faults) -> list[RecordedRequest]:
    """The requests that passed."""
    return [RecordedRequest(operation, tables, body) for operation, tables, body in core.requests()]
