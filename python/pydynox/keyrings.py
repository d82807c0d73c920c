"""Keyrings: where the keys of encrypted attributes come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from . import _core
from .credentials import wire
from .exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from .credentials import Credentials, CredentialsProvider

    DataKey = tuple[str, bytes, bytes]


class Keyring(Protocol):
    """What ``DynamoDBClient(keyring=...)`` takes: a ``LocalKeyring``, a ``KmsKeyring``, or any object with these two methods.

    They may be coroutines, which are awaited in the event loop of the call that needs a key, or plain functions; calls come from
    another thread. What they give is kept as ``DataKeyCache`` says, so they are called seldom, and once however many calls wait.
    A blocking call awaits them in an event loop of its own.

    Example:
        >>> class VaultKeyring:
        ...     key_name = "transit-2026"  # the newest: needed by reencrypt() alone
        ...
        ...     async def generate_data_key(self, context):
        ...         key, wrapped = await vault.data_key(self.key_name, context)
        ...         return self.key_name, key, wrapped
        ...
        ...     async def unwrap(self, key_name, wrapped, context):
        ...         return await vault.decrypt(key_name, wrapped, context)
    """

    def generate_data_key(self, context: dict[str, str], /) -> DataKey | Awaitable[DataKey]:
        """A new data key: the name of the key that wraps it, 32 bytes, and the same wrapped, bound to the context."""
        ...

    def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str], /) -> bytes | Awaitable[bytes]:
        """The data key that was wrapped like this; raises where that key did not wrap it, or not in this context."""
        ...


class _CoreKeyring:
    """A keyring that the core knows."""

    __slots__ = ("_text", "core", "key_name")
    core: _core.Keyring
    _text: str
    key_name: str
    """The name of the key that writes."""

    if TYPE_CHECKING:

        def generate_data_key(self, context: dict[str, str], /) -> DataKey: ...
        def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str], /) -> bytes: ...

    def __repr__(self) -> str:
        return self._text

    def __reduce__(self) -> str:
        raise TypeError("a keyring is not pickled: its keys would leave the process")


class LocalKeyring(_CoreKeyring):
    """Keys that the program holds itself. The last one encrypts; the others are there to read what they encrypted.

    Args:
        keys: Names, and keys of 32 random bytes, the newest last. Names are stored beside what the keys encrypt; keys are not.
        context: Names and values of yours that data keys are bound to: what was written with them cannot be read without.

    Raises:
        ConfigurationError: There is no key, or one has another length.

    Example:
        >>> import os
        >>> client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"2026": os.urandom(32)}))
    """

    __slots__ = ()

    def __init__(self, keys: Mapping[str, bytes], *, context: Mapping[str, str] | None = None) -> None:
        if not keys:
            raise ConfigurationError('a LocalKeyring needs a key: LocalKeyring({"2026": os.urandom(32)})')
        self.core = _core.Keyring.local(list(keys.items()), list((context or {}).items()))
        self.key_name = list(keys)[-1]
        self._text = f"LocalKeyring of {', '.join(map(repr, keys))}"


class KmsKeyring(_CoreKeyring):
    """Keys of AWS KMS, asked for with the credentials, the region and the proxy settings of the client, unless it has its own.

    Args:
        key_id: The key that wraps new data keys: an id, an ARN, or an alias such as ``"alias/app"``. Stored values name it as it
            is named here, so it must go on to mean the same key.
        read_key_ids: Other keys that values may have been written with. No other key is ever asked for.
        endpoint_url: The address of KMS, where it is not AWS's own.
        timeout: Seconds for one call with its retries.
        context: Names and values of yours for the encryption context. CloudTrail shows them.
        region: The region of the keys, where it is not the client's; of a client of ``memory://``, say.
        credentials: Keys to ask with, or a function or coroutine function that returns them, where they are not the client's; a
            role that the client assumes is then not assumed.

    Raises:
        ConfigurationError: An id is none, or the time-out makes no sense.

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
    """How long and for how much data keys are kept: ``DynamoDBClient(keyring=..., data_key_cache=DataKeyCache(max_age=60))``.

    A key that is kept is a call of KMS saved, and also what is still open after a key policy or a grant was withdrawn. The values
    of one request share a key, however many they are.

    Args:
        max_age: Seconds, at most a day: as long one data key encrypts, and as long an unwrapped one is kept.
        max_values: How many values one data key encrypts.
        max_bytes: How many bytes one data key encrypts.
        max_unwrapped: How many unwrapped data keys are kept; those that were not used for the longest time go.

    Raises:
        ConfigurationError: A limit is zero or negative, or the age more than a day.

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
        raise AttributeError("a DataKeyCache is not changed: make another client")

    def __repr__(self) -> str:
        age, values, size, unwrapped = self.wire
        return f"DataKeyCache(max_age={age}, max_values={values}, max_bytes={size}, max_unwrapped={unwrapped})"


def core_keyring(keyring: object) -> _core.Keyring | None:
    """A keyring as the border knows it.

    Raises:
        ConfigurationError: It is none.
    """
    if keyring is None or isinstance(keyring, _CoreKeyring):
        return None if keyring is None else keyring.core
    if callable(getattr(keyring, "generate_data_key", None)) and callable(getattr(keyring, "unwrap", None)):
        return _core.Keyring.own(keyring, [])
    got = type(keyring).__name__
    raise ConfigurationError(
        f"keyring= takes a LocalKeyring, a KmsKeyring, or an object with generate_data_key() and unwrap(), not {got}"
    )
