"""The peers' virtual environments: one per list in ``peers/``, created once and reused."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

LISTS = pathlib.Path(__file__).with_name("peers")


def interpreter_of(version: str) -> str | None:
    """An interpreter of this version, such as "3.12", of the machine or of pyenv; None without one."""
    installed = sorted(pathlib.Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for candidate in [sys.executable, f"python{version}", *map(str, installed)]:
        try:
            command = [candidate, "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
            asked = subprocess.run(command, check=False, capture_output=True, text=True)
        except OSError:
            continue
        if asked.stdout.strip() == version:
            return candidate
    return None


def python_of(name: str, base: str = sys.executable) -> str:
    """The interpreter of the environment with the packages that ``peers/NAME.txt`` pins; a missing or outdated one is created."""
    cache = pathlib.Path(os.environ.get("PYDYNOX_CACHE") or pathlib.Path.home() / ".cache" / "pydynox")
    folder = cache / f"bench-peers-{name}"
    python = folder / "bin" / "python"
    version = sys.version if base == sys.executable else base
    wanted = (LISTS / f"{name}.txt").read_text() + f"\n# {version}\n"
    complete = folder / "complete.txt"  # written last, so that an interrupted installation starts over
    if complete.exists() and complete.read_text() == wanted:
        return str(python)
    print(f"creating {folder}", file=sys.stderr)
    subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
    pinned = LISTS / f"{name}.txt"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", pinned], check=True)
    complete.write_text(wanted)
    return str(python)
