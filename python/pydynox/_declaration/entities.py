"""Classes that share a table: their entity names, and what they register with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydynox._core as _core

from .annotations import fail
from .definition import Definition, definition_attributes, definition_of

if TYPE_CHECKING:
    from .unique import Constraint


def wider_definitions(cls: type[Any], definition: Definition) -> list[Definition]:
    """The definitions of the bases that read the items of this class as theirs."""
    if definition.entity is None:
        return []
    return [wider for wider in map(definition_of, cls.__mro__[1:]) if wider is not None]


def announce(cls: type[Any], definition: Definition) -> None:
    """Register the entity name of a class with its bases."""
    name = definition.entity or ""
    for base in wider_definitions(cls, definition):
        other = base.entities.get(name)
        # The same class defined again, as in a notebook, replaces the old one.
        if other is not None and full_name(other.model) != full_name(cls):
            fail(cls, "", f"has entity={name!r}, and so does {other.model.__name__}")
        base.entities[name] = cls._schema
        base.late.pop(name, None)
        _keep_apart([schema for schema in base.entities.values() if schema is not None])


def _keep_apart(schemas: list[_core.Schema]) -> None:
    """Refuse an encrypted value of one entity in another entity's plain attribute of the same name."""
    attributes = [definition_attributes(schema.model) for schema in schemas]
    encrypted: dict[str, str] = {}
    for schema, declared in zip(schemas, attributes, strict=True):
        encrypted |= {one.attribute_name: schema.model.__name__ for one in declared if one.options.protection == "encrypted"}
    if not encrypted:
        return
    for schema, declared in zip(schemas, attributes, strict=True):
        plain = [
            one.attribute_name for one in declared if one.options.protection != "encrypted" and one.attribute_name in encrypted
        ]
        schema.refuse_envelopes([(name, encrypted[name]) for name in plain])


def entity_of(cls: type[Any]) -> str | None:
    """The entity name of a class: its own, or the nearest base's."""
    entities = (definition.entity for base in cls.__mro__ if (definition := definition_of(base)) is not None)
    return next((entity for entity in entities if entity is not None), None)


def constraints_of(cls: type[Any]) -> list[Constraint] | None:
    """The unique constraints of a class that has items."""
    definition = definition_of(cls)
    return None if definition is None or definition.abstract else definition.unique


def full_name(cls: type[Any]) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def check_inherited_keys(cls: type[Any]) -> None:
    """Check that a class sharing a table with a base stores the keys of the table and its indexes in the same types."""
    table = cls.model_config.table
    own = _key_types(cls)
    bases: tuple[Any, ...] = cls.__mro__[1:]
    for base in bases:
        definition = definition_of(base)
        if (
            definition is None
            or definition.abstract
            or not definition.complete
            or table is None
            or base.model_config.table != table
        ):
            continue
        # A table has one list of AttributeDefinitions, in which each key attribute has one type (API reference of CreateTable).
        for name, kind in _key_types(base).items():
            if own.get(name, kind) != kind:
                attribute = next((a.name for a in definition_attributes(cls) if a.attribute_name == name), name)
                fail(
                    cls,
                    attribute,
                    f"is stored as {own[name]}, and as {kind} by {base.__name__}, which uses it in a key of the same table: keep "
                    "its type, or store it under another attribute_name",
                )


def _key_types(cls: type[Any]) -> dict[str, str]:
    """The types of the key attributes of the table and its indexes, by stored name."""
    declared: Any = _core.table_declaration(cls.__dict__["_schema"])
    return {one["AttributeName"]: one["AttributeType"] for one in declared["AttributeDefinitions"]}
