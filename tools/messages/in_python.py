"""Finds the texts of errors in the Python package: follows each string to the exception that it ends in."""

from __future__ import annotations

import ast
import functools
from typing import TYPE_CHECKING

from messages.message import Message, one_line, placeholder, words

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
Naming = ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr
#: Calls whose result contains their argument.
TRANSPARENT = {
    "join",
    "format",
    "str",
    "append",
    "extend",
    "insert",
    "replace",
    "capitalize",
    "next",
    "dict",
    "list",
    "tuple",
    "get",
}
#: A function of another file that is called this often has too common a name to be followed.
MANY = 12
NOTE = "add_note"
ENDINGS = ("Error", "Warning", "ExceptionGroup")


class Module:
    """A parsed file, with the parent of each node."""

    def __init__(self, path: pathlib.Path, name: str) -> None:
        self.name = name
        self.tree = ast.parse(path.read_text())
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.uses: dict[str, list[ast.Name]] = {}
        for node in self.parents:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self.uses.setdefault(node.id, []).append(node)

    def function_around(self, node: ast.AST) -> Function | None:
        """The function in which a node is."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, Function):
                return node
        return None


class Package:
    """All modules, and where functions are defined and called."""

    def __init__(self, root: pathlib.Path, files: list[pathlib.Path]) -> None:
        self.modules = [Module(path, str(path.relative_to(root))) for path in files]
        self.defined: dict[str, list[tuple[Module, Function]]] = {}
        self.called: dict[str, list[tuple[Module, ast.Call]]] = {}
        self._carriers: dict[ast.AST, set[tuple[str, bool]]] = {}
        self._made: dict[Function, frozenset[str]] = {}
        for module in self.modules:
            for node in ast.walk(module.tree):
                if isinstance(node, Function):
                    self.defined.setdefault(node.name, []).append((module, node))
                elif isinstance(node, ast.Call):
                    self.called.setdefault(called(node), []).append((module, node))

    def messages(self) -> Iterator[Message]:
        """Every text that ends in an exception, a warning or a note of one."""
        for module in self.modules:
            for node in strings(module):
                text = one_line(rendered(node))
                if " " in text and words(text) > 1:
                    for carrier, is_part in sorted(self.carriers(module, node)):
                        yield Message(carrier, text, module.name, is_part)

    def carriers(self, module: Module, node: ast.AST) -> set[tuple[str, bool]]:
        """The classes whose message has the value of the node, and whether it is only a part of it."""
        if node not in self._carriers:
            self._carriers[node] = set()  # where a text comes round to itself
            self._carriers[node] = self._followed(module, node)
        return self._carriers[node]

    def _followed(self, module: Module, node: ast.AST) -> set[tuple[str, bool]]:
        is_part = False
        while node in module.parents:
            parent = module.parents[node]
            found: set[tuple[str, bool]] | None = None
            if isinstance(parent, ast.Call) and node is not parent.func:
                found = self._of_argument(module, parent)
            elif isinstance(parent, ast.FormattedValue):
                is_part = True
            elif isinstance(parent, ast.Return | ast.Yield):
                found = self._of_calls(module, parent)
            elif isinstance(parent, Naming):
                is_part = is_part or isinstance(parent, ast.AugAssign)
                found = self._of_name(module, parent)
            elif isinstance(parent, ast.Compare | ast.Assert | ast.stmt):
                return set()
            if found is not None:
                return {(carrier, is_part or part) for carrier, part in found}
            node = parent
        return set()

    def _of_argument(self, module: Module, call: ast.Call) -> set[tuple[str, bool]] | None:
        name = called(call)
        if name.endswith(ENDINGS):
            return {(name, False)}
        if name == NOTE:
            return {(NOTE, False)}
        if name == "warn":
            classes = [
                argument.id for argument in call.args if isinstance(argument, ast.Name) and argument.id.endswith("Warning")
            ]
            return {(classes[0] if classes else "UserWarning", False)}
        if (
            name in {"append", "extend", "insert"}
            and isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
        ):
            return self._of_uses(module, call.func.value.id, call)
        if name in TRANSPARENT:
            return None
        near = self._near(module, name)
        return {(made, not refuses(function)) for other, function in near for made in self.made(other, function)}

    def _near(self, module: Module, name: str) -> list[tuple[Module, Function]]:
        """The functions of this name: those of the same file, if it has any."""
        everywhere = self.defined.get(name, [])
        return [found for found in everywhere if found[0] is module] or (everywhere if len(everywhere) < MANY else [])

    def made(self, module: Module, function: Function) -> frozenset[str]:
        """The exceptions that a function makes of what it is given."""
        if function not in self._made:
            self._made[function] = frozenset()
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and uses_parameter(function, node)]
            found = {called(call) for call in calls if called(call).endswith(ENDINGS)}
            if not found:
                near = [found for call in calls for found in self._near(module, called(call))]
                found = {made for other, callee in near if refuses(callee) for made in self.made(other, callee)}
            self._made[function] = frozenset(found)
        return self._made[function]

    def _of_calls(self, module: Module, node: ast.AST) -> set[tuple[str, bool]]:
        function = module.function_around(node)
        if function is None or function.name.startswith("__"):
            return set()
        calls = self.called.get(function.name, [])
        near = [call for call in calls if call[0] is module] or (calls if len(calls) < MANY else [])
        return {carrier for other, call in near for carrier in self.carriers(other, call)}

    def _of_name(self, module: Module, node: Naming) -> set[tuple[str, bool]]:
        targets: list[ast.expr] = node.targets if isinstance(node, ast.Assign) else [node.target]
        found: set[tuple[str, bool]] = set()
        for target in targets:
            for name in ast.walk(target):
                if isinstance(name, ast.Name):
                    found |= self._of_uses(module, name.id, node)
        return found

    def _of_uses(self, module: Module, name: str, node: ast.AST) -> set[tuple[str, bool]]:
        """What becomes of a name, in the function around the node or else in every module."""
        function = module.function_around(node)
        found: set[tuple[str, bool]] = set()
        if function is None and not name.isupper():
            return found
        for other in [module] if function else self.modules:
            for use in other.uses.get(name, ()):
                if function is None or is_within(module, use, function):
                    found |= self.carriers(other, use)
        return found


def is_within(module: Module, node: ast.AST, function: Function) -> bool:
    """Whether a node is in a function, or in one that is defined in it."""
    while node in module.parents:
        node = module.parents[node]
        if node is function:
            return True
    return False


def called(call: ast.Call) -> str:
    """The last name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""


def refuses(function: Function) -> bool:
    """Whether all that a function does is to raise an exception, or to make one."""
    return function.returns is not None and ast.unparse(function.returns).endswith((*ENDINGS, "NoReturn"))


@functools.cache
def parameters(function: Function) -> frozenset[str]:
    """Names of parameters, and of what is made of them."""
    arguments = function.args
    names = {argument.arg for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node.value)):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(names - {"self", "cls"})


def uses_parameter(function: Function, call: ast.Call) -> bool:
    """Whether a call is given what the function was given."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(isinstance(part, ast.Name) and part.id in parameters(function) for value in given for part in ast.walk(value))


def strings(module: Module) -> Iterator[ast.expr]:
    """The outermost node of each string: a sum of strings is one text. Strings that stand alone document something."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.JoinedStr | ast.Constant) or not isinstance(getattr(node, "value", ""), str):
            continue
        parent = module.parents.get(node)
        if isinstance(parent, ast.Expr | ast.JoinedStr):
            continue
        whole: ast.expr = node
        while isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add) and parent.left is whole:
            whole, parent = parent, module.parents[parent]
        if not (isinstance(parent, ast.BinOp) and parent.right is whole):
            yield whole


def rendered(node: ast.AST) -> str:
    """The template: text as it is, and the rest as placeholders."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(rendered(value) for value in node.values)
    if isinstance(node, ast.FormattedValue):
        return rendered(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return rendered(node.left) + rendered(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return rendered(node.left)
    names = [
        part.id if isinstance(part, ast.Name) else part.attr
        for part in by_position(node)
        if isinstance(part, ast.Name | ast.Attribute)
    ]
    return placeholder(names)


def by_position(node: ast.AST) -> list[ast.expr]:
    """The expressions of a node in the order in which they end."""
    found = [part for part in ast.walk(node) if isinstance(part, ast.Name | ast.Attribute)]
    return sorted(found, key=lambda part: (part.end_lineno or 0, part.end_col_offset or 0))
