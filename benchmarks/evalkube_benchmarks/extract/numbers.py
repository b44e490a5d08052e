"""The number that a reply ends on. Pure.

What a reply announces counts before what it merely ends with, and the last announcement before the others: models
restate and correct themselves. A number is taken with all that belongs to it (quantity.py).
"""

import re

from evalkube_benchmarks import quantity
from evalkube_benchmarks.extract import document, numerals
from evalkube_benchmarks.extract.marks import boxed, without_markup
from evalkube_benchmarks.extract.spoken import before_next, squeezed

__all__ = ["number"]

_HASHES = re.compile(r"####[ \t]{0,20}([^\n]{1,400})")
_MARKER = re.compile(
    r"(?:\banswers?(?: (?:to|of|for) [^.\n:]{1,80}?)?[*_\"']{0,3} ?"
    r"(?:(?:is|are|would be|should be|must be|comes to|equals)\b|[=:：]|\|)"
    r"|(?:最终|正确)?(?:答案|得数)[*_]{0,3} ?(?:应该|应当|应|就)?(?:是|为|等于|[=:：]|\|)"
    r"|^[*_#> ]{0,6}(?:result|结果)[*_]{0,3} ?[:：])"
    r"[ *_:：\n]{0,6}",
    re.IGNORECASE | re.MULTILINE,
)
_MOST_SIDES = 50
_STATED_CHARS = 400  # what is announced stands close to its announcement
_SENTENCE_END = re.compile(r"\.(?= |$)|[。；;!！?？]")
_DENIED = re.compile(r"(?:not|wrong|incorrect|unknown|不是|不对|错)(?![A-Za-z])", re.IGNORECASE)
_EITHER = re.compile(r"\s?(?:or|或者?)\s?(?=[-$\d.])", re.IGNORECASE)
_OPERATOR = re.compile(
    r"(?: ?[a-z]{1,12}){0,2} ?(?:[-+*×·÷^/]|x(?= ?\d))(?= ?[\d($\\])|[A-Za-z](?= ?[-+=^])", re.IGNORECASE
)
_TEX = re.compile(r"\$([^$\n]{1,200})\$")
_TEX_VALUE = re.compile(r"\\[dt]?frac|\\sqrt|\\pi|\^")
_FORMULA = re.compile(r"[\d\s+*/^().×·÷x=-]{2,100}|\d{1,9}(?::\d{1,9}){1,3}")
_RATIO = re.compile(r"(?<![\w.])\d{1,9}(?:(?: : |:)\d{1,9}){1,3}(?![\w.])")


def number(text: str, asked: str = "") -> str | None:
    r"""Returns the number a reply ends on: in \boxed{}, after `####`, after "the answer is", else its last number.

    A box is returned as it stands, formula or not; out of a sentence the number is cut. What follows on to another
    question than `asked` is left out.
    """
    text = document.unfolded(text)
    head, apart = before_next(text, asked)
    if head is not text:
        answer = _announced(head) or _alone(head) or (_last(head) if apart else None)
        if answer is not None:
            return answer
    return _announced(text) or _last(text)


def _announced(text: str) -> str | None:
    inside = boxed(text)
    if inside is not None:
        return numerals.whole(inside) or inside
    hashes = _HASHES.findall(text)
    if hashes:
        return _stated(hashes[-1])
    text = squeezed(text)
    markers = list(_MARKER.finditer(text))
    ends = [*(marker.start() for marker in markers[1:]), len(text)]
    for marker, end in reversed(list(zip(markers, ends, strict=False))):
        lines = text[marker.end() : min(end, marker.end() + _STATED_CHARS)].strip().splitlines()
        answer = _stated(lines[0]) if lines else None
        if answer is not None:
            return answer
    return None


def _stated(line: str) -> str | None:
    """The number that an announced sentence states; None when it states none."""
    line = without_markup(line)
    if _DENIED.match(line):
        return None
    alone = _TEX.fullmatch(line.rstrip(" .。"))
    if alone and all(quantity.quantity(one) is None for one in (alone.group(1), alone.group(1).rpartition("=")[2])):
        return alone.group(1).strip() or None
    formula = next((one.strip() for one in _TEX.findall(line) if _TEX_VALUE.search(one)), None)
    if formula is not None:
        return formula.rpartition("=")[2].strip() or None
    written = _SENTENCE_END.split(line, maxsplit=1)[0]
    if _TEX_VALUE.search(written) and not re.search(r"[a-z]{4,}", re.sub(r"\\[a-z]{1,20}", "", written)):
        return written.strip(" *_`$,，:：")
    sentence = quantity.plain(written).strip(" *_`,，:：")
    return _of_sentence(sentence) or numerals.number(sentence)


def _of_sentence(sentence: str) -> str | None:
    quantities = quantity.found(sentence)
    if not quantities:
        return None
    first = quantities[0]
    if first.start <= 1 and not _OPERATOR.match(sentence, first.end) and not sentence[first.end :].startswith(":"):
        other = _EITHER.match(sentence, first.end)
        return sentence[: other.end() + 20].strip() if other else first.text
    if _FORMULA.fullmatch(sentence):
        return _side(sentence) or sentence
    ratio = _RATIO.search(sentence)
    if ratio:
        return ratio.group()
    return _side(sentence) or first.text


def _side(sentence: str) -> str | None:
    """The last side of an equation that is a number by itself; else the first number of its last side."""
    alone = _lone_side(sentence)
    if alone is not None or not re.search(r"[=≈]", sentence):
        return alone
    last = quantity.found(re.split(r"[=≈]", sentence)[-1])
    return last[0].text if last else None


def _lone_side(sentence: str) -> str | None:
    """The last side of an equation that is a number by itself."""
    sides = re.split(r"[=≈]", sentence)
    for side in reversed(sides if 1 < len(sides) <= _MOST_SIDES else ()):
        if quantity.quantity(side) is not None:
            found = quantity.found(quantity.plain(side))
            return found[0].text if found else None
    return None


def _alone(text: str) -> str | None:
    """The number that the last line of a text is, with its unit and nothing else."""
    line = without_markup(text.strip().rpartition("\n")[2])
    read = quantity.quantity(line)
    return quantity.found(quantity.plain(line))[0].text if read is not None else None


def _last(text: str) -> str | None:
    """The last number of the last line that has any; of an equation, what it comes to."""
    for line in reversed(squeezed(text).splitlines()):
        read = quantity.plain(line)
        quantities = quantity.found(read)
        if not quantities:
            continue
        ratio = None
        for ratio in _RATIO.finditer(read):  # noqa: B007 - the last one is wanted
            pass
        if ratio is not None and ratio.end() >= quantities[-1].end:
            return ratio.group()
        if "=" in read or "≈" in read:
            start = max(read.rfind("="), read.rfind("≈"))
            behind = next((one for one in quantities if one.start > start), None)
            if behind is not None and not _OPERATOR.match(read, behind.end):
                return behind.text
            alone = _lone_side(read)
            if alone is not None:
                return alone
            before = [one for one in quantities if one.end <= start]
            return (before or quantities)[-1].text
        return quantities[-1].text
    return numerals.number(text) if len(text) <= 40 else None
