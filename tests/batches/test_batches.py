"""Batches: many items in few requests, on every engine, and what is told when not all of it could be done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydynox import (
    Attr,
    BatchWriter,
    DynamoDBClient,
    Model,
    after_load,
    before_save,
    field,
    partition_key,
    sort_key,
    ttl,
    version,
)
from pydynox.exceptions import (
    BatchIncompleteError,
    ConfigurationError,
    ItemTooLargeError,
    SerializationError,
    TableNotFoundError,
    ValidationError,
    VersionConflictError,
)

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer, error, silence


class User(Model[str], table="users"):
    """One key."""

    user_id: Attr[str] = partition_key()
    name: Attr[str] = field(default="")
    tags: Attr[set[str]] = field(default_factory=set)


class Order(Model[str, int], table="orders"):
    """Two keys, one of them a number."""

    customer_id: Attr[str] = partition_key()
    number: Attr[int] = sort_key()


class Counter(Model[str], table="users"):
    """A version, which a batch cannot look at."""

    user_id: Attr[str] = partition_key()
    hits: Attr[int] = field(default=0)
    version: Attr[int] = version()


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest) -> None:
    if "client" in request.fixturenames:
        request.getfixturevalue("client")
        User.table.sync.create()
        Order.table.sync.create()


def users(count: int) -> list[User]:
    return [User(user_id=f"u{number}", name=f"name {number}", tags={"x"}) for number in range(count)]


def test_many_items_of_several_models_come_in_the_order_of_their_keys(client: DynamoDBClient, drive: Drive) -> None:
    drive(client.batch_save(users(250)))
    drive(client.batch_save(Order(customer_id="c", number=number) for number in range(30)))
    keys: list[Any] = []
    for number in range(300):
        keys += [User.key(f"u{number}"), Order.key("c", number)]
    keys.append(User.key("u7"))

    found: Any = drive(client.batch_get(*keys))

    assert len(found) == 601
    for number in range(300):
        assert found[2 * number] == (users(250)[number] if number < 250 else None)
        assert (found[2 * number + 1] is not None) == (number < 30)
    assert found[600] == found[14]
    assert found[0].model_changes() == {}


def test_batch_get_all_takes_an_iterable(client: DynamoDBClient, drive: Drive) -> None:
    drive(client.batch_save(users(3)))
    found: Any = drive(client.batch_get_all(User.key(f"u{number}") for number in (2, 9, 0)))
    assert [user and user.name for user in found] == ["name 2", None, "name 0"]
    assert drive(client.batch_get_all([])) == []


def test_what_cannot_be_read_is_told(client: DynamoDBClient, drive: Drive) -> None:
    wrong: Any = "u1"
    with pytest.raises(ValidationError, match="batch_get needs at least one key"):
        drive(client.batch_get())
    with pytest.raises(TypeError, match=r"batch_get takes keys such as .*; \[1\] is str"):
        drive(client.batch_get(User.key("a"), wrong))
    drive(client.put_item("users", {"user_id": "bad", "name": 5}))
    with pytest.raises(SerializationError, match=r"User\.name"):
        drive(client.batch_get(User.key("bad")))

    class Nowhere(Model[str], table="nowhere"):
        pk: Attr[str] = partition_key()

    with pytest.raises(TableNotFoundError):
        drive(client.batch_get(Nowhere.key("a")))


class Hidden(Model[str], table="users"):
    """Rows that are hidden, and rows with a hook."""

    user_id: Attr[str] = partition_key()
    ends: Attr[datetime | None] = ttl(default=None, hide_expired=True)
    name: Attr[str] = field(default="")

    @after_load
    async def shout(self) -> None:
        self.name = self.name.upper()

    @before_save
    def trim(self) -> None:
        self.name = self.name.strip()


def test_expired_items_are_hidden_and_hooks_run(client: DynamoDBClient, drive: Drive) -> None:
    over = Hidden(user_id="over", ends=datetime.now(UTC) - timedelta(hours=1))
    drive(client.batch_save([over, Hidden(user_id="there", name=" x ")]))
    found: Any = drive(client.batch_get(Hidden.key("over"), Hidden.key("there")))
    assert found[0] is None
    assert found[1].name == "X"


Fill = Callable[[Any], Any]


@pytest.mark.parametrize("form", ["awaited", "blocking"])
def test_a_writer_puts_and_deletes_while_its_block_runs(client: DynamoDBClient, form: str) -> None:
    gone = User(user_id="gone")
    gone.sync.create()
    Order(customer_id="c", number=1).sync.create()
    made = users(130)
    steps: list[int] = []

    if form == "blocking":
        with client.sync.batch_writer(progress=steps.append) as batch:
            for user in made:
                batch.put(user)
            assert batch.written == 100
            batch.delete(gone)
            batch.delete(Order.key("c", 1))
    else:

        async def run() -> BatchWriter:
            async with client.batch_writer(progress=steps.append) as batch:
                for user in made:
                    await batch.put(user)
                assert batch.written == 100
                await batch.delete(gone)
                await batch.delete(Order.key("c", 1))
            return batch

        asyncio.run(run())

    assert steps == [100, 132]
    assert User.sync.get("u129", consistent_read=True) == made[129]
    assert all(user.model_changes() == {} for user in made)
    assert User.sync.get("gone", consistent_read=True) is None
    assert Order.sync.get("c", 1, consistent_read=True) is None
    gone.sync.create()  # new again


def test_of_two_for_one_item_the_last_counts(client: DynamoDBClient) -> None:
    first, second = User(user_id="a", name="1"), User(user_id="a", name="2")
    with client.sync.batch_writer() as batch:
        batch.put(first)
        batch.put(second)
        batch.put(User(user_id="b"))
        batch.delete(User.key("b"))
        batch.delete(User.key("c"))
        batch.put(User(user_id="c"))

    assert batch.written == 3
    assert User.sync.get_or_raise("a", consistent_read=True).name == "2"
    assert User.sync.get("b", consistent_read=True) is None
    assert User.sync.get("c", consistent_read=True) is not None


def test_iterables_of_both_kinds(client: DynamoDBClient, drive: Drive) -> None:
    async def stream() -> AsyncIterator[User]:
        for user in users(5):
            yield user

    async def run() -> tuple[int, int]:
        return await client.batch_save(stream()), await client.batch_delete(User.key(f"u{number}") for number in range(4))

    assert asyncio.run(run()) == (5, 4)
    assert [drive(User.get(f"u{number}", consistent_read=True)) is None for number in range(5)] == [True] * 4 + [False]
    assert drive(client.batch_save([])) == 0


def test_a_version_is_not_looked_at_and_so_asked_for(client: DynamoDBClient, drive: Drive) -> None:
    counter = Counter(user_id="a")
    with pytest.raises(ConfigurationError, match=r"Counter has a version.*batch_writer\(unguarded=True\).*transactions=True"):
        drive(client.batch_save([counter]))
    with pytest.raises(ConfigurationError, match="Counter has a version"):
        drive(client.batch_delete([Counter.key("a")]))
    assert drive(Counter.get("a")) is None

    drive(counter.create())
    stale: Any = drive(Counter.get_or_raise("a", consistent_read=True))
    counter.hits = 5
    drive(client.batch_save([counter], unguarded=True))
    assert counter.version == 2
    stale.hits = 9
    with pytest.raises(VersionConflictError):
        drive(stale.save())
    drive(client.batch_delete([counter], unguarded=True))


def test_a_writer_is_for_one_block(client: DynamoDBClient, drive: Drive) -> None:
    writer = client.batch_writer()
    with pytest.raises(RuntimeError, match=r"batch\.put outside its block, which has not started"):
        drive(writer.put(User(user_id="a")))

    async def use() -> None:
        async with writer as batch:
            await batch.put(User(user_id="a"))

    asyncio.run(use())
    with pytest.raises(RuntimeError, match="a batch writer can be used for one block only"):
        asyncio.run(use())
    with pytest.raises(RuntimeError, match=r"batch\.delete outside its block, which has ended"):
        drive(writer.delete(User.key("a")))


def test_what_is_no_item_is_refused_where_it_stands(client: DynamoDBClient) -> None:
    wrong: Any = {"user_id": "a"}
    with client.sync.batch_writer() as batch:
        with pytest.raises(TypeError, match=r"batch\.put takes an instance of a model, not dict"):
            batch.put(wrong)
        with pytest.raises(TypeError, match=r"batch\.put takes an instance of a model, not Key"):
            batch.put(User.key("a"))
        with pytest.raises(TypeError, match=r"batch\.delete takes an instance of a model or a key, not dict"):
            batch.delete(wrong)
        with pytest.raises(ItemTooLargeError):
            batch.put(User(user_id="a", name="x" * 410_000))
        batch.put(User(user_id="fine"))
    assert batch.written == 1


def test_nothing_more_is_sent_if_the_block_raises_and_what_was_is_told(client: DynamoDBClient) -> None:
    made = users(105)

    def stopped() -> None:
        with client.sync.batch_writer() as batch:
            for user in made:
                batch.put(user)
            raise LookupError("stop")

    with pytest.raises(LookupError) as caught:
        stopped()

    told = caught.value.__context__
    assert isinstance(told, BatchIncompleteError)
    assert (list(told.written), list(told.pending), list(told.unprocessed)) == (made[:100], made[100:], [])
    assert User.sync.get("u99", consistent_read=True) is not None
    assert User.sync.get("u100", consistent_read=True) is None


def left(*names: str) -> Any:
    return answer({"UnprocessedItems": {"users": [{"PutRequest": {"Item": {"user_id": {"S": name}}}} for name in names]}})


def test_what_is_left_over_is_sent_again(serve: Serve, drive: Drive) -> None:
    server = serve(left("u1", "u2"), left("u2"), answer({"UnprocessedItems": {}}))
    made = users(3)
    assert drive(client_of(server).batch_save(made)) == 3
    assert len(server.seen) == 3
    assert all(user.model_changes() == {} for user in made)


def test_what_is_left_over_until_the_end_is_told(serve: Serve, drive: Drive) -> None:
    server = serve(*[left("u1")] * 20)
    made = users(3)
    with pytest.raises(BatchIncompleteError, match=r"2 were written; 1 of the last 3 could not be written") as caught:
        drive(client_of(server, timeout=0.5).batch_save(made))
    assert (list(caught.value.written), list(caught.value.unprocessed)) == ([made[0], made[2]], [made[1]])
    assert made[0].model_changes() == {}
    assert made[1].model_changes() != {}


def test_a_refused_request_leaves_the_others_alone(serve: Serve, drive: Drive) -> None:
    server = serve(error("ResourceNotFoundException"), *[answer({})] * 3)
    made = users(60)
    with pytest.raises(BatchIncompleteError) as caught:
        drive(client_of(server).batch_save(made))
    assert isinstance(caught.value.__cause__, TableNotFoundError)
    assert len(caught.value.written) + len(caught.value.unprocessed) == 60
    assert len(caught.value.unprocessed) in (10, 25)


def test_a_lost_answer_is_asked_for_again(serve: Serve, drive: Drive) -> None:
    server = serve(error("InternalServerError", status=500), answer({}))
    assert drive(client_of(server).batch_save(users(2))) == 2
    assert server.operations() == ["BatchWriteItem"] * 2


def test_keys_that_are_left_over_until_the_end_are_told(serve: Serve, drive: Drive) -> None:
    body = {
        "Responses": {"users": [{"user_id": {"S": "a"}}]},
        "UnprocessedKeys": {"users": {"Keys": [{"user_id": {"S": "b"}}]}},
    }
    server = serve(*[answer(body)] * 20)
    with pytest.raises(BatchIncompleteError, match="did not process 1 of 3 keys before the timeout") as caught:
        drive(client_of(server, timeout=0.5).batch_get(User.key("a"), User.key("b"), User.key("c")))
    assert [item and item.user_id for item in caught.value.items] == ["a", None, None]
    assert list(caught.value.unprocessed) == [User.key("b")]


def test_an_interrupted_batch_says_what_may_be_written(serve: Serve) -> None:
    server = serve(silence)
    made = users(2)

    async def run() -> None:
        task = asyncio.create_task(client_of(server).batch_save(made))
        while not server.seen:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        told: BaseException | None = caught.value
        while told is not None and not isinstance(told, BatchIncompleteError):
            told = told.__context__
        assert told is not None
        assert list(told.unprocessed) == made

    asyncio.run(run())
    assert all(user.model_changes() for user in made)


def test_consistency_is_asked_by_the_call_the_block_or_the_model(serve: Serve, drive: Drive) -> None:
    server = serve(*[answer({"Responses": {}})] * 3)
    client = client_of(server)
    drive(client.batch_get(User.key("a"), consistent_read=True))
    drive(client.batch_get(User.key("a")))
    with client.options(consistent_read=True):
        drive(client.batch_get(User.key("a")))
    assert [b'"ConsistentRead":true' in request.body for request in server.seen] == [True, False, True]


@pytest.fixture
def many(client: DynamoDBClient) -> list[User]:
    made = users(1000)
    client.sync.batch_save(made)
    return made


def test_a_thousand_in_and_out(client: DynamoDBClient, many: list[User], drive: Drive) -> None:
    assert drive(client.batch_get_all(User.key(user.user_id) for user in many)) == many
