"""Where credentials came from, as their lookup says it: in the event, the log and the doctor, on every way to them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pydynox
import pytest
from pydynox import AssumeRole, Credentials, DynamoDBClient
from pydynox.cli import main

from tests.conftest import Serve
from tests.faults.deeds import answer
from tests.faults.metadata import metadata
from tests.faults.server import Connection, Seen

ROLE = "arn:aws:iam::123456789012:role/app"
KEY, SECRET = "AKIDEXAMPLE1234", "wJalrXUtnFEMIplanted"
CONFIG = f"""
[profile keys]
aws_access_key_id = {KEY}
aws_secret_access_key = {SECRET}
[profile process]
credential_process = cat {{folder}}/process.json
[profile role]
role_arn = {ROLE}
source_profile = keys
[profile web]
role_arn = {ROLE}
web_identity_token_file = {{folder}}/token
[profile session]
sso_session = work
sso_account_id = 123456789012
sso_role_name = app
[sso-session work]
sso_region = eu-central-1
sso_start_url = https://work.awsapps.com/start
[profile signed-on]
sso_region = eu-central-1
sso_start_url = https://older.awsapps.com/start
sso_account_id = 123456789012
sso_role_name = app
"""
#: What the command line keeps of a login, by the text whose digest names its file.
LOGINS = ("work", "https://older.awsapps.com/start")
Way = tuple[dict[str, Any], dict[str, str], str]


def ways(folder: Path, service: str, machine: str) -> dict[str, Way]:
    """Settings of a client, the environment, and the source that is named."""
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    web = {"AWS_WEB_IDENTITY_TOKEN_FILE": f"{folder}/token", "AWS_ROLE_ARN": ROLE}
    own: Callable[[], Credentials] = lambda: Credentials(KEY, SECRET)  # noqa: E731 (one of a table)
    return {
        "the program": ({"credentials": Credentials(KEY, SECRET)}, {}, "credentials="),
        "a provider": ({"credentials": own}, {}, "the program's credentials provider"),
        "the environment": ({}, keys, "AWS_ACCESS_KEY_ID"),
        "a profile": ({"profile": "keys"}, keys, "keys of profile keys"),
        "a profile by name": ({}, {"AWS_PROFILE": "keys"}, "keys of profile keys"),
        "a process": ({"profile": "process"}, {}, "credential process of profile process"),
        "a role of a profile": ({"profile": "role"}, {}, f"role {ROLE} of profile role"),
        "web identity of a profile": ({"profile": "web"}, {}, f"web identity of profile web, role {ROLE}"),
        "a session of SSO": ({"profile": "session"}, {}, "SSO session work of profile session"),
        "SSO": ({"profile": "signed-on"}, {}, "SSO of profile signed-on"),
        "kubernetes": ({}, web, f"web identity, role {ROLE}"),
        "a container": (
            {},
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{service}/keys"},
            "the container (AWS_CONTAINER_CREDENTIALS_FULL_URI)",
        ),
        "an instance": (
            {},
            {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": machine},
            "instance metadata",
        ),
        "a role": ({"assume_role": AssumeRole(ROLE)}, keys, f"role {ROLE}, assumed with AWS_ACCESS_KEY_ID"),
    }


def sts(connection: Connection, seen: Seen) -> None:
    """A role's keys, asked for with keys or with a token."""
    action = parse_qs(seen.body.decode())["Action"][0]
    body = f"""<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>
      <AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/app/s</Arn></AssumedRoleUser>
      <Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>
      <SessionToken>planted-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
    </{action}Result></{action}Response>"""
    answer(body.encode(), kind="text/xml", crc32="missing")(connection, seen)


def log_in(home: Path) -> None:
    """As ``aws sso login`` leaves it: a token for each session."""
    folder = home / ".aws" / "sso" / "cache"
    folder.mkdir(parents=True)
    for name in LOGINS:
        token = {"accessToken": "planted-access", "expiresAt": "2099-01-01T00:00:00Z", "region": "eu-central-1"}
        (folder / f"{hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()}.json").write_text(json.dumps(token))


NAMES = tuple(ways(Path(), "", ""))


@pytest.fixture
def way(request: pytest.FixtureRequest, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Way:
    process = {"Version": 1, "AccessKeyId": KEY, "SecretAccessKey": SECRET}
    (tmp_path / "process.json").write_text(json.dumps(process))
    (tmp_path / "token").write_text("a-token")
    (tmp_path / "config").write_text(CONFIG.replace("{folder}", str(tmp_path)))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    log_in(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    of_container = {"AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": "planted-token", "Expiration": "2099-01-01T00:00:00Z"}
    of_session = {"accessKeyId": KEY, "secretAccessKey": SECRET, "sessionToken": "planted-token", "expiration": 4_070_908_800_000}
    container, role, portal, machine = (
        serve(answer(of_container, kind="application/json", crc32="missing")),
        serve(sts),
        serve(answer({"roleCredentials": of_session}, kind="application/json", crc32="missing")),
        serve(metadata(KEY)),
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", role.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", portal.url)
    settings, environment, source = ways(tmp_path, container.url, machine.url)[request.param]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return settings, environment, source


@pytest.mark.parametrize("way", NAMES, indirect=True)
def test_the_event_and_the_log_of_a_lookup_name_the_source(way: Way, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    settings, _, source = way
    server = serve(answer({"TableNames": []}))
    client = DynamoDBClient(endpoint_url=server.url, **settings)

    with caplog.at_level(logging.DEBUG, "pydynox.credentials"), client.record() as requests:
        pydynox.enable_logging()
        client.sync.call("ListTables")

    looked_up = [event for event in requests.events if event.kind == "credentials_renewed"]
    assert [event.source for event in looked_up] == [source]
    assert looked_up[0].as_dict()["source"] == source
    assert {event.source for event in requests.events} == {source, None}
    (record,) = [record for record in caplog.records if record.name == "pydynox.credentials"]
    assert record.getMessage().endswith(f" ms: {source}")
    assert record.source == source  # type: ignore[attr-defined]
    assert SECRET not in f"{requests.events} {caplog.text}"


@pytest.mark.parametrize(
    "way",
    [
        "the environment",
        "a profile",
        "a process",
        "a session of SSO",
        "SSO",
        "web identity of a profile",
        "kubernetes",
        "a container",
    ],
    indirect=True,
)
def test_the_doctor_says_where_credentials_came_from(way: Way, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    """By the lookup: a profile that has a role and a token of web identity uses the token, though the role is set too."""
    settings, _, source = way
    server = serve(answer({"TableNames": []}))
    profile = ["--profile", settings["profile"]] if settings else []

    main(["doctor", "--json", "--calls", "1", "--endpoint-url", server.url, *profile])

    printed = capsys.readouterr().out
    names = [check["name"] for check in json.loads(printed)["checks"]]
    assert names.index("region") + 1 == names.index("credentials") == names.index("connection") - 1
    (check,) = [check for check in json.loads(printed)["checks"] if check["name"] == "credentials"]
    is_known = source in ("AWS_ACCESS_KEY_ID", "keys of profile keys")
    assert (check["status"], check["summary"]) == ("ok", f"key AKID...1234, {source}" if is_known else source)
    assert SECRET not in printed
