"""The readers of a benchmark's `extract`, each for one question and a reply. Pure."""

from collections.abc import Callable, Mapping, Sequence

from evalkube_benchmarks import extract
from evalkube_benchmarks.benchmark import Question, Reply, letters

__all__ = [
    "ASKED_CHARS",
    "TRUE_FALSE",
    "YES_NO",
    "choice",
    "choices",
    "formula",
    "number",
    "one_of",
    "short",
    "text",
]

ASKED_CHARS = 400
"""The number of characters that tell a question from the next one."""


def number(reply: Reply, question: Question) -> str | None:
    """The number that a reply ends with, or the formula in its box."""
    return extract.number(reply.text, question.text[:ASKED_CHARS])


def formula(reply: Reply, question: Question) -> str | None:
    """The formula that a reply ends with: LaTeX, an interval, a set, several solutions, or a number."""
    return extract.formula(reply.text, question.text[:ASKED_CHARS])


def choice(reply: Reply, question: Question) -> str | None:
    """The letter of the one choice that a reply decides for."""
    return extract.choice(reply.text, letters(len(question.choices)), question.choices, question.text[:ASKED_CHARS])


def choices(reply: Reply, question: Question) -> str | None:
    """The letters of all choices that a reply calls right, in order."""
    return extract.choices(reply.text, letters(len(question.choices)), question.choices, question.text[:ASKED_CHARS])


def text(reply: Reply, question: Question) -> str:
    """The whole reply; only the answer if the reply is JSON, and without a next question of its own."""
    own = extract.answer_of(reply.text)
    if own is not None:
        return own
    if reply.runs_on:
        return extract.before_next(reply.text, question.text[:ASKED_CHARS])[0].strip()
    return reply.text


def short(reply: Reply, question: Question) -> str | None:
    """The short free answer: in a box, after "Answer:" or "the answer is", otherwise the last line."""
    return extract.short(reply.text, question.text[:ASKED_CHARS])


def one_of(labels: Mapping[str, Sequence[str]] | Sequence[str]) -> Callable[[Reply, Question], str | None]:
    """A reader of the one label of a closed list; a mapping has synonyms for each label."""
    spelled = labels if isinstance(labels, Mapping) else dict.fromkeys(labels, ())

    def read(reply: Reply, question: Question) -> str | None:
        return extract.label(reply.text, spelled, question.text[:ASKED_CHARS])

    return read


YES_NO: Mapping[str, Sequence[str]] = {
    "Yes": ("yeah", "yep", "true", "是", "是的", "对", "能", "可以", "会"),
    "No": ("nope", "false", "否", "不", "不是", "不对", "不能", "不可以", "不会"),
}
"""The labels yes and no for `one_of`, in English or Chinese."""

TRUE_FALSE: Mapping[str, Sequence[str]] = {
    "True": ("yes", "correct", "正确", "对", "对的", "是", "真", "√", "✓"),
    "False": ("no", "incorrect", "wrong", "错误", "不正确", "错", "错的", "不对", "否", "假", "×", "✗"),
}
"""The labels true and false for `one_of`, in English or Chinese."""
