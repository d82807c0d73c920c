"""Stored forms of datetimes, dates and times: what each format writes, on every route that writes or compares a value."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydynox import (
    Attr,
    DateAttribute,
    DatetimeAttribute,
    Document,
    DynamoDBClient,
    GlobalSecondaryIndex,
    JSONAttribute,
    Model,
    ModelConfig,
    StoredFormWarning,
    StringAttribute,
    created_at,
    field,
    partition_key,
    run,
    sort_key,
    ttl,
    updated_at,
    version,
)
from pydynox.exceptions import ConditionFailedError, ConfigurationError, SerializationError, ValidationError
from pydynox.local import LocalServer

from tests.conftest import Drive
from tests.engines import CREDENTIALS

AT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = AT + timedelta(days=40)
FINE = AT.replace(microsecond=6)

#: By format: what AT is stored as, and FINE where the format can hold it. All of them may be the form of a key.
FORMS: dict[str, tuple[str, str, str | None]] = {
    "iso_z": ("S", "2024-01-02T03:04:05.000000Z", "2024-01-02T03:04:05.000006Z"),
    "iso_offset": ("S", "2024-01-02T03:04:05.000000+00:00", "2024-01-02T03:04:05.000006+00:00"),
    "pynamodb": ("S", "2024-01-02T03:04:05.000000+0000", "2024-01-02T03:04:05.000006+0000"),
    "iso_seconds": ("S", "2024-01-02T03:04:05Z", None),
    "epoch": ("N", "1704164645", None),
    "epoch_ms": ("N", "1704164645000", None),
    "%Y-%m-%dT%H:%M:%S.%3fZ": ("S", "2024-01-02T03:04:05.000Z", None),
    "%Y-%m-%d %H:%M:%S.%f": ("S", "2024-01-02 03:04:05.000000", "2024-01-02 03:04:05.000006"),
    "at %Y%j%H%M%S %:z": ("S", "at 2024002030405 +00:00", None),
}
#: Formats that do not sort as time does, and why.
UNSORTED = {
    "rfc3339_nano": "its width varies, because the zeros at the end of the fraction are left out",
    "java_instant": "its width varies, because the fraction has 0, 3 or 6 digits",
    "%d.%m.%Y %H:%M:%S": "%d comes before %m, so its text does not sort as time does",
}


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Iterator[DynamoDBClient]:
    """A client of the embedded engine, or with ``indirect``, of one over HTTP."""
    if getattr(request, "param", "memory") == "memory":
        with DynamoDBClient(endpoint_url="memory://").as_default() as client:
            yield client
        return
    with (
        LocalServer() as server,
        DynamoDBClient(endpoint_url=server.endpoint_url, region="us-east-1", credentials=CREDENTIALS).as_default() as client,
    ):
        yield client
        client.sync.close()


def visit_of(format: str, **options: Any) -> Any:
    """A model with datetimes in this format in its key, in the key of an index, alone, and in containers."""

    class Visit(Model[str, datetime], table="visits"):
        """Where the format is used."""

        visitor: Attr[str] = partition_key()
        at: Attr[datetime] = sort_key(format=format, **options)
        left: Attr[datetime | None] = field(default=None, format=format, **options)
        seen: Attr[list[datetime]] = field(default_factory=list, format=format, **options)
        days: Attr[set[datetime]] = field(default_factory=set, format=format, **options)
        by_room: Attr[dict[str, datetime]] = field(default_factory=dict, format=format, **options)
        room: Attr[str] = field(default="hall")
        by_left = GlobalSecondaryIndex(room, left)

    return Visit


async def rows(client: DynamoDBClient, table: str = "visits") -> list[dict[str, Any]]:
    """The items of a table as they are on the wire."""
    items: list[dict[str, Any]] = (await client.call("Scan", TableName=table))["Items"]
    return items


def raw(client: DynamoDBClient, table: str = "visits") -> list[dict[str, Any]]:
    return run(rows(client, table))


ROUTES = [*(("memory", format) for format in FORMS), ("http", "pynamodb"), ("http", "epoch")]


@pytest.mark.parametrize(("client", "format"), ROUTES, indirect=["client"])
def test_every_route_writes_and_compares_the_declared_form(  # noqa: PLR0915 (one item on its way through all of them)
    client: DynamoDBClient, drive: Drive, format: str
) -> None:
    visit = visit_of(format)
    tag, text, _ = FORMS[format]
    one = {tag: text}

    async def routes() -> None:
        await visit.table.create()
        item = visit(visitor="a", at=AT, left=AT, seen=[AT], days={AT}, by_room={"hall": AT})
        await item.create()
        stored = {"at": one, "left": one, "seen": {"L": [one]}, "days": {tag + "S": [text]}, "by_room": {"M": {"hall": one}}}
        assert (await rows(client)) == [{"visitor": {"S": "a"}, "room": {"S": "hall"}, **stored}]

        # By key, in each of its spellings, and by the key of an index.
        assert await visit.get("a", AT) == item
        assert await visit.key("a", AT).get() == item
        assert await visit.query("a", visit.at == AT).all() == [item]
        assert await visit.query("a", visit.at.between(AT, LATER)).all() == [item]
        assert await visit.query("a", visit.at > AT).all() == []
        assert await visit.query("a", at=AT).all() == [item]
        assert await visit.by_left.query("hall", visit.left == AT).all() == [item]
        assert list(await client.batch_get(visit.key("a", AT))) == [item]
        assert list(await client.transact_get(visit.key("a", AT))) == [item]

        # Filters and conditions.
        for matching in (
            visit.left == AT,
            visit.left.in_(AT, LATER),
            visit.left <= AT,
            visit.left.between(AT, LATER),
            visit.seen.contains(AT),
            visit.days.contains(AT),
            visit.by_room["hall"] == AT,
            visit.seen[0] == visit.left,
        ):
            assert await visit.scan().filter(matching).all() == [item]
        with pytest.raises(ConditionFailedError):
            await visit.key("a", AT).delete(condition=visit.left == LATER)

        # Changes of an instance, and actions.
        item.left = LATER
        item.seen.append(LATER)
        await item.save(condition=visit.left == AT)
        await visit.key("a", AT).update(visit.seen.append(AT), visit.days.add(LATER), visit.by_room["attic"].set(AT))
        await item.refresh()
        assert (item.left, item.seen, item.days) == (LATER, [AT, LATER, AT], {AT, LATER})
        assert (await rows(client))[0]["by_room"] == {"M": {"hall": one, "attic": one}}
        assert (await rows(client))[0]["seen"]["L"][2] == one
        await item.update(visit.left.set(visit.seen[0]))
        assert (item.left, (await rows(client))[0]["left"]) == (AT, one)

        # Batches, transactions, and statements whose model is known.
        async with client.batch_writer() as batch:
            await batch.put(visit(visitor="b", at=AT))
        async with client.transaction() as tx:
            tx.create(visit(visitor="c", at=AT))
            tx.update(visit.key("b", AT), visit.left.set(AT))
        assert [row["at"] for row in (await rows(client))] == [one, one, one]
        statement = 'SELECT * FROM "visits" WHERE visitor = ? AND "at" BETWEEN ? AND ?'
        assert (await client.execute(statement, "a", AT, LATER, model=visit))[0].at == AT
        await client.execute('UPDATE "visits" SET "left" = ? WHERE visitor = ? AND "at" = ?', LATER, "c", AT, model=visit)
        assert (await visit.get_or_raise("c", AT)).left == LATER

        # A cursor stands behind a key in the stored form.
        await visit(visitor="a", at=LATER).create()
        page = await visit.query("a").page(1)
        assert [row.at for row in page] == [AT]
        assert [row.at for row in await visit.query("a").after(page.cursor).page(1)] == [LATER]
        assert [row.at for row in await visit.query("a").after({"visitor": "a", "at": AT}).all()] == [LATER]

        await visit.key("a", LATER).delete()
        async with client.batch_writer() as batch:
            await batch.delete(visit.key("b", AT))
        await (await visit.get_or_raise("a", AT)).delete()
        assert [row["visitor"] for row in (await rows(client))] == [{"S": "c"}]

    with warnings.catch_warnings():
        warnings.simplefilter("error", StoredFormWarning)
        drive(routes())


@pytest.mark.parametrize("format", FORMS)
def test_a_value_that_the_format_cannot_hold_is_refused_before_anything_is_sent(format: str) -> None:
    visit = visit_of(format)
    if FORMS[format][2] is not None:
        assert visit(visitor="a", at=FINE).model_to_item()["at"] == {"S": FORMS[format][2]}
        return
    remedy = r"(declare|round)"
    with pytest.raises(ValidationError, match=rf"Visit\.at has (a fraction of a second|microseconds).*{remedy}"):
        visit(visitor="a", at=FINE)
    item = visit(visitor="a", at=AT)
    with pytest.raises(ValidationError, match=r"Visit\.left has"):
        item.left = FINE
    with pytest.raises(ValidationError, match=r"Visit\.at has"):
        visit.key("a", FINE)
    with pytest.raises(ValidationError, match=r"Visit\.left has"):
        visit.left == FINE  # noqa: B015 (builds a condition)
    with pytest.raises(ValidationError, match=r"Visit\.seen\[0\] has"):
        visit.seen.append(FINE)


@pytest.mark.parametrize("format", [*FORMS, *UNSORTED])
def test_the_years_beyond_9999_are_refused_wherever_they_come_from(format: str) -> None:
    """No datetime can hold them, but one west of Greenwich can be in the year 10000 of UTC."""

    class Event(Model[str], table="events"):
        event_id: Attr[str] = partition_key()
        at: Attr[datetime | None] = field(default=None, format=format)

    late = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))
    years = r"Event\.at .*not between the years 1 and 9999; where no limit is meant, use None, or datetime.min or datetime.max"

    with pytest.raises(ValidationError, match=years):
        Event(event_id="e", at=late).model_to_item()
    with pytest.raises(ValidationError, match=years):
        Event.at.set(late)
    if format not in UNSORTED:
        last = datetime.max.replace(tzinfo=UTC, microsecond=0)
        assert Event.model_from_item(Event(event_id="e", at=last).model_to_item()).at == last
    numbers = {"epoch": "1e15", "epoch_ms": "1e18"}
    stored = {"N": numbers[format]} if format in numbers else {"S": "10000-01-01T00:00:00.000000Z"}
    with pytest.raises(SerializationError, match=r"Event\.at: the stored (text|number) is not"):
        Event.model_from_item({"event_id": {"S": "e"}, "at": stored})


@pytest.mark.parametrize("format", FORMS)
@pytest.mark.parametrize("other", FORMS)
def test_reading_takes_every_form_of_a_name(format: str, other: str) -> None:
    if other.startswith(("at", "%")) and other != format and not other.endswith("Z"):
        pytest.skip("a pattern is read where it is declared")
    if (format, other) == ("epoch_ms", "epoch"):
        pytest.skip("what a number means is declared")
    tag, text, fine = FORMS[other]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoredFormWarning)
        item = visit_of(format).model_from_item({"visitor": {"S": "a"}, "at": {tag: text}, "left": {tag: fine or text}})
    assert (item.at, item.left) == (AT, FINE if fine else AT)


TIMES = st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59, 59))
MODELS = {format: visit_of(format) for format in FORMS}
UNITS = {"epoch_ms": 1_000, "%Y-%m-%dT%H:%M:%S.%3fZ": 1_000}


def whole(format: str, at: datetime) -> datetime:
    """The same time without what the format cannot hold."""
    unit = 1 if FORMS[format][2] else UNITS.get(format, 1_000_000)
    return at.replace(microsecond=at.microsecond // unit * unit)


def text_of(format: str, at: datetime) -> Any:
    (value,) = MODELS[format](visitor="a", at=at).model_to_item()["at"].values()
    return value if FORMS[format][0] == "S" else int(value)


@pytest.mark.parametrize("format", FORMS)
@settings(max_examples=50)
@given(at=TIMES)
def test_what_is_written_is_read_again(format: str, at: datetime) -> None:
    item = MODELS[format](visitor="a", at=whole(format, at), left=whole(format, at))
    again = MODELS[format].model_from_item(item.model_to_item())
    assert (again.at, again.left) == (item.at, item.left) == (whole(format, at), whole(format, at))


@pytest.mark.parametrize("format", FORMS)
@settings(max_examples=50)
@given(one=TIMES, two=TIMES)
def test_stored_keys_sort_as_time_does(format: str, one: datetime, two: datetime) -> None:
    one, two = whole(format, one), whole(format, two)
    assert (one < two) == (text_of(format, one) < text_of(format, two))
    assert (one == two) == (text_of(format, one) == text_of(format, two))


@pytest.mark.parametrize(("format", "why"), UNSORTED.items())
def test_a_form_that_does_not_sort_is_no_key_and_not_compared_by_order(client: DynamoDBClient, format: str, why: str) -> None:
    class Note(Model[str], table="notes"):
        """A datetime that is no key."""

        note_id: Attr[str] = partition_key()
        at: Attr[datetime] = field(format=format)

    Note.table.sync.create()
    note = Note(note_id="n", at=AT)
    note.sync.create()
    assert Note.sync.get("n") == note
    assert Note.sync.scan().filter(Note.at == AT).all() == [note]
    for compare in (lambda: Note.at < AT, lambda: Note.at >= AT, lambda: Note.at.between(AT, LATER)):
        with pytest.raises(ValidationError, match=why):
            compare()
    with pytest.raises(ConfigurationError, match=rf"Visit\.at is a key with format=.* which no key can have: {why}"):
        visit_of(format)
    with pytest.raises(ConfigurationError, match=rf"Entry\.by_at has the key at with format=.*{why}"):

        class Entry(Model[str], table="entries"):
            entry_id: Attr[str] = partition_key()
            at: Attr[datetime] = field(format=format)
            by_at = GlobalSecondaryIndex(entry_id, at)

    with pytest.raises(ConfigurationError, match=rf"Made\.pk has the template.*{why}"):

        class Made(Model[str], table="made"):
            pk: Attr[str] = partition_key(template="MADE#{at}")
            at: Attr[datetime] = field(format=format)


def test_go_and_java_write_as_many_digits_as_they_need() -> None:
    class Note(Model[str], table="notes"):
        note_id: Attr[str] = partition_key()
        go: Attr[datetime] = field(format="rfc3339_nano")
        java: Attr[datetime] = field(format="java_instant")

    def stored(microsecond: int) -> list[str]:
        at = AT.replace(microsecond=microsecond)
        item = Note(note_id="n", go=at, java=at).model_to_item()
        return [item[name]["S"].removeprefix("2024-01-02T03:04:05") for name in ("go", "java")]

    assert stored(0) == ["Z", "Z"]
    assert stored(250_000) == [".25Z", ".250Z"]
    assert stored(250_100) == [".2501Z", ".250100Z"]


def test_a_number_means_what_is_declared() -> None:
    class Birth(Model[str], table="births"):
        name: Attr[str] = partition_key()
        seconds: Attr[datetime | None] = field(default=None, format="epoch")
        milliseconds: Attr[datetime | None] = field(default=None, format="epoch_ms")
        text: Attr[datetime | None] = field(default=None)
        day: Attr[date | None] = field(default=None)

    def read(**values: str) -> Any:
        return Birth.model_from_item({"name": {"S": "n"}, **{name: {"N": value} for name, value in values.items()}})

    first = datetime(1970, 1, 2, tzinfo=UTC)
    assert read(milliseconds="86400000").milliseconds == first
    assert read(seconds="86400").seconds == first
    assert read(text="86400").text == first
    # Later than the last second of the year 9999, so they can only be milliseconds.
    assert read(text="1704164645006").text == AT.replace(microsecond=6_000)
    assert read(seconds="1704164645006").seconds == AT.replace(microsecond=6_000)
    assert read(day="86400").day == first.date()
    with pytest.raises(SerializationError, match="not the beginning of a day"):
        read(day="86401")


def test_dates_and_times_of_day_have_formats(client: DynamoDBClient) -> None:
    class Shift(Model[date, time], table="shifts"):
        day: Attr[date] = partition_key(format="%Y%m%d")
        begins: Attr[time] = sort_key(format="%H:%M")
        ends: Attr[time] = field(format="iso_seconds")
        paid: Attr[date] = field(format="epoch")
        booked: Attr[date] = field(format="epoch_ms")
        breaks: Attr[list[time]] = field(default_factory=list, format="%H%M")
        plain: Attr[date] = field(format="iso_z")

    Shift.table.sync.create()
    day = date(2024, 1, 2)
    shift = Shift(day=day, begins=time(8), ends=time(17), paid=day, booked=day, breaks=[time(12, 30)], plain=day)
    shift.sync.create()
    assert raw(client, "shifts") == [
        {
            "day": {"S": "20240102"},
            "begins": {"S": "08:00"},
            "ends": {"S": "17:00:00"},
            "paid": {"N": "1704153600"},
            "booked": {"N": "1704153600000"},
            "breaks": {"L": [{"S": "1230"}]},
            "plain": {"S": "2024-01-02"},
        }
    ]
    assert Shift.sync.get(day, time(8)) == shift
    assert Shift.sync.query(day, Shift.begins < time(9)).all() == [shift]
    assert Shift.sync.scan().filter((Shift.paid == day) & (Shift.ends >= time(17))).all() == [shift]
    with pytest.raises(ValidationError, match=r'Shift\.begins has seconds, and the pattern "%H:%M" has no %S'):
        Shift.key(day, time(8, 0, 1))


def test_naive_text_and_finer_digits_are_read_where_that_is_declared() -> None:
    class Note(Model[str], table="notes"):
        note_id: Attr[str] = partition_key()
        strict: Attr[datetime | None] = field(default=None)
        naive: Attr[datetime | None] = field(default=None, naive=UTC)
        fine: Attr[list[datetime]] = field(default_factory=list, truncate=True)
        clock: Attr[time | None] = field(default=None, truncate=True)
        spoken: Attr[datetime | None] = field(default=None, format="%Y-%m-%d %H:%M:%S")

    def read(**values: Any) -> Any:
        return Note.model_from_item({"note_id": {"S": "n"}, **values})

    naive, fine = {"S": "2024-01-02T03:04:05.000006"}, {"S": "2024-01-02T03:04:05.000006999Z"}
    assert read(naive=naive).naive == FINE
    assert read(fine={"L": [fine, {"N": "1704164645.0000069"}]}).fine == [FINE, FINE]
    assert read(clock={"S": "03:04:05.000006999"}).clock == time(3, 4, 5, 6)
    assert read(spoken={"S": "2024-01-02 03:04:05"}).spoken == AT
    for problem, value in ("without Z or an offset", naive), ("finer than a microsecond", fine):
        with pytest.raises(SerializationError, match=problem):
            read(strict=value)
    with pytest.raises(SerializationError, match="finer than a microsecond"):
        read(naive=fine)
    with pytest.raises(ValidationError, match="naive datetime"):
        Note(note_id="n", naive=datetime(2024, 1, 2))


def test_a_model_declares_the_format_of_all_its_datetimes(client: DynamoDBClient) -> None:
    import dataclasses

    @dataclasses.dataclass
    class Stay:
        begins: datetime
        day: date

    class Bill(Document):
        model_config = ModelConfig(datetime_format="epoch")
        due: Attr[datetime]

    class Base(Model[str], abstract=True):
        note_id: Attr[str] = partition_key()
        at: Attr[datetime | None] = field(default=None)
        made: Attr[datetime] = created_at()

    class Note(Base, table="notes"):
        model_config = ModelConfig(datetime_format="pynamodb")
        own: Attr[datetime | None] = field(default=None, format="iso_seconds")
        count: Attr[datetime | None] = field(default=None, epoch="seconds")
        ends: Attr[datetime | None] = ttl(default=None)
        stay: Attr[Stay | None] = field(default=None)
        bill: Attr[Bill | None] = field(default=None)
        many: Attr[tuple[datetime, ...]] = field(default=())
        day: Attr[date | None] = field(default=None)

    class Other(Base, table="others"):
        """Of the same base, with the form of the base."""

    Note.table.sync.create()
    stay = Stay(AT, AT.date())
    note = Note(note_id="n", at=AT, own=AT, count=AT, ends=AT, stay=stay, bill=Bill(due=AT), many=(AT,), day=AT.date())
    note.sync.create()
    text = {"S": "2024-01-02T03:04:05.000000+0000"}
    (item,) = raw(client, "notes")
    assert item.pop("made")["S"].endswith("+0000")
    assert item == {
        "note_id": {"S": "n"},
        "at": text,
        "own": {"S": "2024-01-02T03:04:05Z"},
        "count": {"N": "1704164645"},
        "ends": {"N": "1704164645"},
        "stay": {"M": {"begins": text, "day": {"S": "2024-01-02"}}},
        "bill": {"M": {"due": {"N": "1704164645"}}},
        "many": {"L": [text]},
        "day": {"S": "2024-01-02"},
    }
    assert Note.sync.scan().filter(Note.at == AT).all() == [note]
    assert Other(note_id="o", at=AT).model_to_item()["at"] == {"S": "2024-01-02T03:04:05.000000Z"}


@pytest.mark.parametrize("format", [*FORMS, *UNSORTED])
def test_timestamps_are_written_in_the_declared_form(client: DynamoDBClient, drive: Drive, format: str) -> None:
    class Account(Model[str], table="accounts"):
        account_id: Attr[str] = partition_key()
        balance: Attr[int] = field(default=0)
        version: Attr[int] = version()
        made: Attr[datetime] = created_at(format=format)
        changed: Attr[datetime] = updated_at(format=format)

    async def routes() -> None:
        await Account.table.create()
        account = Account(account_id="a")
        await account.create()
        account.balance = 1
        await account.save()
        await Account.key("a").update(Account.balance.add(1))
        await Account.key("b").update(Account.balance.set(1), upsert=True)
        async with client.transaction() as tx:
            tx.update(Account.key("a"), Account.balance.add(1))
        async with client.batch_writer(unguarded=True) as batch:
            await batch.put(Account(account_id="c"))
        for item in await rows(client, "accounts"):
            again = Account.model_from_item(item)
            # Only what the form writes is the same after being read and written.
            assert again.model_to_item() == item
            assert timedelta(days=-2) < datetime.now(UTC) - again.made < timedelta(minutes=1)
        stale = await Account.get_or_raise("a")
        stale.balance = 9
        await stale.save()
        assert await Account.scan().filter(Account.changed == stale.changed).all() != []

    drive(routes())


def test_attribute_objects_take_a_format(client: DynamoDBClient) -> None:
    class Event(Model[str, datetime], table="events"):
        source = StringAttribute(hash_key=True)
        at = DatetimeAttribute(range_key=True, format="pynamodb")
        day = DateAttribute(format="%Y%m%d")
        until: DatetimeAttribute[datetime | None] = DatetimeAttribute(null=True, format="epoch_ms", naive=UTC, truncate=True)

    Event.table.sync.create()
    event = Event(source="s", at=FINE, day=AT.date(), until=AT)
    event.sync.create()
    assert raw(client, "events") == [
        {
            "source": {"S": "s"},
            "at": {"S": "2024-01-02T03:04:05.000006+0000"},
            "day": {"S": "20240102"},
            "until": {"N": "1704164645000"},
        }
    ]
    assert Event.sync.get("s", FINE) == event


def test_dumps_and_json_are_in_iso_8601_whatever_is_stored() -> None:
    visit = visit_of("epoch")
    item = visit(visitor="a", at=AT)
    assert item.model_dump(mode="json")["at"] == "2024-01-02T03:04:05.000000Z"
    assert '"2024-01-02T03:04:05.000000Z"' in item.model_dump_json()
    assert visit.model_validate_json(item.model_dump_json()) == item


@pytest.mark.parametrize(
    ("format", "at", "key"),
    [
        ("pynamodb", FINE, "ORDER#2024-01-02T03:04:05.000006+0000#1"),
        ("iso_seconds", AT, "ORDER#2024-01-02T03:04:05Z#1"),
        ("epoch", AT, "ORDER#1704164645#1"),
        ("epoch_ms", AT, "ORDER#1704164645000#1"),
        ("%Y%m%d", AT.replace(hour=0, minute=0, second=0), "ORDER#20240102#1"),
    ],
)
def test_templates_write_the_declared_form(client: DynamoDBClient, format: str, at: datetime, key: str) -> None:
    class Order(Model[str, str], table="orders"):
        pk: Attr[str] = partition_key(template="CUSTOMER#{customer}")
        sk: Attr[str] = sort_key(template="ORDER#{at}#{number}")
        customer: Attr[str]
        at: Attr[datetime] = field(format=format)
        number: Attr[int]

    Order.table.sync.create()
    order = Order(customer="c", at=at, number=1)
    order.sync.create()
    assert raw(client, "orders")[0]["sk"] == {"S": key}
    assert Order.sync.get(customer="c", at=at, number=1) == order
    assert Order.sync.query(customer="c", at=at).all() == [order]


def test_a_number_in_a_template_has_one_width() -> None:
    class Order(Model[str], table="orders"):
        pk: Attr[str] = partition_key(template="ORDER#{at}")
        at: Attr[datetime] = field(format="epoch")

    with pytest.raises(ValidationError, match=r"Order\.at is outside 2001-09-09 to 2286-11-20.*keys would not sort as times"):
        Order(at=datetime(2001, 9, 9, tzinfo=UTC)).model_to_item()


def test_one_key_has_one_form() -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"Stay\.sk has the template .*, in which begins is a datetime with format='iso_z' and ends one with format='pynamodb': "
        r"declare one format for both",
    ):

        class Stay(Model[str, str], table="stays"):
            pk: Attr[str] = partition_key()
            sk: Attr[str] = sort_key(template="STAY#{begins}#{ends}")
            begins: Attr[datetime]
            ends: Attr[datetime] = field(format="pynamodb")


def test_two_attributes_in_two_forms_are_neither_compared_nor_copied() -> None:
    class Stay(Model[str], table="stays"):
        pk: Attr[str] = partition_key()
        begins: Attr[datetime]
        ends: Attr[datetime] = field(format="pynamodb")
        booked: Attr[datetime | None] = field(default=None)
        days: Attr[list[datetime]]
        nights: Attr[list[datetime]] = field(format="pynamodb")
        by_name: Attr[dict[str, datetime]]
        others: Attr[dict[str, datetime]] = field(format="pynamodb")
        seen: Attr[set[datetime]] = field(format="pynamodb")

    for use in (
        lambda: Stay.begins < Stay.ends,
        lambda: Stay.begins == Stay.ends,
        lambda: Stay.begins.set(Stay.ends),
        lambda: Stay.begins.set(Stay.ends.if_not_exists(AT)),
        lambda: Stay.begins.set(Stay.booked.if_not_exists(Stay.ends)),
        lambda: Stay.begins.set(Stay.booked.if_not_exists(Stay.ends.if_not_exists(AT))),
        lambda: Stay.booked.set(Stay.ends.if_not_exists(AT)),
        lambda: Stay.by_name["x"].set(Stay.ends.if_not_exists(AT)),
        lambda: Stay.by_name["x"].set(Stay.others["x"]),
        lambda: Stay.by_name.set(Stay.others),
        lambda: Stay.by_name.set(Stay.others.if_not_exists({})),
        lambda: Stay.days.set(Stay.nights),
        lambda: Stay.days.set(Stay.nights.if_not_exists([])),
        lambda: Stay.days[0].set(Stay.nights[0].if_not_exists(AT)),
        lambda: Stay.days == Stay.nights,
        lambda: Stay.days.contains(Stay.ends),
        lambda: Stay.seen.contains(Stay.begins),
        lambda: Stay.begins.in_(Stay.booked, Stay.ends),
        lambda: Stay.begins.between(Stay.booked, Stay.ends),
    ):
        with pytest.raises(ValidationError, match=r"Stay\.\S+ has format=\"\w+\" and Stay\.\S+ has format=\"\w+\""):
            use()
    for use in (
        lambda: Stay.begins <= Stay.booked,
        lambda: Stay.begins.set(Stay.booked.if_not_exists(AT)),
        lambda: Stay.days.contains(Stay.begins),
        lambda: Stay.seen.contains(Stay.ends),
        lambda: Stay.by_name["x"].set(Stay.booked),
    ):
        assert repr(use()) != ""


REFUSED = {
    "Attr[datetime] = field(format='isoz')": 'no format has this name: use "iso_z", "iso_offset", "pynamodb"',
    "Attr[datetime] = field(format=3)": "has format=3, which is not a str",
    "Attr[datetime] = field(format='')": "no format has this name",
    "Attr[datetime] = field(format='%Y-%d')": "it has %d without %m",
    "Attr[datetime] = field(format='%H:%M')": "it has %H without %Y",
    "Attr[datetime] = field(format='%Y%m%d %p')": "%p cannot be used",
    "Attr[datetime] = field(format='epoch', epoch='seconds')": "has both format='epoch' and epoch='seconds'",
    "Attr[date] = field(format='pynamodb')": "a date has no time of day",
    "Attr[time] = field(format='epoch')": "a time of day has no date and no offset",
    "Attr[int] = field(format='epoch')": "is int, and format= is for datetimes, dates and times",
    "Attr[str] = field(naive=UTC)": "is str, and naive= is for datetimes",
    "Attr[date] = field(naive=UTC)": "is date, and naive= is for datetimes",
    "Attr[datetime] = field(naive=EAST)": "only naive=UTC, from datetime, can be declared",
    "Attr[datetime] = field(truncate=1.5)": "has truncate=1.5: write True or False",
    "Attr[datetime] = field(format='epoch', codec=object())": "no method to_stored",
    "JSONAttribute[datetime] = JSONAttribute(datetime, format='epoch')": "is stored as JSON text, where times are in ISO 8601",
}


@pytest.mark.parametrize(("declaration", "why"), REFUSED.items())
def test_what_does_not_fit_the_type_is_refused_when_the_class_is_created(declaration: str, why: str) -> None:
    source = f"class Thing(Model[str], table='things'):\n    pk: Attr[str] = partition_key()\n    at: {declaration}\n"
    names = {**globals(), "EAST": timezone(timedelta(hours=1)), "JSONAttribute": JSONAttribute}
    with pytest.raises(ConfigurationError) as refused:
        exec(source, names)  # noqa: S102 (the source is this file's own)
    assert why in str(refused.value)
    assert str(refused.value).startswith("Thing.at ")


def test_the_formats_of_a_model_are_checked() -> None:
    with pytest.raises(ConfigurationError, match=r"ModelConfig\(datetime_format='isoz'\): no format has this name"):
        ModelConfig(datetime_format="isoz")
    with pytest.raises(ConfigurationError, match=r"ModelConfig\(datetime_format=...\) must be the name of a format"):
        ModelConfig(datetime_format=3)  # type: ignore[arg-type]
    assert ModelConfig(datetime_format="pynamodb").datetime_format == "pynamodb"
    assert ModelConfig().datetime_format is None
    with pytest.raises(ConfigurationError, match=r"Bill\.model_config sets table= in a document"):

        class Bill(Document):
            model_config = ModelConfig(table="bills")


@pytest.mark.parametrize(
    ("stored", "remedy"),
    [
        ({"S": "2024-01-02T03:04:05.000000+0000"}, 'declare format="pynamodb"'),
        ({"S": "2024-01-02T03:04:05.000000+00:00"}, 'declare format="iso_offset"'),
        ({"S": "2024-01-02T03:04:05Z"}, 'declare format="iso_seconds"'),
        ({"S": "2024-01-02T03:04:05.250Z"}, 'declare format="%Y-%m-%dT%H:%M:%S.%3fZ"'),
        ({"S": "2024-01-02T03:04:05.25Z"}, 'format="rfc3339_nano", which no key can have (its width varies'),
        ({"S": "2024-01-02T04:04:05+01:00"}, "no format fits it: write the items again"),
    ],
)
def test_a_loaded_key_in_another_form_warns_once_and_names_the_format_that_fits(
    client: DynamoDBClient, drive: Drive, stored: dict[str, str], remedy: str
) -> None:
    visit = visit_of("iso_z")

    async def load() -> None:
        await visit.table.create()
        for visitor in ("a", "b"):
            item = {"visitor": {"S": visitor}, "at": stored, "left": {"S": "2024-01-02T03:04:05.000000Z"}}
            await client.call("PutItem", TableName="visits", Item=item)
        assert len(await visit.scan().all()) == 2
        assert len(await visit.query("a").all()) == 1

    with pytest.warns(StoredFormWarning) as caught:
        drive(load())
    (warning,) = [one for one in caught if issubclass(one.category, StoredFormWarning)]
    assert 'Visit.at is a key with format="iso_z", and an item has it in another form' in str(warning.message)
    assert remedy in str(warning.message)


@pytest.mark.parametrize("read", ["keys", "hydrate"])
def test_keys_that_are_read_alone_warn_too(client: DynamoDBClient, drive: Drive, read: str) -> None:
    """A key has the value and not its form, so by such a key the item is not found."""
    visit = visit_of("iso_z")

    async def load() -> list[Any]:
        await visit.table.create()
        for at in ("2024-01-02T03:04:05+00:00", "2024-01-03T03:04:05.000000Z"):
            await client.put_item("visits", {"visitor": "a", "at": at, "left": "2024-01-02T03:04:05.000000Z"})
        query = visit.query("a")
        return [*(await (query.keys() if read == "keys" else query.hydrate()).all())]

    with pytest.warns(StoredFormWarning, match=r'Visit\.at is a key with format="iso_z", and an item has it in another form'):
        found = drive(load())

    assert len(found) == (2 if read == "keys" else 1)


def test_the_key_of_an_index_warns_too_and_an_ordinary_attribute_does_not() -> None:
    item = {"visitor": {"S": "a"}, "at": {"S": "2024-01-02T03:04:05.000000Z"}, "left": {"S": "2024-01-02T03:04:05.000000+0000"}}
    with pytest.warns(StoredFormWarning, match=r'Visit\.left is a key with format="iso_z".*declare format="pynamodb"'):
        visit_of("iso_z").model_from_item(item)

    class Note(Model[str], table="notes"):
        note_id: Attr[str] = partition_key()
        at: Attr[datetime]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Note.model_from_item({"note_id": {"S": "n"}, "at": {"S": "2024-01-02T03:04:05.000000+0000"}})


def test_a_key_built_in_another_form_warns_too() -> None:
    class Order(Model[str, str], table="orders"):
        pk: Attr[str] = partition_key()
        sk: Attr[str] = sort_key(template="ORDER#{at}")
        at: Attr[datetime]

    item = {
        "pk": {"S": "c"},
        "sk": {"S": "ORDER#2024-01-02T03:04:05.000000+0000"},
        "at": {"S": "2024-01-02T03:04:05.000000+0000"},
    }
    with pytest.warns(StoredFormWarning, match=r'Order\.sk is a key built from "ORDER#\{at\}".*declare format="pynamodb"'):
        Order.model_from_item(item)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Order.model_from_item(item)
        Order.model_from_item(Order(pk="c", at=AT).model_to_item())


def test_what_the_format_cannot_hold_is_read_and_stays_as_it_is_until_it_is_changed() -> None:
    class Note(Model[str], table="notes"):
        note_id: Attr[str] = partition_key()
        text: Attr[str] = field(default="")
        at: Attr[datetime] = field(format="iso_seconds")
        many: Attr[list[datetime]] = field(format="iso_seconds")

    with DynamoDBClient(endpoint_url="memory://").as_default() as client:
        Note.table.sync.create()
        fine = {"S": "2024-01-02T03:04:05.000006Z"}
        client.sync.call("PutItem", TableName="notes", Item={"note_id": {"S": "n"}, "at": fine, "many": {"L": [fine]}})
        note = Note.sync.get_or_raise("n")
        note.text = "x"
        note.sync.save()
        assert raw(client, "notes") == [{"note_id": {"S": "n"}, "text": {"S": "x"}, "at": fine, "many": {"L": [fine]}}]
        note.many.append(AT)
        with pytest.raises(ValidationError, match=r"Note\.many\[0\] has a fraction of a second"):
            note.sync.save()


def test_a_warning_that_is_an_error_is_the_error_of_the_read() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", StoredFormWarning)
        with pytest.raises(StoredFormWarning):
            visit_of("iso_z").model_from_item({"visitor": {"S": "a"}, "at": {"S": "2024-01-02T03:04:05Z"}})


def test_a_loaded_key_keeps_its_stored_form() -> None:
    visit = visit_of("iso_z")
    with DynamoDBClient(endpoint_url="memory://").as_default() as client:
        visit.table.sync.create()
        client.sync.call("PutItem", TableName="visits", Item={"visitor": {"S": "a"}, "at": {"S": "2024-01-02T03:04:05Z"}})
        with pytest.warns(StoredFormWarning):
            item = visit.sync.scan().first()
        assert item is not None
        item.left = AT
        item.sync.save()
        assert [(row["at"], row["left"]) for row in raw(client)] == [
            ({"S": "2024-01-02T03:04:05Z"}, {"S": "2024-01-02T03:04:05.000000Z"})
        ]
        item.sync.delete()
        assert raw(client) == []


#: Items as the documentation of other libraries shows their times: table, how a model declares them, what is stored, the value.
OTHERS: list[tuple[str, dict[str, Any], dict[str, str], Any]] = [
    ("PynamoDB UTCDateTimeAttribute", {"format": "pynamodb"}, {"S": "2024-01-02T03:04:05.000006+0000"}, FINE),
    ("PynamoDB TTLAttribute", {"format": "epoch"}, {"N": "1704164645"}, AT),
    (
        "ElectroDB string, toISOString",
        {"format": "%Y-%m-%dT%H:%M:%S.%3fZ"},
        {"S": "2024-01-02T03:04:05.250Z"},
        AT.replace(microsecond=250_000),
    ),
    ("ElectroDB number, Date.now", {"format": "epoch_ms"}, {"N": "1704164645250"}, AT.replace(microsecond=250_000)),
    ("Go time.Time", {"format": "rfc3339_nano"}, {"S": "2024-01-02T03:04:05.25Z"}, AT.replace(microsecond=250_000)),
    ("Go time.Time, whole", {"format": "rfc3339_nano"}, {"S": "2024-01-02T03:04:05Z"}, AT),
    ("Go attributevalue.UnixTime", {"format": "epoch"}, {"N": "1704164645"}, AT),
    ("Java Instant", {"format": "java_instant"}, {"S": "2024-01-02T03:04:05.250Z"}, AT.replace(microsecond=250_000)),
    ("Java Instant, micros", {"format": "java_instant"}, {"S": "2024-01-02T03:04:05.250100Z"}, AT.replace(microsecond=250_100)),
    ("Java LocalDate", {"type": date}, {"S": "2024-01-02"}, AT.date()),
    ("boto3 and isoformat()", {"format": "iso_offset"}, {"S": "2024-01-02T03:04:05.000006+00:00"}, FINE),
]
#: What can only be read: nothing writes the same text again.
READABLE: list[tuple[str, dict[str, Any], dict[str, str], Any]] = [
    (
        "Go time.Time with nanoseconds",
        {"format": "rfc3339_nano", "truncate": True},
        {"S": "2024-01-02T03:04:05.000006789Z"},
        FINE,
    ),
    ("Go time.Time elsewhere", {"format": "rfc3339_nano"}, {"S": "2024-01-02T05:04:05.000006+02:00"}, FINE),
    ("Java LocalDateTime", {"naive": UTC}, {"S": "2024-01-02T03:04:05.000006"}, FINE),
    ("Java LocalDateTime with nanoseconds", {"naive": UTC, "truncate": True}, {"S": "2024-01-02T03:04:05.000006789"}, FINE),
]


@pytest.mark.parametrize(
    ("declared", "stored", "value"), [row[1:] for row in OTHERS + READABLE], ids=[row[0] for row in OTHERS + READABLE]
)
def test_times_of_other_programs_are_read_to_the_microsecond_and_found(
    client: DynamoDBClient, declared: dict[str, Any], stored: dict[str, str], value: Any
) -> None:
    of, options = declared.get("type", datetime), {name: option for name, option in declared.items() if name != "type"}

    class Event(Model[str], table="events"):
        event_id: Attr[str] = partition_key()
        at: Attr[of] = field(**options)  # type: ignore[valid-type]

    Event.table.sync.create()
    client.sync.call("PutItem", TableName="events", Item={"event_id": {"S": "e"}, "at": stored})
    event = Event.sync.get_or_raise("e")
    assert event.at == value
    found = Event.sync.scan().filter(Event.at == value).all()
    if any(row[1:] == (declared, stored, value) for row in OTHERS):
        assert found == [event]
        assert event.model_to_item()["at"] == stored


@pytest.mark.parametrize(("declared", "stored", "value"), [row[1:] for row in OTHERS], ids=[row[0] for row in OTHERS])
def test_keys_of_other_programs_are_found_or_refused_with_the_reason(
    client: DynamoDBClient, declared: dict[str, Any], stored: dict[str, str], value: Any
) -> None:
    of, options = declared.get("type", datetime), {name: option for name, option in declared.items() if name != "type"}

    def event() -> Any:
        class Event(Model[str, of], table="events"):  # type: ignore[valid-type]
            source: Attr[str] = partition_key()
            at: Attr[of] = sort_key(**options)  # type: ignore[valid-type]

        return Event

    if declared.get("format") in UNSORTED:
        with pytest.raises(ConfigurationError, match="which no key can have: its width varies"):
            event()
        return
    model = event()
    model.table.sync.create()
    client.sync.call("PutItem", TableName="events", Item={"source": {"S": "s"}, "at": stored})
    assert model.sync.get("s", value) == model(source="s", at=value)
