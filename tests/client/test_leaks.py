"""What leaves an instance with encrypted attributes: every way out gives what `model_dump()` gives, and no error echoes a value."""

from __future__ import annotations

import copy
import dataclasses
import enum
import io
import json
import pickle
import pprint
import traceback
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

import pydantic_core
import pydynox
import pytest
from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from httpx import ASGITransport, AsyncClient
from pydantic import BaseModel, TypeAdapter
from pydynox import (
    Attr,
    Document,
    DynamoDBClient,
    Encrypted,
    LocalKeyring,
    Model,
    after_load,
    before_save,
    field,
    partition_key,
    version,
)
from pydynox.exceptions import ItemAlreadyExistsError, ItemTooLargeError, PydynoxError, ValidationError
from typing_extensions import TypedDict

from tests.conftest import Drive

SECRET = "078-05-1120"
T = TypeVar("T")


class Address(Document):
    city: Attr[str]
    lines: Attr[list[str]] = field(default_factory=list)


@dataclasses.dataclass
class Insurance:
    number: str
    since: int


class Patient(Model[str], table="patients"):
    patient_id: Attr[str] = partition_key()
    name: Attr[str]
    ssn: Encrypted[str | None] = field(default=None)
    address: Encrypted[Address | None] = field(default=None)
    insurance: Encrypted[Insurance | None] = field(default=None)
    codes: Encrypted[dict[str, str]] = field(default_factory=dict)
    age: Attr[int] = field(default=0)
    version: Attr[int] = version()


class Open(Model[str], table="open"):
    """The same with values that dumps may show."""

    patient_id: Attr[str] = partition_key()
    name: Attr[str]
    ssn: Encrypted[str | None] = field(default=None, dump=True)
    codes: Encrypted[dict[str, str]] = field(default_factory=dict, dump=True)
    age: Attr[int] = field(default=0)


HIDDEN = {"ssn", "address", "insurance", "codes"}


def made() -> Patient:
    return Patient(
        patient_id="p1",
        name="Ada",
        ssn=SECRET,
        address=Address(city=SECRET, lines=[SECRET]),
        insurance=Insurance(SECRET, 1999),
        codes={SECRET: SECRET},
        age=36,
    )


def opened() -> Open:
    return Open(patient_id="p1", name="Ada", ssn=SECRET, codes={SECRET: SECRET}, age=36)


@pytest.fixture
def client() -> Any:
    client = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"key": bytes(32)}))
    with client.as_default():
        Patient.table.sync.create()
        Open.table.sync.create()
        yield client


# --- ways out: each gives what model_dump() gives, as Python values or as JSON


class Holder(BaseModel):
    patient: Any


def holder_of(kind: Any) -> type[BaseModel]:
    return type("Holder", (BaseModel,), {"__annotations__": {"patient": kind}})


def answered(
    instance: Any, *, annotated: Any = None, response_model: Any = None, give: Callable[[Any], Any] = lambda p: p
) -> Any:
    """What a FastAPI endpoint answers that returns an instance."""
    import asyncio

    app = FastAPI()

    async def endpoint() -> Any:
        return give(instance)

    if annotated is not None:
        endpoint.__annotations__["return"] = annotated
    options = {} if response_model is None else {"response_model": response_model}
    app.get("/", **options)(endpoint)

    async def ask() -> Any:
        async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as web:
            answer = await web.get("/")
            assert answer.status_code == 200, answer.text
            return answer.json()

    return asyncio.run(ask())


PYTHON: dict[str, Callable[[Any], Any]] = {
    "model_dump": lambda p: p.model_dump(),
    "pydantic": lambda p: TypeAdapter(type(p)).dump_python(p),
    "pydantic, list": lambda p: TypeAdapter(list[type(p)]).dump_python([p])[0],
    "pydantic, optional": lambda p: TypeAdapter(type(p) | None).dump_python(p),
    "pydantic, dict": lambda p: TypeAdapter(dict[str, type(p)]).dump_python({"k": p})["k"],
    "member of a BaseModel": lambda p: holder_of(type(p))(patient=p).model_dump()["patient"],
    "member list of a BaseModel": lambda p: holder_of(list[type(p)])(patient=[p]).model_dump()["patient"][0],
    "asdict": dataclasses.asdict,
    "asdict of a dataclass that holds it": lambda p: dataclasses.asdict(dataclasses.make_dataclass("D", ["p"])(p))["p"],
    "astuple": lambda p: dict(zip([f.name for f in dataclasses.fields(p)], dataclasses.astuple(p), strict=True)),
    "dict": dict,
    "vars": vars,
    "vars of a copy": lambda p: vars(copy.copy(p)),
    "vars of a deep copy": lambda p: vars(copy.deepcopy(p)),
    "__getstate__": lambda p: p.__getstate__(),
}

JSON: dict[str, Callable[[Any], Any]] = {
    "model_dump": lambda p: p.model_dump(mode="json"),
    "model_dump_json": lambda p: json.loads(p.model_dump_json()),
    "pydantic": lambda p: TypeAdapter(type(p)).dump_python(p, mode="json"),
    "pydantic text": lambda p: json.loads(TypeAdapter(type(p)).dump_json(p)),
    "pydantic text, list": lambda p: json.loads(TypeAdapter(list[type(p)]).dump_json([p]))[0],
    "pydantic text of Any": lambda p: json.loads(TypeAdapter(Any).dump_json(p)),
    "to_jsonable_python": pydantic_core.to_jsonable_python,
    "member of a BaseModel": lambda p: holder_of(type(p))(patient=p).model_dump(mode="json")["patient"],
    "member of a BaseModel, text": lambda p: json.loads(holder_of(type(p))(patient=p).model_dump_json())["patient"],
    "Any member of a BaseModel, text": lambda p: json.loads(Holder(patient=p).model_dump_json())["patient"],
    "jsonable_encoder": jsonable_encoder,
    "jsonable_encoder, list": lambda p: jsonable_encoder([p])[0],
    "json.dumps(default=vars)": lambda p: json.loads(json.dumps(p, default=vars)),
    "FastAPI, response_model": lambda p: answered(p, response_model=type(p)),
    "FastAPI, annotation": lambda p: answered(p, annotated=type(p)),
    "FastAPI, bare": answered,
    "FastAPI, list": lambda p: answered(p, response_model=list[type(p)], give=lambda p: [p])[0],
    "FastAPI, dict without model": lambda p: answered(p, give=lambda p: {"p": p})["p"],
    "FastAPI, BaseModel": lambda p: answered(p, response_model=holder_of(type(p)), give=lambda p: holder_of(type(p))(patient=p))[
        "patient"
    ],
}


def shown_by_rich(value: object) -> str:
    from rich.console import Console
    from rich.pretty import Pretty, pretty_repr

    to = Console(file=io.StringIO(), width=200)
    to.print(value, Pretty(value), [value])
    return f"{to.file.getvalue()} {pretty_repr(value, max_width=8)} {pretty_repr([value])}"  # type: ignore[attr-defined]


def shown_by_traceback(value: object) -> str:
    try:
        raise RuntimeError("with locals")
    except RuntimeError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


TEXTS: dict[str, Callable[[Any], Any]] = {
    "repr": repr,
    "str": str,
    "format": lambda p: f"{p} {p!r} {[p]}",
    "rich": shown_by_rich,
    "pprint": lambda p: pprint.pformat(p) + pprint.pformat([p], width=5),
    "traceback": shown_by_traceback,
    "model_changes": lambda p: repr(p.model_changes()),
    "model_changes, pprint": lambda p: pprint.pformat(p.model_changes(), width=8),
    "model_changes, rich": lambda p: shown_by_rich(p.model_changes()),
    "model_changes, str": lambda p: f"{p.model_changes()['ssn']} {p.model_changes()['codes']}",
}


def states(make: Callable[[], Any]) -> dict[str, Any]:
    """An instance as it may be: new, written, read, changed."""
    new, written, changed = make(), make(), make()
    written.sync.put()
    read = type(written).sync.get_or_raise("p1")
    changed.sync.put()
    changed.ssn, changed.codes = f"{SECRET}-2", {SECRET: "2"}
    return {"new": new, "written": written, "read": read, "changed": changed}


@pytest.mark.parametrize("route", PYTHON)
def test_every_way_out_gives_what_model_dump_gives(client: DynamoDBClient, route: str) -> None:
    for state, instance in states(made).items():
        given = PYTHON[route](instance)
        assert SECRET not in repr(given), state
        assert given == instance.model_dump(), state
        assert given.keys().isdisjoint(HIDDEN), state
    for state, instance in states(opened).items():
        given = PYTHON[route](instance)
        assert given == instance.model_dump(), state
        assert given["ssn"] == instance.ssn, state


@pytest.mark.parametrize("route", JSON)
def test_every_way_out_as_json_gives_what_model_dump_gives(client: DynamoDBClient, route: str) -> None:
    for state, instance in states(made).items():
        given = JSON[route](instance)
        assert SECRET not in repr(given), state
        assert given == instance.model_dump(mode="json"), state
    for state, instance in states(opened).items():
        given = JSON[route](instance)
        assert given == instance.model_dump(mode="json"), state
        assert given["ssn"] == instance.ssn, state


@pytest.mark.parametrize("route", TEXTS)
def test_no_text_shows_an_encrypted_value(client: DynamoDBClient, route: str) -> None:
    for make in (made, opened):
        for state, instance in states(make).items():
            if route == "model_changes, str" and state in ("written", "read"):
                continue
            shown = TEXTS[route](instance)
            assert SECRET not in shown, state
            assert state in ("written", "read") or "<encrypted>" in shown, state


def test_the_serialisation_schema_has_what_dumps_have() -> None:
    for mode, hidden in (("serialization", True), ("validation", False)):
        properties = TypeAdapter(Patient).json_schema(mode=mode)["properties"].keys()  # type: ignore[arg-type]
        assert properties.isdisjoint(HIDDEN) is hidden
    assert TypeAdapter(Open).json_schema(mode="serialization")["properties"].keys() == opened().model_dump().keys()
    app = FastAPI()
    app.post("/", response_model=Patient)(with_body(Patient))
    schemas = app.openapi()["components"]["schemas"]
    assert schemas["Patient-Output"]["properties"].keys() == made().model_dump().keys()
    assert HIDDEN < schemas["Patient-Input"]["properties"].keys()


def with_body(kind: Any) -> Any:
    def endpoint(body: Any) -> Any:
        return body

    endpoint.__annotations__["body"] = kind
    return endpoint


def test_a_difference_that_pytest_explains_does_not_show_them() -> None:
    one, other = made(), made()
    other.ssn = f"{SECRET}-2"
    assert one != other
    with pytest.raises(AssertionError) as failed:
        assert one == other
    assert SECRET not in str(failed.value)


def test_pickling_is_refused(client: DynamoDBClient) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for make in (made, opened):
            with pytest.raises(TypeError, match="encrypted"):
                pickle.dumps(make(), protocol)


# --- what an instance is to those who work with it


def test_values_are_read_assigned_compared_and_matched(client: DynamoDBClient, drive: Drive) -> None:
    patient = made()
    drive(patient.put())
    read = drive(Patient.get_or_raise("p1"))

    assert read == patient
    assert (read.ssn, read.address, read.codes) == (SECRET, patient.address, {SECRET: SECRET})
    read.ssn = "other"
    read.codes["a"] = "b"
    assert read != patient
    assert read.model_changes() == {"ssn": (SECRET, "other"), "codes": ({SECRET: SECRET}, {SECRET: SECRET, "a": "b"})}
    assert read.model_changes()["ssn"].new == "other"
    match read:
        case Patient("p1", ssn="other", codes={"a": letter}):
            assert letter == "b"
        case _:
            pytest.fail("no match")
    read.model_rollback()
    assert read.model_changes() == {}
    assert (read.ssn, read.codes) == (SECRET, {SECRET: SECRET})
    read.ssn = "saved"
    drive(read.save())
    patient.name = "unsaved"
    drive(patient.refresh())
    assert patient == read
    drive(patient.update(Patient.ssn.set("updated"), Patient.codes.remove()))
    assert (patient.ssn, patient.codes) == ("updated", {})
    with pytest.raises(ValidationError, match=r"Patient\.ssn must be str or None, not int"):
        patient.ssn = 3  # type: ignore[assignment]
    with pytest.raises(AttributeError, match="cannot be deleted"):
        del patient.ssn
    assert patient.ssn == "updated"


def test_copies_have_the_values(client: DynamoDBClient) -> None:
    patient = made()
    patient.sync.put()
    shallow, deep = copy.copy(patient), copy.deepcopy(patient)
    updated = patient.model_copy(update={"ssn": "other"})

    assert shallow == deep == patient
    assert shallow.codes is patient.codes
    assert deep.codes is not patient.codes
    assert (updated.ssn, updated.codes, patient.ssn) == ("other", patient.codes, SECRET)
    replaced = dataclasses.replace(opened(), name="Eve")
    assert (replaced.name, replaced.ssn) == ("Eve", SECRET)

    class Plain(Model[str], table="plain"):
        key_: Attr[str] = partition_key()
        ssn: Encrypted[str]

    assert dataclasses.replace(Plain(key_="a", ssn=SECRET), key_="b").ssn == SECRET


def test_the_class_has_paths_and_fields() -> None:
    assert Patient.ssn is Patient.ssn
    assert repr(Patient.ssn.exists()) == repr(Patient.ssn.exists())
    assert [name for name in Patient.model_fields if name in HIDDEN] == ["ssn", "address", "insurance", "codes"]
    assert {one.name for one in dataclasses.fields(Patient)} == made().model_dump().keys()
    assert HIDDEN < set(dir(Patient))
    assert "ssn" not in vars(Open)  # nothing stands before a value that may be shown


def test_a_hook_that_fails_leaves_the_values_as_they_were(client: DynamoDBClient, drive: Drive) -> None:
    class Hooked(Model[str], table="hooked"):
        key_: Attr[str] = partition_key()
        ssn: Encrypted[str]
        codes: Encrypted[list[str]] = field(default_factory=list)
        seen: Attr[int] = field(default=0)

        @before_save
        def fail(self) -> None:
            self.ssn, self.seen = "changed", self.seen + 1
            self.codes.append("changed")
            if self.seen > 1:
                raise RuntimeError("twice")

        @after_load
        def loaded(self) -> None:
            self.ssn += "!"

    drive(Hooked.table.create())
    hooked = Hooked(key_="a", ssn=SECRET)
    drive(hooked.save())
    assert (hooked.ssn, hooked.codes) == ("changed", ["changed"])
    hooked.ssn = "again"
    with pytest.raises(RuntimeError, match="twice"):
        drive(hooked.save())
    assert (hooked.ssn, hooked.codes, hooked.seen) == ("again", ["changed"], 1)
    assert drive(Hooked.get_or_raise("a")).ssn == "changed!"
    assert "ssn" not in vars(hooked)


def test_subclasses_say_it_anew() -> None:
    class Base(Model[str], abstract=True):
        key_: Attr[str] = partition_key()
        one: Encrypted[str]
        two: Attr[str]
        three: Encrypted[str] = field(dump=True)

    class Child(Base, table="children"):
        one: Attr[str]
        two: Encrypted[str]

    class Grandchild(Child, table="grandchildren"):
        one: Encrypted[str]
        two: Encrypted[str] = field(dump=True)

    for cls, shown in ((Child, {"key_", "one", "three"}), (Grandchild, {"key_", "two", "three"})):
        made = cls(key_="k", one="1", two="2", three="3")
        assert (made.one, made.two, made.three) == ("1", "2", "3")
        assert vars(made).keys() == made.model_dump().keys() == dataclasses.asdict(made).keys() == shown
        made.one, made.two = "x", "y"
        assert (made.one, made.two, made.model_changes()["one"].new) == ("x", "y", "x")
        assert (cls.one.attribute.name, cls.two.attribute.name) == ("one", "two")
        assert copy.copy(made) == made


def test_generic_models_and_entities_keep_them_outside_too(client: DynamoDBClient, drive: Drive) -> None:
    class Event(Model[str], Generic[T], table="events"):
        key_: Attr[str] = partition_key()
        body: Encrypted[T]

    class Account(Model[str], table="accounts"):
        key_: Attr[str] = partition_key()

    class Person(Account, entity="person"):
        ssn: Encrypted[str]

    drive(Event[int].table.create())
    drive(Event[int](key_="e", body=7).create())
    event = drive(Event[int].get_or_raise("e"))
    assert (event.body, vars(event)) == (7, {"key_": "e"})
    drive(Account.table.create())
    drive(Person(key_="p", ssn=SECRET).create())
    (person,) = drive(Account.scan().all())
    assert isinstance(person, Person)
    assert person.ssn == SECRET
    assert SECRET not in repr(vars(person))


def test_models_without_encrypted_attributes_keep_their_layout() -> None:
    class Plain(Model[str], table="plain"):
        key_: Attr[str] = partition_key()
        name: Attr[str]
        log: pydynox.Compressed[list[str]] = field(default_factory=list)

    assert {"name", "log", "key_"}.isdisjoint(vars(Plain))
    assert vars(Plain(key_="k", name="n")) == {"key_": "k", "name": "n", "log": []}


# --- what is refused: no error has anything of an encrypted value


class Color(enum.Enum):
    RED = "red"


class Named(TypedDict):
    name: str


class Echo:
    """A codec that says what it was given."""

    def to_stored(self, value: str) -> str:
        if value.startswith("0"):
            raise LookupError(f"cannot store {value}")
        return value

    def from_stored(self, value: Any) -> str:
        if value.startswith("0"):
            raise LookupError(f"cannot read {value}")
        return str(value)


def no_digits(value: str) -> None:
    if any(letter.isdigit() for letter in value):
        raise ValueError(f"{value!r} has digits")


def twelve(value: str) -> bool:
    if len(value) > 12:
        raise ValueError("has more than twelve characters")
    return True


class Pinned(Document):
    pin: Attr[str] = field(default="", validate=no_digits)
    kind: Attr[Literal["a", "b"]] = field(default="a")


class Strict(Model[str], table="strict"):
    strict_id: Attr[str] = partition_key()
    age: Attr[int] = field(default=0, ge=0)
    word: Encrypted[str] = field(default="", validate=(no_digits, twelve))
    short: Encrypted[str] = field(default="", max_length=3, pattern="^[a-z]*$")
    color: Encrypted[Color | None] = field(default=None)
    letter: Encrypted[Literal["a", "b"]] = field(default="a")
    counts: Encrypted[dict[str, int]] = field(default_factory=dict)
    uuid: Encrypted[UUID | None] = field(default=None)
    day: Encrypted[date | None] = field(default=None)
    pinned: Encrypted[list[Pinned]] = field(default_factory=list)
    by_name: Encrypted[dict[str, Pinned]] = field(default_factory=dict)
    named: Encrypted[Named | None] = field(default=None)
    coded: Encrypted[str] = field(default="", codec=Echo())
    amount: Encrypted[Decimal] = field(default=Decimal(0), le=5, dump=True)


REFUSED: dict[str, Any] = {
    "word": SECRET,
    "short": SECRET,
    "color": SECRET,
    "letter": SECRET,
    "counts": {SECRET: SECRET},
    "uuid": SECRET,
    "day": SECRET,
    "pinned": [{"pin": SECRET}],
    "by_name": {SECRET: {"kind": SECRET}},
    "named": {"name": [SECRET], SECRET: SECRET},
    "coded": SECRET,
    "amount": Decimal(78051120),
}

# What cannot be given as it is: the classes of the values, with what breaks their rules inside.
EDITED: dict[str, Callable[[], Any]] = {
    "pinned": lambda: [Pinned(pin="x")],
    "by_name": lambda: {SECRET: Pinned(pin="x")},
}


def told(error: BaseException) -> str:
    """All that an error says, its chain and its notes included."""
    errors = getattr(error, "errors", [])
    listed = errors() if callable(errors) else errors
    text = error.json() if hasattr(error, "json") else ""
    return f"{error} {error!r} {error.args} {listed} {text} {''.join(traceback.format_exception(error))}"


def assert_discreet(error: BaseException, name: str) -> None:
    text = told(error).replace(r"\\", "\\")
    lines = [line for line in text.splitlines() if not line.startswith("    ")]  # the source of the test
    assert not any(SECRET in line or "78051120" in line for line in lines), text
    assert name in text


WAYS: dict[str, Callable[[str, Any], Any]] = {
    "constructor": lambda name, value: Strict(strict_id="s", **{name: value}),
    "assignment": lambda name, value: setattr(Strict(strict_id="s"), name, value),
    "model_validate": lambda name, value: Strict.model_validate({"strict_id": "s", name: value}),
    "model_copy": lambda name, value: Strict(strict_id="s").model_copy(update={name: value}),
    "set": lambda name, value: getattr(Strict, name).set(value),
    "pydantic": lambda name, value: TypeAdapter(Strict).validate_python({"strict_id": "s", name: value}),
    "pydantic, JSON": lambda name, value: TypeAdapter(Strict).validate_json(
        json.dumps({"strict_id": "s", name: value}, default=str)
    ),
    "pydantic, member": lambda name, value: holder_of(Strict)(patient={"strict_id": "s", name: value}),
    "pydantic, list": lambda name, value: TypeAdapter(list[Strict]).validate_python([{"strict_id": "s", name: value}]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", REFUSED)
def test_no_error_has_a_refused_value(way: str, name: str) -> None:
    try:
        WAYS[way](name, REFUSED[name])
    except ValueError as error:
        assert_discreet(error, name)
    else:
        assert name == "coded"  # what cannot be stored is refused by the write


@pytest.mark.parametrize("name", EDITED)
def test_no_error_has_a_value_that_was_edited_in_place(client: DynamoDBClient, drive: Drive, name: str) -> None:
    drive(Strict.table.create())
    value = EDITED[name]()
    strict = Strict(strict_id="s", **{name: value})
    inner = value[0] if isinstance(value, list) else value[SECRET]
    vars(inner)["pin"] = SECRET
    with pytest.raises(ValidationError) as refused:
        drive(strict.create())
    assert_discreet(refused.value, name)
    vars(inner)["pin"] = {SECRET: object()}
    with pytest.raises(ValidationError) as refused:
        drive(strict.create())
    assert_discreet(refused.value, name)


def test_what_a_validator_says_is_told_unless_it_says_the_value() -> None:
    with pytest.raises(ValidationError) as refused:
        Strict(strict_id="s", word="a" * 13)
    assert str(refused.value) == "Strict.word: has more than twelve characters"
    with pytest.raises(ValidationError) as refused:
        Strict(strict_id="s", word="1")
    assert str(refused.value) == "Strict.word is refused by no_digits"
    with pytest.raises(pydantic_core.ValidationError) as told:
        TypeAdapter(Strict).validate_python({"strict_id": "s", "word": "a" * 13, "short": "A", "pinned": [{"kind": "c"}]})
    assert [(one["loc"], one["type"], one["msg"], one["input"]) for one in told.value.errors()] == [
        (("word",), "value_error", "Value error, word: has more than twelve characters", "<encrypted>"),
        (("short",), "value_error", "Value error, short does not match the pattern ^[a-z]*$", "<encrypted>"),
        (("pinned", 0, "kind"), "literal_error", "Input should be 'a' or 'b'", "<encrypted>"),
    ]


def test_other_errors_are_told_as_before() -> None:
    with pytest.raises(pydantic_core.ValidationError) as told:
        TypeAdapter(Strict).validate_python({"strict_id": 3, "age": -1, "word": "fine"})
    assert [(one["loc"], one["type"], one["input"]) for one in told.value.errors()] == [
        (("strict_id",), "string_type", 3),
        (("age",), "value_error", -1),
    ]


BODIES: dict[str, Any] = {
    "a missing sibling": {"word": "w", "short": SECRET[:1], "counts": {}, "coded": SECRET, "age": 1},
    "a slip in a name": {"strict_id": "s", "wrod": SECRET},
    "a list": [SECRET],
    "text": SECRET,
    **{f"a refused {name}": {"strict_id": "s", name: str(v) if name == "amount" else v} for name, v in REFUSED.items()},
}


@pytest.mark.parametrize("body", BODIES)
async def test_no_answer_of_fastapi_has_a_refused_value(body: str) -> None:
    app = FastAPI()
    app.post("/")(with_body(Strict))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as web:
        answer = await web.post("/", json=BODIES[body])
    if body == "a refused coded" and answer.status_code != 422:
        return  # to be stored it is refused, not to be made
    assert answer.status_code == 422
    assert SECRET not in answer.text
    assert "78051120" not in answer.text
    if body == "a missing sibling":
        assert answer.json()["detail"][0]["input"] == {"age": 1}


def test_no_error_has_a_stored_value_that_does_not_fit(client: DynamoDBClient, drive: Drive) -> None:
    class Wide(Model[str], table="strict"):
        strict_id: Attr[str] = partition_key()
        letter: Encrypted[str] = field(default="a")
        color: Encrypted[str | None] = field(default=None)
        uuid: Encrypted[str | None] = field(default=None)
        day: Encrypted[str | None] = field(default=None)
        coded: Encrypted[str] = field(default="")
        counts: Encrypted[dict[str, str]] = field(default_factory=dict)
        named: Encrypted[dict[str, str] | None] = field(default=None)

    drive(Wide.table.create())
    for name in ("letter", "color", "uuid", "day", "coded", "counts", "named"):
        value: Any = {SECRET: SECRET} if name in ("counts", "named") else SECRET
        drive(Wide(strict_id=name, **{name: value}).put())
        with pytest.raises(PydynoxError) as refused:
            drive(Strict.get(name))
        assert_discreet(refused.value, name)
    with pytest.raises(PydynoxError) as refused:
        drive(Strict.scan().all())
    assert_discreet(refused.value, refused.value.attribute)  # type: ignore[attr-defined]


# --- other texts


async def test_what_is_left_of_a_batch_and_what_is_too_large_is_told_without_values(client: DynamoDBClient) -> None:
    texts = []
    large = Patient(patient_id="big", name="Ada", ssn=SECRET * 40_000)
    with pytest.raises(ItemTooLargeError) as refused:
        await large.put()
    texts.append(told(refused.value))
    warned = DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"key": bytes(32)}), size_warning=0.1)
    with warned.as_default():
        await Patient.table.create()
        with pytest.warns(pydynox.ItemSizeWarning) as warnings:
            await Patient(patient_id="big", name="Ada", ssn=SECRET * 10_000).put()
        texts.append(str(warnings[0].message))

    async def stop() -> None:
        async with client.batch_writer(unguarded=True) as batch:
            await batch.put(made())
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError) as stopped:
        await stop()
    texts.append(told(stopped.value))
    await made().put()
    with pytest.raises(ItemAlreadyExistsError) as taken:
        await made().create()
    texts.append(told(taken.value))
    action = Patient.ssn.set(SECRET)
    texts += [repr(action), action.explain(), Patient.ssn.exists().explain()]
    for text in texts:
        assert SECRET not in "".join(line for line in text.splitlines() if not line.startswith("    ")), text
