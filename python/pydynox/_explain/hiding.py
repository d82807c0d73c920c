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
#: Of a statement: what a name in double quotes follows. Anywhere else such a text may be a value in the wrong quotation marks.
_BEFORE_NAMES = frozenset(
    {"SELECT", "FROM", "INTO", "UPDATE", "WHERE", "AND", "OR", "NOT", "SET", "REMOVE", "BY", ".", "(", "{", ","}
)
_OPENING, _CLOSING = ("(", "[", "{", "<<"), (")", "]", "}", ">>")
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
        r"""(?P<hidden>--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*(?:'|\Z)|`[^`]*(?:`|\Z)|(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"""
        r"""|(?P<name>"(?:[^"]|"")*(?:"|\Z))|\w+|<<|>>|\S""",
        re.DOTALL,
    )
    before, inside, is_range = "", [""], False

    def without_value(match: re.Match[str]) -> str:
        nonlocal before, is_range
        piece = match[0]
        if match["hidden"] is not None:
            before = before if piece.startswith(("--", "/*")) else "(hidden)"
            return "(hidden)"
        if match["name"] is not None:
            # The second argument of a function, an element of a list or of IN (...) is a value.
            place = inside[-1]
            is_name = before in _BEFORE_NAMES and place in ("", "{", "(") and (place, before) != ("(", ",")
            before = "(name)"
            return piece if is_name else "(hidden)"
        if piece in _OPENING:
            inside.append("IN" if before == "IN" else piece)
        elif piece in _CLOSING and len(inside) > 1:
            inside.pop()
        word = piece.upper()
        # The AND of BETWEEN ... AND is followed by a value.
        before = "BETWEEN" if word == "AND" and is_range else word
        is_range = word == "BETWEEN" or (is_range and word != "AND")
        return piece

    return token.sub(without_value, text)
