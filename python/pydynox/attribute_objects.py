"""Attribute objects: classes that declare an attribute together with its type, in the style of PynamoDB."""
# The T of an overload without a default comes from the annotation on the left of the declaration.
# pyright: reportInvalidTypeVarUse=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from ._shared.typing import Binary, Codec, Day, Id, Moment, Number, T, Text, Truth, V
from .attributes import PARTITION, SORT, Attr, Compressed, Encrypted
from .managed import expiring_options

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime, tzinfo
    from decimal import Decimal
    from typing import Literal, Unpack
    from uuid import UUID

    from ._shared.typing import (
        BinaryOptions,
        CommonRules,
        NullBinaryOptions,
        NullMapOptions,
        NullOrderedOptions,
        NullPlainOptions,
        NullTextOptions,
        OrderedOptions,
        PlainKeyOptions,
        PlainOptions,
        SizeOptions,
        TextOptions,
    )
    from .attributes import Epoch
    from .expressions import Expr
    from .managed import Expiry


class StringAttribute(Attr[Text]):
    """A ``str``; with ``null=True``, a ``str | None``.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: StringAttribute = StringAttribute(partition_key=True)
        ...     nick: StringAttribute[str | None] = StringAttribute(null=True)
    """

    @overload
    def __init__(self: StringAttribute[str], **options: Unpack[TextOptions]) -> None: ...
    @overload
    def __init__(self: StringAttribute[str | None], **options: Unpack[NullTextOptions]) -> None: ...
    def __init__(self, **options: Any) -> None:
        super().__init__(**typed(str, options))


class NumberAttribute(Attr[Number]):
    """A number: ``NumberAttribute(int)``, ``NumberAttribute(float)`` or ``NumberAttribute(Decimal)``.

    Without a type, integers are read as ``int`` and other numbers as ``float``; a stored number that a float cannot hold exactly
    is an error, never rounded.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: StringAttribute = StringAttribute(partition_key=True)
        ...     age: NumberAttribute[int] = NumberAttribute(int, default=0)
    """

    @overload
    def __init__(self: NumberAttribute[float], /, **options: Unpack[OrderedOptions[float]]) -> None: ...
    @overload
    def __init__(self: NumberAttribute[float | None], /, **options: Unpack[NullOrderedOptions[float]]) -> None: ...
    @overload
    def __init__(self: NumberAttribute[int | None], kind: type[int], /, **options: Unpack[NullOrderedOptions[int]]) -> None: ...
    @overload
    def __init__(
        self: NumberAttribute[float | None], kind: type[float], /, **options: Unpack[NullOrderedOptions[float]]
    ) -> None: ...
    @overload
    def __init__(
        self: NumberAttribute[Decimal | None], kind: type[Decimal], /, **options: Unpack[NullOrderedOptions[Decimal]]
    ) -> None: ...
    @overload
    def __init__(self, kind: type[Number], /, **options: Unpack[OrderedOptions[Number]]) -> None: ...
    def __init__(self, kind: Any = None, /, **options: Any) -> None:
        declared = typed(float if kind is None else kind, options)
        if kind is None:
            number = ("number",)
            declared["kind"] = number if declared["type"] is float else ("optional", number)
        super().__init__(**declared)


class BooleanAttribute(Attr[Truth]):
    """A ``bool``; with ``null=True``, a ``bool | None``."""

    @overload
    def __init__(self: BooleanAttribute[bool], **options: Unpack[PlainOptions[bool]]) -> None: ...
    @overload
    def __init__(self: BooleanAttribute[bool | None], **options: Unpack[NullPlainOptions[bool]]) -> None: ...
    def __init__(self, **options: Any) -> None:
        super().__init__(**typed(bool, options))


class BinaryAttribute(Attr[Binary]):
    """``bytes``; with ``null=True``, ``bytes | None``."""

    @overload
    def __init__(self: BinaryAttribute[bytes], **options: Unpack[BinaryOptions]) -> None: ...
    @overload
    def __init__(self: BinaryAttribute[bytes | None], **options: Unpack[NullBinaryOptions]) -> None: ...
    def __init__(self, **options: Any) -> None:
        super().__init__(**typed(bytes, options))


class ListAttribute(Attr[list[T]]):
    """A list of ``T``; a new instance starts with an empty one.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: StringAttribute = StringAttribute(partition_key=True)
        ...     tags: ListAttribute[str] = ListAttribute(str)
    """

    @overload
    def __init__(
        self: ListAttribute[Any], /, *, default_factory: Callable[[], list[Any]] = ..., **options: Unpack[SizeOptions]
    ) -> None: ...
    @overload
    def __init__(
        self, kind: type[T], /, *, default_factory: Callable[[], list[T]] = ..., **options: Unpack[SizeOptions]
    ) -> None: ...
    def __init__(self, kind: Any = Any, /, *, default_factory: Callable[[], Any] = list, **options: Any) -> None:
        super().__init__(type=list[kind], default_factory=default_factory, **options)


class SetAttribute(Attr[set[T]]):
    """A set of ``str``, numbers or ``bytes``; a new instance starts with an empty one. An empty set is not stored."""

    def __init__(self, kind: type[T], /, *, default_factory: Callable[[], set[T]] = set, **options: Unpack[SizeOptions]) -> None:
        members: Any = set[kind]  # type: ignore[valid-type]  # the value of `kind` at run time
        super().__init__(type=members, default_factory=default_factory, **options)


class MapAttribute(Attr[T]):
    """A map. ``MapAttribute()`` is a ``dict[str, Any]`` that starts empty; ``MapAttribute(dict[str, int])`` is more specific.

    ``MapAttribute(Address)``, of a Document, dataclass, TypedDict or pydantic model, holds a value of that class.

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
        **options: Unpack[SizeOptions],
    ) -> None: ...
    @overload
    def __init__(self, kind: type[T], /, *, default_factory: Callable[[], T] = ..., **options: Unpack[SizeOptions]) -> None: ...
    @overload
    def __init__(self: MapAttribute[V | None], kind: type[V], /, **options: Unpack[NullMapOptions]) -> None: ...
    def __init__(self, kind: Any = dict[str, Any], /, **options: Any) -> None:
        if dict in (kind, getattr(kind, "__origin__", None)) and not options.get("null"):
            options.setdefault("default_factory", dict)
        super().__init__(**typed(kind, options))


class DatetimeAttribute(Attr[Moment]):
    """A ``datetime`` with a time zone, stored as ISO 8601 text in UTC, or in another ``format=``.

    Args:
        format: How it is stored, ``"iso_z"`` by default; ``field()`` lists the formats.
        epoch: Store it as a number of ``"seconds"`` or ``"milliseconds"`` since 1970 with its fraction, exactly.
        naive: ``UTC`` to read stored text without an offset as UTC.
        truncate: Whether to cut off what a stored time has beyond microseconds.
        codec: Store it in another form: any object with ``to_stored`` and ``from_stored``.

    Example:
        >>> class Event(Model[str, datetime], table="events"):
        ...     source: StringAttribute = StringAttribute(partition_key=True)
        ...     at: DatetimeAttribute = DatetimeAttribute(sort_key=True)
    """

    @overload
    def __init__(
        self: DatetimeAttribute[datetime],
        *,
        format: str | None = ...,
        epoch: Epoch | None = ...,
        naive: tzinfo | None = ...,
        truncate: bool = ...,
        codec: Codec[datetime] | None = ...,
        **options: Unpack[OrderedOptions[datetime]],
    ) -> None: ...
    @overload
    def __init__(
        self: DatetimeAttribute[datetime | None],
        *,
        format: str | None = ...,
        epoch: Epoch | None = ...,
        naive: tzinfo | None = ...,
        truncate: bool = ...,
        codec: Codec[datetime] | None = ...,
        **options: Unpack[NullOrderedOptions[datetime]],
    ) -> None: ...
    def __init__(self, **options: Any) -> None:
        from datetime import datetime

        super().__init__(**typed(datetime, options))


class DateAttribute(Attr[Day]):
    """A ``date``, stored as ISO 8601 text, or in another ``format=``.

    Args:
        format: How it is stored: ``"iso_z"`` (the default), ``"epoch"`` or ``"epoch_ms"`` (of its midnight in UTC), or a pattern.
    """

    @overload
    def __init__(self: DateAttribute[date], *, format: str | None = ..., **options: Unpack[OrderedOptions[date]]) -> None: ...
    @overload
    def __init__(
        self: DateAttribute[date | None], *, format: str | None = ..., **options: Unpack[NullOrderedOptions[date]]
    ) -> None: ...
    def __init__(self, **options: Any) -> None:
        from datetime import date

        super().__init__(**typed(date, options))


class UUIDAttribute(Attr[Id]):
    """A ``UUID``, stored as its canonical text."""

    @overload
    def __init__(self: UUIDAttribute[UUID], **options: Unpack[PlainKeyOptions[UUID]]) -> None: ...
    @overload
    def __init__(self: UUIDAttribute[UUID | None], **options: Unpack[NullPlainOptions[UUID]]) -> None: ...
    def __init__(self, **options: Any) -> None:
        from uuid import UUID

        super().__init__(**typed(UUID, options))


class EnumAttribute(Attr[T]):
    """A member of an enum, stored by value; a stored value that is not a member's is an error.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: StringAttribute = StringAttribute(partition_key=True)
        ...     status: EnumAttribute[Status] = EnumAttribute(Status, default=Status.ACTIVE)
    """

    @overload
    def __init__(self, kind: type[T], /, **options: Unpack[PlainKeyOptions[T]]) -> None: ...
    @overload
    def __init__(self: EnumAttribute[V | None], kind: type[V], /, **options: Unpack[NullPlainOptions[V]]) -> None: ...
    def __init__(self, kind: Any, /, **options: Any) -> None:
        super().__init__(**typed(kind, options))


class JSONAttribute(Attr[T]):
    """A value stored as JSON text: ``JSONAttribute()`` of anything that JSON can express, ``JSONAttribute(T)`` of one type.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: StringAttribute = StringAttribute(partition_key=True)
        ...     settings: JSONAttribute[Settings] = JSONAttribute(Settings)
    """

    if TYPE_CHECKING:
        # DynamoDB sees text: no path leads into it.
        @overload
        def __get__(self, instance: None, owner: Any) -> Expr[T]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> T: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...

    @overload
    def __init__(self: JSONAttribute[Any], /, **options: Unpack[PlainOptions[Any]]) -> None: ...
    @overload
    def __init__(self, kind: type[T], /, **options: Unpack[PlainOptions[T]]) -> None: ...
    @overload
    def __init__(self: JSONAttribute[V | None], kind: type[V], /, **options: Unpack[NullPlainOptions[V]]) -> None: ...
    def __init__(self, kind: Any = Any, /, **options: Any) -> None:
        super().__init__(**typed(kind, options), json=True)


class EncryptedAttribute(Encrypted[T]):
    """Another attribute, stored encrypted; see ``Encrypted``.

    Args:
        attribute: The attribute, such as ``StringAttribute()``.
        compress: Compress the value before it is encrypted.
        on_plaintext: What to do with a stored value that is not encrypted: ``"error"`` refuses it, ``"migrate"`` reads it and
            encrypts it on the next save.
        dump: Include it in ``model_dump()``.

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
        storing = {"compress": compress, "on_plaintext": on_plaintext, "dump": dump}
        self.options = attribute.options.replaced(protection="encrypted", storing=storing)


class CompressedAttribute(Compressed[T]):
    """Another attribute, stored compressed if that makes it smaller; see ``Compressed``.

    Args:
        attribute: The attribute, such as ``MapAttribute()``.
        level: The zstd level, 1 to 22.
        above: Minimum size in bytes to compress.
        max_size: Maximum decompressed size in bytes, on write and on read.

    Example:
        >>> class Visit(Model[str], table="visits"):
        ...     visit_id = StringAttribute(partition_key=True)
        ...     log = CompressedAttribute(ListAttribute[str]())
    """

    def __init__(self, attribute: Attr[T], /, *, level: int = 3, above: int = 1024, max_size: int = 4 * 1024 * 1024) -> None:
        self.__dict__.update(attribute.__dict__)
        storing = {"compress_level": level, "compress_above": above, "max_size": max_size}
        self.options = attribute.options.replaced(protection="compressed", storing=storing)


class VersionAttribute(Attr[int]):
    """The version of an item, as ``version()`` declares it.

    Example:
        >>> class Account(Model[str], table="accounts"):
        ...     account_id: StringAttribute = StringAttribute(partition_key=True)
        ...     version: VersionAttribute = VersionAttribute()
    """

    def __init__(self, *, init: Literal[False] = False, attribute_name: str | None = None) -> None:  # noqa: ARG002 (as above)
        super().__init__(type=int, purpose="version", default=0, attribute_name=attribute_name)


class TTLAttribute(Attr[Moment]):
    """The table's TTL attribute, as ``ttl()`` declares it.

    Example:
        >>> class Session(Model[str], table="sessions"):
        ...     session_id: StringAttribute = StringAttribute(partition_key=True)
        ...     expires_at: TTLAttribute[datetime | None] = TTLAttribute(null=True)
    """

    @overload
    def __init__(
        self: TTLAttribute[datetime],
        *,
        default: Expiry = ...,
        default_factory: Callable[[], datetime] = ...,
        attribute_name: str | None = ...,
        hide_expired: bool = ...,
        **rules: Unpack[CommonRules],
    ) -> None: ...
    @overload
    def __init__(
        self: TTLAttribute[datetime | None],
        *,
        null: Literal[True],
        default: Expiry | None = ...,
        attribute_name: str | None = ...,
        hide_expired: bool = ...,
        **rules: Unpack[CommonRules],
    ) -> None: ...
    def __init__(self, **options: Any) -> None:
        from datetime import datetime

        super().__init__(**typed(datetime, expiring_options(options)))


def typed(type: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options of an attribute object, with its type and its role in the key, as those of ``Attr``."""
    # The second word of each is PynamoDB's.
    words = ((PARTITION, "partition_key", "hash_key"), (SORT, "sort_key", "range_key"))
    given = {role: [options.pop(word, False) for word in names] for role, *names in words}
    if options.pop("null", False):
        type = type | None
        if "default_factory" not in options:
            options.setdefault("default", None)
    return options | {"type": type, "roles": tuple(role for role, flags in given.items() if any(flags))}
