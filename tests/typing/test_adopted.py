"""What ``pydynox adopt`` prints passes mypy --strict and pyright strict."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
GOLDEN = ROOT / "tests" / "cli" / "adopt"


def test_golden_files_pass_mypy(tmp_path: Path) -> None:
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed: pip install --group types")
    options = ["--strict", "--config-file=", "--python-version=3.11", f"--cache-dir={tmp_path}", "--warn-unreachable"]

    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *sorted(GOLDEN.glob("*.py"))],
        cwd=tmp_path, env={**os.environ, "MYPYPATH": str(ROOT / "python")}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def test_golden_files_pass_pyright() -> None:
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed: pip install --group types")

    done = subprocess.run(
        [sys.executable, "-m", "pyright", "-p", str(GOLDEN), "--outputjson"],
        cwd=GOLDEN, capture_output=True, text=True, check=False,
    )  # fmt: skip

    report = json.loads(done.stdout)
    assert report["generalDiagnostics"] == []
    assert report["summary"]["filesAnalyzed"] >= len(list(GOLDEN.glob("*.py")))
