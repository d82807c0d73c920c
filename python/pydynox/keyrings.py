"""Keyrings: where the keys of encrypted attributes come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _core
from .exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Keyring:
    """What ``DynamoDBClient(keyring=...)`` takes."""

    __slots__ = ("_core", "_newest", "_shown")
    _core: _core.Keyring
    _newest: str  # the name of the key that writes
    _shown: str

    def __repr__(self) -> str:
        return self._shown

    def __reduce__(self) -> str:
        raise TypeError("a keyring is not pickled: its keys would leave the process")


class LocalKeyring(Keyring):
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
        self._core = _core.Keyring.local([(name, bytes(key)) for name, key in keys.items()], list((context or {}).items()))
        self._newest = list(keys)[-1]
        self._shown = f"LocalKeyring of {', '.join(map(repr, keys))}"


class KmsKeyring(Keyring):
    """Keys of AWS KMS, asked for with the credentials, the region and the proxy settings of the client.

    Args:
        key_id: The key that wraps new data keys: an id, an ARN, or an alias such as ``"alias/app"``. Stored values name it as it
            is named here, so it must go on to mean the same key.
        read_key_ids: Other keys that values may have been written with. No other key is ever asked for.
        endpoint_url: The address of KMS, where it is not AWS's own.
        timeout: Seconds for one call with its retries.
        context: Names and values of yours for the encryption context. CloudTrail shows them.

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
    ) -> None:
        pairs = list((context or {}).items())
        self._core = _core.Keyring.kms(key_id, list(read_key_ids), endpoint_url, timeout, pairs)
        self._newest = key_id
        self._shown = f"KmsKeyring({key_id!r})"


def known(keyring: object) -> _core.Keyring | None:
    """A keyring as the border knows it.

    Raises:
        ConfigurationError: It is none.
    """
    if keyring is None or isinstance(keyring, Keyring):
        return None if keyring is None else keyring._core
    raise ConfigurationError(f"keyring= takes a LocalKeyring or a KmsKeyring, not {type(keyring).__name__}")
