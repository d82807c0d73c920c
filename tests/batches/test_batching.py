"""Reads that begin together are sent together, and each has an outcome of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pydynox
import pytest
from pydynox import Attr, DynamoDBClient, Model, ModelConfig, after_load, field, partition_key, sort_key
from pydynox.exceptions import (
    AccessDeniedError,
    InvalidRequestError,
    RequestTimeoutError,
    SerializationError,
    TableNotFoundError,
    ThrottlingError,
    ValidationError,
)
from pydynox.testing import fault, inject

from tests.conftest import Serve, client_of
from tests.faults.deeds import answer, error


class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    age: Attr[int] = field(default=0)

    @after_load
    def _loaded(self) -> None:
        loads.append(self.user_id)


class Order(Model[str, int], table="orders"):
    customer_id: Attr[str] = partition_key()
    number: Attr[int] = sort_key()


class Missing(Model[str], table="nowhere"):
    key_: Attr[str] = partition_key()


loads: list[str] = []


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest) -> None:
    loads.clear()
    if "client" in request.fixturenames:
        client = request.getfixturevalue("client")
        User.table.sync.create()
        Order.table.sync.create()
        client.sync.batch_save(User(user_id=f"u{number}", age=number) for number in range(150))
        client.sync.batch_save(Order(customer_id="c", number=number) for number in range(3))


async def together(*reads: Any) -> list[Any]:
    async with pydynox.batching():
        return await asyncio.gather(*reads, return_exceptions=True)


async def test_gets_of_one_turn_are_one_request(client: DynamoDBClient) -> None:
    with client.collect() as usage:
        found = await together(User.get("u1"), Order.get("c", 2), User.get("nobody"), User.key("u2").get(), User.get("u1"))

    assert found == [User(user_id="u1", age=1), Order(customer_id="c", number=2), None, User(user_id="u2", age=2), found[4]]
    assert found[4] == found[0]
    assert found[4] is not found[0]
    assert {name: tally.requests for name, tally in usage.by_operation.items()} == {"BatchGetItem": 1}
    assert sorted(loads) == ["u1", "u1", "u2"]
    found[0].age = 7
    await found[0].save()
    again = await User.get("u1", consistent_read=True)
    assert again is not None
    assert again.age == 7


async def test_any_number_of_them_goes_in_hundreds(client: DynamoDBClient) -> None:
    with client.collect() as usage:
        found = await together(*(User.get(f"u{number}") for number in range(149, -1, -1)))

    assert [user.age for user in found] == list(range(149, -1, -1))
    assert usage.by_operation["BatchGetItem"].requests == 2


async def test_outside_of_the_block_and_alone_a_get_is_a_get(client: DynamoDBClient) -> None:
    with client.collect() as usage:
        async with pydynox.batching():
            assert await User.get("u1") == User(user_id="u1", age=1)
            assert await User.get("nobody") is None
            assert await User.key("u1").exists()
        await asyncio.gather(User.get("u1"), User.get("u2"))

    assert {name: tally.requests for name, tally in usage.by_operation.items()} == {"GetItem": 5}


async def test_a_later_turn_is_another_request(client: DynamoDBClient) -> None:
    async def chain(number: int) -> list[Any]:
        return [await User.get(f"u{number}"), await Order.get("c", number)]

    with client.collect() as usage:
        found = await together(*(chain(number) for number in range(3)))

    assert [[user.age, order.number] for user, order in found] == [[0, 0], [1, 1], [2, 2]]
    assert usage.by_operation["BatchGetItem"].requests == 2


async def test_blocks_end_where_they_end(client: DynamoDBClient) -> None:
    async def inside() -> None:
        async with pydynox.batching():
            await asyncio.sleep(0.01)

    task = asyncio.create_task(inside())
    await asyncio.sleep(0)
    with client.collect() as usage:
        await asyncio.gather(User.get("u1"), User.get("u2"))
        await task
        async with pydynox.batching():
            async with pydynox.batching():
                pass
            await asyncio.gather(User.get("u1"), User.get("u2"))

    assert {name: tally.requests for name, tally in usage.by_operation.items()} == {"GetItem": 2, "BatchGetItem": 1}


async def test_a_table_is_never_read_with_two_consistencies_in_one_request(client: DynamoDBClient) -> None:
    with client.collect() as usage:
        found = await together(
            User.get("u1"), User.get("u1", consistent_read=True), Order.get("c", 1, consistent_read=True), User.get("u2")
        )

    assert [item.user_id for item in (found[0], found[1], found[3])] == ["u1", "u1", "u2"]
    assert found[2] == Order(customer_id="c", number=1)
    assert {name: tally.requests for name, tally in usage.by_operation.items()} == {"BatchGetItem": 2}


async def test_consistency_is_said_by_table(serve: Serve) -> None:
    server = serve(answer({"Responses": {}}), answer({"Responses": {}}))
    with client_of(server).as_default():
        await together(User.get("a"), Order.get("c", 1, consistent_read=True), User.get("b", consistent_read=True), User.get("c"))
    bodies = sorted((request.body.decode() for request in server.seen), key=len)
    assert bodies == [
        '{"RequestItems":{"users":{"Keys":[{"user_id":{"S":"b"}}],"ConsistentRead":true}}}',
        (
            '{"RequestItems":{"users":{"Keys":[{"user_id":{"S":"a"}},{"user_id":{"S":"c"}}]},'
            '"orders":{"Keys":[{"customer_id":{"S":"c"},"number":{"N":"1"}}],"ConsistentRead":true}}}'
        ),
    ]


async def test_who_cannot_be_read_fails_alone(client: DynamoDBClient) -> None:
    found = await together(User.get("u1"), Missing.get("x"), Order.get("c", 1), Missing.get("x"), User.get("nobody"))

    assert found[0] == User(user_id="u1", age=1)
    assert found[2] == Order(customer_id="c", number=1)
    assert found[4] is None
    for failed in (found[1], found[3]):
        assert isinstance(failed, TableNotFoundError)
        assert failed.table == "nowhere"
    assert found[1] is not found[3]


async def test_bad_keys_are_refused_before_anything_waits(client: DynamoDBClient) -> None:
    wrong: Any = 3
    with client.collect() as usage:
        found = await together(User.get(wrong), User.get("u1"), User.get(""))

    assert isinstance(found[0], (ValidationError, SerializationError))
    assert found[1] == User(user_id="u1", age=1)
    assert isinstance(found[2], ValidationError)
    assert {name: tally.requests for name, tally in usage.by_operation.items()} == {"GetItem": 1}


async def test_one_who_leaves_leaves_the_others_alone(client: DynamoDBClient) -> None:
    async with pydynox.batching():
        before, after, kept = (asyncio.create_task(User.get(f"u{number}")) for number in range(3))
        with inject(client, fault("BatchGetItem", "latency", seconds=0.05)) as log:
            await asyncio.sleep(0)  # they run up to their reads
            before.cancel()
            await asyncio.sleep(0.01)
            after.cancel()
            found = await asyncio.wait_for(kept, 5)

    assert found == User(user_id="u2", age=2)
    for task in (before, after):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(log.requests) <= 1


async def test_if_all_leave_nothing_more_is_sent(client: DynamoDBClient) -> None:
    with inject(client, fault("BatchGetItem", "throttle", times=None)) as log:
        async with pydynox.batching():
            tasks = [asyncio.create_task(User.get(f"u{number}")) for number in range(3)]
            await asyncio.sleep(0.02)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        sent = len(log.requests)
        await asyncio.sleep(0.3)

    assert len(log.requests) == sent


async def test_what_is_left_over_is_asked_for_again(client: DynamoDBClient) -> None:
    with inject(client, fault("BatchGetItem", "half_unprocessed"), fault("BatchGetItem", "unprocessed")) as log:
        found = await together(*(User.get(f"u{number}") for number in range(20)))

    assert [user.age for user in found] == list(range(20))
    assert len(log.requests) == 3


async def test_what_is_left_over_until_the_end_times_out(client: DynamoDBClient) -> None:
    with inject(client, fault("BatchGetItem", "half_unprocessed"), fault("BatchGetItem", "unprocessed", times=None)):
        with client.options(timeout=0.3):
            found = await together(User.get("u0"), User.get("u1"), User.get("u0"))

    missed = [one for one in found if isinstance(one, RequestTimeoutError)]
    assert [user.user_id for user in found if isinstance(user, User)] != []
    assert missed
    assert all(isinstance(one, (User, RequestTimeoutError)) for one in found)


async def test_a_request_that_fails_fails_all_of_it(client: DynamoDBClient) -> None:
    with inject(client, fault("BatchGetItem", "throttle", times=None)), client.options(timeout=0.3):
        found = await together(User.get("u0"), Order.get("c", 1))

    assert [type(one) for one in found] == [RequestTimeoutError, RequestTimeoutError]
    assert isinstance(found[0].__cause__, ThrottlingError)
    assert found[0] is not found[1]


async def test_time_outs_and_meters_keep_to_their_reads(client: DynamoDBClient) -> None:
    async def metered(usage: pydynox.Usage, key: str) -> Any:
        with client.collect(usage):
            return await User.get(key)

    with client.collect() as one:
        pass
    with client.collect() as other:
        pass
    found = await together(metered(one, "u1"), metered(other, "u2"), metered(one, "u3"), metered(other, "u4"))

    assert [user.user_id for user in found] == ["u1", "u2", "u3", "u4"]
    assert one.requests == other.requests == 1


async def test_other_clients_have_requests_of_their_own() -> None:
    class Here(Model[str], table="users"):
        model_config = ModelConfig(client=DynamoDBClient(endpoint_url="memory://"))
        user_id: Attr[str] = partition_key()

    class There(Model[str], table="users"):
        model_config = ModelConfig(client=DynamoDBClient(endpoint_url="memory://"))
        user_id: Attr[str] = partition_key()

    for model in (Here, There):
        await model.table.create()
        await model(user_id=model.__name__).create()
    found = await together(Here.get("Here"), There.get("Here"), There.get("There"), Here.get("There"))

    assert found == [Here(user_id="Here"), None, There(user_id="There"), None]


@pytest.mark.parametrize(
    ("code", "failure"), [("AccessDeniedException", AccessDeniedError), ("ValidationException", InvalidRequestError)]
)
async def test_who_may_not_read_in_batches_reads_one_by_one(serve: Serve, code: str, failure: type[Exception]) -> None:
    server = serve(error(code), answer({"Item": {"user_id": {"S": "a"}}}), error(code))
    with client_of(server).as_default():
        found = await together(User.get("a"), User.get("b"), User.get("a"))

    assert {type(found[0]), type(found[1])} == {User, failure}  # the two are sent side by side
    assert type(found[2]) is type(found[0])
    assert len(server.seen) == 3


def test_blocking_gets_go_as_ever(client: DynamoDBClient) -> None:
    async def inside() -> Any:
        async with pydynox.batching():
            return await asyncio.to_thread(User.sync.get, "u1")

    with client.collect() as usage:
        assert asyncio.run(inside()) == User(user_id="u1", age=1)
    assert usage.requests == 1
