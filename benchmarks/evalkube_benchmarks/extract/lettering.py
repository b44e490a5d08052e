"""Normalization of a reply before its letters are read, and patterns of groups of letters. Pure."""

import re
import unicodedata

from evalkube_benchmarks.extract.spoken import squeezed

__all__ = ["cleaned", "group_of", "normal"]

_HEADS = r"(?!(?:and|or|is|are|was|were|because|but|vs|plus)\b|[和与或是项正错不对])(?=\w{2})"
_BOXES = re.compile(r"\}\$?(?: ?, ?| and |、|和| )\$?\\boxed ?\{")
_CLAUSE_COMMA = re.compile(r"(、[A-P](?:选?项)?), (?=[A-P])")
_NUMBERED = re.compile(r"^\d{1,2}[.)] ?(?=\(?[A-Z]\)?\s*$)", re.MULTILINE)
_ORDINALS = {
    word: at for at, words in enumerate(("first 一", "second 二", "third 三", "fourth 四")) for word in words.split()
}
_ORDINAL = re.compile(r"(?i:\b(?:the )?(first|second|third|fourth) option\b)|第([一二三四])个?选项")
_MARKUP = re.compile(r"\\(?:text[a-z]{0,8}|mathrm|mathbf|mathit|boldsymbol|mbox) ?\{([^{}]{0,80})\}")
_WORN = re.compile(r"[*_`\"“”‘’「」『』$\\#]|<[a-z/]{1,8}>|(?<![a-zA-Z])'|'(?![a-zA-Z])")
_DENIED = r"(?i:\b(?:not|rather than|instead of)) [^().,;\n]{1,60}"


def normal(text: str) -> str:
    """A reply with characters of one width.

    In Chinese "，" separates clauses and "、" separates items: the difference is kept before both become one.
    """
    return unicodedata.normalize("NFKC", text.replace("，", ", "))


def cleaned(text: str, labels: str, *, several: bool) -> tuple[str, set[str]]:
    """A reply without its markup, and without letters in brackets after a word."""
    one = f"[{labels}]"
    text = _CLAUSE_COMMA.sub(r"\1。", text)
    text = text.replace("【答案】", "答案:").replace("【", "\n【").replace("N/A", "")
    if several:
        text = _NUMBERED.sub("", _BOXES.sub(", ", text))
    text = _WORN.sub("", _MARKUP.sub(r"\1", text.replace("\\boxed", "答案:").replace("\\fbox", "答案:")))
    text = "\n".join(_row(line) for line in text.splitlines())
    # "(A) Rome" heads a line of a list: its bracket says so.
    text = re.sub(rf"^([ \t>*-]{{0,4}})[(\[]({one})[)\]] ?{_HEADS}", r"\1\2) ", text, flags=re.MULTILINE)
    bracketed = set(re.findall(rf"(?<=[\w '’])[(（]({one})[)）]", text))
    bracketed -= set(re.findall(rf"{_DENIED}[(（]({one})[)）]", text))
    text = re.sub(rf"[(\[【{{<] ?({one}) ?[)\]】}}>]", r"\1", text)
    return _ORDINAL.sub(lambda match: _ordinal(match, labels), squeezed(text)), bracketed


def group_of(labels: str, *, several: bool) -> str:
    """The pattern of letters that are named together: "A", "ACD", "A, C and D", "A or B"."""
    one = f"[{labels}]"
    next_one = rf"(?={one}(?![A-Za-z0-9'])(?! [a-z]))"
    joint = (
        r"(?:,? (?i:(?:but|or) (?:it )?(?:could|might|may) (?:also |well )?be) (?:option )?"
        r"| ?[、,;/|&+~-] ?| ?(?:和|与|及|以及|跟|或者?|还是选?|至|到) ?|,? ?也?可能是? ?"
        r"|,? (?i:(?:and|or|as well as|plus|to) (?:(?:possibly|maybe|perhaps|even) )?)"
        rf"| {next_one}{rf'|{chr(10)}(?:[-*•] ?)?(?={one}(?:{chr(10)}|$))' if several else ''})"
    )
    letter = rf"(?:(?i:options?|choices?) |选项)?{one}(?:项|选项)?"
    apart = rf"{letter}(?![A-Za-z0-9'])(?:{joint}{letter}(?![A-Za-z0-9'])){{0,12}}"
    return rf"(?>{one}{{2,{len(labels)}}}(?![A-Za-z0-9])|{apart})"


def _ordinal(match: re.Match[str], labels: str) -> str:
    """The label of "the second option"."""
    at = _ORDINALS[(match[1] or match[2]).lower()]
    if at >= len(labels):
        return match[0]
    return f"option {labels[at]}" if match[1] else f"选项{labels[at]}"


def _row(line: str) -> str:
    """A table's row without the bars at its ends."""
    line = line.strip()
    return line.strip("|").strip() if line.startswith("|") else line
