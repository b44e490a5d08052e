"""The short free answer that a reply ends on: a name, a date, a list of words. Pure."""

import re

from evalkube_benchmarks.extract import document
from evalkube_benchmarks.extract.marks import boxed
from evalkube_benchmarks.extract.spoken import before_next
from evalkube_benchmarks.extract.statements import clause, refuses, statements, trimmed

__all__ = ["short"]

_TEX = re.compile(r"\\(?:text[a-z]{0,8}|mathrm|mathbf|mbox) ?\{([^{}]{0,400})\}")
_MARKS = re.compile(r"^[#>-]{1,6} (?=[*_]{0,3}\w)")  # of a heading, a quotation, a list
_IT_IS = re.compile(r"(?:so,? |therefore,? |thus,? )?(?:it is|it's|it was|that is|this is) ", re.IGNORECASE)


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
    for line in statements(text):
        said = trimmed(clause(line))
        if said:
            return None if refuses(said) else said
    lines = [line for line in text.splitlines() if line.strip("*_#>-` ")]
    if not lines or refuses(text):
        return None
    said = trimmed(_MARKS.sub("", lines[-1].strip()))
    return _IT_IS.sub("", said, count=1) if _IT_IS.match(said) else said or None
