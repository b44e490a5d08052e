"""Executes one run: reads its document, hands it to the core, and leaves a result, artifacts and always a receipt.

    python -m evalkube_runner.main --run run.json --artifacts DIR --control DIR [--secrets-stdin]

With ``--secrets-stdin`` the first line on stdin is a JSON object of secrets, and the end of stdin means that the
parent is gone: the runner then stops by itself, so that nothing is left running.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from evalkube_crds import problems, seed, summary
from evalkube_crds.names import EXIT_CODES, MAX_RECEIPT_BYTES, Kind, Reason
from evalkube_crds.results import EvalResult, PerfResult, Receipt
from evalkube_crds.status import EvalRun, PerfRun, Run
from evalkube_runner import deliver, logs
from evalkube_runner.context import RunContext
from evalkube_runner.errors import RunFailed
from evalkube_runner.redact import RedactingDelivery, Redactor
from evalkube_runner.settings import read_settings

__all__ = ["main"]

_LOG = logging.getLogger("evalkube.runner")
_ORPHAN_GRACE_S = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit code (``names.EXIT_CODES`` by the receipt's reason)."""
    options = _parse(arguments)
    secrets = json.loads(sys.stdin.buffer.readline() or b"{}") if options.secrets_stdin else {}
    redactor = Redactor(secrets.values())
    log = logs.start(redactor)
    try:
        run = _read_run(options.run)
    except RunFailed as failure:
        receipt = Receipt(run_id="unknown", shard=options.shard, reason=failure.reason, message=failure.message)
    else:
        logs.set_level(run.spec.debug)
        receipt = _execute(run, options, secrets, redactor, log)
    receipt = receipt.model_copy(update={"message": redactor.text(receipt.message)})
    (_LOG.info if receipt.reason is Reason.COMPLETED else _LOG.error)("%s: %s", receipt.reason, receipt.message)
    deliver.replace_file(options.control / "receipt.json", _fitting(receipt))
    return EXIT_CODES.get(receipt.reason, EXIT_CODES[Reason.INTERNAL_ERROR])


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="evalkube runner", description="Execute one run (started by the service or the operator)"
    )
    parser.add_argument("--run", type=Path, required=True, help="the run's document (EvalRun or PerfRun), JSON")
    parser.add_argument("--artifacts", type=Path, required=True, help="folder the artifacts go to")
    parser.add_argument("--control", type=Path, required=True, help="folder for progress, result and receipt")
    parser.add_argument("--cache", type=Path, help="folder data sets are kept in (default: EVALKUBE_CACHE)")
    parser.add_argument("--shard", type=int, default=0, help="index of this shard")
    parser.add_argument(
        "--secrets-stdin", action="store_true", help="read secrets as one JSON line from stdin; exit when it ends"
    )
    return parser.parse_args(arguments)


def _read_run(path: Path) -> Run:
    try:
        document = json.loads(path.read_bytes())
        model = EvalRun if document["kind"] == Kind.EVAL_RUN else PerfRun
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise RunFailed(Reason.INVALID_SPEC, f"{path} is not a run's document: {problem!r}") from None
    try:
        return EvalRun.model_validate(document) if model is EvalRun else PerfRun.model_validate(document)
    except ValidationError as error:
        found = problems.problems_of(error, model, camel=True)
        raise RunFailed(Reason.INVALID_SPEC, problems.sentence(found)) from None


def _execute(
    run: Run, options: argparse.Namespace, secrets: dict[str, str], redactor: Redactor, log: logs.Kept
) -> Receipt:
    settings = read_settings()
    pipeline = "eval" if isinstance(run, EvalRun) else "perf"
    earlier = Path(run.spec.use_cache) if isinstance(run, EvalRun) and run.spec.use_cache else None
    files = deliver.FileDelivery(options.artifacts, options.control, pipeline=pipeline, earlier=earlier)
    scratch = Path(tempfile.mkdtemp(prefix="evalkube-"))
    context = RunContext(
        run_id=run.metadata.name,
        delivery=RedactingDelivery(files, redactor),
        scratch=scratch,
        cache=options.cache or settings.cache,
        shard=options.shard,
        shards=run.spec.shards,
        api_key=secrets.get("api_key"),
        judge_api_key=secrets.get("judge_api_key"),
        hubs=settings.hubs,
        offline=settings.offline,
    )
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            receipt, result = runner.run(_supervise(run, context, watch_stdin=options.secrets_stdin, log=log))
        if result is not None:
            deliver.replace_file(options.control / "response.json", redactor.data(orjson.dumps(seed.response(result))))
        return receipt
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop  # not where only the receipt of a bad document is written

    return uvloop.new_event_loop()


_Outcome = tuple[Receipt, EvalResult | PerfResult | None]


async def _supervise(run: Run, context: RunContext, *, watch_stdin: bool, log: logs.Kept) -> _Outcome:
    """The receipt, however the run ends (by itself, by a signal, because its parent is gone), and any result."""
    work = asyncio.ensure_future(_work(run, context))
    loop = asyncio.get_running_loop()
    stopped_by: list[Reason] = []

    def stop(reason: Reason) -> None:
        stopped_by.append(reason)
        work.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, Reason.CANCELLED)
    if watch_stdin:
        _on_stdin_end(lambda: loop.call_soon_threadsafe(stop, Reason.INTERRUPTED))
    try:
        return await work
    except asyncio.CancelledError:
        reason = stopped_by[0] if stopped_by else Reason.INTERNAL_ERROR
        return _receipt(context, reason, _STOPPED.get(reason, "the run was stopped")), None
    except RunFailed as failure:
        return _receipt(context, failure.reason, failure.message), None
    except Exception as error:
        _LOG.exception("the runner failed")
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        message = f"a fault of evalkube's own: {type(error).__name__}: {error} ({place}); the log has the details"
        return _receipt(context, Reason.INTERNAL_ERROR, message), None
    finally:
        with contextlib.suppress(OSError):
            await context.delivery.put(_LOG_PATHS[type(run.spec).__name__], log.text().encode())


_LOG_PATHS = {"EvalRunSpec": "logs/eval_log.log", "PerfRunSpec": "benchmark.log"}
_STOPPED = {
    Reason.CANCELLED: "the run was cancelled",
    Reason.INTERRUPTED: "the service that ran it is gone; post the same request again to go on",
}


def _receipt(context: RunContext, reason: Reason, message: str, **more: Any) -> Receipt:
    return Receipt(run_id=context.run_id, shard=context.shard, reason=reason, message=message, **more)


async def _work(run: Run, context: RunContext) -> _Outcome:
    result = await _measure(run, context)
    await context.delivery.result(result)
    await _deliver_report(run, result, context)
    data = result.model_dump_json(by_alias=True).encode()
    total = summary.requested(result)
    receipt = _receipt(
        context,
        Reason.COMPLETED,
        _headline_text(result),
        done=total,
        total=total,
        headline=_headline(result),
        result_sha256=hashlib.sha256(data).hexdigest(),
        result_bytes=len(data),
    )
    return receipt, result


def _measure(run: Run, context: RunContext) -> Awaitable[EvalResult | PerfResult]:
    if isinstance(run, EvalRun):
        from evalkube_runner.eval.run import evaluate  # each kind loads only its own half

        return evaluate(run.spec, context)
    from evalkube_runner.perf.sweep import load_test

    return load_test(run.spec, context)


async def _deliver_report(run: Run, result: EvalResult | PerfResult, context: RunContext) -> None:
    from evalkube_runner.report import evidence, html

    if isinstance(result, EvalResult) and isinstance(run, EvalRun):
        samples = await evidence.sample_rows(result, context.delivery.get)
        page = await asyncio.to_thread(html.eval_report, result, spec=run.spec, samples=samples)
        await context.delivery.put("reports/report.html", page.encode())
    elif isinstance(result, PerfResult) and isinstance(run, PerfRun):
        page = await asyncio.to_thread(html.perf_report, result, spec=run.spec)
        await context.delivery.put("perf_report.html", page.encode())


_HEADLINE_FIGURES = 40


def _headline(result: EvalResult | PerfResult) -> dict[str, float]:
    return dict(list(summary.summary(result).items())[:_HEADLINE_FIGURES])


def _headline_text(result: EvalResult | PerfResult) -> str:
    shown = list(summary.summary(result).items())[:6]
    return ", ".join(f"{name} {value:.4g}" for name, value in shown) or "completed"


def _fitting(receipt: Receipt) -> bytes:
    """The receipt in at most ``MAX_RECEIPT_BYTES``: figures go first, then the end of the message."""
    data = receipt.model_dump_json(by_alias=True).encode()
    while len(data) > MAX_RECEIPT_BYTES:
        if receipt.headline:
            kept = dict(list(receipt.headline.items())[: len(receipt.headline) // 2])
            receipt = receipt.model_copy(update={"headline": kept})
        else:
            receipt = receipt.model_copy(update={"message": receipt.message[: len(receipt.message) * 3 // 4]})
        data = receipt.model_dump_json(by_alias=True).encode()
    return data


def _on_stdin_end(callback: Any) -> None:
    def wait() -> None:
        while os.read(0, 1 << 16):  # not the buffered stream: its lock would be held at the interpreter's end
            pass
        with contextlib.suppress(RuntimeError):  # the loop may be closed: the run ended first
            callback()
        threading.Event().wait(_ORPHAN_GRACE_S)
        os._exit(EXIT_CODES[Reason.INTERNAL_ERROR])

    threading.Thread(target=wait, name="stdin", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
