"""The papers of the repository: third-party licences, the policy of cargo-deny, and what to do about a vulnerability."""

from __future__ import annotations

import importlib.util
import pathlib
import sys
import tomllib
from types import ModuleType
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).parent.parent.parent


def tool() -> ModuleType:
    """tools/gen_third_party.py, which is no package."""
    spec = importlib.util.spec_from_file_location("gen_third_party", ROOT / "tools" / "gen_third_party.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


THIRD_PARTY = tool()
PAGE = (ROOT / "THIRD-PARTY.md").read_text()
DENY: dict[str, Any] = tomllib.loads((ROOT / "deny.toml").read_text())


def licences() -> dict[Any, str]:
    linked, unlinked = THIRD_PARTY.recorded(PAGE)
    return {**linked, **unlinked}


def test_the_page_of_licences_is_current() -> None:
    try:
        written = THIRD_PARTY.written(PAGE)
    except THIRD_PARTY.SourcesMissingError as error:
        pytest.skip(f"cannot compare the texts: {error}")
    assert written == PAGE, "run python tools/gen_third_party.py"


def test_without_sources_names_and_versions_are_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", ["gen_third_party.py", "--check"])

    assert THIRD_PARTY.main() == 0
    assert "not the texts" in capsys.readouterr().out
    assert THIRD_PARTY.names_alone(PAGE) == []
    stale = PAGE.replace("| tokio | 1.", "| tokio | 0.")
    assert stale != PAGE
    assert [line.split()[0] for line in THIRD_PARTY.names_alone(stale)] == ["tokio", "tokio"]


def test_the_page_names_what_is_linked_and_what_is_not() -> None:
    linked, unlinked = ({crate.name for crate in crates} for crates in THIRD_PARTY.recorded(PAGE))

    assert {"tokio", "ring", "libsqlite3-sys", "zstd-sys", "libmimalloc-sys", "webpki-roots"} <= linked
    assert {"proptest", "criterion", "serde_derive", "pyo3-macros", "cc"} <= unlinked
    assert not any(name.startswith("pydynox") for name in linked | unlinked)


@pytest.mark.parametrize(
    ("library", "holder"),
    [
        ("mimalloc", "Daan Leijen"),
        ("zstd", "Meta Platforms"),
        ("ring", "Brian Smith"),
        ("fiat-crypto", "the fiat-crypto authors"),
        ("root certificates", "Community Data License Agreement"),
        ("SQLite", "may you share freely"),
        ("the AWS SDK", "END OF TERMS AND CONDITIONS"),
    ],
)
def test_the_texts_name_those_who_hold_rights(library: str, holder: str) -> None:
    assert holder in PAGE, library


def test_the_page_names_no_file_of_the_machine_that_wrote_it() -> None:
    assert str(ROOT) not in PAGE
    assert ".cargo/" not in PAGE


def test_a_text_keeps_every_line_but_titles_and_holders() -> None:
    text = (
        "MIT License\n\nCopyright (c) 2020 Ada\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n"
    )
    text += 'of this software and associated documentation files\n  (c) You must retain\ncopyright notice\nTHE SOFTWARE IS PROVIDED "AS IS"'

    body, holders = THIRD_PARTY.split(text)

    assert holders == ["Copyright (c) 2020 Ada"]
    assert [line.strip() for line in body.splitlines() if line][2:] == [
        "(c) You must retain", "copyright notice", 'THE SOFTWARE IS PROVIDED "AS IS"',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "taken"),
    [
        ("MIT", ["MIT"]),
        ("Apache-2.0/MIT", ["MIT"]),
        ("Apache-2.0 AND ISC", ["Apache-2.0", "ISC"]),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", ["MIT", "Unicode-3.0"]),
        ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", ["MIT"]),
        ("MIT OR Apache-2.0 AND Zlib", ["MIT"]),
    ],
)
def test_of_an_expression_the_simplest_licences_are_taken(expression: str, taken: list[str]) -> None:
    assert THIRD_PARTY.taken(expression) == taken


def test_the_wheel_carries_both_licence_files() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["license-files"] == ["LICENSE", "THIRD-PARTY.md"]
    assert all((ROOT / name).exists() for name in project["license-files"])


def allowed(crate: Any) -> set[str]:
    exceptions = DENY["licenses"].get("exceptions", [])
    own = [licence for exception in exceptions if exception["crate"] == crate.name for licence in exception["allow"]]
    return {*DENY["licenses"]["allow"], *own}


def test_every_locked_crate_has_a_licence_that_deny_toml_allows() -> None:
    refused = {
        f"{crate.name}: {expression}"
        for crate, expression in licences().items()
        if not any(offered <= allowed(crate) for offered in THIRD_PARTY.alternatives(expression))
    }

    assert refused == set()


def test_the_recorded_licences_are_those_of_the_manifests() -> None:
    try:
        known = THIRD_PARTY.manifests()
    except THIRD_PARTY.SourcesMissingError as error:
        pytest.skip(f"cargo has no sources here: {error}")
    recorded = licences()

    assert {crate: package["license"] for crate, package in known.items()} == {crate: recorded[crate] for crate in known}


@pytest.mark.parametrize("licence", DENY["licenses"]["allow"])
def test_deny_toml_allows_no_licence_that_no_crate_needs(licence: str) -> None:
    needed = [
        crate
        for crate, expression in licences().items()
        if not any(offered <= allowed(crate) - {licence} for offered in THIRD_PARTY.alternatives(expression))
    ]

    assert needed


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.partition("+")[0].split(".")]


def test_deny_toml_takes_crates_from_the_one_registry_that_the_lock_file_names() -> None:
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    named = {package["source"].removeprefix("registry+") for package in packages if "source" in package}

    assert DENY["sources"]["unknown-registry"] == DENY["sources"]["unknown-git"] == "deny"
    assert set(DENY["sources"]["allow-registry"]) == named
    assert not DENY["sources"].get("allow-git")


def test_deny_toml_lists_every_crate_that_is_there_twice_and_none_that_is_banned_is_there() -> None:
    versions: dict[str, list[str]] = {}
    for crate in sorted(THIRD_PARTY.locked(), key=lambda crate: numbers(crate.version)):
        versions.setdefault(crate.name, []).append(crate.version)
    older = {f"{name} {version}" for name, found in versions.items() for version in found[:-1]}
    skipped = {
        f"{name} {version}"
        for name, _, wanted in (entry["crate"].partition(":") for entry in DENY["bans"]["skip"])
        for version in versions.get(name, ())
        if version.startswith(f"{wanted}.")
    }

    assert DENY["bans"]["multiple-versions"] == "deny"
    assert skipped == older
    assert len(DENY["bans"]["skip"]) == len(older), "an entry that skips nothing"
    assert not {entry["crate"] for entry in DENY["bans"]["deny"]} & set(versions)


def test_deny_toml_ignores_no_advisory_without_a_reason() -> None:
    advisories = DENY["advisories"]

    assert advisories["yanked"] == "deny"
    assert all(entry["reason"] for entry in advisories["ignore"])


def test_the_security_policy_says_how_to_report_and_links_to_what_is_there() -> None:
    policy = (ROOT / "SECURITY.md").read_text()

    assert "/security/advisories/new" in policy
    for heading in ("## Reporting a vulnerability", "## Supported versions", "## Threat model", "### What is not protected"):
        assert f"{heading}\n" in policy
    for page in ("docs/encryption.md", "docs/paging.md", "docs/embedded.md", "docs/formats.md", "docs/bulk.md"):
        assert f"]({page}" in policy
