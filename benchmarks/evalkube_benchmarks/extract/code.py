"""The program in a reply: the right one of its code blocks, or the code among prose. Pure.

The sandbox decides whether it is a whole function or only the body of one, by trying both.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["code", "defines"]

_FENCE = re.compile(r"^([ \t]{0,12}(?:>[ \t]?)?)(`{3,}|~{3,})[ \t]*([^\n`]*)$", re.MULTILINE)
_OPENING = re.compile(r"\[(?:PYTHON|BEGIN|CODE)\][ \t]{0,9}\r?\n|<code>")
_CLOSING = re.compile(r"\[/?(?:PYTHON|DONE|END|CODE)\]|</code>")
_LANGUAGES = frozenset({"python", "py", "python3", "python2", "py3", "ipython", "pycon", "code", "program", ""})
_KEYS = ("code", "solution", "program", "function", "completion", "implementation", "answer")
# A line that begins a program, and one that may stand in the first column of one.
_BEGIN = re.compile(r"^(?:from\s+[\w.]+\s+import\b|import\s+\w|(?:async\s+)?def\s+\w+\s*\(|class\s+\w+\s*[(:]|@\w)")
_CODE = re.compile(
    r"^(?:from\s+[\w.]+\s+import\b|import\s+\w|(?:async\s+)?def\s|class\s+\w+\s*[(:]|@\w|#|\"\"\"|'''|[)\]}]"
    r"|(?:if|elif|for|while|with|async\s+(?:for|with))\s.{0,500}:|(?:else|try|finally)\s*:|except\b.{0,200}:"
    r"|(?:return|raise|assert|global|nonlocal|del|yield)\b|(?:pass|break|continue)\s*$"
    r"|[\w.,\[\]()'\" *]{1,120}?(?::\s*[\w.\[\], |]{1,60}\s*)?(?:[-+*/%&|^@]|//|\*\*|<<|>>)?=(?!=)|[\w.]{1,80}\()"
)
_STATEMENT = re.compile(
    r"^[ \t]*(?:return\b|yield\b|raise\b|pass\b|(?:for|while|if|with)\b.*:|try\s*:|\w[\w.\[\], ]{0,200}[-+*/%]?=[^=])",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class _Block:
    language: str
    text: str


def code(text: str, entry: str = "") -> str | None:
    """The program in a reply; None if it has none. `entry` is the function or class that is asked for.

    Of several blocks it is the last that defines `entry`, otherwise the last in the language. Earlier blocks are
    drafts, and a block that shows a call defines nothing.
    """
    text = _of_json(text) or text
    blocks = [block for block in (*_fenced(text), *_tagged(text)) if block.text.strip()]
    if blocks:
        return _chosen(blocks, entry)
    return _among_prose(text)


def defines(program: str, entry: str) -> bool:
    """Whether a program defines a function, a class or a variable of that name."""
    name = re.escape(entry)
    pattern = rf"^(?:(?:async[ \t]+)?def[ \t]+{name}[ \t]*[(\[]|class[ \t]+{name}\b|{name}[ \t]*(?::[^=\n]*)?=[^=])"
    return re.search(pattern, program, re.MULTILINE) is not None


def _of_json(text: str) -> str | None:
    """The code in a reply that is one JSON object with a key for code."""
    text = text.strip()
    if not text.startswith("{") or not text.endswith("}"):
        return None
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    named = {key.casefold(): value for key, value in found.items()}
    return next((named[key] for key in _KEYS if isinstance(named.get(key), str)), None)


def _fenced(text: str) -> Iterator[_Block]:
    """The blocks between fences; one that is not closed continues to the end."""
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif fence[2].startswith(opened[2]) and not fence[3].strip():
            yield _block(opened, text[opened.end() + 1 : fence.start()])
            opened = None
    if opened is not None:
        yield _block(opened, text[opened.end() + 1 :])


def _block(fence: re.Match[str], inside: str) -> _Block:
    """A block without the indentation of its fence."""
    margin = fence[1]
    if margin:
        inside = re.sub(rf"^(?:{re.escape(margin)}|{re.escape(margin.rstrip())}$)", "", inside, flags=re.MULTILINE)
    language = re.split(r"[\s{(:,]", fence[3].strip().lstrip("{."), maxsplit=1)[0].casefold()
    return _Block(language, _without_prompts(inside) if ">>> " in inside[:200] else inside)


def _without_prompts(inside: str) -> str:
    """The input lines of a block that shows a session."""
    lines = inside.splitlines()
    typed = [line[4:] for line in lines if line.startswith((">>> ", "... "))]
    return "\n".join(typed) if lines and lines[0].startswith(">>> ") else inside


def _tagged(text: str) -> Iterator[_Block]:
    """The text between tags, or after a tag that is not closed."""
    at = 0
    while (opening := _OPENING.search(text, at)) is not None:
        closing = _CLOSING.search(text, opening.end())
        at = len(text) if closing is None else closing.end()
        yield _Block("python", text[opening.end() : at if closing is None else closing.start()])


def _chosen(blocks: list[_Block], entry: str) -> str:
    if entry:
        defining = [block for block in blocks if defines(block.text, entry)]
        if defining:
            return defining[-1].text
    mine = [block for block in blocks if block.language in _LANGUAGES] or blocks
    beginning = [block for block in mine if any(map(_BEGIN.match, block.text.splitlines()))]
    named = [block for block in mine if block.language]
    return (beginning or named or mine)[-1].text


def _among_prose(text: str) -> str | None:
    """The lines of a reply without fences, from the begin of a program to its end."""
    lines = text.splitlines()
    begin = next((at for at, line in enumerate(lines) if _BEGIN.match(line)), None)
    if begin is None:
        return text if _STATEMENT.search(text) else None
    if begin and all(
        _STATEMENT.match(line) or not line.strip() or line.startswith((" ", "\t")) for line in lines[:begin]
    ):
        begin = 0  # the body of a function, and another function after it
    while begin and lines[begin - 1].startswith("#"):
        begin -= 1
    end, quoted = begin, False
    for at in range(begin, len(lines)):
        line = lines[at]
        if not quoted and line.strip() and line[:1] not in " \t" and not _CODE.match(line):
            break
        if (line.count('"""') + line.count("'''")) % 2:
            quoted = not quoted
        if line.strip():
            end = at + 1
    return "\n".join(lines[begin:end])
