"""Write THIRD-PARTY.md: what is linked into the extension, under which licence, with the texts that come with it.

python tools/gen_third_party.py            # write; needs the sources of every crate: cargo fetch --locked
python tools/gen_third_party.py --check    # exit with 1 where the page is stale; compiles nothing, downloads nothing
"""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
from typing import Any, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "THIRD-PARTY.md"
TARGET = "x86_64-unknown-linux-gnu"
EXTENSION = "pydynox-python"
#: A file that contains this next to another text is about a choice of licences, and is used unchanged.
POINTER = "Licensed under the Apache License, Version 2.0"
WITHIN = "C and assembly within these crates:"
LINKED, UNLINKED = "## Linked into the extension", "## Used to build and test only"
ROW = re.compile(r"^\| ([\w-]+) \| (\d[^ |]*) \| ([^|]+) \|", re.MULTILINE)

#: Where an expression offers a choice, the licence that comes first here is taken.
PREFERENCE = (
    "MIT", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "ISC", "Zlib", "Unicode-3.0", "CDLA-Permissive-2.0", "BSL-1.0", "0BSD",
    "Unlicense", "Apache-2.0 WITH LLVM-exception", "NCSA", "LGPL-2.1-or-later",
)  # fmt: skip

#: What the text of a licence is recognised by.
MARKS = {
    "Apache-2.0 WITH LLVM-exception": "LLVM Exceptions to the Apache 2.0 License",
    "Apache-2.0": "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION",
    "MIT": "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated doc",
    "ISC": "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee",
    "Unicode-3.0": "UNICODE LICENSE V3",
    "CDLA-Permissive-2.0": "Community Data License Agreement",
    "Zlib": "Altered source versions must be plainly marked",
    "BSD-3-Clause": "Neither the name",
    "BSD-2-Clause": "Redistribution and use in source and binary forms",
}

#: Files that apply in addition to a crate's own licence: it contains code of others.
PARTS = {
    "dynoxide-rs": ("NOTICE",),
    "atomic-waker": ("LICENSE-THIRD-PARTY",),
    "ring": ("LICENSE", "third_party/fiat/LICENSE", "src/polyfill/once_cell/LICENSE-MIT"),
    "zstd-sys": ("zstd/LICENSE",),
    "libmimalloc-sys": ("c_src/mimalloc/v2/LICENSE",),
}

#: C libraries within crates: the crate, the library, its licence, and where it states its version.
LIBRARIES = (
    ("libsqlite3-sys", "SQLite", "public domain", "sqlite3/sqlite3.h", r'#define SQLITE_VERSION\s+"([\d.]+)"'),
    ("zstd-sys", "zstd", "BSD-3-Clause (or GPL-2.0, which is not taken)", "Cargo.toml", r'version = "[^"]*zstd\.([\d.]+)"'),
    ("libmimalloc-sys", "mimalloc", "MIT", "c_src/mimalloc/v2/include/mimalloc.h", r"#define MI_MALLOC_VERSION (\d+)"),
    ("ring", "parts of BoringSSL and fiat-crypto", "Apache-2.0, ISC, MIT", "", ""),
)


class SourcesMissingError(Exception):
    """What the comparison needs is not on this machine."""


class Crate(NamedTuple):
    """A package of the lock file."""

    name: str
    version: str


@dataclasses.dataclass
class Text:
    """One licence text, and whose it is."""

    licence: str
    body: str
    holders: dict[str, list[str]] = dataclasses.field(default_factory=dict[str, list[str]])


def alternatives(expression: str) -> set[frozenset[str]]:
    """The sets of licences that an SPDX expression offers, each enough by itself; the old form with a slash means OR."""
    tokens = re.findall(r"\(|\)|[\w.+-]+(?: WITH [\w.-]+)?", re.sub(r"\s*/\s*", " OR ", expression))

    def atom() -> set[frozenset[str]]:
        word = tokens.pop(0)
        if word != "(":
            return {frozenset([word])}
        inner = any_of()
        tokens.pop(0)
        return inner

    def all_of() -> set[frozenset[str]]:
        offered = atom()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            other = atom()
            offered = {one | two for one in offered for two in other}
        return offered

    def any_of() -> set[frozenset[str]]:
        offered = all_of()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            offered |= all_of()
        return offered

    return any_of()


def taken(expression: str) -> list[str]:
    """The licences that are taken of an expression."""
    ranked = (sorted(PREFERENCE.index(licence) for licence in offered) for offered in alternatives(expression))
    return [PREFERENCE[rank] for rank in min(ranked, key=lambda ranks: (max(ranks), ranks))]


def cargo(*arguments: str) -> str:
    """What cargo says, without a network."""
    try:
        done = subprocess.run(
            ["cargo", *arguments, "--locked", "--offline"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except FileNotFoundError as error:
        message = "there is no cargo on this machine"
        raise SourcesMissingError(message) from error
    except subprocess.CalledProcessError as error:
        raise SourcesMissingError(str(error.stderr).strip().split("\n")[0]) from error
    return done.stdout


def locked() -> set[Crate]:
    """Every crate of others in the lock file."""
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {Crate(package["name"], package["version"]) for package in packages if "source" in package}


def linked() -> set[Crate]:
    """The crates that end up in the extension: no macros, nothing that only builds or tests it."""
    edges = "normal,no-proc-macro"
    lines = cargo("tree", "-p", EXTENSION, "-e", edges, "--target", TARGET, "--prefix", "none", "--no-dedupe").splitlines()
    crates = {Crate(line.split()[0], line.split()[1].removeprefix("v")) for line in lines if line}
    return crates & locked()


def manifests() -> dict[Crate, dict[str, Any]]:
    """What cargo knows of each crate that it needs here, and the manifests of others that it once unpacked."""
    packages = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET))["packages"]
    known = {Crate(package["name"], package["version"]): package for package in packages if package["source"]}
    home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    for crate in locked() - set(known):
        for path in (home / "registry" / "src").glob(f"*/{crate.name}-{crate.version}/Cargo.toml"):
            known[crate] = tomllib.loads(path.read_text())["package"]
    return known


def recorded(page: str) -> tuple[dict[Crate, str], dict[Crate, str]]:
    """The licences of the two tables of a page: linked, not linked."""
    before, _, after = page.partition(UNLINKED)
    linked_part = before.partition(LINKED)[2].partition(WITHIN)[0]
    first, second = ({Crate(row[1], row[2]): row[3].strip() for row in ROW.finditer(part)} for part in (linked_part, after))
    return first, second


def kinds_of(text: str) -> list[str]:
    """Which licences a file holds the text of."""
    plain = " ".join(text.split()).casefold()
    kinds = [licence for licence, mark in MARKS.items() if mark.casefold() in plain]
    implied = {"BSD-3-Clause": "BSD-2-Clause", "Apache-2.0 WITH LLVM-exception": "Apache-2.0"}
    return [kind for kind in kinds if all(kind != implied.get(other) for other in kinds)]


def is_of_one(text: str) -> bool:
    """Whether a file is the text of one licence and speaks of no other."""
    kinds = kinds_of(text)
    return len(kinds) == 1 and (kinds[0] == "Apache-2.0" or ("terms of the Apache" not in text and POINTER not in text))


def read(path: pathlib.Path) -> str:
    """The text of a file, out of the comment that it may be."""
    lines = path.read_text().replace("\f", "").splitlines()
    if all(line.startswith("//") for line in lines if line):
        lines = [line.removeprefix("//").removeprefix(" ") for line in lines]
    return "\n".join(lines)


def own_texts(folder: pathlib.Path) -> dict[str, str]:
    """The texts at the top of a crate's folder, by licence: the file of that one alone first, else the one that has it too."""
    names = re.compile(r"(licen[cs]e(?!-third)|copying)", re.IGNORECASE)
    files = [read(path) for path in sorted(folder.iterdir()) if names.match(path.name) and path.is_file()]
    found: dict[str, str] = {}
    for text in sorted(files, key=lambda text: (len(kinds_of(text)), -len(text))):
        for licence in kinds_of(text):
            found.setdefault(licence, text)
    return found


TITLE = re.compile(r"(the )?(MIT|ISC|zlib|BSD [23]-clause)( license)?( \(MIT\))?:?|=+|all rights reserved\.?", re.IGNORECASE)


def split(text: str) -> tuple[str, list[str]]:
    """A text without its title and the lines that name holders of rights, and those lines; a file of several stays whole."""
    if not is_of_one(text):
        return text.strip("\n"), []
    holders: list[str] = []
    body: list[str] = []
    for line in text.splitlines():
        plain = line.strip().lstrip("#*- ").strip("*")
        if re.match(r"(Portions )?(Copyright\b(?! notice)|\(c\) \d|©)", plain):
            if "[yyyy]" not in plain and "{yyyy}" not in plain:
                holders.append(plain)
        elif not TITLE.fullmatch(plain):
            body.append(line.rstrip())
    return "\n".join(body).strip("\n"), holders


def fingerprint(body: str, licence: str) -> str:
    """What two prints of one text have in common."""
    if licence == "Apache-2.0":
        body = body.partition(MARKS[licence])[2].partition("END OF TERMS AND CONDITIONS")[0]
    return re.sub(r"[^a-z0-9]+", " ", re.sub(r"https?://\S+", "", body).casefold()).strip()


def gather(crates: set[Crate], known: dict[Crate, dict[str, Any]]) -> tuple[list[Text], dict[Crate, list[Text]], list[Crate]]:
    """The texts without repetition, those of each crate, and the crates that carry none."""
    texts: dict[tuple[str, str], Text] = {}
    of_crate: dict[Crate, list[Text]] = collections.defaultdict(list)
    without: list[tuple[Crate, str]] = []

    def add(crate: Crate, licence: str, text: str) -> None:
        body, holders = split(text)
        one = texts.setdefault((licence, fingerprint(body, licence)), Text(licence, body))
        held = one.holders.setdefault(f"{crate.name} {crate.version}", [])
        held += [holder for holder in holders if holder not in held]
        if one not in of_crate[crate]:
            of_crate[crate].append(one)

    for crate in sorted(crates):
        folder = pathlib.Path(known[crate]["manifest_path"]).parent
        own = own_texts(folder)
        for licence in taken(known[crate]["license"]):
            if licence in own:
                add(crate, licence, own[licence])
            else:
                without.append((crate, licence))
        for name in PARTS.get(crate.name, ()):
            text = read(folder / name)
            add(crate, kinds_of(text)[0] if is_of_one(text) else "", text)
    for crate, licence in without:
        standard = max((text for text in texts.values() if text.licence == licence), key=lambda text: len(text.holders))
        authors = ", ".join(known[crate].get("authors", [])) or f"the authors of {crate.name}"
        standard.holders[f"{crate.name} {crate.version}"] = [f"by {re.sub(r' <[^>]*>', '', authors)}"]
        of_crate[crate].append(standard)
    ordered = sorted(texts.values(), key=lambda text: (text.licence or "~", -len(text.holders), min(text.holders)))
    return ordered, of_crate, [crate for crate, _ in without]


INTRODUCTION = """\
# Third-party licences

<!-- Generated by tools/gen_third_party.py; do not edit. -->

pydynox itself is under the MIT licence; see `LICENSE`. This page lists the third-party code that is statically linked into its
extension module, as built for Linux on x86-64. Where a licence expression offers a choice, pydynox takes MIT, else Apache-2.0.
The last column refers to the numbered texts at the end of the page.

The Rust standard library is linked in as well: by the Rust Project's contributors, under MIT or Apache-2.0.
"""


def render(crates: set[Crate], known: dict[Crate, dict[str, Any]], others: dict[Crate, str]) -> str:
    """The page."""
    texts, of_crate, without = gather(crates, known)
    number = {id(text): position for position, text in enumerate(texts, 1)}
    lines = [INTRODUCTION, LINKED, "", "| crate | version | licence | text |", "|---|---|---|---|"]
    for crate in sorted(crates):
        numbers = ", ".join(str(one) for one in sorted(number[id(text)] for text in of_crate[crate]))
        lines.append(f"| {crate.name} | {crate.version} | {known[crate]['license']} | {numbers} |")
    lines += [
        "",
        WITHIN,
        "",
        "| library | version | licence | in the crate |",
        "|---|---|---|---|",
    ]
    for name, library, licence, file, pattern in LIBRARIES:
        crate = next(crate for crate in crates if crate.name == name)
        match = re.search(pattern, (pathlib.Path(known[crate]["manifest_path"]).parent / file).read_text()) if file else None
        version = match[1] if match else "as of the crate"
        if library == "mimalloc":  # 20302 is 2.3.2
            version = ".".join(str(int(part)) for part in re.findall(r"\d{1,2}", version.zfill(6)))
        lines.append(f"| {library} | {version} | {licence} | `{name}` |")
    names = ", ".join(f"`{crate.name}`" for crate in without)
    lines += [
        "",
        "The authors of SQLite disclaim copyright to its source code. In place of a licence there is a blessing: may you do",
        "good and not evil; may you find forgiveness for yourself and forgive others; may you share freely, never taking more",
        "than you give.",
        "",
        f"These crates carry no text of the licence that is taken: {names}. They are listed under the standard text, with their",
        "authors.",
        "",
        UNLINKED,
        "",
        "The rest of `Cargo.lock`: build scripts, procedural macros, tests and other platforms. None of it is in the extension.",
        "",
        "| crate | version | licence |",
        "|---|---|---|",
        *(f"| {crate.name} | {crate.version} | {others[crate]} |" for crate in sorted(others)),
        "",
        "## Texts",
    ]
    for position, text in enumerate(texts, 1):
        lines += ["", f"### {position}. {text.licence or 'Notices of ' + ', '.join(sorted(text.holders))}", ""]
        if text.licence:
            lines += [f"- {crate}{': ' if held else ''}{'; '.join(held)}" for crate, held in sorted(text.holders.items())] + [""]
        lines += ["```text", text.body.replace("```", "'''"), "```"]
    return "\n".join(line.rstrip() for line in "\n".join(lines).splitlines()) + "\n"


def written(page: str) -> str:
    """Regenerate the page; what this machine does not know of crates that are not linked is taken from the existing page."""
    crates, known = linked(), manifests()
    missing = [crate for crate in crates if crate not in known or not pathlib.Path(known[crate]["manifest_path"]).exists()]
    if missing:
        raise SourcesMissingError(f"no source of {missing[0].name} {missing[0].version}")
    _, before = recorded(page)
    others = {crate: known[crate]["license"] if crate in known else before.get(crate, "") for crate in locked() - crates}
    unknown = sorted(crate for crate, licence in others.items() if not licence)
    if unknown:
        raise SourcesMissingError(f"no licence of {unknown[0].name} {unknown[0].version}")
    return render(crates, known, others)


def names_alone(page: str) -> list[str]:
    """What a page says of crates that the lock file does not, and the other way round."""
    first, second = recorded(page)
    listed = set(first) | set(second)
    wrong = [f"{crate.name} {crate.version} is in Cargo.lock and not on the page" for crate in sorted(locked() - listed)]
    wrong += [f"{crate.name} {crate.version} is on the page and not in Cargo.lock" for crate in sorted(listed - locked())]
    for crate, licence in sorted((first | second).items()):
        unknown = {name for offered in alternatives(licence) for name in offered} - set(PREFERENCE)
        wrong += [f"{crate.name} {crate.version} has a licence that is not known: {name}" for name in sorted(unknown)]
    return wrong


def main() -> int:
    """Write the page, or with ``--check`` compare it."""
    page = PAGE.read_text() if PAGE.exists() else ""
    is_check = "--check" in sys.argv[1:]
    try:
        after = written(page)
    except SourcesMissingError as error:
        if not is_check:
            print(f"{error}: run cargo fetch --locked first")
            return 1
        wrong = names_alone(page)
        print(f"{error}: compared names, versions and licences with Cargo.lock, not the texts")
    else:
        wrong = ["THIRD-PARTY.md is not current"] if after != page else []
        if not is_check:
            PAGE.write_text(after)
            return 0
    if wrong:
        print("\n".join([*wrong, "run python tools/gen_third_party.py"]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
