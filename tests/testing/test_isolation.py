"""The DynamoDB of a test: who reaches it, what nobody reaches meanwhile, and that all is as before afterwards."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pathlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pydynox
import pytest
from pydynox import (
    AssumeRole,
    Attr,
    Credentials,
    DynamoDBClient,
    Encrypted,
    KmsKeyring,
    LocalKeyring,
    Model,
    ModelConfig,
    field,
    get_default_client,
    partition_key,
    set_default_client,
)
from pydynox.exceptions import ConfigurationError, PydynoxError, TableNotFoundError
from pydynox.testing import fault, inject, isolated_dynamodb

from tests.conftest import Drive, Serve
from tests.faults.deeds import answer
from tests.faults.server import FaultServer

pytestmark = pytest.mark.thorough


class Note(Model[str], table="notes"):
    """A plain model."""

    note_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")


class Secret(Model[str], table="notes"):
    """A model with an encrypted attribute."""

    note_id: Attr[str] = partition_key()
    text: Encrypted[str] = field(default="")


@pytest.fixture
def account(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> FaultServer:
    """What the machine's environment leads to: no test may send it anything."""
    server = serve(answer({"TableNames": ["live"]}))
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDMACHINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("AWS_PROFILE", "production")
    return server


@pytest.fixture(autouse=True)
def no_default() -> Iterator[None]:
    set_default_client(None)
    yield
    set_default_client(None)


MAKERS: dict[str, Callable[[], DynamoDBClient]] = {
    "plain": DynamoDBClient,
    "region": lambda: DynamoDBClient(region="eu-west-1"),
    "profile": lambda: DynamoDBClient(profile="production"),
    "credentials": lambda: DynamoDBClient(region="eu-west-1", credentials=Credentials("AKIDEXPLICIT", "secret")),
    "role": lambda: DynamoDBClient(region="eu-west-1", assume_role=AssumeRole("arn:aws:iam::123456789012:role/app")),
    "keys": lambda: DynamoDBClient(cursor_keys=[bytes(32)], timeout=5),
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("moment", ["made before", "used before", "made within"])
def test_every_client_without_an_endpoint_reaches_the_items_of_the_test(
    account: FaultServer, drive: Drive, maker: str, moment: str
) -> None:
    made = MAKERS[maker]() if moment != "made within" else None
    if moment == "used before":
        if maker in ("profile", "role"):
            pytest.skip("needs a profile, or STS")
        assert drive(made.call("ListTables"))["TableNames"] == ["live"]
    seen = len(account.seen)

    with isolated_dynamodb() as dynamodb:
        client = made or MAKERS[maker]()
        drive(dynamodb.call("ListTables"))
        with client.as_default():
            drive(Note.table.create())
            drive(Note(note_id="n1").create())
        thread = threading.Thread(target=lambda: client.sync.put_item("notes", {"note_id": "n2"}))
        thread.start()
        thread.join()

        assert drive(dynamodb.get_item("notes", {"note_id": "n1"}))
        assert drive(dynamodb.get_item("notes", {"note_id": "n2"}))
    assert len(account.seen) == seen

    if maker not in ("profile", "role"):
        assert drive(client.call("ListTables"))["TableNames"] == ["live"]
        signed_by = "AKIDEXPLICIT" if maker == "credentials" else "AKIDMACHINE"
        assert signed_by in account.seen[-1].headers["authorization"]


def test_an_app_with_a_client_of_its_own_is_tested_as_it_is(account: FaultServer) -> None:
    async def lifespan() -> None:
        async with DynamoDBClient(timeout=5) as client:
            set_default_client(client)
            await Note(note_id="n1").create()
            set_default_client(None)

    with isolated_dynamodb():
        Note.table.sync.create()
        asyncio.run(lifespan())
        assert Note.sync.get("n1")
    assert account.seen == []


def test_a_model_with_its_own_client_and_a_block_around_the_test_are_no_way_out(account: FaultServer) -> None:
    class Own(Model[str]):
        model_config = ModelConfig(table="notes", client=DynamoDBClient(region="eu-west-1"))
        note_id: Attr[str] = partition_key()

    with DynamoDBClient().as_default(), isolated_dynamodb():
        Note.table.sync.create()
        Own(note_id="n1").sync.create()
        assert Note.sync.get("n1")
    assert account.seen == []


def test_what_has_an_endpoint_keeps_it_and_is_not_signed_by_the_machine(account: FaultServer, serve: Serve, drive: Drive) -> None:
    other = serve(answer({"TableNames": ["other"]}))
    before = DynamoDBClient(endpoint_url=other.url)
    drive(before.call("ListTables"))
    with isolated_dynamodb():
        for client in (before, DynamoDBClient(endpoint_url=other.url)):
            assert drive(client.call("ListTables"))["TableNames"] == ["other"]
    drive(before.call("ListTables"))

    signed = [seen.headers["authorization"].split("Credential=")[1].split("/")[0] for seen in other.seen]
    assert signed == ["AKIDMACHINE", "testing", "testing", "AKIDMACHINE"]
    assert [("x-amz-security-token" in seen.headers) for seen in other.seen] == [True, False, False, True]


def test_the_environment_the_default_and_private_items_are_back_afterwards_also_when_the_test_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "memory://")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/token")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")
    before = dict(os.environ)
    Note.table.sync.create()  # in the private engine of the client that is made from the environment
    Note(note_id="mine").sync.create()
    from_environment = get_default_client()

    def fail() -> None:
        with isolated_dynamodb() as dynamodb:
            assert get_default_client() is dynamodb
            assert "AWS_WEB_IDENTITY_TOKEN_FILE" not in os.environ
            set_default_client(None)
            assert get_default_client() is dynamodb
            with pytest.raises(TableNotFoundError):
                from_environment.sync.get_item("notes", {"note_id": "mine"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert dict(os.environ) == before
    assert get_default_client() is from_environment
    assert Note.sync.get("mine")


def test_blocks_can_be_nested_and_each_has_items_of_its_own(account: FaultServer) -> None:
    client = DynamoDBClient(region="eu-west-1")
    with isolated_dynamodb():
        client.sync.call("ListTables")
        Note.table.sync.create()
        Note(note_id="outer").sync.create()
        with isolated_dynamodb():
            assert client.sync.call("ListTables")["TableNames"] == []
            Note.table.sync.create()
        assert client.sync.get_item("notes", {"note_id": "outer"})
        assert Note.sync.get("outer")
    assert account.seen == []


def test_a_client_made_in_a_test_belongs_to_the_next_one_next(account: FaultServer) -> None:
    with isolated_dynamodb():
        client = DynamoDBClient()
        assert client.sync.call("ListTables")["TableNames"] == []
    with isolated_dynamodb():
        Note.table.sync.create()
        assert client.sync.call("ListTables")["TableNames"] == ["notes"]
    assert account.seen == []
    assert client.sync.call("ListTables")["TableNames"] == ["live"]


def test_faults_are_done_to_clients_that_are_elsewhere(account: FaultServer) -> None:
    client = DynamoDBClient(region="eu-west-1")
    with isolated_dynamodb(), inject(client, fault("ListTables", "internal_error")) as log:
        client.sync.call("ListTables")
        with isolated_dynamodb():
            client.sync.call("ListTables")

    assert log.requests == ["ListTables", "ListTables", "ListTables"]
    assert account.seen == []


def test_the_options_of_the_client_are_those_given(drive: Drive) -> None:
    with isolated_dynamodb(cursor_keys=[bytes(32)], table_prefix="test-", endpoint_url="memory://?latency=1") as client:
        drive(Note.table.create())
        for number in range(3):
            drive(Note(note_id=f"n{number}").create())
        page = drive(Note.scan().page(1))

        assert drive(client.call("ListTables"))["TableNames"] == ["test-notes"]
        assert page.cursor
        with pytest.raises(PydynoxError):
            drive(DynamoDBClient(table_prefix="test-").scan("notes").after(page.cursor).page(1))


def test_kms_is_never_asked_and_the_keyring_of_the_test_stands_in(account: FaultServer, drive: Drive) -> None:
    client = DynamoDBClient(region="eu-west-1", keyring=KmsKeyring("alias/app"))
    with isolated_dynamodb(keyring=LocalKeyring({"test": bytes(32)})), client.as_default():
        drive(Secret.table.create())
        drive(Secret(note_id="n1", text="hidden").create())
        assert drive(Secret.get_or_raise("n1")).text == "hidden"
    with isolated_dynamodb(), client.as_default():
        drive(Secret.table.create())
        with pytest.raises(ConfigurationError, match="dynamodb_options"):
            drive(Secret(note_id="n1", text="hidden").create())
    with pytest.raises(ConfigurationError), isolated_dynamodb(keyring=KmsKeyring("alias/app")):
        drive(Secret(note_id="n1", text="hidden").create())
    assert account.seen == []


@pytest.mark.engines("moto")
def test_kms_by_an_address_of_its_own_is_asked_without_the_credentials_of_the_machine(
    account: FaultServer, serve: Serve, drive: Drive
) -> None:
    kms = serve(answer({"__type": "AccessDeniedException"}, status=400))
    client = DynamoDBClient(region="eu-west-1", keyring=KmsKeyring("alias/app", endpoint_url=kms.url))
    with isolated_dynamodb(), client.as_default():
        drive(Secret.table.create())
        with pytest.raises(PydynoxError):
            drive(Secret(note_id="n1", text="hidden").create())
    assert "Credential=testing/" in kms.seen[0].headers["authorization"]
    assert account.seen == []


def in_child(queue: Any, client: DynamoDBClient | None) -> None:
    try:
        client = client or DynamoDBClient(region="eu-west-1")
        queue.put(client.sync.call("ListTables")["TableNames"])
    except BaseException as error:
        queue.put(repr(error))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_stays_with_the_test(account: FaultServer) -> None:
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    before = DynamoDBClient(region="eu-west-1")
    with isolated_dynamodb():
        Note.table.sync.create()
        before.sync.call("ListTables")
        answers = []
        for client in (before, None):
            process = context.Process(target=in_child, args=(queue, client))
            process.start()
            answers.append(queue.get(timeout=20))
            process.join(20)
        assert before.sync.call("ListTables")["TableNames"] == ["notes"]
    assert answers == [[], []]  # an engine of its own, empty
    assert account.seen == []


def test_a_child_that_is_another_program_stays_off_the_account(account: FaultServer) -> None:
    code = "from pydynox import DynamoDBClient; print(DynamoDBClient(profile='production').sync.call('ListTables')['TableNames'])"
    with isolated_dynamodb():
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    assert account.seen == []


CONFTEST = """
import os
import pytest
from pydynox import LocalKeyring

pytest_plugins = ["pydynox.testing"]


@pytest.fixture
def dynamodb_options():
    return {"cursor_keys": [os.urandom(32)], "keyring": LocalKeyring({"test": os.urandom(32)})}
"""
APP = """
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydynox import Attr, DynamoDBClient, Encrypted, KmsKeyring, Model, field, partition_key, set_default_client


class User(Model[str], table="users"):
    user_id: Attr[str] = partition_key()
    ssn: Encrypted[str] = field(default="")


@asynccontextmanager
async def lifespan(app):
    async with DynamoDBClient(region="eu-west-1", profile="production", keyring=KmsKeyring("alias/app")) as client:
        set_default_client(client)
        yield
        set_default_client(None)


app = FastAPI(lifespan=lifespan)


@app.post("/users/{user_id}", status_code=201)
async def add(user_id: str):
    await User(user_id=user_id, ssn="078").create()
"""
TESTS = """
import asyncio

import httpx
from app import User, app


def test_the_app(dynamodb):
    async def run():
        await User.table.create()
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://app") as web:
            assert (await web.post("/users/u1")).status_code == 201

    asyncio.run(run())
    assert User.sync.get_or_raise("u1").ssn == "078"
"""


def test_the_fixture_takes_its_options_from_a_fixture_and_tests_an_app(account: FaultServer, tmp_path: pathlib.Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "test_app.py").write_text(TESTS)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert account.seen == []


def test_nothing_of_it_costs_a_program_that_does_not_test() -> None:
    code = "import sys, pydynox; assert not [name for name in sys.modules if name.startswith('pydynox.testing')]"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert pydynox.default_client._sole is None
