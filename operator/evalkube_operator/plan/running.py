"""Plans a run with a Job: gone, failed, complete, held by its queue, starting, or running."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from evalkube_crds import transitions
from evalkube_crds.names import ConditionType, Kind, Reason
from evalkube_crds.progress import advanced
from evalkube_operator import jobs, links
from evalkube_operator.actions import Action, LookUpJob, LookUpPodEvents, Wait
from evalkube_operator.facts import JobFact, PodFact, Spec
from evalkube_operator.plan.collecting import collected
from evalkube_operator.plan.ending import fail
from evalkube_operator.plan.plan_input import PlanInput
from evalkube_operator.plan.writing import close_attempt, stamp, write
from evalkube_operator.policies import failure, placing, startup

__all__ = ["go_on"]


def go_on(given: PlanInput, spec: Spec) -> list[Action]:
    """The actions for a run with a Job on record: gone, failed, complete, queued, starting, or running."""
    job = next((each for each in given.seen.jobs if each.uid == given.status.job_uid), None)
    if job is None or (job.deleting and not job.complete):
        return _lost(given, spec, job)
    if job.complete:
        return collected(given, spec, job, None)
    if job.failure is not None:
        return fail(given, spec, failure.of_job(job, given.pods_of(job.uid), spec.shards))
    if given.done_shards(job) >= set(range(spec.shards)):
        return collected(given, spec, job, None)  # the Job's own word comes a second later, and says the same
    if spec.suspend:
        return close_attempt(given, Reason.SUSPENDED, "the run is suspended", None)
    disturbed = _disturbed(given, spec, job)
    if disturbed is not None:
        return fail(given, spec, disturbed)
    if job.suspended:
        return _queued(given, spec)
    return _watch(given, spec, job)


def _lost(given: PlanInput, spec: Spec, job: JobFact | None) -> list[Action]:
    """The actions for a recorded Job that is deleted or being deleted. What it delivered still counts; it is never made
    again under its number.
    """
    name = given.status.job_name or ""
    if job is None and name not in given.seen.absent_jobs and given.job_named(name) is None:
        return [LookUpJob(name)]
    reason = Reason.JOB_LOST if job is None else Reason.JOB_DELETED
    words = "is gone, and was not deleted by evalkube" if job is None else "is being deleted, and not by evalkube"
    return collected(given, spec, job, failure.Failure(reason, f"the run's Job {name} {words}"))


def _disturbed(given: PlanInput, spec: Spec, job: JobFact) -> failure.Failure | None:
    """The failure that ends an attempt although its Job goes on: a lost node, or one that no retry mends. For a load
    test also anything that takes a pod away.
    """
    pods = given.pods_of(job.uid)
    if any(_beyond_repair(given, pod) for pod in pods):
        return failure.of_job(job, pods, spec.shards)
    if _exhausted(given, spec, pods):
        return failure.of_job(job, pods, spec.shards)
    for pod in pods:
        if pod.ended:
            continue
        due = pod.deletion_due
        if due is not None and given.now >= due + timedelta(seconds=given.rules.node_loss_s):
            words = f"the node {pod.node} does not answer, and the pod {pod.name} was on it"
            return failure.Failure(Reason.NODE_LOST, words)
        if given.run.kind is Kind.PERF_RUN and pod.started and _exit_code(pod) is None:
            found = failure.of_pod(pod, shards=spec.shards)
            if found is not None:
                return found
    if job.suspended and given.run.kind is Kind.PERF_RUN and given.ran:
        return failure.Failure(Reason.PREEMPTED, "the queue took the load test's place back while it ran")
    return None


def _beyond_repair(given: PlanInput, pod: PodFact) -> bool:
    """The failure of a Job that no retry mends. The Job controller reports it too, a second later."""
    if pod.phase != "Failed":
        return False
    return given.run.kind is Kind.PERF_RUN or _exit_code(pod) in jobs.FINAL_EXITS


def _exhausted(given: PlanInput, spec: Spec, pods: Sequence[PodFact]) -> bool:
    """Whether a shard has failed more often than it may: its Job only counts the failures of all shards. Disruptions by
    Kubernetes do not count.
    """
    if given.run.kind is Kind.PERF_RUN:
        return False
    failed = Counter(pod.index for pod in pods if pod.phase == "Failed" and pod.disruption is None)
    return any(count > spec.backoff_limit for count in failed.values())


def _exit_code(pod: PodFact) -> int | None:
    return pod.runner.exit_code if pod.runner is not None else None


def _queued(given: PlanInput, spec: Spec) -> list[Action]:
    return write(given, transitions.starting(given.status, queued=True, trouble=None, **stamp(given)))


def _watch(given: PlanInput, spec: Spec, job: JobFact) -> list[Action]:
    """The actions while pods start or run: nothing lasts longer than its deadline."""
    pods = given.pods_of(job.uid)
    waiting = [each for index in range(spec.shards) if (each := _waiting(given, spec, job, index, pods)) is not None]
    over = next((each for each in sorted(waiting, key=lambda each: each.behind) if given.now >= each.fail_at), None)
    if over is not None and over.behind:
        return _step_aside(given, spec, over)
    if over is not None:
        unasked = over.trouble is None and over.pod_uid is not None and over.pod_uid not in given.seen.pod_events
        return [LookUpPodEvents((over.pod_uid or "",))] if unasked else fail(given, spec, over.failure(spec))
    begun_at = transitions.since(given.status, ConditionType.RUNNING, "True")
    active_s = spec.deadlines.active
    due = begun_at + timedelta(seconds=active_s) if begun_at is not None and active_s is not None else None
    if due is not None and given.now >= due:
        words = f"the pods ran for longer than deadlines.active ({active_s} s)"
        return fail(given, spec, failure.Failure(Reason.ACTIVE_DEADLINE_EXCEEDED, words))
    curious: list[Action] = [LookUpPodEvents(uids)] if (uids := _silent_pods(given, waiting)) else []
    return [*curious, *_report(given, spec, pods, waiting), *_alarm(given, waiting, due)]


def _step_aside(given: PlanInput, spec: Spec, lacking: "_Waiting") -> list[Action]:
    """The actions of a run that finds no room while others have theirs: it gives back what it has, so that they are not
    held up for ever.
    """
    why = lacking.trouble.message if lacking.trouble is not None else ""
    pods = "its pod" if spec.shards == 1 else f"all its {spec.shards} pods"
    words = f"there is no room for {pods} beside those of other runs, and it waits for another turn: {why}"
    return close_attempt(given, Reason.WAITING_FOR_TURN, words, None)


def _report(given: PlanInput, spec: Spec, pods: Sequence[PodFact], waiting: Sequence["_Waiting"]) -> list[Action]:
    begun = {pod.index for pod in pods if pod.started}
    if given.ran or len(begun) >= spec.shards:
        told, due = given.seen.progress, given.seen.progress_due
        progress = advanced(given.status.progress, told) if told is not None else None
        if not given.ran or due is None or given.now >= due:
            silent_from = _silent_from(given)
            unheard = _UNHEARD if silent_from is not None and given.now >= silent_from else ""
            running = transitions.running(
                given.status, shards=spec.shards, progress=progress, unheard=unheard, **stamp(given)
            )
            return write(given, running)
        return [Wait(due)] if progress not in (None, given.status.progress) else []
    trouble = next(((each.trouble.reason, each.trouble.message) for each in waiting if each.trouble is not None), None)
    return write(given, transitions.starting(given.status, queued=False, trouble=trouble, **stamp(given)))


_UNHEARD: Final = (
    "nothing was heard of it: its pod may not reach the operator's ingest, or not trust its certificate; "
    "the pod's log says which"
)


def _silent_from(given: PlanInput) -> datetime | None:
    """The time from which the status says that a started run has reported nothing; None where it has reported
    something.
    """
    begun_at = transitions.since(given.status, ConditionType.RUNNING, "True")
    if begun_at is None or given.status.progress is not None or given.seen.progress is not None or given.seen.receipts:
        return None
    return begun_at + timedelta(seconds=given.rules.silence_s)


def _alarm(given: PlanInput, waiting: Sequence["_Waiting"], due: datetime | None) -> list[Action]:
    """The time of the next reconciliation without any report."""
    moments = [each.fail_at for each in waiting]
    again_at = given.now + timedelta(seconds=given.rules.pod_events_every_s)
    moments += [max(each.ask_at, again_at) for each in waiting if each.ask_at is not None and each.trouble is None]
    moments += [each.ask_at for each in waiting if each.ask_at is not None]
    moments += [moment for moment in (due, _silent_from(given)) if moment is not None]
    moments += [given.now + timedelta(seconds=given.rules.room_look_s) for each in waiting if each.behind]
    moments += [
        pod.deletion_due + timedelta(seconds=given.rules.node_loss_s)
        for pod in given.seen.pods
        if pod.deletion_due is not None and not pod.ended
    ]
    later = [moment for moment in moments if moment > given.now]
    return [Wait(min(later))] if later else []


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A shard that waits for a running pod: what is known to hold it back, and until when that may last.

    `behind`: others have what it lacks, so that nothing is wrong with it when that lasts too long.
    """

    index: int
    trouble: startup.Trouble | None
    fail_at: datetime
    pod_uid: str | None
    ask_at: datetime | None
    behind: bool = False

    def failure(self, spec: Spec) -> failure.Failure:
        """The failure that a shard's wait becomes when its time is over."""
        which = f"shard {self.index}: " if spec.shards > 1 else ""
        if self.trouble is not None:
            return failure.Failure(self.trouble.reason, which + self.trouble.message)
        words = f"its pod did not start within deadlines.startup ({spec.deadlines.startup} s)"
        return failure.Failure(Reason.STARTUP_DEADLINE_EXCEEDED, which + words)


def _waiting(given: PlanInput, spec: Spec, job: JobFact, index: int, pods: Sequence[PodFact]) -> _Waiting | None:
    own = sorted((pod for pod in pods if pod.index == index), key=lambda each: each.created_at)
    latest = links.runner(own) or (own[-1] if own else None)
    since = job.started_at or job.created_at
    if latest is None:
        events = [event for event in given.seen.failed_creates if event.about_uid == job.uid]
        together = spec.shards if given.run.kind is Kind.PERF_RUN else 1  # an evaluation's may go one after the other
        trouble = startup.of_failed_creates(events, given.rules, together=together)
        lacks_quota = trouble is not None and trouble.patience_s != 0 and placing.lacks_quota(trouble.message)
        if lacks_quota and given.seen.crowd.in_namespace:
            return _Waiting(index, trouble, _patience_ends(given, since), None, None, behind=True)
        patience_s = startup.patience_s(trouble, spec.deadlines.startup)
        begun = _freed(given, since) if lacks_quota else since
        return _Waiting(index, trouble, begun + timedelta(seconds=patience_s), None, None)
    if latest.phase == "Succeeded" or (latest.started and not latest.ended):
        return None
    if latest.ended:  # Kubernetes replaces it, after a pause of up to 10 minutes (its own back-off)
        patience_s = _REPLACEMENT_S + spec.deadlines.startup
        return _Waiting(index, None, latest.ended_at + timedelta(seconds=patience_s), None, None)
    return _of_pod(given, spec, latest, max(latest.created_at, since))


def _of_pod(given: PlanInput, spec: Spec, pod: PodFact, since: datetime) -> _Waiting:
    """The wait of a shard whose pod exists. Its time begins when the pod has a node, or could have one."""
    trouble = startup.of_pod(pod, given.seen.pod_events.get(pod.uid, ()), given.rules)
    lacks_room = pod.unschedulable is not None and placing.lacks_room(pod.unschedulable)
    if lacks_room and given.seen.crowd.anywhere:
        return _Waiting(pod.index, trouble, _patience_ends(given, since), pod.uid, None, behind=True)
    begun = _freed(given, since) if lacks_room else max(since, pod.placed_at or since)
    asked_at = begun + timedelta(seconds=given.rules.pod_events_after_s)
    ask_at = asked_at if pod.node is not None else None  # until it has a node, the scheduler speaks in its status
    fail_at = begun + timedelta(seconds=startup.patience_s(trouble, spec.deadlines.startup))
    return _Waiting(pod.index, trouble, fail_at, pod.uid, ask_at)


def _freed(given: PlanInput, since: datetime) -> datetime:
    """The time since which room that others held is free."""
    return max(since, given.seen.crowd.freed_at or since)


def _patience_ends(given: PlanInput, since: datetime) -> datetime:
    """The time at which a run that finds no room gives its turn back. Each turn in vain makes the next one longer."""
    first_s, most_s = given.rules.room_patience_s
    vain = sum(1 for attempt in given.status.attempts if attempt.reason is Reason.WAITING_FOR_TURN)
    return since + timedelta(seconds=min(first_s * 2.0**vain, most_s))


_REPLACEMENT_S = 660


def _silent_pods(given: PlanInput, waiting: Sequence[_Waiting]) -> tuple[str, ...]:
    """The pods that have waited for a while and do not say why. Events about them may say it."""
    return tuple(
        each.pod_uid
        for each in waiting
        if each.pod_uid is not None
        and each.trouble is None
        and each.ask_at is not None
        and given.now >= each.ask_at
        and each.pod_uid not in given.seen.pod_events
    )
