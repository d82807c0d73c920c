"""Type variables and protocols that the package shares; at run time the standard library's ``typing`` is enough."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Unpack

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import date, datetime, time, timedelta  # noqa: F401 (named in the text of constraints)
    from decimal import Decimal
    from typing import Literal, TypeAlias, TypedDict
    from uuid import UUID  # noqa: F401

    from typing_extensions import TypeVar, TypeVarTuple

    from pydynox.document import Document  # noqa: F401
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


class Codec(Protocol[T]):
    """How values of a class of yours are stored: any object with these two methods; no base class is needed.

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

    class CommonRules(TypedDict, total=False):
        """What every attribute can ask of its values."""

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
        """What is asked of values that have a length."""

        min_length: int | None
        max_length: int | None

    class TextRules(SizeRules, total=False):
        """What is asked of text."""

        pattern: str | re.Pattern[str] | None

    class NumberRules(CommonRules, total=False):
        """What is asked of values that have an order."""

        ge: Bound | None
        gt: Bound | None
        le: Bound | None
        lt: Bound | None

    class Rules(TextRules, NumberRules, total=False):
        """All of them."""
