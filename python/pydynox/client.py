"""DynamoDBClient: its settings and lifecycle, and the calls that belong to no group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import pydynox._core as _core

from ._client.batches import BatchCalls
from ._client.bulk import BulkCalls
from ._client.coordination import CoordinationCalls
from ._client.explaining import ExplainCalls
from ._client.health import HealthCalls
from ._client.items import ItemCalls
from ._client.settings import check_kinds, wire_of
from ._client.statements import StatementCalls
from ._shared.hints import check_settings, refused_blocking
from ._shared.timeout import NOT_GIVEN, limited
from .credentials import wire
from .default_client import made_from_environment
from .exceptions import ConfigurationError, InvalidResponseError
from .keyrings import core_keyring

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from ._shared.typing import Row
    from .cost import RateLimit
    from .credentials import AssumeRole, Credentials, CredentialsProvider
    from .keyrings import DataKeyCache, Keyring
    from .sync import SyncClient


class DynamoDBClient(ItemCalls, BatchCalls, BulkCalls, StatementCalls, ExplainCalls, HealthCalls, CoordinationCalls):
    """A client for DynamoDB, or for the engine that is built into pydynox.

    It holds the connection settings. Creating one does no I/O; region, credentials and endpoint that are not given are resolved
    on the first call. A client can be used from any number of threads and event loops, and after a fork.

    Args:
        region: The AWS region. Defaults to ``AWS_REGION``, ``AWS_DEFAULT_REGION``, the profile, then instance metadata.
        endpoint_url: The URL of the service. Defaults to ``AWS_ENDPOINT_URL_DYNAMODB``, ``AWS_ENDPOINT_URL``, the profile, then
            the region's endpoint. ``memory://`` is an engine in this process, private to the client; ``memory://name`` is shared
            within the process; ``file:///path`` is stored on disk.
        profile: A profile of the shared AWS configuration files; its keys then take precedence over those in the environment.
        credentials: Explicit keys, or a function or coroutine function that returns them and is called again before they expire.
            Defaults to the environment, the profile, SSO, a credential process, web identity, the container, then the instance.
        assume_role: A role to assume with these credentials.
        table_prefix: Prepended to every table name.
        timeout: Maximum seconds for a call, including retries and waiting for a connection; None for no limit.
        read_timeout: Maximum seconds between two reads of a response; then the attempt fails.
        connect_timeout: Maximum seconds to establish a connection, including TLS.
        max_attempts: Maximum number of attempts per request, including the first.
        max_connections: Maximum number of open connections; further calls wait for one.
        cursor_keys: Keys of 32 random bytes that encrypt and authenticate page cursors: the first seals, all of them open.
            Without keys a cursor is bound to its query and has a checksum, but anyone can read it.
        rate_limit: A limit on the capacity that calls use per second, such as ``RateLimit(wcu=500)``; None for no limit.
        ca_bundle: A PEM file of certificates to trust instead of the bundled ones. Defaults to ``AWS_CA_BUNDLE``, then
            ``SSL_CERT_FILE``.
        retry_unsafe_writes: Retry a write even if an earlier attempt may have been applied and applying it twice would change the
            result.
        max_decompressed: Maximum size in bytes of an item with protected values once they are decompressed, and of all items in a
            response that is decoded as a whole (``transact_get``, PartiQL). Rows of queries, scans and batches are decompressed
            as they are consumed, never more than this at once.
        errors: What error messages may contain: ``"full"`` includes values, ``"keys"`` only keys, ``"none"`` neither.
        size_warning: The fraction of the 400 KB limit above which writing an item emits ``ItemSizeWarning``; None to disable it.
        keyring: The keys for encrypted attributes: a ``LocalKeyring`` or a ``KmsKeyring``.
        data_key_cache: How long, and for how much data, the keyring's data keys are reused. Defaults to ``DataKeyCache()``.
        slow_after: Seconds after which a call is logged as slow, by the logger ``pydynox.slow`` at level WARNING, with the place
            in the program that made it; None to disable it.

    Attributes:
        errors: As given.
        keyring: As given.

    Raises:
        ConfigurationError: A setting is invalid.

    Example:
        >>> async with DynamoDBClient(endpoint_url="memory://") as client:
        ...     with client.as_default():
        ...         await User.table.create()
    """

    __slots__ = ("_place", "errors", "keyring")

    def __init__(
        self,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        profile: str | None = None,
        credentials: Credentials | CredentialsProvider | None = None,
        assume_role: AssumeRole | None = None,
        table_prefix: str = "",
        timeout: float | None = 30.0,
        read_timeout: float = 10.0,
        connect_timeout: float = 3.1,
        max_attempts: int = 4,
        max_connections: int = 64,
        cursor_keys: Sequence[bytes] = (),
        rate_limit: RateLimit | None = None,
        ca_bundle: str | PathLike[str] | None = None,
        retry_unsafe_writes: bool = False,
        max_decompressed: int = 64 * 1024 * 1024,
        errors: Literal["full", "keys", "none"] = "keys",
        size_warning: float | None = 0.9,
        keyring: Keyring | None = None,
        data_key_cache: DataKeyCache | None = None,
        slow_after: float | None = None,
    ) -> None:
        keys: object = cursor_keys
        if isinstance(keys, (str, bytes)):
            raise ConfigurationError("cursor_keys must be a list of keys, each 32 bytes: cursor_keys=[key]")
        settings: dict[str, Any] = dict(  # noqa: C408 (as the extension takes them)
            region=region,
            endpoint_url=endpoint_url,
            profile=profile,
            credentials=wire(credentials),
            assume_role=wire_of("assume_role", assume_role, "AssumeRole"),
            table_prefix=table_prefix,
            timeout=timeout,
            read_timeout=read_timeout,
            connect_timeout=connect_timeout,
            max_attempts=max_attempts,
            max_connections=max_connections,
            cursor_keys=[bytes(key) for key in cursor_keys],
            rate_limit=wire_of("rate_limit", rate_limit, "RateLimit"),
            ca_bundle=ca_bundle,
            retry_unsafe_writes=retry_unsafe_writes,
            max_decompressed=max_decompressed,
            errors=errors,
            size_warning=size_warning,
            keyring=core_keyring(keyring),
            data_key_cache=wire_of("data_key_cache", data_key_cache, "DataKeyCache"),
        )
        check_kinds(settings)
        self.core = _core.Client(**settings)
        self.errors = errors
        self.keyring = keyring
        if slow_after is not None:
            self._log_slow_calls(slow_after)
        self._place = endpoint_url or region or ""

    async def list_tables(self, *, timeout: float | None = NOT_GIVEN) -> list[str]:
        """List the tables of the account and region whose names start with ``table_prefix``. Sends ListTables per 100 tables.

        Args:
            timeout: Maximum seconds for each request; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Returns:
            Their names without the prefix, as models and the methods of this client accept them.

        Raises:
            AccessDeniedError: The credentials do not allow it.

        Example:
            >>> await client.list_tables()
            ['orders', 'users']

        Costs: nothing.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self, timeout, DynamoDBClient.list_tables(self))
        prefix = _core.table_named(self.core, "")
        names: list[str] = []
        start: dict[str, Any] = {}
        trail = _core.Trail("ListTables", None)
        while True:
            page = await self.call("ListTables", **start)
            names += [name.removeprefix(prefix) for name in page["TableNames"] if name.startswith(prefix)]
            last = page.get("LastEvaluatedTableName")
            if last is None:
                return names
            # A service that repeats a position would keep this loop running forever; the trail refuses it.
            trail.note(last)
            start = {"ExclusiveStartTableName": last}

    async def call(self, operation: str, /, *, timeout: float | None = NOT_GIVEN, **wire: Any) -> dict[str, Any]:
        """Send any DynamoDB operation in wire form, for what pydynox has no method for.

        Args:
            operation: The name of the operation, such as ``"UpdateTimeToLive"``.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``options(timeout=...)``.
            **wire: The members of the request, named as in the DynamoDB API reference; table names are sent unchanged.

        Returns:
            The response in wire form.

        Raises:
            RequestError: DynamoDB rejected the request; the subclass says why.

        Example:
            >>> await client.call("ListTables", Limit=10)
            {'TableNames': ['users']}

        Costs: what the operation costs.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self, timeout, DynamoDBClient.call(self, operation, **wire))
        answer: dict[str, Any] = await self.core.call(operation, wire)
        return answer

    async def model_from_item(self, model: type[Row], item: Mapping[str, Any], /, *, timeout: float | None = NOT_GIVEN) -> Row:
        """An instance from an item in DynamoDB JSON, of a stream or an export, with protected values opened. No hooks run.

        The instance counts as read. Nothing is sent to DynamoDB; the keyring may send a request. For models without encrypted or
        compressed attributes, ``Model.model_from_item`` does the same without awaiting.

        Args:
            model: The class of the item, or a base class of several entities.
            item: The item; binary values are base64 text or ``bytes``.
            timeout: Maximum seconds for this call; None for no limit. Overrides the surrounding ``options(timeout=...)``.

        Raises:
            SerializationError: A stored value does not fit the model.
            EncryptionError: A value cannot be decrypted.
            ValidationError: The item is not DynamoDB JSON, or belongs to another entity.

        Example:
            >>> await client.model_from_item(Patient, record["dynamodb"]["NewImage"])

        Costs: nothing in DynamoDB; the keyring's requests may cost something.
        """
        if timeout is not NOT_GIVEN:
            return await limited(self, timeout, DynamoDBClient.model_from_item(self, model, item))
        from ._model.input import as_dict, refused

        values = as_dict(item)
        name = model.__name__
        if values is None:
            raise refused(f"client.model_from_item({name}, ...) takes a dict, not {type(item).__qualname__}")
        of: Any = model
        try:
            operation = self.core.open_item(of._schema, values)
        except InvalidResponseError as problem:
            raise refused(f"client.model_from_item({name}, ...) takes DynamoDB's own JSON: {problem}") from None
        instance: Row = await operation
        return instance

    async def close(self) -> None:
        """Close the connections; a private embedded engine loses its tables. Sends nothing.

        Example:
            >>> await client.close()

        Costs: nothing.
        """
        self.core.close()

    @property
    def sync(self) -> SyncClient:
        """The blocking form of this client."""
        from .sync import SyncClient

        return SyncClient(self)

    async def __aenter__(self) -> Self:
        return self

    if not TYPE_CHECKING:  # checkers know both

        def __new__(cls, *arguments: object, **settings: object) -> Self:  # noqa: D102
            # A subclass with a constructor of its own takes other arguments.
            if (arguments or settings) and cls.__init__ is _INIT:
                check_settings(cls.__name__, arguments, settings, _SETTINGS)
            return super().__new__(cls)

        __new__.__wrapped__ = __init__  # its signature is that of __init__
        __enter__, __exit__ = refused_blocking("DynamoDBClient(...)", "client.as_default()", "and end with client.sync.close()")

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"DynamoDBClient({self._place!r})"


_INIT = DynamoDBClient.__init__
_SETTINGS = frozenset(DynamoDBClient.__init__.__kwdefaults__ or {})
made_from_environment(DynamoDBClient)
