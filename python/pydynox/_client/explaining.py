"""What a client would send, explained without sending it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pydynox._explain.explanation import Explanation


class ExplainCalls(Connection):
    """The call that explains other calls."""

    __slots__ = ()

    async def explain(
        self,
        call: Coroutine[Any, Any, object] | Callable[[], object],
        /,
        *,
        values: bool = False,
        item_size: int | None = None,
        items: int | None = None,
    ) -> Explanation:
        """What a call would send and cost, without sending it.

        The call runs in this client's ``as_default()`` block up to the first answer that it would wait for; requests that it
        sends together are all shown. What follows an answer depends on it and is not shown, except that of exports, imports and
        ``reencrypt``, which only ask for the keys of their table, if a model declares these. No request leaves the process,
        whichever client it belongs to: no connection is opened, and neither credentials nor the keyring are asked. Instances
        stay as they are; what ``before_`` hooks assign is undone.

        This holds in tasks and in ``asyncio.to_thread``, which inherit the context of the call. Threads that start another way
        (``threading.Thread``, ``ThreadPoolExecutor``, ``run_in_executor``) do not, so calls in such threads are sent.

        Args:
            call: A call of any verb that was not awaited, such as ``User.get("u1")``, or of your own coroutine function; or a
                function without parameters that makes blocking calls, in ``client.sync.explain``.
            values: Show values, keys included; by default only their sizes. Encrypted values are never shown.
            item_size: The size in bytes of a stored item; by default the smallest cost is shown.
            items: The number of items that a query or scan reads, for its cost; defaults to its limit if it has no filter.

        Raises:
            TypeError: It is not a coroutine that was not started yet.
            ValidationError: A number is negative. Other errors are those of the call itself, where it would not be sent.

        Example:
            >>> print(await client.explain(User.get("u1")))
            GetItem users
              request: {"TableName": "users", "Key": {"user_id": {"S": "(2 bytes)"}}}
              at least 0.5 read units

        Costs: nothing.
        """
        from pydynox._explain.explain import explain

        return await explain(self, call, values=values, item_size=item_size, items=items)
