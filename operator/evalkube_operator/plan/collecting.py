"""Plans what follows the pods: get the results, and judge them."""

from dataclasses import replace
from datetime import timedelta

from evalkube_crds import thresholds, transitions
from evalkube_crds.names import ConditionType, Reason
from evalkube_crds.transitions import Outcome
from evalkube_operator import collect
from evalkube_operator.actions import Action, Collect, Wait
from evalkube_operator.facts import JobFact, Spec
from evalkube_operator.plan.ending import fail, finish
from evalkube_operator.plan.plan_input import PlanInput
from evalkube_operator.plan.writing import stamp, write
from evalkube_operator.policies import failure

__all__ = ["collected"]


def collected(given: PlanInput, spec: Spec, job: JobFact | None, lost: failure.Failure | None) -> list[Action]:
    """The actions that get the results. Where the Job was lost (`lost`), they find out whether it had delivered them
    all before.
    """
    outcome = given.seen.outcome
    if outcome is not None and outcome.reason is Reason.COMPLETED:
        return _succeed(given, spec, outcome)
    if outcome is not None:
        found = failure.Failure(outcome.reason, outcome.message, figures=outcome.summary)
        return fail(given, spec, lost or found)
    if lost is None and job is not None and _receipts_on_their_way(given, spec, job):
        return [Wait(given.now + timedelta(seconds=given.rules.receipt_patience_s))]
    error = given.seen.collect_error
    if error is None:
        return [Collect(given.attempt)]
    since = transitions.since(given.status, ConditionType.RUNNING, "False")
    if since is None:
        words = f"the store {'has no room' if error.full else 'does not answer'}: {error.message}"
        reason = Reason.STORE_FULL if error.full else Reason.INGEST_UNAVAILABLE
        return write(given, transitions.collecting(given.status, reason, words, **stamp(given)))
    deadline = since + timedelta(seconds=spec.deadlines.collect)
    if given.now < deadline:
        return [Wait(min(error.retry_at, deadline)) if given.now < error.retry_at else Collect(given.attempt)]
    receipts = collect.receipts_of(given.pods_of(given.status.job_uid), given.run.name, given.seen.receipts)
    if error.full:
        words = f"the store had no room for the results within deadlines.collect ({spec.deadlines.collect} s)"
        kept = collect.by_receipts(receipts, spec.shards, "")
        figures = kept.summary if kept is not None else {}
        return fail(
            given, spec, lost or failure.Failure(Reason.STORE_FULL, f"{words}: {error.message}", figures=figures)
        )
    substitute = collect.by_receipts(receipts, spec.shards, f"the store did not answer: {error.message}")
    if substitute is not None:
        return _succeed(given, spec, substitute)
    words = f"the results were not in the store within deadlines.collect ({spec.deadlines.collect} s): {error.message}"
    return fail(given, spec, lost or failure.Failure(Reason.COLLECT_DEADLINE_EXCEEDED, words))


def _receipts_on_their_way(given: PlanInput, spec: Spec, job: JobFact) -> bool:
    """Whether receipts are still to come: the Job is complete, and the last report of one of its pods does not say so
    yet.
    """
    if job.completed_at is not None and given.now >= job.completed_at + timedelta(
        seconds=given.rules.receipt_patience_s
    ):
        return False
    done = given.done_shards(job)
    return any(pod.index not in done for pod in given.pods_of(job.uid) if not pod.ended)


def _succeed(given: PlanInput, spec: Spec, outcome: Outcome) -> list[Action]:
    missed = None
    if spec.thresholds:
        missed = [str(miss) for miss in thresholds.missed(spec.thresholds, outcome.summary)]
    kept = replace(outcome, summary=collect.in_status(outcome.summary))
    status = transitions.with_outcome(given.status, kept, missed=missed, output_dir=given.output_dir, **stamp(given))
    return finish(given, status)
