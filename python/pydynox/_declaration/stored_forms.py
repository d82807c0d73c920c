"""The warning about keys that are stored in another form than their class declares."""

from __future__ import annotations

import warnings

from pydynox._shared.public import public


@public
class StoredFormWarning(UserWarning):
    """A loaded item has a datetime, date or time in its key, or in the key of an index, in another form than its model declares.

    The value reads the same, and looking for it finds nothing: ``get``, queries and conditions send the declared form. Emitted
    once for each model and form, naming the format that fits. Declare that format for the attribute, or write the items again.
    """


def warn_of_form(message: str) -> None:
    """Warn of a stored key in another form; the extension calls this for the first item of each form."""
    from pydynox.cost import caller

    frame = caller()
    if frame is None:
        warnings.warn(message, StoredFormWarning, stacklevel=2)
        return
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, StoredFormWarning, frame.f_code.co_filename, frame.f_lineno, registry=registry)
