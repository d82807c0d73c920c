"""What a repository knows of the objects it has read and written, by identity and for as long as they live."""

from __future__ import annotations

import weakref
from typing import Any


class _Entry(weakref.ref[Any]):
    """A reference to an object, with its item as the hidden model read or wrote it."""

    __slots__ = ("item", "number")

    item: Any
    number: int


class LoadedObjects:
    """A weak side table: the items of objects. Objects need be neither hashable nor comparable."""

    __slots__ = ("_entries", "_forget")

    def __init__(self) -> None:
        entries: dict[int, Any] = {}

        def forget(entry: Any) -> None:
            # Another object may have the number by now, if this entry was replaced before its object was freed.
            number: int = entry.number
            if entries.get(number) is entry:
                del entries[number]

        self._entries = entries
        self._forget = forget

    def item_of(self, instance: Any) -> Any:
        """The item of an object; None if it was neither read nor written."""
        entry = self._entries.get(id(instance))
        return entry.item if entry is not None and entry() is instance else None

    def remember(self, instance: Any, item: Any) -> None:
        """Keep the item of an object until the object is freed."""
        entry: Any = _Entry(instance, self._forget)
        entry.item, entry.number = item, id(instance)
        self._entries[entry.number] = entry

    def __len__(self) -> int:
        return len(self._entries)
