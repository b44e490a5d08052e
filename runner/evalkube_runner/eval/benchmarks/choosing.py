"""What the Chinese multiple-choice benchmarks share: their prompts, and how a record's choices become a question."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evalkube_runner.eval.benchmarks import fields
from evalkube_runner.eval.benchmarks.declaration import LETTERS, Question, letters

__all__ = [
    "CHINESE",
    "CHINESE_DIRECT",
    "CHINESE_EXAMPLE",
    "CHINESE_FEW_SHOT",
    "CHINESE_SEVERAL",
    "CHINESE_SEVERAL_FEW_SHOT",
    "STOPS",
    "lettered",
    "question",
]

_ITEM = "题目：{question}\n{choices}"
_ONE = "，格式为“答案：字母”，字母取自 {letters}。\n\n"
_SEVERAL = "，格式为“答案：字母”，把所有对的字母连着写，字母取自 {letters}。\n\n"
_THINK = "先简要分析，然后另起一行写出结论"

CHINESE = f"请做下面这道单项选择题，只有一个选项是对的。{_THINK}{_ONE}{_ITEM}"
CHINESE_DIRECT = f"请做下面这道单项选择题，不要解释，只写一行结论{_ONE}{_ITEM}"
CHINESE_FEW_SHOT = f"下面是几道做好的单项选择题。请照样完成最后一题：{_THINK}{_ONE}{{fewshot}}\n\n{_ITEM}"
CHINESE_EXAMPLE = f"{_ITEM}\n{{solution}}\n答案：{{answer}}"
STOPS = ("\n\n题目：",)
CHINESE_SEVERAL = f"请做下面这道不定项选择题，对的选项有一个或几个。{_THINK}{_SEVERAL}{_ITEM}"
CHINESE_SEVERAL_FEW_SHOT = f"下面是几道做好的不定项选择题。请照样完成最后一题：{_THINK}{_SEVERAL}{{fewshot}}\n\n{_ITEM}"


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
        text=text.strip(), choices=tuple(choices), target=target, solution=solution.strip(), metadata=metadata or {}
    )


def lettered(record: Mapping[str, Any], labels: str = LETTERS) -> list[str]:
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
