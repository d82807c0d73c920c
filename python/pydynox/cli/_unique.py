"""``pydynox unique``: verifies and repairs the guards of unique values."""

from __future__ import annotations

from typing import Any

from pydynox._core import run
from pydynox._jobs.verify_unique import verify_unique

from ._words import model_named, progress_bar, say

_WORDS = {
    "missing": "has no guard for its {names}",
    "shared": "shares its {names} with another item: change one of them",
    "orphan": "does not have the {names} that is reserved for it",
}


def add(commands: Any, where: Any) -> None:
    """Add the commands."""
    unique = commands.add_parser("unique", help="unique values and their guards", description="Unique values and their guards.")
    verbs = unique.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, help_ in (
        ("verify", "show problems; exits with 1 if there are any"),
        ("repair", "write missing guards and delete orphans; exits with 1 if any problem remains"),
    ):
        parser = verbs.add_parser(name, parents=[where], help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
        parser.add_argument("model", metavar="MODEL", help="the model as module:Class")
        parser.set_defaults(run=_check, repair=name == "repair")


def _check(options: Any) -> int:
    client, model = options.open(options), model_named(options.model)
    with client.as_default(), progress_bar(f"unique {options.model}", None) as progress:
        problems = run(verify_unique(model, repair=options.repair, client=client, progress=progress))
    for problem in problems:
        text = _WORDS[problem.kind].format(names=" and ".join(problem.names))
        say(f"{problem.key} {text}{' (repaired)' if problem.repaired else ''}")
    left = sum(not problem.repaired for problem in problems)
    say(f"{len(problems)} problems found, {len(problems) - left} repaired", error=True)
    return 1 if left else 0
