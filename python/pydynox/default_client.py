"""Which client a call uses: the block's, the model's, the default, or one created from the environment."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .client import DynamoDBClient

#: The client of the innermost `as_default()` block; it applies to the tasks that the block starts, too.
client_of_block: ContextVar[DynamoDBClient | None] = ContextVar("pydynox_client", default=None)
_default: DynamoDBClient | None = None
_sole: DynamoDBClient | None = None  # a test's client, instead of one created from the environment
_from_environment: dict[str, DynamoDBClient] = {}  # at most one entry; a dict because setdefault is atomic across threads
_make: Callable[[], DynamoDBClient]


def made_from_environment(make: Callable[[], DynamoDBClient]) -> None:
    """Register how to create a client if none was set. The client's module calls this, so that this one need not import it."""
    global _make
    _make = make


def set_default_client(client: DynamoDBClient | None) -> None:
    """Set the client of every model that does not have its own.

    Args:
        client: The client; None clears it, along with the one created from the environment.

    Raises:
        TypeError: It is not a client.

    Example:
        >>> set_default_client(DynamoDBClient(endpoint_url="memory://"))
    """
    global _default
    given: object = client
    if given is not None and not hasattr(given, "core"):
        endpoint = f": DynamoDBClient(endpoint_url={given!r})" if isinstance(given, str) and "://" in given else ""
        raise TypeError(f"set_default_client() takes a DynamoDBClient, not {type(given).__qualname__}{endpoint}")
    _default = client
    if client is None:
        _from_environment.clear()


def get_default_client() -> DynamoDBClient:
    """The client in effect here: the ``as_default()`` block's, the one that was set, or one created from the environment.

    Raises:
        ConfigurationError: No client was set, and the environment's endpoint is not valid.

    Example:
        >>> get_default_client().sync.call("ListTables")
        {'TableNames': ['users']}
    """
    return client_for(None)


def client_for(own: DynamoDBClient | None) -> DynamoDBClient:
    """The client of a call by a model whose configuration has the client ``own``; resolved again for every call."""
    # The block comes before the model's own client, so that tests and tenants can replace any of them.
    client = client_of_block.get() or own or _default or _sole
    if client is not None:
        return client
    return _from_environment.get("client") or _from_environment.setdefault("client", _make())


def known_client(own: DynamoDBClient | None) -> DynamoDBClient | None:
    """The client that a call would use here; None if one would have to be created for it."""
    return client_of_block.get() or own or _default or _from_environment.get("client")


@contextmanager
def sole_client(client: DynamoDBClient) -> Generator[None]:
    """Within the block, in all threads, make this the default client, even if none is set; for tests."""
    global _default, _sole
    before, _default, outer, _sole = _default, client, _sole, client
    from_environment = dict(_from_environment)
    try:
        yield
    finally:
        _default, _sole = before, outer
        _from_environment.clear()
        # A client that was created in the block read the block's environment, which is gone now.
        _from_environment.update(from_environment)


@contextmanager
def default_until(client: DynamoDBClient) -> Generator[None]:
    """Within the block, in all tasks and threads, make this the default client; then restore the one before it."""
    global _default
    before, _default = _default, client
    try:
        yield
    finally:
        # If another one was set in the meantime, that one stays.
        if _default is client:
            _default = before
