"""Attributes in the form that the extension takes: their kinds, and the fields of a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox.attributes import Attr

from .annotations import fail
from .kinds import describe, kind_of
from .rules import checked_rules
from .templates import Pieces, parsed_template
from .times import in_declared_form

if TYPE_CHECKING:
    from .definition import Definition


def core_field(
    cls: type[Any],
    attribute: Attr[Any],
    template: Pieces | None = None,
    protected: _core.Protected | None = None,
    *,
    is_compared: bool = False,
) -> _core.Field:
    """An attribute in the form that the extension takes."""
    options = attribute.options
    return _core.Field(
        attribute.name,
        attribute.attribute_name,
        attribute.kind or ("any",),
        {
            "public_name": options.public_name,
            "is_compared": is_compared,
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


def hidden_field(
    cls: type[Any], definition: Definition, stored: str, *, purpose: str, value: str | None, why: str
) -> _core.Field:
    """An attribute for pydynox's own use; users do not see it."""
    taken = next((a.name for a in definition.attributes.values() if a.attribute_name == stored), None)
    if taken is not None:
        fail(cls, taken, f"is stored as {stored!r}, where {why} stores its own value")
    return _core.Field(f"_{purpose}", stored, ("optional", ("str",)), {"default": (value,), "duty": purpose})


def template_of(cls: type[Any], definition: Definition, attribute: Attr[Any]) -> Pieces | None:
    """The template of an attribute; it cannot be combined with anything else that sets the value."""
    options = attribute.options
    if options.template is None:
        if options.escape:
            fail(cls, attribute.name, "has escape= without a template")
        return None
    if issubclass(cls, _core.Document):
        fail(cls, attribute.name, "has a template in a document: only attributes of the item can be built from others")
    kind = attribute.kind or ("any",)
    if kind not in (("str",), ("optional", ("str",))) or (options.roles and kind != ("str",)):
        fail(cls, attribute.name, f"has a template, which builds a str, but the type {describe(attribute.type)}")
    given = options.default is not None or options.default_factory is not None
    if (given and options.default != (None,)) or options.rules or options.purpose is not None:
        fail(cls, attribute.name, "has a template and something else that sets its value: keep one")
    pieces = parsed_template(cls, attribute, definition.attributes)
    attribute.options = options.replaced(default=(None,))  # until the values that it is built from are known
    return pieces


def attribute_kind(attribute: Attr[Any]) -> tuple[Any, ...]:
    codec = attribute.options.codec
    if attribute.options.json:
        kind = kind_of(attribute.type)
        return ("optional", ("json", kind[1])) if kind[0] == "optional" else ("json", kind)
    if codec is None:
        return in_declared_form(attribute, kind_of(attribute.type))
    from .record_types import codec_kind

    return codec_kind(attribute.type, codec, describe(attribute.type), kind_of)


def entity_attribute(stored: str) -> Attr[Any]:
    """The attribute that holds the entity, as an index sees it."""
    attribute: Attr[Any] = Attr()
    attribute.name = attribute.attribute_name = stored
    attribute.kind = ("str",)
    return attribute
