"""What calls cost: usage that is collected, rate limits, and budgets for a block of code."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from . import _core
from .exceptions import BudgetExceededError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType

_OURS = os.path.dirname(__file__) + os.sep
_ASYNCIO = os.path.join(os.path.dirname(os.__file__), "asyncio") + os.sep


class BudgetExceededWarning(UserWarning):
    """A block used more than its ``budget(on_exceed="warn")``."""


class ItemSizeWarning(UserWarning):
    """An item is near the 400 KB that it may have: see ``DynamoDBClient(size_warning=...)``."""


class RateLimit:
    """How fast a client may use capacity: ``DynamoDBClient(rate_limit=RateLimit(wcu=500))``.

    Calls wait for their turn in the order in which they came, before they are sent; waiting counts towards their timeout. What
    they really cost corrects the rate. A call that costs more than what is saved up goes all the same, and those behind it wait
    until that is made up for: the rate holds whatever the size of the items.

    Args:
        rcu: Read units per second; None for no limit.
        wcu: Write units per second; None for no limit.
        burst: How many seconds of unused capacity may be used at once.

    Raises:
        ConfigurationError: A number is zero, negative, infinite or none at all, or nothing is limited.

    Example:
        >>> DynamoDBClient(rate_limit=RateLimit(rcu=1000, wcu=200))
    """

    __slots__ = ("wire",)
    wire: tuple[float | None, float | None, float]

    def __init__(self, *, rcu: float | None = None, wcu: float | None = None, burst: float = 1.0) -> None:
        _core.check_rate_limit(rcu, wcu, burst)
        object.__setattr__(self, "wire", (rcu, wcu, burst))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a RateLimit is not changed: make another client")

    def __repr__(self) -> str:
        rcu, wcu, burst = self.wire
        return f"RateLimit(rcu={rcu}, wcu={wcu}, burst={burst})"


class Tally(NamedTuple):
    """Numbers of some calls.

    Attributes:
        requests: Calls that were sent, each once however often it was tried.
        retries: Further attempts of them.
        throttles: Attempts that DynamoDB refused because of their rate.
        read_units: What DynamoDB said they cost in read units.
        write_units: What DynamoDB said they cost in write units.
    """

    requests: int = 0
    retries: int = 0
    throttles: int = 0
    read_units: float = 0.0
    write_units: float = 0.0


class Usage:
    """What the calls of a block did and cost; exact at any moment, also while the block runs.

    A call counts when it is sent, its retries when they are, its units when its answer is here. Calls that were begun in the
    block and end after it, and tasks that it started, go on being counted: wait for them before you read what they cost.

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
        """Calls that were sent, each once however often it was tried."""
        return self.total.requests

    @property
    def retries(self) -> int:
        """Further attempts of them."""
        return self.total.retries

    @property
    def throttles(self) -> int:
        """Attempts that DynamoDB refused because of their rate."""
        return self.total.throttles

    @property
    def read_units(self) -> float:
        """What DynamoDB said they cost in read units."""
        return self.total.read_units

    @property
    def write_units(self) -> float:
        """What DynamoDB said they cost in write units."""
        return self.total.write_units

    @property
    def migrated(self) -> int:
        """Values that were read as plaintext where ``on_plaintext="migrate"`` takes it: what is still to be encrypted."""
        return self.meter.migrated()

    @property
    def by_operation(self) -> dict[str, Tally]:
        """By the name of the operation, such as ``"GetItem"``."""
        return {name: Tally(*numbers) for name, numbers in self.meter.by_operation()}

    @property
    def by_table(self) -> dict[str, Tally]:
        """By the name of the table. A request to several tables counts in each, once its answer is here."""
        return {name: Tally(*numbers) for name, numbers in self.meter.by_table()}

    @property
    def sites(self) -> list[tuple[str, int]]:
        """Where in the program calls were made, and how many, the place with the most first; in a budget only."""
        return self.meter.sites()

    def __repr__(self) -> str:
        total = self.total
        return (
            f"Usage(requests={total.requests}, read_units={total.read_units}, write_units={total.write_units}, "
            f"retries={total.retries}, throttles={total.throttles})"
        )


@contextmanager
def collecting(client: _core.Client, into: Usage | None) -> Generator[Usage]:
    """Count the calls of this client, of the block and of the tasks that it starts."""
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
        variable.reset(token)


@contextmanager
def budget(
    *,
    rcu: float | None = None,
    wcu: float | None = None,
    requests: int | None = None,
    on_exceed: Literal["raise", "warn"] = "raise",
) -> Generator[Usage]:
    """A block of code that may not use more than this, whatever the client: the guard against reading items one by one in a loop.

    The request over the budget is not sent. What a call costs in units is known when it is answered, so that those before stand;
    then no other one is sent, and the end of the block raises if nothing else did. The message names the places in the program
    that sent the most, and so does ``usage.sites``.

    Args:
        rcu: Read units that the block may use; None for any number.
        wcu: Write units that it may use; None for any number.
        requests: Requests that it may send; None for any number.
        on_exceed: ``"raise"``, or ``"warn"``, which lets everything pass and warns at the end of the block.

    Raises:
        BudgetExceededError: The block wants more; ``error.sites`` says where from.
        ConfigurationError: A number is negative or none at all, or there is none.

    Example:
        >>> with pydynox.budget(requests=3):
        ...     await show_profile("u1")

    Costs: nothing beside what the block does; its requests ask what they cost.
    """
    for name, value in (("rcu", rcu), ("wcu", wcu), ("requests", requests)):
        _check_limit(name, value)
    if rcu is wcu is requests is None:
        raise ConfigurationError("budget() limits nothing: give rcu=, wcu= or requests=")
    if on_exceed not in ("raise", "warn"):
        raise ConfigurationError(f'budget(on_exceed=...) is "raise" or "warn", not {on_exceed!r}')
    usage = Usage(_core.Meter(None, (rcu, wcu, requests, on_exceed == "raise"), _site))
    with _in_force(usage):
        yield usage
    message = usage.meter.excess()
    if message is not None and on_exceed == "raise":
        raise BudgetExceededError(message, sites=usage.sites)
    if message is not None:
        warnings.warn(message, BudgetExceededWarning, stacklevel=3)


def _check_limit(name: str, value: object) -> None:
    if value is None:
        return
    kind = int if name == "requests" else (int, float)
    if not isinstance(value, kind) or isinstance(value, bool) or not 0 <= value < float("inf"):
        raise ConfigurationError(f"budget({name}=...) is a number from 0 on, or None for no limit, not {value!r}")


def caller() -> FrameType | None:
    """The frame of the program that makes the call that is about to be sent; None where nothing says who started it."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(_ASYNCIO):
            return None
        if not path.startswith(_OURS):
            return frame
        frame = frame.f_back
    return None


def _site() -> str:
    """Where in the program the call is made that is about to be sent."""
    frame = caller()
    if frame is None:
        return "a task of its own"
    return f"{frame.f_code.co_filename.removeprefix(os.getcwd() + os.sep)}:{frame.f_lineno}"


def warn_of_size(message: str) -> None:
    """Called by the border before an item near the limit is written."""
    frame = caller()
    if frame is None:
        warnings.warn(message, ItemSizeWarning, stacklevel=2)
        return
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, ItemSizeWarning, frame.f_code.co_filename, frame.f_lineno, registry=registry)
