"""Check that the border compiles for every Python that it supports, without having those interpreters.

pyo3 takes what it must know of an interpreter from the file named by ``PYO3_CONFIG_FILE``; ``cargo check`` needs no more.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

VERSIONS = ("3.12", "3.13", "3.14", "3.15")


def configuration(version: str) -> str:
    """What pyo3 would have asked the interpreter."""
    lines = ["implementation=CPython", f"version={version}", "shared=true", "pointer_width=64"]
    return "\n".join([*lines, "build_flags=", "suppress_build_script_link_lines=true", ""])


def main() -> int:
    """Check each version; the first failure ends it."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", tempfile.gettempdir())) / "versions"
    for version in VERSIONS:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(configuration(version))
            file.flush()
            environment = {**os.environ, "PYO3_CONFIG_FILE": file.name, "CARGO_TARGET_DIR": str(target)}
            command = ["cargo", "check", "--quiet", "--locked", "-p", "pydynox-python"]
            done = subprocess.run(command, env=environment, check=False)
        if done.returncode:
            print(f"the border does not compile for Python {version}")
            return done.returncode
        print(f"the border compiles for Python {version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
