"""Settings that cannot work: a clear error at once, no hang, and nothing is sent twice."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydynox import Credentials, DynamoDBClient
from pydynox.exceptions import ConfigurationError, ConnectionFailedError, CredentialsError, ItemAlreadyExistsError, RequestError

from tests.conftest import Drive, Serve, client_of
from tests.engines import CREDENTIALS, Authority

from .deeds import html
from .models import DONE, FOUND, NOTE, TAKEN, Note


@pytest.mark.parametrize("number", [0, -1, -0.0, math.nan, math.inf, -math.inf, 1e300])
@pytest.mark.parametrize("setting", ["timeout", "read_timeout", "connect_timeout"])
def test_a_time_that_cannot_pass_is_refused(setting: str, number: float) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{setting} must be a positive number of seconds"):
        DynamoDBClient(**{setting: number})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_connections": 0}, "max_connections must be from 1 to 65535; got 0"),
        ({"max_connections": -1}, "max_connections must be .*; got -1"),
        ({"max_connections": 65_536}, "max_connections must be from 1 to 65535; got 65536"),
        ({"max_attempts": 0}, "max_attempts must be at least 1"),
        ({"max_attempts": -3}, "max_attempts must be at least 1"),
        ({"errors": "some"}, "errors="),
        ({"region": ""}, "region="),
        ({"region": "evil.example/"}, "region="),
        ({"region": "eu\nwest"}, "region="),
        ({"profile": ""}, "profile="),
        ({"endpoint_url": ""}, "endpoint"),
        ({"endpoint_url": "localhost:8000"}, "write https://host or http://host:port"),
        ({"endpoint_url": "ftp://127.0.0.1"}, "neither http nor https"),
        ({"endpoint_url": "http://"}, "endpoint"),
        ({"endpoint_url": "http://user:hidden@127.0.0.1"}, "user name"),
        ({"endpoint_url": "http://127.0.0.1:99999"}, "port"),
        ({"endpoint_url": "http://127.0.0.1/?a=b"}, "query"),
    ],
    ids=lambda value: next(iter(value.items()))[0] + "=" + repr(next(iter(value.values()))) if isinstance(value, dict) else "",
)
def test_a_setting_that_makes_no_sense_is_refused_when_the_client_is_made(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        DynamoDBClient(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_connections": 1.5},
        {"max_attempts": 1.5},
        {"max_connections": "8"},
        {"timeout": "soon"},
        {"region": 3},
        {"endpoint_url": b"x"},
    ],
    ids=repr,
)
def test_a_setting_of_the_wrong_type_is_refused_by_name(settings: dict[str, Any]) -> None:
    with pytest.raises((ConfigurationError, TypeError), match=next(iter(settings))):
        DynamoDBClient(**settings)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody else gets meanwhile, and that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def at(url: str, **settings: Any) -> DynamoDBClient:
    return DynamoDBClient(endpoint_url=url, region="us-east-1", credentials=CREDENTIALS, **settings)


def test_a_port_that_nobody_listens_on_is_named_and_a_write_is_surely_not_applied(drive: Drive, closed_port: int) -> None:
    with at(f"http://127.0.0.1:{closed_port}").as_default(), pytest.raises(ConnectionFailedError) as caught:
        drive(Note(note_id="n1").create())

    assert f"no connection to 127.0.0.1:{closed_port}" in str(caught.value)
    assert "refused" in str(caught.value)
    assert (caught.value.operation, caught.value.table, caught.value.model) == ("PutItem", "notes", "Note")
    assert (caught.value.code, caught.value.status, caught.value.request_id) == (None, None, None)
    assert (caught.value.attempts, caught.value.retryable, caught.value.ambiguous, caught.value.applied) == (
        4,
        True,
        False,
        False,
    )


def test_a_host_that_does_not_exist_is_named(drive: Drive) -> None:
    client = at("http://nowhere.invalid:8000", connect_timeout=2, max_attempts=1)

    with client.as_default(), pytest.raises(ConnectionFailedError, match=r"nowhere\.invalid:8000") as caught:
        drive(Note.get("n1"))

    assert caught.value.attempts == 1
    assert (caught.value.elapsed or 0) < 3


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.usefixtures("bare")
def test_without_a_region_the_error_lists_where_was_looked(serve: Serve, drive: Drive) -> None:
    server = serve(FOUND)
    client = DynamoDBClient(endpoint_url=server.url, credentials=CREDENTIALS)

    with client.as_default(), pytest.raises(ConfigurationError) as caught:
        drive(Note.get("n1"))

    for place in ("region=", "AWS_REGION", "AWS_DEFAULT_REGION", "profile", "instance metadata"):
        assert place in str(caught.value)
    assert server.connections == []


@pytest.mark.usefixtures("bare")
def test_without_credentials_the_error_lists_where_was_looked(serve: Serve, drive: Drive) -> None:
    server = serve(FOUND)
    client = DynamoDBClient(endpoint_url=server.url, region="us-east-1")

    with client.as_default(), pytest.raises(CredentialsError) as caught:
        drive(Note.get("n1"))

    for place in ("credentials=", "AWS_ACCESS_KEY_ID", "profile", "web identity", "container", "instance metadata"):
        assert place in str(caught.value)
    assert (caught.value.operation, caught.value.attempts, caught.value.retryable) == ("GetItem", 0, False)
    assert server.connections == []


def test_a_certificate_of_an_unknown_authority_is_refused_before_anything_is_sent(
    serve: Serve, drive: Drive, authority: Authority, tmp_path: Path
) -> None:
    server = serve(FOUND, tls=authority.context("127.0.0.1"))
    stranger = Authority(tmp_path)

    for trusted in (stranger.bundle, None):
        client = client_of(server, ca_bundle=trusted)
        with client.as_default(), pytest.raises(ConnectionFailedError, match=r"UnknownIssuer.*ca_bundle=") as caught:
            drive(Note.get("n1"))

        assert (caught.value.attempts, caught.value.retryable, caught.value.ambiguous) == (1, False, False)
    assert server.seen == []
    assert len(server.connections) == 2


def test_a_certificate_for_another_name_is_refused_before_anything_is_sent(
    serve: Serve, drive: Drive, authority: Authority
) -> None:
    server = serve(FOUND, tls=authority.context("dynamodb.example"))

    client = client_of(server, ca_bundle=authority.bundle)
    with client.as_default(), pytest.raises(ConnectionFailedError, match=r"(?i)TLS with 127\.0\.0\.1: .*not valid for") as caught:
        drive(Note.get("n1"))

    assert (caught.value.attempts, caught.value.retryable) == (1, False)
    assert server.seen == []


def test_the_right_certificate_is_accepted(serve: Serve, drive: Drive, authority: Authority) -> None:
    server = serve(FOUND, tls=authority.context("127.0.0.1"))

    with client_of(server, ca_bundle=str(authority.bundle)).as_default():
        assert drive(Note.get("n1")) == NOTE
        assert drive(Note.get("n1")) == NOTE

    assert len(server.connections) == 1


def test_the_environment_names_certificates(
    serve: Serve, drive: Drive, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = serve(FOUND, tls=authority.context("127.0.0.1"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))

    with client_of(server).as_default():
        assert drive(Note.get("n1")) == NOTE


@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_bundle_that_cannot_be_used_is_named(serve: Serve, drive: Drive, tmp_path: Path, content: str | None) -> None:
    server = serve(FOUND)
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)

    client = client_of(server, endpoint_url=server.url.replace("http:", "https:"), ca_bundle=bundle)
    with client.as_default(), pytest.raises(ConfigurationError, match=r"bundle\.pem \(ca_bundle=\) cannot be used"):
        drive(Note.get("n1"))

    assert server.seen == []


def test_https_to_a_server_without_tls_and_the_reverse_are_told(serve: Serve, drive: Drive, authority: Authority) -> None:
    plain, secure = serve(html(400)), serve(FOUND, tls=authority.context("127.0.0.1"))

    with (
        client_of(plain, endpoint_url=plain.url.replace("http:", "https:"), max_attempts=1, connect_timeout=0.5).as_default(),
        pytest.raises(ConnectionFailedError),
    ):
        drive(Note.get("n1"))
    with (
        client_of(secure, endpoint_url=secure.url.replace("https:", "http:"), max_attempts=1, timeout=1).as_default(),
        pytest.raises(ConnectionFailedError),
    ):
        drive(Note.get("n1"))

    assert secure.seen == []


def test_a_proxy_that_is_not_there_is_named(
    serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    server = serve(FOUND)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port}")

    with client_of(server, max_attempts=1).as_default(), pytest.raises(ConnectionFailedError, match=f"proxy.*{closed_port}"):
        drive(Note.get("n1"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with client_of(server).as_default():
        assert drive(Note.get("n1")) == NOTE


def test_https_goes_through_a_proxy_of_its_own(
    serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch, authority: Authority, closed_port: int
) -> None:
    server = serve(FOUND, tls=authority.context("127.0.0.1"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port}")

    with (
        client_of(server, ca_bundle=authority.bundle, max_attempts=1).as_default(),
        pytest.raises(ConnectionFailedError, match=f"through the proxy 127.0.0.1:{closed_port}"),
    ):
        drive(Note.get("n1"))
    assert server.seen == []
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with client_of(server, ca_bundle=authority.bundle).as_default():
        assert drive(Note.get("n1")) == NOTE


def test_a_proxy_passes_requests_on(serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(FOUND)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)

    with at("http://dynamodb.invalid:8000").as_default():
        assert drive(Note.get("n1")) == NOTE

    assert proxy.seen[0].headers["host"] == "dynamodb.invalid:8000"


@pytest.mark.parametrize("name", ["", "Get Item", "GetItem\r\nx: y", "../GetItem"])
def test_a_name_of_no_operation_is_refused_before_anything_is_sent(serve: Serve, drive: Drive, name: str) -> None:
    server = serve(DONE)

    with pytest.raises(Exception, match="operation"):
        drive(client_of(server).call(name))

    assert server.seen == []


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("value", ["", "with\nbreak", "with blank", "ünicode", 3])
def test_keys_that_nobody_has_are_refused_and_never_shown(part: int, value: Any) -> None:
    keys: list[Any] = ["AKIDEXAMPLE", "secret", "token"]
    keys[part] = value

    with pytest.raises(ConfigurationError, match=r"Credentials\(\w+=\.\.\.\)") as caught:
        Credentials(*keys)

    if value and isinstance(value, str):
        assert value not in str(caught.value)


@pytest.mark.alone
def test_a_client_is_made_without_touching_network_and_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/fifo")

    start = time.monotonic()
    for _ in range(100):
        DynamoDBClient(region="us-east-1")

    assert time.monotonic() - start < 0.5


@pytest.mark.parametrize("status", [301, 403, 404, 405])
def test_an_endpoint_that_is_something_else_is_asked_once(serve: Serve, drive: Drive, status: int) -> None:
    server = serve(html(status))

    with client_of(server).as_default(), pytest.raises(RequestError, match="check what is between") as caught:
        drive(Note.get("n1"))

    assert "text/html" in str(caught.value)
    assert (caught.value.status, caught.value.attempts, caught.value.retryable) == (status, 1, False)
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [301, 403, 404, 405])
def test_a_write_that_something_else_refused_is_not_in_doubt(serve: Serve, drive: Drive, status: int) -> None:
    server = serve(html(status))

    with client_of(server).as_default(), pytest.raises(RequestError, match="check what is between") as caught:
        drive(Note(note_id="n2").create())

    assert type(caught.value) is RequestError
    assert (caught.value.status, caught.value.ambiguous) == (status, False)
    assert len(server.seen) == 1


@pytest.mark.parametrize(("errors", "shown"), [("none", False), ("keys", True)])
def test_keys_are_in_messages_only_where_that_is_allowed(serve: Serve, drive: Drive, errors: str, shown: bool) -> None:
    server = serve(TAKEN)

    with client_of(server, errors=errors).as_default(), pytest.raises(ItemAlreadyExistsError) as caught:
        drive(Note(note_id="hush", text="never-shown").create())

    assert ("hush" in str(caught.value)) is shown
    assert "never-shown" not in str(caught.value)
