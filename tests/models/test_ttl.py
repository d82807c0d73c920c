"""Items that expire: what is stored, what counts as expired, and who sees it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydynox import (
    Attr,
    Collection,
    DynamoDBClient,
    GlobalSecondaryIndex,
    Model,
    StringAttribute,
    TTLAttribute,
    attr,
    extend_ttl,
    field,
    partition_key,
    sort_key,
    ttl,
)
from pydynox.exceptions import ConfigurationError, ItemAlreadyExistsError, ValidationError

from tests.conftest import Drive

NOW = datetime.now(UTC)
PAST, FUTURE = NOW - timedelta(hours=1), NOW + timedelta(hours=1)


class Session(Model[str], table="sessions"):
    """Expired items are read as any other."""

    session_id: Attr[str] = partition_key()
    expires_at: Attr[datetime | None] = ttl(default=None)
    hits: Attr[int] = field(default=0)


class Hidden(Model[str], table="sessions"):
    """Expired items count as absent."""

    session_id: Attr[str] = partition_key()
    expires_at: Attr[datetime | None] = ttl(default=None, hide_expired=True)
    hits: Attr[int] = field(default=0)


@pytest.fixture(autouse=True)
def table(client: DynamoDBClient, drive: Drive) -> None:
    drive(Session.table.create())


def stored(client: DynamoDBClient, drive: Drive) -> dict[str, Any]:
    found: Any = drive(client.get_item("sessions", {"session_id": "s"}, consistent_read=True))
    return dict(found)


def test_it_is_stored_as_whole_seconds_and_floored_on_assignment(client: DynamoDBClient, drive: Drive) -> None:
    at = datetime(2026, 11, 25, 12, 30, 15, 999_999, tzinfo=UTC)
    session = Session(session_id="s", expires_at=at)
    assert session.expires_at == at.replace(microsecond=0)
    session.expires_at = at.astimezone(timezone(timedelta(hours=2)))
    assert session.expires_at == at.replace(microsecond=0)

    drive(session.create())
    assert stored(client, drive)["expires_at"] == int(at.timestamp())
    assert drive(Session.get("s", consistent_read=True)) == session
    session.expires_at = at
    assert session.model_changes() == {}

    drive(session.update(Session.expires_at.set(at + timedelta(seconds=1))))
    assert session.expires_at == at.replace(microsecond=0) + timedelta(seconds=1)
    drive(session.update(Session.hits.add(1), condition=Session.expires_at > at))
    session.expires_at = None
    drive(session.save())
    assert "expires_at" not in stored(client, drive)


def test_times_before_1970_are_floored_too(client: DynamoDBClient, drive: Drive) -> None:
    session = Session(session_id="s", expires_at=datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=UTC))
    drive(session.create())
    assert stored(client, drive)["expires_at"] == -2
    assert drive(Session.get("s", consistent_read=True)) == session


def test_naive_times_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"Session\.expires_at is a naive datetime"):
        Session(session_id="s", expires_at=datetime(2026, 1, 1))
    with pytest.raises(ValidationError, match="naive datetime"):
        Session.expires_at.set(datetime(2026, 1, 1))


def test_model_is_expired() -> None:
    assert Session(session_id="s", expires_at=PAST).model_is_expired()
    assert not Session(session_id="s", expires_at=FUTURE).model_is_expired()
    assert not Session(session_id="s").model_is_expired()

    class Plain(Model[str], table="plain"):
        pk: Attr[str] = partition_key()

    with pytest.raises(ValidationError, match=r"Plain has no attribute that sets when items expire: declare one with ttl\(\)"):
        Plain(pk="a").model_is_expired()


def test_a_default_may_be_a_while_from_now() -> None:
    class Login(Model[str], table="sessions"):
        session_id: Attr[str] = partition_key()
        expires_at: Attr[datetime] = ttl(default=timedelta(hours=8))

    before = datetime.now(UTC)
    expires = Login(session_id="s").expires_at
    assert before + timedelta(hours=8, seconds=-1) <= expires <= datetime.now(UTC) + timedelta(hours=8)


def test_the_founding_spelling(client: DynamoDBClient, drive: Drive) -> None:
    class Login(Model[str], table="sessions"):
        session_id: StringAttribute = StringAttribute(partition_key=True)
        expires_at: TTLAttribute[datetime | None] = TTLAttribute(null=True)

    drive(Login(session_id="s", expires_at=FUTURE).create())
    assert stored(client, drive)["expires_at"] == int(FUTURE.timestamp())
    assert Login(session_id="s").expires_at is None

    class Must(Model[str], table="sessions"):
        session_id: StringAttribute = StringAttribute(partition_key=True)
        expires_at: TTLAttribute = TTLAttribute()

    with pytest.raises(ValidationError, match=r"Must\.expires_at is missing"):
        Must(session_id="s")


def test_extend_ttl_adds_to_what_is_stored(client: DynamoDBClient, drive: Drive) -> None:
    session = Session(session_id="s", expires_at=FUTURE)
    drive(session.create())

    drive(session.update(extend_ttl(Session.expires_at, timedelta(minutes=30))))
    assert session.expires_at == FUTURE.replace(microsecond=0) + timedelta(minutes=30)

    longer: Any = drive(Session.key("s").update(extend_ttl(Session.expires_at, timedelta(minutes=-10))))
    assert longer.expires_at == FUTURE.replace(microsecond=0) + timedelta(minutes=20)


def test_extend_ttl_begins_now_where_nothing_is_stored(client: DynamoDBClient, drive: Drive) -> None:
    drive(Session(session_id="s").create())
    before = int(datetime.now(UTC).timestamp())
    longer: Any = drive(Session.key("s").update(extend_ttl(Session.expires_at, timedelta(hours=1))))
    assert before + 3600 <= longer.expires_at.timestamp() <= before + 3660


@pytest.mark.parametrize("path", [Session.hits, attr("expires_at"), "expires_at"])
def test_extend_ttl_is_for_the_ttl_attribute(path: Any) -> None:
    with pytest.raises(TypeError, match=r"extend_ttl takes an attribute that ttl\(\) declares"):
        extend_ttl(path, timedelta(hours=1))


def test_extend_ttl_adds_a_timedelta() -> None:
    wrong: Any = 3600
    with pytest.raises(TypeError, match="extend_ttl takes a timedelta, not int"):
        extend_ttl(Session.expires_at, wrong)


def test_an_expired_item_is_read_as_any_other(client: DynamoDBClient, drive: Drive) -> None:
    drive(Session(session_id="s", expires_at=PAST).create())
    found: Any = drive(Session.get("s", consistent_read=True))
    assert found.model_is_expired()
    assert drive(Session.key("s").exists())
    with pytest.raises(ItemAlreadyExistsError):
        drive(Session(session_id="s").create())


def test_an_expired_item_counts_as_absent_where_the_model_says_so(client: DynamoDBClient, drive: Drive) -> None:
    drive(Hidden(session_id="s", expires_at=PAST, hits=5).create())

    assert drive(Hidden.get("s", consistent_read=True)) is None
    assert not drive(Hidden.key("s").exists())
    drive(Hidden(session_id="s", expires_at=FUTURE).create())

    found: Any = drive(Hidden.get("s", consistent_read=True))
    assert (found.hits, found.expires_at) == (0, FUTURE.replace(microsecond=0))
    assert drive(Hidden.key("s").exists())
    with pytest.raises(ItemAlreadyExistsError) as caught:
        drive(Hidden(session_id="s").create())
    assert caught.value.item == found


class Record(Model[str, str], table="records"):
    """A table of items that expire in different ways."""

    owner: Attr[str] = partition_key()
    number: Attr[str] = sort_key()
    group: Attr[str] = field(default="g")
    by_group = GlobalSecondaryIndex(group, number)


class Token(Record, entity="token"):
    expires_at: Attr[datetime] = ttl(hide_expired=True)


class Ticket(Record, entity="ticket"):
    """With another name for its time, and shown when it has expired."""

    ends: Attr[datetime] = field()


READS: dict[str, Callable[[DynamoDBClient, type[Record] | Collection[Any]], Any]] = {
    "query": lambda client, of: of.query("o").all(),
    "scan": lambda client, of: of.scan().all(),
    "segments": lambda client, of: of.scan(segments=2).all(),
    "index": lambda client, of: of.by_group.query("g").all(),
    "hydrated": lambda client, of: of.by_group.query("g").hydrate().all(),
    "counted": lambda client, of: of.query("o").count(),
    "selected": lambda client, of: of.scan().select(Record.number).all(),
    "in a batch": lambda client, of: client.batch_get_all([of.key("o", str(number)) for number in range(4)]),
}


@pytest.mark.parametrize("read", READS)
def test_a_base_class_leaves_out_the_expired_items_of_a_subclass_that_hides_them(
    client: DynamoDBClient, drive: Drive, read: str
) -> None:
    drive(Record.table.create())
    items = [
        Token(owner="o", number="0", expires_at=PAST),
        Token(owner="o", number="1", expires_at=FUTURE),
        Ticket(owner="o", number="2", ends=PAST),
        Record(owner="o", number="3"),
    ]
    drive(client.batch_save(items, unguarded=True))

    rows = drive(READS[read](client, Record))
    if read == "counted":
        assert rows == 3
    else:
        numbers = [row[0] if isinstance(row, tuple) else row.number for row in rows if row is not None]
        assert sorted(numbers) == ["1", "2", "3"]
    assert drive(Record.get("o", "0")) is None
    assert [drive(Record.key("o", str(number)).exists()) for number in range(4)] == [False, True, True, True]


@pytest.mark.parametrize("read", ["query", "counted"])
def test_so_does_a_collection(client: DynamoDBClient, drive: Drive, read: str) -> None:
    drive(Record.table.create())
    tokens = [Token(owner="o", number=str(number), expires_at=at) for number, at in enumerate((PAST, FUTURE))]
    drive(client.batch_save([*tokens, Ticket(owner="o", number="2", ends=PAST)], unguarded=True))

    rows = drive(READS[read](client, Collection(Token, Ticket)))
    assert rows == 2 if read == "counted" else [row.number for row in rows] == ["1", "2"]


def test_an_item_that_never_expires_is_never_hidden(client: DynamoDBClient, drive: Drive) -> None:
    drive(Hidden(session_id="s").create())
    assert drive(Hidden.get("s", consistent_read=True)) is not None
    assert drive(Hidden.key("s").exists())
    with pytest.raises(ItemAlreadyExistsError):
        drive(Hidden(session_id="s").create())


def test_get_or_create_makes_a_new_item_of_an_expired_one(client: DynamoDBClient, drive: Drive) -> None:
    drive(Hidden(session_id="s", expires_at=PAST, hits=5).create())
    made, created = drive(Hidden.get_or_create("s", defaults={"expires_at": FUTURE}))  # type: ignore[misc]
    assert created
    assert made.hits == 0


def test_there_is_one_and_it_is_a_datetime() -> None:
    with pytest.raises(ConfigurationError, match=r"Two\.b is a second ttl\(\) attribute, after a"):

        class Two(Model[str], table="t"):
            pk: Attr[str] = partition_key()
            a: Attr[datetime] = ttl()
            b: Attr[datetime] = ttl()

    with pytest.raises(ConfigurationError, match=r"Wrong\.a .*ttl\(\) is for a datetime"):

        class Wrong(Model[str], table="t"):
            pk: Attr[str] = partition_key()
            a: Attr[int] = ttl()
