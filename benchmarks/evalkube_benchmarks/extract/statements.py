"""Announcements of the answer in free words: "The final answer is ...", "Answer: ...", "答案：...". Pure."""

import re
from collections.abc import Iterator

from evalkube_benchmarks.extract.announcements import ABROAD, is_abroad, is_announced
from evalkube_benchmarks.extract.spoken import squeezed

__all__ = ["LEAD_IN", "clause", "refuses", "sentences", "statements", "trimmed"]

_SAYS = (
    r"\b(?:answers?|ans)\b(?: (?:to|of|for) [^.\n:]{1,80}?)?[*_\"'()]{0,4} ?"
    r"(?:(?:is|are|was|were|would be|should be|must be|will be|comes to)\b|[=:：|])"
    r"|(?:^|(?<=[.,;。，；\n ]))(?:in )?conclusion[*_]{0,3} ?[:：]"
    r"|(?:答案|结论|答)[*_】\]]{0,3} ?(?:应该|应当|应|就|显然)?(?:是|为|[=:：|])|【答案】"
    r"|^[*_#> ]{0,6}(?:result|结果)[*_]{0,3} ?[:：]"
)
_LEADS = r"(?: ?(?:therefore|thus|simply|that|just|clearly)\b,?)?[ *_:：\n]{0,8}"
_MARKER = re.compile(rf"(?:{_SAYS}){_LEADS}", re.IGNORECASE | re.MULTILINE)
_MARKER_ABROAD = re.compile(rf"(?:{_SAYS}|{ABROAD}){_LEADS}", re.IGNORECASE | re.MULTILINE)
_STATED_CHARS = 2_000
# A full stop that ends no sentence: initials, titles, abbreviations, and what a digit or a small letter follows.
_STOP = re.compile(r"\.(?=[*_\"')\]]{0,3}(?: [A-Z(\"'*]| ?$|\n))|[。！？!?]")
_ABBREVIATED = re.compile(
    r"(?:\b[A-Z]|\b(?:St|Mr|Mrs|Ms|Dr|Jr|Sr|Mt|Ft|No|vs|Lt|Gen|Col|Rev|Prof|Inc|Ltd|Co|approx|i\.e|e\.g))\Z"
)
LEAD_IN = re.compile(
    r"(?:[\s:：,，*_\"'“‘(\[$>-]|\\\(|\b(?:so|therefore|thus|hence|then|that|clearly|simply|just|it is|it's|this is"
    r"|definitely|probably|likely|most likely|indeed|in fact|okay|ok|well)\b|所以|因此|故|综上|显然|应该是){0,12}",
    re.IGNORECASE,
)
"""The words that may come before the first one that counts."""
_REFUSAL = re.compile(
    r"(?:i(?:'m| am) (?:sorry|afraid|unable|not able|not sure)|(?:sorry|apologies),? (?:but )?i|i apologi[sz]e"
    r"|i (?:can ?not|can't|could not|won't|will not)\b|i (?:do not|don't) (?:know|have)|unfortunately,? i (?:can|am|do)"
    r"|it is (?:not|im)possible to (?:say|tell|determine)|(?:this|it) cannot be determined"
    r"|(?:so |therefore,? )?the answer (?:can ?not be|can't be|is not possible|is unknown|is undetermined)"
    r"|there is (?:not enough|no|insufficient) (?:information|answer|way)|cannot be determined|n/a\b"
    r"|es tut mir leid|je ne peux pas|lo siento|извините|申し訳|죄송|没有(?:正确)?答案|我不知道|不知道"
    r"|as an ai\b|抱歉|对不起|很遗憾|我(?:不能|无法|不知道|不确定)|作为(?:一个)?(?:AI|人工智能)"
    r"|无法(?:回答|确定|判断))",
    re.IGNORECASE,
)


def statements(text: str) -> Iterator[str]:
    """The text after each announcement of an answer, the last one first, to the end of its line."""
    text = squeezed(text)
    markers = list(_markers(text))
    ends = [*(marker.start() for marker in markers[1:]), len(text)]
    for marker, end in reversed(list(zip(markers, ends, strict=False))):
        lines = text[marker.end() : min(end, marker.end() + _STATED_CHARS)].strip().splitlines()
        if lines and lines[0].strip("*_ "):
            yield lines[0].strip()


def clause(line: str) -> str:
    """A line up to the end of its first sentence; "St. Louis" and "J. Doe" do not end one."""
    for stop in _STOP.finditer(line):
        if stop.group() != "." or not _ABBREVIATED.search(line[max(0, stop.start() - 8) : stop.start()]):
            return line[: stop.start()]
    return line


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with the mark that ends it, in order."""
    out: list[str] = []
    for line in squeezed(text).splitlines():
        begun = 0
        for stop in _STOP.finditer(line):
            if stop.group() == "." and _ABBREVIATED.search(line[max(0, stop.start() - 8) : stop.start()]):
                continue
            out.append(line[begun : stop.end()].strip())
            begun = stop.end()
        out.append(line[begun:].strip())
    return [one for one in out if one.strip("*_ .\"')]")]


_PAIRS = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』", "`": "`", "*": "*", "_": "_", "$": "$"}


def trimmed(answer: str) -> str:
    """An answer without the typesetting around it: bold, code marks, quotes in pairs, the final full stop."""
    answer = answer.strip()
    while len(answer) > 1:
        inner = answer.rstrip(" 。")
        inner = inner[:-1].rstrip() if inner.endswith(".") and not inner.endswith("..") else inner
        if len(inner) > 1 and _PAIRS.get(inner[0]) == inner[-1]:
            inner = inner[1:-1].strip()
        elif inner.endswith("**") and inner.count("**") == 1:
            inner = inner[:-2].strip()
        elif inner.startswith("\\(") and inner.endswith("\\)"):
            inner = inner[2:-2].strip()
        if inner == answer:
            break
        answer = inner
    return answer


def refuses(text: str) -> bool:
    """Whether a text declines to answer."""
    return _REFUSAL.match(text.strip()[:200].lstrip("*_ ")) is not None


def _markers(text: str) -> Iterator[re.Match[str]]:
    if is_abroad(text):
        return _MARKER_ABROAD.finditer(text)
    return _MARKER.finditer(text) if is_announced(text) else iter(())
