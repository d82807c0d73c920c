"""The decorator ``@idempotent``: a function that runs once for each key, no matter how many calls have it."""

from __future__ import annotations

import inspect
import warnings
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, get_type_hints

import pydynox._core as _core
from pydynox._shared.context import restore
from pydynox.default_client import client_for
from pydynox.exceptions import ConfigurationError

from .calls import Calls
from .marks import Running, running_call, seconds_of
from .records import Attempts, Records, Stored
from .tables import table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from pydynox.client import DynamoDBClient

    from .calls import Choice
    from .tables import CoordinationTable

P = ParamSpec("P")
R = TypeVar("R")


def idempotent(
    *,
    key: Choice,
    payload: Choice | Sequence[Choice] | bool | None = None,
    ttl: float | timedelta = 86_400,
    lease: float | timedelta = 60,
    wait: float | timedelta = 0,
    table: CoordinationTable | str = "pydynox",
    name: str | None = None,
    result: Any = None,
    encrypt: bool = False,
    client: DynamoDBClient | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function run once for each key: a call with a key that was used before returns the result of the first.

    A call writes a record of its key, runs the function, and stores the result in the record. If the function raises, the record
    is removed, so that a later call runs. If the process dies, or the function takes longer than its lease, a later call runs
    after the lease has ended: the function runs at least once, and not twice at a time within its lease. What must happen exactly
    once belongs in a transaction with ``tx.idempotent()``, which completes the record and is applied together with it.

    Works for ``async def`` and for plain functions, which make blocking calls. Parameters and the result's type stay the same.

    Args:
        key: What identifies a call: a path that begins with a parameter, such as ``"event.detail.id"``, or a callable with the
            same parameters.
        payload: What must be the same whenever a key is used, chosen in the same way: one choice, or a list of them; False
            compares nothing. Defaults to all arguments, and to nothing if one of them is a Lambda context: an event has the
            time and the number of its delivery.
        ttl: Seconds, or a timedelta, for which a result is kept; the key may be used again afterwards.
        lease: Seconds, or a timedelta, of the longest call. In Lambda, the time that the invocation has left.
        wait: Seconds, or a timedelta, to wait for another call with the same key that is running.
        table: Where records are stored: a ``CoordinationTable``, or the name of one.
        name: What the function is called in the keys of its records. Defaults to its module and name, so a function that is
            renamed forgets its calls.
        result: The type of the result. Defaults to the annotation; without one, anything that JSON can express.
        encrypt: Encrypt results with the client's keyring.
        client: The client. Defaults to the one in effect when the function is called.

    Raises:
        ConfigurationError: The function is a generator, a path does not begin with one of its parameters, or results of its type
            cannot be stored.
        IdempotencyInProgressError: Raised by a call: another one with this key is running.
        IdempotencyKeyReusedError: Raised by a call: its key was used with another payload.
        IdempotencyResultError: Raised by a call: the function ran, but its result cannot be stored.
        ValidationError: Raised by a call: it has no key.

    Example:
        >>> @idempotent(key="payment_id", ttl=timedelta(days=7))
        ... async def charge(payment_id: str, amount: int) -> dict[str, str]:
        ...     return {"charge": await provider.charge(amount)}

    Costs: two writes of the record for a first call, of one unit per KB each; one for a repeated call.
    """
    duration = seconds_of("ttl", ttl)
    longest = seconds_of("lease", lease)
    patience = 0.0 if wait == 0 else seconds_of("wait", wait)
    place = table_of(table)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigurationError(f"@idempotent: {function.__qualname__} is a generator, whose results cannot be stored")
        called = name or f"{function.__module__}.{function.__qualname__}"
        calls = Calls(function, called, key, payload)
        times = (duration, longest, patience)
        idempotent_function = _Function(function, calls, place, times, form=(result, encrypt), client=client)
        wrapper: Any = _awaited(idempotent_function) if inspect.iscoroutinefunction(function) else _blocking(idempotent_function)
        wrapped: Callable[P, R] = wraps(function)(wrapper)
        return wrapped

    return decorate


class _Function:
    """A function, and how its calls are recorded."""

    def __init__(
        self,
        function: Any,
        calls: Calls,
        table: CoordinationTable,
        times: tuple[float, float, float],
        *,
        form: tuple[Any, bool],
        client: DynamoDBClient | None,
    ) -> None:
        self.function = function
        self._calls = calls
        self._table = table
        self._lifetime, self._lease, self._wait = times
        self._form = form
        self._client = client
        self._records: Records | None = None

    def _all_records(self) -> Records:
        """The records of this function, whose type is looked up at its first call: an annotation may name a later class."""
        if self._records is not None:
            return self._records
        result, encrypt = self._form
        name = self._calls.name
        try:
            if result is None:
                result = get_type_hints(self.function).get("return", Any)
            kind = Any if result is type(None) else result
            self._records = Records(self._table, name, self._lifetime, kind, encrypt=encrypt)
        except (ConfigurationError, NameError, TypeError) as error:
            raise ConfigurationError(
                f"@idempotent: results of {name} cannot be stored, say their type with result=: {error}"
            ) from error
        return self._records

    async def begin(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[_Call | None, Stored | None]:
        """Begin a call, or return the result of an earlier one."""
        records = self._all_records()
        key = self._calls.key(arguments, named)
        payload = self._calls.payload(arguments, named)
        lease = self._calls.seconds_left(arguments, named) or self._lease
        attempts = Attempts(client_for(self._client), records)
        record, stored = await attempts.begin(key, payload, lease, self._wait)
        if stored is not None:
            return None, stored
        return _Call(attempts, Running(records, record, key)), None


class _Call:
    """A call that runs."""

    __slots__ = ("_attempts", "running")

    def __init__(self, attempts: Attempts, running: Running) -> None:
        self._attempts = attempts
        self.running = running

    async def end(self, result: Any) -> None:
        """Store the result."""
        running = self.running
        if running.is_committed and (running.has_result or result is None):
            return  # the transaction has stored all there is
        try:
            is_mine = await self._attempts.complete(running.record, result)
        except (Exception, GeneratorExit):
            raise
        except BaseException:
            # Cancelled: the function has run, and another call must not run it again.
            await self._attempts.complete(running.record, result)
            raise
        if not is_mine and not running.is_committed:
            warnings.warn(
                f"{running.records.name} took longer than its lease: another call with the key {running.key!r} may have run, and "
                "this one's result was not stored; raise lease=",
                RuntimeWarning,
                stacklevel=3,
            )

    async def fail(self, error: BaseException) -> None:
        """Remove the record, so that a later call runs."""
        # What is committed must not run again; and a coroutine that is thrown away has no loop left to await anything.
        if self.running.is_committed or isinstance(error, GeneratorExit):
            return
        try:
            await self._attempts.undo(self.running.record)
        except Exception as problem:  # noqa: BLE001  (the function's error is the one to raise)
            error.add_note(f"its idempotency record could not be removed, so no call runs before the lease ends: {problem!r}")


def _awaited(function: _Function) -> Callable[..., Any]:
    async def call(*arguments: Any, **named: Any) -> Any:
        begun, stored = await function.begin(arguments, named)
        if begun is None:
            return None if stored is None else stored.result
        token = running_call.set(begun.running)
        try:
            result = await function.function(*arguments, **named)
        except BaseException as error:
            await begun.fail(error)
            raise
        finally:
            restore(running_call, token)
        await begun.end(result)
        return result

    return call


def _blocking(function: _Function) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        begun, stored = _core.run(function.begin(arguments, named))
        if begun is None:
            return None if stored is None else stored.result
        token = running_call.set(begun.running)
        try:
            result = function.function(*arguments, **named)
        except BaseException as error:
            _core.run(begun.fail(error))
            raise
        finally:
            restore(running_call, token)
        _core.run(begun.end(result))
        return result

    return call
