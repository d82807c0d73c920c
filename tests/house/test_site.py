"""The site has every page, the reference every public name with an example, and the package shows nothing else."""

from __future__ import annotations

import importlib
import json
import pathlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from typing import Any

import pydynox
import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
REFERENCE = ROOT / "docs" / "reference"
DIRECTIVE = re.compile(r"^::: (pydynox[\w.]*)$", re.MULTILINE)
CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def of_site(name: str) -> Any:
    """A module of tools/site, which is no package."""
    sys.path.insert(0, str(ROOT / "tools" / "site"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def public_modules() -> list[str]:
    """Every module that can be imported by a name without underscores and says what it offers."""
    found = [pydynox.__name__]
    for module in pkgutil.walk_packages(pydynox.__path__, "pydynox."):
        if any(part.startswith("_") for part in module.name.split(".")) or module.name.startswith("pydynox.cli"):
            continue
        if hasattr(importlib.import_module(module.name), "__all__"):
            found.append(module.name)
    return found


def offered() -> dict[int, list[str]]:
    """Each public object, by its identity, and the names under which it is offered."""
    found: dict[int, list[str]] = {}
    for name in public_modules():
        module = importlib.import_module(name)
        for member in module.__all__:
            if member != "__version__":
                found.setdefault(id(getattr(module, member)), []).append(f"{name}.{member}")
    return found


def documented() -> dict[str, str]:
    """Each name in the reference and the text of its page."""
    return {
        name: text for page in sorted(REFERENCE.glob("*.md")) for text in [page.read_text()] for name in DIRECTIVE.findall(text)
    }


def test_every_public_name_has_one_entry() -> None:
    entries = [name for page in sorted(REFERENCE.glob("*.md")) for name in DIRECTIVE.findall(page.read_text())]
    missing = [names for names in offered().values() if not set(names) & set(entries)]

    assert missing == [], "add ::: NAME to a page of docs/reference"
    assert len(entries) == len(set(entries))
    assert set(entries) <= {name for names in offered().values() for name in names}


@pytest.mark.parametrize("name", sorted(documented()))
def test_every_entry_has_an_example(name: str) -> None:
    module, _, member = name.rpartition(".")
    own = getattr(importlib.import_module(module), member).__doc__ or ""
    shown = "\n".join(CODE.findall(documented()[name]))

    assert "Example:" in own or re.search(rf"\b{member}\b", shown), f"{name}: no example in its docstring or on its page"


def test_every_page_is_in_the_navigation_once() -> None:
    nav = of_site("nav")
    shown = [page for _, page in nav.pages(nav.NAV)]

    there = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")} | set(nav.ROOT_PAGES.values())
    there.add(nav.EXAMPLES_PAGE)
    assert sorted(shown) == sorted(there)


def test_the_site_shows_every_example_program() -> None:
    programs = {str(file.relative_to(ROOT / "examples")) for file in (ROOT / "examples").rglob("*.py")}

    assert set(of_site("nav").EXAMPLES) == programs


def test_the_page_of_calls_is_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "gen_calls.py", "--check"], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_no_page_asks_github_for_stars() -> None:
    settings = tomllib.loads((ROOT / "tools" / "site" / "site.toml").read_text())["project"]

    assert "repo_url" not in settings, "with it the theme's script asks an API on each page"
    assert settings["theme"]["font"] is False, "fonts would come from the network"


def test_the_search_can_be_loaded_by_a_page_from_disk(tmp_path: pathlib.Path) -> None:
    workers = tmp_path / "assets" / "javascripts" / "workers"
    workers.mkdir(parents=True)
    (workers / "search.0123.min.js").write_text('self.onmessage = message => "\\n";')
    (tmp_path / "search.json").write_text('{"items":[]}')

    of_site("build").write_search(tmp_path)

    index, worker = (tmp_path / "search.js").read_text().splitlines()
    assert index == 'var __index = {"items":[]};'
    assert json.loads(worker.removeprefix("var __search_worker = ").rstrip(";")) == 'self.onmessage = message => "\\n";'
    template = (ROOT / "tools" / "site" / "overrides" / "main.html").read_text()
    assert "assets/search.js" in template, "the theme's own worker does not start from disk"


def test_dir_shows_what_is_public() -> None:
    modules = {name.split(".")[1] for name in documented() if name.count(".") > 1}

    assert set(dir(pydynox)) == set(pydynox.__all__) | modules
    assert not [name for name in dir(pydynox) if name.startswith("_") and name != "__version__"]


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ('<h1 id="a">A</h1><a href="other.html">x</a>', "links to other.html, which is not there"),
        ('<h1 id="a">A</h1><a href="#b">x</a>', "links to #b, an anchor that is not there"),
        ('<h1>A</h1><a href="https://example.org/">x</a>', None),
        ('<h1>A</h1><script src="https://example.org/x.js"></script>', "fetches https://example.org/x.js"),
        ('<h1>A</h1><img src="x.png">', "fetches x.png, which is not there"),
        ('<h1>A</h1><link rel="canonical" href="https://example.org/">', None),
        ("<h2>A</h2>", "has 0 headings of the first level"),
        ("<h1>A</h1><h3>B</h3>", "goes from a heading of level 1 to one of level 3"),
        ('<h1 id="a">A</h1><a href="index.html#a">x</a>', None),
    ],
)
def test_what_is_wrong_with_a_page_is_found(page: str, problem: str | None, tmp_path: pathlib.Path) -> None:
    (tmp_path / "index.html").write_text(page)

    assert of_site("check").problems(tmp_path) == ([f"index.html {problem}"] if problem else [])
