"""A newcomer's path: the pages that one reads first, whose snippets run in order in one folder that was empty before."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pydynox
import pytest

from tests.snippets import snippets, write_named

pytestmark = pytest.mark.thorough

ROOT = pathlib.Path(__file__).parent.parent.parent
PATH = ("README.md", *(f"docs/{page}.md" for page in ("quickstart", "models", "queries", "fastapi", "testing", "lambda")))


def python(folder: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A new process that knows the installed package, the folder, and nothing of the machine's AWS configuration."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(pathlib.Path(pydynox.__file__).parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_the_pages_run_one_after_the_other_and_the_tests_that_they_write_pass(tmp_path: pathlib.Path) -> None:
    for number, name in enumerate(PATH, start=1):
        page = ROOT / name
        write_named(page, tmp_path)
        script = tmp_path / f"step_{number}_{page.stem.lower()}.py"
        script.write_text("\n".join(snippets(page)))

        done = python(tmp_path, script.name)

        assert (done.returncode, done.stderr) == (0, ""), f"{name}\n{done.stdout}"

    tests = python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider")

    named = {file.name for file in tmp_path.glob("*.py") if not file.name.startswith("step_")}
    assert named == {"app.py", "conftest.py", "test_app.py", "test_users.py"}
    assert tests.returncode == 0, tests.stdout
    assert "2 passed" in tests.stdout
