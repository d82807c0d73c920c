"""Types that only pydantic knows, as fields of its models: stored as the plain form that pydantic gives them."""

from __future__ import annotations

import sys
import typing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydynox._declaration.other_classes import ClassMember
    from pydynox._shared.typing import Codec

    from .classes import ObjectClass

#: Types of pydantic whose plain form is not their value.
_SECRETS = frozenset({"SecretStr", "SecretBytes", "Secret"})


def adapted(source: ObjectClass, member: ClassMember) -> Codec[Any] | None:
    """A codec for a member such as an ``EmailStr`` or a union; None if pydantic cannot store it either.

    What pydantic writes as a JSON string is stored as text, so it can be a key.
    """
    pydantic = sys.modules.get("pydantic")
    if pydantic is None or not issubclass(source.cls, pydantic.BaseModel) or _is_secret(member.type):
        return None
    try:
        adapter = pydantic.TypeAdapter(member.type)
        described = adapter.json_schema(mode="serialization")
    except pydantic.errors.PydanticUserError:  # no schema: an arbitrary type, or one without a JSON form
        return None
    return _Text(adapter) if described.get("type") == "string" else _Plain(adapter)


class _Plain:
    """Values in the form of JSON: maps, lists, text, numbers."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def to_stored(self, value: Any, /) -> Any:
        # Validated first: pydantic lets assignments pass unchecked, and dumps whatever it finds.
        return self._adapter.dump_python(self._adapter.validate_python(value), mode="json", by_alias=False)

    def from_stored(self, value: Any, /) -> Any:
        return self._adapter.validate_python(value, strict=False)


class _Text(_Plain):
    """Values whose JSON form is a string."""

    def to_stored(self, value: Any, /) -> str:
        text: str = super().to_stored(value)
        return text


def _is_secret(annotation: Any) -> bool:
    """Whether a type hides its value in its plain form, at any depth of the annotation."""
    if getattr(annotation, "__name__", "") in _SECRETS:
        return True
    return any(map(_is_secret, typing.get_args(annotation)))
