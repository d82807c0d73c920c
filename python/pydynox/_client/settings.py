"""Settings of a client: whether each has the type that it must have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: By the setting, what it must be, as a message calls it, and a method that only such values have; text has that of no number.
_TEXT, _NUMBER, _WHOLE = ("a str", "casefold"), ("a number", "__float__"), ("a whole number", "__index__")
_KINDS = {
    "region": _TEXT,
    "endpoint_url": _TEXT,
    "profile": _TEXT,
    "table_prefix": _TEXT,
    "timeout": _NUMBER,
    "read_timeout": _NUMBER,
    "connect_timeout": _NUMBER,
    "size_warning": _NUMBER,
    "max_attempts": _WHOLE,
    "max_connections": _WHOLE,
    "max_decompressed": _WHOLE,
}


def check_kinds(settings: Mapping[str, object]) -> None:
    """Refuse settings of the wrong type, such as text of the environment where a number belongs.

    Raises:
        ConfigurationError: A setting is refused.
    """
    for name, (words, method) in _KINDS.items():
        value = settings[name]
        if value is not None and (not hasattr(value, method) or isinstance(value, bool)):
            raise ConfigurationError(f"{name} must be {words}, not {value!r}")


def wire_of(name: str, value: Any, kind: str) -> Any:
    """What the extension takes for a setting whose values have a class of this package, None for None.

    Raises:
        ConfigurationError: It has another type.
    """
    if value is None:
        return None
    try:
        return value.wire
    except AttributeError:
        raise ConfigurationError(f"{name} must be a {kind}, not {type(value).__qualname__}: {name}={kind}(...)") from None
