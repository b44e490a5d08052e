"""The lines of a run's reviews, read as the answers that two runs are compared by. Pure: bytes in, values out.

Lines are in the order in which they were written: of two lines for the same answer, the later one counts.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from evalkube_benchmarks.benchmark import Question

__all__ = ["Answered", "Key", "Reviews", "question_of"]

_EXCERPT = 200

Key = tuple[str, str, int]
"""A question: its subset, its id, and its number among those with the same text."""


def question_of(question: Question) -> dict[str, str]:
    """The identity of a line's question: its begin, and a key.

    The key is the same for every prompt, order of choices and position in a run.
    """
    said = [message.content for message in question.messages]
    identity = orjson.dumps([question.text, sorted(question.choices), said])
    return {"id": hashlib.sha256(identity).hexdigest()[:24], "text": question.text[:_EXCERPT]}


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer with its scores by metric; `main` is the name of the main one. `index` is that of its line."""

    subset: str
    question: str
    index: int
    repeat: int
    main: str
    values: Mapping[str, float]
    weights: Mapping[str, int]
    text: str
    target: str
    extracted: str | None


@dataclass(slots=True)
class Reviews:
    """The answers in the reviews of one subset, read in pieces of any size.

    `strange` counts lines that are no reviews.
    """

    subset: str
    strange: int = 0
    _rest: bytes = b""
    _known: dict[tuple[str, int, int], Answered] = field(default_factory=dict)

    def feed(self, piece: bytes) -> None:
        """Reads a piece of the file."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._read(line)

    def answers(self) -> dict[Key, list[Answered]]:
        """The answers to each question."""
        self._read(self._rest)
        self._rest = b""
        places: dict[str, set[int]] = {}
        for question, place, _ in self._known:
            places.setdefault(question, set()).add(place)
        numbers = {
            question: {place: at for at, place in enumerate(sorted(known))} for question, known in places.items()
        }
        found: dict[Key, list[Answered]] = {}
        for (question, place, _), answer in self._known.items():
            found.setdefault((self.subset, question, numbers[question][place]), []).append(answer)
        return found

    def _read(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            answer, place = _answered(self.subset, orjson.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            self.strange += 1
            return
        self._known[answer.question, place, answer.repeat] = answer


def _answered(subset: str, record: dict[str, Any]) -> tuple[Answered, int]:
    score, sample = record["sample_score"]["score"], record["sample_score"]
    values = {str(name): float(value) for name, value in score["value"].items()}
    if not all(0 <= value <= 1 for value in values.values()):
        raise ValueError("a score out of range")
    question, extracted = record.get("question"), score.get("extracted_prediction")
    if question is None:  # of an earlier version: the prompt must do
        prompt = [message["content"] for message in record["messages"][:-1]]
        question = {
            "id": hashlib.sha256(orjson.dumps(prompt)).hexdigest()[:24],
            "text": prompt[-1][-_EXCERPT:] if prompt and isinstance(prompt[-1], str) else "",
        }
    answer = Answered(
        subset=subset,
        question=str(question["id"]),
        index=int(record["index"]),
        repeat=int(sample["generation_index"]),
        main=str(score["main_score_name"]),
        values=values,
        weights={str(name): int(value) for name, value in (score.get("metadata") or {}).get("weights", {}).items()},
        text=str(question["text"]),
        target=str(record["target"]),
        extracted=None if extracted is None else str(extracted)[:_EXCERPT],
    )
    return answer, int(sample["group_id"])
