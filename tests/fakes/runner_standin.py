"""A stand-in for the runner that speaks its command line and files, for the ways to end that a real one seldom shows.

    python runner_standin.py --run FILE --artifacts DIR --control DIR --scratch DIR --secrets-stdin

The run's model name says what to do: `ok`, `slow-<s>`, `held` (until its artifacts
have a file `go`), `huge`, `crash`, `killed`, `hang`, `stubborn`, `deaf`, `orphans`, `leak`,
`fail-<Reason>`, `nothing`, `trace`. Signals are as they should be before the first progress is told. Its
documents are written out by hand, because importing their models takes longer than most tests.
"""

import argparse
import gzip
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


def main() -> int:
    """Do what the model name says; returns the exit code."""
    options = _options()
    secrets = json.loads(sys.stdin.buffer.readline())
    run = json.loads(options.run.read_text())
    if run["spec"]["model"] != "deaf":
        threading.Thread(target=_end_with_parent, daemon=True).start()
    print(f"run {run['metadata']['name']} of {run['spec']['model']}", file=sys.stderr, flush=True)
    word, _, argument = run["spec"]["model"].partition("-")
    if word == "hang":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(_end(run, options, Reason.CANCELLED, "told to stop")))
    elif word in ("stubborn", "deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (options.scratch / "bodies").mkdir()
    (options.scratch / "bodies" / "0").write_text("rendered")
    (options.artifacts / "secrets-seen.txt").write_text(",".join(sorted(secrets)))
    _write(options.control / "progress.json", {"done": 1, "total": 4, "etaSeconds": 3.0, "stage": "gsm8k"})
    return _act(word, argument, run, options, secrets)


def _act(word: str, argument: str, run: dict[str, Any], options: argparse.Namespace, secrets: dict[str, str]) -> int:
    match word:
        case "crash":
            print("the last words of a runner", file=sys.stderr)
            os._exit(3)
        case "leak":
            print(f"Authorization: Bearer {secrets.get('api_key')}", file=sys.stderr, flush=True)
            os._exit(3)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang" | "stubborn" | "deaf":
            _write(options.artifacts / "waiting.pid", os.getpid())
            while True:
                time.sleep(60)
        case "orphans":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
            (options.artifacts / "child.pid").write_text(str(child.pid))
        case "fail":
            return _end(run, options, Reason(argument), f"made to fail with {argument}")
        case "trace":
            print("Traceback (most recent call last):\n  File x\nValueError: the cause", file=sys.stderr)
            return _end(run, options, Reason.INTERNAL_ERROR, "ValueError: the cause")
        case "held":
            while not (options.artifacts / "go").exists():
                time.sleep(0.02)
        case "slow":
            time.sleep(float(argument or 0.3))
        case "nothing":
            return _end(run, options, Reason.COMPLETED, "done")
    return _succeed(run, options, 200_000 if word == "huge" else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("--run", "--artifacts", "--control", "--scratch"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--secrets-stdin", action="store_true")
    parser.add_argument("--readable", type=Path, action="append")
    parser.add_argument("--closed", type=Path, action="append")
    return parser.parse_args()


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)


def _succeed(run: dict[str, Any], options: argparse.Namespace, size: int) -> int:
    """One item of gsm8k, or one request at the first point, all well."""
    result: dict[str, Any] = {"runId": run["metadata"]["name"], "model": run["spec"]["model"]}
    if run["kind"] == "EvalRun":
        score = {"mean_acc": {"count": 1, "totalNano": 10**9}}
        subset = {"name": "main", "metrics": score, "requested": 1, "scored": 1}
        shown = {"name": "gsm8k", "prettyName": "GSM8K", "description": "", "mainMetric": "mean_acc"}
        result |= {"kind": "EvalResult", "datasets": [{**shown, "subsets": [subset]}]}
        shape: dict[str, Any] = {"gsm8k": {"score": 1.0, "padding": ["0123456789"] * size}}
    else:
        point = f"parallel_{run['spec']['parallel'][0]}_number_{run['spec']['number'][0]}"
        result |= {"kind": "PerfResult", "points": [{"name": point, "number": 1, "succeeded": 1}]}
        shape = {point: {"metrics": {"Total requests": 1}, "percentiles": {"Percentiles": ["50%"]}}}
    (options.artifacts / "report.html").write_text("<script>1</script>")
    (options.artifacts / "rows.jsonl.gz").write_bytes(gzip.compress(b'{"index":0}\n'))
    _write(options.control / "result.json", result)
    kept = options.artifacts / ("reports/result.json" if run["kind"] == "EvalRun" else "perf_result.json")
    kept.parent.mkdir(exist_ok=True)
    _write(kept, result)
    _write(options.control / "response.json", shape)
    return _end(run, options, Reason.COMPLETED, "all well")


def _end(run: dict[str, Any], options: argparse.Namespace, reason: Reason, message: str) -> int:
    done = 4 if reason is Reason.COMPLETED else 1
    receipt = {"runId": run["metadata"]["name"], "reason": reason, "message": message, "done": done, "total": 4}
    _write(options.control / "receipt.json", receipt)
    return EXIT_CODES[reason]


def _write(path: Path, document: Any) -> None:
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(document))
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
