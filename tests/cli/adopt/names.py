"""Models of the table names, from a sample of 2 items."""

# The comments say what the sample leaves open: an attribute without one is in every
# item sampled, always with this type. Attributes that a class does not declare are kept
# when an item is read and saved.

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydynox import (
    Attr,
    Document,
    GlobalSecondaryIndex,
    Model,
    field,
    partition_key,
    sort_key,
)


class NamePoint(Document):
    """A map in point of Name."""

    get_: Attr[int] = field(attribute_name="get")
    model_dump_: Attr[str] = field(attribute_name="model_dump")
    # its members: only empty maps were seen
    x_y: Attr[list[dict[str, Any]]] = field(attribute_name="x y")


class Name(Model[str, int], table="names"):
    """An item of the table names."""

    consistent_read_: Attr[str] = partition_key(attribute_name="consistent_read")
    sync_: Attr[int] = sort_key(attribute_name="sync")
    first_name_2: Attr[str] = field(attribute_name="first name")
    first_name_3: Attr[str] = field(attribute_name="first-name")
    class_: Attr[str] = field(attribute_name="class")
    quo_te: Attr[str] = field(attribute_name='quo"te')
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: Attr[str] = field(
        attribute_name="xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    )
    # in 1 of 2 items
    attribute: Attr[str | None] = field(default=None, attribute_name="日本")
    attribute_31m: Attr[str] = field(attribute_name="\x1b[31m")
    attribute_2: Attr[str] = field(attribute_name='"""')
    attribute_3: Attr[str] = field(attribute_name="#")
    s: Attr[str] = field(attribute_name="%s")
    attribute_4: Attr[str] = field(attribute_name="*/")
    attribute_9lives: Attr[str] = field(attribute_name="9lives")
    Any_: Attr[str] = field(attribute_name="Any")
    Attr_: Attr[str] = field(attribute_name="Attr")
    Decimal_: Attr[str] = field(attribute_name="Decimal")
    NamesPoint: Attr[str]
    None_: Attr[str] = field(attribute_name="None")
    OrderLine: Attr[str]
    N_DIGIT_ONE: Attr[str] = field(attribute_name="\\N{DIGIT ONE}")
    private: Attr[str] = field(attribute_name="__private")
    id_2: Attr[str] = field(attribute_name="_id")
    a_b: Attr[str] = field(attribute_name="a.b")
    a_0: Attr[str] = field(attribute_name="a[0]")
    apos_trophe: Attr[str] = field(attribute_name="apos'trophe")
    at: Attr[datetime]
    back_slash: Attr[str] = field(attribute_name="back\\slash")
    bo_th_s: Attr[str] = field(attribute_name="bo\"th's")
    cls: Attr[str]
    date_: Attr[str] = field(attribute_name="date")
    datetime_: Attr[str] = field(attribute_name="datetime")
    defaults: Attr[str]
    e: Attr[str] = field(attribute_name="e\u0301")
    field_: Attr[str] = field(attribute_name="field")
    first_name: Attr[str]
    from_: Attr[str] = field(attribute_name="from")
    id: Attr[str]
    import_os_os_abort: Attr[str] = field(attribute_name="import os; os.abort()")
    model_dump_: Attr[str] = field(attribute_name="model_dump")
    mro_: Attr[str] = field(attribute_name="mro")
    name: Attr[str]
    naive: Attr[str] = field(attribute_name="naïve")
    new_line: Attr[str] = field(attribute_name="new\nline")
    partition_key_: Attr[str] = field(attribute_name="partition_key")
    point: Attr[NamePoint]
    price: Attr[Decimal]
    save_: Attr[str] = field(attribute_name="save")
    self: Attr[str]
    str_: Attr[str] = field(attribute_name="str")
    tab: Attr[str] = field(attribute_name="tab\t")
    table_: Attr[str] = field(attribute_name="table")
    timeout: Attr[str]
    type: Attr[str]
    when: Attr[date]
    x: Attr[str] = field(attribute_name="{x}")
    attribute_5: Attr[str] = field(attribute_name="\u2028")
    gnp: Attr[str] = field(attribute_name="\u202egnp")

    first_name_4 = GlobalSecondaryIndex(
        first_name_3,
        first_name_2,
        index_name="first.name",
        projection=(
            class_,
            quo_te,
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx,
            attribute,
        ),
    )
    sync_2 = GlobalSecondaryIndex(first_name_2, index_name="sync")
