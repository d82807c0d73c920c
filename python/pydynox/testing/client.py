"""IsolatedDynamoDB: the client of a test, and what arranges and observes its tables. PYTEST_DONT_REWRITE"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox.client import DynamoDBClient
from pydynox.default_client import sole_client
from pydynox.exceptions import ConfigurationError

from .clock import Clock
from .faults import compiled, fault
from .requests import Requests

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Iterable, Mapping

    from .faults import Fault
    from .limits import Behaviour

#: The variable that other libraries, the AWS CLI and child processes read too.
ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"


def conditions(*, latency: float | None, throttle: int) -> _core.Faults:
    """What a test asks of its DynamoDB, as a plan that also records the requests."""
    faults: list[Fault] = []
    if latency is not None:
        faults.append(fault(None, "latency", seconds=latency, times=None))
    if throttle:
        faults.append(fault(None, "throttle", times=throttle))
    return _core.Faults(compiled(faults))


def restore_variable(name: str, value: str | None) -> None:
    """Give a variable of the environment the value that it had; for pydynox's own modules."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


class Snapshot:
    """All tables of a test's DynamoDB at one moment; returned by ``dynamodb.snapshot()``, for ``dynamodb.restore()``."""

    __slots__ = ("core",)

    def __init__(self, core: _core.Snapshot) -> None:
        self.core = core


class IsolatedDynamoDB(DynamoDBClient):
    """The client that a test gets from ``dynamodb`` or ``isolated_dynamodb()``, with control over its tables.

    The methods beyond those of ``DynamoDBClient`` block, in async tests too, where they take no ``await``: they arrange a test
    and are not a part of it. What they send is neither recorded nor delayed nor made to fail.
    """

    __slots__ = ("_clock", "_core_of_block", "_is_prefixed", "_recorder", "_server", "stage_hand")

    _core_of_block: _core.Isolation
    _recorder: _core.Faults
    stage_hand: DynamoDBClient

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._clock = Clock()
        self._server: _core.LocalServer | None = None

    @contextmanager
    def in_force(
        self,
        recorder: _core.Faults,
        behaviour: Behaviour,
        *,
        tables: Iterable[Any] = (),
        table_prefix: str = "",
        meter: _core.Meter | None = None,
    ) -> Generator[None]:
        """Redirect every client without an endpoint to the tables of this one, within the block; for pydynox's own modules."""
        self._recorder = recorder
        self._core_of_block = _core.Isolation(self.core, recorder, behaviour, table_prefix, meter)
        self._is_prefixed = bool(table_prefix)
        endpoint = os.environ.get(ENDPOINT)
        try:
            self.stage_hand = self._behind()
            with sole_client(self):
                try:
                    self.create_tables(*tables)
                    yield
                finally:
                    if self._server is not None:
                        self._server.stop()
                        restore_variable(ENDPOINT, endpoint)
        finally:
            # In this order: until the block has ended, other clients use this one.
            self._core_of_block.end()
            self.core.close()

    def create_tables(self, *models: Any) -> None:
        """Create the tables of these models.

        Args:
            *models: Model classes, or repositories.

        Raises:
            RequestError: A table exists already.

        Example:
            >>> dynamodb.create_tables(User, Order)
        """
        for model in models:
            self.arranged(model.table.create())

    def seed(self, items: Iterable[Any], /, *, table: Any = None) -> None:
        """Write items. The hooks of models run, and versions, timestamps and unique values are set as by ``create()``.

        Args:
            items: Instances of models, which count as stored afterwards; with ``table=``, mappings of plain values as well.
            table: The table of the mappings: its name, or its model.

        Raises:
            TypeError: An item is a mapping and there is no ``table=``, or it is neither a mapping nor an instance.
            ItemAlreadyExistsError: An item of a model with a version or unique values exists already.

        Example:
            >>> dynamodb.seed([User(user_id="u1"), User(user_id="u2")])
            >>> dynamodb.seed([{"user_id": "u3", "name": "Ada"}], table="users")
        """
        instances: list[_core.Instance] = []
        mappings: list[Mapping[str, Any]] = []
        for item in items:
            if isinstance(item, _core.Instance):
                instances.append(item)
            elif hasattr(item, "keys"):
                mappings.append(item)
            else:
                raise TypeError(f"seed() takes instances of models and mappings of plain values, not {type(item).__qualname__}")
        if mappings and table is None:
            raise TypeError("seed() does not know the table of a mapping: pass table='users', or table=User")
        name: str | None = table if isinstance(table, str) or table is None else table.model_config.table
        self.arranged(_written(self.stage_hand, instances, mappings, name))

    def snapshot(self) -> Snapshot:
        """Copy all tables as they are now: items, indexes, settings and streams. Takes about a millisecond.

        Raises:
            ConfigurationError: The tables are not in this process.

        Example:
            >>> before = dynamodb.snapshot()
            >>> User.key("u1").sync.delete()
            >>> dynamodb.restore(before)
        """
        return Snapshot(self._core_of_block.snapshot())

    def restore(self, snapshot: Snapshot, /) -> None:
        """Make all tables what they were. Tables created since are gone; request tokens of transactions are forgotten.

        Instances in memory stay as they are.

        Args:
            snapshot: From ``snapshot()``, of this test or another one.

        Raises:
            ConfigurationError: The tables are not in this process.

        Example:
            >>> dynamodb.restore(before)
        """
        self._core_of_block.restore(snapshot.core)

    @property
    def requests(self) -> Requests:
        """The requests that reached these tables so far, from every client, one entry per attempt.

        Example:
            >>> User(user_id="u1").sync.create()
            >>> assert dynamodb.requests == ["PutItem"]
            >>> dynamodb.requests[0].body["Item"]
            {'user_id': {'S': 'u1'}}
        """
        return Requests(self._recorder)

    @property
    def clock(self) -> Clock:
        """The clock of every client and engine of this process during the test.

        Example:
            >>> dynamodb.clock.advance(3600)
        """
        return self._clock

    @property
    def endpoint_url(self) -> str:
        """The same tables over HTTP, for boto3 and other processes: a server on 127.0.0.1 that runs until the test ends.

        ``AWS_ENDPOINT_URL_DYNAMODB`` names it once it was used. With ``--dynamodb=aws`` it passes requests on to the account:
        tables get the prefix of the test, and what is used counts towards the budget. PartiQL is refused there.

        Example:
            >>> boto3.client("dynamodb", endpoint_url=dynamodb.endpoint_url).list_tables()["TableNames"]
            ['users']
        """
        if not self._core_of_block.is_local and not self._is_prefixed and "://" in self._place:
            return self._place
        if self._server is None:
            if not self._core_of_block.is_local and self._is_prefixed:
                # Their endpoint is looked up before the environment names this server.
                self.arranged(self.stage_hand.warm_up(1))
            self._server = self._core_of_block.serve()
        url = f"http://127.0.0.1:{self._server.port}"
        os.environ[ENDPOINT] = url
        return url

    def _behind(self) -> DynamoDBClient:
        """A client of the same tables that is not a part of the test."""
        stage_hand = DynamoDBClient.__new__(DynamoDBClient)
        stage_hand.core = self._core_of_block.backstage()
        stage_hand.errors = self.errors
        stage_hand.keyring = self.keyring
        stage_hand._place = self._place
        return stage_hand

    def arranged(self, coroutine: Coroutine[Any, Any, Any], /) -> Any:
        """Run a coroutine of pydynox to its end behind the test's back; for pydynox's own modules."""
        with self.stage_hand.as_default():
            result = _core.run_aside(coroutine)
        self._core_of_block.settle()
        return result

    @contextmanager
    def as_role(self, *, leading_keys: Iterable[str]) -> Generator[None]:
        """Within the block, allow only what an IAM policy with the condition ``dynamodb:LeadingKeys`` allows.

        It applies to every client of the test: a request to another partition key, a scan, PartiQL and changes of tables are
        refused with ``AccessDeniedError``. Blocks can be nested; then every one of them must allow a request.

        Args:
            leading_keys: The partition keys, as text; ``"tenant-1#*"`` allows all that begin with ``tenant-1#``.

        Raises:
            ConfigurationError: The tables are not in this process.

        Example:
            >>> with dynamodb.as_role(leading_keys=["tenant-1"]):
            ...     with pytest.raises(AccessDeniedError):
            ...         Order.sync.get("tenant-2", 1)
        """
        number = self._core_of_block.allow([str(key) for key in leading_keys])
        try:
            yield
        finally:
            self._core_of_block.lift(number)


async def _written(client: DynamoDBClient, instances: list[Any], mappings: list[Mapping[str, Any]], table: str | None) -> None:
    if instances:
        async with client.batch_writer(transactions=True) as batch:
            await batch.put_all(instances)
    for mapping in mappings:
        if table is None:
            raise ConfigurationError("the table has no name")
        await client.put_item(table, dict(mapping))
