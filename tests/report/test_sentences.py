"""Results in plain words."""

from typing import Any

import pytest

from evalkube_crds.cluster import Threshold
from evalkube_crds.histogram import Histogram
from evalkube_crds.names import ErrorClass, SampleState, SteadyAbsence, TokenBasis, Verdict
from evalkube_crds.perf_point import PerfPoint, PerfSeries, SteadyWindow
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import (
    DatasetResult,
    EvalResult,
    PerfResult,
    ScoreSum,
    SlaGroup,
    SlaProbe,
    SlaResult,
    SubsetResult,
)
from evalkube_report import sentences


def point(parallel: int | None, tps: int, ttft_ms: int = 50, **more: Any) -> PerfPoint:
    times = Histogram()
    times.add(ttft_ms * 1_000_000, 100)
    fields = {
        "name": f"parallel_{parallel}_number_100",
        "number": 100,
        "parallel": parallel,
        "succeeded": 100,
        "token_basis": {TokenBasis.USAGE: 100},
        "output_tokens": tps * 10,
        "histograms": {"latency_ns": times, "ttft_ns": times},
        "started_at_ns": NANO,
        "ended_at_ns": 11 * NANO,
    }
    return PerfPoint.model_validate(fields | more)


def load(*points: PerfPoint, sla: SlaResult | None = None) -> PerfResult:
    return PerfResult(run_id="r", model="m", points=list(points), sla=sla)


def by_rate(rate: float, ended: list[int], **more: Any) -> PerfPoint:
    sent = [round(rate)] * 10
    fields: dict[str, Any] = {
        "name": f"rate_{rate:g}",
        "rate": rate,
        "open_loop": True,
        "succeeded": sum(ended),
        "series": PerfSeries(sent=sent, succeeded=ended),
        "ended_at_ns": NANO + len(ended) * NANO,
    }
    return point(None, 100, **(fields | more))


def said(result: PerfResult, topic: str) -> sentences.Statement:
    return next(one for one in sentences.of_load_test(result) if one.topic == topic)


def test_saturation_says_what_more_load_gives_and_costs() -> None:
    """The sentence of the issue: how much more, than what, at how many times the wait."""
    found = said(load(point(8, 500), point(16, 1000, 50), point(32, 1002, 350)), "Saturation")
    assert found.text == (
        "16 in flight saturates the server: 32 in flight gives 0.2 % more output tokens per second than 16 in flight, "
        "at 7.0 times the TTFT p50."
    )


def test_a_sweep_that_still_grows_says_so() -> None:
    """And what its last step gave."""
    found = said(load(point(16, 500), point(32, 1000, 51)), "Saturation")
    assert found.text == "Not reached: throughput still grows at 32 in flight, the highest load."
    assert found.detail.startswith(
        "32 in flight gives 100 % more output tokens per second than 16 in flight, at the same TTFT p50."
    )


def test_a_saturation_that_is_not_known_says_why() -> None:
    """Chance, or a load that was too short. A search that does not know it says nothing of it."""
    chance = said(load(point(3, 1000), point(4, 1024, 51)), "Saturation")
    assert chance.text == (
        "Not known: 4 in flight gives 2.4 % more output tokens per second than 3 in flight, at the same TTFT p50, but "
        "by chance it may be 25.7 % fewer to 30.5 % more."
    )
    window = SteadyWindow(absent={SteadyAbsence.TOO_SHORT: 1}, run_ns=NANO)
    short = load(point(8, 1000, steady=window), point(16, 1004))
    found = said(short, "Saturation")
    assert found.text == "Not known: 8 in flight was over before the load was steady."
    assert "too few requests were sent" in found.detail
    searched = short.model_copy(update={"sla": SlaResult(variable="parallel", runs=1)})
    assert sentences.saturation(searched) is None


@pytest.mark.parametrize(
    ("measured", "tone", "text"),
    [
        pytest.param(
            by_rate(20, [20] * 10),
            "good",
            "20 requests/s offered, 20 requests/s achieved (100 %): the server kept up.",
            id="kept up",
        ),
        pytest.param(
            by_rate(40, [20] * 20, steady=SteadyWindow(absent={SteadyAbsence.UNBALANCED: 1}, run_ns=NANO)),
            "bad",
            "40 requests/s offered, 20 requests/s achieved (50.0 %): the backlog grew, there was no steady state.",
            id="the backlog grew",
        ),
    ],
)
def test_offered_and_achieved_load(measured: PerfPoint, tone: str, text: str) -> None:
    """Both rates, their ratio, and what it means."""
    found = sentences.offered(measured)
    assert found is not None
    assert (found.tone, found.text) == (tone, text)


def test_a_sweep_by_rate_says_how_far_the_server_keeps_up() -> None:
    """The highest load that it kept up with, and the first that it did not; nothing of loads that are not valid."""
    invalid = by_rate(30, [30] * 10, verdict=Verdict.INVALID, verdict_reasons=["invalid: a stall"])
    found = said(load(by_rate(20, [20] * 10), invalid, by_rate(40, [20] * 20)), "Offered load")
    assert found.text.startswith("The server kept up with 20 requests/s. 40 requests/s offered, 20 requests/s achieved")
    assert "the backlog grew" in found.text
    assert found.detail == "Requests in flight grew from 70 to 190."


def test_a_search_says_the_throughput_of_its_kind_of_model() -> None:
    """Texts per second of an embedding model, not only requests."""
    figures = {"p99_latency": 0.2, "inputs_per_second": 320.0, "rps": 10.0}
    group = SlaGroup(criteria={"p99_latency": "<=0.5"}, best=4, point="p", figures=figures)
    found = sentences.slo_group(SlaResult(variable="parallel", groups=[group]), group)
    assert found.detail == "There: Latency p99 200.0 ms, 320.0 inputs/s, 10.00 req/s."


def searched(best: float | None, criteria: dict[str, str], **more: Any) -> SlaResult:
    figures = {"p99_ttft": 0.48, "tps": 812.4, "rps": 8.125} if best is not None else {}
    group = SlaGroup(criteria=criteria, best=best, point="p" if best else None, figures=figures, **more)
    return SlaResult(variable="parallel", groups=[group])


@pytest.mark.parametrize(
    ("found", "tone", "text"),
    [
        pytest.param(
            searched(23, {"p99_ttft": "<=0.5"}),
            "good",
            "Up to 23 requests in flight meet TTFT p99 <= 500 ms.",
            id="met",
        ),
        pytest.param(
            searched(23, {"p99_ttft": "<=0.5", "success_rate": ">=0.99"}),
            "good",
            "Up to 23 requests in flight meet TTFT p99 <= 500 ms and Success >= 99 %.",
            id="two criteria",
        ),
        pytest.param(
            searched(None, {"p99_ttft": "<0.5"}), "bad", "No load that was tried meets TTFT p99 < 500 ms.", id="unmet"
        ),
        pytest.param(
            searched(32, {"tps": "max"}),
            "good",
            "The highest Output tok/s is 812.4 tok/s, at 32 requests in flight.",
            id="a maximum",
        ),
    ],
)
def test_the_answer_of_a_search(found: SlaResult, tone: str, text: str) -> None:
    """The load and the criteria as people write them."""
    statement = sentences.slo_group(found, found.groups[0])
    assert (statement.tone, statement.text) == (tone, text)
    assert sentences.slo(found) == text


def test_the_answer_says_what_is_there_and_what_was_nearest() -> None:
    """The figures at the load that was found; where none was, those of the lowest load that was tried."""
    met = searched(23, {"p99_ttft": "<=0.5"}, stopped="the next value misses")
    assert sentences.slo_group(met, met.groups[0]).detail == (
        "There: TTFT p99 480.0 ms, 812.4 tok/s, 8.125 req/s. The search ended: the next value misses."
    )
    probes = [SlaProbe(value=value, point="p", outcome="missed", figures={"p99_ttft": value}) for value in (2, 1)]
    none = searched(None, {"p99_ttft": "<=0.5"}, probes=probes)
    detail = sentences.slo_group(none, none.groups[0]).detail
    assert detail == "The lowest load, 1 request in flight, has TTFT p99 1,000 ms."


@pytest.mark.parametrize(
    ("verdicts", "tone", "text"),
    [
        ([Verdict.VALID], "good", "Valid: the load generator kept up, so the figures are the server's."),
        (
            [Verdict.VALID, Verdict.INVALID, Verdict.DEGRADED],
            "bad",
            (
                "Not valid at 1 of 3 loads: the load generator could not keep up, so the figures may be its own and "
                "not the server's."
            ),
        ),
        (
            [Verdict.DEGRADED],
            "warn",
            "Degraded: read with care, the load generator was under strain or requests failed.",
        ),
    ],
)
def test_verdicts_in_words(verdicts: list[Verdict], tone: str, text: str) -> None:
    """The worst of the points speaks for all."""
    points = [
        point(at, 100, verdict=verdict, verdict_reasons=[f"{verdict}: reason {at}"] if verdict != "valid" else [])
        for at, verdict in enumerate(verdicts, start=1)
    ]
    found = sentences.verdict(load(*points))
    assert (found.tone, found.text) == (tone, text)


def test_what_is_not_valid_comes_first() -> None:
    """Before any figure; a valid verdict comes last."""
    bad = point(4, 100, verdict=Verdict.INVALID, verdict_reasons=["invalid: a stall", "degraded: a pause"])
    first, *_ = sentences.of_load_test(load(bad, point(8, 200)))
    assert (first.topic, first.detail) == ("Verdict", "parallel_4_number_100: a stall")
    assert sentences.of_load_test(load(point(4, 100), point(8, 200)))[-1].topic == "Verdict"


def test_failed_requests_are_said_with_their_classes() -> None:
    """How many of how many, and of what; many are bad, few worth a look."""
    failed: dict[str, Any] = {"succeeded": 60, "failed": 40, "errors": {ErrorClass.STATUS_5XX: 30, ErrorClass.DNS: 10}}
    found = said(load(point(4, 100, **failed)), "Errors")
    assert (found.tone, found.text) == ("bad", "40 of 100 requests failed: status_5xx (30), dns (10).")
    few: dict[str, Any] = {"succeeded": 99, "failed": 1, "errors": {ErrorClass.DNS: 1}}
    assert said(load(point(4, 100, **few)), "Errors").tone == "warn"


def test_one_load_says_what_it_gave() -> None:
    """Throughput and times in a sentence."""
    found = said(load(point(4, 100)), "Measured")
    assert found.text == "10.00 requests per second and 100.0 output tokens per second at 4 in flight."
    assert found.detail == "TTFT p50 50.00 ms, p99 50.00 ms; latency p50 50.00 ms, p99 50.00 ms."


@pytest.mark.parametrize(
    ("bounds", "tone", "text"),
    [
        ([60.0], "good", "The threshold is met."),
        ([60.0, 0.01], "bad", "1 of 2 thresholds are missed."),
        ([0.01], "bad", "The threshold is missed."),
    ],
)
def test_thresholds_are_answered(bounds: list[float], tone: str, text: str) -> None:
    """What a gate would say, with the figures that miss."""
    gated = [Threshold(metric="ttft_p99_s", op="<", value=bound) for bound in bounds]
    found = sentences.gates(load(point(4, 100)), gated)
    assert found is not None
    assert (found.tone, found.text) == (tone, text)
    assert ("ttft_p99_s is 0.05, wanted < 0.01" in found.detail) is (tone == "bad")


def evaluated(**more: Any) -> EvalResult:
    fields = {"requested": 10, "scored": 10, "metrics": {"acc": ScoreSum(count=10, total_nano=8 * NANO)}}
    subset = SubsetResult.model_validate({"name": "main", **fields, **more})
    dataset = DatasetResult(name="d", pretty_name="D", description="", main_metric="acc", subsets=[subset])
    return EvalResult(run_id="r", model="m", datasets=[dataset])


def test_a_score_has_its_interval() -> None:
    """In per cent, with its metric, and of how many samples."""
    (found,) = sentences.of_evaluation(evaluated())
    assert found.text == "D: 80.0 %, 95 % interval 49.0 % to 94.3 % (acc)."
    assert found.detail == "10 of 10 samples scored."


@pytest.mark.parametrize(
    ("more", "topic", "text"),
    [
        (
            {"requested": 13, "errored": {ErrorClass.TOTAL_TIMEOUT: 3}},
            "Errors",
            "3 of 13 samples have no score: total_timeout (3).",
        ),
        ({"states": {SampleState.NO_ANSWER: 2}}, "No answer found", "In 2 of 10 replies no answer was found."),
        ({"truncated": 1}, "Cut off", "1 answer was cut off by the limit of tokens."),
        ({"scored": 0, "metrics": {}}, "Score", "No sample could be scored."),
    ],
)
def test_what_is_missing_of_a_score_is_said(more: dict[str, Any], topic: str, text: str) -> None:
    """Errors are in no score; a reply without an answer is a wrong one; a cut answer may have been right."""
    found = {one.topic: one.text for one in sentences.beside_scores(evaluated(**more))}
    assert found[topic] == text


def test_results_without_anything_say_so() -> None:
    """A run that reported nothing."""
    assert sentences.of_evaluation(EvalResult(run_id="r", model="m"))[0].text == "The run reported no benchmark."
    assert sentences.of_load_test(load())[0].text == "The run reported no point."
