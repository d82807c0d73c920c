"""Write the tables of files in docs/architecture.md: each file with the sentence that it opens with.

python tools/gen_architecture.py            # write
python tools/gen_architecture.py --check    # end with 1 where a table is not current
"""

from __future__ import annotations

import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent
OPENING = ("mod.rs", "__init__.py")
PAGE = ROOT / "docs" / "architecture.md"
TABLE = re.compile(r"(<!-- files of (\S+) -->\n).*?(<!-- end of files -->)", re.DOTALL)


def documentation(file: pathlib.Path) -> str:
    """The text that a file opens with, up to its first empty line."""
    if file.suffix == ".py":
        return " ".join((ast.get_docstring(ast.parse(file.read_text())) or "").partition("\n\n")[0].split("\n"))
    lines: list[str] = []
    for line in file.read_text().splitlines():
        if not line.startswith("//!") or (lines and line == "//!"):
            break
        lines.append(line.removeprefix("//!").strip())
    return " ".join(lines)


def sentence(file: pathlib.Path) -> str:
    """The first sentence of a file's own documentation."""
    text = documentation(file).replace("``", "`")
    first = re.match(r"(.*?[.:?])(?: [A-Z\[`]|$)", text)
    return (first[1] if first else text).rstrip(".:")


def is_listed(file: pathlib.Path, source: pathlib.Path) -> bool:
    """Whether a file has a row: not the root of a crate or of the package, and no tests."""
    name = file.relative_to(source)
    return str(name) not in ("lib.rs", "__init__.py", "__main__.py") and "tests" not in name.with_suffix("").parts


def rows(source: pathlib.Path) -> list[str]:
    """One line a file: those at the top first, then folder by folder, each after its own first sentence."""
    files = [file for file in (*source.rglob("*.rs"), *source.rglob("*.py")) if is_listed(file, source)]

    def place(file: pathlib.Path) -> tuple[str, bool, str]:
        folder = str(file.relative_to(source).parent)
        return ("" if folder == "." else folder, file.name not in OPENING, file.name)

    lines: list[str] = []
    for file in sorted(files, key=place):
        name = file.relative_to(source)
        shown = f"{name.parent}/" if file.name in OPENING else str(name)
        lines.append(f"| `{shown}` | {sentence(file).replace('|', chr(92) + '|')} |")
    return lines


def written(page: str) -> str:
    """The page with its tables regenerated."""

    def table(match: re.Match[str]) -> str:
        lines = ["", "| file | owns |", "|---|---|", *rows(ROOT / match[2]), ""]
        return match[1] + "\n".join(lines) + "\n" + match[3]

    return TABLE.sub(table, page)


def main() -> int:
    """Write or check."""
    before = PAGE.read_text()
    after = written(before)
    if "--check" in sys.argv[1:]:
        if before != after:
            print("docs/architecture.md is not current: run python tools/gen_architecture.py")
        return int(before != after)
    PAGE.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
