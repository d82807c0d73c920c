"""Re-encrypting stored values: after a key was added, or after an attribute became encrypted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import pydynox._core as _core
from pydynox._client.gather import gather
from pydynox._declaration.compile import completed, path_of
from pydynox._declaration.entities import entity_of
from pydynox._shared.public import public
from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox.cost import reporting
from pydynox.default_client import client_for
from pydynox.exceptions import ConditionFailedError, ConfigurationError, ItemNotFoundError
from pydynox.expressions import attr
from pydynox.key import Key

from .resuming import find_target, job_of, remember, resumed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydynox.client import DynamoDBClient
    from pydynox.cost import Progress
    from pydynox.exceptions import SerializationError
    from pydynox.model import Model
    from pydynox.query import Query

    from .resuming import Target

# The start of an envelope, and the offset of the length of its key's name; docs/formats.md describes the whole envelope.
_MAGIC = b"\xd9\x70"
_KEY_REF = 5


@public
class Reencrypted(NamedTuple):
    """The result of ``reencrypt``."""

    read: int
    """Number of items read."""
    stale: int
    """Number of items with values in plaintext or encrypted with a key other than the newest."""
    written: int
    """Number of stale items that were re-encrypted; another writer changed the others first, or it was a dry run."""


async def reencrypt(
    model: type[Model[Any, *tuple[Any, ...]]],
    /,
    *,
    client: DynamoDBClient | None = None,
    dry_run: bool = False,
    note: str | os.PathLike[str] | None = None,
    resume: bool = False,
    after: str | None = None,
    progress: Callable[[Progress], object] | None = None,
    on_invalid: Callable[[SerializationError], object] | None = None,
    timeout: float | None = NOT_GIVEN,
) -> Reencrypted:
    """Re-encrypt every value of a model that is not encrypted with the newest key. Sends Scan, BatchGetItem and UpdateItem.

    It is safe while items are in use: an item is written only if its encrypted values are still stored as they were read;
    anything another writer stores in the meantime already uses the newest key. Versions and ``updated_at`` advance; hooks do not
    run. Plaintext values require ``on_plaintext="migrate"`` on the attribute.

    Args:
        model: The model; run models that share a table one by one.
        client: The client, with the keyring; defaults to the model's, or the one in effect. Its ``RateLimit`` limits the job.
        dry_run: Count items without writing anything.
        note: A file that records the progress after each page; it is removed at the end.
        resume: Continue from the ``note``, or start if there is none.
        after: Continue after the row at which an earlier run stopped: the ``cursor`` of its error.
        progress: Called after each page with a ``Progress``: the number of items read, and more.
        on_invalid: Called with the error of each item that cannot be decrypted, which has the item's ``key``; the item is left
            unchanged. By default, the first one raises.
        timeout: Seconds that each request may take, like ``client.options(timeout=...)``; None for no limit.

    Raises:
        ConfigurationError: The model has no encrypted attribute, the client has no keyring, the job to resume is a different one,
            or both a note and ``after`` give the position to continue from.
        CursorError: ``after`` is not a cursor of this table.
        FileExistsError: The note exists, and ``resume`` is not set.
        EncryptionError: A value cannot be decrypted, and there is no ``on_invalid``; the error's ``key`` names the item. The
            items before it are done, and ``after=error.cursor`` continues after it.

    Example:
        >>> await reencrypt(Patient, note="patients.reencrypt")
        Reencrypted(read=1042, stale=17, written=17)

    Costs: half a read unit per 4 KB of the table; for each stale item a read unit per 4 KB and a write unit per KB.
    """
    if timeout is not NOT_GIVEN:
        client = client or client_for(model.model_config.client)
        return await limited(
            client,
            timeout,
            reencrypt(
                model,
                client=client,
                dry_run=dry_run,
                note=note,
                resume=resume,
                after=after,
                progress=progress,
                on_invalid=on_invalid,
            ),
        )
    attributes = [a for a in completed(model).attributes.values() if a.options.protection == "encrypted"]
    if not attributes:
        raise ConfigurationError(f"{model.__name__} has no encrypted attribute", model=model.__name__)
    client = client or client_for(model.model_config.client)
    keyring = client.keyring
    if keyring is None:
        raise ConfigurationError("the client has no keyring: DynamoDBClient(keyring=...)")
    if not hasattr(keyring, "key_name"):
        raise ConfigurationError("the keyring does not name its newest key: give it the attribute key_name")
    target = await find_target(model, client)
    path = None if note is None else os.fspath(note)
    job = job_of("reencrypt", target) | {"model": model.__name__}
    state = None if path is None or target.is_explained else resumed(path, job, resume=resume)
    counts = ("read", "stale", "written", "after")
    if state is not None and after is not None:
        raise ConfigurationError(f"{path} and after= both give the position to continue from: pass only one of the two")
    read, stale, written, after = (0, 0, 0, after) if state is None else [state[name] for name in counts]
    rows = _rows(model, client, target.name)
    with reporting(client.core, progress, done=read) as report:
        async for page in rows.after(after).pages(100):
            read += len(page)
            old = [(item, names) for item in page if (names := _stale(item, attributes, keyring))]
            stale += len(old)
            if old and not dry_run:
                # Keys find their client themselves: in this block it is this one.
                with client.as_default():
                    written += await _renewed(model, old, rows, target, on_invalid)
            if report is not None:
                report(read)
            if path is not None and page.cursor is not None:
                remember(path, {**job, "read": read, "stale": stale, "written": written, "after": page.cursor})
    if path is not None and os.path.exists(path):
        os.remove(path)
    return Reencrypted(read, stale, written)


def _rows(model: type[Model[Any, *tuple[Any, ...]]], client: DynamoDBClient, table: str) -> Query[dict[str, Any]]:
    """The items of a model in stored form."""
    # As plain dictionaries: which key encrypted a value is known from the envelope, which a model would open.
    rows = client.scan(table).consistent_read()
    entity = entity_of(model)
    return rows if entity is None else rows.filter(attr(model.model_config.entity_attribute) == entity)


def _stale(item: dict[str, Any], attributes: list[Any], keyring: Any) -> list[str]:
    """The attributes of a stored item that are not encrypted with the newest key."""
    newest = keyring.key_name.encode()
    names: list[str] = []
    for attribute in attributes:
        value = item.get(attribute.attribute_name)
        if value is None:
            continue
        if not isinstance(value, bytes) or not value.startswith(_MAGIC) or _key_ref(value) != newest:
            names.append(attribute.name)
    return names


def _key_ref(envelope: bytes) -> bytes:
    length = envelope[_KEY_REF] if len(envelope) > _KEY_REF else 0
    return envelope[_KEY_REF + 1 : _KEY_REF + 1 + length]


async def _renewed(
    model: Any,
    old: list[tuple[dict[str, Any], list[str]]],
    rows: Query[dict[str, Any]],
    table: Target,
    on_invalid: Callable[[SerializationError], object] | None,
) -> int:
    """Write these attributes of these items again, in order; return the number of items written."""
    stored = {name: completed(model).attributes[name].attribute_name for name in model.model_fields}
    keys: list[Key[Any]] = [Key(model, _core.key_of_item(model._schema, item, False)) for item, _ in old]
    errors: dict[Key[Any], SerializationError] = {}

    def keep(error: SerializationError) -> None:
        errors[error.key] = error

    instances = await gather(table.client, "reencrypt", tuple(keys), True, keep)
    written = 0
    for (item, names), key, instance in zip(old, keys, instances, strict=True):
        error = errors.get(key)
        if error is not None:
            error.cursor = _behind(rows, table, item)
            if on_invalid is None:
                raise error
            on_invalid(error)
        if instance is None:
            continue
        actions = [path_of(model, name).set(getattr(instance, name)) for name in names]
        # Written only over the envelopes that were read, so an older value never replaces a newer one.
        guard: Any = None
        for name in names:
            # Not handle_of(): the path of an encrypted attribute is opaque, and this is the one condition that it supports.
            path: Any = path_of(model, name)
            one: Any = path._handle.is_stored_as(item[stored[name]])
            guard = one if guard is None else guard & one
        try:
            await key.update(*actions, condition=guard)
        except (ConditionFailedError, ItemNotFoundError):
            continue  # another writer stored it since, with the newest key
        written += 1
    return written


def _behind(rows: Query[dict[str, Any]], table: Target, item: dict[str, Any]) -> str | None:
    """The cursor that continues a scan after this row; no request is sent."""
    place = rows.after({name: item[name] for name in table.keys})
    return _core.Reading(place.search, table.client.core, False, False, False).cursor()
