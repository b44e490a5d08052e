"""Reads words of a list in a judge's reply: labels with scores, and which of two answers is better. Pure.

A label inside a longer word is not it (CORRECT in INCORRECT), nor is one that is denied ("not CORRECT"), nor one of
two.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from evalkube_runner.eval.judging import forms

__all__ = ["TIE", "A", "B", "better_in", "label_in"]

A, B, TIE = "A", "B", "TIE"
_ALIASES = {
    **{f"{word}{mark}": label for label, mark in ((A, "a"), (B, "b")) for word in ("", "answer ", "assistant ")},
    **{f"{word}{mark}": label for label, mark in ((A, "a"), (B, "b")) for word in ("model ", "response ", "option ")},
    **{f"a{sign}b": A for sign in (">", ">>")},
    **{f"b{sign}a": B for sign in (">", ">>")},
    **{f"a{sign}b": B for sign in ("<", "<<")},
    **{f"b{sign}a": A for sign in ("<", "<<")},
    **dict.fromkeys(("c", "tie", "a tie", "draw", "equal", "both", "neither", "a=b", "b=a"), TIE),
}
_KEYS = frozenset(
    {"label", "grade", "verdict", "judgement", "judgment", "rating", "result", "decision", "answer", "score"}
    | {"winner", "better", "preference", "choice", "classification", "结论", "判定", "等级", "评级"}
)
_ANNOUNCED = re.compile(
    r"(?<![A-Za-z])(?:verdict|grade|label|judge?ment|rating|decision|conclusion|winner|final answer"
    r"|结论|判定|评判|等级|评级)"
    r"[\s*_`]*(?:is|为|是)?[\s*_`]*[:：=]?(?P<rest>.{1,80})",
    re.IGNORECASE,
)
_DENIED = re.compile(r"(?:\bnot|n't|n’t|\bnever|\bneither|\bcannot be|不是?)\s*(?:\w+\s+){0,2}$", re.IGNORECASE)


def label_in(said: str, labels: Iterable[str]) -> str | None:
    """The label of a judge's reply; None when there is none or more than one.

    What stands last in double brackets or as JSON counts; else the last that is announced ("Verdict: correct") or is
    the last line, whatever its case; else the only one of them that is mentioned at all, in its own case.
    """
    labels = list(labels)
    names: dict[str, str | None] = {}
    for label in labels:  # two that differ in case alone are told apart by it
        names[_plain(label)] = None if _plain(label) in names else label
    return _settled(said, labels, names)


def better_in(said: str) -> str | None:
    """Which of the answers A and B a judge calls better, or TIE; None when it says neither."""
    return _settled(said, (A, B, TIE), _ALIASES)


def _settled(said: str, labels: Iterable[str], names: Mapping[str, str | None]) -> str | None:
    if (formal := forms.formal(said, _KEYS)) is not None:
        return forms.agreed(_label(value, labels, names) for value in formal)
    lines = [line for line in said.splitlines() if line.strip()]
    announced = None
    for announced in _ANNOUNCED.finditer(said):  # noqa: B007 - the last one is wanted
        pass
    for words in (*([announced["rest"]] if announced else []), *lines[-1:]):
        for part in (words, re.split(r"[.。,，;；(（]|\s[-–—]\s", words.strip(" *_`:"), maxsplit=1)[0]):
            if (label := _label(part, labels, names)) is not None:
                return label
    return _mentioned(said, labels)


def _label(value: Any, labels: Iterable[str], names: Mapping[str, str | None]) -> str | None:
    """The label that a value is, without an announcement that stands with it ("Grade: B")."""
    if not isinstance(value, str):
        return None
    word = forms.clean(value)
    for candidate in (word, forms.clean(re.split(r"[:：=]", word)[-1])):
        if candidate in labels:
            return candidate
        if (label := names.get(_plain(candidate))) is not None:
            return label
    return None


def _plain(word: str) -> str:
    word = re.sub(r"[\s_-]+", " ", word.strip()).casefold()
    return re.sub(r"\s*([<>=]+)\s*", r"\1", word)


def _mentioned(said: str, labels: Iterable[str]) -> str | None:
    """The only label that is mentioned, in its own case, and not denied. A letter has to end its phrase: "A good
    answer" is no A.
    """
    found: dict[str, list[re.Match[str]]] = {}
    for label in labels:
        places = list(re.finditer(rf"(?<!\w){re.escape(label)}(?!\w)", said))
        if places:
            found[label] = places
    if len(found) != 1:
        return None
    ((label, places),) = found.items()
    if any(_DENIED.search(said[max(0, place.start() - 40) : place.start()]) for place in places):
        return None
    if len(label) == 1 and not re.match(r"[\s*_`\"')\]]*(?:[.。,，;；:：!！)\n]|$)", said[places[-1].end() :]):
        return None
    return label
