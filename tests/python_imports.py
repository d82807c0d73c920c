"""Which modules of the Python package import which: when they are imported, when something is called, or for checkers alone."""

from __future__ import annotations

import ast
import pathlib
from typing import NamedTuple

PACKAGE = "pydynox"


class Imports(NamedTuple):
    """What one module imports, as names of modules without the package's own."""

    eager: set[str]
    lazy: set[str]
    checkers: set[str]

    @property
    def at_run_time(self) -> set[str]:
        return self.eager | self.lazy


def names(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Every module of the package by its name: ``client``, ``tables.table``; a room by its own, the package as ``__init__``."""
    modules = {}
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        modules[".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)] = file
    return modules


def graph(root: pathlib.Path) -> dict[str, Imports]:
    """What each module of the package imports of it."""
    modules = names(root)
    return {name: _imports(name, file, set(modules)) for name, file in modules.items()}


def _imports(name: str, file: pathlib.Path, modules: set[str]) -> Imports:
    is_room = file.name == "__init__.py" and name != "__init__"
    found = Imports(set(), set(), set())

    def targets(node: ast.ImportFrom) -> set[str]:
        module = (node.module or "").split(".")
        if node.level:
            above = [] if name == "__init__" else name.split(".")
            above = above[: len(above) - node.level + is_room]
            base = [*above, *filter(None, module)]
        elif module[0] == PACKAGE:
            base = module[1:]
        else:
            return set()
        both = {".".join([*base, alias.name]) for alias in node.names}
        whole = ".".join(base) or "__init__"
        inside = both & modules
        # `from pydynox import _core` is the extension, and `from pydynox import Model` the package itself.
        outside = {one for one in both if one not in modules and not one.startswith("_core")}
        return inside | ({whole} & modules if outside else set())

    def walk(nodes: list[ast.stmt], into: set[str]) -> None:
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                into.update(targets(node))
            elif isinstance(node, ast.If) and _is_type_checking(node.test):
                walk(node.body, found.checkers)
                walk(node.orelse, into)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                walk(node.body, found.lazy if into is not found.checkers else into)
            else:
                for field in ("body", "orelse", "finalbody"):
                    walk(getattr(node, field, []), into)
                for handler in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
                    walk(handler.body, into)

    walk(ast.parse(file.read_text()).body, found.eager)
    for part in found:
        part.discard(name)
    return found


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"
