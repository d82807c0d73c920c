"""``make memcheck``: its workload covers the whole unsafe file, and its suppressions concern CPython alone."""

from __future__ import annotations

import ast
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent.parent
MEMCHECK = ROOT / "tools" / "memcheck"
UNSAFE = ROOT / "crates" / "pydynox-python" / "src" / "interpreter" / "ffi.rs"


def test_the_workload_covers_each_function_of_the_unsafe_file() -> None:
    functions = re.findall(r"^pub\(crate\) fn (\w+)", UNSAFE.read_text(), re.MULTILINE)
    covered = next(
        ast.literal_eval(statement.value)
        for statement in ast.parse((MEMCHECK / "drive.py").read_text()).body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "EXERCISED"
    )

    assert list(covered) == functions


def test_the_workload_succeeds_without_valgrind(tmp_path: pathlib.Path) -> None:
    for step in ("prepare", "run"):
        command = [sys.executable, MEMCHECK / "drive.py", step, f"file://{tmp_path}/items.db"]
        environment = os.environ | {"PYTHONMALLOC": "malloc"}
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)

        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr


def test_every_suppression_is_named_and_concerns_cpython() -> None:
    text = (MEMCHECK / "cpython.supp").read_text()
    suppressions = re.findall(r"^\{\n   (\S+)\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)

    assert len({name for name, _ in suppressions}) == text.count("{\n") > 0
    assert all(name.startswith("cpython-") for name, _ in suppressions)
    for _, frames in suppressions:
        assert not re.search("_core|pydynox|pyo3|alloc::", frames)
        assert "fun:" in frames
