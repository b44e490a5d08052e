"""The texts of a question's options in a reply: an option's text counts like its letter. Pure."""

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["Options", "before_others", "only_letters"]

_IT_IS = re.compile(r"^(?:(?:i (?:think|guess|believe) )?(?:it is|it's|that is)|这是|是)? ?(?:the )?", re.IGNORECASE)
_OTHER_OPTIONS = re.compile(r"^\(?A[).、:] ?([^\n]{1,200})\n\(?B[).、:] ?([^\n]{1,200})$", re.MULTILINE)
_DENIAL = re.compile(r"\b(?:not|no|never|neither|nor|or|if)\b|n't\b|不|没|非|或")
_HEAD = re.compile(r"^[a-z] ?[).:、/=-] ?")


class Options:
    """The options of one question in one reply; a result is a label, or None. `bare` has their texts for comparison."""

    def __init__(self, labels: str, options: Sequence[str], said: str) -> None:
        self._labels, self._said = labels, said
        self.bare = [_bare(option) for option in options]

    def stated(self, announced: Sequence[str]) -> str | None:
        """The option whose text is announced, or is the whole reply or its last line."""
        if not self.bare:
            return None
        said = [*announced, *(re.split(r"[,;(]", one)[0] for one in announced)]
        lines = [_IT_IS.sub("", line) for line in self._said.strip().splitlines()]
        alone = sum(_HEAD.match(line.strip(" *_>#-(").lower()) is not None for line in lines) == 1
        for candidate in (*said, *(lines if len(lines) == 1 else lines[-1:])):
            found = self._option(candidate, labelled=alone)
            if found is not None:
                return found
        return (
            self._option(re.split(r"[,;:—–]", lines[0])[0])
            if len(lines) == 1 and not self._names_several(lines[0])
            else None
        )

    def listed(self) -> str | None:
        """The options in the last line, each with its letter and its text: "A. 2 and C. 7"."""
        last = unicodedata.normalize("NFKC", self._said.strip().rpartition("\n")[2]).casefold()
        listed = [
            label
            for label, option in zip(self._labels, self.bare, strict=False)
            if option and re.search(rf"(?<![a-z0-9]){label.lower()}[).:、] ?{re.escape(option)}(?!\w)", last)
        ]
        return "".join(listed) if 1 < len(listed) < len(self._labels) else None

    def mentioned(self) -> str | None:
        """The only option at the end of a reply of one sentence: "The river is the Danube"."""
        said = unicodedata.normalize("NFKC", self._said).strip().casefold()
        if len(said) > 200 or "\n" in said or _DENIAL.search(said):
            return None
        found = [
            label
            for label, option in zip(self._labels, self.bare, strict=False)
            if len(option) > (3 if option.isascii() else 1)
            and re.search(rf"(?<![a-z0-9]){re.escape(option)}(?![a-z0-9])", said)
        ]
        return found[0] if len(found) == 1 else None

    def _option(self, candidate: str, *, labelled: bool = False) -> str | None:
        """The label of the option that a text, or its first sentence, is. `labelled`: perhaps after its own label."""
        for text in (candidate, re.split(r"[.。;；](?= |$)", candidate)[0]):
            whole = _bare(text)
            fits = [
                at
                for at, option in enumerate(self.bare)
                if len(option) > 1
                and (
                    whole in (option, _IT_IS.sub("", option))
                    or (labelled and _HEAD.sub(whole[0], whole) == self._labels[at].lower() + option)
                    or whole in (self._labels[at].lower() + option, f"{self._labels[at].lower()} {option}")
                )
            ]
            if len(fits) == 1:
                return self._labels[fits[0]]
        return None

    def _names_several(self, line: str) -> bool:
        """Whether a line has the texts of several options."""
        lowered = line.casefold()
        return sum(len(option) > 1 and option in lowered for option in self.bare) > 1


def before_others(text: str, options: Sequence[str]) -> str:
    """The text up to a paragraph with the options of another question, if a reply continues without a heading."""
    known = {_bare(option) for option in options}
    other = _OTHER_OPTIONS.search(text) if any(known) else None
    if other is None or not known.isdisjoint({_bare(other[1]), _bare(other[2])}):
        return text
    return text[: max(text.rfind("\n\n", 0, other.start()), 0)] or text


def only_letters(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()


def _bare(text: str) -> str:
    """A text without case, markup and punctuation at its ends, to compare options."""
    return re.sub(r"[ \s]+", " ", unicodedata.normalize("NFKC", text)).strip(" .。,;:!*_`\"'“”‘’()[]{}$").casefold()
