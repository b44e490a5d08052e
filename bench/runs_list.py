"""Prints how long a page of the list of runs takes, on one machine and over a cluster: the whole answer over HTTP, the
median and the slowest of many.

    PYTHONPATH=tests python bench/runs_list.py [--runs 1000 10000] [--times 30]

The runs are a load test's, with the summary of a sweep over five loads, and evaluations', with that of three data sets;
one in ten has failed. The service is a process of its own. The API server is the tests' one, over real HTTP.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from evalkube_api.local.store import RunStore
from evalkube_crds.status import EvalRun, PerfRun
from fakes.api_server import ApiServer, running_api_server
from fakes.service import Service, running_service

_START = datetime(2026, 1, 1, tzinfo=UTC)
_LOADS = (1, 2, 4, 8, 16)
_FIGURES = [
    *("success_rate", "rps", "output_tps", "total_tps"),
    *(f"{time}_{of}_s" for time in ("latency", "ttft", "tpot", "itl") for of in ("mean", "p50", "p90", "p95", "p99")),
]
_QUERIES = {
    "the newest": "",
    "page 100 of them": "?page=100&limit=10",
    "by tag": "?tag=team%3Dsearch",
    "text": "?q=model-7",
    "failed, sorted by score": "?phase=Failed&sort=score",
    "fastest": "?sort=rps",
    "500 at once": "?limit=500",
}


def _document(number: int) -> dict[str, Any]:
    """The resource of one run that has ended."""
    at = _START + timedelta(seconds=number)
    perf = number % 2 == 1
    name = f"{'perf' if perf else 'eval'}-{at:%Y%m%dt%H%M%S}000-{number:08d}"
    spec: dict[str, Any] = {"model": f"model-{number % 20}"}
    address = "http://127.0.0.1:9/v1"
    spec |= (
        {"url": f"{address}/chat/completions"} if perf else {"apiUrl": address, "datasets": ["gsm8k", "iquiz", "mmlu"]}
    )
    labels = {"tags.evalkube.io/team": ("search", "ads")[number % 2], "tags.evalkube.io/build": str(number)}
    metadata = {"name": name, "uid": f"u-{number}", "creationTimestamp": at.isoformat(), "labels": labels}
    return {
        "apiVersion": "evalkube.io/v1alpha1",
        "kind": "PerfRun" if perf else "EvalRun",
        "metadata": metadata,
        "spec": spec,
        "status": _status(at, perf, failed=number % 10 == 0),
    }


def _status(at: datetime, perf: bool, *, failed: bool) -> dict[str, Any]:
    begun, ended = at.isoformat(), (at + timedelta(seconds=90)).isoformat()
    conditions = [
        {"type": kind, "status": "True", "reason": "Started", "message": "", "lastTransitionTime": begun}
        for kind in ("Accepted", "JobCreated", "Running", "ResultsCollected")
    ]
    reason, value = ("TargetUnreachable", "False") if failed else ("Completed", "True")
    end = {"type": "Succeeded", "status": value, "reason": reason, "message": "words " * 8, "lastTransitionTime": ended}
    return {
        "phase": "Failed" if failed else "Succeeded",
        "conditions": [*conditions, end],
        "progress": {"done": 100, "total": 100, "failed": 3},
        "columns": {"verdict": "valid"} if perf else {},
        "summary": {} if failed else _summary(perf),
        "startTime": begun,
        "completionTime": ended,
        "outputDir": "/outputs/x",
    }


def _summary(perf: bool) -> dict[str, float]:
    if perf:
        return {"rps": 16.0, **{f"parallel_{n}_number_100/{name}": n / 7 for n in _LOADS for name in _FIGURES}}
    scores = {f"{one}/{name}": 0.5 for one in ("gsm8k", "iquiz", "mmlu") for name in ("mean_acc", "scored", "errored")}
    return {"score": 0.5, **scores, "score_low": 0.4, "score_high": 0.6}


@contextmanager
def _on_one_machine(count: int, folder: Path) -> Iterator[tuple[Service, float]]:
    """The service over so many documents on the disk, and how long it took to start, in seconds."""
    store = RunStore(folder / "outputs" / ".evalkube")
    for number in range(count):
        raw = _document(number)
        model = PerfRun if raw["kind"] == "PerfRun" else EvalRun
        run = model.model_validate(raw)
        (store.folder(run.metadata.name)).mkdir()
        (store.folder(run.metadata.name) / "run.json").write_text(run.model_dump_json(by_alias=True))
    began = time.monotonic()
    with running_service(folder / "outputs") as service:
        yield service, time.monotonic() - began


@contextmanager
def _over_a_cluster(count: int, folder: Path) -> Iterator[tuple[Service, float]]:
    """The same over so many resources of an API server, which is a process of its own."""
    command = [sys.executable, __file__, "--role", "api-server", "--runs", str(count), "--folder", str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        began = time.monotonic()
        os.environ["KUBECONFIG"] = str(folder / "kubeconfig")
        with running_service(folder / "outputs", backend="kubernetes", namespace="evals") as service:
            yield service, time.monotonic() - began
    finally:
        process.terminate()
        process.wait()


def _serve_runs(count: int, folder: Path) -> None:
    """Role of a process: an API server with so many runs, until its stdin ends."""
    with running_api_server() as server:
        _fill(server, count)
        server.kubeconfig(folder / "kubeconfig")
        print("ready", flush=True)
        sys.stdin.read()


def _fill(server: ApiServer, count: int) -> None:
    for number in range(count):
        raw = _document(number)
        server.put("perfruns" if raw["kind"] == "PerfRun" else "evalruns", raw)


def _memory_mb(pid: int) -> float:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return int(fields["VmRSS"].split()[0]) / 1024


def _took_ms(client: httpx.Client, query: str, times: int) -> tuple[list[float], int]:
    took, size = [], 0
    for _ in range(times):
        began = time.monotonic()
        response = client.get(f"/api/v1/runs{query}")
        took.append(1000 * (time.monotonic() - began))
        response.raise_for_status()
        size = len(response.content)
    return took, size


def _measured(name: str, count: int, service: Service, started_s: float, times: int) -> None:
    memory = _memory_mb(service.process.pid)
    print(f"\n{name}, {count} runs: started in {started_s:.1f} s, {memory:.0f} MB")
    print(f"  {'page':28} {'median':>9} {'slowest':>9} {'size':>9}")
    for words, query in _QUERIES.items():
        took, size = _took_ms(service.client, query, times)
        print(f"  {words:28} {statistics.median(took):6.1f} ms {max(took):6.1f} ms {size / 1024:6.0f} KB")


def main() -> None:
    """Each backend with each number of runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--role", choices=["api-server"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role:
        _serve_runs(given.runs[0], given.folder)
        return
    for count in given.runs:
        for name, opened in (("one machine", _on_one_machine), ("a cluster", _over_a_cluster)):
            with tempfile.TemporaryDirectory() as folder, opened(count, Path(folder)) as (service, started_s):
                _measured(name, count, service, started_s, given.times)


if __name__ == "__main__":
    main()
