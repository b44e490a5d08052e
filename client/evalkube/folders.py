"""Reads the run document and the result from a run's folder, without a service."""

from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from evalkube import errors
from evalkube.models import Run, Word
from evalkube.outcome import Evaluation, LoadTest, outcome_of
from evalkube_crds.names import Kind, Phase
from evalkube_crds.problems import Problem
from evalkube_crds.status import EvalRun, PerfRun

__all__ = ["files_in", "outcome_in"]

_DOCUMENTS: Final = (("reports/run.json", "reports/result.json"), ("perf_run.json", "perf_result.json"))
_WORDS: Final[dict[str, Word]] = {Kind.EVAL_RUN: "eval", Kind.PERF_RUN: "perf"}
_RUN: Final[TypeAdapter[EvalRun | PerfRun]] = TypeAdapter(EvalRun | PerfRun)


def outcome_in(folder: Path) -> Evaluation | LoadTest:
    """The result of the run in a folder. Raises errors.BadRequest if there is none."""
    for run_path, result_path in _DOCUMENTS:
        if (folder / run_path).is_file() and (folder / result_path).is_file():
            run = _run(folder / run_path, folder)
            try:
                return outcome_of(run, {}, (folder / result_path).read_bytes())
            except errors.ServiceFailed as problem:
                raise _refused(folder, str(problem)) from None
    wanted = " or ".join(f"{run} with {result}" for run, result in _DOCUMENTS)
    raise _refused(folder, f"has no result of a run ({wanted}); an unfinished run has none")


def files_in(folder: Path) -> list[str]:
    """The paths of the folder's HTML reports."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*report.html"))


def _run(path: Path, folder: Path) -> Run:
    try:
        document = _RUN.validate_json(path.read_bytes())
    except ValidationError:
        raise _refused(path, "is not the document of a run") from None
    status: dict[str, Any] = document.status.model_dump(by_alias=False)
    return Run(
        id=document.metadata.name,
        kind=_WORDS[document.kind],
        phase=Phase.SUCCEEDED,  # the document is of a moment before the end, and there is a result
        model=document.spec.model,
        created_at=document.metadata.creation_timestamp,
        started_at=status["start_time"],
        completed_at=status["completion_time"],
        output_dir=str(folder),
        summary=document.status.summary,
        spec=document.spec.model_dump(mode="json", by_alias=False),
    )


def _refused(what: Path, reason: str) -> errors.BadRequest:
    return errors.BadRequest([Problem(str(what), reason)])
