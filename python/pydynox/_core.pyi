"""The extension module: the border between Python and the Rust core."""

from collections.abc import Callable, Container, Coroutine, Generator, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from os import PathLike
from types import GenericAlias, TracebackType
from typing import Any, ClassVar, Generic, Literal, NoReturn, Self, TypeAlias, TypedDict, TypeVar, final

from ._shared.typing import EventKind

_T = TypeVar("_T")

# How a value is stored, as nested tuples; values/kind.rs reads them:
# ("str",) ("int",) ("float",) ("decimal",) ("number",) ("bool",) ("bytes",) ("none",) ("any",)
# ("list", kind) ("dict", kind) ("set", kind) ("frozenset", kind) ("tuple_of", kind) ("tuple", (kind, ...)) ("optional", kind)
# ("datetime", format, whether naive text is UTC, whether finer digits are cut off), and "date" and "time" in the same way; the
# format is what format= takes, or of a datetime "seconds" | "milliseconds" | "whole_seconds"
# ("timedelta",) ("uuid",) ("json", kind)
# ("enum", kind, name, class, {value: member}) ("literal", kind, name, None, {value: value}) ("record", Shape, class)
# ("pydantic", class, options, names of sets) ("codec", kind, codec, class | None, name)
Kind = tuple[Any, ...]

# Access key, secret, token, account, expiry in seconds since 1970; or a function that returns an object with these as `_wire`
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
    """The source of data keys. It never shows a key."""

    @staticmethod
    def local(keys: Sequence[tuple[str, bytes | bytearray]], pairs: Sequence[tuple[str, str]]) -> Keyring: ...
    @staticmethod
    def own(object: object, pairs: Sequence[tuple[str, str]]) -> Keyring: ...
    @staticmethod
    def kms(
        key_id: str,
        read_key_ids: Sequence[str],
        place: tuple[str | None, str | None, float | None],  # endpoint, region, timeout in seconds
        credentials: Credentials | None,
        pairs: Sequence[tuple[str, str]],
    ) -> Keyring: ...

# None or how to treat plaintext; None or level, threshold and largest size in bytes; whether dumps show it
Protected = tuple[str | None, tuple[int, int, int] | None, bool]

class _DeclaredField(TypedDict):
    default: tuple[object] | None  # in a 1-tuple, so that None can be a default

class DeclaredField(_DeclaredField, total=False):
    """What a class declares of an attribute in addition to its names and its kind."""

    public_name: str | None  # what users call it, if not by its name
    is_compared: bool  # whether writes compare it with what is stored
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
        """The rules that a value of the right type breaks, each as a phrase that follows the attribute's name."""
    @property
    def name(self) -> str: ...
    @property
    def attribute_name(self) -> str: ...
    @property
    def required(self) -> bool: ...

class Declared(TypedDict):
    """What a class declares in addition to its fields."""

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
    """A compiled model: the form of its items, and the Python values they become."""

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
        """Refuse encrypted values in these attributes, which another class of the table encrypts: stored name and class."""
    def key(self, values: tuple[object, ...], named: Mapping[str, object]) -> tuple[object, ...]:
        """The checked key values, partition key first; raises ValidationError."""

class Instance:
    """The base of every model instance: checked assignment, and the state that users do not see."""

    def __init__(self, **values: object) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[int, Any], /) -> Self: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]  # equal by value and mutable, as a list is

@final
class Concealed:
    """The descriptor of an attribute whose values are not in the ``__dict__`` of its instances."""

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
        """Stop accepting requests, finish those in progress, and shut down."""

@final
class Shape:
    """A compiled class whose values are maps: a document, a dataclass or a TypedDict."""

    def __new__(cls, class_: type, make: str) -> Self: ...
    def complete(self, fields: Sequence[Field], flags: Sequence[bool]) -> None:
        """Set the members; `flags` tell which a dataclass's constructor takes, or a TypedDict requires."""

class Document:
    """The base of every document: checked assignment, and the stored members that its class does not declare."""

    def __init__(self, **values: object) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[int, Any], /) -> Self: ...
    def __setstate__(self, state: tuple[dict[str, Any], list[tuple[int, bytes]], bytes], /) -> None: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]  # equal by value and mutable, as a list is

@final
class Path:
    """The path to an attribute, or to an element inside it; every method encodes the values passed to it."""

    def __new__(cls, field: Field, owner: type) -> Self: ...
    @staticmethod
    def parse(path: str | Sequence[str | int]) -> Path:
        """Parse a path without a declared type from a text such as ``address.lines[0]``, or a list of names and positions."""
    @property
    def steps(self) -> tuple[str | int, ...]: ...
    def child(self, step: str | int) -> Path:
        """One step further: a name in a map, a position in a list."""
    def compare(self, comparator: str, other: object) -> Condition: ...
    def is_stored_as(self, value: object) -> Condition:
        """Whether exactly this value is stored there, encrypted or not."""
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
        """Add to a number of seconds since 1970, starting from now if none is stored."""

@final
class Size:
    """The size of the value at a path."""

    def compare(self, comparator: str, other: object) -> Condition: ...
    def between(self, low: object, high: object) -> Condition: ...
    def is_in(self, values: tuple[object, ...]) -> Condition: ...

@final
class Term:
    """What ``set()`` accepts in addition to values and paths: a sum, a difference, ``if_not_exists``."""

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
    """A query or scan that has not been sent; every method returns a new one."""

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
    def as_json(self, names: list[str] | None, /) -> Search | None:
        """With items as JSON as rows, showing these attributes or all; None where only an instance has the values."""
    def keys(self) -> Search: ...
    def descending(self) -> Search: ...
    def consistent_read(self, value: bool) -> Search: ...
    def bounded(self, limit: int | None, page_size: int | None, max_reads: int | None) -> Search: ...
    def timed(self, seconds: float) -> Search: ...
    @property
    def timeout(self) -> float | None: ...
    def after(self, given: str | dict[str, Any] | None) -> Search: ...
    def before(self, given: str | dict[str, Any] | None) -> Search: ...
    @property
    def is_backward(self) -> bool:
        """Whether rows arrive in the reverse of the query's order: those before a cursor."""
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
    """A query or scan in progress."""

    def __new__(cls, search: Search, client: Connection, count: bool, capacity: bool, keeps: bool) -> Self: ...
    def fetch(self, wanted: int | None, ahead: bool) -> Operation:
        """The next rows: `wanted` of them, or those of one page; None at the end. `ahead` allows prefetching a page."""
    def count(self, exists: bool) -> Operation: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def is_stuck(self) -> bool:
        """Whether fetched rows remain of which the next cannot be read."""
    @property
    def is_spent(self) -> bool: ...
    @property
    def capacity(self) -> float | None: ...
    def cursor(self) -> str | None: ...
    def begin_page(self) -> None: ...
    def cursor_back(self) -> str | None:
        """The cursor at the beginning of the page, which leads the other way; None if nothing is there."""
    def cursor_after(self, rows: int, given: int) -> str | None:
        """The cursor after this many of the rows returned last, of which `given` count towards the limit, where `keeps` was set;
        otherwise after all of them."""
    def take_back(self, rows: int) -> None:
        """This many of the rows that were returned do not count towards the limit."""
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
    """Puts and deletes waiting to be sent; if an item appears twice, the last write wins."""

    def __new__(cls, client: Connection) -> Self: ...
    def __len__(self) -> int:
        """Number of writes added since the last send, including those that a later one replaced."""
    def put(self, instance: Instance) -> None: ...
    def fill(self, source: Iterator[object], most: int, unguarded: bool) -> object:
        """Add puts from the iterator until there are ``most``; return the first item that needs its own write, or None."""
    def pass_by(self, count: int) -> None:
        """Skip this many positions, written singly or earlier: errors count positions over all items passed in."""
    def delete(self, instance: Instance) -> None: ...
    def delete_key(self, target: object, key: _Key) -> None: ...
    def put_line(self, table: str, keys: list[str], line: bytes) -> None:
        """Add a put of the item in a line ``{"Item": {...}}``."""
    def targets(self) -> list[Any]:
        """The targets waiting to be sent, as passed in, in the order in which they are sent."""
    def are_puts(self) -> list[bool]:
        """Whether each target is a put."""
    def send(self, pace: Pace | None = None) -> Operation:
        """Send and clear the waiting writes; the result is the positions that were not written, and an error or None."""

@final
class Faults:
    """The faults that a test injects, and those that were injected."""

    def __new__(cls, rules: Sequence[Any]) -> Self: ...
    def injected(self) -> list[tuple[int, str, str, int, bool | None]]:
        """The faults injected so far."""

    def requests(self) -> list[tuple[str, list[str], bytes]]:
        """The requests that were sent: the operation, the tables and the body of each."""

    def forget(self) -> None:
        """Forget the requests that were sent so far."""

@final
class Isolation:
    """A test: from its creation, what has no endpoint of its own uses the items of its client."""

    def __new__(cls, client: Client, faults: Faults, given: Any, table_prefix: str, meter: Meter | None) -> Self: ...
    @property
    def is_local(self) -> bool: ...
    def end(self) -> None: ...
    def backstage(self) -> Client:
        """A client of the same tables that is not a part of the test."""

    def snapshot(self) -> Snapshot:
        """A copy of all tables."""

    def restore(self, snapshot: Snapshot) -> None:
        """Make all tables what they were."""

    def settle(self) -> None:
        """The tables were arranged: what lags has caught up."""

    def allow(self, leading_keys: list[str]) -> int:
        """Allow only requests to these partition keys, until ``lift`` is called with the number that this returns."""

    def lift(self, id: int) -> None: ...
    def serve(self) -> LocalServer:
        """The same tables over HTTP on 127.0.0.1."""

@final
class Snapshot:
    """All tables as they were."""

# schema, values, and the parts that templates built the key from
_Key: TypeAlias = tuple[Schema, tuple[object, ...], dict[str, object] | None]

class Connection:
    """What sending an operation needs of a client; every client is one."""

@final
class Client(Connection):
    """The core's client, as seen from Python; every method returns an Operation and sends nothing."""

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
        """The settings of ``options()`` blocks: a timeout in seconds, whether reads are consistent, and a deadline."""
    def batch_get(
        self,
        keys: Sequence[_Key],
        consistent_read: bool | None,
        on_invalid: Callable[..., object] | None = None,
    ) -> Operation:
        """Its result is a list of items, the unprocessed positions, whether items have hooks, and an operation for the rest."""
    def address_of(self, instance: Instance) -> tuple[str, bytes]:
        """Its table as sent, and its key in a form in which equal keys compare equal."""
    def scan_lines(self, table: str, after: str | None, consistent_read: bool, limit: int | None, pace: Pace) -> Operation:
        """Its result is the lines, their number, and the key to continue after, or None."""
    def transact_write(self, entries: Sequence[tuple[Any, ...]], token: str | None) -> tuple[Operation, str] | None:
        """Takes operations as ``(verb, instance or key, actions, condition, upsert)``; also returns the token."""
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
        """An instance from an item in DynamoDB JSON, with protected values decrypted and decompressed."""
    def inject(self, faults: Faults) -> None:
        """Start injecting these faults into this client's requests."""

    def lift(self, faults: Faults) -> None:
        """Stop injecting these faults."""

    def close(self) -> None: ...

@final
class BlockDeadline:
    """The deadline of everything done in a block."""

    def __new__(cls, seconds: float, outer: BlockDeadline | None) -> Self: ...

@final
class Trail:
    """The positions at which pages ended; a page that ends where an earlier one did is refused."""

    def __new__(cls, operation: str, start: str | None) -> Self: ...
    def note(self, position: str) -> None: ...

@final
class TableWatch:
    """Polls one table with growing pauses until it reaches a state, or the time is up."""

    def __new__(cls, client: Connection, table: str, seconds: float | None, /) -> Self: ...
    def restart(self) -> None:
        """Something changed, so poll next time without a pause."""

    def look(self, goal: str, once: bool, applied: bool) -> Operation:
        """Poll once, or until the table reaches the goal; the result is the table's description and whether it has."""

@final
class Record(Generic[_T]):
    """One change of an item, from a stream or an export."""

    @property
    def event_name(self) -> Literal["INSERT", "MODIFY", "REMOVE"] | None:
        """What happened; None if the record cannot be read. Of an export of new images alone, a change is an INSERT."""
    @property
    def new(self) -> _T | None:
        """The item after the change; None after a removal, or if the stream does not contain it."""
    @property
    def old(self) -> _T | None:
        """The item before the change; None before an insertion, or if the stream does not contain it."""
    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        """The attributes that differ, by name: their old and new values, None where there is none.

        Equal numbers and sets are equal however they are written. Attributes that the model does not declare have their stored
        names.

        Raises:
            ValidationError: The stream leaves out an image; its view type must be NEW_AND_OLD_IMAGES.
        """
    @property
    def keys(self) -> dict[str, Any]:
        """The item's key as plain values, by stored name."""
    @property
    def model(self) -> type[_T] | None:
        """The class of the item; None if the record has no image and its key may be that of several models."""
    @property
    def table(self) -> str | None:
        """The table as DynamoDB names it; None if the record does not say."""
    @property
    def sequence_number(self) -> str | None:
        """Its number in the stream: DynamoDB's, or that of Kinesis. Of a message of SQS, its ``messageId``."""
    @property
    def event_id(self) -> str | None:
        """Its identifier, the same at every delivery."""
    @property
    def approximate_creation_time(self) -> datetime | None:
        """When the change was made, in UTC."""
    @property
    def size_bytes(self) -> int | None:
        """The size of keys and images in bytes, as the stream reports it."""
    @property
    def by_ttl(self) -> bool:
        """Whether DynamoDB removed the item because its time to live had passed."""
    @property
    def error(self) -> Exception | None:
        """Why the record cannot be decoded; then it has no images."""
    @property
    def raw(self) -> dict[str, Any]:
        """The record as it arrived."""
    @property
    def is_sealed(self) -> bool: ...
    @property
    def is_message(self) -> bool: ...
    @property
    def group(self) -> bytes | None: ...
    def opened(self, new: Any, old: Any) -> Self: ...
    def failed(self, error: Exception) -> Self: ...
    def __class_getitem__(cls, key: Any) -> GenericAlias: ...

def stream_records(
    client: Connection, event: object, schemas: Sequence[Schema], table: str | None, opens: bool, /
) -> list[Record[Any]]:
    """The records of an event that belong to these models; those that cannot be read have an error."""

def open_image(client: Connection, record: Record[Any], new: bool, /) -> Operation | None:
    """Open an image of a sealed record, the new one or the old one; the operation returns an instance."""

def table_declaration(schema: Schema, /) -> dict[str, Any]:
    """The members of CreateTable that a model determines: its keys and indexes."""

def table_named(client: Connection, table: str, /) -> str:
    """A table's name as sent."""

def administer(client: Connection, operation: str, table: str, members: dict[str, Any], /) -> Operation:
    """Send an operation about one table, in the service's own JSON without the table's name."""

def describe_table(client: Connection, table: str, /) -> Operation: ...
def table_exists(client: Connection, table: str, /) -> Operation: ...
def run(coroutine: Coroutine[Any, Any, _T], /) -> _T:
    """Run one pydynox coroutine to completion on the calling thread."""

def pause(seconds: float, /) -> Operation:
    """Wait for half of this time to all of it."""

def run_aside(coroutine: Coroutine[Any, Any, _T], /) -> _T:
    """Like ``run``, inside a running event loop too, which waits meanwhile."""

def reopen_all() -> None:
    """Make every client connect again and look up its credentials again, except for engines in this process."""

def is_blocking() -> bool:
    """Whether the coroutine running now must not yield."""

def drive_hook(coroutine: Coroutine[Any, Any, _T], hook: str, /) -> _T:
    """Like ``run``, for a hook; errors name the hook."""

def check_line(keys: list[str], line: bytes, /) -> None:
    """Check that a line has an item with these keys."""

def needs_guard(schema: Schema, by_key: bool, /) -> bool: ...
def check_token(token: str, /) -> None: ...

@final
class Capture:
    """The requests of calls made while it is among the meters of the context, of any client; none of them is sent."""

    def __new__(cls) -> Self: ...
    def requests(self) -> list[tuple[str, bytes, bool, bool]]:
        """Operation, body, whether values are encrypted, and whether the answer may have encrypted values."""

class Explained(BaseException):
    """Ends a call that is captured."""

def stored_size(item: bytes, /) -> int:
    """The size in bytes of an item as DynamoDB counts it, given as the JSON of its attributes."""

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
        """The part of the budget that is exceeded, as text."""

@final
class Pace:
    """The pace of a bulk job, which adapts to the table's capacity. Limits in units per second; None for no limit."""

    def __new__(cls, read: float | None, write: float | None) -> Self: ...

@final
class Event:
    """One thing that happened in a call or between calls; what is unknown, or does not belong to its kind, is None.

    It is frozen, and contains neither keys nor values, except in the two bodies, which exist only if they were asked for.

    Attributes:
        kind: What happened.
        call: The number of the call, unique in the process; the same in all events of a call. A ``batch_flushed`` has one of its
            own.
        batch: The number of the ``batch_flushed`` that the call is a part of.
        operation: The DynamoDB operation, such as ``"GetItem"``; for data keys ``"GenerateDataKey"`` or ``"Decrypt"``.
        table: The table by the name that was sent; None if there are several or none.
        tables: All tables of the request.
        index: The index that a query or scan reads.
        batch_size: How many items, operations or statements a batch or a transaction consists of.
        attempt: The number of the attempt, from 1; of a planned retry that of the next one; of a call that ended, how many there
            were.
        pause: Seconds until the planned retry.
        elapsed: Seconds that it took: the attempt, the call so far, opening the connection.
        status: The HTTP status of the response.
        request_id: DynamoDB's ID of the request.
        error: The name of the exception's class, such as ``"ThrottlingError"``; None for success.
        code: DynamoDB's own name for the error.
        throttling_reasons: Pairs of reason and resource, as DynamoDB sends them.
        read_units: Read units consumed.
        write_units: Write units consumed.
        count: How many items a page contains, or how many items of a batch are done.
        scanned_count: How many items were examined for the page.
        unprocessed: How many items of a batch are not done.
        request_size: Bytes of the request's body.
        response_size: Bytes of the response's body.
        host: The host that a connection leads to or the call went to, with the port if it is not the usual one.
        connection_wait: Seconds until the attempt had a connection, opening it included; of a call that ended, those of its last
            attempt. An embedded engine has no connections.
        connection_use: Seconds from then until it was given back, or closed.
        reason: Why a connection was dropped; ``"no connection in time"`` of an attempt whose time ran out before it had one.
        source: Where the credentials came from, such as ``"keys of profile dev"``.
        time: When it happened, or ended, in seconds since 1970.
        time_ns: The same in nanoseconds.
        request_body: The request as JSON text, if the handler or the recording asked for ``values=True``.
        response_body: The response as JSON text, in the same case.
    """

    __match_args__: ClassVar[tuple[Literal["kind"], Literal["operation"], Literal["table"]]] = ("kind", "operation", "table")
    @property
    def kind(self) -> EventKind: ...
    @property
    def bits(self) -> int:
        """The bits of its kinds."""
    @property
    def outcome(
        self,
    ) -> tuple[
        str | None,
        str | None,
        str | None,
        int | None,
        int | None,
        float | None,
        int | None,
        str | None,
        str | None,
        str | None,
    ]:
        """Operation, table, index, call, attempt, elapsed, status, request ID, error, code."""
    @property
    def measures(
        self,
    ) -> tuple[
        int | None,
        int | None,
        float | None,
        float | None,
        int | None,
        int | None,
        str | None,
        int | None,
        int,
        float | None,
        float | None,
    ]:
        """Batch, batch size, read units, write units, count, scanned count, address, port, time in nanoseconds, seconds of
        waiting for a connection and of its use."""
    @property
    def call(self) -> int | None: ...
    @property
    def batch(self) -> int | None: ...
    @property
    def operation(self) -> str | None: ...
    @property
    def table(self) -> str | None: ...
    @property
    def tables(self) -> tuple[str, ...]: ...
    @property
    def index(self) -> str | None: ...
    @property
    def batch_size(self) -> int | None: ...
    @property
    def attempt(self) -> int | None: ...
    @property
    def pause(self) -> float | None: ...
    @property
    def elapsed(self) -> float | None: ...
    @property
    def status(self) -> int | None: ...
    @property
    def request_id(self) -> str | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def code(self) -> str | None: ...
    @property
    def throttling_reasons(self) -> list[tuple[str, str]]: ...
    @property
    def read_units(self) -> float | None: ...
    @property
    def write_units(self) -> float | None: ...
    @property
    def count(self) -> int | None: ...
    @property
    def scanned_count(self) -> int | None: ...
    @property
    def unprocessed(self) -> int | None: ...
    @property
    def request_size(self) -> int | None: ...
    @property
    def response_size(self) -> int | None: ...
    @property
    def host(self) -> str | None: ...
    @property
    def connection_wait(self) -> float | None: ...
    @property
    def connection_use(self) -> float | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def source(self) -> str | None: ...
    @property
    def time(self) -> float: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def request_body(self) -> bytes | None: ...
    @property
    def response_body(self) -> bytes | None: ...
    @property
    def has_bodies(self) -> bool:
        """Whether it contains one of the bodies."""
    def without_bodies(self) -> Event:
        """The same event without the bodies."""
    def as_dict(self) -> dict[str, Any]:
        """The attributes that are not empty, without the bodies."""

def event_kinds() -> tuple[EventKind, ...]:
    """All kinds of events."""

def event_bits(kinds: Sequence[str], repeated_attempts: bool, bodies: bool, capacity: bool, /) -> int:
    """Bits of these kinds, of attempts that failed or followed one, and of contents. ValueError: the name of no kind."""

def want_events(client: Connection | None, bits: int, /) -> None:
    """Which events are wanted of a client, or of all."""

def deliver_events_to(function: Callable[[int, list[Event]], None], /) -> None:
    """Who receives events, with the number of their client. Only the first function counts."""

def client_stats(client: Connection, /) -> tuple[tuple[int, int, int, int, int, int, int], tuple[int, int, int]]:
    """Calls, in flight, retries, throttles, timeouts, bytes sent, bytes received; connections open, idle, waited for."""

def connection_pools() -> list[tuple[tuple[str, int], tuple[int, int, int, int]]]:
    """Of each client with connections: address and port; open, idle, waited for, at most open."""

def warm_up(client: Connection, connections: int, /) -> Operation:
    """Open connections. The result: how many are open."""

def deliver_waiting(client: Connection, /) -> None:
    """Deliver the events of a client that belong to no call."""

def observing_variable() -> ContextVar[bool]:
    """Whether a handler runs here, so that its calls are not observed."""

def report_unraisable(problem: BaseException, object: object, /) -> None: ...
def meters_variable() -> ContextVar[tuple[Meter | Capture, ...]]:
    """The meters that count the calls made here."""

def claims(instance: Instance, /) -> list[tuple[list[str], dict[str, Any], dict[str, Any]]]:
    """The unique values of a stored item: names, stored names and values, and the guard that must exist."""

def key_of_item(schema: Schema, item: dict[str, Any], wire: bool, /) -> tuple[object, ...]:
    """The key values of an item, as its model has them; the item has plain values, or is in DynamoDB JSON."""

def batching_variable() -> ContextVar[bool]:
    """Whether reads that start here wait to be batched."""

def advance_clock(seconds: float, /) -> None: ...
def move_clock(date: int, /) -> None: ...
def date_by_clock() -> int: ...
def check_key_limits(max_age: float, max_values: int, max_bytes: int, max_unwrapped: int, /) -> None: ...
def check_rate_limit(rcu: float | None, wcu: float | None, burst: float, /) -> None: ...

@final
class Lease:
    """One attempt to hold a lock, and the task that keeps it."""

    def __new__(cls, client: Connection, key: _Key, name: str, seconds: float, /) -> Self: ...
    @property
    def owner(self) -> str: ...
    @property
    def token(self) -> int: ...
    @property
    def is_held(self) -> bool: ...
    @property
    def is_lost(self) -> bool: ...
    def acquire(self, wait: float | None) -> Operation:
        """Acquire the lock and begin to beat; its result is the fencing token."""

    def release(self) -> Operation:
        """Stop beating, and release the lock; its result is whether it was held until now."""

    def abandon(self) -> None:
        """Stop beating, and release the lock without waiting for it."""

@final
class Statement:
    """A statement of PartiQL and its parameters."""

    def __new__(cls, text: str, parameters: tuple[object, ...], schema: Schema | None) -> Self: ...
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
        """Its result is the rows, the position of the next page, and the consumed capacity."""

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

# mode, include, exclude, whether unset values, defaults and None are left out, and options for nested pydantic models
_DumpOptions: TypeAlias = tuple[str, object, object, tuple[bool, bool, bool], dict[str, Any] | None]

def dump(instance: Instance, options: _DumpOptions, names: Container[str] | None = None, /) -> dict[str, Any]: ...
def dump_json(instance: Instance, options: _DumpOptions, names: Container[str] | None = None, /) -> str: ...
def dump_document(document: Document, options: _DumpOptions, /) -> dict[str, Any]: ...
def from_plain(schema: Schema, values: dict[Any, Any], /) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The values of a dictionary in the attributes' types, and the problems; a value with a problem stays unchanged."""

def value_from_plain(kind: Kind, value: object, /) -> Any:
    """A value of a kind from its form in JSON or a dictionary; raises ValidationError."""

def value_to_plain(kind: Kind, value: object, /) -> Any:
    """The form in JSON of a value of a kind; raises ValidationError."""

def parse_json(schema: Schema, text: bytes, /) -> dict[str, Any]: ...
def document_to_item(document: Document, /) -> dict[str, Any]: ...
def time_format(of: str, format: str, /) -> tuple[bool, str | None]:
    """Whether a format of a "datetime", "date" or "time" stores numbers, and why it does not sort as time does.

    Raises:
        ValueError: There is no such format, or values of that type cannot have it.
    """

def fits(kind: Kind, value: object, /) -> bool: ...
def size(instance: Instance, client: Connection | None, /) -> tuple[int, dict[str, int]]: ...
def to_item(instance: Instance, /) -> dict[str, Any]: ...
def from_item(schema: Schema, item: dict[Any, Any], /) -> Any: ...
def pickled(instance: Instance, /) -> tuple[dict[str, Any], bytes | None, list[str], list[str]]: ...
def restored(model: type, values: dict[str, Any], item: bytes | None, unsettled: list[str], unset: list[str], /) -> Any: ...
def uuid4() -> str:
    """A random UUID (RFC 9562, version 4), as text."""

def uuid7() -> str:
    """A UUID that begins with the time (RFC 9562, version 7), as text; each is greater than the one before in this process."""

def ulid() -> str:
    """A ULID, 26 characters that begin with the time; each is greater than the one before in this process."""

def ksuid() -> str:
    """A KSUID, 27 characters that begin with the time in seconds."""
