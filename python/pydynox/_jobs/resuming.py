"""Jobs that can be resumed: the note that records which job it is, its table, and its progress."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import pydynox._core as _core
from pydynox.default_client import client_for
from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pydynox.client import DynamoDBClient
    from pydynox.model import Model

    TableLike = str | type[Model[Any, *tuple[Any, ...]]]

VERSION = 1  # of the files that record the progress of an interrupted job


class Target(NamedTuple):
    """A table that exists, and what identifies it."""

    client: DynamoDBClient
    name: str
    arn: str
    created: str
    keys: list[str]
    is_explained: bool = False
    """Whether the job is explained: the keys are those that models declare, and no file may be written."""


async def find_target(table: TableLike, client: DynamoDBClient | None) -> Target:
    if isinstance(table, str):
        name, client = table, client or client_for(None)
    else:
        named = table.model_config.table
        if named is None:
            raise ConfigurationError(
                f'{table.__name__} has no table: declare class {table.__name__}(Model[...], table="...")', model=table.__name__
            )
        name, client = named, client or client_for(table.model_config.client)
    try:
        described = await _core.describe_table(client.core, name)
    except _core.Explained:
        # Of a table, a job only needs the keys; that they are as declared is what the rest of the explanation assumes.
        declared = _declared_keys(table, _core.table_named(client.core, name), client)
        if declared is None:
            raise
        return Target(client, name, "", "", declared, is_explained=True)
    # HASH sorts before RANGE: the partition key comes first.
    keys = [key["AttributeName"] for key in sorted(described["KeySchema"], key=lambda key: key["KeyType"])]
    return Target(client, name, described["TableArn"], str(described["CreationDateTime"]), keys)


def _declared_keys(table: TableLike, sent: str, client: DynamoDBClient) -> list[str] | None:
    """The keys that a model declares; of a table that only its name is known of, those in which its models agree."""
    from pydynox._explain.models import key_of, models
    from pydynox.model import Model

    if not isinstance(table, str):
        return list(key_of(table))
    declared = {
        tuple(key_of(model)) for model in models(Model) if _core.table_named(client.core, model.model_config.table or "") == sent
    }
    return list(declared.pop()) if len(declared) == 1 else None


def job_of(kind: str, target: Target) -> dict[str, Any]:
    """What identifies a job."""
    # With the time of creation: a table that was deleted and created again has the same ARN.
    return {"pydynox": VERSION, "job": kind, "table": target.arn, "made": target.created}


def resumed(note: str, job: dict[str, Any], *, resume: bool) -> dict[str, Any] | None:
    """The recorded progress of an interrupted job; None if there is none."""
    import json

    try:
        with open(note, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    if not resume:
        raise FileExistsError(
            f"{note} records an interrupted job: pass resume=True to continue it, or remove the file to start over"
        )
    try:
        content: Any = json.loads(text)
    except ValueError:
        content = None
    if not issubclass(type(content), dict):
        raise ConfigurationError(f"{note} is not the record of an interrupted job")
    state: dict[str, Any] = content
    words = {
        "job": "the job",
        "first": "the first item",
        "query": "the query",
        "table": "the table",
        "made": "the table's creation",
        "size": "the file",
        "changed": "the file",
    }
    for name, value in job.items():
        # The size of an export's file is its progress; that of an import's file tells whether it is the same file.
        if name == "size" and job["job"] == "export":
            continue
        if state.get(name) != value:
            what = words.get(name, "its version")
            raise ConfigurationError(
                f"{note} belongs to another job: {what} was {state.get(name)!r}, and now is {value!r}; nothing was done"
            )
    return state


def remember(note: str, state: dict[str, Any]) -> None:
    import json

    # Written next to the note and renamed over it, so that a crash never leaves half a note.
    with open(note + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file)
    os.replace(note + ".new", note)
