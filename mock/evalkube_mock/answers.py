"""Which answer belongs to a prompt: a book of (match, answer) pairs and its lookup. Reads a file when asked; no HTTP.

The match that *ends last* in the text wins, and of those that end together the longest: a prompt shows its few-shot
examples first and the real question last, and a question that contains another as its tail is the more specific one.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import orjson

__all__ = ["AnswerBook", "AnswersError", "Entry", "load"]


class AnswersError(ValueError):
    """The answers file cannot be used; the message says which line and why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """`answer` is given when `match` occurs in the last user message."""

    match: str
    answer: str


class AnswerBook:
    """An index over entries that looks only at the few whose rarest word the text has.

    A word that stands between two white spaces inside a match stands so in every text that contains the match, so a
    set intersection finds the candidates and only these are searched for. 1,319 entries searched one by one cost about
    a millisecond for a few-shot prompt; this costs some tens of microseconds. Matches without an inner word (one or
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
        """Give the answer for `text` (the last user message), or None when no match occurs in it."""
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
    """Read a JSONL file of {"match" or "question": text, "answer": text}. Other keys are ignored.

    Errors: AnswersError for a file that cannot be read, a line that is no such object, or an empty match.
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
