"""Which modules of a crate use which others: read from `use` lines and from paths in the code, tests left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

#: By module, the modules that it uses.
Graph = dict[str, set[str]]


def modules(source: pathlib.Path) -> dict[str, pathlib.Path]:
    """The modules of a crate by path, such as ``read::search``; ``lib.rs`` is ``lib``."""
    found = {}
    for file in sorted(source.rglob("*.rs")):
        parts = list(file.relative_to(source).with_suffix("").parts)
        if parts[-1] == "mod":
            parts.pop()
        if "tests" not in parts:
            found["::".join(parts)] = file
    return found


def graph(source: pathlib.Path) -> Graph:
    """What each module of a crate uses of the same crate."""
    known = modules(source)
    found: Graph = {}
    for module, file in known.items():
        code = re.split(r"#\[cfg\(test\)\]\s*mod tests \{", file.read_text())[0]
        code = re.sub(r"//.*", "", code)
        found[module] = {used for path in _paths(code) if (used := _resolved(path, module, known)) and used != module}
    return found


def circles(uses: Graph) -> list[set[str]]:
    """Modules that use each other, however far around."""
    reach = {module: _reach(module, uses) for module in uses}
    found: list[set[str]] = []
    for module in uses:
        circle = {other for other in reach[module] if module in reach[other]}
        if circle and circle not in found:
            found.append(circle)
    return found


def floors(uses: Graph) -> int:
    """The longest way down, in modules; a circle is one floor."""
    reach = {module: _reach(module, uses) for module in uses}
    heights: dict[str, int] = {}

    def height(module: str) -> int:
        if module not in heights:
            below = [used for used in uses[module] if module not in reach[used]]
            heights[module] = 0
            heights[module] = 1 + max(map(height, below), default=0)
        return heights[module]

    return max(map(height, uses))


def _reach(module: str, uses: Graph) -> set[str]:
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        for used in uses[waiting.pop()]:
            if used not in seen:
                seen.add(used)
                waiting.append(used)
    return seen


def _paths(code: str) -> Iterator[str]:
    for tree in re.findall(r"\buse ([^;]+);", code):
        yield from _leaves(re.sub(r"\s+", "", re.sub(r"\sas\s+\w+", "", tree)))
    yield from re.findall(r"\b(?:crate|super|self)(?:::\w+)+", re.sub(r"\buse [^;]+;", "", code))


def _leaves(tree: str, before: str = "") -> Iterator[str]:
    depth, start = 0, 0
    for place, character in enumerate(tree + ","):
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            part, start = tree[start:place], place + 1
            head, brace, rest = part.partition("{")
            if brace:
                yield from _leaves(rest[:-1], before + head)
            elif part:
                yield before + part


def _resolved(path: str, module: str, known: dict[str, pathlib.Path]) -> str | None:
    parts = path.split("::")
    if parts[0] == "crate":
        parts = parts[1:]
    elif parts[0] == "super":
        parts = module.split("::")[:-1] + parts[1:]
    elif parts[0] == "self":
        parts = module.split("::") + parts[1:]
    else:
        return None
    for length in range(len(parts), 0, -1):
        if (name := "::".join(parts[:length])) in known:
            return name
    return None
