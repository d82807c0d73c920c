"""Write the tree of errors into docs/errors.md and pydynox.exceptions, from the classes; ``--check`` fails where one is stale."""

from __future__ import annotations

import ast
import pathlib
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "python" / "pydynox" / "exceptions.py"
PAGE = ROOT / "docs" / "errors.md"
OPEN, CLOSE = "```text\nPydynoxError", "```\n"
COLUMN = 54


class Error(NamedTuple):
    """What the source says of a class."""

    name: str
    parent: str
    others: tuple[str, ...]
    summary: str
    attributes: tuple[str, ...]


def errors() -> list[Error]:
    """All classes in the order of the source, the root left out."""
    found: list[Error] = []
    for node in ast.parse(SOURCE.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name != "PydynoxError":
            parent, *others = (base.id for base in node.bases if isinstance(base, ast.Name))
            lines = (ast.get_docstring(node) or "").split("\n")
            summary = lines[0].replace("``", "").rstrip(".").partition(";")[0]
            attributes = [line.strip().split(":")[0] for line in lines if line.startswith("    ") and line[4:5].isidentifier()]
            found.append(Error(node.name, parent, tuple(others), summary, tuple(attributes)))
    return found


def tree(all_errors: list[Error], *, with_attributes: bool) -> list[str]:
    """The lines of the tree."""
    lines = ["PydynoxError"]

    def branch(parent: str, before: str) -> None:
        children = [error for error in all_errors if error.parent == parent]
        for error in children:
            is_last = error is children[-1]
            others = f" (also {', '.join(error.others)})" if error.others else ""
            head = f"{before}{'└── ' if is_last else '├── '}{error.name}{others}"
            attributes = "".join(f" .{name}" for name in error.attributes) if with_attributes else ""
            mark = ";" if attributes else ""
            lines.append(f"{head:<{COLUMN}} {error.summary}{mark}{attributes}".rstrip())
            branch(error.name, before + ("    " if is_last else "│   "))

    branch("PydynoxError", "")
    return lines


def main() -> int:
    """Write both, or with ``--check`` say whether they are as they would be written."""
    all_errors = errors()
    stale: list[pathlib.Path] = []
    for path in (SOURCE, PAGE):
        text = path.read_text()
        before, _, rest = text.partition(OPEN)
        after = rest[rest.index(CLOSE) :]
        lines = tree(all_errors, with_attributes=path is PAGE)
        made = f"{before}```text\n" + "\n".join(lines) + f"\n{after}"
        if made != text:
            stale.append(path)
            if "--check" not in sys.argv:
                path.write_text(made)
    if stale and "--check" in sys.argv:
        print(f"stale: {', '.join(str(path.relative_to(ROOT)) for path in stale)}; run python tools/gen_errors.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
