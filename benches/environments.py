"""The peers' virtual environments: one per list in ``peers/``, created once and reused."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

LISTS = pathlib.Path(__file__).with_name("peers")


def python_of(name: str) -> str:
    """The interpreter of the environment with the packages that ``peers/NAME.txt`` pins; a missing or outdated one is created."""
    cache = pathlib.Path(os.environ.get("PYDYNOX_CACHE") or pathlib.Path.home() / ".cache" / "pydynox")
    folder = cache / f"bench-peers-{name}"
    python = folder / "bin" / "python"
    wanted = (LISTS / f"{name}.txt").read_text() + f"\n# {sys.version}\n"
    complete = folder / "complete.txt"  # written last, so that an interrupted installation starts over
    if complete.exists() and complete.read_text() == wanted:
        return str(python)
    print(f"creating {folder}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    pinned = LISTS / f"{name}.txt"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", pinned], check=True)
    complete.write_text(wanted)
    return str(python)
