"""Reading backward: the page that ends just before a cursor, in the query's own order, with nothing lost and nothing repeated."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydynox import (
    Attr,
    Collection,
    DynamoDBClient,
    Encrypted,
    GlobalSecondaryIndex,
    LocalKeyring,
    Model,
    after_load,
    attr,
    field,
    partition_key,
    sort_key,
)
from pydynox.exceptions import (
    CursorError,
    InvalidResponseError,
    ReadLimitError,
    RequestTimeoutError,
    SerializationError,
    ValidationError,
)

from tests.conftest import Drive, Serve, client_of
from tests.faults.deeds import answer
from tests.reading.test_endless_readings import stuck
from tests.reading.test_forged_cursors import content_of, position, written

pytestmark = pytest.mark.thorough


class Order(Model[str, int], table="orders"):
    customer: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    total: Attr[int] = field(default=0)
    city: Attr[str] = field(default="Oslo")
    rank: Attr[int] = field(default=0)

    by_city = GlobalSecondaryIndex(city, number)
    by_rank = GlobalSecondaryIndex(city, rank)


class Entry(Model[str, str], table="entries"):
    pk: Attr[str] = partition_key(template="CUSTOMER#{customer}")
    sk: Attr[str] = sort_key(template="ENTRY#{number:04d}")
    customer: Attr[str]
    number: Attr[int]


class Invoice(Entry, entity="invoice"):
    pass


class Receipt(Entry, entity="receipt"):
    pass


class Visit(Model[str, int], table="visits"):
    place: Attr[str] = partition_key()
    number: Attr[int] = sort_key()
    note: Encrypted[str]
    seen = 0

    @after_load
    async def count(self) -> None:
        type(self).seen += 1


COUNT = 23


def fill() -> None:
    for model in (Order, Entry, Visit):
        model.table.sync.create()  # type: ignore[attr-defined]
    for number in range(COUNT):
        Order(customer="c1", number=number, total=number % 3, rank=number // 4).sync.create()
        (Invoice if number % 3 else Receipt)(customer="c1", number=number).sync.create()
        Visit(place="p", number=number, note=f"n{number}").sync.create()


@pytest.fixture
def orders() -> Any:
    """A client that seals its cursors; the property below reads open ones."""
    client = DynamoDBClient(
        endpoint_url="memory://", cursor_keys=[secrets.token_bytes(32)], keyring=LocalKeyring({"a": bytes(32)})
    )
    with client.as_default():
        fill()
        yield client


QUERIES: dict[str, Callable[[DynamoDBClient], Any]] = {
    "query": lambda _: Order.query("c1"),
    "descending": lambda _: Order.query("c1").descending(),
    "range": lambda _: Order.query("c1", Order.number.between(3, 19)),
    "consistent": lambda _: Order.query("c1").consistent_read(),
    "filtered": lambda _: Order.query("c1").filter(Order.total == 1),
    "filtered, small requests": lambda _: Order.query("c1").filter(Order.total == 1).page_size(2),
    "small requests": lambda _: Order.query("c1").page_size(1),
    "limited": lambda _: Order.query("c1").limit(11),
    "limited, filtered": lambda _: Order.query("c1").filter(Order.total == 1).limit(6),
    "keys": lambda _: Order.query("c1").keys(),
    "selected": lambda _: Order.query("c1").select(Order.number, Order.total),
    "index": lambda _: Order.by_city.query("Oslo"),
    "index with equal keys": lambda _: Order.by_rank.query("Oslo").descending(),
    "hydrated": lambda _: Order.by_city.query("Oslo").hydrate(),
    "plain": lambda client: client.query("orders", {"customer": "c1"}),
    "plain, filtered": lambda client: client.query("orders", {"customer": "c1"}).filter(attr("total") == 1),
    "plain, selected": lambda client: client.query("orders", {"customer": "c1"}).select(attr("number"), attr("customer")),
    "entity": lambda _: Invoice.query(customer="c1"),
    "entities": lambda _: Entry.query(customer="c1"),
    "collection": lambda _: Collection(Invoice, Receipt).query("CUSTOMER#c1"),
    "encrypted": lambda _: Visit.query("p"),
}


def forward(drive: Drive, query: Any, rows: int) -> list[Any]:
    """The pages from the beginning, as a program reads them that has nothing but the cursor."""
    pages = [drive(query.page(rows))]
    while pages[-1].cursor is not None:
        pages.append(drive(query.after(pages[-1].cursor).page(rows)))
        assert len(pages) < 80
    return pages


def backward(drive: Drive, query: Any, page: Any, rows: int) -> list[Any]:
    """The pages before one, in the order of the query."""
    pages: list[Any] = []
    while page.previous is not None:
        page = drive(query.before(page.previous).page(rows))
        pages.insert(0, page)
        assert len(pages) < 80
    return pages


def rows_of(pages: list[Any]) -> list[Any]:
    return [row for page in pages for row in page]


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("name", QUERIES)
def test_the_way_back_gives_what_the_way_forth_gave(orders: DynamoDBClient, drive: Drive, name: str, rows: int) -> None:
    query = QUERIES[name](orders)
    pages = forward(drive, query, rows)

    assert rows_of(pages) == drive(query.all())
    assert pages[0].previous is None
    for before, page in itertools.pairwise(pages):
        back = drive(query.before(page.previous).page(rows))
        assert list(back) == list(before)
        # And forth again: the page after the page before is this one, or there is none after it.
        forth = [] if back.cursor is None else drive(query.after(back.cursor).page(rows))
        assert list(forth) == list(page)
    assert rows_of([*backward(drive, query, pages[-1], rows), pages[-1]]) == rows_of(pages)


@pytest.mark.parametrize("name", QUERIES)
def test_every_verb_that_counts_or_collects_reads_what_is_before(orders: DynamoDBClient, drive: Drive, name: str) -> None:
    query = QUERIES[name](orders)
    every = drive(query.all())
    page = drive(query.after(drive(query.page(4)).cursor).page(2))
    before = query.before(page.previous)

    assert drive(before.all()) == every[:4]
    assert drive(before.count()) == 4
    assert drive(before.exists()) is True
    assert [list(page) for page in before.sync.pages(3)] in ([every[1:4], every[:1]], [every[1:4], every[:1], []])
    assert before.sync.all() == every[:4]
    assert list(before.sync.page(2)) == every[2:4]

    async def pages() -> list[Any]:
        return [list(page) async for page in before.pages(2)]

    assert rows_of(drive(pages())[::-1]) == every[:4]


@pytest.mark.usefixtures("client")
def test_every_engine_reads_backward(drive: Drive) -> None:
    drive(Order.table.create())
    for number in range(7):
        drive(Order(customer="c1", number=number, total=number % 2).create())
    for query in (Order.query("c1"), Order.query("c1").descending(), Order.by_city.query("Oslo")):
        pages = forward(drive, query, 3)
        assert rows_of([*backward(drive, query, pages[-1], 3), pages[-1]]) == drive(query.all())
    odd = Order.query("c1").filter(Order.total == 1)
    pages = forward(drive, odd, 2)
    assert [order.number for order in drive(odd.before(pages[-1].previous or pages[-2].previous).page(1))] in ([1], [3])


ITEMS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.integers(0, 2)), max_size=25, unique_by=lambda item: item[0])
BUILDERS: dict[str, Callable[[], Any]] = {
    "query": lambda: Order.query("c1"),
    "descending": lambda: Order.query("c1").descending(),
    "range": lambda: Order.query("c1", Order.number.between(5, 33)),
    "index": lambda: Order.by_rank.query("Oslo"),
}


@given(
    items=ITEMS,
    name=st.sampled_from(sorted(BUILDERS)),
    total=st.none() | st.integers(0, 3),
    limit=st.none() | st.integers(0, 20),
    page_size=st.none() | st.integers(1, 6),
    reads=st.none() | st.integers(1, 3),
    rows=st.integers(1, 7),
    turn=st.integers(0, 8),
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_lost_and_nothing_repeated(
    *,
    items: list[tuple[int, int, int]],
    name: str,
    total: int | None,
    limit: int | None,
    page_size: int | None,
    reads: int | None,
    rows: int,
    turn: int,
) -> None:
    with DynamoDBClient(endpoint_url="memory://").as_default():
        Order.table.sync.create()
        for number, total_of, rank in items:
            Order(customer="c1", number=number, total=total_of, rank=rank).sync.create()
        query = BUILDERS[name]()
        query = query if total is None else query.filter(Order.total == total)
        query = query if limit is None else query.limit(limit)
        query = query if page_size is None else query.page_size(page_size)
        every = [order.number for order in query.sync.all()]
        step = query if reads is None else query.max_reads(reads)

        pages = [step.sync.page(rows)]
        while pages[-1].cursor is not None:
            pages.append(step.after(pages[-1].cursor).sync.page(rows))
        assert [order.number for page in pages for order in page] == every
        # Each page says where it begins, empty ones too: before it is all that came before it.
        for place, page in enumerate(pages):
            ahead = [order.number for page in pages[:place] for order in page]
            before = [] if page.previous is None else query.before(page.previous).sync.all()
            assert [order.number for order in before] == ahead
        # Back from any page to the beginning, and from there forth to the end.
        place = min(turn, len(pages) - 1)
        page, back = pages[place], []
        while page.previous is not None:
            page = step.before(page.previous).sync.page(rows)
            back.insert(0, page)
        assert [order.number for page in back for order in page] == [order.number for page in pages[:place] for order in page]
        forth = [] if page.cursor is None else query.after(page.cursor).sync.all()
        if back or page.cursor is not None:
            assert [order.number for order in page] + [order.number for order in forth] == every


ROW = {"customer": {"S": "c1"}, "number": {"N": "7"}}


def test_what_is_sent_is_the_query_reversed_from_the_first_row_of_the_page(serve: Serve, drive: Drive) -> None:
    server = serve(answer({"Count": 1, "Items": [ROW], "LastEvaluatedKey": ROW}))
    with client_of(server, cursor_keys=[bytes(32)]).as_default():
        for query, is_reversed in ((Order.query("c1"), True), (Order.query("c1").descending(), False)):
            page = drive(query.after({"customer": "c1", "number": 6}).page(1))
            with pytest.raises(InvalidResponseError, match="never end"):  # the server ends every page at this one row
                drive(query.before(page.previous).page(1))

            body = server.seen[-1].body
            assert b'"ExclusiveStartKey":{"customer":{"S":"c1"},"number":{"N":"7"}}' in body
            assert (b'"ScanIndexForward":false' in body) == is_reversed
            assert b'"Limit":1' in body


def test_the_first_page_and_pages_of_scans_and_statements_have_nothing_before(orders: DynamoDBClient, drive: Drive) -> None:
    scan = drive(Order.scan().page(3))
    assert scan.previous is None
    assert drive(Order.scan().after(scan.cursor).page(3)).previous is None
    segments = Order.scan(segments=2)
    assert drive(segments.after(drive(segments.page(3)).cursor).page(3)).previous is None
    statement = "SELECT * FROM orders"
    page = drive(orders.execute(statement, limit=3))
    assert drive(orders.execute(statement, limit=3, after=page.cursor)).previous is None


@pytest.mark.parametrize(
    "scan",
    [lambda _: Order.scan(), lambda _: Order.scan(segments=3), lambda _: Order.by_city.scan(), lambda c: c.scan("orders")],
)
def test_a_scan_cannot_be_read_backward(orders: DynamoDBClient, scan: Callable[[DynamoDBClient], Any]) -> None:
    for given_ in (None, "cursor", {"customer": "c1", "number": 1}):
        with pytest.raises(ValidationError, match="a scan has no order"):
            scan(orders).before(given_)


def test_none_is_no_cursor_and_both_at_once_are_refused(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.query("c1")
    page = drive(query.after(drive(query.page(5)).cursor).page(5))

    # As an API has them: both parameters are optional, and one is given.
    assert [order.number for order in drive(query.after(None).before(None).page(2))] == [0, 1]
    assert [order.number for order in drive(query.after(page.cursor).before(None).page(2))] == [10, 11]
    for back in (query.after(None).before(page.previous), query.before(page.previous).after(None)):
        assert [order.number for order in drive(back.page(2))] == [3, 4]
    assert len(drive(query.before(page.previous).before(None).all())) == COUNT
    assert len(drive(query.after(page.cursor).after(None).all())) == COUNT
    for both in (lambda: query.after(page.cursor).before(page.previous), lambda: query.before(page.previous).after(page.cursor)):
        with pytest.raises(CursorError, match="has both"):
            both()


def test_each_of_the_two_cursors_leads_its_own_way(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.query("c1")
    page = drive(query.after(drive(query.page(5)).cursor).page(5))

    with pytest.raises(CursorError, match=r"ends: pass it to after\(\)"):
        drive(query.before(page.cursor).page(5))
    with pytest.raises(CursorError, match=r"begins: pass it to before\(\)"):
        drive(query.after(page.previous).page(5))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Order.query("another"), "another query"),
        (Order.query("c1").descending(), "another query"),
        (Order.by_city.query("Oslo"), "another query"),
        (Order.query("c1", Order.number > 15), "outside"),
    ],
)
def test_a_cursor_of_another_query_is_refused(orders: DynamoDBClient, drive: Drive, other: Any, said: str) -> None:
    page = drive(Order.query("c1").after(drive(Order.query("c1").page(5)).cursor).page(5))

    for read in (lambda query: query.page(3), lambda query: query.all(), lambda query: query.count()):
        with pytest.raises(CursorError, match=said):
            drive(read(other.before(page.previous)))


def test_an_audience_is_held_to(orders: DynamoDBClient, drive: Drive) -> None:
    mine = Order.query("c1").cursors(audience="ada", expires_in=timedelta(hours=1))
    page = drive(mine.after(drive(mine.page(5)).cursor).page(5))

    assert drive(mine.before(page.previous).page(2))[0].number == 3
    for other in (Order.query("c1"), Order.query("c1").cursors(audience="bob")):
        with pytest.raises(CursorError, match="audience"):
            drive(other.before(page.previous).page(2))


def test_a_forged_position_is_a_key_of_what_is_read_and_nothing_else(drive: Drive) -> None:
    with DynamoDBClient(endpoint_url="memory://", keyring=LocalKeyring({"a": bytes(32)})).as_default():
        fill()
        query = Order.query("c1")
        binding = content_of(drive(query.page(1)).cursor)[:16]

        def before(key: bytes, tag: int = 3) -> str:
            return written(binding + b"\0" + bytes([tag]) + len(key).to_bytes(4, "big") + key)

        honest = position(customer="c1", number=3)
        assert [order.number for order in drive(query.before(before(honest)).all())] == [0, 1, 2]
        for wrong in (
            honest + b',"Select":"COUNT"',
            honest[:-1],
            position(customer="c1"),
            position(customer="c2", number=3),
            position(customer="c1", number=3, more="x"),
            b"",
            b"\xff",
        ):
            with pytest.raises(CursorError):
                drive(query.before(before(wrong)).all())
        for tag in (1, 4, 255):
            with pytest.raises(CursorError):
                drive(query.before(before(honest, tag)).all())


@pytest.mark.parametrize("verb", ["all", "count", "page", "exists"])
def test_a_service_that_leads_in_a_circle_is_found(serve: Serve, drive: Drive, verb: str) -> None:
    client = client_of(serve(stuck(1)), timeout=20)
    query = Order.query("c1").before({"customer": "c1", "number": 0})
    with client.as_default(), pytest.raises(InvalidResponseError, match="never end"):
        drive(query.page(3) if verb == "page" else getattr(query, verb)())


def test_a_key_of_a_row_goes_back_like_a_cursor(orders: DynamoDBClient, drive: Drive) -> None:
    key = {"customer": "c1", "number": 3}
    for query in (Order.query("c1"), orders.query("orders", {"customer": "c1"})):
        for given_ in (key, {"customer": {"S": "c1"}, "number": {"N": "3"}}):
            assert len(drive(query.before(given_).all())) == 3
            assert drive(query.before(given_).count()) == 3
        page = drive(query.before(key).page(2))
        assert len(drive(query.before(page.previous).all())) == 1
        assert len(drive(query.after(page.cursor).all())) == COUNT - 3
    assert [order.number for order in drive(Order.query("c1").descending().before(key).limit(2).all())] == [5, 4]
    with pytest.raises(ValidationError, match=r"before\(\{\.\.\.\}\): a LastEvaluatedKey of Order has"):
        Order.query("c1").before({"customer": "c1"})
    with pytest.raises(ValidationError, match="outside what the query reads"):
        Order.query("c2").before(key)
    for wrong in (3, b"x", ["x"], {1: "x"}):
        with pytest.raises(TypeError):
            Order.query("c1").before(wrong)  # type: ignore[arg-type]


def test_a_limit_is_the_total_whichever_way_it_is_walked(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.query("c1").limit(7)
    first, second, third, last = forward(drive, query, 2)

    assert [order.number for order in last] == [6]
    assert [order.number for order in drive(query.before(last.previous).all())] == [0, 1, 2, 3, 4, 5]
    back = drive(query.before(third.previous).page(2))
    assert list(back) == list(second)
    assert [order.number for order in drive(query.after(back.cursor).all())] == [4, 5, 6]
    beginning = drive(query.before(back.previous).page(2))
    assert list(beginning) == list(first)
    assert beginning.previous is None  # the limit is used up, so nothing can be before
    few = Order.query("c1").before({"customer": "c1", "number": 9}).limit(3)
    assert [order.number for order in drive(few.all())] == [6, 7, 8]
    assert [[order.number for order in page] for page in few.sync.pages(2)] == [[7, 8], [6]]
    assert drive(Order.query("c1").limit(0).before({"customer": "c1", "number": 9}).page(3)).previous is None


def test_a_page_whose_neighbours_are_gone_still_leads_both_ways(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.query("c1")
    page = drive(query.after(drive(query.page(5)).cursor).page(5))
    for number in range(10):
        drive(Order.key("c1", number).delete())

    empty = drive(query.before(page.previous).page(5))

    assert (list(empty), empty.previous) == ([], None)
    assert [order.number for order in drive(query.after(empty.cursor).page(2))] == [10, 11]
    drive(Order(customer="c1", number=2).create())
    assert [order.number for order in drive(query.before(page.previous).page(5))] == [2]


def test_an_empty_last_page_leads_back_to_the_end(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.query("c1")
    last = drive(query.after(drive(query.page(COUNT)).cursor or {"customer": "c1", "number": COUNT - 1}).page(5))

    assert list(last) == []
    back = drive(query.before(last.previous).page(2))
    assert [order.number for order in back] == [COUNT - 2, COUNT - 1]
    assert back.cursor is None
    assert [order.number for order in drive(query.before(back.previous).page(2))] == [COUNT - 4, COUNT - 3]


def test_requests_and_time_are_limited_as_ever(orders: DynamoDBClient, drive: Drive) -> None:
    rare = Order.query("c1").filter(Order.total == 1).page_size(2)
    page = drive(rare.max_reads(2).before({"customer": "c1", "number": 20}).page(9))

    assert [order.number for order in page] == [16, 19]
    assert page.previous is not None
    assert [order.number for order in drive(rare.before(page.previous).all())] == [1, 4, 7, 10, 13]
    with pytest.raises(ReadLimitError) as spent:
        drive(rare.max_reads(2).before({"customer": "c1", "number": 20}).all())
    assert [order.number for order in drive(rare.before(spent.value.cursor).all())] == [1, 4, 7, 10, 13]
    with pytest.raises(RequestTimeoutError), orders.options(deadline=1e-9):
        drive(rare.before({"customer": "c1", "number": 20}).page(2))


def test_rows_that_arrive_backward_are_not_iterated_one_by_one(orders: DynamoDBClient, drive: Drive) -> None:
    query = Order.query("c1").before({"customer": "c1", "number": 9})

    async def iterate() -> None:
        async for _ in query:
            pass

    with pytest.raises(ValidationError, match="arrive last to first"):
        drive(iterate())
    with pytest.raises(ValidationError, match="arrive last to first"):
        list(query.sync)
    with pytest.raises(ValidationError, match=r"limit\(1\)\.all\(\)"):
        drive(query.first())
    assert drive(query.filter(Order.total == 2).limit(1).one()).number == 8


@pytest.mark.parametrize("hydrated", [False, True])
def test_a_row_that_cannot_be_read_ends_the_page_on_its_far_side(orders: DynamoDBClient, drive: Drive, hydrated: bool) -> None:
    orders.sync.update_item("orders", {"customer": "c1", "number": 5}, attr("total").set("many"))
    query = Order.by_city.query("Oslo").hydrate() if hydrated else Order.query("c1")
    start: dict[str, Any] = {"customer": "c1", "number": 8}
    if hydrated:
        start["city"] = "Oslo"

    page = drive(query.before(start).page(5))
    assert [order.number for order in page] == [6, 7]
    with pytest.raises(SerializationError) as bad:
        drive(query.before(page.previous).page(5))
    assert bad.value.key == Order.key("c1", 5)
    assert [order.number for order in drive(query.before(bad.value.cursor).page(9))] == [0, 1, 2, 3, 4]
    seen: list[SerializationError] = []
    assert [order.number for order in drive(query.on_invalid(seen.append).before(start).all())] == [0, 1, 2, 3, 4, 6, 7]
    assert [error.key for error in seen] == [Order.key("c1", 5)]


def test_hooks_run_for_rows_that_are_read_backward(orders: DynamoDBClient, drive: Drive) -> None:
    Visit.seen = 0

    rows = drive(Visit.query("p").before({"place": "p", "number": 6}).page(4))

    assert [(visit.number, visit.note) for visit in rows] == [(2, "n2"), (3, "n3"), (4, "n4"), (5, "n5")]
    assert Visit.seen == 4


def test_without_the_key_no_place_can_be_named(orders: DynamoDBClient, drive: Drive) -> None:
    query = orders.query("orders", {"customer": "c1"}).select(attr("total"))
    page = drive(query.after({"customer": "c1", "number": 3}).page(2))

    assert len(page) == 2
    with pytest.raises(ValidationError, match=r"add 'customer' and 'number' to select\(\)"):
        _ = page.previous
    with pytest.raises(ValidationError, match=r"add 'customer' and 'number' to select\(\)"):
        drive(query.before({"customer": "c1", "number": 3}).page(2))


def test_a_plan_shows_the_reversed_request(orders: DynamoDBClient) -> None:
    key = {"customer": "c1", "number": 3}

    assert Order.query("c1").before(key).explain().request["ScanIndexForward"] is False
    assert "ScanIndexForward" not in Order.query("c1").descending().before(key).explain().request
