"""What calls cost: collected usage, rate limits, and budgets for a block of code."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, Self, runtime_checkable

import pydynox._core as _core

from ._shared.context import restore
from .exceptions import BudgetExceededError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

_OURS = os.path.dirname(__file__) + os.sep
_ASYNCIO = os.path.join(os.path.dirname(os.__file__), "asyncio") + os.sep


@runtime_checkable
class _Sized(Protocol):
    def __len__(self) -> int: ...


class BudgetExceededWarning(UserWarning):
    """A block used more than its ``budget(on_exceed="warn")``."""


class ItemSizeWarning(UserWarning):
    """An item is close to DynamoDB's limit of 400 KB: see ``DynamoDBClient(size_warning=...)``."""


class RateLimit:
    """Limits the capacity a client uses per second: ``DynamoDBClient(rate_limit=RateLimit(wcu=500))``.

    Calls wait in the order in which they were made before they are sent; waiting counts towards their timeout. The rate is
    adjusted by what each call actually cost. A call that costs more than the available capacity is sent anyway, and later calls
    wait until the excess is repaid, so the rate is kept regardless of item size.

    Args:
        rcu: Read units per second; None for no limit.
        wcu: Write units per second; None for no limit.
        burst: Seconds of unused capacity that may be saved up and spent at once.

    Raises:
        ConfigurationError: A value is not a positive finite number, or nothing is limited.

    Example:
        >>> DynamoDBClient(rate_limit=RateLimit(rcu=1000, wcu=200))
    """

    __slots__ = ("wire",)
    wire: tuple[float | None, float | None, float]

    def __init__(self, *, rcu: float | None = None, wcu: float | None = None, burst: float = 1.0) -> None:
        _core.check_rate_limit(rcu, wcu, burst)
        object.__setattr__(self, "wire", (rcu, wcu, burst))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a RateLimit is frozen: create a client with a new one")

    def __repr__(self) -> str:
        rcu, wcu, burst = self.wire
        return f"RateLimit(rcu={rcu}, wcu={wcu}, burst={burst})"


class Tally(NamedTuple):
    """Counts and cost of a group of calls.

    Attributes:
        requests: Calls sent, each counted once no matter how many attempts it took.
        retries: Attempts after the first.
        throttles: Attempts that DynamoDB throttled.
        read_units: Read capacity units consumed, as reported by DynamoDB.
        write_units: Write capacity units consumed, as reported by DynamoDB.
    """

    requests: int = 0
    retries: int = 0
    throttles: int = 0
    read_units: float = 0.0
    write_units: float = 0.0


class Usage:
    """What the calls of a block did and cost; exact at any moment, even while the block is running.

    A call is counted when it is sent, a retry when it is sent, and capacity units when the response arrives. Calls and tasks that
    start in the block are still counted when they outlast it: wait for them before reading the totals.

    Example:
        >>> with client.collect() as usage:
        ...     await User.get("u1")
        >>> usage.requests, usage.read_units
        (1, 0.5)
    """

    __slots__ = ("meter",)

    def __init__(self, meter: _core.Meter) -> None:
        self.meter = meter

    @property
    def total(self) -> Tally:
        """All calls together."""
        return Tally(*self.meter.total())

    @property
    def requests(self) -> int:
        """Calls sent, each counted once no matter how many attempts it took."""
        return self.total.requests

    @property
    def retries(self) -> int:
        """Attempts after the first."""
        return self.total.retries

    @property
    def throttles(self) -> int:
        """Attempts that DynamoDB throttled."""
        return self.total.throttles

    @property
    def read_units(self) -> float:
        """Read capacity units consumed, as reported by DynamoDB."""
        return self.total.read_units

    @property
    def write_units(self) -> float:
        """Write capacity units consumed, as reported by DynamoDB."""
        return self.total.write_units

    @property
    def migrated(self) -> int:
        """Number of values read as plaintext under ``on_plaintext="migrate"``, which are not encrypted yet."""
        return self.meter.migrated()

    @property
    def by_operation(self) -> dict[str, Tally]:
        """The totals by operation name, such as ``"GetItem"``."""
        return {name: Tally(*numbers) for name, numbers in self.meter.by_operation()}

    @property
    def by_table(self) -> dict[str, Tally]:
        """The totals by table name. A request to several tables counts towards each of them once its response arrives."""
        return {name: Tally(*numbers) for name, numbers in self.meter.by_table()}

    @property
    def sites(self) -> list[tuple[str, int]]:
        """The places in the program that made the calls, with their counts, largest first; recorded only in a ``budget()``."""
        return self.meter.sites()

    def __repr__(self) -> str:
        total = self.total
        return (
            f"Usage(requests={total.requests}, read_units={total.read_units}, write_units={total.write_units}, "
            f"retries={total.retries}, throttles={total.throttles})"
        )


class Progress(int):
    """How far a job is: an ``int``, the number of items done, that also knows the rest.

    Every ``progress=`` of a batch, a bulk job, an export, an import, ``reencrypt`` and ``verify_unique`` is called with one.

    Attributes:
        total: The number of items to do, where it is known.
        elapsed: Seconds since the job began or was resumed.
        rate: Items per second since then.
        read_units: Read units that the job used since then.
        write_units: Write units that the job used since then.
        throttles: Attempts that DynamoDB throttled since then.

    Example:
        >>> await client.bulk_write(users, progress=lambda seen: print(f"{seen} of {seen.total}, {seen.rate:.0f}/s"))
        400 of 1000, 2100/s
    """

    total: int | None
    elapsed: float
    rate: float
    read_units: float
    write_units: float
    throttles: int

    def __new__(
        cls,
        done: int,
        *,
        total: int | None = None,
        elapsed: float = 0.0,
        rate: float = 0.0,
        read_units: float = 0.0,
        write_units: float = 0.0,
        throttles: int = 0,
    ) -> Self:
        """Progress of this many items."""
        self = super().__new__(cls, done)
        self.total, self.elapsed, self.rate = total, elapsed, rate
        self.read_units, self.write_units, self.throttles = read_units, write_units, throttles
        return self

    __str__ = int.__repr__  # as a number, where it is printed

    def __repr__(self) -> str:
        return f"Progress({self}{'' if self.total is None else f' of {self.total}'}, {self.detail})"

    @property
    def detail(self) -> str:
        """The rate, the units and the throttles as text, for a progress bar."""
        parts = [f"{self.rate:,.0f}/s"]
        parts += [
            f"{units:,.0f} {kind} units" for units, kind in ((self.read_units, "read"), (self.write_units, "write")) if units
        ]
        parts += [f"{self.throttles} throttled"] if self.throttles else []
        return ", ".join(parts)

    @staticmethod
    def on(bar: Any, /) -> Callable[[Progress], None]:
        """A callback that shows progress on a bar of tqdm, in a terminal or a notebook.

        Args:
            bar: The bar; its total is set where it is known.

        Example:
            >>> with tqdm(unit=" items") as bar:
            ...     await client.bulk_write(users, progress=Progress.on(bar))

        Raises:
            TypeError: It is not such a bar.
        """
        if not all(callable(getattr(bar, method, None)) for method in ("set_postfix_str", "update")):
            raise TypeError(f"Progress.on() takes a bar of tqdm, not {bar!r}")

        def show(progress: Progress) -> None:
            if progress.total is not None:
                bar.total = progress.total
            bar.set_postfix_str(progress.detail, refresh=False)
            bar.update(progress - bar.n)

        return show


class Reporter:
    """Turns the number of items that are done into the ``Progress`` of a job."""

    def __init__(self, report: Callable[[Progress], object], usage: Usage, total: int | None, done: int) -> None:
        from time import monotonic

        from ._shared.callables import is_async

        if not callable(report):
            raise TypeError(f"progress= must be a function that takes a Progress, not {report!r}")
        if is_async(report):
            raise TypeError(f"progress= must be a plain function: nothing would await what {report!r} returns")
        self._report, self._usage, self._clock = report, usage, monotonic
        self._began, self._first = monotonic(), done
        self.total = total

    def resume(self, done: int) -> None:
        """An earlier run of the job did this much."""
        self._first = done

    def __call__(self, done: int) -> None:
        """Report that this many items are done."""
        elapsed = self._clock() - self._began
        used = self._usage.total
        progress = Progress(
            done,
            total=self.total,
            elapsed=elapsed,
            rate=(done - self._first) / elapsed if elapsed else 0.0,
            read_units=used.read_units,
            write_units=used.write_units,
            throttles=used.throttles,
        )
        self._report(progress)


@contextmanager
def reporting(
    client: _core.Client, report: Callable[[Progress], object] | None, *, total: int | None = None, done: int = 0
) -> Generator[Reporter | None]:
    """Count what the calls of a job in the block use, if there is a callback for it."""
    if report is None:
        yield None
        return
    with collecting(client, None) as usage:
        yield Reporter(report, usage, total, done)


def size_of(items: object) -> int | None:
    """The number of items of a collection; None of an iterator, which does not tell."""
    return len(items) if isinstance(items, _Sized) else None


@contextmanager
def collecting(client: _core.Client, into: Usage | None) -> Generator[Usage]:
    """Count this client's calls that are made in the block and in the tasks that it starts."""
    usage = Usage(_core.Meter(client.number, (None, None, None, False), None)) if into is None else into
    with _in_force(usage):
        yield usage


@contextmanager
def _in_force(usage: Usage) -> Generator[None]:
    variable: Any = _core.meters_variable()
    token = variable.set((*variable.get(), usage.meter))
    try:
        yield
    finally:
        restore(variable, token)


@contextmanager
def budget(
    *,
    rcu: float | None = None,
    wcu: float | None = None,
    requests: int | None = None,
    on_exceed: Literal["raise", "warn"] = "raise",
) -> Generator[Usage]:
    """Limit what a block of code may use, on any client; for example, to catch code that reads items one by one in a loop.

    A request over the limit is not sent. The capacity a call consumes is known only from its response, so the call that exceeds
    ``rcu`` or ``wcu`` still succeeds; after it, no further request is sent, and the end of the block raises if nothing raised
    before. The message and ``usage.sites`` name the places in the program that sent the most requests.

    Args:
        rcu: Read units that the block may use; None for no limit.
        wcu: Write units that it may use; None for no limit.
        requests: Requests that it may send; None for no limit.
        on_exceed: ``"raise"``, or ``"warn"``, which sends everything and warns at the end of the block.

    Raises:
        BudgetExceededError: The block exceeded its budget; ``error.sites`` names the callers.
        ConfigurationError: A limit is not a number or is negative, or no limit is given.

    Example:
        >>> with pydynox.budget(requests=3):
        ...     await show_profile("u1")

    Costs: nothing in addition to what the block does; its requests set ``ReturnConsumedCapacity``.
    """
    for name, value in (("rcu", rcu), ("wcu", wcu), ("requests", requests)):
        _check_limit(name, value)
    if rcu is wcu is requests is None:
        raise ConfigurationError("budget() limits nothing: pass rcu=, wcu= or requests=")
    if on_exceed not in ("raise", "warn"):
        raise ConfigurationError(f'budget(on_exceed=...) must be "raise" or "warn", not {on_exceed!r}')
    usage = Usage(_core.Meter(None, (rcu, wcu, requests, on_exceed == "raise"), site))
    with _in_force(usage):
        yield usage
    message = usage.meter.excess()
    if message is not None and on_exceed == "raise":
        raise BudgetExceededError(message, sites=usage.sites)
    if message is not None:
        # Past this generator and the __exit__ of contextlib, to the line of the block.
        warnings.warn(message, BudgetExceededWarning, stacklevel=3)


def _check_limit(name: str, value: object) -> None:
    if value is None:
        return
    kind = int if name == "requests" else (int, float)
    if not isinstance(value, kind) or isinstance(value, bool) or not 0 <= value < float("inf"):
        raise ConfigurationError(f"budget({name}=...) must be a number of 0 or more, or None for no limit, not {value!r}")


def caller() -> FrameType | None:
    """The frame of user code that makes the call about to be sent; None for a task, whose stack does not show its creator."""
    frame: FrameType | None = sys._getframe()  # pyright: ignore[reportPrivateUsage]  # documented under this name
    while frame is not None:
        path = frame.f_code.co_filename
        # Below the frames of asyncio is the loop, not the code that created the task.
        if path.startswith(_ASYNCIO):
            return None
        if not path.startswith(_OURS):
            return frame
        frame = frame.f_back
    return None


def site() -> str:
    """The file and line of user code that makes the call about to be sent."""
    frame = caller()
    if frame is None:
        return "a separate task"
    return f"{frame.f_code.co_filename.removeprefix(os.getcwd() + os.sep)}:{frame.f_lineno}"


def warn_of_size(message: str) -> None:
    """Warn of an item close to the size limit; the extension calls this before it writes the item."""
    frame = caller()
    if frame is None:
        warnings.warn(message, ItemSizeWarning, stacklevel=2)
        return
    # As warnings.warn() does for a stack level, which is not known here: once per line of user code, not once per process.
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, ItemSizeWarning, frame.f_code.co_filename, frame.f_lineno, registry=registry)
