"""The language lint: it finds each phrase in each kind of text, with its line, and leaves code alone."""

import importlib.util
import pathlib
import sys
from typing import Any

import pytest

TOOL = pathlib.Path(__file__).parent.parent.parent / "tools" / "check_language.py"


def _load() -> Any:
    specification = importlib.util.spec_from_file_location("check_language", TOOL)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["check_language"] = module
    specification.loader.exec_module(module)
    return module


lint = _load()
RULES = lint.rules()
#: A file of each kind with a sentence in one place that users or readers see: suffix, text, line.
PLACES = {
    "page": (".md", "# Title\n\n{}\n", 3),
    "comment in a page's code": (".md", "# Title\n\n```python\nx = 1  # {}\n```\n", 4),
    "module docstring": (".py", '"""{}"""\n', 1),
    "docstring": (".py", 'def f():\n    """Sum.\n\n    {}\n    """\n', 4),
    "stub": (".pyi", 'def f() -> None:\n    """{}"""\n', 2),
    "comment": (".py", "x = 1  # {}\n", 1),
    "error text": (".py", 'def f(x):\n    raise ValueError(f"{{x}}: {}")\n', 2),
    "help text": (".py", "parser.add_argument(\n    '--x',\n    help=\"{}\",\n)\n", 3),
    "doc comment": (".rs", "/// {}\nfn f() {{}}\n", 1),
    "inner doc comment": (".rs", "//! {}\n", 1),
    "comment in Rust": (".rs", "let x = 1; // {}\n", 1),
    "message in Rust": (".rs", 'let c = \'"\';\nlet x = format!("{{c}} {}");\n', 2),
    "comment after tests in Rust": (".rs", "#[cfg(test)]\nmod tests {{\n    // tests\n}}\n\n// {}\nfn f() {{}}\n", 6),
    "raw message in Rust": (".rs", 'let x = r#"a "quoted" {}"#;\n', 1),
}


def _findings(suffix: str, text: str) -> list[Any]:
    found: list[Any] = lint.check(pathlib.Path(f"file{suffix}"), text, RULES)
    return found


@pytest.mark.parametrize("place", PLACES)
def test_each_rule_finds_its_sentence_in_each_kind_of_text(place: str) -> None:
    suffix, text, line = PLACES[place]

    missed = [
        rule.example
        for rule in RULES
        if (line, rule.write) not in {(finding.line, finding.write) for finding in _findings(suffix, text.format(rule.example))}
    ]

    assert missed == []


@pytest.mark.parametrize("suffix", [".md", ".py", ".rs"])
def test_a_phrase_is_found_across_a_line_break(suffix: str) -> None:
    text = {
        ".md": "It waits in\nvain.\n",
        ".py": "def f():\n    # It waits in\n    # vain.\n    pass\n",
        ".rs": "fn f() {\n    // It waits in\n    // vain.\n}\n",
    }[suffix]

    (finding,) = _findings(suffix, text)

    assert finding.phrase == "in\nvain"
    assert str(finding).endswith("'in vain': without effect")


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".md", "Call `said()`, not ``dear``.\n\n```python\ndear = said\n```\n\n[timeouts](time-outs.md)\n"),
        (".py", 'def f():\n    """Return ``said``.\n\n    Example:\n        >>> said(dear)\n    """\n    dear = "said"\n'),
        (".rs", 'fn f(said: &\'static str) { let dear = "said"; }\n#[cfg(test)]\nmod tests { // in vain\n}\n'),
    ],
)
def test_code_is_left_alone(suffix: str, text: str) -> None:
    assert _findings(suffix, text) == []


def test_plain_english_is_left_alone() -> None:
    text = """
    There is no such item, and none is written. There are no numbers here. Reads at most 100 items.
    Pass the region. The name stands for the table. The value is stored next to its key.
    From now on it is used. The request is sent at once. This is no longer needed. It is at most 5.
    """

    assert _findings(".md", text) == []


def test_a_finding_names_file_line_phrase_and_remedy() -> None:
    (finding,) = _findings(".md", "# Title\n\nA scan is dear.\n")

    assert str(finding) == "file.md:3: 'dear': expensive"


def test_pending_files_are_reported_when_named_and_skipped_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("A scan is dear.\n")
    (tmp_path / "CHANGELOG.md").write_text("Nothing to report.\n")
    (tmp_path / "pending.txt").write_text("# still to do\nREADME.md\nCHANGELOG.md\n")
    monkeypatch.setattr(lint, "ROOT", tmp_path)
    monkeypatch.setattr(lint, "PENDING", tmp_path / "pending.txt")

    code = lint.main([])
    note = capsys.readouterr().out
    named = lint.main(["README.md"])

    assert (code, named) == (0, 1)
    assert note == "note: CHANGELOG.md is clean: remove it from pending.txt\n"
    assert capsys.readouterr().out == "README.md:1: 'dear': expensive\n"


def test_a_new_finding_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("A scan is dear.\n")
    monkeypatch.setattr(lint, "ROOT", tmp_path)
    monkeypatch.setattr(lint, "PENDING", tmp_path / "pending.txt")

    assert lint.main([]) == 1
    assert capsys.readouterr().out == "README.md:1: 'dear': expensive\n"
