"""Kinds of items in one table: told apart by an attribute that names them, or by how their keys begin."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .layout import Layout

    Item = Mapping[str, Mapping[str, Any]]

#: Attributes that hold the kind of an item by convention, in the order of preference; the names compare without case and
#: underscores. The second group has other meanings too, so the items must also differ in their attributes.
CERTAIN = (
    "edbe",
    "entity",
    "entitytype",
    "entityname",
    "typename",
    "itemtype",
    "recordtype",
    "objecttype",
    "discriminator",
    "et",
)
LIKELY = ("type", "kind", "cls", "class", "model")
MOST_KINDS = 40  # in one table; more are data
TOLERATED = 20  # one item in twenty may have no kind
#: How a key with a prefix begins: a word, then a separator.
PREFIX = re.compile(r"(?P<word>[A-Za-z][A-Za-z0-9_-]*?)(?P<separator>[#|:~/])")
CONSTANT = re.compile(r"[A-Z][A-Z0-9_-]*")


@dataclass
class Kind:
    """One kind of item."""

    words: str  # that name it
    items: list[Item]
    entity: str | None = None  # the value of the discriminator
    begins: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # key attributes, and how their values begin


def discriminator_of(items: Sequence[Item], layout: Layout) -> str | None:
    """The attribute that names the kind of each item, if there is one."""
    names = {name for item in items for name in item} - set(layout.key)
    for word in (*CERTAIN, *LIKELY):
        for name in sorted(names):
            if re.sub(r"[_-]", "", name.lower()) == word and _names_kinds(
                name, items, is_certain=word in CERTAIN or name[0] == "_"
            ):
                return name
    return None


def _names_kinds(name: str, items: Sequence[Item], *, is_certain: bool) -> bool:
    kinds, rest = by_discriminator(items, name)
    if not 1 <= len(kinds) <= MOST_KINDS or len(rest) * TOLERATED > len(items):
        return False
    return is_certain or _differ(kinds, {name})


def by_discriminator(items: Sequence[Item], name: str) -> tuple[list[Kind], list[Item]]:
    """The kinds of items by the value of an attribute, and the items without one."""
    kinds: dict[str, Kind] = {}
    rest: list[Item] = []
    for item in items:
        value = item.get(name, {}).get("S")
        if value:
            kinds.setdefault(value, Kind(value, [], entity=value)).items.append(item)
        else:
            rest.append(item)
    return [kinds[value] for value in sorted(kinds)], rest


def by_prefix(items: Sequence[Item], layout: Layout) -> tuple[list[Kind], list[Item]]:
    """The kinds of items by how their keys begin, and the items whose keys have no prefix; no kinds if there is only one."""
    if layout.types.get(layout.partition_key) != "S":
        return [], list(items)
    sorts = Counter(item[layout.sort_key].get("S", "") for item in items) if layout.sort_key else Counter[str]()
    kinds: dict[tuple[str, ...], Kind] = {}
    rest: list[Item] = []
    for item in items:
        begins = [(name, _beginning(item[name].get("S", ""), sorts if name == layout.sort_key else None)) for name in layout.key]
        if not begins[0][1]:
            rest.append(item)
            continue
        named = [(name, beginning) for name, beginning in begins if beginning]
        words = " ".join(dict.fromkeys(re.split(r"[#|:~/]", beginning)[0] for _, beginning in named))
        kinds.setdefault(tuple(beginning for _, beginning in begins), Kind(words, [], begins=named)).items.append(item)
    is_split = 1 < len(kinds) <= MOST_KINDS and len(rest) * TOLERATED <= len(items)
    if not is_split or not _differ(list(kinds.values()), set()):
        return [], list(items)
    return [kinds[begins] for begins in sorted(kinds)], rest


def _beginning(text: str, constants: Counter[str] | None) -> str:
    """How a key begins: with its first word and separator, or as a whole where it is a word of its own."""
    if prefix := PREFIX.match(text):
        return prefix[0]
    is_constant = constants is not None and CONSTANT.fullmatch(text) and constants[text] > 1
    return text if is_constant else ""


def _differ(kinds: Sequence[Kind], besides: set[str]) -> bool:
    """Whether the items of one kind always have an attribute that those of another never have."""
    always = [frozenset[str].intersection(*map(frozenset, kind.items)) - besides for kind in kinds]
    ever = [frozenset[str]().union(*map(frozenset, kind.items)) for kind in kinds]
    return any(one - other for one in always for other in ever)
