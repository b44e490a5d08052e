"""The label of a closed list that a reply decides for: yes or no, true or false, valid or invalid. Pure."""

import re
from collections.abc import Mapping, Sequence

from evalkube_benchmarks.extract import document
from evalkube_benchmarks.extract.marks import boxed
from evalkube_benchmarks.extract.spoken import before_next
from evalkube_benchmarks.extract.statements import LEAD_IN, clause, refuses, sentences, statements

__all__ = ["label"]

_NOT = (
    r"(?P<not>\b(?:not|isn't|aren't|is no|never|neither|cannot be|can't be)\b(?: [a-z]{1,14}){0,2} "
    r"|n't (?:[a-z]{1,14} ){0,2}|[不非未])?"
)
_SO = re.compile(
    r"[*_> ]{0,4}(?:so|therefore|thus|hence|consequently|overall|in conclusion|in summary|to conclude|which means"
    r"|所以|因此|因而|综上|总之|故)(?![a-z])",
    re.IGNORECASE,
)
_EQUALS = re.compile(r"= ?([^=\n]{1,40})\Z")
_EITHER = re.compile(r"\b(?:or|and)\b|/|[或和]|还是", re.IGNORECASE)
_TEX = re.compile(r"\\(?:text[a-z]{0,8}|mathrm|mathbf|mbox) ?\{([^{}]{0,80})\}")


def label(text: str, labels: Mapping[str, Sequence[str]], asked: str = "") -> str | None:
    """The label that a reply decides for; None for a hedge. `labels` has the synonyms of each label.

    In order: a box or the last announcement, the last sentence with a conclusion, a line that is one label, the reply's
    first word, and the last sentence if it names only one label. "Not" before one of two labels means the other.
    """
    text = document.unfolded(text)
    head, apart = before_next(text, asked)
    if head is not text:
        reading = _Reading(labels, head)
        found = reading.announced()
        if found is None and apart:
            found = reading.implied()
        if found is not None:
            return found or None
    reading = _Reading(labels, text)
    found = reading.announced()
    return (reading.implied() if found is None else found) or None


class _Reading:
    """One reply and its relevant words. A result is a label, "" for a hedge, or None."""

    def __init__(self, labels: Mapping[str, Sequence[str]], text: str) -> None:
        self._text = _TEX.sub(r"\1", text)
        self._of = {word.casefold(): name for name, more in labels.items() for word in (name, *more)}
        self._names = list(labels)
        spelled = map(_spelled, sorted(self._of, key=len, reverse=True))
        self._word = re.compile(
            rf"{_NOT}(?<![A-Za-z0-9])(?P<word>{'|'.join(spelled)})(?![A-Za-z0-9]|-[A-Za-z])", re.IGNORECASE
        )

    def announced(self) -> str | None:
        """The label in a box, otherwise in the last announcement."""
        inside = boxed(self._text)
        if inside is not None:
            found = self._stated(_TEX.sub(r"\1", inside).strip("$ "))
            if found is not None:
                return found
        for line in statements(self._text):
            found = self._stated(line)
            if found is not None:
                return found
        return None

    def implied(self) -> str | None:
        """The label in a conclusion, a line by itself, the first word or the last sentence."""
        said = sentences(self._text)
        if not said:
            return None
        worked = _EQUALS.search(said[-1])  # "True and False = False"
        if worked is not None and (whole := self._whole(worked[1])) is not None:
            return whole
        lines = [line.strip() for line in self._text.strip().splitlines() if line.strip()]
        for line in (lines[-1], lines[0]):
            whole = self._whole(line)
            if whole is not None:
                return whole
        for sentence in reversed(said):
            if _SO.match(sentence) and not sentence.endswith(("?", "？")):
                found = self._one(sentence)
                if found is not None:
                    return found
        first = self._first(said[0])
        if first is not None:
            return first
        if refuses(self._text):
            return None
        last = next((one for one in reversed(said) if not one.endswith(("?", "？"))), "")
        return self._one(last)

    def _stated(self, line: str) -> str | None:
        first = self._first(line)
        return first if first is not None else self._one(clause(line))

    def _whole(self, line: str) -> str | None:
        bare = line.strip(" *_`#>.。!！\"'“”()[]{}$-:：,，")
        return self._of.get(bare.casefold())

    def _first(self, line: str) -> str | None:
        """The label at the begin of a line: "Yes, because ..."; "" if the line also offers another one."""
        lead = LEAD_IN.match(line)
        match = self._word.match(line, lead.end() if lead else 0)
        if match is None:
            return None
        rest = line[match.end() : match.end() + 40]
        other = (
            self._word.match(rest, either.end())
            if (either := re.match(r"[*_\"' ]{0,3}(?:or|and|/|或|还是) ?[*_\"']{0,3}", rest))
            else None
        )
        if other is not None and self._meant(other) != self._meant(match):
            return ""
        return self._meant(match)

    def _one(self, sentence: str) -> str | None:
        """The only label in a sentence; "" if it offers several side by side."""
        matches = list(self._word.finditer(sentence))
        said = {self._meant(match) for match in matches}
        if len(said) == 1:
            return said.pop()
        if len(said) > 1 and _EITHER.search(sentence[matches[0].end() : matches[-1].start()]):
            return ""
        return None

    def _meant(self, match: re.Match[str]) -> str | None:
        name = self._of[match["word"].casefold()]
        if not match["not"]:
            return name
        return next(one for one in self._names if one != name) if len(self._names) == 2 else None


def _spelled(word: str) -> str:
    """The pattern of a word. One character (是, 对, T) must be a whole clause; "no" is not in "no idea"."""
    if len(word) == 1:
        return re.escape(word) + r"(?=[\s.,;:!。，；！）)*_\"'”’」}\]]|$)"
    if word == "no":
        return r"no(?=[^\w\s]|\s*$|\n| (?:because|since|as|but|and|or|for|he|she|it|they|this|that|there|the)\b)"
    return re.escape(word)
