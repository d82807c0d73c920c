"""``pydynox patterns``: the access patterns of models as Markdown, or the least IAM policy that allows them."""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

from pydynox._explain.models import models as declared
from pydynox._explain.patterns import Tables, markdown
from pydynox._explain.policy import Scope, policy
from pydynox.model import Model

from ._words import CommandError, escaped, model_named, object_named, search_here

if TYPE_CHECKING:
    from collections.abc import Iterable


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "patterns",
        help="print the access patterns of models as Markdown, or their least IAM policy",
        description="Print the access patterns of models as Markdown, or their least IAM policy. Sends nothing.",
    )
    parser.add_argument("models", nargs="+", metavar="MODELS", help="a module, such as app.models, or one model as module:Class")
    parser.add_argument("--table-prefix", metavar="PREFIX", default="", help="prepended to the name of every table")
    parser.add_argument("--iam", action="store_true", help="print an IAM policy as JSON instead")
    group = parser.add_argument_group("with --iam")
    group.add_argument("--region", default="*", help="the region of the tables; any by default")
    group.add_argument("--account", default="*", metavar="ID", help="the account of the tables; any by default")
    group.add_argument("--read-only", action="store_true", help="allow no writes")
    group.add_argument("--scan", action="store_true", help="allow scans, which exports, reencrypt and verify_unique need")
    group.add_argument("--tables", action="store_true", help="allow to create, compare and change the tables")
    group.add_argument("--kms-key", metavar="ARN", help="the KMS key of encrypted attributes")
    parser.set_defaults(run=_run)


def _run(options: Any) -> int:
    repositories: dict[type[Any], str] = {}
    tables = Tables.of(list(dict.fromkeys(_models(options.models, repositories))), options.table_prefix)
    if options.iam:
        scope = Scope(options.region, options.account, not options.read_only, options.scan, options.tables, options.kms_key)
        print(json.dumps(policy(tables, scope), indent=2))
    else:
        # Line by line, because a line break is not to be escaped.
        for line in markdown(tables, repositories).splitlines():
            print(escaped(line, lambda letter: repr(letter)[1:-1]))
    return 0


def _models(names: Iterable[str], repositories: dict[type[Any], str]) -> Iterable[type[Any]]:
    """The models of what is named; repositories among them are noted by their model."""
    from pydynox._repository.binding import Binding  # here: other commands need no repositories
    from pydynox._repository.repository import Repository

    for name in names:
        if ":" in name:
            value: Any = object_named(name)
            if isinstance(value, Repository):
                repositories[value.model] = name.rpartition(":")[2]
            model: Any = model_named(name)
            if model not in declared(Model):
                raise CommandError(f"{name} has no table: name a model that has one")
            yield model
            continue
        search_here()
        try:
            importlib.import_module(name)
        except Exception as error:
            raise CommandError(f"the module {name!r} cannot be imported: {type(error).__name__}: {error}") from error
        module = sys.modules[name]
        values: list[tuple[str, Any]] = list(vars(module).items())
        offered = {value.model: variable for variable, value in values if isinstance(value, Repository)}
        repositories.update(offered)
        public = {id(value) for _, value in values}
        # Those that it defines, and those that it imports to offer them, such as a package of models.
        inside = [
            model
            for model in declared(Model)
            if id(model) in public or model in offered or (model.__module__ == name and not isinstance(model._hooks, Binding))
        ]
        if not inside:
            raise CommandError(f"the module {name!r} has no models with a table and no repositories")
        yield from inside
