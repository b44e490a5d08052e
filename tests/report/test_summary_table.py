"""`summary.csv`: the figures of a run, a row each."""

from typing import Any

from evalkube_crds import summary
from evalkube_crds.names import ErrorClass, SampleState, Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import EvalResult, PerfResult, ScoreSum
from evalkube_report import summary_table
from evalkube_report.csv_file import Cell
from fakes.sample_lines import result

_S = 1_000_000_000


def _records(made: EvalResult | PerfResult) -> list[dict[Cell, Cell]]:
    head, *rows = summary_table.rows(made)
    return [dict(zip(head, row, strict=True)) for row in rows]


def _point(name: str, **fields: Any) -> PerfPoint:
    base = {"name": name, "number": 10, "parallel": 4, "succeeded": 10, "ended_at_ns": 2 * _S}
    return PerfPoint.model_validate(base | fields, by_name=True)


def test_each_point_has_a_row_with_the_figures_of_the_summary() -> None:
    """Under their names there; a figure that a point does not have is empty."""
    points = [_point("a"), _point("b", failed=10, verdict=Verdict.INVALID, verdict_reasons=["slow", "late"])]
    points[0].histograms["latency_ns"] = _latencies()
    made = PerfResult(run_id="r", model="m", points=points)
    first, second = _records(made)
    assert (first["point"], first["parallel"], first["rate"], first["verdict"]) == ("a", 4, None, "valid")
    assert (second["verdict"], second["verdict_reasons"], second["failed"]) == ("invalid", "slow; late", 10)
    assert second["latency_p99_s"] is None
    told = {name.partition("/")[2]: value for name, value in summary.summary(made).items() if name.startswith("a/")}
    assert {name: first[name] for name in told} == told
    assert first["latency_p99_s"] is not None


def _latencies() -> Any:
    from evalkube_crds.histogram import Histogram

    made = Histogram()
    for latency_ns in range(_S, 2 * _S, _S // 10):
        made.add(latency_ns)
    return made


def test_each_metric_has_a_row_of_its_data_set_and_of_each_subset() -> None:
    """With its interval, and what became of the samples."""
    made = result(mmlu=["law", "logic"])
    for subset, right in zip(made.datasets[0].subsets, (4, 1), strict=True):
        total = ScoreSum(count=4, total_nano=right * _S, questions={(1, 1000): right, (1, 0): 4 - right})
        subset.metrics = {"mean_acc": total, "mean_f1": ScoreSum(count=4, total_nano=_S)}
        subset.requested, subset.scored, subset.truncated = 5, 4, 1
        subset.errored = {ErrorClass.CONNECT: 1}
        subset.states = {SampleState.RIGHT: right, SampleState.NO_ANSWER: 4 - right}
    rows = _records(made)
    names = [(row["subset"], row["metric"], row["is_main"]) for row in rows]
    assert names == [(s, m, m == "mean_acc") for m in ("mean_acc", "mean_f1") for s in ("", "law", "logic")]
    assert [rows[0][name] for name in ("score", "scores", "requested", "scored", "truncated")] == [0.625, 8, 10, 8, 2]
    assert [rows[2][name] for name in ("right", "partial", "wrong", "no_answer", "errored")] == [1, 0, 0, 3, 1]
    low, high = summary.summary(made)["mmlu/mean_acc_low"], summary.summary(made)["mmlu/mean_acc_high"]
    assert (rows[0]["score_low"], rows[0]["score_high"]) == (low, high)


def test_a_result_of_before_says_nothing_of_states() -> None:
    """Zeros would be another run's."""
    made = result(gsm8k=["main"])
    made.datasets[0].subsets[0].scored = 3
    row = _records(made)[0]
    assert [row[name] for name in ("right", "partial", "wrong", "no_answer", "errored")] == [None, None, None, None, 0]
