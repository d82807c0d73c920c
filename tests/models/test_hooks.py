"""Hooks: when they run, in which order, what stops a verb, and what a class without any pays."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, ClassVar

import pytest
from pydynox import (
    Attr,
    Document,
    DynamoDBClient,
    Model,
    after_delete,
    after_load,
    after_save,
    before_delete,
    before_save,
    field,
    partition_key,
    run,
)
from pydynox.exceptions import ConfigurationError, ItemAlreadyExistsError, ValidationError

from tests.conftest import Drive


class Plain(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    age: Attr[int] = field(default=0)


class User(Model[str], table="users"):
    """Every hook, plain and async; `told` says what ran."""

    user_id: Attr[str] = partition_key()
    email: Attr[str] = field(default="")
    age: Attr[int] = field(default=0, ge=0)
    told: ClassVar[list[str]] = []
    failing: ClassVar[str] = ""

    def tell(self, what: str) -> None:
        self.told.append(what)
        if self.failing == what:
            raise LookupError(f"{what} failed")

    @before_save
    def normalise(self) -> None:
        self.email = self.email.lower()
        self.tell("normalise")

    @before_save
    async def check(self) -> None:
        self.tell("check")

    @after_save
    async def saved(self) -> None:
        self.tell("saved")

    @before_delete
    def leaving(self) -> None:
        self.tell("leaving")

    @after_delete
    def left(self) -> None:
        self.tell("left")

    @after_load
    def loaded(self) -> None:
        self.tell("loaded")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(User, "told", [])
    monkeypatch.setattr(User, "failing", "")


@pytest.fixture
def table(client: DynamoDBClient, drive: Drive) -> None:
    drive(Plain.table.create())


sent = pytest.mark.usefixtures("table")


@sent
def test_each_verb_of_an_instance_runs_its_hooks(drive: Drive, client: DynamoDBClient) -> None:
    def told(call: Any) -> list[str]:
        User.told.clear()
        drive(call)
        return list(User.told)

    user = User(user_id="u1", email="ADA@B.C")

    assert told(user.create()) == ["normalise", "check", "saved"]
    assert user.email == "ada@b.c"
    assert told(user.put()) == ["normalise", "check", "saved"]
    user.email = "X@Y"
    assert told(user.save()) == ["normalise", "check", "saved"]
    assert told(user.refresh()) == ["loaded"]
    assert user.email == "x@y"
    assert told(User.get("u1")) == ["loaded"]
    assert told(User.get_or_raise("u1")) == ["loaded"]
    assert told(User.key("u1").get()) == ["loaded"]
    assert told(User.key("u1").get_or_raise()) == ["loaded"]
    assert told(User.get("u2")) == []
    assert told(User.key("u2").get()) == []
    assert told(user.delete()) == ["leaving", "left"]


@sent
def test_work_by_key_runs_no_hook(drive: Drive) -> None:
    drive(User.key("u1").exists())
    drive(User.key("u1").delete())

    assert User.told == []


@sent
def test_nothing_written_is_nothing_saved(drive: Drive) -> None:
    user = User(user_id="u1")
    drive(user.save())
    User.told.clear()

    drive(user.save())

    assert User.told == ["normalise", "check"]


@sent
@pytest.mark.parametrize("failing", ["normalise", "check"])
def test_a_failed_hook_before_a_write_stops_it_and_leaves_the_instance_as_it_was(
    drive: Drive, client: DynamoDBClient, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    monkeypatch.setattr(User, "failing", failing)
    user = User(user_id="u1", email="ADA")

    for verb in (user.create, user.save, user.put):
        with pytest.raises(LookupError, match=failing):
            drive(verb())

    assert user.email == "ADA"
    assert "saved" not in User.told
    assert drive(client.get_item("users", {"user_id": "u1"})) is None


@sent
def test_a_failed_hook_before_a_delete_stops_it(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User(user_id="u1")
    drive(user.create())
    monkeypatch.setattr(User, "failing", "leaving")

    with pytest.raises(LookupError):
        drive(user.delete())

    assert drive(User.key("u1").exists())
    assert user.model_changes() == {}


@sent
def test_the_error_of_a_hook_after_a_write_says_that_it_was_applied(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User(user_id="u1")
    monkeypatch.setattr(User, "failing", "saved")
    with pytest.raises(LookupError) as saved:
        drive(user.create())
    assert user.model_changes() == {}
    monkeypatch.setattr(User, "failing", "left")
    with pytest.raises(LookupError) as deleted:
        drive(user.delete())

    assert saved.value.__notes__ == ["the item was written: only the hook User.saved (after_save) failed"]
    assert deleted.value.__notes__ == ["the item was deleted: only the hook User.left (after_delete) failed"]
    assert not drive(User.key("u1").exists())


@sent
def test_a_refused_write_runs_no_hook_after_it(drive: Drive) -> None:
    drive(User(user_id="u1").create())
    User.told.clear()

    with pytest.raises(ItemAlreadyExistsError):
        drive(User(user_id="u1").create())

    assert User.told == ["normalise", "check"]


@sent
def test_what_a_hook_sets_is_checked_and_saved(drive: Drive) -> None:
    class Older(Plain):
        limit: ClassVar[int] = 1

        @before_save
        def grow(self) -> None:
            self.age += self.limit

        @after_load
        def mark(self) -> None:
            self.age += 10

    user = Older(user_id="u1")
    drive(user.create())
    loaded = drive(Older.get("u1"))

    assert (user.age, loaded.age, set(loaded.model_changes())) == (1, 11, {"age"})
    drive(loaded.save())
    assert drive(Plain.get("u1")).age == 12


@sent
def test_a_hook_that_sets_what_a_rule_refuses_stops_the_write(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(User):
        @before_save
        def shrink(self) -> None:
            self.age -= 1

    with pytest.raises(ValidationError, match=r"Wrong\.age must be >= 0"):
        drive(Wrong(user_id="u1").save())

    assert not drive(User.key("u1").exists())


@sent
def test_hooks_run_in_order_bases_first_and_an_override_replaces(drive: Drive) -> None:
    order: list[str] = []

    class Mixin:
        @before_save
        def first(self) -> None:
            order.append("mixin.first")

    class Base(Mixin, Model, abstract=True):
        @before_save
        def second(self) -> None:
            order.append("base.second")

        @before_save
        @after_save
        def third(self) -> None:
            order.append("base.third")

        @before_save
        def fourth(self) -> None:
            order.append("base.fourth")

    class Sub(Base, Model[str], table="users"):
        user_id: Attr[str] = partition_key()

        @before_save
        def last(self) -> None:
            order.append("sub.last")

        @before_save
        async def second(self) -> None:
            order.append("sub.second")

        fourth = None  # type: ignore[assignment]

    drive(Sub(user_id="u1").create())

    assert order == ["mixin.first", "sub.second", "base.third", "sub.last", "base.third"]


@sent
def test_a_hook_may_call_verbs_of_pydynox(drive: Drive) -> None:
    class Logged(Plain):
        @after_save
        async def log(self) -> None:
            await Plain(user_id=f"log of {self.user_id}").put()
            assert await Plain.get(self.user_id) is not None

        @before_delete
        async def forget(self) -> None:
            await (await Plain.get_or_raise(f"log of {self.user_id}")).delete()

    user = Logged(user_id="u1")
    drive(user.create())
    assert drive(Plain.key("log of u1").exists())
    drive(user.delete())
    assert not drive(Plain.key("log of u1").exists())


@sent
def test_a_plain_hook_may_block_where_the_verb_does(client: DynamoDBClient) -> None:
    class Logged(Plain):
        @before_save
        def log(self) -> None:
            Plain(user_id=f"log of {self.user_id}").sync.put()

    Logged(user_id="u1").sync.create()
    assert Plain.key("log of u1").sync.exists()
    with pytest.raises(RuntimeError, match="inside a running event loop would stop it"):
        asyncio.run(Logged(user_id="u2").create())


class Waiting(Plain):
    """Awaits what only an event loop has."""

    seconds: ClassVar[float] = 0

    @before_save
    async def wait(self) -> None:
        await asyncio.sleep(self.seconds)


@pytest.mark.parametrize("seconds", [0, 0.001])
def test_a_blocking_call_names_the_hook_that_waits_for_something_else(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Waiting, "seconds", seconds)
    client = DynamoDBClient(endpoint_url="memory://")

    with client.as_default():
        Plain.table.sync.create()
        with pytest.raises(
            RuntimeError, match=r"^the hook Waiting\.wait \(before_save\) awaited something other than pydynox, which a blocking"
        ):
            Waiting(user_id="u1").sync.create()
        assert Plain.sync.get("u1") is None

        async def awaited() -> None:
            with client.as_default():
                await Waiting(user_id="u1").create()

        asyncio.run(awaited())
        assert Plain.sync.get("u1") is not None


def test_a_runtime_error_of_a_hook_is_passed_on() -> None:
    class Broken(Plain):
        @before_save
        async def fail(self) -> None:
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match=r"^mine$"):
        Broken(user_id="u1").sync.create()


def test_a_cancelled_hook_changes_nothing_and_sends_nothing() -> None:
    client = DynamoDBClient(endpoint_url="memory://")

    class Slow(Plain):
        @before_save
        async def wait(self) -> None:
            self.age = 5
            await asyncio.sleep(60)

    async def cancelled() -> Slow:
        with client.as_default():
            await Plain.table.create()
            user = Slow(user_id="u1")
            task = asyncio.ensure_future(user.create())
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not await Plain.key("u1").exists()
            return user

    assert asyncio.run(cancelled()).age == 0


def called(user: Plain) -> set[str]:
    """The functions of pydynox that a blocking save runs."""
    found: set[str] = set()

    def note(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and "pydynox" in frame.f_code.co_filename:
            found.add(f"{frame.f_code.co_filename.rsplit('/', 1)[1]}:{frame.f_code.co_name}")

    sys.setprofile(note)
    try:
        user.sync.save()
    finally:
        sys.setprofile(None)
    return {name for name in found if not name.startswith("test_")}


def test_a_class_without_hooks_calls_nothing_for_them() -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        Plain.table.sync.create()
        plain, hooked = Plain(user_id="u1"), User(user_id="u2")

        assert Plain._hooks is None
        assert not any(name.startswith("hooks.py") for name in called(plain))
        assert {name for name in called(hooked) if name.startswith("hooks.py")} >= {"hooks.py:before", "hooks.py:after"}


def test_slips_are_named_when_the_class_is_made() -> None:
    with pytest.raises(ConfigurationError, match=r"Sub\.normalise replaces a hook without being one, in Sub: decorate it too"):

        class Sub(User):
            def normalise(self) -> None: ...

    with pytest.raises(ConfigurationError, match=r"Static\.check is a hook and a staticmethod: a hook must be a plain method"):

        class Static(Plain):
            @before_save
            @staticmethod
            def check() -> None: ...

    with pytest.raises(TypeError, match="@before_save can only decorate a method, not 3"):
        before_save(3)  # type: ignore[type-var]


def test_a_hook_runs_as_any_method_does() -> None:
    user = User(user_id="u1", email="ADA")

    user.normalise()
    run(user.check())

    assert user.email == "ada"


def test_a_hook_that_fails_leaves_no_edit_in_place_behind(client: DynamoDBClient, drive: Drive) -> None:
    class Part(Document):
        names: Attr[list[str]] = field(default_factory=list)

    class Whole(Model[str], table="wholes"):
        pk: Attr[str] = partition_key()
        tags: Attr[set[str]] = field(default_factory=set)
        parts: Attr[list[Part]] = field(default_factory=list)
        extra: Attr[dict[str, Any]] = field(default_factory=dict)

        @before_save
        def spoil(self) -> None:
            self.tags.add("spoilt")
            self.parts[0].names.append("spoilt")
            self.extra["a"]["b"].append("spoilt")
            raise LookupError("no")

    whole = Whole(pk="a", tags={"x"}, parts=[Part(names=["n"])], extra={"a": {"b": []}})
    with pytest.raises(LookupError):
        drive(whole.create())
    assert whole == Whole(pk="a", tags={"x"}, parts=[Part(names=["n"])], extra={"a": {"b": []}})
