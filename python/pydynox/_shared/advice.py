"""Advice: what to do about each reason for which DynamoDB throttles.

The reasons: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html, and what helps:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/troubleshooting-throttling-diagnostics.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: By reason; {} is the resource.
ADVICE = {
    "TableReadProvisionedThroughputExceeded": (
        "reads of {} exceed its provisioned read units: raise them, let auto scaling follow the load or switch to "
        "on-demand, or read less: eventually consistently, with queries in place of scans, at a RateLimit(rcu=...)"
    ),
    "TableWriteProvisionedThroughputExceeded": (
        "writes to {} exceed its provisioned write units: raise them, let auto scaling follow the load or switch "
        "to on-demand, or spread the writes over time, with bulk_write() or a RateLimit(wcu=...)"
    ),
    "IndexReadProvisionedThroughputExceeded": (
        "queries of {} exceed the read units of this index, which are its own: raise those of the index (the "
        "table's do not help), or read fewer or smaller entries"
    ),
    "IndexWriteProvisionedThroughputExceeded": (
        "writes to the table are refused because {} has too few write units: give the index as many as the table, "
        "or project fewer attributes into it"
    ),
    "TableReadKeyRangeThroughputExceeded": (
        "a few partition keys of {} are read more than a partition serves (3,000 read units per second), whatever "
        "the capacity of the table: cache the items that are read most, read them eventually consistently, or "
        "spread them over more partition keys"
    ),
    "TableWriteKeyRangeThroughputExceeded": (
        "a few partition keys of {} are written more than a partition takes (1,000 write units per second), "
        "whatever the capacity of the table: spread the items over more partition keys, for example with a suffix, "
        "or combine writes to the same item"
    ),
    "IndexReadKeyRangeThroughputExceeded": (
        "a few partition keys of {} are queried more than a partition of the index serves (3,000 read units per "
        "second): cache the results, or give the index a partition key with more values"
    ),
    "IndexWriteKeyRangeThroughputExceeded": (
        "too many writes share a partition key of {}, such as a status or a date (1,000 write units per second), "
        "and the table's writes are refused for it: give the index a partition key with more values, or one that "
        "only some items have"
    ),
    "TableReadAccountLimitExceeded": (
        "reads of {} exceed what the account allows one on-demand table in this region (40,000 read units per "
        "second by default): request a higher quota for table-level read throughput, or read less"
    ),
    "TableWriteAccountLimitExceeded": (
        "writes to {} exceed what the account allows one on-demand table in this region (40,000 write units per "
        "second by default): request a higher quota for table-level write throughput, or spread the writes over "
        "time"
    ),
    "IndexReadAccountLimitExceeded": (
        "queries of {} exceed what the account allows one on-demand index in this region: request a higher quota "
        "for table-level read throughput, which holds for indexes too, or read less from the index"
    ),
    "IndexWriteAccountLimitExceeded": (
        "writes that reach {} exceed what the account allows one on-demand index in this region: request a higher "
        "quota for table-level write throughput, which holds for indexes too, or let fewer writes reach the index"
    ),
    "TableReadMaxOnDemandThroughputExceeded": (
        "reads of {} exceed the maximum that was set for this on-demand table: raise or remove it, "
        "OnDemand(max_rcu=...), or read less"
    ),
    "TableWriteMaxOnDemandThroughputExceeded": (
        "writes to {} exceed the maximum that was set for this on-demand table: raise or remove it, "
        "OnDemand(max_wcu=...), or spread the writes over time"
    ),
    "IndexReadMaxOnDemandThroughputExceeded": (
        "queries of {} exceed the maximum that was set for this on-demand index: raise or remove it, "
        "IndexOptions(billing=OnDemand(max_rcu=...)), or read less from the index"
    ),
    "IndexWriteMaxOnDemandThroughputExceeded": (
        "writes to the table are refused because of the maximum that was set for {}: raise or remove it, "
        "IndexOptions(billing=OnDemand(max_wcu=...)), or let fewer writes reach the index"
    ),
}
UNSAID = (
    "the service did not say which limit was exceeded: compare the table's metrics ReadThrottleEvents and WriteThrottleEvents in "
    "CloudWatch, of its indexes too, with its capacity"
)


def advice(reasons: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """What to do about these reasons and resources, each advice once."""
    if not reasons:
        return (UNSAID,)
    return tuple(dict.fromkeys(_for(reason, resource) for reason, resource in reasons))


def _for(reason: str, resource: str) -> str:
    sentence = ADVICE.get(reason)
    if sentence is None:
        named = _named(resource)
        return f"{reason} of {named} is a limit that this version of pydynox does not know: see the documentation of DynamoDB"
    return sentence.format(_named(resource))


def _named(resource: str) -> str:
    """``table orders`` or ``index by_email of orders``, of an ARN."""
    _, mark, path = resource.partition(":table/")
    if not mark:
        return resource or "the table"
    table, _, index = path.partition("/index/")
    return f"index {index} of {table}" if index else f"table {table}"
