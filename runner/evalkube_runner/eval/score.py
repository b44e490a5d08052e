"""Is an answer right? Decided from two strings as far as strings and numbers reach. Pure: no algebra system, no model.

`same_answer` says None where only algebra can tell; `mathematics` asks sympy then. No answer is right by leniency:
50 is not 0.5, unless a percent sign says so.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Quantity", "majority", "pass_at_k", "pass_hat_k", "quantity", "same_answer", "same_text", "vote_at_k"]

# Floats print with noise in the 16th digit and people round in the 7th; anything coarser is another answer.
_RELATIVE_TOLERANCE = Fraction(1, 1_000_000)
_LONGEST_QUANTITY = 200  # with its unit; beyond it stands prose

_NUMERAL = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_FRACTION = re.compile(r"([-+]?)\\[dt]?frac\s*(?:\{\s*([-+]?\d+)\s*\}|(\d))\s*(?:\{\s*([-+]?\d+)\s*\}|(\d))")
_QUANTITY = re.compile(
    rf"(?P<currency>[-+]?\s*(?:US|RMB|HK)?[$€£¥₹元]?)\s*(?P<sign>[-+]?)\s*(?P<number>{_NUMERAL})(?P<power>[eE][-+]?\d{{1,3}})?"
    rf"(?:\s*/\s*(?P<below>\d+))?(?:\s*(?P<percent>%|percent\b|per\s+cent\b|个?百分点))?(?P<unit>.*)",
    re.DOTALL | re.IGNORECASE,
)
# A unit is words (perhaps with a power or a slash between them), never something that would change the number.
_UNIT = re.compile(r"[^\W\d_]+(?:[\s./·'’-]+[^\W\d_]+)*(?:\s*\^?\{?[23]\}?)?\.?")
_NUMBER_WORD = re.compile(
    r"(?:hundred|thousand|million|billion|trillion|dozen|half|or|and|to)\b|[十百千万亿半或和至]", re.IGNORECASE
)
_SCALE = re.compile(r"(?:k|m|bn?)\b", re.IGNORECASE)  # "5k" is 5000; "5 m" are metres


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it was written: its exact value, and whether a percent sign stood behind it."""

    value: Fraction
    percent: bool = False


def quantity(text: str) -> Quantity | None:
    """Reads a number with thousands separators, currency, percent sign or unit, or a fraction; None if it is none."""
    text = _plain(text)
    if len(text) > _LONGEST_QUANTITY:
        return None
    fraction = _FRACTION.fullmatch(text)
    if fraction:
        sign, above, above_digit, below, below_digit = fraction.groups()
        return _ratio(f"{sign}1", above or above_digit, below or below_digit)
    match = _QUANTITY.fullmatch(text)
    if not match:
        return None
    unit = match["unit"]
    if unit and (not _UNIT.fullmatch(unit.strip()) or _NUMBER_WORD.match(unit.lstrip()) or _SCALE.match(unit)):
        return None
    signs = (match["currency"] + match["sign"]).count("-")
    value = Fraction(match["number"].replace(",", "").rstrip(".") + (match["power"] or ""))
    if match["below"]:
        if int(match["below"]) == 0:
            return None
        value /= int(match["below"])
    return Quantity(-value if signs % 2 else value, percent=bool(match["percent"]))


def _ratio(sign: str, above: str, below: str) -> Quantity | None:
    return Quantity(Fraction(int(sign)) * Fraction(int(above), int(below))) if int(below) else None


def _plain(text: str) -> str:
    """One spelling for what differs only in typesetting: full-width digits, minus signs, LaTeX spacing and dollars."""
    text = unicodedata.normalize("NFKC", text).replace("−", "-").replace("–", "-")
    text = re.sub(r"\\text\w*\s*\{([^{}]*)\}|\\mathrm\s*\{([^{}]*)\}", lambda m: f" {m[1] or m[2] or ''} ", text)
    text = re.sub(
        r"\\[,;:!% ]|\\\\|~|\\(?:left|right|displaystyle|quad)\b", lambda m: "%" if m[0] == "\\%" else " ", text
    )
    text = text.replace("\\$", "$").replace("{,}", ",").replace("^\\circ", "").replace("°", "")
    text = re.sub(r"(?<=\d)\s*,\s+(?=\d{3}\b)", ",", text)
    text = text.strip().strip("`*").strip()
    if len(text) > 1 and text[0] == text[-1] == "$":
        text = text[1:-1]
    return re.sub(r"\s+", " ", text).strip().rstrip("。.").strip()


def same_text(prediction: str, target: str) -> bool:
    """Equal but for case, white space, width of characters and a final full stop."""
    return _plain(prediction).casefold() == _plain(target).casefold()


def same_answer(prediction: str, target: str) -> bool | None:
    """Compares two answers as texts, then as numbers. None: only algebra can tell."""
    if same_text(prediction, target):
        return True
    mine, right = quantity(prediction), quantity(target)
    if mine is not None and right is not None:
        return _equal(mine, right)
    return None if _is_formula(prediction) and _is_formula(target) else False


def _equal(mine: Quantity, right: Quantity) -> bool:
    if mine.percent == right.percent:
        return _close(mine.value, right.value)
    # The sign is written on one side only: 50 % is 50 with its unit, and it is 1/2.
    stated, bare = (mine, right) if mine.percent else (right, mine)
    return _close(stated.value, bare.value) or _close(stated.value / 100, bare.value)


def _close(mine: Fraction, right: Fraction) -> bool:
    if mine.denominator == right.denominator == 1:
        return mine == right
    return abs(mine - right) <= _RELATIVE_TOLERANCE * max(abs(mine), abs(right))


def _is_formula(text: str) -> bool:
    """Whether algebra could make anything of it: digits, LaTeX or operators, and not a page of prose."""
    words = re.findall(r"(?<![\\A-Za-z])[A-Za-z]{4,}", text)
    return (
        len(text) <= 400
        and len(words) <= 2
        and not re.search(r"\b(?:or|and)\b|或", text)
        and bool(re.search(r"[\d\\^=+*/]|^\W*[A-Za-z]\W*$", text))
    )


# ------------------------------------------------------------------------------------------- several answers per item


def pass_at_k(n: int, correct: int, k: int) -> Fraction:
    """The chance that k of n answers, drawn at random, hold a right one (Chen et al. 2021, arXiv:2107.03374)."""
    _check(n, correct, k)
    return 1 - _choose_ratio(n - correct, n, k)


def pass_hat_k(n: int, correct: int, k: int) -> Fraction:
    """The chance that k of n answers, drawn at random, are all right (pass^k; Yao et al. 2024, arXiv:2406.12045)."""
    _check(n, correct, k)
    return _choose_ratio(correct, n, k)


def _check(n: int, correct: int, k: int) -> None:
    if not (0 <= correct <= n and 1 <= k <= n):
        raise ValueError(f"cannot draw {k} of {n} answers, {correct} of them right")


def _choose_ratio(part: int, n: int, k: int) -> Fraction:
    """C(part, k) / C(n, k), as a product: the binomials themselves are huge."""
    ratio = Fraction(1)
    for drawn in range(k):
        ratio *= Fraction(max(part - drawn, 0), n - drawn)
    return ratio


def majority(answers: Sequence[str | None]) -> int | None:
    """The index of the first answer that as many others as possible agree with; None where none was given."""
    votes: dict[str, list[int]] = {}
    for index, answer in enumerate(answers):
        if answer is not None:
            votes.setdefault(_ballot(answer), []).append(index)
    return max(votes.values(), key=len)[0] if votes else None


def _ballot(answer: str) -> str:
    value = quantity(answer)
    return f"{value.value}{'%' * value.percent}" if value else _plain(answer).casefold()


def vote_at_k(answers: Sequence[str | None], correct: Sequence[bool], k: int) -> bool:
    """Whether the most frequent of the first k answers is right; among equals the one given first speaks."""
    elected = majority(answers[:k])
    return elected is not None and correct[elected]
