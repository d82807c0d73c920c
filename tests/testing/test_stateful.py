"""Random verbs under faults, on broken connections and cut short, against a plain model of the tables.

Every write is applied exactly as the call reports, with the version, times and write id that it should have.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pydynox
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from pydynox import Attr, DynamoDBClient, Model, ModelConfig, created_at, field, partition_key, ttl, updated_at, version
from pydynox.exceptions import (
    BatchIncompleteError,
    ConditionFailedError,
    ItemAlreadyExistsError,
    ItemVanishedError,
    PydynoxError,
    UniqueConstraintError,
    VersionConflictError,
    WriteOutcomeUnknownError,
)
from pydynox.testing import Clock, Fault, WireFault, fault, inject, isolated_dynamodb, proxy, wire_fault
from pydynox.testing._wire import Connection, Seen, WireServer, passed_on

from tests.engines import CREDENTIALS

pytestmark = pytest.mark.thorough

#: A longer run, with other examples each time; CONTRIBUTING.md says how.
EXAMPLES = int(os.environ.get("PYDYNOX_STATEFUL_EXAMPLES", "0"))


class Account(Model[str], table="accounts"):
    """Locked by its version, with a unique value."""

    account_id: Attr[str] = partition_key()
    balance: Attr[int] = field(default=0)
    owner: Attr[str | None] = field(default=None, unique=True)
    version: Attr[int] = version()
    created: Attr[datetime] = created_at()
    updated: Attr[datetime] = updated_at()


class Ticket(Model[str], table="tickets"):
    """Locked by its version, and each write of it can be told from all others."""

    model_config = ModelConfig(write_id=True)

    ticket_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")
    version: Attr[int] = version()


class Note(Model[str], table="notes"):
    """Without a version; it may expire."""

    note_id: Attr[str] = partition_key()
    created: Attr[datetime] = created_at()
    updated: Attr[datetime] = updated_at()
    text: Attr[str] = field(default="")
    hits: Attr[int] = field(default=0)
    tags: Attr[set[str]] = field(default_factory=set)
    expires: Attr[datetime | None] = ttl(default=None, hide_expired=True)


class State(NamedTuple):
    """What the tables hold, as plain values by key."""

    accounts: dict[str, dict[str, Any]]
    notes: dict[str, dict[str, Any]]
    tickets: dict[str, dict[str, Any]]

    def account(self, key: str, **values: Any) -> State:
        """With an account changed or added."""
        return self._replace(accounts={**self.accounts, key: {**self.accounts.get(key, NO_ACCOUNT), **values}})

    def note(self, key: str, **values: Any) -> State:
        """With a note changed or added."""
        return self._replace(notes={**self.notes, key: {**self.notes.get(key, NO_NOTE), **values}})

    def ticket(self, key: str, **values: Any) -> State:
        """With a ticket changed or added."""
        return self._replace(tickets={**self.tickets, key: {**self.tickets.get(key, {}), **values}})

    def without_account(self, key: str) -> State:
        return self._replace(accounts={one: values for one, values in self.accounts.items() if one != key})

    def without_note(self, key: str) -> State:
        return self._replace(notes={one: values for one, values in self.notes.items() if one != key})

    def without_ticket(self, key: str) -> State:
        return self._replace(tickets={one: values for one, values in self.tickets.items() if one != key})


NO_ACCOUNT: dict[str, Any] = {"balance": 0, "owner": None, "version": 0}
NO_NOTE: dict[str, Any] = {"text": "", "hits": 0, "tags": frozenset()}


class Now:
    """Equals the times of the present write: from its beginning to its end."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        self._begun = self._clock.now()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, datetime) and self._begun <= other <= self._clock.now()

    def __repr__(self) -> str:
        return f"now, {self._begun}"


class NewId:
    """Equals every write id that was not seen before the present write."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch("[0-9a-f]{32}", other) is not None and other not in self.seen

    def __repr__(self) -> str:
        return "a new write id"


class Expected(NamedTuple):
    """What a write does where nothing goes wrong: the new state, or the error that refuses it."""

    state: State | None
    refusal: type[PydynoxError] = PydynoxError
    advances: str | None = None
    """The account whose version may advance more than once: a write by key that is sent again."""


KEYS = st.sampled_from("abc")
OWNERS = st.sampled_from([None, "ada", "bob"])
AMOUNTS = st.integers(1, 9)
BEFORE = ("throttle", "internal_error", "unavailable", "reset", "unreachable", "stall")
AFTER = ("lost", "timeout", "truncated", "corrupt", "late_error")
FAULTS = st.lists(
    st.one_of(
        st.builds(
            lambda kind, skip, times: fault(None, kind, skip=skip, times=times),
            st.sampled_from(BEFORE + AFTER),
            st.integers(0, 1),
            st.integers(1, 3),
        ),
        st.builds(lambda kind: fault("BatchWriteItem", kind), st.sampled_from(["unprocessed", "half_unprocessed"])),
    ),
    max_size=2,
)
ATTEMPTS = 3


#: What a socket alone can show, without what lasts until a timeout.
BROKEN = ("stale", "half_closed", "truncated", "wrong_crc32", "connection_close", "chunked", "gzip")


class Cut(NamedTuple):
    """At which of its requests a call is cancelled, and what becomes of that request: DynamoDB is not stopped by that."""

    at: int
    fate: str


class How(NamedTuple):
    """How a call is driven, and what happens to its requests."""

    faults: list[Fault] = []
    awaited: bool = True
    wire: list[WireFault] | None = None
    cut: Cut | None = None
    passes: bool = True
    """Whether time passes before it."""

    @property
    def is_plain(self) -> bool:
        """Whether nothing happens to its requests."""
        return not self.faults and not self.wire and self.cut is None

    def uncut(self) -> How:
        """The same without a cancellation."""
        return self._replace(cut=None)


WIRE = st.lists(
    st.builds(
        lambda kind, skip, times: wire_fault(None, kind, skip=skip, times=times),
        st.sampled_from(BROKEN), st.integers(0, 1), st.integers(1, 3),
    ),
    min_size=1, max_size=2,
)  # fmt: skip
CUT = st.builds(Cut, st.integers(1, 2), st.sampled_from(["lost", "applied", "applied later"]))


def how(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[How]:
    return st.fixed_dictionaries({**parts, "passes": st.booleans()}).map(lambda drawn: How(**drawn))


HOW = st.sampled_from(
    [how(faults=FAULTS, awaited=st.booleans())] * 6 + [how(wire=WIRE, awaited=st.booleans()), how(cut=CUT)]
).flatmap(lambda one: one)


class Cutting(WireServer):
    """In front of the tables: cancels the call when a certain request of it arrives."""

    def __init__(self, behind: str, cut: Cut) -> None:
        self._behind, self._cut = behind, cut
        self.cancel: Callable[[], object] = lambda: None
        super().__init__()

    def respond(self, connection: Connection, seen: Seen) -> None:
        if seen.number != self._cut.at:
            answer = passed_on(self._behind, seen)
            connection.send(answer.head() + answer.body)
            return
        if self._cut.fate == "applied":
            passed_on(self._behind, seen)
        self.cancel()
        with suppress(OSError):
            connection.wait_for_end()
        if self._cut.fate == "applied later":
            passed_on(self._behind, seen)


class Cancelled(Exception):
    """What a cancelled call reports: nothing."""

    applied = None
    ambiguous = True


class Machine(RuleBasedStateMachine):
    """Drives pydynox and the model of the tables side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.reader = self.stack.enter_context(isolated_dynamodb())
        self.reader.clock.advance(0)  # from here on it stands still, and nothing waits for the pauses between attempts
        self.client = DynamoDBClient(max_attempts=ATTEMPTS, timeout=20)
        self.stack.enter_context(self.client.as_default())
        self.state = State({}, {}, {})
        self.now, self.new_id = Now(self.reader.clock), NewId()
        self.expired: set[str] = set()
        self.accounts: list[Account] = []
        self.notes: list[Note] = []
        self.tickets: list[Ticket] = []
        self.dirty: dict[int, bool] = {}
        self.added: dict[int, set[str]] = {}
        self.texts = 0
        self.held: list[object] = []  # so that no identity is used again

    @initialize()
    def create_tables(self) -> None:
        Account.table.sync.create()
        Note.table.sync.create()
        Ticket.table.sync.create()

    def teardown(self) -> None:
        self.stack.close()

    def observed(self) -> State:
        """What the engine has, past the faults."""
        accounts: dict[str, dict[str, Any]] = {}
        self.guards: dict[str, str] = {}
        for item in self.items("accounts"):
            if "_pydynox_unique" in item:
                self.guards[item["account_id"]["S"]] = repr(item)
                continue
            accounts[item["account_id"]["S"]] = {
                "balance": int(item["balance"]["N"]),
                "owner": item.get("owner", {}).get("S"),
                "version": int(item["version"]["N"]),
                **times(item),
            }
        notes = {
            item["note_id"]["S"]: {
                "text": item["text"]["S"],
                "hits": int(item["hits"]["N"]),
                "tags": frozenset(item.get("tags", {}).get("SS", [])),
                **times(item),
            }
            for item in self.items("notes")
            if "expires" not in item
        }
        tickets = {
            item["ticket_id"]["S"]: {
                "text": item["text"]["S"],
                "version": int(item["version"]["N"]),
                "write_id": item["_write_id"]["S"],
            }
            for item in self.items("tickets")
        }
        return State(accounts, notes, tickets)

    def items(self, table: str) -> list[dict[str, Any]]:
        """All items in their wire form."""
        items: list[dict[str, Any]] = self.reader.sync.call("Scan", TableName=table)["Items"]
        return items

    def begin(self, how: How) -> State:
        """Before a write: the state, and what is new from here on."""
        if how.passes:
            self.reader.clock.advance(1)
        self.now.begin()
        self.new_id.seen.update(ticket["write_id"] for ticket in self.state.tickets.values())
        return self.state

    def drive(self, make: Callable[[], Coroutine[Any, Any, Any]], how: How) -> PydynoxError | Cancelled | None:
        """Run a call as this says; its error, if it has one."""
        try:
            if how.wire is not None:
                self.over_the_wire(make, how)
            elif how.cut is not None:
                self.cut_short(make, how.cut)
            else:
                with inject(self.client, *how.faults) if how.faults else nullcontext():
                    (asyncio.run if how.awaited else pydynox.run)(make())
        except (PydynoxError, Cancelled) as error:
            return error
        return None

    def over_the_wire(self, make: Callable[[], Coroutine[Any, Any, Any]], how: How) -> None:
        """Run a call over a connection that has served before, with faults of the wire."""
        plan = [one._replace(skip=one.skip + 1) for one in how.wire or ()]
        with proxy(self.reader.endpoint_url, plan) as faulty:
            client = faulty.client(max_attempts=ATTEMPTS, timeout=20)
            with self.through(client):
                client.sync.list_tables()
                (asyncio.run if how.awaited else pydynox.run)(make())

    def cut_short(self, make: Callable[[], Coroutine[Any, Any, Any]], cut: Cut) -> None:
        """Run a call that is cancelled when one of its requests arrives; afterwards nothing of it is on its way."""
        with Cutting(self.reader.endpoint_url, cut) as server:
            client = DynamoDBClient(
                endpoint_url=server.url, region="us-east-1", credentials=CREDENTIALS, max_attempts=ATTEMPTS, timeout=20
            )

            async def run() -> None:
                call = asyncio.ensure_future(make())
                loop = asyncio.get_running_loop()
                server.cancel = lambda: loop.call_soon_threadsafe(call.cancel)
                try:
                    await call
                except asyncio.CancelledError:
                    raise Cancelled from None

            with self.through(client):
                asyncio.run(run())

    @contextmanager
    def through(self, client: DynamoDBClient) -> Iterator[None]:
        """Send requests by this client."""
        usual, self.client = self.client, client
        try:
            with client.as_default():
                yield
        finally:
            self.client = usual
            client.sync.close()

    def write(
        self,
        make: Callable[[], Coroutine[Any, Any, Any]],
        expected: Expected,
        how: How,
    ) -> PydynoxError | Cancelled | None:
        """Run a write, and compare what it reports with what the engine has."""
        before = self.begin(how)
        error = self.drive(make, how)
        after = self.state = self.observed()
        if error is None or error.applied:
            assert expected.state is not None, f"succeeded, where {expected.refusal.__name__} was expected"
            assert self.same(after, expected, once=how.is_plain)
        elif in_doubt(error):
            assert after == before or (expected.state is not None and self.same(after, expected, once=False)), error
        else:
            assert after == before, error
        if how.is_plain:
            assert isinstance(error, expected.refusal if expected.state is None else type(None)), error
        return error

    @staticmethod
    def same(after: State, expected: Expected, *, once: bool) -> bool:
        if expected.state is None or expected.advances is None or once:
            return after == expected.state
        version = after.accounts.get(expected.advances, NO_ACCOUNT)["version"]
        least = expected.state.accounts[expected.advances]["version"]
        return least <= version < least + ATTEMPTS and after == expected.state.account(expected.advances, version=version)

    def owned(self, owner: str | None, by: str) -> bool:
        """Whether another account has this unique value."""
        return owner is not None and any(one["owner"] == owner for key, one in self.state.accounts.items() if key != by)

    @property
    def new(self) -> dict[str, Any]:
        """The times of a note that is new."""
        return {"created": self.now, "updated": self.now}

    def text(self) -> str:
        self.texts += 1
        return f"text {self.texts}"

    # Accounts: versions and unique values

    @rule(key=KEYS, balance=AMOUNTS, owner=OWNERS, how=HOW)
    def create_account(self, key: str, balance: int, owner: str | None, how: How) -> None:
        account = Account(account_id=key, balance=balance, owner=owner)
        if key in self.state.accounts:
            expected = Expected(None, ConditionFailedError)
        elif self.owned(owner, key):
            expected = Expected(None, UniqueConstraintError)
        else:
            new = {"balance": balance, "owner": owner, "version": 1, "created": self.now, "updated": self.now}
            expected = Expected(self.state.account(key, **new))
        error = self.write(account.create, expected, how)
        if error is None:
            self.hold(account)

    def hold(self, account: Account) -> None:
        assert account.version == self.state.accounts[account.account_id]["version"]
        self.accounts = [*self.accounts[-3:], account]
        self.held.append(account)
        self.dirty[id(account)] = False

    @rule(key=KEYS)
    def load_account(self, key: str) -> None:
        account = Account.sync.get(key)
        found = self.state.accounts.get(key)
        assert (None if account is None else plain_account(account)) == found
        if account is not None:
            assert account.model_changes() == {}
            self.hold(account)

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), balance=AMOUNTS, owner=OWNERS, how=HOW, with_owner=st.booleans())
    def save_account(self, data: Any, balance: int, owner: str | None, how: How, with_owner: bool) -> None:
        account: Account = data.draw(st.sampled_from(self.accounts))
        account.balance = account.balance + balance
        if with_owner:
            account.owner = owner
        error = self.write(account.save, self.expected_of_save(account), how)
        self.settle(account, error)

    def expected_of_save(self, account: Account) -> Expected:
        key = account.account_id
        stored = self.state.accounts.get(key)
        if stored is None:
            return Expected(None, ConditionFailedError)
        if stored["version"] != account.version:
            return Expected(None, ConditionFailedError)
        if self.owned(account.owner, key):
            return Expected(None, UniqueConstraintError)
        new = {"balance": account.balance, "owner": account.owner, "version": account.version + 1, "updated": self.now}
        return Expected(self.state.account(key, **new))

    def settle(self, account: Account, error: PydynoxError | None) -> None:
        """After a write of an instance: it equals the item, or is let go where somebody else changed that."""
        if error is None:
            assert plain_account(account) == self.state.accounts[account.account_id]
            assert account.model_changes() == {}
            self.dirty[id(account)] = False
            return
        self.dirty[id(account)] = True
        if isinstance(error, (VersionConflictError, ItemVanishedError)):
            self.accounts = [one for one in self.accounts if one is not account]

    @precondition(lambda self: any(not self.dirty[id(one)] for one in self.accounts))
    @rule(data=st.data(), amount=AMOUNTS, how=HOW)
    def update_account(self, data: Any, amount: int, how: How) -> None:
        account: Account = data.draw(st.sampled_from([one for one in self.accounts if not self.dirty[id(one)]]))
        key, stored = account.account_id, self.state.accounts.get(account.account_id)
        if stored is None or stored["version"] != account.version:
            expected = Expected(None, ConditionFailedError)
        else:
            new = {"balance": stored["balance"] + amount, "version": account.version + 1, "updated": self.now}
            expected = Expected(self.state.account(key, **new))
        before = plain_account(account)
        error = self.write(lambda: account.update(Account.balance.add(amount)), expected, how)
        if error is None:
            assert plain_account(account) == self.state.accounts[key]
        else:
            assert plain_account(account) == before
            self.accounts = [one for one in self.accounts if one is not account]

    @rule(key=KEYS, amount=AMOUNTS, how=HOW, at_least=st.integers(0, 30), sets=st.booleans())
    def change_account_by_key(self, key: str, amount: int, how: How, at_least: int, sets: bool) -> None:
        stored = self.state.accounts.get(key)
        action = Account.balance.set(amount) if sets else Account.balance.add(amount)
        condition = None if at_least == 0 else Account.balance >= at_least
        if stored is None or (condition is not None and stored["balance"] < at_least):
            expected = Expected(None, PydynoxError)
        else:
            balance = amount if sets else stored["balance"] + amount
            new = {"balance": balance, "version": stored["version"] + 1, "updated": self.now}
            expected = Expected(self.state.account(key, **new), advances=key)
        self.write(lambda: Account.key(key).apply(action, condition=condition), expected, how)

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), how=HOW)
    def delete_account(self, data: Any, how: How) -> None:
        account: Account = data.draw(st.sampled_from(self.accounts))
        stored = self.state.accounts.get(account.account_id)
        if stored is None or stored["version"] != account.version:
            expected = Expected(None, PydynoxError)
        else:
            expected = Expected(self.state.without_account(account.account_id))
        self.write(account.delete, expected, how)
        self.accounts = [one for one in self.accounts if one is not account]

    # Transactions

    @rule(source=KEYS, other=KEYS, amount=AMOUNTS, log=KEYS, how=HOW)
    def transfer(self, source: str, other: str, amount: int, log: str, how: How) -> None:
        text = self.text()

        async def run() -> None:
            async with self.client.transaction() as tx:
                tx.update(Account.key(source), Account.balance.add(-amount), condition=Account.balance >= amount)
                if other != source:
                    tx.update(Account.key(other), Account.balance.add(amount))
                tx.put(Note(note_id=log, text=text))

        one, two = self.state.accounts.get(source), self.state.accounts.get(other)
        if one is None or two is None or one["balance"] < amount:
            expected = Expected(None, PydynoxError)
        else:
            state = self.state.account(source, balance=one["balance"] - amount, version=one["version"] + 1, updated=self.now)
            if other != source:
                state = state.account(other, balance=two["balance"] + amount, version=two["version"] + 1, updated=self.now)
            expected = Expected(state.without_note(log).note(log, text=text, **self.new))
        error = self.write(run, expected, how)
        if error is None:
            self.expired.discard(log)

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), amount=AMOUNTS, owner=OWNERS, log=KEYS, how=HOW)
    def save_in_transaction(self, data: Any, amount: int, owner: str | None, log: str, how: How) -> None:
        account: Account = data.draw(st.sampled_from(self.accounts))
        account.balance = account.balance + amount
        account.owner = owner
        text = self.text()

        async def run() -> None:
            async with self.client.transaction() as tx:
                tx.save(account)
                tx.create(Note(note_id=log, text=text))

        expected = self.expected_of_save(account)
        if expected.state is None or log in self.state.notes:
            expected = Expected(None, PydynoxError)
        else:
            expected = Expected(expected.state.without_note(log).note(log, text=text, **self.new))
        error = self.write(run, expected, how)
        if error is None:
            self.expired.discard(log)
            self.settle(account, None)
        else:
            self.dirty[id(account)] = True

    # Notes: writes without a guard, batches, expiry

    @rule(key=KEYS, hits=AMOUNTS, how=HOW, creates=st.booleans())
    def put_note(self, key: str, hits: int, how: How, creates: bool) -> None:
        note = Note(note_id=key, text=self.text(), hits=hits)
        if creates and key in self.state.notes:
            expected = Expected(None, ItemAlreadyExistsError)
        else:
            expected = Expected(self.state.without_note(key).note(key, **plain_note(note) | self.new))
        error = self.write(note.create if creates else note.put, expected, how)
        if key in self.state.notes:
            self.expired.discard(key)
        if error is None:
            self.notes = [*self.notes[-3:], note]
            self.held.append(note)

    @rule(key=KEYS, how=HOW)
    def put_an_expired_note(self, key: str, how: How) -> None:
        note = Note(note_id=key, text=self.text(), expires=datetime(2020, 1, 1, tzinfo=UTC))
        error = self.write(note.put, Expected(self.state.without_note(key)), how)
        if error is None or key not in self.state.notes:
            self.expired.add(key)

    @rule(key=KEYS, how=HOW)
    def get_note(self, key: str, how: How) -> None:
        """A read is right or an error, whatever happens to its answers."""
        read: list[Note | None] = []

        async def run() -> None:
            read.append(await Note.get(key, consistent_read=True))

        if self.drive(run, how) is not None:
            assert not how.is_plain
            return
        note, stored = read[0], self.state.notes.get(key)
        assert (None if note is None else plain_note(note)) == stored
        if note is not None:
            self.notes = [*self.notes[-3:], note]
            self.held.append(note)

    @rule(how=HOW)
    def read_all(self, how: How) -> None:
        read: list[dict[str, Any]] = []

        async def run() -> None:
            read.append({note.note_id: plain_note(note) for note in await Note.scan().all()})
            found = await self.client.batch_get_all([Note.key(key) for key in "abc"])
            read.append({note.note_id: plain_note(note) for note in found if note is not None})

        if self.drive(run, how) is None:
            assert read == [self.state.notes, self.state.notes]
        else:
            assert not how.is_plain

    @precondition(lambda self: self.notes)
    @rule(data=st.data(), tag=KEYS, how=HOW)
    def save_note(self, data: Any, tag: str, how: How) -> None:
        """Without a version, only what was changed is written, and others' changes stay."""
        note: Note = data.draw(st.sampled_from(self.notes))
        if note.note_id in self.expired:
            return
        note.text = self.text()
        if tag not in note.tags:
            note.tags.add(tag)
            self.added.setdefault(id(note), set()).add(tag)
        stored = self.state.notes.get(note.note_id)
        if stored is None:
            expected = Expected(None, ItemVanishedError)
        else:
            # What an unsettled set holds is unknown: it is written as a whole.
            is_whole = self.dirty.get(id(note))
            tags = frozenset(note.tags) if is_whole else stored["tags"] | self.added.get(id(note), set())
            expected = Expected(self.state.note(note.note_id, text=note.text, tags=tags, updated=self.now))
        sends_tags = bool(self.added.get(id(note)))
        error = self.write(note.save, expected, how)
        if error is None:
            assert note.model_changes() == {}
            self.added.pop(id(note), None)
            self.dirty[id(note)] = False
        elif isinstance(error, ItemVanishedError):
            self.notes = [one for one in self.notes if one is not note]
        elif in_doubt(error) and sends_tags:
            self.dirty[id(note)] = True

    @rule(key=KEYS, amount=AMOUNTS, tag=KEYS, how=HOW, upsert=st.booleans())
    def count(self, key: str, amount: int, tag: str, how: How, upsert: bool) -> None:
        if key in self.expired:
            return
        stored = self.state.notes.get(key)
        if stored is None:
            # An upsert fills in the defaults of what is missing.
            expected = Expected(self.state.note(key, hits=amount, tags=frozenset(tag), **self.new) if upsert else None)
        else:
            new = {"hits": stored["hits"] + amount, "tags": stored["tags"] | {tag}, "updated": self.now}
            expected = Expected(self.state.note(key, **new))
        self.write(
            lambda: Note.key(key).apply(Note.hits.add(amount), Note.tags.add(tag), upsert=upsert),
            expected,
            how,
        )

    @rule(key=KEYS, how=HOW)
    def delete_note(self, key: str, how: How) -> None:
        error = self.write(Note.key(key).delete, Expected(self.state.without_note(key)), how)
        if error is None:
            self.expired.discard(key)

    @rule(key=KEYS, how=HOW)
    def pop_note(self, key: str, how: How) -> None:
        """What a delete returns is what it deleted."""
        popped: list[Note | None] = []

        async def run() -> None:
            popped.append(await Note.key(key).pop())

        if key in self.expired:
            return
        before = self.state.notes.get(key)
        if self.write(run, Expected(self.state.without_note(key)), how) is None:
            assert (None if popped[0] is None else plain_note(popped[0])) == before

    @rule(puts=st.sets(KEYS), deletes=st.sets(KEYS), how=HOW)
    def batch(self, puts: set[str], deletes: set[str], how: How) -> None:
        before = self.begin(how)
        notes = {key: Note(note_id=key, text=self.text()) for key in sorted(puts)}
        keys = {key: Note.key(key) for key in sorted(deletes - puts)}

        async def run() -> None:
            async with self.client.batch_writer() as writer:
                for note in notes.values():
                    await writer.put(note)
                for key in keys.values():
                    await writer.delete(key)

        error = self.drive(run, how)
        after = self.state = self.observed()
        assert after == before._replace(notes=after.notes)
        if isinstance(error, Cancelled):
            left, may_be = (*notes.values(), *keys.values()), True
        elif error is None:
            left, may_be = (), False
        else:
            assert isinstance(error, BatchIncompleteError), error
            assert not how.is_plain
            left, may_be = (*error.unprocessed, *error.pending), error.ambiguous
        for key in "abc":
            target: Any = notes.get(key, keys.get(key))
            new = plain_note(notes[key]) | self.new if key in notes else None
            found = after.notes.get(key)
            if target is None:
                assert found == before.notes.get(key)
            elif any(one is target for one in left):
                assert found in [before.notes.get(key), *([new] if may_be else [])], error
            else:
                assert found == new
                self.expired.discard(key)
            if found is not None:
                self.expired.discard(key)

    @rule(key=KEYS, count=st.integers(2, 5), how=HOW)
    def count_at_once(self, key: str, count: int, how: How) -> None:
        """Of many increments at once, those that succeeded are applied once each, and those in doubt once at most."""
        if key not in self.state.notes:
            return
        before = self.begin(how)
        outcomes: list[Any] = []

        async def run() -> None:
            calls = [Note.key(key).apply(Note.hits.add(1)) for _ in range(count)]
            outcomes.extend(await asyncio.gather(*calls, return_exceptions=True))

        self.drive(run, how.uncut()._replace(awaited=True))
        after = self.state = self.observed()
        done = outcomes.count(None)
        doubtful = sum(1 for one in outcomes if one is not None and in_doubt(one))
        grown = after.notes[key]["hits"] - before.notes[key]["hits"]
        assert done <= grown <= done + doubtful, outcomes
        assert done == count or not how.uncut().is_plain
        assert after == before.note(key, hits=after.notes[key]["hits"], **({"updated": self.now} if grown else {}))

    @rule(key=KEYS, how=HOW)
    def save_at_once(self, key: str, how: How) -> None:
        """Of two writers that read the same version, at most one succeeds, and the item is what that one wrote."""
        if key not in self.state.accounts:
            return
        before = self.begin(how)
        writers = [Account.sync.get_or_raise(key) for _ in range(2)]
        outcomes: list[Any] = []

        async def run() -> None:
            for number, one in enumerate(writers):
                one.balance += 100 * (number + 1)
            outcomes.extend(await asyncio.gather(*(one.save() for one in writers), return_exceptions=True))

        self.drive(run, how.uncut()._replace(awaited=True))
        after = self.state = self.observed()
        new = {"version": before.accounts[key]["version"] + 1, "updated": self.now}
        results = [before.account(key, balance=one.balance, **new) for one in writers]
        self.at_most_one(before, after, outcomes, how, results)

    # Tickets: writes with an id

    @rule(key=KEYS, how=HOW)
    def create_ticket(self, key: str, how: How) -> None:
        ticket = Ticket(ticket_id=key, text=self.text())
        if key in self.state.tickets:
            expected = Expected(None, ConditionFailedError)
        else:
            expected = Expected(self.state.ticket(key, text=ticket.text, version=1, write_id=self.new_id))
        if self.write(ticket.create, expected, how) is None:
            self.tickets = [*self.tickets[-3:], ticket]

    @rule(key=KEYS)
    def load_ticket(self, key: str) -> None:
        ticket = Ticket.sync.get(key)
        assert (ticket is not None) == (key in self.state.tickets)
        if ticket is not None:
            self.tickets = [*self.tickets[-3:], ticket]

    @precondition(lambda self: self.tickets)
    @rule(data=st.data(), how=HOW, whole=st.booleans())
    def save_ticket(self, data: Any, how: How, whole: bool) -> None:
        """A write that left its id succeeds after a lost answer, and none succeeds for another one's."""
        ticket: Ticket = data.draw(st.sampled_from(self.tickets))
        ticket.text = self.text()
        stored = self.state.tickets.get(ticket.ticket_id)
        if stored is None or stored["version"] != ticket.version:
            expected = Expected(None, ConditionFailedError)
        else:
            new = {"text": ticket.text, "version": ticket.version + 1, "write_id": self.new_id}
            expected = Expected(self.state.ticket(ticket.ticket_id, **new))
        error = self.write(ticket.put if whole else ticket.save, expected, how)
        if error is None:
            stored = self.state.tickets[ticket.ticket_id]
            assert (ticket.text, ticket.version) == (stored["text"], stored["version"])
        elif isinstance(error, (VersionConflictError, ItemVanishedError)):
            self.tickets = [one for one in self.tickets if one is not ticket]

    @rule(key=KEYS, how=HOW)
    def delete_ticket(self, key: str, how: How) -> None:
        self.write(Ticket.key(key).delete, Expected(self.state.without_ticket(key)), how)

    @rule(key=KEYS, how=HOW)
    def save_ticket_at_once(self, key: str, how: How) -> None:
        """Of two writers that read the same version, the item tells by its id which one succeeded."""
        if key not in self.state.tickets:
            return
        before = self.begin(how)
        writers = [Ticket.sync.get_or_raise(key) for _ in range(2)]
        outcomes: list[Any] = []

        async def run() -> None:
            for one in writers:
                one.text = self.text()
            outcomes.extend(await asyncio.gather(*(one.save() for one in writers), return_exceptions=True))

        self.drive(run, how.uncut()._replace(awaited=True))
        after = self.state = self.observed()
        self.at_most_one(
            before,
            after,
            outcomes,
            how,
            [
                before.ticket(key, text=one.text, version=before.tickets[key]["version"] + 1, write_id=self.new_id)
                for one in writers
            ],
        )

    def at_most_one(self, before: State, after: State, outcomes: list[Any], how: How, results: list[State]) -> None:
        """Of writers at once at most one succeeds, and the state is what that one wrote."""
        won = [number for number, outcome in enumerate(outcomes) if outcome is None]
        assert len(won) <= 1
        if won:
            assert after == results[won[0]]
        else:
            assert after in [before, *(result for result, one in zip(results, outcomes, strict=True) if in_doubt(one))]
        assert len(won) == 1 or not how.uncut().is_plain

    @invariant()
    def each_unique_value_has_one_guard(self) -> None:
        owners = sorted(one["owner"] for one in self.state.accounts.values() if one["owner"] is not None)
        assert len(owners) == len(set(owners))
        assert len(getattr(self, "guards", {})) == len(owners), self.guards


def in_doubt(error: Any) -> bool:
    """Whether a call that ended so may have been applied."""
    if isinstance(error, Cancelled):
        return True
    return isinstance(error, PydynoxError) and (error.ambiguous or isinstance(error, WriteOutcomeUnknownError))


def times(item: dict[str, Any]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(item[name]["S"]) for name in ("created", "updated")}


def plain_account(account: Account) -> dict[str, Any]:
    names = ("balance", "owner", "version", "created", "updated")
    return {name: getattr(account, name) for name in names}


def plain_note(note: Note) -> dict[str, Any]:
    return {
        "text": note.text, "hits": note.hits, "tags": frozenset(note.tags), "created": note.created, "updated": note.updated,
    }  # fmt: skip


def usual(examples: int) -> settings:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        derandomize=not EXAMPLES,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],  # shrinking may take minutes
        suppress_health_check=checks,
    )


def test_every_write_is_applied_as_it_is_reported() -> None:
    run_state_machine_as_test(Machine, settings=usual(EXAMPLES or 30))


class FalseSuccess(Machine):
    """Reports success where it is in doubt."""

    def drive(self, make: Any, how: How) -> PydynoxError | Cancelled | None:
        error = super().drive(make, how)
        return None if in_doubt(error) else error


class FalseRefusal(Machine):
    """Reports that nothing was written where it is in doubt."""

    def drive(self, make: Any, how: How) -> PydynoxError | Cancelled | None:
        error = super().drive(make, how)
        return ConditionFailedError() if in_doubt(error) else error


class Twice(Machine):
    """Sends again what is in doubt."""

    def drive(self, make: Any, how: How) -> PydynoxError | Cancelled | None:
        error = super().drive(make, how)
        return super().drive(make, How()) if in_doubt(error) else error


@pytest.mark.parametrize("lie", [FalseSuccess, FalseRefusal, Twice])
def test_a_client_that_lies_is_found_out(lie: type[Machine]) -> None:
    with pytest.raises(AssertionError):
        run_state_machine_as_test(lie, settings=usual(25))
