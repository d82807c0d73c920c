"""Scans: every item once, in segments too, in bounded memory."""

from __future__ import annotations

import asyncio
import resource

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydynox import Attr, DynamoDBClient, Model, field, partition_key

from tests.conftest import Drive

pytestmark = pytest.mark.thorough


class Thing(Model[str], table="things"):
    thing_id: Attr[str] = partition_key()
    size: Attr[int] = field(default=0)


@pytest.fixture
def things(client: DynamoDBClient) -> DynamoDBClient:
    Thing.table.sync.create()
    for number in range(40):
        Thing(thing_id=f"t{number:02}", size=number % 7).sync.create()
    return client


EVERYTHING = [f"t{number:02}" for number in range(40)]


def test_a_scan_reads_everything_once(things: DynamoDBClient, drive: Drive) -> None:
    for scan in (Thing.scan(), Thing.scan().page_size(3), Thing.scan(segments=4), Thing.scan(segments=5).page_size(2)):
        assert sorted(thing.thing_id for thing in drive(scan.all())) == EVERYTHING
        assert drive(scan.count()) == 40
    assert len(drive(Thing.scan(segments=3).filter(Thing.size == 6).all())) == 5
    assert len(drive(Thing.scan(segments=3).limit(11).all())) == 11
    assert drive(things.scan("things").limit(1).one())["thing_id"] in EVERYTHING


def test_the_segments_of_a_scan_are_read_by_themselves(things: DynamoDBClient, drive: Drive) -> None:
    parts = [drive(Thing.scan(segments=4, segment=part).page_size(2).all()) for part in range(4)]

    assert sorted(thing.thing_id for part in parts for thing in part) == EVERYTHING


def test_leaving_a_scan_in_segments_ends_it(things: DynamoDBClient) -> None:
    async def left() -> int:
        seen = 0
        async for _ in Thing.scan(segments=4).page_size(1):
            seen += 1
            if seen == 5:
                break
        return seen

    assert asyncio.run(left()) == 5


@pytest.mark.engines("embedded")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    page_size=st.none() | st.integers(1, 9),
    segments=st.integers(1, 5),
    most=st.none() | st.integers(0, 6),
)
def test_pages_of_any_size_of_any_segments_give_every_item_once(
    things: DynamoDBClient, sizes: list[int], page_size: int | None, segments: int, most: int | None
) -> None:
    scan = Thing.scan(segments=segments)
    scan = scan if page_size is None else scan.page_size(page_size)
    scan = scan if most is None else scan.filter(Thing.size <= most)
    expected = [f"t{number:02}" for number in range(40) if most is None or number % 7 <= most]

    found: list[str] = []
    cursor: str | None = None
    for turn in range(200):
        page = scan.after(cursor).sync.page(sizes[turn % len(sizes)])
        found += [thing.thing_id for thing in page]
        cursor = page.cursor
        if cursor is None:
            break

    assert sorted(found) == expected


@pytest.mark.engines("embedded")
def test_a_long_scan_needs_no_more_memory_than_a_short_one(client: DynamoDBClient) -> None:
    Thing.table.sync.create()
    for start in range(0, 20_000, 25):
        puts = [
            {"PutRequest": {"Item": {"thing_id": {"S": f"{number:06}" + "x" * 1000}, "size": {"N": "1"}}}}
            for number in range(start, start + 25)
        ]
        client.sync.call("BatchWriteItem", RequestItems={"things": puts})
    assert sum(1 for _ in Thing.scan().page_size(1_000).limit(2_000).sync) == 2_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    count = sum(1 for _ in Thing.scan().sync)

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert count == 20_000
    assert grown < 30_000, f"{grown} KB more"
