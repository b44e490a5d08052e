"""A point's server figures: beside the client's, of several shards, of several runs."""

from typing import Any

import pytest

from evalkube_crds import merge, server_view
from evalkube_crds.histogram import Histogram
from evalkube_crds.perf_point import PerfPoint, ServerGauge, ServerHistogram, ServerView


def seen(**fields: Any) -> ServerView:
    """The view of a vLLM that answered 100 requests, each in 40 ms to the first token."""
    ttft = ServerHistogram(count=100, total=4.0, bounds=[0.025, 0.05], counts=[10, 90, 0])
    return ServerView(
        **{
            "servers": ["vLLM"],
            "gauges": {"waiting": ServerGauge(samples=4, low=0, high=6, total=8)},
            "counters": {"prompt_tokens": 900.0, "prefix_cache_queries": 800.0, "prefix_cache_hits": 200.0},
            "histograms": {"ttft": ttft},
            "scrapes": 6,
            **fields,
        }
    )


def point(server: ServerView | None, *, succeeded: int = 100, **fields: Any) -> PerfPoint:
    """One whose mean TTFT the client measured as 45 ms."""
    ttft = Histogram()
    ttft.extend([45_000_000] * succeeded)
    return PerfPoint(
        name="p", number=succeeded, succeeded=succeeded, server=server, histograms={"ttft_ns": ttft}, **fields
    )


def test_the_figures_have_names_with_units_and_say_how_far_the_client_is_away() -> None:
    """The difference is the client's mean minus the server's."""
    assert server_view.figures(point(seen())) == {
        "server_waiting_min": 0,
        "server_waiting_mean": 2,
        "server_waiting_max": 6,
        "server_prompt_tokens": 900,
        "server_prefix_cache_hit_rate": 0.25,
        "server_ttft_mean_s": pytest.approx(0.040),
        "server_ttft_difference_s": pytest.approx(0.005),
    }


def test_gpus_have_figures_of_all_together() -> None:
    """Their mean utilization, the fullest memory, the power of all."""
    one = {"utilization": (0.5, 0.7), "memory_used_bytes": (10.0, 30.0), "power_w": (300.0, 500.0)}
    gpus = {
        gpu: {name: ServerGauge(samples=2, low=low, high=high, total=low + high) for name, (low, high) in one.items()}
        for gpu in ("a/0", "a/1")
    }
    found = server_view.figures(point(ServerView(servers=["DCGM"], gpus=gpus)))
    assert found == {
        "server_gpu_utilization_mean": pytest.approx(0.6),
        "server_gpu_memory_used_max_bytes": 30,
        "server_gpu_power_mean_w": 800,
    }


def test_a_point_without_server_metrics_has_none_of_it() -> None:
    """Neither figures nor notes nor a document."""
    alone = point(None)
    assert (server_view.figures(alone), server_view.notes(alone), server_view.document(alone)) == ({}, [], None)


ENDS: list[tuple[str, list[float], list[float], float, Any]] = [
    ("first bucket", [0.3, 1.0], [100, 0, 0], 50, (0, 0.3)),
    ("between", [0.1, 0.2, 0.4], [10, 50, 40, 0], 50, (0.1, 0.2)),
    ("at an end", [0.1, 0.2], [50, 50, 0], 50, (0, 0.1)),
    ("over an empty bucket", [0.1, 0.2, 0.4], [50, 0, 50, 0], 99, (0.2, 0.4)),
    ("the last, without an end", [0.1, 0.2], [1, 1, 98], 99, (0.2, None)),
    ("nothing came", [0.1], [0, 0], 50, None),
    ("no buckets", [], [], 50, None),
    ("below 0", [-1.0, 1.0], [1, 0, 0], 50, (-1.0, -1.0)),
]


@pytest.mark.parametrize(
    ("bounds", "counts", "percent", "wanted"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS]
)
def test_a_percentile_is_known_as_far_as_its_bucket(
    bounds: list[float], counts: list[float], percent: float, wanted: Any
) -> None:
    """Nothing is interpolated: within a bucket a value may be anywhere."""
    histogram = ServerHistogram(count=sum(counts), total=1.0, bounds=bounds, counts=counts)
    assert server_view.between(histogram, percent) == wanted


@pytest.mark.parametrize(
    ("succeeded", "warmup", "words"),
    [
        (100, 0, None),
        (96, 0, None),
        (80, 0, "the server counted 100 requests, but 80 requests that the client measured"),
        (80, 20, "may hold 20 of the warm-up, failed ones"),
        (400, 0, "or a part of the replicas'"),
    ],
    ids=["the same", "nearly", "others", "a warm-up", "a part"],
)
def test_counts_of_different_requests_are_told(succeeded: int, warmup: int, words: str | None) -> None:
    """Means of different requests must not be compared without a word."""
    found = server_view.notes(point(seen(), succeeded=succeeded, warmup=warmup))
    assert (found == []) if words is None else (words in found[0])


def test_of_several_shards_the_one_that_scraped_counts() -> None:
    """In whatever order they come; the difference is that of all shards' requests."""
    parts = [point(seen(), succeeded=50), point(None, succeeded=50)]
    for ordered in (parts, parts[::-1]):
        merged = merge.merge_points(ordered)
        assert merged.server == seen()
        assert server_view.figures(merged)["server_ttft_difference_s"] == pytest.approx(0.005)


def test_runs_of_one_load_add_up() -> None:
    """Counts, extremes and buckets; what one of them said of itself is said of all."""
    other = seen(
        gauges={"waiting": ServerGauge(samples=1, low=9, high=9, total=9)},
        notes=["no server metrics: x"],
        gpus={"a/0": {"power_w": ServerGauge(samples=1, low=1, high=1, total=1)}},
    )
    merged = merge.merge_points([point(seen()), point(other)]).server
    assert merged is not None
    assert merged.counters["prompt_tokens"] == 1800
    assert merged.gauges["waiting"] == ServerGauge(samples=5, low=0, high=9, total=17)
    assert merged.histograms["ttft"].counts == [20, 180, 0]
    assert (merged.scrapes, merged.notes, list(merged.gpus)) == (12, ["no server metrics: x"], ["a/0"])


def test_a_view_survives_its_document() -> None:
    """As part of a result, in the letters of JSON."""
    whole = point(seen(series={"waiting": [1.0, None]}))
    assert PerfPoint.model_validate_json(whole.model_dump_json(by_alias=True)) == whole


def test_the_document_of_a_response_is_plain() -> None:
    """Figures, ends of percentiles, notes."""
    found = server_view.document(point(seen()))
    assert found is not None
    assert found["percentiles_between"] == {"ttft": {"50%": (0.025, 0.05), "90%": (0.025, 0.05), "99%": (0.025, 0.05)}}
    assert (found["servers"], found["notes"], found["gpus"]) == (["vLLM"], [], {})
    assert found["figures"] == server_view.figures(point(seen()))
