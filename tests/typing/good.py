"""Everything here must be accepted, with exactly these types."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, assert_type
from uuid import UUID

from models import (
    Account,
    Address,
    Annotated,
    AppItem,
    CountEvent,
    Event,
    Kept,
    Legacy,
    Level,
    Mixed,
    Money,
    MoneyCodec,
    Note,
    Objects,
    Order,
    Pet,
    Point,
    Priced,
    Ruled,
    Sealed,
    Session,
    Status,
    Templated,
    Thing,
    Typed,
    User,
    Visit,
    Wish,
    Worker,
)
from pydynox import (
    Action,
    AssumeRole,
    Attr,
    Change,
    Codec,
    Collection,
    Condition,
    CoordinationTable,
    Credentials,
    DataKeyCache,
    DynamoDBClient,
    GlobalSecondaryIndex,
    IdempotencyMark,
    ItemSize,
    Key,
    KmsKeyring,
    LocalKeyring,
    Lock,
    Model,
    ModelConfig,
    Outbox,
    Query,
    QueryResult,
    RateLimit,
    Reencrypted,
    Rejected,
    Repository,
    Table,
    Tally,
    UniqueProblem,
    Usage,
    attr,
    batching,
    budget,
    export_jsonl,
    extend_ttl,
    get_default_client,
    idempotent,
    import_jsonl,
    ksuid,
    path,
    reencrypt,
    run,
    set_default_client,
    streams,
    ulid,
    uuid4,
    uuid7,
    verify_unique,
)
from pydynox.coordination.locks import SyncLock
from pydynox.exceptions import (
    ConditionFailedError,
    ItemNotFoundError,
    ItemVanishedError,
    PydynoxError,
    UniqueConstraintError,
    ValidationError,
)
from pydynox.expressions import (
    AnyExpr,
    BinaryExpr,
    BoolExpr,
    Expr,
    ListExpr,
    MapExpr,
    NumberExpr,
    SetExpr,
    Size,
    StringExpr,
    Term,
)
from pydynox.integrations import batch, lambda_
from pydynox.local import LocalServer
from pydynox.sync import SyncClient, SyncInstance, SyncKey, SyncModel, SyncRepository, SyncTable
from pydynox.tables import (
    Drift,
    IndexOptions,
    KmsKey,
    OnDemand,
    Provisioned,
    TableDescription,
    TableOptions,
    ensure_tables,
)
from pydynox.testing import (
    Fakes,
    Fault,
    FaultLog,
    Injected,
    Proxy,
    RecordedRequest,
    WireFault,
    fake,
    fault,
    inject,
    proxy,
    wire_fault,
)


def constructor() -> None:
    assert_type(User(user_id="u1", email="a@b.c", name="Ada"), User)
    User(
        user_id="u1", email="a@b.c", name="Ada", nickname=None, tags=["x"], labels={"x"}, scores={"a": 1}, extra={"a": [1, None]}
    )
    User(
        user_id="u1",
        email="a@b.c",
        name="Ada",
        balance=Decimal(1),
        ratio=1,
        blob=b"x",
        anything=object(),
        nested={"a": [1, None]},
    )
    assert_type(Order(customer_id="c1", number=1, created_by="me"), Order)
    assert_type(Note(text="x"), Note)
    assert_type(Account(id="a", owner="o", nick=None, seen=3), Account)
    assert_type(Legacy(pk="a", sk=1), Legacy)
    assert_type(Mixed(id=b"x", name="y"), Mixed)
    assert_type(Event[int](event_id="e", payload=3), Event[int])
    assert_type(CountEvent(event_id="e", payload=3, unit="m"), CountEvent)
    assert_type(Thing(id=3, name="x"), Thing)


def instance(user: User, order: Order, old: Legacy, account: Account, event: Event[list[str]]) -> None:
    assert_type(user.user_id, str)
    assert_type(user.age, int)
    assert_type(user.ratio, float)
    assert_type(user.balance, Decimal)
    assert_type(user.active, bool)
    assert_type(user.nickname, str | None)
    assert_type(user.blob, bytes | None)
    assert_type(user.tags, list[str])
    assert_type(user.labels, set[str])
    assert_type(user.scores, dict[str, int])
    assert_type(user.nested, dict[str, list[int | None]])
    assert_type(user.extra, dict[str, Any])
    assert_type(user.anything, Any)
    assert_type(user.LIMIT, int)
    assert_type(order.created_by, str)
    user.age += 1
    user.tags.append("y")
    user.nickname = None
    user.nickname = "x"
    assert_type(old.pk, str)
    assert_type(old.sk, int)
    assert_type(old.name, str)
    assert_type(old.ratio, float)
    assert_type(old.nick, str | None)
    assert_type(old.level, float | None)
    assert_type(old.open, bool)
    assert_type(old.checked, bool | None)
    assert_type(old.blob, bytes)
    assert_type(old.seal, bytes | None)
    assert_type(old.tags, list[str])
    assert_type(old.things, list[Any])
    assert_type(old.labels, set[str])
    assert_type(old.extra, dict[str, Any])
    assert_type(old.scores, dict[str, int])
    assert_type(account.id, str)
    assert_type(account.nick, str | None)
    assert_type(account.amount, Decimal)
    assert_type(account.seen, int | None)
    assert_type(account.tags, list[str])
    assert_type(event.payload, list[str])


def without_io(user: User) -> None:
    assert_type(user.model_changes(), dict[str, Change])
    assert_type(user.model_changes()["age"].old, Any)
    assert_type(user.model_rollback(), None)
    assert_type(user.model_dump(), dict[str, Any])
    assert_type(user.model_dump(mode="json"), dict[str, Any])
    assert_type(user.model_dump_json(), str)
    assert_type(
        user.model_dump(include={"name"}, exclude={"address": {"city": True}, "tags": {0}}, by_alias=True), dict[str, Any]
    )
    assert_type(user.model_dump_json(exclude_unset=True, exclude_defaults=True, exclude_none=True), str)
    assert_type(User.model_validate_json(b"{}"), User)
    assert_type(User.model_validate({"user_id": "u1"}), User)
    assert_type(Event[int].model_validate({}), Event[int])
    assert_type(user.model_copy(), User)
    assert_type(user.model_copy(update={"age": 3}), User)
    assert_type(User.model_json_schema(), dict[str, Any])
    patch = User.model_patch().model_validate({"age": 3})
    assert_type(patch.model_actions(), list[Action])
    user.model_apply(patch)
    assert_type(user.model_size(), ItemSize)
    assert_type(user.model_size().total, int)
    assert_type(user.model_size().attributes, dict[str, int])
    assert_type(user.model_to_item(), dict[str, Any])
    assert_type(User.model_from_item({"user_id": {"S": "u1"}}), User)
    assert_type(User.model_fields["age"].immutable, bool)
    assert_type(User.model_fields["age"].description, str | None)
    match user:
        case User(user_id="u1", age=age):
            assert_type(age, int)
        case _:
            pass
    fields: Mapping[str, Attr[Any]] = User.model_fields
    assert_type(fields["age"].required, bool)
    assert_type(User.model_config, ModelConfig)
    assert_type(User.model_config.table, str | None)
    assert_type(user == user, bool)  # noqa: PLR0124


def rules(ruled: Ruled) -> None:
    assert_type(Ruled(code="x", name="a", age=3, nick=None, level=2, flag=False, data=b"", labels={"x"}), Ruled)
    assert_type(ruled.age, int)
    assert_type(ruled.share, Decimal | None)
    assert_type(ruled.nick, str | None)
    assert_type(ruled.tags, list[str])
    assert_type(ruled.normalise(), None)
    assert_type(run(ruled.log()), None)


def paths() -> Sequence[Attr[int]]:
    return [User.age.attribute, Account.count.attribute, Legacy.sk.attribute]


def typed_paths() -> None:
    assert_type(User.name, StringExpr[str])
    assert_type(User.nickname, StringExpr[str | None])
    assert_type(User.age, NumberExpr[int])
    assert_type(User.ratio, NumberExpr[float])
    assert_type(User.balance, NumberExpr[Decimal])
    assert_type(User.active, BoolExpr[bool])
    assert_type(User.blob, BinaryExpr[bytes | None])
    assert_type(User.tags, ListExpr[list[str], str])
    assert_type(User.labels, SetExpr[set[str], str])
    assert_type(User.scores, MapExpr[dict[str, int], int])
    assert_type(User.tags[0], StringExpr[str])
    assert_type(User.scores["a"], NumberExpr[int])
    assert_type(User.nested["a"], ListExpr[list[int | None], int | None])
    assert_type(User.nested["a"][0], NumberExpr[int | None])
    assert_type(Account.nick, StringExpr[str | None])
    assert_type(Account.amount, NumberExpr[Decimal])
    assert_type(Account.seen, NumberExpr[int | None])
    assert_type(Account.tags, ListExpr[list[str], str])
    assert_type(Legacy.sk, NumberExpr[int])
    assert_type(Legacy.ratio, NumberExpr[float])
    assert_type(Legacy.checked, BoolExpr[bool | None])
    assert_type(Legacy.seal, BinaryExpr[bytes | None])
    assert_type(Legacy.labels, SetExpr[set[str], str])
    assert_type(Legacy.scores["a"], NumberExpr[int])
    assert_type(CountEvent.unit, StringExpr[str])
    assert_type(attr("a.b[0]"), AnyExpr)
    assert_type(attr("a")["b"][0], AnyExpr)
    assert_type(attr(["a.b", 0, "c"]), AnyExpr)
    assert_type(path(User.tags), Expr[list[str]])
    assert_type(User.tags.size(), Size)
    assert_type(User.age + 1, Term[int])
    assert_type(User.age.if_not_exists(0) - User.age, Term[int])


def conditions() -> list[Condition]:
    assert_type(User.age > 18, Condition)
    assert_type(~User.active & (User.age == 3) | User.active, Condition)
    assert_type((User.age > 18).explain(), str)
    return [
        User.age == User.age,
        User.age != 3,
        (User.age >= 1) & ~(User.name == "x") | User.active,
        User.active,
        User.active == True,  # noqa: E712
        User.age.between(1, 5),
        User.age.between(User.scores["a"], 5),
        User.age.in_(1, 2),
        User.age.in_([1, 2]),
        User.name.in_({"a", "b"}),
        User.ratio > 1,
        User.name.begins_with("A"),
        User.name.begins_with(User.email),
        User.nickname.begins_with("A"),
        User.nickname.is_none(),
        User.nickname == None,  # noqa: E711
        User.nickname.exists(),
        User.name.attribute_type("S"),
        User.blob.begins_with(b"x"),
        User.tags.contains("x"),
        User.labels.contains("x"),
        User.name.contains("d"),
        User.tags[0] == "x",
        User.tags[0].begins_with("x"),
        User.scores["a"] > 3,
        User.tags.size() > 3,
        User.age > User.tags.size(),
        User.balance > Decimal(1),
        attr("a.b") == 3,
        attr("a").contains(3) & attr("b").begins_with("x"),
        Legacy.sk > 3,
        Legacy.name.begins_with("x"),
        Account.amount > Decimal(1),
        path(User.tags) == ["x"],
    ]


def actions() -> list[Action]:
    return [
        User.age.add(1),
        User.age.set(3),
        User.age.set(User.age + 1),
        User.age.set(User.age - User.age),
        User.age.set(User.age.if_not_exists(0)),
        User.age.set(User.age.if_not_exists(0) + 1),
        User.age.set(User.scores["a"]),
        User.age.remove(),
        User.nickname.set(None),
        User.tags.append("a", "b"),
        User.tags.prepend("a"),
        User.tags.set(["a"]),
        User.labels.add("x"),
        User.labels.discard("x", "y"),
        User.scores["a"].add(1),
        User.scores["a"].remove(),
        User.balance.add(Decimal("0.1")),
        User.nested["a"].append(1, None),
        Legacy.sk.add(1),
        Legacy.tags.append("x"),
        attr("a").add(1),
        attr("a.b").append(1, "x"),
    ]


async def rejecting(user: User, client: DynamoDBClient) -> None:
    condition = User.age > 1
    # What a false condition returns is in the type, and only where it was asked for.
    assert_type(await user.create(on_condition="return"), Literal[True] | Rejected[User])
    assert_type(await user.save(whole=[User.tags], on_condition="return"), Literal[True] | Rejected[User])
    assert_type(await user.put(condition=condition, on_condition="return", timeout=5), Literal[True] | Rejected[User])
    assert_type(await user.update(User.age.add(1), on_condition="return"), Literal[True] | Rejected[User])
    assert_type(await user.delete(on_condition="return"), Literal[True] | Rejected[User])
    assert_type(await user.delete(on_condition="raise"), None)
    assert_type(await User.key("u1").apply(User.age.add(1), on_condition="return"), Literal[True] | Rejected[User])
    assert_type(await User.key("u1").delete(on_condition="return"), Literal[True] | Rejected[User])
    assert_type(user.sync.put(condition=condition, on_condition="return"), Literal[True] | Rejected[User])
    assert_type(user.sync.put(condition=condition), None)
    outcome = await User.key("u1").update(User.age.add(1), condition=condition, on_condition="return")
    assert_type(outcome, User | Rejected[User])
    if isinstance(outcome, Rejected):
        assert_type(outcome, Rejected[User])
        assert_type(outcome.item, User | None)
        assert_type(outcome.error, ConditionFailedError)
    else:
        assert_type(outcome, User)
    saved = await user.save(on_condition="return")
    if not saved:
        assert_type(saved, Rejected[User])
    else:
        assert_type(saved, Literal[True])
    async with client.transaction(on_condition="return") as tx:
        tx.update(User.key("u1"), User.age.add(1), condition=condition)
    assert_type(tx.rejected, Mapping[int, Rejected[Any]])


async def changing(user: User, client: DynamoDBClient) -> None:
    condition = User.age > 1
    await user.create(condition=condition)
    await user.save(condition=User.active)
    await user.put(condition=condition)
    await user.delete(condition=condition)
    assert_type(await user.update(User.age.add(1), User.tags.append("x"), condition=condition), None)
    assert_type(await User.key("u1").update(User.age.add(1), upsert=True), User)
    assert_type(await User.key("u1").apply(User.age.add(1), condition=condition), None)
    assert_type(await User.key("u1").pop(), User | None)
    await User.key("u1").delete(condition=condition)
    assert_type(await User.get_or_create("u1", defaults={"name": "Ada"}), tuple[User, bool])
    assert_type(await Order.get_or_create("c1", 7), tuple[Order, bool])
    assert_type(await Order.get_or_create(customer_id="c1", number=7), tuple[Order, bool])
    assert_type(await client.update_item("t", {"id": "x"}, attr("a").add(1), condition=attr("id").exists()), dict[str, Any])
    await client.put_item("t", {"id": "x"}, condition=attr("id").not_exists())
    assert_type(await client.put_item("t", {"id": "x"}, on_condition="return"), Literal[True] | Rejected[dict[str, Any]])
    plain = await client.update_item("t", {"id": "x"}, attr("n").add(1), on_condition="return")
    assert_type(plain, dict[str, Any] | Rejected[dict[str, Any]])
    assert_type(client.sync.delete_item("t", {"id": "x"}, on_condition="return"), Literal[True] | Rejected[dict[str, Any]])
    assert_type(client.sync.delete_item("t", {"id": "x"}), None)
    await client.delete_item("t", {"id": "x"}, condition=attr("a") > 1)
    user.sync.update(User.age.add(1))
    assert_type(User.key("u1").sync.update(User.age.add(1)), User)
    assert_type(User.key("u1").sync.pop(), User | None)
    assert_type(User.sync.get_or_create("u1"), tuple[User, bool])
    assert_type(client.sync.update_item("t", {"id": "x"}, attr("a").add(1)), dict[str, Any])


def keys() -> None:
    assert_type(User.key("u1"), Key[User])
    assert_type(User.key(user_id="u1"), Key[User])
    assert_type(Order.key("c1", 7), Key[Order])
    assert_type(Legacy.key("a", 1), Key[Legacy])
    assert_type(Thing.key(3), Key[Thing])
    assert_type({User.key("u1"): 1}, dict[Key[User], int])
    any_key: Key[User | Order] = User.key("u1")
    assert_type(run(any_key.exists()), bool)


async def reading() -> None:
    assert_type(await User.get("u1"), User | None)
    assert_type(await User.get(user_id="u1"), User | None)
    assert_type(await User.get_or_raise("u1", consistent_read=True), User)
    assert_type(await Order.get("c1", 7), Order | None)
    assert_type(await Order.get(customer_id="c1", number=7, consistent_read=True), Order | None)
    assert_type(await Legacy.get("a", 1), Legacy | None)
    assert_type(await Visit.get("a", 1), Visit | None)
    assert_type(await User.key("u1").get(), User | None)
    assert_type(await User.key("u1").get_or_raise(consistent_read=False), User)
    assert_type(await User.key("u1").exists(), bool)
    assert_type(await User.key("u1").delete(), None)
    event = await Event[dict[str, int]].get_or_raise("e1")
    assert_type(event.payload, dict[str, int])
    assert_type((await CountEvent.get_or_raise("e1")).payload, int)


async def writing(user: User) -> None:
    assert_type(await user.create(), None)
    assert_type(await user.save(), None)
    await user.save(whole=[User.tags, User.extra])
    assert_type(await user.put(), None)
    assert_type(await user.delete(), None)
    assert_type(await user.refresh(), None)


async def tables(user: User) -> None:
    assert_type(User.table, Table[User])
    assert_type(user.table, Table[User])
    await User.table.create()
    await User.table.create(wait=False)
    assert_type(await User.table.exists(), bool)
    assert_type(await User.table.describe(), TableDescription)
    assert_type((await User.table.describe()).raw, Mapping[str, Any])
    assert_type((await User.table.describe()).billing, OnDemand | Provisioned)
    await User.table.create(billing=Provisioned(rcu=1, wcu=1), stream="NEW_IMAGE", indexes={"by_x": IndexOptions()})
    options = TableOptions(billing=OnDemand(max_rcu=5), tags={"a": "b"}, stream=False, encryption=KmsKey())
    assert_type(await User.table.ensure(**options), list[Drift])
    assert_type(await User.table.update(wait_timeout=None, **options), list[Drift])
    assert_type((await User.table.check(**options))[0].fixed_by, Literal["ensure", "update"] | None)
    assert_type(User.table.to_cloudformation(**options), dict[str, Any])
    assert_type(await User.table.wait_until_active(progress=lambda seen: (seen.doing, seen.table)), TableDescription)
    assert_type(await ensure_tables(User, Order), list[Drift])
    await User.table.delete(wait=True)


async def clients() -> None:
    async with DynamoDBClient(endpoint_url="memory://", table_prefix="t-", timeout=None, errors="full") as client:
        assert_type(client, DynamoDBClient)
        with client.as_default() as same:
            assert_type(same, DynamoDBClient)
        assert_type(await client.get_item("users", {"user_id": "u1"}, projection=["name"]), dict[str, Any] | None)
        await client.put_item("users", {"user_id": "u1", "tags": {"x"}, "at": None})
        await client.delete_item("users", {"user_id": "u1"})
        assert_type(await client.call("ListTables", Limit=3), dict[str, Any])
    DynamoDBClient(region="eu-west-1", profile="work", connect_timeout=1, read_timeout=2.5, max_connections=8)
    DynamoDBClient(credentials=Credentials("AKID", "secret", "token", account_id="123456789012"), ca_bundle=Path("ca.pem"))
    DynamoDBClient(credentials=lambda: Credentials("AKID", "secret", expires_at=datetime.now(UTC)))

    async def from_broker() -> Credentials:
        return Credentials("AKID", "secret")

    DynamoDBClient(credentials=from_broker, keyring=KmsKeyring("alias/app", region="eu-west-1", credentials=from_broker))
    DynamoDBClient(assume_role=AssumeRole("arn:aws:iam::123456789012:role/app", duration=900), ca_bundle="ca.pem")
    assert_type(Credentials("AKID", "secret").access_key_id, str)
    assert_type(Credentials("AKID", "secret").account_id, str | None)
    set_default_client(client)
    set_default_client(None)
    assert_type(get_default_client(), DynamoDBClient)


def blocking(user: User, client: DynamoDBClient) -> None:
    assert_type(User.sync, SyncModel[User, str])
    assert_type(Order.sync, SyncModel[Order, str, int])
    assert_type(User.sync.get("u1"), User | None)
    assert_type(User.sync.get(user_id="u1"), User | None)
    assert_type(User.sync.get_or_raise("u1", consistent_read=True), User)
    assert_type(Order.sync.get("c1", 1), Order | None)
    assert_type(Legacy.sync.get("c1", 1), Legacy | None)
    assert_type(Event[int].sync.get_or_raise("e1"), Event[int])
    assert_type(user.sync, SyncInstance[User])
    assert_type(user.sync.save(whole=[User.tags]), None)
    user.sync.create()
    user.sync.put()
    user.sync.refresh()
    user.sync.delete()
    assert_type(User.key("u1").sync, SyncKey[User])
    assert_type(User.sync.key("u1").get_or_raise(), User)
    assert_type(User.sync.key("u1").delete(), None)
    assert_type(Order.key("c1", 1).sync.exists(), bool)
    assert_type(User.table.sync, SyncTable[User])
    User.table.sync.create()
    assert_type(User.table.sync.describe(), TableDescription)
    assert_type(User.table.sync.ensure(deletion_protection=True), list[Drift])
    assert_type(client.sync.list_tables(), list[str])
    assert_type(client.sync, SyncClient)
    assert_type(client.sync.get_item("users", {"user_id": "u1"}), dict[str, Any] | None)
    assert_type(client.sync.call("ListTables"), dict[str, Any])
    assert_type(run(User.get("u1")), User | None)
    assert_type(run(user.save()), None)


def errors(vanished: ItemVanishedError, wrong: ValidationError) -> None:
    failed: ConditionFailedError = vanished
    missing: ItemNotFoundError = vanished
    both: LookupError = vanished
    root: PydynoxError = failed
    value: ValueError = wrong
    assert_type(root.applied, bool)
    assert_type(root.request_id, str | None)
    assert_type(wrong.errors, Sequence[tuple[str, str]])
    assert_type(failed.item, Any)
    seen: list[Exception] = [missing, both, value]
    seen.clear()


def of_any_model(model: type[Model[str]]) -> Coroutine[Any, Any, object]:
    return model.get("x")


def types(uid: UUID, one: Typed) -> None:
    now = datetime.now(UTC)
    Typed(status=Status.ACTIVE, at=now, uid=uid, price=Money())
    Typed(
        status=Status.ACTIVE,
        at=now,
        uid=uid,
        event_id="e",
        day=now.date(),
        clock=time(3),
        span=timedelta(1),
        seen=now,
        level=Level.LOW,
        choice="b",
        pair=(1, "x"),
        days=(date(2026, 1, 1),),
        uids=frozenset({uid}),
        point=Point(1),
        wish={"what": "x"},
        address=Address(street="s", inner=Address(street="t", city="Rome")),
        places={"home": [Address(street="s")]},
        price=Money(),
        fee=Money(),
    )
    assert_type(one.status, Status)
    assert_type(one.at, datetime)
    assert_type(one.uid, UUID)
    assert_type(one.event_id, str)
    assert_type(one.day, date | None)
    assert_type(one.clock, time | None)
    assert_type(one.span, timedelta)
    assert_type(one.level, Level)
    assert_type(one.choice, Literal["a", "b"])
    assert_type(one.pair, tuple[int, str] | None)
    assert_type(one.days, tuple[date, ...])
    assert_type(one.uids, frozenset[UUID])
    assert_type(one.point, Point | None)
    assert_type(one.wish, Wish | None)
    assert_type(one.places["home"][0].city, str)
    assert_type(one.price, Money)
    assert_type(one.fee, Money | None)
    if one.address:
        assert_type(one.address.street, str)
        assert_type(one.address.inner, Address | None)
        one.address.city = "Rome"
        assert_type(one.address.model_dump(mode="json"), dict[str, Any])
        assert_type(one.address == one.address, bool)


def further_objects(uid: UUID, now: datetime, objects: Objects, annotated: Annotated) -> None:
    assert_type(objects.uid, UUID)
    assert_type(objects.at, datetime)
    assert_type(objects.seen, datetime | None)
    assert_type(objects.day, date)
    assert_type(objects.other, UUID | None)
    assert_type(objects.status, Status)
    assert_type(objects.level, Level | None)
    assert_type(objects.address, Address)
    assert_type(objects.place, Address | None)
    assert_type(objects.point, Point)
    assert_type(objects.wish, Wish)
    assert_type(objects.settings, Any)
    assert_type(objects.points, list[Point])
    assert_type(objects.moments, list[datetime])
    assert_type(objects.levels, set[Level])
    assert_type(Objects.model_config.strict_reads, bool)
    Annotated(uid=uid, at=now, status=Status.ACTIVE, seen=None, place=Address(street="s"))
    assert_type(annotated.at, datetime)
    assert_type(annotated.seen, datetime | None)
    assert_type(annotated.place, Address | None)
    assert_type(Typed.key(Status.ACTIVE, now), Key[Typed])
    assert_type(Priced.key(Money()), Key[Priced])
    codec: Codec[Money] = MoneyCodec()
    assert_type(codec.from_stored(3), Money)
    made: list[str] = [uuid4(), uuid7(), ulid(), ksuid()]
    made.clear()


def further_conditions(now: datetime, uid: UUID) -> list[Condition]:
    return [
        Typed.at > now,
        Typed.uid == uid,
        Typed.status == Status.ACTIVE,
        Typed.level.in_(Level.LOW),
        Typed.span <= timedelta(1),
        Typed.price == Money(),
        Typed.address.city.begins_with("P"),
        Typed.address.street == "s",
        Typed.address.inner.city == "Rome",
        path(Typed.address).exists(),
        Typed.places["home"][0].city.begins_with("R"),
        Typed.homes[0].inner.street == "t",
        Typed.extra["a"]["b"][0] == 3,
        Typed.extra["a"].begins_with("x"),
    ]


def further_actions() -> list[Action]:
    return [
        Typed.homes[0].city.set("Rome"),
        Typed.homes.append(Address(street="s")),
        Typed.places["home"].append(Address(street="s")),
        Typed.extra["x"].set([1]),
        path(Typed.address).set(Address(street="s")),
    ]


async def keeping(kept: Kept, session: Session) -> None:
    Kept(kept_id="a")
    Kept(kept_id="a", expires_at=None, note="x")
    Session(session_id="s", ends_at=datetime.now(UTC))
    Session(session_id="s", ends_at=datetime.now(UTC), expires_at=None)
    assert_type(kept.version, int)
    assert_type(kept.created, datetime)
    assert_type(kept.updated, datetime)
    assert_type(kept.expires_at, datetime | None)
    assert_type(kept.model_is_expired(), bool)
    assert_type(session.expires_at, datetime | None)
    assert_type(session.version, int)
    assert_type(Kept.version == 3, Condition)
    assert_type(Kept.created > datetime.now(UTC), Condition)
    assert_type(extend_ttl(Kept.expires_at, timedelta(hours=1)), Action)
    assert_type(extend_ttl(Session.expires_at, timedelta(hours=1)), Action)
    await kept.save(condition=Kept.version == 3)
    ModelConfig(write_id=True)


async def sharing() -> None:
    made = Templated(order_id="1")
    Templated(order_id="1", state=None)
    assert_type(made.pk, str)
    assert_type(made.by_state, str | None)
    assert_type(await Templated.get(order_id="1"), Templated | None)
    assert_type(await Templated.get("ORDER#1", "META"), Templated | None)
    assert_type(Templated.key(order_id="1"), Key[Templated])
    assert_type(await AppItem.get("ORDER#1", "META"), AppItem | None)
    assert_type(await Templated.get_or_create(order_id="1", defaults={"state": "new"}), tuple[Templated, bool])


async def querying(client: DynamoDBClient) -> None:
    assert_type(Order.query("c1"), Query[Order])
    assert_type(Order.query("c1", Order.number > 3).filter(Order.total > Decimal(1)).descending().limit(3), Query[Order])
    assert_type(Order.query(customer_id="c1"), Query[Order])
    async for order in Order.query("c1"):
        assert_type(order, Order)
    assert_type(await Order.query("c1").first(), Order | None)
    assert_type(await Order.query("c1").one(), Order)
    assert_type(await Order.query("c1").all(), list[Order])
    assert_type(await Order.query("c1").count(), int)
    assert_type(await Order.query("c1").exists(), bool)
    assert_type(await Order.query("c1").keys().all(), list[Key[Order]])
    page = await Order.query("c1").after(None).page(20)
    assert_type(page, QueryResult[Order])
    assert_type(page.cursor, str | None)
    assert_type(page.previous, str | None)
    assert_type(await Order.query("c1").after(None).before(page.previous).page(20), QueryResult[Order])
    assert_type(Order.sync.query("c1").before(page.previous).page(20), QueryResult[Order])
    assert_type(page[0], Order)
    async for one in Order.query("c1").pages(20):
        assert_type(one, QueryResult[Order])
    assert_type(User.by_email.query("a@b.c"), Query[User])
    assert_type(User.by_email.query(email="a@b.c"), Query[User])
    assert_type(User.by_email.query(User.email == "a@b.c"), Query[User])
    assert_type(User.by_age.query(3, User.email.begins_with("a")), Query[User])
    assert_type(User.by_both.query("a@b.c", 3, User.name == "x").keys(), Query[Key[User]])
    assert_type(Order.by_total.query("c1", Order.total > Decimal(1)), Query[Order])
    assert_type(await User.scan(segments=4).filter(User.age > 3).all(), list[User])
    assert_type(await User.query("u1").select(User.name, User.age, User.nickname).all(), list[tuple[str, int, str | None]])
    assert_type(await client.query("users", {"user_id": "u1"}).all(), list[dict[str, Any]])
    for blocking in Order.sync.query("c1", Order.number > 3).filter(Order.total > Decimal(1)).limit(3):
        assert_type(blocking, Order)
    assert_type(Order.query("c1").sync.all(), list[Order])
    assert_type(Order.sync.query("c1").page(20), QueryResult[Order])
    assert_type(Order.sync.query("c1").select(Order.number, Order.total).all(), list[tuple[int, Decimal]])
    assert_type(User.by_email.sync.query("a@b.c").first(), User | None)


async def together(client: DynamoDBClient, user: User, order: Order) -> None:
    assert_type(await client.batch_get(User.key("a")), tuple[User | None])
    assert_type(await client.batch_get(User.key("a"), Order.key("c", 1)), tuple[User | None, Order | None])
    assert_type(await client.batch_get(*[User.key("a")], consistent_read=True), tuple[User | None, ...])
    assert_type(await client.batch_get_all([User.key("a")]), list[User | None])
    assert_type(client.sync.batch_get(User.key("a"), Order.key("c", 1)), tuple[User | None, Order | None])
    assert_type(
        await client.transact_get(User.key("a"), Order.key("c", 1), User.key("b")), tuple[User | None, Order | None, User | None]
    )
    assert_type(client.sync.transact_get(User.key("a")), tuple[User | None])
    assert_type(await client.batch_save([user, order]), int)
    assert_type(client.sync.batch_delete([User.key("a"), order]), int)
    async with client.batch_writer(unguarded=True, progress=print) as batch:
        await batch.put(user)
        await batch.delete(Order.key("c", 1))
        assert_type(batch.written, int)
    with client.sync.batch_writer() as blocking:
        blocking.put(user)
    async with client.transaction(token="t") as tx:
        tx.create(user, condition=User.name == "x")
        tx.save(order)
        tx.put(user)
        tx.update(Order.key("c", 1), Order.total.add(Decimal(1)), condition=Order.total.exists(), upsert=True)
        tx.delete(user)
        tx.delete(Order.key("c", 1))
        tx.check(User.key("a"), User.name == "x")
        assert_type(tx.token, str | None)
    with client.sync.transaction() as pair:
        pair.create(user)
    with client.options(timeout=None, consistent_read=True) as same:
        assert_type(same, DynamoDBClient)


def collected() -> None:
    both = Collection(Templated, Kept)
    assert_type(both.query("x"), Query[Templated | Kept])
    assert_type(both.query("x", Templated.order_id > "1"), Query[Templated | Kept])
    assert_type(both.query(order_id="1"), Query[Templated | Kept])
    assert_type(both.query(Templated.order_id > "1", order_id="1"), Query[Templated | Kept])
    assert_type(Collection(Templated).scan(segments=2), Query[Templated])
    assert_type(Templated.query(order_id="1"), Query[Templated])


async def unique_values() -> None:
    employee = Worker(company="c", number=1, email="e", phone="1")
    assert_type(employee.email, str)
    assert_type(employee.badge, int | None)
    assert_type(employee.phone, str)
    try:
        await employee.create()
    except UniqueConstraintError as taken:
        assert_type(taken.fields, Sequence[str])
        assert_type(taken.holder, object)


def faults(client: DynamoDBClient) -> None:
    with inject(client, fault("PutItem", "throttle", times=None), fault(None, "latency", seconds=0.1)) as log:
        assert_type(log, FaultLog)
    assert_type(log.requests, list[RecordedRequest])
    assert_type(log.injected, list[Injected])
    assert_type(log.injected[0].applied, bool | None)
    assert_type(fake(User, name="Ada"), User)
    assert_type(Fakes(seed="x", size=2).many(Order, 3), list[Order])
    with proxy("memory://", [wire_fault(None, "drip", seconds=0.1), "stale"], tls="expired") as faulty:
        assert_type(faulty, Proxy)
        assert_type(faulty.client(), DynamoDBClient)
        assert_type(faulty.unused, list[WireFault])
    assert_type(log.unused, list[Fault])


async def exports(client: DynamoDBClient) -> None:
    assert_type(await export_jsonl(User, "users.jsonl.gz", progress=print), int)
    assert_type(await import_jsonl("users", Path("users.jsonl"), client=client, resume=True), int)
    with LocalServer(port=8000, endpoint_url="memory://shop") as server:
        assert_type(server, LocalServer)
        assert_type(server.endpoint_url, str)


async def statements_and_cost(client: DynamoDBClient) -> None:
    page = await client.execute("SELECT * FROM users WHERE user_id = ?", "u1", model=User, limit=3)
    assert_type(page, QueryResult[User])
    assert_type(page.consumed_capacity, float | None)
    plain = await client.execute("SELECT * FROM users", consistent_read=True, after=page.cursor)
    assert_type(plain, QueryResult[dict[str, Any]])
    one = "SELECT * FROM users WHERE user_id = ?"
    assert_type(await client.execute_batch([(one, "u1"), "SELECT 1"], model=User), list[User | PydynoxError | None])
    assert_type(await client.execute_batch([(one, "u1")]), list[dict[str, Any] | PydynoxError | None])
    assert_type(await client.execute_transaction([(one, "u1")], model=User), list[User | None])
    assert_type(await client.execute_transaction([(one, "u1")], token="t"), list[dict[str, Any] | None])
    assert_type(client.sync.execute(one, "u1", model=User), QueryResult[User])
    assert_type(client.sync.execute_batch([(one, "u1")], model=User), list[User | PydynoxError | None])
    with client.collect() as usage, client.collect(usage):
        assert_type(usage, Usage)
    assert_type(usage.read_units, float)
    assert_type(usage.by_table, dict[str, Tally])
    with budget(rcu=1.5, requests=3, on_exceed="warn") as spent:
        assert_type(spent.sites, list[tuple[str, int]])
    DynamoDBClient(rate_limit=RateLimit(rcu=10, wcu=2.5))
    DynamoDBClient(data_key_cache=DataKeyCache(max_age=60, max_values=1000))


async def gathered() -> None:
    async with batching():
        assert_type(await User.get("a"), User | None)


async def sealed() -> None:
    made = Sealed(sealed_id="s", card="c", pin="1", ssn=None, log=["x"])
    assert_type(made.ssn, str | None)
    assert_type(made.card, str)
    assert_type(made.notes, str)
    assert_type(made.log, list[str])
    assert_type(made.home, Address | None)
    assert_type(made.pin, str)
    assert_type(made.marks, list[str])
    made.log.append("y")
    made.ssn = "1"
    assert_type(Sealed.ssn.exists(), Condition)
    assert_type(Sealed.log.not_exists() & Sealed.card.exists(), Condition)
    assert_type(Sealed.ssn.set("1"), Action)
    assert_type(Sealed.notes.remove(), Action)
    assert_type(await Sealed.key("s").update(Sealed.log.set(["x"]), Sealed.pin.set("2")), Sealed)
    DynamoDBClient(keyring=LocalKeyring({"a": b"x" * 32}, context={"stage": "test"}))
    DynamoDBClient(keyring=KmsKeyring("alias/app", read_key_ids=["alias/old"], timeout=5))

    class Own:
        async def generate_data_key(self, context: dict[str, str]) -> tuple[str, bytes, bytes]:
            return "k", b"", b""

        def unwrap(self, key_name: str, wrapped: bytes, context: dict[str, str]) -> bytes:
            return wrapped

    DynamoDBClient(keyring=Own())


async def maintained(client: DynamoDBClient) -> None:
    assert_type(await verify_unique(Worker, repair=True, client=client, progress=print), list[UniqueProblem])
    assert_type(await export_jsonl(Order, "orders.jsonl"), int)
    done = await reencrypt(Sealed, client=client, dry_run=True, note="note", resume=True)
    assert_type(done, Reencrypted)
    assert_type(done.written, int)
    assert_type(await client.batch_save([], transactions=True), int)
    assert_type(await client.bulk_write([], target_wcu=10, resume="note", progress=print), int)
    assert_type(client.sync.bulk_write([]), int)
    found: list[User] = []
    assert_type(await client.bulk_read(User.scan(), found.extend, target_rcu=10, resume="note", progress=print), int)
    assert_type(client.sync.bulk_read(User.scan().keys(), print), int)
    assert_type(User.scan().paced(target_rcu=1.5), Query[User])


async def repositories(client: DynamoDBClient, pet: Pet) -> None:
    pets = Repository(
        Pet,
        table="pets",
        partition_key="pet_id",
        version="version",
        created_at="made",
        updated_at="changed",
        names={"age": "years"},
        indexes={"by_age": GlobalSecondaryIndex("age")},
        unique=["age"],
    )
    attr_ = pets.attr
    assert_type(pets, Repository[Pet])
    assert_type(await pets.get("p", consistent_read=True), Pet | None)
    assert_type(await pets.get(pet_id="p"), Pet | None)
    assert_type(await pets.get_or_raise("p"), Pet)
    assert_type(await pets.batch_get(["p", pets.key("q")]), list[Pet | None])
    assert_type(await pets.create(pet), Pet)
    assert_type(await pets.put(pet, condition=attr_.age > 3), Pet)
    assert_type(await pets.save(pet, loaded=pet, whole=[attr_.home]), Pet)
    assert_type(await pets.update(pet, attr_.age.add(1), attr_.home.x.set(3), condition=attr_.home.names[0].exists()), Pet)
    assert_type(await pets.refresh(pet), Pet)
    assert_type(await pets.delete(pet, condition=attr_.alive & ~attr_.tags.contains("x")), None)
    assert_type(await pets.create(pet, on_condition="return"), Pet | Rejected[Pet])
    assert_type(await pets.put(pet, on_condition="return", timeout=3), Pet | Rejected[Pet])
    assert_type(await pets.save(pet, loaded=pet, on_condition="return"), Pet | Rejected[Pet])
    assert_type(await pets.update(pet, attr_.age.add(1), condition=attr_.age > 3, on_condition="return"), Pet | Rejected[Pet])
    assert_type(await pets.delete(pet, on_condition="return"), Literal[True] | Rejected[Pet])
    assert_type(pets.sync.create(pet, on_condition="return"), Pet | Rejected[Pet])
    assert_type(pets.sync.delete(pet), None)
    assert_type(pets.key("p"), Key[Pet])
    assert_type(await pets.key("p").update(attr_.age.add(1)), Pet)
    assert_type(pets.query("p").filter(attr_.age.between(1, 3)), Query[Pet])
    assert_type(await pets.scan().page(3), QueryResult[Pet])
    assert_type(await pets.index("by_age").query(3).all(), list[Pet])
    assert_type(await client.batch_get(pets.key("p"), User.key("u")), tuple[Pet | None, User | None])
    assert_type(pets.changes(pet), dict[str, Change])
    assert_type(pets.table, Table[Pet])
    assert_type(pets.sync, SyncRepository[Pet])
    assert_type(pets.sync.get("p"), Pet | None)
    assert_type(pets.sync.save(pet), Pet)
    assert_type(pets.sync.query("p").all(), list[Pet])
    async with client.transaction() as tx:
        tx.put(pets.item(pet), condition=attr_.age == 3)


# --- idempotency
def chosen(event: dict[str, Any], context: object) -> object:
    return event["id"]


def total(order: Order, retries: int = 0) -> Decimal:
    return order.total


@idempotent(key="order.number", payload=["order.total", total], ttl=timedelta(days=1), lease=5)
async def placed(order: Order, retries: int = 0) -> list[str]:
    return [str(order.number)]


@idempotent(key=chosen, payload=False, table=CoordinationTable("app", sort_key=None), wait=2)
def handled(event: dict[str, Any], context: object) -> dict[str, int]:
    return {"statusCode": 200}


async def once(client: DynamoDBClient, order: Order) -> None:
    assert_type(await placed(order, retries=1), list[str])
    assert_type(handled({"id": "e1"}, None), dict[str, int])
    async with client.transaction() as tx:
        assert_type(tx.idempotent("k", payload={"a": 1}, result=[1], ttl=60, table="app", encrypt=True), IdempotencyMark)
        assert_type(tx.idempotent().repeated, bool)
    with client.sync.transaction() as blocking:
        blocking.idempotent(UUID(int=1))
    assert_type(CoordinationTable().table, Table[Any])
    async with client.lock("a", ttl=timedelta(seconds=5), wait=None, table="app") as lock:
        assert_type(lock, Lock)
        assert_type(lock.token, int)
        assert_type(lock.held(), Condition)
        async with client.transaction() as guarded:
            guarded.check(lock.key, lock.held())
        await order.update(Order.total.set(Decimal(3)), condition=lock.fence(User.age))
    async with client.transaction() as placing:
        assert_type(placing.outbox({"type": "placed"}, key="o1", table=CoordinationTable("app")), str)
    assert_type(await Outbox(client=client).relay(lambda event: (event.id, event.body)), int)
    assert_type(Outbox(client=client).sync.relay(lambda event: (event.id, event.body)), int)
    with client.sync.lock("a", wait=0) as held:
        assert_type(held, SyncLock)
        assert_type(held.release(), None)


@streams.handler(Order, User, concurrency=3, idempotent=True)
async def changed(record: streams.Record[Order | User]) -> None:
    assert_type(record.new, Order | User | None)
    assert_type(record.changes, dict[str, tuple[Any, Any]])


@streams.handler(Order)
def removed(record: streams.Record[Order]) -> None:
    assert_type(record.old, Order | None)


@lambda_.handler
async def invoked(event: dict[str, Any], context: object) -> int:
    return len(event)


@batch.handler(concurrency=2)
async def received(message: batch.Message) -> None:
    assert_type(message.group, str | None)


async def streamed(client: DynamoDBClient) -> None:
    assert_type(changed({}, None), streams.BatchResponse)
    assert_type(await removed.process([]), streams.BatchResponse)
    assert_type(received({"Records": []}), streams.BatchResponse)
    assert_type(invoked({}, None), int)
    assert_type(streams.decode(b"[]", Order, User), list[streams.Record[Order | User]])
    async for record in streams.consume(client, Order, follow=True, checkpoint=streams.Checkpoint()):
        assert_type(record, streams.Record[Order])
    for one in streams.consume(client, Order, User).sync:
        assert_type(one, streams.Record[Order | User])
