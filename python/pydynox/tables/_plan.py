"""A table as its models and options declare it: the requests that create it, its CloudFormation, and how it differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pydynox._core as _core
from pydynox._declaration.compile import completed
from pydynox.exceptions import ConfigurationError

from ._members import (
    billing_members,
    encryption_members,
    index_text,
    is_colder,
    is_same_key,
    key_text,
    limits,
    policy_text,
    recovery_members,
    tag_list,
    ttl_members,
    warm_members,
)
from .description import Drift, TableDescription, billing_of, part_of, parts_of, warm_of
from .options import IndexOptions, KmsKey, OnDemand, OwnedKey, PointInTimeRecovery, Provisioned, WarmThroughput, check_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GLOBAL, LOCAL = "GlobalSecondaryIndexes", "LocalSecondaryIndexes"


class Actual(NamedTuple):
    """The state of a table; a part that was not requested is None."""

    table: Mapping[str, Any]
    time_to_live: Mapping[str, Any] | None
    backups: Mapping[str, Any] | None
    tags: Mapping[str, str] | None


class Declared:
    """One table as its models and options declare it."""

    def __init__(self, models: tuple[type[Any], ...], options: Mapping[str, Any]) -> None:
        self.options: dict[str, Any] = check_options(options)
        self.members = _merged(models)
        self.ttl = _ttl_of(models)
        self.name: str = models[0].model_config.table or ""
        for name in self.options.get("indexes", {}):
            if name not in {index["IndexName"] for index in parts_of(self.members, GLOBAL)}:
                names = ", ".join(model.__name__ for model in models)
                raise ConfigurationError(f"indexes[{name!r}]: {names} has no global secondary index with this name")

    def creation(self) -> dict[str, Any]:
        """The members of CreateTable, without the table name."""
        options = check_options({"billing": OnDemand()} | self.options)
        members = dict(self.members)
        members |= billing_members(options["billing"])
        if GLOBAL in members:
            members[GLOBAL] = [index | self._index_members(index["IndexName"], options["billing"]) for index in members[GLOBAL]]
        if options.get("stream"):
            members["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": options["stream"]}
        if isinstance(options.get("encryption"), KmsKey):
            members["SSESpecification"] = encryption_members(options["encryption"])
        if "table_class" in options:
            members["TableClass"] = options["table_class"]
        if options.get("deletion_protection"):
            members["DeletionProtectionEnabled"] = True
        if "warm_throughput" in options:
            members["WarmThroughput"] = warm_members(options["warm_throughput"])
        if options.get("tags"):
            members["Tags"] = tag_list(options["tags"])
        if "resource_policy" in options:
            members["ResourcePolicy"] = policy_text(options["resource_policy"])
        return members

    def cloudformation(self, name: str) -> dict[str, Any]:
        """An AWS::DynamoDB::Table."""
        properties: dict[str, Any] = {"TableName": name} | self.creation()
        # CloudFormation names some members differently from CreateTable, or leaves them out.
        if "StreamSpecification" in properties:
            properties["StreamSpecification"] = {"StreamViewType": self.options["stream"]}
        if "SSESpecification" in properties:
            members = dict(properties["SSESpecification"])
            properties["SSESpecification"] = {"SSEEnabled": members.pop("Enabled")} | members
        if "ResourcePolicy" in properties:
            properties["ResourcePolicy"] = {"PolicyDocument": dict(self.options["resource_policy"])}
        if self.ttl is not None:
            properties["TimeToLiveSpecification"] = {"AttributeName": self.ttl, "Enabled": True}
        if self.options.get("point_in_time_recovery"):
            properties |= recovery_members(self.options["point_in_time_recovery"])
        return {"Type": "AWS::DynamoDB::Table", "Properties": properties}

    def drifts(self, actual: Actual) -> list[Drift]:
        """How the actual table differs from the declared one; what is quick to fix comes first."""
        return [
            *self._key_drifts(actual.table),
            *self._protection_drifts(actual.table),
            *self._tag_drifts(actual),
            *self._ttl_drifts(actual),
            *self._recovery_drifts(actual),
            *self._stream_drifts(actual.table),
            *self._class_drifts(actual.table),
            *self._encryption_drifts(actual.table),
            *self._billing_drifts(actual.table),
            *self._warm_drifts(actual.table),
            *self._index_drifts(actual.table),
        ]

    def absent(self, name: str, actual: str | None = None) -> Drift:
        """The drift of a table that does not exist."""
        return Drift("table", name, actual, "ensure", "ensure() creates it", None, "CreateTable", self.creation())

    def after_creation(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """What can only be set on an active table: the progress to report, the operation and its members."""
        if self.ttl is not None:
            yield "setting time to live", "UpdateTimeToLive", ttl_members(self.ttl)
        if self.options.get("point_in_time_recovery"):
            members = recovery_members(self.options["point_in_time_recovery"])
            yield "setting point-in-time recovery", "UpdateContinuousBackups", members

    def _index_options(self, name: str) -> IndexOptions:
        options: IndexOptions = self.options.get("indexes", {}).get(name) or IndexOptions()
        return options

    def _index_members(self, name: str, billing: OnDemand | Provisioned) -> dict[str, Any]:
        own = self._index_options(name)
        if own.billing is None and isinstance(billing, OnDemand):
            members: dict[str, Any] = {}
        else:
            members = billing_members(own.billing or billing)
            # Only a table has one, and its indexes are billed in the same way.
            members.pop("BillingMode")
        if own.warm_throughput is not None:
            members["WarmThroughput"] = warm_members(own.warm_throughput)
        return members

    def _key_drifts(self, table: Mapping[str, Any]) -> Iterator[Drift]:
        declared, actual = key_text(self.members), key_text(table)
        if declared != actual:
            advice = (
                "the key of a table cannot be changed: declare the model with another table=, create that one, copy the items, "
                "and delete the old table when nothing reads it"
            )
            yield Drift("key", declared, actual, None, advice)

    def _protection_drifts(self, table: Mapping[str, Any]) -> Iterator[Drift]:
        declared = self.options.get("deletion_protection")
        actual = bool(table.get("DeletionProtectionEnabled", False))
        if declared is not None and declared is not actual:
            # ensure() only adds: it may protect a table, and only update() may lift the protection.
            yield _changed("deletion protection", declared, actual, {"DeletionProtectionEnabled": declared}, adds=declared)

    def _tag_drifts(self, actual: Actual) -> Iterator[Drift]:
        if actual.tags is None:
            return
        declared: Mapping[str, str] = self.options["tags"]
        arn = actual.table["TableArn"]
        missing = {key: value for key, value in declared.items() if key not in actual.tags}
        other = {key: value for key, value in declared.items() if actual.tags.get(key, value) != value}
        if missing:
            members = {"ResourceArn": arn, "Tags": tag_list(missing)}
            yield Drift("tags", missing, None, "ensure", _ADDS, None, "TagResource", members)
        if other:
            members = {"ResourceArn": arn, "Tags": tag_list(other)}
            present = {key: actual.tags[key] for key in other}
            yield Drift("tags", other, present, "update", _CHANGES, None, "TagResource", members)

    def _ttl_drifts(self, actual: Actual) -> Iterator[Drift]:
        if self.ttl is None or actual.time_to_live is None:
            return
        state = actual.time_to_live
        on = state.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
        if not on:
            yield Drift("time to live", self.ttl, None, "ensure", _ADDS, None, "UpdateTimeToLive", ttl_members(self.ttl))
        elif state.get("AttributeName") != self.ttl:
            other = state.get("AttributeName")
            advice = (
                f"a table has one time to live attribute: turn {other!r} off with client.call('UpdateTimeToLive', ...) and call "
                f"ensure() an hour later, or declare the attribute as ttl(attribute_name={other!r})"
            )
            yield Drift("time to live", self.ttl, other, None, advice)

    def _recovery_drifts(self, actual: Actual) -> Iterator[Drift]:
        if actual.backups is None:
            return
        declared: PointInTimeRecovery | bool = self.options["point_in_time_recovery"]
        state = part_of(actual.backups, "PointInTimeRecoveryDescription")
        on = state.get("PointInTimeRecoveryStatus") == "ENABLED"
        # DynamoDB keeps 35 days unless it is given a shorter period.
        current = PointInTimeRecovery(int(state.get("RecoveryPeriodInDays", 35))) if on else False
        if declared == current or (on and declared is True):  # True asks for no number of days
            return
        by: Literal["ensure", "update"] = "update" if on else "ensure"
        advice = _CHANGES if on else _ADDS
        members = recovery_members(declared)
        yield Drift("point-in-time recovery", declared, current or None, by, advice, None, "UpdateContinuousBackups", members)

    def _stream_drifts(self, table: Mapping[str, Any]) -> Iterator[Drift]:
        declared = self.options.get("stream")
        actual = TableDescription(table).stream
        if declared is None or declared == (actual or False):
            return
        if not actual:
            members = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": declared}}
            yield _changed("stream", declared, None, members, adds=True)
        elif declared is False:
            yield _changed("stream", False, actual, {"StreamSpecification": {"StreamEnabled": False}}, adds=False)
        else:
            advice = (
                "the view of a stream cannot be changed: call update(stream=False), then ensure(); the new stream has another "
                "ARN, so let its readers finish first"
            )
            yield Drift("stream", declared, actual, None, advice)

    def _class_drifts(self, table: Mapping[str, Any]) -> Iterator[Drift]:
        declared, actual = self.options.get("table_class"), TableDescription(table).table_class
        if declared not in (None, actual):
            yield _changed("table class", declared, actual, {"TableClass": declared}, adds=False)

    def _encryption_drifts(self, table: Mapping[str, Any]) -> Iterator[Drift]:
        declared: OwnedKey | KmsKey | None = self.options.get("encryption")
        actual = TableDescription(table).encryption
        if declared is not None and not is_same_key(declared, actual):
            yield _changed("encryption", declared, actual, {"SSESpecification": encryption_members(declared)}, adds=False)

    def _billing_drifts(self, table: Mapping[str, Any]) -> Iterator[Drift]:
        declared: OnDemand | Provisioned | None = self.options.get("billing")
        actual = billing_of(table, table)
        if declared is not None and type(declared) is not type(actual):
            members = self._all_definitions(table) | billing_members(declared)
            indexes = [index["IndexName"] for index in parts_of(table, GLOBAL)]
            updates = [{"Update": {"IndexName": name} | self._index_members(name, declared)} for name in indexes]
            # While the table is on demand its indexes have no capacity, so all of them get theirs in the request that changes it.
            if updates and isinstance(declared, Provisioned):
                members["GlobalSecondaryIndexUpdates"] = updates
            yield _changed("billing", declared, actual, members, adds=False)
            return
        if declared not in (None, actual):
            members = billing_members(declared)
            if isinstance(declared, OnDemand):
                members["OnDemandThroughput"] = limits(declared)
            yield _changed("billing", declared, actual, members, adds=False)
        for index in parts_of(table, GLOBAL):
            name = index["IndexName"]
            own, current = self._index_options(name).billing, billing_of(table, index)
            if own is not None and type(own) is not type(actual):
                raise ConfigurationError(
                    f"indexes[{name!r}] is {own!r}, and the table is {actual!r}: a table and its indexes have one billing mode"
                )
            if own not in (None, current):
                members = {"OnDemandThroughput": limits(own)} if isinstance(own, OnDemand) else billing_members(own)
                members.pop("BillingMode", None)
                updates = [{"Update": {"IndexName": name} | members}]
                yield _changed("billing", own, current, {"GlobalSecondaryIndexUpdates": updates}, adds=False, index=name)

    def _warm_drifts(self, table: Mapping[str, Any]) -> Iterator[Drift]:
        declared: WarmThroughput | None = self.options.get("warm_throughput")
        if declared is not None and is_colder(table, declared):
            yield _changed("warm throughput", declared, warm_of(table), {"WarmThroughput": warm_members(declared)}, adds=False)
        for index in parts_of(table, GLOBAL):
            name = index["IndexName"]
            own = self._index_options(name).warm_throughput
            if own is not None and is_colder(index, own):
                members = {"GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": name, "WarmThroughput": warm_members(own)}}]}
                yield _changed("warm throughput", own, warm_of(index), members, adds=False, index=name)

    def _index_drifts(self, table: Mapping[str, Any]) -> Iterator[Drift]:
        for kind in (LOCAL, GLOBAL):
            existing = {index["IndexName"]: index for index in parts_of(table, kind)}
            for index in parts_of(self.members, kind):
                name = index["IndexName"]
                declared = index_text(index, self.members)
                if name not in existing:
                    yield self._missing_index(kind, index, declared, table)
                elif declared != (actual := index_text(existing[name], table)):
                    yield Drift("index", declared, actual, None, _OTHER_INDEX if kind == GLOBAL else _LOCAL_INDEX, name)

    def _missing_index(self, kind: str, index: Mapping[str, Any], declared: str, table: Mapping[str, Any]) -> Drift:
        name = index["IndexName"]
        if kind == LOCAL:
            return Drift("index", declared, None, None, _LOCAL_INDEX, name)
        # As the table is billed now: a declared change of that is a step of its own.
        billing = self._index_members(name, billing_of(table, table))
        members = self._all_definitions(table, index) | {"GlobalSecondaryIndexUpdates": [{"Create": {**index, **billing}}]}
        return Drift(
            "index", declared, None, "ensure", _ADDS + "; its items are written in the background", name, "UpdateTable", members
        )

    def _all_definitions(self, table: Mapping[str, Any], index: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The attribute definitions of the existing table and of an index to add."""
        types = TableDescription(table).attribute_types
        if index is None:
            return {}
        declared = TableDescription(self.members).attribute_types
        types |= {each["AttributeName"]: declared[each["AttributeName"]] for each in parts_of(index, "KeySchema")}
        return {"AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]}


_ADDS = "ensure() adds it"
_CHANGES = "update() changes it"
_OTHER_INDEX = (
    "the key and the projection of an index cannot be changed: declare it under another name, ensure(), move the queries there, "
    "and delete the old one with client.call('UpdateTable', ...)"
)
_LOCAL_INDEX = (
    "a local secondary index is created with its table and cannot change: create a new table and copy the items, or declare a "
    "GlobalSecondaryIndex"
)


def _changed(
    what: Any, declared: object, actual: object, members: Mapping[str, Any], *, adds: bool, index: str | None = None
) -> Drift:
    by: Literal["ensure", "update"] = "ensure" if adds else "update"
    return Drift(what, declared, actual, by, _ADDS if adds else _CHANGES, index, "UpdateTable", members)


def _merged(models: tuple[type[Any], ...]) -> dict[str, Any]:
    """The keys and indexes of all models of one table."""
    merged: dict[str, Any] = {}
    for model in models:
        members: dict[str, Any] = _core.table_declaration(model._schema)
        if not merged:
            merged = members
            continue
        first = models[0].__name__
        if key_text(merged) != key_text(members):
            raise ConfigurationError(
                f"{first} and {model.__name__} share a table but have different keys: {key_text(merged)} and {key_text(members)}",
                model=model.__name__,
            )
        types, more = TableDescription(merged).attribute_types, TableDescription(members).attribute_types
        for name, kind in more.items():
            if types.setdefault(name, kind) != kind:
                word = model.__name__
                raise ConfigurationError(
                    f"{word}: attribute {name!r} is {kind} in a key here and {types[name]} in another model of its table",
                    model=word,
                )
        for of in (GLOBAL, LOCAL):
            _merge_indexes(merged, members, of, model.__name__)
        merged["AttributeDefinitions"] = [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]
    return merged


def _merge_indexes(merged: dict[str, Any], members: Mapping[str, Any], kind: str, model: str) -> None:
    indexes = {index["IndexName"]: index for index in parts_of(merged, kind)}
    for index in parts_of(members, kind):
        name = index["IndexName"]
        before, now = index_text(indexes.setdefault(name, index), merged), index_text(index, merged)
        if before != now:
            raise ConfigurationError(
                f"{model}: index {name} is {now} here and {before} in another model of its table", model=model
            )
    if indexes:
        merged[kind] = list(indexes.values())


def _ttl_of(models: tuple[type[Any], ...]) -> str | None:
    declared_by: dict[str, str] = {}
    for model in models:
        for attribute in completed(model).attributes.values():
            if attribute.options.purpose == "expires_at":
                declared_by.setdefault(attribute.attribute_name, model.__name__)
    if len(declared_by) > 1:
        (one, its), (other, others) = list(declared_by.items())[:2]
        raise ConfigurationError(
            f"a table has one time to live attribute: {its} declares {one!r} and {others} declares {other!r}"
        )
    return next(iter(declared_by), None)
