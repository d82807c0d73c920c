"""Table options and the checks on them; imported on first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, cast

from pydynox.exceptions import ConfigurationError

StreamView = Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]
TableClass = Literal["STANDARD", "STANDARD_INFREQUENT_ACCESS"]


def _is_whole(value: object, least: int, most: float = float("inf")) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _check_units(what: str, units: object, *, or_none: bool = False) -> None:
    if not (or_none and units is None) and not _is_whole(units, 1):
        raise ConfigurationError(f"{what} must be a whole number of at least 1{', or None' if or_none else ''}, not {units!r}")


@dataclass(frozen=True)
class OnDemand:
    """Billing per request.

    Args:
        max_rcu: Maximum read units per second; None for no limit.
        max_wcu: Maximum write units per second; None for no limit.

    Raises:
        ConfigurationError: A limit is not a whole number of 1 or more.

    Example:
        >>> await User.table.create(billing=OnDemand(max_wcu=2_000))
    """

    max_rcu: int | None = None
    max_wcu: int | None = None

    def __post_init__(self) -> None:
        _check_units("OnDemand(max_rcu=...)", self.max_rcu, or_none=True)
        _check_units("OnDemand(max_wcu=...)", self.max_wcu, or_none=True)


@dataclass(frozen=True)
class _Units:
    """Read and write units per second, each of 1 or more."""

    rcu: int
    wcu: int

    def __post_init__(self) -> None:
        name = type(self).__name__
        _check_units(f"{name}(rcu=...)", self.rcu)
        _check_units(f"{name}(wcu=...)", self.wcu)


@dataclass(frozen=True)
class Provisioned(_Units):
    """Billing for provisioned capacity, whether or not it is used.

    Args:
        rcu: Read units per second.
        wcu: Write units per second.

    Raises:
        ConfigurationError: A number is not a whole number of 1 or more.

    Example:
        >>> await User.table.create(billing=Provisioned(rcu=10, wcu=5))
    """


@dataclass(frozen=True)
class WarmThroughput(_Units):
    """The throughput that a table can serve immediately. It can be raised, never lowered; raising it is billed.

    Args:
        rcu: Read units per second.
        wcu: Write units per second.

    Raises:
        ConfigurationError: A number is not a whole number of 1 or more.

    Example:
        >>> await User.table.create(warm_throughput=WarmThroughput(rcu=20_000, wcu=10_000))
    """


@dataclass(frozen=True)
class PointInTimeRecovery:
    """Continuous backups, from which the table can be restored to any second of the last days.

    Args:
        days: Number of days to keep, 1 to 35.

    Raises:
        ConfigurationError: The number of days is out of range.

    Example:
        >>> await User.table.create(point_in_time_recovery=PointInTimeRecovery(days=7))
    """

    days: int = 35

    def __post_init__(self) -> None:
        if not _is_whole(self.days, 1, MAX_RECOVERY_DAYS):
            raise ConfigurationError(f"PointInTimeRecovery(days=...) must be a whole number from 1 to 35, not {self.days!r}")


@dataclass(frozen=True)
class OwnedKey:
    """Encryption at rest with a key that DynamoDB owns: the default, at no cost."""


@dataclass(frozen=True)
class KmsKey:
    """Encryption at rest with a KMS key.

    Args:
        key: Its id, ARN or alias; None for the key that AWS manages in your account (``alias/aws/dynamodb``).

    Raises:
        ConfigurationError: ``key`` is empty or not text.

    Example:
        >>> await User.table.create(encryption=KmsKey("alias/orders"))
    """

    key: str | None = None

    def __post_init__(self) -> None:
        _check_type("KmsKey(...)", self.key, (str,), "a key's id, ARN or alias")
        if self.key == "":
            raise ConfigurationError("KmsKey(...) must be a key's id, ARN or alias, not an empty string")


@dataclass(frozen=True)
class IndexOptions:
    """The settings of a global secondary index that differ from those of its table.

    Args:
        billing: Its capacity or its limits, in the billing mode of its table.
        warm_throughput: The throughput it can serve immediately.

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
    """The settings of a table, apart from its keys, indexes and time to live, which come from the class.

    These are the keywords of ``create``, ``ensure``, ``check``, ``update`` and ``to_cloudformation``. Options
    that are not given are not compared; ``create`` leaves them to DynamoDB's defaults, and bills per request.

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
        raise ConfigurationError(f"{what} must be {words}, not {value!r}")


MAX_RECOVERY_DAYS = 35
MAX_TAGS, MAX_TAG_KEY, MAX_TAG_VALUE = 50, 128, 256  # limits of the service; lengths in characters


def _tag_problem(tags: object) -> str | None:
    if not isinstance(tags, Mapping):
        return f"tags= must be a mapping of str to str, not {tags!r}"
    tags = cast("Mapping[object, object]", tags)
    if len(tags) > MAX_TAGS:
        return f"tags= has {len(tags)} tags; a table can have at most {MAX_TAGS}"
    for key, value in tags.items():
        if not isinstance(key, str) or not isinstance(value, str):
            return f"tags= contains {key!r}: {value!r}; keys and values must be str"
        if not 1 <= len(key) <= MAX_TAG_KEY or len(value) > MAX_TAG_VALUE:
            return (
                f"the tag {key!r} is too long or empty: keys have 1 to {MAX_TAG_KEY} characters, values at most {MAX_TAG_VALUE}"
            )
        if key.lower().startswith("aws:"):
            return f"the tag {key!r} begins with aws:, which is reserved for AWS"
    return None


def check_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, checked.

    Raises:
        ConfigurationError: An option is unknown or its value is wrong.
    """
    names = set(TableOptions.__annotations__)
    for name in options:
        if name not in names:
            raise ConfigurationError(f"unknown table option {name!r}; the options are {', '.join(sorted(names))}")
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
        raise ConfigurationError(f"stream= must be False or one of {', '.join(views)}, not {options['stream']!r}")
    if options.get("table_class") not in (None, "STANDARD", "STANDARD_INFREQUENT_ACCESS"):
        raise ConfigurationError(f"table_class= must be STANDARD or STANDARD_INFREQUENT_ACCESS, not {options['table_class']!r}")
    if options.get("tags") is not None and (problem := _tag_problem(options["tags"])) is not None:
        raise ConfigurationError(problem)
    indexes: Mapping[str, Any] | None = options.get("indexes")
    _check_type("indexes=", indexes, (Mapping,), "a mapping of index names to IndexOptions(...)")
    for name, index in (indexes or {}).items():
        if not isinstance(index, IndexOptions):
            raise ConfigurationError(f"indexes[{name!r}] must be IndexOptions(...), not {index!r}")
        if billing is not None and index.billing is not None and type(index.billing) is not type(billing):
            raise ConfigurationError(
                f"indexes[{name!r}] is {index.billing!r}, and the table is {billing!r}: "
                "a table and its indexes have one billing mode"
            )
    return {name: value for name, value in options.items() if value is not None}
