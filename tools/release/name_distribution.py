"""Give the distribution another name, since the project's own is taken on the index. It is still imported as ``pydynox``.

    python tools/release/name_distribution.py pydynox-rs [pyproject.toml]

Wheels and sdist that are built afterwards have that name. The release workflow does so if the repository's variable
``DISTRIBUTION`` is set.
"""

from __future__ import annotations

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent.parent
#: https://packaging.python.org/en/latest/specifications/name-normalization/
NAME = re.compile(r"[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]")
LINE = re.compile(r'^name = "[^"]*"$', re.MULTILINE)


def renamed(text: str, name: str) -> str:
    """The text of pyproject.toml with that name."""
    if not NAME.fullmatch(name):
        raise SystemExit(f"{name!r} cannot be the name of a distribution")
    before, project, after = text.partition("[project]\n")
    return before + project + LINE.sub(f'name = "{name}"', after, count=1)


def main() -> int:
    """Rewrite the file."""
    path = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "pyproject.toml"  # noqa: PLR2004
    path.write_text(renamed(path.read_text(), sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
