"""Numbers in words: eighteen, one hundred and five, 十八, 三千零五. Pure."""

import re
from collections.abc import Mapping

__all__ = ["in_figures", "number", "whole"]

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
_ENGLISH = re.compile(
    rf"\b(?:(?:minus|negative) )?(?:{_WORD}|(?:a )?dozen|a (?=hundred|thousand|million|billion))"
    rf"(?:(?: |-| and |(?<=thousand), |(?<=million), |(?<=billion), )?(?:{_WORD}|dozen)){{0,20}}"
    r"(?: and (?:a half|one half|a quarter|three quarters))?\b(?!-?(?:th|fold|sided)\b)",
    re.IGNORECASE,
)

_PARTS: Mapping[str, int] = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "eighth": 8, "tenth": 10}
_PART = re.compile(
    rf"(?<!and )\b(?:(a|one)[ -]({'|'.join(_PARTS)})|((?!one\b)(?:{_WORD}))[ -]({'|'.join(_PARTS)})s"
    r"|\b(half)(?= of| an?\b|$))\b",
    re.IGNORECASE,
)

_DIGITS: Mapping[str, int] = {digit: at for at, digit in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_FORMAL = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟萬億兩貳參陸", "一二三四五六七八九十百千万亿两二三六")
_UNITS: Mapping[str, int] = {"十": 10, "百": 100, "千": 1000}
_MYRIADS: Mapping[str, int] = {"万": 10**4, "亿": 10**8}
_CHINESE = re.compile(r"(?:百分之)?负?[零〇一二两三四五六七八九十百千万亿]{1,20}(?:点[零〇一二三四五六七八九]{1,20})?")
_CHINESE_PART = re.compile(r"([零〇一二两三四五六七八九十百千万]{1,20})分之([零〇一二两三四五六七八九十百千万]{1,20})")
# Words that begin with a number and count nothing.
_NO_COUNT = re.compile(
    r"一(?:共|样|定|般|起|些|直|切|下|个|次|种|方面|开始|年|天|月|班|人|边|旦|致|律|半(?!$))"
    r"|万一|三角|十分|四边|千万不|第[一二三四五六七八九十]{1,3}"
)


def number(text: str) -> str | None:
    """The only number that a text has in words, as digits; None if it has none, or several."""
    text = text[:400]
    part = _PART.search(text)
    if part is not None:
        above = int(_english(part[3])) if part[3] else 1
        return f"{above}/{_PARTS[(part[2] or part[4] or part[5]).lower()]}"
    english = [_english(match.group()) for match in _ENGLISH.finditer(text)]
    said = {*english, *_in_chinese(text)}
    return said.pop() if len(said) == 1 else None


def whole(text: str) -> str | None:
    """The number that a text is, if it is only that number in words."""
    return number(text) if _ENGLISH.fullmatch(text) or _CHINESE.fullmatch(text.translate(_FORMAL)) else None


def in_figures(text: str) -> str:
    """The text with its English number words as digits: "12 dollars and 50 cents"."""
    return _ENGLISH.sub(lambda match: _english(match.group()), text[:400])


def _in_chinese(text: str) -> list[str]:
    """The numbers in a Chinese text; of several, only those of more than one character (三个班，三十二个)."""
    if text.isascii():
        return []
    text = text.translate(_FORMAL)
    part = _CHINESE_PART.search(text)
    if part is not None and not part[1].endswith("百"):
        return [f"{_chinese(part[2])}/{_chinese(part[1])}"]
    said = [match.group() for match in _CHINESE.finditer(_NO_COUNT.sub(" ", text))]
    long = [one for one in said if len(one) > 1]
    return [_chinese(one) for one in long or said]


_AND_PART = re.compile(r" and (?:a|one|three) (half|quarters?)$")


def _english(words: str) -> str:
    words = words.lower()
    added = _AND_PART.search(words)
    total = part = 0
    for word in re.findall(r"[a-z]+", words[: added.start()] if added else words):
        if word in _SMALL:
            part += _SMALL[word]
        elif word in ("hundred", "dozen"):
            part = (part or 1) * (100 if word == "hundred" else 12)
        elif word in _LARGE:
            total, part = total + (part or 1) * _LARGE[word], 0
    sign = "-" if words.startswith(("minus", "negative")) else ""
    more = "" if added is None else " 3/4" if "three" in added.group() else f" 1/{_PARTS[added[1]]}"
    return f"{sign}{total + part}{more}"


def _chinese(characters: str) -> str:
    hundredths = characters.startswith("百分之")
    characters = characters.removeprefix("百分之")
    whole, _, decimals = characters.removeprefix("负").partition("点")
    sign = "-" if characters.startswith("负") else ""
    read = "".join(str(_DIGITS[one]) for one in whole) if set(whole) <= set(_DIGITS) else str(_counted(whole))
    said = sign + read + ("." + "".join(str(_DIGITS[one]) for one in decimals) if decimals else "")
    return said + "%" if hundredths else said


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
