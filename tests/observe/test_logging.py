"""Logs: what each logger says, what switches it on, and that it costs nothing before."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pydynox
import pytest
from pydynox import Attr, DynamoDBClient, Model, field, partition_key
from pydynox.exceptions import ConditionFailedError, ConfigurationError
from pydynox.testing import fault, inject

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer, error, silence

NAMES = ("pydynox", *(f"pydynox.{name}" for name in ("request", "retry", "throttle", "connection", "credentials", "slow")))


class Note(Model[str], table="notes"):
    note_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")


@pytest.fixture(autouse=True)
def _levels() -> Iterator[None]:
    """Logging is as it was before, after each test."""
    from pydynox._observe import logs

    yield
    for name in NAMES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    logs._follow(is_asked=True)


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        Note.table.sync.create()
        yield client
    client.sync.close()


def lines(caplog: pytest.LogCaptureFixture, *names: str) -> list[tuple[str, str, str]]:
    named = names or NAMES
    return [
        (record.levelname, record.name.removeprefix("pydynox."), record.getMessage())
        for record in caplog.records
        if record.name in named or record.name.removeprefix("pydynox.") in named
    ]


def test_each_call_is_one_line_at_debug(client: DynamoDBClient, drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    pydynox.enable_logging("DEBUG")
    drive(Note(note_id="n1", text="x").create())
    with pytest.raises(ConditionFailedError):
        drive(Note.key("n1").update(Note.text.set("b"), condition=Note.text == "a"))
    drive(Note.query("n1").all())

    records = [record for record in caplog.records if record.name == "pydynox.request"]
    assert [record.levelno for record in records] == [logging.DEBUG] * 3
    put, update, query = (record.getMessage() for record in records)
    assert put.startswith("PutItem on notes: 200 in ")
    assert put.endswith(" ms")
    assert update.startswith("UpdateItem on notes: ConditionFailedError (ConditionalCheckFailedException, status 400) in ")
    assert query.startswith("Query on notes: 200 in ")
    fields = vars(records[1])
    assert (fields["operation"], fields["table"], fields["status"], fields["attempt"]) == ("UpdateItem", "notes", 400, 1)
    assert (fields["error"], fields["code"]) == ("ConditionFailedError", "ConditionalCheckFailedException")
    assert fields["elapsed"] > 0
    assert len({vars(record)["call"] for record in records}) == 3


def test_a_record_is_the_one_that_logging_would_make(
    client: DynamoDBClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of its attributes are taken from the first record."""
    from pydynox._observe import logs

    pydynox.enable_logging("DEBUG")
    logger = logging.getLogger("pydynox.request")
    theirs: list[logging.LogRecord] = []

    class Beside(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            made = logger.makeRecord(logger.name, logging.DEBUG, logs.__file__, 0, str(record.msg), record.args or (), None)
            theirs.append(made)

    def get() -> None:
        with client.as_default():
            Note.sync.get("n1")

    async def in_a_task() -> None:
        await asyncio.create_task(Note.get("n1"), name="mine")

    beside = Beside()
    logger.addHandler(beside)
    try:
        get()
        asyncio.run(in_a_task())
        thread = threading.Thread(target=get, name="another")
        thread.start()
        thread.join()
        monkeypatch.setattr(logging, "logThreads", False)
        get()
        monkeypatch.setattr(logging, "logProcesses", False)
        monkeypatch.setattr(logging, "logMultiprocessing", False)
        get()
    finally:
        logger.removeHandler(beside)

    ours = [record for record in caplog.records if record.name == "pydynox.request"]
    assert len(ours) == len(theirs) == 5
    changing = {"created", "msecs", "relativeCreated"}
    for our, their in zip(ours, theirs, strict=True):
        shared = {name: vars(our).get(name, "missing") for name in vars(their)}
        assert {name: shared[name] for name in shared if name not in changing} == {
            name: value for name, value in vars(their).items() if name not in changing
        }
        assert 0 <= their.created - our.created < 30
        drift = (our.relativeCreated - our.created * 1000) - (their.relativeCreated - their.created * 1000)
        assert abs(drift) < 1
        assert 0 <= our.msecs < 1000
    assert [record.threadName for record in theirs] == ["MainThread", "MainThread", "another", None, None]


def test_records_of_another_kind_are_made_by_their_factory(
    client: DynamoDBClient, drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    class Own(logging.LogRecord):
        pass

    pydynox.enable_logging("DEBUG")
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Own)
    try:
        drive(Note.get("n1"))
    finally:
        logging.setLogRecordFactory(before)

    (record,) = [record for record in caplog.records if record.name == "pydynox.request"]
    assert type(record) is Own
    assert vars(record)["operation"] == "GetItem"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_records_of_a_forked_child_have_its_number() -> None:
    script = """
        import logging, os, sys
        logging.basicConfig(stream=sys.stdout, format="%(process)d %(message)s")
        logging.getLogger("pydynox").setLevel("DEBUG")
        from pydynox import DynamoDBClient
        client = DynamoDBClient(endpoint_url="memory://")
        client.sync.list_tables()
        sys.stdout.flush()
        if os.fork() == 0:
            client.sync.list_tables()
            print("child", os.getpid(), flush=True)
            os._exit(0)
        os.wait()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    parent, child, said = (line.split() for line in done.stdout.splitlines())
    assert (parent[1], child[1]) == ("ListTables:", "ListTables:")
    assert said == ["child", child[0]]
    assert parent[0] != child[0]


def test_retries_and_throttling_are_warnings(client: DynamoDBClient, drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    pydynox.enable_logging(logging.WARNING)
    with inject(client, fault("GetItem", "throttle", times=1), fault("GetItem", "reset", times=1)):
        drive(Note.get("n1"))

    throttle, retry, again = lines(caplog)
    assert throttle[:2] == ("WARNING", "throttle")
    assert throttle[2].startswith("GetItem on notes: throttled: ProvisionedThroughputExceededException: the service did not say")
    assert retry[:2] == again[:2] == ("WARNING", "retry")
    assert retry[2].startswith("GetItem on notes: attempt 2 follows in ")
    assert again[2].startswith("GetItem on notes: attempt 3 follows in ")


def test_throttling_names_what_was_reached(serve: Serve, drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    reason = {"reason": "TableReadKeyRangeThroughputExceeded", "resource": "arn:aws:dynamodb:us-east-1:1:table/notes"}
    server = serve(error("ThrottlingException", throttlingReasons=[reason]), answer({}))
    pydynox.enable_logging("DEBUG")
    with client_of(server).as_default():
        drive(Note.get("n1"))

    (message,) = [message for _, name, message in lines(caplog) if name == "throttle"]
    assert message.startswith(f"GetItem on notes: throttled: {reason['reason']}: ")
    assert "table notes" in message
    others = [(name, message.partition(" in ")[0]) for _, name, message in lines(caplog) if name in ("connection", "credentials")]
    assert others == [
        ("credentials", "credentials looked up"),
        ("connection", f"connected to {server.url.removeprefix('http://')}"),
    ]


def test_a_cancelled_call_is_a_line(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = serve(silence)
    client = client_of(server)
    pydynox.enable_logging("DEBUG")

    async def work() -> None:
        with client.as_default():
            task = asyncio.create_task(Note.get("n1"))
            while not server.seen:
                await asyncio.sleep(0.005)
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(work())
    (line,) = lines(caplog, "request")
    assert line[2].startswith("GetItem on notes: cancelled after ")


def test_slow_calls_name_the_place_that_made_them(caplog: pytest.LogCaptureFixture, drive: Drive) -> None:
    slow = DynamoDBClient(endpoint_url="memory://slow-calls?latency=30", slow_after=0.01)
    quick = DynamoDBClient(endpoint_url="memory://slow-calls", slow_after=10)
    with quick.as_default():
        drive(Note.table.ensure())

    async def work() -> None:
        with slow.as_default():
            await Note.get("n1")  # the line
        with quick.as_default():
            await Note.get("n1")

    drive(work())

    (record,) = [record for record in caplog.records if record.name == "pydynox.slow"]
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("GetItem on notes took 0.0")
    number = next(n for n, text in enumerate(Path(__file__).read_text().splitlines(), 1) if text.endswith("# the line"))
    assert record.getMessage().endswith(f"test_logging.py:{number}")
    assert vars(record)["site"].endswith(f"test_logging.py:{number}")
    for wrong in (0, -1, float("nan"), "1"):
        with pytest.raises(ConfigurationError, match="slow_after must be a positive number"):
            DynamoDBClient(slow_after=wrong)  # type: ignore[arg-type]


def test_a_slow_call_that_is_cancelled_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    slow = DynamoDBClient(endpoint_url="memory://slow-cancelled?latency=500", slow_after=0.01)

    async def work() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await slow.call("ListTables")  # the cancelled line

    asyncio.run(work())

    (record,) = [record for record in caplog.records if record.name == "pydynox.slow"]
    assert record.getMessage().startswith("ListTables was cancelled after 0.")
    assert "longer than slow_after=0.01; called from " in record.getMessage()


def test_a_client_that_is_opened_in_a_quiet_moment_ends_nothing(
    client: DynamoDBClient, drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    pydynox.enable_logging("DEBUG")
    request = logging.getLogger("pydynox.request")
    request.setLevel(logging.WARNING)
    drive(DynamoDBClient(endpoint_url="memory://").call("ListTables"))
    assert lines(caplog) == []
    request.setLevel(logging.DEBUG)
    drive(Note.get("n1"))
    assert len(lines(caplog)) == 1

    request.setLevel(logging.WARNING)
    pydynox.enable_logging()  # which is asked for, and ends what nothing lets through
    request.setLevel(logging.DEBUG)
    drive(Note.get("n1"))
    assert len(lines(caplog)) == 1
    pydynox.enable_logging()
    drive(Note.get("n1"))
    assert len(lines(caplog)) == 2


def test_levels_are_followed_call_by_call(client: DynamoDBClient, drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    pydynox.enable_logging("DEBUG")
    logging.getLogger("pydynox.request").setLevel(logging.INFO)
    drive(Note.get("n1"))
    assert lines(caplog) == []
    logging.getLogger("pydynox.request").setLevel(logging.NOTSET)
    drive(Note.get("n1"))
    assert len(lines(caplog)) == 1
    with pytest.raises(ConfigurationError, match=r"enable_logging\(\) names no level of logging: 'LOUD'; the levels are DEBUG"):
        pydynox.enable_logging("LOUD")


def output(body: str, **environment: str) -> tuple[str, str]:
    """What a program that uses a client prints."""
    prelude = """
        import logging, sys
        from pydynox import DynamoDBClient
        client = DynamoDBClient(endpoint_url="memory://")
    """
    program = textwrap.dedent(prelude) + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("setting", "logs"),
    [
        ("logging.getLogger('pydynox').setLevel(logging.DEBUG); logging.basicConfig()", True),
        ("logging.basicConfig(level=logging.DEBUG)", True),
        ("logging.getLogger('pydynox.request').setLevel('DEBUG'); logging.basicConfig()", True),
        ("logging.basicConfig(level=logging.INFO)", False),
        ("", False),
    ],
)
def test_loggers_that_are_set_up_before_the_first_call_are_enough(setting: str, logs: bool) -> None:
    program = f"{setting}\nclient.sync.list_tables()\nprint('pydynox._observe.logs' in sys.modules)"

    printed, logged = output(program)

    assert ("DEBUG:pydynox.request:ListTables: 200 in" in logged) == logs
    assert printed.strip() == str(logs)


def test_the_environment_can_ask_for_logs() -> None:
    program = "client.sync.list_tables()"

    assert "DEBUG pydynox.request: ListTables: 200 in" in output(program, PYDYNOX_LOG="debug")[1]
    assert output(program, PYDYNOX_LOG="warning")[1] == ""
    assert output(program, PYDYNOX_LOG="")[1] == ""
    wrong = """
        try: client.sync.list_tables()
        except Exception as error: print(type(error).__name__, error)
    """
    printed = output(wrong, PYDYNOX_LOG="loud")[0]
    assert printed.startswith("ConfigurationError the environment variable PYDYNOX_LOG names no level of logging: 'loud'")
