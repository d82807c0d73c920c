"""Access patterns: what models say about how their tables are read and written, and what that costs, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pydynox._core as _core
from pydynox._declaration.compile import completed
from pydynox._declaration.entities import entity_of

from .models import indexes_of, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .models import DeclaredIndex

    Model = type[Any]
    Row = tuple[str, str, str, str]


class Tables(NamedTuple):
    """Models by the table that they share."""

    by_name: dict[str, list[Model]]

    @classmethod
    def of(cls, models: Sequence[Model], prefix: str = "") -> Tables:
        """The tables of these models, by the names that are sent."""
        by_name: dict[str, list[Model]] = {}
        for model in models:
            name = model.model_config.table or ""
            by_name.setdefault(name if name.startswith("arn:") else prefix + name, []).append(model)
        return cls(by_name)


def markdown(tables: Tables, repositories: Mapping[Model, str] | None = None) -> str:
    """The access patterns of all tables.

    Args:
        tables: The models.
        repositories: The names of the repositories among them, by their model.
    """
    lines = [
        "# Access patterns",
        "",
        "Read units are per 4 KB, write units per KB of an item, rounded up; a query adds up the items before it rounds. A write",
        "costs the size before or after it, whichever is larger, and what its indexes cost in addition.",
    ]
    for name, models in tables.by_name.items():
        lines += ["", f"## Table {_code(name)}", "", *_table(models)]
        for model in models:
            lines += ["", f"### {model.__name__}{_entity(model)}", "", *_model(model, (repositories or {}).get(model))]
    return "\n".join(lines) + "\n"


def _table(models: list[Model]) -> Iterator[str]:
    declared: Any = _core.table_declaration(models[0]._schema)
    types = {one["AttributeName"]: one["AttributeType"] for one in declared["AttributeDefinitions"]}
    yield f"Key: {', '.join(f'{_code(name)} ({types[name]})' for name in key_of(models[0]))}"
    indexes = {index.name: index for model in models for index in indexes_of(model)}
    if indexes:
        yield ""
        yield from _rows(("index", "kind", "key", "projects"), [_index(index) for index in indexes.values()])


def _index(index: DeclaredIndex) -> Row:
    projected = "everything" if index.projected is None else ", ".join(map(_code, index.projected)) or "its keys"
    kind = "global, eventually consistent" if index.is_global else "local"
    return _code(index.name), kind, ", ".join(map(_code, index.keys)), projected


def _entity(model: Model) -> str:
    entity = entity_of(model)
    return "" if entity is None else f" (entity {_code(entity)})"


def _model(model: Model, repository: str | None) -> Iterator[str]:
    definition = completed(model)
    stored = {attribute.attribute_name: attribute for attribute in definition.attributes.values()}
    templates = [one for one in definition.attributes.values() if one.options.template is not None]
    for attribute in templates:
        yield f"* {_code(attribute.attribute_name)} is {_code(attribute.options.template)}"
    encrypted = [attribute.name for attribute in definition.attributes.values() if attribute.options.protection == "encrypted"]
    if encrypted:
        yield f"* encrypted: {', '.join(map(_code, encrypted))}; a data key is asked of the keyring and cached"
    if templates or encrypted:
        yield ""
    yield from _rows(("access", "call", "sends", "costs"), list(_access(model, stored, repository)))


def _access(model: Model, stored: dict[str, Any], repository: str | None) -> Iterator[Row]:
    keys = key_of(model)
    whole = _arguments(stored, keys)
    calls = _calls(model, whole, repository)
    name = calls.name
    reads = "1 read unit" if model.model_config.consistent_read else "0.5 read units, 1 if consistent"
    yield "item by key", f"{name}.get({whole})", "GetItem", reads
    yield "items by key", calls.batch_get, "BatchGetItem", f"{reads}, for each item"
    if len(keys) > 1:
        yield "items of a partition", f"{name}.query({_arguments(stored, keys[:1])})", "Query", reads
        for sort in _prefixes(stored, keys):
            yield "part of a partition", f"{name}.query({sort})", "Query", reads
    indexes = indexes_of(model)
    for index in indexes:
        if any(key not in stored for key in index.keys):
            continue  # of another model of the table: this one's items are not in the index
        first = index.partition if index.is_global else keys[:1]
        also = "" if index.projected is None else "; with hydrate(), what each item costs too"
        cost = ("0.5 read units" if index.is_global else reads) + also
        place = _attribute(model, index) if repository is None else f'index("{index.name}")'
        yield f"by {_code(index.name)}", f"{name}.{place}.query({_arguments(stored, first)})", "Query", cost
    unique = completed(model).unique
    extra = _index_cost(indexes)
    if unique:
        guards = "its guard" if len(unique) == 1 else f"each of {len(unique)} guards"
        guarded = f"2 write units, and 2 for {guards}{extra}"
        yield "new item", calls.create, "TransactWriteItems", guarded
        yield "changed item", calls.save, "UpdateItem, or TransactWriteItems for a unique value", f"1 write unit, or {guarded}"
        yield "deleted item", calls.delete, "TransactWriteItems", guarded
    else:
        yield "new item", calls.create, "PutItem", f"1 write unit{extra}"
        yield "changed item", calls.save, "UpdateItem", f"1 write unit{extra}"
        yield "deleted item", calls.delete, "DeleteItem", f"1 write unit{extra}"
    if not unique:
        yield "changed by key", f"{name}.key({whole}).update(...)", "UpdateItem", f"1 write unit{extra}"
    yield "all items", f"{name}.scan()", "Scan", "0.5 read units, for everything in the table"


class _Calls(NamedTuple):
    """How the calls of a model or a repository are written."""

    name: str
    batch_get: str
    create: str
    save: str
    delete: str


def _calls(model: Model, key: str, repository: str | None) -> _Calls:
    if repository is None:
        name = model.__name__
        return _Calls(name, f"client.batch_get({name}.key({key}), ...)", f"{name}(...).create()", "item.save()", "item.delete()")
    batch_get, create = f"batch_get([{repository}.key({key}), ...])", f"create({model.__name__}(...))"
    return _Calls(repository, *(f"{repository}.{call}" for call in (batch_get, create, "save(item)", "delete(item)")))


def _index_cost(indexes: Sequence[DeclaredIndex]) -> str:
    if not indexes:
        return ""
    names = ", ".join(_code(index.name) for index in indexes)
    return f"; + 1 for each of {names} that it changes, 2 where its key changes"


def _attribute(model: Model, index: DeclaredIndex) -> str:
    """The name of an index in its class."""
    for cls in model.__mro__:
        for name, value in vars(cls).items():
            if getattr(value, "name", None) == index.name and hasattr(value, "is_global"):
                return name
    return index.name


def _arguments(stored: dict[str, Any], keys: Sequence[str]) -> str:
    """The parameters that give these keys: their attributes, or those that their templates are built from."""
    names = dict.fromkeys(name for key in keys for name in sources(stored[key]))
    return ", ".join(f"{name}=..." for name in names)


def _prefixes(stored: dict[str, Any], keys: Sequence[str]) -> Iterator[str]:
    """The parameters for parts of a sort key that a template builds: the longest known prefix is read."""
    partition, sort = stored[keys[0]], stored[keys[1]]
    if sort.options.template is None:
        partition_key = _arguments(stored, keys[:1])  # none where it is the same text for all items
        yield f"<condition on {_public_name(sort)}>{', ' if partition_key else ''}{partition_key}"
        return
    names = list(dict.fromkeys(sources(partition)))
    for name in sources(sort)[:-1]:
        if name not in names:
            names.append(name)
            yield ", ".join(f"{one}=..." for one in names)


def _public_name(attribute: Any) -> str:
    name: str = attribute.options.public_name or attribute.name
    return name


def sources(attribute: Any) -> list[str]:
    """The attributes that a value is given by."""
    import string

    template = attribute.options.template
    if template is None:
        return [_public_name(attribute)]
    return [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        cells = [_code(cell) if column == 1 and head[1] == "call" else cell for column, cell in enumerate(row)]
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _code(text: str | None) -> str:
    return f"`{text}`"
