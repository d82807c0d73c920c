"""The Python snippets of a page, and the files that they name."""

from __future__ import annotations

import pathlib
import re

SNIPPET = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")


def snippets(page: pathlib.Path) -> list[str]:
    """The snippets of a page, from top to bottom."""
    return SNIPPET.findall(page.read_text())


def write_named(page: pathlib.Path, folder: pathlib.Path) -> None:
    """Write the snippets that begin with the name of a file, such as ``# app.py``, into that file; later ones are appended."""
    files: dict[str, list[str]] = {}
    for snippet in snippets(page):
        if name := FILE.match(snippet):
            files.setdefault(name[1], []).append(snippet)
    for file, parts in files.items():
        (folder / file).write_text("\n".join(parts))
