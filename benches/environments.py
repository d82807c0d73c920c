"""The virtual environments of the peers: one per list in ``peers/``, made once and used again."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

LISTS = pathlib.Path(__file__).with_name("peers")


def python_of(name: str) -> str:
    """The interpreter of the environment that has what ``peers/NAME.txt`` pins; made first where it is missing or older."""
    cache = pathlib.Path(os.environ.get("PYDYNOX_CACHE") or pathlib.Path.home() / ".cache" / "pydynox")
    folder = cache / f"bench-peers-{name}"
    python = folder / "bin" / "python"
    wanted = (LISTS / f"{name}.txt").read_text() + f"\n# {sys.version}\n"
    complete = folder / "complete.txt"  # written last: an interrupted installation is started again
    if complete.exists() and complete.read_text() == wanted:
        return str(python)
    print(f"making {folder}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    pinned = LISTS / f"{name}.txt"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", pinned], check=True)
    complete.write_text(wanted)
    return str(python)
