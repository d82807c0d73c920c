"""The description of a table, and its differences from a declaration; imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 (get_type_hints reads the fields of a dataclass)
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .options import KmsKey, OnDemand, OwnedKey, Provisioned, WarmThroughput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .options import StreamView, TableClass

What = Literal[
    "table",
    "key",
    "index",
    "time to live",
    "billing",
    "stream",
    "point-in-time recovery",
    "deletion protection",
    "encryption",
    "table class",
    "warm throughput",
    "tags",
]


@dataclass(frozen=True)
class Drift:
    """One difference between the declaration and the table; ``str()`` of it is a readable line.

    Attributes:
        what: What differs.
        index: The name of the index, if it concerns one.
        declared: The value that the class and the options declare.
        actual: The value that the table has; None if it has none.
        fixed_by: The method that fixes it: ``"ensure"`` adds what is missing, ``"update"`` changes what exists; None if neither
            can.
        advice: What to do.
        operation: The DynamoDB operation that fixes it; empty if none does.
        members: The members of that request, without the table name.
    """

    what: What
    declared: Any
    actual: Any
    fixed_by: Literal["ensure", "update"] | None
    advice: str
    index: str | None = None
    operation: str = field(default="", repr=False, compare=False)
    members: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)

    @property
    def fixable(self) -> bool:
        """Whether ``ensure()`` or ``update()`` can fix it."""
        return self.fixed_by is not None

    def __str__(self) -> str:
        name = self.what if self.index is None else f"{self.what} {self.index}"
        actual = "missing" if self.actual is None else f"is {self.actual}"
        return f"{name}: declared {self.declared}, {actual}; {self.advice}"


class TableProgress(NamedTuple):
    """The progress of an administrative call, for its ``progress=`` callback.

    Attributes:
        doing: What is being done, such as ``"adding index by_email"``.
        table: The latest description of the table; None if it does not exist.
    """

    doing: str
    table: TableDescription | None


@dataclass(frozen=True)
class IndexDescription:
    """The description of one index.

    Attributes:
        raw: Its description in wire form.
    """

    raw: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name."""
        return str(self.raw["IndexName"])

    @property
    def status(self) -> str:
        """``CREATING``, ``UPDATING``, ``DELETING`` or ``ACTIVE``; always ``ACTIVE`` for a local index."""
        return str(self.raw.get("IndexStatus", "ACTIVE"))

    @property
    def is_backfilling(self) -> bool:
        """Whether the items of the table are still being written to it."""
        return bool(self.raw.get("Backfilling", False))

    @property
    def partition_key(self) -> tuple[str, ...]:
        """The attributes of its partition key."""
        return _key_of(self.raw, "HASH")

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The sort key attributes."""
        return _key_of(self.raw, "RANGE")

    @property
    def projection(self) -> str:
        """``ALL``, ``KEYS_ONLY`` or ``INCLUDE``."""
        return str(part_of(self.raw, "Projection").get("ProjectionType", "ALL"))

    @property
    def item_count(self) -> int:
        """Number of items; DynamoDB updates it about every six hours."""
        return int(self.raw.get("ItemCount", 0))

    @property
    def size_bytes(self) -> int:
        """Size in bytes; DynamoDB updates it about every six hours."""
        return int(self.raw.get("IndexSizeBytes", 0))


@dataclass(frozen=True)
class TableDescription:
    """The description of a table.

    Attributes:
        raw: The ``Table`` member of DescribeTable's answer, in wire form.

    Example:
        >>> (await User.table.describe()).status
        'ACTIVE'
    """

    raw: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name, ``table_prefix`` included."""
        return str(self.raw["TableName"])

    @property
    def arn(self) -> str:
        """The ARN."""
        return str(self.raw["TableArn"])

    @property
    def status(self) -> str:
        """``CREATING``, ``UPDATING``, ``DELETING``, ``ACTIVE``, or the reason it cannot be used."""
        return str(self.raw.get("TableStatus", ""))

    @property
    def partition_key(self) -> str:
        """The attribute of the partition key."""
        return _key_of(self.raw, "HASH")[0]

    @property
    def sort_key(self) -> str | None:
        """The attribute of the sort key."""
        names = _key_of(self.raw, "RANGE")
        return names[0] if names else None

    @property
    def attribute_types(self) -> dict[str, str]:
        """The types (S, N or B) of the attributes of all keys."""
        return {each["AttributeName"]: each["AttributeType"] for each in parts_of(self.raw, "AttributeDefinitions")}

    @property
    def global_indexes(self) -> dict[str, IndexDescription]:
        """The global secondary indexes, by name."""
        return {each["IndexName"]: IndexDescription(each) for each in parts_of(self.raw, "GlobalSecondaryIndexes")}

    @property
    def local_indexes(self) -> dict[str, IndexDescription]:
        """The local secondary indexes, by name."""
        return {each["IndexName"]: IndexDescription(each) for each in parts_of(self.raw, "LocalSecondaryIndexes")}

    @property
    def billing(self) -> OnDemand | Provisioned:
        """How it is billed."""
        return billing_of(self.raw, self.raw)

    @property
    def stream(self) -> StreamView | None:
        """What its stream contains; None without a stream."""
        stream = part_of(self.raw, "StreamSpecification")
        view: StreamView | None = stream.get("StreamViewType") if stream.get("StreamEnabled") else None
        return view

    @property
    def stream_arn(self) -> str | None:
        """The ARN of its stream."""
        return self.raw.get("LatestStreamArn")

    @property
    def encryption(self) -> OwnedKey | KmsKey:
        """The key that encrypts it."""
        description = part_of(self.raw, "SSEDescription")
        if description.get("Status") in ("ENABLED", "ENABLING", "UPDATING"):
            return KmsKey(description.get("KMSMasterKeyArn"))
        return OwnedKey()

    @property
    def table_class(self) -> TableClass:
        """Its class."""
        name: TableClass = part_of(self.raw, "TableClassSummary").get("TableClass", "STANDARD")
        return name

    @property
    def warm_throughput(self) -> WarmThroughput | None:
        """The throughput it can serve immediately, if DynamoDB reports it."""
        return warm_of(self.raw)

    @property
    def has_deletion_protection(self) -> bool:
        """Whether it is protected from deletion."""
        return bool(self.raw.get("DeletionProtectionEnabled", False))

    @property
    def item_count(self) -> int:
        """Number of items; DynamoDB updates it about every six hours."""
        return int(self.raw.get("ItemCount", 0))

    @property
    def size_bytes(self) -> int:
        """Size in bytes; DynamoDB updates it about every six hours."""
        return int(self.raw.get("TableSizeBytes", 0))

    @property
    def created_at(self) -> datetime | None:
        """When it was created."""
        from datetime import UTC, datetime

        at = self.raw.get("CreationDateTime")
        return None if at is None else datetime.fromtimestamp(float(at), UTC)


def part_of(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A member of a description that is an object; empty if absent."""
    part: Mapping[str, Any] | None = raw.get(name)
    return part or {}


def parts_of(raw: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """A member of a description that is a list of objects; empty if absent."""
    parts: Sequence[Mapping[str, Any]] | None = raw.get(name)
    return parts or ()


def _key_of(raw: Mapping[str, Any], role: str) -> tuple[str, ...]:
    return tuple(each["AttributeName"] for each in parts_of(raw, "KeySchema") if each["KeyType"] == role)


def billing_of(table: Mapping[str, Any], part: Mapping[str, Any]) -> OnDemand | Provisioned:
    """How a table, or an index of it, is billed."""
    throughput = part_of(part, "ProvisionedThroughput")
    rcu, wcu = int(throughput.get("ReadCapacityUnits", 0)), int(throughput.get("WriteCapacityUnits", 0))
    mode = part_of(table, "BillingModeSummary").get("BillingMode", "PROVISIONED")
    # DescribeTable has no summary of a table that was never on demand. One without units is on demand in any case.
    if mode == "PROVISIONED" and rcu and wcu:
        return Provisioned(rcu, wcu)
    limits = part_of(part, "OnDemandThroughput")
    most = [limits.get(name) for name in ("MaxReadRequestUnits", "MaxWriteRequestUnits")]
    return OnDemand(*(None if limit in (None, -1) else int(limit) for limit in most))


def warm_of(part: Mapping[str, Any]) -> WarmThroughput | None:
    """The throughput that a table, or an index of it, can serve immediately."""
    warm = part_of(part, "WarmThroughput")
    rcu, wcu = warm.get("ReadUnitsPerSecond"), warm.get("WriteUnitsPerSecond")
    return WarmThroughput(int(rcu), int(wcu)) if rcu and wcu else None
