"""The classes of one table, for reading it: its entities, its constraints, and a schema that reads some of them."""

from __future__ import annotations

from typing import Any

import pydynox._core as _core

from .annotations import UnresolvedError
from .compile import complete, completed
from .definition import definition_of
from .entities import constraints_of, entity_of, full_name
from .fields import core_field, template_of
from .protected import protection_of
from .unique import scoped_constraints


def unique_among(cls: type[Any]) -> list[tuple[str, list[str]]]:
    """The constraints of a class, each with the entity among whose items it holds."""
    return scoped_constraints(cls, completed(cls).unique, constraints_of, entity_of)


def find_entity(cls: type[Any], name: str) -> _core.Schema | None:
    """The schema of a subclass that could not be finished when it was defined."""
    definition = definition_of(cls)
    late = None if definition is None else definition.late.get(name)
    if late is None:
        return None
    completed(late)
    schema: _core.Schema = late._schema
    return schema


def family(cls: type[Any]) -> list[type[Any]]:
    """A class and its subclasses so far that share its table and have items; of a class defined twice, the newest."""
    classes: dict[tuple[str, str], type[Any]] = {full_name(cls): cls}
    for sub in cls.__subclasses__():
        definition = definition_of(sub)
        if definition is None or sub.model_config.table != cls.model_config.table:
            continue
        if definition.abstract:
            classes |= {full_name(one): one for one in family(sub) if one is not sub}
            continue
        classes |= {full_name(one): one for one in family(sub)}
    return [one for one in classes.values() if one is cls or _has_items(one)]


def _has_items(cls: type[Any]) -> bool:
    """Whether a subclass has items; not while its annotations name something not defined yet."""
    try:
        return not complete(cls).abstract
    except UnresolvedError:
        return False


def reading_schema(base: type[Any], entities: dict[str, _core.Schema | None]) -> _core.Schema:
    """A schema of a base class's table that reads only the items of some entities."""
    definition, config = completed(base), base.model_config
    fields = [
        core_field(base, attribute, template_of(base, definition, attribute), protection_of(attribute))
        for attribute in definition.attributes.values()
    ]
    declared: _core.Declared = {
        "table": config.table,
        "logical_table": config.logical_table,
        "strict_reads": config.strict_reads,
        "consistent_read": config.consistent_read,
        "hide_expired": False,
        "entity": None,
        "entity_attribute": config.entity_attribute,
        "entities": entities,
        "only_entities": True,
        "indexes": [],
        "unique": [],
        "repair_orphans": False,
    }
    return _core.Schema(base, fields, declared)
