"""Handlers of streams: order per item, concurrency across items, what Lambda is answered, and what a killed one leaves."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from pydynox import CoordinationTable, DynamoDBClient, LocalKeyring, streams
from pydynox.exceptions import ConfigurationError, ItemNotFoundError, SerializationError, ValidationError

from .models import Order, Patient, failed_batch, kinesis, message, record

RETRY_NOTHING = {"batchItemFailures": []}


def from_number(number: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": f"{number:021d}"}]}


@pytest.fixture(autouse=True)
def client() -> Any:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"k": bytes(32)}))
    with client.as_default():
        Order.table.sync.create()
        Patient.table.sync.create()
        yield client


class Context:
    """What Lambda passes besides an event, as far as it is used."""

    def __init__(self, milliseconds: int) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def order(customer: str, number: int) -> Order:
    return Order(customer=customer, number=number, total=number)


def changes(*customers: str) -> dict[str, Any]:
    """An event with a record for each customer's order 1, numbered from 1."""
    return {"Records": [record(number, order(customer, 1)) for number, customer in enumerate(customers, 1)]}


def recording(function: Callable[[Any], Any], kind: str, **options: Any) -> tuple[streams.StreamHandler[Any], list[str]]:
    """A handler, async or plain, and the numbers of the records that its function was called with."""
    calls: list[str] = []

    def plain(record: streams.Record[Order]) -> None:
        assert record.sequence_number is not None
        calls.append(record.sequence_number.lstrip("0"))
        function(record)

    async def awaited(record: streams.Record[Order]) -> None:
        plain(record)
        await asyncio.sleep(0)

    return streams.handler(Order, **options)(plain if kind == "plain" else awaited), calls


def nothing(_record: Any) -> None:
    """All is well."""


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_handler_is_called_with_each_record_and_answers_lambda(kind: str) -> None:
    handler, calls = recording(nothing, kind)

    assert handler(changes("a", "b", "a"), None) == RETRY_NOTHING
    assert sorted(calls) == ["1", "2", "3"]
    assert handler({"Records": []}) == RETRY_NOTHING


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize("broken", [[3], [7, 3], [1], [10], [5, 4, 3]])
def test_the_lowest_record_that_failed_is_the_one_to_retry_from(
    kind: str, broken: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(record: streams.Record[Order]) -> None:
        if int(record.sequence_number or 0) in broken:
            raise LookupError("no such thing")

    handler, calls = recording(fail, kind)

    with caplog.at_level(logging.ERROR, "pydynox.streams"):
        answer = handler(changes(*"abcdefghij"))

    assert answer == from_number(min(broken))
    assert {str(number) for number in range(1, min(broken) + 1)} <= set(calls)
    assert f"stream record {min(broken):021d} failed" in caplog.text
    assert "no such thing" in caplog.text


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_nothing_of_an_item_is_handled_after_its_failure(kind: str) -> None:
    def fail(record: streams.Record[Order]) -> None:
        if record.sequence_number == f"{2:021d}":
            raise LookupError

    handler, calls = recording(fail, kind, concurrency=1)

    assert handler(changes("a", "b", "b", "a")) == from_number(2)
    assert "3" not in calls


async def test_items_are_handled_concurrently_and_each_in_its_order() -> None:
    running, most = 0, 0
    seen: dict[str, list[int]] = defaultdict(list)

    @streams.handler(Order, concurrency=4)
    async def on_order(record: streams.Record[Order]) -> None:
        nonlocal running, most
        assert record.new is not None
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001 * (record.new.number % 3))
        seen[record.new.customer].append(int(record.sequence_number or 0))
        running -= 1

    customers = [f"c{number % 7}" for number in range(70)]

    assert await on_order.process(changes(*customers)) == RETRY_NOTHING
    assert most == 4
    assert all(numbers == sorted(numbers) for numbers in seen.values())
    assert sum(map(len, seen.values())) == 70


def test_equal_keys_are_one_item_however_they_are_written() -> None:
    event = changes("a", "a")
    event["Records"][1]["dynamodb"]["Keys"]["number"] = {"N": "1.0"}
    running: list[Any] = []

    @streams.handler(Order)
    async def on_order(record: streams.Record[Order]) -> None:
        assert not running
        running.append(record)
        await asyncio.sleep(0)
        running.clear()

    assert on_order(event) == RETRY_NOTHING


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_failure_is_raised_where_lambda_does_not_take_reports(kind: str) -> None:
    def fail(_record: Any) -> None:
        raise LookupError("no such thing")

    handler, _ = recording(fail, kind, report_failures=False)

    with pytest.raises(LookupError, match="no such thing"):
        handler(changes("a"))


POISON = {"customer": {"S": "b"}, "number": {"N": "1"}, "total": {"S": "many"}}


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_poison_record_goes_to_its_callable_or_fails(kind: str) -> None:
    event = changes("a", "b", "c")
    event["Records"][1] = record(2, POISON)
    poison: list[Any] = []

    async def keep(record: Any) -> None:
        poison.append(record)

    strict, seen_by_strict = recording(nothing, kind, concurrency=1)
    lenient, seen_by_lenient = recording(nothing, kind, concurrency=1, on_poison=poison.append)
    awaited, _ = recording(nothing, kind, concurrency=1, on_poison=keep)

    assert strict(event) == from_number(2)
    assert lenient(event) == RETRY_NOTHING
    assert awaited(event) == RETRY_NOTHING
    assert (seen_by_strict, seen_by_lenient) == (["1"], ["1", "3"])
    assert [type(one.error) for one in poison] == [SerializationError] * 2


def test_a_poison_callable_that_raises_keeps_the_record() -> None:
    def refuse(_record: Any) -> None:
        raise ConnectionError

    handler, _ = recording(nothing, "async", on_poison=refuse)

    assert handler({"Records": [record(4, POISON)]}) == from_number(4)


def test_a_record_of_kinesis_is_reported_by_the_number_of_kinesis() -> None:
    def fail(_record: Any) -> None:
        raise LookupError

    handler, _ = recording(fail, "async")

    answer = handler({"Records": [kinesis(5, record(1, order("a", 1)))]})

    assert answer == {"batchItemFailures": [{"itemIdentifier": f"{5:056d}"}]}


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_records_that_the_time_does_not_suffice_for_are_delivered_again(kind: str) -> None:
    calls = []

    def plain(record: streams.Record[Order]) -> None:
        calls.append(record.sequence_number)
        if len(calls) > 1:
            import time

            time.sleep(0.06)

    async def awaited(record: streams.Record[Order]) -> None:
        calls.append(record.sequence_number)
        if len(calls) > 1:
            await asyncio.sleep(30)

    handler = streams.handler(Order, concurrency=1, margin=0.05)(plain if kind == "plain" else awaited)

    answer = handler(changes("a", "b", "c"), Context(100))

    assert answer == from_number(3 if kind == "plain" else 2)
    assert len(calls) == 2


def test_calls_within_a_handler_end_with_the_invocation() -> None:
    errors: list[Any] = []

    @streams.handler(Order, margin=0.05)
    async def on_order(_record: Any) -> None:
        from pydynox import get_default_client
        from pydynox.exceptions import RequestTimeoutError
        from pydynox.testing import fault, inject

        with inject(get_default_client(), fault("GetItem", "throttle", times=None)):
            try:
                await Order.get("c1", 1)
            except RequestTimeoutError as error:
                errors.append(error)

    assert on_order(changes("a"), Context(400)) == RETRY_NOTHING
    assert len(errors) == 1


def test_an_async_handler_keeps_its_loop_and_leaves_no_task() -> None:
    loops: list[Any] = []
    ended: list[str] = []

    async def straggler() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    @streams.handler(Order)
    async def on_order(_record: Any) -> None:
        loops.append(asyncio.get_running_loop())
        loops.append(asyncio.create_task(straggler()))
        await asyncio.sleep(0)

    on_order(changes("a"))
    on_order(changes("a"))

    assert loops[0] is loops[2]
    assert not loops[0].is_closed()
    assert ended == ["cancelled", "cancelled"]


async def test_a_call_inside_a_loop_names_the_coroutine() -> None:
    handler, calls = recording(nothing, "async")

    with pytest.raises(RuntimeError, match="await"):
        handler(changes("a"))
    assert calls == []


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_encrypted_values_are_opened_when_asked(kind: str, client: DynamoDBClient) -> None:
    Patient(patient_id="p", secret="s", visits=1).sync.create()
    first = client.sync.call("GetItem", TableName="patients", Key={"patient_id": {"S": "p"}})["Item"]
    patient = Patient.sync.get_or_raise("p")
    patient.secret, patient.visits = "t", 2
    patient.sync.save()
    second = client.sync.call("GetItem", TableName="patients", Key={"patient_id": {"S": "p"}})["Item"]
    broken = {**second, "secret": {"B": second["secret"]["B"][:-8] + "AAAAAAA="}}
    names = {"table": "patients", "names": ("patient_id",)}
    event = {"Records": [record(1, second, first, **names), record(2, second, {**first, "secret": second["secret"]}, **names)]}
    seen: list[Any] = []
    poison: list[Any] = []

    def plain(record: streams.Record[Patient]) -> None:
        assert record.new is not None
        assert record.old is not None
        seen.append((record.new.secret, record.old.secret, record.changes))

    async def awaited(record: streams.Record[Patient]) -> None:
        plain(record)

    function = plain if kind == "plain" else awaited
    opening = streams.handler(Patient, open_protected=True, on_poison=poison.append)(function)

    assert opening(event) == RETRY_NOTHING
    assert opening({"Records": [record(3, broken, **names)]}) == RETRY_NOTHING
    assert seen == [("t", "s", {"secret": ("s", "t"), "visits": (1, 2)}), ("t", "t", {"visits": (1, 2)})]
    assert "secret" in str(poison[0].error)
    assert streams.handler(Patient)(function)(event) == from_number(1)
    with pytest.raises(ValidationError, match=r"streams\.handler\(Patient, open_protected=True\)"):
        streams.decode(event, Patient)


def test_a_keyring_that_cannot_be_reached_is_no_poison(client: DynamoDBClient) -> None:
    Patient(patient_id="p", secret="s").sync.create()
    item = client.sync.call("GetItem", TableName="patients", Key={"patient_id": {"S": "p"}})["Item"]
    poison: list[Any] = []
    elsewhere = DynamoDBClient(endpoint_url="memory://")
    handler = streams.handler(Patient, open_protected=True, on_poison=poison.append, client=elsewhere)(nothing)

    answer = handler({"Records": [record(1, item, table="patients", names=("patient_id",))]})

    assert answer == from_number(1)
    assert poison == []


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_handler_writes_by_the_client_of_its_models(kind: str) -> None:
    def plain(record: streams.Record[Order]) -> None:
        assert record.new is not None
        record.new.sync.put()

    async def awaited(record: streams.Record[Order]) -> None:
        assert record.new is not None
        await record.new.put()

    handler = streams.handler(Order)(plain if kind == "plain" else awaited)

    assert handler(changes("a", "b")) == RETRY_NOTHING
    assert [one.customer for one in Order.sync.scan()] == ["a", "b"] or Order.scan().sync.count() == 2


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_of_a_queue_the_messages_that_failed_are_delivered_again(kind: str) -> None:
    def function(record: streams.Record[Order]) -> None:
        if record.keys["customer"] == "b":
            raise RuntimeError("down")

    handler, calls = recording(function, kind)
    records = [record(number, order(customer, 1)) for number, customer in enumerate("abcbd", 1)]
    event = {"Records": [*(message(number, one) for number, one in enumerate(records, 1)), message(6, failed_batch())]}

    # The second change of b waits for the first; the others are done, whatever their place.
    failures = [{"itemIdentifier": name} for name in ("m2", "m4", "m6")]
    assert handler(event) == {"batchItemFailures": failures}
    assert sorted(calls) == ["m1", "m2", "m3", "m5"]
    assert handler({"Records": event["Records"][:1]}) == RETRY_NOTHING


@pytest.mark.parametrize("again", ["m1", "m9"])
def test_an_idempotent_handler_knows_a_change_that_a_queue_delivers_twice(again: str) -> None:
    CoordinationTable().table.sync.create()
    handler, calls = recording(nothing, "async", idempotent=True)
    first = message(1, record(1, order("a", 1)))

    for one in (first, {**first, "messageId": again}):
        assert handler({"Records": [one]}) == RETRY_NOTHING
    assert calls == ["m1"]


def test_an_event_of_another_source_reaches_no_function() -> None:
    handler, calls = recording(nothing, "async")
    event = {"Records": [record(1, order("a", 1)), record(2, order("a", 1), table="invoices")]}

    with pytest.raises(ValidationError, match="invoices"):
        handler(event)
    with pytest.raises(ValidationError, match="aws:sqs"):
        handler({"Records": [{"eventSource": "aws:sqs", "body": "", "messageId": "1"}]})
    assert calls == []


def test_options_are_checked_where_the_handler_is_declared() -> None:
    for options in [{"concurrency": 0}, {"concurrency": True}, {"margin": 0}, {"margin": "1"}]:
        with pytest.raises(ConfigurationError):
            streams.handler(Order, **options)(nothing)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="at least one model"):
        streams.handler()
    with pytest.raises(TypeError, match="takes models"):
        streams.handler(nothing)  # type: ignore[arg-type]


async def test_a_cancelled_handler_is_cancelled() -> None:
    started = asyncio.Event()

    @streams.handler(Order)
    async def on_order(_record: Any) -> None:
        started.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(on_order.process(changes("a", "b")))
    await started.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_handler_keeps_the_name_and_words_of_its_function() -> None:
    @streams.handler(Order)
    async def on_order(_record: streams.Record[Order]) -> None:
        """Count orders."""

    assert (on_order.__name__, on_order.__doc__) == ("on_order", "Count orders.")
    assert repr(on_order) == "<streams.handler(Order) on_order>"


def test_an_error_of_pydynox_in_a_function_is_a_failure_like_any() -> None:
    def fail(_record: Any) -> None:
        Order.sync.get_or_raise("nobody", 1)

    handler, _ = recording(fail, "plain", report_failures=False)

    with pytest.raises(ItemNotFoundError):
        handler(changes("a"))
