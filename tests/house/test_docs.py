"""Every Python snippet of README and docs runs, page by page, top to bottom, in a process of its own; and so do the examples."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

from tests.snippets import snippets, write_named

pytestmark = pytest.mark.thorough

ROOT = pathlib.Path(__file__).parent.parent.parent
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if "```python" in page.read_text()]
REPOSITORY = r"https://(?:github\.com/pydynox/pydynox/blob|raw\.githubusercontent\.com/pydynox/pydynox)/main/(.+)"


#: Hypothesis then has no limits of time, which a busy machine exceeds.
PATIENT = {**os.environ, "CI": "true"}


def ran(code: str, cwd: pathlib.Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=PATIENT, capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), f"{code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


#: A print whose comment shows its output, as opposed to one that explains the line: it begins like a value's repr.
SHOWN = re.compile(r"""^ *print\(.*\)  # ((?:[\[({'"\d]|True|False|None|[A-Z]\w*\().*)$""", re.MULTILINE)


def shows(output: str, shown: str) -> bool:
    """Whether a line of the output is what is shown, where ``...`` stands for anything and an explanation may follow."""
    ends = [len(shown), *(match.start() for match in re.finditer("[:;] ", shown))]
    texts = [".*".join(re.escape(part) for part in shown[:end].split("...")) for end in ends]
    return any(re.fullmatch(text, line) for text in texts for line in output.splitlines())


@pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: "/".join(page.relative_to(ROOT).with_suffix("").parts[page.is_relative_to(ROOT / "docs") :])
)
def test_the_snippets_of_a_page_run_and_print_what_it_shows(page: pathlib.Path, tmp_path: pathlib.Path) -> None:
    write_named(page, tmp_path)
    code = "\n".join(snippets(page))

    output = ran(code, tmp_path)

    assert [shown for shown in SHOWN.findall(code) if not shows(output, shown)] == []


@pytest.mark.parametrize("page", ["testing", "testing-apps", "testing-faults"])
def test_the_tests_that_a_page_shows_pass(page: str, tmp_path: pathlib.Path) -> None:
    """Those in files of their own as they are, and all others in one file, with all that the page has above them."""
    shown = ROOT / "docs" / f"{page}.md"
    write_named(shown, tmp_path)
    if not (tmp_path / "shop.py").exists():
        (tmp_path / "test_page.py").write_text("\n".join(snippets(shown)))
    count = sum(
        len(re.findall(r"^ *(?:async )?def test_", file.read_text(), re.MULTILINE)) for file in tmp_path.glob("test_*.py")
    )

    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "pydynox_pytest", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider",
            "-W", "ignore::DeprecationWarning",
        ],
        cwd=tmp_path, env={**PATIENT, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == (0 if count else 5), done.stdout + done.stderr
    assert re.search(rf"^{count} passed" if count else "^no tests ran", done.stdout, re.MULTILINE), done.stdout


def test_the_readme_prints_what_it_says(tmp_path: pathlib.Path) -> None:
    first = snippets(ROOT / "README.md")[0]

    assert ran(first, tmp_path) == "User(user_id='u1', name='Ada', age=1, tags=['admin'])\n"


def test_the_quickstart_tells_the_same_story_awaited_and_blocking(tmp_path: pathlib.Path) -> None:
    told = ran((ROOT / "examples" / "quickstart.py").read_text(), tmp_path)

    awaited, _, blocking = told.removeprefix("awaited\n").partition("blocking\n")
    assert awaited == blocking
    assert "User(user_id='u1', name='Ada', age=1, tags=['admin'])" in awaited
    assert "deleted it: None" in awaited


def anchors(page: pathlib.Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_links_between_pages_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
            inside = re.fullmatch(REPOSITORY, link)
            if link.startswith(("http:", "https:")) and not inside:
                continue
            path, _, anchor = (inside[1] if inside else link).partition("#")
            target = (ROOT if inside else page.parent) / path if path else page
            assert target.exists(), f"{page.name} links to {link}"
            assert not anchor or anchor in anchors(target), f"{page.name} links to {link}, a heading that is not there"
