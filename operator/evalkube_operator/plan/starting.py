"""Plans a run without a Job: hold it back, refuse it, or create the Job of the next attempt and put it on record."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import orjson

from evalkube_crds import transitions
from evalkube_crds.names import Reason
from evalkube_operator import facts, jobs
from evalkube_operator.actions import (
    Action,
    AwaitTurn,
    CreateJob,
    DeleteJob,
    LookUpObjects,
    LookUpStoreRoom,
    Wait,
    WriteStatus,
)
from evalkube_operator.facts import JobFact, Spec
from evalkube_operator.plan.ending import end
from evalkube_operator.plan.plan_input import PlanInput
from evalkube_operator.plan.running import go_on
from evalkube_operator.plan.writing import close_attempt, hold, stamp, write
from evalkube_operator.policies import admission, retry, startup

__all__ = ["begin"]


def begin(given: PlanInput, spec: Spec) -> list[Action]:
    """The actions for a run without a Job on record: hold it back, refuse it, or create the Job of the next attempt."""
    attempts = given.status.attempts
    on_record = bool(attempts) and attempts[-1].reason is None
    number = attempts[-1].number + (0 if on_record else 1) if attempts else 1
    job = given.job_named(jobs.job_name(given.run.kind, given.run.name, number))
    if job is not None and not job.deleting and (on_record or number == 1):
        return _record(given, spec, job, number)
    refusal = admission.refused(given.run, given.rules, spec_bytes=len(orjson.dumps(given.run.raw_spec)))
    if refusal is not None:
        return end(given, *refusal, refused=True)
    if spec.suspend:
        if on_record:
            return close_attempt(given, Reason.SUSPENDED, "the run is suspended", None)
        return [*_delete_busy(given), *hold(given, Reason.SUSPENDED, "the run is suspended")]
    return _before_creation(given, spec, number, on_record=on_record)


def _record(given: PlanInput, spec: Spec, job: JobFact, number: int) -> list[Action]:
    """The actions that put its Job on record, with what is known of it by now: writes cost the API server most."""
    recorded = transitions.job_recorded(
        given.status, number, f"Job {job.name}", name=job.name, uid=job.uid, queued=job.suspended, **stamp(given)
    )
    following = go_on(replace(given, run=replace(given.run, status=recorded)), spec)
    written = next((action for action in following if isinstance(action, WriteStatus)), None)
    return write(given, recorded if written is None or written.status.phase.terminal else written.status)


def _before_creation(given: PlanInput, spec: Spec, number: int, *, on_record: bool) -> list[Action]:
    predecessors = _predecessors(given)
    if predecessors is not None:
        return predecessors
    attempts = given.status.attempts
    if attempts and not on_record:
        pause_s = retry.pause_s(
            attempts, base_s=given.rules.retry_base_s, cap_s=given.rules.retry_cap_s, aside_s=given.rules.aside_s
        )
        due = (attempts[-1].completion_time or given.now) + timedelta(seconds=pause_s)
        if given.now < due:
            return [Wait(due)]
    held = _held_by_objects(given, spec)
    if held is not None:
        return held
    blocked = _blocked(given, spec)
    if blocked is not None:
        return blocked
    waiting = _waiting(given, spec)
    if waiting is not None:
        return waiting
    if number > 1 and not on_record:
        return write(given, transitions.attempt_begun(given.status, number, **stamp(given)))
    return [CreateJob(number)]


def _waiting(given: PlanInput, spec: Spec) -> list[Action] | None:
    """The hold of a run for whose results the store has no room, or whose turn has not come. It keeps its place in the
    queue.
    """
    queued = given.rules.queued or facts.QUEUE_LABEL in given.run.labels  # it waits in Kueue's line, with its Job
    place: list[Action] = [] if queued else [AwaitTurn(spec.shards)]
    room, turn = given.seen.store_room, given.seen.turn
    if room is not None and room.shortage:
        return [*place, *hold(given, Reason.STORE_FULL, f"{_NO_ROOM} ({room.shortage})")]
    if not queued and turn is None:
        return place
    if not queued and turn is not None and not turn.granted:
        pods = "its pod" if spec.shards == 1 else f"all its {spec.shards} pods"
        words = f"other runs go first: it starts when there is room for {pods} beside theirs"
        return [*place, *hold(given, Reason.WAITING_FOR_TURN, words)]
    return [*place, LookUpStoreRoom()] if room is None else None


_NO_ROOM: Final = (
    "the operator's store has no room, and no run starts until there is some: delete runs that have ended, or enlarge "
    "the store; this run then goes on by itself"
)


def _predecessors(given: PlanInput) -> list[Action] | None:
    """The actions that stop earlier Jobs of the run before a new one starts. One on a lost node is not waited for for
    ever.
    """
    doomed = _delete_busy(given)
    if doomed:
        return doomed
    busy = _busy(given)
    attempts = given.status.attempts
    last_end = (attempts[-1].completion_time if attempts else None) or given.run.created_at
    until = last_end + timedelta(seconds=given.rules.successor_patience_s)
    return [Wait(until)] if busy and given.now < until else None


def _busy(given: PlanInput) -> list[JobFact]:
    """The Jobs of the run whose pods may exist."""
    return [job for job in given.seen.jobs if not job.finished or job.active or job.terminating]


def _delete_busy(given: PlanInput) -> list[Action]:
    return [DeleteJob(job.name, job.uid) for job in _busy(given) if not job.deleting]


def _held_by_objects(given: PlanInput, spec: Spec) -> list[Action] | None:
    """The hold of a run whose Secrets or data are missing, or not meant for runs."""
    refs = (*admission.secrets_of(spec), *admission.data_of(spec))
    unknown = tuple(ref for ref in refs if ref not in given.seen.objects)
    if unknown:
        return [LookUpObjects(unknown)]
    objection = admission.withheld(given.run, spec, given.seen.objects, given.rules)
    if objection is None:
        return None
    if given.now >= objection.final_at:
        return end(given, objection.reason, objection.message, refused=True)
    held = hold(given, objection.reason, objection.message, accepted=False)
    return [*held, Wait(min(objection.final_at, given.now + timedelta(seconds=2)))]


def _blocked(given: PlanInput, spec: Spec) -> list[Action] | None:
    """The hold of a run whose Job the API server refused, or whose Job's name somebody else's Job has."""
    foreign, refusal = given.seen.foreign, given.seen.refusal
    if foreign is not None:
        patience_s = 0.0 if foreign.lasting else given.rules.conflict_patience_s
        if given.now >= foreign.since + timedelta(seconds=patience_s):
            words = f"the Job {foreign.name} belongs to {foreign.owner}: give the run another name"
            return end(given, Reason.NAME_CONFLICT, words)
        if given.now < foreign.retry_at:
            words = f"the Job {foreign.name} belongs to {foreign.owner}; waiting for it to go"
            return [*hold(given, Reason.NAME_CONFLICT, words), Wait(foreign.retry_at)]
        return None
    if refusal is not None:
        trouble = startup.of_refusal(refusal, given.rules)
        patience_s = startup.patience_s(trouble, spec.deadlines.startup)
        if given.now >= refusal.since + timedelta(seconds=patience_s):
            return end(given, trouble.reason, trouble.message)
        if given.now < refusal.retry_at:
            return [*hold(given, trouble.reason, trouble.message), Wait(refusal.retry_at)]
    return None
