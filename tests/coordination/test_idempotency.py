"""Idempotent functions: what a second call gets, with which key and payload, at the same time, and after a failure."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pydantic
import pytest
from pydynox import Attr, CoordinationTable, DynamoDBClient, LocalKeyring, Model, field, idempotent, partition_key
from pydynox.exceptions import (
    ConfigurationError,
    IdempotencyError,
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    IdempotencyResultError,
    ItemTooLargeError,
    TableNotFoundError,
    ValidationError,
)
from pydynox.testing import fault, inject, isolated_dynamodb

from .killing import Clock, ended_at

SINGLE = CoordinationTable("app", partition_key="PK", sort_key="SK", ttl="ttl")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def memory() -> Iterator[DynamoDBClient]:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": os.urandom(32)}))
    with client.as_default():
        CoordinationTable().table.sync.create()
        yield client


def stored(client: DynamoDBClient, table: str = "pydynox") -> list[dict[str, Any]]:
    return client.sync.scan(table).all()


@pytest.mark.parametrize("table", [CoordinationTable(), SINGLE, CoordinationTable("plain", sort_key=None)], ids=lambda t: t.name)
def test_a_second_call_returns_the_result_of_the_first(client: DynamoDBClient, table: CoordinationTable) -> None:
    table.table.sync.create()
    runs: list[str] = []

    @idempotent(key="order_id", table=table, ttl=timedelta(hours=1), name="charge")
    async def charge(order_id: str, amount: int = 5) -> dict[str, Any]:
        runs.append(order_id)
        return {"order": order_id, "amount": amount, "rate": 1.5, "none": None}

    @idempotent(key="order_id", table=table, name="refund")
    def refund(order_id: str) -> dict[str, Any]:
        runs.append(order_id)
        return {"refunded": order_id}

    async def twice() -> list[Any]:
        return [await charge("o1"), await charge("o1", 5), await charge(order_id="o1"), await charge("o2")]

    first, second, third, other = asyncio.run(twice())
    assert first == second == third == {"order": "o1", "amount": 5, "rate": 1.5, "none": None}
    assert other["order"] == "o2"
    assert refund("o1") == refund("o1") == {"refunded": "o1"}
    assert runs == ["o1", "o2", "o1"]
    partition = "PK" if table is SINGLE else "pk"
    assert sorted(item[partition] for item in stored(client, table.name)) == [
        "IDEMPOTENCY#charge#o1",
        "IDEMPOTENCY#charge#o2",
        "IDEMPOTENCY#refund#o1",
    ]
    (record,) = (item for item in stored(client, table.name) if item[partition] == "IDEMPOTENCY#charge#o1")
    assert record["status"] == "COMPLETED"
    assert "lease_until" not in record
    seconds = record["ttl" if table is SINGLE else "expires_at"] - datetime.now(UTC).timestamp()
    assert 3500 < seconds <= 3600


@dataclasses.dataclass
class Line:
    sku: str
    price: Decimal


class Receipt(pydantic.BaseModel):
    number: int
    on: date
    lines: list[str]


CASES: list[tuple[Any, Any]] = [
    (dict[str, Any], {"a": [1, 2.5, None, {"b": "c"}]}),
    (Line, Line("x", Decimal("1.10"))),
    (list[Line], [Line("x", Decimal("1.10")), Line("y", Decimal(2))]),
    (Receipt, Receipt(number=1, on=date(2026, 1, 2), lines=["a"])),
    (Receipt | None, None),
    (datetime, datetime(2026, 1, 2, 3, 4, 5, 6, UTC)),
    (UUID, UUID(int=7)),
    (int, 10**30),
    (bool, False),
    (str, ""),
    (tuple[int, str], (1, "a")),
    (None, None),
]


@pytest.mark.parametrize(("kind", "value"), CASES, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("encrypt", [False, True])
def test_a_result_has_its_type_when_it_is_returned_again(memory: DynamoDBClient, kind: Any, value: Any, encrypt: bool) -> None:
    runs: list[int] = []

    def compute(number: int) -> Any:
        runs.append(number)
        return value

    compute.__annotations__["return"] = kind
    computed = idempotent(key="number", encrypt=encrypt)(compute)

    first, second = computed(1), computed(1)

    assert first == second == value
    assert type(second) is type(value)
    assert runs == [1]


def test_encrypted_and_large_results_are_not_stored_as_they_are(memory: DynamoDBClient) -> None:
    @idempotent(key="n", encrypt=True, name="secret")
    def secret(n: int) -> dict[str, Any]:
        return {"card": "4111-1111"}

    @idempotent(key="n", name="large")
    def large(n: int) -> list[str]:
        return ["the same text"] * 60_000

    secret(1)
    assert len(large(1)) == len(large(1)) == 60_000

    for item in stored(memory):
        assert b"4111" not in bytes(item["result"])
        assert len(item["result"]) < 4_000


@pytest.mark.parametrize(
    ("result", "words"),
    [(os.urandom(600_000).hex(), "store it elsewhere"), ({"a": object()}, "result="), ({1, 2}, "result=")],
    ids=["large", "object", "set"],
)
def test_a_result_that_cannot_be_stored_is_an_error_each_time_and_the_function_does_not_run_again(
    memory: DynamoDBClient, result: Any, words: str
) -> None:
    runs: list[int] = []

    @idempotent(key="n")
    def compute(n: int):  # type: ignore[no-untyped-def]
        runs.append(n)
        return result

    for _ in range(2):
        with pytest.raises(IdempotencyResultError, match=words) as caught:
            compute(1)
        assert caught.value.applied
    assert runs == [1]


KEYS: list[tuple[Any, tuple[Any, ...], dict[str, Any], str]] = [
    ("event.detail.items[1].id", ({"detail": {"items": [{}, {"id": "x7"}]}},), {}, "x7"),
    ("event", ("e1",), {}, "e1"),
    ("event", (17,), {}, "17"),
    ("event", (UUID(int=1),), {}, str(UUID(int=1))),
    ("event.on.year", (Receipt(number=1, on=date(2026, 1, 2), lines=[]),), {}, "2026"),
    (lambda event, extra=None: f"{event['a']}-{extra}", ({"a": 1},), {"extra": "z"}, "1-z"),
]


@pytest.mark.parametrize(("key", "arguments", "named", "expected"), KEYS)
def test_the_key_is_chosen_by_a_path_or_a_callable(
    memory: DynamoDBClient, key: Any, arguments: tuple[Any, ...], named: dict[str, Any], expected: str
) -> None:
    @idempotent(key=key, name="f")
    def handle(event: Any, extra: Any = None) -> None: ...

    handle(*arguments, **named)

    assert [item["pk"] for item in stored(memory)] == [f"IDEMPOTENCY#f#{expected}"]


@pytest.mark.parametrize("value", ["x" * 5000, ("a", 1), {"b": [1, date(2026, 1, 1)]}, b"\x00", "\ud800" * 2000])
def test_a_key_that_is_long_or_no_text_is_hashed(memory: DynamoDBClient, value: Any) -> None:
    runs: list[Any] = []

    @idempotent(key="event", name="f")
    def handle(event: Any) -> None:
        runs.append(event)

    handle(value)
    handle(value)

    assert len(runs) == 1
    (item,) = stored(memory)
    assert len(item["pk"]) < 100


WRONG_CALLS: list[tuple[str, Any, str]] = [
    ("event.id", {}, "the argument has no id at 'event.id'"),
    ("event.id", {"id": None}, "'event.id' is None in this call: each call needs a key"),
    ("event.id", {"id": ""}, "'event.id' is empty"),
    ("event[3]", [1], r"the argument has no \[3\]"),
    ("event.id", {"id": object()}, "a object has no stable form"),
]


@pytest.mark.parametrize(("key", "event", "message"), WRONG_CALLS)
def test_a_call_without_a_key_is_refused_before_anything_is_sent(
    memory: DynamoDBClient, key: str, event: Any, message: str
) -> None:
    @idempotent(key=key, payload=False)
    def handle(event: Any) -> None:
        raise AssertionError

    with memory.collect() as usage, pytest.raises(ValidationError, match=message):
        handle(event)
    assert usage.requests == 0
    assert stored(memory) == []


def test_a_payload_without_a_stable_form_is_refused_with_the_remedy(memory: DynamoDBClient) -> None:
    @idempotent(key="n")
    def handle(n: int, session: object) -> None: ...

    with pytest.raises(ValidationError, match="lock has no stable form; say payload="):
        handle(1, threading.Lock())


async def numbers() -> AsyncIterator[int]:
    yield 1


WRONG_DECORATIONS: list[tuple[Any, dict[str, Any], str]] = [
    (lambda event: None, {"key": "evnt.id"}, "a path begins with a parameter of the function, which are event"),
    (lambda event: None, {"key": "event..id"}, "a path is like"),
    (lambda event: None, {"key": 3}, "takes a path or a callable, not 3"),
    (lambda event: None, {"key": "event", "payload": ["event.a", "x"]}, "a path begins with"),
    (numbers, {"key": "event"}, "is a generator"),
]


@pytest.mark.parametrize(("function", "options", "message"), WRONG_DECORATIONS)
def test_a_wrong_decoration_is_refused_at_once(function: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        idempotent(**options)(function)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"ttl": 0}, ValidationError),
        ({"lease": -1}, ValidationError),
        ({"wait": True}, ValidationError),
        ({"table": 3}, TypeError),
    ],
)
def test_wrong_options_are_refused_at_once(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        idempotent(key="event", **options)


def test_a_type_that_cannot_be_stored_is_refused_before_anything_is_sent(memory: DynamoDBClient) -> None:
    @idempotent(key="n")
    def handle(n: int) -> threading.Thread: ...

    with (
        memory.collect() as usage,
        pytest.raises(ConfigurationError, match=r"handle cannot be stored, say their type with result="),
    ):
        handle(1)
    assert usage.requests == 0


@pytest.mark.parametrize(
    ("payload", "second", "differs"),
    [
        (None, {"amount": 6}, True),
        (None, {"amount": 5}, False),
        (None, {"note": "x"}, True),
        ("amount", {"note": "x"}, False),
        (["amount", "note"], {"note": "x"}, True),
        (lambda payment_id, amount, note: amount > 3, {"amount": 6}, False),
        (False, {"amount": 6}, False),
    ],
)
def test_another_payload_is_refused(memory: DynamoDBClient, payload: Any, second: dict[str, Any], differs: bool) -> None:
    runs: list[int] = []

    @idempotent(key="payment_id", payload=payload)
    def pay(payment_id: str, amount: int = 5, note: str = "") -> int:
        runs.append(amount)
        return amount

    pay("p1", amount=5, note="")
    if differs:
        with pytest.raises(IdempotencyKeyReusedError, match="'p1' was used with another payload") as caught:
            pay("p1", **second)
        assert caught.value.key == "p1"
        assert caught.value.function.endswith("pay")
    else:
        call: Any = {"amount": 5, "note": "", **second}
        assert pay("p1", **call) == 5
    assert runs == [5]


class Context:
    """What Lambda passes to a handler."""

    aws_request_id = "r1"

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def test_in_lambda_the_lease_is_the_time_that_is_left_and_the_event_may_differ(memory: DynamoDBClient, clock: Clock) -> None:
    runs: list[Any] = []

    @idempotent(key="event.id")
    def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
        runs.append(event)
        if len(runs) == 1:
            (record,) = stored(memory)
            assert record["lease_until"] == int((clock.now + 7) * 1000)
        return {"statusCode": 200}

    assert handler({"id": "e1", "sent": 1}, Context(7_000)) == handler({"id": "e1", "sent": 2}, Context(7_000))
    assert len(runs) == 1


def test_of_two_calls_at_once_one_runs(memory: DynamoDBClient) -> None:
    runs: list[str] = []

    refused: list[IdempotencyInProgressError] = []

    async def together() -> list[str | None]:
        others_refused = asyncio.Event()

        @idempotent(key="key", name="slow", result=str)
        async def slow(key: str) -> str:
            runs.append(key)
            await others_refused.wait()
            return "done"

        async def call() -> str | None:
            try:
                return await slow("a")
            except IdempotencyInProgressError as error:
                refused.append(error)
                if len(refused) == 4:
                    others_refused.set()
                return None

        return await asyncio.wait_for(asyncio.gather(*(call() for _ in range(5))), 30)

    results = asyncio.run(together())

    assert results.count("done") == 1
    assert len(refused) == 4
    assert refused[0].key == "a"
    assert 59 < refused[0].retry_after <= 60
    assert refused[0].retryable
    assert runs == ["a"]


def test_a_call_can_wait_for_the_one_that_runs(memory: DynamoDBClient) -> None:
    runs: list[str] = []

    @idempotent(key="key", wait=10)
    async def slow(key: str) -> str:
        runs.append(key)
        await asyncio.sleep(0.05)
        return "done"

    @idempotent(key="key", wait=10, name="threads")
    def blocking(key: str) -> str:
        runs.append(key)
        threading.Event().wait(0.05)
        return "done"

    async def both() -> list[Any]:
        return await asyncio.gather(*(slow("a") for _ in range(5)))

    assert asyncio.run(both()) == ["done"] * 5
    results: list[str] = []
    with memory.as_default():
        import contextvars

        threads = [
            threading.Thread(target=contextvars.copy_context().run, args=(lambda: results.append(blocking("b")),))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == ["done"] * 4
    assert runs == ["a", "b"]


def test_waiting_ends_with_the_time_that_it_was_given(memory: DynamoDBClient) -> None:
    begun: list[str] = []

    @idempotent(key="key", wait=0.1)
    async def endless(key: str) -> None:
        begun.append(key)
        await asyncio.sleep(60)

    async def both() -> None:
        first = asyncio.create_task(endless("a"))
        while not begun:
            await asyncio.sleep(0.001)
        with pytest.raises(IdempotencyInProgressError):
            await endless("a")
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        # Cancelled, it has removed its record.
        assert await memory.scan("pydynox").all() == []

    asyncio.run(both())


def test_a_function_that_fails_runs_again(memory: DynamoDBClient) -> None:
    runs: list[str] = []

    @idempotent(key="key")
    def flaky(key: str) -> str:
        runs.append(key)
        if len(runs) == 1:
            raise RuntimeError("once")
        return "done"

    with pytest.raises(RuntimeError, match="once"):
        flaky("a")
    assert stored(memory) == []
    assert flaky("a") == flaky("a") == "done"
    assert len(runs) == 2


def test_if_the_record_of_a_failure_cannot_be_removed_the_error_says_so(memory: DynamoDBClient) -> None:
    @idempotent(key="key")
    def failing(key: str) -> str:
        raise RuntimeError("mine")

    with (
        inject(memory, fault("DeleteItem", "error", code="AccessDeniedException")),
        pytest.raises(RuntimeError, match="mine") as caught,
    ):
        failing("a")
    assert "no call runs before the lease ends" in caught.value.__notes__[0]


def test_after_its_lease_another_call_runs_and_the_late_result_is_not_stored(memory: DynamoDBClient, clock: Clock) -> None:
    runs: list[int] = []

    @idempotent(key="key", lease=5)
    async def slow(key: str) -> int:
        runs.append(len(runs))
        mine = runs[-1]
        if mine == 0:
            clock.advance(5.1)
            assert await slow("a") == 1
        return mine

    with pytest.warns(RuntimeWarning, match="took longer than its lease"):
        assert asyncio.run(slow("a")) == 0
    assert asyncio.run(slow("a")) == 1
    assert runs == [0, 1]


def test_an_abandoned_call_with_another_payload_stays_refused(memory: DynamoDBClient, clock: Clock) -> None:
    @idempotent(key="key", lease=5)
    async def die(key: str, amount: int) -> None:
        await asyncio.sleep(60)

    assert asyncio.run(ended_at(die("a", 1), 1, "killed"))
    clock.advance(10)

    with pytest.raises(IdempotencyKeyReusedError):
        asyncio.run(die("a", 2))


def test_a_result_is_forgotten_after_its_lifetime(memory: DynamoDBClient, clock: Clock) -> None:
    runs: list[str] = []

    @idempotent(key="key", ttl=60)
    def once(key: str, amount: int) -> None:
        runs.append(key)

    once("a", 1)
    clock.advance(59)
    once("a", 1)
    clock.advance(2)
    once("a", 2)

    assert len(runs) == 2


def test_functions_do_not_share_keys_and_methods_work(memory: DynamoDBClient) -> None:
    runs: list[str] = []

    class Service:
        @idempotent(key="key")
        async def one(self, key: str) -> str:
            """The first."""
            runs.append("one")
            return "1"

        @idempotent(key="key")
        async def two(self, key: str) -> str:
            runs.append("two")
            return "2"

    async def main() -> None:
        assert [await Service().one("a"), await Service().two("a"), await Service().one("a")] == ["1", "2", "1"]

    asyncio.run(main())
    assert runs == ["one", "two"]
    assert Service.one.__doc__ == "The first."
    assert asyncio.iscoroutinefunction(Service.one)


class Order(Model[str], table="orders"):
    order_id: Attr[str] = partition_key()
    total: Attr[Decimal] = field()


def test_models_are_payloads_and_their_dumps_are_results(memory: DynamoDBClient) -> None:
    @idempotent(key="order.order_id")
    def place(order: Order) -> dict[str, Any]:
        return order.model_dump(mode="json")

    assert place(Order(order_id="o1", total=Decimal("1.5"))) == {"order_id": "o1", "total": "1.5"}
    assert place(Order(order_id="o1", total=Decimal("1.50")))["order_id"] == "o1"
    with pytest.raises(IdempotencyKeyReusedError):
        place(Order(order_id="o1", total=Decimal(2)))


def test_the_client_is_the_one_that_was_passed_or_is_in_effect() -> None:
    mine, others = DynamoDBClient(endpoint_url="memory://"), DynamoDBClient(endpoint_url="memory://")
    with mine.as_default():
        CoordinationTable().table.sync.create()

    @idempotent(key="key", client=mine)
    def handle(key: str) -> None: ...

    @idempotent(key="key")
    def ambient(key: str) -> None: ...

    handle("a")
    with others.as_default(), pytest.raises(TableNotFoundError):
        ambient("a")


@pytest.mark.parametrize("kind", ["lost", "late_error", "timeout", "truncated", "reset", "unavailable", "throttle"])
@pytest.mark.parametrize("operation", ["PutItem", "DeleteItem", "GetItem"])
@pytest.mark.parametrize("skip", [0, 1])
def test_a_fault_of_any_request_never_makes_a_function_run_at_the_same_time_or_again_after_it_has_ended(
    memory: DynamoDBClient, clock: Clock, kind: Any, operation: str, skip: int
) -> None:
    log: list[str] = []

    @idempotent(key="key", lease=5)
    def work(key: str) -> str:
        log.append("run")
        if log.count("run") == 1 and operation == "DeleteItem":
            raise RuntimeError("failed")
        return "done"

    with inject(memory, fault(operation, kind, skip=skip)):
        for _ in range(6):
            try:
                assert work("a") == "done"
            except IdempotencyInProgressError:
                clock.advance(6)
            except RuntimeError:
                pass
            else:
                log.append("returned")

    # It returned as soon as it had run to its end, and did not run once more afterwards.
    assert log.count("run") == (2 if operation == "DeleteItem" else 1)
    assert log.count("returned") >= 4
    assert log.index("returned") > len(log) - 1 - log[::-1].index("run")


def test_errors_of_idempotency_share_a_base() -> None:
    for error in (IdempotencyInProgressError, IdempotencyKeyReusedError, IdempotencyResultError):
        assert issubclass(error, IdempotencyError)
    assert issubclass(ItemTooLargeError, Exception)


def test_no_warning_is_given_in_ordinary_use(memory: DynamoDBClient) -> None:
    @idempotent(key="key")
    def work(key: str) -> str:
        return "x"

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        work("a")
        work("a")


def test_records_follow_the_clock_of_a_test() -> None:
    runs: list[str] = []

    @idempotent(key="key", ttl=timedelta(days=1))
    def once(key: str) -> None:
        runs.append(key)

    with isolated_dynamodb() as dynamodb:
        CoordinationTable().table.sync.create()
        once("a")
        dynamodb.clock.advance(timedelta(hours=23))
        once("a")
        dynamodb.clock.advance(timedelta(hours=2))
        once("a")

    assert len(runs) == 2
