"""Check a source distribution as those meet it who have no wheel: ``make sdist`` runs this on what it built.

It must hold what a build needs and nothing else, build a wheel in an empty folder without any cache of this clone, and that
wheel must run the first script of README.

    python tools/release/check_sdist.py dist/pydynox-0.1.0.tar.gz
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

from check_wheel import first_script

#: Bytes.
MAX_SIZE = 3_000_000
NEEDED = (
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "THIRD-PARTY.md",
    "crates/pydynox-core/src/lib.rs",
    "crates/pydynox-python/Cargo.toml",
    "pyproject.toml",
    "python/pydynox/__init__.py",
    "python/pydynox/_core.pyi",
    "python/pydynox/py.typed",
)
PLACES = (".cargo/", "crates/", "python/")


class SdistError(Exception):
    """What is wrong with the archive, in one line."""


def check_contents(sdist: pathlib.Path) -> None:
    """Check the size and the files."""
    if (size := sdist.stat().st_size) > MAX_SIZE:
        raise SdistError(f"{size:,} bytes are more than {MAX_SIZE:,}")
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    if missing := [name for name in NEEDED if name not in names]:
        raise SdistError(f"{', '.join(missing)} is missing")
    if strangers := [name for name in names if not name.startswith(PLACES) and name not in NEEDED]:
        raise SdistError(f"{', '.join(strangers)} does not belong in it")
    if compiled := [name for name in names if name.endswith((".so", ".pyc", ".pyd", ".dylib"))]:
        raise SdistError(f"{', '.join(compiled)} is compiled")


def check_build(sdist: pathlib.Path) -> pathlib.PurePath:
    """Build a wheel with an empty cache, install and use it; returns the name of the wheel."""
    with tempfile.TemporaryDirectory(prefix="pydynox-sdist-") as name:
        folder = pathlib.Path(name)
        environment = os.environ | {"CARGO_TARGET_DIR": str(folder / "target")}
        environment.pop("PYTHONPATH", None)

        def run(*command: str | pathlib.Path) -> str:
            done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)
            if done.returncode:
                raise SdistError(f"{' '.join(map(str, command))} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
            return done.stdout

        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "wheels", sdist.absolute())
        (wheel,) = (folder / "wheels").glob("*.whl")
        run(sys.executable, "-m", "venv", folder / "env")
        python = folder / "env" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", "--no-index", wheel)
        script, expected = first_script()
        (folder / "first.py").write_text(script)
        if (printed := run(python, "-W", "error", "first.py").strip()) != expected:
            raise SdistError(f"README's script printed {printed!r}, not {expected!r}")
        return pathlib.PurePath(wheel.name)


def main() -> int:
    """Check the archive that is named."""
    sdist = pathlib.Path(sys.argv[1])
    try:
        check_contents(sdist)
        wheel = check_build(sdist)
    except SdistError as error:
        print(f"{sdist.name}: {error}", file=sys.stderr)
        return 1
    print(f"{sdist}\n{sdist.stat().st_size / 1e6:.1f} MB, builds {wheel} without a cache, and that runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
