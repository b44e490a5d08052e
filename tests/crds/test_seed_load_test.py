"""The seed's keys, in seconds, valid JSON."""

import json

import pytest

from evalkube_crds.histogram import Histogram
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO
from evalkube_crds.seed import load_test as summary


def histogram(*values: int) -> Histogram:
    made = Histogram()
    made.extend(values)
    return made


POINT = PerfPoint(
    name="p",
    number=5,
    parallel=2,
    succeeded=4,
    failed=1,
    input_tokens=40,
    output_tokens=100,
    started_at_ns=10 * NANO,
    ended_at_ns=12 * NANO,
    histograms={
        "latency_ns": histogram(100_000_000, 200_000_000, 300_000_000, 400_000_001),
        "output_tps_milli": histogram(123_456),
    },
)


def test_metrics() -> None:
    """Throughput over the duration, means over successes, null for what was not measured."""
    found = summary.metrics(POINT)
    assert found["Time taken for tests (s)"] == 2.0
    assert found["Request throughput (req/s)"] == 2.0
    assert found["Output token throughput (tok/s)"] == 50.0
    assert found["Total token throughput (tok/s)"] == 70.0
    assert found["Average latency (s)"] == pytest.approx(0.25000000025, rel=1e-12)
    assert found["Average time to first token (s)"] is None
    assert (found["Total requests"], found["Succeed requests"], found["Failed requests"]) == (5, 4, 1)


def test_percentiles_are_type_7() -> None:
    """Interpolated between order statistics, as numpy does, and not rounded."""
    found = summary.percentiles(POINT)
    assert found["Percentiles"] == ["10%", "25%", "50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%"]
    assert found["Latency (s)"][2] == pytest.approx(0.25, rel=1e-12)
    assert found["Latency (s)"][-1] == pytest.approx(0.3 + 0.97 * 0.100000001, rel=1e-9)
    assert found["Output (tok/s)"] == [123.456] * 10
    assert found["TTFT (s)"] == [None] * 10


def test_ends_of_intervals_stand_beside_their_percentile() -> None:
    """Null where there are too few values; of times of a request only."""
    latency = histogram(*range(NANO, 101 * NANO, NANO))
    found = summary.percentiles(PerfPoint(name="p", number=100, succeeded=100, histograms={"latency_ns": latency}))
    rows = zip(found["Percentiles"], found["Latency low (s)"], found["Latency high (s)"], strict=True)
    ends = {percent: (low, high) for percent, low, high in rows}
    assert (ends["50%"], ends["90%"], ends["99%"]) == ((40, 61), (84, 96), (None, None))
    assert list(found)[list(found).index("Latency (s)") + 1] == "Latency low (s)"
    assert found["TTFT low (s)"] == [None] * 10
    assert {name.partition(" low")[0] for name in found if " low" in name} == {"TTFT", "TPOT", "Latency"}


def test_nothing_is_nan() -> None:
    """A point in which nothing succeeded is valid JSON all the same."""
    empty = PerfPoint(name="p", number=1)
    text = json.dumps([summary.metrics(empty), summary.percentiles(empty)], allow_nan=False)
    assert "null" in text
