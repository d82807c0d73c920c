"""How the reference reads the docstrings of this project: the section that griffe calls Examples has one example here."""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)


class OneExample(griffe.Extension):
    """Reads ``Example:`` as the section of that kind, so that its lines are shown as code."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the section before griffe parses it."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub("Examples:", obj.docstring.value)
