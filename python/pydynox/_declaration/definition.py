"""What is known about one class: its attributes, what it still waits for, and what its bases know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pydynox._core as _core
    from pydynox.attributes import Attr
    from pydynox.config import ModelConfig
    from pydynox.expressions import Expr

    from .unique import Constraint

MANAGED = frozenset({"version", "created_at", "updated_at"})  # pydynox decides their values
WRITE_ID = "_write_id"


class Definition:
    """What is known about one model class; complete once every annotation could be read."""

    __slots__ = (
        "abstract",
        "attributes",
        "bare",
        "complete",
        "dataclass_fields",
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
        self.entity = entity  # what the items of this very class are called in a table that several share
        self.entities: dict[str, _core.Schema | None] = {}  # the schemas of subclasses by their entity; None of a late one
        self.late: dict[str, type[Any]] = {}  # subclasses that are not finished yet, by their entity
        self.own_config = own_config
        self.own: dict[str, Attr[Any]] = {}  # declared by this very class
        self.together: tuple[Constraint, ...] = ()  # what this very class says with unique=
        self.unique: list[Constraint] = []  # what only one item has, as its bases say it too
        self.attributes: dict[str, Attr[Any]] = {}  # with those of its bases
        self.bare: set[str] = set()  # annotations without a value that may turn out to be no attribute
        self.pending: dict[str, str] = {}  # annotations as text, until they can be read
        self.names: dict[str, Any] = {}  # what surrounded the class, as long as an annotation is pending
        self.dataclass_fields: dict[str, Any] | None = None
        self.paths: dict[str, Expr[Any]] = {}  # made at first use: User.age is asked for again and again
        self.complete = False


def definition_of(cls: type[Any]) -> Definition | None:
    """The definition of this very class, not of a base."""
    definition: Definition | None = cls.__dict__.get("_definition")
    return definition


def attribute_of(cls: type[Any], name: str) -> Attr[Any] | None:
    """An attribute by its name, of this class or a base.

    Attribute objects do not stand in the class's own dictionary: nothing there has the name of a value on an instance, so Python
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
    """The attributes of a class whose definition is under way or done."""
    definition = definition_of(cls)
    return [] if definition is None else list(definition.attributes.values())
