r"""Replies that are JSON, or hold it: {"answer": 18, "explanation": "... times 2"} says 18. Pure.

An object with a key for the answer becomes a line with a box, so that its explanation is never read for another one.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["answer_of", "unfolded"]

# By how surely a key names the answer; compared without case, spaces and dashes.
_KEYS = (
    "finalanswer", "answer", "theanswer", "correctanswer", "youranswer", "myanswer", "answerletter", "answerchoice",
    "answervalue", "numericanswer", "最终答案", "正确答案", "答案", "correctoption", "correctchoice", "selectedoption",
    "selectedanswer", "selectedchoice", "finalresult", "最终结果",
)  # fmt: skip
_WEAK_KEYS = (
    "choice",
    "选择",
    "option",
    "选项",
    "result",
    "结果",
    "letter",
    "value",
)  # only of a reply that is one object
_START = re.compile(r"\{\s{0,200}[\"'}]")
_MOST_OBJECTS = 20  # tried of one reply, each of at most so many characters
_MOST_CHARS = 200_000
_DECODER = json.JSONDecoder(strict=False)
_STRAY_ESCAPE = re.compile(r"\\(?:[\"\\/bfnrtu]|(.))", re.DOTALL)
_PAIR = re.compile(
    r"[\"'“]([A-Za-z _-]{1,20}|[一-鿿]{1,6})[\"'”]\s{0,20}:\s{0,20}"
    r"(?:\"((?:[^\"\\]|\\.){0,400}+)\"|'((?:[^'\\]|\\.){0,400}+)'|([^\s\"',}\]]{1,200}))"
)
# A model that writes LaTeX into JSON without doubling its backslashes: \frac and \boxed begin like escapes.
_TORN = {"\x08": "\\b", "\x0c": "\\f"}
_TORN_WORDS = re.compile(r"\t(?=ext|imes|frac|heta|an\b|o\b)|\r(?=ight|ho\b)")


def unfolded(text: str) -> str:
    r"""The reply with each JSON object that names an answer replaced by that answer in a \boxed{}."""
    whole = answer_of(text)
    if whole is not None:
        return f"\\boxed{{{whole}}}"
    out: list[str] = []
    at = tried = 0
    while tried < _MOST_OBJECTS and (start := _START.search(text, at)) is not None:
        tried += 1
        found = _object(text, start.start())
        if found is None:
            out.append(text[at : start.start() + 1])
            at = start.start() + 1
            continue
        answer, end = found
        out.append(text[at : start.start()] + ("" if answer is None else f"\n\\boxed{{{answer}}}\n"))
        at = end
    return "".join([*out, text[at:]])


def answer_of(text: str) -> str | None:
    """The answer of a reply that is one JSON object (perhaps in a code block); None for any other reply."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.strip("`").partition("\n")[2].strip()
    if not text.startswith("{") or len(text) > _MOST_CHARS:
        return None
    found = _object(text, 0, alone=True)
    return found[0] if found is not None and not text[found[1] :].strip() else None


def _object(text: str, start: int, *, alone: bool = False) -> tuple[str | None, int] | None:
    """The answer in the object that begins at `start`, and the object's end; None if it names no answer."""
    piece = text[start : start + _MOST_CHARS]
    try:
        value, length = _DECODER.raw_decode(piece)
        end = start + length
    except (ValueError, RecursionError):
        mended = _STRAY_ESCAPE.sub(lambda one: "\\" + one[0] if one[1] else one[0], piece)
        try:
            value, length = _DECODER.raw_decode(mended)
            end = start + _unmended(piece, length)
        except (ValueError, RecursionError):
            return _loose(piece, start)
    if isinstance(value, dict) and value and all(len(one) == 1 for one in value) and _all_verdicts(value):
        return ", ".join(one for one in value if value[one]) or None, end
    key = _key(value, alone=alone) if isinstance(value, dict) else None
    return (_said(value[key]), end) if key is not None else None


def _all_verdicts(value: Mapping[str, Any]) -> bool:
    """Whether an object says for each letter whether it is right: {"A": false, "B": true}."""
    return all(one.isupper() and isinstance(said, bool) for one, said in value.items())


def _unmended(piece: str, length: int) -> int:
    """The end in `piece` of the object that ends at `length` after its stray escapes were corrected."""
    added = 0
    for escape in _STRAY_ESCAPE.finditer(piece):
        if escape.start() + added >= length:
            break
        added += escape[1] is not None
    return length - added


def _key(value: Mapping[str, Any], *, alone: bool) -> str | None:
    """The key of the answer: one with a fitting name or, in an object that is `alone`, the only one."""
    names = {re.sub(r"[\W_]+", "", name).casefold(): name for name in value if len(name) <= 40}
    for key in (*_KEYS, *(_WEAK_KEYS if alone else ())):
        if key in names:
            return names[key]
    only = next(iter(value.values())) if alone and len(value) == 1 else None
    return next(iter(value)) if isinstance(only, str | int | float | dict) else None


def _said(value: Any) -> str | None:
    if isinstance(value, dict):
        key = _key(value, alone=True)
        return None if key is None else _said(value[key])
    if isinstance(value, list):
        said = [_said(one) for one in value]
        return ", ".join(one for one in said if one) or None
    if value is None:
        return None
    if isinstance(value, str):
        value = _TORN_WORDS.sub(lambda one: {"\t": "\\t", "\r": "\\r"}[one[0]], value)
        return "".join(_TORN.get(one, one) for one in value).strip() or None
    return json.dumps(value)


def _loose(piece: str, start: int) -> tuple[str | None, int] | None:
    """The answer in a text that is almost JSON, because it is cut or has the quotes of another language.

    The text ends at the last brace.
    """
    pairs: dict[str, str] = {}
    for match in _PAIR.finditer(piece):
        pairs.setdefault(match[1], next(one for one in match.groups()[1:] if one is not None))
    named = {re.sub(r"[\W_]+", "", name).casefold(): name for name in pairs}
    key = next((named[key] for key in _KEYS if key in named), None)
    if key is None:
        return None
    close = piece.rfind("}")
    value = pairs[key].replace('\\"', '"').replace("\\\\", "\\").strip()
    return (None if value in ("", "null", "None") else value), start + (close + 1 if close >= 0 else len(piece))
