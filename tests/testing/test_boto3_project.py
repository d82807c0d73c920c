"""A project that uses boto3 alone: its tests run on the engine, and nothing of pydynox is in its code."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.thorough

PROJECT = pathlib.Path(__file__).parent.parent.parent / "examples" / "boto3_project"


def test_a_project_with_boto3_alone_is_tested_by_a_fixture(tmp_path: pathlib.Path) -> None:
    project = shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # the plugins of an environment take seconds to load

    # Where pydynox is installed, pytest finds the plugin by itself.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "pydynox_pytest", "-p", "no:cacheprovider"],
        cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^8 passed", done.stdout, re.MULTILINE)


def test_the_project_names_pydynox_nowhere_in_its_code() -> None:
    code = "".join(re.sub(r'""".*?"""', "", file.read_text(), flags=re.DOTALL) for file in PROJECT.rglob("*.py"))

    assert "import boto3" in code
    assert "pydynox" not in code
    assert not list(PROJECT.rglob("conftest.py"))
