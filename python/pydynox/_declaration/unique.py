"""Unique values: the constraints that a class declares, checked when the class is created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from .annotations import fail
from .kinds import describe, is_key_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pydynox._core import Kind
    from pydynox.attributes import Attr

GUARD = "_pydynox_unique"  # the attribute of the items that keep values unique
Constraint = tuple[str, ...]


def declared_constraints(cls: type[Any], unique: object) -> tuple[Constraint, ...]:
    """``unique=("tenant", "email")`` of a class, or several of them, as constraints.

    Raises:
        ConfigurationError: It is something else.
    """
    if unique is None:
        return ()
    together = _names(unique)
    several = [together] if together else [_names(one) for one in _listed(unique)]
    if not several or not all(several):
        fail(cls, "", f'has unique={unique!r}: write unique=("tenant", "email"), or several of these in a list')
    return tuple(several)


def _listed(value: object) -> tuple[object, ...]:
    return tuple(cast("Sequence[object]", value)) if isinstance(value, (tuple, list)) else ()


def _names(value: object) -> Constraint:
    """The names of a constraint; empty if it is something else."""
    listed = _listed(value)
    names = tuple(name for name in listed if isinstance(name, str))
    return names if len(names) == len(listed) else ()


def own_constraints(attributes: Mapping[str, Attr[Any]], together: Iterable[Constraint]) -> list[Constraint]:
    """The constraints of one class: of single attributes, and of several together."""
    return [*((name,) for name, attribute in attributes.items() if attribute.options.unique), *together]


def check_constraints(
    cls: type[Any], attributes: Mapping[str, Attr[Any]], constraints: Iterable[Constraint], *, repairs: bool
) -> None:
    """Whether these constraints can be kept.

    Raises:
        ConfigurationError: One cannot.
    """
    expires = next((name for name, attribute in attributes.items() if attribute.options.purpose == "expires_at"), None)
    for names in constraints:
        text = f"unique={names!r}"
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            fail(cls, "", f"has {text}, with {twice} twice")
        for name in names:
            attribute = attributes.get(name)
            if attribute is None:
                fail(cls, "", f"has {text}, but no attribute {name}")
            _check_attribute(cls, attribute, alone=len(names) == 1)
        if expires is not None and not repairs:
            fail(
                cls,
                expires,
                f"lets DynamoDB delete items whose {' and '.join(names)} is unique, and the value would stay taken: set "
                'model_config = ModelConfig(orphans="repair")',
            )
    if constraints:
        taken = next((name for name, attribute in attributes.items() if attribute.attribute_name == GUARD), None)
        if taken is not None:
            fail(cls, taken, f"is stored as {GUARD!r}, which marks the items that keep values unique")


def _check_attribute(cls: type[Any], attribute: Attr[Any], *, alone: bool) -> None:
    name = attribute.name
    kind: Kind = attribute.kind or ("any",)
    if attribute.options.roles and alone:
        fail(cls, name, "is a key, and has unique=True: name it together with others, as in unique=(...)")
    if attribute.options.protection is not None:
        fail(cls, name, f"is unique and {attribute.options.protection}: its value would appear in its guard")
    if attribute.options.template is not None or (attribute.options.purpose is not None):
        fail(cls, name, "is unique, but pydynox sets its value: name the attributes it is built from")
    present = kind[1] if kind[0] == "optional" else kind
    if not is_key_kind(present):
        fail(
            cls,
            name,
            f"is unique and of type {describe(attribute.type)}: unique values must be stored as a string, a number or bytes",
        )


def scoped_constraints(
    cls: type[Any],
    constraints: Iterable[Constraint],
    constraints_of: Callable[[type[Any]], list[Constraint] | None],
    entity_of: Callable[[type[Any]], str | None],
) -> list[tuple[str, list[str]]]:
    """Each constraint with the entity among whose items it applies: that of the first class with items that declares it."""
    scoped: list[tuple[str, list[str]]] = []
    for names in constraints:
        holders = (base for base in reversed(cls.__mro__) if names in (constraints_of(base) or ()))
        scoped.append((entity_of(next(holders, cls)) or "", list(names)))
    return scoped
