"""Fixtures of every test: both ways to drive a call, the engines, servers that misbehave, and a clean environment."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pydynox
import pytest
from pydynox import DynamoDBClient

from . import engines
from .engines import CREDENTIALS, ENGINES, Authority, Engine
from .faults.server import FaultServer

Drive = Callable[[Coroutine[Any, Any, Any]], Any]
Serve = Callable[..., FaultServer]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "engines(*names): the engines that this test runs on, in place of all")
    config.addinivalue_line("markers", "alone: measures time, CPU or memory, or is about moments: nothing else may run beside it")
    config.addinivalue_line(
        "markers", "thorough: too long for make test; make test-thorough runs it, and with it all tests of other engines"
    )
    config.addinivalue_line("markers", "also_over_tls: runs on a server behind TLS too")
    config.addinivalue_line(
        "markers", "deviates(engine=reason): this engine differs from DynamoDB here, and the test fails on it"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" not in metafunc.fixturenames:
        return
    chosen = metafunc.definition.get_closest_marker("engines")
    names = list(chosen.args if chosen else ENGINES)
    if metafunc.definition.get_closest_marker("also_over_tls"):
        names.append("tls")
    metafunc.parametrize("engine", [name for name in names if name in (*ENGINES, "tls")], indirect=True)


#: Driven on the calling thread against a server too: one module each for writes, reads and transactions.
BLOCKING_OVER_HTTP = {"test_saving", "test_queries", "test_transactions"}


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept, left = [], []
    for item in items:
        params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        engine = params.get("engine")
        # A blocking call runs the same coroutine, and which engine answers it makes no difference to it.
        over_http = engine in ("moto", "ministack") and item.path.stem not in BLOCKING_OVER_HTTP
        (left if over_http and params.get("drive") == "blocking" else kept).append(item)
        reasons = {name: why for marker in item.iter_markers("deviates") for name, why in marker.kwargs.items()}
        reason = reasons.get("moto" if engine == "tls" else engine)  # moto is what stands behind TLS
        if engine not in (None, "embedded"):
            item.add_marker("thorough")
        if reason:
            item.add_marker(pytest.mark.xfail(strict=True, reason=f"{engine}: {reason}"))
    items[:] = kept
    if left:
        config.hook.pytest_deselected(items=left)


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of the machine's configuration of AWS, proxies and certificates reaches a test."""
    nowhere = tmp_path_factory.mktemp("nowhere")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.upper().startswith("AWS_") or name.upper().endswith("_PROXY") or name == "SSL_CERT_FILE":
                patch.delenv(name)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", str(nowhere / "config"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere / "credentials"))
        yield


@pytest.fixture(scope="session")
def _everything() -> Iterator[Any]:
    """Everything that watches calls, if PYDYNOX_TEST_OBSERVED asks for it: any part of the suite then runs observed."""
    if not os.environ.get("PYDYNOX_TEST_OBSERVED"):
        yield None
        return
    from .observe.everything import everything

    # Many tests compare the bodies of requests.
    with everything(capacity=False, values=True) as said:
        yield said


@pytest.fixture(autouse=True)
def nothing_secret_is_said(request: pytest.FixtureRequest, _everything: Any) -> Iterator[None]:
    """In such a run, no record of any test contains a key, a value or a credential that it used."""
    yield
    if _everything is None:
        return
    from .observe.everything import SECRETS

    # Both are taken, so that nothing is left for the next test. Those of tests/observe record what they look for themselves.
    text, words = _everything.take(), _everything.values.take()
    if "observe" not in request.path.parts:
        assert [secret for secret in SECRETS if secret in text] == []
        assert words == []


@pytest.fixture(params=["awaited", "blocking"])
def drive(request: pytest.FixtureRequest) -> Drive:
    """Run a coroutine to its end: in an event loop, or on the calling thread. Behaviour is the same in both."""
    return asyncio.run if request.param == "awaited" else pydynox.run


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def _moto() -> Iterator[Engine]:
    with engines.moto() as engine:
        yield engine


@pytest.fixture(scope="session")
def _ministack() -> Iterator[Engine]:
    with engines.ministack() as engine:
        yield engine


@pytest.fixture(scope="session")
def _tls(_moto: Engine) -> Iterator[Engine]:
    with engines.over_tls(_moto) as engine:
        yield engine


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "embedded":
        return Engine("memory://")
    found: Engine = request.getfixturevalue(f"_{request.param}")
    return found


@pytest.fixture
def client(engine: Engine) -> Iterator[DynamoDBClient]:
    """A client of an engine without tables, in force for the models of the test."""
    client = engine.client()
    with client.as_default():
        yield client
    for name in client.sync.call("ListTables")["TableNames"]:
        client.sync.call("DeleteTable", TableName=name)
    client.sync.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that does these deeds; it is stopped after the test."""
    started: list[FaultServer] = []

    def start(*deeds: Any, **options: Any) -> FaultServer:
        started.append(FaultServer(*deeds, **options))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def client_of(server: FaultServer, **settings: Any) -> DynamoDBClient:
    """A client whose requests go to this server."""
    return DynamoDBClient(**{"endpoint_url": server.url, "region": "us-east-1", "credentials": CREDENTIALS, **settings})
