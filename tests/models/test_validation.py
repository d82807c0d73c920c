"""Field rules: on construction, on assignment and before a write; and every rule that cannot be meant, when the class is made."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pydantic
import pytest
from pydynox import (
    Attr,
    BinaryAttribute,
    BooleanAttribute,
    Document,
    DynamoDBClient,
    ListAttribute,
    MapAttribute,
    Model,
    NumberAttribute,
    SetAttribute,
    StringAttribute,
    field,
    partition_key,
    sort_key,
)
from pydynox.exceptions import ConfigurationError, ValidationError

from tests.conftest import Drive


def even(number: int) -> bool:
    return number % 2 == 0


def named(text: str) -> str:
    if "@" not in text:
        raise ValueError("an address has an @")
    return text


class Account(Model[str, int], table="accounts"):
    """A rule of each kind."""

    name: Attr[str] = partition_key(pattern="^[a-z]+$", max_length=8)
    number: Attr[int] = sort_key(gt=0)
    email: Attr[str] = field(default="a@b", min_length=3, max_length=10, validate=named)
    age: Attr[int] = field(default=0, ge=0, lt=150)
    share: Attr[float | None] = field(default=None, gt=0, le=1)
    balance: Attr[Decimal] = field(default=Decimal(0), le=Decimal("1e6"))
    pairs: Attr[int] = field(default=2, validate=[even, lambda value: None])
    photo: Attr[bytes | None] = field(default=None, max_length=2)
    tags: Attr[list[str]] = field(default_factory=list, max_length=2)
    roles: Attr[set[str] | None] = field(default=None, min_length=1)
    extra: Attr[dict[str, Any]] = field(default_factory=dict, max_length=1)
    born: Attr[str] = field(default="", immutable=True)
    seen: Attr[list[int]] = field(default_factory=list, immutable=True)


def account(**values: Any) -> Account:
    return Account(**{"name": "ada", "number": 1, **values})


REFUSED = [
    ("name", "Ada", r"Account.name does not match the pattern ^[a-z]+$"),
    ("name", "a" * 9, "Account.name must have a length of at most 8, not 9"),
    ("number", 0, "Account.number must be > 0"),
    ("email", "ab", "Account.email must have a length of at least 3, not 2"),
    ("email", "abcd", "Account.email: an address has an @"),
    ("age", -1, "Account.age must be >= 0"),
    ("age", 150, "Account.age must be < 150"),
    ("share", 0.0, "Account.share must be > 0"),
    ("share", 1.5, "Account.share must be <= 1"),
    ("balance", Decimal("1000000.01"), "Account.balance must be <= 1E+6"),
    ("pairs", 3, "Account.pairs is refused by even"),
    ("photo", b"abc", "Account.photo must have a length of at most 2, not 3"),
    ("tags", ["a", "b", "c"], "Account.tags must have a length of at most 2, not 3"),
    ("roles", set(), "Account.roles must have a length of at least 1, not 0"),
    ("extra", {"a": 1, "b": 2}, "Account.extra must have a length of at most 1, not 2"),
]


@pytest.mark.parametrize(("name", "value", "message"), REFUSED)
def test_a_broken_rule_is_refused_when_made_and_when_assigned(name: str, value: object, message: str) -> None:
    with pytest.raises(ValidationError) as made:
        account(**{name: value})
    fine = account()
    before = getattr(fine, name)
    with pytest.raises(ValidationError) as assigned:
        setattr(fine, name, value)

    assert (name, message) in made.value.errors
    assert made.value.errors == assigned.value.errors
    assert getattr(fine, name) is before


def test_values_at_the_bounds_are_taken() -> None:
    made = account(name="abcdefgh", email="123@567890", age=149, share=1.0, balance=Decimal("1e6"), tags=["a", "b"], roles={"x"})

    made.age, made.share, made.photo, made.roles, made.tags = 0, None, b"ab", None, []

    assert (made.age, made.share) == (0, None)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        Account(name="ADA LOVELACE", email="x", age=-1, pairs="2", nope=1)  # type: ignore[call-arg, arg-type]

    assert [name for name, _ in caught.value.errors] == ["name", "name", "number", "email", "email", "age", "pairs", "nope"]
    assert str(caught.value).count(";") == 7
    assert "must be int, not str" in str(caught.value)


def test_a_message_shows_no_value() -> None:
    with pytest.raises(ValidationError) as caught:
        account(email="secret", age=777)

    assert "secret" not in str(caught.value)
    assert "777" not in str(caught.value)


def test_what_a_rule_cannot_judge_does_not_keep_it() -> None:
    class Open(Model[str], table="open"):
        a: Attr[str] = partition_key()
        b: Attr[Any] = field(ge=3, max_length=2, pattern="x")

    with pytest.raises(ValidationError) as caught:
        Open(a="a", b=2)
    with pytest.raises(ValidationError, match=r"^Open\.b must be >= 3$"):
        Open(a="a", b="x")

    assert [message for _, message in caught.value.errors] == [
        "Open.b has no length, but its rule needs one",
        "Open.b does not match the pattern x",
        "Open.b must be >= 3",
    ]


def test_bounds_fit_the_kind_of_time() -> None:
    import datetime as dt

    from pydynox._declaration import rules

    moment, naive, day = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 1), dt.date(2020, 1, 1)
    fitting = [(dt.datetime, moment), (dt.date, day), (dt.time, dt.time(1)), (dt.timedelta, dt.timedelta(1)), (float, Decimal(1))]
    misfits = [(dt.datetime, naive), (dt.datetime, day), (dt.date, moment), (dt.time, day), (int, day), (dt.timedelta, 3)]

    assert [rules._is_ordered(kind) and rules._is_comparable(kind, bound) for kind, bound in fitting] == [True] * 5
    assert [rules._is_comparable(kind, bound) for kind, bound in misfits] == [False] * 6


def test_only_a_refusal_is_taken_for_one() -> None:
    class Odd(Model[str], table="odd"):
        a: Attr[str] = partition_key(validate=str.strip)
        b: Attr[int] = field(default=0, validate=lambda value: 1 / value)

    with pytest.raises(TypeError, match=r"validate=strip returned a str: it checks a value and does not convert it"):
        Odd(a=" a")
    made = Odd(a="a")
    with pytest.raises(ZeroDivisionError):
        made.b = 0
    with pytest.raises(TypeError, match="validate=<lambda> returned a float"):
        made.b = 2
    assert (made.a, made.b) == ("a", 0)


def test_a_value_that_a_factory_makes_is_checked_and_a_declared_default_only_by_its_plain_rules() -> None:
    class Made(Model[str], table="made"):
        a: Attr[str] = partition_key(default_factory=lambda: "x" * 3, max_length=2)

    with pytest.raises(ValidationError, match=r"Made\.a must have a length of at most 2, not 3"):
        Made()


KEY = "a: Attr[str] = partition_key()\n"
SLIPS = {
    "b: Attr[int] = field(min_length=3)": "Bad.b is int, which has no length, so min_length= has no effect",
    "b: Attr[bool] = field(max_length=3)": "Bad.b is bool, which has no length, so max_length= has no effect",
    "b: Attr[str] = field(min_length=-1)": "Bad.b has min_length=-1: a length must be an int of 0 or more",
    "b: Attr[str] = field(max_length='3')": "Bad.b has max_length='3': a length must be an int",
    "b: Attr[str] = field(min_length=3, max_length=2)": "Bad.b has min_length=3 over max_length=2: no value can satisfy both",
    "b: Attr[str] = field(ge=3)": "Bad.b is str, which has no order, so ge= has no effect",
    "b: Attr[bool | None] = field(default=None, lt=3)": "Bad.b is bool | None, which has no order, so lt= has no effect",
    "b: Attr[list[int]] = field(gt=3)": "Bad.b is list[int], which has no order, so gt= has no effect",
    "b: Attr[int] = field(ge='3')": "Bad.b is int, but its ge= is '3'",
    "b: Attr[int] = field(ge=True)": "Bad.b is int, but its ge= is True",
    "b: Attr[int] = field(ge=3, le=2)": "Bad.b has ge=3 and le=2: no value can satisfy both",
    "b: Attr[float] = field(gt=3, le=3)": "Bad.b has gt=3 and le=3: no value can satisfy both",
    "b: Attr[int] = field(gt=3, ge=4)": "Bad.b has both ge= and gt=: keep one",
    "b: Attr[int] = field(lt=3, le=4)": "Bad.b has both le= and lt=: keep one",
    "b: Attr[str] = field(pattern='(')": "Bad.b has the pattern '(', which does not compile: missing )",
    "b: Attr[str] = field(pattern=3)": "Bad.b has a pattern that is not a str: 3",
    "b: Attr[str] = field(pattern=re.compile(b'x'))": "Bad.b has a pattern that is not a str: re.compile(b'x')",
    "b: Attr[bytes] = field(pattern='x')": "Bad.b is bytes: pattern= is for str",
    "b: Attr[str] = field(validate='x')": "Bad.b has a validate= that is not callable: 'x'",
    "b: Attr[str] = field(validate=[len, 3])": "Bad.b has a validate= that is not callable: 3",
    "b: Attr[str] = field(immutable='x')": "Bad.b has immutable='x': write True or False",
    "b: Attr[str] = field(default='', min_length=1)": (
        "Bad.b has the default '', which breaks its own rule: it must have a length of at least 1, not 0"
    ),
    "b: Attr[int] = field(default=3, lt=3)": "Bad.b has the default 3, which breaks its own rule: it must be < 3",
    "b: NumberAttribute[int] = NumberAttribute(int, ge=3, le=2)": "Bad.b has ge=3 and le=2: no value can satisfy both",
}


@pytest.mark.parametrize("abstract", [False, True])
@pytest.mark.parametrize("body", SLIPS)
def test_a_rule_that_cannot_be_meant_is_named_when_the_class_is_made(body: str, abstract: bool) -> None:
    words = "abstract=True" if abstract else "table='t'"

    with pytest.raises(ConfigurationError) as caught:
        exec(f"class Bad(Model[str], {words}):\n    {KEY}    {body}\n", dict(globals()))  # noqa: S102

    assert SLIPS[body] in str(caught.value)


def test_an_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="an attribute has no option 'min_lenght'"):
        field(min_lenght=3)  # type: ignore[call-overload]


def test_attribute_objects_take_the_rules_of_their_types() -> None:
    class Legacy(Model[str], table="legacy"):
        pk: StringAttribute = StringAttribute(hash_key=True, min_length=2)
        nick: StringAttribute[str | None] = StringAttribute(null=True, pattern=re.compile("^x"))
        age: NumberAttribute[int] = NumberAttribute(int, default=1, ge=1)
        level: NumberAttribute[float] = NumberAttribute(default=1.0, lt=2)
        flag: BooleanAttribute = BooleanAttribute(default=True, validate=lambda flag: flag)
        data: BinaryAttribute = BinaryAttribute(default=b"", max_length=1)
        tags: ListAttribute[str] = ListAttribute(str, max_length=1)
        labels: SetAttribute[str] = SetAttribute(str, max_length=1, immutable=True)
        extra: MapAttribute[dict[str, Any]] = MapAttribute(dict[str, Any], max_length=1, description="more")

    with pytest.raises(ValidationError) as caught:
        Legacy(
            pk="a", nick="y", age=0, level=2.5, flag=False, data=b"ab", tags=["a", "b"], labels={"a", "b"}, extra={"a": 1, "b": 2}
        )

    assert [name for name, _ in caught.value.errors] == [
        "pk", "nick", "age", "level", "flag", "data", "tags", "labels", "extra",
    ]  # fmt: skip
    assert Legacy.model_fields["labels"].immutable
    assert Legacy.model_fields["extra"].description == "more"
    Legacy(pk="ab", nick="xy")


def test_rules_are_inherited_and_a_redeclared_attribute_has_its_own() -> None:
    class Base(Model, abstract=True):
        name: Attr[str] = field(max_length=3)
        nick: Attr[str] = field(default="", max_length=3)

    class Sub(Base, Model[str], table="sub"):
        a: Attr[str] = partition_key()
        nick: Attr[str] = field(default="", max_length=5)

    with pytest.raises(ValidationError) as caught:
        Sub(a="a", name="abcd", nick="abcdef")

    assert [message for _, message in caught.value.errors] == [
        "Sub.name must have a length of at most 3, not 4",
        "Sub.nick must have a length of at most 5, not 6",
    ]


def test_a_rule_holds_for_what_a_type_variable_stands_for() -> None:
    from typing import Generic, TypeVar

    P = TypeVar("P")

    class Box(Model[str], Generic[P], table="boxes"):
        a: Attr[str] = partition_key()
        content: Attr[P] = field(max_length=2)

    with pytest.raises(ValidationError, match="must have a length of at most 2, not 3"):
        Box[str](a="a", content="abc")
    with pytest.raises(ConfigurationError, match=r"Box\[int\]\.content is int, which has no length"):
        Box[int]


@pytest.fixture
def table(client: DynamoDBClient, drive: Drive) -> None:
    drive(Account.table.create())


@pytest.mark.usefixtures("table")
def test_what_was_edited_in_place_is_checked_before_it_is_written(drive: Drive) -> None:
    new = account()
    new.tags.extend("abc")
    new.extra.update(a=1, b=object())
    for verb in (new.create, new.save, new.put):
        with pytest.raises(ValidationError) as caught:
            drive(verb())
        assert [name for name, _ in caught.value.errors] == ["tags", "extra", "extra"]
    assert drive(Account.get("ada", 1)) is None

    drive(account(tags=["a"]).create())
    loaded = drive(Account.get("ada", 1))
    loaded.tags.extend("bc")
    with pytest.raises(ValidationError, match=r"Account\.tags must have a length of at most 2, not 3"):
        drive(loaded.save())

    assert set(loaded.model_changes()) == {"tags"}
    assert drive(Account.get("ada", 1)).tags == ["a"]


@pytest.mark.usefixtures("table")
def test_what_is_stored_and_unchanged_breaks_no_rule(drive: Drive, client: DynamoDBClient) -> None:
    drive(client.put_item("accounts", {"name": "ada", "number": 1, "age": 999, "tags": ["a", "b", "c"]}))
    loaded = drive(Account.get("ada", 1))

    loaded.pairs = 4
    drive(loaded.save())
    with pytest.raises(ValidationError) as caught:
        drive(loaded.put())

    assert drive(Account.get("ada", 1)).pairs == 4
    assert [name for name, _ in caught.value.errors] == ["age", "tags"]


@pytest.mark.usefixtures("table")
def test_what_a_default_filled_in_breaks_no_rule(drive: Drive, client: DynamoDBClient) -> None:
    class Strict(Model[str, int], table="accounts"):
        name: Attr[str] = partition_key()
        number: Attr[int] = sort_key()
        tags: Attr[list[str]] = field(default_factory=list, min_length=1)
        odd: Attr[int] = field(default=2, validate=lambda value: value % 2 == 1)

    drive(client.put_item("accounts", {"name": "ada", "number": 1}))
    loaded = drive(Strict.get("ada", 1))

    drive(loaded.put())
    with pytest.raises(ValidationError, match=r"Strict\.tags must have a length of at least 1"):
        Strict(name="a", number=1)

    assert drive(client.get_item("accounts", {"name": "ada", "number": 1})) == {"name": "ada", "number": 1}


@pytest.mark.usefixtures("table")
def test_an_immutable_field_may_be_set_until_the_item_is_stored(drive: Drive) -> None:
    made = account(born="1815")
    made.born = "1816"
    made.seen.append(1)
    drive(made.create())

    with pytest.raises(AttributeError, match=r"Account\.born is immutable: it cannot change once the item is stored"):
        made.born = "1817"
    made.seen.append(2)
    for verb in (made.save, made.put):
        with pytest.raises(ValidationError, match=r"Account\.seen is immutable: .*model_rollback\(\) restores the stored value"):
            drive(verb())
    made.model_rollback()
    made.age = 3
    drive(made.save())

    stored = drive(Account.get("ada", 1))
    assert (stored.born, stored.seen, stored.age) == ("1816", [1], 3)
    drive(made.delete())
    made.born = "1818"
    drive(made.create())
    assert drive(Account.get("ada", 1)).born == "1818"


def test_rules_may_use_the_instance_that_they_judge() -> None:
    seen: list[Any] = []

    class Curious(Model[str], table="curious"):
        a: Attr[str] = partition_key()
        b: Attr[int] = field(default=0, validate=lambda value: seen.append(setattr(made, "c", value)))
        c: Attr[int] = field(default=0)

    made = Curious(a="a")
    made.b = 3

    assert (made.b, made.c) == (3, 3)


def test_pydantic_applies_the_rules_and_shows_them() -> None:
    adapter = pydantic.TypeAdapter(Account)

    with pytest.raises(pydantic.ValidationError) as caught:
        adapter.validate_python({"name": "ada", "number": 0, "email": "x", "photo": b"abc"})

    found = {error["loc"]: error["msg"] for error in caught.value.errors()}
    assert found == {
        ("number",): "Value error, number must be > 0",
        ("email",): "Value error, email must have a length of at least 3, not 1; email: an address has an @",
        ("photo",): "Value error, photo must have a length of at most 2, not 3",
    }
    shown = adapter.json_schema()["properties"]
    assert shown["name"] == {"type": "string", "title": "Name", "pattern": "^[a-z]+$", "maxLength": 8}
    assert shown["age"]["minimum"] == 0
    assert shown["age"]["exclusiveMaximum"] == 150
    assert shown["balance"]["anyOf"][0] == {"type": "number", "maximum": 1_000_000}
    assert shown["tags"]["maxItems"] == 2
    assert shown["extra"]["maxProperties"] == 1
    assert adapter.validate_python({"name": "ada", "number": 1, "share": None}) == account()


def test_rules_inside_of_documents_are_checked_before_a_write(client: DynamoDBClient, drive: Drive) -> None:
    class Room(Document):
        guests: Attr[list[str]] = field(default_factory=list, max_length=2)

    class House(Document):
        rooms: Attr[list[Room]] = field(default_factory=list)
        by_name: Attr[dict[str, Room]] = field(default_factory=dict)
        next_door: Attr[House | None] = field(default=None)

    class Street(Model[str], table="streets"):
        pk: Attr[str] = partition_key()
        house: Attr[House | None] = field(default=None)
        note: Attr[str] = field(default="")

    drive(Street.table.create())
    street = Street(pk="a", house=House(rooms=[Room(), Room()], by_name={"hall": Room()}, next_door=House(rooms=[Room()])))
    drive(street.create())
    assert street.house is not None
    assert street.house.next_door is not None
    street.house.rooms[1].guests.extend(["x", "y", "z"])
    street.house.by_name["hall"].guests.extend(["x", "y", "z"])
    street.house.next_door.rooms[0].guests.extend(["x", "y", "z"])

    for write in (street.save, street.put):
        with pytest.raises(ValidationError) as caught:
            drive(write())
        assert [message.split(" ")[0] for _, message in caught.value.errors] == [
            "Street.house.rooms[1].guests",
            "Street.house.by_name['hall'].guests",
            "Street.house.next_door.rooms[0].guests",
        ]
        assert {name for name, _ in caught.value.errors} == {"house"}
    street.model_rollback()
    street.note = "x"
    drive(street.save())
