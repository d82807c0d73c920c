"""Verifying and repairing the guards of unique values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pydynox._core as _core
from pydynox._client.gather import gather
from pydynox._declaration.compile import completed, key_names
from pydynox._declaration.family import unique_among
from pydynox._declaration.unique import GUARD
from pydynox._shared.public import public
from pydynox._shared.timeout import NOT_GIVEN, limited
from pydynox.cost import reporting
from pydynox.default_client import client_for
from pydynox.exceptions import ConfigurationError, TransactionCanceledError
from pydynox.key import Key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pydynox.client import DynamoDBClient
    from pydynox.cost import Progress
    from pydynox.model import Model

    Wire = dict[str, Any]

PAGE = 100  # items and guards read together: the most keys that BatchGetItem accepts


@public
class UniqueProblem(NamedTuple):
    """A problem with a unique value."""

    kind: Literal["missing", "shared", "orphan"]
    """``missing``: an item has no guard for its value. ``shared``: its guard belongs to another item. ``orphan``: a guard belongs
    to an item that does not exist, or has a different value."""
    key: Key[Any]
    """The key of the item; for an orphan, of the item that the guard names."""
    names: tuple[str, ...]
    """The attributes whose values must be unique together."""
    repaired: bool
    """Whether it was repaired. ``shared`` is never repaired: only you can decide which item keeps the value."""


async def verify_unique(
    model: type[Model[Any, *tuple[Any, ...]]],
    /,
    *,
    repair: bool = False,
    client: DynamoDBClient | None = None,
    progress: Callable[[Progress], object] | None = None,
    timeout: float | None = NOT_GIVEN,
) -> list[UniqueProblem]:
    """Compare every item of a model with the guards of its unique values. Sends Scan, BatchGetItem and TransactGetItems.

    Guards and items get out of sync if something writes without pydynox, if DynamoDB's TTL deletes an item, or if ``unique=`` is
    declared when items already exist. Each problem is confirmed by reading the item and its guard in one transaction before it is
    reported.

    Args:
        model: The model; run models that share a table one by one.
        repair: Also repair, each problem in a transaction that is safe against concurrent writers: missing guards are written,
            orphans deleted.
        client: The client; defaults to the model's, or the one in effect.
        progress: Called after each page with a ``Progress``: the number of items and guards read, and more.
        timeout: Seconds that each request may take, like ``client.options(timeout=...)``; None for no limit.

    Raises:
        ConfigurationError: The model has no unique values.
        TableNotFoundError: The table does not exist.

    Example:
        >>> await verify_unique(User)
        []

    Costs: two strongly consistent scans of the table, one read unit per 4 KB each; one read unit per guard and per guarded item.
    """
    if timeout is not NOT_GIVEN:
        client = client or client_for(model.model_config.client)
        return await limited(client, timeout, verify_unique(model, repair=repair, client=client, progress=progress))
    client = client or client_for(model.model_config.client)
    if not completed(model).unique:
        raise ConfigurationError(f"{model.__name__} has no unique values", model=model.__name__)
    with client.as_default(), reporting(client.core, progress) as report:
        check = _Check(model, client, repair=repair, report=report)
        # Orphans first: the guard of an item that is gone would make its value look shared to the item that has it now.
        await check.orphans()
        await check.items()
    return check.problems


class _Check:
    """One run over a table."""

    def __init__(
        self,
        model: type[Model[Any, *tuple[Any, ...]]],
        client: DynamoDBClient,
        *,
        repair: bool,
        report: Callable[[int], object] | None,
    ) -> None:
        self._model: Any = model
        self._schema: _core.Schema = self._model._schema
        self._client = client
        self._repair = repair
        self._report_to = report
        self._seen = 0
        named = model.model_config.table
        self._table = _core.table_named(client.core, "" if named is None else named)
        attributes = completed(model).attributes
        self._key = [attributes[name].attribute_name for name in key_names(model)]
        # By what a guard records: the class among whose items a value is unique, and the stored names of its attributes.
        self._names = {
            (of, tuple(sorted(attributes[name].attribute_name for name in names))): tuple(names)
            for of, names in unique_among(model)
        }
        self.problems: list[UniqueProblem] = []

    def _report(self, count: int) -> None:
        self._seen += count
        if self._report_to is not None:
            self._report_to(self._seen)

    # --- guards whose item is gone

    async def orphans(self) -> None:
        async for guards in self._guards():
            mine = [(guard, claim) for guard in guards if (claim := self._claim_of(guard)) is not None]
            keys = [self._owner(claim) for _, claim in mine]
            owners = await gather(self._client, "verify_unique", tuple(keys), True, instances=True) if keys else []
            for (guard, claim), key, owner in zip(mine, keys, owners, strict=True):
                if owner is None or not self._holds(owner, guard):
                    await self._orphan(guard, claim, key)
            self._report(len(guards))

    async def _guards(self) -> AsyncIterator[list[Wire]]:
        request: Wire = {
            "TableName": self._table,
            "ConsistentRead": True,
            "FilterExpression": "attribute_exists(#guard)",
            "ExpressionAttributeNames": {"#guard": GUARD},
        }
        while True:
            answer = await self._client.call("Scan", **request)
            items: list[Wire] = answer.get("Items", [])
            for start in range(0, len(items), PAGE):
                yield items[start : start + PAGE]
            if not answer.get("LastEvaluatedKey"):
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _claim_of(self, guard: Wire) -> Wire | None:
        """The content of a guard, if it guards values of this model."""
        claim: Wire = guard[GUARD]["M"]
        return claim if _scope_of(claim) in self._names else None

    def _owner(self, claim: Wire) -> Key[Any]:
        return Key(self._model, _core.key_of_item(self._schema, claim["owner"]["M"], True))

    async def _orphan(self, guard: Wire, claim: Wire, key: Key[Any]) -> None:
        # The scan saw the two at different times, so that a write in between can look like an orphan.
        owner, again = await self._together(claim["owner"]["M"], guard)
        if again is None or again[GUARD] != guard[GUARD]:
            return  # another writer released or claimed the value since
        if owner is not None:
            owners = await self._client.batch_get_all([key], consistent_read=True)
            if owners[0] is None or self._holds(owners[0], guard):
                return  # the item belongs to another model, or has the value after all
        # Only while the item is as it was read: it could claim the value again before its guard is deleted.
        repaired = self._repair and await self._applied(
            self._unchanged(claim["owner"]["M"], owner, _scope_of(claim)[1]),
            {"Delete": {**self._place(guard), **_equal({GUARD: guard[GUARD]})}},
        )
        self.problems.append(UniqueProblem("orphan", key, self._names[_scope_of(claim)], repaired))

    # --- items whose guard is missing, or another's

    async def items(self) -> None:
        rows = self._model.scan().consistent_read()
        rows.rows = "instances"  # of a repository's model too, in place of its objects
        async for page in rows.pages(PAGE):
            wanted = [(row, *claim) for row in page for claim in _core.claims(row)]
            guards = await self._read([guard for *_, guard in wanted])
            for row, names, values, guard in wanted:
                stored = guards.get(self._address(guard))
                if stored is None or stored[GUARD] != guard[GUARD]:
                    await self._without(row, tuple(names), values, guard)
            self._report(len(page))

    async def _read(self, guards: list[Wire]) -> dict[tuple[object, ...], Wire]:
        """The stored form of these guards, by address."""
        keys = list({self._address(guard): self._key_of(guard) for guard in guards}.values())
        stored: dict[tuple[object, ...], Wire] = {}
        for start in range(0, len(keys), PAGE):
            request: Wire = {self._table: {"Keys": keys[start : start + PAGE], "ConsistentRead": True}}
            while request:
                answer = await self._client.call("BatchGetItem", RequestItems=request)
                for one in answer.get("Responses", {}).get(self._table, []):
                    stored[self._address(one)] = one
                request = answer.get("UnprocessedKeys") or {}
        return stored

    async def _without(self, row: Any, names: tuple[str, ...], values: Wire, guard: Wire) -> None:
        key: Key[Any] = Key(self._model, tuple(getattr(row, name) for name in key_names(self._model)))
        owner, stored = await self._together(guard[GUARD]["M"]["owner"]["M"], guard)
        if owner is None:
            return  # the item was deleted since
        held = {name: owner.get(name) for name in values}
        if held != values:
            # Changed since, or the same value in another stored form, such as a time that another program wrote.
            (again,) = await gather(self._client, "verify_unique", (key,), True, instances=True)
            if again is None or not self._holds(again, guard):
                return
        if stored is not None:
            if stored[GUARD] != guard[GUARD]:
                self.problems.append(UniqueProblem("shared", key, names, repaired=False))
            return
        repaired = self._repair and await self._applied(
            # Without this check, an item that changes meanwhile would get a guard for a value that it no longer has.
            {"ConditionCheck": {**self._place(owner), **_equal(held)}},
            {
                "Put": {
                    "TableName": self._table,
                    "Item": guard,
                    "ConditionExpression": "attribute_not_exists(#key)",
                    "ExpressionAttributeNames": {"#key": self._key[0]},
                }
            },
        )
        self.problems.append(UniqueProblem("missing", key, names, repaired))

    # --- what both need

    def _key_of(self, item: Wire) -> Wire:
        return {name: item[name] for name in self._key}

    def _place(self, item: Wire) -> Wire:
        return {"TableName": self._table, "Key": self._key_of(item)}

    def _address(self, item: Wire) -> tuple[object, ...]:
        """The key of an item in a form in which equal keys compare equal."""
        return tuple(_comparable(item[name]) for name in self._key)

    def _holds(self, owner: Any, guard: Wire) -> bool:
        """Whether an item still has the value that a guard reserves for it."""
        place = self._address(guard)
        return any(self._address(claimed) == place and claimed[GUARD] == guard[GUARD] for *_, claimed in _core.claims(owner))

    async def _together(self, owner: Wire, guard: Wire) -> tuple[Wire | None, Wire | None]:
        """An item and a guard, read in one transaction, so that they are consistent with each other."""
        gets = [{"Get": self._place(owner)}, {"Get": self._place(guard)}]
        responses = (await self._client.call("TransactGetItems", TransactItems=gets))["Responses"]
        one, other = (response.get("Item") for response in responses)
        return one, other

    def _unchanged(self, key: Wire, owner: Wire | None, names: tuple[str, ...]) -> Wire:
        """A condition check that these attributes of an item are still as they were read."""
        if owner is not None:
            return {"ConditionCheck": {**self._place(owner), **_equal({name: owner.get(name) for name in names})}}
        absent = {"ConditionExpression": "attribute_not_exists(#key)", "ExpressionAttributeNames": {"#key": self._key[0]}}
        return {"ConditionCheck": {**self._place(key), **absent}}

    async def _applied(self, *operations: Wire) -> bool:
        try:
            await self._client.call("TransactWriteItems", TransactItems=list(operations))
        except TransactionCanceledError:
            return False  # another writer changed the item or the guard first
        return True


def _scope_of(claim: Wire) -> tuple[str, tuple[str, ...]]:
    """The class among whose items a guard keeps a value unique, and the stored names of its attributes."""
    return claim["of"]["S"], tuple(sorted(name["S"] for name in claim["attributes"]["L"]))


def _comparable(value: Wire) -> tuple[str, object]:
    """A key value in a form in which equal numbers compare equal, however they are written."""
    from decimal import Decimal

    ((kind, text),) = value.items()
    return (kind, Decimal(text)) if kind == "N" else (kind, text)


def _equal(values: dict[str, Any]) -> Wire:
    """The condition members of a request that require these values; None requires the attribute to be absent."""
    names = {f"#a{number}": name for number, name in enumerate(values)}
    given = {f":v{number}": value for number, value in enumerate(values.values()) if value is not None}
    parts = [
        f"#a{number} = :v{number}" if f":v{number}" in given else f"attribute_not_exists(#a{number})"
        for number in range(len(names))
    ]
    members: Wire = {"ConditionExpression": " AND ".join(parts), "ExpressionAttributeNames": names}
    return {**members, "ExpressionAttributeValues": given} if given else members
