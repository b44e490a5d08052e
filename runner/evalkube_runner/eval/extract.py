"""Finds the answer inside a model's reply. Pure: no model, no dataset, no I/O, and no opinion on whether it is right.

Every function returns None when the reply holds no answer. A guess would be scored, so nothing is guessed that the
reply does not state: least of all a letter out of the option list that many models repeat before they answer.
"""

import re
import unicodedata

__all__ = ["boxed", "choice", "choices", "number", "strip_thinking"]

_THINK_TAG = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)


def strip_thinking(text: str) -> str:
    """Returns `text` without its <think>...</think> parts.

    A closing tag alone ends a thought that the chat template opened, so everything before it goes; an opening tag
    alone is a thought that was cut off, so everything after it goes: what stands there is not yet an answer.
    """
    said: list[str] = []
    at, thinking = 0, False
    for tag in _THINK_TAG.finditer(text):
        closing = bool(tag.group(1))
        if closing and not thinking:
            said.clear()
        elif not thinking:
            said.append(text[at : tag.start()])
        thinking = not closing
        at = tag.end()
    if not thinking:
        said.append(text[at:])
    return "".join(said).strip()


# ---------------------------------------------------------------------------------------------- numbers and formulas

_BRACE = re.compile(r"(\\f?boxed\s*\{|\\fbox\s*\{)|\\.|[{}]", re.DOTALL)
_HASHES = re.compile(r"####\s*([^\n]+)")
# What announces an answer. The last one in a reply counts: models restate and correct themselves.
_MARKER = re.compile(
    r"(?:(?:final\s+|correct\s+)?answer\s*(?:\*\*)?\s*(?:is|are|=|[:：])|(?:最终)?答案\s*(?:\*\*)?\s*(?:应该是|应为|应是|是|为|=|[:：]))"
    r"\s*(?:\*\*)?[ \t]*[:：]?[ \t]*",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:[eE][-+]?\d+)?(?:\s*/\s*\d+(?!\w))?%?"
)
_STATED_CHARS = 400  # what is announced stands close to its announcement
_SENTENCE_END = re.compile(r"(?<!\d)\.(?:\s|$)|(?<=\d)\.(?:\s|$)|[。；;!！]")


def boxed(text: str) -> str | None:
    r"""Returns what the last non-empty \boxed{...} holds, braces balanced."""
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
    return best[1] or None


def number(text: str) -> str | None:
    r"""Returns the number a reply ends on: in \boxed{}, after `####`, after "the answer is", else its last number.

    A box is returned as it stands, formula or not; out of a sentence the number is cut.
    """
    inside = boxed(text)
    if inside is not None:
        return inside
    stated = _stated(text)
    if stated is not None:
        if "\\frac" in stated:
            return stated
        # "6 x 3 = 18 dollars" states 18: what follows the last equals sign.
        found = _numbers(stated.rpartition("=")[2]) or _numbers(stated)
        if found:
            return found[0]
    return _last_number(text)


def _stated(text: str) -> str | None:
    inside = boxed(text)
    if inside is not None:
        return inside
    hashes = _HASHES.findall(text)
    if hashes:
        return _clean(hashes[-1])
    markers = list(_MARKER.finditer(text))
    ends = [*(marker.start() for marker in markers[1:]), len(text)]
    for marker, end in reversed(list(zip(markers, ends, strict=False))):
        lines = text[marker.end() : min(end, marker.end() + _STATED_CHARS)].strip().splitlines()
        answer = _clean(lines[0]) if lines else None
        if answer:
            return answer
    return None


def _clean(answer: str) -> str | None:
    answer = answer.strip().strip("*_`").strip()
    answer = _SENTENCE_END.split(answer, maxsplit=1)[0]
    return answer.strip().strip("*_`$").strip(" .,，。:：") or None


def _numbers(text: str) -> list[str]:
    normal = unicodedata.normalize("NFKC", text)
    return [match.group().strip() for match in _NUMBER.finditer(normal) if any(map(str.isdigit, match.group()))]


def _last_number(text: str) -> str | None:
    found = _numbers(text)
    return found[-1] if found else None


# ----------------------------------------------------------------------------------------------------- choice letters
# These patterns meet text in NFKC: full-width letters, colons, commas and round brackets are plain ones by then.
# Repetitions are bounded where one could start at every character: no reply costs the square of its length.

_OPEN = (
    r"[\s*_`\"'“‘(\[【】{$:]{0,40}(?:(?i:option|choice|letter)\s{1,3}[*(]{0,3}|选项\s?)?"
    r"(?:\\(?:boxed|text|textbf|mathrm|mathbf)\s*\{\s*){0,3}[*(\[]{0,3}"
)
_ALONE = r"(?![A-Za-z])(?!\s*(?:[/|、和与及&]|and\s|or\s)\s*[(*]{0,3}[A-J](?![A-Za-z]))"
_SAYS = (
    r"(?:(?i:answers?\s*(?:\*\*)?\s*(?:is|are|would\s+be|should\s+be|[:=])|choice\s*(?:is|:)|option\s+is)"
    r"|答案\s*(?:\*\*)?\s*(?:应该是|应该为|应当是|应为|应是|应选|是|为|选|:)"
    r"|(?:选项|选择)\s*(?:是|为|:)|(?:故|应|应该|所以|因此|因而)选(?:择|项)?)"
)
_BARE = r"(?:答案|(?<![不能可])选(?:择|项)?)[\s*(\[【】]*"
_RIGHT_AFTER = (
    r"(?i:(?:is|was)\s+(?:the\s+|clearly\s+|therefore\s+)*(?:correct|right|best|answer))"
    r"|(?:选?项)?\s*(?:是|最为|才是)?\s*(?:正确|对的)(?!吗)"
)
_NOT_WRONG = r"(?!\s*[)\]】*]*\s*(?:项|选项)?\s*(?:是)?\s*(?:错|不|误|(?i:(?:is|are)\s+(?:not|wrong|incorrect))))"


def choice(text: str, labels: str) -> str | None:
    """Returns the one label of `labels` (for example "ABCD") that a reply settles on.

    The last statement of an answer counts. Without one, a reply that consists of, begins or ends with one clear
    letter is taken; several candidates and no statement are no answer.
    """
    said = _without_option_list(unicodedata.normalize("NFKC", text), labels)
    label, small = f"([{labels}])", f"([{labels.lower()}])"
    return (
        _last(rf"{_SAYS}{_OPEN}{label}{_ALONE}{_NOT_WRONG}", said)
        or _last(rf"{_SAYS}{_OPEN}{small}(?=\s*(?:$|[\n).,}}*\]]))", said)
        or _last(rf"{_BARE}{label}{_ALONE}{_NOT_WRONG}", said)
        or _boxed_label(said, labels)
        or _last(rf"(?<![A-Za-z]){label}[)\]*]*\s*(?:{_RIGHT_AFTER})", said)
        or _lone(said, labels)
    )


def choices(text: str, labels: str) -> str | None:
    """Returns all labels a reply names as correct, in order and without commas ("ACD"): for several right answers."""
    said = _without_option_list(unicodedata.normalize("NFKC", text), labels)
    one = f"[{labels}]"
    group = rf"({one}(?:(?:[\s,、;和与及&()*\[\]]|and\b)*{one})*)(?![A-Za-z])"
    for pattern in (_SAYS + _OPEN, _BARE, rf"\\f?boxed\s*\{{{_OPEN}"):
        found = re.findall(pattern + group, said)
        if found:
            return _in_order(found[-1], labels)
    whole = re.fullmatch(rf"[\s*(\[]*{group}[\s*)\].,]*", said)
    return _in_order(whole.group(1), labels) if whole else None


def _in_order(group: str, labels: str) -> str:
    return "".join(label for label in labels if label in group)


def _last(pattern: str, text: str) -> str | None:
    found = re.findall(pattern, text)
    return str(found[-1]).upper() if found else None


def _boxed_label(text: str, labels: str) -> str | None:
    inside = boxed(text)
    match = re.match(rf"(?:\\text\w*\s*\{{)?[\s(\[]*([{labels}])(?![A-Za-z])", inside) if inside else None
    return match.group(1) if match else None


def _lone(text: str, labels: str) -> str | None:
    """The letter that a reply without any statement consists of, begins with, ends with or sets off alone."""
    wrapped = rf"[\s*_`(\[【$]*([{labels}])[*_`)\]】$]*"
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    for line, pattern in ((lines[-1], rf"{wrapped}\s*[.。]?\s*"), (lines[0], rf"{wrapped}\s*(?:[.):、,]\s*.*)?")):
        match = re.fullmatch(pattern, line)
        if match:
            return match.group(1)
    set_off = set(re.findall(rf"(?:\*\*|[(\[【])\s*([{labels}])\s*(?:\*\*|[)\]】])", text))
    if len(set_off) == 1:
        return str(set_off.pop())
    # "A" and "I" are English words too: followed by a lower-case word they are no label.
    not_denied = r"(?<![A-Za-z0-9'’])(?<!不选)(?<!不是)(?<!排除)(?<!not )"
    not_a_word = r"(?![A-Za-z0-9'’])(?!\s+(?!or\b|and\b)[a-z])"
    standing = set(re.findall(f"{not_denied}([{labels}]){not_a_word}", text))
    return str(standing.pop()) if len(standing) == 1 else None


def _without_option_list(text: str, labels: str) -> str:
    """Drops the lines (or the part of a line) that repeat the options: several labels in a row, each with its text."""
    head = rf"^\s*(?:[-*>•]\s+)?[(\[*]*([{labels}])[*]*(?:[)\]][*]*\s*[.:、]?|[.:、])[*]*\s*(?=\S)"
    lines = text.splitlines()
    heads = [re.match(head, line) for line in lines]
    if len({match.group(1) for match in heads if match}) >= 2:
        lines = [line for line, match in zip(lines, heads, strict=True) if not match]
    return "\n".join(_without_inline_list(line, labels) for line in lines)


def _without_inline_list(line: str, labels: str) -> str:
    starts = list(re.finditer(rf"(?:(?<=\s)|^)[(\[]?([{labels}])[)\].:、]\s*\S", line))
    if len({match.group(1) for match in starts}) < 3:
        return line
    tail = line[starts[-1].end() :]
    says = re.search(_SAYS, tail)
    return line[: starts[0].start()] + (" " + tail[says.start() :] if says else "")
