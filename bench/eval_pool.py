"""Time of an evaluation as the REST client sees it: `python bench/eval_pool.py [--items N] [--batch N]`.

The real service, its runner and a mock model that takes 0.3 s for every answer: 600 items at batch 32 need at least
19 rounds of 0.3 s. The bar is 1.1 times that, plus 1 s for the process, the data and the report. EvalScope takes 8.3 s
in its loop and 20 s in all.
"""

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

ROOMS = [str(Path(__file__).parents[1] / room) for room in ("crds", "runner", "api", "client", "cli", "mock")]


@contextlib.contextmanager
def program(*arguments: str) -> Iterator[str]:
    """`evalkube ARGUMENTS` as a process; gives the URL that its first line names."""
    command = [sys.executable, "-m", "evalkube_cli.main", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*ROOMS, os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            yield next(word for word in line.split() if word.startswith("http://"))
        finally:
            process.terminate()
            process.wait(timeout=20)


def write_data(folder: Path, items: int) -> None:
    """Sums in GSM8K's form, with four worked examples."""
    sums = [(at, at % 17) for at in range(items + 4)]
    rows = [{"question": f"What is {a} plus {b}?", "answer": f"{a} + {b} = {a + b}\n#### {a + b}"} for a, b in sums]
    for name, part in (("train", rows[:4]), ("test", rows[4:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))


def measure(options: argparse.Namespace) -> float:
    """Seconds from the request to its answer."""
    with (
        tempfile.TemporaryDirectory() as folder,
        program("mock-model", "--port", "0", "--latency-ms", str(options.latency_ms)) as model,
        program("service", "--host", "127.0.0.1", "--port", "0", "--outputs", folder, "--data", folder) as service,
    ):
        write_data(Path(folder), options.items)
        request = {
            "model": "mock",
            "api_url": model,
            "datasets": ["gsm8k"],
            "dataset_args": {"gsm8k": {"local_path": folder}},
            "eval_batch_size": options.batch,
        }
        begun = time.perf_counter()
        answer = httpx.post(f"{service}/api/v1/eval", json=request, timeout=600, trust_env=False)
        took_s = time.perf_counter() - begun
        answer.raise_for_status()
        report = answer.json()["result"]["gsm8k"]
        assert (report["scored"], report["errored"]) == (options.items, 0), report
        return took_s


def main() -> None:
    """Print the time beside the ideal and the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=600)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--latency-ms", type=float, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ideal_s = math.ceil(options.items / options.batch) * options.latency_ms / 1000
    bar_s = 1.1 * ideal_s + 1
    times = []
    for turn in range(options.rounds):
        times.append(measure(options))
        print(f"round {turn + 1}: {times[-1]:.2f} s")
    best, worst = min(times), max(times)
    print(
        f"{options.items} items of {options.latency_ms:g} ms at batch {options.batch}: {best:.2f} to {worst:.2f} s "
        f"over REST (ideal {ideal_s:.2f} s, bar {bar_s:.2f} s)"
    )
    raise SystemExit(worst > bar_s)


if __name__ == "__main__":
    main()
