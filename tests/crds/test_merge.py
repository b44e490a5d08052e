"""Results of shards against the result of one."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds import merge, sample_lines, summary, thresholds
from evalkube_crds.cluster import Threshold
from evalkube_crds.histogram import Histogram
from evalkube_crds.names import ErrorClass, Verdict
from evalkube_crds.perf_point import Begun, ClientHealth, Conversations, PerfPoint, PerfSeries
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import DatasetResult, EvalResult, PerfResult, ScoreSum, SubsetResult
from evalkube_crds.verdict import judge_point

Sample = tuple[float, int, bool]
samples = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 10**10), st.booleans()), min_size=1, max_size=60)


def evaluation(rows: Sequence[Sample], shards: list[int], of: int) -> EvalResult:
    """Scores, latencies and errors of `rows` as a runner counts them."""
    subset = SubsetResult(name="main", metrics={"acc": ScoreSum()})
    dataset = DatasetResult(name="gsm8k", pretty_name="GSM8K", description="", main_metric="acc", subsets=[subset])
    for score, latency_ns, errored in rows:
        subset.requested += 1
        if errored:
            subset.errored[ErrorClass.STATUS_5XX] = subset.errored.get(ErrorClass.STATUS_5XX, 0) + 1
            continue
        subset.metrics["acc"].add(score)
        subset.scored += 1
        state = sample_lines.state_of(score, None, judged=False)
        subset.states[state] = subset.states.get(state, 0) + 1
        dataset.latency_ns.add(latency_ns)
    return EvalResult(run_id="r", model="m", shards=shards, of_shards=of, datasets=[dataset])


@given(samples, st.integers(1, 5))
def test_evaluations_merge_to_what_one_shard_reports(rows: list[Sample], of: int) -> None:
    """Bit for bit, floats included: scores are summed as integers."""
    parts = [evaluation(rows[shard::of], [shard], of) for shard in range(of)]
    merged = merge.merge_results(parts[::-1])
    assert merged.model_dump() == evaluation(rows, list(range(of)), of).model_dump()


def point(latencies_ns: list[int], started_at_ns: int) -> PerfPoint:
    """A point of a load test with these latencies."""
    histogram = Histogram()
    histogram.extend(latencies_ns)
    return PerfPoint(
        name="parallel_2_number_4",
        number=4,
        parallel=2,
        succeeded=len(latencies_ns),
        output_tokens=10 * len(latencies_ns),
        histograms={"latency_ns": histogram},
        started_at_ns=started_at_ns,
        ended_at_ns=started_at_ns + 2 * NANO,
        series=PerfSeries(sent=[len(latencies_ns)]),
    )


def test_points_merge_by_time_and_count() -> None:
    """The window is from the first start to the last end, and a second counts where it fell."""
    merged = merge.merge_points([point([5, 7], NANO * 100), point([6], NANO * 101)])
    assert (merged.started_at_ns, merged.ended_at_ns, merged.succeeded) == (NANO * 100, NANO * 103, 3)
    assert merged.series.sent == [2, 1]
    assert merged.histograms["latency_ns"].percentile(50) == 6


@pytest.mark.parametrize(
    ("good", "wanted"),
    [([3, 4], 7), ([3, None], 3), ([None, 0], 0), ([None, None], None)],
    ids=["both", "a shard that had nothing to do", "none is good", "nobody asked"],
)
def test_good_requests_add_up(good: list[int | None], wanted: int | None) -> None:
    """And those in doubt."""
    parts = [point([5], NANO).model_copy(update={"good": one, "health": ClientHealth(doubtful=1)}) for one in good]
    merged = merge.merge_points(parts)
    assert (merged.good, merged.health.doubtful) == (wanted, 2)


def test_conversations_add_up() -> None:
    """Count by count; of single requests there are none."""
    parts = [point([5], NANO), point([6], NANO), point([7], NANO)]
    assert merge.merge_points(parts).conversations is None
    parts[0].conversations = Conversations(completed=5, failed=1, unsent_turns=2)
    parts[2].conversations = Conversations(completed=2, cut=3, unsent_turns=4)
    whole = Conversations(completed=7, failed=1, cut=3, unsent_turns=6)
    assert merge.merge_points(parts).conversations == whole


def judged(
    shard: int, of: int, *, verdict: Verdict = Verdict.VALID, reasons: Sequence[str] = (), sent: int = 100
) -> PerfResult:
    """A shard of a load test that was judged so; `sent` of its 100 requests could be sent."""
    measured = point([NANO], NANO)
    measured.health = ClientHealth(offered=100, sent=sent)
    measured.verdict, measured.verdict_reasons = verdict, list(reasons)
    return PerfResult(run_id="r", model="m", shards=[shard], of_shards=of, points=[measured])


FULL: dict[str, Any] = {"verdict": Verdict.INVALID, "reasons": ["invalid: a full core"]}
BUSY: dict[str, Any] = {"verdict": Verdict.DEGRADED, "reasons": ["degraded: a busy core"]}
VERDICTS: dict[str, tuple[list[dict[str, Any]], Verdict, list[str]]] = {
    "all valid": ([{}, {}], Verdict.VALID, []),
    "one invalid of many": ([{}, {}, FULL, {}], Verdict.INVALID, ["shard 2: invalid: a full core"]),
    "the worst first": (
        [BUSY, FULL],
        Verdict.INVALID,
        ["shard 1: invalid: a full core", "shard 0: degraded: a busy core"],
    ),
    "a sum worse than each": (
        [{"sent": 88}, {"sent": 100}],
        Verdict.INVALID,
        ["invalid: only 94.0% of the requests that were due could be sent"],
    ),
    "a sum not as bad as one": (
        [{"sent": 98} | BUSY, {"sent": 98} | FULL],
        Verdict.INVALID,
        [
            "degraded: only 98.0% of the requests that were due could be sent",
            "shard 1: invalid: a full core",
            "shard 0: degraded: a busy core",
        ],
    ),
}


@pytest.mark.parametrize(("shards", "wanted", "reasons"), VERDICTS.values(), ids=VERDICTS.keys())
def test_a_points_verdict_is_the_worst_there_is(
    shards: list[dict[str, Any]], wanted: Verdict, reasons: list[str]
) -> None:
    """Of the sum's and each shard's own, in whatever order they come."""
    parts = [judged(at, len(shards), **shard) for at, shard in enumerate(shards)]
    for results in (parts, parts[::-1]):
        [merged] = merge.merge_results(results).points
        assert (merged.verdict, merged.verdict_reasons) == (wanted, reasons)


MS = NANO // 1000
# name: when each of two shards began, as early and as late as may be, in ms; how long they went on; the verdict
SKEWS: dict[str, tuple[list[tuple[int, int] | None], int, float | None, Verdict]] = {
    "together": ([(0, 4), (3, 7)], 2000, 0.007, Verdict.VALID),
    "in the other order": ([(3, 7), (0, 4)], 2000, 0.007, Verdict.VALID),
    "less apart than is held against any": ([(0, 0), (49, 49)], 100, 0.049, Verdict.VALID),
    "apart by much of a short load": ([(0, 0), (150, 150)], 2000, 0.15, Verdict.DEGRADED),
    "apart by little of a long load": ([(0, 0), (150, 150)], 4000, 0.15, Verdict.VALID),
    "apart by a second of an hour": ([(0, 0), (1001, 1001)], 3_600_000, 1.001, Verdict.DEGRADED),
    "apart by a third": ([(0, 0), (600, 600)], 1800, 0.6, Verdict.INVALID),
    "not known of one": ([(0, 4), None], 2000, None, Verdict.VALID),
    "known of none": ([None, None], 2000, None, Verdict.VALID),
}


@pytest.mark.parametrize(("starts", "length_ms", "skew_s", "wanted"), SKEWS.values(), ids=SKEWS.keys())
def test_the_starts_of_shards(
    starts: list[tuple[int, int] | None], length_ms: int, skew_s: float | None, wanted: Verdict
) -> None:
    """What they may be apart is told, and is a reason where it is much of the load's time."""
    parts = [judged(at, len(starts)) for at in range(len(starts))]
    for part, start in zip(parts, starts, strict=True):
        [one] = part.points
        one.ended_at_ns = one.started_at_ns + length_ms * MS
        one.begun = None if start is None else Begun(first_ns=start[0] * MS, last_ns=start[1] * MS)
    merged = merge.merge_results(parts)
    assert summary.start_skew_s(merged) == skew_s
    assert summary.summary(merged).get("parallel_2_number_4/start_skew_s") == skew_s
    assert merged.points[0].verdict is wanted
    assert ("shards may have started" in "; ".join(merged.points[0].verdict_reasons)) is (wanted is not Verdict.VALID)


def lasted(seconds: float, **fields: Any) -> PerfPoint:
    """A shard's point whose load lasted so long; with `stopped`, it ended early then."""
    measured = point([NANO], NANO)
    measured.health = ClientHealth(processes=1, offered=1, sent=1)
    end_ns = NANO + round(seconds * NANO)
    at_ns = {"stopped_at_ns": end_ns, "ended_at_ns": end_ns + 9 * NANO} if "stopped" in fields else {}
    return measured.model_copy(update={"ended_at_ns": end_ns, **at_ns, **fields})


STOPPED: dict[str, Any] = {"stopped": ["the target was gone"]}
LEFT_OUT = PerfPoint(name="parallel_2_number_4", number=4, parallel=2, stopped=["not measured"])
NO_WORK = PerfPoint(name="parallel_2_number_4", number=4, parallel=2)
# name: what each shard measured, the verdict, who is said to have ended early
ALONE: dict[str, tuple[list[PerfPoint], Verdict, str]] = {
    "all to their end": ([lasted(10), lasted(7)], Verdict.VALID, ""),
    "all early, at about one time": ([lasted(10, **STOPPED), lasted(8, **STOPPED)], Verdict.DEGRADED, ""),
    "one early, and the other went on": ([lasted(10), lasted(4, **STOPPED)], Verdict.INVALID, "shard 1 ended"),
    "one early, and the other was done": ([lasted(4), lasted(5, **STOPPED)], Verdict.DEGRADED, ""),
    "one just before the other's end": ([lasted(10), lasted(9, **STOPPED)], Verdict.DEGRADED, "shard 1 ended"),
    "all early, at quite other times": ([lasted(30, **STOPPED), lasted(4, **STOPPED)], Verdict.INVALID, "shard 1, 0"),
    "one left it out": ([LEFT_OUT, lasted(4)], Verdict.INVALID, "shard 0 ended"),
    "all left it out": ([LEFT_OUT, LEFT_OUT], Verdict.DEGRADED, ""),
    "one had no work": ([lasted(4), NO_WORK], Verdict.VALID, ""),
    "one failed all at once": ([lasted(9), lasted(1, succeeded=0, failed=9)], Verdict.INVALID, "shard 1 ended"),
    "one failed all as long as the other": ([lasted(9), lasted(9, succeeded=0, failed=9)], Verdict.DEGRADED, ""),
    "many": ([lasted(9), *[lasted(1, **STOPPED)] * 5], Verdict.INVALID, "shard 1, 2, 3 and 2 more ended early"),
}


@pytest.mark.parametrize(("points", "wanted", "words"), ALONE.values(), ids=ALONE.keys())
def test_a_shard_that_ends_early_leaves_the_others_another_load(
    points: list[PerfPoint], wanted: Verdict, words: str
) -> None:
    """By its own clock, and not where all ended as soon as they heard of it."""
    of = len(points)
    parts = [
        PerfResult(run_id="r", model="m", shards=[at], of_shards=of, points=[one]) for at, one in enumerate(points)
    ]
    for part in parts:
        [one] = part.points
        one.verdict, one.verdict_reasons = judge_point(one)
    [merged] = merge.merge_results(parts).points
    assert merged.verdict is wanted
    assert ("load was lower" in "; ".join(merged.verdict_reasons)) is bool(words)
    assert words in "; ".join(merged.verdict_reasons)
    assert merged.stopped == [f"shard {at}: {text}" for at, one in enumerate(points) for text in one.stopped]


GONE: dict[str, tuple[list[tuple[str, int]], str]] = {
    "for all": ([("refused", 1), ("another", 1)], "refused"),
    "for one alone": ([("refused", 1), ("", 1)], ""),
    "for all that had work": ([("", 0), ("refused", 1)], "refused"),
    "nobody had work": ([("", 0), ("", 0)], ""),
}


@pytest.mark.parametrize(("shards", "words"), GONE.values(), ids=GONE.keys())
def test_a_target_is_gone_where_no_shard_finds_it(shards: list[tuple[str, int]], words: str) -> None:
    """Each with why, and whether it had work."""
    parts = [judged(at, len(shards)) for at in range(len(shards))]
    for part, (gone, processes) in zip(parts, shards, strict=True):
        part.gone, part.points[0].health.processes = gone, processes
    assert merge.merge_results(parts).gone == words


def test_a_shard_without_work_has_no_start() -> None:
    """Its part of the start is no part of the load."""
    parts = [judged(0, 2), judged(1, 2, sent=0)]
    parts[1].points[0].health = ClientHealth()
    parts[0].points[0].begun = Begun(first_ns=5, last_ns=9)
    assert merge.merge_results(parts).points[0].begun == Begun(first_ns=5, last_ns=9)


def test_many_reasons_are_counted() -> None:
    """The first twenty are said, the invalid ones among them."""
    parts = [judged(at, 30, **(FULL if at == 29 else BUSY)) for at in range(30)]
    [merged] = merge.merge_results(parts).points
    assert merged.verdict_reasons[0] == "shard 29: invalid: a full core"
    assert merged.verdict_reasons[19:] == ["shard 18: degraded: a busy core", "and 10 more"]


def test_a_single_shards_verdict_stays() -> None:
    """It had more to judge by than its sums."""
    [merged] = merge.merge_results([judged(0, 1, **BUSY)]).points
    assert (merged.verdict, merged.verdict_reasons) == (Verdict.DEGRADED, ["degraded: a busy core"])


@pytest.mark.parametrize(
    ("shards", "of", "said"),
    [([], 1, "no results"), ([0], 2, "expected the shards 0 to 1"), ([0, 0], 2, "each once"), ([0, 2], 2, "each once")],
    ids=["none", "one missing", "one twice", "a foreign one"],
)
def test_what_is_not_one_run_is_refused(shards: list[int], of: int, said: str) -> None:
    """A silent hole would be a wrong score."""
    with pytest.raises(merge.MergeError, match=said):
        merge.merge_results([evaluation([], [shard], of) for shard in shards])


def test_another_runs_shard_is_refused() -> None:
    """Its name tells."""
    foreign = evaluation([], [1], 2).model_copy(update={"run_id": "other"})
    with pytest.raises(merge.MergeError, match="different runs"):
        merge.merge_results([evaluation([], [0], 2), foreign])


def test_the_summary_names_every_figure() -> None:
    """Flat names, seconds and shares; the two that a list of runs shows come first."""
    scores = summary.summary(evaluation([(1.0, 5, False), (0.0, 5, False), (0.0, 5, True)], [0], 1))
    assert (scores["score"], scores["gsm8k/acc"], scores["gsm8k/errored"]) == (0.5, 0.5, 1)
    figures = summary.summary(PerfResult(run_id="r", model="m", points=[point([NANO, 3 * NANO], NANO)]))
    assert (figures["rps"], figures["parallel_2_number_4/latency_p50_s"]) == (1.0, 2.0)
    assert figures["parallel_2_number_4/output_tps"] == 10


@pytest.mark.parametrize(
    ("metric", "op", "value", "said"),
    [
        ("gsm8k/acc", ">=", 0.5, []),
        ("gsm8k/acc", ">", 0.5, ["gsm8k/acc is 0.5, wanted > 0.5"]),
        ("acc", "<", 0.2, ["gsm8k/acc is 0.5, wanted < 0.2"]),
        ("ttft_p99_s", "<", 1, ["ttft_p99_s is not reported"]),
    ],
    ids=["holds", "misses", "of every dataset", "no such figure"],
)
def test_thresholds_say_what_they_miss(metric: str, op: str, value: float, said: list[str]) -> None:
    """A gate on a figure that is not there has not been passed."""
    threshold = Threshold.model_validate({"metric": metric, "op": op, "value": value})
    assert [str(miss) for miss in thresholds.missed([threshold], {"score": 0.5, "gsm8k/acc": 0.5})] == said


def test_a_gate_is_compared_with_each_of_its_figures() -> None:
    """Met or not, with the value."""
    wanted = [Threshold.model_validate({"metric": "acc", "op": ">", "value": 0.5})]
    found = thresholds.gates(wanted, {"gsm8k/acc": 0.5, "iquiz/acc": 0.75, "score": 0.6})
    assert [(gate.metric, gate.value, gate.met) for gate in found] == [
        ("gsm8k/acc", 0.5, False),
        ("iquiz/acc", 0.75, True),
    ]
