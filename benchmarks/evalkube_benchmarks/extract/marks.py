r"""Answers that a reply sets apart by a mark: \boxed{...}, <answer>...</answer>. Pure."""

import re

__all__ = ["boxed", "without_markup"]

_BRACE = re.compile(r"(\\(?:f?boxed|fbox|framebox) ?\{)|\\.|[{}]", re.DOTALL)
_SHORT_BOX = re.compile(r"\\f?boxed(?: ([A-J])(?![A-Za-z])| ?(-?\d[\d.,]{0,40}(?<=\d)))")
_TAGGED = re.compile(r"<(/?)(?:final_?)?answer>|<\|(begin|end)_of_box\|>", re.IGNORECASE)


def boxed(text: str) -> str | None:
    r"""Returns what the last non-empty \boxed{...} holds, or what its like does (\boxed 3, <answer>3</answer>)."""
    found = max(_braced(text), _short(text), _tagged(text))
    return found[1] or None


def _braced(text: str) -> tuple[int, str]:
    best = (-1, "")
    opened: list[int] = []  # where the content of each open brace begins; -1 for one that opens no box
    for token in _BRACE.finditer(text):
        if token.group(1):
            opened.append(token.end())
        elif token.group() == "{":
            opened.append(-1)
        elif token.group() == "}" and opened:
            start = opened.pop()
            content = text[start : token.start()].strip() if start > best[0] else ""
            if content:
                best = (start, content)
    return best


def _short(text: str) -> tuple[int, str]:
    best = (-1, "")
    for match in _SHORT_BOX.finditer(text):
        best = (match.start(), match.group(1) or match.group(2))
    return best


def _tagged(text: str) -> tuple[int, str]:
    """The content of the last closed tag; a tag that was not closed continues to the end of the reply."""
    best, start = (-1, ""), -1
    for tag in _TAGGED.finditer(text):
        closing = bool(tag.group(1)) or (tag.group(2) or "").lower() == "end"
        if not closing:
            start = tag.end()
        elif start >= 0:
            content = text[start : tag.start()].strip()
            best, start = ((start, content) if content else best), -1
    rest = text[start:].strip() if start >= 0 else ""
    return (start, rest) if rest else best


def without_markup(text: str) -> str:
    """The text without bold, italics, code marks and LaTeX dollars around it."""
    return text.strip().strip("*_`").strip()
