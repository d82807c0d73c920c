"""The laws of the house (docs/architecture.md), as far as a test can see them."""

from __future__ import annotations

import ast
import pathlib
import re
import subprocess
import sys

import pytest

from tests import python_imports, rust_imports

ROOT = pathlib.Path(__file__).parent.parent.parent
PYTHON = ROOT / "python" / "pydynox"
CORE = ROOT / "crates" / "pydynox-core" / "src"
BORDER = ROOT / "crates" / "pydynox-python" / "src"


def test_the_core_knows_neither_python_nor_an_sdk() -> None:
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "-p", "pydynox-core", "-e", "normal", "--prefix", "none"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip

    assert "pydynox-core" in tree
    assert not re.search(r"^(pyo3|aws-|dynoxide|libsqlite3)", tree, re.MULTILINE), tree


def imports_of(file: pathlib.Path) -> set[str]:
    """Modules that a file imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} if node.module else {alias.name for alias in node.names}
    return found


#: Rooms that schedule what users wrote, and so need asyncio's tasks.
SCHEDULES = {"_invocation"}

#: Files that have sockets of their own: for tests alone, and to look at an endpoint from the command line.
SERVERS = {"cli/_probe.py", "testing/_certificates.py", "testing/_wire.py", "testing/proxies.py"}


@pytest.mark.parametrize(
    "file",
    [file for file in sorted(PYTHON.rglob("*.py")) if str(file.relative_to(PYTHON)) not in SERVERS],
    ids=lambda file: file.stem,
)
def test_python_does_no_io(file: pathlib.Path) -> None:
    allowed = {"asyncio"} if file.relative_to(PYTHON).parts[0] in SCHEDULES else set()

    assert not imports_of(file) & {"asyncio", "threading", "socket", "ssl", "http", "urllib", "concurrent"} - allowed


#: The floors of the Python package from the ground up, for rooms and modules; a module's own name counts before that of its room.
#: A module uses those below it and those of its own floor, imports inside functions counted, those for checkers not.
PYTHON_FLOORS = [
    {"_shared.advice", "exceptions"},
    {"_declaration.options", "_shared", "batches.results", "default_client"},
    {
        "_client.connection",
        "_client.gather",
        "_cursors",
        "_observe",
        "attribute_objects",
        "attributes",
        "config",
        "cost",
        "credentials",
        "expressions",
        "keyrings",
        "local",
        "managed",
    },
    {"_declaration", "hooks"},
    {"_query", "batches", "key", "partiql", "query", "sync", "tables"},
    {"_model", "_repository", "collection", "document", "indexes", "model"},
    {"_explain", "_jobs", "coordination", "transaction"},
    {"_client", "client"},
    {"_invocation"},
    {"migrate", "streams"},
    {"__init__", "__main__", "cli", "integrations", "otel", "testing"},
]


def python_floor(module: str) -> int:
    """The floor that a module of the Python package, or its room, is named on."""
    for name in (module, module.partition(".")[0]):
        for number, names in enumerate(PYTHON_FLOORS):
            if name in names:
                return number
    raise AssertionError(f"name the floor of {module} in PYTHON_FLOORS")


def test_python_modules_use_only_what_is_below_them() -> None:
    for module, imports in python_imports.graph(PYTHON).items():
        above = {other for other in imports.at_run_time if python_floor(other) > python_floor(module)}
        assert not above, f"{module} uses {above}"


def test_no_two_python_modules_use_each_other() -> None:
    uses = {module: imports.at_run_time for module, imports in python_imports.graph(PYTHON).items()}

    assert rust_imports.circles(uses) == []


def test_no_two_python_modules_need_each_other_to_be_imported() -> None:
    uses = {module: imports.eager for module, imports in python_imports.graph(PYTHON).items()}

    assert rust_imports.circles(uses) == []


def test_the_top_of_the_python_package_is_small() -> None:
    assert len(list(PYTHON.glob("*.py"))) <= 25


#: Rooms that only those import who name them.
IMPORTED_BY_NAME = {"cli", "integrations.fastapi", "otel", "streams", "testing"}


def test_rooms_import_nothing_by_themselves() -> None:
    """Importing one module of a room imports the room first, which no floor shows: it must cost nothing."""
    for module, imports in python_imports.graph(PYTHON).items():
        if (PYTHON / module / "__init__.py").is_file() and module not in IMPORTED_BY_NAME:
            assert not imports.at_run_time, module


def test_few_python_files_are_long() -> None:
    files = [file for file in PYTHON.rglob("*.py") if file.name != "sync.py"]
    long = [file.name for file in files if len(file.read_text().splitlines()) > 400]

    assert len(long) <= len(files) / 20, long


def test_every_name_of_the_extension_is_used() -> None:
    """What the package does not use of `_core` is not exported: tests and benches go through public calls."""
    stub = ast.parse((PYTHON / "_core.pyi").read_text())
    exported = {node.name for node in stub.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    uses = {
        *(word for file in PYTHON.rglob("*.py") for word in re.findall(r"\w+", file.read_text())),
        # Types of other declarations, which exist for checkers alone or are returned, never named.
        *(node.id for node in ast.walk(stub) if isinstance(node, ast.Name)),
    }

    assert exported <= uses


#: The floors of the core from the ground up: a module uses those below it, and those of its own floor. What is sent, how it is
#: retried and how its values are protected is one floor: a transport says what it can repair, which a retry asks.
CORE_FLOORS = [
    {"clock", "error", "field_set", "problem", "process", "table_name", "time", "wakeups"},
    {"id", "number", "schema"},
    {"size", "wire"},
    {"expression", "start_key", "index_key", "export_lines", "stream_record"},
    {"operation"},
    {"call", "codec", "events", "retry", "transport"},
    {"transaction", "unique", "capacity", "limiter", "usage", "write"},
    {"client"},
    {"batch", "pagination", "coalesce", "cursor", "lock", "runtime"},
    {"reading"},
    {"lib"},
]


def test_modules_of_the_core_use_only_what_is_below_them() -> None:
    def floor(module: str) -> int:
        return next(number for number, modules in enumerate(CORE_FLOORS) if module.split("::", maxsplit=1)[0] in modules)

    for module, used in rust_imports.graph(CORE).items():
        above = {other for other in used if floor(other) > floor(module)}
        assert not above, f"{module} uses {above}"


@pytest.mark.parametrize("crate", ["core", "aws", "embedded"])
def test_no_two_files_use_each_other(crate: str) -> None:
    assert rust_imports.circles(rust_imports.graph(ROOT / "crates" / f"pydynox-{crate}" / "src")) == []


#: Of the border, files that are longer than 400 lines, each with the one reason that it changes for.
LONG = {
    "interpreter/bridge.rs": "the completion queue and the futures that it resolves share their slots",
    "interpreter/coroutine.rs": "one way to await what users wrote, with its cancellation and its end",
    "verbs/client.rs": "the verbs of a client, which pyo3 wants in one block",
}


#: Of the border, functions of more than 60 lines, each with why it is one.
LONG_FUNCTIONS = {
    "item/changes.rs changes": "one pass over the fields; what is taken out of it costs a call per attribute",
    "item/changes.rs compare": "one case for each way in which a value is known",
    "item/dump_value.rs value": "one case for each kind",
    "item/read.rs read_into": "one pass over the bytes of an item; what is taken out of it costs a call per attribute",
    "item/write.rs write_unless": "one pass over the fields; what is taken out of it costs a call per attribute",
    "model/schema.rs new": "one part of a schema after the other",
    "read/batch_get.rs answered": "one answer taken apart: what is open, what is sealed, what is left",
    "read/giving.rs decode": "one row after the other, and where the reading stands after each",
    "values/assignment.rs construct": "one field after the other, so that all that is wrong is told at once",
    "values/json_decode.rs read": "one case for each kind",
    "values/json_encode.rs write": "one case for each kind",
}


def long_functions(file: pathlib.Path) -> set[str]:
    """The functions of a file that have more than 60 lines."""
    lines = re.split(r"#\[cfg\(test\)\]\s*mod tests", file.read_text())[0].splitlines()
    found = set()
    for number, line in enumerate(lines):
        if head := re.match(r"(\s*)(?:pub(?:\(\w+\))? )?(?:const |async |extern \"C\" )*fn (\w+)", line):
            end = next((place for place, other in enumerate(lines[number:]) if other == head[1] + "}"), 0)
            if end >= 60:
                found.add(f"{file.relative_to(BORDER)} {head[2]}")
    return found


def test_a_long_function_of_the_border_says_why_it_is_long() -> None:
    long = set().union(*map(long_functions, BORDER.rglob("*.rs")))

    assert long == set(LONG_FUNCTIONS)


def long_files(source: pathlib.Path) -> set[str]:
    """The files of a crate that have more than 400 lines without their tests."""
    return {
        str(file.relative_to(source))
        for file in rust_imports.modules(source).values()
        if len(re.split(r"#\[cfg\(test\)\]\s*mod ", file.read_text())[0].splitlines()) > 400
    }


def test_a_long_file_of_the_border_says_why_it_is_long() -> None:
    assert long_files(BORDER) == set(LONG)


@pytest.mark.parametrize("crate", ["core", "aws", "embedded"])
def test_no_file_below_the_border_is_long(crate: str) -> None:
    assert long_files(ROOT / "crates" / f"pydynox-{crate}" / "src") == set()


#: The rooms of the border from the ground up; a room uses those below it, and files of its own floor.
ROOMS = [
    {"exceptions"},
    {"interpreter"},
    {"connection"},
    {"values"},
    {"model"},
    {"item"},
    {"answer"},
    {"read", "write"},
    {"verbs"},
    {"lib"},
]


def floor_of(module: str) -> int:
    """The floor of the room that a module of the border is in."""
    return next(number for number, rooms in enumerate(ROOMS) if module.split("::", maxsplit=1)[0] in rooms)


def test_rooms_of_the_border_use_only_what_is_below_them() -> None:
    for module, used in rust_imports.graph(BORDER).items():
        above = {other for other in used if floor_of(other) > floor_of(module)}
        assert not above, f"{module} uses {above}"


def test_modules_of_the_border_use_each_other_in_no_circle_but_the_one_of_values() -> None:
    uses = rust_imports.graph(BORDER)

    assert all(module.startswith("values::") for circle in rust_imports.circles(uses) for module in circle)
    assert len(list(BORDER.iterdir())) <= 12


def lines_without_tests(file: pathlib.Path) -> int:
    """The lines of a Rust file; none of a file of tests, and none of a module of tests within another."""
    if {"tests", "benches"} & set(file.parts) or file.name == "tests.rs":
        return 0
    code = re.sub(
        r"^( *)#\[cfg\(test\)\]\n *(?:pub(?:\(.*\))? )?mod \w+ \{\n.*?^\1\}\n",
        "",
        file.read_text(),
        flags=re.DOTALL | re.MULTILINE,
    )
    return code.count("\n") + 1


def test_the_border_is_a_small_part_of_the_rust_code() -> None:
    """It converts; what it would decide, and what it would keep without Python, belongs to the core."""
    lines = {crate: sum(map(lines_without_tests, crate.rglob("*.rs"))) for crate in (ROOT / "crates").iterdir()}

    assert lines[BORDER.parent] / sum(lines.values()) < 0.38


def test_unsafe_code_stands_in_one_file() -> None:
    offenders = [
        file.relative_to(ROOT)
        for file in (ROOT / "crates").glob("*/src/**/*.rs")
        if re.search(r"\bunsafe\s*(\{|fn|impl)", file.read_text()) and file.name != "ffi.rs"
    ]

    assert offenders == []
    assert "#![forbid(unsafe_code)]" in (CORE / "lib.rs").read_text()


def test_every_unsafe_block_says_why_it_is_safe() -> None:
    lines = (BORDER / "interpreter" / "ffi.rs").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.search(r"\bunsafe \{", line):
            before = "\n".join(lines[max(0, number - 5) : number])
            assert "// SAFETY:" in before, f"line {number + 1}: {line}"


def test_only_one_folder_knows_asyncio_and_the_interpreters_lock() -> None:
    for file in BORDER.rglob("*.rs"):
        code = "\n".join(line for line in file.read_text().splitlines() if not line.lstrip().startswith("//"))
        if re.search(r"asyncio|create_future|add_reader|Python::attach|try_attach|\.detach\(", code):
            assert file.parent.name == "interpreter", file.name


def test_threads_without_python_attach_in_one_place() -> None:
    """`attached_here` makes the interpreter's exit wait; any other thread that waits to attach may be ended within Rust."""
    attaching = {
        str(file.relative_to(BORDER)): len(re.findall(r"Python::(?:try_)?attach\(", file.read_text()))
        for file in BORDER.rglob("*.rs")
    }

    # Besides it: a destructor that Python calls, a slot that Python calls, and what has checked that the thread is attached.
    places = {"interpreter/coroutine.rs": 2, "interpreter/ffi.rs": 1, "interpreter/date.rs": 1}
    assert {file: count for file, count in attaching.items() if count} == places


def test_importing_pydynox_imports_nothing_heavy() -> None:
    heavy = ["asyncio", "threading", "logging", "json", "inspect", "dataclasses", "pydantic", "decimal", "datetime", "uuid"]
    code = f"import sys; before = set(sys.modules); import pydynox; print(*sorted((set(sys.modules) - before) & set({heavy!r})))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == []


def test_every_file_opens_with_a_sentence_about_what_it_owns() -> None:
    for file in [
        *PYTHON.rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
        *(ROOT / "benches").glob("*.py"),
        *(ROOT / "tools").glob("*.py"),
    ]:
        if text := file.read_text():
            assert ast.get_docstring(ast.parse(text)), file
    for file in (ROOT / "crates").rglob("src/**/*.rs"):
        assert file.read_text().startswith("//! "), file


def test_the_border_names_no_resend_and_no_intent() -> None:
    """Whether a write may be sent again and what a failed guard means is decided in the core."""
    named = [
        str(file.relative_to(BORDER)) for file in BORDER.rglob("*.rs") if re.search(r"\b(Resend|Intent)::", file.read_text())
    ]

    assert named == []


#: A file or folder named in prose: a path without placeholders, or a command that runs one.
NAMED = re.compile(
    r"`(?:python )?((?:[\w.-]+/)*[\w-]+\.(?:rs|py|pyi|md|txt|toml|json|lock|supp)|(?:crates|python|docs|tests|tools|\.ci)/[\w./-]+)`"
)
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def test_contributing_names_only_files_that_are_there() -> None:
    named = set(NAMED.findall(CONTRIBUTING))

    assert len(named) > 40
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_the_prose_of_architecture_names_only_files_that_are_there() -> None:
    page = re.sub(r"<!-- files of .*?<!-- end of files -->", "", (ROOT / "docs" / "architecture.md").read_text(), flags=re.DOTALL)
    folders = [PYTHON, *(ROOT / "crates").glob("*/src"), BORDER / "interpreter", ROOT]
    named = set(NAMED.findall(page))

    assert len(named) > 15
    assert sorted(name for name in named if not any((folder / name).exists() for folder in folders)) == []


#: The recipes of CONTRIBUTING.md: the example that each follows, and the files that it names for other reasons.
RECIPES = {
    "Adding a verb": ("pop", {"operation/delete_item.rs", "read/single.rs", "write/effect.rs", "write/single.rs"}),
    "Adding an attribute type": ("uuid", set()),
    "Adding an error": ("TokenReused", {"CHANGELOG.md"}),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_leads_through_the_files_of_its_example(recipe: str) -> None:
    example, others = RECIPES[recipe]
    steps = CONTRIBUTING.partition(f"## {recipe}\n")[2].partition("\n## ")[0]
    files = [ROOT / name for name in NAMED.findall(steps) if not name.startswith("tools/") and not name.endswith(tuple(others))]

    assert len(files) > 8
    assert [file for file in files if file.is_file() and example.lower() not in file.read_text().lower()] == []


#: Names that say how a value came, not what it is: a name says the noun that it holds (`constraint`, `options`, `item`).
VAGUE = frozenset(
    "said asked told made found known shown kept there teller taker mind mend mended_by ail ailment hole holes duty duties".split()
)

#: Comments, raw strings, strings and characters: what is no name.
NO_CODE = re.compile(r"""//[^\n]*|b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|'(?:\\.|[^\\'])'""", re.DOTALL)


def names_in(code: str) -> set[str]:
    """The identifiers of Rust code; those within a format string are names too."""
    inside = re.findall(
        r"(?<!\{)\{(\w+)(?=[:}])", "".join(text[0] for text in NO_CODE.finditer(code) if not text[0].startswith("//"))
    )
    return {*re.findall(r"\b[a-z_]\w*\b", NO_CODE.sub(" ", code)), *inside}


@pytest.mark.parametrize("crate", ["core", "aws", "embedded", "fuzz", "python"])
def test_rust_names_say_what_a_value_is(crate: str) -> None:
    named = {
        str(file.relative_to(ROOT)): sorted(names)
        for file in (ROOT / "crates" / f"pydynox-{crate}").rglob("*.rs")
        if (names := names_in(file.read_text()) & VAGUE)
    }

    assert named == {}


#: Names of functions that say a gesture, not what is done.
GESTURES = frozenset({"_tell", "_bring", "_insist", "_alone", "_looked", "_have"})
VAGUE_IN_PYTHON = frozenset({"said", "asked", "told", "made", "found", "known", "there", "shown"}) | GESTURES


def test_python_names_say_what_a_value_is() -> None:
    named: dict[str, set[str]] = {}
    for file in PYTHON.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            name = getattr(node, "name", None) if isinstance(node, ast.stmt) else getattr(node, "id", getattr(node, "arg", None))
            if name in VAGUE_IN_PYTHON:
                named.setdefault(str(file.relative_to(ROOT)), set()).add(name)

    assert named == {}
