"""What the tests of faults read and write, and how the service would answer."""

from __future__ import annotations

from typing import Any

from pydynox import Attr, Model, field, partition_key

from .deeds import answer, error


class Note(Model[str], table="notes"):
    """The smallest model with something to change."""

    note_id: Attr[str] = partition_key()
    text: Attr[str] = field(default="")
    tags: Attr[list[str]] = field(default_factory=list)


def stored(**attributes: Any) -> dict[str, Any]:
    return {"note_id": {"S": "n1"}, "text": {"S": "hello"}, **attributes}


FOUND = answer({"Item": stored()})
DONE = answer({})
TAKEN = error("ConditionalCheckFailedException", Item=stored())
NOTE = Note(note_id="n1", text="hello")
