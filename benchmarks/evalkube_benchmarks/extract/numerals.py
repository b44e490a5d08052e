"""Numbers in words: eighteen, one hundred and five, 十八, 三千零五. Pure."""

import re
from collections.abc import Mapping

__all__ = ["number", "whole"]

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL: Mapping[str, int] = {word: at for at, word in enumerate(_ONES)} | {
    word: 10 * at for at, word in enumerate(_TENS, start=2)
}
_LARGE: Mapping[str, int] = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9}
_WORD = "|".join(sorted((*_SMALL, *_LARGE), key=len, reverse=True))
_ENGLISH = re.compile(rf"\b(?:{_WORD})(?:(?: |-| and )(?:{_WORD})){{0,20}}\b", re.IGNORECASE)

_PARTS: Mapping[str, int] = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "eighth": 8, "tenth": 10}
_PART = re.compile(rf"^(?:about )?(a|{_WORD})[ -]({'|'.join(_PARTS)})s?\b", re.IGNORECASE)

_DIGITS: Mapping[str, int] = {digit: at for at, digit in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_UNITS: Mapping[str, int] = {"十": 10, "百": 100, "千": 1000}
_MYRIADS: Mapping[str, int] = {"万": 10**4, "亿": 10**8}
_CHINESE = re.compile(r"负?[零〇一二两三四五六七八九十百千万亿]{1,20}(?:点[零〇一二三四五六七八九]{1,20})?")
# Words that begin with a number and count nothing.
_NO_COUNT = re.compile(r"一(?:共|样|定|般|起|些|直|切|下|个|次|种|方面|开始)|万一|三角|十分|四边|千万不")


def number(text: str) -> str | None:
    """The one number that a text says in words, as digits; None when it says none, or several."""
    part = _PART.search(text[:400])
    if part is not None:
        above = 1 if part[1].lower() in ("a", "one") else int(_english(part[1]))
        return f"{above}/{_PARTS[part[2].lower()]}"
    english = [_english(match.group()) for match in _ENGLISH.finditer(text[:400])]
    chinese = [_chinese(match.group()) for match in _CHINESE.finditer(_NO_COUNT.sub(" ", text[:400]))]
    said = {*english, *chinese}
    return said.pop() if len(said) == 1 else None


def whole(text: str) -> str | None:
    """The number that a text is, said in words and in nothing else."""
    return number(text) if _ENGLISH.fullmatch(text) or _CHINESE.fullmatch(text) else None


def _english(words: str) -> str:
    total = part = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word in _SMALL:
            part += _SMALL[word]
        elif word == "hundred":
            part = (part or 1) * 100
        elif word in _LARGE:
            total, part = total + (part or 1) * _LARGE[word], 0
    return str(total + part)


def _chinese(characters: str) -> str:
    whole, _, decimals = characters.removeprefix("负").partition("点")
    sign = "-" if characters.startswith("负") else ""
    read = "".join(str(_DIGITS[one]) for one in whole) if set(whole) <= set(_DIGITS) else str(_counted(whole))
    return sign + read + ("." + "".join(str(_DIGITS[one]) for one in decimals) if decimals else "")


def _counted(characters: str) -> int:
    total = section = digit = 0
    for one in characters:
        if one in _DIGITS:
            digit = _DIGITS[one]
        elif one in _UNITS:
            section, digit = section + (digit or 1) * _UNITS[one], 0
        else:
            total, section, digit = (total + section + digit or 1) * _MYRIADS[one], 0, 0
    return total + section + digit
