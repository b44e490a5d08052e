"""The common part of multiple-choice benchmarks: their prompts, and the question made of a record's choices. Pure."""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from evalkube_benchmarks import fields
from evalkube_benchmarks.benchmark import LETTERS, Prompt, Question, Record, letters

__all__ = [
    *("CHINESE", "CHINESE_DIRECT", "CHINESE_OF_SUBJECT", "CHINESE_SEVERAL", "english"),
    *("LISTED", "Columns", "lettered", "question", "reader", "shuffled"),
]

# ------------------------------------------------------------------------------------------------------------- prompts

_ITEM = "题目：{question}\n{choices}"
_ONE = "，格式为“答案：字母”，字母取自 {letters}。"
_SEVERAL = "，格式为“答案：字母”，把所有对的字母连着写，字母取自 {letters}。"
_THINK = "先简要分析，然后另起一行写出结论"


def _chinese(task: str, few_shot_task: str, header: str = "") -> Prompt:
    return Prompt.of(
        task,
        _ITEM,
        "{solution}\n答案：{answer}",
        few_shot_task=few_shot_task,
        header=header,
        letters_separator="、",
    )


_TASK = f"请做下面这道单项选择题，只有一个选项是对的。{_THINK}{_ONE}"
_FEW_SHOT_TASK = f"下面是几道做好的单项选择题。请照样完成最后一题：{_THINK}{_ONE}"

CHINESE = _chinese(_TASK, _FEW_SHOT_TASK)
CHINESE_OF_SUBJECT = _chinese(_TASK, _FEW_SHOT_TASK, header="科目：{subject}\n")
CHINESE_DIRECT = _chinese(f"请做下面这道单项选择题，不要解释，只写一行结论{_ONE}", _FEW_SHOT_TASK)
CHINESE_SEVERAL = _chinese(
    f"请做下面这道不定项选择题，对的选项有一个或几个。{_THINK}{_SEVERAL}",
    f"下面是几道做好的不定项选择题。请照样完成最后一题：{_THINK}{_SEVERAL}",
)


def english(
    ask: str = "Choose the right answer to the question.",
    item: str = "Question: {question}\n{choices}",
    *,
    think: bool = True,
    subject: bool = False,
    several: bool = False,
) -> Prompt:
    """The prompt of an English benchmark: the task, and the form of one item.

    `think`: with reasons before the answer. `subject`: the subset's title above it. `several`: any number of choices.
    """
    how = "Reason briefly, then end with a line" if think else "Give no reasons, only one line"
    what = "the letters of all the right choices, out of" if several else "the letter of your choice, one of"
    form = f'{how} that says "Answer:" and {what} {{letters}}.'
    return Prompt.of(
        f"{ask} {form}",
        item,
        "{solution}\nAnswer: {answer}" if think else "Answer: {answer}",
        few_shot_task=f"{ask} Some are solved already; solve the last one. {form}",
        header="Subject: {subject}\n" if subject else "",
    )


# ------------------------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The places of a question's parts in the records of a data set.

    `question` are texts that follow one another, such as a passage and a question about it. `choices` is one field with
    a list, or with texts and their labels, or a field for each choice. `answer` is a letter, with or without brackets,
    or a label. With `first` it is the number of a choice, if the first choice has that number. With None the first
    choice is the right one, and choices are shuffled at reading, by the run's seed. `solution` is the way to the
    answer, `group` what questions on one text have in common, `kept` the metadata.
    """

    question: tuple[str, ...] = ("question",)
    choices: str | tuple[str, ...] = "choices"
    answer: str | None = "answer"
    first: int | None = None
    solution: str | None = None
    group: str | None = None
    kept: tuple[str, ...] = ()

    def missing(self, record: Record) -> str | None:
        """The first field that a record lacks; None if it has them all."""
        choices = self.choices if isinstance(self.choices, str) else self.choices[0]
        needed = (*self.question, choices, *((self.answer,) if self.answer else ()))
        return next((name for name in needed if name not in record), None)


LISTED = Columns()
"""The layout that many data sets on hubs have: `question`, a list of `choices`, and the letter of the `answer`."""


def reader(*layouts: Columns) -> Callable[[Record, Random], Question]:
    """The reader of a data set whose copies on hubs have one of some layouts. It raises KeyError and ValueError."""

    def read(record: Record, random: Random) -> Question:
        columns = next((one for one in layouts if one.missing(record) is None), None)
        if columns is None:
            raise KeyError(layouts[0].missing(record))
        return _read(columns, record, random)

    return read


def _read(columns: Columns, record: Record, random: Random) -> Question:
    if isinstance(columns.choices, str):
        labels, choices = _labelled(record, columns.choices)
    else:
        labels, choices = (), lettered(record, columns.choices)
    made = question(
        "\n\n".join(fields.text(record, name).strip() for name in columns.question),
        choices,
        "A" if columns.answer is None else _letter(record, columns, labels),
        solution=(columns.solution and fields.first(record, columns.solution)) or "",
        metadata={name: fields.metadata(record.get(name)) for name in columns.kept},
    )
    if columns.group is not None:
        made = dataclasses.replace(made, group=fields.first(record, columns.group) or "")
    return shuffled(made, random) if columns.answer is None else made


def _labelled(record: Record, name: str) -> tuple[tuple[str, ...], list[str]]:
    """The labels and texts of a list of choices: {text: [...], label: [...]}, [{text, label}, ...], or only texts."""
    value = record[name]
    if isinstance(value, list | tuple) and value and all(isinstance(one, dict) for one in value):
        value = {key: [one.get(key) for one in value] for key in ("text", "label")}
    if isinstance(value, dict):
        return fields.texts(value, "label"), list(fields.texts(value, "text"))
    return (), list(fields.texts(record, name))


def _letter(record: Record, columns: Columns, labels: Sequence[str]) -> str:
    """The letter of the right choice, in whichever form the record has it."""
    assert columns.answer is not None
    said = fields.text(record, columns.answer).strip()
    if labels and said in labels:
        return LETTERS[labels.index(said)]
    if columns.first is None:
        return said
    try:
        at = int(said) - columns.first
    except ValueError:
        at = -1
    if not 0 <= at < len(LETTERS):
        raise ValueError(f"field {columns.answer!r} has {said!r} instead of the number of a choice")
    return LETTERS[at]


def question(
    text: str,
    choices: Sequence[str],
    answer: str,
    *,
    solution: str = "",
    several: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> Question:
    """A question with lettered choices. Raises ValueError if the answer is not one of their letters."""
    labels = letters(len(choices))
    target = "".join(sorted(set(re.sub(r"[\W_]+", "", answer).upper())))
    if not target or not set(target) <= set(labels) or (len(target) > 1 and not several):
        raise ValueError(f"the answer {answer!r} is {'none' if several else 'not one'} of the letters {labels}")
    empty = [letter for letter in target if not choices[labels.index(letter)]]
    if empty:
        raise ValueError(f"the answer {answer!r} is the letter of an empty choice")
    return Question(
        text=text.strip(),
        choices=tuple(choices),
        targets=(target,),
        solution=solution.strip(),
        metadata=metadata or {},
    )


_OWN = tuple(LETTERS[:10])  # the choices that a record of the user's own may have


def lettered(record: Record, names: Sequence[str] = _OWN) -> list[str]:
    """The choices of a record with one field for each, up to the last one that is not empty.

    An empty one between them keeps its place, so that the letters after it do not change. Raises ValueError if there
    are fewer than two.
    """
    found = ["" if fields.is_missing(record.get(name)) else fields.text(record, name).strip() for name in names]
    while found and not found[-1]:
        found.pop()
    if len(list(filter(None, found))) < 2:
        raise ValueError(f"there are fewer than two choices (fields {', '.join(names[:2])}, ...)")
    return found


def shuffled(question: Question, random: Random) -> Question:
    """The question with its choices in another order, and with its answers changed accordingly."""
    order = list(range(len(question.choices)))
    random.shuffle(order)
    labels = letters(len(order))

    def moved(target: str) -> str:
        return "".join(sorted(labels[order.index(labels.index(letter))] for letter in target))

    return dataclasses.replace(
        question,
        choices=tuple(question.choices[at] for at in order),
        targets=tuple(map(moved, question.targets)),
    )
