"""Alternatives and ranges: two numbers side by side, which are no answer. Pure."""

import re
from collections.abc import Sequence

from evalkube_benchmarks import quantity

__all__ = ["ends_on_several", "hedges", "is_open"]

_ONE_NUMBER = r"-?[$€£¥]?\d(?:[\d,]{0,20}\d)?(?:\.\d{1,20})?%?"
_OPEN = re.compile(
    rf"(?<![A-Za-z0-9.,:/^])(?P<low>{_ONE_NUMBER})(?P<unit> [a-z]{{1,12}})?"
    rf"(?:(?P<or>,?(?: /)? [(]?(?:and/)?(?:or|oder|ou) "
    rf"(?:(?:maybe|perhaps|possibly|even) )?"
    rf"| ?或者? ?| ?还是 ?)|(?: to | ?[至到~] ?|(?<=\d)-(?=\d)))"
    rf"(?P<high>{_ONE_NUMBER})(?P<unit2>(?: [a-z]{{1,12}})?)(?![A-Za-z0-9/^:-])",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    rf"\b(?:between|zwischen|entre) (?P<low>{_ONE_NUMBER}) (?:and|und|et|y) (?P<high>{_ONE_NUMBER})", re.IGNORECASE
)
_LISTED = re.compile(rf"{_ONE_NUMBER}(?:, {_ONE_NUMBER}){{1,20}}")
_MAYBE = r"(?:\b(?:maybe|perhaps|possibly) |可能是? ?|要么是? ?|也许是? ?)"
_TWICE_MAYBE = re.compile(
    rf"{_MAYBE}(?P<low>{_ONE_NUMBER})[^.\d\n]{{0,20}}?{_MAYBE}(?P<high>{_ONE_NUMBER})", re.IGNORECASE
)
_FIRST_DIGIT = re.compile(r"\d")


def is_open(said: str) -> bool:
    """Whether two numbers are side by side, as alternatives or as the ends of a range."""
    pair = _OPEN.search(said)
    if pair is None:
        return False
    low, high = quantity.quantity(pair["low"]), quantity.quantity(pair["high"])
    if low is None or high is None or low.value == high.value:
        return False
    units = (pair["unit"] or "").strip().lower(), pair["unit2"].strip().lower()
    return not (all(units) and units[0] != units[1] and pair["or"])


def hedges(sentence: str) -> bool:
    """Whether a sentence begins with several numbers: "between 50 and 60", "50 or 60", "50 to 60"."""
    if "=" in sentence:
        return False
    pair = _BETWEEN.search(sentence) or _OPEN.search(sentence)
    first = _FIRST_DIGIT.search(sentence)
    return (
        pair is not None
        and first is not None
        and first.start() >= pair.start()
        and (pair.re is _BETWEEN or is_open(sentence))
    )


def ends_on_several(line: str, quantities: Sequence[quantity.Found]) -> bool:
    """Whether a line is a list of numbers, or ends with two numbers side by side."""
    if _LISTED.fullmatch(line) and len(quantities) > 1:
        return True
    pairs = (*_TWICE_MAYBE.finditer(line), *_BETWEEN.finditer(line), *_OPEN.finditer(line))
    return any(
        pair.end("high") >= quantities[-1].end and (pair.re is not _OPEN or is_open(pair.group())) for pair in pairs
    )
