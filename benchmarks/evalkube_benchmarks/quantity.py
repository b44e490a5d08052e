"""Numbers as people write them, with their exact value: separators, fractions, powers of ten, scales, money. Pure.

A quantity is read completely or not at all: half of "1.2 million" is another number. `found` searches for quantities in
prose; `quantity` reads a text that is one, with or without its unit.
"""

import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Found", "Quantity", "found", "in_digits", "plain", "quantity"]

_LONGEST = 200  # characters, with the unit; beyond it stands prose

_DIGITS = r"\d{1,60}"
_GROUPED = r"(?:,\d{3}){1,20}"
_NUMERAL = (
    rf"(?:\d{{1,3}}{_GROUPED}(?:\.{_DIGITS})?(?!,?\d)"  # 1,234,567.8
    rf"|\d{{1,2}}(?:,\d{{2}}){{1,9}},\d{{3}}(?:\.{_DIGITS})?(?!,?\d)"  # 12,34,567 (India)
    rf"|[1-9]\d{{0,2}}(?:[ '’_]\d{{3}}){{1,20}}(?:[.,]{_DIGITS})?(?!\d)"  # 1 234 567, 1'234'567
    rf"|\d{{1,3}}(?:\.\d{{3}}){{1,20}},{_DIGITS}(?!\d)|\d{{1,3}}(?:\.\d{{3}}){{2,20}}(?!\d)"  # 1.234.567,8 (Europe)
    rf"|(?:\d{{1,60}},\d{{1,2}}|0,{_DIGITS})(?![\d,])"  # 12,5 (Europe)
    rf"|{_DIGITS}(?:\.\d{{1,60}})?|\.{_DIGITS})"
)
_CURRENCY = r"(?:(?:US|RMB|HK|CA?|AU?|NZ|S|NT)?[$€£¥₹₩₽]|(?:USD|EUR|GBP|RMB|CNY|INR|JPY)(?=[ \d])|Rs\.?(?=[ \d]))"
_SCALES: Mapping[str, int] = {
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "lakh": 10**5,
    "crore": 10**7, "k": 10**3, "m": 10**6, "mn": 10**6, "mio": 10**6, "mrd": 10**9, "b": 10**9, "bn": 10**9,
    "tn": 10**12,
    "十": 10, "百": 100, "千": 10**3, "万": 10**4, "亿": 10**8, "萬": 10**4, "億": 10**8,
}  # fmt: skip
# 3千克 are kilograms; 5 m are metres, but $5m and 5M are millions.
_SCALE = (
    r"(?: ?(?:hundred|thousand|million|billion|trillion|lakh|crore)s?\b|(?-i:[kK]|M|B|bn|mn|tn|Mio|Mrd)\b"
    r"| ?(?:[十百]?万亿|[十百千]?[万亿萬億]|百(?!分)|千(?![克米瓦卡赫帕焦伏字升安]))){1,3}"
)
_MONEY_SCALE = r" ?(?:k|m|mn|b|bn|tn)\b"
_ADDED = re.compile(r"(?<=[万亿萬億千])(?:(\d{1,4})([千百十])(?![克米瓦卡赫帕焦伏字升安分])|(\d{4})(?!\d))")
_PERCENT = r" ?(?:%|percent\b|per cent\b|pct\b|个?百分点)"
_UNITS = (
    r" ?(?P<unit>(?!and\b)[A-Za-z¢]{1,12}|平方[米厘]?|美元|美分|欧元"
    r"|[元块角毛分厘时小天日周年月秒米斤克千公吨升]{1,3}钟?)"
)
_QUANTITY = re.compile(
    rf"(?P<sign>[-+] ?|minus |negative |负)?(?P<hundredths>百分之)?"
    rf"(?P<currency>{_CURRENCY})? ?(?P<sign2>[-+](?=[\d.]))?"
    rf"(?:(?P<whole>\d{{1,15}})(?: and | & | )(?P<part>\d{{1,6}}) ?/ ?(?P<of>\d{{1,6}})(?![\d/])"
    rf"|(?P<power>10) ?\^ ?\{{?(?P<powered>[-+]?\d{{1,3}})\}}?(?![\d.])"
    rf"|(?P<number>{_NUMERAL})(?: ?/ ?(?P<below>\d{{1,60}}(?:\.\d{{1,60}})?)(?![\d/A-Za-z]))?)"
    r"(?:(?<=\d)(?:e(?P<exponent>[-+]?\d{1,3})(?!\w)"
    r"| ?(?:[x×*·⋅]|\\times|\\cdot) ?10 ?(?:\^|\*\*) ?[{(]?(?P<times>[-+−]?\d{1,3})[)}]?(?!\d)))?"
    rf"(?P<scale>(?(currency)(?:{_MONEY_SCALE}|{_SCALE})|{_SCALE}))?(?P<percent>{_PERCENT})?",
    re.IGNORECASE,
)
_START = re.compile(r"(?<![A-Za-z0-9_.])(?=[-+负百.\d$€£¥₹₩₽]|minus |negative |(?-i:[A-Z]))", re.IGNORECASE)
_UNIT_AFTER = re.compile(_UNITS)
_JOINT = re.compile(r" ?(?:,? ?and |, ?|零|又)? ?")
_PARTS: Mapping[str, tuple[str, int]] = {
    small: (big, ratio)
    for big, ratio, smalls in (
        ("dollar", 100, "cent ¢"), ("euro", 100, "cent"), ("pound", 100, "pence penny p"), ("元", 10, "角 毛"),
        ("元", 100, "分"), ("美元", 100, "美分"), ("角", 10, "分"),
        ("hour", 60, "minute min"), ("minute", 60, "second sec"),
        ("foot", 12, "inch in"), ("day", 24, "hour"), ("week", 7, "day"), ("year", 12, "month"),
        ("小时", 60, "分 分钟"), ("分", 60, "秒"),
    )
    for small in (f"{big}/{name}" for name in smalls.split())
}  # fmt: skip
_SAME_UNIT = {
    "块": "元", "毛": "角", "feet": "foot", "ft": "foot", "inches": "inch", "hr": "hour", "h": "hour", "usd": "dollar",
    "时": "小时", "小时": "小时", "分钟": "分", "$": "dollar", "€": "euro", "£": "pound", "¥": "元", "min": "minute",
    "sec": "second", "lb": "pound", "buck": "dollar", "元": "元", "秒钟": "秒",
}  # fmt: skip
# A unit is words (perhaps with a power or a slash between them), never something that would change the number.
_WORDS = re.compile(r"[^\W\d_]{1,30}(?:[ ./·'’-]{1,3}[^\W\d_]{1,30}){0,12}(?: ?\^?\{?[23]\}?)?\.?")
# 3x, 5i and 2ab are no threes, fives and twos; m, g, s, h, L, V and their like are units.
_VARIABLE = re.compile(r"(?:[a-fi-kn-rt-z]|[BDEGHIO-RTXYZ]|[abxyz]{2,3})(?: ?\^?\{?\d\}?)?")
_NUMBER_WORD = re.compile(
    r"(?:hundred|thousand|million|billion|trillion|dozen|half|or|and|to)\b|[十万亿半或和至]|百(?!分)|千(?![克米瓦卡赫帕焦伏字升安])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it was written: its exact value, its decimal places, and whether it has a percent sign."""

    value: Fraction
    percent: bool = False
    places: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """One quantity in a text: its position (without its unit), and its text without a currency."""

    start: int
    end: int
    text: str
    quantity: Quantity


def quantity(text: str) -> Quantity | None:
    """The number that a text is, with separators, currency, percent sign or unit; None for another text."""
    text = plain(text)
    if len(text) > _LONGEST:
        return None
    if text.startswith("(") and text.endswith(")") and "," not in text:
        text = text[1:-1].strip()
    one = _at(text, 0)
    if one is None or one.start:
        return None
    unit = text[one.end :].strip()
    if unit and (not _WORDS.fullmatch(unit) or _NUMBER_WORD.match(unit) or _VARIABLE.fullmatch(unit)):
        return None
    return one.quantity


def found(text: str) -> list[Found]:
    """All quantities of a text that is already `plain`, in order."""
    quantities: list[Found] = []
    at = 0
    while (start := _START.search(text, at)) is not None:
        at = start.start() + 1
        one = None if _is_operator(text, start.start()) else _at(text, start.start())
        if one is not None:
            quantities.append(one)
            at = max(at, one.end)
    return quantities


def _is_operator(text: str, at: int) -> bool:
    """Whether the sign subtracts or adds: it is between two things, with a space after it."""
    before = text[max(0, at - 2) : at].rstrip()
    return text[at] in "-+" and text[at + 1 : at + 2] == " " and (before[-1:].isalnum() or before[-1:] == ")")


def _at(text: str, start: int) -> Found | None:
    """The quantity that begins at `start`, with the smaller units that continue it (18 dollars and 50 cents)."""
    match = _QUANTITY.match(text, start)
    value = _value(match) if match else None
    if match is None or value is None:
        return None
    end, written = match.end(), match.group()
    if match["currency"] and not re.fullmatch(_MONEY_SCALE, match["scale"] or "", re.IGNORECASE):
        written = written.replace(match["currency"], "", 1)
    added = _ADDED.match(text, end) if match["scale"] else None
    if added is not None and not value.percent:  # 3万2千
        rest = Fraction(added[1] or added[3]) * _SCALES.get(added[2] or "", 1)
        value = Quantity(value.value + (rest if value.value >= 0 else -rest))
        end, written = added.end(), written + added.group()
    unit = _UNIT_AFTER.match(text, end)
    big = _unit(unit["unit"]) if unit else _unit((match["currency"] or "")[-1:])
    ratio, after, total = 1, unit.end() if unit else end, abs(value.value)
    while big and (joint := _JOINT.match(text, after)) is not None:
        next_one = _QUANTITY.match(text, joint.end())
        small = _UNIT_AFTER.match(text, next_one.end()) if next_one else None
        more = _value(next_one) if next_one and small else None
        part = _PARTS.get(f"{big}/{_unit(small['unit'])}") if small else None
        if small is None or part is None or more is None or more.value < 0:
            break
        ratio, big, after = ratio * part[1], _unit(small["unit"]), small.end()
        total, end = total + more.value / ratio, after
        written = text[start:end]
    signed = -total if value.value < 0 else total
    return Found(start, end, written.strip(), Quantity(signed, value.percent, value.places))


def _unit(name: str) -> str:
    lowered = name.lower()
    if lowered in _SAME_UNIT:
        return _SAME_UNIT[lowered]
    singular = lowered.removesuffix("s") if len(lowered) > 2 else lowered
    return _SAME_UNIT.get(singular, singular)


def _value(match: re.Match[str]) -> Quantity | None:
    """The number in a match of _QUANTITY; None for a division by zero."""
    if match["whole"]:
        above, below = int(match["part"]), int(match["of"])
        value = int(match["whole"]) + Fraction(above, below) if below else None
        places = 0
    elif match["power"]:
        value, places = Fraction(10) ** int(match["powered"]), 0
    else:
        number = _decimal(match["number"])
        value, places = Fraction(number), len(number.partition(".")[2])
        if match["below"]:
            below_value = Fraction(match["below"])
            value, places = (value / below_value if below_value else None), 0
    if value is None:
        return None
    for power in (match["exponent"], match["times"]):
        if power:
            value *= Fraction(10) ** int(power.replace("−", "-"))
    for word in re.findall(r"[a-z]+|[十百千万亿萬億]", (match["scale"] or "").lower()):
        value *= _SCALES[word] if word in _SCALES else _SCALES[word.removesuffix("s")]
    negative = (match["sign"] or "+").strip() not in ("", "+")
    negative ^= match["sign2"] == "-"
    return Quantity(-value if negative else value, bool(match["percent"] or match["hundredths"]), places)


def _decimal(number: str) -> str:
    """Digits with a point: group separators are removed, and a decimal separator becomes a point."""
    number = re.sub(r"[ '’_]", "", number)
    commas, points = number.count(","), number.count(".")
    if points > 1 or (points and commas and number.rfind(",") > number.rfind(".")):
        number = number.replace(".", "").replace(",", ".")
    elif commas == 1 and not points and not re.fullmatch(r"[1-9]\d{0,2},\d{3}", number):
        number = number.replace(",", ".")
    return number.replace(",", "")


# The digits of all scripts (Bengali, Thai, Telugu, Arabic, Devanagari, ...) and the marks that go with them.
_DIGIT_MARKS = {
    "\u066b": ".",
    "\u066c": ",",
    "\u060c": ",",
    "\u066a": "%",
    "\u0964": "。",
    "\u2212": "-",
    "\ufe63": "-",
}
_IN_DIGITS = str.maketrans(
    {
        chr(code): str(unicodedata.digit(chr(code)))
        for code in range(0x660, sys.maxunicode + 1)
        if unicodedata.category(chr(code)) == "Nd"
    }
    | _DIGIT_MARKS
)


def in_digits(text: str) -> str:
    """The text with the digits of all scripts as 0 to 9, and with the separators of that script."""
    return text if text.isascii() else text.translate(_IN_DIGITS)


_AND_PARTS = re.compile(
    r"(?<=\d) and (?:(?:a|one|1)[ -](half|third|quarter|fourth|fifth|eighth|tenth)|(three)[ -](quarters|fourths))\b",
    re.IGNORECASE,
)
_PARTS_OF = {"half": 2, "third": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4, "fifth": 5, "eighth": 8,
             "tenth": 10}  # fmt: skip
_REPEATING = re.compile(r"(\d{0,9})\.(\d{0,9})\\(?:overline|dot|bar) ?\{?(\d{1,9})\}?")
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_TEX_FRACTION = re.compile(r"(\d ?)?\\[dtc]?frac ?(?:\{ ?([-+]?\d{1,60}) ?\}|(\d)) ?(?:\{ ?([-+]?\d{1,60}) ?\}|(\d))")


def plain(text: str) -> str:
    """One spelling for differences of typesetting: full-width digits, minus signs, LaTeX spacing and dollars."""
    text = in_digits(text).replace("零下", "-")
    if "\\" in text:
        text = _REPEATING.sub(_repeating, text)
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]{1,20}", lambda m: "^" + m[0].translate(_SUPERSCRIPT), text)
    text = re.sub(r"(\d ?)?([¼½¾⅐-⅞])", lambda m: (f"{m[1].strip()} " if m[1] else "") + _vulgar(m[2]), text)
    text = re.sub(r"(?<=\d)[\u00a0\u2007\u2009\u202f\u2005\u2006\u200a](?=\d{3}(?!\d))", ",", text)
    text = unicodedata.normalize("NFKC", text).replace("−", "-").replace("–", "-").replace("\u2044", "/")
    text = text.replace("\\!", "")
    if " and " in text:
        text = _AND_PARTS.sub(lambda m: f" {3 if m[2] else 1}/{_PARTS_OF[(m[1] or m[3]).lower()]}", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(
        r"\\(?:text[a-z]{0,8}|mathrm|mathbf|mbox|mathit|operatorname) ?\{([^{}]{0,200})\}", lambda m: f" {m[1]} ", text
    )
    text = re.sub(r"(?<=\d) ?(?:\\[,;: !]|\{,\}|~) ?(?=\d{3}(?!\d))", ",", text)
    text = re.sub(
        r"\\[,;:!%()\[\] ]|\\\\|~|\\(?:left|right|displaystyle|quad)\b", lambda m: "%" if m[0] == "\\%" else " ", text
    )
    text = _TEX_FRACTION.sub(_fraction, text)
    text = text.replace("\\times", "×").replace("\\cdot", "·")
    text = text.replace("\\$", "$").replace("{,}", ",").replace("^\\circ", "").replace("°", "")
    text = re.sub(r"(?<=\d) ?, ?(?=\d{3}(?:[^\w,]|$))", ",", text)
    text = text.strip().strip("`*").strip()
    if len(text) > 1 and text[0] == text[-1] == "$":
        text = text[1:-1]
    return re.sub(r" +", " ", text).strip().rstrip("。.").strip()


def _vulgar(character: str) -> str:
    return unicodedata.normalize("NFKC", character).replace("\u2044", "/")


def _fraction(match: re.Match[str]) -> str:
    before, above, above_digit, below, below_digit = match.groups()
    over, under = above or above_digit, below or below_digit
    sign = "-" if (over + under).count("-") % 2 else ""
    return f"{before.strip() + ' ' if before else ''}{sign}{over.strip('-+')}/{under.strip('-+')}"


def _repeating(match: re.Match[str]) -> str:
    r"""0.1\overline{6} as the fraction that it is."""
    whole, fixed, again = match[1] or "0", match[2], match[3]
    scale, nines = 10 ** len(fixed), 10 ** len(again) - 1
    value = Fraction(int(whole + fixed), scale) + Fraction(int(again), scale * nines)
    return f"{value.numerator}/{value.denominator}"
