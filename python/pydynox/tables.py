"""What a table can be asked to be, what it is, and where the two differ; imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict, cast

from ._timeout import NOT_GIVEN
from .exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = [
    "Drift",
    "IndexDescription",
    "IndexOptions",
    "KmsKey",
    "OnDemand",
    "OwnedKey",
    "PointInTimeRecovery",
    "Provisioned",
    "StreamView",
    "TableDescription",
    "TableOptions",
    "TableProgress",
    "WarmThroughput",
    "ensure_tables",
]

StreamView = Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]
TableClass = Literal["STANDARD", "STANDARD_INFREQUENT_ACCESS"]


def _is_whole(value: object, least: int, most: float = float("inf")) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _check_units(what: str, units: object, *, or_none: bool = False) -> None:
    if not (or_none and units is None) and not _is_whole(units, 1):
        raise ConfigurationError(f"{what} is a whole number of at least 1{', or None' if or_none else ''}, not {units!r}")


@dataclass(frozen=True)
class OnDemand:
    """Billed by request.

    Args:
        max_rcu: The most read units per second; None for no limit of your own.
        max_wcu: The most write units per second.

    Raises:
        ConfigurationError: A limit is no whole number of at least 1.

    Example:
        >>> await User.table.create(billing=OnDemand(max_wcu=2_000))
    """

    max_rcu: int | None = None
    max_wcu: int | None = None

    def __post_init__(self) -> None:
        _check_units("OnDemand(max_rcu=...)", self.max_rcu, or_none=True)
        _check_units("OnDemand(max_wcu=...)", self.max_wcu, or_none=True)


@dataclass(frozen=True)
class Provisioned:
    """Billed by capacity that is there whether it is used or not.

    Args:
        rcu: Read units per second.
        wcu: Write units per second.

    Raises:
        ConfigurationError: One is no whole number of at least 1.

    Example:
        >>> await User.table.create(billing=Provisioned(rcu=10, wcu=5))
    """

    rcu: int
    wcu: int

    def __post_init__(self) -> None:
        _check_units("Provisioned(rcu=...)", self.rcu)
        _check_units("Provisioned(wcu=...)", self.wcu)


@dataclass(frozen=True)
class WarmThroughput:
    """What a table can serve at once, without growing into it first. It can be raised, never lowered; raising it is billed.

    Args:
        rcu: Read units per second.
        wcu: Write units per second.

    Raises:
        ConfigurationError: One is no whole number of at least 1.

    Example:
        >>> await User.table.create(warm_throughput=WarmThroughput(rcu=20_000, wcu=10_000))
    """

    rcu: int
    wcu: int

    def __post_init__(self) -> None:
        _check_units("WarmThroughput(rcu=...)", self.rcu)
        _check_units("WarmThroughput(wcu=...)", self.wcu)


@dataclass(frozen=True)
class PointInTimeRecovery:
    """Continuous backups, from which the table can be restored as it was at any second of the last days.

    Args:
        days: How far back, from 1 to 35.

    Raises:
        ConfigurationError: There are no such days.

    Example:
        >>> await User.table.create(point_in_time_recovery=PointInTimeRecovery(days=7))
    """

    days: int = 35

    def __post_init__(self) -> None:
        if not _is_whole(self.days, 1, MAX_RECOVERY_DAYS):
            raise ConfigurationError(f"PointInTimeRecovery(days=...) is a whole number from 1 to 35, not {self.days!r}")


@dataclass(frozen=True)
class OwnedKey:
    """Encryption at rest with a key that DynamoDB owns: the default, at no cost."""


@dataclass(frozen=True)
class KmsKey:
    """Encryption at rest with a key of KMS.

    Args:
        key: Its id, ARN or alias; None for the key that AWS manages in your account (``alias/aws/dynamodb``).

    Raises:
        ConfigurationError: ``key`` is empty or no text.

    Example:
        >>> await User.table.create(encryption=KmsKey("alias/orders"))
    """

    key: str | None = None

    def __post_init__(self) -> None:
        _check_type("KmsKey(...)", self.key, (str,), "the id, the ARN or the alias of a key")
        if self.key == "":
            raise ConfigurationError("KmsKey(...) is the id, the ARN or the alias of a key, not an empty text")


@dataclass(frozen=True)
class IndexOptions:
    """What one global secondary index is to be, where it is not as its table.

    Args:
        billing: Its capacity, or its limits; of the kind that the table's billing is.
        warm_throughput: What it can serve at once.

    Raises:
        ConfigurationError: A setting has the wrong type.

    Example:
        >>> await User.table.create(billing=Provisioned(10, 5), indexes={"by_email": IndexOptions(billing=Provisioned(5, 5))})
    """

    billing: OnDemand | Provisioned | None = None
    warm_throughput: WarmThroughput | None = None

    def __post_init__(self) -> None:
        _check_type("IndexOptions(billing=...)", self.billing, (OnDemand, Provisioned), "OnDemand(...) or Provisioned(...)")
        _check_type("IndexOptions(warm_throughput=...)", self.warm_throughput, (WarmThroughput,), "WarmThroughput(...)")


class TableOptions(TypedDict, total=False):
    """What a table is to be beside its keys, indexes and time to live, which come from the class.

    These are the keywords of ``create``, ``ensure``, ``check``, ``update`` and ``to_cloudformation``. What is not given is not
    looked at; ``create`` then takes DynamoDB's default, and bills by request.

    Example:
        >>> OPTIONS = TableOptions(billing=Provisioned(rcu=10, wcu=5), stream="NEW_IMAGE", deletion_protection=True)
        >>> await User.table.ensure(**OPTIONS)
        >>> await User.table.check(**OPTIONS)
        []
    """

    billing: OnDemand | Provisioned
    stream: StreamView | Literal[False]
    point_in_time_recovery: PointInTimeRecovery | bool
    deletion_protection: bool
    encryption: OwnedKey | KmsKey
    table_class: TableClass
    warm_throughput: WarmThroughput
    tags: Mapping[str, str]
    indexes: Mapping[str, IndexOptions]
    resource_policy: Mapping[str, Any]


def _check_type(what: str, value: object, types: tuple[type, ...], words: str) -> None:
    if value is not None and not isinstance(value, types):
        raise ConfigurationError(f"{what} is {words}, not {value!r}")


MAX_RECOVERY_DAYS = 35
MAX_TAGS, MAX_TAG_KEY, MAX_TAG_VALUE = 50, 128, 256  # of the service


def _tag_problem(tags: object) -> str | None:
    if not isinstance(tags, Mapping):
        return f"tags= is a mapping of str to str, not {tags!r}"
    tags = cast("Mapping[object, object]", tags)
    if len(tags) > MAX_TAGS:
        return f"tags= has {len(tags)} tags; a table has {MAX_TAGS} at the most"
    for key, value in tags.items():
        if not isinstance(key, str) or not isinstance(value, str):
            return f"tags= holds {key!r}: {value!r}; keys and values are str"
        if not 1 <= len(key) <= MAX_TAG_KEY or len(value) > MAX_TAG_VALUE:
            return f"the tag {key!r} is too long or empty: a key has 1 to {MAX_TAG_KEY} characters, a value up to {MAX_TAG_VALUE}"
        if key.lower().startswith("aws:"):
            return f"the tag {key!r} begins with aws:, which only AWS may write"
    return None


def check_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, each of them possible.

    Raises:
        ConfigurationError: One is unknown or wrong.
    """
    known = set(TableOptions.__annotations__)
    for name in options:
        if name not in known:
            raise ConfigurationError(f"a table has no option {name!r}; there are {', '.join(sorted(known))}")
    billing = options.get("billing")
    _check_type("billing=", billing, (OnDemand, Provisioned), "OnDemand(...) or Provisioned(...)")
    _check_type("encryption=", options.get("encryption"), (OwnedKey, KmsKey), "OwnedKey() or KmsKey(...)")
    _check_type("warm_throughput=", options.get("warm_throughput"), (WarmThroughput,), "WarmThroughput(...)")
    _check_type(
        "point_in_time_recovery=",
        options.get("point_in_time_recovery"),
        (PointInTimeRecovery, bool),
        "True, False or PointInTimeRecovery(...)",
    )
    _check_type("deletion_protection=", options.get("deletion_protection"), (bool,), "True or False")
    _check_type("resource_policy=", options.get("resource_policy"), (Mapping,), "the policy as a mapping")
    views = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")
    if options.get("stream") not in (None, False, *views):
        raise ConfigurationError(f"stream= is False or one of {', '.join(views)}, not {options['stream']!r}")
    if options.get("table_class") not in (None, "STANDARD", "STANDARD_INFREQUENT_ACCESS"):
        raise ConfigurationError(f"table_class= is STANDARD or STANDARD_INFREQUENT_ACCESS, not {options['table_class']!r}")
    if options.get("tags") is not None and (problem := _tag_problem(options["tags"])) is not None:
        raise ConfigurationError(problem)
    indexes: Mapping[str, Any] | None = options.get("indexes")
    _check_type("indexes=", indexes, (Mapping,), "a mapping of index names to IndexOptions(...)")
    for name, index in (indexes or {}).items():
        if not isinstance(index, IndexOptions):
            raise ConfigurationError(f"indexes[{name!r}] is IndexOptions(...), not {index!r}")
        if billing is not None and index.billing is not None and type(index.billing) is not type(billing):
            raise ConfigurationError(
                f"indexes[{name!r}] is {index.billing!r}, and the table is {billing!r}: they are billed in one way"
            )
    return {name: value for name, value in options.items() if value is not None}


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
    """One difference between what is declared and what is there; ``str()`` of it reads well.

    Attributes:
        what: What differs.
        index: The name of the index, where it is about one.
        declared: As the class and the options say.
        actual: As it is; None where there is none.
        mended_by: The verb that mends it: ``"ensure"`` adds what is missing, ``"update"`` changes what is there; None where only
            you can.
        advice: What to do.
    """

    what: What
    declared: Any
    actual: Any
    mended_by: Literal["ensure", "update"] | None
    advice: str
    index: str | None = None
    _operation: str = field(default="", repr=False, compare=False)
    _members: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)

    @property
    def mendable(self) -> bool:
        """Whether ``ensure()`` or ``update()`` can mend it."""
        return self.mended_by is not None

    def __str__(self) -> str:
        name = self.what if self.index is None else f"{self.what} {self.index}"
        actual = "missing" if self.actual is None else f"is {self.actual}"
        return f"{name}: declared {self.declared}, {actual}; {self.advice}"


class TableProgress(NamedTuple):
    """How far an administrative call has come, as its ``progress=`` callback is told.

    Attributes:
        doing: What is being done, such as ``"adding index by_email"``.
        table: The table as it was seen last; None where it is not there.
    """

    doing: str
    table: TableDescription | None


@dataclass(frozen=True)
class IndexDescription:
    """What the service says about one index.

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
        """``CREATING``, ``UPDATING``, ``DELETING`` or ``ACTIVE``; a local index is as its table."""
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
        """The attributes of its sort key."""
        return _key_of(self.raw, "RANGE")

    @property
    def projection(self) -> str:
        """``ALL``, ``KEYS_ONLY`` or ``INCLUDE``."""
        return str(part_of(self.raw, "Projection").get("ProjectionType", "ALL"))

    @property
    def item_count(self) -> int:
        """How many items, as counted within the last six hours."""
        return int(self.raw.get("ItemCount", 0))

    @property
    def size_bytes(self) -> int:
        """How large, as measured within the last six hours."""
        return int(self.raw.get("IndexSizeBytes", 0))


@dataclass(frozen=True)
class TableDescription:
    """What the service says about a table.

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
        """``CREATING``, ``UPDATING``, ``DELETING``, ``ACTIVE``, or what keeps it from being used."""
        return str(self.raw.get("TableStatus", ""))

    @property
    def partition_key(self) -> str:
        """The attribute of the partition key."""
        return _key_of(self.raw, "HASH")[0]

    @property
    def sort_key(self) -> str | None:
        """The attribute of the sort key."""
        found = _key_of(self.raw, "RANGE")
        return found[0] if found else None

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
        """What its stream shows; None without one."""
        stream = part_of(self.raw, "StreamSpecification")
        view: StreamView | None = stream.get("StreamViewType") if stream.get("StreamEnabled") else None
        return view

    @property
    def stream_arn(self) -> str | None:
        """The ARN of its stream."""
        return self.raw.get("LatestStreamArn")

    @property
    def encryption(self) -> OwnedKey | KmsKey:
        """The key it is encrypted with."""
        found = part_of(self.raw, "SSEDescription")
        if found.get("Status") in ("ENABLED", "ENABLING", "UPDATING"):
            return KmsKey(found.get("KMSMasterKeyArn"))
        return OwnedKey()

    @property
    def table_class(self) -> TableClass:
        """Its class."""
        found: TableClass = part_of(self.raw, "TableClassSummary").get("TableClass", "STANDARD")
        return found

    @property
    def warm_throughput(self) -> WarmThroughput | None:
        """What it can serve at once, where the service says it."""
        return warm_of(self.raw)

    @property
    def has_deletion_protection(self) -> bool:
        """Whether it cannot be deleted."""
        return bool(self.raw.get("DeletionProtectionEnabled", False))

    @property
    def item_count(self) -> int:
        """How many items, as counted within the last six hours."""
        return int(self.raw.get("ItemCount", 0))

    @property
    def size_bytes(self) -> int:
        """How large, as measured within the last six hours."""
        return int(self.raw.get("TableSizeBytes", 0))

    @property
    def created_at(self) -> datetime | None:
        """When it was made."""
        from datetime import UTC, datetime

        at = self.raw.get("CreationDateTime")
        return None if at is None else datetime.fromtimestamp(float(at), UTC)


def part_of(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A member of what the service says that is an object; empty where there is none."""
    found: Mapping[str, Any] | None = raw.get(name)
    return found or {}


def parts_of(raw: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """A member of what the service says that is a list of objects; empty where there is none."""
    found: Sequence[Mapping[str, Any]] | None = raw.get(name)
    return found or ()


def _key_of(raw: Mapping[str, Any], role: str) -> tuple[str, ...]:
    return tuple(each["AttributeName"] for each in parts_of(raw, "KeySchema") if each["KeyType"] == role)


def billing_of(table: Mapping[str, Any], part: Mapping[str, Any]) -> OnDemand | Provisioned:
    """How a table, or an index of it, is billed."""
    throughput = part_of(part, "ProvisionedThroughput")
    rcu, wcu = int(throughput.get("ReadCapacityUnits", 0)), int(throughput.get("WriteCapacityUnits", 0))
    mode = part_of(table, "BillingModeSummary").get("BillingMode", "PROVISIONED")
    if mode == "PROVISIONED" and rcu and wcu:
        return Provisioned(rcu, wcu)
    limits = part_of(part, "OnDemandThroughput")
    most = [limits.get(name) for name in ("MaxReadRequestUnits", "MaxWriteRequestUnits")]
    return OnDemand(*(None if limit in (None, -1) else int(limit) for limit in most))


def warm_of(part: Mapping[str, Any]) -> WarmThroughput | None:
    """What a table, or an index of it, can serve at once."""
    warm = part_of(part, "WarmThroughput")
    rcu, wcu = warm.get("ReadUnitsPerSecond"), warm.get("WriteUnitsPerSecond")
    return WarmThroughput(int(rcu), int(wcu)) if rcu and wcu else None


async def ensure_tables(
    *models: type[Any],
    wait_timeout: float | None = 600.0,
    progress: Callable[[TableProgress], object] | None = None,
    timeout: float | None = NOT_GIVEN,
) -> list[Drift]:
    """Have the tables of these models, one after another; models of one table are declared together. As ``Table.ensure``.

    Args:
        *models: The models, in any order.
        wait_timeout: Seconds that one table may take; None for no limit.
        progress: Called with what is being done.
        timeout: Seconds that each of its requests may take, as ``client.options(timeout=...)`` says it; None for no limit.

    Returns:
        What was mended.

    Raises:
        ConfigurationError: Two models of one table disagree, or a table differs in what cannot be mended.

    Example:
        >>> await ensure_tables(Customer, Order, Invoice)

    Costs: nothing, but for what new indexes and their writes cost.
    """
    from .table import Table

    by_table: dict[tuple[int, str], list[type[Any]]] = {}
    for model in models:
        by_table.setdefault(Table(model)._identity(), []).append(model)
    mended: list[Drift] = []
    for group in by_table.values():
        mended += await Table(*group).ensure(wait_timeout=wait_timeout, progress=progress, timeout=timeout)
    return mended
