"""Keyrings: where the keys of encrypted attributes come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pydynox._core as _core

from .credentials import wire
from .exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from .credentials import Credentials, CredentialsProvider

    DataKey = tuple[str, bytes, bytes]


class Keyring(Protocol):
    """What ``DynamoDBClient(keyring=...)`` accepts: a ``LocalKeyring``, a ``KmsKeyring``, or any object with these two methods.

    The methods can be coroutines, which are awaited in the event loop of the call that needs a key, or plain functions, which are
    called from another thread. Their results are cached as ``DataKeyCache`` configures, so they are called rarely, and only once
    when several calls wait for the same key. A blocking call awaits them in its own event loop.

    Example:
        >>> class VaultKeyring:
        ...     key_name = "transit-2026"  # the newest key: needed only by reencrypt()
        ...
        ...     async def generate_data_key(self, context):
        ...         key, wrapped = await vault.data_key(self.key_name, context)
        ...         return self.key_name, key, wrapped
        ...
        ...     async def unwrap(self, key_name, wrapped, context):
        ...         return await vault.decrypt(key_name, wrapped, context)
    """

    def generate_data_key(self, context: dict[str, str], /) -> DataKey | Awaitable[DataKey]:
        """Return a new data key: the name of its wrapping key, 32 random bytes, and those bytes wrapped, bound to the context."""
        ...

    def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str], /) -> bytes | Awaitable[bytes]:
        """Return the unwrapped data key; raise if it was wrapped by another key or in another context."""
        ...


class _CoreKeyring:
    """A keyring implemented in the core."""

    __slots__ = ("_text", "core", "key_name")
    core: _core.Keyring
    _text: str
    key_name: str
    """The name of the key that encrypts new values."""

    if TYPE_CHECKING:

        def generate_data_key(self, context: dict[str, str], /) -> DataKey: ...
        def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str], /) -> bytes: ...

    def __repr__(self) -> str:
        return self._text

    def __reduce__(self) -> str:
        raise TypeError("a keyring cannot be pickled: its keys would leave the process")


class LocalKeyring(_CoreKeyring):
    """Keys that the program manages itself. The last one encrypts; the others only decrypt what they encrypted earlier.

    Args:
        keys: Key names mapped to 32 random bytes each, the newest last. The name is stored with each encrypted value, the key is
            not.
        context: Additional names and values that data keys are bound to. Values written with a context can only be read with it.

    Raises:
        ConfigurationError: There is no key, or a key does not have 32 bytes.

    Example:
        >>> import os
        >>> client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"2026": os.urandom(32)}))
    """

    __slots__ = ()

    def __init__(self, keys: Mapping[str, bytes], *, context: Mapping[str, str] | None = None) -> None:
        if not keys:
            raise ConfigurationError('a LocalKeyring needs a key: LocalKeyring({"2026": os.urandom(32)})')
        self.core = _core.Keyring.local(list(keys.items()), list((context or {}).items()))
        # Rotating means appending: the newest key encrypts, and the older ones must stay to decrypt what they have encrypted.
        self.key_name = list(keys)[-1]
        self._text = f"LocalKeyring of {', '.join(map(repr, keys))}"


class KmsKeyring(_CoreKeyring):
    """Keys in AWS KMS, called with the client's credentials, region and proxy settings unless overridden here.

    Args:
        key_id: The key that wraps new data keys: an ID, an ARN, or an alias such as ``"alias/app"``. Values store it as written
            here, so it must always refer to the same key.
        read_key_ids: Other keys that stored values may have been written with. No other key is ever used.
        endpoint_url: The KMS endpoint, if it is not the AWS default.
        timeout: Seconds for one KMS call, retries included.
        context: Additional names and values for the KMS encryption context. CloudTrail logs them in plaintext.
        region: The region of the keys, if it is not the client's; needed for a ``memory://`` client, for example.
        credentials: Credentials for KMS, or a function or coroutine function that returns them, if they are not the client's. A
            role configured on the client is then not assumed.

    Raises:
        ConfigurationError: A key ID or the timeout is not valid.

    Example:
        >>> client = DynamoDBClient(keyring=KmsKeyring("alias/app", read_key_ids=["alias/app-2025"]))
    """

    __slots__ = ()

    def __init__(
        self,
        key_id: str,
        *,
        read_key_ids: Sequence[str] = (),
        endpoint_url: str | None = None,
        timeout: float = 10.0,
        context: Mapping[str, str] | None = None,
        region: str | None = None,
        credentials: Credentials | CredentialsProvider | None = None,
    ) -> None:
        pairs = list((context or {}).items())
        keys = wire(credentials)
        self.core = _core.Keyring.kms(key_id, list(read_key_ids), (endpoint_url, region, timeout), keys, pairs)
        self.key_name = key_id
        self._text = f"KmsKeyring({key_id!r})"


class DataKeyCache:
    """How long data keys are reused: ``DynamoDBClient(keyring=..., data_key_cache=DataKeyCache(max_age=60))``.

    A cached key saves a call to KMS, but remains usable after a key policy or grant is revoked. All values of one request share a
    key.

    Args:
        max_age: Maximum age of a data key in seconds, at most a day, both for encrypting and for keeping an unwrapped key.
        max_values: Maximum number of values that one data key encrypts.
        max_bytes: Maximum number of bytes that one data key encrypts.
        max_unwrapped: Maximum number of unwrapped data keys to keep; the least recently used are dropped.

    Raises:
        ConfigurationError: A limit is not positive, or the age exceeds a day.

    Example:
        >>> DynamoDBClient(keyring=KmsKeyring("alias/app"), data_key_cache=DataKeyCache(max_age=60, max_values=1000))
    """

    __slots__ = ("wire",)
    wire: tuple[float, int, int, int]

    def __init__(
        self, *, max_age: float = 300.0, max_values: int = 2**20, max_bytes: int = 2**36, max_unwrapped: int = 1000
    ) -> None:
        _core.check_key_limits(max_age, max_values, max_bytes, max_unwrapped)
        object.__setattr__(self, "wire", (max_age, max_values, max_bytes, max_unwrapped))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a DataKeyCache is frozen: create a client with a new one")

    def __repr__(self) -> str:
        age, values, size, unwrapped = self.wire
        return f"DataKeyCache(max_age={age}, max_values={values}, max_bytes={size}, max_unwrapped={unwrapped})"


def core_keyring(keyring: object) -> _core.Keyring | None:
    """A keyring in the form that the extension takes.

    Raises:
        ConfigurationError: The argument is not a keyring.
    """
    if keyring is None or isinstance(keyring, _CoreKeyring):
        return None if keyring is None else keyring.core
    if callable(getattr(keyring, "generate_data_key", None)) and callable(getattr(keyring, "unwrap", None)):
        return _core.Keyring.own(keyring, [])
    got = type(keyring).__name__
    raise ConfigurationError(
        f"keyring= takes a LocalKeyring, a KmsKeyring, or an object with generate_data_key() and unwrap(), not {got}"
    )
