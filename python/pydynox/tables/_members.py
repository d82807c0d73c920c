"""The members of requests about tables, and the keys of tables and indexes as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .description import TableDescription, part_of, parts_of, warm_of
from .options import KmsKey, OnDemand, OwnedKey, PointInTimeRecovery, Provisioned, WarmThroughput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NO_LIMIT = -1


def key_text(part: Mapping[str, Any]) -> str:
    """``user_id (S), number (N)``."""
    types = TableDescription(part).attribute_types
    keys = sorted(parts_of(part, "KeySchema"), key=lambda each: each["KeyType"] != "HASH")
    return ", ".join(f"{each['AttributeName']} ({types.get(each['AttributeName'], '?')})" for each in keys)


def index_text(index: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    """``partition key email (S), sort key born (N), projection ALL``."""
    types = TableDescription(table).attribute_types
    words: list[str] = []
    for role, title in (("HASH", "partition key"), ("RANGE", "sort key")):
        names = [each["AttributeName"] for each in parts_of(index, "KeySchema") if each["KeyType"] == role]
        attributes = " + ".join(f"{name} ({types.get(name, '?')})" for name in names)
        words += [f"{title} {attributes}"] if names else []
    projection = part_of(index, "Projection")
    words.append(f"projection {projection.get('ProjectionType', 'ALL')}")
    others = sorted(map(str, projection.get("NonKeyAttributes") or ()))
    return ", ".join(words) + (f" of {', '.join(others)}" if others else "")


def billing_members(billing: OnDemand | Provisioned | None) -> dict[str, Any]:
    """How a table is billed, as CreateTable and UpdateTable take it."""
    if isinstance(billing, Provisioned):
        throughput = {"ReadCapacityUnits": billing.rcu, "WriteCapacityUnits": billing.wcu}
        return {"BillingMode": "PROVISIONED", "ProvisionedThroughput": throughput}
    members: dict[str, Any] = {"BillingMode": "PAY_PER_REQUEST"}
    if billing is not None and billing != OnDemand():
        members["OnDemandThroughput"] = {name: limit for name, limit in limits(billing).items() if limit != NO_LIMIT}
    return members


def limits(billing: OnDemand) -> dict[str, int]:
    """The limits of on-demand billing; a limit that is not set is sent as -1, which removes it."""
    return {"MaxReadRequestUnits": billing.max_rcu or NO_LIMIT, "MaxWriteRequestUnits": billing.max_wcu or NO_LIMIT}


def warm_members(warm: WarmThroughput) -> dict[str, int]:
    """The warm throughput of a table or an index."""
    return {"ReadUnitsPerSecond": warm.rcu, "WriteUnitsPerSecond": warm.wcu}


def is_colder(part: Mapping[str, Any], declared: WarmThroughput) -> bool:
    """Whether a table or an index can serve less than is declared; warm throughput can only be raised."""
    actual = warm_of(part)
    return actual is None or actual.rcu < declared.rcu or actual.wcu < declared.wcu


def encryption_members(encryption: OwnedKey | KmsKey) -> dict[str, Any]:
    """The key that encrypts a table."""
    if isinstance(encryption, OwnedKey):
        return {"Enabled": False}
    key = {} if encryption.key is None else {"KMSMasterKeyId": encryption.key}
    return {"Enabled": True, "SSEType": "KMS"} | key


def is_same_key(declared: OwnedKey | KmsKey, actual: OwnedKey | KmsKey) -> bool:
    """Whether a table is encrypted with the declared key, where that can be told."""
    if isinstance(declared, OwnedKey) or isinstance(actual, OwnedKey):
        return type(declared) is type(actual)
    # DescribeTable returns the ARN of the key, from which neither an alias nor the managed key can be recognized.
    if declared.key is None or declared.key.startswith("alias/") or ":alias/" in declared.key:
        return True
    return actual.key is not None and actual.key.rpartition("/")[2] == declared.key.rpartition("/")[2]


def recovery_members(recovery: PointInTimeRecovery | bool) -> dict[str, Any]:
    """Whether and how far back a table can be restored."""
    days = {"RecoveryPeriodInDays": recovery.days} if isinstance(recovery, PointInTimeRecovery) else {}
    return {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": bool(recovery)} | days}


def ttl_members(attribute: str) -> dict[str, Any]:
    """The attribute by which items expire."""
    return {"TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": True}}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as DynamoDB takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_of(answers: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The tags in answers of ListTagsOfResource."""
    return {tag["Key"]: tag["Value"] for answer in answers for tag in parts_of(answer, "Tags")}


def policy_text(policy: Mapping[str, Any]) -> str:
    """A resource policy as JSON text."""
    import json  # noqa: TID251 (this module is imported when a table is created)

    return json.dumps(policy)
