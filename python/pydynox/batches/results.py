"""QueryResult: one page of a query or scan; and the iterator for blocking code."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Generic, overload

from pydynox._core import run
from pydynox._shared.typing import Row_co
from pydynox.exceptions import ValidationError


class QueryResult(Sequence[Row_co], Generic[Row_co]):
    """One page: a sequence of rows, and the cursors from which the pages after and before it are read.

    Attributes:
        items: The rows.
        cursor: Where this page ends, for ``Query.after``; None if it is the last.
        consumed_capacity: Read capacity units that the requests of this page consumed, if the service reported them.

    Example:
        >>> page = await Order.query("c1").page(20)
        >>> len(page), page.cursor
    """

    __slots__ = ("_previous", "consumed_capacity", "cursor", "items")

    def __init__(
        self,
        items: list[Row_co],
        cursor: str | None,
        consumed_capacity: float | None = None,
        previous: str | ValidationError | None = None,
    ) -> None:
        self.items: list[Row_co] = items
        self.cursor = cursor
        self.consumed_capacity = consumed_capacity
        self._previous = previous

    @property
    def previous(self) -> str | None:
        """Where this page begins, for ``Query.before``; None if it is the first, and for scans and statements.

        Raises:
            ValidationError: A query without a model selected rows without their key, which marks the place.
        """
        if isinstance(self._previous, ValidationError):
            raise self._previous
        return self._previous

    @overload
    def __getitem__(self, index: int, /) -> Row_co: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[Row_co]: ...
    def __getitem__(self, index: int | slice, /) -> Row_co | list[Row_co]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Row_co]:
        return iter(self.items)

    def __repr__(self) -> str:
        more = "more to come" if self.cursor is not None else "last page"
        return f"<page of {len(self.items)} rows, {more}>"


def each(opened: tuple[Callable[[], Coroutine[Any, Any, Any]], Callable[[], None]], *, flat: bool) -> Iterator[Any]:
    """Iterate in blocking code: each step runs the coroutine that an ``async for`` would await.

    Args:
        opened: A function that fetches the next rows, None at the end; and one that stops reading.
        flat: Whether each step returns several rows, which are then yielded one by one.
    """
    step, close = opened
    try:
        while (rows := run(step())) is not None:
            if flat:
                yield from rows
            else:
                yield rows
    finally:
        # A loop that was left early must not keep fetching pages ahead.
        close()
