"""Models of the table electro, from a sample of 12 items."""

# The comments say what the sample leaves open: an attribute without one is in every
# item sampled, always with this type. Attributes that a class does not declare are kept
# when an item is read and saved.

from datetime import date, datetime

from pydynox import (
    Attr,
    GlobalSecondaryIndex,
    Model,
    ModelConfig,
    field,
    partition_key,
    sort_key,
)


class Electro(Model[str, str], table="electro"):
    """Any item of the table electro; its subclasses are the kinds of items."""

    model_config = ModelConfig(entity_attribute="__edb_e__")

    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()
    # in 6 of 12 items
    gsi1pk: Attr[str | None] = field(default=None)
    # in 6 of 12 items
    gsi1sk: Attr[str | None] = field(default=None)

    gsi1pk_gsi1sk_index = GlobalSecondaryIndex(
        gsi1pk,
        gsi1sk,
        index_name="gsi1pk-gsi1sk-index",
    )


# 6 of 12 items
class Employee(Electro, entity="employee"):
    """An item of the kind employee."""

    pk: Attr[str] = partition_key(template="$taskapp#team_{team}")
    sk: Attr[str] = sort_key(template="$employees#employee_1#office_{office}#id_{id}")
    gsi1pk: Attr[str | None] = field(template="$taskapp#office_{office}#{id}")
    edb_v: Attr[str] = field(attribute_name="__edb_v__")
    # each could be a time in milliseconds since 1970: if they are, Attr[datetime] =
    # field(format="epoch_ms") reads them
    createdAt: Attr[int]
    id: Attr[str]
    office: Attr[str]
    startDate: Attr[date]
    team: Attr[str]


# 6 of 12 items
class Task(Electro, entity="task"):
    """An item of the kind task."""

    pk: Attr[str] = partition_key(template="$taskapp#employee_{employee}")
    sk: Attr[str] = sort_key(template="$task_1#project_{project}#task_{task}")
    edb_v: Attr[str] = field(attribute_name="__edb_v__")
    employee: Attr[str]
    points: Attr[int]
    project: Attr[str]
    tags: Attr[set[str]] = field(default_factory=set)
    task: Attr[str]
    updatedAt: Attr[datetime] = field(format="%Y-%m-%dT%H:%M:%S.%3fZ")
