"""Conditions: what the operators make, what is refused when one is built, and what they mean on every engine."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydynox import Attr, Condition, DynamoDBClient, Model, attr, field, partition_key, path
from pydynox.exceptions import ConditionFailedError, ItemAlreadyExistsError, ItemVanishedError, ValidationError

from tests.conftest import Drive


class Base(Model[str], abstract=True):
    """What has no table of its own has paths all the same."""

    user_id: Attr[str] = partition_key()
    note: Attr[str | None] = field(default=None)


class User(Base, table="users"):
    """One of everything that a condition can be about."""

    name: Attr[str] = field(default="Ada")
    status: Attr[str] = field(default="active")
    age: Attr[int] = field(default=36)
    limit_: Attr[int] = field(default=100, attribute_name="limit")
    balance: Attr[Decimal] = field(default=Decimal("1.5"))
    active: Attr[bool] = field(default=True)
    banned: Attr[bool] = field(default=False)
    photo: Attr[bytes | None] = field(default=b"\x00\x01")
    nick: Attr[str | None] = field(default=None)
    seen: Attr[int | None] = field(default=None, store_null=True)
    tags: Attr[list[str]] = field(default_factory=lambda: ["x", "y"])
    roles: Attr[set[str]] = field(default_factory=lambda: {"admin"})
    numbers: Attr[set[int]] = field(default_factory=lambda: {1, 2})
    scores: Attr[dict[str, int]] = field(default_factory=lambda: {"a": 1, "b.c": 2})
    extra: Attr[dict[str, Any]] = field(default_factory=lambda: {"deep": [{"x": 1}], "name": "reserved"})
    homes: Attr[list[dict[str, str]]] = field(default_factory=lambda: [{"city": "Oslo"}])


HOLD: dict[str, Callable[[], Condition]] = {
    "==": lambda: User.name == "Ada",
    "!=": lambda: User.name != "Bob",
    "<": lambda: User.age < 37,
    "<=": lambda: User.age <= 36,
    ">": lambda: User.balance > Decimal("1.4"),
    ">=": lambda: User.balance >= 1,
    "between": lambda: User.age.between(1, 36),
    "in": lambda: User.age.in_(1, 36),
    "in of an iterable": lambda: User.name.in_(name for name in ("Ada", "Bob")),
    "exists": User.name.exists,
    "NULL exists": User.seen.exists,
    "not exists": User.nick.not_exists,
    "is none: missing": User.nick.is_none,
    "is none: NULL": User.seen.is_none,
    "== None": lambda: User.nick == None,  # noqa: E711
    "!= None": lambda: User.name != None,  # noqa: E711
    "begins with": lambda: User.name.begins_with("A"),
    "bytes begin with": lambda: User.photo.begins_with(b"\x00"),
    "contains": lambda: User.name.contains("d"),
    "list contains": lambda: User.tags.contains("y"),
    "set contains": lambda: User.roles.contains("admin"),
    "set of numbers contains": lambda: User.numbers.contains(2),
    "size": lambda: User.tags.size() == 2,
    "size between": lambda: User.name.size().between(1, 3),
    "size in": lambda: User.name.size().in_(3, 4),
    "attribute type": lambda: User.roles.attribute_type("SS"),
    "path against path": lambda: User.age < User.limit_,
    "path against size": lambda: User.age > User.name.size(),
    "between paths": lambda: User.age.between(User.name.size(), User.limit_),
    "a boolean path": lambda: User.active,
    "not a boolean path": lambda: ~User.banned,
    "bool == True": lambda: User.active == True,  # noqa: E712
    "and": lambda: (User.age > 1) & (User.name == "Ada") & User.active,
    "or": lambda: (User.age > 99) | (User.name == "Ada"),
    "or inside and": lambda: ((User.age > 99) | User.active) & ~(User.name == "Bob"),
    "not": lambda: ~((User.age > 99) & User.active),
    "member of a map": lambda: User.scores["a"] == 1,
    "name with a dot": lambda: User.scores["b.c"] == 2,
    "element of a list": lambda: User.tags[1] == "y",
    "map in a list": lambda: User.homes[0]["city"].begins_with("O"),
    "open map": lambda: User.extra["deep"][0]["x"] == 1,
    "open map, reserved": lambda: User.extra["name"] == "reserved",
    "renamed attribute": lambda: User.limit_ == 100,
    "reserved word": lambda: User.status == "active",
    "untyped": lambda: (attr("homes[0].city") == "Oslo") & (attr("age") > 1) & attr("roles").contains("admin"),
    "inherited from an abstract class": Base.note.not_exists,
    "a path as one value": lambda: path(User.tags) == ["x", "y"],
    "a whole map": lambda: User.scores == {"a": 1, "b.c": 2},
}


MOTO = {
    "bytes begin with": pytest.mark.deviates(moto="compares the base64 text of bytes"),
    "between paths": pytest.mark.deviates(moto="answers size() inside BETWEEN with status 500"),
}
CASES = [pytest.param(build, id=name, marks=[MOTO[name]] if name in MOTO else []) for name, build in HOLD.items()]


@pytest.fixture
def user(client: DynamoDBClient, drive: Drive) -> User:
    drive(User.table.create())
    made = User(user_id="u1")
    drive(made.create())
    return made


@pytest.mark.parametrize("build", CASES)
def test_a_condition_holds_for_the_item_that_it_describes_and_its_opposite_does_not(
    drive: Drive, user: User, build: Callable[[], Condition]
) -> None:
    condition = build()

    drive(user.put(condition=condition))
    with pytest.raises(ConditionFailedError) as caught:
        drive(user.put(condition=~condition))

    assert isinstance(condition, Condition)
    assert caught.value.item == user


def test_every_write_takes_a_condition_and_a_false_one_writes_nothing(drive: Drive, user: User) -> None:
    false = User.age > 99
    user.name = "Bob"

    for write in (user.save, user.put, user.delete, User.key("u1").delete):
        with pytest.raises(ConditionFailedError) as caught:
            drive(write(condition=false))
        assert caught.value.condition is false
        assert caught.value.key == User.key("u1")
        assert caught.value.item == User(user_id="u1")
        assert (caught.value.ambiguous, caught.value.applied) == (False, False)

    assert drive(User.get("u1")).name == "Ada"
    assert set(user.model_changes()) == {"name"}


def test_every_write_happens_where_its_condition_holds(drive: Drive, user: User) -> None:
    true = User.age == 36
    user.name = "Bob"

    drive(user.save(condition=true))
    assert user.model_changes() == {}
    user.name = "Eve"
    drive(user.put(condition=true))
    assert drive(User.get("u1")).name == "Eve"
    drive(user.delete(condition=true))
    assert drive(User.get("u1")) is None
    drive(user.create(condition=User.name.not_exists()))
    drive(User.key("u1").delete(condition=true))
    assert drive(User.get("u1")) is None


def test_create_tells_a_taken_key_from_a_condition_that_is_false(drive: Drive, user: User) -> None:
    with pytest.raises(ItemAlreadyExistsError):
        drive(User(user_id="u1").create(condition=User.name.not_exists()))

    with pytest.raises(ConditionFailedError) as caught:
        drive(User(user_id="u2").create(condition=User.name.exists()))

    assert type(caught.value) is ConditionFailedError
    assert caught.value.item is None


@pytest.mark.deviates(moto="answers an UpdateItem without an UpdateExpression with status 500")
def test_a_condition_on_an_unchanged_instance_is_checked_and_writes_nothing(
    drive: Drive, client: DynamoDBClient, user: User
) -> None:
    drive(user.save(condition=User.active))
    assert drive(User.get("u1")) == user

    drive(User.key("u1").delete())
    with pytest.raises(ItemVanishedError):
        drive(user.save(condition=User.nick.not_exists()))
    assert drive(User.get("u1")) is None


def test_a_delete_whose_condition_is_false_for_a_missing_item_says_so(drive: Drive, user: User) -> None:
    with pytest.raises(ConditionFailedError) as caught:
        drive(User.key("u2").delete(condition=User.age > 1))

    assert caught.value.item is None
    drive(User.key("u2").delete(condition=User.age.not_exists()))


def test_plain_dictionaries_take_conditions_too(drive: Drive, client: DynamoDBClient, user: User) -> None:
    condition = attr("name") == "Bob"
    key = {"user_id": "u1"}

    with pytest.raises(ConditionFailedError) as put:
        drive(client.put_item("users", {"user_id": "u1"}, condition=condition))
    with pytest.raises(ConditionFailedError, match="the condition name = … was false") as deleted:
        drive(client.delete_item("users", key, condition=condition))

    assert (put.value.condition, deleted.value.condition, deleted.value.key) == (condition, condition, key)
    assert deleted.value.item["name"] == "Ada"
    drive(client.delete_item("users", key, condition=attr("name") == "Ada"))
    drive(client.put_item("users", {"user_id": "u1"}, condition=attr("user_id").not_exists()))
    assert drive(client.get_item("users", key)) == key


@pytest.mark.engines("embedded")
def test_messages_show_values_only_where_the_client_may(drive: Drive) -> None:
    for errors, shown in [
        ("none", "User: the condition name = … was false"),
        ("keys", "User.key('u1'): the condition name = … was"),
    ]:
        client = DynamoDBClient(endpoint_url="memory://", errors=errors)  # type: ignore[arg-type]
        with client.as_default():
            drive(User.table.create())
            with pytest.raises(ConditionFailedError) as caught:
                drive(User(user_id="u1").put(condition=User.name == "secret"))
        assert str(caught.value).startswith(shown)
    client = DynamoDBClient(endpoint_url="memory://", errors="full")
    with client.as_default():
        drive(User.table.create())
        with pytest.raises(ConditionFailedError, match='condition name = "secret" was false, and nothing was written'):
            drive(User(user_id="u1").put(condition=User.name == "secret"))


REFUSED: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "type": (lambda: User.age > "x", ValidationError, r"User\.age must be int, not str"),  # type: ignore[operator]
    "nested type": (lambda: User.scores["a"] > "x", ValidationError, r'User\.scores\["a"\] must be int, not str'),  # type: ignore[operator]
    "element type": (lambda: User.tags.contains(3), ValidationError, r"User\.tags must be str, not int"),  # type: ignore[arg-type]
    "prefix": (lambda: User.name.begins_with(3), ValidationError, r"User\.name must be str"),  # type: ignore[arg-type]
    "size": (lambda: User.name.size() > "x", ValidationError, r"User\.name must be int, not str"),  # type: ignore[operator]
    "no value": (User.age.in_, ValidationError, r"User\.age: in_\(\) needs at least one value"),
    "an empty list": (lambda: User.age.in_([]), ValidationError, r"User\.age: in_\(\) needs at least one value"),
    "many": (lambda: User.age.in_(range(101)), ValidationError, r"in_\(\) takes at most 100 values.*101 were given.*\|"),
    "None": (lambda: User.nick > None, ValidationError, r"compared with None: write User\.nick\.is_none\(\)"),
    "None in": (lambda: User.nick.in_("x", None), ValidationError, r"write User\.nick\.is_none\(\)"),
    "unknown type": (lambda: User.age.attribute_type("INT"), ValidationError, r"DynamoDB's types are S, N, B, BOOL"),
    "arithmetic": (lambda: User.age > User.age + 1, TypeError, r"belong inside set\(\)"),  # type: ignore[operator]
    "map key": (lambda: User.scores[0], TypeError, r'User\.scores is a map: write User\.scores\["name"\]'),  # type: ignore[index]
    "list index": (lambda: User.tags["a"], TypeError, r"User\.tags is a list: write User\.tags\[0\]"),  # type: ignore[call-overload]
    "negative": (lambda: User.tags[-1], IndexError, r"User\.tags\[-1\]: DynamoDB counts the elements of a list from 0"),
    "slice": (lambda: User.tags[1:], TypeError, r"User\.tags\[...\] takes a name of a map or a position"),  # type: ignore[call-overload]
    "too many operators": (
        lambda: [c := User.age > 1, [c := c | (User.age > 1) for _ in range(150)]],
        ValidationError,
        "at most 300 operators and functions",
    ),
    "empty path": (lambda: attr("a..b"), ValidationError, "has an empty name in it"),
    "empty text": (lambda: attr(""), ValidationError, "has an empty name in it"),
    "no place": (lambda: path("age"), TypeError, r"path\(\) takes a path such as"),  # type: ignore[arg-type]
    "no class": (lambda: Condition("age > 3"), TypeError, "made by comparing paths"),  # type: ignore[arg-type]
    "unknown attribute": (lambda: User.nope, AttributeError, "has no attribute 'nope'"),  # type: ignore[attr-defined]
    "operation": (lambda: User.age.begins_with("x"), AttributeError, "begins_with"),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize(("build", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_a_mistake_is_told_where_the_condition_is_built(
    build: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        build()


TRUTH: dict[str, Callable[[], object]] = {
    "and": lambda: (User.age > 3) and User.active,
    "or": lambda: (User.age > 3) or User.active,
    "not": lambda: not (User.age > 3),
    "if": lambda: 1 if User.age > 3 else 2,
    "chained": lambda: 1 < User.age < 9,  # type: ignore[operator]
    "bool": lambda: bool(User.age > 3),
}


@pytest.mark.parametrize("build", TRUTH.values(), ids=TRUTH)
def test_a_condition_has_no_truth_value_and_says_what_to_write(build: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match=r"the condition age > … has no truth value.*use & \| ~ instead of.*a\.between\(x, y\)"):
        build()


def test_a_path_has_no_truth_value_and_no_elements_in_python() -> None:
    with pytest.raises(TypeError, match=r"<path User\.active> has no truth value"):
        bool(User.active)
    with pytest.raises(TypeError, match=r"use <path User\.tags>\.contains\(\.\.\.\)"):
        "x" in User.tags  # type: ignore[operator]  # noqa: B015
    with pytest.raises(TypeError, match="not iterable"):
        list(User.tags)  # type: ignore[call-overload]


def test_what_is_no_condition_is_refused(drive: Drive) -> None:
    for wrong in ("age > 3", True, User.age, User.age.add(1)):
        with pytest.raises(TypeError, match=r"condition= takes a condition such as User\.age > 3, not"):
            drive(User(user_id="u1").create(condition=wrong))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unsupported operand"):
        (User.age > 3) & 3  # type: ignore[operator]


def test_repr_shows_the_text_and_explain_the_values() -> None:
    condition = (User.name == "secret") & User.scores["b.c"].between(1, 2) | ~User.roles.contains("x")

    assert repr(condition) == '<condition name = … AND scores["b.c"] BETWEEN … AND … OR NOT contains(roles, …)>'
    assert condition.explain() == 'name = "secret" AND scores["b.c"] BETWEEN 1 AND 2 OR NOT contains(roles, "x")'
    assert User.active.explain() == "active = true"
    assert repr(User.homes[0]["city"]) == '<path User.homes[0]["city"]>'
    assert repr(User.tags.size()) == "<size of User.tags>"
    assert repr(attr("a.b[0]")) == "<path a.b[0]>"
    assert User.homes[0]["city"].path == ("homes", 0, "city")


def test_paths_and_conditions_are_made_once_and_used_again() -> None:
    condition = User.age > 3

    assert User.age is User.age
    assert {condition: 1}[condition] == 1
    assert len({User.age, User.age, User.name}) == 2
    assert User.age.model is User
    assert Base.note is not User.note
    with pytest.raises(AttributeError):
        condition.tree = 3  # type: ignore[attr-defined]


def test_values_are_taken_when_the_condition_is_built(drive: Drive, user: User) -> None:
    wanted = ["x", "y"]
    condition = User.tags == wanted

    wanted.append("z")

    drive(user.put(condition=condition))


def test_what_is_about_another_model_is_refused(client: DynamoDBClient, drive: Drive) -> None:
    class Base(Model[str], abstract=True):
        pk: Attr[str] = partition_key()
        total: Attr[int] = field(default=0)

    class One(Base, table="ones"):
        extra: Attr[int] = field(default=0)

    class Other(Base, table="others"):
        pass

    one = One(pk="a")
    drive(One.table.create())
    drive(one.create(condition=Base.total.not_exists()))
    foreign = [Other.total == 0, (One.total == 0) & (Other.total == 0), ~(Other.total == 0), Other.total.exists()]
    for condition in foreign:
        for call in (
            lambda c=condition: one.save(condition=c),
            lambda c=condition: one.put(condition=c),
            lambda c=condition: one.delete(condition=c),
            lambda c=condition: one.update(One.total.add(1), condition=c),
            lambda c=condition: One(pk="b").create(condition=c),
            lambda c=condition: One.key("a").update(One.total.add(1), condition=c),
            lambda c=condition: One.key("a").delete(condition=c),
        ):
            with pytest.raises(ValidationError, match=r"the condition .* refers to Other, not to One"):
                drive(call())
    with pytest.raises(ValidationError, match=r"the action ADD total … refers to Other, not to One"):
        drive(one.update(Other.total.add(1)))
    with pytest.raises(ValidationError, match="refers to Other, not to One"):
        drive(One.key("a").apply(Other.total.add(1)))
    # A base class speaks of what its subclasses have; an untyped path of whatever there is.
    drive(one.update(Base.total.add(1), condition=(Base.total == 0) & (attr("extra") == 0)))
    assert one.total == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: attr("\ud800"),
        lambda: attr("a.\udfff"),
        lambda: attr("a")["\ud800"],
        lambda: attr("a").b["\ud800"] if hasattr(attr("a"), "b") else attr("a")["b"]["\ud800"],
    ],
)
def test_a_name_that_is_no_text_is_a_validation_error(make: Any) -> None:
    with pytest.raises(ValidationError, match="lone surrogate"):
        make()


def test_a_value_that_is_no_text_is_a_validation_error() -> None:
    with pytest.raises(ValidationError, match="lone surrogate"):
        _ = attr("a") == "\ud800"
