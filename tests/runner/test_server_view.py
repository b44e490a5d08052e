"""What scrapes of a server add up to: windows, differences, restarts, several servers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from evalkube_crds.perf_point import ServerView
from evalkube_crds.result_parts import NANO
from evalkube_runner.server import view
from evalkube_runner.server.exposition import Cumulative, Reading
from evalkube_runner.server.view import Scrape, Window

INF = float("inf")
WINDOW = Window(10 * NANO, 20 * NANO)


def reading(requests: float, **more: Any) -> Reading:
    """A vLLM that has answered so many requests, each in 0.2 s to the first token, with 10 tokens."""
    ttft = Cumulative(requests, 0.2 * requests, ((0.1, 0.0), (0.25, requests), (INF, requests)))
    fields: dict[str, Any] = {
        "servers": ("vLLM",),
        "gauges": {"waiting": 0.0, "running": 4.0, "kv_cache": 0.5},
        "counters": {"requests": requests, "generation_tokens": 10 * requests},
        "histograms": {"ttft": ttft},
    }
    return Reading(**{**fields, **more})


def scrape(at_s: float, said: Reading | str, url: str = "http://a/metrics") -> Scrape:
    """A scrape of 10 ms in the middle of which is `at_s`."""
    at_ns = int(at_s * NANO)
    edges = (url, at_ns - 5_000_000, at_ns + 5_000_000)
    return Scrape(*edges, None, said) if isinstance(said, str) else Scrape(*edges, said)


def seen(*scrapes: Scrape) -> ServerView:
    """The view of one page."""
    return view.view([scrapes], WINDOW)


def test_counts_are_from_the_last_scrape_before_to_the_first_after() -> None:
    """The warm-up before the measured part is left out, and so is what came later."""
    found = seen(
        *(scrape(5, reading(100)), scrape(9.5, reading(120)), scrape(12, reading(140))),
        *(scrape(20.5, reading(220)), scrape(21.5, reading(300))),
    )
    assert found.counters == {"requests": 100, "generation_tokens": 1000}
    assert found.histograms["ttft"].mean == pytest.approx(0.2)
    assert found.histograms["ttft"].bounds == [0.1, 0.25]
    assert found.histograms["ttft"].counts == [0, 100, 0]
    assert (found.span_ns, found.scrapes, found.notes) == (11 * NANO, 5, [])


def test_gauges_are_of_the_measured_part_alone() -> None:
    """Its least, mean and most."""
    steps = ((9, 50.0), (11, 1.0), (15, 3.0), (19, 8.0), (21, 90.0))
    found = seen(*(scrape(at, reading(0, gauges={"waiting": value})) for at, value in steps))
    waiting = found.gauges["waiting"]
    assert (waiting.low, waiting.mean, waiting.high, waiting.samples) == (1, 4, 8, 3)
    assert found.series["waiting"] == [None, 1.0, None, None, None, 3.0, None, None, None, 8.0]


FALLEN = [
    ("a counter", reading(5)),
    ("a counter that is gone", reading(200, counters={"requests": 200.0})),
    ("a histogram", replace(reading(200), histograms={"ttft": Cumulative(3, 0.6)})),
    ("a histogram that is gone", replace(reading(200), histograms={})),
    ("nothing, but the process is a later one", replace(reading(200), started_s=5000.0)),
]


@pytest.mark.parametrize("later", [row[1] for row in FALLEN], ids=[row[0] for row in FALLEN])
def test_a_server_that_was_restarted_has_no_differences(later: Reading) -> None:
    """They would be of a part of the load at best; the gauges stay, and a note says so."""
    first = replace(reading(100), started_s=1000.0 if later.started_s else None)
    found = seen(
        scrape(9, first),
        scrape(12, first),
        scrape(15, later),
        scrape(21, replace(reading(900), started_s=later.started_s)),
    )
    assert (found.counters, found.histograms) == ({}, {})
    assert found.gauges["running"].mean == 4
    assert len(found.notes) == 1
    assert "its counters fell during the load: the server was restarted" in found.notes[0]


def test_a_restart_before_or_after_the_load_is_none_of_its_business() -> None:
    """Only what lies between the two scrapes counts."""
    found = seen(scrape(3, reading(900)), scrape(9, reading(10)), scrape(21, reading(60)), scrape(22, reading(0)))
    assert found.counters["requests"] == 50
    assert found.notes == []


def test_counters_that_first_appear_during_the_load_begin_at_0() -> None:
    """Some servers have a counter from its first use on."""
    found = seen(scrape(9, reading(0, counters={}, histograms={})), scrape(21, reading(30)))
    assert found.counters == {"requests": 30, "generation_tokens": 300}
    assert found.histograms["ttft"].counts == [0, 30, 0]


MISSING = [
    ("before", [scrape(9, "HTTP 503"), scrape(12, reading(1)), scrape(21, reading(2))], "no scrape before the load"),
    ("after", [scrape(9, reading(1)), scrape(12, reading(2)), scrape(21, "no answer")], "no scrape after the load"),
]


@pytest.mark.parametrize(("scrapes", "words"), [row[1:] for row in MISSING], ids=[row[0] for row in MISSING])
def test_without_a_scrape_at_an_edge_only_gauges_are_told(scrapes: Sequence[Scrape], words: str) -> None:
    """And why."""
    found = seen(*scrapes)
    assert (found.counters, found.gauges["running"].samples) == ({}, 1)
    assert found.notes[0].startswith("1 of 3 scrapes failed: http://a/metrics: ")
    assert words in found.notes[1]


def test_a_page_that_was_never_read_is_told_once() -> None:
    """With its reason, and nothing else."""
    found = seen(*(scrape(at, "HTTP 404") for at in (9, 12, 15, 21)))
    assert found == ServerView(notes=["no server metrics: http://a/metrics: HTTP 404"])


def test_replicas_are_one_server_and_gpus_stand_beside_it() -> None:
    """Sums of counts and queues, a mean of shares; a turn that one of them missed has no sum."""
    gpu = Reading(servers=("DCGM",), gpus={"n/0": {"utilization": 0.5}})
    pages = [
        [scrape(9, reading(10)), scrape(12, reading(20)), scrape(15, reading(30)), scrape(21, reading(40))],
        [
            *(scrape(9, reading(0), "http://b/m"), scrape(12, reading(5), "http://b/m")),
            *(scrape(15, "no answer", "http://b/m"), scrape(21, reading(10), "http://b/m")),
        ],
        [scrape(at, gpu, "http://gpu/m") for at in (9, 12, 15, 21)],
        [scrape(9, "HTTP 404", "http://c/m")],
    ]
    found = view.view(pages, WINDOW)
    assert found.servers == ["vLLM", "DCGM"]
    assert (found.counters["requests"], found.histograms["ttft"].count) == (40, 40)
    assert (found.gauges["running"].samples, found.gauges["running"].mean) == (1, 8)
    assert found.gauges["kv_cache"].mean == 0.5
    assert found.gpus["n/0"]["utilization"].samples == 2
    assert found.notes == [
        "1 of 4 scrapes failed: http://b/m: no answer",
        "no server metrics: http://c/m: HTTP 404",
    ]


def test_the_figures_of_another_name_are_told_as_that() -> None:
    """A run may name an alias of the only model."""
    found = seen(*(scrape(at, replace(reading(at), model="base")) for at in (9, 15, 21)))
    assert found.notes == ["http://a/metrics: the figures are of its only model, 'base'"]


def test_rates_are_of_what_came_between_two_scrapes() -> None:
    """Generated tokens a second, and the mean TTFT of the requests between."""
    found = seen(*(scrape(at, reading(50 * at)) for at in (9, 11, 13, 21)))
    assert found.series["generation_tps"] == [None, None, None, pytest.approx(500)]
    assert found.series["ttft"][3] == pytest.approx(0.2)


def test_a_long_load_has_a_short_course() -> None:
    """Intervals double, as those of the client's course do."""
    long = Window(0, 3600 * NANO)
    found = view.view([[scrape(at, reading(at)) for at in range(3601)]], long)
    assert found.interval_ns == 16 * NANO
    assert len(found.series["running"]) == 226
    assert found.series["running"] == [4.0] * 226


def test_thinning_keeps_both_ends() -> None:
    """And every second one between."""
    assert [one.at_ns for one in view.thinned([scrape(at, "x") for at in range(6)])] == [
        at * NANO for at in (0, 2, 4, 5)
    ]
    assert [one.at_ns for one in view.thinned([scrape(at, "x") for at in range(5)])] == [at * NANO for at in (0, 2, 4)]


def test_a_row_has_the_clock_of_the_requests() -> None:
    """Its values under their names, or the reason that there are none."""
    gpu = {"n/0": {"power_w": 300.0}}
    found = view.row(scrape(9, replace(reading(7), gpus=gpu)), 8 * NANO, 2)
    assert found == {
        "at_ns": NANO,
        "took_ns": 10_000_000,
        "url": "http://a/metrics",
        "run": 2,
        "servers": ("vLLM",),
        "waiting": 0.0,
        "running": 4.0,
        "kv_cache": 0.5,
        "requests": 7,
        "generation_tokens": 70,
        "histograms": {"ttft": {"count": 7, "sum": pytest.approx(1.4)}},
        "gpus": gpu,
    }
    assert view.row(scrape(9, "HTTP 404"), 9 * NANO, None) == {
        "at_ns": 0,
        "took_ns": 10_000_000,
        "url": "http://a/metrics",
        "error": "HTTP 404",
    }
