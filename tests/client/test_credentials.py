"""Where a client finds its keys, region and endpoint, and which of them are in force, seen in what it sends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydynox import AssumeRole, Credentials, DynamoDBClient, get_default_client, set_default_client
from pydynox.exceptions import ConfigurationError, CredentialsError

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer, error
from tests.faults.models import FOUND, NOTE, Note
from tests.faults.server import Connection, FaultServer, Seen

ROLE = "arn:aws:iam::123456789012:role/app"


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without configuration."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


@pytest.fixture
def forget_default() -> Iterator[None]:
    set_default_client(None)
    yield
    set_default_client(None)


def signed_with(server: FaultServer, number: int = -1) -> tuple[str, str, str | None]:
    """Key, region and token of a request."""
    headers = server.seen[number].headers
    _, _, scope = headers["authorization"].partition("Credential=")
    key, _, region, *_ = scope.split("/")
    return key, region, headers.get("x-amz-security-token")


def test_keys_and_region_of_the_environment_sign(serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(FOUND)
    client = DynamoDBClient(endpoint_url=server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")

    with client.as_default():
        note = drive(Note.get("n1"))

    assert note == NOTE
    assert signed_with(server) == ("AKIDENV", "eu-west-3", "token")


def test_what_the_program_says_comes_before_the_environment(serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    server, other = serve(FOUND), serve(FOUND)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", other.url)

    with client_of(server, region="us-west-2", credentials=Credentials("AKIDARG", "secret")).as_default():
        drive(Note.get("n1"))

    assert signed_with(server) == ("AKIDARG", "us-west-2", None)
    assert other.seen == []


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKID"}, "AWS_SECRET_ACCESS_KEY is unset"),
        ({"AWS_SECRET_ACCESS_KEY": "hidden"}, "AWS_ACCESS_KEY_ID is unset"),
        ({"AWS_ACCESS_KEY_ID": "AKID\nX", "AWS_SECRET_ACCESS_KEY": "hidden"}, "the access key id of the environment.*line break"),
        ({"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hidden\n"}, "the secret access key of the environment"),
        (
            {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "hidden\r"},
            "the session token of the environment",
        ),
    ],
    ids=["no secret", "no key", "broken key", "broken secret", "broken token"],
)
def test_keys_of_the_environment_that_cannot_be_are_refused_and_not_shown(
    serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    server = serve(FOUND)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    client = DynamoDBClient(endpoint_url=server.url, region="us-east-1")
    with client.as_default(), pytest.raises(CredentialsError, match=message) as caught:
        drive(Note.get("n1"))

    assert "hidden" not in str(caught.value)
    assert (caught.value.attempts, caught.value.operation) == (0, "GetItem")
    assert server.connections == []


def test_a_profile_gives_keys_region_and_comes_before_the_environment(
    serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch, files: Path
) -> None:
    server = serve(FOUND)
    (files / "credentials").write_text(
        "[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key = s\n"
        "[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = s\n"
    )
    (files / "config").write_text("[profile work]\nregion = ap-south-1\n[default]\nregion = sa-east-1\n")

    with DynamoDBClient(endpoint_url=server.url).as_default():
        drive(Note.get("n1"))
    monkeypatch.setenv("AWS_PROFILE", "work")
    with DynamoDBClient(endpoint_url=server.url).as_default():
        drive(Note.get("n1"))
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    with DynamoDBClient(endpoint_url=server.url, profile="work").as_default():
        drive(Note.get("n1"))

    assert [signed_with(server, number)[:2] for number in range(3)] == [
        ("AKIDDEFAULT", "sa-east-1"),
        ("AKIDWORK", "ap-south-1"),
        ("AKIDWORK", "ap-south-1"),
    ]


def test_a_profile_that_is_not_there_is_named(serve: Serve, drive: Drive, files: Path) -> None:
    server = serve(FOUND)
    (files / "config").write_text("[profile work]\nregion = ap-south-1\n")

    client = DynamoDBClient(endpoint_url=server.url, region="us-east-1", profile="wrok")
    with client.as_default(), pytest.raises((CredentialsError, ConfigurationError), match="wrok"):
        drive(Note.get("n1"))

    assert server.connections == []


@pytest.mark.usefixtures("forget_default")
def test_the_default_client_is_made_from_the_environment(serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    server, general = serve(FOUND), serve(FOUND)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDENV",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_REGION": "us-west-1",
        "AWS_ENDPOINT_URL": general.url,
        "AWS_ENDPOINT_URL_DYNAMODB": server.url,
    }.items():
        monkeypatch.setenv(name, value)

    note = drive(Note.get("n1"))

    assert note == NOTE
    assert signed_with(server)[:2] == ("AKIDENV", "us-west-1")
    assert get_default_client() is get_default_client()
    assert general.seen == []


@pytest.mark.usefixtures("forget_default")
def test_the_environment_can_put_everything_into_memory(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "memory://")

    drive(Note.table.create())
    drive(Note(note_id="n1", text="hello").create())

    assert drive(Note.get("n1")) == NOTE


@pytest.mark.usefixtures("forget_default")
@pytest.mark.parametrize("url", ["localhost:8000", "ftp://127.0.0.1", "http://"])
def test_an_endpoint_of_the_environment_that_cannot_be_names_its_variable(
    drive: Drive, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")

    with pytest.raises(ConfigurationError, match="AWS_ENDPOINT_URL_DYNAMODB"):
        drive(Note.get("n1"))


def sts(connection: Connection, seen: Seen) -> None:
    """Gives the role's credentials, numbered by request."""
    ends = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
      <AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/app/s</Arn></AssumedRoleUser>
      <Credentials><AccessKeyId>ASIAROLE{seen.number}</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>
      <SessionToken>role-token</SessionToken><Expiration>{ends}</Expiration></Credentials>
    </AssumeRoleResult></AssumeRoleResponse>"""
    answer(body.encode(), kind="text/xml", crc32="missing")(connection, seen)


def test_a_role_is_assumed_once_and_signs(serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    server, service = serve(FOUND), serve(sts)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", service.url)
    role = AssumeRole(ROLE, session_name="nightly", external_id="x-1", duration=900)

    with client_of(server, assume_role=role, region="eu-west-1").as_default():
        notes = [drive(Note.get("n1")) for _ in range(3)]

    assert notes == [NOTE] * 3
    assert signed_with(server) == ("ASIAROLE1", "eu-west-1", "role-token")
    assert len(service.seen) == 1
    assert signed_with(service)[0] == "AKIDEXAMPLE"
    asked = {name: values[0] for name, values in parse_qs(service.seen[0].body.decode()).items()}
    assert asked["Action"] == "AssumeRole"
    assert asked["RoleArn"] == ROLE
    assert (asked["RoleSessionName"], asked["ExternalId"], asked["DurationSeconds"]) == ("nightly", "x-1", "900")


def test_ended_credentials_of_a_role_are_replaced_once_and_the_request_is_sent_again(
    serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, service = serve(FOUND, error("ExpiredTokenException"), FOUND), serve(sts)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", service.url)

    with client_of(server, assume_role=AssumeRole(ROLE), max_attempts=1).as_default():
        drive(Note.get("n1"))
        note = drive(Note.get("n1"))

    assert note == NOTE
    assert [signed_with(server, number)[0] for number in range(3)] == ["ASIAROLE1", "ASIAROLE1", "ASIAROLE2"]


def test_a_role_that_may_not_be_assumed_is_named(serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    denied = b"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
      <Code>AccessDenied</Code><Message>not you</Message></Error><RequestId>r</RequestId></ErrorResponse>"""
    server, service = serve(FOUND), serve(answer(denied, status=403, kind="text/xml", crc32="missing"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", service.url)

    client = client_of(server, assume_role=AssumeRole(ROLE))
    with client.as_default(), pytest.raises(CredentialsError, match=r"role/app.*AKIDEXAMPLE.*not you") as caught:
        drive(Note.get("n1"))

    assert "wJalrXUtnFEMI" not in str(caught.value)
    assert server.connections == []


def test_secrets_are_never_shown() -> None:
    credentials = Credentials("AKIDEXAMPLE", "sec-ret", "tok-en", account_id="123456789012")
    role = AssumeRole(ROLE, external_id="ext-ernal")
    client = DynamoDBClient(region="us-east-1", credentials=credentials, assume_role=role)

    shown = f"{credentials!r} {credentials} {role!r} {role} {client!r} {client}"

    for secret in ("sec-ret", "tok-en", "ext-ernal"):
        assert secret not in shown
    assert "AKIDEXAMPLE" in repr(credentials)
    assert ROLE in repr(role)
    with pytest.raises(AttributeError, match="frozen"):
        credentials.secret_access_key = "x"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        credentials.secret_access_key  # type: ignore[attr-defined] # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"role_arn": ""}, "role_arn"),
        ({"role_arn": "admin"}, "not an ARN"),
        ({"role_arn": 3}, "role_arn"),
        ({"role_arn": ROLE, "session_name": "a b"}, "session_name"),
        ({"role_arn": ROLE, "external_id": "a\n"}, "external_id"),
        ({"role_arn": ROLE, "duration": 899}, "900 to 43200"),
        ({"role_arn": ROLE, "duration": 43_201}, "900 to 43200"),
        ({"role_arn": ROLE, "duration": float("nan")}, "900 to 43200"),
        ({"role_arn": ROLE, "duration": -1}, "900 to 43200"),
    ],
)
def test_a_role_that_cannot_be_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        AssumeRole(**arguments)
