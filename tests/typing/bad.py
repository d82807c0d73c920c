"""Every line marked `# E:` must be rejected: `E:` by both checkers, `E[mypy]:` or `E[pyright]:` by that one alone."""
# pyright: reportUnusedExpression=false, reportUnusedVariable=false, reportUnusedCoroutine=false, reportUnknownMemberType=false
from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from models import Account, Address, CountEvent, Sealed, Event, Kept, Legacy, Level, Money, MoneyCodec, Note, Objects, Order, Pet, Session, Status, Templated, Thing, Typed, User
from pydynox.local import LocalServer
from pydynox import export_jsonl, import_jsonl
from pydynox import (
    batching,
    Action,
    AssumeRole,
    Attr,
    Condition,
    BooleanAttribute,
    Credentials,
    DataKeyCache,
    DatetimeAttribute,
    Document,
    DynamoDBClient,
    Encrypted,
    EnumAttribute,
    Key,
    ListAttribute,
    MapAttribute,
    Model,
    ModelConfig,
    NumberAttribute,
    RateLimit,
    Repository,
    SetAttribute,
    StringAttribute,
    after_load,
    budget,
    after_save,
    before_delete,
    before_save,
    created_at,
    extend_ttl,
    field,
    ttl,
    version,
    partition_key,
    path,
    run,
    sort_key,
    uuid7,
)
from pydynox.tables import OnDemand, Provisioned

# --- constructors
User("u1", "a@b.c", "Ada")  # E: positional
User(user_id="u1", email="a@b.c")  # E: name is missing
User(user_id=1, email="a@b.c", name="Ada")  # E: type
User(user_id="u1", email="a@b.c", name="Ada", agee=3)  # E: unknown
User(user_id="u1", email="a@b.c", name=None)  # E: not nullable
User(user_id="u1", email="a@b.c", name="Ada", tags=[1])  # E: list[str]
User(user_id="u1", email="a@b.c", name="Ada", labels=["x"])  # E: set
User(user_id="u1", email="a@b.c", name="Ada", scores={"a": "b"})  # E: dict[str, int]
User(user_id="u1", email="a@b.c", name="Ada", nested={"a": ["b"]})  # E: nested type
User(user_id="u1", email="a@b.c", name="Ada", balance=0.1)  # E: Decimal, no float
User(user_id="u1", email="a@b.c", name="Ada", LIMIT=4)  # E: a class constant
Order(customer_id="c1")  # E: number is missing
Order(customer_id="c1", number=1, created_by=3)  # E: inherited field
Note(text=3)  # E: type
Account(id=3)  # E: attribute objects, annotated
Account(id="a", nope=3)  # E: attribute objects, annotated
Event[int](event_id="e", payload="x")  # E: type argument
CountEvent(event_id="e", payload="x")  # E: type argument of the base
Thing(id="x", name="y")  # E: key type of the base


class WrongDefault(Model[str], table="t"):
    a: Attr[int] = field(default="x")  # E: default type
    b: Attr[str] = field(default=None)  # E: not nullable
    c: Attr[list[str]] = field(default_factory=dict)  # E: factory type
    d: NumberAttribute[int] = NumberAttribute(Decimal)  # E: declared int
    e: StringAttribute = StringAttribute(null=True)  # E: declared str
    f: StringAttribute = StringAttribute(hashkey=True)  # E: unknown option
    g: StringAttribute = StringAttribute(default=3)  # E: default type
    h: Attr[int] = 3  # E: a bare default
    i: Attr[int] = partition_key(default=3)  # E: keys have no default
    j: Attr[int] = sort_key(template="x")  # E: a template makes a str
    k: SetAttribute[int] = SetAttribute(str)  # E: element type
    l: ListAttribute[int] = ListAttribute(int, default_factory=set)  # E: factory type


class WrongRules(Model[str], table="t"):
    a: Attr[str] = field(min_lenght=3)  # E: unknown option
    b: Attr[str] = field(min_length="3")  # E: type
    c: Attr[str] = field(pattern=3)  # E: type
    d: Attr[int] = field(default=0, ge="0")  # E: type
    e: Attr[int] = field(default=0, validate=3)  # E: a callable
    f: Attr[int] = field(default=0, validate=[3])  # E: callables
    g: Attr[int] = field(default=0, immutable="yes")  # E: type
    h: Attr[int] = field(default="x", ge=3)  # E: default type
    i: Attr[str] = partition_key(immutable=True)  # E: keys are
    j: StringAttribute = StringAttribute(ge=3)  # E: rule of another type
    k: NumberAttribute[int] = NumberAttribute(int, max_length=3)  # E: rule of another type
    l: SetAttribute[str] = SetAttribute(str, pattern="x")  # E: rule of another type
    m: Attr[str] = field(description=3)  # E: type
    n: BooleanAttribute = BooleanAttribute(default=True, ge=True)  # E: rule of another type
    o: ListAttribute[str] = ListAttribute(str, max_length="3")  # E: type


class WrongHooks(Model[str], table="t"):
    a: Attr[str] = partition_key()

    @before_save  # E: a hook takes no argument
    def one(self, verb: str) -> None: ...

    @after_load  # E: a hook gives nothing
    def two(self) -> int:
        return 3

    @after_save  # E: a hook gives nothing
    async def three(self) -> str:
        return self.a

    @before_delete()  # E: without parentheses
    def four(self) -> None: ...


class WrongKeyword(Model[str], tabel="t"):  # E: unknown class keyword
    a: Attr[str] = partition_key()


ModelConfig(tabel="x")  # E: unknown setting
ModelConfig(consistent_read="yes")  # E: type
ModelConfig(table="x").table = "y"  # E: frozen


# --- instances
def instance(user: User, old: Legacy, order: Order, event: Event[int]) -> None:
    user.age = "x"  # E: type
    user.nmae = "x"  # E: unknown attribute
    user.nope  # E: unknown attribute
    user.name = None  # E: not nullable
    user.nickname.upper()  # E: may be None
    user.tags.append(3)  # E: list[str]
    user.scores["a"] = "b"  # E: dict[str, int]
    old.sk = "x"  # E: attribute object
    old.nick.upper()  # E: may be None
    old.level + 1  # E: may be None
    old.labels.add(3)  # E: set[str]
    order.total = 0.1  # E: Decimal, no float
    event.payload = "x"  # E: type argument
    user.model_dump(mode="yaml")  # E: unknown mode
    user.model_changes()["age"].older  # E: old or new
    user.model_copy({"age": 3})  # E: keyword only
    user.model_copy(update=3)  # E: a dict
    user.model_apply({"age": 3})  # E: a patch
    user.model_size().bytes  # E: unknown
    user.model_dump_json(mode="json")  # E: no arguments
    age: int = user.model_to_item()  # E: a dict
    User.model_from_item("x")  # E: a dict
    User.model_to_item()  # E: an instance is missing
    order = User.model_validate({"a": 1})  # E: of another model


def paths() -> None:
    User.nope  # E: unknown attribute
    User.age.attribute.nope  # E: unknown attribute
    age: int = User.age  # E: a path is no number


# --- conditions
def conditions(user: User) -> None:
    User.age > "x"  # E: type
    User.age.begins_with("x")  # E: not on numbers
    User.name.begins_with(3)  # E: prefix type
    User.name.add(1)  # E: not on strings
    User.tags.contains(3)  # E: element type
    User.labels.contains(3)  # E: element type
    User.age.contains(3)  # E: not on numbers
    User.age.between(1, "x")  # E: type
    User.age.in_("x", 1)  # E: type
    User.age.in_(["x"])  # E: type
    User.age > User.name  # E: other type
    User.age > User.age + 1  # E: DynamoDB has no arithmetic in conditions
    User.tags.size() > "x"  # E: a size is a number
    User.tags["a"]  # E: list index
    User.scores["a"] > "x"  # E: map element type
    User.scores[0]  # E: map key
    User.age[0]  # E: a number has no elements
    User.active.begins_with("x")  # E: not on booleans
    User.active.add(1)  # E: not on booleans
    User.blob.begins_with("x")  # E: bytes
    Legacy.sk.begins_with("x")  # E: attribute object
    Legacy.name > 3  # E: attribute object
    if User.age > 3:  # E[pyright]: truth value
        pass
    not (User.age > 3)  # E[pyright]: not
    (User.age > 3) & 3  # E: a condition
    c0: Condition = User.age == "x"  # E: a comparison with the wrong type is no Condition
    c1: Condition = User.age > 3 & User.age < 9  # E: parentheses forgotten
    c2: Condition = User.age  # E: a path is no Condition (but a boolean one is)
    c3: Condition = "age > 3"  # E: no strings
    c4: Condition = User.active == "x"  # E: a comparison with the wrong type is no Condition
    path("age")  # E: a place
    attr(3)  # E: a text
    attr(["a", 1.5])  # E: names and positions


# --- actions
async def actions(user: User, client: DynamoDBClient) -> None:
    User.age.set("x")  # E: type
    User.age.add("x")  # E: type
    User.age.set(User.name)  # E: other type
    User.age.set(User.age + "x")  # E: type
    User.age.append(3)  # E: no list
    User.tags.append(3)  # E: element type
    User.labels.add(3)  # E: element type
    User.labels.discard(3)  # E: element type
    User.name.set(None)  # E: not nullable
    User.name + "x"  # E: no sums of texts
    User.scores["a"].add("x")  # E: map element type
    User.age.if_not_exists("x")  # E: type
    User.balance.add(0.1)  # E: Decimal, no float
    a0: Action = User.age > 3  # E: a condition is no action
    await user.save(condition=True)  # E: Condition
    await user.create(condition="x")  # E: Condition
    await user.create(on_condition="ignore")  # E: raise or return
    (await user.put(on_condition="return")).item  # E: it may be True
    await User.key("u1").pop(on_condition="return")  # E: it has no condition
    await user.delete(User.age > 3)  # E: keyword only
    await user.update(age=3)  # E: actions only
    await user.update(User.age > 3)  # E: a condition is no action
    await user.update(User.age.add(1), condition=User.age.add(1))  # E: an action is no condition
    await user.update(User.age.add(1), upsert=True)  # E: keys only
    (await User.key("u1").pop()).name  # E: may be None
    await User.key("u1").update(User.age.add(1), User.age > 3)  # E: a condition is no action
    await User.get_or_create(3)  # E: key type
    await User.get_or_create("u1", {"name": "Ada"})  # E[mypy]: no sort key
    await client.update_item("t", "u1", attr("a").add(1))  # E: a dict
    await client.put_item("t", {"id": "x"}, attr("a") > 1)  # E: keyword only
    user.sync.save(condition=3)  # E: Condition
    user.sync.update(age=3)  # E: actions only
    User.key("u1").sync.update("x")  # E: actions only


# --- keys and reads
async def reading(client: DynamoDBClient) -> None:
    await User.get(3)  # E: key type
    await User.get("u1", "x")  # E[mypy]: no sort key
    await Order.get("c1")  # E: sort key is missing
    await Order.get("c1", "7")  # E: sort key type
    await User.get("u1", consistent=True)  # E: option name
    await User.get("u1", consistent_read="yes")  # E: option type
    await Order.get_or_raise("c1")  # E: sort key is missing
    await Thing.get("x")  # E: key type of the base
    await Event[int].get(3)  # E: key type
    Order.key("c1")  # E: sort key is missing
    Order.key(1, 1)  # E: key type
    (await User.get("u1")).name  # E: may be None
    (await User.key("u1").get()).name  # E: may be None
    name: str = await User.get("u1")  # E: result type
    other: Key[Order] = User.key("u1")  # E: key of another model
    await User.key("u1").get_or_raise(True)  # E: keyword only
    await User.key("u1").get_or_raise(consistent=True)  # E: option name
    User.get("u1").name  # E: await is missing


# --- writes, tables, clients
async def writing(user: User, client: DynamoDBClient) -> None:
    await user.save(cond=3)  # E: option name
    await user.save(whole=["tags"])  # E: paths only
    await user.save(whole=User.tags)  # E: several paths
    await user.save(True)  # E: keyword only
    await user.put(3)  # E: no arguments
    await User.save()  # E: an instance is missing
    await User.table.create(False)  # E: keyword only
    await User.table.creat()  # E: unknown verb
    await User.table.create(billing="PAY_PER_REQUEST")  # E: OnDemand() or Provisioned()
    await User.table.ensure(stream="ALL")  # E: no such view
    await User.table.check(biling=OnDemand())  # E: unknown option
    await User.table.update(tags={"a": 1})  # E: tags are text
    await User.table.create(billing=Provisioned(rcu=1))  # E: wcu is missing
    DynamoDBClient("memory://")  # E: keyword only
    DynamoDBClient(endpoint="memory://")  # E: unknown parameter
    DynamoDBClient(errors="some")  # E: full, keys or none
    DynamoDBClient(timeout="30")  # E: type
    DynamoDBClient(read_timeout=None)  # E: never without one
    DynamoDBClient(max_connections=1.5)  # E: type
    DynamoDBClient(credentials=("AKID", "secret"))  # E: Credentials
    DynamoDBClient(credentials=lambda: "AKID")  # E: str
    DynamoDBClient(assume_role="arn:aws:iam::123456789012:role/app")  # E: AssumeRole
    Credentials("AKID")  # E: the secret is missing
    AssumeRole("arn:aws:iam::123456789012:role/app", "session")  # E: keyword only
    await client.get_item("users")  # E: key is missing
    await client.get_item("users", "u1")  # E: a dict
    await client.put_item("users", user)  # E: a dict
    (await client.get_item("users", {"id": "x"}))["name"]  # E: may be None
    await client.call(3)  # E: the operation's name
    with client:  # E: async with
        pass
    async with client.as_default():  # E: with
        pass


# --- blocking views
def blocking(user: User, order: Order, client: DynamoDBClient) -> None:
    User.sync.get(3)  # E: key type
    Order.sync.get("c1")  # E: sort key is missing
    User.sync.get("u1").name  # E: may be None
    User.sync.save()  # E: an instance is missing
    user.sync.save(whole=3)  # E: paths
    user.sync.get("u1")  # E: the class reads
    user.sync.nope()  # E: unknown
    User.sync.key(3)  # E: key type
    User.key("u1").sync.nope()  # E: unknown
    User.table.sync.create(False)  # E: keyword only
    client.sync.get_item("u1")  # E: key is missing
    x: int = run(User.get("u1"))  # E: result type
    run(3)  # E: a coroutine
    run(User.key("u1"))  # E: a coroutine


# --- the attribute-object spelling without annotations and without init=False
class Bare(Model[str], table="t"):
    pk = StringAttribute(hash_key=True)


Bare(pk="x")  # E[pyright]: pyright invents a constructor without parameters; init=False or an annotation helps


# --- every further type
class WrongTypes(Model[str], table="t"):
    a: Attr[datetime] = field(default="2026-01-01")  # E: default type
    b: Attr[date] = field(default=timedelta(1))  # E: default type
    c: Attr[Status] = field(default="active")  # E: a member, no value
    d: Attr[Literal["a"]] = field(default="b")  # E: none of the values
    e: Attr[UUID] = field(default_factory=uuid7)  # E: text, no UUID
    f: Attr[Money] = field(codec=object())  # E: no codec
    g: Attr[int] = field(codec=MoneyCodec())  # E: codec of another type
    h: Attr[datetime] = field(epoch="minutes")  # E: unknown unit
    h2: Attr[datetime] = field(format=1)  # E: no text
    h3: Attr[datetime] = field(naive=True)  # E: no zone
    i: DatetimeAttribute = DatetimeAttribute(null=True)  # E: declared datetime
    j: EnumAttribute[Status] = EnumAttribute(Level)  # E: another enum
    k: EnumAttribute[Status] = EnumAttribute(Status, default=Level.LOW)  # E: default of another enum
    l: MapAttribute[Address] = MapAttribute(Address, null=True)  # E: declared Address


class WrongDocument(Document):
    a: Attr[int] = field(default="x")  # E: default type


def further_types(one: Typed, objects: Objects, uid: UUID, at: datetime) -> None:
    Typed(status="active", at=at, uid=uid, price=Money())  # E: a member, no value
    Typed(status=Status.ACTIVE, at="now", uid=uid, price=Money())  # E: type
    Typed(status=Status.ACTIVE, at=at, uid="x", price=Money())  # E: type
    Typed(status=Status.ACTIVE, at=at, uid=uid, price=3)  # E: type of the codec
    Typed(status=Status.ACTIVE, at=at, uid=uid)  # E: price is missing
    one.choice = "c"  # E: none of the values
    one.pair = (1, 2)  # E: tuple
    one.days = [date(2026, 1, 1)]  # E: tuple
    one.wish = {"wat": "x"}  # E: TypedDict
    one.address = {"street": "s"}  # E: Document
    one.address.city  # E: may be None
    one.places["home"][0].street = 3  # E: field of the document
    one.places["home"][0].nope  # E: unknown field
    objects.status = Level.LOW  # E: another enum
    objects.at = at.date()  # E: type
    Address("s")  # E: positional
    Address(city="Rome")  # E: street is missing
    Address(street="s", zip=3)  # E: unknown field
    Typed.key("active", at)  # E: key type
    Typed.homes[0].town  # E: element name
    Typed.homes["a"]  # E: list index
    Typed.homes[0].city > 3  # E: nested type
    Typed.places["home"][0].city.add(1)  # E: nested operation
    ModelConfig(strict_reads=1)  # E: type


# --- what is kept
Kept(kept_id="a", version=3)  # E: version is managed by pydynox
Kept(kept_id="a", created=datetime.now())  # E: kept by pydynox
Kept(kept_id="a", expires_at=3600)  # E: a datetime
Session(session_id="s", expires_at="soon", ends_at=datetime.now())  # E: a datetime
Session(session_id="s")  # E: ends_at is missing
extend_ttl(Kept.expires_at, 3600)  # E: a timedelta
extend_ttl("expires_at", timedelta(hours=1))  # E: a path
Kept.version > "3"  # E: a number
Kept.created > 3  # E: a datetime


class WronglyKept(Model[str], table="kept"):
    pk: Attr[str] = partition_key()
    count: Attr[str] = version()  # E: int
    made: Attr[int] = created_at()  # E: datetime
    gone: Attr[datetime] = ttl(default=3600)  # E: a datetime or a timedelta


# --- templates and entities
Templated(pk="x", order_id="1")  # E: templated keys are computed
Templated(order_id="1", by_state="x")  # E: made of others
Templated()  # E: order_id is missing
Templated(order_id=1)  # E: str


class WronglyMade(Templated, entity=3):  # E: a name
    x: Attr[str] = field(template=3)  # E: a text
    y: Attr[str] = field(default="", template="A#{x}")  # E: one or the other


async def querying() -> None:
    await User.query("u1").page()  # E: rows per page
    User.query(3)  # E: key type
    User.query("u1", limit=3, sort="x")  # E: sort is a condition
    Order.query("c1", "x")  # E: sort is a condition
    Order.query("c1", 7)  # E: sort is a condition
    User.scan().filter("age > 3")  # E: conditions only
    User.scan().filter(User.age == "x")  # E: conditions only
    User.scan().where(User.age > 3)  # E: no such verb
    User.by_nope.query("x")  # E: unknown index
    User.by_email.query(3)  # E: type of the partition key
    User.by_email.sync.query(3)  # E: type of the partition key
    for row in User.query("u1"):  # E: async for
        pass
    users: list[User] = await User.query("u1")  # E: say .all()
    async for a, b in User.query("u1").select(User.name, User.age):
        a.add(1)  # E: str
        b.upper()  # E: int
    User.query("u1").select("name")  # E: paths only
    User.sync.query(3)  # E: key type


# --- batches and transactions
async def together(client: DynamoDBClient, user: User, users: list[User]) -> None:
    await client.batch_get("a")  # E: a key
    await client.batch_get(User.key("a"), consistent_read="yes")  # E: bool
    await client.batch_get_all(User.key("a"))  # E: an iterable
    await client.transact_get(user)  # E: a key
    await client.batch_save(user)  # E: an iterable
    await client.bulk_read(User, print)  # E: a query
    await client.bulk_read(Order.scan(), users.extend)  # E: rows of another model
    client.batch_writer(guarded=False)  # E: unknown option
    client.transaction("t")  # E: by name
    async with client.transaction() as tx:
        tx.update(user, User.name.set("x"))  # E: a key
        tx.update(User.key("a"), User.name == "x")  # E: an action
        tx.save(user, condition=True)  # E: a condition
        tx.check(User.key("a"), "x")  # E: a condition
        tx.idempotent("k", ttl="day")  # E: seconds
    with client.lock("a"):  # E: async with
        pass
    client.lock("a", ttl=None)  # E: seconds
    with client.options(timeout="5"):  # E: seconds
        pass


async def exports() -> None:
    await export_jsonl(3, "users.jsonl")  # E: a name or a model
    await import_jsonl(User, "users.jsonl", progress=lambda: None)  # E: is told how many
    LocalServer("8000")  # E: a number


async def statements_and_cost(client: DynamoDBClient) -> None:
    await client.execute("SELECT 1", model=3)  # E: a model
    await client.execute("SELECT 1", limit="3")  # E: a number
    await client.execute_batch([("SELECT ?", "u1"), 3])  # E: statements
    await client.execute_transaction(["SELECT 1"], consistent_read=True)  # E: transactions are consistent
    client.collect(3)  # E: a usage
    RateLimit(5)  # E: by name
    DataKeyCache(max_values=1.5)  # E: whole values
    budget(requests=1.5)  # E: whole requests
    budget(requests=1, on_exceed="shout")  # E: raise or warn


def gathered() -> None:
    with batching():  # E: async with
        pass


class SealedWrongly(Model[str], table="t"):
    k: Attr[str] = partition_key()
    b: Encrypted[str] = field(default=3)  # E: default type


def sealed(made: Sealed) -> None:
    Sealed(sealed_id="s", card="c", pin="1", ssn=3)  # E: encrypted str
    made.ssn = 3  # E: encrypted str
    Sealed.ssn.begins_with("1")  # E: encrypted
    Sealed.ssn > "1"  # E: encrypted
    Sealed.notes.contains("x")  # E: compressed
    condition: Condition = Sealed.ssn == "1"  # E: encrypted
    Sealed.ssn.set(3)  # E: encrypted type
    Sealed.query("u1").select(Sealed.ssn)  # E: sealed values are read with the whole item
    DynamoDBClient(keyring=b"key")  # E: a keyring


async def repositories(pets: Repository[Pet], pet: Pet, user: User) -> None:
    Repository(Pet, partition_key="pet_id")  # E: a table
    Repository(Pet, table="pets")  # E: a key
    Repository(Pet, table="pets", partition_key="pet_id", versions="v")  # E: unknown option
    await pets.put(user)  # E: a pet
    await pets.save(pet, loaded=user)  # E: a pet
    await pets.save(pet, condition=True)  # E: a condition
    await pets.update(pet, pets.attr.age == 3)  # E: an action
    await pets.get("p", consistent_read="yes")  # E: bool
    found: Pet = await pets.get("p")  # E: may be None
    written: Pet = await pets.put(pet, on_condition="return")  # E: may be rejected
    await pets.save(pet, on_condition="ignore")  # E: raise or return
    pets.scan().filter(pets.attr.age.add(1))  # E: a condition
    pets.sync.delete(user)  # E: a pet
