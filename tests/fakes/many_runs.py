"""Documents of runs as a service keeps them, by the thousand, without a run having been done."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from evalkube_crds import tags, transitions
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import Phase, Reason, Verdict
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.status import EvalRun, Metadata, PerfRun, Run, RunStatus
from evalkube_crds.transitions import Outcome

__all__ = ["ended_run", "many_runs", "unfinished_run", "written"]

_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_SCORES = {"score": 0.714, "score_low": 0.689, "score_high": 0.738, "gsm8k/mean_acc": 0.714}
_RATES = {
    "rps": 41.7,
    "best/rps": 41.7,
    "best/output_tps": 5342.0,
    "best/ttft_p99_s": 0.412,
    "best/latency_p99_s": 3.21,
}


def ended_run(
    number: int,
    *,
    kind: str = "eval",
    model: str | None = None,
    failed: str = "",
    marks: Mapping[str, str] | None = None,
) -> Run:
    """A run that ended: with a result, or `failed` with these words."""
    at = _FIRST + timedelta(minutes=number)
    name = f"{kind}-{at:%Y%m%dt%H%M%S}000-{number:08d}"
    labels = tags.labels_of({"team": f"team-{number % 7}"} if marks is None else marks)
    metadata = Metadata(name=name, uid=f"uid-{number}", creation_timestamp=at, labels=labels)
    status = transitions.job_recorded(RunStatus(output_dir=f"/nowhere/{number}"), 1, "process 1", now=at, generation=1)
    status = transitions.running(status, now=at + timedelta(seconds=1), generation=1)
    end = at + timedelta(seconds=90 + number % 400)
    if failed:
        status = transitions.ended(status, Reason.TARGET_UNREACHABLE, failed, now=end, generation=1)
    else:
        figures = _SCORES if kind == "eval" else _RATES
        verdict = None if kind == "eval" else Verdict.VALID
        outcome = Outcome(
            Reason.COMPLETED, "", summary=figures, results={}, done=1319, failed=number % 5, verdict=verdict
        )
        status = transitions.with_outcome(
            status, outcome, missed=None, output_dir=f"/nowhere/{number}", now=end, generation=1
        )
    named = model if model is not None else f"org/model-{number % 23}-instruct"
    if kind == "eval":
        spec: dict[str, Any] = {
            "model": named,
            "api_url": "http://10.0.0.1:8000/v1",
            "datasets": ["gsm8k", "arc", "mmlu"],
        }
        return EvalRun(metadata=metadata, spec=EvalRunSpec.model_validate(spec), status=status)
    spec = {"model": named, "url": "http://10.0.0.1:8000/v1", "parallel": [8], "number": [400]}
    return PerfRun(metadata=metadata, spec=PerfRunSpec.model_validate(spec), status=status)


def unfinished_run(number: int) -> Run:
    """A run that its service left at work."""
    run = ended_run(number)
    return run.model_copy(update={"status": RunStatus(phase=Phase.RUNNING, output_dir=run.status.output_dir)})


def many_runs(count: int) -> Iterator[Run]:
    """Of both kinds, one in ten of which failed."""
    for number in range(count):
        words = (
            "http://10.0.0.1:8000/v1 cannot be reached (connection refused); check api_url" if number % 10 == 3 else ""
        )
        yield ended_run(number, kind="perf" if number % 3 == 0 else "eval", failed=words)


def written(outputs: Path, runs: Iterator[Run] | list[Run]) -> list[str]:
    """Their documents below this output root; the ids."""
    names = []
    for run in runs:
        folder = outputs / ".evalkube" / "runs" / run.metadata.name
        folder.mkdir(parents=True)
        document = json.loads(run.model_dump_json(by_alias=True, exclude_unset=True))
        document["kind"], document["apiVersion"] = run.kind, run.api_version
        (folder / "run.json").write_text(json.dumps(document))
        names.append(run.metadata.name)
    return names
