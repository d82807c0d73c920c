"""Errors with advice: what to do about throttling, and in development mode what a call went through."""

from __future__ import annotations

import pickle
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from pydynox import DynamoDBClient
from pydynox._shared.advice import ADVICE
from pydynox.exceptions import AccessDeniedError, RequestTimeoutError, ThrottlingError

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import error

TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
INDEX = f"{TABLE}/index/by_city"
#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html: resource, operation, limit.
REASONS = [
    "".join(parts)
    for parts in product(
        ("Table", "Index"),
        ("Read", "Write"),
        (
            "ProvisionedThroughputExceeded",
            "AccountLimitExceeded",
            "KeyRangeThroughputExceeded",
            "MaxOnDemandThroughputExceeded",
        ),
    )
]


def throttled(*reasons: tuple[str, str]) -> object:
    members = [{"reason": reason, "resource": resource} for reason, resource in reasons]
    return error("ThrottlingException", throttlingReasons=members)


def get(drive: Drive, client: DynamoDBClient) -> None:
    drive(client.get_item("orders", {"id": "1"}))


def test_every_reason_has_its_own_sentence() -> None:
    assert set(ADVICE) == set(REASONS)
    assert len(set(ADVICE.values())) == 16


@pytest.mark.parametrize("reason", REASONS)
def test_a_throttled_call_says_what_to_do_and_about_what(serve: Serve, drive: Drive, reason: str) -> None:
    resource, named = (INDEX, "index by_city of orders") if reason.startswith("Index") else (TABLE, "table orders")
    client = client_of(serve(throttled((reason, resource))), max_attempts=1)

    with pytest.raises(ThrottlingError) as caught:
        get(drive, client)

    assert caught.value.advice == (ADVICE[reason].format(named),)
    assert named in caught.value.advice[0]
    assert caught.value.__notes__ == list(caught.value.advice)


def test_each_of_several_limits_has_advice_once(serve: Serve, drive: Drive) -> None:
    one, other = ("TableWriteKeyRangeThroughputExceeded", TABLE), ("IndexWriteAccountLimitExceeded", INDEX)

    with pytest.raises(ThrottlingError) as caught:
        get(drive, client_of(serve(throttled(one, other, one)), max_attempts=1))

    assert len(caught.value.advice) == 2


@pytest.mark.parametrize(
    ("reasons", "says"),
    [
        ([], "did not say which limit"),
        ([("TableReadSomethingNew", TABLE)], "TableReadSomethingNew of table orders is a limit that this version"),
        ([("TableReadAccountLimitExceeded", "")], "reads of the table exceed"),
        ([("", "{}{0}")], "of {}{0} is a limit"),
    ],
    ids=["no reason", "an unknown reason", "no resource", "braces"],
)
def test_any_answer_of_a_service_has_some_advice(serve: Serve, drive: Drive, reasons: list[tuple[str, str]], says: str) -> None:
    with pytest.raises(ThrottlingError) as caught:
        get(drive, client_of(serve(throttled(*reasons)), max_attempts=1))

    assert says in caught.value.advice[0]


def test_advice_stays_with_a_copy_of_the_error() -> None:
    failed = ThrottlingError("slow down", reasons=[("TableReadAccountLimitExceeded", TABLE)])

    copied = pickle.loads(pickle.dumps(failed))

    assert copied.advice == failed.advice
    assert copied.__notes__ == failed.__notes__


def test_other_errors_have_no_notes(serve: Serve, drive: Drive) -> None:
    with pytest.raises(AccessDeniedError) as caught:
        get(drive, client_of(serve(error("AccessDeniedException")), max_attempts=1))

    assert not hasattr(caught.value, "__notes__")


def test_in_development_mode_errors_say_what_was_tried(serve: Serve) -> None:
    server = serve(throttled(("TableReadAccountLimitExceeded", TABLE)))
    script = f"""
from pydynox import DynamoDBClient, Credentials
client = DynamoDBClient(endpoint_url={server.url!r}, region="eu-west-1", credentials=Credentials("a", "b"), max_attempts=2)
client.sync.get_item("orders", {{"id": "1"}})
"""
    done = {
        mode: subprocess.run(
            [sys.executable, *mode, "-c", script], capture_output=True, text=True, timeout=60, check=False
        ).stderr
        for mode in ((), ("-X", "dev"))
    }

    assert "sent 2 times, " in done[("-X", "dev")]
    assert "s after the call; the last request is R" in done[("-X", "dev")]
    for text in done.values():
        assert "reads of table orders exceed what the account allows" in text
    assert "sent 2 times" not in done[()]


def test_a_time_out_keeps_the_advice_of_its_cause(serve: Serve, drive: Drive) -> None:
    client = client_of(serve(throttled(("TableReadAccountLimitExceeded", TABLE))), timeout=0.3, max_attempts=9)

    with pytest.raises((RequestTimeoutError, ThrottlingError)) as caught:
        get(drive, client)

    cause = caught.value.__cause__ or caught.value
    assert isinstance(cause, ThrottlingError)
    assert cause.advice


def test_the_page_about_throttling_has_every_reason() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "throttling.md").read_text()

    for reason, sentence in ADVICE.items():
        resource = "the index" if reason.startswith("Index") else "the table"
        assert f"| `{reason}` | {sentence.format(resource)} |" in page
