"""``pydynox scan`` and ``query``: shows items as a table for people, or as JSON lines for programs."""

from __future__ import annotations

import base64
import binascii
import json
import re
import sys
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from pydynox._core import describe_table, run
from pydynox.exceptions import ConfigurationError
from pydynox.expressions import attr

from ._words import CommandError, escaped, printable, rich_module, table_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydynox.client import DynamoDBClient
    from pydynox.expressions import AnyExpr, Condition

    Items = Iterable[dict[str, Any]]

CONDITION = re.compile(r"\s*(?P<path>[^\s=<>!]+)\s*(?P<verb>==|=|!=|<>|<=|<|>=|>|\b[a-z_]+\b)\s*(?P<value>.*?)\s*", re.DOTALL)
VERBS: dict[str, Callable[[AnyExpr, Any], Condition]] = {
    "=": lambda path, value: path == value,
    "==": lambda path, value: path == value,
    "!=": lambda path, value: path != value,
    "<>": lambda path, value: path != value,
    "<": lambda path, value: path < value,
    "<=": lambda path, value: path <= value,
    ">": lambda path, value: path > value,
    ">=": lambda path, value: path >= value,
    "begins_with": lambda path, value: path.begins_with(value),
    "contains": lambda path, value: path.contains(value),
}
ALONE: dict[str, Callable[[AnyExpr], Condition]] = {
    "exists": lambda path: path.exists(),
    "missing": lambda path: path.not_exists(),
}
CELL = 60  # longest value that a table shows, in characters


def add(commands: Any, where: Any) -> None:
    """Add the commands."""
    words = "a filter such as 'age >= 18', 'city = Oslo', 'address.zip begins_with 0', 'email exists'; repeat to combine with AND"
    for name, help_, handler in (
        ("scan", "show the items of a table", _scan),
        ("query", "show the items of one partition, in order", _query),
    ):
        parser = commands.add_parser(name, parents=[where], help=help_, description=f"{help_.capitalize()}.")
        parser.add_argument("table", help="the table's name, or its model as module:Class")
        if name == "query":
            parser.add_argument("partition", help="the value of the partition key")
            parser.add_argument("--sort", metavar="CONDITION", help="on the sort key: '>= 2026-01', 'begins_with 2026', '= 7'")
            parser.add_argument("--descending", action="store_true", help="reverse the order of the sort key")
        parser.add_argument("--index", help="the index to read")
        parser.add_argument("--where", action="append", default=[], metavar="CONDITION", help=words)
        parser.add_argument("--limit", type=_positive, help="maximum number of items")
        parser.add_argument(
            "--consistent-read", action="store_true", help="use strongly consistent reads, which cost twice as much"
        )
        parser.add_argument(
            "--format",
            choices=["table", "jsonl"],
            help="a table (the default on a terminal), or one line of plain JSON per item",
        )
        parser.set_defaults(run=handler)


def condition_of(text: str) -> Condition:
    """Parse a condition such as ``age >= 18``.

    A value that is a JSON number, ``true``, ``false``, ``null`` or a quoted string has that type; anything else is a string.
    """
    match = CONDITION.fullmatch(text)
    verb = match["verb"] if match else ""
    if match and verb in ALONE and not match["value"]:
        return ALONE[verb](attr(match["path"]))
    if match and verb in VERBS and match["value"]:
        return VERBS[verb](attr(match["path"]), value_of(match["value"]))
    operators = " ".join(VERBS)
    raise CommandError(f"{text!r} is not a condition: write a path, {operators} and a value, or a path and {' or '.join(ALONE)}")


def plain_json(value: Any) -> str:
    """A value as plain JSON: numbers with all digits, sets as sorted lists, binary as base64; safe to print on a terminal."""
    kind: Any = value.__class__
    if issubclass(kind, dict):
        members = (f"{_json_text(name)}:{plain_json(member)}" for name, member in value.items())
        return f"{{{','.join(members)}}}"
    if issubclass(kind, list):
        return f"[{','.join(map(plain_json, value))}]"
    if issubclass(kind, (set, frozenset)):
        return f"[{','.join(map(plain_json, sorted(value)))}]"
    if issubclass(kind, bytes):
        return f'"{base64.b64encode(value).decode()}"'
    return str(value) if issubclass(kind, Decimal) else _json_text(value)


def _json_text(value: Any) -> str:
    return escaped(json.dumps(value, ensure_ascii=False), lambda letter: json.dumps(letter)[1:-1])


def _scan(options: Any) -> int:
    client, name = _opened(options)
    return _show(client.scan(name, index=options.index), options, [])


def _query(options: Any) -> int:
    client, name = _opened(options)
    keys = _keys(client, name, options.index)
    (partition, kind), *rest = keys
    sort = None
    if options.sort is not None:
        if not rest:
            raise CommandError(f"{options.index or name} has no sort key")
        sort = _sort(options.sort, *rest[0])
    query = client.query(name, {partition: _key_value(options.partition, partition, kind)}, sort, index=options.index)
    return _show(query.descending() if options.descending else query, options, [name for name, _ in keys])


def _opened(options: Any) -> tuple[DynamoDBClient, str]:
    table = table_named(options.table)
    if not isinstance(table, str):
        if table.model_config.table is None:
            raise ConfigurationError(f"{table.__name__} has no table: declare class {table.__name__}(Model[...], table=...)")
        table = table.model_config.table
    return options.open(options), table


def _keys(client: DynamoDBClient, name: str, index: str | None) -> list[tuple[str, str]]:
    """The key attributes of a table or an index and their types, partition key first."""
    table = run(_described(client, name))
    types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    indexes = [*table.get("GlobalSecondaryIndexes", ()), *table.get("LocalSecondaryIndexes", ())]
    description = table if index is None else next((one for one in indexes if one["IndexName"] == index), None)
    if description is None:
        has = ", ".join(sorted(one["IndexName"] for one in indexes)) or "none"
        raise CommandError(f"{name} has no index {index!r}; its indexes are: {has}")
    if sum(key["KeyType"] == "HASH" for key in description["KeySchema"]) > 1:
        raise CommandError(f"the partition of {index} has several attributes: scan it with --where instead")
    return [
        (key["AttributeName"], types[key["AttributeName"]])
        for key in sorted(description["KeySchema"], key=lambda key: key["KeyType"])
    ]


async def _described(client: DynamoDBClient, name: str) -> dict[str, Any]:
    described: dict[str, Any] = await describe_table(client.core, name)
    return described


def _sort(text: str, name: str, kind: str) -> Condition:
    match = CONDITION.fullmatch(f"x {text}")
    verb = match["verb"] if match else ""
    if match is None or verb not in VERBS or verb in {"!=", "<>", "contains"} or not match["value"]:
        raise CommandError(f"{text!r} is not a condition on a sort key: write = < <= > >= or begins_with, and a value")
    return VERBS[verb](attr(name), _key_value(match["value"], name, kind))


def _key_value(text: str, name: str, kind: str) -> str | Decimal | bytes:
    """The value of a key attribute, of the type that the table declares."""
    try:
        match kind:
            case "N":
                return Decimal(text)
            case "B":
                return base64.b64decode(text, validate=True)
            case _:
                return text
    except (InvalidOperation, binascii.Error):
        raise CommandError(f"{name} must be {'a number' if kind == 'N' else 'binary, written as base64'}, not {text!r}") from None


def value_of(text: str) -> Any:
    """Parse a JSON number, true, false, null or quoted string; any other text is returned as it is."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        # Decimal keeps all digits; NaN and Infinity are not JSON, and DynamoDB has no such numbers.
        value: Any = json.loads(text, parse_float=Decimal, parse_constant=refuse)
    except ValueError:
        return text
    return text if isinstance(value, (list, dict)) else value


def _show(query: Any, options: Any, first: list[str]) -> int:
    conditions = [condition_of(text) for text in options.where]
    if conditions:
        query = query.filter(*conditions)
    if options.limit is not None:
        query = query.limit(options.limit)
    if options.consistent_read:
        query = query.consistent_read()
    how = options.format or ("table" if sys.stdout.isatty() else "jsonl")
    if how == "table":
        _as_table(query.sync, first)
    else:
        for item in query.sync:
            sys.stdout.write(plain_json(item) + "\n")
    return 0


def _as_table(items: Items, first: list[str]) -> None:
    console = rich_module("console", "a table").Console()
    text = rich_module("text", "a table").Text
    table = rich_module("table", "a table").Table()
    # All of them at once, because each may add a column.
    rows = list(items)
    names = list(dict.fromkeys([*first, *sorted({name for row in rows for name in row})])) if rows else first
    for name in names:
        # As Text, so that brackets in a name are not read as markup.
        table.add_column(text(printable(name)), overflow="fold")
    for row in rows:
        table.add_row(*(text(_cell(row[name])) if name in row else text("") for name in names))
    if rows:
        console.print(table)
    console.print(f"{len(rows)} item{'' if len(rows) == 1 else 's'}")


def _cell(value: Any) -> str:
    words = value if isinstance(value, str) else plain_json(value)
    return printable(words if len(words) <= CELL else words[: CELL - 1] + "…")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
