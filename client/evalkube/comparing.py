"""Two evaluations compared, wherever they are: as runs of a service, or as the folders that they left."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evalkube_benchmarks.statistics import comparison, reviews
from evalkube_benchmarks.statistics.comparison import MOST_CHANGED, Incomparable, Side
from evalkube import errors
from evalkube.client import EvalkubeClient
from evalkube_crds import sample_lines
from evalkube_crds.problems import Problem

__all__ = ["compare"]

_PIECE = 1 << 20


def compare(
    baseline: str | Path,
    candidate: str | Path,
    *,
    client: EvalkubeClient | None = None,
    most_changed: int = MOST_CHANGED,
) -> dict[str, Any]:
    """What `POST /api/v1/compare` answers, of two evaluations: each a folder on this machine, or the id of a run of the
    service of `client`.

    A folder is an evaluation's own (`output_dir`), or `reports/MODEL` in it where it has several models. Raises
    errors.BadRequest for what is no evaluation or has nothing in common, and what the client raises.
    """
    words = [str(baseline), str(candidate)]
    if client is not None and not any(Path(word).is_dir() for word in words):
        return client.compare(*words, most_changed=most_changed)
    sides = [_folder(Path(word)) if Path(word).is_dir() else _run(word, client) for word in words]
    try:
        return comparison.compare(sides[0], sides[1], most_changed=most_changed)
    except Incomparable as problem:
        raise errors.BadRequest([Problem(words[1], str(problem))]) from None


def _folder(given: Path) -> Side:
    """What an evaluation left in a folder."""
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
    raise _refused(path, "is no report of an evaluation")


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


def _run(run_id: str, client: EvalkubeClient | None) -> Side:
    """What a run of a service left."""
    if client is None:
        raise _refused(run_id, "is no folder here; for the runs of a service name it (--server)")
    document = client.run(run_id)
    if document["kind"] != "eval":
        raise _refused(run_id, "is a load test; evaluations are compared")
    reports = client.wait(run_id, timeout_s=0)["result"]
    paths = {entry["path"] for entry in client.artifacts(run_id)}
    known = []
    for report in reports.values():
        read = [reviews.Reviews(subset) for subset in comparison.subsets_of(report)]
        for one in read:
            path = sample_lines.path("reviews", report["model_name"], report["dataset_name"], one.subset)
            if path in paths:
                one.feed(client.artifact(run_id, path))
        known.append((report, read))
    return _side(run_id, document["spec"], known)


def _side(name: str, spec: dict[str, Any], known: Iterable[tuple[dict[str, Any], list[reviews.Reviews]]]) -> Side:
    side = Side.of(name, spec, known)
    if not any(side.answers.values()):
        raise _refused(name, "has no reviews, without which there is nothing to pair")
    return side


def _refused(what: object, reason: str) -> errors.BadRequest:
    return errors.BadRequest([Problem(str(what), reason)])
