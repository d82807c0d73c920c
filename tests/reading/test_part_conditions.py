"""Conditions on what a sort key is built from: the same rows as a filter finds, selected by the key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydynox import Attr, Collection, Condition, DynamoDBClient, GlobalSecondaryIndex, Model, field, partition_key, sort_key
from pydynox.exceptions import ValidationError

from tests.conftest import Drive


class Order(Model[str, str], table="orders", entity="Order"):
    customer_id: Attr[str]
    placed: Attr[date]
    number: Attr[int]
    status: Attr[str] = field(default="new")
    shipped: Attr[datetime | None] = field(default=None)
    pk: Attr[str] = partition_key(template="CUSTOMER#{customer_id}")
    sk: Attr[str] = sort_key(template="ORDER#{placed:%Y-%m-%d}#{number:06d}")
    status_key: Attr[str | None] = field(template="STATUS#{status}")
    shipped_key: Attr[str | None] = field(template="{shipped}")
    by_status = GlobalSecondaryIndex[str, str](status_key, shipped_key)


class Event(Model[str, str], table="events"):
    """Parts of every type whose texts sort, each at the end of a key of its own."""

    source: Attr[str] = partition_key()
    kind: Attr[str]
    name: Attr[str]
    amount: Attr[Decimal]
    day: Attr[date]
    clock: Attr[time]
    uid: Attr[UUID]
    moment: Attr[datetime]
    sk: Attr[str] = sort_key(template="{kind}/{name}")
    amounts: Attr[str] = field(template="A/{amount:09.2f}")
    days: Attr[str] = field(template="D/{day}/{uid}")
    clocks: Attr[str] = field(template="C/{clock}")
    uids: Attr[str] = field(template="U/{uid}")
    hours: Attr[str] = field(template="H/{moment:%Y-%m-%dT%H}/{name}")
    moments: Attr[str] = field(template="M/{moment}/{name}")
    by_amount = GlobalSecondaryIndex[str, str](source, amounts)
    by_day = GlobalSecondaryIndex[str, str](source, days)
    by_clock = GlobalSecondaryIndex[str, str](source, clocks)
    by_uid = GlobalSecondaryIndex[str, str](source, uids)
    by_hour = GlobalSecondaryIndex[str, str](source, hours)
    by_moment = GlobalSecondaryIndex[str, str](source, moments)


FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)


@pytest.fixture
def client() -> Iterator[DynamoDBClient]:
    with DynamoDBClient(endpoint_url="memory://").as_default() as client:
        Order.table.sync.create()
        Event.table.sync.create()
        yield client


def selected(query: Any) -> str:
    """The condition on the key; what is a filter reads more than it returns."""
    plan = query.explain()
    assert plan.operation == "Query"
    assert "number" not in (plan.filter or "")
    assert "placed" not in (plan.filter or "")
    return str(plan.key_condition)


def test_a_range_of_the_first_unknown_part_selects_by_the_key(client: DynamoDBClient, drive: Drive) -> None:
    for number, placed in enumerate((FIRST, FIRST, date(2026, 2, 3), LAST), 1):
        drive(Order(customer_id="7", placed=placed, number=number).create())
    drive(Order(customer_id="8", placed=FIRST, number=9).create())

    in_year = Order.query(Order.placed.between(FIRST, date(2026, 12, 31)), customer_id="7")
    later = Order.query("CUSTOMER#7", Order.placed > FIRST)
    of_day = Order.query(Order.number >= 2, customer_id="7", placed=FIRST)
    in_february = Order.query((Order.placed >= date(2026, 2, 1)) & (Order.placed < date(2026, 3, 1)), customer_id="7")

    assert [order.number for order in drive(in_year.all())] == [1, 2, 3, 4]
    assert [order.number for order in drive(later.all())] == [3, 4]
    assert [order.number for order in drive(of_day.all())] == [2]
    assert [order.number for order in drive(in_february.all())] == [3]
    assert drive(in_february.count()) == 1
    assert [order.number for order in drive(in_year.descending().page(2))] == [4, 3]
    assert "ORDER#2026-02-01" in selected(in_february)
    assert 'pk = "CUSTOMER#7" AND sk BETWEEN "ORDER#2026-01-01" AND "ORDER#2026-12-31' in selected(in_year)


def test_an_index_key_is_selected_by_its_parts(client: DynamoDBClient, drive: Drive) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(4):
        order = Order(customer_id="7", placed=FIRST, number=number, status="sent", shipped=at + timedelta(microseconds=number))
        drive(order.create())

    query = Order.by_status.query(Order.shipped > at, status="sent")

    assert [order.number for order in drive(query.all())] == [1, 2, 3]
    assert [
        order.number for order in drive(Order.by_status.query(Order.shipped < at.replace(microsecond=2), status="sent").all())
    ] == [
        0,
        1,
    ]
    assert drive(Order.by_status.query("STATUS#sent", Order.shipped == at).count()) == 1


ORDERS = st.lists(st.tuples(st.dates(FIRST, FIRST + timedelta(days=5)), st.integers(0, 999_999)), max_size=8, unique=True)
DAYS = st.dates(FIRST - timedelta(days=1), FIRST + timedelta(days=6))
TESTS: dict[str, Callable[[Any, Any, Any], Condition]] = {
    "=": lambda attribute, low, _: attribute == low,
    "<": lambda attribute, low, _: attribute < low,
    "<=": lambda attribute, low, _: attribute <= low,
    ">": lambda attribute, low, _: attribute > low,
    ">=": lambda attribute, low, _: attribute >= low,
    "between": lambda attribute, low, high: attribute.between(low, high),
    "from and before": lambda attribute, low, high: (attribute >= low) & (attribute < high),
    "after and until": lambda attribute, low, high: (attribute <= high) & (attribute > low),
}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(orders=ORDERS, test=st.sampled_from(sorted(TESTS)), bounds=st.tuples(DAYS, DAYS))
def test_days_select_what_a_filter_finds(
    client: DynamoDBClient, orders: list[tuple[date, int]], test: str, bounds: tuple[date, date]
) -> None:
    low, high = sorted(bounds)
    if low == high:
        high += timedelta(days=1)
    for key in Order.sync.query(customer_id="7").keys():
        key.sync.delete()
    for placed, number in orders:
        Order(customer_id="7", placed=placed, number=number).sync.put()
    condition = TESTS[test](Order.placed, low, high)

    query = Order.query(condition, customer_id="7")

    assert query.sync.all() == Order.query(customer_id="7").filter(condition).sync.all()
    assert "ORDER#" in selected(query)


def _event(number: int) -> Event:
    return Event(
        source="s",
        kind=("b", "a", "ab")[number % 3],
        name=("x", "y!", "y", "z~\U0010ffff", "é", "ya")[number % 6],
        amount=Decimal(number * 37 % 11) / 4,
        day=FIRST + timedelta(days=number * 5 % 7),
        clock=time(number % 3, number * 7 % 60, 0, number),
        uid=UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128),
        moment=datetime(2026, 1, 1, number % 4, number % 2, tzinfo=UTC),
    )


EVENTS = [_event(number) for number in range(12)]
QUERIES: dict[str, tuple[Callable[[Condition], Any], str]] = {
    "a decimal": (lambda condition: Event.by_amount.query("s", condition), "amount"),
    "a date before another part": (lambda condition: Event.by_day.query("s", condition), "day"),
    "a time of day": (lambda condition: Event.by_clock.query("s", condition), "clock"),
    "a UUID": (lambda condition: Event.by_uid.query("s", condition), "uid"),
    "a moment before another part": (lambda condition: Event.by_moment.query("s", condition), "moment"),
    "text at the end": (lambda condition: Event.query(condition, source="s", kind="a"), "name"),
}


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("name", QUERIES)
def test_every_type_selects_what_a_filter_finds(client: DynamoDBClient, name: str, test: str) -> None:
    query, attribute = QUERIES[name]
    for event in EVENTS:
        event.sync.put()
    path = getattr(Event, attribute)
    for low, high in ((EVENTS[0], EVENTS[5]), (EVENTS[3], EVENTS[7]), (EVENTS[11], EVENTS[1])):
        bounds = sorted(
            (getattr(low, attribute), getattr(high, attribute)), key=lambda value: str(value) if name == "a UUID" else value
        )
        if bounds[0] == bounds[1]:
            continue
        condition = TESTS[test](path, *bounds)
        among = [event for event in EVENTS if name != "text at the end" or event.kind == "a"]
        expected = [event for event in Event.sync.scan().filter(condition) if event in among]
        # DynamoDB takes one condition on a key, and none that leaves out the end of a range.
        if test in ("<", "from and before") and name not in ("a date before another part", "a moment before another part"):
            with pytest.raises(ValidationError, match="write <="):
                query(condition)
        else:
            assert sorted(query(condition).sync.all(), key=repr) == sorted(expected, key=repr)


def test_text_is_selected_by_its_beginning(client: DynamoDBClient) -> None:
    for event in EVENTS:
        event.sync.put()

    of_kind = Event.query(Event.kind == "a", source="s").sync.all()
    beginning = Event.query(Event.kind.begins_with("a"), source="s").sync.all()

    assert {event.kind for event in of_kind} == {"a"}
    assert {event.kind for event in beginning} == {"a", "ab"}
    assert sorted(of_kind + [event for event in beginning if event.kind == "ab"], key=repr) == sorted(beginning, key=repr)


def test_a_format_that_leaves_something_out_selects_whole_units(client: DynamoDBClient) -> None:
    for event in EVENTS:
        event.sync.put()
    hour = datetime(2026, 1, 1, 2, tzinfo=UTC)

    since, before = Event.by_hour.query("s", Event.moment >= hour), Event.by_hour.query("s", Event.moment < hour)

    assert {event.moment.hour for event in since.sync.all()} == {2, 3}
    assert {event.moment.hour for event in before.sync.all()} == {0, 1}
    for refused in (Event.moment > hour, Event.moment <= hour, Event.moment == hour, Event.moment.between(hour, hour)):
        with pytest.raises(ValidationError, match=r"moment is written without some of its units, so .* filter\(\) by moment"):
            Event.by_hour.query("s", refused)
    with pytest.raises(ValidationError, match=r"Event\.moment has minutes, and the pattern"):
        Event.by_hour.query("s", Event.moment >= hour.replace(minute=1))


class Odd(Model[str, str], table="odd"):
    """Parts whose texts do not sort."""

    pk: Attr[str] = partition_key()
    number: Attr[int]
    name: Attr[str]
    sk: Attr[str] = sort_key(template="{name}#{number}")
    escaped: Attr[str] = field(template="N#{name}", escape=True)
    lower: Attr[str] = field(template="L#{name:lower}")
    month: Attr[str] = field(template="M#{when:%m.%Y}")
    when: Attr[date]
    by_escaped = GlobalSecondaryIndex[str, str](pk, escaped)
    by_lower = GlobalSecondaryIndex[str, str](pk, lower)
    by_month = GlobalSecondaryIndex[str, str](pk, month)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a number without a width": (
        lambda: Odd.query(Odd.number > 3, pk="p", name="x"),
        r"Odd.sk is built from \"\{name\}#\{number\}\": number takes only ==, because .* otherwise use filter\(\) by number",
    ),
    "text before another part": (lambda: Odd.query("p", Odd.name > "x"), r"name has texts of any length, so only == and"),
    "escaped text": (lambda: Odd.by_escaped.query("p", Odd.name.begins_with("x")), r"begins_with\(\) cannot select by it"),
    "lower case": (
        lambda: Odd.by_lower.query("p", Odd.name == "x"),
        r"several values one text, so no condition can select by it",
    ),
    "lower case in a range": (lambda: Odd.by_lower.query("p", Odd.name >= "x"), "several values one text"),
    "lower case between": (lambda: Odd.by_lower.query("p", Odd.name.between("x", "y")), "several values one text"),
    "a month without a day": (lambda: Odd.by_month.query("p", Odd.when == FIRST), "several values one text"),
    "behind a part that is missing": (
        lambda: Order.query(Order.number > 3, customer_id="7"),
        r"number comes after placed, which is missing: pass placed= too, or filter\(\) by number",
    ),
    "given twice": (lambda: Order.query(Order.placed > FIRST, customer_id="7", placed=FIRST), "leave one of them out"),
    "two conditions of one kind": (
        lambda: Order.query((Order.placed > FIRST) & (Order.placed >= LAST), customer_id="7"),
        "two conditions of one kind",
    ),
    "the key as well": (
        lambda: Order.query((Order.placed > FIRST) & Order.sk.begins_with("ORDER#2026"), customer_id="7"),
        "has two conditions",
    ),
    "a range the wrong way round": (lambda: Order.query(Order.placed.between(LAST, FIRST), customer_id="7"), "BETWEEN|between"),
    "a number wider than its format": (
        lambda: Order.query(Order.number < 10**7, customer_id="7", placed=FIRST),
        r"Order\.number is wider than its format",
    ),
    "another attribute": (lambda: Order.query(Order.status == "new", customer_id="7"), r"use filter\(\) for other attributes"),
    "not a condition of keys": (lambda: Order.query(Order.placed != FIRST, customer_id="7"), r"use filter\(\)"),
    "an early year": (
        lambda: Order.query(Order.placed >= date(999, 1, 1), customer_id="7"),
        r"Order\.placed is written as '?\"?999-01-01.* doesn't sort as time does",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_key_cannot_select_is_refused_before_anything_is_sent(name: str) -> None:
    query, message = REFUSED[name]

    with pytest.raises(ValidationError, match=message):
        query()


class Kind(Model[str, str], table="kinds", entity="Kind"):
    """Indexes by what no class declares as an attribute."""

    pk: Attr[str] = partition_key()
    day: Attr[date]
    sk: Attr[str] = sort_key(template="D#{day}")
    by_kind = GlobalSecondaryIndex("_type")
    by_kind_and_day = GlobalSecondaryIndex("_type", sk)
    by_day_and_kind = GlobalSecondaryIndex(sk, "_type")


def test_an_index_by_the_entity_is_queried_as_before(client: DynamoDBClient) -> None:
    Kind.table.sync.create()
    kinds = [Kind(pk=f"k{number}", day=FIRST + timedelta(days=number)) for number in range(3)]
    for kind in kinds:
        kind.sync.create()

    assert sorted(Kind.by_kind.query("Kind").sync.all(), key=lambda kind: kind.pk) == kinds
    assert Kind.by_kind_and_day.query("Kind").sync.all() == kinds
    assert Kind.by_kind_and_day.query("Kind", Kind.day > FIRST).sync.all() == kinds[1:]
    assert Kind.by_day_and_kind.query("D#2026-01-02").sync.all() == kinds[1:2]


def test_cursors_and_collections(client: DynamoDBClient) -> None:
    for number in range(1, 6):
        Order(customer_id="7", placed=FIRST + timedelta(days=number), number=number).sync.create()
    query = Order.query(Order.placed >= FIRST + timedelta(days=2), customer_id="7")

    page = query.sync.page(2)
    rest = query.after(page.cursor).sync.all()

    assert [order.number for order in [*page, *rest]] == [2, 3, 4, 5]
    with pytest.raises(ValidationError, match=r"use filter\(\) for other attributes"):
        Collection(Order).query(Order.placed >= FIRST, customer_id="7")
