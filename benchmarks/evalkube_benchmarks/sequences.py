"""Answers that are a sequence: words in order, or brackets that close others. Their readers and metric. Pure."""

import re

from evalkube_benchmarks import extract
from evalkube_benchmarks.benchmark import Metric, Question, Reply
from evalkube_benchmarks.extract.statements import statements
from evalkube_benchmarks.readers import ASKED_CHARS

__all__ = ["SAME", "brackets", "words"]

_BRACKETS = "()[]{}<>"
_RUN = re.compile(r"[()\[\]{}<>](?:[\s,]{0,3}[()\[\]{}<>])*")
_BULLET = re.compile(r"[\s>*•-]{0,6}(?:\d{1,3}[.)](?=\s))?\s*")


def words(reply: Reply, question: Question) -> str | None:
    """The words that a reply ends with, separated by one space, from a line or a list."""
    text, stated = _read(reply, question)
    block = text.strip().rpartition("\n\n")[2]
    if stated is None or len(_split(stated)) < 2 <= len(_listed(block)):
        lines = _listed(block)
        several = len(lines) > 1 and all(len(_split(line)) == 1 for line in lines)
        stated = " ".join(lines) if several else stated or (lines[-1] if lines else "")
    return " ".join(_split(stated)) or None


def brackets(reply: Reply, question: Question) -> str | None:
    """The brackets that a reply ends with, separated by one space, without those that the question begins with."""
    text, stated = _read(reply, question)
    lines = [stated] if stated else [line for line in text.splitlines() if _RUN.search(line)][-1:]
    runs = [run[0] for line in lines for run in _RUN.finditer(line.replace("\\", ""))]
    if not runs:
        return None
    found = re.sub(rf"[^{re.escape(_BRACKETS)}]", "", max(runs, key=len) if stated is None else runs[0])
    begun = re.sub(rf"[^{re.escape(_BRACKETS)}]", "", question.text.rpartition("Input:")[2])
    return " ".join(found.removeprefix(begun) if len(found) > len(begun) else found)


def _read(reply: Reply, question: Question) -> tuple[str, str | None]:
    """A reply without a next question of its own, and the answer that it announces."""
    text = extract.before_next(reply.text, question.text[:ASKED_CHARS])[0].replace("```", "\n")
    return text, extract.answer_of(text) or extract.boxed(text) or next(statements(text), None)


def _listed(text: str) -> list[str]:
    """The lines of a list without numbers and bullets, and without the line that announces it."""
    lines = [_BULLET.sub("", line, count=1) for line in text.splitlines()]
    return [line for line in lines if line.strip() and not line.rstrip(" *_").endswith(":")]


def _split(text: str) -> list[str]:
    """The words of a text, without commas, semicolons, arrows and markup."""
    marked = re.sub(r"\\(?:text[a-z]{0,8}|mathrm) ?\{([^{}]{0,4000})\}", r"\1", text)
    pieces = re.split(r"(?:[\s,;]|->|→|(?<!\w)>(?!\w)|\\[,; ])+", marked)
    bare = (piece.strip('*_`"“”$.:') for piece in pieces)
    return [piece for piece in bare if re.search(r"\w", piece)]


def _same(found: str, question: Question) -> float:
    return float(any(found.casefold().split() == target.casefold().split() for target in question.targets))


SAME = Metric(name="acc", score=_same)
"""Whether the extracted sequence is a right one, apart from case."""
