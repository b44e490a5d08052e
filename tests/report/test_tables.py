"""The tables of both kinds of run."""

from evalkube_crds import merge
from evalkube_crds.figures import (
    QUANTITIES,
)
from evalkube_crds.histogram import Histogram
from evalkube_crds.names import ErrorClass, TokenBasis, Verdict
from evalkube_crds.perf_point import Conversations, PerfPoint
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import DatasetResult, EvalResult, PerfResult, ScoreSum, SubsetResult
from evalkube_crds.seed import load_test
from evalkube_report.evaluation import tables as eval_tables
from evalkube_report.load_test import tables as perf_tables
from evalkube_report.load_test import view as perf_view
from evalkube_runner.perf import measure
from evalkube_runner.perf.conversation_tally import ConversationTally
from fakes.tables import text_of

_S = 1_000_000_000


def _point(**more: object) -> PerfPoint:
    latency = Histogram()
    latency.extend(value * _S // 10 for value in range(1, 11))
    fields = {
        "name": "parallel_2_number_10",
        "number": 10,
        "parallel": 2,
        "succeeded": 10,
        "token_basis": {TokenBasis.USAGE: 10},
        "input_tokens": 100,
        "output_tokens": 400,
        "histograms": {"latency_ns": latency},
        "started_at_ns": _S,
        "ended_at_ns": 5 * _S,
    }
    return PerfPoint.model_validate(fields | more)


def test_the_tables_show_the_point() -> None:
    """Throughput, and percentiles of type 7 with their ranges, stand in the table."""
    result = PerfResult(run_id="r", model="m", points=[_point()])
    cells = {*perf_tables.summary_table(result).rows[0].cells, *perf_tables.times_table(result).rows[0].cells}
    assert {"2 in flight", "2.500", "100.0", "100 %"} <= cells
    assert {"550.0\n(200.0–900.0)", "910.0\n(too few)"} <= cells


def test_ranges_stand_beside_percentiles() -> None:
    """Between measured values, "too few" where there are not enough; gaps, of which a request has many, have none."""
    times = Histogram()
    times.extend(value * _S // 1000 for value in range(1, 101))
    point = _point(succeeded=100, histograms={"latency_ns": times, "itl_ns": times})
    _, ranges = perf_tables.percentile_tables(point)
    row = dict(zip(ranges.columns, ranges.rows[0].cells, strict=True))
    assert ranges.caption == "95 % ranges of the percentiles"
    assert (row["p50"], row["p90"], row["p99"]) == ("40.00–61.00", "84.00–96.00", "too few")
    assert [row.cells[0] for row in ranges.rows] == ["Latency"]
    cells = perf_tables.times_table(PerfResult(run_id="r", model="m", points=[point])).rows[0].cells
    assert cells == (
        *("parallel_2_number_10", "50.50\n(40.00–61.00)", "90.10\n(84.00–96.00)", "99.01\n(too few)"),
        *("50.50", "90.10", "99.01"),
    )


def test_all_that_is_measured_is_in_the_table_of_figures() -> None:
    """A histogram without a row in it would be in no report."""
    assert {quantity.histogram for quantity in QUANTITIES} == {*measure.HISTOGRAMS, *ConversationTally.NAMES}


def test_verdicts_and_errors_are_told() -> None:
    """What makes figures doubtful is not left to the reader of the JSON."""
    point = _point(
        failed=1,
        errors={ErrorClass.STATUS_429: 1},
        error_samples={ErrorClass.STATUS_429: "slow | down\nplease"},
        verdict=Verdict.INVALID,
        verdict_reasons=["invalid: the client had a stall of 2000 ms"],
    )
    result = PerfResult(run_id="r", model="m", points=[point])
    assert perf_tables.summary_table(result).rows[0].mark == "invalid"
    assert "slow | down\nplease" in text_of(perf_tables.error_table(point))


def test_scores_and_causes_are_told() -> None:
    """One line per metric, the errored samples beside."""
    subset = SubsetResult(
        name="main",
        metrics={"mean_acc": ScoreSum(count=4, total_nano=3 * _S)},
        requested=5,
        scored=4,
        errored={ErrorClass.PARSE: 1},
    )
    dataset = DatasetResult(name="d", pretty_name="D", description="", main_metric="mean_acc", subsets=[subset])
    result = EvalResult(run_id="r", model="m", datasets=[dataset])
    text = text_of(eval_tables.summary_table(result), eval_tables.error_table(result))
    assert "0.7500" in text
    assert "0.3006 to 0.9544" in text
    assert "1 (parse 1)" in text


def test_mixed_token_bases_are_told() -> None:
    """Counted chunks are not passed off as the server's own count."""
    text = perf_tables.token_basis_text(_point(token_basis={TokenBasis.USAGE: 7, TokenBasis.CHUNKS: 3}))
    assert "reported for 7 requests" in text
    assert "for 3 requests" in text


def test_a_proxy_is_told() -> None:
    """Its delay is in all times, so that the point says so; without one there is nothing to say."""
    spec = PerfRunSpec(model="m", url="http://h/v1")
    through, plain = (
        PerfResult(run_id="r", model="m", points=[point]) for point in (_point(proxy="http://p:3128"), _point())
    )
    told = ("Proxy, whose delay is in all times", "http://p:3128")
    assert told in perf_view.context(through, spec)["points"][0].facts
    assert "Proxy" not in str(perf_view.context(plain, spec)["points"][0].facts)
    merged = merge.merge_points(through.points * 2)
    assert load_test.metrics(merged)["Proxy"] == "http://p:3128"
    assert "Proxy" not in load_test.metrics(_point())


def test_conversations_are_told() -> None:
    """How they ended, and the TTFT of first turns beside that of later ones; the load is in conversations."""
    times = {name: Histogram() for name in ("first_turn_ttft_ns", "later_turn_ttft_ns", "turns", "ttft_ns")}
    for histogram in times.values():
        histogram.extend([3, 4])
    talks = Conversations(completed=58, failed=2, cut=4, unsent_turns=7)
    talked = _point(conversations=talks, histograms=times | _point().histograms)
    result = PerfResult(run_id="r", model="m", points=[talked])
    found = perf_view.context(result, PerfRunSpec(model="m", url="http://h/v1"))
    (view,) = found["points"]
    words = "58 of 64 completed, 2 ended by a turn that failed, 4 cut by the end of the load; 7 turns were not sent"
    assert {("Conversations", words), ("Load", "2 conversations at once")} <= set(view.facts)
    assert {"First-turn TTFT p50", "Later-turn TTFT p50"} <= {tile.label for tile in found["tiles"]}
    assert {"Conversation", "TTFT of later turns"} <= {name for name, _ in found["terms"]}
    assert "First-turn TTFT p99" in text_of(perf_tables.times_table(result))
    plain = perf_view.context(
        PerfResult(run_id="r", model="m", points=[_point()]), PerfRunSpec(model="m", url="http://h")
    )
    assert "onversation" not in str(plain["points"]) + str(plain["terms"])


def test_a_load_of_conversations_in_words() -> None:
    """With a rate, and in open loop."""
    talked = _point(conversations=Conversations(), rate=5.0)
    assert perf_tables.load_text(talked) == "2 conversations at once, at most 5 conversations/s"
    talked = talked.model_copy(update={"open_loop": True})
    assert perf_tables.load_text(talked) == "open loop, 5 conversations/s"


def test_arrivals_are_told() -> None:
    """In the answer and in the report, of all shards together; where answers alone say when, nothing is said."""
    words = "gamma, burstiness 0.5; 0 to 400 requests/s in 10 s"
    timed = [_point(parallel=None, rate=57.0, open_loop=True, arrivals=words) for _ in range(2)]
    merged = merge.merge_points(timed)
    assert load_test.metrics(merged)["Arrivals"] == words
    assert "Arrivals" not in load_test.metrics(_point())
    result = PerfResult(run_id="r", model="m", points=[merged])
    (view,) = perf_view.context(result, PerfRunSpec(model="m", url="http://h/v1"))["points"]
    assert ("Arrivals", words) in view.facts


def _scored(count: int, **more: object) -> SubsetResult:
    sums = {name: ScoreSum(count=count, total_nano=0) for name in ("f1", "em")}
    return SubsetResult.model_validate({"name": "s", "metrics": sums, "requested": count, "scored": count} | more)


def test_counts_are_told_once_and_troubles_where_there_are_any() -> None:
    """Beside the main metric; a run in which nothing was cut or empty has no such columns."""
    dataset = DatasetResult(name="d", pretty_name="D", description="", main_metric="f1", subsets=[_scored(4)])
    assert eval_tables.subset_table(dataset).columns[-2:] == ("Samples", "Scored")
    result = EvalResult(run_id="r", model="m", datasets=[dataset])
    main, other = eval_tables.summary_table(result).rows
    assert main.cells[-2:] == ("4", "4")
    assert other.cells[-2:] == ("", "")
    cut = dataset.model_copy(update={"subsets": [_scored(4, truncated=1)]})
    assert eval_tables.subset_table(cut).columns[-3:] == ("Samples", "Scored", "Truncated")
    assert eval_tables.subset_table(cut).rows[0].cells[-1] == "1"
