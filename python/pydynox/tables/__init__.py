"""Tables: what they can be asked to be, what they are, and making the one into the other."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .description import Drift, IndexDescription, TableDescription, TableProgress
    from .ensure import ensure_tables
    from .options import (
        IndexOptions,
        KmsKey,
        OnDemand,
        OwnedKey,
        PointInTimeRecovery,
        Provisioned,
        StreamView,
        TableOptions,
        WarmThroughput,
    )
else:
    # Importing pydynox imports this package for ``Table``; what needs dataclasses is imported when it is asked for.
    _LATER = {
        **dict.fromkeys(("Drift", "IndexDescription", "TableDescription", "TableProgress"), "description"),
        "ensure_tables": "ensure",
    }

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f".{_LATER.get(name, 'options')}", __name__), name)
        globals()[name] = value
        return value


__all__ = [
    "Drift",
    "IndexDescription",
    "IndexOptions",
    "KmsKey",
    "OnDemand",
    "OwnedKey",
    "PointInTimeRecovery",
    "Provisioned",
    "StreamView",
    "TableDescription",
    "TableOptions",
    "TableProgress",
    "WarmThroughput",
    "ensure_tables",
]
