"""Rejected: what a write returns for a false condition where ``on_condition="return"`` asks for a result instead of an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal

from pydynox.exceptions import ConditionFailedError, ValidationError

from .public import public
from .typing import Row_co

if TYPE_CHECKING:
    from collections.abc import Awaitable


@public
class Rejected(Generic[Row_co]):
    """A write whose condition was false, so that nothing was written: what ``on_condition="return"`` returns for it.

    It is falsy, and what a successful write returns instead is never one: ``isinstance(outcome, Rejected)`` tells them apart. It
    is also certain: if an earlier attempt of the same call got no response and may be what made the condition false, the error is
    raised, with ``ambiguous`` set.

    Attributes:
        item: The stored item, which comes with the response: None if there is none, and None if it is not one of the model, such
            as an item of another entity; ``error.item`` then has its plain values.
        error: The error that the write would have raised. Its class says what was false, such as ``VersionConflictError``.

    Example:
        >>> outcome = await seat.update(Seat.holder.set("ada"), condition=Seat.holder.is_none(), on_condition="return")
        >>> if isinstance(outcome, Rejected):
        ...     print("taken by", outcome.item.holder if outcome.item else "nobody: there is no such seat")
    """

    __slots__ = ("error", "item")
    __match_args__ = ("item",)

    def __init__(self, item: Row_co | None, error: ConditionFailedError) -> None:
        self.item = item
        self.error = error

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return f"<rejected: {self.error}>"


def rejected(error: ConditionFailedError, *, plain: bool = False) -> Rejected[Any]:
    """The result that stands for an error.

    Args:
        error: The error of the write.
        plain: Whether the item is a plain dictionary, not an instance.
    """
    item = error.item
    # An item that no model matches is shown as plain values, or as bytes if even those cannot be read.
    fits = isinstance(item, dict) if plain else not isinstance(item, (dict, bytes))
    # The frames of the call would otherwise live as long as the result.
    return Rejected(item if fits else None, error.with_traceback(None))


def check_on_condition(on_condition: object) -> None:
    """Refuse what is neither of the two.

    Raises:
        ValidationError: It is something else.
    """
    if on_condition not in ("raise", "return"):
        message = f'on_condition takes "raise" or "return", not {on_condition!r}'
        raise ValidationError(message, errors=[("on_condition", message)])


async def settled(write: Awaitable[Any], *, plain: bool = False) -> Any:
    """What a write returns where a false condition is a result: what it returns otherwise, True for None, or a ``Rejected``.

    Args:
        write: The write alone, without hooks: a condition that fails in those is not that of this write, which was applied.
        plain: Whether the item is a plain dictionary, not an instance.
    """
    try:
        result = await write
    except ConditionFailedError as error:
        if error.ambiguous:
            raise
        return rejected(error, plain=plain)
    return True if result is None else result


async def rejection_of(write: Awaitable[Any]) -> Rejected[Any] | None:
    """The ``Rejected`` of a write whose condition was false; None if it was applied."""
    outcome = await settled(write)
    return outcome if isinstance(outcome, Rejected) else None  # pyright: ignore[reportUnknownVariableType]  # of any item
