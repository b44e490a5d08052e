"""One load on a real vLLM from us and from peers, in turns: `python bench/perf_peers.py --url URL --model NAME`.

Prints what each client reports beside what the server's own histograms say of the same requests: the means of TTFT, ITL
and latency, client minus server, with throughput and the client's CPU. Peers are found on PATH or named
(`--vllm-bench`, `--guidellm`, `--evalscope`); one that is missing is told and left out. `--busy N` does the
same beside N busy loops. The server must have nothing else to do: its histograms do not say whose requests they count.

Its histograms begin when it has read and checked a request, and end when its engine hands a token over. What its HTTP
takes before and after that no client can tell from the answer; `http` is the server's own account of it: the mean of
its HTTP durations minus that of its latencies.
"""

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import perf_run
from perf_truth import busy
from prometheus_client.parser import text_string_to_metric_families

TTFT_BAR, ITL_BAR = 0.02, 0.01
HISTOGRAMS = {
    "ttft": ("vllm:time_to_first_token_seconds",),
    "itl": ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"),
    "latency": ("vllm:e2e_request_latency_seconds",),
    "http": ("http_request_duration_highr_seconds",),
}
AT_WORK = ("vllm:num_requests_running", "vllm:num_requests_waiting")
WORDS = (
    "river",
    "house",
    "long",
    "bright",
    "winter",
    "field",
    "machine",
    "tall",
    "garden",
    "reads",
    "seven",
    "letters",
)


@dataclass(frozen=True)
class Load:
    """What is sent, the same by every client."""

    url: str
    model: str
    number: int
    parallel: int
    words: int
    tokens: int
    tokenizer: str | None

    @property
    def root(self) -> str:
        """Where the server's own pages are."""
        return self.url.rstrip("/").removesuffix("/v1")

    def prompts(self, seed: float) -> Iterator[dict[str, Any]]:
        """Of nobody else, so that no cache of prefixes knows them; under the names that the tools look for."""
        chance = random.Random(seed)
        for _ in range(self.number):
            text = " ".join(chance.choices(WORDS, k=self.words))
            yield {"prompt": text, "question": text, "output_tokens_count": self.tokens}


@dataclass(frozen=True)
class Seen:
    """What a client reports: means in ms."""

    ttft: float
    itl: float
    latency: float
    requests: int
    per_s: float
    told: str = ""


@dataclass(frozen=True)
class Peer:
    """Another load generator: how it is called, and where it leaves its figures."""

    command: Callable[[str, Load, Path], list[str]]
    read: Callable[[Path], Seen]


def _vllm(program: str, load: Load, folder: Path) -> list[str]:
    command = f"{program} bench serve --backend openai-chat --base-url {load.root} --endpoint /v1/chat/completions"
    command += f" --model {load.model} --dataset-name custom --dataset-path {folder}/prompts.jsonl --skip-chat-template"
    command += f" --custom-output-len {load.tokens} --num-prompts {load.number} --max-concurrency {load.parallel}"
    command += " --ignore-eos --temperature 1 --ready-check-timeout-sec 0 --disable-tqdm"
    command += f" --percentile-metrics ttft,itl,e2el --save-result --result-dir {folder} --result-filename vllm.json"
    return [*command.split(), "--tokenizer", load.tokenizer or load.model]


def _read_vllm(folder: Path) -> Seen:
    found = json.loads((folder / "vllm.json").read_text())
    ttft, itl, latency = (found[f"mean_{name}_ms"] for name in ("ttft", "itl", "e2el"))
    return Seen(ttft, itl, latency, found["completed"], found["request_throughput"])


def _guidellm(program: str, load: Load, folder: Path) -> list[str]:
    command = f"{program} run --backend kind=openai_http,target={load.root},model={load.model}"
    command += f" --profile kind=concurrent,streams={load.parallel} --constraint kind=max_requests,count={load.number}"
    command += f" --data kind=json_file,path={folder}/prompts.jsonl --disable-console"
    return [*command.split(), "--output", f"kind=json,path={folder}/guidellm.json"]


def _read_guidellm(folder: Path) -> Seen:
    found = json.loads((folder / "guidellm.json").read_text())["benchmarks"][0]["metrics"]
    ttft, itl, latency, per_s = (
        found[name]["successful"]["mean"]
        for name in ("time_to_first_token_ms", "inter_token_latency_ms", "request_latency", "requests_per_second")
    )
    return Seen(ttft, itl, latency * 1e3, found["request_totals"]["successful"], per_s)


def _evalscope(program: str, load: Load, folder: Path) -> list[str]:
    command = f"{program} perf --api openai --url {load.root}/v1/chat/completions --model {load.model}"
    command += f" --dataset openqa --dataset-path {folder}/prompts.jsonl --number {load.number}"
    command += f" --parallel {load.parallel} --max-tokens {load.tokens} --temperature 1 --stream --no-test-connection"
    return [*f"{command} --outputs-dir {folder}/evalscope".split(), "--extra-args", '{"ignore_eos": true}']


def _read_evalscope(folder: Path) -> Seen:
    (place,) = (folder / "evalscope").rglob("benchmark_summary.json")
    found = json.loads(place.read_text())
    ttft, itl, latency_s = (found[name] for name in ("Avg TTFT (ms)", "Avg ITL (ms)", "Avg Latency (s)"))
    return Seen(ttft, itl, latency_s * 1e3, found["Success Requests"], found["Req Throughput (req/s)"])


PEERS = {
    "vllm-bench": Peer(_vllm, _read_vllm),
    "guidellm": Peer(_guidellm, _read_guidellm),
    "evalscope": Peer(_evalscope, _read_evalscope),
}


def ours(load: Load, folder: Path, more: dict[str, Any]) -> tuple[Seen, float]:
    """Our own report, and our CPU seconds."""
    spec: dict[str, Any] = {"number": [load.number], "parallel": [load.parallel], "maxTokens": [load.tokens]}
    spec |= {"dataset": "openqa", "dataSource": "local", "datasetPath": f"{folder}/prompts.jsonl", "temperature": 1.0}
    spec |= {
        "url": load.url,
        "model": load.model,
        "extraArgs": {"ignore_eos": True, "seed": None},
        "noTestConnection": True,
    }
    from evalkube_crds import figures, server_view
    from evalkube_crds.perf_point import PerfPoint

    with perf_run.run("", readable=folder, **(spec | more)) as ran:
        point = PerfPoint.model_validate(ran.result["points"][0])
    ttft, itl, latency = (1e3 * (of.value(point, None) or 0.0) for of in (figures.TTFT, figures.ITL, figures.LATENCY))
    told = f"{point.verdict}, times by {', '.join(point.clocks)}"
    told += "".join(
        f", its report: {name} {value * 1e3:+.2f} ms"
        for name, value in server_view.figures(point).items()
        if name in ("server_ttft_difference_s", "server_itl_difference_s")
    )
    return Seen(ttft, itl, latency, point.succeeded, figures.RPS.of(point) or 0.0, told), ran.cpu_s


def theirs(peer: Peer, program: str, load: Load, folder: Path) -> tuple[Seen, float]:
    """A peer's report, and its CPU seconds with those of all its processes."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            peer.command(program, load, folder), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{program} ended with {process.returncode}:\n{(folder / 'log').read_text()[-2000:]}")
    return peer.read(folder), usage.ru_utime + usage.ru_stime


def server(root: str) -> dict[str, tuple[float, float]]:
    """Sum and count of each of the server's histograms, once it has nothing to do."""
    while True:
        with urllib.request.urlopen(f"{root}/metrics") as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        samples = [sample for family in families for sample in family.samples]
        if not sum(sample.value for sample in samples if sample.name in AT_WORK):
            break
        time.sleep(0.2)
    totals: dict[str, float] = {}
    for sample in samples:
        totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    found = {}
    for figure, names in HISTOGRAMS.items():
        name = next((name for name in names if f"{name}_sum" in totals), None)
        found[figure] = (totals[f"{name}_sum"], totals[f"{name}_count"]) if name else (0.0, 0.0)
    return found


@dataclass(frozen=True)
class Line:
    """One load: a client's report, and the server's means of it in ms."""

    client: str
    seen: Seen
    server: dict[str, float]
    counted: int
    cpu_s: float

    def off(self, figure: str) -> float:
        """By what share the client's mean is more than the server's."""
        return float(getattr(self.seen, figure) / self.server[figure] - 1)

    @property
    def http(self) -> float:
        """What the server's HTTP takes of a request beside its histograms, by its own account; in ms."""
        return self.server["http"] - self.server["latency"]

    def __str__(self) -> str:
        parts = [f"{self.client:11}"]
        for figure in ("ttft", "itl", "latency"):
            mine, its = getattr(self.seen, figure), self.server[figure]
            parts.append(f"{figure} {mine:8.2f} {its:8.2f} {mine - its:+7.2f} {self.off(figure):+7.1%}")
        parts.append(f"http {self.http:+6.2f}")
        parts.append(
            f"{self.seen.per_s:6.2f}/s CPU {self.cpu_s:5.1f} s  {self.seen.requests} of {self.counted} requests"
        )
        return "  ".join(parts) + (f"  {self.seen.told}" if self.seen.told else "")


def measured(client: str, run: Callable[[Path], tuple[Seen, float]], load: Load) -> Line:
    """One client's load, between two looks at the server's histograms."""
    with tempfile.TemporaryDirectory(prefix="evalkube-peers-") as name:
        folder = Path(name)
        rows = (json.dumps(row) + "\n" for row in load.prompts(time.time()))
        (folder / "prompts.jsonl").write_text("".join(rows))
        before = server(load.root)
        seen, cpu_s = run(folder)
        after = server(load.root)
    counts = {figure: after[figure][1] - before[figure][1] for figure in HISTOGRAMS}
    means = {
        figure: (after[figure][0] - before[figure][0]) / counts[figure] * 1e3 if counts[figure] else float("nan")
        for figure in HISTOGRAMS
    }
    return Line(client, seen, means, round(counts["ttft"]), cpu_s)


def warmed(load: Load) -> None:
    """Let the server have a few requests of this length: its first ones are slow."""
    asked = {"model": load.model, "max_tokens": 4, "prompt": next(load.prompts(time.time()))["prompt"]}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{load.root}/v1/completions", json.dumps(asked).encode(), headers)
    for _ in range(3):
        try:
            urllib.request.urlopen(request).close()
        except OSError as problem:
            raise SystemExit(f"{request.full_url}: {problem}; is the server up, and its model {load.model}?") from None


def clients(
    options: argparse.Namespace, load: Load, more: dict[str, Any]
) -> dict[str, Callable[[Path], tuple[Seen, float]]]:
    """Those that are here, and how each is run; tells which are missing."""
    found: dict[str, Callable[[Path], tuple[Seen, float]]] = {"evalkube": lambda folder: ours(load, folder, more)}
    for name, peer in PEERS.items():
        named = getattr(options, name.replace("-", "_"))
        program = shutil.which(named or {"vllm-bench": "vllm"}.get(name, name))
        if program is None:
            print(f"{name} is not here" + (f" ({named})" if named else f"; name it by --{name}"))
        else:
            found[name] = lambda folder, peer=peer, program=program: theirs(peer, program, load, folder)  # type: ignore[misc]
    return {name: run for name, run in found.items() if not options.only or name in options.only}


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="of the server's API: http://127.0.0.1:8000/v1")
    parser.add_argument("--model", required=True)
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--words", type=int, default=400, help="of a prompt")
    parser.add_argument("--tokens", type=int, default=32, help="of an answer")
    parser.add_argument("--busy", type=int, default=0, help="busy loops beside it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["evalkube", *PEERS], action="append")
    parser.add_argument("--tokenizer", help="a folder with one, for vLLM's benchmark")
    parser.add_argument("--server-metrics", action="store_true", help="also what our own report says of the difference")
    parser.add_argument("--set", metavar="JSON", type=json.loads, default={}, help="more fields of our spec")
    for name in PEERS:
        parser.add_argument(f"--{name}", metavar="PROGRAM")
    return parser.parse_args()


def main() -> None:
    """Print each client's lines, the medians of the rounds, and whether ours are within the bars."""
    options = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended then too
    load = Load(*(getattr(options, name) for name in Load.__dataclass_fields__))
    runs = clients(options, load, ({"serverMetrics": {}} if options.server_metrics else {}) | options.set)
    print(
        f"{load.number} requests of {load.words} words, {load.tokens} tokens, {load.parallel} at once, "
        f"{options.busy} busy loops"
    )
    print("means in ms: client, server, difference")
    lines: dict[str, list[Line]] = {name: [] for name in runs}
    warmed(load)
    with busy(options.busy):
        for _ in range(options.rounds):
            for name, run in runs.items():
                lines[name].append(measured(name, run, load))
                print(lines[name][-1], flush=True)
    print("medians of the rounds, client minus server")
    for name, each in lines.items():
        offs = {figure: statistics.median(line.off(figure) for line in each) for figure in ("ttft", "itl", "latency")}
        http = statistics.median(line.http / line.server["ttft"] for line in each)
        told = "  ".join(f"{figure} {off:+.1%}" for figure, off in offs.items())
        print(f"{name:11}  {told}  (the server's HTTP is {http:+.1%} of its TTFT)")
        if name == "evalkube":
            met = abs(offs["ttft"]) <= TTFT_BAR and abs(offs["itl"]) <= ITL_BAR
    if "evalkube" in lines:
        print(f"bars (TTFT {TTFT_BAR:.0%}, ITL {ITL_BAR:.0%}): {'met' if met else 'MISSED'}")
        raise SystemExit(not met)


if __name__ == "__main__":
    main()
