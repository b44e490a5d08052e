r"""Answers of several parts: solutions, points, intervals, sets. Pure: what the parts mean is for others to say.

"x = 2 or x = 3", "{2, 3}" and "3, 2" are the same solutions; (2, 3) and (3, 2) are two points; [2, 3) is no (2, 3).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["compared", "spelled"]

_MOST_CHARS, _MOST_PARTS = 1_000, 20
_SPELLINGS = {
    "∞": r"\infty ", "π": r"\pi ", "≤": r"\le ", "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ", "≠": r"\ne ",
    "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "·": r"\cdot ", "⋅": r"\cdot ", "×": r"\times ", "÷": "/",
    "−": "-", "–": "-", "±": r"\pm ", "θ": r"\theta ", "°": r"^\circ ", "∅": r"\emptyset ", "ℝ": r"\mathbb{R}",
    "（": "(", "）": ")", "，": ",", "；": ";", "［": "[", "］": "]", "｛": "{", "｝": "}", "**": "^",
    r"\varnothing": r"\emptyset ", r"\leqslant": r"\le ", r"\geqslant": r"\ge ", r"\leq": r"\le ", r"\geq": r"\ge ",
    r"\displaystyle": " ", r"\dfrac": r"\frac", r"\tfrac": r"\frac", r"\!": "", r"\,": " ", r"\;": " ", r"\:": " ",
    r"\ ": " ", r"\quad": " ", r"\left": "", r"\right": "", r"\bigl": "", r"\bigr": "", "\\big": "", "~": " ",
}  # fmt: skip
_SPELLING = re.compile(
    r"\\\\|"  # a row's end
    + "|".join(
        re.escape(one) + ("(?![a-zA-Z])" if one[-1].isascii() and one[-1].isalpha() else "")
        for one in sorted(_SPELLINGS, key=len, reverse=True)
    )
)
_ROOT = re.compile(r"√ ?(?:\(([^()]{1,60})\)|\{([^{}]{1,60})\}|(\d{1,20}|[a-zA-Z]))")
_POWERS = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]{1,20}")
_POWER = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_OR = re.compile(
    r"\s*(?:\\(?:text|mathrm|mbox) ?\{[ ,]*(?:or|and|或|和)[ ,]*\}"
    r"|,?\s+(?:or|and)\s+|\\(?:lor|vee|land|wedge)\b|或|和)\s*",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"[-+]?\\?\$?\d{1,3}(?:\{?,\}?\d{3})+(?:\.\d+)?%?")
_NAMED = re.compile(r"^([A-Za-z](?:_\{?\w{1,3}\}?)?|\\[a-z]{2,6}) ?(?:=|\\in ) ?")
_POINT = re.compile(r"^(?:[A-Za-z]{0,2} ?\([a-zA-Z][\w ,{}]{0,30}\)|[A-Z]) ?= ?(?=\()")
_CLOSING = {"(": ")]", "[": ")]", "⦃": "⦄"}
_BUILDER = re.compile(r"^⦃ ?[a-zA-Z](?: ?\\in ?\\mathbb ?\{?R\}?)? ?(?::|\||\\mid) ?(.*)⦄$")
_RELATION = re.compile(r"(<|>|\\le |\\ge )")
_FLIPPED = {"<": ">", ">": "<", r"\le ": r"\ge ", r"\ge ": r"\le "}


@dataclass(frozen=True, slots=True)
class _Parts:
    opening: str  # "(", "[", "⦃" for a set, "" for solutions side by side
    closing: str
    parts: tuple[str, ...]
    names: tuple[str, ...]


def spelled(text: str) -> str:
    r"""One spelling of a formula: LaTeX for what a keyboard has no key for, without what only sets it."""
    text = _ROOT.sub(lambda m: rf"\sqrt{{{m[1] or m[2] or m[3]}}}", text.strip().strip("$").strip())
    text = _POWERS.sub(lambda m: f"^{{{m[0].translate(_POWER)}}}", text)
    text = _SPELLING.sub(lambda m: _SPELLINGS.get(m[0], m[0]), text)
    return re.sub(r" {2,}", " ", text).strip().rstrip(".。").strip()


def compared(prediction: str, target: str, same: Callable[[str, str], bool]) -> bool | None:
    """Whether two answers are equal part by part, as `same` decides; None if not both have parts."""
    if max(len(prediction), len(target)) > _MOST_CHARS:
        return None
    mine, right = _parts(prediction), _parts(target)
    if mine is None or right is None:
        return _as_intervals(prediction, target, same)
    if len(mine.parts) != len(right.parts):
        return False
    named = set(mine.names), set(right.names)
    if all(len(names) == len(mine.parts) > 1 for names in named):
        if named[0] != named[1]:
            return False
        given = dict(zip(right.names, right.parts, strict=True))
        return all(same(part, given[name]) for name, part in zip(mine.names, mine.parts, strict=True))
    brackets = (mine.opening + mine.closing, right.opening + right.closing)
    if all(pair in ("", "⦃⦄") for pair in brackets) and max(map(len, named)) < 2:
        return _matched(mine.parts, right.parts, same)
    if brackets[0] != brackets[1] and not all(pair in ("", "()") for pair in brackets):
        return False
    return all(same(one, other) for one, other in zip(mine.parts, right.parts, strict=True))


def _matched(mine: tuple[str, ...], right: tuple[str, ...], same: Callable[[str, str], bool]) -> bool:
    left = list(right)
    for one in mine:
        other = next((other for other in left if same(one, other)), None)
        if other is None:
            return False
        left.remove(other)
    return True


def _parts(text: str) -> _Parts | None:
    """The parts of an answer with several; None for an answer that is one thing."""
    text = spelled(text).replace(r"\{", "⦃").replace(r"\}", "⦄")
    text = _POINT.sub("", text)
    text = re.sub(r"^[A-Za-z] ?\\in ?(?=⦃|[(\[])", "", text)
    if text.startswith("{") and text.endswith("}") and "," in text:
        text = f"⦃{text[1:-1]}⦄"
    if _THOUSANDS.fullmatch(text) or _BUILDER.match(text):
        return None
    opening = closing = ""
    if text[:1] in _CLOSING and text[-1:] in _CLOSING[text[0]] and _spans(text):
        opening, closing, text = text[0], text[-1], text[1:-1]
    else:
        text = _OR.sub(", ", text)
    parts = [one.strip() for one in _split(text)]
    if opening != "⦃" and len(parts) < 2 and r"\pm" not in text:
        return None
    if not opening or opening == "⦃":
        parts = [signed for part in parts for signed in _signed(part)]
    if not all(parts) or len(parts) > _MOST_PARTS or (len(parts) < 2 and not opening):
        return None
    names = tuple(match[1].partition("_")[0] for part in parts if not opening and (match := _NAMED.match(part)))
    bare = tuple(part if opening else _NAMED.sub("", part) for part in parts)
    return _Parts(opening, closing, bare, names)


def _signed(part: str) -> tuple[str, ...]:
    r"""Both values of a part with one \pm."""
    return (part.replace(r"\pm", "+"), part.replace(r"\pm", "-")) if part.count(r"\pm") == 1 else (part,)


def _spans(text: str) -> bool:
    """Whether the last character of a text closes its first bracket."""
    depth = 0
    for at, one in enumerate(text):
        depth += (one in "([{⦃") - (one in ")]}⦄")
        if not depth:
            return at == len(text) - 1
    return False


def _split(text: str) -> list[str]:
    """The text, cut at commas outside of brackets and numbers."""
    parts, depth, begun = [], 0, 0
    for at, one in enumerate(text):
        if one in "([{⦃":
            depth += 1
        elif one in ")]}⦄":
            depth -= 1
        elif one in ",;" and depth <= 0:
            parts.append(text[begun:at])
            begun = at + 1
    return [*parts, text[begun:]]


def _as_intervals(prediction: str, target: str, same: Callable[[str, str], bool]) -> bool | None:
    r"""The same of two answers where one is an inequality, and the other an interval or a union of some."""
    mine, right = spelled(prediction), spelled(target)
    if not (_RELATION.search(mine) or _RELATION.search(right)):
        return None
    pieces = [_intervals(one) for one in (mine, right)]
    if pieces[0] is None or pieces[1] is None:
        return None
    if len(pieces[0]) != len(pieces[1]):
        return False
    return _matched(tuple(pieces[0]), tuple(pieces[1]), lambda one, other: compared(one, other, same) is True)


def _intervals(text: str) -> list[str] | None:
    """A union of intervals, or inequalities in one variable, as intervals."""
    built = _BUILDER.match(text.replace(r"\{", "⦃").replace(r"\}", "⦄"))
    text = re.sub(r"^[a-z] ?\\in ?", "", built[1].strip() if built else text)
    pieces: list[str] = []
    for piece in re.split(r"\\cup", text) if r"\cup" in text else _split(_OR.sub(", ", text)):
        piece = piece.strip()
        if _RELATION.search(piece):
            interval = _interval(piece)
            if interval is None:
                return None
            pieces.append(interval)
        else:
            pieces.append(piece)
    if not _RELATION.search(text) and r"\cup" not in text:
        return [text.strip()]
    return pieces


def _interval(relation: str) -> str | None:
    r"""`-1 \le x < 4`, `x > 4` or `4 < x` as an interval."""
    sides = [one.strip() for one in _RELATION.split(relation)]
    sides = [one + " " if one.startswith("\\") and one in (r"\le", r"\ge") else one for one in sides]
    if len(sides) == 5 and re.fullmatch(r"[a-zA-Z]", sides[2]):
        low, first, _, second, high = sides
        if first in (">", r"\ge "):
            low, first, second, high = high, _FLIPPED[second], _FLIPPED[first], low
        return f"{'(' if first == '<' else '['}{low}, {high}{')' if second == '<' else ']'}"
    if len(sides) != 3:
        return None
    if re.fullmatch(r"[a-zA-Z]", sides[2]):
        sides = [sides[2], _FLIPPED[sides[1]], sides[0]]
    if not re.fullmatch(r"[a-zA-Z]", sides[0]):
        return None
    bound = sides[2]
    return {
        "<": rf"(-\infty, {bound})", r"\le ": rf"(-\infty, {bound}]", ">": rf"({bound}, \infty)",
        r"\ge ": rf"[{bound}, \infty)",
    }[sides[1]]  # fmt: skip
