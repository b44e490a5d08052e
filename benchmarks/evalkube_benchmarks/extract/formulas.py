r"""The formula that a reply ends on: a number, an expression, an interval, a set, several solutions. Pure.

What is not set as mathematics ("The answer is 18 dollars") is read as a number is.
"""

import itertools
import re

from evalkube_benchmarks import quantity
from evalkube_benchmarks.extract import document, numbers, numerals
from evalkube_benchmarks.extract.marks import boxed
from evalkube_benchmarks.extract.spoken import before_next
from evalkube_benchmarks.extract.statements import clause, refuses, statements, trimmed

__all__ = ["formula"]

_SET = re.compile(
    r"\$\$(.{1,600}?)\$\$|\\\[(.{1,600}?)\\\]|\\\((.{1,600}?)\\\)"
    r"|(?<![\\$])\$(?!\s?\d[\d,.]*(?: [a-zA-Z]{2,}| ?$|[.,]? ?[a-z]{2,}))((?:[^$\n\\]|\\.){1,400}?)\$",
    re.DOTALL,
)
_BETWEEN = re.compile(r"\s*(?:,|;|、|,? ?(?:and|or)\b|[和或与及])\s*(?:the )?", re.IGNORECASE)
_BARE = re.compile(r"[-−+]?[\d()\[\]{}|\\.√π∞∪a-zA-Z]")
_ENGLISH = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}(?![A-Za-z(^_'])")
_LISTED = re.compile(r"^-?[\d./]+(?:, ?-?[\d./]+)+|\d,? and \d")
_FIGURE = re.compile(r"\d")
_MOST_WORDS = 4
_FUNCTIONS = frozenset(
    (
        *("sin", "cos", "tan", "cot", "sec", "csc", "log", "exp", "sqrt", "max", "min", "gcd", "lcm", "mod", "arcsin"),
        *("arccos", "arctan", "inf", "infty", "cup", "cap", "pmod", "deg"),
    )
)
_OPERATOR = re.compile(
    r"∈|(?i:\d,? (?:and|or) -?[\d\\(])|[-+*/^=<>≤≥∪∩√π∞]|\\[a-zA-Z]|[)\]}]\s?[,;]|^[\[({].*,.*[\])}]$|\d[a-zA-Z]"
)


def formula(text: str, asked: str = "") -> str | None:
    r"""The formula in the last box, after the last announcement, or displayed last; else the number it ends on.

    Several solutions side by side are one answer: "$x = 2$ and $x = 3$" are "x = 2, x = 3".
    """
    text = document.unfolded(text)
    head, apart = before_next(text, asked)
    if head is not text:
        found = _announced(head) or (_unannounced(head, asked) if apart else None)
        return numbers.number(text, asked) if found is None else found
    return _announced(text) or _unannounced(text, asked)


def _unannounced(text: str, asked: str) -> str | None:
    """The answer at the end of a reply without an announcement, or the whole reply."""
    if refuses(text):
        return None
    return _displayed(text) or _ending(text) or numbers.number(text, asked) or _words(text)


def _announced(text: str) -> str | None:
    inside = boxed(text)
    if inside is not None:
        return numerals.whole(quantity.plain(inside)) or inside
    lines = list(statements(text))
    said = next(filter(None, map(_stated, lines)), None)
    if said is not None:
        return said
    words = next((trimmed(clause(line)) for line in lines), "")
    return (
        words
        if words and not _FIGURE.search(words) and len(words.split()) <= _MOST_WORDS and not refuses(words)
        else None
    )


def _stated(line: str) -> str | None:
    """The formula in an announced sentence; None if it has none, or has a number in words."""
    joined = _joined(list(_SET.finditer(line)), line)
    if joined is not None:
        return joined
    bare = trimmed(clause(line)).rstrip(",;:").strip()
    words = [word for word in _ENGLISH.findall(bare) if word.lower() not in _FUNCTIONS]
    words = [word for word in words if word.lower() not in ("and", "or")]
    if not words and _BARE.match(bare) and _OPERATOR.search(bare):
        return bare
    return None


def _joined(found: "list[re.Match[str]]", line: str) -> str | None:
    """The first formula of a line with those beside it; None if words come before it."""
    if not found or len(line[: found[0].start()].split()) > 12:
        return None
    parts = [_inner(found[0])]
    for before, after in itertools.pairwise(found):
        if not _BETWEEN.fullmatch(line[before.end() : after.start()]):
            break
        parts.append(_inner(after))
    return ", ".join(parts) or None


def _displayed(text: str) -> str | None:
    """The formula on the last line, if the reply ends with one."""
    last = None
    for last in _SET.finditer(text[-4_000:]):  # noqa: B007 - the last one is wanted
        pass
    if last is None or text[-4_000:][last.end() :].strip(" .。\n*"):
        return None
    return _inner(last).rpartition("=")[2].strip() or None


def _ending(text: str) -> str | None:
    """The formula at the end of the last line, without dollars: "The area is 9π", "x > 4"."""
    line = trimmed(text.strip().rpartition("\n")[2])
    begun = 0
    for word in _PROSE.finditer(line):
        if word.group().lower() not in _FUNCTIONS and word.group().lower() not in ("and", "or"):
            begun = word.end()
    ending = line[begun:].strip(" :,;.")
    return ending if _BARE.match(ending) and (_OPERATOR.search(ending) or _LISTED.search(ending)) else None


def _words(text: str) -> str | None:
    """A reply of a few words: the answer may be a name or a day of the week."""
    words = trimmed(text)
    return words if words and len(words.split()) <= _MOST_WORDS and "\n" not in words else None


def _inner(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None).strip().rstrip(".,").strip()
