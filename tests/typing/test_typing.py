"""The checkers accept good.py and models.py as they are, and refuse exactly the marked lines of bad.py."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGE = HERE.parent.parent / "python"
GOOD, BAD = ["models.py", "good.py"], "bad.py"
MARK = re.compile(r"# E(?:\[(\w+)\])?:")
CHECKERS = ["mypy", "pyright"]

Findings = dict[tuple[str, int], str]


def mypy(cache: Path) -> Findings:
    options = ["--strict", "--config-file=", "--python-version=3.11", "--no-error-summary", f"--cache-dir={cache}"]
    options += ["--explicit-package-bases"]  # good.py imports models.py as a script would
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *GOOD, BAD],
        cwd=HERE,
        env={**os.environ, "MYPYPATH": f"{PACKAGE}{os.pathsep}{HERE}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    lines = (re.match(r"(.+?):(\d+): error: (.*)", line) for line in done.stdout.splitlines())
    return {(Path(found[1]).name, int(found[2])): found[3] for found in lines if found}


def pyright(_: Path) -> Findings:
    command = [sys.executable, "-m", "pyright", "-p", str(HERE), "--outputjson"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    errors = (d for d in json.loads(done.stdout)["generalDiagnostics"] if d["severity"] == "error")
    return {(Path(d["file"]).name, d["range"]["start"]["line"] + 1): d["message"] for d in errors}


def marked(checker: str) -> set[int]:
    lines = (HERE / BAD).read_text(encoding="utf-8").splitlines()
    marks = ((number, MARK.search(line)) for number, line in enumerate(lines, 1) if not line.startswith('"""'))
    return {number for number, mark in marks if mark and mark[1] in (None, checker)}


@pytest.fixture(scope="module", params=CHECKERS)
def checked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Findings]:
    checker: str = request.param
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed: pip install --group types")
    return checker, {"mypy": mypy, "pyright": pyright}[checker](tmp_path_factory.mktemp(checker))


def test_what_is_right_is_accepted(checked: tuple[str, Findings]) -> None:
    _, findings = checked

    elsewhere = {place: message for place, message in findings.items() if place[0] != BAD}

    assert not elsewhere


def test_every_planted_error_is_found_and_nothing_else(checked: tuple[str, Findings]) -> None:
    checker, findings = checked

    found = {line: message for (file, line), message in findings.items() if file == BAD}

    assert sorted(marked(checker) - set(found)) == [], "planted errors that were missed"
    assert {line: found[line] for line in set(found) - marked(checker)} == {}, "errors that were not planted"
