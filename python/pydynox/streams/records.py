"""Records of streams and exports, decoded into instances of the models that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import pydynox._core as _core
from pydynox._core import Record
from pydynox.default_client import client_for
from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from pydynox._shared.typing import A, B, C, D
    from pydynox.client import DynamoDBClient

    #: An event: the dictionary that Lambda passes, a list of records, or their JSON text.
    Event: TypeAlias = Mapping[str, Any] | Sequence[Any] | bytes | str

__all__ = ["Record", "decode"]


@overload
def decode(
    event: Event,
    a: type[A],
    /,
    *,
    client: DynamoDBClient | None = ...,
    table: str | None = ...,
    on_poison: Callable[[Record[Any]], object] | None = ...,
) -> list[Record[A]]: ...
@overload
def decode(
    event: Event,
    a: type[A],
    b: type[B],
    /,
    *,
    client: DynamoDBClient | None = ...,
    table: str | None = ...,
    on_poison: Callable[[Record[Any]], object] | None = ...,
) -> list[Record[A | B]]: ...
@overload
def decode(
    event: Event,
    a: type[A],
    b: type[B],
    c: type[C],
    /,
    *,
    client: DynamoDBClient | None = ...,
    table: str | None = ...,
    on_poison: Callable[[Record[Any]], object] | None = ...,
) -> list[Record[A | B | C]]: ...
@overload
def decode(
    event: Event,
    a: type[A],
    b: type[B],
    c: type[C],
    d: type[D],
    /,
    *,
    client: DynamoDBClient | None = ...,
    table: str | None = ...,
    on_poison: Callable[[Record[Any]], object] | None = ...,
) -> list[Record[A | B | C | D]]: ...
@overload
def decode(
    event: Event,
    /,
    *models: type[Any],
    client: DynamoDBClient | None = ...,
    table: str | None = ...,
    on_poison: Callable[[Record[Any]], object] | None = ...,
) -> list[Record[Any]]: ...
def decode(
    event: Event,
    /,
    *models: type[Any],
    client: DynamoDBClient | None = None,
    table: str | None = None,
    on_poison: Callable[[Record[Any]], object] | None = None,
) -> list[Record[Any]]:
    """The records of an event in their order, with their images as instances. Sends nothing.

    Takes what DynamoDB Streams, a Kinesis data stream or EventBridge Pipes pass to a Lambda function, a response of GetRecords,
    a single record, and lines of a full or an incremental export to S3. Text is decoded into instances directly, which is faster
    than from a dictionary.

    An item belongs to the first model with its table, its entity and the templates of its key. Items of other entities and guards
    of unique values are left out. Protected values stay closed: ``@streams.handler(..., open_protected=True)`` opens them.

    Args:
        event: The event: a dictionary, a list of records, or JSON text.
        *models: The models of the items.
        client: The client whose ``table_prefix`` the tables have. Defaults to the model's, or the one in effect.
        table: The table of records that name none, as those of GetRecords and of exports, the way DynamoDB names it.
        on_poison: Called with each record that cannot be decoded; ``record.error`` says why. Without it, the first one raises.

    Raises:
        ValidationError: The event is another service's, or of a table that no model has; or a value is encrypted or compressed.
        SerializationError: A record cannot be decoded; the error names its sequence number and, as ``error.key``, its key.

    Example:
        >>> for record in streams.decode(event, Order, Customer):
        ...     print(record.event_name, record.new, record.changes)
    """
    records = read(event, models, client=client, table=table, opens=False)
    if all(record.error is None for record in records):
        return records
    usable: list[Record[Any]] = []
    for record in records:
        if record.error is None:
            usable.append(record)
        elif on_poison is None:
            raise record.error
        else:
            on_poison(record)
    return usable


def read(
    event: Event, models: Sequence[Any], *, client: DynamoDBClient | None, table: str | None, opens: bool
) -> list[Record[Any]]:
    """All records of an event that belong to these models, those that cannot be decoded too."""
    client = client_of(models, client, "streams.decode")
    schemas = [model._schema for model in models]
    records: list[Record[Any]] = _core.stream_records(client.core, event, schemas, table, opens)
    return records


def client_of(models: Sequence[Any], client: DynamoDBClient | None, called: str) -> DynamoDBClient:
    """The client that knows the tables of these models.

    Raises:
        ConfigurationError: There is no model.
        TypeError: One of them is not a model.
    """
    if not models:
        raise ConfigurationError(f"{called}() needs at least one model, whose items the records contain")
    for model in models:
        if not isinstance(model, type) or not hasattr(model, "model_config"):
            raise TypeError(f"{called}() takes models, such as Order, not {model!r}")
    return client or client_for(models[0].model_config.client)


async def opened(record: Record[Any], client: DynamoDBClient) -> Record[Any]:
    """A record with its protected values opened, or with the error of one that cannot be opened.

    Raises:
        RequestError: The keyring could not be reached; the record may be fine.
    """
    if not record.is_sealed:
        return record
    from pydynox.exceptions import SerializationError

    images: list[Any] = []
    for new in (True, False):
        operation = _core.open_image(client.core, record, new)
        try:
            images.append(None if operation is None else await operation)
        except SerializationError as error:
            return record.failed(error)
    return record.opened(*images)
