"""What the release tools accept and refuse, and what the workflows may call."""

from __future__ import annotations

import importlib
import json
import pathlib
import re
import sys
import tarfile
import tomllib
import zipfile
from types import ModuleType

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
VERBS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def tool(name: str) -> ModuleType:
    """A module of tools/release, which is no package."""
    sys.path.insert(0, str(ROOT / "tools" / "release"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def sdist(folder: pathlib.Path, *, without: str = "", further: str = "") -> pathlib.Path:
    """An archive with everything that is needed, but one file."""
    path = folder / "pydynox-0.1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in (*tool("check_sdist").NEEDED, *filter(None, [further])):
            if name != without:
                archive.addfile(tarfile.TarInfo(f"pydynox-0.1.0/{name}"))
    return path


def test_a_complete_sdist_is_accepted(tmp_path: pathlib.Path) -> None:
    tool("check_sdist").check_contents(sdist(tmp_path))


@pytest.mark.parametrize(
    ("without", "further", "problem"),
    [
        (".cargo/config.toml", "", r"\.cargo/config\.toml is missing"),
        ("Cargo.lock", "", r"Cargo\.lock is missing"),
        ("", "tests/test_wheel.py", r"tests/test_wheel\.py does not belong"),
        ("", "python/pydynox/_core.cpython-311-x86_64-linux-gnu.so", "is compiled"),
    ],
)
def test_an_incomplete_sdist_is_refused(without: str, further: str, problem: str, tmp_path: pathlib.Path) -> None:
    check = tool("check_sdist")
    with pytest.raises(check.SdistError, match=problem):
        check.check_contents(sdist(tmp_path, without=without, further=further))


def test_the_distribution_gets_another_name_and_nothing_else_changes() -> None:
    text = (ROOT / "pyproject.toml").read_text()

    before, after = tomllib.loads(text), tomllib.loads(tool("name_distribution").renamed(text, "pydynox-rs"))

    assert after["project"].pop("name") == "pydynox-rs"
    assert before["project"].pop("name") == "pydynox"
    assert before == after


@pytest.mark.parametrize("name", ["", "-x", "a b", 'a"\nversion = "9'])
def test_a_name_that_no_distribution_can_have_is_refused(name: str) -> None:
    with pytest.raises(SystemExit, match="cannot be the name"):
        tool("name_distribution").renamed("[project]\n", name)


CHANGELOG = "# Changelog\n\n## Unreleased\n\n- new\n\n## 0.2.0 - 2027-01-01\n\n- two\n\n## 0.1.0\n\n- one\n"


def test_the_notes_of_a_release_are_its_section() -> None:
    assert tool("notes").notes("v0.2.0", "0.2.0", CHANGELOG) == "- two\n"
    assert tool("notes").notes("v0.1.0", "0.1.0", CHANGELOG) == "- one\n"


@pytest.mark.parametrize(
    ("tag", "version", "problem"),
    [
        ("v0.2.0", "0.1.0", "the tag is v0.2.0"),
        ("0.1.0", "0.1.0", "the tag is 0.1.0"),
        ("v0.3.0", "0.3.0", "no section of 0.3.0"),
    ],
)
def test_a_tag_without_its_version_is_refused(tag: str, version: str, problem: str) -> None:
    with pytest.raises(SystemExit, match=problem):
        tool("notes").notes(tag, version, CHANGELOG)


def test_the_bill_of_materials_is_put_beside_the_wheel(tmp_path: pathlib.Path) -> None:
    wheel = tmp_path / "pydynox-0.1.0-cp311-cp311-manylinux2014_x86_64.whl"
    document = {"bomFormat": "CycloneDX", "components": [{"name": "tokio"}]}
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pydynox-0.1.0.dist-info/sboms/pydynox-python.cyclonedx.json", json.dumps(document))

    path = tool("bill_of_materials").extract(wheel)

    assert path.name == "pydynox-0.1.0-cp311-cp311-manylinux2014_x86_64.cyclonedx.json"
    assert json.loads(path.read_text()) == document


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_the_actions_of_a_workflow_are_pinned_and_its_verbs_exist(workflow: pathlib.Path) -> None:
    text = workflow.read_text()

    used = re.findall(r"uses: (\S+)(.*)", text)
    loose = [name for name, rest in used if not name.startswith("./") and not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name)]
    assert loose == []
    assert [name for name, rest in used if not name.startswith("./") and not re.fullmatch(r" # v\d+\.\d+\.\d+", rest)] == []
    assert set(re.findall(r"make ([a-z-]+)", text)) <= VERBS
    assert [path for path in re.findall(r"python (tools/\S+\.py)", text) if not (ROOT / path).exists()] == []
    assert "permissions:\n  contents: read" in text
