"""PynamoDB's stored forms: attribute objects and codecs for tables that PynamoDB 5 or 6 wrote and may still read."""
# The T of an overload without a default comes from the annotation on the left of the declaration.
# pyright: reportInvalidTypeVarUse=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from pydynox import attribute_objects as _objects
from pydynox._declaration.annotations import is_attribute, is_attribute_class
from pydynox._declaration.fields import attribute_kind
from pydynox._declaration.kinds import kind_of
from pydynox._shared.typing import Binary, Codec, Moment, T, Truth
from pydynox.attribute_objects import (
    BooleanAttribute,
    MapAttribute,
    NumberAttribute,
    SetAttribute,
    TTLAttribute,
    VersionAttribute,
    typed,
)
from pydynox.attributes import Attr

from ._pynamodb_codecs import DynamicMap, JSONText, LegacyBinary, LegacyBinarySet, LegacyBoolean, UTCDateTime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Unpack

    from pydynox._shared.typing import (
        BinaryOptions,
        NullBinaryOptions,
        NullPlainOptions,
        ObjectOptions,
        PlainOptions,
        SizeOptions,
    )
    from pydynox.expressions import Expr

__all__ = [
    "BinaryAttribute",
    "BinarySetAttribute",
    "BooleanAttribute",
    "DynamicMap",
    "DynamicMapAttribute",
    "JSONAttribute",
    "JSONText",
    "LegacyBinary",
    "LegacyBinarySet",
    "LegacyBoolean",
    "LegacyBooleanAttribute",
    "ListAttribute",
    "MapAttribute",
    "NullAttribute",
    "NumberAttribute",
    "NumberSetAttribute",
    "TTLAttribute",
    "UTCDateTime",
    "UTCDateTimeAttribute",
    "UnicodeAttribute",
    "UnicodeSetAttribute",
    "VersionAttribute",
]

UnicodeAttribute = _objects.StringAttribute


class LegacyBooleanAttribute(Attr[Truth]):
    """A ``bool`` stored as the number 1 or 0; a stored BOOL is read too. ``null=True`` makes it a ``bool | None``.

    Example:
        >>> class Job(Model[str], table="jobs"):
        ...     job_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
        ...     done: LegacyBooleanAttribute = LegacyBooleanAttribute(default=False)
    """

    if TYPE_CHECKING:
        # A number in the table, so the path alone cannot be a condition.
        @overload  # type: ignore[override]  # in place of what the path of an Attr offers
        def __get__(self, instance: None, owner: Any) -> Expr[Truth]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Truth: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...  # pyright: ignore[reportIncompatibleMethodOverride]

    @overload
    def __init__(self: LegacyBooleanAttribute[bool], **options: Unpack[PlainOptions[bool]]) -> None: ...
    @overload
    def __init__(self: LegacyBooleanAttribute[bool | None], **options: Unpack[NullPlainOptions[bool]]) -> None: ...
    def __init__(self, **options: Any) -> None:
        super().__init__(**typed(bool, options), codec=LegacyBoolean())


class BinaryAttribute(Attr[Binary]):
    """``bytes``, as they are or, with ``legacy_encoding=True``, as Base64 text; with ``null=True``, ``bytes | None``.

    Args:
        legacy_encoding: True for attributes of a model that PynamoDB 5 wrote; False for those of PynamoDB 6 without the flag, and
            always inside a map, where PynamoDB allows nothing else.

    Example:
        >>> class File(Model[str], table="files"):
        ...     path: UnicodeAttribute = UnicodeAttribute(hash_key=True)
        ...     digest: BinaryAttribute = BinaryAttribute(legacy_encoding=True)
    """

    if TYPE_CHECKING:
        # Of a legacy value DynamoDB sees the text: it cannot look for a part of the bytes.
        @overload  # type: ignore[override]  # in place of what the path of an Attr offers
        def __get__(self, instance: None, owner: Any) -> Expr[Binary]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Binary: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...  # pyright: ignore[reportIncompatibleMethodOverride]

    @overload
    def __init__(self: BinaryAttribute[bytes], *, legacy_encoding: bool, **options: Unpack[BinaryOptions]) -> None: ...
    @overload
    def __init__(self: BinaryAttribute[bytes | None], *, legacy_encoding: bool, **options: Unpack[NullBinaryOptions]) -> None: ...
    def __init__(self, *, legacy_encoding: bool, **options: Any) -> None:
        super().__init__(**typed(bytes, options), codec=LegacyBinary() if legacy_encoding else None)


class BinarySetAttribute(Attr[set[bytes]]):
    """A set of ``bytes``; a new instance starts with an empty one, which is not stored.

    Args:
        legacy_encoding: As for ``BinaryAttribute``.

    Example:
        >>> class File(Model[str], table="files"):
        ...     path: UnicodeAttribute = UnicodeAttribute(hash_key=True)
        ...     digests: BinarySetAttribute = BinarySetAttribute(legacy_encoding=True)
    """

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # in place of what the path of an Attr offers
        def __get__(self, instance: None, owner: Any) -> Expr[set[bytes]]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> set[bytes]: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...  # pyright: ignore[reportIncompatibleMethodOverride]

    def __init__(
        self, *, legacy_encoding: bool, default_factory: Callable[[], set[bytes]] = set, **options: Unpack[SizeOptions]
    ) -> None:
        if legacy_encoding:
            options.setdefault("missing", set())
        codec = LegacyBinarySet() if legacy_encoding else None
        super().__init__(type=set[bytes], codec=codec, default_factory=default_factory, **options)


class UnicodeSetAttribute(SetAttribute[str]):
    """A set of ``str``; a new instance starts with an empty one, which is not stored.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
        ...     roles: UnicodeSetAttribute = UnicodeSetAttribute()
    """

    def __init__(self, *, default_factory: Callable[[], set[str]] = set, **options: Unpack[SizeOptions]) -> None:
        super().__init__(str, default_factory=default_factory, **options)


class NumberSetAttribute(Attr[set[float]]):
    """A set of numbers, whole ones read as ``int``; a new instance starts with an empty one, which is not stored.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
        ...     scores: NumberSetAttribute = NumberSetAttribute()
    """

    def __init__(self, *, default_factory: Callable[[], set[float]] = set, **options: Unpack[SizeOptions]) -> None:
        super().__init__(type=set[float], kind=("set", ("number",)), default_factory=default_factory, **options)


class UTCDateTimeAttribute(_objects.DatetimeAttribute[Moment]):
    """A ``datetime`` stored as ``2026-11-23T03:41:00.000000+0000``; with ``null=True``, a ``datetime | None``.

    Values are read in UTC. A naive datetime is refused, where PynamoDB takes it as UTC.

    Example:
        >>> class Event(Model[str, datetime], table="events"):
        ...     source: UnicodeAttribute = UnicodeAttribute(hash_key=True)
        ...     at: UTCDateTimeAttribute = UTCDateTimeAttribute(range_key=True)
    """

    if not TYPE_CHECKING:

        def __init__(self, **options: Any) -> None:
            super().__init__(format="pynamodb", **options)


class JSONAttribute(Attr[Any]):
    """Any JSON value, stored as the text that PynamoDB writes; None means that the attribute is absent.

    JSON dumps show that text; those of ``pydynox.JSONAttribute`` show the value.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
        ...     payload: JSONAttribute = JSONAttribute(null=True)
    """

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # in place of what the path of an Attr offers
        def __get__(self, instance: None, owner: Any) -> Expr[Any]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Any: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...  # pyright: ignore[reportIncompatibleMethodOverride]

    @overload
    def __init__(self, **options: Unpack[PlainOptions[Any]]) -> None: ...
    @overload
    def __init__(self, **options: Unpack[NullPlainOptions[Any]]) -> None: ...
    def __init__(self, **options: Any) -> None:
        super().__init__(**typed(Any, options), codec=JSONText())


class ListAttribute(Attr[list[T]]):
    """A list whose elements have the form of another attribute; a new instance starts with an empty one.

    Args:
        of: What the elements are: an attribute object's class or instance, or a ``Document``. Without it they can be anything,
            and numbers are read as ``int`` or ``Decimal``.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
        ...     logins: ListAttribute[datetime] = ListAttribute(of=UTCDateTimeAttribute)
    """

    @overload
    def __init__(
        self: ListAttribute[Any], *, default_factory: Callable[[], list[Any]] = ..., **options: Unpack[SizeOptions]
    ) -> None: ...
    @overload
    def __init__(
        self, *, of: type[Attr[Any]] | Attr[Any], default_factory: Callable[[], list[T]] = ..., **options: Unpack[SizeOptions]
    ) -> None: ...
    @overload
    def __init__(self, *, of: type[T], default_factory: Callable[[], list[T]] = ..., **options: Unpack[SizeOptions]) -> None: ...
    def __init__(self, *, of: Any = Any, default_factory: Callable[[], Any] = list, **options: Any) -> None:
        kind: Any
        element, kind, time = _element(of)
        # PynamoDB stores an element that is None, or an empty set, as NULL.
        kind = kind if kind[0] in ("any", "optional", "none") else ("optional", kind)
        elements: Any = list[element]  # type: ignore[valid-type]  # the type of `of` at run time
        super().__init__(type=elements, kind=("list", kind), default_factory=default_factory, **time, **options)


class DynamicMapAttribute(Attr[dict[str, Any]]):
    """A map of any members, of which some have a stored form of their own; see ``DynamicMap``.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
        ...     profile: DynamicMapAttribute = DynamicMapAttribute({"seen": UTCDateTime()})
    """

    def __init__(
        self,
        members: Mapping[str, Codec[Any]] | None = None,
        /,
        *,
        default_factory: Callable[[], dict[str, Any]] = dict,
        **options: Unpack[SizeOptions],
    ) -> None:
        options.setdefault("missing", {})
        codec = DynamicMap(members or {})
        super().__init__(type=dict[str, Any], codec=codec, default_factory=default_factory, **options)


class NullAttribute(Attr[None]):
    """An attribute that is always None: not stored, or NULL with ``store_null=True``.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
        ...     legacy: NullAttribute = NullAttribute()
    """

    def __init__(self, *, store_null: bool = False, **options: Unpack[ObjectOptions]) -> None:
        super().__init__(type=type(None), default=None, store_null=store_null, **options)


def _element(of: Any) -> tuple[Any, Any, dict[str, Any]]:
    """The type and the kind of a list's elements, and how times among them are stored."""
    element: Any = of
    if of in (BinaryAttribute, BinarySetAttribute):
        element = of(legacy_encoding=False)  # PynamoDB has no other form inside containers
    elif is_attribute_class(of):
        element = of()
    if not is_attribute(element):
        return element, kind_of(element), {}
    options = element.options
    time = {name: value for name in ("format", "epoch", "naive", "truncate") if (value := getattr(options, name))}
    return element.type, element.kind or attribute_kind(element), time
