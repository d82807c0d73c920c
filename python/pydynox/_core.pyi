"""The extension module: the border between Python and the Rust core."""

from collections.abc import Callable, Container, Coroutine, Generator, Iterator, Mapping, Sequence
from contextvars import ContextVar
from os import PathLike
from types import TracebackType
from typing import Any, ClassVar, NoReturn, Self, TypeAlias, TypedDict, TypeVar, final

_T = TypeVar("_T")

# How a value is stored, as nested tuples:
# ("str",) ("int",) ("float",) ("decimal",) ("number",) ("bool",) ("bytes",) ("none",) ("any",)
# ("list", kind) ("dict", kind) ("set", kind) ("frozenset", kind) ("tuple_of", kind) ("tuple", (kind, ...)) ("optional", kind)
# ("datetime", "iso" | "seconds" | "milliseconds" | "whole_seconds") ("date",) ("time",) ("timedelta",) ("uuid",) ("json", kind)
# ("enum", kind, name, class, {value: member}) ("literal", kind, name, None, {value: value}) ("record", Shape, class)
# ("pydantic", class, options, names of sets) ("codec", kind, codec, class | None, name)
Kind = tuple[Any, ...]

# Access key, secret, token, account, end in seconds since 1970; or what gives an object with these as `_wire`
Credentials = tuple[str, str, str | None, str | None, float | None] | Callable[[], object]

__version__: str

class BuildData(TypedDict):
    """How the extension was built; None for what was unknown then."""

    target: str | None
    profile: str | None
    commit: str | None
    rustc: str | None

def build_data() -> BuildData: ...

@final
class Keyring:
    """Where data keys come from. It never shows a key."""

    @staticmethod
    def local(keys: Sequence[tuple[str, bytes | bytearray]], pairs: Sequence[tuple[str, str]]) -> Keyring: ...
    @staticmethod
    def own(object: object, pairs: Sequence[tuple[str, str]]) -> Keyring: ...
    @staticmethod
    def kms(
        key_id: str,
        read_key_ids: Sequence[str],
        place: tuple[str | None, str | None, float | None],  # endpoint, region, time-out
        credentials: Credentials | None,
        pairs: Sequence[tuple[str, str]],
    ) -> Keyring: ...

# None or what becomes of plaintext; None or level, threshold and largest size; whether dumps show it
Protected = tuple[str | None, tuple[int, int, int] | None, bool]

class _DeclaredField(TypedDict):
    default: tuple[object] | None  # in a 1-tuple, so that None can be a default

class DeclaredField(_DeclaredField, total=False):
    """What a class declares of an attribute beside its names and its kind."""

    role: str | None
    default_factory: Callable[[], object] | None
    missing: tuple[object] | None  # in a 1-tuple too
    store_null: bool
    rules: dict[str, Any] | None
    immutable: bool
    duty: str | None  # version, created_at, updated_at, write_id, expires_at
    template: tuple[list[str | tuple[str, str, int | None]], str | None, bool] | None
    protected: Protected | None

@final
class Field:
    """One attribute of a model, compiled."""

    def __new__(cls, name: str, attribute_name: str, kind: Kind, declared: DeclaredField) -> Self: ...
    def broken_rules(self, value: object) -> list[str]:
        """What a value of the right type breaks, each as what follows the attribute's name."""
    @property
    def name(self) -> str: ...
    @property
    def attribute_name(self) -> str: ...
    @property
    def required(self) -> bool: ...

class Declared(TypedDict):
    """What a class declares beside its fields."""

    table: str | None
    logical_table: str | None
    strict_reads: bool
    consistent_read: bool
    hide_expired: bool
    entity: str | None
    entity_attribute: str
    entities: dict[str, Schema | None] | None
    only_entities: bool
    # name, whether global, partition key, sort key, included attributes: None for all, none for the keys only
    indexes: Sequence[tuple[str, bool, Sequence[str], Sequence[str], Sequence[str] | None]]
    unique: Sequence[tuple[str, Sequence[str]]]
    repair_orphans: bool

@final
class Schema:
    """A model, compiled: what its items look like and which Python values they become."""

    def __new__(cls, model: type, fields: Sequence[Field], declared: Declared) -> Self: ...
    @property
    def model(self) -> type: ...
    @property
    def is_protected(self) -> bool: ...
    @property
    def table(self) -> str | None: ...
    @property
    def fields(self) -> tuple[Field, ...]: ...
    def refuse_envelopes(self, names: Sequence[tuple[str, str]]) -> None:
        """Another class of its table encrypts these attributes: the stored name, and the class."""
    def key(self, values: tuple[object, ...], named: Mapping[str, object]) -> tuple[object, ...]:
        """The checked key values, partition key first; raises ValidationError."""

class Instance:
    """What every model instance is: checked assignment, and the state that users do not see."""

    def __init__(self, **values: object) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[int, Any], /) -> Self: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]  # equal by value and mutable, as a list is

@final
class Concealed:
    """Stands in a class for an attribute whose values are not in ``__dict__`` of its instances."""

    def __new__(cls, name: str) -> Self: ...
    def __get__(self, instance: object, owner: object = None, /) -> Any: ...
    def __set__(self, instance: Instance, value: object, /) -> None: ...
    def __delete__(self, instance: Instance, /) -> None: ...

def concealed_values(instance: Instance, /) -> dict[str, Any]: ...
def set_concealed(instance: Instance, values: dict[str, Any], /) -> None: ...
def echoes(value: object, text: str, /) -> bool: ...

@final
class LocalServer:
    """The embedded engine over HTTP on 127.0.0.1."""

    def __new__(cls, endpoint_url: str, port: int, max_connections: int, idle_timeout: float) -> Self: ...
    @property
    def port(self) -> int: ...
    def stop(self) -> None:
        """Accept nothing more, finish what is being answered, and end."""

@final
class Shape:
    """A class whose values are maps, compiled: a document, a dataclass or a TypedDict."""

    def __new__(cls, class_: type, make: str) -> Self: ...
    def complete(self, fields: Sequence[Field], flags: Sequence[bool]) -> None:
        """Say what the members are. By member, `flags` say whether a dataclass's constructor takes it, whether a TypedDict must
        have it."""

class Document:
    """What every document is: checked assignment, and the stored members that its class does not declare."""

    def __init__(self, **values: object) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[int, Any], /) -> Self: ...
    def __setstate__(self, state: tuple[dict[str, Any], list[tuple[int, bytes]], bytes], /) -> None: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]  # equal by value and mutable, as a list is

@final
class Path:
    """The path to an attribute, or to a place inside it; every method encodes the values that it is given."""

    def __new__(cls, field: Field, owner: type) -> Self: ...
    @staticmethod
    def parse(said: str | Sequence[str | int]) -> Path:
        """The path that a text such as ``address.lines[0]`` names, or a list of names and positions, of no declared type."""
    @property
    def steps(self) -> tuple[str | int, ...]: ...
    def child(self, step: str | int) -> Path:
        """One step further: a name in a map, a position in a list."""
    def compare(self, comparator: str, other: object) -> Condition: ...
    def is_stored_as(self, value: object) -> Condition:
        """Whether exactly this is stored there, be it encrypted or not."""
    def between(self, low: object, high: object) -> Condition: ...
    def is_in(self, values: tuple[object, ...]) -> Condition: ...
    def exists(self) -> Condition: ...
    def not_exists(self) -> Condition: ...
    def is_none(self) -> Condition: ...
    def begins_with(self, prefix: object) -> Condition: ...
    def contains(self, part: object) -> Condition: ...
    def attribute_type(self, name: str) -> Condition: ...
    def size(self) -> Size: ...
    def if_not_exists(self, value: object) -> Term: ...
    def plus(self, amount: object) -> Term: ...
    def minus(self, amount: object) -> Term: ...
    def set(self, value: object) -> Action: ...
    def remove(self) -> Action: ...
    def add(self, values: tuple[object, ...]) -> Action: ...
    def discard(self, values: tuple[object, ...]) -> Action: ...
    def append(self, values: tuple[object, ...]) -> Action: ...
    def prepend(self, values: tuple[object, ...]) -> Action: ...
    def postponed(self, seconds: int, now: object) -> Action:
        """Let a number of seconds since 1970 grow, from now where there is none."""

@final
class Size:
    """How large what stands at a path is."""

    def compare(self, comparator: str, other: object) -> Condition: ...
    def between(self, low: object, high: object) -> Condition: ...
    def is_in(self, values: tuple[object, ...]) -> Condition: ...

@final
class Term:
    """What ``set()`` takes beside values and paths: a sum, a difference, ``if_not_exists``."""

    def plus(self, amount: object) -> Term: ...
    def minus(self, amount: object) -> Term: ...

class Condition:
    """A test on an item, made by comparing paths. Combine with ``&``, ``|`` and ``~``."""

    def __new__(cls, path: Path, /, *_rest: object) -> Self: ...
    def __and__(self, other: Condition, /) -> Condition: ...
    def __rand__(self, other: Condition, /) -> Condition: ...
    def __or__(self, other: Condition, /) -> Condition: ...
    def __ror__(self, other: Condition, /) -> Condition: ...
    def __invert__(self) -> Condition: ...
    def __bool__(self) -> NoReturn: ...
    def explain(self) -> str:
        """The text of the condition with its values, as DynamoDB's expressions are written; ``repr`` shows it without values."""

@final
class Action:
    """One thing that an update does to an item, made by a path: ``User.age.add(1)``."""

    def explain(self) -> str:
        """The text of the action with its values, as DynamoDB's expressions are written; ``repr`` shows it without values."""

@final
class Search:
    """A query or scan that was not sent; every method gives another one."""

    @staticmethod
    def query(
        schema: Schema,
        index: str | None,
        values: tuple[object, ...],
        named: Mapping[str, object],
        models: list[Schema] | None = None,
    ) -> Search: ...
    @staticmethod
    def scan(schema: Schema, index: str | None, segments: int, segment: int | None) -> Search: ...
    @staticmethod
    def plain_query(table: str, index: str | None, partition: object, sort: object) -> Search: ...
    @staticmethod
    def plain_scan(table: str, index: str | None, segments: int, segment: int | None) -> Search: ...
    def filtered(self, conditions: tuple[object, ...]) -> Search: ...
    def selected(self, paths: tuple[object, ...]) -> Search: ...
    def paced(self, pace: Pace) -> Search: ...
    def keys(self) -> Search: ...
    def descending(self) -> Search: ...
    def consistent_read(self, value: bool) -> Search: ...
    def bounded(self, limit: int | None, page_size: int | None, max_reads: int | None) -> Search: ...
    def timed(self, seconds: float) -> Search: ...
    @property
    def timeout(self) -> float | None: ...
    def after(self, given: str | dict[str, Any] | None) -> Search: ...
    def cursors(self, audience: str | None, lifetime: int | None) -> Search: ...
    def on_invalid(self, call: Callable[..., object]) -> Search: ...
    @property
    def invalid(self) -> Callable[..., object] | None: ...
    @property
    def limit(self) -> int | None: ...
    def explain(self, client: Connection) -> dict[str, Any]:
        """What would be sent, without sending it."""

@final
class Reading:
    """A query or scan under way."""

    def __new__(cls, search: Search, client: Connection, count: bool, capacity: bool) -> Self: ...
    def fetch(self, wanted: int | None, ahead: bool) -> Operation:
        """The next rows: `wanted` of them, or as many as come at once; None when there are no more. With `ahead` the page after
        it may be fetched before it is asked for."""
    def count(self, exists: bool) -> Operation: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def is_stuck(self) -> bool:
        """Whether rows are here that were not given: the next of them cannot be read."""
    @property
    def is_spent(self) -> bool: ...
    @property
    def capacity(self) -> float | None: ...
    def cursor(self) -> str | None: ...
    def cursor_after(self, rows: int) -> str | None:
        """Where it would stand with this many of the keys that were given last."""
    def close(self) -> None: ...

@final
class Operation:
    """A call that is sent when it is awaited; it gives the decoded answer, or raises the error.

    A coroutine that is cancelled, or closed, while it waits gives the call up: what was not sent yet never is, and what a request
    may have written counts as unsaved.
    """

    def __await__(self) -> Generator[Any, None, Any]: ...  # itself: what type checkers take to be awaited
    def __iter__(self) -> Self: ...
    def __next__(self) -> Any: ...
    def throw(self, kind: Any, value: Any = None, traceback: TracebackType | None = None, /) -> None: ...
    def close(self) -> None: ...

@final
class Pending:
    """Puts and deletes that wait until they are sent; of two for the same item the last counts."""

    def __new__(cls, client: Connection) -> Self: ...
    def __len__(self) -> int:
        """How many were given since the last were sent, those included that a later one replaced."""
    def put(self, instance: Instance) -> None: ...
    def fill(self, source: Iterator[object], most: int, unguarded: bool) -> object:
        """Hold puts of what comes until there are ``most``; gives the first that needs more than that, or None."""
    def pass_by(self, count: int) -> None:
        """That so many were written by themselves, or before: errors count positions over all that is given."""
    def delete(self, instance: Instance) -> None: ...
    def delete_key(self, target: object, key: _Key) -> None: ...
    def put_line(self, table: str, keys: list[str], line: bytes) -> None:
        """The put of the item of a line ``{"Item": {...}}``."""
    def targets(self) -> list[Any]:
        """What is held, as it was given, in the order in which it is sent."""
    def are_puts(self) -> list[bool]:
        """Whether each of them is a put."""
    def send(self, pace: Pace | None = None) -> Operation:
        """Hold nothing from then on; the result is the places of those that were not written, and an error or None."""

@final
class Faults:
    """What a test wants done to requests, and what was done."""

    def __new__(cls, rules: Sequence[Any]) -> Self: ...
    def injected(self) -> list[tuple[int, str, str, int, bool | None]]:
        """What was done so far."""

    def requests(self) -> list[str]:
        """The operations of all requests that came by."""

# schema, values, and what templates made the key of
_Key: TypeAlias = tuple[Schema, tuple[object, ...], dict[str, object] | None]

class Connection:
    """What those need of a client who send: every client is one."""

@final
class Client(Connection):
    """The core's client, seen from Python; every method gives an Operation and sends nothing."""

    def __new__(
        cls,
        *,
        region: str | None,
        endpoint_url: str | None,
        profile: str | None,
        credentials: Credentials | None,
        assume_role: tuple[str, str | None, str | None, float | None] | None,
        table_prefix: str,
        timeout: float | None,
        read_timeout: float,
        connect_timeout: float,
        max_attempts: int,
        max_connections: int,
        cursor_keys: Sequence[bytes],
        rate_limit: tuple[float | None, float | None, float] | None,
        ca_bundle: str | PathLike[str] | None,
        retry_unsafe_writes: bool,
        max_decompressed: int,
        errors: str,
        size_warning: float | None,
        keyring: Keyring | None,
        data_key_cache: tuple[float, int, int, int] | None,
    ) -> Self: ...
    def get(
        self, schema: Schema, values: tuple[object, ...], named: Mapping[str, object], consistent_read: bool | None
    ) -> Operation: ...
    def exists(self, schema: Schema, key: tuple[object, ...]) -> Operation: ...
    def create(self, instance: Instance, condition: Condition | None) -> Operation: ...
    def put(self, instance: Instance, condition: Condition | None) -> Operation: ...
    def save(self, instance: Instance, whole: Sequence[str], condition: Condition | None) -> Operation | None: ...
    def update(self, instance: Instance, actions: tuple[Action, ...], condition: Condition | None) -> Operation: ...
    def update_key(self, key: _Key, actions: tuple[Action, ...], condition: Condition | None, upsert: bool) -> Operation: ...
    def apply_key(self, key: _Key, actions: tuple[Action, ...], condition: Condition | None, upsert: bool) -> Operation: ...
    def delete(self, instance: Instance, condition: Condition | None) -> Operation: ...
    def refresh(self, instance: Instance) -> Operation: ...
    def delete_key(self, schema: Schema, key: tuple[object, ...], condition: Condition | None) -> Operation: ...
    def pop_key(self, schema: Schema, key: tuple[object, ...]) -> Operation: ...
    @property
    def number(self) -> int: ...
    @property
    def seals_cursors(self) -> bool: ...
    def options_variable(self) -> ContextVar[tuple[float | None, bool | None, BlockDeadline | None]]:
        """What ``options()`` blocks say: a time-out in seconds, whether reads are consistent, and a deadline."""
    def batch_get(
        self,
        keys: Sequence[_Key],
        consistent_read: bool | None,
        on_invalid: Callable[..., object] | None = None,
    ) -> Operation:
        """Its result is a list of items, the positions left over, whether items have hooks, and what brings the rest."""
    def address_of(self, instance: Instance) -> tuple[str, bytes]:
        """Its table as it is sent, and its key in the form in which equal keys are equal."""
    def scan_lines(self, table: str, after: str | None, consistent_read: bool, limit: int | None, pace: Pace) -> Operation:
        """Its result is the lines, how many, and the key to go on after, or None."""
    def transact_write(self, entries: Sequence[tuple[Any, ...]], token: str | None) -> tuple[Operation, str] | None:
        """Operations as ``(verb, instance or key, actions, condition, upsert)``; gives the token, too."""
    def transact_get(self, keys: Sequence[_Key]) -> Operation: ...
    def get_item(
        self, table: str, key: Mapping[str, object], consistent_read: bool | None, projection: Sequence[str | Sequence[str | int]]
    ) -> Operation: ...
    def put_item(self, table: str, item: Mapping[str, object], condition: Condition | None) -> Operation: ...
    def update_item(
        self, table: str, key: Mapping[str, object], actions: tuple[Action, ...], condition: Condition | None
    ) -> Operation: ...
    def delete_item(self, table: str, key: Mapping[str, object], condition: Condition | None) -> Operation: ...
    def call(self, operation: str, wire: Mapping[str, object]) -> Operation: ...
    def open_item(self, schema: Schema, item: dict[Any, Any]) -> Operation:
        """An instance from an item in DynamoDB's own form, protected values opened."""
    def inject(self, faults: Faults) -> None:
        """From now on, do to this client's requests what these faults say."""

    def lift(self, faults: Faults) -> None:
        """No longer do to this client's requests what these faults say."""

    def close(self) -> None: ...

@final
class BlockDeadline:
    """When everything must be over that is done in a block."""

    def __new__(cls, seconds: float, outer: BlockDeadline | None) -> Self: ...

@final
class Trail:
    """The positions that answers ended at; an answer that ends where an earlier one did is refused."""

    def __new__(cls, operation: str, start: str | None) -> Self: ...
    def note(self, position: str) -> None: ...

@final
class TableWatch:
    """Looks at one table until it is as wanted, with growing pauses, until its time is over."""

    def __new__(cls, client: Connection, table: str, seconds: float | None, /) -> Self: ...
    def restart(self) -> None:
        """Something was done: the next look comes without a pause."""

    def look(self, goal: str, once: bool, applied: bool) -> Operation:
        """Look once, or until the table is as wanted; its result is a pair, the table's description and whether it is."""

def table_declaration(schema: Schema, /) -> dict[str, Any]:
    """The members of CreateTable that follow from a model: its keys and indexes."""

def table_named(client: Connection, table: str, /) -> str:
    """A table's name as it is sent."""

def administer(client: Connection, operation: str, table: str, members: dict[str, Any], /) -> Operation:
    """Send an operation about one table, in the service's own JSON without the table's name."""

def describe_table(client: Connection, table: str, /) -> Operation: ...
def table_exists(client: Connection, table: str, /) -> Operation: ...
def run(coroutine: Coroutine[Any, Any, _T], /) -> _T:
    """Drive one pydynox coroutine to its end on the calling thread."""

def is_blocking() -> bool:
    """Whether a coroutine that runs now must not yield."""

def drive_hook(coroutine: Coroutine[Any, Any, _T], hook: str, /) -> _T:
    """As ``run``, for a hook that an error names."""

def check_line(keys: list[str], line: bytes, /) -> None:
    """Refuse a line that has no item with these keys."""

def needs_guard(schema: Schema, by_key: bool, /) -> bool: ...
def check_token(token: str, /) -> None: ...

@final
class Meter:
    """Counts the calls of one client, or of all; numbers are requests, retries, throttles, read units, write units."""

    def __new__(
        cls,
        client: int | None,  # its number
        limits: tuple[float | None, float | None, int | None, bool],  # read units, write units, requests, whether it refuses
        site: Callable[[], str] | None,
    ) -> Self: ...
    def total(self) -> tuple[int, int, int, float, float]: ...
    def by_operation(self) -> list[tuple[str, tuple[int, int, int, float, float]]]: ...
    def by_table(self) -> list[tuple[str, tuple[int, int, int, float, float]]]: ...
    def migrated(self) -> int: ...
    def sites(self) -> list[tuple[str, int]]: ...
    def excess(self) -> str | None:
        """What is over the budget, in words."""

@final
class Pace:
    """The pace of a bulk job: it finds out how much there is. Ceilings in units per second, None for none."""

    def __new__(cls, read: float | None, write: float | None) -> Self: ...

def meters_variable() -> ContextVar[tuple[Meter, ...]]:
    """The meters that count the calls made here."""

def claims(instance: Instance, /) -> list[tuple[list[str], dict[str, Any], dict[str, Any]]]:
    """What a stored item holds that only one item has: names, stored names and values, the guard that has to be there."""

def key_of_item(schema: Schema, item: dict[str, Any], wire: bool, /) -> tuple[object, ...]:
    """The values of the key of an item, as its model has them; of an item of plain values, or in DynamoDB's JSON."""

def batching_variable() -> ContextVar[bool]:
    """Whether reads that begin here wait for others."""

def begin_isolation(client: Client, /) -> int: ...
def end_isolation(id: int, /) -> None: ...
def check_key_limits(max_age: float, max_values: int, max_bytes: int, max_unwrapped: int, /) -> None: ...
def check_rate_limit(rcu: float | None, wcu: float | None, burst: float, /) -> None: ...

@final
class Statement:
    """A statement of PartiQL and its parameters."""

    def __new__(cls, text: str, parameters: tuple[object, ...]) -> Self: ...
    @property
    def reads(self) -> bool: ...
    def execute(
        self,
        client: Connection,
        schema: Schema | None,
        consistent_read: bool | None,
        limit: int | None,
        after: str | None,
        on_invalid: Callable[..., object] | None,
    ) -> Operation:
        """Gives rows, where the next page begins, and what they cost."""

    def cursor(self, client: Connection, after: str) -> str: ...
    def after(self, client: Connection, cursor: str) -> str: ...

def execute_batch(
    client: Connection, statements: Sequence[Statement], schema: Schema | None, consistent_read: bool | None, /
) -> Operation: ...
def execute_transaction(
    client: Connection, statements: Sequence[Statement], schema: Schema | None, token: str | None, /
) -> tuple[Operation, str | None]: ...
def is_stored(instance: Instance, /) -> bool: ...
def is_expired(instance: Instance, /) -> bool: ...
def changes(instance: Instance, /) -> dict[str, tuple[Any, Any]]: ...
def rollback(instance: Instance, /) -> None: ...

# mode, include, exclude, whether what is unset, a default, or None is left out, and what pydantic models inside are told
_DumpOptions: TypeAlias = tuple[str, object, object, tuple[bool, bool, bool], dict[str, Any] | None]

def dump(instance: Instance, options: _DumpOptions, names: Container[str] | None = None, /) -> dict[str, Any]: ...
def dump_json(instance: Instance, options: _DumpOptions, names: Container[str] | None = None, /) -> str: ...
def dump_document(document: Document, options: _DumpOptions, /) -> dict[str, Any]: ...
def from_plain(schema: Schema, values: dict[Any, Any], /) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The values of a dictionary as the attributes have them, and what is wrong; that stays as it was given."""

def value_from_plain(kind: Kind, value: object, /) -> Any:
    """A value of a kind from what JSON or a dictionary has for it; raises ValidationError."""

def value_to_plain(kind: Kind, value: object, /) -> Any:
    """What JSON has for a value of a kind; raises ValidationError."""

def parse_json(schema: Schema, text: bytes, /) -> dict[str, Any]: ...
def document_to_item(document: Document, /) -> dict[str, Any]: ...
def fits(kind: Kind, value: object, /) -> bool: ...
def size(instance: Instance, client: Connection | None, /) -> tuple[int, dict[str, int]]: ...
def to_item(instance: Instance, /) -> dict[str, Any]: ...
def from_item(schema: Schema, item: dict[Any, Any], /) -> Any: ...
def pickled(instance: Instance, /) -> tuple[dict[str, Any], bytes | None, list[str], list[str]]: ...
def restored(model: type, values: dict[str, Any], item: bytes | None, unsettled: list[str], unset: list[str], /) -> Any: ...
def encode_item(instance: Instance, /) -> bytes: ...
def decode_item(schema: Schema, item: bytes, /) -> Any: ...
def decode_items(schema: Schema, page: bytes, /) -> list[Any]: ...
def uuid4() -> str:
    """A random UUID (RFC 9562, version 4), as text."""

def uuid7() -> str:
    """A UUID that begins with the time (RFC 9562, version 7), as text; each is greater than the one before in this process."""

def ulid() -> str:
    """A ULID, 26 characters that begin with the time; each is greater than the one before in this process."""

def ksuid() -> str:
    """A KSUID, 27 characters that begin with the time in seconds."""
