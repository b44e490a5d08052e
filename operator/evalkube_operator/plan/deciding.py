"""Decides where a run stands, and which part of the plan is asked."""

from evalkube_crds.names import Reason
from evalkube_operator.actions import Action
from evalkube_operator.plan.ending import end
from evalkube_operator.plan.plan_input import PlanInput
from evalkube_operator.plan.running import go_on
from evalkube_operator.plan.starting import begin
from evalkube_operator.policies import retention

__all__ = ["next_actions"]


def next_actions(given: PlanInput) -> list[Action]:
    """The actions that a run needs now, in this order."""
    run = given.run
    if run.deleting:
        return []  # its Jobs and Secrets are owned by it and go with it; the store is swept
    if run.status.phase.terminal:
        return retention.after_the_end(run, given.seen, given.now, given.rules)
    if run.spec is None or run.spec.cancel or bool(run.raw_spec.get("cancel")):
        reason = Reason.CANCELLED if run.raw_spec.get("cancel") else Reason.INVALID_SPEC
        words = "the run was cancelled" if reason is Reason.CANCELLED else run.invalid
        return end(given, reason, words, refused=reason is Reason.INVALID_SPEC)
    live = run.status.attempts and run.status.attempts[-1].reason is None
    if live and run.status.job_uid is not None:
        return go_on(given, run.spec)
    return begin(given, run.spec)
