"""A module of models, as source, from the layouts of tables and samples of their items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydynox.exceptions import ConfigurationError

from .build import NOTE, models_of
from .declarations import Module
from .names import Names
from .source import CLASS_NAMES_USED, rendered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .entities import Item
    from .layout import Layout

    Table = tuple[Layout, Sequence[Item], Mapping[str, str]]


def source_of(tables: Sequence[Table], origin: str, discriminator: str | None) -> str:
    """The source of models for these tables.

    Args:
        tables: Each with its layout, a sample of its items, and the types that a file declares.
        origin: What the models are from, for the docstring.
        discriminator: The attribute that names the kind of each item; by default one is searched for.

    Raises:
        ConfigurationError: No item has the discriminator, or it is a part of the table's key.
    """
    names = Names(CLASS_NAMES_USED)
    noun = "table" if len(tables) == 1 else "tables"
    module = Module(f"Models of the {noun} {', '.join(layout.name for layout, _, _ in tables)}, from {origin}.", [NOTE])
    for layout, items, declared in tables:
        _check_discriminator(layout, items, discriminator)
        module.classes += models_of(layout, items, declared, discriminator, names)
    return rendered(module)


def _check_discriminator(layout: Layout, items: Sequence[Item], name: str | None) -> None:
    if name is None:
        return
    if name in layout.key:
        raise ConfigurationError(
            f"the discriminator {name!r} is a part of the key of the table {layout.name}: name another one, or leave "
            "it out, and adopt tells kinds of items apart by how their keys begin",
            table=layout.name,
            attribute=name,
        )
    if not any("S" in item.get(name, {}) for item in items):
        texts = sorted({other for item in items for other, value in item.items() if "S" in value} - {*layout.key})
        raise ConfigurationError(
            f"no item of the {len(items):,} sampled from the table {layout.name} has a text in the discriminator {name!r}: name "
            f"one of {', '.join(texts[:20]) or 'its attributes'}, or sample more items",
            table=layout.name,
            attribute=name,
        )
