"""``pydynox local``: the embedded engine as a server, until a signal ends it."""

from __future__ import annotations

import pathlib
import signal
import sys
from typing import Any

from pydynox.local import LocalServer

from ._words import say

_ENDS = {signal.SIGINT, signal.SIGTERM}


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "local",
        help="run a local DynamoDB on 127.0.0.1",
        description="Run the embedded engine as a DynamoDB server on 127.0.0.1.",
    )
    parser.add_argument("--port", type=int, default=8000, help="the port to listen on; 0 for any free port (default: 8000)")
    parser.add_argument("--file", metavar="PATH", help="store the tables in this file; in memory by default")
    parser.set_defaults(run=_run)


def _run(options: Any) -> int:
    # Blocked before the server starts, so that a signal that arrives early is still pending when sigwait is reached.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    try:
        engine = "memory://" if options.file is None else pathlib.Path(options.file).absolute().as_uri()
        with LocalServer(options.port, endpoint_url=engine) as server:
            say(f"pydynox local: {server.endpoint_url} ({options.file or 'in memory'}); press Ctrl+C to stop")
            sys.stdout.flush()
            signal.sigwait(_ENDS)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return 0
