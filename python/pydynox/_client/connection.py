"""The Rust client behind a DynamoDBClient, and the blocks that apply to the calls made inside them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, cast

import pydynox._core as _core
from pydynox._shared.context import restore
from pydynox._shared.timeout import NOT_GIVEN, is_positive, seconds
from pydynox.default_client import client_of_block
from pydynox.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from pydynox._core import Event
    from pydynox._observe.handlers import Handlers, Subscription
    from pydynox._observe.recording import Recording
    from pydynox._shared.typing import EventKind
    from pydynox.client import DynamoDBClient
    from pydynox.cost import Usage


class Connection:
    """What every group of a client's calls builds on: the Rust client, and the blocks that change how calls are made.

    Attributes:
        core: The Rust client; for pydynox's own modules.
    """

    __slots__ = ("__weakref__", "_handlers", "core")

    core: _core.Client
    #: Held here, so that they live as long as the client.
    _handlers: Handlers

    @contextmanager
    def as_default(self) -> Generator[Self]:
        """Make models use this client inside the block, including in tasks started there.

        Example:
            >>> with client.as_default():
            ...     await User.get("u1")
        """
        token = client_of_block.set(cast("DynamoDBClient", self))
        try:
            yield self
        finally:
            restore(client_of_block, token)

    @contextmanager
    def options(
        self, *, timeout: float | None = NOT_GIVEN, consistent_read: bool | None = None, deadline: float | None = None
    ) -> Generator[Self]:
        """Set options for the calls of this client inside the block, including those of tasks started there. Blocks can be
        nested.

        Args:
            timeout: Maximum seconds for a call, including retries and waiting for a connection; None for no limit.
            consistent_read: Whether reads that do not specify it are strongly consistent, whatever their model's setting.
            deadline: Seconds from entering the block after which nothing in it continues: a whole query, batch or transaction
                with all its retries and pauses, whatever ``timeout`` allows each request. A query that was started inside the
                block keeps the deadline. An inner block cannot extend the deadline of an outer one.

        Raises:
            ConfigurationError: The timeout or the deadline is not a positive number.

        Example:
            >>> with client.options(timeout=2, consistent_read=True):
            ...     await User.get("u1")
            >>> with client.options(deadline=10):
            ...     orders = await Order.query("c1").all()
        """
        if timeout is not NOT_GIVEN:
            timeout = seconds(timeout, of="options")
        if deadline is not None and not is_positive(deadline):
            raise ConfigurationError(f"options(deadline=...) must be a positive number of seconds, not {deadline!r}")
        variable: Any = self.core.options_variable()
        before = variable.get()
        token = variable.set(
            (
                before[0] if timeout is NOT_GIVEN else timeout,
                before[1] if consistent_read is None else consistent_read,
                # Created on entry: a deadline is a point in time, and starts to run here.
                before[2] if deadline is None else _core.BlockDeadline(deadline, before[2]),
            )
        )
        try:
            yield self
        finally:
            restore(variable, token)

    @contextmanager
    def collect(self, into: Usage | None = None, /) -> Generator[Usage]:
        """Count the requests and capacity used by this client inside the block, including in tasks started there.

        Blocks can be nested; each counts. Requests ask DynamoDB for consumed capacity inside such a block. Threads started with
        ``asyncio.to_thread`` are counted too; in any other thread, open a block there and pass it the same ``into``.

        Args:
            into: A ``Usage`` to add to, instead of a new one.

        Example:
            >>> with client.collect() as usage:
            ...     await User.get("u1")
            >>> usage.read_units
            0.5

        Costs: nothing.
        """
        from pydynox.cost import collecting

        with collecting(self.core, into) as usage:
            yield usage

    def on_event(
        self, handler: Callable[[Event], object], /, *, kinds: Iterable[EventKind] | None = None, values: bool = False
    ) -> Subscription:
        """Call a function with what happens in this client's calls and between them, until the subscription is closed.

        The function is called in the thread and the context of the call that the event belongs to, when that call resumes: before
        ``await`` returns, or when the coroutine of a cancelled call is closed. Events of no call, such as an idle connection that
        was closed, come with the next call, or with ``stats()``. It must be quick, and it may call this client: such calls, and
        those of the tasks it creates, are not observed. If it raises, the call is not affected; its first exception is reported
        by ``sys.unraisablehook``.

        Args:
            handler: A plain function; what it returns is ignored.
            kinds: The kinds of events it receives; all by default.
            values: Whether events contain the bodies of requests and responses, with keys and values; otherwise no event
                contains any. Encrypted values are shown as they are stored.

        Returns:
            What ends it: call its ``close()``, or use it in a ``with`` statement.

        Raises:
            ConfigurationError: The handler is not a plain function, or there is no such kind.

        Example:
            >>> subscription = client.on_event(print, kinds=["throttled"])
            >>> subscription.close()

        Costs: nothing in addition to the calls; requests set ``ReturnConsumedCapacity``.
        """
        from pydynox._observe.handlers import bits_of, check_handler, handlers_of

        check_handler(handler)
        bits = bits_of(kinds, of="on_event", values=values)
        self._handlers = handlers_of(self.core)
        return self._handlers.add(handler, bits, wants_bodies=values)

    @contextmanager
    def record(self, *, values: bool = False) -> Generator[Recording]:
        """Record the calls of this client inside the block, in all threads and tasks: a list with one event for each call.

        Args:
            values: Whether events contain the bodies of requests and responses, with keys and values.

        Example:
            >>> with client.record() as requests:
            ...     await User.get("u1")
            >>> requests[0].operation, requests[0].table
            ('GetItem', 'users')

        Costs: nothing in addition to the calls; requests set ``ReturnConsumedCapacity``.
        """
        from pydynox._observe.handlers import handlers_of
        from pydynox._observe.recording import recording

        self._handlers = handlers_of(self.core)
        with recording(self.core, values=values) as requests:
            yield requests

    def _log_slow_calls(self, slow_after: float) -> None:
        if not is_positive(slow_after):
            raise ConfigurationError(f"slow_after must be a positive number of seconds, not {slow_after!r}")
        from pydynox._observe.handlers import handlers_of
        from pydynox._observe.logs import slow_calls

        self._handlers = handlers_of(self.core)
        self._handlers.add(*slow_calls(slow_after))
