"""Thresholds and what makes a command fail whose run succeeded."""

from datetime import UTC, datetime
from typing import Any

import pytest

from evalkube import Evaluation, LoadTest, Run
from evalkube.models import Word
from evalkube_cli.asking import gates
from evalkube_cli.asking.gates import FailOn
from evalkube_cli.exits import Exit
from evalkube_crds.names import ErrorClass, Phase, Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.problems import Problem
from evalkube_crds.results import DatasetResult, EvalResult, PerfResult, SlaGroup, SlaResult, SubsetResult


@pytest.mark.parametrize(
    ("text", "metric", "op", "value"),
    [
        ("ttft_p99_s<0.5", "ttft_p99_s", "<", 0.5),
        (" rps >= 1e2 ", "rps", ">=", 100.0),
        ("gsm8k/mean_acc>-1", "gsm8k/mean_acc", ">", -1.0),
        ("score<=.5", "score", "<=", 0.5),
    ],
)
def test_a_threshold_is_read(text: str, metric: str, op: str, value: float) -> None:
    """Name, comparison, number; blanks do not matter."""
    assert gates.threshold(text) == {"metric": metric, "op": op, "value": value}


@pytest.mark.parametrize("text", ["", "rps", "rps<", "<1", "rps=1", "rps<1ms", "rps<1e", "rps<--1", "a b<1"])
def test_what_is_no_threshold(text: str) -> None:
    """Said with an example."""
    found = gates.threshold(text)
    assert isinstance(found, Problem)
    assert "ttft_p99_s<0.5" in found.reason


@pytest.mark.parametrize(
    ("metric", "word", "body", "nearest"),
    [
        pytest.param("ttft_p99_s", "perf", {}, None, id="a figure"),
        pytest.param("parallel_1_number_2/rps", "perf", {}, None, id="of a point"),
        pytest.param("steady_rps", "perf", {}, None, id="of the steady part"),
        pytest.param("server_kv_cache_max", "perf", {}, None, id="of the server"),
        pytest.param("sla/1/parallel", "perf", {}, None, id="of a search"),
        pytest.param("p99_ttft", "perf", {}, "", id="nothing like it"),
        pytest.param("tft_p99_s", "perf", {}, "did you mean 'ttft_p99_s'?", id="nearly"),
        pytest.param("gsm8k/mean_acc", "eval", {"datasets": ["gsm8k"]}, None, id="a score"),
        pytest.param("score_low", "eval", {"datasets": "gsm8k"}, None, id="an end"),
        pytest.param("gsm8k/pass@4", "eval", {"datasets": ["gsm8k"]}, None, id="of repeats"),
        pytest.param("index/mine", "eval", {"datasets": ["gsm8k"]}, None, id="a collection's index"),
        pytest.param("mean_polite", "eval", {"datasets": ["gsm8k"], "judge": {"models": []}}, None, id="a criterion"),
        pytest.param("gsm8k/acc", "eval", {"datasets": ["gsm8k"]}, "did you mean", id="a metric's own name"),
    ],
)
def test_names_are_known_before_anything_is_sent(
    metric: str, word: Word, body: dict[str, Any], nearest: str | None
) -> None:
    """None that a result cannot have, and the nearest that it can."""
    reason = gates.unknown_metric(metric, word, body)
    assert (reason is None) == (nearest is None)
    assert (nearest or "") in (reason or "")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("invalid", FailOn()),
        ("none", FailOn(frozenset())),
        ("degraded", FailOn(frozenset({Verdict.INVALID, Verdict.DEGRADED}))),
        ("errors", FailOn(frozenset(), 0.0)),
        ("invalid, errors>5", FailOn(frozenset({Verdict.INVALID}), 5.0)),
        ("errors>1.5%", FailOn(frozenset(), 0.015, as_share=True)),
    ],
)
def test_fail_on_is_read(text: str, wanted: FailOn) -> None:
    """Words and a limit."""
    assert gates.fail_on(text) == wanted


@pytest.mark.parametrize("text", ["", "error", "errors>", "errors<1", "invalid;errors"])
def test_what_is_no_fail_on(text: str) -> None:
    """Said with the words that there are."""
    assert isinstance(gates.fail_on(text), Problem)


def _run(word: Word, **spec: Any) -> Run:
    return Run(id="r", kind=word, phase=Phase.SUCCEEDED, model="m", created_at=datetime.now(UTC), spec=spec)


def _load_test(*points: PerfPoint, sla: SlaResult | None = None, **spec: Any) -> LoadTest:
    result = PerfResult(run_id="r", model="m", points=list(points), sla=sla)
    return LoadTest(_run("perf", **spec), {}, result)


def _point(name: str = "a", *, failed: int = 0, verdict: Verdict = Verdict.VALID) -> PerfPoint:
    why = [] if verdict is Verdict.VALID else ["too slow"]
    return PerfPoint(name=name, number=10, succeeded=10 - failed, failed=failed, verdict=verdict, verdict_reasons=why)


def _codes(outcome: LoadTest | Evaluation, text: str) -> list[Exit]:
    limits = gates.fail_on(text)
    assert isinstance(limits, FailOn)
    return [finding.code for finding in gates.findings(outcome, limits)]


OUTCOMES = {
    "all well": ([_point()], "invalid,degraded,errors", []),
    "invalid": ([_point(), _point("b", verdict=Verdict.INVALID)], "invalid", [Exit.INVALID]),
    "invalid, and nobody minds": ([_point(verdict=Verdict.INVALID)], "none", []),
    "degraded, and nobody minds": ([_point(verdict=Verdict.DEGRADED)], "invalid", []),
    "degraded": ([_point(verdict=Verdict.DEGRADED)], "degraded", [Exit.INVALID]),
    "invalid is worse than degraded": ([_point(verdict=Verdict.INVALID)], "degraded", [Exit.INVALID]),
    "errors": ([_point(failed=1)], "errors", [Exit.ERRORS]),
    "as many errors as there may be": ([_point(failed=2)], "errors>2", []),
    "more errors than there may be": ([_point(failed=3)], "errors>2", [Exit.ERRORS]),
    "a share of errors": ([_point(failed=1)], "errors>9.9%", [Exit.ERRORS]),
    "both, the verdict first": (
        [_point(failed=1, verdict=Verdict.INVALID)],
        "invalid,errors",
        [Exit.INVALID, Exit.ERRORS],
    ),
}


@pytest.mark.parametrize(("points", "text", "codes"), OUTCOMES.values(), ids=OUTCOMES)
def test_findings(points: list[PerfPoint], text: str, codes: list[Exit]) -> None:
    """What the result does not pass."""
    assert _codes(_load_test(*points), text) == codes


def test_a_missed_threshold_and_a_search_without_an_answer() -> None:
    """Whatever else is asked for."""
    sla = SlaResult(variable="parallel", groups=[SlaGroup(criteria={"p99_ttft": "<1"}, stopped="at once")])
    gated = _load_test(_point(), sla=sla, thresholds=[{"metric": "success_rate", "op": ">", "value": 1}])
    assert _codes(gated, "none") == [Exit.THRESHOLD, Exit.UNMET]


def test_errors_of_an_evaluation() -> None:
    """Samples without a score."""
    subset = SubsetResult(name="main", requested=10, scored=8, errored={ErrorClass.CONNECT: 2})
    dataset = DatasetResult(name="d", pretty_name="D", description="", main_metric="mean_acc", subsets=[subset])
    found = Evaluation(_run("eval"), {}, EvalResult(run_id="r", model="m", datasets=[dataset]))
    assert _codes(found, "errors>10%") == [Exit.ERRORS]
    assert _codes(found, "errors>20%") == []
