"""What a class declares of its attributes beyond their types, as far as fake values follow it. PYTEST_DONT_REWRITE"""

from __future__ import annotations

import types
import typing
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pydynox._core as _core
from pydynox._declaration.entities import entity_of
from pydynox._declaration.fields import entity_attribute
from pydynox._declaration.indexes import declared_indexes, names_attribute
from pydynox._declaration.templates import parsed_template
from pydynox.attributes import PARTITION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydynox._declaration.definition import Definition
    from pydynox.attributes import Attr


class Needs(NamedTuple):
    """What a value must be, besides of its type and within its rules."""

    not_empty: bool = False
    """A part of a key, or of a unique constraint."""
    is_plain: bool = False
    """Text without a separator: a part of a template."""
    width: int | None = None
    """How many characters a template has room for."""
    may_be_none: bool = True
    """None reads as None again."""
    expires: bool = False
    """The table's TTL attribute."""
    is_attribute: bool = False
    """Not an element of a list, set or map."""

    @property
    def digits(self) -> int | None:
        """How many digits a number may have, if it must not be negative: as a part of a template."""
        return (self.width or 12) if self.is_plain else None


@lru_cache(maxsize=64)  # a strategy asks for every example
def needs_of(cls: type[Any], definition: Definition) -> dict[str, Needs]:
    """What the values of a model or document must be, by the name of the attribute."""
    in_keys = _names_in_keys(cls, definition)
    widths = _widths(cls, definition)
    needs: dict[str, Needs] = {}
    for name, attribute in definition.attributes.items():
        in_template = name in widths
        needs[name] = Needs(
            not_empty=name in in_keys or in_template,
            is_plain=in_template,
            width=widths.get(name),
            may_be_none=_reads_as_none(attribute),
            expires=attribute.options.purpose == "expires_at",
            is_attribute=True,
        )
    return needs


def key_sources(cls: type[Any], definition: Definition, names: Iterable[str]) -> set[str]:
    """The attributes that these are built from: themselves, unless they have a template."""
    sources: set[str] = set()
    for name in names:
        template = parsed_template(cls, definition.attributes[name], definition.attributes)
        pieces = [name] if template is None else [piece[0] for piece in template[0] if isinstance(piece, tuple)]
        sources.update(pieces)
    return sources


def _names_in_keys(cls: type[Any], definition: Definition) -> set[str]:
    """The attributes in the keys of the table and its indexes, and in unique constraints."""
    if issubclass(cls, _core.Document):
        return set()
    attributes = definition.attributes
    names = {name for name, attribute in attributes.items() if attribute.options.roles}
    names.update(name for constraint in definition.unique for name in constraint)
    partition = next((one for one in attributes.values() if PARTITION in one.options.roles), None)
    stored = {**attributes}
    word = cls.model_config.entity_attribute
    if entity_of(cls) is not None or names_attribute(cls, word):
        stored.setdefault(word, entity_attribute(word))
    by_stored = {attribute.attribute_name: name for name, attribute in stored.items()}
    for _, _, partitions, sorts, _ in declared_indexes(cls, stored, partition):
        names.update(by_stored[one] for one in (*partitions, *sorts))
    return names


def _widths(cls: type[Any], definition: Definition) -> dict[str, int | None]:
    """The attributes that templates are built from, each with the narrowest width that one gives it."""
    widths: dict[str, int | None] = {}
    for attribute in definition.attributes.values():
        template = parsed_template(cls, attribute, definition.attributes)
        for piece in () if template is None else template[0]:
            if isinstance(piece, tuple):
                widths[piece[0]] = min(filter(None, (widths.get(piece[0]), piece[2])), default=None)
    return widths


def _reads_as_none(attribute: Attr[Any]) -> bool:
    """Whether None, which is stored as no attribute, is what a missing attribute reads as."""
    options = attribute.options
    if options.store_null:
        return True
    if options.missing is not None:
        return options.missing == (None,)
    return options.default_factory is None and options.default in (None, (None,))


def present_annotation(annotation: Any) -> Any:
    """The type of a value that is there, without the names and marks around it."""
    while True:
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin in (typing.Union, types.UnionType):
            annotation = next((one for one in arguments if one is not types.NoneType), annotation)
        elif origin is typing.Annotated:
            annotation = arguments[0]
        elif not isinstance(annotation, type) and hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif not isinstance(annotation, type) and hasattr(annotation, "__value__"):
            annotation = annotation.__value__
        else:
            return annotation


def pydantic_rules(metadata: Iterable[Any]) -> dict[str, Any]:
    """The rules of a pydantic field, as far as they have the words of ``field()``."""
    rules: dict[str, Any] = {}
    for one in metadata:
        for word in ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern"):
            value = getattr(one, word, None)
            if value is not None:
                rules[word] = value
    return rules
