"""Instances from values: from a key, a dump, or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox.exceptions import ValidationError

from .compile import completed, key_names
from .definition import MANAGED
from .kinds import fits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydynox.attributes import Attr


def of_key(cls: type[Any], parts: tuple[object, ...], named: Mapping[str, object]) -> dict[str, object]:
    """The constructor arguments that correspond to a key: its own attributes, or those it is built from."""
    attributes = completed(cls).attributes
    plain = {name: value for name, value in zip(key_names(cls), parts, strict=True) if attributes[name].options.template is None}
    return {**named, **plain}


def instance_from(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """An instance from values that may include what users cannot set: a version is kept to be checked, the rest is ignored."""
    attributes = completed(cls).attributes.items()
    managed = {name: a for name, a in attributes if is_managed(a) and name in values}
    if not managed:
        return cls(**values)
    instance = cls(**{name: value for name, value in values.items() if name not in managed})
    for name, attribute in managed.items():
        if attribute.options.purpose == "version":
            if not fits(attribute.kind or (), values[name]) or values[name] < 0:
                message = f"{cls.__name__}.{name} is not a version: {values[name]!r}"
                raise ValidationError(message, errors=[(name, message)])
            # Past the check of assignments, which refuses a version: here it is the one that the caller expects to be stored.
            instance.__dict__[name] = values[name]
    return instance


def validated(cls: type[Any], values: dict[Any, Any]) -> Any:
    """An instance from values in plain form: dictionaries for documents, JSON strings for dates and the like."""
    schema: _core.Schema = cls._schema
    values, refused = _core.from_plain(schema, values)
    if not refused:
        return instance_from(cls, values)
    # Refused values are still in their original form, so the constructor refuses them too, along with any other problem.
    why = dict(refused)
    errors = refused
    try:
        instance_from(cls, values)
    except ValidationError as problem:
        errors = [(name, why.get(name, message)) for name, message in problem.errors]
    raise ValidationError("; ".join(message for _, message in errors), errors=errors)


def is_managed(attribute: Attr[Any]) -> bool:
    """Whether pydynox sets its value."""
    return attribute.options.purpose in MANAGED or attribute.options.template is not None
