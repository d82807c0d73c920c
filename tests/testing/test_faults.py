"""Faults that users inject into their own clients, and what every verb makes of them; the fixture that they test with."""

from __future__ import annotations

import asyncio
import os
import pathlib
import subprocess
import sys
import threading
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydynox import Attr, DynamoDBClient, Model, ModelConfig, field, partition_key, version
from pydynox.exceptions import (
    BatchIncompleteError,
    ConditionFailedError,
    ConnectionFailedError,
    InvalidRequestError,
    PydynoxError,
    RequestTimeoutError,
    ThrottlingError,
    TransactionCanceledError,
    WriteOutcomeUnknownError,
)
from pydynox.testing import fault, inject
from pydynox.testing.faults import FaultKind

from tests.conftest import Drive


class User(Model[str], table="users"):
    """A plain model."""

    user_id: Attr[str] = partition_key()
    hits: Attr[int] = field(default=0)


class Named(Model[str], table="users"):
    """Its writes know themselves again."""

    model_config = ModelConfig(write_id=True)
    user_id: Attr[str] = partition_key()


class Counter(Model[str], table="users"):
    """A model with a version."""

    user_id: Attr[str] = partition_key()
    hits: Attr[int] = field(default=0)
    version: Attr[int] = version()


LOST: list[FaultKind] = ["lost", "timeout", "truncated", "corrupt", "late_error"]
lost = pytest.mark.parametrize("kind", LOST)
on_every_engine = pytest.mark.engines("embedded", "moto")


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest) -> None:
    if "client" in request.fixturenames:
        request.getfixturevalue("client")
        User.table.sync.create()


def stored(user_id: str = "u1") -> dict[str, Any] | None:
    from pydynox import get_default_client

    return get_default_client().sync.get_item("users", {"user_id": user_id}, consistent_read=True)


@on_every_engine
def test_what_is_throttled_is_tried_again_and_the_log_tells(client: DynamoDBClient, drive: Drive) -> None:
    reset = fault("GetItem", "reset")
    with inject(client, fault("PutItem", "internal_error", times=2), reset) as log:
        drive(User(user_id="u1").put())

    assert [(done.kind, done.operation, done.table, done.request, done.applied) for done in log.injected] == [
        ("internal_error", "PutItem", "users", 0, False),
        ("internal_error", "PutItem", "users", 1, False),
    ]
    assert (log.requests, log.unused) == (["PutItem"] * 3, [reset])
    assert stored() == {"user_id": "u1", "hits": 0}
    assert log.requests == ["PutItem"] * 3, "what is sent after the block is not seen"


@pytest.mark.engines("embedded")
@pytest.mark.parametrize(
    "given",
    [
        ("TableWriteMaxOnDemandThroughputExceeded", "users"),
        ["TableWriteMaxOnDemandThroughputExceeded", "users"],
        {"reason": "TableWriteMaxOnDemandThroughputExceeded", "resource": "users"},
    ],
    ids=lambda given: type(given).__name__,
)
def test_throttling_says_why(client: DynamoDBClient, drive: Drive, given: Any) -> None:
    reasons = [("TableWriteMaxOnDemandThroughputExceeded", "users")]

    with (
        inject(client, fault(None, "throttle", times=None, reasons=[given])),
        client.options(timeout=0.2),
        pytest.raises((ThrottlingError, RequestTimeoutError)) as caught,
    ):
        drive(User(user_id="u1").create())

    error = caught.value if isinstance(caught.value, ThrottlingError) else caught.value.__cause__
    assert isinstance(error, ThrottlingError)
    assert list(error.reasons) == reasons
    assert stored() is None


@pytest.mark.parametrize(
    "wrong",
    [
        "users",
        ("users",),
        {"reason": "x"},
        {"reason": "x", "resource": "y", "more": "z"},
        (1, "users"),
        {"reason": 1, "resource": "x"},
    ],
)
def test_a_reason_that_is_none_is_refused_with_the_two_forms(wrong: Any) -> None:
    with pytest.raises(ValueError, match="reason"):
        fault(None, "throttle", reasons=[wrong])


@lost
@on_every_engine
def test_a_write_that_does_the_same_twice_survives_a_lost_answer(client: DynamoDBClient, drive: Drive, kind: FaultKind) -> None:
    with inject(client, fault(None, kind)) as log:
        drive(User(user_id="u1", hits=3).put())
    assert [done.applied for done in log.injected] == [True]

    with inject(client, fault(None, kind)):
        drive(User.key("u1").apply(User.hits.set(4)))
    assert stored() == {"user_id": "u1", "hits": 4}

    with inject(client, fault(None, kind)):
        drive(User.key("u1").delete())
    assert stored() is None


@lost
@on_every_engine
def test_a_create_whose_answer_is_lost_knows_its_item_or_says_that_it_does_not(
    client: DynamoDBClient, drive: Drive, kind: FaultKind
) -> None:
    with inject(client, fault("PutItem", kind)), pytest.raises(ConditionFailedError) as caught:
        drive(User(user_id="u1").create())
    assert caught.value.ambiguous

    with inject(client, fault("PutItem", kind)) as log:
        drive(Named(user_id="u2").create())
    assert log.requests == ["PutItem", "PutItem"]


@lost
@on_every_engine
def test_an_increment_is_never_applied_twice(client: DynamoDBClient, drive: Drive, kind: FaultKind) -> None:
    drive(User(user_id="u1").put())

    with inject(client, fault("UpdateItem", kind, times=None)) as log, pytest.raises(WriteOutcomeUnknownError):
        drive(User.key("u1").apply(User.hits.add(1)))

    assert log.requests == ["UpdateItem"]
    assert (stored() or {})["hits"] == 1


@lost
@on_every_engine
def test_a_condition_of_the_caller_is_not_asked_twice(client: DynamoDBClient, drive: Drive, kind: FaultKind) -> None:
    drive(User(user_id="u1").put())

    with inject(client, fault("UpdateItem", kind)) as log, pytest.raises(WriteOutcomeUnknownError):
        drive(User.key("u1").apply(User.hits.set(1), condition=User.hits == 0))

    assert log.requests == ["UpdateItem"]


@lost
@on_every_engine
def test_a_version_is_its_own_guard(client: DynamoDBClient, drive: Drive, kind: FaultKind) -> None:
    counter = Counter(user_id="u1")
    drive(counter.create())
    counter.hits = 5

    with inject(client, fault("UpdateItem", kind)) as log, pytest.raises(ConditionFailedError) as caught:
        drive(counter.save())

    assert caught.value.ambiguous
    assert log.requests == ["UpdateItem", "UpdateItem"]
    assert (stored() or {}) == {"user_id": "u1", "hits": 5, "version": 2}


@lost
@on_every_engine
@pytest.mark.deviates(moto="tokens are ignored: what was applied is applied again")
def test_a_transaction_is_known_again_by_its_token(client: DynamoDBClient, drive: Drive, kind: FaultKind) -> None:
    drive(User(user_id="u1").put())

    async def work() -> None:
        async with client.transaction() as tx:
            tx.update(User.key("u1"), User.hits.add(1))
            tx.put(User(user_id="u2"))

    with inject(client, fault("TransactWriteItems", kind)) as log:
        drive(work())

    assert log.requests == ["TransactWriteItems", "TransactWriteItems"]
    assert (stored() or {})["hits"] == 1


@pytest.mark.engines("embedded")
def test_errors_have_the_code_and_members_that_they_are_given(client: DynamoDBClient, drive: Drive) -> None:
    async def work() -> None:
        async with client.transaction() as tx:
            tx.put(User(user_id="u2"))

    members = {"CancellationReasons": [{"Code": "ValidationError", "Message": "no"}]}
    with (
        inject(client, fault("TransactWriteItems", "error", code="TransactionCanceledException", members=members)),
        pytest.raises(TransactionCanceledError, match="no"),
    ):
        drive(work())
    with inject(client, fault("GetItem", "error", message="not so")), pytest.raises(InvalidRequestError, match="not so"):
        drive(User.get("u1"))


@pytest.mark.engines("embedded")
def test_what_is_unreachable_was_not_sent(client: DynamoDBClient, drive: Drive) -> None:
    with inject(client, fault("PutItem", "unreachable", times=None)), pytest.raises(ConnectionFailedError) as caught:
        drive(User(user_id="u1").put(condition=User.user_id.not_exists()))

    assert (caught.value.ambiguous, stored()) == (False, None)


@pytest.mark.engines("embedded")
def test_a_stall_ends_at_the_time_out(client: DynamoDBClient, drive: Drive) -> None:
    with inject(client, fault("GetItem", "stall")), client.options(timeout=0.1), pytest.raises(RequestTimeoutError):
        drive(User.get("u1"))


@on_every_engine
def test_batches_that_are_left_over_come_whole_in_the_end(client: DynamoDBClient, drive: Drive) -> None:
    users = [User(user_id=f"u{number}", hits=number) for number in range(60)]

    with inject(client, fault("BatchWriteItem", "half_unprocessed", times=3), fault("BatchWriteItem", "unprocessed")) as log:
        assert drive(client.batch_save(users)) == 60
    assert [done.kind for done in log.injected].count("half_unprocessed") == 3

    with inject(
        client,
        fault("BatchGetItem", "half_unprocessed", table="users", times=2),
        fault("BatchGetItem", "lost"),
        fault("BatchGetItem", "unprocessed", table="others", times=None),
    ) as log:
        found = drive(client.batch_get_all([User.key(f"u{number}") for number in range(60)]))
    assert [user.hits for user in found] == list(range(60))
    assert [one.table for one in log.unused] == ["others"]


@pytest.mark.engines("embedded")
def test_a_batch_that_is_left_over_for_ever_tells_what_is_not_written(client: DynamoDBClient, drive: Drive) -> None:
    users = [User(user_id=f"u{number}") for number in range(4)]

    with (
        inject(client, fault("BatchWriteItem", "half_unprocessed"), fault("BatchWriteItem", "unprocessed", times=None)),
        client.options(timeout=0.3),
        pytest.raises(BatchIncompleteError) as caught,
    ):
        drive(client.batch_save(users))

    assert (list(caught.value.written), list(caught.value.unprocessed)) == (users[:2], users[2:])
    assert [stored(user.user_id) is not None for user in users] == [True, True, False, False]


@pytest.mark.engines("embedded")
def test_blocks_stand_in_each_other_and_end_in_any_order(client: DynamoDBClient) -> None:
    outer, inner = inject(client, fault(None, "error", times=None)), inject(client, fault("GetItem", "lost"))

    with outer as first:
        with inner as second, pytest.raises(InvalidRequestError):
            User.sync.get("u1")
        assert (first.requests, second.requests) == (["GetItem"] * 2, ["GetItem"] * 2), "the inner one loses the first answer"
        with pytest.raises(InvalidRequestError):
            User.sync.get("u1")
    assert User.sync.get("u1") is None
    assert len(second.requests) == 2


def test_a_client_that_was_not_opened_yet_meets_its_faults() -> None:
    client = DynamoDBClient(endpoint_url="memory://")

    with inject(client, fault("ListTables", "error")), pytest.raises(InvalidRequestError):
        client.sync.call("ListTables")

    assert client.sync.call("ListTables") == {"TableNames": []}


@pytest.mark.engines("embedded")
async def test_latency_holds_calls_side_by_side_and_cancelling_them_applies_nothing(client: DynamoDBClient) -> None:
    loop = asyncio.get_running_loop()
    with inject(client, fault("GetItem", "latency", seconds=0.05, times=None)) as log:
        begun = loop.time()
        await asyncio.gather(*(User.get(f"u{number}") for number in range(20)))
        assert 0.05 <= loop.time() - begun < 0.8
    assert len(log.injected) == 20

    with inject(client, fault("PutItem", "latency", seconds=5)) as log, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await User(user_id="u1").put()
    assert [done.applied for done in log.injected] == [None]
    assert await User.get("u1") is None


@pytest.mark.parametrize(
    ("arguments", "keywords", "said"),
    [
        (("PutItem", "throtle"), {}, "there is no kind 'throtle'"),
        (("", "reset"), {}, "the operation must be a name"),
        (("PutItem", "unprocessed"), {}, "applies to BatchGetItem and BatchWriteItem, not to PutItem"),
        ((None, "half_unprocessed"), {}, "not to None"),
        (("PutItem", "reset"), {"times": 0}, "times must be at least 1"),
        (("PutItem", "reset"), {"skip": -1}, "skip must be at least 0"),
        (("PutItem", "latency"), {}, "needs seconds"),
        (("PutItem", "reset"), {"seconds": 1}, "needs seconds"),
        (("PutItem", "latency"), {"seconds": float("nan")}, "seconds must be 0 or more"),
        (("PutItem", "reset"), {"code": "X"}, "does not take code"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(arguments: tuple[Any, ...], keywords: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fault(*arguments, **keywords)


def test_every_kind_is_known_and_nothing_else_can_be_injected() -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    for kind in get_args(FaultKind):
        seconds = {"seconds": 0} if kind == "latency" else {}
        with inject(client, fault("BatchGetItem", kind, **seconds)) as log:
            assert log.requests == []
    with inject(client) as log:
        client.sync.call("ListTables")
    assert (log.requests, log.injected, log.unused) == (["ListTables"], [], [])
    with pytest.raises(TypeError, match="created by fault\\(\\), not str"), inject(client, "throttle"):  # type: ignore[arg-type]
        pass


NEVER = fault("DescribeLimits", "reset")
DOING: list[FaultKind] = [
    "internal_error",
    "unavailable",
    "error",
    "unreachable",
    "reset",
    "lost",
    "truncated",
    "corrupt",
    "late_error",
]


@settings(max_examples=40, deadline=None)
@given(kinds=st.lists(st.sampled_from(DOING), max_size=3), verb=st.sampled_from(["put", "create", "add"]))
def test_success_means_applied_a_definite_error_not_and_doubt_is_told(kinds: list[FaultKind], verb: str) -> None:
    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        User.table.sync.create()
        if verb == "add":
            User(user_id="u1").sync.put()
        calls = {
            "put": User(user_id="u1", hits=1).sync.put,
            "create": User(user_id="u1", hits=1).sync.create,
            "add": lambda: User.key("u1").sync.apply(User.hits.add(1)),
        }
        error: Any = None
        with inject(client, *(fault(None, kind) for kind in kinds), NEVER):
            try:
                calls[verb]()
            except PydynoxError as caught:
                error = caught
        hits = (stored() or {}).get("hits", 0)
    if error is None:
        assert hits == 1
    elif not error.ambiguous:
        assert hits == 0, error
    if verb == "add":
        assert hits <= 1


CONFTEST = 'pytest_plugins = ["pydynox.testing"]\n'
IMPORTED_BEFORE = "from pydynox.testing import fault, inject\n" + CONFTEST
TESTS = """
import threading
import pytest
import pydynox
from pydynox import Attr, DynamoDBClient, Model, get_default_client, partition_key, set_default_client


class Note(Model[str], table="notes"):
    note_id: Attr[str] = partition_key()


@pytest.mark.parametrize("round", [1, 2])
def test_each_test_has_its_own(dynamodb, round):
    Note.table.sync.create()
    Note(note_id="n1").sync.create()
    assert get_default_client() is dynamodb


def test_threads_see_it(dynamodb):
    Note.table.sync.create()
    thread = threading.Thread(target=lambda: Note(note_id="n1").sync.create())
    thread.start()
    thread.join()
    assert Note.sync.get("n1")


def test_none_is_made_from_the_environment(dynamodb):
    set_default_client(None)
    assert get_default_client() is dynamodb


def test_nothing_is_left_behind():
    assert pydynox.default_client._default is None
    assert get_default_client() is not None
"""


@pytest.mark.parametrize("conftest", [CONFTEST, IMPORTED_BEFORE], ids=["plain", "imported before"])
def test_the_fixture_is_the_client_of_a_test_and_of_its_threads(tmp_path: pathlib.Path, conftest: str) -> None:
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_notes.py").write_text(TESTS)

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
    assert "5 passed" in done.stdout


def test_faults_need_no_pytest() -> None:
    code = "import sys, pydynox.testing; assert 'pytest' not in sys.modules, 'pytest'"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.engines("embedded")
def test_faults_reach_calls_of_other_threads(client: DynamoDBClient) -> None:
    errors: list[Exception] = []

    def work() -> None:
        try:
            client.sync.get_item("users", {"user_id": "u1"})
        except InvalidRequestError as error:
            errors.append(error)

    with inject(client, fault("GetItem", "error", times=None)):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(errors) == 4
