"""Plans status writes: only where the status is new, and with the events for people."""

from datetime import datetime
from typing import TypedDict

from evalkube_crds import transitions
from evalkube_crds.names import ConditionType, Reason
from evalkube_crds.status import RunStatus
from evalkube_operator.actions import Action, Announcement, WriteStatus
from evalkube_operator.plan.plan_input import PlanInput

__all__ = ["Stamp", "close_attempt", "hold", "stamp", "write"]


class Stamp(TypedDict):
    """The time and the generation that each change of conditions carries."""

    now: datetime
    generation: int


def stamp(given: PlanInput) -> Stamp:
    """The stamp of conditions that change now."""
    return {"now": given.now, "generation": given.run.generation}


def write(given: PlanInput, status: RunStatus) -> list[Action]:
    """The write of a status that differs from the one on record, with the events about it."""
    if status == given.status:
        return []
    return [WriteStatus(status, _announcements(given.status, status), can_wait=_can_wait(given, status))]


def close_attempt(given: PlanInput, reason: Reason, message: str, exit_code: int | None) -> list[Action]:
    """The write that ends an attempt of a run that goes on."""
    return write(given, transitions.attempt_ended(given.status, reason, message, exit_code, **stamp(given)))


def hold(given: PlanInput, reason: Reason, message: str, *, accepted: bool = True) -> list[Action]:
    """The write that says why the run does not start now."""
    return write(given, transitions.held_back(given.status, reason, message, accepted=accepted, **stamp(given)))


def _can_wait(given: PlanInput, status: RunStatus) -> bool:
    """Whether nobody waits for this status: it is not the run's end, nor does the end depend on it."""
    return not status.phase.terminal and not given.seen.receipts and not any(pod.ended for pod in given.seen.pods)


def _announcements(before: RunStatus, after: RunStatus) -> tuple[Announcement, ...]:
    if after.phase.terminal:
        ended = after.condition(ConditionType.SUCCEEDED)
        assert ended is not None
        return (Announcement(ended.reason, ended.message, warning=ended.status == "False", ended=True),)
    old, new = before.condition(ConditionType.RUNNING), after.condition(ConditionType.RUNNING)
    if new is None or (old is not None and old.reason is new.reason and old.status == new.status):
        return ()
    if new.reason in _ORDINARY:
        return ()  # the status says it, and the Job's and the pods' own events do
    return (Announcement(new.reason, new.message, warning=new.reason not in _NO_FAULT),)


_NO_FAULT = frozenset({Reason.SUSPENDED})
_ORDINARY = frozenset(
    {
        Reason.STARTING,
        Reason.STARTED,
        Reason.QUEUED,
        Reason.WAITING_FOR_TURN,
        Reason.STORE_FULL,  # of all runs alike: one event about the operator says it
        Reason.COMPLETED,
    }
)
