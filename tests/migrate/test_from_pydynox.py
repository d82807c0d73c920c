"""The page for those who come from the other project of this name: its example runs with both, in an environment each."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import pytest
from pydynox.local import LocalServer

ROOT = pathlib.Path(__file__).parent.parent.parent
PROGRAM = re.compile(r"^```py\n# (\w+\.py)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def other_python() -> str:
    """The interpreter of the environment that the benches make for the other project; skips where it cannot be made."""
    spec = importlib.util.spec_from_file_location("environments", ROOT / "benches" / "environments.py")
    assert spec is not None
    assert spec.loader is not None
    environments = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(environments)
    try:
        python: str = environments.python_of("pydynox-1.8")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"there is no environment for the other project: {error}")
    return python


def test_the_example_runs_with_both_projects(tmp_path: pathlib.Path) -> None:
    programs = dict(PROGRAM.findall((ROOT / "docs" / "from_pydynox.md").read_text()))
    assert list(programs) == ["old.py", "new.py", "old_again.py"]
    elsewhere = other_python()
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    with LocalServer() as server:
        for name, code in programs.items():
            (tmp_path / name).write_text(code.replace("http://127.0.0.1:8000", server.endpoint_url))
        for name in programs:
            python, environment = (sys.executable, dict(os.environ)) if name == "new.py" else (elsewhere, alone)
            done = subprocess.run(
                [python, name], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
            )
            # The other project writes a line about each call that a busy machine made slow.
            complaint = done.stderr if name == "new.py" else ""
            assert (done.returncode, complaint) == (0, ""), f"{name}\n{done.stdout}\n{done.stderr}"
