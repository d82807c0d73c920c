"""``tools/release``: what the checks of wheel and sdist reject, and the distribution's name. Both archives are checked by make."""

from __future__ import annotations

import importlib.util
import pathlib
import sys
import zipfile
from types import ModuleType

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
PYTHON = f"cp{sys.version_info.major}{sys.version_info.minor}"
NAME = f"pydynox-0.1.0-{PYTHON}-{PYTHON}-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
METADATA = "Metadata-Version: 2.4\nName: pydynox\nLicense-File: LICENSE\nLicense-File: THIRD-PARTY.md\n"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_wheel", ROOT / "tools" / "release" / "check_wheel.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(folder: pathlib.Path, name: str = NAME, without: str = "", **further: str) -> pathlib.Path:
    """A wheel with everything that is looked for, but one file."""
    files = {
        "pydynox/__init__.py": "",
        "pydynox/_core.pyi": "",
        "pydynox/py.typed": "",
        "pydynox_pytest.py": "",
        "pydynox-0.1.0.dist-info/METADATA": METADATA,
        "pydynox-0.1.0.dist-info/sboms/pydynox-python.cyclonedx.json": "{}",
        "pydynox-0.1.0.dist-info/licenses/LICENSE": (ROOT / "LICENSE").read_text(),
        "pydynox-0.1.0.dist-info/licenses/THIRD-PARTY.md": (ROOT / "THIRD-PARTY.md").read_text(),
    }
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, text in (files | further).items():
            if path != without:
                archive.writestr(path, text)
    return folder / name


def test_a_complete_wheel_is_accepted(tool: ModuleType, tmp_path: pathlib.Path) -> None:
    tool.check_contents(wheel(tmp_path))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": NAME.replace("manylinux2014", "manylinux_2_34")}, "manylinux2014"),
        ({"name": NAME.replace(PYTHON, "cp310")}, "tags"),
        ({"without": "pydynox-0.1.0.dist-info/licenses/THIRD-PARTY.md"}, r"THIRD-PARTY\.md is not among"),
        ({"pydynox-0.1.0.dist-info/METADATA": METADATA.replace("License-File: LICENSE\n", "")}, "LICENSE is not among"),
        ({"pydynox-0.1.0.dist-info/licenses/LICENSE": "another"}, "LICENSE differs"),
        ({"without": "pydynox-0.1.0.dist-info/sboms/pydynox-python.cyclonedx.json"}, "no bill of materials"),
        ({"without": "pydynox/py.typed"}, r"py\.typed is missing"),
        ({"tests/test_wheel.py": ""}, "does not belong"),
    ],
)
def test_an_incomplete_wheel_is_rejected(tool: ModuleType, tmp_path: pathlib.Path, change: dict[str, str], problem: str) -> None:
    with pytest.raises(tool.WheelError, match=problem):
        tool.check_contents(wheel(tmp_path, **change))


def test_a_large_wheel_is_rejected(tool: ModuleType, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "MAX_SIZE", 1000)

    with pytest.raises(tool.WheelError, match="bytes"):
        tool.check_contents(wheel(tmp_path))


def test_a_wheel_for_newer_systems_is_rejected(tool: ModuleType) -> None:
    report = "is consistent with the following platform tag:\n\"manylinux_2_{tag}_x86_64\".\n with versions {{'GLIBC_2.{symbol}', 'GLIBC_2.2.5'}}"

    assert tool.newest_glibc(report.format(tag=17, symbol=16)) == "2.16"
    for tag, symbol in ((34, 16), (17, 18)):
        with pytest.raises(tool.WheelError, match="glibc 2"):
            tool.newest_glibc(report.format(tag=tag, symbol=symbol))
    with pytest.raises(tool.WheelError, match="no manylinux tag"):
        tool.newest_glibc("nothing")


def test_readme_says_what_its_first_script_prints(tool: ModuleType) -> None:
    script, printed = tool.first_script()

    assert "memory://" in script
    assert printed.startswith("User(")
