"""mypy and pyright accept good.py and models.py as they are, and refuse exactly the marked lines of bad.py.

ty and pyrefly do so too, but for what deviations.txt lists.
"""

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
YOUNGER = ["ty", "pyrefly"]

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


def ty(_: Path) -> Findings:
    options = ["--project=.", f"--python={sys.executable}", "--python-version=3.11", "--output-format=concise", "--exit-zero"]
    options += [f"--extra-search-path={PACKAGE}", f"--extra-search-path={HERE}"]
    command = [sys.executable, "-m", "ty", "check", *options, *GOOD, BAD]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (re.match(r"(.+?):(\d+):\d+: error\[(.*)", line) for line in done.stdout.splitlines())
    return {(Path(found[1]).name, int(found[2])): found[3] for found in lines if found}


def pyrefly(_: Path) -> Findings:
    options = [f"--python-interpreter-path={sys.executable}", "--python-version=3.11", "--output-format=json"]
    options += [f"--search-path={PACKAGE}", f"--search-path={HERE}"]
    command = [sys.executable, "-m", "pyrefly", "check", *options, *GOOD, BAD]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    errors = (error for error in json.loads(done.stdout)["errors"] if error["severity"] == "error")
    return {(Path(error["path"]).name, error["line"]): error["description"] for error in errors}


def marked(checker: str) -> set[int]:
    lines = (HERE / BAD).read_text(encoding="utf-8").splitlines()
    marks = ((number, MARK.search(line)) for number, line in enumerate(lines, 1) if not line.startswith('"""'))
    return {number for number, mark in marks if mark and mark[1] in (None, checker)}


@pytest.fixture(scope="module", params=CHECKERS)
def checked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Findings]:
    checker: str = request.param
    return checker, findings_of(checker, tmp_path_factory.mktemp(checker))


def findings_of(checker: str, cache: Path) -> Findings:
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed: pip install --group types")
    return {"mypy": mypy, "pyright": pyright, "ty": ty, "pyrefly": pyrefly}[checker](cache)


def test_what_is_right_is_accepted(checked: tuple[str, Findings]) -> None:
    _, findings = checked

    elsewhere = {place: message for place, message in findings.items() if place[0] != BAD}

    assert not elsewhere


def test_every_planted_error_is_found_and_nothing_else(checked: tuple[str, Findings]) -> None:
    checker, findings = checked

    found = {line: message for (file, line), message in findings.items() if file == BAD}

    assert sorted(marked(checker) - set(found)) == [], "planted errors that were missed"
    assert {line: found[line] for line in set(found) - marked(checker)} == {}, "errors that were not planted"


def deviations(findings: Findings) -> list[str]:
    """Where a checker differs from both mypy and pyright, as lines of source: these move less than numbers."""
    source = {name: (HERE / name).read_text(encoding="utf-8").splitlines() for name in [*GOOD, BAD]}
    by_both = marked("mypy") & marked("pyright")
    by_one = marked("mypy") | marked("pyright")
    accepted = [(BAD, number, "accepts") for number in by_both if (BAD, number) not in findings]
    rejected = [(name, number, "rejects") for name, number in findings if name != BAD or number not in by_one]
    return [f"{what} {name}: {source[name][number - 1].strip()}" for name, number, what in sorted(accepted + rejected)]


def listed(checker: str) -> list[str]:
    sections = re.split(r"^\[(\w+)\]$", (HERE / "deviations.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = dict(zip(sections[1::2], sections[2::2], strict=True))[checker].splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("checker", YOUNGER)
def test_younger_checkers_differ_only_where_it_is_listed(checker: str, tmp_path: Path) -> None:
    found = deviations(findings_of(checker, tmp_path))

    assert found == listed(checker), "\n".join(["deviations.txt should say:", f"[{checker}]", *found])
