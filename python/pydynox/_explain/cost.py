"""Costs: the smallest cost of a request, which indexes it may have to change, and the notes on both.

The rules: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html and, for indexes,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pydynox._core as _core
from pydynox.exceptions import PydynoxError

from .explanation import IndexWrite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .models import DeclaredIndex

    Wire = Mapping[str, Any]

READ_UNIT = 4096  # bytes of a strongly consistent read of one unit
WRITE_UNIT = 1024  # bytes of a write of one unit

FILTER = "the filter is applied after reading: items that it drops are billed too"
SCAN = "a scan reads, and bills, everything in the table or index"
COUNT = "counting reads, and bills, everything that it counts"
CONDITION = "a failed condition is billed too"
PROJECTION = "the projection does not lower the cost: the whole item is billed"
UPDATE = "an update is billed by the size of the whole item, before or after it, whichever is larger, however little it changes"
REPLACED = "if it replaces a larger item, that size is billed"
CONSISTENT = "a strongly consistent read costs twice as much as an eventually consistent one"
BEHIND = "a global secondary index is eventually consistent: it may not show the latest writes yet"
TRANSACTION = "a transaction prepares and then does each operation, so it costs twice as much, even if it is canceled"
BATCH = "a batch costs as much as its operations one by one"
PARTIQL_SCAN = "a SELECT without the whole partition key in its WHERE clause is a scan"
STATEMENT = "a statement's item is not measured: a write is billed by the size of the item, which item_size= gives"
STATEMENT_INDEXES = "each index whose attributes the statement changes is written too"
PAGES = "a page has at most 1 MB: a request follows for each further page that is read"
MALFORMED = "the request lacks the form that DynamoDB expects, so its cost is not known"
FREE = "the operation costs no units"


class Sizes(NamedTuple):
    """What the caller knows of the stored items."""

    item: int | None
    """The size of one, in bytes."""
    items: int | None
    """How many of them a query or scan reads."""


class Costs:
    """The costs of one request."""

    def __init__(
        self, operation: str, body: Wire, sizes: Sizes, indexes_of: Callable[[str], tuple[Sequence[str], list[DeclaredIndex]]]
    ) -> None:
        self._sizes = sizes
        self._indexes_of = indexes_of
        self._indexes: dict[tuple[str, str], float] = {}
        self._written = ""  # the table of the write that is looked at
        self._body = body
        self._factor = 1
        self.read_units = self.write_units = 0.0
        self.tables: list[str] = []
        self.notes: list[str] = []
        self.index: str | None = None
        """The index that a statement reads."""
        operations = {
            "GetItem": self._get_item,
            "BatchGetItem": self._batch_get,
            "TransactGetItems": self._transact_get,
            "Query": self._read_many,
            "Scan": self._scan,
            "PutItem": self._put_item,
            "UpdateItem": self._update_item,
            "DeleteItem": self._delete_item,
            "BatchWriteItem": self._batch_write,
            "TransactWriteItems": self._transact_write,
            "ExecuteStatement": self._statement,
            "BatchExecuteStatement": self._batch_statement,
            "ExecuteTransaction": self._transact_statement,
        }
        try:
            operations.get(operation, self._other)()
        except (AttributeError, KeyError, TypeError, ValueError, PydynoxError):
            # A caller's own request, by client.call(): DynamoDB says what is wrong with it.
            self._note(MALFORMED)

    @property
    def indexes(self) -> tuple[IndexWrite, ...]:
        """The indexes that may change."""
        return tuple(IndexWrite(name, units) for (_, name), units in self._indexes.items())

    def _note(self, *notes: str) -> None:
        self.notes += [note for note in notes if note not in self.notes]

    def _table(self, table: Any) -> None:
        if str(table) not in self.tables:
            self.tables.append(str(table))

    # --- reads

    def _get_item(self) -> None:
        self._get(self._body, consistent=bool(self._body.get("ConsistentRead")))

    def _get(self, body: Wire, *, consistent: bool) -> None:
        self._table(body["TableName"])
        blocks = -(-(self._sizes.item or 1) // READ_UNIT)
        self.read_units += blocks * self._factor if consistent or self._factor > 1 else blocks / 2
        if consistent and self._factor == 1:
            self._note(CONSISTENT)
        if body.get("ProjectionExpression"):
            self._note(PROJECTION)

    def _batch_get(self) -> None:
        for table, part in self._body["RequestItems"].items():
            for _ in part["Keys"]:
                self._get({**part, "TableName": table}, consistent=bool(part.get("ConsistentRead")))
        self._note(BATCH)

    def _transact_get(self) -> None:
        self._factor = 2
        self._note(TRANSACTION)
        for part in self._body["TransactItems"]:
            self._get(part["Get"], consistent=True)

    def _scan(self) -> None:
        self._note(SCAN)
        self._read_many()
        if (segments := self._body.get("TotalSegments", 1)) > 1:
            self._note(f"this is one of {segments} segments: those read in parallel each send it with their own Segment")

    def _read_many(self) -> None:
        body = self._body
        self._table(body["TableName"])
        items = self._sizes.items
        if items is None and not body.get("FilterExpression"):
            items = body.get("Limit")
        size = self._sizes.item
        blocks = 1 if size is None or items is None else max(1, -(-size * items // READ_UNIT))
        self.read_units += blocks if body.get("ConsistentRead") else blocks / 2
        if body.get("ConsistentRead"):
            self._note(CONSISTENT)
        index = body.get("IndexName")
        if index is not None and any(one.name == index and one.is_global for one in self._indexes_of(body["TableName"])[1]):
            self._note(BEHIND)
        if body.get("Select") == "COUNT":
            self._note(COUNT)
        elif body.get("ProjectionExpression"):
            self._note("the projection does not lower the cost: whole items, or entries of the index, are billed")
        if body.get("FilterExpression"):
            self._note(FILTER)
        self._note(PAGES)

    # --- writes

    def _put_item(self) -> None:
        self._put(self._body)

    def _update_item(self) -> None:
        self._update(self._body)

    def _delete_item(self) -> None:
        self._delete(self._body)

    def _write(self, body: Wire, size: int) -> None:
        self._written = str(body.get("TableName", ""))
        if self._written:
            self._table(self._written)
        self.write_units += max(1, -(-size // WRITE_UNIT)) * self._factor
        if body.get("ConditionExpression"):
            self._note(CONDITION)

    def _put(self, body: Wire) -> None:
        item = body["Item"]
        keys, indexes = self._indexes_of(body["TableName"])
        is_new = bool(keys) and requires_absence(body, keys[0])
        size = stored_size(item)
        self._write(body, size if is_new else max(size, self._sizes.item or 0))
        if not is_new:
            self._note(REPLACED)
        for index in indexes:
            entered = -(-stored_size(entry(item, keys, index)) // WRITE_UNIT) if all(key in item for key in index.keys) else 0
            self._index(index, entered + (0 if is_new else self._entry(index)))

    def _update(self, body: Wire) -> None:
        self._write(body, self._sizes.item or 0)
        self._note(UPDATE)
        changed = assigned(body)
        for index in self._indexes_of(body["TableName"])[1]:
            if changed & set(index.keys):
                self._index(index, 2 * self._entry(index))  # the old entry is deleted, and a new one is written
            elif changed and (index.projected is None or changed & set(index.projected)):
                self._index(index, self._entry(index))

    def _delete(self, body: Wire) -> None:
        self._write(body, self._sizes.item or 0)
        for index in self._indexes_of(body["TableName"])[1]:
            self._index(index, self._entry(index))

    def _entry(self, index: DeclaredIndex) -> int:
        """The units of an entry that is stored; of an index that has only a part of the item, it is small more often than not."""
        size = self._sizes.item if index.projected is None else None
        return max(1, -(-(size or 1) // WRITE_UNIT))

    def _index(self, index: DeclaredIndex, units: int) -> None:
        if units:
            place = (self._written, index.name)
            self._indexes[place] = self._indexes.get(place, 0.0) + units * self._factor

    def _batch_write(self) -> None:
        for table, parts in self._body["RequestItems"].items():
            for part in parts:
                if "PutRequest" in part:
                    self._put({**part["PutRequest"], "TableName": table})
                else:
                    self._delete({**part["DeleteRequest"], "TableName": table})
        self._note(BATCH)

    def _transact_write(self) -> None:
        self._factor = 2
        self._note(TRANSACTION)
        for part in self._body["TransactItems"]:
            for kind, body in part.items():
                if kind == "ConditionCheck":
                    self._write(body, self._sizes.item or 0)
                    self._note("an item that is only checked is billed like one that is written")
                else:
                    {"Put": self._put, "Update": self._update, "Delete": self._delete}[kind](body)

    # --- PartiQL and the rest

    def _statement(self) -> None:
        self._statements([self._body])

    def _batch_statement(self) -> None:
        self._statements(self._body["Statements"])
        self._note(BATCH)

    def _transact_statement(self) -> None:
        self._factor = 2
        self._statements(self._body["TransactStatements"])
        self._note(TRANSACTION)

    def _statements(self, statements: Sequence[Wire]) -> None:
        for one in statements:
            verb = one["Statement"].lstrip()[:6].upper()
            table, index = _place_of(one["Statement"])
            indexes = self._indexes_of(table)[1] if table else []
            if verb == "SELECT":
                self.index = self.index or index
                self._note(*(BEHIND for declared in indexes if declared.name == index and declared.is_global))
                self._select(one, table)
                continue
            self._write({"TableName": table} if table else {}, self._sizes.item or 0)
            self._note(STATEMENT)
            if verb == "UPDATE":
                self._note(*([STATEMENT_INDEXES] if indexes else []))
                continue
            for declared in indexes:
                self._index(declared, self._entry(declared))

    def _select(self, one: Wire, table: str | None) -> None:
        if table:
            self._table(table)
        consistent = bool(one.get("ConsistentRead") or self._body.get("ConsistentRead"))
        blocks = max(1, -(-(self._sizes.item or 1) * (self._sizes.items or 1) // READ_UNIT))
        self.read_units += blocks * self._factor if consistent or self._factor > 1 else blocks / 2
        self._note(PARTIQL_SCAN)

    def _other(self) -> None:
        if "TableName" in self._body:
            self._table(self._body["TableName"])
        self._note(FREE)


def stored_size(item: Wire) -> int:
    """The size of an item in wire form, in bytes."""
    from json import dumps

    return _core.stored_size(dumps(item).encode())


def entry(item: Wire, keys: Sequence[str], index: DeclaredIndex) -> Wire:
    """The part of an item that an index has."""
    if index.projected is None:
        return item
    return {name: item[name] for name in {*keys, *index.keys, *index.projected} if name in item}


def requires_absence(body: Wire, key: str) -> bool:
    """Whether a write is for new items only."""
    condition: str = body.get("ConditionExpression", "")
    names: Mapping[str, str] = body.get("ExpressionAttributeNames", {})
    placeholders = [name for name, attribute in names.items() if attribute == key]
    return " OR " not in condition and any(f"attribute_not_exists({name})" in condition for name in (key, *placeholders))


def assigned(body: Wire) -> set[str]:
    """The attributes, by stored name, that an UpdateExpression changes."""
    import re

    names: Mapping[str, str] = body.get("ExpressionAttributeNames", {})
    changed: set[str] = set()
    clause, depth, is_target = "", 0, False
    for word in re.findall(r"[#:]?\w+|[(),=]", body.get("UpdateExpression", "")):
        if word in {"SET", "REMOVE", "ADD", "DELETE"} and depth == 0:
            clause, is_target = word, True
        elif word in {"(", ")"}:
            depth += 1 if word == "(" else -1
        elif word == "," and depth == 0:
            is_target = True
        elif is_target and clause:
            # The first name of a path is the attribute; what follows up to the comma is not.
            changed.add(names.get(word, word))
            is_target = False
    return changed


def _place_of(statement: str) -> tuple[str | None, str | None]:
    """The table of a PartiQL statement, and the index that it reads."""
    import re

    name = r'(?:"((?:[^"]|"")+)"|([\w\-]+))'
    pattern = rf'\b(?:FROM|INTO|UPDATE)\s+(?:"((?:[^"]|"")+)"|([\w.\-]+?))(?:\s*\.\s*{name})?(?![\w."\-])'
    named = re.search(pattern, statement, re.IGNORECASE)
    if named is None:
        return None, None
    table, index = named[1] or named[2], named[3] or named[4]
    return table, index
