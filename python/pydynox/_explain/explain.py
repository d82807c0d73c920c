"""Explaining a call: its coroutine runs up to its first requests, which are captured instead of sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox._shared.context import restore
from pydynox._shared.explaining import undoing
from pydynox.exceptions import ValidationError
from pydynox.model import Model

from .cost import Costs, Sizes
from .explanation import ExplainedRequest, Explanation
from .hiding import hidden, without_envelopes
from .models import indexes_of, key_of, models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydynox._client.connection import Connection

    from .models import DeclaredIndex

ENCRYPTS = "encrypted values need a data key: unless one is cached, the keyring is asked for one (KMS: GenerateDataKey)"
READS = frozenset({"GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan", "ExecuteStatement"})
OPENS = "encrypted values in the answer are opened by the keyring, once per data key that is not cached (KMS: Decrypt)"


async def explain(client: Connection, call: Any, *, values: bool, item_size: int | None, items: int | None) -> Explanation:
    """The implementation of ``DynamoDBClient.explain``."""
    try:
        given: dict[str, Any] = {"item_size": item_size, "items": items}
        for name, number in given.items():
            if number is not None and (not isinstance(number, int) or number < 0):
                message = f"explain({name}=...) must be a number of 0 or more, or None if it is not known, not {number!r}"
                raise ValidationError(message, errors=[("", message)])
        if not hasattr(call, "cr_frame") and not callable(call):
            raise TypeError(f"client.explain takes a call that was not awaited, such as User.get('u1'), not {_described(call)}")
        capture = _core.Capture()
        await _captured(client, call, capture)
    finally:
        close: Any = getattr(call, "close", None)
        if hasattr(call, "cr_frame"):
            close()  # avoids "never awaited" if it was not started; has no effect once it has ended
    sizes = Sizes(item_size, items)
    # Of the segments of one scan, as many are captured as had begun: the first of them is shown.
    requests: dict[Any, _Request] = {}
    for number, captured in enumerate(capture.requests()):
        request = _Request(*captured)
        requests.setdefault(request.scan or number, request)
    declared = _Declared(client)
    return Explanation(tuple(request.explained(sizes, declared, values=values) for request in requests.values()))


async def _captured(client: Connection, call: Any, capture: _core.Capture) -> None:
    variable: Any = _core.meters_variable()
    undone: list[tuple[Any, dict[str, Any], dict[str, Any]]] = []
    meters, undo = variable.set((capture, *variable.get())), undoing.set(undone)
    try:
        with client.as_default():
            if callable(call):
                call = call()
            if hasattr(call, "cr_frame"):
                await call
    except _core.Explained:
        pass
    except BaseExceptionGroup as group:
        # Of a task group: each of its calls was captured, and whatever else failed is raised.
        rest = group.split(_core.Explained)[1]
        if rest is not None:
            raise rest from None
    finally:
        restore(undoing, undo)
        restore(variable, meters)
        for instance, values, concealed in reversed(undone):
            instance.__dict__.update(values)
            _core.set_concealed(instance, concealed)


def _described(call: Any) -> str:
    if hasattr(call, "get_loop"):
        return f"{type(call).__qualname__}, which has already started: pass the coroutine itself"
    if hasattr(call, "__aenter__"):
        return f"{type(call).__qualname__}: write the block in an async function, and pass a call of that function"
    if hasattr(call, "__aiter__"):
        return f"{type(call).__qualname__}: pass one of its verbs, such as .all() or .page(20)"
    return repr(call) if call is None else type(call).__qualname__


class _Declared:
    """The keys and indexes of tables, by the names that are sent."""

    def __init__(self, client: Connection) -> None:
        self._client = client
        self._tables: dict[str, tuple[Sequence[str], list[DeclaredIndex]]] | None = None

    def __call__(self, table: str) -> tuple[Sequence[str], list[DeclaredIndex]]:
        if self._tables is None:
            self._tables = {}
            for model in models(Model):
                name = _core.table_named(self._client.core, model.model_config.table or "")
                _, indexes = self._tables.setdefault(name, (key_of(model), []))
                indexes += [index for index in indexes_of(model) if index.name not in {one.name for one in indexes}]
        return self._tables.get(table, ((), []))


class _Request:
    """A request that was captured."""

    def __init__(self, operation: str, body: bytes, encrypts: bool, opens: bool) -> None:
        from json import loads

        self._operation, self._encrypts, self._opens = operation, encrypts, opens
        self._body: dict[str, Any] = loads(body)

    @property
    def scan(self) -> str | None:
        """What the segments of one scan have in common; None for other requests."""
        if "Segment" not in self._body:
            return None
        return repr({name: value for name, value in self._body.items() if name != "Segment"})

    @property
    def _answers(self) -> bool:
        """Whether the answer has items: always that of a read, and that of a write which asks for the item."""
        return self._operation in READS or "ReturnValues" in self._body

    def explained(self, sizes: Sizes, declared: _Declared, *, values: bool) -> ExplainedRequest:
        costs = Costs(self._operation, self._body, sizes, declared)
        notes = [*costs.notes, *([ENCRYPTS] if self._encrypts else []), *([OPENS] if self._opens and self._answers else [])]
        body = without_envelopes(self._body) if self._encrypts else self._body
        return ExplainedRequest(
            self._operation,
            tuple(costs.tables),
            body.get("IndexName") or costs.index,
            body if values else hidden(body),
            costs.read_units,
            costs.write_units,
            costs.indexes,
            tuple(notes),
        )
