"""Attributes: what a model stores, declared as ``Attr[T]`` or with attribute objects."""
# The T of an overload without a default comes from the annotation on the left of the declaration.
# pyright: reportInvalidTypeVarUse=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, overload

from ._declaration.options import AttributeOptions
from ._shared.typing import Codec, DataclassLike, DocumentLike, E, PydanticLike, T, T_co, V

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, time, timedelta, tzinfo
    from decimal import Decimal
    from enum import Enum
    from typing import Literal, Self, Unpack
    from uuid import UUID

    from ._declaration.options import Kind
    from ._shared.typing import FieldOptions, KeyOptions, TimeFieldOptions, TimeKeyOptions
    from .expressions import (
        BinaryExpr,
        BoolExpr,
        Expr,
        ListExpr,
        MapExpr,
        NumberExpr,
        OpaqueExpr,
        OpenMapExpr,
        SetExpr,
        StringExpr,
    )

    Epoch = Literal["seconds", "milliseconds"]

PARTITION, SORT = "partition", "sort"


class Attr(Generic[T_co]):
    """A stored attribute of type ``T``: the value on an instance, a path on the class.

    Attributes:
        name: Its name in the class.
        attribute_name: Its name in the table.
        type: The Python type of its values.
        kind: How its values are stored; None until its class is complete.
        required: Whether the constructor requires a value.
        immutable: Whether it cannot change once the item is stored.
        description: What it means, for schemas and for people.
        options: Everything else that was declared; for pydynox's own modules.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: Attr[str] = partition_key()
        ...     name: Attr[str]
        ...     age: Attr[int] = field(default=0)
    """

    def __init__(
        self,
        *,
        type: Any = None,
        kind: Kind | None = None,
        attribute_name: str | None = None,
        immutable: bool = False,
        description: str | None = None,
        **options: Any,
    ) -> None:
        self.name = ""
        self.attribute_name = attribute_name or ""
        self.type = type
        self.kind = kind
        self.immutable = immutable
        self.description = description
        self.options = AttributeOptions(**options)

    @property
    def required(self) -> bool:
        """Whether the constructor needs a value."""
        return self.options.default is None and self.options.default_factory is None

    if TYPE_CHECKING:
        # What the path to a value of type T offers. The order matters: a bool is an int, a StrEnum is a str.
        @overload
        def __get__(self: Attr[bool | None], instance: None, owner: Any) -> BoolExpr[T_co]: ...
        @overload
        def __get__(self: Attr[str | None], instance: None, owner: Any) -> StringExpr[T_co]: ...
        @overload
        def __get__(self: Attr[int | float | Decimal | None], instance: None, owner: Any) -> NumberExpr[T_co]: ...
        @overload
        def __get__(self: Attr[bytes | None], instance: None, owner: Any) -> BinaryExpr[T_co]: ...
        @overload
        def __get__(self: Attr[list[E] | None], instance: None, owner: Any) -> ListExpr[T_co, E]: ...
        @overload
        def __get__(self: Attr[set[E] | None], instance: None, owner: Any) -> SetExpr[T_co, E]: ...
        @overload
        def __get__(self: Attr[date | time | timedelta | UUID | Enum | None], instance: None, owner: Any) -> Expr[T_co]: ...
        @overload
        def __get__(self: Attr[dict[str, E] | None], instance: None, owner: Any) -> MapExpr[T_co, E]: ...
        @overload
        def __get__(self: Attr[DocumentLike[V] | None], instance: None, owner: Any) -> type[V]: ...
        @overload
        def __get__(
            self: Attr[Mapping[str, object] | DataclassLike | PydanticLike | None], instance: None, owner: Any
        ) -> OpenMapExpr[T_co]: ...
        @overload
        def __get__(self, instance: None, owner: Any) -> Expr[T_co]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> T_co: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...

        # For checkers only: at run time a class finds its attribute objects through its metaclass, reading an attribute reads
        # the instance's own dictionary, and assignment is checked by the Rust base class. T is covariant although the method
        # takes a value, so that one overload covers `str`, `str | None` and `Literal`; descriptors are not passed around.
        def __set__(self, instance: Any, value: T_co) -> None: ...  # type: ignore[misc]

    else:

        def __get__(self, instance: None, owner: Any) -> Any:
            return owner._path_to(self.name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name or 'without a name'}>"

    def copied(self, type: Any) -> Self:
        """The same attribute for another class, where a type variable stands for this type."""
        # Not by calling the class: attribute objects have constructors with other parameters.
        copy = object.__new__(self.__class__)
        copy.__dict__.update(self.__dict__, type=type, kind=None)
        return copy


class _Opaque(Attr[T_co]):
    """An attribute that DynamoDB cannot look into."""

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # in place of everything that the path of an Attr offers
        def __get__(self, instance: None, owner: Any) -> OpaqueExpr[T_co]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> T_co: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...  # pyright: ignore[reportIncompatibleMethodOverride]


class Encrypted(_Opaque[T_co]):
    """An attribute of type ``T`` that is stored encrypted, bound to its table, its item and its name.

    Options of ``field()``: ``compress=True`` compresses the value first (its stored length then reveals something about the
    text), ``on_plaintext="migrate"`` accepts values that were stored in plaintext and encrypts them on the next save, and
    ``dump=True`` includes it in ``model_dump()``. The client needs a ``keyring``.

    Example:
        >>> class Patient(Model[str], table="patients"):
        ...     patient_id: Attr[str] = partition_key()
        ...     ssn: Encrypted[str]
    """


class Compressed(_Opaque[T_co]):
    """An attribute of type ``T`` that is stored compressed with zstd if that makes it smaller.

    Options of ``field()``: ``compress_above``, the minimum size in bytes to compress (1024); ``compress_level`` (3); and
    ``max_size``, the maximum decompressed size in bytes (4 MiB).

    Example:
        >>> class Visit(Model[str], table="visits"):
        ...     visit_id: Attr[str] = partition_key()
        ...     log: Compressed[list[str]] = field(default_factory=list)
    """


if TYPE_CHECKING:

    class Field(Encrypted[T], Compressed[T]):
        """What the field functions return: fits ``Attr``, ``Encrypted`` and ``Compressed``. Invariant, so that checkers take
        ``T``
        exactly from the annotation on the left."""

else:
    Field = Attr


@overload
def field(
    *, template: str, escape: bool = ..., init: Literal[False] = ..., attribute_name: str | None = ..., repr: bool = ...
) -> Field[T]: ...
@overload
def field(**options: Unpack[TimeFieldOptions]) -> Field[T]: ...
@overload
def field(*, default: T, **options: Unpack[TimeFieldOptions]) -> Field[T]: ...
@overload
def field(*, default_factory: Callable[[], T], **options: Unpack[TimeFieldOptions]) -> Field[T]: ...
@overload
def field(*, codec: Codec[T], **options: Unpack[FieldOptions]) -> Field[T]: ...
@overload
def field(*, codec: Codec[Any], default: None, **options: Unpack[FieldOptions]) -> Field[T]: ...
@overload
def field(*, codec: Codec[T], default: T, **options: Unpack[FieldOptions]) -> Field[T]: ...
@overload
def field(*, codec: Codec[T], default_factory: Callable[[], T], **options: Unpack[FieldOptions]) -> Field[T]: ...
def field(**options: Any) -> Any:
    """Declare an attribute that needs more than a type.

    Args:
        default: The value of an instance created without one. Not a list, dict or set.
        default_factory: Called for each new instance that is created without a value.
        missing: What the attribute reads as on stored items that lack it, if not the default. It is not written until it changes.
            Required where ``default_factory`` returns a different value each time, as ``uuid7`` does, and items were stored
            before the attribute was declared.
        attribute_name: The name in the table, if it differs.
        store_null: Store None as NULL; by default None means that the item does not have the attribute.
        repr: Whether ``repr(instance)`` includes the value.
        format: How datetimes, dates and times are stored: ``"iso_z"`` (the default), ``"iso_offset"``, ``"pynamodb"``,
            ``"iso_seconds"``, ``"epoch"``, ``"epoch_ms"``, ``"rfc3339_nano"``, ``"java_instant"``, or a pattern such as
            ``"%Y-%m-%dT%H:%M:%S.%3fZ"``. A value that the format cannot hold is refused. All of these are read, whichever is
            declared.
        epoch: Store datetimes as ``"seconds"`` or ``"milliseconds"`` since 1970 with their fraction, exactly.
        naive: ``UTC`` to read stored text without an offset as UTC; without it, such text is an error.
        truncate: Whether to cut off what a stored time has beyond microseconds; without it, such a time is an error.
        codec: How values of a class of your own are stored: any object with ``to_stored`` and ``from_stored``.
        immutable: Refuse to change the value once the item is stored.
        min_length: Minimum length: characters of text, bytes of binary values, or members.
        max_length: Maximum length.
        pattern: A regular expression that must match somewhere in the text; ``^...$`` matches all of it.
        ge: Minimum value of a number, date, time or duration; ``gt``, ``le`` and ``lt`` likewise.
        validate: A callable, or a list of callables, that takes the value and raises ValueError or returns False to refuse it.
        description: What the attribute means; included in schemas.
        compress: For ``Encrypted``: compress the value before it is encrypted.
        compress_level: The zstd level, 1 to 22.
        compress_above: Minimum size in bytes to compress.
        max_size: Maximum decompressed size in bytes, on write and on read.
        on_plaintext: For ``Encrypted``: what to do with a stored value in plaintext, ``"error"`` or ``"migrate"``.
        dump: For ``Encrypted``: include it in ``model_dump()``.
        unique: Allow each value on only one item of the model; None is not a value. A write that changes it is a transaction.
        template: Build the value from other attributes, as in ``"STATUS#{status}#{due:%Y-%m-%d}"``; absent if one of them is
            None. For index keys; it is not a parameter of the constructor and cannot be assigned.
        escape: Percent-encode the text between the placeholders of a template where a value contains it; by default such a value
            is refused.
        init: Always False with ``template``: for type checkers.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: Attr[str] = partition_key()
        ...     age: Attr[int] = field(default=0, ge=0, lt=150)
        ...     tags: Attr[set[str]] = field(default_factory=set, max_length=10)
        ...     key_: Attr[str | None] = field(default=None, attribute_name="key")
    """
    options.pop("init", None)
    attribute: Attr[Any] = Attr(**options)
    return attribute


if not TYPE_CHECKING:

    def _parameters_of_field(
        *,
        default: Any = ...,
        default_factory: Callable[[], Any] = ...,
        missing: Any = ...,
        attribute_name: str | None = None,
        store_null: bool = False,
        repr: bool = True,
        format: str | None = None,
        epoch: Epoch | None = None,
        naive: tzinfo | None = None,
        truncate: bool = False,
        codec: Codec[Any] | None = None,
        immutable: bool = False,
        min_length: int | None = None,
        max_length: int | None = None,
        pattern: str | None = None,
        ge: Any = None,
        gt: Any = None,
        le: Any = None,
        lt: Any = None,
        validate: Callable[[Any], object] | list[Callable[[Any], object]] | None = None,
        description: str | None = None,
        compress: bool = False,
        compress_level: int = ...,
        compress_above: int = ...,
        max_size: int = ...,
        on_plaintext: Literal["error", "migrate"] = "error",
        dump: bool = False,
        unique: bool = False,
        template: str | None = None,
        escape: bool = False,
        init: bool = True,
    ) -> Any: ...

    field.__wrapped__ = _parameters_of_field  # what help() and inspect.signature() show; nothing calls it


@overload
def partition_key(
    *, template: str, escape: bool = ..., init: Literal[False] = ..., attribute_name: str | None = ...
) -> Field[str]: ...
@overload
def partition_key(**options: Unpack[TimeKeyOptions]) -> Field[T]: ...
@overload
def partition_key(*, default_factory: Callable[[], T], **options: Unpack[TimeKeyOptions]) -> Field[T]: ...
@overload
def partition_key(*, codec: Codec[T], default_factory: Callable[[], T] = ..., **options: Unpack[KeyOptions]) -> Field[T]: ...
def partition_key(
    *,
    attribute_name: str | None = None,
    default_factory: Callable[[], Any] | None = None,
    codec: Codec[Any] | None = None,
    epoch: Epoch | None = None,
    format: str | None = None,
    naive: tzinfo | None = None,
    truncate: bool = False,
    template: str | None = None,
    escape: bool = False,
    init: bool = True,  # noqa: ARG001 (for checkers)
    **rules: Any,
) -> Any:
    """Declare the partition key: a string, a number or bytes, or a type stored as one: a datetime, a UUID, an enum.

    Args:
        attribute_name: The name in the table, if it differs.
        default_factory: Makes the key of an instance created without one, as ``uuid7`` does.
        codec: How values of a class of your own are stored.
        epoch: Store a datetime as ``"seconds"`` or ``"milliseconds"`` since 1970 with its fraction, exactly.
        format: How a datetime, date or time is stored, as in ``field()``; its text or number must sort as time does.
        naive: ``UTC`` to read stored text without an offset as UTC.
        truncate: Whether to cut off what a stored time has beyond microseconds.
        template: Build the key from other attributes, as in ``"INVOICE#{issued:%Y-%m-%d}#{number:06d}"``; it is then not a
            parameter of the constructor, and ``get`` and ``key`` take those attributes by name.
        escape: Percent-encode the text between the placeholders of a template where a value contains it; by default such a value
            is refused.
        init: Always False with ``template``: for type checkers.
        **rules: What its values must satisfy, as in ``field()``.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: Attr[str] = partition_key()
    """
    attribute: Attr[Any] = Attr(
        roles=(PARTITION,),
        attribute_name=attribute_name,
        default_factory=default_factory,
        codec=codec,
        epoch=epoch,
        format=format,
        naive=naive,
        truncate=truncate,
        template=template,
        escape=escape,
        **rules,
    )
    return attribute


@overload
def sort_key(
    *, template: str, escape: bool = ..., init: Literal[False] = ..., attribute_name: str | None = ...
) -> Field[str]: ...
@overload
def sort_key(**options: Unpack[TimeKeyOptions]) -> Field[T]: ...
@overload
def sort_key(*, default_factory: Callable[[], T], **options: Unpack[TimeKeyOptions]) -> Field[T]: ...
@overload
def sort_key(*, codec: Codec[T], default_factory: Callable[[], T] = ..., **options: Unpack[KeyOptions]) -> Field[T]: ...
def sort_key(
    *,
    attribute_name: str | None = None,
    default_factory: Callable[[], Any] | None = None,
    codec: Codec[Any] | None = None,
    epoch: Epoch | None = None,
    format: str | None = None,
    naive: tzinfo | None = None,
    truncate: bool = False,
    template: str | None = None,
    escape: bool = False,
    init: bool = True,  # noqa: ARG001 (for checkers)
    **rules: Any,
) -> Any:
    """Declare the sort key: a string, a number or bytes, or a type stored as one: a datetime, a UUID, an enum.

    Args:
        attribute_name: The name in the table, if it differs.
        default_factory: Makes the key of an instance created without one, as ``uuid7`` does.
        codec: How values of a class of your own are stored.
        epoch: Store a datetime as ``"seconds"`` or ``"milliseconds"`` since 1970 with its fraction, exactly.
        format: How a datetime, date or time is stored, as in ``field()``; its text or number must sort as time does.
        naive: ``UTC`` to read stored text without an offset as UTC.
        truncate: Whether to cut off what a stored time has beyond microseconds.
        template: Build the key from other attributes, as in ``"INVOICE#{issued:%Y-%m-%d}#{number:06d}"``; it is then not a
            parameter of the constructor, and ``get`` and ``key`` take those attributes by name.
        escape: Percent-encode the text between the placeholders of a template where a value contains it; by default such a value
            is refused.
        init: Always False with ``template``: for type checkers.
        **rules: What its values must satisfy, as in ``field()``.

    Example:
        >>> class Order(Model[str, int], table="orders"):
        ...     customer_id: Attr[str] = partition_key()
        ...     number: Attr[int] = sort_key()
    """
    attribute: Attr[Any] = Attr(
        roles=(SORT,),
        attribute_name=attribute_name,
        default_factory=default_factory,
        codec=codec,
        epoch=epoch,
        format=format,
        naive=naive,
        truncate=truncate,
        template=template,
        escape=escape,
        **rules,
    )
    return attribute
