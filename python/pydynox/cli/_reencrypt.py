"""``pydynox reencrypt``: encrypts with the newest key what is encrypted with an older key, or not at all."""

from __future__ import annotations

from typing import Any

from pydynox._core import run
from pydynox._jobs.reencrypt import reencrypt

from ._words import CommandError, model_named, progress_bar, say


def add(commands: Any, where: Any) -> None:
    """Add the command."""
    help_ = "encrypt with the newest key what is encrypted with an older one, or not at all"
    parser = commands.add_parser("reencrypt", parents=[where], help=help_, description=f"{help_.capitalize()}.")
    parser.add_argument("model", metavar="MODEL", help="the model as module:Class, whose client has the keyring")
    parser.add_argument("--dry-run", action="store_true", help="count items without writing anything")
    parser.add_argument("--note", metavar="FILE", help="record the progress in this file")
    parser.add_argument("--resume", action="store_true", help="continue from the progress recorded with --note")
    parser.set_defaults(run=_reencrypt)


def _reencrypt(options: Any) -> int:
    if options.endpoint_url or options.region or options.profile or options.table_prefix:
        raise CommandError("reencrypt uses the client of the model, which has the keyring: set it with ModelConfig(client=...)")
    if options.resume and not options.note:
        raise CommandError("--resume needs the progress recorded with --note: name the file")
    model = model_named(options.model)
    with progress_bar(f"reencrypt {options.model}", None) as progress:
        done = run(reencrypt(model, dry_run=options.dry_run, note=options.note, resume=options.resume, progress=progress))
    say(f"{done.read} items of {options.model} read, {done.stale} of them stale, {done.written} written", error=True)
    return 0
