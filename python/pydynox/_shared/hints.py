"""Errors for common slips: the message for the wrong form names the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

#: Names that other libraries use for our settings.
_OURS = {
    "region_name": "region=",
    "aws_region": "region=",
    "profile_name": "profile=",
    "endpoint": "endpoint_url=",
    "host": "endpoint_url=",
    "role_arn": "assume_role=AssumeRole(role_arn)",
    "aws_access_key_id": "credentials=Credentials(access_key_id, secret_access_key)",
    "aws_secret_access_key": "credentials=Credentials(access_key_id, secret_access_key)",
    "aws_session_token": "credentials=Credentials(access_key_id, secret_access_key, session_token)",
    "access_key_id": "credentials=Credentials(access_key_id, secret_access_key)",
    "secret_access_key": "credentials=Credentials(access_key_id, secret_access_key)",
    "max_retry_attempts": "max_attempts=",
    "max_pool_connections": "max_connections=",
}


def refused_blocking(awaited: str, blocking: str, also: str = "") -> tuple[Callable[..., NoReturn], Callable[..., NoReturn]]:
    """``__enter__`` and ``__exit__`` of an object that only ``async with`` can enter."""
    also = f", {also}" if also else ""
    return _refused(f"use `async with {awaited}`; where no event loop runs, `with {blocking}`{also}")


def refused_awaiting(blocking: str, awaited: str) -> tuple[Callable[..., NoReturn], Callable[..., NoReturn]]:
    """``__aenter__`` and ``__aexit__`` of an object that only ``with`` can enter."""
    return _refused(f"use `with {blocking}`; in a coroutine, `async with {awaited}`")


def _refused(message: str) -> tuple[Callable[..., NoReturn], Callable[..., NoReturn]]:
    # `with` looks up both before it calls one, so both must exist for this error to be seen.
    def enter(_: object) -> NoReturn:
        raise TypeError(message)

    def leave(*_: object) -> NoReturn:
        raise TypeError(message)

    return enter, leave


def foreign(target: object) -> str:
    """The class of an argument that is neither an instance nor a key, and how to pass an object that a repository stores."""
    name = type(target).__qualname__
    is_plain = type(target).__module__ == "builtins"
    return name if is_plain else f"{name}; if a repository stores it, pass repository.item(...)"


def check_settings(name: str, arguments: tuple[object, ...], settings: Mapping[str, Any], names: Collection[str]) -> None:
    """Refuse settings that are passed by position, or by an unknown name.

    Raises:
        TypeError: A setting is refused; the message gives its name here.
    """
    if arguments:
        raise TypeError(f"{name} takes its settings by name, such as {name}(region={arguments[0]!r})")
    unknown = next((setting for setting in settings if setting not in names), None)
    if unknown is None:
        return
    ours = _OURS.get(unknown)
    if ours is None:
        import difflib

        near = difflib.get_close_matches(unknown, names, 1)
        ours = f"{near[0]}=" if near else None
    hint = f"; it is {ours} here" if unknown in _OURS else "" if ours is None else f"; did you mean {ours}?"
    raise TypeError(f"{name} has no setting {unknown}={hint}")
