"""Attributes as objects that know their own type, for classes without annotations: ``StringAttribute()`` and its kin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from ._shared.typing import (
    Binary,
    Codec,
    Day,
    Id,
    Moment,
    Number,
    T,
    Text,
    Truth,
    V,
)
from .attributes import PARTITION, SORT, Attr, Compressed, Encrypted, _wrapped

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime
    from decimal import Decimal
    from typing import Literal, Unpack
    from uuid import UUID

    from ._shared.typing import CommonRules, NumberRules, SizeRules, TextRules
    from .attributes import Epoch
    from .expressions import Expr


class StringAttribute(Attr[Text]):
    """A ``str``, or with ``null=True`` a ``str | None``.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: StringAttribute = StringAttribute(partition_key=True)
        ...     nick: StringAttribute[str | None] = StringAttribute(null=True)
    """

    @overload
    def __init__(
        self: StringAttribute[str],
        *,
        partition_key: bool = ...,
        sort_key: bool = ...,
        hash_key: bool = ...,
        range_key: bool = ...,
        default: str = ...,
        default_factory: Callable[[], str] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[TextRules],
    ) -> None: ...
    @overload
    def __init__(
        self: StringAttribute[str | None],
        *,
        null: Literal[True],
        default: str | None = ...,
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[TextRules],
    ) -> None: ...
    def __init__(self, **options: Any) -> None:
        super().__init__(**_scalar(str, options))


class NumberAttribute(Attr[Number]):
    """A number: ``NumberAttribute(int)``, ``NumberAttribute(float)``, ``NumberAttribute(Decimal)``.

    A bare ``NumberAttribute()`` reads integers as ``int`` and other numbers as ``float``; a stored number that a float cannot
    hold is an error, never rounded.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: StringAttribute = StringAttribute(partition_key=True)
        ...     age: NumberAttribute[int] = NumberAttribute(int, default=0)
    """

    @overload
    def __init__(
        self: NumberAttribute[float],
        /,
        *,
        partition_key: bool = ...,
        sort_key: bool = ...,
        hash_key: bool = ...,
        range_key: bool = ...,
        default: float = ...,
        default_factory: Callable[[], float] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[NumberRules],
    ) -> None: ...
    @overload
    def __init__(
        self: NumberAttribute[float | None],
        /,
        *,
        null: Literal[True],
        default: float | None = ...,
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[NumberRules],
    ) -> None: ...
    @overload
    def __init__(
        self: NumberAttribute[int | None],
        kind: type[int],
        /,
        *,
        null: Literal[True],
        default: int | None = ...,
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[NumberRules],
    ) -> None: ...
    @overload
    def __init__(
        self: NumberAttribute[float | None],
        kind: type[float],
        /,
        *,
        null: Literal[True],
        default: float | None = ...,
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[NumberRules],
    ) -> None: ...
    @overload
    def __init__(
        self: NumberAttribute[Decimal | None],
        kind: type[Decimal],
        /,
        *,
        null: Literal[True],
        default: Decimal | None = ...,
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[NumberRules],
    ) -> None: ...
    @overload
    def __init__(
        self,
        kind: type[Number],
        /,
        *,
        partition_key: bool = ...,
        sort_key: bool = ...,
        hash_key: bool = ...,
        range_key: bool = ...,
        default: Number = ...,
        default_factory: Callable[[], Number] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[NumberRules],
    ) -> None: ...
    def __init__(self, kind: Any = None, /, **options: Any) -> None:
        made = _scalar(float if kind is None else kind, options)
        if kind is None:
            number = ("number",)
            made["kind"] = number if made["type"] is float else ("optional", number)
        super().__init__(**made)


class BooleanAttribute(Attr[Truth]):
    """A ``bool``, or with ``null=True`` a ``bool | None``."""

    @overload
    def __init__(
        self: BooleanAttribute[bool],
        *,
        default: bool = ...,
        default_factory: Callable[[], bool] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[CommonRules],
    ) -> None: ...
    @overload
    def __init__(
        self: BooleanAttribute[bool | None],
        *,
        null: Literal[True],
        default: bool | None = ...,
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[CommonRules],
    ) -> None: ...
    def __init__(self, **options: Any) -> None:
        super().__init__(**_scalar(bool, options))


class BinaryAttribute(Attr[Binary]):
    """``bytes``, or with ``null=True`` ``bytes | None``."""

    @overload
    def __init__(
        self: BinaryAttribute[bytes],
        *,
        partition_key: bool = ...,
        sort_key: bool = ...,
        hash_key: bool = ...,
        range_key: bool = ...,
        default: bytes = ...,
        default_factory: Callable[[], bytes] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[SizeRules],
    ) -> None: ...
    @overload
    def __init__(
        self: BinaryAttribute[bytes | None],
        *,
        null: Literal[True],
        default: bytes | None = ...,
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[SizeRules],
    ) -> None: ...
    def __init__(self, **options: Any) -> None:
        super().__init__(**_scalar(bytes, options))


class ListAttribute(Attr[list[T]]):
    """A list of ``T``; a new instance starts with an empty one.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: StringAttribute = StringAttribute(partition_key=True)
        ...     tags: ListAttribute[str] = ListAttribute(str)
    """

    @overload
    def __init__(
        self: ListAttribute[Any],
        /,
        *,
        default_factory: Callable[[], list[Any]] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[SizeRules],
    ) -> None: ...
    @overload
    def __init__(
        self,
        kind: type[T],
        /,
        *,
        default_factory: Callable[[], list[T]] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[SizeRules],
    ) -> None: ...
    def __init__(self, kind: Any = Any, /, *, default_factory: Callable[[], Any] = list, **options: Any) -> None:
        super().__init__(type=list[kind], default_factory=default_factory, **options)


class SetAttribute(Attr[set[T]]):
    """A set of ``str``, numbers or ``bytes``; a new instance starts with an empty one, which is not stored."""

    def __init__(
        self,
        kind: type[T],
        /,
        *,
        default_factory: Callable[[], set[T]] = set,
        attribute_name: str | None = None,
        repr: bool = True,
        immutable: bool = False,
        **rules: Unpack[SizeRules],
    ) -> None:
        made: Any = set[kind]  # type: ignore[valid-type]  # the value of `kind` at run time
        options: dict[str, Any] = {"attribute_name": attribute_name, "repr": repr, "immutable": immutable, **rules}
        super().__init__(type=made, default_factory=default_factory, **options)


class MapAttribute(Attr[T]):
    """A map: ``MapAttribute()`` is a ``dict[str, Any]`` that starts empty, ``MapAttribute(dict[str, int])`` says more.

    ``MapAttribute(Address)`` of a Document, dataclass, TypedDict or pydantic model is a value of that class.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: StringAttribute = StringAttribute(partition_key=True)
        ...     address: MapAttribute[Address | None] = MapAttribute(Address, null=True)
    """

    @overload
    def __init__(
        self: MapAttribute[dict[str, Any]],
        /,
        *,
        default_factory: Callable[[], dict[str, Any]] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[SizeRules],
    ) -> None: ...
    @overload
    def __init__(
        self,
        kind: type[T],
        /,
        *,
        default_factory: Callable[[], T] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[SizeRules],
    ) -> None: ...
    @overload
    def __init__(
        self: MapAttribute[V | None],
        kind: type[V],
        /,
        *,
        null: Literal[True],
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[SizeRules],
    ) -> None: ...
    def __init__(self, kind: Any = dict[str, Any], /, **options: Any) -> None:
        if dict in (kind, getattr(kind, "__origin__", None)) and not options.get("null"):
            options.setdefault("default_factory", dict)
        super().__init__(**_scalar(kind, options))


class DatetimeAttribute(Attr[Moment]):
    """A ``datetime`` with a timezone, stored as ISO 8601 text in UTC, or with ``epoch=`` as a number.

    Args:
        epoch: ``"seconds"`` or ``"milliseconds"`` since 1970, exactly.
        codec: Another stored form: any object with ``to_stored`` and ``from_stored``.

    Example:
        >>> class Event(Model[str, datetime], table="events"):
        ...     source: StringAttribute = StringAttribute(partition_key=True)
        ...     at: DatetimeAttribute = DatetimeAttribute(sort_key=True)
    """

    @overload
    def __init__(
        self: DatetimeAttribute[datetime],
        *,
        partition_key: bool = ...,
        sort_key: bool = ...,
        hash_key: bool = ...,
        range_key: bool = ...,
        default: datetime = ...,
        default_factory: Callable[[], datetime] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        epoch: Epoch | None = ...,
        codec: Codec[datetime] | None = ...,
        **rules: Unpack[NumberRules],
    ) -> None: ...
    @overload
    def __init__(
        self: DatetimeAttribute[datetime | None],
        *,
        null: Literal[True],
        default: datetime | None = ...,
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        epoch: Epoch | None = ...,
        codec: Codec[datetime] | None = ...,
        **rules: Unpack[NumberRules],
    ) -> None: ...
    def __init__(self, **options: Any) -> None:
        from datetime import datetime

        super().__init__(**_scalar(datetime, options))


class DateAttribute(Attr[Day]):
    """A ``date``, stored as ISO 8601 text."""

    @overload
    def __init__(
        self: DateAttribute[date],
        *,
        partition_key: bool = ...,
        sort_key: bool = ...,
        hash_key: bool = ...,
        range_key: bool = ...,
        default: date = ...,
        default_factory: Callable[[], date] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[NumberRules],
    ) -> None: ...
    @overload
    def __init__(
        self: DateAttribute[date | None],
        *,
        null: Literal[True],
        default: date | None = ...,
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[NumberRules],
    ) -> None: ...
    def __init__(self, **options: Any) -> None:
        from datetime import date

        super().__init__(**_scalar(date, options))


class UUIDAttribute(Attr[Id]):
    """A ``UUID``, stored as its usual text."""

    @overload
    def __init__(
        self: UUIDAttribute[UUID],
        *,
        partition_key: bool = ...,
        sort_key: bool = ...,
        hash_key: bool = ...,
        range_key: bool = ...,
        default: UUID = ...,
        default_factory: Callable[[], UUID] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[CommonRules],
    ) -> None: ...
    @overload
    def __init__(
        self: UUIDAttribute[UUID | None],
        *,
        null: Literal[True],
        default: UUID | None = ...,
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[CommonRules],
    ) -> None: ...
    def __init__(self, **options: Any) -> None:
        from uuid import UUID

        super().__init__(**_scalar(UUID, options))


class EnumAttribute(Attr[T]):
    """A member of an enum, stored by value; a stored value that no member has is an error.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: StringAttribute = StringAttribute(partition_key=True)
        ...     status: EnumAttribute[Status] = EnumAttribute(Status, default=Status.ACTIVE)
    """

    @overload
    def __init__(
        self,
        kind: type[T],
        /,
        *,
        partition_key: bool = ...,
        sort_key: bool = ...,
        hash_key: bool = ...,
        range_key: bool = ...,
        default: T = ...,
        default_factory: Callable[[], T] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[CommonRules],
    ) -> None: ...
    @overload
    def __init__(
        self: EnumAttribute[V | None],
        kind: type[V],
        /,
        *,
        null: Literal[True],
        default: V | None = ...,
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[CommonRules],
    ) -> None: ...
    def __init__(self, kind: Any, /, **options: Any) -> None:
        super().__init__(**_scalar(kind, options))


class JSONAttribute(Attr[T]):
    """A value stored as JSON text: ``JSONAttribute()`` of whatever JSON has, ``JSONAttribute(T)`` of a type.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: StringAttribute = StringAttribute(partition_key=True)
        ...     settings: JSONAttribute[Settings] = JSONAttribute(Settings)
    """

    if TYPE_CHECKING:
        # Text, whatever it says: there is no way into it.
        @overload
        def __get__(self, instance: None, owner: Any) -> Expr[T]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> T: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...

    @overload
    def __init__(
        self: JSONAttribute[Any],
        /,
        *,
        default: Any = ...,
        default_factory: Callable[[], Any] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[CommonRules],
    ) -> None: ...
    @overload
    def __init__(
        self,
        kind: type[T],
        /,
        *,
        default: T = ...,
        default_factory: Callable[[], T] = ...,
        attribute_name: str | None = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[CommonRules],
    ) -> None: ...
    @overload
    def __init__(
        self: JSONAttribute[V | None],
        kind: type[V],
        /,
        *,
        null: Literal[True],
        default: V | None = ...,
        attribute_name: str | None = ...,
        store_null: bool = ...,
        repr: bool = ...,
        immutable: bool = ...,
        **rules: Unpack[CommonRules],
    ) -> None: ...
    def __init__(self, kind: Any = Any, /, **options: Any) -> None:
        super().__init__(**_scalar(kind, options))
        self._json = True


class EncryptedAttribute(Encrypted[T]):
    """Another attribute, stored encrypted; see ``Encrypted``.

    Args:
        attribute: The attribute, such as ``StringAttribute()``.
        compress: Compress it first.
        on_plaintext: What becomes of plain values that are stored: ``"error"`` refuses them, ``"migrate"`` takes them.
        dump: Show it in ``model_dump()``.

    Example:
        >>> class Patient(Model[str], table="patients"):
        ...     patient_id = StringAttribute(partition_key=True)
        ...     ssn = EncryptedAttribute(StringAttribute())
    """

    def __init__(
        self,
        attribute: Attr[T],
        /,
        *,
        compress: bool = False,
        on_plaintext: Literal["error", "migrate"] = "error",
        dump: bool = False,
    ) -> None:
        self.__dict__.update(attribute.__dict__)
        self._protection = "encrypted"
        self._storing = {"compress": compress, "on_plaintext": on_plaintext, "dump": dump}


class CompressedAttribute(Compressed[T]):
    """Another attribute, stored compressed where that makes it shorter; see ``Compressed``.

    Args:
        attribute: The attribute, such as ``MapAttribute()``.
        level: 1 to 22.
        above: The least size in bytes that is compressed.
        max_size: The largest size in bytes, decompressed, that is written and read.

    Example:
        >>> class Visit(Model[str], table="visits"):
        ...     visit_id = StringAttribute(partition_key=True)
        ...     log = CompressedAttribute(ListAttribute[str]())
    """

    def __init__(self, attribute: Attr[T], /, *, level: int = 3, above: int = 1024, max_size: int = 4 * 1024 * 1024) -> None:
        self.__dict__.update(attribute.__dict__)
        self._protection = "compressed"
        self._storing = {"compress_level": level, "compress_above": above, "max_size": max_size}


def _scalar(type: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options of an attribute object as those of ``Attr``; ``hash_key`` and ``range_key`` are PynamoDB's words."""
    words = ((PARTITION, "partition_key", "hash_key"), (SORT, "sort_key", "range_key"))
    asked = {role: [options.pop(word, False) for word in names] for role, *names in words}
    if options.pop("null", False):
        options.setdefault("default", None)
        type = type | None
    return _wrapped(options) | {"type": type, "roles": tuple(role for role, given in asked.items() if any(given))}
