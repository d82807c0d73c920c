"""Errors as responses of FastAPI: each class of the tree has its status, and no body has a key or a value."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, Literal

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from pydynox import Attr, DynamoDBClient, Model, exceptions, field, partition_key
from pydynox.exceptions import (
    BatchIncompleteError,
    ConditionFailedError,
    ItemNotFoundError,
    PydynoxError,
    RequestTimeoutError,
    ThrottlingError,
    TransactionCanceledError,
    TransactionConflictError,
    UniqueConstraintError,
    ValidationError,
    WriteOutcomeUnknownError,
)
from pydynox.integrations.fastapi import install_errors, responses
from pydynox.integrations.fastapi.errors import TITLES
from pydynox.testing import fault, inject

SECRET = "pa$$word-17"
PROBLEM = "application/problem+json"

#: Every class of the tree, with the status of its responses; 500 is a traceback in the log.
STATUSES = {
    "AccessDeniedError": 500,
    "BatchIncompleteError": 500,
    "BudgetExceededError": 500,
    "ConditionFailedError": 409,
    "ConfigurationError": 500,
    "ConnectionFailedError": 503,
    "CredentialsError": 500,
    "CursorError": 400,
    "EncryptionError": 500,
    "IdempotencyError": 500,
    "IdempotencyInProgressError": 409,
    "IdempotencyKeyReusedError": 422,
    "IdempotencyResultError": 500,
    "InternalError": 500,
    "InvalidRequestError": 500,
    "InvalidResponseError": 500,
    "ItemAlreadyExistsError": 409,
    "ItemNotFoundError": 404,
    "ItemTooLargeError": 413,
    "ItemVanishedError": 404,
    "LockLostError": 500,
    "LockNotAcquiredError": 503,
    "MultipleItemsError": 500,
    "PydynoxError": 500,
    "ReadLimitError": 500,
    "RequestError": 500,
    "RequestTimeoutError": 503,
    "SerializationError": 500,
    "TableNotFoundError": 500,
    "ThrottlingError": 429,
    "TransactionCanceledError": 500,
    "TransactionConflictError": 409,
    "TransactionTokenReusedError": 409,
    "UniqueConstraintError": 409,
    "ValidationError": 422,
    "VersionConflictError": 409,
    "WriteOutcomeUnknownError": 504,
}


def app_raising(error: Exception, **options: Any) -> FastAPI:
    app = FastAPI()
    install_errors(app, **options)

    @app.get("/")
    async def fail() -> None:
        raise error

    return app


def ask(app: FastAPI, accept: str = "*/*", *, raises: bool = False) -> httpx.Response:
    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=raises)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as web:
            return await web.get("/", headers={"accept": accept})

    return asyncio.run(get())


def answer(error: Exception, accept: str = "*/*", **options: Any) -> httpx.Response:
    return ask(app_raising(error, **options), accept)


def test_the_table_covers_the_tree() -> None:
    assert sorted(STATUSES) == sorted(exceptions.__all__)


@pytest.mark.parametrize(("name", "status"), STATUSES.items(), ids=STATUSES)
def test_each_error_has_its_status_and_shows_nothing_of_its_message(name: str, status: int) -> None:
    error = getattr(exceptions, name)(f"User.key('{SECRET}') {SECRET}")

    plain, problem = answer(error), answer(error, PROBLEM)

    assert plain.status_code == problem.status_code == status
    for response in (plain, problem):
        assert SECRET not in response.text
        assert SECRET not in str(response.headers)
    if status == 500:
        assert plain.text == "Internal Server Error"
        return
    assert plain.headers["content-type"] == "application/json"
    assert list(plain.json()) == ["detail"]
    assert problem.headers["content-type"] == PROBLEM
    body = problem.json()
    assert {name: body[name] for name in ("type", "title", "status")} == {
        "type": "about:blank",
        "title": TITLES[status],
        "status": status,
    }
    assert ("retry-after" in plain.headers) == (status in (429, 503) or name == "IdempotencyInProgressError")


def test_a_request_that_is_being_processed_says_when_to_ask_again() -> None:
    response = answer(exceptions.IdempotencyInProgressError("x", retry_after=7.2), retry_after=3)

    assert (response.status_code, response.headers["retry-after"]) == (409, "8")


@pytest.mark.parametrize("name", [name for name in STATUSES if name not in ("ThrottlingError", "IdempotencyInProgressError")])
def test_what_passes_is_a_503_whatever_it_is(name: str) -> None:
    response = answer(getattr(exceptions, name)("x", retryable=True), retry_after=3)

    assert (response.status_code, response.headers["retry-after"]) == (503, "3")
    assert response.json() == {"detail": "The request cannot be served now: try again later."}


CONDITION, MISSING, INVALID = ConditionFailedError("x"), ItemNotFoundError("x"), ValidationError("x")
CONFLICT = TransactionConflictError("x", retryable=True)


@pytest.mark.parametrize(
    ("failures", "status"),
    [
        ([CONDITION], 409),
        ([UniqueConstraintError("x"), CONDITION], 409),
        ([MISSING], 404),
        ([MISSING, CONDITION], 409),
        ([CONFLICT, MISSING], 404),
        ([CONDITION, exceptions.TableNotFoundError("x")], 500),
        ([INVALID], 422),
    ],
)
def test_a_canceled_transaction_answers_as_what_canceled_it(failures: list[PydynoxError], status: int) -> None:
    response = answer(TransactionCanceledError(SECRET, failures=dict(enumerate(failures))))

    assert response.status_code == status
    assert SECRET not in response.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConditionFailedError("x", ambiguous=True), 504),
        (ThrottlingError("x", retryable=True), 429),
        (BatchIncompleteError("x", retryable=True), 503),
        (RequestTimeoutError("x", retryable=False), 503),
        (WriteOutcomeUnknownError("x"), 504),
    ],
)
def test_what_may_have_happened_is_no_conflict(error: PydynoxError, status: int) -> None:
    assert answer(error).status_code == status


@pytest.mark.parametrize(
    ("accept", "is_problem"),
    [
        ("application/problem+json", True),
        ("application/problem+json, application/json", True),
        ("APPLICATION/PROBLEM+JSON;q=0.9", True),
        ("application/json, application/problem+json;q=0.5", False),
        ("application/json;q=0.4, application/problem+json;q=0.5", True),
        ("application/problem+json;q=0", False),
        ("application/problem+json;q=x", False),
        ("*/*", False),
        ("application/json", False),
        ("", False),
        (",;,", False),
    ],
)
def test_problem_details_are_for_those_who_ask(accept: str, is_problem: bool) -> None:
    response = answer(ItemNotFoundError("x"), accept)

    assert (response.headers["content-type"] == PROBLEM) is is_problem


def test_statuses_can_be_others() -> None:
    for kind, status in ((ThrottlingError, 503), (ItemNotFoundError, 410)):
        assert answer(kind("x"), statuses={kind: status}).status_code == status
    assert answer(ItemNotFoundError("x"), PROBLEM, statuses={ItemNotFoundError: 410}).json()["title"] == "Error"
    assert answer(exceptions.ItemVanishedError("x"), statuses={ItemNotFoundError: 500}).status_code == 500


def test_a_fault_of_the_app_reaches_the_log() -> None:
    error = exceptions.TableNotFoundError(SECRET)

    with pytest.raises(exceptions.TableNotFoundError):
        ask(app_raising(error), raises=True)


def test_a_web_socket_has_no_response() -> None:
    app = FastAPI()
    install_errors(app)

    @app.websocket("/")
    async def fail(socket: WebSocket) -> None:
        await socket.accept()
        raise ItemNotFoundError("x")

    async def connect() -> None:
        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(_: Any) -> None: ...

        await app({"type": "websocket", "path": "/", "query_string": b"", "headers": []}, receive, send)

    with pytest.raises(ItemNotFoundError):
        asyncio.run(connect())


def checked(value: str) -> None:
    if value:
        raise ValueError(f"{value} is refused")


class User(Model[str], table="users", unique=("email",)):
    user_id: Attr[str] = partition_key()
    email: Attr[str] = field(default="", pattern=r"^[\w$-]*$")
    age: Attr[int] = field(default=0, le=150)
    notes: Attr[list[str]] = field(default_factory=list)
    scores: Attr[dict[str, int]] = field(default_factory=dict)
    size: Attr[Literal["S", "L"]] = field(default="S")
    checked: Attr[str] = field(default="", validate=checked)


class Plain(Model[str], table="plain"):
    name: Attr[str] = partition_key()
    value: Attr[Any] = field(default=None)


async def batch() -> None:
    async with exceptions_client().batch_writer() as writer:
        await writer.put(Plain(name=SECRET, value={"a": set()}))


def exceptions_client() -> DynamoDBClient:
    from pydynox import get_default_client

    return get_default_client()


async def vanish() -> None:
    user = Plain(name=SECRET)
    await user.create()
    await Plain.key(SECRET).delete()
    user.value = SECRET
    await user.save()


async def twice() -> None:
    await User(user_id="a", email=SECRET).create()
    await User(user_id="b", email=SECRET).create()


async def in_transaction() -> None:
    await Plain(name=SECRET).create()
    async with exceptions_client().transaction() as tx:
        tx.create(Plain(name=SECRET))
        tx.update(Plain.key("other"), Plain.value.set(SECRET))


async def raised_by(make: Callable[[], Any]) -> Any:
    return make()


FAILING: dict[str, tuple[Callable[[], Any], int]] = {
    "a missing item": (lambda: Plain.get_or_raise(SECRET), 404),
    "a key that is too long": (lambda: Plain.get_or_raise(SECRET * 400), 422),
    "an empty key": (lambda: Plain(name="").create(), 422),
    "a value of another type": (lambda: raised_by(lambda: User(user_id=SECRET, age=SECRET)), 422),
    "an unknown name": (lambda: raised_by(lambda: User(user_id=SECRET, nmae=SECRET)), 422),
    "a broken rule": (lambda: raised_by(lambda: User(user_id=SECRET, age=170017)), 422),
    "a pattern": (lambda: raised_by(lambda: User(user_id=SECRET, email=SECRET + "é !")), 422),
    "a literal": (lambda: raised_by(lambda: User(user_id=SECRET, size=SECRET)), 422),
    "a key of a map": (lambda: raised_by(lambda: User(user_id=SECRET, scores={SECRET: SECRET})), 422),
    "a rule of the app": (lambda: raised_by(lambda: User(user_id=SECRET, checked=SECRET)), 422),
    "an element": (lambda: raised_by(lambda: User(user_id=SECRET, notes=[17, SECRET])), 422),
    "what cannot be stored": (lambda: Plain(name=SECRET, value={SECRET: set()}).create(), 422),
    "in a batch": (batch, 422),
    "a condition": (lambda: Plain(name="x").put(condition=Plain.value == SECRET), 409),
    "a taken value": (twice, 409),
    "an item that is gone": (vanish, 404),
    "a transaction": (in_transaction, 409),
    "a large item": (lambda: Plain(name=SECRET, value=SECRET * 50_000).create(), 413),
    "a cursor": (lambda: Plain.query(SECRET).after(SECRET).page(1), 400),
    "a key of another kind": (lambda: Plain.get(17), 422),
    "an update of nothing": (lambda: Plain.key(SECRET).update(), 422),
}


@pytest.mark.parametrize(("case", "errors"), [*((case, "full") for case in FAILING), ("a missing item", "none")])
def test_no_body_has_a_key_or_a_value(case: str, errors: Any) -> None:
    fail, status = FAILING[case]
    client = DynamoDBClient(endpoint_url="memory://", errors=errors, size_warning=None)
    app = FastAPI()
    install_errors(app)

    @app.get("/")
    async def route() -> None:
        with client.as_default():
            await User.table.create()
            await Plain.table.create()
            await fail()

    found = [ask(app, accept) for accept in ("*/*", PROBLEM)]

    assert found[0].status_code == status
    for response in found:
        assert SECRET not in response.text
        assert "170017" not in response.text


def test_what_is_wrong_with_an_attribute_is_shown_where_it_is() -> None:
    def build() -> None:
        User(user_id="u", age=151, notes=["a", 1], scores={SECRET: "x"}, nmae=1)  # type: ignore[call-arg]

    with pytest.raises(ValidationError) as caught:
        build()

    assert answer(caught.value).json() == {
        "detail": [
            {"loc": ["item", "age"], "msg": "User.age must be <= 150", "type": "value_error"},
            {"loc": ["item", "notes"], "msg": "User.notes[1] must be str, not int", "type": "value_error"},
            {"loc": ["item", "scores"], "msg": "A value is not valid.", "type": "value_error"},
            {"loc": ["item", "nmae"], "msg": "A value is not valid.", "type": "value_error"},
        ]
    }


@pytest.mark.parametrize(("kind", "status"), [("throttle", 429), ("unavailable", 503), ("unreachable", 503)])
def test_a_service_that_does_not_answer_is_named_as_such(kind: Any, status: int) -> None:
    client = DynamoDBClient(endpoint_url="memory://", max_attempts=1)
    app = FastAPI()
    install_errors(app)

    @app.get("/")
    async def route() -> None:
        with client.as_default(), inject(client, fault("GetItem", kind, times=None)):
            await Plain.get("x")

    response = ask(app)

    assert (response.status_code, response.headers["retry-after"]) == (status, "1")


def test_the_schema_of_an_app_shows_both_forms_of_its_errors() -> None:
    app = FastAPI()

    @app.get("/", responses=responses(304, 404, 422, 503))
    async def route(name: str) -> None: ...

    schema = app.openapi()
    documented = schema["paths"]["/"]["get"]["responses"]

    assert documented["304"] == {"description": "Not Modified"}
    for status in ("404", "422", "503"):
        content = documented[status]["content"]
        assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/Detail"}
        assert set(content[PROBLEM]["schema"]["properties"]) == {"type", "title", "status", "detail", "errors"}
        assert content[PROBLEM]["schema"]["required"] == ["title", "status", "detail"]
    assert documented["503"]["headers"]["Retry-After"]["schema"] == {"type": "integer"}
    named = {name.rpartition("/")[2] for name in re.findall(r"#/components/schemas/\w+", str(schema))}
    assert named <= set(schema["components"]["schemas"])
    with pytest.raises(ValueError, match="no response of status 418"):
        responses(418)
