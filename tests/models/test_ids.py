"""Identifiers: their forms, their order, and that no two are the same, in a forked process either."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable

import pytest
from pydynox import Attr, Model, ksuid, partition_key, ulid, uuid4, uuid7

MAKERS = [uuid4, uuid7, ulid, ksuid]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_no_two_identifiers_are_the_same(make: Callable[[], str]) -> None:
    assert len({make() for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("make", [uuid7, ulid], ids=lambda make: make.__name__)
def test_identifiers_that_begin_with_the_time_grow(make: Callable[[], str]) -> None:
    made = [make() for _ in range(10_000)]

    assert made == sorted(made)


def test_identifiers_are_what_their_standards_say() -> None:
    before = int(time.time() * 1000)

    random, ordered = uuid.UUID(uuid4()), uuid.UUID(uuid7())

    assert (random.version, ordered.version) == (4, 7)
    assert random.variant == ordered.variant == uuid.RFC_4122
    assert 0 <= (ordered.int >> 80) - before < 5000
    assert (len(ulid()), len(ksuid())) == (26, 27)
    assert set(ulid()) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    assert ksuid().isalnum()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_a_forked_process_makes_others(make: Callable[[], str]) -> None:
    make()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, "\n".join(make() for _ in range(500)).encode())
        os._exit(0)
    ours = {make() for _ in range(500)}
    os.close(write)
    with open(read, encoding="ascii") as answer:
        theirs = set(answer.read().split())
    os.waitpid(child, 0)

    assert len(theirs) == 500
    assert not ours & theirs


def test_an_identifier_is_a_default_of_a_key() -> None:
    class Event(Model[str], table="events"):
        event_id: Attr[str] = partition_key(default_factory=uuid7)

    assert Event().event_id < Event().event_id
