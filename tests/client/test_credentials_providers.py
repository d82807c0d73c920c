"""Credentials that a function of the program gives, plain or a coroutine: asked once, in time, and for as long as somebody waits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydynox import (
    AssumeRole,
    Attr,
    Credentials,
    DynamoDBClient,
    Encrypted,
    KmsKeyring,
    Model,
    partition_key,
)
from pydynox.exceptions import ConfigurationError, CredentialsError, RequestTimeoutError

from tests.conftest import Drive, Serve, client_of
from tests.engines import Engine
from tests.faults.deeds import answer, error
from tests.faults.models import FOUND, NOTE, Note

from .test_credentials import ROLE, signed_with, sts

EXPIRED = error("ExpiredTokenException")


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home without configuration."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def keys(number: int = 1, lasting: float | None = 3600) -> Credentials:
    end = None if lasting is None else datetime.now(UTC) + timedelta(seconds=lasting)
    return Credentials(f"AKID{number}", "secret", "token", expires_at=end)


class Broker:
    """Gives or raises one thing after the other, and the last from then on; each takes so many seconds."""

    def __init__(self, *things: Any, seconds: float = 0.0) -> None:
        self.things = things or (keys(),)
        self.seconds = seconds
        self.asked = 0
        self.cancelled = threading.Event()
        self.threads: set[int] = set()
        self.loops: list[asyncio.AbstractEventLoop] = []

    def answer(self) -> Any:
        thing = self.things[min(self.asked, len(self.things)) - 1]
        if isinstance(thing, BaseException):
            raise thing
        return thing

    def plain(self) -> Any:
        self.asked += 1
        self.threads.add(threading.get_ident())
        time.sleep(self.seconds)
        return self.answer()

    async def coroutine(self) -> Any:
        self.asked += 1
        self.threads.add(threading.get_ident())
        self.loops.append(asyncio.get_running_loop())
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return self.answer()

    async def __call__(self) -> Any:
        return await self.coroutine()

    def form(self, name: str) -> Callable[[], Any]:
        return {"plain": self.plain, "coroutine": self.coroutine, "object": self}[name]


@pytest.fixture(params=["plain", "coroutine", "object"])
def form(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_a_provider_is_asked_at_the_first_call_and_signs(serve: Serve, drive: Drive, form: str) -> None:
    server, broker = serve(FOUND), Broker()
    client = client_of(server, credentials=broker.form(form))
    assert broker.asked == 0

    with client.as_default():
        assert [drive(Note.get("n1")) for _ in range(3)] == [NOTE] * 3

    assert [signed_with(server, number) for number in range(3)] == [("AKID1", "us-east-1", "token")] * 3
    assert broker.asked == 1


def test_a_coroutine_is_awaited_on_the_loop_of_the_call(serve: Serve) -> None:
    server, broker = serve(FOUND), Broker()

    async def work() -> None:
        with client_of(server, credentials=broker.coroutine).as_default():
            await Note.get("n1")
        assert broker.loops == [asyncio.get_running_loop()]

    asyncio.run(work())
    assert broker.threads == {threading.get_ident()}


async def until_signed_with(server: Any, key: str) -> list[str]:
    """Reads until a request was signed with this key; gives the keys of all."""
    for _ in range(400):
        await Note.get("n1")
        if signed_with(server)[0] == key:
            break
        time.sleep(0.005)
    return [signed_with(server, number)[0] for number in range(len(server.seen))]


def test_credentials_are_renewed_while_the_old_ones_serve(serve: Serve, drive: Drive, form: str) -> None:
    server, broker = serve(FOUND), Broker(keys(1, lasting=100), keys(2), seconds=0.05)

    with client_of(server, credentials=broker.form(form)).as_default():
        signed = drive(until_signed_with(server, "AKID2"))

    assert signed[:2] == ["AKID1", "AKID1"]
    assert signed[-1] == "AKID2"
    assert broker.asked == 2


def test_a_coroutine_renews_on_the_loop_of_the_call_that_finds_it_due(serve: Serve) -> None:
    server, broker = serve(FOUND), Broker(keys(1, lasting=100), keys(2))
    client = client_of(server, credentials=broker.coroutine)

    async def work() -> asyncio.AbstractEventLoop:
        await until_signed_with(server, "AKID2")
        return asyncio.get_running_loop()

    with client.as_default():
        asyncio.run(Note.get("n1"))  # its loop is closed by the time that they are due
        second = asyncio.run(work())

    assert broker.loops[1] is second


def test_a_renewal_that_fails_is_nothing_while_the_old_ones_serve(serve: Serve, drive: Drive, form: str) -> None:
    server, broker = serve(FOUND), Broker(keys(1, lasting=100), OSError("the broker is down"))

    async def work() -> None:
        for _ in range(20):
            assert await Note.get("n1") == NOTE
            time.sleep(0.005)

    with client_of(server, credentials=broker.form(form)).as_default():
        drive(work())

    assert {signed_with(server, number)[0] for number in range(20)} == {"AKID1"}
    assert broker.asked == 2, "one renewal, then a pause"


def test_a_renewal_whose_loop_has_gone_falls_to_the_next_call(serve: Serve) -> None:
    server, broker = serve(FOUND), Broker(keys(1, lasting=100), keys(2), seconds=0.2)
    client = client_of(server, credentials=broker.coroutine)

    async def twice() -> None:
        await Note.get("n1")
        await Note.get("n1")  # begins to renew; the loop ends before that does
        while broker.asked < 2:
            await asyncio.sleep(0.001)

    with client.as_default():
        asyncio.run(twice())
        assert asyncio.run(until_signed_with(server, "AKID2"))[-1] == "AKID2"

    assert broker.asked == 3


def test_refused_credentials_are_replaced_once(serve: Serve, drive: Drive, form: str) -> None:
    server, broker = serve(EXPIRED, FOUND), Broker(keys(1), keys(2))

    with client_of(server, credentials=broker.form(form)).as_default():
        assert drive(Note.get("n1")) == NOTE

    assert [signed_with(server, number)[0] for number in range(2)] == ["AKID1", "AKID2"]
    assert broker.asked == 2


def test_the_same_credentials_once_more_are_not_sent_again(serve: Serve, drive: Drive, form: str) -> None:
    server, broker = serve(EXPIRED), Broker(keys(1), keys(1, lasting=7200))

    with client_of(server, credentials=broker.form(form)).as_default(), pytest.raises(CredentialsError) as caught:
        drive(Note.get("n1"))

    assert caught.value.code == "ExpiredTokenException"
    assert (len(server.seen), broker.asked) == (1, 2)


@pytest.mark.parametrize(
    ("raised", "retryable"),
    [(ValueError("no such role"), False), (ConnectionRefusedError("no vault"), True), (TimeoutError("slow"), True)],
    ids=["refusal", "connection", "time-out"],
)
def test_what_a_provider_raises_is_the_cause(serve: Serve, drive: Drive, form: str, raised: Exception, retryable: bool) -> None:
    server, broker = serve(FOUND), Broker(raised)

    with (
        client_of(server, credentials=broker.form(form)).as_default(),
        pytest.raises(CredentialsError, match=f"provider failed: .*{raised}") as caught,
    ):
        drive(Note.get("n1"))

    assert caught.value.__cause__ is raised
    assert (caught.value.operation, caught.value.table, caught.value.attempts) == ("GetItem", "notes", 0)
    assert caught.value.retryable == retryable
    assert (server.connections, broker.asked) == ([], 1)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_interrupts_passes_through_a_provider(serve: Serve, drive: Drive, form: str, interrupt: type[BaseException]) -> None:
    with client_of(serve(FOUND), credentials=Broker(interrupt("now")).form(form)).as_default(), pytest.raises(interrupt):
        drive(Note.get("n1"))


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (None, "class NoneType"),
        ({"AccessKeyId": "AKID"}, "class dict"),
        (("AKID", "secret"), "class tuple"),
        ("AKID", "class str"),
        (Credentials, "class type"),
        (keys(1, lasting=-60), "expired 6[0-9] s ago"),
    ],
    ids=["None", "dict", "tuple", "str", "class", "ended"],
)
def test_what_is_no_credentials_is_refused_and_named(serve: Serve, drive: Drive, form: str, thing: object, message: str) -> None:
    server = serve(FOUND)
    if isinstance(thing, Credentials):
        thing = keys(1, lasting=-60)

    with (
        client_of(server, credentials=Broker(thing).form(form)).as_default(),
        pytest.raises(CredentialsError, match=message) as caught,
    ):
        drive(Note.get("n1"))

    assert "secret" not in str(caught.value)
    assert server.connections == []


def test_ended_credentials_without_a_provider_are_refused_before_anything_is_sent(serve: Serve, drive: Drive) -> None:
    server = serve(FOUND)

    with (
        client_of(server, credentials=keys(1, lasting=-5)).as_default(),
        pytest.raises(CredentialsError, match="pass a provider"),
    ):
        drive(Note.get("n1"))

    assert server.connections == []


@pytest.mark.parametrize(
    ("end", "message"),
    [(datetime(2030, 1, 1), "naive"), ("2030-01-01", "not a str"), (1893456000, "not a int")],
    ids=["naive", "str", "int"],
)
def test_an_end_that_is_no_point_in_time_is_refused(end: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"expires_at.*{message}"):
        Credentials("AKID", "secret", expires_at=end)


def test_an_end_is_told_as_it_was_given() -> None:
    end = datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=5)))

    assert Credentials("AKID", "secret", expires_at=end).expires_at is end
    assert Credentials("AKID", "secret").expires_at is None


@pytest.mark.parametrize("given", [("AKID", "secret"), {"a": 1}, "AKID", 3, Credentials], ids=repr)
def test_what_neither_is_nor_gives_credentials_is_refused_when_the_client_is_made(given: Any) -> None:
    for make in (lambda: DynamoDBClient(credentials=given), lambda: KmsKeyring("alias/app", credentials=given)):
        with pytest.raises(ConfigurationError, match="credentials= takes Credentials, or a function"):
            make()


def test_fifty_calls_wait_for_one_answer(serve: Serve, form: str) -> None:
    server, broker = serve(FOUND), Broker(seconds=0.1)

    async def work() -> None:
        assert await asyncio.gather(*[Note.get("n1") for _ in range(50)]) == [NOTE] * 50

    with client_of(server, credentials=broker.form(form)).as_default():
        asyncio.run(work())

    assert broker.asked == 1


def test_fifty_threads_wait_for_one_answer(serve: Serve, form: str) -> None:
    server, broker = serve(FOUND), Broker(seconds=0.3)
    client, found = client_of(server, credentials=broker.form(form)), []

    def work() -> None:
        with client.as_default():
            found.append(Note.sync.get("n1"))

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert found == [NOTE] * 50
    assert broker.asked == 1


def test_fifty_calls_share_one_error(serve: Serve, form: str) -> None:
    raised = ValueError("no")
    broker = Broker(raised, seconds=0.1)

    async def work() -> list[Any]:
        return await asyncio.gather(*[Note.get("n1") for _ in range(50)], return_exceptions=True)

    with client_of(serve(FOUND), credentials=broker.form(form)).as_default():
        failed = asyncio.run(work())

    assert all(isinstance(one, CredentialsError) and one.__cause__ is raised for one in failed)
    assert broker.asked == 1


def test_loops_in_several_threads_share_one_client(serve: Serve, form: str) -> None:
    server, broker = serve(FOUND), Broker(seconds=0.05)
    client, found = client_of(server, credentials=broker.form(form)), []

    async def work() -> None:
        found.extend(await asyncio.gather(*[Note.get("n1") for _ in range(20)]))

    def in_thread() -> None:
        with client.as_default():
            for _ in range(2):
                asyncio.run(work())

    threads = [threading.Thread(target=in_thread) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert found == [NOTE] * 160
    assert broker.asked <= 4, "one for each loop that waits"


def test_a_waiter_that_is_cancelled_leaves_the_others_waiting(serve: Serve, form: str) -> None:
    server, broker = serve(FOUND), Broker(seconds=0.2)

    async def work() -> None:
        first, second = asyncio.ensure_future(Note.get("n1")), asyncio.ensure_future(Note.get("n1"))
        await asyncio.sleep(0.05)
        first.cancel()
        assert await second == NOTE
        assert first.cancelled()

    with client_of(server, credentials=broker.form(form)).as_default():
        asyncio.run(work())

    assert broker.asked == 1
    assert not broker.cancelled.is_set()


def test_what_nobody_waits_for_any_more_is_cancelled(serve: Serve) -> None:
    server, broker = serve(FOUND), Broker(seconds=30)

    async def work() -> None:
        waiting = [asyncio.ensure_future(Note.get("n1")) for _ in range(3)]
        await asyncio.sleep(0.1)
        for one in waiting[:2]:
            one.cancel()
        await asyncio.sleep(0.1)
        assert not broker.cancelled.is_set()
        waiting[2].cancel()
        for _ in range(100):
            await asyncio.sleep(0.02)
            if broker.cancelled.is_set():
                break
        assert broker.cancelled.is_set()
        broker.seconds = 0
        assert await Note.get("n1") == NOTE

    with client_of(server, credentials=broker.coroutine).as_default():
        asyncio.run(work())

    assert broker.asked == 2


def test_a_provider_has_the_time_of_the_call(serve: Serve, drive: Drive) -> None:
    server, broker = serve(FOUND), Broker(seconds=30)

    async def late() -> None:
        with pytest.raises(RequestTimeoutError) as caught:
            await Note.get("n1")
        assert caught.value.elapsed is not None
        assert caught.value.elapsed < 5

    client = client_of(server, credentials=broker.coroutine)
    with client.as_default(), client.options(timeout=0.2):
        drive(late())

    assert broker.cancelled.wait(5)
    assert server.connections == []


def test_a_role_is_assumed_with_what_the_provider_gives(
    serve: Serve, drive: Drive, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, role, broker = serve(FOUND), serve(sts), Broker()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", role.url)

    with client_of(server, credentials=broker.form(form), assume_role=AssumeRole(ROLE)).as_default():
        drive(Note.get("n1"))

    assert signed_with(role)[0] == "AKID1"
    assert signed_with(server)[0] != "AKID1"
    assert broker.asked == 1


def test_the_embedded_engine_asks_nobody(drive: Drive, form: str) -> None:
    broker = Broker()

    with DynamoDBClient(endpoint_url="memory://", credentials=broker.form(form)).as_default():
        Note.table.sync.create()
        drive(Note(note_id="n1").put())

    assert broker.asked == 0


class Patient(Model[str], table="patients"):
    pid: Attr[str] = partition_key()
    ssn: Encrypted[str]


@pytest.fixture
def kms_key(engine: Engine) -> str:
    import boto3

    kms = boto3.client("kms", endpoint_url=engine.url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    key: str = kms.create_key()["KeyMetadata"]["KeyId"]
    return key


@pytest.mark.engines("moto")
@pytest.mark.parametrize("own", [False, True], ids=["the client's", "its own"])
def test_kms_asks_with_what_the_provider_gives(engine: Engine, drive: Drive, form: str, own: bool, kms_key: str) -> None:
    broker, other = Broker(seconds=0.02), Broker(ValueError("the wrong one"))
    if own:
        keyring = KmsKeyring(kms_key, endpoint_url=engine.url, region="us-east-1", credentials=broker.form(form))
        client = DynamoDBClient(endpoint_url="memory://", credentials=other.form(form), keyring=keyring)
    else:
        client = DynamoDBClient(
            endpoint_url="memory://",
            region="us-east-1",
            credentials=broker.form(form),
            keyring=KmsKeyring(kms_key, endpoint_url=engine.url),
        )

    with client.as_default():
        Patient.table.sync.create()
        drive(Patient(pid="p", ssn="s").create())
        found = drive(Patient.get("p"))

    assert found is not None
    assert found.ssn == "s"
    assert (broker.asked, other.asked) == (1, 0)


def test_kms_is_signed_for_with_the_region_and_the_keys_of_its_keyring(serve: Serve, drive: Drive) -> None:
    kms = serve(answer({"__type": "AccessDeniedException"}, status=400))
    keyring = KmsKeyring("alias/app", endpoint_url=kms.url, region="eu-west-3", credentials=keys(7))

    with DynamoDBClient(endpoint_url="memory://", keyring=keyring).as_default():
        Patient.table.sync.create()
        with pytest.raises(Exception, match="alias/app"):
            drive(Patient(pid="p", ssn="s").create())

    assert signed_with(kms) == ("AKID7", "eu-west-3", "token")


def test_what_a_provider_raises_is_the_cause_where_kms_asked(drive: Drive, form: str) -> None:
    raised = ValueError("no such role")
    keyring = KmsKeyring(
        "alias/app", endpoint_url="http://127.0.0.1:9", region="us-east-1", credentials=Broker(raised).form(form)
    )

    with DynamoDBClient(endpoint_url="memory://", keyring=keyring).as_default():
        Patient.table.sync.create()
        with pytest.raises(CredentialsError, match="no such role") as caught:
            drive(Patient(pid="p", ssn="s").create())

    assert caught.value.__cause__ is raised


def test_a_provider_that_uses_the_client_whose_credentials_it_gives_ends_by_its_time_out(serve: Serve, drive: Drive) -> None:
    server = serve(FOUND)

    async def of_itself() -> Credentials:
        await Note.get("n1")
        return keys()

    client = client_of(server, credentials=of_itself)
    with client.as_default(), client.options(timeout=0.3), pytest.raises((RequestTimeoutError, CredentialsError)):
        drive(Note.get("n1"))


def test_pages_fetched_ahead_ask_on_the_same_loop(serve: Serve) -> None:
    """What no call of the program's waits for directly knows its loop too."""

    def page(number: int) -> Any:
        key = {"note_id": {"S": f"n{number}"}}
        return answer({"Items": [{**key, "text": {"S": "t"}}], "LastEvaluatedKey": key})

    pages = [deed for number in range(6) for deed in (EXPIRED, page(number))]
    server, broker = serve(*pages, answer({"Items": []})), Broker(*(keys(number) for number in range(1, 20)))

    async def work() -> int:
        count = 0
        async for _ in Note.scan():
            await asyncio.sleep(0.01)
            count += 1
        return count

    with client_of(server, credentials=broker.coroutine).as_default():
        assert asyncio.run(work()) == 6

    assert broker.asked == 7
    assert len(set(broker.loops)) == 1
