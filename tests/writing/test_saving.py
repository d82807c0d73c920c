"""What create, save, put and delete promise, on every engine, awaited and blocking: a test per row of docs/saving.md."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from pydynox import Attr, DynamoDBClient, ItemSizeWarning, Model, field, partition_key, run, sort_key
from pydynox.exceptions import (
    ConditionFailedError,
    ConfigurationError,
    ItemAlreadyExistsError,
    ItemNotFoundError,
    ItemTooLargeError,
    ItemVanishedError,
    TableNotFoundError,
    ValidationError,
)

from tests.conftest import Drive


class User(Model[str], table="users"):
    """One of everything."""

    user_id: Attr[str] = partition_key()
    name: Attr[str]
    age: Attr[int] = field(default=0)
    score: Attr[float] = field(default=0.0)
    balance: Attr[Decimal] = field(default=Decimal(0))
    active: Attr[bool] = field(default=True)
    photo: Attr[bytes | None] = field(default=None)
    nick: Attr[str | None] = field(default=None)
    tags: Attr[list[str]] = field(default_factory=list)
    roles: Attr[set[str]] = field(default_factory=set)
    numbers: Attr[set[int]] = field(default_factory=set)
    settings: Attr[dict[str, Any]] = field(default_factory=dict)
    matrix: Attr[list[list[int]]] = field(default_factory=list)


class Order(Model[str, int], table="orders"):
    """A composite key."""

    customer_id: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    total: Attr[Decimal] = field(default=Decimal(0))


def full_user() -> User:
    return User(
        user_id="u1",
        name='Ada "é" 😀\n',
        age=-36,
        score=0.1,
        balance=Decimal("12345678901234567890.1234567890"),
        active=False,
        photo=b"\x00\xff",
        nick="a",
        tags=["x", ""],
        roles={"admin", "author"},
        numbers={1, 2**70},
        settings={"a.b": {"deep": [None, True, 1, Decimal("1.5"), b"x", {"s"}]}, "#:x": 1, "size": "reserved"},
        matrix=[[1, 2], [], [3]],
    )


@pytest.fixture
def table(client: DynamoDBClient, drive: Drive) -> None:
    drive(User.table.create())
    drive(Order.table.create())


pytestmark = [pytest.mark.usefixtures("table"), pytest.mark.also_over_tls]


def stored(drive: Drive, client: DynamoDBClient, user_id: str = "u1") -> dict[str, Any] | None:
    item = drive(client.call("GetItem", TableName="users", Key={"user_id": {"S": user_id}})).get("Item")
    assert item is None or isinstance(item, dict)
    return item


def change_behind(
    drive: Drive, client: DynamoDBClient, expression: str, values: dict[str, Any] | None = None, **names: str
) -> None:
    """What another writer does meanwhile."""
    wire: dict[str, Any] = {"TableName": "users", "Key": {"user_id": {"S": "u1"}}, "UpdateExpression": expression}
    if values:
        wire["ExpressionAttributeValues"] = values
    if names:
        wire["ExpressionAttributeNames"] = {f"#{name}": value for name, value in names.items()}
    drive(client.call("UpdateItem", **wire))


def test_every_type_comes_back_as_it_was(drive: Drive) -> None:
    user = full_user()

    drive(user.create())
    loaded = drive(User.get("u1"))

    assert loaded == user
    assert loaded is not user
    assert type(loaded.balance) is Decimal
    assert type(loaded.settings["a.b"]["deep"][2]) is int
    assert loaded.model_changes() == {}


def test_create_refuses_a_taken_key_and_gives_the_stored_item(drive: Drive) -> None:
    drive(User(user_id="u1", name="first").create())

    with pytest.raises(ItemAlreadyExistsError) as caught:
        drive(User(user_id="u1", name="second").create())

    assert caught.value.item.name == "first"
    assert drive(User.get("u1")).name == "first"


def test_save_of_a_new_instance_never_overwrites_and_names_put(drive: Drive) -> None:
    drive(User(user_id="u1", name="first").save())

    with pytest.raises(ItemAlreadyExistsError, match=r"put\(\)"):
        drive(User(user_id="u1", name="second").save())

    assert drive(User.get("u1")).name == "first"


def test_put_of_a_new_instance_replaces_whatever_is_there(drive: Drive, client: DynamoDBClient) -> None:
    drive(client.put_item("users", {"user_id": "u1", "name": "first", "other": 1}))

    drive(User(user_id="u1", name="second").put())

    item = stored(drive, client)
    assert item is not None
    assert item["name"] == {"S": "second"}
    assert "other" not in item


def test_save_of_an_unchanged_instance_sends_nothing(drive: Drive, client: DynamoDBClient) -> None:
    drive(full_user().create())
    user = drive(User.get("u1"))
    drive(client.delete_item("users", {"user_id": "u1"}))

    drive(user.save())

    assert stored(drive, client) is None


def test_setting_the_same_value_again_is_no_change(drive: Drive) -> None:
    drive(full_user().create())
    user = drive(User.get("u1"))

    user.age = int("-36")
    user.tags = ["x", ""]
    user.roles = {"author", "admin"}
    user.settings = dict(reversed(user.settings.items()))

    assert user.model_changes() == {}


def test_save_sends_only_what_changed(drive: Drive, client: DynamoDBClient) -> None:
    drive(full_user().create())
    user = drive(User.get("u1"))
    change_behind(drive, client, "SET nick = :n", {":n": {"S": "theirs"}})

    user.age += 1
    user.photo = None
    drive(user.save())

    item = stored(drive, client)
    assert item is not None
    assert item["age"] == {"N": "-35"}
    assert item["nick"] == {"S": "theirs"}
    assert "photo" not in item
    assert user.model_changes() == {}


def test_edits_in_place_are_seen_and_saved(drive: Drive) -> None:
    drive(full_user().create())
    user = drive(User.get("u1"))

    user.tags.append("y")
    user.matrix[1].append(9)
    user.roles.add("editor")
    user.numbers.discard(1)
    user.settings["a.b"]["deep"].pop()
    user.settings["new"] = {"x": 1}
    del user.settings["#:x"]
    changed = user.model_changes()
    drive(user.save())

    assert set(changed) == {"tags", "matrix", "roles", "numbers", "settings"}
    assert changed["tags"].old == ["x", ""]
    assert changed["tags"].new == ["x", "", "y"]
    assert drive(User.get("u1")) == user
    assert user.model_changes() == {}


def test_a_changed_map_writes_its_changed_paths_alone(drive: Drive, client: DynamoDBClient) -> None:
    drive(User(user_id="u1", name="n", settings={"mine": 1, "theirs": 1}).create())
    user = drive(User.get("u1"))
    change_behind(drive, client, "SET settings.#theirs = :v", {":v": {"N": "2"}}, theirs="theirs")

    user.settings["mine"] = 5
    drive(user.save())

    assert drive(User.get("u1")).settings == {"mine": 5, "theirs": 2}


def test_a_changed_set_adds_its_new_members_to_those_of_others(drive: Drive, client: DynamoDBClient) -> None:
    drive(User(user_id="u1", name="n", roles={"a"}).create())
    user = drive(User.get("u1"))
    change_behind(drive, client, "ADD #roles :v", {":v": {"SS": ["theirs"]}}, roles="roles")

    user.roles.add("mine")
    drive(user.save())

    assert drive(User.get("u1")).roles == {"a", "theirs", "mine"}


def test_whole_replaces_a_map(drive: Drive, client: DynamoDBClient) -> None:
    drive(User(user_id="u1", name="n", settings={"mine": 1}).create())
    user = drive(User.get("u1"))
    change_behind(drive, client, "SET settings.#theirs = :v", {":v": {"N": "2"}}, theirs="theirs")

    user.settings["mine"] = 5
    drive(user.save(whole=[User.settings]))

    assert drive(User.get("u1")).settings == {"mine": 5}


def test_a_vanished_parent_of_a_changed_path_is_a_failed_condition(drive: Drive, client: DynamoDBClient) -> None:
    drive(User(user_id="u1", name="n", settings={"a": {"b": 1}}).create())
    user = drive(User.get("u1"))
    change_behind(drive, client, "REMOVE settings")

    user.settings["a"]["b"] = 2
    with pytest.raises(ConditionFailedError) as caught:
        drive(user.save())

    assert not isinstance(caught.value, ItemVanishedError)
    assert "settings" in user.model_changes()


NESTED_SETS: dict[str, tuple[Any, Any, set[Any]]] = {
    "text": ({"s": {"a", "b"}}, lambda user: user.settings["s"].add("mine"), {"a", "b", "mine", "theirs"}),
    "text, taken": ({"s": {"a", "b"}}, lambda user: user.settings["s"].discard("a"), {"b", "theirs"}),
    "deep": ({"m": {"n": {"s": {"a"}}}}, lambda user: user.settings["m"]["n"]["s"].add("mine"), {"a", "mine", "theirs"}),
    "replaced": ({"s": {"a"}}, lambda user: user.settings.update(s={"b"}), {"b"}),
}


@pytest.mark.parametrize("case", NESTED_SETS)
def test_a_changed_set_inside_a_map_adds_its_new_members_to_those_of_others(
    drive: Drive, client: DynamoDBClient, case: str
) -> None:
    settings, edit, expected = NESTED_SETS[case]
    drive(User(user_id="u1", name="n", settings=settings).create())
    user = drive(User.get_or_raise("u1"))
    path = "settings.#m.#n.#s" if case == "deep" else "settings.#s"
    names = {"m": "m", "n": "n", "s": "s"} if case == "deep" else {"s": "s"}
    change_behind(drive, client, f"ADD {path} :v", {":v": {"SS": ["theirs"]}}, **names)

    edit(user)
    with client.collect() as usage:
        drive(user.save())
    drive(user.save())  # nothing is left to say

    found = drive(User.get_or_raise("u1")).settings
    assert (found["m"]["n"] if case == "deep" else found)["s"] == expected
    assert usage.requests == 1


def test_an_emptied_set_is_removed_and_a_filled_one_comes_back(drive: Drive, client: DynamoDBClient) -> None:
    drive(User(user_id="u1", name="n", roles={"a"}).create())
    user = drive(User.get("u1"))

    user.roles.clear()
    drive(user.save())
    item = stored(drive, client)
    user.roles.add("b")
    drive(user.save())

    assert item is not None
    assert "roles" not in item
    assert drive(User.get("u1")).roles == {"b"}


def test_emptying_a_set_leaves_what_others_have_added(drive: Drive, client: DynamoDBClient) -> None:
    drive(User(user_id="u1", name="n", roles={"a"}).create())
    user = drive(User.get("u1"))
    change_behind(drive, client, "ADD #roles :v", {":v": {"SS": ["theirs"]}}, roles="roles")

    user.roles.clear()
    drive(user.save())

    assert drive(User.get("u1")).roles == {"theirs"}


def test_filling_a_set_leaves_what_others_have_added(drive: Drive, client: DynamoDBClient) -> None:
    drive(User(user_id="u1", name="n").create())
    user = drive(User.get("u1"))
    change_behind(drive, client, "ADD #roles :v", {":v": {"SS": ["theirs"]}}, roles="roles")

    user.roles.add("mine")
    drive(user.save())

    assert drive(User.get("u1")).roles == {"theirs", "mine"}
    user.roles.clear()
    user.roles.add("alone")
    drive(user.save(whole=[User.roles]))
    assert drive(User.get("u1")).roles == {"alone"}


def test_save_of_a_vanished_item_resurrects_nothing(drive: Drive, client: DynamoDBClient) -> None:
    drive(full_user().create())
    user = drive(User.get("u1"))
    drive(client.delete_item("users", {"user_id": "u1"}))

    user.age = 1
    with pytest.raises(ItemVanishedError) as caught:
        drive(user.save())

    assert isinstance(caught.value, ItemNotFoundError)
    assert isinstance(caught.value, ConditionFailedError)
    assert stored(drive, client) is None
    assert set(user.model_changes()) == {"age"}


def test_save_may_be_repeated_after_a_refused_one(drive: Drive, client: DynamoDBClient) -> None:
    user = full_user()
    drive(user.create())
    drive(client.delete_item("users", {"user_id": "u1"}))
    user.age = 1
    with pytest.raises(ItemVanishedError):
        drive(user.save())

    drive(client.put_item("users", {"user_id": "u1", "name": "back"}))
    drive(user.save())

    assert drive(User.get("u1")).age == 1


def test_attributes_that_the_model_does_not_know_survive_save_and_put(drive: Drive, client: DynamoDBClient) -> None:
    other = {"ratio": {"N": "0.12345678901234567890123456789012345678"}, 'quo"te': {"L": [{"NULL": True}, {"BS": ["AA=="]}]}}
    wire = {"user_id": {"S": "u1"}, "name": {"S": "n"}, **other}
    drive(client.call("PutItem", TableName="users", Item=wire))
    user = drive(User.get("u1"))

    user.age = 5
    drive(user.save())
    user.age = 6
    drive(user.put())

    assert stored(drive, client) == {**wire, "age": {"N": "6"}}


def test_what_a_default_filled_in_is_not_written_until_it_is_changed(drive: Drive, client: DynamoDBClient) -> None:
    wire = {"user_id": {"S": "u1"}, "name": {"S": "n"}}
    drive(client.call("PutItem", TableName="users", Item=wire))
    user = drive(User.get("u1"))

    assert (user.age, user.tags, user.roles, user.settings, user.active) == (0, [], set(), {}, True)
    assert user.model_changes() == {}
    drive(user.save())
    drive(user.put())
    assert stored(drive, client) == wire
    user.tags.append("x")
    drive(user.save())

    assert stored(drive, client) == {**wire, "tags": {"L": [{"S": "x"}]}}


def test_delete_makes_the_instance_new_and_may_be_repeated(drive: Drive) -> None:
    user = full_user()
    drive(user.create())
    same = drive(User.get("u1"))

    drive(user.delete())
    drive(same.delete())

    assert drive(User.get("u1")) is None
    drive(user.create())
    assert drive(User.get("u1")) == user


def test_refresh_reads_again_and_drops_unsaved_edits(drive: Drive, client: DynamoDBClient) -> None:
    user = full_user()
    drive(user.create())
    change_behind(drive, client, "SET age = :a", {":a": {"N": "99"}})
    user.nick = "unsaved"

    drive(user.refresh())

    assert (user.age, user.nick) == (99, "a")
    assert user.model_changes() == {}


def test_refresh_of_a_vanished_item_changes_nothing(drive: Drive, client: DynamoDBClient) -> None:
    user = full_user()
    drive(user.create())
    drive(client.delete_item("users", {"user_id": "u1"}))
    user.nick = "unsaved"

    with pytest.raises(ItemNotFoundError):
        drive(user.refresh())

    assert user.nick == "unsaved"


def test_rollback_gives_back_what_was_loaded(drive: Drive) -> None:
    drive(full_user().create())
    user = drive(User.get("u1"))

    user.age = 1
    user.tags.append("y")
    user.settings["a.b"]["deep"].clear()
    user.roles.clear()
    user.model_rollback()

    assert user == full_user()
    assert user.model_changes() == {}


def test_get_or_raise_and_exists(drive: Drive) -> None:
    drive(Order(customer_id="c1", number=7).create())

    assert drive(Order.get_or_raise("c1", 7)).number == 7
    assert drive(Order.get(customer_id="c1", number=7)).number == 7
    assert drive(Order.key("c1", 7).exists()) is True
    assert drive(Order.key("c1", 8).exists()) is False
    assert drive(Order.key("c1", 8).get()) is None
    with pytest.raises(ItemNotFoundError, match=r"Order\.key\('c1', 8\)"):
        drive(Order.get_or_raise("c1", 8))


def test_a_key_deletes_its_item(drive: Drive) -> None:
    drive(Order(customer_id="c1", number=7).create())

    drive(Order.key("c1", 7).delete())
    drive(Order.key("c1", 7).delete())

    assert drive(Order.get("c1", 7)) is None


def test_the_key_of_a_stored_item_is_read_only(drive: Drive) -> None:
    order = Order(customer_id="c1", number=7)
    order.number = 8
    drive(order.create())

    with pytest.raises(AttributeError, match=r"Order\.number"):
        order.number = 9

    assert order.number == 8


def test_a_missing_table_is_named(drive: Drive) -> None:
    drive(User.table.delete())

    with pytest.raises(TableNotFoundError, match="users") as caught:
        drive(User(user_id="u1", name="n").create())

    assert caught.value.operation == "PutItem"
    assert caught.value.table == "users"


def test_a_table_of_another_schema_is_refused_by_the_service(drive: Drive) -> None:
    class Elsewhere(Model[str], table="orders"):
        other: Attr[str] = partition_key()

    with pytest.raises(Exception, match=r"Elsewhere: PutItem on table 'orders'.*customer_id"):
        drive(Elsewhere(other="x").create())


@pytest.mark.deviates(moto="refuses items over 405,000 bytes, where DynamoDB takes 409,600")
@pytest.mark.filterwarnings("ignore::pydynox.ItemSizeWarning")
def test_an_item_over_400_kb_is_refused_before_it_is_sent(drive: Drive, client: DynamoDBClient) -> None:
    user = User(user_id="u1", name="n" * 401 * 1024, tags=["t"])

    with pytest.raises(ItemTooLargeError) as caught:
        drive(user.create())

    assert caught.value.limit == 400 * 1024
    assert caught.value.size > caught.value.limit
    assert caught.value.largest[0][0] == "name"
    assert stored(drive, client) is None
    user.name = "n" * (399 * 1024)
    drive(user.create())


def test_an_item_near_the_limit_is_warned_of_where_it_is_written() -> None:
    large = "n" * (380 * 1024)
    quiet, early = (DynamoDBClient(endpoint_url="memory://", size_warning=share) for share in (None, 0.1))
    client = DynamoDBClient(endpoint_url="memory://")
    for one in (client, quiet, early):
        with one.as_default():
            User.table.sync.create()

    async def put() -> None:
        await User(user_id="u3", name=large).put()

    def write() -> None:
        User(user_id="u1", name=large).sync.put()
        run(User(user_id="u2", name=large).put())
        asyncio.run(put())
        with client.sync.transaction() as tx:
            tx.put(User(user_id="u4", name=large))
        client.sync.batch_save([User(user_id="u5", name=large)])
        client.sync.put_item("users", {"user_id": "u6", "name": large})
        user = User.sync.get("u1")
        assert user is not None
        user.nick = "n"
        user.sync.save()

    with client.as_default():
        with pytest.warns(ItemSizeWarning) as told:
            write()
        assert {warning.filename for warning in told} == {__file__}
        assert len(told) == 7
        assert "User writes an item of 389" in str(told[0].message)
        assert "'name' (389124)" in str(told[0].message)
        User(user_id="u8", name="n" * (350 * 1024)).sync.put()
        assert User.sync.scan().count() == 7
    with quiet.as_default():
        User(user_id="u1", name=large).sync.put()
    with early.as_default(), pytest.raises(ItemSizeWarning):  # an error, where warnings are
        User(user_id="u1", name="n" * 41_000).sync.put()
    assert early.sync.get_item("users", {"user_id": "u1"}) is None


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan"), float("inf")])
def test_a_share_of_the_limit_is_one(share: float) -> None:
    with pytest.raises(ConfigurationError, match="size_warning must be a share"):
        DynamoDBClient(endpoint_url="memory://", size_warning=share)


@pytest.mark.deviates(moto="refuses items over 405,000 bytes, where DynamoDB takes 409,600")
@pytest.mark.filterwarnings("ignore::pydynox.ItemSizeWarning")
def test_a_change_that_makes_the_item_too_large_is_refused_before_it_is_sent(drive: Drive) -> None:
    user = User(user_id="u1", name="n" * (399 * 1024))
    drive(user.create())

    user.nick = "m" * 2048
    with pytest.raises(ItemTooLargeError, match="'name'"):
        drive(user.save())
    user.nick = "m"
    drive(user.save())

    assert drive(User.get("u1")) == user


def test_copies_are_stored_where_the_original_is(drive: Drive, client: DynamoDBClient) -> None:
    import copy

    drive(full_user().create())
    change_behind(drive, client, "SET extra = :o", {":o": {"N": "1"}})
    user = drive(User.get("u1"))
    shallow, deep = copy.copy(user), copy.deepcopy(user)

    shallow.tags.append("shared")
    deep.tags.append("own")
    drive(deep.put())

    item = stored(drive, client)
    assert item is not None
    assert item["extra"] == {"N": "1"}
    assert user.tags == ["x", "", "shared"]
    assert deep.tags == ["x", "", "own"]
    assert set(shallow.model_changes()) == {"tags"}


def test_an_edit_in_place_that_cannot_be_stored_is_refused_and_nothing_changes(drive: Drive) -> None:
    drive(full_user().create())
    user = drive(User.get("u1"))

    user.tags.append(3)
    user.settings["nan"] = float("nan")
    with pytest.raises(ValidationError) as caught:
        drive(user.save())

    assert [name for name, _ in caught.value.errors] == ["tags", "settings"]
    assert "User.tags[2] must be str, not int" in str(caught.value)
    assert drive(User.get("u1")) == full_user()


class SetOrList:
    """A codec of a set that another program stored as a list."""

    def to_stored(self, value: set[str], /) -> Any:
        return value or None

    def from_stored(self, value: Any, /) -> set[str]:
        return set(value or ())


class Listed(Model[str], table="listed"):
    """A set that may be stored as a list, at the top and inside a map."""

    name: Attr[str] = partition_key()
    labels: Attr[set[str]] = field(codec=SetOrList(), default_factory=set)


def test_a_codec_that_reads_a_list_and_writes_a_set_replaces_the_list(client: DynamoDBClient, drive: Drive) -> None:
    drive(Listed.table.create())
    client.sync.put_item("listed", {"name": "n", "labels": ["a", "b"]})
    listed = drive(Listed.get_or_raise("n"))
    assert listed.model_changes() == {}

    listed.labels.discard("a")
    drive(listed.save())
    assert client.sync.get_item("listed", {"name": "n"}) == {"name": "n", "labels": {"b"}}

    listed.labels.add("c")
    drive(listed.save())
    assert client.sync.get_item("listed", {"name": "n"}) == {"name": "n", "labels": {"b", "c"}}
