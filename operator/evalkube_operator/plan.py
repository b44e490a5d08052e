"""The plan of a run: what is to be done now, given what is there. Pure, and the same from whichever state it starts.

Level-triggered: it never remembers what it asked for, it looks at what is. The first thing that changes anything ends
the list, because after it the world has to be looked at again. Every path either ends the run, waits until a moment
that it names, or waits for something that Kubernetes will report. No I/O, no clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypedDict

import orjson

from evalkube_crds import thresholds
from evalkube_crds.names import ConditionType, Kind, Reason
from evalkube_crds.status import RunStatus
from evalkube_operator import collect, conditions, jobs
from evalkube_operator.actions import (
    Action,
    Announcement,
    Collect,
    CreateJob,
    DeleteJob,
    DeleteSecret,
    LookUpJob,
    LookUpPodEvents,
    LookUpSecrets,
    Outcome,
    Seen,
    Wait,
    WriteStatus,
)
from evalkube_operator.facts import JobFact, PodFact, RunFact, Spec
from evalkube_operator.policies import admission, failure, retention, retry, startup
from evalkube_operator.rules import Rules

__all__ = ["Case", "next_actions"]


@dataclass(frozen=True, slots=True)
class Case:
    """One look at one run."""

    run: RunFact
    seen: Seen
    now: datetime
    rules: Rules
    output_dir: str | None = None

    @property
    def status(self) -> RunStatus:
        """As it is on record."""
        return self.run.status

    def pods_of(self, job_uid: str | None) -> list[PodFact]:
        """The pods of one Job."""
        return [pod for pod in self.seen.pods if pod.job_uid == job_uid]


def next_actions(case: Case) -> list[Action]:
    """What to do now, in this order."""
    run = case.run
    if run.deleting:
        return []  # its Jobs and Secrets are owned by it and go with it; the store is swept
    if run.status.phase.terminal:
        return retention.after_the_end(run, case.seen, case.now, case.rules)
    if run.spec is None or run.spec.cancel or bool(run.raw_spec.get("cancel")):
        reason = Reason.CANCELLED if run.raw_spec.get("cancel") else Reason.INVALID_SPEC
        words = "the run was cancelled" if reason is Reason.CANCELLED else run.invalid
        return _end(case, reason, words, refused=reason is Reason.INVALID_SPEC)
    live = run.status.attempts and run.status.attempts[-1].reason is None
    if live and run.status.job_uid is not None:
        return _go_on(case, run.spec)
    return _begin(case, run.spec)


# Before a Job


def _begin(case: Case, spec: Spec) -> list[Action]:
    """No Job is on record: hold the run back, refuse it, or create the Job of the next attempt."""
    attempts = case.status.attempts
    on_record = bool(attempts) and attempts[-1].reason is None
    number = attempts[-1].number + (0 if on_record else 1) if attempts else 1
    job = _job_named(case, jobs.job_name(case.run.name, number))
    if job is not None and not job.deleting and (on_record or number == 1):
        return _record(case, spec, job, number)
    refusal = admission.refused(case.run, case.rules, spec_bytes=len(orjson.dumps(case.run.raw_spec)))
    if refusal is not None:
        return _end(case, *refusal, refused=True)
    if spec.suspend:
        if on_record:
            return _close_attempt(case, Reason.SUSPENDED, "the run is suspended", None)
        return [*_delete_busy(case), *_hold(case, Reason.SUSPENDED, "the run is suspended")]
    return _before_creation(case, spec, number, on_record=on_record)


def _record(case: Case, spec: Spec, job: JobFact, number: int) -> list[Action]:
    """Its Job goes on record, together with what is known of it by now: writes are what costs the API server most."""
    recorded = conditions.job_recorded(
        case.status, number, name=job.name, uid=job.uid, queued=job.suspended, **_stamp(case)
    )
    following = _go_on(replace(case, run=replace(case.run, status=recorded)), spec)
    written = next((action for action in following if isinstance(action, WriteStatus)), None)
    return _write(case, recorded if written is None or written.status.phase.terminal else written.status)


def _before_creation(case: Case, spec: Spec, number: int, *, on_record: bool) -> list[Action]:
    predecessors = _predecessors(case)
    if predecessors is not None:
        return predecessors
    attempts = case.status.attempts
    if attempts and not on_record:
        pause_s = retry.pause_s(attempts, base_s=case.rules.retry_base_s, cap_s=case.rules.retry_cap_s)
        due = (attempts[-1].completion_time or case.now) + timedelta(seconds=pause_s)
        if case.now < due:
            return [Wait(due)]
    held = _held_by_secret(case, spec)
    if held is not None:
        return held
    blocked = _blocked(case)
    if blocked is not None:
        return blocked
    if number > 1 and not on_record:
        return _write(case, conditions.attempt_begun(case.status, number, **_stamp(case)))
    return [CreateJob(number)]


def _predecessors(case: Case) -> list[Action] | None:
    """Earlier Jobs of the run stop before a new one starts; one on a lost node is not waited for for ever."""
    doomed = _delete_busy(case)
    if doomed:
        return doomed
    busy = _busy(case)
    attempts = case.status.attempts
    last_end = (attempts[-1].completion_time if attempts else None) or case.run.created_at
    until = last_end + timedelta(seconds=case.rules.successor_patience_s)
    return [Wait(until)] if busy and case.now < until else None


def _busy(case: Case) -> list[JobFact]:
    """Jobs of the run whose pods may be there."""
    return [job for job in case.seen.jobs if not job.finished or job.active or job.terminating]


def _delete_busy(case: Case) -> list[Action]:
    return [DeleteJob(job.name, job.uid) for job in _busy(case) if not job.deleting]


def _held_by_secret(case: Case, spec: Spec) -> list[Action] | None:
    names = admission.secret_names(spec)
    unknown = tuple(name for name in names if name not in case.seen.secrets)
    if unknown:
        return [LookUpSecrets(unknown)]
    objection = admission.missing_secret(case.run, case.seen.secrets, names, case.rules)
    if objection is None:
        return None
    if case.now >= objection.final_at:
        return _end(case, objection.reason, objection.message, refused=True)
    held = _hold(case, objection.reason, objection.message, accepted=False)
    return [*held, Wait(min(objection.final_at, case.now + timedelta(seconds=2)))]


def _blocked(case: Case) -> list[Action] | None:
    """The API server would not take the Job, or somebody else's stands in its place."""
    foreign, refusal = case.seen.foreign, case.seen.refusal
    if foreign is not None:
        patience_s = 0.0 if foreign.lasting else case.rules.conflict_patience_s
        if case.now >= foreign.since + timedelta(seconds=patience_s):
            words = f"the Job {foreign.name} belongs to {foreign.owner}: give the run another name"
            return _end(case, Reason.NAME_CONFLICT, words)
        if case.now < foreign.retry_at:
            words = f"the Job {foreign.name} belongs to {foreign.owner}; waiting for it to go"
            return [*_hold(case, Reason.NAME_CONFLICT, words), Wait(foreign.retry_at)]
        return None
    if refusal is not None:
        trouble = startup.of_refusal(refusal, case.rules)
        patience_s = _patience(case, trouble)
        if case.now >= refusal.since + timedelta(seconds=patience_s):
            return _end(case, trouble.reason, trouble.message)
        if case.now < refusal.retry_at:
            return [*_hold(case, trouble.reason, trouble.message), Wait(refusal.retry_at)]
    return None


def _patience(case: Case, trouble: startup.Trouble | None) -> float:
    assert case.run.spec is not None
    startup_s = float(case.run.spec.deadlines.startup)
    return startup_s if trouble is None or trouble.patience_s is None else min(trouble.patience_s, startup_s)


# With a Job


def _go_on(case: Case, spec: Spec) -> list[Action]:
    """The recorded Job: gone, failed, complete, held by its queue, starting, or running."""
    job = next((each for each in case.seen.jobs if each.uid == case.status.job_uid), None)
    if job is None or (job.deleting and not job.complete):
        return _lost(case, spec, job)
    if job.complete:
        return _collect(case, spec, job, None)
    if job.failure is not None:
        return _fail(case, spec, failure.of_job(job, case.pods_of(job.uid), spec.shards))
    if _done_shards(case, job) >= set(range(spec.shards)):
        return _collect(case, spec, job, None)  # the Job's own word comes a second later, and says the same
    if spec.suspend:
        return _close_attempt(case, Reason.SUSPENDED, "the run is suspended", None)
    disturbed = _disturbed(case, spec, job)
    if disturbed is not None:
        return _fail(case, spec, disturbed)
    if job.suspended:
        return _queued(case, spec)
    return _watch(case, spec, job)


def _lost(case: Case, spec: Spec, job: JobFact | None) -> list[Action]:
    """The recorded Job is gone or going. What it delivered still counts; it is never made again under its number."""
    name = case.status.job_name or ""
    if job is None and name not in case.seen.absent_jobs and _job_named(case, name) is None:
        return [LookUpJob(name)]
    reason = Reason.JOB_LOST if job is None else Reason.JOB_DELETED
    words = "is gone, and was not deleted by evalkube" if job is None else "is being deleted, and not by evalkube"
    return _collect(case, spec, job, failure.Failure(reason, f"the run's Job {name} {words}"))


def _done_shards(case: Case, job: JobFact) -> set[int]:
    """Those whose pod has succeeded, or whose runner has said so."""
    return {pod.index for pod in case.pods_of(job.uid) if pod.phase == "Succeeded"} | set(case.seen.receipts)


def _disturbed(case: Case, spec: Spec, job: JobFact) -> failure.Failure | None:
    """What ends an attempt although its Job goes on: a lost node, a failure that no further try mends; for a load test
    anything that takes a pod away."""
    pods = case.pods_of(job.uid)
    if any(_beyond_repair(case, pod) for pod in pods):
        return failure.of_job(job, pods, spec.shards)
    for pod in pods:
        if pod.ended:
            continue
        due = pod.deletion_due
        if due is not None and case.now >= due + timedelta(seconds=case.rules.node_loss_s):
            words = f"the node {pod.node} does not answer, and the pod {pod.name} was on it"
            return failure.Failure(Reason.NODE_LOST, words)
        if case.run.kind is Kind.PERF_RUN and pod.started and _exit_code(pod) is None:
            found = failure.of_pod(pod, shards=spec.shards)
            if found is not None:
                return found
    if job.suspended and case.run.kind is Kind.PERF_RUN and _ran(case):
        return failure.Failure(Reason.PREEMPTED, "the queue took the load test's place back while it ran")
    return None


def _beyond_repair(case: Case, pod: PodFact) -> bool:
    """The Job controller is about to say so too, a second later."""
    if pod.phase != "Failed":
        return False
    return case.run.kind is Kind.PERF_RUN or _exit_code(pod) in jobs.FINAL_EXITS


def _exit_code(pod: PodFact) -> int | None:
    return pod.runner.exit_code if pod.runner is not None else None


def _ran(case: Case) -> bool:
    return conditions.since(case.status, ConditionType.RUNNING, "True") is not None


def _queued(case: Case, spec: Spec) -> list[Action]:
    return _write(case, conditions.starting(case.status, queued=True, trouble=None, **_stamp(case)))


def _watch(case: Case, spec: Spec, job: JobFact) -> list[Action]:
    """Pods are on their way or running: nothing lasts longer than its deadline."""
    pods = case.pods_of(job.uid)
    waiting = [each for index in range(spec.shards) if (each := _waiting(case, spec, job, index, pods)) is not None]
    over = next((each for each in waiting if case.now >= each.fail_at), None)
    if over is not None:
        unasked = over.trouble is None and over.pod_uid is not None and over.pod_uid not in case.seen.pod_events
        return [LookUpPodEvents((over.pod_uid or "",))] if unasked else _fail(case, spec, over.failure(spec))
    begun_at = conditions.since(case.status, ConditionType.RUNNING, "True")
    active_s = spec.deadlines.active
    due = begun_at + timedelta(seconds=active_s) if begun_at is not None and active_s is not None else None
    if due is not None and case.now >= due:
        words = f"the pods ran for longer than deadlines.active ({active_s} s)"
        return _fail(case, spec, failure.Failure(Reason.ACTIVE_DEADLINE_EXCEEDED, words))
    curious: list[Action] = [LookUpPodEvents(uids)] if (uids := _silent_pods(case, waiting)) else []
    return [*curious, *_report(case, spec, pods, waiting), *_alarm(case, waiting, due)]


def _report(case: Case, spec: Spec, pods: Sequence[PodFact], waiting: Sequence["_Waiting"]) -> list[Action]:
    begun = {pod.index for pod in pods if pod.started}
    if _ran(case) or len(begun) >= spec.shards:
        progress, due = case.seen.progress, case.seen.progress_due
        if not _ran(case) or due is None or case.now >= due:
            return _write(case, conditions.running(case.status, shards=spec.shards, progress=progress, **_stamp(case)))
        return [Wait(due)] if progress not in (None, case.status.progress) else []
    trouble = next(((each.trouble.reason, each.trouble.message) for each in waiting if each.trouble is not None), None)
    return _write(case, conditions.starting(case.status, queued=False, trouble=trouble, **_stamp(case)))


def _alarm(case: Case, waiting: Sequence["_Waiting"], due: datetime | None) -> list[Action]:
    """When to look again although nothing was reported."""
    moments = [each.fail_at for each in waiting]
    again_at = case.now + timedelta(seconds=case.rules.pod_events_every_s)
    moments += [max(each.ask_at, again_at) for each in waiting if each.ask_at is not None and each.trouble is None]
    moments += [each.ask_at for each in waiting if each.ask_at is not None]
    moments += [due] if due is not None else []
    moments += [
        pod.deletion_due + timedelta(seconds=case.rules.node_loss_s)
        for pod in case.seen.pods
        if pod.deletion_due is not None and not pod.ended
    ]
    later = [moment for moment in moments if moment > case.now]
    return [Wait(min(later))] if later else []


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A shard without a running pod: what is known to hold it back, and until when that may last."""

    index: int
    trouble: startup.Trouble | None
    fail_at: datetime
    pod_uid: str | None
    ask_at: datetime | None

    def failure(self, spec: Spec) -> failure.Failure:
        """What it is when its time is over."""
        which = f"shard {self.index}: " if spec.shards > 1 else ""
        if self.trouble is not None:
            return failure.Failure(self.trouble.reason, which + self.trouble.message)
        words = f"its pod did not start within deadlines.startup ({spec.deadlines.startup} s)"
        return failure.Failure(Reason.STARTUP_DEADLINE_EXCEEDED, which + words)


def _waiting(case: Case, spec: Spec, job: JobFact, index: int, pods: Sequence[PodFact]) -> _Waiting | None:
    own = sorted((pod for pod in pods if pod.index == index), key=lambda each: each.created_at)
    latest = own[-1] if own else None
    since = job.started_at or job.created_at
    if latest is None:
        trouble = startup.of_failed_creates(
            (event for event in case.seen.failed_creates if event.about_uid == job.uid), case.rules
        )
        return _Waiting(index, trouble, since + timedelta(seconds=_patience(case, trouble)), None, None)
    if latest.phase == "Succeeded" or (latest.started and not latest.ended):
        return None
    if latest.ended:  # Kubernetes replaces it, after a pause of up to 10 minutes (its own back-off)
        patience_s = _REPLACEMENT_S + spec.deadlines.startup
        return _Waiting(index, None, latest.ended_at + timedelta(seconds=patience_s), None, None)
    trouble = startup.of_pod(latest, case.seen.pod_events.get(latest.uid, ()), case.rules)
    asked_at = max(latest.created_at, since) + timedelta(seconds=case.rules.pod_events_after_s)
    ask_at = asked_at if latest.node is not None else None  # until it has a node, the scheduler speaks in its status
    fail_at = max(latest.created_at, since) + timedelta(seconds=_patience(case, trouble))
    return _Waiting(index, trouble, fail_at, latest.uid, ask_at)


_REPLACEMENT_S = 660


def _silent_pods(case: Case, waiting: Sequence[_Waiting]) -> tuple[str, ...]:
    """Pods that have been waiting for a while and do not say why: events about them may."""
    return tuple(
        each.pod_uid
        for each in waiting
        if each.pod_uid is not None
        and each.trouble is None
        and each.ask_at is not None
        and case.now >= each.ask_at
        and each.pod_uid not in case.seen.pod_events
    )


# After the pods


def _collect(case: Case, spec: Spec, job: JobFact | None, lost: failure.Failure | None) -> list[Action]:
    """Get the results; where the Job was lost (``lost``), find out whether it had delivered them all before."""
    outcome = case.seen.outcome
    if outcome is not None and outcome.reason is Reason.COMPLETED:
        return _succeed(case, spec, outcome)
    if outcome is not None:
        return _fail(case, spec, lost or failure.Failure(outcome.reason, outcome.message))
    if lost is None and job is not None and _receipts_on_their_way(case, spec, job):
        return [Wait(case.now + timedelta(seconds=case.rules.receipt_patience_s))]
    error = case.seen.collect_error
    if error is None:
        return [Collect(_number(case))]
    since = conditions.since(case.status, ConditionType.RUNNING, "False")
    if since is None:
        words = f"the store does not answer: {error.message}"
        return _write(case, conditions.collecting(case.status, Reason.INGEST_UNAVAILABLE, words, **_stamp(case)))
    deadline = since + timedelta(seconds=spec.deadlines.collect)
    if case.now < deadline:
        return [Wait(min(error.retry_at, deadline)) if case.now < error.retry_at else Collect(_number(case))]
    receipts = collect.receipts_of(case.pods_of(case.status.job_uid), case.run.name, case.seen.receipts)
    substitute = collect.by_receipts(receipts, spec.shards, f"the store did not answer: {error.message}")
    if substitute is not None:
        return _succeed(case, spec, substitute)
    words = f"the results were not in the store within deadlines.collect ({spec.deadlines.collect} s): {error.message}"
    return _fail(case, spec, lost or failure.Failure(Reason.COLLECT_DEADLINE_EXCEEDED, words))


def _number(case: Case) -> int:
    return case.status.attempts[-1].number


def _receipts_on_their_way(case: Case, spec: Spec, job: JobFact) -> bool:
    """The Job is complete, and the last news of a pod of its says otherwise: they are moments apart."""
    if job.completed_at is not None and case.now >= job.completed_at + timedelta(seconds=case.rules.receipt_patience_s):
        return False
    done = _done_shards(case, job)
    return any(pod.index not in done for pod in case.pods_of(job.uid) if not pod.ended)


def _succeed(case: Case, spec: Spec, outcome: Outcome) -> list[Action]:
    missed = None
    if spec.thresholds:
        missed = [str(miss) for miss in thresholds.missed(spec.thresholds, outcome.summary)]
    status = conditions.with_outcome(case.status, outcome, missed=missed, output_dir=case.output_dir, **_stamp(case))
    return _finish(case, status)


def _fail(case: Case, spec: Spec, found: failure.Failure) -> list[Action]:
    """The attempt has failed: the run tries again, or has failed with it."""
    closed = conditions.attempt_ended(case.status, found.reason, found.message, found.exit_code, **_stamp(case))
    begun = _ran(case) or any(pod.started for pod in case.pods_of(case.status.job_uid))
    if retry.again(case.run.kind, found.reason, begun=begun, attempts=closed.attempts, limit=spec.backoff_limit):
        return _write(case, closed)
    return _end(case, found.reason, found.message, exit_code=found.exit_code)


def _close_attempt(case: Case, reason: Reason, message: str, exit_code: int | None) -> list[Action]:
    return _write(case, conditions.attempt_ended(case.status, reason, message, exit_code, **_stamp(case)))


def _hold(case: Case, reason: Reason, message: str, *, accepted: bool = True) -> list[Action]:
    return _write(case, conditions.held_back(case.status, reason, message, accepted=accepted, **_stamp(case)))


def _end(
    case: Case, reason: Reason, message: str, *, exit_code: int | None = None, refused: bool = False
) -> list[Action]:
    status = conditions.ended(case.status, reason, message, exit_code=exit_code, refused=refused, **_stamp(case))
    return _finish(case, status)


def _finish(case: Case, status: RunStatus) -> list[Action]:
    """The run's own Secrets go before its end is on record: after that nobody looks for them any more."""
    names = admission.secret_names(case.run.spec) if case.run.spec is not None else ()
    unknown = tuple(name for name in names if name not in case.seen.secrets)
    if unknown:
        return [LookUpSecrets(unknown)]
    own = [found for name in names if (found := case.seen.secrets[name]) and case.run.uid in found.owner_uids]
    return [*(DeleteSecret(found.name, found.uid) for found in own), *_write(case, status)]


# Writing


class _Stamp(TypedDict):
    now: datetime
    generation: int


def _stamp(case: Case) -> _Stamp:
    return {"now": case.now, "generation": case.run.generation}


def _write(case: Case, status: RunStatus) -> list[Action]:
    """The status, where it says anything new; told about where a person would want to know."""
    if status == case.status:
        return []
    return [WriteStatus(status, _announcements(case.status, status), can_wait=_can_wait(case, status))]


def _can_wait(case: Case, status: RunStatus) -> bool:
    """Not where somebody waits for the end, and the end waits for this."""
    return not status.phase.terminal and not case.seen.receipts and not any(pod.ended for pod in case.seen.pods)


def _announcements(before: RunStatus, after: RunStatus) -> tuple[Announcement, ...]:
    if after.phase.terminal:
        ended = after.condition(ConditionType.SUCCEEDED)
        assert ended is not None
        return (Announcement(ended.reason, ended.message, warning=ended.status == "False", ended=True),)
    old, new = before.condition(ConditionType.RUNNING), after.condition(ConditionType.RUNNING)
    if new is None or (old is not None and old.reason is new.reason and old.status == new.status):
        return ()
    ordinary = new.reason in (Reason.STARTING, Reason.STARTED, Reason.QUEUED, Reason.SUSPENDED, Reason.COMPLETED)
    return (Announcement(new.reason, new.message, warning=not ordinary),)


def _job_named(case: Case, name: str) -> JobFact | None:
    return next((job for job in case.seen.jobs if job.name == name), None)
