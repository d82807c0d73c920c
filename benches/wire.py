"""The cost of calls over HTTP: this project, its peers and the floor, against the null server, in one run.

CPU time (user + system) of the client's whole process, which is pinned to a core of its own; the null server is pinned to
another. Medians of interleaved rounds. To add an operation, add a call in ``clients/``, an answer in ``responses.py`` and its
targets here.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections import defaultdict
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from client_process import Client, ClientFailedError, ClientProcess
from rows import Row, ratio
from server import NullDynamoDB

if TYPE_CHECKING:
    from collections.abc import Iterator

SLICE = 300_000  # target CPU time of one round of one price, in microseconds
CALLS_OF_A_FOOTPRINT = 5_000
CROWD = 1_000

OURS, PEER, FLOOR, PARSER, PYNAMODB = "pydynox", "pydynox 1.8", "raw socket", "orjson.loads", "PynamoDB"
CLIENTS = (
    Client(FLOOR, "rawsock", "sync"),
    Client(PARSER, "orjson", "sync", requests_per_call=0),
    Client(OURS, "ours", "awaited"),
    Client(OURS, "ours", "sync"),
    Client(PEER, "pydynox18", "awaited", "pydynox-1.8"),
    Client(PEER, "pydynox18", "sync", "pydynox-1.8"),
    Client("aiodynamo", "aiodynamo", "awaited", "others"),
    Client("aioboto3", "aioboto3", "awaited", "aioboto3"),
    Client("boto3", "boto3", "sync", "others"),
    Client(PYNAMODB, "pynamodb", "sync", "others"),
    Client(OURS, "adopted", "sync"),
    Client(PYNAMODB, "pynamodb_table", "sync", "others"),
)
CONCURRENT, ONE_BY_ONE, SYNC = "conc 64", "one by one", "sync"
MANNERS = {"awaited": {CONCURRENT: 64, ONE_BY_ONE: 1}, "sync": {SYNC: 1}}

Prices = dict[str, dict[str, dict[str, float]]]  # client, operation, manner: microseconds
Footprints = dict[str, dict[str, dict[str, float]]]  # client, API, what


class Target(NamedTuple):
    """Our price as a ratio to another client's for the same operation; the floor has only one manner."""

    manner: str
    against: str
    at_most: float


SMALL_CALLS = (
    Target(CONCURRENT, PEER, 1 / 10),
    Target(CONCURRENT, FLOOR, 0.8),
    Target(ONE_BY_ONE, PEER, 1 / 4),
    Target(ONE_BY_ONE, FLOOR, 2.8),
    Target(SYNC, PEER, 1 / 5),
    Target(SYNC, FLOOR, 1.9),
)
PAGES = (
    Target(CONCURRENT, PEER, 1 / 15),
    Target(CONCURRENT, PARSER, 0.9),
    Target(ONE_BY_ONE, PEER, 1 / 12),
    Target(ONE_BY_ONE, PARSER, 1.1),
)
TARGETS = {
    "get": SMALL_CALLS,
    "put": SMALL_CALLS,
    "query": PAGES,
    "batch_get": (Target(CONCURRENT, PEER, 1 / 15),),
    "batch_write": (Target(CONCURRENT, PEER, 1 / 9),),
    "scan": (Target(SYNC, PYNAMODB, 1 / 10),),  # 1,000 items of a table that PynamoDB wrote
}
#: A call that takes a tenth of a second is priced from fewer calls.
LEAST_CALLS = {"scan": 10}
SAVE_OVER_PUT = 1.15
PAIR_OVER_PUT = 1.6
BATCHED_GET = 8.0  # microseconds
SHARED = "get, batching"  # several calls share one request


class Cell(NamedTuple):
    """One price to measure: which client, which operation, in which manner."""

    process: ClientProcess
    operation: str
    manner: str
    concurrency: int


def check_machine() -> None:
    """Refuse to run without two cores to pin to and the tools to do it."""
    missing = [tool for tool in ("cc", "taskset") if shutil.which(tool) is None]
    if missing or not {0, 1} <= os.sched_getaffinity(0):
        raise SystemExit(f"--only local: the wire is measured on Linux, on cores 0 and 1, with cc and taskset {missing or ''}")


def started(client: Client, url: str, stack: ExitStack) -> ClientProcess | None:
    """The client's process, or None and a message; the other clients are still measured."""
    try:
        return stack.enter_context(ClientProcess(client, url))
    except ClientFailedError as error:
        print(f"not measured: {error}", file=sys.stderr)
        return None


def priced(server: NullDynamoDB, cell: Cell, calls: int) -> float:
    """Microseconds per call, after checking that every call sent one request."""
    before = sum(server.asked().values())
    us, made = cell.process.price(cell.operation, cell.concurrency, calls)
    asked = sum(server.asked().values()) - before
    client = cell.process.client
    shares = cell.operation == SHARED and cell.concurrency > 1 and 0 < asked < made
    if asked != made * client.requests_per_call and not shares:
        raise RuntimeError(f"{client.name}, {cell.operation}, {cell.manner}: {made} calls sent {asked} requests")
    return us


def cells(processes: list[ClientProcess]) -> Iterator[Cell]:
    """Every price that these processes can be asked for."""
    for process in processes:
        for operation in process.operations:
            for manner, concurrency in MANNERS[process.client.api].items():
                yield Cell(process, operation, manner, concurrency)


def prices(server: NullDynamoDB, clients: list[Client], rounds: int) -> Prices:
    """The median of each cell. They are measured in turn, so a slow moment affects all of them."""
    found: defaultdict[str, defaultdict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    with ExitStack() as stack:
        processes = [process for client in clients if (process := started(client, server.url, stack))]
        every = list(cells(processes))
        least = [LEAST_CALLS.get(cell.operation, 100) for cell in every]
        first = [priced(server, cell, calls) for cell, calls in zip(every, least, strict=True)]
        calls = [max(fewest, round(SLICE / us)) for fewest, us in zip(least, first, strict=True)]
        measured: list[list[float]] = [[] for _ in every]
        for number in range(rounds):
            print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
            for cell, count, values in zip(every, calls, measured, strict=True):
                values.append(priced(server, cell, count))
        print(file=sys.stderr)
        for cell, values in zip(every, measured, strict=True):
            found[cell.process.client.name][cell.operation][cell.manner] = statistics.median(values)
    return {name: dict(operations) for name, operations in found.items()}


def footprint(process: ClientProcess) -> dict[str, float]:
    """Memory after gets and puts alone, the same work for every client, and then what a crowd of gets opens."""
    api = process.client.api
    for operation in ("get", "put"):
        process.price(operation, max(MANNERS[api].values()), CALLS_OF_A_FOOTPRINT)
    found: dict[str, float] = {"memory_mb": process.most_memory()}
    if api == "awaited":
        found |= process.crowd(CROWD)
        found["memory_after_crowd_mb"] = process.most_memory()
    return found


def footprints(server: NullDynamoDB, clients: list[Client]) -> Footprints:
    """Each client in a fresh process, one after another."""
    found: defaultdict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for client in clients:
        with ExitStack() as stack:
            process = started(client, server.url, stack)
            if process is not None and "get" in process.operations:
                found[client.name][client.api] = footprint(process)
    return dict(found)


def rows(priced: Prices, used: Footprints, with_peers: bool) -> list[Row]:
    """The targets in docs and README."""

    def price(client: str, operation: str, manner: str) -> float | None:
        return priced.get(client, {}).get(operation, {}).get(manner)

    def use(client: str, api: str, what: str) -> float | None:
        return used.get(client, {}).get(api, {}).get(what)

    made = []
    for operation, targets in TARGETS.items():
        for manner, against, at_most in targets:
            if against in (PEER, PYNAMODB) and not with_peers:
                continue
            other = price(against, operation, manner if against == PEER else SYNC)
            value = ratio(price(OURS, operation, manner), other)
            made.append(Row(f"{operation}, {manner} / {against}", value, "x", at_most))
    for manner in (CONCURRENT, ONE_BY_ONE, SYNC):
        value = ratio(price(OURS, "save", manner), price(OURS, "put", manner))
        made.append(Row(f"save of a changed item, {manner} / put", value, "x", SAVE_OVER_PUT))
    value = ratio(price(OURS, "transaction", CONCURRENT), price(OURS, "put", CONCURRENT))
    made.append(Row(f"transaction of two puts, {CONCURRENT} / put", value, "x", PAIR_OVER_PUT))
    made.append(Row(f"get inside batching(), {CONCURRENT}", price(OURS, SHARED, CONCURRENT), "us", BATCHED_GET))
    if with_peers:
        for api in MANNERS:
            value = ratio(use(OURS, api, "memory_mb"), use(PEER, api, "memory_mb"))
            made.append(Row(f"memory, {api} / {PEER}", value, "x", 1.0))
    made.append(Row(f"threads, {CROWD:,} gets in flight", use(OURS, "awaited", "threads"), "", 2))
    made.append(Row(f"sockets, {CROWD:,} gets in flight", use(OURS, "awaited", "sockets"), "", 64))
    return made


def table(prices: Prices, used: Footprints) -> str:
    """Every figure as a readable table."""
    lines = []
    manners = [manner for api in MANNERS.values() for manner in api]
    for operation in dict.fromkeys(operation for operations in prices.values() for operation in operations):
        lines.append(f"{operation + ', us':20}" + "".join(f"{manner:>12}" for manner in manners))
        for client, operations in prices.items():
            if operation in operations:
                values = (operations[operation].get(manner) for manner in manners)
                lines.append(f"  {client:18}" + "".join(f"{'' if value is None else f'{value:.0f}':>12}" for value in values))
    lines.append(f"{'footprint':28}{'MB':>8}{'threads':>9}{'sockets':>9}{'MB':>8}   the last 3 with {CROWD:,} gets in flight")
    for client, apis in used.items():
        for api, found in apis.items():
            after = (found.get(what) for what in ("threads", "sockets", "memory_after_crowd_mb"))
            shown = "".join(
                f"{'' if value is None else f'{value:.0f}':>{width}}" for value, width in zip(after, (9, 9, 8), strict=True)
            )
            lines.append(f"  {client + ', ' + api:26}{found['memory_mb']:8.0f}{shown}")
    return "\n".join(lines)


def measure(rounds: int, with_peers: bool) -> tuple[list[Row], dict[str, Any]]:
    """Measure and print; returns the rows with targets, and every figure to store."""
    check_machine()
    clients = [client for client in CLIENTS if with_peers or client.environment is None]
    with NullDynamoDB() as server:
        used = footprints(server, clients)
        found = prices(server, clients, rounds)
    print(table(found, used))
    return rows(found, used, with_peers), {"prices_us": found, "footprints": used}
