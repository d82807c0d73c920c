"""The warning about cursors that are not authenticated."""

from __future__ import annotations

import warnings

from ._shared.public import public


@public
class CursorWarning(UserWarning):
    """A client without ``cursor_keys`` continued from a cursor: any caller that can send a cursor chooses where reading resumes.

    Emitted once per client, and never for the embedded engine. Pass ``DynamoDBClient(cursor_keys=[...])`` if cursors come from
    outside the program; if they are your own, filter the warning.
    """


def warn_of_cursors() -> None:
    """Warn about a client without ``cursor_keys``; the extension calls this for the first cursor it cannot authenticate."""
    from .cost import caller

    message = (
        "this client has no cursor_keys, so the cursor it continues from may be forged: "
        "pass DynamoDBClient(cursor_keys=[secret]) if cursors come from outside the program (docs/paging.md)"
    )
    frame = caller()
    if frame is None:
        warnings.warn(message, CursorWarning, stacklevel=2)
        return
    # Once per line of user code, as warn_of_size() in cost.py does.
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, CursorWarning, frame.f_code.co_filename, frame.f_lineno, registry=registry)
