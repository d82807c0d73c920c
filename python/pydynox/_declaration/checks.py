"""The checks on a declaration: names, roles, types and defaults."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox.attributes import PARTITION, SORT, Attr

from .annotations import fail, is_attribute
from .definition import MANAGED, Definition, definition_of
from .fields import attribute_kind
from .generics import is_root, type_arguments
from .kinds import datetimes_as, describe, fits, is_key_kind, kind_of
from .rules import checked_rules
from .times import check_declared_form, check_key_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .templates import Pieces

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
        "model_apply",
        "model_changes",
        "model_config",
        "model_copy",
        "model_dump",
        "model_dump_json",
        "model_fields",
        "model_from_item",
        "model_is_expired",
        "model_json_schema",
        "model_patch",
        "model_rollback",
        "model_size",
        "model_to_item",
        "model_validate",
        "model_validate_json",
    }
)
KEY_OPTIONS = frozenset({"consistent_read", "defaults", "timeout"})  # options of verbs that also take the key by name


def check_names(cls: type[Any], definition: Definition) -> None:
    for name, attribute in definition.own.items():
        if name in VERBS or name in MODEL_NAMES:
            fail(cls, name, f'hides Model.{name}: write {name}_: Attr[...] = field(attribute_name="{name}")')
        if name.startswith("_"):
            plain = name.lstrip("_") or "name"
            fail(cls, name, f'starts with an underscore: write {plain}: Attr[...] = field(attribute_name="{name}")')
        if len(attribute.options.roles) > 1:
            fail(cls, name, "cannot be both the partition key and the sort key")


def check_hidden(cls: type[Any], definition: Definition, inherited: Mapping[str, Attr[Any]]) -> None:
    for name in inherited:
        if name not in definition.own and not is_attribute(cls.__dict__.get(name, inherited[name])):
            fail(cls, name, f"hides the attribute {name} of a base class: write {name}: Attr[...] = field(default=...)")


def check_stored_names(cls: type[Any], definition: Definition) -> None:
    attributes = definition.attributes
    stored: dict[str, str] = {}
    for name, attribute in attributes.items():
        if attribute.attribute_name in stored:
            fail(cls, name, f"is stored as {attribute.attribute_name!r}, and so is {stored[attribute.attribute_name]}")
        stored[attribute.attribute_name] = name


def check_roles(cls: type[Any], definition: Definition) -> None:
    attributes = definition.attributes
    for role, word in ((PARTITION, "partition key"), (SORT, "sort key")):
        names = [name for name, attribute in attributes.items() if role in attribute.options.roles]
        if len(names) > 1:
            fail(cls, names[1], f"is a second {word}, after {names[0]}: a model has only one")
        if not names and role == PARTITION and not definition.abstract:
            sort = next((name for name, attribute in attributes.items() if SORT in attribute.options.roles), None)
            if sort:
                fail(cls, sort, "is a sort key without a partition key: declare one with partition_key()")
            fail(cls, "", "has no partition key: declare one with partition_key(), or set abstract=True")


def check_key_parts(cls: type[Any], definition: Definition, templates: Mapping[str, Pieces | None]) -> None:
    """Key parts are passed by name along with the options of a verb, so they must differ: ``get(user_id="u1", timeout=1)``."""
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


def check_attribute(cls: type[Any], attribute: Attr[Any]) -> None:
    name = attribute.name
    if attribute.kind is None:
        definition = definition_of(cls)
        try:
            with datetimes_as(None if definition is None else definition.datetime_format):
                attribute.kind = attribute_kind(attribute)
        except TypeError as problem:
            fail(cls, name, f"has the type {describe(attribute.type)}, which cannot be stored: {problem}")
    check_declared_form(cls, attribute)
    if attribute.options.roles:
        check_key_form(cls, name, attribute, "is a key")
    if attribute.options.roles and not is_key_kind(attribute.kind) and not _is_open(cls, attribute):
        fail(
            cls,
            name,
            f"is a key of type {describe(attribute.type)}: a key must be str, int, float, Decimal, bytes, "
            "datetime, date, UUID, an enum, or another type that is stored as a string, a number or bytes",
        )
    options = attribute.options
    if options.store_null and attribute.kind[0] not in ("optional", "any", "none"):
        fail(cls, name, f"cannot be None, so store_null= has no effect: write Attr[{describe(attribute.type)} | None]")
    if options.default is not None and options.default_factory is not None:
        fail(cls, name, "has both default= and default_factory=: keep one")
    if options.default_factory is not None and not callable(options.default_factory):
        fail(cls, name, f"has a default_factory that is not callable: {options.default_factory!r}")
    if options.missing is not None:
        _check_missing(cls, attribute, options.missing[0])
    rules = checked_rules(cls, attribute)
    if options.purpose in MANAGED or options.template is not None:
        return
    if options.default is not None:
        _check_default(cls, attribute, options.default[0])
        if rules is not None:
            _check_default_rules(cls, attribute, rules, options.default[0])


def check_managed(cls: type[Any], definition: Definition, *, may_have_any: bool) -> None:
    """The attributes that pydynox manages: at most one of each, with the type that it writes."""
    names_by_purpose: dict[str, str] = {}
    for name, attribute in definition.attributes.items():
        purpose = attribute.options.purpose
        if purpose is None:
            continue
        word = "ttl" if purpose == "expires_at" else purpose
        if not may_have_any:
            fail(cls, name, f"is {word}() in a document: only a whole item can have one")
        if purpose in names_by_purpose:
            fail(cls, name, f"is a second {word}() attribute, after {names_by_purpose[purpose]}: an item has only one")
        names_by_purpose[purpose] = name
        kind: tuple[Any, ...] = attribute.kind or ("any",)
        plain = kind[1] if purpose == "expires_at" and kind[0] == "optional" else kind
        wanted = "int" if purpose == "version" else "datetime"
        if plain[0] != wanted:
            fail(cls, name, f"is {word}() of type {describe(attribute.type)}: write {name}: Attr[{wanted}] = {word}()")


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
        fail(cls, attribute.name, "is a key, which every item has, so missing= has no effect")
    if attribute.options.purpose is not None or attribute.options.template is not None:
        fail(cls, attribute.name, "has a value that pydynox sets, so missing= has no effect")
    if (kind[1] if kind[0] == "optional" else kind)[0] in ("set", "frozenset"):
        fail(
            cls,
            attribute.name,
            "is a set, and an empty set is stored as no attribute: a missing attribute reads as an empty set, not as missing=",
        )
    if not fits(kind, value):
        fail(cls, attribute.name, f"is {describe(attribute.type)}, and missing= is {value!r}")


def _check_default_rules(cls: type[Any], attribute: Attr[Any], rules: dict[str, Any], default: Any) -> None:
    # Without `validate=`: its function may use names that the module defines later.
    rules = {name: rule for name, rule in rules.items() if name != "validate"}
    field = _core.Field(attribute.name, attribute.attribute_name, attribute.kind or ("any",), {"default": None, "rules": rules})
    broken = field.broken_rules(default)
    if broken:
        fail(cls, attribute.name, f"has the default {default!r}, which breaks its own rule: it{broken[0]}")


def check_key_types(cls: type[Any], definition: Definition) -> None:
    """Compare the types in ``Model[str, int]`` with those of the key."""
    declared = _declared_key_types(cls)
    keys = [a for role in (PARTITION, SORT) for a in definition.attributes.values() if role in a.options.roles]
    if not declared or (definition.abstract and len(keys) != len(declared)):
        return
    if len(declared) == len(keys) and all(map(_same_type, declared, keys)):
        return
    fail(
        cls,
        "",
        f"declares Model[{', '.join(map(describe, declared))}], but its key is "
        + ", ".join(f"{key.name}: {describe(key.type)}" for key in keys)
        + f": write Model[{', '.join(describe(key.type) for key in keys)}]",
    )


def _declared_key_types(cls: type[Any]) -> list[Any]:
    for base, meaning in type_arguments(cls).items():
        if is_root(base):
            return [meaning[position] for position in sorted(meaning)]
    return []


def _is_immutable(value: Any) -> bool:
    try:
        # As in dataclasses, a default without a hash counts as mutable.
        hash(value)
    except TypeError:
        return False
    return True


def _same_type(declared: Any, key: Attr[Any]) -> bool:
    if declared is Any or isinstance(declared, (str, typing.TypeVar, typing.ForwardRef)):
        return True
    if declared == key.type:
        return True
    try:
        return kind_of(declared) == kind_of(key.type)
    except TypeError:
        return False


def _is_open(cls: type[Any], attribute: Attr[Any]) -> bool:
    """A subclass decides the type of a key that is a type variable; only an abstract class may leave it open."""
    definition = definition_of(cls)
    return definition is not None and definition.abstract and isinstance(attribute.type, typing.TypeVar)
