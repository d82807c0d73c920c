"""The first run: what `make` says when something is missing, and dependencies that are compiled once for all its verbs."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent
#: What the Makefile and the check itself use; a machine with `make` has them.
BASICS = ("cksum", "cut", "dirname", "sed", "sh")
PYTHON = 'case "$2" in *version_info*) echo {};; esac'
RUSTC = 'case "$1" in --version) echo "rustc {} (abc 2026-01-01)";; *) echo x86_64-unknown-linux-gnu;; esac'
OFFLINE = 'case "$*" in *--offline*) exit 101;; *) echo "  {}" >&2; exit 101;; esac'
#: A machine on which everything is there.
MACHINE = {"python3": PYTHON.format("3.14"), "rustc": RUSTC.format("1.99.0"), "cargo": "exit 0", "cc": "exit 0"}


def run(place: pathlib.Path, command: list[str], tools: dict[str, str | None]) -> subprocess.CompletedProcess[str]:
    """Run a command where there are these tools and no others: each is what a script does, None is none."""
    place = place / "bin"
    place.mkdir()
    for name in BASICS:
        found = shutil.which(name)
        assert found is not None, name
        (place / name).symlink_to(found)
    for name, does in tools.items():
        if does is not None:
            (place / name).write_text(f"#!/bin/sh\n{does}\n")
            (place / name).chmod(0o755)
    environment = {"PATH": str(place), "HOME": str(place.parent), "PYDYNOX_CACHE": str(place.parent / "cache")}
    return subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        pytest.param(
            {"python3": None}, ["Python 3.11 or later is needed, and python3 is not found; install it from"], id="no Python"
        ),
        pytest.param(
            {"python3": PYTHON.format("3.9")}, ["and python3 is Python 3.9; install it from"], id="an old Python"
        ),
        pytest.param(
            {"python3": PYTHON.format("3.9"), "python3.12": PYTHON.format("3.12")},
            ["and python3 is Python 3.9; there is another here: run make with PYTHON=python3.12."], id="an old Python and a new",
        ),
        pytest.param(
            {"python3": 'case "$2" in *version_info*) echo 3.12;; *) exit 1;; esac'}, ["apt install python3.12-venv"], id="no venv"
        ),
        pytest.param({"rustc": None, "cargo": None}, ["rustc or cargo is not found; install it from https://rustup.rs"], id="no Rust"),
        pytest.param({"rustc": "exit 1"}, ["rustc does not run; say rustup default stable."], id="rustup without Rust"),
        pytest.param({"rustc": RUSTC.format("1.94.0")}, ["1.94.1 or later is needed, and rustc is 1.94.0; say rustup update"], id="an old Rust"),
        pytest.param({"rustc": RUSTC.format("1.9.9")}, ["and rustc is 1.9.9;"], id="a very old Rust"),
        pytest.param({"cc": None}, ["a C compiler with its headers is needed", "apt install gcc libc6-dev"], id="no compiler"),
        pytest.param({"cc": "cat >/dev/null; exit 1"}, ["cc compiles nothing"], id="a compiler without headers"),
        pytest.param(
            {"cargo": OFFLINE.format("[6] Could not resolve hostname")},
            ["its crates cannot be downloaded ([6] Could not resolve hostname); the first run needs the network"], id="no network",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_one_line_before_anything_is_built(
    tmp_path: pathlib.Path, tools: dict[str, str | None], said: list[str]
) -> None:
    make = shutil.which("make")
    assert make is not None

    ended = run(tmp_path, [make, "quickstart"], {**MACHINE, **tools})

    line, *rest = ended.stderr.splitlines()
    assert line.startswith("pydynox cannot be built yet: ")
    assert all(words in line for words in said), line
    assert rest == [rest[0]], "one line, and make's own"
    assert ended.returncode != 0
    assert ended.stdout in ("", "downloading the crates of Cargo.lock that are not here yet\n")
    assert not (tmp_path / "cache").exists()


def test_of_several_missing_things_each_has_its_line(tmp_path: pathlib.Path) -> None:
    ended = run(tmp_path, ["/bin/sh", "tools/preflight.sh"], {})

    assert re.findall(r"yet: (Python|Rust|a C compiler)", ended.stderr) == ["Python", "Rust", "a C compiler"]
    assert ended.returncode == 1


@pytest.mark.parametrize("version", ["1.94.1", "1.94.10", "1.100.0", "2.0.0", "1.96.0-nightly"])
def test_where_all_is_there_nothing_is_said(tmp_path: pathlib.Path, version: str) -> None:
    ended = run(tmp_path, ["/bin/sh", "tools/preflight.sh"], {**MACHINE, "rustc": RUSTC.format(version)})

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_a_lock_file_that_is_not_current_is_no_missing_network(tmp_path: pathlib.Path) -> None:
    why = "error: cannot update the lock file because --locked was passed to prevent this"

    ended = run(tmp_path, ["/bin/sh", "tools/preflight.sh"], {**MACHINE, "cargo": OFFLINE.format(why)})

    assert ended.returncode == 1
    assert why in ended.stderr
    assert "network" not in ended.stderr


def test_every_verb_of_the_guide_says_what_it_does() -> None:
    guide = re.findall(r"^\| `make (\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert set(guide) <= set(re.findall(r"^make (\w+): \w+", told, re.MULTILINE))


def crates(*arguments: str) -> dict[str, set[str]]:
    """The crates of others that cargo compiles for these arguments, each with the features it compiles them with."""
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "--prefix", "none", "--format", "{p};{f}", *arguments],
        cwd=ROOT, env={**os.environ, "CARGO_TERM_QUIET": "true"}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found: dict[str, set[str]] = {}
    for name, features in (line.removesuffix(" (*)").split(";") for line in tree.splitlines() if ";" in line):
        if str(ROOT) not in name:
            found.setdefault(name, set()).add(features)
    return found


def test_what_the_tests_compile_is_what_the_build_compiled() -> None:
    tests = crates("--workspace", "--edges", "normal,build,dev")
    build = crates("--package", "pydynox-python", "--features", "as-in-tests", "--edges", "normal,build")

    assert len(build) > 150
    different = {name: (build[name], tests[name]) for name in build if build[name] != tests[name]}
    assert different == {}, (
        "say it in the feature `as-in-tests` of crates/pydynox-python, if it changes nothing about the extension"
    )


def test_nothing_that_tests_ask_for_changes_how_the_engine_works() -> None:
    (features,) = next(
        features
        for name, features in crates("--workspace", "--edges", "normal,build,dev").items()
        if name.startswith("serde_json ")
    )

    assert not {"arbitrary_precision", "preserve_order", "float_roundtrip"} & set(features.split(","))


def test_a_wheel_has_nothing_that_only_tests_ask_for() -> None:
    wheel = crates("--package", "pydynox-python", "--edges", "normal,build")

    for name, feature in (("tokio ", "test-util"), ("rustix ", "fs"), ("serde_json ", "arbitrary_precision")):
        (features,) = next(features for crate, features in wheel.items() if crate.startswith(name))
        assert feature not in features.split(","), name
