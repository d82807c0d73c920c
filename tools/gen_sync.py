"""Write python/pydynox/sync.py, the blocking views, from the coroutines.

python tools/gen_sync.py            # write; needs ruff, which breaks the lines
python tools/gen_sync.py --check    # exit with 1 if the file differs from what the coroutines give
"""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys
from typing import NamedTuple

PACKAGE = pathlib.Path(__file__).resolve().parent.parent / "python" / "pydynox"
HEADER = '''"""The blocking views behind ``.sync``, for annotations. Written by tools/gen_sync.py: do not edit."""

# pyright: reportInconsistentOverload=false
# As in model.py.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, Unpack, overload

from ._core import run
from ._shared.timeout import NOT_GIVEN
from ._shared.typing import PK, SK, A, B, C, D, F, G, Row, Row_co, Several, SortD
from .batches.results import each

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta
    from os import PathLike

    from ._core import Instance
    from ._explain.explanation import Explanation
    from ._query.plan import Plan
    from ._repository.repository import Repository
    from ._shared.rejected import Rejected
    from ._shared.typing import R1, R2, R3, R4, ReadOptions, StatementOptions, Timeout, TransactionOptions, WriteOptions
    from .batches.results import QueryResult
    from .batches.writer import SyncBatchWriter
    from .client import DynamoDBClient
    from .coordination.locks import SyncLock
    from .coordination.outbox import Outbox, Publish
    from .coordination.tables import CoordinationTable
    from .cost import Progress
    from .exceptions import PydynoxError, SerializationError
    from .expressions import Action, Condition, Expr
    from .indexes import Index
    from .key import Key
    from .partiql import Statement
    from .query import Query
    from .streams.consuming import StreamReader
    from .streams.records import Record
    from .tables.description import Drift, TableDescription
    from .tables.options import TableOptions
    from .tables.table import Table, TableReport
    from .transaction import SyncTransaction
'''


class View(NamedTuple):
    """One class of the generated file."""

    module: str
    source: str
    name: str
    bases: str
    target: str
    row: str = ""  # what Self means in the source
    on_class: bool = False  # of the class methods, else of the others
    parts: tuple[tuple[str, str], ...] = ()  # modules and classes that the source inherits coroutines from


VIEWS = (
    View("model", "Model", "SyncModel", "(Generic[Row, PK, *SK])", "Any", row="Row", on_class=True),
    View("model", "Model", "SyncInstance", "(Generic[Row_co])", "Any", row="Row_co"),
    View(
        "_repository.repository",
        "Repository",
        "SyncRepository",
        "(Generic[Row])",
        "Repository[Row]",
        parts=(("_repository.reads", "RepositoryReads"), ("_repository.writes", "RepositoryWrites")),
    ),
    View("key", "Key", "SyncKey", "(Generic[Row_co])", "Key[Row_co]"),
    View("tables.table", "Table", "SyncTable", "(Generic[Row_co])", "Table[Row_co]"),
    View("query", "Query", "SyncQuery", "(Generic[Row])", "Query[Row]", row="SyncQuery[Row]"),
    View("indexes", "Index", "SyncIndex", "(Generic[Row, PK, SortD])", "Index[Row, PK, SortD]"),
    View("streams.consuming", "StreamReader", "SyncStreamReader", "(Generic[Row])", "StreamReader[Row]"),
    View("coordination.outbox", "Outbox", "SyncOutbox", "", "Outbox"),
    View(
        "client",
        "DynamoDBClient",
        "SyncClient",
        "",
        "DynamoDBClient",
        parts=(
            ("_client.items", "ItemCalls"),
            ("_client.batches", "BatchCalls"),
            ("_client.bulk", "BulkCalls"),
            ("_client.statements", "StatementCalls"),
            ("_client.explaining", "ExplainCalls"),
            ("_client.health", "HealthCalls"),
            ("_client.coordination", "CoordinationCalls"),
        ),
    ),
)
QUERY = ("query", "scan", "select", "keys")
#: Plain methods whose result has a view of its own, and what that is called in its place.
PURE = {
    "key": ("Key[", "SyncKey["),
    "index": ("Index[", "SyncIndex["),
    "transaction": ("Transaction", "SyncTransaction"),
    "batch_writer": ("BatchWriter", "SyncBatchWriter"),
    "lock": ("Lock", "SyncLock"),
    **dict.fromkeys(QUERY, ("Query[", "SyncQuery[")),
}
#: Plain methods whose result is of the same kind as what they are called on.
COPYING = (
    "filter",
    "limit",
    "page_size",
    "max_reads",
    "descending",
    "consistent_read",
    "timeout",
    "after",
    "before",
    "cursors",
    "paced",
    "on_invalid",
    "hydrate",
)
#: Plain methods that the view hands through.
PLAIN = ("explain",)
#: What is iterated: how its steps are opened, and whether each gives several rows.
ITERATED = {
    "__aiter__": ("__iter__", "open_rows()", True),
    "pages": ("pages", "open_pages(rows, ahead=True)", False),
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def generate() -> str:
    """The text of sync.py, but for line breaks: those are ruff's."""
    return HEADER + "".join(view_text(view) for view in VIEWS)


def view_text(view: View) -> str:
    """One view: a constructor and the blocking form of every coroutine."""
    sources = [class_body(module, name) for module, name in (*view.parts, (view.module, view.source))]
    shown = f"a ``{view.source}`` class" if view.on_class else f"a ``{view.source}``"
    text = f'\n\nclass {view.name}{view.bases}:\n    """The blocking form of {shown}."""\n\n    __slots__ = ("_target",)\n'
    text += f"\n    def __init__(self, target: {view.target}) -> None:\n        self._target = target\n"
    blank = "\n"
    for node in (node for source in sources for node in source.body):
        if isinstance(node, Function) and belongs(view, node):
            text += blank + method_text(view, node)
            blank = "" if "overload" in decorators(node) else "\n"
    return text


def class_body(module: str, name: str) -> ast.ClassDef:
    """A class of a module."""
    tree = ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)


def belongs(view: View, node: Function) -> bool:
    """Whether a method of the source has a blocking form in this view."""
    if node.name in ITERATED:
        return True
    plain = (*PURE, *COPYING, *PLAIN)
    if node.name.startswith("_") or not (isinstance(node, ast.AsyncFunctionDef) or node.name in plain):
        return False
    return ("classmethod" in decorators(node)) == view.on_class


def decorators(node: Function) -> list[str]:
    """The names of a method's decorators."""
    return [ast.unparse(decorator) for decorator in node.decorator_list]


def method_text(view: View, node: Function) -> str:
    """The blocking form of one method, or of one of its overloads."""
    result = annotation_text(view, node.returns)
    if node.name in ITERATED:
        return iterated_text(view, node, result)
    is_pure = node.name in PURE and not isinstance(node, ast.AsyncFunctionDef)
    if is_pure:
        result = result.replace(*PURE[node.name])
    if "overload" in decorators(node):
        return "    @overload\n" + signature(view, node, result, " ...")
    passed = call_arguments(node)
    call = f"self._target.{node.name}({passed})"
    if node.name in PLAIN and not isinstance(node, ast.AsyncFunctionDef):
        lines = [f"return {call}"]
    elif node.name == "select":
        call = call.replace("self._target", "target")  # its overloads have as many paths as there are types
        given = f"{call}.sync" if is_pure else f"run({call})"
        lines = ["target: Any = self._target", f"result: {result} = {given}", "return result"]
    elif is_pure or node.name in COPYING:
        lines = [f"result: {result} = {call}.sync", "return result"]
    elif result == "None":
        lines = [f"run({call})"]
    elif view.target == "Any":
        lines = [f"result: {result} = run({call})", "return result"]
    else:
        lines = [f"return run({call})"]
    doc = f'        """Blocking form of ``{view.source}.{node.name}``."""\n'
    return signature(view, node, result, "") + doc + "".join(f"        {line}\n" for line in lines)


def iterated_text(view: View, node: Function, result: str) -> str:
    """The blocking form of what gives an iterator."""
    name, opened, flat = ITERATED[node.name]
    result = result.replace("AsyncIterator[", "Iterator[")
    doc = f'        """Blocking form of ``{view.source}.{node.name}``."""\n' if not name.startswith("_") else ""
    body = f"        return each(self._target.{opened}, flat={flat})\n"
    return signature(view, node, result, "").replace(f"def {node.name}(", f"def {name}(") + doc + body


def signature(view: View, node: Function, result: str, end: str) -> str:
    """The ``def`` line."""
    parameters = [own_text(view, node.args), *parameter_texts(view, node.args)]
    return f"    def {node.name}({', '.join(parameters)}) -> {result}:{end}\n"


def own_text(view: View, args: ast.arguments) -> str:
    """``self``, of its own type where an overload is for some of them."""
    own = [*args.posonlyargs, *args.args][0]
    if own.annotation is None:
        return "self"
    return "self: " + ast.unparse(own.annotation).replace(f"{view.source}[", f"{view.name}[")


def parameter_texts(view: View, args: ast.arguments) -> list[str]:
    """The parameters after ``self`` (or ``cls``), one text each."""
    positional = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(positional) - len(args.defaults)) + list(args.defaults)
    texts = [parameter(view, arg, default) for arg, default in zip(positional, defaults, strict=True)]
    if args.posonlyargs:
        texts.insert(len(args.posonlyargs), "/")
    del texts[0]
    if args.vararg:
        texts.append("*" + parameter(view, args.vararg, None))
    elif args.kwonlyargs:
        texts.append("*")
    texts += [parameter(view, arg, default) for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    if args.kwarg:
        texts.append("**" + parameter(view, args.kwarg, None))
    return texts


def parameter(view: View, arg: ast.arg, default: ast.expr | None) -> str:
    """``name: type = default``."""
    text = f"{arg.arg}: {annotation_text(view, arg.annotation)}"
    return text if default is None else f"{text} = {ast.unparse(default)}".replace("'", '"')


def annotation_text(view: View, annotation: ast.expr | None) -> str:
    """An annotation, with what ``Self`` means in the view."""
    if annotation is None:
        return "Any"
    text = ast.unparse(annotation).replace("'", '"')
    return text.replace("Self", view.row) if view.row else text


def call_arguments(node: Function) -> str:
    """How the view hands its parameters on."""
    args = node.args
    passed = [arg.arg for arg in [*args.posonlyargs, *args.args][1:]]
    passed += [f"*{args.vararg.arg}"] if args.vararg else []
    passed += [f"{arg.arg}={arg.arg}" for arg in args.kwonlyargs]
    passed += [f"**{args.kwarg.arg}"] if args.kwarg else []
    return ", ".join(passed)


def formatted(text: str) -> str:
    """The text as ``ruff format`` writes it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(PACKAGE / "sync.py"), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def is_current(committed: str, text: str) -> bool:
    """Whether the committed file says the same; its line breaks are for ``ruff format --check``, so this needs no ruff."""
    return committed.startswith(HEADER) and ast.dump(ast.parse(committed)) == ast.dump(ast.parse(text))


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    target, text = PACKAGE / "sync.py", generate()
    if "--check" not in arguments:
        target.write_text(formatted(text), encoding="utf-8")
        return 0
    if target.exists() and is_current(target.read_text(encoding="utf-8"), text):
        return 0
    sys.stderr.write("python/pydynox/sync.py is stale: run python tools/gen_sync.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
