"""The declarations that are written: a module of classes with fields and indexes, before any of it is text."""

from __future__ import annotations

from dataclasses import dataclass, field

#: A part of a template: a text, or the stored name of an attribute with its format.
Piece = str | tuple[str, str]


@dataclass
class Field:
    """One attribute of a class."""

    stored: str
    type: str  # what Attr[...] holds, as source
    call: str = "field"
    arguments: list[str] = field(default_factory=list[str])  # as source, such as "default=None"
    notes: list[str] = field(default_factory=list[str])  # sentences for the comment above it
    imports: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # modules and names, beyond those of its type
    template: list[Piece] = field(default_factory=list["str | tuple[str, str]"])  # what its values are built from
    preferred: str = ""  # the name that another class gives it
    holder: str = "Attr"  # the class of the annotation
    name: str = ""  # in the class; given when the whole class is known

    @property
    def annotation(self) -> str:
        """The annotation, as source."""
        return f"{self.holder}[{self.type}]" if self.type else self.holder

    @property
    def is_key(self) -> bool:
        """Whether it is part of the table's key."""
        return self.call in ("partition_key", "sort_key") or not {"hash_key=True", "range_key=True"}.isdisjoint(self.arguments)


@dataclass
class Index:
    """One secondary index of a class, by stored names."""

    stored: str
    is_global: bool
    partition: list[str]
    sort: list[str]
    projection: str | list[str] = "ALL"
    preferred: str = ""  # the name that another class gives it
    name: str = ""


@dataclass
class Class:
    """One class: a model, or a document."""

    name: str
    base: str  # as source, such as "Model[str, int]"
    doc: str
    keywords: list[str] = field(default_factory=list[str])  # as source, such as 'table="orders"'
    config: list[str] = field(default_factory=list[str])  # arguments of ModelConfig, as source
    notes: list[str] = field(default_factory=list[str])
    fields: list[Field] = field(default_factory=list[Field])
    indexes: list[Index] = field(default_factory=list[Index])
    entity_attribute: str | None = None
    parent: Class | None = None

    def field_of(self, stored: str) -> Field | None:
        """The field of an attribute, here or in the class that this one extends."""
        own = next((one for one in self.fields if one.stored == stored), None)
        return own or (self.parent.field_of(stored) if self.parent else None)


@dataclass
class Module:
    """A module of models."""

    doc: str
    notes: list[str] = field(default_factory=list[str])
    classes: list[Class] = field(default_factory=list[Class])
