"""Attributes: what a model stores, declared as ``Attr[T]`` or with attribute objects."""
# The T of an overload without a default comes from the annotation on the left of the declaration.
# pyright: reportInvalidTypeVarUse=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, overload

from ._shared.typing import (
    Codec,
    DataclassLike,
    DocumentLike,
    E,
    PydanticLike,
    T,
    T_co,
    V,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, time, timedelta
    from decimal import Decimal
    from enum import Enum
    from typing import Literal, Self, Unpack
    from uuid import UUID

    from ._shared.typing import Rules
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
    Protection = Literal["encrypted", "compressed"]

PARTITION, SORT = "partition", "sort"
STORING = ("compress", "compress_level", "compress_above", "max_size", "on_plaintext", "dump")
RULES = ("min_length", "max_length", "pattern", "ge", "gt", "le", "lt", "validate")


class Attr(Generic[T_co]):
    """A stored attribute of type ``T``: the value on an instance, a path on the class.

    Attributes:
        name: The name in the class.
        attribute_name: The name in the table.
        type: The Python type of its values.
        required: Whether the constructor needs it.
        immutable: Whether it cannot change once the item is stored.
        description: What it means, for schemas and for people.

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
        kind: tuple[Any, ...] | None = None,
        roles: tuple[str, ...] = (),
        default: tuple[Any] | None = None,
        default_factory: Callable[[], Any] | None = None,
        missing: tuple[Any] | None = None,
        attribute_name: str | None = None,
        store_null: bool = False,
        repr: bool = True,
        immutable: bool = False,
        description: str | None = None,
        codec: Codec[Any] | None = None,
        epoch: Epoch | Literal["whole_seconds"] | None = None,
        duty: str | None = None,
        hide_expired: bool = False,
        template: str | None = None,
        escape: bool = False,
        unique: bool = False,
        protection: Protection | None = None,
        **rules: Any,
    ) -> None:
        storing = {name: rules.pop(name) for name in STORING if name in rules}
        unknown = next((name for name in rules if name not in RULES), None)
        if unknown is not None:
            raise TypeError(f"an attribute has no option {unknown!r}")
        self.name = ""
        self.attribute_name = attribute_name or ""
        self.type = type
        self._kind = kind
        self._roles = roles
        self._default = default  # in a 1-tuple: None can be a default
        self._default_factory = default_factory
        self._missing = missing  # in a 1-tuple, as the default
        self._store_null = store_null
        self._repr = repr
        self.immutable = immutable
        self.description = description
        self._rules = {name: rule for name, rule in rules.items() if rule is not None}
        self._codec = codec
        self._epoch = epoch
        self._duty = duty  # what pydynox itself does with it
        self._hide_expired = hide_expired
        self._template = template
        self._escape = escape
        self._unique = unique  # whether only one item has a value
        self._json = False  # whether it is stored as JSON text
        self._protection = protection  # how it is stored other than as it is
        self._storing = storing  # what is said about that

    @property
    def required(self) -> bool:
        """Whether the constructor needs a value."""
        return self._default is None and self._default_factory is None

    if TYPE_CHECKING:
        # What the path to a value of type T offers. The order matters: bool is an int, a StrEnum is a str.
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

        # For checkers only: at run time a class finds its attribute objects through its metaclass, and reading an attribute
        # is reading the instance's own dictionary; assignment is checked by the Rust base class. Covariant on purpose
        # although it takes a value: one overload then serves `str`, `str | None` and `Literal`; nobody hands descriptors
        # around.
        def __set__(self, instance: Any, value: T_co) -> None: ...  # type: ignore[misc]

    else:

        def __get__(self, instance: None, owner: Any) -> Any:
            return owner._path_to(self.name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name or 'without a name'}>"

    def _copy(self, type: Any, kind: tuple[Any, ...] | None) -> Self:
        """The same attribute of another class, where its type may be another."""
        made = object.__new__(self.__class__)
        made.__dict__.update(self.__dict__, type=type, _kind=kind)
        return made


class _Opaque(Attr[T_co]):
    """An attribute that DynamoDB cannot look into."""

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # in place of all that an Attr's path offers
        def __get__(self, instance: None, owner: Any) -> OpaqueExpr[T_co]: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> T_co: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...  # pyright: ignore[reportIncompatibleMethodOverride]


class Encrypted(_Opaque[T_co]):
    """An attribute of type ``T`` that is stored encrypted, bound to its table, its item and its name.

    ``field()`` says more: ``compress=True`` compresses it first (lengths then tell something of the text),
    ``on_plaintext="migrate"`` takes plain values that are there already and encrypts them with the next save, ``dump=True`` shows
    it in ``model_dump()``. The client needs a ``keyring``.

    Example:
        >>> class Patient(Model[str], table="patients"):
        ...     patient_id: Attr[str] = partition_key()
        ...     ssn: Encrypted[str]
    """


class Compressed(_Opaque[T_co]):
    """An attribute of type ``T`` that is stored compressed by zstd where that makes it shorter.

    ``field()`` says more: ``compress_above``, the least size in bytes (1024), ``compress_level`` (3), and ``max_size``, how large
    a value may be when it is read (4 MiB).

    Example:
        >>> class Visit(Model[str], table="visits"):
        ...     visit_id: Attr[str] = partition_key()
        ...     log: Compressed[list[str]] = field(default_factory=list)
    """


if TYPE_CHECKING:

    class Field(Encrypted[T], Compressed[T]):
        """What the field functions give: fits ``Attr``, ``Encrypted`` and ``Compressed``. Invariant, so that checkers take ``T``
        from the annotation on the left, exactly."""

else:
    Field = Attr


@overload
def field(
    *, template: str, escape: bool = ..., init: Literal[False] = ..., attribute_name: str | None = ..., repr: bool = ...
) -> Field[T]: ...
@overload
def field(
    *,
    attribute_name: str | None = ...,
    store_null: bool = ...,
    repr: bool = ...,
    immutable: bool = ...,
    epoch: Epoch | None = ...,
    **rules: Unpack[Rules],
) -> Field[T]: ...
@overload
def field(
    *,
    default: T,
    attribute_name: str | None = ...,
    store_null: bool = ...,
    repr: bool = ...,
    immutable: bool = ...,
    epoch: Epoch | None = ...,
    **rules: Unpack[Rules],
) -> Field[T]: ...
@overload
def field(
    *,
    default_factory: Callable[[], T],
    attribute_name: str | None = ...,
    store_null: bool = ...,
    repr: bool = ...,
    immutable: bool = ...,
    epoch: Epoch | None = ...,
    **rules: Unpack[Rules],
) -> Field[T]: ...
@overload
def field(
    *,
    codec: Codec[T],
    attribute_name: str | None = ...,
    store_null: bool = ...,
    repr: bool = ...,
    immutable: bool = ...,
    **rules: Unpack[Rules],
) -> Field[T]: ...
@overload
def field(
    *,
    codec: Codec[Any],
    default: None,
    attribute_name: str | None = ...,
    store_null: bool = ...,
    repr: bool = ...,
    immutable: bool = ...,
    **rules: Unpack[Rules],
) -> Field[T]: ...
@overload
def field(
    *,
    codec: Codec[T],
    default: T,
    attribute_name: str | None = ...,
    store_null: bool = ...,
    repr: bool = ...,
    immutable: bool = ...,
    **rules: Unpack[Rules],
) -> Field[T]: ...
@overload
def field(
    *,
    codec: Codec[T],
    default_factory: Callable[[], T],
    attribute_name: str | None = ...,
    store_null: bool = ...,
    repr: bool = ...,
    immutable: bool = ...,
    **rules: Unpack[Rules],
) -> Field[T]: ...
def field(**options: Any) -> Any:
    """Declare an attribute that needs more than a type.

    Args:
        default: The value of an instance that is made without one. Not a list, dict or set.
        default_factory: Called for every new instance that is made without a value.
        missing: What stored items without the attribute read as, where that is not the default. It is not written until it is
            changed. Needed where ``default_factory`` gives each instance a value of its own, as ``uuid7`` does, and items were
            stored before the attribute was declared.
        attribute_name: The name in the table, where it differs.
        store_null: Store None as NULL; otherwise None means that the item has no such attribute.
        repr: Whether ``repr(instance)`` shows the value.
        epoch: Store datetimes as numbers, seconds or milliseconds since 1970; otherwise they are ISO 8601 text in UTC.
        codec: How values of a class of yours are stored: any object with ``to_stored`` and ``from_stored``.
        immutable: Refuse to change the value once the item is stored.
        min_length: The least length, of text in characters, of other values in bytes or members.
        max_length: The greatest length.
        pattern: A regular expression that is found in the text; ``^...$`` for one that is all of it.
        ge: The least number (or date, time, duration); ``gt``, ``le`` and ``lt`` likewise.
        validate: A callable, or a list of them, that takes the value: it raises ValueError or returns False to refuse it.
        description: What the attribute means; schemas show it.
        compress: Of ``Encrypted``: compress it first.
        compress_level: 1 to 22.
        compress_above: The least size in bytes that is compressed.
        max_size: The largest size in bytes, decompressed, that is written and read.
        on_plaintext: Of ``Encrypted``: what becomes of plain values that are stored, ``"error"`` or ``"migrate"``.
        dump: Of ``Encrypted``: show it in ``model_dump()``.
        unique: Whether only one item of the model may have a value; None is none. Writes that change it cost a transaction.
        template: Make the value of others, as in ``"STATUS#{status}#{due:%Y-%m-%d}"``; absent where one of them is None. For keys
            of indexes; it is no parameter of the constructor and cannot be assigned.
        escape: Percent-encode what stands between the values of a template where a value holds it; otherwise that is refused.
        init: Always False with ``template``: for checkers.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: Attr[str] = partition_key()
        ...     age: Attr[int] = field(default=0, ge=0, lt=150)
        ...     tags: Attr[set[str]] = field(default_factory=set, max_length=10)
        ...     key_: Attr[str | None] = field(default=None, attribute_name="key")
    """
    options.pop("init", None)
    made: Attr[Any] = Attr(**_wrapped(options))
    return made


if not TYPE_CHECKING:

    def _parameters_of_field(
        *,
        default: Any = ...,
        default_factory: Callable[[], Any] = ...,
        missing: Any = ...,
        attribute_name: str | None = None,
        store_null: bool = False,
        repr: bool = True,
        epoch: Epoch | None = None,
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
def partition_key(*, attribute_name: str | None = ..., epoch: Epoch | None = ..., **rules: Unpack[Rules]) -> Field[T]: ...
@overload
def partition_key(
    *, default_factory: Callable[[], T], attribute_name: str | None = ..., epoch: Epoch | None = ..., **rules: Unpack[Rules]
) -> Field[T]: ...
@overload
def partition_key(
    *, codec: Codec[T], default_factory: Callable[[], T] = ..., attribute_name: str | None = ..., **rules: Unpack[Rules]
) -> Field[T]: ...
def partition_key(
    *,
    attribute_name: str | None = None,
    default_factory: Callable[[], Any] | None = None,
    codec: Codec[Any] | None = None,
    epoch: Epoch | None = None,
    template: str | None = None,
    escape: bool = False,
    init: bool = True,  # noqa: ARG001 (for checkers)
    **rules: Any,
) -> Any:
    """Declare the partition key: a string, a number or bytes, or what is stored as one: a datetime, a UUID, an enum.

    Args:
        attribute_name: The name in the table, where it differs.
        default_factory: Makes the key of a new instance that is made without one, as ``uuid7`` does.
        codec: How values of a class of yours are stored.
        epoch: Store a datetime as a number, seconds or milliseconds since 1970.
        template: Make the key of other attributes, as in ``"INVOICE#{issued:%Y-%m-%d}#{number:06d}"``; it is then no parameter of
            the constructor, and ``get`` and ``key`` take those attributes by name.
        escape: Percent-encode what stands between the values of a template where a value holds it; otherwise that is refused.
        init: Always False with ``template``: for checkers.
        **rules: What its values must satisfy, as in ``field()``.

    Example:
        >>> class User(Model[str], table="users"):
        ...     user_id: Attr[str] = partition_key()
    """
    made: Attr[Any] = Attr(
        roles=(PARTITION,),
        attribute_name=attribute_name,
        default_factory=default_factory,
        codec=codec,
        epoch=epoch,
        template=template,
        escape=escape,
        **rules,
    )
    return made


@overload
def sort_key(
    *, template: str, escape: bool = ..., init: Literal[False] = ..., attribute_name: str | None = ...
) -> Field[str]: ...
@overload
def sort_key(*, attribute_name: str | None = ..., epoch: Epoch | None = ..., **rules: Unpack[Rules]) -> Field[T]: ...
@overload
def sort_key(
    *, default_factory: Callable[[], T], attribute_name: str | None = ..., epoch: Epoch | None = ..., **rules: Unpack[Rules]
) -> Field[T]: ...
@overload
def sort_key(
    *, codec: Codec[T], default_factory: Callable[[], T] = ..., attribute_name: str | None = ..., **rules: Unpack[Rules]
) -> Field[T]: ...
def sort_key(
    *,
    attribute_name: str | None = None,
    default_factory: Callable[[], Any] | None = None,
    codec: Codec[Any] | None = None,
    epoch: Epoch | None = None,
    template: str | None = None,
    escape: bool = False,
    init: bool = True,  # noqa: ARG001 (for checkers)
    **rules: Any,
) -> Any:
    """Declare the sort key: a string, a number or bytes, or what is stored as one: a datetime, a UUID, an enum.

    Args:
        attribute_name: The name in the table, where it differs.
        default_factory: Makes the key of a new instance that is made without one, as ``uuid7`` does.
        codec: How values of a class of yours are stored.
        epoch: Store a datetime as a number, seconds or milliseconds since 1970.
        template: Make the key of other attributes, as in ``"INVOICE#{issued:%Y-%m-%d}#{number:06d}"``; it is then no parameter of
            the constructor, and ``get`` and ``key`` take those attributes by name.
        escape: Percent-encode what stands between the values of a template where a value holds it; otherwise that is refused.
        init: Always False with ``template``: for checkers.
        **rules: What its values must satisfy, as in ``field()``.

    Example:
        >>> class Order(Model[str, int], table="orders"):
        ...     customer_id: Attr[str] = partition_key()
        ...     number: Attr[int] = sort_key()
    """
    made: Attr[Any] = Attr(
        roles=(SORT,),
        attribute_name=attribute_name,
        default_factory=default_factory,
        codec=codec,
        epoch=epoch,
        template=template,
        escape=escape,
        **rules,
    )
    return made


def _wrapped(options: dict[str, Any]) -> dict[str, Any]:
    for name in ("default", "missing"):
        if name in options:
            options[name] = (options[name],)
    return options
