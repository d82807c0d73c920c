"""A sample of a table: its layout and some of its items; sends DescribeTable, DescribeTimeToLive and Scan, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydynox._core as _core
from pydynox._declaration.unique import GUARD
from pydynox.exceptions import AccessDeniedError

from .layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydynox.client import DynamoDBClient

    from .layout import Layout

    Wire = dict[str, Any]

SEGMENTS = 32  # places of the table that a sample comes from
LARGEST_PAGE = 1_000  # items of one request: they are read whole, up to 1 MB


async def sampled(
    client: DynamoDBClient, table: str, size: int, progress: Callable[[int], object] | None
) -> tuple[Layout, list[Wire]]:
    """The layout of a table, and up to this many of its items from all over it."""
    core = client.core
    description: Wire = await _core.describe_table(core, table)
    layout = layout_of(table, description)
    await _add_time_to_live(core, layout)
    segments = min(SEGMENTS, size)
    scans: list[_Segment] = [_Segment(core, table, number, segments) for number in range(segments)]
    items: list[Wire] = []
    while len(items) < size and scans:
        share = max(1, (size - len(items)) // len(scans))  # rounded down, so that the last segments have their turn
        for scan in scans:
            wanted = min(share, size - len(items), LARGEST_PAGE)
            if wanted:
                items += await scan.read(wanted)
        scans = [scan for scan in scans if not scan.is_done]
        if progress is not None:
            progress(len(items))
    return layout, items


class _Segment:
    """One segment of the table, read page by page."""

    def __init__(self, core: _core.Client, table: str, number: int, of: int) -> None:
        self._core, self._table = core, table
        self._members: Wire = {"Segment": number, "TotalSegments": of}
        self.is_done = False

    async def read(self, limit: int) -> list[Wire]:
        """The next items, up to this many; guards of unique values are not items of a model."""
        answer: Wire = await _core.administer(self._core, "Scan", self._table, {**self._members, "Limit": limit})
        after = answer.get("LastEvaluatedKey")
        self.is_done = not after
        self._members["ExclusiveStartKey"] = after
        items: list[Wire] = answer.get("Items", [])
        return [item for item in items if GUARD not in item]


async def _add_time_to_live(core: _core.Client, layout: Layout) -> None:
    """Find the attribute by which DynamoDB deletes items, if there is one."""
    try:
        answer: Wire = await _core.administer(core, "DescribeTimeToLive", layout.name, {})
    except AccessDeniedError:
        layout.notes.append("DescribeTimeToLive is denied, so a time to live is not declared")
        return
    description: Wire = answer.get("TimeToLiveDescription") or {}
    if description.get("TimeToLiveStatus") in ("ENABLED", "ENABLING"):
        layout.ttl = description.get("AttributeName")
