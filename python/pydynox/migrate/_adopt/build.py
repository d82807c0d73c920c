"""A module of models from the layout of a table and a sample of its items."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from pydynox._declaration.checks import KEY_OPTIONS

from .decide import DECLARED, Types
from .declarations import Class, Field
from .entities import by_discriminator, by_prefix, discriminator_of
from .keys import template_of
from .names import Names, literal
from .observed import Observed, observed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .declarations import Piece
    from .entities import Item, Kind
    from .layout import Layout

NOTE = (
    "The comments say what the sample leaves open: an attribute without one is in every item sampled, always with this type. "
    "Attributes that a class does not declare are kept when an item is read and saved."
)
LATEST = Decimal(253_402_300_799)  # seconds since 1970: the last that a datetime can hold


def models_of(
    layout: Layout, items: Sequence[Item], declared: Mapping[str, str], discriminator: str | None, names: Names
) -> list[Class]:
    """The classes of one table, each after those that it refers to.

    Args:
        layout: Its keys and indexes.
        items: The sample, in DynamoDB's JSON.
        declared: The types of attributes that a file declares, by stored name, whether or not an item has them.
        discriminator: The attribute that names the kind of each item; by default one is searched for.
        names: The names of classes.
    """
    return _Builder(layout, items, declared, names).classes(discriminator)


class _Builder:
    def __init__(self, layout: Layout, items: Sequence[Item], declared: Mapping[str, str], names: Names) -> None:
        self.layout, self.items, self.declared, self.names = layout, items, declared, names
        self.types = Types(names)
        self.seen = observed(items)

    def classes(self, discriminator: str | None) -> list[Class]:
        discriminator = discriminator or discriminator_of(self.items, self.layout)
        kinds, rest = by_discriminator(self.items, discriminator) if discriminator else by_prefix(self.items, self.layout)
        is_one = not kinds or (len(kinds) == 1 and not rest)
        base = self._base(discriminator, is_one=is_one)
        if is_one:
            base.keywords += [f"entity={literal(kind.entity)}" for kind in kinds if kind.entity is not None]
            base.fields += self._others(base, self.seen, len(self.items), discriminator)
            base.fields += self._undeclared()
            for stored, template in self._templates(base, self.items).items():
                field = base.field_of(stored)
                if field is not None:
                    field.template = template
            return [*self.types.documents, base]
        base.doc = f"Any item of the table {self.layout.name}; its subclasses are the kinds of items."
        if rest:
            what = f"no {literal(discriminator)}" if discriminator else "a key without a prefix"
            base.notes.append(f"does not fit a subclass: {_share(len(rest), len(self.items))} have {what}")
        base.fields += self._undeclared()
        subclasses = [self._subclass(base, kind, discriminator) for kind in kinds]
        return [base, *self.types.documents, *subclasses]

    # --- classes

    def _base(self, discriminator: str | None, *, is_one: bool) -> Class:
        layout = self.layout
        words = layout.name.rpartition("/")[2]
        keys = [self._key(stored) for stored in layout.key]
        name = self.names.class_(_singular(words) if is_one else words)
        base = Class(name, f"Model[{', '.join(key.type for key in keys)}]", f"An item of the table {layout.name}.")
        base.keywords.append(f"table={literal(layout.name)}")
        if discriminator not in (None, "_type"):
            base.config.append(f"entity_attribute={literal(discriminator)}")
        base.notes += layout.notes
        base.fields = keys
        base.indexes = layout.indexes
        for stored in layout.shared:
            if stored != discriminator:
                base.fields.append(self._shared(base, stored))
        return base

    def _subclass(self, base: Class, kind: Kind, discriminator: str | None) -> Class:
        name = self.names.class_(kind.words)
        one = Class(name, base.name, "", parent=base, notes=[_share(len(kind.items), len(self.items))])
        if kind.entity is None:
            begins = (
                f"{stored} {'is' if beginning.isalnum() else 'begins with'} {beginning}" for stored, beginning in kind.begins
            )
            one.doc = f"An item whose {' and '.join(begins)}."
        else:
            one.doc = f"An item of the kind {kind.entity}."
            one.keywords.append(f"entity={literal(kind.entity)}")
        one.fields = self._others(one, observed(kind.items), len(kind.items), discriminator)
        templates = self._templates(one, kind.items)
        one.fields = [self._built(base, stored, template) for stored, template in templates.items() if template] + one.fields
        return one

    # --- attributes

    def _key(self, stored: str) -> Field:
        decided = self.types.key(self.layout.types[stored], self.seen.get(stored))
        return Field(stored, decided.type, self._call(stored), decided.arguments, decided.notes)

    def _call(self, stored: str) -> str:
        if stored not in self.layout.key:
            return "field"
        return "partition_key" if stored == self.layout.partition_key else "sort_key"

    def _built(self, base: Class, stored: str, template: list[Piece]) -> Field:
        """An attribute of the base class that the items of one kind build from others."""
        declared = base.field_of(stored)
        return Field(stored, declared.type if declared else "str", self._call(stored), template=template)

    def _templates(self, one: Class, items: Sequence[Item]) -> dict[str, list[Piece]]:
        """What the keys of these items are built from, the keys of indexes too; nothing where that cannot be told."""
        # An option of the verbs cannot be a part of a key that they take by name.
        others = [*one.fields, *(one.parent.fields if one.parent else ())]
        others = [each for each in others if not each.is_key and each.stored not in KEY_OPTIONS]
        attributes = [each for each in others if each.stored not in self.layout.index_keys]
        indexed = {stored: self._template(stored, one, items, attributes) for stored in self.layout.index_keys}
        # A template names attributes that are stored as they are, not ones that a template builds.
        sources = [each for each in others if not indexed.get(each.stored)]
        return {**{stored: self._template(stored, one, items, sources) for stored in self.layout.key}, **indexed}

    def _template(self, stored: str, one: Class, items: Sequence[Item], sources: Sequence[Field]) -> list[Piece]:
        declared = one.field_of(stored)
        is_text = declared is not None and declared.type in ("str", "str | None") and self.layout.types.get(stored) == "S"
        # An item without the key of an index is not in the index, and a template would put it there.
        if not items or not is_text or not all(stored in item for item in items):
            return []
        # In the key of an index, one value in the whole sample is more likely data, such as a region.
        return template_of(items, stored, sources, can_be_constant=stored in self.layout.key)

    def _shared(self, base: Class, stored: str) -> Field:
        """An attribute that the table itself names: the key of an index, a part of a projection, or the time to live."""
        seen = self.seen.get(stored)
        if stored == self.layout.ttl:
            return self._time_to_live(base, seen)
        kind = self.layout.types.get(stored) or self.declared.get(stored)
        is_key = stored in self.layout.index_keys
        if seen is None:
            return _unseen(stored, kind)
        if is_key and set(seen.kinds) != {kind}:
            # An index that was added later leaves out the items that do not fit it.
            field = _unseen(stored, kind)
            counts = ", ".join(f"{each} {count:,}" for each, count in seen.kinds.most_common())
            field.notes = [f"does not fit: an index needs {kind}, and there are {counts}; the other items cannot be read"]
            return field
        return self.types.field(base.name, stored, seen, len(self.items), is_key=is_key)

    def _time_to_live(self, base: Class, seen: Observed | None) -> Field:
        stored = self.layout.ttl or ""
        if seen is None:
            return Field(stored, "datetime | None", "ttl", ["default=None"], ["no item sampled has it"])
        fits = set(seen.kinds) == {"N"} and not seen.fractions and seen.low >= 0 and seen.high <= LATEST
        declared = self.types.field(base.name, stored, seen, len(self.items))
        if not fits:
            declared.notes.append(
                "the table's time to live, but not every value is a number of whole seconds: ttl() cannot read it"
            )
            return declared
        declared.notes = [note for note in declared.notes if not note.startswith("each could be a time")]
        declared.type = declared.type.replace("int", "datetime")
        declared.call = "ttl"
        return declared

    def _others(self, one: Class, seen: Mapping[str, Observed], total: int, discriminator: str | None) -> list[Field]:
        ours = {*self.layout.key, *self.layout.shared, discriminator}
        return [self.types.field(one.name, stored, seen[stored], total) for stored in sorted(seen) if stored not in ours]

    def _undeclared(self) -> list[Field]:
        """Attributes that a file declares and no item of it has."""
        ours = {*self.layout.key, *self.layout.shared, *self.seen}
        return [_unseen(stored, kind) for stored, kind in sorted(self.declared.items()) if stored not in ours]


def _unseen(stored: str, kind: str | None) -> Field:
    annotation = DECLARED.get(kind or "", "Any")
    if annotation.startswith("set["):
        return Field(stored, annotation, arguments=["default_factory=set"], notes=["no item sampled has it"])
    optional = "" if annotation == "Any" else " | None"
    return Field(stored, f"{annotation}{optional}", arguments=["default=None"], notes=["no item sampled has it"])


def _share(part: int, total: int) -> str:
    return f"{part:,} of {total:,} items"


def _singular(name: str) -> str:
    lowered = name.lower()
    for ending, replaced in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if lowered.endswith(ending) and len(name) > len(ending) + 1:
            return name[: -len(ending)] + replaced
    return name[:-1] if lowered.endswith("s") and not lowered.endswith(("ss", "us", "is")) else name
