"""Types for what a sample holds: the narrowest that reads all of it, with a comment where the sample leaves a doubt."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from .declarations import Class, Field
from .forms import MICROSECOND, Form
from .names import LONGEST_NAME, literal
from .observed import MEMBERS, Observed
from .source import WIDTH

if TYPE_CHECKING:
    from .names import Names

#: Maps with members that come and go are dictionaries: fewer of its members than this are in one map, on average.
FIXED = 0.3
MOST_MEMBERS = 60  # of a document
DEEPEST = 2  # containers within containers before everything is Any: a longer type would not fit on a line
EPOCH = (Decimal(1_000_000_000), Decimal(4_102_444_800))  # seconds since 1970: the years 2001 to 2100
#: The formats that have a name; None is what is written by default.
FORMATS: dict[Form, str | None] = {
    Form("datetime", 6, "T", "Z"): None,
    Form("datetime", 6, "T", "+00:00"): "iso_offset",
    Form("datetime", 6, "T", "+0000"): "pynamodb",
    Form("datetime", 0, "T", "Z"): "iso_seconds",
    Form("date"): None,
    Form("time", 6): None,
    Form("time", 0): "iso_seconds",
}
PATTERNS = {"iso_seconds": "%Y-%m-%dT%H:%M:%SZ"}
DIGITS = (0, 3, 6, 9)  # of the fractions that a pattern can have, and that Java writes
UTC_OFFSETS = ("Z", "+00:00", "+0000")
#: The types of attributes that a file declares but no item has; Decimal reads every number.
DECLARED = {
    "S": "str",
    "N": "Decimal",
    "B": "bytes",
    "BOOL": "bool",
    "L": "list[Any]",
    "M": "dict[str, Any]",
    "SS": "set[str]",
    "NS": "set[Decimal]",
    "BS": "set[bytes]",
}


@dataclass
class Decided:
    """A type, as source, and what comes with it."""

    type: str
    arguments: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])


class Types:
    """The types of one module; documents are named and collected on the way.

    Args:
        names: The names of classes.
    """

    def __init__(self, names: Names) -> None:
        self.documents: list[Class] = []
        self._names = names

    def field(self, owner: str, stored: str, seen: Observed, total: int, unit: str = "items", *, is_key: bool = False) -> Field:
        """The declaration of an attribute that these values were seen in.

        Args:
            owner: The class that has it.
            stored: Its stored name.
            seen: Its values.
            total: Number of items, or maps, that could have it.
            unit: What it is counted in.
            is_key: Whether an index has it as a key, so that its order matters.
        """
        decided = self._decide(seen, owner, stored, _room(stored), ordered=is_key)
        absent, nulls = total - seen.count, seen.kinds["NULL"]
        arguments, notes = decided.arguments, decided.notes
        if decided.type.startswith("set[") and not nulls:
            arguments = ["default_factory=set", *arguments]
        elif absent or nulls:
            arguments = ["default=None", *(["store_null=True"] if nulls > absent else []), *arguments]
        if nulls:
            notes = [f"NULL in {nulls:,} of {total:,} {unit}", *notes]
        if absent:
            notes = [f"in {seen.count:,} of {total:,} {unit}", *notes]
        is_open = decided.type in ("Any", "None") or arguments[:1] == ["default_factory=set"]
        annotation = decided.type if is_open or not (absent or nulls) else f"{decided.type} | None"
        return Field(stored, annotation, arguments=arguments, notes=notes)

    def key(self, kind: str, seen: Observed | None) -> Decided:
        """The type of an attribute of the table's key, which DynamoDB stores as S, N or B."""
        return Decided(DECLARED[kind]) if seen is None else self._decide(seen, "", "", 0, ordered=True)

    def _decide(self, seen: Observed, owner: str, stored: str, room: int, *, depth: int = 0, ordered: bool = False) -> Decided:
        kinds = [kind for kind, _ in seen.kinds.most_common() if kind != "NULL"]
        if not kinds:
            return Decided("Any", notes=["only NULL was seen"])
        if len(kinds) > 1:
            counts = ", ".join(f"{kind} {seen.kinds[kind]:,}" for kind in kinds)
            return Decided("Any", notes=[f"does not fit one type: {counts}"])
        kind = kinds[0]
        if kind == "S":
            return text_type(seen, ordered=ordered, nested=depth > 0)
        if kind == "N":
            return number_type(seen)
        if kind in ("BOOL", "B"):
            return Decided({"BOOL": "bool", "B": "bytes"}[kind])
        if depth == DEEPEST:
            return Decided("Any", notes=["holds containers in containers: Any reads them"])
        if kind == "M":
            return self._map(seen, owner, stored, room, depth)
        return self._sequence(seen, owner, stored, room, depth)

    def _sequence(self, seen: Observed, owner: str, stored: str, room: int, depth: int) -> Decided:
        kind, elements = next(kind for kind in ("L", *MEMBERS) if seen.kinds[kind]), seen.elements
        if elements is None or not elements.count:
            return Decided("list[Any]", notes=["only empty lists were seen"])
        if kind in MEMBERS:
            member = number_type(elements).type if kind == "NS" else {"SS": "str", "BS": "bytes"}[kind]
            return Decided(f"set[{member}]")
        inner = self._decide(elements, owner, stored, room - len("list[]"), depth=depth + 1)
        optional = " | None" if elements.kinds["NULL"] and inner.type != "Any" else ""
        return Decided(f"list[{inner.type}{optional}]", notes=[f"its members: {note}" for note in inner.notes])

    def _map(self, seen: Observed, owner: str, stored: str, room: int, depth: int) -> Decided:
        maps = seen.kinds["M"]
        if not seen.members:
            return Decided("dict[str, Any]", notes=["only empty maps were seen"])
        if _is_fixed(seen.members, maps):
            return Decided(self._document(seen, owner, stored, room, is_many=depth > 0))
        merged = Observed()
        for member in seen.members.values():
            merged.merge(member)
        inner = self._decide(merged, owner, stored, room - len("dict[str, ]"), depth=depth + 1)
        optional = " | None" if merged.kinds["NULL"] and inner.type != "Any" else ""
        note = f"the members vary: {len(seen.members):,} names in {maps:,} maps"
        return Decided(f"dict[str, {inner.type}{optional}]", notes=[note, *(f"its values: {note}" for note in inner.notes)])

    def _document(self, seen: Observed, owner: str, stored: str, room: int, *, is_many: bool) -> str:
        name = self._names.class_(f"{owner} {_singular(stored) if is_many else stored}", min(room, LONGEST_NAME))
        document = Class(name, "Document", f"A map in {stored} of {owner}.")
        document.fields = [
            self.field(name, member, values, seen.kinds["M"], "maps") for member, values in sorted(seen.members.items())
        ]
        self.documents.append(document)
        return name


def text_type(seen: Observed, *, ordered: bool = False, nested: bool = False) -> Decided:
    """The type of texts: a time or a date where all of them are one, and where a key of that type sorts like the texts."""
    texts, forms = seen.kinds["S"], seen.forms
    kinds = {form.kind for form in forms}
    if sum(forms.values()) < texts or len(kinds) != 1:
        times = sum(count for form, count in forms.items() if form.kind in ("datetime", "date"))
        note = f"{times:,} of {texts:,} look like times or dates, the others do not: {_listed(forms)}"
        return Decided("str", notes=[note] if times * 2 >= texts else [])
    kind = kinds.pop()
    if kind == "uuid":
        return Decided("str", notes=["each is a UUID: Attr[UUID] reads them"])
    if kind == "json":
        return Decided("str", notes=["each is JSON text: JSONAttribute() reads them"])
    if len(forms) == 1 and (name := _format(next(iter(forms)))) != _NO_FORMAT:
        return _timed(kind, name, seen, ordered=ordered, nested=nested)
    if kind == "time":
        return Decided("str", notes=[f"each is a time of day, but they differ in form: {_listed(forms)}"])
    return _varied(seen, ordered=ordered, nested=nested)


_NO_FORMAT = ""


def _format(form: Form) -> str | None:
    """The format that writes exactly this form."""
    if form in FORMATS:
        return FORMATS[form]
    if form.digits not in DIGITS or (form.kind == "datetime" and form.offset not in UTC_OFFSETS):
        return _NO_FORMAT
    fraction = f".%{form.digits}f" if form.digits else ""
    return f"%Y-%m-%d{form.between}%H:%M:%S{fraction}{form.offset}" if form.kind == "datetime" else f"%H:%M:%S{fraction}"


def _timed(kind: str, name: str | None, seen: Observed, *, ordered: bool, nested: bool) -> Decided:
    """A type whose values are all written in one format."""
    form = next(iter(seen.forms))
    if ordered and form.digits > MICROSECOND:
        return Decided("str", notes=[f"each is a time, finer than the microsecond that a datetime can hold: {form}"])
    if nested and name is not None:
        return Decided("str", notes=[f"each is a {kind}: {form}"])
    arguments = [f"format={literal(name)}"] if name else []
    return Decided(kind, *_truncated(seen, arguments))


def _truncated(seen: Observed, arguments: list[str]) -> tuple[list[str], list[str]]:
    if all(form.digits <= MICROSECOND for form in seen.forms):
        return arguments, []
    return [*arguments, "truncate=True"], ["finer than a microsecond: what a datetime cannot hold is cut off in reading"]


def _varied(seen: Observed, *, ordered: bool, nested: bool) -> Decided:
    """Points in time that are written in several forms, or in one that no format writes."""
    forms = seen.forms
    if any(not form.offset for form in forms):
        note = f"each is a time, but not each has an offset from UTC: {_listed(forms)}"
        if len(forms) == 1 and (name := _format(next(iter(forms))._replace(offset="Z"))) != _NO_FORMAT:
            # A pattern without an offset: its text is UTC, which only the reader of this comment can know.
            pattern = "%Y-%m-%dT%H:%M:%S.%f" if name is None else PATTERNS.get(name, name).removesuffix("Z")
            note = f"each is a time without an offset from UTC: {_listed(forms)}. If it is UTC, Attr[datetime] = "
            note += f"field(format={literal(pattern)}) reads it"
        return Decided("str", notes=[note])
    if ordered:
        note = f"each is a time, but the texts of this key differ in width or offset and do not sort like them: {_listed(forms)}"
        return Decided("str", notes=[note])
    if nested:
        return Decided("str", notes=[f"each is a time: {_listed(forms)}"])
    arguments, notes = _truncated(seen, [])
    if all((form.between, form.offset) == ("T", "Z") for form in forms):
        # Both leave out what is zero: Go digit by digit, Java three digits at a time.
        is_java = seen.padded > 0 or all(form.digits in DIGITS for form in forms)
        name = "java_instant" if is_java else "rfc3339_nano"
        return Decided(
            "datetime",
            [f"format={literal(name)}", *arguments],
            [f"of varying width, which a key cannot have: {_listed(forms)}", *notes],
        )
    # A form that is too coarse for some of them could not write what it has read.
    finest = min(MICROSECOND, max(form.digits for form in forms))
    names = (_format(form) for form, _ in forms.most_common() if form.digits >= finest)
    chosen = next((name for name in names if name != _NO_FORMAT), None)
    written = chosen or "YYYY-MM-DDThh:mm:ss.ffffffZ"
    note = f"written in several forms: {_listed(forms)}. What is changed is written as {written}"
    return Decided("datetime", [*([f"format={literal(chosen)}"] if chosen else []), *arguments], [note, *notes])


def number_type(seen: Observed) -> Decided:
    """The type of numbers: int where all are whole, and Decimal, which is exact, where not."""
    if seen.fractions:
        return Decided("Decimal")
    notes: list[str] = []
    for name, factor in (("epoch", 1), ("epoch_ms", 1000)):
        if EPOCH[0] * factor <= seen.low and seen.high <= EPOCH[1] * factor:
            unit = "seconds" if factor == 1 else "milliseconds"
            declaration = f"Attr[datetime] = field(format={literal(name)})"
            notes = [f"each could be a time in {unit} since 1970: if they are, {declaration} reads them"]
    return Decided("int", notes=notes)


def _listed(forms: dict[Form, int]) -> str:
    ordered = sorted(forms.items(), key=lambda one: (-one[1], one[0]))
    if len(ordered) == 1:
        return str(ordered[0][0])
    return ", ".join(f"{form} {count:,}" for form, count in ordered)


def _is_fixed(members: dict[str, Observed], maps: int) -> bool:
    """Whether maps have the members of a document, rather than names that are data."""
    if len(members) > MOST_MEMBERS or any(re.match(r"[\d-]|[0-9a-f]{8}-", name) or not name for name in members):
        return False
    return sum(member.count for member in members.values()) >= FIXED * maps * len(members)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word  # noqa: PLR2004


def _room(stored: str) -> int:
    """Characters of a class name that fit in the line that declares an attribute."""
    name = min(max(len(stored) + 3, 12), LONGEST_NAME + 3)
    return WIDTH - len("    : Attr[ | None] = field(") - name
