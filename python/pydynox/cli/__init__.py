"""The command line: parses the arguments of ``pydynox``, runs a command, and sets the exit status."""

from __future__ import annotations

import argparse
import platform
import sys
from typing import TYPE_CHECKING, Any

from pydynox import __version__
from pydynox._core import build_data
from pydynox.client import DynamoDBClient
from pydynox.exceptions import PydynoxError

from . import _adopt, _doctor, _jsonl, _local, _patterns, _read, _reencrypt, _tables, _unique
from ._words import CommandError, say

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The arguments after the program's name; ``sys.argv`` by default.

    Returns:
        The exit status: 0, 1 if the command failed, 130 if it was interrupted. A usage error raises SystemExit with status 2.

    Example:
        >>> main(["--version"])
        pydynox 0.1.0
        python 3.11.7 (CPython)
        target x86_64-unknown-linux-gnu
        profile wheel
        commit 3f1c2a9d0b7e
        rustc 1.95.0
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        # Here, where a reader that has closed the pipe is still handled.
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except BrokenPipeError:
        # The reader has closed the pipe, as in `pydynox scan users | head`; dropping stdout discards what is still buffered.
        sys.stdout = None
        return 0
    except (PydynoxError, CommandError) as error:
        return _failed(str(error) or type(error).__name__)
    except OSError as error:
        return _failed(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
    else:
        return status


class _Version(argparse.Action):
    """Print what a bug report needs, and exit; argparse's own action would join the lines."""

    def __call__(self, *_: object, **__: object) -> None:
        built = build_data()
        say(f"pydynox {__version__}")
        say(f"python {platform.python_version()} ({platform.python_implementation()})")
        say(f"target {built['target'] or 'unknown'}")
        say(f"profile {built['profile'] or 'unknown'}")
        say(f"commit {built['commit'] or 'unknown'}")
        say(f"rustc {built['rustc'] or 'unknown'}")
        sys.exit(0)


def _failed(message: str, status: int = 1) -> int:
    say(f"pydynox: {' '.join(message.split())}", error=True)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pydynox", description="DynamoDB from the command line.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and how it was built")
    parser.set_defaults(open=_open)
    where = argparse.ArgumentParser(add_help=False)
    group = where.add_argument_group("connection")
    group.add_argument(
        "--endpoint-url", metavar="URL", help="the endpoint, such as http://127.0.0.1:8000 or file:///path/items.db"
    )
    group.add_argument("--region", help="the AWS region; resolved like in other AWS tools by default")
    group.add_argument("--profile", help="a profile in the shared AWS configuration files")
    group.add_argument("--table-prefix", metavar="PREFIX", default="", help="prepended to the name of every table")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _local.add(commands)
    _read.add(commands, where)
    _jsonl.add(commands, where)
    _tables.add(commands, where)
    _reencrypt.add(commands, where)
    _unique.add(commands, where)
    _adopt.add(commands, where)
    _patterns.add(commands)
    _doctor.add(commands, where)
    return parser


def _open(options: Any) -> DynamoDBClient:
    """The client that the connection options describe."""
    return DynamoDBClient(
        endpoint_url=options.endpoint_url, region=options.region, profile=options.profile, table_prefix=options.table_prefix
    )
