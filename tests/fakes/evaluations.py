"""Evaluations of a small GSM8K as a runner does them, in a folder of a test."""

import asyncio
import json
from pathlib import Path
from typing import Any

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.results import EvalResult
from evalkube_runner.context import RunContext
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.eval.run import evaluate
from fakes import scripted_endpoint
from fakes.readable import ANYTHING
from fakes.scripted_endpoint import Says, Script, ScriptedEndpoint, says

__all__ = [
    *("KEY", "PREDICTIONS", "REVIEWS"),
    *("context_in", "evaluated", "even_ones_right", "gsm8k_in", "lines_of", "number_of", "spec_of"),
]

KEY = "sk-not-to-be-seen-anywhere"
PREDICTIONS = "predictions/m/gsm8k_main.jsonl"
REVIEWS = "reviews/m/gsm8k_main.jsonl"


def gsm8k_in(folder: Path, count: int = 20) -> Path:
    """A small GSM8K: question n asks for n, the last one twice."""
    rows = [{"question": f"What is number {at}?", "answer": f"#### {at}"} for at in range(count)]
    train = [{"question": f"Example {at}?", "answer": f"Easy.\n#### {at}"} for at in range(4)]
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("test", [*rows[:-1], rows[-2]]), ("train", train)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def number_of(body: dict[str, Any]) -> int:
    """The number that a request asks for."""
    return int(body["messages"][-1]["content"].rpartition("What is number ")[2].rstrip("?"))


def even_ones_right(body: dict[str, Any], _number: int) -> Says:
    """The right number where it is even, else one more."""
    asked = number_of(body)
    return says(f"The answer is {asked if asked % 2 == 0 else asked + 1}.")


def spec_of(url: str, data: Path | None = None, **more: Any) -> EvalRunSpec:
    """An evaluation of `url`; `args` are of the data set, `generation` of the requests."""
    body: dict[str, Any] = {
        "model": "org/m",
        "api_url": url,
        "datasets": ["gsm8k"],
        "eval_batch_size": 4,
        "target_grace": 0.0,
    }
    if data is not None:
        body["dataset_args"] = {"gsm8k": {"local_path": str(data), **more.pop("args", {})}}
    body["generation_config"] = {"retries": 2, "retry_interval": 0.0, **more.pop("generation", {})}
    return EvalRunSpec.model_validate(body | more, by_name=True)


def context_in(folder: Path, *, shard: int = 0, shards: int = 1, earlier: Path | None = None) -> RunContext:
    """Artifacts go to `folder`."""
    delivery = FileDelivery(folder, folder / "control", pipeline="eval", earlier=earlier)
    return RunContext("r", delivery, folder, folder, shard=shard, shards=shards, api_key=KEY, readable=ANYTHING)


def evaluated(
    folder: Path, script: Script, *, earlier: Path | None = None, count: int = 20, **options: Any
) -> tuple[EvalResult, ScriptedEndpoint]:
    """One evaluation of the small GSM8K against `script`, its artifacts in `folder`."""

    async def run() -> tuple[EvalResult, ScriptedEndpoint]:
        async with scripted_endpoint.running(script) as endpoint:
            spec = spec_of(endpoint.url, gsm8k_in(folder.parent / "data", count), **options)
            return await evaluate(spec, context_in(folder)), endpoint

    return asyncio.run(run())


def lines_of(path: Path) -> list[dict[str, Any]]:
    """What a file of lines holds."""
    return [json.loads(line) for line in path.read_bytes().splitlines() if line]
