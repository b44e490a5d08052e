"""Whether a load test failed because of its target, judged by its whole result. Pure."""

from collections import Counter
from collections.abc import Callable

from evalkube_crds import summary
from evalkube_crds.names import NO_CONNECTION, ErrorClass, Reason
from evalkube_crds.results import PerfResult

__all__ = ["failure_of"]


def failure_of(result: PerfResult, says_no_model: Callable[[str], bool] = lambda _: False) -> tuple[Reason, str] | None:
    """The reason and message of such a failure; None if the target took the load.

    A load that nobody took is not a success, though all of it was sent. The reason is AllRequestsFailed, or
    ModelNotFound if the message `says_no_model`. It is TargetUnreachable if most requests could not connect, or the
    target was gone at the end.
    """
    sent = sum(point.succeeded + point.failed for point in result.points)
    counts: Counter[ErrorClass] = Counter()
    samples: dict[ErrorClass, str] = {}
    for point in result.points:
        counts.update(point.errors)
        samples = point.error_samples | samples
    unconnected = sum(counts[error] for error in NO_CONNECTION)
    all_failed = sent > 0 and not any(point.succeeded for point in result.points)
    if result.gone and not all_failed:
        return Reason.TARGET_UNREACHABLE, f"the target was gone before the end: {result.gone}"
    if not all_failed and (result.sla is not None or 2 * unconnected <= sent):
        return None
    worst = counts.most_common(1)[0][0]
    text = samples.get(worst, "")
    reason = Reason.ALL_REQUESTS_FAILED if all_failed else Reason.TARGET_UNREACHABLE
    words = f"{summary.failures(result.points)}; the first of {worst}: {text}"
    return Reason.MODEL_NOT_FOUND if all_failed and says_no_model(text) else reason, words
