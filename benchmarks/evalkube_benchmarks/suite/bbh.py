"""BIG-Bench Hard: 6,511 questions of 27 tasks that need several steps (Suzgun et al. 2022, arXiv:2210.09261).

The answer is a letter, one of two words, a number, brackets or words in order; the record tells which. The data set has
no worked examples. The three per task, with their reasoning, are our own.
"""

import re
from random import Random

from evalkube_benchmarks import fields, readers, sequences
from evalkube_benchmarks.benchmark import Benchmark, Metric, Prompt, Question, Record, Reply, Score, Subset, letters
from evalkube_benchmarks.metrics import accuracy

__all__ = ["BENCHMARK"]

_LOGIC, _LANGUAGE, _WORLD, _ALGORITHM = "Logic", "Language", "World knowledge", "Algorithms"
_TASKS = {
    "boolean_expressions": _ALGORITHM,
    "causal_judgement": _WORLD,
    "date_understanding": _WORLD,
    "disambiguation_qa": _LANGUAGE,
    "dyck_languages": _ALGORITHM,
    "formal_fallacies": _LOGIC,
    "geometric_shapes": _ALGORITHM,
    "hyperbaton": _LANGUAGE,
    "logical_deduction_five_objects": _LOGIC,
    "logical_deduction_seven_objects": _LOGIC,
    "logical_deduction_three_objects": _LOGIC,
    "movie_recommendation": _WORLD,
    "multistep_arithmetic_two": _ALGORITHM,
    "navigate": _ALGORITHM,
    "object_counting": _ALGORITHM,
    "penguins_in_a_table": _ALGORITHM,
    "reasoning_about_colored_objects": _ALGORITHM,
    "ruin_names": _LANGUAGE,
    "salient_translation_error_detection": _LANGUAGE,
    "snarks": _LANGUAGE,
    "sports_understanding": _WORLD,
    "temporal_sequences": _LOGIC,
    "tracking_shuffled_objects_five_objects": _LOGIC,
    "tracking_shuffled_objects_seven_objects": _LOGIC,
    "tracking_shuffled_objects_three_objects": _LOGIC,
    "web_of_lies": _LOGIC,
    "word_sorting": _ALGORITHM,
}

_OPTION = re.compile(r"^\(([A-Z])\) ?(.*)$", re.MULTILINE)
_VALIDITY = {"Valid": (), "Invalid": ()}
_READERS = {
    "choice": readers.choice,
    "yes or no": readers.one_of(readers.YES_NO),
    "true or false": readers.one_of(readers.TRUE_FALSE),
    "validity": readers.one_of(_VALIDITY),
    "number": readers.number,
    "brackets": sequences.brackets,
    "words": sequences.words,
}
_OF_TWO = {
    word.casefold(): (kind, word)
    for kind, words in (("yes or no", readers.YES_NO), ("true or false", readers.TRUE_FALSE), ("validity", _VALIDITY))
    for word in words
}


def _read(record: Record, _: Random) -> Question:
    text = fields.text(record, "input").strip().removeprefix("Question: ")
    target = fields.text(record, "target").strip()
    options = tuple(option.strip() for _, option in _OPTION.findall(text))
    options += ("",) * (len(options) == 1)  # one question of snarks has lost its other option
    kind, targets = _answers(target, options)
    solution = fields.first(record, "solution") or ""
    return Question(text=text, choices=options, targets=targets, solution=solution, metadata={"kind": kind})


def _answers(target: str, options: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The kind of answer, and the right answers. Raises ValueError if none of them is an option."""
    if options:
        return "choice", _letters(target, options)
    if target.casefold() in _OF_TWO:
        kind, word = _OF_TWO[target.casefold()]
        return kind, (word,)
    if re.fullmatch(r"-?\d+", target):
        return "number", (target,)
    return "brackets" if re.fullmatch(r"[()\[\]{}<>\s]+", target) else "words", (target,)


def _letters(target: str, options: tuple[str, ...]) -> tuple[str, ...]:
    """The letter of the right option.

    In the data, three names with commas were split into several options. Each option that has a part of its own, which
    no other option has, is right.
    """
    labels = letters(len(options))
    if (letter := target.strip("()")) and letter in labels and len(letter) == 1:
        return (letter,)
    for start in range(len(options)):
        for end in range(start + 1, len(options) + 1):
            if ", ".join(options[start:end]) == target:
                return tuple(labels[at] for at in range(start, end) if options.count(options[at]) == 1)
    raise ValueError(f"the target {target!r} is not one of the options")


def _extract(reply: Reply, question: Question) -> str | None:
    return _READERS[question.metadata["kind"]](reply, question)


def _right(found: str, question: Question) -> Score:
    metric = accuracy.VALUE if question.metadata["kind"] == "number" else sequences.SAME
    return metric.score(found, question)


BENCHMARK = Benchmark(
    name="bbh",
    pretty_name="BIG-Bench Hard",
    description="27 tasks in English that need several steps: logic, language, dates, tables, brackets, "
    "arithmetic. The answer is a letter, yes or no, a number, or words in order.",
    category="reasoning",
    languages=("en",),
    source="https://arxiv.org/abs/2210.09261",
    licence="MIT",
    items=6511,
    hub_ids={"modelscope": "evalscope/bbh", "huggingface": "SaylorTwift/bbh"},
    subsets=tuple(Subset(name, (category,)) for name, category in _TASKS.items()),
    eval_split="test",
    train_split="train",
    few_shot_num=3,
    own_examples=True,
    prompt=Prompt.of(
        'Answer the question. Think step by step, then end with a line that begins with "Answer:" and has the answer '
        "alone: the letter of an option where there are lettered ones.",
        "Question: {question}",
        "{solution}\nAnswer: {answer}",
        few_shot_task="Answer the last of these questions in the way of the others: think step by step, then end with "
        'a line that begins with "Answer:" and has the answer alone.',
    ),
    read=_read,
    extract=_extract,
    metrics=(Metric(name="acc", score=_right),),
)
