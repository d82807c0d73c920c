"""The definition of one class: its attributes, what is still unresolved, and what its bases know about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pydynox._core as _core
    from pydynox.attributes import Attr
    from pydynox.config import ModelConfig
    from pydynox.expressions import Expr

    from .unique import Constraint

MANAGED = frozenset({"version", "created_at", "updated_at"})  # pydynox sets their values
WRITE_ID = "_write_id"


class Definition:
    """The definition of one class; complete once every annotation is resolved."""

    __slots__ = (
        "abstract",
        "attributes",
        "bare",
        "complete",
        "dataclass_fields",
        "datetime_format",
        "entities",
        "entity",
        "late",
        "names",
        "own",
        "own_config",
        "paths",
        "pending",
        "together",
        "unique",
    )

    def __init__(self, *, abstract: bool, own_config: list[ModelConfig], entity: str | None = None) -> None:
        self.abstract = abstract
        self.entity = entity  # the name of this class's items in a shared table; subclasses have their own
        self.entities: dict[str, _core.Schema | None] = {}  # the schemas of subclasses by entity; None while not finished
        self.late: dict[str, type[Any]] = {}  # subclasses that are not finished yet, by their entity
        self.own_config = own_config
        self.own: dict[str, Attr[Any]] = {}  # declared by this class itself
        self.together: tuple[Constraint, ...] = ()  # unique= of this class itself
        self.unique: list[Constraint] = []  # unique constraints, including those of its bases
        self.attributes: dict[str, Attr[Any]] = {}  # with those of its bases
        self.bare: set[str] = set()  # annotations without a value, which may or may not be attributes
        self.pending: dict[str, str] = {}  # annotations as text, until they can be read
        self.names: dict[str, Any] = {}  # local names around the class, while an annotation is pending
        self.dataclass_fields: dict[str, Any] | None = None
        self.paths: dict[str, Expr[Any]] = {}  # created on first use, because User.age is used often
        self.complete = False
        self.datetime_format: str | None = None  # of its datetimes for which nothing else is declared


def definition_of(cls: type[Any]) -> Definition | None:
    """The definition of this class itself, not of a base."""
    definition: Definition | None = cls.__dict__.get("_definition")
    return definition


def attribute_of(cls: type[Any], name: str) -> Attr[Any] | None:
    """An attribute by its name, of this class or a base.

    Attribute objects are not in the class's own dictionary: nothing there has the name of a value on an instance, so Python
    reads the value without looking at a descriptor first, five times as fast.
    """
    for base in cls.__mro__:
        definition = definition_of(base)
        if definition is not None:
            attribute = (definition.attributes if definition.complete else definition.own).get(name)
            if attribute is not None:
                return attribute
    return None


def definition_attributes(cls: type[Any]) -> list[Attr[Any]]:
    """The attributes of a class whose definition is in progress or complete."""
    definition = definition_of(cls)
    return [] if definition is None else list(definition.attributes.values())
