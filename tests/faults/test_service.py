"""What the service itself refuses, seen over a socket: throttling, its own failures, wrong clocks and ended credentials."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from email.utils import format_datetime
from typing import Any

import pytest
from pydynox.exceptions import (
    AccessDeniedError,
    CredentialsError,
    InvalidRequestError,
    RequestError,
    RequestTimeoutError,
    TableNotFoundError,
    ThrottlingError,
)

from tests.conftest import Drive, Serve, client_of

from .deeds import answer, error, html
from .models import FOUND, NOTE, Note
from .server import Connection, Deed, Seen

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/notes"
REASONS = [{"reason": "TableReadProvisionedThroughputExceeded", "resource": TABLE}]
THROTTLED = error("ProvisionedThroughputExceededException", throttlingReasons=REASONS)


def test_what_is_throttled_twice_is_served_over_the_same_connection(serve: Serve, drive: Drive) -> None:
    server = serve(THROTTLED, THROTTLED, FOUND)

    with client_of(server).as_default():
        note = drive(Note.get("n1"))  # up to 3 s: the pauses are random, up to 1 s and 2 s

    assert note == NOTE
    assert server.operations() == ["GetItem"] * 3
    assert len(server.connections) == 1


def test_what_is_throttled_for_ever_ends_with_reasons_and_resource(serve: Serve, drive: Drive) -> None:
    server = serve(THROTTLED)

    with client_of(server, max_attempts=2).as_default(), pytest.raises(ThrottlingError) as caught:
        drive(Note.get("n1"))

    error = caught.value
    assert list(error.reasons) == [("TableReadProvisionedThroughputExceeded", TABLE)]
    assert (error.operation, error.table, error.model) == ("GetItem", "notes", "Note")
    assert (error.code, error.status) == ("ProvisionedThroughputExceededException", 400)
    assert (error.attempts, error.request_id) == (2, "R2")
    assert (error.retryable, error.ambiguous, error.applied) == (True, False, False)
    assert error.elapsed is not None
    assert 0 < error.elapsed < 1.5
    what = f"so it is: TableReadProvisionedThroughputExceeded of {TABLE}"
    assert f"Note: GetItem on table 'notes': {what} (ProvisionedThroughputExceededException, status 400, 2 attempts" in str(error)
    assert len(server.seen) == 2


def test_a_pause_that_ends_after_the_deadline_is_not_begun(serve: Serve, drive: Drive) -> None:
    server = serve(error("ThrottlingException", headers={"x-amz-retry-after": "60000"}))

    with client_of(server, timeout=2).as_default(), pytest.raises(RequestTimeoutError) as caught:
        drive(Note.get("n1"))

    cause = caught.value.__cause__
    assert isinstance(cause, ThrottlingError)
    assert (cause.code, cause.request_id) == ("ThrottlingException", "R1")
    assert caught.value.attempts == 1
    assert caught.value.retryable
    assert caught.value.elapsed is not None
    assert caught.value.elapsed < 1
    assert len(server.seen) == 1


OUTAGES = {
    "500": (error("InternalServerError", status=500), 500, "InternalServerError"),
    "503": (error("ServiceUnavailable", status=503), 503, "ServiceUnavailable"),
    "HTML": (html(502), 502, "text/html"),
    "empty": (answer(b"", status=504, crc32="missing"), 504, "status 504"),
}


@pytest.mark.parametrize(("outage", "status", "said"), OUTAGES.values(), ids=OUTAGES)
def test_an_outage_is_survived_and_one_that_lasts_is_described(
    serve: Serve, drive: Drive, outage: Deed, status: int, said: str
) -> None:
    brief, lasting = serve(outage, FOUND), serve(outage)

    with client_of(brief).as_default():
        note = drive(Note.get("n1"))
    with client_of(lasting, max_attempts=3).as_default(), pytest.raises(RequestError, match=said) as caught:
        drive(Note.get("n1"))

    assert note == NOTE
    assert len(brief.seen) == 2
    assert len(lasting.seen) == 3
    assert type(caught.value) is RequestError
    assert (caught.value.status, caught.value.attempts, caught.value.request_id) == (status, 3, "R3")
    assert (caught.value.retryable, caught.value.ambiguous) == (True, False)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDeniedException", AccessDeniedError),
        ("ValidationException", InvalidRequestError),
        ("ResourceNotFoundException", TableNotFoundError),
        ("SomethingNewException", RequestError),
        ("ExpiredTokenException", CredentialsError),
        ("UnrecognizedClientException", CredentialsError),
        ("IncompleteSignatureException", CredentialsError),
    ],
)
def test_what_will_not_change_is_sent_once(serve: Serve, drive: Drive, code: str, kind: type[RequestError]) -> None:
    server = serve(error(code))

    with client_of(server).as_default(), pytest.raises(kind) as caught:
        drive(Note.get("n1"))

    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.attempts, caught.value.retryable) == (code, 1, False)
    assert len(server.seen) == 1


def strict(offset: dt.timedelta) -> Deed:
    """The service with a clock that is ahead of ours, which refuses what was signed five minutes before or after."""

    def deed(connection: Connection, seen: Seen) -> None:
        now = dt.datetime.now(dt.UTC) + offset
        signed = dt.datetime.strptime(seen.headers["x-amz-date"], "%Y%m%dT%H%M%S%z")
        if abs(now - signed) < dt.timedelta(minutes=5):
            return FOUND(connection, seen)
        date = {"date": format_datetime(now, usegmt=True)}
        return error("InvalidSignatureException", headers=date)(connection, seen)

    return deed


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_wrong_clock_is_set_by_the_service_once_and_for_all(serve: Serve, drive: Drive, hours: int) -> None:
    server = serve(strict(dt.timedelta(hours=hours)))

    with client_of(server, max_attempts=1).as_default():
        notes = [drive(Note.get("n1")) for _ in range(3)]

    assert notes == [NOTE] * 3
    assert server.operations() == ["GetItem"] * 4


def test_a_wrong_key_is_no_wrong_clock(serve: Serve, drive: Drive) -> None:
    now = format_datetime(dt.datetime.now(dt.UTC), usegmt=True)
    server = serve(error("InvalidSignatureException", headers={"date": now}))

    with client_of(server).as_default(), pytest.raises(CredentialsError) as caught:
        drive(Note.get("n1"))

    assert caught.value.code == "InvalidSignatureException"
    assert len(server.seen) == 1


def test_requests_are_signed_for_the_service_and_carry_a_session_token(serve: Serve, drive: Drive) -> None:
    from pydynox import Credentials

    server = serve(FOUND)
    session: dict[str, Any] = {"region": "eu-west-1", "credentials": Credentials("ASIAEXAMPLE", "secret", "the/token==")}

    with client_of(server, **session).as_default():
        drive(Note.get("n1"))

    headers = server.seen[0].headers
    assert headers["x-amz-security-token"] == "the/token=="
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/")
    assert "/eu-west-1/dynamodb/aws4_request" in headers["authorization"]
    assert "secret" not in str(headers)
    assert server.seen[0].json() == {"TableName": "notes", "Key": {"note_id": {"S": "n1"}}}


@pytest.mark.parametrize(
    ("code", "kind"),
    [("ValidationException", InvalidRequestError), ("AccessDeniedException", AccessDeniedError), ("NewException", RequestError)],
)
def test_a_message_that_speaks_of_throughput_makes_no_throttling(
    serve: Serve, drive: Drive, code: str, kind: type[RequestError]
) -> None:
    server = serve(error(code, message="Provisioned throughput exceeded: ThrottlingException, slow down"))

    with client_of(server).as_default(), pytest.raises(kind) as caught:
        drive(Note.get("n1"))

    assert not isinstance(caught.value, ThrottlingError)
    assert (caught.value.retryable, caught.value.attempts) == (False, 1)
    assert len(server.seen) == 1


def test_a_wrong_clock_costs_each_of_many_calls_one_more_request(serve: Serve) -> None:
    """All are signed before the first is refused: the others meet a clock that is right by then, and a refusal all the same."""

    def service(connection: Connection, seen: Seen) -> None:
        signed = dt.datetime.strptime(seen.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        theirs = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        if abs(signed - theirs) < dt.timedelta(minutes=5):
            FOUND(connection, seen)
        else:
            time.sleep(0.1)
            error("RequestTimeTooSkewed", headers={"date": format_datetime(theirs, usegmt=True)})(connection, seen)

    server = serve(service)

    async def many() -> list[Note | None]:
        return await asyncio.gather(*[Note.get("n1") for _ in range(20)])

    with client_of(server).as_default():
        assert asyncio.run(many()) == [NOTE] * 20

    assert len(server.seen) == 40
