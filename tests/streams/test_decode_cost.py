"""What decoding the records of a stream costs, as a ratio to `orjson.loads` of the same bytes."""

from __future__ import annotations

import importlib.util
import pathlib

import pydynox._core as _core
import pytest

BENCH = pathlib.Path(__file__).parent.parent.parent / "benches" / "stream_records.py"


@pytest.mark.alone
def test_records_cost_at_most_three_times_orjson() -> None:
    spec = importlib.util.spec_from_file_location("stream_records", BENCH)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)

    best = bench.measure(rounds=3, records=2000)

    # Without optimisation the core is about ten times slower than in a wheel.
    bound = 12 if _core.build_data()["profile"] == "dev" else 3
    ratio = best["streams.decode of the bytes"] / best["orjson.loads of the bytes"]
    assert ratio <= bound, best
    # A dictionary is written as text before it is decoded.
    assert best["streams.decode of the dictionary"] / best["orjson.loads of the bytes"] <= 2 * bound, best
