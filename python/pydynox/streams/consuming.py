"""A table's stream read without Lambda: its shards, parents before children, continued where a checkpoint says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, overload

import pydynox._core as _core
from pydynox._shared.typing import A, B, C, D, Row
from pydynox.exceptions import ConfigurationError, RequestError

from .records import Record, client_of, opened, read

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
    from typing import TypeAlias, TypedDict, Unpack

    from pydynox.client import DynamoDBClient
    from pydynox.sync import SyncStreamReader

    Start: TypeAlias = Literal["TRIM_HORIZON", "LATEST"]

    class ConsumeOptions(TypedDict, total=False):
        """What ``streams.consume`` takes besides a client and models."""

        checkpoint: Checkpoint | None
        start: Start
        follow: bool
        interval: float
        open_protected: bool
        on_poison: Callable[[Record[Any]], object] | None


#: Records per request, the most that DynamoDB returns.
PAGE = 1000
#: Pages without records after which an open shard counts as read: a page may be empty although later ones are not.
EMPTY = 3


class Checkpoint:
    """How far a stream was read: by shard, the last record that was done with; ``consume`` keeps it current.

    A record counts as done when the next one is asked for: after a ``break`` or an error, the last one is read again.
    ``positions`` is JSON, so it can be stored anywhere.

    Args:
        positions: Where an earlier reading ended.

    Attributes:
        positions: By shard, the last sequence number; None for a shard that was read to its end.

    Example:
        >>> checkpoint = streams.Checkpoint(json.loads(saved))
        >>> async for record in streams.consume(client, Order, checkpoint=checkpoint):
        ...     await project(record)
        >>> saved = json.dumps(checkpoint.positions)
    """

    __slots__ = ("positions",)

    def __init__(self, positions: Mapping[str, str | None] | None = None) -> None:
        self.positions: dict[str, str | None] = dict(positions or {})

    def __repr__(self) -> str:
        return f"Checkpoint({self.positions!r})"


class StreamReader(Generic[Row]):
    """The records of a table's stream: what ``streams.consume`` returns, for one ``async for``.

    Example:
        >>> async for record in streams.consume(client, Order):
        ...     print(record.event_name, record.new)
        >>> for record in streams.consume(client, Order).sync:
        ...     print(record.event_name, record.new)
    """

    __slots__ = ("_records",)

    def __init__(self, records: AsyncGenerator[Record[Row]]) -> None:
        self._records = records

    def __aiter__(self) -> AsyncIterator[Record[Row]]:
        """The next records; a loop that was left continues where it ended."""
        return self._records

    def __anext__(self) -> Coroutine[Any, Any, Record[Row]]:
        """The next record."""
        return self._records.__anext__()

    def aclose(self) -> Coroutine[Any, Any, None]:
        """Stop reading. Sends nothing."""
        return self._records.aclose()

    @property
    def sync(self) -> SyncStreamReader[Row]:
        """The blocking form of this loop."""
        from pydynox.sync import SyncStreamReader

        return SyncStreamReader(self)

    def open_rows(self) -> tuple[Callable[[], Coroutine[Any, Any, Any]], Callable[[], None]]:
        """How a blocking loop reads: a function that fetches the next record, and one that stops."""

        async def step() -> list[Record[Row]] | None:
            record = await anext(self._records, None)
            return None if record is None else [record]

        return step, lambda: None


@overload
def consume(client: DynamoDBClient, a: type[A], /, **options: Unpack[ConsumeOptions]) -> StreamReader[A]: ...
@overload
def consume(client: DynamoDBClient, a: type[A], b: type[B], /, **options: Unpack[ConsumeOptions]) -> StreamReader[A | B]: ...
@overload
def consume(
    client: DynamoDBClient, a: type[A], b: type[B], c: type[C], /, **options: Unpack[ConsumeOptions]
) -> StreamReader[A | B | C]: ...
@overload
def consume(
    client: DynamoDBClient, a: type[A], b: type[B], c: type[C], d: type[D], /, **options: Unpack[ConsumeOptions]
) -> StreamReader[A | B | C | D]: ...
@overload
def consume(client: DynamoDBClient, /, *models: type[Any], **options: Unpack[ConsumeOptions]) -> StreamReader[Any]: ...
def consume(
    client: DynamoDBClient,
    /,
    *models: Any,
    checkpoint: Checkpoint | None = None,
    start: Start = "TRIM_HORIZON",
    follow: bool = False,
    interval: float = 1.0,
    open_protected: bool = False,
    on_poison: Callable[[Record[Any]], object] | None = None,
) -> StreamReader[Any]:
    """Read the stream of the models' table, on the embedded engine or on AWS, so that projections are tested without Lambda.

    Sends DescribeTable and DescribeStream, then GetShardIterator and GetRecords per shard. A shard is read after its parent, so
    the changes of an item come in their order. By default the loop ends once everything that is there was read.

    In blocking code: ``for record in streams.consume(client, Order).sync``.

    Args:
        client: The client.
        *models: The models of the items, all of one table; see ``streams.decode()``.
        checkpoint: Where to read on; it is kept current.
        start: Where to begin shards that the checkpoint does not name: with the oldest record, at most 24 hours old, or with what
            is written from now on.
        follow: Wait for more records, and for the shards that follow, instead of ending.
        interval: Seconds to wait after a round without records.
        open_protected: Open encrypted and compressed values with the client's keyring.
        on_poison: Called with each record that cannot be decoded. Without it, the first one raises.

    Raises:
        ConfigurationError: The models are not of one table, or the table has no stream.
        TableNotFoundError: The table does not exist.
        RequestError: The checkpoint's position is older than 24 hours (code ``TrimmedDataAccessException``).
        SerializationError: A record cannot be decoded.

    Example:
        >>> async for record in streams.consume(client, Order):
        ...     print(record.event_name, record.new)

    Costs: on AWS, one request unit of DynamoDB Streams per GetRecords; Lambda's own reads are free.
    """
    client_of(models, client, "streams.consume")
    if start not in ("TRIM_HORIZON", "LATEST"):
        raise ConfigurationError(f'streams.consume(start=...) must be "TRIM_HORIZON" or "LATEST", not {start!r}')
    tables = {_core.table_named(client.core, model._schema.table or "") for model in models}
    if len(tables) != 1 or "" in tables:
        names = ", ".join(model.__name__ for model in models)
        raise ConfigurationError(f"streams.consume({names}): the models must have one table, whose stream is read")
    reading = _Reading(client, models, tables.pop(), Checkpoint() if checkpoint is None else checkpoint, on_poison)
    reading.options = (start, follow, interval, open_protected)
    return StreamReader(reading.records())


class _Shard:
    """A shard that is being read."""

    __slots__ = ("empty", "end", "id", "iterator", "parent")

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.id: str = description["ShardId"]
        self.parent: str | None = description.get("ParentShardId")
        self.end: str | None = description.get("SequenceNumberRange", {}).get("EndingSequenceNumber")
        self.iterator: str | None = None
        #: How many pages without records came last.
        self.empty = 0

    def is_read(self, position: str | None) -> bool:
        """Whether all records that are there were read, up to this position."""
        if self.end is None or position is None:
            return self.empty >= EMPTY
        return int(position) >= int(self.end) and self.empty > 0


class _Reading(Generic[Row]):
    """One pass over a stream."""

    options: tuple[str, bool, float, bool]

    def __init__(
        self,
        client: DynamoDBClient,
        models: tuple[type[Row], ...],
        table: str,
        checkpoint: Checkpoint,
        on_poison: Callable[[Record[Any]], object] | None,
    ) -> None:
        self._client = client
        self._models = models
        self._table = table
        self._checkpoint = checkpoint
        self._on_poison = on_poison

    async def records(self) -> AsyncGenerator[Record[Any]]:
        start, follow, interval, opens = self.options
        arn = await self._stream()
        shards = await self._shards(arn)
        seen = {shard.id for shard in shards}
        while True:
            due = self._due(shards, follow)
            if not due and not follow:
                return
            for shard in due:
                async for record in self._page(arn, shard, start, opens):
                    yield record
                if shard.iterator is None:
                    self._checkpoint.positions[shard.id] = None
                    shards.remove(shard)
            # A shard that has ended may have children, and one with records may have more.
            if follow and all(shard.iterator is not None and shard.empty for shard in due):
                await _core.pause(interval)
                # What splits off meanwhile is read from its beginning, or its first records would be missed.
                start = "TRIM_HORIZON"
                new = [shard for shard in await self._shards(arn) if shard.id not in seen]
                seen.update(shard.id for shard in new)
                shards += new

    def _due(self, shards: list[_Shard], follow: bool) -> list[_Shard]:
        """The shards to read a page of: those without an unread parent, since the records of an item continue in the child."""
        ids = {shard.id for shard in shards}
        parents = {shard.parent for shard in shards}
        positions = self._checkpoint.positions
        return [
            shard
            for shard in shards
            if shard.parent not in ids
            # A shard with children is closed, and so is read to its end.
            and (follow or shard.id in parents or not shard.is_read(positions.get(shard.id)))
        ]

    async def _page(self, arn: str, shard: _Shard, start: str, opens: bool) -> AsyncIterator[Record[Any]]:
        """The next records of a shard; its iterator is None afterwards if it has ended."""
        if shard.iterator is None:
            shard.iterator = await self._iterator(arn, shard, start)
        try:
            page = await self._client.call("GetRecords", ShardIterator=shard.iterator, Limit=PAGE)
        except RequestError as error:
            # Iterators live for 15 minutes, which a loop's body may exceed.
            if error.code != "ExpiredIteratorException":
                raise
            shard.iterator = await self._iterator(arn, shard, start)
            page = await self._client.call("GetRecords", ShardIterator=shard.iterator, Limit=PAGE)
        raw = page["Records"]
        done = None
        for arrived in read(page, self._models, client=self._client, table=self._table, opens=opens):
            record = await opened(arrived, self._client)
            if record.error is None:
                yield record
            elif self._on_poison is None:
                raise record.error
            else:
                self._on_poison(record)
            self._checkpoint.positions[shard.id] = done = record.sequence_number
        # Records of other models are done as well.
        if raw and done != (last := raw[-1]["dynamodb"]["SequenceNumber"]):
            self._checkpoint.positions[shard.id] = last
        shard.empty = 0 if raw else shard.empty + 1
        shard.iterator = page.get("NextShardIterator")

    async def _stream(self) -> str:
        table = await self._client.call("DescribeTable", TableName=self._table)
        description = table["Table"]
        arn: str | None = description.get("LatestStreamArn")
        if arn is None or not description.get("StreamSpecification", {}).get("StreamEnabled"):
            raise ConfigurationError(
                f'the table {self._table!r} has no stream: create it with table.create(stream="NEW_AND_OLD_IMAGES"), or call '
                'table.update(stream="NEW_AND_OLD_IMAGES")'
            )
        return arn

    async def _shards(self, arn: str) -> list[_Shard]:
        """The shards that are not read to their end, in the order that the service lists them."""
        shards: list[_Shard] = []
        trail = _core.Trail("DescribeStream", None)
        more: dict[str, Any] = {}
        while True:
            answer = await self._client.call("DescribeStream", StreamArn=arn, **more)
            description = answer["StreamDescription"]
            positions = self._checkpoint.positions
            shards += [shard for shard in map(_Shard, description["Shards"]) if positions.get(shard.id, "") is not None]
            last = description.get("LastEvaluatedShardId")
            if last is None:
                return shards
            trail.note(last)
            more = {"ExclusiveStartShardId": last}

    async def _iterator(self, arn: str, shard: _Shard, start: str) -> str:
        position = self._checkpoint.positions.get(shard.id)
        where: dict[str, Any] = {"ShardIteratorType": start}
        if position is not None:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": position}
        answer = await self._client.call("GetShardIterator", StreamArn=arn, ShardId=shard.id, **where)
        iterator: str = answer["ShardIterator"]
        return iterator
