"""What commands share: one-line errors, tables and models by name, and output that needs the extra."""

from __future__ import annotations

import importlib
import os
import sys
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydynox.model import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pydynox.cost import Progress


_MODEL = "write a model as module:Class, such as app.models:User"


class CommandError(Exception):
    """A command cannot be carried out; the message fits on one line."""


def search_here() -> None:
    """Let modules in the working directory be imported."""
    if (here := os.getcwd()) not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)


def class_named(text: str) -> type[Any]:
    """The class that ``module:Class`` names; modules in the working directory can be imported."""
    value = object_named(text, _MODEL)
    if not isinstance(value, type):
        raise CommandError(f"{text} is not a model")
    return value


def object_named(text: str, remedy: str = "write it as module:NAME, such as app.keys:KEYRING") -> Any:
    """The object that ``module:NAME`` names; modules in the working directory can be imported."""
    module_name, _, class_name = text.partition(":")
    if not module_name or not class_name:
        raise CommandError(f"{remedy}, not {text!r}")
    search_here()
    try:
        value: Any = importlib.import_module(module_name)
    except Exception as error:
        raise CommandError(f"the module {module_name!r} cannot be imported: {type(error).__name__}: {error}") from error
    for name in class_name.split("."):
        if not hasattr(value, name):
            raise CommandError(f"the module {module_name!r} has no {class_name!r}")
        value = getattr(value, name)
    return value


def model_named(text: str) -> type[Model[Any]]:
    """The model that ``module:Class`` names, or that of the repository that ``module:repository`` names."""
    model: Any = object_named(text, _MODEL)
    if not isinstance(model, type):
        from pydynox._repository.repository import Repository  # here: it takes as long to import as a third of the rest

        model = model.model if isinstance(model, Repository) else None
    if model is None or Model not in model.__mro__:
        raise CommandError(f"{text} is not a model or a repository")
    return model  # type: ignore[no-any-return]


def table_named(text: str) -> str | type[Model[Any]]:
    """A table by its name or ARN, or by its model."""
    return model_named(text) if ":" in text and not text.startswith("arn:") else text


def printable(text: str) -> str:
    """A text that is safe to print: whatever would move the cursor, change colours or reorder letters is escaped.

    Example:
        >>> print(printable("red: \x1b[31m"))
        red: \x1b[31m
    """
    return escaped(text, lambda letter: repr(letter)[1:-1])


def escaped(text: str, escape: Callable[[str], str]) -> str:
    """Escape everything that a terminal obeys rather than shows; joiners between the letters of a word are kept."""
    if text.isprintable():
        return text
    return "".join(escape(letter) if _is_obeyed(letter) else letter for letter in text)


def _is_obeyed(letter: str) -> bool:
    # Unicode categories: control and format characters, lone surrogates, line and paragraph separators. The two exceptions are
    # ZERO WIDTH NON-JOINER and JOINER, which scripts such as Persian and Hindi need inside a word.
    return unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and letter not in {"\u200c", "\u200d"}


def say(text: str = "", *, error: bool = False) -> None:
    """Print one line for people."""
    print(printable(text), file=sys.stderr if error else sys.stdout)


def rich_module(name: str, purpose: str) -> Any:
    """A module of rich, which the extra ``cli`` installs."""
    try:
        return importlib.import_module(f"rich.{name}")
    except ModuleNotFoundError:
        raise CommandError(f"{purpose} needs the extra 'cli': pip install 'pydynox[cli]'") from None


@contextmanager
def progress_bar(title: str, total: int | None) -> Generator[Callable[[Progress], None]]:
    """Show a progress bar, unless stderr is not a terminal or the extra is not installed."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        progress = rich_module("progress", "a progress bar")
    except CommandError:
        yield lambda _: None
        return
    console = rich_module("console", "a progress bar").Console(stderr=True)
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TextColumn("{task.fields[counted]} items"),
        progress.TextColumn("{task.fields[detail]}"),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*columns, console=console, transient=True) as bar:
        escaped_title = rich_module("markup", "a progress bar").escape(printable(title))
        task = bar.add_task(escaped_title, total=total, counted="0", detail="")

        def report(done: Progress) -> None:
            counted = f"{done:,}" if done.total is None else f"{done:,} of {done.total:,}"
            bar.update(task, completed=done, total=done.total, counted=counted, detail=done.detail)

        yield report
