"""The warning about cursors that anybody can write."""

from __future__ import annotations

import warnings


class CursorWarning(UserWarning):
    """A client without ``cursor_keys`` went on after a cursor: whoever can send one chooses where the reading goes on.

    Said once per client, and never for the embedded engine. Give ``DynamoDBClient(cursor_keys=[...])`` where cursors come from
    others; where they are your own, filter the warning.
    """


def warn_of_cursors() -> None:
    """Called by the border when a client goes on after the first cursor that it could not authenticate."""
    from .cost import caller

    message = (
        "this client has no cursor_keys, so that anybody can write the cursor it goes on after: "
        "give it DynamoDBClient(cursor_keys=[secret]) if cursors come from outside of the program (docs/paging.md)"
    )
    frame = caller()
    if frame is None:
        warnings.warn(message, CursorWarning, stacklevel=2)
        return
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, CursorWarning, frame.f_code.co_filename, frame.f_lineno, registry=registry)
