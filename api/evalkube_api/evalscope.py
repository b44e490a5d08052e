"""The paths of EvalScope's current clients beyond its service document: values in, values out. Pure.

A task is a run whose tag is the client's task id. The keys are those of EvalScope's own service.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any, Final

from evalkube_api.backend import Moment
from evalkube_benchmarks.catalogue import Entry
from evalkube_crds import tags
from evalkube_crds.names import Kind, Phase

__all__ = ["OVERRIDDEN", "TAG", "benchmark", "is_task_id", "lines_of", "progress", "table"]

TAG: Final = "evalscope-task-id"
"""The tag that says which task a run is."""

OVERRIDDEN: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.EVAL_RUN: frozenset({"no_timestamp", "enable_progress_tracker", "analysis_report", "work_dir"}),
    Kind.PERF_RUN: frozenset({"no_timestamp", "enable_progress_tracker", "outputs_dir", "name", "no_test_connection"}),
}
"""What EvalScope's service sets by itself, whatever a request says."""

_ENDED: Final = {Phase.SUCCEEDED: "completed", Phase.CANCELLED: "stopped"}


def is_task_id(text: str) -> bool:
    """Whether a text can be a task id, that is, a tag of a run."""
    return bool(text) and not tags.problems({TAG: text})


def progress(kind: Kind, moment: Moment | None) -> dict[str, Any]:
    """The progress of a task. An unknown task is at 0 per cent, as in EvalScope."""
    if moment is None:
        return {"percent": 0.0}
    seen, phase = moment.progress, moment.phase
    return {
        "status": _ENDED.get(phase, "error") if phase.terminal else "running",
        "pipeline": "eval" if kind is Kind.EVAL_RUN else "perf",
        "total_count": seen.total,
        "processed_count": seen.done,
        "percent": round(100 * seen.done / seen.total, 2) if seen.total else 0.0,
        "updated_at": moment.updated_at.astimezone(UTC).isoformat(timespec="seconds"),
    }


def lines_of(lines: Iterable[str], first: int, total: int) -> dict[str, Any]:
    """A part of a log: `lines` from the line `first` (counted from 0) of `total`."""
    shown = list(lines)
    return {"text": "".join(shown), "head_line": first, "tail_line": first + len(shown), "total_lines": total}


# ---------------------------------------------------------------------------------------------------------------- table


def table(kind: Kind, result: Mapping[str, Any]) -> str:
    """The result as a Markdown table."""
    if kind is Kind.EVAL_RUN:
        return _markdown(("Model", "Dataset", "Metric", "Subset", "Num", "Score"), _scores(result))
    return _markdown(("Run", "Metric", "Value"), _figures(result))


def _scores(reports: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
    for name, report in reports.items():
        for metric in report.get("metrics", ()):
            for category in metric.get("categories", ()):
                for subset in category.get("subsets", ()):
                    row = (metric["name"], subset["name"], subset["num"], subset["score"])
                    yield (report.get("model_name", ""), report.get("dataset_name", name), *row)


def _figures(points: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
    for name, point in points.items():
        for metric, value in point.get("metrics", {}).items():
            if isinstance(value, int | float | str):
                yield name, metric, value


def _markdown(columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    head = [_row(columns), _row(["---"] * len(columns))]
    return "\n".join([*head, *(_row(cells) for cells in rows)])


def _row(cells: Iterable[Any]) -> str:
    shown = (str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(shown)} |"


# ----------------------------------------------------------------------------------------------------------- benchmarks


def benchmark(entry: Entry) -> dict[str, Any]:
    """A benchmark as EvalScope lists it. Its description is in English, whatever language was asked for."""
    words = {"full": entry.description, "sections": {}}
    return {
        "name": entry.name,
        "pretty_name": entry.pretty_name,
        "tags": [entry.category],
        "category": "llm",
        "subset_list": entry.subsets,
        "total_samples": entry.items,
        "few_shot_num": entry.few_shot_num,
        "dataset_id": entry.hub_ids.get("modelscope") or next(iter(entry.hub_ids.values()), ""),
        "paper_url": entry.source,
        "metrics": [figure.name for figure in entry.metrics],
        "meta": {},
        "description": {"zh": words, "en": words},
    }
