"""Paths, and the conditions and actions that Python's operators build from them."""

# A path is covariant in the type of its values although its operators take values, so that one overload covers `str`,
# `str | None` and `Literal`; paths are not passed around as paths of a wider type. The comments on `misc` below refer to this.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn, cast, overload

import pydynox._core as _core

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


class Handled:
    """What the Rust core has a handle of."""

    def __init__(self, handle: Any) -> None:
        self._handle: Any = handle

    @staticmethod
    def handle_of(value: Any) -> Any:
        """What the core takes: the handle of an operand or a term, or the value itself."""
        return value._handle if isinstance(value, Handled) else value

    def __repr__(self) -> str:
        return repr(self._handle)


handle_of = Handled.handle_of


class Operand(Handled, Generic[T_co]):
    """One side of a comparison: a path, or the size of the value stored there."""

    _holds_many = False  # whether one value can be a list

    def __eq__(self, other: T_co | Operand[T_co]) -> Condition:  # type: ignore[override]  # a comparison of SQL's kind
        return cast("Condition", self._handle.compare("=", handle_of(other)))

    def __ne__(self, other: T_co | Operand[T_co]) -> Condition:  # type: ignore[override]  # as above
        return cast("Condition", self._handle.compare("<>", handle_of(other)))

    # Python takes the hash from a class that defines __eq__.
    __hash__ = object.__hash__

    def __lt__(self, other: T_co | Operand[T_co]) -> Condition:
        return cast("Condition", self._handle.compare("<", handle_of(other)))

    def __le__(self, other: T_co | Operand[T_co]) -> Condition:
        return cast("Condition", self._handle.compare("<=", handle_of(other)))

    def __gt__(self, other: T_co | Operand[T_co]) -> Condition:
        return cast("Condition", self._handle.compare(">", handle_of(other)))

    def __ge__(self, other: T_co | Operand[T_co]) -> Condition:
        return cast("Condition", self._handle.compare(">=", handle_of(other)))

    def between(self, low: T_co | Operand[T_co], high: T_co | Operand[T_co], /) -> Condition:
        """Whether ``low <= self <= high``.

        Example:
            >>> User.age.between(18, 65)
            <condition age BETWEEN … AND …>
        """
        return cast("Condition", self._handle.between(handle_of(low), handle_of(high)))

    @overload
    def in_(self, *values: T_co | Operand[T_co]) -> Condition: ...
    @overload
    def in_(self, values: Iterable[T_co], /) -> Condition: ...
    def in_(self, *values: Any) -> Condition:
        """Whether it is one of up to 100 values, given one by one or as one iterable.

        Raises:
            ValidationError: There are no values, or more than 100.

        Example:
            >>> User.age.in_(18, 21)
            <condition age IN (…, …)>
        """
        # On a path to a list, a single list is a value and not the values.
        if len(values) == 1 and not self._holds_many and _is_many(values[0]):
            values = tuple(values[0])
        return cast("Condition", self._handle.is_in(tuple(map(handle_of, values))))

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self!r} has no truth value in Python: compare it, as in User.age > 3, and combine with & | ~")

    if not TYPE_CHECKING:  # checkers refuse what these refuse

        def __and__(self, _: object) -> NoReturn:
            # & and | bind tighter than comparisons, so `User.age > 3 & User.name == "x"` begins with `3 & User.name`.
            raise TypeError(
                f"& and | combine conditions, and {self!r} is a path: compare it, with parentheses around each comparison, "
                "as in (User.age > 3) & (User.name == 'Ada')"
            )

        __rand__ = __or__ = __ror__ = __and__


def _is_many(value: Any) -> bool:
    return not isinstance(value, (str, bytes, bytearray, dict, Operand)) and hasattr(value, "__iter__")


class Size(Operand[int]):
    """The size of the value stored at a path: characters, bytes, members or elements."""


class Term(Handled, Generic[T_co]):
    """What ``set()`` accepts besides values and paths: ``User.age + 1``, ``User.age.if_not_exists(0)``."""

    def __add__(self, other: T_co | Operand[T_co] | Term[T_co]) -> Term[T_co]:
        return Term(self._handle.plus(handle_of(other)))

    def __sub__(self, other: T_co | Operand[T_co] | Term[T_co]) -> Term[T_co]:
        return Term(self._handle.minus(handle_of(other)))


class Expr(Operand[T_co]):
    """The path to an attribute, or into its value: ``User.age`` on the class.

    Attributes:
        model: The model class it was taken from; None for an untyped path.
        attribute: The attribute it starts at; None for an untyped path.
        path: The stored names and list positions along it, such as ``("homes", 0, "city")``.

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
        """The stored names and list positions along it."""
        steps: tuple[str | int, ...] = self._handle.steps
        return steps

    # Comparing with None asks for what reads as None; here, so that comparing sizes need not check for it.
    def __eq__(self, other: T_co | Operand[T_co]) -> Condition:  # type: ignore[override]  # as in Operand
        return self.is_none() if other is None else super().__eq__(other)

    def __ne__(self, other: T_co | Operand[T_co]) -> Condition:  # type: ignore[override]  # as in Operand
        return ~self.is_none() if other is None else super().__ne__(other)

    __hash__ = object.__hash__

    def exists(self) -> Condition:
        """Whether a value is stored there, including NULL."""
        return cast("Condition", self._handle.exists())

    def not_exists(self) -> Condition:
        """Whether no value is stored there."""
        return cast("Condition", self._handle.not_exists())

    def is_none(self) -> Condition:
        """Whether it is missing or NULL, both of which read as None. ``== None`` means the same, but linters reject it."""
        return cast("Condition", self._handle.is_none())

    def attribute_type(self, name: str, /) -> Condition:
        """Whether the stored value has this DynamoDB type: S, N, B, BOOL, NULL, M, L, SS, NS or BS.

        Raises:
            ValidationError: DynamoDB has no such type.
        """
        return cast("Condition", self._handle.attribute_type(name))

    def size(self) -> Size:
        """The size of the stored value: characters, bytes, members or elements.

        Example:
            >>> User.tags.size() < 10
            <condition size(tags) < …>
        """
        return Size(self._handle.size())

    def if_not_exists(self, value: T_co | Operand[T_co], /) -> Term[T_co]:
        """The stored value, or this one if nothing is stored; for use in ``set()``.

        Example:
            >>> User.age.set(User.age.if_not_exists(0) + 1)
            <action SET age = if_not_exists(age, …) + …>
        """
        return Term(self._handle.if_not_exists(handle_of(value)))

    def set(self, value: T_co | Operand[T_co] | Term[T_co], /) -> Action:
        """An action that sets this value or that of another path; None and an empty set remove the attribute, as in ``save()``.

        Raises:
            ValidationError: The value does not fit the attribute.

        Example:
            >>> User.name.set("Ada")
            <action SET name = …>
        """
        return cast("Action", self._handle.set(handle_of(value)))

    def remove(self) -> Action:
        """An action that removes the stored value; later elements of a list move up."""
        return cast("Action", self._handle.remove())

    if not TYPE_CHECKING:
        __iter__ = None  # Python would otherwise iterate any path with []

        def __contains__(self, element: object) -> NoReturn:
            raise TypeError(f"`in` tests Python values, not stored ones: use {self!r}.contains(...) or .in_(...)")


class _Container(Expr[T_co], Generic[T_co, E_co]):
    """A path with elements inside."""

    def _child(self, step: Any) -> Any:
        return expression(self._handle.child(step), _kind_inside(self._kind), self.model, self.attribute)

    _holds_many = True


class BoolExpr(Expr[T_co], Condition):
    """A path to a ``bool``, which is itself a condition: ``User.active & ~User.banned``."""

    if not TYPE_CHECKING:  # as above
        __and__, __rand__, __or__, __ror__ = Condition.__and__, Condition.__rand__, Condition.__or__, Condition.__ror__


class StringExpr(Expr[T_co]):
    """A path to a ``str``."""

    def begins_with(self, prefix: str | StringExpr[Any], /) -> Condition:
        """Whether the stored text starts with this."""
        return cast("Condition", self._handle.begins_with(handle_of(prefix)))

    def contains(self, part: str | StringExpr[Any], /) -> Condition:
        """Whether the stored text contains this."""
        return cast("Condition", self._handle.contains(handle_of(part)))


class BinaryExpr(Expr[T_co]):
    """A path to ``bytes``."""

    def begins_with(self, prefix: bytes | BinaryExpr[Any], /) -> Condition:
        """Whether the stored bytes start with these."""
        return cast("Condition", self._handle.begins_with(handle_of(prefix)))

    def contains(self, part: bytes | BinaryExpr[Any], /) -> Condition:
        """Whether the stored bytes contain these."""
        return cast("Condition", self._handle.contains(handle_of(part)))


class NumberExpr(Expr[T_co]):
    """A path to a number."""

    def add(self, amount: T_co, /) -> Action:  # type: ignore[misc]  # see the top
        """An action that adds to the stored number; a missing one counts as 0. Not retried if its outcome is unknown."""
        return cast("Action", self._handle.add((handle_of(amount),)))

    def __add__(self, other: T_co | Operand[T_co] | Term[T_co]) -> Term[T_co]:
        return Term(self._handle.plus(handle_of(other)))

    def __sub__(self, other: T_co | Operand[T_co] | Term[T_co]) -> Term[T_co]:
        return Term(self._handle.minus(handle_of(other)))


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
        """Whether the stored list contains this element."""
        return cast("Condition", self._handle.contains(handle_of(element)))

    def append(self, *elements: E_co) -> Action:  # type: ignore[misc]  # see the top
        """An action that adds elements at the end; a missing list counts as empty. Not retried if its outcome is unknown."""
        return cast("Action", self._handle.append(elements))

    def prepend(self, *elements: E_co) -> Action:  # type: ignore[misc]  # see the top
        """An action that adds elements at the start; a missing list counts as empty. Not retried if its outcome is unknown."""
        return cast("Action", self._handle.prepend(elements))


class SetExpr(Expr[T_co], Generic[T_co, E_co]):
    """A path to a set."""

    _holds_many = True

    def contains(self, element: E_co | Operand[E_co], /) -> Condition:
        """Whether the stored set contains this member."""
        return cast("Condition", self._handle.contains(handle_of(element)))

    def add(self, *members: E_co) -> Action:  # type: ignore[misc]  # see the top
        """An action that adds members; a missing set counts as empty."""
        return cast("Action", self._handle.add(members))

    def discard(self, *members: E_co) -> Action:  # type: ignore[misc]  # see the top
        """An action that removes members; a set left empty is no longer stored."""
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
    """A path to a map whose members can have any type: each offers every operation."""

    def __getitem__(self, name: str, /) -> AnyExpr:
        return cast("AnyExpr", expression(self._handle.child(name), ("any",), self.model, self.attribute))


class AnyExpr(StringExpr[Any]):
    """A path whose type is not declared: it offers every operation."""

    def __getitem__(self, step: str | int, /) -> AnyExpr:
        return AnyExpr(self._handle.child(step), ("any",), self.model, self.attribute)

    def begins_with(self, prefix: Any, /) -> Condition:
        """Whether the stored text or bytes start with this."""
        return cast("Condition", self._handle.begins_with(handle_of(prefix)))

    def contains(self, part: Any, /) -> Condition:
        """Whether the stored text or bytes contain this part, or the stored list or set this element."""
        return cast("Condition", self._handle.contains(handle_of(part)))

    def add(self, *values: Any) -> Action:
        """An action that adds one number to the stored number, or members or a set to the stored set."""
        return cast("Action", self._handle.add(values))

    def discard(self, *members: Any) -> Action:
        """An action that removes members, or those of a set, from the stored set."""
        return cast("Action", self._handle.discard(members))

    def append(self, *elements: Any) -> Action:
        """An action that adds elements at the end of the stored list."""
        return cast("Action", self._handle.append(elements))

    def prepend(self, *elements: Any) -> Action:
        """An action that adds elements at the start of the stored list."""
        return cast("Action", self._handle.prepend(elements))

    def __add__(self, other: Any) -> Term[Any]:
        return Term(self._handle.plus(handle_of(other)))

    def __sub__(self, other: Any) -> Term[Any]:
        return Term(self._handle.minus(handle_of(other)))


class DocumentExpr(Expr[T_co]):
    """A path to a document, whose fields are paths too: ``Order.ship_to.city``."""

    def __getattr__(self, name: str) -> Any:
        document = self._kind[2]
        attribute = document.model_fields.get(name)
        if attribute is None:
            raise AttributeError(f"{document.__name__} has no field {name!r}", name=name, obj=self)
        return expression(self._handle.child(attribute.attribute_name), attribute.kind, self.model, self.attribute)


class OpaqueExpr(Generic[T_co]):
    """The path to an encrypted or compressed attribute. DynamoDB cannot look inside, so it offers no comparisons."""

    def __init__(self, handle: _core.Path, model: Any, attribute: Any) -> None:
        self._handle: Any = handle
        self.model: type[Any] = model
        self.attribute: Attr[T_co] = attribute

    def exists(self) -> Condition:
        """Whether a value is stored there."""
        return cast("Condition", self._handle.exists())

    def not_exists(self) -> Condition:
        """Whether no value is stored there."""
        return cast("Condition", self._handle.not_exists())

    def set(self, value: T_co, /) -> Action:  # type: ignore[misc]  # see the top
        """An action that sets a whole value; None and an empty set remove the attribute, as in ``save()``.

        Raises:
            ValidationError: The value does not fit the attribute.

        Example:
            >>> Patient.ssn.set("078-05-1120")
            <action SET ssn = …>
        """
        return cast("Action", self._handle.set(value))

    def remove(self) -> Action:
        """An action that removes the stored value."""
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
            # copy, pickle and debuggers ask for such names, and expect this error where there is nothing.
            if name.startswith("__"):
                raise AttributeError(name)
            self._refused()


#: The class of a path by the kind of the values stored there; Expr for any other.
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
    """The path to values of this kind."""
    present: _Kind = kind[1] if kind[0] == "optional" else kind
    if present[0] == "codec" and present[1][0] == "dict":  # members are compared as they are stored
        return OpenMapExpr(handle, present, model, attribute)
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
        path: Names separated by dots, list positions in brackets: ``"homes[0].city"``. If a name contains a dot, pass a list of
            names and positions, each taken literally: ``["example.txt"]``, ``["a.b", 0, "c"]``.

    Raises:
        ValidationError: A name is empty, or the text contains quotes or a backslash.

    Example:
        >>> attr("address.city") == "Oslo"
        <condition address.city = …>
        >>> attr(["example.txt"]).not_exists()
        <condition attribute_not_exists(["example.txt"])>
    """
    return AnyExpr(_core.Path.parse(path), ("any",), None, None)


def path(place: type[V] | Expr[V], /) -> Expr[V]:
    """The path to a whole value, including that of a document: ``path(Order.ship_to)``.

    Example:
        >>> path(User.age)
        <path User.age>
    """
    if not isinstance(place, Expr):
        raise TypeError(f"path() takes a path such as Order.ship_to, not {place!r}")
    return place
