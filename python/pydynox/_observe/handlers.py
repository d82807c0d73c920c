"""Handlers of events: those of one client and those of all clients, and how events reach them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from weakref import ref

import pydynox._core as _core
from pydynox._shared.public import public
from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from pydynox._core import Event

    Handler = Callable[[Event], object]

_OBSERVING: Any = _core.observing_variable()


@public
class Subscription:
    """A handler that receives events until ``close()`` is called, or until the end of a ``with`` block around it.

    Example:
        >>> with client.on_event(print):
        ...     await User.get("u1")
    """

    __slots__ = ("_handler", "_has_failed", "_is_closed", "_registry", "bits", "wants_bodies")

    def __init__(self, registry: Handlers, handler: Handler, bits: int, *, wants_bodies: bool) -> None:
        self._registry = registry
        self._handler = handler
        self._has_failed = False
        self._is_closed = False
        self.bits = bits
        self.wants_bodies = wants_bodies

    def close(self) -> None:
        """Stop the handler: it receives no further events. Closing it again does nothing."""
        if not self._is_closed:
            self._is_closed = True
            self._registry.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.close()

    def hand(self, event: Event) -> None:
        """Call the handler. Only its first exception is reported, because it would raise again for every event."""
        if event.has_bodies and not self.wants_bodies:
            event = event.without_bodies()
        try:
            outcome = self._handler(event)
            if outcome is not None:
                _refuse_coroutine(outcome)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as problem:  # noqa: BLE001
            if not self._has_failed:
                self._has_failed = True
                _core.report_unraisable(problem, self._handler)


def _refuse_coroutine(outcome: object) -> None:
    close = getattr(outcome, "close", None)
    if close is not None and hasattr(outcome, "cr_code"):
        close()
        raise TypeError("an event handler must be a plain function, but it returned a coroutine, which was not awaited")


class Handlers:
    """The handlers of one client, or of all of them; ``want`` says to the extension which events any of them wants."""

    __slots__ = ("__weakref__", "_want", "active", "by_bits")

    def __init__(self, want: Callable[[int], None]) -> None:
        self._want = want
        self.active: list[Subscription] = []
        #: Those that want an event, by the bits of the event; filled by `of`.
        self.by_bits: dict[int, tuple[Subscription, ...]] = {}

    def add(self, handler: Handler, bits: int, *, wants_bodies: bool = False) -> Subscription:
        """Add a handler of the kinds of events that these bits stand for."""
        subscription = Subscription(self, handler, bits, wants_bodies=wants_bodies)
        self.active.append(subscription)
        self._renew()
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Remove a handler."""
        self.active.remove(subscription)
        self._renew()

    def of(self, bits: int) -> tuple[Subscription, ...]:
        """The handlers that want events of these bits."""
        # Taken before `active` is read: if another thread changes both, this answer goes to the dictionary that nothing uses.
        by_bits = self.by_bits
        wanting = by_bits.get(bits)
        if wanting is None:
            wanting = by_bits[bits] = tuple(subscription for subscription in self.active if subscription.bits & bits)
        return wanting

    def _renew(self) -> None:
        self.by_bits = {}
        while True:
            bits = self._all_bits()
            self._want(bits)
            # Again if another thread has changed the list meanwhile: the last of them must leave what the list then says.
            if bits == self._all_bits():
                return

    def _all_bits(self) -> int:
        bits = 0
        for subscription in self.active:
            bits |= subscription.bits
        return bits


def _deliver(client: int, events: list[Event]) -> None:
    """Hand events to the handlers of a client and to those of all clients; calls that they make are not observed."""
    reference = _OF_CLIENTS.get(client)
    own = None if reference is None else reference()
    token = _OBSERVING.set(True)
    try:
        for event in events:
            bits = event.bits
            for subscription in EVERYWHERE.by_bits.get(bits) or EVERYWHERE.of(bits):
                subscription.hand(event)
            if own is not None:
                for subscription in own.of(bits):
                    subscription.hand(event)
    finally:
        _OBSERVING.reset(token)


#: Of all clients of the process.
EVERYWHERE = Handlers(lambda bits: _core.want_events(None, bits))
#: By the number of the client, which holds them. A dictionary of weak values takes longer to say that there are none.
_OF_CLIENTS: dict[int, ref[Handlers]] = {}

_core.deliver_events_to(_deliver)


def handlers_of(core: _core.Client) -> Handlers:
    """The handlers of a client, for the client to hold: new ones if it has none yet."""
    number = core.number
    reference = _OF_CLIENTS.get(number)
    handlers = None if reference is None else reference()
    if handlers is None:
        handlers = Handlers(lambda bits: _core.want_events(core, bits))
        _OF_CLIENTS[number] = ref(handlers, lambda _: _OF_CLIENTS.pop(number, None))
    return handlers


def bits_of(
    kinds: Iterable[str] | None, *, of: str, repeated_attempts: bool = False, values: bool = False, capacity: bool = True
) -> int:
    """The bits of these kinds of events, or of all; ``repeated_attempts``: of attempts those of calls that needed several.

    Raises:
        ConfigurationError: There is no such kind.
    """
    try:
        names = _core.event_kinds() if kinds is None else [kinds] if isinstance(kinds, str) else list(kinds)
        return _core.event_bits(names, repeated_attempts, values, capacity)
    except (TypeError, ValueError) as problem:
        kinds_of_events = ", ".join(_core.event_kinds())
        raise ConfigurationError(f"{of}(kinds=...) names no kind of event: {problem}; the kinds are {kinds_of_events}") from None


def check_handler(handler: object) -> None:
    """Refuse what cannot be called, and coroutine functions.

    Raises:
        ConfigurationError: It is not a plain function.
    """
    from pydynox._shared.callables import is_async  # few programs have handlers

    if not callable(handler):
        raise ConfigurationError(f"on_event() takes a function of one event, not {type(handler).__qualname__}")
    if is_async(handler):
        raise ConfigurationError(
            "on_event() takes a plain function: it is called where a call ends, which cannot await; to await something, "
            "have it create a task or put the event in a queue"
        )
