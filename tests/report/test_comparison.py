"""Load tests compared: what is better, worse, noise or unknown, and how honest the intervals are."""

import random
from collections.abc import Callable

import pytest

from evalkube_crds.histogram import Histogram
from evalkube_crds.names import TokenBasis, Verdict
from evalkube_crds.perf_point import PerfPoint, PerfSeries
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import PerfResult
from evalkube_report import comparison
from evalkube_report.comparison import Delta, tables
from fakes.tables import text_of


def point(
    seed: int,
    *,
    median_s: float = 0.5,
    requests: int = 600,
    parallel: int = 8,
    per_second: float = 20.0,
    seconds: int = 30,
    failed: int = 0,
    verdict: Verdict = Verdict.VALID,
    tokens: int = 100,
    name: str | None = None,
) -> PerfPoint:
    """A load whose latencies, and requests of each second, were drawn from known distributions."""
    draw = random.Random(seed)
    times = Histogram()
    times.extend(int(draw.lognormvariate(0, 0.5) * median_s * NANO) for _ in range(requests))
    answers = Histogram()
    answers.extend(draw.randrange(tokens // 2, tokens * 3 // 2) for _ in range(requests))
    ended = [max(0, round(draw.gauss(per_second, 2))) for _ in range(seconds)]
    return PerfPoint(
        name=name or f"parallel_{parallel}_number_{requests}",
        number=requests + failed,
        parallel=parallel,
        succeeded=requests,
        failed=failed,
        token_basis={TokenBasis.USAGE: requests},
        output_tokens=answers.total,
        histograms={"latency_ns": times, "ttft_ns": times, "output_tokens": answers},
        started_at_ns=NANO,
        ended_at_ns=NANO + round(requests / (sum(ended) / seconds) * NANO),
        series=PerfSeries(sent=ended, succeeded=ended, output_tokens=[tokens * one for one in ended]),
        verdict=verdict,
        verdict_reasons=[] if verdict is Verdict.VALID else [f"{verdict}: the client stalled"],
    )


def compared(*runs: PerfPoint | list[PerfPoint]) -> comparison.LoadComparison:
    lists = [run if isinstance(run, list) else [run] for run in runs]
    return comparison.load_tests(
        [(f"run-{at}", PerfResult(run_id=f"run-{at}", model="m", points=points)) for at, points in enumerate(lists)]
    )


def deltas(found: comparison.LoadComparison) -> dict[str, Delta]:
    return {delta.figure.name: delta for delta in found.candidates[0].points[0].deltas}


@pytest.mark.parametrize(
    ("candidate", "outcomes"),
    [
        pytest.param(
            lambda: point(2), {"latency_p50_s": "noise", "rps": "noise", "success_rate": "noise"}, id="another draw"
        ),
        pytest.param(
            lambda: point(2, median_s=0.8),
            {"latency_p50_s": "worse", "latency_mean_s": "worse", "ttft_p99_s": "worse"},
            id="slower",
        ),
        pytest.param(
            lambda: point(2, median_s=0.3, per_second=32), {"latency_p50_s": "better", "rps": "better"}, id="faster"
        ),
        pytest.param(lambda: point(2, failed=60), {"success_rate": "worse"}, id="failures"),
    ],
)
def test_outcomes_follow_the_intervals(candidate: Callable[[], PerfPoint], outcomes: dict[str, str]) -> None:
    """Lower times and higher rates are better; what chance explains is noise."""
    found = deltas(compared(point(1), candidate()))
    assert {name: found[name].outcome for name in outcomes} == outcomes
    assert all((one.interval is None) is (one.outcome == "unknown") for one in found.values())


def test_differences_and_ratios_are_of_the_candidate() -> None:
    """Candidate minus baseline, candidate by baseline, and an interval around the difference."""
    found = deltas(compared(point(1), point(2, median_s=1.0)))["latency_mean_s"]
    assert found.baseline is not None
    assert found.candidate is not None
    assert found.difference == pytest.approx(found.candidate - found.baseline)
    assert found.ratio == pytest.approx(found.candidate / found.baseline)
    assert found.interval is not None
    assert found.difference is not None
    assert found.interval.low < found.difference < found.interval.high
    assert found.method == "normal"


@pytest.mark.parametrize(
    ("figure", "requests", "reason"),
    [
        ("ttft_p99_s", 100, "p99 needs 368 requests, there are 100"),
        ("latency_mean_s", 20, "a mean needs 30 requests, there are 20"),
        ("rps", 10, "a rate needs 20 requests, there are 10"),
    ],
)
def test_too_few_requests_are_unknown(figure: str, requests: int, reason: str) -> None:
    """Where there is no interval the outcome is unknown, and says what it would need."""
    found = deltas(compared(point(1), point(2, median_s=5.0, requests=requests, seconds=5)))[figure]
    assert (found.outcome, found.interval, found.reason) == ("unknown", None, reason)
    assert found.difference is not None


@pytest.mark.parametrize("invalid", [0, 1])
def test_a_load_that_is_not_valid_is_unknown(invalid: int) -> None:
    """Nothing is said of a difference when one side measured the client; the reason is said, and warned of."""
    verdicts = [Verdict.INVALID if at == invalid else Verdict.VALID for at in range(2)]
    found = compared(point(1, verdict=verdicts[0]), point(2, median_s=5.0, verdict=verdicts[1]))
    side = ("baseline", "candidate")[invalid]
    assert {(one.outcome, one.reason) for one in deltas(found).values()} == {
        ("unknown", f"the {side} is not valid: the client stalled")
    }
    assert f"run-{invalid}: parallel_8_number_600 is not valid: the client stalled" in found.candidates[0].warnings


def test_gaps_between_tokens_have_no_interval() -> None:
    """A request has many of them, so that they are not independent values."""
    runs = [point(seed) for seed in (1, 2)]
    for one in runs:
        one.histograms["itl_ns"] = one.histograms["latency_ns"]
    found = deltas(compared(*runs))["itl_p50_s"]
    assert (found.outcome, found.reason) == ("unknown", "a request has many values of it, which are not independent")


def test_points_are_paired_by_their_load() -> None:
    """Whatever their names and order are; what one run alone has is named."""
    baseline = [point(1, parallel=4), point(2, parallel=8, name="mine")]
    found = compared(baseline, [point(3, parallel=8, name="theirs"), point(4, parallel=16)]).candidates[0]
    assert [(one.load, one.baseline, one.candidate) for one in found.points] == [("8 in flight", "mine", "theirs")]
    assert (found.only_baseline, found.only_candidate) == (("parallel_4_number_600",), ("parallel_16_number_600",))


def test_runs_without_a_common_load_are_refused() -> None:
    """The message says what each has."""
    with pytest.raises(comparison.Incomparable, match=r"8 in flight and 16 in flight; run both with the same"):
        compared(point(1), point(2, parallel=16))


def test_repeats_tell_what_differs_from_run_to_run() -> None:
    """Three runs that differ among each other more than their requests do: their spread decides, not the requests'."""
    shaky = [point(seed, median_s=median) for seed, median in enumerate((0.4, 0.5, 0.6))]
    other = [point(seed + 9, median_s=median) for seed, median in enumerate((0.45, 0.55, 0.65))]
    assert deltas(compared(shaky[1], other[1]))["latency_p50_s"].outcome == "worse"
    found = deltas(compared(shaky, other))["latency_p50_s"]
    assert (found.outcome, found.method) == ("noise", "3 repeats")


def test_different_work_is_warned_of() -> None:
    """Answers of another length are no fair comparison."""
    found = compared(point(1), point(2, tokens=200)).candidates[0]
    assert any("the runs did different work" in one for one in found.warnings)


def test_the_intervals_hold_what_they_promise() -> None:
    """Of runs that differ by chance alone about 1 in 20 figures lies outside, and not many more."""
    runs = [point(seed) for seed in range(120)]
    outcomes = [
        delta.outcome
        for one, other in zip(runs[::2], runs[1::2], strict=True)
        for delta in deltas(compared(one, other)).values()
        if delta.figure.name in ("latency_mean_s", "latency_p50_s", "latency_p90_s", "rps", "output_tps")
    ]
    assert len(outcomes) == 300
    assert outcomes.count("unknown") == 0
    assert outcomes.count("noise") >= 270


def test_several_candidates_stand_against_one_baseline() -> None:
    """Each candidate is compared with the first run; the JSON has all of it."""
    found = compared(point(1), point(2), point(3, median_s=0.9))
    assert [one.candidate.run for one in found.candidates] == ["run-1", "run-2"]
    document = found.document()
    figure = document["candidates"][1]["points"][0]["figures"]["latency_p50_s"]
    assert (document["baseline"]["run"], figure["outcome"], figure["better"]) == ("run-0", "worse", "lower")


def test_tables_mark_each_figure() -> None:
    """Values in one unit with signs, the outcome as a word and as the mark of the row."""
    found = compared(point(1), point(2, median_s=0.9))
    (table,) = tables.load_tables(found)
    assert table.caption == "8 in flight: run-1 against run-0"
    marks = {row.cells[0]: row.mark for row in table.rows}
    assert (marks["Latency p50, ms"], marks["Success, %"]) == ("worse", "noise")
    row = next(row for row in table.rows if row.cells[0] == "Latency p50, ms")
    assert row.cells[1] == "worse"
    assert row.cells[4].startswith("+")
    assert row.cells[5].endswith(" %")


def test_plots_show_the_differences_in_per_cent() -> None:
    """Each figure with an interval is an entry, marked as in the table."""
    (plot,) = tables.load_plots(compared(point(1), point(2, median_s=1.0)))
    entry = next(entry for entry in plot.entries if entry.name == "Latency p50")
    assert entry.mark == "worse"
    assert 70 < entry.value < 130
    assert plot.middle == 0


SCORES = {
    "baseline": {"run": "one", "model": "m"},
    "candidate": {"run": "two", "model": "m"},
    "benchmarks": {
        name: {
            "metric": "mean_acc",
            "questions": 1319,
            "baseline_score": 0.8,
            "candidate_score": 0.8 + difference,
            "difference": difference,
            "interval": interval,
            "p_value": p_value,
            "p_value_holm": p_value,
            "right_to_wrong": 3,
            "wrong_to_right": 12,
            "changed": [
                {
                    "subset": "main",
                    "question": "2 + 2?",
                    "target": "4",
                    "baseline": {"index": 1, "score": 1.0, "extracted": "4"},
                    "candidate": {"index": 1, "score": 0.0, "extracted": None},
                }
            ],
        }
        for name, difference, interval, p_value in (
            ("gsm8k", 0.05, [0.02, 0.08], 0.0004),
            ("iquiz", -0.1, [-0.3, 0.1], 0.4),
            ("arc", -0.05, [-0.08, -0.02], 0.012),
            ("none", 0.0, None, None),
        )
    },
}


def test_scores_are_marked_by_their_p_values() -> None:
    """Better and worse are what chance does not explain; the rest is noise, or not known."""
    table = tables.score_table(SCORES)
    assert [row.mark for row in table.rows] == ["better", "noise", "worse", "unknown"]
    assert table.rows[0].cells[3:] == (
        *("0.8000", "0.8500", "+0.0500", "+0.0200 to +0.0800", "< 0.001", "1,319", "12 / 3"),
    )
    plot = tables.score_plot(SCORES)
    assert plot is not None
    assert [entry.mark for entry in plot.entries] == ["better", "noise", "worse"]


def test_changed_questions_are_a_table() -> None:
    """What was asked, what both extracted, and in which direction the score went."""
    text = text_of(tables.changed_table(SCORES, "gsm8k"))
    assert "2 + 2? | worse | main | 4 | 4 | - | 1 | 0 | worse" in text
