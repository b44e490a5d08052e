"""The reason of a run's state, from its document and its log. Pure; the same for every backend."""

from typing import Final

from evalkube_crds import columns
from evalkube_crds.names import Reason
from evalkube_crds.status import Run

__all__ = ["last_traceback", "reason_of"]

_TRACEBACK: Final = "Traceback (most recent call last):"


def reason_of(run: Run) -> tuple[Reason | None, str]:
    """The reason and message of the run's end, or of its last step."""
    step = columns.current(run.status.conditions)
    return (None, "") if step is None else (step.reason, step.message)


def last_traceback(log: str) -> str | None:
    """The last stack trace in a log; None if there is none."""
    start = log.rfind(_TRACEBACK)
    if start < 0:
        return None
    kept = [_TRACEBACK]
    for line in log[start:].splitlines()[1:]:
        kept.append(line)
        if line and not line[0].isspace():  # the exception itself ends its trace
            break
    return "\n".join(kept)
