"""JUnit's XML of a run, as Jenkins, GitLab and GitHub's actions read it."""

from typing import Any
from xml.etree import ElementTree

import pytest

from evalkube_crds.cluster import Threshold
from evalkube_crds.names import ErrorClass, Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import EvalResult, PerfResult, ScoreSum
from evalkube_report import junit
from fakes.sample_lines import result

_S = 1_000_000_000


def _evaluation(errored: dict[ErrorClass, int] | None = None, *, scored: int = 10) -> EvalResult:
    made = result(gsm8k=["main"])
    (subset,) = made.datasets[0].subsets
    subset.metrics["mean_acc"] = ScoreSum(count=scored, total_nano=scored * _S // 2)
    subset.scored, subset.errored = scored, errored or {}
    subset.requested = scored + sum(subset.errored.values())
    made.started_at_ns, made.ended_at_ns = 1_764_460_800 * _S, 1_764_460_812 * _S
    return made


def _load_test(**fields: Any) -> PerfResult:
    point = PerfPoint.model_validate({"name": "parallel_4", "number": 10, "ended_at_ns": 2 * _S} | fields, by_name=True)
    return PerfResult(run_id="r", model="m", points=[point])


def _parsed(made: EvalResult | PerfResult, *gates: Threshold) -> ElementTree.Element:
    return ElementTree.fromstring(junit.document(made, gates))


def _only_outcome(made: EvalResult | PerfResult) -> tuple[str, str, str] | None:
    (case,) = _parsed(made).iter("testcase")
    found = [(one.tag, one.get("type", ""), one.get("message", "")) for one in case]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        pytest.param(Threshold(metric="gsm8k/mean_acc", op=">=", value=0.5), None, id="kept"),
        pytest.param(
            Threshold(metric="mean_acc", op=">", value=0.5), "gsm8k/mean_acc is 0.5, wanted > 0.5", id="missed"
        ),
        pytest.param(Threshold(metric="gsm9k", op=">", value=0.5), "gsm9k is not reported", id="of nothing"),
    ],
)
def test_a_threshold_is_a_case(gate: Threshold, said: str | None) -> None:
    """That fails where it is missed, and where there is no such figure."""
    suite, _ = _parsed(_evaluation(), gate)
    (case,) = suite
    assert (suite.get("name"), suite.get("failures")) == ("thresholds", "0" if said is None else "1")
    assert (case.get("name"), case.get("classname")) == (f"{gate.metric} {gate.op} 0.5", "evalkube.thresholds")
    assert [(one.tag, one.get("message")) for one in case] == ([] if said is None else [("failure", said)])


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        pytest.param(_evaluation(), None, id="all samples scored"),
        pytest.param(
            _evaluation({ErrorClass.CONNECT: 1, ErrorClass.STATUS_5XX: 2}),
            ("failure", "SamplesErrored", "3 of 13 samples errored: status_5xx (2), connect (1)"),
            id="some errored",
        ),
        pytest.param(
            _evaluation({ErrorClass.CONNECT: 4}, scored=0),
            ("error", "SamplesErrored", "4 of 4 samples errored: connect (4)"),
            id="all errored",
        ),
        pytest.param(_load_test(succeeded=10), None, id="all requests succeeded"),
        pytest.param(
            _load_test(succeeded=8, failed=2, errors={ErrorClass.IDLE_TIMEOUT: 2}),
            ("failure", "RequestsFailed", "2 of 10 requests failed: idle_timeout"),
            id="some failed",
        ),
        pytest.param(
            _load_test(failed=2, errors={ErrorClass.CONNECT: 2}),
            ("error", "RequestsFailed", "2 of 2 requests failed: connect"),
            id="all failed",
        ),
        pytest.param(
            _load_test(succeeded=10, verdict=Verdict.INVALID, verdict_reasons=["the CPU was busy"]),
            ("error", "InvalidMeasurement", "the measurement is invalid: the CPU was busy"),
            id="the measurement is invalid",
        ),
        pytest.param(
            _load_test(stopped=["not measured: the target was gone"]),
            ("skipped", "", "not measured: the target was gone"),
            id="the point was not measured",
        ),
    ],
)
def test_what_was_measured_is_a_case(made: EvalResult | PerfResult, outcome: tuple[str, str, str] | None) -> None:
    """A data set or a point, with what went wrong in it."""
    assert _only_outcome(made) == outcome


def test_the_document_counts_its_cases() -> None:
    """In the attributes that readers add up, with times in seconds and the moment of the run's start."""
    root = _parsed(_evaluation({ErrorClass.CONNECT: 1}), Threshold(metric="mean_acc", op=">", value=0.9))
    assert (root.tag, root.attrib) == (
        "testsuites",
        {"name": "r", "tests": "2", "failures": "2", "errors": "0", "time": "12.000"},
    )
    assert [(suite.get("name"), suite.get("tests"), suite.get("skipped")) for suite in root] == [
        ("thresholds", "1", "0"),
        ("data sets", "1", "0"),
    ]
    assert root[0].get("timestamp") == "2025-11-30T00:00:00"


def test_words_of_a_server_are_words() -> None:
    """Markup is escaped; what XML has no place for is replaced; a long message stands in the text alone."""
    said = {ErrorClass.PARSE: "<b>&\x00\x1b\ufffe\ud800]]> " + "x" * 5000}
    made = _load_test(succeeded=1, failed=1, errors={ErrorClass.PARSE: 1}, error_samples=said)
    (case,) = _parsed(made).iter("testcase")
    text = case[0].text or ""
    mark = "\N{REPLACEMENT CHARACTER}"
    assert text.startswith(f"parse: <b>&{mark}{mark}{mark}{mark}]]> xxx")
    assert len(case[0].get("message", "")) < 600
