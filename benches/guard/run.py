"""Count the cost of calls and compare it with a reference: ``make guard``.

Timings on a busy machine can't show changes below a tenth; instruction counts can. valgrind runs ``guarded.py`` once and counts,
for each operation, the instructions that a call executes, the allocations on the Rust side and the system calls. A second run
without valgrind counts the interpreter's allocations. The size of the extension and the modules that ``import pydynox`` must not
import are checked as well.

``reference.json`` has the figures of the commit that last updated it, with the reason. Counts depend on the processor, the
interpreter, the compiler and the C library, so a reference names them and is only compared with runs on the same ones. Anywhere
else, the figures are only printed.

    python benches/guard/run.py                     # exits with 1 if a figure is more than 3 % above its reference
    python benches/guard/run.py --update "reason"   # store the figures of this machine
"""

from __future__ import annotations

import argparse
import json
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Any

HERE = pathlib.Path(__file__).parent
REFERENCE = HERE / "reference.json"
sys.path.insert(1, str(HERE.parent))

import counts  # noqa: E402 (in this folder)
from data import item  # noqa: E402 (in the parent folder)
from patient import stored_patient  # noqa: E402 (in this folder)
from server import NullDynamoDB  # noqa: E402 (in the parent folder)

#: Processor features that code checks at run time to choose an implementation.
FEATURES = ("aes", "avx2", "avx512f", "bmi2", "pclmulqdq", "sha_ni", "vaes", "sha2", "sve")
#: A figure that is too high is measured again: an unlucky address layout goes away, a real cost stays.
MORE_TURNS = 4
FORBIDDEN = ("asyncio", "threading", "logging", "json", "inspect", "dataclasses", "pydantic", "decimal", "datetime", "uuid")


def like() -> dict[str, str]:
    """The kind of machine, on which the counts depend."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    flags = set(re.findall(r"\w+", cpuinfo.read_text())) if cpuinfo.exists() else set()
    return {
        "processor": " ".join([platform.machine(), *(feature for feature in FEATURES if feature in flags)]),
        "interpreter": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip(),
        "library": "-".join(platform.libc_ver()),
    }


def came_along() -> list[str]:
    """Modules that ``import pydynox`` must not import, but does."""
    code = (
        f"import sys; before = set(sys.modules); import pydynox; print(*sorted((set(sys.modules) - before) & set({FORBIDDEN!r})))"
    )
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()


def measured(turn: int) -> counts.Figures:
    """Every figure on this machine. Each turn has its objects at different addresses."""
    from pydynox import _core

    figures: counts.Figures = {"extension": {"KB": round(pathlib.Path(_core.__file__).stat().st_size / 1000)}}
    with (
        tempfile.TemporaryDirectory(prefix="pydynox-guard-") as name,
        NullDynamoDB({"UpdateItem": {"Attributes": item(1)}}) as server,
        NullDynamoDB({"GetItem": {"Item": stored_patient()}}) as encrypted,
    ):
        folder = pathlib.Path(name)
        command = [sys.executable, HERE / "guarded.py", counts.compiled(folder), server.url, encrypted.url]
        for operation, figure in counts.of_interpreter(command, turn).items():
            figures.setdefault(operation, {}).update(figure)
        for operation, figure in counts.of_valgrind(command, folder, turn).items():
            figures.setdefault(operation, {}).update(figure)
    figures.pop("nothing")
    return figures


def references() -> list[dict[str, Any]]:
    """The stored references, one entry per kind of machine."""
    found: list[dict[str, Any]] = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else []
    return found


def update(figures: counts.Figures, reason: str) -> None:
    """Store the figures, replacing those for the same kind of machine."""
    kept = [entry for entry in references() if entry["like"] != like()]
    REFERENCE.write_text(json.dumps([*kept, {"like": like(), "reason": reason, "figures": figures}], indent=1) + "\n")


def main() -> int:
    """Measure, and store or compare."""
    parser = argparse.ArgumentParser(description="Count the cost of calls and compare it with a reference.")
    parser.add_argument("--update", metavar="REASON", help="store the figures of this machine, and why they changed")
    reason = parser.parse_args().update
    if uninvited := came_along():
        print(f"guard: import pydynox imports {', '.join(uninvited)}")
        return 1
    if shutil.which("valgrind") is None:
        print("guard: NOT RUN, valgrind is missing (Debian: apt-get install valgrind; elsewhere: from your system's packages)")
        return 0
    figures = measured(0)
    entry = next((entry for entry in references() if entry["like"] == like()), None)
    for turn in range(1, MORE_TURNS + 1):
        if reason is None and (entry is None or not counts.above(figures, entry["figures"])):
            break
        figures = counts.least(figures, measured(turn))
    print(counts.table(figures, entry["figures"] if entry else {}))
    if reason is not None:
        update(figures, reason)
        return 0
    if entry is None:
        print(f"guard: no reference for this kind of machine, nothing was compared: {like()}")
        return 0
    above = counts.above(figures, entry["figures"])
    print(*above or [f"guard: {len(figures)} rows, none above its reference ({entry['reason']})"], sep="\n")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
