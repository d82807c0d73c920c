"""The items of many keys by BatchGetItem, in the order of the keys: behind ``batch_get``, ``batching()`` and ``hydrate()``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydynox.exceptions import BatchIncompleteError, SerializationError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydynox._core import Operation

    from .connection import Connection


async def gather(
    client: Connection,
    verb: str,
    keys: tuple[Any, ...],
    consistent_read: bool | None,
    on_invalid: Callable[[SerializationError], object] | None = None,
    *,
    instances: bool = False,
) -> list[Any]:
    """Read the items of these keys, and run their hooks; None where an item does not exist.

    With ``instances``, those of a repository's model stay instances, and do not become its objects.

    Raises:
        BatchIncompleteError: DynamoDB did not process some of the keys before the timeout.
        ValidationError: There is no key.
    """
    operation: Operation | None = client.core.batch_get(addresses(verb, keys), consistent_read, on_invalid)
    items: list[Any] = []
    unprocessed: list[int] = []
    have_hooks = False
    while operation is not None:
        # Protected values are opened part by part, into one list, so that a large answer does not hold up the event loop.
        items, unprocessed, have_hooks, operation = await operation
    if have_hooks:
        for place, item in enumerate(items):
            if item is not None and item._hooks is not None and not (instances and item._hooks.converts):
                items[place] = await _loaded(item, on_invalid)
    if unprocessed:
        message = f"DynamoDB did not process {len(unprocessed)} of {len(keys)} keys before the timeout; error.items has the rest"
        raise BatchIncompleteError(message, items=items, unprocessed=[keys[place] for place in unprocessed], retryable=True)
    return items


async def _loaded(item: Any, on_invalid: Callable[[SerializationError], object] | None) -> Any:
    """What callers get for an item; None if it cannot be read, and the caller wants to be told instead."""
    try:
        return await item._hooks.loaded(item)
    except SerializationError as error:
        if on_invalid is None or not item._hooks.converts:
            raise
        on_invalid(error)
        return None


def addresses(verb: str, keys: tuple[Any, ...]) -> list[Any]:
    """Keys in the form that the Rust client takes.

    Raises:
        ValidationError: There is no key.
        TypeError: One of them is not a key.
    """
    if not keys:
        message = f"{verb} needs at least one key, such as User.key('u1')"
        raise ValidationError(message, errors=[("", message)])
    try:
        return [key.address for key in keys]
    except AttributeError:
        position = next(position for position, key in enumerate(keys) if not hasattr(key, "address"))
        got = type(keys[position]).__qualname__
        raise TypeError(f"{verb} takes keys such as User.key('u1'); [{position}] is {got}") from None
