"""``pydynox reencrypt``: what is encrypted by an older key, or not at all, encrypted by the newest one."""

from __future__ import annotations

from typing import Any

from pydynox._core import run
from pydynox._jobs.reencrypt import reencrypt

from ._words import CommandError, model_named, progress_bar, say


def add(commands: Any, where: Any) -> None:
    """Add the command."""
    help_ = "encrypt by the newest key what is encrypted by an older one, or not at all"
    parser = commands.add_parser("reencrypt", parents=[where], help=help_, description=f"{help_.capitalize()}.")
    parser.add_argument("model", metavar="MODEL", help="the model as module:Class; its client has the keyring")
    parser.add_argument("--dry-run", action="store_true", help="count, and write nothing")
    parser.add_argument("--note", metavar="FILE", help="remember in this file how far it is")
    parser.add_argument("--resume", action="store_true", help="go on where the note ends")
    parser.set_defaults(run=_reencrypt)


def _reencrypt(options: Any) -> int:
    if options.endpoint_url or options.region or options.profile or options.table_prefix:
        raise CommandError("reencrypt takes the client of the model, which has the keyring: set it by ModelConfig(client=...)")
    if options.resume and not options.note:
        raise CommandError("--resume goes on where a --note ends: name the file")
    model = model_named(options.model)
    with progress_bar(f"reencrypt {options.model}", None) as progress:
        done = run(reencrypt(model, dry_run=options.dry_run, note=options.note, resume=options.resume, progress=progress))
    say(f"{done.read} items of {options.model} read, {done.stale} of them stale, {done.written} written", error=True)
    return 0
