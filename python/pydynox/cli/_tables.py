"""``pydynox tables``: shows how tables differ from their models, and applies the changes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ._words import CommandError, model_named, say

if TYPE_CHECKING:
    from pydynox.model import Model
    from pydynox.tables import Drift

    Drifts = list[tuple[type[Model[Any]], list[Drift]]]

_MARKS = {"ensure": "+", "update": "~", None: "!"}


def add(commands: Any, where: Any) -> None:
    """Add the commands."""
    tables = commands.add_parser(
        "tables", help="compare tables with their models", description="Compare tables with their models."
    )
    verbs = tables.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, help_, handler in (
        ("check", "show differences; exits with 1 if there are any", _check),
        ("plan", "show what 'apply' would do", _plan),
        ("apply", "create tables and add what is missing, after confirmation", _apply),
    ):
        parser = verbs.add_parser(name, parents=[where], help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
        parser.add_argument("models", nargs="+", metavar="MODEL", help="a model as module:Class")
        if name != "check":
            parser.add_argument("--update", action="store_true", help="also change settings that differ")
        if name == "apply":
            parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
        parser.set_defaults(run=handler)


def _check(options: Any) -> int:
    drifts_by_model = _drifts(options)
    for model, drifts in drifts_by_model:
        for drift in drifts:
            say(f"{_name(model)}: {drift}")
    return 1 if any(drifts for _, drifts in drifts_by_model) else 0


def _plan(options: Any) -> int:
    _show(_drifts(options), update=options.update)
    return 0


def _apply(options: Any) -> int:
    drifts_by_model = _drifts(options)
    todo = _show(drifts_by_model, update=options.update)
    if hopeless := [f"{_name(model)}: {drift}" for model, drifts in drifts_by_model for drift in drifts if not drift.fixable]:
        raise CommandError(f"nothing was changed, because this cannot be fixed in place: {'; '.join(hopeless)}")
    if not todo:
        return 0
    if not options.yes and not _agreed():
        raise CommandError("nothing was changed")
    client = options.open(options)
    with client.as_default():
        for model, drifts in drifts_by_model:
            if not drifts:
                continue
            # ensure() first, even with --update: update() requires a table that exists.
            for drift in model.table.sync.ensure():
                say(f"{_name(model)}: done: {drift.what} {drift.index or ''}".rstrip())
            if options.update:
                for drift in model.table.sync.update():
                    say(f"{_name(model)}: done: {drift.what} {drift.index or ''}".rstrip())
    return 0


def _drifts(options: Any) -> Drifts:
    client = options.open(options)
    models = [model_named(name) for name in options.models]
    with client.as_default():
        return [(model, model.table.sync.check()) for model in models]


def _show(drifts_by_model: Drifts, *, update: bool) -> int:
    """Print what would be done, and return the number of steps."""
    todo = 0
    for model, drifts in drifts_by_model:
        say(f"{_name(model)}:{'' if drifts else ' matches its model'}")
        for drift in drifts:
            skipped = drift.fixed_by == "update" and not update
            todo += drift.fixable and not skipped
            say(f"  {_MARKS[drift.fixed_by]} {drift}{' (only with --update)' if skipped else ''}")
    return todo


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise CommandError("cannot ask for confirmation without a terminal: pass --yes")
    return input("Apply? [y/N] ").strip().lower() in {"y", "yes"}


def _name(model: type[Model[Any]]) -> str:
    return f"{model.__name__} ({model.model_config.table})"
