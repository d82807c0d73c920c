"""The null server as a child process: compiled, pinned to its own core, and stopped with the bench."""

from __future__ import annotations

import pathlib
import subprocess
import tempfile
from typing import Any, Self

from responses import write_responses

SOURCE = pathlib.Path(__file__).with_name("null_dynamodb.c")
CORE = "1"


class NullDynamoDB:
    """Listens on 127.0.0.1 at ``url`` while the block runs. `bodies` replaces the default answers, by operation."""

    def __init__(self, bodies: dict[str, Any] | None = None) -> None:
        self._bodies = bodies or {}

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="pydynox-bench-")
        folder = pathlib.Path(self._folder.name)
        write_responses(folder, self._bodies)
        program = folder / "null_dynamodb"
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, SOURCE], check=True)
        self._process = subprocess.Popen(
            ["taskset", "-c", CORE, program, "0", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.url = f"http://127.0.0.1:{int(self._line())}"
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(10)
        self._folder.cleanup()

    def asked(self) -> dict[str, int]:
        """The number of requests so far, by operation."""
        if self._process.stdin:
            self._process.stdin.write("asked\n")
        words = self._line().split()
        return {operation: int(count) for operation, count in zip(words[::2], words[1::2], strict=True)}

    def _line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("the null server has ended; see its message above")
        return line
