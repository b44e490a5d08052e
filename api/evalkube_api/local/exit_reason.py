"""The outcome of a runner: one reason and one message from its receipt, exit code, log and request to end. Pure."""

import signal
from typing import Final

from evalkube_api.local.run_document import Ending
from evalkube_crds.names import EXIT_CODES, Reason
from evalkube_crds.progress import advanced, at_end, cut_short
from evalkube_crds.results import Progress, Receipt

__all__ = ["interrupted", "outcome"]

_TAIL_LINES: Final = 12
_TAIL_CHARS: Final = 2000

_STORE: Final = {EXIT_CODES[reason]: reason for reason in (Reason.STORE_FULL, Reason.STORE_FAILED)}
_AGAIN: Final = "post the same request again to go on where it stopped"
_ASKED: Final = {
    Reason.CANCELLED: "the run was cancelled",
    Reason.INTERRUPTED: f"the service was stopped before the run ended; {_AGAIN}",
}


def outcome(receipt: Receipt | None, exit_code: int, asked: Reason | None, log: str, seen: Progress | None) -> Ending:
    """How the run ended. `exit_code` is negative for a signal. `asked`: why the service ended the run, if it did.

    A result that was complete first wins over a request to end. `log`: the end of the runner's output. `seen`: the last
    progress that it reported.
    """
    progress = _progress(receipt, seen)
    if receipt is not None and receipt.reason is Reason.COMPLETED:
        return Ending(Reason.COMPLETED, receipt.message, exit_code, progress)
    if asked is not None:
        return Ending(asked, _ASKED[asked], exit_code, progress)
    if receipt is None:
        return Ending(*_without_receipt(exit_code, log), exit_code, progress)
    if receipt.reason in (Reason.CANCELLED, Reason.INTERRUPTED):
        message = f"the runner was ended from outside the service; {_AGAIN}"
        return Ending(Reason.RUNNER_KILLED, message, exit_code, progress)
    return Ending(receipt.reason, receipt.message, exit_code, progress, receipt.headline)


def interrupted(receipt: Receipt | None, seen: Progress | None, *, cancelled: bool) -> Ending:
    """How a run of an earlier service ended: as its runner recorded, if the runner ended by itself; else it was
    interrupted.
    """
    if receipt is not None and receipt.reason not in (Reason.CANCELLED, Reason.INTERRUPTED):
        return Ending(receipt.reason, receipt.message, None, _progress(receipt, seen), receipt.headline)
    if cancelled:
        return Ending(Reason.CANCELLED, _ASKED[Reason.CANCELLED], None, seen)
    return Ending(Reason.INTERRUPTED, f"the service ended while the run was unfinished; {_AGAIN}", None, seen)


def _progress(receipt: Receipt | None, seen: Progress | None) -> Progress | None:
    if receipt is None or not receipt.total:
        return cut_short(seen)
    if receipt.done >= receipt.total:
        return at_end(seen, receipt.total)
    return cut_short(advanced(seen, Progress(done=receipt.done, total=receipt.total)))


def _without_receipt(exit_code: int, log: str) -> tuple[Reason, str]:
    lines = "\n".join(log.splitlines()[-_TAIL_LINES:])[-_TAIL_CHARS:].strip()
    last = f"; the end of its log:\n{lines}" if lines else "; its log is empty"
    if exit_code in _STORE:
        return _STORE[exit_code], f"neither the results nor the receipt of the run could be written{last}"
    if exit_code >= 0:
        return Reason.RUNNER_CRASHED, f"the runner ended with exit code {exit_code} and no receipt{last}"
    hint = " (often the kernel, when memory runs out)" if -exit_code == signal.SIGKILL else ""
    return Reason.RUNNER_KILLED, f"the runner was killed by {_signal_name(-exit_code)}{hint}{last}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
