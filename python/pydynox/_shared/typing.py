"""Type variables and protocols that the package shares; at run time the standard library's ``typing`` is enough."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Unpack

from .public import public

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import date, datetime, time, timedelta, tzinfo  # noqa: F401 (named in the text of constraints)
    from decimal import Decimal
    from typing import Generic, Literal, Required, TypeAlias, TypedDict
    from uuid import UUID  # noqa: F401

    from typing_extensions import TypeVar, TypeVarTuple

    from pydynox.document import Document  # noqa: F401
    from pydynox.exceptions import SerializationError
    from pydynox.expressions import Condition
    from pydynox.key import Key
else:
    # Defaults of type variables are for checkers only (PEP 696 is younger than the oldest Python here).
    def TypeVar(name: str, *constraints: Any, default: Any = None, **options: Any) -> Any:  # noqa: ARG001, N802
        return typing.TypeVar(name, *constraints, **options)

    def TypeVarTuple(name: str, *, default: Any = None) -> Any:  # noqa: ARG001, N802
        return typing.TypeVarTuple(name)


T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
V = TypeVar("V")
E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
F = TypeVar("F")
G = TypeVar("G")
SortD = TypeVar("SortD", default=None)
Doc = TypeVar("Doc", bound="Document")
Num = TypeVar("Num", int, float, "Decimal", "int | None", "float | None", "Decimal | None")

Row = TypeVar("Row")
Row_co = TypeVar("Row_co", covariant=True)
R1 = TypeVar("R1")
R2 = TypeVar("R2")
R3 = TypeVar("R3")
R4 = TypeVar("R4")

PK = TypeVar("PK", default=Any)
PK_contra = TypeVar("PK_contra", contravariant=True)
SK = TypeVarTuple("SK", default=Unpack[tuple[Any, ...]])
SKs = TypeVarTuple("SKs")

Text = TypeVar("Text", str, "str | None", default=str)
Number = TypeVar("Number", int, float, "Decimal", "int | None", "float | None", "Decimal | None", default=float)
Truth = TypeVar("Truth", bool, "bool | None", default=bool)
Binary = TypeVar("Binary", bytes, "bytes | None", default=bytes)


Moment = TypeVar("Moment", "datetime", "datetime | None", default="datetime")
Day = TypeVar("Day", "date", "date | None", default="date")
Id = TypeVar("Id", "UUID", "UUID | None", default="UUID")


class Several:
    """The type of an index's partition key that has several attributes; for checkers only."""


@public
class Codec(Protocol[T]):
    """How values of your own class are stored: any object with these two methods; no base class is needed.

    What ``to_stored`` is annotated to return is what ``from_stored`` is given; a key needs it to be ``str``, ``int``, ``float``,
    ``Decimal`` or ``bytes``.

    Example:
        >>> class MoneyCodec:
        ...     def to_stored(self, value: Money, /) -> int:
        ...         return value.cents
        ...
        ...     def from_stored(self, value: int, /) -> Money:
        ...         return Money(value)
        >>> price: Attr[Money] = field(codec=MoneyCodec())
    """

    def to_stored(self, value: T, /) -> Any: ...
    def from_stored(self, value: Any, /) -> T: ...


class DocumentLike(Protocol[Row_co]):
    """A document, seen through a method that returns itself: matches ``Address | None`` too, and yields ``Address``."""

    def model_copy(self) -> Row_co: ...
    def model_to_item(self) -> dict[str, Any]: ...


class DataclassLike(Protocol):
    """A dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class PydanticLike(Protocol):
    """A model of pydantic's."""

    def model_dump_json(self) -> str: ...


class ModelClass(Protocol[Row_co, PK_contra, *SKs]):
    """A model class, seen through ``key``: how a checker learns the model and the types of its key together."""

    def key(self, partition: PK_contra, /, *sort: *SKs) -> Key[Row_co]: ...


if TYPE_CHECKING:
    # What a dump shows or leaves out: names, positions of a list, "__all__"; nested in a dict.
    IncEx: TypeAlias = AbstractSet[int] | AbstractSet[str] | Mapping[int, "IncEx | bool"] | Mapping[str, "IncEx | bool"]
    Bound = int | float | Decimal | date | time | timedelta

    class Timeout(TypedDict, total=False):
        """The option that every call has."""

        timeout: float | None

    class ReadOptions(Timeout, total=False):
        """The options of a read."""

        consistent_read: bool | None

    class WriteOptions(Timeout, total=False):
        """The options of a conditional write."""

        condition: Condition | None

    class StatementOptions(ReadOptions, total=False):
        """The options of a PartiQL statement."""

        limit: int | None
        after: str | None
        on_invalid: Callable[[SerializationError], object] | None

    class TransactionOptions(Timeout, total=False):
        """The options of a transaction."""

        token: str | None

    class CommonRules(TypedDict, total=False):
        """What every attribute can require of its values, and say about them."""

        validate: Callable[[Any], object] | Sequence[Callable[[Any], object]]
        description: str | None
        missing: Any
        unique: bool
        compress: bool
        compress_level: int
        compress_above: int
        max_size: int
        on_plaintext: Literal["error", "migrate"]
        dump: bool

    class SizeRules(CommonRules, total=False):
        """For values that have a length."""

        min_length: int | None
        max_length: int | None

    class TextRules(SizeRules, total=False):
        """For text."""

        pattern: str | re.Pattern[str] | None

    class NumberRules(CommonRules, total=False):
        """For values that have an order."""

        ge: Bound | None
        gt: Bound | None
        le: Bound | None
        lt: Bound | None

    class Rules(TextRules, NumberRules, total=False):
        """All of them."""

    class KeyOptions(Rules, total=False):
        """What ``partition_key()`` and ``sort_key()`` accept."""

        attribute_name: str | None

    class TimeOptions(TypedDict, total=False):
        """How a datetime, date or time is stored, and what is read."""

        format: str | None
        epoch: Literal["seconds", "milliseconds"] | None
        naive: tzinfo | None
        truncate: bool

    class TimeKeyOptions(KeyOptions, TimeOptions, total=False):
        """What they accept where there is no codec."""

    class FieldOptions(Rules, total=False):
        """What ``field()`` accepts in addition to a default."""

        attribute_name: str | None
        store_null: bool
        repr: bool
        immutable: bool

    class TimeFieldOptions(FieldOptions, TimeOptions, total=False):
        """What it accepts where there is no codec."""

    class ObjectOptions(TypedDict, total=False):
        """What every attribute object accepts."""

        attribute_name: str | None
        repr: bool
        immutable: bool

    class KeyRoles(TypedDict, total=False):
        """What attribute objects accept that can be keys; ``hash_key`` and ``range_key`` are the names that PynamoDB uses."""

        partition_key: bool
        sort_key: bool
        hash_key: bool
        range_key: bool

    class Defaults(TypedDict, Generic[V], total=False):
        """The default of an attribute object that cannot be None."""

        default: V
        default_factory: Callable[[], V]

    class Nulls(TypedDict, Generic[V], total=False):
        """The options of an attribute object that can be None."""

        null: Required[Literal[True]]
        default: V | None
        store_null: bool

    class SizeOptions(SizeRules, ObjectOptions, total=False):
        """Of lists, sets and maps."""

    class NullMapOptions(SizeOptions, total=False):
        """Of a map that can be None."""

        null: Required[Literal[True]]
        store_null: bool

    class PlainOptions(CommonRules, ObjectOptions, Defaults[V], Generic[V], total=False):
        """Of values without rules of their own, which cannot be a key."""

    class PlainKeyOptions(PlainOptions[V], KeyRoles, Generic[V], total=False):
        """Of values without rules of their own, which can be a key."""

    class NullPlainOptions(CommonRules, ObjectOptions, Nulls[V], Generic[V], total=False):
        """Of such values that can be None."""

    class OrderedOptions(NumberRules, ObjectOptions, KeyRoles, Defaults[V], Generic[V], total=False):
        """Of numbers, datetimes and dates."""

    class NullOrderedOptions(NumberRules, ObjectOptions, Nulls[V], Generic[V], total=False):
        """Of those that can be None."""

    class TextOptions(TextRules, ObjectOptions, KeyRoles, Defaults[str], total=False):
        """Of text."""

    class NullTextOptions(TextRules, ObjectOptions, Nulls[str], total=False):
        """Of text that can be None."""

    class BinaryOptions(SizeRules, ObjectOptions, KeyRoles, Defaults[bytes], total=False):
        """Of bytes."""

    class NullBinaryOptions(SizeRules, ObjectOptions, Nulls[bytes], total=False):
        """Of bytes that can be None."""


if TYPE_CHECKING:
    #: What happened, as ``Event.kind`` names it.
    EventKind: TypeAlias = Literal[
        "call_started",
        "attempt_ended",
        "retry_planned",
        "throttled",
        "call_ended",
        "call_cancelled",
        "connection_opened",
        "connection_dropped",
        "credentials_renewed",
        "data_key_made",
        "data_key_unwrapped",
        "page_read",
        "batch_flushed",
    ]
