"""A plugin, ``pytest -p tests.raised``: says which messages of pydynox's exceptions were raised in tests and are not in docs/messages.md.

What tests let an exception say themselves, and what DynamoDB says, is left over, so this is read by a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from _pytest import raises
from pydynox.exceptions import PydynoxError, RequestError

from tests.house.test_messages import is_found

if TYPE_CHECKING:
    import pytest

SEEN: set[tuple[str, str]] = set()


def pytest_configure() -> None:
    """Look at each exception that a test expects."""
    leave = raises.RaisesExc.__exit__

    def look(self: raises.RaisesExc[Any], cls: Any, error: Any, traceback: Any) -> bool:
        is_services = isinstance(error, RequestError) and error.code
        if isinstance(error, PydynoxError) and not is_services:
            SEEN.add((type(error).__name__, " ".join(str(error).split())))
        return leave(self, cls, error, traceback)

    raises.RaisesExc.__exit__ = look  # type: ignore[method-assign]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what the page lacks."""
    lacking = sorted(seen for seen in SEEN if not is_found(seen[1]))
    terminalreporter.section("messages")
    terminalreporter.write_line(f"{len(SEEN) - len(lacking)} of {len(SEEN)} messages are in docs/messages.md")
    for cls, text in lacking:
        terminalreporter.write_line(f"{cls}: {text}")
