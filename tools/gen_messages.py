"""Writes docs/messages.md, every text of an error in the package and the crates; ``--check`` fails where the page is stale."""

from __future__ import annotations

import builtins
import pathlib
import re
import sys

from gen_errors import errors
from messages.in_python import Package
from messages.in_rust import Crates
from messages.message import PLACEHOLDER, Message, words
from messages.topics import Topic, topic_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "messages.md"
CRATES = ("core", "aws", "embedded", "python")
#: A piece of a message is listed if it has as many words.
PIECE = 3
INTRO = """\
# Every message

This page has the text of every error, warning and note that pydynox can produce, by class and by topic. Paste a message into the
search, or search this page for some of its words. The [questions about errors](faq.md) explain the most common ones by example,
[errors](errors.md) shows the tree of classes, and the [reference](reference/errors.md) their fields.

- `<name>` stands for one of your values: a class, an attribute, a number. The words around it are the same in every message.
- A message often begins with its place. `[2] put:` is the third operation of a batch or transaction, `User.key('u1'):` the item,
  `User.tags[3]` the place in a value, and `GetItem on table 'users':` the request.
- Details follow at the end, in parentheses: DynamoDB's code, the HTTP status, the number of attempts, the request id.
- A text that several classes share is listed under one of them. The class in your traceback is the right one.
- DynamoDB's own texts are passed on unchanged. Only those that the embedded engine says too are listed here.

`tools/gen_messages.py` writes this page from the sources.
"""
#: What else carries a message, and when.
OTHERS = {
    "TypeError": "An argument of the wrong type. It is refused at once, and nothing is sent.",
    "ValueError": "An argument of the right type that doesn't make sense.",
    "AttributeError": "A name that the class doesn't have, or an attribute that can't be set.",
    "RuntimeError": "A call at the wrong time or in the wrong place.",
    "ImportError": "An optional package isn't installed.",
    "NotImplementedError": "Something that this class can't do.",
    "OSError": "The operating system refused something.",
    "FileExistsError": "A file is in the way.",
    "TimeoutError": "The time has run out.",
    "KeyError": "A name that isn't there.",
    "IndexError": "A position that isn't there.",
    "SystemError": "The interpreter refused something.",
    "AssertionError": "A check of the test kit failed.",
    "ExceptionGroup": "Several errors at once; they are in `exceptions`.",
    "UserWarning": "Shown once per place, by Python's `warnings`.",
    "RuntimeWarning": "Shown once per place, by Python's `warnings`.",
    "CursorWarning": "Shown once per place, by Python's `warnings`.",
    "StoredFormWarning": "Shown once per place, by Python's `warnings`.",
    "ItemSizeWarning": "Shown once per place, by Python's `warnings`.",
    "BudgetExceededWarning": "Shown once per place, by Python's `warnings`.",
}
NOTES = "Notes"
PIECES = "Other texts"
LAST = {
    "Command line": "What the command `pydynox` prints to standard error before it ends with 1 or 2.",
    "Responses of a web service": "The `detail` of the responses that the [FastAPI integration](fastapi.md) sends for errors.",
    NOTES: "Added to another error, below its message (`add_note`).",
    PIECES: "Each of these is in errors of more than one class, often in the place of a `<name>`.",
}
#: Classes that users never see, and where their messages end up.
PRIVATE = {"CommandError": "Command line", "RefusedError": "Responses of a web service", "add_note": NOTES}
#: A file with texts of something else, though its callers make errors.
NO_ERRORS = ROOT / "crates/pydynox-aws/src/origin.rs"


def messages() -> list[Message]:
    """All texts in the sources."""
    package = [path for path in sorted((ROOT / "python").rglob("*.py")) if path.name != "sync.py"]
    crates = [
        path for crate in CRATES for path in sorted((ROOT / "crates" / f"pydynox-{crate}" / "src").rglob("*.rs"))
        if path.name != "tests.rs" and "tests" not in path.parts and path != NO_ERRORS
    ]  # fmt: skip
    return [*Package(ROOT / "python", package).messages(), *Crates(ROOT, crates).messages()]


def heading_of(message: Message, names: set[str]) -> str:
    """The section of a message."""
    carrier = message.carrier
    if message.file.startswith("crates/pydynox-embedded") and message.text[0].isupper():
        return "InvalidRequestError"
    if carrier in names or carrier in OTHERS:
        return carrier
    if carrier in PRIVATE:
        return PRIVATE[carrier]
    if hasattr(builtins, carrier):
        raise SystemExit(f"say in tools/gen_messages.py when a {carrier} is raised ({message.file}: {message.text})")
    return PIECES


def code(text: str) -> str:
    """The text as code, whatever quotes it has."""
    mark = "``" if "`" in text else "`"
    blank = " " if "`" in text[:1] + text[-1:] else ""
    return f"{mark}{blank}{text}{blank}{mark}"


def section(title: str, about: str, said: list[Message]) -> list[str]:
    """The lines of one class."""
    lines = ["", f"## {title}", "", about]
    if not said:
        return [*lines, "", "The message is DynamoDB's own text."]
    topics: dict[Topic, list[Message]] = {}
    for message in said:
        topics.setdefault(topic_of(message.file), []).append(message)
    for topic in sorted(topics):
        found = topics[topic]
        whole = sorted({message.text for message in found if not message.is_part}, key=str.lower)
        pieces = sorted(
            {message.text for message in found if message.is_part and words(message.text) >= PIECE} - set(whole), key=str.lower
        )
        if whole or pieces:
            lines += [
                "",
                f"### {title}: {topic.title}",
                "",
                f"{topic.remedy} See [{topic.title[0].lower()}{topic.title[1:]}]({topic.page}).",
            ]
        if pieces:
            lines += ["", "Parts of these messages:", "", *(f"- {code(piece)}" for piece in pieces)]
        for text in whole:
            lines += ["", f"#### {code(text)}"]
    return lines


def page() -> str:
    """The page as it should be."""
    ours = {"PydynoxError": "Any of the errors below.", **{error.name: error.summary for error in errors()}}
    sections: dict[str, list[Message]] = {name: [] for name in (*ours, *OTHERS, *LAST)}
    for message in messages():
        if re.search(r"\w", PLACEHOLDER.sub("", message.text)):
            sections[heading_of(message, set(ours))].append(message)
    lines = [INTRO.rstrip()]
    for name, said in sections.items():
        if name in ours and name != "PydynoxError":
            lines += section(name, f"{ours[name]}.", said)
        elif said:
            lines += section(name, OTHERS.get(name) or LAST[name], said)
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or with ``--check`` say whether it is as it would be written."""
    made = page()
    if PAGE.exists() and PAGE.read_text() == made:
        return 0
    if "--check" in sys.argv:
        print("stale: docs/messages.md; run python tools/gen_messages.py")
        return 1
    PAGE.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
