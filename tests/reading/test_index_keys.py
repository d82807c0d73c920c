"""What DynamoDB would refuse of keys of indexes, of nesting and of sizes is refused here, by item and attribute."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from pydynox import (
    Attr,
    Document,
    DynamoDBClient,
    GlobalSecondaryIndex,
    LocalSecondaryIndex,
    Model,
    ModelConfig,
    attr,
    field,
    partition_key,
    sort_key,
)
from pydynox.exceptions import BatchIncompleteError, ItemTooLargeError, ValidationError

from tests.conftest import Drive


class User(Model[str, str], table="users"):
    """Keys of indexes of each type."""

    pk: Attr[str] = partition_key()
    sk: Attr[str] = sort_key()
    email: Attr[str | None] = field(default=None)
    city: Attr[str | None] = field(default=None)
    raw: Attr[bytes | None] = field(default=None)
    made: Attr[str | None] = field(template="CITY#{city}")
    name: Attr[str] = field(default="")
    tree: Attr[Any] = field(default=None)

    by_email = GlobalSecondaryIndex(email, city)
    by_made = GlobalSecondaryIndex(made)
    by_raw = LocalSecondaryIndex(raw)


@pytest.fixture(autouse=True)
def table(client: DynamoDBClient, drive: Drive) -> None:
    drive(User.table.create())


BAD: dict[str, tuple[str, Any, str]] = {
    "empty text": ("email", "", r"User\.email is a key of the index by_email, and must not be empty"),
    "empty bytes": ("raw", b"", r"User\.raw is a key of the index by_raw, and must not be empty"),
    "a long partition key": ("email", "é" * 1025, r"User\.email has 2050 bytes; .*by_email, which can have at most 2048"),
    "a long sort key": ("city", "x" * 1025, r"User\.city has 1025 bytes; .*by_email, which can have at most 1024"),
    "long bytes": ("raw", b"x" * 1025, r"User\.raw has 1025 bytes; .*by_raw, which can have at most 1024"),
}


@pytest.mark.engines("embedded")
@pytest.mark.parametrize("case", BAD)
def test_a_key_of_an_index_is_checked_by_every_verb(client: DynamoDBClient, drive: Drive, case: str) -> None:
    name, value, message = BAD[case]
    key = User.key("p", "1")
    loaded = User(pk="p", sk="0")
    drive(loaded.create())
    path = getattr(User, name)

    def edited() -> User:
        made = drive(User.get_or_raise("p", "0"))
        setattr(made, name, value)
        return made

    async def in_transaction(act: Callable[[Any], None]) -> None:
        async with client.transaction() as tx:
            tx.create(User(pk="t", sk="0"))
            act(tx)

    for act in (
        lambda: User(pk="p", sk="1", **{name: value}).create(),
        lambda: User(pk="p", sk="1", **{name: value}).save(),
        lambda: User(pk="p", sk="1", **{name: value}).put(),
        lambda: edited().save(),
        lambda: edited().put(),
        lambda: edited().save(whole=[path]),
        lambda: drive(User.get_or_raise("p", "0")).update(path.set(value)),
        lambda: key.update(path.set(value)),
        lambda: key.apply(path.set(value), upsert=True),
        lambda: User.get_or_create("p", "1", defaults={name: value}),
        lambda: client.batch_save([User(pk="p", sk="1", **{name: value})]),
        lambda: client.bulk_write([User(pk="p", sk="1", **{name: value})]),
        lambda: in_transaction(lambda tx: tx.create(User(pk="p", sk="1", **{name: value}))),
        lambda: in_transaction(partial(_save, edited())),
        lambda: in_transaction(lambda tx: tx.update(key, path.set(value))),
    ):
        with pytest.raises(ValidationError, match=message):
            drive(act())
    assert drive(User.scan().count()) == 1


@pytest.mark.engines("embedded")
def test_what_a_template_makes_and_what_was_read_of_another_type_is_checked_too(client: DynamoDBClient, drive: Drive) -> None:
    class Made(Model[str], table="made"):
        pk: Attr[str] = partition_key()
        part: Attr[str | None] = field(default=None)
        whole: Attr[str | None] = field(template="P#{part}#END")

        by_whole = GlobalSecondaryIndex("pk", whole)

    with pytest.raises(ValidationError, match=r"Made\.whole has 1030 bytes; it is a key of the index by_whole"):
        drive(Made(pk="1", part="x" * 1024).create())

    class Loose(Model[str], table="loose"):
        model_config = ModelConfig(strict_reads=False)
        pk: Attr[str] = partition_key()
        email: Attr[str | None] = field(default=None)

        by_email = GlobalSecondaryIndex(email)

    loose = Loose.model_from_item({"pk": {"S": "1"}, "email": {"N": "5"}})
    with pytest.raises(ValidationError, match=r"Loose\.email is a key of the index by_email, and must be stored as S"):
        drive(loose.put())


def test_one_bad_item_is_named_and_the_others_are_accounted_for(client: DynamoDBClient, drive: Drive) -> None:
    def many(bad: User, at: int, count: int = 250) -> list[User]:
        made = [User(pk="p", sk=f"{number:03d}") for number in range(count)]
        made[at] = bad
        return made

    for bad, kind in [
        (User(pk="p", sk="bad", email=""), ValidationError),
        (User(pk="p", sk="bad", name="x" * 410_000), ItemTooLargeError),
        (too_deep(), ValidationError),
    ]:
        for at in (0, 20, 200, 230):
            made = many(bad, at)
            with pytest.raises(kind, match=rf"^\[{at}\] put: .*bad") as caught:
                drive(client.batch_save(made))
            error: Any = caught.value
            assert (error.position, error.key) == (at, User.key("p", "bad"))
            told = error.__context__
            whole = at // 100 * 100
            if at == 0:
                assert told is None or isinstance(told, BatchIncompleteError)
            assert isinstance(told, BatchIncompleteError)
            assert list(told.written) == made[:whole]
            assert list(told.pending) == made[whole:at] + made[at + 1 :]

        async def given(made: list[User]) -> AsyncIterator[User]:
            for one in made:
                yield one

        with pytest.raises(kind, match=r"^\[230\] put: ") as caught:
            drive(client.batch_save(given(many(bad, 230))))
        with pytest.raises(kind, match=r"^\[230\] put: ") as caught:
            drive(client.bulk_write(iter(many(bad, 230))))
        assert caught.value.position == 230  # type: ignore[attr-defined]

        async def together() -> None:
            async with client.transaction() as tx:
                for one in many(bad, 24, 25):  # noqa: B023
                    tx.put(one)

        with pytest.raises(kind, match=r"^\[24\] put: .*bad") as caught:
            drive(together())
        error = caught.value
        assert (error.position, error.key) == (24, User.key("p", "bad"))
    with pytest.raises(ItemTooLargeError, match=r"^<?.*bad.*409") as alone:
        drive(User(pk="p", sk="bad", name="x" * 410_000).create())
    assert (alone.value.key, alone.value.position) == (User.key("p", "bad"), None)


def too_deep() -> User:
    made = User(pk="p", sk="bad", tree=[])
    made.tree.append(nested(31))
    return made


def _save(made: User, tx: Any) -> None:
    tx.save(made)


def nested(containers: int, inside: Any = 1) -> Any:
    value = inside
    for level in range(containers):
        value = [value] if level % 2 else {"a": value}
    return value


class Leaf(Document):
    """A map with one member."""

    value: Attr[Any] = field(default=None)


class Deep(Model[str], table="users"):
    """A document around anything."""

    pk: Attr[str] = partition_key()
    leaf: Attr[Leaf | None] = field(default=None)
    tree: Attr[Any] = field(default=None)
    rows: Attr[list[Any]] = field(default_factory=list)


@pytest.mark.engines("embedded")
def test_a_scalar_has_31_containers_above_it_and_no_more(client: DynamoDBClient, drive: Drive) -> None:
    key = User.key("p", "1")
    drive(User(pk="p", sk="1", tree=nested(31)).create())
    drive(User(pk="p", sk="2", tree=nested(31, [])).create())
    drive(client.put_item("users", {"pk": "p", "sk": "3", "x": nested(31)}))
    drive(key.apply(User.tree.set(nested(31))))
    drive(client.update_item("users", {"pk": "p", "sk": "3"}, attr("x").set(nested(31)), attr("m").set({})))
    drive(client.update_item("users", {"pk": "p", "sk": "3"}, attr("m.a").set(nested(30))))
    assert drive(key.get()).tree == nested(31)
    Deep(pk="p", leaf=Leaf(value=nested(30))).model_to_item()
    for act in (
        lambda: User(pk="p", sk="1", tree=nested(32)).put(),
        lambda: User(pk="p", sk="1", tree=nested(32, [])).put(),
        lambda: User(pk="p", sk="1", tree=nested(31, {"s": {"x"}})).put(),
        lambda: client.put_item("users", {"pk": "p", "sk": "3", "x": nested(32)}),
        lambda: key.apply(User.tree.set(nested(32))),
        lambda: client.update_item("users", {"pk": "p", "sk": "3"}, attr("m.a").set(nested(31))),
        lambda: client.update_item("users", {"pk": "p", "sk": "3"}, attr("m.a").append(nested(30))),
        lambda: Deep(pk="p", leaf=Leaf(value=nested(31))).put(),
        lambda: Deep(pk="p", rows=[nested(31)]).put(),
    ):
        with pytest.raises(ValidationError, match="nested deeper than the 32 levels that DynamoDB stores"):
            drive(act())


LONG: dict[str, tuple[Callable[[DynamoDBClient], Any], int]] = {
    "the partition": (lambda _: User.query("x" * 2049), 2048),
    "by name": (lambda _: User.query(pk="x" * 2049), 2048),
    "the sort key": (lambda _: User.query("p", User.sk == "x" * 1025), 1024),
    "a prefix": (lambda _: User.query("p", User.sk.begins_with("x" * 1025)), 1024),
    "a range": (lambda _: User.query("p", User.sk.between("a", "x" * 1025)), 1024),
    "an index": (lambda _: User.by_email.query("x" * 2049), 2048),
    "an index's sort key": (lambda _: User.by_email.query("x", User.city >= "x" * 1025), 1024),
    "a dict": (lambda client: client.query("users", {"pk": "x" * 2049}), 2048),
    "a dict's sort key": (lambda client: client.query("users", {"pk": "x"}, attr("sk") > "x" * 1025), 1024),
}


@pytest.mark.engines("embedded")
@pytest.mark.parametrize("case", LONG)
def test_a_key_that_is_too_long_is_an_error_of_the_query(client: DynamoDBClient, case: str) -> None:
    act, limit = LONG[case]
    with pytest.raises(ValidationError, match=f"can have at most {limit} bytes, and the value in its condition has {limit + 1}"):
        act(client)
