"""Calls of idempotent functions: their key and their payload, by a callable or by a path over their arguments."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from pydynox.exceptions import ConfigurationError, ValidationError

from .tables import bounded

#: How a caller says what the key or the payload of a call is.
Choice = Callable[..., Any] | str

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_MISSING = object()


class Calls:
    """The calls of one function: what of their arguments is their key, and what their payload.

    Args:
        function: The function.
        name: What its records are called.
        key: The choice of the key.
        payload: The choice of the payload; several are one payload together, False compares nothing, and None is the default.

    Raises:
        ConfigurationError: A path does not begin with a parameter of the function.
    """

    __slots__ = ("_key", "_payload", "_signature", "name")

    def __init__(
        self, function: Callable[..., Any], name: str, key: Choice, payload: Choice | Sequence[Choice] | bool | None
    ) -> None:
        self._signature = inspect.signature(function)
        self.name = name
        self._check("key", key)
        self._key = key
        #: None and False as given, True for all arguments.
        self._payload: list[Choice] | bool | None = None
        if payload is None or isinstance(payload, bool):
            self._payload = payload
            return
        self._payload = [payload] if isinstance(payload, str) or callable(payload) else list(payload)
        for choice in self._payload:
            self._check("payload", choice)

    def _check(self, option: str, choice: object) -> None:
        if callable(choice):
            return
        if not isinstance(choice, str):
            raise ConfigurationError(f"@idempotent({option}=...) of {self.name} takes a path or a callable, not {choice!r}")
        head, rest = _split(choice)
        if head not in self._signature.parameters:
            raise ConfigurationError(
                f"@idempotent({option}={choice!r}) of {self.name}: a path begins with a parameter of the function, which are "
                f"{', '.join(self._signature.parameters) or 'none'}"
            )
        if _STEP.sub("", rest):
            raise ConfigurationError(f"@idempotent({option}={choice!r}) of {self.name}: a path is like event.items[0].id")

    def key(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> str:
        """The key of a call, as text that fits in a key of DynamoDB.

        Raises:
            ValidationError: The call has none.
        """
        value = self._chosen("key", self._key, arguments, named)
        if value is None or value == "":
            self._refuse("key", f"{self._key!r} is {'empty' if value == '' else 'None'} in this call: each call needs a key")
        return bounded(key_text(value) or self._hashed("key", value))

    def payload(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> str | None:
        """The hash of a call's payload; None if it is not compared.

        Raises:
            ValidationError: An argument has no stable form.
        """
        payload = self._payload
        if payload is False:
            return None
        if payload is None or payload is True:
            bound = self._bound(arguments, named)
            if payload is None and any(map(is_lambda_context, bound.values())):
                # An event has the time and the number of its delivery, which differ when it is delivered again.
                return None
            skipped = {name for place, name in enumerate(bound) if place == 0 and name in ("self", "cls")}
            chosen: Any = {name: value for name, value in bound.items() if name not in skipped and not is_lambda_context(value)}
        else:
            chosen = [self._chosen("payload", choice, arguments, named) for choice in payload]
        return self._hashed("payload", chosen)

    def seconds_left(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> float | None:
        """The seconds until Lambda ends a call, if one of its arguments is a Lambda context."""
        for value in (*arguments, *named.values()):
            if is_lambda_context(value):
                return max(float(value.get_remaining_time_in_millis()) / 1000, 1.0)
        return None

    def _bound(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        bound = self._signature.bind(*arguments, **named)
        bound.apply_defaults()  # the same call with a default spelled out is the same call
        return bound.arguments

    def _chosen(self, option: str, choice: Choice, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if not isinstance(choice, str):
            return choice(*arguments, **named)
        head, rest = _split(choice)
        value = self._bound(arguments, named)[head]
        for name, position in _STEP.findall(rest):
            value = _step(value, name, position)
            if value is _MISSING:
                self._refuse(option, f"the argument has no {name or '[' + position + ']'} at {choice!r}")
        return value

    def _hashed(self, option: str, value: Any) -> str:
        try:
            return digest(value)
        except TypeError as error:
            self._refuse(option, f"{error}; say {option}= with a path or a callable that leaves it out")

    def _refuse(self, option: str, problem: str) -> NoReturn:
        message = f"@idempotent({option}=...) of {self.name}: {problem}"
        raise ValidationError(message, errors=[(option, message)])


def _split(path: str) -> tuple[str, str]:
    head = re.split(r"[.\[]", path, maxsplit=1)[0]
    return head, path[len(head) :]


def _step(value: Any, name: str, position: str) -> Any:
    kind = _class_of(value)
    if position:
        place = int(position)
        fits = issubclass(kind, Sequence) and not issubclass(kind, (str, bytes)) and place < len(value)
        return value[place] if fits else _MISSING
    if issubclass(kind, Mapping):
        return value.get(name, _MISSING)
    return getattr(value, name, _MISSING)


def _class_of(value: object) -> Any:
    """The class, without telling checkers more about the value."""
    return type(value)


def is_lambda_context(value: object) -> bool:
    """Whether this is the context that Lambda passes to a handler."""
    return callable(getattr(value, "get_remaining_time_in_millis", None))


def key_text(value: Any) -> str | None:
    """The text of a key that is one by itself; None for values that are hashed."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return str(value) if type(value).__module__ == "uuid" else None


def digest(value: Any) -> str:
    """A hash of a value that equal values share, whatever the order of their members.

    Raises:
        TypeError: A value in it has no stable form.
    """
    from hashlib import sha256
    from json import dumps

    text = dumps(_stable(value), ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return sha256(text.encode()).hexdigest()


def _stable(given: object) -> Any:
    """A value in a form that JSON has, in which different values differ."""
    value: Any = given
    kind = _class_of(given)
    if hasattr(kind, "__members__"):  # an enum
        return _stable(value.value)
    if given is None or issubclass(kind, (str, bool, int, float)):
        return value
    if issubclass(kind, Mapping):
        return {_name(name): _stable(member) for name, member in value.items()}
    if issubclass(kind, (list, tuple)):
        return [_stable(member) for member in value]
    if issubclass(kind, (set, frozenset)):
        return ["set", sorted(digest(member) for member in value)]
    if issubclass(kind, (bytes, bytearray)):
        return ["bytes", bytes(value).hex()]
    dump = getattr(value, "model_dump", None)
    if callable(dump):  # pydantic models and our own
        return _stable(dump(mode="python"))
    fields = getattr(value, "__dataclass_fields__", None) or getattr(value, "__struct_fields__", None)
    fields = fields or [attribute.name for attribute in getattr(kind, "__attrs_attrs__", ())]
    if fields and not isinstance(value, type):
        return {name: _stable(getattr(value, name)) for name in fields}
    if kind.__module__ == "decimal":
        return ["Decimal", format(kind.normalize(given))]
    if kind.__module__ in ("datetime", "uuid"):
        return [kind.__name__, str(value)]
    raise TypeError(f"a {kind.__qualname__} has no stable form")


def _name(name: Any) -> str:
    return name if isinstance(name, str) else digest(name)
