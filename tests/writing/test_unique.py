"""Unique values: whoever writes an item takes its values and gives the old ones up, whatever the verb and the type of the key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydynox import (
    Attr,
    DynamoDBClient,
    GlobalSecondaryIndex,
    Model,
    ModelConfig,
    UniqueProblem,
    attr,
    field,
    partition_key,
    sort_key,
    ttl,
    verify_unique,
    version,
)
from pydynox.exceptions import (
    ConditionFailedError,
    ConfigurationError,
    ItemAlreadyExistsError,
    ItemVanishedError,
    TransactionCanceledError,
    UniqueConstraintError,
    ValidationError,
    VersionConflictError,
    WriteOutcomeUnknownError,
)

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer, reset


class User(Model[str], table="users"):
    """Without a version."""

    user_id: Attr[str] = partition_key()
    email: Attr[str | None] = field(default=None, unique=True)
    name: Attr[str] = field(default="")


class Member(Model[int, int], table="members", unique=("tenant", "nick")):
    """Numbers as keys, several attributes together, a version."""

    tenant: Attr[int] = partition_key()
    number: Attr[int] = sort_key()
    nick: Attr[str | None] = field(default=None, attribute_name="n")
    card: Attr[int | None] = field(default=None, unique=True)
    version: Attr[int] = version()


class Part(Model[bytes, bytes], table="parts"):
    """Bytes as keys."""

    part_id: Attr[bytes] = partition_key()
    place: Attr[bytes] = sort_key()
    serial: Attr[bytes] = field(unique=True)


class Session(Model[str], table="sessions"):
    """Its items may be deleted behind its back."""

    model_config: ClassVar[ModelConfig] = ModelConfig(orphans="repair")
    session_id: Attr[str] = partition_key()
    token: Attr[str] = field(unique=True)
    ends: Attr[datetime | None] = ttl(default=None, hide_expired=True)


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest) -> None:
    if "client" in request.fixturenames:
        request.getfixturevalue("client")
        for model in (User, Member, Part, Session):
            model.table.sync.create()


def taken(drive: Drive, made: Any, field_name: str, holder: Any) -> None:
    with pytest.raises(UniqueConstraintError) as caught:
        drive(made)
    assert list(caught.value.fields) == [field_name]
    assert caught.value.holder == holder
    assert caught.value.applied is False


def test_a_value_is_taken_until_its_item_gives_it_up(client: DynamoDBClient, drive: Drive) -> None:
    ada = User(user_id="ada", email="a@x")
    drive(ada.create())
    bob = User(user_id="bob", email="a@x")
    taken(drive, bob.create(), "email", User.key("ada"))
    assert drive(User.get("bob", consistent_read=True)) is None
    bob.email = "b@x"
    drive(bob.save())
    bob.email = "a@x"
    taken(drive, bob.save(), "email", User.key("ada"))
    taken(drive, bob.put(), "email", User.key("ada"))
    assert "email" in bob.model_changes()

    ada.email = "A@x"
    drive(ada.save())
    drive(bob.save())  # a@x is free
    drive(User(user_id="eve", email="b@x").create())  # so is b@x
    drive(bob.delete())
    drive(User(user_id="dan", email="a@x").create())
    ada.email = None
    drive(ada.put())
    drive(User(user_id="fay", email="A@x").create())


def test_none_is_no_value(client: DynamoDBClient, drive: Drive) -> None:
    one, two = User(user_id="1"), User(user_id="2")
    drive(one.create())
    drive(two.create())
    drive(Member(tenant=1, number=1, nick=None, card=7).create())
    drive(Member(tenant=1, number=2, nick=None).create())
    one.email = "x"
    drive(one.save())
    two.email = "x"
    taken(drive, two.save(), "email", User.key("1"))


def test_several_attributes_are_unique_together(client: DynamoDBClient, drive: Drive) -> None:
    first = Member(tenant=1, number=1, nick="a", card=1)
    drive(first.create())
    drive(Member(tenant=2, number=1, nick="a", card=2).create())
    with pytest.raises(UniqueConstraintError, match=r"Member.tenant and Member.nick is taken by Member.key\(1, 1\)"):
        drive(Member(tenant=1, number=2, nick="a").create())
    with pytest.raises(UniqueConstraintError, match=r"Member\.card is taken"):
        drive(Member(tenant=3, number=1, card=1).create())
    first.nick = "b"
    drive(first.save())
    assert first.version == 2
    drive(Member(tenant=1, number=2, nick="a").create())


def test_keys_of_bytes(client: DynamoDBClient, drive: Drive) -> None:
    part = Part(part_id=b"1", place=b"a", serial=b"\x00")
    drive(part.create())
    taken(drive, Part(part_id=b"2", place=b"a", serial=b"\x00").create(), "serial", Part.key(b"1", b"a"))
    drive(part.delete())
    drive(Part(part_id=b"2", place=b"a", serial=b"\x00").create())


def test_the_items_own_error_comes_first(client: DynamoDBClient, drive: Drive) -> None:
    drive(User(user_id="ada", email="a").create())
    with pytest.raises(ItemAlreadyExistsError) as caught:
        drive(User(user_id="ada", email="a").create())
    assert caught.value.item == drive(User.get("ada"))
    member = Member(tenant=1, number=1, card=1)
    drive(member.create())
    stale = drive(Member.get_or_raise(1, 1))
    member.card = 2
    drive(member.save())
    stale.card = 3
    with pytest.raises(VersionConflictError):
        drive(stale.save())
    with pytest.raises(VersionConflictError):
        drive(stale.delete())
    taken(drive, Member(tenant=1, number=2, card=2).create(), "card", Member.key(1, 1))


def test_a_value_that_was_changed_by_another_is_not_given_up(client: DynamoDBClient, drive: Drive) -> None:
    drive(User(user_id="ada", email="a").create())
    stale, fresh = drive(User.get_or_raise("ada")), drive(User.get_or_raise("ada"))
    fresh.email = "b"
    drive(fresh.save())
    with pytest.raises(ConditionFailedError):
        drive(stale.delete())
    with pytest.raises(ConditionFailedError):
        drive(stale.put())
    stale.name = "Ada"
    drive(stale.save())  # not about the value
    stale.email = "c"
    with pytest.raises(ConditionFailedError):
        drive(stale.save())
    taken(drive, User(user_id="bob", email="b").create(), "email", User.key("ada"))
    drive(fresh.delete())
    stale.email = "d"
    with pytest.raises(ItemVanishedError):
        drive(stale.save())
    drive(stale.delete())  # already gone


def create_together(client: DynamoDBClient, *made: Any, unchanged: Any = None) -> None:
    with client.sync.transaction() as tx:
        if unchanged is not None:
            tx.save(unchanged)  # nothing to do
        for instance in made:
            tx.create(instance)


def test_in_transactions(client: DynamoDBClient, drive: Drive) -> None:
    ada, bob = User(user_id="ada", email="a"), User(user_id="bob", email="b")
    with client.sync.transaction() as tx:
        tx.create(ada)
        tx.create(bob)
    text = r"^1 of 2 operations failed, .*: \[1\] create User.email is taken"
    with pytest.raises(TransactionCanceledError, match=text) as caught:
        create_together(client, User(user_id="dan"), User(user_id="eve", email="a"))
    failure = caught.value.failures[1]
    assert isinstance(failure, UniqueConstraintError)
    assert (failure.key, failure.holder) == (User.key("eve"), User.key("ada"))
    assert drive(User.get("dan")) is None

    # One gives a value to another, and two exchange theirs.
    ada.email, bob.email = "b", "a"
    with client.sync.transaction() as tx:
        tx.save(ada)
        tx.save(bob)
    taken(drive, User(user_id="eve", email="a").create(), "email", User.key("bob"))
    taken(drive, User(user_id="eve", email="b").create(), "email", User.key("ada"))
    eve = User(user_id="eve", email="a")
    with client.sync.transaction() as tx:
        tx.delete(bob)
        tx.create(eve)
    taken(drive, User(user_id="bob", email="a").create(), "email", User.key("eve"))
    text = r"^\[1\] create: operation \[0\] .* same value of User.email"
    with pytest.raises(ValidationError, match=text):
        create_together(client, User(user_id="x", email="n"), User(user_id="y", email="n"))


def test_what_stood_in_the_way_keeps_its_position(client: DynamoDBClient, drive: Drive) -> None:
    ada = User(user_id="ada", email="a")
    drive(ada.create())
    with pytest.raises(TransactionCanceledError) as caught:
        create_together(client, User(user_id="bob", email="a"), unchanged=ada)
    assert list(caught.value.failures) == [1]


def test_what_does_not_know_the_value_is_refused(client: DynamoDBClient, drive: Drive) -> None:
    key = User.key("ada")
    writes: list[Callable[[], Any]] = [
        key.delete,
        key.pop,
        User(user_id="ada", email="a").put,
        User(user_id="ada", email="a").delete,
        lambda: key.update(User.email.set("x")),
        lambda: key.apply(User.email.remove(), User.name.set("x")),
        lambda: key.update(User.email.set("x"), upsert=True),
    ]
    drive(User(user_id="ada", email="a").create())
    ada = drive(User.get_or_raise("ada"))
    writes.append(lambda: ada.update(User.email.set("x")))
    for write in writes:
        with pytest.raises(ValidationError, match=r"User\.email is unique"):
            drive(write())
    drive(ada.update(User.name.set("Ada")))
    drive(key.update(User.name.set("Eda")))


@pytest.mark.parametrize("value", ["pydynox#unique#", "pydynox#unique#abc"])
def test_keys_of_guards_are_reserved(value: str) -> None:
    with pytest.raises(ValidationError, match="is reserved"):
        User(user_id=value)
    with pytest.raises(ValidationError, match="is reserved"):
        User.key(value)
    with pytest.raises(ValidationError, match="is reserved"):
        Part.key(value.encode(), b"a")
    with pytest.raises(ValidationError, match="is reserved"):
        Member.key(10**125, 1)
    assert Member.key(10**124, 1) == Member.key(10**124, 1)


def test_an_orphan_is_repaired(client: DynamoDBClient, drive: Drive) -> None:
    first = Session(session_id="1", token="t")
    drive(first.create())
    taken(drive, Session(session_id="2", token="t").create(), "token", Session.key("1"))
    drive(client.delete_item("sessions", {"session_id": "1"}))  # as the TTL does
    second = Session(session_id="2", token="t")
    drive(second.create())
    taken(drive, Session(session_id="3", token="t").create(), "token", Session.key("2"))

    drive(client.put_item("sessions", {"session_id": "2", "token": "other"}))
    third = Session(session_id="3", token="t", ends=datetime.now(UTC) - timedelta(days=1))
    with client.sync.transaction() as tx:
        tx.create(third)
    drive(Session(session_id="4", token="t").create())  # the third has expired
    taken(drive, Session(session_id="5", token="t").create(), "token", Session.key("4"))


def test_items_from_before_get_their_guards(client: DynamoDBClient, drive: Drive) -> None:
    for number in ("1", "2"):
        drive(client.put_item("users", {"user_id": number, "email": "a"}))
    drive(drive(User.get_or_raise("1")).put())
    taken(drive, drive(User.get_or_raise("2")).put(), "email", User.key("1"))
    taken(drive, User(user_id="3", email="a").create(), "email", User.key("1"))


def test_scans_do_not_see_guards(client: DynamoDBClient, drive: Drive) -> None:
    for number in range(3):
        drive(User(user_id=str(number), email=f"{number}@x").create())

    assert sorted(user.user_id for user in User.sync.scan()) == ["0", "1", "2"]
    assert User.sync.scan().count() == 3
    assert [user.user_id for user in User.sync.scan().filter(User.email == "1@x")] == ["1"]


class Seat(Model[str, str], table="seats"):
    """Indexes over the table's own keys, in which guards are too, and one that no guard is in."""

    room: Attr[str] = partition_key()
    seat: Attr[str] = sort_key()
    badge: Attr[str] = field(unique=True)
    by_seat = GlobalSecondaryIndex[str, str](seat, room)
    by_room = GlobalSecondaryIndex[str, None](room)
    by_badge = GlobalSecondaryIndex[str, None](badge)


def test_an_index_over_the_keys_of_the_table_does_not_show_guards(client: DynamoDBClient, drive: Drive) -> None:
    Seat.table.sync.create()
    # Guards have this sort key, too.
    taken = [Seat(room=room, seat="unique", badge=room) for room in ("a", "b")]
    for seat in taken:
        drive(seat.create())

    for query, found in (
        (Seat.by_seat.query("unique"), taken),
        (Seat.by_seat.query("unique").descending(), taken),
        (Seat.by_seat.scan(), taken),
        (Seat.by_room.scan(), taken),
        (Seat.by_room.query("a"), taken[:1]),
        (Seat.by_badge.scan(), taken),
        (Seat.query("a"), taken[:1]),
    ):
        assert sorted(drive(query.all()), key=lambda seat: seat.room) == found
        assert drive(query.count()) == len(found)
        assert {*drive(query.keys().all())} == {Seat.key(seat.room, seat.seat) for seat in found}
        assert drive(query.filter(Seat.badge == "a").count()) == 1


def test_an_orphan_stays_without_that(client: DynamoDBClient, drive: Drive) -> None:
    drive(User(user_id="1", email="a").create())
    drive(client.delete_item("users", {"user_id": "1"}))
    taken(drive, User(user_id="2", email="a").create(), "email", User.key("1"))


@pytest.mark.engines("embedded")  # moto's server checks the conditions of a transaction and writes in two steps
def test_one_of_many_gets_the_value(client: DynamoDBClient) -> None:
    async def run() -> list[object]:
        made = (User(user_id=str(number), email="a").create() for number in range(10))
        return await asyncio.gather(*made, return_exceptions=True)

    outcomes = asyncio.run(run())

    assert outcomes.count(None) == 1
    assert all(isinstance(outcome, UniqueConstraintError) for outcome in outcomes if outcome is not None), outcomes


def test_models_of_one_table() -> None:
    client = DynamoDBClient(endpoint_url="memory://")

    class Base(Model[str], table="shared", abstract=True):
        id_: Attr[str] = partition_key(attribute_name="id")
        code: Attr[str] = field(unique=True)

    class Person(Base, entity="person"):
        pass

    class Boss(Person, entity="boss"):
        pass

    class Dog(Base, entity="dog"):
        pass

    with client.as_default():
        Person.table.sync.create()
        Person(id_="1", code="x").sync.create()
        Dog(id_="2", code="x").sync.create()  # another kind
        with pytest.raises(UniqueConstraintError):
            Boss(id_="3", code="x").sync.create()  # a person too


def test_values_are_not_shown_where_they_are_not_to_be() -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        User.table.sync.create()
        User(user_id="1", email="secret").sync.create()
        with pytest.raises(UniqueConstraintError) as caught:
            User(user_id="2", email="secret").sync.create()
        assert "secret" not in str(caught.value)
        told = DynamoDBClient(endpoint_url="memory://", errors="full")
        with told.as_default():
            User.table.sync.create()
            User(user_id="1", email="known").sync.create()
            with pytest.raises(UniqueConstraintError, match=r"User.email = 'known' is taken by User.key\('1'\)"):
                User(user_id="2", email="known").sync.create()
        guards = client.sync.call("Scan", TableName="users")["Items"]

    guard = next(item for item in guards if "_pydynox_unique" in item)
    assert guard["user_id"]["S"].startswith("pydynox#unique#")
    assert guard["_pydynox_unique"]["M"]["owner"] == {"M": {"user_id": {"S": "1"}}}
    assert "secret" not in str(guard)


def test_a_batch_does_not_write_them_unless_it_is_told_to() -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        User.table.sync.create()
        with pytest.raises(ConfigurationError, match="unique values"):
            client.sync.batch_save([User(user_id="1", email="a")])


def test_what_a_class_may_say() -> None:
    def declare(match: str, **options: Any) -> Any:
        return pytest.raises(ConfigurationError, match=match)

    with declare("but no attribute emial"):

        class A(Model[str], table="t", unique=("emial",)):
            id_: Attr[str] = partition_key()

    with declare("is unique and of type"):

        class B(Model[str], table="t"):
            id_: Attr[str] = partition_key()
            tags: Attr[list[str]] = field(unique=True)

    with declare("the value would stay taken"):

        class C(Model[str], table="t"):
            id_: Attr[str] = partition_key()
            code: Attr[str] = field(unique=True)
            ends: Attr[datetime | None] = ttl(default=None)

    with declare("twice"):

        class D(Model[str], table="t", unique=("a", "a")):
            id_: Attr[str] = partition_key()
            a: Attr[str]

    with declare("write unique="):

        class E(Model[str], table="t", unique="a"):
            id_: Attr[str] = partition_key()
            a: Attr[str]

    with declare("is a key"):

        class F(Model[str], table="t"):
            id_: Attr[str] = partition_key(unique=True)

    class Several(Model[str], table="t", unique=[("a", "b"), ("b",)]):
        id_: Attr[str] = partition_key()
        a: Attr[str]
        b: Attr[str]


def test_a_lost_answer_is_asked_for_again(serve: Serve, drive: Drive) -> None:
    server = serve(reset, answer({}))
    with client_of(server).as_default():
        user = User(user_id="1", email="a")
        drive(user.create())
    first, second = (request.json() for request in server.seen)
    assert first == second
    assert [*first["TransactItems"][0], *first["TransactItems"][1]] == ["Put", "Put"]
    assert user.model_changes() == {}


def test_an_outcome_that_stays_unknown_leaves_the_value_unsaved(serve: Serve, drive: Drive) -> None:
    server = serve(reset, reset, answer({}))
    with client_of(server, max_attempts=2).as_default():
        user = User.model_from_item({"user_id": {"S": "1"}, "email": {"S": "a"}})
        user.email = "b"
        with pytest.raises(WriteOutcomeUnknownError):
            drive(user.save())
        assert user.model_changes().keys() == {"email"}
        drive(user.save())  # as it was, or as the lost one made it
    update = server.seen[-1].json()["TransactItems"][0]["Update"]
    assert update["ConditionExpression"].count(" OR ") == 1


_emails = st.sampled_from(["a", "b", "c", None])
_steps = st.lists(
    st.tuples(st.sampled_from(["create", "save", "put", "delete", "remove"]), st.integers(0, 3), _emails), max_size=20
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_steps)
def test_a_value_has_one_item_whatever_is_done(steps: list[tuple[str, int, str | None]]) -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        User.table.sync.create()
        model: dict[str, str | None] = {}
        known: dict[str, User] = {}
        for verb, number, email in steps:
            name = str(number)
            others = {value for key, value in model.items() if key != name and value is not None}
            allowed = email is None or email not in others
            try:
                if verb == "create":
                    made = User(user_id=name, email=email)
                    made.sync.create()
                    assert name not in model
                    known[name] = made
                elif name not in known:
                    continue
                elif verb == "delete":
                    known.pop(name).sync.delete()
                    del model[name]
                    continue
                else:
                    known[name].email = email
                    (known[name].sync.put if verb == "put" else known[name].sync.save)()
            except ItemAlreadyExistsError:
                assert name in model
            except UniqueConstraintError:
                assert not allowed
                if verb != "create":
                    known[name].model_rollback()
            else:
                assert allowed
                model[name] = email
        items = client.sync.call("Scan", TableName="users")["Items"]
        guards = [item["_pydynox_unique"]["M"]["owner"]["M"]["user_id"]["S"] for item in items if "_pydynox_unique" in item]
        assert sorted(guards) == sorted(name for name, value in model.items() if value is not None)


def test_batches_write_them_by_themselves_when_asked(client: DynamoDBClient, drive: Drive) -> None:
    with pytest.raises(ConfigurationError, match="transactions=True"):
        drive(client.batch_save([User(user_id="a", email="a@x")]))
    with pytest.raises(ConfigurationError, match="only one of the two"):
        client.batch_writer(unguarded=True, transactions=True)
    told: list[int] = []
    made = [User(user_id=f"u{number}", email=f"{number}@x") for number in range(3)]
    assert drive(client.batch_save(made, transactions=True, progress=told.append)) == 3
    assert told == [1, 2, 3]
    made[0].email = "new@x"
    assert drive(client.batch_save(made[:1], transactions=True)) == 1
    drive(User(user_id="v", email="0@x").create())  # it was given up

    with pytest.raises(UniqueConstraintError) as taken:
        drive(client.batch_save([User(user_id="w", email="w@x"), User(user_id="x", email="1@x"), made[2]], transactions=True))
    incomplete: Any = taken.value.__cause__
    assert [one.user_id for one in incomplete.written] == ["w"]
    assert [one.user_id for one in incomplete.unprocessed] == ["x"]
    assert drive(client.batch_delete(made, transactions=True)) == 3
    drive(User(user_id="y", email="1@x").create())


async def broken(client: DynamoDBClient) -> None:
    """Three users, of which one is right."""
    await User(user_id="right", email="r@x").create()
    await User(user_id="moved", email="m@x").create()
    await User(user_id="gone", email="g@x").create()
    await client.update_item("users", {"user_id": "moved"}, attr("email").set("n@x"))  # past pydynox
    await client.delete_item("users", {"user_id": "gone"})
    await client.put_item("users", {"user_id": "late", "email": "l@x"})
    await client.put_item("users", {"user_id": "twin", "email": "r@x"})
    await client.put_item("users", {"user_id": "none"})


async def test_what_is_out_of_step_is_found_and_mended(client: DynamoDBClient) -> None:
    await broken(client)
    seen: list[int] = []
    found = await verify_unique(User, progress=seen.append)

    def told(problems: list[UniqueProblem]) -> set[tuple[str, Any, bool]]:
        assert all(problem.names == ("email",) for problem in problems)
        return {(problem.kind, problem.key, problem.repaired) for problem in problems}

    assert told(found) == {
        ("orphan", User.key("moved"), False),
        ("orphan", User.key("gone"), False),
        ("missing", User.key("moved"), False),
        ("missing", User.key("late"), False),
        ("shared", User.key("twin"), False),
    }
    assert seen
    assert told(await verify_unique(User, repair=True)) == {
        ("orphan", User.key("moved"), True),
        ("orphan", User.key("gone"), True),
        ("missing", User.key("moved"), True),
        ("missing", User.key("late"), True),
        ("shared", User.key("twin"), False),
    }
    assert told(await verify_unique(User)) == {("shared", User.key("twin"), False)}
    for email, holder in (("n@x", "moved"), ("l@x", "late")):
        with pytest.raises(UniqueConstraintError) as taken:
            await User(user_id="new", email=email).create()
        assert taken.value.holder == User.key(holder)
    await User(user_id="new", email="m@x").create()
    await User(user_id="newer", email="g@x").create()
    with pytest.raises(ConfigurationError, match="no unique"):
        await verify_unique(Plain)


class Plain(Model[str], table="users"):
    user_id: Attr[str] = partition_key()


async def test_keys_of_every_type_are_verified(client: DynamoDBClient) -> None:
    await Member(tenant=1, number=1, nick="a", card=7).create()
    await Member(tenant=1, number=2, nick="b").create()
    assert await verify_unique(Member) == []
    await client.update_item("members", {"tenant": 1, "number": 2}, attr("n").set("c"))
    problems = await verify_unique(Member, repair=True)
    assert [(problem.kind, problem.repaired) for problem in problems] == [("orphan", True), ("missing", True)]
    assert await verify_unique(Member) == []


@pytest.mark.engines("embedded")
async def test_what_others_write_while_it_looks_is_left_alone(client: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await broken(client)
    inner = DynamoDBClient.call

    async def meanwhile(self: DynamoDBClient, operation: str, /, **wire: Any) -> Any:
        if operation == "TransactWriteItems":
            monkeypatch.undo()
            late = await User.get("late", consistent_read=True)
            assert late is not None
            late.email = "other@x"
            await late.save()
            await User(user_id="gone", email="g@x").create()
            await client.update_item("users", {"user_id": "moved"}, attr("email").set("m@x"))
        return await inner(self, operation, **wire)

    monkeypatch.setattr(DynamoDBClient, "call", meanwhile)
    await verify_unique(User, repair=True)
    left = await verify_unique(User, repair=True)
    assert [(problem.kind, problem.key) for problem in left if not problem.repaired] == [("shared", User.key("twin"))]
    assert await User.get("late") == User(user_id="late", email="other@x")
