"""Finds the texts of errors in the crates: follows each string outward to what makes an error of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from messages.message import Message, one_line, placeholder, words

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<text>b?r(?P<hashes>\#*)".*?"(?P=hashes)|[bc]?"(?:\\.|[^"\\])*")
    |(?P<char>b?'(?:\\(?:u\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{2}|.)|[^'\\\n])'|'[A-Za-z_]\w*)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<mark>::|->|=>|\d[\w.]*|.)""",
    re.VERBOSE | re.DOTALL,
)
TESTS = re.compile(r"^#\[cfg\(test\)\]\n(?:pub(?:\(\w+\))? )?mod tests \{.*", re.MULTILINE | re.DOTALL)
CONSTANT = re.compile(r"^\s*(?:pub(?:\([^)]*\))? )?(?:const|static) (\w+): [^=;]+= ([^;{]+);", re.MULTILINE)
OPEN, CLOSE = "([{", ")]}"
KIND = re.compile(r'ErrorKind::(\w+)(?: \{ \.\. \})? => "(\w+)"')
#: What a text is in when it does not say a class itself: the type that carries it to one, and what that becomes.
TYPES = {
    "Problem": "ValidationError", "Unreadable": "SerializationError",
    "WireError": "InvalidResponseError", "Malformed": "InvalidResponseError",
    "FormError": "ConfigurationError", "TimeError": "ValidationError", "NumberError": "ValidationError",
    "TransportError": "ConnectionFailedError", "DynoxideError": "InvalidRequestError",
}  # fmt: skip
#: What makes an error in the border, besides exceptions of Python.
MAKERS = {
    "configuration_error": "ConfigurationError", "validation_error": "ValidationError", "validation_errors": "ValidationError",
    "misfit": "SerializationError", "unusable": "InvalidResponseError",
    "internal": "InternalError", "item_not_found": "ItemNotFoundError",
    "of_record": "SerializationError", "warn": "UserWarning",
}  # fmt: skip
#: A macro or call that passes a text on.
FORMATS = {"format", "write", "writeln", "format_args", "panic"}
#: What a reader of a log sees, or nobody: no error.
SILENT = {
    "assert",
    "debug_assert",
    "assert_eq",
    "expect",
    "unreachable",
    "import",
    "getattr",
    "call_method1",
    "call_method0",
    "intern",
    "Regex",
}
#: What carries the texts of files that leave this to their callers.
CALLED = {"values/rules.rs": "ValidationError", "time/write.rs": "ValidationError", "item/rules.rs": "ValidationError"}
WARNING = re.compile(r'"(\w+Warning)"')
DEPTH = 4


class Token(NamedTuple):
    """A piece of source."""

    kind: str
    text: str


class Source:
    """A file as tokens, with the bracket around each and the function around each."""

    def __init__(self, path: pathlib.Path, name: str) -> None:
        self.name = name
        self.text = TESTS.sub("", path.read_text())
        self.tokens = [
            Token(match.lastgroup or "", match[0])
            for match in TOKEN.finditer(self.text) if match.lastgroup != "skip"
        ]  # fmt: skip
        self.tokens = [
            Token("text" if '"' in token.text and token.kind != "char" else token.kind, token.text) for token in self.tokens
        ]
        self.around: list[int] = []
        self.end: dict[int, int] = {}
        self.function: list[str] = []
        self.bodies: dict[str, list[tuple[int, int]]] = {}
        self._nest()

    def _nest(self) -> None:
        stack: list[int] = [-1]
        names: dict[int, str] = {-1: ""}
        pending = ""
        for place, (kind, text) in enumerate(self.tokens):
            if kind == "mark" and text in CLOSE and len(stack) > 1:
                self.end[stack.pop()] = place
            self.around.append(stack[-1])
            self.function.append(names[stack[-1]])
            if kind == "word" and text == "fn":
                pending = self.tokens[place + 1].text
            elif kind == "mark" and text == ";" and len(stack) == 1:
                pending = ""
            elif kind == "mark" and text in OPEN:
                names[place] = names[stack[-1]]
                if text == "{" and pending:
                    names[place] = f"{pending}@{place}"
                    pending = ""
                stack.append(place)
        for opened, name in names.items():
            if name.endswith(f"@{opened}"):
                self.bodies.setdefault(name.partition("@")[0], []).append((opened, self.end.get(opened, len(self.tokens))))

    def body(self, place: int) -> tuple[int, int] | None:
        """Where the body of the function around a token begins and ends."""
        opened = self.function[place].partition("@")[2]
        return (int(opened), self.end.get(int(opened), len(self.tokens))) if opened else None

    def ends_arm(self, place: int) -> bool:
        """Whether an arm of a match ends here; the brackets of a pattern do not end one."""
        mark, after = self.tokens[place].text, self.tokens[place + 1].text
        return mark == "," or (mark == "}" and after not in {"=>", "|", "if", ")"})

    def path_before(self, place: int) -> list[str]:
        """The names of what is called with the bracket at this place: ``Error::new(`` is Error and new."""
        names: list[str] = []
        place -= 1
        if place >= 0 and self.tokens[place].text == "!":
            place -= 1
        while place >= 0 and (self.tokens[place].kind == "word" or self.tokens[place].text in {"::", "."}):
            if self.tokens[place].kind == "word":
                names.insert(0, self.tokens[place].text)
            place -= 1
        return names


class Crates:
    """All crates, and which class each kind of error becomes."""

    def __init__(self, root: pathlib.Path, files: list[pathlib.Path]) -> None:
        self.sources = [Source(path, str(path.relative_to(root))) for path in files]
        whole = "\n".join(source.text for source in self.sources)
        self.kinds: dict[str, str] = dict(KIND.findall(whole))
        self.constants = values(CONSTANT.findall(whole))
        self.bodies: dict[str, list[tuple[Source, int, int]]] = {}
        self.words: dict[str, list[tuple[Source, int]]] = {}
        for source in self.sources:
            for name, spans in source.bodies.items():
                self.bodies.setdefault(name, []).extend((source, *span) for span in spans)
            for place, token in enumerate(source.tokens):
                if token.kind == "word":
                    self.words.setdefault(token.text, []).append((source, place))
        self._made: dict[tuple[str, int], str] = {}

    def messages(self) -> Iterator[Message]:
        """Every text that may be in an error; one whose carrier is not found has none."""
        for source in self.sources:
            for place, token in enumerate(source.tokens):
                if token.kind == "text" and " " in token.text and not token.text.startswith(("b", "c")):
                    text = one_line(self.rendered(source, place))
                    if words(text) > 1 and not self._is_silent(source, place):
                        carrier, is_part = self.carrier(source, place, DEPTH)
                        yield Message(carrier, text, source.name, is_part)

    def _is_silent(self, source: Source, place: int) -> bool:
        """Whether it is an attribute, or what only a developer reads."""
        while (place := source.around[place]) >= 0:
            before = source.path_before(place)
            if (before and before[-1] in SILENT) or source.tokens[place - 1].text == "#":
                return True
        return False

    def carrier(self, source: Source, place: int, depth: int) -> tuple[str, bool]:
        """The class whose message has the text at this place, and whether it is only a part of it."""
        is_part = False
        start = place
        while place >= 0 and depth:
            opened = source.around[place]
            if opened < 0:
                break
            if source.tokens[opened].text == "{":
                if kind := self._of_arm(source, place, opened):
                    return kind, is_part
                found = self._of_statement(source, place, opened, depth)
                if found:
                    return found[0], found[1] or is_part
            else:
                path = source.path_before(opened)
                found_class = self._of_call(source, path, opened)
                if found_class:
                    return found_class, is_part
                if path and path[-1] in FORMATS and self._is_argument(source, place, opened):
                    is_part = True
            place = opened
        return self._of_function(source, start, depth), is_part

    def _of_arm(self, source: Source, place: int, opened: int) -> str:
        """The class that the pattern names whose arm of a match has the text."""
        arrow = place
        while arrow > opened and not (source.around[arrow] == opened and source.tokens[arrow].text in {"=>", ",", ";"}):
            arrow -= 1
        if source.tokens[arrow].text != "=>":
            return ""
        start = arrow - 1
        while start > opened and not (source.around[start] == opened and source.ends_arm(start)):
            start -= 1
        kinds = [source.tokens[at + 2].text for at in range(start, arrow) if source.tokens[at].text == "ErrorKind"]
        return self.kinds.get(kinds[0], "") if kinds else ""

    def _is_argument(self, source: Source, place: int, opened: int) -> bool:
        """Whether it fills a placeholder of a format, and is not the format itself."""
        return any(source.tokens[other].kind == "text" and source.around[other] == opened for other in range(opened + 1, place))

    def _of_call(self, source: Source, path: list[str], opened: int) -> str:
        if not path:
            return ""
        name, owner = path[-1], path[-2] if len(path) > 1 else ""
        if owner.startswith("Py") and name in {"new_err", "from_type"}:
            return owner[2:]
        if name == "warn":
            body = source.body(opened) or (0, 0)
            named = [found[1] for token in source.tokens[slice(*body)] if (found := WARNING.fullmatch(token.text))]
            return named[0] if named else MAKERS[name]
        if name in MAKERS:
            return MAKERS[name]
        if owner in TYPES or name in TYPES:
            return TYPES.get(owner, "") or TYPES[name]
        for place in range(opened + 1, source.end.get(opened, opened)):
            if source.tokens[place].text == "ErrorKind" and source.around[place] == opened:
                return self.kinds.get(source.tokens[place + 2].text, "RequestError")
        return self.made(source, name, anywhere=True) if owner in {"", "Self", "self"} or name in source.bodies else ""

    def made(self, source: Source, name: str, *, anywhere: bool) -> str:
        """The class of the errors that a function of this name makes, if it makes one."""
        everywhere = self.bodies.get(name, [])
        room = source.name.removesuffix(".rs").rpartition("/")[0]
        near = [body for body in everywhere if body[0] is source] or [
            body for body in everywhere if body[0].name.startswith(room)
        ]
        classes = {self._made_by(*body) for body in near or (everywhere if anywhere else [])} - {""}
        return classes.pop() if len(classes) == 1 else ""

    def _made_by(self, source: Source, opened: int, end: int) -> str:
        key = (source.name, opened)
        if key not in self._made:
            self._made[key] = ""
            returned = "".join(token.text for token in source.tokens[max(0, opened - 40) : opened]).rpartition("->")[2]
            if re.search(r"Error|PyErr|Result|Problem|Unreadable|Malformed|Refused|Unfit|Failure|Captured", returned):
                self._made[key] = self._in(source, opened, end)
        return self._made[key]

    def _in(self, source: Source, start: int, end: int) -> str:
        """The one class of error that is made between two places."""
        found: list[str] = []
        for place in range(start, end):
            token = source.tokens[place]
            if token.text == "ErrorKind" and place + 2 < end:
                found.append(self.kinds.get(source.tokens[place + 2].text, "RequestError"))
            elif token.kind == "word" and token.text in MAKERS and source.tokens[place + 1].text == "(":
                found.append(MAKERS[token.text])
            elif token.kind == "word" and re.fullmatch(r"Py\w+Error", token.text):
                found.append(token.text[2:])
            elif token.kind == "word" and token.text in TYPES and source.tokens[place + 1].text in {"::", "(", "{"}:
                found.append(TYPES[token.text])
        if found:
            return max(dict.fromkeys(found), key=found.count)
        for place in range(start, end - 1):
            if (
                source.tokens[place].kind == "word"
                and source.tokens[place + 1].text == "("
                and (made := self.made(source, source.tokens[place].text, anywhere=False))
            ):
                return made
        return ""

    def _of_statement(self, source: Source, place: int, opened: int, depth: int) -> tuple[str, bool] | None:
        """Where the text is given a name, what becomes of that name; in a literal of a type, that type."""
        path = source.path_before(opened)
        if path and path[-1] in TYPES:
            return TYPES[path[-1]], False
        start = place
        while start > opened + 1 and not (source.around[start - 1] == opened and source.tokens[start - 1].text in ";{}"):
            start -= 1
        if source.tokens[start].text != "let":
            return None
        named = [token.text for token in source.tokens[start + 1 : place] if token.kind == "word" and token.text != "mut"]
        body = source.body(place)
        if not named or body is None:
            return None
        for use in range(place + 1, body[1]):
            token = source.tokens[use]
            is_used = (
                token.text == named[0]
                if token.kind == "word"
                else token.kind == "text" and re.search(rf"\{{{named[0]}(:[^}}]*)?\}}", token.text)
            )
            if is_used:
                found, is_part = self.carrier(source, use, depth - 1)
                if found:
                    return found, is_part or token.kind == "text"
        return None

    def _of_function(self, source: Source, place: int, depth: int) -> str:
        """The class that the function around the text makes; else that of the places that call it, then of the file."""
        if called := next((carrier for file, carrier in CALLED.items() if source.name.endswith(file)), ""):
            return called
        body = source.body(place)
        if body is None:
            name = constant_around(source, place)
            for other, use in self.words.get(name, []):
                if (other, use) != (source, place) and other.body(use) and (found := self.carrier(other, use, depth - 1)[0]):
                    return found
        elif found := self._in(source, *body):
            return found
        else:
            name = source.function[place].partition("@")[0]
            calls = [call for call in self.words.get(name, []) if call[0] is source] or self.words.get(name, [])
            for other, use in calls if depth > 1 and len(calls) < DEPTH * 3 else []:
                if other.tokens[use - 1].text != "fn" and (found := self.carrier(other, use, depth - 1)[0]):
                    return found
        return self._in(source, 0, len(source.tokens) - 2) if depth == DEPTH else ""

    def rendered(self, source: Source, place: int) -> str:
        """The template: what a macro of formats fills in as placeholders."""
        literal = unquoted(source.tokens[place].text)
        opened = source.around[place]
        path = source.path_before(opened) if opened >= 0 else []
        if not path or path[-1] not in FORMATS:
            return literal
        given = iter(self._arguments(source, place, opened))

        def filled(found: re.Match[str]) -> str:
            if found[0] in {"{{", "}}"}:
                return found[0][0]
            name = found[1]
            if not name:
                return next(given, "<value>")
            if name in self.constants:
                return self.constants[name]
            return placeholder([name])

        return re.sub(r"\{\{|\}\}|\{(\w*)(?::[^}]*)?\}", filled, literal)

    def _arguments(self, source: Source, place: int, opened: int) -> list[str]:
        """The placeholders of the arguments after a format."""
        arguments: list[list[Token]] = [[]]
        for token_place in range(place + 1, source.end.get(opened, place)):
            token = source.tokens[token_place]
            if token.text == "," and source.around[token_place] == opened:
                arguments.append([])
            else:
                arguments[-1].append(token)
        return [
            self.constants.get(argument[-1].text) or placeholder([token.text for token in argument if token.kind == "word"])
            for argument in arguments[1:] if argument and not (len(argument) > 1 and argument[1].text == "=")
        ]  # fmt: skip


def constant_around(source: Source, place: int) -> str:
    """The name of the constant whose value the text is, or is part of."""
    while place > 0 and source.tokens[place].text not in {"const", "static"}:
        place -= 1
    return source.tokens[place + 1].text if place else ""


def unquoted(literal: str) -> str:
    """What a literal says."""
    if literal.startswith("r"):
        return literal[1:].strip("#")[1:-1]
    text = re.sub(r"\\\n\s*", "", literal[1:-1])
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": " ", "r": " "}.get(found[1], found[1]), text)


def values(constants: list[tuple[str, str]]) -> dict[str, str]:
    """What constants say that have one value everywhere."""
    found: dict[str, set[str]] = {}
    for name, value in constants:
        plain = re.sub(r"_(?=\d)", "", value.strip())
        if re.fullmatch(r'"[^"]*"', plain):
            found.setdefault(name, set()).add(plain[1:-1])
        elif re.fullmatch(r"[\d *+-]+", plain):
            factors = [int(factor) for factor in plain.split("*")] if re.fullmatch(r"[\d *]+", plain) else []
            product = 1
            for factor in factors:
                product *= factor
            found.setdefault(name, set()).add(str(product) if factors else "")
        else:
            found.setdefault(name, set()).add("")
    return {name: next(iter(said)) for name, said in found.items() if len(said) == 1 and next(iter(said))}
