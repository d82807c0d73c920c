"""AttributeOptions: the declared options of an attribute, shared by the modules that compile a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo
    from typing import Literal

    from pydynox._shared.typing import Codec

    Kind = tuple[Any, ...]

#: The options of ``field()`` for how a protected attribute is stored, and for the rules its values must satisfy.
STORING = ("compress", "compress_level", "compress_above", "max_size", "on_plaintext", "dump")
RULES = ("min_length", "max_length", "pattern", "ge", "gt", "le", "lt", "validate")


#: What other libraries call our options.
_OURS = {
    "attr_name": "write attribute_name=",
    "hash_key": "write partition_key=True",
    "range_key": "write sort_key=True",
    "default_for_new": "write default= or default_factory=, which only new instances use",
    "null": "leave it out, since a missing list, set or version reads as empty",
}


class AttributeOptions:
    """The declared options of an attribute other than its type and its names. Immutable.

    Attributes:
        roles: The part it has in the key: ``"partition"``, ``"sort"``; both is an error that the class reports.
        default: The default in a 1-tuple, because None can be one; None without a default.
        default_factory: What makes the default of each instance.
        missing: What stored items without it read as, in a 1-tuple like ``default``.
        store_null: Whether None is stored as NULL.
        repr: Whether ``repr()`` of an instance shows it.
        rules: What its values must satisfy, by the name of the option; only those that were given.
        public_name: What messages and callers call it, where that is not its name.
        codec: How values of a user-defined class are stored.
        epoch: The unit of time since 1970 that a datetime is stored in; None for ISO 8601 text.
        format: The format of datetimes, dates and times; None for the model's, or ISO 8601 text.
        naive: The zone of stored text without an offset; None if such text is an error.
        truncate: Whether digits of a stored time that are finer than a microsecond are cut off.
        purpose: What pydynox itself uses it for: ``"version"``, ``"created_at"``, ``"updated_at"``, ``"expires_at"``.
        hide_expired: Whether reads treat an expired item as absent.
        template: The text that its value is built from.
        escape: Whether separators of the template are percent-encoded in values.
        unique: Whether only one item may have each value.
        json: Whether it is stored as JSON text.
        protection: How it is stored other than in plaintext.
        storing: The options of that protection, by name; only those that were given.
    """

    __slots__ = (
        "codec",
        "default",
        "default_factory",
        "epoch",
        "escape",
        "format",
        "hide_expired",
        "json",
        "missing",
        "naive",
        "protection",
        "public_name",
        "purpose",
        "repr",
        "roles",
        "rules",
        "store_null",
        "storing",
        "template",
        "truncate",
        "unique",
    )

    codec: Codec[Any] | None
    default: tuple[Any] | None
    default_factory: Callable[[], Any] | None
    epoch: Literal["seconds", "milliseconds", "whole_seconds"] | None
    escape: bool
    format: str | None
    hide_expired: bool
    json: bool
    missing: tuple[Any] | None
    naive: tzinfo | None
    protection: Literal["encrypted", "compressed"] | None
    public_name: str | None
    purpose: str | None
    repr: bool
    roles: tuple[str, ...]
    rules: Mapping[str, Any]
    store_null: bool
    storing: Mapping[str, Any]
    template: str | None
    truncate: bool
    unique: bool

    def __init__(self, **given: Any) -> None:
        values = dict(_DEFAULTS)
        values["rules"] = {name: rule for name in RULES if (rule := given.pop(name, None)) is not None}
        values["storing"] = {name: given.pop(name) for name in STORING if name in given}
        for name, value in given.items():
            if name not in _DEFAULTS:
                ours = _OURS.get(name)
                raise TypeError(f"an attribute has no option {name!r}" + (f": {ours}" if ours else ""))
            values[name] = (value,) if name in ("default", "missing") else value
        self._fill(values)

    def replaced(self, **values: Any) -> Self:
        """The same options, but for these, which are taken as they are: ``default`` is a 1-tuple."""
        copy = object.__new__(self.__class__)
        copy._fill({name: getattr(self, name) for name in self.__slots__} | values)
        return copy

    def _fill(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"AttributeOptions are immutable: replaced({name}=...) makes others")


_DEFAULTS: dict[str, Any] = {
    "codec": None,
    "default": None,
    "default_factory": None,
    "epoch": None,
    "escape": False,
    "format": None,
    "hide_expired": False,
    "json": False,
    "missing": None,
    "naive": None,
    "protection": None,
    "public_name": None,
    "purpose": None,
    "repr": True,
    "roles": (),
    "rules": {},
    "store_null": False,
    "storing": {},
    "template": None,
    "truncate": False,
    "unique": False,
}
