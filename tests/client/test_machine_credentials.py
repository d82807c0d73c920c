"""Keys that the machine gives, asked of its metadata service on 127.0.0.1, and that a test never reaches it."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from pydynox import AssumeRole, DynamoDBClient
from pydynox.exceptions import CredentialsError, PydynoxError
from pydynox.testing import isolated_dynamodb

from tests.conftest import Drive, Serve
from tests.faults.deeds import answer, error
from tests.faults.metadata import TOKEN, metadata
from tests.faults.models import FOUND, NOTE, Note
from tests.faults.server import FaultServer


def signed_by(server: FaultServer) -> list[tuple[str, str | None]]:
    """Key and token of every request."""
    return [
        (seen.headers["authorization"].partition("Credential=")[2].partition("/")[0], seen.headers.get("x-amz-security-token"))
        for seen in server.seen
    ]


@pytest.fixture
def machine(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FaultServer:
    """A machine whose keys are ASIAMACHINE1, then ASIAMACHINE2, and so on, and where nothing else gives any."""
    numbers = itertools.count(1)
    server = serve(metadata(lambda: f"ASIAMACHINE{next(numbers)}"))
    use(server, monkeypatch, tmp_path)
    return server


def use(server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)


def test_the_keys_of_the_machine_are_asked_for_once_with_a_token_and_sign(
    machine: FaultServer, serve: Serve, drive: Drive
) -> None:
    server = serve(FOUND)

    with DynamoDBClient(endpoint_url=server.url, region="eu-west-1").as_default():
        notes = [drive(Note.get("n1")) for _ in range(3)]

    assert notes == [NOTE] * 3
    assert signed_by(server) == [("ASIAMACHINE1", "machine-token")] * 3
    assert machine.seen[0].line.startswith("PUT /latest/api/token ")
    assert all(seen.headers["x-aws-ec2-metadata-token"] == TOKEN for seen in machine.seen[1:])
    assert [seen.path for seen in machine.seen if seen.path.endswith("/app-role")] == [machine.seen[-1].path]


def test_keys_that_the_service_calls_ended_are_asked_for_anew(machine: FaultServer, serve: Serve, drive: Drive) -> None:
    server = serve(FOUND, error("ExpiredTokenException"), FOUND)

    with DynamoDBClient(endpoint_url=server.url, region="eu-west-1", max_attempts=1).as_default():
        drive(Note.get("n1"))
        note = drive(Note.get("n1"))

    assert note == NOTE
    assert [key for key, _ in signed_by(server)] == ["ASIAMACHINE1", "ASIAMACHINE1", "ASIAMACHINE2"]


def test_keys_are_renewed_before_their_end(serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    numbers = itertools.count(1)
    machine = serve(metadata(lambda: f"ASIAMACHINE{next(numbers)}", lasts=dt.timedelta(minutes=2)))
    use(machine, monkeypatch, tmp_path)
    server = serve(FOUND)

    with DynamoDBClient(endpoint_url=server.url, region="eu-west-1").as_default():
        drive(Note.get("n1"))
        drive(Note.get("n1"))
        machine.wait_until(lambda: sum(seen.path.endswith("/app-role") for seen in machine.seen) >= 2)
        machine.wait_until(lambda: drive(Note.get("n1")) == NOTE and signed_by(server)[-1][0] != "ASIAMACHINE1")


def test_a_machine_without_a_role_has_no_keys(
    serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = serve(answer(b"", status=404, kind="text/plain", crc32="missing"))
    use(machine, monkeypatch, tmp_path)
    server = serve(FOUND)

    client = DynamoDBClient(endpoint_url=server.url, region="eu-west-1", timeout=5)
    with client.as_default(), pytest.raises(CredentialsError, match="instance metadata"):
        drive(Note.get("n1"))

    assert machine.seen
    assert server.seen == []


MAKERS: dict[str, Callable[[str], DynamoDBClient]] = {
    "nothing is named": lambda url: DynamoDBClient(),
    "a region": lambda url: DynamoDBClient(region="eu-west-1"),
    "a role": lambda url: DynamoDBClient(region="eu-west-1", assume_role=AssumeRole("arn:aws:iam::123456789012:role/app")),
    "a profile": lambda url: DynamoDBClient(region="eu-west-1", profile="default"),
    "an endpoint": lambda url: DynamoDBClient(region="eu-west-1", endpoint_url=url),
    "an endpoint and a profile": lambda url: DynamoDBClient(region="eu-west-1", endpoint_url=url, profile="default"),
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("moment", ["made before", "made within"])
def test_within_a_test_the_machine_is_not_asked(
    machine: FaultServer, serve: Serve, drive: Drive, maker: str, moment: str
) -> None:
    server = serve(answer({"TableNames": []}))
    before = MAKERS[maker](server.url) if moment == "made before" else None

    with isolated_dynamodb():
        client = before or MAKERS[maker](server.url)
        try:
            assert drive(client.call("ListTables"))["TableNames"] == []
        except PydynoxError:
            assert maker == "an endpoint and a profile", "there is no profile"

    assert machine.seen == []
    assert all(key == "testing" for key, _ in signed_by(server))


def test_keys_of_the_machine_that_were_found_before_sign_nothing_within_a_test(
    machine: FaultServer, serve: Serve, drive: Drive
) -> None:
    server = serve(answer({"TableNames": []}))
    client = DynamoDBClient(region="eu-west-1", endpoint_url=server.url)

    drive(client.call("ListTables"))
    asked = len(machine.seen)
    with isolated_dynamodb():
        drive(client.call("ListTables"))
        assert len(machine.seen) == asked
    drive(client.call("ListTables"))

    assert [key for key, _ in signed_by(server)] == ["ASIAMACHINE1", "testing", "ASIAMACHINE1"]
