"""What a repository refuses when it is declared, each time with the class, the field and a remedy; and the names that it can take."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

import attrs
import msgspec
import pydantic
import pytest
from pydynox import Attr, DynamoDBClient, GlobalSecondaryIndex, Model, Repository, partition_key, run, verify_unique
from pydynox.exceptions import ConfigurationError, UniqueConstraintError, ValidationError

from .classes import USERS, PydanticUser

T = TypeVar("T")


@dataclasses.dataclass
class Thing:
    thing_id: str
    size: int = 0
    until: datetime | None = None
    parts: list[str] = dataclasses.field(default_factory=list)
    extra: complex | None = None


@dataclasses.dataclass
class Plain:
    thing_id: str
    size: int = 0
    until: datetime | None = None
    parts: list[str] = dataclasses.field(default_factory=list)


class AModel(Model[str], table="models"):
    a: Attr[str] = partition_key()


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (Plain, {"partition_key": "id"}, r"Plain has no field 'id', which partition_key= names; it has 'thing_id', 'size'"),
        (Plain, {"partition_key": "thing_ids"}, r"did you mean 'thing_id'\?"),
        (Plain, {"sort_key": "sizes"}, r"Plain has no field 'sizes', which sort_key= names; did you mean 'size'\?"),
        (Plain, {"sort_key": "thing_id"}, r"Plain.thing_id cannot be both the partition key and the sort key"),
        (Plain, {"partition_key": "parts"}, r"Plain.parts is a key and has the type list\[str\]: a key is str, int"),
        (Plain, {"names": {"siz": "s"}}, r"Plain has no field 'siz', which names= names; did you mean 'size'\?"),
        (Plain, {"names": {"size": ""}}, r"Plain.size has the stored name '' in names=: it must be a non-empty str"),
        (Plain, {"names": {"size": "thing_id"}}, r"Plain.size is stored as 'thing_id', and so is thing_id"),
        (Plain, {"version": "until"}, r"Plain.until is version= and has the type datetime.datetime \| None: it must be int"),
        (Plain, {"version": "thing_id"}, r"Plain.thing_id is a key, so it cannot be version= too"),
        (Plain, {"ttl": "size"}, r"Plain.size is ttl= and has the type int: it must be datetime or datetime \| None"),
        (Plain, {"indexes": {"by_size": "size"}}, r"Plain.by_size is not an index but 'size': write .*GlobalSecondaryIndex"),
        (
            Plain,
            {"indexes": {"by_size": GlobalSecondaryIndex("sise")}},
            r"Plain has no field 'sise', which the index 'by_size' names; did you mean 'size'\?",
        ),
        (Plain, {"indexes": {"by_part": GlobalSecondaryIndex("parts")}}, r"by_part has the key parts, but a key must be stored as"),
        (Plain, {"codecs": {"nothing": object()}}, r"Plain has no field 'nothing', which codecs= names"),
        (Plain, {"table": "no table"}, r"Plain has table='no table'"),
        (Plain, {"unique": ["sizes"]}, r"sizes"),
        (Thing, {}, r"Thing.extra has the type complex \| None, which cannot be stored: use str, int.*codecs=\{'extra': ...\}"),
        (AModel, {"partition_key": "a"}, r"AModel is a class of pydynox itself: a Model needs no repository"),
        (dict, {}, r"dict is not a pydantic model, a dataclass, an attrs class or a msgspec.Struct"),
        (Plain("a"), {}, r"is not a pydantic model, a dataclass"),
    ],
    ids=lambda value: None if isinstance(value, str) else "",
)  # fmt: skip
def test_a_declaration_that_cannot_be_is_refused(cls: Any, options: dict[str, Any], message: str) -> None:
    declared: dict[str, Any] = {"table": "things", "partition_key": "thing_id"}

    with pytest.raises(ConfigurationError, match=message):
        Repository(cls, **(declared | options))


def test_an_annotation_that_names_nothing_is_refused() -> None:
    @dataclasses.dataclass
    class Lost:
        a: str
        b: Nowhere  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ConfigurationError, match=r"Lost.*'Nowhere', which does not exist.*define it before the repository"):
        Repository(Lost, table="things", partition_key="a")


def test_classes_of_a_function_are_found() -> None:
    @dataclasses.dataclass
    class Part:
        weight: int

    @dataclasses.dataclass
    class Whole:
        whole_id: str
        part: Part | None = None

    wholes = Repository(Whole, table="wholes", partition_key="whole_id")

    assert repr(wholes.attr.part.weight > 3) == "<condition part.weight > …>"


def test_paths_are_checked_by_name_and_type() -> None:
    users = Repository(PydanticUser, table="users", partition_key="user_id")
    attr = users.attr

    with pytest.raises(AttributeError, match=r"PydanticUser has no field 'agee'; did you mean 'age'\?"):
        _ = attr.agee
    with pytest.raises(AttributeError, match=r"PydanticAddress has no field 'citty'; did you mean 'city'\?"):
        _ = attr.address.citty
    with pytest.raises(AttributeError, match=r"PydanticAddress has no field 'citty'"):
        _ = attr.addresses[0].citty
    for wrong in (lambda: attr.age > "x", lambda: attr.name.set(3), lambda: attr.tags.append(1), lambda: attr.limits["a"] == "x"):
        with pytest.raises(ValidationError):
            wrong()
    assert "age" in dir(attr)
    assert repr(attr.limits["a"] > 1) == "<condition limits.a > …>"
    assert repr(attr.addresses[0].city == "x") == "<condition addresses[0].city = …>"


@pytest.mark.parametrize("kind", ["dataclass", "attrs", "msgspec"])
def test_values_inside_objects_are_checked_by_type(kind: str) -> None:
    users = Repository(USERS[kind], table="users", partition_key="user_id")

    with pytest.raises(ValidationError):
        _ = users.attr.address.zip > "x"
    with pytest.raises(ValidationError):
        users.attr.address.set({"citty": "x"})


@dataclasses.dataclass
class Awkward:
    key: str
    timeout: int
    _private: str = ""
    table: str = ""
    query: int = 0
    model_fields: int = 0
    sync: bool = False
    mro: int = 0
    get_: str = ""
    get: str = ""


def test_fields_may_have_the_names_of_verbs(memory: DynamoDBClient) -> None:
    awkward = Repository(Awkward, table="awkward", partition_key="key", sort_key="timeout")
    awkward.table.sync.create()
    thing = Awkward("k", 1, _private="p", table="t", query=2, model_fields=3, sync=True, mro=4, get_="a", get="b")

    awkward.sync.create(thing)
    thing.query = 5
    changes = awkward.changes(thing)
    awkward.sync.save(thing)

    assert set(changes) == {"query"}
    assert awkward.sync.get("k", 1) == thing
    assert awkward.sync.query(key="k").filter(awkward.attr.query == 5, awkward.attr._private == "p").all() == [thing]
    assert awkward.key(key="k", timeout=1).sync.get() == thing
    item = memory.sync.get_item("awkward", {"key": "k", "timeout": 1})
    assert item is not None
    assert set(item) == {field.name for field in dataclasses.fields(Awkward)}


def test_ttl_hides_what_expired(memory: DynamoDBClient) -> None:
    things = Repository(Plain, table="things", partition_key="thing_id", ttl="until", hide_expired=True)
    things.table.sync.create()
    soon, past = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)
    for name, until in (("never", None), ("soon", soon), ("past", past)):
        things.sync.put(Plain(name, until=until))

    kept = {thing.thing_id: thing.until for thing in things.sync.scan().all()}

    assert kept == {"never": None, "soon": soon.replace(microsecond=0)}
    assert things.table.sync.check() == []
    assert things.sync.create(Plain("past")).thing_id == "past"


def test_unique_values(memory: DynamoDBClient) -> None:
    things = Repository(Plain, table="things", partition_key="thing_id", unique=["size"])
    things.table.sync.create()
    one = things.sync.create(Plain("a", size=1))

    with pytest.raises(UniqueConstraintError) as caught:
        things.sync.create(Plain("b", size=1))
    one.size = 2
    things.sync.save(one)
    things.sync.create(Plain("b", size=1))

    assert caught.value.holder == things.key("a")
    assert run(verify_unique(things.model)) == []


def test_a_codec_stores_what_cannot_be_stored_by_itself(memory: DynamoDBClient) -> None:
    class ComplexCodec:
        def to_stored(self, value: complex, /) -> str:
            return str(value)

        def from_stored(self, value: str, /) -> complex:
            return complex(value)

    things = Repository(Thing, table="things", partition_key="thing_id", codecs={"extra": ComplexCodec()})
    things.table.sync.create()

    things.sync.create(Thing("a", extra=1 + 2j))

    assert things.sync.get("a") == Thing("a", extra=1 + 2j)
    assert things.sync.scan().filter(things.attr.extra == 1 + 2j).count() == 1


def called(users: Repository[Any], verb: str, instance: Any) -> None:
    result = getattr(users, verb)(instance)
    run(result)


class Admin(PydanticUser):
    power: int = 1


def test_an_object_of_a_subclass_or_of_another_class_is_refused(memory: DynamoDBClient) -> None:
    users = Repository(PydanticUser, table="users", partition_key="user_id")

    with pytest.raises(TypeError, match=r"stores PydanticUser objects, and got a Admin: its own fields would be lost"):
        run(users.put(Admin(user_id="u", number=1, name="Ada")))
    for verb in ("create", "put", "save", "delete", "item", "refresh", "update", "changes"):
        with pytest.raises(TypeError, match="stores PydanticUser objects, and got a dict"):
            called(users, verb, {"user_id": "u"})
    with pytest.raises(TypeError, match="takes an instance of a model"), memory.sync.batch_writer() as batch:
        batch.put(PydanticUser(user_id="u", number=1, name="Ada"))
    with pytest.raises(TypeError, match=r"takes paths of this repository"):
        run(users.save(PydanticUser(user_id="u", number=1, name="Ada"), whole=[AModel.a]))


def test_a_subclass_has_a_repository_of_its_own(memory: DynamoDBClient) -> None:
    admins = Repository(Admin, table="admins", partition_key="user_id")
    admins.table.sync.create()

    admin = admins.sync.create(Admin(user_id="u", number=1, name="Ada", power=9))

    assert admins.sync.get("u") == admin


@dataclasses.dataclass
class Box(Generic[T]):
    box_id: str
    content: T
    shared: ClassVar[int] = 3


class PydanticBox(pydantic.BaseModel, Generic[T]):
    box_id: str
    content: T


class StructBox(msgspec.Struct, Generic[T], weakref=True):
    box_id: str
    content: T


@attrs.define
class AttrsBox(Generic[T]):
    box_id: str
    content: T


@pytest.mark.parametrize("generic", [Box, PydanticBox, StructBox, AttrsBox])
def test_generic_classes_are_stored_by_their_arguments(generic: Any, memory: DynamoDBClient) -> None:
    boxes = Repository(generic[list[int]], table="boxes", partition_key="box_id")
    boxes.table.sync.create()
    box = (
        generic[list[int]](box_id="b", content=[1, 2])
        if generic is PydanticBox
        else generic("b", [1, 2])
        if generic is not StructBox
        else generic(box_id="b", content=[1, 2])
    )

    boxes.sync.create(box)

    assert boxes.sync.get("b") == box
    with pytest.raises(ValidationError):
        _ = boxes.attr.content[0] == "x"


def test_importing_pydynox_imports_none_of_the_libraries() -> None:
    code = (
        "import sys, dataclasses, pydynox\n"
        "@dataclasses.dataclass\n"
        "class User:\n    user_id: str\n    age: int = 0\n"
        "users = pydynox.Repository(User, table='users', partition_key='user_id')\n"
        "print(*sorted({'pydantic', 'attr', 'attrs', 'msgspec'} & set(sys.modules)))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
