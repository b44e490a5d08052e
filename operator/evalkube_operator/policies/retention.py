"""Decides what is deleted after a run's end: its Job stops and goes after a while, then the run itself. Pure."""

from datetime import datetime, timedelta

from evalkube_crds.names import ConditionType, Reason
from evalkube_operator.actions import Action, DeleteJob, DeleteRun, Seen, SetJobTtl, Wait
from evalkube_operator.facts import JobFact, RunFact
from evalkube_operator.installer_rules import Rules

__all__ = ["after_the_end"]


def after_the_end(run: RunFact, seen: Seen, now: datetime, rules: Rules) -> list[Action]:
    """The actions for a run that has ended. Its results are stored, so its Jobs may go."""
    ttl_s = _ttl_s(run)
    ended_at = run.status.completion_time or now
    if ttl_s is not None and now >= ended_at + timedelta(seconds=ttl_s):
        return [DeleteRun()]
    actions: list[Action] = []
    for job in seen.jobs:
        if job.deleting:
            continue
        if not job.finished:
            actions.append(_stop(run, job, seen, ended_at, now))
        elif not job.has_ttl:
            actions.append(SetJobTtl(job.name, job.uid, rules.job_ttl_s))
    if ttl_s is not None:
        actions.append(Wait(ended_at + timedelta(seconds=ttl_s)))
    return actions


_IMPOSED = frozenset({Reason.CANCELLED, Reason.ACTIVE_DEADLINE_EXCEEDED, Reason.NODE_LOST})
_LAST_WORDS_S = 10.0
_LONGEST_S = 100 * 365 * 86400
"""The contract has no upper bound, and the calendar has."""
_FAREWELL_S = 60.0
"""For pods that said they are done: a busy node takes its time to see them end, and their logs are worth keeping."""


def _stop(run: RunFact, job: JobFact, seen: Seen, ended_at: datetime, now: datetime) -> Action:
    """The actions for a Job at work when its run has ended. A Job whose pods have ended, or said that they are done, is
    about to end too. It is kept: its pods and their logs are evidence.
    """
    ended = run.status.condition(ConditionType.SUCCEEDED)
    reason = ended.reason if ended is not None else None
    due = ended_at + timedelta(seconds=_FAREWELL_S if reason is Reason.COMPLETED else _LAST_WORDS_S)
    by_itself = reason is Reason.COMPLETED or any(pod.ended for pod in seen.pods if pod.job_uid == job.uid)
    if by_itself and now < due and reason not in _IMPOSED:
        return Wait(due)
    return DeleteJob(job.name, job.uid)


def _ttl_s(run: RunFact) -> int | None:
    """The time to live, also where the contract refuses the spec: such a run has ended, and is deleted too."""
    value = run.raw_spec.get("ttlSecondsAfterFinished")
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return None
    return min(value, _LONGEST_S)
