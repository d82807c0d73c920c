"""Run ``drive.py`` under valgrind's memcheck: ``make memcheck``.

Any use of freed, unallocated or uninitialised memory, and any definite leak, is printed with its stack, and the command exits
with 1. memcheck sees only allocations made through the C library, so both sides use it: ``PYTHONMALLOC=malloc`` for the
interpreter, and a build without the ``mimalloc`` feature for the extension. ``cpython.supp`` lists the known false positives of
CPython.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
OPTIONS = (
    "--tool=memcheck",
    "--leak-check=full",
    "--show-leak-kinds=definite",
    "--errors-for-leak-kinds=definite",
    "--num-callers=40",
    f"--suppressions={HERE / 'cpython.supp'}",
)
#: A stack frame; only reports contain them.
_FRAME = re.compile(r"^==\d+==    (at|by) 0x", re.MULTILINE)


def main() -> int:
    """Run it and print the reports and a summary."""
    if shutil.which("valgrind") is None:
        print("make memcheck needs valgrind: apt-get install valgrind", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="pydynox-memcheck-") as name:
        folder = pathlib.Path(name)
        endpoint = f"file://{folder / 'items.db'}"
        environment = os.environ | {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}
        drive = [sys.executable, str(HERE / "drive.py")]
        subprocess.run([*drive, "prepare", endpoint], check=True, env=environment)
        logs = f"--log-file={folder}/log.%p"  # a forked child writes its own
        status = subprocess.run(["valgrind", *OPTIONS, logs, *drive, "run", endpoint], check=False, env=environment).returncode
        reports = [log.read_text(errors="replace") for log in sorted(folder.glob("log.*"))]
    for report in reports:
        if status or _FRAME.search(report):
            print(report, file=sys.stderr)
    found = sum(bool(_FRAME.search(report)) for report in reports)
    summary = [line.split("== ", 1)[1] for report in reports for line in report.splitlines() if "ERROR SUMMARY" in line]
    print(f"memcheck: {len(reports)} processes, {found} with reports; {'; '.join(summary)}")
    return 1 if status or found or not summary else 0


if __name__ == "__main__":
    sys.exit(main())
