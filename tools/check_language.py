"""Check that the project's prose follows CONTRIBUTING.md: no phrase that tools/language.txt lists.

Checked are the documentation pages, the docstrings and comments of Python and Rust, and the string literals that are messages,
because users read those in errors, warnings and the command line's help. Code spans, code blocks and URLs are skipped, except for
the comments in code blocks.

python tools/check_language.py             # print each finding with what to write instead; exit with 1 if there is one
python tools/check_language.py FILE...     # check only these files
python tools/check_language.py --pending   # list files in tools/language_pending.txt that are not clean yet
"""

from __future__ import annotations

import ast
import io
import pathlib
import re
import sys
import tokenize
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULES = pathlib.Path(__file__).with_name("language.txt")
PENDING = pathlib.Path(__file__).with_name("language_pending.txt")
SOURCES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "NOTES.md",
    "docs/**/*.md",
    "examples/**/*.py",
    "python/**/*.py",
    "python/**/*.pyi",
    "tools/*.py",
    "benches/**/*.py",
    "crates/*/src/**/*.rs",
)
#: A literal with fewer words is a name or a fragment of syntax, not a message.
MESSAGE_WORDS = 3

FENCE = re.compile(r"^( *)(`{3,}|~{3,}).*?^\1\2`*[ \t]*$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
TARGET = re.compile(r"\]\([^)\s]*\)|<!--.*?-->|https?://\S+", re.DOTALL)
DOCTEST = re.compile(r"^[ \t]*(?:>>>|\.\.\.)(?: .*)?$", re.MULTILINE)
CODE_COMMENT = re.compile(r"(?:^|\s)(?:#|//) (.*)$", re.MULTILINE)
RUST = re.compile(
    r"""(?P<comment>//[^\n]*)|(?P<block>/\*.*?\*/)|b?r(?P<hashes>\#*)"(?P<raw>.*?)"(?P=hashes)"""
    r"""|b?"(?P<string>(?:\\.|[^"\\])*)"|b?'(?:\\[^']+|[^'\\])'""",
    re.DOTALL,
)
MARGIN = re.compile(r"[ \t]*\n[ \t]*|[ \t]+")
CONTINUED = re.compile(r"\\\n[ \t]*")
PREFIX = re.compile(r"//[/!]? ?")


class Rule(NamedTuple):
    """A phrase not to write, what to write instead, and a sentence that contains it."""

    find: re.Pattern[str]
    write: str
    example: str


class Prose(NamedTuple):
    """A passage of a file, and the line that each of its own lines stands for."""

    text: str
    lines: tuple[int, ...]


class Finding(NamedTuple):
    """A phrase found in a file."""

    path: pathlib.Path
    line: int
    phrase: str
    write: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {' '.join(self.phrase.split())!r}: {self.write}"


def rules() -> list[Rule]:
    """The rules of tools/language.txt; a space in a pattern also matches a line break."""
    found: list[Rule] = []
    for line in RULES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            find, write, example = line.split(" :: ")
            found.append(Rule(re.compile(find.replace(" ", r"\s"), re.IGNORECASE), write, example))
    return found


def blank(match: re.Match[str]) -> str:
    """A mark in place of code, with its line breaks, so that lines keep their numbers."""
    return "\N{BULLET}" + "\n" * match[0].count("\n")


def without_code(text: str) -> str:
    """Prose alone: code spans, code blocks, doctests and URLs left out."""
    text = FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    return SPAN.sub(blank, TARGET.sub(blank, DOCTEST.sub("", text)))


def even(text: str) -> str:
    """The same text with one blank, or one line break, between words."""
    return MARGIN.sub(lambda match: "\n" if "\n" in match[0] else " ", text)


def passage(text: str, line: int) -> Prose:
    """The text that begins at a line."""
    text = even(without_code(text))
    return Prose(text, tuple(range(line, line + text.count("\n") + 1)))


def of_markdown(source: str) -> Iterator[Prose]:
    """The text of a page, and the comments in its code blocks."""
    yield passage(source, 1)
    for block in FENCE.finditer(source):
        for comment in CODE_COMMENT.finditer(block[0]):
            line = 1 + source.count("\n", 0, block.start() + comment.start(1))
            yield Prose(SPAN.sub(blank, comment[1]), (line,))


def joined(comments: list[tuple[int, str]]) -> Iterator[Prose]:
    """Comments on adjacent lines as one passage, so that a phrase is found across a line break."""
    start = 0
    for position in range(1, len(comments) + 1):
        if position == len(comments) or comments[position][0] != comments[position - 1][0] + 1:
            group = comments[start:position]
            if group:
                yield passage("\n".join(text for _, text in group), group[0][0])
            start = position


class Literals(ast.NodeVisitor):
    """The docstrings and messages of a module."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[Prose] = []
        self._docstrings = {
            id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        self.visit(tree)

    def visit_Constant(self, node: ast.Constant) -> None:
        """A plain literal."""
        if isinstance(node.value, str):
            self._take(node.value, node.lineno, id(node) in self._docstrings)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """An f-string as one message; literals inside its expressions are messages of their own."""
        parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
        self._take("".join(map(str, parts)), node.lineno, is_docstring=False)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)

    def _take(self, text: str, line: int, is_docstring: bool) -> None:
        if is_docstring:
            self.found.append(passage(text, line))
        elif len(text.split()) >= MESSAGE_WORDS:
            self.found.append(Prose(even(SPAN.sub(blank, text)), (line,) * (text.count("\n") + 1)))


def of_python(source: str) -> Iterator[Prose]:
    """Docstrings, messages and comments."""
    yield from Literals(ast.parse(source)).found
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [(token.start[0], token.string.lstrip("#: ")) for token in tokens if token.type == tokenize.COMMENT]
    yield from joined(comments)


# A module of tests with its body, which ends at the first bracket on the margin; `mod tests;` names a file of its own.
TESTS = re.compile(r"^#\[cfg\(test\)\]\n(?:pub(?:\(\w+\))? )?mod \w+ \{.*?^\}$", re.DOTALL | re.MULTILINE)


def of_rust(source: str) -> Iterator[Prose]:
    """Comments and messages, those of tests left out; lines keep their numbers."""
    source = TESTS.sub(lambda match: "\n" * match[0].count("\n"), source)
    comments: list[tuple[int, str]] = []
    for match in RUST.finditer(source):
        line = 1 + source.count("\n", 0, match.start())
        if match["comment"]:
            comments.append((line, PREFIX.sub("", match["comment"], count=1)))
        elif match["block"]:
            yield passage(match["block"], line)
        else:
            text = CONTINUED.sub("", match["string"] or match["raw"] or "")
            if len(text.split()) >= MESSAGE_WORDS:
                yield Prose(even(SPAN.sub(blank, text)), (line,) * (text.count("\n") + 1))
    yield from joined(comments)


READERS = {".md": of_markdown, ".py": of_python, ".pyi": of_python, ".rs": of_rust}


def check(path: pathlib.Path, source: str, known: list[Rule]) -> list[Finding]:
    """What a file holds that should be written otherwise, by line."""
    found = [
        Finding(path, prose.lines[prose.text.count("\n", 0, match.start())], match[0], rule.write)
        for prose in READERS[path.suffix](source)
        for rule in known
        for match in rule.find.finditer(prose.text)
    ]
    return sorted(found, key=lambda finding: finding.line)


def pending() -> set[str]:
    """The files that are still to be rewritten."""
    if not PENDING.exists():
        return set()
    return {line for line in PENDING.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")}


def files() -> list[pathlib.Path]:
    """Every file with prose in it, relative to the root."""
    found = {path for pattern in SOURCES for path in ROOT.glob(pattern)}
    return sorted(path.relative_to(ROOT) for path in found if "tests" not in path.parts and path.name != "tests.rs")


def main(arguments: list[str]) -> int:
    """Check the files named, or all that are not pending."""
    known = rules()
    listed = pending()
    names = [pathlib.Path(name) for name in arguments if not name.startswith("-")]
    found: dict[str, list[Finding]] = {}
    for path in names or files():
        findings = check(path, (ROOT / path).read_text(encoding="utf-8"), known)
        if findings:
            found[path.as_posix()] = findings
    if "--pending" in arguments:
        print("\n".join(found))
        return 0
    shown = [finding for name, findings in found.items() if names or name not in listed for finding in findings]
    print("\n".join(map(str, shown)), end="\n" if shown else "")
    if not names:
        for name in sorted(listed - set(found)):
            print(f"note: {name} is clean: remove it from {PENDING.relative_to(ROOT)}")
    return int(bool(shown))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
