"""What a message is about, by the file that has it, as topics.toml says."""

from __future__ import annotations

import pathlib
import tomllib
from typing import NamedTuple


class Topic(NamedTuple):
    """A group of messages."""

    title: str
    page: str
    remedy: str
    files: tuple[str, ...]


def topics() -> tuple[Topic, ...]:
    """All of them, in the order of the file beside this one."""
    read = tomllib.loads((pathlib.Path(__file__).parent / "topics.toml").read_text())["topic"]
    return tuple(Topic(topic["title"], topic["page"], topic["remedy"], tuple(topic["files"])) for topic in read)


TOPICS = topics()


class UnknownFileError(Exception):
    """A file has messages, and no topic names it."""


def topic_of(file: str) -> Topic:
    """The topic of a file."""
    path = file.removeprefix("crates/pydynox-")
    fitting = [(len(prefix), topic) for topic in TOPICS for prefix in topic.files if path.startswith(prefix)]
    if not fitting:
        raise UnknownFileError(f"{file} has texts of errors: say what they are about in tools/messages/topics.toml")
    return max(fitting, key=lambda found: found[0])[1]
