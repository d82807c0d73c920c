"""Attributes that pydynox manages (version, timestamps), and the TTL attribute, which sets when items expire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from .attributes import Attr, Field
from .expressions import handle_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta
    from typing import Literal

    from .expressions import Action, Expr

    Expiry = datetime | timedelta


def version(*, init: Literal[False] = False, attribute_name: str | None = None) -> Field[int]:  # noqa: ARG001 (for checkers)
    """Declare the version of an item, which keeps concurrent writers from overwriting each other (optimistic locking).

    Every write increments it, including writes by key and in transactions. ``save``, ``update``, ``put`` and ``delete`` of an
    instance that was read or written also check that the stored item still has the instance's version, and raise
    VersionConflictError if not. The instance's version changes only after the write has succeeded. It is 0 on an instance that
    was never written, and if the stored item lacks the attribute.

    Args:
        init: Always False: it is not a parameter of the constructor.
        attribute_name: The name in the table, if it differs.

    Example:
        >>> class Account(Model[str], table="accounts"):
        ...     account_id: Attr[str] = partition_key()
        ...     balance: Attr[int] = field(default=0)
        ...     version: Attr[int] = version()
    """
    field: Field[int] = _managed("version", 0, attribute_name)
    return field


def created_at(
    *,
    init: Literal[False] = False,  # noqa: ARG001 (as above)
    attribute_name: str | None = None,
    format: str | None = None,
) -> Field[datetime]:
    """Declare when an item was first written: set by ``create``, by the first ``save``, and by ``put`` of a new instance.

    Stored as ISO 8601 text in UTC with microseconds, unless a format is declared. None on an instance that was never written.

    Args:
        init: Always False: it is not a parameter of the constructor.
        attribute_name: The name in the table, if it differs.
        format: How it is stored, as in ``field()``; a coarser format loses the fraction.

    Example:
        >>> class Order(Model[str], table="orders"):
        ...     order_id: Attr[str] = partition_key()
        ...     created_at: Attr[datetime] = created_at()
    """
    field: Field[datetime] = _managed("created_at", None, attribute_name, format)
    return field


def updated_at(
    *,
    init: Literal[False] = False,  # noqa: ARG001 (as above)
    attribute_name: str | None = None,
    format: str | None = None,
) -> Field[datetime]:
    """Declare when an item was last written: set by every write, including writes by key and in transactions.

    Stored as ISO 8601 text in UTC with microseconds, unless a format is declared. None on an instance that was never written.

    Args:
        init: Always False: it is not a parameter of the constructor.
        attribute_name: The name in the table, if it differs.
        format: How it is stored, as in ``field()``; a coarser format loses the fraction.

    Example:
        >>> class Order(Model[str], table="orders"):
        ...     order_id: Attr[str] = partition_key()
        ...     updated_at: Attr[datetime] = updated_at()
    """
    field: Field[datetime] = _managed("updated_at", None, attribute_name, format)
    return field


def _managed(purpose: str, default: Any, attribute_name: str | None, format: str | None = None) -> Any:
    attribute: Attr[Any] = Attr(purpose=purpose, default=default, attribute_name=attribute_name, format=format)
    return attribute


@overload
def ttl(*, attribute_name: str | None = ..., hide_expired: bool = ...) -> Field[Any]: ...
@overload
def ttl(*, default: Expiry | None, attribute_name: str | None = ..., hide_expired: bool = ...) -> Field[Any]: ...
@overload
def ttl(
    *, default_factory: Callable[[], datetime | None], attribute_name: str | None = ..., hide_expired: bool = ...
) -> Field[Any]: ...
def ttl(**options: Any) -> Any:
    """Declare the table's TTL attribute, by which DynamoDB deletes expired items; a datetime, or None for never.

    Stored as whole seconds since 1970, the format that DynamoDB requires; fractions are floored on assignment. DynamoDB deletes
    an expired item within a few days, not immediately: until then it is read like any other, unless ``hide_expired`` is set.

    Args:
        default: The value of an instance created without one: None, a datetime, or a timedelta after its creation.
        default_factory: Called for each new instance that is created without a value.
        attribute_name: The name in the table, if it differs.
        hide_expired: Treat an expired item as absent: ``get``, batch reads, queries and scans leave it out, and ``create`` may
            replace it.

    Example:
        >>> class Session(Model[str], table="sessions"):
        ...     session_id: Attr[str] = partition_key()
        ...     expires_at: Attr[datetime] = ttl(default=timedelta(hours=8), hide_expired=True)
    """
    attribute: Attr[Any] = Attr(**expiring_options(options))
    return attribute


def expiring_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of ``ttl()`` as those of an attribute: a lifetime becomes a default factory."""
    from datetime import UTC, datetime, timedelta

    # () means not given: None is a default of its own, for items that never expire.
    default = options.pop("default", ())
    if isinstance(default, timedelta):
        # A factory, since the lifetime of each instance begins when it is created.
        options["default_factory"] = lambda: datetime.now(UTC) + default
    elif default != ():
        options["default"] = default
    return options | {"purpose": "expires_at", "epoch": "whole_seconds"}


def extend_ttl(path: Expr[Any], by: timedelta, /) -> Action:
    """Extend an item's lifetime: an action that adds to its stored TTL attribute, or to the current time if none is stored.

    To set the expiry relative to now regardless of what is stored, write ``Session.expires_at.set(datetime.now(UTC) + by)``.

    Args:
        path: The attribute that ``ttl()`` declares.
        by: The time to add, rounded down to whole seconds.

    Raises:
        TypeError: ``path`` is not a TTL attribute, or ``by`` is not a timedelta.

    Example:
        >>> await Session.key("s1").update(extend_ttl(Session.expires_at, timedelta(minutes=30)))
    """
    from datetime import UTC, datetime

    attribute = getattr(path, "attribute", None)
    if getattr(getattr(attribute, "options", None), "purpose", None) != "expires_at" or len(path.path) != 1:
        raise TypeError(f"extend_ttl takes an attribute that ttl() declares, such as Session.expires_at, not {path!r}")
    action: Action = handle_of(path).postponed(_seconds(by), datetime.now(UTC))
    return action


def _seconds(by: object) -> int:
    from datetime import timedelta

    if not isinstance(by, timedelta):
        raise TypeError(f"extend_ttl takes a timedelta, not {type(by).__qualname__}")
    return by // timedelta(seconds=1)
