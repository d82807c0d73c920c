"""Measure the figures that README and docs promise: ``make bench``.

Prints every figure with its target, writes results.json and results.svg to this folder, and exits with 1 if a target is missed.
``local.py`` measures within one process, ``kit.py`` what a test costs, ``wire.py`` over HTTP.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from rows import Row

RESULTS = pathlib.Path(__file__).with_name("results.json")
PLOT = pathlib.Path(__file__).with_name("results.svg")


def machine() -> str:
    """The machine, on which absolute figures depend."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def stored() -> dict[str, Any]:
    """The results of each part's last run."""
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return {part: found[part] for part in ("local", "kit", "wire") if part in found}


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Measure the figures that README and docs promise.")
    parser.add_argument(
        "--only", choices=("local", "kit", "wire"), help="run one part only; results.json keeps the results of the others"
    )
    parser.add_argument("--rounds", type=int, default=9, help="rounds per median (default 9)")
    parser.add_argument(
        "--no-peers", action="store_true", help="leave out the other projects: needs no network, and stores no figures over HTTP"
    )
    return parser.parse_args()


def parts(options: argparse.Namespace) -> dict[str, Callable[[], tuple[list[Row], dict[str, Any]]]]:
    """The parts to measure, imported here so that neither needs the dependencies of the other."""
    chosen: dict[str, Callable[[], tuple[list[Row], dict[str, Any]]]] = {}
    if options.only in (None, "local"):
        import local

        chosen["local"] = lambda: local.measure(options.rounds)
    if options.only in (None, "kit"):
        import kit

        chosen["kit"] = lambda: kit.measure(options.rounds, not options.no_peers)
    if options.only in (None, "wire"):
        import wire

        chosen["wire"] = lambda: wire.measure(options.rounds, not options.no_peers)
    return chosen


def main() -> int:
    """Measure, print, write."""
    options = arguments()
    results = stored()
    judged: list[Row] = []
    for name, measure in parts(options).items():
        rows, figures = measure()
        print()
        judged += rows
        if name != "local" and options.no_peers:
            continue
        stamp = {"day": time.strftime("%Y-%m-%d"), "machine": machine()}
        results[name] = {**stamp, "figures": [row.stored() for row in rows], **figures}
        if name == "wire":
            from plot import drawn

            PLOT.write_text(drawn(figures["prices_us"], machine()))
    print(*judged, sep="\n")
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    return 1 if any(row.missed for row in judged) else 0


if __name__ == "__main__":
    sys.exit(main())
