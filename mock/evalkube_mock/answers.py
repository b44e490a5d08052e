"""The answer book of the mock: (match, answer) pairs and their lookup. Reads a file when asked; no HTTP.

Of several matches, the one that *ends last* in the text is used, and of those that end together the longest. A prompt
shows its few-shot examples first and the real question last. If a question ends with another question, the longer one
is the more specific.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import orjson

__all__ = ["AnswerBook", "AnswersError", "Entry", "load"]


class AnswersError(ValueError):
    """An answers file that cannot be used. The message names the line and the reason."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One entry: `answer` is given if the last user message contains `match`."""

    match: str
    answer: str


class AnswerBook:
    """An index of entries, which examines only the few whose rarest word is in the text.

    A word between two white spaces inside a match stands so in every text that contains the match. So a set
    intersection finds the candidates, and only these are searched for. To search 1,319 entries one by one takes about a
    millisecond for a few-shot prompt; the index takes some tens of microseconds. Matches without an inner word (one or
    two words, Chinese) are searched for one by one.
    """

    __slots__ = ("_by_word", "_plain", "_words")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        unique = {entry.match: entry for entry in entries}  # a later line replaces an earlier one with the same match
        inner = {match: set(match.split()[1:-1]) for match in unique}
        frequency = Counter(word for words in inner.values() for word in words)
        self._by_word: dict[str, list[Entry]] = {}
        self._plain: list[Entry] = []
        for match, entry in unique.items():
            if inner[match]:
                # Of equally rare words the longest: it is the least likely to stand in other texts.
                anchor = min(inner[match], key=lambda word: (frequency[word], -len(word), word))
                self._by_word.setdefault(anchor, []).append(entry)
            else:
                self._plain.append(entry)
        self._words = frozenset(self._by_word)

    def __len__(self) -> int:
        return len(self._plain) + sum(map(len, self._by_word.values()))

    def find(self, text: str) -> str | None:
        """The answer for `text` (the last user message); None if no match is in it."""
        best: tuple[int, int] = (-1, -1)
        answer: str | None = None
        for entry in self._candidates(text):
            start = text.rfind(entry.match)
            if start >= 0:
                rank = (start + len(entry.match), len(entry.match))
                if rank > best:
                    best, answer = rank, entry.answer
        return answer

    def _candidates(self, text: str) -> Iterable[Entry]:
        yield from self._plain
        if self._words:
            for word in self._words.intersection(text.split()):
                yield from self._by_word[word]


def load(path: Path) -> AnswerBook:
    """Reads a JSONL file of {"match" or "question": text, "answer": text}. Other keys are ignored.

    Raises AnswersError for a file that cannot be read, a line of another form, or an empty match.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise AnswersError(f"{path}: {error.strerror or error}") from error
    book = AnswerBook(_entry(path, number, line) for number, line in enumerate(lines, 1) if line.strip())
    if not len(book):
        raise AnswersError(f'{path}: no answers; write one {{"match": "...", "answer": "..."}} per line')
    return book


def _entry(path: Path, number: int, line: bytes) -> Entry:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise AnswersError(f"{path}, line {number}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise AnswersError(f"{path}, line {number}: not an object")
    match = document.get("match", document.get("question"))
    answer = document.get("answer")
    if not isinstance(match, str) or not match.strip():
        raise AnswersError(f'{path}, line {number}: "match" (or "question") must be a text that is not empty')
    if not isinstance(answer, str):
        raise AnswersError(f'{path}, line {number}: "answer" must be a text')
    return Entry(match.strip(), answer)
