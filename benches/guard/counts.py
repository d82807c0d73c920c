"""Counts of a run: collected by valgrind and by the interpreter, and compared with a reference."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
from collections import Counter

#: By operation and by kind of count.
Figures = dict[str, dict[str, float]]

HERE = pathlib.Path(__file__).parent
#: A figure may exceed its reference by this factor...
TOLERANCE = 1.03
#: ...plus this allowance, because the speed of the other side decides whether another wait or read is needed.
ALLOWANCE = {"system calls": 0.5, "Rust allocations": 0.25}
#: The line of a call; a second line follows if it had to wait.
_SYSTEM_CALL = re.compile(r"SYSCALL\[[^\]]*\]\([^)]*\) (sys_\w+)")
#: Outside valgrind, these are answered without the kernel.
_OF_THE_VDSO = {"sys_clock_gettime", "sys_gettimeofday", "sys_time", "sys_getcpu"}
#: The functions that Rust calls to allocate; the allocator also calls some of them itself.
_ALLOCATES = re.compile(r"mi_(heap_)?(malloc|zalloc|calloc|realloc|rezalloc)")


def compiled(folder: pathlib.Path) -> pathlib.Path:
    """Compile the library with the marks."""
    library = folder / "marks.so"
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, HERE / "marks.c"], check=True)
    return library


def of_interpreter(command: list[object], turn: int) -> Figures:
    """Allocations by the interpreter per call. The first run may write bytecode, so it is not counted."""
    _rows([], command, turn)
    rows = _rows([], command, turn)
    return {name: {"Python allocations": round(allocations / calls, 2)} for name, (calls, allocations) in rows.items()}


def of_valgrind(command: list[object], folder: pathlib.Path, turn: int) -> Figures:
    """Instructions, allocations by Rust and system calls per call. Takes about a minute."""
    log, dumps = folder / "valgrind.log", folder / "callgrind.out"
    valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={dumps}", f"--log-file={log}", "--trace-syscalls=yes"]
    rows = _rows(valgrind, command, turn)
    system_calls = _system_calls(log.read_text(errors="replace"))
    found: Figures = {}
    for dump in folder.glob("callgrind.out.*"):
        text = dump.read_text()
        trigger = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
        if trigger is None:
            continue  # everything after the last mark
        name = trigger[1]
        instructions = re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)
        assert instructions is not None, dump
        calls, _ = rows[name]
        found[name] = {
            "instructions": round(int(instructions[1]) / calls),
            "Rust allocations": round(_allocations(text) / calls, 2),
            "system calls": round(system_calls[name] / calls, 2),
        }
    return found


def _rows(before: list[str], command: list[object], turn: int) -> dict[str, tuple[int, int]]:
    """Calls and allocations by operation, with as little randomness as possible.

    Counts change with string hashes, cached bytecode and the addresses of objects: CPython looks methods up by the address of
    their names, which moves with every environment variable. Therefore each turn has one more variable.
    """
    environment = {name: os.environ.get(name, "") for name in ("PATH", "HOME", "PYTHONPATH", "PYTHONPYCACHEPREFIX")}
    environment |= {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": ""} | {f"TURN_{number}": "" for number in range(turn)}
    fixed = ["setarch", "--addr-no-randomize"] if shutil.which("setarch") else []
    done = subprocess.run([*fixed, *before, *map(str, command)], check=True, stdout=subprocess.PIPE, text=True, env=environment)
    rows: dict[str, tuple[int, int]] = json.loads(done.stdout)
    return rows


def _system_calls(log: str) -> Counter[str]:
    found: Counter[str] = Counter()
    name = None
    for line in log.splitlines():
        if mark := re.search(r"guard: (begin|end) (.*)$", line):
            name = mark[2] if mark[1] == "begin" else None
        elif name is not None and (call := _SYSTEM_CALL.match(line)) and call[1] not in _OF_THE_VDSO:
            found[name] += 1
    return found


def _allocations(dump: str) -> int:
    """Calls to the allocator from outside it. A name follows its number only at the first occurrence."""
    names: dict[str, str] = {}
    caller = callee = ""
    found = 0
    for line in dump.splitlines():
        if function := re.match(r"(c?fn)=(\(\d+\))(?: (.*))?$", line):
            name = names.setdefault(function[2], function[3] or "")
            if function[1] == "fn":
                caller = name
            else:
                callee = name
        elif line.startswith("calls=") and _ALLOCATES.match(callee) and not caller.startswith("mi_"):
            found += int(line[6:].split()[0])
    return found


def least(one: Figures, other: Figures) -> Figures:
    """The lower figure of two runs, because the remaining randomness only adds to a count."""
    return {name: {what: min(value, other[name][what]) for what, value in row.items()} for name, row in one.items()}


def above(figures: Figures, reference: Figures) -> list[str]:
    """A sentence for each figure that is above its reference."""
    return [
        f"guard: {operation}: {value:g} {what}, was {reference[operation][what]:g}"
        for operation, row in figures.items()
        for what, value in row.items()
        if what in reference.get(operation, {}) and value > reference[operation][what] * TOLERANCE + ALLOWANCE.get(what, 0)
    ]


def table(figures: Figures, reference: Figures) -> str:
    """All figures, each with its ratio to the reference."""
    lines = []
    for operation, row in figures.items():
        cells = []
        for what, value in row.items():
            before = reference.get(operation, {}).get(what)
            cells.append(f"{what} {value:g}" + (f" ({value / before:.3f})" if before else ""))
        lines.append(f"{operation:18} " + "  ".join(cells))
    return "\n".join(lines)
