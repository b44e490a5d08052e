"""The list of benchmarks: what it says of each, and that every one of them answers its own samples rightly."""

import re
from pathlib import Path

import pytest

from evalkube_benchmarks import catalogue, collections, samples, scoring
from evalkube_benchmarks.table import BENCHMARKS

_DOCS = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_each_benchmark_stands_once_in_the_order_of_names() -> None:
    """As messages list them."""
    assert list(BENCHMARKS) == sorted(set(BENCHMARKS))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_what_people_ask_of_a_benchmark_is_told(name: str) -> None:
    """Where it comes from, under which licence, how large it is, and what it reports."""
    (entry,) = [entry for entry in catalogue.catalogue().benchmarks if entry.name == name]
    assert entry.description.endswith(".")
    assert entry.languages
    assert entry.metrics
    if entry.category != "own data":
        assert re.match(r"https://\S+$", entry.source)
        assert entry.licence
        assert entry.hub_ids
        assert entry.items


@pytest.mark.parametrize("name", [name for name, one in BENCHMARKS.items() if one.judge is None])
def test_an_answer_in_the_form_that_is_asked_for_is_read(name: str) -> None:
    """Of its own sample items: the right answers have the full score, others none."""
    benchmark = BENCHMARKS[name]
    main = benchmark.metrics[0]
    questions = list(samples.questions(benchmark))
    assert questions
    for question in questions:
        task = scoring.Task(benchmark=name, question=question, metrics=(main.name,))
        right = scoring.score(task, samples.reply(benchmark, question, right=True))
        assert right.values[main.name] == pytest.approx(1), question
        wrong = scoring.score(task, samples.reply(benchmark, question, right=False))
        assert wrong.values[main.name] < 0.5, question


def test_each_name_stands_once() -> None:
    """In alphabetical order, so that two changes of the table are easily joined."""
    assert list(BENCHMARKS) == sorted(set(BENCHMARKS))


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    """A name that is known is none."""
    assert collections.unknown("gsm8k") is None
    assert collections.unknown("gsm9k") == "'gsm9k' is not a known benchmark; did you mean 'gsm8k'?"
    assert collections.unknown("poetry") == "'poetry' is not a known benchmark"


def test_the_reference_is_what_the_declarations_say() -> None:
    """`make generate` writes it."""
    assert _DOCS.read_text("utf-8") == catalogue.markdown()
