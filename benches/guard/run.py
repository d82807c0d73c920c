"""Count what a call costs, and compare with what it cost: ``make guard``.

Time on a busy machine tells nothing below a tenth; instructions do. valgrind runs ``guarded.py`` once and tells, for each
operation, how many instructions a call executes, how often the Rust side allocates and which system calls it makes; a second
run without valgrind tells how often the interpreter allocates. Beside them stand the size of the extension and the modules that
must not come with ``import pydynox``.

``reference.json`` has the figures of the commit that updated it last, with the reason. Counts depend on the processor, the
interpreter, the compiler and the C library, so a reference names them and is compared with its like alone; elsewhere the figures
are printed, and that is all.

    python benches/guard/run.py                     # ends with 1 where a figure is more than 3 % above its reference
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

import counts  # noqa: E402 (beside this file)
from data import item  # noqa: E402 (of the folder above)
from patient import stored_patient  # noqa: E402 (beside this file)
from server import NullDynamoDB  # noqa: E402 (of the folder above)

#: Of the processor, what code chooses by at run time.
FEATURES = ("aes", "avx2", "avx512f", "bmi2", "pclmulqdq", "sha_ni", "vaes", "sha2", "sve")
#: A figure that is too high is measured again: addresses fall badly now and then, and a cost that is there stays.
MORE_TURNS = 4
FORBIDDEN = ("asyncio", "threading", "logging", "json", "inspect", "dataclasses", "pydantic", "decimal", "datetime", "uuid")


def like() -> dict[str, str]:
    """What the counts depend on."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    flags = set(re.findall(r"\w+", cpuinfo.read_text())) if cpuinfo.exists() else set()
    return {
        "processor": " ".join([platform.machine(), *(feature for feature in FEATURES if feature in flags)]),
        "interpreter": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip(),
        "library": "-".join(platform.libc_ver()),
    }


def came_along() -> list[str]:
    """Modules that must not come with ``import pydynox``, and do."""
    code = (
        f"import sys; before = set(sys.modules); import pydynox; print(*sorted((set(sys.modules) - before) & set({FORBIDDEN!r})))"
    )
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()


def measured(turn: int) -> counts.Figures:
    """Every figure of this machine; no two turns have their objects at the same addresses."""
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
    """What was stored, one entry a kind of machine."""
    found: list[dict[str, Any]] = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else []
    return found


def update(figures: counts.Figures, reason: str) -> None:
    """Store the figures in place of those of a like machine."""
    kept = [entry for entry in references() if entry["like"] != like()]
    REFERENCE.write_text(json.dumps([*kept, {"like": like(), "reason": reason, "figures": figures}], indent=1) + "\n")


def main() -> int:
    """Measure, and store or compare."""
    parser = argparse.ArgumentParser(description="Count what a call costs, and compare with what it cost.")
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
        print(f"guard: no reference of a machine like this one, nothing was compared: {like()}")
        return 0
    above = counts.above(figures, entry["figures"])
    print(*above or [f"guard: {len(figures)} rows, none above its reference ({entry['reason']})"], sep="\n")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
