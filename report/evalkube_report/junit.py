"""`junit.xml`: the result of a run as test cases, for programs that show tests (Jenkins, GitLab, GitHub's actions).

A test case is a threshold, a data set or a point. It fails if a threshold is missed, if samples errored, or if requests
failed. It has an error if nothing could be measured or the measurement is not valid. It is skipped if the point was not
measured.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias
from xml.etree import ElementTree

from evalkube_crds import summary, thresholds
from evalkube_crds.cluster import Threshold
from evalkube_crds.names import ErrorClass, Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import DatasetResult, EvalResult, PerfResult
from evalkube_report import formats

__all__ = ["document"]

Outcome: TypeAlias = Literal["failure", "error", "skipped"]

_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for."""


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    time_s: float = 0.0
    outcome: Outcome | None = None
    kind: str = ""
    message: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True)
class _Suite:
    name: str
    cases: Sequence[_Case]


def document(result: EvalResult | PerfResult, gates: Sequence[Threshold]) -> bytes:
    """The JUnit document of a run and its thresholds."""
    figures = summary.summary(result)
    suites = [_Suite("thresholds", [_gate(gate, figures) for gate in gates])] if gates else []
    if isinstance(result, EvalResult):
        suites.append(_Suite("data sets", [_dataset(dataset) for dataset in result.datasets]))
    else:
        suites.append(_Suite("points", [_point(point) for point in result.points]))
    began = datetime.fromtimestamp(result.started_at_ns / NANO, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    whole_s = max(result.ended_at_ns - result.started_at_ns, 0) / NANO
    root = ElementTree.Element("testsuites", _attributes(result.run_id, [each for one in suites for each in one.cases]))
    root.set("time", f"{whole_s:.3f}")
    for suite in suites:
        _add_suite(root, suite, began)
    ElementTree.indent(root)
    text: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _gate(gate: Threshold, figures: dict[str, float]) -> _Case:
    missed = [str(miss) for miss in thresholds.missed([gate], figures)]
    name = f"{gate.metric} {gate.op} {gate.value:g}"
    if not missed:
        return _Case(name)
    return _Case(name, outcome="failure", kind="ThresholdMissed", message="; ".join(missed), details="\n".join(missed))


def _dataset(dataset: DatasetResult) -> _Case:
    errors: dict[ErrorClass, int] = {}
    for subset in dataset.subsets:
        for error, count in subset.errored.items():
            errors[error] = errors.get(error, 0) + count
    errored, scored = sum(errors.values()), sum(subset.scored for subset in dataset.subsets)
    time_s = dataset.latency_ns.total / NANO
    if not errored:
        return _Case(dataset.name, time_s)
    message = f"{errored} of {errored + scored} samples errored: {_listed(errors)}"
    lines = (
        f"{subset.name}: {sum(subset.errored.values())} of {subset.requested}: {_listed(subset.errored)}"
        for subset in dataset.subsets
        if subset.errored
    )
    outcome: Outcome = "failure" if scored else "error"
    return _Case(dataset.name, time_s, outcome, "SamplesErrored", message, "\n".join(lines))


def _point(point: PerfPoint) -> _Case:
    time_s = max(point.ended_at_ns - point.started_at_ns, 0) / NANO
    reasons = "\n".join([*point.stopped, *point.verdict_reasons])
    if not point.succeeded + point.failed:
        words = "; ".join(point.stopped) or "no request of it ended"
        return _Case(point.name, time_s, "skipped", message=words)
    if point.verdict is Verdict.INVALID:
        words = f"the measurement is invalid: {'; '.join(point.verdict_reasons)}"
        return _Case(point.name, time_s, "error", "InvalidMeasurement", words, reasons)
    if point.failed:
        samples = (f"{error}: {message}" for error, message in point.error_samples.items())
        details = "\n".join([*samples, *filter(None, [reasons])])
        outcome: Outcome = "failure" if point.succeeded else "error"
        return _Case(point.name, time_s, outcome, "RequestsFailed", summary.failures([point]), details)
    return _Case(point.name, time_s)


def _listed(errors: dict[ErrorClass, int]) -> str:
    leading = sorted(errors.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{error} ({count})" for error, count in leading)


def _add_suite(root: ElementTree.Element, suite: _Suite, began: str) -> None:
    attributes = _attributes(suite.name, suite.cases)
    attributes |= {"skipped": str(_count(suite.cases, "skipped")), "timestamp": began}
    attributes["time"] = f"{sum(case.time_s for case in suite.cases):.3f}"
    parent = ElementTree.SubElement(root, "testsuite", attributes)
    for case in suite.cases:
        named = {"name": _legal(case.name), "classname": f"evalkube.{suite.name}".replace(" ", "_")}
        element = ElementTree.SubElement(parent, "testcase", named | {"time": f"{case.time_s:.3f}"})
        if case.outcome is not None:
            said = {"message": _legal(formats.clipped(case.message, 500))} | ({"type": case.kind} if case.kind else {})
            ElementTree.SubElement(element, case.outcome, said).text = _legal(case.details) or None


def _attributes(name: str, cases: Iterable[_Case]) -> dict[str, str]:
    found = list(cases)
    counts = {"tests": len(found), "failures": _count(found, "failure"), "errors": _count(found, "error")}
    return {"name": _legal(name)} | {key: str(count) for key, count in counts.items()}


def _count(cases: Iterable[_Case], outcome: Outcome) -> int:
    return sum(case.outcome == outcome for case in cases)


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
