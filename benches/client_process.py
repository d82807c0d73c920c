"""The client side of a measurement over HTTP, seen from ``wire.py``: a client's process, which runs ``worker.py``."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Literal, Self

from environments import python_of

WORKER = pathlib.Path(__file__).with_name("worker.py")
CORE = "0"


@dataclass(frozen=True)
class Client:
    """A file of ``clients/``, the environment it runs in, and which of its APIs is measured."""

    name: str
    module: str
    api: Literal["awaited", "sync"]
    environment: str | None = None  # None: the environment of the bench itself
    requests_per_call: int = 1


class ClientFailedError(Exception):
    """A client could not be started, or its process ended; its own message is on standard error."""


class ClientProcess:
    """A client that waits for commands while the block runs."""

    def __init__(self, client: Client, url: str) -> None:
        self.client = client
        self._url = url

    def __enter__(self) -> Self:
        try:
            python = python_of(self.client.environment) if self.client.environment else sys.executable
        except subprocess.CalledProcessError as error:
            raise ClientFailedError(f"{self.client.name}: no environment, {error}") from error
        command = ["taskset", "-c", CORE, python, str(WORKER), self.client.module, self.client.api, self._url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        try:
            self.operations: list[str] = self._answer()
        except ClientFailedError:
            self._end()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def price(self, operation: str, concurrency: int, calls: int) -> tuple[float, int]:
        """Microseconds of CPU per call, and the number of calls including the warm-up."""
        found = self._ask({"price": operation, "concurrency": concurrency, "calls": calls})
        return found["us"], found["calls"]

    def crowd(self, size: int) -> dict[str, int]:
        """The maximum number of threads and sockets while `size` gets are in flight."""
        found: dict[str, int] = self._ask({"crowd": size})
        return found

    def most_memory(self) -> float:
        """The peak resident memory so far, in MB."""
        return float(self._ask({"memory": True})) * 1024 / 1e6

    def _ask(self, command: dict[str, Any]) -> Any:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
        except BrokenPipeError:
            raise ClientFailedError(f"{self.client.name} ({self.client.api}) has ended") from None
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise ClientFailedError(f"{self.client.name} ({self.client.api}) has ended")
        return json.loads(line)

    def _end(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
