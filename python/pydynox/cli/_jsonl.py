"""``pydynox export`` and ``import``: whole tables as lines of JSON."""

from __future__ import annotations

from typing import Any

from pydynox._core import run
from pydynox._jobs.export_lines import export_jsonl, import_jsonl

from ._words import progress_bar, say, table_named


def add(commands: Any, where: Any) -> None:
    """Add the commands."""
    for name, help_, handler in (
        ("export", "write every item of a table to a file, one per line", _export),
        ("import", "write the items of a file to a table", _import),
    ):
        parser = commands.add_parser(name, parents=[where], help=help_, description=f"{help_.capitalize()}.")
        parser.add_argument("table", help="the table's name, or its model as module:Class")
        parser.add_argument("file", help="the file; compressed if its name ends in .gz")
        parser.add_argument("--resume", action="store_true", help=f"continue an interrupted {name}")
        if name == "export":
            parser.add_argument(
                "--consistent-read", action="store_true", help="use strongly consistent reads, which cost twice as much"
            )
            parser.add_argument("--target-rcu", type=float, metavar="UNITS", help="maximum read units per second")
        else:
            parser.add_argument("--target-wcu", type=float, metavar="UNITS", help="maximum write units per second")
        parser.set_defaults(run=handler)


def _export(options: Any) -> int:
    client, table = options.open(options), table_named(options.table)
    with client.as_default(), progress_bar(f"export {options.table}", None) as progress:
        count = run(
            export_jsonl(
                table,
                options.file,
                client=client,
                consistent_read=options.consistent_read,
                target_rcu=options.target_rcu,
                resume=options.resume,
                progress=progress,
            )
        )
    say(f"{count} items of {options.table} exported to {options.file}", error=True)
    return 0


def _import(options: Any) -> int:
    client, table = options.open(options), table_named(options.table)
    with client.as_default(), progress_bar(f"import {options.table}", None) as progress:
        count = run(
            import_jsonl(
                table,
                options.file,
                client=client,
                target_wcu=options.target_wcu,
                resume=options.resume,
                progress=progress,
            )
        )
    say(f"{count} items of {options.file} imported into {options.table}", error=True)
    return 0
