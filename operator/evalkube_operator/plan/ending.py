"""Plans the end of an attempt and of a run."""

from evalkube_crds import transitions
from evalkube_crds.names import Reason
from evalkube_crds.status import RunStatus
from evalkube_operator import collect
from evalkube_operator.actions import Action, DeleteSecret, LookUpObjects
from evalkube_operator.facts import Spec
from evalkube_operator.plan.plan_input import PlanInput
from evalkube_operator.plan.writing import stamp, write
from evalkube_operator.policies import admission, failure, retry

__all__ = ["end", "fail", "finish"]


def fail(given: PlanInput, spec: Spec, found: failure.Failure) -> list[Action]:
    """The actions after a failed attempt: another attempt, or the failure of the run."""
    closed = transitions.attempt_ended(given.status, found.reason, found.message, found.exit_code, **stamp(given))
    begun = given.ran or any(pod.started for pod in given.pods_of(given.status.job_uid))
    if retry.again(given.run.kind, found.reason, begun=begun, attempts=closed.attempts, limit=spec.backoff_limit):
        return write(given, closed)
    figures = collect.in_status(found.figures)
    status = transitions.ended(
        given.status, found.reason, found.message, exit_code=found.exit_code, figures=figures, **stamp(given)
    )
    return finish(given, status)


def end(
    given: PlanInput, reason: Reason, message: str, *, exit_code: int | None = None, refused: bool = False
) -> list[Action]:
    """The actions that end a run for this reason."""
    status = transitions.ended(given.status, reason, message, exit_code=exit_code, refused=refused, **stamp(given))
    return finish(given, status)


def finish(given: PlanInput, status: RunStatus) -> list[Action]:
    """The actions that delete the run's own Secrets before its end is on record: after that nobody looks for them."""
    refs = admission.secrets_of(given.run.spec) if given.run.spec is not None else ()
    unknown = tuple(ref for ref in refs if ref not in given.seen.objects)
    if unknown:
        return [LookUpObjects(unknown)]
    own = [found for ref in refs if (found := given.seen.objects[ref]) and given.run.uid in found.owner_uids]
    return [*(DeleteSecret(found.name, found.uid) for found in own), *write(given, status)]
