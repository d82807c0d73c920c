"""Which client a call uses: that of a block, of the model, the default, or one made from the environment."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .client import DynamoDBClient

_block: ContextVar[DynamoDBClient | None] = ContextVar("pydynox_client", default=None)
_default: DynamoDBClient | None = None
_sole: DynamoDBClient | None = None  # that of a test, in place of one made from the environment
_from_environment: dict[str, DynamoDBClient] = {}  # one entry at most; a dictionary because setdefault is atomic
_make: Callable[[], DynamoDBClient]


def made_from_environment(make: Callable[[], DynamoDBClient]) -> None:
    """Say how a client is made where none was set; the module of the client does, so that this one need not import it."""
    global _make
    _make = make


def set_default_client(client: DynamoDBClient | None) -> None:
    """Set the client of every model that names none.

    Args:
        client: The client; None forgets it, and also the one that was made from the environment.

    Example:
        >>> set_default_client(DynamoDBClient(endpoint_url="memory://"))
    """
    global _default
    _default = client
    if client is None:
        _from_environment.clear()


def get_default_client() -> DynamoDBClient:
    """The client in force here: of the ``as_default()`` block, the one that was set, else one made from the environment.

    Raises:
        ConfigurationError: None was set, and the environment's endpoint is wrong.

    Example:
        >>> get_default_client().sync.call("ListTables")
        {'TableNames': ['users']}
    """
    return client_for(None)


def client_for(own: DynamoDBClient | None) -> DynamoDBClient:
    """The client of a call by a model whose configuration names ``own``; asked anew for every call."""
    client = _block.get() or own or _default or _sole
    if client is not None:
        return client
    return _from_environment.get("client") or _from_environment.setdefault("client", _make())


def known_client(own: DynamoDBClient | None) -> DynamoDBClient | None:
    """The client that a call would have here; None where one would be made for it."""
    return _block.get() or own or _default or _from_environment.get("client")


@contextmanager
def sole_client(client: DynamoDBClient) -> Generator[None]:
    """Within the block, in all threads, this is the default client, also where none is set; for tests."""
    global _default, _sole
    before, _default, outer, _sole = _default, client, _sole, client
    from_environment = dict(_from_environment)
    try:
        yield
    finally:
        _default, _sole = before, outer
        _from_environment.clear()
        _from_environment.update(from_environment)


@contextmanager
def in_force(client: DynamoDBClient) -> Generator[None]:
    """Within the block, and in the tasks that it starts, this is the client of every model."""
    token = _block.set(client)
    try:
        yield
    finally:
        _block.reset(token)
