"""Reads marks on a scale in a judge's reply: one, or one for each criterion of a rubric. Pure.

A mark is where on the scale it lies, from 0 to 1. One that is not on the scale, or of another scale ("3/5" where 10 is
the highest), is none, and so is what could be two ("7 or 8").
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evalkube_crds.judge_contract import Criterion, JudgeContract, Scale
from evalkube_runner.eval.judging import forms

__all__ = ["mark_in", "marks_in", "scale_of"]

_UNIT = Scale()
_NUMBER = r"(?<![-\d.])(?P<value>[-+]?(?:\d+(?:\.\d+)?|\.\d+))"
_OF = r"(?:\s*(?:/|out of|of|von|sur)\s*(?P<of>\d+(?:\.\d+)?)|\s*(?P<percent>[%％]))?"
_UNITS = r"(?:\s*(?:points?|marks?|stars?|分))?"
_END = r"(?![\d.,]*\d)(?!\s*(?:[-–—~]|to|or|or maybe|bis|至|到|或)\s*\d)"  # neither "7.5.1" nor "7 or 8"
_MARK = _NUMBER + _OF + _UNITS
_NAMES = r"score|rating|mark|grade|points|verdict|评分|得分|分数|打分|总分"
_RANGE = r"(?:\s*\([^()\n]{0,40}\))?"  # "Score (0-10): 7"
_WHOLE = re.compile(rf"(?:[A-Za-z ]{{0,40}}(?:{_NAMES}){_RANGE}\s*(?:is|为|是)?\W{{0,4}})?{_MARK}", re.IGNORECASE)
_STATED = re.compile(
    rf"(?<![A-Za-z])(?:{_NAMES}){_RANGE}\W{{0,8}}(?:is|of|为|是)?\W{{0,8}}?{_MARK}{_END}", re.IGNORECASE
)
_SHARE = re.compile(rf"(?<!/){_NUMBER}\s*(?:/|out of)\s*(?P<of>\d+(?:\.\d+)?){_END}(?!\s*/)")
_KEYS = frozenset(
    {"score", "rating", "mark", "grade", "value", "result", "verdict", "overall", "overall_score", "final_score"}
    | {"points", "评分", "得分", "分数", "打分", "总分"}
)
_HOLDERS = frozenset({"scores", "ratings", "marks", "grades", "criteria", "rubric", "evaluation", "result", "results"})
_TITLES = frozenset({"name", "criterion", "criteria", "dimension", "aspect"})
_SEGMENT = re.compile(r"[;\n]|,\s")


def scale_of(contract: JudgeContract, criterion: Criterion | None = None) -> Scale:
    """The scale of a contract, or of one of its criteria."""
    own = criterion.scale if criterion is not None else None
    return own or contract.scale or _UNIT


def mark_in(said: str, scale: Scale) -> float | None:
    """The mark in a judge's reply; None when there is none, or it is not on the scale.

    What stands last in double brackets or as JSON counts; else the last that is announced ("Rating: 7/10"), a last line
    that is a number alone, or the only one that is written with the scale's highest mark ("7/10").
    """
    if (formal := forms.formal(said, _KEYS)) is not None:
        return forms.agreed(_mark(value, scale) for value in formal)
    stated = None
    for stated in _STATED.finditer(said):  # noqa: B007 - the last one is wanted
        pass
    if stated is not None:
        return _placed(stated, scale)
    lines = [line for line in said.splitlines() if line.strip()]
    if lines and (alone := _mark(lines[-1], scale)) is not None:
        return alone
    return forms.agreed(_placed(found, scale) for found in _SHARE.finditer(said))


def _mark(value: Any, scale: Scale) -> float | None:
    """The mark in a JSON value, or in a whole text."""
    if isinstance(value, Mapping):
        inner = forms.values_of(value, _KEYS)
        return _mark(inner[0], scale) if inner and not isinstance(inner[0], Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    found = _WHOLE.fullmatch(forms.clean(value) if isinstance(value, str) else f"{value:.15g}")
    return None if found is None else _placed(found, scale)


def _placed(found: re.Match[str], scale: Scale) -> float | None:
    named = found.groupdict()
    value = float(named["value"])
    if named.get("of") is not None and float(named["of"]) != scale.highest:
        return None
    if named.get("percent") and scale.highest != 100:
        if (scale.lowest, scale.highest) != (0, 1):
            return None
        value /= 100
    if not scale.lowest <= value <= scale.highest:
        return None
    share: float = (value - scale.lowest) / (scale.highest - scale.lowest)
    return share


def marks_in(said: str, contract: JudgeContract) -> dict[str, float] | None:
    """The mark of each criterion of a rubric, by name; None unless there is one for all of them.

    The last JSON object that names all criteria counts; else each criterion's last line ("clarity: 4/5").
    """
    for _, found in reversed(forms.objects(said)):
        marks = _of_object(found, contract)
        if marks is not None:
            return _whole(marks, contract.criteria)
    segments = _SEGMENT.split(said)
    return _whole({one.name: _of_lines(segments, one, contract) for one in contract.criteria}, contract.criteria)


def _whole(marks: Mapping[str, float | None], criteria: Iterable[Criterion]) -> dict[str, float] | None:
    found = {one.name: mark for one in criteria if (mark := marks.get(one.name)) is not None}
    return found if len(found) == len(marks) else None


def _of_object(found: Mapping[str, Any], contract: JudgeContract) -> dict[str, float | None] | None:
    """The marks in an object that names all criteria, itself or in one part of it."""
    parts = [found, *map(_by_title, forms.values_of(found, _HOLDERS))]
    for part in parts:
        named = {_plain(str(name)): value for name, value in part.items()}
        if all(_plain(one.name) in named for one in contract.criteria):
            return {one.name: _mark(named[_plain(one.name)], scale_of(contract, one)) for one in contract.criteria}
    return None


def _by_title(part: Any) -> Mapping[str, Any]:
    """An object of marks, or a list of objects with a name and a mark each."""
    if isinstance(part, Mapping):
        return part
    entries = part if isinstance(part, list) else []
    titled = [(forms.values_of(one, _TITLES), one) for one in entries if isinstance(one, Mapping)]
    return {str(names[0]): one for names, one in titled if names}


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _of_lines(segments: Sequence[str], criterion: Criterion, contract: JudgeContract) -> float | None:
    name = re.escape(criterion.name).replace(r"\-", "[ _-]").replace("_", "[ _-]")
    line = re.compile(
        rf"[\s>|#*_\-\[\d.)]*{name}[\s*_\]`]*+(?:\([^)]{{0,60}}\))?[\s*_]*+[:：=|–—-][\s*_`\[]*{_MARK}{_END}",
        re.IGNORECASE,
    )
    found = None
    for segment in segments:
        found = line.match(segment[:1_000]) or found
    return None if found is None else _placed(found, scale_of(contract, criterion))
