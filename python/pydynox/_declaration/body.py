"""The body of a class: finds the attributes it declares, and gives them their names and types."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any, ClassVar

from pydynox.attributes import Attr, Compressed, Encrypted

from .annotations import UnresolvedError, evaluate, fail, is_attribute, is_attribute_class, own, resolved
from .checks import check_names
from .kinds import describe

if TYPE_CHECKING:
    from .definition import Definition


def read_body(cls: type[Any], definition: Definition) -> None:
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
    """``name: Attr[str]`` becomes an attribute; ``ClassVar`` does not; anything else is a mistake."""
    annotation = definition.pending[name]
    try:
        meaning = evaluate(cls, annotation, definition.names)
    except UnresolvedError:
        # The type inside the brackets is not defined yet, but the name before them already shows whether it is an Attr.
        try:
            meaning = evaluate(cls, annotation.partition("[")[0], definition.names)
        except UnresolvedError:
            return
    definition.bare.discard(name)
    origin = typing.get_origin(meaning) or meaning
    if origin is ClassVar:
        del definition.pending[name]
    elif not is_attribute_class(origin):
        type_text = describe(meaning)
        fail(cls, name, f"is not an attribute: write {name}: Attr[{type_text}], or {name}: ClassVar[{type_text}] for a constant")
    elif origin not in (Attr, Encrypted, Compressed):
        fail(cls, name, f"needs a value: write {name}: {origin.__name__} = {origin.__name__}(...)")
    elif name in cls.__dict__:
        given = cls.__dict__[name]
        option = "default_factory=..." if issubclass(type(given), (list, dict, set)) else f"default={given!r}"
        fail(cls, name, f"has its default as a bare value: write = field({option})")
    else:
        attribute: Attr[Any] = Attr()
        _adopt(cls, definition, name, attribute)


def _adopt(cls: type[Any], definition: Definition, name: str, attribute: Attr[Any]) -> None:
    if attribute.name:
        fail(cls, name, f"is the same object as the attribute {attribute.name}: every attribute needs its own")
    attribute.name = name
    attribute.attribute_name = attribute.attribute_name or name
    definition.own[name] = attribute
    place_attribute(cls, attribute)


def place_attribute(cls: type[Any], attribute: Attr[Any]) -> None:
    """Keep an attribute object out of the class's own dictionary, see `attribute_of`."""
    if hasattr(type(cls), attribute.name):
        # A name such as `register` or `mro`: the metaclass has it too, so the class needs its own.
        setattr(cls, attribute.name, attribute)
    elif attribute.name in cls.__dict__:
        delattr(cls, attribute.name)


def read_pending(cls: type[Any], definition: Definition) -> None:
    for name in list(definition.bare):
        _read_bare(cls, definition, name)
        _sort_as_written(cls, definition)
        check_names(cls, definition)
    for name, annotation in list(definition.pending.items()):
        meaning = resolved(cls, annotation, definition.names, name)
        _take_type(cls, name, definition.own[name], meaning)
        definition.pending.pop(name, None)


def _take_type(cls: type[Any], name: str, attribute: Attr[Any], annotation: Any) -> None:
    """Give an attribute the type of its annotation, or compare the two if the object already has a type."""
    origin, arguments = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
    if not is_attribute_class(origin):
        type_text = describe(annotation)
        fail(cls, name, f"is annotated with {type_text}: write {name}: Attr[{type_text}] = ...")
    if type(attribute) is Attr:
        if origin in (Encrypted, Compressed):
            attribute.options = attribute.options.replaced(protection="encrypted" if origin is Encrypted else "compressed")
        elif origin is not Attr:
            fail(cls, name, f"is annotated with {origin.__name__}: give it {origin.__name__}(...), or write Attr[...]")
        if not arguments:
            fail(cls, name, f"has no type: write {name}: Attr[str]")
        attribute.type = arguments[0]
        return
    if not isinstance(attribute, origin):
        fail(cls, name, f"is annotated with {origin.__name__} but is a {type(attribute).__name__}")
    if arguments and _declared_type(origin, arguments[0]) != attribute.type:
        fail(cls, name, f"is annotated with {describe(annotation)} but holds {describe(attribute.type)}")


def _declared_type(origin: type[Any], argument: Any) -> Any:
    """The type of the values that ``ListAttribute[str]`` stands for."""
    for base in getattr(origin, "__orig_bases__", ()):
        of = typing.get_args(base)[0]
        if typing.get_origin(base) is Attr and typing.get_origin(of) is not None:
            return of[argument]
    return argument
