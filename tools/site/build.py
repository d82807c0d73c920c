"""Builds the site: stages the pages, lets Zensical render them, and checks what came out.

    python tools/site/build.py FOLDER

FOLDER receives the sources as staged and, in ``site``, the pages. Nothing is written into the clone.
"""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib
from typing import Any

from check import problems
from nav import BLOB, EXAMPLES, EXAMPLES_PAGE, NAV, ROOT, ROOT_PAGES, pages

HERE = pathlib.Path(__file__).parent
#: A link from a page of docs to another file of the repository.
UP = re.compile(r"\]\(\.\./([^)#]+)(#[^)]*)?\)")
#: README and the papers of the root name pages by their address on GitHub.
ABSOLUTE = re.compile(re.escape(BLOB) + r"docs/([\w-]+\.md)")

#: A relative link of a paper of the root.
OUTSIDE = re.compile(r"\]\((?!https?:|#)([\w./-]+)")
PICTURES = ("benches/results.svg",)
DOCS = {page.name for page in (ROOT / "docs").glob("*.md")}


def staged(text: str, *, root: bool) -> str:
    """A page with links that hold in the site."""

    def up(link: re.Match[str]) -> str:
        path, anchor = link[1], link[2] or ""
        if path in PICTURES:
            return f"]({pathlib.PurePath(path).name})"
        if (example := path.removeprefix("examples/")) in EXAMPLES:
            return f"]({EXAMPLES_PAGE}#{anchor_of(example)})"
        return f"]({ROOT_PAGES[path]}{anchor})" if path in ROOT_PAGES else f"]({BLOB}{path}{anchor})"

    text = UP.sub(up, text)
    for path, page in ROOT_PAGES.items():
        text = text.replace(f"({BLOB}{path}", f"({page}")
    text = ABSOLUTE.sub(r"\1", text)
    if root:
        text = re.sub(r"\]\(docs/([\w-]+\.md)", r"](\1", text)
        text = OUTSIDE.sub(
            lambda link: link[0] if link[1] in ROOT_PAGES.values() or link[1] in DOCS else f"]({BLOB}{link[1]}", text
        )
    return text


def anchor_of(example: str) -> str:
    """The anchor of a program on the page of examples."""
    return re.sub(r"\W+", "-", example).strip("-")


def examples() -> str:
    """A page with the programs in examples, as they are."""
    lines = [
        "# Example programs",
        "",
        f"What the folder [examples]({BLOB}examples) of the repository contains; the tests run all of it. The first five",
        "files are one service: [FastAPI](fastapi.md) explains it, and [deploying a service](deploying.md) takes it to AWS.",
    ]
    for example in EXAMPLES:
        source = (ROOT / "examples" / example).read_text().rstrip()
        lines += ["", f"## {example} {{ #{anchor_of(example)} }}", "", "```python", source, "```"]
    return "\n".join(lines) + "\n"


def stage(folder: pathlib.Path) -> None:
    """Copy every page into ``folder/docs``."""
    docs = folder / "docs"
    (docs / "reference").mkdir(parents=True)
    for page in sorted((ROOT / "docs").rglob("*.md")):
        (docs / page.relative_to(ROOT / "docs")).write_text(staged(page.read_text(), root=False))
    for path, name in ROOT_PAGES.items():
        (docs / name).write_text(staged((ROOT / path).read_text(), root=True))
    (docs / EXAMPLES_PAGE).write_text(examples())
    for path in PICTURES:
        shutil.copy(ROOT / path, docs / pathlib.PurePath(path).name)
    shutil.copytree(HERE / "assets", docs / "assets")
    shutil.copytree(HERE / "overrides", folder / "overrides")
    (folder / "python").symlink_to(ROOT / "python", target_is_directory=True)
    shutil.copy(HERE / "docstrings.py", folder / "python_docstrings.py")


def settings(nav: list[Any]) -> str:
    """The whole of ``zensical.toml``: the settings beside this file, and the navigation."""

    def item(title: str, value: Any) -> str:
        inner = f'"{value}"' if isinstance(value, str) else "[" + ", ".join(item(*entry) for entry in value) + "]"
        return f'{{ "{title}" = {inner} }}'

    entries = ",\n  ".join(item(*entry) for entry in nav)
    own = (HERE / "site.toml").read_text()
    return own.replace("[project]\n", f'[project]\ndocs_dir = "docs"\nsite_dir = "site"\nnav = [\n  {entries},\n]\n', 1)


def summary(text: str) -> str:
    """The first paragraph of a page, in one line."""
    for block in re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL).split("\n\n"):
        line = " ".join(block.split())
        if line and not line.startswith(("#", "|", "-", "<", "!", ":::")):
            return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", line)
    return ""


def write_twins(folder: pathlib.Path) -> None:
    """Put each page's Markdown beside it, and list all of them in ``llms.txt``."""
    about = tomllib.loads((HERE / "site.toml").read_text())["project"]
    lines = [f"# {about['site_name']}", "", f"> {about['site_description']}", ""]
    for section, entries in NAV:
        lines += [f"## {section}", ""]
        for title, page in pages([(section, entries)]):
            text = (folder / "docs" / page).read_text()
            twin = folder / "site" / page
            twin.parent.mkdir(exist_ok=True)
            twin.write_text(text)
            lines.append(f"- [{title}]({page}): {summary(text)}".rstrip(": "))
        lines.append("")
    (folder / "site" / "llms.txt").write_text("\n".join(lines))


def write_search(site: pathlib.Path) -> None:
    """Put index and worker of the search into a script, which a page opened from disk may load; see ``assets/search.js``."""
    (worker,) = (site / "assets" / "javascripts" / "workers").glob("search.*.js")
    index = (site / "search.json").read_text()
    (site / "search.js").write_text(f"var __index = {index};\nvar __search_worker = {json.dumps(worker.read_text())};\n")


def main() -> int:
    """Build into the folder that is named."""
    folder = pathlib.Path(sys.argv[1]).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    stage(folder)
    (folder / "zensical.toml").write_text(settings(NAV))
    done = subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=folder, check=False)
    if done.returncode:
        return done.returncode
    write_twins(folder)
    write_search(folder / "site")
    found = problems(folder / "site")
    for problem in found:
        print(problem, file=sys.stderr)
    count = len(list((folder / "site").rglob("*.html")))
    site = folder / "site"
    print(f"{count} pages: open {site}/index.html")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
