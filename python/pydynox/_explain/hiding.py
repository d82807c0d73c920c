"""Hiding: a request without the values and keys in it; each is replaced by its size."""

from __future__ import annotations

from typing import Any

#: Members of requests that contain attribute values, at any depth:
#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
_MAPS = frozenset({"Item", "Key", "ExpressionAttributeValues", "ExclusiveStartKey"})
_LISTS = frozenset({"Parameters", "Keys"})
#: Of requests that other libraries write, in a form that DynamoDB still accepts; and what repeats keys in its own way.
_WHOLE = frozenset(
    {"AttributeUpdates", "Expected", "KeyConditions", "QueryFilter", "ScanFilter", "NextToken", "ClientRequestToken"}
)
#: Of a statement: what a value follows.
_BEFORE_VALUES = frozenset({"=", "<", ">", "<=", ">=", "<>", "!=", ":", "BETWEEN"})
#: Nothing but an envelope is this long and consists of zeros only.
_ENVELOPE = 128


def hidden(body: dict[str, Any]) -> dict[str, Any]:
    """The request with sizes in place of values."""
    return {name: _member(name, value) for name, value in body.items()}


def without_envelopes(wire: Any) -> Any:
    """The request with a word in place of values that would be encrypted."""
    if issubclass(type(wire), list):
        return [without_envelopes(element) for element in wire]
    if not issubclass(type(wire), dict):
        return wire
    if len(wire) == 1 and issubclass(type(binary := wire.get("B")), str) and len(binary) > _ENVELOPE and not binary.strip("A="):
        return {"B": f"(encrypted, {len(binary) * 3 // 4} bytes)"}
    return {name: without_envelopes(value) for name, value in wire.items()}


def _member(name: str, value: Any) -> Any:
    if name == "Statement" and issubclass(type(value), str):
        return _statement(value)
    if name in _MAPS and issubclass(type(value), dict):
        return {attribute: _value(one) for attribute, one in value.items()}
    if name in _LISTS and issubclass(type(value), list):
        return [_one(element) for element in value]
    if name in _WHOLE or name in _MAPS or name in _LISTS:
        return "(hidden)"
    if issubclass(type(value), dict):
        return hidden(value)
    if issubclass(type(value), list):
        return [hidden(element) if issubclass(type(element), dict) else element for element in value]
    return value


def _one(element: Any) -> Any:
    """A parameter, which is one value, or a key, which is several."""
    if issubclass(type(element), dict) and not (len(element) == 1 and not issubclass(type(next(iter(element.values()))), dict)):
        return {name: _value(one) for name, one in element.items()}
    return _value(element)


def _value(value: Any) -> Any:
    if not issubclass(type(value), dict) or len(value) != 1:
        return "(hidden)"
    ((kind, content),) = value.items()
    return {kind: _described(kind, content)}


def _described(kind: str, content: Any) -> Any:
    if issubclass(type(content), str):
        if kind == "B" and content.startswith("("):  # an envelope, which has no base64
            return content
        if kind == "B":
            return _bytes(len(content.rstrip("=")) * 3 // 4)
        return _bytes(len(content.encode())) if kind == "S" else "(number)"
    if issubclass(type(content), (dict, list)):
        return f"({len(content)} {'member' if len(content) == 1 else 'members'})"
    return "(hidden)"


def _bytes(number: int) -> str:
    return f"({number} {'byte' if number == 1 else 'bytes'})"


def _statement(text: str) -> str:
    """A PartiQL statement without its literals and comments."""
    import re

    # Comments first, whose apostrophes begin no text. What is not closed extends to the end.
    token = re.compile(
        r"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<text>'(?:[^']|'')*(?:'|\Z)|`[^`]*(?:`|\Z))|(?P<name>"(?:[^"]|"")*(?:"|\Z))"""
        r"""|(?P<number>(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<word>\w+)|(?P<sign>[<>!=]+|\S)""",
        re.DOTALL,
    )
    parts: list[str] = []
    end, before, lists = 0, "", 0
    for match in token.finditer(text):
        kind, piece = match.lastgroup, match[0]
        parts.append(text[end : match.start()])
        end = match.end()
        # A name in quotation marks where only a value makes sense may be a value in the wrong quotation marks.
        is_value = kind == "name" and (before in _BEFORE_VALUES or lists > 0)
        parts.append("(hidden)" if kind in ("comment", "text", "number") or is_value else piece)
        if piece == "[" or (piece == "(" and before == "IN"):
            lists += 1
        elif piece in ("]", ")"):
            lists = max(0, lists - 1)
        if kind != "comment":
            before = piece.upper()
    return "".join([*parts, text[end:]])
