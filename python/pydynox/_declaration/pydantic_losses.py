"""Losses: what pydantic would not give back of a value that it has dumped."""

from __future__ import annotations

import sys
import typing
from typing import Any

#: Types of pydantic whose plain form is not their value.
_SECRETS = frozenset({"SecretStr", "SecretBytes", "Secret"})
#: What is declared about types that read a value by decoding it: an object that is built of the value decodes it once more.
_DECODERS = frozenset({"EncodedBytes", "EncodedStr", "Json"})
_DECODES = "decodes what is stored, and an object that is built would decode it once more: declare the decoded type"


def lost_by(annotation: Any, *, is_read_back: bool = False, seen: frozenset[Any] = frozenset()) -> str | None:
    """What would be lost of a value of this type, as the rest of a sentence about it; None if everything comes back.

    Args:
        annotation: The type; models of pydantic at any depth are searched.
        is_read_back: Whether pydantic itself reads the dump, so that it may decode values.
        seen: The models that are being searched.
    """
    pydantic = sys.modules.get("pydantic")
    if pydantic is None:
        return None
    cls: Any = typing.get_origin(annotation) or annotation
    metadata: list[Any] = [type(one) for one in getattr(annotation, "__metadata__", ())]
    if not is_read_back and any(_is_named(one, _DECODERS) for one in (cls, *metadata)):
        return _DECODES
    if isinstance(cls, type):
        if any(_is_named(base, _SECRETS) for base in cls.__mro__):
            return "hides its value in what would be stored"
        if issubclass(cls, pydantic.BaseModel) and annotation not in seen:
            return _lost_by_a_field(cls, is_read_back, seen | {annotation})
    by_parts = (lost_by(one, is_read_back=is_read_back, seen=seen) for one in typing.get_args(annotation))
    return next((lost for lost in by_parts if lost is not None), None)


def _is_named(cls: Any, names: frozenset[str]) -> bool:
    """Whether it is a class of pydantic with one of these names."""
    return getattr(cls, "__name__", "") in names and cls.__module__.partition(".")[0] == "pydantic"


def _lost_by_a_field(model: Any, is_read_back: bool, seen: frozenset[Any]) -> str | None:
    serializers = model.__pydantic_decorators__
    if serializers.model_serializers:  # what it stores is its own business
        return None
    own = {name for one in serializers.field_serializers.values() for name in one.info.fields}
    for name, field in model.model_fields.items():
        if field.exclude:
            return f"has {model.__name__}.{name}, which has exclude=True, so it would not be stored"
        declared = typing.Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        if not own & {name, "*"} and (lost := lost_by(declared, is_read_back=is_read_back, seen=seen)) is not None:
            return f"has {model.__name__}.{name}, which {lost}"
    return None
