"""Several runs of one load as one point: their requests are added up, nothing is averaged. Pure."""

from collections.abc import Sequence

from evalkube_crds import merge, verdict
from evalkube_crds.names import Verdict
from evalkube_crds.results import PerfPoint

__all__ = ["merged"]

_AT_ONCE = ("processes", "connections_peak", "connections_limit")


def merged(runs: Sequence[PerfPoint]) -> PerfPoint:
    """One point of runs that followed each other. The pauses between them are taken out of its time, which otherwise
    would dilute its throughput; a run in which the client could not keep up makes it all invalid.
    """
    moved: list[PerfPoint] = []
    end_ns = 0
    for run in runs:
        start_ns = end_ns or run.started_at_ns
        end_ns = start_ns + max(run.ended_at_ns - run.started_at_ns, 0)
        moved.append(run.model_copy(update={"started_at_ns": start_ns, "ended_at_ns": end_ns}))
    whole = merge.merge_points(moved)
    whole.number = sum(run.number for run in runs)
    for name in _AT_ONCE:  # shards' processes work at the same time, runs' do not
        setattr(whole.health, name, max(getattr(run.health, name) for run in runs))
    whole.verdict, whole.verdict_reasons = verdict.judge_point(whole)
    for run in runs:
        if run.verdict is Verdict.INVALID and whole.verdict is not Verdict.INVALID:
            whole.verdict, whole.verdict_reasons = run.verdict, run.verdict_reasons
    return whole
