"""A model class, compiled: its annotations read and checked, and a schema of the Rust core made of them."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any, ClassVar

from pydynox import _core
from pydynox.attributes import PARTITION, SORT, Attr, Compressed, Encrypted
from pydynox.config import ModelConfig, merge
from pydynox.exceptions import ConfigurationError, ValidationError
from pydynox.expressions import Expr, expression

from .annotations import UnresolvedError, evaluate, fail, is_attribute, is_attribute_class, is_name, own, resolved, surroundings
from .generics import is_root, substitute, type_arguments
from .kinds import describe, fits, is_key_kind, kind_of
from .protected import check_protected, place_concealed, protection_of
from .rules import checked_rules
from .templates import Pieces, parsed_template
from .unique import Constraint, check_constraints, declared_constraints, own_constraints, scoped_constraints

if TYPE_CHECKING:
    from collections.abc import Mapping

VERBS = frozenset(
    {
        "create",
        "delete",
        "get",
        "get_or_create",
        "get_or_raise",
        "key",
        "put",
        "query",
        "refresh",
        "save",
        "scan",
        "sync",
        "table",
        "update",
    }
)
MODEL_NAMES = frozenset(
    {
        "model_changes",
        "model_config",
        "model_copy",
        "model_dump",
        "model_dump_json",
        "model_fields",
        "model_from_item",
        "model_is_expired",
        "model_json_schema",
        "model_rollback",
        "model_size",
        "model_to_item",
        "model_validate",
        "model_validate_json",
    }
)


KEY_OPTIONS = frozenset({"consistent_read", "defaults", "timeout"})  # that verbs take beside the parts of a key by name
KEPT = frozenset({"version", "created_at", "updated_at"})  # pydynox decides their values
WRITE_ID = "_write_id"


class Definition:
    """What is known about one model class; complete once every annotation could be read."""

    __slots__ = (
        "abstract",
        "attributes",
        "bare",
        "complete",
        "dataclass_fields",
        "entities",
        "entity",
        "late",
        "names",
        "own",
        "own_config",
        "paths",
        "pending",
        "together",
        "unique",
    )

    def __init__(self, *, abstract: bool, own_config: list[ModelConfig], entity: str | None = None) -> None:
        self.abstract = abstract
        self.entity = entity  # what the items of this very class are called in a table that several share
        self.entities: dict[str, _core.Schema | None] = {}  # the schemas of subclasses by their entity; None of a late one
        self.late: dict[str, type[Any]] = {}  # subclasses that are not finished yet, by their entity
        self.own_config = own_config
        self.own: dict[str, Attr[Any]] = {}  # declared by this very class
        self.together: tuple[Constraint, ...] = ()  # what this very class says with unique=
        self.unique: list[Constraint] = []  # what only one item has, as its bases say it too
        self.attributes: dict[str, Attr[Any]] = {}  # with those of its bases
        self.bare: set[str] = set()  # annotations without a value that may turn out to be no attribute
        self.pending: dict[str, str] = {}  # annotations as text, until they can be read
        self.names: dict[str, Any] = {}  # what surrounded the class, as long as an annotation is pending
        self.dataclass_fields: dict[str, Any] | None = None
        self.paths: dict[str, Expr[Any]] = {}  # made at first use: User.age is asked for again and again
        self.complete = False


def compile_model(cls: type[Any], *, table: str | None, entity: str | None, abstract: bool, unique: object) -> None:
    """Read the body of a new class and, unless an annotation names something that is yet to come, finish it."""
    if entity is not None and (not is_name(entity) or abstract):
        fail(cls, "", "is abstract and has no items" if abstract else f"says entity={entity!r}, which is no name")
    definition = Definition(abstract=abstract, own_config=_own_config(cls, table), entity=entity)
    definition.together = declared_constraints(cls, unique)
    cls._definition = definition
    cls.model_config = merge(
        config for base in reversed(cls.__mro__) if (known := definition_of(base)) for config in known.own_config
    )
    _read_body(cls, definition)
    _check_names(cls, definition)
    try:
        complete(cls)
    except UnresolvedError:
        definition.names = surroundings(cls)
        for base in _wider(cls, definition):
            base.late[str(entity)] = cls
            base.entities.setdefault(str(entity), None)


def _wider(cls: type[Any], definition: Definition) -> list[Definition]:
    """The definitions of the bases that read the items of this class as theirs."""
    if definition.entity is None:
        return []
    return [known for base in cls.__mro__[1:] if (known := definition_of(base)) is not None]


def _announce(cls: type[Any], definition: Definition) -> None:
    """Let the bases of a class know what its items are called."""
    name = definition.entity or ""
    for base in _wider(cls, definition):
        other = base.entities.get(name)
        # The same class defined again, as in a notebook, takes the place of the old one.
        if other is not None and _said(other.model) != _said(cls):
            fail(cls, "", f"says entity={name!r}, and so does {other.model.__name__}")
        base.entities[name] = cls._schema
        base.late.pop(name, None)
        _keep_apart([schema for schema in base.entities.values() if schema is not None])


def _keep_apart(schemas: list[_core.Schema]) -> None:
    """What one entity encrypts is refused where another one of the table has a plain attribute of that name."""
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


def unique_among(cls: type[Any]) -> list[tuple[str, list[str]]]:
    """The constraints of a class, each with the entity among whose items it holds."""
    return scoped_constraints(cls, completed(cls).unique, _unique_of, entity_of)


def entity_of(cls: type[Any]) -> str | None:
    """What the items of a class are called: as it says itself, or the nearest of its bases."""
    said = (known.entity for base in cls.__mro__ if (known := definition_of(base)) is not None)
    return next((entity for entity in said if entity is not None), None)


def _unique_of(cls: type[Any]) -> list[Constraint] | None:
    """What only one item has, of a class that has items."""
    definition = definition_of(cls)
    return None if definition is None or definition.abstract else definition.unique


def _said(cls: type[Any]) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def find_entity(cls: type[Any], name: str) -> _core.Schema | None:
    """The schema of a subclass that could not be finished when it was defined."""
    definition = definition_of(cls)
    late = None if definition is None else definition.late.get(name)
    if late is None:
        return None
    completed(late)
    schema: _core.Schema = late._schema
    return schema


def compile_document(cls: type[Any]) -> None:
    """Read the body of a new document class and, unless an annotation names something that is yet to come, finish it."""
    definition = Definition(abstract=False, own_config=[])
    document: Any = cls
    document._definition = definition
    document._shape = _core.Shape(cls, "document")
    _read_body(cls, definition)
    for name, attribute in definition.own.items():
        if name.startswith("_") or name in MODEL_NAMES:
            fail(cls, name, f"is a name of Document's own: write another one and field(attribute_name={name!r})")
        if attribute.options.roles:
            fail(cls, name, "is a key, and a document has none")
        if attribute.options.unique:
            fail(cls, name, "is unique, which only an attribute of the item itself can be")
        if attribute.immutable:
            fail(cls, name, "is immutable, which an attribute of a model can be: say it of the one that holds the document")
    try:
        complete(cls)
    except UnresolvedError:
        definition.names = surroundings(cls)


def definition_of(cls: type[Any]) -> Definition | None:
    """The definition of this very class, not of a base."""
    found: Definition | None = cls.__dict__.get("_definition")
    return found


def attribute_of(cls: type[Any], name: str) -> Attr[Any] | None:
    """An attribute by its name, of this class or a base.

    Attribute objects do not stand in the class's own dictionary: nothing there has the name of a value on an instance, so Python
    reads the value without looking at a descriptor first, five times as fast.
    """
    for base in cls.__mro__:
        definition = definition_of(base)
        if definition is not None:
            found = (definition.attributes if definition.complete else definition.own).get(name)
            if found is not None:
                return found
    return None


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
        from pydynox.expressions import OpaqueExpr

        made: Any = OpaqueExpr
        opaque: Any = made(handle, cls, attribute)
        return definition.paths.setdefault(name, opaque)
    return definition.paths.setdefault(name, expression(handle, attribute.kind or ("any",), cls, attribute))


def complete(cls: type[Any]) -> Definition:
    """Finish a class whose annotations can all be read by now.

    Raises:
        UnresolvedError: One of them still cannot.
    """
    definition = definition_of(cls)
    if definition is None:
        raise ConfigurationError(f"{cls.__name__} is no model", model=cls.__name__)
    if definition.complete:
        return definition
    _read_pending(cls, definition)
    _inherit(cls, definition)
    is_document = issubclass(cls, _core.Document)
    _check_stored_names(cls, definition)
    if not is_document:
        _check_roles(cls, definition)
    for attribute in definition.attributes.values():
        _check_attribute(cls, attribute)
    templates = {name: _template(cls, definition, attribute) for name, attribute in definition.attributes.items()}
    if not is_document:
        _check_parts(cls, definition, templates)
    check_protected(cls, definition.attributes.values(), is_document=is_document)
    fields = [
        core_field(cls, attribute, templates[name], protection_of(attribute)) for name, attribute in definition.attributes.items()
    ]
    _check_duties(cls, definition, may_have_any=not is_document)
    if is_document:
        shape: _core.Shape = vars(cls)["_shape"]
        shape.complete(fields, [True] * len(fields))
    else:
        _check_key_types(cls, definition)
        together = (known.together for base in reversed(cls.__mro__) if (known := definition_of(base)) is not None)
        definition.unique = own_constraints(definition.attributes, dict.fromkeys(names for all_ in together for names in all_))
        if not definition.abstract:
            config = cls.model_config
            check_constraints(cls, definition.attributes, definition.unique, repairs=config.orphans == "repair")
            if config.write_id:
                fields.append(_hidden(cls, definition, WRITE_ID, duty="write_id", value=None, why="write_id=True"))
            from pydynox.indexes import declared_indexes, names_attribute  # they stand on queries, and those on models

            entity, stored = entity_of(cls), config.entity_attribute
            indexed = dict(definition.attributes)
            if entity is not None or (stored not in indexed and names_attribute(cls, stored)):
                fields.append(_hidden(cls, definition, stored, duty="entity", value=entity, why=f"entity={entity!r}"))
                indexed.setdefault(stored, _entity_attribute(stored))
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
                "unique": scoped_constraints(cls, definition.unique, _unique_of, entity_of),
                "repair_orphans": config.orphans == "repair",
            }
            cls._schema = _core.Schema(cls, fields, declared)
            _check_inherited_keys(cls)
            _announce(cls, definition)
        place_concealed(cls, definition.attributes.values())
    definition.names = {}
    definition.complete = True
    return definition


def _entity_attribute(stored: str) -> Attr[Any]:
    """What an index sees of the attribute that holds the entity."""
    made: Attr[Any] = Attr()
    made.name = made.attribute_name = stored
    made.kind = ("str",)
    return made


def _check_inherited_keys(cls: type[Any]) -> None:
    """A class that shares a table with a base stores the keys of the table and of its indexes as that does."""
    table = cls.model_config.table
    own = _key_types(cls)
    bases: tuple[Any, ...] = cls.__mro__[1:]
    for base in bases:
        known = definition_of(base)
        if known is None or known.abstract or not known.complete or table is None or base.model_config.table != table:
            continue
        for name, kind in _key_types(base).items():
            if own.get(name, kind) != kind:
                attribute = next((a.name for a in definition_attributes(cls) if a.attribute_name == name), name)
                fail(
                    cls,
                    attribute,
                    f"is stored as {own[name]}, and as {kind} by {base.__name__}, which has it in a key of the same table: keep "
                    "its type, or store it under another attribute_name",
                )


def definition_attributes(cls: type[Any]) -> list[Attr[Any]]:
    """The attributes of a class whose definition is under way or done."""
    known = definition_of(cls)
    return [] if known is None else list(known.attributes.values())


def _key_types(cls: type[Any]) -> dict[str, str]:
    """The types of the attributes that keys of the table and of indexes have, by the names they are stored under."""
    declared: Any = _core.table_declaration(cls.__dict__["_schema"])
    return {one["AttributeName"]: one["AttributeType"] for one in declared["AttributeDefinitions"]}


def family(cls: type[Any]) -> list[type[Any]]:
    """A class and its subclasses so far that share its table and have items; of one defined again the last."""
    found: dict[tuple[str, str], type[Any]] = {_said(cls): cls}
    for sub in cls.__subclasses__():
        known = definition_of(sub)
        if known is None or sub.model_config.table != cls.model_config.table:
            continue
        if known.abstract:
            found |= {_said(one): one for one in family(sub) if one is not sub}
            continue
        found |= {_said(one): one for one in family(sub)}
    return [one for one in found.values() if one is cls or _has_items(one)]


def _has_items(cls: type[Any]) -> bool:
    """Whether a subclass has items by now: not one whose annotations name what is yet to come."""
    try:
        return not complete(cls).abstract
    except UnresolvedError:
        return False


def reading_schema(base: type[Any], entities: dict[str, _core.Schema | None]) -> _core.Schema:
    """The schema of a table by a base class, of which only the items of some entities are read."""
    definition, config = completed(base), base.model_config
    fields = [
        core_field(base, attribute, _template(base, definition, attribute), protection_of(attribute))
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


def of_key(cls: type[Any], parts: tuple[object, ...], named: Mapping[str, object]) -> dict[str, object]:
    """The parameters of the constructor that a key stands for: its own attributes, or those that it is made of."""
    attributes = completed(cls).attributes
    plain = {name: value for name, value in zip(key_names(cls), parts, strict=True) if attributes[name].options.template is None}
    return {**named, **plain}


class SchemaOf:
    """``_schema`` of a class that is abstract or not finished yet; replaced by the schema as soon as there is one."""

    def __get__(self, instance: object, owner: type[Any]) -> _core.Schema:
        if definition_of(owner) is None or completed(owner).abstract:
            raise ConfigurationError(
                f"{owner.__name__} is abstract: it has no items of its own, use a subclass that names a table",
                model=owner.__name__,
            )
        schema: _core.Schema = owner.__dict__["_schema"]
        return schema


def _own_config(cls: type[Any], table: str | None) -> list[ModelConfig]:
    said = cls.__dict__.get("model_config")
    if said is not None and not isinstance(said, ModelConfig):
        fail(cls, "model_config", f"is a ModelConfig(...), not {said!r}")
    configs = [said] if said is not None else []
    for name in (table, None if said is None else said.table):
        _check_table_name(cls, name)
    if table is None:
        return configs
    if said is not None and said.table not in (None, table):
        fail(cls, "model_config", f"says table {said.table!r} and the class says {table!r}: say it once")
    return [*configs, ModelConfig(table=table)]


def _check_table_name(cls: type[Any], table: object) -> None:
    """What no table can be called; how long a name may be is seen at the call, with the prefix of its client."""
    import re

    if not isinstance(table, str) or table.startswith("arn:"):
        return
    if not re.fullmatch(r"[a-zA-Z0-9_.-]{1,255}", table):
        fail(
            cls, "", f"says table={table!r}: the name of a table has letters, digits, _, - and ., 255 at most; an ARN is one too"
        )


def _read_body(cls: type[Any], definition: Definition) -> None:
    """Find the attributes that the body declares; an attribute that is only annotated gets its object here."""
    annotations = own(cls)
    for name, annotation in annotations.items():
        value = cls.__dict__.get(name)
        if is_attribute(value):
            _adopt(cls, definition, name, value)
            definition.pending[name] = annotation
        elif name != "model_config":
            definition.pending[name] = annotation
            definition.bare.add(name)
    for name, value in list(cls.__dict__.items()):
        if is_attribute(value) and name not in annotations:
            if type(value) is Attr:
                fail(cls, name, f"needs its type: write {name}: Attr[...] = ...")
            _adopt(cls, definition, name, value)
    for name in list(definition.bare):
        _read_bare(cls, definition, name)
    _sort_as_written(cls, definition)


def _sort_as_written(cls: type[Any], definition: Definition) -> None:
    """The order of the annotations; attribute objects without one come after."""
    declared = definition.own
    definition.own = {name: declared[name] for name in own(cls) if name in declared} | declared


def _read_bare(cls: type[Any], definition: Definition, name: str) -> None:
    """``name: Attr[str]`` becomes an attribute; ``ClassVar`` is none; anything else is a slip."""
    annotation = definition.pending[name]
    try:
        found = evaluate(cls, annotation, definition.names)
    except UnresolvedError:
        # Its type is not there yet; that it is an Attr can be seen already, if Attr itself is.
        try:
            found = evaluate(cls, annotation.partition("[")[0], definition.names)
        except UnresolvedError:
            return
    definition.bare.discard(name)
    origin = typing.get_origin(found) or found
    if origin is ClassVar:
        del definition.pending[name]
    elif not is_attribute_class(origin):
        shown = describe(found)
        fail(cls, name, f"is no attribute: write {name}: Attr[{shown}], or {name}: ClassVar[{shown}] for a constant")
    elif origin not in (Attr, Encrypted, Compressed):
        fail(cls, name, f"needs a value: write {name}: {origin.__name__} = {origin.__name__}(...)")
    elif name in cls.__dict__:
        given = cls.__dict__[name]
        option = "default_factory=..." if issubclass(type(given), (list, dict, set)) else f"default={given!r}"
        fail(cls, name, f"gives its default as a bare value: write = field({option})")
    else:
        made: Attr[Any] = Attr()
        _adopt(cls, definition, name, made)


def _adopt(cls: type[Any], definition: Definition, name: str, attribute: Attr[Any]) -> None:
    if attribute.name:
        fail(cls, name, f"is the same object as the attribute {attribute.name}: every attribute needs its own")
    attribute.name = name
    attribute.attribute_name = attribute.attribute_name or name
    definition.own[name] = attribute
    _place(cls, attribute)


def _place(cls: type[Any], attribute: Attr[Any]) -> None:
    """Keep an attribute object out of the class's own dictionary, see `attribute_of`."""
    if hasattr(type(cls), attribute.name):
        # `register`, `mro`: the metaclass would answer for it.
        setattr(cls, attribute.name, attribute)
    elif attribute.name in cls.__dict__:
        delattr(cls, attribute.name)


def _read_pending(cls: type[Any], definition: Definition) -> None:
    for name in list(definition.bare):
        _read_bare(cls, definition, name)
        _sort_as_written(cls, definition)
        _check_names(cls, definition)
    for name, annotation in list(definition.pending.items()):
        found = resolved(cls, annotation, definition.names, name)
        _take_type(cls, name, definition.own[name], found)
        definition.pending.pop(name, None)


def _take_type(cls: type[Any], name: str, attribute: Attr[Any], annotation: Any) -> None:
    """Give an attribute the type of its annotation, or compare the two where the object knows its own."""
    origin, arguments = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
    if not is_attribute_class(origin):
        shown = describe(annotation)
        fail(cls, name, f"is annotated with {shown}: write {name}: Attr[{shown}] = ...")
    if type(attribute) is Attr:
        if origin in (Encrypted, Compressed):
            attribute.options = attribute.options.replaced(protection="encrypted" if origin is Encrypted else "compressed")
        elif origin is not Attr:
            fail(cls, name, f"is annotated with {origin.__name__}: give it {origin.__name__}(...), or write Attr[...]")
        if not arguments:
            fail(cls, name, f"does not say its type: write {name}: Attr[str]")
        attribute.type = arguments[0]
        return
    if not isinstance(attribute, origin):
        fail(cls, name, f"is annotated with {origin.__name__} and is a {type(attribute).__name__}")
    if arguments and _said_type(origin, arguments[0]) != attribute.type:
        fail(cls, name, f"is annotated with {describe(annotation)} and holds {describe(attribute.type)}")


def _said_type(origin: type[Any], argument: Any) -> Any:
    """The type of the values that ``ListAttribute[str]`` stands for."""
    for base in getattr(origin, "__orig_bases__", ()):
        of = typing.get_args(base)[0]
        if typing.get_origin(base) is Attr and typing.get_origin(of) is not None:
            return of[argument]
    return argument


def _inherit(cls: type[Any], definition: Definition) -> None:
    """All attributes of a class, base classes first; where a type variable got a meaning, the class has its own object."""
    meaning = type_arguments(cls)
    found: dict[str, Attr[Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        for name, attribute in _declared(cls, base).items():
            found[name] = _specialised(cls, definition, attribute, meaning.get(base, {}))
    _check_hidden(cls, definition, found)
    definition.attributes = found | definition.own


def _declared(cls: type[Any], base: type[Any]) -> dict[str, Attr[Any]]:
    known = definition_of(base)
    if known is not None:
        return complete(base).own
    if issubclass(base, (_core.Instance, _core.Document)) or base.__module__ == "typing":
        return {}
    said = {**vars(base), **own(base)}
    name = next((name for name, value in said.items() if _looks_like_attribute(value)), None)
    if name is not None:
        fail(cls, name, f"comes from {base.__name__}, which is no model: write class {base.__name__}(Model, abstract=True)")
    return {}


def _looks_like_attribute(value: Any) -> bool:
    origin = typing.get_origin(value)
    text = isinstance(value, str) and value.startswith("Attr[")
    return text or is_attribute(value) or is_attribute_class(origin)


def _specialised(cls: type[Any], definition: Definition, attribute: Attr[Any], meaning: Mapping[Any, Any]) -> Attr[Any]:
    made = substitute(attribute.type, meaning)
    if made is attribute.type or attribute.name in definition.own:
        return attribute
    copied = attribute.copied(made)
    _place(cls, copied)
    return copied


def _check_names(cls: type[Any], definition: Definition) -> None:
    for name, attribute in definition.own.items():
        if name in VERBS or name in MODEL_NAMES:
            fail(cls, name, f'hides Model.{name}: write {name}_: Attr[...] = field(attribute_name="{name}")')
        if name.startswith("_"):
            plain = name.lstrip("_") or "name"
            fail(cls, name, f'starts with an underscore: write {plain}: Attr[...] = field(attribute_name="{name}")')
        if len(attribute.options.roles) > 1:
            fail(cls, name, "cannot be the partition key and the sort key at once")


def _check_hidden(cls: type[Any], definition: Definition, inherited: Mapping[str, Attr[Any]]) -> None:
    for name in inherited:
        if name not in definition.own and not is_attribute(cls.__dict__.get(name, inherited[name])):
            fail(cls, name, f"hides the attribute {name} of a base class: write {name}: Attr[...] = field(default=...)")


def _check_stored_names(cls: type[Any], definition: Definition) -> None:
    attributes = definition.attributes
    stored: dict[str, str] = {}
    for name, attribute in attributes.items():
        if attribute.attribute_name in stored:
            fail(cls, name, f"is stored as {attribute.attribute_name!r}, and so is {stored[attribute.attribute_name]}")
        stored[attribute.attribute_name] = name


def _check_roles(cls: type[Any], definition: Definition) -> None:
    attributes = definition.attributes
    for role, words in ((PARTITION, "partition keys"), (SORT, "sort keys")):
        names = [name for name, attribute in attributes.items() if role in attribute.options.roles]
        if len(names) > 1:
            fail(cls, names[1], f"makes two {words}, with {names[0]}: an item has one")
        if not names and role == PARTITION and not definition.abstract:
            sort = next((name for name, attribute in attributes.items() if SORT in attribute.options.roles), None)
            if sort:
                fail(cls, sort, "is a sort key without a partition key: declare one with partition_key()")
            fail(cls, "", "has no partition key: declare one with partition_key(), or say abstract=True")


def _check_parts(cls: type[Any], definition: Definition, templates: Mapping[str, Pieces | None]) -> None:
    """What a key is made of is given by name beside the options of a verb: ``get(user_id="u1", timeout=1)``."""
    for key, attribute in definition.attributes.items():
        if not attribute.options.roles:
            continue
        template = templates[key]
        sources = [key] if template is None else [piece[0] for piece in template[0] if isinstance(piece, tuple)]
        for name in sources:
            if name in KEY_OPTIONS:
                part = "is a key" if name == key else f"is a part of the key {key}"
                verb = "get_or_create" if name == "defaults" else "get"
                remedy = f'call it {name}_, with attribute_name="{name}" where that is how it is stored'
                fail(cls, name, f"{part}, and {cls.__name__}.{verb}({name}=...) is an option of the verb: {remedy}")


def _check_attribute(cls: type[Any], attribute: Attr[Any]) -> None:
    name = attribute.name
    if attribute.kind is None:
        try:
            attribute.kind = _kind_of(attribute)
        except TypeError as problem:
            fail(cls, name, f"has the type {describe(attribute.type)}, which cannot be stored: {problem}")
    if attribute.options.roles and not is_key_kind(attribute.kind) and not _is_open(cls, attribute):
        fail(
            cls,
            name,
            f"is a key and has the type {describe(attribute.type)}: a key is str, int, float, Decimal, bytes, "
            "datetime, date, UUID, an enum, or whatever else is stored as a string, a number or bytes",
        )
    options = attribute.options
    if options.store_null and attribute.kind[0] not in ("optional", "any", "none"):
        fail(cls, name, f"cannot be None, so store_null= means nothing: write Attr[{describe(attribute.type)} | None]")
    if options.default is not None and options.default_factory is not None:
        fail(cls, name, "has default= and default_factory=: say one")
    if options.default_factory is not None and not callable(options.default_factory):
        fail(cls, name, f"has a default_factory that cannot be called: {options.default_factory!r}")
    if options.missing is not None:
        _check_missing(cls, attribute, options.missing[0])
    rules = checked_rules(cls, attribute)
    if options.purpose in KEPT or options.template is not None:
        return
    if options.default is not None:
        _check_default(cls, attribute, options.default[0])
        if rules is not None:
            _check_default_rules(cls, attribute, rules, options.default[0])


def _check_duties(cls: type[Any], definition: Definition, *, may_have_any: bool) -> None:
    """The attributes that pydynox keeps: one of each, of the type that it writes."""
    found: dict[str, str] = {}
    for name, attribute in definition.attributes.items():
        duty = attribute.options.purpose
        if duty is None:
            continue
        word = "ttl" if duty == "expires_at" else duty
        if not may_have_any:
            fail(cls, name, f"is {word}() in a document: only the item as a whole has one")
        if duty in found:
            fail(cls, name, f"makes two of {word}(), with {found[duty]}: an item has one")
        found[duty] = name
        kind: tuple[Any, ...] = attribute.kind or ("any",)
        plain = kind[1] if duty == "expires_at" and kind[0] == "optional" else kind
        wanted = "int" if duty == "version" else "datetime"
        if plain[0] != wanted:
            fail(cls, name, f"is {word}() and has the type {describe(attribute.type)}: write {name}: Attr[{wanted}] = {word}()")


def _hidden(cls: type[Any], definition: Definition, stored: str, *, duty: str, value: str | None, why: str) -> _core.Field:
    """An attribute that is there for pydynox alone; users do not see it."""
    taken = next((a.name for a in definition.attributes.values() if a.attribute_name == stored), None)
    if taken is not None:
        fail(cls, taken, f"is stored as {stored!r}, where {why} stores something of its own")
    return _core.Field(f"_{duty}", stored, ("optional", ("str",)), {"default": (value,), "duty": duty})


def _kind_of(attribute: Attr[Any]) -> tuple[Any, ...]:
    codec, epoch = attribute.options.codec, attribute.options.epoch
    if attribute.options.json:
        kind = kind_of(attribute.type)
        return ("optional", ("json", kind[1])) if kind[0] == "optional" else ("json", kind)
    if codec is None and epoch is None:
        return kind_of(attribute.type)
    from .record_types import codec_kind, timed

    if codec is not None:
        return codec_kind(attribute.type, codec, describe(attribute.type), kind_of)
    if epoch not in ("seconds", "milliseconds", "whole_seconds"):
        raise TypeError(f"epoch= is 'seconds' or 'milliseconds', not {epoch!r}")
    plain = kind_of(attribute.type)
    kind = timed(plain, epoch)
    if kind == plain:
        raise TypeError("ttl() is for a datetime" if epoch == "whole_seconds" else "epoch= is for datetimes")
    return kind


def _check_default(cls: type[Any], attribute: Attr[Any], default: Any) -> None:
    if not _is_immutable(default):
        factory = type(default).__name__ if default in ([], {}, set()) else f"lambda: {default!r}"
        fail(cls, attribute.name, f"has a default that all instances would share: write default_factory={factory}")
    if not fits(attribute.kind or (), default):
        remedy = f": write Attr[{describe(attribute.type)} | None]" if default is None else ""
        fail(cls, attribute.name, f"is {describe(attribute.type)}, and its default is {default!r}{remedy}")


def _check_missing(cls: type[Any], attribute: Attr[Any], value: Any) -> None:
    kind: tuple[Any, ...] = attribute.kind or ("any",)
    if attribute.options.roles:
        fail(cls, attribute.name, "is a key, which every item has: missing= means nothing")
    if attribute.options.purpose is not None or attribute.options.template is not None:
        fail(cls, attribute.name, "has a value that pydynox decides: missing= means nothing")
    if (kind[1] if kind[0] == "optional" else kind)[0] in ("set", "frozenset"):
        fail(
            cls,
            attribute.name,
            "is a set, and an empty set is stored as no attribute: what is missing reads as empty, not as missing=",
        )
    if not fits(kind, value):
        fail(cls, attribute.name, f"is {describe(attribute.type)}, and missing= is {value!r}")


def _check_default_rules(cls: type[Any], attribute: Attr[Any], rules: dict[str, Any], default: Any) -> None:
    # Not by what `validate=` calls: that may need what the module defines later.
    rules = {name: rule for name, rule in rules.items() if name != "validate"}
    field = _core.Field(attribute.name, attribute.attribute_name, attribute.kind or ("any",), {"default": None, "rules": rules})
    broken = field.broken_rules(default)
    if broken:
        fail(cls, attribute.name, f"has the default {default!r}, which breaks its own rule: it{broken[0]}")


def _check_key_types(cls: type[Any], definition: Definition) -> None:
    """``Model[str, int]`` says the types of the key once more: compare."""
    said = _said_key_types(cls)
    keys = [a for role in (PARTITION, SORT) for a in definition.attributes.values() if role in a.options.roles]
    if not said or (definition.abstract and len(keys) != len(said)):
        return
    if len(said) == len(keys) and all(map(_same_type, said, keys)):
        return
    fail(
        cls,
        "",
        f"says Model[{', '.join(map(describe, said))}], but its key is "
        + ", ".join(f"{key.name}: {describe(key.type)}" for key in keys)
        + f": write Model[{', '.join(describe(key.type) for key in keys)}]",
    )


def _said_key_types(cls: type[Any]) -> list[Any]:
    for base, meaning in type_arguments(cls).items():
        if is_root(base):
            return [meaning[position] for position in sorted(meaning)]
    return []


def _is_immutable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _same_type(said: Any, key: Attr[Any]) -> bool:
    if said is Any or isinstance(said, (str, typing.TypeVar, typing.ForwardRef)):
        return True
    if said == key.type:
        return True
    try:
        return kind_of(said) == kind_of(key.type)
    except TypeError:
        return False


def _is_open(cls: type[Any], attribute: Attr[Any]) -> bool:
    """A key of a type variable is decided by a subclass; only an abstract class may leave it open."""
    definition = definition_of(cls)
    return definition is not None and definition.abstract and isinstance(attribute.type, typing.TypeVar)


def made(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """An instance from values that may hold what users cannot set: a version is what must be found, the rest is ignored."""
    attributes = completed(cls).attributes.items()
    kept = {name: a for name, a in attributes if is_made(a) and name in values}
    if not kept:
        return cls(**values)
    instance = cls(**{name: value for name, value in values.items() if name not in kept})
    for name, attribute in kept.items():
        if attribute.options.purpose == "version":
            if not fits(attribute.kind or (), values[name]) or values[name] < 0:
                message = f"{cls.__name__}.{name} is no version: {values[name]!r}"
                raise ValidationError(message, errors=[(name, message)])
            instance.__dict__[name] = values[name]
    return instance


def validated(cls: type[Any], values: dict[Any, Any]) -> Any:
    """An instance from values that may stand for others: dictionaries for documents, texts of JSON for dates and the like."""
    schema: _core.Schema = cls._schema
    values, refused = _core.from_plain(schema, values)
    if not refused:
        return made(cls, values)
    # What was refused is still there as it was given, so the constructor refuses it too, beside what else is wrong.
    why = dict(refused)
    errors = refused
    try:
        made(cls, values)
    except ValidationError as problem:
        errors = [(name, why.get(name, message)) for name, message in problem.errors]
    raise ValidationError("; ".join(message for _, message in errors), errors=errors)


def is_made(attribute: Attr[Any]) -> bool:
    """Whether pydynox decides its value."""
    return attribute.options.purpose in KEPT or attribute.options.template is not None


def _template(cls: type[Any], definition: Definition, attribute: Attr[Any]) -> Pieces | None:
    """What an attribute is made of; nothing that users could give it stands beside that."""
    options = attribute.options
    if options.template is None:
        if options.escape:
            fail(cls, attribute.name, "has escape= without a template")
        return None
    if issubclass(cls, _core.Document):
        fail(cls, attribute.name, "has a template in a document: only attributes of the item can be made of others")
    kind = attribute.kind or ("any",)
    if kind not in (("str",), ("optional", ("str",))) or (options.roles and kind != ("str",)):
        fail(cls, attribute.name, f"has a template, which makes a str, and the type {describe(attribute.type)}")
    given = options.default is not None or options.default_factory is not None
    if (given and options.default != (None,)) or options.rules or options.purpose is not None:
        fail(cls, attribute.name, "has a template and something else that decides its value: say one")
    pieces = parsed_template(cls, attribute, definition.attributes)
    attribute.options = options.replaced(default=(None,))  # until the values that it is built from are known
    return pieces


def core_field(
    cls: type[Any],
    attribute: Attr[Any],
    template: Pieces | None = None,
    protected: _core.Protected | None = None,
) -> _core.Field:
    """An attribute as the border knows it."""
    options = attribute.options
    return _core.Field(
        attribute.name,
        attribute.attribute_name,
        attribute.kind or ("any",),
        {
            "role": options.roles[0] if options.roles else None,
            "default": options.default,
            "default_factory": options.default_factory,
            "missing": options.missing,
            "store_null": options.store_null,
            "rules": checked_rules(cls, attribute),
            "immutable": bool(attribute.immutable),
            "duty": options.purpose,
            "template": template,
            "protected": protected,
        },
    )
