"""Paths, and what is built from them with Python's operators: conditions and actions."""

# A path is covariant in the type of its values although its operators take some: nobody hands paths around as paths of a wider
# type, and one overload then serves `str`, `str | None` and `Literal`. That is what the comments on misc below are about.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn, cast, overload

from . import _core
from ._core import Action, Condition
from ._shared.typing import Doc, E_co, Num, T_co, V

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .attributes import Attr

__all__ = [
    "Action",
    "AnyExpr",
    "BinaryExpr",
    "BoolExpr",
    "Condition",
    "Expr",
    "ListExpr",
    "MapExpr",
    "NumberExpr",
    "OpenMapExpr",
    "Operand",
    "SetExpr",
    "Size",
    "StringExpr",
    "Term",
    "attr",
    "path",
]

_Kind = tuple[Any, ...]


class Operand(Generic[T_co]):
    """One side of a comparison: a path, or the size of what is stored there."""

    _holds_many = False  # whether a single list can be one value

    def __init__(self, handle: Any) -> None:
        self._handle: Any = handle

    def __eq__(self, other: T_co | Operand[T_co]) -> Condition:  # type: ignore[override]  # a comparison of SQL's kind
        return cast("Condition", self._handle.compare("=", _plain(other)))

    def __ne__(self, other: T_co | Operand[T_co]) -> Condition:  # type: ignore[override]  # as above
        return cast("Condition", self._handle.compare("<>", _plain(other)))

    __hash__ = object.__hash__

    def __lt__(self, other: T_co | Operand[T_co]) -> Condition:
        return cast("Condition", self._handle.compare("<", _plain(other)))

    def __le__(self, other: T_co | Operand[T_co]) -> Condition:
        return cast("Condition", self._handle.compare("<=", _plain(other)))

    def __gt__(self, other: T_co | Operand[T_co]) -> Condition:
        return cast("Condition", self._handle.compare(">", _plain(other)))

    def __ge__(self, other: T_co | Operand[T_co]) -> Condition:
        return cast("Condition", self._handle.compare(">=", _plain(other)))

    def between(self, low: T_co | Operand[T_co], high: T_co | Operand[T_co], /) -> Condition:
        """Whether ``low <= self <= high``.

        Example:
            >>> User.age.between(18, 65)
            <condition age BETWEEN … AND …>
        """
        return cast("Condition", self._handle.between(_plain(low), _plain(high)))

    @overload
    def in_(self, *values: T_co | Operand[T_co]) -> Condition: ...
    @overload
    def in_(self, values: Iterable[T_co], /) -> Condition: ...
    def in_(self, *values: Any) -> Condition:
        """Whether it is one of at most 100 values, given one by one or as one iterable.

        Raises:
            ValidationError: There is no value, or there are more than 100.

        Example:
            >>> User.age.in_(18, 21)
            <condition age IN (…, …)>
        """
        if len(values) == 1 and not self._holds_many and _is_many(values[0]):
            values = tuple(values[0])
        return cast("Condition", self._handle.is_in(tuple(map(_plain, values))))

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self!r} has no truth value in Python: compare it, as in User.age > 3, and combine by & | ~")

    def __repr__(self) -> str:
        return repr(self._handle)


def _is_many(value: Any) -> bool:
    return not isinstance(value, (str, bytes, bytearray, dict, Operand)) and hasattr(value, "__iter__")


def _plain(value: Any) -> Any:
    """What the border knows: the handle of a path, or the value itself."""
    return value._handle if isinstance(value, (Operand, Term)) else value


class Size(Operand[int]):
    """How large what is stored at a path is: characters, bytes, members or elements."""


class Term(Generic[T_co]):
    """What ``set()`` takes beside values and paths: ``User.age + 1``, ``User.age.if_not_exists(0)``."""

    def __init__(self, handle: Any) -> None:
        self._handle: Any = handle

    def __add__(self, other: T_co | Operand[T_co] | Term[T_co]) -> Term[T_co]:
        return Term(self._handle.plus(_plain(other)))

    def __sub__(self, other: T_co | Operand[T_co] | Term[T_co]) -> Term[T_co]:
        return Term(self._handle.minus(_plain(other)))

    def __repr__(self) -> str:
        return repr(self._handle)


class Expr(Operand[T_co]):
    """The path to an attribute, or to a place inside it: ``User.age`` on the class.

    Attributes:
        model: The model class through which the path was taken; None of an untyped path.
        attribute: The attribute that it starts at; None of an untyped path.
        path: The stored names and positions on the way, such as ``("homes", 0, "city")``.

    Example:
        >>> User.age
        <path User.age>
    """

    def __init__(self, handle: _core.Path, kind: _Kind, model: Any, attribute: Any) -> None:
        super().__init__(handle)
        self._kind = kind
        self.model: type[Any] = model
        self.attribute: Attr[T_co] = attribute

    @property
    def path(self) -> tuple[str | int, ...]:
        """The stored names and positions on the way."""
        steps: tuple[str | int, ...] = self._handle.steps
        return steps

    # Comparing with None asks what reads as None; written here so that the others need not look for it.
    def __eq__(self, other: T_co | Operand[T_co]) -> Condition:  # type: ignore[override]  # as in Operand
        return self.is_none() if other is None else super().__eq__(other)

    def __ne__(self, other: T_co | Operand[T_co]) -> Condition:  # type: ignore[override]  # as in Operand
        return ~self.is_none() if other is None else super().__ne__(other)

    __hash__ = object.__hash__

    def exists(self) -> Condition:
        """Whether anything is stored there, NULL included."""
        return cast("Condition", self._handle.exists())

    def not_exists(self) -> Condition:
        """Whether nothing is stored there."""
        return cast("Condition", self._handle.not_exists())

    def is_none(self) -> Condition:
        """Missing or NULL: what reads as None. ``== None`` means the same, but linters rewrite it to ``is None``."""
        return cast("Condition", self._handle.is_none())

    def attribute_type(self, name: str, /) -> Condition:
        """Whether the stored value is of this type of DynamoDB: S, N, B, BOOL, NULL, M, L, SS, NS or BS.

        Raises:
            ValidationError: There is no such type.
        """
        return cast("Condition", self._handle.attribute_type(name))

    def size(self) -> Size:
        """How large what is stored there is: characters, bytes, members or elements.

        Example:
            >>> User.tags.size() < 10
            <condition size(tags) < …>
        """
        return Size(self._handle.size())

    def if_not_exists(self, value: T_co | Operand[T_co], /) -> Term[T_co]:
        """The stored value, or this one where nothing is stored; for use inside ``set()``.

        Example:
            >>> User.age.set(User.age.if_not_exists(0) + 1)
            <action SET age = if_not_exists(age, …) + …>
        """
        return Term(self._handle.if_not_exists(_plain(value)))

    def set(self, value: T_co | Operand[T_co] | Term[T_co], /) -> Action:
        """Give it a value, or that of another path; None and an empty set remove the attribute, as saving them does.

        Raises:
            ValidationError: The value does not fit the attribute.

        Example:
            >>> User.name.set("Ada")
            <action SET name = …>
        """
        return cast("Action", self._handle.set(_plain(value)))

    def remove(self) -> Action:
        """Remove what is stored there; elements of a list behind it move up."""
        return cast("Action", self._handle.remove())

    if not TYPE_CHECKING:
        __iter__ = None  # a path with [] is no sequence

        def __contains__(self, element: object) -> NoReturn:
            raise TypeError(f"`in` looks into Python's values, not into stored ones: write {self!r}.contains(...) or .in_(...)")


class _Container(Expr[T_co], Generic[T_co, E_co]):
    """A path with elements inside."""

    def _child(self, step: Any) -> Any:
        return expression(self._handle.child(step), _kind_inside(self._kind), self.model, self.attribute)

    _holds_many = True


class BoolExpr(Expr[T_co], Condition):
    """A path to a ``bool``, which is a condition by itself: ``User.active & ~User.banned``."""


class StringExpr(Expr[T_co]):
    """A path to a ``str``."""

    def begins_with(self, prefix: str | StringExpr[Any], /) -> Condition:
        """Whether the stored text starts like this."""
        return cast("Condition", self._handle.begins_with(_plain(prefix)))

    def contains(self, part: str | StringExpr[Any], /) -> Condition:
        """Whether the stored text has this in it."""
        return cast("Condition", self._handle.contains(_plain(part)))


class BinaryExpr(Expr[T_co]):
    """A path to ``bytes``."""

    def begins_with(self, prefix: bytes | BinaryExpr[Any], /) -> Condition:
        """Whether the stored bytes start like this."""
        return cast("Condition", self._handle.begins_with(_plain(prefix)))

    def contains(self, part: bytes | BinaryExpr[Any], /) -> Condition:
        """Whether the stored bytes have these in them."""
        return cast("Condition", self._handle.contains(_plain(part)))


class NumberExpr(Expr[T_co]):
    """A path to a number."""

    def add(self, amount: T_co, /) -> Action:  # type: ignore[misc]  # see the top
        """Add to the stored number; a missing one counts as 0. Not sent again when its outcome is unknown."""
        return cast("Action", self._handle.add((_plain(amount),)))

    def __add__(self, other: T_co | Operand[T_co] | Term[T_co]) -> Term[T_co]:
        return Term(self._handle.plus(_plain(other)))

    def __sub__(self, other: T_co | Operand[T_co] | Term[T_co]) -> Term[T_co]:
        return Term(self._handle.minus(_plain(other)))


class ListExpr(_Container[T_co, E_co]):
    """A path to a list; ``User.tags[0]`` is the path to its first element."""

    @overload
    def __getitem__(self: ListExpr[Any, Doc], index: int, /) -> type[Doc]: ...  # type: ignore[overload-overlap]
    @overload
    def __getitem__(self: ListExpr[Any, bool], index: int, /) -> BoolExpr[bool]: ...  # type: ignore[overload-overlap]  # a bool is an int
    @overload
    def __getitem__(self: ListExpr[Any, str], index: int, /) -> StringExpr[str]: ...
    @overload
    def __getitem__(self: ListExpr[Any, Num], index: int, /) -> NumberExpr[Num]: ...
    @overload
    def __getitem__(self: ListExpr[Any, list[V]], index: int, /) -> ListExpr[list[V], V]: ...
    @overload
    def __getitem__(self: ListExpr[Any, dict[str, V]], index: int, /) -> MapExpr[dict[str, V], V]: ...
    @overload
    def __getitem__(self, index: int, /) -> Expr[E_co]: ...
    def __getitem__(self, index: int, /) -> Any:
        return self._child(index)

    def contains(self, element: E_co | Operand[E_co], /) -> Condition:
        """Whether the stored list has this element."""
        return cast("Condition", self._handle.contains(_plain(element)))

    def append(self, *elements: E_co) -> Action:  # type: ignore[misc]  # see the top
        """Add elements behind the stored ones; a missing list counts as empty. Not sent again when its outcome is unknown."""
        return cast("Action", self._handle.append(elements))

    def prepend(self, *elements: E_co) -> Action:  # type: ignore[misc]  # see the top
        """Add elements before the stored ones; a missing list counts as empty. Not sent again when its outcome is unknown."""
        return cast("Action", self._handle.prepend(elements))


class SetExpr(Expr[T_co], Generic[T_co, E_co]):
    """A path to a set."""

    _holds_many = True

    def contains(self, element: E_co | Operand[E_co], /) -> Condition:
        """Whether the stored set has this member."""
        return cast("Condition", self._handle.contains(_plain(element)))

    def add(self, *members: E_co) -> Action:  # type: ignore[misc]  # see the top
        """Add members; a missing set counts as empty."""
        return cast("Action", self._handle.add(members))

    def discard(self, *members: E_co) -> Action:  # type: ignore[misc]  # see the top
        """Take members out; a set that is empty then is no longer stored."""
        return cast("Action", self._handle.discard(members))


class MapExpr(_Container[T_co, E_co]):
    """A path to a map; ``User.scores["a"]`` is the path to a member."""

    @overload
    def __getitem__(self: MapExpr[Any, Doc], name: str, /) -> type[Doc]: ...  # type: ignore[overload-overlap]
    @overload
    def __getitem__(self: MapExpr[Any, bool], name: str, /) -> BoolExpr[bool]: ...  # type: ignore[overload-overlap]  # a bool is an int
    @overload
    def __getitem__(self: MapExpr[Any, str], name: str, /) -> StringExpr[str]: ...
    @overload
    def __getitem__(self: MapExpr[Any, Num], name: str, /) -> NumberExpr[Num]: ...
    @overload
    def __getitem__(self: MapExpr[Any, list[V]], name: str, /) -> ListExpr[list[V], V]: ...
    @overload
    def __getitem__(self: MapExpr[Any, dict[str, V]], name: str, /) -> MapExpr[dict[str, V], V]: ...
    @overload
    def __getitem__(self, name: str, /) -> Expr[E_co]: ...
    def __getitem__(self, name: str, /) -> Any:
        return self._child(name)


class OpenMapExpr(Expr[T_co]):
    """A path to a map whose members are of any type: each offers every operation."""

    def __getitem__(self, name: str, /) -> AnyExpr:
        return cast("AnyExpr", expression(self._handle.child(name), ("any",), self.model, self.attribute))


class AnyExpr(StringExpr[Any]):
    """A path whose type nobody declared: it offers every operation."""

    def __getitem__(self, step: str | int, /) -> AnyExpr:
        return AnyExpr(self._handle.child(step), ("any",), self.model, self.attribute)

    def begins_with(self, prefix: Any, /) -> Condition:
        """Whether the stored text, or the stored bytes, start like this."""
        return cast("Condition", self._handle.begins_with(_plain(prefix)))

    def contains(self, part: Any, /) -> Condition:
        """Whether the stored text or bytes have this part, or the stored list or set this element."""
        return cast("Condition", self._handle.contains(_plain(part)))

    def add(self, *values: Any) -> Action:
        """Add one number to the stored one, or members, or a set, to the stored set."""
        return cast("Action", self._handle.add(values))

    def discard(self, *members: Any) -> Action:
        """Take members, or those of a set, out of the stored set."""
        return cast("Action", self._handle.discard(members))

    def append(self, *elements: Any) -> Action:
        """Add elements behind those of the stored list."""
        return cast("Action", self._handle.append(elements))

    def prepend(self, *elements: Any) -> Action:
        """Add elements before those of the stored list."""
        return cast("Action", self._handle.prepend(elements))

    def __add__(self, other: Any) -> Term[Any]:
        return Term(self._handle.plus(_plain(other)))

    def __sub__(self, other: Any) -> Term[Any]:
        return Term(self._handle.minus(_plain(other)))


class DocumentExpr(Expr[T_co]):
    """A path to a document: its fields are paths again, ``Order.ship_to.city``."""

    def __getattr__(self, name: str) -> Any:
        document = self._kind[2]
        attribute = document.model_fields.get(name)
        if attribute is None:
            raise AttributeError(f"{document.__name__} has no field {name!r}", name=name, obj=self)
        return expression(self._handle.child(attribute.attribute_name), attribute.kind, self.model, self.attribute)


class OpaqueExpr(Generic[T_co]):
    """The path to an encrypted or compressed attribute: DynamoDB cannot look inside, so there is nothing to compare."""

    def __init__(self, handle: _core.Path, model: Any, attribute: Any) -> None:
        self._handle: Any = handle
        self.model: type[Any] = model
        self.attribute: Attr[T_co] = attribute

    def exists(self) -> Condition:
        """Whether anything is stored there."""
        return cast("Condition", self._handle.exists())

    def not_exists(self) -> Condition:
        """Whether nothing is stored there."""
        return cast("Condition", self._handle.not_exists())

    def set(self, value: T_co, /) -> Action:  # type: ignore[misc]  # see the top
        """Give it a whole value; None and an empty set remove the attribute, as saving them does.

        Raises:
            ValidationError: The value does not fit the attribute.

        Example:
            >>> Patient.ssn.set("078-05-1120")
            <action SET ssn = …>
        """
        return cast("Action", self._handle.set(value))

    def remove(self) -> Action:
        """Remove what is stored there."""
        return cast("Action", self._handle.remove())

    def __repr__(self) -> str:
        return repr(self._handle)

    __hash__ = object.__hash__

    if not TYPE_CHECKING:

        def _refused(self, *_: object) -> NoReturn:
            raise TypeError(
                f"{self!r} is stored encrypted or compressed, and DynamoDB cannot look inside: it has exists(), not_exists(), "
                "set() and remove()"
            )

        __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = __contains__ = __bool__ = _refused
        __iter__ = None

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("__"):
                raise AttributeError(name)
            self._refused()


#: The class of a path by the kind of what is stored there; anything else is an Expr.
EXPRESSIONS: dict[str, type[Expr[Any]]] = {
    "str": StringExpr,
    "int": NumberExpr,
    "float": NumberExpr,
    "decimal": NumberExpr,
    "number": NumberExpr,
    "bool": BoolExpr,
    "bytes": BinaryExpr,
    "list": ListExpr,
    "tuple_of": ListExpr,
    "set": SetExpr,
    "frozenset": SetExpr,
    "dict": MapExpr,
    "pydantic": OpenMapExpr,
    "any": AnyExpr,
}


def expression(handle: _core.Path, kind: _Kind, model: Any, attribute: Any) -> Expr[Any]:
    """The path of a place where values of this kind are stored."""
    present: _Kind = kind[1] if kind[0] == "optional" else kind
    if present[0] == "record":
        return (OpenMapExpr if present[2] is None else DocumentExpr)(handle, present, model, attribute)
    if present[0] == "literal" or (present[0] == "enum" and issubclass(present[3], (str, int))):
        return EXPRESSIONS.get(present[1][0], Expr)(handle, present, model, attribute)
    return EXPRESSIONS.get(present[0], Expr)(handle, present, model, attribute)


def _kind_inside(kind: _Kind) -> _Kind:
    inner: _Kind = kind[1]
    return inner


def attr(path: str | Sequence[str | int], /) -> AnyExpr:
    """A path without a model, for plain dictionaries and for attributes that no model declares.

    Args:
        path: Names with dots between them, positions in lists in brackets: ``"homes[0].city"``. Where a name has a dot in it, a
            list of names and positions, each taken as it is: ``["example.txt"]``, ``["a.b", 0, "c"]``.

    Raises:
        ValidationError: A name in it is empty, or the text holds quotes or a backslash.

    Example:
        >>> attr("address.city") == "Oslo"
        <condition address.city = …>
        >>> attr(["example.txt"]).not_exists()
        <condition attribute_not_exists(["example.txt"])>
    """
    return AnyExpr(_core.Path.parse(path), ("any",), None, None)


def path(place: type[V] | Expr[V], /) -> Expr[V]:
    """What stands at a place as one value, a document included: ``path(Order.ship_to)``.

    Example:
        >>> path(User.age)
        <path User.age>
    """
    if not isinstance(place, Expr):
        raise TypeError(f"path() takes a place in an item, such as Order.ship_to, not {place!r}")
    return place
