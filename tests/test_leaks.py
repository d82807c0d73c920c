"""What leaves an instance with encrypted attributes: every way out gives what `model_dump()` gives, and no error echoes a value."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import pickle
import pprint
import traceback
from collections.abc import Callable
from typing import Any, Generic, TypeVar

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
from pydynox.exceptions import ValidationError

from .conftest import Drive

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
