"""Chooses the questions, their order and their examples. Pure: one seed gives the same samples everywhere.

Every random choice has a generator of its own, seeded by what it is for, so that neither the number of shards nor
another subset's size changes it.
"""

import dataclasses
import random
from collections.abc import Sequence
from dataclasses import dataclass

from evalkube_benchmarks import fields, multiple_choice, prompts
from evalkube_benchmarks.benchmark import Benchmark, Message, Question, Subset
from evalkube_crds.names import Reason
from evalkube_runner.data.files import Record
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval.plan import DatasetPlan

__all__ = ["Item", "choose", "divided", "examples_for", "in_random_order", "items_of", "messages_of", "places"]


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a run: its place among the subset's chosen ones, and its worked examples.

    `ordinal`: of those in the whole run that read alike; None where this process has the whole run, and counts.
    """

    plan: DatasetPlan
    subset: Subset
    index: int
    question: Question
    examples: tuple[Question, ...]
    ordinal: int | None = None


def divided(plan: DatasetPlan, records: Sequence[Record], *, examples: bool = False) -> dict[str, list[Record]]:
    """The records of each subset, as the benchmark divides them. Raises RunFailed(DatasetUnavailable).

    `examples`: those of a subset that is none are left out (MATH has two of "Level ?").
    """
    benchmark = plan.benchmark
    assert benchmark.subset_of is not None
    known = {subset.name for subset in benchmark.subsets}
    found: dict[str, list[Record]] = {}
    for number, record in enumerate(records):
        try:
            name = benchmark.subset_of(record)
        except (KeyError, ValueError, TypeError) as problem:
            raise _unreadable(benchmark, Subset("?"), number, f"says no subset: {problem!r}") from problem
        if name not in known and examples:
            continue
        if name not in known:
            raise _unreadable(benchmark, Subset(name), number, "is of a subset that is none")
        found.setdefault(name, []).append(record)
    return found


def items_of(plan: DatasetPlan, subset: Subset, records: Sequence[Record], train: Sequence[Record]) -> list[Item]:
    """The items of one subset. `train`: the records that examples may come from; it may be the evaluated split itself.

    Raises RunFailed(DatasetUnavailable) for a chosen record that is not of this benchmark.
    """
    records, train = (_prepared(plan, subset, some) for some in (records, train))
    pool = [_read(plan, subset, train[number], number) for number in _drawn(plan, subset, len(train))]
    items = []
    for index, number in enumerate(choose(plan, subset, len(records))):
        question = _read(plan, subset, records[number], number)
        examples = examples_for(plan, subset, pool, question)
        items.append(Item(plan, subset, index, _shuffled(plan, subset, question, number), examples))
    return items


def choose(plan: DatasetPlan, subset: Subset, count: int) -> list[int]:
    """The positions of the evaluated records: shuffled where asked for, then limited."""
    order = list(range(count))
    if plan.args.shuffle:
        _generator(plan, "samples", subset.name).shuffle(order)
    limit = plan.limit
    if limit is None:
        return order
    # A fraction keeps at least one, or a small subset would drop out of the average unnoticed.
    return order[: max(1, int(count * limit + 1e-9)) if limit < 1 else int(limit)]


def in_random_order(plan: DatasetPlan, items: Sequence[Item]) -> list[Item]:
    """The items of all subsets in one order, so that any beginning of it is a fair draw of all."""
    order = list(items)
    _generator(plan, "order", "").shuffle(order)
    return order


def places(items: Sequence[Item], first: int) -> list[int]:
    """The numbers by which items are divided among shards, from `first` on: all items of a group have that of its first
    one.
    """
    groups: dict[tuple[str, str], int] = {}
    return [
        groups.setdefault((item.subset.name, item.question.group), number) if item.question.group else number
        for number, item in enumerate(items, start=first)
    ]


def _drawn(plan: DatasetPlan, subset: Subset, count: int) -> list[int]:
    """The positions of a subset's worked examples, one more than needed: a question is never its own example."""
    number = min(plan.few_shot_num + 1, count) if plan.few_shot_num else 0
    if not plan.args.few_shot_random:
        return list(range(number))
    return _generator(plan, "examples", subset.name).sample(range(count), k=number)


def examples_for(plan: DatasetPlan, subset: Subset, pool: Sequence[Question], asked: Question) -> tuple[Question, ...]:
    """The worked examples of one question. Fewer than the user asked for are an error: the score would not compare."""
    others = [question for question in pool if question != asked][: plan.few_shot_num]
    if len(others) < plan.few_shot_num and plan.args.few_shot_num is not None:
        raise RunFailed(
            Reason.INVALID_SPEC,
            f"dataset_args.{plan.benchmark.name}.few_shot_num: {plan.few_shot_num} examples are asked for, and split "
            f"{plan.train_split!r} of subset {subset.name!r} has {len(others)}",
        )
    return tuple(others)


def messages_of(item: Item) -> tuple[Message, ...]:
    """The chat that puts the item to the model."""
    return prompts.messages(
        item.question,
        subject=item.subset.title or item.subset.name,
        prompt=item.plan.prompts[item.subset.name],
        template=item.plan.template(item.subset.name),
        examples=item.examples,
    )


def _prepared(plan: DatasetPlan, subset: Subset, records: Sequence[Record]) -> Sequence[Record]:
    try:
        found = plan.benchmark.prepare(records)
    except (KeyError, ValueError, TypeError) as problem:
        what = f"a record has no field {problem}" if isinstance(problem, KeyError) else str(problem)
        where = f"{plan.benchmark.name}, subset {subset.name!r}: {what}"
        raise RunFailed(
            Reason.DATASET_UNAVAILABLE, f"{where}. Is this the data set of {plan.benchmark.name}?"
        ) from problem
    if records and not found:
        raise RunFailed(
            Reason.DATASET_UNAVAILABLE,
            f"{plan.benchmark.name}, subset {subset.name!r}: none of {len(records)} records is left by extra_params "
            f"{dict(plan.args.extra_params)}",
        )
    return found


def _read(plan: DatasetPlan, subset: Subset, record: Record, number: int) -> Question:
    benchmark = plan.benchmark
    try:
        question = benchmark.read(record, _generator(plan, "reading", f"{subset.name}/{number}"))
    except (KeyError, ValueError, TypeError) as problem:
        what = f"has no field {problem}" if isinstance(problem, KeyError) else str(problem)
        raise _unreadable(
            benchmark, subset, number, f"{what}; its fields are {', '.join(map(str, record))}"
        ) from problem
    if not question.target and not plan.judged:
        raise _unreadable(
            benchmark, subset, number, "has no reference answer, and no judge is asked for (judge.strategy llm)"
        )
    template = plan.args.query_template
    if template is None:
        return question
    names = prompts.placeholders(template)
    missing = [name for name in names if name not in record]
    if missing:
        raise RunFailed(
            Reason.INVALID_SPEC,
            f"dataset_args.{benchmark.name}.query_template: a record has no field {missing[0]!r}; "
            f"it has {', '.join(map(str, record))}",
        )
    try:
        values = {name: "" if fields.is_missing(record[name]) else fields.text(record, name) for name in names}
    except ValueError as problem:
        raise _unreadable(benchmark, subset, number, f"{problem} (query_template)") from problem
    return dataclasses.replace(question, text=prompts.render(template, values))


def _unreadable(benchmark: Benchmark, subset: Subset, number: int, problem: str) -> RunFailed:
    where = f"{benchmark.name}, subset {subset.name!r}, record {number + 1}"
    return RunFailed(Reason.DATASET_UNAVAILABLE, f"{where}: {problem}. Is this the data set of {benchmark.name}?")


def _shuffled(plan: DatasetPlan, subset: Subset, question: Question, number: int) -> Question:
    """The question with its choices in another order, and its target moved along."""
    if not plan.args.shuffle_choices:
        return question
    return multiple_choice.shuffled(question, _generator(plan, "choices", f"{subset.name}/{number}"))


def _generator(plan: DatasetPlan, purpose: str, name: str) -> random.Random:
    return random.Random(f"{plan.seed}/{plan.benchmark.name}/{purpose}/{name}")
