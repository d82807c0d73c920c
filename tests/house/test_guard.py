"""The guard on cost: what it takes for worse, and how it reads valgrind's files."""

from __future__ import annotations

import importlib.util
import json
import pathlib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

GUARD = pathlib.Path(__file__).parent.parent.parent / "benches" / "guard"


@pytest.fixture(scope="module")
def counts() -> ModuleType:
    spec = importlib.util.spec_from_file_location("guard_counts", GUARD / "counts.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("what", "value", "is_above"),
    [
        ("instructions", 103_000, False),
        ("instructions", 103_001, True),
        ("instructions", 50_000, False),
        ("system calls", 103_000.5, False),  # whether the answer needs one more wait is up to the other side
        ("system calls", 103_000.6, True),
    ],
)
def test_a_figure_is_worse_above_three_percent(counts: ModuleType, what: str, value: float, is_above: bool) -> None:
    above = counts.above({"get": {what: value}}, {"get": {what: 100_000}})

    assert bool(above) is is_above
    assert all("get" in sentence and what in sentence for sentence in above)


def test_what_has_no_reference_is_not_compared(counts: ModuleType) -> None:
    assert counts.above({"get": {"instructions": 9}, "new": {"instructions": 9}}, {"get": {}}) == []


def test_allocations_are_counted_where_others_ask_for_them(counts: ModuleType) -> None:
    dump = """fn=(1) pydynox::encode
cfn=(2) mi_malloc_aligned
calls=3 0
fn=(2)
cfn=(3) mi_heap_malloc_zero_aligned_at
calls=3 0
fn=(4) pydynox::decode
cfn=(2)
calls=2 0
cfn=(5) memcpy
calls=7 0
"""
    assert counts._allocations(dump) == 5


def test_system_calls_are_counted_once_and_within_their_marks(counts: ModuleType) -> None:
    log = """SYSCALL[7,1](  1) sys_write ( 2, 0x0, 1 ) --> [async] ...
**7** guard: begin get
SYSCALL[7,1]( 44) sys_sendto ( 5, 0x0, 9 ) --> [async] ...
SYSCALL[7,1]( 44) ... [async] --> Success(0x9)
SYSCALL[7,1](228) sys_clock_gettime ( 1, 0x0 )[sync] --> Success(0x0)
SYSCALL[7,1]( 45) sys_recvfrom ( 5, 0x0, 9 ) --> [async] ...
**7** guard: end get
SYSCALL[7,1](  1) sys_write ( 2, 0x0, 1 ) --> [async] ...
"""
    assert counts._system_calls(log) == {"get": 2}


def test_every_reference_names_what_it_depends_on_and_why_it_is() -> None:
    entries: list[dict[str, Any]] = json.loads((GUARD / "reference.json").read_text())

    assert entries
    for entry in entries:
        assert set(entry["like"]) == {"processor", "interpreter", "compiler", "library"}
        assert entry["reason"]
        assert len(entry["figures"]) >= 14
