"""A stand-in for the runner that speaks its command line and files, for the ways to end that a real one seldom shows.

    python runner_standin.py --run FILE --artifacts DIR --control DIR [--earlier DIR] --secrets-stdin

The run's model name says what to do: ``ok``, ``slow-<s>``, ``huge``, ``crash``, ``killed``, ``hang``, ``stubborn``,
``orphans``, ``leak``, ``fail-<Reason>``, ``nothing``, ``trace``. Writes only what it is told to, like the real one.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from evalkube_crds.names import EXIT_CODES, Reason
from evalkube_crds.results import (
    DatasetResult,
    EvalResult,
    PerfPoint,
    PerfResult,
    Progress,
    Receipt,
    ScoreSum,
    SubsetResult,
)


def main() -> int:
    """Do what the model name says; returns the exit code."""
    options = _options()
    secrets = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    run = json.loads(options.run.read_text())
    print(f"run {run['metadata']['name']} of {run['spec']['model']}", file=sys.stderr, flush=True)
    (options.artifacts / "secrets-seen.txt").write_text(",".join(sorted(secrets)))
    _write(options.control / "progress.json", Progress(done=1, total=4, eta_seconds=3.0, stage="gsm8k"))
    word, _, argument = run["spec"]["model"].partition("-")
    return _act(word, argument, run, options, secrets)


def _act(word: str, argument: str, run: dict[str, Any], options: argparse.Namespace, secrets: dict[str, str]) -> int:
    match word:
        case "crash":
            print("the last words of a runner", file=sys.stderr)
            os._exit(3)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(_end(run, options, Reason.CANCELLED, "told to stop")))
            _wait_for_ever(options)
        case "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            _wait_for_ever(options)
        case "orphans":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
            (options.artifacts / "child.pid").write_text(str(child.pid))
        case "leak":
            print(f"Authorization: Bearer {secrets.get('api_key')}", file=sys.stderr, flush=True)
            return _end(
                run, options, Reason.AUTHENTICATION_FAILED, f"401: the key {secrets.get('api_key')} is not known"
            )
        case "fail":
            return _end(run, options, Reason(argument), f"made to fail with {argument}")
        case "trace":
            print("Traceback (most recent call last):\n  File x\nValueError: the cause", file=sys.stderr)
            return _end(run, options, Reason.INTERNAL_ERROR, "ValueError: the cause")
        case "slow":
            time.sleep(float(argument or 0.3))
        case "nothing":
            return _end(run, options, Reason.COMPLETED, "done")
    return _succeed(run, options, 200_000 if word == "huge" else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("--run", "--artifacts", "--control", "--earlier"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--secrets-stdin", action="store_true")
    return parser.parse_args()


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)


def _wait_for_ever(options: argparse.Namespace) -> None:
    (options.artifacts / "waiting.pid").write_text(str(os.getpid()))
    while True:
        time.sleep(60)


def _succeed(run: dict[str, Any], options: argparse.Namespace, size: int) -> int:
    """One item of gsm8k, or one request at the first point, all well."""
    name, model = run["metadata"]["name"], run["spec"]["model"]
    (options.artifacts / "report.html").write_text("<script>1</script>")
    result: EvalResult | PerfResult
    shape: dict[str, Any]
    if run["kind"] == "EvalRun":
        subset = SubsetResult(
            name="main", metrics={"mean_acc": ScoreSum(count=1, total_nano=10**9)}, requested=1, scored=1
        )
        gsm8k = DatasetResult(
            name="gsm8k", pretty_name="GSM8K", description="", main_metric="mean_acc", subsets=[subset]
        )
        result = EvalResult(run_id=name, model=model, datasets=[gsm8k])
        shape = {"gsm8k": {"score": 1.0, "padding": ["0123456789"] * size}}
    else:
        point = f"parallel_{run['spec']['parallel'][0]}_number_{run['spec']['number'][0]}"
        result = PerfResult(run_id=name, model=model, points=[PerfPoint(name=point, number=1, succeeded=1)])
        shape = {point: {"metrics": {"Total requests": 1}, "percentiles": {"Percentiles": ["50%"]}}}
    _write(options.control / "result.json", result)
    (options.control / "response.json").write_text(json.dumps(shape))
    return _end(run, options, Reason.COMPLETED, "all well")


def _end(run: dict[str, Any], options: argparse.Namespace, reason: Reason, message: str) -> int:
    done = 4 if reason is Reason.COMPLETED else 1
    _write(
        options.control / "receipt.json",
        Receipt(run_id=run["metadata"]["name"], reason=reason, message=message, done=done, total=4),
    )
    return EXIT_CODES[reason]


def _write(path: Path, document: Any) -> None:
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(document.model_dump_json(by_alias=True))
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
