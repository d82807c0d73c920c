"""Transactions that apply once: by a key of their own, or with the call of an idempotent function that is killed anywhere."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydynox import Attr, CoordinationTable, DynamoDBClient, Model, field, idempotent, partition_key
from pydynox.exceptions import (
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    ItemTooLargeError,
    PydynoxError,
    TransactionCanceledError,
    ValidationError,
)
from pydynox.testing import fault, inject

from tests.conftest import Drive

from .killing import HOWS, Clock, ended_at


class Account(Model[str], table="accounts"):
    account_id: Attr[str] = partition_key()
    balance: Attr[int] = field(default=0)


ADA = Account.key("ada")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def bank(request: pytest.FixtureRequest) -> Iterator[DynamoDBClient]:
    """A client whose requests take a millisecond each, so that every call suspends."""
    client = DynamoDBClient(endpoint_url="memory://?latency=1")
    with client.as_default():
        Account.table.sync.create()
        CoordinationTable().table.sync.create()
        Account(account_id="ada").sync.create()
        yield client


def balance() -> int:
    return Account.sync.get_or_raise("ada").balance


def test_a_transaction_with_a_key_applies_once(bank: DynamoDBClient, drive: Drive) -> None:
    async def pay(amount: int = 5) -> tuple[bool, Any]:
        async with bank.transaction() as tx:
            mark = tx.idempotent("p1", payload={"amount": amount}, result={"paid": amount})
            tx.update(ADA, Account.balance.add(amount))
        return mark.repeated, mark.result

    assert drive(pay()) == (False, None)
    assert drive(pay()) == (True, {"paid": 5})
    with pytest.raises(IdempotencyKeyReusedError, match="'p1' was used with another payload"):
        drive(pay(6))
    assert balance() == 5


def test_a_blocking_transaction_with_a_key_applies_once(bank: DynamoDBClient) -> None:
    for repeated in (False, True):
        with bank.sync.transaction() as tx:
            mark = tx.idempotent(17)
            tx.update(ADA, Account.balance.add(5))
        assert mark.repeated is repeated
    assert balance() == 5


def test_a_key_that_was_used_explains_the_other_failures_of_its_transaction(bank: DynamoDBClient) -> None:
    new = [Account(account_id="bob"), Account(account_id="bob")]
    repeated = []
    for account in new:
        with bank.sync.transaction() as tx:
            tx.create(account)
            mark = tx.idempotent("create-bob")
        repeated.append(mark.repeated)

    assert repeated == [False, True]
    tx = bank.sync.transaction()
    tx.idempotent("another")
    tx.create(Account(account_id="bob"))
    with pytest.raises(TransactionCanceledError) as caught, tx:
        pass
    assert list(caught.value.failures) == [1]
    assert [item["pk"] for item in bank.sync.scan("pydynox").all()] == ["IDEMPOTENCY#transaction#create-bob"]


def test_a_key_may_be_used_again_after_its_lifetime(bank: DynamoDBClient, clock: Clock) -> None:
    def pay() -> bool:
        with bank.sync.transaction() as tx:
            mark = tx.idempotent("p1", ttl=60)
            tx.update(ADA, Account.balance.add(5))
        return mark.repeated

    assert pay() is False
    clock.advance(59)
    assert pay() is True
    clock.advance(2)
    assert pay() is False


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda tx: tx.idempotent(), "none runs here: pass a key"),
        (lambda tx: tx.idempotent(""), "the key is empty"),
        (lambda tx: tx.idempotent(object()), "no stable form"),
        (lambda tx: tx.idempotent("a", payload=object()), "no stable form"),
        (lambda tx: tx.idempotent("a", ttl=0), "ttl= must be a positive number"),
        (lambda tx: tx.idempotent("a", result={1, 2}), "set"),
    ],
)
def test_a_wrong_mark_is_refused_before_anything_is_sent(bank: DynamoDBClient, call: Callable[[Any], Any], message: str) -> None:
    with bank.collect() as usage, pytest.raises(ValidationError, match=message), bank.sync.transaction() as tx:
        call(tx)
    assert usage.requests == 0


def test_a_result_that_is_too_large_stops_the_transaction(bank: DynamoDBClient) -> None:
    import os

    tx = bank.sync.transaction()
    tx.idempotent("a", result=os.urandom(600_000).hex())
    tx.update(ADA, Account.balance.add(5))
    with pytest.raises(ItemTooLargeError), tx:
        pass
    assert balance() == 0


def deposit_of(bank: DynamoDBClient, how: str, log: list[str]) -> Callable[[str], Any]:
    """A deposit whose effect is in a transaction: with the record, or without, with the result in it, or without."""

    @idempotent(key="payment_id", lease=5, name="deposit")
    async def deposit(payment_id: str) -> dict[str, int]:
        log.append("run")
        async with bank.transaction() as tx:
            if how == "apart":
                pass
            elif how == "with the result":
                tx.idempotent(result={"deposited": 5})
            else:
                tx.idempotent()
            tx.update(ADA, Account.balance.add(5))
        return {"deposited": 5}

    return deposit


@pytest.mark.parametrize("end", HOWS)
@pytest.mark.parametrize("how", ["with the result", "together", "apart"])
def test_killed_at_any_await_and_delivered_again_the_effect_happens_once(
    bank: DynamoDBClient, clock: Clock, how: str, end: str
) -> None:
    async def deliver(payment_id: str, at: int | None) -> Any:
        deposit = deposit_of(bank, how, [])
        if at is not None and not await ended_at(deposit(payment_id), at, end):
            return "survived"
        for _ in range(3):
            try:
                return await deposit(payment_id)
            except IdempotencyInProgressError:
                clock.advance(6)
        raise AssertionError("never delivered")

    effects = []
    for at in itertools.count():
        before = balance()
        result = asyncio.run(deliver(f"p{at}", at))
        if result == "survived":
            break
        # Killed between its commit and its end, it has left no result, unless the transaction stored it.
        assert result in ({"deposited": 5}, None if how == "together" else {"deposited": 5})
        effects.append((balance() - before) // 5)

    assert at >= (2 if how == "with the result" else 3)
    if how == "apart":
        assert set(effects) <= {1, 2}  # at least once
        assert end != "killed late" or 2 in effects  # killed after its transaction, it did it again
    else:
        assert set(effects) == {1}


@pytest.mark.parametrize("kind", ["lost", "late_error", "timeout", "truncated", "reset", "unavailable"])
@pytest.mark.parametrize("how", ["with the result", "together"])
def test_with_a_fault_of_any_request_and_delivered_again_the_effect_happens_once(
    bank: DynamoDBClient, clock: Clock, kind: Any, how: str
) -> None:
    for number in range(5):
        before, log = balance(), list[str]()
        deposit = deposit_of(bank, how, log)
        # Three faults in a row outlast the retries of a write, or make it ambiguous.
        with inject(bank, fault(None, kind, skip=number, times=3)):
            for _ in range(8):
                try:
                    result = asyncio.run(deposit(f"p{number}"))
                except IdempotencyInProgressError:
                    clock.advance(6)
                except PydynoxError:
                    pass
                else:
                    break
            else:
                raise AssertionError(f"never delivered: {log}")
        assert result in ({"deposited": 5}, None)
        assert balance() - before == 5, (number, log)


def test_a_call_whose_lease_has_ended_does_not_commit(bank: DynamoDBClient, clock: Clock) -> None:
    runs: list[int] = []

    @idempotent(key="payment_id", lease=5)
    async def deposit(payment_id: str) -> int:
        runs.append(1)
        mine = len(runs)
        if mine == 1:
            clock.advance(6)
            assert await deposit(payment_id) == 2
        async with bank.transaction() as tx:
            tx.idempotent(result=mine)
            tx.update(ADA, Account.balance.add(5))
        return mine

    with pytest.raises(IdempotencyInProgressError, match="its transaction was not applied"):
        asyncio.run(deposit("p1"))
    assert asyncio.run(deposit("p1")) == 2
    assert balance() == 5


def test_a_function_that_fails_after_its_commit_does_not_run_again(bank: DynamoDBClient) -> None:
    @idempotent(key="payment_id")
    def deposit(payment_id: str) -> int:
        with bank.sync.transaction() as tx:
            tx.idempotent(result=1)
            tx.update(ADA, Account.balance.add(5))
        raise RuntimeError("after")

    with pytest.raises(RuntimeError, match="after"):
        deposit("p1")
    assert deposit("p1") == 1
    assert balance() == 5


def test_two_at_once_commit_once(bank: DynamoDBClient) -> None:
    async def pay() -> bool:
        async with bank.transaction() as tx:
            mark = tx.idempotent("p1")
            tx.update(ADA, Account.balance.add(5))
        return mark.repeated

    async def together() -> list[bool]:
        return await asyncio.gather(*(pay() for _ in range(8)))

    assert sorted(asyncio.run(together())) == [False] + [True] * 7
    assert balance() == 5


@pytest.mark.parametrize("table", [CoordinationTable("app", partition_key="PK", sort_key="SK", ttl="t"), "plain"], ids=str)
def test_a_mark_lives_where_it_is_told_to(bank: DynamoDBClient, table: Any) -> None:
    place = table if isinstance(table, CoordinationTable) else CoordinationTable(table)
    place.table.sync.create()

    for repeated in (False, True):
        with bank.sync.transaction() as tx:
            mark = tx.idempotent("k", table=table)
            tx.update(ADA, Account.balance.add(1))
        assert mark.repeated is repeated
        assert repr(mark).endswith("repeated>") is repeated
    assert len(bank.sync.scan(place.name).all()) == 1


def test_a_mark_works_over_http(client: DynamoDBClient) -> None:
    Account.table.sync.create()
    CoordinationTable().table.sync.create()
    Account(account_id="ada").sync.create()

    @idempotent(key="payment_id")
    async def deposit(payment_id: str) -> dict[str, int]:
        async with client.transaction() as tx:
            tx.idempotent(result={"deposited": 5})
            tx.update(ADA, Account.balance.add(5))
        return {"deposited": 5}

    async def main() -> list[Any]:
        return [await deposit("p1"), await deposit("p1")]

    assert asyncio.run(main()) == [{"deposited": 5}] * 2
    assert balance() == 5
