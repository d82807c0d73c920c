"""Secondary indexes: declared with the class, queried by type, refused where they hold less than is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from pydynox import (
    Attr,
    DynamoDBClient,
    GlobalSecondaryIndex,
    LocalSecondaryIndex,
    Model,
    ModelConfig,
    field,
    partition_key,
    sort_key,
)
from pydynox.exceptions import ConfigurationError, ValidationError

from tests.conftest import Drive


class User(Model[str, int], table="users"):
    user_id: Attr[str] = partition_key()
    at: Attr[int] = sort_key()
    email: Attr[str | None] = field(default=None, attribute_name="mail")
    age: Attr[int] = field(default=0)
    city: Attr[str] = field(default="Oslo")
    note: Attr[str] = field(default="")

    by_email = GlobalSecondaryIndex(email, at)
    by_city = GlobalSecondaryIndex("city", projection="KEYS_ONLY", index_name="city-index")
    by_age = GlobalSecondaryIndex(age, projection=(note,))
    by_note = LocalSecondaryIndex(note)


@pytest.fixture
def users(client: DynamoDBClient) -> DynamoDBClient:
    User.table.sync.create()
    for number in range(6):
        email = "a@b.c" if number % 2 else None
        User(user_id=f"u{number % 2}", at=number, email=email, age=number, note=str(9 - number)).sync.create()
    return client


def test_an_index_is_queried_like_a_table(users: DynamoDBClient, drive: Drive) -> None:
    for query in (
        User.by_email.query("a@b.c"),
        User.by_email.query(email="a@b.c"),
        User.by_email.query(User.email == "a@b.c"),
    ):
        assert [user.at for user in drive(query.all())] == [1, 3, 5]
    assert [user.at for user in drive(User.by_email.query("a@b.c", User.at > 1).descending().all())] == [5, 3]
    assert [user.note for user in drive(User.by_note.query("u0").all())] == ["5", "7", "9"]
    assert drive(User.by_email.scan().count()) == 3
    assert User.by_email.sync.query("a@b.c").first().at == 1  # type: ignore[union-attr]


def test_pages_of_an_index_go_on_where_they_ended(users: DynamoDBClient, drive: Drive) -> None:
    query = User.by_city.query("Oslo").keys()
    found, cursor = [], None
    while True:
        page = drive(query.after(cursor).page(2))
        found += list(page)
        cursor = page.cursor
        if cursor is None:
            break

    assert sorted(found, key=repr) == [User.key(f"u{number % 2}", number) for number in (0, 2, 4, 1, 3, 5)]


def test_an_index_that_holds_a_part_gives_that_part(users: DynamoDBClient, drive: Drive) -> None:
    assert drive(User.by_age.query(3).select(User.age, User.note).one()) == (3, "6")
    for ask, said in (
        (lambda: drive(User.by_age.query(3).all()), "not whole items"),
        (lambda: drive(User.by_city.query("Oslo").first()), "not whole items"),
        (lambda: User.by_age.query(3).filter(User.email == "x"), "does not contain"),
        (lambda: User.by_city.query("Oslo").select(User.note), "does not contain"),
        (lambda: User.by_email.query("a@b.c").consistent_read(), "eventually consistent"),
        (User.by_email.query, "needs its partition key"),
        (lambda: User.by_email.query(user_id="u1"), "not one of them"),
        (lambda: User.by_email.query("a@b.c").filter(User.at > 3), "is a key"),
    ):
        with pytest.raises(ValidationError, match=said):
            ask()


def test_whole_items_are_read_by_the_keys_of_an_index(users: DynamoDBClient, drive: Drive) -> None:
    hydrated = User.by_city.query("Oslo").hydrate()
    User.key("u0", 2).sync.delete()

    assert sorted((user.at, user.note) for user in drive(hydrated.all())) == [(at, str(9 - at)) for at in (0, 1, 3, 4, 5)]
    assert len(drive(hydrated.page(3))) == 3
    with pytest.raises(ValidationError, match="hydrate"):
        User.by_city.query("Oslo").keys().hydrate()


def test_a_default_of_consistent_reads_is_not_for_global_indexes() -> None:
    class Strict(Model[str], table="strict"):
        model_config = ModelConfig(consistent_read=True)
        strict_id: Attr[str] = partition_key()
        city: Attr[str] = field(default="")
        by_city = GlobalSecondaryIndex(city)

    client = DynamoDBClient(endpoint_url="memory://")
    with client.as_default():
        assert Strict.query("a").explain().request["ConsistentRead"] is True
        assert "ConsistentRead" not in Strict.by_city.query("a").explain().request


def test_keys_of_several_attributes(client: DynamoDBClient, drive: Drive) -> None:
    class Match(Model[str], table="matches"):
        match_id: Attr[str] = partition_key()
        tournament: Attr[str] = field()
        region: Attr[str] = field()
        round_: Attr[str] = field()
        number: Attr[int] = field()
        by_region = GlobalSecondaryIndex((tournament, region), (round_, number))

    Match.table.sync.create()
    for number in range(4):
        Match(
            match_id=str(number), tournament="t", region="r", round_="final" if number > 1 else "semi", number=number
        ).sync.create()

    index = Match.by_region
    assert [m.number for m in drive(index.query("t", "r").all())] == [2, 3, 0, 1]
    assert [m.number for m in drive(index.query("t", "r", Match.round_ == "final", Match.number > 2).all())] == [3]
    assert [m.number for m in drive(index.query(tournament="t", region="r", round_="semi").all())] == [0, 1]
    for ask, said in (
        (lambda: index.query("t"), "'region' is missing|\"region\" is missing"),
        (lambda: index.query("t", "r", Match.number > 2), "left to right"),
        (lambda: index.query("t", "r", Match.round_ > "a", Match.number == 2), "a range comes last"),
    ):
        with pytest.raises(ValidationError, match=said):
            ask()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: GlobalSecondaryIndex("nope"), "is not an attribute of"),
        (lambda: GlobalSecondaryIndex("tags"), "stored as a string"),
        (lambda: GlobalSecondaryIndex("name", projection=("nope",)), "is not an attribute of"),
        (lambda: GlobalSecondaryIndex("name", projection=()), "KEYS_ONLY"),
        (lambda: GlobalSecondaryIndex("name", index_name="x"), "3 to 255"),
        (lambda: LocalSecondaryIndex("name"), "no sort key"),
    ],
)
def test_an_index_that_cannot_be_is_refused_with_the_class(made: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        type(
            "Wrong",
            (Model,),
            {
                "__annotations__": {"id": Attr[str], "name": Attr[str], "tags": Attr[list[str]]},
                "__module__": __name__,
                "id": partition_key(),
                "by_it": made(),
            },
            table="wrong",
        )
