"""The progress of a run as it is told: it never runs backwards, and estimates only from what is known. Pure."""

import math
from typing import Final, Literal, TypeVar

from evalkube_crds.results import Progress

__all__ = ["REPORTING", "ProgressState", "advanced", "at_end", "cut_short"]

Told = TypeVar("Told", bound=Progress)

ProgressState = Literal["running", "completed", "error"]
"""Whether the run continues, in the words of EvalScope's `progress.json`."""

REPORTING: Final = "making the report"
"""The stage after the last sample or request."""


def advanced(before: Progress | None, told: Told) -> Told:
    """The progress after `told`, from a part that may have begun anew or may not know the whole.

    Work that was done stays done and is part of the whole. A total of 0, a stage of None and no figures change nothing.
    A total may become smaller, because a time limit leaves requests unsent. A negative or infinite estimate is dropped,
    and so is a figure that is not finite. Attributes of `told` that `Progress` does not have are kept.
    """
    before = before or Progress()
    done = max(before.done, told.done)
    total = told.total or before.total
    eta_s = told.eta_seconds
    return told.model_copy(
        update={
            "done": done,
            "total": max(total, done) if total else 0,
            "eta_seconds": eta_s if eta_s is not None and math.isfinite(eta_s) and eta_s >= 0 else None,
            "stage": told.stage or before.stage,
            "failed": min(max(before.failed, told.failed), done),
            "figures": {name: value for name, value in told.figures.items() if math.isfinite(value)} or before.figures,
        }
    )


def cut_short(before: Progress | None) -> Progress | None:
    """The progress of a run that ended without a result: it stays as it is, and nothing follows."""
    return before.model_copy(update={"eta_seconds": None, "figures": {}}) if before is not None else None


def at_end(before: Progress | None, done: int, failed: int = 0) -> Progress:
    """The progress of a run that is over, with `done` samples or requests in its result, `failed` of which failed.

    More may have been done, because some were repeated. The last live figures are removed, because they are not those
    of the result.
    """
    done = max(before.done if before is not None else 0, done)
    return Progress(done=done, total=done, eta_seconds=0.0, failed=failed)
