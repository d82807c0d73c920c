"""Types that only pydantic knows, as fields of its models: stored as the plain form that pydantic gives them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

from pydynox._declaration.kinds import describe

if TYPE_CHECKING:
    from pydynox._declaration.other_classes import ClassMember
    from pydynox._shared.typing import Codec

    from .classes import ObjectClass

#: JSON Schema's names of texts that sort as their values only in one form.
_TIMES = frozenset({"date-time", "date", "time", "duration"})


def adapted(source: ObjectClass, member: ClassMember) -> Codec[Any] | None:
    """A codec for a member such as an ``EmailStr`` or a union; None if pydantic cannot store it either.

    What pydantic writes as a JSON string is stored as text, so it can be a key.
    """
    pydantic = sys.modules.get("pydantic")
    if pydantic is None or not is_of_pydantic(source):
        return None
    try:
        adapter = pydantic.TypeAdapter(member.type)
        described = adapter.json_schema(mode="serialization")
    except pydantic.errors.PydanticUserError:  # no schema: an arbitrary type, or one without a JSON form
        return None
    is_text = described.get("type") == "string"
    codec = (_Text if is_text else _Plain)(adapter)
    codec.is_time = described.get("format") in _TIMES
    return codec


def is_of_pydantic(source: ObjectClass) -> bool:
    """Whether objects of the class are models of pydantic."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(source.cls, pydantic.BaseModel)


class _Plain:
    """Values in the form of JSON: maps, lists, text, numbers."""

    is_time = False  # whether it is a moment, date or time of day, whose text has more than one form

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        self._names = _names_of_fields()

    def to_stored(self, value: Any, /) -> Any:
        # Validated first: pydantic lets assignments pass unchecked, and dumps whatever it finds.
        checked = self._adapter.validate_python(value, **self._names)
        # A round trip is without computed fields, which could not be read back.
        stored = self._adapter.dump_python(checked, mode="json", by_alias=False, round_trip=True)
        whole = self._adapter.dump_python(checked, mode="json", by_alias=False, round_trip=True, serialize_as_any=True)
        if stored != whole:
            raise ValueError("it is of a subclass of the declared type, whose own fields would be lost: declare that class")
        try:
            again = self.from_stored(stored)
        except ValueError:
            raise ValueError("pydantic cannot read back what it writes for it: pass a codec in codecs=") from None
        if not _is_same(again, checked):
            read = "another type or value" if type(again) is type(checked) else describe(type(again))
            raise ValueError(f"pydantic would read it back as {read}: pass a codec in codecs=, or declare one type")
        return stored

    def from_stored(self, value: Any, /) -> Any:
        return self._adapter.validate_python(value, strict=False, **self._names)


class _Text(_Plain):
    """Values whose JSON form is a string."""

    def to_stored(self, value: Any, /) -> str:
        text: str = super().to_stored(value)
        return text


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same types: a text that reads as another member of a union is another value."""
    cls = cast("Any", type(one))
    if cls is not type(other):
        return False
    if issubclass(cls, dict):
        return bool(one.keys() == other.keys()) and all(_is_same(value, other[key]) for key, value in one.items())
    if issubclass(cls, (list, tuple)):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if hasattr(one, "__pydantic_fields_set__"):  # private attributes are not stored
        return _is_same(one.__dict__, other.__dict__)
    # What has no comparison of its own is never equal to its copy, nor is NaN.
    has_comparison: bool = getattr(cls, "__eq__", None) is not getattr(object, "__eq__", None)
    return bool(one == other) or not has_comparison or bool(one != one)  # noqa: PLR0124


def _names_of_fields() -> dict[str, bool]:
    """The options by which pydantic reads fields by their names, whatever aliases they have."""
    import pydantic

    return {"by_name": True, "by_alias": False} if tuple(map(int, pydantic.VERSION.split(".")[:2])) >= (2, 11) else {}
