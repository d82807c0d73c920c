"""Actions: what each does on every engine, what is refused before anything is sent, and what the instance is afterwards."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydynox import Action, Attr, DynamoDBClient, Model, attr, field, partition_key, sort_key
from pydynox.exceptions import (
    ConditionFailedError,
    InvalidRequestError,
    ItemNotFoundError,
    ItemVanishedError,
    SerializationError,
    ValidationError,
)

from tests.conftest import Drive


class User(Model[str], table="users"):
    """One of everything that an action can change."""

    user_id: Attr[str] = partition_key()
    name: Attr[str] = field(default="Ada", min_length=1)
    age: Attr[int] = field(default=36)
    base: Attr[int] = field(default=10)
    ratio: Attr[float] = field(default=0.5)
    balance: Attr[Decimal] = field(default=Decimal("1.5"))
    nick: Attr[str | None] = field(default=None)
    seen: Attr[int | None] = field(default=None, store_null=True)
    born: Attr[int] = field(default=1815, immutable=True)
    tags: Attr[list[str]] = field(default_factory=list)
    roles: Attr[set[str]] = field(default_factory=set)
    scores: Attr[dict[str, int]] = field(default_factory=dict)
    extra: Attr[dict[str, Any]] = field(default_factory=dict)
    homes: Attr[list[dict[str, str]]] = field(default_factory=list)


class Order(Model[str, int], table="orders"):
    """A composite key and a required attribute."""

    customer_id: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    email: Attr[str]
    total: Attr[Decimal] = field(default=Decimal(0))
    lines: Attr[list[str]] = field(default_factory=lambda: ["first"])
    note: Attr[str | None] = field(default=None)


@pytest.fixture
def user(client: DynamoDBClient, drive: Drive) -> User:
    drive(User.table.create())
    drive(Order.table.create())
    made = User(
        user_id="u1",
        tags=["x", "y"],
        roles={"admin", "author"},
        scores={"a": 1},
        extra={"deep": {"list": [1], "set": {"s"}}},
        homes=[{"city": "Oslo"}, {"city": "Rome"}],
    )
    drive(made.create())
    return made


DO: dict[str, tuple[Callable[[], Action], Callable[[User], object], object]] = {
    "set": (lambda: User.name.set("Bob"), lambda u: u.name, "Bob"),
    "set None": (lambda: User.nick.set(None), lambda u: u.nick, None),
    "set None, stored": (lambda: User.seen.set(None), lambda u: u.seen, None),
    "set an empty set": (lambda: User.roles.set(set()), lambda u: u.roles, set()),
    "set an int to a float": (lambda: User.ratio.set(3), lambda u: u.ratio, 3.0),
    "plus": (lambda: User.age.set(User.age + 1), lambda u: u.age, 37),
    "minus": (lambda: User.age.set(User.age - 1), lambda u: u.age, 35),
    "another path": (lambda: User.age.set(User.base), lambda u: u.age, 10),
    "two paths": (lambda: User.age.set(User.age + User.base), lambda u: u.age, 46),
    "if not exists, there": (lambda: User.age.set(User.age.if_not_exists(0)), lambda u: u.age, 36),
    "if not exists, missing": (lambda: User.nick.set(User.nick.if_not_exists("Countess")), lambda u: u.nick, "Countess"),
    "if not exists, plus": (lambda: User.seen.set(User.age.if_not_exists(0) + 1), lambda u: u.seen, 37),
    "if not exists, a path": (lambda: User.nick.set(User.nick.if_not_exists(User.name)), lambda u: u.nick, "Ada"),
    "remove": (User.seen.remove, lambda u: u.seen, None),
    "add": (lambda: User.age.add(4), lambda u: u.age, 40),
    "add a Decimal": (lambda: User.balance.add(Decimal("0.25")), lambda u: u.balance, Decimal("1.75")),
    "add to a set": (lambda: User.roles.add("x", "admin"), lambda u: u.roles, {"admin", "author", "x"}),
    "discard": (lambda: User.roles.discard("admin"), lambda u: u.roles, {"author"}),
    "discard all": (lambda: User.roles.discard("admin", "author"), lambda u: u.roles, set()),
    "append": (lambda: User.tags.append("z", "z"), lambda u: u.tags, ["x", "y", "z", "z"]),
    "prepend": (lambda: User.tags.prepend("a", "b"), lambda u: u.tags, ["a", "b", "x", "y"]),
    "set a member": (lambda: User.scores["b"].set(2), lambda u: u.scores, {"a": 1, "b": 2}),
    "add to a member": (lambda: User.scores["a"].add(2), lambda u: u.scores, {"a": 3}),
    "add to a missing member": (lambda: User.scores["b"].add(2), lambda u: u.scores, {"a": 1, "b": 2}),
    "remove a member": (User.scores["a"].remove, lambda u: u.scores, {}),
    "a name with a dot": (lambda: User.scores["a.b"].set(2), lambda u: u.scores, {"a": 1, "a.b": 2}),
    "set an element": (lambda: User.tags[0].set("X"), lambda u: u.tags, ["X", "y"]),
    "remove an element": (User.tags[0].remove, lambda u: u.tags, ["y"]),
    "a map in a list": (lambda: User.homes[1]["city"].set("Bern"), lambda u: u.homes[1], {"city": "Bern"}),
    "append inside": (lambda: User.extra["deep"]["list"].append(2), lambda u: u.extra["deep"]["list"], [1, 2]),
    "add to a set inside": (lambda: User.extra["deep"]["set"].add({"t"}), lambda u: u.extra["deep"]["set"], {"s", "t"}),
    "untyped": (lambda: attr("extra.deep.x").set([1, None]), lambda u: u.extra["deep"]["x"], [1, None]),
    "untyped add": (lambda: attr("age").add(1), lambda u: u.age, 37),
}


@pytest.mark.parametrize(("build", "read", "expected"), DO.values(), ids=DO)
def test_an_action_changes_the_item_and_the_instance(
    drive: Drive, user: User, build: Callable[[], Action], read: Callable[[User], object], expected: object
) -> None:
    drive(user.update(build()))

    assert read(user) == expected
    assert type(read(user)) is type(expected)
    assert drive(User.get("u1")) == user
    assert user.model_changes() == {}


def test_a_missing_list_and_a_missing_set_count_as_empty(drive: Drive, client: DynamoDBClient, user: User) -> None:
    drive(client.put_item("users", {"user_id": "u2"}))

    made = drive(User.key("u2").update(User.tags.append("x"), User.roles.add("r"), User.age.add(1)))

    assert (made.tags, made.roles, made.age) == (["x"], {"r"}, 1)


def test_several_actions_are_one_update(drive: Drive, user: User) -> None:
    drive(
        user.update(
            User.age.add(1), User.name.set("Bob"), User.scores["b"].set(2), User.nick.remove(), User.roles.discard("admin"),
            condition=User.age == 36,
        )
    )  # fmt: skip

    assert (user.age, user.name, user.scores, user.roles) == (37, "Bob", {"a": 1, "b": 2}, {"author"})


def test_an_update_takes_over_what_others_wrote_and_keeps_unsaved_edits(drive: Drive, client: DynamoDBClient, user: User) -> None:
    drive(User.key("u1").apply(User.base.set(99), attr("other").set("kept")))
    user.name = "Eve"
    user.tags.append("edit")

    drive(user.update(User.age.add(1)))

    assert (user.age, user.base, user.name, user.tags) == (37, 99, "Eve", ["x", "y", "edit"])
    assert set(user.model_changes()) == {"name", "tags"}
    drive(user.put())
    stored = drive(client.get_item("users", {"user_id": "u1"}))
    assert (stored["other"], stored["name"], stored["base"]) == ("kept", "Eve", 99)


def test_a_failed_update_leaves_the_instance_as_it_was(drive: Drive, user: User) -> None:
    before = user.model_dump()

    with pytest.raises(ConditionFailedError) as caught:
        drive(user.update(User.age.add(1), condition=User.age > 99))
    with pytest.raises(InvalidRequestError):
        drive(user.update(User.age.set(User.nick)))  # type: ignore[arg-type]

    assert user.model_dump() == before
    assert user.model_changes() == {}
    assert (caught.value.key, caught.value.item) == (User.key("u1"), user)


def test_a_vanished_item_is_not_made_again(drive: Drive, user: User) -> None:
    drive(User.key("u1").delete())

    with pytest.raises(ItemVanishedError):
        drive(user.update(User.age.add(1)))

    assert drive(User.get("u1")) is None


def test_an_update_by_key_gives_the_new_item(drive: Drive, user: User) -> None:
    changed = drive(User.key("u1").update(User.age.add(1)))

    assert isinstance(changed, User)
    assert (changed.age, changed.name, changed.model_changes()) == (37, "Ada", {})
    assert drive(User.key("u1").apply(User.age.add(1))) is None
    assert drive(User.get("u1")).age == 38


def test_an_update_by_key_needs_its_item(drive: Drive, user: User) -> None:
    for verb in (User.key("u2").update, User.key("u2").apply):
        with pytest.raises(ItemNotFoundError, match=r"User\.key\('u2'\): the item does not exist.*upsert=True"):
            drive(verb(User.age.add(1)))
    with pytest.raises(ConditionFailedError, match="the condition age > … was false, and nothing was written") as caught:
        drive(User.key("u1").update(User.age.add(1), condition=User.age > 99))

    assert drive(User.get("u2")) is None
    assert caught.value.item == user


def test_an_upsert_fills_what_no_action_names(drive: Drive, user: User) -> None:
    key = Order.key("c1", 7)

    made = drive(key.update(Order.email.set("a@b.c"), Order.total.add(Decimal(5)), upsert=True))
    again = drive(key.update(Order.email.set("x@y.z"), Order.total.add(Decimal(5)), upsert=True))

    assert made == Order(customer_id="c1", number=7, email="a@b.c", total=Decimal(5))
    assert again == Order(customer_id="c1", number=7, email="x@y.z", total=Decimal(10))
    drive(key.apply(Order.lines.append("second"), Order.email.set("x@y.z"), upsert=True))
    assert drive(key.get()).lines == ["first", "second"]
    with pytest.raises(ConditionFailedError):
        drive(key.apply(Order.email.set("q"), condition=Order.note.exists(), upsert=True))


class Mark(Model[str], table="marks"):
    """Nothing that an upsert would fill in."""

    mark_id: Attr[str] = partition_key()
    seen: Attr[int | None] = field(default=None)
    tags: Attr[set[str]] = field(default_factory=set)
    more: Attr[int | None] = field(default=None)


TAKES_AWAY: list[tuple[Action, ...]] = [
    (Mark.seen.remove(),),
    (Mark.seen.set(None),),
    (Mark.tags.discard("a"),),
    (Mark.seen.remove(), Mark.tags.discard("a")),
]


@pytest.mark.parametrize("actions", TAKES_AWAY, ids=str)
def test_an_upsert_that_sets_nothing_is_refused_with_what_to_add(client: DynamoDBClient, drive: Drive, actions: Any) -> None:
    drive(Mark.table.create())
    key = Mark.key("m1")

    async def transacted() -> None:
        async with client.transaction() as tx:
            tx.update(key, *actions, upsert=True)

    for attempt in (
        lambda: drive(key.update(*actions, upsert=True)),
        lambda: drive(key.apply(*actions, upsert=True)),
        lambda: drive(transacted()),
    ):
        with pytest.raises(ValidationError, match=r"creates no item.*such as Mark\.(tags|more|seen)\.set"):
            attempt()
        assert drive(key.get()) is None

    assert drive(key.update(*actions, Mark.more.set(1), upsert=True)).more == 1
    assert drive(key.update(*actions)).more == 1, "without upsert the item is there"


@pytest.mark.parametrize(
    "actions",
    [
        pytest.param((attr("seen").remove(),), marks=pytest.mark.deviates(moto="it makes an item of REMOVE alone")),
        (attr("tags").discard({"a"}),),
    ],
    ids=str,
)
def test_an_update_of_plain_values_that_only_takes_away_makes_no_item(client: DynamoDBClient, drive: Drive, actions: Any) -> None:
    drive(Mark.table.create())

    answer = drive(client.update_item("marks", {"mark_id": "m1"}, *actions))

    # Nobody has shown what DELETE alone does at DynamoDB: either answer is passed on.
    assert answer == {} or (str(actions[0]).startswith("<action DELETE") and answer == {"mark_id": "m1"})
    if answer == {}:
        assert drive(client.get_item("marks", {"mark_id": "m1"})) is None
    assert drive(client.update_item("marks", {"mark_id": "m1"}, attr("seen").set(1))) == {"mark_id": "m1", "seen": 1}
    assert drive(client.update_item("marks", {"mark_id": "m1"}, attr("seen").remove())) == {"mark_id": "m1"}
    assert drive(client.get_item("marks", {"mark_id": "m1"})) == {"mark_id": "m1"}


@pytest.mark.engines("embedded")
@pytest.mark.parametrize(
    ("update", "makes"),
    [
        ({"UpdateExpression": "REMOVE seen"}, False),
        ({"UpdateExpression": "remove seen, other.inner"}, None),
        ({"UpdateExpression": "DELETE tags :t", "ExpressionAttributeValues": {":t": {"SS": ["a"]}}}, False),
        ({"UpdateExpression": "REMOVE seen DELETE tags :t", "ExpressionAttributeValues": {":t": {"SS": ["a"]}}}, False),
        ({"UpdateExpression": "REMOVE #set", "ExpressionAttributeNames": {"#set": "add"}}, False),
        ({"UpdateExpression": "REMOVE seen", "ConditionExpression": "attribute_not_exists(mark_id)"}, False),
        ({"UpdateExpression": "REMOVE seen", "ConditionExpression": "attribute_exists(mark_id)"}, None),
        ({"UpdateExpression": "REMOVE seen SET n = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}, True),
        ({"UpdateExpression": "ADD n :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}, True),
        ({"AttributeUpdates": {"seen": {"Action": "DELETE"}}}, False),
        ({"AttributeUpdates": {"n": {"Action": "PUT", "Value": {"N": "1"}}}}, True),
        ({}, True),
    ],
)
def test_the_engine_makes_no_item_of_what_is_not_there(
    client: DynamoDBClient, drive: Drive, update: Any, makes: bool | None
) -> None:
    drive(Mark.table.create())
    of = {"TableName": "marks", "Key": {"mark_id": {"S": "m1"}}}

    def is_there() -> bool:
        return drive(client.get_item("marks", {"mark_id": "m1"})) is not None

    for returned in ("NONE", "ALL_NEW", "ALL_OLD", "UPDATED_NEW"):
        try:
            answer = drive(client.call("UpdateItem", **of, **update, ReturnValues=returned))
        except (ConditionFailedError, InvalidRequestError):
            assert makes is None
        else:
            assert makes is not None
            assert ("Attributes" in answer) <= makes
        assert is_there() is bool(makes)
        drive(client.delete_item("marks", {"mark_id": "m1"}))
    if "UpdateExpression" not in update or makes is None:
        return
    for _ in range(2):
        drive(client.call("TransactWriteItems", TransactItems=[{"Update": {**of, **update}}], ClientRequestToken="same"))
        assert is_there() is makes


def test_an_upsert_that_leaves_a_required_attribute_unset_is_refused(drive: Drive, user: User) -> None:
    for action in (Order.total.add(Decimal(5)), Order.email.remove()):
        with pytest.raises(ValidationError, match=r"Order\.email has no default.*add Order\.email\.set\(") as caught:
            drive(Order.key("c1", 7).update(action, upsert=True))
        assert [name for name, _ in caught.value.errors] == ["email"]


def test_a_nested_action_without_its_parent_is_a_failed_condition(drive: Drive, client: DynamoDBClient, user: User) -> None:
    drive(client.put_item("users", {"user_id": "u2", "age": 1}))

    with pytest.raises(ConditionFailedError, match="lacks what this change builds on") as caught:
        drive(User.key("u2").update(User.scores["a"].set(1)))
    with pytest.raises(ConditionFailedError, match="the condition age = … was false, or the stored item lacks what"):
        drive(User.key("u2").update(User.homes[0]["city"].set("x"), condition=User.age == 1))

    assert caught.value.item.age == 1
    assert drive(client.get_item("users", {"user_id": "u2"})) == {"user_id": "u2", "age": 1}


def test_pop_gives_the_item_that_it_deleted(drive: Drive, user: User) -> None:
    assert drive(User.key("u1").pop()) == user

    assert drive(User.get("u1")) is None
    assert drive(User.key("u1").pop()) is None


def test_an_item_that_does_not_fit_is_told_with_the_update_applied(drive: Drive, client: DynamoDBClient, user: User) -> None:
    with pytest.raises(SerializationError) as caught:
        drive(User.key("u1").update(attr("age").set("old")))

    assert (caught.value.applied, caught.value.operation, caught.value.attribute) == (True, "UpdateItem", "age")
    assert drive(client.get_item("users", {"user_id": "u1"}))["age"] == "old"


def test_plain_dictionaries_are_updated_and_made(drive: Drive, client: DynamoDBClient, user: User) -> None:
    key = {"user_id": "u9"}

    made = drive(client.update_item("users", key, attr("hits").add(1), attr("map").set({"a": None}), attr("set").add("x", "y")))
    with pytest.raises(ConditionFailedError) as caught:
        drive(client.update_item("users", key, attr("hits").add(1), condition=attr("hits") > 1))
    changed = drive(client.update_item("users", key, attr("map.a").set([1]), attr("set").discard("x"), attr("hits").remove()))

    assert made == {"user_id": "u9", "hits": 1, "map": {"a": None}, "set": {"x", "y"}}
    assert (caught.value.key, caught.value.item) == (key, made)
    assert changed == {"user_id": "u9", "map": {"a": [1]}, "set": {"y"}}


def test_get_or_create_reads_or_writes(drive: Drive, user: User) -> None:
    found, created = drive(User.get_or_create("u1", defaults={"name": "Bob"}))
    made, fresh = drive(User.get_or_create("u2", defaults={"name": "Bob"}))
    order, _ = drive(Order.get_or_create(customer_id="c1", number=7, defaults={"email": "a@b.c"}))

    assert (found, created) == (user, False)
    assert (made.name, fresh, made.model_changes()) == ("Bob", True, {})
    assert order == drive(Order.get("c1", 7))
    with pytest.raises(ValidationError, match=r"Order\.email is missing"):
        drive(Order.get_or_create("c1", 8))


REFUSED: dict[str, tuple[Callable[[], tuple[Action, ...]], str]] = {
    "nothing": (lambda: (), "an update needs at least one action"),
    "twice": (lambda: (User.age.add(1), User.age.set(1)), "two actions of one update change the same path, age and age"),
    "inside": (lambda: (User.scores["a"].set(1), User.scores.remove()), "the same path, scores and scores.a"),
    "map and list": (lambda: (attr("extra.x").set(1), attr("extra[0]").set(1)), "as a map and as a list: extra.x and extra"),
    "key": (lambda: (User.user_id.set("u2"),), "user_id is a key and cannot change"),
    "key, untyped": (lambda: (attr("user_id").remove(),), "user_id is a key and cannot change"),
    "immutable": (lambda: (User.born.set(1),), "born is immutable"),
    "edited": (lambda: (User.name.set("x"),), r"User\.name was changed on this instance.*save\(\) or model_rollback\(\)"),
    "too long": (lambda: tuple(attr(f"{'a.' * 30}b{n}").set(1) for n in range(200)), "the update is longer than the 4096 bytes"),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.engines("embedded")
def test_what_cannot_be_one_update_is_refused_before_it_is_sent(
    drive: Drive, user: User, build: Callable[[], tuple[Action, ...]], message: str
) -> None:
    user.name = "edited"
    drive(User.key("u1").delete())

    with pytest.raises(ValidationError, match=message):
        drive(user.update(*build()))


WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "type": (lambda: User.age.set("x"), ValidationError, r"User\.age must be int, not str"),  # type: ignore[arg-type]
    "None": (lambda: User.name.set(None), ValidationError, r"User\.name must be str, not NoneType"),  # type: ignore[arg-type]
    "amount": (lambda: User.age.add("x"), ValidationError, r"User\.age must be int, not str"),  # type: ignore[arg-type]
    "element": (lambda: User.tags.append("x", 3), ValidationError, r"User\.tags\[1\] must be str, not int"),  # type: ignore[arg-type]
    "member": (lambda: User.roles.discard(3), ValidationError, r"User\.roles\{\.\.\.\} must be str|User\.roles.*must be str"),  # type: ignore[arg-type]
    "nested": (lambda: User.scores["a"].set("x"), ValidationError, r'User\.scores\["a"\] must be int'),  # type: ignore[arg-type]
    "rule": (lambda: User.name.set(""), ValidationError, r"User\.name"),
    "no members": (User.roles.add, ValidationError, r"User\.roles\.add\(\) needs at least one value"),
    "nothing out": (User.roles.discard, ValidationError, r"User\.roles\.discard\(\) needs at least one value"),
    "no elements": (User.tags.append, ValidationError, r"User\.tags\.append\(\) needs at least one value"),
    "nothing before": (User.tags.prepend, ValidationError, r"User\.tags\.prepend\(\) needs at least one value"),
    "three terms": (lambda: User.age.set(User.age + 1 + 1), TypeError, "adds or subtracts once in a SET"),
    "default": (lambda: User.age.if_not_exists("x"), ValidationError, r"User\.age must be int"),  # type: ignore[arg-type]
    "no action": (lambda: User.key("u1").sync.update(User.age > 3), TypeError, "takes actions such as"),  # type: ignore[arg-type]
    "no list": (lambda: User.age.append(3), AttributeError, "append"),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize(("build", "error", "message"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told_where_the_action_is_built(build: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()


def test_a_new_instance_is_created_not_updated(drive: Drive, user: User) -> None:
    with pytest.raises(ValidationError, match=r"this User is new: update\(\) changes a stored item, create\(\) writes"):
        drive(User(user_id="u2").update(User.age.add(1)))


def test_repr_shows_the_text_and_explain_the_values() -> None:
    action = User.age.set(User.age.if_not_exists(0) + 1)

    assert repr(action) == "<action SET age = if_not_exists(age, …) + …>"
    assert action.explain() == "SET age = if_not_exists(age, 0) + 1"
    assert repr(User.age - 1) == "<term age - …>"
    assert repr(User.roles.add("x")) == "<action ADD roles …>"
    assert User.scores["a"].add(2).explain() == "SET scores.a = if_not_exists(scores.a, 0) + 2"
