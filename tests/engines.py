"""The engines that behaviour is tested on; each is started once, when the first test needs it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pydynox import Credentials, DynamoDBClient
from pydynox.testing import _certificates as certificates
from pydynox.testing import proxy

#: Every behaviour test runs on these. ministack is used where it is installed: it pins packages that others need newer.
ENGINES = ["embedded", "moto", *(["ministack"] if shutil.which("ministack") else [])]
CREDENTIALS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI")


class Engine(NamedTuple):
    """Where an engine is."""

    url: str
    ca_bundle: Path | None = None

    def client(self, **settings: Any) -> DynamoDBClient:
        if self.url.startswith("memory:"):
            return DynamoDBClient(endpoint_url=self.url, **settings)
        return DynamoDBClient(
            endpoint_url=self.url, ca_bundle=self.ca_bundle, region="us-east-1", credentials=CREDENTIALS, **settings
        )


@contextmanager
def moto() -> Iterator[Engine]:
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per request
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Engine(f"http://{host}:{port}")
    finally:
        server.stop()


@contextmanager
def ministack() -> Iterator[Engine]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "SERVICES": "dynamodb"}
    server = subprocess.Popen(
        ["ministack"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tempfile.gettempdir()
    )
    assert server.stdout is not None
    log = iter(server.stdout)
    try:
        assert any("Running on" in line for line in log), "ministack does not start"
        reader = threading.Thread(target=lambda: list(log), daemon=True)
        reader.start()
        yield Engine(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(10)
        reader.join(5)
        server.stdout.close()


@contextmanager
def over_tls(behind: Engine) -> Iterator[Engine]:
    """Another engine behind TLS, over connections that stay open."""
    with proxy(behind.url, tls="valid") as server:
        yield Engine(server.endpoint_url, Path(server.ca_bundle or ""))


class Authority(certificates.Authority):
    """Whoever issues the certificates of a test, with the file that clients trust."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.bundle = self.write(directory)
