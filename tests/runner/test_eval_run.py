"""Whole evaluations: real sockets, real files, real processes."""

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evalkube_benchmarks.table import BENCHMARKS
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.merge import merge_results
from evalkube_crds.results import EvalResult
from evalkube_crds.seed import evaluation as report
from evalkube_runner.eval.run import evaluate
from fakes import mock_model, scripted_endpoint
from fakes.evaluations import (
    KEY,
    PREDICTIONS,
    REVIEWS,
    context_in,
    evaluated,
    even_ones_right,
    gsm8k_in,
    lines_of,
    number_of,
    spec_of,
)
from fakes.scripted_endpoint import Says, says


def test_accuracy_is_exactly_that_of_the_answers(tmp_path: Path) -> None:
    """Against the mock model with an answer file: every second one right, and all artifacts with their keys."""
    data = gsm8k_in(tmp_path / "data")
    book = tmp_path / "answers.jsonl"
    questions = [json.loads(line)["question"] for line in (data / "test.jsonl").read_text().splitlines()]
    replies = [
        {"match": text, "answer": f"\\boxed{{{at if at % 2 else -1}}}"} for at, text in enumerate(questions[:19])
    ]
    book.write_text("".join(json.dumps(line) + "\n" for line in replies))
    with mock_model.running_mock("--answers", str(book)) as url:
        result = asyncio.run(evaluate(spec_of(url, data), context_in(tmp_path / "out")))
    made = report.reports(result)["gsm8k"]
    assert (made["score"], made["metrics"][0]["num"], made["errored"], made["name"]) == (0.45, 20, 0, "m@gsm8k")
    assert made["usage"]["samples"] == 20
    predictions = lines_of(tmp_path / "out" / PREDICTIONS)
    reviews = lines_of(tmp_path / "out" / REVIEWS)
    seed = {"index", "model", "model_output", "messages", "agent_trace", "metadata"}
    assert {frozenset(line) for line in predictions} == {frozenset(seed | {"key"})}
    assert sorted(line["index"] for line in reviews) == list(range(20))
    assert reviews[0]["sample_score"]["score"]["main_score_name"] == "acc"


def test_the_key_is_in_no_artifact(tmp_path: Path) -> None:
    """Sent to the endpoint, and nowhere else."""
    _, endpoint = evaluated(tmp_path / "out", even_ones_right)
    assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_a_question_has_its_examples_before_it(tmp_path: Path) -> None:
    """Four worked examples of the training split, in one message, the question last."""
    _, endpoint = evaluated(tmp_path / "out", even_ones_right, limit=1)
    content = endpoint.bodies[0]["messages"][0]["content"]
    assert content.count("Example") == 4
    assert content.endswith("What is number 0?")


@pytest.mark.parametrize(
    ("options", "stop"),
    [
        pytest.param({}, ["\n\nProblem:"], id="worked examples"),
        pytest.param({"args": {"few_shot_num": 0}}, None, id="none"),
        pytest.param({"generation": {"stop_seqs": ["END"]}}, ["END"], id="of the user's own"),
    ],
)
def test_a_next_question_ends_an_answer(tmp_path: Path, options: dict[str, Any], stop: list[str] | None) -> None:
    """After worked examples a model may go on to one of its own: the request says where it is to stop."""
    _, endpoint = evaluated(tmp_path / "out", even_ones_right, limit=1, **options)
    assert endpoint.bodies[0].get("stop") == stop


def test_shards_add_up_to_one_run(tmp_path: Path) -> None:
    """Three shards ask every question once between them, and their merged report is the single run's."""

    async def run() -> None:
        async with scripted_endpoint.running(even_ones_right) as endpoint:
            data = gsm8k_in(tmp_path / "data")
            spec = spec_of(endpoint.url, data, collect_perf=False, args={"shuffle": True})
            whole = await evaluate(spec, context_in(tmp_path / "whole"))
            parts = [await evaluate(spec, context_in(tmp_path / f"{n}", shard=n, shards=3)) for n in range(3)]
            merged = merge_results(parts)
            assert isinstance(merged, EvalResult)
            assert report.reports(merged) == report.reports(whole)
            assert len(endpoint.bodies) == 40

    asyncio.run(run())


def test_one_pool_serves_all_datasets_at_once(tmp_path: Path) -> None:
    """Never more than the batch size in flight, and the second dataset begins while the first one ends."""
    rows = [{"question": f"q{at}", "A": "x", "B": "y", "answer": "A"} for at in range(6)]
    (tmp_path / "mcq.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    came_s: list[float] = []

    def script(body: dict[str, Any], number: int) -> Says:
        came_s.append(time.monotonic())
        return says("答案：A", wait_s=2.0 if number == 19 else 0.01)

    async def run() -> None:
        async with scripted_endpoint.running(script) as endpoint:
            spec = spec_of(endpoint.url, datasets=["gsm8k", "general_mcq"], eval_batch_size=3)
            paths = {"gsm8k": str(gsm8k_in(tmp_path / "data")), "general_mcq": str(tmp_path / "mcq.jsonl")}
            args = {name: {"local_path": path} for name, path in paths.items()}
            spec = EvalRunSpec.model_validate(spec.model_dump() | {"dataset_args": args}, by_name=True)
            result = await evaluate(spec, context_in(tmp_path / "out"))
            assert came_s[20] - came_s[19] < 2.0  # the slow answer to request 19 is still awaited
            assert endpoint.most_at_once == 3
            assert report.reports(result)["general_mcq"]["score"] == 1.0

    asyncio.run(run())


def test_repeats_are_asked_and_counted_together(tmp_path: Path) -> None:
    """Each question twice, each time with a seed of its own; pass@2 counts the 20 questions."""

    def script(body: dict[str, Any], number: int) -> Says:
        return says(str(number_of(body)) if body["seed"] == 8 else "-1")

    options: dict[str, Any] = {"repeats": 2, "generation": {"seed": 7}, "args": {"aggregation": "mean_and_pass_at_k"}}
    result, endpoint = evaluated(tmp_path / "out", script, **options)
    metrics = {
        metric["name"]: (metric["score"], metric["num"]) for metric in report.reports(result)["gsm8k"]["metrics"]
    }
    assert metrics == {"mean_acc": (0.5, 40), "pass@1": (0.5, 20), "pass@2": (1.0, 20)}
    assert len(endpoint.bodies) == 40


def test_judges_and_analysis(tmp_path: Path) -> None:
    """llm_recall asks the judge where the rule says wrong; a verdict that cannot be read twice errors the sample."""
    asked: Counter[str] = Counter()

    def script(body: dict[str, Any], number: int) -> Says:
        asked[body["model"]] += 1
        content = body["messages"][-1]["content"]
        if body["model"] == "org/m":
            return even_ones_right(body, number)
        if "as JSON" in content:
            return says("Fine.")
        return says("hm" if "number 3?" in body["messages"][1]["content"] else "[[A]]")

    async def run() -> EvalResult:
        async with scripted_endpoint.running(script) as endpoint:
            judge = {"strategy": "llm_recall", "models": [{"model": "judge", "api_url": endpoint.url}]}
            spec = spec_of(endpoint.url, gsm8k_in(tmp_path / "data"), judge=judge, analysis_report=True)
            return await evaluate(spec, context_in(tmp_path / "out"))

    made = report.reports(asyncio.run(run()))["gsm8k"]
    assert (made["score"], made["scored"], made["errors"], made["analysis"]) == (1.0, 19, {"judge": 1}, "Fine.")
    assert asked == {"org/m": 20, "judge": 9 + 1 + 1}


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_the_shipped_samples_of_every_benchmark_run(tmp_path: Path, name: str) -> None:
    """With no data and no network: dataset_hub sample, every sample answered and scored."""

    contract = BENCHMARKS[name].judge
    marks = [f"{criterion.name}: 1" for criterion in contract.criteria] if contract else []
    said = "\n".join(marks or ["答案：A [[INCORRECT]]"])

    async def run() -> EvalResult:
        async with scripted_endpoint.running(scripted_endpoint.answering(said)) as endpoint:
            models = [{"model": "judge", "api_url": endpoint.url}] if contract else []
            spec = spec_of(endpoint.url, datasets=[name], dataset_hub="sample", judge={"models": models})
            return await evaluate(spec, context_in(tmp_path / "out"))

    made = report.reports(asyncio.run(run()))[name]
    assert made["scored"] == made["requested"] > 0
    assert 0 <= made["score"] < 1


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    """Also for a data set whose size nobody declared."""
    evaluated(tmp_path / "out", even_ones_right)
    shown = json.loads((tmp_path / "out/progress.json").read_bytes())
    assert (shown["total_count"], shown["processed_count"]) == (20, 20)


def test_a_benchmark_whose_judge_gives_labels(tmp_path: Path) -> None:
    """Its figures are those of the label, and a kept label is not asked for again."""
    asked: Counter[str] = Counter()

    def script(body: dict[str, Any], _number: int) -> Says:
        asked[body["model"]] += 1
        content = body["messages"][-1]["content"]
        if body["model"] == "org/m":
            return says("Tungsten" if "74" in content else "I do not know." if "Ebro" in content else "Kilimanjaro")
        said = content.partition("Answer to grade:\n")[2].splitlines()[1]  # after its mark
        label = {"Tungsten": "CORRECT", "I do not know.": "NOT_ATTEMPTED"}.get(said, "INCORRECT")
        return says(f"So it is. [[{label}]]")

    async def run() -> EvalResult:
        async with scripted_endpoint.running(script) as endpoint:
            judge = {"models": [{"model": "judge", "api_url": endpoint.url}]}
            spec = spec_of(endpoint.url, datasets=["simple_qa"], dataset_hub="sample", judge=judge)
            first = await evaluate(spec, context_in(tmp_path / "out"))
            assert await evaluate(spec, context_in(tmp_path / "out")) is not first
            return first

    (subset,) = asyncio.run(run()).datasets[0].subsets
    assert asked == {"org/m": 6, "judge": 6}
    assert {name: (round((made.mean or 0) * made.count), made.count) for name, made in subset.metrics.items()} == {
        "mean_is_correct": (1, 6),
        "mean_is_incorrect": (4, 6),
        "mean_is_not_attempted": (1, 6),
        "mean_accuracy_given_attempted": (1, 5),
        "mean_f1": (2, 11),
    }
