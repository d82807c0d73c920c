"""An isolated DynamoDB for a block: redirects every client, and hides the machine's credentials. PYTEST_DONT_REWRITE"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .client import IsolatedDynamoDB, conditions, restore_variable
from .limits import split

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from .limits import PerPartition, PerTable

#: Environment variables that hold credentials of the machine or point to them.
_HIDDEN = (
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ACCOUNT_ID",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)
#: Replacements, which other libraries and child processes see as well.
_SHOWN = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL_DYNAMODB": "memory://",
}
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


@contextmanager
def _environment() -> Generator[None]:
    before = {name: os.environ.get(name) for name in (*_HIDDEN, *_SHOWN, "AWS_DEFAULT_REGION")}
    for name in _HIDDEN:
        os.environ.pop(name, None)
    os.environ.update(_SHOWN)
    if not any(os.environ.get(name) for name in _REGIONS):
        os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    try:
        yield
    finally:
        for name, value in before.items():
            restore_variable(name, value)


@contextmanager
def isolated_dynamodb(
    *,
    tables: Iterable[Any] = (),
    latency: float | None = None,
    throttle: int | PerPartition | PerTable | Iterable[PerPartition | PerTable] | None = None,
    read_lag: float | None = None,
    gsi_lag: float | None = None,
    transaction_time: float | None = None,
    table_time: float | None = None,
    **options: Any,
) -> Generator[IsolatedDynamoDB]:
    """Within the block, redirect every client without an ``endpoint_url=`` to an empty DynamoDB in this process.

    This applies in all threads, to clients created before and within the block, whatever region, profile, role or credentials
    they were given. Credentials of the machine are hidden: the environment, the shared files, instance metadata and container
    credentials. A ``KmsKeyring`` without an ``endpoint_url=`` uses the keyring passed here, and is refused if there is none.
    Everything is restored afterwards. Blocks can be nested.

    Args:
        tables: Models whose tables are created first.
        latency: Seconds by which every request is delayed.
        throttle: How many requests are throttled before the first one is answered; or ``PerPartition(...)``, ``PerTable(...)`` or
            a list of both, which throttle what exceeds them.
        read_lag: Seconds after which eventually consistent reads of tables see a write.
        gsi_lag: Seconds after which global secondary indexes show a write.
        transaction_time: Seconds that a transaction takes, in which its items are held and other writes to them conflict.
        table_time: Seconds for which a table is ``CREATING``, ``UPDATING`` or ``DELETING``.
        **options: Arguments of the ``DynamoDBClient`` that the block yields, such as ``cursor_keys`` or ``keyring``. Its
            ``endpoint_url``, ``memory://`` by default, is where the other clients are redirected to.

    Raises:
        ConfigurationError: An option is not valid.
        ValueError: A number is not valid.

    Example:
        >>> with isolated_dynamodb(tables=[User]) as dynamodb:
        ...     User(user_id="u1").sync.create()
        ...     assert dynamodb.requests == ["PutItem"]
    """
    options.setdefault("endpoint_url", "memory://")
    first, behaviour = split(
        throttle, read_lag=read_lag, gsi_lag=gsi_lag, transaction_time=transaction_time, table_time=table_time
    )
    core = conditions(latency=latency, throttle=first)
    with _environment():
        client = IsolatedDynamoDB(**options)
        with client.in_force(core, behaviour, tables=tables):
            yield client
