"""The page of messages has every text of an error: those that the tests expect, and those that the questions about errors show."""

from __future__ import annotations

import ast
import collections
import functools
import importlib
import itertools
import pathlib
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pydynox import exceptions

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parent.parent.parent
ENTRY = re.compile(r"^(?:####|-) (`+) ?(.*?) ?\1$")
#: What a pattern of `match=` has between texts, and the backslash before a character that means itself.
BETWEEN = re.compile(r"\.[*+?]+|\\[dwsS][*+]?|\[[^]]*\][*+?]?|\(\?[^)]*\)|[|^$]|\{\d+\}")
#: An expected text is looked for from so many words on, and most of its pairs of neighbours must be in one entry: names are the test's own.
WORDS, SHARE = 4, 0.5
#: An entry with fewer words besides its placeholders could be in any message.
PLAIN = 2
PLACEHOLDER = re.compile(r"<[^<>]*>")


@pytest.fixture(scope="module")
def tool() -> Any:
    """tools/gen_messages.py, which is no package."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return importlib.import_module("gen_messages")
    finally:
        sys.path.pop(0)


class Expected(NamedTuple):
    """A text that a test expects of an exception."""

    cls: str
    text: str
    place: str


@functools.cache
def entries() -> list[tuple[str, str]]:
    """Section and text of each entry of the page."""
    found, section = [], ""
    for line in (ROOT / "docs" / "messages.md").read_text().splitlines():
        section = line[3:] if line.startswith("## ") else section
        if entry := ENTRY.match(line):
            found.append((section, entry[2]))
    return found


def pairs(text: str) -> set[tuple[str, str]]:
    words = re.findall(r"\w+", text.lower())
    return set(itertools.pairwise(words))


@functools.cache
def places() -> dict[tuple[str, str], list[int]]:
    """Each pair of neighbouring words, and the entries that have it."""
    found: dict[tuple[str, str], list[int]] = collections.defaultdict(list)
    for place, (_, text) in enumerate(entries()):
        for pair in pairs(text):
            found[pair].append(place)
    return found


@functools.cache
def templates() -> list[tuple[str, re.Pattern[str]]]:
    """The longest text between placeholders of each entry that says enough, and the messages that it may be in."""
    split = [PLACEHOLDER.split(text) for _, text in entries() if len(re.findall(r"\w\w+", PLACEHOLDER.sub("", text))) >= PLAIN]
    return [(max(parts, key=len), re.compile(".*?".join(map(re.escape, parts)), re.DOTALL)) for parts in split]


def is_found(message: str) -> bool:
    """Whether an entry is in a message, with values for its placeholders; or most of a part of a message is in an entry."""
    in_message = any(text in message and template.search(message) for text, template in templates())
    return in_message or closest(message)[0] >= SHARE


def closest(text: str) -> tuple[float, set[str]]:
    """The share of a text's pairs that the closest entries have, and their sections."""
    asked = pairs(text)
    counts = collections.Counter(place for pair in asked for place in places().get(pair, ()))
    most = max(counts.values(), default=0)
    return most / len(asked), {entries()[place][0] for place, count in counts.items() if count == most}


def expected(tree: ast.AST, place: str) -> Iterator[Expected]:
    """The texts in `raises(Class, match=...)`, the longest of each pattern, and those that `str(error)` is compared with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("raises") and node.args:
            cls = ast.unparse(node.args[0]).rpartition(".")[2]
            patterns = [keyword.value for keyword in node.keywords if keyword.arg == "match"]
            if cls in exceptions.__all__ and patterns and isinstance(patterns[0], ast.Constant):
                parts = BETWEEN.split(str(patterns[0].value))
                yield Expected(cls, re.sub(r"\\(.)", r"\1", max(parts, key=len)), f"{place}:{node.lineno}")
        elif isinstance(node, ast.Compare) and any(
            re.match(r"str\(\w*(error|raised|caught)", ast.unparse(side)) for side in sides(node)
        ):
            for side in sides(node):
                if isinstance(side, ast.Constant):
                    yield Expected("", str(side.value), f"{place}:{node.lineno}")


def sides(node: ast.Compare) -> list[ast.expr]:
    return [node.left, *node.comparators]


def test_every_class_has_a_section() -> None:
    sections = {line[3:] for line in (ROOT / "docs" / "messages.md").read_text().splitlines() if line.startswith("## ")}

    assert set(exceptions.__all__) - {"PydynoxError"} <= sections


def test_the_page_has_what_tests_expect_and_mostly_under_its_class() -> None:
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    all_texts = [text for file in files for text in expected(ast.parse(file.read_text()), file.name)]
    texts = [text for text in all_texts if len(re.findall(r"\w+", text.text)) >= WORDS]

    found = [text for text in texts if is_found(text.text)]
    elsewhere = [text for text in found if text.cls and text.cls not in closest(text.text)[1]]

    # A short part of a message is mostly names of the test; `pytest -p tests.raised` compares whole messages, as they are raised.
    assert len(texts) > 200
    assert len(found) > 0.75 * len(texts), sorted(set(texts) - set(found))
    assert len(elsewhere) < 0.2 * len(found), elsewhere


def test_the_page_has_what_the_questions_about_errors_show() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "faq.md").read_text(), re.MULTILINE | re.DOTALL)
    texts = [
        part.value
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if (isinstance(node, ast.Call) and ast.unparse(node.func) == "raises") or ast.unparse(node).startswith("said = ")
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value
    ]

    assert [text for text in texts if not is_found(text)] == []
    assert len(texts) > 20


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('raise ConfigurationError(f"no {self.schema.name} here" + HINT)', {("ConfigurationError", "no <model> here<hint>", False)}),
        ('message = f"no {one!r} here"\nraise ValueError(message)', {("ValueError", "no <one> here", False)}),
        (
            'def fail(problem: str) -> NoReturn:\n    raise TypeError(f"the class {problem}")\nfail("has no key")',
            {("TypeError", "the class <problem>", False), ("TypeError", "has no key", False)},
        ),
        ('why = "it is gone"\nraise OSError(f"{path}: {why}, and so is the rest")', {
            ("OSError", "<path>: <why>, and so is the rest", False), ("OSError", "it is gone", True),
        }),
        ('def f():\n    """Says what it does."""\n    log.info("nothing went wrong")\n    "no error"', set()),
    ],
)  # fmt: skip
def test_texts_are_found_in_python(tool: Any, tmp_path: pathlib.Path, source: str, said: set[tuple[str, str, bool]]) -> None:
    file = tmp_path / "a.py"
    file.write_text("def around():\n" + "".join(f"    {line}\n" for line in source.splitlines()))

    found = {(message.carrier, message.text, message.is_part) for message in tool.Package(tmp_path, [file]).messages()}

    assert found == said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            'fn f(n: u8) -> Error { Error::new(ErrorKind::Cursor, format!("at most {MOST}, got {}", n)) }',
            ("CursorError", "at most 4096, got <number>", False),
        ),
        ('fn f() -> PyErr { PyTypeError::new_err("takes a \\"model\\", \\\n   not that") }', ("TypeError", 'takes a "model", not that', False)),
        (
            'fn refused(m: &str) -> Error { Error::new(ErrorKind::Cursor, m) }\nfn f() { refused("it is of another") }',
            ("CursorError", "it is of another", False),
        ),
        ('fn f() -> Error { let m = format!("no {{}} in {x}"); Error::new(ErrorKind::Cursor, m) }', ("CursorError", "no {} in <value>", False)),
        ('fn f(e: Kind) -> Text { match e { ErrorKind::Cursor => "it has expired".into(), _ => 1 } }', ("CursorError", "it has expired", False)),
        ('// "no text at all"\n#[doc = "nor is this"]\nfn f() -> Error { Problem::new("is too long") }', ("ValidationError", "is too long", False)),
        ('fn f() -> Error { Problem::new("is too long") }\n#[cfg(test)]\nmod tests { const A: &str = "is of a test"; }', (
            "ValidationError", "is too long", False,
        )),
    ],
)  # fmt: skip
def test_texts_are_found_in_rust(tool: Any, tmp_path: pathlib.Path, source: str, said: tuple[str, str, bool]) -> None:
    file = tmp_path / "a.rs"
    file.write_text(
        f'const MOST: usize = 4 * 1_024;\nfn name() {{ match k {{ ErrorKind::Cursor => "CursorError" }} }}\n{source}\n'
    )

    found = [(message.carrier, message.text, message.is_part) for message in tool.Crates(tmp_path, [file]).messages()]

    assert found == [said]
