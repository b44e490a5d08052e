"""Runs one run to its end, whatever that is, and reports it in a receipt.

A run ends by itself, by a fault, by a signal, or because its parent is gone. In every case what is finished has been
delivered, the log becomes an artifact, and there is a receipt.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import signal
import threading
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from evalkube_crds import storage, summary
from evalkube_crds.names import EXIT_CODES, Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.progress import REPORTING, at_end
from evalkube_crds.results import EvalResult, PerfResult, Progress, Receipt
from evalkube_crds.status import EvalRun, Run
from evalkube_runner import logs
from evalkube_runner.context import RunContext
from evalkube_runner.deliver import Whole
from evalkube_runner.errors import RunFailed, TargetFailed
from evalkube_runner.redact import Redactor

__all__ = ["supervise"]

_LOG = logging.getLogger("evalkube.runner")
_ORPHAN_GRACE_S: Final = 5.0
_LAST_WORDS_S: Final = 5.0
"""A runner that was told to stop does not wait for an ingest that may have closed its attempt already."""
_HEADLINE_FIGURES: Final = 40
_LOG_PATHS: Final = {"EvalRunSpec": "logs/eval_log.log", "PerfRunSpec": "benchmark.log"}
_STOPPED: Final = {
    Reason.CANCELLED: "the run was cancelled",
    Reason.INTERRUPTED: "the service that ran it is gone; post the same request again to go on",
}


async def supervise(run: Run, context: RunContext, redactor: Redactor, *, watch_stdin: bool, log: logs.Kept) -> Receipt:
    """The receipt of this shard. With `watch_stdin` the end of stdin stops the run: its parent is gone."""
    work = asyncio.ensure_future(_work(run, context, redactor))
    loop = asyncio.get_running_loop()
    stopped_by: list[Reason] = []

    def stop(reason: Reason) -> None:
        stopped_by.append(reason)
        work.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, Reason.CANCELLED)
    if watch_stdin:
        _on_stdin_end(lambda: loop.call_soon_threadsafe(stop, Reason.INTERRUPTED))
    completed = False
    try:
        receipt = await work
        completed = receipt.reason is Reason.COMPLETED
        return receipt
    except asyncio.CancelledError:
        reason = stopped_by[0] if stopped_by else Reason.INTERNAL_ERROR
        return _receipt(context, reason, _STOPPED.get(reason, "the run was stopped"))
    except RunFailed as failure:
        return _receipt(context, failure.reason, failure.message)
    except Exception as error:
        if isinstance(error, OSError) and storage.is_full(error):
            return _receipt(context, Reason.STORE_FULL, f"no room is left: {storage.words_of(error)}")
        _LOG.exception("the runner failed")
        return _receipt(context, Reason.INTERNAL_ERROR, _fault(error))
    finally:
        with contextlib.suppress(OSError, RunFailed):
            async with asyncio.timeout(_LAST_WORDS_S if stopped_by else None):
                await context.delivery.progress(Progress(), state="completed" if completed else "error")
                await context.delivery.put(_LOG_PATHS[type(run.spec).__name__], log.text().encode())


def _fault(error: Exception) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(where.filename).name}:{where.lineno}"
    return f"a fault of evalkube's own: {type(error).__name__}: {error} ({place}); the log has the details"


def _receipt(context: RunContext, reason: Reason, message: str, **more: Any) -> Receipt:
    return Receipt(run_id=context.run_id, shard=context.shard, reason=reason, message=message, **more)


async def _work(run: Run, context: RunContext, redactor: Redactor) -> Receipt:
    try:
        measured = await _measure(run, context)
    except TargetFailed as failure:
        failed = redactor.document(failure.result)
        await _report(run, failed, await context.delivery.result(failed), context, redactor)
        raise
    result = redactor.document(measured)  # before it is hashed: the digest is of what is delivered
    total = summary.requested(result)
    figures = summary.summary(result)
    told = {"done": total, "total": total, "headline": dict(list(figures.items())[:_HEADLINE_FIGURES])}
    try:
        whole = await context.delivery.result(result)
    except RunFailed as failure:
        if failure.reason not in (Reason.STORE_FULL, Reason.STORE_FAILED):
            raise
        message = f"{failure.message}; all that is left of the result: {summary.headline(result, figures)}"
        return _receipt(context, failure.reason, message, **told)
    reported = await _report(run, result, whole, context, redactor)
    await context.delivery.progress(at_end(None, total))
    data = result.model_dump_json(by_alias=True).encode()
    return _receipt(
        context,
        Reason.COMPLETED,
        summary.headline(result, figures),
        **told,
        result_sha256=hashlib.sha256(data).hexdigest(),
        result_bytes=len(data),
        artifacts=reported,
    )


def _measure(run: Run, context: RunContext) -> Awaitable[EvalResult | PerfResult]:
    if isinstance(run, EvalRun):
        from evalkube_runner.eval.run import evaluate  # each kind loads only its own half

        return evaluate(run.spec, context)
    return _load_test(run.spec, context)


async def _load_test(spec: PerfRunSpec, context: RunContext) -> PerfResult:
    from evalkube_runner.perf.processes import Processes

    async with Processes() as processes:
        await processes.ahead(1)  # it loads its modules while this process does
        from evalkube_runner.perf.sweep import load_test

        return await load_test(spec, context, processes)


async def _report(
    run: Run, result: EvalResult | PerfResult, whole: Whole | None, context: RunContext, redactor: Redactor
) -> bool:
    """Whether the reports that are this shard's to make are where they belong; a part of a run has none. What was
    measured stands, and is not measured again, because no page could be made of it.
    """
    from evalkube_runner import reporting  # pages are made at the end, if at all

    await context.delivery.progress(Progress(stage=REPORTING))

    run = run.model_copy(update={"spec": redactor.document(run.spec)})
    try:
        if context.shards == 1:
            await reporting.report(run, result, context.delivery, context.scratch)
        elif whole is not None:
            await reporting.report_whole(run, whole, context, redactor)
    except RunFailed as failure:
        _LOG.error("the run has no report: %s", failure.message)
        return False
    except Exception:
        _LOG.exception("the run has no report: it could not be made of what was delivered")
        return False
    return True


def _on_stdin_end(callback: Callable[[], object]) -> None:
    def wait() -> None:
        while os.read(0, 1 << 16):  # not the buffered stream: its lock would be held at the interpreter's end
            pass
        with contextlib.suppress(RuntimeError):  # the loop may be closed: the run ended first
            callback()
        threading.Event().wait(_ORPHAN_GRACE_S)
        os._exit(EXIT_CODES[Reason.INTERNAL_ERROR])

    threading.Thread(target=wait, name="stdin", daemon=True).start()
