"""Compiling a class: reads and checks its body, and builds a schema of the Rust core from it."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox.attributes import PARTITION, SORT, Attr
from pydynox.config import ModelConfig, merge
from pydynox.exceptions import ConfigurationError
from pydynox.expressions import Expr, OpaqueExpr, expression

from .annotations import UnresolvedError, fail, is_attribute, is_attribute_class, is_name, own, surroundings
from .body import place_attribute, read_body, read_pending
from .checks import (
    MODEL_NAMES,
    check_attribute,
    check_hidden,
    check_key_parts,
    check_key_types,
    check_managed,
    check_names,
    check_roles,
    check_stored_names,
)
from .definition import WRITE_ID, Definition, attribute_of, definition_of
from .entities import announce, check_inherited_keys, constraints_of, entity_of, wider_definitions
from .fields import core_field, entity_attribute, hidden_field, template_of
from .generics import substitute, type_arguments
from .indexes import declared_indexes, names_attribute
from .protected import check_protected, place_concealed, protection_of
from .times import holds_datetimes
from .unique import check_constraints, declared_constraints, own_constraints, scoped_constraints

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .templates import Pieces
    from .unique import Constraint


def compile_model(cls: type[Any], *, table: str | None, entity: str | None, abstract: bool, unique: object) -> None:
    """Read the body of a new class and, unless an annotation names something not defined yet, finish it."""
    if entity is not None and (not is_name(entity) or abstract):
        fail(cls, "", "is abstract and has no items" if abstract else f"has entity={entity!r}, which is not a name")
    definition = Definition(abstract=abstract, own_config=_own_config(cls, table), entity=entity)
    definition.together = declared_constraints(cls, unique)
    cls._definition = definition
    cls.model_config = merge(
        config for base in reversed(cls.__mro__) if (declared := definition_of(base)) for config in declared.own_config
    )
    definition.datetime_format = cls.model_config.datetime_format
    read_body(cls, definition)
    check_names(cls, definition)
    try:
        complete(cls)
    except UnresolvedError:
        # Kept now: the functions around the class may have returned by the time an annotation can be resolved.
        definition.names = surroundings(cls)
        for base in wider_definitions(cls, definition):
            base.late[str(entity)] = cls
            base.entities.setdefault(str(entity), None)


def compile_document(cls: type[Any]) -> None:
    """Read the body of a new document class and, unless an annotation names something not defined yet, finish it."""
    definition = Definition(abstract=False, own_config=_own_config(cls, None))
    document: Any = cls
    document._definition = definition
    definition.datetime_format = _config_of_document(cls).datetime_format
    document._shape = _core.Shape(cls, "document")
    read_body(cls, definition)
    for name, attribute in definition.own.items():
        if name.startswith("_") or name in MODEL_NAMES:
            fail(cls, name, f"is a name that Document uses: choose another one and write field(attribute_name={name!r})")
        if attribute.options.roles:
            fail(cls, name, "is a key, but a document has no key")
        if attribute.options.unique:
            fail(cls, name, "is unique, which only an attribute of the item itself can be")
        if attribute.immutable:
            fail(
                cls,
                name,
                "is immutable, which only an attribute of a model can be: set it on the attribute that holds the document",
            )
    try:
        complete(cls)
    except UnresolvedError:
        definition.names = surroundings(cls)


def path_of(cls: type[Any], name: str) -> Expr[Any]:
    """``User.age``: the path to an attribute, by its name.

    Raises:
        AttributeError: There is no such attribute.
    """
    definition = definition_of(cls)
    if definition is None or attribute_of(cls, name) is None:
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
    attribute = completed(cls).attributes[name]
    handle = _core.Path(core_field(cls, attribute, protected=protection_of(attribute)), cls)
    if attribute.options.protection is not None:
        make: Any = OpaqueExpr
        opaque: Any = make(handle, cls, attribute)
        return definition.paths.setdefault(name, opaque)
    return definition.paths.setdefault(name, expression(handle, attribute.kind or ("any",), cls, attribute))


def complete(cls: type[Any]) -> Definition:
    """Finish a class once all its annotations can be resolved.

    Raises:
        UnresolvedError: One of them still cannot.
    """
    definition = definition_of(cls)
    if definition is None:
        raise ConfigurationError(f"{cls.__name__} is not a model", model=cls.__name__)
    if definition.complete:
        return definition
    read_pending(cls, definition)
    _inherit(cls, definition)
    is_document = issubclass(cls, _core.Document)
    check_stored_names(cls, definition)
    if not is_document:
        check_roles(cls, definition)
    for attribute in definition.attributes.values():
        check_attribute(cls, attribute)
    templates = {name: template_of(cls, definition, attribute) for name, attribute in definition.attributes.items()}
    if not is_document:
        check_key_parts(cls, definition, templates)
        definition.unique = _constraints(cls, definition)
    check_protected(cls, definition.attributes.values(), is_document=is_document)
    compared = _compared(definition, templates.values())
    fields = [
        core_field(cls, attribute, templates[name], protection_of(attribute), is_compared=name in compared)
        for name, attribute in definition.attributes.items()
    ]
    check_managed(cls, definition, may_have_any=not is_document)
    if is_document:
        shape: _core.Shape = vars(cls)["_shape"]
        shape.complete(fields, [True] * len(fields))
    else:
        _complete_model(cls, definition, fields)
    # The locals of the functions around the class need not be kept alive for longer.
    definition.names = {}
    definition.complete = True
    return definition


def _constraints(cls: type[Any], definition: Definition) -> list[Constraint]:
    """What only one item may have, inherited constraints included."""
    together = (declared.together for base in reversed(cls.__mro__) if (declared := definition_of(base)) is not None)
    return own_constraints(definition.attributes, dict.fromkeys(names for all_ in together for names in all_))


def _compared(definition: Definition, templates: Iterable[Pieces | None]) -> set[str]:
    """The attributes that a write compares with what is stored, so the instance keeps their stored bytes."""
    pieces = (piece for template in templates if template is not None for piece in template[0])
    return {piece[0] for piece in pieces if not isinstance(piece, str)}.union(*definition.unique)


def _complete_model(cls: type[Any], definition: Definition, fields: list[_core.Field]) -> None:
    """What a model has in addition to a document: a key, unique values and, unless it is abstract, a schema."""
    check_key_types(cls, definition)
    if not definition.abstract:
        check_constraints(cls, definition.attributes, definition.unique, repairs=cls.model_config.orphans == "repair")
        cls._schema = _schema_of(cls, definition, fields)
        check_inherited_keys(cls)
        # After all checks: a class that was refused must not read items for its bases.
        announce(cls, definition)
    place_concealed(cls, definition.attributes.values())


def _schema_of(cls: type[Any], definition: Definition, fields: list[_core.Field]) -> _core.Schema:
    """The schema of a class with items: its fields, those that pydynox hides in it, its table and its indexes."""
    config = cls.model_config
    if config.write_id:
        fields.append(hidden_field(cls, definition, WRITE_ID, purpose="write_id", value=None, why="write_id=True"))
    entity, stored = entity_of(cls), config.entity_attribute
    indexed = dict(definition.attributes)
    if entity is not None or (stored not in indexed and names_attribute(cls, stored)):
        fields.append(hidden_field(cls, definition, stored, purpose="entity", value=entity, why=f"entity={entity!r}"))
        indexed.setdefault(stored, entity_attribute(stored))
    hides = any(attribute.options.hide_expired for attribute in definition.attributes.values())
    partition = next((a for a in definition.attributes.values() if PARTITION in a.options.roles), None)
    declared: _core.Declared = {
        "table": config.table,
        "logical_table": config.logical_table,
        "strict_reads": config.strict_reads,
        "consistent_read": config.consistent_read,
        "hide_expired": hides,
        "entity": entity,
        "entity_attribute": config.entity_attribute,
        "entities": definition.entities,
        "only_entities": False,
        "indexes": list(declared_indexes(cls, indexed, partition)),
        "unique": scoped_constraints(cls, definition.unique, constraints_of, entity_of),
        "repair_orphans": config.orphans == "repair",
    }
    return _core.Schema(cls, fields, declared)


def completed(cls: type[Any]) -> Definition:
    """The finished definition of a class that is in use.

    Raises:
        ConfigurationError: An annotation names something that does not exist.
    """
    try:
        return complete(cls)
    except UnresolvedError as problem:
        raise ConfigurationError(f"{problem}: define or import it before the model is used", model=cls.__name__) from None


def key_names(cls: type[Any]) -> tuple[str, ...]:
    """The names of the key's attributes, partition key first."""
    attributes = completed(cls).attributes.values()
    return tuple(attribute.name for role in (PARTITION, SORT) for attribute in attributes if role in attribute.options.roles)


class SchemaOf:
    """``_schema`` of a class that is abstract or not finished yet; replaced once there is a schema."""

    def __get__(self, instance: object, owner: type[Any]) -> _core.Schema:
        if definition_of(owner) is None or completed(owner).abstract:
            raise ConfigurationError(
                f"{owner.__name__} is abstract: it has no items of its own, so use a subclass that has a table",
                model=owner.__name__,
            )
        schema: _core.Schema = owner.__dict__["_schema"]
        return schema


def _config_of_document(cls: type[Any]) -> ModelConfig:
    """The settings of a document class and its bases: a document has no table, so only those of how values are stored."""
    config = merge(config for base in reversed(cls.__mro__) if (parent := definition_of(base)) for config in parent.own_config)
    others = set(config.given) - {"datetime_format"}
    if others:
        fail(cls, "model_config", f"sets {min(others)}= in a document: only datetime_format= applies there")
    return config


def _own_config(cls: type[Any], table: str | None) -> list[ModelConfig]:
    config = cls.__dict__.get("model_config")
    if config is not None and not isinstance(config, ModelConfig):
        fail(cls, "model_config", f"is a ModelConfig(...), not {config!r}")
    configs = [config] if config is not None else []
    for name in (table, None if config is None else config.table):
        _check_table_name(cls, name)
    if table is None:
        return configs
    if config is not None and config.table not in (None, table):
        fail(cls, "model_config", f"names the table {config.table!r}, but the class names {table!r}: name it once")
    return [*configs, ModelConfig(table=table)]


def _check_table_name(cls: type[Any], table: object) -> None:
    """Refuse names that no table can have; the length is checked at the call, with the client's prefix."""
    import re

    if not isinstance(table, str) or table.startswith("arn:"):
        return
    if not re.fullmatch(r"[a-zA-Z0-9_.-]{1,255}", table):
        fail(cls, "", f"has table={table!r}: the name of a table has at most 255 letters, digits, _, - and ., or is an ARN")


def _inherit(cls: type[Any], definition: Definition) -> None:
    """All attributes of a class, base classes first; where a type variable was filled in, the class has its own copy."""
    meaning = type_arguments(cls)
    inherited: dict[str, Attr[Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        declared = definition_of(base)
        other_format = declared is not None and declared.datetime_format != definition.datetime_format
        for name, attribute in _declared(cls, base).items():
            inherited[name] = _specialised(cls, definition, attribute, meaning.get(base, {}), other_format=other_format)
    check_hidden(cls, definition, inherited)
    definition.attributes = inherited | definition.own


def _declared(cls: type[Any], base: type[Any]) -> dict[str, Attr[Any]]:
    definition = definition_of(base)
    if definition is not None:
        return complete(base).own
    if issubclass(base, (_core.Instance, _core.Document)) or base.__module__ == "typing":
        return {}
    body = {**vars(base), **own(base)}
    name = next((name for name, value in body.items() if _looks_like_attribute(value)), None)
    if name is not None:
        fail(cls, name, f"comes from {base.__name__}, which is not a model: write class {base.__name__}(Model, abstract=True)")
    return {}


def _looks_like_attribute(value: Any) -> bool:
    origin = typing.get_origin(value)
    text = isinstance(value, str) and value.startswith("Attr[")
    return text or is_attribute(value) or is_attribute_class(origin)


def _specialised(
    cls: type[Any], definition: Definition, attribute: Attr[Any], meaning: Mapping[Any, Any], *, other_format: bool
) -> Attr[Any]:
    specialised = substitute(attribute.type, meaning)
    is_same = specialised is attribute.type and not (other_format and holds_datetimes(attribute.kind or ("any",)))
    if is_same or attribute.name in definition.own:
        return attribute
    copied = attribute.copied(specialised)
    place_attribute(cls, copied)
    return copied
