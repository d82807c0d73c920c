"""``pydynox doctor``: what it finds on engines that work, and on servers, clocks and credentials that do not."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from base64 import b64encode
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from pydynox import DynamoDBClient, KmsKeyring
from pydynox.cli import _surroundings, main
from pydynox.cli._doctor import percentile
from pydynox.cli._probe import ask, proxy_for

from tests.cli import shop
from tests.conftest import Serve
from tests.engines import Authority, Engine
from tests.faults.deeds import answer, error
from tests.faults.server import Connection, FaultServer, Seen

SECRET = "wJalrXUtnFEMIplanted"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE1234", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": "planted-token"}


class Result:
    """What the doctor said."""

    def __init__(self, status: int, printed: str) -> None:
        self.status = status
        self.text = printed
        document = json.loads(printed)
        self.whole = document["status"]
        self.checks = {check["name"]: check for check in document["checks"]}

    def __getitem__(self, name: str) -> tuple[str, str]:
        check = self.checks[name]
        return check["status"], check["summary"]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        status = main(["doctor", "--json", "--calls", "5", *arguments])
        printed = capsys.readouterr().out
        assert SECRET not in printed
        assert "planted-token" not in printed
        return Result(status, printed)

    return run


def at(server: FaultServer | Engine) -> list[str]:
    return ["--endpoint-url", server.url, "--region", "us-east-1"]


@pytest.mark.engines("moto")
def test_a_service_that_works_has_nothing_wrong(doctor: Any, client: DynamoDBClient, engine: Engine) -> None:
    shop.Patient.table.sync.create()

    found = doctor(*at(engine), "--writes", "tests.cli.shop:Patient")

    assert (found.status, found.whole) == (0, "ok"), found.text
    assert found["credentials"] == ("ok", "key AKID...1234, AWS_ACCESS_KEY_ID (temporary, with a session token)")
    assert found["region"] == ("ok", "us-east-1 (--region)")
    assert found["connection"][1].startswith(f"the service answers at {engine.url.removeprefix('http://')}, connected in ")
    assert found["tls"] == ("ok", "plain HTTP")
    assert found["clock"][0] == "ok"
    assert found["proxy"] == ("ok", "none, directly")
    assert found.checks["latency"]["details"]["calls"] == 5
    assert found["table patients"] == ("ok", "Patient: as declared")
    allowed = "GetItem, Query, Query by_city, Scan, PutItem, UpdateItem, DeleteItem allowed"
    assert found["permissions patients"] == ("ok", allowed)
    assert found["keyring patients"][0] == "skipped"
    assert client.sync.call("Scan", TableName="patients")["Items"] == []  # nothing was written


def test_the_embedded_engine_needs_no_connection(doctor: Any, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/items.db"
    with DynamoDBClient(endpoint_url=url).as_default() as made:
        shop.Invoice.table.sync.create()
        made.sync.close()

    found = doctor("--endpoint-url", url, "--writes", "tests.cli.shop:Invoice")

    assert found.status == 0, found.text
    assert found["endpoint"][1].startswith(f"{url}, the embedded engine")
    assert {found[name][0] for name in ("region", "credentials", "proxy", "tls", "clock")} == {"skipped"}
    assert found["permissions shop"][0] == "ok"


def test_a_table_that_differs_or_is_missing_fails(doctor: Any) -> None:
    found = doctor("--endpoint-url", "memory://", "tests.cli.shop:Invoice")

    assert (found.status, found.whole) == (1, "failed")
    assert found["table shop"][0] == "failed"
    assert "ensure() creates it" in found["table shop"][1]
    assert "permissions shop" not in found.checks


def test_text_for_people_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--endpoint-url", "memory://"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok       versions: pydynox ")
    assert any(line.startswith("skipped  credentials: ") for line in lines)


def test_a_wrong_model_is_an_error_and_not_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--endpoint-url", "memory://", "tests.cli.shop:Nobody"]) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "has no 'Nobody'" in printed.err


def test_an_endpoint_where_nothing_listens_fails(doctor: Any) -> None:
    found = doctor("--endpoint-url", "http://127.0.0.1:9", "--region", "us-east-1", "tests.cli.shop:Patient")

    assert found.status == 1
    assert found["connection"][0] == "failed"
    assert "127.0.0.1:9" in found["connection"][1]
    assert found["http"][0] == "failed"
    assert found["table patients"] == ("skipped", "Patient: the service is not reached")


def test_credentials_that_are_refused_fail(doctor: Any, serve: Serve) -> None:
    found = doctor(*at(serve(error("UnrecognizedClientException"))))

    assert found.status == 1
    assert found["credentials used"][0] == "failed"
    assert "UnrecognizedClientException" in found["credentials used"][1]


def test_an_answer_that_is_none_fails(doctor: Any, serve: Serve) -> None:
    found = doctor(*at(serve(answer(b"<html>a proxy</html>", headers={"Content-Type": "text/html"}))))

    assert found.status == 1
    assert found["connection"][0] == "failed"


def denied(*operations: str) -> Any:
    """A service that allows everything but these."""
    table = {
        "TableName": "patients",
        "TableStatus": "ACTIVE",
        "KeySchema": [{"AttributeName": "name", "KeyType": "HASH"}, {"AttributeName": "visit", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": "name", "AttributeType": "S"}],
    }

    def deed(connection: Connection, seen: Seen) -> None:
        if seen.operation in operations:
            error("AccessDeniedException", message=f"no {seen.operation}")(connection, seen)
        else:
            found = {"DescribeTable": {"Table": table}, "ListTables": {"TableNames": []}}
            answer(found.get(seen.operation, {"Items": [], "Count": 0, "ScannedCount": 0}))(connection, seen)

    return deed


def test_what_is_not_allowed_is_named(doctor: Any, serve: Serve) -> None:
    found = doctor(*at(serve(denied("Query", "ListTables", "DescribeTable"))), "tests.cli.shop:Patient")

    assert found.status == 1
    assert found["connection"][1].startswith("the service answers, and does not allow ListTables")
    assert found["latency"][0] == "ok"
    assert found["table patients"] == ("warning", "Patient: DescribeTable is not allowed, so it cannot be compared")
    status, text = found["permissions patients"]
    assert status == "failed"
    assert text == "GetItem, Scan allowed; Query, Query by_city denied: see pydynox patterns --iam"


def test_a_scan_may_be_forbidden(doctor: Any, serve: Serve) -> None:
    server = serve(denied("Scan", "DescribeTable"))

    found = doctor(*at(server), "tests.cli.shop:Patient")

    assert found.status == 0, found.text
    assert found["permissions patients"][0] == "warning"
    writes = {"PutItem", "UpdateItem", "DeleteItem"}
    assert not writes & {seen.operation for seen in server.seen}  # unless they are asked for


def test_a_policy_for_the_keys_of_a_model_allows_the_probe(doctor: Any, serve: Serve) -> None:
    server = serve(denied("DescribeTable"))

    doctor(*at(server), "tests.cli.shop:Customer", "--writes")

    (key,) = {seen.json()["Key"]["pk"]["S"] for seen in server.seen if seen.operation == "GetItem"}
    assert key.startswith("CUSTOMER#pydynox-doctor-")
    for seen in server.seen:
        if seen.operation in ("PutItem", "UpdateItem", "DeleteItem"):
            assert seen.json()["ConditionExpression"] == "attribute_exists(#k) AND attribute_not_exists(#k)"


@pytest.mark.parametrize(
    ("ahead", "status", "says"),
    [(0, "ok", "agrees"), (20, "ok", "behind the service's"), (-900, "warning", "ahead of the service's: pydynox corrects it")],
)
def test_a_clock_that_differs_is_measured(doctor: Any, serve: Serve, ahead: int, status: str, says: str) -> None:
    headers = {"Date": formatdate(time.time() + ahead, usegmt=True)}

    found = doctor(*at(serve(answer({"TableNames": []}, headers=headers))))

    assert found["clock"][0] == status
    assert says in found["clock"][1]
    assert abs(found.checks["clock"]["details"]["skew"] - ahead) < 5
    assert found.status == 0


def test_tls_is_described_and_an_untrusted_certificate_fails(
    doctor: Any, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(answer({"TableNames": []}), tls=authority.context("127.0.0.1")) as server:
        untrusted = doctor(*at(server))
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
        trusted = doctor(*at(server))

    assert untrusted.status == 1
    assert untrusted["tls"][0] == "failed"
    assert "CERTIFICATE_VERIFY_FAILED" in untrusted["tls"][1]
    assert trusted.status == 0, trusted.text
    assert trusted["tls"][1].startswith("TLSv1.3, ")
    assert "certificate until" in trusted["tls"][1]


@pytest.mark.parametrize("body", [b"", b"\xff\xfe garbage\r\n\r\n"])
def test_what_does_not_speak_http_is_an_error(serve: Serve, body: bytes) -> None:
    def deed(connection: Connection, seen: Seen) -> None:
        connection.send(body)
        connection.close()

    with pytest.raises(OSError):
        ask(serve(deed).url)


def test_a_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:planted@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    assert proxy_for("https://dynamodb.eu-west-1.amazonaws.com") == "http://user:planted@proxy.example:3128"
    assert _surroundings.without_password("http://user:planted@proxy.example:3128") == "http://proxy.example:3128"
    assert proxy_for("https://127.0.0.1:8000") is None


class Tunnel(socketserver.ThreadingTCPServer):
    """A proxy with a password that connects to one server, whatever it is asked for."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: set[str] = set()
        super().__init__(("127.0.0.1", 0), _Tunnelled)


class _Tunnelled(socketserver.BaseRequestHandler):
    server: Tunnel
    request: socket.socket

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.request.recv(1)
        self.server.asked.add(" ".join(head.decode().split()[:2]))
        if b"Basic " + b64encode(b"user:planted") + b"\r\n" not in head:
            self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.server.port)) as there:
            back = threading.Thread(target=_pump, args=(there, self.request), daemon=True)
            back.start()
            _pump(self.request, there)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(("password", "status"), [("planted", "ok"), ("planted-but-wrong", "failed")])
def test_tls_and_the_clock_are_checked_through_a_proxy(
    doctor: Any, authority: Authority, monkeypatch: pytest.MonkeyPatch, password: str, status: str
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    headers = {"Date": formatdate(time.time() - 900, usegmt=True)}
    with FaultServer(answer({"TableNames": []}, headers=headers), tls=authority.context("dynamodb.example")) as server:
        port = int(server.url.rpartition(":")[2])
        with Tunnel(port) as proxy:
            threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
            address = f"127.0.0.1:{proxy.server_address[1]}"
            monkeypatch.setenv("HTTPS_PROXY", f"http://user:{password}@{address}")
            found = doctor("--endpoint-url", "https://dynamodb.example", "--region", "us-east-1")
            proxy.shutdown()

    assert "planted" not in found.text
    assert found["proxy"] == ("ok", f"through http://{address}")
    assert found["tls"][0] == found["connection"][0] == status
    assert proxy.asked == {"CONNECT dynamodb.example:443"}
    if status == "ok":
        assert found["tls"][1].startswith("TLSv1.3, ")
        assert found["clock"][0] == "warning"
        assert "ahead of the service's" in found["clock"][1]
    else:
        assert "407" in found["tls"][1]


def test_the_clock_is_checked_through_a_proxy_for_plain_http(doctor: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(answer({"TableNames": []}, headers={"Date": formatdate(usegmt=True)}))
    monkeypatch.setenv("http_proxy", server.url.replace("http://", "http://user:planted@"))

    found = doctor("--endpoint-url", "http://dynamodb.example", "--region", "us-east-1")

    assert (found.status, found["clock"][0]) == (0, "ok"), found.text
    assert found["proxy"] == ("ok", f"through {server.url}")
    assert found["tls"] == ("warning", "plain HTTP: anyone on the way can read it")


def test_a_proxy_of_another_kind_is_named(doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")

    found = doctor("--endpoint-url", "https://dynamodb.example", "--region", "us-east-1")

    assert found.status == 1
    assert found["proxy"] == ("failed", "socks5://127.0.0.1:9: only proxies of the kind http:// are supported")
    assert found["tls"][0] == found["clock"][0] == "skipped"


@pytest.mark.parametrize(
    "proxy", ["http://me:planted#pw@127.0.0.1:9", "http://me:planted@127.0.0.1:9x", "me:planted/pw@127.0.0.1:9"]
)
def test_a_proxy_that_is_no_url_is_a_finding(doctor: Any, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("http_proxy", proxy)

    found = doctor("--endpoint-url", "http://127.0.0.2:9", "--region", "us-east-1")

    assert found.status == 1
    assert found["proxy"][0] == "failed"
    assert found["proxy"][1].startswith("the proxy is not a URL (http://user:password@host:port): ")
    assert found["tls"][0] == found["clock"][0] == "skipped"
    assert "planted" not in found.text


#: What is set, and the host that the client uses then.
HOSTS: dict[str, tuple[dict[str, str], str]] = {
    "China": ({"AWS_REGION": "cn-north-1"}, "dynamodb.cn-north-1.amazonaws.com.cn"),
    "FIPS": ({"AWS_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "true"}, "dynamodb-fips.us-east-1.amazonaws.com"),
    "dual stack": ({"AWS_REGION": "us-east-1", "AWS_USE_DUALSTACK_ENDPOINT": "true"}, "dynamodb.us-east-1.api.aws"),
    "an account": ({"AWS_REGION": "us-east-1", "AWS_ACCOUNT_ID": "123456789012"}, "123456789012.ddb.us-east-1.amazonaws.com"),
    "ignored endpoints": (
        {"AWS_REGION": "us-east-1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
        "dynamodb.us-east-1.amazonaws.com",
    ),
}


@pytest.mark.parametrize("name", HOSTS)
def test_the_host_of_the_client_is_the_one_that_is_examined(doctor: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Through a proxy on which nothing listens, so that nothing leaves this machine."""
    environment, host = HOSTS[name]
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "planted")
    for variable, value in {**environment, "HTTPS_PROXY": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(variable, value)

    found = doctor()

    assert found["tls"][0] == "failed"
    assert found["tls"][1].startswith(f"https://{host}: [Errno ")


def test_an_endpoint_in_a_section_of_services_is_examined(
    doctor: Any, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(answer({"TableNames": []}))
    text = f"[profile dev]\nservices = mine\nregion = us-east-1\n[services mine]\ndynamodb =\n  endpoint_url = {server.url}\n"
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "dev")
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "planted")

    found = doctor()

    assert found.status == 0, found.text
    assert found["endpoint"] == ("ok", f"{server.url} (services mine of profile dev)")
    assert found["tls"] == ("ok", "plain HTTP")


@pytest.mark.engines("moto")
def test_a_keyring_that_works_makes_and_opens_a_data_key(
    doctor: Any, client: DynamoDBClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    kms = boto3.client("kms", endpoint_url=engine.url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    monkeypatch.setattr(shop, "KEYRING", KmsKeyring(key, endpoint_url=engine.url), raising=False)
    shop.Patient.table.sync.create()

    found = doctor(*at(engine), "--keyring", "tests.cli.shop:KEYRING", "tests.cli.shop:Patient")

    assert found.status == 0, found.text
    assert found["keyring patients"][1].startswith(f"KmsKeyring('{key}') makes and opens data keys: GenerateDataKey ")
    assert set(found.checks["keyring patients"]["details"]) == {"GenerateDataKey", "Decrypt"}
    assert client.sync.call("Scan", TableName="patients")["Items"] == []


def test_a_keyring_that_may_not_is_named(doctor: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = serve(error("AccessDeniedException", message="not authorized to perform kms:GenerateDataKey"))
    monkeypatch.setattr(shop, "KEYRING", KmsKeyring("alias/app", endpoint_url=refusing.url), raising=False)

    found = doctor(*at(serve(denied("DescribeTable"))), "--keyring", "tests.cli.shop:KEYRING", "tests.cli.shop:Patient")

    assert found.status == 1
    assert found["keyring patients"][0] == "failed"
    assert "kms:GenerateDataKey" in found["keyring patients"][1]
    assert refusing.seen[0].json()["EncryptionContext"]["pydynox:table"] == "patients-2026"


@pytest.mark.parametrize(("named", "says"), [("shop", "module:NAME"), ("tests.cli.shop:date", "keyring= takes a LocalKeyring")])
def test_what_is_no_keyring_is_an_error_and_not_a_finding(capsys: pytest.CaptureFixture[str], named: str, says: str) -> None:
    assert main(["doctor", "--endpoint-url", "memory://", "--keyring", named]) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert says in printed.err


CONFIG = """
[default]
region = eu-north-1
[profile dev]
sso_session = work
region = eu-central-1
endpoint_url = http://user:planted@127.0.0.1:8000/path
[profile role]
role_arn = arn:aws:iam::1:role/app
[profile process]
credential_process = /usr/bin/secrets planted
"""
#: By what is set: the profile option, the environment, and what is said of credentials, region and endpoint.
SOURCES: dict[str, tuple[str | None, dict[str, str], str, str]] = {
    "nothing": (None, {}, "nowhere: no keys, profile, web identity or container", "profile default"),
    "the environment": (None, {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE1234"}, "AWS_ACCESS_KEY_ID", "profile default"),
    "a profile's keys": ("keys", {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE1234"}, "keys of profile keys", "instance metadata"),
    "a profile by name": (None, {"AWS_PROFILE": "dev"}, "SSO session work of profile dev", "profile dev"),
    "a role": ("role", {}, "role arn:aws:iam::1:role/app of profile role", "instance metadata"),
    "a process": ("process", {}, "credential process of profile process", "instance metadata"),
    "kubernetes": (
        None,
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod", "AWS_REGION": "eu-west-3"},
        "web identity, role arn:aws:iam::1:role/pod",
        "AWS_REGION",
    ),
    "a container": (
        None,
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"},
        "the container (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI)",
        "profile default",
    ),
    "an instance": (None, {"AWS_EC2_METADATA_DISABLED": "false"}, "instance metadata", "profile default"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_where_settings_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "credentials").write_text("[keys]\naws_access_key_id = AKIDPROFILE5678\naws_secret_access_key = planted\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    profile, environment, credentials, region = SOURCES[name]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)

    keys = _surroundings.credentials(profile)
    place = _surroundings.region(None, profile)

    assert keys.source.startswith(credentials)
    assert place.source.startswith(region)
    assert "planted" not in f"{keys} {place} {_surroundings.endpoint(None, profile)}"


def test_an_endpoint_is_found_where_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    assert _surroundings.endpoint("memory://", None) == ("memory://", "--endpoint-url")
    assert _surroundings.endpoint(None, "dev") == ("http://127.0.0.1:8000/path", "profile dev")
    assert _surroundings.endpoint(None, None) == (None, "the region")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert _surroundings.endpoint(None, "dev") == ("http://127.0.0.1:1", "AWS_ENDPOINT_URL")


def test_percentiles_are_those_of_the_calls() -> None:
    times = [float(number) for number in range(1, 101)]

    assert [percentile(times, percent) for percent in (1, 50, 90, 99, 100)] == [1, 50, 90, 99, 100]
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7
