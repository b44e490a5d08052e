"""What a benchmark's `extract` may be: the readers of `extract`, for one question and a reply. Pure."""

from evalkube_benchmarks import extract
from evalkube_benchmarks.declaration import Question, Reply, letters

__all__ = ["ASKED_CHARS", "choice", "choices", "number", "text"]

ASKED_CHARS = 400
"""How many characters tell a question from the next one."""


def number(reply: Reply, question: Question) -> str | None:
    """The number that a reply ends on, or the formula in its box."""
    return extract.number(reply.text, question.text[:ASKED_CHARS])


def choice(reply: Reply, question: Question) -> str | None:
    """The letter of the one choice that a reply settles on."""
    return extract.choice(reply.text, letters(len(question.choices)), question.choices, question.text[:ASKED_CHARS])


def choices(reply: Reply, question: Question) -> str | None:
    """The letters of all choices that a reply calls right, in order."""
    return extract.choices(reply.text, letters(len(question.choices)), question.choices, question.text[:ASKED_CHARS])


def text(reply: Reply, question: Question) -> str:
    """All that a reply says; the answer alone where it is JSON, and without a next question of its own making."""
    own = extract.answer_of(reply.text)
    if own is not None:
        return own
    if reply.runs_on:
        return extract.before_next(reply.text, question.text[:ASKED_CHARS])[0].strip()
    return reply.text
