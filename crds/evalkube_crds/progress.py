"""How a run's progress is told: it never runs backwards, and says of the rest only what is known. Pure."""

import math
from typing import Final, Literal, TypeVar

from evalkube_crds.results import Progress

__all__ = ["REPORTING", "ProgressState", "advanced", "at_end", "cut_short"]

Told = TypeVar("Told", bound=Progress)

ProgressState = Literal["running", "completed", "error"]
"""Whether more will be told: the words that EvalScope's `progress.json` has for it."""

REPORTING: Final = "making the report"
"""The stage after the last sample or request."""


def advanced(before: Progress | None, told: Told) -> Told:
    """The progress after `told`, which may come from a part that began anew or does not know the whole.

    Work that was done stays done and is part of the whole. A total of 0, a stage of None and no figures say nothing
    new; a total may become smaller, where a time limit leaves requests unsent. An estimate that is negative or not
    finite is none, and a figure that is not finite is left out. What `told` has beyond a `Progress` it keeps.
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
    """The progress of a run that ended without a result: it stands, and nothing is to come."""
    return before.model_copy(update={"eta_seconds": None, "figures": {}}) if before is not None else None


def at_end(before: Progress | None, done: int, failed: int = 0) -> Progress:
    """The progress of a run that is over and whose result has `done` samples or requests, `failed` of which failed.
    More were done where some were made again. What was seen last is no figure of the result, and goes.
    """
    done = max(before.done if before is not None else 0, done)
    return Progress(done=done, total=done, eta_seconds=0.0, failed=failed)
