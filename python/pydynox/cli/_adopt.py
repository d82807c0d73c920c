"""``pydynox adopt``: prints Python source of models for a table, a model file or a PynamoDB class."""

from __future__ import annotations

import sys
from typing import Any

from pydynox._core import run
from pydynox.migrate.adopt import adopt_file, adopt_pynamodb, adopt_table

from ._words import CommandError, class_named, progress_bar


def add(commands: Any, where: Any) -> None:
    """Add the command."""
    help_ = "print Python source of models for a table that already exists; only reads"
    parser = commands.add_parser("adopt", parents=[where], help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
    parser.add_argument("table", nargs="?", help="the table to describe and sample; of a file, the only table to adopt")
    parser.add_argument("--sample", type=int, default=1000, metavar="N", help="maximum number of items to read (1000)")
    parser.add_argument("--discriminator", metavar="ATTRIBUTE", help="the attribute that names the kind of each item")
    parser.add_argument("--from-file", metavar="FILE", help="a NoSQL Workbench model, or a dynamodb_data_model.json")
    parser.add_argument("--from-pynamodb", metavar="MODEL", action="append", help="a PynamoDB class as module:Class; repeatable")
    parser.set_defaults(run=_adopt)


def _adopt(options: Any) -> int:
    if options.from_file is not None:
        with open(options.from_file, "rb") as file:
            source = adopt_file(file.read(), table=options.table, discriminator=options.discriminator)
    elif options.from_pynamodb:
        source = adopt_pynamodb(*map(class_named, options.from_pynamodb))
    elif options.table is not None:
        with progress_bar(f"adopt {options.table}", options.sample) as progress:
            source = run(
                adopt_table(
                    options.table,
                    sample=options.sample,
                    discriminator=options.discriminator,
                    client=options.open(options),
                    progress=progress,
                )
            )
    else:
        raise CommandError("name a table, or a file with --from-file, or a PynamoDB class with --from-pynamodb")
    _write(source)
    return 0


def _write(source: str) -> None:
    """Print the source as it is: what a terminal would obey is escaped in it already, and Python expects UTF-8."""
    sys.stdout.flush()
    sys.stdout.buffer.write(source.encode())
