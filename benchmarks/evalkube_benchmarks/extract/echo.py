"""Option lists that a reply repeats: they name every letter and are no answer. Pure."""

import re
from collections.abc import Sequence

from evalkube_benchmarks.extract.phrases import SHORT_VERDICT

__all__ = ["without_options"]

# "B. 错误，因为…" in a list is a verdict on B, not the text of B.
_VERDICT = re.compile(
    r"(?:选项|项|说法|表述| |是|的|:|\|){0,5}(?:错|不(?:正确|对|符|成立|选)|正确"
    r"|对(?= ?(?:$|[.,;:|(]))|符合|排除|[✓✔√✅✗✘×❌]"
    r"|(?i:(?:is )?(?:in)?correct\b|(?:is )?wrong\b|(?:is )?right(?= ?(?:$|[.,;:|(]))))"
)
_MARKS = {"true": "✓", "yes": "✓", "right": "✓", "false": "✗", "no": "✗"}
_TABLE_VERDICT = re.compile(r"(.{0,200}?\| ?)?(?:(?P<yes>yes|true|是)|(?P<no>no|false|否)) ?(?:$|\|)", re.IGNORECASE)


# "B. Paris: correct" is a verdict too.
_VERDICT_AT_END = re.compile(
    r"(?:(?:[:—–|,-]|\bis\b|是) ?(?=[A-Za-z一-鿿✓✔√✅✗✘×❌])|(?=[✓✔√✅✗✘×❌]))"
    r"(?P<verdict>(?i:incorrect|correct|wrong|right|true|false|yes|no)"
    r"|正确|错误|不正确|不?符合(?:题意|要求)?|对|错|[✓✔√✅✗✘×❌])"
    r" ?[.。;；]?$"
)


_SHORT = re.compile(SHORT_VERDICT)
_SHORT_RUN = re.compile(rf"(?<![A-Za-z])[A-P]{SHORT_VERDICT}")
_CLAUSE = re.compile(r"(?<=[;。；])\s?")


def without_options(text: str, labels: str, options: Sequence[str], *, several: bool = False) -> str:
    """Removes the lines (or the part of a line) that repeat the options: several labels in a row, each with its text.

    If `several` may be right, a list of some of them is no repetition and keeps its letters.
    """
    head = re.compile(
        rf"(?:\d{{1,2}}[.)] )?[-*>• (\[]{{0,4}}({'|'.join(labels)})(?: ?[)\]])?"
        rf"(?: ?[.:|)]|选?项|、(?![{labels}](?![A-Za-z]))| [-–—])(?:选?项)? ?(?=\S)"
    )
    lines = [clause for line in text.splitlines() for clause in _clauses(line, head)]
    heads = [head.match(line) for line in lines]
    echoed = [
        match is not None and not _is_verdict(line, match, labels, options)
        for line, match in zip(lines, heads, strict=True)
    ]
    if echoed and echoed[-1] and not several and _repeats(heads):
        echoed[-1] = False  # the conclusion after an echo: "B. Paris" once more
    letters = {match[1] for match, echo in zip(heads, echoed, strict=True) if match and echo}
    listed = several and letters < set(labels)
    kept = []
    for line, match, echo in zip(lines, heads, echoed, strict=True):
        if len(letters) >= 2 and echo:
            kept.extend([match[1]] if listed and match else [])
        else:
            at = labels.index(match[1]) if match else len(options)
            kept.append(_without_inline(_judged(line, match, options[at] if at < len(options) else ""), labels))
    return "\n".join(kept)


def _clauses(line: str, head: re.Pattern[str]) -> list[str]:
    """The clauses of a line that judges each option in turn; otherwise the line."""
    clauses = _CLAUSE.split(line) if ";" in line or "。" in line or "；" in line else [line]
    return clauses if sum(head.match(clause) is not None for clause in clauses) >= 2 else [line]


def _repeats(heads: "Sequence[re.Match[str] | None]") -> bool:
    """Whether the last line begins with a letter that an earlier line had."""
    last = heads[-1]
    return last is not None and last[1] in {match[1] for match in heads[:-1] if match}


def _is_verdict(line: str, head: re.Match[str], labels: str, options: Sequence[str]) -> bool:
    rest, at = line[head.end() :], labels.index(head[1])
    option = options[at] if at < len(options) else ""
    if option and rest.strip(" .。|").casefold() == option:
        return False
    if _behind(rest, option) is not None:
        return True
    if _VERDICT.match(rest) is not None or _VERDICT_AT_END.search(rest[-40:]) is not None:
        return True
    # True and false may be the options' own texts; where these are known, and others, they are verdicts.
    return ("|" in line or any(options)) and _TABLE_VERDICT.match(rest.rstrip(" .。")) is not None


_BEHIND = re.compile(
    r" ?[-–—:|(]{1,2} ?(?:(?P<yes>(?i:correct|right|true|yes)\b|正确|对|是|[✓✔√✅])"
    r"|(?P<no>(?i:incorrect|wrong|false|no)\b|错误?|不正确|不对|否|[✗✘×❌]))"
)


def _behind(rest: str, option: str) -> bool | None:
    """The verdict directly after an option's own text: "Paris - Correct. It is ..."."""
    if not option or rest[: len(option)].casefold() != option:
        return None
    verdict = _BEHIND.match(rest, len(option))
    return None if verdict is None else verdict["yes"] is not None


def _judged(line: str, head: "re.Match[str] | None", option: str = "") -> str:
    """A verdict on a letter without the marks of its list; a table's yes or no becomes the equivalent mark."""
    if head is None or len(_SHORT_RUN.findall(line)) > 1:
        return line
    rest = line[head.end() :].rstrip(" .。")
    behind = _behind(rest, option)
    if behind is not None:
        return f"{head[1]} {'✓' if behind else '✗'}"
    verdict = _TABLE_VERDICT.match(rest)
    if verdict is not None:
        return f"{head[1]} {'✓' if verdict['yes'] else '✗'}"
    at_end = _VERDICT_AT_END.search(rest[-40:])
    if at_end is not None and not _VERDICT.match(rest):
        return f"{head[1]} {_MARKS.get(at_end['verdict'].lower(), at_end['verdict'])}"
    return f"{head[1]} {line[head.end() :]}" if _VERDICT.match(line, head.end()) else line


def _without_inline(line: str, labels: str) -> str:
    starts = list(re.finditer(rf"(?:(?<=\s)|^)[(\[]?([{labels}])[)\].:、] ?\S", line))
    said = [match.group(1) for match in starts]
    if len(set(said)) < 3 or said != sorted(said) or all(_SHORT.match(line, match.end(1)) for match in starts):
        return line
    tail = line[starts[-1].end() :]
    says = re.search(r"答案|选|(?i:\banswer)", tail)
    return line[: starts[0].start()] + (" " + tail[says.start() :] if says else "")
