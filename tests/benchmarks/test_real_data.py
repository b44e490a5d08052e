"""The real data sets of benchmarks, where EVALKUBE_TEST_DATA names a folder that holds them: `<benchmark>/...`.

None of it lies in the repository: without the variable these tests are skipped.
"""

import asyncio
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow
import pyarrow.parquet
import pytest

from evalkube_benchmarks import samples, scoring
from evalkube_benchmarks.benchmark import letters
from evalkube_benchmarks.table import BENCHMARKS
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.seed.evaluation import reports
from evalkube_runner.context import HubEndpoints, RunContext
from evalkube_runner.data import datasets, files
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.eval import plan, sampling
from evalkube_runner.eval.run import evaluate
from evalkube_runner.eval.sampling import Item
from fakes import scripted_endpoint
from fakes.evaluations import spec_of
from fakes.hub_server import HubServer
from fakes.readable import ANYTHING
from fakes.scripted_endpoint import Says, says

_ROOT = os.environ.get("EVALKUBE_TEST_DATA")
pytestmark = pytest.mark.skipif(_ROOT is None, reason="EVALKUBE_TEST_DATA names no folder with data sets")

_STYLES = (
    *("{0}", "({0})", "**{0}**", "Answer: {0}", "ANSWER: {0}", "The correct answer is {0}."),
    *("We weigh each of them.\nSo the answer is \\boxed{{{0}}}", "先看题目。\n答案：{0}", "因此选 {0}。"),
    *("The answer is {0}: {1}", "{0}. {1}", "We weigh each.\n\nAnswer: {0}) {1}"),
)


@dataclass(frozen=True)
class _Real:
    """`items`: how many lie there, where that is not the whole split. `args`: the `dataset_args`. `path`: the file.

    `answered`: the data has references, or a benchmark makes them.
    """

    path: str = ""
    items: int | None = None
    args: dict[str, Any] = field(default_factory=dict)
    answered: bool = True


_REAL = {
    "aime24": _Real(),
    "aime25": _Real(),
    "arc": _Real(items=1550),
    "bbh": _Real(),
    "cmath": _Real(),
    "commonsense_qa": _Real(),
    "drop": _Real(items=500),
    "gsm8k": _Real(),
    "hellaswag": _Real(items=500),
    "ifeval": _Real(answered=False),
    "math_500": _Real(),
    "mgsm": _Real(args={"few_shot_num": 0}),
    "mmlu": _Real(items=2057),
    "mmlu_pro": _Real(items=350, args={"few_shot_num": 0}),
    "openbookqa": _Real(),
    "piqa": _Real(),
    "humaneval": _Real(),
    "mbpp": _Real(path="mbpp/mbpp.jsonl", items=974, args={"few_shot_num": 0}),
    "needle_haystack": _Real(
        items=12,
        args={
            "subset_list": ["pride_and_prejudice", "sherlock_holmes", "tinyshakespeare"],
            "extra_params": {"context_lengths_num_intervals": 2, "document_depth_percent_intervals": 2},
        },
    ),
    "simple_qa": _Real(items=500),
    "truthful_qa": _Real(),
    "winogrande": _Real(),
}
_WITH_SOLUTIONS = ("gsm8k", "math_500")
_OF_CHOICES = [name for name in _REAL if "{choices}" in BENCHMARKS[name].prompt.question]


def _items(name: str, real: _Real, tmp_path: Path) -> list[Item]:
    """Every item of the evaluated split with its worked examples, as a run reads them."""
    context = RunContext("r", FileDelivery(tmp_path, tmp_path, pipeline="eval"), tmp_path, tmp_path, readable=ANYTHING)
    body: dict[str, Any] = {
        "model": "m",
        "api_url": "http://h/v1",
        "datasets": [name],
        "dataset_args": {name: {"local_path": _ROOT, **real.args}},
        "judge": {"models": [{"model": "j", "api_url": "http://h/v1"}]},
    }
    made = plan.plan_of(EvalRunSpec.model_validate(body, by_name=True), name)
    declared = made.benchmark
    source = datasets.Source(
        benchmark=name,
        local_path=f"{_ROOT}/{real.path}",
        own_examples=declared.own_examples,
        columns=declared.columns,
    )
    asked = _rows(made, source, context, made.eval_split)
    shown = _rows(made, source, context, made.train_split or "") if made.few_shot_num else {}
    return [
        item
        for subset in made.subsets
        for item in sampling.items_of(made, subset, asked.get(subset.name, []), shown.get(subset.name, []))
    ]


def _rows(
    made: plan.DatasetPlan, source: datasets.Source, context: RunContext, split: str
) -> dict[str, list[datasets.Record]]:
    benchmark, few_shot = made.benchmark, split != made.eval_split
    only = len(benchmark.subsets) == 1 or benchmark.subset_of is not None

    def rows(subset: str) -> list[datasets.Record]:
        return datasets.load(source, subset, split, context, few_shot=few_shot, only_subset=only)

    if benchmark.subset_of is not None:
        return sampling.divided(made, rows(benchmark.one_config or "default"), examples=few_shot)
    return {subset.name: rows(subset.name) for subset in made.subsets}


@pytest.mark.parametrize("name", _REAL)
def test_every_item_is_read_and_its_answer_is_right(name: str, tmp_path: Path) -> None:
    """As many as its declaration says; the reference in the form that the prompt asks for is right, another is not."""
    benchmark, real = BENCHMARKS[name], _REAL[name]
    items = _items(name, real, tmp_path)
    assert len(items) == (benchmark.items if real.items is None else real.items)
    main = benchmark.metrics[0]
    for item in items:
        assert all(isinstance(message.content, str) for message in sampling.messages_of(item))
        if benchmark.judge is not None or not real.answered:
            continue
        task = scoring.Task(benchmark=name, question=item.question, metrics=(main.name,))
        right = scoring.score(task, samples.reply(benchmark, item.question, right=True))
        assert right.values[main.name] == pytest.approx(1), item.question
        wrong = scoring.score(task, samples.reply(benchmark, item.question, right=False))
        assert wrong.values[main.name] < 0.5, item.question


@pytest.mark.parametrize("name", _WITH_SOLUTIONS)
def test_the_solution_of_the_data_set_is_right(name: str, tmp_path: Path) -> None:
    """Its text as a reply, up to the mark that it has before its answer."""
    for item in _items(name, _REAL[name], tmp_path):
        task = scoring.Task(benchmark=name, question=item.question, metrics=("acc",))
        mark = f"\n#### {item.question.target}" if name == "gsm8k" else ""
        assert scoring.score(task, item.question.solution + mark).values["acc"] == 1, item.question


@pytest.mark.parametrize("hub", ["huggingface", "modelscope"])
def test_all_of_gsm8k_from_a_hub(hub: str, tmp_path: Path) -> None:
    """Its 1,319 items are asked and right, served in the layout of the hub."""
    folder = Path(_ROOT or "") / "gsm8k"
    rows = {split: files.read_file(folder / f"{split}.jsonl", ANYTHING) for split in ("train", "test")}
    solutions = {row["question"].strip(): row["answer"] for row in rows["test"]}

    def script(body: dict[str, Any], _number: int) -> Says:
        return says(solutions[body["messages"][-1]["content"].rpartition("Problem: ")[2]])

    async def evaluated(context: RunContext) -> dict[str, Any]:
        async with scripted_endpoint.running(script) as endpoint:
            spec = spec_of(endpoint.url, datasets=["gsm8k"], dataset_hub=hub, eval_batch_size=32)
            return reports(await evaluate(spec, context))["gsm8k"]

    with HubServer(BENCHMARKS["gsm8k"].hub_ids[hub], dict(_served(hub, rows))) as server:
        hubs = HubEndpoints(modelscope=server.url, huggingface=server.url)
        made = asyncio.run(evaluated(_context(tmp_path, hubs)))
    assert (made["metrics"][0]["score"], made["requested"]) == (1.0, 1319)


def _served(hub: str, rows: dict[str, list[dict[str, Any]]]) -> Iterator[tuple[str, bytes]]:
    for split, records in rows.items():
        table = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), table)
        lines = b"".join(orjson.dumps(record) + b"\n" for record in records)
        yield (
            (f"main/{split}-00000-of-00001.parquet", table.getvalue())
            if hub == "huggingface"
            else (f"{split}.jsonl", lines)
        )


def _context(tmp_path: Path, hubs: HubEndpoints) -> RunContext:
    delivery = FileDelivery(tmp_path / "out", tmp_path / "control", pipeline="eval")
    return RunContext("r", delivery, tmp_path / "out", tmp_path / "cache", hubs=hubs, readable=ANYTHING)


@pytest.mark.parametrize("name", _OF_CHOICES)
def test_the_letter_of_a_choice_is_read_in_many_styles(name: str, tmp_path: Path) -> None:
    """Right and wrong ones, whatever the choices say: they are full of letters, negations and numbers."""
    main = BENCHMARKS[name].metrics[0]
    missed = []
    for item in _items(name, _REAL[name], tmp_path):
        task = scoring.Task(benchmark=name, question=item.question, metrics=(main.name,))
        for at, label in enumerate(letters(len(item.question.choices))):
            reply = _STYLES[(item.index + at) % len(_STYLES)].format(label, item.question.choices[at])
            if scoring.score(task, reply).values[main.name] != (label in item.question.targets):
                missed.append((reply, item.question))
    assert not missed
