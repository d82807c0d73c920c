"""Model files: NoSQL Workbench models and ``dynamodb_data_model.json``, as layouts of tables with sample items."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from pydynox.exceptions import ConfigurationError

from .layout import layout_of

if TYPE_CHECKING:
    from .layout import Layout

    Wire = dict[str, Any]
    Table = tuple[Layout, list[Wire], dict[str, str]]

VERSION = "3.0"  # of NoSQL Workbench's models
SERVICE = "Amazon DynamoDB"
KINDS = ("S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS")
KEY_KINDS = ("S", "N", "B")


def tables_of(text: str | bytes) -> tuple[str, list[Table]]:
    """What a file is, and its tables: the layout of each, its sample items, and the types that it declares.

    Raises:
        ConfigurationError: It is neither kind of file, has another version, or lacks a part.
    """
    try:
        raw: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"the model file is not JSON: {error}") from None
    if isinstance(raw, dict) and "DataModel" in raw:
        origin, tables = "a NoSQL Workbench model", _workbench(_Part(raw, ""))
    elif isinstance(raw, dict) and "tables" in raw:
        origin, tables = "dynamodb_data_model.json", _data_model(_Part(raw, ""))
    else:
        raise ConfigurationError(
            "the model file is neither a NoSQL Workbench model, which has a member DataModel, nor a dynamodb_data_model.json, "
            "which has a member tables"
        )
    if not tables:
        raise ConfigurationError("the model file has no tables: add one, and export it again")
    return origin, tables


class _Part:
    """A value of the file, and where it is."""

    def __init__(self, value: Any, path: str) -> None:
        self.value, self.path = value, path

    def object(self) -> dict[str, _Part]:
        members: Any = self.value
        if not isinstance(self.value, dict):
            self.refuse("an object")
        return {name: _Part(member, f"{self.path}.{name}".lstrip(".")) for name, member in members.items()}

    def elements(self) -> list[_Part]:
        members: Any = self.value
        if not isinstance(self.value, list):
            self.refuse("a list")
        return [_Part(member, f"{self.path}[{position}]") for position, member in enumerate(members)]

    def text(self, *choices: str) -> str:
        if not isinstance(self.value, str) or not self.value or (choices and self.value not in choices):
            self.refuse(" or ".join(choices) or "a text")
        return str(self.value)

    def member(self, name: str) -> _Part:
        members = self.object()
        if name not in members:
            raise ConfigurationError(f"{self.path or 'the model file'} has no member {name}: add it, or export the file again")
        return members[name]

    def optional(self, name: str) -> _Part | None:
        part = self.object().get(name)
        return None if part is None or part.value is None else part

    def members(self, name: str) -> list[_Part]:
        part = self.optional(name)
        return [] if part is None else part.elements()

    def refuse(self, expected: str) -> NoReturn:
        raise ConfigurationError(f"{self.path or 'the model file'} must be {expected}, not {self.value!r:.60}")


# --- NoSQL Workbench


def _workbench(model: _Part) -> list[Table]:
    metadata = model.member("ModelMetadata")
    version = metadata.optional("Version")
    if version is None or version.value != VERSION:
        actual = "no version" if version is None else f"version {version.value!r}"
        raise ConfigurationError(
            f"ModelMetadata.Version: the NoSQL Workbench model has {actual}, and adopt reads version {VERSION}: open it in a "
            f"NoSQL Workbench that writes version {VERSION}, and export it again"
        )
    service = metadata.optional("AWSService")
    if service is not None and service.value != SERVICE:
        service.refuse(SERVICE)
    return [_workbench_table(table) for table in model.member("DataModel").elements()]


def _workbench_table(table: _Part) -> Table:
    definitions: dict[str, str] = {}
    raw: Wire = {"KeySchema": _workbench_key(table.member("KeyAttributes"), definitions)}
    for member in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        raw[member] = [
            {
                "IndexName": index.member("IndexName").text(),
                "KeySchema": _workbench_key(index.member("KeyAttributes"), definitions),
                "Projection": _projection(index),
            }
            for index in table.members(member)
        ]
    raw["AttributeDefinitions"] = [{"AttributeName": name, "AttributeType": kind} for name, kind in definitions.items()]
    declared = {
        each.member("AttributeName").text(): each.member("AttributeType").text(*KINDS)
        for each in table.members("NonKeyAttributes")
    }
    layout = layout_of(table.member("TableName").text(), raw)
    items = [_item(part, layout) for part in table.members("TableData")]
    return layout, items, {name: kind for name, kind in declared.items() if name not in definitions}


def _workbench_key(key: _Part, definitions: dict[str, str]) -> list[dict[str, str]]:
    schema: list[dict[str, str]] = []
    for member, role in (("PartitionKey", "HASH"), ("SortKey", "RANGE")):
        part = key.member(member) if role == "HASH" else key.optional(member)
        if part is not None:
            name = part.member("AttributeName").text()
            definitions[name] = part.member("AttributeType").text(*KEY_KINDS)
            schema.append({"AttributeName": name, "KeyType": role})
    return schema


def _projection(index: _Part) -> Wire:
    part = index.optional("Projection")
    if part is None:
        return {}
    kind = part.optional("ProjectionType")
    names = [each.text() for each in part.members("NonKeyAttributes")]
    return {
        "ProjectionType": "ALL" if kind is None else kind.text("ALL", "KEYS_ONLY", "INCLUDE"),
        "NonKeyAttributes": names,
    }


# --- dynamodb_data_model.json


def _data_model(model: _Part) -> list[Table]:
    for name in ("version", "schema_version", "Version"):
        version = model.optional(name)
        if version is not None:
            raise ConfigurationError(
                f"{name}: the dynamodb_data_model.json has version {version.value!r}, and adopt reads the form without one, with "
                "tables, items and access_patterns: generate it again in that form"
            )
    rows = model.optional("items")
    items = {} if rows is None or rows.value == [] else rows.object()
    return [_data_model_table(table, items) for table in model.member("tables").elements()]


def _data_model_table(table: _Part, items: dict[str, _Part]) -> Table:
    definitions = {
        each.member("AttributeName").text(): each.member("AttributeType").text(*KEY_KINDS)
        for each in table.member("AttributeDefinitions").elements()
    }
    raw: Wire = {
        "KeySchema": _key_schema(table, definitions),
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in definitions.items()],
    }
    for member in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        raw[member] = [
            {
                "IndexName": index.member("IndexName").text(),
                "KeySchema": _key_schema(index, definitions),
                "Projection": _projection(index),
            }
            for index in table.members(member)
        ]
    name = table.member("TableName").text()
    layout = layout_of(name, raw)
    rows = items[name].elements() if name in items else []
    return layout, [_item(row.member("PutRequest").member("Item"), layout) for row in rows], {}


def _key_schema(part: _Part, definitions: dict[str, str]) -> list[dict[str, str]]:
    schema = [
        {"AttributeName": each.member("AttributeName").text(), "KeyType": each.member("KeyType").text("HASH", "RANGE")}
        for each in part.member("KeySchema").elements()
    ]
    for each in schema:
        if each["AttributeName"] not in definitions:
            raise ConfigurationError(
                f"{part.path}.KeySchema names {each['AttributeName']!r}, which AttributeDefinitions does not define: add its type"
            )
    if not any(each["KeyType"] == "HASH" for each in schema) and part.optional("TableName") is not None:
        raise ConfigurationError(f"{part.path}.KeySchema has no partition key: add a member with the KeyType HASH")
    return schema


# --- items


def _item(part: _Part, layout: Layout) -> Wire:
    """One item of the sample data, checked to be DynamoDB's JSON with the table's key."""
    item = {name: _value(value) for name, value in part.object().items()}
    for name in layout.key:
        if layout.types[name] not in item.get(name, {}):
            raise ConfigurationError(f"{part.path} has no {name} of the type {layout.types[name]}, a part of the key: add it")
    for name in layout.index_keys:
        if name in item and layout.types[name] not in item[name]:
            raise ConfigurationError(
                f"{part.path}.{name} is a part of an index key of the type {layout.types[name]}: give it that type, or remove it"
            )
    return item


def _value(part: _Part) -> Wire:
    members = part.object()
    if len(members) != 1 or next(iter(members)) not in KINDS:
        part.refuse(f"one value with its type, {', '.join(KINDS)}")
    ((kind, content),) = members.items()
    if kind == "M":
        return {"M": {name: _value(member) for name, member in content.object().items()}}
    if kind == "L":
        return {"L": [_value(member) for member in content.elements()]}
    if kind in ("SS", "NS", "BS"):
        return {kind: [_scalar(member, kind[0]) for member in content.elements()]}
    return {kind: _scalar(content, kind)}


def _scalar(part: _Part, kind: str) -> Any:
    value = part.value
    if kind == "N":
        return _number(part)
    is_text = kind in ("S", "B")
    if is_text is not isinstance(value, str):
        part.refuse("a text" if is_text else "true or false")
    return value


def _number(part: _Part) -> str:
    from decimal import Decimal, InvalidOperation

    text = str(part.value) if isinstance(part.value, (int, float)) and not isinstance(part.value, bool) else part.value
    try:
        if not isinstance(text, str) or not Decimal(text).is_finite():
            part.refuse("a number")
    except InvalidOperation:
        part.refuse("a number")
    return text
