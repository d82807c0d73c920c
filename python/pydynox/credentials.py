"""Explicit credentials, credentials providers, and roles to assume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from typing import NoReturn

    CredentialsProvider = Callable[[], "Credentials"] | Callable[[], Awaitable["Credentials"]]
    """A function or coroutine function that returns credentials; ``DynamoDBClient(credentials=...)`` accepts either form."""

    Wire = tuple[str, str, str | None, str | None, float | None]

# Seconds; the range of DurationSeconds in the AWS STS AssumeRole reference. The role's own maximum may be lower.
SHORTEST_SESSION, LONGEST_SESSION = 900, 43_200


def _text(what: str, value: object) -> None:
    if not isinstance(value, str):
        raise ConfigurationError(f"{what} must be a str, not a {type(value).__name__}")
    if not value:
        raise ConfigurationError(f"{what} is empty: check how it is set")
    # Credentials become HTTP headers, where a stray line break would split the request.
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigurationError(f"{what} contains characters that are not allowed, such as a line break: check how it is set")


def _seconds(what: str, end: object) -> float:
    from datetime import datetime

    if not isinstance(end, datetime):
        raise ConfigurationError(f"{what} must be a datetime, not a {type(end).__name__}")
    if end.utcoffset() is None:
        raise ConfigurationError(
            f"{what} is a naive datetime, which is not a point in time: give it a timezone, such as datetime.now(UTC) + ..."
        )
    return end.timestamp()


class Credentials:
    """Access keys that sign requests. The secret is never shown; prefer credentials from the environment (docs/credentials.md).

    Args:
        access_key_id: The access key ID.
        secret_access_key: The secret access key.
        session_token: The session token of temporary credentials.
        account_id: The account they belong to, for account-based endpoints.
        expires_at: When they expire, as a datetime with a timezone. A provider is called again five minutes before that.

    Raises:
        ConfigurationError: A value is empty or contains characters that are not allowed, or the datetime is naive.

    Example:
        >>> DynamoDBClient(region="eu-west-1", credentials=Credentials("AKIDEXAMPLE", "secret"))
        DynamoDBClient('eu-west-1')
    """

    __slots__ = ("_expires_at", "_wire")
    _expires_at: datetime | None
    _wire: Wire

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None = None,
        *,
        account_id: str | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        _text("Credentials(access_key_id=...)", access_key_id)
        _text("Credentials(secret_access_key=...)", secret_access_key)
        if session_token is not None:
            _text("Credentials(session_token=...)", session_token)
        if account_id is not None:
            _text("Credentials(account_id=...)", account_id)
        end = None if expires_at is None else _seconds("Credentials(expires_at=...)", expires_at)
        object.__setattr__(self, "_wire", (access_key_id, secret_access_key, session_token, account_id, end))
        object.__setattr__(self, "_expires_at", expires_at)

    @property
    def access_key_id(self) -> str:
        """The access key ID."""
        return self._wire[0]

    @property
    def account_id(self) -> str | None:
        """The account they belong to."""
        return self._wire[3]

    @property
    def expires_at(self) -> datetime | None:
        """When they expire, if known."""
        return self._expires_at

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("Credentials are frozen: create new ones")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Credentials hold a secret and cannot be pickled: let the other process load its own")

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id!r}, <secret>)"


class AssumeRole:
    """A role to assume with the resolved credentials, renewed before it expires. Sends AssumeRole to AWS STS.

    Args:
        role_arn: The role's ARN.
        session_name: The session name shown in logs; generated if omitted.
        external_id: The external ID required by the role's owner.
        duration: Lifetime of the role's credentials in seconds, from 900 to the role's maximum; one hour (the default of STS) if
            omitted.

    Raises:
        ConfigurationError: A value is empty or out of range.

    Example:
        >>> DynamoDBClient(region="eu-west-1", assume_role=AssumeRole("arn:aws:iam::123456789012:role/app"))
        DynamoDBClient('eu-west-1')
    """

    __slots__ = ("wire",)
    wire: tuple[str, str | None, str | None, float | None]

    def __init__(
        self,
        role_arn: str,
        *,
        session_name: str | None = None,
        external_id: str | None = None,
        duration: float | None = None,
    ) -> None:
        _text("AssumeRole(role_arn=...)", role_arn)
        if not role_arn.startswith("arn:"):
            raise ConfigurationError(f"AssumeRole(role_arn={role_arn!r}) is not an ARN: write arn:aws:iam::<account>:role/<name>")
        if session_name is not None:
            _text("AssumeRole(session_name=...)", session_name)
        if external_id is not None:
            _text("AssumeRole(external_id=...)", external_id)
        if duration is not None and not SHORTEST_SESSION <= duration <= LONGEST_SESSION:
            raise ConfigurationError(f"AssumeRole(duration=...) must be from 900 to 43200 seconds, not {duration!r}")
        object.__setattr__(self, "wire", (role_arn, session_name, external_id, duration))

    @property
    def role_arn(self) -> str:
        """The role's ARN."""
        return self.wire[0]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("AssumeRole is frozen: create a new one")

    def __repr__(self) -> str:
        return f"AssumeRole({self.role_arn!r})"


def _any(given: object) -> object:
    """The same value, typed so that checks on it are not pruned as unreachable."""
    return given


def wire(credentials: Credentials | CredentialsProvider | None) -> Wire | CredentialsProvider | None:
    """Credentials, or their provider, in the form that the extension takes.

    Raises:
        ConfigurationError: The argument is neither.
    """
    if credentials is None:
        return None
    if isinstance(credentials, Credentials):
        return credentials._wire  # pyright: ignore[reportPrivateUsage]  # the border reads it by this name too
    if callable(given := _any(credentials)) and not isinstance(given, type):
        return credentials
    what = f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"
    raise ConfigurationError(f"credentials= takes Credentials, or a function or coroutine function that returns them, not {what}")
