"""Transactions: all or nothing on every engine, what the instances are afterwards, and what is refused before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydynox import (
    Attr,
    DynamoDBClient,
    Key,
    Model,
    Transaction,
    after_delete,
    after_save,
    before_delete,
    before_save,
    field,
    partition_key,
    sort_key,
    updated_at,
    version,
)
from pydynox.exceptions import (
    ConditionFailedError,
    InvalidRequestError,
    ItemAlreadyExistsError,
    ItemNotFoundError,
    ItemTooLargeError,
    ItemVanishedError,
    SerializationError,
    TransactionCanceledError,
    TransactionTokenReusedError,
    ValidationError,
    VersionConflictError,
    WriteOutcomeUnknownError,
)

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer, error, reset


class Account(Model[str], table="accounts"):
    """A versioned item."""

    account_id: Attr[str] = partition_key()
    balance: Attr[int] = field(default=0)
    updated: Attr[datetime] = updated_at()
    version: Attr[int] = version()


class Order(Model[str, int], table="orders"):
    """An item of two keys without a version."""

    customer_id: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    note: Attr[str] = field(default="")
    tags: Attr[set[str]] = field(default_factory=set)


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest) -> None:
    if "client" in request.fixturenames:
        request.getfixturevalue("client")
        Account.table.sync.create()
        Order.table.sync.create()


Fill = Callable[[Transaction], None]
Commit = Callable[..., Transaction]


@pytest.fixture(params=["awaited", "blocking"])
def commit(request: pytest.FixtureRequest, client: DynamoDBClient) -> Commit:
    return lambda fill, **options: committed(client, request.param, fill, **options)


def committed(client: DynamoDBClient, form: str, fill: Fill, **options: Any) -> Transaction:
    if form == "blocking":
        with client.sync.transaction(**options) as blocking:
            fill(blocking)
        return blocking

    async def run() -> Transaction:
        async with client.transaction(**options) as tx:
            fill(tx)
        return tx

    return asyncio.run(run())


def test_every_verb_does_what_it_does_alone(client: DynamoDBClient, commit: Commit, drive: Drive) -> None:
    saved, put, deleted, keyed = (Account(account_id=name) for name in ("saved", "put", "deleted", "keyed"))
    for account in (saved, put, deleted, keyed):
        drive(account.create())
    drive(Order(customer_id="gone", number=1).create())
    created, order = Account(account_id="created"), Order(customer_id="c", number=1, tags={"x"})
    saved.balance, put.balance = 1, 2

    def fill(tx: Transaction) -> None:
        tx.create(created)
        tx.save(order)
        tx.save(saved, condition=Account.balance == 0)
        tx.put(put)
        tx.delete(deleted)
        tx.delete(Order.key("gone", 1))
        tx.update(Account.key("keyed"), Account.balance.add(5), condition=Account.balance == 0)
        tx.update(Account.key("new"), Account.balance.add(6), upsert=True)
        tx.check(Account.key("absent"), Account.balance.not_exists())

    tx = commit(fill)

    assert tx.token is not None
    assert len(tx.token) == 36
    assert (created.version, saved.version, put.version) == (1, 2, 2)
    for account in (created, saved, put):
        assert drive(Account.get(account.account_id, consistent_read=True)) == account
        assert account.model_changes() == {}
    assert drive(Order.get("c", 1, consistent_read=True)) == order
    assert drive(Account.get("deleted", consistent_read=True)) is None
    assert drive(Order.get("gone", 1, consistent_read=True)) is None
    for name, balance, number in (("keyed", 5, 2), ("new", 6, 1)):
        found: Any = drive(Account.get(name, consistent_read=True))
        assert (found.balance, found.version) == (balance, number)
    drive(deleted.create())  # new again


def test_nothing_is_sent_before_the_end_and_nothing_at_all_if_the_block_raises(
    client: DynamoDBClient, commit: Commit, drive: Drive
) -> None:
    account = Account(account_id="a")

    def fill(tx: Transaction) -> None:
        tx.create(account)
        assert drive is None or asyncio.iscoroutinefunction(Account.get)
        raise LookupError("changed my mind")

    with pytest.raises(LookupError, match="changed my mind"):
        commit(fill)

    assert account.version == 0
    assert drive(Account.get("a", consistent_read=True)) is None


def test_a_block_without_operations_sends_nothing(client: DynamoDBClient, commit: Commit) -> None:
    assert commit(lambda tx: None).token is None


def test_one_failure_fails_all_and_each_says_what_it_was(client: DynamoDBClient, commit: Commit, drive: Drive) -> None:
    taken, stale, gone, order = (
        Account(account_id="taken"),
        Account(account_id="stale"),
        Account(account_id="gone"),
        Order(customer_id="c", number=1),
    )
    for instance in (taken, stale, gone, order):
        drive(instance.create())
    drive(Account.key("stale").apply(Account.balance.add(1)))
    drive(Account.key("gone").delete())
    stale.balance = gone.balance = 9
    order.note = "x"
    fine = Account(account_id="fine")

    def fill(tx: Transaction) -> None:
        tx.create(fine)
        tx.create(Account(account_id="taken"))
        tx.save(stale)
        tx.save(gone)
        tx.save(order, condition=Order.note == "y")
        tx.update(Account.key("none"), Account.balance.add(1))
        tx.check(Account.key("taken2"), Account.balance > 3)
        tx.check(Account.key("taken3"))

    with pytest.raises(TransactionCanceledError) as caught:
        commit(fill)

    failures: Any = caught.value.failures
    assert {position: type(failure) for position, failure in failures.items()} == {
        1: ItemAlreadyExistsError,
        2: VersionConflictError,
        3: ItemVanishedError,
        4: ConditionFailedError,
        5: ItemNotFoundError,
        6: ConditionFailedError,
        7: ItemNotFoundError,
    }
    assert failures[1].item == taken
    assert (failures[2].item.balance, failures[2].key) == (1, Account.key("stale"))
    assert failures[4].item == Order(customer_id="c", number=1)
    assert "the condition note = … was false" in str(failures[4])
    text = str(caught.value)
    assert text.startswith("7 of 8 operations failed, and nothing was written: [1] create Account.key('taken'): an item")
    assert "; [5] update Account.key('none'): the item does not exist, and nothing was written; [6] check " in text
    assert drive(Account.get("fine", consistent_read=True)) is None
    assert (fine.version, stale.version, order.note) == (0, 1, "x")
    assert order.model_changes().keys() == {"note"}
    # What was not written can be written again.
    commit(lambda tx: tx.create(fine))
    assert fine.version == 1


def test_an_unchanged_instance_is_checked_by_its_version_or_left_out(
    client: DynamoDBClient, commit: Commit, drive: Drive
) -> None:
    account, order = Account(account_id="a"), Order(customer_id="c", number=1)
    drive(account.create())
    drive(order.create())

    commit(lambda tx: tx.save(account))
    assert account.version == 1
    assert commit(lambda tx: tx.save(order)).token is None

    drive(Account.key("a").apply(Account.balance.add(1)))
    for fill in (lambda tx: tx.save(account), lambda tx: tx.check(account)):
        with pytest.raises(TransactionCanceledError) as caught:
            commit(fill)
        assert isinstance(caught.value.failures[0], VersionConflictError)
    commit(lambda tx: tx.check(order, Order.note == ""))


def hundred(tx: Transaction) -> None:
    for number in range(101):
        tx.create(Order(customer_id="c", number=number))


def test_a_hundred_operations_are_the_most(client: DynamoDBClient, commit: Commit, drive: Drive) -> None:
    with pytest.raises(ValidationError, match=r"\[100\] create: a transaction can have at most 100 operations"):
        commit(hundred)
    assert drive(Order.get("c", 0, consistent_read=True)) is None


@pytest.mark.deviates(moto="25 reads in one transaction are the most")
def test_a_hundred_are_written_and_read(client: DynamoDBClient, commit: Commit, drive: Drive) -> None:
    orders = [Order(customer_id="c", number=number) for number in range(100)]
    commit(lambda tx: [tx.create(order) for order in orders])
    found: Any = drive(client.transact_get(*(Order.key("c", number) for number in range(100))))
    assert list(found) == orders


REFUSED: dict[str, tuple[Fill, type[Exception], str]] = {
    "one item twice": (
        lambda tx: (tx.create(Account(account_id="a")), tx.update(Account.key("a"), Account.balance.add(1))),  # type: ignore[dict-item]
        ValidationError,
        r"\[1\] update: .*: operation \[0\] of this transaction is on the same item: an item can take part only once",
    ),
    "a value": (
        lambda tx: (tx.create(Account(account_id="a")), tx.create(Account(account_id=""))),  # type: ignore[dict-item]
        ValidationError,
        r"Account\.account_id",
    ),
    "too large": (
        lambda tx: tx.create(Order(customer_id="c", number=1, note="x" * 410_000)),
        ItemTooLargeError,
        r"\[0\] create: ",
    ),
    "too large together": (
        lambda tx: [tx.create(Order(customer_id="c", number=n, note="x" * 360_000)) for n in range(12)],  # type: ignore[dict-item]
        ValidationError,
        r"\[11\] create: .*: a transaction can have at most 4194304 bytes",
    ),
    "an action of another model": (
        lambda tx: tx.update(Account.key("a"), Order.note.set("x")),
        ValidationError,
        r"\[0\] update: .*: the action .* refers to Order, not to Account",
    ),
    "no action": (
        lambda tx: tx.update(Account.key("a")),
        ValidationError,
        r"\[0\] update: .*: an update needs at least one action",
    ),
    "a new instance": (
        lambda tx: tx.check(Account(account_id="a")),
        ValidationError,
        r"\[0\] check: .*: this Account is new: only a stored item can be checked",
    ),
    "an update of an instance": (
        lambda tx: tx.update(Account(account_id="a"), Account.balance.add(1)),  # type: ignore[arg-type]
        TypeError,
        r"tx\.update takes a key, such as Account\.key\(\.\.\.\): edit the Account and tx\.save it instead",
    ),
    "a key to create": (lambda tx: tx.create(Account.key("a")), TypeError, r"tx\.create takes an instance of a model, not Key"),
    "a dict": (lambda tx: tx.delete({"a": 1}), TypeError, r"tx\.delete takes an instance of a model or a key, not dict"),
    "no condition": (
        lambda tx: tx.check(Account.key("a"), True),
        TypeError,
        r"\[0\] check: condition= takes a condition such as",
    ),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("slip", REFUSED)
def test_what_is_wrong_is_told_before_anything_is_sent(client: DynamoDBClient, commit: Commit, drive: Drive, slip: str) -> None:
    fill, kind, match = REFUSED[slip]
    with pytest.raises(kind, match=match):
        commit(fill)
    assert drive(Account.get("a", consistent_read=True)) is None


@pytest.mark.parametrize("token", ["", "x" * 37])
def test_a_token_has_1_to_36_characters(client: DynamoDBClient, token: str) -> None:
    with pytest.raises(ValidationError, match="a token must have 1 to 36 characters"):
        client.transaction(token=token)


def test_a_transaction_is_for_one_block(client: DynamoDBClient, commit: Commit) -> None:
    tx = commit(lambda tx: tx.create(Account(account_id="a")))
    with pytest.raises(RuntimeError, match=r"this transaction has ended: tx\.create\(\) needs a new one"):
        tx.create(Account(account_id="b"))
    with pytest.raises(RuntimeError, match="this transaction has ended: start a new one"):
        asyncio.run(tx.__aenter__())


@pytest.mark.deviates(moto="tokens are ignored: what was applied is applied again")
def test_a_token_applies_once_and_only_the_same(client: DynamoDBClient, commit: Commit, drive: Drive) -> None:
    drive(Account(account_id="a").create())
    add: Fill = lambda tx: tx.update(Account.key("a"), Account.balance.set(Account.balance + 1))  # noqa: E731
    plain: Fill = lambda tx: tx.update(Order.key("c", 1), Order.note.set("x"), upsert=True)  # noqa: E731

    assert commit(plain, token="t-1").token == "t-1"
    commit(plain, token="t-1")
    with pytest.raises(TransactionTokenReusedError):
        commit(add, token="t-1")


class Hooked(Model[str], table="accounts"):
    """Hooks run for instances, at the end of the block."""

    account_id: Attr[str] = partition_key()
    note: Attr[str] = field(default="")

    @before_save
    async def trim(self) -> None:
        self.note = self.note.strip()
        LOG.append(f"before save {self.account_id}")

    @after_save
    def saved(self) -> None:
        LOG.append(f"after save {self.account_id}")

    @before_delete
    def refuse(self) -> None:
        LOG.append(f"before delete {self.account_id}")
        if self.note == "keep":
            raise PermissionError("kept")

    @after_delete
    def deleted(self) -> None:
        LOG.append(f"after delete {self.account_id}")


LOG: list[str] = []


def test_hooks_run_at_the_end_of_the_block(client: DynamoDBClient, commit: Commit, drive: Drive) -> None:
    one, two = Hooked(account_id="1", note=" x "), Hooked(account_id="2")
    drive(two.create())
    LOG.clear()

    commit(lambda tx: (tx.create(one), tx.delete(two)))

    assert LOG == ["before save 1", "before delete 2", "after save 1", "after delete 2"]
    assert drive(Hooked.get("1", consistent_read=True)).note == "x"  # type: ignore[union-attr]
    kept = Hooked(account_id="3", note="keep")
    drive(kept.create())
    with pytest.raises(PermissionError):
        commit(lambda tx: (tx.create(Hooked(account_id="4")), tx.delete(kept)))
    assert drive(Hooked.get("4", consistent_read=True)) is None


def test_transact_get_reads_one_moment_of_several_models(client: DynamoDBClient, drive: Drive) -> None:
    account, order = Account(account_id="a", balance=3), Order(customer_id="c", number=1)
    drive(account.create())
    drive(order.create())
    keys = (Account.key("a"), Order.key("c", 1), Account.key("none"), Account.key("a"))

    found: Any = drive(client.transact_get(*keys))

    assert found == (account, order, None, account)
    found[0].balance += 1
    drive(found[0].save())
    assert found[0].version == 2
    drive(client.put_item("accounts", {"account_id": "bad", "balance": "x"}))
    with pytest.raises(SerializationError, match=r"Account\.balance"):
        drive(client.transact_get(Account.key("bad")))


def test_transact_get_refuses_what_it_cannot_read(client: DynamoDBClient, drive: Drive) -> None:
    wrong: Any = "a"
    with pytest.raises(ValidationError, match="transact_get needs at least one key"):
        drive(client.transact_get())
    with pytest.raises(TypeError, match=r"transact_get takes keys such as .*; \[1\] is str"):
        drive(client.transact_get(Account.key("a"), wrong))
    with pytest.raises(ValidationError, match="transact_get reads at most 100 items, and got 101"):
        drive(client.transact_get(*(Order.key("c", n) for n in range(101))))


def canceled(*codes: str) -> Any:
    return error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


def test_conflicts_are_retried_with_another_token(serve: Serve, drive: Drive) -> None:
    server = serve(canceled("TransactionConflict", "None"), canceled("ThrottlingError", "None"), answer({}))

    async def run() -> None:
        async with client_of(server).transaction() as tx:
            tx.create(Account(account_id="a"))
            tx.create(Account(account_id="b"))

    drive(run())
    tokens = [request.body.rpartition(b'"ClientRequestToken":')[2] for request in server.seen]
    assert len(set(tokens)) == 3


def test_a_lost_answer_is_asked_for_again_with_the_same_token(serve: Serve, drive: Drive) -> None:
    server = serve(reset, canceled("TransactionConflict"), answer({}))
    account = Account(account_id="a")

    async def run() -> None:
        async with client_of(server).transaction() as tx:
            tx.create(account)

    drive(run())
    assert len({request.body for request in server.seen}) == 1
    assert account.version == 1


def test_a_transaction_without_an_answer_says_its_token_and_leaves_the_instances_open(serve: Serve, drive: Drive) -> None:
    server = serve(reset, reset)
    client = client_of(server, max_attempts=2)
    order = Order.model_from_item({"customer_id": {"S": "c"}, "number": {"N": "1"}, "note": {"S": "x"}})
    order.note = "y"
    made: list[Transaction] = []

    async def run() -> None:
        async with client.transaction() as tx:
            made.append(tx)
            tx.save(order)

    with pytest.raises(WriteOutcomeUnknownError) as caught:
        drive(run())
    assert caught.value.ambiguous
    assert [note for note in caught.value.__notes__ if f"its token is {made[0].token!r}" in note]
    assert order.model_changes().keys() == {"note"}


def test_a_conflict_that_stays_is_told(serve: Serve, drive: Drive) -> None:
    server = serve(*[canceled("None", "TransactionConflict")] * 2)
    client = client_of(server, max_attempts=2)

    async def run() -> None:
        async with client.transaction() as tx:
            tx.create(Account(account_id="a"))
            tx.create(Account(account_id="b"))

    with pytest.raises(TransactionCanceledError, match=r"1 of 2 operations failed.*\[1\] create Account") as caught:
        drive(run())
    assert list(caught.value.failures) == [1]
    assert caught.value.retryable


def test_a_request_that_the_service_refuses_is_told(serve: Serve, drive: Drive) -> None:
    server = serve(error("ValidationException", message="no"))

    async def run() -> None:
        async with client_of(server).transaction() as tx:
            tx.create(Account(account_id="a"))

    with pytest.raises(InvalidRequestError):
        drive(run())


Step = tuple[str, str, int]
steps = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["create", "put", "add", "delete", "check"]), st.sampled_from("abcd"), st.integers(0, 9)),
        min_size=1,
        max_size=4,
        unique_by=lambda step: step[1],
    ),
    max_size=6,
)


@pytest.mark.engines("embedded")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=steps)
def test_success_means_all_and_an_error_means_nothing(plan: list[list[Step]]) -> None:
    with DynamoDBClient(endpoint_url="memory://").as_default() as client:
        Order.table.sync.create()
        known: dict[str, int] = {}
        for transaction in plan:
            expected, holds = dict(known), True
            with_tx = client.sync.transaction()
            for verb, name, value in transaction:
                key: Key[Order] = Order.key(name, 0)
                if verb == "create":
                    with_tx.create(Order(customer_id=name, number=0, note=str(value)))
                    holds &= name not in known
                    expected[name] = value
                elif verb == "put":
                    with_tx.put(Order(customer_id=name, number=0, note=str(value)))
                    expected[name] = value
                elif verb == "add":
                    with_tx.update(key, Order.note.set(str(value)))
                    holds &= name in known
                    expected[name] = value
                elif verb == "delete":
                    with_tx.delete(key)
                    expected.pop(name, None)
                else:
                    with_tx.check(key, Order.note == str(value))
                    holds &= known.get(name) == value
            try:
                with with_tx:
                    pass
                assert holds
                known = expected
            except TransactionCanceledError:
                assert not holds
            found = {order.customer_id: int(order.note) for name in "abcd" if (order := Order.sync.get(name, 0)) is not None}
            assert found == known
