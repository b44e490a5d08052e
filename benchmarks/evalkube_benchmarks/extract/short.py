"""The short free answer that a reply ends with: a name, a date, a list of words. Pure."""

import re

from evalkube_benchmarks.extract import document
from evalkube_benchmarks.extract.marks import boxed
from evalkube_benchmarks.extract.spoken import before_next
from evalkube_benchmarks.extract.statements import clause, refuses, statements, trimmed

__all__ = ["short"]

_TEX = re.compile(r"\\(?:text[a-z]{0,8}|mathrm|mathbf|mbox) ?\{([^{}]{0,400})\}")
_MARKS = re.compile(r"^[#>-]{1,6} (?=[*_]{0,3}\w)")  # of a heading, a quotation, a list
_LIST = re.compile(r"(?i:\banswer)\**: ?\**[ \t]*\n((?:[^\n]{1,60}\n){1,40}[^\n]{1,60})\s*\Z")
_BULLET = re.compile(r"^\s{0,4}(?:[-*•]|\d{1,3}[.)]) +")
_BOLD = re.compile(r"(?:\*\*)?([^*\n]{1,200})\*\*(?= ?[,;(—–.]|$)")
_ASIDE = re.compile(r"^([^()]{1,200}[\w\"']) \([^()]*[A-Za-z][^()]*\)$")
_COPULA = re.compile(
    r"(?P<subject>[^.:\n]{2,120}?) ?(?:\b(?:is|are|was|were)\b(?P<colon>:)?|是|为) ?(?P<said>[^\n]{1,200})$"
)
_MADE_BY = re.compile(r"^(?:[a-z]{2,14}(?:ed|en|wn|nt|de) (?:by|in|on|at) |(?:called|named) |the )")
_IT_IS = re.compile(
    r"(?:so,? |therefore,? |thus,? )?(?:it is|it's|it was|that is|this is) |in (?=\d{4}$)", re.IGNORECASE
)


def short(text: str, asked: str = "") -> str | None:
    r"""The answer in a box or tag, after the last "Answer:" or "the answer is", else the reply's last line.

    None for a reply that says nothing or declines.
    """
    own = document.answer_of(text)
    if own is not None:
        return trimmed(own) or None
    text = document.unfolded(before_next(text, asked)[0])
    inside = boxed(text)
    if inside is not None:
        return trimmed(_TEX.sub(r"\1", inside)) or None
    listed = _LIST.search(text)
    if listed is not None:
        return " ".join(trimmed(_BULLET.sub("", line)) for line in listed[1].strip().splitlines())
    for line in statements(text):
        said = _bare(line)
        if said:
            return None if refuses(said) else said
    lines = [line for line in text.splitlines() if line.strip("*_#>-` ")]
    if not lines or refuses(text):
        return None
    if len(lines) > 1 and all(map(_BULLET.match, lines)):
        return " ".join(trimmed(_BULLET.sub("", line)) for line in lines)
    if lines[-1].strip() == "```" and len(lines) > 1:
        lines.pop()
    said = _MARKS.sub("", lines[-1].strip())
    return _IT_IS.sub("", _predicate(said, asked), count=1) or None


def _bare(line: str) -> str:
    """An announced answer without its explanation: what is bold before a comma, or what is before brackets."""
    bold = _BOLD.match(line)
    if bold is not None:
        return trimmed(bold[1])
    said = trimmed(clause(line))
    aside = _ASIDE.match(said)
    return trimmed(aside[1]) if aside is not None else said


def _predicate(sentence: str, asked: str) -> str:
    """The part of a sentence that answers: the last word of "The capital of Kenya is Nairobi"."""
    match = _COPULA.match(sentence)
    if match is None:
        return trimmed(sentence)
    if match["colon"] or _is_about(match["subject"], asked):
        return trimmed(_MADE_BY.sub("", match["said"]))
    return trimmed(sentence)


def _is_about(subject: str, asked: str) -> bool:
    asked = asked.casefold()
    if not subject.isascii():
        return sum(one in asked for one in subject) >= 0.7 * len(subject)
    words = re.findall(r"[a-z]{4,}", subject.casefold())
    return bool(words) and sum(word in asked for word in words) >= 0.6 * len(words)
