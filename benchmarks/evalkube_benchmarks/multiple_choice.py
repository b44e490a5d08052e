"""What the multiple-choice benchmarks share: their prompts, and how a record's choices become a question."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from evalkube_benchmarks import fields
from evalkube_benchmarks.declaration import LETTERS, Prompt, Question, Record, letters

__all__ = [
    "CHINESE",
    "CHINESE_DIRECT",
    "CHINESE_OF_SUBJECT",
    "CHINESE_SEVERAL",
    "lettered",
    "question",
    "shuffled",
]

_OWN = LETTERS[:10]  # the choices that a record of the user's own may have
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


def question(
    text: str,
    choices: Sequence[str],
    answer: str,
    *,
    solution: str = "",
    several: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> Question:
    """A question with lettered choices. Raises ValueError when the answer is no letter of them."""
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


def lettered(record: Record, labels: str = _OWN) -> list[str]:
    """The choices of a record that has one field per letter, up to the last one that holds anything.

    An empty one between them keeps its place: the letters behind it must not move. Raises ValueError when there are
    fewer than two.
    """
    found = ["" if fields.is_missing(record.get(label)) else fields.text(record, label).strip() for label in labels]
    while found and not found[-1]:
        found.pop()
    if len(list(filter(None, found))) < 2:
        raise ValueError("there are fewer than two choices (fields A, B, ...)")
    return found


def shuffled(question: Question, random: Random) -> Question:
    """The question with its choices in another order, and its answers moved along."""
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
