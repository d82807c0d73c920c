"""What templates make of parts, in writes and in queries: numbers, empty parts, parts that are missing, conditions beside parts."""

from __future__ import annotations

import enum
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydynox import Attr, Collection, DynamoDBClient, GlobalSecondaryIndex, Model, field, partition_key, sort_key
from pydynox.exceptions import ConfigurationError, ValidationError

from tests.conftest import Drive


class Entity(Model[str, str], table="app"):
    """The table."""

    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()


class Task(Entity, entity="task"):
    """Keys of several parts, in the table and in an index."""

    pk: Attr[str] = partition_key(template="TEAM#{team}")
    sk: Attr[str] = sort_key(template="TASK#{proj}#{num}")
    team: Attr[str]
    proj: Attr[str]
    num: Attr[int]
    state: Attr[str] = field(default="new")
    owner: Attr[str | None] = field(default=None)
    gsi_pk: Attr[str | None] = field(template="STATE#{state}")
    gsi_sk: Attr[str | None] = field(template="{owner}#{proj}#{num:04d}")

    by_state = GlobalSecondaryIndex(gsi_pk, gsi_sk)


class Note(Entity, entity="note"):
    """Of the same partition."""

    pk: Attr[str] = partition_key(template="TEAM#{team}")
    sk: Attr[str] = sort_key(template="NOTE#{proj}")
    team: Attr[str]
    proj: Attr[str]


class Elsewhere(Entity, entity="elsewhere"):
    """Of another partition."""

    pk: Attr[str] = partition_key(template="PLACE#{team}")
    sk: Attr[str] = sort_key(template="PLACE")
    team: Attr[str]


class Level(enum.IntEnum):
    """A number by its name."""

    LOW = 1
    HIGH = 20


class Bid(Model[str, str], table="bids"):
    """Numbers in every format."""

    pk: Attr[str] = partition_key(template="LOT#{lot}")
    sk: Attr[str] = sort_key(template="BID#{amount:08.2f}")
    lot: Attr[Decimal]
    amount: Attr[Decimal]
    plain: Attr[str | None] = field(template="P#{step}#{level}")
    step: Attr[Decimal | None] = field(default=None)
    level: Attr[Level] = field(default=Level.LOW)


@pytest.fixture
def tasks(client: DynamoDBClient, drive: Drive) -> list[Task]:
    drive(Entity.table.create())
    made = [Task(team="x", proj=proj, num=num, owner="ada") for proj in ("a", "b") for num in (1, 2)]
    drive(client.batch_save([*made, Note(team="x", proj="a"), Elsewhere(team="x")]))
    return made


MISSING: dict[str, tuple[Callable[[], Any], str]] = {
    "a part of the sort key": (
        lambda: Task.query(team="x", num=1),
        r"Task\.sk is built from .*num comes after proj, which is missing",
    ),
    "a part of the partition key": (lambda: Task.query(proj="a"), r"needs its partition key"),
    "a part of an index's sort key": (
        lambda: Task.by_state.query(state="new", num=1),
        r"Task\.gsi_sk is built from .*num comes after owner, which is missing",
    ),
    "a part in the middle": (lambda: Task.by_state.query(state="new", owner="ada", num=1), "num comes after proj"),
    "beside a condition": (lambda: Task.query(Task.sk > "TASK#", team="x", num=1), "num comes after proj"),
    "a part of a collection": (lambda: Collection(Task).query(team="x", num=1), "num comes after proj"),
    "a part that is None": (lambda: Task.query(team="x", proj=None, num=1), r"Task\.proj must be str, not NoneType"),
    "another name": (lambda: Task.query(team="x", state="new"), '"state" is not one of them'),
    "an empty part": (lambda: Task.query(team=""), r"Task\.team is empty"),
    "an empty part of a sort key": (lambda: Task.query(team="x", proj=""), r"Task\.proj is empty"),
    "an empty part of a key": (lambda: Task.key(team="x", proj="", num=1), r"Task\.proj is empty"),
    "an empty part of an item": (lambda: Task(team="", proj="a", num=1), r"Task\.team is empty"),
    "an empty part of another attribute": (lambda: Task(team="x", proj="a", num=1, state=""), r"Task\.state is empty"),
    "parts and a condition that no item has": (
        lambda: Task.query(Task.sk.begins_with("NOTE#"), team="x", proj="a"),
        r'begins with "TASK#a#", and the condition is begins_with\(sk, "NOTE#"\): no item has both',
    ),
    "parts and an open end": (
        lambda: Task.query(Task.sk < "TASK#a#2", team="x", proj="a"),
        r"DynamoDB takes one condition on it: write <=, or between\(\)",
    ),
    "a collection of two partitions": (
        lambda: Collection(Task, Elsewhere).query(team="x"),
        r'by these parts Task has "TEAM#x" for pk, and Elsewhere has "PLACE#x": query them one by one',
    ),
    "a collection of two sort keys": (
        lambda: Collection(Task, Note).query(team="x", proj="a"),
        r'Task has "TASK#a#" and more for sk, and Note has "NOTE#a"',
    ),
}


@pytest.mark.engines("embedded")
@pytest.mark.parametrize("case", MISSING)
def test_a_part_is_never_ignored(client: DynamoDBClient, case: str) -> None:
    act, message = MISSING[case]
    with pytest.raises(ValidationError, match=message):
        act()


def test_parts_go_together_with_a_condition_on_the_sort_key(client: DynamoDBClient, drive: Drive, tasks: list[Task]) -> None:
    a1, a2, b1, b2 = tasks
    for query, expected in [
        (Task.query(team="x"), [a1, a2, b1, b2]),
        (Task.query(team="x", proj="a"), [a1, a2]),
        (Task.query(Task.sk > "TASK#a#1", team="x"), [a2, b1, b2]),
        (Task.query(Task.sk > "TASK#a#1", team="x", proj="a"), [a2]),
        (Task.query(Task.sk >= "TASK#a#1", team="x", proj="a"), [a1, a2]),
        (Task.query(Task.sk <= "TASK#a#1", team="x", proj="a"), [a1]),
        (Task.query(Task.sk.between("TASK#a#2", "TASK#z"), team="x", proj="a"), [a2]),
        (Task.query(Task.sk.begins_with("TASK#a#2"), team="x", proj="a"), [a2]),
        (Task.query(Task.sk == "TASK#a#2", team="x", proj="a", num=2), [a2]),
        (Task.query("TEAM#x", proj="b"), [b1, b2]),
        (Task.by_state.query(state="new", owner="ada", proj="b"), [b1, b2]),
        (Task.by_state.query(Task.gsi_sk > "ada#b#0001", state="new", owner="ada"), [b2]),
    ]:
        assert drive(query.all()) == expected, query.explain().key_condition
        page = drive(query.page(1))
        assert page.items + drive(query.after(page.cursor).all()) == expected if page.cursor else page.items == expected


def test_a_collection_takes_parts_by_name(client: DynamoDBClient, drive: Drive, tasks: list[Task]) -> None:
    both = Collection(Task, Note)
    rows = drive(both.query(team="x").all())
    assert [type(row).__name__ for row in rows] == ["Note", "Task", "Task", "Task", "Task"]
    assert drive(both.query(Entity.sk >= "TASK#b", team="x").all()) == tasks[2:]
    assert drive(both.query("TEAM#x", Entity.sk >= "TASK#b").all()) == tasks[2:]
    assert drive(Collection(Task).query(team="x", proj="a").all()) == tasks[:2]
    assert drive(both.query(pk="TEAM#x").count()) == 5
    assert both.query(team="x").sync.count() == 5


@pytest.mark.parametrize("one", ["1", "1.0", "1E0", "1.000"])
def test_equal_numbers_are_one_key(client: DynamoDBClient, drive: Drive, one: str) -> None:
    drive(Bid.table.create())
    bid = Bid(lot=Decimal("1.0"), amount=Decimal("2.50"), step=Decimal("1E+2"))
    assert (bid.pk, bid.sk, bid.plain) == ("LOT#1", "BID#00002.50", "P#100#1")
    drive(bid.create())
    drive(Bid(lot=Decimal(1), amount=Decimal(3)).create())
    lot = Decimal(one)
    assert drive(Bid.get(lot=lot, amount=Decimal("2.5"))) == bid
    assert Bid.key(lot=lot, amount=Decimal("2.5")) == Bid.key(lot=Decimal(1), amount=Decimal("2.500"))
    query = Bid.query(lot=Decimal("1.00"))
    page = drive(query.page(1))
    assert page.items == [bid]
    assert len(drive(Bid.query(lot=lot).after(page.cursor).all())) == 1
    assert drive(Bid.query(lot=lot, amount=Decimal("2.5")).all()) == [bid]
    bid.step = Decimal("1.10")
    assert bid.plain == "P#1.1#1"


REFUSED = {
    "1.001": r"Bid\.amount is 1\.001, which its format '08\.2f' turns into '00001\.00': another number would have the same key",
    "1.004": "another number would have the same key",
    "-1": r"Bid\.amount is negative, and '08\.2f' pads it",
    "123456.00": "is wider than its format",
}


@pytest.mark.engines("embedded")
@pytest.mark.parametrize("amount", REFUSED)
def test_a_padded_format_refuses_what_it_cannot_hold(client: DynamoDBClient, drive: Drive, amount: str) -> None:
    message = REFUSED[amount].replace("'", "[\"']")
    value = Decimal(amount)
    good = Bid(lot=Decimal(1), amount=Decimal(1))
    for act in (
        lambda: Bid(lot=Decimal(1), amount=value),
        lambda: setattr(good, "amount", value),
        lambda: Bid.key(lot=Decimal(1), amount=value),
        lambda: Bid.query(lot=Decimal(1), amount=value),
        lambda: drive(Bid.get(lot=Decimal(1), amount=value)),
    ):
        with pytest.raises(ValidationError, match=message):
            act()


def test_formats_of_numbers_are_checked_when_the_class_is_made(client: DynamoDBClient) -> None:
    for spec in ("%", "n", ".1%", "06n", "c"):
        with pytest.raises(ConfigurationError, match="cannot be written as"):
            _class_with(spec)
    for spec, value, text in [("6d", 7, "     7"), ("x", 255, "ff"), ("06_d", 1234, "01_234"), ("+05d", 7, "+0007")]:
        assert _class_with(spec)(n=value).k == f"N#{text}"
    for spec, value in [("0<6d", 5), ("<3d", -5)]:
        if spec == "0<6d":
            with pytest.raises(ValidationError, match="another number would have the same key"):
                _class_with(spec)(n=value)
        else:
            assert _class_with(spec)(n=value).k == "N#-5 "


def _class_with(spec: str) -> Any:
    class Made(Model[str], table="made"):
        k: Attr[str] = partition_key(template="N#{n:" + spec + "}")
        n: Attr[int]

    return Made


class Color(enum.Enum):
    """Stored by a value in capitals."""

    RED = "Red"


class Lower(Model[str, str], table="lower"):
    """Keys in lower case, as another library writes them."""

    pk: Attr[str] = partition_key(template="$app#city_{city:lower}")
    sk: Attr[str] = sort_key(template="color_{color:lower}#id_{number}")
    city: Attr[str]
    color: Attr[Color]
    number: Attr[int]


def test_a_part_in_lower_case_leaves_the_attribute_as_it_is(client: DynamoDBClient, drive: Drive) -> None:
    drive(Lower.table.create())
    item = Lower(city="ÅLESUND I", color=Color.RED, number=1)

    drive(item.create())

    assert (item.pk, item.sk, item.city) == ("$app#city_ålesund i", "color_red#id_1", "ÅLESUND I")
    assert drive(Lower.get(city="Ålesund I", color=Color.RED, number=1)) == item
    assert drive(Lower.query(city="ålesund i", color=Color.RED).all()) == [item]


def test_lower_is_for_text_only() -> None:
    with pytest.raises(ConfigurationError, match="number cannot be written as 'lower'"):

        class Numbered(Model[str], table="numbered"):
            pk: Attr[str] = partition_key(template="N#{number:lower}")
            number: Attr[int]
