"""Records for evaluations from local paths and from our own samples, and what is said when they are not there."""

import subprocess
import sys
from pathlib import Path
from random import Random

import orjson
import pytest

from evalkube_benchmarks import prompts, samples, scoring
from evalkube_benchmarks.benchmark import Benchmark
from evalkube_benchmarks.table import BENCHMARKS
from evalkube_crds.names import Reason
from evalkube_runner.context import RunContext
from evalkube_runner.data import datasets
from evalkube_runner.data.datasets import Source
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.errors import RunFailed
from fakes.readable import ANYTHING


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    """A run with no network."""
    return RunContext(
        run_id="r1",
        delivery=FileDelivery(tmp_path / "out", tmp_path / "control", pipeline="eval"),
        scratch=tmp_path / "scratch",
        cache=tmp_path / "cache",
        offline=True,
        readable=ANYTHING,
    )


@pytest.mark.parametrize(
    ("benchmark", "subset", "split", "keys"),
    [
        ("gsm8k", "main", "test", {"question", "answer"}),
        ("gsm8k", "main", "train", {"question", "answer"}),
        ("iquiz", "IQ", "test", {"question", "choices", "answer", "level"}),
        ("iquiz", "EQ", "test", {"question", "choices", "answer", "level"}),
        ("ceval", "logic", "val", {"id", "question", "A", "B", "C", "D", "answer", "explanation"}),
        ("ceval", "logic", "dev", {"id", "question", "A", "B", "C", "D", "answer", "explanation"}),
        ("general_qa", "default", "test", {"question", "answer"}),
        ("general_mcq", "default", "val", {"id", "question", "A", "B", "C", "D", "answer"}),
    ],
)
def test_samples_have_the_public_fields(
    context: RunContext, benchmark: str, subset: str, split: str, keys: set[str]
) -> None:
    """Every sample item has the field names of the data set it stands for."""
    records = datasets.load(Source(benchmark=benchmark, hub="sample"), subset, split, context)
    assert all(set(record) == keys for record in records)
    assert len({record["question"] for record in records}) == len(records)


def test_samples_cover_some_subjects(context: RunContext) -> None:
    """Of C-Eval's subjects the samples serve those they have, each with five worked examples."""
    source = Source(benchmark="ceval", hub="sample")
    present = datasets.present_subsets(source, ["accountant", "logic", "computer_network"], "val", context)
    assert present == ["logic", "computer_network"]
    assert all(len(datasets.load(source, subset, "dev", context, few_shot=True)) == 5 for subset in present)


@pytest.mark.parametrize(("subset", "split"), [("word_sorting", "train"), ("snarks", "dev")])
def test_worked_examples_of_our_own(context: RunContext, tmp_path: Path, subset: str, split: str) -> None:
    """A data set without worked examples is shown ours, from wherever its questions come."""
    (tmp_path / f"{subset}.json").write_text('{"examples": [{"input": "q", "target": "t"}]}')
    source = Source(benchmark="bbh", local_path=str(tmp_path), own_examples=True)
    assert [record["target"] for record in datasets.load(source, subset, "test", context)] == ["t"]
    if split == "train":
        assert len(datasets.load(source, subset, split, context, few_shot=True)) == 3
    else:
        with pytest.raises(RunFailed, match="no split 'dev'"):
            datasets.load(source, subset, split, context, few_shot=True)


@pytest.mark.parametrize(
    "benchmark", [one for one in BENCHMARKS.values() if one.own_examples], ids=lambda one: one.name
)
def test_our_worked_examples_end_in_the_answer_that_is_read(context: RunContext, benchmark: Benchmark) -> None:
    """As many as the benchmark shows by default, each with a reasoning, and right by its own rules."""
    source = Source(benchmark=benchmark.name, hub="sample")
    for subset in benchmark.subsets:
        records = datasets.load(source, subset.name, benchmark.train_split or "", context, few_shot=True)
        assert len(records) == benchmark.few_shot_num
        for record in records:
            question = benchmark.read(record, Random(0))
            task = scoring.Task(benchmark=benchmark.name, question=question, metrics=(benchmark.metrics[0].name,))
            assert scoring.score(task, prompts.worked_answer(benchmark.prompt, question)).values.popitem()[1] == 1
            assert question.solution


def test_answers_are_mostly_right() -> None:
    """The demo's model answers every evaluated item once, and not all of them rightly."""
    given = dict(samples.answers())
    assert len(given) == sum(len(list(samples.questions(benchmark))) for benchmark in BENCHMARKS.values())
    assert not any(a != b and a in b for a in given for b in given)
    assert given["数列 3，7，15，31，63，下一个数是多少？"].endswith("答案：C")
    shuffled = next(answer for question, answer in given.items() if "goldfish" in question)
    assert shuffled == "The answer is: Goldfish remember things for months"
    wrong = "A cyclist rides 18 km in the first hour and each further hour 2 km less than in the hour before."
    assert next(text for question, text in given.items() if question.startswith(wrong)).endswith("\\boxed{61}")


def test_answers_as_a_program() -> None:
    """The module prints what the mock model reads."""
    command = [sys.executable, "-m", "evalkube_benchmarks.samples"]
    lines = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.splitlines()
    assert [tuple(orjson.loads(line).values()) for line in lines] == list(samples.answers())


def test_loose_files_and_a_single_file(context: RunContext, tmp_path: Path) -> None:
    """A folder of test.jsonl and train.jsonl serves both splits; one file is the evaluated split."""
    (tmp_path / "test.jsonl").write_text('{"question": "q1"}\n')
    (tmp_path / "train.jsonl").write_text('{"question": "q2"}\n')
    folder = Source(benchmark="gsm8k", local_path=str(tmp_path))
    assert datasets.load(folder, "main", "test", context) == [{"question": "q1"}]
    assert datasets.load(folder, "main", "train", context, few_shot=True) == [{"question": "q2"}]
    single = Source(benchmark="gsm8k", local_path=str(tmp_path / "train.jsonl"))
    assert datasets.load(single, "main", "test", context) == [{"question": "q2"}]
    with pytest.raises(RunFailed, match=r"no split 'dev' .* \(no subset\): test, train; few_shot_num 0"):
        datasets.load(folder, "main", "dev", context, few_shot=True)
    assert datasets.origin(single, context) == f"local:{tmp_path}/train.jsonl"


def test_a_folder_of_several_benchmarks(context: RunContext, tmp_path: Path) -> None:
    """A folder that holds a folder of the benchmark's name leads there."""
    (tmp_path / "gsm8k" / "main").mkdir(parents=True)
    (tmp_path / "gsm8k" / "main" / "test.csv").write_text("question,answer\nq,1\n")
    source = Source(benchmark="gsm8k", local_path=str(tmp_path))
    assert datasets.load(source, "main", "test", context) == [{"question": "q", "answer": "1"}]
    assert datasets.available(source, context) == {"main": ("test",)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Source(benchmark="ceval", hub="sample"), r"no split 'val' of subset 'law' .* logic: dev, val"),
        (Source(benchmark="poetry", hub="sample"), "no sample items of it; set dataset_args.poetry.local_path"),
        (Source(benchmark="ceval", hub="local"), "needs dataset_args.ceval.local_path"),
        (Source(benchmark="ceval", local_path="/nowhere/x"), "/nowhere/x does not exist"),
        (Source(benchmark="general_qa"), "is not on modelscope"),
        (Source(benchmark="ceval", dataset_id="../../etc"), "is not an id like owner/name"),
        (Source(benchmark="ceval", dataset_id="a/.."), "is not an id like owner/name"),
        (
            Source(benchmark="ceval", dataset_id="a/b"),
            r"not in the cache .* offline.*local_path.*'sample'.*EVALKUBE_CACHE",
        ),
    ],
)
def test_what_is_missing_is_said(context: RunContext, source: Source, expected: str) -> None:
    """Each way of having no data names what is missing and what to set."""
    with pytest.raises(RunFailed, match=expected) as caught:
        datasets.load(source, "law", "val", context)
    assert caught.value.reason is Reason.DATASET_UNAVAILABLE


def test_one_file_is_no_source_of_worked_examples(context: RunContext, tmp_path: Path) -> None:
    """Questions under evaluation never become worked examples, nor does one file serve many subsets."""
    (tmp_path / "a.jsonl").write_text('{"question": "q"}\n')
    source = Source(benchmark="ceval", local_path=str(tmp_path / "a.jsonl"))
    with pytest.raises(RunFailed, match="few_shot_num 0"):
        datasets.load(source, "law", "dev", context, few_shot=True)
    with pytest.raises(RunFailed, match="cannot serve the 2 subsets"):
        datasets.present_subsets(source, ["law", "art"], "val", context)
