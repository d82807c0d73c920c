"""Declarations as Python source, laid out as formatters lay it out; what does not fit on a line has one argument per line."""

from __future__ import annotations

import builtins
import re
import textwrap
from typing import TYPE_CHECKING

from .names import Names, docstring, literal, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .declarations import Class, Field, Index, Module

WIDTH = 88  # columns: the default of ruff and black, so the source also stays as it is where lines may be longer
INDENT = "    "
#: Where the names in the types come from; other imports are listed by the fields that need them.
TYPES = {"Any": "typing", "Decimal": "decimal", "UUID": "uuid", "date": "datetime", "datetime": "datetime", "time": "datetime"}
#: What a class of the module may not be called.
CLASS_NAMES_USED = frozenset(
    {*TYPES, *dir(builtins), "Attr", "Document", "GlobalSecondaryIndex", "LocalSecondaryIndex", "Model", "ModelConfig"}
)
CALLS = frozenset({"created_at", "field", "partition_key", "sort_key", "ttl", "updated_at", "version"})


def rendered(module: Module) -> str:
    """The source of a module."""
    imports = set(_imports(module))
    _give_names(module, frozenset(name for _, name in imports))
    parts = [f'"""{docstring(module.doc)}"""\n']
    if module.notes:
        parts.append("\n".join(_comment(module.notes, "")) + "\n")
    parts.append(_import_lines(imports))
    head = "\n".join(parts)
    bodies = ["\n".join(_class_lines(one)) for one in module.classes]
    return "\n\n\n".join([head.rstrip("\n"), *bodies]) + "\n"


# --- names


def _give_names(module: Module, used: frozenset[str]) -> None:
    scopes: dict[int, Names] = {}
    used |= {one.name for one in module.classes}
    for one in module.classes:
        # A subclass shares the scope of the class it extends, so that it never hides an attribute or an index of it.
        scope = Names(used) if one.parent is None else scopes[id(one.parent)].copy()
        scopes[id(one)] = scope
        # Keys first, then names that can stay as they are, so that no other one takes them.
        for each in sorted(one.fields, key=lambda each: (not each.is_key, not scope.fits(each.preferred or each.stored))):
            inherited = one.parent.field_of(each.stored) if one.parent else None
            each.name = inherited.name if inherited else scope.attribute(each.preferred or each.stored, is_key=each.is_key)
        for index in one.indexes:
            index.name = scope.attribute(index.preferred or index.stored)


# --- imports


def _imports(module: Module) -> Iterator[tuple[str, str]]:
    for one in module.classes:
        if one.base == "Document" or one.base.startswith("Model["):
            yield "pydynox", one.base.partition("[")[0]
        if one.config:
            yield "pydynox", "ModelConfig"
        for word in re.findall(r"\w+", one.base.partition("[")[2]):
            if word in TYPES:
                yield TYPES[word], word
        for index in one.indexes:
            yield "pydynox", _index_class(index)
        for each in one.fields:
            if each.holder == "Attr":
                yield "pydynox", "Attr"
            yield from each.imports
            yield from ((TYPES[word], word) for word in re.findall(r"\w+", each.type) if word in TYPES)
            if each.call in CALLS and (each.call != "field" or _needs_value(one, each)):
                yield "pydynox", each.call


def _import_lines(imports: set[tuple[str, str]]) -> str:
    names: dict[str, list[str]] = {}
    for module, name in imports:
        names.setdefault(module, []).append(name)
    standard = sorted(name for name in names if not name.startswith("pydynox"))
    own = sorted(name for name in names if name.startswith("pydynox"))
    blocks = [[_import_line(module, names[module]) for module in block] for block in (standard, own)]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _import_line(module: str, names: list[str]) -> str:
    # The order of import sorters: constants, classes, then the rest.
    ordered = sorted(names, key=lambda name: (not (name.isupper() and len(name) > 1), not name[0].isupper(), name.lower()))
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= WIDTH:
        return line
    return f"from {module} import (\n" + "".join(f"{INDENT}{name},\n" for name in ordered) + ")"


# --- classes


def _class_lines(one: Class) -> Iterator[str]:
    yield from _comment(one.notes, "")
    yield from _call(f"class {one.name}", [one.base, *one.keywords], "", ":")
    yield f'{INDENT}"""{docstring(one.doc)}"""'
    blocks: list[list[str]] = []
    if one.config:
        blocks.append(list(_call("model_config = ModelConfig", one.config, INDENT)))
    if one.fields:
        blocks.append([line for each in one.fields for line in _field_lines(one, each)])
    if one.indexes:
        blocks.append([line for index in one.indexes for line in _index_lines(one, index)])
    for block in blocks:
        yield ""
        yield from block


def _field_lines(one: Class, each: Field) -> Iterator[str]:
    yield from _comment(each.notes, INDENT)
    head = f"{each.name}: {each.annotation}"
    if not _needs_value(one, each):
        yield INDENT + head
        return
    arguments = [*([f"template={literal(_template(one, each))}"] if each.template else []), *each.arguments]
    if each.name != each.stored:
        arguments.append(f"attribute_name={literal(each.stored)}")
    yield from _call(f"{head} = {each.call}", arguments, INDENT)


def _template(one: Class, each: Field) -> str:
    pieces: list[str] = []
    for piece in each.template:
        if isinstance(piece, str):
            pieces.append(piece)
        else:
            stored, spec = piece
            pieces.append(f"{{{_reference(one, stored)}{':' * bool(spec)}{spec}}}")
    return "".join(pieces)


def _needs_value(one: Class, each: Field) -> bool:
    """Whether a declaration is more than an annotation; the attributes that an index names are objects."""
    indexed = any(each.stored in (*index.partition, *index.sort, *_included(index)) for index in one.indexes)
    is_more = each.call != "field" or bool(each.arguments) or bool(each.template)
    return is_more or each.name != each.stored or indexed


def _index_lines(one: Class, index: Index) -> Iterator[str]:
    arguments: list[str | list[str]] = []
    if index.is_global:
        arguments.append(_part(one, index.partition))
    if index.sort:
        arguments.append(_part(one, index.sort))
    if index.name != index.stored:
        arguments.append(f"index_name={literal(index.stored)}")
    if isinstance(index.projection, list):
        arguments.append(["projection=", *(_reference(one, stored) for stored in index.projection)])
    elif index.projection != "ALL":
        arguments.append(f"projection={literal(index.projection)}")
    yield from _call(f"{index.name} = {_index_class(index)}", arguments, INDENT)


def _part(one: Class, names: list[str]) -> str | list[str]:
    """One attribute of an index's key, or a tuple of them."""
    references = [_reference(one, stored) for stored in names]
    return references[0] if len(references) == 1 else ["", *references]


def _reference(one: Class, stored: str) -> str:
    declared = one.field_of(stored)
    return literal(stored) if declared is None else declared.name


def _included(index: Index) -> list[str]:
    return index.projection if isinstance(index.projection, list) else []


def _index_class(index: Index) -> str:
    return "GlobalSecondaryIndex" if index.is_global else "LocalSecondaryIndex"


# --- layout


def _call(head: str, arguments: Iterable[str | list[str]], indent: str, tail: str = "") -> Iterator[str]:
    """A call on one line where it fits, else with one argument per line; a list is a tuple after its prefix."""
    arguments = list(arguments)
    line = f"{indent}{head}({', '.join(map(_flat, arguments))}){tail}"
    if _columns(line) <= WIDTH:
        yield line
        return
    yield f"{indent}{head}("
    for argument in arguments:
        flat = f"{indent}{INDENT}{_flat(argument)},"
        if isinstance(argument, str) or _columns(flat) <= WIDTH:
            yield flat
            continue
        prefix, *members = argument
        yield f"{indent}{INDENT}{prefix}("
        for member in members:
            yield f"{indent}{INDENT * 2}{member},"
        yield f"{indent}{INDENT}),"
    yield f"{indent}){tail}"


def _columns(line: str) -> int:
    """The most columns that a line can take: formatters differ on which letters are wide, and leave split lines as they are."""
    return len(line) + sum(not letter.isascii() for letter in line)


def _flat(argument: str | list[str]) -> str:
    if isinstance(argument, str):
        return argument
    prefix, *members = argument
    return f"{prefix}({', '.join(members)}{',' if len(members) == 1 else ''})"


def _comment(notes: Iterable[str], indent: str) -> Iterator[str]:
    """Comment lines; each note starts on a line of its own."""
    for note in notes:
        width = WIDTH - len(indent) - 2
        for line in textwrap.wrap(visible(note), width, break_long_words=False, break_on_hyphens=False):
            yield f"{indent}# {line}"
