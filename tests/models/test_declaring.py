"""Declaring models: what is understood, and every slip as a ConfigurationError when the class is made."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import types
from decimal import Decimal  # noqa: F401 (the slips name it)
from typing import Any, ClassVar, Generic, TypeVar

import pydantic
import pytest
from pydynox import (
    Attr,
    ListAttribute,
    MapAttribute,
    Model,
    ModelConfig,
    NumberAttribute,
    StringAttribute,
    field,
    partition_key,
    sort_key,  # noqa: F401
)
from pydynox._declaration.annotations import own
from pydynox.exceptions import ConfigurationError, ValidationError

P = TypeVar("P")
K = TypeVar("K")


class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    name: Attr[str]
    age: Attr[int] = field(default=0)
    hidden: Attr[str | None] = field(default=None, repr=False)
    LIMIT: ClassVar[int] = 3


class Event(Model[str], Generic[P], table="events"):
    event_id: Attr[str] = partition_key()
    payload: Attr[P]


KEY = "a: Attr[str] = partition_key()\n"
SLIPS = {
    "get: Attr[str] = partition_key()": 'Bad.get hides Model.get: write get_: Attr[...] = field(attribute_name="get")',
    KEY + "model_dump: Attr[str]": "Bad.model_dump hides Model.model_dump",
    KEY + "_x: Attr[str]": "Bad._x starts with an underscore",
    KEY + "b: Attr[str] = partition_key()": "Bad.b is a second partition key, after a",
    KEY + "b: Attr[str] = sort_key()\nc: Attr[str] = sort_key()": "Bad.c is a second sort key, after b",
    "b: Attr[str] = sort_key()": "Bad.b is a sort key without a partition key",
    "b: Attr[str]": "Bad has no partition key",
    "a: Attr[bool] = partition_key()": "Bad.a is a key of type bool",
    "a: Attr[str | None] = partition_key()": "Bad.a is a key of type str | None",
    "a: Attr[int] = partition_key()": "Bad declares Model[str], but its key is a: int: write Model[int]",
    KEY + "b: Attr[int] = sort_key()": "Bad declares Model[str], but its key is a: str, b: int: write Model[str, int]",
    KEY + "b: Attr[str] = field(attribute_name='a')": "Bad.b is stored as 'a', and so is a",
    KEY + "b: Attr[list[str]] = field(default=[])": "write default_factory=list",
    KEY + "b: Attr[dict[str, Any]] = field(default={'a': 1})": "write default_factory=lambda: {'a': 1}",
    KEY + "b: Attr[int] = field(default='x')": "Bad.b is int, and its default is 'x'",
    KEY + "b: Attr[int] = field(default=True)": "Bad.b is int, and its default is True",
    KEY + "b: Attr[int] = field(default=None)": "write Attr[int | None]",
    KEY + "b: Attr[Decimal] = field(default=0.5)": "Bad.b is Decimal, and its default is 0.5",
    KEY + "b: Attr[int] = field(default_factory=3)": "Bad.b has a default_factory that is not callable: 3",
    KEY + "b: Attr[int] = field(default=1, store_null=True)": "Bad.b cannot be None, so store_null= has no effect",
    KEY + "b: Attr[complex]": "Bad.b has the type complex, which cannot be stored: use str, int",
    KEY + "b: Attr[set[bool]]": "a set holds str, int, float, Decimal or bytes",
    KEY + "b: Attr[set]": "a set holds str, int, float, Decimal or bytes",
    KEY + "b: Attr[dict[int, str]]": "the names in a map must be str",
    KEY + "b: Attr[int | str]": "one type, or one type | None",
    KEY + "b: Attr": "Bad.b has no type: write b: Attr[str]",
    KEY + "b = field()": "Bad.b needs its type: write b: Attr[...]",
    KEY + "b: int": "Bad.b is not an attribute: write b: Attr[int], or b: ClassVar[int]",
    KEY + "b: int = field(default=3)": "Bad.b is annotated with int: write b: Attr[int]",
    KEY + "b: Attr[int] = 3": "write = field(default=3)",
    KEY + "b: StringAttribute": "Bad.b needs a value: write b: StringAttribute = StringAttribute(...)",
    KEY + "b: NumberAttribute[int] = NumberAttribute(Decimal)": "Bad.b is annotated with NumberAttribute[int] but holds Decimal",
    KEY + "b = c = StringAttribute()": "Bad.c is the same object as the attribute b",
    "a = StringAttribute(hash_key=True, range_key=True)": "Bad.a cannot be both the partition key and the sort key",
    KEY + "model_config = {}": "Bad.model_config is a ModelConfig(...)",
    KEY + "model_config = ModelConfig(table='x')": "Bad.model_config names the table 'x', but the class names 't'",
}


@pytest.mark.parametrize("as_text", [False, True], ids=["evaluated", "as text"])
@pytest.mark.parametrize("body", SLIPS)
def test_a_slip_is_named_when_the_class_is_made(body: str, as_text: bool) -> None:
    future = "from __future__ import annotations\n" if as_text else ""
    indented = body.replace("\n", "\n    ")
    source = f"{future}class Bad(Model[str], table='t'):\n    {indented}\n"

    with pytest.raises(ConfigurationError) as caught:
        exec(compile(source, "<test>", "exec", dont_inherit=True), dict(globals()))  # noqa: S102

    assert SLIPS[body] in str(caught.value)
    assert caught.value.model == "Bad"


def test_a_subclass_cannot_hide_an_attribute_by_accident() -> None:
    with pytest.raises(ConfigurationError, match=r"Sub\.age hides the attribute age of a base class"):

        class Sub(User):
            age = 3


def test_a_plain_mixin_is_refused_with_the_remedy() -> None:
    class Mixin:
        created: Attr[str]

    with pytest.raises(ConfigurationError, match=r"write class Mixin\(Model, abstract=True\)"):

        class Sub(Mixin, Model[str], table="t"):
            a: Attr[str] = partition_key()


def test_an_abstract_base_gives_its_attributes_and_stays_as_it_is() -> None:
    class Stamped(Model, abstract=True):
        created: Attr[str] = field(default="")

    class Doc(Stamped, Model[str], table="docs"):
        doc_id: Attr[str] = partition_key()

    assert list(Doc.model_fields) == ["created", "doc_id"]
    assert list(Stamped.model_fields) == ["created"]
    with pytest.raises(ConfigurationError, match="Stamped is abstract"):
        Stamped()


def test_a_subclass_redeclares_an_attribute_for_itself_alone() -> None:
    class Elder(User):
        age: Attr[int] = field(default=70)

    assert (Elder(user_id="u", name="n").age, User(user_id="u", name="n").age) == (70, 0)
    assert list(Elder.model_fields) == list(User.model_fields)


def test_settings_are_merged_along_the_bases() -> None:
    class Base(Model[str]):
        model_config = ModelConfig(table="base", consistent_read=True)
        a: Attr[str] = partition_key()

    class Sub(Base, table="sub"):
        model_config = ModelConfig(consistent_read=False)

    assert (Base.model_config.table, Base.model_config.consistent_read) == ("base", True)
    assert (Sub.model_config.table, Sub.model_config.consistent_read) == ("sub", False)
    with pytest.raises(AttributeError, match="frozen"):
        Base.model_config.table = "x"


def test_an_annotation_may_name_what_comes_later() -> None:
    class Late(Model[str], table="late"):
        a: Attr[str] = partition_key()
        b: Attr[Alias]
        c: Attr[Alias | None] = field(default=None)

    with pytest.raises(ConfigurationError, match=r"Late\.b: the annotation Attr\[Alias\] names 'Alias'"):
        Late(a="x", b=3)

    Alias = int

    assert Late(a="x", b=3).c is None
    assert Late.model_fields["c"].type == int | None


def test_a_generic_model_checks_what_its_argument_says() -> None:
    made = Event[int](event_id="e", payload=3)

    assert (type(made).__name__, Event[int] is Event[int], isinstance(made, Event)) == ("Event[int]", True, True)
    with pytest.raises(ValidationError, match=r"Event\[int\]\.payload must be int"):
        Event[int](event_id="e", payload="x")
    with pytest.raises(ConfigurationError, match=r"Event\[complex\]\.payload has the type complex"):
        Event[complex]
    assert Event.payload.attribute is not Event[int].payload.attribute


def test_type_arguments_pass_through_several_bases() -> None:
    class Entity(Model[K], Generic[K], abstract=True):
        id: Attr[K] = partition_key()

    class Many(Event[list[K]], Generic[K]):
        unit: Attr[K]

    class Thing(Entity[int], table="things"):
        name: Attr[str]

    assert Thing.model_fields["id"].type is int
    assert {name: attribute.type for name, attribute in Many[str].model_fields.items()} == {
        "event_id": str,
        "payload": list[str],
        "unit": str,
    }
    with pytest.raises(ConfigurationError, match="is a key of type K"):

        class Open(Entity, table="open"):
            pass


def test_both_spellings_stand_in_one_class() -> None:
    class Mixed(Model[str, float]):
        model_config = ModelConfig(table="mixed")
        pk = StringAttribute(hash_key=True)
        sk = NumberAttribute(range_key=True)
        nick = StringAttribute(null=True)
        tags = ListAttribute(str)
        extra = MapAttribute()
        age: Attr[int] = field(default=1)

    made = Mixed(pk="a", sk=1)

    assert made.model_dump() == {"age": 1, "pk": "a", "sk": 1, "nick": None, "tags": [], "extra": {}}


def test_paths_and_keys_show_what_they_are() -> None:
    assert repr(User.age) == "<path User.age>"
    assert repr(User.key("u1")) == "User.key('u1')"
    assert {User.key("u1"), User.key(user_id="u1")} == {User.key("u1")}
    assert User.key("u1") != User.key("u2")


def test_repr_hides_what_the_field_says() -> None:
    assert repr(User(user_id="u1", name="Ada", hidden="x")) == "User(user_id='u1', name='Ada', age=0)"


def test_a_model_looks_like_a_dataclass() -> None:
    user = User(user_id="u1", name="Ada")

    assert dataclasses.is_dataclass(User)
    assert [f.name for f in dataclasses.fields(User)] == ["user_id", "name", "age", "hidden"]
    assert dataclasses.replace(user, age=3).age == 3


def test_a_model_is_a_pydantic_type() -> None:
    class Request(pydantic.BaseModel):
        user: User
        event: Event[int]

    user = User(user_id="u1", name="Ada")
    request = Request.model_validate({"user": {"user_id": "u1", "name": "Ada"}, "event": {"event_id": "e", "payload": 3}})

    assert request.user == user
    assert Request(user=user, event=request.event).user is user
    assert json.loads(request.model_dump_json())["event"] == {"event_id": "e", "payload": 3}
    assert "User" in Request.model_json_schema()["$defs"]
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(User).validate_python({"user_id": 1, "nope": 2})
    assert {error["loc"] for error in caught.value.errors()} == {("user_id",), ("name",), ("nope",)}


def test_only_paths_of_the_model_can_be_whole() -> None:
    user = User(user_id="u1", name="Ada")

    for wrong in ("age", Event.payload):
        with pytest.raises(TypeError, match=r"save\(whole=\.\.\.\) takes paths"):
            user.save(whole=[wrong]).send(None)


def test_importing_costs_no_module_that_a_program_need_not_have() -> None:
    code = "import sys; before = set(sys.modules); import pydynox; print(*set(sys.modules) - before)"
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
    )

    banned = {"asyncio", "threading", "logging", "json", "inspect", "dataclasses", "pydantic", "datetime", "decimal"}
    assert "pydynox" in loaded.stdout.split(), loaded.stderr
    assert not banned & set(loaded.stdout.split())


def test_a_model_may_inherit_from_an_abstract_class() -> None:
    from abc import ABC, abstractmethod

    class Named(ABC):
        @abstractmethod
        def title(self) -> str: ...

    class Person(Model[str], Named, table="people"):
        name: Attr[str] = partition_key()

        def title(self) -> str:
            return self.name.title()

    assert Person(name="ada").title() == "Ada"


def test_attributes_are_found_on_the_class_and_listed_whatever_their_names() -> None:
    class Odd(Model[str], table="odd"):
        register: Attr[str] = partition_key()
        mro_: Attr[str | None] = field(default=None, attribute_name="mro")

    class Further(Odd):
        more: Attr[int] = field(default=1)

    assert [repr(path) for path in (Odd.register, Odd.mro_, Further.register, Further.more)] == [
        "<path Odd.register>",
        "<path Odd.mro_>",
        "<path Further.register>",
        "<path Further.more>",
    ]
    assert Further(register="r").register == "r"
    assert {"register", "mro_", "more", "get"} <= set(dir(Further))
    with pytest.raises(AttributeError, match="type object 'Odd' has no attribute 'more'"):
        Odd.more  # type: ignore[attr-defined]  # noqa: B018


def test_annotations_that_python_reads_late_are_taken_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    # Python 3.14 evaluates annotations when they are asked for, and raises NameError for what is yet to come.
    asked: list[object] = []

    class Late(type):
        @property
        def __annotations__(cls) -> dict[str, Any]:
            raise NameError("name 'Later' is not defined")

    class Body(metaclass=Late):
        pass

    def get_annotations(of: object, *, format: object) -> dict[str, str]:
        asked.append((of, format))
        return {"a": "Attr[Later]"}

    library = types.SimpleNamespace(get_annotations=get_annotations, Format=types.SimpleNamespace(STRING="string"))
    monkeypatch.setitem(sys.modules, "annotationlib", library)

    assert own(Body) == {"a": "Attr[Later]"}
    assert asked == [(Body, "string")]
