"""Print what the changelog says of a version, and refuse a tag that is not the version of the sources.

python tools/release/notes.py v0.1.0
"""

from __future__ import annotations

import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).parent.parent.parent


def notes(tag: str, version: str, changelog: str) -> str:
    """The section of that version."""
    if tag != f"v{version}":
        raise SystemExit(f"the tag is {tag}, and Cargo.toml has version {version}")
    found = re.search(rf"^## \[?{re.escape(version)}\b[^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        raise SystemExit(f"CHANGELOG.md has no section of {version}")
    return found[1].strip() + "\n"


def main() -> int:
    """Print them."""
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    print(notes(sys.argv[1], version, (ROOT / "CHANGELOG.md").read_text()), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
