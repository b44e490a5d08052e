"""Compares runs: runs of a service, folders of runs, or results in memory."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import ValidationError

from evalkube import errors
from evalkube.compared import Comparison, LoadComparison
from evalkube.outcome import Evaluation, LoadTest
from evalkube_benchmarks.statistics import comparison, reviews
from evalkube_benchmarks.statistics.comparison import MOST_CHANGED, Incomparable, Side
from evalkube_crds import sample_lines
from evalkube_crds.problems import Problem
from evalkube_crds.results import PerfResult
from evalkube_report import comparison as loads

if TYPE_CHECKING:
    from evalkube.client import Client

__all__ = ["Comparable", "compare", "load_test_in"]

Comparable: TypeAlias = str | Path | Evaluation | LoadTest
"""A folder that a run left, the id of a run, or a result."""

_PIECE = 1 << 20
_PERF_RESULT = "perf_result.json"


def compare(
    baseline: Comparable,
    candidate: Comparable,
    *more: Comparable,
    client: "Client | None" = None,
    most_changed: int = MOST_CHANGED,
) -> Comparison | LoadComparison:
    """Compares two evaluations by the questions that both were asked, or load tests by the loads that all have.

    Each is a folder on this machine (a run's `output_dir`, or `reports/MODEL` in it where it has several models), the
    id of a run of the service of `client`, or a result. Raises errors.BadRequest for what cannot be compared, and what
    the client raises.
    """
    sides = [_place(side) for side in (baseline, candidate, *more)]
    tests = [_load_test(side, client) for side in sides]
    if any(test is not None for test in tests):
        return _load_tests(sides, tests)
    if more:
        raise _refused(_name(sides[2]), "is one too many: only two evaluations can be compared")
    return Comparison(_evaluations(_name(sides[0]), _name(sides[1]), client, most_changed))


def _place(side: Comparable) -> str | Path | LoadTest:
    """Where an evaluation is: its folder if that is on this machine, else its id."""
    if isinstance(side, Evaluation):
        folder = Path(side.output_dir or "")
        return folder if side.output_dir and folder.is_dir() else side.id
    return side


def _name(side: str | Path | LoadTest) -> str:
    return side.id if isinstance(side, LoadTest) else str(side)


# ----------------------------------------------------------------------------------------------------------- load tests


def _load_test(side: str | Path | LoadTest, client: "Client | None") -> PerfResult | None:
    """The result of a load test; None if the side is not a load test."""
    if isinstance(side, LoadTest):
        return side.result
    if Path(side).is_dir():
        return load_test_in(Path(side))
    if client is None:
        raise _refused(side, "is not a folder here; to compare runs of a service, name the service (--server)")
    if client.run(str(side)).kind != "perf":
        return None
    found = client.wait(str(side), timeout_s=0)
    return found.result if isinstance(found, LoadTest) else None


def load_test_in(folder: Path) -> PerfResult | None:
    """The result of a load test in a folder; None if there is none. Raises errors.BadRequest."""
    path = folder / _PERF_RESULT
    if not path.is_file():
        return None
    try:
        return PerfResult.model_validate_json(path.read_bytes())
    except ValidationError:
        raise _refused(path, "is not the result of a load test") from None


def _load_tests(sides: list[str | Path | LoadTest], tests: list[PerfResult | None]) -> LoadComparison:
    named = []
    for side, test in zip(sides, tests, strict=True):
        if test is None:
            raise _refused(_name(side), "is not a load test; a load test can only be compared with load tests")
        named.append((_name(side), test))
    try:
        return LoadComparison(loads.load_tests(named))
    except loads.Incomparable as problem:
        raise _refused(_name(sides[1]), str(problem)) from None


# ---------------------------------------------------------------------------------------------------------- evaluations


def _evaluations(baseline: str, candidate: str, client: "Client | None", most_changed: int) -> dict[str, Any]:
    words = (baseline, candidate)
    if client is not None and not any(Path(word).is_dir() for word in words):
        return client.compare_by_service(*words, most_changed=most_changed)
    sides = [_folder(Path(word)) if Path(word).is_dir() else _run(word, client) for word in words]
    try:
        return comparison.compare(sides[0], sides[1], most_changed=most_changed)
    except Incomparable as problem:
        raise _refused(candidate, str(problem)) from None


def _folder(given: Path) -> Side:
    """The files of an evaluation in a folder."""
    import yaml  # for this one file

    root, reports = (given.parent.parent, given) if given.parent.name == "reports" else (given, _model_in(given))
    found = [_report(path) for path in sorted(reports.glob("*.json"))]
    if not found:
        raise _refused(given, "holds no reports of an evaluation (reports/MODEL/BENCHMARK.json)")
    config = root / "configs" / "task_config.yaml"
    spec = yaml.safe_load(config.read_text("utf-8")) if config.is_file() else {}
    known = [(report, _read(root, report)) for report in found]
    return _side(str(given), spec if isinstance(spec, dict) else {}, known)


def _model_in(folder: Path) -> Path:
    models = sorted(path for path in folder.glob("reports/*") if path.is_dir())
    if len(models) > 1:
        names = ", ".join(f"{folder}/reports/{path.name}" for path in models)
        raise _refused(folder, f"holds the results of several models; name one: {names}")
    return models[0] if models else folder / "reports"


def _report(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text("utf-8"))
        if isinstance(report["dataset_name"], str) and isinstance(report["metrics"], list):
            return dict(report)
    except (ValueError, KeyError, TypeError):
        pass
    raise _refused(path, "is not a report of an evaluation")


def _read(root: Path, report: dict[str, Any]) -> list[reviews.Reviews]:
    read = []
    for subset in comparison.subsets_of(report):
        found = reviews.Reviews(subset)
        path = root / sample_lines.path("reviews", report["model_name"], report["dataset_name"], subset)
        if path.is_file():
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    found.feed(piece)
        read.append(found)
    return read


def _run(run_id: str, client: "Client | None") -> Side:
    """The files of a run of a service."""
    if client is None:
        raise _refused(run_id, "is not a folder here; to compare runs of a service, name the service (--server)")
    spec = client.run(run_id).spec
    reports = client.answer(run_id, timeout_s=0)["result"]
    paths = {entry.path for entry in client.artifacts(run_id)}
    known = []
    for report in reports.values():
        read = [reviews.Reviews(subset) for subset in comparison.subsets_of(report)]
        for one in read:
            path = sample_lines.path("reviews", report["model_name"], report["dataset_name"], one.subset)
            if path in paths:
                one.feed(client.artifact(run_id, path))
        known.append((report, read))
    return _side(run_id, spec, known)


def _side(name: str, spec: dict[str, Any], known: Iterable[tuple[dict[str, Any], list[reviews.Reviews]]]) -> Side:
    side = Side.of(name, spec, known)
    if not any(side.answers.values()):
        raise _refused(name, "has no reviews, which a comparison needs")
    return side


def _refused(what: object, reason: str) -> errors.BadRequest:
    return errors.BadRequest([Problem(str(what), reason)])
