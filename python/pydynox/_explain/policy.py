"""Policies: the least that IAM has to allow for the calls of some models.

Which action a request needs: https://docs.aws.amazon.com/service-authorization/latest/reference/list_dynamodb.html. Transactions
need those of their parts: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html. The
condition on partition keys: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydynox._declaration.compile import completed

from .models import indexes_of, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .patterns import Tables

    Model = type[Any]
    Statement = dict[str, Any]

READS = ("BatchGetItem", "GetItem", "Query")
WRITES = ("BatchWriteItem", "ConditionCheckItem", "DeleteItem", "PutItem", "UpdateItem")
ADMINISTRATION = (
    "CreateTable",
    "DescribeContinuousBackups",
    "DescribeTable",
    "DescribeTimeToLive",
    "ListTagsOfResource",
    "TagResource",
    "UpdateContinuousBackups",
    "UpdateTable",
    "UpdateTimeToLive",
)
#: Partitions other than that of all commercial regions, by the beginning of their regions.
PARTITIONS = {
    "cn-": "aws-cn",
    "eusc-": "aws-eusc",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}
#: The beginning of the keys of the items that keep values unique.
GUARDS = "pydynox#unique#"


class Scope(NamedTuple):
    """Where the tables are, and what is allowed."""

    region: str = "*"
    account: str = "*"
    writes: bool = True
    scans: bool = False
    administers: bool = False
    kms_key: str | None = None
    """The ARN of the key that encrypts values."""

    @property
    def partition(self) -> str:
        """The partition of AWS that the region is in: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""
        return next((partition for prefix, partition in PARTITIONS.items() if self.region.startswith(prefix)), "aws")


def policy(tables: Tables, scope: Scope) -> dict[str, Any]:
    """The policy document."""
    statements = [statement for name, models in tables.by_name.items() for statement in _of_table(name, models, scope)]
    labels = [statement["Sid"] for statement in statements]
    for number, statement in enumerate(statements):
        # Names such as a-b and a.b have the same letters, and each statement has an ID of its own.
        if labels.index(statement["Sid"]) != number:
            statement["Sid"] += str(number)
    return {"Version": "2012-10-17", "Statement": [*statements, *_of_keys(tables, scope)]}


def _of_table(name: str, models: list[Model], scope: Scope) -> Iterator[Statement]:
    arn = name if name.startswith("arn:") else f"arn:{scope.partition}:dynamodb:{scope.region}:{scope.account}:table/{name}"
    label = "".join(part.capitalize() for part in _words(name.rpartition("/")[2]))
    actions = [*READS, *(WRITES if scope.writes else ())]
    items = _statement(f"{label}Items", actions, [arn])
    leading = leading_keys(models)
    if leading:
        # It is true of a request without keys as well: a Scan must never be in this statement.
        items["Condition"] = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": leading}}
    yield items
    indexes = list(dict.fromkeys(index.name for model in models for index in indexes_of(model)))
    if indexes:
        # Their leading keys are those of the index, which are other attributes.
        yield _statement(f"{label}Indexes", ["Query"], [f"{arn}/index/{index}" for index in indexes])
    if scope.scans:
        # Exports and reencrypt ask for the size of the table, to say how far they have come.
        yield _statement(f"{label}Scan", ["DescribeTable", "Scan"], [arn, *(f"{arn}/index/{index}" for index in indexes)])
    if scope.administers:
        yield _statement(f"{label}Table", list(ADMINISTRATION), [arn])


def _words(name: str) -> list[str]:
    """A table's name as words of the letters and digits that a statement's ID takes."""
    return "".join(letter if letter.isalnum() and letter.isascii() else " " for letter in name).split()


def _statement(label: str, actions: list[str], resources: list[str]) -> Statement:
    return {
        "Sid": label,
        "Effect": "Allow",
        "Action": [f"dynamodb:{action}" for action in sorted(actions)],
        "Resource": resources[0] if len(resources) == 1 else resources,
    }


def leading_keys(models: list[Model]) -> list[str]:
    """Patterns of the partition keys of all items of these models; empty unless each model has one that begins with a text."""
    patterns: list[str] = []
    for model in models:
        definition = completed(model)
        stored = {attribute.attribute_name: attribute for attribute in definition.attributes.values()}
        template = stored[key_of(model)[0]].options.template
        if template is None:
            return []
        beginning = _beginning(template)
        if not beginning:
            return []
        patterns.append(beginning)
        if definition.unique:
            patterns.append(f"{GUARDS}*")
    return list(dict.fromkeys(patterns))


def _beginning(template: str) -> str:
    """``CUSTOMER#*`` of ``CUSTOMER#{customer_id}``."""
    import string

    text = ""
    for literal, name, _, _ in string.Formatter().parse(template):
        text += literal
        if name is not None:
            # Both are special in a pattern: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
            return "" if not text or any(letter in text for letter in "*?$") else f"{text}*"
    return text


def _of_keys(tables: Tables, scope: Scope) -> Iterator[Statement]:
    logical = [
        model.model_config.logical_table or name
        for name, models in tables.by_name.items()
        for model in models
        if any(one.options.protection == "encrypted" for one in completed(model).attributes.values())
    ]
    if not logical:
        return
    key = scope.kms_key or f"arn:{scope.partition}:kms:{scope.region}:{scope.account}:key/KEY-ID"
    actions = ["kms:Decrypt", *(["kms:GenerateDataKey"] if scope.writes else [])]
    yield {
        "Sid": "DataKeys",
        "Effect": "Allow",
        "Action": actions,
        "Resource": key,
        # Every data key is bound to its table.
        "Condition": {"StringEquals": {"kms:EncryptionContext:pydynox:table": list(dict.fromkeys(logical))}},
    }
