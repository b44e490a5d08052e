"""Merges the result documents of an attempt's shards, and the receipts of their pods, into one outcome. Pure.

The documents are the truth where they are complete and are the ones that the receipts name; where none arrived
(the operator's ingest was away), the receipts alone are enough to finish a run, without artifacts and full results.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from evalkube_crds import merge, summary, verdict
from evalkube_crds.names import MAX_INLINE_RESULT_BYTES, Kind, Reason
from evalkube_crds.results import EvalResult, PerfResult, Receipt
from evalkube_crds.status import ResultReference
from evalkube_crds.target_failure import failure_of
from evalkube_crds.transitions import Outcome
from evalkube_operator import facts
from evalkube_operator.facts import PodFact

__all__ = ["Merged", "by_receipts", "fits", "in_status", "merged", "outcome", "receipts_of", "reference"]

Merged = EvalResult | PerfResult

_MOST_FIGURES: Final = 400


def receipts_of(pods: Iterable[PodFact], run_name: str, told: Mapping[int, Receipt]) -> dict[int, Receipt]:
    """The receipts of successful pods by shard. A receipt that names another run or shard is ignored.

    `told`: what runners said over ingest, of pods that have not ended yet, or whose end was not seen.
    """
    found = dict(told)
    for pod in sorted(pods, key=lambda each: each.ended_at):
        receipt = facts.receipt_of(pod)
        if receipt is None or receipt.reason is not Reason.COMPLETED:
            continue
        if receipt.run_id == run_name:
            found[pod.index] = receipt
    return found


def in_status(figures: Mapping[str, float]) -> dict[str, float]:
    """The figures that fit into a status, some 20 KB. The result document has them all."""
    return dict(list(figures.items())[:_MOST_FIGURES])


def by_receipts(receipts: Mapping[int, Receipt], shards: int, why: str) -> Outcome | None:
    """The outcome by the receipts alone; None where one is missing.

    Figures of several shards stand side by side (`shard_0/...`): without the histograms nothing adds them up.
    """
    if not set(range(shards)) <= set(receipts):
        return None
    receipts = {shard: receipts[shard] for shard in range(shards)}
    figures: dict[str, float] = {}
    for shard, receipt in sorted(receipts.items()):
        prefix = f"shard_{shard}/" if shards > 1 else ""
        figures.update({f"{prefix}{name}": value for name, value in receipt.headline.items()})
    message = f"the figures are those of the runners' receipts; artifacts and full results are missing: {why}"
    done = sum(receipt.done for receipt in receipts.values())
    return Outcome(Reason.COMPLETED, message, delivered=False, summary=figures, done=done)


def merged(
    kind: Kind, run_name: str, shards: int, documents: Mapping[int, bytes], receipts: Mapping[int, Receipt]
) -> Merged | Outcome:
    """The merged result of all shards, or an Outcome with its reason where that cannot be.

    `documents`: what the store has, by shard. Each is checked against its pod's receipt where there is one.
    """
    missing = sorted(set(range(shards)) - set(documents))
    if missing:
        return _incomplete(missing, shards, receipts)
    parts: list[Any] = []
    for shard, data in sorted(documents.items()):
        receipt = receipts.get(shard)
        if receipt is not None and receipt.result_sha256 not in (None, hashlib.sha256(data).hexdigest()):
            return Outcome(Reason.RESULT_CORRUPT, f"the stored result of shard {shard} is not the one its runner sent")
        try:
            part = (EvalResult if kind is Kind.EVAL_RUN else PerfResult).model_validate_json(data)
        except ValidationError as problem:
            return Outcome(Reason.RESULT_CORRUPT, f"the result of shard {shard} cannot be read: {_first(problem)}")
        if part.shards != [shard] or part.of_shards != shards or part.run_id != run_name:
            words = f"shard {shard} delivered the result of {part.run_id}, shards {part.shards} of {part.of_shards}"
            return Outcome(Reason.RESULT_CORRUPT, words)
        parts.append(part)
    try:
        whole: Merged = merge.merge_results(parts)
    except merge.MergeError as problem:
        return Outcome(Reason.RESULT_CORRUPT, f"the shards' results do not fit together: {problem}")
    return whole


def _incomplete(missing: list[int], shards: int, receipts: Mapping[int, Receipt]) -> Outcome:
    why = "the operator's ingest was not reachable from the runner"
    substitute = by_receipts(receipts, shards, why)
    if substitute is not None:
        return substitute
    if shards == 1:
        return Outcome(Reason.RESULT_MISSING, "the runner ended without a result and without a receipt")
    words = ", ".join(str(shard) for shard in missing[:20])
    return Outcome(Reason.SHARD_MISSING, f"no result came from shard {words} (of {shards})")


def _first(problem: ValidationError) -> str:
    error = problem.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"


def fits(response: bytes) -> bool:
    """Whether the response is small enough to stand in the status."""
    return len(response) <= MAX_INLINE_RESULT_BYTES


def reference(store: str, uri: str, response: bytes) -> ResultReference:
    """The reference to the stored response: where it is, and how to recognise it."""
    return ResultReference(store=store, uri=uri, sha256=hashlib.sha256(response).hexdigest(), bytes=len(response))


def outcome(result: Merged, response: Mapping[str, Any] | None, reference: ResultReference | None) -> Outcome:
    """The outcome of a whole result, with `response` inline or a `reference` to it. A load test whose target answered
    nothing is not Completed; a single shard's runner has said so before.
    """
    figures = summary.summary(result)
    failure = failure_of(result) if isinstance(result, PerfResult) else None
    reason, message = failure or (Reason.COMPLETED, summary.headline(result, figures))
    return Outcome(
        reason,
        message,
        summary=figures,
        results=response,
        result_ref=reference,
        done=summary.requested(result),
        failed=summary.failed(result),
        verdict=verdict.worst_of(point.verdict for point in result.points) if isinstance(result, PerfResult) else None,
        start_skew_s=summary.start_skew_s(result),
    )
