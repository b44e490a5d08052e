"""The number that a reply ends with. Pure.

An announced number counts before the number at the end, and the last announcement before the others, because models
restate and correct themselves. A number is read with everything that belongs to it (quantity.py).
"""

import re
from collections.abc import Iterator

from evalkube_benchmarks import quantity
from evalkube_benchmarks.extract import document, numerals
from evalkube_benchmarks.extract.alternatives import ends_on_several, hedges, is_open
from evalkube_benchmarks.extract.announcements import ABROAD, ASIDE, is_abroad, is_announced
from evalkube_benchmarks.extract.marks import boxed, without_markup
from evalkube_benchmarks.extract.spoken import before_next, squeezed
from evalkube_benchmarks.extract.statements import refuses

__all__ = ["number"]

_HASHES = re.compile(r"####[ \t]{0,20}([^\n]{1,400})")
_SAYS = (
    r"\banswers?(?: (?:to|of|for) [^.\n:]{1,80}?)?[*_\"']{0,3} ?"
    r"(?:(?:is|are|would be|should be|must be|comes to|equals)\b|[=:：]|\|)"
    r"|(?:最终|正确)?(?:答案|得数)[*_]{0,3} ?(?:应该|应当|应|就)?(?:是|为|等于|[=:：]|\|)"
    r"|^[*_#> ]{0,6}(?:result|结果)[*_]{0,3} ?[:：]"
)
_MARKER = re.compile(rf"(?:{_SAYS})[ *_:：\n]{{0,6}}", re.IGNORECASE | re.MULTILINE)
_MARKER_ABROAD = re.compile(rf"(?:{_SAYS}|{ABROAD})[ *_:：\n]{{0,6}}", re.IGNORECASE | re.MULTILINE)
_MOST_SIDES = 50
_LINE_CHARS = 4_000  # of a line without an end, what it ends on
_STATED_CHARS = 400  # what is announced stands close to its announcement
_SENTENCE_END = re.compile(r"\.(?= |$)|[。；;!！?？]")
_DENIED = re.compile(r"(?:not|wrong|incorrect|unknown|不是|不对|错)(?![A-Za-z])", re.IGNORECASE)
_CLOCK = re.compile(r": ?\d")
_STRUCK = re.compile(r"~~[^~\n]{1,100}~~")
_NONE = re.compile(r"(?:unknown|none|null|n/?a|undefined|cannot|can't|not |无|未知)(?![A-Za-z])", re.IGNORECASE)
# Where a point stands between thousands: German, Spanish, Italian, Portuguese, Dutch, Turkish, Indonesian.
_EUROPEAN = re.compile(
    r"\b(?:die|der|das|und|ist|sind|antwort|insgesamt|el|los|las|es|son|respuesta|en total|il|sono|risposta|quindi"
    r"|resposta|são|uma|het|een|antwoord|bir|cevap|toplam|adalah|jawaban|jadi)\b",
    re.IGNORECASE,
)
_CALCULATED = re.compile(r"[\^=*/()√{}]|\\(?!text)")
_POINT_AND_THREE = re.compile(r"\.\d{3}(?!\d)")
_EUROPEAN_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:\.\d{3})+(?![\d.]\d|\d)")
_OPERATOR = re.compile(
    r"(?: ?[a-z]{1,12}){0,2} ?(?:[-+*×·÷^/]|x(?= ?\d))(?= ?[\d($\\])|[A-Za-z](?= ?[-+=^])", re.IGNORECASE
)
_FIGURE = re.compile(r"[\d¼-¾⅐-⅞²³]")
_FIRST_DIGIT = re.compile(r"\d")
_ASIDE = re.compile(ASIDE, re.IGNORECASE | re.MULTILINE)
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")
_PARENTHESES = re.compile(
    r"(?<![\w)])?[(（](?=[^()（）=≈\n]{0,200}(?:[A-Za-z一-鿿]|\d ?[-+×÷*/] ?[$\d]))[^()（）=≈\n]{1,200}[)）]"
)
_REASON = re.compile(r"\b(?:because|since|(?:by|from|after|when|through) [a-z]{2,15}ing)\b|因为|由于", re.IGNORECASE)
_SO = re.compile(r"\b(?:so|therefore|thus|hence|gives|makes|total)\b|所以|因此", re.IGNORECASE)
_IN_PASSING = re.compile(
    r"\b(?:in|during|over|for|of|after|from|at|by|per|with|within|each of|all|every|among|the)"
    r"(?: (?:the|all|all the|these|those|her|his|their|its|all of the))? $",
    re.IGNORECASE,
)
_TEX = re.compile(r"\$([^$\n]{1,200})\$")
_TEX_VALUE = re.compile(r"\\[dt]?frac|\\sqrt|\\pi|\^")
_FORMULA = re.compile(r"[\d\s+*/^().×·÷x=-]{2,100}|\d{1,9}(?::\d{1,9}){1,3}")
_RATIO = re.compile(r"(?<![\w.])\d{1,9}(?:(?: : |:)\d{1,9}){1,3}(?![\w.])")


def number(text: str, asked: str = "") -> str | None:
    r"""Returns the number a reply ends on: in \boxed{}, after `####`, after "the answer is", else its last number.

    A box is returned as it stands, formula or not; out of a sentence the number is cut. What follows on to another
    question than `asked` is left out. Two numbers side by side ("50 or 60", "50 to 60") are no answer.
    """
    text = quantity.in_digits(document.unfolded(text))
    if "~~" in text:
        text = _STRUCK.sub("", text)
    if _POINT_AND_THREE.search(text) and len(set(_EUROPEAN.findall(text[-2_000:]))) >= 2:
        text = _EUROPEAN_THOUSANDS.sub(lambda one: one[0].replace(".", ""), text)
    head, apart = before_next(text, asked)
    if head is not text:
        answer = _announced(head)
        if answer is None:
            answer = _alone(head) or (_last(head, asked) if apart else None)
        if answer is not None:
            return answer or None
    answer = _announced(text)
    if answer is None:
        answer = None if refuses(text) else _last(text, asked)
    return answer or None


def _announced(text: str) -> str | None:
    """The number of the last announcement; "" if it names two, None without an announcement."""
    inside = boxed(text)
    if inside is not None:
        return _boxed(inside)
    hashes = _HASHES.findall(text)
    if hashes:
        return _stated(hashes[-1].rpartition(":")[2] or hashes[-1])
    text = squeezed(text)
    markers = list(_markers(text))
    ends = [*(marker.start() for marker in markers[1:]), len(text)]
    for marker, end in reversed(list(zip(markers, ends, strict=False))):
        lines = text[marker.end() : min(end, marker.end() + _STATED_CHARS)].strip().splitlines()
        answer = _stated(lines[0]) if lines else None
        if answer is not None:
            return answer
    return None


def _boxed(inside: str) -> str:
    """The content of a box, unless it is words; "" for two numbers side by side, or for words without a number."""
    said = quantity.plain(inside)
    if is_open(said) or _NONE.match(said) or refuses(said):
        return ""
    if quantity.quantity(inside) is None and not _CALCULATED.search(said):
        quantities = quantity.found(said)
        words = len(re.findall(r"[A-Za-z]{2,}|[一-鿿]{2,}", said))
        if len(quantities) == 1 and words >= (3 if "\\" in inside else 1):
            return quantities[0].text
    return numerals.whole(said) or inside


def _stated(line: str) -> str | None:
    """The number in an announced sentence; None if it has none."""
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
    if hedges(sentence):
        return ""
    return _of_sentence(sentence) or numerals.number(sentence)


def _of_sentence(sentence: str) -> str | None:
    quantities = quantity.found(sentence)
    if not quantities:
        return None
    first = quantities[0]
    if first.start <= 1 and not _OPERATOR.match(sentence, first.end) and not _CLOCK.match(sentence, first.end):
        return first.text
    if _FORMULA.fullmatch(sentence):
        return _side(sentence) or sentence
    ratio = _RATIO.search(sentence)
    if ratio:
        return ratio.group()
    return _side(sentence) or first.text


def _side(sentence: str) -> str | None:
    """The last side of an equation that is only a number; otherwise the first number of its last side."""
    alone = _lone_side(sentence)
    if alone is not None or not re.search(r"[=≈]", sentence):
        return alone
    last = quantity.found(re.split(r"[=≈]", sentence)[-1])
    return last[0].text if last else None


def _lone_side(sentence: str) -> str | None:
    """The last side of an equation that is only a number."""
    sides = re.split(r"[=≈]", sentence)
    for side in reversed(sides if 1 < len(sides) <= _MOST_SIDES else ()):
        if quantity.quantity(side) is not None:
            found = quantity.found(quantity.plain(side))
            return found[0].text if found else None
    return None


def _alone(text: str) -> str | None:
    """The number on the last line of a text, if the line is only the number and its unit."""
    line = without_markup(text.strip().rpartition("\n")[2])
    read = quantity.quantity(line)
    return quantity.found(quantity.plain(line))[0].text if read is not None else None


def _last(text: str, asked: str = "") -> str | None:
    """The last number of the last line that has any, without asides; of an equation, its result.

    "" if it is one of two numbers side by side.
    """
    text = squeezed(text)
    aside = _ASIDE.search(text)
    if aside is not None and _FIRST_DIGIT.search(text[: aside.start()]):
        text = text[: aside.start()]
    for line in reversed(text.splitlines()):
        if _FIGURE.search(line) is None:
            continue
        read = _main(line)
        quantities = quantity.found(read)
        if not quantities:
            continue
        ratio = None
        for ratio in _RATIO.finditer(read):  # noqa: B007 - the last one is wanted
            pass
        if ratio is not None and ratio.end() >= quantities[-1].end:
            return ratio.group()
        if "=" in read or "≈" in read:
            return _of_equation(read, quantities)
        if ends_on_several(read, quantities):
            return ""
        return _new_one(read, quantities, asked).text
    line = text.rpartition("\n")[2]
    said = numerals.number(line)
    if said is None:
        quantities = quantity.found(numerals.in_figures(line))
        said = quantities[0].text if len(quantities) == 1 else None
    return said


def _of_equation(read: str, quantities: list[quantity.Found]) -> str:
    start = max(read.rfind("="), read.rfind("≈"))
    behind = next((one for one in quantities if one.start > start), None)
    if behind is not None and not _OPERATOR.match(read, behind.end):
        return behind.text
    alone = _lone_side(read)
    if alone is not None:
        return alone
    before = [one for one in quantities if one.end <= start]
    return (before or quantities)[-1].text


def _main(line: str) -> str:
    """The part of a line without an announcement that may be its answer.

    It is the bold words, or everything except asides and reasons.
    """
    line = line[-_LINE_CHARS:]
    bold = [one for one in _BOLD.findall(line) if _FIRST_DIGIT.search(one)]
    if bold:
        return quantity.plain(bold[-1])
    outside = _PARENTHESES.sub(" ", line)
    if _FIRST_DIGIT.search(outside):
        line = outside
    reason = _REASON.search(line)
    if reason is not None and _FIRST_DIGIT.search(line[: reason.start()]) and not _SO.search(line, reason.end()):
        line = line[: reason.start()]
    return quantity.plain(line)


def _new_one(read: str, quantities: list[quantity.Found], asked: str) -> quantity.Found:
    """The last number of a line, except one that the question has and the line only mentions ("in 15 days")."""
    given = {one.quantity.value for one in quantity.found(quantity.plain(asked))} if len(quantities) > 1 else set()
    for one in reversed(quantities):
        if one.quantity.value not in given or not _IN_PASSING.search(read[max(0, one.start - 24) : one.start]):
            return one
        if all(other.quantity.value in given for other in quantities if other.end <= one.start):
            break
    return quantities[-1]


def _markers(text: str) -> Iterator[re.Match[str]]:
    if is_abroad(text):
        return _MARKER_ABROAD.finditer(text)
    return _MARKER.finditer(text) if is_announced(text) else iter(())
